package workflows

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"starkeep/job"
)

func TestRestorePublishesOnlyWhatWasVerified(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env.ExecuteWorkflow(job.RestoreWorkflow, restoreRequest())
	require.NoError(t, w.env.GetWorkflowError())
	last := w.calls[len(w.calls)-3:]
	require.Equal(t, []string{job.VerifyShadowsActivity, job.PublishTablesActivity, job.ReleaseRestoreActivity}, last)
	require.Zero(t, w.count(job.ReplacePartitionsActivity), "nothing to replace, no point of no return")
	require.Equal(t, "ts", w.status(t).Timestamp)
}

func TestRowCountMismatchIsNeverPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failing(job.VerifyShadowsActivity, 1, finalError(job.RowCountMismatch))
	w.env.ExecuteWorkflow(job.RestoreWorkflow, restoreRequest())
	require.Error(t, w.env.GetWorkflowError())
	require.Zero(t, w.count(job.PublishTablesActivity))
	require.False(t, w.release[0].Committed)
}

func TestCancelStopsARestoreInEveryStageBeforePublish(t *testing.T) {
	t.Parallel()
	for stage, state := range map[string]string{
		job.BuildShadowsActivity: "SNAPSHOTING", job.DownloadTabletsActivity: "DOWNLOADING",
		job.VerifyShadowsActivity: "COMMIT", job.PublishTablesActivity: "COMMITTING",
	} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			w := stop(t, job.RestoreWorkflow, stage, func(w *world) { w.env.SignalWorkflow(job.CancelSignal, "") })
			require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()))
			require.False(t, w.release[0].Committed)
			require.Equal(t, "user cancelled, current state: "+state, w.status(t).Message)
		})
	}
}

func TestCancelAfterThePointOfNoReturnOnlyLeavesANote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.replacements = 1
	w.failing(job.ReplacePartitionsActivity, 3, passingError())
	w.env.ExecuteWorkflow(job.RestoreWorkflow, restoreRequest())
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, 4, w.count(job.ReplacePartitionsActivity))
	require.True(t, w.release[0].Committed)
}

func TestTemporalCancelAfterThePointOfNoReturnDoesNotHangAPausedJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.replacements = 1
	w.failing(job.ReplacePartitionsActivity, 8, passingError()) // blocked once
	w.env.RegisterDelayedCallback(func() {
		w.env.SignalWorkflow(job.PauseSignal, "wait")
		w.env.CancelWorkflow()
	}, 2*time.Minute)
	w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow(job.ResumeSignal, "") }, 3*time.Minute)
	w.env.ExecuteWorkflow(job.RestoreWorkflow, restoreRequest())
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, 9, w.count(job.ReplacePartitionsActivity))
	require.Contains(t, strings.Join(w.status(t).Notes, "\n"), "UserCancelled came after publishing had begun")
}

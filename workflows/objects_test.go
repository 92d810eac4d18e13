package workflows

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"starkeep/job"
)

// newGlobalWorld is a world of jobs of the cluster's own objects.
func newGlobalWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: job.WorkflowID("c", "")})
	return w
}

func TestJobsOfTheClusterItselfReadAndLoadNoRows(t *testing.T) {
	t.Parallel()
	for workflow, c := range map[string]struct {
		request any
		calls   []string
	}{
		job.BackupWorkflow: {job.BackupRequest{Cluster: "c", Label: "l", Repository: "repo"},
			[]string{job.PrepareBackupActivity, job.SaveIndexActivity, job.CommitManifestActivity, job.ReleaseBackupActivity}},
		job.RestoreWorkflow: {job.RestoreRequest{Cluster: "c", Label: "l", Repository: "repo"},
			[]string{job.PrepareRestoreActivity, job.PutObjectsActivity, job.ReleaseRestoreActivity}},
	} {
		t.Run(workflow, func(t *testing.T) {
			t.Parallel()
			w := newGlobalWorld(t)
			w.others = 2
			w.env.ExecuteWorkflow(workflow, c.request)
			require.NoError(t, w.env.GetWorkflowError())
			require.Equal(t, c.calls, w.calls)
			require.Equal(t, job.Finished, w.status(t).State)
		})
	}
}

func TestRestoreOfCatalogsCommitsRightBehindItsChecks(t *testing.T) {
	t.Parallel()
	w := newGlobalWorld(t)
	w.others = 1
	w.failing(job.PutObjectsActivity, 8, passingError()) // blocked once
	var seen job.Status
	w.env.RegisterDelayedCallback(func() {
		seen = w.status(t)
		w.env.SignalWorkflow(job.CancelSignal, "") // too late
		w.env.SignalWorkflow(job.ResumeSignal, "")
	}, 3*time.Minute)
	w.env.ExecuteWorkflow(job.RestoreWorkflow, job.RestoreRequest{Cluster: "c", Label: "l", Repository: "repo"})
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, job.Committing, seen.State)
	require.Equal(t, "store does not answer", seen.Paused)
}

func TestSecretsReachOnlyTheStagesThatNeedThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.others = 1
	secrets := job.Secrets{"catalog.lake.password": "x"}
	w.env.ExecuteWorkflow(job.RestoreWorkflow, restoreRequest(), secrets)
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, []job.Secrets{secrets, secrets}, w.secrets)
}

func TestViewsAreActivatedBehindEverythingThatSetsThemInactive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.replacements, w.others, w.activates = 1, 1, true
	w.env.ExecuteWorkflow(job.RestoreWorkflow, restoreRequest())
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, []string{job.PublishTablesActivity, job.ReplacePartitionsActivity, job.PutObjectsActivity, job.ActivateViewsActivity, job.ReleaseRestoreActivity},
		w.calls[len(w.calls)-5:])
	require.Contains(t, w.status(t).Notes, "1 materialized views are active: db.m")
}

func TestCancelWhileViewsAreActivatedComesTooLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.activates = true
	w.failing(job.ActivateViewsActivity, 9, passingError())
	w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow(job.CancelSignal, "") }, time.Minute)
	w.env.ExecuteWorkflow(job.RestoreWorkflow, restoreRequest())
	require.NoError(t, w.env.GetWorkflowError())
	require.True(t, w.release[0].Committed)
	require.Contains(t, strings.Join(w.status(t).Notes, "\n"), "UserCancelled came after publishing had begun")
}

// What fails for good is undone, as long as it can be; a cancel does the same.
func TestFailureInAnyStageReleasesTheRestore(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{job.PrepareRestoreActivity, job.BuildShadowsActivity, job.DownloadTabletsActivity, job.VerifyShadowsActivity,
		job.PublishTablesActivity, job.ReplacePartitionsActivity, job.PutObjectsActivity, job.ActivateViewsActivity} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.replacements, w.others, w.activates = 1, 1, true
			w.failing(stage, 1, finalError(job.Unsupported))
			w.env.ExecuteWorkflow(job.RestoreWorkflow, restoreRequest())
			var failed *temporal.ApplicationError
			require.ErrorAs(t, w.env.GetWorkflowError(), &failed)
			require.Equal(t, job.Unsupported, failed.Type())
			require.Equal(t, []job.ReleaseInput{{Ref: w.release[0].Ref, Admitted: stage != job.PrepareRestoreActivity}}, w.release)
			require.Equal(t, job.Cancelled, w.status(t).State)
		})
	}
}

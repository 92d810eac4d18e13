package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

var nightly = job.BackupRequest{Cluster: "c", Database: "d", Label: "nightly", Repository: "repo"}

// A schedule gives every run one input: without the time in it, the second night would find its label taken.
func TestEveryNightHasALabelOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	due := time.Date(2026, 11, 21, 2, 15, 0, 0, time.UTC)
	require.NoError(t, w.env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(dueAttribute.ValueSet(due))))
	w.env.ExecuteWorkflow(job.ScheduledBackup, nightly)
	require.NoError(t, w.env.GetWorkflowError())
	var s job.Status
	require.NoError(t, w.env.GetWorkflowResult(&s))
	require.Equal(t, job.Finished, s.State)
	require.Equal(t, "nightly_20261121_021500", s.Label)
}

// occupied runs a scheduled backup while another job holds the lock of the database for so long.
func occupied(t *testing.T, busy time.Duration) (w *world, waited time.Duration, err error) {
	t.Helper()
	w = newWorld(t)
	w.env.RegisterWorkflowWithOptions(func(ctx workflow.Context) error { return workflow.Sleep(ctx, busy) }, workflow.RegisterOptions{Name: "other"})
	w.env.RegisterWorkflowWithOptions(func(ctx workflow.Context) (time.Duration, error) {
		other := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: job.WorkflowID("c", "d")}), "other")
		if err := other.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
			return 0, err
		}
		began := workflow.Now(ctx)
		err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "scheduled"}), job.ScheduledBackup, nightly).Get(ctx, nil)
		return workflow.Now(ctx).Sub(began), err
	}, workflow.RegisterOptions{Name: "night"})
	w.env.ExecuteWorkflow("night")
	if err := w.env.GetWorkflowError(); err != nil {
		return w, 0, err
	}
	require.NoError(t, w.env.GetWorkflowResult(&waited))
	return w, waited, nil
}

func TestScheduledBackupWaitsForTheJobThatHasTheDatabase(t *testing.T) {
	t.Parallel()
	w, waited, err := occupied(t, 10*time.Minute)
	require.NoError(t, err)
	require.GreaterOrEqual(t, waited, 10*time.Minute)
	require.Less(t, waited, 12*time.Minute)
	require.Contains(t, w.calls, job.CommitManifestActivity)
}

func TestScheduledBackupSaysThatItWaitedInVain(t *testing.T) {
	t.Parallel()
	w, _, err := occupied(t, 48*time.Hour)
	require.ErrorContains(t, err, job.DatabaseBusy)
	require.ErrorContains(t, err, "was not made: for 1h0m0s another job was job/c/d")
	require.Empty(t, w.calls)
}

func TestFailureOfAScheduledBackupIsTheRunsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failing(job.PrepareBackupActivity, 1, finalError(job.LabelExists))
	w.env.ExecuteWorkflow(job.ScheduledBackup, nightly)
	require.ErrorContains(t, w.env.GetWorkflowError(), job.LabelExists)
}

func TestCancelOfAScheduledRunCancelsItsBackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failing(job.UploadTabletsActivity, 1000, passingError())
	w.env.RegisterDelayedCallback(w.env.CancelWorkflow, time.Minute)
	w.env.ExecuteWorkflow(job.ScheduledBackup, nightly)
	require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()), w.env.GetWorkflowError())
	require.Len(t, w.release, 1, "it ends before its backup has put everything back")
	require.False(t, w.release[0].Committed)
}

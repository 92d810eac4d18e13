package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"starkeep/job"
)

func TestEverythingIsReadByTheWorkerThatHoldsTheView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.view = true
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	require.NoError(t, w.env.GetWorkflowError())
	require.Len(t, w.views, 1)
	require.Equal(t, 5, w.count(job.UploadTabletsActivity))
	require.Equal(t, map[string]bool{"host-1 " + w.views[0]: true}, w.queues)
	require.Equal(t, "database", w.status(t).Consistency)
}

func TestLostViewIsOpenedAnewAndEverythingReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.view = true
	w.failing(job.UploadTabletsActivity, 1, finalError(job.ViewLost))
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	require.NoError(t, w.env.GetWorkflowError())
	require.Len(t, w.views, 2)
	require.NotEqual(t, w.views[0], w.views[1])
	require.Equal(t, 2, w.count(job.PinSnapshotActivity))
	s := w.status(t)
	require.Equal(t, job.Finished, s.State)
	require.Equal(t, int64(5), s.Progress.UnitsDone)
	require.Contains(t, s.Notes[0], "view 1 was lost")
}

func TestWorkerThatHeldTheViewDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.view = true
	dead := make(chan struct{})
	w.opened = func(n int) <-chan struct{} {
		if n > 1 {
			return nil
		}
		return dead
	}
	w.failing(job.UploadTabletsActivity, 5, passingError())
	w.env.RegisterDelayedCallback(func() { close(dead) }, 50*time.Millisecond) // no clock is skipped while a view is held
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	require.NoError(t, w.env.GetWorkflowError())
	require.Len(t, w.views, 2)
	require.Equal(t, job.Finished, w.status(t).State)
}

func TestViewThatCannotBeOpenedPausesTheJobWithTheReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.view = true
	w.failing(job.HoldViewActivity, opensAtOnce, passingError())
	seen := false
	w.env.RegisterDelayedCallback(func() {
		require.Equal(t, "store does not answer", w.status(t).Paused)
		seen = true
		w.env.SignalWorkflow(job.ResumeSignal, "")
	}, time.Minute)
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	require.NoError(t, w.env.GetWorkflowError())
	require.True(t, seen)
}

func TestDeniedViewFailsTheJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.view = true
	w.failing(job.HoldViewActivity, 1, finalError(job.MissingPrivilege))
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	var app *temporal.ApplicationError
	require.ErrorAs(t, w.env.GetWorkflowError(), &app)
	require.Equal(t, job.MissingPrivilege, app.Type())
	require.Equal(t, 1, w.count(job.ReleaseBackupActivity))
}

func TestCancelLetsTheViewGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.view = true
	for range 100 {
		w.failing(job.UploadTabletsActivity, 8, passingError()) // nothing gets on
	}
	var cancel func()
	cancel = func() {
		if w.count(job.UploadTabletsActivity) == 0 { // the view is not open yet
			w.env.RegisterDelayedCallback(cancel, 100*time.Millisecond)
			return
		}
		w.env.SignalWorkflow(job.CancelSignal, "")
	}
	w.env.RegisterDelayedCallback(cancel, 100*time.Millisecond)
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()), "%v", w.env.GetWorkflowError())
	require.Len(t, w.views, 1)
	require.Equal(t, 1, w.count(job.ReleaseBackupActivity))
}

func TestObjectsComeAfterTheTablesAndNoCancelStopsThemHalfway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.others = 2
	w.failing(job.PutObjectsActivity, 8, passingError())
	w.env.RegisterDelayedCallback(func() {
		require.NotEmpty(t, w.status(t).Paused)
		w.env.SignalWorkflow(job.CancelSignal, "")
		w.env.SignalWorkflow(job.ResumeSignal, "")
	}, 4*time.Minute)
	w.env.ExecuteWorkflow(job.RestoreWorkflow, restoreRequest())
	require.NoError(t, w.env.GetWorkflowError())
	s := w.status(t)
	require.Equal(t, job.Finished, s.State)
	require.Contains(t, s.Notes, "view v: no definer")
	require.Equal(t, 9, w.count(job.PutObjectsActivity))
}

package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"starkeep/job"
)

func TestBackupPassesThroughTheNativeStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	require.NoError(t, w.env.GetWorkflowError())
	var s job.Status
	require.NoError(t, w.env.GetWorkflowResult(&s))
	require.Equal(t, job.Finished, s.State)
	require.Equal(t, "OK", s.Code)
	require.Equal(t, "database", s.Consistency)
	require.Equal(t, int64(5), s.Progress.UnitsDone)
	require.Equal(t, int64(50), s.Progress.Rows)
	require.Equal(t, 5, w.count(job.UploadTabletsActivity))
	require.Equal(t, 1, w.count(job.CommitManifestActivity))
	require.True(t, w.release[0].Committed)
	require.Equal(t, int64(7), w.release[0].Ref.RepositoryID, "every stage must use the repository that prepare saw")
	require.False(t, s.SnapshotFinished.IsZero())
	require.False(t, s.UploadFinished.IsZero())
}

func TestPartitionsThatMoveAreReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.moved = 2
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, 6, w.count(job.UploadTabletsActivity))
	require.Equal(t, 2, w.count(job.CheckSnapshotActivity))
}

func TestEveryFinalFailureReleasesAndSaysWhy(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{
		job.PrepareBackupActivity, job.PinSnapshotActivity, job.UploadTabletsActivity, job.CheckSnapshotActivity,
		job.SaveIndexActivity, job.CommitManifestActivity,
	} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.failing(stage, 1, finalError(job.DamagedSnapshot))
			w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
			var app *temporal.ApplicationError
			require.ErrorAs(t, w.env.GetWorkflowError(), &app)
			require.Equal(t, job.DamagedSnapshot, app.Type())
			require.Equal(t, 1, w.count(job.ReleaseBackupActivity))
			require.False(t, w.release[0].Committed)
			s := w.status(t)
			require.Equal(t, job.Cancelled, s.State)
			require.Equal(t, "it is so", s.Message)
			require.Equal(t, "BAD_FILE", s.Code)
		})
	}
}

func TestUnreachableStorePausesTheJobInsteadOfFailingIt(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{job.PinSnapshotActivity, job.UploadTabletsActivity, job.SaveIndexActivity, job.CommitManifestActivity} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			attempts := 8
			if stage == job.UploadTabletsActivity {
				attempts *= 5 // of every batch
			}
			w.failing(stage, attempts, passingError())
			seen := false
			w.env.RegisterDelayedCallback(func() {
				s := w.status(t)
				require.Equal(t, "store does not answer", s.Paused)
				seen = true
				w.env.SignalWorkflow(job.ResumeSignal, "")
			}, 4*time.Minute)
			w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
			require.NoError(t, w.env.GetWorkflowError())
			require.True(t, seen)
			require.Empty(t, w.status(t).Paused)
		})
	}
}

func TestBlockedJobLooksAgainByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failing(job.SaveIndexActivity, 16, passingError())
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, 17, w.count(job.SaveIndexActivity))
}

func TestUnreachableClusterIsToldAtOnceBeforeAnythingChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failing(job.PrepareBackupActivity, 4, temporal.NewApplicationError("cluster unreachable", job.ClusterUnreachable))
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	var app *temporal.ApplicationError
	require.ErrorAs(t, w.env.GetWorkflowError(), &app)
	require.Equal(t, job.ClusterUnreachable, app.Type())
	require.Zero(t, w.count(job.PinSnapshotActivity))
}

// stop cancels a job while a stage fails again and again, which holds it in that stage on the environment's clock.
func stop(t *testing.T, workflow, stage string, how func(*world)) *world {
	t.Helper()
	w := newWorld(t)
	w.failing(stage, 1000, passingError())
	w.env.RegisterDelayedCallback(func() { how(w) }, time.Minute)
	if workflow == job.BackupWorkflow {
		w.env.ExecuteWorkflow(workflow, backupRequest())
	} else {
		w.env.ExecuteWorkflow(workflow, restoreRequest())
	}
	return w
}

func TestCancelStopsABackupInEveryStage(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{job.PinSnapshotActivity, job.UploadTabletsActivity, job.CheckSnapshotActivity, job.SaveIndexActivity, job.CommitManifestActivity} {
		for name, how := range map[string]func(*world){
			"signal":   func(w *world) { w.env.SignalWorkflow(job.CancelSignal, "enough") },
			"temporal": func(w *world) { w.env.CancelWorkflow() },
		} {
			t.Run(stage+" by "+name, func(t *testing.T) {
				t.Parallel()
				w := stop(t, job.BackupWorkflow, stage, how)
				require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()), "%v", w.env.GetWorkflowError())
				require.Equal(t, 1, w.count(job.ReleaseBackupActivity))
				require.False(t, w.release[0].Committed)
				s := w.status(t)
				require.Equal(t, job.Cancelled, s.State)
				require.Equal(t, "COMMON_ERROR", s.Code)
				require.Equal(t, "user cancelled", s.Message)
			})
		}
	}
}

func TestTimeoutEndsTheJobWithItsNativeStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failing(job.UploadTabletsActivity, 100000, passingError())
	req := backupRequest()
	req.TimeoutSeconds = 3600
	w.env.ExecuteWorkflow(job.BackupWorkflow, req)
	var app *temporal.ApplicationError
	require.ErrorAs(t, w.env.GetWorkflowError(), &app)
	require.Equal(t, job.Timeout, app.Type())
	s := w.status(t)
	require.Equal(t, "TIMEOUT", s.Code)
	require.Empty(t, s.Message)
	require.Equal(t, 1, w.count(job.ReleaseBackupActivity))
}

func TestPauseHoldsTheNextStageUntilResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow(job.PauseSignal, "maintenance") }, 0)
	var before int
	w.env.RegisterDelayedCallback(func() {
		require.Equal(t, "maintenance", w.status(t).Paused)
		before = w.count(job.UploadTabletsActivity)
		require.Less(t, before, 5)
		w.env.SignalWorkflow(job.ResumeSignal, "")
	}, 5*time.Hour)
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, 5, w.count(job.UploadTabletsActivity))
}

func TestPausedJobCanBeCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow(job.PauseSignal, "") }, 0)
	w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow(job.CancelSignal, "") }, time.Hour)
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()))
}

func TestReleaseThatFailsIsRepeatedAndNeverHidesTheFirstError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failing(job.PinSnapshotActivity, 1, finalError(job.UnknownTable))
	w.failing(job.ReleaseBackupActivity, 1, finalError(job.StoreDenied))
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	var app *temporal.ApplicationError
	require.ErrorAs(t, w.env.GetWorkflowError(), &app)
	require.Equal(t, job.UnknownTable, app.Type())
	require.Contains(t, w.status(t).Notes, "release: it is so")
}

func TestWhoeverWaitsForAdmissionDoesNotWaitADayForTheRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failing(job.PrepareBackupActivity, 1, finalError(job.UnknownDatabase))
	w.failing(job.ReleaseBackupActivity, 100, passingError())
	a := &answer{}
	w.env.RegisterDelayedCallback(func() { w.env.UpdateWorkflow(job.AdmittedUpdate, "", a.callback()) }, 0)
	begin := w.env.Now()
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	require.ErrorContains(t, a.failed, "it is so")
	require.Less(t, w.env.Now().Sub(begin), 2*time.Minute, "nor is the database locked for a day")
}

func TestFirstErrorSurvivesACancelDuringTheRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failing(job.PinSnapshotActivity, 1, finalError(job.DamagedSnapshot))
	w.failing(job.ReleaseBackupActivity, 3, passingError())
	w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow(job.CancelSignal, "") }, 2*time.Second)
	w.env.ExecuteWorkflow(job.BackupWorkflow, backupRequest())
	var app *temporal.ApplicationError
	require.ErrorAs(t, w.env.GetWorkflowError(), &app)
	require.Equal(t, job.DamagedSnapshot, app.Type())
}

func TestPageThatIsBlockedForADayDoesNotFloodItsParent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plan = job.Plan{Name: "r1-a", Round: 1, Batches: []int{100}, Total: job.Progress{Units: 100}}
	w.failing(job.UploadTabletsActivity, 100000, passingError())
	reports := 0
	w.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, job.ProgressSignal, mock.Anything).
		Return(func(string, string, string, string, any) error { reports++; return nil }).Maybe()
	req := backupRequest()
	req.TimeoutSeconds = 86400
	w.env.ExecuteWorkflow(job.BackupWorkflow, req)
	require.Error(t, w.env.GetWorkflowError())
	require.Less(t, reports, 200)
}

// A job started by hand under an id of its own would not meet the one that works on the same database.
func TestJobThatDoesNotHoldTheLockIsRefused(t *testing.T) {
	t.Parallel()
	for workflow, request := range map[string]any{job.BackupWorkflow: backupRequest(), job.RestoreWorkflow: restoreRequest()} {
		w := newWorld(t)
		w.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "restore-on-friday"})
		w.env.ExecuteWorkflow(workflow, request)
		var app *temporal.ApplicationError
		require.ErrorAs(t, w.env.GetWorkflowError(), &app)
		require.Equal(t, job.InvalidRequest, app.Type())
		require.Contains(t, app.Message(), `start it as "job/c/db"`)
		require.Empty(t, w.calls)
	}
}

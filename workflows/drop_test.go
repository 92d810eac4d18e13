package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// droppingWorld has the activities of DROP SNAPSHOT; it notes what they were asked, and when.
func droppingWorld(t *testing.T, grace time.Duration) (w *world, drops *[]job.DropInput, sweeps *[]time.Time) {
	t.Helper()
	w, drops, sweeps = newWorld(t), &[]job.DropInput{}, &[]time.Time{}
	w.env.RegisterActivityWithOptions(func(_ context.Context, in job.DropInput) (job.Dropped, error) {
		*drops = append(*drops, in)
		return job.Dropped{RepositoryID: 7, Timestamps: []string{"ts"}, Objects: 3, Grace: grace}, w.call(job.DropSnapshotActivity)
	}, activity.RegisterOptions{Name: job.DropSnapshotActivity})
	w.env.RegisterActivityWithOptions(func(_ context.Context, in job.SweepInput) (job.Swept, error) {
		require.Equal(t, (*drops)[0].Job, in.Job)
		require.EqualValues(t, 7, in.RepositoryID)
		*sweeps = append(*sweeps, w.env.Now())
		return job.Swept{}, w.call(job.SweepDroppedActivity)
	}, activity.RegisterOptions{Name: job.SweepDroppedActivity})
	return w, drops, sweeps
}

func TestDropLeavesItsSweepToAChild(t *testing.T) {
	t.Parallel()
	w, drops, sweeps := droppingWorld(t, 24*time.Hour)
	began := w.env.Now()
	w.env.ExecuteWorkflow(job.DropWorkflow, job.DropRequest{Cluster: "c", Repository: "repo", Label: "l"})
	require.NoError(t, w.env.GetWorkflowError())
	var out job.Dropped
	require.NoError(t, w.env.GetWorkflowResult(&out))
	require.Equal(t, job.Dropped{RepositoryID: 7, Timestamps: []string{"ts"}, Objects: 3, Grace: 24 * time.Hour}, out)
	require.Len(t, *drops, 1)
	for _, at := range *sweeps { // here, unlike on a server, the answer may come behind the end of the child
		require.GreaterOrEqual(t, at.Sub(began), 24*time.Hour)
	}
}

func TestRefusedDropSweepsNothing(t *testing.T) {
	t.Parallel()
	w, _, sweeps := droppingWorld(t, 0)
	w.failing(job.DropSnapshotActivity, 1, finalError(job.SnapshotInUse))
	w.env.ExecuteWorkflow(job.DropWorkflow, job.DropRequest{Cluster: "c", Repository: "repo", Label: "l"})
	require.ErrorContains(t, w.env.GetWorkflowError(), job.SnapshotInUse)
	require.Empty(t, *sweeps)
}

func TestSweepWaitsForTheGraceAndForJobsAtWork(t *testing.T) {
	t.Parallel()
	w, drops, sweeps := droppingWorld(t, 0)
	*drops = append(*drops, job.DropInput{Job: "drop"})
	w.failing(job.SweepDroppedActivity, 9, passingError())
	began := w.env.Now()
	w.env.ExecuteWorkflow(job.SweepWorkflow, job.SweepInput{Job: "drop", Repository: "repo", RepositoryID: 7, Label: "l", Grace: 24 * time.Hour})
	require.NoError(t, w.env.GetWorkflowError())
	require.Len(t, *sweeps, 10)
	require.GreaterOrEqual(t, (*sweeps)[0].Sub(began), 24*time.Hour)
	require.Greater(t, (*sweeps)[9].Sub(began), 26*time.Hour, "it asks less and less often")
}

func TestSnapshotWithATimeToLiveIsDroppedWhenItHasPassed(t *testing.T) {
	t.Parallel()
	w, drops, _ := droppingWorld(t, time.Hour)
	w.failing(job.DropSnapshotActivity, 2, passingError())
	began := w.env.Now()
	req := job.DropRequest{Cluster: "c", Repository: "repo", RepositoryID: 7, Label: "l", Timestamp: "ts", Expires: began.Add(7 * 24 * time.Hour)}
	w.env.ExecuteWorkflow(job.DropWorkflow, req)
	require.NoError(t, w.env.GetWorkflowError())
	require.Len(t, *drops, 3)
	require.GreaterOrEqual(t, w.env.Now().Sub(began), 7*24*time.Hour)
	got := (*drops)[0].Request
	require.True(t, req.Expires.Equal(got.Expires))
	got.Expires = req.Expires
	require.Equal(t, req, got)
}

func TestBackupWithATimeToLiveBeginsItsEnd(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{false, true} {
		w, drops, _ := droppingWorld(t, time.Hour)
		if fails {
			w.failing(job.CommitManifestActivity, 1, finalError(job.DamagedSnapshot))
		}
		begun := 0
		w.env.OnWorkflow(job.DropWorkflow, mock.Anything, mock.Anything).Return(func(_ workflow.Context, req job.DropRequest) (job.Dropped, error) {
			begun++
			require.Equal(t, "nightly", req.Label)
			require.Equal(t, "repo", req.Repository)
			require.EqualValues(t, 7, req.RepositoryID)
			require.NotEmpty(t, req.Timestamp)
			require.InDelta(t, 7*24, req.Expires.Sub(w.env.Now()).Hours(), 1)
			return job.Dropped{}, nil
		}).Maybe()
		req := backupRequest()
		req.TTL = "7 DAY"
		w.env.ExecuteWorkflow(job.BackupWorkflow, req)
		require.Equal(t, fails, w.env.GetWorkflowError() != nil)
		require.Equal(t, !fails, begun == 1, "a backup that failed left nothing to end")
		require.Empty(t, *drops)
	}
}

package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// answer collects what an update says.
type answer struct {
	rejected, failed error
	done             bool
}

func (a *answer) callback() *testsuite.TestUpdateCallback {
	return &testsuite.TestUpdateCallback{
		OnAccept:   func() {},
		OnReject:   func(err error) { a.rejected = err },
		OnComplete: func(_ any, err error) { a.failed, a.done = err, true },
	}
}

func newRegistry(t *testing.T, check error, users ...string) (*world, func(at time.Duration, update string, arg any) *answer) {
	t.Helper()
	w := newWorld(t)
	w.env.RegisterActivityWithOptions(func(context.Context, job.SealedRepository) error { return check },
		activity.RegisterOptions{Name: job.CheckRepositoryActivity})
	w.env.RegisterActivityWithOptions(func(context.Context, string) ([]string, error) { return users, nil },
		activity.RegisterOptions{Name: job.RepositoryUsersActivity})
	return w, func(at time.Duration, update string, arg any) *answer {
		a := &answer{}
		w.env.RegisterDelayedCallback(func() { w.env.UpdateWorkflow(update, "", a.callback(), arg) }, at)
		return a
	}
}

func (w *world) endRegistry(t *testing.T, at time.Duration) RegistryState {
	t.Helper()
	w.env.RegisterDelayedCallback(func() {
		w.env.SetContinueAsNewSuggested(true)
		w.env.SignalWorkflow("wake", nil)
	}, at)
	w.env.ExecuteWorkflow(job.RepositoryRegistry, RegistryState{})
	var can *workflow.ContinueAsNewError
	require.ErrorAs(t, w.env.GetWorkflowError(), &can)
	var s RegistryState
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(can.Input, &s))
	return s
}

func TestRegistryRemembersAcrossContinueAsNew(t *testing.T) {
	t.Parallel()
	w, update := newRegistry(t, nil)
	a := update(time.Second, job.CreateUpdate, job.CreateRepository{Name: "repo", Location: "file:///r", Properties: map[string]string{"k": "v"}})
	s := w.endRegistry(t, time.Minute)
	require.True(t, a.done)
	require.NoError(t, a.failed)
	require.Len(t, s.Repositories, 1)
	require.Equal(t, "v", s.Repositories[0].Properties["k"])
	require.NotZero(t, s.Repositories[0].ID)
}

func TestBadRepositoryIsRejectedAndLeavesNoHalfMadeOne(t *testing.T) {
	t.Parallel()
	w, update := newRegistry(t, finalError(job.StoreDenied))
	name := update(time.Second, job.CreateUpdate, job.CreateRepository{Name: "../x", Location: "file:///r"})
	location := update(time.Second, job.CreateUpdate, job.CreateRepository{Name: "repo"})
	store := update(time.Second, job.CreateUpdate, job.CreateRepository{Name: "repo", Location: "file:///r"})
	s := w.endRegistry(t, time.Hour)
	require.ErrorContains(t, name.rejected, "Incorrect repository name '../x'")
	require.ErrorContains(t, location.rejected, "You must specify a location")
	require.ErrorContains(t, store.failed, "Failed to create repository: it is so")
	require.Empty(t, s.Repositories)
}

func TestTwoCreatesOfOneNameMakeOneRepository(t *testing.T) {
	t.Parallel()
	w, update := newRegistry(t, nil)
	in := job.CreateRepository{Name: "repo", Location: "file:///r"}
	a, b := update(time.Second, job.CreateUpdate, in), update(time.Second, job.CreateUpdate, in)
	s := w.endRegistry(t, time.Hour)
	require.NoError(t, a.failed)
	require.ErrorContains(t, b.failed, "repository with same name already exist: repo")
	require.Len(t, s.Repositories, 1)
}

func TestRepositoryInUseIsNotDropped(t *testing.T) {
	t.Parallel()
	w, update := newRegistry(t, nil, "job/c/db")
	update(time.Second, job.CreateUpdate, job.CreateRepository{Name: "repo", Location: "file:///r"})
	d := update(time.Minute, job.DropUpdate, job.DropRepository{Name: "repo"})
	unknown := update(time.Minute, job.DropUpdate, job.DropRepository{Name: "other"})
	s := w.endRegistry(t, time.Hour)
	require.ErrorContains(t, d.failed, "Backup or restore job is running on this repository")
	require.ErrorContains(t, unknown.rejected, "Repository does not exist: other")
	require.Len(t, s.Repositories, 1)
}

func TestDroppedNameGetsANewID(t *testing.T) {
	t.Parallel()
	w, update := newRegistry(t, nil)
	in := job.CreateRepository{Name: "repo", Location: "file:///r"}
	var first int64
	update(time.Second, job.CreateUpdate, in)
	w.env.RegisterDelayedCallback(func() {
		v, err := w.env.QueryWorkflow(job.RepositoryQuery, "repo")
		require.NoError(t, err)
		var r job.SealedRepository
		require.NoError(t, v.Get(&r))
		first = r.ID
	}, 30*time.Second)
	update(time.Minute, job.DropUpdate, job.DropRepository{Name: "repo"})
	update(time.Hour, job.CreateUpdate, in)
	s := w.endRegistry(t, 2*time.Hour)
	require.NotZero(t, first)
	require.NotEqual(t, first, s.Repositories[0].ID)
}

package workflows

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"starkeep/job"
)

// world stands in for the activities: it records what was called, and fails where a test says so.
type world struct {
	mu           sync.Mutex
	calls        []string
	fails        map[string][]error // errors that the next calls of an activity return, in order
	moved        int                // read rounds after which CheckSnapshot is content
	env          *testsuite.TestWorkflowEnvironment
	plan         job.Plan
	release      []job.ReleaseInput
	replacements int
	view         bool     // rows are read from a view
	views        []string // ids of the views that were opened
	opened       func(n int) (lost <-chan struct{})
	queues       map[string]bool // task queues that uploads came by
	others       int
	activates    bool
	secrets      []job.Secrets // that activities were given, in order
}

func newWorld(t *testing.T) *world {
	t.Helper()
	var s testsuite.WorkflowTestSuite
	s.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	w := &world{env: s.NewTestWorkflowEnvironment(), fails: map[string][]error{}, moved: 1, queues: map[string]bool{},
		plan: job.Plan{Name: "r1-a", Round: 1, Batches: []int{3, 2}, Total: job.Progress{Units: 5}}}
	w.env.SetTestTimeout(20 * time.Second)
	w.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: job.WorkflowID("c", "db")})
	Register(w.env)
	add := func(name string, f any) { w.env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name}) }
	add(job.PrepareBackupActivity, func(context.Context, job.PrepareBackupInput) (job.PrepareBackupOutput, error) {
		return job.PrepareBackupOutput{RepositoryID: 7, Objects: "[db.t]", Tables: 1, View: w.view}, w.call(job.PrepareBackupActivity)
	})
	add(job.HoldViewActivity, w.hold)
	add(job.PinSnapshotActivity, func(_ context.Context, in job.StageInput) (job.Plan, error) {
		plan := w.plan
		if in.Round > 0 {
			plan.Round, plan.Name = in.Round, fmt.Sprintf("r%d", in.Round)
		}
		return plan, w.call(job.PinSnapshotActivity)
	})
	add(job.CheckSnapshotActivity, func(_ context.Context, in job.CheckSnapshotInput) (job.Plan, error) {
		if in.Round >= w.moved {
			return job.Plan{Consistency: "database"}, w.call(job.CheckSnapshotActivity)
		}
		return job.Plan{Name: "r2-b", Round: in.Round + 1, Batches: []int{1}, Total: job.Progress{Units: 1}}, w.call(job.CheckSnapshotActivity)
	})
	for _, name := range []string{job.UploadTabletsActivity, job.DownloadTabletsActivity} {
		add(name, func(ctx context.Context, b job.Batch) (job.Progress, error) {
			w.mu.Lock()
			w.queues[activity.GetInfo(ctx).TaskQueue+" "+b.View] = true
			w.mu.Unlock()
			return job.Progress{UnitsDone: 1, Rows: 10, Stored: 100}, w.call(name)
		})
	}
	add(job.SaveIndexActivity, func(context.Context, job.StageInput) (job.SaveIndexOutput, error) {
		return job.SaveIndexOutput{}, w.call(job.SaveIndexActivity)
	})
	add(job.PrepareRestoreActivity, func(_ context.Context, _ job.PrepareRestoreInput, s job.Secrets) (job.PrepareRestoreOutput, error) {
		w.secrets = append(w.secrets, s)
		return job.PrepareRestoreOutput{RepositoryID: 7, Timestamp: "ts", Replacements: w.replacements, Others: w.others, Activates: w.activates},
			w.call(job.PrepareRestoreActivity)
	})
	add(job.ActivateViewsActivity, func(context.Context, job.StageInput) (job.ActivateViewsOutput, error) {
		return job.ActivateViewsOutput{Notes: []string{"1 materialized views are active: db.m"}}, w.call(job.ActivateViewsActivity)
	})
	add(job.BuildShadowsActivity, func(context.Context, job.StageInput) (job.Plan, error) {
		return w.plan, w.call(job.BuildShadowsActivity)
	})
	for _, name := range []string{job.CommitManifestActivity, job.PublishTablesActivity, job.ReplacePartitionsActivity} {
		add(name, func(context.Context, job.StageInput) error { return w.call(name) })
	}
	add(job.VerifyShadowsActivity, func(context.Context, job.StageInput) (job.VerifyShadowsOutput, error) {
		return job.VerifyShadowsOutput{Notes: []string{"grants of t could not be read"}}, w.call(job.VerifyShadowsActivity)
	})
	add(job.PutObjectsActivity, func(_ context.Context, _ job.StageInput, s job.Secrets) (job.PutObjectsOutput, error) {
		w.secrets = append(w.secrets, s)
		return job.PutObjectsOutput{Notes: []string{"view v: no definer"}}, w.call(job.PutObjectsActivity)
	})
	for _, name := range []string{job.ReleaseBackupActivity, job.ReleaseRestoreActivity} {
		add(name, func(_ context.Context, in job.ReleaseInput) (job.ReleaseOutput, error) {
			w.release = append(w.release, in)
			return job.ReleaseOutput{}, w.call(name)
		})
	}
	return w
}

// hold stands in for a worker that holds a view until it is cancelled, or until the test loses it.
func (w *world) hold(ctx context.Context, in job.HoldViewInput) error {
	if err := w.call(job.HoldViewActivity); err != nil {
		return err
	}
	w.mu.Lock()
	w.views = append(w.views, in.View)
	n := len(w.views)
	w.mu.Unlock()
	var lost <-chan struct{}
	if w.opened != nil {
		lost = w.opened(n)
	}
	w.env.SignalWorkflow(job.ViewSignal, job.ViewRef{ID: in.View, Queue: fmt.Sprintf("host-%d", n)})
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-lost:
			return finalError(job.ViewLost)
		case <-time.After(5 * time.Millisecond): // the test environment hears of a cancel by the answer to a heartbeat
			activity.RecordHeartbeat(ctx)
		}
	}
}

// call records a call and returns the error that a test planned for it.
func (w *world) call(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, name)
	if f := w.fails[name]; len(f) > 0 {
		w.fails[name] = f[1:]
		return f[0]
	}
	return nil
}

func (w *world) count(name string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if c == name {
			n++
		}
	}
	return n
}

// failing plans the same error for the next n calls.
func (w *world) failing(name string, n int, err error) {
	for range n {
		w.fails[name] = append(w.fails[name], err)
	}
}

func (w *world) status(t *testing.T) job.Status {
	t.Helper()
	v, err := w.env.QueryWorkflow(job.StatusQuery)
	require.NoError(t, err)
	var s job.Status
	require.NoError(t, v.Get(&s))
	return s
}

func finalError(kind string) error {
	return temporal.NewNonRetryableApplicationError("it is so", kind, nil)
}

func passingError() error {
	return temporal.NewApplicationError("store does not answer", job.StoreUnreachable)
}

func backupRequest() job.BackupRequest {
	return job.BackupRequest{Cluster: "c", Database: "db", Label: "nightly", Repository: "repo"}
}

func restoreRequest() job.RestoreRequest {
	return job.RestoreRequest{Cluster: "c", Database: "db", Label: "nightly", Repository: "repo"}
}

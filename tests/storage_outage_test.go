package tests

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"starkeep/job"
	"starkeep/sandbox/fault"
	"starkeep/tests/server/hadoop"
	"starkeep/tests/server/minio"
)

// outage is a store that a test takes away and gives back.
type outage struct {
	kill, restart func(t testing.TB)
}

func TestStoreKilledInTheMiddleLosesNothing(t *testing.T) {
	t.Parallel()
	s := minio.Start(t, minio.Options{})
	w := newWorld(t)
	w.outlives(withKeys(t, s), outage{s.Kill, s.Restart})
}

// One server has to do for both, since it takes long to start.
func TestHDFS(t *testing.T) {
	t.Parallel()
	s := hadoop.Shared(t)
	t.Run("dropped database comes back", func(t *testing.T) { newWorld(t).comesBack(asUser(t, s)) })
	t.Run("data node killed in the middle loses nothing", func(t *testing.T) {
		newWorld(t).outlives(asUser(t, s), outage{
			kill:    func(t testing.TB) { s.KillDataNode(t, 0) },
			restart: func(t testing.TB) { s.RunDataNode(t, 0) },
		})
	})
}

// outlives takes the store away in the middle of a backup and in the middle of a restore: both have to finish by
// themselves, with equal rows.
func (w *world) outlives(p place, o outage) {
	w.t.Helper()
	w.shop(2000)
	before := w.proveAll("shop")
	w.sql(p.create("REPOSITORY", "repo"))
	w.during(fault.SQL, "`orders` PARTITION", "BACKUP DATABASE shop SNAPSHOT nightly TO repo", o)
	w.exec("DELETE FROM shop.orders WHERE id < 1000", "DROP TABLE shop.people FORCE")
	w.during(fault.HTTP, "_stream_load", "RESTORE SNAPSHOT nightly FROM repo DATABASE shop", o)
	require.Equal(w.t, before, w.proveAll("shop"))
	require.Len(w.t, w.tables("shop"), len(before), "nothing of the job is left")
}

// during begins a job on the database shop, holds it where it asks the cluster for something, takes the store away until
// the job has felt it, and gives it back.
func (w *world) during(kind fault.Kind, text, statement string, o outage) {
	w.t.Helper()
	w.fault(fault.Rule{Kind: kind, Contains: text, Count: 2, Action: fault.Delay, Delay: fault.Duration(2 * time.Second)})
	w.begin(statement)
	w.awaitHit(text, 1)
	o.kill(w.t)
	w.awaitFailed("shop", job.StoreUnreachable)
	o.restart(w.t)
	w.awaitEnd("shop")
}

// awaitFailed waits until an activity of a database's job, or of its transfers, has failed in a way and will run again.
func (w *world) awaitFailed(database, kind string) {
	w.t.Helper()
	w.await(kind, func() bool {
		all := w.describe(job.WorkflowID("default", database), "")
		if all == nil {
			return false
		}
		pending := all.PendingActivities
		for _, c := range all.PendingChildren {
			if child := w.describe(c.WorkflowId, c.RunId); child != nil {
				pending = append(pending, child.PendingActivities...)
			}
		}
		for _, a := range pending {
			if a.LastFailure.GetApplicationFailureInfo().GetType() == kind {
				return true
			}
		}
		return false
	})
}

// describe is what the server knows of a workflow; nil when it does not answer.
func (w *world) describe(id, run string) *workflowservice.DescribeWorkflowExecutionResponse {
	d, err := w.client.DescribeWorkflowExecution(context.Background(), id, run)
	if err != nil {
		return nil
	}
	return d
}

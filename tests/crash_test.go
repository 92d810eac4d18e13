package tests

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/job"
	"starkeep/sandbox/fault"
)

// begin starts a job and does not wait for its end.
func (w *world) begin(statement string) {
	w.t.Helper()
	r := w.starter("sql", "-e", statement)
	require.Zero(w.t, r.code, "%s\n%s%s", statement, r.out, r.err)
}

// awaitEnd waits for a job's end and requires success.
func (w *world) awaitEnd(database string) {
	w.t.Helper()
	s := w.awaitJob(database, "the end of the job", func(s job.Status) bool { return s.State.Final() })
	require.Equal(w.t, job.Finished, s.State, "%+v", s)
}

// awaitHit waits until the cluster was asked something.
func (w *world) awaitHit(text string, n int) {
	w.t.Helper()
	w.await(text, func() bool { return w.asked(text) >= n })
}

// slow delays every statement that contains a text, so that the test can act in its middle.
func (w *world) slow(kind fault.Kind, text string, d time.Duration) {
	w.t.Helper()
	w.fault(fault.Rule{Kind: kind, Contains: text, Count: -1, Action: fault.Delay, Delay: fault.Duration(d)})
}

func TestWorkerKilledDuringUploadLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(2000)
	w.createRepository()
	before := w.proveAll("shop")
	w.slow(fault.SQL, "`orders` PARTITION", 2*time.Second)
	w.begin("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.awaitHit("`orders` PARTITION", 1)
	w.killWorker()
	w.startWorker()
	w.awaitEnd("shop")
	w.exec("DROP DATABASE shop FORCE")
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")
	require.Equal(t, before, w.proveAll("shop"))
	require.Empty(t, jobFolders(t, w))
}

func TestWorkerKilledDuringDownloadLoadsNothingTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(2000)
	w.createRepository()
	before := w.proveAll("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.exec("DELETE FROM shop.orders WHERE id < 1000")
	w.slow(fault.HTTP, "_stream_load", time.Second)
	w.begin("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")
	w.awaitHit("_stream_load", 2)
	w.killWorker()
	w.startWorker()
	w.awaitEnd("shop")
	require.Equal(t, before, w.proveAll("shop"))
}

func TestWorkerKilledBetweenTwoPublishesSwapsNothingBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(500)
	w.createRepository()
	before := w.proveAll("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.exec("DELETE FROM shop.orders WHERE id < 100", "TRUNCATE TABLE shop.people")
	// The third swap is done, but its answer comes late: the worker dies not knowing.
	w.fault(fault.Rule{Kind: fault.SQL, Contains: "SWAP WITH", Nth: 3, Action: fault.CutAfter})
	w.fault(fault.Rule{Kind: fault.SQL, Contains: "SWAP WITH", Nth: 4, Count: -1, Action: fault.Delay, Delay: fault.Duration(2 * time.Second)})
	w.begin("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")
	w.awaitHit("SWAP WITH", 4)
	w.killWorker()
	w.startWorker()
	w.awaitEnd("shop")
	require.Equal(t, before, w.proveAll("shop"))
	require.Len(t, w.tables("shop"), len(before), "nothing of the job is left")
}

func TestTemporalServerKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ownTemporal)
	w.shop(2000)
	w.createRepository()
	before := w.proveAll("shop")
	w.slow(fault.SQL, "`orders` PARTITION", time.Second)
	w.begin("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.awaitHit("`orders` PARTITION", 1)
	w.temporal.Restart(t)
	w.awaitEnd("shop")
	w.exec("DROP DATABASE shop FORCE")
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")
	require.Equal(t, before, w.proveAll("shop"))
}

func TestStoppedWorkerLetsItsTransferEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(1000)
	w.createRepository()
	before := w.proveAll("shop")
	w.slow(fault.SQL, "`orders` PARTITION", time.Second)
	w.begin("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.awaitHit("`orders` PARTITION", 1)
	require.NoError(t, w.worker.cmd.Process.Signal(syscall.SIGTERM))
	<-w.worker.done
	require.Zero(t, w.worker.cmd.ProcessState.ExitCode(), w.worker.out)
	asked := w.asked("`orders` PARTITION (`p1`)")
	w.startWorker()
	w.awaitEnd("shop")
	require.Equal(t, asked, w.asked("`orders` PARTITION (`p1`)"), "what was being read when the worker drained is not read again")
	w.exec("DROP DATABASE shop FORCE")
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")
	require.Equal(t, before, w.proveAll("shop"))
}

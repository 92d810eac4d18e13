package tests

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/job"
	"starkeep/sandbox/fault"
)

func (w *world) awaitCancelled(database string) job.Status {
	w.t.Helper()
	s := w.awaitJob(database, "the end of the job", func(s job.Status) bool { return s.State.Final() })
	require.Equal(w.t, job.Cancelled, s.State, "%+v", s)
	return s
}

func TestCancelledBackupLeavesNothingInTheRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(1500)
	w.createRepository()
	w.sql("BACKUP DATABASE shop SNAPSHOT kept TO repo ON (TABLE people)")
	before := files(t, w.repository())
	w.slow(fault.SQL, "`orders` PARTITION", time.Second)
	w.begin("BACKUP DATABASE shop SNAPSHOT gone TO repo")
	w.awaitHit("`orders` PARTITION", 2)
	w.sql("CANCEL BACKUP FROM shop")
	s := w.awaitCancelled("shop")
	require.Equal(t, "user cancelled", s.Message)
	require.Equal(t, before, files(t, w.repository()))
	out := w.sql("SHOW BACKUP FROM shop\\G")
	require.Contains(t, out, "[COMMON_ERROR, msg: user cancelled]")
	w.sql("BACKUP DATABASE shop SNAPSHOT gone TO repo ON (TABLE people)") // the label is free again
}

// moment is when the cluster has been asked something so many times.
type moment struct {
	kind fault.Kind
	text string
	hits int
}

// cancelRestore cancels a restore of the database shop at a moment.
func (w *world) cancelRestore(at moment) {
	w.t.Helper()
	w.slow(at.kind, at.text, time.Second)
	w.begin("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")
	w.awaitHit(at.text, at.hits)
	w.sql("CANCEL RESTORE FROM shop")
	w.awaitCancelled("shop")
}

func TestCancelledRestoreLeavesTheTargetAsItWas(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]moment{
		"while it builds":    {fault.SQL, "CREATE TABLE IF NOT EXISTS", 2},
		"while it downloads": {fault.HTTP, "_stream_load", 2},
		"while it publishes": {fault.SQL, "SWAP WITH", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.shop(800)
			w.createRepository()
			w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
			w.exec("DELETE FROM shop.orders WHERE id < 400", "DROP TABLE shop.cities FORCE")
			before, tables := w.proveAll("shop"), w.tables("shop")
			repository := files(t, w.repository())
			w.cancelRestore(at)
			require.Equal(t, tables, w.tables("shop"))
			require.Equal(t, before, w.proveAll("shop"))
			require.Equal(t, repository, files(t, w.repository()))
		})
	}
}

func TestCancelledRestoreIntoANewDatabaseRemovesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(300)
	w.createRepository()
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.slow(fault.HTTP, "_stream_load", time.Second)
	w.begin("RESTORE SNAPSHOT nightly FROM repo DATABASE shop AS fresh")
	w.awaitHit("_stream_load", 1)
	w.sql("CANCEL RESTORE FROM fresh")
	w.awaitCancelled("fresh")
	var n int
	require.NoError(t, w.db.QueryRow("SELECT count(*) FROM information_schema.schemata WHERE SCHEMA_NAME = 'fresh'").Scan(&n))
	require.Zero(t, n)
}

func TestSecondJobOfADatabaseIsRefusedWithTheNativeText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(300)
	w.createRepository()
	w.slow(fault.SQL, "`orders` PARTITION", time.Second)
	w.begin("BACKUP DATABASE shop SNAPSHOT first TO repo")
	r := w.starter("sql", "-e", "BACKUP DATABASE shop SNAPSHOT second TO repo")
	require.Equal(t, 4, r.code)
	require.Contains(t, r.out+r.err, "Can only run one backup or restore job of a database at same time")
	require.Contains(t, r.out+r.err, "first")
	w.awaitEnd("shop")
}

func TestPausedBackupReadsNothingUntilResumed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(1500)
	w.createRepository()
	w.slow(fault.SQL, "`orders` PARTITION", 500*time.Millisecond)
	w.begin("BACKUP DATABASE shop SNAPSHOT p TO repo")
	w.awaitHit("`orders` PARTITION", 1)
	require.Zero(t, w.starter("pause", "shop").code)
	w.awaitJob("shop", "the pause", func(s job.Status) bool { return s.Paused != "" })
	require.Zero(t, w.starter("resume", "shop").code)
	w.awaitEnd("shop")
}

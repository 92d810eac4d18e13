package tests

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// timestamp is the form of a backup timestamp.
var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-\d{3}`)

// transfers moves money between two accounts, one row each partition, by one statement: the sum never changes. It stops
// when ctx ends.
func (w *world) transfers(ctx context.Context) (wait func() int) {
	var wg sync.WaitGroup
	n := 0
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			// One load is atomic over the partitions of a table.
			_, err := w.db.Exec(fmt.Sprintf("INSERT INTO bank.ledger VALUES (%d, 1, %d), (%d, 11, -%d)", i, i%100, i, i%100))
			if err != nil {
				return
			}
			n++
		}
	})
	return func() int { wg.Wait(); return n }
}

func (w *world) bank() {
	w.exec("CREATE DATABASE bank",
		"CREATE TABLE bank.ledger (id BIGINT NOT NULL, account INT NOT NULL, amount BIGINT) DUPLICATE KEY(id) "+
			"PARTITION BY RANGE(account) (PARTITION low VALUES LESS THAN ('10'), PARTITION high VALUES LESS THAN ('20')) "+
			"DISTRIBUTED BY HASH(id) BUCKETS 4 PROPERTIES ('replication_num' = '1')",
		"INSERT INTO bank.ledger VALUES (-1, 1, 500), (-1, 11, 500)")
	w.createRepository()
}

func (w *world) sum(table string) (sum int64) {
	require.NoError(w.t, w.db.QueryRow("SELECT sum(amount) FROM "+table).Scan(&sum))
	return sum
}

func TestLoadsThatEndDuringABackupGiveOneMomentOfTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bank()
	ctx, stop := context.WithCancel(t.Context())
	wait := w.transfers(ctx)
	w.await("some loads", func() bool { return w.prove("bank", "ledger").Rows > 50 })
	w.begin(`BACKUP DATABASE bank SNAPSHOT busy TO repo PROPERTIES ("rounds" = "100", "consistency" = "database")`)
	w.awaitHit("`ledger` PARTITION", 3)
	stop()
	require.Positive(t, wait())
	w.awaitEnd("bank")
	d := w.details("busy")
	require.Contains(t, d, `"level": "database"`)
	require.Regexp(t, `(?s)"low": \{\s*"rows": \d+,\s*"versions": \{\s*"\d+": \d+`, d, "the version of every partition is told")
	w.sql("RESTORE SNAPSHOT busy FROM repo DATABASE bank AS mirror")
	require.Equal(t, int64(1000), w.sum("mirror.ledger"), "the invariant of the writer must hold in the snapshot")
	require.Equal(t, w.prove("bank", "ledger"), w.prove("mirror", "ledger"), "the last round was after the last load")
}

func TestTrapNoVersionedReadSoLoadsThatNeverEndAreStated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bank()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	wait := w.transfers(ctx)
	w.await("some loads", func() bool { return w.prove("bank", "ledger").Rows > 50 })
	w.sql(`BACKUP DATABASE bank SNAPSHOT busy TO repo`)
	r := w.starter("sql", "--wait", "-e", `BACKUP DATABASE bank SNAPSHOT strict TO repo PROPERTIES ("consistency" = "database", "rounds" = "2")`)
	require.NotZero(t, r.code)
	require.Contains(t, r.out+r.err, "still changing after 2 rounds")
	stop()
	wait()
	d := w.details("busy")
	require.Contains(t, d, `"level": "partition"`)
	require.Contains(t, d, "ledger.low")
	// Each partition is one consistent read: within it every load is there whole or not at all.
	w.sql("RESTORE SNAPSHOT busy FROM repo DATABASE bank AS mirror")
	for _, p := range []string{"low", "high"} {
		var n, ids int64
		require.NoError(t, w.db.QueryRow(fmt.Sprintf("SELECT count(*), max(id) + 2 FROM mirror.ledger PARTITION (%s)", p)).Scan(&n, &ids))
		require.Equal(t, ids, n, "no hole among the loads of partition %s", p)
	}
}

// details returns the cell Details of SHOW SNAPSHOT.
func (w *world) details(label string) string {
	w.t.Helper()
	list := w.starter("sql", "--output", "json", "-e", fmt.Sprintf("SHOW SNAPSHOT ON repo WHERE SNAPSHOT = '%s'", label))
	require.Zero(w.t, list.code, list.err)
	stamp := timestamp.FindString(list.out)
	require.NotEmpty(w.t, stamp, list.out)
	r := w.starter("sql", "--output", "vertical", "-e", fmt.Sprintf("SHOW SNAPSHOT ON repo WHERE SNAPSHOT = '%s' AND TIMESTAMP = '%s'", label, stamp))
	require.Zero(w.t, r.code, r.err)
	return strings.ReplaceAll(r.out, `\"`, `"`)
}

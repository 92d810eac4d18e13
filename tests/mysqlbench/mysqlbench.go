// Package mysqlbench measures a backup and a restore of MariaDB beside the tools that people use today, and beside the
// least that any tool has to do: one run, one server, the same data, the same number of connections.
package mysqlbench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/tests/mysqldata"
	"starkeep/tests/server/mariadb"
)

// Effort is what one step cost.
type Effort struct {
	Wall  time.Duration
	Bytes int64 // written by a backup, read by a restore; 0 where it says nothing
}

// Subject is what is measured beside the peers. Bytes of a backup are those that it added to its repository.
type Subject struct {
	Backup  func(ctx context.Context, database string) (Effort, error)
	Restore func(ctx context.Context, database, into string) (Effort, error) // of the newest backup
}

// Sizes are the numbers of rows of lineitem and of wide rows, and of small tables.
type Sizes struct{ Lineitems, Wide, Tables int }

// Start runs a server with room for the data, as a server that is worth a backup has; it writes its binary log.
func Start(t testing.TB) *mariadb.Server {
	t.Helper()
	return mariadb.Start(t, mariadb.Options{Args: []string{
		"--innodb-buffer-pool-size=2G", "--innodb-log-file-size=1G", "--skip-innodb-doublewrite",
		"--innodb-io-capacity=4000", // pages a second that it writes behind: with the default of 200 a step pays for the one before
	}})
}

// bench is one run.
type bench struct {
	testing.TB
	server   *mariadb.Server
	database string // the source
	threads  int
	folder   string
	report   Report
}

// Run fills a database on the server, and measures peers, floors and, if it is there, the subject.
func Run(t testing.TB, server *mariadb.Server, sizes Sizes, threads int, subject *Subject) Report {
	t.Helper()
	b := &bench{TB: t, server: server, database: "bench_source", threads: threads, folder: t.TempDir(), report: Report{efforts: map[string]Effort{}}}
	b.fill(sizes)
	b.step(drained, b.drain)
	b.step(dumped, b.mydumper)
	b.step(compressed, b.compress)
	b.add(dumpedCompressed, dumped, compressed)
	b.step(dumpedAlone, b.mariadbDump)
	if subject != nil {
		b.step(backedUp, func() int64 { return b.run(subject.Backup(t.Context(), b.database)).Bytes })
	}
	b.into(myloaded, b.myloader)
	b.rendered()
	b.into(loaded, func(into string) int64 { return b.load(into, "") })
	b.into(loadedUnchecked, func(into string) int64 { return b.load(into, "SET unique_checks=0, foreign_key_checks=0") })
	if subject != nil {
		b.into(restored, func(into string) int64 { return b.run(subject.Restore(t.Context(), b.database, into)).Bytes })
		b.change()
		b.step(backedUpAgain, func() int64 { return b.run(subject.Backup(t.Context(), b.database)).Bytes })
	}
	return b.report
}

func (b *bench) run(e Effort, err error) Effort {
	b.Helper()
	require.NoError(b, err)
	return e
}

func (b *bench) fill(sizes Sizes) {
	b.Helper()
	b.server.Exec(b, "CREATE DATABASE "+b.database)
	db := b.server.DB()
	mysqldata.Lineitem(b, db, b.database, sizes.Lineitems, b.threads)
	mysqldata.Wide(b, db, b.database, sizes.Wide)
	mysqldata.Small(b, db, b.database, sizes.Tables)
	b.server.Exec(b, "ANALYZE TABLE "+b.database+".lineitem, "+b.database+".wide")
}

// change rewrites the newest hundredth of the rows, as a day's work does.
func (b *bench) change() {
	b.Helper()
	b.server.Exec(b, fmt.Sprintf(`UPDATE %[1]s.lineitem SET l_comment = CONCAT('changed ', l_linenumber)
		WHERE l_orderkey > (SELECT o FROM (SELECT FLOOR(MAX(l_orderkey) * 0.99) AS o FROM %[1]s.lineitem) AS m)`, b.database))
}

// step measures f, which returns bytes, on a server that has no work left from the step before.
func (b *bench) step(name string, f func() int64) {
	b.Helper()
	b.settle()
	start := time.Now()
	bytes := f()
	b.report.put(name, Effort{Wall: time.Since(start), Bytes: bytes})
}

func (b *bench) add(name, first, second string) {
	e := b.report.efforts[second]
	e.Wall += b.report.efforts[first].Wall
	b.report.put(name, e)
}

// into measures a restore into a new database, requires that it is whole, and drops it.
func (b *bench) into(name string, f func(into string) int64) {
	b.Helper()
	const database = "bench_copy"
	b.step(name, func() int64 { return f(database) })
	for _, table := range b.tables() {
		require.Equal(b, b.server.Query(b, "SELECT COUNT(*) FROM "+b.database+"."+table), b.server.Query(b, "SELECT COUNT(*) FROM "+database+"."+table),
			"%s lost rows of %s", name, table)
	}
	b.server.Drop(b, database)
}

func (b *bench) tables() []string {
	b.Helper()
	var names []string
	for _, row := range b.server.Query(b, "SELECT table_name FROM information_schema.tables WHERE table_schema = ?", b.database) {
		names = append(names, row[0])
	}
	slices.Sort(names)
	return names
}

// settle waits until the server has written what an earlier step left in its memory, at most a minute.
func (b *bench) settle() {
	b.Helper()
	b.server.Exec(b, "SET GLOBAL innodb_max_dirty_pages_pct_lwm = 0, GLOBAL innodb_max_dirty_pages_pct = 0")
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if b.server.Query(b, "SELECT CAST(variable_value AS UNSIGNED) < 100 FROM information_schema.global_status WHERE variable_name = 'INNODB_BUFFER_POOL_PAGES_DIRTY'")[0][0] == "1" {
			break
		}
	}
	b.server.Exec(b, "SET GLOBAL innodb_max_dirty_pages_pct = 90, GLOBAL innodb_max_dirty_pages_pct_lwm = 0")
}

// size is that of all files below a folder.
func (b *bench) size(folder string) int64 {
	b.Helper()
	var all int64
	require.NoError(b, filepath.WalkDir(folder, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		all += info.Size()
		return err
	}))
	return all
}

// counter counts what is written to it.
type counter struct{ bytes int64 }

func (c *counter) Write(p []byte) (int, error) { c.bytes += int64(len(p)); return len(p), nil }

var _ io.Writer = (*counter)(nil)

package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
	"starkeep/sandbox/fault"
	"starkeep/tests/starrocksdata"
)

// The traps that StarRocks sets for a backup, and its native backup for its users: one test each.

// sharedData makes the cluster one whose tables live on object storage; native backup answers "can not support backup
// restore, type: CLOUD_NATIVE" there.
func sharedData(c *sandbox.Config) { c.SharedData = true }

func TestTrapSharedDataTablesHaveNoNativeBackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.shape = sharedData })
	w.shop(500)
	w.createRepository()
	before := w.proveAll("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	objects := dataObjects(t, w)
	w.sql("BACKUP DATABASE shop SNAPSHOT again TO repo")
	require.Equal(t, objects, dataObjects(t, w), "what did not change is not read again")
	w.exec("DROP DATABASE shop FORCE")
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")
	require.Equal(t, before, w.proveAll("shop"))
}

// A native INCREMENTAL is a full backup, or an error. Here every snapshot is whole, and what did not change is stored once:
// without the first one, the second one still restores.
func TestTrapNoIncrementalBackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(500)
	w.createRepository()
	before := w.proveAll("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT first TO repo")
	objects := dataObjects(t, w)
	w.sql("BACKUP DATABASE shop SNAPSHOT second TO repo")
	require.Equal(t, objects, dataObjects(t, w))
	w.sql("DROP SNAPSHOT first ON repo")
	w.exec("DROP DATABASE shop FORCE")
	w.sql("RESTORE SNAPSHOT second FROM repo DATABASE shop")
	require.Equal(t, before, w.proveAll("shop"))
}

// Natively a failed backup leaves files and blocks its label for ever, and nothing drops a snapshot.
func TestTrapAFailedBackupBlocksItsLabel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(500)
	w.createRepository()
	none := files(t, w.repository())
	w.slow(fault.SQL, "`orders` PARTITION", time.Second)
	w.begin("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.awaitHit("`orders` PARTITION", 1)
	w.exec("DROP TABLE shop.orders FORCE")
	s := w.awaitCancelled("shop")
	require.Contains(t, s.Message, "orders")
	w.sandbox.Faults().Clear()
	require.Equal(t, none, files(t, w.repository()))
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	require.Contains(t, w.sql("SHOW SNAPSHOT ON repo"), "nightly")
	w.sql("DROP SNAPSHOT nightly ON repo")
	require.NotContains(t, w.sql("SHOW SNAPSHOT ON repo"), "nightly")
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
}

// Natively SHOW BACKUP forgets a backup as soon as its database is restored, and the reverse.
func TestTrapARestoreHidesTheBackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(100)
	w.createRepository()
	w.sql("BACKUP DATABASE shop SNAPSHOT monday TO repo")
	w.sql("RESTORE SNAPSHOT monday FROM repo DATABASE shop AS copy")
	w.sql("RESTORE SNAPSHOT monday FROM repo DATABASE shop")
	require.Contains(t, w.sql("SHOW BACKUP FROM shop"), "monday")
	require.Contains(t, w.sql("SHOW RESTORE FROM shop"), "monday")
}

// Three clocks: *Time columns are UTC+8 whatever the zones of the server, the session and this machine; a backup timestamp
// is UTC in Starkeep, so that a snapshot has one name everywhere.
func TestTrapThreeClocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.zone = "America/Caracas" })
	w.exec("SET GLOBAL time_zone = 'Pacific/Auckland'")
	w.shop(100)
	w.createRepository()
	before := w.proveAll("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	s, err := w.status("shop")
	require.NoError(t, err)
	require.Contains(t, w.sql("SHOW BACKUP"), s.Created.UTC().Add(8*3600e9).Format("2006-01-02 15:04:05"))
	stamp := timestamp.FindString(w.sql("SHOW SNAPSHOT ON repo"))
	require.True(t, strings.HasPrefix(stamp, s.Created.UTC().Format("2006-01-02-15-04-05")), stamp)
	w.sql("BACKUP DATABASE shop SNAPSHOT again TO repo")
	w.exec("DROP DATABASE shop FORCE")
	w.sql(fmt.Sprintf(`RESTORE SNAPSHOT nightly FROM repo DATABASE shop PROPERTIES ("backup_timestamp" = "%s")`, stamp))
	require.Equal(t, before, w.proveAll("shop"))
}

// Natively the description of a snapshot has empty lists of files, so that nothing can be checked without restoring.
func TestTrapASnapshotThatDoesNotNameItsFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(500)
	w.createRepository()
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	victim := dataObjects(t, w)[0]
	require.NoError(t, os.Remove(filepath.Join(w.repository(), victim)))
	r := w.starter("sql", "--wait", "-e", "RESTORE SNAPSHOT nightly FROM repo DATABASE shop AS copy")
	require.NotZero(t, r.code)
	require.Contains(t, r.out+r.err, filepath.Base(victim), "the missing file is named")
}

// Natively RESTORE creates the database before it checks anything, and drops what it replaced when it fails.
func TestTrapARefusedRestoreLeavesADatabaseBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(100)
	w.createRepository()
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	for _, bad := range []string{
		"RESTORE SNAPSHOT nightly FROM repo DATABASE shop AS fresh ON (TABLE nope)",
		"RESTORE SNAPSHOT nope FROM repo DATABASE shop AS fresh",
		`RESTORE SNAPSHOT nightly FROM repo DATABASE shop AS fresh PROPERTIES ("replication_num" = "3")`, // there is one node
	} {
		require.NotZero(t, w.starter("sql", "--wait", "-e", bad).code, bad)
		var n int
		require.NoError(t, w.db.QueryRow("SELECT count(*) FROM information_schema.schemata WHERE SCHEMA_NAME = 'fresh'").Scan(&n))
		require.Zero(t, n, bad)
	}
}

// USE, and a name without its database, mean different things to the analyzer and to the handler of some versions.
func TestTrapAStatementWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(100)
	w.createRepository()
	w.sandbox.Faults().Clear()
	from := w.sequence()
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")
	bare := regexp.MustCompile("(?i)^(USE |.*\\b(FROM|INTO|TABLE|VIEW) (IF (NOT )?EXISTS )?`[^`]+`([^.`]|$))")
	listing := regexp.MustCompile("^SHOW (FULL )?(TABLES|FUNCTIONS) FROM ") // what follows is the database
	for _, e := range w.sandbox.Faults().Log(0) {
		if e.Seq > from && e.Kind == fault.SQL && !listing.MatchString(e.Text) {
			require.NotRegexp(t, bare, e.Text)
		}
	}
}

// SELECT prints BITMAP, HLL and PERCENTILE as NULL; CSV turns \N into NULL even between quotes, filters rows that are not
// UTF-8, knows no STRUCT and no DECIMAL256, and reads VARBINARY as base64 first; without strict mode a bad value is NULL.
func TestTrapValuesThatAreNotWhatTheyPrint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("CREATE DATABASE odd",
		"CREATE TABLE odd.plain (id INT NOT NULL, v VARCHAR(20), b VARBINARY, s STRUCT<a INT, b VARCHAR(20)>, d DECIMAL(76,10)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')",
		`INSERT INTO odd.plain VALUES (1, '\\N', to_binary('YWJj', 'utf8'), row(1, '"\\'), 123456789012345678901234567890123456789012345678901234567890.0123456789), (2, unhex('FF'), unhex('5C4E'), row(NULL, '\\N'), NULL), (3, '', unhex(''), NULL, 0)`,
		"CREATE TABLE odd.sketches (id INT NOT NULL, b BITMAP BITMAP_UNION, h HLL HLL_UNION) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')",
		"INSERT INTO odd.sketches VALUES (1, bitmap_from_string('1,5,4294967296'), hll_hash(7)), (2, bitmap_empty(), hll_empty())",
		"CREATE TABLE odd.quantiles (id INT NOT NULL, p PERCENTILE PERCENTILE_UNION) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')")
	var null *string
	require.NoError(t, w.db.QueryRow("SELECT b FROM odd.sketches WHERE id = 1").Scan(&null))
	require.Nil(t, null, "else this is no trap")
	w.createRepository()
	r := w.starter("sql", "--wait", "-e", "BACKUP DATABASE odd SNAPSHOT nightly TO repo")
	require.NotZero(t, r.code, "what cannot be exported is refused")
	require.Contains(t, r.out+r.err, "quantiles")
	require.Contains(t, strings.ToLower(r.out+r.err), "percentile")
	out := w.sql(`BACKUP DATABASE odd SNAPSHOT nightly TO repo PROPERTIES ("unsupported" = "skip")`)
	require.Contains(t, out, "quantiles", "or left out, and named")
	w.exec("DROP TABLE odd.quantiles FORCE")
	before := starrocksdata.Digest(t, w.db, "odd")
	w.exec("DROP DATABASE odd FORCE")
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE odd")
	require.Equal(t, before, starrocksdata.Digest(t, w.db, "odd"))
}

// SHOW CREATE TABLE leaves out partitions that loads made, temporary partitions, rollups and synchronous materialized views.
func TestTrapWhatShowCreateTableLeavesOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("CREATE DATABASE half",
		"CREATE TABLE half.auto (id INT NOT NULL, city VARCHAR(20) NOT NULL, v BIGINT) DUPLICATE KEY(id, city) PARTITION BY (city) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1')",
		"INSERT INTO half.auto VALUES (1, 'oslo', 5), (2, 'rome', 6)",
		"CREATE TABLE half.rolled (k INT NOT NULL, j INT NOT NULL, v BIGINT) DUPLICATE KEY(k, j) PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('10')) DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES ('replication_num' = '1')",
		"INSERT INTO half.rolled VALUES (1, 2, 3), (4, 5, 6)",
		"ALTER TABLE half.rolled ADD ROLLUP by_j (j, v)")
	w.await("the rollup", func() bool {
		return strings.Contains(starrocksdata.Digest(t, w.db, "half")["indexes rolled"], "by_j")
	})
	before := starrocksdata.Digest(t, w.db, "half")
	require.NotContains(t, before["table rolled"], "by_j", "else this is no trap")
	require.NotContains(t, before["table auto"], "oslo", "else this is no trap")
	w.createRepository()
	w.sql("BACKUP DATABASE half SNAPSHOT nightly TO repo")
	w.exec("DROP DATABASE half FORCE")
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE half")
	require.Equal(t, before, starrocksdata.Digest(t, w.db, "half"))
	w.exec("TRUNCATE TABLE half.rolled")
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE half")
	require.Equal(t, before, starrocksdata.Digest(t, w.db, "half"), "a swap keeps the rollup")
}

// A swap sets every materialized view on the table inactive, and those on them; natively they stay so.
func TestTrapASwapSetsMaterializedViewsInactive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(100)
	w.exec("CREATE DATABASE reports",
		"CREATE MATERIALIZED VIEW reports.sold DISTRIBUTED BY HASH(city) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT city, SUM(sold) AS s FROM shop.totals GROUP BY city",
		"CREATE MATERIALIZED VIEW reports.most DISTRIBUTED BY HASH(m) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT MAX(s) AS m FROM reports.sold",
		"REFRESH MATERIALIZED VIEW reports.sold WITH SYNC MODE", "REFRESH MATERIALIZED VIEW reports.most WITH SYNC MODE")
	before := starrocksdata.Digest(t, w.db, "reports")
	w.createRepository()
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.exec("DELETE FROM shop.orders WHERE id < 50")
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")
	require.Equal(t, before, starrocksdata.Digest(t, w.db, "reports"), "of another database, and active as before")
}

// A table of random distribution has several physical partitions of one name, each with a version and tablets of its own.
func TestTrapSeveralPhysicalPartitionsOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("CREATE DATABASE heap",
		"CREATE TABLE heap.split (id INT NOT NULL, v VARCHAR(2000)) DUPLICATE KEY(id) DISTRIBUTED BY RANDOM BUCKETS 2 PROPERTIES ('replication_num' = '1', 'bucket_size' = '1024')")
	for i := range 4 {
		w.exec(fmt.Sprintf("INSERT INTO heap.split VALUES (%d, repeat('x', 2000)), (%d, NULL)", i, i))
	}
	require.Greater(t, len(w.partitions("heap", "split")), 1, "else this is no trap")
	before := w.prove("heap", "split")
	w.createRepository()
	w.sql("BACKUP DATABASE heap SNAPSHOT first TO repo")
	w.exec("INSERT INTO heap.split VALUES (9, 'only the youngest of them moves')")
	w.sql("BACKUP DATABASE heap SNAPSHOT second TO repo")
	after := w.prove("heap", "split")
	w.exec("DROP TABLE heap.split FORCE")
	w.sql("RESTORE SNAPSHOT first FROM repo DATABASE heap")
	require.Equal(t, before, w.prove("heap", "split"))
	w.sql("RESTORE SNAPSHOT second FROM repo DATABASE heap")
	require.Equal(t, after, w.prove("heap", "split"))
}

// A native backup of a database skips its materialized views without a word, and a native restore loses colocation. Grants
// are kept by the id of a table, so a swap loses them, too.
func TestTrapMaterializedViewsColocationAndGrantsAreLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("CREATE DATABASE kept",
		"CREATE TABLE kept.a (id INT NOT NULL, v INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1', 'colocate_with' = 'pair')",
		"CREATE TABLE kept.b (id INT NOT NULL, w INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1', 'colocate_with' = 'pair')",
		"INSERT INTO kept.a VALUES (1, 2), (3, 4)", "INSERT INTO kept.b VALUES (1, 5)",
		"CREATE MATERIALIZED VIEW kept.joined DISTRIBUTED BY HASH(id) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT a.id, a.v, b.w FROM kept.a JOIN kept.b ON a.id = b.id",
		"REFRESH MATERIALIZED VIEW kept.joined WITH SYNC MODE",
		"CREATE USER 'ann'@'%' IDENTIFIED BY '"+secret+"'", "GRANT SELECT, INSERT ON TABLE kept.a TO USER 'ann'@'%'")
	before, grants := starrocksdata.Digest(t, w.db, "kept"), starrocksdata.GovernanceDigest(t, w.db, "kept")
	require.Contains(t, before["table a"], "colocate_with")
	w.createRepository()
	w.sql("BACKUP DATABASE kept SNAPSHOT nightly TO repo")
	w.exec("TRUNCATE TABLE kept.a")
	w.sql(`RESTORE SNAPSHOT nightly FROM repo DATABASE kept PROPERTIES ("refresh" = "true")`)
	require.Equal(t, before, starrocksdata.Digest(t, w.db, "kept"))
	require.Equal(t, grants, starrocksdata.GovernanceDigest(t, w.db, "kept"), "grants on the table that was swapped")
	w.exec("DROP DATABASE kept FORCE")
	w.sql(`RESTORE SNAPSHOT nightly FROM repo DATABASE kept PROPERTIES ("refresh" = "true")`)
	require.Equal(t, before, starrocksdata.Digest(t, w.db, "kept"))
}

// A table with temporary partitions has no native backup, and no native restore. Here what is left out is named, the whole table
// is replaced, and only the replacement of single partitions is refused.
func TestTrapTemporaryPartitionsStopABackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("CREATE DATABASE waiting",
		"CREATE TABLE waiting.t (id INT NOT NULL, v INT) DUPLICATE KEY(id) PARTITION BY RANGE(id) (PARTITION p1 VALUES LESS THAN ('10')) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')",
		"INSERT INTO waiting.t VALUES (1, 1)", "ALTER TABLE waiting.t ADD TEMPORARY PARTITION tp VALUES LESS THAN ('10')",
		"INSERT INTO waiting.t TEMPORARY PARTITION (tp) VALUES (2, 2)")
	before := w.prove("waiting", "t")
	w.createRepository()
	require.Contains(t, w.sql("BACKUP DATABASE waiting SNAPSHOT nightly TO repo"), "temporary partitions are not in the snapshot: tp")
	w.exec("INSERT INTO waiting.t VALUES (3, 3)")
	r := w.starter("sql", "--wait", "-e", "RESTORE SNAPSHOT nightly FROM repo DATABASE waiting ON (TABLE t PARTITION (p1))")
	require.NotZero(t, r.code, "temporary partitions must not overlap, and those of a restore would")
	require.Contains(t, r.out+r.err, "t has tp")
	require.Contains(t, w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE waiting"), "temporary partitions go with the table that is replaced: tp")
	require.Equal(t, before, w.prove("waiting", "t"))
}

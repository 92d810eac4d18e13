package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
)

// Trap: a rollup is built by a job; until it is over the table takes no other change and no swap, and SHOW CREATE TABLE never
// shows it.
func TestATableTakesNoChangeWhileARollupIsBuilt(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{AlterDelay: 300 * time.Millisecond})
	c.use("d")
	before := c.rows("SHOW CREATE TABLE t")
	c.exec("CREATE TABLE u (id INT NOT NULL, city VARCHAR(20), v BIGINT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2",
		"ALTER TABLE t ADD ROLLUP by_city (city, v)")
	for _, statement := range []string{"ALTER TABLE t SWAP WITH u", "ALTER TABLE u SWAP WITH t", "ALTER TABLE t RENAME w", "CREATE MATERIALIZED VIEW m AS SELECT city, SUM(v) FROM t GROUP BY city"} {
		require.Contains(t, c.fails(statement).Message, "A materialized view or rollup index is being created on the table t.", statement)
	}
	require.Len(t, c.rows("SHOW TABLET FROM t"), 2)
	c.exec("INSERT INTO t VALUES (9, 'bergen', 1)")
	require.Eventually(t, func() bool { return len(c.rows("SHOW TABLET FROM t")) == 4 }, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, c.rows("SHOW ALTER TABLE ROLLUP FROM d WHERE TableName = 't'")[0], "|t|by_city|")
	require.Contains(t, c.rows("SHOW ALTER TABLE ROLLUP")[0], "|FINISHED|")
	require.Equal(t, before, c.rows("SHOW CREATE TABLE t"))
	require.Len(t, c.rows("SHOW TABLET FROM t WHERE IndexName = 't'"), 2)
	c.exec("ALTER TABLE t SWAP WITH u")
	require.Len(t, c.rows("SHOW TABLET FROM u"), 4, "rollups go with the rows")
	require.Contains(t, c.rows("DESC u ALL"), `by_city|DUP_KEYS|city|varchar(20)|YES|true|\N|`)
	c.exec("ALTER TABLE u DROP ROLLUP by_city")
	require.Len(t, c.rows("DESC u ALL"), 3)
}

// Trap: the name of a synchronous materialized view is taken in the whole database, and is a row of SHOW MATERIALIZED VIEWS with
// the words of CREATE; RENAME ROLLUP leaves those words.
func TestSynchronousViewsAreIndexesOfTheirTable(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE TABLE other (id INT NOT NULL, city VARCHAR(20), v BIGINT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2",
		"CREATE MATERIALIZED VIEW sums AS\n\tSELECT city,  SUM(v) FROM t GROUP BY city")
	c.await("1", "SELECT count(*) FROM information_schema.materialized_views WHERE TABLE_SCHEMA = 'd' AND REFRESH_TYPE = 'ROLLUP'")
	require.Contains(t, c.fails("CREATE MATERIALIZED VIEW sums AS SELECT city, MAX(v) FROM other GROUP BY city").Message, "Table [sums] already exists in the db d")
	require.Contains(t, c.fails("CREATE MATERIALIZED VIEW t AS SELECT city, MAX(v) FROM other GROUP BY city").Message, "Table [t] already exists in the db d")
	require.Equal(t, []string{"sums|CREATE MATERIALIZED VIEW sums AS SELECT city, SUM(v) FROM t GROUP BY city"},
		c.rows("SELECT TABLE_NAME, MATERIALIZED_VIEW_DEFINITION FROM information_schema.materialized_views WHERE TABLE_SCHEMA = 'd'"))
	require.Equal(t, []string{"sums|CREATE MATERIALIZED VIEW sums AS\n\tSELECT city,  SUM(v) FROM t GROUP BY city"}, c.rows("SHOW CREATE MATERIALIZED VIEW sums"))
	require.Contains(t, c.rows("DESC t ALL"), `sums|AGG_KEYS|city|varchar(20)|YES|true|\N|`)
	require.Contains(t, c.rows("DESC t ALL"), `||mv_sum_v|bigint|YES|false|\N|SUM`)
	c.exec("ALTER TABLE t RENAME ROLLUP sums totals")
	require.Contains(t, c.rows("SHOW CREATE MATERIALIZED VIEW totals")[0], "totals|CREATE MATERIALIZED VIEW sums")
	c.exec("DROP MATERIALIZED VIEW totals", "CREATE MATERIALIZED VIEW qualified AS SELECT t.city, MAX(`t`.`v`) FROM d.t GROUP BY t.city", "DROP MATERIALIZED VIEW IF EXISTS qualified")
	require.Empty(t, c.rows("SHOW ALTER MATERIALIZED VIEW"))
}

func TestPropertiesArePrintedSortedWithWhatTheServerAdds(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", `CREATE TABLE d.t (k INT, v VARCHAR(64), w VARCHAR(10), INDEX by_w (w) USING BITMAP COMMENT 'it''s', INDEX by_v (v) USING NGRAMBF ("gram_num" = "4"))
		DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ("compression" = "zstd", "storage_medium" = "ssd", "bloom_filter_columns" = "k,v", "in_memory" = "false")`)
	require.Contains(t, c.rows("SHOW CREATE TABLE d.t")[0], ",\n  INDEX by_w (`w`) USING BITMAP COMMENT 'it's',\n"+
		`  INDEX by_v (`+"`v`"+`) USING NGRAMBF("bloom_filter_fpp" = "0.05", "case_sensitive" = "true", "gram_num" = "4") COMMENT ''`)
	require.Contains(t, c.rows("SHOW CREATE TABLE d.t")[0], "PROPERTIES (\n\"bloom_filter_columns\" = \"k, v\",\n\"compression\" = \"ZSTD\",\n\"fast_schema_evolution\" = \"true\",\n"+
		"\"replicated_storage\" = \"true\",\n\"replication_num\" = \"1\",\n\"storage_medium\" = \"SSD\"\n)")
	require.Contains(t, c.fails(`CREATE TABLE d.x (k INT) DISTRIBUTED BY HASH(k) PROPERTIES ("replication_num" = "3")`).Message, "Table replication num should be less than of equal to the number of available BE nodes")
	require.Contains(t, c.fails(`CREATE TABLE d.x (k INT) DISTRIBUTED BY HASH(k) PROPERTIES ("colour" = "red")`).Message, "Unknown properties: {colour=red}")
	require.Contains(t, c.fails(`CREATE TABLE d.x (k INT) DISTRIBUTED BY HASH(k) PROPERTIES ("bloom_filter_columns" = "z")`).Message, "Bloom filter column does not exist")
	require.Len(t, c.rows("SHOW INDEX FROM d.t"), 2)
	c.exec("ALTER TABLE d.t DROP INDEX by_w", `ALTER TABLE d.t SET ("storage_medium" = "HDD")`)
	require.NotContains(t, c.rows("SHOW CREATE TABLE d.t")[0], "by_w")
}

// Trap: native restores lose the group; a table that does not fit into it is refused.
func TestAColocationGroupTakesOnlyTablesThatFit(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", `CREATE TABLE d.a (k INT, v INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 4 PROPERTIES ("colocate_with" = "g")`,
		`CREATE TABLE d.b (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 4 PROPERTIES ("colocate_with" = "g")`)
	require.Contains(t, c.fails(`CREATE TABLE d.c (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 3 PROPERTIES ("colocate_with" = "g")`).Message, "Colocate tables must have same bucket num: 4")
	require.Contains(t, c.fails(`CREATE TABLE d.c (k BIGINT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 4 PROPERTIES ("colocate_with" = "g")`).Message, "must have the same data type")
	require.Contains(t, c.fails(`CREATE TABLE d.c (k INT, l INT) DUPLICATE KEY(k, l) DISTRIBUTED BY HASH(k, l) BUCKETS 4 PROPERTIES ("colocate_with" = "g")`).Message, "columns size must be the same : 1")
	groups := c.rows("SHOW PROC '/colocation_group'")
	require.Len(t, groups, 1)
	require.Contains(t, groups[0], "|a, b|4|1|int(11)|true")
	c.exec(`ALTER TABLE d.b SET ("colocate_with" = "")`)
	require.Contains(t, c.rows("SHOW PROC '/colocation_group'")[0], "|a|4|1|")
}

// Trap: values that are given do not move the counter, so a restored table would give them again.
func TestGivenValuesDoNotMoveTheCounter(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.t (id BIGINT NOT NULL AUTO_INCREMENT, v INT, d INT AS v * 2, u VARCHAR(36) DEFAULT (uuid())) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
		"INSERT INTO d.t (id, v) VALUES (100, 1)", "INSERT INTO d.t (v) VALUES (2), (NULL)")
	require.Equal(t, []string{`1|2|4`, `100|1|2`, `2|\N|\N`}, c.rows("SELECT id, v, d FROM d.t ORDER BY cast(id as varchar)"))
	require.Contains(t, c.fails("ALTER TABLE d.t AUTO_INCREMENT = 3").Message, "New auto_increment value must be greater than current value: 3")
	c.exec("ALTER TABLE d.t AUTO_INCREMENT = 101", "INSERT INTO d.t (v) VALUES (3)")
	require.Equal(t, []string{"101"}, c.rows("SELECT id FROM d.t WHERE v = 3"))
	require.Contains(t, c.fails("INSERT INTO d.t (v, d) VALUES (1, 2)").Message, "generated column 'd' can not be specified")
	require.Contains(t, c.fails("INSERT INTO d.t (id, v) VALUES (NULL, 1)").Message, "NULL value in non-nullable column 'id'")
	ddl := c.rows("SHOW CREATE TABLE d.t")[0]
	require.Contains(t, ddl, "`id` bigint(20) NOT NULL AUTO_INCREMENT COMMENT")
	require.Contains(t, ddl, "`d` int(11) NULL AS `v` * 2 COMMENT")
	require.Contains(t, ddl, "`u` varchar(36) NULL DEFAULT (uuid()) COMMENT")
	require.Contains(t, ddl, `"enable_persistent_index" = "true"`)
}

// Trap: a restored partition is as old as it was, so the daemon of a dynamic partition table drops it soon after.
func TestADynamicTableEatsOldPartitions(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d")
	create := func(name, properties string) {
		c.exec("CREATE TABLE d." + name + " (k INT, at DATETIME NOT NULL) DUPLICATE KEY(k) PARTITION BY RANGE(at) (PARTITION old VALUES [('2020-01-01'), ('2020-02-01'))) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES (" + properties + ")")
	}
	names := func(table string) []string {
		return c.rows("SELECT PARTITION_NAME FROM information_schema.partitions_meta WHERE TABLE_NAME = '" + table + "' ORDER BY PARTITION_NAME")
	}
	now := time.Now()
	create("kept", `"dynamic_partition.enable" = "false", "dynamic_partition.time_unit" = "DAY", "dynamic_partition.start" = "-3", "dynamic_partition.end" = "1"`)
	create("endless", `"dynamic_partition.time_unit" = "MONTH", "dynamic_partition.end" = "2", "dynamic_partition.time_zone" = "UTC"`)
	create("ttl", `"partition_ttl" = "3 MONTH"`)
	create("live", `"partition_live_number" = "1"`)
	month := func(offset int) string {
		year, m, _ := now.UTC().Date()
		return "p" + time.Date(year, m+time.Month(offset), 1, 0, 0, 0, 0, time.UTC).Format("200601")
	}
	require.Equal(t, []string{"old", month(0), month(1), month(2)}, names("endless"), "made with the table; without a start nothing is dropped")
	c.exec("ALTER TABLE d.live ADD PARTITION newer VALUES [('2021-01-01'), ('2021-02-01'))", "ALTER TABLE d.live ADD PARTITION future VALUES [('9000-01-01'), ('9001-01-01'))")
	c.exec("CREATE TABLE d.eaten (k INT, at DATETIME NOT NULL) DUPLICATE KEY(k) PARTITION BY RANGE(at) () DISTRIBUTED BY HASH(k) BUCKETS 1 "+
		`PROPERTIES ("dynamic_partition.time_unit" = "DAY", "dynamic_partition.start" = "-3", "dynamic_partition.end" = "1", "dynamic_partition.buckets" = "2")`,
		`ALTER TABLE d.eaten SET ("dynamic_partition.enable" = "false")`, "ALTER TABLE d.eaten ADD PARTITION old VALUES [('2020-01-01'), ('2020-02-01'))")
	c.server.SchedulePartitions(now)
	require.Contains(t, names("eaten"), "old")
	c.exec(`ALTER TABLE d.eaten SET ("dynamic_partition.enable" = "true")`)
	c.server.SchedulePartitions(now)
	require.NotContains(t, names("eaten"), "old")
	require.Len(t, names("eaten"), 2)
	require.Equal(t, []string{"old"}, names("kept"))
	require.Empty(t, names("ttl"))
	require.Equal(t, []string{"future", "newer"}, names("live"))
	require.Contains(t, c.rows("SHOW CREATE TABLE d.eaten")[0], `"dynamic_partition.time_zone" = "`)
}

// Trap: a table that is partitioned by several expressions lists no partition in its DDL, and hides the columns that hold them.
func TestSeveralPartitionExpressionsMakePartitionsOfTheirValues(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, at DATETIME, city VARCHAR(20)) DUPLICATE KEY(k) PARTITION BY date_trunc('month', at), city DISTRIBUTED BY HASH(k) BUCKETS 1",
		"INSERT INTO d.t VALUES (1, '2024-01-05 10:00:00', 'oslo'), (2, '2024-01-06', 'oslo'), (3, '2024-02-01', 'oslo'), (4, '2024-01-01', NULL)")
	require.Equal(t, []string{`p20240101000000_NULL|[["2024-01-01 00:00:00","NULL"]]|1`, `p20240101000000_oslo|[["2024-01-01 00:00:00","oslo"]]|2`, `p20240201000000_oslo|[["2024-02-01 00:00:00","oslo"]]|1`},
		c.rows("SELECT PARTITION_NAME, PARTITION_VALUE, ROW_COUNT FROM information_schema.partitions_meta WHERE DB_NAME = 'd' ORDER BY PARTITION_NAME"))
	ddl := strings.TrimPrefix(c.rows("SHOW CREATE TABLE d.t")[0], "t|")
	require.Contains(t, ddl, "\nPARTITION BY (date_trunc('month', `at`),`city`)\nDISTRIBUTED")
	require.NotContains(t, ddl, "__generated")
	require.Len(t, c.rows("DESC d.t"), 3)
	c.exec("DROP TABLE d.t", strings.Replace(ddl, "`t`", "d.`t`", 1), `ALTER TABLE d.t ADD PARTITION px VALUES IN (("2024-01-01 00:00:00", "oslo"))`, "INSERT INTO d.t PARTITION(px) VALUES (1, '2024-01-31', 'oslo')")
	require.Equal(t, []string{"1"}, c.rows("SELECT count(*) FROM d.t PARTITION(px)"))
	require.Equal(t, ddl, strings.TrimPrefix(c.rows("SHOW CREATE TABLE d.t")[0], "t|"))
}

// Keys that are hints name their tables in full, follow a SWAP by name, and are gone with their parent (StarRocks:
// test/sql/test_ddl/R/test_alter_swap_table).
func TestConstraintsNameTheirTablesInFull(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	shape := " (k INT NOT NULL, l INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ("
	c.exec("CREATE DATABASE d", "USE d", "CREATE TABLE d.s1"+shape+"'unique_constraints' = 's1.k')", "CREATE TABLE d.s2"+shape+"'foreign_key_constraints' = 's2(k) REFERENCES s1(k)')")
	ddl := func(table string) string { return c.rows("SHOW CREATE TABLE d." + table)[0] }
	require.Contains(t, ddl("s1"), `"unique_constraints" = "default_catalog.d.s1.k"`)
	require.Contains(t, ddl("s2"), `"foreign_key_constraints" = "(k) REFERENCES default_catalog.d.s1(k)"`)
	require.Contains(t, c.fails("CREATE TABLE d.x"+shape+"'foreign_key_constraints' = '(k) REFERENCES d.none(k)')").Message, "table:none do not exist")
	require.Contains(t, c.fails("CREATE TABLE d.x"+shape+"'foreign_key_constraints' = '(k) REFERENCES s2(k)')").Message, "dup table:s2 has no unique constraint")
	require.Contains(t, c.fails("CREATE TABLE d.x"+shape+"'foreign_key_constraints' = '(k) REFERENCES s1(l)')").Message, "are not dup table:s1's unique constraint")

	c.exec("CREATE TABLE d.s1_new"+shape+"'unique_constraints' = 'k')", "CREATE TABLE d.stranger"+shape+"'unique_constraints' = 'd.s1.k')", "CREATE TABLE d.other"+shape+"'unique_constraints' = 'l')")
	require.Contains(t, c.fails("ALTER TABLE d.s1 SWAP WITH other").Message, "does not contain the same unique constraints")
	require.Contains(t, c.fails("CREATE TABLE d.x"+shape+"'foreign_key_constraints' = '(k) REFERENCES stranger(k)')").Message, "are not dup table:stranger's unique constraint")
	c.exec("ALTER TABLE d.s1 SWAP WITH s1_new")
	require.Contains(t, ddl("s1"), `"default_catalog.d.s1.k"`)
	require.Contains(t, ddl("s1_new"), `"default_catalog.d.s1_new.k"`)
	require.Contains(t, ddl("s2"), "REFERENCES default_catalog.d.s1(k)")
	c.exec("DROP TABLE d.s1 FORCE")
	require.NotContains(t, ddl("s2"), "REFERENCES")
}

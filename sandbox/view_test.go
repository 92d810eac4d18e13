package sandbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
)

// use makes a database with a table of two rows and stays in it.
func (c *cluster) use(database string) {
	c.t.Helper()
	c.db.SetMaxOpenConns(1)
	c.exec("CREATE DATABASE "+database, "USE "+database,
		"CREATE TABLE t (id INT NOT NULL, city VARCHAR(20), v BIGINT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2",
		"INSERT INTO t VALUES (1, 'oslo', 10), (2, 'rome', 20), (3, 'oslo', 30)")
}

// cell returns one value.
func (c *cluster) cell(query string) (v string) {
	c.t.Helper()
	require.NoError(c.t, c.db.QueryRow(query).Scan(&v), query)
	return v
}

func (c *cluster) await(wanted, query string) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return c.cell(query) == wanted }, 10*time.Second, 5*time.Millisecond, "%s from %s", wanted, query)
}

func TestAViewIsShownAsItWasWrittenWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE VIEW v (a COMMENT 'the id', b) COMMENT 'a view' AS select id, -- the id\n v from t where v > 10")
	const want = "CREATE VIEW `v` (`a` COMMENT \"the id\", `b`)\nCOMMENT \"a view\" SECURITY NONE AS select id, -- the id\n v from t where v > 10;"
	require.Equal(t, []string{"v|" + want + "|utf8|utf8_general_ci"}, c.rows("SHOW CREATE VIEW v"))
	require.Equal(t, []string{"v|" + want + "|utf8|utf8_general_ci"}, c.rows("SHOW CREATE TABLE d.v"))
	require.Equal(t, "select id, -- the id\n v from t where v > 10", c.cell("SELECT VIEW_DEFINITION FROM information_schema.views WHERE TABLE_NAME = 'v'"))
	require.Equal(t, []string{"2|20", "3|30"}, c.rows("SELECT * FROM v ORDER BY a"))
	c.exec("CREATE DATABASE e", "USE e")
	require.Equal(t, []string{"2|20", "3|30"}, c.rows("SELECT a, b FROM d.v ORDER BY a"), "its names mean what they meant when it was made")
}

// A dump of a query over it holds the analysed text (docs get_query_dump.md, test/sql test_get_query_dump).
func TestAQueryDumpTellsWhatTheNamesOfAViewMean(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{Users: map[string]string{"eve": ""}})
	c.use("d")
	c.exec("CREATE DATABASE e", "CREATE VIEW e.v AS SELECT id FROM t")
	require.JSONEq(t, `{"statement": "SELECT * FROM e.v LIMIT 1", "table_meta": {}, "view_meta": {"e.v": "SELECT `+"`d`.`t`.`id`\\nFROM `d`.`t`"+`"}}`,
		c.column("SELECT get_query_dump('SELECT * FROM e.v LIMIT 1') AS dump", "dump")[0])
	require.Contains(t, c.fails("SELECT get_query_dump('')").Message, "get_query_dump: query is empty")
	_, err := read(connect(t, c.server, "eve", ""), "SELECT get_query_dump('SELECT * FROM e.v LIMIT 1')")
	require.Contains(t, wireError(t, err).Message, "execute query failed")
}

func TestOlderReleasesShowTheAnalysedTextOfAView(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{AnalysedText: true})
	c.use("d")
	c.exec("CREATE VIEW v AS SELECT id, count(*) AS n FROM t x GROUP BY id")
	require.Equal(t, "CREATE VIEW `v` (`id`, `n`) SECURITY NONE AS SELECT `x`.`id`, count(*) AS `n`\nFROM `d`.`t` AS `x`\nGROUP BY `x`.`id`;",
		c.column("SHOW CREATE VIEW v", "Create View")[0])
}

func TestAViewOfWhatIsNotThereIsRefused(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	require.Contains(t, c.fails("CREATE VIEW v AS SELECT a FROM missing").Message, "Unknown table 'd.missing'")
	require.Contains(t, c.fails("CREATE VIEW v AS SELECT a FROM nowhere.t").Message, "Unknown database 'nowhere'")
	require.Contains(t, c.fails("CREATE VIEW v AS SELECT nothing FROM t").Message, "nothing")
	require.Contains(t, c.fails("CREATE VIEW v (a) AS SELECT id, v FROM t").Message, "different column counts")
	require.Contains(t, c.fails("CREATE VIEW v AS SELECT id, id FROM t").Message, "Duplicate column name 'id'")
	c.exec("CREATE VIEW v AS SELECT id FROM t")
	require.EqualValues(t, 1050, c.fails("CREATE VIEW v AS SELECT 1").Number)
	require.EqualValues(t, 1050, c.fails("CREATE TABLE v (a INT)").Number)
	require.Contains(t, c.fails("CREATE OR REPLACE VIEW t AS SELECT 1 AS a").Message, "The specified table [t] is not a view")
	require.Equal(t, "'d'.'v' is not 'TABLE'", c.fails("DROP TABLE v").Message)
	require.Equal(t, "'d'.'t' is not 'VIEW'", c.fails("DROP VIEW t").Message)
	require.Equal(t, "'d'.'t' is not 'VIEW'", c.fails("SHOW CREATE VIEW t").Message)
	c.exec("DROP VIEW v", "DROP VIEW IF EXISTS v")
}

func TestAnAlteredViewLosesItsCommentAndAReplacedOneKeepsItsSecurity(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE VIEW v COMMENT 'old' SECURITY INVOKER AS SELECT id FROM t", "CREATE OR REPLACE VIEW v COMMENT 'new' SECURITY NONE AS SELECT v FROM t")
	require.Equal(t, "CREATE VIEW `v` (`v`)\nCOMMENT \"new\" SECURITY INVOKER AS SELECT v FROM t;", c.column("SHOW CREATE VIEW v", "Create View")[0])
	c.exec("ALTER VIEW v (w) AS SELECT v FROM t", "ALTER VIEW v SET SECURITY NONE")
	require.Equal(t, "CREATE VIEW `v` (`w`) SECURITY NONE AS SELECT v FROM t;", c.column("SHOW CREATE VIEW v", "Create View")[0])
}

func TestMaterializedViewsAreViewsToTheInformationSchema(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE MATERIALIZED VIEW m COMMENT 'sums' DISTRIBUTED BY HASH(city) BUCKETS 2 REFRESH ASYNC START('2030-01-01 00:00:00') EVERY(INTERVAL 1 HOUR) "+
		"PROPERTIES ('replication_num' = '1') AS select city, sum(v) as total, count(*) n from t group by city",
		"REFRESH MATERIALIZED VIEW m WITH SYNC MODE")
	const want = "CREATE MATERIALIZED VIEW `m` (`city`, `total`, `n`)\nCOMMENT \"sums\"\nDISTRIBUTED BY HASH(`city`) BUCKETS 2 \n" +
		"REFRESH SCHEDULE START(\"2030-01-01 00:00:00\") EVERY(INTERVAL 1 HOUR)\nPROPERTIES (\n\"replicated_storage\" = \"true\",\n\"replication_num\" = \"1\",\n" +
		"\"storage_medium\" = \"HDD\"\n)\nAS select city, sum(v) as total, count(*) n from t group by city;"
	require.Equal(t, []string{"m|" + want}, c.rows("SHOW CREATE MATERIALIZED VIEW m"))
	require.Equal(t, []string{"m|" + want}, c.rows("SHOW CREATE TABLE m"))
	require.Equal(t, []string{"m|CREATE VIEW `m` AS SELECT `d`.`t`.`city`, sum(`d`.`t`.`v`) AS `total`, count(*) AS `n`\nFROM `d`.`t`\ngroup by `d`.`t`.`city`|utf8|utf8_general_ci"},
		c.rows("SHOW CREATE VIEW m"), "the one statement that shows names in full")
	require.Equal(t, want, c.cell("SELECT MATERIALIZED_VIEW_DEFINITION FROM information_schema.materialized_views WHERE TABLE_NAME = 'm'"))
	require.Equal(t, []string{"oslo|40|2", "rome|20|1"}, c.rows("SELECT * FROM m ORDER BY city"))
	require.Equal(t, "VIEW", c.cell("SELECT TABLE_TYPE FROM information_schema.tables WHERE TABLE_NAME = 'm'"))
	require.Equal(t, "MATERIALIZED_VIEW", c.cell("SELECT TABLE_ENGINE FROM information_schema.tables_config WHERE TABLE_NAME = 'm'"))
	require.Equal(t, []string{"city|varchar(20)", "total|bigint(20)", "n|bigint(20)"},
		c.rows("SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.columns WHERE TABLE_NAME = 'm'"))
	require.Equal(t, []string{"MATERIALIZED_VIEW|m|OLAP|t"}, c.rows("SELECT object_type, object_name, ref_object_type, ref_object_name FROM sys.object_dependencies"))
}

func TestMaterializedViewsTakeNoRows(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE MATERIALIZED VIEW m DISTRIBUTED BY HASH(id) REFRESH DEFERRED MANUAL AS SELECT id, v FROM t")
	require.Contains(t, c.fails("INSERT INTO m VALUES (1, 2)").Message,
		"The data of 'm' cannot be inserted because 'm' is a materialized view,and the data of materialized view must be consistent with the base table.")
	require.Contains(t, c.fails("DELETE FROM m WHERE id = 1").Message, "The data of 'm' cannot be deleted because it is a materialized view")
	require.Contains(t, c.fails("DROP TABLE m").Message, "use 'drop materialized view m' to drop it.")
	require.Contains(t, c.fails("ALTER TABLE m RENAME n").Message, "you can use 'ALTER MATERIALIZED VIEW' to alter it.")
	require.Equal(t, "0", c.cell("SELECT count(*) FROM m"), "DEFERRED: nobody has refreshed it yet")
	c.exec("DROP MATERIALIZED VIEW m")
}

func TestMaterializedViewsFollowTheirTables(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE MATERIALIZED VIEW follower DISTRIBUTED BY HASH(id) REFRESH ASYNC AS SELECT id FROM t",
		"CREATE MATERIALIZED VIEW manual DISTRIBUTED BY HASH(id) REFRESH MANUAL AS SELECT id FROM t")
	c.await("3", "SELECT count(*) FROM follower")
	c.await("3", "SELECT count(*) FROM manual")
	c.exec("INSERT INTO t VALUES (4, 'x', 1)")
	c.await("4", "SELECT count(*) FROM follower")
	require.Equal(t, "3", c.cell("SELECT count(*) FROM manual"))
	c.exec("REFRESH MATERIALIZED VIEW manual WITH SYNC MODE")
	require.Equal(t, "4", c.cell("SELECT count(*) FROM manual"))
	require.Equal(t, "SUCCESS", c.column("SHOW MATERIALIZED VIEWS LIKE 'manual'", "last_refresh_state")[0])
}

func TestReplacedPartitionsRefreshWhatFollows(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE TABLE r (id INT NOT NULL) PARTITION BY RANGE(id) (PARTITION p1 VALUES LESS THAN ('10'), PARTITION p2 VALUES LESS THAN ('20')) DISTRIBUTED BY HASH(id) BUCKETS 1",
		"INSERT INTO r VALUES (1), (2), (11)", "CREATE MATERIALIZED VIEW m DISTRIBUTED BY HASH(id) REFRESH ASYNC AS SELECT id FROM r")
	c.await("3", "SELECT count(*) FROM m")
	c.exec("ALTER TABLE r ADD TEMPORARY PARTITION t1 VALUES LESS THAN ('10')", "INSERT INTO r TEMPORARY PARTITION (t1) VALUES (3)",
		"ALTER TABLE r REPLACE PARTITION (p1) WITH TEMPORARY PARTITION (t1)")
	c.await("2", "SELECT count(*) FROM m")
	c.exec("DELETE FROM r WHERE id = 3")
	c.await("1", "SELECT count(*) FROM m")
	c.exec("INSERT INTO r VALUES (4)")
	c.await("2", "SELECT count(*) FROM m")
	c.exec("ALTER TABLE r DROP PARTITION p2")
	c.await("1", "SELECT count(*) FROM m")
	c.exec("TRUNCATE TABLE r")
	c.await("0", "SELECT count(*) FROM m")
}

func TestSwappedTablesMakeMaterializedViewsInactiveThroughOneAnother(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ statement, reason string }{
		{"ALTER TABLE t SWAP WITH other", "base-table swapped: t"},
		{"ALTER TABLE t RENAME gone", "base-table renamed: t"},
		{"DROP TABLE t", "base-table dropped: t"},
		{"CREATE OR REPLACE VIEW between AS SELECT id, v + 1 AS v FROM t", "base-view changed: between"},
		{"ALTER VIEW between AS SELECT id, v FROM t", "base-view changed: between"},
		{"DROP VIEW between", "base-table dropped: between"},
	} {
		t.Run(test.statement, func(t *testing.T) {
			t.Parallel()
			c := start(t, sandbox.Config{})
			c.use("d")
			c.exec("CREATE TABLE other (id INT NOT NULL, city VARCHAR(20), v BIGINT) DISTRIBUTED BY HASH(id) BUCKETS 2", "CREATE DATABASE e",
				"CREATE VIEW between AS SELECT id, v FROM t",
				"CREATE MATERIALIZED VIEW e.lower DISTRIBUTED BY HASH(id) REFRESH DEFERRED MANUAL AS SELECT id, v FROM between",
				"CREATE MATERIALIZED VIEW upper DISTRIBUTED BY HASH(id) REFRESH DEFERRED MANUAL AS SELECT id FROM e.lower", test.statement)
			require.Equal(t, []string{"lower|false|" + test.reason, "upper|false|base-mv inactive: lower"},
				c.rows("SELECT TABLE_NAME, IS_ACTIVE, INACTIVE_REASON FROM information_schema.materialized_views ORDER BY TABLE_NAME"))
			require.Contains(t, c.fails("ALTER MATERIALIZED VIEW upper ACTIVE").Message, "Create/Rebuild materialized view from inactive materialized view: lower")
			_, err := c.db.Exec("ALTER MATERIALIZED VIEW e.lower ACTIVE")
			if test.reason == "base-table renamed: t" || test.reason == "base-table dropped: t" || test.reason == "base-table dropped: between" {
				require.Contains(t, wireError(t, err).Message, "Can not active materialized view [lower] because analyze materialized view define sql")
				return
			}
			require.NoError(t, err)
			c.exec("ALTER MATERIALIZED VIEW upper ACTIVE")
			require.Equal(t, []string{"true", "true"}, c.rows("SELECT IS_ACTIVE FROM information_schema.materialized_views"))
		})
	}
}

func TestAnInactiveMaterializedViewIsActivatedByARefreshUnlessAUserMadeItInactive(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE TABLE other (id INT NOT NULL, city VARCHAR(20), v BIGINT) DISTRIBUTED BY HASH(id) BUCKETS 2", "INSERT INTO other VALUES (9, 'x', 90)",
		"CREATE MATERIALIZED VIEW m DISTRIBUTED BY HASH(id) REFRESH DEFERRED MANUAL AS SELECT id, v FROM t", "REFRESH MATERIALIZED VIEW m WITH SYNC MODE",
		"ALTER TABLE t SWAP WITH other")
	require.Equal(t, []string{"1|10", "2|20", "3|30"}, c.rows("SELECT * FROM m ORDER BY id"), "an inactive one still answers, with old rows")
	c.exec("REFRESH MATERIALIZED VIEW m WITH SYNC MODE")
	require.Equal(t, []string{"9|90"}, c.rows("SELECT * FROM m"))
	c.exec("ALTER MATERIALIZED VIEW m INACTIVE")
	require.Contains(t, c.fails("REFRESH MATERIALIZED VIEW m WITH SYNC MODE").Message, "is not active due to user use alter materialized view set status to inactive")
}

func TestSwappedMaterializedViewsChangeTheirNames(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE MATERIALIZED VIEW m DISTRIBUTED BY HASH(id) REFRESH DEFERRED MANUAL AS SELECT id FROM t",
		"CREATE MATERIALIZED VIEW n DISTRIBUTED BY HASH(id) REFRESH DEFERRED MANUAL AS SELECT id, v FROM t",
		"CREATE MATERIALIZED VIEW over DISTRIBUTED BY HASH(id) REFRESH DEFERRED MANUAL AS SELECT id FROM m",
		"ALTER MATERIALIZED VIEW m SWAP WITH n")
	require.Equal(t, []string{"id", "v"}, c.column("DESC m", "Field"))
	require.Equal(t, "base-table swapped: m", c.column("SHOW MATERIALIZED VIEWS LIKE 'over'", "inactive_reason")[0])
	require.Contains(t, c.fails("ALTER MATERIALIZED VIEW m SWAP WITH t").Message, "Materialized view can only SWAP WITH materialized view")
	require.Contains(t, c.fails("ALTER TABLE t SWAP WITH m").Message, "Materialized view can only SWAP WITH materialized view")
	c.exec("ALTER MATERIALIZED VIEW m RENAME moved", "ALTER MATERIALIZED VIEW moved SET ('mv_rewrite_staleness_second' = '60')",
		"ALTER MATERIALIZED VIEW moved REFRESH ASYNC EVERY(INTERVAL 2 DAY)")
	require.Contains(t, c.cell("SELECT MATERIALIZED_VIEW_DEFINITION FROM information_schema.materialized_views WHERE TABLE_NAME = 'moved'"),
		"REFRESH DEFERRED SCHEDULE EVERY(INTERVAL 2 DAY)")
}

func TestAMaterializedViewIsPartitionedByItsRefreshes(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE TABLE days (id INT NOT NULL, at DATETIME NOT NULL) PARTITION BY date_trunc('day', at) DISTRIBUTED BY HASH(id) BUCKETS 1",
		"INSERT INTO days VALUES (1, '2026-01-01 10:00:00'), (2, '2026-01-02 10:00:00')",
		"CREATE MATERIALIZED VIEW m PARTITION BY date_trunc('day', at) DISTRIBUTED BY HASH(id) BUCKETS 1 ORDER BY (id) REFRESH DEFERRED MANUAL AS SELECT id, at FROM days",
		"REFRESH MATERIALIZED VIEW m WITH SYNC MODE")
	require.Equal(t, []string{"p20260101", "p20260102"}, c.column("SHOW PARTITIONS FROM m", "PartitionName"))
	require.Contains(t, c.column("SHOW CREATE MATERIALIZED VIEW m", "Create Materialized View")[0], "\nPARTITION BY (date_trunc('day', at))\nDISTRIBUTED BY HASH(`id`) BUCKETS 1 \nORDER BY (id)\n")
	_, err := c.db.ExecContext(context.Background(), "REFRESH MATERIALIZED VIEW m FORCE WITH SYNC MODE")
	require.NoError(t, err)
	require.Equal(t, "2", c.cell("SELECT count(*) FROM m"))
}

func TestColumnsOfAViewHaveTheTypesOfTheirExpressions(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE TABLE s (k INT NOT NULL, b BITMAP BITMAP_UNION, total DECIMAL(10,2) SUM) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1",
		"INSERT INTO s VALUES (1, to_bitmap(7), 1.5)",
		"CREATE VIEW v AS SELECT x.k, length(hex(x.k)) AS l, bitmap_to_string(b) AS text, if(k > 0, total, NULL) AS some FROM s x",
		"CREATE VIEW w AS SELECT max(city) AS city, min(v) AS low, sum(v) AS sum, count(id) AS n FROM t",
		"CREATE VIEW u AS SELECT a.id, upper(b.city) AS city FROM t a JOIN t b ON a.id = b.id")
	types := "SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.columns WHERE TABLE_NAME = "
	require.Equal(t, []string{"k|int(11)", "l|int(11)", "text|varchar(65533)", "some|decimal(38, 2)"}, c.rows(types+"'v'"))
	require.Equal(t, []string{"1|1|7|1.50"}, c.rows("SELECT * FROM v"))
	require.Equal(t, []string{"city|varchar(20)", "low|bigint(20)", "sum|bigint(20)", "n|bigint(20)"}, c.rows(types+"'w'"))
	require.Equal(t, []string{"rome|10|60|3"}, c.rows("SELECT * FROM w"))
	require.Equal(t, []string{"3|OSLO"}, c.rows("SELECT * FROM u WHERE id > 2"))
}

package sandbox_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
	"starkeep/sandbox/fault"
)

// cluster is a sandbox with a session of root.
type cluster struct {
	t      *testing.T
	server *sandbox.Server
	db     *sql.DB
}

func start(t *testing.T, c sandbox.Config) *cluster {
	t.Helper()
	server, err := sandbox.Start(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return &cluster{t: t, server: server, db: connect(t, server, "root", c.RootPassword)}
}

func connect(t testing.TB, server *sandbox.Server, user, password string) *sql.DB {
	t.Helper()
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.InterpolateParams = "tcp", server.SQLAddr(), user, password, true
	db, err := sql.Open("mysql", config.FormatDSN())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func (c *cluster) exec(statements ...string) {
	c.t.Helper()
	for _, s := range statements {
		_, err := c.db.Exec(s)
		require.NoError(c.t, err, s)
	}
}

// fails runs a statement and returns its error.
func (c *cluster) fails(statement string) *mysql.MySQLError {
	c.t.Helper()
	_, err := c.db.Exec(statement)
	return wireError(c.t, err)
}

func wireError(t *testing.T, err error) *mysql.MySQLError {
	t.Helper()
	var native *mysql.MySQLError
	require.ErrorAs(t, err, &native)
	return native
}

// rows returns the rows of a query, each as its values joined by "|", NULL as \N.
func (c *cluster) rows(query string, args ...any) []string {
	c.t.Helper()
	return rowsOf(c.t, c.db, query, args...)
}

func rowsOf(t *testing.T, db *sql.DB, query string, args ...any) []string {
	t.Helper()
	table, err := read(db, query, args...)
	require.NoError(t, err, query)
	return table
}

func read(db *sql.DB, query string, args ...any) ([]string, error) {
	r, err := db.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	columns, err := r.Columns()
	if err != nil {
		return nil, err
	}
	table := []string{}
	values, pointers := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		pointers[i] = &values[i]
	}
	for r.Next() {
		if err := r.Scan(pointers...); err != nil {
			return nil, err
		}
		var parts []string
		for _, v := range values {
			if v == nil {
				parts = append(parts, `\N`)
			} else {
				parts = append(parts, string(v))
			}
		}
		table = append(table, strings.Join(parts, "|"))
	}
	return table, r.Err()
}

// column returns one column of a query by name.
func (c *cluster) column(query, name string) []string {
	c.t.Helper()
	r, err := c.db.Query(query)
	require.NoError(c.t, err, query)
	defer r.Close()
	columns, err := r.Columns()
	require.NoError(c.t, err)
	at := slices.Index(columns, name)
	require.GreaterOrEqual(c.t, at, 0, "%s not in %v", name, columns)
	values := []string{}
	for r.Next() {
		cells, pointers := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		require.NoError(c.t, r.Scan(pointers...))
		values = append(values, cells[at].String)
	}
	require.NoError(c.t, r.Err())
	return values
}

func TestRestartedSandboxNeverLooksLikeTheSameCluster(t *testing.T) {
	t.Parallel()
	identity := func() []string {
		c := start(t, sandbox.Config{})
		c.exec("CREATE DATABASE d", "CREATE TABLE d.t (a INT) DISTRIBUTED BY HASH(a) BUCKETS 1")
		return append(c.column("SHOW FRONTENDS", "ClusterId"), slices.Concat(
			c.rows("SELECT TABLE_ID FROM information_schema.tables_config"), c.rows("SELECT PARTITION_ID FROM information_schema.partitions_meta"),
			c.column("SHOW TABLET FROM d.t", "TabletId"))...)
	}
	first, second := identity(), identity()
	for i := range first {
		require.NotEqual(t, first[i], second[i])
	}
}

func TestStringsOfAnyBytesSurviveSQL(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, s STRING, v VARCHAR(300), c CHAR(255), b VARBINARY) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 3")
	want := map[string]string{}
	random := rand.New(rand.NewPCG(1, 2))
	for k := range 50 {
		b := make([]byte, random.IntN(255))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		want[fmt.Sprint(k)] = string(b)
		_, err := c.db.Exec("INSERT INTO d.t VALUES (?, ?, ?, ?, ?)", k, b, b, b, b)
		require.NoError(t, err)
	}
	for _, query := range []string{"SELECT k, s, v, c, b FROM d.t", "SELECT k, s, v, c, b FROM d.t WHERE k >= 0"} { // our reader, the engine's
		r, err := c.db.Query(query)
		require.NoError(t, err)
		n := 0
		for r.Next() {
			var k string
			var s, v, ch, b []byte
			require.NoError(t, r.Scan(&k, &s, &v, &ch, &b))
			for _, x := range [][]byte{s, v, ch, b} {
				require.True(t, bytes.Equal([]byte(want[k]), x), "%s: %q became %q", query, want[k], x)
			}
			n++
		}
		require.NoError(t, r.Err())
		require.NoError(t, r.Close())
		require.Equal(t, len(want), n)
	}
	c.exec("INSERT INTO d.t SELECT k, s, v, c, b FROM d.t")
	require.Equal(t, []string{"100"}, c.rows("SELECT count(*) FROM d.t"))
}

func TestValuesArePrintedAsTheServerPrintsThem(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", `CREATE TABLE d.t (k INT, bo BOOLEAN, ti TINYINT, sm SMALLINT, bi BIGINT, li LARGEINT, f FLOAT, db DOUBLE, de DECIMAL(38,10),
		da DATE, dt DATETIME, js JSON, s STRING) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1`)
	c.exec(`INSERT INTO d.t VALUES (1, true, -128, 32767, -9223372036854775808, -170141183460469231731687303715884105728, '1e20', '1e-5', '1.5',
		'2024-02-29', '2024-02-29 01:02:03.5', '{"b": 1, "a": [1,2]}', '')`)
	c.exec(`INSERT INTO d.t VALUES (2, 0, 127, -32768, 9223372036854775807, 170141183460469231731687303715884105727, 'nan', '-inf', '-9999999999999999999999999999.9999999999',
		'0000-01-01', '9999-12-31 23:59:59', 'null', '\\N')`)
	c.exec(`INSERT INTO d.t (k) VALUES (3)`)
	// The driver reads floats and prints them again: nan and inf come in its own spelling. A JSON scalar becomes a string.
	want := []string{
		`1|1|-128|32767|-9223372036854775808|-170141183460469231731687303715884105728|1e+20|1e-05|1.5000000000|2024-02-29|2024-02-29 01:02:03.500000|{"a": [1, 2], "b": 1}|`,
		`2|0|127|-32768|9223372036854775807|170141183460469231731687303715884105727|NaN|-Inf|-9999999999999999999999999999.9999999999|0000-01-01|9999-12-31 23:59:59|"null"|\N`,
		`3|\N|\N|\N|\N|\N|\N|\N|\N|\N|\N|\N|\N`,
	}
	require.Equal(t, want, c.rows("SELECT * FROM d.t"))
	require.Equal(t, want, c.rows("SELECT t.* FROM d.t AS t WHERE k > 0"))
}

func TestTabletIdsAreNotValidated(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", `CREATE TABLE d.t (a INT) PARTITION BY RANGE(a) (PARTITION p1 VALUES LESS THAN ("100"), PARTITION p2 VALUES LESS THAN ("200"))
		DISTRIBUTED BY HASH(a) BUCKETS 3`)
	for i := range 200 {
		c.exec(fmt.Sprintf("INSERT INTO d.t VALUES (%d)", i))
	}
	var ids []string
	total := 0
	for _, id := range c.column("SHOW TABLET FROM d.t PARTITION (p1) WHERE IndexName = 't'", "TabletId") {
		n := len(c.rows("SELECT a FROM d.t PARTITION (p1) TABLET (" + id + ")"))
		require.Positive(t, n)
		total += n
		ids = append(ids, id)
	}
	require.Len(t, ids, 3)
	require.Equal(t, 100, total)
	require.Equal(t, []string{"0"}, c.rows("SELECT count(*) FROM d.t PARTITION (p2) TABLET ("+ids[0]+")"))
	require.Empty(t, c.rows("SELECT a FROM d.t TABLET (1)"))
	require.Contains(t, c.fails("SELECT a FROM d.t PARTITION (p9)").Message, "Unknown partition 'p9' in table 't'")
	// hints hold in a query that the engine runs, too
	require.Equal(t, []string{"100|199"}, c.rows("SELECT min(a), max(x.a) FROM d.t PARTITION (p2) x WHERE a > 0"))
	require.Equal(t, []string{"100"}, c.rows("SELECT count(*) FROM d.t PARTITION (p1) TABLET ("+strings.Join(ids, ",")+") WHERE t.a >= 0"))
}

func TestEachLoadMovesTheVersionOfItsPartitionOnly(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", `CREATE TABLE d.t (a INT) PARTITION BY RANGE(a) (PARTITION p1 VALUES LESS THAN ("100"), PARTITION p2 VALUES [("100"), ("200")))
		DISTRIBUTED BY HASH(a) BUCKETS 1`)
	versions := func() []string {
		return c.rows("SELECT PARTITION_NAME, VISIBLE_VERSION FROM information_schema.partitions_meta WHERE DB_NAME = 'd' AND TABLE_NAME = 't'")
	}
	require.Equal(t, []string{"p1|1", "p2|1"}, versions())
	c.exec("INSERT INTO d.t VALUES (1)", "INSERT INTO d.t VALUES (2)")
	require.Equal(t, []string{"p1|3", "p2|1"}, versions())
	c.exec("DELETE FROM d.t PARTITION (p1) WHERE a = 1")
	require.Equal(t, []string{"p1|4", "p2|1"}, versions())
	require.Equal(t, []string{"2"}, c.rows("SELECT a FROM d.t"))
	require.Equal(t, versions(), zip(c.column("SHOW PARTITIONS FROM d.t", "PartitionName"), c.column("SHOW PARTITIONS FROM d.t", "VisibleVersion")))
	require.Contains(t, c.fails("INSERT INTO d.t VALUES (1), (5000)").Message, "filtered")
	require.Equal(t, []string{"p1|4", "p2|1"}, versions())
}

func zip(a, b []string) (pairs []string) {
	for i := range a {
		pairs = append(pairs, a[i]+"|"+b[i])
	}
	return pairs
}

func TestSwapExchangesNamesAndKeepsIds(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.live (a INT) DISTRIBUTED BY HASH(a) BUCKETS 1", "CREATE TABLE d.shadow (a INT) DISTRIBUTED BY HASH(a) BUCKETS 1",
		"INSERT INTO d.live VALUES (1)", "INSERT INTO d.shadow VALUES (2), (3)")
	ids := func() []string {
		return c.rows("SELECT TABLE_NAME, TABLE_ID FROM information_schema.tables_config WHERE TABLE_SCHEMA = 'd'")
	}
	parts := func() []string {
		return c.rows("SELECT TABLE_NAME, PARTITION_NAME, PARTITION_ID FROM information_schema.partitions_meta WHERE DB_NAME = 'd'")
	}
	before, partsBefore := ids(), parts()
	c.exec("ALTER TABLE d.live SWAP WITH shadow")
	exchange := func(list []string) (swapped []string) {
		for _, s := range list {
			s = strings.ReplaceAll(s, "live", "x")
			s = strings.ReplaceAll(s, "shadow", "live")
			swapped = append(swapped, strings.ReplaceAll(s, "x", "shadow"))
		}
		slices.Sort(swapped)
		return swapped
	}
	require.Equal(t, exchange(before), ids())
	require.Equal(t, exchange(partsBefore), parts())
	require.ElementsMatch(t, []string{"2", "3"}, c.rows("SELECT a FROM d.live"))
	require.Contains(t, c.fails("ALTER TABLE d.live SWAP WITH nowhere").Message, "Table nowhere does not exist or is not OLAP/LAKE table")

	c.exec("ALTER TABLE d.shadow RENAME retired")
	require.Contains(t, c.fails("ALTER TABLE d.live SWAP WITH shadow").Message, "does not exist", "a late duplicate of the swap must fail")
	require.Contains(t, c.fails("ALTER TABLE d.live RENAME retired").Message, "Table name[retired] is already used")
}

func TestReplacedPartitionHasTheTemporaryOnesId(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", `CREATE TABLE d.t (a INT) PARTITION BY RANGE(a) (PARTITION p1 VALUES [("0"), ("100")), PARTITION p2 VALUES [("100"), ("200")))
		DISTRIBUTED BY HASH(a) BUCKETS 1`, "INSERT INTO d.t VALUES (1), (101)",
		`ALTER TABLE d.t ADD TEMPORARY PARTITION tp1 VALUES [("0"), ("100"))`,
		`ALTER TABLE d.t ADD TEMPORARY PARTITION IF NOT EXISTS tp1 VALUES [("0"), ("100"))`,
		`ALTER TABLE d.t ADD TEMPORARY PARTITION wide VALUES [("100"), ("300"))`,
		"INSERT INTO d.t TEMPORARY PARTITION (tp1) VALUES (7), (8)")
	require.NotContains(t, c.rows("SHOW CREATE TABLE d.t")[0], "tp1")
	require.Equal(t, []string{"tp1", "wide"}, c.column("SHOW TEMPORARY PARTITIONS FROM d.t", "PartitionName"))
	require.Equal(t, []string{"p1|0", "p2|0", "tp1|1", "wide|1"}, c.rows("SELECT PARTITION_NAME, IS_TEMP FROM information_schema.partitions_meta"))
	require.Equal(t, []string{"1", "101"}, c.rows("SELECT a FROM d.t"), "temporary partitions are not read")
	require.ElementsMatch(t, []string{"7", "8"}, c.rows("SELECT a FROM d.t TEMPORARY PARTITION (tp1)"))
	require.Contains(t, c.fails("INSERT INTO d.t TEMPORARY PARTITION (tp1) VALUES (150)").Message, "filtered")

	require.Contains(t, c.fails(`ALTER TABLE d.t REPLACE PARTITION (p2) WITH TEMPORARY PARTITION (wide)`).Message, "2 range lists are not strictly matched")
	temporary := c.column("SHOW TEMPORARY PARTITIONS FROM d.t", "PartitionId")[0]
	c.exec(`ALTER TABLE d.t REPLACE PARTITION (p1) WITH TEMPORARY PARTITION (tp1) PROPERTIES ("strict_range" = "true", "use_temp_partition_name" = "false")`)
	require.Equal(t, []string{"p1", "p2"}, c.column("SHOW PARTITIONS FROM d.t", "PartitionName"))
	require.Equal(t, temporary, c.column("SHOW PARTITIONS FROM d.t", "PartitionId")[0])
	require.ElementsMatch(t, []string{"7", "8", "101"}, c.rows("SELECT a FROM d.t"))
	require.Contains(t, c.fails(`ALTER TABLE d.t REPLACE PARTITION (p1) WITH TEMPORARY PARTITION (tp1)`).Message, "tp1")
}

func TestTruncateGivesNewPartitionIds(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.t (a INT) DISTRIBUTED BY HASH(a) BUCKETS 2", "INSERT INTO d.t VALUES (1)")
	before := c.column("SHOW PARTITIONS FROM d.t", "PartitionId")
	c.exec("TRUNCATE TABLE d.t")
	require.NotEqual(t, before, c.column("SHOW PARTITIONS FROM d.t", "PartitionId"))
	require.Equal(t, []string{"1"}, c.column("SHOW PARTITIONS FROM d.t", "VisibleVersion"))
	require.Equal(t, []string{"0"}, c.rows("SELECT count(*) FROM d.t"))
}

func TestModelsMergeRowsOfOneKey(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d")
	for _, model := range []string{"UNIQUE", "PRIMARY"} {
		name := "d." + strings.ToLower(model) + "s"
		c.exec("CREATE TABLE "+name+" (k INT NOT NULL, v STRING) "+model+" KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2",
			"INSERT INTO "+name+" VALUES (1, 'a'), (2, 'b'), (1, 'c')", "INSERT INTO "+name+" VALUES (2, 'd'), (3, NULL)")
		require.ElementsMatch(t, []string{"1|c", "2|d", `3|\N`}, c.rows("SELECT * FROM "+name), model)
	}
	c.exec(`CREATE TABLE d.agg (k INT, s BIGINT SUM, d DECIMAL(10,2) SUM, mx DATE MAX, mn INT MIN, r STRING REPLACE, rn STRING REPLACE_IF_NOT_NULL)
		AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1`,
		"INSERT INTO d.agg VALUES (1, 10, 1.25, '2024-01-01', 5, 'x', 'x'), (1, -30, 2.5, '2023-01-01', -7, NULL, NULL)",
		"INSERT INTO d.agg VALUES (1, NULL, -10, '2025-01-01', 6, 'z', NULL), (2, 9223372036854775807, NULL, NULL, NULL, NULL, NULL)",
		"INSERT INTO d.agg VALUES (2, 1, NULL, NULL, NULL, NULL, NULL)")
	require.ElementsMatch(t, []string{`1|-20|-6.25|2025-01-01|-7|z|x`, `2|-9223372036854775808|\N|\N|\N|\N|\N`}, c.rows("SELECT * FROM d.agg"))
}

func TestOnlyPrimaryTablesTakeUpdates(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.p (k INT NOT NULL, v INT, s STRING) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2",
		"CREATE TABLE d.dup (k INT, v INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2", "INSERT INTO d.p VALUES (1, 10, 'a'), (2, 20, 'b')",
		"UPDATE d.p SET v = v + 1, s = concat(s, '!') WHERE k = 2")
	require.ElementsMatch(t, []string{"1|10|a", "2|21|b!"}, c.rows("SELECT * FROM d.p"))
	require.Contains(t, c.fails("UPDATE d.dup SET v = 1 WHERE k = 1").Message, "does not support update")
	require.Contains(t, c.fails("UPDATE d.p SET v = 1").Message, "must specify where clause")
	require.Contains(t, c.fails("DELETE FROM d.p").Message, "Where clause is not set")
}

func TestAnUpdateKeepsTheColumnsThatItDoesNotName(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.p (k INT NOT NULL, v INT, j JSON, b VARBINARY, s STRING) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2")
	raw := "\xff\x00\\N"
	_, err := c.db.Exec("INSERT INTO d.p VALUES (1, 10, '[1]', ?, ?), (2, 0, NULL, '', '')", raw, raw)
	require.NoError(t, err)
	c.exec("UPDATE d.p SET v = 11 WHERE k > 0")
	require.ElementsMatch(t, []string{"1|11|[1]|" + raw + "|" + raw, `2|11|\N||`}, c.rows("SELECT * FROM d.p"))
}

func TestAdHocQueriesRun(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.o (id INT, city STRING, amount DECIMAL(10,2)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2",
		"CREATE TABLE d.c (city STRING, country STRING) DISTRIBUTED BY RANDOM BUCKETS 2",
		"INSERT INTO d.o VALUES (1, 'Bern', 10.5), (2, 'Kyiv', 20.25), (3, 'Bern', 1.25)", "INSERT INTO d.c VALUES ('Bern', 'CH'), ('Kyiv', 'UA')")
	require.Equal(t, []string{"CH|2|11.75", "UA|1|20.25"},
		c.rows("SELECT c.country, count(*), sum(o.amount) FROM d.o o JOIN d.c c ON o.city = c.city GROUP BY c.country ORDER BY 1"))
	require.Equal(t, []string{"2"}, c.rows("SELECT count(*) FROM d.o WHERE city LIKE 'B%' AND amount > 1"))
	c.exec("INSERT INTO d.o (id, city) SELECT id + 10, upper(city) FROM d.o WHERE id < 3", "INSERT OVERWRITE d.c SELECT 'Rome', 'IT'")
	require.Equal(t, []string{"11|BERN|\\N", "12|KYIV|\\N"}, c.rows("SELECT * FROM d.o WHERE id > 10 ORDER BY id"))
	require.Equal(t, []string{"Rome|IT"}, c.rows("SELECT * FROM d.c"))
	require.Equal(t, uint16(5502), c.fails("SELECT a+1 FROM d.nowhere").Number)
	require.Equal(t, uint16(5501), c.fails("SELECT a+1 FROM nowhere.t").Number)
}

func TestSelectLimitTruncatesInSilence(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.t (a INT) DISTRIBUTED BY HASH(a) BUCKETS 1", "INSERT INTO d.t VALUES (1),(2),(3)")
	conn, err := c.db.Conn(context.Background())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(context.Background(), "SET sql_select_limit = 2")
	require.NoError(t, err)
	for _, query := range []string{"SELECT a FROM d.t", "SELECT a + 0 FROM d.t"} {
		r, err := conn.QueryContext(context.Background(), query)
		require.NoError(t, err)
		n := 0
		for r.Next() {
			n++
		}
		require.NoError(t, r.Err())
		require.Equal(t, 2, n, query)
	}
	_, err = conn.ExecContext(context.Background(), "SET no_such_variable = 1")
	require.Equal(t, uint16(1193), wireError(t, err).Number)
}

func TestClocksDiffer(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.t (a INT) DISTRIBUTED BY HASH(a) BUCKETS 1")
	c.db.SetMaxOpenConns(1)
	show := c.column("SHOW PARTITIONS FROM d.t", "VisibleVersionTime")[0]
	meta := func(zone string) string {
		c.exec("SET time_zone = '" + zone + "'")
		return c.rows("SELECT VISIBLE_VERSION_TIME FROM information_schema.partitions_meta")[0]
	}
	require.Equal(t, show, meta("+08:00"))
	require.Equal(t, show, meta("Asia/Shanghai"))
	require.NotEqual(t, show, meta("+00:00"))
}

func TestDeniedPrivilegesAreNamed(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{RootPassword: "secret", Users: map[string]string{"eve": "pw"}})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.t (a INT) DISTRIBUTED BY HASH(a) BUCKETS 1", "INSERT INTO d.t VALUES (1)")
	require.Equal(t, uint16(1045), wireError(t, connect(t, c.server, "eve", "wrong").Ping()).Number)
	require.Equal(t, uint16(1045), wireError(t, connect(t, c.server, "nobody", "").Ping()).Number)
	eve := connect(t, c.server, "eve", "pw")
	for statement, privilege := range map[string]string{
		"SELECT a FROM d.t": "SELECT privilege(s) on TABLE t", "SELECT a+1 FROM d.t": "SELECT privilege(s) on TABLE t",
		"INSERT INTO d.t VALUES (2)": "INSERT privilege(s) on TABLE t", "DROP TABLE d.t": "DROP privilege(s) on TABLE t",
		"ALTER TABLE d.t RENAME u": "ALTER privilege(s) on TABLE t", "CREATE TABLE d.u (a INT) DISTRIBUTED BY HASH(a)": "CREATE TABLE privilege(s) on DATABASE d",
		"CREATE DATABASE e": "CREATE DATABASE privilege(s) on CATALOG default_catalog", "SHOW FRONTENDS": "OPERATE OR NODE privilege(s) on SYSTEM",
		"SHOW CREATE TABLE d.t": "ANY privilege(s) on TABLE t", "GRANT SELECT ON TABLE d.t TO USER eve": "GRANT privilege(s) on SYSTEM",
	} {
		_, err := read(eve, statement)
		denied := wireError(t, err)
		require.Equal(t, uint16(5203), denied.Number, statement)
		require.Equal(t, "42000", string(denied.SQLState[:]), statement)
		require.Contains(t, denied.Message, "you need (at least one of) the "+privilege, statement)
	}
	require.Empty(t, rowsOf(t, eve, "SELECT * FROM information_schema.tables"))
	c.exec("GRANT SELECT, EXPORT ON ALL TABLES IN ALL DATABASES TO USER 'eve'", "GRANT OPERATE ON SYSTEM TO 'eve'@'%'",
		"GRANT CREATE TABLE ON DATABASE d TO eve", "GRANT CREATE DATABASE ON CATALOG default_catalog TO eve", "GRANT INSERT, ALTER, DROP ON TABLE d.t TO eve",
		"GRANT REPOSITORY ON SYSTEM TO eve")
	require.Equal(t, []string{"1"}, rowsOf(t, eve, "SELECT a FROM d.t"))
	require.Equal(t, []string{
		"'eve'@'%'|default_catalog|GRANT SELECT, EXPORT ON ALL TABLES IN ALL DATABASES TO USER 'eve'@'%'",
		"'eve'@'%'|default_catalog|GRANT DROP, INSERT, ALTER ON TABLE d.t TO USER 'eve'@'%'",
		"'eve'@'%'|default_catalog|GRANT CREATE TABLE ON DATABASE d TO USER 'eve'@'%'",
		"'eve'@'%'|default_catalog|GRANT OPERATE, REPOSITORY ON SYSTEM TO USER 'eve'@'%'",
		"'eve'@'%'|default_catalog|GRANT CREATE DATABASE ON CATALOG default_catalog TO USER 'eve'@'%'",
	}, rowsOf(t, eve, "SHOW GRANTS"))
	require.Len(t, rowsOf(t, eve, "SHOW FRONTENDS"), 1)
	c.exec("REVOKE SELECT ON ALL TABLES IN ALL DATABASES FROM USER eve")
	_, err := read(eve, "SELECT a FROM d.t")
	require.Equal(t, uint16(5203), wireError(t, err).Number)
	require.Contains(t, c.fails("GRANT NODE ON SYSTEM TO eve").Message, "use built-in role instead", "NODE cannot be granted directly")
}

func TestUnknownObjectsHaveTheirOwnErrors(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d")
	for statement, number := range map[string]uint16{
		"SHOW CREATE DATABASE `x`": 5501, "SHOW CREATE TABLE `d`.`x`": 5502, "SHOW CREATE TABLE `x`.`t`": 5501, "SELECT `a` FROM `d`.`x`": 5502,
		"SELECT `a` FROM `x`.`t`": 5501, "DROP DATABASE `x`": 1008, "DROP TABLE d.x": 5502, "CREATE DATABASE d": 1007, "SELECT a FROM t": 1046,
		"SHOW PARTITIONS FROM d.x": 5502, "TRUNCATE TABLE d.x": 5502, "ALTER TABLE d.x RENAME y": 5502, "USE x": 5501,
	} {
		_, err := read(c.db, statement)
		require.Equal(t, number, wireError(t, err).Number, statement)
	}
	c.exec("DROP TABLE IF EXISTS d.x FORCE", "CREATE DATABASE IF NOT EXISTS d", "DROP DATABASE IF EXISTS x")
	require.Contains(t, c.fails("CREATE TABEL d.x (a INT)").Message, "Getting syntax error at line 1, column 7.")
}

func TestACutConnectionIsCutBeforeOrAfterItsStatement(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.t (a INT) DISTRIBUTED BY HASH(a) BUCKETS 1")
	for action, want := range map[fault.Action]string{fault.Cut: "0", fault.CutAfter: "1"} {
		_, err := c.server.Faults().Add(fault.Rule{Kind: fault.SQL, Contains: "INSERT", Action: action})
		require.NoError(t, err)
		_, err = c.db.Exec("INSERT INTO d.t VALUES (1)")
		require.Error(t, err)
		var native *mysql.MySQLError
		require.False(t, errors.As(err, &native), "a lost answer is no answer: %v", err)
		require.Equal(t, []string{want}, c.rows("SELECT count(*) FROM d.t"), action)
		c.server.Faults().Clear()
		c.exec("TRUNCATE TABLE d.t")
	}
	_, err := c.server.Faults().Add(fault.Rule{Kind: fault.SQL, Contains: "INSERT", Action: fault.Error, Message: "disk full", Code: 1114})
	require.NoError(t, err)
	require.Equal(t, uint16(1114), c.fails("INSERT INTO d.t VALUES (1)").Number)
	c.exec("INSERT INTO d.t VALUES (1)")
}

func TestToolsConnect(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	for _, statement := range []string{
		"select @@version_comment limit 1",
		"SELECT @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@max_allowed_packet",
		"SELECT 1", "SELECT DATABASE()", "SELECT USER()", "SELECT VERSION()", "SELECT connection_id()", "SET NAMES utf8mb4", "SET autocommit=1",
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET character_set_results = NULL", "SET sql_mode='STRICT_TRANS_TABLES'", "SHOW VARIABLES LIKE 'lower_case_%'",
		"SHOW WARNINGS", "SHOW ENGINES", "SHOW CHARSET", "SHOW COLLATION", "SHOW PLUGINS", "SHOW STATUS", "SHOW PROCESSLIST", "SHOW CATALOGS", "BEGIN", "COMMIT", "ROLLBACK",
		"SHOW DATABASES", "SHOW FULL TABLES FROM information_schema", "USE information_schema", "SELECT * FROM information_schema.schemata", "SET ROLE ALL", "SHOW GRANTS",
		"/* comment */ SELECT 1 -- more", "SHOW COMPUTE NODES", "SHOW BACKENDS", "SELECT current_version()", "ADMIN SHOW FRONTEND CONFIG LIKE 'run_mode'",
	} {
		_, err := read(c.db, statement)
		require.NoError(t, err, statement)
	}
	for name := range map[string]bool{"tables": true, "columns": true, "partitions_meta": true, "tables_config": true, "views": true, "materialized_views": true, "loads": true, "partitions": true} {
		_, err := read(c.db, "SELECT * FROM information_schema."+name)
		require.NoError(t, err, name)
	}
}

func TestSystemViewsAnswerAlikeWithAndWithoutTheEngine(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE DATABASE e", "CREATE TABLE d.t (a INT, b DECIMAL(10,2)) DISTRIBUTED BY HASH(a) BUCKETS 1", "CREATE TABLE e.t (a INT) DISTRIBUTED BY HASH(a) BUCKETS 1",
		"CREATE VIEW d.v AS SELECT a FROM d.t", "CREATE MATERIALIZED VIEW d.m DISTRIBUTED BY HASH(a) REFRESH DEFERRED MANUAL AS SELECT a FROM d.t", "INSERT INTO d.t VALUES (1, 2)",
		"REFRESH MATERIALIZED VIEW d.m WITH SYNC MODE") // two looks at one that is being refreshed would differ
	for view, database := range map[string]string{"tables": "TABLE_SCHEMA", "tables_config": "TABLE_SCHEMA", "columns": "TABLE_SCHEMA", "partitions_meta": "DB_NAME", "views": "TABLE_SCHEMA",
		"materialized_views": "TABLE_SCHEMA", "loads": "DB_NAME"} {
		for _, condition := range []string{database + " = 'd'", database + " = 'd' AND TABLE_NAME = 't'", "table_name = 'm'", database + " = 'nowhere'"} {
			plain := "SELECT * FROM information_schema." + view + " WHERE " + condition
			require.Equal(t, c.rows(plain+" AND 1 = 1"), c.rows(plain), plain)
		}
	}
	require.ElementsMatch(t, []string{"t|BASE TABLE", "v|VIEW", "m|VIEW"}, c.rows("SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.tables WHERE TABLE_SCHEMA = 'd'"), "materialized views are called VIEW here")
	require.Equal(t, []string{"MATERIALIZED_VIEW"}, c.rows("SELECT TABLE_ENGINE FROM information_schema.tables_config WHERE TABLE_NAME = 'm'"))
	require.Contains(t, c.fails("SELECT NOPE FROM information_schema.tables WHERE TABLE_SCHEMA = 'd'").Message, "cannot be resolved")
	require.Equal(t, uint16(1347), c.fails("SHOW CREATE VIEW d.t").Number)
	require.Equal(t, []string{"m", "t", "v"}, c.column("SHOW TABLES FROM d", "Tables_in_d"))
}

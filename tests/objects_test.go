package tests

import (
	"archive/zip"
	"bytes"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/job"
	"starkeep/sandbox"
	"starkeep/sandbox/fault"
)

// gallery makes database `shop` with views and materialized views over one another and over its tables.
func (w *world) gallery(rows int) {
	w.t.Helper()
	w.shop(rows)
	w.exec(
		"CREATE VIEW shop.dear (id, price COMMENT 'what it cost') COMMENT 'the dear ones' AS SELECT id, price FROM shop.orders WHERE price > 100",
		"CREATE VIEW shop.dearest AS SELECT MAX(price) AS top FROM shop.dear",
		"CREATE MATERIALIZED VIEW shop.daily DISTRIBUTED BY HASH(day) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT day, COUNT(*) AS n FROM shop.orders GROUP BY day",
		"CREATE MATERIALIZED VIEW shop.busiest DISTRIBUTED BY HASH(n) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT MAX(n) AS n FROM shop.daily",
		"REFRESH MATERIALIZED VIEW shop.daily WITH SYNC MODE",
		"REFRESH MATERIALIZED VIEW shop.busiest WITH SYNC MODE",
	)
}

// pictures are the definitions of what is no table, by name.
func (w *world) pictures(database string) map[string]string {
	w.t.Helper()
	rows, err := w.db.Query("SELECT TABLE_NAME FROM information_schema.tables WHERE TABLE_TYPE = 'VIEW' AND TABLE_SCHEMA = ?", database)
	require.NoError(w.t, err)
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var n string
		require.NoError(w.t, rows.Scan(&n))
		names = append(names, n)
	}
	require.NoError(w.t, rows.Err())
	all := map[string]string{}
	for _, n := range names {
		all[n] = w.picture(database, n)
	}
	return all
}

// picture is SHOW CREATE TABLE of a view: it answers for every kind, with two columns or four.
func (w *world) picture(database, name string) string {
	w.t.Helper()
	rows, err := w.db.Query(fmt.Sprintf("SHOW CREATE TABLE `%s`.`%s`", database, name))
	require.NoError(w.t, err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	require.NoError(w.t, err)
	values := make([]string, len(columns))
	dest := make([]any, len(columns))
	for i := range values {
		dest[i] = &values[i]
	}
	require.True(w.t, rows.Next())
	require.NoError(w.t, rows.Scan(dest...))
	return values[1]
}

// lights tells which materialized views are active.
func (w *world) lights(database string) map[string]bool {
	w.t.Helper()
	rows, err := w.db.Query("SELECT TABLE_NAME, IS_ACTIVE FROM information_schema.materialized_views WHERE TABLE_SCHEMA = ? AND REFRESH_TYPE != 'ROLLUP'", database)
	require.NoError(w.t, err)
	defer func() { _ = rows.Close() }()
	all := map[string]bool{}
	for rows.Next() {
		var n, active string
		require.NoError(w.t, rows.Scan(&n, &active))
		all[n] = active == "true"
	}
	require.NoError(w.t, rows.Err())
	return all
}

func lit(names ...string) map[string]bool {
	all := map[string]bool{}
	for _, n := range names {
		all[n] = true
	}
	return all
}

// repaint changes rows and definitions, so that a restore has everything to do.
func (w *world) repaint() {
	w.t.Helper()
	w.exec(
		"DELETE FROM shop.orders WHERE id < 200",
		"ALTER VIEW shop.dear AS SELECT id, price FROM shop.orders WHERE price < 0",
		"DROP VIEW shop.dearest",
		"DROP MATERIALIZED VIEW shop.busiest",
		"CREATE MATERIALIZED VIEW shop.other DISTRIBUTED BY HASH(day) BUCKETS 1 REFRESH DEFERRED MANUAL PROPERTIES ('replication_num' = '1') AS SELECT day FROM shop.orders",
	)
}

// guests adds a function, and a user who may read some objects one by one: such grants go by the ids of the objects.
func (w *world) guests() {
	w.t.Helper()
	w.exec("CREATE FUNCTION shop.next(x BIGINT) RETURNS x + 1", "CREATE USER eve", "GRANT SELECT ON TABLE shop.orders TO USER eve",
		"GRANT SELECT ON VIEW shop.dear TO USER eve", "GRANT SELECT ON MATERIALIZED VIEW shop.daily TO USER eve")
}

// standing is what the guests see.
func (w *world) standing() (all []string) {
	w.t.Helper()
	for _, query := range []string{"SHOW FULL FUNCTIONS FROM shop", "SHOW GRANTS FOR eve"} {
		rows, err := w.db.Query(query)
		require.NoError(w.t, err)
		columns, err := rows.Columns()
		require.NoError(w.t, err)
		for rows.Next() {
			values := make([]sql.NullString, len(columns))
			dest := make([]any, len(columns))
			for i := range values {
				dest[i] = &values[i]
			}
			require.NoError(w.t, rows.Scan(dest...))
			all = append(all, fmt.Sprint(values))
		}
		require.NoError(w.t, rows.Err())
		require.NoError(w.t, rows.Close())
	}
	slices.Sort(all)
	return all
}

func TestViewsAndMaterializedViewsComeBackOverExistingOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gallery(600)
	w.createRepository()
	rows, pictures := w.proveAll("shop"), w.pictures("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.repaint()
	w.sql(`RESTORE SNAPSHOT nightly FROM repo DATABASE shop PROPERTIES ("refresh" = "true")`)
	require.Equal(t, lit("daily", "busiest", "other"), w.lights("shop"), "also the one that is not in the snapshot")
	w.exec("DROP MATERIALIZED VIEW shop.other")
	require.Equal(t, pictures, w.pictures("shop"))
	require.Equal(t, rows, w.proveAll("shop"), "with the rows of the materialized views")
	require.Contains(t, w.sql("SHOW RESTORE FROM shop\\G"), "materialized views are active and refreshed")
	require.Empty(t, jobFolders(t, w))
}

func TestViewsOfARenamedDatabaseReadItsTables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gallery(300)
	w.createRepository()
	rows := w.proveAll("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.sql(`RESTORE SNAPSHOT nightly FROM repo DATABASE shop AS copy PROPERTIES ("refresh" = "true")`)
	w.exec("TRUNCATE TABLE shop.orders")
	require.Equal(t, rows, w.proveAll("copy"))
	require.Equal(t, lit("daily", "busiest"), w.lights("copy"))
}

func TestViewsComeBackOneByOneUnderAnotherName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gallery(300)
	w.createRepository()
	dear := w.prove("shop", "dear")
	w.sql("BACKUP DATABASE shop SNAPSHOT some TO repo ON (orders, dear, MATERIALIZED VIEW daily)")
	w.sql("RESTORE SNAPSHOT some FROM repo DATABASE shop ON (TABLE orders AS orders2, dear AS dear2)")
	w.exec("TRUNCATE TABLE shop.orders")
	require.Equal(t, dear, w.prove("shop", "dear2"), "it reads the table that came with it")
	require.Zero(t, w.prove("shop", "dear").Rows)
	r := w.starter("sql", "-e", "RESTORE SNAPSHOT some FROM repo DATABASE shop ON (VIEW dear AS people)")
	require.NotZero(t, r.code)
	require.Contains(t, r.out+r.err, "shop.people exists and is a table")
}

func TestCancelledRestoreLeavesViewsAsTheyWere(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]moment{
		"while it builds":    {fault.SQL, "CREATE TABLE IF NOT EXISTS", 2},
		"while it downloads": {fault.HTTP, "_stream_load", 2},
		"while it verifies":  {fault.SQL, "sys.grants_to_users", 1},
		"while it publishes": {fault.SQL, "SWAP WITH", 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withFunctions)
			w.gallery(400)
			w.guests()
			w.createRepository()
			w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
			w.repaint()
			w.exec("CREATE OR REPLACE FUNCTION shop.next(x BIGINT) RETURNS x + 2")
			standing := w.standing()
			rows, pictures, lights := w.proveAll("shop"), w.pictures("shop"), w.lights("shop")
			w.cancelRestore(at)
			require.Equal(t, pictures, w.pictures("shop"))
			require.Equal(t, rows, w.proveAll("shop"))
			require.Equal(t, lights, w.lights("shop"))
			require.Equal(t, standing, w.standing(), "functions and grants")
			require.Empty(t, jobFolders(t, w))
		})
	}
}

func TestWorkerKilledInAnyStageOfARestoreOverViewsEndsWithEverythingNew(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]moment{
		"while it builds":            {fault.SQL, "CREATE TABLE IF NOT EXISTS", 2},
		"while it downloads":         {fault.HTTP, "_stream_load", 2},
		"while it publishes":         {fault.SQL, "SWAP WITH", 3},
		"while it puts views":        {fault.SQL, "VIEW `shop`.`dear`", 1},
		"while it puts later ones":   {fault.SQL, "CREATE MATERIALIZED VIEW", 1},
		"while it activates views":   {fault.SQL, "ACTIVE", 1},
		"while it refreshes them":    {fault.SQL, "REFRESH MATERIALIZED VIEW", 1},
		"while it drops what it had": {fault.SQL, "DROP TABLE", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withFunctions)
			w.gallery(400)
			w.guests()
			standing := w.standing()
			w.createRepository()
			rows, pictures := w.proveAll("shop"), w.pictures("shop")
			w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
			w.repaint()
			w.exec("CREATE OR REPLACE FUNCTION shop.next(x BIGINT) RETURNS x + 2")
			before := w.asked(at.text)
			w.slow(at.kind, at.text, 500*time.Millisecond)
			w.begin(`RESTORE SNAPSHOT nightly FROM repo DATABASE shop PROPERTIES ("refresh" = "true")`)
			w.awaitHit(at.text, before+at.hits)
			w.killWorker()
			w.sandbox.Faults().Clear()
			w.startWorker()
			w.awaitEnd("shop")
			require.Equal(t, lit("daily", "busiest", "other"), w.lights("shop"))
			w.exec("DROP MATERIALIZED VIEW shop.other")
			require.Equal(t, pictures, w.pictures("shop"))
			require.Equal(t, rows, w.proveAll("shop"))
			require.Equal(t, standing, w.standing(), "functions and grants")
			require.Empty(t, jobFolders(t, w))
		})
	}
}

func TestMaskedPropertyThatNobodySuppliesIsNamedBeforeAnythingIsCreated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.createRepository()
	w.exec(`CREATE EXTERNAL CATALOG lake PROPERTIES ("type" = "hive", "hive.metastore.uris" = "thrift://127.0.0.1:9083", "aws.s3.secret_key" = "`+secret+`")`,
		`CREATE EXTERNAL CATALOG plain PROPERTIES ("type" = "hive", "hive.metastore.uris" = "thrift://127.0.0.1:9083")`)
	w.sql("BACKUP ALL EXTERNAL CATALOGS SNAPSHOT catalogs TO repo")
	w.exec("DROP CATALOG lake", "DROP CATALOG plain")
	r := w.starter("sql", "-e", "RESTORE SNAPSHOT catalogs FROM repo")
	require.NotZero(t, r.code)
	require.Contains(t, r.out+r.err, "catalog.lake.aws.s3.secret_key")
	require.Equal(t, []string{"default_catalog"}, w.column("SHOW CATALOGS"))
	w.sql("RESTORE SNAPSHOT catalogs FROM repo EXTERNAL CATALOG (plain AS simple)")
	require.Equal(t, []string{"default_catalog", "simple"}, w.column("SHOW CATALOGS"))
	s, err := w.status("")
	require.NoError(t, err)
	require.Equal(t, job.Finished, s.State)
}

// withFunctions makes a cluster that takes user-defined functions.
func withFunctions(w *world) {
	w.shape = func(c *sandbox.Config) { c.EnableUDF = true }
}

// fileServer serves one archive with one class, until it is closed.
func fileServer(t testing.TB, class string) *httptest.Server {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	_, err := z.Create(class)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b.Bytes()) }))
	t.Cleanup(s.Close)
	return s
}

func TestFunctionsComeBackOverExistingOnesAndUnderAnotherName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withFunctions)
	w.shop(50)
	w.createRepository()
	w.exec("CREATE FUNCTION shop.next(x BIGINT) RETURNS x + 1")
	before := w.column("SHOW FULL FUNCTIONS FROM shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT f TO repo ON (FUNCTION next)")
	w.exec("DROP FUNCTION shop.next(BIGINT)")
	w.sql("RESTORE SNAPSHOT f FROM repo DATABASE shop ON (FUNCTION next)")
	require.Equal(t, before, w.column("SHOW FULL FUNCTIONS FROM shop"))
	w.sql("RESTORE SNAPSHOT f FROM repo DATABASE shop ON (FUNCTION next AS after)")
	require.Equal(t, []string{"after(BIGINT)", "next(BIGINT)"}, w.column("SHOW FULL FUNCTIONS FROM shop"))
	r := w.starter("sql", "-e", "BACKUP DATABASE shop SNAPSHOT g TO repo ON (FUNCTION minus)")
	require.NotZero(t, r.code)
	require.Contains(t, r.out+r.err, "Invalid backup function(s), function name: minus")
}

func TestFunctionThatTheClusterDoesNotTellWholeIsNamedByBackupAndRestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withFunctions)
	w.shop(50)
	w.createRepository()
	w.exec("CREATE FUNCTION shop.plus(x INT, y INT) RETURNS x + y")
	w.sql("BACKUP DATABASE shop SNAPSHOT f TO repo")
	require.Contains(t, w.sql("SHOW BACKUP FROM shop\\G"), "function plus: it will not be restored")
	w.exec("DROP DATABASE shop FORCE")
	w.sql("RESTORE SNAPSHOT f FROM repo DATABASE shop")
	require.Contains(t, w.sql("SHOW RESTORE FROM shop\\G"), "NOT RESTORED: function plus")
}

func TestFunctionWhoseJarIsGoneIsNamedAndKeepsNothingElseFromComingBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withFunctions)
	w.shop(50)
	w.createRepository()
	jar := fileServer(t, "com/example/Add.class")
	w.exec(fmt.Sprintf("CREATE FUNCTION shop.adds(INT) RETURNS INT PROPERTIES ('symbol' = 'com.example.Add', 'type' = 'StarrocksJar', 'file' = '%s/add.jar')", jar.URL))
	before := w.proveAll("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT f TO repo")
	jar.Close()
	w.exec("DROP DATABASE shop FORCE")
	w.sql("RESTORE SNAPSHOT f FROM repo DATABASE shop")
	require.Equal(t, before, w.proveAll("shop"))
	require.Contains(t, w.sql("SHOW RESTORE FROM shop\\G"), "NOT RESTORED: function adds")
}

func TestGlobalFunctionsComeBackAndViewsThatCallThemSaySo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withFunctions)
	w.shop(50)
	w.createRepository()
	w.exec("CREATE GLOBAL FUNCTION twice(x BIGINT) RETURNS x + x", "CREATE VIEW shop.doubled AS SELECT twice(id) AS id FROM shop.orders",
		"CREATE ROLE caller", "GRANT USAGE ON ALL GLOBAL FUNCTIONS TO ROLE caller")
	before := w.proveAll("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT s TO repo")
	require.Contains(t, w.sql("SHOW BACKUP FROM shop\\G"), "view doubled: the global functions that it calls (twice) are no part of a database")
	w.sql("BACKUP ALL GLOBAL FUNCTIONS, ALL ROLES SNAPSHOT g TO repo")
	w.exec("DROP DATABASE shop FORCE", "DROP GLOBAL FUNCTION twice(BIGINT)", "DROP ROLE caller")
	w.sql("RESTORE SNAPSHOT s FROM repo DATABASE shop ON (orders, VIEW doubled)")
	shown := w.sql("SHOW RESTORE FROM shop\\G")
	require.Contains(t, shown, "it calls the global functions twice, which are not here")
	require.Contains(t, shown, "NOT RESTORED: view doubled")
	w.sql("RESTORE SNAPSHOT g FROM repo")
	require.Equal(t, []string{"twice"}, w.column("SHOW GLOBAL FUNCTIONS"))
	w.sql("RESTORE SNAPSHOT s FROM repo DATABASE shop")
	require.Equal(t, before, w.proveAll("shop"))
}

// column is the first column of an answer, sorted.
func (w *world) column(query string) (all []string) {
	w.t.Helper()
	rows, err := w.db.Query(query)
	require.NoError(w.t, err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	require.NoError(w.t, err)
	for rows.Next() {
		var first string
		dest := make([]any, len(columns))
		for i := range dest {
			dest[i] = new(any)
		}
		dest[0] = &first
		require.NoError(w.t, rows.Scan(dest...))
		all = append(all, first)
	}
	require.NoError(w.t, rows.Err())
	slices.Sort(all)
	return all
}

func TestTablesThatCannotBeCarriedAreNamedInEverySHOW(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(100)
	w.createRepository()
	w.exec("CREATE TABLE shop.odd (id INT, p PERCENTILE PERCENTILE_UNION) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')")
	r := w.starter("sql", "-e", "BACKUP DATABASE shop SNAPSHOT s TO repo")
	require.NotZero(t, r.code)
	require.Contains(t, r.out+r.err, "table odd")
	w.sql(`BACKUP DATABASE shop SNAPSHOT s TO repo PROPERTIES ("unsupported" = "skip")`)
	require.Contains(t, w.sql("SHOW BACKUP FROM shop\\G"), "left out table odd")
	require.Contains(t, w.details("s"), "skipped_tables")
	w.exec("DROP DATABASE shop FORCE")
	w.sql("RESTORE SNAPSHOT s FROM repo DATABASE shop")
	require.Contains(t, w.sql("SHOW RESTORE FROM shop\\G"), "not in the snapshot: table odd")
	require.False(t, strings.Contains(strings.Join(w.tables("shop"), " "), "odd"))
	require.Len(t, slices.Collect(maps.Keys(w.proveAll("shop"))), 7)
}

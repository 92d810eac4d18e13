package starrocks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// shop is how the tests rename: the database db to new, table t to t2, view `a.b` to c, function f to g.
func shop() cluster.Renaming {
	return cluster.Renaming{From: "db", To: "new", Tables: map[string]string{"t": "t2", "a.b": "c", "same": "same"}, Others: map[string]string{"f": "g"}}
}

func rewritten(t *testing.T, sql string, r cluster.Renaming) (string, error) {
	all, err := lex(sql)
	if err != nil {
		return "", err
	}
	w := &rewriter{Renaming: r}
	if err := w.rewriteQuery(all); err != nil {
		return "", err
	}
	return apply(sql, w.edits), nil
}

func TestOnlyNamesOfTablesAreRenamed(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		// as older front ends print a view: analysed, every name qualified
		{"SELECT `db`.`t`.`k`, `db`.`t`.`v` AS `w` FROM `db`.`t`", "SELECT `new`.`t2`.`k`, `new`.`t2`.`v` AS `w` FROM `new`.`t2`"},
		{"SELECT `t`.`k` FROM `db`.`t` WHERE `t`.`k` = 'db.t'", "SELECT `t2`.`k` FROM `new`.`t2` WHERE `t2`.`k` = 'db.t'"},
		{"SELECT `default_catalog`.`db`.`t`.`k` FROM `default_catalog`.`db`.`t`", "SELECT `default_catalog`.`new`.`t2`.`k` FROM `default_catalog`.`new`.`t2`"},
		// as current ones print it: what was typed
		{"select k from t", "select k from `t2`"},
		{"SELECT t.k, u.k FROM t, u", "SELECT `t2`.k, u.k FROM `t2`, u"},
		{"SELECT t.* FROM db.t", "SELECT `t2`.* FROM `new`.`t2`"},
		{"SELECT db.t.* FROM db.t", "SELECT `new`.`t2`.* FROM `new`.`t2`"},
		{"SELECT * EXCEPT (k) FROM t EXCEPT (SELECT * FROM u)", "SELECT * EXCEPT (k) FROM `t2` EXCEPT (SELECT * FROM u)"},
		// strings, comments and hints that look like names
		{"SELECT 'db.t', \"`db`.`t`\", X'00' /* db.t */ FROM db.t -- db.t", "SELECT 'db.t', \"`db`.`t`\", X'00' /* db.t */ FROM `new`.`t2` -- db.t"},
		{"SELECT /*+ SET_VAR(db = t) */ 'it''s \\' db.t' FROM t # x", ""},
		// aliases that look like tables
		{"SELECT t.k FROM u AS t", "SELECT t.k FROM u AS t"},
		{"SELECT t.k FROM db.u t", "SELECT t.k FROM `new`.u t"},
		{"SELECT x.k FROM t x", "SELECT x.k FROM `t2` x"},
		{"SELECT db.x.k FROM t x", "SELECT `new`.x.k FROM `t2` x"},
		{"SELECT db.k FROM other.u AS db", "SELECT db.k FROM other.u AS db"},
		{"SELECT k AS t FROM u", "SELECT k AS t FROM u"},
		// common table expressions that look like tables
		{"WITH t AS (SELECT * FROM db.t) SELECT t.k FROM t", "WITH t AS (SELECT * FROM `new`.`t2`) SELECT t.k FROM t"},
		{"WITH t AS (SELECT * FROM t) SELECT t.k FROM t", "WITH t AS (SELECT * FROM `t2`) SELECT t.k FROM t"},
		{"WITH RECURSIVE t AS (SELECT 1 AS k UNION ALL SELECT k FROM t) SELECT * FROM t", "WITH RECURSIVE t AS (SELECT 1 AS k UNION ALL SELECT k FROM t) SELECT * FROM t"},
		{"WITH a AS (SELECT 1), t (k) AS (SELECT * FROM a) [materialized] SELECT * FROM (SELECT * FROM t) x JOIN db.t", "WITH a AS (SELECT 1), t (k) AS (SELECT * FROM a) [materialized] SELECT * FROM (SELECT * FROM t) x JOIN `new`.`t2`"},
		{"SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) x, t", "SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) x, `t2`"},
		// columns named like the database or a table
		{"SELECT db, t, db.f FROM u", "SELECT db, t, db.f FROM u"},
		{"SELECT db.t FROM u", "SELECT db.t FROM u"},
		{"SELECT t.db FROM t", "SELECT `t2`.db FROM `t2`"},
		{"SELECT t.db.t FROM t", "SELECT `t2`.db.t FROM `t2`"},
		// names that need their quotes
		{"SELECT `a.b`.`k` FROM `db`.`a.b`", "SELECT `c`.`k` FROM `new`.`c`"},
		{"SELECT `db.t`.k FROM `db.t`", "SELECT `db.t`.k FROM `db.t`"},
		{"SELECT * FROM db . t", "SELECT * FROM `new` . `t2`"},
		{"SELECT * FROM db.1st, db.t", "SELECT * FROM `new`.1st, `new`.`t2`"},
		{"SELECT .5, 1., 1.5e3, t.k FROM t", "SELECT .5, 1., 1.5e3, `t2`.k FROM `t2`"},
		// other databases and catalogs
		{"SELECT * FROM other.t JOIN db.t ON other.t.k = db.t.k", "SELECT * FROM other.t JOIN `new`.`t2` ON other.t.k = `new`.`t2`.k"},
		{"SELECT * FROM hive.db.t", "SELECT * FROM hive.db.t"},
		// subqueries, joins, lateral functions, all clauses
		{"SELECT (SELECT max(t.k) FROM t) FROM u WHERE k IN (SELECT k FROM db.t WHERE t.k = u.k) GROUP BY u.k HAVING count(u.k) > 1 ORDER BY u.k LIMIT 10",
			"SELECT (SELECT max(`t2`.k) FROM `t2`) FROM u WHERE k IN (SELECT k FROM `new`.`t2` WHERE `t2`.k = u.k) GROUP BY u.k HAVING count(u.k) > 1 ORDER BY u.k LIMIT 10"},
		{"SELECT * FROM u LEFT SEMI JOIN [broadcast] t ON left(t.k, 1) = right(u.k, 1) AND t.k IS NULL CROSS JOIN t x", "SELECT * FROM u LEFT SEMI JOIN [broadcast] `t2` ON left(`t2`.k, 1) = right(u.k, 1) AND `t2`.k IS NULL CROSS JOIN `t2` x"},
		{"SELECT * FROM u JOIN[skew|t.k(1,2)] t USING (k)", "SELECT * FROM u JOIN[skew|`t2`.k(1,2)] `t2` USING (k)"},
		{"SELECT u FROM t, unnest(t.a) AS x(u), LATERAL unnest(t.b) y", "SELECT u FROM `t2`, unnest(`t2`.a) AS x(u), LATERAL unnest(`t2`.b) y"},
		{"SELECT * FROM TABLE(generate_series(1, 2)) AS t(k) WHERE t.k = 1", "SELECT * FROM TABLE(generate_series(1, 2)) AS t(k) WHERE t.k = 1"},
		{"SELECT * FROM ((t JOIN u ON t.k = u.k))", "SELECT * FROM ((`t2` JOIN u ON `t2`.k = u.k))"},
		{"SELECT * FROM ((SELECT 1 AS k) t JOIN u ON t.k = u.k)", "SELECT * FROM ((SELECT 1 AS k) t JOIN u ON t.k = u.k)"},
		{"SELECT * FROM ((SELECT * FROM t) UNION (SELECT * FROM t)) t", "SELECT * FROM ((SELECT * FROM `t2`) UNION (SELECT * FROM `t2`)) t"},
		{"SELECT * FROM (VALUES (1, 'db.t')) AS t(a, b)", "SELECT * FROM (VALUES (1, 'db.t')) AS t(a, b)"},
		{"(SELECT t.k FROM t) UNION ALL SELECT k FROM db.t MINUS SELECT 1 ORDER BY t.k", "(SELECT `t2`.k FROM `t2`) UNION ALL SELECT k FROM `new`.`t2` MINUS SELECT 1 ORDER BY `t2`.k"},
		{"SELECT sum(t.k) OVER (PARTITION BY t.v ORDER BY t.k ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t PARTITION (p1, p2)", "SELECT sum(`t2`.k) OVER (PARTITION BY `t2`.v ORDER BY `t2`.k ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM `t2` PARTITION (p1, p2)"},
		{"SELECT CASE t.k WHEN 1 THEN t.v ELSE CAST(t.k AS DECIMAL(10, 2)) END, extract(DAY FROM t.d) FROM t", "SELECT CASE `t2`.k WHEN 1 THEN `t2`.v ELSE CAST(`t2`.k AS DECIMAL(10, 2)) END, extract(DAY FROM `t2`.d) FROM `t2`"},
		{"SELECT t.j->'$.a', array_map(x -> x + t.k, t.a), f(t.k).t.k, @@session.t, @t FROM t", "SELECT `t2`.j->'$.a', array_map(x -> x + `t2`.k, `t2`.a), `g`(`t2`.k).t.k, @@session.t, @t FROM `t2`"},
		{"SELECT t->'$.a', t.k FROM t", "SELECT t->'$.a', `t2`.k FROM `t2`"}, // a JSON column named like its table, no lambda
		{"SELECT a /* t.k */ -- t.k\n, t.k FROM t", "SELECT a /* t.k */ -- t.k\n, `t2`.k FROM `t2`"},
		{"SELECT db.f(k), F(k), other.f(k), f FROM u", "SELECT `new`.`g`(k), `g`(k), other.f(k), f FROM u"},
		{"SELECT k FROM u ORDER BY k;", "SELECT k FROM u ORDER BY k;"},
	} {
		got, err := rewritten(t, c[0], shop())
		if c[1] == "" {
			require.ErrorIs(t, err, cluster.ErrUnsupported, c[0])
			continue
		}
		require.NoError(t, err, c[0])
		require.Equal(t, c[1], got, c[0])
	}
}

// A database that is named like one of its tables, and like a column of it.
func TestDatabaseNamedLikeATable(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"SELECT `t`.`t`.`t` FROM `t`.`t`", "SELECT `x`.`t`.`t` FROM `x`.`t`"},
		{"SELECT `t`.`t` FROM `t`.`t`", "SELECT `t`.`t` FROM `x`.`t`"},
		{"SELECT t.t.t.t FROM t", "SELECT `x`.t.t.t FROM t"},
		{"SELECT t.k FROM other.t", "SELECT t.k FROM other.t"},
	} {
		got, err := rewritten(t, c[0], cluster.Renaming{From: "t", To: "x"})
		require.NoError(t, err, c[0])
		require.Equal(t, c[1], got)
	}
}

func TestQueryThatCouldMeanTwoThingsIsRefused(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u AS t WHERE t.k = 1)",      // k of which t?
		"SELECT array_map(t -> t.k, t.a) FROM t",                                 // the parameter, or the table
		"SELECT array_map((t, y) -> t.k + y, t.a, t.b) FROM t",                   //
		"SELECT * FROM t FOR VERSION AS OF 1",                                    // another moment
		"SELECT * FROM t VERSION AS OF 1", "SELECT * FROM t PARTITION p1, p2, u", // a list of partitions, or of tables
		"SELECT", "SELECT 1 FROM", "SELECT 1 FROM t)", "SELECT 1; SELECT 2", "SELECT (1 FROM t", "INSERT INTO t SELECT 1", "VALUES (1)", "",
		"SELECT `x", "SELECT 'x", "SELECT 1 /* x", "SELECT X'0", "SELECT `a``b` FROM t", "WITH SELECT 1", "WITH t (SELECT 1) SELECT 1", "WITH t AS SELECT 1",
		strings.Repeat("(", 200) + "SELECT 1" + strings.Repeat(")", 200),
		"SELECT * FROM " + strings.Repeat("(", 200) + "t" + strings.Repeat(")", 200),
	} {
		_, err := rewritten(t, sql, shop())
		require.ErrorIs(t, err, cluster.ErrUnsupported, sql)
	}
}

func TestDatabaseThatDiffersInCaseOnlyIsNotLeftBehindInSilence(t *testing.T) {
	t.Parallel()
	_, err := rewritten(t, "SELECT k FROM DB.t", shop())
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	same := shop()
	same.To = same.From
	got, err := rewritten(t, "SELECT k FROM DB.u", same)
	require.NoError(t, err)
	require.Equal(t, "SELECT k FROM DB.u", got, "the database keeps its name, so either meaning stays true")
}

func TestNameThatSQLCannotHoldIsRefused(t *testing.T) {
	t.Parallel()
	_, err := rewritten(t, "SELECT * FROM t", cluster.Renaming{From: "db", To: "db", Tables: map[string]string{"t": "a`b"}})
	require.ErrorIs(t, err, cluster.ErrInvalidName)
}

const orderView = "CREATE VIEW `v` (`k` COMMENT \"the AS key\", `n`) COMMENT \"a view AS such\" SECURITY INVOKER AS SELECT t.k, count(*) FROM t GROUP BY t.k;"

// as fe:catalog/MaterializedView prints it; properties from docs CREATE_MATERIALIZED_VIEW.md
const dailyView = "CREATE MATERIALIZED VIEW `daily` (`d`, `n`,\n  INDEX i (`d`) USING BITMAP)\nCOMMENT \"sums\"\nPARTITION BY (date_trunc('day', `d`))\nDISTRIBUTED BY HASH(`d`) BUCKETS 4\nORDER BY (d)\n" +
	"REFRESH DEFERRED ASYNC START(\"2025-01-01 00:00:00\") EVERY(INTERVAL 1 DAY)\nPROPERTIES (\n\"replication_num\" = \"1\",\n\"excluded_trigger_tables\" = \"t,other.t,db.t\",\n" +
	"\"unique_constraints\" = \"default_catalog.db.t.k;u.k,k\",\n\"foreign_key_constraints\" = \"daily(d) REFERENCES default_catalog.db.t(k)\",\n\"session.query_timeout\" = \"1\"\n)\nAS SELECT date_trunc('day', t.d) AS d, sum(n) AS n FROM db.t GROUP BY 1;"

func TestDefinitionOfAViewIsReadAndRewritten(t *testing.T) {
	t.Parallel()
	v, err := parseView(orderView)
	require.NoError(t, err)
	require.Equal(t, "INVOKER", v.security)
	require.False(t, v.materialized)
	require.Equal(t, [][2]string{{"db", "t"}}, v.uses("db"))
	same, err := v.statement("v", cluster.Renaming{From: "db", To: "db"})
	require.NoError(t, err)
	require.Equal(t, strings.TrimSuffix(strings.Replace(orderView, "`v`", "`db`.`v`", 1), ";"), same, "nothing else changes")
	other, err := v.statement("w", shop())
	require.NoError(t, err)
	require.Equal(t, "CREATE VIEW `new`.`w` (`k` COMMENT \"the AS key\", `n`) COMMENT \"a view AS such\" SECURITY INVOKER AS SELECT `t2`.k, count(*) FROM `t2` GROUP BY `t2`.k", other)
}

func TestPropertiesOfAMaterializedViewThatNameTables(t *testing.T) {
	t.Parallel()
	v, err := parseView(dailyView)
	require.NoError(t, err)
	require.True(t, v.materialized)
	r := shop()
	r.Tables["daily"] = "weekly"
	got, err := v.statement("weekly", r)
	require.NoError(t, err)
	for _, want := range []string{
		"CREATE MATERIALIZED VIEW `new`.`weekly` (`d`, `n`,\n  INDEX i", `"excluded_trigger_tables" = "t2,other.t,new.t2"`, `"unique_constraints" = "default_catalog.new.t2.k;u.k,k"`,
		`"foreign_key_constraints" = "weekly(d) REFERENCES default_catalog.new.t2(k)"`, "AS SELECT date_trunc('day', `t2`.d) AS d, sum(n) AS n FROM `new`.`t2` GROUP BY 1",
		"REFRESH DEFERRED ASYNC START(\"2025-01-01 00:00:00\") EVERY(INTERVAL 1 DAY)", `"session.query_timeout" = "1"`,
	} {
		require.Contains(t, got, want)
	}
	r.Tables["t"] = "a.b"
	_, err = v.statement("weekly", r)
	require.ErrorIs(t, err, cluster.ErrUnsupported, "a property cannot hold that name")
}

func TestTextThatIsNoViewIsRefused(t *testing.T) {
	t.Parallel()
	for _, ddl := range []string{"", "CREATE TABLE t (k int)", "CREATE VIEW", "CREATE VIEW `v`", "CREATE VIEW `v` (`a` SELECT 1", "CREATE VIEW `v` (`a AS b`)"} {
		_, err := parseView(ddl)
		require.ErrorIs(t, err, cluster.ErrUnsupported, ddl)
	}
}

func FuzzRewrite(f *testing.F) {
	for _, sql := range []string{
		"SELECT `db`.`t`.`k` FROM `db`.`t`", "WITH t AS (SELECT 1) SELECT t.k FROM t JOIN db.t x ON x.k = t.k", "SELECT * FROM ((SELECT 1) t, u) ORDER BY 1",
		"SELECT 'a', \"b\", X'00', .5, 1e3, t.1a FROM t -- c", "SELECT f(x -> x.a) /*+ h */ FROM TABLE(g(1)) t(a) UNION SELECT 1 EXCEPT (SELECT 2)", "SELECT a.b.c FROM a.b LEFT ANTI JOIN [skew|a.b(1)] c USING (k)",
	} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		all, err := lex(sql)
		if err != nil {
			require.ErrorIs(t, err, errQuery)
			return
		}
		before, err := parseQuery(all)
		if err != nil {
			require.ErrorIs(t, err, errQuery)
			return
		}
		r := cluster.Renaming{From: "db", To: "new", Tables: map[string]string{"t": "t2"}}
		again, err := rewritten(t, sql, r)
		if err != nil {
			require.ErrorIs(t, err, errQuery)
			return
		}
		all, err = lex(again)
		require.NoError(t, err, again)
		after, err := parseQuery(all)
		require.NoError(t, err, again)
		require.Len(t, after.tables, len(before.tables))
		w := &rewriter{Renaming: r}
		for i, x := range before.tables {
			name, database := x.name(), x.database("db")
			if w.ours(x) {
				name, database = w.renamed(name), "new"
			}
			require.Equal(t, name, after.tables[i].name(), again)
			require.Equal(t, database, after.tables[i].database("new"), again)
		}
	})
}

// A materialized view is a table of its cluster: properties of the other run mode are unknown there, and refused.
func TestMaterializedViewFitsTheOtherRunMode(t *testing.T) {
	t.Parallel()
	fit := func(properties string, p place) (string, []string) {
		v, err := parseView("CREATE MATERIALIZED VIEW `m` (`a`)\nREFRESH MANUAL\nPROPERTIES (" + properties + ")\nAS SELECT a FROM t;")
		require.NoError(t, err)
		fitted, notes, err := v.fitted(p)
		require.NoError(t, err)
		_, after, _ := strings.Cut(fitted.ddl, "MANUAL\n")
		return after, notes
	}
	shared := `"storage_volume" = "v", "datacache.enable" = "true", "replication_num" = "1", "session.query_timeout" = "9", "warehouse" = "w"`
	got, notes := fit(shared, place{shared: true, volumes: []string{"v"}})
	require.Equal(t, "PROPERTIES ("+shared+")\nAS SELECT a FROM t;", got)
	require.Empty(t, notes)
	got, notes = fit(shared, place{alive: 2})
	require.Equal(t, "PROPERTIES (\n\"replication_num\" = \"2\",\n\"session.query_timeout\" = \"9\"\n)\nAS SELECT a FROM t;", got)
	require.Len(t, notes, 4)
	got, notes = fit(`"replication_num" = "3", "storage_medium" = "SSD"`, place{alive: 1})
	require.Equal(t, "PROPERTIES (\n\"replication_num\" = \"1\",\n\"storage_medium\" = \"SSD\"\n)\nAS SELECT a FROM t;", got)
	require.Len(t, notes, 1)
	got, notes = fit(`"storage_medium" = "SSD"`, place{shared: true})
	require.Equal(t, "\nAS SELECT a FROM t;", got)
	require.Len(t, notes, 1)
}

// Credentials inside a view are masked, too.
// The text as it was analysed has the credentials of FILES(): it is not asked for.
func TestViewThatReadsFilesIsKnown(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]bool{
		"CREATE VIEW v AS SELECT * FROM t JOIN (SELECT * FROM files('path' = 's3://b')) x": true,
		"CREATE VIEW v AS SELECT 'FILES(' AS `files` FROM t":                               false,
	} {
		v, err := parseView(sql)
		require.NoError(t, err)
		require.Equal(t, want, v.readsFiles(), sql)
		require.True(t, v.unqualified())
	}
}

func TestViewOverFilesWithoutItsCredentialsIsNotMade(t *testing.T) {
	t.Parallel()
	o := snapshot.Object{Kind: snapshot.View, Name: "v", DDL: "CREATE VIEW `v` (`a`) SECURITY NONE AS SELECT a FROM FILES('path' = 's3://b/x', 'aws.s3.access_key' = '***') f;"}
	note, err := (&Cluster{}).CheckObject(t.Context(), o, cluster.Renaming{From: "db", To: "db"})
	require.NoError(t, err)
	require.Contains(t, note, "credentials")
	_, err = (&Cluster{}).PutObject(t.Context(), o, cluster.Renaming{From: "db", To: "db"})
	require.ErrorIs(t, err, cluster.ErrRejected)
}

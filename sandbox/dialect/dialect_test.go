package dialect

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func parse[T any](t *testing.T, sql string) T {
	t.Helper()
	s, err := Parse(sql)
	require.NoError(t, err, sql)
	typed, ok := s.(T)
	require.True(t, ok, "%s is a %T", sql, s)
	return typed
}

func TestPlainSelectKeepsItsHints(t *testing.T) {
	t.Parallel()
	s := parse[*Select](t, "SELECT `a`, `b c` FROM `d`.`t` TEMPORARY PARTITION (`p`, q) TABLET (1, 2) LIMIT 7;")
	require.Equal(t, &TableScan{Table: ObjectName{"d", "t"}, Columns: []string{"a", "b c"}, Limit: 7,
		Hint: Hint{Temporary: true, Partitions: []string{"p", "q"}, Tablets: []int64{1, 2}}}, s.Scan)
	s = parse[*Select](t, "select COUNT(*) from t")
	require.Equal(t, &TableScan{Table: ObjectName{"", "t"}, Count: true, Heading: "COUNT(*)", Limit: -1}, s.Scan)
	require.Equal(t, []int64{}, parse[*Select](t, "SELECT a FROM t TABLET ()").Scan.Hint.Tablets, "no tablet is not all tablets")
	for _, sql := range []string{"SELECT a + 1 FROM t", "SELECT a FROM t WHERE a = 1", "SELECT NULL FROM t", "SELECT DISTINCT a FROM t", "SELECT a FROM t, u"} {
		require.Nil(t, parse[*Select](t, sql).Scan, sql)
	}
}

// The engine reads PARTITION and ignores it: a hint that reached it would silently read the whole table.
func TestHintsNeverReachTheEngine(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"SELECT a+1 FROM d.t PARTITION (p) WHERE t.a > 0":                           "SELECT a+1 FROM d.`hint a` AS `t` WHERE t.a > 0",
		"SELECT max(x.a) FROM `d`.`t` TEMPORARY PARTITIONS (p) x":                   "SELECT max(x.a) FROM `d`.`hint a` x",
		"SELECT * FROM t PARTITION (p) AS x JOIN d.u TABLET (5) ON x.a = u.a":       "SELECT * FROM `hint a` AS x JOIN d.`hint b` AS `u` ON x.a = u.a",
		"SELECT a FROM t, u PARTITION (p) WHERE 'PARTITION (x)' = 1":                "SELECT a FROM t, `hint a` AS `u` WHERE 'PARTITION (x)' = 1",
		"SELECT a FROM (SELECT a FROM t PARTITION (p)) x":                           "SELECT a FROM (SELECT a FROM `hint a` AS `t`) x",
		"SELECT a FROM t WHERE b IN (SELECT b FROM d.t PARTITION (p) WHERE b >= 1)": "SELECT a FROM t WHERE b IN (SELECT b FROM d.`hint a` AS `t` WHERE b >= 1)",
	} {
		s := parse[*Select](t, sql)
		require.Equal(t, want, s.SQL)
		require.NotEmpty(t, s.Hints)
	}
}

func TestLiteralsKeepTheirBytes(t *testing.T) {
	t.Parallel()
	s := parse[*Insert](t, "INSERT INTO t VALUES ('a\\'b''c\\0\\n\\\\', \"x\"\"y\xff\", -1.5e3, NULL, true)")
	require.Equal(t, [][]Value{{{Text: "a'b'c\x00\n\\"}, {Text: "x\"y\xff"}, {Text: "-1.5e3"}, {Null: true}, {Text: "1"}}}, s.Literals)
	s = parse[*Insert](t, "INSERT INTO d.t PARTITION (p) WITH LABEL l (a, b) VALUES (1, concat('(', ')')), (2, 3)")
	require.Equal(t, []string{"a", "b"}, s.Columns)
	require.Equal(t, "l", s.Label)
	require.Equal(t, Hint{Partitions: []string{"p"}}, s.Target)
	require.Len(t, s.Rows, 2)
	require.Equal(t, "1, concat('(', ')')", s.Rows[0].Text)
	require.Equal(t, "concat", s.Rows[0].Exprs[1].Text)
}

func TestSplitIgnoresSemicolonsThatSeparateNothing(t *testing.T) {
	t.Parallel()
	first, rest := Split("SELECT ';', `;`, \"\\\";\" /* ; */ -- ;\n FROM t; SELECT 2")
	require.Equal(t, "SELECT ';', `;`, \"\\\";\" /* ; */ -- ;\n FROM t", first)
	require.Equal(t, " SELECT 2", rest)
}

func TestSyntaxErrorsTellLineAndColumn(t *testing.T) {
	t.Parallel()
	_, err := Parse("CREATE TABLE t (\n  a INT,\n  b NOTATYPE\n)")
	require.EqualError(t, err, "Getting syntax error at line 3, column 4. Detail message: Unknown data type: NOTATYPE.")
	_, err = Parse("ALTER TABLE t SWAP")
	require.ErrorContains(t, err, "Unexpected input 'SWAP'")
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"CREATE TABLE t (a INT NOT NULL DEFAULT \"1\" COMMENT 'c', b ARRAY<STRUCT<x INT>>) DUPLICATE KEY(a) PARTITION BY RANGE(a) (PARTITION p VALUES LESS THAN (\"1\")) DISTRIBUTED BY HASH(a) BUCKETS 1",
		"ALTER TABLE t REPLACE PARTITION (p) WITH TEMPORARY PARTITION (q) PROPERTIES (\"strict_range\" = \"true\")",
		"SELECT a FROM t PARTITION (p) TABLET (1) WHERE x", "INSERT INTO t VALUES (1, 'a'), (f(2), NULL)", "SET @@session.a = 1, b = DEFAULT",
		"GRANT SELECT, CREATE TABLE ON ALL TABLES IN DATABASE d TO USER 'u'@'%'", "SHOW PARTITIONS FROM t WHERE PartitionName = 'p' LIMIT 1",
		"UPDATE t SET a = (b + 1), c = 'x' WHERE d IN (1, 2)", "CREATE MATERIALIZED VIEW m REFRESH ASYNC AS SELECT 1", "KILL QUERY 5", "SELECT @@a.b AS c", "INSERT A VALUES",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		if s, err := Parse(sql); err != nil && s != nil {
			t.Fatalf("both a statement and an error: %T, %v", s, err)
		}
		first, rest := Split(sql)
		if len(first)+len(rest) > len(sql) {
			t.Fatalf("split grew: %q, %q", first, rest)
		}
	})
}

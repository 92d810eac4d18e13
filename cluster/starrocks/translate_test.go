package starrocks_test

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// foreign is a column of MySQL.
func foreign(name string, k snapshot.Kind, source string) snapshot.Column {
	return snapshot.Column{Name: name, Type: snapshot.Type{Kind: k}, Source: source, Nullable: true}
}

func key(x snapshot.Column) snapshot.Column {
	x.Key, x.Nullable = true, false
	return x
}

// foreignTable is a table of MySQL with these columns.
func foreignTable(columns ...snapshot.Column) snapshot.Table {
	var b strings.Builder
	for _, x := range columns {
		b.WriteString("  `" + x.Name + "` " + x.Source + ",\n")
	}
	return snapshot.Table{
		Name: "t", ID: 7, Model: "INNODB", DDL: "CREATE TABLE `t` (\n" + b.String() + "  KEY `k` (`a`)\n) ENGINE=InnoDB", Columns: columns,
		Partitioning: snapshot.RangePartitioning,
		Partitions:   []snapshot.Partition{{Name: "p1", Physical: []snapshot.PhysicalPartition{{ID: 1, Rows: 3, Bytes: 30}}}, {Name: "p2", Physical: []snapshot.PhysicalPartition{{ID: 2, Rows: 4, Bytes: 40}}}},
	}
}

const utf8mb4 = " character set utf8mb4 collate utf8mb4_general_ci"

// columnCase is a column of MySQL, the type that it gets, and values as MySQL prints them, with what they are here where
// that is another text.
type columnCase struct {
	column snapshot.Column
	fits   string
	values [][2]string
}

func same(values ...string) (all [][2]string) {
	for _, v := range values {
		all = append(all, [2]string{v, v})
	}
	return all
}

func columnCases() []columnCase {
	decimal := foreign("dec", snapshot.Decimal, "decimal(38,10) unsigned")
	decimal.Type.Precision, decimal.Type.Scale = 38, 10
	return []columnCase{
		{foreign("i8", snapshot.Int8, "tinyint(1)"), "tinyint(4)", same("-128", "127")},
		{foreign("u8", snapshot.Int16, "tinyint(3) unsigned zerofill"), "smallint(6)", same("0", "255")},
		{foreign("u16", snapshot.Int32, "smallint(5) unsigned"), "int(11)", same("65535")},
		{foreign("u32", snapshot.Int64, "int(10) unsigned"), "bigint(20)", same("4294967295")},
		{foreign("i64", snapshot.Int64, "bigint(20)"), "bigint(20)", same("-9223372036854775808")},
		{foreign("u64", snapshot.Int128, "bigint(20) unsigned"), "largeint(40)", same("18446744073709551615")},
		{foreign("f", snapshot.Float64, "float"), "double", same("0.10000000149011612")},
		{foreign("d", snapshot.Float64, "double(10,2)"), "double", same("-1.5")},
		{decimal, "decimal(38, 10)", same("9999999999999999999999999999.9999999999")},
		{foreign("date", snapshot.Date, "date"), "date", same("0000-01-01", "9999-12-31")},
		{foreign("dt", snapshot.Datetime, "datetime(6)"), "datetime", [][2]string{{"9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"}, {"2024-02-29 00:00:00.000000", "2024-02-29 00:00:00"}}},
		{foreign("ts", snapshot.Datetime, "timestamp"), "datetime", same("1970-01-01 00:00:01")},
		{foreign("time", snapshot.String, "time(6)"), "varchar(17)", same("-838:59:59.999999")},
		{foreign("year", snapshot.String, "year(4)"), "varchar(4)", same("0000", "2155")},
		{foreign("enum", snapshot.String, "enum('İ','it''s (')"+utf8mb4), "varchar(14)", same("İ", "it's (", "")},
		{foreign("set", snapshot.String, "set('a','b')"+utf8mb4), "varchar(7)", same("", "a,b")},
		{foreign("char", snapshot.String, "char(2)"+utf8mb4), "varchar(8)", same("🙂🙂", "")},
		{foreign("latin", snapshot.String, "varchar(3) character set latin1 collate latin1_bin"), "varchar(9)", same("€€€")},
		{foreign("ascii", snapshot.String, "varchar(3) character set ascii collate ascii_bin"), "varchar(3)", same("\xff\x00a")},
		{foreign("empty", snapshot.String, "varchar(0)"+utf8mb4), "varchar(4)", same("")},
		{foreign("tiny", snapshot.String, "tinytext character set ucs2 collate ucs2_bin"), "varchar(510)", same(strings.Repeat("日", 127))},
		{foreign("text", snapshot.String, "text /*M!100301 COMPRESSED*/"+utf8mb4), "varchar(65535)", same(strings.Repeat("x", 65535))},
		{foreign("medium", snapshot.String, "mediumtext"+utf8mb4), "varchar(1048576)", same("\\N")},
		{foreign("long", snapshot.String, "longtext"+utf8mb4), "varchar(1048576)", same(strings.Repeat("y", 1<<20))},
		{foreign("blob", snapshot.Binary, "longblob"), "varbinary", same("\x00\xff", "")},
		{foreign("bin", snapshot.Binary, "binary(3)"), "varbinary", same("a\x00\x00")},
		{foreign("json", snapshot.JSON, "json"), "json", same(`{"a": 1}`)},
		{foreign("uuid", snapshot.String, "uuid"), "varchar(36)", same("123e4567-e89b-12d3-a456-426655440000")},
		{foreign("i4", snapshot.String, "inet4"), "varchar(15)", same("255.255.255.255")},
		{foreign("i6", snapshot.String, "inet6"), "varchar(45)", same("2001:db8::ff00:42:8329")},
	}
}

// given is a reader of rows that are given.
type given [][]string

func (g *given) Next(b *snapshot.Batch) error {
	b.Reset()
	if len(*g) == 0 {
		return io.EOF
	}
	for i, v := range (*g)[0] {
		b.Columns[i].Append([]byte(v))
	}
	*g = (*g)[1:]
	return nil
}

func (g *given) Close() error { return nil }

// create translates t, creates it twice, and returns what became of it.
func (h *harness) create(t *testing.T, x snapshot.Table) snapshot.Table {
	t.Helper()
	got, err := h.Cluster.(cluster.Translator).Translate(x, "mysql")
	require.NoError(t, err)
	for range 2 {
		_, err = h.Cluster.CreateTable(t.Context(), database, got, cluster.TableOptions{Name: x.Name, ReplicationNum: 1})
		require.NoError(t, err, got.DDL)
	}
	described, err := h.Cluster.Describe(t.Context(), database, []string{x.Name})
	require.NoError(t, err)
	require.Empty(t, h.Cluster.Differences(got, described[0]), "it is what was asked for")
	require.Equal(t, got.Model, described[0].Model)
	return got
}

func (h *harness) load(t *testing.T, x snapshot.Table, label string, rows ...[]string) error {
	t.Helper()
	_, err := h.Cluster.Load(t.Context(), cluster.LoadRequest{
		Database: database, Table: x.Name, Columns: x.Columns, Label: label,
		Open: func() (snapshot.RowReader, error) { g := given(rows); return &g, nil },
	})
	return err
}

// column reads the values of one column, sorted by the first one, which is a number.
func (h *harness) column(t *testing.T, x snapshot.Table, i int) []string {
	t.Helper()
	r, err := h.Cluster.Read(t.Context(), cluster.ReadRequest{Database: database, Table: x.Name, Columns: []snapshot.Column{x.Columns[0], x.Columns[i]}})
	require.NoError(t, err)
	defer func() { _ = r.Close() }()
	at := map[string]string{}
	var b snapshot.Batch
	for err = r.Next(&b); err == nil; err = r.Next(&b) {
		for row := range b.Rows() {
			at[string(b.Columns[0].Value(row))] = string(b.Columns[1].Value(row))
		}
	}
	require.ErrorIs(t, err, io.EOF)
	var values []string
	for _, k := range slices.Sorted(maps.Keys(at)) {
		values = append(values, at[k])
	}
	return values
}

func TestTablesOfMySQLFit(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	cases := columnCases()
	columns := []snapshot.Column{key(foreign("a", snapshot.Int32, "int(11)"))}
	rows := [][]string{{"0"}, {"1"}, {"2"}}
	for _, c := range cases {
		columns = append(columns, c.column)
		for i := range rows {
			rows[i] = append(rows[i], c.values[i%len(c.values)][0])
		}
	}
	table := foreignTable(columns...)
	got := h.create(t, table)
	require.Equal(t, "PRIMARY", got.Model)
	require.Equal(t, []snapshot.Partition{{Name: "t", Physical: []snapshot.PhysicalPartition{{ID: 7, Rows: 7, Bytes: 70}}}}, got.Partitions)
	require.NoError(t, h.load(t, got, "rows", rows...))
	for i, c := range cases {
		x := got.Columns[i+1]
		require.Equal(t, c.fits, x.Source, x.Name)
		require.Equal(t, c.column.Name, x.Name)
		require.Equal(t, c.column.Type, x.Type, "values are stored as they were")
		for j, v := range h.column(t, got, i+1) {
			require.Equal(t, c.values[j%len(c.values)][1], v, x.Name)
		}
	}
	require.Equal(t, "tinyint(1)", table.Columns[1].Source, "the snapshot's own description stays")
	same, err := h.Cluster.(cluster.Translator).Translate(got, "starrocks")
	require.NoError(t, err)
	require.Equal(t, got, same)
}

func TestKeysOfMySQLStayUniqueOrKeepAllRows(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	number, text := foreign("n", snapshot.Int64, "bigint(20)"), func(declared string) snapshot.Column {
		return foreign("v", snapshot.String, declared+utf8mb4)
	}
	double, binary, document := foreign("r", snapshot.Float64, "double"), foreign("b", snapshot.Binary, "binary(16)"), foreign("j", snapshot.JSON, "json")
	decimal := foreign("c", snapshot.Decimal, "decimal(9,2)")
	decimal.Type.Precision, decimal.Type.Scale = 9, 2
	nullable := key(number)
	nullable.Nullable = true
	for name, c := range map[string]struct {
		columns []snapshot.Column
		clause  string
	}{
		"behind others":        {[]snapshot.Column{document, key(text("varchar(20)")), double, key(number)}, "PRIMARY KEY(`v`, `n`)\nDISTRIBUTED BY HASH(`v`, `n`)"},
		"as long as it may be": {[]snapshot.Column{key(text("varchar(32)"))}, "PRIMARY KEY(`v`)"},
		"too long":             {[]snapshot.Column{double, key(text("varchar(33)")), number}, "DUPLICATE KEY(`v`)\nDISTRIBUTED BY RANDOM"},
		"too long together":    {[]snapshot.Column{key(text("varchar(30)")), key(number)}, "DUPLICATE KEY(`v`)"},
		"decimal":              {[]snapshot.Column{number, key(decimal)}, "DUPLICATE KEY(`c`)"},
		"bytes":                {[]snapshot.Column{key(binary), double, number}, "DUPLICATE KEY(`n`)"},
		"bytes with a number":  {[]snapshot.Column{number, key(binary), key(decimal)}, "DUPLICATE KEY(`c`)"},
		"unique with null":     {[]snapshot.Column{nullable}, "DUPLICATE KEY(`n`)"},
		"none":                 {[]snapshot.Column{double, document, text("longtext"), number}, "DUPLICATE KEY(`v`)"},
	} {
		x := foreignTable(c.columns...)
		x.Name = name
		got := h.create(t, x)
		require.Contains(t, got.DDL, c.clause, name)
		for i := range got.Columns {
			require.Equal(t, c.columns[i].Name, got.Columns[i].Name, "rows of the snapshot have this order")
			require.Equal(t, strings.Contains(strings.Split(c.clause, ")")[0], "`"+c.columns[i].Name+"`"), got.Columns[i].Key, name)
		}
	}
}

func TestKeysBehindOtherColumnsKeepTheirValues(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	got := h.create(t, foreignTable(foreign("v", snapshot.String, "longtext"+utf8mb4), key(foreign("a", snapshot.Int32, "int(11)"))))
	require.NoError(t, h.load(t, got, "l", []string{"1", "20"}, []string{"2", "10"}))
	require.Equal(t, []string{"20", "10"}, h.column(t, got, 1))
}

func TestTypesOfMySQLThatDoNotFitAreNamed(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	a := key(foreign("a", snapshot.Int32, "int(11)"))
	generated := foreignTable(a)
	generated.DDL = "CREATE TABLE `t` (\n  `a` int(11) NOT NULL,\n  `the ``sum` int(11) GENERATED ALWAYS AS (`a` + 1) VIRTUAL,\n  PRIMARY KEY (`a`)\n)"
	for _, c := range []struct {
		table  snapshot.Table
		from   string
		naming []string
	}{
		{foreignTable(a, foreign("x", snapshot.Binary, "bit(10)")), "mysql", []string{"column x", "bit(10)"}},
		{foreignTable(a, foreign("x", snapshot.Binary, "geometry")), "mysql", []string{"column x", "geometry"}},
		{foreignTable(a, foreign("x", snapshot.Binary, "varchar(20) character set sjis collate sjis_bin")), "mysql", []string{"column x", "character set sjis"}},
		{foreignTable(a, foreign("x", snapshot.Binary, "enum(' character set latin1 ') character set big5 collate big5_bin")), "mysql", []string{"column x", "big5"}},
		{foreignTable(a, foreign("x", snapshot.String, "decimal(65,30)")), "mysql", []string{"column x", "decimal(65,30)"}},
		{foreignTable(a, foreign("x", "unheard", "vector(3)")), "mysql", []string{"column x", "vector(3)"}},
		{foreignTable(foreign("x", snapshot.Float64, "double"), foreign("y", snapshot.JSON, "json")), "mysql", []string{"no column", "key"}},
		{generated, "mysql", []string{"column the `sum", "computed"}},
		{foreignTable(a), "oracle", []string{"oracle"}},
	} {
		_, err := h.Cluster.(cluster.Translator).Translate(c.table, c.from)
		require.ErrorIs(t, err, cluster.ErrUnsupported)
		for _, word := range append(c.naming, "table t") {
			require.ErrorContains(t, err, word)
		}
	}
	awkward := foreignTable(a)
	awkward.Name = "it`s"
	_, err := h.Cluster.(cluster.Translator).Translate(awkward, "mysql")
	require.ErrorIs(t, err, cluster.ErrInvalidName)
}

func TestDatesThatAreNoneAreRejectedNotChanged(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	got := h.create(t, foreignTable(key(foreign("a", snapshot.Int32, "int(11)")), foreign("d", snapshot.Date, "date"), foreign("t", snapshot.Datetime, "datetime")))
	for label, row := range map[string][]string{
		"zero": {"1", "0000-00-00", "2024-01-01 00:00:00"}, "partial": {"1", "2024-02-00", "2024-01-01 00:00:00"}, "invalid": {"1", "2024-02-30", "2024-01-01 00:00:00"},
		"moment": {"1", "2024-02-01", "0000-00-00 00:00:00"},
	} {
		require.ErrorIs(t, h.load(t, got, label, []string{"2", "2024-02-01", "2024-01-01 00:00:00"}, row), cluster.ErrRejected, label)
	}
	n, err := h.Cluster.Count(t.Context(), database, "t", "", false)
	require.NoError(t, err)
	require.Zero(t, n)
}

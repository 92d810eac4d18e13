package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/streamload"
)

// fixture is a catalog with a database d.
func fixture(t require.TestingT) *Catalog {
	c := New("", 0)
	require.NoError(t, c.CreateDatabase("d", false, nil))
	return c
}

// run executes a statement that defines something.
func run(c *Catalog, statement string) error {
	s, err := dialect.Parse(statement)
	if err != nil {
		return err
	}
	switch x := s.(type) {
	case *dialect.CreateTable:
		return c.CreateTable(x)
	case *dialect.AlterTable:
		return c.Alter(x)
	case *dialect.Truncate:
		return c.Truncate(x.Name, x.Partitions)
	}
	return fmt.Errorf("run cannot execute a %T", s)
}

func define(t require.TestingT, c *Catalog, statements ...string) {
	for _, s := range statements {
		require.NoError(t, run(c, s), s)
	}
}

func inD(name string) dialect.ObjectName { return dialect.ObjectName{Database: "d", Name: name} }

// insert inserts rows of texts; "\N" is NULL.
func insert(c *Catalog, table string, rows ...[]string) error {
	in := Insertion{Table: inD(table)}
	for _, row := range rows {
		values := make([][]byte, len(row))
		for i, v := range row {
			if v != `\N` {
				values[i] = []byte(v)
			}
		}
		in.Rows = append(in.Rows, values)
	}
	_, err := c.Insert(in)
	return err
}

// content returns the rows of a table, values joined by "|".
func content(t require.TestingT, c *Catalog, table string, h dialect.Hint) []string {
	scan, err := c.Scan(inD(table), h)
	require.NoError(t, err)
	return texts(scan)
}

func texts(scan *Scan) []string {
	list := []string{}
	values := make([][]byte, len(scan.Columns))
	for row := range scan.Rows() {
		row.Values(values)
		parts := make([]string, len(values))
		for i, v := range values {
			if parts[i] = string(v); v == nil {
				parts[i] = `\N`
			}
		}
		list = append(list, strings.Join(parts, "|"))
	}
	return list
}

func partitions(t require.TestingT, c *Catalog, table string) []PartitionInfo {
	info, err := c.Table(inD(table))
	require.NoError(t, err)
	return info.Partitions
}

func ddlOf(t require.TestingT, c *Catalog, table string) string {
	ddl, err := c.DDL(inD(table))
	require.NoError(t, err)
	return ddl
}

func names(list []PartitionInfo) (n []string) {
	for _, p := range list {
		n = append(n, p.Name)
	}
	return n
}

// drawTable draws a CREATE TABLE statement over all models, partitionings and scalar types.
func drawTable(t *rapid.T) string {
	text := rapid.StringOf(rapid.SampledFrom([]rune("aé \"'\\`\n\t;#-世"))).Draw
	model := rapid.SampledFrom([]string{"DUPLICATE", "AGGREGATE", "UNIQUE", "PRIMARY"}).Draw(t, "model")
	keyTypes := []string{"TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT", "DATE", "DATETIME"}
	valueTypes := append([]string{"BOOLEAN", "FLOAT", "DOUBLE", "DECIMAL(38,10)", "DECIMAL(9)", "CHAR(20)", "VARCHAR(100)", "STRING", "VARBINARY", "VARBINARY(7)", "JSON"}, keyTypes...)
	bounds := map[string][2]string{"DATE": {"2020-01-01", "2021-06-30"}, "DATETIME": {"2020-01-01 00:00:00", "2020-01-01 00:00:01"}}
	partitionType := rapid.SampledFrom(keyTypes).Draw(t, "type")
	low, high := "-5", "77"
	if b, ok := bounds[partitionType]; ok {
		low, high = b[0], b[1]
	}
	columns := []string{"`k 1` " + partitionType + " NOT NULL COMMENT \"" + escape(text(t, "comment")) + "\"", "`k2` VARCHAR(30) NOT NULL"}
	for i := range rapid.IntRange(0, 6).Draw(t, "values") {
		column := fmt.Sprintf("`v%d` %s", i, rapid.SampledFrom(valueTypes).Draw(t, "value type"))
		if model == "AGGREGATE" {
			column += " REPLACE"
		}
		column += rapid.SampledFrom([]string{"", " NULL", " NOT NULL"}).Draw(t, "null")
		if strings.Contains(column, "VARCHAR") && rapid.Bool().Draw(t, "default") {
			column += ` DEFAULT "` + escape(text(t, "default text")) + `"`
		}
		columns = append(columns, column)
	}
	by := rapid.SampledFrom([]string{
		"", "PARTITION BY RANGE(`k 1`)(PARTITION p1 VALUES LESS THAN (\"" + low + "\"), PARTITION p2 VALUES LESS THAN (\"" + high + "\"), PARTITION p3 VALUES LESS THAN MAXVALUE)",
		"PARTITION BY RANGE(`k 1`)(PARTITION p1 VALUES [(\"" + low + "\"), (\"" + high + "\")))", "PARTITION BY RANGE(`k 1`)()",
		"PARTITION BY LIST(k2)(PARTITION a VALUES IN ('x', 'y'), PARTITION b VALUES IN ('z'))",
		"PARTITION BY LIST(`k 1`, k2)(PARTITION a VALUES IN (('" + low + "', 'x'), ('" + high + "', 'y')))", "PARTITION BY (k2, `k 1`)", "PARTITION BY `k2`",
	}).Draw(t, "partition by")
	if _, temporal := bounds[partitionType]; temporal && rapid.Bool().Draw(t, "expression") {
		by = "PARTITION BY date_trunc('month', `k 1`)"
	}
	distribution := "HASH(k2) BUCKETS 3"
	if model == "DUPLICATE" {
		distribution = rapid.SampledFrom([]string{"RANDOM", "RANDOM BUCKETS 4", "HASH(`k 1`, k2)"}).Draw(t, "distribution")
	}
	return "CREATE TABLE d.a (" + strings.Join(columns, ", ") + ") " + model + " KEY(`k 1`, k2) COMMENT \"" + escape(text(t, "table comment")) + "\" " + by +
		" DISTRIBUTED BY " + distribution + ` PROPERTIES ("replication_num" = "1", "compression" = "` + rapid.SampledFrom([]string{"LZ4", "ZSTD(3)"}).Draw(t, "compression") + `")`
}

func TestShownDDLCreatesTheSameTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := fixture(t)
		define(t, c, drawTable(t))
		shown := ddlOf(t, c, "a")
		define(t, c, strings.Replace(shown, "CREATE TABLE `a`", "CREATE TABLE IF NOT EXISTS `d`.`b`", 1))
		require.Equal(t, shown, strings.Replace(ddlOf(t, c, "b"), "`b`", "`a`", 1))
		a, b := partitions(t, c, "a"), partitions(t, c, "b")
		require.Len(t, b, len(a))
		for i := range a {
			require.Equal(t, a[i].Values, b[i].Values)
		}
	})
}

// The server prints list values without escaping and NULL as a text (fe:catalog/ListPartitionInfo): a client that trusts
// the DDL loses both. It must take the values from SHOW PARTITIONS.
func TestDDLOfListPartitionsIsAmbiguousForNull(t *testing.T) {
	t.Parallel()
	c := fixture(t)
	define(t, c, `CREATE TABLE d.t (a STRING) DUPLICATE KEY(a) PARTITION BY LIST(a)(PARTITION p VALUES IN (NULL, "b'c")) DISTRIBUTED BY HASH(a) BUCKETS 1`)
	require.Contains(t, ddlOf(t, c, "t"), "VALUES IN ('NULL', 'b'c')")
	require.Equal(t, `[["NULL"],["b'c"]]`, partitions(t, c, "t")[0].Values)
}

func TestPartitionsOfAutomaticTablesAreNeverListed(t *testing.T) {
	t.Parallel()
	c := fixture(t)
	define(t, c, "CREATE TABLE d.e (d DATETIME, v INT) DUPLICATE KEY(d) PARTITION BY date_trunc('day', d) DISTRIBUTED BY HASH(v) BUCKETS 1",
		"CREATE TABLE d.l (a STRING, b INT) DUPLICATE KEY(a) PARTITION BY (a, b) DISTRIBUTED BY HASH(b) BUCKETS 1")
	require.NoError(t, insert(c, "e", []string{"2024-02-29 23:59:59.5", "1"}, []string{"2024-03-01", "2"}, []string{`\N`, "3"}))
	require.NoError(t, insert(c, "l", []string{"a-b", "-1"}, []string{"ab", "-1"}, []string{`\N`, "1"}))
	require.Equal(t, []string{"p00000101", "p20240229", "p20240301"}, names(partitions(t, c, "e")))
	require.Equal(t, "[types: [DATETIME]; keys: [2024-02-29 00:00:00]; ..types: [DATETIME]; keys: [2024-03-01 00:00:00]; )", partitions(t, c, "e")[1].Values)
	require.Equal(t, []string{"pab__1", "pab__1_0", "pNULL_1"}, names(partitions(t, c, "l")))
	require.Equal(t, []string{"2024-02-29 23:59:59.500000|1"}, content(t, c, "e", dialect.Hint{Partitions: []string{"p20240229"}}))
	for _, table := range []string{"e", "l"} {
		require.NotContains(t, ddlOf(t, c, table), "PARTITION p")
	}
	define(t, c, `ALTER TABLE d.e ADD PARTITION IF NOT EXISTS p20250101 VALUES [("2025-01-01"), ("2025-01-02"))`,
		`ALTER TABLE d.l ADD PARTITION x VALUES IN (("q", "5"))`)
	require.NoError(t, insert(c, "l", []string{"q", "5"}))
	require.Equal(t, []string{"q|5"}, content(t, c, "l", dialect.Hint{Partitions: []string{"x"}}))
}

func TestRowsGoWhereTheirRangeIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := fixture(t)
		cuts := rapid.SliceOfNDistinct(rapid.Int64Range(-1000, 1000), 1, 6, rapid.ID).Draw(t, "cuts")
		slices.Sort(cuts)
		define(t, c, "CREATE TABLE d.t (a LARGEINT) PARTITION BY RANGE(a)() DISTRIBUTED BY HASH(a) BUCKETS 2")
		order := rapid.Permutation(cuts[:len(cuts)-1]).Draw(t, "order")
		for _, low := range order {
			high := cuts[slices.Index(cuts, low)+1]
			define(t, c, fmt.Sprintf(`ALTER TABLE d.t ADD PARTITION p%d VALUES [("%d"), ("%d"))`, slices.Index(cuts, low), low, high))
		}
		for _, v := range rapid.SliceOfN(rapid.Int64Range(-1100, 1100), 1, 20).Draw(t, "values") {
			inside := v >= cuts[0] && v < cuts[len(cuts)-1]
			err := insert(c, "t", []string{fmt.Sprint(v)})
			require.Equal(t, inside, err == nil, "%d in %v: %v", v, cuts, err)
		}
		for i, low := range cuts[:len(cuts)-1] {
			for _, row := range content(t, c, "t", dialect.Hint{Partitions: []string{fmt.Sprintf("p%d", i)}}) {
				v, err := strconv.ParseInt(row, 10, 64)
				require.NoError(t, err)
				require.True(t, v >= low && v < cuts[i+1])
			}
		}
	})
}

func TestNullGoesToTheLowestRangeOrNowhere(t *testing.T) {
	t.Parallel()
	c := fixture(t)
	define(t, c, `CREATE TABLE d.open (a INT) PARTITION BY RANGE(a)(PARTITION low VALUES LESS THAN ("0"), PARTITION high VALUES LESS THAN MAXVALUE) DISTRIBUTED BY HASH(a)`,
		`CREATE TABLE d.closed (a INT) PARTITION BY RANGE(a)(PARTITION p VALUES [("0"), ("9"))) DISTRIBUTED BY HASH(a)`)
	require.NoError(t, insert(c, "open", []string{`\N`}, []string{"2147483647"}))
	require.Equal(t, []string{`\N`}, content(t, c, "open", dialect.Hint{Partitions: []string{"LOW"}}), "partition names are compared without case")
	require.ErrorContains(t, insert(c, "closed", []string{`\N`}), "filtered")
}

func TestOverlappingPartitionsAreRefused(t *testing.T) {
	t.Parallel()
	c := fixture(t)
	define(t, c, `CREATE TABLE d.t (a INT, b DATE) PARTITION BY RANGE(a, b)(PARTITION p VALUES [("1", "2020-01-01"), ("5"))) DISTRIBUTED BY HASH(a)`)
	require.ErrorContains(t, run(c, `ALTER TABLE d.t ADD PARTITION q VALUES [("4"), ("6"))`), "is intersected with range: [types: [INT, DATE]; keys: [1, 2020-01-01]; ..types: [INT, DATE]; keys: [5, 0000-01-01]; )")
	require.ErrorContains(t, run(c, `ALTER TABLE d.t ADD PARTITION P VALUES [("7"), ("8"))`), "Duplicate partition name")
	require.ErrorContains(t, run(c, `ALTER TABLE d.t ADD PARTITION q VALUES [("9"), ("8"))`), "lower values must smaller")
	require.ErrorContains(t, run(c, `ALTER TABLE d.t DROP PARTITION nowhere`), "Error in list of partitions to [nowhere]")
	define(t, c, `ALTER TABLE d.t DROP PARTITION IF EXISTS nowhere FORCE`, `ALTER TABLE d.t ADD PARTITION q VALUES [("5"), (MAXVALUE))`,
		`ALTER TABLE d.t ADD TEMPORARY PARTITION tp VALUES [("1"), ("9"))`)
	require.ErrorContains(t, run(c, `ALTER TABLE d.t ADD PARTITION tp VALUES [("0"), ("1"))`), "Duplicate partition name tp")
}

func TestBatchPartitionsCoverTheirSpan(t *testing.T) {
	t.Parallel()
	c := fixture(t)
	define(t, c, `CREATE TABLE d.m (a DATE) PARTITION BY RANGE(a)(START ("2024-01-31") END ("2024-04-15") EVERY (INTERVAL 1 MONTH)) DISTRIBUTED BY HASH(a)`,
		`CREATE TABLE d.n (a INT) PARTITION BY RANGE(a)(START ("1") END ("10") EVERY (4)) DISTRIBUTED BY HASH(a)`)
	require.Equal(t, []string{"p1", "p5", "p9"}, names(partitions(t, c, "n")))
	require.Equal(t, "[types: [INT]; keys: [9]; ..types: [INT]; keys: [10]; )", partitions(t, c, "n")[2].Values)
	require.Equal(t, "[types: [DATE]; keys: [2024-01-31]; ..types: [DATE]; keys: [2024-03-02]; )", partitions(t, c, "m")[0].Values)
}

func TestAReaderSeesOneMomentWhileLoadsGoOn(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"DUPLICATE", "UNIQUE"} {
		c := fixture(t)
		define(t, c, "CREATE TABLE d.t (k INT, v INT) "+model+" KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2")
		require.NoError(t, insert(c, "t", []string{"1", "1"}, []string{"2", "1"}))
		scan, err := c.Scan(inD("t"), dialect.Hint{})
		require.NoError(t, err)
		before := texts(scan)
		for i := range 10 {
			require.NoError(t, insert(c, "t", []string{"1", fmt.Sprint(i)}, []string{fmt.Sprint(i), "0"}))
		}
		_, err = c.Delete(scan, func(int64) bool { return true })
		require.ErrorIs(t, err, ErrMoved)
		define(t, c, "TRUNCATE TABLE d.t")
		require.Equal(t, before, texts(scan))
	}
}

func TestUpsertsAgreeWithAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := fixture(t)
		define(t, c, "CREATE TABLE d.t (k INT NOT NULL, v STRING) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 3")
		model := map[string]string{}
		for range rapid.IntRange(1, 8).Draw(t, "loads") {
			var rows [][]string
			for range rapid.IntRange(1, 6).Draw(t, "rows") {
				k, v := fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "k")), rapid.StringN(0, 300, -1).Draw(t, "v")
				rows, model[k] = append(rows, []string{k, v}), v
			}
			require.NoError(t, insert(c, "t", rows...))
			if rapid.Bool().Draw(t, "delete") {
				scan, err := c.Scan(inD("t"), dialect.Hint{})
				require.NoError(t, err)
				all, gone := texts(scan), rapid.IntRange(0, len(model)-1).Draw(t, "gone")
				_, err = c.Delete(scan, func(row int64) bool { return int(row) == gone })
				require.NoError(t, err)
				k, _, _ := strings.Cut(all[gone], "|")
				delete(model, k)
				if len(model) == 0 {
					return
				}
			}
		}
		want := []string{}
		for k, v := range model {
			want = append(want, k+"|"+v)
		}
		require.ElementsMatch(t, want, content(t, c, "t", dialect.Hint{}))
	})
}

func TestRowsKeepEveryLength(t *testing.T) {
	t.Parallel()
	var row Row
	lengths := []int{0, 1, 250, 251, 252, 65535, 65536, 1 << 24}
	for _, n := range lengths {
		row = row.appendValue(make([]byte, n)).appendNull()
	}
	values := make([][]byte, 2*len(lengths))
	row.Values(values)
	for i, n := range lengths {
		require.NotNil(t, values[2*i])
		require.Len(t, values[2*i], n)
		require.Nil(t, values[2*i+1])
	}
	require.Len(t, row.prefix(2), 2)
}

func batch(values ...string) *streamload.Batch {
	b := &streamload.Batch{Columns: make([]streamload.Vector, 1)}
	for _, v := range values {
		b.Columns[0].Append([]byte(v))
	}
	return b
}

func begin(t *testing.T, c *Catalog, label string) streamload.Load {
	t.Helper()
	l, err := c.Begin(streamload.Request{Database: "d", Table: "t", Label: label})
	require.NoError(t, err)
	return l
}

func TestAForgottenLabelLoadsAgain(t *testing.T) {
	t.Parallel()
	c := New("", 2)
	require.NoError(t, c.CreateDatabase("d", false, nil))
	define(t, c, "CREATE TABLE d.t (a INT) DISTRIBUTED BY HASH(a) BUCKETS 1")
	publish := func(label string) {
		l := begin(t, c, label)
		_, err := l.Append(batch("1"))
		require.NoError(t, err)
		require.NoError(t, l.Commit())
		require.NoError(t, l.Publish())
	}
	publish("first")
	var taken *streamload.LabelError
	_, err := c.Begin(streamload.Request{Database: "d", Table: "t", Label: "first"})
	require.ErrorAs(t, err, &taken)
	require.Equal(t, "FINISHED", taken.ExistingJobStatus())
	publish("second")
	publish("third")
	publish("first") // loaded twice: nothing protects from that any more
	require.Len(t, content(t, c, "t", dialect.Hint{}), 4)
}

func TestAnAbortedLabelIsFreeAndARunningOneIsNot(t *testing.T) {
	t.Parallel()
	c := fixture(t)
	define(t, c, "CREATE TABLE d.t (a INT) DISTRIBUTED BY HASH(a) BUCKETS 1")
	l := begin(t, c, "x")
	_, err := l.Append(batch("1"))
	require.NoError(t, err)
	var taken *streamload.LabelError
	_, err = c.Begin(streamload.Request{Database: "d", Table: "t", Label: "x"})
	require.ErrorAs(t, err, &taken)
	require.Equal(t, "RUNNING", taken.ExistingJobStatus())
	l.Abort("no reason")
	again := begin(t, c, "x")
	_, err = again.Append(batch("2"))
	require.NoError(t, err)
	require.NoError(t, again.Commit())
	again.Abort("too late")
	require.Empty(t, content(t, c, "t", dialect.Hint{}), "committed is not visible")
	require.NoError(t, again.Publish())
	require.NoError(t, l.Publish(), "an aborted load publishes nothing")
	require.Equal(t, []string{"2"}, content(t, c, "t", dialect.Hint{}))
}

func TestALoadIntoAPartitionThatIsGoneIsGone(t *testing.T) {
	t.Parallel()
	c := fixture(t)
	define(t, c, "CREATE TABLE d.t (a INT) DISTRIBUTED BY HASH(a) BUCKETS 1")
	l := begin(t, c, "x")
	_, err := l.Append(batch("1"))
	require.NoError(t, err)
	require.NoError(t, l.Commit())
	define(t, c, "TRUNCATE TABLE d.t")
	require.NoError(t, l.Publish())
	require.Empty(t, content(t, c, "t", dialect.Hint{}))
	require.Equal(t, int64(firstVersion), partitions(t, c, "t")[0].Version)
}

func TestARandomTableMayHaveSeveralPhysicalPartitionsOfOneName(t *testing.T) {
	t.Parallel()
	c := fixture(t)
	define(t, c, `CREATE TABLE d.t (a INT) DISTRIBUTED BY RANDOM BUCKETS 2 PROPERTIES ("bucket_size" = "4")`)
	for i := range 6 {
		require.NoError(t, insert(c, "t", []string{fmt.Sprint(i)}))
	}
	physical := partitions(t, c, "t")
	require.Greater(t, len(physical), 1)
	ids := map[int64]bool{}
	for _, p := range physical {
		require.Equal(t, "t", p.Name)
		ids[p.ID] = true
	}
	require.Len(t, slices.Collect(maps.Keys(ids)), len(physical))
	require.Len(t, content(t, c, "t", dialect.Hint{}), 6)
}

func TestBucketsOfAHashTableAreStable(t *testing.T) {
	t.Parallel()
	c := fixture(t)
	define(t, c, "CREATE TABLE d.t (a INT, b INT) DUPLICATE KEY(a) DISTRIBUTED BY HASH(a) BUCKETS 5")
	for i := range 40 {
		require.NoError(t, insert(c, "t", []string{fmt.Sprint(i % 20), fmt.Sprint(i)}))
	}
	for _, tablet := range partitions(t, c, "t")[0].Tablets {
		seen := map[string]int{}
		for _, row := range content(t, c, "t", dialect.Hint{Tablets: []int64{tablet.ID}}) {
			key, _, _ := strings.Cut(row, "|")
			seen[key]++
		}
		for key, n := range seen {
			require.Equal(t, 2, n, "rows of key %s are in two tablets", key)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	c := fixture(b)
	columns := make([]string, 17)
	row := make([]string, 17)
	for i := range columns {
		columns[i], row[i] = fmt.Sprintf("c%d INT", i), "19940101"
	}
	define(b, c, "CREATE TABLE d.t ("+strings.Join(columns, ", ")+") DUPLICATE KEY(c0) DISTRIBUTED BY HASH(c0) BUCKETS 1")
	require.NoError(b, insert(c, "t", slices.Repeat([][]string{row}, 10_000)...))
	scan, err := c.Scan(inD("t"), dialect.Hint{})
	require.NoError(b, err)
	values := make([][]byte, 17)
	b.ReportAllocs()
	for b.Loop() {
		for r := range scan.Rows() {
			r.Values(values)
		}
	}
}

func TestOverwriteReplacesOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	c := fixture(t)
	define(t, c, `CREATE TABLE d.t (a INT) PARTITION BY RANGE(a)(PARTITION p VALUES [("0"), ("10")), PARTITION q VALUES [("10"), ("20"))) DISTRIBUTED BY HASH(a) BUCKETS 2`,
		`ALTER TABLE d.t ADD TEMPORARY PARTITION tp VALUES [("0"), ("10"))`)
	require.NoError(t, insert(c, "t", []string{"1"}, []string{"11"}))
	before := partitions(t, c, "t")
	for _, target := range []dialect.Hint{{Partitions: []string{"p"}}, {Partitions: []string{"tp"}, Temporary: true}} {
		for _, v := range []string{"2", "3"} {
			_, err := c.Insert(Insertion{Table: inD("t"), Target: target, Overwrite: true, Rows: [][][]byte{{[]byte(v)}}})
			require.NoError(t, err)
		}
		require.Equal(t, []string{"3"}, content(t, c, "t", target))
		_, err := c.Insert(Insertion{Table: inD("t"), Target: target, Overwrite: true, Rows: [][][]byte{{[]byte("11")}}})
		require.ErrorContains(t, err, "filtered")
		require.Equal(t, []string{"3"}, content(t, c, "t", target), "a failed overwrite leaves the rows")
	}
	after := partitions(t, c, "t")
	require.Equal(t, names(before), names(after))
	require.NotEqual(t, before[0].ID, after[0].ID)
	require.Equal(t, before[1].ID, after[1].ID)
	require.Equal(t, []string{"11"}, content(t, c, "t", dialect.Hint{Partitions: []string{"q"}}))
}

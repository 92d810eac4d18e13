package starrocks_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/sandbox/fault"
	"starkeep/snapshot"
)

// values is a table of text values, nil being NULL.
type values [][]any

func (v values) open() (snapshot.RowReader, error) { return &valueReader{rows: v}, nil }

type valueReader struct{ rows values }

func (r *valueReader) Next(b *snapshot.Batch) error {
	b.Reset()
	if len(r.rows) == 0 {
		return io.EOF
	}
	n := min(len(r.rows), 100)
	for _, row := range r.rows[:n] {
		for j, v := range row {
			if v == nil {
				b.Columns[j].AppendNull()
			} else {
				b.Columns[j].Append([]byte(v.(string)))
			}
		}
	}
	r.rows = r.rows[n:]
	return nil
}

func (r *valueReader) Close() error { return nil }

// stored reads a table as a snapshot would hold it.
func (h *harness) stored(t testing.TB, table string, columns []snapshot.Column) values {
	rows, err := h.Cluster.Read(t.Context(), cluster.ReadRequest{Database: database, Table: table, Columns: columns})
	require.NoError(t, err)
	defer rows.Close()
	var all values
	var b snapshot.Batch
	for {
		err := rows.Next(&b)
		if err == io.EOF {
			return all
		}
		require.NoError(t, err)
		for i := range b.Rows() {
			row := make([]any, len(b.Columns))
			for j := range b.Columns {
				if !b.Columns[j].Null[i] {
					row[j] = string(b.Columns[j].Value(i))
				}
			}
			all = append(all, row)
		}
	}
}

// printed reads the first row of a statement as the server prints it.
func (h *harness) printed(t testing.TB, statement string) []string {
	r, err := h.admin.Query(context.Background(), statement)
	require.NoError(t, err, statement)
	defer r.Close()
	var b snapshot.Batch
	require.NoError(t, r.Next(&b))
	var row []string
	for j := range b.Columns {
		if b.Columns[j].Null[0] {
			row = append(row, "NULL")
		} else {
			row = append(row, string(b.Columns[j].Value(0)))
		}
	}
	return row
}

func (h *harness) described(t testing.TB, table string) snapshot.Table {
	tables, err := h.Cluster.Describe(t.Context(), database, []string{table})
	require.NoError(t, err)
	return tables[0]
}

func (h *harness) fill(t testing.TB, table, label string, columns []snapshot.Column, rows values) cluster.LoadResult {
	result, err := h.Cluster.Load(t.Context(), cluster.LoadRequest{Database: database, Table: table, Label: label, Columns: columns, Open: rows.open})
	require.NoError(t, err)
	return result
}

// leftovers are tables that no test made.
func (h *harness) leftovers(t testing.TB) []string {
	tables, _, err := h.Cluster.Tables(t.Context(), database)
	require.NoError(t, err)
	var list []string
	for _, name := range tables {
		if strings.HasPrefix(name, "__starkeep_") {
			list = append(list, name)
		}
	}
	return list
}

const collections = "CREATE TABLE db.t (`k` int NOT NULL, `a` array<varchar(20)> NULL, `n` array<array<int>> NULL, `m` map<varchar(20),decimal(18,2)> NULL, " +
	"`d` map<datetime,array<json>> NULL, `s` struct<`x` int, `y z` struct<`b` varbinary, `l` largeint>> NULL, `f` array<struct<`v` double, `w` boolean>> NULL) " +
	"DUPLICATE KEY(`k`) DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")"

// collected are rows of collections, as a snapshot holds them.
var collected = values{
	{"1", `["a","null",null,"","it's \"x\"\\\u000a,]",{"hex":"ff00"}]`, `[["1",null],[],null]`, `[["","1.50"],["k",null]]`,
		`[["2024-01-01 00:00:00.000001",["{\"a\": \"it's\"}",null,"null","1","\"x\""]]]`,
		`{"x":"-1","y z":{"b":{"hex":"00ff22"},"l":"-170141183460469231731687303715884105728"}}`, `[{"v":"1e+100","w":"1"},null,{"v":null,"w":"0"}]`},
	{"2", `[]`, `[]`, `[]`, `[]`, `{"x":null,"y z":null}`, `[]`},
	{"3", nil, nil, nil, nil, nil, nil},
	{"4", `[null]`, `[null]`, `[["k","-0.01"]]`, `[["9999-12-31 23:59:59",null]]`, `{"x":"2147483647","y z":{"b":"","l":null}}`, `[{"v":"nan","w":null}]`},
}

// Trap 10: the text of ARRAY, MAP and STRUCT on the wire is no JSON and cannot be loaded.
func TestCollectionsComeBackWithNullsQuotesAndAnyBytes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec(collections)
	table := h.described(t, "t")
	require.Equal(t, snapshot.NestedEncoding, table.Columns[1].Encoding)
	require.EqualValues(t, len(collected), h.fill(t, "t", "l1", table.Columns, collected).Rows)
	require.ElementsMatch(t, collected, h.stored(t, "t", table.Columns))
	require.Equal(t, []string{`["a","null",null,"","it's \"x\"\\` + "\n" + `,]","` + "\xff\x00" + `"]`, `[[1,null],[],null]`, `{"":1.50,"k":null}`},
		h.printed(t, "SELECT a, n, m FROM db.t WHERE k = 1"))
	require.Empty(t, h.leftovers(t), "the staging table is gone")
	// what the server prints of a copy is the same, too
	_, err := h.Cluster.CreateTable(t.Context(), database, table, cluster.TableOptions{Name: "copy"})
	require.NoError(t, err)
	h.fill(t, "copy", "l2", table.Columns, h.stored(t, "t", table.Columns))
	for k := 1; k <= len(collected); k++ {
		require.Equal(t, h.printed(t, fmt.Sprintf("SELECT * FROM db.t WHERE k = %d", k)), h.printed(t, fmt.Sprintf("SELECT * FROM db.copy WHERE k = %d", k)))
	}
}

// Trap 10: SELECT prints NULL for BITMAP and HLL, and no load takes a serialised HLL.
func TestBitmapsAndHLLsComeBack(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec("CREATE TABLE db.t (`k` int NOT NULL, `b` bitmap BITMAP_UNION NULL, `h` hll HLL_UNION NULL, `v` varchar(20) REPLACE NULL) AGGREGATE KEY(`k`) " +
		"DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")")
	h.Exec("INSERT INTO db.t VALUES (1, to_bitmap(7), hll_hash('x'), 'a'), (2, bitmap_empty(), hll_empty(), 'b')")
	h.Exec("INSERT INTO db.t VALUES (1, to_bitmap(8589934592), hll_hash('y'), 'c')")
	table := h.described(t, "t")
	rows := h.stored(t, "t", table.Columns)
	require.Len(t, rows, 2)
	_, err := h.Cluster.CreateTable(t.Context(), database, table, cluster.TableOptions{Name: "copy"})
	require.NoError(t, err)
	require.EqualValues(t, 2, h.fill(t, "copy", "l", table.Columns, rows).Rows)
	require.Equal(t, rows, h.stored(t, "copy", table.Columns))
	for k, want := range map[int][]string{1: {"2", "2", "7,8589934592", "c"}, 2: {"0", "0", "", "b"}} {
		require.Equal(t, want, h.printed(t, fmt.Sprintf("SELECT bitmap_count(b), hll_cardinality(h), bitmap_to_string(b), v FROM db.copy WHERE k = %d", k)))
	}
	require.Empty(t, h.leftovers(t))
}

// Trap 10: nothing takes back a PERCENTILE or the state of an aggregation. Such tables are refused, each by name.
func TestColumnsThatNothingTakesBackAreRefusedByName(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for name, column := range map[string]string{"quantiles": "`p` percentile PERCENTILE_UNION NULL", "states": "`mean` varbinary avg(double) NULL"} {
		h.Exec("CREATE TABLE db." + name + " (`k` int NOT NULL, " + column + ") AGGREGATE KEY(`k`) DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")")
	}
	_, err := h.Cluster.Describe(t.Context(), database, []string{"quantiles", "states"})
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	require.ErrorContains(t, err, "table quantiles: column p: type percentile")
	require.ErrorContains(t, err, "table states: column mean: aggregation AVG")
}

func TestLargeBitmapIsLoadedInPieces(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec("CREATE TABLE db.t (`k` int NOT NULL, `b` bitmap BITMAP_UNION NULL) AGGREGATE KEY(`k`) DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")")
	table := h.described(t, "t")
	const n = 400_000
	v := binary.LittleEndian.AppendUint32([]byte{12, 1}, n) // a roaring bitmap written as a list of values
	for i := range n {
		v = binary.LittleEndian.AppendUint32(v, uint32(i)*100)
	}
	h.fill(t, "t", "l", table.Columns, values{{"1", string(v)}, {"2", "\x00"}, {"3", nil}})
	require.Equal(t, []string{fmt.Sprint(n)}, h.printed(t, "SELECT bitmap_count(b) FROM db.t WHERE k = 1"))
	require.Equal(t, []string{"0"}, h.printed(t, "SELECT bitmap_count(b) FROM db.t WHERE k = 2"))
}

func TestDecimal256ComesBack(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec("CREATE TABLE db.t (`k` int NOT NULL, `d` decimal(76,3) NULL) DUPLICATE KEY(`k`) DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")")
	table := h.described(t, "t")
	require.Equal(t, 76, table.Columns[1].Type.Precision)
	rows := values{{"1", "-" + strings.Repeat("9", 73) + ".999"}, {"2", "0.001"}, {"3", nil}}
	h.fill(t, "t", "l", table.Columns, rows)
	require.ElementsMatch(t, rows, h.stored(t, "t", table.Columns))
}

func TestGeneratedColumnsAreComputedAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec("CREATE TABLE db.t (`k` int NOT NULL, `a` array<int> NULL, `g` bigint AS (k * 2)) DUPLICATE KEY(`k`) DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")")
	table := h.described(t, "t")
	require.Len(t, table.Columns, 2)
	h.fill(t, "t", "l", table.Columns, values{{"21", `["1"]`}})
	require.Equal(t, []string{"21", "[1]", "42"}, h.printed(t, "SELECT k, a, g FROM db.t"))
}

func TestStagedLoadIsDoneOnceWhateverIsLost(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec("CREATE TABLE db.t (`k` int NOT NULL, `a` array<int> NULL) DUPLICATE KEY(`k`) DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")")
	table := h.described(t, "t")
	total := 0
	for i, rule := range []fault.Rule{
		{Kind: fault.SQL, Contains: "INSERT INTO ", Action: fault.Cut},
		{Kind: fault.SQL, Contains: "INSERT INTO ", Action: fault.CutAfter},
		{Kind: fault.HTTP, Contains: "BE PUT", Action: fault.CutAfter},
		{Kind: fault.SQL, Contains: "CREATE TABLE ", Action: fault.CutAfter},
		{Kind: fault.SQL, Contains: "DROP TABLE ", Action: fault.Cut},
	} {
		_, err := h.server.Faults().Add(rule)
		require.NoError(t, err)
		label := fmt.Sprintf("l%d", i)
		request := cluster.LoadRequest{Database: database, Table: "t", Label: label, Columns: table.Columns, Open: values{{"1", `["1"]`}, {"2", nil}}.open}
		for {
			_, err = h.Cluster.Load(t.Context(), request)
			if err == nil {
				break
			}
			require.ErrorIs(t, err, cluster.ErrUnreachable, "%v", rule)
		}
		total += 2
		n, err := h.Cluster.Count(t.Context(), database, "t", "", false)
		require.NoError(t, err)
		require.EqualValues(t, total, n, "%v", rule)
		again, err := h.Cluster.Load(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, cluster.LoadResult{Rows: -1, Repeated: true}, again)
	}
	require.NoError(t, h.Cluster.(cluster.Finisher).Finish(t.Context(), database, table, "t"))
	require.Empty(t, h.leftovers(t), "what was left behind is dropped in the end")
}

func TestStagedRowsGoIntoTemporaryPartitions(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec(`CREATE TABLE db.t (k int NOT NULL, a array<int> NULL) DUPLICATE KEY(k) PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ("10")) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ("replication_num" = "1")`)
	table := h.described(t, "t")
	_, err := h.Cluster.AddTemporaryPartitions(t.Context(), database, "t", table.Partitions, map[string]string{"p1": "tmp"})
	require.NoError(t, err)
	result, err := h.Cluster.Load(t.Context(), cluster.LoadRequest{Database: database, Table: "t", Label: "l", Columns: table.Columns, Temporary: []string{"tmp"}, Open: values{{"1", `["1"]`}}.open})
	require.NoError(t, err)
	require.EqualValues(t, 1, result.Rows)
	n, err := h.Cluster.Count(t.Context(), database, "t", "tmp", true)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	n, err = h.Cluster.Count(t.Context(), database, "t", "", false)
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestTableTooWideForAHeaderIsStaged(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	const columns = 500
	var b strings.Builder
	row := []any{"1"}
	for i := range columns {
		fmt.Fprintf(&b, ", `column_%d` varchar(20) NULL", i)
		row = append(row, fmt.Sprint("\xff", i))
	}
	h.Exec("CREATE TABLE db.t (`k` int NOT NULL" + b.String() + ") DUPLICATE KEY(`k`) DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")")
	table := h.described(t, "t")
	h.fill(t, "t", "l", table.Columns, values{row})
	require.Equal(t, values{row}, h.stored(t, "t", table.Columns))
}

func TestRandomCollectionsComeBack(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	h := newHarness(t)
	h.Exec(collections)
	table := h.described(t, "t")
	var rows values
	for k := range 200 {
		rows = append(rows, []any{fmt.Sprint(k), randomTexts(random), nil, nil, nil, nil, nil})
	}
	h.fill(t, "t", "l", table.Columns, rows)
	require.ElementsMatch(t, rows, h.stored(t, "t", table.Columns))
}

// randomTexts is an array of texts that are hard to quote.
func randomTexts(random *rand.Rand) string {
	parts := []string{`"\""`, `"\\"`, `"'"`, `","`, `"]"`, `"null"`, `null`, `""`, `"\u0000"`, `"\u000d"`, `{"hex":"fffe"}`, `"日本"`, `"\\N"`}
	var list []string
	for range random.IntN(5) {
		list = append(list, parts[random.IntN(len(parts))])
	}
	return "[" + strings.Join(list, ",") + "]"
}

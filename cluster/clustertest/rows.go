package clustertest

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// typed creates a table with a key and one column for each of types.
func (h *tester) typed(table string, types []TypeCase) snapshot.Table {
	h.Exec(h.Columns(table, types))
	got := h.describe(table)
	require.Len(h.t, got.Columns, len(types)+1)
	for i, c := range types {
		require.Equal(h.t, c.Type, got.Columns[i+1].Type, c.Declaration)
	}
	return got
}

func valuesSurvive(t *testing.T, h *tester) {
	table := h.typed("t", h.Types)
	rows := []row{make(row, len(h.Types)+1)} // one of NULLs
	for i, c := range h.Types {
		for j, v := range c.Values {
			for len(rows) <= j+1 {
				rows = append(rows, make(row, len(h.Types)+1))
			}
			rows[j+1][i+1] = v
		}
	}
	for i := range rows {
		rows[i][0] = string(rune('0' + i))
	}
	require.Less(t, len(rows), 10)
	h.load(table, rows...)
	require.Equal(t, printed(rows...), h.read(table))
}

func randomBytesSurvive(t *testing.T, h *tester) {
	var types []TypeCase
	for _, c := range h.Types {
		if c.Any {
			types = append(types, c)
		}
	}
	require.NotEmpty(t, types)
	table := h.typed("t", types)
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{`\N`, `\`, `"`, `'`, ",", "\n", "\r", "\t", "\x00", "\x01", "é", "\xff", "\xc3", "日", "a", " ", "\ufeff"}
	rows := make([]row, 2000)
	for i := range rows {
		rows[i] = row{"1"}
		for range types {
			var b strings.Builder
			for range random.IntN(6) {
				if random.IntN(2) == 0 {
					b.WriteString(alphabet[random.IntN(len(alphabet))])
				} else {
					b.WriteByte(byte(random.IntN(256)))
				}
			}
			rows[i] = append(rows[i], b.String())
		}
	}
	h.load(table, rows...)
	require.Equal(t, printed(rows...), h.read(table))
}

func nullIsNotEmpty(t *testing.T, h *tester) {
	table := h.create(Plain, "t")
	rows := []row{{"1", nil}, {"2", ""}, {"3", "NULL"}, {"4", `\N`}, {"5", "null"}, {"6", " "}}
	h.load(table, rows...)
	require.Equal(t, printed(rows...), h.read(table))
}

func oneColumnOfEmptyStrings(t *testing.T, h *tester) {
	table := h.create(Text, "t")
	rows := []row{{""}, {""}, {nil}, {"\n"}, {" "}}
	h.load(table, rows...)
	require.Equal(t, printed(rows...), h.read(table))
}

func longStrings(t *testing.T, h *tester) {
	table := h.create(Plain, "t")
	rows := []row{{"1", "a\xff"}, {"2", strings.Repeat("x", 524288)}}
	h.load(table, rows...)
	more := []row{{"3", "short"}, {"4", strings.Repeat("é\"", 200_000) + "\n"}, {"5", "\xff"}, {"6", nil}, {"7", strings.Repeat("x", 1<<20)}}
	h.load(table, more...)
	require.Equal(t, printed(append(rows, more...)...), h.read(table))
	_, err := h.Cluster.Load(t.Context(), h.request(table, []row{{"8", ""}, {"9", strings.Repeat("x", 1<<20+1)}}))
	require.Error(t, err, "longer than the column")
	require.ErrorContains(t, err, "v")
	require.EqualValues(t, 7, h.count("t"))
}

func tabletsAddUp(t *testing.T, h *tester) {
	table := h.create(Ranged, "t")
	var rows []row
	for i := range 30 {
		rows = append(rows, row{strings.TrimLeft(string([]byte{'0' + byte(i/10), '0' + byte(i%10)}), "0") + "", "v"})
	}
	rows[0][0] = "0"
	h.load(table, rows...)
	var all []string
	for _, p := range []string{"p1", "p2", "p3"} {
		tablets := h.Tablets("t", p)
		require.Greater(t, len(tablets), 1)
		n, err := h.Cluster.Count(t.Context(), h.Database, "t", p, false)
		require.NoError(t, err)
		require.EqualValues(t, 10, n)
		for _, id := range tablets {
			all = append(all, h.rows(cluster.ReadRequest{Database: h.Database, Table: "t", Columns: table.Columns, Partition: p, Tablets: []int64{id}})...)
		}
		whole := h.rows(cluster.ReadRequest{Database: h.Database, Table: "t", Columns: table.Columns, Partition: p, Tablets: tablets})
		require.Len(t, whole, 10)
	}
	require.ElementsMatch(t, printed(rows...), all)
	first := cluster.ReadRequest{Database: h.Database, Table: "t", Columns: table.Columns[1:], Partition: "p1"}
	require.Equal(t, []string{` "v"`}, h.rows(first)[:1], "columns come as they were asked for")
}

func readCancelled(t *testing.T, h *tester) {
	table := h.create(Plain, "t")
	rows := make([]row, 40)
	for i := range rows {
		rows[i] = row{"1", strings.Repeat("x", 500_000)}
	}
	h.load(table, rows...)
	ctx, cancel := context.WithCancel(t.Context())
	reader, err := h.Cluster.Read(ctx, cluster.ReadRequest{Database: h.Database, Table: "t", Columns: table.Columns})
	require.NoError(t, err)
	var b snapshot.Batch
	require.NoError(t, reader.Next(&b))
	cancel()
	for err == nil {
		err = reader.Next(&b)
	}
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, reader.Close())
	require.NoError(t, reader.Close(), "closing twice does no harm")
	require.EqualValues(t, 40, h.count("t"), "others go on")
}

func loadRepeated(t *testing.T, h *tester) {
	table := h.create(Plain, "t")
	r := h.request(table, []row{{"1", "a"}, {"2", "b"}})
	first, err := h.Cluster.Load(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, cluster.LoadResult{Rows: 2}, first)
	again, err := h.Cluster.Load(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, cluster.LoadResult{Rows: -1, Repeated: true}, again)
	require.EqualValues(t, 2, h.count("t"))
}

// many are enough rows for a body of several packets.
func many() []row {
	rows := make([]row, 20_000)
	for i := range rows {
		rows[i] = row{"1", strings.Repeat("x", 50)}
	}
	return rows
}

func loadCut(t *testing.T, h *tester) {
	table := h.create(Plain, "t")
	h.Break(LoadCut)
	r := h.request(table, many())
	_, err := h.Cluster.Load(t.Context(), r)
	if err != nil { // an adapter may give up; a repetition must then do it
		require.ErrorIs(t, err, cluster.ErrUnreachable)
		_, err = h.Cluster.Load(t.Context(), r)
	}
	require.NoError(t, err)
	require.EqualValues(t, len(many()), h.count("t"))
}

func loadAnswerLost(t *testing.T, h *tester) {
	table := h.create(Plain, "t")
	h.Break(LoadAnswerLost)
	r := h.request(table, many())
	_, err := h.Cluster.Load(t.Context(), r)
	if err != nil {
		require.ErrorIs(t, err, cluster.ErrUnreachable)
		_, err = h.Cluster.Load(t.Context(), r)
	}
	require.NoError(t, err)
	require.EqualValues(t, len(many()), h.count("t"), "loaded once, although its answer was lost")
}

func loadVisibleLate(t *testing.T, h *tester) {
	table := h.create(Plain, "t")
	h.Break(LoadVisibleLate)
	_, err := h.Cluster.Load(t.Context(), h.request(table, []row{{"1", "a"}}))
	require.NoError(t, err)
	require.EqualValues(t, 1, h.count("t"), "a load is over when its rows can be seen")
}

func loadRejected(t *testing.T, h *tester) {
	table := h.create(Ranged, "t")
	r := h.request(table, []row{{"1", "a"}, {"99", "outside of every partition"}})
	_, err := h.Cluster.Load(t.Context(), r)
	require.ErrorIs(t, err, cluster.ErrRejected)
	require.Zero(t, h.count("t"), "all rows or none")
	r.Open = opener([]row{{"1", "a"}})
	_, err = h.Cluster.Load(t.Context(), r)
	require.NoError(t, err, "a failed label may be used again")
	require.EqualValues(t, 1, h.count("t"))
}

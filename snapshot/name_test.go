package snapshot

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNamesCannotLeaveTheirFolder(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"nightly", "a", "_x", "9", "2026-01-02.full", strings.Repeat("l", 128)} {
		require.True(t, ValidLabel(s), s)
	}
	for _, s := range []string{"", ".", "..", ".a", "-a", "a/b", "../a", "a b", "a*", "ä", "a\n", "a\x00", strings.Repeat("l", 129)} {
		require.False(t, ValidLabel(s), "%q", s)
	}
	for _, s := range []string{"repo", "_a", "_1", "R2_d2", strings.Repeat("r", 64)} {
		require.True(t, ValidRepositoryName(s), s)
	}
	for _, s := range []string{"", "_", "1a", "a-b", "a.b", "a/b", "..", "a\n", "ä", strings.Repeat("r", 65), "__a"} {
		require.False(t, ValidRepositoryName(s), "%q", s)
	}
}

func TestTimestampsThatArePrintedAreValid(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2026-11-21-01-02-03-004", FormatTimestamp(time.Date(2026, 11, 21, 1, 2, 3, 4e6, time.UTC)))
	rapid.Check(t, func(r *rapid.T) {
		ms := rapid.Int64Range(0, 253402300799999).Draw(r, "ms") // to the end of the year 9999
		require.True(r, ValidTimestamp(FormatTimestamp(time.UnixMilli(ms))))
	})
	for _, s := range []string{
		"", "2026-11-21-01-02-03", "2026-11-21-01-02-03.004", "2026-02-30-01-02-03-004", "2026-11-21-24-02-03-004",
		"2026-11-21-01-02-03-004/..", "2026/11/21-01-02-03-004", "2026-11-21-01-02-03-0x4", "+026-11-21-01-02-03-004",
	} {
		require.False(t, ValidTimestamp(s), "%q", s)
	}
}

func TestFingerprintTellsRowsApart(t *testing.T) {
	t.Parallel()
	table := func() Table {
		return Table{
			Name: "lineorder", ID: 7, Model: "DUPLICATE", DDL: "CREATE TABLE …", Partitioning: RangePartitioning,
			Columns: []Column{
				{Name: "lo_orderkey", Type: Type{Kind: Int32}, Source: "int(11)", Key: true},
				{Name: "lo_discount", Type: Type{Kind: Decimal, Precision: 18, Scale: 2}, Source: "decimal(18,2)", Nullable: true},
			},
			Partitions: []Partition{{Name: "p1"}},
		}
	}
	// Stored in every index: a release that computes another one reuses nothing.
	require.Equal(t, "189e054014c43c0515da11aeee85a8a21acd362d2b11878827d38246f38f2cb8", Fingerprint(table()))
	for name, change := range map[string]func(*Table){
		"name": func(x *Table) { x.Name = "b" }, "id": func(x *Table) { x.ID++ }, "ddl": func(x *Table) { x.DDL = "" },
		"partitions": func(x *Table) { x.Partitions = nil },
	} {
		x := table()
		change(&x)
		require.Equal(t, Fingerprint(table()), Fingerprint(x), name)
	}
	for name, change := range map[string]func(*Table){
		"model":        func(x *Table) { x.Model = "PRIMARY" },
		"partitioning": func(x *Table) { x.Partitioning = ListPartitioning },
		"order":        func(x *Table) { x.Columns[0], x.Columns[1] = x.Columns[1], x.Columns[0] },
		"fewer":        func(x *Table) { x.Columns = x.Columns[:1] },
		"column name":  func(x *Table) { x.Columns[0].Name = "x" },
		"kind":         func(x *Table) { x.Columns[0].Type.Kind = Int64 },
		"scale":        func(x *Table) { x.Columns[1].Type.Scale = 3 },
		"source type":  func(x *Table) { x.Columns[1].Source = "decimal(19,2)" },
		"nullable":     func(x *Table) { x.Columns[0].Nullable = true },
		"key":          func(x *Table) { x.Columns[1].Key = true },
	} {
		x := table()
		change(&x)
		require.NotEqual(t, Fingerprint(table()), Fingerprint(x), name)
	}
}

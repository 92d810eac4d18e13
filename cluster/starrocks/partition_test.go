package starrocks

import (
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

func TestRangeOfEverySpellingIsReadBack(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[types: [DATE]; keys: [2020-03-25]; ‥types: [DATE]; keys: [2020-03-26]; )":                            `VALUES [("2020-03-25"), ("2020-03-26"))`,
		"[types: [DATE]; keys: [0000-01-01]; ..types: [DATE]; keys: [2020-03-26]; )":                           `VALUES [("0000-01-01"), ("2020-03-26"))`,
		"[types: [INT]; keys: [-2147483648]; ..types: [INT]; keys: [MAXVALUE]; )":                              `VALUES [("-2147483648"), (MAXVALUE))`,
		"[types: [INT, DATE]; keys: [1, 2020-01-01]; ..types: [INT, DATE]; keys: [1, MAXVALUE]; )":             `VALUES [("1", "2020-01-01"), ("1", MAXVALUE))`,
		"[types: [DATETIME]; keys: [2020-01-01 00:00:00]; ..types: [DATETIME]; keys: [2020-01-02 00:00:00]; )": `VALUES [("2020-01-01 00:00:00"), ("2020-01-02 00:00:00"))`,
		`[types: [VARCHAR]; keys: [a"b\]; ..types: [VARCHAR]; keys: [c..d]; )`:                                 `VALUES [("a\"b\\"), ("c..d"))`,
	} {
		got, err := rangeValues(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
}

func TestRangeThatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[types: [DATE]; keys: [2020-03-25]; )", "[types: [VARCHAR]; keys: [a, b]; ..types: [VARCHAR]; keys: [c]; )",
		"(types: [INT]; keys: [1]; ..types: [INT]; keys: [2]; ]"} {
		_, err := rangeValues(text)
		require.ErrorIs(t, err, cluster.ErrUnsupported, text)
	}
}

func TestListValuesWithQuotesAndNull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text     string
		nullable []bool
		want     string
	}{
		{`[["a"],["it's"],["q\"b\\"]]`, []bool{true}, `VALUES IN ("a", "it's", "q\"b\\")`},
		{`[["\u003ca\u003e"]]`, []bool{true}, `VALUES IN ("<a>")`},
		{`[["NULL"]]`, []bool{true}, `VALUES IN (NULL)`},
		{`[["NULL"]]`, []bool{false}, `VALUES IN ("NULL")`},
		{`[["a","1"],["NULL","2"]]`, []bool{true, true}, `VALUES IN (("a", "1"), (NULL, "2"))`},
	} {
		got, err := listValues(c.text, c.nullable)
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, got)
	}
	for _, text := range []string{"", "[]", "{}", "[[]]", `[["a"],["b","c"]]`, "x"} {
		_, err := listValues(text, nil)
		require.ErrorIs(t, err, cluster.ErrUnsupported, text)
	}
}

func TestPhysicalPartitionsOfOneNameAreOnePartition(t *testing.T) {
	t.Parallel()
	row := func(name string, id, version int64, temporary bool) partitionMeta {
		return partitionMeta{name: name, temporary: temporary, physical: snapshot.PhysicalPartition{ID: id, Version: version}}
	}
	got, err := assemble(&definition{kind: snapshot.Unpartitioned}, []partitionMeta{row("t", 12, 5, false), row("tp", 13, 2, true), row("t", 11, 3, false)})
	require.NoError(t, err)
	require.Equal(t, []snapshot.Partition{{Name: "t", Physical: []snapshot.PhysicalPartition{{ID: 11, Version: 3}, {ID: 12, Version: 5}}}}, got)
}

func TestSizeInEveryVersionsWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"": 0, "0": 0, "0B": 0, "512": 512, "512B": 512, "1.5KB": 1536, "2MB": 2 << 20, "1GB": 1 << 30, "3TB": 3 << 40, "?": 0, "-1": 0} {
		require.Equal(t, want, byteSize(text), text)
	}
}

// Trap 12: a partition by name may be several physical ones; those of a table that is being replaced are temporary.
func TestPartitionsOfOneNameAreOneAndTemporaryOnesAreLeftOut(t *testing.T) {
	t.Parallel()
	list, err := assemble(&definition{kind: snapshot.Unpartitioned}, []partitionMeta{
		{name: "t", physical: snapshot.PhysicalPartition{ID: 12, Version: 3}},
		{name: "tmp", temporary: true, physical: snapshot.PhysicalPartition{ID: 13}},
		{name: "t", physical: snapshot.PhysicalPartition{ID: 11, Version: 2}},
	})
	require.NoError(t, err)
	require.Equal(t, []snapshot.Partition{{Name: "t", Physical: []snapshot.PhysicalPartition{{ID: 11, Version: 2}, {ID: 12, Version: 3}}}}, list)
}

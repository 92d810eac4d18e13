package clustertest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

func partitionNames(t snapshot.Table) []string {
	var names []string
	for _, p := range t.Partitions {
		names = append(names, p.Name)
	}
	return names
}

func createExactly(t *testing.T, h *tester) {
	table := h.create(Ranged, "t")
	h.load(table, row{"1", "a"})
	wanted := map[string][]string{"all": nil, "one": {"p2"}, "two": {"p1", "p3"}, "no": {}}
	if h.Partitioned {
		_, err := h.Cluster.CreateTable(t.Context(), h.Database, table, cluster.TableOptions{Name: "no", Partitions: []string{}})
		require.ErrorIs(t, err, cluster.ErrUnsupported)
		delete(wanted, "no")
	}
	for name, partitions := range wanted {
		id, err := h.Cluster.CreateTable(t.Context(), h.Database, table, cluster.TableOptions{Name: name, Partitions: partitions, ReplicationNum: 1})
		require.NoError(t, err)
		got := h.describe(name)
		require.Equal(t, id, got.ID)
		require.NotEqual(t, table.ID, id)
		require.Empty(t, h.Cluster.Differences(table, got))
		want := partitions
		if want == nil {
			want = []string{"p1", "p2", "p3"}
		}
		require.ElementsMatch(t, want, partitionNames(got))
		for _, p := range got.Partitions {
			original, _ := table.Partition(p.Name)
			require.Equal(t, original.Values, p.Values)
		}
		require.Zero(t, h.count(name))
	}
	_, err := h.Cluster.CreateTable(t.Context(), h.Database, table, cluster.TableOptions{Name: "x", Partitions: []string{"p9"}})
	require.ErrorIs(t, err, cluster.ErrUnknownPartition)
}

func createTwice(t *testing.T, h *tester) {
	table := h.create(Ranged, "t")
	o := cluster.TableOptions{Name: "u", Partitions: []string{"p1"}}
	id, err := h.Cluster.CreateTable(t.Context(), h.Database, table, o)
	require.NoError(t, err)
	again, err := h.Cluster.CreateTable(t.Context(), h.Database, table, o)
	require.NoError(t, err)
	require.Equal(t, id, again)
	other := h.Database + "_other"
	require.NoError(t, h.Cluster.CreateDatabase(t.Context(), other))
	require.NoError(t, h.Cluster.CreateDatabase(t.Context(), other))
	_, err = h.Cluster.CreateTable(t.Context(), other, table, o)
	require.NoError(t, err)
	require.ErrorIs(t, h.Cluster.DropDatabase(t.Context(), other), cluster.ErrExists, "it is not empty")
	require.NoError(t, h.Cluster.DropTable(t.Context(), other, "u"))
	require.NoError(t, h.Cluster.DropDatabase(t.Context(), other))
}

func createAutomaticPartitions(t *testing.T, h *tester) {
	h.Exec(h.Define(Automatic, "t"))
	table := h.describe("t")
	rows := []row{{"1", "a"}, {"2", "b"}, {"3", "b"}}
	h.load(table, rows...)
	table = h.describe("t")
	require.Equal(t, snapshot.AutomaticPartitioning, table.Partitioning)
	require.Len(t, table.Partitions, 2)
	_, err := h.Cluster.CreateTable(t.Context(), h.Database, table, cluster.TableOptions{Name: "u"})
	require.NoError(t, err)
	copied := h.describe("u")
	require.Equal(t, partitionNames(table), partitionNames(copied))
	h.load(copied, rows...)
	require.Equal(t, printed(rows...), h.read(copied))
	require.Len(t, h.describe("u").Partitions, 2, "rows found the partitions that were made for them")
}

func createOverAnotherTable(t *testing.T, h *tester) {
	table := h.create(Plain, "t")
	other := h.create(Other, "u")
	_, err := h.Cluster.CreateTable(t.Context(), h.Database, table, cluster.TableOptions{Name: "u"})
	require.ErrorIs(t, err, cluster.ErrExists)
	require.ErrorContains(t, err, "column v")
	require.Equal(t, other.ID, h.id("u"))
	require.NotEmpty(t, h.Cluster.Differences(table, other))
}

func dropWhatIsNotThere(t *testing.T, h *tester) {
	require.NoError(t, h.Cluster.DropTable(t.Context(), h.Database, "nothing"))
	require.NoError(t, h.Cluster.DropTable(t.Context(), "nowhere", "nothing"))
	require.NoError(t, h.Cluster.DropDatabase(t.Context(), "nowhere"))
	h.create(Ranged, "t")
	require.NoError(t, h.Cluster.DropTemporaryPartitions(t.Context(), h.Database, "t", []string{"tp1"}))
}

// shadowed makes a live table of one row and a shadow of two, and how the second becomes the first.
func (h *tester) shadowed() cluster.Publication {
	live := h.create(Plain, "t")
	h.load(live, row{"1", "old"})
	id, err := h.Cluster.CreateTable(h.ctx(), h.Database, live, cluster.TableOptions{Name: "shadow"})
	require.NoError(h.t, err)
	shadow := live
	shadow.Name = "shadow"
	h.load(shadow, row{"1", "new"}, row{"2", "new"})
	require.EqualValues(h.t, 1, h.count("t"))
	return cluster.Publication{Database: h.Database, Table: "t", Shadow: "shadow", ShadowID: id, LiveID: live.ID, Retired: "retired"}
}

func (h *tester) published(p cluster.Publication) {
	h.is(p.ShadowID, "t")
	h.is(p.LiveID, "retired")
	require.Zero(h.t, h.id("shadow"))
	require.EqualValues(h.t, 2, h.count("t"))
}

func (h *tester) untouched(p cluster.Publication) {
	h.is(p.LiveID, "t")
	h.is(p.ShadowID, "shadow")
	require.Zero(h.t, h.id("retired"))
	require.EqualValues(h.t, 1, h.count("t"))
}

func publishSwap(t *testing.T, h *tester) {
	p := h.shadowed()
	require.NoError(t, h.Cluster.Unpublish(t.Context(), p), "harmless when nothing was published")
	h.untouched(p)
	for range 2 {
		require.NoError(t, h.Cluster.Publish(t.Context(), p))
		h.published(p)
	}
	require.ErrorIs(t, h.Cluster.Discard(t.Context(), p), cluster.ErrExists, "it is live")
	for range 2 {
		require.NoError(t, h.Cluster.DropRetired(t.Context(), p))
		require.Zero(t, h.id("retired"))
		require.NoError(t, h.Cluster.Publish(t.Context(), p), "still recognised after release")
		h.is(p.ShadowID, "t")
	}
	require.ErrorIs(t, h.Cluster.Unpublish(t.Context(), p), cluster.ErrUnknownTable, "there is nothing to put back")
	require.EqualValues(t, 2, h.count("t"))
}

// putBack checks that the old table is live again, with its rows, and that no SWAP can name what was built.
func (h *tester) putBack(p cluster.Publication) {
	h.is(p.LiveID, "t")
	require.EqualValues(h.t, 1, h.count("t"))
}

// discarded checks that only the table that was live before is left.
func (h *tester) discarded() {
	tables, _, err := h.Cluster.Tables(h.ctx(), h.Database)
	require.NoError(h.t, err)
	require.Equal(h.t, []string{"t"}, tables)
}

func unpublishSwap(t *testing.T, h *tester) {
	p := h.shadowed()
	require.NoError(t, h.Cluster.Publish(t.Context(), p))
	for range 2 {
		require.NoError(t, h.Cluster.Unpublish(t.Context(), p))
		h.putBack(p)
		require.Zero(t, h.id("shadow"), "a late SWAP must find nothing under this name")
		require.ErrorIs(t, h.Cluster.DropRetired(t.Context(), p), cluster.ErrExists, "it is live")
	}
	require.ErrorIs(t, h.Cluster.Publish(t.Context(), p), cluster.ErrUnknownTable)
	for range 2 {
		require.NoError(t, h.Cluster.Discard(t.Context(), p))
		h.putBack(p)
		h.discarded()
	}
}

// discardUnpublished discards what was never published, and what was never built whole.
func discardUnpublished(t *testing.T, h *tester) {
	for _, known := range []bool{true, false} {
		p := h.shadowed()
		if !known {
			p.ShadowID = 0
		}
		for range 2 {
			require.NoError(t, h.Cluster.Discard(t.Context(), p))
			h.putBack(p)
			h.discarded()
		}
		require.NoError(t, h.Cluster.DropTable(t.Context(), h.Database, "t"))
	}
	require.NoError(t, h.Cluster.DropRetired(t.Context(), cluster.Publication{Database: h.Database, Table: "t", Shadow: "s", ShadowID: 1, Retired: "r"}))
}

// lateSwap has a duplicate of a SWAP arrive between Unpublish and Discard: the live table must survive.
func lateSwap(t *testing.T, h *tester) {
	p := h.shadowed()
	require.NoError(t, h.Cluster.Publish(t.Context(), p))
	require.NoError(t, h.Cluster.Unpublish(t.Context(), p))
	h.Exec("ALTER TABLE " + h.Database + ".t SWAP WITH retired")
	require.ErrorIs(t, h.Cluster.Discard(t.Context(), p), cluster.ErrExists)
	require.Equal(t, p.LiveID, h.id("retired"), "nothing was dropped")
	require.NoError(t, h.Cluster.Unpublish(t.Context(), p))
	require.NoError(t, h.Cluster.Discard(t.Context(), p))
	h.putBack(p)
	h.discarded()
}

// interruptedDrop ends a drop behind each of its statements.
func interruptedDrop(t *testing.T, h *tester) {
	for _, f := range []Fault{RenameCut, RenameLost, DropCut, DropLost} {
		if !h.knows(f) {
			continue
		}
		p := h.shadowed()
		h.Break(f)
		require.ErrorIs(t, h.Cluster.Discard(t.Context(), p), cluster.ErrUnreachable, string(f))
		require.NoError(t, h.Cluster.Discard(t.Context(), p), string(f))
		h.putBack(p)
		h.discarded()
		require.NoError(t, h.Cluster.DropTable(t.Context(), h.Database, "t"))
	}
}

func publishSwapFaults(t *testing.T, h *tester) {
	p := h.shadowed()
	for _, f := range []Fault{SwapCut, SwapAnswerLost, RenameCut} {
		if !h.knows(f) {
			continue
		}
		h.Break(f)
		require.ErrorIs(t, h.Cluster.Publish(t.Context(), p), cluster.ErrUnreachable, string(f))
		require.NoError(t, h.Cluster.Publish(t.Context(), p), string(f))
		h.published(p)
		h.undone(p)
		p = h.shadowed()
	}
	for _, f := range []Fault{SwapAnswerLost, RenameCut} {
		if !h.knows(f) {
			continue
		}
		h.Break(f)
		require.ErrorIs(t, h.Cluster.Publish(t.Context(), p), cluster.ErrUnreachable)
		h.undone(p)
		p = h.shadowed()
	}
}

// undone takes a publication back, be it whole or half, and makes room for the next.
func (h *tester) undone(p cluster.Publication) {
	require.NoError(h.t, h.Cluster.Unpublish(h.ctx(), p))
	h.putBack(p)
	require.NoError(h.t, h.Cluster.Discard(h.ctx(), p))
	h.discarded()
	require.NoError(h.t, h.Cluster.DropTable(h.ctx(), h.Database, "t"))
}

func publishWhereNothingWas(t *testing.T, h *tester) {
	p := h.shadowed()
	require.NoError(t, h.Cluster.DropTable(t.Context(), h.Database, "t"))
	p.LiveID = 0
	for range 2 {
		require.NoError(t, h.Cluster.Publish(t.Context(), p))
		h.is(p.ShadowID, "t")
		require.Zero(t, h.id("shadow"))
	}
	for range 2 {
		require.NoError(t, h.Cluster.Unpublish(t.Context(), p))
		require.Zero(t, h.id("t"))
		require.Zero(t, h.id("shadow"), "a late RENAME must find nothing under this name")
	}
	require.NoError(t, h.Cluster.Discard(t.Context(), p))
	tables, _, err := h.Cluster.Tables(t.Context(), h.Database)
	require.NoError(t, err)
	require.Empty(t, tables)
}

func publishOverForeignTable(t *testing.T, h *tester) {
	p := h.shadowed()
	p.LiveID = 0
	require.ErrorIs(t, h.Cluster.Publish(t.Context(), p), cluster.ErrExists, "somebody created a table of that name meanwhile")
	p.LiveID = 7
	require.ErrorIs(t, h.Cluster.Publish(t.Context(), p), cluster.ErrExists, "somebody replaced the live table meanwhile")
	require.NoError(t, h.Cluster.DropTable(t.Context(), h.Database, "t"))
	require.ErrorIs(t, h.Cluster.Publish(t.Context(), p), cluster.ErrUnknownTable)
	h.is(p.ShadowID, "shadow")
}

// partitioned makes a table with rows in p1 and p3, temporary partitions for p1 and p2 with other rows, and drops p2.
func (h *tester) partitioned() (snapshot.Table, cluster.Publication) {
	table := h.create(Ranged, "t")
	h.load(table, row{"1", "old"}, row{"21", "kept"})
	force := " FORCE"
	if h.DropPartition != "" {
		force = h.DropPartition
	}
	h.Exec("ALTER TABLE " + h.Database + ".t DROP PARTITION p2" + force)
	names := map[string]string{"p1": "tp1", "p2": "tp2"}
	ids, err := h.Cluster.AddTemporaryPartitions(h.ctx(), h.Database, "t", table.Partitions, names)
	require.NoError(h.t, err)
	again, err := h.Cluster.AddTemporaryPartitions(h.ctx(), h.Database, "t", table.Partitions, names)
	require.NoError(h.t, err)
	require.Equal(h.t, ids, again)
	require.Len(h.t, ids, 2)
	for temporary, rows := range map[string][]row{"tp1": {{"1", "new"}, {"2", "new"}}, "tp2": {{"11", "new"}}} {
		r := h.request(table, rows)
		r.Temporary = []string{temporary}
		_, err = h.Cluster.Load(h.ctx(), r)
		require.NoError(h.t, err)
	}
	n, err := h.Cluster.Count(h.ctx(), h.Database, "t", "tp1", true)
	require.NoError(h.t, err)
	require.EqualValues(h.t, 2, n)
	require.Equal(h.t, printed(row{"1", "old"}, row{"21", "kept"}), h.read(table), "live rows stay until publish")
	require.Equal(h.t, []string{"p1", "p3"}, partitionNames(h.describe("t")), "temporary partitions are not listed")
	p2, _ := table.Partition("p2")
	return table, cluster.Publication{Database: h.Database, Table: "t", Replace: []cluster.Replacement{
		{Partition: "p1", Temporary: "tp1", TemporaryID: ids["tp1"]},
		{Partition: "p2", Temporary: "tp2", TemporaryID: ids["tp2"], Missing: true, Values: p2.Values},
	}}
}

func (h *tester) replaced(table snapshot.Table, p cluster.Publication) {
	require.Equal(h.t, printed(row{"1", "new"}, row{"2", "new"}, row{"11", "new"}, row{"21", "kept"}), h.read(table))
	got := h.describe("t")
	require.Equal(h.t, []string{"p1", "p2", "p3"}, partitionNames(got))
	require.Equal(h.t, p.Replace[0].TemporaryID, got.Partitions[0].Physical[0].ID)
}

func publishPartitions(t *testing.T, h *tester) {
	table, p := h.partitioned()
	require.False(t, p.Reversible())
	require.NoError(t, h.Cluster.Unpublish(t.Context(), p), "harmless when nothing was published")
	for range 2 {
		require.NoError(t, h.Cluster.Publish(t.Context(), p))
		h.replaced(table, p)
	}
	require.ErrorIs(t, h.Cluster.Unpublish(t.Context(), p), cluster.ErrUnsupported)
	require.NoError(t, h.Cluster.DropTemporaryPartitions(t.Context(), h.Database, "t", []string{"tp1", "tp2"}))
	h.replaced(table, p)
}

func publishPartitionsFaults(t *testing.T, h *tester) {
	table, p := h.partitioned()
	h.Break(ReplaceCut)
	require.ErrorIs(t, h.Cluster.Publish(t.Context(), p), cluster.ErrUnreachable)
	h.Break(ReplaceLost)
	require.ErrorIs(t, h.Cluster.Publish(t.Context(), p), cluster.ErrUnreachable)
	require.NoError(t, h.Cluster.Publish(t.Context(), p))
	h.replaced(table, p)
}

func awkwardNames(t *testing.T, h *tester) {
	table := h.create(Plain, "t")
	longest := 200
	if h.LongestName != 0 {
		longest = h.LongestName
	}
	for _, name := range []string{"select", "a b", `it's`, `say "hi"`, "../up", "表", strings.Repeat("n", longest), "a.b", `back\slash`, "semi;colon", "50%"} {
		id, err := h.Cluster.CreateTable(t.Context(), h.Database, table, cluster.TableOptions{Name: name})
		require.NoError(t, err, name)
		require.Equal(t, id, h.id(name), name)
		copied := h.describe(name)
		require.Equal(t, id, copied.ID, name)
		_, err = h.Cluster.Load(t.Context(), h.request(copied, []row{{"1", name}}))
		if strings.Contains(name, "/") && err != nil {
			require.ErrorIs(t, err, cluster.ErrUnsupported, "an address that a name does not fit into is no other table")
		} else {
			require.NoError(t, err, name)
			require.Equal(t, printed(row{"1", name}), h.read(copied), name)
		}
		require.NoError(t, h.Cluster.DropTable(t.Context(), h.Database, name), name)
		require.Zero(t, h.id(name), name)
	}
	require.Equal(t, table.ID, h.id("t"))
}

func namesThatCannotBeWritten(t *testing.T, h *tester) {
	table := h.create(Plain, "t")
	names := []string{"", "a`b", "a\x00"}
	if h.BackQuotes {
		names = []string{"", "a\xff", "a\x00"}
	}
	for _, name := range names {
		_, err := h.Cluster.CreateTable(t.Context(), h.Database, table, cluster.TableOptions{Name: name})
		require.ErrorIs(t, err, cluster.ErrInvalidName, "%q", name)
		require.ErrorIs(t, h.Cluster.DropTable(t.Context(), h.Database, name), cluster.ErrInvalidName)
		_, err = h.Cluster.Count(t.Context(), h.Database, name, "", false)
		require.ErrorIs(t, err, cluster.ErrInvalidName)
		_, err = h.Cluster.DatabaseExists(t.Context(), name)
		require.ErrorIs(t, err, cluster.ErrInvalidName)
	}
}

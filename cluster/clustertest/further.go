package clustertest

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// furtherTests are the tests of the abilities that an adapter has beyond those of all.
func furtherTests(a Adapter) map[string]func(*testing.T, *tester) {
	tests := map[string]func(*testing.T, *tester){}
	if _, ok := a.(cluster.GroupPublisher); ok {
		tests["PublishTogether"] = publishTogether
		tests["PublishNoneWhereOneCannot"] = publishNoneWhereOneCannot
		tests["PublishTogetherFaults"] = publishTogetherFaults
	}
	if _, ok := a.(cluster.Viewer); ok {
		tests["ViewIsOneMoment"] = viewIsOneMoment
		tests["ViewOfNothing"] = viewOfNothing
		tests["RangesAddUp"] = rangesAddUp
		tests["ReadsWaitForSessions"] = readsWaitForSessions
	}
	if _, ok := a.(cluster.Keeper); ok {
		tests["ObjectsComeBack"] = objectsComeBack
		tests["ViewsFollowRenamedTables"] = viewsFollowRenamedTables
	}
	if _, ok := a.(cluster.Finisher); ok {
		tests["FinishTwice"] = finishTwice
	}
	return tests
}

// pairOf makes two live tables of one row and shadows of two; the second one replaces nothing.
func (h *tester) pairOf() []cluster.Publication {
	first := h.shadowed()
	model := h.describe("t")
	id, err := h.Cluster.CreateTable(h.ctx(), h.Database, model, cluster.TableOptions{Name: "shadow2"})
	require.NoError(h.t, err)
	h.load(snapshot.Table{Name: "shadow2", Columns: model.Columns}, row{"7", "new"})
	return []cluster.Publication{first, {Database: h.Database, Table: "u", Shadow: "shadow2", ShadowID: id}}
}

func publishTogether(t *testing.T, h *tester) {
	ps := h.pairOf()
	group := h.Cluster.(cluster.GroupPublisher)
	require.NoError(t, group.UnpublishAll(t.Context(), ps), "harmless when nothing was published")
	h.untouched(ps[0])
	for range 2 {
		require.NoError(t, group.PublishAll(t.Context(), ps))
		h.published(ps[0])
		require.EqualValues(t, 1, h.count("u"))
	}
	for range 2 {
		require.NoError(t, group.UnpublishAll(t.Context(), ps))
		h.putBack(ps[0])
		require.Zero(t, h.id("u"))
	}
	for range 2 {
		for _, p := range ps {
			require.NoError(t, h.Cluster.Discard(t.Context(), p))
		}
		h.discarded()
	}
}

func publishNoneWhereOneCannot(t *testing.T, h *tester) {
	ps := h.pairOf()
	h.create(Plain, "u") // somebody else's
	require.ErrorIs(t, h.Cluster.(cluster.GroupPublisher).PublishAll(t.Context(), ps), cluster.ErrExists)
	h.untouched(ps[0])
	require.Zero(t, h.count("u"))
}

func publishTogetherFaults(t *testing.T, h *tester) {
	group := h.Cluster.(cluster.GroupPublisher)
	for _, f := range []Fault{SwapCut, SwapAnswerLost} {
		ps := h.pairOf()
		h.Break(f)
		require.ErrorIs(t, group.PublishAll(t.Context(), ps), cluster.ErrUnreachable, string(f))
		require.NoError(t, group.PublishAll(t.Context(), ps), string(f))
		h.published(ps[0])
		h.Break(f)
		require.ErrorIs(t, group.UnpublishAll(t.Context(), ps), cluster.ErrUnreachable, string(f))
		require.NoError(t, group.UnpublishAll(t.Context(), ps), string(f))
		h.putBack(ps[0])
		for _, p := range ps {
			require.NoError(t, h.Cluster.Discard(t.Context(), p))
		}
		h.discarded()
		require.NoError(t, h.Cluster.DropTable(t.Context(), h.Database, "t"))
	}
}

func (h *tester) view(sessions int, tables ...string) cluster.View {
	v, err := h.Cluster.(cluster.Viewer).OpenView(h.ctx(), cluster.ViewRequest{Database: h.Database, Tables: tables, Sessions: sessions})
	require.NoError(h.t, err)
	h.t.Cleanup(func() { _ = v.Close() })
	return v
}

// drained reads all rows of r in a view.
func (h *tester) drained(v cluster.View, r cluster.ReadRequest) []string {
	reader, err := v.Read(h.ctx(), r)
	require.NoError(h.t, err)
	defer func() { require.NoError(h.t, reader.Close()) }()
	var all []string
	b := snapshot.NewBatch(len(r.Columns))
	for {
		err := reader.Next(b)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(h.t, err)
		for i := range b.Rows() {
			line := ""
			for j := range b.Columns {
				line += " " + string(b.Columns[j].Value(i))
			}
			all = append(all, line)
		}
	}
}

func viewIsOneMoment(t *testing.T, h *tester) {
	first, second := h.create(Plain, "t"), h.create(Plain, "u")
	h.load(first, row{"1", "a"})
	h.load(second, row{"1", "b"})
	v := h.view(2, "t", "u")
	require.Equal(t, []string{"t", "u"}, []string{v.Tables()[0].Name, v.Tables()[1].Name})
	require.Empty(t, v.Weak())
	require.NotEmpty(t, v.Point().Lock)
	h.load(first, row{"2", "later"})
	h.Exec("DELETE FROM " + h.Database + ".u")
	read := func(table snapshot.Table) []string {
		return h.drained(v, cluster.ReadRequest{Database: h.Database, Table: table.Name, Columns: table.Columns})
	}
	require.Equal(t, []string{" 1 a"}, read(first))
	require.Equal(t, []string{" 1 b"}, read(second))
	require.EqualValues(t, 2, h.count("t"), "writers go on")
	select {
	case <-v.Broken():
		require.Fail(t, "nothing happened to the view")
	default:
	}
	require.NoError(t, v.Close())
	require.NoError(t, v.Close(), "closing twice does no harm")
}

func viewOfNothing(t *testing.T, h *tester) {
	_, err := h.Cluster.(cluster.Viewer).OpenView(t.Context(), cluster.ViewRequest{Database: h.Database, Tables: []string{"nothing"}, Sessions: 1})
	require.ErrorIs(t, err, cluster.ErrUnknownTable)
	h.create(Plain, "t")
	_, err = h.Down.(cluster.Viewer).OpenView(t.Context(), cluster.ViewRequest{Database: h.Database, Tables: []string{"t"}, Sessions: 1})
	require.ErrorIs(t, err, cluster.ErrUnreachable)
}

// rangesAddUp reads a partition range by range: every row once, in whatever pieces.
func rangesAddUp(t *testing.T, h *tester) {
	table := h.create(Ranged, "t")
	rows := many()[:5000]
	for i := range rows {
		rows[i] = row{strconv.Itoa(-i), rows[i][1]}
	}
	h.load(table, rows...)
	v := h.view(2, "t")
	ranges, err := v.Ranges(t.Context(), "t", "p1", 64<<10, nil)
	require.NoError(t, err)
	again, err := v.Ranges(t.Context(), "t", "p1", 64<<10, ranges)
	require.NoError(t, err)
	require.Equal(t, ranges, again, "what did not change is divided as before")
	r := cluster.ReadRequest{Database: h.Database, Table: "t", Columns: table.Columns, Partition: "p1"}
	whole := h.drained(v, r)
	var all []string
	for i := range ranges {
		r.Range = &ranges[i]
		all = append(all, h.drained(v, r)...)
	}
	if len(ranges) == 0 {
		all = h.drained(v, r)
	}
	require.Len(t, whole, len(rows))
	require.ElementsMatch(t, whole, all)
}

func readsWaitForSessions(t *testing.T, h *tester) {
	table := h.create(Plain, "t")
	h.load(table, row{"1", "a"})
	v := h.view(1, "t")
	r := cluster.ReadRequest{Database: h.Database, Table: "t", Columns: table.Columns}
	held, err := v.Read(t.Context(), r)
	require.NoError(t, err)
	done := make(chan []string, 1)
	go func() { done <- h.drained(v, r) }()
	require.NoError(t, held.Close())
	require.Equal(t, []string{" 1 a"}, <-done)
}

func objectsComeBack(t *testing.T, h *tester) {
	keeper := h.Cluster.(cluster.Keeper)
	h.create(Plain, "t")
	h.Exec("CREATE VIEW " + h.Database + ".w AS SELECT k FROM " + h.Database + ".t")
	objects, err := keeper.Objects(t.Context(), h.Database, cluster.Collection{})
	require.NoError(t, err)
	require.Len(t, objects, 1)
	require.Equal(t, snapshot.View, objects[0].Kind)
	require.Equal(t, "w", objects[0].Name)
	same := cluster.Renaming{From: h.Database, To: h.Database}
	for range 2 {
		_, err := keeper.PutObject(t.Context(), objects[0], same)
		require.NoError(t, err, "in the place of what is there")
	}
	for range 2 {
		require.NoError(t, keeper.DropObject(t.Context(), h.Database, objects[0]))
	}
	_, others, err := h.Cluster.Tables(t.Context(), h.Database)
	require.NoError(t, err)
	require.Empty(t, others)
	_, err = keeper.PutObject(t.Context(), objects[0], same)
	require.NoError(t, err)
	again, err := keeper.Objects(t.Context(), h.Database, cluster.Collection{})
	require.NoError(t, err)
	require.Equal(t, objects, again)
	require.NoError(t, keeper.DropObject(t.Context(), h.Database, objects[0]))
	require.NoError(t, h.Cluster.DropTable(t.Context(), h.Database, "t"))
	_, err = keeper.PutObject(t.Context(), objects[0], same)
	require.ErrorIs(t, err, cluster.ErrRejected, "what it is made of is not there")
}

// viewsFollowRenamedTables puts views under names of their own, over a table and a view that have another name now; what only
// looks like these names stays.
func viewsFollowRenamedTables(t *testing.T, h *tester) {
	keeper := h.Cluster.(cluster.Keeper)
	table := h.create(Plain, "t")
	h.load(table, row{"1", "a"})
	h.Exec("CREATE VIEW " + h.Database + ".w AS SELECT t.k, 't w' AS text FROM " + h.Database + ".t")
	h.Exec("CREATE VIEW " + h.Database + ".a AS SELECT t.k, t.text FROM " + h.Database + ".w AS t")
	objects, err := keeper.Objects(t.Context(), h.Database, cluster.Collection{})
	require.NoError(t, err)
	require.Equal(t, []string{"w", "a"}, []string{objects[0].Name, objects[1].Name}, "in an order in which they can be made")
	h.create(Plain, "t2")
	r := cluster.Renaming{From: h.Database, To: h.Database, Tables: map[string]string{"t": "t2", "w": "w2", "a": "a2"}}
	for range 2 {
		for _, o := range objects {
			_, err := keeper.PutObject(t.Context(), o, r)
			require.NoError(t, err, o.String())
		}
	}
	for view, rows := range map[string]int64{"a": 1, "a2": 0, "w2": 0} {
		n, err := h.Cluster.Count(t.Context(), h.Database, view, "", false)
		require.NoError(t, err, view)
		require.Equal(t, rows, n, view)
	}
	for _, name := range []string{"a2", "w2", "a", "w"} {
		require.NoError(t, keeper.DropObject(t.Context(), h.Database, snapshot.Object{Kind: snapshot.View, Name: name}))
	}
}

func finishTwice(t *testing.T, h *tester) {
	table := h.create(Ranged, "t")
	_, err := h.Cluster.CreateTable(t.Context(), h.Database, table, cluster.TableOptions{Name: "shadow"})
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, h.Cluster.(cluster.Finisher).Finish(t.Context(), h.Database, table, "shadow"))
	}
	require.Empty(t, h.Cluster.Differences(table, h.describe("shadow")))
	tables, _, err := h.Cluster.Tables(t.Context(), h.Database)
	require.NoError(t, err)
	require.Equal(t, []string{"shadow", "t"}, slices.Sorted(slices.Values(tables)), "nothing is left beside it")
	h.create(Other, "u")
	require.Error(t, h.Cluster.(cluster.Finisher).Finish(t.Context(), h.Database, table, "u"))
}

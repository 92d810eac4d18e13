package clustertest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

func identity(t *testing.T, h *tester) {
	info, err := h.Cluster.Info(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, info.ID)
	require.NotEmpty(t, info.Version)
	again, err := h.Cluster.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, info, again)
}

func describeDeclared(t *testing.T, h *tester) {
	got := h.create(Ranged, "t")
	require.NotZero(t, got.ID)
	require.Equal(t, h.id("t"), got.ID)
	require.Equal(t, snapshot.RangePartitioning, got.Partitioning)
	require.Equal(t, "k", got.Columns[0].Name)
	require.Equal(t, snapshot.Int32, got.Columns[0].Type.Kind)
	require.True(t, got.Columns[0].Key)
	require.False(t, got.Columns[0].Nullable)
	require.Equal(t, snapshot.String, got.Columns[1].Type.Kind)
	require.True(t, got.Columns[1].Nullable)
	require.Len(t, got.Partitions, 3)
	for i, name := range []string{"p1", "p2", "p3"} {
		p := got.Partitions[i]
		require.Equal(t, name, p.Name)
		require.NotEmpty(t, p.Values)
		require.Len(t, p.Physical, 1)
		require.Equal(t, !h.NoVersions, p.Physical[0].Empty, "nothing was ever loaded")
	}
	plain := h.create(Plain, "u")
	require.Equal(t, snapshot.Unpartitioned, plain.Partitioning)
	require.Len(t, plain.Partitions, 1)
	require.Empty(t, plain.Partitions[0].Values)
	tables, others, err := h.Cluster.Tables(t.Context(), h.Database)
	require.NoError(t, err)
	require.Equal(t, []string{"t", "u"}, tables)
	require.Empty(t, others)
}

func describeListPartitions(t *testing.T, h *tester) {
	table := h.create(Listed, "t")
	require.Equal(t, snapshot.ListPartitioning, table.Partitioning)
	rows := []row{{"1", "it's"}, {"2", nil}, {"3", "b"}}
	h.load(table, rows...)
	copied := table
	copied.Name = "copy"
	_, err := h.Cluster.CreateTable(t.Context(), h.Database, table, cluster.TableOptions{Name: "copy"})
	require.NoError(t, err)
	h.load(copied, rows...)
	require.Equal(t, printed(rows...), h.read(copied), "the copy has a partition for NULL and for the quote")
}

func describeUnsupportedType(t *testing.T, h *tester) {
	h.Exec(h.Define(Uncarried, "n"))
	h.create(Plain, "t")
	h.Exec(h.Define(Uncarried, "m"))
	_, err := h.Cluster.Describe(t.Context(), h.Database, []string{"n", "t", "m"})
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	for _, table := range []string{"n", "m"} {
		require.ErrorContains(t, err, "table "+table+": ", "all of them at once")
	}
	require.ErrorContains(t, err, "tags")
}

func othersAreListed(t *testing.T, h *tester) {
	h.create(Plain, "t")
	h.Exec("CREATE VIEW " + h.Database + ".w AS SELECT k FROM " + h.Database + ".t")
	tables, others, err := h.Cluster.Tables(t.Context(), h.Database)
	require.NoError(t, err)
	require.Equal(t, []string{"t"}, tables)
	require.Equal(t, []string{"view w"}, others)
}

func versionsMoveWithLoads(t *testing.T, h *tester) {
	table := h.create(Ranged, "t")
	pin := func() []snapshot.Partition {
		m, err := h.Cluster.Versions(t.Context(), h.Database, []string{"t", "gone"})
		require.NoError(t, err)
		require.NotContains(t, m, "gone")
		require.Len(t, m["t"], 3)
		for _, p := range m["t"] {
			require.NotEmpty(t, p.Physical[0].Time)
		}
		return m["t"]
	}
	first := pin()
	for i := range first {
		require.True(t, table.Partitions[i].SameVersions(first[i]), "described and pinned are the same")
	}
	h.load(table, row{"1", "a"})
	second := pin()
	require.False(t, first[0].SameVersions(second[0]))
	require.False(t, second[0].Physical[0].Empty)
	require.True(t, first[1].SameVersions(second[1]), "nothing was loaded into p2")
	require.True(t, second[1].Physical[0].Empty)
	h.load(table, row{"11", "b"}, row{"2", "c"})
	third := pin()
	require.False(t, second[0].SameVersions(third[0]))
	require.False(t, second[1].SameVersions(third[1]))
	require.True(t, second[2].SameVersions(third[2]))
}

// asked asks for objects in every way.
func asked(t *testing.T, a Adapter, database, table, partition string, columns []snapshot.Column) map[string]error {
	failures := map[string]error{}
	_, failures["describe"] = a.Describe(t.Context(), database, []string{table})
	reader, err := a.Read(t.Context(), cluster.ReadRequest{Database: database, Table: table, Partition: partition, Columns: columns})
	if err == nil {
		err = reader.Next(snapshot.NewBatch(len(columns)))
		require.NoError(t, reader.Close())
	}
	failures["read"] = err
	_, failures["count"] = a.Count(t.Context(), database, table, partition, false)
	return failures
}

func unknownIsProven(t *testing.T, h *tester) {
	table := h.create(Ranged, "t")
	for name, err := range asked(t, h.Cluster, "nowhere", "t", "", table.Columns) {
		require.ErrorIs(t, err, cluster.ErrUnknownDatabase, name)
	}
	for name, err := range asked(t, h.Cluster, h.Database, "nothing", "", table.Columns) {
		require.ErrorIs(t, err, cluster.ErrUnknownTable, name)
	}
	failures := asked(t, h.Cluster, h.Database, "t", "p9", table.Columns)
	require.ErrorIs(t, failures["read"], cluster.ErrUnknownPartition)
	require.ErrorIs(t, failures["count"], cluster.ErrUnknownPartition)
	_, _, err := h.Cluster.Tables(t.Context(), "nowhere")
	require.ErrorIs(t, err, cluster.ErrUnknownDatabase)
	there, err := h.Cluster.DatabaseExists(t.Context(), "nowhere")
	require.NoError(t, err)
	require.False(t, there)
	there, err = h.Cluster.DatabaseExists(t.Context(), h.Database)
	require.NoError(t, err)
	require.True(t, there)
	require.Zero(t, h.id("nothing"))
	for _, r := range []cluster.LoadRequest{{Database: "nowhere", Table: "t"}, {Database: h.Database, Table: "nothing"}} {
		r.Columns, r.Label, r.Open = table.Columns, "l", opener([]row{{"1", "a"}})
		_, err := h.Cluster.Load(t.Context(), r)
		require.Error(t, err)
		require.NotErrorIs(t, err, cluster.ErrUnreachable)
	}
}

func unreachableIsNotUnknown(t *testing.T, h *tester) {
	table := h.create(Ranged, "t")
	failures := asked(t, h.Down, h.Database, "t", "p1", table.Columns)
	_, failures["info"] = h.Down.Info(t.Context())
	_, failures["exists"] = h.Down.DatabaseExists(t.Context(), h.Database)
	_, _, failures["tables"] = h.Down.Tables(t.Context(), h.Database)
	_, failures["versions"] = h.Down.Versions(t.Context(), h.Database, []string{"t"})
	_, failures["id"] = h.Down.TableID(t.Context(), h.Database, "t")
	_, failures["load"] = h.Down.Load(t.Context(), h.request(table, []row{{"1", "a"}}))
	_, failures["create"] = h.Down.CreateTable(t.Context(), h.Database, table, cluster.TableOptions{Name: "u"})
	failures["drop"] = h.Down.DropTable(t.Context(), h.Database, "t")
	failures["drop database"] = h.Down.DropDatabase(t.Context(), "nowhere")
	failures["publish"] = h.Down.Publish(t.Context(), cluster.Publication{Database: h.Database, Table: "t", Shadow: "s", ShadowID: 1})
	failures["unpublish"] = h.Down.Unpublish(t.Context(), cluster.Publication{Database: h.Database, Table: "t", Shadow: "s", ShadowID: 1})
	failures["discard"] = h.Down.Discard(t.Context(), cluster.Publication{Database: h.Database, Table: "t", Shadow: "s", ShadowID: 1})
	failures["retired"] = h.Down.DropRetired(t.Context(), cluster.Publication{Database: h.Database, Table: "t", Shadow: "s", ShadowID: 1, LiveID: 2, Retired: "r"})
	_, failures["missing"] = h.Down.Missing(t.Context(), cluster.Audit{Purpose: cluster.ForBackup, Database: h.Database})
	for name, err := range failures {
		require.ErrorIs(t, err, cluster.ErrUnreachable, name)
		for _, absent := range []error{cluster.ErrUnknownDatabase, cluster.ErrUnknownTable, cluster.ErrUnknownPartition} {
			require.NotErrorIs(t, err, absent, name)
		}
	}
}

func deniedIsNotUnknown(t *testing.T, h *tester) {
	table := h.create(Ranged, "t")
	for name, err := range asked(t, h.Stranger, h.Database, "t", "p1", table.Columns) {
		require.ErrorIs(t, err, cluster.ErrDenied, name)
	}
	_, err := h.Stranger.TableID(t.Context(), h.Database, "t")
	require.ErrorIs(t, err, cluster.ErrDenied, "a hidden table is not an absent one")
}

func missingPrivileges(t *testing.T, h *tester) {
	h.create(Plain, "t")
	for _, p := range []cluster.Purpose{cluster.ForBackup, cluster.ForRestore} {
		missing, err := h.Cluster.Missing(t.Context(), cluster.Audit{Purpose: p, Database: h.Database, Tables: []string{"t"}})
		require.NoError(t, err)
		require.Empty(t, missing, "root may do everything")
	}
	_, err := h.Cluster.Missing(t.Context(), cluster.Audit{Purpose: cluster.ForBackup, Database: "nowhere"})
	require.ErrorIs(t, err, cluster.ErrUnknownDatabase)
	_, err = h.Cluster.Missing(t.Context(), cluster.Audit{Purpose: cluster.ForRestore, Database: "nowhere"})
	require.NoError(t, err, "a restore creates it")
}

func doctor(t *testing.T, h *tester) {
	for _, c := range h.Cluster.Examine(t.Context()) {
		require.True(t, c.OK, "%+v", c)
		require.NotEmpty(t, c.Detail, c.Name)
	}
	checks := h.Down.Examine(t.Context())
	require.False(t, checks[0].OK)
	require.NotEmpty(t, checks[0].Advice)
	require.False(t, slices.ContainsFunc(checks, func(c cluster.Check) bool { return c.OK }), "nothing can be fine when nobody answers")
}

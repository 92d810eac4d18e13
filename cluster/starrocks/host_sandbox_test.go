package starrocks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/sandbox"
	"starkeep/snapshot"
)

func (h *harness) fit(t testing.TB, table snapshot.Table, replicas int) ([]string, error) {
	return h.Cluster.(cluster.Host).Fit(t.Context(), []snapshot.Table{table}, cluster.TableOptions{ReplicationNum: replicas})
}

func TestTooFewBackendsAreToldOfAllTablesAtOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec(define("plain", "t"))
	table := h.described(t, "t")
	notes, err := h.fit(t, table, 0)
	require.NoError(t, err)
	require.Empty(t, notes)
	_, err = h.fit(t, table, 100)
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	var one *cluster.TableError
	require.ErrorAs(t, err, &one)
	require.Equal(t, "t", one.Table)
}

func TestStrangerIsToldWhatGrantHelps(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	_, err := h.Stranger.(cluster.Host).Fit(t.Context(), nil, cluster.TableOptions{})
	require.ErrorIs(t, err, cluster.ErrDenied)
	require.ErrorContains(t, err, "GRANT OPERATE ON SYSTEM")
}

// Trap 1: what is native stays in its run mode; rows and definitions move.
func TestTablesMoveIntoSharedStorageAndBack(t *testing.T) {
	t.Parallel()
	nothing, shared := newHarness(t), harnessOf(t, sandbox.Config{SharedData: true})
	nothing.Exec(strings.Replace(define("ranged", "t"), `"replication_num" = "1"`, `"replication_num" = "1", "storage_medium" = "SSD", "compression" = "ZSTD"`, 1))
	table := nothing.described(t, "t")
	notes, err := shared.fit(t, table, 0)
	require.NoError(t, err)
	require.Contains(t, strings.Join(notes, "\n"), "storage_medium = SSD means nothing in a shared-data cluster")
	_, err = shared.Cluster.CreateTable(t.Context(), database, table, cluster.TableOptions{Name: "t"})
	require.NoError(t, err)
	rows := values{{"1", "a"}, {"11", "b"}}
	shared.fill(t, "t", "l", table.Columns, rows)
	there := shared.described(t, "t")
	require.ElementsMatch(t, rows, shared.stored(t, "t", there.Columns))
	require.Contains(t, there.DDL, `"compression" = "ZSTD"`)
	require.Empty(t, nothing.Cluster.Differences(table, there))

	notes, err = nothing.fit(t, there, 0)
	require.NoError(t, err)
	require.Contains(t, strings.Join(notes, "\n"), "storage_volume")
	_, err = nothing.Cluster.CreateTable(t.Context(), database, there, cluster.TableOptions{Name: "back"})
	require.NoError(t, err)
	nothing.fill(t, "back", "l2", there.Columns, rows)
	require.ElementsMatch(t, rows, nothing.stored(t, "back", there.Columns))
}

// Trap: in shared storage a compaction moves the visible version, and nothing has changed.
func TestCompactionIsNoChange(t *testing.T) {
	t.Parallel()
	h := harnessOf(t, sandbox.Config{SharedData: true})
	h.Exec(define("ranged", "t"))
	table := h.described(t, "t")
	h.fill(t, "t", "l", table.Columns, values{{"1", "a"}})
	versions := func() snapshot.Partition {
		m, err := h.Cluster.Versions(t.Context(), database, []string{"t"})
		require.NoError(t, err)
		return m["t"][0]
	}
	before := versions()
	require.NoError(t, h.server.Compact(database, "t"))
	require.True(t, before.SameVersions(versions()))
	h.fill(t, "t", "l2", table.Columns, values{{"2", "b"}})
	require.False(t, before.SameVersions(versions()))
}

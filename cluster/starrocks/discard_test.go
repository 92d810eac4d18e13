package starrocks

import (
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/sandbox"
)

// putBack is a cluster with a publication that was published and put back: t is live, retired what was built.
func putBack(t *testing.T) (*Cluster, cluster.Publication) {
	server, err := sandbox.Start(sandbox.Config{RootPassword: "x"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	c, err := New(Config{Name: "sandbox", Frontends: []string{server.SQLAddr()}, HTTP: []string{"http://" + server.HTTPAddr()}, User: "root", Password: "x"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	run(t, c, "CREATE DATABASE d", "CREATE TABLE d.t (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1", "CREATE TABLE d.shadow (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1")
	p := cluster.Publication{Database: "d", Table: "t", Shadow: "shadow", Retired: "retired", LiveID: idOf(t, c, "t"), ShadowID: idOf(t, c, "shadow")}
	require.NoError(t, c.Publish(t.Context(), p))
	require.NoError(t, c.Unpublish(t.Context(), p))
	require.Equal(t, p.ShadowID, idOf(t, c, "retired"))
	return c, p
}

func run(t *testing.T, c *Cluster, statements ...string) {
	for _, s := range statements {
		require.NoError(t, c.exec(t.Context(), s), s)
	}
}

func idOf(t *testing.T, c *Cluster, table string) int64 {
	id, err := c.TableID(t.Context(), "d", table)
	require.NoError(t, err)
	return id
}

// A SWAP that waited for a lock lands just between the look at the ids and the RENAME that begins the drop.
func TestLateSwapWithinADropLosesNothing(t *testing.T) {
	t.Parallel()
	c, p := putBack(t)
	run(t, c, "ALTER TABLE d.t SWAP WITH retired")
	require.ErrorIs(t, c.dropAside(t.Context(), "d", "retired", p.ShadowID), cluster.ErrExists)
	require.Equal(t, p.LiveID, idOf(t, c, "retired"), "put back to where it was")
	require.NoError(t, c.Unpublish(t.Context(), p))
	require.NoError(t, c.Discard(t.Context(), p))
	require.Equal(t, p.LiveID, idOf(t, c, "t"))
}

// The same, and the process dies before it has put the table back.
func TestLateSwapWithinADropThatIsCutLosesNothing(t *testing.T) {
	t.Parallel()
	c, p := putBack(t)
	run(t, c, "ALTER TABLE d.t SWAP WITH retired", "ALTER TABLE d.retired RENAME "+dropName("retired"))
	require.ErrorIs(t, c.Discard(t.Context(), p), cluster.ErrExists)
	require.NoError(t, c.Unpublish(t.Context(), p))
	require.Equal(t, p.LiveID, idOf(t, c, "t"))
	require.NoError(t, c.Discard(t.Context(), p))
	require.Equal(t, p.LiveID, idOf(t, c, "t"))
	require.Zero(t, idOf(t, c, "retired"))
	require.Zero(t, idOf(t, c, dropName("retired")))
}

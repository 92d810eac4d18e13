package starrocks_test

import (
	"database/sql"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/cluster/starrocks"
	"starkeep/sandbox"
	"starkeep/snapshot"
	"starkeep/tests/starrocksdata"
)

// TestEveryTypeAndTableFeatureComesBack takes every table of the database with everything in it to another database, by the
// adapter alone and under another name until it is published.
func TestEveryTypeAndTableFeatureComesBack(t *testing.T) {
	t.Parallel()
	h := harnessOf(t, sandbox.Config{EnableUDF: true})
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.InterpolateParams = "tcp", h.server.SQLAddr(), "root", password, true
	db, err := sql.Open("mysql", config.FormatDSN())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	jar, _ := jars(t)
	starrocksdata.Everything(t, db, database, jar)
	before := starrocksdata.Digest(t, db, database)

	ctx, c := t.Context(), h.Cluster.(*starrocks.Cluster)
	names, _, err := c.Tables(ctx, database)
	require.NoError(t, err)
	tables, err := c.Describe(ctx, database, names)
	require.NoError(t, err)
	require.NoError(t, c.CreateDatabase(ctx, "other"))
	for _, table := range tables {
		shadow := "__starkeep_" + table.Name
		id, err := c.CreateTable(ctx, "other", table, cluster.TableOptions{Name: shadow})
		require.NoError(t, err, table.Name)
		open := func() (snapshot.RowReader, error) {
			return c.Read(ctx, cluster.ReadRequest{Database: database, Table: table.Name, Columns: table.Columns})
		}
		_, err = c.Load(ctx, cluster.LoadRequest{Database: "other", Table: shadow, Label: "l_" + table.Name, Columns: table.Columns, Open: open})
		require.NoError(t, err, table.Name)
		require.NoError(t, c.Finish(ctx, "other", table, shadow))
		require.NoError(t, c.Publish(ctx, cluster.Publication{Database: "other", Table: table.Name, Shadow: shadow, ShadowID: id, Properties: c.Withheld(table)}))
	}
	notes, err := c.Refer(ctx, tables, cluster.Renaming{From: database, To: "other"})
	require.NoError(t, err)
	require.Empty(t, notes)
	after := starrocksdata.Digest(t, db, "other")
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if kind, name, _ := strings.Cut(key, " "); slices.Contains([]string{"table", "rows", "partitions", "indexes"}, kind) && slices.Contains(names, name) {
			require.Equal(t, before[key], after[key], key)
		}
	}
	require.Empty(t, h.leftovers(t))
	h.Exec("INSERT INTO other.counted (name) VALUES ('a later one')")
	require.Equal(t, []string{"4"}, h.printed(t, "SELECT count(*) FROM other.counted"), "a counter that begins anew would give it the key of another one")
}

package tests

import (
	"database/sql"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
	"starkeep/tests/starrocksdata"
)

// lasting is what of a database does not depend on where its cluster keeps data.
func lasting(digest map[string]string) map[string]string {
	all := maps.Clone(digest)
	maps.DeleteFunc(all, func(key, _ string) bool {
		for _, kind := range []string{"table ", "partitions ", "materialized view "} { // properties and nodes differ
			if strings.HasPrefix(key, kind) {
				return true
			}
		}
		return false
	})
	return all
}

// TestStarRocksMovesToSharedDataAndBack restores a snapshot of a cluster with disks of its own into one on object storage,
// and a snapshot of that one back.
func TestStarRocksMovesToSharedDataAndBack(t *testing.T) {
	t.Parallel()
	lake, err := sandbox.Start(sandbox.Config{RootPassword: secret, SharedData: true, EnableUDF: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = lake.Close() })
	db, err := sql.Open("mysql", fmt.Sprintf("root:%s@tcp(%s)/?interpolateParams=true", secret, lake.SQLAddr()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w := newWorld(t, withFunctions, func(w *world) {
		w.further = fmt.Sprintf("[clusters.lake]\nfrontends = [%q]\nhttp = [\"http://%s\"]\nuser = \"root\"\npassword_env = \"SANDBOX_PASSWORD\"\n", lake.SQLAddr(), lake.HTTPAddr())
	})
	on := func(statement string) {
		t.Helper()
		r := w.starter("--cluster", "lake", "sql", "--wait", "-e", statement)
		require.Zero(t, r.code, "%s\n%s%s", statement, r.out, r.err)
		require.NotContains(t, r.out, "NOT RESTORED")
	}
	w.everything("everything")
	w.exec("ALTER TABLE everything.rolled DROP ROLLUP by_k2", "DROP MATERIALIZED VIEW everything.rolled_sums", "ALTER TABLE everything.searched DROP INDEX by_vector") // tables with them are refused there
	before := starrocksdata.Digest(t, w.db, "everything")
	w.createRepository()
	w.sql("BACKUP DATABASE everything SNAPSHOT nightly TO repo")
	on(`RESTORE SNAPSHOT nightly FROM repo DATABASE everything PROPERTIES ("refresh" = "true")`)
	there := starrocksdata.Digest(t, db, "everything")
	require.Equal(t, lasting(before), lasting(there))
	require.Contains(t, there["table scalars"], "storage_volume")

	on("BACKUP DATABASE everything SNAPSHOT moved TO repo")
	w.exec("DROP DATABASE everything FORCE")
	w.sql(`RESTORE SNAPSHOT moved FROM repo DATABASE everything PROPERTIES ("refresh" = "true")`)
	back := starrocksdata.Digest(t, w.db, "everything")
	require.Equal(t, lasting(before), lasting(back))
	require.NotContains(t, back["table scalars"], "storage_volume")
}

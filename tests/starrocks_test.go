package tests

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/tests/starrocksdata"
)

// everything makes the database that holds one of each.
func (w *world) everything(name string) {
	w.t.Helper()
	w.exec("CREATE DATABASE " + name)
	starrocksdata.Everything(w.t, w.db, name, fileServer(w.t, "com/example/AddOne.class").URL+"/udf.jar")
}

func TestStarRocksEverythingComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withFunctions)
	w.everything("everything")
	before := starrocksdata.Digest(t, w.db, "everything")
	w.createRepository()
	w.sql("BACKUP DATABASE everything SNAPSHOT nightly TO repo")

	w.exec("DROP DATABASE everything FORCE")
	out := w.sql(`RESTORE SNAPSHOT nightly FROM repo DATABASE everything PROPERTIES ("refresh" = "true")`)
	require.NotContains(t, out, "NOT RESTORED")
	require.Equal(t, before, starrocksdata.Digest(t, w.db, "everything"), "under the same name")

	w.sql(`RESTORE SNAPSHOT nightly FROM repo DATABASE everything AS other PROPERTIES ("refresh" = "true")`)
	require.Equal(t, before, starrocksdata.Digest(t, w.db, "other"), "under a new name")

	w.exec("DELETE FROM everything.scalars WHERE id = 1", "TRUNCATE TABLE everything.nested", "DROP TABLE everything.heap FORCE", "DROP VIEW everything.over_mv",
		"DROP MATERIALIZED VIEW everything.counts_of_counts", "ALTER VIEW everything.totals AS SELECT 1 AS k, 2 AS total", "DROP FUNCTION everything.add_one(INT)",
		"INSERT INTO everything.by_city VALUES (9, 'rome', 'more')", "REFRESH MATERIALIZED VIEW everything.city_counts WITH SYNC MODE")
	w.sql(`RESTORE SNAPSHOT nightly FROM repo DATABASE everything PROPERTIES ("refresh" = "true")`)
	require.Equal(t, before, starrocksdata.Digest(t, w.db, "everything"), "over what was changed")
	require.Empty(t, jobFolders(t, w))
}

// TestStarRocksObjectsComeBackOneByOne restores every object by a statement of its own, what others are made of first.
func TestStarRocksObjectsComeBackOneByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withFunctions)
	w.everything("everything")
	before := starrocksdata.Digest(t, w.db, "everything")
	w.createRepository()
	w.sql("BACKUP DATABASE everything SNAPSHOT nightly TO repo")
	var objects []string
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if name, ok := strings.CutPrefix(key, "table "); ok && name != "children" {
			objects = append(objects, "TABLE "+name)
		}
	}
	objects = append(objects, "TABLE children") // whose foreign key wants its parents
	objects = append(objects, "FUNCTION add_one", "VIEW totals", "VIEW big_totals", "MATERIALIZED VIEW city_counts", "MATERIALIZED VIEW counts_of_counts",
		"VIEW over_mv", "MATERIALIZED VIEW hourly")
	for _, o := range objects {
		w.sql(`RESTORE SNAPSHOT nightly FROM repo DATABASE everything AS single ON (` + o + `) PROPERTIES ("refresh" = "true")`)
	}
	require.Equal(t, before, starrocksdata.Digest(t, w.db, "single"))

	out := w.sql(`RESTORE SNAPSHOT nightly FROM repo DATABASE everything AS orphan ON (TABLE children)`)
	require.Contains(t, out, "default_catalog.orphan.parents", "which is not there")
	w.exec("INSERT INTO single.counted (name) VALUES ('a later one')")
	var rows int
	require.NoError(t, w.db.QueryRow("SELECT count(*) FROM single.counted").Scan(&rows))
	require.Equal(t, 4, rows, "a counter that begins anew would give it the key of another one")
}

func TestStarRocksGovernanceComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withFunctions)
	w.everything("everything")
	starrocksdata.Governance(t, w.db, "everything", secret)
	before := starrocksdata.GovernanceDigest(t, w.db, "everything")
	w.createRepository()
	w.sql("BACKUP ALL EXTERNAL CATALOGS, ALL USERS, ALL ROLES, ALL RESOURCE GROUPS SNAPSHOT rules TO repo")
	w.exec("DROP RESOURCE GROUP nightly", "DROP USER 'ann'@'%'", "DROP USER 'bob'@'10.%'", "DROP ROLE writer", "DROP ROLE reader", "DROP CATALOG lake", "DROP CATALOG plain")
	restore := "RESTORE SNAPSHOT rules FROM repo ALL EXTERNAL CATALOGS, ALL USERS, ALL ROLES, ALL RESOURCE GROUPS"
	r := w.starter("sql", "--wait", "-e", restore)
	require.NotZero(t, r.code, "the server masked the keys of the lake, so they have to be told")
	require.Contains(t, r.out+r.err, "catalog.lake.aws.s3.secret_key")
	out := w.sql(restore + fmt.Sprintf(` PROPERTIES ("catalog.lake.aws.s3.access_key" = "%s", "catalog.lake.aws.s3.secret_key" = "%s", "user.ann.password" = "%s")`, secret, secret, secret))
	require.NotContains(t, out, secret)
	require.Contains(t, out, "bob", "whose password nobody told")
	require.Equal(t, before, starrocksdata.GovernanceDigest(t, w.db, "everything"))
	w.nowhere()
}

func TestRandomStarRocksTablesComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.createRepository()
	rounds(t, w.randomRound)
}

func (w *world) randomRound(name string, seed uint64) {
	w.t.Helper()
	w.exec("CREATE DATABASE " + name)
	for i := range uint64(randomTables) {
		starrocksdata.Apply(w.t, w.db, name, starrocksdata.Random(seed+i, fmt.Sprintf("t_%d", i)))
	}
	before := starrocksdata.Digest(w.t, w.db, name)
	w.measure(name, fmt.Sprintf("BACKUP DATABASE %s SNAPSHOT %s TO repo", name, name)) // however long it takes
	w.exec("DROP DATABASE " + name + " FORCE")
	w.measure(name, fmt.Sprintf("RESTORE SNAPSHOT %s FROM repo DATABASE %s", name, name))
	after := starrocksdata.Digest(w.t, w.db, name)
	for key, want := range before {
		require.Equal(w.t, want, after[key], key)
	}
	require.Len(w.t, after, len(before))
	w.exec("DROP DATABASE " + name + " FORCE")
}

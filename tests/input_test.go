package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBadInputIsRefusedWithAReasonBeforeAnythingChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(200)
	w.createRepository()
	w.exec("CREATE DATABASE empty", "CREATE DATABASE other",
		"CREATE TABLE other.orders (id BIGINT NOT NULL, price INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 4 PROPERTIES ('replication_num' = '1')",
		"CREATE TABLE other.lists (id INT NOT NULL, tags PERCENTILE PERCENTILE_UNION) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')")
	w.sql("BACKUP DATABASE shop SNAPSHOT good TO repo")
	long := strings.Repeat("x", 200)
	before, tables := files(t, w.repository()), w.tables("other")

	for _, c := range []struct {
		name, sql string
		code      int
		says      string
	}{
		{"not SQL", "BAKCUP DATABASE shop SNAPSHOT x TO repo", 2, "BACKUP"},
		{"unknown database", "BACKUP DATABASE nowhere SNAPSHOT x TO repo", 4, "Unknown database 'nowhere'"},
		{"empty database", "BACKUP DATABASE empty SNAPSHOT x TO repo", 4, "Database: empty is empty"},
		{"unknown table", "BACKUP DATABASE shop SNAPSHOT x TO repo ON (TABLE nope)", 4, "Incorrect table name 'nope'"},
		{"unknown partition", "BACKUP DATABASE shop SNAPSHOT x TO repo ON (TABLE orders PARTITION (p9))", 4, "partition[p9] does not exist"},
		{"unknown repository", "BACKUP DATABASE shop SNAPSHOT x TO nowhere", 4, "Repository nowhere does not exist"},
		{"label taken", "BACKUP DATABASE shop SNAPSHOT good TO repo", 4, "Snapshot with name 'good' already exist"},
		{"label that climbs", "BACKUP DATABASE shop SNAPSHOT `../up` TO repo", 2, "Incorrect label name '../up'"},
		{"label with a space", "BACKUP DATABASE shop SNAPSHOT `a b` TO repo", 2, "Incorrect label name 'a b'"},
		{"label too long", "BACKUP DATABASE shop SNAPSHOT " + long + " TO repo", 2, "Incorrect label name"},
		{"database with quotes", "BACKUP DATABASE `sh'op` SNAPSHOT x TO repo", 2, "Incorrect database name 'sh'op'"},
		{"database name too long", "BACKUP DATABASE `" + strings.Repeat("d", 200) + "` SNAPSHOT x TO repo", 4, "Unknown database"},
		{"type that cannot be carried", "BACKUP DATABASE other SNAPSHOT x TO repo ON (TABLE lists)", 4, "tags"},
		{"unknown label", "RESTORE SNAPSHOT nope FROM repo DATABASE shop", 4, "SHOW SNAPSHOT"},
		{"wrong timestamp", `RESTORE SNAPSHOT good FROM repo DATABASE shop PROPERTIES ("backup_timestamp" = "2001-01-01-00-00-00-000")`, 4, "Maybe specified wrong backup timestamp"},
		{"table not in the snapshot", "RESTORE SNAPSHOT good FROM repo DATABASE shop ON (TABLE nope)", 4, "Table nope does not exist in snapshot good"},
		{"partition not in the snapshot", "RESTORE SNAPSHOT good FROM repo DATABASE shop ON (TABLE orders PARTITION (p9))", 4, "Partition p9 of table orders does not exist in snapshot good"},
		{"database not in the snapshot", "RESTORE SNAPSHOT good FROM repo DATABASE other", 4, "is not existed in snapshot"},
		{"schema differs", "RESTORE SNAPSHOT good FROM repo DATABASE shop AS other ON (TABLE orders)", 4, "already exist but with different schema"},
		{"short timeout", `BACKUP DATABASE shop SNAPSHOT x TO repo PROPERTIES ("timeout" = "5")`, 2, "timeout must be at least 10 min"},
		{"unknown property", `BACKUP DATABASE shop SNAPSHOT x TO repo PROPERTIES ("tmeout" = "5")`, 2, "Unknown backup job properties: [tmeout]"},
		{"repository name", `CREATE REPOSITORY ` + "`a-b`" + ` WITH BROKER ON LOCATION "file:///tmp/x"`, 2, "Incorrect repository name 'a-b'"},
		{"repository location climbs", `CREATE REPOSITORY r2 WITH BROKER ON LOCATION "file:///tmp/../etc"`, 4, ".."},
		{"repository scheme", `CREATE REPOSITORY r2 WITH BROKER ON LOCATION "ftp://host/x"`, 4, "ftp"},
		{"repository exists", `CREATE REPOSITORY repo WITH BROKER ON LOCATION "file:///tmp/x"`, 4, "already exist"},
		{"read-only repository that is none", fmt.Sprintf(`CREATE READ ONLY REPOSITORY r2 WITH BROKER ON LOCATION "file://%s"`, t.TempDir()), 4, "r2"},
		{"nothing to cancel", "CANCEL BACKUP FROM shop", 4, "No backup job is currently running"},
		{"no catalogs", "BACKUP ALL EXTERNAL CATALOGS SNAPSHOT x TO repo", 4, "No external catalog can be backed up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.starter("sql", "-e", c.sql)
			require.Equal(t, c.code, r.code, r.out+r.err)
			require.Contains(t, r.out+r.err, c.says)
		})
	}
	require.Equal(t, before, files(t, w.repository()))
	require.Equal(t, tables, w.tables("other"))
	require.NotContains(t, w.sql("SHOW REPOSITORIES"), "r2", "no half-made repository")
}

func TestReadOnlyRepositoryRestoresAndIsNeverWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(400)
	w.createRepository()
	want := w.proveAll("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT good TO repo")
	w.sql("DROP REPOSITORY repo")
	w.sql(fmt.Sprintf(`CREATE READ ONLY REPOSITORY repo WITH BROKER ON LOCATION "file://%s"`, w.repository()))
	before := files(t, w.repository())
	r := w.starter("sql", "-e", "BACKUP DATABASE shop SNAPSHOT more TO repo")
	require.Equal(t, 4, r.code)
	require.Contains(t, r.out+r.err, "read only")
	w.exec("DROP DATABASE shop FORCE")
	w.sql("RESTORE SNAPSHOT good FROM repo DATABASE shop")
	require.Equal(t, want, w.proveAll("shop"))
	require.Equal(t, before, files(t, w.repository()))
}

func TestDamagedSnapshotIsRefusedBeforeAnythingChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(400)
	w.createRepository()
	w.sql("BACKUP DATABASE shop SNAPSHOT good TO repo")
	before := w.proveAll("shop")
	object := filepath.Join(w.repository(), dataObjects(t, w)[0])
	whole, err := os.ReadFile(object)
	require.NoError(t, err)
	mode := os.FileMode(0o644)

	refused := func(says string) {
		t.Helper()
		r := w.starter("sql", "--wait", "-e", "RESTORE SNAPSHOT good FROM repo DATABASE shop")
		require.NotZero(t, r.code)
		require.Contains(t, r.out+r.err, says)
		require.Equal(t, before, w.proveAll("shop"))
		require.Len(t, w.tables("shop"), len(before))
	}
	require.NoError(t, os.Remove(object))
	refused("damaged")
	require.NoError(t, os.WriteFile(object, whole[:len(whole)/2], mode))
	refused("damaged")
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/2] ^= 1
	require.NoError(t, os.WriteFile(object, flipped, mode))
	refused("SHA-256")
	require.NoError(t, os.WriteFile(object, whole, mode))
	w.sql("RESTORE SNAPSHOT good FROM repo DATABASE shop")
	require.Equal(t, before, w.proveAll("shop"))
}

func TestMissingPrivilegeIsNamedWithItsGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(50)
	w.createRepository()
	w.exec("CREATE USER 'poor' IDENTIFIED BY '" + secret + "'")
	w.reconfigure(func(text string) string { return strings.Replace(text, `user = "root"`, `user = "poor"`, 1) })
	r := w.starter("sql", "-e", "BACKUP DATABASE shop SNAPSHOT x TO repo")
	require.Equal(t, 4, r.code, r.out+r.err)
	require.Contains(t, r.out+r.err, "GRANT SELECT")
}

// reconfigure restarts the worker with another configuration.
func (w *world) reconfigure(change func(string) string) {
	w.t.Helper()
	path := filepath.Join(w.dir, "starkeep.toml")
	text, err := os.ReadFile(path)
	require.NoError(w.t, err)
	require.NoError(w.t, os.WriteFile(path, []byte(change(string(text))), 0o600))
	w.killWorker()
	w.startWorker()
}

func TestDeadClusterIsToldAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(50)
	w.createRepository()
	require.NoError(t, w.sandbox.Close())
	r := w.starter("sql", "-e", "BACKUP DATABASE shop SNAPSHOT x TO repo")
	require.NotZero(t, r.code)
	require.Contains(t, r.out+r.err, "unreachable")
	require.NotContains(t, r.out+r.err, "Unknown database", "a dead server is never an absent object")
}

func TestStoreThatIsGoneIsNeverTakenForAnEmptyOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(50)
	w.createRepository()
	w.sql("BACKUP DATABASE shop SNAPSHOT kept TO repo")
	aside := w.repository() + ".unmounted"
	require.NoError(t, os.Rename(w.repository(), aside))
	for _, statement := range []string{
		"BACKUP DATABASE shop SNAPSHOT kept TO repo", // the label would look free
		"RESTORE SNAPSHOT kept FROM repo DATABASE shop",
		"SHOW SNAPSHOT ON repo",
	} {
		r := w.starter("sql", "-e", statement)
		require.NotZero(t, r.code, "%s\n%s", statement, r.out)
		require.Contains(t, r.out+r.err, "storage location does not exist", statement)
		require.NotContains(t, r.out+r.err, "there is none", statement)
	}
	require.NoDirExists(t, w.repository(), "nothing is written where the store should be mounted")
	require.NoError(t, os.Rename(aside, w.repository()))
	w.sql("RESTORE SNAPSHOT kept FROM repo DATABASE shop")
}

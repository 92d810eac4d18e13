package tests

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// shortGrace lets what only dropped snapshots named go soon.
func shortGrace(w *world) { w.settings = `drop_grace = "2s"` }

// stored counts the files of the repository below some of its folders, which may vanish meanwhile.
func (w *world) stored(folders ...string) (n int) {
	for _, folder := range folders {
		root := filepath.Join(w.repository(), "__starkeep_repository_repo", folder)
		_ = filepath.WalkDir(root, func(_ string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				n++
			}
			return nil
		})
	}
	return n
}

func TestDroppedSnapshotFreesItsSpaceAndLeavesTheOthersWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shortGrace)
	w.shop(600)
	w.createRepository()
	w.sql("BACKUP DATABASE shop SNAPSHOT old TO repo")
	w.exec("INSERT INTO shop.orders VALUES (9999, '2024-01-01', 'new', 1.5, NULL)")
	w.sql("BACKUP DATABASE shop SNAPSHOT new TO repo")
	before, both := w.proveAll("shop"), w.stored("data", "index")

	r := w.starter("sql", "--output", "json", "-e", "DROP SNAPSHOT old ON repo")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.out, "the snapshot is gone; what no other snapshot needs of its")
	require.NotContains(t, w.sql("SHOW SNAPSHOT ON repo"), "old")
	again := w.starter("sql", "-e", "DROP SNAPSHOT old ON repo")
	require.Equal(t, 4, again.code)
	require.Contains(t, again.err, "Snapshot does not exist in repository repo: old")

	w.killWorker() // before the sweep: what was begun goes on
	w.startWorker()
	w.await("the sweep", func() bool { return w.stored("data", "index") < both })
	w.await("the end of the sweep", func() bool { return w.stored("dropped") == 0 })
	w.sql("RESTORE SNAPSHOT new FROM repo DATABASE shop AS shop2")
	require.Equal(t, before, w.proveAll("shop2"))
	require.Empty(t, jobFolders(t, w))
	w.sql("BACKUP DATABASE shop SNAPSHOT old TO repo") // the label is free again
	w.sql("DROP SNAPSHOT old ON repo FORCE")
}

func TestSnapshotGoesWhenItsTimeToLiveIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shortGrace)
	w.shop(50)
	w.createRepository()
	w.sql(`BACKUP DATABASE shop SNAPSHOT kept TO repo PROPERTIES ("ttl" = "7 DAY")`)
	w.sql(`BACKUP DATABASE shop SNAPSHOT brief TO repo PROPERTIES ("ttl" = "2 SECOND")`)
	require.Contains(t, w.sql("SHOW SNAPSHOT ON repo"), "7 DAY")
	w.await("the end of its time", func() bool { return w.stored("snapshots") == 1 })
	require.Contains(t, w.sql("SHOW SNAPSHOT ON repo"), "kept")
	w.sql("RESTORE SNAPSHOT kept FROM repo DATABASE shop AS shop2")
	require.Equal(t, w.proveAll("shop"), w.proveAll("shop2"))
}

package tests

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/job"
	"starkeep/tests/mysqldata"
	"starkeep/tests/server/mariadb"
)

// Bytes a second: a backup or a restore of noise takes some seconds, so that a test can act in its middle.
const (
	slowUpload   = "upload_limit = 500000"
	slowDownload = "download_limit = 1500000"
)

// noise makes a database of some megabytes that nothing compresses, with a view, a trigger and a foreign key.
func (m *maria) noise(name string) string {
	m.t.Helper()
	name = m.database(name)
	var statements []string
	for i := range 6 {
		statements = append(statements, fmt.Sprintf("CREATE TABLE noise_%d (id INT PRIMARY KEY, b VARBINARY(1000), KEY (b(8)))", i),
			fmt.Sprintf("INSERT INTO noise_%d SELECT seq, RANDOM_BYTES(1000) FROM seq_1_to_1200", i))
	}
	mysqldata.Apply(m.t, m.server.DB(), name, append(statements,
		"ALTER TABLE noise_1 ADD FOREIGN KEY parent (id) REFERENCES noise_0 (id)",
		"CREATE TRIGGER upper BEFORE INSERT ON noise_2 FOR EACH ROW SET NEW.b = UPPER(NEW.b)",
		"CREATE VIEW both_of AS SELECT id, noise_0.b AS a, noise_1.b FROM noise_0 JOIN noise_1 USING (id)"))
	return name
}

// damage changes the database that a restore is to replace.
func (m *maria) damage(name string) {
	m.t.Helper()
	mysqldata.Apply(m.t, m.server.DB(), name, []string{"DELETE FROM noise_1 WHERE id < 500", "DROP TABLE noise_5", "UPDATE noise_3 SET b = 'x'"})
}

func transferred(state job.State) func(job.Status) bool {
	return func(s job.Status) bool { return s.State == state && s.Progress.UnitsDone > 0 }
}

func TestMySQLWorkerKilledDuringUploadReadsEverythingFromAnotherView(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t), slowUpload)
	name := m.noise("killed_upload")
	before := m.digest(name)
	m.start("BACKUP DATABASE " + name + " SNAPSHOT nightly TO repo")
	m.awaitMaria(name, "an upload", transferred(job.Uploading))
	m.killWorker()
	// What the snapshot shows from here on is what a later view shows.
	m.server.Exec(t, "INSERT INTO "+name+".noise_0 VALUES (5000, 'later')")
	after := m.digest(name)
	require.NotEqual(t, before, after)
	m.startWorker()
	m.finish(name)
	m.server.Drop(t, name)
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	m.requireSame(after, name)
	require.Empty(t, jobFolders(t, m.world))
}

func TestMySQLWorkerKilledDuringDownloadLoadsNothingTwice(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t), slowDownload)
	name := m.noise("killed_download")
	before := m.digest(name)
	m.on("BACKUP DATABASE " + name + " SNAPSHOT nightly TO repo")
	m.damage(name)
	m.start("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	m.awaitMaria(name, "a load", transferred(job.Downloading))
	m.killWorker()
	m.startWorker()
	m.finish(name)
	m.requireSame(before, name)
}

// block keeps everybody from renaming a table until it is released.
func (m *maria) block(name, table string) (release func()) {
	m.t.Helper()
	conn, err := m.server.DB().Conn(context.Background())
	require.NoError(m.t, err)
	_, err = conn.ExecContext(context.Background(), "LOCK TABLES "+name+"."+table+" READ")
	require.NoError(m.t, err)
	return func() {
		_, err := conn.ExecContext(context.Background(), "UNLOCK TABLES")
		require.NoError(m.t, err)
		require.NoError(m.t, conn.Close())
	}
}

func (m *maria) awaitBlocked(name string) {
	m.t.Helper()
	m.await("a publication that waits for a lock", func() bool {
		return len(m.server.Query(m.t, "SELECT 1 FROM information_schema.processlist WHERE state = 'Waiting for table metadata lock' AND (info LIKE 'LOCK TABLES%' OR info LIKE 'RENAME TABLE%') AND (db = ? OR info LIKE ?)", name, "%"+name+"%")) > 0
	})
}

// publishBlocked begins a restore over what was damaged, and returns when its publication waits for a lock, until release.
func (m *maria) publishBlocked(name string) (before map[string]string, release func()) {
	m.t.Helper()
	before = m.digest(name)
	m.on("BACKUP DATABASE " + name + " SNAPSHOT nightly TO repo")
	m.damage(name)
	release = m.block(name, "noise_2")
	m.start("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	m.awaitBlocked(name)
	return before, release
}

func TestMySQLWorkerKilledWhilePublishingRenamesNothingBack(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	name := m.noise("killed_publish")
	before, release := m.publishBlocked(name)
	m.killWorker()
	release()
	m.startWorker()
	m.finish(name)
	m.requireSame(before, name)
}

// keepLabels keeps everybody from deleting the labels of loads, which is what a publication does right after its RENAME.
func (m *maria) keepLabels(name string) (release func()) {
	m.t.Helper()
	conn, err := m.server.DB().Conn(context.Background())
	require.NoError(m.t, err)
	for _, s := range []string{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION", "UPDATE " + name + ".__starkeep_loads SET done = 2"} {
		_, err = conn.ExecContext(context.Background(), s)
		require.NoError(m.t, err)
	}
	return func() {
		_, err := conn.ExecContext(context.Background(), "ROLLBACK")
		require.NoError(m.t, err)
		require.NoError(m.t, conn.Close())
	}
}

func TestMySQLWorkerKilledRightAfterTheRename(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	name := m.noise("killed_renamed")
	before, release := m.publishBlocked(name)
	unlock := m.keepLabels(name)
	release()
	m.await("the statement behind the RENAME", func() bool {
		return len(m.server.Query(t, "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'DELETE FROM `"+name+"`.`\\_\\_starkeep\\_loads`%'")) > 0
	})
	require.Contains(t, m.server.Query(t, "SELECT COUNT(*) FROM "+name+".noise_5"), []string{"1200"}, "it is live")
	m.killWorker()
	unlock()
	m.startWorker()
	m.finish(name)
	m.requireSame(before, name)
}

func TestMySQLServerKilledDuringBackup(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Start(t, mariadb.Options{}), slowUpload)
	name := m.noise("crash_backup")
	before := m.digest(name)
	m.start("BACKUP DATABASE " + name + " SNAPSHOT nightly TO repo")
	m.awaitMaria(name, "an upload", transferred(job.Uploading))
	m.server.Kill(t)
	m.server.Restart(t)
	m.finish(name)
	m.server.Drop(t, name)
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	m.requireSame(before, name)
}

func TestMySQLServerKilledDuringRestore(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Start(t, mariadb.Options{}), slowDownload)
	name := m.noise("crash_restore")
	before := m.digest(name)
	m.on("BACKUP DATABASE " + name + " SNAPSHOT nightly TO repo")
	m.damage(name)
	m.start("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	m.awaitMaria(name, "a load", transferred(job.Downloading))
	m.server.Kill(t)
	m.server.Restart(t)
	m.finish(name)
	m.requireSame(before, name)
}

func TestMySQLCancelledRestoreLeavesTheTargetAsItWas(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t), slowDownload)
	name := m.noise("cancelled")
	m.on("BACKUP DATABASE " + name + " SNAPSHOT nightly TO repo")
	m.damage(name)
	before := m.digest(name)
	cancelled := func() {
		m.on("CANCEL RESTORE FROM " + name)
		s := m.awaitMaria(name, "the end of the job", func(s job.Status) bool { return s.State.Final() })
		require.Equal(t, job.Cancelled, s.State, "%+v", s)
		m.requireSame(before, name)
	}
	m.start("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	m.awaitMaria(name, "a load", transferred(job.Downloading))
	cancelled()

	release := m.block(name, "noise_2")
	m.start("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	m.awaitBlocked(name)
	released := make(chan struct{})
	go func() {
		defer close(released)
		m.awaitMaria(name, "the cancellation", func(s job.Status) bool { return s.State != job.Committing })
		release()
	}()
	cancelled()
	<-released
}

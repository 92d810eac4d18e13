package activities

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/snapshot/repository"
	"starkeep/storage"
	"starkeep/storage/mem"
)

func requireFinal(t *testing.T, err error, kind, says string) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, kind, app.Type())
	require.True(t, app.NonRetryable())
	require.Contains(t, app.Message(), says)
}

func TestEveryStageCanRunTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10, 0, 20)
	b.cluster.add("b", 5)
	m := b.backup("l")
	require.Equal(t, snapshot.DatabaseLevel, m.Consistency.Level)
	require.Equal(t, int64(35), m.Totals.Rows)
	require.Equal(t, int64(2), m.Totals.Tables)
	require.Equal(t, int64(4), m.Totals.Partitions)
	require.True(t, m.Complete)
	require.Len(t, b.cluster.reads, 3, "an empty partition is not read, a receipt spares the second read")
	require.NoError(t, b.repo.Entries(t.Context(), m, func(e snapshot.PartitionEntry) error {
		require.Equal(t, "VALUES "+e.Partition.Name, e.Values, "without it a restore could not create the partition")
		return nil
	}))
	require.Empty(t, b.keys("/jobs/"))
	require.Len(t, b.keys("/data/"), 3)
}

func TestUnchangedPartitionIsNotReadAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10, 20)
	b.backup("first")
	b.cluster.write("a", "p2")
	b.cluster.reads = nil
	b.next("job-2")
	m := b.backup("second")
	require.Equal(t, []string{"a.p2[]"}, b.cluster.reads)
	require.Equal(t, int64(31), m.Totals.Rows)
	require.Positive(t, m.Totals.ReusedBytes)

	b.cluster.reads = nil
	b.next("job-3")
	b.backup("third", func(r *job.BackupRequest) { r.Full = true })
	require.Len(t, b.cluster.reads, 2, "reuse = false reads everything")
}

func TestLostObjectIsStoredAgainInsteadOfTrusted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10)
	b.backup("first")
	lost := b.keys("/data/")[0]
	b.remove(lost)
	b.next("job-2")
	b.backup("second")
	require.Contains(t, b.keys("/data/"), lost, "the older snapshot is whole again, too")
}

func TestTableWithNewShapeIsNotReused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10)
	b.backup("first")
	b.cluster.tables["a"].Columns[0].Source = "varchar(20)"
	b.cluster.tables["a"].DDL += " -- altered"
	b.cluster.reads = nil
	b.next("job-2")
	b.backup("second")
	require.Len(t, b.cluster.reads, 1)
}

func TestPartitionThatMovesWhileItIsReadIsReadAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10, 20)
	writes := 1
	b.cluster.onRead = func(f *fakeCluster, table, part string) {
		if part == "p2" && writes > 0 {
			writes--
			f.write(table, part)
		}
	}
	m := b.backup("l")
	require.Equal(t, snapshot.DatabaseLevel, m.Consistency.Level)
	require.Equal(t, 2, m.Consistency.Rounds)
	require.Equal(t, int64(31), m.Totals.Rows)
}

func TestPartitionThatAlwaysMovesIsNamedAndNeverReused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10, 20)
	b.cluster.onRead = func(f *fakeCluster, table, part string) {
		if part == "p2" {
			f.write(table, part)
		}
	}
	m := b.backup("l")
	require.Equal(t, snapshot.PartitionLevel, m.Consistency.Level)
	require.Equal(t, []string{"a.p2"}, m.Consistency.Moved)
	require.Equal(t, 3, m.Consistency.Rounds)

	b.cluster.onRead = nil
	// The version in the manifest may by chance be the one of now: still nobody knows which rows were read.
	b.cluster.reads = nil
	b.next("job-2")
	b.backup("second")
	require.Equal(t, []string{"a.p2[]"}, b.cluster.reads)
}

func TestConsistencyThatIsDemandedAndNotReachedFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10)
	b.cluster.onRead = func(f *fakeCluster, table, part string) { f.write(table, part) }
	b.prepare("l", func(r *job.BackupRequest) { r.Consistency, r.Rounds = "database", 1 })
	plan := must[job.Plan](b, job.PinSnapshotActivity, job.StageInput{Ref: b.ref})
	b.upload(plan)
	_, err := run[job.Plan](b, job.CheckSnapshotActivity, job.CheckSnapshotInput{Ref: b.ref, Round: 1})
	requireFinal(t, err, job.ConsistencyNotReached, "still changing after 1 rounds")
}

func TestTabletThatIsSkippedInSilenceIsNoticedByCounting(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 30)
	p := &b.cluster.tables["a"].Partitions[0].Physical[0]
	p.Bytes, p.Tablets = 3*unitBytes, []int64{1, 2, 3}
	all := b.cluster.rows["a.p1"]
	b.cluster.rows["a.p1.1"], b.cluster.rows["a.p1.2"] = all[:10], all[10:20] // the third answers nothing
	m := b.backup("l")
	require.Equal(t, int64(30), m.Totals.Rows)
	require.Equal(t, "a.p1[]", b.cluster.reads[len(b.cluster.reads)-1], "the last round reads whole partitions")
}

func TestCancelledBackupRemovesItsObjectsAndNobodyElses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10, 20)
	b.backup("first")
	before := b.keys("")
	b.cluster.write("a", "p2")
	b.next("job-2")
	b.prepare("second")
	plan := must[job.Plan](b, job.PinSnapshotActivity, job.StageInput{Ref: b.ref})
	b.upload(plan)
	require.NotEqual(t, before, b.keys(""))
	for range 2 {
		must[job.ReleaseOutput](b, job.ReleaseBackupActivity, job.ReleaseInput{Ref: b.ref})
	}
	require.Equal(t, before, b.keys(""))
}

// full is a store without room for another object until one is deleted.
type full struct {
	storage.Bucket
	room atomic.Bool
}

func (f *full) Put(ctx context.Context, key string, body storage.Body, o storage.PutOptions) error {
	if !f.room.Load() {
		return fmt.Errorf("put %s: %w", key, storage.ErrNoSpace)
	}
	return f.Bucket.Put(ctx, key, body, o)
}

func (f *full) Delete(ctx context.Context, key string) error {
	f.room.Store(true)
	return f.Bucket.Delete(ctx, key)
}

// A sweep writes a lock before it deletes: in a full store it never would, and the database could not be backed up
// elsewhere until somebody made room.
func TestCancelledBackupMakesRoomInAFullRepository(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10, 20)
	before := b.keys("")
	b.prepare("first")
	b.upload(must[job.Plan](b, job.PinSnapshotActivity, job.StageInput{Ref: b.ref}))
	require.NotEmpty(t, b.keys("/data/"))
	bucket, err := mem.Open(b.place, false)
	require.NoError(t, err)
	b.repo, err = repository.Open(t.Context(), &full{Bucket: bucket}, "repo")
	require.NoError(t, err)
	for range 2 {
		out := must[job.ReleaseOutput](b, job.ReleaseBackupActivity, job.ReleaseInput{Ref: b.ref, Admitted: true})
		require.False(t, out.Committed)
	}
	require.Equal(t, before, b.keys(""))
}

func TestObjectsStayWhileAnotherJobMayRelyOnThem(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10)
	b.prepare("second")
	b.upload(must[job.Plan](b, job.PinSnapshotActivity, job.StageInput{Ref: b.ref}))
	require.NoError(t, b.repo.Register(context.Background(), "other-job"))
	out := must[job.ReleaseOutput](b, job.ReleaseBackupActivity, job.ReleaseInput{Ref: b.ref})
	require.Contains(t, out.Notes[0], "1 objects of this job stay")
	require.Len(t, b.keys("/data/"), 1)
}

func TestReleaseOfAJobThatNeverBeganHasNothingToDo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ref.Repository = "nowhere"
	must[job.ReleaseOutput](b, job.ReleaseBackupActivity, job.ReleaseInput{Ref: b.ref})
	must[job.ReleaseOutput](b, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: b.ref})
	b.ref.Repository = "repo"
	must[job.ReleaseOutput](b, job.ReleaseBackupActivity, job.ReleaseInput{Ref: b.ref})
	must[job.ReleaseOutput](b, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: b.ref})
}

func TestBackupIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change     func(*bench, *job.BackupRequest, *job.Ref)
		kind, says string
	}{
		"no label":           {func(_ *bench, r *job.BackupRequest, _ *job.Ref) { r.Label = "" }, job.InvalidRequest, "are required"},
		"label that climbs":  {func(_ *bench, r *job.BackupRequest, _ *job.Ref) { r.Label = "../x" }, job.InvalidRequest, "Incorrect label name '../x'"},
		"consistency":        {func(_ *bench, r *job.BackupRequest, _ *job.Ref) { r.Consistency = "strong" }, job.InvalidRequest, "Invalid consistency"},
		"compression":        {func(_ *bench, r *job.BackupRequest, _ *job.Ref) { r.Compression = "rar" }, job.InvalidRequest, "Invalid compression"},
		"unknown cluster":    {func(_ *bench, _ *job.BackupRequest, ref *job.Ref) { ref.Cluster = "x" }, job.UnknownCluster, "unknown cluster 'x'"},
		"unknown database":   {func(_ *bench, r *job.BackupRequest, ref *job.Ref) { r.Database, ref.Database = "x", "x" }, job.UnknownDatabase, "Unknown database 'x'"},
		"unknown repository": {func(_ *bench, _ *job.BackupRequest, ref *job.Ref) { ref.Repository = "x" }, job.UnknownRepository, "x"},
		"unknown table": {func(_ *bench, r *job.BackupRequest, _ *job.Ref) { r.Objects = []job.Object{{Table: "x"}} },
			job.UnknownTable, "Incorrect table name 'x'"},
		"a view": {func(_ *bench, r *job.BackupRequest, _ *job.Ref) { r.Objects = []job.Object{{Table: "v"}} },
			job.Unsupported, "db.v is a view"},
		"unknown partition": {func(_ *bench, r *job.BackupRequest, _ *job.Ref) {
			r.Objects = []job.Object{{Table: "a", Partitions: []string{"p9"}}}
		}, job.UnknownPartition, "partition[p9] does not exist"},
		"read-only repository": {func(b *bench, _ *job.BackupRequest, _ *job.Ref) { b.about.ReadOnly = true }, job.RepositoryReadOnly, "read only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.cluster.add("a", 1)
			req := job.BackupRequest{Cluster: "c", Database: "db", Label: "l", Repository: "repo"}
			before := b.keys("")
			c.change(b, &req, &b.ref)
			_, err := run[job.PrepareBackupOutput](b, job.PrepareBackupActivity, job.PrepareBackupInput{Ref: b.ref, Request: req, Timestamp: "2024-01-01-00-00-00-000"})
			requireFinal(t, err, c.kind, c.says)
			require.Equal(t, before, b.keys(""), "nothing was changed")
		})
	}
}

func TestLabelIsTakenOnlyByAFinishedSnapshot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 1)
	b.backup("l")
	b.next("job-2")
	_, err := run[job.PrepareBackupOutput](b, job.PrepareBackupActivity, job.PrepareBackupInput{Ref: b.ref,
		Request: job.BackupRequest{Cluster: "c", Database: "db", Label: "l", Repository: "repo"}, Timestamp: "2024-01-01-00-00-00-000"})
	requireFinal(t, err, job.LabelExists, "Snapshot with name 'l' already exist in repository")
}

func TestErrorWithoutANameIsRepeatedNotFinal(t *testing.T) {
	t.Parallel()
	var app *temporal.ApplicationError
	require.ErrorAs(t, explain(errors.New("odd")), &app)
	require.False(t, app.NonRetryable())
	require.NoError(t, explain(nil))
	require.ErrorIs(t, explain(context.Canceled), context.Canceled)
}

func TestCommitThatComesAfterTheReleaseNamesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10)
	b.prepare("l")
	plan := must[job.Plan](b, job.PinSnapshotActivity, job.StageInput{Ref: b.ref})
	b.upload(plan)
	must[job.Plan](b, job.CheckSnapshotActivity, job.CheckSnapshotInput{Ref: b.ref, Round: 1})
	must[job.SaveIndexOutput](b, job.SaveIndexActivity, job.StageInput{Ref: b.ref})
	d, err := b.a.open(t.Context(), b.ref)
	require.NoError(t, err)
	var m snapshot.Manifest
	require.NoError(t, d.read(t.Context(), manifestPage, &m))

	out := must[job.ReleaseOutput](b, job.ReleaseBackupActivity, job.ReleaseInput{Ref: b.ref, Admitted: true})
	require.False(t, out.Committed)
	require.Empty(t, b.keys("/data/"))
	require.Empty(t, b.keys("/index/"), "an index that nobody names is left over, too")
	// The attempt to commit had read its manifest before, and goes on now.
	require.Error(t, d.commit(t.Context(), m))
	require.Empty(t, b.keys("/snapshots/"))
}

func TestCancelThatComesAfterTheCommitChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10)
	b.prepare("l")
	b.upload(must[job.Plan](b, job.PinSnapshotActivity, job.StageInput{Ref: b.ref}))
	must[job.Plan](b, job.CheckSnapshotActivity, job.CheckSnapshotInput{Ref: b.ref, Round: 1})
	must[job.SaveIndexOutput](b, job.SaveIndexActivity, job.StageInput{Ref: b.ref})
	must[any](b, job.CommitManifestActivity, job.StageInput{Ref: b.ref}) // its answer is lost, and the job is cancelled
	out := must[job.ReleaseOutput](b, job.ReleaseBackupActivity, job.ReleaseInput{Ref: b.ref, Admitted: true})
	require.True(t, out.Committed, "the snapshot is there, so the job has succeeded")
	stamps, err := b.repo.Timestamps(t.Context(), "l")
	require.NoError(t, err)
	require.Len(t, stamps, 1)
	require.Empty(t, b.keys("/jobs/"))
}

func TestPartitionDroppedBeforeItIsReadDoesNotEndTheBackup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10, 20)
	b.prepare("l")
	plan := must[job.Plan](b, job.PinSnapshotActivity, job.StageInput{Ref: b.ref})
	b.cluster.drop("a", "p2")
	b.upload(plan)
	next := must[job.Plan](b, job.CheckSnapshotActivity, job.CheckSnapshotInput{Ref: b.ref, Round: 1})
	b.upload(next)
	must[job.Plan](b, job.CheckSnapshotActivity, job.CheckSnapshotInput{Ref: b.ref, Round: 2})
	m := b.commit("l")
	require.Equal(t, int64(10), m.Totals.Rows)
	require.Equal(t, int64(1), m.Totals.Partitions)
	require.Equal(t, snapshot.DatabaseLevel, m.Consistency.Level)
}

func TestMissingReceiptNeverPassesForFewerRows(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10, 20)
	b.prepare("l")
	plan := must[job.Plan](b, job.PinSnapshotActivity, job.StageInput{Ref: b.ref})
	b.upload(plan)
	b.remove(b.keys("/receipts/")[0])
	_, err := run[job.Plan](b, job.CheckSnapshotActivity, job.CheckSnapshotInput{Ref: b.ref, Round: 1})
	require.ErrorContains(t, err, "are missing")
}

func TestTwoJobsOfOneMinuteBuildUnderDifferentNames(t *testing.T) {
	t.Parallel()
	// Run ids are UUIDs of version 7: the first eight digits are a clock that moves once in 65 seconds.
	require.NotEqual(t, short("01a1fc07-7ad1-78d0-bfc0-f0e1abaff9e4"), short("01a1fc07-8091-70e6-af31-0de71a859ab7"))
}

func TestNamedPartitionsNeverPassForTheWholeTable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 10)
	m := b.backup("l", func(r *job.BackupRequest) { r.Objects = []job.Object{{Table: "a", Partitions: []string{"p1"}}} })
	require.False(t, m.Tables[0].Complete, "its restore would drop partitions that were added since")
}

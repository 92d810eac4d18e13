package activities

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// drop asks for a DROP SNAPSHOT as the statement does.
func (b *bench) drop(id, label string, change ...func(*job.DropRequest)) (job.Dropped, error) {
	b.t.Helper()
	in := job.DropInput{Job: id, Request: job.DropRequest{Cluster: "c", Repository: "repo", Label: label}}
	for _, c := range change {
		c(&in.Request)
	}
	return run[job.Dropped](b, job.DropSnapshotActivity, in)
}

func (b *bench) sweepDropped(id string) (job.Swept, error) {
	b.t.Helper()
	return run[job.Swept](b, job.SweepDroppedActivity, job.SweepInput{Job: id, Repository: "repo", RepositoryID: 7, Grace: b.a.DropGrace})
}

func TestDroppedSnapshotIsGoneAtOnceAndItsObjectsLater(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.a.DropGrace = time.Hour
	b.cluster.add("a", 10, 20)
	b.backup("old")
	b.cluster.write("a", "p2")
	b.next("job-2")
	kept := b.backup("kept")
	require.Len(t, b.keys("/data/"), 3)
	for range 2 { // the first answer may be lost
		out, err := b.drop("drop", "old")
		require.NoError(t, err)
		require.Equal(t, time.Hour, out.Grace)
	}
	require.Len(t, b.keys("/data/"), 3)
	rows := must[[]job.SnapshotRow](b, job.ListSnapshotsActivity, job.SnapshotsRequest{Repository: "repo"})
	require.Len(t, rows, 1)
	require.Equal(t, "kept", rows[0].Label)

	out, err := b.sweepDropped("drop")
	require.NoError(t, err)
	require.EqualValues(t, 2, out.Objects, "a partition that only the old one named, and its index")
	require.EqualValues(t, 1, out.Kept)
	findings, err := b.repo.Check(t.Context(), kept, true)
	require.NoError(t, err)
	require.Empty(t, findings)
	b.next("job-3")
	b.backup("old") // the label can be used again
}

func TestDropIsRefusedInTheNativeWords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 1)
	b.backup("l")
	_, err := b.drop("d", "other")
	requireFinal(t, err, job.SnapshotNotFound, "Snapshot does not exist in repository repo: other")
	_, err = b.drop("d", "l", func(r *job.DropRequest) { r.Repository = "nope" })
	requireFinal(t, err, job.UnknownRepository, "Repository does not exist: nope")

	b.next("job-2")
	b.prepare("new")
	_, err = b.drop("d", "new")
	requireFinal(t, err, job.SnapshotInUse, "Can not drop snapshot new: a backup is writing it")
	must[job.ReleaseOutput](b, job.ReleaseBackupActivity, job.ReleaseInput{Ref: b.ref})

	require.NoError(t, b.repo.WritePage(t.Context(), "job-3", headPage, restoreHead{Request: job.RestoreRequest{Cluster: "c", Database: "db", Label: "l"}}))
	_, err = b.drop("d", "l", func(r *job.DropRequest) { r.Force = true })
	requireFinal(t, err, job.SnapshotInUse, "Can not drop snapshot l: a restore is reading it")
	require.NoError(t, b.repo.DeleteJob(t.Context(), "job-3"))

	b.about.ReadOnly = true
	_, err = b.drop("d", "l")
	requireFinal(t, err, job.RepositoryReadOnly, "Repository repo is read only")
	b.about.ReadOnly = false

	b.cluster.id = "another"
	_, err = b.drop("d", "l")
	requireFinal(t, err, job.InvalidRequest, "Snapshot l in repository repo was created by cluster 1, and this cluster is another. Use DROP SNAPSHOT ... FORCE to drop it anyway")
	_, err = b.drop("d", "l", func(r *job.DropRequest) { r.Force = true })
	require.NoError(t, err)
	require.Empty(t, b.keys("/snapshots/"))
}

func TestDamagedSnapshotCanBeDroppedByForceOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 1)
	m := b.backup("l")
	b.put("snapshots/l/"+m.Timestamp+".json", "{")
	_, err := b.drop("d", "l")
	requireFinal(t, err, job.DamagedSnapshot, "damaged")
	out, err := b.drop("d", "l", func(r *job.DropRequest) { r.Force = true })
	require.NoError(t, err)
	require.Len(t, out.Notes, 1)
	require.Contains(t, out.Notes[0], "the objects that it named stay")
	require.Empty(t, b.keys("/snapshots/"))
	require.Len(t, b.keys("/data/"), 1)
}

func TestTimeToLiveEndsItsOwnSnapshotOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 1)
	m := b.backup("l", func(r *job.BackupRequest) { r.TTL = "1 SECOND" })
	require.True(t, m.Expires.Equal(m.Finished.Add(time.Second)))
	ends := func(r *job.DropRequest) { r.Timestamp, r.RepositoryID, r.Cluster = m.Timestamp, 7, "unreachable" }
	if time.Now().Before(m.Expires) {
		_, err := b.drop("early", "l", ends)
		require.ErrorContains(t, err, "is to be kept until")
		require.Contains(t, err.Error(), "retryable: true", "it comes back")
	}
	require.Eventually(t, func() bool { return time.Now().After(m.Expires) }, 5*time.Second, 10*time.Millisecond)
	b.next("job-2")
	require.NoError(t, b.repo.WritePage(t.Context(), "job-2", headPage, restoreHead{Request: job.RestoreRequest{Label: "l"}}))
	_, err := b.drop("drop", "l", ends)
	require.ErrorContains(t, err, "a restore is reading it")
	require.Contains(t, err.Error(), "retryable: true")
	require.NoError(t, b.repo.DeleteJob(t.Context(), "job-2"))
	out, err := b.drop("drop", "l", ends)
	require.NoError(t, err)
	require.Equal(t, []string{m.Timestamp}, out.Timestamps)
	require.Empty(t, b.keys("/snapshots/"))

	b.next("job-3") // the label was used again, and dropped by hand: neither is touched, nor is it an error
	again := b.backup("l", func(r *job.BackupRequest) { r.TTL = "1 YEAR" })
	out, err = b.drop("late", "l", ends)
	require.NoError(t, err)
	require.Empty(t, out.Timestamps)
	_, err = b.repo.Manifest(t.Context(), "l", again.Timestamp)
	require.NoError(t, err)
}

func TestTerminatedJobHoldsUpASweepUntilItIsProvenToBeOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 1)
	b.backup("l")
	_, err := b.drop("drop", "l")
	require.NoError(t, err)
	require.NoError(t, b.repo.WritePage(t.Context(), "dead", headPage, backupHead{Timestamp: "ts",
		Request: job.BackupRequest{Cluster: "c", Database: "db", Label: "x"}}))
	_, err = b.sweepDropped("drop")
	require.ErrorContains(t, err, job.RepositoryBusy)
	require.Len(t, b.keys("/data/"), 1)
	b.over = map[string]bool{"job/c/db dead": true}
	out, err := b.sweepDropped("drop")
	require.NoError(t, err)
	require.Empty(t, b.keys("/data/"))
	require.Equal(t, []string{"job dead was ended from outside; its pages stay under jobs/dead"}, out.Notes)
}

func TestTerminatedJobDoesNotKeepItsLabelForEver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 1)
	b.backup("l")
	require.NoError(t, b.repo.WritePage(t.Context(), "dead", headPage, restoreHead{Request: job.RestoreRequest{Cluster: "c", Database: "db", Label: "l"}}))
	force := func(r *job.DropRequest) { r.Force = true }
	_, err := b.drop("drop", "l", force)
	requireFinal(t, err, job.SnapshotInUse, "a restore is reading it")
	b.over = map[string]bool{"job/c/db dead": true}
	out, err := b.drop("drop", "l")
	require.NoError(t, err)
	require.Len(t, out.Timestamps, 1)
}

func TestListingTellsOfEverySnapshotAndOfEachFault(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cluster.add("a", 1)
	m := b.backup("l", func(r *job.BackupRequest) { r.TTL = "7 DAY" })
	list := func(labels ...string) []job.SnapshotRow {
		return must[[]job.SnapshotRow](b, job.ListSnapshotsActivity, job.SnapshotsRequest{Repository: "repo", Labels: labels})
	}
	stamps := []job.SnapshotStamp{{ClusterID: "1", Finished: m.Finished, TTL: "7 DAY", Expires: m.Expires}}
	require.Equal(t, []job.SnapshotRow{{Label: "l", Timestamp: m.Timestamp, Status: "OK", Database: "db", Stamps: stamps}}, list())
	require.Empty(t, list("other"))
	detail := must[[]job.SnapshotRow](b, job.ListSnapshotsActivity, job.SnapshotsRequest{Repository: "repo", Labels: []string{"l"}, Timestamp: m.Timestamp})
	require.Len(t, detail, 1)
	require.Equal(t, stamps, detail[0].Stamps)
	for _, key := range []string{`"name": "l"`, `"database": "db"`, `"backup_time": `, `"backup_objects": {`, `"backup_result": "succeed"`, `"cluster_id": "1"`, `"finish_time": `, `"ttl": "7 DAY"`, `"expire_time": `} {
		require.Contains(t, detail[0].Details, key)
	}
	for _, ts := range []string{"2018-04-18-19-19-10", "2018-04-18-19-19-10-000"} {
		row := must[[]job.SnapshotRow](b, job.ListSnapshotsActivity, job.SnapshotsRequest{Repository: "repo", Labels: []string{"l"}, Timestamp: ts})[0]
		require.Contains(t, row.Status, "Failed to get info: ")
		require.Empty(t, row.Details)
	}
	b.put("snapshots/l/"+snapshot.FormatTimestamp(time.Unix(0, 0))+".json", "{")
	require.Contains(t, list()[0].Status, "ERROR: ")
	require.Nil(t, list()[0].Stamps)
}

// What docs/statements.md promises of the cell Details.
func TestDetailsOfASnapshotHoldWhatIsDocumented(t *testing.T) {
	t.Parallel()
	b := newServer(t)
	b.cluster.add("a", 10, 20)
	b.cluster.add("odd", 1)
	b.server.lacking = []*cluster.TableError{{Table: "odd", Err: cluster.ErrUnsupported}}
	b.server.view(snapshot.View, "v", "a")
	m := b.backup("l", func(r *job.BackupRequest) { r.SkipUnsupported = true })
	row := must[[]job.SnapshotRow](b, job.ListSnapshotsActivity, job.SnapshotsRequest{Repository: "repo", Labels: []string{"l"}, Timestamp: m.Timestamp})[0]
	var d struct {
		Objects map[string]struct {
			Kind       string
			Model      string
			Rows       int64
			Bytes      int64 `json:"stored_bytes"`
			Complete   bool
			Partitions map[string]struct {
				Rows     int64
				Versions map[string]int64
			}
		} `json:"backup_objects"`
		Others      []string          `json:"other_objects"`
		Skipped     map[string]string `json:"skipped_tables"`
		Cluster     snapshot.Cluster
		Consistency snapshot.Consistency
		Totals      snapshot.Totals
		Format      int
	}
	require.NoError(t, json.Unmarshal([]byte(row.Details), &d))
	require.Len(t, d.Objects, 2)
	a, v := d.Objects["a"], d.Objects["v"]
	require.True(t, a.Complete)
	require.Positive(t, a.Bytes)
	require.EqualValues(t, 30, a.Rows)
	require.Len(t, a.Partitions, 2)
	require.EqualValues(t, 10, a.Partitions["p1"].Rows)
	require.Len(t, a.Partitions["p1"].Versions, 1)
	require.Equal(t, "view", v.Kind)
	require.Empty(t, v.Partitions, "as natively")
	require.Equal(t, []string{"view v"}, d.Others)
	require.Equal(t, map[string]string{"odd": cluster.ErrUnsupported.Error()}, d.Skipped)
	require.Equal(t, m.Consistency.Level, d.Consistency.Level)
	require.Equal(t, m.Totals, d.Totals)
	require.Equal(t, m.Cluster, d.Cluster)
	require.Equal(t, m.Format, d.Format)
}

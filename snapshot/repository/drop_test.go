package repository

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/snapshot"
	"starkeep/storage"
	"starkeep/storage/fault"
	"starkeep/storage/mem"
)

func nobodyIsOver(string) bool { return false }

// dropped is a repository with two snapshots that share an object, the older one of which is noted and gone.
func dropped(t *testing.T) (r *Repository, b *fault.Bucket, old, kept sample) {
	t.Helper()
	r, b = create(t)
	old, kept = newSample("j1", "only the old one", "both"), newSample("j2", "both", "only the new one")
	kept.manifest.Label = "kept"
	old.store(t, r)
	kept.store(t, r)
	drop(t, r, old.manifest)
	return r, b, old, kept
}

// requireAll wants n snapshots, each with all of its objects.
func requireAll(t testing.TB, r *Repository, n int) {
	t.Helper()
	all, err := r.Snapshots(t.Context())
	require.NoError(t, err)
	require.Len(t, all, n)
	for _, x := range all {
		require.NoError(t, x.Err)
		m, err := r.Manifest(t.Context(), x.Label, x.Timestamp)
		require.NoError(t, err)
		findings, err := r.Check(t.Context(), m, true)
		require.NoError(t, err)
		require.Empty(t, findings)
	}
}

func drop(t testing.TB, r *Repository, m snapshot.Manifest) {
	t.Helper()
	n, err := r.Note(t.Context(), "drop", m)
	require.NoError(t, err)
	require.Nil(t, n.Damage)
	require.NoError(t, r.DeleteManifest(t.Context(), m.Label, m.Timestamp))
}

func TestDroppedSnapshotTakesOnlyWhatNobodyElseNames(t *testing.T) {
	t.Parallel()
	r, b, old, kept := dropped(t)
	require.Len(t, listKeys(t, b, "data/"), 3, "nothing is deleted with the manifest")
	done, err := r.Reclaim(t.Context(), "drop", nobodyIsOver)
	require.NoError(t, err)
	index := old.manifest.Tables[0].Index
	require.Equal(t, Reclaimed{Objects: 2, Bytes: index.Size + int64(len("only the old one")), Kept: 1}, done)
	require.ElementsMatch(t, []string{kept.entries[0].Objects[0].Key, kept.entries[1].Objects[0].Key}, listKeys(t, b, "data/"))
	require.Equal(t, []string{kept.manifest.Tables[0].Index.Key}, listKeys(t, b, "index/"))
	for _, folder := range []string{"dropped/", "locks/", "jobs/"} {
		require.Empty(t, listKeys(t, b, folder))
	}
	requireAll(t, r, 1)
	done, err = r.Reclaim(t.Context(), "drop", nobodyIsOver)
	require.NoError(t, err)
	require.Zero(t, done, "a repeat finds nothing to do")
}

func TestDroppedObjectThatABackupUsesAgainStays(t *testing.T) {
	t.Parallel()
	r, b, old, _ := dropped(t)
	again := old
	again.manifest.Label = "again"
	again.store(t, r)
	done, err := r.Reclaim(t.Context(), "drop", nobodyIsOver)
	require.NoError(t, err)
	require.Zero(t, done.Objects)
	require.Len(t, listKeys(t, b, "data/"), 3)
	requireAll(t, r, 2)
}

func TestNothingIsReclaimedWhileAJobIsAtWork(t *testing.T) {
	t.Parallel()
	r, b, _, _ := dropped(t)
	// A restore does not register: it only has pages.
	require.NoError(t, r.WritePage(t.Context(), "restore", "head", 1))
	_, err := r.Reclaim(t.Context(), "drop", nobodyIsOver)
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, "restore")
	require.Len(t, listKeys(t, b, "data/"), 3)
	require.Empty(t, listKeys(t, b, "locks/"))
	_, err = r.Reclaim(t.Context(), "drop", func(job string) bool { return job == "restore" })
	require.NoError(t, err, "it was terminated, and is proven to be over")
	require.Len(t, listKeys(t, b, "data/"), 2)
}

// TestBackupThatBeginsDuringAReclaimLosesNothing makes a backup at every call that a reclaim makes of the store. It relies
// on an object of the dropped snapshot as soon as it may: what its manifest names has to be there afterwards.
func TestBackupThatBeginsDuringAReclaimLosesNothing(t *testing.T) {
	t.Parallel()
	var waited, kept bool
	for nth := 1; ; nth++ {
		mem.Drop(t.Name())
		r, b, old, _ := dropped(t)
		other, err := Open(t.Context(), b.Bucket, testName)
		require.NoError(t, err)
		again := old
		again.manifest.Label = "again"
		begin := &interrupt{Bucket: b.Bucket, nth: nth}
		var registered error
		begin.call = func() {
			if registered = other.Register(t.Context(), "backup"); registered == nil {
				again.store(t, other)
			}
		}
		r.bucket = begin
		done, err := r.Reclaim(t.Context(), "drop", nobodyIsOver)
		if begin.nth > 0 {
			require.True(t, waited && kept, "both outcomes were met")
			return
		}
		if err != nil {
			require.ErrorIs(t, err, ErrBusy, "call %d", nth)
		}
		if registered != nil { // it was told to wait, and comes back
			require.ErrorIs(t, registered, ErrBusy, "call %d", nth)
			require.NoError(t, other.Register(t.Context(), "backup"))
			again.store(t, other)
			waited = true
		}
		requireAll(t, r, 2)
		require.NoError(t, r.DeleteJob(t.Context(), "backup"))
		if err != nil {
			done, err = r.Reclaim(t.Context(), "drop", nobodyIsOver)
			require.NoError(t, err)
			require.Zero(t, done.Objects, "call %d", nth)
			kept = true
		}
		requireAll(t, r, 2)
	}
}

func TestKilledDropLeavesWholeSnapshotsOrNone(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		mem.Drop(t.Name())
		r, b := create(t)
		old, other := newSample("j1", "a", "b"), newSample("j2", "b", "c")
		other.manifest.Label = "other"
		old.store(t, r)
		other.store(t, r)
		b.Set(fault.Fault{Nth: n})
		err := func() error {
			if _, err := r.Note(t.Context(), "drop", old.manifest); err != nil {
				return err
			}
			if err := r.DeleteManifest(t.Context(), "nightly", old.manifest.Timestamp); err != nil {
				return err
			}
			_, err := r.Reclaim(t.Context(), "drop", nobodyIsOver)
			return err
		}()
		if err == nil {
			require.Greater(t, n, 10)
			return
		}
		b.Set()
		if _, err := r.Manifest(t.Context(), "nightly", old.manifest.Timestamp); err == nil {
			requireAll(t, r, 2)
			drop(t, r, old.manifest)
		}
		_, err = r.Reclaim(t.Context(), "drop", nobodyIsOver)
		require.NoError(t, err, "a repeat ends it")
		require.Len(t, listKeys(t, b, "data/"), 2, "killed at call %d", n)
		requireAll(t, r, 1)
	}
}

func TestUnreadableSnapshotKeepsEverything(t *testing.T) {
	t.Parallel()
	r, b, _, kept := dropped(t)
	key := prefix(testName) + manifestKey("kept", kept.manifest.Timestamp)
	require.NoError(t, b.Put(t.Context(), key, storage.BytesBody([]byte("{")), storage.PutOptions{}))
	_, err := r.Reclaim(t.Context(), "drop", nobodyIsOver)
	var damage *DamageError
	require.ErrorAs(t, err, &damage)
	require.Len(t, listKeys(t, b, "data/"), 3)
}

func TestDroppingADamagedSnapshotTellsWhatStays(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	s := newSample("j1", "rows")
	s.store(t, r)
	require.NoError(t, b.Delete(t.Context(), prefix(testName)+s.manifest.Tables[0].Index.Key))
	n, err := r.Note(t.Context(), "drop", s.manifest)
	require.NoError(t, err)
	require.NotNil(t, n.Damage)
	require.EqualValues(t, 1, n.Objects, "the lost index object; which rows it named nobody knows")
}

func TestManyObjectsAreReclaimedInSeveralSweeps(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	var contents []string
	for i := range 2*refsPerSweep + 1 {
		contents = append(contents, fmt.Sprint("object ", i))
	}
	s := newSample("j1", contents...)
	s.store(t, r)
	drop(t, r, s.manifest)
	done, err := r.Reclaim(t.Context(), "drop", nobodyIsOver)
	require.NoError(t, err)
	require.EqualValues(t, len(contents)+1, done.Objects)
	require.Equal(t, []string{aboutKey}, listKeys(t, b, ""))
}

// TestSweepsThatMetDoNotBlockOneAnotherForEver: each found the lock of the other one, or of a third.
func TestSweepsThatMetDoNotBlockOneAnotherForEver(t *testing.T) {
	t.Parallel()
	r, b, _, kept := dropped(t)
	n, err := r.Note(t.Context(), "second", kept.manifest)
	require.NoError(t, err)
	require.Nil(t, n.Damage)
	require.NoError(t, r.DeleteManifest(t.Context(), kept.manifest.Label, kept.manifest.Timestamp))
	third := mark{Job: "third", Nonce: "n"}
	require.NoError(t, r.lock(t.Context(), third))
	for _, drop := range []string{"drop", "second"} {
		_, err := r.Reclaim(t.Context(), drop, nobodyIsOver)
		require.ErrorIs(t, err, ErrBusy)
	}
	require.NoError(t, r.unlock(t.Context(), third))
	for _, drop := range []string{"drop", "second"} {
		_, err := r.Reclaim(t.Context(), drop, nobodyIsOver)
		require.NoError(t, err)
	}
	require.Equal(t, []string{aboutKey}, listKeys(t, b, ""))
}

// TestDropThatNeverCameToItsSweepIsSweptByTheNextOne: its last attempt failed between the manifests, or it was terminated.
func TestDropThatNeverCameToItsSweepIsSweptByTheNextOne(t *testing.T) {
	t.Parallel()
	r, b, _, kept := dropped(t) // "drop" ends here
	third := newSample("j3", "rows of the third")
	third.manifest.Label = "third"
	third.store(t, r)
	_, err := r.Note(t.Context(), "at-work", third.manifest) // its manifest is still there
	require.NoError(t, err)
	_, err = r.Note(t.Context(), "next", kept.manifest)
	require.NoError(t, err)
	require.NoError(t, r.DeleteManifest(t.Context(), "kept", kept.manifest.Timestamp))
	later := newSample("j4", "rows of a later one")
	later.manifest.Label = "later"
	later.store(t, r)
	r.bucket = younger{b, "dropped/younger/"}
	_, err = r.Note(t.Context(), "younger", later.manifest)
	require.NoError(t, err)
	require.NoError(t, r.DeleteManifest(t.Context(), "later", later.manifest.Timestamp))

	done, err := r.Reclaim(t.Context(), "next", nobodyIsOver)
	require.NoError(t, err)
	require.EqualValues(t, 5, done.Objects, "three data objects and two indexes")
	require.ElementsMatch(t, []string{third.entries[0].Objects[0].Key, later.entries[0].Objects[0].Key}, listKeys(t, b, "data/"))
	require.Len(t, listKeys(t, b, "dropped/at-work/"), 1)
	require.Len(t, listKeys(t, b, "dropped/younger/"), 1, "its time of grace is not over")
	require.Len(t, listKeys(t, b, "dropped/"), 2)
}

// younger is a store that wrote what is under a folder an hour later.
type younger struct {
	*fault.Bucket
	folder string
}

func (y younger) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	return y.Bucket.List(ctx, prefix, func(i storage.Info) error {
		if strings.Contains(i.Key, y.folder) {
			i.Modified = i.Modified.Add(time.Hour)
		}
		return fn(i)
	})
}

// TestRepeatedDropOfASnapshotWithoutObjectsIsKnown: one of the cluster's own objects names none.
func TestRepeatedDropOfASnapshotWithoutObjectsIsKnown(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	m := newSample("j1", "rows").manifest
	m.Tables = nil
	_, err := r.Note(t.Context(), "drop", m)
	require.NoError(t, err)
	known, err := r.Dropped(t.Context(), "drop")
	require.NoError(t, err)
	require.True(t, known)
	_, err = r.Reclaim(t.Context(), "drop", nobodyIsOver)
	require.NoError(t, err)
	require.Equal(t, []string{aboutKey}, listKeys(t, b, ""))
}

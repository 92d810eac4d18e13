package repository

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/snapshot"
	"starkeep/storage"
	"starkeep/storage/fault"
)

type plan struct {
	Units []string `json:"units"`
}

func TestFirstOfTwoAttemptsSettlesAPage(t *testing.T) {
	t.Parallel()
	r, _ := create(t)
	ctx := t.Context()
	require.NoError(t, r.CreatePage(ctx, "j1", "plans/r1/000001", plan{[]string{"a"}}))
	require.ErrorIs(t, r.CreatePage(ctx, "j1", "plans/r1/000001", plan{[]string{"b"}}), ErrExists)
	var got plan
	require.NoError(t, r.ReadPage(ctx, "j1", "plans/r1/000001", &got))
	require.Equal(t, plan{[]string{"a"}}, got)
	require.NoError(t, r.WritePage(ctx, "j1", "plans/r1/000001", plan{[]string{"c"}}))
	got = plan{}
	require.NoError(t, r.ReadPage(ctx, "j1", "plans/r1/000001", &got))
	require.Equal(t, plan{[]string{"c"}}, got)
	require.ErrorIs(t, r.ReadPage(ctx, "j1", "plans/r1/000002", &got), ErrNotFound)
	require.ErrorIs(t, r.ReadPage(ctx, "j2", "plans/r1/000001", &got), ErrNotFound)

	large := plan{[]string{strings.Repeat("large ", 1<<20)}}
	require.NoError(t, r.WritePage(ctx, "j1", "large", large))
	require.NoError(t, r.ReadPage(ctx, "j1", "large", &got))
	require.Equal(t, large, got)
	require.Error(t, r.WritePage(ctx, "j1", "bad", func() {}))
}

func TestPagesOfOtherJobsAreNotListedOrDeleted(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	ctx := t.Context()
	for _, job := range []string{"j1", "j10", "j2"} {
		require.NoError(t, r.Register(ctx, job))
		for i := range 3 {
			require.NoError(t, r.WritePage(ctx, job, fmt.Sprintf("receipts/r1/%d", i), i))
		}
		require.NoError(t, r.WritePage(ctx, job, "receipts/r10/0", 0))
	}
	var names []string
	list := func(name string) error {
		names = append(names, name)
		return nil
	}
	require.NoError(t, r.ListPages(ctx, "j1", "receipts/r1/", list))
	require.Equal(t, []string{"receipts/r1/0", "receipts/r1/1", "receipts/r1/2"}, names)
	names = nil
	require.NoError(t, r.ListPages(ctx, "j3", "", list))
	require.Empty(t, names)

	require.NoError(t, r.DeletePages(ctx, "j2", "receipts/r1/"))
	require.NoError(t, r.DeletePages(ctx, "j2", "receipts/r1/"), "none is no error")
	require.Error(t, r.DeletePages(ctx, "../j1", ""))
	require.Len(t, listKeys(t, b, "jobs/j2/"), 2, "all but the receipts")

	// Killed in the middle, a job that is deleted is still known; a repeat ends it.
	b.Set(fault.Fault{Method: fault.Delete, Nth: 3})
	require.ErrorIs(t, r.DeleteJob(ctx, "j1"), fault.ErrInjected)
	require.Contains(t, listKeys(t, b, "jobs/j1/"), registrationKey("j1"))
	require.NoError(t, r.DeleteJob(ctx, "j1"))
	require.NoError(t, r.DeleteJob(ctx, "j1"))
	require.Empty(t, listKeys(t, b, "jobs/j1/"))
	require.Len(t, listKeys(t, b, "jobs/j10/"), 5)
	require.Len(t, listKeys(t, b, "jobs/j2/"), 2)
}

func TestDamagedPageSaysWhatToDo(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	key := prefix(testName) + "jobs/j1/head" + pageSuffix
	for _, data := range []string{"", "not zstd", string(compress([]byte("not JSON"))), string(compress([]byte(`{"units":1}`)))} {
		require.NoError(t, b.Put(t.Context(), key, storage.BytesBody([]byte(data)), storage.PutOptions{}))
		err := r.ReadPage(t.Context(), "j1", "head", &plan{})
		var damage *DamageError
		require.ErrorAs(t, err, &damage, "%q", data)
		require.Equal(t, key, damage.Key)
		require.Contains(t, err.Error(), "cancel the job")
	}
}

// sweeper is a repository with the objects that an unfinished job "mine" has put.
func sweeper(t *testing.T) (r *Repository, b *fault.Bucket, created time.Time, mine map[string]snapshot.ObjectRef) {
	t.Helper()
	r, b = create(t)
	created = time.Now()
	require.NoError(t, r.Register(t.Context(), "mine"))
	mine = map[string]snapshot.ObjectRef{}
	for _, content := range []string{"one", "two", "three"} {
		ref := putData(t, r, content)
		mine[ref.Key] = ref
	}
	return r, b, created, mine
}

func TestSweepRemovesWhatNoSnapshotNames(t *testing.T) {
	t.Parallel()
	r, b, created, mine := sweeper(t)
	foreign := putData(t, r, "of an older snapshot")
	s := newSample("mine", "two")
	s.store(t, r)
	require.NoError(t, r.Sweep(t.Context(), "mine", created, mine))
	require.ElementsMatch(t, []string{foreign.Key, s.entries[0].Objects[0].Key}, listKeys(t, b, "data/"))
	require.Empty(t, listKeys(t, b, "locks/"))
	require.NoError(t, r.Sweep(t.Context(), "mine", created, mine), "a repeat is harmless")
	requireWhole(t, r, true)
}

func TestSweepDoesNotDeleteUnderTheFeetOfAnotherJob(t *testing.T) {
	t.Parallel()
	r, b, created, mine := sweeper(t)
	require.NoError(t, r.Register(t.Context(), "other"))
	require.ErrorIs(t, r.Sweep(t.Context(), "mine", created, mine), ErrBusy)
	require.Len(t, listKeys(t, b, "data/"), 3)
	require.Empty(t, listKeys(t, b, "locks/"))
	require.NoError(t, r.DeleteJob(t.Context(), "other"))
	require.NoError(t, r.Sweep(t.Context(), "mine", created, mine))
	require.Empty(t, listKeys(t, b, "data/"))
}

// TestJobThatBeginsDuringASweepWaits begins a job at every call that a sweep makes of the store: either the sweep has
// deleted nothing, or the job was told to wait.
func TestJobThatBeginsDuringASweepWaits(t *testing.T) {
	t.Parallel()
	var deleted, waited bool
	for nth := 1; ; nth++ {
		r, b, created, mine := sweeper(t)
		other, err := Open(t.Context(), b.Bucket, testName)
		require.NoError(t, err)
		begin := &interrupt{Bucket: b.Bucket, nth: nth}
		var registered error
		begin.call = func() { registered = other.Register(t.Context(), "other") }
		r.bucket = begin
		swept := r.Sweep(t.Context(), "mine", created, mine)
		left := len(listKeys(t, b, "data/"))
		if begin.nth > 0 {
			require.NoError(t, swept)
			require.True(t, deleted && waited, "both outcomes were met")
			return
		}
		if registered == nil {
			require.Equal(t, begin.before, left, "call %d: the job may rely on what it found, and then it was deleted", nth)
		} else {
			require.ErrorIs(t, registered, ErrBusy, "call %d", nth)
			waited = true
		}
		if swept != nil {
			require.ErrorIs(t, swept, ErrBusy, "call %d", nth)
		} else {
			deleted = true
		}
		require.Empty(t, listKeys(t, b, "locks/"))
		require.NoError(t, other.Register(t.Context(), "other"), "afterwards it can begin")
		require.NoError(t, r.DeleteJob(t.Context(), "other"))
		require.NoError(t, r.DeleteJob(t.Context(), "mine"))
		for key := range mine {
			require.NoError(t, b.Delete(t.Context(), prefix(testName)+key))
		}
	}
}

func TestDeadSweepersLockExpires(t *testing.T) {
	t.Parallel()
	r, b, created, mine := sweeper(t)
	require.NoError(t, b.Put(t.Context(), prefix(testName)+sweepLock, storage.BytesBody(encode(mark{Job: "dead", Nonce: "n"})), storage.PutOptions{}))
	err := r.Register(t.Context(), "mine")
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorIs(t, r.Sweep(t.Context(), "mine", created, mine), ErrBusy)
	require.Len(t, listKeys(t, b, "data/"), 3)

	r.bucket = aged{b, sweepLock}
	require.NoError(t, r.Register(t.Context(), "mine"))
	require.NoError(t, r.Sweep(t.Context(), "mine", created, mine))
	require.Empty(t, listKeys(t, b, "data/"))
	require.Empty(t, listKeys(t, b, "locks/"))
}

func TestRepeatedSweepTakesOverItsOwnLock(t *testing.T) {
	t.Parallel()
	r, b, created, mine := sweeper(t)
	b.Set(fault.Fault{Method: fault.Delete, Key: "/data/"}, fault.Fault{Method: fault.Get, Key: sweepLock, Nth: 4, Times: fault.Forever})
	require.Error(t, r.Sweep(t.Context(), "mine", created, mine))
	b.Set()
	require.NoError(t, r.Sweep(t.Context(), "mine", created, mine))
	require.Empty(t, listKeys(t, b, "data/"))
	require.Empty(t, listKeys(t, b, "locks/"))
}

func TestUnreadableSnapshotStopsASweep(t *testing.T) {
	t.Parallel()
	r, b, created, mine := sweeper(t)
	key := prefix(testName) + manifestKey("x", "2026-11-21-01-02-03-004")
	require.NoError(t, b.Put(t.Context(), key, storage.BytesBody([]byte("{")), storage.PutOptions{}))
	var damage *DamageError
	require.ErrorAs(t, r.Sweep(t.Context(), "mine", created, mine), &damage)
	require.Len(t, listKeys(t, b, "data/"), 3, "it may name any of them")
}

package repository

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/snapshot"
	"starkeep/snapshot/dataobject"
	"starkeep/storage"
	"starkeep/storage/fault"
	"starkeep/storage/mem"
	"starkeep/storage/readonly"
)

const testName = "repo"

// place returns an empty place in memory, wrapped so that faults can be set.
func place(t testing.TB) *fault.Bucket {
	t.Helper()
	b, err := mem.Open(t.Name(), true)
	require.NoError(t, err)
	t.Cleanup(func() { mem.Drop(t.Name()) })
	return fault.New(b)
}

func create(t testing.TB) (*Repository, *fault.Bucket) {
	t.Helper()
	b := place(t)
	r, err := Create(t.Context(), b, testName)
	require.NoError(t, err)
	b.TakeCalls()
	return r, b
}

// spoolFile writes a spool file and returns the reference of its content.
func spoolFile(t testing.TB, content string) (string, snapshot.ObjectRef) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spool")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path, DataRef(sha256.Sum256([]byte(content)), int64(len(content)))
}

func putData(t testing.TB, r *Repository, content string) snapshot.ObjectRef {
	t.Helper()
	path, ref := spoolFile(t, content)
	_, err := r.PutData(t.Context(), path, ref, false)
	require.NoError(t, err)
	return ref
}

func listKeys(t testing.TB, b storage.Reader, below string) (keys []string) {
	t.Helper()
	require.NoError(t, b.List(t.Context(), prefix(testName)+below, func(i storage.Info) error {
		keys = append(keys, i.Key[len(prefix(testName)):])
		return nil
	}))
	return keys
}

// sample is a small snapshot of two tables with one data object a partition.
type sample struct {
	contents []string
	entries  []snapshot.PartitionEntry
	manifest snapshot.Manifest
}

func newSample(job string, contents ...string) sample {
	at := time.Date(2026, 11, 21, 1, 2, 3, 4e6, time.UTC)
	s := sample{contents: contents, manifest: snapshot.Manifest{
		Format: snapshot.FirstFormat, Label: "nightly", Timestamp: snapshot.FormatTimestamp(at), Database: "ssb",
		Cluster: snapshot.Cluster{Name: "prod", Kind: "starrocks", ID: "c1", Version: "4.0.1"}, Job: job,
		Statement: "BACKUP DATABASE `ssb` SNAPSHOT `nightly` TO `repo`", Created: at, Finished: at.Add(time.Minute), Complete: true,
		Consistency: snapshot.Consistency{Level: snapshot.DatabaseLevel, Rounds: 1, From: at, To: at.Add(time.Second)},
	}}
	for i, c := range contents {
		ref := DataRef(sha256.Sum256([]byte(c)), int64(len(c)))
		table := fmt.Sprintf("t%d", i)
		s.entries = append(s.entries, snapshot.PartitionEntry{
			Table: table, TableID: int64(100 + i), Schema: "f", Rows: 3,
			Partition: snapshot.Partition{Name: "p<1>", Values: `VALUES [("1"), ("5"))`, Physical: []snapshot.PhysicalPartition{{ID: 7, Version: 2, Rows: 3, Bytes: 30, Tablets: []int64{11, 12}}}},
			Objects:   []snapshot.DataObject{{ObjectRef: ref, Rows: 3, Tablets: []int64{11, 12}}},
		})
		totals := snapshot.Totals{Partitions: 1, Tablets: 2, Rows: 3, Objects: 1, StoredBytes: ref.Size}
		s.manifest.Tables = append(s.manifest.Tables, snapshot.TableEntry{
			Table: snapshot.Table{Name: table, ID: int64(100 + i), Model: "DUPLICATE", DDL: "CREATE TABLE `" + table + "` (`k` int)\nCOMMENT \"a < b & c\"", Partitioning: snapshot.RangePartitioning,
				Columns: []snapshot.Column{{Name: "k", Type: snapshot.Type{Kind: snapshot.Int32}, Source: "int(11)", Key: true}}},
			Complete: true, Totals: totals,
		})
		s.manifest.Totals.Add(totals)
		s.manifest.Totals.Tables++
	}
	return s
}

// write stores the sample in the order of a backup, each step as an activity would.
func (s *sample) write(ctx context.Context, dir string, r *Repository) error {
	for i, c := range s.contents {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, []byte(c), 0o600); err != nil {
			return err
		}
		if _, err := r.PutData(ctx, path, s.entries[i].Objects[0].ObjectRef, false); err != nil {
			return err
		}
	}
	ref, err := r.WriteIndex(ctx, s.entries, nil)
	if err != nil {
		return err
	}
	for i := range s.manifest.Tables {
		s.manifest.Tables[i].Index = ref
	}
	return r.WriteManifest(ctx, s.manifest)
}

func (s *sample) store(t testing.TB, r *Repository) {
	t.Helper()
	require.NoError(t, s.write(t.Context(), t.TempDir(), r))
}

func TestCreateTwiceIsTheSameRepository(t *testing.T) {
	t.Parallel()
	b := place(t)
	var mu sync.Mutex
	ids := map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r, err := Create(context.Background(), b, testName)
			if err != nil {
				t.Errorf("create: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[r.About().ID] = true
		})
	}
	wg.Wait()
	require.Len(t, ids, 1)
	require.Equal(t, []string{aboutKey}, listKeys(t, b, ""), "probes are removed")
	r, err := Open(t.Context(), b, testName)
	require.NoError(t, err)
	require.True(t, ids[r.About().ID])
	require.Equal(t, testName, r.About().Name)
	require.Equal(t, 1, r.About().Format)
	require.WithinDuration(t, time.Now(), r.About().Created, time.Minute)
}

func TestReadOnlyRepositoryIsNeverWritten(t *testing.T) {
	t.Parallel()
	b := place(t)
	_, err := Create(t.Context(), readonly.New(b), testName)
	require.ErrorIs(t, err, ErrNotFound)
	require.EqualError(t, err, "open repository repo: not found in the repository: there is no __starkeep_repository_repo/repository.json; is the location the one it was created with?")
	require.Empty(t, listKeys(t, b, ""))

	first, err := Create(t.Context(), b, testName)
	require.NoError(t, err)
	b.TakeCalls()
	r, err := Create(t.Context(), readonly.New(b), testName)
	require.NoError(t, err)
	require.Equal(t, first.About(), r.About())
	for _, c := range b.TakeCalls() {
		require.NotContains(t, []fault.Method{fault.Put, fault.Delete}, c.Method, c.Key)
	}
	require.ErrorIs(t, r.WritePage(t.Context(), "j1", "p", 1), storage.ErrReadOnly)
}

func TestLocationThatCannotHoldARepositoryIsRefused(t *testing.T) {
	t.Parallel()
	for _, m := range []fault.Method{fault.Put, fault.Get, fault.List, fault.Delete} {
		b := place(t)
		b.Set(fault.Fault{Method: m, Key: "probe", Err: storage.ErrDenied})
		_, err := Create(t.Context(), b, testName)
		require.ErrorIs(t, err, storage.ErrDenied, m)
		require.ErrorContains(t, err, "prove that the location can hold a repository")
		_, err = Open(t.Context(), b, testName)
		require.ErrorIs(t, err, ErrNotFound, "nothing was created")
	}
}

func TestNamesFromUsersNeverBecomeOtherPaths(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	ctx := t.Context()
	for _, name := range []string{"", "..", "../x", "a/b", "a b", "a\x00", "'; --"} {
		_, err := Open(ctx, b, name)
		require.ErrorIs(t, err, ErrInvalidName, name)
		_, err = Create(ctx, b, name)
		require.ErrorIs(t, err, ErrInvalidName, name)
		_, err = r.Timestamps(ctx, name)
		require.ErrorIs(t, err, ErrInvalidName, name)
		_, err = r.Manifest(ctx, name, "2026-11-21-01-02-03-004")
		require.ErrorIs(t, err, ErrInvalidName, name)
		_, err = r.Manifest(ctx, "nightly", name)
		require.ErrorIs(t, err, ErrInvalidName, name)
		require.ErrorIs(t, r.DeleteJob(ctx, name), ErrInvalidName, name)
		require.ErrorIs(t, r.ListPages(ctx, name, "", nil), ErrInvalidName, name)
		require.ErrorIs(t, r.WritePage(ctx, name, "p", 1), ErrInvalidName, name)
		_, err = r.HasData(ctx, snapshot.ObjectRef{Key: name})
		require.ErrorIs(t, err, ErrInvalidName, name)
		_, err = r.FetchData(ctx, snapshot.ObjectRef{Key: name}, t.TempDir())
		require.ErrorIs(t, err, ErrInvalidName, name)
		require.ErrorIs(t, r.ReadIndex(ctx, snapshot.ObjectRef{Key: name}, nil), ErrInvalidName, name)
	}
	for _, page := range []string{"../x", "a/../b", "a\x00", "/a", ""} {
		if page != "" { // ".json.zst" alone is a fine name
			require.ErrorIs(t, r.WritePage(ctx, "j1", page, 1), ErrInvalidName, page)
		}
	}
	_, ref := spoolFile(t, "x")
	wrongFolder := snapshot.ObjectRef{Key: "data/ff" + ref.Key[len("data/ff"):], Size: 1}
	_, err := r.HasData(ctx, wrongFolder)
	require.ErrorIs(t, err, ErrInvalidName)
	require.Empty(t, b.TakeCalls(), "no such name reaches the store")
}

func TestEqualContentIsStoredOnce(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	path, ref := spoolFile(t, "rows")
	ok, err := r.HasData(t.Context(), ref)
	require.NoError(t, err)
	require.False(t, ok)
	stored, err := r.PutData(t.Context(), path, ref, false)
	require.NoError(t, err)
	require.True(t, stored)
	b.TakeCalls()
	stored, err = r.PutData(t.Context(), path, ref, false)
	require.NoError(t, err)
	require.False(t, stored)
	require.Equal(t, []fault.Call{{Method: fault.Stat, Key: prefix(testName) + ref.Key}}, b.TakeCalls(), "not sent again")
	ok, err = r.HasData(t.Context(), ref)
	require.NoError(t, err)
	require.True(t, ok)
}

func TestSpoolFileThatChangedIsNeverStored(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	path, ref := spoolFile(t, "rows")
	require.NoError(t, os.WriteFile(path, []byte("ROWS"), 0o600))
	_, err := r.PutData(t.Context(), path, ref, false)
	require.ErrorIs(t, err, storage.ErrBody)
	require.Empty(t, listKeys(t, b, "data/"))
}

func TestCutObjectIsMendedByTheNextPut(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	path, ref := spoolFile(t, "rows")
	require.NoError(t, b.Put(t.Context(), prefix(testName)+ref.Key, storage.BytesBody([]byte("ro")), storage.PutOptions{}))
	ok, err := r.HasData(t.Context(), ref)
	require.NoError(t, err)
	require.False(t, ok)
	stored, err := r.PutData(t.Context(), path, ref, false)
	require.NoError(t, err)
	require.True(t, stored)
	got, err := r.FetchData(t.Context(), ref, t.TempDir())
	require.NoError(t, err)
	data, err := os.ReadFile(got)
	require.NoError(t, err)
	require.Equal(t, "rows", string(data))
}

func TestObjectKnownToBeMissingIsSentWithoutAnotherLook(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	path, ref := spoolFile(t, "rows")
	b.TakeCalls()
	stored, err := r.PutData(t.Context(), path, ref, true)
	require.NoError(t, err)
	require.True(t, stored)
	require.Equal(t, []fault.Call{{Method: fault.Put, Key: prefix(testName) + ref.Key}}, b.TakeCalls())
	stored, err = r.PutData(t.Context(), path, ref, true) // somebody else was faster
	require.NoError(t, err)
	require.False(t, stored)
}

func TestLargeObjectComesInRangesAndIsStillVerified(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	text := strings.Repeat("0123456789abcdef", 3*rangeBytes/16) + "tail"
	ref := putData(t, r, text)
	b.TakeCalls()
	got, err := r.FetchData(t.Context(), ref, t.TempDir())
	require.NoError(t, err)
	data, err := os.ReadFile(got)
	require.NoError(t, err)
	require.True(t, text == string(data))
	gets := 0
	for _, c := range b.TakeCalls() {
		if c.Method == fault.Get {
			gets++
		}
	}
	require.Equal(t, 4, gets)

	rotten := "X" + text[1:]
	require.NoError(t, b.Put(t.Context(), prefix(testName)+ref.Key, storage.BytesBody([]byte(rotten)), storage.PutOptions{}))
	dir := t.TempDir()
	_, err = r.FetchData(t.Context(), ref, dir)
	var damage *DamageError
	require.ErrorAs(t, err, &damage)
	require.Contains(t, damage.Reason, "its bytes changed")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestPutRacesAndLostAnswersAreHarmless(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	path, ref := spoolFile(t, "rows")
	b.Set(fault.Fault{Method: fault.Put, After: true})
	_, err := r.PutData(t.Context(), path, ref, false)
	require.ErrorIs(t, err, fault.ErrInjected)
	b.Set(fault.Fault{Method: fault.Stat, Err: storage.ErrNotExist}) // looked before the other writer was done
	stored, err := r.PutData(t.Context(), path, ref, false)
	require.NoError(t, err)
	require.False(t, stored)
}

func TestFetchLeavesNothingOfAFailure(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	ref := putData(t, r, "some rows")
	dir := t.TempDir()
	b.Set(fault.Fault{Method: fault.Get, Cut: 3})
	_, err := r.FetchData(t.Context(), ref, dir)
	require.ErrorIs(t, err, fault.ErrInjected)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = r.FetchData(ctx, ref, dir)
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)

	one, err := r.FetchData(t.Context(), ref, dir)
	require.NoError(t, err)
	two, err := r.FetchData(t.Context(), ref, dir)
	require.NoError(t, err)
	require.NotEqual(t, one, two, "two loads may need the same object at once")

	_, err = r.FetchData(t.Context(), ref, filepath.Join(dir, "none"))
	require.ErrorContains(t, err, "write to spool folder")
}

func TestFullSpoolIsNotAFullStore(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("the system has no /dev/full")
	}
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	_, err = (&spool{f, "/spool"}).Write([]byte("x"))
	require.ErrorIs(t, err, dataobject.ErrSpoolFull)
	require.NotErrorIs(t, err, storage.ErrNoSpace)
}

// mending calls mend after the first Get: what was read wrong is right the second time.
type mending struct {
	storage.Bucket
	mend func()
}

func (m *mending) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	body, err := m.Bucket.Get(ctx, key, r)
	m.mend()
	return body, err
}

func TestWrongBytesOnTheWayAreReadAgain(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	ref := putData(t, r, "some rows")
	key := prefix(testName) + ref.Key
	right := storage.BytesBody([]byte("some rows"))
	require.NoError(t, b.Put(t.Context(), key, storage.BytesBody([]byte("some r0ws")), storage.PutOptions{}))
	r.bucket = &mending{b, func() { require.NoError(t, b.Put(t.Context(), key, right, storage.PutOptions{})) }}
	_, err := r.FetchData(t.Context(), ref, t.TempDir())
	require.NoError(t, err)
}

func TestIndexKeepsEveryEntry(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	s := newSample("j1", "one", "two")
	ref, err := r.WriteIndex(t.Context(), s.entries, nil)
	require.NoError(t, err)
	again, err := r.WriteIndex(t.Context(), s.entries, nil)
	require.NoError(t, err)
	require.Equal(t, ref, again, "equal entries give equal bytes")
	require.Len(t, listKeys(t, b, "index/"), 1)
	var got []snapshot.PartitionEntry
	require.NoError(t, r.ReadIndex(t.Context(), ref, func(e snapshot.PartitionEntry) error {
		got = append(got, e)
		return nil
	}))
	require.Equal(t, s.entries, got)

	empty, err := r.WriteIndex(t.Context(), nil, nil)
	require.NoError(t, err)
	require.NoError(t, r.ReadIndex(t.Context(), empty, func(snapshot.PartitionEntry) error { return fault.ErrInjected }))
	require.ErrorIs(t, r.ReadIndex(t.Context(), ref, func(snapshot.PartitionEntry) error { return fault.ErrInjected }), fault.ErrInjected)
}

func TestNamesThatJSONWouldChangeAreRefused(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	s := newSample("j1", "one")
	s.entries[0].Partition.Name = "p\xff"
	_, err := r.WriteIndex(t.Context(), s.entries, nil)
	require.EqualError(t, err, `write index: partition "t0"."p\xff": "p\xff" is not UTF-8`)
	s.manifest.Tables[0].Index, err = r.WriteIndex(t.Context(), nil, nil)
	require.NoError(t, err)
	s.manifest.Tables[0].DDL = "CREATE \xff"
	require.EqualError(t, r.WriteManifest(t.Context(), s.manifest), `write manifest: "CREATE \xff" is not UTF-8`)
	require.Empty(t, listKeys(t, b, manifests))
}

func TestRepeatedCommitIsSuccessAndAnotherJobIsNot(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	s := newSample("j1", "one", "two")
	b.Set(fault.Fault{Method: fault.Put, Key: manifests, After: true})
	require.ErrorIs(t, s.write(t.Context(), t.TempDir(), r), fault.ErrInjected)
	s.store(t, r)
	got, err := r.Manifest(t.Context(), s.manifest.Label, s.manifest.Timestamp)
	require.NoError(t, err)
	require.Equal(t, s.manifest, got)

	other := newSample("j2", "one", "three")
	err = other.write(t.Context(), t.TempDir(), r)
	require.ErrorIs(t, err, ErrExists)
	require.EqualError(t, err, "write manifest: exists already in the repository: snapshot nightly 2026-11-21-01-02-03-004 of database ssb, written by job j1")
	got, err = r.Manifest(t.Context(), s.manifest.Label, s.manifest.Timestamp)
	require.NoError(t, err)
	require.Equal(t, "j1", got.Job)
}

// TestKilledBackupLeavesNoManifestOfMissingObjects lets the store die at every write of a backup, before and after its
// effect, and then repeats the backup.
func TestKilledBackupLeavesNoManifestOfMissingObjects(t *testing.T) {
	t.Parallel()
	const writes = 5 // three data objects, the index, the manifest
	for _, after := range []bool{false, true} {
		for nth := 1; nth <= writes; nth++ {
			t.Run(fmt.Sprintf("write%d,after=%t", nth, after), func(t *testing.T) {
				r, b := create(t)
				s := newSample("j1", "one", "two", "three")
				faults := []fault.Fault{{Method: fault.Put, Nth: nth, Times: fault.Forever}}
				if after {
					faults = []fault.Fault{{Method: fault.Put, Nth: nth, After: true}, {Method: fault.Put, Nth: nth + 1, Times: fault.Forever}}
				}
				b.Set(faults...)
				require.ErrorIs(t, s.write(t.Context(), t.TempDir(), r), fault.ErrInjected)
				b.Set()
				committed := after && nth == writes
				requireWhole(t, r, committed)

				s.store(t, r)
				requireWhole(t, r, true)
				require.Len(t, listKeys(t, b, "data/"), 3)
				require.Len(t, listKeys(t, b, "index/"), 1)
			})
		}
	}
}

// requireWhole asserts the invariant: every manifest that is there names only what is there, whole.
func requireWhole(t testing.TB, r *Repository, committed bool) {
	t.Helper()
	all, err := r.Snapshots(t.Context())
	require.NoError(t, err)
	require.Equal(t, committed, len(all) == 1)
	for _, x := range all {
		require.NoError(t, x.Err)
		m, err := r.Manifest(t.Context(), x.Label, x.Timestamp)
		require.NoError(t, err)
		findings, err := r.Check(t.Context(), m, true)
		require.NoError(t, err)
		require.Empty(t, findings)
	}
}

func TestVanishedRepositoryIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	s := newSample("j1", "one")
	s.store(t, r)
	for _, key := range listKeys(t, b, "") { // the share was unmounted, another one is there now
		require.NoError(t, b.Delete(t.Context(), prefix(testName)+key))
	}
	r.proven.Store(0)
	_, err := r.Timestamps(t.Context(), "nightly")
	requireVanished(t, err)
	_, err = r.Manifest(t.Context(), s.manifest.Label, s.manifest.Timestamp)
	requireVanished(t, err)
	_, err = r.Snapshots(t.Context())
	requireVanished(t, err)
	_, err = r.Latest(t.Context(), s.manifest.Cluster, "ssb", 1)
	requireVanished(t, err)
	_, err = r.HasData(t.Context(), s.entries[0].Objects[0].ObjectRef)
	requireVanished(t, err)
	_, err = r.FetchData(t.Context(), s.entries[0].Objects[0].ObjectRef, t.TempDir())
	requireVanished(t, err)
	requireVanished(t, r.ReadPage(t.Context(), "j1", "p", new(int)))
	requireVanished(t, r.WriteManifest(t.Context(), s.manifest))
	require.Empty(t, listKeys(t, b, manifests))

	_, err = Create(t.Context(), b, testName)
	require.NoError(t, err)
	_, err = r.Timestamps(t.Context(), "nightly")
	require.ErrorContains(t, err, "another one, created ")
}

func requireVanished(t testing.TB, err error) {
	t.Helper()
	require.ErrorIs(t, err, storage.ErrNoRoot)
	require.NotErrorIs(t, err, ErrNotFound)
	var damage *DamageError
	require.NotErrorAs(t, err, &damage)
}

func TestDeadStoreIsNoAnswer(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	s := newSample("j1", "one")
	s.store(t, r)
	b.Set(fault.Fault{Times: fault.Forever})
	_, err := r.Timestamps(t.Context(), "nightly")
	require.ErrorIs(t, err, fault.ErrInjected)
	_, err = r.Snapshots(t.Context())
	require.ErrorIs(t, err, fault.ErrInjected)
	_, err = r.Latest(t.Context(), s.manifest.Cluster, "ssb", 1)
	require.ErrorIs(t, err, fault.ErrInjected)
	_, err = r.HasData(t.Context(), s.entries[0].Objects[0].ObjectRef)
	require.ErrorIs(t, err, fault.ErrInjected)
	_, err = r.Check(t.Context(), s.manifest, false)
	require.ErrorIs(t, err, fault.ErrInjected)
	b.Set(fault.Fault{Key: "/data/", Times: fault.Forever})
	findings, err := r.Check(t.Context(), s.manifest, true)
	require.ErrorIs(t, err, fault.ErrInjected)
	require.Empty(t, findings)
}

func TestSnapshotsAreFoundByNameAndAge(t *testing.T) {
	t.Parallel()
	r, b := create(t)
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i, x := range []struct{ label, database, cluster string }{
		{"a", "ssb", "c1"}, {"b", "other", "c1"}, {"a", "ssb", "c1"}, {"c", "ssb", "c2"}, {"b.2", "ssb", "c1"},
	} {
		s := newSample(fmt.Sprint("j", i), fmt.Sprint(i))
		s.manifest.Label, s.manifest.Database, s.manifest.Cluster.ID = x.label, x.database, x.cluster
		s.manifest.Timestamp = snapshot.FormatTimestamp(at.AddDate(0, 0, i))
		s.store(t, r)
	}
	stamps, err := r.Timestamps(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, []string{"2026-11-01-00-00-00-000", "2026-11-03-00-00-00-000"}, stamps)
	stamps, err = r.Timestamps(t.Context(), "nightly")
	require.NoError(t, err)
	require.Empty(t, stamps)
	_, err = r.Manifest(t.Context(), "a", "2026-11-02-00-00-00-000")
	require.ErrorIs(t, err, ErrNotFound)

	all, err := r.Snapshots(t.Context())
	require.NoError(t, err)
	var names []string
	for _, x := range all {
		require.NoError(t, x.Err)
		names = append(names, x.Label+" "+x.Timestamp+" "+x.Database)
	}
	require.Equal(t, []string{
		"a 2026-11-01-00-00-00-000 ssb", "a 2026-11-03-00-00-00-000 ssb", "b 2026-11-02-00-00-00-000 other",
		"b.2 2026-11-05-00-00-00-000 ssb", "c 2026-11-04-00-00-00-000 ssb",
	}, names)

	latest, err := r.Latest(t.Context(), snapshot.Cluster{ID: "c1", Kind: "starrocks"}, "ssb", 2)
	require.NoError(t, err)
	require.Len(t, latest, 2)
	require.Equal(t, "j4", latest[0].Job)
	require.Equal(t, "j2", latest[1].Job)
	latest, err = r.Latest(t.Context(), snapshot.Cluster{Kind: "starrocks"}, "ssb", 2)
	require.NoError(t, err)
	require.Empty(t, latest, "without an identity ids mean nothing")

	// A broken newest one is passed over for reuse, and shown in the list.
	broken := prefix(testName) + manifestKey("b.2", "2026-11-05-00-00-00-000")
	require.NoError(t, b.Put(t.Context(), broken, storage.BytesBody([]byte("{")), storage.PutOptions{}))
	latest, err = r.Latest(t.Context(), snapshot.Cluster{ID: "c1", Kind: "starrocks"}, "ssb", 1)
	require.NoError(t, err)
	require.Equal(t, "j2", latest[0].Job)
	all, err = r.Snapshots(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 5)
	require.Error(t, all[3].Err)
}

func TestSharedIndexGivesEachSnapshotItsOwn(t *testing.T) {
	t.Parallel()
	r, _ := create(t)
	s := newSample("j1", "one", "two", "three")
	s.store(t, r)
	part := s.manifest
	part.Tables = part.Tables[1:2]
	var got []string
	require.NoError(t, r.Entries(t.Context(), part, func(e snapshot.PartitionEntry) error {
		got = append(got, e.Table)
		return nil
	}))
	require.Equal(t, []string{"t1"}, got)
}

func TestSnapshotWithoutDatabaseHoldsObjectsOfTheClusterOnly(t *testing.T) {
	t.Parallel()
	r, _ := create(t)
	m := newSample("j1").manifest
	m.Database, m.Totals = "", snapshot.Totals{}
	write := func() error {
		m.Format = m.NeededFormat()
		return r.WriteManifest(t.Context(), m)
	}
	require.ErrorContains(t, write(), "no database", "it holds nothing at all")
	m.Objects = []snapshot.Object{{Kind: snapshot.Catalog, Name: "c"}, {Kind: snapshot.View, Name: "v"}}
	require.ErrorContains(t, write(), "no database", "a view is in a database")
	m.Objects = m.Objects[:1]
	require.NoError(t, write())
	require.Equal(t, snapshot.RollupsFormat, m.Format, "older releases would take it for a damaged one")
	back, err := r.Manifest(t.Context(), m.Label, m.Timestamp)
	require.NoError(t, err)
	require.Equal(t, m, back)

	m.Label, m.TTL = "other", "7 DAY"
	require.ErrorContains(t, write(), "time to live", "nobody could tell when it ends")
}

func TestMistakenNameCanBeToldTheRightOne(t *testing.T) {
	t.Parallel()
	_, b := create(t)
	require.Equal(t, testName, Any(t.Context(), b))
	b.Set(fault.Fault{Method: fault.List})
	require.Empty(t, Any(t.Context(), b))
}

package hdfs_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/hdfs"
	"starkeep/storage/retry"
	"starkeep/tests/server/hadoop"
)

func TestNamesAreReversible(t *testing.T) {
	t.Parallel()
	for part, name := range map[string]string{
		"plain.parquet": "plain.parquet", "100%": "100%25", "12:30": "12%3A30", "%3A": "%253A", ".snapshot": "%2Esnapshot",
		".snapshots": ".snapshots", "日本": "日本", ".reserved": ".reserved",
	} {
		require.Equal(t, name, hdfs.Escape(part))
		back, ok := hdfs.Unescape(name)
		require.True(t, ok)
		require.Equal(t, part, back)
	}
	for _, foreign := range []string{"a:b", "%3a", "%2E", "50%", ".snapshot"} {
		_, ok := hdfs.Unescape(foreign)
		require.False(t, ok, foreign)
	}
}

func FuzzNamesAreReversible(f *testing.F) {
	for _, seed := range []string{"a", "%", ":", "%3A", "%%3A", "%2:", ".snapshot", "%2Esnapshot", "%25"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, part string) {
		name := hdfs.Escape(part)
		require.NotContains(t, name, ":")
		require.NotEqual(t, ".snapshot", name)
		back, ok := hdfs.Unescape(name)
		require.True(t, ok)
		require.Equal(t, part, back)
	})
}

// The server of the tests lists 100 names at once.
func TestEscapedNamesAreListedInTheOrderOfKeys(t *testing.T) {
	s := hadoop.Shared(t)
	b := closing(t, s, s.Folder(t, me))
	var want []string
	// Between one digit and the next: escaped names begin with '%' there, and are ahead of all others in HDFS' order.
	for _, first := range []string{"%", "-", ".snapshot", "0", ":", "a", "a.b", "a/b", "a0"} {
		for i := range 30 {
			want = append(want, first+string(rune('A'+i)))
		}
	}
	for i := range want {
		put(t, b, want[(i*71)%len(want)], "x")
	}
	got := keys(t, b, "")
	require.ElementsMatch(t, want, got)
	require.IsIncreasing(t, got)
	require.Len(t, keys(t, b, ":"), 30)
	require.Len(t, keys(t, b, "a/"), 30)
	put(t, b, ".snapshot", "x")
	put(t, b, "d/.snapshot/k", "x")
	require.Equal(t, []string{"d/.snapshot/k"}, keys(t, b, "d/.snap"))
	require.NoError(t, b.Delete(t.Context(), "d/.snapshot/k"))
}

func TestKeyAndFolderOfOneNameIsClear(t *testing.T) {
	s := hadoop.Shared(t)
	b := closing(t, s, s.Folder(t, me))
	put(t, b, "a/b", "x")
	for _, opts := range []storage.PutOptions{{}, {IfAbsent: true}} {
		err := b.Put(t.Context(), "a", storage.BytesBody(nil), opts)
		require.ErrorContains(t, err, "other keys lie below it")
		require.NotErrorIs(t, err, storage.ErrExist)
		require.ErrorContains(t, b.Put(t.Context(), "a/b/c", storage.BytesBody(nil), opts), "an object has that name")
	}
	require.Equal(t, []string{"a/b"}, keys(t, b, ""))
}

func TestDeleteLeavesNoEmptyFolders(t *testing.T) {
	s := hadoop.Shared(t)
	root := s.Folder(t, me)
	b := closing(t, s, root)
	put(t, b, "jobs/1/plans/1", "x")
	put(t, b, "jobs/2/plans/1", "x")
	require.NoError(t, b.Delete(t.Context(), "jobs/1/plans/1"))
	left, err := s.Client(t, me).ReadDir(root + "/jobs")
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "2", left[0].Name())
}

func TestOtherUsersCannotRead(t *testing.T) {
	s := hadoop.Shared(t)
	root := s.Folder(t, me)
	put(t, closing(t, s, root), "d/k", "x")
	for _, name := range []string{"/d", "/d/k"} {
		info, err := s.Client(t, s.Superuser).Stat(root + name)
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o007, name)
	}
}

func TestObjectsOfManyBlocksKeepTheirBytes(t *testing.T) {
	s := hadoop.Shared(t)
	b := retry.New(closing(t, s, s.Folder(t, me), "dfs.blocksize", "1m", "dfs.replication", "1"), retry.Policy{Attempts: 8, First: 10 * time.Millisecond, Max: time.Second})
	for _, size := range []int{1<<20 - 1, 1 << 20, 1<<20 + 1, 3 << 20, 5<<20 + 17} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 7 >> 3)
		}
		put(t, b, "k", string(data))
		for _, r := range []storage.Range{{}, {Offset: 1<<20 - 5, Length: 11}, {Offset: int64(size) - 3}} {
			body, err := b.Get(t.Context(), "k", r)
			require.NoError(t, err)
			offset, length, err := r.Clip(int64(size))
			require.NoError(t, err)
			require.True(t, string(data[offset:offset+length]) == all(t, body), "%d bytes, %+v", size, r)
		}
	}
}

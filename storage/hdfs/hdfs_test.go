package hdfs_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"testing"
	"time"

	library "github.com/colinmarc/hdfs/v2"
	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/fault/wire"
	"starkeep/storage/hdfs"
	"starkeep/storage/retry"
	"starkeep/storage/storagetest"
	"starkeep/tests/server/hadoop"
)

// me is the user of the buckets under test; the test itself is the superuser.
const me = "keeper"

func open(t testing.TB, s *hadoop.Server, root string, o hdfs.Options, properties ...string) storage.Bucket {
	t.Helper()
	all := map[string]string{"username": me}
	for i := 0; i < len(properties); i += 2 {
		all[properties[i]] = properties[i+1]
	}
	b, err := hdfs.Open(context.Background(), s.NameNodes[0], root, true, all, o)
	require.NoError(t, err)
	return b
}

// closing opens a bucket until the test ends.
func closing(t testing.TB, s *hadoop.Server, root string, properties ...string) storage.Bucket {
	t.Helper()
	b := open(t, s, root, hdfs.Options{}, properties...)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func put(t testing.TB, b storage.Bucket, key, data string) {
	t.Helper()
	require.NoError(t, b.Put(t.Context(), key, storage.BytesBody([]byte(data)), storage.PutOptions{}))
}

func keys(t testing.TB, b storage.Bucket, prefix string) (all []string) {
	t.Helper()
	require.NoError(t, b.List(t.Context(), prefix, func(i storage.Info) error {
		all = append(all, i.Key)
		return nil
	}))
	return all
}

// leftovers names the work files in a root.
func leftovers(t testing.TB, admin *library.Client, root string) (names []string) {
	t.Helper()
	entries, err := admin.ReadDir(path.Join(root, hdfs.WorkFolder))
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(t, err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func place(t testing.TB) storagetest.Place {
	s := hadoop.Shared(t)
	root := s.Folder(t, me)
	return storagetest.Place{
		Open:       func() storage.Bucket { return open(t, s, root, hdfs.Options{}) },
		RemoveRoot: func() { require.NoError(t, s.Client(t, s.Superuser).RemoveAll(root)) },
		Missing: func() (storage.Bucket, error) {
			return hdfs.Open(t.Context(), s.NameNodes[0], root+"/missing", false, map[string]string{"username": me}, hdfs.Options{})
		},
		Denied: func(do func()) {
			admin := s.Client(t, s.Superuser)
			require.NoError(t, admin.Chown(root, s.Superuser, "test"))
			defer func() { require.NoError(t, admin.Chown(root, me, "test")) }()
			do()
		},
		Dead: func(do func()) {
			s.KillNameNode(t, 0)
			s.KillDataNode(t, 0)
			do()
			s.RunNameNode(t, 0)
			s.RunDataNode(t, 0)
		},
		Leftovers: func() []string { return leftovers(t, s.Client(t, s.Superuser), root) },
	}
}

func TestHDFSIsABucket(t *testing.T) { storagetest.Run(t, place) }

func TestNemesisLosesNothing(t *testing.T) {
	s := hadoop.Shared(t)
	root := s.Folder(t, me)
	link := wire.NewLink(wire.LinkOptions{Seed: uint64(time.Now().UnixNano())})
	t.Cleanup(link.Close)
	policy := retry.Policy{Attempts: 12, First: time.Millisecond, Max: 50 * time.Millisecond}
	opened := func() storage.Bucket { return retry.New(open(t, s, root, hdfs.DialWith(link.Dial)), policy) }
	storagetest.Nemesis(t, storagetest.NemesisOptions{
		Open: func() storage.Bucket {
			defer link.Set(wire.Squall()) // Open itself is not repeated
			link.Set(nil)
			return opened()
		},
		Faults:  link.Counts,
		Dead:    link.Dead,
		MaxSize: 1 << 20,
	})
}

func cancelWithin(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

func all(t testing.TB, r io.ReadCloser) string {
	t.Helper()
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return string(data)
}

package hdfs_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/hdfs"
	"starkeep/storage/storagetest"
	"starkeep/tests/server/hadoop"
)

// me is the user of the buckets under test; the test itself is the superuser.
const me = "keeper"

func open(t testing.TB, s *hadoop.Server, root string) storage.Bucket {
	t.Helper()
	b, err := hdfs.Open(context.Background(), s.NameNodes[0], root, true, map[string]string{"username": me}, hdfs.Options{})
	require.NoError(t, err)
	return b
}

func place(t testing.TB) storagetest.Place {
	s := hadoop.Shared(t)
	root := s.Folder(t, me)
	admin := s.Client(t, s.Superuser)
	return storagetest.Place{
		Open:       func() storage.Bucket { return open(t, s, root) },
		RemoveRoot: func() { require.NoError(t, admin.RemoveAll(root)) },
		Denied: func(do func()) {
			require.NoError(t, admin.Chown(root, s.Superuser, "test"))
			defer func() { require.NoError(t, admin.Chown(root, me, "test")) }()
			do()
		},
	}
}

func TestHDFSIsABucket(t *testing.T) { storagetest.Run(t, place) }

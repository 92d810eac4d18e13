package storage_test

import (
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
)

// FuzzCheckedKeyStaysBelowTheRoot: whatever CheckKey lets through is the path that it looks like.
func FuzzCheckedKeyStaysBelowTheRoot(f *testing.F) {
	for _, s := range []string{"a", "a/b", "../a", "a/../b", "/a", "a//b", "a/", ".", "a\x00", "\xff", "日本", strings.Repeat("a/", 450)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if err := storage.CheckKey(key); err != nil {
			require.ErrorIs(t, err, storage.ErrInvalidKey)
			return
		}
		require.True(t, filepath.IsLocal(key))
		require.Equal(t, key, path.Clean(key))
		require.LessOrEqual(t, len(key), storage.MaxKey)
		for i := range key {
			require.NoError(t, storage.CheckPrefix(key[:i]), "every beginning of a key is a prefix")
		}
	})
}

func TestBodyOfShrunkenFileIsRefused(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "spool")
	require.NoError(t, os.WriteFile(name, []byte("0123456789"), 0o600))
	whole := storage.BytesBody([]byte("0123456789"))
	body := storage.FileBody(name, 10, whole.SHA256)
	r, err := body.Verified(t.Context())
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, "0123456789", string(data))

	require.NoError(t, os.Truncate(name, 9))
	r, err = body.Verified(t.Context())
	require.NoError(t, err)
	_, err = io.ReadAll(r)
	require.NoError(t, r.Close())
	require.EqualError(t, err, "body does not match its declaration: 9 of the declared 10 bytes")

	require.NoError(t, os.Remove(name))
	_, err = body.Verified(t.Context())
	require.True(t, errors.Is(err, os.ErrNotExist))
	require.NotErrorIs(t, err, storage.ErrNotExist, "a lost spool file is no answer of the store")
}

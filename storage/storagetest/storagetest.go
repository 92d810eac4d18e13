// Package storagetest is the suite that every storage.Bucket passes. A backend's own test is one call of Run, and one of
// Nemesis. The checks themselves are in storagetest/conformance, where a worker can use them too.
package storagetest

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starkeep/storage"
	"starkeep/storage/storagetest/conformance"
)

// Place is a fresh, empty place of a backend.
type Place = conformance.Place

// Run runs the suite; newPlace is called once a test.
func Run(t *testing.T, newPlace func(t testing.TB) Place) {
	for _, c := range conformance.Checks() {
		t.Run(c.Name, func(t *testing.T) { c.Run(t, newPlace(t), conformance.Full()) })
	}
	t.Run("AnyRangeEqualsTheSlice", func(t *testing.T) { anyRange(t, open(t, newPlace(t))) })
	t.Run("NoFileStaysOpen", func(t *testing.T) { noFiles(t, newPlace(t)) })
}

func open(t *testing.T, p Place) storage.Bucket {
	b := p.Open()
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func put(t *testing.T, b storage.Bucket, key string, data []byte) {
	t.Helper()
	require.NoError(t, b.Put(t.Context(), key, storage.BytesBody(data), storage.PutOptions{}))
}

func anyRange(t *testing.T, b storage.Bucket) {
	data := contents{seed: 1, max: 2000}.bytes("k", 1)
	size := int64(len(data))
	require.Positive(t, size)
	put(t, b, "k", data)
	rapid.Check(t, func(r *rapid.T) {
		part := storage.Range{
			Offset: rapid.Int64Range(0, size+100).Draw(r, "offset"),
			Length: rapid.Int64Range(0, size+100).Draw(r, "length"),
		}
		body, err := b.Get(t.Context(), "k", part)
		require.NoError(r, err)
		got, err := io.ReadAll(body)
		require.NoError(r, err)
		require.NoError(r, body.Close())
		from, to := min(part.Offset, size), size
		if part.Length > 0 {
			to = min(part.Offset+part.Length, size)
		}
		require.True(r, string(data[from:to]) == string(got))
	})
}

// noFiles counts the open files of the process, connections included. Other tests may run beside, so it leaves some room
// and waits for them; a leak in each of so many rounds does not go away.
func noFiles(t *testing.T, p Place) {
	if runtime.GOOS != "linux" {
		t.Skip("open files are counted in /proc")
	}
	const rounds = 60
	use := func() {
		b := p.Open()
		put(t, b, "k", []byte("0123456789"))
		r, err := b.Get(t.Context(), "k", storage.Range{})
		require.NoError(t, err)
		_, err = r.Read(make([]byte, 1))
		require.NoError(t, err)
		_ = r.Close() // that it was not read to its end may be told or not
		require.ErrorIs(t, b.Put(t.Context(), "k", storage.BytesBody(nil), storage.PutOptions{IfAbsent: true}), storage.ErrExist)
		short := storage.BytesBody([]byte("x"))
		short.Size++
		require.ErrorIs(t, b.Put(t.Context(), "l", short, storage.PutOptions{}), storage.ErrBody)
		require.NoError(t, b.List(t.Context(), "", func(storage.Info) error { return nil }))
		require.NoError(t, b.Close())
	}
	use()
	before := openFiles(t)
	for range rounds {
		use()
	}
	require.Eventually(t, func() bool { return openFiles(t) < before+rounds/2 }, 10*time.Second, 10*time.Millisecond,
		fmt.Sprintf("%d open files before %d rounds", before, rounds))
}

func openFiles(t *testing.T) int {
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(files)
}

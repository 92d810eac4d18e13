package hdfs_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"testing"

	library "github.com/colinmarc/hdfs/v2"
	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/hdfs"
	"starkeep/tests/server/hadoop"
)

// BenchmarkBesideTheLibrary measures puts and gets beside the library alone, which writes straight to the final name: one
// client for all streams, no rename, no check of what was stored; once with the hash that every Put computes.
func BenchmarkBesideTheLibrary(b *testing.B) {
	s := hadoop.Shared(b)
	for _, size := range []int{100 << 10, 64 << 20} {
		data := make([]byte, size)
		body := storage.BytesBody(data)
		for _, streams := range []int{1, 4, 16} {
			root := s.Folder(b, me)
			bucket := open(b, s, root, hdfs.Options{Connections: streams})
			raw := s.Client(b, me)
			for _, c := range []struct {
				name string
				do   func(b *testing.B, i int)
			}{
				{"put/raw", func(b *testing.B, i int) { rawPut(b, raw, fmt.Sprintf("%s/raw-%d", root, i), data) }},
				{"put/raw+hash", func(b *testing.B, i int) {
					require.Equal(b, body.SHA256, sha256.Sum256(data))
					rawPut(b, raw, fmt.Sprintf("%s/raw-%d", root, i), data)
				}},
				{"put/bucket", func(b *testing.B, i int) {
					require.NoError(b, bucket.Put(b.Context(), fmt.Sprint(i), body, storage.PutOptions{}))
				}},
				{"get/raw", func(b *testing.B, _ int) {
					r, err := raw.Open(root + "/raw-0")
					require.NoError(b, err)
					drain(b, r, size)
				}},
				{"get/bucket", func(b *testing.B, _ int) {
					r, err := bucket.Get(b.Context(), "0", storage.Range{})
					require.NoError(b, err)
					drain(b, r, size)
				}},
			} {
				b.Run(fmt.Sprintf("%dKiB/%d/%s", size>>10, streams, c.name), func(b *testing.B) {
					b.SetBytes(int64(size))
					inStreams(b, streams, c.do)
				})
			}
			require.NoError(b, bucket.Close())
			require.NoError(b, s.Client(b, s.Superuser).RemoveAll(root))
		}
	}
}

func inStreams(b *testing.B, streams int, do func(b *testing.B, i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range streams {
		wg.Go(func() {
			for i := range next {
				do(b, i)
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	wg.Wait()
}

func rawPut(b *testing.B, c *library.Client, path string, data []byte) {
	_ = c.Remove(path) // of the round before
	w, err := c.Create(path)
	require.NoError(b, err)
	_, err = w.Write(data)
	require.NoError(b, err)
	for err = w.Close(); library.IsErrReplicating(err); {
		err = w.Close()
	}
	require.NoError(b, err)
}

func drain(b *testing.B, r io.ReadCloser, size int) {
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, 128<<10))
	require.NoError(b, err)
	require.EqualValues(b, size, n)
	require.NoError(b, r.Close())
}

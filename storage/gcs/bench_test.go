package gcs_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	library "cloud.google.com/go/storage"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/option"

	"starkeep/storage"
	"starkeep/storage/gcs"
)

// side is one way to move an object: Google's library as it comes, or this package.
type side struct {
	put, get func(key string) error
}

// BenchmarkBesideLibrary moves the same bytes through this package and through cloud.google.com/go/storage, in turns, so that
// the ratio holds on any machine: x-library is how many times as fast as the library (the median of all turns), µs/object
// the time of one stream for one object. The server keeps nothing, so that only what a client costs is measured. Both read
// bodies that verify their SHA-256, as the contract of storage.Bucket wants it: that alone is most of the time of a put.
func BenchmarkBesideLibrary(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
		rest  int // objects of a turn and stream
	}{{"64MiB", 64 << 20, 1}, {"100KiB", 100 << 10, 40}} {
		data := make([]byte, size.bytes)
		_, _ = rand.Read(data)
		server := httptest.NewServer(sink(data))
		for _, streams := range []int{1, 4, 16} {
			sides := []side{plain(b, server.URL, data), own(b, server.URL, data, streams)}
			for _, op := range []string{"put", "get"} {
				b.Run(fmt.Sprintf("%s/%s/%dstreams", op, size.name, streams), func(b *testing.B) {
					compare(b, sides, op, streams, size.rest)
					b.SetBytes(int64(2 * streams * size.rest * size.bytes))
				})
			}
		}
		server.Close()
	}
}

// sink takes every object and always has the same one.
func sink(data []byte) http.Handler {
	checksum := gcs.Encode(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, r.Body, make([]byte, 256<<10))
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"size":"`+strconv.Itoa(len(data))+`","crc32c":"`+checksum+`"}`)
		case strings.HasSuffix(r.URL.Path, "/o"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{}`)
		default:
			w.Header().Set("X-Goog-Hash", "crc32c="+checksum)
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			_, _ = w.Write(data)
		}
	})
}

// compare lets the sides take turns and reports their ratio.
func compare(b *testing.B, sides []side, op string, streams, objects int) {
	var took [2]time.Duration
	var ratios []float64
	for b.Loop() {
		var now [2]time.Duration
		for i := range sides {
			i = (i + len(ratios)) % 2 // who comes first has the colder cache
			now[i] = turn(b, sides[i], op, fmt.Sprint(i), streams, objects)
			took[i] += now[i]
		}
		ratios = append(ratios, now[0].Seconds()/now[1].Seconds())
	}
	slices.Sort(ratios)
	b.ReportMetric((ratios[len(ratios)/2]+ratios[(len(ratios)-1)/2])/2, "x-library")
	b.ReportMetric(float64(took[1].Microseconds())/float64(len(ratios)*objects), "µs/object")
	b.ReportMetric(float64(took[0].Microseconds())/float64(len(ratios)*objects), "library-µs/object")
}

// turn moves objects on each of the streams at once and tells how long it took.
func turn(b *testing.B, s side, op, who string, streams, objects int) time.Duration {
	move := s.put
	if op == "get" {
		move = s.get
	}
	start := time.Now()
	var wg sync.WaitGroup
	for stream := range streams {
		wg.Go(func() {
			for i := range objects {
				if err := move(fmt.Sprintf("%s/%d/%d", who, stream, i)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// plain is Google's library with what it does by itself, but without chunks, which would be more requests.
func plain(b *testing.B, url string, data []byte) side {
	client, err := library.NewClient(context.Background(), option.WithEndpoint(url+"/storage/v1/"), option.WithoutAuthentication())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, client.Close()) })
	body := storage.BytesBody(data)
	return side{
		put: func(key string) error {
			w := client.Bucket("b").Object(key).NewWriter(context.Background())
			w.ChunkSize = 0
			r, err := body.Verified(context.Background())
			if err != nil {
				return err
			}
			if _, err := io.Copy(w, r); err != nil {
				return err
			}
			return w.Close()
		},
		get: func(key string) error {
			r, err := client.Bucket("b").Object(key).NewReader(context.Background())
			if err != nil {
				return err
			}
			return drain(r)
		},
	}
}

// own is this package.
func own(b *testing.B, url string, data []byte, streams int) side {
	properties := map[string]string{"gcp.gcs.endpoint": url, "fs.gs.auth.type": "UNAUTHENTICATED"}
	bucket, err := gcs.Open(context.Background(), "b", properties, gcs.Options{Connections: streams})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, bucket.Close()) })
	body := storage.BytesBody(data)
	return side{
		put: func(key string) error {
			return bucket.Put(context.Background(), key, body, storage.PutOptions{})
		},
		get: func(key string) error {
			r, err := bucket.Get(context.Background(), key, storage.Range{})
			if err != nil {
				return err
			}
			return drain(r)
		},
	}
}

func drain(r io.ReadCloser) error {
	_, err := io.Copy(io.Discard, r)
	if closed := r.Close(); err == nil {
		err = closed
	}
	return err
}

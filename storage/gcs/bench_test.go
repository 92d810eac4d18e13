package gcs_test

import (
	"context"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	library "cloud.google.com/go/storage"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/option"

	"starkeep/storage"
	"starkeep/storage/gcs"
	"starkeep/storage/storagetest"
)

// BenchmarkBesideLibrary compares this package with cloud.google.com/go/storage. The server keeps nothing, so that only what a
// client costs is measured. Both read bodies that verify their SHA-256, as the contract of storage.Bucket wants it: that
// alone is most of the time of a put.
func BenchmarkBesideLibrary(b *testing.B) {
	storagetest.Beside(b, func(b *testing.B, data []byte, streams int) (library, own storagetest.Side) {
		server := httptest.NewServer(sink(data))
		b.Cleanup(server.Close)
		properties := map[string]string{"gcp.gcs.endpoint": server.URL, "fs.gs.auth.type": "UNAUTHENTICATED"}
		bucket, err := gcs.Open(context.Background(), "b", properties, gcs.Options{Connections: streams})
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, bucket.Close()) })
		return plain(b, server.URL, data), storagetest.Own(bucket, data)
	})
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

// plain is Google's library with what it does by itself, but without chunks, which would be more requests.
func plain(b *testing.B, url string, data []byte) storagetest.Side {
	client, err := library.NewClient(context.Background(), option.WithEndpoint(url+"/storage/v1/"), option.WithoutAuthentication())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, client.Close()) })
	body := storage.BytesBody(data)
	return storagetest.Side{
		Put: func(key string) error {
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
		Get: func(key string) error {
			r, err := client.Bucket("b").Object(key).NewReader(context.Background())
			if err != nil {
				return err
			}
			return storagetest.Drain(r)
		},
	}
}

// Package gcs serves Google Cloud Storage for a test: fake-gcs-server in this process, over real HTTP on a free port of
// 127.0.0.1. Where the fake differs from what Google documents, this package answers instead.
package gcs

import (
	"crypto/rand"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/stretchr/testify/require"
)

// Server is a running store. Its objects live in memory, as long as the Server. It is safe for concurrent use.
type Server struct {
	URL string // http://127.0.0.1:port

	fake    *fakestorage.Server
	address string

	mu    sync.Mutex
	http  *http.Server
	front func(w http.ResponseWriter, r *http.Request) bool
}

// Start runs a server until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true})
	require.NoError(t, err)
	s := &Server{fake: fake}
	s.listen(t, "127.0.0.1:0")
	s.URL = "http://" + s.address
	t.Cleanup(s.stop)
	return s
}

func (s *Server) listen(t testing.TB, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	s.address = l.Addr().String()
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	s.mu.Lock()
	s.http = server
	s.mu.Unlock()
	go func() { _ = server.Serve(l) }() // ends with stop
}

// stop cuts all connections, in the middle of whatever they carry.
func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.http.Close()
}

// Kill ends the server at once; what it had stored stays. Restart brings it back.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.stop()
}

// Restart kills the server, if it still runs, and starts it again on the same port with the same objects.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.stop()
	s.listen(t, s.address)
}

// Front sets who sees requests first: it answers and returns true, or leaves the request alone and returns false. Nil is
// nobody. It is called from many goroutines.
func (s *Server) Front(front func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.front = front
}

// Refuse answers as the JSON API does:
// https://docs.cloud.google.com/storage/docs/json_api/v1/status-codes
func Refuse(w http.ResponseWriter, status int, reason, message string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"code": status, "message": message,
		"errors": []map[string]string{{"domain": "global", "reason": reason, "message": message}},
	}})
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	front := s.front
	s.mu.Unlock()
	if front != nil && front(w, r) {
		return
	}
	if bucket, ok := bucketOf(r.URL); ok && !s.has(bucket) {
		missing(w, r.URL, bucket)
		return
	}
	s.fake.HTTPHandler().ServeHTTP(w, r)
}

// missing answers for a bucket that does not exist; the fake would create it for an upload. Google names the object in
// that case, not the bucket: https://github.com/googleapis/nodejs-storage/issues/1183
func missing(w http.ResponseWriter, u *url.URL, bucket string) {
	_, object, ok := strings.Cut(u.Path, "/o/")
	if ok {
		Refuse(w, http.StatusNotFound, "notFound", "No such object: "+bucket+"/"+object)
		return
	}
	Refuse(w, http.StatusNotFound, "notFound", "The specified bucket does not exist.")
}

// bucketOf returns the bucket of a request about a bucket or an object.
func bucketOf(u *url.URL) (string, bool) {
	_, after, ok := strings.Cut(u.EscapedPath(), "/storage/v1/b/")
	name, _, _ := strings.Cut(after, "/")
	bucket, err := url.PathUnescape(name)
	return bucket, ok && err == nil && bucket != ""
}

func (s *Server) has(bucket string) bool {
	_, err := s.fake.Backend().GetBucket(bucket)
	return err == nil
}

// Bucket creates an empty bucket and returns its name.
func (s *Server) Bucket(t testing.TB) string {
	t.Helper()
	name := "b" + strings.ToLower(rand.Text())
	s.fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: name})
	return name
}

// RemoveBucket removes a bucket with all its objects.
func (s *Server) RemoveBucket(t testing.TB, bucket string) {
	t.Helper()
	all, err := s.fake.ListObjectsWithOptionsPaginated(bucket, fakestorage.ListOptions{})
	require.NoError(t, err)
	for _, o := range all.Objects {
		require.NoError(t, s.fake.Backend().DeleteObject(bucket, o.Name))
	}
	require.NoError(t, s.fake.Backend().DeleteBucket(bucket))
}

// Properties returns what CREATE REPOSITORY needs to reach the server.
func (s *Server) Properties() map[string]string {
	return map[string]string{"gcp.gcs.endpoint": s.URL, "fs.gs.auth.type": "UNAUTHENTICATED"}
}

package gcs_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/gcs"
	"starkeep/storage/retry"
	server "starkeep/tests/server/gcs"
)

func random(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data) // crypto/rand.Read never fails
	return data
}

func put(t testing.TB, b storage.Bucket, key string, data []byte) {
	t.Helper()
	require.NoError(t, b.Put(t.Context(), key, storage.BytesBody(data), storage.PutOptions{IfAbsent: true}))
}

// Requests are what the store charges for and what a small object waits for.
func TestEachCallIsOneRequest(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	b := open(t, s, s.Bucket(t))
	put(t, b, "k", random(3<<20))
	var requests atomic.Int32
	s.Front(func(http.ResponseWriter, *http.Request) bool { requests.Add(1); return false })
	for _, op := range []string{"get", "stat", "list", "put", "delete"} {
		requests.Store(0)
		require.NoError(t, calls(t, b)[op](), op)
		require.EqualValues(t, 1, requests.Load(), op)
	}
	_, err := b.Stat(t.Context(), "k")
	require.ErrorIs(t, err, storage.ErrNotExist)
	require.EqualValues(t, 3, requests.Load(), "absence takes a second request: the proof")
}

func TestBytesDamagedOnTheWayUpAreRefusedByTheStore(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	b := open(t, s, s.Bucket(t))
	s.Front(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			sent, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(sent, []byte("right"), []byte("wrong"), 1)))
		}
		return false
	})
	err := b.Put(t.Context(), "k", storage.BytesBody([]byte("all is right")), storage.PutOptions{})
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.ErrorContains(t, err, "doesn't match calculated CRC32C")
	_, err = b.Stat(t.Context(), "k")
	require.ErrorIs(t, err, storage.ErrNotExist)
}

// answering lets the store answer a GET of an object, and change hands on what it says.
func answering(s *server.Server, change func(w http.ResponseWriter, body []byte) []byte) {
	s.Front(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("alt") != "media" {
			return false
		}
		s.Front(nil) // once
		record := &recorder{header: http.Header{}, status: http.StatusOK}
		s.ServeHTTP(record, r)
		for k, v := range record.header {
			w.Header()[k] = v
		}
		data := change(w, record.body.Bytes())
		w.WriteHeader(record.status)
		_, _ = w.Write(data)
		return true
	})
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

func TestBytesDamagedOnTheWayDownAreNoticed(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	b := open(t, s, s.Bucket(t))
	put(t, b, "k", []byte("all is right"))
	answering(s, func(_ http.ResponseWriter, body []byte) []byte {
		return bytes.Replace(body, []byte("right"), []byte("wrong"), 1)
	})
	r, err := b.Get(t.Context(), "k", storage.Range{})
	require.NoError(t, err)
	_, err = io.ReadAll(r)
	require.ErrorContains(t, err, "/k: the bytes that came have CRC32C")
	require.NotErrorIs(t, err, storage.ErrUnavailable, "a retry that goes on behind them would keep them")
	require.NoError(t, r.Close())
}

func TestCutAnswerIsNeverAShortObject(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	b := open(t, s, s.Bucket(t))
	data := random(1 << 20)
	put(t, b, "k", data)
	half := func(_ http.ResponseWriter, body []byte) []byte { return body[:len(body)/2] }
	for _, r := range []storage.Range{{}, {Offset: 100, Length: 1000}} {
		answering(s, half)
		body, err := b.Get(t.Context(), "k", r)
		require.NoError(t, err)
		_, err = io.ReadAll(body)
		require.ErrorIs(t, err, storage.ErrUnavailable)
		require.ErrorContains(t, err, "bytes to go")
		require.NoError(t, body.Close())
	}
	answering(s, half)
	body, err := retry.New(b, retry.Policy{First: time.Millisecond}).Get(t.Context(), "k", storage.Range{})
	require.NoError(t, err)
	got, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.True(t, bytes.Equal(data, got))
}

func TestStoreThatKnowsNoRangesIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	b := open(t, s, s.Bucket(t))
	put(t, b, "k", []byte("0123456789"))
	s.Front(func(_ http.ResponseWriter, r *http.Request) bool { r.Header.Del("Range"); return false })
	_, err := b.Get(t.Context(), "k", storage.Range{Offset: 3})
	require.ErrorIs(t, err, storage.ErrConfig)
	require.ErrorContains(t, err, "it does not know ranges")
}

func TestKilledStoreComesBackWithWhatItHad(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	below := open(t, s, s.Bucket(t))
	put(t, below, "k", []byte("kept"))
	s.Kill(t)
	for op, call := range calls(t, below) {
		require.ErrorIs(t, call(), storage.ErrUnavailable, op)
	}
	back := make(chan struct{})
	b := retry.New(below, retry.Policy{Attempts: 100, First: time.Millisecond, Max: 20 * time.Millisecond, Notify: func(r retry.Repeat) {
		if r.Attempt == 3 {
			s.Restart(t)
			close(back)
		}
	}})
	r, err := b.Get(t.Context(), "k", storage.Range{})
	require.NoError(t, err)
	<-back
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, "kept", string(data))
	require.NoError(t, b.Put(t.Context(), "l", storage.BytesBody([]byte("new")), storage.PutOptions{IfAbsent: true}))
}

// The store took the object, and its answer was lost.
func TestLostAnswerOfACreationIsFoundOut(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	below := open(t, s, s.Bucket(t))
	lose := func() {
		s.Front(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				s.Front(nil)
				s.ServeHTTP(&recorder{header: http.Header{}}, r)
				panic(http.ErrAbortHandler)
			}
			return false
		})
	}
	create := storage.PutOptions{IfAbsent: true}
	lose()
	require.ErrorIs(t, below.Put(t.Context(), "k", storage.BytesBody([]byte("mine")), create), storage.ErrUnavailable)
	require.ErrorIs(t, below.Put(t.Context(), "k", storage.BytesBody([]byte("mine")), create), storage.ErrExist)
	lose()
	b := retry.New(below, retry.Policy{First: time.Millisecond})
	require.NoError(t, b.Put(t.Context(), "l", storage.BytesBody([]byte("mine")), create))
	require.ErrorIs(t, b.Put(t.Context(), "l", storage.BytesBody([]byte("ours")), create), storage.ErrExist)
}

// limited is a body as storage/limit makes it. It counts what is read with and without the limit.
type limited struct {
	*bytes.Reader
	slow, local *int
}

func (l limited) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	*l.slow += n
	return n, err
}

func (l limited) Local() io.Reader {
	*l.local += l.Len()
	return l.Reader
}

func (l limited) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{l}) }

func (limited) Close() error { return nil }

// A body is summed up before it is sent, but only what is sent counts for the bandwidth.
func TestChecksumTakesNoBandwidth(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	data, slow, local := random(1<<20), 0, 0
	body := storage.BytesBody(data)
	body.Open = func() (io.ReadCloser, error) { return limited{bytes.NewReader(data), &slow, &local}, nil }
	require.NoError(t, open(t, s, s.Bucket(t)).Put(t.Context(), "k", body, storage.PutOptions{}))
	require.Equal(t, 1<<20, slow)
	require.Equal(t, 1<<20, local)
}

func TestBodyThatChangesBetweenItsReadingsIsRefused(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	b := open(t, s, s.Bucket(t))
	readings := 0
	body := storage.BytesBody([]byte("first"))
	body.Open = func() (io.ReadCloser, error) {
		readings++
		return io.NopCloser(iotest.OneByteReader(strings.NewReader([]string{"first", "other"}[readings-1]))), nil
	}
	require.ErrorIs(t, b.Put(t.Context(), "k", body, storage.PutOptions{}), storage.ErrBody)
	require.Equal(t, 2, readings)
	readings, body.SHA256 = 0, [32]byte{}
	require.ErrorIs(t, b.Put(t.Context(), "k", body, storage.PutOptions{}), storage.ErrUnavailable, "the store finds it by the checksum")
	_, err := b.Stat(t.Context(), "k")
	require.ErrorIs(t, err, storage.ErrNotExist)
}

func TestOpenListsBelowItsPrefixOnly(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	bucket := s.Bucket(t)
	s.Front(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Query().Get("prefix"), "mine/") {
			return false
		}
		server.Refuse(w, http.StatusForbidden, "forbidden", "only mine/")
		return true
	})
	_, err := gcs.Open(t.Context(), bucket, s.Properties(), gcs.Options{})
	require.ErrorIs(t, err, storage.ErrDenied)
	b, err := gcs.Open(t.Context(), bucket, s.Properties(), gcs.Options{Prefix: "mine/"})
	require.NoError(t, err)
	require.NoError(t, b.Close())
}

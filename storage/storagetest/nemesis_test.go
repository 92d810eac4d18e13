package storagetest_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/mem"
	"starkeep/storage/storagetest"
)

// judged is a test that may fail without failing the one it runs in.
type judged struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (j *judged) Errorf(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failures = append(j.failures, fmt.Sprintf(format, args...))
}

func (j *judged) FailNow() { runtime.Goexit() }

func (j *judged) Failed() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.failures) > 0
}

// judge runs a nemesis on a place in memory as one sees it through wrap, and returns its failures.
func judge(t *testing.T, wrap func(storage.Bucket) storage.Bucket, o storagetest.NemesisOptions) string {
	t.Helper()
	t.Cleanup(func() { mem.Drop(t.Name()) })
	o.Open = func() storage.Bucket {
		b, err := mem.Open(t.Name(), true)
		require.NoError(t, err)
		return wrap(b)
	}
	if o.Faults == nil {
		o.Faults = func() map[string]int64 { return map[string]int64{"pretended": 1} }
	}
	o.Seed, o.For, o.MaxSize = 1, cmp.Or(o.For, time.Second), 100_000
	j := &judged{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		storagetest.Nemesis(j, o)
	}()
	<-done
	return strings.Join(j.failures, "\n")
}

// lying is a bucket with one fault that no retry hides. Every 20th call of the spoiled method lies.
type lying struct {
	storage.Bucket
	method string
	calls  *atomic.Int64
	lie    func(good storage.Bucket, key string) error
}

func (l lying) lies(method string) bool { return method == l.method && l.calls.Add(1)%20 == 0 }

func (l lying) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	if l.lies("put") {
		return l.lie(l.Bucket, key)
	}
	return l.Bucket.Put(ctx, key, body, opts)
}

func (l lying) Delete(ctx context.Context, key string) error {
	if l.lies("delete") {
		return l.lie(l.Bucket, key)
	}
	return l.Bucket.Delete(ctx, key)
}

func (l lying) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	body, err := l.Bucket.Get(ctx, key, r)
	if err == nil && l.lies("get") {
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(body, 10), body}, nil
	}
	return body, err
}

func (l lying) Stat(ctx context.Context, key string) (storage.Info, error) {
	if l.lies("stat") {
		return storage.Info{}, storage.ErrNotExist
	}
	return l.Bucket.Stat(ctx, key)
}

func (l lying) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	if l.lies("list") {
		return nil
	}
	return l.Bucket.List(ctx, prefix, fn)
}

// TestNemesisFindsLies: a nemesis that nothing can fail proves nothing.
func TestNemesisFindsLies(t *testing.T) {
	t.Parallel()
	nothing := func(storage.Bucket, string) error { return nil }
	for name, c := range map[string]struct {
		method string
		lie    func(good storage.Bucket, key string) error
		want   string
	}{
		"a put that is not done":         {"put", nothing, "gave what was not there|nobody put|listed|create what exists"},
		"a delete that is not done":      {"delete", nothing, "gave what was not there|listed|object exists already|is left"},
		"a read that ends early":         {"get", nil, "gave what was not there"},
		"a stat that denies what is":     {"stat", nil, "stat gave what was not there"},
		"a listing that is empty":        {"list", nil, "listed false"},
		"an outage that nobody repeated": {"put", func(storage.Bucket, string) error { return storage.ErrUnavailable }, "store unavailable"},
		"an object that nobody put": {"put", func(good storage.Bucket, key string) error {
			return good.Put(t.Context(), key+"x", storage.BytesBody(nil), storage.PutOptions{})
		}, "nobody put|gave what was not there|listed|create what exists"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			got := judge(t, func(b storage.Bucket) storage.Bucket { return lying{b, c.method, &calls, c.lie} },
				storagetest.NemesisOptions{For: time.Minute}) // it ends with the first lie that is found
			require.Regexp(t, c.want, got)
			require.Contains(t, got, "seed 1", "so that it can be run again")
		})
	}
}

func TestNemesisWithoutFaultsOrWithLeftoversFails(t *testing.T) {
	t.Parallel()
	honest := func(b storage.Bucket) storage.Bucket { return b }
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		require.Empty(t, judge(t, honest, storagetest.NemesisOptions{}))
	})
	t.Run("no faults", func(t *testing.T) {
		t.Parallel()
		got := judge(t, honest, storagetest.NemesisOptions{Faults: func() map[string]int64 { return map[string]int64{"reset": 0} }})
		require.Contains(t, got, "no fault was injected")
	})
	t.Run("leftovers", func(t *testing.T) {
		t.Parallel()
		got := judge(t, honest, storagetest.NemesisOptions{Leftovers: func() []string { return []string{"upload-1"} }})
		require.Contains(t, got, "unfinished writes are left behind")
	})
}

package limit_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/limit"
	"starkeep/storage/mem"
	"starkeep/storage/storagetest"
)

func open(t testing.TB) storage.Bucket {
	t.Helper()
	name := t.Name()
	t.Cleanup(func() { mem.Drop(name) })
	b, err := mem.Open(name, true)
	require.NoError(t, err)
	return b
}

func put(ctx context.Context, b storage.Bucket, key string, size int) error {
	return b.Put(ctx, key, storage.BytesBody(make([]byte, size)), storage.PutOptions{})
}

func get(ctx context.Context, b storage.Bucket, key string, w io.Writer) error {
	r, err := b.Get(ctx, key, storage.Range{})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	_, err = io.Copy(w, r)
	return err
}

func TestLimitedBucketPassesTheSuite(t *testing.T) {
	t.Parallel()
	limiter := limit.NewLimiter(4<<30, 4<<30)
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		b := open(t)
		name := t.Name()
		return storagetest.Place{
			Open:       func() storage.Bucket { return limit.New(b, limiter) },
			RemoveRoot: func() { mem.Drop(name) },
		}
	})
}

func TestAllHandlesShareTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		limiter := limit.NewLimiter(1<<20, 2<<20)
		timed := func(do func(b storage.Bucket, key string) error) time.Duration {
			began := time.Now()
			var wg sync.WaitGroup
			for i := range 4 {
				b := limit.New(below, limiter)
				wg.Go(func() {
					if err := do(b, fmt.Sprintf("k%d", i)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			return time.Since(began)
		}
		up := timed(func(b storage.Bucket, key string) error { return put(t.Context(), b, key, 5<<20) })
		require.InDelta(t, 20, up.Seconds(), 0.2, "20 MiB at 1 MiB/s")
		down := timed(func(b storage.Bucket, key string) error { return get(t.Context(), b, key, io.Discard) })
		require.InDelta(t, 10, down.Seconds(), 0.2, "20 MiB at 2 MiB/s")
	})
}

// arrivals notes when bytes came.
type arrivals struct {
	began   time.Time
	seconds map[int]int // bytes by second
}

func (a *arrivals) Write(p []byte) (int, error) {
	a.seconds[int(time.Since(a.began)/time.Second)] += len(p)
	return len(p), nil
}

func TestNoSecondHasMoreThanItsShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		require.NoError(t, put(t.Context(), below, "k", 10<<20))
		b := limit.New(below, limit.NewLimiter(0, 1<<20))
		a := &arrivals{time.Now(), map[int]int{}}
		require.NoError(t, get(t.Context(), b, "k", a))
		require.GreaterOrEqual(t, len(a.seconds), 9)
		for second, n := range a.seconds {
			require.LessOrEqual(t, n, 1<<20*12/10, "second %d", second)
		}
	})
}

func TestOneDirectionAloneCanBeLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below, began := open(t), time.Now()
		b := limit.New(below, limit.NewLimiter(0, 1000))
		require.NoError(t, put(t.Context(), b, "k", 1<<20))
		require.Zero(t, time.Since(began))
		b = limit.New(below, limit.NewLimiter(1000, 0))
		require.NoError(t, get(t.Context(), b, "k", io.Discard))
		require.Zero(t, time.Since(began))
	})
}

func TestSlowestLimitStillMovesBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		require.NoError(t, put(t.Context(), limit.New(open(t), limit.NewLimiter(1, 1)), "k", 60))
		require.InDelta(t, 60, time.Since(began).Seconds(), 1)
	})
}

func TestCancelEndsTheWaitForBandwidth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		require.NoError(t, put(t.Context(), below, "k", 1000))
		b := limit.New(below, limit.NewLimiter(1, 1))
		for _, do := range []func(ctx context.Context) error{
			func(ctx context.Context) error { return put(ctx, b, "l", 1000) },
			func(ctx context.Context) error { return get(ctx, b, "k", io.Discard) },
		} {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
			require.ErrorIs(t, do(ctx), context.DeadlineExceeded)
			cancel()
			require.Equal(t, 3500*time.Millisecond, time.Since(began))
		}
		_, err := below.Stat(t.Context(), "l")
		require.ErrorIs(t, err, storage.ErrNotExist)
	})
}

func TestBodyThatIsOnlyLookedAtIsNotLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		looking := &looking{Bucket: open(t)}
		began := time.Now()
		require.NoError(t, put(t.Context(), limit.New(looking, limit.NewLimiter(1, 0)), "k", 1000))
		require.Zero(t, time.Since(began))
		require.EqualValues(t, 1000, looking.read)
	})
}

// looking reads bodies past the limit, and stores nothing.
type looking struct {
	storage.Bucket
	read int64
}

func (l *looking) Put(_ context.Context, _ string, body storage.Body, _ storage.PutOptions) error {
	r, err := body.Open()
	if err != nil {
		return err
	}
	l.read, err = io.Copy(io.Discard, r.(interface{ Local() io.Reader }).Local())
	return err
}

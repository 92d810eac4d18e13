package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/fault"
	"starkeep/storage/mem"
	"starkeep/storage/metrics"
	"starkeep/storage/storagetest"
)

// board is a Handler that keeps what it is told, by name and tags.
type board struct {
	*values
	tags map[string]string
}

type values struct {
	mu      sync.Mutex
	numbers map[string]float64
	highest map[string]float64
}

func newBoard() board {
	return board{&values{numbers: map[string]float64{}, highest: map[string]float64{}}, nil}
}

func (b board) WithTags(tags map[string]string) metrics.Handler {
	all := maps.Clone(tags)
	maps.Copy(all, b.tags)
	return board{b.values, all}
}

func (b board) cell(name string) cell {
	for _, tag := range slices.Sorted(maps.Keys(b.tags)) {
		name += " " + b.tags[tag]
	}
	return cell{b.values, strings.TrimPrefix(name, "starkeep_storage_")}
}

func (b board) Counter(name string) metrics.Counter { return b.cell(name) }
func (b board) Gauge(name string) metrics.Gauge     { return b.cell(name) }
func (b board) Timer(name string) metrics.Timer     { return b.cell(name) }

type cell struct {
	*values
	name string
}

func (c cell) Inc(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers[c.name] += float64(n)
}

func (c cell) Record(d time.Duration) { c.Inc(int64(d)) }

func (c cell) Update(v float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers[c.name] = v
	c.highest[c.name] = max(c.highest[c.name], v)
}

func open(t testing.TB) *fault.Bucket {
	t.Helper()
	name := t.Name()
	t.Cleanup(func() { mem.Drop(name) })
	b, err := mem.Open(name, true)
	require.NoError(t, err)
	return fault.New(b)
}

func TestMeasuredBucketPassesTheSuite(t *testing.T) {
	t.Parallel()
	meter := metrics.NewMeter(newBoard())
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		b := open(t)
		name := t.Name()
		return storagetest.Place{
			Open:       func() storage.Bucket { return metrics.New(b, meter) },
			RemoveRoot: func() { mem.Drop(name) },
		}
	})
}

func TestEveryCallIsCountedTimedAndWeighed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		told, below, ctx := newBoard(), open(t), t.Context()
		b := metrics.New(below, metrics.NewMeter(told))
		below.Set(fault.Fault{Times: fault.Forever, Delay: time.Second})

		require.NoError(t, b.Put(ctx, "k", storage.BytesBody(make([]byte, 1000)), storage.PutOptions{}))
		require.ErrorIs(t, b.Put(ctx, "k", storage.BytesBody(make([]byte, 1000)), storage.PutOptions{IfAbsent: true}), storage.ErrExist)
		r, err := b.Get(ctx, "k", storage.Range{Length: 600})
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 400))
		require.NoError(t, err)
		require.EqualValues(t, 1, told.numbers["in_flight"], "the open body")
		require.NoError(t, r.Close())
		require.NoError(t, r.Close())
		_, err = b.Stat(ctx, "none")
		require.ErrorIs(t, err, storage.ErrNotExist)
		require.NoError(t, b.List(ctx, "", func(storage.Info) error { return nil }))
		require.NoError(t, b.Delete(ctx, "k"))

		second := float64(time.Second)
		require.Equal(t, map[string]float64{
			"requests Put ok mem": 1, "requests Put exist mem": 1, "latency Put mem": 2 * second, "bytes Put mem": 1000,
			"requests Get ok mem": 1, "latency Get mem": second, "bytes Get mem": 400,
			"requests Stat not_exist mem": 1, "latency Stat mem": second,
			"requests List ok mem": 1, "latency List mem": second,
			"requests Delete ok mem": 1, "latency Delete mem": second,
			"in_flight": 0,
		}, told.numbers)
	})
}

func TestEveryKindOfErrorHasItsName(t *testing.T) {
	t.Parallel()
	told, below := newBoard(), open(t)
	b := metrics.New(below, metrics.NewMeter(told))
	for name, err := range map[string]error{
		"not_exist": storage.ErrNotExist, "exist": storage.ErrExist, "denied": storage.ErrDenied, "no_root": storage.ErrNoRoot,
		"no_space": storage.ErrNoSpace, "body": storage.ErrBody, "invalid_key": storage.ErrInvalidKey, "read_only": storage.ErrReadOnly,
		"unavailable": storage.ErrUnavailable, "config": storage.ErrConfig, "canceled": context.Canceled,
		"deadline": context.DeadlineExceeded, "other": errors.New("unknown"),
	} {
		below.Set(fault.Fault{Err: err})
		require.ErrorIs(t, b.Delete(t.Context(), "k"), err)
		require.EqualValues(t, 1, told.numbers["requests Delete "+name+" mem"], name)
	}
}

func TestCallsInFlightOfAllBucketsAreOneNumber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		told, below := newBoard(), open(t)
		meter := metrics.NewMeter(told)
		below.Set(fault.Fault{Times: fault.Forever, Delay: time.Second})
		var wg sync.WaitGroup
		for i := range 7 {
			b := metrics.New(below, meter)
			wg.Go(func() {
				if err := b.Delete(t.Context(), fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 7, told.highest["in_flight"])
	})
}

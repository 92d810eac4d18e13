package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/fault"
	"starkeep/storage/mem"
	"starkeep/storage/storagetest"
)

func open(t testing.TB) *fault.Bucket {
	t.Helper()
	b, err := mem.Open(t.Name(), true)
	require.NoError(t, err)
	t.Cleanup(func() { mem.Drop(t.Name()) })
	return fault.New(b)
}

func put(b storage.Bucket, key, data string) error {
	return b.Put(context.Background(), key, storage.BytesBody([]byte(data)), storage.PutOptions{})
}

func TestWithoutFaultsItIsABucketLikeAnother(t *testing.T) {
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		b := open(t)
		return storagetest.Place{Open: func() storage.Bucket { return b }}
	})
}

func TestNthMatchingCallFails(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.Set(fault.Fault{Method: fault.Put, Key: "data/", Nth: 2, Times: 2, Err: storage.ErrDenied})
	require.NoError(t, put(b, "data/1", "x"))
	require.NoError(t, put(b, "index/1", "x"))
	require.EqualError(t, put(b, "data/2", "x"), "put data/2: access denied")
	require.ErrorIs(t, put(b, "data/3", "x"), storage.ErrDenied)
	require.NoError(t, put(b, "data/4", "x"))
	require.Equal(t, []fault.Call{{fault.Put, "data/1"}, {fault.Put, "index/1"}, {fault.Put, "data/2"}, {fault.Put, "data/3"}, {fault.Put, "data/4"}}, b.TakeCalls())
	require.Empty(t, b.TakeCalls())

	b.Set(fault.Fault{Times: fault.Forever})
	for range 3 {
		require.ErrorIs(t, put(b, "k", "x"), fault.ErrInjected)
		_, err := b.Stat(t.Context(), "data/1")
		require.ErrorIs(t, err, fault.ErrInjected)
		require.ErrorIs(t, b.Delete(t.Context(), "data/1"), fault.ErrInjected)
	}
	b.Set()
	_, err := b.Stat(t.Context(), "data/1")
	require.NoError(t, err)
}

func TestLostAnswersHaveTheirEffect(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.Set(fault.Fault{Method: fault.Put, After: true}, fault.Fault{Method: fault.Delete, After: true})
	require.ErrorIs(t, put(b, "k", "x"), fault.ErrInjected)
	_, err := b.Stat(t.Context(), "k")
	require.NoError(t, err)
	require.ErrorIs(t, b.Delete(t.Context(), "k"), fault.ErrInjected)
	_, err = b.Stat(t.Context(), "k")
	require.ErrorIs(t, err, storage.ErrNotExist)
}

func TestStreamsBreakHalfWay(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.Set(fault.Fault{Method: fault.Put, Cut: 5})
	require.ErrorIs(t, put(b, "k", "0123456789"), fault.ErrInjected)
	_, err := b.Stat(t.Context(), "k")
	require.ErrorIs(t, err, storage.ErrNotExist)

	require.NoError(t, put(b, "k", "0123456789"))
	b.Set(fault.Fault{Method: fault.Get, Cut: 5})
	r, err := b.Get(t.Context(), "k", storage.Range{})
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.ErrorIs(t, err, fault.ErrInjected)
	require.Equal(t, "01234", string(data))
	require.NoError(t, r.Close())

	require.NoError(t, put(b, "l", "x"))
	b.Set(fault.Fault{Method: fault.List, Cut: 1})
	n := 0
	require.ErrorIs(t, b.List(t.Context(), "", func(storage.Info) error { n++; return nil }), fault.ErrInjected)
	require.Equal(t, 1, n)
}

func TestDelayEndsWithTheContext(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.Set(fault.Fault{Delay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, b.Put(ctx, "k", storage.BytesBody(nil), storage.PutOptions{}), context.Canceled)
	b.Set(fault.Fault{Delay: time.Millisecond})
	require.NoError(t, put(b, "k", "x"), "only slow")
}

func TestExactlyOneOfManyCallersIsStruck(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.Set(fault.Fault{Method: fault.Put, Nth: 7})
	var struck atomic.Int32
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if errors.Is(put(b, fmt.Sprintf("k%d", i), "x"), fault.ErrInjected) {
				struck.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, struck.Load())
	require.Len(t, b.TakeCalls(), 20)
}

package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/fault"
	"starkeep/storage/mem"
	"starkeep/storage/readonly"
	"starkeep/storage/storagetest/conformance"
)

// place returns a fault wrapper over a place in memory, and how an examination opens it.
func place(t *testing.T) (*fault.Bucket, func() (storage.Bucket, error)) {
	t.Helper()
	b, err := mem.Open(t.Name(), true)
	require.NoError(t, err)
	t.Cleanup(func() { mem.Drop(t.Name()) })
	f := fault.New(b)
	return f, func() (storage.Bucket, error) { return f, nil }
}

func put(t *testing.T, b storage.Bucket, key, data string) {
	t.Helper()
	require.NoError(t, b.Put(t.Context(), key, storage.BytesBody([]byte(data)), storage.PutOptions{}))
}

func keys(t *testing.T, b storage.Bucket) (all []string) {
	t.Helper()
	require.NoError(t, b.List(t.Context(), "", func(i storage.Info) error {
		all = append(all, i.Key)
		return nil
	}))
	return all
}

// counted counts what is sent.
type counted struct {
	storage.Bucket
	sent *atomic.Int64
}

func (c counted) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	c.sent.Add(body.Size)
	return c.Bucket.Put(ctx, key, body, opts)
}

func TestExaminationIsModestAndLeavesNothing(t *testing.T) {
	t.Parallel()
	f, _ := place(t)
	put(t, f, "data/own", "the user's")
	f.TakeCalls()
	var sent atomic.Int64
	var told []conformance.Verdict
	verdicts := conformance.Examine(t.Context(), func() (storage.Bucket, error) { return counted{f, &sent}, nil },
		conformance.Options{Prefix: "probe", Report: func(v conformance.Verdict) { told = append(told, v) }})
	require.Equal(t, verdicts, told)
	require.Len(t, verdicts, len(conformance.Checks())+2)
	for _, v := range verdicts {
		if !v.OK {
			require.Contains(t, []string{"MissingRootIsNotAbsent", "UnknownRootIsNoEmptyOne", "DeniedIsNotAbsent", "DeadStoreIsNotAbsent"}, v.Name, "%+v", v)
			require.NotEmpty(t, v.Skipped)
		}
		require.Empty(t, v.Detail)
		require.NotEmpty(t, v.Title)
	}
	calls := f.TakeCalls()
	for _, call := range calls {
		require.True(t, strings.HasPrefix(call.Key, "probe/examination-") || call.Key == "", "%+v", call)
	}
	// 50 ms a call, were they all one after the other.
	require.Less(t, len(calls), int(2*time.Minute/(50*time.Millisecond)))
	require.Less(t, sent.Load(), int64(64<<20))
	require.Equal(t, []string{"data/own"}, keys(t, f))
}

func TestReadOnlyRepositoryIsExaminedWithoutAWrite(t *testing.T) {
	t.Parallel()
	f, _ := place(t)
	for i := range 30 {
		put(t, f, fmt.Sprintf("root/d%d/%d", i%3, i), strings.Repeat("x", i*1000))
	}
	open := func() (storage.Bucket, error) { return readonly.New(f), nil }
	f.TakeCalls()
	for _, v := range conformance.Examine(t.Context(), open, conformance.Options{Prefix: "root", ReadOnly: true}) {
		require.True(t, v.OK, "%+v", v)
	}
	for _, call := range f.TakeCalls() {
		require.NotContains(t, []fault.Method{fault.Put, fault.Delete}, call.Method)
	}

	for _, v := range conformance.Examine(t.Context(), open, conformance.Options{Prefix: "empty", ReadOnly: true}) {
		if v.Skipped != "" {
			require.Equal(t, "the repository holds nothing that could be read", v.Skipped)
			continue
		}
		require.True(t, v.OK, "%+v", v)
	}
}

func TestStoreThatDoesNotAnswerIsAskedOnce(t *testing.T) {
	t.Parallel()
	f, open := place(t)
	f.Set(fault.Fault{Times: fault.Forever, Err: fmt.Errorf("%w: connection refused,\nso look whether it runs", storage.ErrUnavailable)})
	verdicts := conformance.Examine(t.Context(), open, conformance.Options{Prefix: "probe"})
	require.Equal(t, "list: list probe/examination-", verdicts[0].Detail[:len("list: list probe/examination-")])
	require.Contains(t, verdicts[0].Detail, "store unavailable: connection refused, so look whether it runs", "on one line")
	for _, v := range verdicts[1:] {
		require.Equal(t, "the store could not be used at all", v.Skipped)
	}
	require.Len(t, f.TakeCalls(), 1)

	closed := errors.New("no such bucket")
	verdicts = conformance.Examine(t.Context(), func() (storage.Bucket, error) { return nil, closed }, conformance.Options{})
	require.Equal(t, "open: no such bucket", verdicts[0].Detail)
}

func TestStoreThatTakesNothingIsNotTriedFurther(t *testing.T) {
	t.Parallel()
	f, open := place(t)
	f.Set(fault.Fault{Method: fault.Put, Times: fault.Forever, Err: storage.ErrDenied})
	verdicts := conformance.Examine(t.Context(), open, conformance.Options{Prefix: "probe"})
	require.True(t, verdicts[0].OK)
	require.Contains(t, verdicts[1].Detail, "access denied")
	for _, v := range verdicts[2 : len(verdicts)-1] {
		require.Equal(t, "nothing could be written and read back", v.Skipped)
	}
	require.True(t, verdicts[len(verdicts)-1].OK, "nothing is left")
}

func TestWhatCannotBeDeletedIsTold(t *testing.T) {
	t.Parallel()
	f, open := place(t)
	f.Set(fault.Fault{Method: fault.Delete, Times: fault.Forever, Err: storage.ErrDenied})
	verdicts := conformance.Examine(t.Context(), open, conformance.Options{Prefix: "probe"})
	last := verdicts[len(verdicts)-1]
	require.Equal(t, conformance.LeavesNothing, last.Name)
	require.Contains(t, last.Detail, "delete what was written below probe/examination-")
	require.Contains(t, last.Detail, "access denied")
	require.NotEmpty(t, keys(t, f), "and it is true")
}

func TestEndedExaminationLeavesNothing(t *testing.T) {
	t.Parallel()
	f, open := place(t)
	ctx, cancel := context.WithCancel(t.Context())
	var verdicts []conformance.Verdict
	conformance.Examine(ctx, open, conformance.Options{Prefix: "probe", Report: func(v conformance.Verdict) {
		if verdicts = append(verdicts, v); len(verdicts) == 3 {
			f.Set(fault.Fault{Method: fault.Get, Delay: time.Hour}) // the next check is cancelled in the middle
			time.AfterFunc(10*time.Millisecond, cancel)
		}
	}})
	require.True(t, verdicts[2].OK)
	require.Equal(t, "the examination was ended: context canceled", verdicts[3].Skipped)
	require.True(t, verdicts[len(verdicts)-1].OK, "%+v", verdicts[len(verdicts)-1])
	require.Empty(t, keys(t, f))
}

// aged shows objects as old as they say.
type aged struct{ storage.Bucket }

func (a aged) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	return a.Bucket.List(ctx, prefix, func(i storage.Info) error {
		if strings.Contains(i.Key, "old") {
			i.Modified = i.Modified.Add(-2 * time.Hour)
		}
		return fn(i)
	})
}

func TestKilledExaminationIsCleanedUpByTheNext(t *testing.T) {
	t.Parallel()
	f, _ := place(t)
	for _, key := range []string{"probe/examination-old/00/k", "probe/examination-other/00/k", "probe/old", "examination-old"} {
		put(t, f, key, "x")
	}
	conformance.Examine(t.Context(), func() (storage.Bucket, error) { return aged{f}, nil }, conformance.Options{Prefix: "probe"})
	require.Equal(t, []string{"examination-old", "probe/examination-other/00/k", "probe/old"}, keys(t, f), "living ones and others' objects stay")
}

// panicking panics in one method.
type panicking struct{ storage.Bucket }

func (panicking) Get(context.Context, string, storage.Range) (io.ReadCloser, error) {
	panic("nil map")
}

func TestPanicIsAVerdict(t *testing.T) {
	t.Parallel()
	f, _ := place(t)
	verdicts := conformance.Examine(t.Context(), func() (storage.Bucket, error) { return panicking{f}, nil }, conformance.Options{})
	require.Equal(t, "panic: nil map", verdicts[1].Detail)
	require.Empty(t, keys(t, f))
}

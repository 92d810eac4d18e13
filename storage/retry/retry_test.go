package retry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starkeep/storage"
	"starkeep/storage/fault"
	"starkeep/storage/mem"
	"starkeep/storage/retry"
	"starkeep/storage/storagetest"
)

// errPassing is a failure that a repeat cures.
var errPassing = fmt.Errorf("%w: SlowDown", storage.ErrUnavailable)

func open(t testing.TB) *fault.Bucket {
	t.Helper()
	name := t.Name()
	t.Cleanup(func() { mem.Drop(name) })
	b, err := mem.Open(name, true)
	require.NoError(t, err)
	return fault.New(b)
}

// longest waits as long as it may: tests then know every wait.
func longest(bound time.Duration) time.Duration { return bound }

func put(t testing.TB, b storage.Bucket, key, data string) {
	t.Helper()
	require.NoError(t, b.Put(t.Context(), key, storage.BytesBody([]byte(data)), storage.PutOptions{}))
}

func read(t testing.TB, b storage.Bucket, key string, r storage.Range) (string, error) {
	t.Helper()
	body, err := b.Get(t.Context(), key, r)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(body)
	require.NoError(t, body.Close())
	return string(data), err
}

func TestRetryingBucketPassesTheSuite(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		b := open(t)
		name := t.Name()
		return storagetest.Place{
			Open:       func() storage.Bucket { return retry.New(b, retry.Policy{}) },
			RemoveRoot: func() { mem.Drop(name) },
		}
	})
}

// Every second call fails, in its middle where it has one: nobody above may notice.
func TestSuitePassesOnAStoreThatFailsEverySecondTime(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		b := open(t)
		return storagetest.Place{Open: func() storage.Bucket {
			return retry.New(&limping{Bucket: b}, retry.Policy{Attempts: 100, First: time.Microsecond, Max: time.Microsecond})
		}}
	})
}

// limping fails in passing on every second call; a body breaks after 1000 bytes, a list after ten keys. The suite replaces
// the object "k" while it is read: a break in that body could not be mended, so there the call itself fails.
type limping struct {
	storage.Bucket
	calls atomic.Int64
}

func (l *limping) fails() bool { return l.calls.Add(1)%2 == 1 }

func (l *limping) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	body, err := l.Bucket.Get(ctx, key, r)
	if err != nil || !l.fails() {
		return body, err
	}
	if key == "k" {
		return nil, errors.Join(errPassing, body.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(body, 1000), iotest.ErrReader(errPassing)), body}, nil
}

func (l *limping) Stat(ctx context.Context, key string) (storage.Info, error) {
	if l.fails() && ctx.Err() == nil {
		return storage.Info{}, errPassing
	}
	return l.Bucket.Stat(ctx, key)
}

func (l *limping) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	if !l.fails() {
		return l.Bucket.List(ctx, prefix, fn)
	}
	left := 10
	return l.Bucket.List(ctx, prefix, func(i storage.Info) error {
		if left--; left < 0 {
			return errPassing
		}
		return fn(i)
	})
}

// Put loses its answer.
func (l *limping) Put(ctx context.Context, key string, body storage.Body, o storage.PutOptions) error {
	err := l.Bucket.Put(ctx, key, body, o)
	if err == nil && l.fails() {
		return errPassing
	}
	return err
}

func (l *limping) Delete(ctx context.Context, key string) error {
	err := l.Bucket.Delete(ctx, key)
	if err == nil && l.fails() {
		return errPassing
	}
	return err
}

func TestEachMethodIsRepeatedUntilItSucceeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		var told []string
		b := retry.New(below, retry.Policy{Jitter: longest, Notify: func(r retry.Repeat) {
			told = append(told, fmt.Sprintf("%s %s %d %s %v", r.Method, r.Key, r.Attempt, r.Wait, r.Err))
		}})
		began := time.Now()
		fail := func(m fault.Method) { below.Set(fault.Fault{Method: m, Times: 4, Err: errPassing}) }
		fail(fault.Put)
		put(t, b, "k", "x")
		fail(fault.Get)
		data, err := read(t, b, "k", storage.Range{})
		require.NoError(t, err)
		require.Equal(t, "x", data)
		fail(fault.Stat)
		_, err = b.Stat(t.Context(), "k")
		require.NoError(t, err)
		fail(fault.List)
		require.NoError(t, b.List(t.Context(), "k", func(storage.Info) error { return nil }))
		fail(fault.Delete)
		require.NoError(t, b.Delete(t.Context(), "k"))
		require.Equal(t, 5*(200+400+800+1600)*time.Millisecond, time.Since(began))
		require.Len(t, told, 20)
		require.Equal(t, "Put k 1 200ms put k: store unavailable: SlowDown", told[0])
		require.Equal(t, "Delete k 4 1.6s delete k: store unavailable: SlowDown", told[19])
	})
}

func TestLastErrorSaysHowOftenAndHowLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		below.Set(fault.Fault{Times: fault.Forever, Err: errPassing})
		b := retry.New(below, retry.Policy{Attempts: 7, Max: time.Second, Jitter: longest})
		_, err := b.Stat(t.Context(), "k")
		require.ErrorIs(t, err, storage.ErrUnavailable)
		require.EqualError(t, err, "stat k: store unavailable: SlowDown (tried 7 times in 4.4s)")
		require.Len(t, below.TakeCalls(), 7)
		once := retry.New(below, retry.Policy{Attempts: 1})
		_, err = once.Stat(t.Context(), "k")
		require.EqualError(t, err, "stat k: store unavailable: SlowDown")
	})
}

func TestFinalErrorsAreNotRepeated(t *testing.T) {
	t.Parallel()
	below := open(t)
	b := retry.New(below, retry.Policy{})
	for _, final := range []error{
		storage.ErrNotExist, storage.ErrExist, storage.ErrDenied, storage.ErrNoRoot, storage.ErrNoSpace, storage.ErrBody,
		storage.ErrInvalidKey, storage.ErrReadOnly, storage.ErrConfig, context.Canceled, errors.New("unknown"),
	} {
		below.Set(fault.Fault{Times: fault.Forever, Err: final})
		_, getErr := b.Get(t.Context(), "k", storage.Range{})
		_, statErr := b.Stat(t.Context(), "k")
		for _, err := range []error{
			getErr, statErr, b.List(t.Context(), "", func(storage.Info) error { return nil }),
			b.Put(t.Context(), "k", storage.BytesBody(nil), storage.PutOptions{IfAbsent: true}), b.Delete(t.Context(), "k"),
		} {
			require.ErrorIs(t, err, final)
		}
		require.Len(t, below.TakeCalls(), 5, "%v", final)
	}
}

func TestWaitsAreSpreadFromZeroToTheirBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		var waits []time.Duration
		b := retry.New(below, retry.Policy{Attempts: 400, First: time.Second, Max: time.Second, Notify: func(r retry.Repeat) {
			waits = append(waits, r.Wait)
		}})
		below.Set(fault.Fault{Times: fault.Forever, Err: errPassing})
		require.ErrorIs(t, b.Delete(t.Context(), "k"), storage.ErrUnavailable)
		short, sum := 0, time.Duration(0)
		for _, w := range waits {
			require.LessOrEqual(t, w, time.Second)
			sum += w
			if w < 250*time.Millisecond {
				short++
			}
		}
		// Of 399 even draws, fewer than 50 in the first quarter or a mean off by 0.1 s comes less than once in 10^8 runs.
		require.Greater(t, short, 50)
		require.InDelta(t, 0.5, (sum / 399).Seconds(), 0.1)
	})
}

func TestCancelEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		below.Set(fault.Fault{Times: fault.Forever, Err: errPassing})
		b := retry.New(below, retry.Policy{First: time.Hour, Max: time.Hour, Jitter: longest})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		err := b.Delete(ctx, "k")
		require.EqualError(t, err, "context canceled, while the last of 1 attempts had failed: delete k: store unavailable: SlowDown")
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, storage.ErrUnavailable, "a cancelled job is no broken store")
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestNoWaitOutlastsTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		below.Set(fault.Fault{Times: fault.Forever, Err: errPassing})
		b := retry.New(below, retry.Policy{First: time.Minute, Max: time.Hour, Jitter: longest})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		began := time.Now()
		require.EqualError(t, b.Delete(ctx, "k"), "delete k: store unavailable: SlowDown (tried 2 times in 1m0s)")
		require.Equal(t, time.Minute, time.Since(began))
	})
}

func TestBodyGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	for _, r := range []storage.Range{{}, {Offset: 3}, {Offset: 3, Length: 20}, {Length: 10}, {Offset: 30, Length: 100}} {
		synctest.Test(t, func(t *testing.T) {
			below := open(t)
			const data = "0123456789abcdefghijklmnopqrstuvwxyz"
			put(t, below, "k", data)
			b := retry.New(below, retry.Policy{Attempts: 2})
			below.Set(fault.Fault{Method: fault.Get, Times: fault.Forever, Cut: 4, Err: errPassing})
			offset, length, err := r.Clip(int64(len(data)))
			require.NoError(t, err)
			got, err := read(t, b, "k", r)
			require.NoError(t, err, "each break comes after some progress: attempts count anew")
			require.Equal(t, data[offset:offset+length], got)
		})
	}
}

func TestBodyThatBrokeBehindItsLastByteIsWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		put(t, below, "k", "0123")
		below.Set(fault.Fault{Method: fault.Get, Cut: 4, Err: errPassing})
		got, err := read(t, retry.New(below, retry.Policy{}), "k", storage.Range{Length: 4})
		require.NoError(t, err)
		require.Equal(t, "0123", got)
	})
}

func TestBodyThatNeverGoesOnEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		put(t, below, "k", "0123456789")
		below.Set(fault.Fault{Method: fault.Get, Cut: 4, Err: errPassing}, fault.Fault{Method: fault.Get, Nth: 2, Times: fault.Forever, Err: errPassing})
		body, err := retry.New(below, retry.Policy{Jitter: longest}).Get(t.Context(), "k", storage.Range{})
		require.NoError(t, err)
		data, err := io.ReadAll(body)
		require.ErrorIs(t, err, storage.ErrUnavailable)
		require.EqualError(t, err, "get k: store unavailable: SlowDown (tried 5 times in 3s)")
		require.Equal(t, "0123", string(data))
		_, again := body.Read(make([]byte, 1))
		require.Equal(t, err, again, "an error stays")
		require.NoError(t, body.Close())
	})
}

func TestReplacedObjectIsNoRestOfTheOldOne(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b storage.Bucket){
		"shorter than what was read": func(b storage.Bucket) { put(t, b, "k", "01") },
		"other size between breaks":  func(b storage.Bucket) { put(t, b, "k", "0123456789abcdefgh") },
		"same size, other time": func(b storage.Bucket) {
			time.Sleep(time.Second)
			put(t, b, "k", "0123456789abcdef")
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			below := open(t)
			put(t, below, "k", "0123456789abcdef")
			below.Set(fault.Fault{Method: fault.Get, Times: fault.Forever, Cut: 4, Err: errPassing})
			body, err := retry.New(below, retry.Policy{}).Get(t.Context(), "k", storage.Range{})
			require.NoError(t, err)
			_, err = io.ReadFull(body, make([]byte, 6)) // one break is behind us
			require.NoError(t, err)
			change(below.Bucket)
			_, err = io.ReadAll(body)
			require.ErrorIs(t, err, retry.ErrChanged, name)
			require.NotErrorIs(t, err, storage.ErrUnavailable)
			require.NoError(t, body.Close())
		})
	}
}

// An object may be replaced before the first break as well as behind the last one.
func TestReplacedObjectIsNeverMixedWithTheOldOne(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b storage.Bucket) error{
		"longer":    func(b storage.Bucket) error { put(t, b, "k", "ABCDEFGHIJKLMNOPQRST"); return nil },
		"same size": func(b storage.Bucket) error { put(t, b, "k", "ABCDEFGHIJKLMNOP"); return nil },
		"deleted":   func(b storage.Bucket) error { return b.Delete(t.Context(), "k") },
	} {
		for _, before := range []int{2, 14} { // bytes read: before the one break, which comes at 4, and behind it
			synctest.Test(t, func(t *testing.T) {
				below := open(t)
				put(t, below, "k", "0123456789abcdef")
				below.Set(fault.Fault{Method: fault.Get, Cut: 4, Err: errPassing})
				body, err := retry.New(below, retry.Policy{}).Get(t.Context(), "k", storage.Range{})
				require.NoError(t, err)
				_, err = io.ReadFull(body, make([]byte, before))
				require.NoError(t, err)
				time.Sleep(time.Second)
				require.NoError(t, change(below.Bucket))
				_, err = io.ReadAll(body)
				require.ErrorIs(t, err, retry.ErrChanged, "%s after %d bytes", name, before)
				require.NotErrorIs(t, err, storage.ErrNotExist)
				require.NoError(t, body.Close())
			})
		}
	}
}

func TestListGoesOnBehindItsLastKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		var want []string
		for i := range 10 {
			want = append(want, fmt.Sprintf("k%d", i))
			put(t, below, want[i], "x")
		}
		var faults []fault.Fault
		for i := range 9 { // the first call gets one key far, the second two, …
			faults = append(faults, fault.Fault{Method: fault.List, Nth: i + 1, Cut: int64(i + 1), Err: errPassing})
		}
		below.Set(faults...)
		b := retry.New(below, retry.Policy{Attempts: 2})
		var got []string
		require.NoError(t, b.List(t.Context(), "k", func(i storage.Info) error { got = append(got, i.Key); return nil }))
		require.Equal(t, want, got)

		below.Set(fault.Fault{Method: fault.List, Times: fault.Forever, Cut: 3, Err: errPassing})
		below.TakeCalls()
		got = nil
		err := b.List(t.Context(), "k", func(i storage.Info) error { got = append(got, i.Key); return nil })
		require.ErrorIs(t, err, storage.ErrUnavailable, "a list that is cut is never a short list")
		require.Equal(t, want[:3], got)
		require.Len(t, below.TakeCalls(), 2)
	})
}

func TestCallersOwnErrorIsNotRepeated(t *testing.T) {
	t.Parallel()
	b := retry.New(open(t), retry.Policy{})
	put(t, b, "k", "x")
	calls := 0
	err := b.List(t.Context(), "", func(storage.Info) error { calls++; return errPassing })
	require.Equal(t, errPassing, err)
	require.Equal(t, 1, calls)
}

// The answer of a creation is lost, and its repeat finds the key taken: by this very Put, or by somebody else.
func TestLostAnswerOfACreationIsFoundOut(t *testing.T) {
	t.Parallel()
	const data = "the page of this writer"
	known, unknown := storage.BytesBody([]byte(data)), storage.BytesBody([]byte(data))
	unknown.SHA256 = [32]byte{}
	for name, c := range map[string]struct {
		body   storage.Body
		stored string // by another writer, before; "": nothing
		want   error
	}{
		"ours":                        {known, "", nil},
		"ours, hash not known":        {unknown, "", nil},
		"other size":                  {known, "a page", storage.ErrExist},
		"same size, other bytes":      {known, "the page of other ones!", storage.ErrExist},
		"same size, hash not known":   {unknown, "the page of other ones!", storage.ErrExist},
		"identical, of another write": {known, data, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				below := open(t)
				lost := fault.Fault{Method: fault.Put, Err: errPassing, After: true}
				if c.stored != "" {
					put(t, below, "k", c.stored)
					lost.After = false
				}
				// The comparison is worth its own retries.
				below.Set(lost, fault.Fault{Method: fault.Stat, Err: errPassing}, fault.Fault{Method: fault.Get, Cut: 4, Err: errPassing})
				err := retry.New(below, retry.Policy{}).Put(t.Context(), "k", c.body, storage.PutOptions{IfAbsent: true})
				require.ErrorIs(t, err, c.want)
				below.Set()
				got, err := read(t, below, "k", storage.Range{})
				require.NoError(t, err)
				require.Contains(t, []string{c.stored, data}, got)
			})
		})
	}
}

func TestTakenKeyIsNotComparedWhenNoAnswerWasLost(t *testing.T) {
	t.Parallel()
	below := open(t)
	put(t, below, "k", "x")
	below.TakeCalls()
	b := retry.New(below, retry.Policy{})
	err := b.Put(t.Context(), "k", storage.BytesBody([]byte("x")), storage.PutOptions{IfAbsent: true})
	require.ErrorIs(t, err, storage.ErrExist)
	require.Len(t, below.TakeCalls(), 1)
}

func TestWhoCreatedStaysUnknownWhenTheStoreDies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		below := open(t)
		below.Set(fault.Fault{Method: fault.Put, Err: errPassing, After: true}, fault.Fault{Method: fault.Stat, Times: fault.Forever, Err: errPassing})
		err := retry.New(below, retry.Policy{}).Put(t.Context(), "k", storage.BytesBody([]byte("x")), storage.PutOptions{IfAbsent: true})
		require.ErrorIs(t, err, storage.ErrUnavailable)
		require.NotErrorIs(t, err, storage.ErrExist, "that would tell the writer that it lost")
	})
}

// Whatever breaks wherever, a read gives the bytes of the range or an error, never other bytes.
func TestAnyBreaksGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	below := open(t)
	data := strings.Repeat("0123456789abcdef", 20)
	put(t, below, "k", data)
	b := retry.New(below, retry.Policy{First: time.Nanosecond, Max: time.Nanosecond})
	rapid.Check(t, func(r *rapid.T) {
		var faults []fault.Fault
		for i := range rapid.IntRange(0, 8).Draw(r, "faults") {
			faults = append(faults, fault.Fault{
				Method: rapid.SampledFrom([]fault.Method{fault.Get, fault.Stat}).Draw(r, "method"),
				Nth:    i + 1, Cut: rapid.Int64Range(0, 100).Draw(r, "cut"), Err: errPassing,
			})
		}
		below.Set(faults...)
		span := storage.Range{Offset: rapid.Int64Range(0, 330).Draw(r, "offset"), Length: rapid.Int64Range(0, 330).Draw(r, "length")}
		offset, length, err := span.Clip(int64(len(data)))
		require.NoError(r, err)
		got, err := read(t, b, "k", span)
		if err != nil {
			require.ErrorIs(r, err, storage.ErrUnavailable)
			return
		}
		require.Equal(r, data[offset:offset+length], got)
	})
}

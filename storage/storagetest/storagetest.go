// Package storagetest is the suite that every storage.Bucket passes. A backend's own test is one call of Run.
package storagetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starkeep/storage"
)

// Place is a fresh, empty place of a backend.
type Place struct {
	// Open returns another handle on the place; the suite closes it.
	Open func() storage.Bucket
	// RemoveRoot takes away the root while handles are open. Nil for a backend that cannot lose it.
	RemoveRoot func()
	// Denied runs do while the store refuses everything to this process. Nil for a backend without permissions.
	Denied func(do func())
}

// suite is one run on one place.
type suite struct {
	place Place
	b     storage.Bucket
}

// Run runs the suite; newPlace is called once a test.
func Run(t *testing.T, newPlace func(t testing.TB) Place) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s suite)
	}{
		{"RoundTripKeepsBytes", roundTrip},
		{"RangesReadWhatTheySay", ranges},
		{"AnyRangeEqualsTheSlice", anyRange},
		{"ListIsInByteOrder", listOrder},
		{"ListPrefixIsNoFolder", listPrefix},
		{"ListOfThousandsIsWhole", listThousands},
		{"ListStopsAtFirstError", listStops},
		{"ListStopsWhenCancelled", listCancelled},
		{"PutReplacesOlderObject", putReplaces},
		{"SamePutTwiceIsHarmless", putTwice},
		{"CreateIfAbsentKeepsOldObject", createKeepsOld},
		{"OneOfSixteenCreatorsWins", createRaced},
		{"BrokenBodyLeavesNothing", brokenBody},
		{"WrongDeclarationIsRefused", wrongDeclaration},
		{"ReadersSeeOldOrNewNeverAMixture", oldOrNew},
		{"DeleteTwiceIsNoError", deleteTwice},
		{"DeleteBesidePutLosesNoPut", deleteBesidePut},
		{"AbsentIsProvenAbsent", absent},
		{"MissingRootIsNotAbsent", missingRoot},
		{"DeniedIsNotAbsent", denied},
		{"OddKeysAreKept", oddKeys},
		{"InvalidKeysAreRefused", invalidKeys},
		{"CancelledContextChangesNothing", cancelledChangesNothing},
		{"CancelStopsTransfers", cancelStopsTransfers},
		{"TwoHandlesSeeEachOther", twoHandles},
		{"NoGoroutineIsLeft", noGoroutines},
		{"TraitsAreStated", traits},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := suite{place: newPlace(t)}
			s.b = s.place.Open()
			t.Cleanup(func() { require.NoError(t, s.b.Close()) })
			c.run(t, s)
		})
	}
}

func put(t testing.TB, b storage.Bucket, key string, data []byte) {
	t.Helper()
	require.NoError(t, b.Put(t.Context(), key, storage.BytesBody(data), storage.PutOptions{}))
}

func get(t testing.TB, b storage.Bucket, key string, r storage.Range) []byte {
	t.Helper()
	body, err := b.Get(t.Context(), key, r)
	require.NoError(t, err)
	data, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	return data
}

func keys(t testing.TB, b storage.Bucket, prefix string) []string {
	t.Helper()
	var all []string
	require.NoError(t, b.List(t.Context(), prefix, func(i storage.Info) error {
		all = append(all, i.Key)
		return nil
	}))
	return all
}

func bytesOf(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data) // crypto/rand.Read never fails
	return data
}

func roundTrip(t *testing.T, s suite) {
	for _, size := range []int{0, 1, 4095, 4096, 4097, 3 << 20} {
		key, data := fmt.Sprintf("a/b/%d", size), bytesOf(size)
		put(t, s.b, key, data)
		require.True(t, slices.Equal(data, get(t, s.b, key, storage.Range{})), "%d bytes", size)
		info, err := s.b.Stat(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, key, info.Key)
		require.EqualValues(t, size, info.Size)
		require.False(t, info.Modified.IsZero())
	}
	var sizes []int64
	require.NoError(t, s.b.List(t.Context(), "a/b/409", func(i storage.Info) error {
		require.False(t, i.Modified.IsZero())
		sizes = append(sizes, i.Size)
		return nil
	}))
	require.Equal(t, []int64{4095, 4096, 4097}, sizes)
}

func ranges(t *testing.T, s suite) {
	put(t, s.b, "k", []byte("0123456789"))
	for _, c := range []struct {
		r    storage.Range
		want string
	}{
		{storage.Range{}, "0123456789"},
		{storage.Range{Offset: 3}, "3456789"},
		{storage.Range{Offset: 3, Length: 4}, "3456"},
		{storage.Range{Length: 1}, "0"},
		{storage.Range{Offset: 9, Length: 1}, "9"},
		{storage.Range{Offset: 8, Length: 100}, "89"},
		{storage.Range{Offset: 10}, ""},
		{storage.Range{Offset: 11}, ""},
		{storage.Range{Offset: 1 << 40, Length: 1 << 40}, ""},
	} {
		require.Equal(t, c.want, string(get(t, s.b, "k", c.r)), "%+v", c.r)
	}
	for _, r := range []storage.Range{{Offset: -1}, {Length: -1}} {
		_, err := s.b.Get(t.Context(), "k", r)
		require.Error(t, err, "%+v", r)
	}
	put(t, s.b, "empty", nil)
	require.Empty(t, get(t, s.b, "empty", storage.Range{}))
	require.Empty(t, get(t, s.b, "empty", storage.Range{Offset: 5, Length: 5}))
}

func anyRange(t *testing.T, s suite) {
	data := bytesOf(1000)
	put(t, s.b, "k", data)
	rapid.Check(t, func(r *rapid.T) {
		offset := rapid.Int64Range(0, 1100).Draw(r, "offset")
		length := rapid.Int64Range(0, 1100).Draw(r, "length")
		body, err := s.b.Get(t.Context(), "k", storage.Range{Offset: offset, Length: length})
		require.NoError(r, err)
		defer func() { require.NoError(r, body.Close()) }()
		got, err := io.ReadAll(body)
		require.NoError(r, err)
		from, to := min(offset, 1000), int64(1000)
		if length > 0 {
			to = min(offset+length, 1000)
		}
		require.True(r, slices.Equal(data[from:max(from, to)], got))
	})
}

func listOrder(t *testing.T, s suite) {
	// '-' and '.' come before '/', '0' and 'A' behind it: an order by folders would differ.
	want := []string{"A", "a-b", "a-b.c", "a.txt", "a/b", "a/b.c", "a/d/e", "a0/x", "aA", "b", "ä", "日本/語", "🦆"}
	for _, i := range []int{7, 0, 12, 3, 9, 1, 5, 11, 2, 8, 10, 4, 6} {
		put(t, s.b, want[i], []byte(want[i]))
	}
	require.Equal(t, want, keys(t, s.b, ""))
}

func listPrefix(t *testing.T, s suite) {
	for _, k := range []string{"p/q/1", "p/q/2", "p/qq", "p/q0", "pp", "x"} {
		put(t, s.b, k, []byte(k))
	}
	for _, c := range []struct {
		prefix string
		want   []string
	}{
		{"p", []string{"p/q/1", "p/q/2", "p/q0", "p/qq", "pp"}},
		{"p/", []string{"p/q/1", "p/q/2", "p/q0", "p/qq"}},
		{"p/q", []string{"p/q/1", "p/q/2", "p/q0", "p/qq"}},
		{"p/q/", []string{"p/q/1", "p/q/2"}},
		{"p/q/1", []string{"p/q/1"}},
		{"p/q/1/", nil},
		{"p/q/12", nil},
		{"q", nil},
		{"no/such/folder/", nil},
		{"x", []string{"x"}},
		{"x/", nil},
	} {
		require.Equal(t, c.want, keys(t, s.b, c.prefix), "prefix %q", c.prefix)
	}
}

func listThousands(t *testing.T, s suite) {
	const n = 2500 // more than two pages of S3
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < n; i += 8 {
				err := s.b.Put(t.Context(), fmt.Sprintf("many/%02x/%04d", i%7, i), storage.BytesBody([]byte{1}), storage.PutOptions{IfAbsent: true})
				if err != nil {
					t.Errorf("put %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	all := keys(t, s.b, "many/")
	require.Len(t, all, n)
	require.True(t, slices.IsSorted(all))
	require.Len(t, slices.Compact(all), n, "each once")
}

func listStops(t *testing.T, s suite) {
	for i := range 5 {
		put(t, s.b, fmt.Sprintf("k%d", i), nil)
	}
	enough, calls := errors.New("enough"), 0
	err := s.b.List(t.Context(), "", func(storage.Info) error {
		if calls++; calls == 3 {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	require.Equal(t, 3, calls)
}

func listCancelled(t *testing.T, s suite) {
	for i := range 50 {
		put(t, s.b, fmt.Sprintf("k%02d", i), nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := s.b.List(ctx, "", func(storage.Info) error {
		if calls++; calls == 3 {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 3, calls)
}

func putReplaces(t *testing.T, s suite) {
	put(t, s.b, "k", []byte("a longer first object"))
	put(t, s.b, "k", []byte("second"))
	require.Equal(t, "second", string(get(t, s.b, "k", storage.Range{})))
	require.Equal(t, []string{"k"}, keys(t, s.b, ""))
}

func putTwice(t *testing.T, s suite) {
	for range 2 {
		put(t, s.b, "k", []byte("same"))
	}
	require.Equal(t, "same", string(get(t, s.b, "k", storage.Range{})))
}

func createKeepsOld(t *testing.T, s suite) {
	create := storage.PutOptions{IfAbsent: true}
	require.NoError(t, s.b.Put(t.Context(), "d/k", storage.BytesBody([]byte("old")), create))
	for _, data := range []string{"new", "old"} {
		require.ErrorIs(t, s.b.Put(t.Context(), "d/k", storage.BytesBody([]byte(data)), create), storage.ErrExist)
		require.Equal(t, "old", string(get(t, s.b, "d/k", storage.Range{})))
	}
	require.NoError(t, s.b.Delete(t.Context(), "d/k"))
	require.NoError(t, s.b.Put(t.Context(), "d/k", storage.BytesBody([]byte("new")), create))
	require.Equal(t, "new", string(get(t, s.b, "d/k", storage.Range{})))
}

func createRaced(t *testing.T, s suite) {
	if s.b.Traits().CreateAbsent != storage.Atomic {
		t.Skipf("the backend declares %q: of several writers more than one may win", s.b.Traits().CreateAbsent)
	}
	for round := range 10 {
		key := fmt.Sprintf("race/%d/k", round)
		var winner atomic.Int32
		var wins, losses atomic.Int32
		start := make(chan struct{})
		var wg sync.WaitGroup
		for w := range 16 {
			handle := s.place.Open()
			wg.Go(func() {
				defer func() { _ = handle.Close() }()
				body := storage.BytesBody([]byte(strings.Repeat(string(rune('a'+w)), 10_000+w)))
				<-start
				switch err := handle.Put(t.Context(), key, body, storage.PutOptions{IfAbsent: true}); {
				case err == nil:
					winner.Store(int32(w))
					wins.Add(1)
				case errors.Is(err, storage.ErrExist):
					losses.Add(1)
				default:
					t.Errorf("writer %d: %v", w, err)
				}
			})
		}
		close(start)
		wg.Wait()
		require.EqualValues(t, 1, wins.Load())
		require.EqualValues(t, 15, losses.Load())
		w := int(winner.Load())
		require.Equal(t, strings.Repeat(string(rune('a'+w)), 10_000+w), string(get(t, s.b, key, storage.Range{})))
	}
}

var errHalfWay = errors.New("broken half way")

// halfBody breaks in the middle of what it declares.
func halfBody(data []byte) storage.Body {
	body := storage.BytesBody(data)
	whole := body.Open
	body.Open = func() (io.ReadCloser, error) {
		r, err := whole()
		if err != nil {
			return nil, err
		}
		half := io.MultiReader(io.LimitReader(r, int64(len(data)/2)), failing{})
		return struct {
			io.Reader
			io.Closer
		}{half, r}, nil
	}
	return body
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errHalfWay }

func brokenBody(t *testing.T, s suite) {
	put(t, s.b, "old", []byte("old"))
	for _, create := range []bool{false, true} {
		err := s.b.Put(t.Context(), "new", halfBody(bytesOf(1<<20)), storage.PutOptions{IfAbsent: create})
		require.ErrorIs(t, err, errHalfWay)
	}
	require.ErrorIs(t, s.b.Put(t.Context(), "old", halfBody(bytesOf(1<<20)), storage.PutOptions{}), errHalfWay)
	require.Equal(t, []string{"old"}, keys(t, s.b, ""))
	require.Equal(t, "old", string(get(t, s.b, "old", storage.Range{})))

	unopened := storage.Body{Size: 1, Open: func() (io.ReadCloser, error) { return nil, errHalfWay }}
	require.ErrorIs(t, s.b.Put(t.Context(), "new", unopened, storage.PutOptions{}), errHalfWay)
	require.Equal(t, []string{"old"}, keys(t, s.b, ""))
}

func wrongDeclaration(t *testing.T, s suite) {
	data := bytesOf(100_000)
	for name, change := range map[string]func(*storage.Body){
		"shorter than declared": func(b *storage.Body) { b.Size++ },
		"longer than declared":  func(b *storage.Body) { b.Size-- },
		"empty, declared":       func(b *storage.Body) { b.Size = 0 },
		"other hash":            func(b *storage.Body) { b.SHA256[0] ^= 1 },
		"short, hash not known": func(b *storage.Body) { b.Size++; b.SHA256 = [32]byte{} },
	} {
		body := storage.BytesBody(data)
		change(&body)
		require.ErrorIs(t, s.b.Put(t.Context(), "k", body, storage.PutOptions{}), storage.ErrBody, name)
		require.Empty(t, keys(t, s.b, ""), name)
	}
	body := storage.BytesBody(data)
	body.SHA256 = [32]byte{}
	require.NoError(t, s.b.Put(t.Context(), "k", body, storage.PutOptions{}))
}

func oldOrNew(t *testing.T, s suite) {
	old, fresh := strings.Repeat("o", 300_000), strings.Repeat("n", 200_000)
	put(t, s.b, "k", []byte(old))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 30 {
			data := []string{fresh, old}[i%2]
			if err := s.b.Put(t.Context(), "k", storage.BytesBody([]byte(data)), storage.PutOptions{}); err != nil {
				t.Errorf("put: %v", err)
			}
		}
	}()
	reads := 0
	for running := true; running; reads++ {
		select {
		case <-done:
			running = false
		default:
		}
		if got := string(get(t, s.b, "k", storage.Range{})); got != old && got != fresh {
			t.Fatalf("read %d bytes that were never put", len(got))
		}
	}
	require.Positive(t, reads)
}

func deleteTwice(t *testing.T, s suite) {
	put(t, s.b, "d/k", nil)
	put(t, s.b, "d/l", nil)
	require.NoError(t, s.b.Delete(t.Context(), "d/k"))
	require.NoError(t, s.b.Delete(t.Context(), "d/k"))
	require.NoError(t, s.b.Delete(t.Context(), "d"), "a folder is no object")
	require.NoError(t, s.b.Delete(t.Context(), "never/was/there"))
	require.Equal(t, []string{"d/l"}, keys(t, s.b, ""))
}

func deleteBesidePut(t *testing.T, s suite) {
	other := s.place.Open()
	defer func() { require.NoError(t, other.Close()) }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			err := other.Put(t.Context(), "x/y/z/gone", storage.BytesBody(nil), storage.PutOptions{})
			if err == nil {
				err = other.Delete(t.Context(), "x/y/z/gone")
			}
			if err != nil {
				t.Errorf("put and delete: %v", err)
			}
		}
	}()
	defer func() { <-done }()
	for i := range 100 {
		key := fmt.Sprintf("x/y/z/kept%d", i)
		put(t, s.b, key, []byte(key))
		require.Equal(t, key, string(get(t, s.b, key, storage.Range{})))
		require.NoError(t, s.b.Delete(t.Context(), key))
	}
	<-done
	require.Empty(t, keys(t, s.b, ""))
}

func absent(t *testing.T, s suite) {
	put(t, s.b, "folder/k", nil)
	for _, key := range []string{"k", "folder", "folder/l", "folder/k/below", "no/such/folder"} {
		_, err := s.b.Get(t.Context(), key, storage.Range{})
		require.ErrorIs(t, err, storage.ErrNotExist, key)
		_, err = s.b.Stat(t.Context(), key)
		require.ErrorIs(t, err, storage.ErrNotExist, key)
	}
}

// refused calls every method and asserts that each fails with want, and not as if something were absent.
func refused(t *testing.T, b storage.Bucket, want error) {
	t.Helper()
	_, getErr := b.Get(t.Context(), "d/k", storage.Range{})
	_, statErr := b.Stat(t.Context(), "d/k")
	for method, err := range map[string]error{
		"Get":      getErr,
		"Stat":     statErr,
		"List":     b.List(t.Context(), "", func(storage.Info) error { return nil }),
		"ListDeep": b.List(t.Context(), "d/", func(storage.Info) error { return nil }),
		"Put":      b.Put(t.Context(), "d/k", storage.BytesBody([]byte("x")), storage.PutOptions{}),
		"PutNew":   b.Put(t.Context(), "e/f", storage.BytesBody([]byte("x")), storage.PutOptions{IfAbsent: true}),
		"Delete":   b.Delete(t.Context(), "d/k"),
	} {
		require.ErrorIs(t, err, want, method)
		require.NotErrorIs(t, err, storage.ErrNotExist, method)
		require.NotErrorIs(t, err, storage.ErrExist, method)
	}
}

func missingRoot(t *testing.T, s suite) {
	if s.place.RemoveRoot == nil {
		t.Skip("the backend cannot lose its root")
	}
	put(t, s.b, "d/k", []byte("x"))
	s.place.RemoveRoot()
	refused(t, s.b, storage.ErrNoRoot)
}

func denied(t *testing.T, s suite) {
	if s.place.Denied == nil {
		t.Skip("the backend has no permissions")
	}
	put(t, s.b, "d/k", []byte("x"))
	s.place.Denied(func() { refused(t, s.b, storage.ErrDenied) })
	require.Equal(t, []string{"d/k"}, keys(t, s.b, ""))
}

func oddKeys(t *testing.T, s suite) {
	odd := []string{
		"with space", " leading and trailing ", "100%", "%2F%2e%2e", "a+b&c=d?e#f", "...", ".hidden", "..a/b..", "a.", "back\\slash",
		"quote'\"`", "*?[a-z]{x}", "$HOME ~ !;|<>", "é", "e\u0301", "日本語/列", "🦆🦆", "UPPER/lower", strings.Repeat("p", storage.MaxPart),
		strings.Repeat(strings.Repeat("k", 99)+"/", 8) + strings.Repeat("k", 100),
	}
	require.Len(t, odd[len(odd)-1], s.b.Traits().MaxKey, "the longest key is tried")
	for _, k := range odd {
		put(t, s.b, k, []byte(k))
	}
	for _, k := range odd {
		require.Equal(t, k, string(get(t, s.b, k, storage.Range{})))
		require.Equal(t, []string{k}, keys(t, s.b, k))
	}
	slices.Sort(odd)
	require.Equal(t, odd, keys(t, s.b, ""))
	for _, k := range odd {
		require.NoError(t, s.b.Delete(t.Context(), k))
	}
	require.Empty(t, keys(t, s.b, ""))
}

func invalidKeys(t *testing.T, s suite) {
	for _, key := range []string{
		"", "/", "/abs", "a//b", "a/", "./a", "a/./b", "..", "../a", "a/../../b", "a\x00b", "a\nb", "a\x7f", "a\u0085b", "a\xffb",
		strings.Repeat("p", storage.MaxPart+1), strings.Repeat("k/", 450) + "k",
	} {
		_, err := s.b.Get(t.Context(), key, storage.Range{})
		require.ErrorIs(t, err, storage.ErrInvalidKey, "%q", key)
		_, err = s.b.Stat(t.Context(), key)
		require.ErrorIs(t, err, storage.ErrInvalidKey, "%q", key)
		require.ErrorIs(t, s.b.Put(t.Context(), key, storage.BytesBody(nil), storage.PutOptions{}), storage.ErrInvalidKey, "%q", key)
		require.ErrorIs(t, s.b.Delete(t.Context(), key), storage.ErrInvalidKey, "%q", key)
	}
	for _, prefix := range []string{"/", "../", "a/../b", "a//", "a\x00", "\xff"} {
		err := s.b.List(t.Context(), prefix, func(storage.Info) error { return nil })
		require.ErrorIs(t, err, storage.ErrInvalidKey, "%q", prefix)
	}
}

func cancelledChangesNothing(t *testing.T, s suite) {
	put(t, s.b, "k", []byte("old"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.b.Put(ctx, "k", storage.BytesBody([]byte("new")), storage.PutOptions{}), context.Canceled)
	require.ErrorIs(t, s.b.Put(ctx, "l", storage.BytesBody([]byte("new")), storage.PutOptions{IfAbsent: true}), context.Canceled)
	require.ErrorIs(t, s.b.Delete(ctx, "k"), context.Canceled)
	_, err := s.b.Get(ctx, "k", storage.Range{})
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.b.Stat(ctx, "none")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.b.List(ctx, "", func(storage.Info) error { return nil }), context.Canceled)
	require.Equal(t, []string{"k"}, keys(t, s.b, ""))
	require.Equal(t, "old", string(get(t, s.b, "k", storage.Range{})))
}

func cancelStopsTransfers(t *testing.T, s suite) {
	data := bytesOf(1 << 20)
	ctx, cancel := context.WithCancel(t.Context())
	body := storage.BytesBody(data)
	whole := body.Open
	body.Open = func() (io.ReadCloser, error) {
		cancel() // the job is cancelled while its object is on the way
		return whole()
	}
	require.ErrorIs(t, s.b.Put(ctx, "k", body, storage.PutOptions{}), context.Canceled)
	require.Empty(t, keys(t, s.b, ""))

	put(t, s.b, "k", data)
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	r, err := s.b.Get(ctx, "k", storage.Range{})
	require.NoError(t, err)
	_, err = io.ReadFull(r, make([]byte, 100))
	require.NoError(t, err)
	cancel()
	_, err = io.Copy(io.Discard, r)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, r.Close())
}

func twoHandles(t *testing.T, s suite) {
	other := s.place.Open()
	put(t, s.b, "k", []byte("mine"))
	require.Equal(t, "mine", string(get(t, other, "k", storage.Range{})))
	put(t, other, "k", []byte("yours"))
	require.Equal(t, "yours", string(get(t, s.b, "k", storage.Range{})))
	require.NoError(t, other.Delete(t.Context(), "k"))
	_, err := s.b.Stat(t.Context(), "k")
	require.ErrorIs(t, err, storage.ErrNotExist)
	require.NoError(t, other.Close())
	put(t, s.b, "k", []byte("still open"))
}

func noGoroutines(t *testing.T, s suite) {
	before := runtime.NumGoroutine()
	handle := s.place.Open()
	for i := range 20 {
		key := fmt.Sprintf("k%d", i)
		put(t, handle, key, bytesOf(100_000))
		r, err := handle.Get(t.Context(), key, storage.Range{})
		require.NoError(t, err)
		_, err = r.Read(make([]byte, 10))
		require.NoError(t, err)
		require.NoError(t, r.Close(), "closed before its end")
		require.Error(t, handle.Put(t.Context(), key, halfBody(bytesOf(1000)), storage.PutOptions{}))
	}
	require.NoError(t, handle.Close())
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, // Eventually's own
		5*time.Second, 5*time.Millisecond, "goroutines before: %d", before)
}

func traits(t *testing.T, s suite) {
	tr := s.b.Traits()
	require.NotEmpty(t, tr.Name)
	require.Contains(t, []storage.CreateAbsent{storage.Atomic, storage.Checked}, tr.CreateAbsent)
	require.GreaterOrEqual(t, tr.MaxKey, 200, "the repository format needs that much")
	require.LessOrEqual(t, tr.MaxKey, storage.MaxKey)
}

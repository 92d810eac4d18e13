package conformance

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"starkeep/storage"
)

func roundTrip(t T, s *suite) {
	for _, size := range []int64{0, 1, 4095, 4096, 4097, 3 << 20} {
		key, data := fmt.Sprintf("a/b/%d", size), random(size)
		put(t, s.b, key, data)
		holds(t, s.b, key, string(data))
		info, err := s.b.Stat(t.Context(), key)
		works(t, err, "stat %s", key)
		truth(t, info.Key == key && info.Size == size && !info.Modified.IsZero(), "stat %s gave %+v for %d bytes", key, info, size)
	}
	var sizes []int64
	works(t, s.b.List(t.Context(), "a/b/409", func(i storage.Info) error {
		truth(t, !i.Modified.IsZero(), "%s is listed without a time", i.Key)
		sizes = append(sizes, i.Size)
		return nil
	}), "list")
	truth(t, fmt.Sprint(sizes) == "[4095 4096 4097]", "list gave the sizes %v", sizes)
}

func large(t T, s *suite) {
	data := random(s.scale.LargeSize)
	body, create := storage.BytesBody(data), storage.PutOptions{IfAbsent: true}
	works(t, s.b.Put(t.Context(), "large", body, create), "create %d bytes", len(data))
	holds(t, s.b, "large", string(data))
	half := storage.Range{Offset: s.scale.LargeSize/2 - 1, Length: 100_000}
	truth(t, get(t, s.b, "large", half) == string(data[half.Offset:][:half.Length]), "the middle is not what it was")

	err := s.b.Put(t.Context(), "large", body, create)
	truth(t, errors.Is(err, storage.ErrExist), "create what is there gave %v", err)
	err = s.b.Put(t.Context(), "other", halfBody(data), create)
	truth(t, errors.Is(err, errHalfWay), "a body that breaks gave %v", err)
	listed(t, s.b, "", "large")
	put(t, s.b, "large", []byte("small"))
	holds(t, s.b, "large", "small")
	s.nothingLeft(t)
}

// nothingLeft checks that no unfinished write is left behind.
func (s *suite) nothingLeft(t T) {
	t.Helper()
	if s.place.Leftovers == nil {
		return
	}
	left := s.place.Leftovers()
	truth(t, len(left) == 0, "unfinished writes are left behind: %s", several(left))
}

func ranges(t T, s *suite) {
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
		{storage.Range{Length: 1 << 62}, "0123456789"},
		{storage.Range{Offset: 10}, ""},
		{storage.Range{Offset: 11}, ""},
		{storage.Range{Offset: 10, Length: 1}, ""},
		{storage.Range{Offset: 1 << 40, Length: 1 << 40}, ""},
	} {
		got := get(t, s.b, "k", c.r)
		truth(t, got == c.want, "%+v gave %q, not %q", c.r, got, c.want)
	}
	for _, r := range []storage.Range{{Offset: -1}, {Length: -1}} {
		_, err := s.b.Get(t.Context(), "k", r)
		truth(t, err != nil, "%+v was taken", r)
	}
	put(t, s.b, "empty", nil)
	for _, r := range []storage.Range{{}, {Length: 5}, {Offset: 5}, {Offset: 5, Length: 5}} {
		got := get(t, s.b, "empty", r)
		truth(t, got == "", "%+v of an empty object gave %d bytes", r, len(got))
	}
	_, err := s.b.Get(t.Context(), "none", storage.Range{Offset: 5, Length: 5})
	truth(t, errors.Is(err, storage.ErrNotExist), "a part of what is absent gave %v", err)
}

func parallelRanges(t T, s *suite) {
	const part, parts = 256<<10 + 1, 16 // no power of two, so that no part ends where a block does
	data := random(part*parts - 1000)
	put(t, s.b, "k", data)
	read := make([]string, parts)
	together(parts, func(i int) {
		var err error
		if read[i], err = fetch(t, s.b, "k", storage.Range{Offset: int64(i) * part, Length: part}); err != nil {
			t.Errorf("get part %d: %v", i, err)
		}
	})
	truth(t, strings.Join(read, "") == string(data), "the parts are not the whole")
}

func putReplaces(t T, s *suite) {
	put(t, s.b, "k", []byte("a longer first object"))
	put(t, s.b, "k", []byte("second"))
	holds(t, s.b, "k", "second")
	listed(t, s.b, "", "k")
}

func putTwice(t T, s *suite) {
	for range 2 {
		put(t, s.b, "k", []byte("same"))
	}
	holds(t, s.b, "k", "same")
}

func createKeepsOld(t T, s *suite) {
	create := storage.PutOptions{IfAbsent: true}
	works(t, s.b.Put(t.Context(), "d/k", storage.BytesBody([]byte("old")), create), "create")
	for _, data := range []string{"new", "old", ""} {
		err := s.b.Put(t.Context(), "d/k", storage.BytesBody([]byte(data)), create)
		truth(t, errors.Is(err, storage.ErrExist), "create what is there gave %v", err)
		holds(t, s.b, "d/k", "old")
	}
	works(t, s.b.Delete(t.Context(), "d/k"), "delete")
	works(t, s.b.Put(t.Context(), "d/k", storage.BytesBody([]byte("new")), create), "create what was deleted")
	holds(t, s.b, "d/k", "new")
	s.nothingLeft(t)
}

// createRaced has sixteen writers on two handles, as two workers have them.
func createRaced(t T, s *suite) {
	if s.b.Traits().CreateAbsent != storage.Atomic {
		t.Skipf("the store states %q: of several writers at the same moment more than one may win", s.b.Traits().CreateAbsent)
	}
	other := s.place.Open()
	handles := []storage.Bucket{s.b, other}
	for round := range s.scale.Rounds {
		key := fmt.Sprintf("race/%d/k", round)
		var winner, wins, losses atomic.Int64
		start := make(chan struct{})
		var wg sync.WaitGroup
		for w := range 16 {
			wg.Go(func() {
				body := storage.BytesBody([]byte(racer(w)))
				<-start
				switch err := handles[w%2].Put(t.Context(), key, body, storage.PutOptions{IfAbsent: true}); {
				case err == nil:
					winner.Store(int64(w))
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
		truth(t, wins.Load() == 1 && losses.Load() == 15, "%d writers won, %d lost", wins.Load(), losses.Load())
		holds(t, s.b, key, racer(int(winner.Load())))
	}
	works(t, other.Close(), "close")
	s.nothingLeft(t)
}

func racer(w int) string { return strings.Repeat(string(rune('a'+w)), 10_000+w) }

func brokenBody(t T, s *suite) {
	put(t, s.b, "old", []byte("old"))
	broken := func(key string, body storage.Body, create bool) {
		err := s.b.Put(t.Context(), key, body, storage.PutOptions{IfAbsent: create})
		truth(t, errors.Is(err, errHalfWay), "put %s gave %v, not the body's own error", key, err)
		listed(t, s.b, "", "old")
	}
	unknown := halfBody(random(1 << 20))
	unknown.SHA256 = [32]byte{}
	for _, create := range []bool{false, true} {
		broken("new", halfBody(random(1<<20)), create)
		broken("new", halfBody(random(10)), create)
		broken("new", unknown, create)
		broken("new", storage.Body{Size: 1, Open: func() (io.ReadCloser, error) { return nil, errHalfWay }}, create)
	}
	broken("old", halfBody(random(1<<20)), false)
	holds(t, s.b, "old", "old")
	s.nothingLeft(t)
}

// blockedBody has a body stand still in the middle while others work, and then go on or be cancelled.
func blockedBody(t T, s *suite) {
	data := random(1 << 20)
	for _, cancelled := range []bool{true, false} {
		ctx, cancel := cancellable(t)
		reached, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		done := make(chan error, 1)
		go func() {
			done <- s.b.Put(ctx, "slow", middle(data, func() error {
				once.Do(func() { close(reached) }) // a backend may read a body more than once
				select {
				case <-release:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}), storage.PutOptions{})
		}()
		await(t, reached, "the body is never read")
		put(t, s.b, "quick", []byte("x"))
		holds(t, s.b, "quick", "x")
		listed(t, s.b, "", "quick")
		if cancelled {
			cancel()
			err := <-done
			truth(t, errors.Is(err, ctx.Err()), "a cancelled put gave %v", err)
			listed(t, s.b, "", "quick")
			continue
		}
		close(release)
		works(t, <-done, "put a body that stood still")
		holds(t, s.b, "slow", string(data))
	}
	s.nothingLeft(t)
}

func wrongDeclaration(t T, s *suite) {
	data := random(100_000)
	for name, change := range map[string]func(*storage.Body){
		"shorter than declared":   func(b *storage.Body) { b.Size++ },
		"longer than declared":    func(b *storage.Body) { b.Size-- },
		"declared to be empty":    func(b *storage.Body) { b.Size = 0 },
		"of another hash":         func(b *storage.Body) { b.SHA256[0] ^= 1 },
		"short, its hash unknown": func(b *storage.Body) { b.Size++; b.SHA256 = [32]byte{} },
		"long, its hash unknown":  func(b *storage.Body) { b.Size--; b.SHA256 = [32]byte{} },
	} {
		for _, create := range []bool{false, true} {
			body := storage.BytesBody(data)
			change(&body)
			err := s.b.Put(t.Context(), "k", body, storage.PutOptions{IfAbsent: create})
			truth(t, errors.Is(err, storage.ErrBody), "a body %s gave %v", name, err)
			listed(t, s.b, "")
		}
	}
	body := storage.BytesBody(data)
	body.SHA256 = [32]byte{}
	works(t, s.b.Put(t.Context(), "k", body, storage.PutOptions{}), "put a body whose hash is not known")
	holds(t, s.b, "k", string(data))
	s.nothingLeft(t)
}

func oldOrNew(t T, s *suite) {
	old, fresh := strings.Repeat("o", 300_000), strings.Repeat("n", 200_000)
	put(t, s.b, "k", []byte(old))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 3 * s.scale.Rounds {
			data := []string{fresh, old}[i%2]
			if err := s.b.Put(t.Context(), "k", storage.BytesBody([]byte(data)), storage.PutOptions{}); err != nil {
				t.Errorf("put: %v", err)
			}
		}
	}()
	defer func() { <-done }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		got := get(t, s.b, "k", storage.Range{})
		truth(t, got == old || got == fresh, "read %d bytes that were never put", len(got))
	}
}

func deleteTwice(t T, s *suite) {
	put(t, s.b, "d/k", nil)
	put(t, s.b, "d/l", nil)
	for _, key := range []string{"d/k", "d/k", "d", "never/was/there", "d/l/below"} {
		works(t, s.b.Delete(t.Context(), key), "delete %s", key)
	}
	listed(t, s.b, "", "d/l")
}

func deleteBesidePut(t T, s *suite) {
	other := s.place.Open()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2 * s.scale.Churn {
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
	for i := range s.scale.Churn {
		key := fmt.Sprintf("x/y/z/kept%d", i)
		put(t, s.b, key, []byte(key))
		holds(t, s.b, key, key)
		works(t, s.b.Delete(t.Context(), key), "delete %s", key)
	}
	<-done
	works(t, other.Close(), "close")
	listed(t, s.b, "")
}

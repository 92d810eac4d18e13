package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/storage"
)

func listOrder(t T, s *suite) {
	// Byte order differs from the order of a tree of folders ('-' and '.' come before '/', '0' and 'A' behind it), from
	// that of people (capitals first, 10 before 9) and from that of UTF-16 (the duck behind U+FFEE, though its first
	// surrogate is smaller).
	want := []string{
		"0", "10", "9", "A", "Z", "_", "a b", "a!", "a-/x", "a-b", "a-b.c", "a.", "a.txt", "a.x/y", "a/-", "a/b", "a/b.c", "a/d-", "a/d/e",
		"a/d/f.g/h", "a/d/f/i", "a/d0", "a0/x", "aA", "ab", "a~", "b", "é", "日本/語", "\uffee", "🦆",
	}
	together(len(want), func(i int) {
		i = i * 7 % len(want) // in another order than they are to be listed in
		if err := s.b.Put(t.Context(), want[i], storage.BytesBody([]byte(want[i])), storage.PutOptions{}); err != nil {
			t.Errorf("put %q: %v", want[i], err)
		}
	})
	listed(t, s.b, "", want...)
	for _, prefix := range []string{"a", "a-", "a.", "a/", "a/d", "a/d/f", "é", "日"} {
		var below []string
		for _, key := range want {
			if strings.HasPrefix(key, prefix) {
				below = append(below, key)
			}
		}
		listed(t, s.b, prefix, below...)
	}
}

func listPrefix(t T, s *suite) {
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
		{"P", nil},
		{"q", nil},
		{"no/such/folder/", nil},
		{"x", []string{"x"}},
		{"x/", nil},
	} {
		listed(t, s.b, c.prefix, c.want...)
	}
}

func listThousands(t T, s *suite) {
	var want []string
	listed := s.scale.Listed
	if s.place.Page > 0 {
		listed = 2*s.place.Page + s.place.Page/2
	}
	for i := range listed {
		want = append(want, fmt.Sprintf("many/%02x/%04d", i%7, i))
	}
	together(len(want), func(i int) {
		if err := s.b.Put(t.Context(), want[i], storage.BytesBody([]byte{1}), storage.PutOptions{IfAbsent: true}); err != nil {
			t.Errorf("put %s: %v", want[i], err)
		}
	})
	slices.Sort(want)
	got := keys(t, s.b, "many/")
	truth(t, slices.Equal(got, want), "%d keys are listed, not each of %d once and in order", len(got), len(want))
}

func listBesideWriters(t T, s *suite) {
	var stay []string
	for i := range s.scale.Churn {
		stay = append(stay, fmt.Sprintf("d%d/stay%04d", i%3, i))
	}
	together(len(stay), func(i int) {
		if err := s.b.Put(t.Context(), stay[i], storage.BytesBody(nil), storage.PutOptions{}); err != nil {
			t.Errorf("put %s: %v", stay[i], err)
		}
	})
	slices.Sort(stay)
	ctx, cancel := cancellable(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			key := fmt.Sprintf("d%d/come%d/and-go%d", i%4, i%7, i%20)
			err := s.b.Put(t.Context(), key, storage.BytesBody(nil), storage.PutOptions{})
			if err == nil {
				err = s.b.Delete(t.Context(), key)
			}
			if err != nil {
				t.Errorf("put and delete: %v", err)
			}
		}
	}()
	defer func() { cancel(); <-done }()
	for range s.scale.Rounds {
		got := keys(t, s.b, "")
		truth(t, slices.IsSorted(got), "not in order: %s", several(got))
		got = slices.DeleteFunc(got, func(key string) bool { return strings.Contains(key, "/come") })
		truth(t, slices.Equal(got, stay), "%d keys are listed, not each of the %d that stayed once", len(got), len(stay))
	}
}

func listStops(t T, s *suite) {
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
	truth(t, errors.Is(err, enough), "list gave %v, not its reader's own error", err)
	truth(t, calls == 3, "%d keys were listed after the reader had enough", calls-3)
}

func listCancelled(t T, s *suite) {
	together(50, func(i int) {
		if err := s.b.Put(t.Context(), fmt.Sprintf("k%02d", i), storage.BytesBody(nil), storage.PutOptions{}); err != nil {
			t.Errorf("put: %v", err)
		}
	})
	ctx, cancel := cancellable(t)
	calls := 0
	err := s.b.List(ctx, "", func(storage.Info) error {
		if calls++; calls == 3 {
			cancel()
		}
		return nil
	})
	truth(t, errors.Is(err, context.Canceled), "a cancelled listing gave %v", err)
	truth(t, calls == 3, "%d keys were listed after the end", calls-3)
}

// listWithin uses the handle while it lists: a backend that holds a lock or its only connection would stand still.
func listWithin(t T, s *suite) {
	for _, key := range []string{"a/1", "a/2", "b/1"} {
		put(t, s.b, key, []byte(key))
	}
	var outer []string
	works(t, s.b.List(t.Context(), "a/", func(i storage.Info) error {
		outer = append(outer, i.Key)
		if _, err := s.b.Stat(t.Context(), i.Key); err != nil {
			return err
		}
		if got, err := fetch(t, s.b, i.Key, storage.Range{}); err != nil || got != i.Key {
			return fmt.Errorf("read %q: %w", got, err)
		}
		if err := s.b.Put(t.Context(), "c"+i.Key, storage.BytesBody(nil), storage.PutOptions{}); err != nil {
			return err
		}
		inner := 0
		err := s.b.List(t.Context(), "b/", func(storage.Info) error { inner++; return nil })
		if err == nil && inner != 1 {
			err = fmt.Errorf("%d keys in the inner listing", inner)
		}
		return err
	}), "list")
	truth(t, slices.Equal(outer, []string{"a/1", "a/2"}), "listed %s", several(outer))
	listed(t, s.b, "c", "ca/1", "ca/2")
}

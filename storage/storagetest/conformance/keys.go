package conformance

import (
	"errors"
	"slices"
	"strings"

	"starkeep/storage"
)

func oddKeys(t T, s *suite) {
	odd := []string{
		"with space", " leading and trailing ", "100%", "%2F%2e%2e", "a+b&c=d?e#f", "...", ".hidden", "..a/b..", "a.", "back\\slash",
		"quote'\"`", "*?[a-z]{x}", "$HOME ~ !;|<>:", "é", "e\u0301", "日本語/列", "🦆🦆", "UPPER/lower", "upper/lower", "con/nul.txt",
		strings.Repeat("p", storage.MaxPart), longest(s.b.Traits().MaxKey),
	}
	together(len(odd), func(i int) {
		if err := s.b.Put(t.Context(), odd[i], storage.BytesBody([]byte(odd[i])), storage.PutOptions{}); err != nil {
			t.Errorf("put %s: %v", brief(odd[i]), err)
		}
	})
	for _, k := range odd {
		holds(t, s.b, k, k)
		listed(t, s.b, k, k)
		info, err := s.b.Stat(t.Context(), k)
		works(t, err, "stat %s", brief(k))
		truth(t, info.Key == k, "stat of %s gave %s", brief(k), brief(info.Key))
	}
	slices.Sort(odd)
	listed(t, s.b, "", odd...)
	together(len(odd), func(i int) {
		if err := s.b.Delete(t.Context(), odd[i]); err != nil {
			t.Errorf("delete %s: %v", brief(odd[i]), err)
		}
	})
	listed(t, s.b, "")
}

// longest is a key of n bytes, in parts of a hundred.
func longest(n int) string {
	key := strings.Repeat(strings.Repeat("k", 99)+"/", n/100+1)[:n]
	if strings.HasSuffix(key, "/") {
		return key[:n-1] + "k"
	}
	return key
}

// invalid are keys that CheckKey refuses.
func invalid() []string {
	return []string{
		"", "/", "/abs", "a//b", "a/", "./a", "a/./b", "..", "../a", "a/../../b", "a\x00b", "a\nb", "a\x7f", "a\u0085b", "a\xffb",
		strings.Repeat("p", storage.MaxPart+1), strings.Repeat("k/", 450) + "k",
	}
}

func invalidKeys(t T, s *suite) {
	for _, key := range invalid() {
		for _, opts := range []storage.PutOptions{{}, {IfAbsent: true}} {
			err := s.b.Put(t.Context(), key, storage.BytesBody(nil), opts)
			truth(t, errors.Is(err, storage.ErrInvalidKey), "put %s gave %v", brief(key), err)
		}
		err := s.b.Delete(t.Context(), key)
		truth(t, errors.Is(err, storage.ErrInvalidKey), "delete %s gave %v", brief(key), err)
	}
	invalidReads(t, s)
	listed(t, s.b, "")
}

func invalidReads(t T, s *suite) {
	for _, key := range invalid() {
		_, err := s.b.Get(t.Context(), key, storage.Range{})
		truth(t, errors.Is(err, storage.ErrInvalidKey), "get %s gave %v", brief(key), err)
		_, err = s.b.Stat(t.Context(), key)
		truth(t, errors.Is(err, storage.ErrInvalidKey), "stat %s gave %v", brief(key), err)
	}
	for _, prefix := range []string{"/", "../", "a/../b", "a//", "a\x00", "\xff"} {
		err := s.b.List(t.Context(), prefix, func(storage.Info) error { return nil })
		truth(t, errors.Is(err, storage.ErrInvalidKey), "list %q gave %v", prefix, err)
	}
}

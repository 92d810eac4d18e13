package conformance

import (
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"starkeep/storage"
)

// put stores data; the check fails when that does.
func put(t T, b storage.Bucket, key string, data []byte) {
	t.Helper()
	works(t, b.Put(t.Context(), key, storage.BytesBody(data), storage.PutOptions{}), "put %s", key)
}

// get reads a part of an object; the check fails when that does.
func get(t T, b storage.Bucket, key string, r storage.Range) string {
	t.Helper()
	data, err := fetch(t, b, key, r)
	works(t, err, "get %s, %+v", key, r)
	return data
}

// fetch is get for goroutines, which must not end the check.
func fetch(t T, b storage.Bucket, key string, r storage.Range) (string, error) {
	body, err := b.Get(t.Context(), key, r)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	_, err = io.Copy(&text, body)
	return text.String(), errors.Join(err, body.Close())
}

// holds checks the whole of an object.
func holds(t T, b storage.Bucket, key, want string) {
	t.Helper()
	got := get(t, b, key, storage.Range{})
	truth(t, got == want, "%s holds %s, not %s", key, brief(got), brief(want))
}

// brief shows content in an error.
func brief(s string) string {
	const most = 32
	if len(s) <= most {
		return quote(s)
	}
	return quote(s[:most]) + "…"
}

// listed checks which keys begin with prefix, and their order.
func listed(t T, b storage.Bucket, prefix string, want ...string) {
	t.Helper()
	got := keys(t, b, prefix)
	truth(t, slices.Equal(got, want), "list %q gave %s, not %s", prefix, several(got), several(want))
}

// several shows a list in an error.
func several(keys []string) string {
	const most = 20
	if len(keys) > most {
		return quote(keys[:most]...) + "…"
	}
	return quote(keys...)
}

func keys(t T, b storage.Bucket, prefix string) []string {
	t.Helper()
	var all []string
	works(t, b.List(t.Context(), prefix, func(i storage.Info) error {
		all = append(all, i.Key)
		return nil
	}), "list %q", prefix)
	return all
}

func random(n int64) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data) // crypto/rand.Read never fails
	return data
}

// together runs do for each number below n, sixteen at a time.
func together(n int, do func(i int)) {
	const hands = 16
	var wg sync.WaitGroup
	for w := range min(n, hands) {
		wg.Go(func() {
			for i := w; i < n; i += hands {
				do(i)
			}
		})
	}
	wg.Wait()
}

// errHalfWay is what broken bodies break with.
var errHalfWay = errors.New("broken half way")

// halfBody breaks in the middle of what it declares.
func halfBody(data []byte) storage.Body {
	return middle(data, func() error { return errHalfWay })
}

// middle is a body that calls between in the middle, and breaks if that gives an error.
func middle(data []byte, between func() error) storage.Body {
	body := storage.BytesBody(data)
	whole := body.Open
	body.Open = func() (io.ReadCloser, error) {
		r, err := whole()
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(r, int64(len(data)/2)), hook(between), r), r}, nil
	}
	return body
}

// hook is an empty reader that does something.
type hook func() error

func (h hook) Read([]byte) (int, error) {
	if err := h(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

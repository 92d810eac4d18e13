package conformance

import (
	"context"
	"errors"
	"io"
	"time"

	"starkeep/storage"
)

func absent(t T, s *suite) {
	put(t, s.b, "folder/k", nil)
	for _, key := range []string{"k", "folder", "folder/l", "folder/k/below", "no/such/folder"} {
		isAbsent(t, s.b, key)
	}
}

func isAbsent(t T, b storage.Bucket, key string) {
	t.Helper()
	_, err := b.Get(t.Context(), key, storage.Range{})
	truth(t, errors.Is(err, storage.ErrNotExist), "get %s, which is absent, gave %v", key, err)
	_, err = b.Stat(t.Context(), key)
	truth(t, errors.Is(err, storage.ErrNotExist), "stat %s, which is absent, gave %v", key, err)
}

// answerWithin is how long a call may take to find out that the store does not answer.
const answerWithin = time.Minute

// refused calls every method and checks that each fails with want, and not as if something were absent or taken.
func refused(t T, b storage.Bucket, want error) {
	t.Helper()
	body := storage.BytesBody([]byte("x"))
	for _, c := range []struct {
		method string
		call   func(ctx context.Context) error
	}{
		{"get", func(ctx context.Context) error { return getAndClose(ctx, b, "d/k") }},
		{"get of what never was", func(ctx context.Context) error { return getAndClose(ctx, b, "never") }},
		{"stat", func(ctx context.Context) error { _, err := b.Stat(ctx, "d/k"); return err }},
		{"list", func(ctx context.Context) error { return b.List(ctx, "", func(storage.Info) error { return nil }) }},
		{"list of d/", func(ctx context.Context) error { return b.List(ctx, "d/", func(storage.Info) error { return nil }) }},
		{"list of never/", func(ctx context.Context) error { return b.List(ctx, "never/", func(storage.Info) error { return nil }) }},
		{"put", func(ctx context.Context) error { return b.Put(ctx, "d/k", body, storage.PutOptions{}) }},
		{"create", func(ctx context.Context) error { return b.Put(ctx, "e/f", body, storage.PutOptions{IfAbsent: true}) }},
		{"create of what is there", func(ctx context.Context) error { return b.Put(ctx, "d/k", body, storage.PutOptions{IfAbsent: true}) }},
		{"delete", func(ctx context.Context) error { return b.Delete(ctx, "d/k") }},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), answerWithin)
		err := c.call(ctx)
		cancel()
		truth(t, errors.Is(err, want), "%s gave %v, not %v", c.method, err, want)
		truth(t, !errors.Is(err, storage.ErrNotExist) && !errors.Is(err, storage.ErrExist), "%s gave %v, as if the store had looked", c.method, err)
	}
}

func getAndClose(ctx context.Context, b storage.Bucket, key string) error {
	r, err := b.Get(ctx, key, storage.Range{})
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}

func missingRoot(t T, s *suite) {
	put(t, s.b, "d/k", []byte("x"))
	s.place.RemoveRoot()
	refused(t, s.b, storage.ErrNoRoot)
}

func unknownRoot(t T, s *suite) {
	b, err := s.place.Missing()
	if err == nil {
		_ = b.Close()
	}
	truth(t, errors.Is(err, storage.ErrNoRoot), "to open a root that is not there gave %v", err)
}

func denied(t T, s *suite) {
	put(t, s.b, "d/k", []byte("x"))
	s.place.Denied(func() { refused(t, s.b, storage.ErrDenied) })
	listed(t, s.b, "", "d/k")
}

func deadStore(t T, s *suite) {
	data := string(random(s.scale.LargeSize)) // more than any buffer on the way holds
	put(t, s.b, "d/k", []byte("x"))
	put(t, s.b, "large", []byte(data))
	dying, err := s.b.Get(t.Context(), "large", storage.Range{})
	works(t, err, "get large")
	_, err = io.ReadFull(dying, make([]byte, 100))
	works(t, err, "read the beginning of large")
	s.place.Dead(func() {
		refused(t, s.b, storage.ErrUnavailable)
		n, err := io.Copy(io.Discard, dying)
		truth(t, err == nil && n == int64(len(data))-100 || errors.Is(err, storage.ErrUnavailable),
			"a reader of the dead store had %d of %d bytes more, and %v", n, len(data)-100, err)
		_ = dying.Close() // its error, if any, was told by Read
	})
	listed(t, s.b, "", "d/k", "large")
	holds(t, s.b, "d/k", "x")
	holds(t, s.b, "large", data)
}

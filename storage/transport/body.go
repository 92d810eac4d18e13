package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"starkeep/storage"
)

// RangeHeader is r as HTTP says it; "" is the whole object.
func RangeHeader(r storage.Range) string {
	switch {
	case r == storage.Range{}:
		return ""
	case r.Length == 0 || r.Offset > math.MaxInt64-r.Length:
		return fmt.Sprintf("bytes=%d-", r.Offset)
	}
	return fmt.Sprintf("bytes=%d-%d", r.Offset, r.Offset+r.Length-1)
}

// Body reads the answer to a GET. It knows how many bytes are left to come, so that a cut is noticed: one is
// storage.ErrUnavailable, and never a shorter object. ctx is that of the GET, url names the object in errors.
func Body(ctx context.Context, url string, source io.ReadCloser, left int64) io.ReadCloser {
	return &body{ctx, url, source, left}
}

type body struct {
	ctx    context.Context // the one call's, as with http.Request
	url    string
	source io.ReadCloser
	left   int64
}

// Read implements io.Reader.
func (r *body) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.source.Read(p)
	r.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && r.left == 0:
		return n, io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	if cause := r.ctx.Err(); cause != nil {
		return n, cause
	}
	return n, fmt.Errorf("get %s: %w: the connection broke with %d bytes to go: %s", r.url, storage.ErrUnavailable, r.left, OneLine(err.Error()))
}

// Close implements io.Closer.
func (r *body) Close() error { return r.source.Close() }

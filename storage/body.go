package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// BytesBody is a Body held in memory. The caller must not change b afterwards.
func BytesBody(b []byte) Body {
	return Body{
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil },
		Size:   int64(len(b)),
		SHA256: sha256.Sum256(b),
	}
}

// FileBody is a Body in a local file whose size and hash are known from when it was written.
func FileBody(path string, size int64, sum [32]byte) Body {
	return Body{
		Open:   func() (io.ReadCloser, error) { return os.Open(path) },
		Size:   size,
		SHA256: sum,
	}
}

// Verified opens the body for sending. Its reader ends with io.EOF only when all the bytes were what the body declares,
// otherwise with ErrBody, and with the context's error as soon as that is done. A Bucket makes an object visible only
// after io.EOF; so a file that shrinks while it is being sent can never become a short object.
func (b Body) Verified(ctx context.Context) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := b.Open()
	if err != nil {
		return nil, fmt.Errorf("open body: %w", err)
	}
	return &verified{ctx: ctx, source: r, body: b, sum: sha256.New()}, nil
}

type verified struct {
	ctx    context.Context // the one call's, as with http.Request
	source io.ReadCloser
	body   Body
	sum    hash.Hash
	read   int64
}

func (v *verified) Read(p []byte) (int, error) {
	if err := v.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := v.source.Read(p)
	v.read += int64(n)
	_, _ = v.sum.Write(p[:n]) // hash.Hash never fails
	if v.read > v.body.Size {
		return 0, fmt.Errorf("%w: more than the declared %d bytes", ErrBody, v.body.Size)
	}
	if errors.Is(err, io.EOF) {
		err = v.end()
	}
	return n, err
}

func (v *verified) end() error {
	if v.read < v.body.Size {
		return fmt.Errorf("%w: %d of the declared %d bytes", ErrBody, v.read, v.body.Size)
	}
	if v.body.SHA256 != [32]byte{} && [32]byte(v.sum.Sum(nil)) != v.body.SHA256 {
		return fmt.Errorf("%w: SHA-256 is %x, declared was %x", ErrBody, v.sum.Sum(nil), v.body.SHA256)
	}
	return io.EOF
}

func (v *verified) Close() error { return v.source.Close() }

// Clip returns the bytes that r selects of an object of the given size. A negative offset or length is an error.
func (r Range) Clip(size int64) (offset, length int64, err error) {
	if r.Offset < 0 || r.Length < 0 {
		return 0, 0, fmt.Errorf("invalid range: offset %d, length %d", r.Offset, r.Length)
	}
	offset = min(r.Offset, size)
	length = size - offset
	if r.Length > 0 {
		length = min(length, r.Length)
	}
	return offset, length, nil
}

package retry

import (
	"context"
	"errors"
	"fmt"
	"io"

	"starkeep/storage"
)

// reader is the body of a Get. When it breaks, it goes on behind the last byte with a Get of the rest. Objects are never
// replaced by other content in this format, but the store is another matter: so from the first break on the object's
// size and time must stay what they were, and the bytes in all must be those of that size. Bytes that were delivered cannot
// be taken back, so a backend must not report a wrong checksum as storage.ErrUnavailable.
type reader struct {
	ctx    context.Context // the one call's, as with http.Request
	bucket *bucket
	key    string
	r      storage.Range
	tries  *tries

	body io.ReadCloser // nil while broken
	read int64         // bytes delivered
	info *storage.Info // of the object, since the first break
	err  error         // what every further Read returns
}

func (b *reader) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	for {
		n, err := b.body.Read(p)
		b.read += int64(n)
		if n > 0 {
			b.tries.forward()
		}
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, io.EOF):
			b.err = b.end()
		default:
			b.err = b.resume(err)
		}
		if n > 0 || b.err != nil {
			return n, b.err
		}
	}
}

// end checks the length of a body that was put together of several.
func (b *reader) end() error {
	if b.info == nil {
		return io.EOF
	}
	_, length, err := b.r.Clip(b.info.Size)
	if err != nil {
		return err
	}
	if b.read != length {
		return fmt.Errorf("get %s: %w: %d bytes instead of %d", b.key, ErrChanged, b.read, length)
	}
	return io.EOF
}

// resume replaces a broken body by one of the rest; nil means that there is one, io.EOF that nothing is left.
func (b *reader) resume(err error) error {
	for {
		if err := b.tries.again(b.ctx, err); err != nil {
			return err
		}
		if b.body != nil {
			_ = b.body.Close() // it is broken; its error is known
			b.body = nil
		}
		if err = b.reopen(); err == nil {
			return nil
		}
	}
}

func (b *reader) reopen() error {
	info, err := b.bucket.Bucket.Stat(b.ctx, b.key)
	if err != nil {
		return err
	}
	_, length, err := b.r.Clip(info.Size)
	if err != nil {
		return err
	}
	if b.read > length || b.info != nil && (b.info.Size != info.Size || !b.info.Modified.Equal(info.Modified)) {
		return fmt.Errorf("get %s: %w", b.key, ErrChanged)
	}
	b.info = &info
	if b.read == length {
		return io.EOF // it broke behind its last byte
	}
	b.body, err = b.bucket.Bucket.Get(b.ctx, b.key, storage.Range{Offset: b.r.Offset + b.read, Length: length - b.read})
	return err
}

// Close implements io.Closer.
func (b *reader) Close() error {
	if b.err == nil {
		b.err = errors.New("read of a closed body")
	}
	if b.body == nil {
		return nil
	}
	return b.body.Close()
}

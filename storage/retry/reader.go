package retry

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"

	"starkeep/storage"
)

// reader is the body of a Get. When it breaks, it goes on behind the last byte with a Get of the rest. The object may have
// been replaced or deleted meanwhile: so what was delivered up to the first break is read again and compared, and from
// then to the end the object's size and time must stay what they were. Bytes that were delivered cannot be taken back, so
// a backend must not report a wrong checksum as storage.ErrUnavailable.
type reader struct {
	ctx    context.Context // the one call's, as with http.Request
	bucket *bucket
	key    string
	r      storage.Range
	tries  *tries

	body io.ReadCloser // nil while broken
	read int64         // bytes delivered
	sum  maphash.Hash  // of these, up to the first break
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
		if b.info == nil {
			_, _ = b.sum.Write(p[:n]) // maphash never fails
		}
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

// end makes sure that a body that was put together of several is one object's: the one that is there now.
func (b *reader) end() error {
	if b.info == nil {
		return io.EOF
	}
	info, err := b.bucket.Stat(b.ctx, b.key)
	if err != nil {
		return b.changed(err)
	}
	_, length, err := b.r.Clip(info.Size)
	switch {
	case err != nil:
		return err
	case !same(*b.info, info) || b.read != length:
		return fmt.Errorf("get %s: %w", b.key, ErrChanged)
	}
	return io.EOF
}

// changed turns the proof that an object is gone into what it means for its reader: storage.ErrNotExist comes from Get
// itself, never from a Read.
func (b *reader) changed(err error) error {
	if errors.Is(err, storage.ErrNotExist) {
		return fmt.Errorf("get %s: %w: it was deleted", b.key, ErrChanged)
	}
	return err
}

func same(x, y storage.Info) bool { return x.Size == y.Size && x.Modified.Equal(y.Modified) }

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
		return b.changed(err)
	}
	_, length, err := b.r.Clip(info.Size)
	if err != nil {
		return err
	}
	if b.read > length || b.info != nil && !same(*b.info, info) {
		return fmt.Errorf("get %s: %w", b.key, ErrChanged)
	}
	if b.info == nil {
		if err := b.compare(); err != nil {
			return b.changed(err)
		}
	}
	b.info = &info
	if b.read == length {
		return b.end() // it broke behind its last byte
	}
	b.body, err = b.bucket.Bucket.Get(b.ctx, b.key, storage.Range{Offset: b.r.Offset + b.read, Length: length - b.read})
	return b.changed(err)
}

// compare reads again what was delivered, and returns ErrChanged when it is not the same.
func (b *reader) compare() error {
	if b.read == 0 {
		return nil
	}
	body, err := b.bucket.Bucket.Get(b.ctx, b.key, storage.Range{Offset: b.r.Offset, Length: b.read})
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // all that is wanted of it has been read
	var again maphash.Hash
	again.SetSeed(b.sum.Seed())
	n, err := io.CopyN(&again, body, b.read)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case n < b.read || again.Sum64() != b.sum.Sum64():
		return fmt.Errorf("get %s: %w", b.key, ErrChanged)
	}
	return nil
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

package gcs

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"net/http"
	"strings"

	"starkeep/storage"
	"starkeep/storage/transport"
)

// castagnoli is the polynomial of the one checksum that all objects of the store have.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Get implements storage.Reader.
func (b *Bucket) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	if err := enter(ctx, key); err != nil {
		return nil, err
	}
	if _, _, err := r.Clip(math.MaxInt64); err != nil {
		return nil, err
	}
	call := b.service.Objects.Get(b.name, key).Context(ctx)
	part := r != storage.Range{}
	if part {
		call.Header().Set("Range", header(r))
	}
	answer, err := call.Download()
	switch {
	case status(err) == http.StatusRequestedRangeNotSatisfiable:
		return http.NoBody, nil // the object is there, and ends before the range
	case err != nil:
		return nil, b.absent(ctx, "get", key, err)
	case part && answer.StatusCode != http.StatusPartialContent:
		_ = answer.Body.Close()
		return nil, fmt.Errorf("get %s: %w: the store sent the whole object for a part of it: it does not know ranges", b.url(key), storage.ErrConfig)
	case answer.ContentLength < 0:
		_ = answer.Body.Close()
		return nil, fmt.Errorf("get %s: %w: the answer has no length, so a cut would not be noticed", b.url(key), storage.ErrUnavailable)
	}
	found := &body{bucket: b, ctx: ctx, key: key, source: answer.Body, left: answer.ContentLength}
	if !part {
		found.want, found.check = checksum(answer.Header)
	}
	return found, nil
}

// header is r as HTTP says it.
func header(r storage.Range) string {
	if r.Length == 0 || r.Offset > math.MaxInt64-r.Length {
		return fmt.Sprintf("bytes=%d-", r.Offset)
	}
	return fmt.Sprintf("bytes=%d-%d", r.Offset, r.Offset+r.Length-1)
}

// checksum finds the CRC32C of a whole object, unless the store had to unpack it on the way:
// https://docs.cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash
func checksum(h http.Header) (sum uint32, ok bool) {
	if stored := h.Get("X-Goog-Stored-Content-Encoding"); stored != "" && stored != "identity" {
		return 0, false
	}
	for _, line := range h.Values("X-Goog-Hash") {
		for field := range strings.SplitSeq(line, ",") {
			text, ok := strings.CutPrefix(strings.TrimSpace(field), "crc32c=")
			if raw, err := base64.StdEncoding.DecodeString(text); ok && err == nil && len(raw) == 4 {
				return binary.BigEndian.Uint32(raw), true
			}
		}
	}
	return 0, false
}

// encode is a CRC32C as the store writes it: base64 of its big-endian bytes.
func encode(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// body reads an answer. It knows how long it has to be, and for a whole object what its checksum is.
type body struct {
	bucket *Bucket
	ctx    context.Context // the one call's, as with http.Request
	key    string
	source io.ReadCloser
	left   int64

	check     bool
	want, sum uint32
}

// Read implements io.Reader.
func (r *body) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.source.Read(p)
	r.left -= int64(n)
	if r.check {
		r.sum = crc32.Update(r.sum, castagnoli, p[:n])
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && r.left == 0:
		return n, r.end()
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	if cause := r.ctx.Err(); cause != nil {
		return n, cause
	}
	return n, fmt.Errorf("get %s: %w: the connection broke with %d bytes to go: %s", r.bucket.url(r.key), storage.ErrUnavailable, r.left, transport.OneLine(err.Error()))
}

// end compares checksums. A difference is not storage.ErrUnavailable: the bytes were handed on, so asking for the rest would
// not mend them.
func (r *body) end() error {
	if r.check && r.sum != r.want {
		return fmt.Errorf("get %s: the bytes that came have CRC32C %s, the object has %s", r.bucket.url(r.key), encode(r.sum), encode(r.want))
	}
	return io.EOF
}

// Close implements io.Closer.
func (r *body) Close() error { return r.source.Close() }

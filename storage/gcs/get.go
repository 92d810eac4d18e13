package gcs

import (
	"context"
	"encoding/base64"
	"encoding/binary"
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
	if err := storage.Enter(ctx, key); err != nil {
		return nil, err
	}
	if _, _, err := r.Clip(math.MaxInt64); err != nil {
		return nil, err
	}
	call := b.service.Objects.Get(b.name, key).Context(ctx)
	part := transport.RangeHeader(r)
	if part != "" {
		call.Header().Set("Range", part)
	}
	answer, err := call.Download()
	switch {
	case status(err) == http.StatusRequestedRangeNotSatisfiable:
		return http.NoBody, nil // the object is there, and ends before the range
	case err != nil:
		return nil, b.absent(ctx, "get", key, err)
	case part != "" && answer.StatusCode != http.StatusPartialContent:
		_ = answer.Body.Close()
		return nil, fmt.Errorf("get %s: %w: the store sent the whole object for a part of it: it does not know ranges", b.url(key), storage.ErrConfig)
	case answer.ContentLength < 0:
		_ = answer.Body.Close()
		return nil, fmt.Errorf("get %s: %w: the answer has no length, so a cut would not be noticed", b.url(key), storage.ErrUnavailable)
	}
	body := transport.Body(ctx, b.url(key), answer.Body, answer.ContentLength)
	if want, ok := checksum(answer.Header); ok && part == "" {
		return &summed{ReadCloser: body, url: b.url(key), want: want}, nil
	}
	return body, nil
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

// summed reads a whole object and knows what its checksum is.
type summed struct {
	io.ReadCloser
	url       string
	want, sum uint32
}

// Read implements io.Reader.
func (r *summed) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.sum = crc32.Update(r.sum, castagnoli, p[:n])
	if err == io.EOF && r.sum != r.want { //nolint:errorlint // io.Reader: EOF itself
		return n, r.mismatch()
	}
	return n, err
}

// mismatch is not storage.ErrUnavailable: the bytes were handed on, so asking for the rest would not mend them.
func (r *summed) mismatch() error {
	return fmt.Errorf("get %s: the bytes that came have CRC32C %s, the object has %s", r.url, encode(r.sum), encode(r.want))
}

package gcs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"google.golang.org/api/googleapi"

	"starkeep/storage"
)

// Put implements storage.Bucket. It is one request: metadata and bytes together, as
// https://docs.cloud.google.com/storage/docs/uploading-objects-from-memory#rest-upload-objects describes it. The checksum is
// part of the metadata, which come first, so the body is read once before it is sent. Resumable uploads need no checksum
// before, but a request more for each object, and nobody resumes them: a repeat opens the body again.
func (b *Bucket) Put(ctx context.Context, key string, content storage.Body, opts storage.PutOptions) error {
	if err := storage.Enter(ctx, key); err != nil {
		return err
	}
	sum, err := sumUp(ctx, content)
	if err != nil {
		return fmt.Errorf("put %s: %w", b.url(key), err)
	}
	source, err := content.Verified(ctx)
	if err != nil {
		return fmt.Errorf("put %s: %w", b.url(key), err)
	}
	upload := &upload{source: source}
	err = b.insert(ctx, key, sum, content.Size, upload, opts)
	// When the body broke, the store's complaint is only its echo.
	if broken := upload.finish(); broken != nil {
		return fmt.Errorf("put %s: %w", b.url(key), broken)
	}
	switch {
	case err == nil:
		return nil
	case opts.IfAbsent && status(err) == http.StatusPreconditionFailed:
		return fmt.Errorf("put %s: %w", b.url(key), storage.ErrExist)
	}
	return b.fail(ctx, "put", key, err)
}

// local is a body that can be read without being held to a bandwidth: what is only summed up is not sent.
type local interface{ Local() io.Reader }

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// sumUp reads a body for its CRC32C. Whether it is what it was declared to be is found out when it is sent.
func sumUp(ctx context.Context, content storage.Body) (uint32, error) {
	r, err := content.Open()
	if err != nil {
		return 0, fmt.Errorf("open body: %w", err)
	}
	defer func() { _ = r.Close() }()
	source := io.Reader(r)
	if limited, ok := r.(local); ok {
		source = limited.Local()
	}
	sum := crc32.New(castagnoli)
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	for {
		n, err := source.Read(buffer[:])
		_, _ = sum.Write(buffer[:n]) // hash.Hash never fails
		switch {
		case errors.Is(err, io.EOF):
			return sum.Sum32(), nil
		case err != nil:
			return 0, err
		case ctx.Err() != nil:
			return 0, ctx.Err()
		}
	}
}

// insert sends the one request.
func (b *Bucket) insert(ctx context.Context, key string, sum uint32, size int64, bytes *upload, opts storage.PutOptions) error {
	metadata, err := json.Marshal(map[string]string{"name": key, "contentType": contentType, "crc32c": encode(sum)})
	if err != nil {
		return err
	}
	boundary := rand.Text()
	head := fmt.Sprintf("--%s\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n%s\r\n--%[1]s\r\nContent-Type: %s\r\n\r\n", boundary, metadata, contentType)
	tail := fmt.Sprintf("\r\n--%s--\r\n", boundary)
	// The tail comes after the body's io.EOF, which it only has when it is what it was declared to be.
	bytes.whole = io.MultiReader(strings.NewReader(head), bytes.source, strings.NewReader(tail))

	query := url.Values{"uploadType": {"multipart"}, "fields": {"size"}, "prettyPrint": {"false"}}
	if opts.IfAbsent {
		query.Set("ifGenerationMatch", "0") // no generation of the object is live
	}
	address := b.settings.endpoint + "/upload/storage/v1/b/" + url.PathEscape(b.name) + "/o?" + query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes)
	if err != nil {
		return err
	}
	request.ContentLength = int64(len(head)) + size + int64(len(tail))
	request.Header.Set("Content-Type", "multipart/related; boundary="+boundary)
	request.Header.Set("User-Agent", userAgent)
	answer, err := b.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if err := googleapi.CheckResponse(answer); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body) // so that the connection can be used again
	return err
}

// contentType keeps the store and others from guessing.
const contentType = "application/octet-stream"

// upload is the body of the request. It remembers what went wrong with the source, because the transport may report
// something else, and it has a lock, because the transport may still read when the store has answered.
type upload struct {
	mu     sync.Mutex
	source io.ReadCloser
	whole  io.Reader
	err    error
	closed bool
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return 0, os.ErrClosed
	}
	n, err := u.whole.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		u.err = err
	}
	return n, err
}

// Close implements io.Closer for the transport, which closes what it was given; the source is finish's to close.
func (u *upload) Close() error { return nil }

// finish ends all reading and returns what was wrong with the source.
func (u *upload) finish() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	_ = u.source.Close()
	return u.err
}

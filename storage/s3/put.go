package s3

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"starkeep/storage"
)

// Put implements storage.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, content storage.Body, opts storage.PutOptions) error {
	if err := storage.Enter(ctx, key); err != nil {
		return err
	}
	if opts.IfAbsent && !b.settings.conditional {
		if err := b.lookAbsent(ctx, key); err != nil {
			return err
		}
	}
	err := b.send(ctx, key, content, b.condition(opts))
	if vanishing(err) {
		err = b.send(ctx, key, content, b.condition(opts))
	}
	if err != nil {
		return b.fail(ctx, "put", key, err)
	}
	return nil
}

// vanishing tells MinIO's answer to a put whose folder a delete of the last other object takes away at that moment: now and
// then "access denied" or "no such key" (measured with its version of February 2026; cmd/os-reliable.go there makes the folder
// again only once). It is the one answer that is asked for twice, because it would otherwise be taken for a permission.
func vanishing(err error) bool {
	var response *smithyhttp.ResponseError
	said := code(err)
	return (said == "AccessDenied" || said == "NoSuchKey") && errors.As(err, &response) && response.Response != nil &&
		strings.HasPrefix(response.Response.Header.Get("Server"), "MinIO")
}

// send puts an object once. An error of the body is bodyError, any other one the SDK's.
func (b *Bucket) send(ctx context.Context, key string, content storage.Body, condition *string) error {
	source, err := content.Verified(ctx)
	if err != nil {
		return bodyError{err}
	}
	held := &held{source: source, left: content.Size}
	if content.Size <= b.single {
		err = b.putWhole(ctx, key, content, held, condition)
	} else {
		err = b.putParts(ctx, key, content.Size, held, condition)
	}
	// When the body broke, the store's complaint is only its echo.
	if broken := held.close(); broken != nil {
		return bodyError{broken}
	}
	return err
}

// bodyError is what was wrong with a body.
type bodyError struct{ error }

// Unwrap returns the cause.
func (e bodyError) Unwrap() error { return e.error }

// condition is the header that makes the store refuse to replace an object.
func (b *Bucket) condition(opts storage.PutOptions) *string {
	if opts.IfAbsent && b.settings.conditional {
		return aws.String("*")
	}
	return nil
}

// lookAbsent is the weaker IfAbsent for stores without conditions: storage.Checked.
func (b *Bucket) lookAbsent(ctx context.Context, key string) error {
	_, err := b.Stat(ctx, key)
	switch {
	case err == nil:
		return fmt.Errorf("put %s: %w", b.url(key), storage.ErrExist)
	case errors.Is(err, storage.ErrNotExist):
		return nil
	}
	return err
}

func (b *Bucket) putWhole(ctx context.Context, key string, content storage.Body, source *held, condition *string) error {
	if err := source.begin(); err != nil {
		return err
	}
	object := b.settings.object
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: source, ContentLength: &content.Size, IfNoneMatch: condition,
		StorageClass: object.class, ServerSideEncryption: object.encryption, SSEKMSKeyId: object.kmsKey, Tagging: object.tags,
	}, payload(content.SHA256))
	return err
}

// payload signs the request over a SHA-256 that is known before the body is read: the store compares. So nothing is read
// twice, nothing needs trailers, and bytes that change on the way are refused. Without it, the body goes unsigned.
func payload(sum [32]byte) func(*s3.Options) {
	hash := "UNSIGNED-PAYLOAD"
	if sum != [32]byte{} {
		hash = hex.EncodeToString(sum[:])
	}
	return s3.WithAPIOptions(func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("PayloadHash",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				return next.HandleInitialize(v4.SetPayloadHash(ctx, hash), in)
			}), middleware.After)
	})
}

// held hands on a body, but its last bytes only when the body has ended as declared: net/http asks no further once it has
// sent the declared length, and the store would keep what then turns out to be wrong. It remembers what went wrong, because
// the transport may report something else. Its lock is there because net/http may still read when the store has answered.
type held struct {
	mu     sync.Mutex
	source io.ReadCloser
	left   int64
	err    error
	closed bool
}

// begin verifies an empty body, which nobody will read.
func (h *held) begin() error {
	if h.left == 0 {
		h.end()
	}
	return h.err
}

// Read implements io.Reader.
func (h *held) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return 0, os.ErrClosed
	case h.err != nil:
		return 0, h.err
	case h.left == 0:
		return 0, io.EOF
	}
	n, err := h.source.Read(p)
	h.left -= int64(n)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		h.err = err
	case h.left == 0 && err == nil:
		h.end()
	}
	if h.err != nil {
		return 0, h.err
	}
	return n, nil
}

// end reads the end of the source.
func (h *held) end() {
	n, err := io.ReadFull(h.source, make([]byte, 1))
	switch {
	case n > 0:
		h.err = fmt.Errorf("%w: it goes on after its end", storage.ErrBody)
	case !errors.Is(err, io.EOF):
		h.err = err
	}
}

// close ends all reading and returns what was wrong with the body.
func (h *held) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	_ = h.source.Close()
	return h.err
}

package s3

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"starkeep/storage"
	"starkeep/storage/transport"
)

// Get implements storage.Reader.
func (b *Bucket) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	if err := storage.Enter(ctx, key); err != nil {
		return nil, err
	}
	if _, _, err := r.Clip(math.MaxInt64); err != nil {
		return nil, err
	}
	in := &s3.GetObjectInput{Bucket: &b.name, Key: &key}
	if part := transport.RangeHeader(r); part != "" {
		in.Range = &part
	}
	out, err := b.client.GetObject(ctx, in)
	switch {
	case in.Range != nil && status(err) == http.StatusRequestedRangeNotSatisfiable:
		return http.NoBody, nil // the object is there, and ends before the range
	case err != nil:
		return nil, b.fail(ctx, "get", key, err)
	case in.Range != nil && out.ContentRange == nil:
		_ = out.Body.Close()
		return nil, fmt.Errorf("get %s: %w: the store sent the whole object for a part of it: it does not know ranges", b.url(key), storage.ErrConfig)
	case out.ContentLength == nil:
		_ = out.Body.Close()
		return nil, fmt.Errorf("get %s: %w: the answer has no length, so a cut would not be noticed", b.url(key), storage.ErrUnavailable)
	}
	return transport.Body(ctx, b.url(key), out.Body, *out.ContentLength), nil
}

// Stat implements storage.Reader.
func (b *Bucket) Stat(ctx context.Context, key string) (storage.Info, error) {
	if err := storage.Enter(ctx, key); err != nil {
		return storage.Info{}, err
	}
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return storage.Info{}, b.reason(ctx, key, err)
	}
	if out.ContentLength == nil {
		return storage.Info{}, fmt.Errorf("stat %s: %w: the answer has no length", b.url(key), storage.ErrUnavailable)
	}
	return storage.Info{Key: key, Size: *out.ContentLength, Modified: aws.ToTime(out.LastModified)}, nil
}

// reason finds out why a HEAD failed. Its answer has no body, so that a missing object, a missing bucket and a wrong endpoint
// look the same; the answer to a GET names the reason.
func (b *Bucket) reason(ctx context.Context, key string, err error) error {
	if status(err) == 0 {
		return b.fail(ctx, "stat", key, err)
	}
	out, getErr := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key, Range: aws.String("bytes=0-0")})
	switch {
	case getErr == nil:
		_ = out.Body.Close()
	case status(getErr) != http.StatusRequestedRangeNotSatisfiable: // which an empty object answers
		return b.fail(ctx, "stat", key, getErr)
	}
	// The object appeared in between, or the store had a bad moment: asking again helps.
	return fmt.Errorf("stat %s: %w: the store changed its answer", b.url(key), storage.ErrUnavailable)
}

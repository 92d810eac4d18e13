package s3

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"starkeep/storage"
)

// List implements storage.Reader.
func (b *Bucket) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	if err := storage.EnterList(ctx, prefix); err != nil {
		return err
	}
	// XML cannot carry every character of a key that somebody else put there, so the store is asked to escape them.
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, EncodingType: types.EncodingTypeUrl})
	last := ""
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return b.fail(ctx, "list", prefix, err)
		}
		if last, err = b.page(ctx, page, last, fn); err != nil {
			return err
		}
	}
	return nil
}

// page calls fn for the objects of one page and returns the last key.
func (b *Bucket) page(ctx context.Context, page *s3.ListObjectsV2Output, last string, fn func(storage.Info) error) (string, error) {
	for _, object := range page.Contents {
		if err := ctx.Err(); err != nil {
			return last, err
		}
		key, err := decode(page.EncodingType, aws.ToString(object.Key))
		if err != nil {
			return last, fmt.Errorf("list %s: %w: the store escaped a key wrongly: %q", b.url(""), storage.ErrConfig, aws.ToString(object.Key))
		}
		// Callers merge listings; directory buckets of Amazon are the one known store that has no order.
		if key <= last && last != "" {
			return last, fmt.Errorf("list %s: %w: the store does not list in the order of keys (%q after %q)", b.url(""), storage.ErrConfig, key, last)
		}
		last = key
		if err := fn(storage.Info{Key: key, Size: aws.ToInt64(object.Size), Modified: aws.ToTime(object.LastModified)}); err != nil {
			return last, err
		}
	}
	return last, nil
}

func decode(encoding types.EncodingType, key string) (string, error) {
	if encoding != types.EncodingTypeUrl {
		return key, nil
	}
	return url.QueryUnescape(key)
}

// Package overlay keeps the keys below one prefix in another bucket: how a job keeps its pages when its repository may
// only be read.
package overlay

import (
	"context"
	"errors"
	"io"
	"strings"

	"starkeep/storage"
)

// New returns a bucket whose keys below prefix live in over, and all others in base. It owns both.
func New(base, over storage.Bucket, prefix string) storage.Bucket {
	return &bucket{base: base, over: over, prefix: prefix}
}

type bucket struct {
	base, over storage.Bucket
	prefix     string
}

func (b *bucket) of(key string) storage.Bucket {
	if strings.HasPrefix(key, b.prefix) {
		return b.over
	}
	return b.base
}

func (b *bucket) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	return b.of(key).Get(ctx, key, r)
}

func (b *bucket) Stat(ctx context.Context, key string) (storage.Info, error) {
	return b.of(key).Stat(ctx, key)
}

// List lists one of the two buckets: below prefix the upper one, otherwise the base without what the upper one hides.
// No caller lists across the border.
func (b *bucket) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	if strings.HasPrefix(prefix, b.prefix) {
		return b.over.List(ctx, prefix, fn)
	}
	return b.base.List(ctx, prefix, func(i storage.Info) error {
		if strings.HasPrefix(i.Key, b.prefix) {
			return nil
		}
		return fn(i)
	})
}

func (b *bucket) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	return b.of(key).Put(ctx, key, body, opts)
}

func (b *bucket) Delete(ctx context.Context, key string) error { return b.of(key).Delete(ctx, key) }

func (b *bucket) Traits() storage.Traits { return b.base.Traits() }

func (b *bucket) Close() error { return errors.Join(b.base.Close(), b.over.Close()) }

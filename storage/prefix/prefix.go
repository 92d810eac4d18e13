// Package prefix keeps a bucket's keys below one prefix of another bucket, so that a repository can live in a part of a
// bucket that others use too.
package prefix

import (
	"context"
	"fmt"
	"io"
	"strings"

	"starkeep/storage"
)

// New returns a bucket whose key k is b's key prefix/k. It owns b. The empty prefix gives b itself; a prefix that is no
// valid key by itself makes every call fail with storage.ErrInvalidKey.
//
// Errors that b gives name whole keys, as the store knows them.
func New(b storage.Bucket, prefix string) storage.Bucket {
	if prefix == "" {
		return b
	}
	return &bucket{Bucket: b, prefix: prefix + "/"}
}

type bucket struct {
	storage.Bucket
	prefix string // with its slash
}

// whole returns the key that the store knows. It checks the key alone, too: "" would else be the prefix itself.
func (b *bucket) whole(key string) (string, error) {
	if err := storage.CheckKey(key); err != nil {
		return "", err
	}
	if most := b.Traits().MaxKey; len(key) > most {
		return "", fmt.Errorf("%w: %d bytes, at most %d are allowed below %s: %.60q…", storage.ErrInvalidKey, len(key), most, b.prefix, key)
	}
	return b.prefix + key, nil
}

func (b *bucket) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	whole, err := b.whole(key)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	return b.Bucket.Get(ctx, whole, r)
}

func (b *bucket) Stat(ctx context.Context, key string) (storage.Info, error) {
	whole, err := b.whole(key)
	if err != nil {
		return storage.Info{}, fmt.Errorf("stat: %w", err)
	}
	info, err := b.Bucket.Stat(ctx, whole)
	if err != nil {
		return storage.Info{}, err
	}
	info.Key = key
	return info, nil
}

func (b *bucket) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	if err := storage.CheckPrefix(prefix); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	return b.Bucket.List(ctx, b.prefix+prefix, func(i storage.Info) error {
		i.Key = strings.TrimPrefix(i.Key, b.prefix)
		return fn(i)
	})
}

func (b *bucket) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	whole, err := b.whole(key)
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return b.Bucket.Put(ctx, whole, body, opts)
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	whole, err := b.whole(key)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return b.Bucket.Delete(ctx, whole)
}

// Traits leaves to keys what the prefix does not use.
func (b *bucket) Traits() storage.Traits {
	t := b.Bucket.Traits()
	t.MaxKey = max(0, t.MaxKey-len(b.prefix))
	return t
}

package repository

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"starkeep/storage"
)

// interrupt runs call before the nth call that reaches the store. Safe for concurrent use.
type interrupt struct {
	storage.Bucket
	call func()

	mu     sync.Mutex
	nth    int
	before int // data objects when call ran
}

func (b *interrupt) step() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.nth--; b.nth == 0 {
		_ = b.Bucket.List(context.Background(), prefix(testName)+"data/", func(storage.Info) error {
			b.before++
			return nil
		})
		b.call()
	}
}

func (b *interrupt) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	b.step()
	return b.Bucket.Get(ctx, key, r)
}

func (b *interrupt) Stat(ctx context.Context, key string) (storage.Info, error) {
	b.step()
	return b.Bucket.Stat(ctx, key)
}

func (b *interrupt) List(ctx context.Context, p string, fn func(storage.Info) error) error {
	b.step()
	return b.Bucket.List(ctx, p, fn)
}

func (b *interrupt) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	b.step()
	return b.Bucket.Put(ctx, key, body, opts)
}

func (b *interrupt) Delete(ctx context.Context, key string) error {
	b.step()
	return b.Bucket.Delete(ctx, key)
}

// aged tells that the objects whose keys hold a text were written long ago.
type aged struct {
	storage.Bucket
	text string
}

func (b aged) Stat(ctx context.Context, key string) (storage.Info, error) {
	i, err := b.Bucket.Stat(ctx, key)
	if strings.Contains(key, b.text) {
		i.Modified = i.Modified.Add(-time.Hour)
	}
	return i, err
}

// Package mem is a storage.Bucket in memory, for tests. Places have names, so that several handles see each other, as
// the handles of several processes do; they live until Drop.
package mem

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"starkeep/storage"
)

var (
	placesMu sync.Mutex
	places   = map[string]*place{}
)

// place is what the handles of one name share.
type place struct {
	mu      sync.RWMutex
	dropped bool
	objects map[string]object
}

type object struct {
	data     []byte // never changed, so readers need no copy
	modified time.Time
}

// Bucket is a handle on a named place. It is safe for concurrent use.
type Bucket struct {
	name  string
	place *place
}

var _ storage.Bucket = (*Bucket)(nil)

// Open returns a handle on the place of that name. Without create the place has to be there: storage.ErrNoRoot.
func Open(name string, create bool) (*Bucket, error) {
	placesMu.Lock()
	defer placesMu.Unlock()
	p := places[name]
	if p == nil {
		if !create {
			return nil, fmt.Errorf("open mem://%s: %w", name, storage.ErrNoRoot)
		}
		p = &place{objects: map[string]object{}}
		places[name] = p
	}
	return &Bucket{name: name, place: p}, nil
}

// Drop removes a place with all its objects. Handles that are still open answer storage.ErrNoRoot from then on.
func Drop(name string) {
	placesMu.Lock()
	defer placesMu.Unlock()
	if p := places[name]; p != nil {
		p.mu.Lock()
		p.dropped, p.objects = true, nil
		p.mu.Unlock()
		delete(places, name)
	}
}

// wrap adds what every error of this backend tells.
func (b *Bucket) wrap(op, key string, err error) error {
	return fmt.Errorf("%s mem://%s/%s: %w", op, b.name, key, err)
}

// find returns an object, or the reason why there is none.
func (b *Bucket) find(ctx context.Context, key string) (object, error) {
	if err := storage.Enter(ctx, key); err != nil {
		return object{}, err
	}
	b.place.mu.RLock()
	defer b.place.mu.RUnlock()
	o, ok := b.place.objects[key]
	switch {
	case b.place.dropped:
		return object{}, storage.ErrNoRoot
	case !ok:
		return object{}, storage.ErrNotExist
	}
	return o, nil
}

// Get implements storage.Reader.
func (b *Bucket) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	o, err := b.find(ctx, key)
	if err != nil {
		return nil, b.wrap("get", key, err)
	}
	offset, length, err := r.Clip(int64(len(o.data)))
	if err != nil {
		return nil, b.wrap("get", key, err)
	}
	return &reader{ctx: ctx, Reader: bytes.NewReader(o.data[offset : offset+length])}, nil
}

// reader stops when its context does, as a connection would.
type reader struct {
	ctx context.Context
	*bytes.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// WriteTo is what io.Copy would otherwise find in bytes.Reader, past the context.
func (r *reader) WriteTo(w io.Writer) (int64, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.WriteTo(w)
}

func (*reader) Close() error { return nil }

// Stat implements storage.Reader.
func (b *Bucket) Stat(ctx context.Context, key string) (storage.Info, error) {
	o, err := b.find(ctx, key)
	if err != nil {
		return storage.Info{}, b.wrap("stat", key, err)
	}
	return storage.Info{Key: key, Size: int64(len(o.data)), Modified: o.modified}, nil
}

// List implements storage.Reader. It lists what was there when it began.
func (b *Bucket) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	infos, err := b.snapshot(ctx, prefix)
	if err != nil {
		return b.wrap("list", prefix, err)
	}
	for _, info := range infos {
		if err := ctx.Err(); err != nil {
			return b.wrap("list", prefix, err)
		}
		if err := fn(info); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bucket) snapshot(ctx context.Context, prefix string) ([]storage.Info, error) {
	if err := storage.EnterList(ctx, prefix); err != nil {
		return nil, err
	}
	b.place.mu.RLock()
	defer b.place.mu.RUnlock()
	if b.place.dropped {
		return nil, storage.ErrNoRoot
	}
	var infos []storage.Info
	for key, o := range b.place.objects {
		if strings.HasPrefix(key, prefix) {
			infos = append(infos, storage.Info{Key: key, Size: int64(len(o.data)), Modified: o.modified})
		}
	}
	slices.SortFunc(infos, func(x, y storage.Info) int { return strings.Compare(x.Key, y.Key) })
	return infos, nil
}

// Put implements storage.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	if err := b.put(ctx, key, body, opts); err != nil {
		return b.wrap("put", key, err)
	}
	return nil
}

func (b *Bucket) put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	if err := storage.CheckKey(key); err != nil {
		return err
	}
	r, err := body.Verified(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b.place.mu.Lock()
	defer b.place.mu.Unlock()
	if b.place.dropped {
		return storage.ErrNoRoot
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, taken := b.place.objects[key]; taken && opts.IfAbsent {
		return storage.ErrExist
	}
	b.place.objects[key] = object{data: data, modified: time.Now()}
	return nil
}

// Delete implements storage.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := storage.Enter(ctx, key); err != nil {
		return b.wrap("delete", key, err)
	}
	b.place.mu.Lock()
	defer b.place.mu.Unlock()
	if b.place.dropped {
		return b.wrap("delete", key, storage.ErrNoRoot)
	}
	delete(b.place.objects, key)
	return nil
}

// Traits implements storage.Bucket.
func (b *Bucket) Traits() storage.Traits {
	return storage.Traits{Name: "mem", CreateAbsent: storage.Atomic, MaxKey: storage.MaxKey}
}

// Close implements storage.Bucket; the place stays.
func (b *Bucket) Close() error { return nil }

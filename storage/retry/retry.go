// Package retry repeats calls of a storage.Bucket that failed in passing: storage.ErrUnavailable, and nothing else. It is
// the one place of retries below the activities; backends make each request once.
package retry

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"starkeep/storage"
)

// Policy says how often and after what time a call is made again. A zero field has the default's value.
type Policy struct {
	Attempts int           // calls in a row that bring nothing forward, the first one included
	First    time.Duration // upper bound of the first wait; it doubles from wait to wait
	Max      time.Duration // upper bound of every wait

	// Jitter picks a wait from an upper bound. Nil: evenly from zero to the bound ("full jitter"), so that many workers
	// do not come back to a store at the same moment.
	Jitter func(bound time.Duration) time.Duration
	// Notify is told of each repeat before its wait, from the goroutine of the call. Nil: nobody.
	Notify func(Repeat)
}

// Default is short: Temporal repeats the activity above, with longer waits.
func Default() Policy {
	return Policy{Attempts: 5, First: 200 * time.Millisecond, Max: 5 * time.Second, Jitter: full}
}

// Repeat is a call that will be made again.
type Repeat struct {
	Method  string // Get, Stat, List, Put, Delete; Read: the rest of a body
	Key     string // or prefix
	Attempt int    // the one that failed, from 1
	Wait    time.Duration
	Err     error
}

// ErrChanged is what the reader of a Get returns when it lost its connection and found another object afterwards.
var ErrChanged = errors.New("object changed while it was read")

// New returns b with calls repeated. It owns b.
func New(b storage.Bucket, p Policy) storage.Bucket {
	d := Default()
	if p.Attempts <= 0 {
		p.Attempts = d.Attempts
	}
	if p.First <= 0 {
		p.First = d.First
	}
	if p.Max <= 0 {
		p.Max = d.Max
	}
	if p.Jitter == nil {
		p.Jitter = d.Jitter
	}
	if p.Notify == nil {
		p.Notify = func(Repeat) {}
	}
	return &bucket{Bucket: b, policy: p}
}

func full(bound time.Duration) time.Duration { return rand.N(bound + 1) }

type bucket struct {
	storage.Bucket
	policy Policy
}

// Get repeats the call, and a body that breaks goes on behind its last byte.
func (b *bucket) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	var body io.ReadCloser
	err := b.do(ctx, "Get", key, func() (err error) {
		body, err = b.Bucket.Get(ctx, key, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &reader{ctx: ctx, bucket: b, key: key, r: r, body: body, tries: b.begin("Read", key)}, nil
}

// Stat implements storage.Reader.
func (b *bucket) Stat(ctx context.Context, key string) (info storage.Info, err error) {
	err = b.do(ctx, "Stat", key, func() (err error) {
		info, err = b.Bucket.Stat(ctx, key)
		return err
	})
	return info, err
}

// List goes on behind the last key that fn took: order and the exactness of keys make that safe. What fn itself returns
// is never repeated.
func (b *bucket) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	tries := b.begin("List", prefix)
	for last := ""; ; {
		var own error
		err := b.Bucket.List(ctx, prefix, func(i storage.Info) error {
			if i.Key <= last { // "" is no key
				return nil
			}
			if own = fn(i); own != nil {
				return own
			}
			last = i.Key
			tries.forward()
			return nil
		})
		if err == nil || own != nil {
			return err
		}
		if err := tries.again(ctx, err); err != nil {
			return err
		}
	}
}

// Put implements storage.Bucket; each attempt opens the body anew. With IfAbsent the answer of an attempt that succeeded
// can be lost, and its repeat then finds the key taken. So if the object that is there has the very bytes of body, Put
// says that it stored it. Two writers of equal bytes can both be told so: a page that decides between writers must
// name its writer; for keys that are made of the content it makes no difference.
func (b *bucket) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	attempt := 0
	err := b.do(ctx, "Put", key, func() error {
		attempt++
		return b.Bucket.Put(ctx, key, body, opts)
	})
	if attempt == 1 || !errors.Is(err, storage.ErrExist) {
		return err
	}
	same, compareErr := b.holds(ctx, key, body)
	switch {
	case compareErr != nil:
		return fmt.Errorf("find out who stored %s: %w", key, compareErr)
	case same:
		return nil
	}
	return err
}

// holds tells whether the object under key has the bytes of body.
func (b *bucket) holds(ctx context.Context, key string, body storage.Body) (bool, error) {
	info, err := b.Stat(ctx, key)
	if errors.Is(err, storage.ErrNotExist) { // stored and deleted by another writer meanwhile
		return false, nil
	}
	if err != nil || info.Size != body.Size {
		return false, err
	}
	stored, err := b.Get(ctx, key, storage.Range{})
	if err != nil {
		return false, err
	}
	found, err := digest(stored)
	if err != nil {
		return false, err
	}
	if body.SHA256 != [32]byte{} {
		return found == body.SHA256, nil
	}
	ours, err := body.Verified(ctx)
	if err != nil {
		return false, err
	}
	want, err := digest(ours)
	return found == want, err
}

func digest(r io.ReadCloser) (sum [32]byte, err error) {
	h := sha256.New()
	_, err = io.Copy(h, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return sum, err
	}
	return [32]byte(h.Sum(nil)), nil
}

// Delete implements storage.Bucket.
func (b *bucket) Delete(ctx context.Context, key string) error {
	return b.do(ctx, "Delete", key, func() error { return b.Bucket.Delete(ctx, key) })
}

func (b *bucket) do(ctx context.Context, method, key string, call func() error) error {
	tries := b.begin(method, key)
	for {
		err := call()
		if err == nil {
			return nil
		}
		if err := tries.again(ctx, err); err != nil {
			return err
		}
	}
}

// Package fault wraps a storage.Bucket so that tests can make chosen calls fail, wait or break in the middle.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"starkeep/storage"
)

// ErrInjected is what a Fault without an error of its own gives.
var ErrInjected = errors.New("injected fault")

// Method names a method of storage.Bucket; empty in a Fault: all of them.
type Method string

// The methods.
const (
	Get    Method = "Get"
	Stat   Method = "Stat"
	List   Method = "List"
	Put    Method = "Put"
	Delete Method = "Delete"
)

// Forever as Times: a fault that never stops, e.g. a store that died.
const Forever = -1

// Fault says which calls go wrong, and how. The zero values of its fields: the next call of any kind fails once.
type Fault struct {
	Method Method
	Key    string // substring of the key or prefix
	Nth    int    // first matching call that goes wrong, counted from 1; 0 is 1
	Times  int    // number of calls that go wrong; 0 is 1, Forever has no end

	Delay time.Duration // wait first, or until the context is done
	Err   error         // error to return; nil: ErrInjected, unless Delay alone is asked for
	After bool          // the call is done, then its answer is lost
	Cut   int64         // bytes (Get, Put) or entries (List) that pass before the error; 0: none

	struck func() // called when it has really happened; may be nil
}

// Call is one call that reached the wrapper.
type Call struct {
	Method Method
	Key    string
}

// Bucket is the wrapper. It is safe for concurrent use.
type Bucket struct {
	storage.Bucket
	chaos *Chaos // chooses in place of faults; may be nil

	mu     sync.Mutex
	faults []*counted
	calls  []Call
}

type counted struct {
	Fault
	seen int
}

// New wraps b; without faults it only records calls.
func New(b storage.Bucket) *Bucket { return &Bucket{Bucket: b} }

// Set replaces all faults. Counting begins anew.
func (b *Bucket) Set(faults ...Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = nil
	for _, f := range faults {
		b.faults = append(b.faults, &counted{Fault: f})
	}
}

// TakeCalls returns the calls since the last TakeCalls, in the order in which they began, and forgets them.
func (b *Bucket) TakeCalls() []Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	calls := b.calls
	b.calls = nil
	return calls
}

// hit records a call and returns the fault that strikes it.
func (b *Bucket) hit(m Method, key string) (struck *Fault) {
	if b.chaos != nil {
		return b.chaos.choose(Call{m, key})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, Call{m, key})
	for _, f := range b.faults {
		if f.Method != "" && f.Method != m || !strings.Contains(key, f.Key) {
			continue
		}
		f.seen++
		first, times := max(f.Nth, 1), f.Times
		if times == 0 {
			times = 1
		}
		if f.seen >= first && (times < 0 || f.seen < first+times) && struck == nil {
			struck = &f.Fault
		}
	}
	return struck
}

// strike begins a fault: it waits, and fails when nothing is to pass first. A nil fault does nothing.
func (f *Fault) strike(ctx context.Context, m Method, key string) error {
	if f == nil {
		return nil
	}
	if f.Delay > 0 {
		if f.onlyDelays() {
			f.happened()
		}
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if f.After || f.Cut > 0 {
		return nil
	}
	return f.failure(m, key)
}

func (f *Fault) failure(m Method, key string) error {
	if f.onlyDelays() {
		return nil
	}
	f.happened()
	err := f.Err
	if err == nil {
		err = ErrInjected
	}
	return fmt.Errorf("%s %s: %w", strings.ToLower(string(m)), key, err)
}

func (f *Fault) onlyDelays() bool { return f.Err == nil && f.Delay > 0 && f.Cut == 0 && !f.After }

func (f *Fault) happened() {
	if f.struck != nil {
		f.struck()
	}
}

// finish loses the answer of a call that was done.
func (f *Fault) finish(m Method, key string, err error) error {
	if f == nil || !f.After || err != nil {
		return err
	}
	return f.failure(m, key)
}

// Get implements storage.Reader.
func (b *Bucket) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	f := b.hit(Get, key)
	if err := f.strike(ctx, Get, key); err != nil {
		return nil, err
	}
	body, err := b.Bucket.Get(ctx, key, r)
	if err != nil || f == nil {
		return body, err
	}
	if f.Cut > 0 {
		return &broken{body, f.Cut, func() error { return f.failure(Get, key) }}, nil
	}
	if err := f.finish(Get, key, nil); err != nil {
		_ = body.Close()
		return nil, err
	}
	return body, nil
}

// Stat implements storage.Reader.
func (b *Bucket) Stat(ctx context.Context, key string) (storage.Info, error) {
	f := b.hit(Stat, key)
	if err := f.strike(ctx, Stat, key); err != nil {
		return storage.Info{}, err
	}
	info, err := b.Bucket.Stat(ctx, key)
	return info, f.finish(Stat, key, err)
}

// List implements storage.Reader.
func (b *Bucket) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	f := b.hit(List, prefix)
	if err := f.strike(ctx, List, prefix); err != nil {
		return err
	}
	if f == nil || f.Cut == 0 {
		return f.finish(List, prefix, b.Bucket.List(ctx, prefix, fn))
	}
	left := f.Cut
	return b.Bucket.List(ctx, prefix, func(i storage.Info) error {
		if left == 0 {
			return f.failure(List, prefix)
		}
		left--
		return fn(i)
	})
}

// Put implements storage.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	f := b.hit(Put, key)
	if err := f.strike(ctx, Put, key); err != nil {
		return err
	}
	if f != nil && f.Cut > 0 {
		open := body.Open
		body.Open = func() (io.ReadCloser, error) {
			r, err := open()
			if err != nil {
				return nil, err
			}
			return &broken{r, f.Cut, func() error { return f.failure(Put, key) }}, nil
		}
	}
	return f.finish(Put, key, b.Bucket.Put(ctx, key, body, opts))
}

// Delete implements storage.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	f := b.hit(Delete, key)
	if err := f.strike(ctx, Delete, key); err != nil {
		return err
	}
	return f.finish(Delete, key, b.Bucket.Delete(ctx, key))
}

// broken is a stream that ends with an error after some bytes.
type broken struct {
	io.ReadCloser
	left int64
	fail func() error
}

func (r *broken) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, r.fail()
	}
	n, err := r.ReadCloser.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}

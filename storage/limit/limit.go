// Package limit bounds how fast bytes go to and from a store, so that a backup leaves room on the network for others.
package limit

import (
	"context"
	"io"
	"math"
	"time"

	"golang.org/x/time/rate"

	"starkeep/storage"
)

// Limiter is a budget of bytes a second; all buckets that are given the same one share it. It is safe for concurrent use.
type Limiter struct {
	up, down *rate.Limiter // nil: no limit
}

// NewLimiter returns a Limiter of up bytes a second to stores and down bytes a second from them; 0 is no limit.
func NewLimiter(up, down int64) *Limiter {
	return &Limiter{up: perSecond(up), down: perSecond(down)}
}

// perSecond allows a tenth of a second at once: enough for large reads, too little to be felt as a burst.
func perSecond(bytes int64) *rate.Limiter {
	if bytes <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(bytes), int(min(max(bytes/10, 1), math.MaxInt32)))
}

// New returns b with its transfers held to l. It owns b. What counts is the bytes of bodies as they are read: a repeat
// of a Put pays again.
func New(b storage.Bucket, l *Limiter) storage.Bucket {
	return &bucket{Bucket: b, limiter: l}
}

type bucket struct {
	storage.Bucket
	limiter *Limiter
}

func (b *bucket) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	body, err := b.Bucket.Get(ctx, key, r)
	if err != nil || b.limiter.down == nil {
		return body, err
	}
	return &reader{ctx: ctx, ReadCloser: body, limit: b.limiter.down}, nil
}

func (b *bucket) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	if b.limiter.up == nil {
		return b.Bucket.Put(ctx, key, body, opts)
	}
	open := body.Open
	body.Open = func() (io.ReadCloser, error) {
		r, err := open()
		if err != nil {
			return nil, err
		}
		return &reader{ctx: ctx, ReadCloser: r, limit: b.limiter.up}, nil
	}
	return b.Bucket.Put(ctx, key, body, opts)
}

// reader pays for bytes after it read them: only then it is known how many there are.
type reader struct {
	ctx context.Context // the one call's, as with http.Request
	io.ReadCloser
	limit *rate.Limiter
}

func (r *reader) Read(p []byte) (int, error) {
	if burst := r.limit.Burst(); len(p) > burst {
		p = p[:burst]
	}
	n, err := r.ReadCloser.Read(p)
	if wait := r.limit.ReserveN(time.Now(), n).Delay(); wait > 0 {
		if err := sleep(r.ctx, wait); err != nil {
			return n, err
		}
	}
	return n, err
}

// Local returns the body without the limit, for who reads it but does not send it: a checksum that has to go first.
func (r *reader) Local() io.Reader { return r.ReadCloser }

// sleep is what rate.Limiter.WaitN does, but it waits until the deadline and then returns the context's own error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

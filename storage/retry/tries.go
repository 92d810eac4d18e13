package retry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"starkeep/storage"
)

// tries counts the attempts of one call.
type tries struct {
	policy      *Policy
	method, key string
	failed      int
	since       time.Time // when the first of these attempts began
}

func (b *bucket) begin(method, key string) *tries {
	return &tries{policy: &b.policy, method: method, key: key, since: time.Now()}
}

// forward notes that an attempt brought something: what fails next is a failure of its own.
func (t *tries) forward() {
	t.failed, t.since = 0, time.Now()
}

// again waits before the next attempt, or returns why there is none. It does not begin a wait that outlasts the context:
// err says more than "deadline exceeded".
func (t *tries) again(ctx context.Context, err error) error {
	t.failed++
	if !errors.Is(err, storage.ErrUnavailable) {
		return err
	}
	if ctx.Err() != nil {
		return t.cut(ctx, err)
	}
	wait := t.policy.Jitter(t.bound())
	if deadline, ok := ctx.Deadline(); t.failed >= t.policy.Attempts || ok && time.Until(deadline) <= wait {
		return t.final(err)
	}
	t.policy.Notify(Repeat{Method: t.method, Key: t.key, Attempt: t.failed, Wait: wait, Err: err})
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return t.cut(ctx, err)
	}
}

// bound is the longest that the next wait may be.
func (t *tries) bound() time.Duration {
	bound := t.policy.First
	for range t.failed - 1 {
		if bound >= t.policy.Max {
			break
		}
		bound *= 2
	}
	return min(bound, t.policy.Max)
}

// cut is the caller's own end; that the store was not available is only told, not wrapped: nothing is to be repeated.
func (t *tries) cut(ctx context.Context, err error) error {
	return fmt.Errorf("%w, while the last of %d attempts had failed: %v", ctx.Err(), t.failed, err)
}

func (t *tries) final(err error) error {
	if t.failed == 1 {
		return err
	}
	return fmt.Errorf("%w (tried %d times in %s)", err, t.failed, time.Since(t.since).Round(time.Millisecond))
}

package activities

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"starkeep/job"
)

// Bounds of one transfer.
const (
	spoolBytes  = 256 << 20 // data objects that wait in the spool folder before they are put
	putsAtOnce  = 4
	readsAtOnce = 2
)

// Gate bounds the transfers of one direction that a process runs at once, whatever queue they come by: memory and spool
// space are theirs times the bounds above. Nil has no bound.
type Gate chan struct{}

// NewGate returns a gate that lets n transfers in.
func NewGate(n int) Gate { return make(Gate, n) }

func (g Gate) enter(ctx context.Context) (leave func(), err error) {
	if g == nil {
		return func() {}, nil
	}
	select {
	case g <- struct{}{}:
		return func() { <-g }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// transfer is one attempt at a batch, up or down.
type transfer struct {
	*desk
	in   job.Batch
	page page
	dir  string // spool folder of the attempt

	rows, bytes, stored, reused, units atomic.Int64
}

// now is what the attempt has moved so far.
func (t *transfer) now() job.Progress {
	return job.Progress{UnitsDone: t.units.Load(), Rows: t.rows.Load(), Bytes: t.bytes.Load(), Stored: t.stored.Load(), Reused: t.reused.Load()}
}

// transfer runs an attempt at a batch. Its receipt proves the batch done: with one there is nothing to do, and of two
// attempts the first receipt counts.
func (a *Activities) transfer(ctx context.Context, in job.Batch, g Gate, work func(context.Context, *transfer) (receipt, error)) (job.Progress, error) {
	t := &transfer{in: in}
	defer beat(ctx, t.now)()
	leave, err := g.enter(ctx)
	if err != nil {
		return job.Progress{}, err
	}
	defer leave()
	done, err := a.attempt(ctx, t, work)
	return done, explain(err)
}

func (a *Activities) attempt(ctx context.Context, t *transfer, work func(context.Context, *transfer) (receipt, error)) (job.Progress, error) {
	var err error
	if t.desk, err = a.open(ctx, t.in.Ref); err != nil {
		return job.Progress{}, err
	}
	var r receipt
	if done, err := t.found(ctx, receiptPage(t.in), &r); err != nil || done {
		return r.Progress, err
	}
	if t.page, err = a.page(ctx, t.desk, t.in); err != nil {
		return job.Progress{}, err
	}
	if t.dir, err = a.spool(t.in.Ref); err != nil {
		return job.Progress{}, err
	}
	defer func() { _ = os.RemoveAll(t.dir) }()
	if r, err = work(ctx, t); err != nil {
		return job.Progress{}, err
	}
	r.Progress = t.now()
	_, err = t.settle(ctx, receiptPage(t.in), &r)
	return r.Progress, err
}

// batch is the work of the attempt.
func (t *transfer) batch() batch { return t.page.Batches[t.in.Index] }

// each runs f for n items, some at once.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for i := range n {
		g.Go(func() error { return f(ctx, i) })
	}
	return g.Wait()
}

// spool makes a folder for one attempt. Folders of killed attempts are removed when the worker starts.
func (a *Activities) spool(ref job.Ref) (string, error) {
	if err := os.MkdirAll(a.Spool, 0o700); err != nil {
		return "", fmt.Errorf("make spool folder: %w", err)
	}
	dir, err := os.MkdirTemp(a.Spool, filepath.Base(ref.Job)+"-")
	if err != nil {
		return "", fmt.Errorf("make spool folder: %w", err)
	}
	return dir, nil
}

// page reads the page of a plan that a batch is on. Pages are immutable, so the last ones are remembered: the batches of
// a page come one behind the other.
func (a *Activities) page(ctx context.Context, d *desk, in job.Batch) (page, error) {
	key := in.Ref.Job + "/" + planPage(in.Plan, in.Page)
	if p, ok := a.pages.get(key); ok {
		return p, nil
	}
	var p page
	if err := d.read(ctx, planPage(in.Plan, in.Page), &p); err != nil {
		return p, err
	}
	if in.Index >= len(p.Batches) {
		return p, refuse(job.InvalidRequest, "page %s has no batch %d", key, in.Index)
	}
	a.pages.put(key, p)
	return p, nil
}

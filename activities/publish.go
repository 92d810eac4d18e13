package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/job"
)

// PublishTables makes the restored tables live, each by one atomic swap or rename. Until the last one is done release can
// undo them all.
func (a *Activities) PublishTables(ctx context.Context, in job.StageInput) error {
	defer alive(ctx)()
	return explain(a.publish(ctx, in, false))
}

// ReplacePartitions makes the restored partitions live. A replaced partition is gone at once: this stage comes last,
// and once it has begun the job only rolls forward.
func (a *Activities) ReplacePartitions(ctx context.Context, in job.StageInput) error {
	defer alive(ctx)()
	return explain(a.publish(ctx, in, true))
}

func (a *Activities) publish(ctx context.Context, in job.StageInput, replace bool) error {
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return err
	}
	var built targets
	if err := d.read(ctx, targetsPage, &built); err != nil {
		return err
	}
	if replace {
		if _, err := d.settle(ctx, replacingPage, &created{Database: d.ref.Database}); err != nil {
			return err
		}
	} else if err := d.beforeSwaps(ctx, built.Targets); err != nil {
		return err
	}
	if group, ok := d.cluster.(cluster.GroupPublisher); ok && !replace {
		return group.PublishAll(ctx, publications(built.Targets))
	}
	return d.publishEach(ctx, built.Targets, replace)
}

// beforeSwaps does what can be done only as long as no table is swapped. Privileges are carried over a second time: a job
// may have been paused for days since it was verified. What could not be carried was told then. The page keeps a later
// attempt, which may find some tables swapped, from doing it again.
func (d *desk) beforeSwaps(ctx context.Context, all []target) error {
	if err := d.rememberViews(ctx); err != nil {
		return err
	}
	if _, ok := d.cluster.(cluster.Granter); !ok {
		return nil
	}
	done := created{Database: d.ref.Database}
	if known, err := d.found(ctx, grantsPage, &done); err != nil || known {
		return err
	}
	if _, err := d.carryGrants(ctx, all); err != nil {
		return err
	}
	_, err := d.settle(ctx, grantsPage, &done)
	return err
}

// publishEach publishes some at once. An error keeps further ones from beginning, but cuts none off that is under way.
// Replacements only roll forward, each for itself, so they all are tried.
func (d *desk) publishEach(ctx context.Context, all []target, replace bool) error {
	var mu sync.Mutex
	var errs []error
	failed := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(errs) > 0 && !replace
	}
	var g errgroup.Group
	g.SetLimit(statementsAtOnce)
	for _, t := range all {
		if t.Replace != replace {
			continue
		}
		g.Go(func() error {
			if failed() {
				return nil
			}
			if err := d.cluster.Publish(ctx, t.Publication); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("publish %s.%s: %w", d.ref.Database, t.Live, err))
			}
			return nil
		})
	}
	_ = g.Wait() // errs has them all
	return errors.Join(errs...)
}

// publications are those of the targets that are published as whole tables.
func publications(all []target) []cluster.Publication {
	var ps []cluster.Publication
	for _, t := range all {
		if !t.Replace {
			ps = append(ps, t.Publication)
		}
	}
	return ps
}

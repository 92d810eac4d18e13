package activities

import (
	"context"
	"errors"
	"fmt"

	"starkeep/cluster"
	"starkeep/job"
)

// PublishTables makes the restored tables live, one atomic swap or rename after the other. Until the last one is done
// release can undo them all.
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
	}
	if group, ok := d.cluster.(cluster.GroupPublisher); ok && !replace {
		return group.PublishAll(ctx, publications(built.Targets))
	}
	var errs []error
	for _, t := range built.Targets {
		if t.Replace != replace {
			continue
		}
		if err := d.cluster.Publish(ctx, t.Publication); err != nil {
			errs = append(errs, fmt.Errorf("publish %s.%s: %w", d.ref.Database, t.Live, err))
			if !replace {
				break // all of these can be undone; replacements only roll forward, each for itself
			}
		}
	}
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

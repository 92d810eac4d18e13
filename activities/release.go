package activities

import (
	"context"
	"errors"
	"fmt"

	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/snapshot/repository"
)

// ReleaseBackup gives back what a backup held. Without a manifest it also removes the data objects that the job stored
// and no snapshot names.
func (a *Activities) ReleaseBackup(ctx context.Context, in job.ReleaseInput) (job.ReleaseOutput, error) {
	defer alive(ctx)()
	out, err := a.releaseBackup(ctx, in)
	return out, explain(err)
}

func (a *Activities) releaseBackup(ctx context.Context, in job.ReleaseInput) (job.ReleaseOutput, error) {
	d, ok, err := a.reopen(ctx, in.Ref)
	if err != nil || !ok {
		return job.ReleaseOutput{}, err
	}
	var out job.ReleaseOutput
	left, why, err := d.sweep(ctx)
	if err != nil {
		return out, err
	}
	if left > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d data objects of this job stay in the repository: %v", left, why))
	}
	return out, d.repo.DeleteJob(ctx, in.Ref.Job)
}

// reopen opens the desk of a job that ends. A job that never got as far as a repository or a cluster has nothing to
// release.
func (a *Activities) reopen(ctx context.Context, ref job.Ref) (*desk, bool, error) {
	d, err := a.open(ctx, ref)
	if errors.Is(err, ErrUnknownRepository) || errors.Is(err, ErrUnknownCluster) {
		return nil, false, nil
	}
	return d, err == nil, err
}

// sweep removes the data objects that attempts of this job put and that no snapshot names: all of them after a cancel,
// the ones of lost attempts otherwise. Where it cannot know that nobody needs them they stay, and why says so: another
// job may rely on what it found, an unreadable manifest may name any of them.
func (d *desk) sweep(ctx context.Context) (left int, why, err error) {
	mine := map[string]snapshot.ObjectRef{}
	if err := d.repo.ListPages(ctx, d.ref.Job, intentPages, func(name string) error {
		var i intent
		if err := d.read(ctx, name, &i); err != nil {
			return err
		}
		for _, o := range i.New {
			mine[o.Key] = o
		}
		return nil
	}); err != nil {
		return 0, nil, err
	}
	if len(mine) == 0 {
		return 0, nil, nil
	}
	err = d.repo.Sweep(ctx, d.ref.Job, d.ref.Created, mine)
	var damage *repository.DamageError
	if errors.Is(err, repository.ErrBusy) || errors.Is(err, repository.ErrNewerFormat) || errors.As(err, &damage) {
		return len(mine), err, nil
	}
	return 0, nil, err
}

// ReleaseRestore gives back what a restore held: what the publish replaced, or, when it did not come to that, everything
// that was built.
func (a *Activities) ReleaseRestore(ctx context.Context, in job.ReleaseInput) (job.ReleaseOutput, error) {
	defer alive(ctx)()
	out, err := a.releaseRestore(ctx, in)
	return out, explain(err)
}

func (a *Activities) releaseRestore(ctx context.Context, in job.ReleaseInput) (job.ReleaseOutput, error) {
	var out job.ReleaseOutput
	d, ok, err := a.reopen(ctx, in.Ref)
	if err != nil || !ok {
		return out, err
	}
	all, err := d.built(ctx)
	if err != nil {
		return out, err
	}
	replacing, err := d.found(ctx, replacingPage, &created{})
	if err != nil {
		return out, err
	}
	if replacing && !in.Committed {
		out.Notes = append(out.Notes, "publishing had begun and could not be undone: tables were swapped; some partitions may not be replaced")
	}
	if in.Committed || replacing {
		err = d.dropRetired(ctx, all)
	} else {
		err = d.undo(ctx, all)
	}
	if err != nil {
		return out, err
	}
	return out, d.repo.DeleteJob(ctx, in.Ref.Job)
}

// built returns the targets as they were built, or as they were to be built when that did not come to its end.
func (d *desk) built(ctx context.Context) ([]target, error) {
	var t targets
	if done, err := d.found(ctx, targetsPage, &t); err != nil || done {
		return t.Targets, err
	}
	var head restoreHead
	_, err := d.found(ctx, headPage, &head)
	return head.Targets, err
}

// dropRetired drops what the publish replaced.
func (d *desk) dropRetired(ctx context.Context, all []target) error {
	for _, t := range all {
		var err error
		if t.Replace {
			err = d.dropTemporary(ctx, t)
		} else if t.LiveID != 0 {
			err = d.cluster.DropTable(ctx, d.ref.Database, t.Publication.Retired)
		}
		if err != nil {
			return fmt.Errorf("drop what was replaced by %s: %w", t.Live, err)
		}
	}
	return nil
}

// undo puts everything back as it was, the last publication first.
func (d *desk) undo(ctx context.Context, all []target) error {
	if exists, err := d.cluster.DatabaseExists(ctx, d.ref.Database); err != nil || !exists {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if err := d.undoTarget(ctx, all[i]); err != nil {
			return fmt.Errorf("undo the restore of %s: %w", all[i].Live, err)
		}
	}
	byUs, err := d.found(ctx, databasePage, &created{})
	if err != nil || !byUs {
		return err
	}
	return d.cluster.DropDatabase(ctx, d.ref.Database)
}

func (d *desk) undoTarget(ctx context.Context, t target) error {
	if t.Replace {
		return d.dropTemporary(ctx, t)
	}
	if t.Publication.ShadowID != 0 { // 0: it was never built whole, so it was not published
		if err := d.cluster.Unpublish(ctx, t.Publication); err != nil {
			return err
		}
	}
	return d.cluster.DropTable(ctx, d.ref.Database, t.Publication.Shadow)
}

func (d *desk) dropTemporary(ctx context.Context, t target) error {
	var names []string
	for _, r := range t.Publication.Replace {
		names = append(names, r.Temporary)
	}
	return d.cluster.DropTemporaryPartitions(ctx, d.ref.Database, t.Live, names)
}

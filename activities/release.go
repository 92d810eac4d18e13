package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/snapshot/repository"
	"starkeep/storage"
)

// ReleaseBackup gives back what a backup held. Without a manifest it also removes the data objects that the job stored
// and no snapshot names.
func (a *Activities) ReleaseBackup(ctx context.Context, in job.ReleaseInput) (job.ReleaseOutput, error) {
	defer alive(ctx)()
	out, err := a.releaseBackup(ctx, in)
	return out, patient(err)
}

func (a *Activities) releaseBackup(ctx context.Context, in job.ReleaseInput) (job.ReleaseOutput, error) {
	d, out, err := a.reopen(ctx, in)
	if err != nil || d == nil {
		return out, err
	}
	if out.Committed, err = d.decided(ctx, in.Committed); err != nil {
		return out, err
	}
	left, why, err := d.sweep(ctx)
	if errors.Is(err, storage.ErrNoSpace) { // the sweep, which makes room, needs some for its lock
		if err = d.makeRoom(ctx); err == nil {
			left, why, err = d.sweep(ctx)
		}
	}
	if err != nil {
		return out, err
	}
	if left > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d objects of this job stay in the repository: %v", left, why))
	}
	return out, d.repo.DeleteJob(ctx, in.Ref.Job)
}

// decided settles that a backup which did not commit is abandoned. When an attempt to commit was first, the snapshot may
// be there, or come to be there at any moment: then the release completes it, and the job has succeeded after all.
func (d *desk) decided(ctx context.Context, committed bool) (bool, error) {
	if committed {
		return true, nil
	}
	var m snapshot.Manifest
	if begun, err := d.found(ctx, manifestPage, &m); err != nil || !begun {
		return false, err // nothing can commit without that page
	}
	what := decision{}
	if _, err := d.settle(ctx, decisionPage, &what); err != nil || !what.Commit {
		return false, err
	}
	return true, d.writeManifest(ctx, m)
}

// reopen opens the desk of a job that ends; nil when there is nothing to release. A job whose pages cannot be found any
// more says so: what it built may be left.
func (a *Activities) reopen(ctx context.Context, in job.ReleaseInput) (*desk, job.ReleaseOutput, error) {
	var out job.ReleaseOutput
	d, err := a.open(ctx, in.Ref)
	if errors.Is(err, ErrUnknownRepository) || errors.Is(err, ErrUnknownCluster) {
		if in.Admitted {
			out.Notes = append(out.Notes, fmt.Sprintf("nothing was released: %v; look for jobs/%s in the repository, and for tables that begin with %s%s", err, in.Ref.Job, shadowPrefix, short(in.Ref.Job)))
		}
		return nil, out, nil
	}
	if err != nil {
		return nil, out, err
	}
	known, err := d.found(ctx, headPage, new(json.RawMessage))
	if err == nil && !known && in.Admitted {
		// A repeat of a release that was done finds nothing either; the note is then lost with its first answer.
		out.Notes = append(out.Notes, fmt.Sprintf("the pages of the job are gone; if tables that begin with %s%s are left, drop them", shadowPrefix, short(in.Ref.Job)))
	}
	return d, out, err
}

// sweep removes the data objects that attempts of this job put and that no snapshot names: all of them after a cancel,
// the ones of lost attempts otherwise. Where it cannot know that nobody needs them they stay, and why says so: another
// job may rely on what it found, an unreadable manifest may name any of them.
func (d *desk) sweep(ctx context.Context) (left int, why, err error) {
	mine := map[string]snapshot.ObjectRef{}
	intents, err := readAll[intent](ctx, d, intentPages)
	if err != nil {
		return 0, nil, err
	}
	for _, i := range intents {
		for _, o := range i.New {
			mine[o.Key] = o
		}
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

// makeRoom deletes the pages of a backup that are of no use once it is decided; a sweep needs the intents only.
func (d *desk) makeRoom(ctx context.Context) error {
	for _, below := range []string{receiptFolder, planFolder, pinnedPages} {
		if err := d.repo.DeletePages(ctx, d.ref.Job, below); err != nil {
			return err
		}
	}
	return nil
}

// ReleaseRestore gives back what a restore held: what the publish replaced, or, when it did not come to that, everything
// that was built.
func (a *Activities) ReleaseRestore(ctx context.Context, in job.ReleaseInput) (job.ReleaseOutput, error) {
	defer alive(ctx)()
	out, err := a.releaseRestore(ctx, in)
	return out, patient(err)
}

func (a *Activities) releaseRestore(ctx context.Context, in job.ReleaseInput) (job.ReleaseOutput, error) {
	d, out, err := a.reopen(ctx, in)
	if err != nil || d == nil {
		return out, err
	}
	all, err := d.built(ctx)
	if err != nil {
		return out, err
	}
	done := in.Committed
	if !done {
		if done, err = d.irreversible(ctx, all); err != nil {
			return out, err
		}
	}
	switch {
	case in.Committed:
		err = d.dropRetired(ctx, all)
	case done && len(all) > 0:
		// Some partitions are replaced for good, so what was swapped stays; what it replaced is kept for the person who
		// has to look at this.
		out.Notes = append(out.Notes, d.kept(all))
		err = errors.Join(d.each(all, func(t target) error { return d.dropTemporary(ctx, t) }), d.reactivate(ctx, &out))
	default:
		err = d.undo(ctx, all, &out)
	}
	if err != nil {
		return out, err
	}
	return out, d.repo.DeleteJob(ctx, in.Ref.Job)
}

// irreversible tells whether any partition, or an object that is no table, was replaced for good.
func (d *desk) irreversible(ctx context.Context, all []target) (bool, error) {
	if putting, err := d.found(ctx, puttingPage, &created{}); err != nil || putting {
		return putting, err
	}
	begun, err := d.found(ctx, replacingPage, &created{})
	if err != nil || !begun {
		return false, err
	}
	for _, t := range all {
		if !t.Replace {
			continue
		}
		err := d.cluster.Unpublish(ctx, t.Publication) // changes nothing: it tells whether there is something to undo
		if errors.Is(err, cluster.ErrUnsupported) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// kept names the tables that were put aside and not dropped.
func (d *desk) kept(all []target) string {
	text := "publishing could not be completed nor undone: some partitions, or other objects, are replaced"
	for _, t := range all {
		if !t.Replace && t.LiveID != 0 {
			text += fmt.Sprintf("; %s is restored, its old rows are in %s", t.Live, t.Publication.Retired)
		}
	}
	return text
}

// each does f for all targets, some at once, and does not let one that fails keep it from the others.
func (d *desk) each(all []target, f func(target) error) error {
	errs := make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(statementsAtOnce)
	for i, t := range all {
		g.Go(func() error {
			if err := f(t); err != nil {
				errs[i] = fmt.Errorf("release %s: %w", t.Live, err)
			}
			return nil
		})
	}
	_ = g.Wait() // errs has them all
	return errors.Join(errs...)
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
	return d.each(all, func(t target) error {
		if t.Replace {
			return d.dropTemporary(ctx, t)
		}
		return d.cluster.DropRetired(ctx, t.Publication)
	})
}

// undo puts everything back as it was.
func (d *desk) undo(ctx context.Context, all []target, out *job.ReleaseOutput) error {
	if d.ref.Database == "" {
		return nil // nothing is built for objects of the cluster itself
	}
	if exists, err := d.cluster.DatabaseExists(ctx, d.ref.Database); err != nil || !exists {
		return err
	}
	if err := d.undoTargets(ctx, all); err != nil {
		return err
	}
	if err := d.reactivate(ctx, out); err != nil {
		return err
	}
	byUs, err := d.found(ctx, databasePage, &created{})
	if err != nil || !byUs {
		return err
	}
	err = d.cluster.DropDatabase(ctx, d.ref.Database)
	if errors.Is(err, cluster.ErrExists) {
		out.Notes = append(out.Notes, fmt.Sprintf("database %s was created by this job and stays: somebody else created something in it", d.ref.Database))
		return nil
	}
	return err
}

func (d *desk) undoTargets(ctx context.Context, all []target) error {
	group, ok := d.cluster.(cluster.GroupPublisher)
	if !ok {
		return d.each(all, func(t target) error { return d.undoTarget(ctx, t) })
	}
	for try := 1; ; try++ {
		built := slices.DeleteFunc(publications(all), func(p cluster.Publication) bool { return p.ShadowID == 0 })
		if err := group.UnpublishAll(ctx, built); err != nil {
			return err
		}
		err := d.each(all, func(t target) error {
			if t.Replace {
				return d.dropTemporary(ctx, t)
			}
			return d.cluster.Discard(ctx, t.Publication)
		})
		if try == undoTries || !errors.Is(err, cluster.ErrExists) {
			return err
		}
	}
}

func (d *desk) undoTarget(ctx context.Context, t target) error {
	if t.Replace {
		return d.dropTemporary(ctx, t)
	}
	for try := 1; ; try++ {
		if t.Publication.ShadowID != 0 { // 0: it was never built whole, so it was not published
			if err := d.cluster.Unpublish(ctx, t.Publication); err != nil {
				return err
			}
		}
		err := d.cluster.Discard(ctx, t.Publication)
		if try == undoTries || !errors.Is(err, cluster.ErrExists) {
			return err
		}
		// A statement of a stalled attempt came in between and moved the tables: look again.
	}
}

// undoTries is how often an undo looks again: more late statements than attempts of one publish there cannot be.
const undoTries = 4

func (d *desk) dropTemporary(ctx context.Context, t target) error {
	var names []string
	for _, r := range t.Publication.Replace {
		names = append(names, r.Temporary)
	}
	if len(names) == 0 {
		return nil
	}
	return d.cluster.DropTemporaryPartitions(ctx, d.ref.Database, t.Live, names)
}

package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// activates tells whether publishing may leave materialized views inactive, or brings some that want to be refreshed, or
// tables that refer to others.
func (d *desk) activates(h restoreHead) bool {
	_, ok := d.cluster.(cluster.Activator)
	return len(referring(h)) > 0 || ok && (len(d.replaced(h)) > 0 || slices.ContainsFunc(h.Objects, isMaterialized))
}

func isMaterialized(o snapshot.Object) bool { return o.Kind == snapshot.MaterializedView }

// replaced names what is in the target database and may be replaced by a restore.
func (d *desk) replaced(h restoreHead) (names []string) {
	for _, t := range h.Targets {
		if t.LiveID != 0 {
			names = append(names, t.Live)
		}
	}
	for _, o := range h.Objects {
		if o.Kind == snapshot.View || isMaterialized(o) {
			names = append(names, put(o, h.Renamed))
		}
	}
	return names
}

// referring are the restored tables that refer to others or are referred to, under their names of now.
func referring(h restoreHead) (tables []snapshot.Table) {
	for _, t := range h.Targets {
		if t.Refers && !t.Replace {
			table := t.Entry.Table
			table.Name = t.Live
			tables = append(tables, table)
		}
	}
	return tables
}

// rememberViews notes, before the first table is published, which materialized views are active: a swap of what they read
// sets them inactive, and afterwards nobody could tell them from those that were inactive before.
func (d *desk) rememberViews(ctx context.Context) error {
	activator, ok := d.cluster.(cluster.Activator)
	if !ok {
		return nil
	}
	var head restoreHead
	if err := d.read(ctx, headPage, &head); err != nil {
		return err
	}
	names := d.replaced(head)
	if len(names) == 0 {
		return nil
	}
	var views []cluster.Dependent
	if known, err := d.found(ctx, viewsPage, &views); err != nil || known {
		return err
	}
	views, err := activator.Dependents(ctx, d.ref.Database, names)
	if err != nil {
		return fmt.Errorf("list materialized views on what is replaced: %w", err)
	}
	_, err = d.settle(ctx, viewsPage, &views)
	return err
}

// ActivateViews lets restored tables refer to one another. It makes the materialized views active again that publishing left
// inactive, and those that were restored, in the order in which they read one another.
func (a *Activities) ActivateViews(ctx context.Context, in job.StageInput) (job.ActivateViewsOutput, error) {
	defer alive(ctx)()
	out, err := a.activateViews(ctx, in)
	return out, explain(err)
}

func (a *Activities) activateViews(ctx context.Context, in job.StageInput) (job.ActivateViewsOutput, error) {
	var out job.ActivateViewsOutput
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	var head restoreHead
	if err := d.read(ctx, headPage, &head); err != nil {
		return out, err
	}
	var all remarks
	if tables := referring(head); len(tables) > 0 {
		notes, err := d.cluster.(cluster.Referrer).Refer(ctx, tables, *head.Renamed) // publication asked it
		if err != nil {
			return out, err
		}
		all.add(notes...)
	}
	var views, resting, remembered []cluster.Dependent
	for _, o := range head.Objects {
		v := cluster.Dependent{Database: d.ref.Database, Name: put(o, head.Renamed)}
		switch {
		case !isMaterialized(o):
		case o.Settings[snapshot.ActiveSetting] == "false":
			resting = append(resting, v) // it was so when it was backed up: PutObject has said it
		default:
			views = append(views, v)
		}
	}
	if _, err := d.found(ctx, viewsPage, &remembered); err != nil {
		return out, err
	}
	for _, v := range remembered {
		if !slices.Contains(views, v) && !slices.Contains(resting, v) {
			views = append(views, v)
		}
	}
	active, notes, err := d.activate(ctx, views, head.Request.Refresh)
	if err != nil {
		return out, err
	}
	if len(active) > 0 {
		what := "active"
		if head.Request.Refresh {
			what = "active and refreshed"
		}
		all.addf("%d materialized views are %s: %s", len(active), what, cutList(active, 20))
	}
	all.add(notes...)
	out.Notes = all.notes()
	return out, nil
}

// activate makes views active. One that reads another of them can wait for it, so those that stayed behind are tried again
// as long as that helps any. Notes tell which ones are not as wanted, and why; one that is gone is left alone.
func (d *desk) activate(ctx context.Context, views []cluster.Dependent, refresh bool) (active, notes []string, err error) {
	activator, ok := d.cluster.(cluster.Activator)
	if !ok {
		return nil, nil, nil
	}
	for left := len(views) + 1; len(views) > 0 && len(views) < left; {
		left, notes = len(views), nil
		var behind []cluster.Dependent
		for _, v := range views {
			note, err := activator.Activate(ctx, v, refresh)
			name := v.Database + "." + v.Name
			switch {
			case errors.Is(err, cluster.ErrUnknownTable), errors.Is(err, cluster.ErrUnknownDatabase):
				continue // somebody dropped it, or it could not be put, which was told then
			case err != nil && !final(err):
				return nil, nil, fmt.Errorf("activate materialized view %s: %w", name, err)
			case err != nil:
				note = err.Error()
			}
			if note == "" {
				active = append(active, name)
				continue
			}
			behind = append(behind, v)
			notes = append(notes, fmt.Sprintf("materialized view %s: %s", name, strings.TrimSpace(note)))
		}
		views = behind
	}
	return active, notes, nil
}

// reactivate makes the views active again that were so before the job, when it was undone.
func (d *desk) reactivate(ctx context.Context, out *job.ReleaseOutput) error {
	var views []cluster.Dependent
	if known, err := d.found(ctx, viewsPage, &views); err != nil || !known {
		return err
	}
	_, notes, err := d.activate(ctx, views, false)
	var all remarks
	all.add(notes...)
	out.Notes = append(out.Notes, all.notes()...)
	return err
}

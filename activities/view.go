package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// Host is the worker process that activities run in.
type Host interface {
	// Queue is the task queue that this process alone works on.
	Queue() string
	// Announce tells the workflow that runs the activity of ctx where its view is.
	Announce(ctx context.Context, v job.ViewRef) error
}

// views are the read views that this process holds, by their ids.
type views struct {
	mu   sync.Mutex
	open map[string]cluster.View
}

func (v *views) put(id string, view cluster.View) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open == nil {
		v.open = map[string]cluster.View{}
	}
	v.open[id] = view
}

func (v *views) remove(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.open, id)
}

// get returns a view that this process holds.
func (v *views) get(id string) (cluster.View, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if view, ok := v.open[id]; ok {
		return view, nil
	}
	return nil, refuse(job.ViewLost, "the worker does not hold the read view any more")
}

// HoldView opens a read view and holds it until it is cancelled: the life of the view is the life of this activity. So the
// server itself notices when the process that held it is gone, and a workflow that is gone leaves no view behind.
func (a *Activities) HoldView(ctx context.Context, in job.HoldViewInput) error {
	defer alive(ctx)()
	return explain(a.holdView(ctx, in))
}

func (a *Activities) holdView(ctx context.Context, in job.HoldViewInput) error {
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return err
	}
	viewer, ok := d.cluster.(cluster.Viewer)
	if !ok {
		return refuse(job.Unsupported, "cluster %s has no read views", in.Ref.Cluster)
	}
	var tables []snapshot.Table
	if err := d.read(ctx, tablesPage, &tables); err != nil {
		return err
	}
	r := cluster.ViewRequest{Database: in.Ref.Database, Sessions: max(cap(a.Uploads), 1) * readsAtOnce}
	for _, t := range tables {
		r.Tables = append(r.Tables, t.Name)
	}
	view, err := viewer.OpenView(ctx, r)
	if err != nil {
		return fmt.Errorf("open read view: %w", err)
	}
	defer func() { _ = view.Close() }() // what it read is verified elsewhere; a session that is gone is closed
	a.views.put(in.View, view)
	defer a.views.remove(in.View)
	if err := a.Host.Announce(ctx, job.ViewRef{ID: in.View, Queue: a.Host.Queue()}); err != nil {
		return fmt.Errorf("announce read view: %w", err)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-view.Broken():
		return refuse(job.ViewLost, "a session of the read view was lost")
	case <-activity.GetWorkerStopChannel(ctx):
		return refuse(job.ViewLost, "the worker that held the read view stops")
	}
}

// ofView turns what a view says when it cannot go on into the error that makes the workflow open another one.
func ofView(err error) error {
	if errors.Is(err, cluster.ErrMoved) {
		return named(job.ViewLost, true, err)
	}
	return err
}

// pinView plans the reading of everything from a view: there are no versions to compare, so every range is read, and what
// it stored before is found by its content.
func (d *desk) pinView(ctx context.Context, v cluster.View, round int) (job.Plan, error) {
	p := pinned{Round: round, From: time.Now().UTC(), Weak: v.Weak()}
	if done, err := d.found(ctx, pinnedPage(round), &p); err != nil || done {
		return p.Plan, err
	}
	var head backupHead
	if err := d.read(ctx, headPage, &head); err != nil {
		return job.Plan{}, err
	}
	if len(p.Weak) > 0 && head.Request.Consistency == snapshot.DatabaseLevel {
		return job.Plan{}, refuse(job.ConsistencyNotReached, "%d tables are not transactional, so no view keeps them still (%s, …): convert them, name the other tables, or accept \"consistency\" = \"partition\"",
			len(p.Weak), p.Weak[0])
	}
	point := v.Point()
	p.Point = &point
	// Registering comes before the first look at stored data: from here on no sweep of another job removes anything.
	if err := d.repo.Register(ctx, d.ref.Job); err != nil {
		return job.Plan{}, err
	}
	var err error
	if p.Objects, err = d.objects(ctx, head.Request); err != nil {
		return job.Plan{}, err
	}
	before, err := d.stock(ctx, head)
	if err != nil {
		return job.Plan{}, err
	}
	for _, t := range v.Tables() {
		pt := pinnedTable{Table: t, Schema: snapshot.Fingerprint(t), Sources: map[string]source{}}
		pt.Partitions, pt.Complete = chosen(t, head.choice(t.Name))
		for i := range pt.Partitions {
			if err := divide(ctx, v, pt, &pt.Partitions[i], before); err != nil {
				return job.Plan{}, err
			}
		}
		p.Tables = append(p.Tables, pt)
	}
	plan, err := d.pin(ctx, p, job.Progress{}, false)
	if plan.Notes == nil {
		plan.Notes = viewNotes(point, p.Weak)
	}
	return plan, err
}

// rangeBytes is how much of a partition one range of its key holds, about: rows that change make their whole range be stored
// again.
const rangeBytes = 16 << 20

// divide cuts a partition into ranges of its key, as an earlier snapshot did where it can: then equal rows make equal
// objects, which are stored already.
func divide(ctx context.Context, v cluster.View, t pinnedTable, p *snapshot.Partition, before stock) error {
	if len(p.Physical) == 0 {
		return nil
	}
	var previous []snapshot.KeyRange
	if e, ok := before[stockKey(t.ID, t.Schema, p.Name)]; ok && len(e.Physical) > 0 {
		previous = e.Physical[0].Ranges
	}
	ranges, err := v.Ranges(ctx, t.Name, p.Name, rangeBytes, previous)
	if err != nil {
		return fmt.Errorf("divide %s.%s: %w", t.Name, p.Name, err)
	}
	p.Physical[0].Ranges = ranges
	return nil
}

func viewNotes(p snapshot.Point, weak []string) []string {
	notes := []string{fmt.Sprintf("one view of all tables; writers waited %s (%s)", p.LockedFor.Round(100*time.Microsecond), p.Lock)}
	if len(weak) > 0 {
		notes = append(notes, "read while others may write, since they are not transactional: "+cutList(weak, 20))
	}
	return notes
}

// weakNames are the tables of pinned.Weak, as Consistency.Moved names what was read at another moment.
func weakNames(weak []string) []string {
	var names []string
	for _, w := range weak {
		name, _, _ := strings.Cut(w, ":")
		names = append(names, name)
	}
	return names
}

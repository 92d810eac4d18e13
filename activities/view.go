package activities

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
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

// sessionsAtMost bounds the sessions of one view: a server has 151 for everybody, unless it is told otherwise.
const sessionsAtMost = 16

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
	var head backupHead
	if err := d.read(ctx, headPage, &head); err != nil {
		return err
	}
	// Looked at anew: since the checks, hours may have passed.
	tables, err := d.chosenTables(ctx, head)
	if err != nil {
		return err
	}
	view, err := viewer.OpenView(ctx, cluster.ViewRequest{Database: in.Ref.Database, Tables: tables, Sessions: min(max(cap(a.Uploads), 1)*readsAtOnce, sessionsAtMost)})
	if err != nil {
		return fmt.Errorf("open read view: %w", err)
	}
	defer func() { _ = view.Close() }() // what it read is verified elsewhere; a session that is gone is closed
	if now, err := d.chosenTables(ctx, head); err != nil || !slices.Equal(now, tables) {
		return errors.Join(refuse(job.ViewLost, "tables came or went while the view was opened"), err)
	}
	a.views.put(in.View, view)
	defer a.views.remove(in.View)
	if err := a.Host.Announce(ctx, job.ViewRef{ID: in.View, Queue: a.Host.Queue()}); err != nil {
		return fmt.Errorf("announce read view: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil // it was held for as long as it was needed
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
	before, err := d.divisions(ctx, head)
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
	p.Plan.Notes = viewNotes(point, p.Weak)
	return d.pin(ctx, p, job.Progress{}, false)
}

// division is how an earlier snapshot divided a table.
type division struct {
	definition string
	ranges     map[string][]snapshot.KeyRange // by partition
}

// divisions reads how the newest snapshots divided the tables, by their names.
func (d *desk) divisions(ctx context.Context, head backupHead) (map[string]division, error) {
	manifests, err := d.earlier(ctx, head)
	if err != nil {
		return nil, err
	}
	all := map[string]division{}
	for _, m := range manifests {
		for _, t := range m.Tables {
			all[t.Name] = division{definition: keyed(t.DDL), ranges: map[string][]snapshot.KeyRange{}}
		}
		if err := d.repo.Entries(ctx, m, func(e snapshot.PartitionEntry) error {
			if len(e.Physical) > 0 {
				all[e.Table].ranges[e.Partition.Name] = e.Physical[0].Ranges
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// unkeyed is what a definition says that has nothing to do with the order of the key.
var unkeyed = regexp.MustCompile(`(?s) AUTO_INCREMENT=\d+|\n(/\*!\d+)? ?PARTITION BY.*$`)

// keyed is a definition without what changes by itself. Ranges of a table whose definition is another one now are not
// used: under another order, direction or collation of its key they would overlap, and rows be stored twice.
func keyed(ddl string) string { return unkeyed.ReplaceAllString(ddl, "") }

// rangeBytes is how much of a partition one range of its key holds, about: rows that change make their whole range be stored
// again.
const rangeBytes = 16 << 20

// divide cuts a partition into ranges of its key, as an earlier snapshot did where it can: then equal rows make equal
// objects, which are stored already.
func divide(ctx context.Context, v cluster.View, t pinnedTable, p *snapshot.Partition, before map[string]division) error {
	if len(p.Physical) == 0 {
		return nil
	}
	var previous []snapshot.KeyRange
	if d := before[t.Name]; d.definition == keyed(t.DDL) {
		previous = d.ranges[p.Name]
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

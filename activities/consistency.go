package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"starkeep/job"
	"starkeep/snapshot"
)

// CheckSnapshot looks at the versions again after a read round. If none moved, the set is one moment of the database.
// What moved is planned to be read again, until the rounds are used up; then every partition is still one consistent
// read, and the ones that moved are named.
func (a *Activities) CheckSnapshot(ctx context.Context, in job.CheckSnapshotInput) (job.Plan, error) {
	defer alive(ctx)()
	plan, err := a.checkSnapshot(ctx, in)
	return plan, explain(err)
}

func (a *Activities) checkSnapshot(ctx context.Context, in job.CheckSnapshotInput) (job.Plan, error) {
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return job.Plan{}, err
	}
	var next pinned
	if done, err := d.found(ctx, pinnedPage(in.Round+1), &next); err != nil || done {
		return next.Plan, err
	}
	var head backupHead
	if err := d.read(ctx, headPage, &head); err != nil {
		return job.Plan{}, err
	}
	var was pinned
	if err := d.read(ctx, pinnedPage(in.Round), &was); err != nil {
		return job.Plan{}, err
	}
	if was.Point != nil { // one view: nothing can have moved but what it does not keep still
		level := snapshot.DatabaseLevel
		if len(was.Weak) > 0 {
			level = snapshot.PartitionLevel
		}
		return d.conclude(ctx, was, level, weakNames(was.Weak))
	}
	read, err := d.receipts(ctx, was)
	if err != nil {
		return job.Plan{}, err
	}
	next = pinned{Round: in.Round + 1, From: time.Now().UTC()}
	moved, err := d.compare(ctx, was, &next, read)
	if err != nil {
		return job.Plan{}, err
	}
	if next.Objects, err = d.objects(ctx, head.Request); err != nil {
		return job.Plan{}, err
	}
	moved = append(moved, movedObjects(was.Objects, next.Objects)...)
	last := in.Round >= rounds(head.Request)
	switch {
	case len(moved) == 0:
		return d.conclude(ctx, was, snapshot.DatabaseLevel, nil)
	case last && head.Request.Consistency == snapshot.DatabaseLevel:
		return job.Plan{}, refuse(job.ConsistencyNotReached, "%d partitions or objects were still changing after %d rounds (%s, …): back up in a quieter hour, allow more rounds, or accept \"consistency\" = \"partition\"",
			len(moved), in.Round, moved[0])
	case last:
		return d.conclude(ctx, was, snapshot.PartitionLevel, moved)
	}
	plan, err := d.pin(ctx, next, job.Progress{}, in.Round+1 >= rounds(head.Request))
	plan.Notes = []string{fmt.Sprintf("round %d: %d partitions or objects changed while they were read and are read again", in.Round, len(moved))}
	return plan, err
}

// conclude settles what was reached. The versions are those of the last round; the ones in moved are not proven, so no
// later snapshot reuses them.
func (d *desk) conclude(ctx context.Context, p pinned, level string, moved []string) (job.Plan, error) {
	p.Round++
	p.Final, p.Level, p.Moved, p.To = true, level, moved, time.Now().UTC()
	p.Plan = job.Plan{Name: p.Plan.Name, Round: p.Round, Consistency: level}
	if len(moved) > 0 && p.Point == nil {
		p.Plan.Notes = []string{fmt.Sprintf("consistent partition by partition only: %d partitions or objects were still changing when the rounds were used up", len(moved))}
	}
	_, err := d.settle(ctx, pinnedPage(p.Round), &p)
	return p.Plan, err
}

// compare describes the tables again and carries over into next what did not move. It returns the names of partitions
// that moved, as table.partition.
func (d *desk) compare(ctx context.Context, was pinned, next *pinned, read counts) (moved []string, err error) {
	names := make([]string, len(was.Tables))
	for i, t := range was.Tables {
		names[i] = t.Name
	}
	tables, err := d.cluster.Describe(ctx, d.ref.Database, names)
	if err != nil {
		return nil, err
	}
	for i, old := range was.Tables {
		now := tables[slices.IndexFunc(tables, func(t snapshot.Table) bool { return t.Name == old.Name })]
		if now.ID != old.ID || snapshot.Fingerprint(now) != old.Schema {
			return nil, refuse(job.SchemaMismatch, "table %s changed its shape while it was backed up; run the statement again", old.Name)
		}
		pt := pinnedTable{Table: now, Schema: old.Schema, Complete: old.Complete, Sources: map[string]source{}}
		if !old.Complete {
			pt.Partitions, _ = chosen(now, job.Object{Partitions: partitionNames(old.Partitions)})
		}
		gone, err := d.compareTable(ctx, was.Tables[i], pt, read)
		if err != nil {
			return nil, err
		}
		moved = append(moved, gone...)
		next.Tables = append(next.Tables, pt)
	}
	sort.Strings(moved)
	return moved, nil
}

func (d *desk) compareTable(ctx context.Context, old, now pinnedTable, read counts) (moved []string, err error) {
	before := map[string]snapshot.Partition{}
	for _, p := range old.Partitions {
		before[p.Name] = p
	}
	for _, p := range now.Partitions {
		s := old.Sources[p.Name]
		got := read[[3]string{s.Plan, now.Name, p.Name}]
		same := before[p.Name].SameVersions(p) && !got.Gone
		delete(before, p.Name)
		if same && s.Hinted {
			n, err := d.cluster.Count(ctx, d.ref.Database, now.Name, p.Name, false)
			if err != nil {
				return nil, err
			}
			same = n == got.Rows
		}
		if same {
			now.Sources[p.Name] = s
		} else {
			moved = append(moved, now.Name+"."+p.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) { // dropped meanwhile
		moved = append(moved, now.Name+"."+name)
	}
	return moved, nil
}

func partitionNames(ps []snapshot.Partition) []string {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.Name
	}
	return names
}

// counts is what the receipts say of each partition, by plan, table and partition.
type counts map[[3]string]unitReceipt

// receipts reads the receipts of all plans that p still draws from.
func (d *desk) receipts(ctx context.Context, p pinned) (counts, error) {
	plans := map[string]bool{}
	for _, t := range p.Tables {
		for _, s := range t.Sources {
			if s.Plan != "" {
				plans[s.Plan] = true
			}
		}
	}
	c := counts{}
	for _, plan := range slices.Sorted(maps.Keys(plans)) {
		var size planSize
		if err := d.read(ctx, sizePage(plan), &size); err != nil {
			return nil, err
		}
		all, err := readAll[receipt](ctx, d, receiptPages(plan))
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			size.Batches--
			for _, u := range r.Units {
				k := [3]string{plan, u.Table, u.Partition}
				sum := c[k]
				sum.Rows += u.Rows
				sum.Gone = sum.Gone || u.Gone
				sum.Objects = append(sum.Objects, u.Objects...)
				c[k] = sum
			}
		}
		if size.Batches != 0 {
			return nil, fmt.Errorf("read receipts of plan %s: %d are missing", plan, size.Batches)
		}
	}
	return c, nil
}

package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"starkeep/job"
	"starkeep/snapshot"
)

// statsAtOnce bounds questions to the store that run at once.
const statsAtOnce = 16

// PinSnapshot reads the visible version of every partition, finds what earlier snapshots of this repository stored at
// the same versions, and plans the reading of the rest.
func (a *Activities) PinSnapshot(ctx context.Context, in job.StageInput) (job.Plan, error) {
	defer alive(ctx)()
	plan, err := a.pinSnapshot(ctx, in)
	return plan, explain(err)
}

func (a *Activities) pinSnapshot(ctx context.Context, in job.StageInput) (job.Plan, error) {
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return job.Plan{}, err
	}
	if in.View != "" {
		v, err := a.views.get(in.View)
		if err != nil {
			return job.Plan{}, err
		}
		plan, err := d.pinView(ctx, v, in.Round)
		return plan, ofView(err)
	}
	var p pinned
	if done, err := d.found(ctx, pinnedPage(1), &p); err != nil || done {
		return p.Plan, err
	}
	var head backupHead
	if err := d.read(ctx, headPage, &head); err != nil {
		return job.Plan{}, err
	}
	var tables []snapshot.Table
	if err := d.read(ctx, tablesPage, &tables); err != nil {
		return job.Plan{}, err
	}
	p = pinned{Round: 1, From: time.Now().UTC()}
	if tables, err = d.refresh(ctx, tables); err != nil {
		return job.Plan{}, err
	}
	if p.Objects, err = d.objects(ctx, head.Request); err != nil {
		return job.Plan{}, err
	}
	// Registering comes before the first look at stored data: from here on no sweep of another job removes anything.
	if err := d.repo.Register(ctx, in.Ref.Job); err != nil {
		return job.Plan{}, err
	}
	stored, err := d.stored(ctx, head)
	if err != nil {
		return job.Plan{}, err
	}
	var reused job.Progress
	for _, t := range tables {
		pt := pinnedTable{Table: t, Schema: snapshot.Fingerprint(t), Sources: map[string]source{}}
		pt.Partitions, pt.Complete = chosen(t, head.choice(t.Name))
		for _, x := range pt.Partitions {
			if e := stored.find(pt, x); e != nil {
				pt.Sources[x.Name] = source{Reused: e}
				for _, o := range e.Objects {
					reused.Reused += o.Size
				}
			}
		}
		p.Tables = append(p.Tables, pt)
	}
	return d.pin(ctx, p, reused, rounds(head.Request) == 1)
}

// pin plans the reading of every partition of p that has no source yet, and settles p.
func (d *desk) pin(ctx context.Context, p pinned, total job.Progress, whole bool) (job.Plan, error) {
	var units []unit
	columns := map[string][]snapshot.Column{}
	unread := map[[2]string]bool{} // table and partition -> read by groups of tablets
	for _, t := range p.Tables {
		columns[t.Name] = t.Columns
		for _, x := range t.Partitions {
			if s := t.Sources[x.Name]; s.Reused != nil || s.Plan != "" || empty(x) {
				continue
			}
			u, hinted := unitsOf(t.Name, x, whole)
			units = append(units, u...)
			unread[[2]string{t.Name, x.Name}] = hinted
		}
	}
	batches, sum := batchesOf(units)
	plan, err := d.writePlan(ctx, p.Round, batches, columns)
	if err != nil {
		return plan, err
	}
	total.Add(sum)
	plan.Total, plan.Notes = total, p.Plan.Notes
	for _, t := range p.Tables {
		for _, x := range t.Partitions {
			if hinted, ok := unread[[2]string{t.Name, x.Name}]; ok {
				t.Sources[x.Name] = source{Plan: plan.Name, Hinted: hinted}
			}
		}
	}
	p.Plan = plan
	_, err = d.settle(ctx, pinnedPage(p.Round), &p)
	return p.Plan, err
}

func empty(p snapshot.Partition) bool {
	return !slices.ContainsFunc(p.Physical, func(x snapshot.PhysicalPartition) bool { return !x.Empty })
}

func rounds(r job.BackupRequest) int {
	if r.Rounds == 0 {
		return 3
	}
	return r.Rounds
}

// chosen returns the partitions of a table that a job asks for.
func chosen(t snapshot.Table, o job.Object) (partitions []snapshot.Partition, complete bool) {
	if len(o.Partitions) == 0 {
		return t.Partitions, true
	}
	for _, p := range t.Partitions {
		if slices.Contains(o.Partitions, p.Name) {
			partitions = append(partitions, p)
		}
	}
	return partitions, false // also when it is all that there are: who names partitions wants no others replaced
}

// refresh takes the versions of now into tables that were described before. Tables whose partitions changed are
// described again: they have other tablets now.
func (d *desk) refresh(ctx context.Context, tables []snapshot.Table) ([]snapshot.Table, error) {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.Name
	}
	now, err := d.cluster.Versions(ctx, d.ref.Database, names)
	if err != nil {
		return nil, err
	}
	var changed []string
	for i, t := range tables {
		parts, ok := now[t.Name]
		if !ok {
			return nil, refuse(job.UnknownTable, "table %s does not exist any more", t.Name)
		}
		if !sameShape(t.Partitions, parts) {
			changed = append(changed, t.Name)
			continue
		}
		tables[i].Partitions = withVersions(t.Partitions, parts)
	}
	if len(changed) == 0 {
		return tables, nil
	}
	again, err := d.cluster.Describe(ctx, d.ref.Database, changed)
	if err != nil {
		return nil, err
	}
	for _, t := range again {
		tables[slices.Index(names, t.Name)] = t
	}
	return tables, nil
}

// sameShape tells whether two lists have the same partitions with the same physical ids.
func sameShape(a, b []snapshot.Partition) bool {
	return slices.EqualFunc(a, b, func(p, q snapshot.Partition) bool {
		return p.Name == q.Name && slices.EqualFunc(p.Physical, q.Physical, func(x, y snapshot.PhysicalPartition) bool { return x.ID == y.ID })
	})
}

// withVersions gives partitions that were described before the versions of now: the clause that creates a partition, and
// its tablets, are read with the definition only.
func withVersions(described, now []snapshot.Partition) []snapshot.Partition {
	out := slices.Clone(described)
	for i := range out {
		tablets := out[i].Physical
		out[i].Physical = slices.Clone(now[i].Physical)
		for j := range out[i].Physical {
			out[i].Physical[j].Tablets = tablets[j].Tablets
		}
	}
	return out
}

// stock is what an earlier snapshot of the same database of the same cluster stored.
type stock map[string]snapshot.PartitionEntry

func stockKey(tableID int64, schema, partition string) string {
	return fmt.Sprintf("%d/%s/%s", tableID, schema, partition)
}

// find returns the stored entry of a partition: same table id, same schema, same physical ids at the same versions.
func (s stock) find(t pinnedTable, p snapshot.Partition) *snapshot.PartitionEntry {
	e, ok := s[stockKey(t.ID, t.Schema, p.Name)]
	if !ok || len(p.Physical) == 0 || !e.SameVersions(p) {
		return nil
	}
	return &e
}

// stored reads the newest snapshots of the database and proves, object by object, that what they name is there.
func (d *desk) stored(ctx context.Context, head backupHead) (stock, error) {
	manifests, err := d.earlier(ctx, head)
	if err != nil {
		return nil, err
	}
	s := stock{}
	for _, m := range manifests {
		if err := d.repo.Entries(ctx, m, func(e snapshot.PartitionEntry) error {
			if !slices.Contains(m.Consistency.Moved, e.Table+"."+e.Partition.Name) {
				s[stockKey(e.TableID, e.Schema, e.Partition.Name)] = e
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return s, d.prove(ctx, s)
}

// earlier returns the newest snapshots of the database, the newest last, so that what it says wins; none when the job is to
// take nothing from them.
func (d *desk) earlier(ctx context.Context, head backupHead) ([]snapshot.Manifest, error) {
	if head.Request.Full {
		return nil, nil
	}
	manifests, err := d.repo.Latest(ctx, head.Cluster, d.ref.Database, 3)
	slices.Reverse(manifests)
	return manifests, err
}

// prove drops entries whose objects are not all there: the store decides what exists, not an index. They are then read
// and stored again, which also mends the older snapshot.
func (d *desk) prove(ctx context.Context, s stock) error {
	lost := make(chan string, len(s))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(statsAtOnce)
	for key, e := range s {
		g.Go(func() error {
			for _, o := range e.Objects {
				ok, err := d.repo.HasData(ctx, o.ObjectRef)
				if err != nil {
					return err
				}
				if !ok {
					lost <- key
					return nil
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	close(lost)
	for key := range lost {
		delete(s, key)
	}
	return nil
}

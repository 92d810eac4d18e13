package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// PrepareRestore checks everything that can be checked before the first change: snapshot and objects, every data object
// by size, target names, schemas and privileges. It changes nothing in the cluster; its plan is settled in the job's
// folder.
func (a *Activities) PrepareRestore(ctx context.Context, in job.PrepareRestoreInput, secrets job.Secrets) (job.PrepareRestoreOutput, error) {
	defer alive(ctx)()
	out, err := a.prepareRestore(ctx, in, secrets)
	return out, explain(err)
}

func (a *Activities) prepareRestore(ctx context.Context, in job.PrepareRestoreInput, secrets job.Secrets) (job.PrepareRestoreOutput, error) {
	none := job.PrepareRestoreOutput{}
	if r := in.Request; r.Cluster == "" || r.Label == "" || r.Repository == "" {
		return none, refuse(job.InvalidRequest, "cluster, label and repository are required")
	}
	_, info, err := a.Repositories.Repository(ctx, in.Ref.Repository, 0)
	if err != nil {
		return none, err
	}
	in.Ref.RepositoryID = info.ID
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return none, err
	}
	m, err := d.resolve(ctx, in.Request)
	if err != nil {
		return none, err
	}
	head := restoreHead{Request: in.Request, Output: job.PrepareRestoreOutput{RepositoryID: info.ID, Timestamp: m.Timestamp}}
	if in.Ref.Database == "" {
		err = d.prepareGlobalRestore(ctx, m, &head, secrets)
	} else {
		err = d.prepareDatabaseRestore(ctx, m, &head, secrets)
	}
	if err != nil {
		return none, err
	}
	_, err = d.settle(ctx, headPage, &head)
	return head.Output, err
}

// prepareDatabaseRestore checks what a restore into a database needs, and completes its head.
func (d *desk) prepareDatabaseRestore(ctx context.Context, m snapshot.Manifest, head *restoreHead, secrets job.Secrets) error {
	if m.Database == "" {
		return refuse(job.InvalidRequest, "Can not specify database for external catalog snapshot")
	}
	var err error
	if head.Request.Objects, err = typed(head.Request.Objects, tableNames(m), kindIn(m)); err != nil {
		return err
	}
	r := head.Request
	if head.Targets, err = d.targets(ctx, m, r); err != nil {
		return err
	}
	var notes remarks
	for _, name := range slices.Sorted(maps.Keys(m.Skipped)) {
		if everyTable(r.Objects) {
			notes.addf("not in the snapshot: table %s: %s", name, m.Skipped[name])
		}
	}
	if len(m.Consistency.Moved) > 0 {
		notes.add("the snapshot is consistent partition by partition only; SHOW SNAPSHOT tells which ones moved")
	}
	if err := d.translate(ctx, &m, head.Targets, &notes); err != nil {
		return err
	}
	if err := checkObjects(r.Objects, m.Objects, restoreSide, r.Label); err != nil {
		return err
	}
	head.Database, head.Objects = databaseOf(m), selected(m, r, head.Targets)
	if err := checkSecrets(head.Objects, secrets); err != nil {
		return err
	}
	if err := d.checkStored(ctx, head.Targets); err != nil {
		return err
	}
	if err := d.meet(ctx, head.Targets, objectKinds(head.Objects)); err != nil {
		return err
	}
	if head.Renamed, err = d.renaming(m, r, head.Targets); err != nil {
		return err
	}
	if err := d.attach(ctx, m, head.Targets, head.Renamed, &notes); err != nil {
		return err
	}
	if err := d.meetObjects(ctx, head.Objects, head.Targets, *head.Renamed, secrets, &notes); err != nil {
		return err
	}
	if err := d.fit(ctx, head.Targets, r, &notes); err != nil {
		return err
	}
	if err := d.meetDatabase(ctx, head.Database, &notes); err != nil {
		return err
	}
	for _, t := range head.Targets {
		if len(t.Temporary) > 0 && !t.Replace {
			notes.addf("%s: temporary partitions go with the table that is replaced: %s", t.Live, cutList(t.Temporary, notesShown))
		}
		table, _ := t.shape()
		for _, note := range d.cluster.Notes(table) {
			notes.addf("%s: %s", t.Live, note)
		}
	}
	out := &head.Output
	out.Tables, out.Others, out.Notes = len(head.Targets), len(head.Objects), notes.notes()
	out.Objects, out.Activates = restoreObjects(head.Targets, head.Objects), d.activates(*head)
	for _, t := range head.Targets {
		if t.Replace {
			out.Replacements += len(t.Partitions)
		}
	}
	return nil
}

// resolve finds the manifest. Without a timestamp the label must have exactly one.
func (d *desk) resolve(ctx context.Context, r job.RestoreRequest) (snapshot.Manifest, error) {
	none := snapshot.Manifest{}
	stamps, err := d.repo.Timestamps(ctx, r.Label)
	if err != nil {
		return none, err
	}
	switch {
	case len(stamps) == 0:
		return none, refuse(job.SnapshotNotFound, "Failed to get info of snapshot '%s': there is none in repository %s; SHOW SNAPSHOT ON %s lists what there is", r.Label, r.Repository, r.Repository)
	case r.Timestamp == "" && len(stamps) > 1:
		return none, refuse(job.InvalidRequest, "Missing backup_timestamp property: label '%s' has %d timestamps, say which one: %s", r.Label, len(stamps), strings.Join(stamps, ", "))
	case r.Timestamp == "":
		r.Timestamp = stamps[0]
	case !slices.Contains(stamps, r.Timestamp):
		return none, refuse(job.SnapshotNotFound, "Failed to get info of snapshot '%s': no timestamp %s. Maybe specified wrong backup timestamp; there are: %s", r.Label, r.Timestamp, strings.Join(stamps, ", "))
	}
	m, err := d.repo.Manifest(ctx, r.Label, r.Timestamp)
	if err != nil {
		return none, err
	}
	if r.Source != "" && m.Database != "" && r.Source != m.Database {
		return none, refuse(job.UnknownDatabase, "target database: %s is not existed in snapshot; it holds database %s", r.Source, m.Database)
	}
	return m, nil
}

// targets maps the objects of the request to tables of the snapshot.
func (d *desk) targets(ctx context.Context, m snapshot.Manifest, r job.RestoreRequest) ([]target, error) {
	objects := slices.DeleteFunc(slices.Clone(r.Objects), func(o job.Object) bool { return o.Kind != "" || o.All })
	if everyTable(r.Objects) {
		for _, t := range m.Tables {
			i := slices.IndexFunc(objects, func(o job.Object) bool { return o.Table == t.Name && o.Alias == "" })
			switch {
			case i < 0:
				objects = append(objects, job.Object{Table: t.Name})
			case len(objects[i].Partitions) > 0:
				return nil, partOfAll(t.Name)
			}
		}
	}
	var all []target
	names := map[string]bool{}
	for _, o := range objects {
		i := slices.IndexFunc(m.Tables, func(t snapshot.TableEntry) bool { return t.Name == o.Table })
		if i < 0 {
			return nil, refuse(job.UnknownTable, "Table %s does not exist in snapshot %s; it holds: %s", o.Table, r.Label, cutList(tableNames(m), 20))
		}
		t := target{Entry: m.Tables[i], Live: o.Table}
		if o.Alias != "" {
			t.Live = o.Alias
		}
		if names[t.Live] {
			return nil, refuse(job.InvalidRequest, "Duplicated table: %s", t.Live)
		}
		names[t.Live] = true
		// A part of a table must not take the place of the whole one.
		t.Replace = len(o.Partitions) > 0 || !t.Entry.Complete
		all = append(all, t)
	}
	if err := d.entries(ctx, m, all); err != nil {
		return nil, err
	}
	for i, o := range objects {
		if err := choosePartitions(&all[i], o, r.Label); err != nil {
			return nil, err
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Live < all[j].Live })
	return all, nil
}

// translate brings tables of a cluster of another kind into the words of this one. Its other objects speak another
// language: they are left out, and said to be.
func (d *desk) translate(ctx context.Context, m *snapshot.Manifest, all []target, notes *remarks) error {
	here, err := d.cluster.Info(ctx)
	if err != nil || here.Kind == m.Cluster.Kind {
		return err
	}
	translator, ok := d.cluster.(cluster.Translator)
	if !ok {
		return refuse(job.Unsupported, "a snapshot of a %s cluster cannot be restored into a %s cluster", m.Cluster.Kind, here.Kind)
	}
	for i := range all {
		t := &all[i]
		table, err := translator.Translate(t.Entry.Table, m.Cluster.Kind)
		if err != nil {
			return fmt.Errorf("translate table %s from %s to %s: %w", t.Entry.Name, m.Cluster.Kind, here.Kind, err)
		}
		t.Entry.Table = table
		whole := snapshot.PartitionEntry{Table: t.Entry.Name, TableID: t.Entry.ID, Partition: snapshot.Partition{Name: t.Entry.Name}}
		for _, p := range t.Partitions {
			whole.Rows += p.Rows
			whole.Objects = append(whole.Objects, p.Objects...)
		}
		t.Partitions, t.Foreign = []snapshot.PartitionEntry{whole}, true
	}
	for _, o := range m.Objects {
		if o.Kind != snapshot.Database {
			notes.addf("left out %s: it is written in the language of %s", o, m.Cluster.Kind)
		}
	}
	m.Objects = nil
	return nil
}

func tableNames(m snapshot.Manifest) []string {
	names := make([]string, len(m.Tables))
	for i, t := range m.Tables {
		names[i] = t.Name
	}
	return names
}

// kindIn tells what a snapshot holds under a name that tables could have, and is none; empty: nothing.
func kindIn(m snapshot.Manifest) func(name string) snapshot.ObjectKind {
	return func(name string) snapshot.ObjectKind {
		for _, o := range m.Objects {
			if o.Name == name && sharesNames(o.Kind) {
				return o.Kind
			}
		}
		return ""
	}
}

func cutList(names []string, n int) string {
	if len(names) > n {
		return strings.Join(names[:n], ", ") + fmt.Sprintf(", … %d more", len(names)-n)
	}
	return strings.Join(names, ", ")
}

// entries fills in the partitions of the targets from the index.
func (d *desk) entries(ctx context.Context, m snapshot.Manifest, all []target) error {
	at := map[string][]int{} // one table may be restored twice, under two names
	for i, t := range all {
		at[t.Entry.Name] = append(at[t.Entry.Name], i)
	}
	return d.repo.Entries(ctx, m, func(e snapshot.PartitionEntry) error {
		for _, i := range at[e.Table] {
			all[i].Partitions = append(all[i].Partitions, e)
		}
		return nil
	})
}

func choosePartitions(t *target, o job.Object, label string) error {
	if len(o.Partitions) == 0 {
		return nil
	}
	var wanted []snapshot.PartitionEntry
	for _, name := range o.Partitions {
		i := slices.IndexFunc(t.Partitions, func(p snapshot.PartitionEntry) bool { return p.Partition.Name == name })
		if i < 0 {
			return refuse(job.UnknownPartition, "Partition %s of table %s does not exist in snapshot %s", name, o.Table, label)
		}
		if slices.ContainsFunc(wanted, func(p snapshot.PartitionEntry) bool { return p.Partition.Name == name }) {
			return refuse(job.InvalidRequest, "Duplicated partition: %s of table %s", name, o.Table)
		}
		wanted = append(wanted, t.Partitions[i])
	}
	t.Partitions = wanted
	return nil
}

// checkStored proves, before anything changes, that every object is there with its size. Its bytes are checked when they
// are read.
func (d *desk) checkStored(ctx context.Context, all []target) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(statsAtOnce)
	for _, t := range all {
		for _, p := range t.Partitions {
			for _, o := range p.Objects {
				g.Go(func() error {
					ok, err := d.repo.HasData(ctx, o.ObjectRef)
					if err == nil && !ok {
						err = refuse(job.DamagedSnapshot, "the snapshot is damaged: data object %s of %s.%s is missing or has another size; restore the other tables with ON (…), or an older snapshot",
							o.Key, t.Entry.Name, p.Partition.Name)
					}
					return err
				})
			}
		}
	}
	return g.Wait()
}

// restoreObjects prints the cell RestoreObjs of SHOW RESTORE (fe:backup/RestoreJob): original names; a partition named
// like its table is left out.
func restoreObjects(all []target, others []snapshot.Object) string {
	var parts []string
	for _, t := range all {
		text := t.Entry.Name
		var names []string
		for _, p := range t.Partitions {
			if p.Partition.Name != t.Entry.Name {
				names = append(names, p.Partition.Name)
			}
		}
		if len(names) > 0 {
			text += " PARTITIONS [" + cutList(names, 100) + "]"
		}
		parts = append(parts, text)
	}
	for _, o := range others {
		parts = append(parts, o.String())
	}
	return cutList(parts, 200)
}

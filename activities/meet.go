package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// meet compares the targets with what is live, checks privileges, and decides how each one is published.
func (d *desk) meet(ctx context.Context, all []target, kinds []snapshot.ObjectKind) error {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.Live
	}
	if err := d.checkPrivileges(ctx, cluster.Audit{Purpose: cluster.ForRestore, Database: d.ref.Database, Tables: names, Kinds: kinds}); err != nil {
		return err
	}
	exists, err := d.cluster.DatabaseExists(ctx, d.ref.Database)
	if err != nil {
		return err
	}
	live := map[string]snapshot.Table{}
	if exists {
		if live, err = d.live(ctx, names); err != nil {
			return err
		}
	}
	for i := range all {
		if err := d.publication(&all[i], i, live); err != nil {
			return err
		}
	}
	return nil
}

// live describes the tables that exist under these names.
func (d *desk) live(ctx context.Context, names []string) (map[string]snapshot.Table, error) {
	c, err := d.content(ctx, d.ref.Database)
	if err != nil {
		return nil, err
	}
	var there []string
	for _, n := range names {
		if slices.Contains(c.tables, n) {
			there = append(there, n)
		} else if k := c.kind(n); k != "" {
			return nil, refuse(job.TargetExists, "%s.%s exists and is a %s, not a table; restore under another name with AS, or drop it", d.ref.Database, n, k)
		}
	}
	live := map[string]snapshot.Table{}
	if len(there) == 0 {
		return live, nil
	}
	described, err := d.cluster.Describe(ctx, d.ref.Database, there)
	for _, t := range described {
		live[t.Name] = t
	}
	return live, err
}

// publication decides how a target becomes live. Names of shadows depend on the job only, so that a repeat finds them.
func (d *desk) publication(t *target, n int, live map[string]snapshot.Table) error {
	t.Publication = cluster.Publication{Database: d.ref.Database, Table: t.Live}
	have, exists := live[t.Live]
	if referrer, ok := d.cluster.(cluster.Referrer); ok {
		t.Refers = referrer.Refers(t.Entry.Table) || exists && referrer.Refers(have)
	}
	if exists {
		t.LiveID, t.Temporary = have.ID, have.Temporary
		if diff := d.cluster.Differences(t.Entry.Table, have); len(diff) > 0 {
			return refuse(job.SchemaMismatch, "Table %s already exist but with different schema: %s. Restore under another name with AS, or drop the table first",
				t.Live, strings.Join(diff, "; "))
		}
	}
	name := fmt.Sprintf("%s%s_%d", shadowPrefix, short(d.ref.Job), n)
	if t.Replace && exists && t.Foreign {
		return refuse(job.Unsupported, "partitions of another kind of cluster cannot replace partitions of %s; restore the table under another name with AS", t.Live)
	}
	if t.Replace = t.Replace && exists; !t.Replace {
		t.Publication.LiveID = t.LiveID
		t.Publication.Shadow = name
		t.Publication.Retired = name + "_old"
		return nil
	}
	if len(have.Temporary) > 0 { // those of the job must not overlap them (fe:catalog/TempPartitions); natively refused, too
		return refuse(job.Unsupported, "Do not support restoring table with temp partitions: %s has %s; drop them, or restore the whole table or under another name with AS",
			t.Live, strings.Join(have.Temporary, ", "))
	}
	for i, p := range t.Partitions {
		at, there := have.Partition(p.Partition.Name)
		if there && !sameValues(at.Values, p.Values) {
			return refuse(job.SchemaMismatch, "Partition %s in table %s has different range with partition in repository: %s, in the snapshot %s",
				p.Partition.Name, t.Live, at.Values, p.Values)
		}
		t.Publication.Replace = append(t.Publication.Replace, cluster.Replacement{
			Partition: p.Partition.Name, Temporary: fmt.Sprintf("starkeep_%s_%d_%d", short(d.ref.Job), n, i), Missing: !there, Values: p.Values,
		})
	}
	return nil
}

func sameValues(a, b string) bool {
	return strings.Join(strings.Fields(a), "") == strings.Join(strings.Fields(b), "")
}

// meetDatabase tells what the target database, which keeps its settings when it is there, has other than the snapshot's.
func (d *desk) meetDatabase(ctx context.Context, want *snapshot.Object, notes *remarks) error {
	keeper, ok := d.cluster.(cluster.Keeper)
	if want == nil || !ok {
		return nil
	}
	exists, err := d.cluster.DatabaseExists(ctx, d.ref.Database)
	if err != nil || !exists {
		return err
	}
	have, err := keeper.Objects(ctx, d.ref.Database, cluster.Collection{Database: true, Kinds: []snapshot.ObjectKind{snapshot.Database}})
	if err != nil {
		return err
	}
	for _, o := range have {
		for _, name := range slices.Sorted(maps.Keys(want.Settings)) {
			if o.Kind == snapshot.Database && o.Settings[name] != want.Settings[name] {
				notes.addf("database %s is there already and keeps its %s %q; the snapshot's was %q", d.ref.Database, name, o.Settings[name], want.Settings[name])
			}
		}
	}
	return nil
}

// fit checks that the cluster can hold the tables that the restore builds.
func (d *desk) fit(ctx context.Context, all []target, r job.RestoreRequest, notes *remarks) error {
	host, ok := d.cluster.(cluster.Host)
	if !ok {
		return nil
	}
	var tables []snapshot.Table
	for _, t := range all {
		if !t.Replace {
			table, _ := t.shape()
			table.Name = t.Live
			tables = append(tables, table)
		}
	}
	if len(tables) == 0 {
		return nil
	}
	found, err := host.Fit(ctx, tables, cluster.TableOptions{ReplicationNum: r.ReplicationNum})
	notes.add(found...)
	return err
}

package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// objects reads the objects of a backup that are not tables: those that were asked for, and the triggers of its tables.
func (d *desk) objects(ctx context.Context, r job.BackupRequest) ([]snapshot.Object, error) {
	keeper, ok := d.cluster.(cluster.Keeper)
	if !ok {
		return nil, nil
	}
	c := cluster.Collection{Users: r.Users, Database: true}
	if tablesOnly(r.Objects) {
		c.Kinds = []snapshot.ObjectKind{snapshot.Trigger, snapshot.Sequence, snapshot.User, snapshot.Role}
	}
	all, err := keeper.Objects(ctx, d.ref.Database, c)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(o snapshot.Object) bool { return !wanted(o, r.Objects) }), nil
}

// wanted tells whether a request asks for an object. A backup keeps all sequences: defaults of its tables may need them.
func wanted(o snapshot.Object, asked []job.Object) bool {
	if asked == nil || o.Global() || o.Kind == snapshot.Database || o.Kind == snapshot.Sequence {
		return true
	}
	return slices.ContainsFunc(asked, func(a job.Object) bool {
		if o.Kind == snapshot.Trigger { // it goes with its table
			return a.Kind == "" && (a.All || a.Table == o.Table)
		}
		return sameKind(a.Kind, o.Kind) && (a.All || a.Table == o.Name)
	})
}

// sameKind tells whether a request for objects of kind asked means objects of kind k.
func sameKind(asked, k snapshot.ObjectKind) bool {
	return asked == k || asked == snapshot.Function && k == snapshot.Procedure
}

// checkObjects refuses names that a request asks for and that are not among all.
func checkObjects(asked []job.Object, all []snapshot.Object, where string) error {
	for _, a := range asked {
		if a.Kind == "" || a.All {
			continue
		}
		if !slices.ContainsFunc(all, func(o snapshot.Object) bool { return sameKind(a.Kind, o.Kind) && o.Name == a.Table }) {
			return refuse(job.UnknownTable, "Unknown %s '%s' in %s", a.Kind, a.Table, where)
		}
	}
	return nil
}

// tablesOnly tells whether a request asks for nothing but tables.
func tablesOnly(asked []job.Object) bool {
	return asked != nil && !slices.ContainsFunc(asked, func(a job.Object) bool { return a.Kind != "" })
}

// attach gives the restored tables their triggers, and returns the objects that come after all tables. Notes tell what
// cannot come back with them.
func (d *desk) attach(ctx context.Context, m snapshot.Manifest, r job.RestoreRequest, all []target) (rest []snapshot.Object, renamed *cluster.Renaming, notes []string, err error) {
	if err := checkObjects(r.Objects, m.Objects, "snapshot "+r.Label); err != nil {
		return nil, nil, nil, err
	}
	taken, err := d.liveTriggers(ctx, m)
	if err != nil {
		return nil, nil, nil, err
	}
	renamed = &cluster.Renaming{From: m.Database, To: d.ref.Database, Tables: map[string]string{}}
	for _, t := range all {
		if t.Live != t.Entry.Name {
			renamed.Tables[t.Entry.Name] = t.Live
		}
	}
	for _, a := range r.Objects {
		switch {
		case a.Kind == "" || a.Alias == "":
		case a.Kind != snapshot.View:
			return nil, nil, nil, refuse(job.Unsupported, "%s %s cannot be restored under another name: restore it into another database with DATABASE … AS", a.Kind, a.Table)
		default:
			renamed.Tables[a.Table] = a.Alias
		}
	}
	for i := range all {
		if !all[i].Replace {
			all[i].Publication.Renaming = renamed // also for what its definition says of other tables
		}
	}
	for _, o := range m.Objects {
		switch {
		case o.Kind == snapshot.Trigger:
			for i := range all {
				if all[i].Entry.Name != o.Table || all[i].Replace {
					continue
				}
				if on := taken[o.Name]; on != "" && on != all[i].Live {
					notes = append(notes, fmt.Sprintf("%s: left out %s: a trigger of that name is on %s", all[i].Live, o, on))
					continue
				}
				all[i].Publication.Attached = append(all[i].Publication.Attached, o)
			}
		case o.Kind == snapshot.Database: // when this job creates it
		case o.Global() && !r.Users:
		case o.Kind == snapshot.Sequence && r.Objects != nil && !neededBy(o, all):
		case wanted(o, r.Objects):
			rest = append(rest, o)
		}
	}
	// Tables that are live already may need their sequences.
	place := func(o snapshot.Object) int {
		if o.Kind == snapshot.Sequence {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(rest, func(a, b snapshot.Object) int { return place(a) - place(b) })
	return rest, renamed, notes, nil
}

// neededBy tells whether the default of a column may take values of a sequence.
func neededBy(o snapshot.Object, all []target) bool {
	return slices.ContainsFunc(all, func(t target) bool {
		return strings.Contains(t.Entry.DDL, "nextval(") && strings.Contains(t.Entry.DDL, "`"+strings.ReplaceAll(o.Name, "`", "``")+"`")
	})
}

// liveTriggers returns the triggers of the target database, and the tables that they are on.
func (d *desk) liveTriggers(ctx context.Context, m snapshot.Manifest) (map[string]string, error) {
	on := map[string]string{}
	keeper, ok := d.cluster.(cluster.Keeper)
	if !ok || !slices.ContainsFunc(m.Objects, func(o snapshot.Object) bool { return o.Kind == snapshot.Trigger }) {
		return on, nil
	}
	exists, err := d.cluster.DatabaseExists(ctx, d.ref.Database)
	if err != nil || !exists {
		return on, err
	}
	live, err := keeper.Objects(ctx, d.ref.Database, cluster.Collection{Kinds: []snapshot.ObjectKind{snapshot.Trigger}})
	for _, o := range live {
		on[o.Name] = o.Table
	}
	return on, err
}

// databaseOf returns what a snapshot tells of the database itself.
func databaseOf(m snapshot.Manifest) *snapshot.Object {
	for _, o := range m.Objects {
		if o.Kind == snapshot.Database {
			return &o
		}
	}
	return nil
}

// meetObjects checks that the cluster can take the objects, and that no table is in their place.
func (d *desk) meetObjects(ctx context.Context, rest []snapshot.Object, renamed *cluster.Renaming) error {
	if len(rest) == 0 {
		return nil
	}
	if _, ok := d.cluster.(cluster.Keeper); !ok {
		return refuse(job.Unsupported, "%s cannot be restored into cluster %s; name the tables with ON (…)", rest[0], d.ref.Cluster)
	}
	exists, err := d.cluster.DatabaseExists(ctx, d.ref.Database)
	if err != nil || !exists {
		return err
	}
	tables, _, err := d.cluster.Tables(ctx, d.ref.Database)
	if err != nil {
		return err
	}
	for _, o := range rest {
		name := o.Name
		if n, ok := renamed.Tables[name]; ok {
			name = n
		}
		if (o.Kind == snapshot.View || o.Kind == snapshot.Sequence) && slices.Contains(tables, name) {
			return refuse(job.TargetExists, "%s.%s exists and is a table, the snapshot has a %s of that name; restore it under another name with AS, or drop the table", d.ref.Database, name, o.Kind)
		}
	}
	return nil
}

// PutObjects creates the objects that are not tables, in their order. The tables are live by now, so it only goes forward:
// what the cluster does not take is named, and the others follow.
func (a *Activities) PutObjects(ctx context.Context, in job.StageInput) (job.PutObjectsOutput, error) {
	defer alive(ctx)()
	out, err := a.putObjects(ctx, in)
	return out, explain(err)
}

func (a *Activities) putObjects(ctx context.Context, in job.StageInput) (job.PutObjectsOutput, error) {
	var out job.PutObjectsOutput
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	var head restoreHead
	if err := d.read(ctx, headPage, &head); err != nil {
		return out, err
	}
	if _, err := d.settle(ctx, puttingPage, &created{Database: d.ref.Database}); err != nil {
		return out, err
	}
	keeper := d.cluster.(cluster.Keeper) // checked by meetObjects, before anything was changed
	more := 0
	for _, o := range head.Objects {
		note, err := keeper.PutObject(ctx, o, *head.Renamed)
		switch {
		case final(err): // a repeat cannot help, and the tables are live: the others shall not be missing, too
			note = fmt.Sprintf("NOT RESTORED: %s: %v", o, err)
		case err != nil:
			return out, fmt.Errorf("restore %s: %w", o, err)
		case note != "":
			note = fmt.Sprintf("%s: %s", o, note)
		}
		switch {
		case note == "":
		case len(out.Notes) < notesShown:
			out.Notes = append(out.Notes, note)
		default:
			more++
		}
	}
	if more > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("… and %d objects more that are not as they were", more))
	}
	return out, nil
}

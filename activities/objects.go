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

// objects reads the objects of a backup that are not tables: those that were asked for, and the triggers of its tables.
func (d *desk) objects(ctx context.Context, r job.BackupRequest) ([]snapshot.Object, error) {
	keeper, ok := d.cluster.(cluster.Keeper)
	if !ok {
		return nil, nil
	}
	all, err := keeper.Objects(ctx, d.ref.Database, cluster.Collection{Users: r.Users, Database: true, Kinds: kindsOf(r.Objects, r.Users)})
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
		return meant(a, o)
	})
}

// routines are the kinds that FUNCTION means beside its own.
var routines = []snapshot.ObjectKind{snapshot.Procedure, snapshot.Package, snapshot.Body}

// meant tells whether a names o, or all of its kind.
func meant(a job.Object, o snapshot.Object) bool {
	if a.Kind != o.Kind && !(a.Kind == snapshot.Function && slices.Contains(routines, o.Kind)) {
		return false
	}
	return a.All || a.Table == o.Name
}

// side is where objects are looked for: the native words for what is missing there differ.
type side int

const (
	backupSide side = iota
	restoreSide
)

// checkObjects refuses names that a request asks for and that are not among all, which where holds, in the native words
// (fe:backup/BackupHandler).
func checkObjects(asked []job.Object, all []snapshot.Object, s side, where string) error {
	for _, a := range asked {
		if a.Kind == "" || a.All || slices.ContainsFunc(all, func(o snapshot.Object) bool { return meant(a, o) }) {
			continue
		}
		switch {
		case a.Kind == snapshot.Catalog && s == backupSide:
			return refuse(job.UnknownTable, "external catalog %s does not existed.", a.Table)
		case a.Kind == snapshot.Catalog:
			return refuse(job.UnknownTable, "Can not find restore catalog: %s", a.Table)
		case a.Kind == snapshot.Function && s == backupSide:
			return refuse(job.UnknownTable, "Invalid backup function(s), function name: %s; database %s has none of that name", a.Table, where)
		case a.Kind == snapshot.Function:
			return refuse(job.UnknownTable, "Can not find restore function: %s in snapshot %s", a.Table, where)
		case s == backupSide:
			return refuse(job.UnknownTable, "Unknown %s '%s' in database %s", a.Kind, a.Table, where)
		default:
			return refuse(job.UnknownTable, "Unknown %s '%s' in snapshot %s", a.Kind, a.Table, where)
		}
	}
	return nil
}

// tablesOnly tells whether a request asks for nothing but tables.
func tablesOnly(asked []job.Object) bool {
	return asked != nil && !slices.ContainsFunc(asked, func(a job.Object) bool { return a.Kind != "" })
}

// selected are the objects of a snapshot that a restore puts behind its tables: all that it asks for but triggers, which
// go live with their tables.
func selected(m snapshot.Manifest, r job.RestoreRequest, all []target) (rest []snapshot.Object) {
	for _, o := range m.Objects {
		switch {
		case o.Kind == snapshot.Trigger:
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
	return rest
}

// renaming says under which names a restore brings back what it was asked for.
func (d *desk) renaming(m snapshot.Manifest, r job.RestoreRequest, all []target) (*cluster.Renaming, error) {
	n := &cluster.Renaming{From: m.Database, To: d.ref.Database, Tables: map[string]string{}, Others: map[string]string{}}
	for _, t := range all {
		if t.Live != t.Entry.Name {
			n.Tables[t.Entry.Name] = t.Live
		}
	}
	for _, a := range r.Objects {
		switch {
		case a.Kind == "" || a.Alias == "":
		case n.Tables[a.Table] != "" && sharesNames(a.Kind), n.Others[a.Table] != "":
			return nil, refuse(job.InvalidRequest, "Duplicated %s: %s; only tables can be restored under two names at once", a.Kind, a.Table)
		case a.Kind == snapshot.View, a.Kind == snapshot.MaterializedView:
			n.Tables[a.Table] = a.Alias
		case a.Kind == snapshot.Function, a.Kind == snapshot.Catalog:
			n.Others[a.Table] = a.Alias
		default:
			return nil, refuse(job.Unsupported, "%s %s cannot be restored under another name", a.Kind, a.Table)
		}
	}
	return n, nil
}

// put returns the name under which an object comes back.
func put(o snapshot.Object, n *cluster.Renaming) string {
	names := n.Others
	if sharesNames(o.Kind) {
		names = n.Tables
	}
	if name, ok := names[o.Name]; ok {
		return name
	}
	return o.Name
}

// attach gives the restored tables their triggers, and what their definitions say of other tables the names of now. Notes
// tell what cannot come back with them.
func (d *desk) attach(ctx context.Context, m snapshot.Manifest, all []target, renamed *cluster.Renaming, notes *remarks) error {
	taken, err := d.liveTriggers(ctx, m)
	if err != nil {
		return err
	}
	for i := range all {
		t := &all[i]
		if t.Replace {
			continue
		}
		t.Publication.Renaming = renamed
		for _, o := range m.Objects {
			if o.Kind != snapshot.Trigger || o.Table != t.Entry.Name {
				continue
			}
			if on := taken[o.Name]; on != "" && on != t.Live {
				notes.addf("%s: left out %s: a trigger of that name is on %s", t.Live, o, on)
				continue
			}
			t.Publication.Attached = append(t.Publication.Attached, o)
		}
	}
	return nil
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

// meetObjects checks, before anything is changed, that the cluster can take the objects: that nothing of another kind is
// in their place, and whatever else it can tell beforehand.
func (d *desk) meetObjects(ctx context.Context, rest []snapshot.Object, all []target, renamed cluster.Renaming, secrets job.Secrets, notes *remarks) error {
	if len(rest) == 0 {
		return nil
	}
	if _, ok := d.cluster.(cluster.Keeper); !ok {
		return refuse(job.Unsupported, "%s cannot be restored into cluster %s; name the tables with ON (…)", rest[0], d.ref.Cluster)
	}
	if err := checkNames(rest, all, renamed); err != nil {
		return err
	}
	if d.ref.Database != "" {
		if err := d.checkPlaces(ctx, rest, renamed); err != nil {
			return err
		}
	}
	checker, ok := d.cluster.(cluster.ObjectChecker)
	if !ok {
		return nil
	}
	var reasons []string
	kind := job.InvalidRequest // a masked property that nobody supplies
	for _, o := range rest {
		note, err := checker.CheckObject(ctx, o, supplying(renamed, o, secrets))
		switch {
		case err != nil && !final(err):
			return fmt.Errorf("check %s: %w", o, err)
		case err != nil:
			reasons = append(reasons, fmt.Sprintf("%s: %v", o, err))
			if !errors.Is(err, cluster.ErrRejected) {
				kind = nameOf(err)
			}
		case note != "":
			notes.addf("%s: %s", o, note)
		}
	}
	if len(reasons) > 0 {
		return refuse(kind, "nothing was changed: %s", cutList(reasons, notesShown))
	}
	return nil
}

// checkNames refuses two things of one name.
func checkNames(rest []snapshot.Object, all []target, renamed cluster.Renaming) error {
	taken := map[string]bool{}
	for _, t := range all {
		taken[t.Live] = true
	}
	for _, o := range rest {
		if !sharesNames(o.Kind) {
			continue
		}
		name := put(o, &renamed)
		if taken[name] {
			return refuse(job.InvalidRequest, "Duplicated alias name: %s", name)
		}
		taken[name] = true
	}
	return nil
}

// checkPlaces refuses objects where something of another kind is.
func (d *desk) checkPlaces(ctx context.Context, rest []snapshot.Object, renamed cluster.Renaming) error {
	exists, err := d.cluster.DatabaseExists(ctx, d.ref.Database)
	if err != nil || !exists {
		return err
	}
	c, err := d.content(ctx, d.ref.Database)
	if err != nil {
		return err
	}
	for _, o := range rest {
		if !sharesNames(o.Kind) {
			continue
		}
		name := put(o, &renamed)
		there := c.kind(name)
		if slices.Contains(c.tables, name) {
			there = "table"
		}
		if there != "" && there != o.Kind {
			return refuse(job.TargetExists, "%s.%s exists and is a %s, the snapshot has a %s of that name; restore it under another name with AS, or drop the %s",
				d.ref.Database, name, there, o.Kind, there)
		}
	}
	return nil
}

package activities

import (
	"context"
	"slices"
	"sort"
	"strings"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// content is what a database holds.
type content struct {
	database string
	tables   []string
	others   []entry
}

// entry is what is in a database and is no table.
type entry struct {
	kind snapshot.ObjectKind
	name string
}

// carried are the kinds of objects of a database that a snapshot can hold.
var carried = []snapshot.ObjectKind{
	snapshot.View, snapshot.MaterializedView, snapshot.Function, snapshot.Procedure, snapshot.Body, snapshot.Package, snapshot.Trigger, snapshot.Event, snapshot.Sequence,
}

// entryOf reads "kind name", as cluster.Lister prints it. A kind that nobody carries is a table of another engine.
func entryOf(text string) entry {
	for _, k := range carried {
		if name, ok := strings.CutPrefix(text, string(k)+" "); ok {
			return entry{k, name}
		}
	}
	const table = " table "
	if i := strings.Index(text, table); i >= 0 {
		return entry{snapshot.ObjectKind(text[:i] + table[:len(table)-1]), text[i+len(table):]}
	}
	i := strings.LastIndex(text, " ")
	return entry{snapshot.ObjectKind(text[:max(i, 0)]), text[i+1:]}
}

func (e entry) String() string { return string(e.kind) + " " + e.name }

// sharesNames tells whether a table and an object of the kind cannot have one name in one database.
func sharesNames(k snapshot.ObjectKind) bool {
	switch k {
	case snapshot.Function, snapshot.Procedure, snapshot.Package, snapshot.Body, snapshot.Trigger, snapshot.Event:
		return false
	}
	return !k.Global() && k != snapshot.Database
}

func (d *desk) content(ctx context.Context, database string) (content, error) {
	c := content{database: database}
	exists, err := d.cluster.DatabaseExists(ctx, database)
	if err != nil {
		return c, err
	}
	if !exists {
		return c, refuse(job.UnknownDatabase, "Unknown database '%s'", database)
	}
	tables, others, err := d.cluster.Tables(ctx, database)
	c.tables = tables
	for _, o := range others {
		c.others = append(c.others, entryOf(o))
	}
	return c, err
}

// kind tells what is in the place of a table of that name and is none; empty: nothing.
func (c content) kind(name string) snapshot.ObjectKind {
	for _, e := range c.others {
		if e.name == name && sharesNames(e.kind) {
			return e.kind
		}
	}
	return ""
}

// typed says of every name without a kind what it is: as in the cluster, it may be a table, a view or a materialized view
// (fe:sql/analyzer/BackupRestoreAnalyzer). kind tells what is no table. A name that is none of them stays as it is: who
// looks for the table refuses it.
func typed(asked []job.Object, tables []string, kind func(name string) snapshot.ObjectKind) ([]job.Object, error) {
	out := slices.Clone(asked)
	for i, o := range out {
		if o.Kind != "" || o.All || slices.Contains(tables, o.Table) {
			continue
		}
		k := kind(o.Table)
		if k != snapshot.View && k != snapshot.MaterializedView {
			continue
		}
		if len(o.Partitions) > 0 {
			return nil, refuse(job.UnknownPartition, "partition[%s] does not exist  in table%s: it is a %s, which goes as a whole", o.Partitions[0], o.Table, k)
		}
		out[i].Kind = k
	}
	for i, o := range out {
		if slices.ContainsFunc(out[:i], func(p job.Object) bool {
			return p.Kind == o.Kind && p.Table == o.Table && p.All == o.All && o.Alias == p.Alias
		}) {
			return nil, refuse(job.InvalidRequest, "Duplicated table: %s", o.Table)
		}
	}
	return out, nil
}

// chosenTables resolves a request to the tables that are there now, without those that the job leaves out.
func (d *desk) chosenTables(ctx context.Context, h backupHead) ([]string, error) {
	c, err := d.content(ctx, d.ref.Database)
	if err != nil {
		return nil, err
	}
	tables, err := d.choose(c, h.Request, &remarks{})
	return without(tables, h.Skipped), err
}

// choose resolves the objects of a backup to table names. What is in the database but not in the backup is noted.
func (d *desk) choose(c content, r job.BackupRequest, notes *remarks) (tables []string, err error) {
	_, keeps := d.cluster.(cluster.Keeper)
	if !keeps && (r.Users || !tablesOnly(r.Objects) && r.Objects != nil) {
		return nil, refuse(job.Unsupported, "cluster %s: views, functions and users can't be backed up; name the tables", r.Cluster)
	}
	if everyTable(r.Objects) {
		for _, t := range c.tables {
			if strings.HasPrefix(t, shadowPrefix) {
				notes.addf("left out %s: a restore builds it, or left it behind", t)
				continue
			}
			tables = append(tables, t)
		}
		for _, e := range c.others {
			if !slices.Contains(carried, e.kind) || r.Objects == nil && !keeps {
				notes.addf("left out %s: it cannot be in a snapshot of cluster %s", e, r.Cluster)
			}
		}
	}
	named := map[string]bool{}
	for _, o := range r.Objects {
		if o.Kind != "" || o.All {
			continue
		}
		if !slices.Contains(c.tables, o.Table) {
			return nil, c.unknownTable(o.Table)
		}
		if named[o.Table] {
			return nil, refuse(job.InvalidRequest, "Duplicated table: %s", o.Table)
		}
		named[o.Table] = true
		if everyTable(r.Objects) && len(o.Partitions) > 0 {
			return nil, partOfAll(o.Table)
		}
		if !slices.Contains(tables, o.Table) {
			tables = append(tables, o.Table)
		}
	}
	sort.Strings(tables)
	return tables, nil
}

func partOfAll(table string) error {
	return refuse(job.InvalidRequest, "ALL TABLES names table %s already: leave its partitions out, or leave ALL TABLES out", table)
}

// everyTable tells whether a request asks for all tables.
func everyTable(asked []job.Object) bool {
	return asked == nil || slices.ContainsFunc(asked, func(o job.Object) bool { return o.Kind == "" && o.All })
}

func (c content) unknownTable(table string) error {
	if k := c.kind(table); k != "" {
		return refuse(job.Unsupported, "%s.%s is a %s: it cannot be in a snapshot under ON (TABLE …)", c.database, table, k)
	}
	return refuse(job.UnknownTable, "Incorrect table name '%s': database %s has %d tables; SHOW TABLES FROM `%s` on the cluster lists them",
		table, c.database, len(c.tables), c.database)
}

// without returns names without those of gone.
func without(names []string, gone map[string]string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { _, ok := gone[n]; return ok })
}

// kindsOf are the kinds of objects that a request may mean; nil: all.
func kindsOf(asked []job.Object, users bool) []snapshot.ObjectKind {
	if asked == nil {
		return nil
	}
	kinds := []snapshot.ObjectKind{snapshot.Sequence}
	if users {
		kinds = append(kinds, snapshot.User, snapshot.Role)
	}
	for _, o := range asked {
		switch o.Kind {
		case "":
			kinds = append(kinds, snapshot.Trigger)
		case snapshot.Function:
			kinds = append(append(kinds, snapshot.Function), routines...)
		default:
			kinds = append(kinds, o.Kind)
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

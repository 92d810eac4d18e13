package mysql

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// belongings are what goes with the name of a live table, not with its rows: they are taken from it before it is put aside.
type belongings struct {
	Triggers []snapshot.Object `json:"triggers,omitempty"`
	Keys     []string          `json:"keys,omitempty"`    // its foreign keys, as SHOW CREATE TABLE prints them
	Inbound  []foreign         `json:"inbound,omitempty"` // foreign keys of tables outside of the job that point to it
}

func (b belongings) none() bool { return len(b.Triggers)+len(b.Keys)+len(b.Inbound) == 0 }

// remember writes into the journal what live tables have, and that a table is new. What an earlier attempt wrote stands.
func (c *Cluster) remember(ctx context.Context, ps []cluster.Publication) (map[string]belongings, error) {
	found, err := c.belongings(ctx, ps)
	if err != nil {
		return nil, err
	}
	entries := map[string]string{}
	for _, p := range ps {
		b := found[p.Shadow]
		if p.LiveID != 0 && b.none() {
			if noted, err := c.noted(ctx, p.Database, p.Shadow); err != nil || noted == "" {
				if err != nil {
					return nil, err
				}
				continue
			}
		}
		text, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		entries[p.Shadow] = string(text)
	}
	noted, err := c.noteAll(ctx, ps[0].Database, entries)
	if err != nil {
		return nil, err
	}
	return readBelongings(noted)
}

func readBelongings(noted map[string]string) (map[string]belongings, error) {
	all := make(map[string]belongings, len(noted))
	for k, v := range noted {
		var b belongings
		if err := json.Unmarshal([]byte(v), &b); err != nil {
			return nil, fmt.Errorf("read journal of %s: %w", k, err)
		}
		all[k] = b
	}
	return all, nil
}

// foreign is one foreign key of a table outside of the job.
type foreign struct {
	Database string `json:"database"`
	Table    string `json:"table"`
	Name     string `json:"name"`
	Text     string `json:"text"` // as SHOW CREATE TABLE prints it

	change bool     // it is another one now, or missing
	drop   bool     // it is there
	steady []string // see steadied
}

// pointed is f with the table it points to replaced, where that is one of database in to.
func (f foreign) pointed(database string, to map[string]string) foreign {
	f.Text = pointed(f.Text, database, to)
	return f
}

// pointed replaces the table that a foreign key points to. Servers print no database for one of the key's own, and only
// keys of database, or into it, come here.
func pointed(key, database string, to map[string]string) string {
	r, ok := references(key)
	if !ok || r.database != "" && r.database != database {
		return key
	}
	name, ok := to[r.name]
	if !ok {
		return key
	}
	return key[:r.nameStart] + quoted(name) + key[r.end:]
}

// referencedTable is the table in the text of a foreign key.
type referencedTable struct {
	start, nameStart, end int // of database and name, of the name, of both
	database, name        string
}

func references(key string) (referencedTable, bool) {
	ts, err := tokens(key)
	if err != nil {
		return referencedTable{}, false
	}
	i := slices.IndexFunc(ts, func(t token) bool { return t.is("REFERENCES") })
	if i < 0 || i+1 >= len(ts) {
		return referencedTable{}, false
	}
	r := referencedTable{start: ts[i+1].start, nameStart: ts[i+1].start, end: ts[i+1].end, name: ts[i+1].name(key)}
	if i+3 < len(ts) && ts[i+2].is(".") {
		r.database, r.name, r.nameStart, r.end = r.name, ts[i+3].name(key), ts[i+3].start, ts[i+3].end
	}
	return r, true
}

// taken are names in a database that tables outside of a job have given away.
type taken struct{ keys, triggers map[string]string }

func (c *Cluster) takenNames(ctx context.Context, ps []cluster.Publication) (taken, error) {
	database := ps[0].Database
	t := taken{map[string]string{}, map[string]string{}}
	group := map[string]bool{}
	for _, p := range ps {
		group[p.Table], group[p.Shadow] = true, true
	}
	keys, err := c.foreignKeys(ctx, database)
	if err != nil {
		return t, err
	}
	for _, k := range keys {
		if k.database == database && !group[k.table] {
			t.keys[k.name] = k.table
		}
	}
	rows, err := c.query(ctx, "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = "+literal(database))
	if err != nil {
		return t, err
	}
	for _, r := range rows {
		if !group[r["event_object_table"]] {
			t.triggers[r["trigger_name"]] = r["event_object_table"]
		}
	}
	return t, nil
}

// foreignKeyRow is a foreign key as information_schema lists it.
type foreignKeyRow struct{ database, table, name, toDatabase, to string }

// foreignKeys lists the foreign keys from and to tables of a database, those that the user may see.
func (c *Cluster) foreignKeys(ctx context.Context, database string) ([]foreignKeyRow, error) {
	rows, err := c.query(ctx, "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME "+
		"FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = "+literal(database)+" OR UNIQUE_CONSTRAINT_SCHEMA = "+literal(database))
	if err != nil {
		return nil, fmt.Errorf("list foreign keys of %s: %w", database, err)
	}
	list := make([]foreignKeyRow, len(rows))
	for i, r := range rows {
		list[i] = foreignKeyRow{r["constraint_schema"], r["table_name"], r["constraint_name"], r["unique_constraint_schema"], r["referenced_table_name"]}
	}
	return list, nil
}

// belongings reads what live tables have now, by shadow.
func (c *Cluster) belongings(ctx context.Context, ps []cluster.Publication) (map[string]belongings, error) {
	database := ps[0].Database
	keys, err := c.foreignKeys(ctx, database)
	if err != nil {
		return nil, err
	}
	byTable := map[string]cluster.Publication{}
	var tables []string
	for _, p := range ps {
		if p.LiveID != 0 {
			byTable[p.Table] = p
			tables = append(tables, p.Table)
		}
	}
	all := map[string]belongings{}
	triggers, err := c.triggers(ctx, database, tables)
	if err != nil {
		return nil, err
	}
	for _, o := range triggers {
		shadow := byTable[o.Table].Shadow
		b := all[shadow]
		b.Triggers = append(b.Triggers, o)
		all[shadow] = b
	}
	definitions := definitions{}
	for _, k := range keys {
		_, own := byTable[k.table]
		own = own && k.database == database
		parent, in := byTable[k.to]
		in = in && k.toDatabase == database
		if !own && !in {
			continue
		}
		text, err := definitions.key(ctx, c, k)
		if err != nil {
			return nil, err
		}
		if own {
			shadow := byTable[k.table].Shadow
			b := all[shadow]
			b.Keys = append(b.Keys, text)
			all[shadow] = b
			continue
		}
		b := all[parent.Shadow]
		b.Inbound = append(b.Inbound, foreign{Database: k.database, Table: k.table, Name: k.name, Text: text})
		all[parent.Shadow] = b
	}
	return all, nil
}

// definitions are tables whose definition was read already, by database and name.
type definitions map[[2]string]*definition

func (d definitions) of(ctx context.Context, c *Cluster, database, table string) (*definition, error) {
	at := [2]string{database, table}
	if known, ok := d[at]; ok {
		return known, nil
	}
	x, err := c.definition(ctx, database, table)
	if err == nil {
		d[at] = x
	}
	return x, err
}

// key returns the text of a foreign key.
func (d definitions) key(ctx context.Context, c *Cluster, k foreignKeyRow) (string, error) {
	x, err := d.of(ctx, c, k.database, k.table)
	if err != nil {
		return "", err
	}
	for _, it := range x.of(foreignKey) {
		if it.name == k.name {
			return it.text, nil
		}
	}
	return "", fmt.Errorf("foreign key %s of %s is not in its definition: %w", k.name, k.table, cluster.ErrMoved)
}

package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// move is what triggers and foreign keys have to be like on some tables, and how to get there.
type move struct {
	database string
	places   []place
	inbound  []foreign
}

// place is a table with all the triggers and foreign keys that it shall have.
type place struct {
	table    string
	triggers []snapshot.Object
	keys     []string

	dropTriggers, dropKeys []string
	steady                 []string // see steadied
	addTriggers            []snapshot.Object
	addKeys                []string
}

// changes tells whether anything has to be done.
func (p place) changes() bool {
	return len(p.dropTriggers)+len(p.dropKeys)+len(p.addTriggers)+len(p.addKeys) > 0
}

// attached are the triggers of a publication for its shadow.
func attached(p cluster.Publication, t taken) ([]snapshot.Object, error) {
	for _, o := range p.Attached {
		if table, ok := t.triggers[o.Name]; ok {
			return nil, fmt.Errorf("trigger %s belongs to table %s, and its name is taken in the whole database: %w", o.Name, table, cluster.ErrExists)
		}
	}
	renamed, err := renamedAll(p.Attached, p.Renaming)
	if err != nil {
		return nil, err
	}
	return renamed, nil
}

// withheldKeys are the foreign keys of a publication for its shadow, in the order of their names. One whose name a table
// outside of the job has (the original, when a table comes back beside it) gets a name from the server.
func withheldKeys(p cluster.Publication, to map[string]string, t taken) ([]string, error) {
	var properties []string
	for k := range p.Properties {
		if strings.HasPrefix(k, foreignKeyProperty) {
			properties = append(properties, k)
		}
	}
	slices.Sort(properties)
	var keys []string
	for _, k := range properties {
		key := p.Properties[k]
		if p.Renaming != nil {
			if r, ok := references(key); ok && r.database == p.Renaming.From {
				key = key[:r.start] + key[r.nameStart:]
			}
			key = pointed(key, p.Database, p.Renaming.Tables)
		}
		key = pointed(key, p.Database, to)
		if _, ok := t.keys[strings.TrimPrefix(k, foreignKeyProperty)]; ok {
			key = unnamed(key)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// unnamed is a foreign key without CONSTRAINT and its name.
func unnamed(key string) string {
	if i := strings.Index(key, "FOREIGN KEY"); strings.HasPrefix(key, "CONSTRAINT") && i > 0 {
		if ts, err := tokens(key); err == nil && len(ts) > 2 {
			return key[ts[2].start:]
		}
	}
	return key
}

// compare finds out what a move has to do.
func (c *Cluster) compare(ctx context.Context, m *move) error {
	keys, err := c.foreignKeys(ctx, m.database)
	if err != nil {
		return err
	}
	have := map[string][]string{} // names of foreign keys by table
	there := map[[3]string]bool{}
	for _, k := range keys {
		if k.database == m.database {
			have[k.table] = append(have[k.table], k.name)
		}
		there[[3]string{k.database, k.table, k.name}] = true
	}
	var tables []string
	for _, p := range m.places {
		tables = append(tables, p.table)
	}
	triggers, err := c.triggers(ctx, m.database, tables)
	if err != nil {
		return err
	}
	definitions := definitions{}
	for i := range m.places {
		p := &m.places[i]
		p.compareTriggers(triggers)
		var own []item
		if len(have[p.table]) > 0 {
			d, err := definitions.of(ctx, c, m.database, p.table)
			if err != nil {
				return err
			}
			own, p.steady = d.of(foreignKey), names(d.of(plainKey))
		}
		p.compareKeys(own)
	}
	for i := range m.inbound {
		f := &m.inbound[i]
		f.drop = there[[3]string{f.Database, f.Table, f.Name}]
		f.change = true
		if !f.drop {
			continue
		}
		d, err := definitions.of(ctx, c, f.Database, f.Table)
		if err != nil {
			return err
		}
		f.steady = names(d.of(plainKey))
		f.change = !slices.ContainsFunc(d.of(foreignKey), func(it item) bool { return it.text == f.Text })
	}
	return nil
}

func (p *place) compareTriggers(all []snapshot.Object) {
	var kept []string
	for _, o := range all {
		if o.Table != p.table {
			continue
		}
		same := slices.ContainsFunc(p.triggers, func(w snapshot.Object) bool { return w.Name == o.Name && sameTrigger(w, o) })
		if same {
			kept = append(kept, o.Name)
		} else {
			p.dropTriggers = append(p.dropTriggers, o.Name)
		}
	}
	if len(kept) < len(p.triggers) { // the order among those of one event is that of their creation
		p.dropTriggers = append(p.dropTriggers, kept...)
		p.addTriggers = p.triggers
	}
}

func (p *place) compareKeys(own []item) {
	matches := func(want string, it item) bool { return want == it.text || want == unnamed(it.text) }
	for _, it := range own {
		if !slices.ContainsFunc(p.keys, func(w string) bool { return matches(w, it) }) {
			p.dropKeys = append(p.dropKeys, it.name)
		}
	}
	for _, w := range p.keys {
		if !slices.ContainsFunc(own, func(it item) bool { return matches(w, it) }) {
			p.addKeys = append(p.addKeys, w)
		}
	}
}

// carryOut does what compare found: everything that takes a name first.
func (m *move) carryOut(ctx context.Context, s *session) error {
	for _, p := range m.places {
		for _, t := range p.dropTriggers {
			if err := s.exec(ctx, "DROP TRIGGER IF EXISTS "+quoted(m.database)+"."+quoted(t)); err != nil {
				return fmt.Errorf("drop trigger %s: %w", t, err)
			}
		}
		if err := dropKeys(ctx, s, m.database, p.table, p.dropKeys, p.steady); err != nil {
			return err
		}
	}
	for _, f := range m.inbound {
		if f.change && f.drop {
			if err := dropKeys(ctx, s, f.Database, f.Table, []string{f.Name}, f.steady); err != nil {
				return err
			}
		}
	}
	for _, p := range m.places {
		if err := addKeys(ctx, s, m.database, p.table, p.addKeys); err != nil {
			return err
		}
		for _, o := range p.addTriggers {
			if err := s.createTrigger(ctx, m.database, p.table, o); err != nil {
				return err
			}
		}
	}
	for _, f := range m.inbound {
		if f.change {
			if err := addKeys(ctx, s, f.Database, f.Table, []string{f.Text}); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropKeys drops foreign keys. A key that the server once made for a foreign key without one of its own is replaced when a
// foreign key is added, and then has that one's name (measured on MariaDB 10.11). Renaming it to its own name makes it one
// that stays: that is what steady is for, all in one statement.
func dropKeys(ctx context.Context, s *session, database, table string, drop, steady []string) error {
	var list []string
	for _, k := range drop {
		list = append(list, "DROP FOREIGN KEY "+quoted(k))
	}
	if len(list) == 0 {
		return nil
	}
	for _, k := range steady {
		list = append(list, "RENAME INDEX "+quoted(k)+" TO "+quoted(k))
	}
	return alter(ctx, s, database, table, list)
}

// addKeys adds foreign keys by their text; with foreign_key_checks = 0 no row is looked at.
func addKeys(ctx context.Context, s *session, database, table string, keys []string) error {
	var list []string
	for _, k := range keys {
		list = append(list, "ADD "+k)
	}
	if len(list) == 0 {
		return nil
	}
	return alter(ctx, s, database, table, list)
}

func alter(ctx context.Context, s *session, database, table string, clauses []string) error {
	if err := s.exec(ctx, "ALTER TABLE "+quoted(database)+"."+quoted(table)+" "+strings.Join(clauses, ", ")); err != nil {
		return fmt.Errorf("move foreign keys of %s: %w", table, err)
	}
	return nil
}

// involved are the tables that a move changes, locked for its time.
func (m *move) involved() []string {
	var list []string
	for _, p := range m.places {
		if p.changes() {
			list = append(list, quoted(m.database)+"."+quoted(p.table))
		}
	}
	for _, f := range m.inbound {
		if f.change {
			list = append(list, quoted(f.Database)+"."+quoted(f.Table))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

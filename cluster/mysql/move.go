package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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

// turn does a move and the renaming that follows it: at once for everybody else.
func (c *Cluster) turn(ctx context.Context, s *session, database string, m *move, pairs []pair) error {
	involved := m.involved()
	var rename string
	var err error
	if len(pairs) > 0 {
		if rename, err = renameStatement(database, pairs); err != nil {
			return err
		}
	}
	if len(involved) == 0 {
		if rename == "" {
			return nil
		}
		return s.exec(ctx, rename)
	}
	if err := s.exec(ctx, "USE "+quoted(database)); err != nil {
		return err
	}
	if err := s.lockTables(ctx, involved, lockedIdle); err != nil {
		return err
	}
	if err := m.carryOut(ctx, s); err != nil {
		return err // the session ends, and with it the locks
	}
	if rename == "" {
		return s.exec(ctx, "UNLOCK TABLES")
	}
	return c.queue(ctx, s, database, rename)
}

// lockedIdle is how long a session may say nothing while it holds tables locked, before the server ends it.
const lockedIdle = time.Minute

// lockTables locks tables for writing. A client that stands still would stop everybody else for as long as its connection
// lives; so the server ends the session after idle (whole seconds), and its locks, GET_LOCK's too, are another attempt's.
func (s *session) lockTables(ctx context.Context, tables []string, idle time.Duration) error {
	for _, statement := range []string{
		fmt.Sprintf("SET wait_timeout = %d", max(1, int(idle.Seconds()))), "LOCK TABLES " + strings.Join(tables, " WRITE, ") + " WRITE",
	} {
		if err := s.exec(ctx, statement); err != nil {
			return fmt.Errorf("lock tables: %w", err)
		}
	}
	return nil
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

// queue has a second session wait for the locked tables with the RENAME, then gives up the locks. A waiting RENAME goes
// before all others that wait for the same table (metadata locks: an exclusive one that waits is granted before shared
// ones). Of several tables it gets one after the other: who writes to the second in between writes to what is put aside.
func (c *Cluster) queue(ctx context.Context, s *session, database, rename string) error {
	second, err := c.session(ctx)
	if err != nil {
		return err
	}
	defer second.close()
	if err := second.lock(ctx, renameLock(database), 0); err != nil {
		return err
	}
	// As long as the first session lives, no other attempt has begun, and from here on one waits for the second session.
	if err := s.exec(ctx, "DO 0"); err != nil {
		return fmt.Errorf("the locks are lost: %w", err)
	}
	rows, err := second.query(ctx, "SELECT CONNECTION_ID() AS id")
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- second.exec(ctx, rename) }()
	early, err := c.awaitQueued(ctx, rows[0]["id"], done)
	if err != nil && !early { // the RENAME may still come: it is the same as if it had
		return errors.Join(err, s.exec(ctx, "UNLOCK TABLES"), <-done)
	}
	if uerr := s.exec(ctx, "UNLOCK TABLES"); err == nil {
		err = uerr
	}
	if !early {
		if derr := <-done; derr != nil {
			err = derr
		}
	}
	return err
}

// awaitQueued waits until a session waits for a lock on a table; early tells that its statement ended before, with err.
func (c *Cluster) awaitQueued(ctx context.Context, id string, done <-chan error) (early bool, err error) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		rows, err := c.query(ctx, "SELECT STATE FROM information_schema.PROCESSLIST WHERE ID = "+id)
		if err != nil {
			return false, err
		}
		if len(rows) == 1 && strings.HasPrefix(rows[0]["state"], "Waiting for table") {
			return false, nil
		}
		select {
		case err := <-done:
			return true, err
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

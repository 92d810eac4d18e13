package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

var _ cluster.Keeper = (*Cluster)(nil)

// Objects returns sequences first, which tables and routines may use, then users and roles, because they are definers of
// all that follows: functions, procedures, packages, views by what they are made of, triggers and events.
func (c *Cluster) Objects(ctx context.Context, database string, k cluster.Collection) ([]snapshot.Object, error) {
	if err := c.requireDatabase(ctx, database); err != nil {
		return nil, fmt.Errorf("list objects: %w", err)
	}
	var all []snapshot.Object
	if k.Database {
		o, err := c.defaults(ctx, database)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	for _, x := range c.readers() {
		if x.kind == snapshot.User && !k.Users || k.Kinds != nil && !slices.Contains(k.Kinds, x.kind) {
			continue
		}
		list, err := x.read(ctx, database)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// reader reads all objects of a kind.
type reader struct {
	kind snapshot.ObjectKind
	read func(ctx context.Context, database string) ([]snapshot.Object, error)
}

// readers are those of all kinds, in the order in which objects are created.
func (c *Cluster) readers() []reader {
	return []reader{
		{snapshot.Sequence, c.sequences},
		{snapshot.User, func(ctx context.Context, _ string) ([]snapshot.Object, error) { return c.users(ctx) }},
		{snapshot.Function, c.routines(snapshot.Function)},
		{snapshot.Procedure, c.routines(snapshot.Procedure)},
		{snapshot.Package, c.routines(snapshot.Package)},
		{snapshot.Body, c.routines(snapshot.Body)},
		{snapshot.View, c.views},
		{snapshot.Trigger, func(ctx context.Context, database string) ([]snapshot.Object, error) {
			return c.triggers(ctx, database, nil)
		}},
		{snapshot.Event, c.events},
	}
}

// named reads the names of objects and their definitions.
func (c *Cluster) named(ctx context.Context, database string, kind snapshot.ObjectKind, names string) ([]snapshot.Object, error) {
	rows, err := c.query(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("list %ss of %s: %w", kind, database, err)
	}
	var list []snapshot.Object
	for _, r := range rows {
		o := snapshot.Object{Kind: kind, Name: r["name"]}
		if err := c.showCreate(ctx, database, &o); err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return list, nil
}

func (c *Cluster) routines(kind snapshot.ObjectKind) func(context.Context, string) ([]snapshot.Object, error) {
	return func(ctx context.Context, database string) ([]snapshot.Object, error) {
		return c.named(ctx, database, kind, "SELECT ROUTINE_NAME AS name FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = "+literal(database)+
			" AND ROUTINE_TYPE = "+literal(strings.ToUpper(string(kind)))+" ORDER BY 1")
	}
}

func (c *Cluster) events(ctx context.Context, database string) ([]snapshot.Object, error) {
	return c.named(ctx, database, snapshot.Event, "SELECT EVENT_NAME AS name FROM information_schema.EVENTS WHERE EVENT_SCHEMA = "+literal(database)+" ORDER BY 1")
}

// sequences reads sequences with the value that comes next: SHOW CREATE prints only where they began.
func (c *Cluster) sequences(ctx context.Context, database string) ([]snapshot.Object, error) {
	list, err := c.named(ctx, database, snapshot.Sequence, "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+literal(database)+" AND TABLE_TYPE = 'SEQUENCE' ORDER BY 1")
	if err != nil {
		return nil, err
	}
	for i, o := range list {
		next, err := c.scalar(ctx, "SELECT next_not_cached_value FROM "+quoted(database)+"."+quoted(o.Name))
		if err != nil {
			return nil, fmt.Errorf("read sequence %s: %w", o.Name, err)
		}
		list[i].Settings = map[string]string{nextValue: next}
	}
	return list, nil
}

// nextValue is the setting of a sequence that holds the value to go on with. Values that the server had cached are skipped,
// as after its restart.
const nextValue = "next_value"

// views reads views in an order in which each one finds those that it is made of.
func (c *Cluster) views(ctx context.Context, database string) ([]snapshot.Object, error) {
	list, err := c.named(ctx, database, snapshot.View, "SELECT TABLE_NAME AS name FROM information_schema.VIEWS WHERE TABLE_SCHEMA = "+literal(database)+" ORDER BY 1")
	if err != nil {
		return nil, err
	}
	uses := make(map[string][]string, len(list))
	isView := map[string]bool{}
	for _, o := range list {
		isView[o.Name] = true
	}
	for _, o := range list {
		ts, err := tokensIn(o.Settings["sql_mode"], o.DDL)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o, err)
		}
		for _, t := range ts {
			if t.kind == quote && t.value != o.Name && isView[t.value] { // at worst a column's name: one more that comes first
				uses[o.Name] = append(uses[o.Name], t.value)
			}
		}
	}
	return ordered(list, uses), nil
}

// ordered sorts objects so that what one uses comes before it, as far as there is no circle.
func ordered(list []snapshot.Object, uses map[string][]string) []snapshot.Object {
	byName := make(map[string]snapshot.Object, len(list))
	for _, o := range list {
		byName[o.Name] = o
	}
	var out []snapshot.Object
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, u := range uses[name] {
			visit(u)
		}
		out = append(out, byName[name])
	}
	for _, o := range list {
		visit(o.Name)
	}
	return out
}

// shown is how SHOW CREATE calls the definition of a kind.
var shown = map[snapshot.ObjectKind]string{
	snapshot.View: "create view", snapshot.Trigger: "sql original statement", snapshot.Function: "create function",
	snapshot.Procedure: "create procedure", snapshot.Package: "create package", snapshot.Body: "create package body", snapshot.Event: "create event", snapshot.Sequence: "create table",
}

// kept are the columns of SHOW CREATE that are settings of an object.
var kept = []string{"sql_mode", "character_set_client", "collation_connection", "time_zone"}

// showCreate reads the definition of an object. A server shows a routine to who may not read it, but without its text.
func (c *Cluster) showCreate(ctx context.Context, database string, o *snapshot.Object) error {
	name, err := qualified(database, o.Name)
	if err != nil {
		return err
	}
	rows, err := c.query(ctx, "SHOW CREATE "+strings.ToUpper(string(o.Kind))+" "+name)
	if err != nil {
		return fmt.Errorf("read %s: %w", o, err)
	}
	if len(rows) != 1 || rows[0][shown[o.Kind]] == "" {
		return fmt.Errorf("read %s: its text is hidden from this user, GRANT SELECT ON mysql.proc or SHOW_ROUTINE gives it: %w", o, cluster.ErrDenied)
	}
	o.DDL = rows[0][shown[o.Kind]]
	for _, k := range kept {
		if v, ok := rows[0][k]; ok {
			if o.Settings == nil {
				o.Settings = map[string]string{}
			}
			o.Settings[k] = v
		}
	}
	return nil
}

// PutObject creates an object in the place of one of its kind and name.
func (c *Cluster) PutObject(ctx context.Context, o snapshot.Object, r cluster.Renaming) (string, error) {
	note, err := c.putObject(ctx, o, r)
	if number, _, ok := serverError(err); ok && !known(err) && number != 0 && !slices.Contains(busy, number) {
		err = fmt.Errorf("%w: %w", cluster.ErrRejected, err)
	}
	// A name that the definition needs and that is not there: a repeat of the same statement cannot help.
	if errors.Is(err, cluster.ErrUnknownTable) || errors.Is(err, cluster.ErrUnknownDatabase) || errors.Is(err, cluster.ErrUnsupported) || errors.Is(err, cluster.ErrExists) {
		err = fmt.Errorf("%w: %w", cluster.ErrRejected, err)
	}
	if err != nil {
		return "", fmt.Errorf("put %s: %w", o, err)
	}
	return note, nil
}

// routineKinds are those that information_schema lists as routines.
var routineKinds = []snapshot.ObjectKind{snapshot.Function, snapshot.Procedure, snapshot.Package, snapshot.Body}

func (c *Cluster) putObject(ctx context.Context, o snapshot.Object, r cluster.Renaming) (string, error) {
	if o.Global() {
		return c.putUser(ctx, o, r)
	}
	if o.Kind == snapshot.Database {
		return "", c.putDefaults(ctx, o, r.To)
	}
	o.Table = renamed(o.Table, r)
	ddl, err := rewritten(o.Settings["sql_mode"], o.DDL, r)
	if err != nil {
		return "", err
	}
	name := o.Name
	if o.Kind == snapshot.View || o.Kind == snapshot.Sequence {
		name = renamed(name, r)
	}
	if to, ok := r.Others[name]; ok && slices.Contains(routineKinds, o.Kind) {
		name, o.Name = to, to
	}
	statement, err := creation(o, ddl, r.To, name)
	if err != nil {
		return "", err
	}
	s, err := c.session(ctx)
	if err != nil {
		return "", err
	}
	defer s.close()
	if err := s.exec(ctx, "USE "+quoted(r.To)); err != nil {
		return "", err
	}
	var note string
	switch o.Kind {
	case snapshot.Sequence:
		return c.putSequence(ctx, s, r.To, name, o, statement)
	case snapshot.View:
		note, err = s.under(ctx, o, statement)
	default:
		note, err = c.supersede(ctx, s, r.To, o, statement)
	}
	if err != nil {
		return "", err
	}
	missing, err := c.definerNote(ctx, o)
	return joinNotes(note, missing), err
}

// supersede creates a routine, trigger or event in the place of the one of its name. What is there is read before and put
// back when the server refuses the new one: MySQL has no CREATE OR REPLACE for these kinds, and that of MariaDB drops a
// routine before it finds that the binary log does not allow the new one (error 1418, measured on 10.11). It does not
// take a trigger over from another table either (1360), so triggers are dropped everywhere.
func (c *Cluster) supersede(ctx context.Context, s *session, database string, o snapshot.Object, statement string) (string, error) {
	about, err := c.server(ctx)
	if err != nil {
		return "", err
	}
	before := snapshot.Object{Kind: o.Kind, Name: o.Name}
	err = c.showCreate(ctx, database, &before)
	absent, hidden := isNumber(err, notThere...), errors.Is(err, cluster.ErrDenied)
	if err != nil && !absent && !hidden {
		return "", err
	}
	if about.maria && o.Kind != snapshot.Trigger {
		statement = orReplace(statement)
	} else if err := s.exec(ctx, dropStatement(database, o.Kind, o.Name)); err != nil {
		return "", err
	}
	note, err := s.under(ctx, o, statement)
	switch {
	case err == nil, absent:
		return note, err
	case hidden:
		return "", fmt.Errorf("%w; the %s of that name that was there could not be read, and may be lost", err, o.Kind)
	}
	if _, back := s.under(ctx, before, before.DDL); back != nil && !isNumber(back, alreadyThere...) {
		return "", errors.Join(err, fmt.Errorf("put back the %s that was there: %w", o.Kind, back))
	}
	return "", err
}

// Answers for routines, triggers and events that do not exist, and for those that do.
var (
	notThere     = []uint16{1305, 1360, 1539}
	alreadyThere = []uint16{1304, 1359, 1537}
)

func joinNotes(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(n string) bool { return n == "" }), "; ")
}

func renamed(name string, r cluster.Renaming) string {
	if to, ok := r.Tables[name]; ok {
		return to
	}
	return name
}

// replaceable are the kinds that CREATE OR REPLACE is for wherever there are any: sequences are MariaDB's alone.
var replaceable = []snapshot.ObjectKind{snapshot.View, snapshot.Sequence}

// creation is the statement that creates an object in a database.
func creation(o snapshot.Object, ddl, database, name string) (string, error) {
	if o.Kind == snapshot.Trigger {
		return triggerStatement(o.Settings["sql_mode"], ddl, database, o.Table)
	}
	ts, err := tokensIn(o.Settings["sql_mode"], ddl)
	if err != nil {
		return "", err
	}
	words := strings.Fields(strings.ToUpper(string(o.Kind)))
	first, last, ok := nameAfter(ts, words[len(words)-1])
	if !ok || !ts[0].is("CREATE") {
		return "", errForm
	}
	statement := splice(ddl, ts[first], ts[last], quoted(database)+"."+quoted(name))
	if slices.Contains(replaceable, o.Kind) {
		statement = orReplace(statement)
	}
	return statement, nil
}

// orReplace makes CREATE … as servers print it CREATE OR REPLACE ….
func orReplace(statement string) string {
	return "CREATE OR REPLACE" + strings.TrimPrefix(statement, "CREATE")
}

func dropStatement(database string, kind snapshot.ObjectKind, name string) string {
	return "DROP " + strings.ToUpper(string(kind)) + " IF EXISTS " + quoted(database) + "." + quoted(name)
}

// DropObject drops an object; users and roles too.
func (c *Cluster) DropObject(ctx context.Context, database string, o snapshot.Object) error {
	statement := "DROP " + strings.ToUpper(string(o.Kind)) + " IF EXISTS " + o.Name // a user's name is 'user'@'host'
	if !o.Global() {
		if _, err := qualified(database, o.Name); err != nil {
			return fmt.Errorf("drop %s: %w", o, err)
		}
		statement = dropStatement(database, o.Kind, o.Name)
	}
	err := c.drop(ctx, o.Kind, statement)
	if err != nil && !errors.Is(err, cluster.ErrUnknownDatabase) && !errors.Is(err, cluster.ErrUnknownTable) {
		return fmt.Errorf("drop %s: %w", o, err)
	}
	return nil
}

// drop runs a DROP statement. Packages are known to servers in Oracle's mode only (MariaDB "DROP PACKAGE").
func (c *Cluster) drop(ctx context.Context, kind snapshot.ObjectKind, statement string) error {
	if kind != snapshot.Package && kind != snapshot.Body {
		return c.exec(ctx, statement)
	}
	s, err := c.session(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.exec(ctx, "SET sql_mode = 'ORACLE'"); err != nil {
		return err
	}
	return s.exec(ctx, statement)
}

// definer returns user and host of DEFINER=`user`@`host`, as a literal account name, or "".
func definer(o snapshot.Object) string {
	ts, err := tokensIn(o.Settings["sql_mode"], o.DDL)
	if err != nil {
		return ""
	}
	i := slices.IndexFunc(ts, func(t token) bool { return t.is("DEFINER") })
	if i < 0 || i+2 >= len(ts) || !ts[i+1].is("=") {
		return ""
	}
	user := ts[i+2].name(o.DDL)
	if i+4 < len(ts) && ts[i+3].is("@") {
		return literal(user) + "@" + literal(ts[i+4].name(o.DDL))
	}
	return literal(user) // a role
}

// Answers to SHOW CREATE USER and SHOW GRANTS for an account that does not exist.
const (
	noSuchUser  = 1396
	noSuchGrant = 1141
)

// definerNote tells that the account which an object runs as does not exist. The object is there all the same, and fails
// when it is used, as it did at its source if the account was missing there.
func (c *Cluster) definerNote(ctx context.Context, o snapshot.Object) (string, error) {
	account := definer(o)
	if account == "" {
		return "", nil
	}
	_, err := c.query(ctx, "SHOW GRANTS FOR "+account)
	switch {
	case isNumber(err, noSuchGrant, noSuchUser):
		return fmt.Sprintf("its definer %s does not exist here; it fails when it is used until there is one", account), nil
	case errors.Is(err, cluster.ErrDenied):
		return "", nil // who may not look cannot tell
	}
	return "", err
}

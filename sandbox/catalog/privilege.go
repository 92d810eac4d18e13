package catalog

import (
	"cmp"
	"slices"
	"strings"

	"starkeep/sandbox/dialect"
)

// Privileges by kind of object, in the order in which SHOW GRANTS lists them (fe:authorization/DefaultAuthorizationProvider).
var privileges = map[string][]string{
	"TABLE":    {"DELETE", "DROP", "INSERT", "SELECT", "ALTER", "EXPORT", "UPDATE", "REFRESH"},
	"DATABASE": {"CREATE TABLE", "DROP", "ALTER", "CREATE VIEW", "CREATE FUNCTION", "CREATE MATERIALIZED VIEW", "CREATE PIPE"},
	"SYSTEM": {"GRANT", "NODE", "CREATE RESOURCE", "PLUGIN", "FILE", "BLACKLIST", "OPERATE", "CREATE EXTERNAL CATALOG", "REPOSITORY",
		"CREATE RESOURCE GROUP", "CREATE GLOBAL FUNCTION", "CREATE STORAGE VOLUME", "CREATE WAREHOUSE", "SECURITY"},
	"USER":              {"IMPERSONATE"},
	"RESOURCE":          {"USAGE", "ALTER", "DROP"},
	"VIEW":              {"SELECT", "ALTER", "DROP"},
	"CATALOG":           {"USAGE", "CREATE DATABASE", "DROP", "ALTER"},
	"MATERIALIZED VIEW": {"ALTER", "REFRESH", "DROP", "SELECT"},
	"FUNCTION":          {"USAGE", "DROP"},
	"RESOURCE GROUP":    {"ALTER", "DROP"},
	"PIPE":              {"ALTER", "DROP", "USAGE"},
	"GLOBAL FUNCTION":   {"USAGE", "DROP"},
	"STORAGE VOLUME":    {"DROP", "ALTER", "USAGE"},
	"WAREHOUSE":         {"USAGE", "ALTER", "DROP"},
}

// kindOrder is the order of SHOW GRANTS: that of the ids of the kinds.
var kindOrder = []string{"TABLE", "DATABASE", "SYSTEM", "USER", "RESOURCE", "VIEW", "CATALOG", "MATERIALIZED VIEW", "FUNCTION", "RESOURCE GROUP",
	"GLOBAL FUNCTION", "STORAGE VOLUME", "PIPE", "WAREHOUSE"}

// allCatalogs stands for every catalog; only built-in roles have it.
const allCatalogs = "*"

// target is what a privilege is for. Databases, tables, views and functions are meant by their ids: a grant goes with
// what it was given on, not with the name, when tables are swapped, and it is lost with what is dropped
// (fe:authorization/TablePEntryObject). An id 0 means all.
type target struct {
	kind     string
	catalog  string // of databases and tables
	database int64
	object   int64
	name     string // of what has no id here: users, catalogs, groups; objects of external catalogs as database.name
}

// entry is privileges on one target.
type entry struct {
	target
	privileges []string
	option     bool // WITH GRANT OPTION
}

// Grant performs GRANT and REVOKE. Objects have the database that was left out; catalogName is the session's.
func (c *Catalog) Grant(s *dialect.Grant, catalogName string, by Actor) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var grants *[]entry
	if s.To.Role == "" {
		u, err := c.user(s.To.Account)
		if err != nil {
			return err
		}
		grants = &u.grants
	} else {
		r, err := c.role(s.To.Role)
		if err != nil {
			return err
		}
		if r.fixed {
			return ddl("role %s is not mutable!", r.name)
		}
		grants = &r.grants
	}
	list, err := privilegeList(s)
	if err != nil {
		return err
	}
	var targets []target
	for _, o := range s.Objects {
		t, err := c.target(s.Kind, o, catalogName)
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	if err := c.mayGrant(by, targets, list); err != nil {
		return err
	}
	for _, t := range targets {
		*grants = change(*grants, t, list, s.Revoke, s.GrantOption)
	}
	return nil
}

func privilegeList(s *dialect.Grant) ([]string, error) {
	known := privileges[s.Kind]
	var list []string
	for _, p := range s.Privileges {
		switch {
		case p == "ALL":
			list = append(list, known...)
		case !slices.ContainsFunc(kindOrder, func(k string) bool { return slices.Contains(privileges[k], p) }):
			return nil, Analyzing("cannot find privilege type %s", p)
		case !slices.Contains(known, p):
			return nil, Analyzing("Cannot grant or revoke %s on '%s' type object", p, s.Kind)
		default:
			list = append(list, p)
		}
	}
	for _, bad := range []string{"GRANT", "NODE"} {
		if s.Kind == "SYSTEM" && slices.Contains(list, bad) {
			return nil, Analyzing("Operation not permitted, '%s' cannot be granted to user or role directly, use built-in role instead", bad)
		}
	}
	return list, nil
}

// mayGrant wants GRANT on the system, or the privileges WITH GRANT OPTION.
func (c *Catalog) mayGrant(by Actor, targets []target, list []string) error {
	if c.allowed(by, Need{Privilege: "GRANT", Kind: "SYSTEM"}) {
		return nil
	}
	entries := c.entries(by)
	for _, t := range targets {
		for _, p := range list {
			if !slices.ContainsFunc(entries, func(e entry) bool { return e.option && e.covers(t) && slices.Contains(e.privileges, p) }) {
				return c.denied(by, []string{"GRANT"}, "SYSTEM", "")
			}
		}
	}
	return nil
}

// change adds privileges on a target to a list of entries, or takes them away.
func change(grants []entry, t target, list []string, revoke, option bool) []entry {
	var out []entry
	placed := revoke
	for _, e := range grants {
		if e.target == t {
			switch {
			case revoke:
				e.privileges = except(e.privileges, list...)
			case e.option == option:
				e.privileges, placed = append(except(e.privileges, list...), list...), true
			}
		}
		if len(e.privileges) > 0 {
			out = append(out, e)
		}
	}
	if !placed {
		out = append(out, entry{t, list, option})
	}
	return out
}

// target finds what a name means now.
func (c *Catalog) target(kind string, o dialect.GrantObject, catalogName string) (target, error) {
	t := target{kind: kind}
	switch kind {
	case "SYSTEM":
		return t, nil
	case "USER":
		if o.Account != nil {
			t.name = o.Account.String()
		}
		return t, nil
	case "CATALOG":
		t.name = o.Name
		if _, ok := c.externals[o.Name]; !ok && o.Name != "" && o.Name != InternalCatalog {
			return t, Analyzing("cannot find catalog: %s", o.Name)
		}
		return t, nil
	case "RESOURCE GROUP":
		t.name = o.Name
		if o.Name != "" && !slices.ContainsFunc(c.groups, func(g Group) bool { return g.Name == o.Name }) {
			return t, Analyzing("cannot find resource group %s", o.Name)
		}
		return t, nil
	case "STORAGE VOLUME", "RESOURCE", "WAREHOUSE", "PIPE":
		t.name = o.Name
		return t, nil
	case "GLOBAL FUNCTION":
		return c.functionTarget(t, o, c.functions)
	}
	if kind == "TABLE" || kind == "DATABASE" {
		t.catalog = catalogName
	}
	if t.catalog != "" && t.catalog != InternalCatalog {
		t.name = strings.TrimSuffix(o.Database+"."+o.Name, ".")
		return t, nil
	}
	if o.Database == "" {
		return t, nil
	}
	return c.targetIn(t, o)
}

func (c *Catalog) targetIn(t target, o dialect.GrantObject) (target, error) {
	if IsSystem(o.Database) { // their ids are fixed; the name will do
		t.name = strings.TrimSuffix(o.Database+"."+o.Name, ".")
		return t, nil
	}
	d, ok := c.databases[o.Database]
	if !ok {
		return t, Analyzing("cannot find db: %s", o.Database)
	}
	t.database = d.id
	switch {
	case t.kind == "FUNCTION":
		return c.functionTarget(t, o, d.functions)
	case o.Name == "":
		return t, nil
	}
	b, ok := c.base(dialect.ObjectName{Database: o.Database, Name: o.Name})
	if !ok || b.Kind != t.kind {
		return t, Analyzing("cannot find table %s in db %s", o.Name, o.Database)
	}
	t.object = b.ID
	return t, nil
}

func (c *Catalog) functionTarget(t target, o dialect.GrantObject, list []Function) (target, error) {
	if o.Arguments == nil {
		return t, nil
	}
	signature := dialect.Signature(strings.ToLower(o.Name), o.Arguments, o.Variadic)
	at := slices.IndexFunc(list, func(f Function) bool { return f.Signature() == signature })
	if at < 0 {
		return t, Analyzing("cannot find function %s!", o.Name)
	}
	t.object = list[at].ID
	return t, nil
}

// covers tells whether an entry is for a target, or for all of its kind.
func (e entry) covers(t target) bool {
	return e.kind == t.kind && (e.catalog == allCatalogs || e.catalog == t.catalog) && (e.database == 0 || e.database == t.database) &&
		(e.object == 0 || e.object == t.object) && (e.name == "" || e.name == t.name || e.kind == "TABLE" && strings.HasPrefix(t.name, e.name+"."))
}

// Need is one privilege on one object. Without a Privilege any privilege on it will do; of a database also one on
// anything in it.
type Need struct {
	Privilege string
	Kind      string
	Database  string
	Name      string // of a function its signature
}

// Check fails with the native error when an actor lacks a privilege.
func (c *Catalog) Check(a Actor, n Need) error {
	return c.CheckAny(a, n.Kind, n.Database, n.Name, n.Privilege)
}

// CheckAny fails unless the actor has one of some privileges.
func (c *Catalog) CheckAny(a Actor, kind, database, name string, oneOf ...string) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, p := range oneOf {
		if c.allowed(a, Need{p, kind, database, name}) {
			return nil
		}
	}
	names := slices.Clone(oneOf)
	for i, p := range names {
		names[i] = cmp.Or(p, "ANY")
	}
	object := name
	if kind == "DATABASE" {
		object = database
	}
	return c.denied(a, names, kind, object)
}

func (c *Catalog) allowed(a Actor, n Need) bool {
	t := target{kind: n.Kind, name: n.Name}
	switch n.Kind {
	case "TABLE", "VIEW", "MATERIALIZED VIEW", "DATABASE", "FUNCTION", "GLOBAL FUNCTION":
		t = c.needed(n)
	}
	return slices.ContainsFunc(c.entries(a), func(e entry) bool {
		if n.Kind == "DATABASE" && n.Privilege == "" && e.inside(t) {
			return true
		}
		return e.covers(t) && (n.Privilege == "" || slices.Contains(e.privileges, n.Privilege))
	})
}

// needed finds the ids of what is needed; what does not exist has an id that nothing has.
func (c *Catalog) needed(n Need) target {
	const nothing = -1
	t := target{kind: n.Kind}
	if n.Kind == "TABLE" || n.Kind == "DATABASE" {
		t.catalog = InternalCatalog
	}
	if n.Kind == "GLOBAL FUNCTION" {
		t.object = functionID(c.functions, n.Name)
		return t
	}
	if IsSystem(n.Database) {
		t.database, t.object, t.name = nothing, nothing, n.Database+"."+n.Name
		return t
	}
	d, ok := c.databases[n.Database]
	if !ok {
		t.database, t.object = nothing, nothing
		return t
	}
	t.database = d.id
	switch n.Kind {
	case "DATABASE":
	case "FUNCTION":
		t.object = functionID(d.functions, n.Name)
	default:
		t.object = nothing
		if b, ok := c.base(dialect.ObjectName{Database: n.Database, Name: n.Name}); ok {
			t.object = b.ID
		}
	}
	return t
}

func functionID(list []Function, signature string) int64 {
	for _, f := range list {
		if f.Signature() == signature {
			return f.ID
		}
	}
	return -1
}

// inside tells whether an entry is for something in a database.
func (e entry) inside(d target) bool {
	switch e.kind {
	case "TABLE":
		return (e.catalog == allCatalogs || e.catalog == InternalCatalog) && (e.database == 0 && e.name == "" || e.database == d.database)
	case "VIEW", "MATERIALIZED VIEW", "FUNCTION":
		return e.database == 0 || e.database == d.database
	}
	return false
}

// entries returns the privileges of an actor: its own and those of its active roles.
func (c *Catalog) entries(a Actor) []entry {
	var list []entry
	if u, ok := c.users[a.Account.String()]; ok {
		list = append(list, u.grants...)
	}
	for _, name := range c.allRoles(append(slices.Clone(a.Roles), "public")) {
		list = append(list, c.roles[name].grants...)
	}
	return list
}

// denied is ERR_ACCESS_DENIED (fe:authorization/AccessDeniedException).
func (c *Catalog) denied(a Actor, names []string, kind, object string) error {
	if object != "" {
		object = " " + object
	}
	var inactive []string
	if u, ok := c.users[a.Account.String()]; ok {
		inactive = except(u.roles, a.Roles...)
	}
	return fail(5203, "42000", "Access denied; you need (at least one of) the %s privilege(s) on %s%s for this operation. "+
		"Please ask the admin to grant permission(s) or try activating existing roles using <set [default] role>. "+
		"Current role(s): %s. Inactivated role(s): %s.", strings.Join(names, " OR "), kind, object, roleText(a.Roles), roleText(inactive))
}

func roleText(names []string) string {
	if len(names) == 0 {
		return "NONE"
	}
	return "[" + strings.Join(names, ", ") + "]"
}

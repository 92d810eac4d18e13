package catalog

import (
	"crypto/subtle"
	"maps"
	"slices"
	"strings"

	"starkeep/sandbox/dialect"
)

// user is one account; the sandbox knows no hosts and no roles.
type user struct {
	name     string
	password string
	admin    bool
	grants   []grant
}

type grant struct {
	privilege string
	object    dialect.GrantObject
}

// Privileges that the sandbox knows by kind of object (docs privilege_item). NODE and GRANT cannot be granted directly.
var privileges = map[string][]string{
	"TABLE":             {"SELECT", "INSERT", "UPDATE", "DELETE", "ALTER", "DROP", "EXPORT"},
	"VIEW":              {"SELECT", "ALTER", "DROP"},
	"MATERIALIZED VIEW": {"SELECT", "ALTER", "REFRESH", "DROP"},
	"FUNCTION":          {"USAGE", "DROP"},
	"DATABASE":          {"ALTER", "DROP", "CREATE TABLE", "CREATE VIEW", "CREATE FUNCTION", "CREATE MATERIALIZED VIEW"},
	"CATALOG":           {"USAGE", "CREATE DATABASE", "ALTER", "DROP"},
	"SYSTEM": {"OPERATE", "REPOSITORY", "FILE", "BLACKLIST", "PLUGIN", "CREATE RESOURCE GROUP", "CREATE RESOURCE",
		"CREATE EXTERNAL CATALOG", "CREATE GLOBAL FUNCTION", "CREATE STORAGE VOLUME"},
}

// CreateUser creates a user.
func (c *Catalog) CreateUser(name, password string, ifNotExists bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.users[name]; ok {
		if ifNotExists {
			return nil
		}
		return fail(1396, "HY000", "Operation CREATE USER failed for '%s'@'%%' : user already exists", name)
	}
	c.users[name] = &user{name: name, password: password}
	return nil
}

// DropUser drops a user.
func (c *Catalog) DropUser(name string, ifExists bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if u, ok := c.users[name]; !ok || u.admin {
		if ifExists && !ok {
			return nil
		}
		return fail(1396, "HY000", "Operation DROP USER failed for '%s'@'%%' : user not found", name)
	}
	delete(c.users, name)
	return nil
}

// Users returns the names of the users, sorted.
func (c *Catalog) Users() []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Sorted(maps.Keys(c.users))
}

// Grant performs GRANT and REVOKE.
func (c *Catalog) Grant(g *dialect.Grant) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	u, ok := c.users[g.User]
	if !ok {
		return Analyzing("user '%s'@'%%' not exist", g.User)
	}
	known := privileges[g.Object.Kind]
	for _, p := range g.Privileges {
		if p != "ALL" && !slices.Contains(known, p) {
			return Analyzing("Privilege type '%s' is not supported on '%s'", p, g.Object.Kind)
		}
		u.grants = slices.DeleteFunc(u.grants, func(have grant) bool { return have.object == g.Object && (p == "ALL" || have.privilege == p) })
		if !g.Revoke {
			u.grants = append(u.grants, grant{privilege: p, object: g.Object})
		}
	}
	return nil
}

// Authenticate implements streamload.Engine.
func (c *Catalog) Authenticate(name, password string) error {
	want, ok := c.Password(name)
	if !ok || subtle.ConstantTimeCompare([]byte(want), []byte(password)) != 1 {
		return fail(1045, "28000", "Access denied for user '%s' (using password: YES)", name)
	}
	return nil
}

// Password returns the password of a user, which the handshake of MySQL needs in clear.
func (c *Catalog) Password(name string) (string, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u, ok := c.users[name]
	if !ok {
		return "", false
	}
	return u.password, true
}

// Authorize implements streamload.Engine.
func (c *Catalog) Authorize(name, database, table string) error {
	return c.Check(name, Need{Privilege: "INSERT", Kind: "TABLE", Database: database, Name: table})
}

// Need is one privilege on one object. Without a Privilege any privilege on it will do.
type Need struct {
	Privilege string
	Kind      string
	Database  string
	Name      string
}

// Check fails with the native error when a user lacks a privilege.
func (c *Catalog) Check(name string, n Need) error {
	if c.has(name, n) {
		return nil
	}
	privilege, object := n.Privilege, n.Name
	if privilege == "" {
		privilege = "ANY"
	}
	if n.Kind == "DATABASE" {
		object = n.Database
	}
	return denied([]string{privilege}, n.Kind, object)
}

// CheckAny fails unless the user has one of some privileges on the system.
func (c *Catalog) CheckAny(name string, privileges ...string) error {
	for _, p := range privileges {
		if c.has(name, Need{Privilege: p, Kind: "SYSTEM"}) {
			return nil
		}
	}
	return denied(privileges, "SYSTEM", "")
}

func (c *Catalog) has(name string, n Need) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u, ok := c.users[name]
	if !ok {
		return false
	}
	return u.admin || slices.ContainsFunc(u.grants, func(g grant) bool { return g.covers(n) })
}

// covers tells whether a grant gives what is needed. Any privilege on a table makes its database visible.
func (g grant) covers(n Need) bool {
	o := g.object
	sees := n.Kind == "DATABASE" && n.Privilege == "" && (o.Kind == "TABLE" || o.Kind == "VIEW")
	if o.Kind != n.Kind && !sees {
		return false
	}
	if o.Database != "" && o.Database != n.Database {
		return false
	}
	if o.Name != "" && o.Name != n.Name && !sees {
		return false
	}
	return n.Privilege == "" || g.privilege == "ALL" || g.privilege == n.Privilege
}

// GrantRow is a row of SHOW GRANTS.
type GrantRow struct {
	Catalog string // empty: NULL, of the system
	Text    string
}

// Grants returns what a user was granted, as SHOW GRANTS prints it.
func (c *Catalog) Grants(name string) ([]GrantRow, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u, ok := c.users[name]
	if !ok {
		return nil, Analyzing("user '%s'@'%%' not exist", name)
	}
	if u.admin {
		return []GrantRow{{Text: "GRANT 'root' TO '" + name + "'@'%'"}}, nil
	}
	var rows []GrantRow
	var objects []dialect.GrantObject
	for _, g := range u.grants {
		if !slices.Contains(objects, g.object) {
			objects = append(objects, g.object)
		}
	}
	for _, o := range objects {
		var list []string
		for _, g := range u.grants {
			if g.object != o {
				continue
			}
			if g.privilege == "ALL" {
				list = slices.Clone(privileges[o.Kind])
				break
			}
			list = append(list, g.privilege)
		}
		row := GrantRow{Catalog: "default_catalog", Text: "GRANT " + strings.Join(list, ", ") + " ON " + objectText(o) + " TO USER '" + name + "'@'%'"}
		if o.Kind == "SYSTEM" {
			row.Catalog = ""
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// objectText prints an object as SHOW GRANTS does (fe:authorization/*PEntryObject, docs SHOW_GRANTS).
func objectText(o dialect.GrantObject) string {
	switch {
	case o.Kind == "SYSTEM":
		return "SYSTEM"
	case o.Kind == "CATALOG" && o.Name != "":
		return "CATALOG " + o.Name
	case o.Kind == "CATALOG", o.Kind == "DATABASE" && o.Database == "":
		return "ALL " + o.Kind + "S"
	case o.Kind == "DATABASE":
		return "DATABASE " + o.Database
	case o.Name != "":
		return o.Kind + " " + o.Database + "." + o.Name
	case o.Database != "":
		return "ALL " + o.Kind + "S IN DATABASE " + o.Database
	}
	return "ALL " + o.Kind + "S IN ALL DATABASES"
}

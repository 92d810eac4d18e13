package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"starkeep/sandbox/dialect"
)

// GrantRow is a row of SHOW GRANTS.
type GrantRow struct {
	Grantee string
	Catalog string // empty: NULL
	Text    string
}

// UserGrants returns what a user was granted, as SHOW GRANTS prints it.
func (c *Catalog) UserGrants(a dialect.Account) ([]GrantRow, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u, err := c.user(a)
	if err != nil {
		return nil, err
	}
	var rows []GrantRow
	if len(u.roles) > 0 {
		rows = append(rows, GrantRow{Grantee: a.String(), Text: "GRANT '" + strings.Join(u.roles, "', '") + "' TO " + a.String()})
	}
	return append(rows, c.grantRows(a.String(), "USER "+a.String(), u.grants)...), nil
}

// RoleGrants returns what a role was granted. Roles within it are printed without quotes (fe:sql/formatter/AST2StringVisitor).
func (c *Catalog) RoleGrants(name string) ([]GrantRow, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, ok := c.roles[name]
	if !ok {
		return nil, Analyzing("cannot find role %s", name)
	}
	var rows []GrantRow
	if len(r.roles) > 0 {
		rows = append(rows, GrantRow{Grantee: name, Text: "GRANT '" + strings.Join(r.roles, "', '") + "' TO ROLE " + name})
	}
	return append(rows, c.grantRows(name, "ROLE '"+name+"'", r.grants)...), nil
}

func (c *Catalog) grantRows(grantee, to string, grants []entry) (rows []GrantRow) {
	for _, e := range sortedEntries(grants) {
		text, ok := c.targetText(e.target)
		if !ok { // what it was given on is gone
			continue
		}
		row := GrantRow{Grantee: grantee, Catalog: e.shownCatalog(), Text: "GRANT " + strings.Join(e.ordered(), ", ") + " ON " + text + " TO " + to}
		if e.option {
			row.Text += " WITH GRANT OPTION"
		}
		rows = append(rows, row)
	}
	return rows
}

func sortedEntries(grants []entry) []entry {
	return slices.SortedStableFunc(slices.Values(grants), func(a, b entry) int {
		return cmp.Or(cmp.Compare(slices.Index(kindOrder, a.kind), slices.Index(kindOrder, b.kind)), cmp.Compare(a.breadth(), b.breadth()))
	})
}

// breadth puts what is for all before what is for one (fe:authorization/PEntryObject.compareTo).
func (t target) breadth() int {
	switch {
	case t.object != 0 || t.name != "":
		return 2
	case t.database != 0:
		return 1
	}
	return 0
}

// ordered returns the privileges in the order of their kind.
func (e entry) ordered() []string {
	return slices.DeleteFunc(slices.Clone(privileges[e.kind]), func(p string) bool { return !slices.Contains(e.privileges, p) })
}

// shownCatalog is the column Catalog (fe:authorization/ShowGrantsExecutor.getCatalogNameFromPEntry).
func (e entry) shownCatalog() string {
	switch {
	case e.kind == "CATALOG":
		return e.name
	case e.catalog == allCatalogs:
		return ""
	case e.catalog != "":
		return e.catalog
	}
	return InternalCatalog
}

// targetText prints what a grant is on; names are not quoted, and functions are printed in a way that GRANT does not read
// (fe:authorization/*PEntryObject.toString).
func (c *Catalog) targetText(t target) (string, bool) {
	plural := map[string]string{"CATALOG": "CATALOGS", "DATABASE": "DATABASES", "USER": "USERS", "GLOBAL FUNCTION": "GLOBAL FUNCTIONS"}[t.kind]
	switch t.kind {
	case "SYSTEM":
		return "SYSTEM", true
	case "CATALOG", "USER", "RESOURCE GROUP", "STORAGE VOLUME", "RESOURCE", "WAREHOUSE", "PIPE":
		if t.name == "" {
			return "ALL " + cmp.Or(plural, t.kind+"S"), true
		}
		return t.kind + " " + t.name, true
	case "GLOBAL FUNCTION":
		if t.object == 0 {
			return "ALL GLOBAL FUNCTIONS", true
		}
		signature, ok := signatureOf(c.functions, t.object)
		return t.kind + " " + signature, ok
	}
	if t.name != "" { // of another catalog, or of the server itself
		if t.kind == "TABLE" && !strings.Contains(t.name, ".") {
			return "ALL TABLES IN DATABASE " + t.name, true
		}
		return t.kind + " " + t.name, true
	}
	return c.internalText(t)
}

func (c *Catalog) internalText(t target) (string, bool) {
	if t.database == 0 {
		if t.kind == "DATABASE" {
			return "ALL DATABASES", true
		}
		return "ALL " + t.kind + "S IN ALL DATABASES", true
	}
	d := c.databaseByID(t.database)
	switch {
	case d == nil:
		return "", false
	case t.kind == "DATABASE":
		return "DATABASE " + d.name, true
	case t.object == 0:
		return "ALL " + t.kind + "S IN DATABASE " + d.name, true
	case t.kind == "FUNCTION":
		signature, ok := signatureOf(d.functions, t.object)
		return "FUNCTION " + signature + " in DATABASE " + d.name, ok
	}
	name, ok := d.nameOf(t.object)
	return t.kind + " " + d.name + "." + name, ok
}

func signatureOf(list []Function, id int64) (string, bool) {
	for _, f := range list {
		if f.ID == id {
			return f.Signature(), true
		}
	}
	return "", false
}

func (c *Catalog) databaseByID(id int64) *database {
	for _, d := range c.databases {
		if d.id == id {
			return d
		}
	}
	return nil
}

// nameOf returns the name that a table or view has now.
func (d *database) nameOf(id int64) (string, bool) {
	for _, t := range d.tables {
		if t.id == id {
			return t.name, true
		}
	}
	for _, v := range d.views {
		if v.ID == id {
			return v.Name, true
		}
	}
	return "", false
}

// PrivilegeRow is a row of sys.grants_to_users and sys.grants_to_roles: one privilege on one object. What was granted on
// all is written out (fe:catalog/system/sys/GrantsTo).
type PrivilegeRow struct {
	Grantee, Catalog, Database, Name, Kind, Privilege string
	Grantable                                         bool
}

// PrivilegesOfUsers returns the grants of the users, without root's.
func (c *Catalog) PrivilegesOfUsers() (rows []PrivilegeRow) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, key := range slices.Sorted(maps.Keys(c.users)) {
		if u := c.users[key]; u.account != rootAccount {
			rows = append(rows, c.privilegeRows(key, u.grants)...)
		}
	}
	return rows
}

// PrivilegesOfRoles returns the grants of the roles that can be changed.
func (c *Catalog) PrivilegesOfRoles() (rows []PrivilegeRow) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, key := range slices.Sorted(maps.Keys(c.roles)) {
		if r := c.roles[key]; !r.fixed {
			rows = append(rows, c.privilegeRows(key, r.grants)...)
		}
	}
	return rows
}

func (c *Catalog) privilegeRows(grantee string, grants []entry) (rows []PrivilegeRow) {
	for _, e := range sortedEntries(grants) {
		for _, o := range c.expand(e.target) {
			for _, p := range e.ordered() {
				o.Grantee, o.Kind, o.Privilege, o.Grantable = grantee, e.kind, p, e.option
				rows = append(rows, o)
			}
		}
	}
	return rows
}

// expand lists the objects that a target means.
func (c *Catalog) expand(t target) (rows []PrivilegeRow) {
	switch t.kind {
	case "TABLE", "VIEW", "MATERIALIZED VIEW", "DATABASE", "FUNCTION":
	default:
		if t.kind == "CATALOG" {
			return []PrivilegeRow{{Catalog: cmp.Or(t.name, InternalCatalog)}}
		}
		return []PrivilegeRow{{Name: t.name}}
	}
	if t.name != "" { // external catalogs are shown with a configuration only (enable_show_external_catalog_privilege)
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(c.databases)) {
		d := c.databases[name]
		if t.database != 0 && t.database != d.id {
			continue
		}
		if t.kind == "DATABASE" {
			rows = append(rows, PrivilegeRow{Catalog: InternalCatalog, Database: name})
			continue
		}
		for _, object := range d.objects(t.kind) {
			if t.object == 0 || t.object == object.ID {
				rows = append(rows, PrivilegeRow{Catalog: InternalCatalog, Database: name, Name: object.Name.Name})
			}
		}
	}
	return rows
}

// objects returns the objects of a kind, sorted by name.
func (d *database) objects(kind string) (list []Base) {
	for _, t := range d.tables {
		if t.kind() == kind {
			list = append(list, Base{ID: t.id, Name: dialect.ObjectName{Database: d.name, Name: t.name}})
		}
	}
	for _, v := range d.views {
		if kind == "VIEW" {
			list = append(list, Base{ID: v.ID, Name: dialect.ObjectName{Database: d.name, Name: v.Name}})
		}
	}
	for _, f := range d.functions {
		if kind == "FUNCTION" {
			list = append(list, Base{ID: f.ID, Name: dialect.ObjectName{Database: d.name, Name: f.Signature()}})
		}
	}
	slices.SortFunc(list, func(a, b Base) int { return cmp.Compare(a.Name.Name, b.Name.Name) })
	return list
}

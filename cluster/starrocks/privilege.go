package starrocks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
)

// need is a privilege on an object of an action: a table, all tables of a database, a database, the catalog, the system.
type need struct {
	action   string
	object   string // TABLE, DATABASE, CATALOG, SYSTEM
	database string
	table    string // empty: all tables of the database
}

func (n need) on() (string, error) {
	switch n.object {
	case "TABLE":
		if n.table != "" {
			name, err := qualified(n.database, n.table)
			return "TABLE " + name, err
		}
		name, err := identifier(n.database)
		return "ALL TABLES IN DATABASE " + name, err
	case "DATABASE":
		name, err := identifier(n.database)
		return "DATABASE " + name, err
	case "CATALOG":
		return "CATALOG default_catalog", nil
	}
	return "SYSTEM", nil
}

// needs lists what Starkeep's statements ask for (fe:AuthorizerStmtVisitor, docs privilege_item.md): SHOW FRONTENDS and
// SHOW BACKENDS want OPERATE; SWAP, RENAME, partitions and properties ALTER; Stream Load INSERT.
func needs(database string, tables []string, p cluster.Purpose, exists bool) []need {
	list := []need{{action: "OPERATE", object: "SYSTEM"}}
	if p == cluster.ForBackup {
		if len(tables) == 0 {
			return append(list, need{"SELECT", "TABLE", database, ""})
		}
		for _, t := range tables {
			list = append(list, need{"SELECT", "TABLE", database, t})
		}
		return list
	}
	if !exists {
		list = append(list, need{action: "CREATE DATABASE", object: "CATALOG"})
	}
	list = append(list, need{"CREATE TABLE", "DATABASE", database, ""})
	for _, action := range []string{"SELECT", "INSERT", "ALTER", "DROP"} { // shadow tables are new: on all tables
		list = append(list, need{action, "TABLE", database, ""})
	}
	return list
}

// Missing compares SHOW GRANTS, of the user and of all roles behind it, with what is needed.
func (c *Cluster) Missing(ctx context.Context, a cluster.Audit) ([]cluster.Privilege, error) {
	grants, err := c.grants(ctx)
	if err != nil {
		return nil, fmt.Errorf("check privileges: %w", err)
	}
	exists, err := c.DatabaseExists(ctx, a.Database)
	if errors.Is(err, cluster.ErrDenied) {
		exists, err = true, nil // as far as the user may know; what is missing to see it is in the list below
	}
	if err != nil {
		return nil, fmt.Errorf("check privileges: %w", err)
	}
	if !exists && a.Purpose == cluster.ForBackup {
		return nil, fmt.Errorf("check privileges on %s: %w", a.Database, cluster.ErrUnknownDatabase)
	}
	var missing []cluster.Privilege
	for _, n := range needs(a.Database, a.Tables, a.Purpose, exists) {
		if grants.cover(n) {
			continue
		}
		on, err := n.on()
		if err != nil {
			return nil, err
		}
		missing = append(missing, cluster.Privilege{Name: n.action + " on " + n.words(), Grant: c.grant(n.action + " ON " + on)})
	}
	return missing, nil
}

func (n need) words() string {
	switch {
	case n.object == "TABLE" && n.table == "":
		return "all tables of " + n.database
	case n.object == "TABLE":
		return "table " + n.database + "." + n.table
	case n.object == "DATABASE":
		return "database " + n.database
	case n.object == "CATALOG":
		return "the default catalog"
	}
	return "the system"
}

// grantText is one GRANT statement that was read: actions on an object, or roles.
type grantText struct {
	actions []string
	on      []token // behind ON, without TO …
	roles   []string
}

type grantList []grantText

// grants collects the user's grants and, transitively, those of its roles: SHOW GRANTS FOR ROLE is allowed for every role
// that a user has, also indirectly (fe:AuthorizerStmtVisitor.visitShowGrantsStatement). public is everybody's role.
func (c *Cluster) grants(ctx context.Context) (grantList, error) {
	list, err := c.showGrants(ctx, "SHOW GRANTS")
	if err != nil {
		return nil, err
	}
	asked := []string{}
	for due := append(list.roles(), "public"); len(due) > 0; due = due[1:] {
		role := due[0]
		if slices.Contains(asked, role) || builtin[role] != nil {
			continue
		}
		asked = append(asked, role)
		name, err := identifier(role)
		if err != nil {
			return nil, err
		}
		more, err := c.showGrants(ctx, "SHOW GRANTS FOR ROLE "+name)
		if err != nil && role == "public" {
			continue // not a role that was granted by name: it may be hidden, and then gives nothing that we know of
		}
		if err != nil {
			return nil, fmt.Errorf("read grants of role %s: %w", role, err)
		}
		list = append(list, more...)
		due = append(due, more.roles()...)
	}
	return list, nil
}

func (c *Cluster) showGrants(ctx context.Context, statement string) (grantList, error) {
	rows, err := c.query(ctx, statement)
	if err != nil {
		return nil, err
	}
	var list grantList
	for _, r := range rows {
		list = append(list, parseGrants(r["grants"])...)
	}
	return list, nil
}

// parseGrants reads GRANT statements, e.g. GRANT SELECT, INSERT ON ALL TABLES IN DATABASE d TO USER 'u'@'%', or
// GRANT 'role' TO 'u'@'%'. A text that it does not understand grants nothing.
func parseGrants(text string) grantList {
	tokens, err := tokenize(text)
	if err != nil {
		return nil
	}
	var list grantList
	c := &cursor{tokens: tokens}
	for c.at < len(tokens) {
		if !c.accept("GRANT") {
			c.take()
			continue
		}
		list = append(list, parseGrant(c))
	}
	return list
}

func parseGrant(c *cursor) grantText {
	var g grantText
	first := c.at
	for c.at < len(c.tokens) && !oneOf(c.peek(), []string{"ON", "TO"}) {
		c.take()
	}
	head := c.tokens[first:c.at]
	if !c.accept("ON") {
		for _, t := range head {
			if t.kind != signToken {
				g.roles = append(g.roles, t.text)
			}
		}
		return g
	}
	g.actions = strings.Split(strings.ToUpper(normal(head)), ",")
	first = c.at
	for c.at < len(c.tokens) && !c.peek().is("TO") {
		c.take()
	}
	g.on = c.tokens[first:c.at]
	return g
}

func (l grantList) roles() []string {
	var roles []string
	for _, g := range l {
		roles = append(roles, g.roles...)
	}
	return roles
}

// builtin roles and the objects on which they may do everything (docs User_privilege.md).
var builtin = map[string][]string{
	"root":          {"SYSTEM", "CATALOG", "DATABASE", "TABLE"},
	"db_admin":      {"CATALOG", "DATABASE", "TABLE"},
	"cluster_admin": {"SYSTEM"},
	"user_admin":    {},
}

func (l grantList) cover(n need) bool {
	return slices.ContainsFunc(l, func(g grantText) bool {
		for _, role := range g.roles {
			if slices.Contains(builtin[role], n.object) {
				return true
			}
		}
		wanted := func(a string) bool {
			a = strings.TrimSpace(a)
			return a == n.action || a == "ALL" || a == "ALL PRIVILEGES" || n.object == "SYSTEM" && a == "NODE"
		}
		return slices.ContainsFunc(g.actions, wanted) && covers(g.on, n)
	})
}

// covers tells whether the object of a GRANT includes that of a need. Forms: SYSTEM · CATALOG c · ALL CATALOGS ·
// DATABASE d[, …] · ALL DATABASES · TABLE d.t[, …] · ALL TABLES IN DATABASE d · ALL TABLES IN ALL DATABASES.
func covers(on []token, n need) bool {
	c := &cursor{tokens: on}
	switch {
	case c.accept("SYSTEM"):
		return n.object == "SYSTEM"
	case c.accept("ALL", "CATALOGS"), c.accept("CATALOG", "default_catalog"):
		return n.object == "CATALOG"
	case c.accept("CATALOG"):
		return n.object == "CATALOG" && c.peek().text == "default_catalog"
	case c.accept("ALL", "DATABASES"):
		return n.object == "DATABASE"
	case c.accept("DATABASE"), c.accept("DATABASES"):
		return n.object == "DATABASE" && slices.Contains(objectNames(on[c.at:]), n.database)
	case c.accept("ALL", "TABLES", "IN", "ALL", "DATABASES"):
		return n.object == "TABLE"
	case c.accept("ALL", "TABLES", "IN", "DATABASE"):
		return n.object == "TABLE" && c.peek().text == n.database
	case c.accept("TABLE"), c.accept("TABLES"):
		return n.object == "TABLE" && n.table != "" && slices.Contains(objectNames(on[c.at:]), n.database+"."+n.table)
	}
	return false
}

// objectNames joins the parts of names that are listed with commas.
func objectNames(tokens []token) []string {
	list := []string{""}
	for _, t := range tokens {
		if t.sign(",") {
			list = append(list, "")
			continue
		}
		list[len(list)-1] += t.text
	}
	return list
}

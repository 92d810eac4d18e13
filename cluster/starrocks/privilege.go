package starrocks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// need is a privilege on an object of an action, or on all objects of a kind in a database, or in all of them.
type need struct {
	action   string
	object   string // TABLE, VIEW, MATERIALIZED VIEW, FUNCTION: of a database; DATABASE; CATALOG: the internal one; CATALOGS: all; GLOBAL FUNCTIONS: all; SYSTEM; ROLE: action is its name
	database string // empty: all databases
	name     string // empty: all of the database
}

func (n need) on() (string, error) {
	switch n.object {
	case "DATABASE":
		if n.database == "" {
			return "ALL DATABASES", nil
		}
		name, err := identifier(n.database)
		return "DATABASE " + name, err
	case "CATALOG":
		return "CATALOG " + internalCatalog, nil
	case "CATALOGS", globalFunctions:
		return "ALL " + n.object, nil
	case "SYSTEM":
		return "SYSTEM", nil
	}
	switch {
	case n.database == "":
		return "ALL " + n.object + "S IN ALL DATABASES", nil
	case n.name != "":
		name, err := qualified(n.database, n.name)
		return n.object + " " + name, err
	}
	name, err := identifier(n.database)
	return "ALL " + n.object + "S IN DATABASE " + name, err
}

// globalFunctions are all functions of no database, as the object of a privilege.
const globalFunctions = "GLOBAL FUNCTIONS"

// objectNeeds lists what statements on other objects than tables ask for (fe:analyzer/AuthorizerStmtVisitor, docs
// privilege_item.md). Lists hide what one has no privilege on, so reading needs some on all of a kind. What a view reads has
// to be readable for who creates it.
var objectNeeds = map[snapshot.ObjectKind]map[cluster.Purpose][]need{
	snapshot.View: {
		cluster.ForBackup:  {{action: "SELECT", object: "VIEW"}},
		cluster.ForRestore: {{action: "CREATE VIEW", object: "DATABASE"}, {action: "SELECT", object: "VIEW"}, {action: "ALTER", object: "VIEW"}},
	},
	snapshot.MaterializedView: {
		cluster.ForBackup: {{action: "SELECT", object: "MATERIALIZED VIEW"}},
		cluster.ForRestore: {{action: "CREATE MATERIALIZED VIEW", object: "DATABASE"}, {action: "SELECT", object: "MATERIALIZED VIEW"},
			{action: "ALTER", object: "MATERIALIZED VIEW"}, {action: "REFRESH", object: "MATERIALIZED VIEW"}, {action: "DROP", object: "MATERIALIZED VIEW"}},
	},
	snapshot.Function: {
		cluster.ForBackup:  {{action: "USAGE", object: "FUNCTION"}},
		cluster.ForRestore: {{action: "CREATE FUNCTION", object: "DATABASE"}, {action: "USAGE", object: "FUNCTION"}, {action: "DROP", object: "FUNCTION"}},
	},
	snapshot.GlobalFunction: {
		cluster.ForBackup:  {{action: "USAGE", object: globalFunctions}},
		cluster.ForRestore: {{action: "CREATE GLOBAL FUNCTION", object: "SYSTEM"}, {action: "USAGE", object: globalFunctions}, {action: "DROP", object: globalFunctions}},
	},
	snapshot.Catalog: {
		cluster.ForBackup:  {{action: "USAGE", object: "CATALOGS"}},
		cluster.ForRestore: {{action: "CREATE EXTERNAL CATALOG", object: "SYSTEM"}, {action: "USAGE", object: "CATALOGS"}},
	},
	snapshot.User:          {cluster.ForBackup: {{action: "user_admin", object: "ROLE"}}, cluster.ForRestore: {{action: "user_admin", object: "ROLE"}}},
	snapshot.Role:          {cluster.ForBackup: {{action: "user_admin", object: "ROLE"}}, cluster.ForRestore: {{action: "user_admin", object: "ROLE"}}},
	snapshot.ResourceGroup: {cluster.ForRestore: {{action: "CREATE RESOURCE GROUP", object: "SYSTEM"}}},
}

// needs lists what Starkeep's statements ask for: SHOW FRONTENDS and SHOW BACKENDS want OPERATE; SWAP, RENAME, partitions and
// properties ALTER; Stream Load and INSERT … SELECT from a staging table INSERT and SELECT. A database that does not exist yet
// cannot be named in a GRANT: it takes a privilege on all of them.
func needs(a cluster.Audit, exists bool) []need {
	list := []need{{action: "OPERATE", object: "SYSTEM"}}
	add := func(n need) {
		if exists {
			n.database = a.Database
		}
		if !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	switch {
	case a.Database == "":
	case a.Purpose == cluster.ForBackup && len(a.Tables) > 0:
		for _, t := range a.Tables {
			add(need{action: "SELECT", object: "TABLE", name: t})
		}
	case a.Purpose == cluster.ForBackup:
		add(need{action: "SELECT", object: "TABLE"})
	default:
		if !exists {
			list = append(list, need{action: "CREATE DATABASE", object: "CATALOG"})
		}
		add(need{action: "CREATE TABLE", object: "DATABASE"})
		for _, action := range []string{"SELECT", "INSERT", "ALTER", "DROP"} { // shadow tables are new: on all tables
			add(need{action: action, object: "TABLE"})
		}
	}
	for _, kind := range a.Kinds {
		for _, n := range objectNeeds[kind][a.Purpose] {
			if slices.Contains([]string{"SYSTEM", "ROLE", "CATALOGS", globalFunctions}, n.object) {
				if !slices.Contains(list, n) {
					list = append(list, n)
				}
				continue
			}
			add(n)
		}
	}
	return list
}

// Missing compares SHOW GRANTS, of the user and of all roles behind it, with what is needed. A role that was granted since a
// session began is not active in it (docs SET_ROLE.md): sessions are made anew.
func (c *Cluster) Missing(ctx context.Context, a cluster.Audit) ([]cluster.Privilege, error) {
	c.pool.Forget()
	grants, err := c.grants(ctx)
	if err != nil {
		return nil, fmt.Errorf("check privileges: %w", err)
	}
	exists := true
	if a.Database != "" {
		exists, err = c.DatabaseExists(ctx, a.Database)
	}
	if errors.Is(err, cluster.ErrDenied) {
		exists, err = true, nil // as far as the user may know; what is missing to see it is in the list below
	}
	if err != nil {
		return nil, fmt.Errorf("check privileges: %w", err)
	}
	if !exists && a.Purpose == cluster.ForBackup {
		return nil, fmt.Errorf("check privileges on %s: %w", a.Database, cluster.ErrUnknownDatabase)
	}
	all := needs(a, exists)
	if a.Purpose == cluster.ForBackup && len(a.Tables) > 0 {
		if err := c.asViews(ctx, a.Database, all); err != nil {
			return nil, fmt.Errorf("check privileges: %w", err)
		}
	}
	var missing []cluster.Privilege
	for _, n := range all {
		if grants.cover(n) {
			continue
		}
		p := cluster.Privilege{Name: "role " + n.action, Grant: c.grantRole(n.action)}
		if n.object != "ROLE" {
			on, err := n.on()
			if err != nil {
				return nil, err
			}
			p = cluster.Privilege{Name: n.action + " on " + n.words(), Grant: c.grant(n.action + " ON " + on)}
		}
		missing = append(missing, p)
	}
	return missing, nil
}

// asViews corrects needs on tables that are views: a name without a word before it may be one.
func (c *Cluster) asViews(ctx context.Context, database string, list []need) error {
	_, others, err := c.Tables(ctx, database)
	for i, n := range list {
		for _, kind := range []snapshot.ObjectKind{snapshot.View, snapshot.MaterializedView} {
			if n.object == "TABLE" && slices.Contains(others, string(kind)+" "+n.name) {
				list[i].object = strings.ToUpper(string(kind))
			}
		}
	}
	return err
}

func (n need) words() string {
	of := "all databases"
	if n.database != "" {
		of = n.database
	}
	switch n.object {
	case "DATABASE":
		if n.database == "" {
			return of
		}
		return "database " + of
	case "CATALOG":
		return "the default catalog"
	case "CATALOGS":
		return "all catalogs"
	case globalFunctions:
		return "all global functions"
	case "SYSTEM":
		return "the system"
	}
	if n.name != "" {
		return strings.ToLower(n.object) + " " + n.database + "." + n.name
	}
	return "all " + strings.ToLower(n.object) + "s of " + of
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
		if slices.Contains(asked, role) || isBuiltin(role) {
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

// builtin roles and what they may do: on which objects everything, and what on the system (fe:authorization/AuthorizationMgr
// initBuiltinRolesAndUsers, docs User_privilege.md).
var builtin = map[string]struct{ objects, system []string }{
	"root": {[]string{"SYSTEM", "ROLE", "CATALOG", "CATALOGS", "DATABASE", "TABLE", "VIEW", "MATERIALIZED VIEW", "FUNCTION", globalFunctions}, nil},
	"db_admin": {[]string{"CATALOG", "CATALOGS", "DATABASE", "TABLE", "VIEW", "MATERIALIZED VIEW", "FUNCTION", globalFunctions},
		[]string{"CREATE EXTERNAL CATALOG", "CREATE RESOURCE GROUP", "CREATE GLOBAL FUNCTION"}},
	"cluster_admin":  {nil, []string{"OPERATE"}},
	"user_admin":     {nil, nil},
	"security_admin": {nil, nil},
}

func isBuiltin(role string) bool {
	_, ok := builtin[role]
	return ok
}

func (l grantList) cover(n need) bool {
	return slices.ContainsFunc(l, func(g grantText) bool {
		for _, role := range g.roles {
			b := builtin[role]
			if slices.Contains(b.objects, n.object) || n.object == "SYSTEM" && slices.Contains(b.system, n.action) || n.object == "ROLE" && role == n.action {
				return true
			}
		}
		wanted := func(a string) bool {
			a = strings.TrimSpace(a)
			return a == n.action || a == "ALL" || a == "ALL PRIVILEGES" || n.object == "SYSTEM" && n.action == "OPERATE" && a == "NODE"
		}
		return slices.ContainsFunc(g.actions, wanted) && covers(g.on, n)
	})
}

// covers tells whether the object of a GRANT includes that of a need. Forms: SYSTEM · CATALOG c · ALL CATALOGS ·
// DATABASE d[, …] · ALL DATABASES · TABLE d.t[, …] · ALL TABLES IN DATABASE d · ALL TABLES IN ALL DATABASES, and so for views,
// materialized views and functions.
func covers(on []token, n need) bool {
	c := &cursor{tokens: on}
	switch {
	case c.accept("SYSTEM"):
		return n.object == "SYSTEM"
	case c.accept("ALL", "GLOBAL", "FUNCTIONS"), c.accept("ALL", "GLOBAL_FUNCTIONS"): // fe:authorization/GlobalFunctionPEntryObject
		return n.object == globalFunctions
	case c.accept("ALL", "CATALOGS"):
		return n.object == "CATALOG" || n.object == "CATALOGS"
	case c.accept("CATALOG"):
		return n.object == "CATALOG" && c.peek().text == internalCatalog
	case c.accept("ALL", "DATABASES"):
		return n.object == "DATABASE"
	case c.accept("DATABASE"), c.accept("DATABASES"):
		return n.object == "DATABASE" && slices.Contains(objectNames(on[c.at:]), n.database)
	}
	if n.object == globalFunctions {
		return false
	}
	words := strings.Fields(n.object)
	plural := append(slices.Clone(words[:len(words)-1]), words[len(words)-1]+"S")
	switch {
	case c.accept(append([]string{"ALL"}, plural...)...):
		return c.accept("IN", "ALL", "DATABASES") || c.accept("IN", "DATABASE") && n.database != "" && c.peek().text == n.database
	case c.accept(words...), c.accept(plural...):
		return n.name != "" && slices.Contains(objectNames(on[c.at:]), n.database+"."+n.name)
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

package starrocks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
)

var _ cluster.Granter = (*Cluster)(nil)

// grantee is a user or a role.
type grantee struct {
	role bool
	name string // of a role; of a user as the cluster prints it: 'u'@'h'
}

// sql names the grantee in SHOW GRANTS FOR, and behind TO.
func (g grantee) sql() (string, error) {
	if !g.role {
		return "USER " + g.name, checkIdentity(g.name)
	}
	name, err := identifier(g.name)
	return "ROLE " + name, err
}

// checkIdentity refuses what is not 'user'@'host' or 'user'@['domain'] (fe:catalog/UserIdentity.toString, which escapes
// nothing): it goes into SQL as it is.
func checkIdentity(identity string) error {
	user, host, ok := strings.Cut(identity, "'@")
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if !ok || len(user) < 1 || user[0] != '\'' || len(host) < 2 || host[0] != '\'' || host[len(host)-1] != '\'' ||
		strings.ContainsAny(user[1:]+host[1:len(host)-1], `'\`) {
		return fmt.Errorf("user %s: %w", identity, cluster.ErrInvalidName)
	}
	return nil
}

// printedGrant is a row of SHOW GRANTS, read into its parts. It is printed for people, without quotes around names
// (fe:formatter/AST2StringVisitor.visitGrantRevokePrivilegeStatement): GRANT SELECT ON TABLE d.t TO USER 'u'@'%'.
type printedGrant struct {
	catalog string   // that the object is in; empty: the internal one
	roles   []string // granted roles; nil: privileges
	actions string
	object  string // as printed: TABLE d.t, ALL TABLES IN DATABASE d, SYSTEM
	option  bool   // WITH GRANT OPTION
}

// parsePrinted reads a row of SHOW GRANTS FOR to. Its end is known, and so where the names end.
func parsePrinted(text, catalog string, to grantee) (printedGrant, bool) {
	var g printedGrant
	if catalog != internalCatalog {
		g.catalog = catalog
	}
	text, g.option = strings.CutSuffix(text, " WITH GRANT OPTION")
	ends := []string{" TO USER " + to.name, " TO " + to.name}
	if to.role {
		ends = []string{" TO ROLE '" + to.name + "'", " TO ROLE " + to.name}
	}
	body, ok := strings.CutPrefix(text, "GRANT ")
	for _, end := range ends {
		head, found := strings.CutSuffix(body, end)
		if !ok || !found {
			continue
		}
		if actions, object, privileges := strings.Cut(head, " ON "); privileges {
			g.actions, g.object = actions, object
			return g, true
		}
		for _, r := range strings.Split(head, ", ") {
			g.roles = append(g.roles, strings.Trim(r, "'"))
		}
		return g, true
	}
	return g, false
}

// each divides a grant of several roles.
func (g printedGrant) each() []printedGrant {
	if len(g.roles) < 2 {
		return []printedGrant{g}
	}
	list := make([]printedGrant, len(g.roles))
	for i, r := range g.roles {
		list[i] = printedGrant{catalog: g.catalog, roles: []string{r}}
	}
	return list
}

// statement prints the grant so that it can be run. Names of databases, tables and views are in back quotes.
func (g printedGrant) statement(to grantee) (string, error) {
	target, err := to.sql()
	if err != nil {
		return "", err
	}
	if g.roles != nil {
		var names []string
		for _, r := range g.roles {
			name, err := identifier(r)
			if err != nil {
				return "", err
			}
			names = append(names, name)
		}
		return "GRANT " + strings.Join(names, ", ") + " TO " + target, nil
	}
	object, err := grantedObject(g.object)
	if err != nil {
		return "", err
	}
	statement := "GRANT " + g.actions + " ON " + object + " TO " + target
	if g.option {
		statement += " WITH GRANT OPTION"
	}
	if g.catalog != "" {
		name, err := identifier(g.catalog)
		if err != nil {
			return "", err
		}
		statement = inCatalog + name + "; " + statement
	}
	return statement, nil
}

// inCatalog begins a grant on what is in an external catalog: a GRANT cannot name it, the session has to be in it.
const inCatalog = "SET CATALOG "

// objectsOfDatabases are kinds of objects that are named database.name in a GRANT; the others have one name.
var objectsOfDatabases = []string{"TABLE", "VIEW", "MATERIALIZED VIEW", "PIPE"}

// grantedObject quotes the names in what SHOW GRANTS prints behind ON. A name that holds a dot cannot be told from a
// database and a name, and is refused.
func grantedObject(object string) (string, error) {
	if object == "SYSTEM" || strings.HasPrefix(object, "USER ") {
		return object, nil
	}
	if all, database, ok := strings.Cut(object, " IN DATABASE "); ok && strings.HasPrefix(all, "ALL ") {
		name, err := identifier(database)
		return strings.TrimSpace(all) + " IN DATABASE " + name, err
	}
	if strings.HasPrefix(object, "ALL ") {
		return strings.ReplaceAll(object, "_", " "), nil // ALL GLOBAL_FUNCTIONS (fe:authorization/GlobalFunctionPEntryObject)
	}
	if signature, ok := strings.CutPrefix(object, "FUNCTION "); ok {
		if f, database, ok := strings.Cut(signature, " in DATABASE "); ok { // fe:authorization/FunctionPEntryObject
			name, err := identifier(database)
			return "FUNCTION " + name + "." + f, err
		}
		return object, nil
	}
	if strings.HasPrefix(object, "GLOBAL FUNCTION ") {
		return object, nil
	}
	for _, kind := range objectsOfDatabases {
		if name, ok := strings.CutPrefix(object, kind+" "); ok {
			if strings.Count(name, ".") != 1 {
				return "", fmt.Errorf("%q does not tell database and name apart: %w", name, cluster.ErrInvalidName)
			}
			database, table, _ := strings.Cut(name, ".")
			target, err := qualified(database, table)
			return kind + " " + target, err
		}
	}
	for _, kind := range []string{"DATABASE", "CATALOG", "RESOURCE GROUP", "RESOURCE", "STORAGE VOLUME", "WAREHOUSE"} {
		if name, ok := strings.CutPrefix(object, kind+" "); ok {
			q, err := identifier(name)
			return kind + " " + q, err
		}
	}
	return "", fmt.Errorf("object %q is of no kind that is known here: %w", object, cluster.ErrUnsupported)
}

// grantsOf reads the grants of a user or role.
func (c *Cluster) grantsOf(ctx context.Context, to grantee) ([]printedGrant, error) {
	target, err := to.sql()
	if err != nil {
		return nil, err
	}
	rows, err := c.query(ctx, "SHOW GRANTS FOR "+target)
	if err != nil {
		return nil, err
	}
	var list []printedGrant
	for _, r := range rows {
		g, ok := parsePrinted(r["grants"], r["catalog"], to)
		if !ok {
			return nil, fmt.Errorf("grant %q cannot be read: %w", r["grants"], cluster.ErrUnsupported)
		}
		list = append(list, g)
	}
	return list, nil
}

// CarryGrants gives shadows the grants on the tables that they replace, before SWAP: the cluster keeps them by the id of the
// table (fe:authorization/TablePEntryObject), so they go with the shadow to the live name, without a moment between.
func (c *Cluster) CarryGrants(ctx context.Context, database string, shadows map[string]string) ([]string, error) {
	notes, err := c.carry(ctx, database, "TABLE", shadows)
	if err != nil {
		return nil, fmt.Errorf("carry grants on tables of %s: %w", database, err)
	}
	return notes, nil
}

// carry gives shadows the grants on objects of one kind. Who may not read grants (user_admin may) cannot carry them.
func (c *Cluster) carry(ctx context.Context, database, kind string, shadows map[string]string) ([]string, error) {
	if len(shadows) == 0 {
		return nil, nil
	}
	holders, err := c.holders(ctx, database, shadows)
	if errors.Is(err, cluster.ErrDenied) {
		err = c.withRole(err)
	}
	if errors.Is(err, cluster.ErrDenied) || errors.Is(err, cluster.ErrUnknownTable) || errors.Is(err, cluster.ErrUnknownDatabase) { // the last two: before 3.0
		return []string{fmt.Sprintf("privileges that are granted on a single %s of %s, not on all, are lost where it was replaced, if there are any: they cannot be read: %v",
			strings.ToLower(kind), database, err)}, nil
	}
	if err != nil {
		return nil, err
	}
	var notes []string
	for _, to := range holders {
		grants, err := c.grantsOf(ctx, to)
		if errors.Is(err, cluster.ErrDenied) || errors.Is(err, cluster.ErrUnsupported) {
			notes = append(notes, fmt.Sprintf("what %s may do on a single %s is lost where it was replaced: it cannot be read: %v", to.name, strings.ToLower(kind), c.withRole(err)))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read grants of %s: %w", to.name, err)
		}
		for _, live := range slices.Sorted(maps.Keys(shadows)) {
			more, err := c.carryOne(ctx, to, grants, kind, database, live, shadows[live])
			if err != nil {
				return nil, err
			}
			notes = append(notes, more...)
		}
	}
	return notes, nil
}

func (c *Cluster) carryOne(ctx context.Context, to grantee, grants []printedGrant, kind, database, live, shadow string) ([]string, error) {
	var notes []string
	for _, g := range grants {
		if g.catalog != "" || g.object != kind+" "+database+"."+live {
			continue
		}
		was := g
		g.object = kind + " " + database + "." + shadow
		statement, err := g.statement(to)
		if err != nil {
			return nil, err
		}
		err = c.exec(ctx, statement)
		if err != nil && !isRejection(err) && !errors.Is(err, cluster.ErrDenied) {
			return nil, err
		}
		if err != nil {
			again, _ := was.statement(to)
			notes = append(notes, fmt.Sprintf("%s: a privilege is lost, %s gives it again: %v", live, again, err))
		}
	}
	return notes, nil
}

// holders finds the users and roles that may do something on one of some tables. The tables of sys tell grants on all
// tables as grants on each (fe:catalog/system/sys/GrantsTo), so this is only who to ask.
func (c *Cluster) holders(ctx context.Context, database string, shadows map[string]string) ([]grantee, error) {
	var list []grantee
	for _, source := range []string{"users", "roles"} {
		rows, err := c.query(ctx, "SELECT DISTINCT GRANTEE, OBJECT_NAME FROM sys.grants_to_"+source+" WHERE OBJECT_DATABASE = "+wire.String(database))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			g := grantee{role: source == "roles", name: r["grantee"]}
			if _, ok := shadows[r["object_name"]]; ok && !slices.Contains(list, g) {
				list = append(list, g)
			}
		}
	}
	return list, nil
}

// grantRole is the statement that gives the connecting user a role.
func (c *Cluster) grantRole(role string) string {
	return "GRANT " + role + " TO USER " + wire.String(c.config.User)
}

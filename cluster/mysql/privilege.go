package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
)

var _ cluster.Auditor = (*Cluster)(nil)

// grant is one line of SHOW GRANTS that gives privileges. "" for database and table is "*".
type grant struct {
	privileges      []string // in upper case; ALL PRIVILEGES among them is all
	database, table string   // database is a pattern
}

// parseGrants reads SHOW GRANTS: privileges, and the names of roles that are granted. Grants on columns and on routines
// are passed over: nobody gets a whole table by them.
func parseGrants(lines []string) (grants []grant, roles []string, err error) {
	for _, line := range lines {
		ts, err := tokens(line)
		if err != nil {
			return nil, nil, err
		}
		on := slices.IndexFunc(ts, func(t token) bool { return t.is("ON") })
		to := slices.IndexFunc(ts, func(t token) bool { return t.is("TO") })
		if len(ts) == 0 || !ts[0].is("GRANT") || to < 0 {
			continue
		}
		if on < 0 || on > to {
			roles = append(roles, listed(line, ts, 1, to)...)
			continue
		}
		if g, ok := parseGrant(line, ts, on); ok {
			grants = append(grants, g)
		}
	}
	return grants, roles, nil
}

// listed returns the pieces between commas of ts[from:to].
func listed(line string, ts []token, from, to int) []string {
	var list []string
	for _, piece := range separated(ts, from, to) {
		if piece[0] < piece[1] {
			list = append(list, line[ts[piece[0]].start:ts[piece[1]-1].end])
		}
	}
	return list
}

func parseGrant(line string, ts []token, on int) (grant, bool) {
	var g grant
	for _, name := range listed(line, ts, 1, on) {
		if !strings.Contains(name, "(") {
			g.privileges = append(g.privileges, strings.ToUpper(name))
		}
	}
	at := on + 1
	if at < len(ts) && ts[at].is("TABLE") && at+1 < len(ts) && !ts[at+1].is(".") {
		at++
	}
	if at+2 >= len(ts) || !ts[at+1].is(".") {
		return g, false // FUNCTION, PROCEDURE, PROXY
	}
	if !ts[at].is("*") {
		g.database = ts[at].name(line)
	}
	if !ts[at+2].is("*") {
		g.table = ts[at+2].name(line)
	}
	return g, true
}

// allows tells whether g gives a privilege on a table, "" being all tables, of a database, "" being the server.
func (g grant) allows(privilege, database, table string) bool {
	if !slices.Contains(g.privileges, privilege) && !slices.Contains(g.privileges, "ALL PRIVILEGES") {
		return false
	}
	switch {
	case g.database == "":
		return true
	case database == "":
		return false
	case g.table != "":
		return g.database == database && g.table == table
	}
	return like(g.database, database)
}

// like matches a name with a pattern in which _ is one character, % any number of them, and a backslash takes the meaning
// of what follows (MySQL "GRANT Statement", "Privileges for Databases").
func like(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	switch p := pattern[0]; {
	case p == '%':
		for i := 0; i <= len(name); i++ {
			if like(pattern[1:], name[i:]) {
				return true
			}
		}
		return false
	case name == "":
		return false
	case p == '_':
		_, size := firstRune(name)
		return like(pattern[1:], name[size:])
	case p == '\\' && len(pattern) > 1:
		return pattern[1] == name[0] && like(pattern[2:], name[1:])
	default:
		return p == name[0] && like(pattern[1:], name[1:])
	}
}

func firstRune(s string) (rune, int) {
	for i, r := range s {
		if i > 0 {
			return r, i
		}
	}
	return 0, len(s)
}

// effective reads the grants of the connected user and of the roles that are active in its sessions, and of roles that
// these have.
func (c *Cluster) effective(ctx context.Context) ([]grant, error) {
	lines, err := c.grants(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	all, _, err := parseGrants(lines)
	if err != nil {
		return nil, err
	}
	active, err := c.scalar(ctx, "SELECT CURRENT_ROLE()")
	if err != nil {
		return nil, fmt.Errorf("read active roles: %w", err)
	}
	var roles []string
	if active != "" && active != "NONE" {
		roles = []string{active}
		if strings.HasPrefix(active, "`") { // MySQL: `a`@`%`,`b`@`%`
			roles = strings.Split(active, ",")
		} else {
			roles[0] = quoted(active)
		}
	}
	for seen := map[string]bool{}; len(roles) > 0; {
		role := roles[0]
		roles = roles[1:]
		if seen[role] {
			continue
		}
		seen[role] = true
		lines, err := c.grants(ctx, role)
		if errors.Is(err, cluster.ErrDenied) {
			continue // MariaDB lists roles of active roles in SHOW GRANTS without FOR, and shows them nowhere else
		}
		if err != nil {
			return nil, fmt.Errorf("read grants of role %s: %w", role, err)
		}
		more, inherited, err := parseGrants(lines)
		if err != nil {
			return nil, err
		}
		all, roles = append(all, more...), append(roles, inherited...)
	}
	return all, nil
}

// need is a privilege that a purpose takes; one of several is enough.
type need struct {
	names           []string
	database, table string // as in allows
	why             string
}

// Privileges of a whole database, besides those of its tables.
var (
	readTables   = []string{"SELECT", "TRIGGER"}
	readObjects  = []string{"SHOW VIEW", "EVENT"}
	buildTables  = []string{"SELECT", "INSERT", "DELETE", "CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "TRIGGER", "LOCK TABLES"}
	buildObjects = []string{"CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "EVENT"}
)

// Missing compares the grants of the connected user with what the purpose takes. Users and roles are left out: whether a
// job takes them along is not asked here, and what they take (SELECT on mysql.*; CREATE USER and all that is granted WITH
// GRANT OPTION) is named by the statement that is refused.
func (c *Cluster) Missing(ctx context.Context, a cluster.Audit) ([]cluster.Privilege, error) {
	if a.Database == "" {
		return nil, fmt.Errorf("%w on MySQL and MariaDB without a database: users, roles and their grants go with one, "+
			`BACKUP DATABASE … PROPERTIES ("users" = "true")`, cluster.ErrUnsupported)
	}
	if a.Purpose == cluster.ForBackup {
		if err := c.requireDatabase(ctx, a.Database); err != nil {
			return nil, fmt.Errorf("check privileges: %w", err)
		}
	}
	missing, err := c.missing(ctx, a.Database, a.Tables, a.Purpose)
	if err != nil {
		return nil, fmt.Errorf("check privileges: %w", err)
	}
	return missing, nil
}

func (c *Cluster) missing(ctx context.Context, database string, tables []string, p cluster.Purpose) ([]cluster.Privilege, error) {
	s, err := c.server(ctx)
	if err != nil {
		return nil, err
	}
	grants, err := c.effective(ctx)
	if err != nil {
		return nil, err
	}
	account, err := c.account(ctx)
	if err != nil {
		return nil, err
	}
	needs := backupNeeds(s, database, tables)
	if p == cluster.ForRestore {
		trusted, err := c.creatorsTrusted(ctx)
		if err != nil {
			return nil, err
		}
		needs = restoreNeeds(s, database, trusted)
	}
	var missing []cluster.Privilege
	for _, n := range needs {
		if !slices.ContainsFunc(grants, func(g grant) bool {
			return slices.ContainsFunc(n.names, func(name string) bool { return g.allows(name, n.database, n.table) })
		}) {
			missing = append(missing, n.privilege(account))
		}
	}
	return missing, nil
}

func backupNeeds(s server, database string, tables []string) []need {
	var needs []need
	if len(tables) == 0 {
		for _, name := range slices.Concat(readTables, readObjects) {
			needs = append(needs, need{names: []string{name}, database: database})
		}
		if s.maria { // 11.3.1 has a privilege of its own
			needs = append(needs, need{names: []string{"SELECT", "SHOW CREATE ROUTINE"}, database: "mysql", table: "proc", why: "to read functions and procedures"})
		} else {
			needs = append(needs, need{names: []string{"SHOW_ROUTINE", "SELECT"}, why: "to read functions and procedures"})
		}
	}
	for _, t := range tables {
		for _, name := range readTables {
			needs = append(needs, need{names: []string{name}, database: database, table: t})
		}
	}
	return needs
}

func restoreNeeds(s server, database string, creatorsTrusted bool) []need {
	var needs []need
	for _, name := range slices.Concat(buildTables, buildObjects) {
		needs = append(needs, need{names: []string{name}, database: database})
	}
	definers := need{names: []string{"SET USER", "SUPER"}, why: "to create objects of other definers"}
	if !s.maria { // 8.2 has split the first into two
		definers.names = []string{"SET_USER_ID", "SET_ANY_DEFINER", "SUPER"}
		if s.number >= 80200 {
			definers.names = []string{"SET_ANY_DEFINER", "SET_USER_ID", "SUPER"}
		}
	}
	needs = append(needs, definers)
	if !creatorsTrusted {
		needs = append(needs, need{names: []string{"SUPER"}, why: "to create triggers and functions while the binary log is on and log_bin_trust_function_creators is off"})
	}
	return needs
}

// creatorsTrusted tells whether triggers and functions can be created without SUPER (error 1419 otherwise).
func (c *Cluster) creatorsTrusted(ctx context.Context) (bool, error) {
	v, err := c.variables(ctx, "log_bin", "log_bin_trust_function_creators")
	return v["log_bin"] == "OFF" || v["log_bin_trust_function_creators"] == "ON", err
}

// account is the connected user's, as literals.
func (c *Cluster) account(ctx context.Context) (string, error) {
	account, err := c.scalar(ctx, "SELECT CURRENT_USER()")
	if err != nil {
		return "", fmt.Errorf("read current user: %w", err)
	}
	at := strings.LastIndexByte(account, '@')
	return literal(account[:max(at, 0)]) + "@" + literal(account[at+1:]), nil
}

func (n need) privilege(account string) cluster.Privilege {
	where, on := "the server", "*.*"
	switch {
	case n.table != "":
		where, on = n.database+"."+n.table, quoted(n.database)+"."+quoted(n.table)
	case n.database != "":
		where, on = "all tables of "+n.database, quoted(escaped(n.database))+".*"
	}
	p := cluster.Privilege{Name: n.names[0] + " on " + where, Grant: "GRANT " + n.names[0] + " ON " + on + " TO " + account}
	if n.why != "" {
		p.Name += " " + n.why
	}
	return p
}

// escaped writes a name as a pattern that matches nothing else.
func escaped(database string) string {
	return strings.NewReplacer(`\`, `\\`, "_", `\_`, "%", `\%`).Replace(database)
}

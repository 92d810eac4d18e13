package starrocks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
)

// defaultRoles returns the statement that sets which roles of a user are active when it connects; empty: that cannot be known.
//
// No statement or table prints them (fe:authorization/AuthorizationMgr.getDefaultRoleIdsByUser is asked when a session
// begins, and by nothing that prints). So a session that is used for nothing else becomes the user: EXECUTE AS makes active
// what a login would (fe:qe/ExecuteAsExecutor, ConnectContext.setCurrentRoleIds; test/sql test_execute_as_internal_user), and
// current_role() names it. It needs IMPERSONATE, which user_admin has. Not verified on a real server.
func (c *Cluster) defaultRoles(ctx context.Context, identity string, granted []string) (string, error) {
	if len(granted) == 0 {
		return "", nil
	}
	if err := checkIdentity(identity); err != nil {
		return "", err
	}
	all, err := c.query(ctx, "SHOW GLOBAL VARIABLES LIKE 'activate_all_roles_on_login'")
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(all, func(r record) bool { return r["value"] == "1" || strings.EqualFold(r["value"], "true") }) {
		return "", nil // a session has all roles then, whatever the default is
	}
	active, err := c.rolesAs(ctx, identity)
	switch {
	case isRejection(err), errors.Is(err, cluster.ErrDenied): // before 3.0, or of an authentication that is not there any more
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read default roles: %w", err)
	}
	return defaultRoleStatement(identity, active, granted)
}

// rolesAs returns the roles that are active in a session of a user.
func (c *Cluster) rolesAs(ctx context.Context, identity string) ([]string, error) {
	s, err := c.session(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Exec(ctx, "EXECUTE AS "+identity+" WITH NO REVERT"); err != nil {
		return nil, explain(err)
	}
	r, err := s.Query(ctx, "SELECT current_role() AS `roles`")
	if err != nil {
		return nil, explain(err)
	}
	rows, err := records(r)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, errNoRow
	}
	return activeRoles(rows[0]["roles"]), nil
}

// activeRoles reads what current_role() prints: names, or NONE (fe:sql/analyzer/ExpressionAnalyzer). A role has no name with
// a comma (fe:sql/analyzer/FeNameFormat).
func activeRoles(printed string) []string {
	if printed == "NONE" {
		return nil
	}
	roles := strings.Split(printed, ", ")
	slices.Sort(roles) // a set of ids: the order says nothing
	return roles
}

const setsDefaultRole = "SET DEFAULT ROLE "

// defaultRoleStatement is empty where a role is active that the user was not granted: roles of its external groups are among
// them (fe:qe/ExecuteAsExecutor.refreshGroupsAndRoles), or the version does not set any.
func defaultRoleStatement(identity string, active, granted []string) (string, error) {
	names := make([]string, len(active))
	for i, r := range active {
		if !slices.Contains(granted, r) {
			return "", nil
		}
		var err error
		if names[i], err = identifier(r); err != nil {
			return "", err
		}
	}
	if len(names) == 0 {
		names = []string{"NONE"}
	}
	return setsDefaultRole + strings.Join(names, ", ") + " TO " + identity, nil
}

// defaultsOf reads the default roles out of the grants of a user that is kept in a snapshot; known tells whether they are there.
func defaultsOf(grants []string) (roles []string, known bool) {
	for _, g := range grants {
		list, ok := strings.CutPrefix(g, setsDefaultRole)
		if !ok {
			continue
		}
		all, err := lex(list)
		if err != nil {
			return nil, false
		}
		for _, l := range all {
			switch {
			case l.is("TO"):
				return roles, true
			case l.kind == quotedLexeme:
				roles = append(roles, l.text)
			}
		}
	}
	return nil, false
}

// withDefaults lets a CREATE USER set the default roles that are here, so that no attempt which finds the user of an earlier
// one leaves them out; a note names the others.
func (c *Cluster) withDefaults(ctx context.Context, create, identity string, roles []string) (statement, note string, err error) {
	if len(roles) == 0 {
		return create, "", nil
	}
	rows, err := c.query(ctx, "SHOW ROLES")
	if err != nil {
		return "", "", c.withRole(err)
	}
	var here, missing []string
	for _, r := range roles {
		name, err := identifier(r)
		if err != nil {
			return "", "", err
		}
		if slices.ContainsFunc(rows, func(x record) bool { return x["name"] == r }) {
			here = append(here, name)
		} else {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		note = fmt.Sprintf("it had the default roles %s, which are not here: SET DEFAULT ROLE … TO %s sets them when they are", strings.Join(missing, ", "), identity)
	}
	if len(here) > 0 {
		create += " DEFAULT ROLE " + strings.Join(here, ", ")
	}
	return create, note, nil
}

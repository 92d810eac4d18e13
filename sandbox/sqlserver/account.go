package sqlserver

import (
	"maps"
	"slices"
	"strings"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

// actor is the user of the session with its active roles: after login the default ones, or all with
// activate_all_roles_on_login.
func (x *session) actor() catalog.Actor {
	if x.conn == nil {
		return x.server.catalog.Login("root", false)
	}
	if x.acting == nil {
		a := x.server.catalog.Login(x.user(), x.server.activatesAllRoles())
		x.acting = &a
	}
	return *x.acting
}

func (s *Server) activatesAllRoles() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.globals["activate_all_roles_on_login"] == "1"
}

// executeAs makes the session another user's, with the roles that this one has after a login (fe:qe/ExecuteAsExecutor).
func (x *session) executeAs(s *dialect.ExecuteAs) error {
	if !s.NoRevert {
		return catalog.Analyzing("`EXECUTE AS` must use with `WITH NO REVERT` for now!")
	}
	a, err := x.server.catalog.Become(s.Account, x.server.activatesAllRoles())
	if err != nil {
		return err
	}
	if err := x.server.catalog.Check(x.actor(), catalog.Need{Privilege: "IMPERSONATE", Kind: "USER", Name: s.Account.String()}); err != nil {
		return err
	}
	x.acting = &a
	return nil
}

// system checks for one of some privileges on the system.
func (x *session) system(oneOf ...string) error {
	if x.trusted {
		return nil
	}
	return x.server.catalog.CheckAny(x.actor(), "SYSTEM", "", "", oneOf...)
}

// self tells whether an account is the session's own.
func (x *session) self(a dialect.Account) bool { return a == x.actor().Account }

// asAdmin runs what needs the GRANT privilege, which comes with the roles root and user_admin only.
func (x *session) asAdmin(action func() error) error {
	if err := x.system("GRANT"); err != nil {
		return err
	}
	return action()
}

// govern runs the statements on users, roles and privileges.
func (x *session) govern(statement dialect.Statement) error {
	c := x.server.catalog
	switch s := statement.(type) {
	case *dialect.CreateUser:
		return x.asAdmin(func() error { return c.CreateUser(s) })
	case *dialect.AlterUser:
		if s.Account == nil {
			own := x.actor().Account
			s.Account = &own
		}
		if x.self(*s.Account) && s.Default == nil {
			return c.AlterUser(s)
		}
		return x.asAdmin(func() error { return c.AlterUser(s) })
	case *dialect.DropUser:
		return x.asAdmin(func() error { return c.DropUser(s) })
	case *dialect.CreateRole:
		return x.asAdmin(func() error { return c.CreateRole(s) })
	case *dialect.AlterRole:
		return x.asAdmin(func() error { return c.AlterRole(s) })
	case *dialect.DropRole:
		return x.asAdmin(func() error { return c.DropRole(s) })
	case *dialect.GrantRoles:
		return x.asAdmin(func() error { return c.GrantRoles(s, x.actor().Account.Name == "root") })
	case *dialect.SetDefaultRole:
		alter := &dialect.AlterUser{Account: &s.Account, Default: &s.Roles}
		if x.self(s.Account) {
			return c.AlterUser(alter)
		}
		return x.asAdmin(func() error { return c.AlterUser(alter) })
	case *dialect.ExecuteAs:
		return x.executeAs(s)
	case *dialect.SetRole:
		roles, err := c.ActiveRoles(x.actor(), s.Roles)
		if err != nil {
			return err
		}
		x.acting.Roles = roles
		return nil
	case *dialect.Grant:
		for i, o := range s.Objects {
			if s.Kind != "SYSTEM" && o.Database == "" && (o.Name != "" || o.Arguments != nil) && inDatabase(s.Kind) {
				s.Objects[i].Database = x.database
			}
		}
		return c.Grant(s, x.variables["catalog"], x.actor())
	}
	return catalog.Analyzing("the sandbox does not know this statement")
}

// inDatabase tells whether objects of a kind live in databases.
func inDatabase(kind string) bool {
	return slices.Contains([]string{"TABLE", "VIEW", "MATERIALIZED VIEW", "FUNCTION"}, kind)
}

// showGrants shows the session's own grants to everybody, also those of its roles, others' to who may grant.
func (x *session) showGrants(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	c := x.server.catalog
	account := x.actor().Account
	if s.For != nil {
		account = *s.For
	}
	if s.Role == "" && !x.self(account) || s.Role != "" && !c.Inherits(account, s.Role) {
		if err := x.system("GRANT"); err != nil {
			return err
		}
	}
	var list []catalog.GrantRow
	var err error
	if s.Role != "" {
		list, err = c.RoleGrants(s.Role)
	} else {
		list, err = c.UserGrants(account)
	}
	if err != nil {
		return err
	}
	var cells [][]any
	for _, g := range list {
		cells = append(cells, []any{g.Grantee, orNull(g.Catalog), g.Text})
	}
	return rows(callback, []string{"UserIdentity", "Catalog", "Grants"}, cells)
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (x *session) showUsers(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	if s.What == "USER" {
		return rows(callback, []string{"User"}, [][]any{{x.actor().Account.String()}})
	}
	return x.asAdmin(func() error {
		var cells [][]any
		for _, u := range x.server.catalog.Users() {
			cells = append(cells, []any{u.Account.String()})
		}
		return rows(callback, []string{"User"}, cells)
	})
}

// showAuthentication tells whether there is a password, never its hash (fe:qe/ShowExecutor.visitShowAuthenticationStatement).
func (x *session) showAuthentication(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	account := x.actor().Account
	if s.For != nil {
		account = *s.For
	}
	all := s.What == "ALL AUTHENTICATION"
	if all || !x.self(account) {
		if err := x.system("GRANT"); err != nil {
			return err
		}
	}
	var cells [][]any
	for _, u := range x.server.catalog.Users() {
		if all || u.Account == account {
			password := "No"
			if u.Password {
				password = "Yes"
			}
			cells = append(cells, []any{u.Account.String(), password, u.Plugin, orNull(u.Auth)})
		}
	}
	if cells == nil {
		return catalog.Analyzing("cannot find user %s!", account)
	}
	return rows(callback, []string{"UserIdentity", "Password", "AuthPlugin", "UserForAuthPlugin"}, cells)
}

func (x *session) showRoles(callback mysql.ResultSpoolFn) error {
	return x.asAdmin(func() error {
		var cells [][]any
		for _, r := range x.server.catalog.Roles() {
			cells = append(cells, []any{r.Name, r.Builtin, r.Comment})
		}
		return rows(callback, []string{"Name", "Builtin", "Comment"}, cells)
	})
}

// showProperty knows a user by its name alone (fe:sql/ast/ShowUserPropertyStmt).
func (x *session) showProperty(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	name := x.actor().Account.Name
	if s.For != nil && s.For.Name != name {
		if err := x.system("GRANT"); err != nil {
			return err
		}
		name = s.For.Name
	}
	for _, u := range x.server.catalog.Users() {
		if u.Account.Name != name {
			continue
		}
		value := func(key, otherwise string) string {
			if v, ok := u.Properties[key]; ok {
				return v
			}
			return otherwise
		}
		cells := [][]any{{"max_user_connections", value("max_user_connections", "1024")}, {"catalog", value("catalog", catalog.InternalCatalog)}, {"database", value("database", "")}}
		for _, key := range slices.Sorted(maps.Keys(u.Properties)) {
			if strings.HasPrefix(key, "session.") {
				cells = append(cells, []any{key, u.Properties[key]})
			}
		}
		return rows(callback, []string{"Key", "Value"}, slices.DeleteFunc(cells, func(row []any) bool { return !like(s.Like, row[0].(string)) }))
	}
	return catalog.Analyzing("cannot find user '%s'!", name)
}

const privilegeColumns = "GRANTEE OBJECT_CATALOG OBJECT_DATABASE OBJECT_NAME OBJECT_TYPE PRIVILEGE_TYPE IS_GRANTABLE"

func privilegeRows(list []catalog.PrivilegeRow) (out []sql.Row) {
	for _, r := range list {
		grantable := "NO"
		if r.Grantable {
			grantable = "YES"
		}
		out = append(out, sql.Row{r.Grantee, orNull(r.Catalog), orNull(r.Database), orNull(r.Name), r.Kind, r.Privilege, grantable})
	}
	return out
}

func (x *session) grantsToUsers(only) []sql.Row {
	return privilegeRows(x.server.catalog.PrivilegesOfUsers())
}

func (x *session) grantsToRoles(only) []sql.Row {
	return privilegeRows(x.server.catalog.PrivilegesOfRoles())
}

// roleEdges are the grants of roles to roles and to users (fe:catalog/system/sys/RoleEdges).
func (x *session) roleEdges(only) (out []sql.Row) {
	for _, r := range x.server.catalog.Roles() {
		for _, from := range r.Roles {
			out = append(out, sql.Row{from, r.Name, nil})
		}
	}
	for _, u := range x.server.catalog.Users() {
		for _, from := range u.Roles {
			out = append(out, sql.Row{from, nil, u.Account.String()})
		}
	}
	return out
}

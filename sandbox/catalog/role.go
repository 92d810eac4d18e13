package catalog

import (
	"maps"
	"slices"

	"starkeep/sandbox/dialect"
)

// role is one role.
type role struct {
	name    string
	comment string
	builtin bool
	fixed   bool     // built in, and nothing can be granted to it
	roles   []string // granted to it: it has their privileges
	grants  []entry
}

// Roles that the server makes (fe:authorization/AuthorizationMgr.initBuiltinRolesAndUsers).
func builtinRoles() map[string]*role {
	everything := func(kinds ...string) (list []entry) {
		for _, k := range kinds {
			list = append(list, entry{target: target{kind: k, catalog: allCatalogs}, privileges: privileges[k]})
		}
		return list
	}
	system := func(list ...string) entry { return entry{target: target{kind: "SYSTEM"}, privileges: list} }
	objects := []string{"CATALOG", "DATABASE", "TABLE", "VIEW", "MATERIALIZED VIEW", "RESOURCE", "RESOURCE GROUP", "FUNCTION", "GLOBAL FUNCTION", "STORAGE VOLUME", "PIPE"}
	roles := map[string]*role{}
	add := func(name, comment string, grants ...entry) {
		roles[name] = &role{name: name, comment: comment, builtin: true, fixed: name != "public", grants: grants}
	}
	add("root", "built-in root role which has all privileges on all objects", append(everything(append(objects, "USER", "WAREHOUSE")...), system(privileges["SYSTEM"]...))...)
	add("db_admin", "built-in database administration role", append(everything(objects...), system("CREATE RESOURCE", "PLUGIN", "FILE", "BLACKLIST", "OPERATE",
		"CREATE EXTERNAL CATALOG", "REPOSITORY", "CREATE RESOURCE GROUP", "CREATE GLOBAL FUNCTION", "CREATE STORAGE VOLUME", "SECURITY"))...)
	add("cluster_admin", "built-in cluster administration role", append(everything("WAREHOUSE"), system("NODE", "CREATE WAREHOUSE"))...)
	add("user_admin", "built-in user administration role", append(everything("USER"), system("GRANT"))...)
	add("security_admin", "built-in security administration role", system("SECURITY", "OPERATE"))
	add("public", "built-in public role which is owned by any user")
	return roles
}

// CreateRole creates roles.
func (c *Catalog) CreateRole(s *dialect.CreateRole) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range s.Names {
		if !roleName.MatchString(name) {
			return Analyzing("invalid role format: %s", name)
		}
		if _, ok := c.roles[name]; ok && !s.IfNotExists {
			return Analyzing("Operation CREATE ROLE failed for %s : role already exists", name)
		}
	}
	for _, name := range s.Names {
		if _, ok := c.roles[name]; !ok {
			c.roles[name] = &role{name: name, comment: s.Comment}
		}
	}
	return nil
}

// AlterRole changes the comment of roles.
func (c *Catalog) AlterRole(s *dialect.AlterRole) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range s.Names {
		r, ok := c.roles[name]
		switch {
		case !ok && !s.IfExists:
			return Analyzing("Operation ALTER ROLE failed for %s : role not exists", name)
		case ok && r.fixed:
			return ddl("role %s is not mutable!", name)
		case ok:
			r.comment = s.Comment
		}
	}
	return nil
}

// DropRole drops roles. Who had them keeps nothing of it.
func (c *Catalog) DropRole(s *dialect.DropRole) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range s.Names {
		r, ok := c.roles[name]
		if !ok && !s.IfExists {
			return Analyzing("Operation DROP ROLE failed for %s : role not exists", name)
		}
		if ok && r.builtin {
			return ddl("role %s cannot be dropped!", name)
		}
	}
	for _, name := range s.Names {
		delete(c.roles, name)
		for _, u := range c.users {
			u.roles, u.defaults = except(u.roles, name), except(u.defaults, name)
		}
		for _, r := range c.roles {
			r.roles = except(r.roles, name)
		}
	}
	return nil
}

func except(list []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(names, s) })
}

// GrantRoles grants roles to a user or a role, or revokes them.
func (c *Catalog) GrantRoles(s *dialect.GrantRoles, byRoot bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range s.Roles {
		if (name == "root" || name == "cluster_admin") && !byRoot {
			return Analyzing("Can not grant root or cluster_admin role except root user")
		}
		if _, ok := c.roles[name]; !ok {
			return Analyzing("Can not granted/revoke role to/from user: cannot find role %s!", name)
		}
		if name == "public" {
			return ddl("Granting role PUBLIC has no effect.  Every user and role has role PUBLIC implicitly granted.")
		}
	}
	if s.To.Role == "" {
		u, err := c.user(s.To.Account)
		if err != nil {
			return err
		}
		if s.Revoke {
			if u.account == rootAccount && slices.Contains(s.Roles, "root") {
				return Analyzing("Can not revoke root role from root user")
			}
			u.defaults = except(u.defaults, s.Roles...)
		}
		u.roles = changed(u.roles, s)
		return nil
	}
	r, err := c.role(s.To.Role)
	if err != nil {
		return err
	}
	for _, name := range s.Roles {
		if !s.Revoke && slices.Contains(c.allRoles([]string{name}), r.name) {
			return ddl("role %s is already a predecessor role of %s", r.name, name)
		}
	}
	if r.fixed {
		return ddl("role %s is not mutable!", r.name)
	}
	r.roles = changed(r.roles, s)
	return nil
}

func changed(list []string, s *dialect.GrantRoles) []string {
	if list = except(list, s.Roles...); !s.Revoke {
		list = append(list, s.Roles...)
		slices.Sort(list)
	}
	return list
}

func (c *Catalog) role(name string) (*role, error) {
	r, ok := c.roles[name]
	if !ok {
		return nil, Analyzing("Can not grant/revoke to role: cannot find role %s!", name)
	}
	return r, nil
}

// allRoles returns roles with all that were granted to them.
func (c *Catalog) allRoles(names []string) (all []string) {
	for due := slices.Clone(names); len(due) > 0; due = due[1:] {
		r, ok := c.roles[due[0]]
		if !ok || slices.Contains(all, r.name) {
			continue
		}
		all = append(all, r.name)
		due = append(due, r.roles...)
	}
	return all
}

// setDefault changes the roles that are active after login.
func (u *user) setDefault(l dialect.RoleList) error {
	if l.All {
		u.defaults = except(u.roles, l.Except...)
		return nil
	}
	for _, name := range l.Names {
		if !slices.Contains(u.roles, name) {
			return Analyzing("Role %s is not granted to %s", name, u.account)
		}
	}
	u.defaults = slices.Clone(l.Names)
	return nil
}

// RoleInfo is a role at one moment.
type RoleInfo struct {
	Name, Comment string
	Builtin       bool
	Roles         []string // granted to it
}

// Roles returns the roles, sorted.
func (c *Catalog) Roles() (list []RoleInfo) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(c.roles)) {
		r := c.roles[name]
		list = append(list, RoleInfo{r.name, r.comment, r.builtin, r.roles})
	}
	return list
}

// Actor is a user with the roles that are active.
type Actor struct {
	Account dialect.Account
	Roles   []string
}

// Login returns the actor that a client of this name is after login, with all its roles or its default ones.
func (c *Catalog) Login(name string, all bool) Actor {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u := c.match(name)
	switch {
	case u == nil:
		return Actor{Account: dialect.Account{Name: name, Host: "%"}}
	case all:
		return Actor{u.account, u.roles}
	}
	return Actor{u.account, u.defaults}
}

// Become returns the actor that EXECUTE AS makes, with all roles of the account or its default ones.
func (c *Catalog) Become(account dialect.Account, all bool) (Actor, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u, err := c.user(account)
	switch {
	case err != nil:
		return Actor{}, err
	case all:
		return Actor{u.account, u.roles}, nil
	}
	return Actor{u.account, u.defaults}, nil
}

// ActiveRoles returns the roles that SET ROLE makes active.
func (c *Catalog) ActiveRoles(a Actor, l dialect.RoleList) ([]string, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u, err := c.user(a.Account)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Concat(l.Names, l.Except) {
		if _, ok := c.roles[name]; !ok {
			return nil, ddl("Cannot find role %s", name)
		}
		if !slices.Contains(u.roles, name) {
			return nil, ddl("Role %s is not granted to %s", name, u.account)
		}
	}
	switch {
	case l.Default:
		return u.defaults, nil
	case l.All:
		return except(u.roles, l.Except...), nil
	}
	return slices.Clone(l.Names), nil
}

// Inherits tells whether a user has a role, directly or through others.
func (c *Catalog) Inherits(a dialect.Account, roleName string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u, err := c.user(a)
	return err == nil && slices.Contains(c.allRoles(append(slices.Clone(u.roles), "public")), roleName)
}

package starrocks

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// passwordProperty names what is masked of users: no SQL prints passwords or their hashes (fe:qe/ShowExecutor
// visitShowAuthenticationStatement).
const passwordProperty = "password"

// readRoles reads the roles that were made by users, each behind those that it has, and the grants of public, which is
// everybody's. The other built-in roles cannot be changed (fe:authorization/PrivilegeBuiltinConstants).
func (c *Cluster) readRoles(ctx context.Context) ([]snapshot.Object, error) {
	rows, err := c.query(ctx, "SHOW ROLES")
	if err != nil {
		return nil, c.withRole(err)
	}
	var list []snapshot.Object
	parents := map[string][]string{}
	for _, r := range rows {
		o := snapshot.Object{Kind: snapshot.Role, Name: r["name"]}
		builtIn := strings.EqualFold(r["builtin"], "true")
		if builtIn && o.Name != publicRole {
			continue
		}
		to := grantee{role: true, name: o.Name}
		grants, err := c.grantsOf(ctx, to)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", o, err)
		}
		if builtIn && len(grants) == 0 {
			continue
		}
		if !builtIn {
			name, err := identifier(o.Name)
			if err != nil {
				return nil, err
			}
			o.DDL = "CREATE ROLE " + name
			if r["comment"] != "" {
				o.DDL += " COMMENT " + wire.DoubleQuoted(r["comment"])
			}
		}
		if o.Grants, err = statements(grants, to); err != nil {
			return nil, fmt.Errorf("read %s: %w", o, err)
		}
		for _, g := range grants {
			parents[o.Name] = append(parents[o.Name], g.roles...)
		}
		list = append(list, o)
	}
	return rolesInOrder(list, parents), nil
}

const publicRole = "public"

// rolesInOrder sorts roles by name, and each behind those that are granted to it.
func rolesInOrder(list []snapshot.Object, parents map[string][]string) []snapshot.Object {
	byName := map[string]snapshot.Object{}
	for _, o := range list {
		byName[o.Name] = o
	}
	var sorted []snapshot.Object
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		o, ok := byName[name]
		if !ok || seen[name] {
			return
		}
		seen[name] = true
		for _, p := range parents[name] {
			visit(p)
		}
		sorted = append(sorted, o)
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		visit(name)
	}
	return sorted
}

// statements prints grants, a role each: of several in one statement a single one that is not there would keep off the
// others. Those that only say that root is root are left out.
func statements(grants []printedGrant, to grantee) ([]string, error) {
	var list []string
	for _, g := range grants {
		if to.name == rootUser {
			g.roles = slices.DeleteFunc(g.roles, func(r string) bool { return r == "root" })
			if len(g.roles) == 0 && g.actions == "" {
				continue
			}
		}
		for _, one := range g.each() {
			s, err := one.statement(to)
			if err != nil {
				return nil, err
			}
			list = append(list, s)
		}
	}
	return list, nil
}

const rootUser = "'root'@'%'"

// nativePlugins authenticate with a password that the cluster keeps (fe:authentication/PlainPasswordAuthenticationProvider).
var nativePlugins = []string{"", "mysql_native_password"}

// readUsers reads users with how they authenticate, their properties and grants. Of root only what was granted to it
// beyond its role.
func (c *Cluster) readUsers(ctx context.Context) ([]snapshot.Object, error) {
	rows, err := c.query(ctx, "SHOW ALL AUTHENTICATION")
	if err != nil {
		return nil, c.withRole(err)
	}
	var list []snapshot.Object
	for _, r := range rows {
		o := snapshot.Object{Kind: snapshot.User, Name: r["useridentity"]}
		to := grantee{name: o.Name}
		grants, err := c.grantsOf(ctx, to)
		if err == nil {
			o.Grants, err = statements(grants, to)
		}
		if err == nil {
			o.Settings, err = c.userProperties(ctx, o.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", o, err)
		}
		if o.Name == rootUser {
			if len(o.Grants) > 0 {
				list = append(list, snapshot.Object{Kind: o.Kind, Name: o.Name, Grants: o.Grants})
			}
			continue
		}
		o.DDL, o.Masked = authentication(o.Name, r)
		var roles []string
		for _, g := range grants {
			roles = append(roles, g.roles...)
		}
		defaults, err := c.defaultRoles(ctx, o.Name, roles)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", o, err)
		}
		if defaults != "" {
			o.Grants = append(o.Grants, defaults)
		}
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b snapshot.Object) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// authentication is the statement that creates a user without its password. What a plugin is given is kept, unless it may
// hold a secret.
func authentication(identity string, r record) (ddl string, masked []string) {
	ddl = "CREATE USER " + identity
	plugin, argument := strings.ToLower(r["authplugin"]), r["userforauthplugin"]
	switch {
	case slices.Contains(nativePlugins, plugin):
		if strings.EqualFold(r["password"], "Yes") {
			masked = []string{passwordProperty}
		}
		return ddl, masked
	case strings.Contains(strings.ToLower(argument), "secret"):
		masked = []string{passwordProperty}
		argument = ""
	}
	ddl += " IDENTIFIED WITH " + plugin
	if argument != "" {
		ddl += " AS " + wire.String(argument)
	}
	return ddl, masked
}

// userDefaults are the properties of a user for whom nobody set any (fe:authentication/UserProperty).
var userDefaults = map[string]string{"max_user_connections": "1024", "catalog": internalCatalog, "database": ""}

// userProperties reads what was set for a user by SET PROPERTY or ALTER USER … SET PROPERTIES.
func (c *Cluster) userProperties(ctx context.Context, identity string) (map[string]string, error) {
	name, _, _ := strings.Cut(identity, "'@")
	rows, err := c.query(ctx, "SHOW PROPERTY FOR "+name+"'")
	if err != nil {
		return nil, err
	}
	var set map[string]string
	for _, r := range rows {
		if d, ok := userDefaults[r["key"]]; ok && r["value"] == d || r["key"] == "" {
			continue
		}
		if set == nil {
			set = map[string]string{}
		}
		set[r["key"]] = r["value"]
	}
	return set, nil
}

// planGrantee creates a user or role that is not there, and gives it its grants. One that is there keeps its password.
func (c *Cluster) planGrantee(ctx context.Context, o snapshot.Object, r cluster.Renaming) (placement, error) {
	there, err := c.granteeExists(ctx, o)
	if err != nil {
		return placement{}, err
	}
	var notes []string
	secret, create := "", o.DDL
	switch {
	case there && o.DDL != "" && len(o.Masked) > 0:
		notes = append(notes, "it exists and keeps its password; its grants are added")
	case there && o.DDL != "":
		notes = append(notes, "it exists; its grants are added")
	case o.DDL == "": // built in
	case len(o.Masked) > 0:
		if !strings.HasPrefix(o.DDL, "CREATE USER "+o.Name) {
			return placement{}, fmt.Errorf("its definition is of another user: %w", cluster.ErrRejected)
		}
		var known bool
		if secret, known = r.Supplied[passwordProperty]; !known {
			secret = rand.Text()
			notes = append(notes, fmt.Sprintf("it has a password that nobody knows, because none was supplied: ALTER USER %s IDENTIFIED BY '…' sets one", o.Name))
		}
		create = "CREATE USER " + o.Name + " IDENTIFIED BY " + wire.String(secret)
		if _, plugin, ok := strings.Cut(o.DDL, " IDENTIFIED WITH "); ok {
			create = "CREATE USER " + o.Name + " IDENTIFIED WITH " + plugin + " AS " + wire.String(secret)
		}
	}
	if there {
		create = ""
	}
	defaults, known := defaultsOf(o.Grants)
	if o.Kind == snapshot.User && create != "" && !known && slices.ContainsFunc(o.Grants, grantsRoles) {
		notes = append(notes, fmt.Sprintf("which of its roles are active when it connects could not be read from the cluster: none is, ALTER USER %s DEFAULT ROLE ALL changes that", o.Name))
	}
	return placement{note: joinNotes(notes...), do: func(ctx context.Context) (string, error) {
		var note string
		if create != "" {
			statement, lacks, err := c.withDefaults(ctx, create, o.Name, defaults)
			if err == nil {
				err = withoutSecrets(c.exec(ctx, statement), secret)
			}
			if err != nil {
				return "", err
			}
			note = lacks
		}
		more, err := c.giveGrants(ctx, o, r)
		return joinNotes(note, more), err
	}}, nil
}

// grantsRoles tells whether a grant that statements printed is one of roles.
func grantsRoles(grant string) bool {
	return strings.HasPrefix(grant, "GRANT `")
}

func (c *Cluster) granteeExists(ctx context.Context, o snapshot.Object) (bool, error) {
	statement, column := "SHOW ALL AUTHENTICATION", "useridentity"
	if o.Kind == snapshot.Role {
		statement, column = "SHOW ROLES", "name"
	}
	rows, err := c.query(ctx, statement)
	if err != nil {
		return false, c.withRole(err)
	}
	return slices.ContainsFunc(rows, func(r record) bool { return r[column] == o.Name }), nil
}

// giveGrants runs the grants of a user or role, and sets its properties. One that the cluster refuses, because what it is on
// is not there, is a note.
func (c *Cluster) giveGrants(ctx context.Context, o snapshot.Object, r cluster.Renaming) (string, error) {
	var notes []string
	refused := func(what string, err error) error {
		if isRejection(err) || errors.Is(err, cluster.ErrDenied) {
			notes = append(notes, fmt.Sprintf("refused: %s: %v", what, err))
			return nil
		}
		return err
	}
	if o.Kind == snapshot.User && len(o.Settings) > 0 {
		if err := c.setUserProperties(ctx, o); err != nil {
			if err := refused("its properties", err); err != nil {
				return "", err
			}
		}
	}
	for _, g := range o.Grants {
		if strings.HasPrefix(g, setsDefaultRole) {
			continue // CREATE USER has set them; a user that was there keeps its own
		}
		g, err := renamedGrant(g, r)
		if err != nil {
			return "", err
		}
		if in, grant, ok := strings.Cut(g, "; "); ok && strings.HasPrefix(g, inCatalog) {
			err = c.in(ctx, "", in, grant)
		} else {
			err = c.exec(ctx, g)
		}
		if err != nil {
			if err := refused(g, err); err != nil {
				return "", err
			}
		}
	}
	return joinNotes(notes...), nil
}

// setUserProperties prefers the statement of newer versions (ALTER USER … SET PROPERTIES, 3.3).
func (c *Cluster) setUserProperties(ctx context.Context, o snapshot.Object) error {
	user, _, _ := strings.Cut(o.Name, "'@")
	var list, old []string
	for _, k := range slices.Sorted(maps.Keys(o.Settings)) {
		list = append(list, wire.DoubleQuoted(k)+" = "+wire.DoubleQuoted(o.Settings[k]))
		old = append(old, wire.String(k)+" = "+wire.String(o.Settings[k]))
	}
	err := c.exec(ctx, "ALTER USER "+o.Name+" SET PROPERTIES ("+strings.Join(list, ", ")+")")
	if isRejection(err) {
		if c.exec(ctx, "SET PROPERTY FOR "+user+"' "+strings.Join(old, ", ")) == nil {
			return nil
		}
	}
	return err
}

// renamedGrant rewrites a grant, as statements printed it, for a database that has another name now. The name of a
// database, a table or a view is the first one in back quotes behind ON.
func renamedGrant(grant string, r cluster.Renaming) (string, error) {
	if r.From == "" { // a restore of the cluster's own objects: what has another name there are catalogs
		return renamedCatalogs(grant, r.Others)
	}
	if !changes(r) || grantsRoles(grant) || strings.HasPrefix(grant, inCatalog) {
		return grant, nil
	}
	all, err := lex(grant)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(all, func(l lexeme) bool { return l.is("ON") })
	if at < 0 || at+1 < len(all) && all[at+1].is("CATALOG", "RESOURCE", "STORAGE", "WAREHOUSE", "USER", "SYSTEM") {
		return grant, nil
	}
	for at < len(all) && all[at].kind != quotedLexeme && !all[at].is("TO") {
		at++
	}
	if at >= len(all) || all[at].kind != quotedLexeme || all[at].text != r.From {
		return grant, nil
	}
	w := &rewriter{Renaming: r}
	list := []replacement{{all[at], r.To}}
	if at+2 < len(all) && all[at+1].mark(".") {
		name := all[at+2]
		now := w.renamed(name.text)
		if f, ok := r.Others[name.text]; ok && name.kind == wordLexeme { // a function: its signature is printed as it is
			now = f
		}
		list = append(list, replacement{name, now})
	}
	err = w.put(list)
	return apply(grant, w.edits), err
}

// renamedCatalogs rewrites a grant, as statements printed it, for catalogs that have other names now.
func renamedCatalogs(grant string, names map[string]string) (string, error) {
	if len(names) == 0 {
		return grant, nil
	}
	all, err := lex(grant)
	if err != nil {
		return "", err
	}
	w := &rewriter{}
	for i := 1; i < len(all); i++ {
		if to, ok := names[all[i].text]; ok && all[i].kind == quotedLexeme && all[i-1].is("CATALOG") {
			if err := w.put([]replacement{{all[i], to}}); err != nil {
				return "", err
			}
		}
	}
	return apply(grant, w.edits), nil
}

// withRole names the role that lets read users and roles.
func (c *Cluster) withRole(err error) error {
	if errors.Is(err, cluster.ErrDenied) {
		return fmt.Errorf("%w (%s)", err, c.grantRole("user_admin"))
	}
	return err
}

// withoutSecrets removes secrets from what a server says: its message may quote the statement.
func withoutSecrets(err error, secrets ...string) error {
	var refused *wire.ServerError
	if !errors.As(err, &refused) {
		return err
	}
	var forms []string // in which a secret may be quoted
	for _, secret := range secrets {
		if secret != "" {
			single, double := wire.String(secret), wire.DoubleQuoted(secret)
			forms = append(forms, single[1:len(single)-1], double[1:len(double)-1], secret)
		}
	}
	// The longest first: of one that begins with another one the rest would stay.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	masks := make([]string, 0, 2*len(forms))
	for _, f := range forms {
		masks = append(masks, f, "******")
	}
	clean := *refused
	clean.Message = strings.NewReplacer(masks...).Replace(clean.Message)
	return explain(&clean)
}

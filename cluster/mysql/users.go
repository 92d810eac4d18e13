package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// system are accounts that come with a server.
var system = map[string]bool{
	"mysql.sys": true, "mysql.session": true, "mysql.infoschema": true, "mariadb.sys": true, "mysql": true, "PUBLIC": true,
}

// users reads users and roles with their grants; MySQL keeps roles as users. Definitions hold password hashes: they are
// secrets, and go nowhere but into Object.DDL.
func (c *Cluster) users(ctx context.Context) ([]snapshot.Object, error) {
	s, err := c.server(ctx)
	if err != nil {
		return nil, err
	}
	role := "'N'"
	if s.maria {
		role = "is_role"
	}
	rows, err := c.query(ctx, "SELECT User AS user, Host AS host, "+role+" AS role FROM mysql.user ORDER BY 3 DESC, 1, 2")
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	var all []snapshot.Object
	for _, r := range rows {
		if system[r["user"]] || r["user"] == "" && r["host"] == "" {
			continue
		}
		o := snapshot.Object{Kind: snapshot.User, Name: literal(r["user"]) + "@" + literal(r["host"])}
		if r["role"] == "Y" {
			o = snapshot.Object{Kind: snapshot.Role, Name: quoted(r["user"]), DDL: "CREATE ROLE " + quoted(r["user"])}
		} else if o.DDL, err = c.scalar(ctx, "SHOW CREATE USER "+o.Name); err != nil {
			return nil, fmt.Errorf("read %s: %w", o, err)
		}
		if o.Grants, err = c.grants(ctx, o.Name); err != nil {
			return nil, fmt.Errorf("read %s: %w", o, err)
		}
		all = append(all, o)
	}
	return rolesFirst(all)
}

// rolesFirst puts roles before the roles and users that have them: a grant of a role that is not there is refused.
func rolesFirst(all []snapshot.Object) ([]snapshot.Object, error) {
	names := make(map[string]string, len(all)) // by account
	for _, o := range all {
		name, err := accountOf(o.Name)
		if err != nil {
			return nil, err
		}
		names[name] = o.Name
	}
	uses := map[string][]string{}
	for _, o := range all {
		_, roles, err := parseGrants(o.Grants)
		if err != nil {
			return nil, fmt.Errorf("read grants of %s: %w", o, err)
		}
		for _, r := range roles {
			role, err := accountOf(r)
			if err != nil {
				return nil, err
			}
			if name, ok := names[role]; ok && name != o.Name {
				uses[o.Name] = append(uses[o.Name], name)
			}
		}
	}
	return ordered(all, uses), nil
}

// accountOf is a user or role whichever quotes it is printed in.
func accountOf(printed string) (string, error) {
	ts, err := tokens(printed)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, t := range ts {
		b.WriteString(t.name(printed))
	}
	return strings.TrimSuffix(b.String(), "@"), nil
}

// grants reads SHOW GRANTS of an account, "" being the one that is connected.
func (c *Cluster) grants(ctx context.Context, account string) ([]string, error) {
	statement := "SHOW GRANTS"
	if account != "" {
		statement += " FOR " + account
	}
	rows, err := c.query(ctx, statement)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, r := range rows {
		for _, v := range r {
			list = append(list, v)
		}
	}
	return list, nil
}

// putUser creates a user or a role that is not there, and gives it its grants. One that is there keeps its password.
func (c *Cluster) putUser(ctx context.Context, o snapshot.Object, r cluster.Renaming) (string, error) {
	_, err := c.grants(ctx, o.Name)
	there := err == nil
	if err != nil && !isNumber(err, noSuchGrant, noSuchUser) {
		return "", err
	}
	if !there {
		if err := c.exec(ctx, o.DDL); err != nil {
			return "", withoutText(err)
		}
	}
	var notes []string
	if there {
		notes = append(notes, "it exists and keeps its password; its grants are added")
	}
	for _, g := range o.Grants {
		statement, err := grantStatement(g, r)
		if err != nil {
			return "", err
		}
		if err := c.exec(ctx, statement); err != nil {
			if _, _, answered := serverError(err); !answered {
				return "", err
			}
			notes = append(notes, fmt.Sprintf("a grant is refused: %v", withoutText(err)))
		}
	}
	return joinNotes(notes...), nil
}

// grantStatement rewrites a grant for the database that is restored, and leaves the password hash off that MariaDB prints
// in the first one.
func grantStatement(grant string, r cluster.Renaming) (string, error) {
	ts, err := tokens(grant)
	if err != nil {
		return "", err
	}
	for i := range ts {
		if ts[i].is("IDENTIFIED") {
			end := i
			for end+1 < len(ts) && !ts[end+1].is("WITH") && !ts[end+1].is("REQUIRE") {
				end++
			}
			grant = splice(grant, ts[i], ts[end], "")
			break
		}
	}
	if r.From == r.To {
		return grant, nil
	}
	on := slices.IndexFunc(ts, func(t token) bool { return t.is("ON") })
	if on < 0 || on+3 >= len(ts) || !ts[on+2].is(".") || !ts[on+3].is("*") { // a table, a routine, everything or a role
		return rewrittenEverywhere(grant, r)
	}
	if name := ts[on+1].name(grant); name == r.From || name == escaped(r.From) { // it is a pattern
		return splice(grant, ts[on+1], ts[on+1], quoted(escaped(r.To))), nil
	}
	return grant, nil
}

// withoutText keeps the number of an answer and drops its text, which may quote a password hash.
func withoutText(err error) error {
	if number, _, ok := serverError(err); ok {
		if is := meanings[number]; is != nil {
			return fmt.Errorf("%w: error %d", is, number)
		}
		return fmt.Errorf("error %d: %w", number, cluster.ErrRejected)
	}
	return errors.New(strings.SplitN(err.Error(), "\n", 2)[0])
}

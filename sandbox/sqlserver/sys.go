package sqlserver

import (
	"maps"
	"slices"
	"strings"

	"github.com/dolthub/go-mysql-server/sql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

// sysSchema is the database sys (fe:catalog/system/sys).
type sysSchema struct{}

var _ sql.Database = sysSchema{}

var sysTables = map[string]systemTable{
	"object_dependencies": {"object_id# object_name object_database object_catalog object_type ref_object_id# ref_object_name ref_object_database " +
		"ref_object_catalog ref_object_type", (*session).dependencyRows},
	"grants_to_users": {privilegeColumns, (*session).grantsToUsers},
	"grants_to_roles": {privilegeColumns, (*session).grantsToRoles},
	"role_edges":      {"FROM_ROLE TO_ROLE TO_USER", (*session).roleEdges},
}

// Name implements sql.Database.
func (sysSchema) Name() string { return "sys" }

// GetTableNames implements sql.Database.
func (sysSchema) GetTableNames(*sql.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(sysTables)), nil
}

// GetTableInsensitive implements sql.Database.
func (sysSchema) GetTableInsensitive(ctx *sql.Context, name string) (sql.Table, bool, error) {
	if x := sessionOf(ctx); x != nil {
		if err := x.mayReadSystem("sys", name); err != nil {
			return nil, false, err
		}
	}
	return newSystemView("sys", sysTables, name)
}

// mayReadSystem checks SELECT on a view of sys, which root and db_admin have, and for those on users and roles user_admin
// (docs sys/grants_to_users, grants_to_roles, role_edges). Those of information_schema everybody reads.
func (x *session) mayReadSystem(database, name string) error {
	name = strings.ToLower(name)
	if !strings.EqualFold(database, "sys") || x.trusted || name != "object_dependencies" && x.system("GRANT") == nil {
		return nil
	}
	return x.server.catalog.Check(x.actor(), catalog.Need{Privilege: "SELECT", Kind: "TABLE", Database: "sys", Name: name})
}

// systemSchema is the system database of that name, nil when there is none.
func systemSchema(name string) sql.Database {
	switch strings.ToLower(name) {
	case "information_schema":
		return informationSchema{}
	case "sys":
		return sysSchema{}
	}
	return nil
}

func unknownSystemView(database, name string) error {
	return &catalog.Error{Code: 5502, State: "42602", Text: "Unknown table '" + database + "." + name + "'"}
}

// systemTableNamed finds a view of a system database, without asking for privileges.
func systemTableNamed(name dialect.ObjectName) (sql.Table, error) {
	tables := system
	if strings.EqualFold(name.Database, "sys") {
		tables = sysTables
	}
	table, _, err := newSystemView(strings.ToLower(name.Database), tables, name.Name)
	return table, err
}

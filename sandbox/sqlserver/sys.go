package sqlserver

import (
	"maps"
	"slices"
	"strings"

	"github.com/dolthub/go-mysql-server/sql"

	"starkeep/sandbox/catalog"
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
func (sysSchema) GetTableInsensitive(_ *sql.Context, name string) (sql.Table, bool, error) {
	return newSystemView("sys", sysTables, name)
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

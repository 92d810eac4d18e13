package sqlserver

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

func (x *session) show(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	if s.From.Name != "" {
		s.From = x.qualify(s.From)
	}
	switch s.What {
	case "CREATE TABLE", "CREATE VIEW", "CREATE MATERIALIZED VIEW":
		return x.showCreate(s, callback)
	case "CREATE DATABASE", "CREATE SCHEMA":
		return x.showCreateDatabase(s.From.Name, callback)
	case "PARTITIONS":
		return x.showPartitions(s, callback)
	case "TABLET":
		return x.showTablet(s, callback)
	case "TABLES", "FULL TABLES":
		return x.showTables(s, callback)
	case "DATABASES", "SCHEMAS":
		return x.showDatabases(s, callback)
	case "COLUMNS", "FULL COLUMNS", "FULL FIELDS":
		return x.showColumns(s, callback)
	case "TRANSACTION":
		return x.showTransaction(s, callback)
	case "FRONTENDS", "BACKENDS", "COMPUTE NODES":
		return x.showNodes(s.What, callback)
	case "GRANTS":
		return x.showGrants(s, callback)
	case "VARIABLES", "SESSION VARIABLES", "GLOBAL VARIABLES":
		return x.showVariables(s, callback)
	case "USERS", "USER":
		return x.showUsers(s, callback)
	case "ROLES":
		return x.showRoles(callback)
	case "AUTHENTICATION", "ALL AUTHENTICATION":
		return x.showAuthentication(s, callback)
	case "PROPERTY":
		return x.showProperty(s, callback)
	case "CATALOGS":
		return x.showCatalogs(s, callback)
	case "CREATE CATALOG":
		return x.showCreateCatalog(s.From.Name, callback)
	case "FUNCTIONS", "FULL FUNCTIONS", "GLOBAL FUNCTIONS", "FULL GLOBAL FUNCTIONS":
		return x.showFunctions(s, callback)
	case "RESOURCE GROUP", "RESOURCE GROUPS", "RESOURCE GROUPS ALL", "VERBOSE RESOURCE GROUP", "VERBOSE RESOURCE GROUPS", "VERBOSE RESOURCE GROUPS ALL":
		return x.showGroups(s, callback)
	case "STORAGE VOLUMES":
		return x.showVolumes(s, callback)
	case "PROCESSLIST", "FULL PROCESSLIST":
		return x.showProcesses(callback)
	case "MATERIALIZED VIEWS":
		return x.showMaterializedViews(s, callback)
	case "ALTER TABLE ROLLUP", "ALTER TABLE COLUMN", "ALTER TABLE OPTIMIZE", "ALTER MATERIALIZED VIEW":
		return x.showAlter(s, callback)
	case "INDEX", "KEYS":
		return x.showIndex(s, callback)
	case "PROC":
		return x.showProc(s, callback)
	}
	return rows(callback, emptyShows[s.What], nil)
}

// emptyShows are the columns of what the sandbox has none of.
var emptyShows = map[string][]string{
	"INDEX": {"Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Collation", "Cardinality", "Sub_part", "Packed", "Null", "Index_type", "Comment"},
	"KEYS":  {"Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Collation", "Cardinality", "Sub_part", "Packed", "Null", "Index_type", "Comment"},
	"TABLE STATUS": {"Name", "Engine", "Version", "Row_format", "Rows", "Avg_row_length", "Data_length", "Max_data_length", "Index_length",
		"Data_free", "Auto_increment", "Create_time", "Update_time", "Check_time", "Collation", "Checksum", "Create_options", "Comment"},
	"ENGINES":       {"Engine", "Support", "Comment", "Transactions", "XA", "Savepoints"},
	"WARNINGS":      {"Level", "Code", "Message"},
	"ERRORS":        {"Level", "Code", "Message"},
	"STATUS":        {"Variable_name", "Value"},
	"COLLATION":     {"Collation", "Charset", "Id", "Default", "Compiled", "Sortlen"},
	"CHARSET":       {"Charset", "Description", "Default collation", "Maxlen"},
	"CHARACTER SET": {"Charset", "Description", "Default collation", "Maxlen"},
	"PLUGINS":       {"Name", "Status", "Type", "Library", "License"},
	"ALL GRANTS":    {"UserIdentity", "Catalog", "Grants"},
}

// table describes a table for which the user has any privilege.
func (x *session) table(name dialect.ObjectName) (catalog.TableInfo, error) {
	info, err := x.server.catalog.Table(name)
	if err != nil {
		return info, err
	}
	return info, x.may("", name)
}

func (x *session) showCreate(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	v, isView := x.server.catalog.View(s.From)
	if isView {
		return x.showCreateView(s, v, callback)
	}
	if s.What == "CREATE MATERIALIZED VIEW" {
		if found, err := x.showCreateSynchronous(s.From, callback); found || err != nil {
			return err
		}
	}
	info, err := x.table(s.From)
	if err != nil {
		return err
	}
	if info.MV != nil {
		return x.showCreateMaterialized(s, info, callback)
	}
	if s.What != "CREATE TABLE" {
		return wrongObject(s.From, strings.TrimPrefix(s.What, "CREATE "))
	}
	ddl, err := x.server.catalog.DDL(s.From)
	if err != nil {
		return err
	}
	return rows(callback, []string{"Table", "Create Table"}, [][]any{{info.Name, ddl}})
}

func (x *session) showCreateDatabase(name string, callback mysql.ResultSpoolFn) error {
	if !catalog.IsSystem(name) {
		if _, err := x.server.catalog.DatabaseID(name); err != nil {
			return err
		}
		if err := x.mayIn("", name); err != nil {
			return err
		}
	}
	text := "CREATE DATABASE `" + name + "`"
	if volume := x.server.catalog.Volume(name); volume != "" {
		text += "\nPROPERTIES (\"storage_volume\" = \"" + volume + "\")"
	}
	return rows(callback, []string{"Database", "Create Database"}, [][]any{{name, text}})
}

func limited(cells [][]any, limit int64) [][]any {
	if limit >= 0 && int64(len(cells)) > limit {
		return cells[:limit]
	}
	return cells
}

// visible tells whether the user has any privilege on a table.
func (x *session) visible(database, table string) bool {
	return x.may("", dialect.ObjectName{Database: database, Name: table}) == nil
}

func (x *session) showTables(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	database := cmp.Or(s.From.Database, x.database)
	columns := []string{"Tables_in_" + database}
	full := s.What == "FULL TABLES"
	if full {
		columns = append(columns, "Table_type")
	}
	var cells [][]any
	add := func(name, kind string) {
		if like(s.Like, name) && (s.Where["table_type"] == "" || like(s.Where["table_type"], kind)) {
			cells = append(cells, []any{name, kind}[:len(columns)])
		}
	}
	if strings.EqualFold(database, "information_schema") {
		for _, name := range systemTables() {
			add(name, "SYSTEM VIEW")
		}
		return rows(callback, columns, cells)
	}
	if _, err := x.server.catalog.DatabaseID(database); err != nil {
		return err
	}
	for _, t := range x.server.catalog.Tables(database) {
		switch {
		case !x.visible(database, t.Name):
		case t.MV != nil:
			add(t.Name, "VIEW")
		default:
			add(t.Name, "BASE TABLE")
		}
	}
	for _, v := range x.server.catalog.Views(database) {
		if x.visible(database, v.Name) {
			add(v.Name, "VIEW")
		}
	}
	slices.SortFunc(cells, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
	return rows(callback, columns, cells)
}

// databases returns the databases that the user can see.
func (x *session) databases() []string {
	names := []string{"information_schema"}
	for _, name := range x.server.catalog.Databases() {
		if x.mayIn("", name) == nil {
			names = append(names, name)
		}
	}
	return append(names, "sys")
}

func (x *session) showDatabases(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	var cells [][]any
	for _, name := range x.databases() {
		if like(s.Like, name) {
			cells = append(cells, []any{name})
		}
	}
	return rows(callback, []string{"Database"}, cells)
}

func (x *session) showTransaction(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	database := cmp.Or(s.From.Database, x.database)
	if _, err := x.server.catalog.DatabaseID(database); err != nil {
		return err
	}
	columns := []string{"TransactionId", "Label", "Coordinator", "TransactionStatus", "LoadJobSourceType", "PrepareTime", "PreparedTime", "CommitTime",
		"PublishTime", "FinishTime", "Reason", "ErrorReplicasCount"}
	var cells [][]any
	for _, t := range x.server.catalog.Transactions(database) {
		if label := s.Where["label"]; label != "" && !like(label, t.Label) || s.Where["id"] != "" && s.Where["id"] != formatInt(t.ID) {
			continue
		}
		if status := s.Where["status"]; status != "" && !strings.EqualFold(status, string(t.State)) {
			continue
		}
		cells = append(cells, []any{t.ID, t.Label, "BE: 127.0.0.1", string(t.State), "BACKEND_STREAMING", momentCell(t.Started), nil,
			momentCell(t.Finished), momentCell(t.Finished), momentCell(t.Finished), t.Reason, 0})
	}
	if len(cells) == 0 && len(s.Where) > 0 && s.Where["id"] != "" {
		return catalog.Analyzing("transaction with id %s does not exist", s.Where["id"])
	}
	return rows(callback, columns, cells)
}

// momentCell is a time, or NULL when it is not set.
func momentCell(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

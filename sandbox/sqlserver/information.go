package sqlserver

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/go-mysql-server/sql/types"
	"github.com/dolthub/vitess/go/mysql"
	"github.com/dolthub/vitess/go/sqltypes"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

// informationSchema is the database information_schema (fe:catalog/system/information). Of MySQL's own views it has those that clients
// of StarRocks read.
type informationSchema struct{}

var _ sql.Database = informationSchema{}

// systemTable is one view: its columns, in order, and its rows as a session sees them. A column whose name ends in # is
// a number.
type systemTable struct {
	columns string
	rows    func(*session, only) []sql.Row
}

// only narrows a view to one database and one table where these are not empty, so that asking for one table of
// thousands does not describe them all.
type only struct{ database, table string }

func (o only) matches(database, table string) bool {
	return (o.database == "" || o.database == database) && (o.table == "" || o.table == table)
}

var system = map[string]systemTable{
	"schemata": {"CATALOG_NAME SCHEMA_NAME DEFAULT_CHARACTER_SET_NAME DEFAULT_COLLATION_NAME SQL_PATH", (*session).schemata},
	"tables": {"TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE VERSION# ROW_FORMAT TABLE_ROWS# AVG_ROW_LENGTH# DATA_LENGTH# MAX_DATA_LENGTH# " +
		"INDEX_LENGTH# DATA_FREE# AUTO_INCREMENT# CREATE_TIME UPDATE_TIME CHECK_TIME TABLE_COLLATION CHECKSUM# CREATE_OPTIONS TABLE_COMMENT", (*session).tableRows},
	"tables_config": {"TABLE_SCHEMA TABLE_NAME TABLE_ENGINE TABLE_MODEL PRIMARY_KEY PARTITION_KEY DISTRIBUTE_KEY DISTRIBUTE_TYPE DISTRIBUTE_BUCKET# " +
		"SORT_KEY PROPERTIES TABLE_ID#", (*session).tableConfigs},
	"columns": {"TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION# COLUMN_DEFAULT IS_NULLABLE DATA_TYPE CHARACTER_MAXIMUM_LENGTH# " +
		"CHARACTER_OCTET_LENGTH# NUMERIC_PRECISION# NUMERIC_SCALE# DATETIME_PRECISION# CHARACTER_SET_NAME COLLATION_NAME COLUMN_TYPE COLUMN_KEY EXTRA " +
		"PRIVILEGES COLUMN_COMMENT COLUMN_SIZE# DECIMAL_DIGITS# GENERATION_EXPRESSION SRS_ID#", (*session).columnRows},
	"partitions_meta": {"DB_NAME TABLE_NAME PARTITION_NAME PARTITION_ID# COMPACT_VERSION# VISIBLE_VERSION# VISIBLE_VERSION_TIME NEXT_VERSION# DATA_VERSION# " +
		"VERSION_EPOCH# VERSION_TXN_TYPE PARTITION_KEY PARTITION_VALUE DISTRIBUTION_KEY BUCKETS# REPLICATION_NUM# STORAGE_MEDIUM COOLDOWN_TIME " +
		"LAST_CONSISTENCY_CHECK_TIME IS_IN_MEMORY# IS_TEMP# DATA_SIZE# ROW_COUNT# ENABLE_DATACACHE# AVG_CS# P50_CS# MAX_CS# STORAGE_PATH STORAGE_SIZE# " +
		"TABLET_BALANCED# METADATA_SWITCH_VERSION#", (*session).partitionsMeta},
	"views": {"TABLE_CATALOG TABLE_SCHEMA TABLE_NAME VIEW_DEFINITION CHECK_OPTION IS_UPDATABLE DEFINER SECURITY_TYPE CHARACTER_SET_CLIENT COLLATION_CONNECTION",
		(*session).viewRows},
	"materialized_views": {"MATERIALIZED_VIEW_ID# TABLE_SCHEMA TABLE_NAME REFRESH_TYPE IS_ACTIVE INACTIVE_REASON PARTITION_TYPE TASK_ID# TASK_NAME " +
		"LAST_REFRESH_START_TIME LAST_REFRESH_FINISHED_TIME LAST_REFRESH_DURATION LAST_REFRESH_STATE LAST_REFRESH_FORCE_REFRESH LAST_REFRESH_START_PARTITION " +
		"LAST_REFRESH_END_PARTITION LAST_REFRESH_BASE_REFRESH_PARTITIONS LAST_REFRESH_MV_REFRESH_PARTITIONS LAST_REFRESH_ERROR_CODE LAST_REFRESH_ERROR_MESSAGE " +
		"TABLE_ROWS# MATERIALIZED_VIEW_DEFINITION EXTRA_MESSAGE QUERY_REWRITE_STATUS CREATOR LAST_REFRESH_PROCESS_TIME LAST_REFRESH_JOB_ID LAST_REFRESH_TIME",
		(*session).materializedRows},
	"tasks": {"TASK_NAME CREATE_TIME SCHEDULE CATALOG DATABASE DEFINITION EXPIRE_TIME PROPERTIES CREATOR", (*session).taskRows},
	"task_runs": {"QUERY_ID TASK_NAME CREATE_TIME FINISH_TIME STATE CATALOG WAREHOUSE DATABASE DEFINITION EXPIRE_TIME ERROR_CODE# ERROR_MESSAGE PROGRESS " +
		"EXTRA_MESSAGE PROPERTIES JOB_ID PROCESS_TIME", (*session).taskRunRows},
	"loads": {"ID# LABEL PROFILE_ID DB_NAME TABLE_NAME USER WAREHOUSE STATE PROGRESS TYPE PRIORITY SCAN_ROWS# SCAN_BYTES# FILTERED_ROWS# UNSELECTED_ROWS# " +
		"SINK_ROWS# RUNTIME_DETAILS CREATE_TIME LOAD_START_TIME LOAD_COMMIT_TIME LOAD_FINISH_TIME PROPERTIES ERROR_MSG TRACKING_SQL REJECTED_RECORD_PATH JOB_ID#",
		(*session).loadRows},
	"session_variables": {"VARIABLE_NAME VARIABLE_VALUE", (*session).variableRows},
	"global_variables":  {"VARIABLE_NAME VARIABLE_VALUE", (*session).variableRows},
	// empty here and in part in StarRocks too: partitions is a shell there (docs information_schema/partitions)
	"partitions":       {"TABLE_CATALOG TABLE_SCHEMA TABLE_NAME PARTITION_NAME SUBPARTITION_NAME PARTITION_ORDINAL_POSITION#", (*session).noRows},
	"routines":         {"SPECIFIC_NAME ROUTINE_CATALOG ROUTINE_SCHEMA ROUTINE_NAME ROUTINE_TYPE", (*session).noRows},
	"key_column_usage": {"CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION# POSITION_IN_UNIQUE_CONSTRAINT# REFERENCED_TABLE_SCHEMA REFERENCED_TABLE_NAME REFERENCED_COLUMN_NAME", (*session).noRows},
	"statistics":       {"TABLE_CATALOG TABLE_SCHEMA TABLE_NAME NON_UNIQUE# INDEX_SCHEMA INDEX_NAME SEQ_IN_INDEX# COLUMN_NAME", (*session).noRows},
	"triggers":         {"TRIGGER_CATALOG TRIGGER_SCHEMA TRIGGER_NAME EVENT_OBJECT_SCHEMA EVENT_OBJECT_TABLE", (*session).noRows},
	"engines":          {"ENGINE SUPPORT COMMENT TRANSACTIONS XA SAVEPOINTS", (*session).noRows},
}

func systemTables() []string { return slices.Sorted(maps.Keys(system)) }

// Name implements sql.Database.
func (informationSchema) Name() string { return "information_schema" }

// GetTableNames implements sql.Database.
func (informationSchema) GetTableNames(*sql.Context) ([]string, error) { return systemTables(), nil }

// GetTableInsensitive implements sql.Database.
func (informationSchema) GetTableInsensitive(_ *sql.Context, name string) (sql.Table, bool, error) {
	return newSystemView("information_schema", system, name)
}

func newSystemView(database string, tables map[string]systemTable, name string) (sql.Table, bool, error) {
	name = strings.ToLower(name)
	t, found := tables[name]
	if !found {
		return nil, false, unknownSystemView(database, name)
	}
	v := &systemView{name: name, rows: t.rows}
	for _, column := range strings.Fields(t.columns) {
		c := &sql.Column{Name: strings.TrimSuffix(column, "#"), Type: text, Nullable: true, Source: name, DatabaseSource: database}
		if strings.HasSuffix(column, "#") {
			c.Type = types.Int64
		}
		v.schema = append(v.schema, c)
	}
	return v, true, nil
}

// systemView is a view of information_schema.
type systemView struct {
	name   string
	schema sql.Schema
	rows   func(*session, only) []sql.Row
}

var _ sql.Table = (*systemView)(nil)

// Name implements sql.Table.
func (v *systemView) Name() string { return v.name }

// String implements sql.Table.
func (v *systemView) String() string { return v.name }

// Schema implements sql.Table.
func (v *systemView) Schema() sql.Schema { return v.schema }

// Collation implements sql.Table.
func (v *systemView) Collation() sql.CollationID { return sql.Collation_utf8mb4_0900_bin }

// Partitions implements sql.Table.
func (v *systemView) Partitions(*sql.Context) (sql.PartitionIter, error) {
	return sql.PartitionsToPartitionIter(whole{}), nil
}

// PartitionRows implements sql.Table.
func (v *systemView) PartitionRows(ctx *sql.Context, _ sql.Partition) (sql.RowIter, error) {
	x := sessionOf(ctx)
	if x == nil {
		return sql.RowsToRowIter(), nil
	}
	return sql.RowsToRowIter(v.rows(x, only{})...), nil
}

// scanSystem answers a plain SELECT of a view without the engine.
func (x *session) scanSystem(s *dialect.TableScan, callback mysql.ResultSpoolFn) error {
	name := x.qualify(s.Table)
	if err := x.mayReadSystem(name.Database, name.Name); err != nil {
		return err
	}
	table, err := systemTableNamed(name)
	if err != nil {
		return err
	}
	v := table.(*systemView)
	columns, err := v.pick(s)
	if err != nil {
		return err
	}
	var found []sql.Row
	for _, row := range v.rows(x, only{cmp.Or(s.Where["table_schema"], s.Where["db_name"]), s.Where["table_name"]}) {
		if v.meets(row, s.Where) {
			found = append(found, row)
		}
	}
	limit := x.limit()
	if s.Limit >= 0 {
		limit = min(limit, s.Limit)
	}
	if s.Count {
		return sendCount(callback, s.Heading, int64(len(found)), limit)
	}
	res := &result{}
	for _, c := range columns {
		res.Fields = append(res.Fields, field(v.schema[c].Name, v.schema[c].Type.Type()))
	}
	for _, row := range found[:min(limit, int64(len(found)))] {
		values := make([]sqltypes.Value, len(columns))
		for i, c := range columns {
			values[i] = cellValue(row[c])
		}
		res.Rows = append(res.Rows, values)
	}
	return callback(res, false)
}

// pick returns the indexes of the columns that a scan asks for; unknown ones, also in its condition, are errors.
func (v *systemView) pick(s *dialect.TableScan) (columns []int, err error) {
	for i := range v.schema {
		if s.All {
			columns = append(columns, i)
		}
	}
	for _, name := range s.Columns {
		at := v.schema.IndexOfColName(name)
		if at < 0 {
			return nil, catalog.Analyzing("Column '%s' cannot be resolved", name)
		}
		columns = append(columns, at)
	}
	for name := range s.Where {
		if v.schema.IndexOfColName(name) < 0 {
			return nil, catalog.Analyzing("Column '%s' cannot be resolved", name)
		}
	}
	return columns, nil
}

func (v *systemView) meets(row sql.Row, where map[string]string) bool {
	for name, wanted := range where {
		if have := cellValue(row[v.schema.IndexOfColName(name)]); have.IsNull() || have.ToString() != wanted {
			return false
		}
	}
	return true
}

// eachTable calls f for every table that the user has a privilege on.
func (x *session) eachTable(o only, f func(catalog.TableInfo)) {
	if o.database != "" && o.table != "" {
		t, err := x.server.catalog.Table(dialect.ObjectName{Database: o.database, Name: o.table})
		if err == nil && x.visible(o.database, o.table) {
			f(t)
		}
		return
	}
	for _, database := range x.server.catalog.Databases() {
		if o.database != "" && o.database != database {
			continue
		}
		for _, t := range x.server.catalog.Tables(database) {
			if o.matches(database, t.Name) && x.visible(database, t.Name) {
				f(t)
			}
		}
	}
}

func (x *session) eachView(o only, f func(catalog.View)) {
	for _, database := range x.databases() {
		for _, v := range x.server.catalog.Views(database) {
			if o.matches(database, v.Name) && x.visible(database, v.Name) {
				f(v)
			}
		}
	}
}

// moment prints a time in the session's zone, as these views do, unlike SHOW (fe:service/InformationSchemaDataSource).
func (x *session) moment(t time.Time) string { return t.In(x.location()).Format(time.DateTime) }

func (x *session) noRows(only) []sql.Row { return nil }

func (x *session) schemata(only) (list []sql.Row) {
	for _, name := range x.databases() {
		list = append(list, sql.Row{"def", name, "utf8", "utf8_general_ci", nil})
	}
	return list
}

func (x *session) tableRows(o only) (list []sql.Row) {
	x.eachTable(o, func(t catalog.TableInfo) {
		var count, size int64
		for _, p := range t.Partitions {
			count, size = count+p.Rows(), size+p.Bytes()
		}
		average := int64(0)
		if count > 0 {
			average = size / count
		}
		kind := "BASE TABLE"
		if t.MV != nil {
			kind = "VIEW"
		}
		list = append(list, sql.Row{"def", t.Database, t.Name, kind, "StarRocks", nil, "", count, average, size, nil, nil, nil, nil,
			x.moment(t.Created), nil, nil, "utf8_general_ci", nil, nil, t.Comment})
	})
	x.eachView(o, func(v catalog.View) { // materialized views are VIEW here too (docs information_schema/tables)
		list = append(list, sql.Row{"def", v.Database, v.Name, "VIEW", nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, x.moment(v.Created),
			nil, nil, "utf8_general_ci", nil, nil, v.Comment})
	})
	return list
}

// models are the names of the key models in tables_config.
var models = map[string]string{dialect.Duplicate: "DUP_KEYS", dialect.Aggregate: "AGG_KEYS", dialect.Unique: "UNQ_KEYS", dialect.Primary: "PRI_KEYS"}

func (x *session) tableConfigs(o only) (list []sql.Row) {
	x.eachTable(o, func(t catalog.TableInfo) {
		d := t.Def
		key := ""
		if d.Model == dialect.Primary || d.Model == dialect.Unique {
			key = backQuoted(d.Keys)
		}
		kind := "HASH"
		if d.Hash == nil {
			kind = "RANDOM"
		}
		properties, err := json.Marshal(d.Properties)
		if err != nil { // strings only: cannot happen
			properties = nil
		}
		sort := d.OrderBy
		if sort == nil {
			sort = d.Keys
		}
		list = append(list, sql.Row{t.Database, t.Name, x.engineOf(t.Kind()), models[d.Model], key, backQuoted(d.Partition.Columns), backQuoted(d.Hash), kind,
			int64(d.Buckets), backQuoted(sort), string(properties), t.ID})
	})
	x.eachView(o, func(v catalog.View) {
		list = append(list, sql.Row{v.Database, v.Name, "VIEW", "", "", "", "", "", nil, "", "", v.ID})
	})
	return list
}

func backQuoted(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

// columnKeys are COLUMN_KEY by model.
var columnKeys = map[string]string{dialect.Duplicate: "DUP", dialect.Aggregate: "AGG", dialect.Unique: "UNI", dialect.Primary: "PRI"}

func (x *session) columnRows(o only) (list []sql.Row) {
	x.eachTable(o, func(t catalog.TableInfo) {
		for i, c := range t.Def.Columns {
			key := ""
			if c.Key {
				key = columnKeys[t.Def.Model]
			}
			var length, precision, scale any
			switch c.Type.Name {
			case "CHAR", "VARCHAR", "VARBINARY":
				length = int64(c.Type.Length)
			case "DECIMAL":
				precision, scale = int64(c.Type.Precision), int64(c.Type.Scale)
			}
			list = append(list, sql.Row{"def", t.Database, t.Name, c.Name, int64(i + 1), defaultText(c), yesNo(c.Nullable), strings.ToLower(c.Type.Name),
				length, length, precision, scale, nil, nil, nil, c.Type.String(), key, extra(c), "", c.Comment, length, scale, "", nil})
		}
	})
	return append(list, x.viewColumnRows(o)...)
}

// viewColumnRows are the columns of the views; they have no keys.
func (x *session) viewColumnRows(o only) (list []sql.Row) {
	x.eachView(o, func(v catalog.View) {
		for i, c := range v.Columns {
			list = append(list, sql.Row{"def", v.Database, v.Name, c.Name, int64(i + 1), nil, yesNo(c.Nullable), strings.ToLower(c.Type.Name),
				nil, nil, nil, nil, nil, nil, nil, c.Type.String(), "", "", "", c.Comment, nil, nil, "", nil})
		}
	})
	return list
}

func (x *session) partitionsMeta(o only) (list []sql.Row) {
	x.eachTable(o, func(t catalog.TableInfo) {
		replicas, err := strconv.ParseInt(t.Def.Properties["replication_num"], 10, 64)
		if err != nil {
			replicas = 1
		}
		for _, p := range t.Partitions {
			temporary := int64(0)
			if p.Temporary {
				temporary = 1
			}
			list = append(list, sql.Row{t.Database, t.Name, p.Name, p.ID, p.CompactVersion(), p.Version, x.moment(p.Moved), p.Version + 1, p.DataVersion, int64(0),
				"TXN_NORMAL", strings.Join(t.Def.Partition.Columns, ", "), p.Values, distributionKey(p.Hash), int64(p.Buckets), replicas, p.Medium, farFuture,
				nil, int64(0), temporary, p.Bytes(), p.Rows(), int64(0), int64(0), int64(0), int64(0), "", p.Bytes(), int64(1), int64(0)})
		}
	})
	return list
}

func (x *session) viewRows(o only) (list []sql.Row) {
	x.eachView(o, func(v catalog.View) {
		list = append(list, sql.Row{"def", v.Database, v.Name, v.Definition(x.server.node.AnalysedText), "NONE", "NO", "", "", "utf8", "utf8_general_ci"})
	})
	return list
}

func (x *session) loadRows(only) (list []sql.Row) {
	for _, l := range x.server.catalog.Loads() {
		if !x.visible(l.Database, l.Table) {
			continue
		}
		list = append(list, sql.Row{l.ID, l.Label, "", l.Database, l.Table, l.User, "", l.State, "100%", "STREAM_LOAD", "NORMAL", l.Rows, l.Bytes, int64(0),
			int64(0), l.Rows, "{}", x.moment(l.Started), x.moment(l.Started), x.moment(l.Finished), x.moment(l.Finished), "{}", l.Error, "", "", l.ID})
	}
	return list
}

func (x *session) variableRows(only) (list []sql.Row) {
	for _, name := range slices.Sorted(maps.Keys(x.variables)) {
		list = append(list, sql.Row{name, x.variables[name]})
	}
	return list
}

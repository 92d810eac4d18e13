package sqlserver

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
	"starkeep/sandbox/streamload"
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

// showPartitions prints one row per physical partition (fe:common/proc/PartitionsProcDir). All times are UTC+8.
func (x *session) showPartitions(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	info, err := x.table(s.From)
	if err != nil {
		return err
	}
	values := "Range"
	if k := info.Def.Partition.Kind; k == dialect.List || k == dialect.ListColumns {
		values = "List"
	}
	wanted := slices.DeleteFunc(slices.Clone(info.Partitions), func(p catalog.PartitionInfo) bool {
		name := s.Where["partitionname"]
		return p.Temporary != s.Temporary || name != "" && !like(name, p.Name)
	})
	if x.server.catalog.SharedData() {
		return showLakePartitions(info, wanted, values, s.Limit, callback)
	}
	columns := []string{"PartitionId", "PartitionName", "VisibleVersion", "VisibleVersionTime", "VisibleVersionHash", "State", "PartitionKey", values,
		"DistributionKey", "Buckets", "ReplicationNum", "StorageMedium", "CooldownTime", "LastConsistencyCheckTime", "DataSize", "StorageSize",
		"IsInMemory", "RowCount", "DataVersion", "VersionEpoch", "VersionTxnType", "TabletBalanced"}
	var cells [][]any
	for _, p := range wanted {
		size := humanSize(p.Bytes())
		cells = append(cells, []any{p.ID, p.Name, p.Version, p.Moved, 0, "NORMAL", strings.Join(info.Def.Partition.Columns, ", "), p.Values,
			distributionKey(p.Hash), p.Buckets, info.Def.Properties["replication_num"], p.Medium, farFuture, nil, size, size,
			false, p.Rows(), p.Version, 0, "TXN_NORMAL", true})
	}
	return rows(callback, columns, limited(cells, s.Limit))
}

// farFuture is the cooldown time of what never cools down.
const farFuture = "9999-12-31 23:59:59"

func limited(cells [][]any, limit int64) [][]any {
	if limit >= 0 && int64(len(cells)) > limit {
		return cells[:limit]
	}
	return cells
}

func distributionKey(hash []string) string {
	if hash == nil {
		return "ALL KEY"
	}
	return strings.Join(hash, ", ")
}

// humanSize prints bytes as DebugUtil.getByteUint does.
func humanSize(n int64) string {
	units := []string{"B", "KB", "MB", "GB", "TB"}
	size, unit := float64(n), 0
	for ; size >= 1024 && unit < len(units)-1; unit++ {
		size /= 1024
	}
	if unit == 0 {
		return strconv.FormatInt(n, 10) + "B"
	}
	return strconv.FormatFloat(size, 'f', 1, 64) + units[unit]
}

// showTablet prints one row per replica; there is one replica.
func (x *session) showTablet(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	if s.TabletID != 0 {
		return x.showOneTablet(s.TabletID, callback)
	}
	info, err := x.table(s.From)
	if err != nil {
		return err
	}
	columns := []string{"TabletId", "ReplicaId", "BackendId", "SchemaHash", "Version", "VersionHash", "LstSuccessVersion", "LstSuccessVersionHash",
		"LstFailedVersion", "LstFailedVersionHash", "LstFailedTime", "DataSize", "RowCount", "State", "LstConsistencyCheckTime", "CheckVersion",
		"CheckVersionHash", "VersionCount", "PathHash", "MetaUrl", "CompactionStatus", "DiskRootPath", "IsConsistent", "Checksum"}
	for _, name := range s.Partition {
		if !slices.ContainsFunc(info.Partitions, func(p catalog.PartitionInfo) bool {
			return strings.EqualFold(p.Name, name) && p.Temporary == s.Temporary
		}) {
			return catalog.Analyzing("Unknown partition: %s", name)
		}
	}
	var offsets []int64 // of the tablets of each index, base first
	index, filtered := s.Where["indexname"]
	if !filtered || strings.EqualFold(index, info.Name) {
		offsets = append(offsets, 0)
	}
	for _, r := range info.Rollups {
		if !filtered || strings.EqualFold(index, r.Name) {
			offsets = append(offsets, r.Tablets)
		}
	}
	var wanted []catalog.PartitionInfo
	for _, p := range info.Partitions {
		if s.Partition != nil && (p.Temporary != s.Temporary || !slices.ContainsFunc(s.Partition, func(n string) bool { return strings.EqualFold(n, p.Name) })) {
			continue
		}
		base := p.Tablets
		p.Tablets = nil
		for _, offset := range offsets {
			for _, t := range base {
				t.ID += offset
				p.Tablets = append(p.Tablets, t)
			}
		}
		wanted = append(wanted, p)
	}
	if x.server.catalog.SharedData() {
		return showLakeTablets(wanted, s.Limit, callback)
	}
	var cells [][]any
	for _, p := range wanted {
		for _, t := range p.Tablets {
			cells = append(cells, []any{t.ID, t.ID + 1, catalog.BackendID, 0, p.Version, 0, p.Version, 0, -1, 0, nil, humanSize(t.Bytes), t.Rows, "NORMAL",
				nil, -1, -1, 1, 0, "", "", "", true, -1})
		}
	}
	return rows(callback, columns, limited(cells, s.Limit))
}

func (x *session) showOneTablet(id int64, callback mysql.ResultSpoolFn) error {
	columns := []string{"DbName", "TableName", "PartitionName", "IndexName", "DbId", "TableId", "PartitionId", "IndexId", "IsSync", "DetailCmd"}
	t, p, found := x.server.catalog.FindTablet(id)
	if !found {
		return rows(callback, columns, [][]any{{nil, nil, nil, nil, -1, -1, -1, -1, false, ""}})
	}
	databaseID, err := x.server.catalog.DatabaseID(t.Database)
	if err != nil {
		return err
	}
	detail := fmt.Sprintf("SHOW PROC '/dbs/%d/%d/partitions/%d/%d/%d';", databaseID, t.ID, p.ID, t.ID, id)
	return rows(callback, columns, [][]any{{t.Database, t.Name, p.Name, t.Name, databaseID, t.ID, p.ID, t.ID, true, detail}})
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

func (x *session) describe(name dialect.ObjectName, all bool, callback mysql.ResultSpoolFn) error {
	info, err := x.table(name)
	if err != nil {
		return err
	}
	if all {
		return x.describeAll(info, callback)
	}
	var cells [][]any
	for _, c := range info.Def.Columns {
		cells = append(cells, []any{c.Name, c.Type.String(), yesNo(c.Nullable), strconv.FormatBool(c.Key), defaultText(c), strings.ToUpper(extra(c))})
	}
	return rows(callback, []string{"Field", "Type", "Null", "Key", "Default", "Extra"}, cells)
}

func yesNo(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

func defaultText(c dialect.Column) any {
	switch {
	case c.Default == nil || c.Default.Null:
		return nil
	case c.Default.Now:
		return "CURRENT_TIMESTAMP"
	}
	return c.Default.Value
}

// extra is the aggregation of a value column.
func extra(c dialect.Column) string { return c.Aggregation }

func (x *session) showColumns(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	info, err := x.table(s.From)
	if err != nil {
		return err
	}
	var cells [][]any
	for _, c := range info.Def.Columns {
		if !like(s.Like, c.Name) {
			continue
		}
		key := ""
		if c.Key {
			key = "YES"
		}
		row := []any{c.Name, c.Type.String(), yesNo(c.Nullable), key, defaultText(c), extra(c)}
		if s.What != "COLUMNS" {
			row = []any{c.Name, c.Type.String(), "", yesNo(c.Nullable), key, defaultText(c), extra(c), "", c.Comment}
		}
		cells = append(cells, row)
	}
	if s.What == "COLUMNS" {
		return rows(callback, []string{"Field", "Type", "Null", "Key", "Default", "Extra"}, cells)
	}
	return rows(callback, []string{"Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"}, cells)
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

func (x *session) showNodes(what string, callback mysql.ResultSpoolFn) error {
	if err := x.system("OPERATE", "NODE"); err != nil {
		return err
	}
	n := x.server.node
	now, started := time.Now(), x.server.started
	switch what {
	case "FRONTENDS":
		host, sqlPort := split(x.server.Addr())
		_, httpPort := split(n.HTTP())
		return rows(callback, []string{"Id", "Name", "IP", "EditLogPort", "HttpPort", "QueryPort", "RpcPort", "Role", "ClusterId", "Join", "Alive",
			"ReplayedJournalId", "LastHeartbeat", "IsHelper", "ErrMsg", "StartTime", "Version"}, [][]any{{1, host + "_9010", host, 9010, httpPort, sqlPort,
			9020, "LEADER", n.ClusterID, true, true, 1, now, true, "", started, n.Version}})
	case "BACKENDS":
		host, httpPort := split(n.Backend())
		var cells [][]any
		if !x.server.catalog.SharedData() {
			cells = [][]any{{catalog.BackendID, host, 9050, 9060, httpPort, 8060, started, now, true, false, false, x.tabletCount(),
				"0.000B", "100.000GB", "100.000GB", "0.00 %", "0.00 %", "", n.Version, `{"lastSuccessReportTabletsTime":"N/A"}`, "100.000GB", "0.00 %",
				catalog.Cores, "4.000GB", 0, "0.00 %", "0.0 %", "N/A", "", "OK"}}
		}
		return rows(callback, []string{"BackendId", "IP", "HeartbeatPort", "BePort", "HttpPort", "BrpcPort", "LastStartTime", "LastHeartbeat", "Alive",
			"SystemDecommissioned", "ClusterDecommissioned", "TabletNum", "DataUsedCapacity", "AvailCapacity", "TotalCapacity", "UsedPct", "MaxDiskUsedPct",
			"ErrMsg", "Version", "Status", "DataTotalCapacity", "DataUsedPct", "CpuCores", "MemLimit", "NumRunningQueries", "MemUsedPct", "CpuUsedPct",
			"DataCacheMetrics", "Location", "StatusCode"}, cells)
	}
	return x.showComputeNodes(started, now, callback)
}

func split(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, ""
	}
	return host, port
}

func (x *session) showProcesses(callback mysql.ResultSpoolFn) error {
	x.server.mu.Lock()
	var cells [][]any
	for id, other := range x.server.sessions {
		cells = append(cells, []any{int64(id), other.conn.User, other.conn.RemoteAddr().String(), other.database, "Query"})
	}
	x.server.mu.Unlock()
	return rows(callback, []string{"Id", "User", "Host", "Db", "Command"}, cells)
}

// configuration is the part of the frontend's configuration that clients look at.
func (x *session) configuration() [][]any {
	return [][]any{
		{"label_keep_max_num", "[]", formatInt(int64(x.server.catalog.LabelKeepNum())), "int", true, ""},
		{"label_keep_max_second", "[]", strconv.Itoa(int(streamload.DefaultLabelKeepAge.Seconds())), "int", true, ""},
		{"enable_udf", "[]", strconv.FormatBool(x.server.node.EnableUDF), "boolean", false, ""},
		{"run_mode", "[]", x.runMode(), "String", false, ""},
	}
}

// setConfig knows no configuration that can be changed (fe:common/ConfigBase).
func (x *session) setConfig(s *dialect.SetConfig) error {
	if err := x.system("OPERATE"); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
		return &catalog.Error{Code: 5102, State: "F0000", Text: "Config '" + key + "' does not exist or is not mutable"}
	}
	return nil
}

func (x *session) showConfig(s *dialect.ShowConfig, callback mysql.ResultSpoolFn) error {
	if err := x.system("OPERATE"); err != nil {
		return err
	}
	var cells [][]any
	for _, row := range x.configuration() {
		if like(s.Like, row[0].(string)) {
			cells = append(cells, row)
		}
	}
	return rows(callback, []string{"Key", "AliasNames", "Value", "Type", "IsMutable", "Comment"}, cells)
}

package sqlserver

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"
	"github.com/dolthub/vitess/go/sqltypes"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

// createSynchronous adds a synchronous materialized view to its table. It is built by a job; the statement returns before.
func (x *session) createSynchronous(s *dialect.CreateMaterializedView) error {
	items, base, err := dialect.SelectList(s.Query)
	if err != nil {
		return err
	}
	base = x.qualify(base)
	if err := x.may("ALTER", base); err != nil {
		return err
	}
	return x.server.catalog.CreateSynchronousView(s, base, items)
}

// showAlter answers SHOW ALTER TABLE ROLLUP | COLUMN | OPTIMIZE and SHOW ALTER MATERIALIZED VIEW (fe:common/proc/RollupProcDir,
// SchemaChangeProcDir, OptimizeProcDir); only rollups are built by jobs here.
func (x *session) showAlter(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	database := cmp.Or(s.From.Database, x.database)
	jobs, err := x.server.catalog.AlterJobs(database)
	if err != nil {
		return err
	}
	switch s.What {
	case "ALTER TABLE COLUMN":
		return rows(callback, strings.Fields("JobId TableName CreateTime FinishTime IndexName IndexId OriginIndexId SchemaVersion TransactionId State Msg Progress Timeout"), nil)
	case "ALTER TABLE OPTIMIZE":
		return rows(callback, strings.Fields("JobId TableName CreateTime FinishTime Operation TransactionId State Msg Progress Timeout"), nil)
	}
	var cells [][]any
	for _, j := range jobs {
		if t := s.Where["tablename"]; t != "" && !like(t, j.Table) || s.Where["state"] != "" && !strings.EqualFold(s.Where["state"], j.State) {
			continue
		}
		cells = append(cells, []any{j.ID, j.Table, j.Created, momentCell(j.Finished), j.Table, j.Rollup, j.RollupID, 0, j.State, "", nil, 86400})
	}
	return rows(callback, strings.Fields("JobId TableName CreateTime FinishedTime BaseIndexName RollupIndexName RollupId TransactionId State Msg Progress Timeout"), limited(cells, s.Limit))
}

// keysTypes are the names of the models (fe:sql/ast/KeysType).
var keysTypes = map[string]string{dialect.Duplicate: "DUP_KEYS", dialect.Aggregate: "AGG_KEYS", dialect.Unique: "UNQ_KEYS", dialect.Primary: "PRI_KEYS"}

// describeAll is DESC t ALL: every index, an empty row between them (fe:sql/analyzer/ShowStmtAnalyzer.visitDescTableStmt).
func (x *session) describeAll(info catalog.TableInfo, callback mysql.ResultSpoolFn) error {
	bloom := strings.Split(info.Def.Properties["bloom_filter_columns"], ", ")
	var cells [][]any
	add := func(name, model string, columns []dialect.Column) {
		if len(cells) > 0 {
			cells = append(cells, []any{"", "", "", "", "", "", "", ""})
		}
		for i, c := range columns {
			row := []any{"", "", c.Name, canonicalName(c.Type), yesNo(c.Nullable), strconv.FormatBool(c.Key), defaultText(c), extras(c, model, bloom)}
			if i == 0 {
				row[0], row[1] = name, keysTypes[model]
			}
			cells = append(cells, row)
		}
	}
	add(info.Name, info.Def.Model, info.Def.Columns)
	for _, r := range info.Rollups {
		add(r.Name, r.Model, r.Columns)
	}
	return rows(callback, strings.Fields("IndexName IndexKeysType Field Type Null Key Default Extra"), cells)
}

// canonicalName is the type as DESC prints it: integers without their widths (fe-type Type.canonicalName).
func canonicalName(t dialect.Type) string {
	if t.Integer() {
		return strings.ToLower(t.Name)
	}
	return t.String()
}

// extras are the aggregation, which is NONE or REPLACE where the model implies it, and the bloom filter.
func extras(c dialect.Column, model string, bloom []string) string {
	var list []string
	switch {
	case c.Key || model == dialect.Primary:
	case c.Aggregation != "":
		list = append(list, c.Aggregation)
	case model == dialect.Unique:
		list = append(list, "REPLACE")
	default:
		list = append(list, "NONE")
	}
	if slices.Contains(bloom, c.Name) {
		list = append(list, "BLOOM_FILTER")
	}
	return strings.Join(list, ",")
}

// synchronousCells are the rows of SHOW MATERIALIZED VIEWS and information_schema.materialized_views for the rollups of a table:
// all of them are listed, also those that ALTER TABLE made (fe:qe/ShowMaterializedViewStatus.of).
func (x *session) synchronousCells(t catalog.TableInfo) (list [][]any) {
	partition := "UNPARTITIONED"
	switch t.Def.Partition.Kind {
	case dialect.Range:
		partition = "RANGE"
	case dialect.RangeExpression:
		partition = "EXPR_RANGE"
	case dialect.List, dialect.ListColumns:
		partition = "LIST"
	}
	for _, r := range t.Rollups {
		text := strings.Join(strings.Fields(r.Text), " ")
		if text == "" {
			text = rollupText(t, r)
		}
		var count int64
		if len(t.Partitions) == 1 {
			count = t.Partitions[0].Rows()
		}
		list = append(list, []any{r.ID, t.Database, r.Name, "ROLLUP", "true", "", partition, int64(0), "", nil, nil, "0.000", "", "false", "", "", "", "", "", "",
			count, text, "", "", "", nil, "", nil})
	}
	return list
}

// rollupText is the statement that the server makes up for a rollup (fe:qe/ShowMaterializedViewStatus.buildCreateMVSql).
func rollupText(t catalog.TableInfo, r catalog.RollupInfo) string {
	var keys, items []string
	for _, c := range r.Columns {
		if c.Key {
			keys = append(keys, c.Name)
			continue
		}
		aggregation := extras(c, r.Model, nil)
		items = append(items, aggregation+"("+c.Name+")")
	}
	return "create materialized view " + r.Name + " as select " + strings.Join(append(slices.Clone(keys), items...), ",") + " from " + t.Name + " group by " + strings.Join(keys, ",")
}

func (x *session) synchronousRows(o only) (list []sql.Row) {
	x.eachTable(only{database: o.database}, func(t catalog.TableInfo) {
		for _, cells := range x.synchronousCells(t) {
			if o.table == "" || o.table == cells[2] {
				list = append(list, append(sql.Row{}, cells...))
			}
		}
	})
	return list
}

// showCreateSynchronous prints a synchronous materialized view: four values under two columns, as the server does
// (fe:qe/ShowExecutor.showCreateInternalCatalogTable). It is false when there is none of that name.
func (x *session) showCreateSynchronous(name dialect.ObjectName, callback mysql.ResultSpoolFn) (bool, error) {
	for _, t := range x.server.catalog.Tables(name.Database) {
		for _, r := range t.Rollups {
			if r.Name != name.Name || !x.visible(t.Database, t.Name) {
				continue
			}
			res := &result{}
			for _, heading := range []string{"Materialized View", "Create Materialized View"} {
				res.Fields = append(res.Fields, field(heading, sqltypes.VarChar))
			}
			var row []sqltypes.Value
			for _, cell := range []string{r.Name, cmp.Or(r.Text, rollupText(t, r)), "utf8", "utf8_general_ci"} {
				row = append(row, cellValue(cell))
			}
			res.Rows = append(res.Rows, row)
			return true, callback(res, false)
		}
	}
	return false, nil
}

// showIndex prints secondary indexes (fe:qe/ShowExecutor.visitShowIndexStatement).
func (x *session) showIndex(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	info, err := x.table(s.From)
	if err != nil {
		return err
	}
	var cells [][]any
	for _, i := range info.Def.Indexes {
		for _, c := range i.Columns {
			cells = append(cells, []any{info.Name, "", i.Name, "", c, "", "", "", "", "", i.Kind, i.Comment})
		}
	}
	return rows(callback, emptyShows["INDEX"], cells)
}

// showProc answers SHOW PROC '/colocation_group' (fe:common/proc/ColocationGroupProcDir).
func (x *session) showProc(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	if err := x.system("OPERATE"); err != nil {
		return err
	}
	if strings.Trim(s.From.Name, "/") != "colocation_group" {
		return catalog.Analyzing("Proc path '%s' doesn't exist", s.From.Name)
	}
	var cells [][]any
	for _, g := range x.server.catalog.Colocation() {
		cells = append(cells, []any{g.ID, g.Name, strings.Join(g.TableIDs, ", "), strings.Join(g.Tables, ", "), g.Buckets, g.Replicas, g.DistTypes, true})
	}
	return rows(callback, strings.Fields("GroupId GroupName TableIds TableNames BucketsNum ReplicationNum DistCols IsStable"), cells)
}

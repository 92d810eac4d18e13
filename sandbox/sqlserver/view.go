package sqlserver

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

// nested runs f as a part of the running statement, without its hints and limits; trusted without privileges of the
// user's own, as for what is under a view with SECURITY NONE.
func (x *session) nested(trusted bool, f func() error) error {
	hints, pinned, limit, was, database := x.hints, x.pinned, x.variables["sql_select_limit"], x.trusted, x.database
	x.hints, x.pinned, x.trusted = nil, nil, was || trusted
	delete(x.variables, "sql_select_limit")
	defer func() {
		x.hints, x.pinned, x.trusted, x.database = hints, pinned, was, database
		x.variables["sql_select_limit"] = limit
	}()
	return f()
}

// read returns the rows of a table, a materialized view or a view that the user may select from.
func (x *session) read(ctx context.Context, name dialect.ObjectName, h dialect.Hint) (*catalog.Scan, error) {
	if err := x.may("SELECT", name); err != nil {
		return nil, err
	}
	v, isView := x.server.catalog.View(name)
	if !isView {
		return x.server.catalog.Scan(name, h)
	}
	var scan *catalog.Scan
	err := x.nested(!v.Invoker, func() error {
		x.database = v.Database // of functions that are named without one
		computed, err := x.compute(ctx, v.Analysed)
		if err == nil {
			scan, err = catalog.Computed(v.Columns, computed.rows)
		}
		return err
	})
	return scan, err
}

// analyse resolves the names of a view's query, as they are for the session now, and finds the types of its columns.
func (x *session) analyse(ctx context.Context, query, database string, list []dialect.ViewColumn) (*dialect.Definition, []dialect.Column, error) {
	d, err := dialect.Resolve(query, database, func(name dialect.ObjectName) ([]dialect.Column, error) {
		if _, err := x.server.catalog.DatabaseID(name.Database); err != nil && !catalog.IsSystem(name.Database) {
			return nil, err
		}
		if x.server.catalog.Kind(name) == "" {
			return nil, &catalog.Error{Code: 5502, State: "42602", Text: "Unknown table '" + name.Database + "." + name.Name + "'"}
		}
		if err := x.may("SELECT", name); err != nil {
			return nil, err
		}
		return x.server.catalog.Columns(name)
	})
	if err != nil {
		return nil, nil, err
	}
	var types []dialect.Type
	if err := x.nested(false, func() error {
		types, err = x.types(ctx, d.Text)
		return err
	}); err != nil {
		return nil, nil, err
	}
	columns := make([]dialect.Column, len(d.Columns))
	if list != nil && len(list) != len(columns) {
		return nil, nil, &catalog.Error{Code: 1353, State: "HY000", Text: "View's SELECT and view's field list have different column counts"}
	}
	for i, o := range d.Columns {
		columns[i] = outputColumn(o, types, i)
		if list != nil {
			columns[i].Name, columns[i].Comment = list[i].Name, list[i].Comment
		}
		if slices.ContainsFunc(columns[:i], func(c dialect.Column) bool { return strings.EqualFold(c.Name, columns[i].Name) }) {
			return nil, nil, catalog.Analyzing("Duplicate column name '%s'", columns[i].Name)
		}
	}
	return d, columns, nil
}

// types returns the types of the columns of a query, without running it.
func (x *session) types(ctx context.Context, query string) (types []dialect.Type, err error) {
	statement, err := dialect.Parse(query)
	if err != nil {
		return nil, err
	}
	if s, isSelect := statement.(*dialect.Select); isSelect && s.Query != nil {
		p, err := x.project(ctx, s.Query)
		if err == nil {
			for _, e := range p.items {
				types = append(types, e.Type)
			}
			return types, nil
		}
		if err, unknown := compileError(err); !unknown {
			return nil, err
		}
	}
	schema, err := x.schema(ctx, query)
	if err != nil {
		return nil, err
	}
	for _, c := range schema {
		types = append(types, typeOf(c.Type))
	}
	return types, nil
}

// schema returns the columns of a query as the engine sees them, without running it.
func (x *session) schema(ctx context.Context, query string) (sql.Schema, error) {
	sc, schema, iter, err := x.query(ctx, query)
	if err != nil {
		return nil, messageOf(err)
	}
	_, _ = iter.Next(sc) // only begins: the engine cannot close an aggregation that has not begun; its rows do not matter here
	return schema, iter.Close(sc)
}

// outputColumn is a column of a view: like the column that it is, or of the type that its expression has.
func outputColumn(o dialect.Output, types []dialect.Type, at int) dialect.Column {
	c := dialect.Column{Name: o.Name, Nullable: true}
	switch {
	case o.Column != nil:
		c.Type, c.Nullable = o.Column.Type, o.Column.Nullable
	case o.Call == "count":
		c.Type, c.Nullable = dialect.Type{Name: "BIGINT"}, false
	case o.Argument != nil && keepsType[o.Call]:
		c.Type = o.Argument.Type
	case o.Argument != nil && o.Call == "sum":
		c.Type = sumType(o.Argument.Type)
	case at < len(types) && types[at].Name != "NULL":
		if c.Type = types[at]; c.Type.Name == "VARCHAR" && c.Type.Length == 0 { // of any length (fe:sql/analyzer/AnalyzerUtils.transformTableColumnType)
			c.Type.Length = dialect.MaxVarchar
		}
	default:
		c.Type = dialect.Type{Name: "VARCHAR", Length: dialect.MaxVarchar}
	}
	return c
}

// keepsType are aggregates whose result has the type of their argument; the engine would give another one.
var keepsType = map[string]bool{"min": true, "max": true, "any_value": true, "bitmap_union": true, "hll_union": true, "hll_raw_agg": true, "percentile_union": true}

// sumType is the type of the sum of a column (docs sql-functions/aggregate-functions/sum): of integers BIGINT, of decimals
// DECIMAL(38, scale).
func sumType(t dialect.Type) dialect.Type {
	switch {
	case t.Name == "LARGEINT":
		return t
	case t.Integer(), t.Name == "BOOLEAN":
		return dialect.Type{Name: "BIGINT"}
	case t.Name == "DECIMAL":
		return dialect.Type{Name: "DECIMAL", Precision: 38, Scale: t.Scale}
	}
	return dialect.Type{Name: "DOUBLE"}
}

// typeOf is the column type that holds values of a type of the engine.
func typeOf(t sql.Type) dialect.Type {
	names := map[string]string{"INT8": "TINYINT", "UINT8": "SMALLINT", "INT16": "SMALLINT", "UINT16": "INT", "INT24": "INT", "INT32": "INT",
		"UINT32": "BIGINT", "INT64": "BIGINT", "UINT64": "LARGEINT", "FLOAT32": "FLOAT", "FLOAT64": "DOUBLE", "DATE": "DATE", "DATETIME": "DATETIME",
		"TIMESTAMP": "DATETIME", "JSON": "JSON", "BLOB": "VARBINARY", "VARBINARY": "VARBINARY", "BINARY": "VARBINARY"}
	if d, ok := t.(sql.DecimalType); ok {
		return dialect.Type{Name: "DECIMAL", Precision: min(38, int(d.Precision())), Scale: int(d.Scale())}
	}
	if name := names[t.Type().String()]; name != "" {
		return dialect.Type{Name: name}
	}
	return dialect.Type{Name: "VARCHAR", Length: dialect.MaxVarchar}
}

func (x *session) createView(ctx context.Context, s *dialect.CreateView) error {
	s.Name = x.qualify(s.Name)
	if err := x.known(s.Name.Database, "CREATE VIEW"); err != nil {
		return err
	}
	v, err := x.newView(ctx, s.Name, s.Query, s.Columns)
	if err != nil {
		return err
	}
	v.Comment, v.Invoker = s.Comment, s.Invoker
	return x.server.catalog.CreateView(v, s.IfNotExists, s.Replace)
}

func (x *session) newView(ctx context.Context, name dialect.ObjectName, query string, list []dialect.ViewColumn) (catalog.View, error) {
	d, columns, err := x.analyse(ctx, query, x.database, list)
	if err != nil {
		return catalog.View{}, err
	}
	return catalog.View{Database: name.Database, Name: name.Name, Columns: columns, Original: query, Analysed: d.Text,
		Bases: x.server.catalog.Bases(d.Tables)}, nil
}

func (x *session) alterView(ctx context.Context, s *dialect.AlterView) error {
	s.Name = x.qualify(s.Name)
	if err := x.may("ALTER", s.Name); err != nil {
		return err
	}
	if s.Query == "" {
		return x.server.catalog.SetViewSecurity(s.Name, s.Invoker)
	}
	v, err := x.newView(ctx, s.Name, s.Query, s.Columns)
	if err != nil {
		return err
	}
	return x.server.catalog.AlterView(v)
}

func (x *session) dropView(s *dialect.DropView) error {
	s.Name = x.qualify(s.Name)
	if err := x.may("DROP", s.Name); err != nil {
		return err
	}
	if s.Materialized {
		if found, err := x.server.catalog.DropSynchronousView(s.Name); found || err != nil {
			return err
		}
		return x.server.catalog.DropMaterializedView(s.Name, s.IfExists)
	}
	return x.server.catalog.DropView(s.Name, s.IfExists)
}

var viewHeadings = []string{"View", "Create View", "character_set_client", "collation_connection"}

// showCreateView answers SHOW CREATE TABLE and VIEW of a view, and everything of a materialized view
// (fe:qe/ShowExecutor.showCreateInternalCatalogTable).
func (x *session) showCreateView(s *dialect.Show, v catalog.View, callback mysql.ResultSpoolFn) error {
	if err := x.may("", s.From); err != nil {
		return err
	}
	if s.What == "CREATE MATERIALIZED VIEW" {
		return wrongObject(s.From, "MATERIALIZED VIEW")
	}
	return rows(callback, viewHeadings, [][]any{{v.Name, v.DDL(x.server.node.AnalysedText), "utf8", "utf8_general_ci"}})
}

func (x *session) showCreateMaterialized(s *dialect.Show, t catalog.TableInfo, callback mysql.ResultSpoolFn) error {
	if s.What == "CREATE VIEW" { // the one statement that shows the analysed text
		return rows(callback, viewHeadings, [][]any{{t.Name, "CREATE VIEW `" + t.Name + "` AS " + t.MV.Analysed, "utf8", "utf8_general_ci"}})
	}
	return rows(callback, []string{"Materialized View", "Create Materialized View"}, [][]any{{t.Name, t.MaterializedDDL(x.server.node.AnalysedText)}})
}

func wrongObject(name dialect.ObjectName, wanted string) error {
	return &catalog.Error{Code: 1347, State: "HY000", Text: "'" + name.Database + "'.'" + name.Name + "' is not '" + wanted + "'"}
}

// queryDump answers of a query over one view what a dump tells of it: its analysed text (fe:sql/optimizer/dump/QueryDumper,
// QueryDumpSerializer; the texts of its errors are in test/sql test_get_query_dump).
func (x *session) queryDump(s *dialect.QueryDump, callback mysql.ResultSpoolFn) error {
	if s.Query == "" {
		return catalog.Analyzing("Invalid parameter get_query_dump: query is empty")
	}
	inner, err := dialect.Parse(s.Query)
	query, ok := inner.(*dialect.Select)
	if err != nil || !ok || query.Scan == nil {
		return catalog.Analyzing("Invalid parameter get_query_dump: execute query failed. %v", err)
	}
	name := x.qualify(query.Scan.Table)
	if err := x.may("SELECT", name); err != nil {
		return catalog.Analyzing("Invalid parameter get_query_dump: execute query failed. %v", err)
	}
	dump := map[string]any{"statement": s.Query, "table_meta": map[string]string{}}
	if v, ok := x.server.catalog.View(name); ok {
		dump["view_meta"] = map[string]string{v.Database + "." + v.Name: v.Analysed}
	}
	text, err := json.Marshal(dump)
	if err != nil {
		return err
	}
	return rows(callback, []string{s.Heading}, [][]any{{string(text)}})
}

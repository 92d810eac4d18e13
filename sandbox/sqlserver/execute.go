package sqlserver

import (
	"cmp"
	"context"
	"strings"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

// may checks a privilege on a table, a view or a materialized view; on a name that nothing has, as on a table.
func (x *session) may(privilege string, name dialect.ObjectName) error {
	if x.trusted {
		return nil
	}
	kind := cmp.Or(x.server.catalog.Kind(name), "TABLE")
	return x.server.catalog.Check(x.actor(), catalog.Need{Privilege: privilege, Kind: kind, Database: name.Database, Name: name.Name})
}

func (x *session) mayIn(privilege, database string) error {
	return x.server.catalog.Check(x.actor(), catalog.Need{Privilege: privilege, Kind: "DATABASE", Database: database})
}

// execute runs one statement.
func (x *session) execute(ctx context.Context, query string, callback mysql.ResultSpoolFn) error {
	statement, err := dialect.Parse(query)
	if err != nil {
		return err
	}
	switch s := statement.(type) {
	case nil:
		return x.passOn(ctx, query, callback)
	case *dialect.Select:
		return x.selectRows(ctx, s, callback)
	case *dialect.Insert:
		return x.insert(ctx, s, callback)
	case *dialect.Delete:
		return x.delete(ctx, s, callback)
	case *dialect.Update:
		return x.update(ctx, s, callback)
	case *dialect.Show:
		return x.show(s, callback)
	case *dialect.Describe:
		return x.describe(x.qualify(s.Name), s.All, callback)
	case *dialect.DescribeVolume:
		return x.describeVolume(s.Name, callback)
	case *dialect.ShowConfig:
		return x.showConfig(s, callback)
	case *dialect.CurrentVersion:
		return rows(callback, []string{"CURRENT_VERSION()"}, [][]any{{x.server.node.Version}})
	case *dialect.CurrentRole:
		roles := cmp.Or(strings.Join(x.actor().Roles, ", "), "NONE") // fe:sql/analyzer/ExpressionAnalyzer
		return rows(callback, []string{s.Heading}, [][]any{{roles}})
	case *dialect.QueryDump:
		return x.queryDump(s, callback)
	case *dialect.SelectVariables:
		return x.selectVariables(s, callback)
	case *dialect.SetVariables:
		err = x.setVariables(s)
	case *dialect.Sync:
	case *dialect.SetCatalog:
		err = x.setCatalog(s.Name)
	case *dialect.SetConfig:
		err = x.setConfig(s)
	case *dialect.CreateUser, *dialect.AlterUser, *dialect.DropUser, *dialect.CreateRole, *dialect.AlterRole, *dialect.DropRole,
		*dialect.GrantRoles, *dialect.Grant, *dialect.SetRole, *dialect.SetDefaultRole, *dialect.ExecuteAs:
		err = x.govern(statement)
	case *dialect.RefreshMaterializedView:
		return x.refreshMaterialized(s, callback)
	case *dialect.Use:
		err = x.use(s.Database)
	case *dialect.Kill:
		err = x.server.kill(s.Connection)
	default:
		err = x.define(ctx, statement)
	}
	if err != nil {
		return err
	}
	return ok(callback, 0)
}

// define runs the statements that change definitions.
func (x *session) define(ctx context.Context, statement dialect.Statement) error {
	c := x.server.catalog
	switch s := statement.(type) {
	case *dialect.CreateDatabase:
		need := catalog.Need{Privilege: "CREATE DATABASE", Kind: "CATALOG", Name: "default_catalog"}
		if err := c.Check(x.actor(), need); err != nil {
			return err
		}
		return c.CreateDatabase(s.Name, s.IfNotExists, s.Properties)
	case *dialect.DropDatabase:
		if err := x.mayIn("DROP", s.Name); err != nil {
			return err
		}
		return c.DropDatabase(s.Name, s.IfExists)
	case *dialect.CreateTable:
		s.Name = x.qualify(s.Name)
		if err := x.known(s.Name.Database, "CREATE TABLE"); err != nil {
			return err
		}
		return c.CreateTable(s)
	case *dialect.DropTable:
		s.Name = x.qualify(s.Name)
		if err := x.may("DROP", s.Name); err != nil {
			return err
		}
		return c.DropTable(s.Name, s.IfExists)
	case *dialect.Truncate:
		s.Name = x.qualify(s.Name)
		if err := x.may("DELETE", s.Name); err != nil {
			return err
		}
		return c.Truncate(s.Name, s.Partitions)
	case *dialect.AlterTable:
		s.Name = x.qualify(s.Name)
		if err := x.may("ALTER", s.Name); err != nil {
			return err
		}
		return c.Alter(s)
	case *dialect.CreateView:
		return x.createView(ctx, s)
	case *dialect.AlterView:
		return x.alterView(ctx, s)
	case *dialect.CreateMaterializedView:
		return x.createMaterialized(ctx, s)
	case *dialect.AlterMaterializedView:
		return x.alterMaterialized(ctx, s)
	case *dialect.DropView:
		return x.dropView(s)
	case *dialect.CreateFunction:
		return x.createFunction(ctx, s)
	case *dialect.DropFunction:
		return x.dropFunction(s)
	case *dialect.CreateCatalog:
		return x.createCatalog(s)
	case *dialect.AlterCatalog:
		return x.alterCatalog(s)
	case *dialect.DropCatalog:
		return x.dropCatalog(s)
	case *dialect.CreateGroup:
		return x.createGroup(s)
	case *dialect.AlterGroup:
		return x.alterGroup(s)
	case *dialect.DropGroup:
		return x.dropGroup(s)
	case *dialect.CancelRefresh: // refreshes are over soon: there is none to be cancelled
		s.Name = x.qualify(s.Name)
		return x.may("REFRESH", s.Name)
	}
	return catalog.Analyzing("the sandbox does not know this statement")
}

// known fails when a database does not exist, and then when the privilege in it is missing.
func (x *session) known(database, privilege string) error {
	if _, err := x.server.catalog.DatabaseID(database); err != nil {
		return err
	}
	return x.mayIn(privilege, database)
}

// passOn leaves a statement to the engine.
func (x *session) passOn(ctx context.Context, query string, callback mysql.ResultSpoolFn) error {
	if strings.TrimSpace(query) == "" {
		return ok(callback, 0)
	}
	sc, schema, iter, err := x.query(ctx, query)
	if err != nil {
		return messageOf(err)
	}
	return sendIter(sc, callback, schema, iter, x.limit())
}

func (x *session) selectRows(ctx context.Context, s *dialect.Select, callback mysql.ResultSpoolFn) error {
	if s.Scan != nil {
		if systemSchema(x.qualify(s.Scan.Table).Database) != nil {
			return x.scanSystem(s.Scan, callback)
		}
		return x.scan(ctx, s.Scan, callback)
	}
	if s.Query != nil {
		p, err := x.project(ctx, s.Query)
		if err == nil {
			return x.sendProjection(p, callback)
		}
		if err, unknown := compileError(err); !unknown {
			return err
		}
	}
	x.hints = s.Hints
	defer func() { x.hints = nil }()
	return x.passOn(ctx, s.SQL, callback)
}

// scan answers the plain SELECT that backups live on.
func (x *session) scan(ctx context.Context, s *dialect.TableScan, callback mysql.ResultSpoolFn) error {
	scan, err := x.read(ctx, x.qualify(s.Table), s.Hint)
	if err != nil {
		return err
	}
	limit := x.limit()
	if s.Limit >= 0 {
		limit = min(limit, s.Limit)
	}
	if s.Count {
		return sendCount(callback, s.Heading, scan.Count(), limit)
	}
	var columns []int
	if s.All {
		for i := range scan.Columns {
			columns = append(columns, i)
		}
	}
	for _, name := range s.Columns {
		at := indexOf(scan.Columns, name)
		if at < 0 {
			return catalog.Analyzing("Column '%s' cannot be resolved", name)
		}
		columns = append(columns, at)
	}
	return sendScan(callback, scan, columns, limit, x.binaryEncoding())
}

func indexOf(columns []dialect.Column, name string) int {
	for i, c := range columns {
		if strings.EqualFold(c.Name, name) {
			return i
		}
	}
	return -1
}

// compute runs a query and returns its rows. Hints in it are obeyed. What the engine computed has texts for values.
func (x *session) compute(ctx context.Context, query string) (computed, error) {
	statement, err := dialect.Parse(query)
	if err != nil {
		return computed{}, err
	}
	if s, isSelect := statement.(*dialect.Select); isSelect {
		switch {
		case s.Query != nil:
			c, err := x.collect(ctx, s.Query)
			if err, unknown := compileError(err); !unknown {
				return c, err
			}
		case s.Scan != nil:
			return x.computeScan(ctx, s)
		}
		x.hints, query = s.Hints, s.SQL
		defer func() { x.hints = nil }()
	}
	sc, schema, iter, err := x.query(ctx, query)
	if err != nil {
		return computed{}, messageOf(err)
	}
	rows, err := sql.RowIterToRows(sc, iter)
	if err != nil {
		return computed{}, messageOf(err)
	}
	texts := make([][][]byte, len(rows))
	for i, row := range rows {
		texts[i] = make([][]byte, len(row))
		for j, v := range row {
			if texts[i][j], err = encode(sc, schema[j].Type, v); err != nil {
				return computed{}, err
			}
		}
	}
	return computed{rows: texts}, nil
}

// computeScan reads a plain SELECT past the engine, so that every byte survives.
func (x *session) computeScan(ctx context.Context, s *dialect.Select) (c computed, err error) {
	err = x.selectRows(ctx, s, func(res *result, _ bool) error {
		for _, row := range res.Rows {
			text := make([][]byte, len(row))
			for i, v := range row {
				if !v.IsNull() {
					text[i] = append([]byte{}, v.Raw()...)
				}
			}
			c.rows = append(c.rows, text)
		}
		return nil
	})
	return c, err
}

// kill cuts a connection.
func (s *Server) kill(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, found := s.sessions[uint32(id)]
	if !found {
		return &catalog.Error{Code: 1094, State: "HY000", Text: "Unknown thread id: " + formatInt(id)}
	}
	x.conn.Close()
	return nil
}

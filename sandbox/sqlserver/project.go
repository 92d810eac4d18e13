package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dolthub/vitess/go/mysql"
	"github.com/dolthub/vitess/go/sqltypes"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
	"starkeep/sandbox/expression"
	"starkeep/sandbox/value"
)

// projection is a query over one table whose expressions are computed here, with the types of StarRocks, past the engine
// that does not know most of them.
type projection struct {
	headings []string
	items    []*expression.Expression
	where    *expression.Expression // nil: all rows
	order    []orderKey
	limit    int64
	scan     *catalog.Scan // nil: one row without columns
	width    int           // columns of the table
}

type orderKey struct {
	expr       *expression.Expression
	descending bool
}

// project prepares a query; an *expression.UnknownError says that the engine has to run it.
func (x *session) project(ctx context.Context, q *dialect.Query) (*projection, error) {
	p := &projection{limit: x.limit()}
	if q.Limit >= 0 {
		p.limit = min(p.limit, q.Limit)
	}
	var columns []expression.Column
	if q.Table.Name != "" {
		name := x.qualify(q.Table)
		if systemSchema(name.Database) != nil {
			return nil, &expression.UnknownError{What: "table"}
		}
		var err error
		if p.scan = x.pinned; p.scan == nil {
			if p.scan, err = x.read(ctx, name, q.Hint); err != nil {
				return nil, err
			}
		}
		for _, c := range p.scan.Columns {
			columns = append(columns, expression.Column{Name: c.Name, Type: c.Type})
		}
	}
	p.width = len(columns)
	return p, p.compile(q, columns)
}

func (p *projection) compile(q *dialect.Query, columns []expression.Column) error {
	for _, item := range q.Items {
		if !item.All {
			e, err := expression.Compile(item.Expr, columns)
			if err != nil {
				return err
			}
			p.headings, p.items = append(p.headings, item.Heading), append(p.items, e)
			continue
		}
		for _, c := range columns {
			e, err := expression.Compile(&dialect.Expr{Kind: dialect.ColumnExpr, Text: c.Name}, columns)
			if err != nil {
				return err
			}
			p.headings, p.items = append(p.headings, c.Name), append(p.items, e)
		}
	}
	if q.Where != nil {
		var err error
		if p.where, err = expression.To(dialect.Type{Name: "BOOLEAN"}, q.Where, columns); err != nil {
			return err
		}
	}
	for _, o := range q.Order {
		e, err := p.orderExpression(o.Expr, columns)
		if err != nil {
			return err
		}
		p.order = append(p.order, orderKey{e, o.Descending})
	}
	return nil
}

// orderExpression is a result's heading or number, or an expression over the table.
func (p *projection) orderExpression(e *dialect.Expr, columns []expression.Column) (*expression.Expression, error) {
	if e.Kind == dialect.ColumnExpr && e.Path == nil {
		for i, h := range p.headings {
			if strings.EqualFold(h, e.Text) {
				return p.items[i], nil
			}
		}
	}
	if e.Kind == dialect.NumberExpr {
		var n int
		if _, err := fmt.Sscan(e.Text, &n); err == nil && n > 0 && n <= len(p.items) {
			return p.items[n-1], nil
		}
	}
	return expression.Compile(e, columns)
}

// rows calls yield with the values of every result row, in their stored form, until it returns an error. They are valid
// until the next call.
func (p *projection) rows(yield func(values [][]byte) error) error {
	if p.order != nil {
		return p.sorted(yield)
	}
	sent := int64(0)
	out := make([][]byte, len(p.items))
	return p.matching(func(row [][]byte) (bool, error) {
		if sent++; sent > p.limit {
			return false, nil
		}
		for i, e := range p.items {
			out[i] = e.Eval(row)
		}
		return true, yield(out)
	})
}

// matching calls yield with the rows of the table that meet the condition.
func (p *projection) matching(yield func(row [][]byte) (more bool, err error)) error {
	if p.scan == nil {
		_, err := yield(nil)
		return err
	}
	row := make([][]byte, p.width)
	for r := range p.scan.Rows() {
		r.Values(row)
		if p.where != nil && string(p.where.Eval(row)) != "1" {
			continue
		}
		if more, err := yield(row); !more || err != nil {
			return err
		}
	}
	return nil
}

// sorted orders the rows: NULL comes first (docs ORDER BY).
func (p *projection) sorted(yield func(values [][]byte) error) error {
	type result struct{ keys, values [][]byte }
	var all []result
	keep := func(expressions []*expression.Expression, row [][]byte) [][]byte {
		kept := make([][]byte, len(expressions))
		for i, e := range expressions {
			if v := e.Eval(row); v != nil {
				kept[i] = append([]byte{}, v...)
			}
		}
		return kept
	}
	keys := make([]*expression.Expression, len(p.order))
	for i, o := range p.order {
		keys[i] = o.expr
	}
	if err := p.matching(func(row [][]byte) (bool, error) {
		all = append(all, result{keep(keys, row), keep(p.items, row)})
		return true, nil
	}); err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b result) int {
		for i, o := range p.order {
			if n := compareNulls(o.expr.Type, a.keys[i], b.keys[i]); n != 0 {
				if o.descending {
					return -n
				}
				return n
			}
		}
		return 0
	})
	for _, r := range all[:min(p.limit, int64(len(all)))] {
		if err := yield(r.values); err != nil {
			return err
		}
	}
	return nil
}

func compareNulls(t dialect.Type, a, b []byte) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return value.Compare(t, a, b)
}

// sendProjection prints the rows.
func (x *session) sendProjection(p *projection, callback mysql.ResultSpoolFn) error {
	res := &result{}
	for i, e := range p.items {
		res.Fields = append(res.Fields, columnField(dialect.Column{Name: p.headings[i], Type: e.Type}))
	}
	if err := callback(res, true); err != nil {
		return err
	}
	binary := x.binaryEncoding()
	if err := p.rows(func(values [][]byte) error {
		out := make([]sqltypes.Value, len(values))
		for i, v := range values {
			if out[i] = sqltypes.NULL; v == nil {
				continue
			}
			if printed := value.Print([]byte{}, p.items[i].Type, v, binary); printed != nil {
				out[i] = sqltypes.MakeTrusted(res.Fields[i].Type, printed)
			}
		}
		if res.Rows = append(res.Rows, out); len(res.Rows) < scanBatch {
			return nil
		}
		err := callback(res, true)
		res.Rows = nil
		return err
	}); err != nil {
		return err
	}
	return callback(res, false)
}

// binaryEncoding is how VARBINARY in collections is printed.
func (x *session) binaryEncoding() value.Encoding {
	return value.Encoding(strings.ToLower(x.variables["binary_encoding_format"]))
}

// computed are rows with the types of their values, which are in their stored form.
type computed struct {
	types []dialect.Type
	rows  [][][]byte
}

// collect computes the rows of a query.
func (x *session) collect(ctx context.Context, q *dialect.Query) (computed, error) {
	p, err := x.project(ctx, q)
	if err != nil {
		return computed{}, err
	}
	var c computed
	for _, e := range p.items {
		c.types = append(c.types, e.Type)
	}
	err = p.rows(func(values [][]byte) error {
		row := make([][]byte, len(values))
		for i, v := range values {
			if v != nil {
				row[i] = append([]byte{}, v...)
			}
		}
		c.rows = append(c.rows, row)
		return nil
	})
	return c, err
}

// compileError words an error of an expression; unknown says that the engine may know better.
func compileError(err error) (_ error, unknown bool) {
	var own *catalog.Error
	var what *expression.UnknownError
	switch {
	case err == nil:
		return nil, false
	case errors.As(err, &what):
		return catalog.Analyzing("No matching function with signature: %s", what.What), true
	case errors.As(err, &own):
		return err, false
	}
	return catalog.Analyzing("%v", err), false
}

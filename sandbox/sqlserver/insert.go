package sqlserver

import (
	"context"
	"fmt"

	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
	"starkeep/sandbox/expression"
	"starkeep/sandbox/value"
)

// insert runs INSERT INTO and OVERWRITE. Values that are not literals are computed by the engine.
func (x *session) insert(ctx context.Context, s *dialect.Insert, callback mysql.ResultSpoolFn) error {
	in := catalog.Insertion{Table: x.qualify(s.Table), Target: s.Target, Overwrite: s.Overwrite, Label: s.Label, Columns: s.Columns}
	if err := x.server.catalog.CheckWritable(in.Table, "inserted"); err != nil { // the analyzer comes before the privileges
		return err
	}
	if err := x.may("INSERT", in.Table); err != nil {
		return err
	}
	n, err := x.insertRows(ctx, s, in)
	if err != nil {
		return err
	}
	return ok(callback, n)
}

func (x *session) insertRows(ctx context.Context, s *dialect.Insert, in catalog.Insertion) (int64, error) {
	for _, tuple := range s.Literals {
		row := make([][]byte, len(tuple))
		for i, v := range tuple {
			if !v.Null {
				row[i] = append([]byte{}, v.Text...)
			}
		}
		in.Rows = append(in.Rows, row)
	}
	var err error
	switch {
	case s.Query != "":
		var c computed
		c, err = x.compute(ctx, s.Query)
		in.Rows, in.Types = c.rows, c.types
	case s.Rows != nil:
		err = x.tuples(ctx, s.Rows, &in)
	}
	if err != nil {
		return 0, err
	}
	return x.server.catalog.Insert(in)
}

// tuples computes rows of VALUES as the types of the columns that they fill.
func (x *session) tuples(ctx context.Context, tuples []dialect.Tuple, in *catalog.Insertion) error {
	columns, err := x.server.catalog.Columns(in.Table)
	if err != nil {
		return err
	}
	if in.Types, err = in.Targets(columns); err != nil {
		return err
	}
	for _, t := range tuples {
		row, err := x.tuple(ctx, t, in.Types)
		if err != nil {
			return err
		}
		in.Rows = append(in.Rows, row)
	}
	return nil
}

// tuple computes one row; when something in it is not known here, all of it is left to the engine.
func (x *session) tuple(ctx context.Context, t dialect.Tuple, types []dialect.Type) ([][]byte, error) {
	row, err := evaluateTuple(t, types)
	if err == nil {
		return row, nil
	}
	if err, unknown := compileError(err); !unknown {
		return nil, err
	}
	c, err := x.compute(ctx, "SELECT "+t.Text)
	if err != nil {
		return nil, err
	}
	for i, v := range c.rows[0] {
		if i >= len(types) || v == nil {
			continue
		}
		from := dialect.Type{Name: "VARCHAR"}
		if c.types != nil {
			from = c.types[i]
		}
		cast, err := value.Cast(from, types[i])
		if err != nil {
			return nil, catalog.Analyzing("%v", err)
		}
		if c.rows[0][i] = cast(v); c.rows[0][i] == nil {
			return nil, filtered(v, types[i])
		}
	}
	return c.rows[0], nil
}

func evaluateTuple(t dialect.Tuple, types []dialect.Type) ([][]byte, error) {
	if t.Exprs == nil {
		return nil, &expression.UnknownError{What: "expression"}
	}
	if len(t.Exprs) != len(types) {
		return nil, catalog.Analyzing("Column count doesn't match value count")
	}
	row := make([][]byte, len(types))
	for i, e := range t.Exprs {
		given, err := expression.Compile(e, nil)
		if err != nil {
			return nil, err
		}
		v := given.Eval(nil)
		if v == nil {
			continue
		}
		cast, err := value.Cast(given.Type, types[i])
		if err != nil {
			return nil, err
		}
		if row[i] = cast(v); row[i] == nil {
			return nil, filtered(v, types[i])
		}
	}
	return row, nil
}

// filtered is what enable_insert_strict makes of a value that a column does not hold.
func filtered(v []byte, t dialect.Type) error {
	return &catalog.Error{Code: 1064, State: "HY000", Text: fmt.Sprintf("Insert has filtered data: value '%.64s' is not in the range of %s", v, t)}
}

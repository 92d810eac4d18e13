package sqlserver

import (
	"context"
	"errors"
	"strings"

	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

// delete evaluates the condition for every row of a scan and removes those that meet it; when the table moved
// meanwhile, it starts again.
func (x *session) delete(ctx context.Context, s *dialect.Delete, callback mysql.ResultSpoolFn) error {
	table := x.qualify(s.Table)
	if err := x.server.catalog.CheckWritable(table, "deleted"); err != nil {
		return err
	}
	if err := x.may("DELETE", table); err != nil {
		return err
	}
	if s.Where == "" { // fe:sql/analyzer/DeleteAnalyzer
		return catalog.Analyzing("Where clause is not set")
	}
	for {
		scan, err := x.server.catalog.Scan(table, s.Hint)
		if err != nil {
			return err
		}
		met, err := x.evaluate(ctx, scan, table, "("+s.Where+") IS TRUE")
		if err != nil {
			return err
		}
		_, err = x.server.catalog.Delete(scan, func(row int64) bool { return string(met.rows[row][0]) == "1" })
		if !errors.Is(err, catalog.ErrMoved) {
			if err != nil {
				return err
			}
			return ok(callback, 0) // StarRocks tells no count
		}
	}
}

// evaluate computes expressions over every row of a scan, in its order.
func (x *session) evaluate(ctx context.Context, scan *catalog.Scan, table dialect.ObjectName, expressions ...string) (computed, error) {
	x.pinned = scan
	defer func() { x.pinned = nil }()
	return x.compute(ctx, "SELECT "+strings.Join(expressions, ", ")+" FROM `"+table.Database+"`.`"+table.Name+"`")
}

// update is an upsert of the changed rows: only PRIMARY tables have it (fe:sql/analyzer/UpdateAnalyzer).
func (x *session) update(ctx context.Context, s *dialect.Update, callback mysql.ResultSpoolFn) error {
	table := x.qualify(s.Table)
	if err := x.server.catalog.CheckWritable(table, "modified"); err != nil {
		return err
	}
	if err := x.may("UPDATE", table); err != nil {
		return err
	}
	scan, err := x.server.catalog.Scan(table, dialect.Hint{})
	if err != nil {
		return err
	}
	switch {
	case scan.Model != dialect.Primary:
		return catalog.Analyzing("table %s does not support update", table.Name)
	case s.Where == "":
		return catalog.Analyzing("must specify where clause to prevent full table update")
	}
	changes := map[int]int{} // column -> index in the evaluated row
	for i, name := range s.Columns {
		at := indexOf(scan.Columns, name)
		switch {
		case at < 0:
			return catalog.Analyzing("table '%s' do not existing column '%s'", table.Name, name)
		case scan.Columns[at].Key:
			return catalog.Analyzing("primary key column cannot be updated: %s", name)
		}
		changes[at] = i + 1
	}
	changed, err := x.evaluate(ctx, scan, table, append([]string{"(" + s.Where + ") IS TRUE"}, s.Values...)...)
	if err != nil {
		return err
	}
	// What does not change keeps its bytes and type: read again, a JSON number would become a string.
	in := catalog.Insertion{Table: table}
	var kept []int
	for i, c := range scan.Columns {
		if c.Generated != nil {
			continue
		}
		t := c.Type
		if at, ok := changes[i]; ok {
			if t = (dialect.Type{}); changed.types != nil {
				t = changed.types[at]
			}
		}
		kept, in.Columns, in.Types = append(kept, i), append(in.Columns, c.Name), append(in.Types, t)
	}
	at := 0
	for row := range scan.Rows() {
		computed := changed.rows[at]
		at++
		if string(computed[0]) != "1" {
			continue
		}
		values := make([][]byte, len(scan.Columns))
		row.Values(values)
		for column, i := range changes {
			values[column] = computed[i]
		}
		given := make([][]byte, len(kept))
		for i, column := range kept {
			given[i] = values[column]
		}
		in.Rows = append(in.Rows, given)
	}
	if len(in.Rows) == 0 {
		return ok(callback, 0)
	}
	n, err := x.server.catalog.Insert(in)
	if err != nil {
		return err
	}
	return ok(callback, n)
}

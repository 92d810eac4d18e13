package streamload

import (
	"errors"
	"strings"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/expression"
	"starkeep/sandbox/value"
)

// plan says how the fields of a row become the columns of a table.
type plan struct {
	table   *Table
	fields  []field
	columns []column
	strict  bool
}

// field is one field of the source.
type field struct {
	name   string
	target int  // column that it fills as it is, -1 for none
	used   bool // an expression reads its text
}

// column is one column of the target.
type column struct {
	Column
	convert value.Converter
	compute *expression.Expression // nil when a field or the default fills it
	filled  bool                   // by a field
}

// newPlan maps the columns header (empty: the table's columns in their order) to the table, with the checks of
// fe:load/Load.java initColumns.
func newPlan(t *Table, o options) (*plan, error) {
	list, err := sourceColumns(t, o.columns)
	if err != nil {
		return nil, err
	}
	p := &plan{table: t, strict: o.strict}
	index := map[string]int{}
	for i, c := range t.Columns {
		p.columns = append(p.columns, column{Column: c})
		index[strings.ToLower(c.Name)] = i
	}
	mapped, err := p.addFields(list, index)
	if err != nil {
		return nil, err
	}
	if err := p.addExpressions(mapped, index); err != nil {
		return nil, err
	}
	return p, p.finish()
}

// sourceColumns parses the header; when it names no field, the fields are the table's columns.
func sourceColumns(t *Table, header string) ([]dialect.ColumnMapping, error) {
	var list []dialect.ColumnMapping
	if header != "" {
		var err error
		if list, err = dialect.ParseColumns(header); err != nil {
			return nil, native("%v", err)
		}
	}
	for _, a := range list {
		if a.Expr == nil {
			return list, nil
		}
	}
	for _, c := range t.Columns {
		if !c.Generated {
			list = append(list, dialect.ColumnMapping{Name: c.Name})
		}
	}
	return list, nil
}

// addFields adds the source fields and returns the expressions by column.
func (p *plan) addFields(list []dialect.ColumnMapping, index map[string]int) (map[int]*dialect.Expr, error) {
	seen, mapped := map[string]bool{}, map[int]*dialect.Expr{}
	for _, a := range list {
		key := strings.ToLower(a.Name)
		at, known := index[key]
		if known && p.columns[at].Generated {
			return nil, native("generated column: %s can not be specified", a.Name)
		}
		if a.Expr != nil {
			if !known {
				return nil, native("Mapping column is not in table. column: %s", a.Name)
			}
			if mapped[at] != nil {
				return nil, native("Duplicate column mapping: %s", a.Name)
			}
			mapped[at] = a.Expr
			continue
		}
		if seen[key] {
			return nil, native("Duplicate column: %s", a.Name)
		}
		seen[key] = true
		if !known {
			at = -1
		}
		p.fields = append(p.fields, field{name: a.Name, target: at})
	}
	return mapped, nil
}

func (p *plan) addExpressions(mapped map[int]*dialect.Expr, index map[string]int) error {
	find := func(name string) (int, bool) {
		for i, f := range p.fields {
			if strings.EqualFold(f.name, name) {
				return i, true
			}
		}
		return 0, false
	}
	for i := range p.fields {
		if at := p.fields[i].target; at >= 0 && mapped[at] != nil {
			p.fields[i].target = -1 // the column is computed, from this field or others
		}
	}
	for at, tree := range mapped {
		if i, ok := find(tree.Text); ok && tree.Kind == dialect.ColumnExpr && tree.Path == nil && p.fields[i].target < 0 && !p.reads(mapped, at, tree.Text) {
			// c = field: only another name, so the field is read as the column's type
			p.fields[i].target = at
			continue
		}
		var err error
		if p.columns[at].compute, err = p.computed(p.columns[at].Column, tree); err != nil {
			return err
		}
		tree.Columns(func(name string) {
			if i, ok := find(name); ok {
				p.fields[i].used = true
			}
		})
	}
	return nil
}

// computed compiles the expression of a column over the source fields, which are VARCHAR (fe:load/Load.java, with the checks of
// fe:planner/FileScanNode checkBitmapCompatibility and checkHllCompatibility).
func (p *plan) computed(c Column, tree *dialect.Expr) (*expression.Expression, error) {
	fields := make([]expression.Column, len(p.fields))
	for i, f := range p.fields {
		fields[i] = expression.Column{Name: f.name, Type: Type{Name: "VARCHAR"}}
	}
	e, err := expression.Compile(tree, fields)
	var unknown *expression.UnknownError
	switch {
	case errors.As(err, &unknown):
		return nil, native("No matching function with signature: %s.", unknown.What)
	case err != nil:
		return nil, native("%v.", err)
	case c.Type.Name == "BITMAP" && e.Type.Name != "BITMAP":
		return nil, native("bitmap column %s require the function return type is BITMAP", c.Name)
	case c.Type.Name == "HLL" && (tree.Kind != dialect.CallExpr || tree.Text != "hll_hash" && tree.Text != "hll_empty"):
		return nil, native("HLL column must use hll_hash function, like %s=hll_hash(xxx) or %s=hll_empty()", c.Name, c.Name)
	case c.Type.Name == "PERCENTILE" && e.Type.Name != "PERCENTILE":
		return nil, native("percentile column %s require the function return type is PERCENTILE", c.Name)
	}
	e, err = expression.To(c.Type, tree, fields)
	if err != nil {
		return nil, native("%v.", err)
	}
	return e, nil
}

// reads tells whether the expression of another column than at uses a field.
func (p *plan) reads(mapped map[int]*dialect.Expr, at int, name string) bool {
	found := false
	for other, tree := range mapped {
		if other != at {
			tree.Columns(func(n string) { found = found || strings.EqualFold(n, name) })
		}
	}
	return found
}

func (p *plan) finish() error {
	for _, f := range p.fields {
		if f.target >= 0 {
			p.columns[f.target].filled = true
		}
	}
	for i := range p.columns {
		c := &p.columns[i]
		if !c.filled && c.compute == nil && !c.HasDefault && !c.Nullable && !c.AutoIncrement && !c.Generated {
			return native("Column has no default value. column: %s", c.Name)
		}
		if !c.filled {
			continue
		}
		convert, err := value.NewConverter(c.Type)
		if err != nil {
			return native("%v", err)
		}
		c.convert = convert
	}
	for _, f := range p.fields {
		if f.used && f.target >= 0 && p.columns[f.target].Type.Name == "VARBINARY" {
			// A field that an expression reads is text (rule "source field type"), so nothing tries base64.
			limit := value.Limit(p.columns[f.target].Type)
			p.columns[f.target].convert = func(dst, s []byte) ([]byte, bool) { return append(dst, s...), len(s) <= limit }
		}
	}
	return nil
}

package streamload

import (
	"strings"
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
	convert Converter
	compute expression // nil when a field or the default fills it
	filled  bool       // by a field
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
func sourceColumns(t *Table, header string) ([]assignment, error) {
	var list []assignment
	if header != "" {
		var err error
		if list, err = parseColumns(header); err != nil {
			return nil, err
		}
	}
	for _, a := range list {
		if a.tree == nil {
			return list, nil
		}
	}
	for _, c := range t.Columns {
		list = append(list, assignment{name: c.Name})
	}
	return list, nil
}

// addFields adds the source fields and returns the expressions by column.
func (p *plan) addFields(list []assignment, index map[string]int) (map[int]*node, error) {
	seen, mapped := map[string]bool{}, map[int]*node{}
	for _, a := range list {
		key := strings.ToLower(a.name)
		at, known := index[key]
		if a.tree != nil {
			if !known {
				return nil, native("Mapping column is not in table. column: %s", a.name)
			}
			if mapped[at] != nil {
				return nil, native("Duplicate column mapping: %s", a.name)
			}
			mapped[at] = a.tree
			continue
		}
		if seen[key] {
			return nil, native("Duplicate column: %s", a.name)
		}
		seen[key] = true
		if !known {
			at = -1
		}
		p.fields = append(p.fields, field{name: a.name, target: at})
	}
	return mapped, nil
}

func (p *plan) addExpressions(mapped map[int]*node, index map[string]int) error {
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
		if i, ok := find(tree.text); ok && tree.kind == columnNode && p.fields[i].target < 0 && !p.reads(mapped, at, tree.text) {
			// c = field: only another name, so the field is read as the column's type
			p.fields[i].target = at
			continue
		}
		var err error
		if p.columns[at].compute, err = tree.build(find); err != nil {
			return err
		}
		tree.columnsOf(func(name string) {
			if i, ok := find(name); ok {
				p.fields[i].used = true
			}
		})
	}
	return nil
}

// reads tells whether the expression of another column than at uses a field.
func (p *plan) reads(mapped map[int]*node, at int, name string) bool {
	found := false
	for other, tree := range mapped {
		if other != at {
			tree.columnsOf(func(n string) { found = found || strings.EqualFold(n, name) })
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
		if !c.filled && c.compute == nil && !c.HasDefault && !c.Nullable {
			return native("Column has no default value. column: %s", c.Name)
		}
		convert, err := NewConverter(c.Type)
		if err != nil {
			if !c.filled && c.compute == nil {
				continue
			}
			return err
		}
		c.convert = convert
	}
	for _, f := range p.fields {
		if f.used && f.target >= 0 && p.columns[f.target].Type.Name == "VARBINARY" {
			// A field that an expression reads is text (rule "source field type"), so nothing tries base64.
			limit := p.columns[f.target].Type.limit()
			p.columns[f.target].convert = func(dst, s []byte) ([]byte, bool) { return append(dst, s...), len(s) <= limit }
		}
	}
	return nil
}

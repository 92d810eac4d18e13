// Package expression computes expressions over stored values, with the types and the treatment of NULL that StarRocks has:
// for SELECT and INSERT, for the columns header of Stream Load, for generated columns and defaults.
package expression

import (
	"strings"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/value"
)

// Type is a type of the dialect.
type Type = dialect.Type

// Column is a name that an expression may use.
type Column struct {
	Name string
	Type Type
}

// Expression computes a value from the values of one row. It reuses memory from one row to the next, so what it returned
// is valid until it is used again, and it is used by one goroutine.
type Expression struct {
	Type Type
	root node
}

// Eval computes the value; row holds the columns that the expression was compiled for. Nil is NULL.
func (e *Expression) Eval(row [][]byte) []byte { return e.root.eval(row) }

// UnknownError says that something is not known here, so that another engine may be asked.
type UnknownError struct{ What string }

func (e *UnknownError) Error() string { return "unknown " + e.What }

// Compile resolves the names and types of an expression. Errors have the native texts where there are some; what this
// package does not know is an *UnknownError.
func Compile(e *dialect.Expr, columns []Column) (*Expression, error) {
	t, n, err := compile(e, scope{columns: columns})
	if err != nil {
		return nil, err
	}
	return &Expression{Type: t, root: n}, nil
}

// To compiles an expression and casts it to a type, which is how a column is assigned.
func To(t Type, e *dialect.Expr, columns []Column) (*Expression, error) {
	x, err := Compile(e, columns)
	if err != nil {
		return nil, err
	}
	root, err := convert(x.root, x.Type, t)
	if err != nil {
		return nil, err
	}
	return &Expression{Type: t, root: root}, nil
}

type node interface {
	eval(row [][]byte) []byte
}

// scope is what names mean: columns of the row, and behind them the parameters of lambdas, the innermost last.
type scope struct {
	columns []Column
}

func (s scope) find(name string) int {
	for i := len(s.columns) - 1; i >= 0; i-- {
		if strings.EqualFold(s.columns[i].Name, name) {
			return i
		}
	}
	return -1
}

type (
	reference int
	literal   []byte
	cast      struct {
		arg    node
		caster value.Caster
	}
	list struct { // ARRAY, MAP, STRUCT from their members
		args []node
		buf  []byte
	}
)

func (r reference) eval(row [][]byte) []byte { return row[r] }
func (l literal) eval([][]byte) []byte       { return l }

func (c *cast) eval(row [][]byte) []byte {
	v := c.arg.eval(row)
	if v == nil {
		return nil
	}
	return c.caster(v)
}

func (l *list) eval(row [][]byte) []byte {
	l.buf = append(l.buf[:0], []byte{}...)
	if l.buf == nil {
		l.buf = []byte{}
	}
	for _, a := range l.args {
		l.buf = value.Append(l.buf, a.eval(row))
	}
	return l.buf
}

func same(a, b Type) bool { return a.String() == b.String() }

// convert casts a node to a type, unless it has it.
func convert(n node, from, to Type) (node, error) {
	if from.Name != "NULL" && same(from, to) {
		return n, nil
	}
	caster, err := value.Cast(from, to)
	if err != nil {
		return nil, err
	}
	return &cast{n, caster}, nil
}

func compile(e *dialect.Expr, s scope) (Type, node, error) {
	switch e.Kind {
	case dialect.NullExpr:
		return value.Null, literal(nil), nil
	case dialect.TextExpr:
		return Type{Name: "VARCHAR"}, literal(append([]byte{}, e.Text...)), nil
	case dialect.BooleanExpr:
		return Type{Name: "BOOLEAN"}, literal(e.Text), nil
	case dialect.NumberExpr:
		t, text := numberType(e.Text)
		return t, literal(text), nil
	case dialect.ColumnExpr:
		return compileColumn(e, s)
	case dialect.CastExpr:
		from, n, err := compile(e.Args[0], s)
		if err != nil {
			return Type{}, nil, err
		}
		n, err = convert(n, from, e.Type)
		return e.Type, n, err
	case dialect.ArrayExpr, dialect.MapExpr:
		return compileCollection(e, s)
	case dialect.ElementExpr:
		return compileElement(e, s)
	case dialect.OperatorExpr:
		return compileOperator(e, s)
	case dialect.CaseExpr:
		return compileCase(e.Args, s)
	case dialect.CallExpr:
		return compileCall(e, s)
	}
	return Type{}, nil, &UnknownError{"expression"}
}

func compileColumn(e *dialect.Expr, s scope) (Type, node, error) {
	names := append([]string{e.Text}, e.Path...)
	for skip := range min(3, len(names)) { // column.field…, table.column.field…, database.table.column.field…
		at := s.find(names[skip])
		if at < 0 {
			continue
		}
		t, n := s.columns[at].Type, node(reference(at))
		for _, field := range names[skip+1:] {
			var err error
			if t, n, err = subfield(t, n, field); err != nil {
				return Type{}, nil, err
			}
		}
		return t, n, nil
	}
	return Type{}, nil, value.Native("Column '%s' cannot be resolved", strings.Join(names, "."))
}

func compileCollection(e *dialect.Expr, s scope) (Type, node, error) {
	types, nodes, err := compileAll(e.Args, s)
	if err != nil {
		return Type{}, nil, err
	}
	width := 1
	t := Type{Name: "ARRAY", Elements: []Type{value.Null}}
	if e.Kind == dialect.MapExpr {
		width, t = 2, Type{Name: "MAP", Elements: []Type{value.Null, value.Null}}
	}
	for i, of := range types {
		if t.Elements[i%width], err = common(t.Elements[i%width], of); err != nil {
			return Type{}, nil, err
		}
	}
	for i := range nodes {
		if nodes[i], err = convert(nodes[i], types[i], t.Elements[i%width]); err != nil {
			return Type{}, nil, err
		}
	}
	if e.Kind == dialect.MapExpr {
		return t, &unique{&list{args: nodes}}, nil
	}
	return t, &list{args: nodes}, nil
}

func compileAll(args []*dialect.Expr, s scope) (types []Type, nodes []node, err error) {
	for _, a := range args {
		t, n, err := compile(a, s)
		if err != nil {
			return nil, nil, err
		}
		types, nodes = append(types, t), append(nodes, n)
	}
	return types, nodes, nil
}

// unique drops the earlier ones of equal keys (be:column/map_column.cpp remove_duplicated_keys).
type unique struct{ arg node }

func (u *unique) eval(row [][]byte) []byte { return uniqueKeys(u.arg.eval(row)) }

func uniqueKeys(entries []byte) []byte {
	if entries == nil {
		return nil
	}
	members := value.Members(entries)
	last := map[string]int{}
	for i := 0; i < len(members); i += 2 {
		last[string(value.Append(nil, members[i]))] = i
	}
	if len(last) == len(members)/2 {
		return entries
	}
	out := []byte{}
	for i := 0; i < len(members); i += 2 {
		if last[string(value.Append(nil, members[i]))] == i {
			out = value.Append(value.Append(out, members[i]), members[i+1])
		}
	}
	return out
}

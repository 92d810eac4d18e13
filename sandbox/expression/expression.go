// Package expression computes expressions over stored values, with the types and the treatment of NULL that StarRocks has:
// for SELECT and INSERT, for the columns header of Stream Load, for generated columns and defaults.
package expression

import (
	"fmt"
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

// numberType is the type of a number as it is written: the smallest integer, DECIMAL, or DOUBLE with an exponent
// (fe:sql/parser/AstBuilder visitIntegerValue, visitDecimalValue).
func numberType(text string) (Type, string) {
	digits := strings.TrimLeft(strings.TrimPrefix(text, "-"), "0")
	whole, fraction, dot := strings.Cut(digits, ".")
	switch {
	case strings.ContainsAny(text, "eE") || dot && len(whole)+len(fraction) > 76:
		return Type{Name: "DOUBLE"}, canonical(Type{Name: "DOUBLE"}, text)
	case dot:
		t := Type{Name: "DECIMAL", Precision: max(len(whole)+len(fraction), 1), Scale: len(fraction)}
		return t, canonical(t, text)
	}
	for _, name := range []string{"TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT"} {
		if v := canonical(Type{Name: name}, text); v != "" {
			return Type{Name: name}, v
		}
	}
	t := Type{Name: "DECIMAL", Precision: 76}
	if v := canonical(t, text); v != "" {
		return t, v
	}
	return Type{Name: "DOUBLE"}, canonical(Type{Name: "DOUBLE"}, text)
}

// canonical prints a text as a type does; it is empty for what is none.
func canonical(t Type, text string) string {
	caster, err := value.Cast(Type{Name: "VARCHAR"}, t)
	if err != nil {
		return ""
	}
	return string(caster([]byte(text)))
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

type member struct {
	arg node
	at  int
}

func (m member) eval(row [][]byte) []byte {
	v := m.arg.eval(row)
	if v == nil {
		return nil
	}
	var field []byte
	for range m.at + 1 {
		field, v = value.Next(v)
	}
	return field
}

func subfield(t Type, n node, name string) (Type, node, error) {
	if t.Name == "STRUCT" {
		for i, f := range t.Fields {
			if strings.EqualFold(f, name) {
				return t.Elements[i], member{n, i}, nil
			}
		}
	}
	if t.Name == "JSON" {
		return t, &path{n, []byte("." + name)}, nil
	}
	return Type{}, nil, value.Native("Struct subfield '%s' cannot be resolved", name)
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

// ranks orders the number types by what they hold.
var ranks = map[string]int{"BOOLEAN": 1, "TINYINT": 2, "SMALLINT": 3, "INT": 4, "BIGINT": 5, "LARGEINT": 6, "DECIMAL": 7, "FLOAT": 8, "DOUBLE": 9}

// common is the type that two values of a collection, or two results of a condition, get.
func common(a, b Type) (Type, error) {
	switch {
	case a.Name == "NULL":
		return b, nil
	case b.Name == "NULL" || same(a, b):
		return a, nil
	case a.Nested() && a.Name == b.Name && len(a.Elements) == len(b.Elements):
		t := Type{Name: a.Name, Fields: a.Fields, Elements: make([]Type, len(a.Elements))}
		for i := range a.Elements {
			var err error
			if t.Elements[i], err = common(a.Elements[i], b.Elements[i]); err != nil {
				return t, err
			}
		}
		return t, nil
	case a.Nested() || b.Nested() || a.Sketch() || b.Sketch():
		return a, fmt.Errorf("no common type of %s and %s", a, b)
	case a.Name == "VARBINARY" || b.Name == "VARBINARY":
		return Type{Name: "VARBINARY"}, nil
	case ranks[a.Name] > 0 && ranks[b.Name] > 0:
		return commonNumber(a, b), nil
	case a.Temporal() && b.Temporal():
		return Type{Name: "DATETIME"}, nil
	}
	return Type{Name: "VARCHAR"}, nil
}

// digitsOf are the decimal digits of the integer types.
var digitsOf = map[string]int{"BOOLEAN": 1, "TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19, "LARGEINT": 39}

func commonNumber(a, b Type) Type {
	if ranks[a.Name] < ranks[b.Name] {
		a, b = b, a
	}
	if a.Name != "DECIMAL" {
		return a
	}
	whole, scale := digitsOf[b.Name], 0
	if b.Name == "DECIMAL" {
		whole, scale = b.Precision-b.Scale, b.Scale
	}
	t := Type{Name: "DECIMAL", Scale: max(a.Scale, scale)}
	t.Precision = min(max(a.Precision-a.Scale, whole)+t.Scale, 76)
	return t
}

func compileElement(e *dialect.Expr, s scope) (Type, node, error) {
	types, nodes, err := compileAll(e.Args, s)
	if err != nil {
		return Type{}, nil, err
	}
	switch t := types[0]; t.Name {
	case "ARRAY":
		return t.Elements[0], &element{nodes[0], nodes[1]}, nil
	case "MAP":
		key, err := convert(nodes[1], types[1], t.Elements[0])
		return t.Elements[1], &entry{nodes[0], key}, err
	case "STRUCT":
		if e.Args[1].Kind == dialect.TextExpr {
			return subfield(t, nodes[0], e.Args[1].Text)
		}
	}
	return Type{}, nil, value.Native("Only support array and map and struct subscript")
}

type element struct{ array, index node }

// eval counts from 1, and from the end below 0; beyond is NULL (be:exprs/array_element_expr.cpp).
func (e *element) eval(row [][]byte) []byte {
	at, ok := integer(e.index.eval(row))
	if !ok {
		return nil
	}
	array := e.array.eval(row)
	if array == nil || at == 0 {
		return nil
	}
	if at < 0 {
		members := value.Members(array)
		if at += len(members); at < 0 {
			return nil
		}
		return members[at]
	}
	for len(array) > 0 {
		var m []byte
		m, array = value.Next(array)
		if at--; at == 0 {
			return m
		}
	}
	return nil
}

type entry struct{ entries, key node }

func (e *entry) eval(row [][]byte) []byte {
	entries := e.entries.eval(row)
	if entries == nil {
		return nil
	}
	key := e.key.eval(row)
	members := value.Members(entries)
	for i := 0; i < len(members); i += 2 {
		if (key == nil) == (members[i] == nil) && string(key) == string(members[i]) {
			return members[i+1]
		}
	}
	return nil
}

package expression

import (
	"fmt"
	"slices"
	"strings"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/value"
)

// implementation computes a function. It appends to dst, whose memory is its own from row to row, or returns new memory,
// never that of its arguments: that may belong to rows which are kept. Nil is NULL.
type implementation func(dst []byte, values [][]byte) []byte

// function is a function of SQL.
type function struct {
	min, max int    // arguments; max -1: any number
	lenient  bool   // it sees NULL; otherwise one NULL argument makes the result NULL
	args     []Type // what arguments are cast to, the last one also the rest; a Type without a name takes any
	// make settles the result's type for the types of the arguments (after args is applied).
	make func(types []Type) (Type, implementation, error)
}

var (
	varchar   = Type{Name: "VARCHAR"}
	varbinary = Type{Name: "VARBINARY"}
	jsonType  = Type{Name: "JSON"}
	bigint    = Type{Name: "BIGINT"}
	bitmap    = Type{Name: "BITMAP"}
	hll       = Type{Name: "HLL"}
)

// returns is a function with one result type.
func returns(t Type, f implementation) func([]Type) (Type, implementation, error) {
	return func([]Type) (Type, implementation, error) { return t, f, nil }
}

type invocation struct {
	function implementation
	lenient  bool
	args     []node
	values   [][]byte
	buf      []byte
}

func (c *invocation) eval(row [][]byte) []byte {
	for i, a := range c.args {
		if c.values[i] = a.eval(row); c.values[i] == nil && !c.lenient {
			return nil
		}
	}
	if c.buf == nil {
		c.buf = []byte{} // a result that is empty is not NULL
	}
	v := c.function(c.buf[:0], c.values)
	if cap(v) > cap(c.buf) {
		c.buf = v[:0]
	}
	return v
}

func compileCall(e *dialect.Expr, s scope) (Type, node, error) {
	if special, ok := specials()[e.Text]; ok {
		return special(e, s)
	}
	types, nodes, err := compileAll(e.Args, s)
	if err != nil {
		return Type{}, nil, err
	}
	f, known := functions[e.Text]
	if !known {
		return Type{}, nil, &UnknownError{signature(e.Text, types)}
	}
	mismatch := func() (Type, node, error) {
		return Type{}, nil, value.Native("No matching function with signature: %s", signature(e.Text, types))
	}
	if len(nodes) < f.min || f.max >= 0 && len(nodes) > f.max {
		return mismatch()
	}
	for i := range nodes {
		if len(f.args) == 0 {
			break
		}
		want := f.args[min(i, len(f.args)-1)]
		if want.Name == "" {
			continue
		}
		if want.Sketch() && types[i].Name != want.Name && types[i].Name != "NULL" {
			return mismatch()
		}
		if nodes[i], err = convert(nodes[i], types[i], want); err != nil {
			return mismatch()
		}
		types[i] = want
	}
	t, call, err := f.make(types)
	if err != nil {
		return mismatch()
	}
	return t, &invocation{function: call, lenient: f.lenient, args: nodes, values: make([][]byte, len(nodes))}, nil
}

func signature(name string, types []Type) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = strings.ToLower(t.Name)
	}
	return name + "(" + strings.Join(names, ", ") + ")"
}

// special compiles what is no plain function: conditions, lambdas, names of fields.
type special func(e *dialect.Expr, s scope) (Type, node, error)

func specials() map[string]special {
	return map[string]special{
		"if": compileIf, "ifnull": compileIfNull, "nvl": compileIfNull, "coalesce": compileCoalesce, "nullif": compileNullIf,
		"array_map": compileArrayMap, "transform": compileArrayMap,
		"named_struct": compileNamedStruct, "row": compileRow, "struct": compileRow, "subfield": compileSubfield,
		"map": compileMap, "map_from_arrays": compileMapFromArrays,
	}
}

func arity(e *dialect.Expr, least, most int) error {
	if len(e.Args) < least || most >= 0 && len(e.Args) > most {
		return value.Native("No matching function with signature: %s(%d arguments)", e.Text, len(e.Args))
	}
	return nil
}

func compileIf(e *dialect.Expr, s scope) (Type, node, error) {
	if err := arity(e, 3, 3); err != nil {
		return Type{}, nil, err
	}
	return compileCase(e.Args, s)
}

func isNull(e *dialect.Expr) *dialect.Expr {
	return &dialect.Expr{Kind: dialect.OperatorExpr, Text: "IS NULL", Args: []*dialect.Expr{e}}
}

func compileIfNull(e *dialect.Expr, s scope) (Type, node, error) {
	if err := arity(e, 2, 2); err != nil {
		return Type{}, nil, err
	}
	return compileCase([]*dialect.Expr{isNull(e.Args[0]), e.Args[1], e.Args[0]}, s)
}

func compileCoalesce(e *dialect.Expr, s scope) (Type, node, error) {
	if err := arity(e, 1, -1); err != nil {
		return Type{}, nil, err
	}
	var args []*dialect.Expr
	for _, a := range e.Args {
		args = append(args, &dialect.Expr{Kind: dialect.OperatorExpr, Text: "NOT", Args: []*dialect.Expr{isNull(a)}}, a)
	}
	return compileCase(args, s)
}

func compileNullIf(e *dialect.Expr, s scope) (Type, node, error) {
	if err := arity(e, 2, 2); err != nil {
		return Type{}, nil, err
	}
	equal := &dialect.Expr{Kind: dialect.OperatorExpr, Text: "=", Args: e.Args}
	return compileCase([]*dialect.Expr{equal, {Kind: dialect.NullExpr}, e.Args[0]}, s)
}

func compileSubfield(e *dialect.Expr, s scope) (Type, node, error) {
	t, n, err := compile(e.Args[0], s)
	if err != nil {
		return Type{}, nil, err
	}
	return subfield(t, n, e.Args[1].Text)
}

func compileNamedStruct(e *dialect.Expr, s scope) (Type, node, error) {
	if len(e.Args)%2 == 1 || len(e.Args) == 0 {
		return Type{}, nil, fmt.Errorf("named_struct should have even number args, but %d", len(e.Args))
	}
	t, l := Type{Name: "STRUCT", Elements: []Type{}}, &list{}
	for i := 0; i < len(e.Args); i += 2 {
		if e.Args[i].Kind != dialect.TextExpr {
			return Type{}, nil, value.Native("The %d-th input of named_struct must be string literal", i+1)
		}
		of, n, err := compile(e.Args[i+1], s)
		if err != nil {
			return Type{}, nil, err
		}
		t.Fields, t.Elements, l.args = append(t.Fields, e.Args[i].Text), append(t.Elements, of), append(l.args, n)
	}
	return t, l, nil
}

// compileRow builds a STRUCT whose fields are named col1, col2, … (fe:sql/analyzer/ExpressionAnalyzer, row).
func compileRow(e *dialect.Expr, s scope) (Type, node, error) {
	types, nodes, err := compileAll(e.Args, s)
	if err != nil {
		return Type{}, nil, err
	}
	if len(nodes) == 0 {
		return Type{}, nil, value.Native("No matching function with signature: row()")
	}
	t := Type{Name: "STRUCT", Elements: types}
	for i := range types {
		t.Fields = append(t.Fields, fmt.Sprintf("col%d", i+1))
	}
	return t, &list{args: nodes}, nil
}

func compileMap(e *dialect.Expr, s scope) (Type, node, error) {
	if len(e.Args)%2 == 1 {
		return Type{}, nil, fmt.Errorf("map function should have even number args, but %d", len(e.Args))
	}
	return compileCollection(&dialect.Expr{Kind: dialect.MapExpr, Args: e.Args}, s)
}

// fromArrays is map_from_arrays: NULL when one of them is, an error of the query in the original when they differ in length,
// NULL here; of equal keys the last stays.
type fromArrays struct{ keys, values node }

func (m *fromArrays) eval(row [][]byte) []byte {
	keys := m.keys.eval(row)
	if keys == nil {
		return nil
	}
	k := value.Members(slices.Clone(keys))
	values := m.values.eval(row)
	if values == nil {
		return nil
	}
	v := value.Members(values)
	if len(k) != len(v) {
		return nil
	}
	out := []byte{}
	for i := range k {
		out = value.Append(value.Append(out, k[i]), v[i])
	}
	return uniqueKeys(out)
}

func compileMapFromArrays(e *dialect.Expr, s scope) (Type, node, error) {
	if err := arity(e, 2, 2); err != nil {
		return Type{}, nil, err
	}
	types, nodes, err := compileAll(e.Args, s)
	if err != nil {
		return Type{}, nil, err
	}
	if types[0].Name != "ARRAY" || types[1].Name != "ARRAY" {
		return Type{}, nil, value.Native("No matching function with signature: map_from_arrays(%s, %s)", types[0], types[1])
	}
	return Type{Name: "MAP", Elements: []Type{types[0].Elements[0], types[1].Elements[0]}}, &fromArrays{nodes[0], nodes[1]}, nil
}

// arrayMap applies a lambda to the elements of arrays of one length (be:exprs/array_map_expr.cpp). Its parameters stand behind
// the columns of the row.
type arrayMap struct {
	arrays []node
	body   node
	width  int // columns of the row that it gets
	inner  [][]byte
	buf    []byte
}

func (m *arrayMap) eval(row [][]byte) []byte {
	lists := make([][][]byte, len(m.arrays))
	for i, a := range m.arrays {
		v := a.eval(row)
		if v == nil {
			return nil
		}
		if lists[i] = value.Members(v); len(lists[i]) != len(lists[0]) {
			return nil
		}
	}
	if m.buf = m.buf[:0]; m.buf == nil {
		m.buf = []byte{}
	}
	copy(m.inner, row)
	for i := range lists[0] {
		for j := range lists {
			m.inner[m.width+j] = lists[j][i]
		}
		m.buf = value.Append(m.buf, m.body.eval(m.inner))
	}
	return m.buf
}

func compileArrayMap(e *dialect.Expr, s scope) (Type, node, error) {
	if err := arity(e, 2, -1); err != nil {
		return Type{}, nil, err
	}
	args := slices.Clone(e.Args)
	if args[0].Kind != dialect.LambdaExpr { // array_map(array, lambda) is taken, too
		args = append(args[len(args)-1:], args[:len(args)-1]...)
	}
	lambda := args[0]
	if lambda.Kind != dialect.LambdaExpr || len(lambda.Names) != len(args)-1 {
		return Type{}, nil, value.Native("Lambda arguments should equal to lambda input arrays")
	}
	types, arrays, err := compileAll(args[1:], s)
	if err != nil {
		return Type{}, nil, err
	}
	inside := scope{columns: slices.Clone(s.columns)}
	for i, t := range types {
		if t.Name == "NULL" {
			t = Type{Name: "ARRAY", Elements: []Type{value.Null}}
		}
		if t.Name != "ARRAY" {
			return Type{}, nil, value.Native("Lambda inputs should be arrays")
		}
		inside.columns = append(inside.columns, Column{lambda.Names[i], t.Elements[0]})
	}
	t, body, err := compile(lambda.Args[0], inside)
	if err != nil {
		return Type{}, nil, err
	}
	return Type{Name: "ARRAY", Elements: []Type{t}}, &arrayMap{arrays: arrays, body: body, width: len(s.columns), inner: make([][]byte, len(inside.columns))}, nil
}

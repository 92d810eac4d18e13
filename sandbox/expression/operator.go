package expression

import (
	"bytes"
	"strconv"
	"strings"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/value"
)

var boolean = Type{Name: "BOOLEAN"}

func boolValue(b bool) []byte {
	if b {
		return []byte{'1'}
	}
	return []byte{'0'}
}

func isTrue(v []byte) bool { return len(v) == 1 && v[0] == '1' }

func integer(v []byte) (int, bool) {
	n, err := strconv.Atoi(string(v))
	return n, v != nil && err == nil
}

// operation is an operator over its operands' values; a nil among them is NULL.
type operation struct {
	args   []node
	values [][]byte
	f      func(values [][]byte) []byte
}

func (o *operation) eval(row [][]byte) []byte {
	for i, a := range o.args {
		o.values[i] = a.eval(row)
	}
	return o.f(o.values)
}

func operate(args []node, f func([][]byte) []byte) node {
	return &operation{args, make([][]byte, len(args)), f}
}

// strict is NULL as soon as one operand is.
func strict(f func([][]byte) []byte) func([][]byte) []byte {
	return func(values [][]byte) []byte {
		for _, v := range values {
			if v == nil {
				return nil
			}
		}
		return f(values)
	}
}

func compileOperator(e *dialect.Expr, s scope) (Type, node, error) {
	types, nodes, err := compileAll(e.Args, s)
	if err != nil {
		return Type{}, nil, err
	}
	switch e.Text {
	case "AND", "OR", "NOT":
		for i := range nodes {
			if nodes[i], err = convert(nodes[i], types[i], boolean); err != nil {
				return Type{}, nil, err
			}
		}
		return boolean, operate(nodes, logic[e.Text]), nil
	case "IS NULL":
		return boolean, operate(nodes, func(v [][]byte) []byte { return boolValue(v[0] == nil) }), nil
	case "IS TRUE":
		return boolean, operate(nodes, func(v [][]byte) []byte { return boolValue(isTrue(v[0])) }), nil
	case "IS FALSE":
		return boolean, operate(nodes, func(v [][]byte) []byte { return boolValue(string(v[0]) == "0") }), nil
	case "LIKE":
		return boolean, operate(nodes, strict(func(v [][]byte) []byte { return boolValue(like(v[0], v[1])) })), nil
	case "+", "-", "*", "/", "%":
		return arithmetic(e.Text, types, nodes)
	}
	return compileComparison(e.Text, types, nodes)
}

// logic is three-valued.
var logic = map[string]func([][]byte) []byte{
	"NOT": strict(func(v [][]byte) []byte { return boolValue(!isTrue(v[0])) }),
	"AND": func(v [][]byte) []byte { return decide(v, false) },
	"OR":  func(v [][]byte) []byte { return decide(v, true) },
}

// decide returns what one operand alone decides, else NULL if one is NULL.
func decide(v [][]byte, decisive bool) []byte {
	null := false
	for _, x := range v {
		if x == nil {
			null = true
		} else if isTrue(x) == decisive {
			return boolValue(decisive)
		}
	}
	if null {
		return nil
	}
	return boolValue(!decisive)
}

func compileComparison(op string, types []Type, nodes []node) (Type, node, error) {
	t := types[0]
	var err error
	for _, of := range types[1:] {
		if t, err = comparable(t, of); err != nil {
			return Type{}, nil, err
		}
	}
	for i := range nodes {
		if nodes[i], err = convert(nodes[i], types[i], t); err != nil {
			return Type{}, nil, err
		}
	}
	less := func(a, b []byte) int { return value.Compare(t, a, b) }
	tests := map[string]func([][]byte) bool{
		"=":  func(v [][]byte) bool { return less(v[0], v[1]) == 0 },
		"<>": func(v [][]byte) bool { return less(v[0], v[1]) != 0 },
		"!=": func(v [][]byte) bool { return less(v[0], v[1]) != 0 },
		"<":  func(v [][]byte) bool { return less(v[0], v[1]) < 0 },
		"<=": func(v [][]byte) bool { return less(v[0], v[1]) <= 0 },
		">":  func(v [][]byte) bool { return less(v[0], v[1]) > 0 },
		">=": func(v [][]byte) bool { return less(v[0], v[1]) >= 0 },
		"BETWEEN": func(v [][]byte) bool {
			return less(v[0], v[1]) >= 0 && less(v[0], v[2]) <= 0
		},
	}
	if test, ok := tests[op]; ok {
		return boolean, operate(nodes, strict(func(v [][]byte) []byte { return boolValue(test(v)) })), nil
	}
	switch op {
	case "<=>":
		return boolean, operate(nodes, func(v [][]byte) []byte {
			if v[0] == nil || v[1] == nil {
				return boolValue(v[0] == nil && v[1] == nil)
			}
			return boolValue(less(v[0], v[1]) == 0)
		}), nil
	case "IN":
		return boolean, operate(nodes, func(v [][]byte) []byte { return in(v, less) }), nil
	}
	return Type{}, nil, &UnknownError{"operator " + op}
}

func in(v [][]byte, less func(a, b []byte) int) []byte {
	null := v[0] == nil
	for _, x := range v[1:] {
		if x == nil || v[0] == nil {
			null = true
		} else if less(v[0], x) == 0 {
			return boolValue(true)
		}
	}
	if null {
		return nil
	}
	return boolValue(false)
}

// comparable is the type in which two values are compared: a text beside a number or a time is read as one.
func comparable(a, b Type) (Type, error) {
	text, other := a, b
	if other.Text() {
		text, other = b, a
	}
	switch {
	case text.Text() && other.Temporal():
		return Type{Name: "DATETIME"}, nil
	case text.Text() && ranks[other.Name] > 0:
		if other.Name == "DECIMAL" || other.Integer() {
			return Type{Name: "DECIMAL", Precision: 76, Scale: other.Scale}, nil
		}
		return Type{Name: "DOUBLE"}, nil
	}
	return common(a, b)
}

// like matches a pattern with % and _.
func like(text, pattern []byte) bool {
	for len(pattern) > 0 {
		switch c := pattern[0]; {
		case c == '%':
			for i := range len(text) + 1 {
				if like(text[i:], pattern[1:]) {
					return true
				}
			}
			return false
		case len(text) == 0:
			return false
		case c == '\\' && len(pattern) > 1:
			pattern = pattern[1:]
			if text[0] != pattern[0] {
				return false
			}
		case c != '_' && c != text[0]:
			return false
		}
		text, pattern = text[1:], pattern[1:]
	}
	return len(text) == 0
}

// choice is CASE: the first result whose condition is true.
type choice struct{ args []node }

func (c *choice) eval(row [][]byte) []byte {
	i := 0
	for ; i+1 < len(c.args); i += 2 {
		if isTrue(c.args[i].eval(row)) {
			return c.args[i+1].eval(row)
		}
	}
	if i < len(c.args) {
		return c.args[i].eval(row)
	}
	return nil
}

func compileCase(args []*dialect.Expr, s scope) (Type, node, error) {
	types, nodes, err := compileAll(args, s)
	if err != nil {
		return Type{}, nil, err
	}
	t := value.Null
	condition := func(i int) bool { return i%2 == 0 && i+1 < len(args) }
	for i := range types {
		if condition(i) {
			nodes[i], err = convert(nodes[i], types[i], boolean)
		} else {
			t, err = common(t, types[i])
		}
		if err != nil {
			return Type{}, nil, err
		}
	}
	for i := range nodes {
		if !condition(i) {
			if nodes[i], err = convert(nodes[i], types[i], t); err != nil {
				return Type{}, nil, err
			}
		}
	}
	return t, &choice{nodes}, nil
}

// path is a step into JSON.
type path struct {
	arg  node
	path []byte
}

func (p *path) eval(row [][]byte) []byte {
	v := p.arg.eval(row)
	if v == nil {
		return nil
	}
	return value.JSONPath(v, p.path)
}

func lower(v []byte) string { return strings.ToLower(string(bytes.TrimSpace(v))) }

package streamload

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// datum is a value while an expression is computed. Its bytes belong to the node that computed it.
type datum struct {
	bytes []byte
	null  bool
	json  bool // bytes are printed JSON, not plain text
}

// expression computes a value from the text of the source fields of one row. Each node owns its result's memory, so that
// rows allocate nothing; an expression is used by one goroutine.
type expression interface {
	eval(fields []datum) datum
}

type (
	reference int // index of a source field
	literal   struct{ datum }
	call      struct {
		function function
		args     []expression
		values   []datum
		buf      []byte
	}
	function func(dst []byte, args []datum) (value []byte, isJSON, ok bool)
)

func (r reference) eval(fields []datum) datum { return fields[r] }
func (l literal) eval([]datum) datum          { return l.datum }

// eval is NULL as soon as one argument is; a function that fails is NULL too, as in the original, strict mode or not.
func (c *call) eval(fields []datum) datum {
	for i, a := range c.args {
		if c.values[i] = a.eval(fields); c.values[i].null {
			return datum{null: true}
		}
	}
	value, isJSON, ok := c.function(c.buf[:0], c.values)
	c.buf = value
	return datum{bytes: value, null: !ok, json: isJSON}
}

// functions are the ones that a restore needs to carry values exactly; arity -1 is any number of arguments.
var functions = map[string]struct {
	arity [2]int
	call  function
}{
	"unhex":                {[2]int{1, 1}, text(unhex)},
	"hex_decode_binary":    {[2]int{1, 1}, text(unhex)},
	"hex":                  {[2]int{1, 1}, text(func(dst, s []byte) ([]byte, bool) { return []byte(strings.ToUpper(hex.EncodeToString(s))), true })},
	"from_base64":          {[2]int{1, 1}, text(fromBase64)},
	"base64_decode_binary": {[2]int{1, 1}, text(fromBase64)},
	"to_binary":            {[2]int{1, 2}, toBinary},
	"concat":               {[2]int{1, -1}, concat},
	"parse_json": {[2]int{1, 1}, func(dst []byte, args []datum) ([]byte, bool, bool) {
		value, ok := AppendJSON(dst, args[0].bytes)
		return value, true, ok
	}},
	"json_query": {[2]int{2, 2}, jsonQuery},
}

func text(f func(dst, s []byte) ([]byte, bool)) function {
	return func(dst []byte, args []datum) ([]byte, bool, bool) {
		value, ok := f(dst, args[0].bytes)
		return value, false, ok
	}
}

// unhex of an odd number of digits or of other text is the empty string, not NULL (be:exprs/string_functions.cpp).
func unhex(dst, s []byte) ([]byte, bool) {
	value, err := hex.AppendDecode(dst, s)
	if err != nil {
		return dst, true
	}
	return value, true
}

// fromBase64 of an empty string is NULL (be:exprs/encryption_functions.cpp).
func fromBase64(dst, s []byte) ([]byte, bool) {
	value, err := base64.StdEncoding.AppendDecode(dst, s)
	return value, err == nil && len(s) > 0
}

// toBinary has the formats hex (also for a name that it does not know), encode64 and utf8 (be:exprs/binary_functions.cpp).
func toBinary(dst []byte, args []datum) ([]byte, bool, bool) {
	format := "hex"
	if len(args) == 2 {
		format = strings.ToLower(string(args[1].bytes))
	}
	convert := unhex
	switch format {
	case "utf8":
		return append(dst, args[0].bytes...), false, true
	case "encode64":
		convert = fromBase64
	}
	value, ok := convert(dst, args[0].bytes)
	return value, false, ok
}

// concat of more than the longest string is NULL.
func concat(dst []byte, args []datum) ([]byte, bool, bool) {
	for _, a := range args {
		dst = append(dst, a.bytes...)
	}
	return dst, false, len(dst) <= MaxString
}

func jsonQuery(dst []byte, args []datum) ([]byte, bool, bool) {
	value, ok := firstElement(dst, args[0].bytes)
	return value, true, ok
}

// assignment is one item of the columns header: a source field, or a column computed by an expression.
type assignment struct {
	name string
	tree *node // nil for a field
}

// node is a parsed expression before its names are resolved.
type node struct {
	kind nodeKind
	text string // name of a column or function, text of a literal
	typ  Type   // cast
	args []*node
}

type nodeKind int

const (
	columnNode nodeKind = iota
	literalNode
	nullNode
	callNode
	castNode
)

// parseColumns parses the columns header: a list of names and of name = expression.
func parseColumns(header string) ([]assignment, error) {
	p := &columnParser{text: header}
	var list []assignment
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		a := assignment{name: name}
		if p.take('=') {
			if a.tree, err = p.expression(0); err != nil {
				return nil, err
			}
		}
		list = append(list, a)
		if p.blanks(); p.at == len(p.text) {
			return list, nil
		}
		if !p.take(',') {
			return nil, p.unexpected("a comma")
		}
	}
}

type columnParser struct {
	text string
	at   int
}

func (p *columnParser) blanks() {
	for p.at < len(p.text) && isSpace(p.text[p.at]) {
		p.at++
	}
}

func (p *columnParser) take(b byte) bool {
	p.blanks()
	if p.at < len(p.text) && p.text[p.at] == b {
		p.at++
		return true
	}
	return false
}

func (p *columnParser) unexpected(wanted string) error {
	return native("Getting syntax error in columns at position %d: %s expected", p.at+1, wanted)
}

func (p *columnParser) name() (string, error) {
	if p.take('`') {
		end := strings.IndexByte(p.text[p.at:], '`')
		if end < 1 {
			return "", p.unexpected("a name in back quotes")
		}
		name := p.text[p.at : p.at+end]
		p.at += end + 1
		return name, nil
	}
	start := p.at
	for p.at < len(p.text) && isNameByte(p.text[p.at]) {
		p.at++
	}
	if start == p.at {
		return "", p.unexpected("a column name")
	}
	return p.text[start:p.at], nil
}

func isNameByte(b byte) bool {
	return isDigit(b) || b == '_' || b == '$' || b|0x20 >= 'a' && b|0x20 <= 'z' || b >= 0x80
}

// maxExpressionDepth bounds the recursion of hostile headers.
const maxExpressionDepth = 64

func (p *columnParser) expression(depth int) (*node, error) {
	p.blanks()
	switch {
	case depth > maxExpressionDepth || p.at == len(p.text):
		return nil, p.unexpected("an expression")
	case p.text[p.at] == '\'' || p.text[p.at] == '"':
		return p.quoted()
	case isDigit(p.text[p.at]) || p.text[p.at] == '-':
		start := p.at
		for p.at++; p.at < len(p.text) && (isDigit(p.text[p.at]) || p.text[p.at] == '.'); p.at++ {
		}
		return &node{kind: literalNode, text: p.text[start:p.at]}, nil
	}
	quoted := p.text[p.at] == '`'
	name, err := p.name()
	switch {
	case err != nil:
		return nil, err
	case quoted || !p.take('('):
		if !quoted && strings.EqualFold(name, "null") {
			return &node{kind: nullNode}, nil
		}
		return &node{kind: columnNode, text: name}, nil
	case strings.EqualFold(name, "cast"):
		return p.cast(depth)
	}
	n := &node{kind: callNode, text: strings.ToLower(name)}
	if p.take(')') {
		return n, nil
	}
	for {
		arg, err := p.expression(depth + 1)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, arg)
		if p.take(')') {
			return n, nil
		}
		if !p.take(',') {
			return nil, p.unexpected("a comma or a closing parenthesis")
		}
	}
}

// quoted reads a string literal with backslash escapes and doubled quotes.
func (p *columnParser) quoted() (*node, error) {
	quote := p.text[p.at]
	var value strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		switch b := p.text[p.at]; {
		case b == '\\' && p.at+1 < len(p.text):
			p.at++
			value.WriteByte(unescape(p.text[p.at]))
		case b != quote:
			value.WriteByte(b)
		case p.at+1 < len(p.text) && p.text[p.at+1] == quote:
			p.at++
			value.WriteByte(quote)
		default:
			p.at++
			return &node{kind: literalNode, text: value.String()}, nil
		}
	}
	return nil, p.unexpected("a closing quote")
}

func unescape(b byte) byte {
	switch b {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case '0':
		return 0
	}
	return b
}

func (p *columnParser) cast(depth int) (*node, error) {
	arg, err := p.expression(depth + 1)
	if err != nil {
		return nil, err
	}
	if as, err := p.name(); err != nil || !strings.EqualFold(as, "as") {
		return nil, p.unexpected("AS")
	}
	end := strings.IndexByte(p.text[p.at:], ')')
	if open := strings.IndexByte(p.text[p.at:], '('); open >= 0 && open < end {
		next := strings.IndexByte(p.text[p.at+end+1:], ')')
		if next < 0 {
			return nil, p.unexpected("a closing parenthesis")
		}
		end += 1 + next
	}
	if end < 0 {
		return nil, p.unexpected("a closing parenthesis")
	}
	typ, err := ParseType(p.text[p.at : p.at+end])
	if err != nil {
		return nil, err
	}
	p.at += end + 1
	return &node{kind: castNode, typ: typ, args: []*node{arg}}, nil
}

// ParseType parses a scalar type as SQL writes it, e.g. "decimal(10, 2)" or "int(11)".
func ParseType(text string) (Type, error) {
	name, arguments, _ := strings.Cut(strings.TrimSpace(text), "(")
	t := Type{Name: strings.ToUpper(strings.TrimSpace(name))}
	var a, b int
	switch n, _ := fmt.Sscanf(strings.ReplaceAll(arguments, ",", " "), "%d %d", &a, &b); t.Name {
	case "STRING", "TEXT":
		t.Name = "VARCHAR"
	case "BINARY":
		t.Name = "VARBINARY"
	case "INTEGER":
		t.Name = "INT"
	case "CHAR", "VARCHAR", "VARBINARY":
		t.Length = a
	case "DECIMAL", "DECIMAL32", "DECIMAL64", "DECIMAL128", "DECIMALV3", "DECIMALV2", "NUMERIC":
		t.Name, t.Precision, t.Scale = "DECIMAL", a, b
		if n == 0 {
			t.Precision = 10
		}
	case "CHARACTER":
		t.Name, t.Length = "CHAR", a
	}
	if t.Name == "CHAR" && t.Length == 0 {
		t.Length = 1
	}
	_, err := NewConverter(t)
	return t, err
}

// columnsOf calls f for every column that the expression names.
func (n *node) columnsOf(f func(name string)) {
	if n.kind == columnNode {
		f(n.text)
	}
	for _, a := range n.args {
		a.columnsOf(f)
	}
}

// build resolves the names of source fields.
func (n *node) build(field func(name string) (int, bool)) (expression, error) {
	switch n.kind {
	case literalNode:
		return literal{datum{bytes: []byte(n.text)}}, nil
	case nullNode:
		return literal{datum{null: true}}, nil
	case columnNode:
		i, ok := field(n.text)
		if !ok {
			return nil, native("Column '%s' cannot be resolved.", n.text)
		}
		return reference(i), nil
	}
	c := &call{values: make([]datum, len(n.args))}
	for _, a := range n.args {
		arg, err := a.build(field)
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, arg)
	}
	if n.kind == castNode {
		convert, err := NewConverter(n.typ)
		c.function = func(dst []byte, args []datum) ([]byte, bool, bool) {
			value, ok := convert(dst, args[0].bytes)
			return value, n.typ.Name == "JSON", ok
		}
		return c, err
	}
	f, known := functions[n.text]
	if !known || len(n.args) < f.arity[0] || f.arity[1] >= 0 && len(n.args) > f.arity[1] {
		return nil, native("No matching function with signature: %s(%s).", n.text, strings.TrimSuffix(strings.Repeat("varchar, ", len(n.args)), ", "))
	}
	if n.text == "json_query" && (n.args[1].kind != literalNode || n.args[1].text != "$[0]") {
		return nil, fmt.Errorf("the sandbox computes json_query(…, '$[0]') only")
	}
	c.function = f.call
	return c, nil
}

// convertTo turns a computed value into the printed form of a column; ok is false when it becomes NULL.
func (d datum) convertTo(t Type, convert Converter, dst []byte) (value []byte, ok bool) {
	switch {
	case t.Name == "JSON" && d.json:
		return append(dst, d.bytes...), true
	case t.Name == "CHAR" || t.Name == "VARCHAR" || t.Name == "VARBINARY":
		// Bytes as they are: lengths are checked when the row is stored, and base64 is the CSV reader's business only.
		return append(dst, d.bytes...), true
	case d.json:
		return convert(dst, bytes.Trim(d.bytes, `"`))
	}
	return convert(dst, d.bytes)
}

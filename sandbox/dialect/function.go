package dialect

import "strings"

// Statements on functions.
type (
	// CreateFunction is CREATE FUNCTION: of a file, or with a Body an expression over its arguments.
	CreateFunction struct {
		Name        ObjectName
		Global      bool
		IfNotExists bool
		Replace     bool
		Kind        string // AGGREGATE, TABLE, or empty
		Arguments   []Argument
		Variadic    bool
		Returns     Type
		Properties  map[string]string
		Body        string // of an SQL function
	}
	// Argument is an argument of a function; only SQL functions name theirs.
	Argument struct {
		Name string
		Type Type
	}
	// DropFunction is DROP FUNCTION.
	DropFunction struct {
		Name      ObjectName
		Global    bool
		IfExists  bool
		Arguments []Argument
		Variadic  bool
	}
)

func (p *Parser) createFunction(replace bool) (_ Statement, err error) {
	s := &CreateFunction{Replace: replace, Global: p.take("GLOBAL")}
	s.Kind, _ = p.takeAny("AGGREGATE", "TABLE")
	if err := p.expect("FUNCTION"); err != nil {
		return nil, err
	}
	s.IfNotExists = p.take("IF", "NOT", "EXISTS")
	if s.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	named, err := p.arguments(&s.Arguments, &s.Variadic)
	if err != nil {
		return nil, err
	}
	if err := p.expect("RETURNS"); err != nil {
		return nil, err
	}
	if named || len(s.Arguments) == 0 && !p.typeAhead() {
		s.Body = p.rest()
		return s, nil
	}
	if s.Returns, err = p.columnType(); err != nil {
		return nil, err
	}
	s.Properties, err = p.optionalProperties()
	return finish(p, s, err)
}

// typeAhead tells whether a type is followed by PROPERTIES or the end.
func (p *Parser) typeAhead() bool {
	start := p.at
	defer func() { p.at = start }()
	_, err := p.columnType()
	return err == nil && (p.ahead("PROPERTIES") || p.peek().Kind == End || p.ahead(";"))
}

// arguments reads (type, … [, ...]) or (name type, …), and tells whether they have names.
func (p *Parser) arguments(into *[]Argument, variadic *bool) (named bool, err error) {
	err = p.list(func() error {
		if p.take(".", ".", ".") {
			*variadic = true
			return nil
		}
		start := p.at
		a := Argument{}
		a.Type, err = p.columnType()
		if err != nil || !p.ahead(",") && !p.ahead(")") {
			p.at, named = start, true
			if a.Name, err = p.name(); err != nil {
				return err
			}
			if a.Type, err = p.columnType(); err != nil {
				return err
			}
		}
		*into = append(*into, a)
		return nil
	})
	return named, err
}

func (p *Parser) dropFunction(global bool) (_ Statement, err error) {
	s := &DropFunction{Global: global, IfExists: p.take("IF", "EXISTS")}
	if s.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	_, err = p.arguments(&s.Arguments, &s.Variadic)
	return finish(p, s, err)
}

// Primitive is the name of the type as functions print it (fe-type PrimitiveType): decimals by their width, nested types
// by their outer name.
func (t Type) Primitive() string {
	switch {
	case t.Name != "DECIMAL":
		return t.Name
	case t.Precision <= 9:
		return "DECIMAL32"
	case t.Precision <= 18:
		return "DECIMAL64"
	case t.Precision <= 38:
		return "DECIMAL128"
	}
	return "DECIMAL256"
}

// Signature prints a function as SHOW FULL FUNCTIONS does (fe:catalog/Function.getSignature).
func Signature(name string, arguments []Argument, variadic bool) string {
	types := make([]string, len(arguments))
	for i, a := range arguments {
		types[i] = a.Type.Primitive()
	}
	text := name + "(" + strings.Join(types, ",")
	if variadic {
		text += ", ..."
	}
	return text + ")"
}

// SQLBody writes the body of an SQL function with its arguments in back quotes, as the server keeps it.
func SQLBody(body string, arguments []Argument) (string, error) {
	columns := make([]Output, len(arguments))
	for i, a := range arguments {
		columns[i] = Output{Name: a.Name}
	}
	p, err := NewParser(body)
	if err != nil {
		return "", err
	}
	r := &resolver{Parser: p}
	text, err := r.expression(&scope{relations: []relation{{columns: columns}}}, func(Token) bool { return false })
	if err != nil {
		return "", err
	}
	return text, p.end()
}

// maxExpansion bounds how deep functions that use functions are expanded.
const maxExpansion = 16

// ExpandFunctions puts the bodies of functions in the place of their calls. find returns the body and the arguments of a
// function of that many arguments; not ok: it is none of the user's.
func ExpandFunctions(query string, find func(name ObjectName, given int) (body string, arguments []Argument, ok bool, err error)) (string, error) {
	for range maxExpansion {
		expanded, found, err := expandOnce(query, find)
		if err != nil || !found {
			return expanded, err
		}
		query = expanded
	}
	return query, nil
}

func expandOnce(query string, find func(ObjectName, int) (string, []Argument, bool, error)) (string, bool, error) {
	p, err := NewParser(query)
	if err != nil {
		return query, false, nil // whoever runs it tells what is wrong
	}
	var out strings.Builder
	copied, found := 0, false
	for p.peek().Kind != End {
		start := p.at
		name, err := p.objectName()
		if err != nil || !p.take("(") {
			p.at = start + 1
			continue
		}
		after := p.at
		given, ok := p.callArguments()
		var body string
		var arguments []Argument
		if ok {
			if body, arguments, ok, err = find(name, len(given)); err != nil {
				return "", false, err
			}
		}
		if !ok {
			p.at = after
			continue
		}
		text, err := substitute(body, arguments, given)
		if err != nil {
			return "", false, err
		}
		out.WriteString(query[copied:p.tokens[start].Start] + "(" + text + ")")
		copied, found = p.tokens[p.at-1].Stop, true
	}
	return out.String() + query[copied:], found, nil
}

// callArguments reads the texts of the arguments of a call, behind its opening parenthesis.
func (p *Parser) callArguments() (given []string, ok bool) {
	if p.take(")") {
		return nil, true
	}
	for {
		given = append(given, strings.TrimSpace(p.balanced()))
		if p.take(")") {
			return given, true
		}
		if !p.take(",") {
			return nil, false
		}
	}
}

// substitute puts values in the place of the arguments of a body.
func substitute(body string, arguments []Argument, given []string) (string, error) {
	tokens, err := Scan(body)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	copied := 0
	for _, t := range tokens {
		for i, a := range arguments {
			if (t.Kind == Word || t.Kind == Quoted) && a.Name != "" && strings.EqualFold(t.Text, a.Name) {
				out.WriteString(body[copied:t.Start] + "(" + given[i] + ")")
				copied = t.Stop
			}
		}
	}
	return out.String() + body[copied:], nil
}

package dialect

import (
	"slices"
	"strings"
)

// Definition is the query of a view with every name in full, as the analyzer of the server prints it
// (fe:sql/formatter/AST2SQLVisitor), but for the expressions: they keep the form in which they were written.
type Definition struct {
	Text    string
	Columns []Output
	Tables  []ObjectName // what it reads, each once
}

// Output is a column of a query.
type Output struct {
	Name     string
	Column   *Column // where it is a column of a table and nothing else
	Call     string  // where it is a function of one argument: its name in lower case
	Argument *Column // of Call, where it is a column
}

// Lookup returns the columns of a table or view, or the error that the server gives for its name.
type Lookup func(ObjectName) ([]Column, error)

// Resolve writes the names of a query in full. Names without a database are those of the given one. A column that no
// relation has is left as it is: it may be a parameter of a lambda or an alias, else running the query tells.
func Resolve(query, database string, lookup Lookup) (*Definition, error) {
	p, err := NewParser(query)
	if err != nil {
		return nil, err
	}
	r := &resolver{Parser: p, database: database, lookup: lookup}
	text, outputs, err := r.query(nil)
	if err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return &Definition{Text: text, Columns: outputs, Tables: r.tables}, nil
}

type resolver struct {
	*Parser
	database string
	lookup   Lookup
	tables   []ObjectName
}

// scope is what names mean in one SELECT.
type scope struct {
	outer     *scope
	ctes      map[string][]Output // by lower case name
	relations []relation
	aliases   map[string]bool // of the select list, lower case; seen by ORDER BY only
}

// relation is one entry of FROM.
type relation struct {
	database string // of a table without an alias
	name     string
	prefix   string // how its columns are written, with the dot
	columns  []Output
}

func (s *scope) cte(name string) ([]Output, bool) {
	for ; s != nil; s = s.outer {
		if outputs, ok := s.ctes[strings.ToLower(name)]; ok {
			return outputs, true
		}
	}
	return nil, false
}

// find returns the relation that has a column; nil when none or several have it.
func (s *scope) find(database, table, column string) (*relation, *Output) {
	for ; s != nil; s = s.outer {
		var found *relation
		var output *Output
		for i := range s.relations {
			r := &s.relations[i]
			if table != "" && r.name != table || database != "" && r.database != database {
				continue
			}
			at := slices.IndexFunc(r.columns, func(o Output) bool { return strings.EqualFold(o.Name, column) })
			if at < 0 {
				continue
			}
			if found != nil {
				return nil, nil
			}
			found, output = r, &r.columns[at]
		}
		if found != nil {
			return found, output
		}
	}
	return nil, nil
}

func backQuote(name string) string { return "`" + name + "`" }

// query reads [WITH …] term {UNION term} and what follows the last term.
func (r *resolver) query(outer *scope) (string, []Output, error) {
	s := &scope{outer: outer, ctes: map[string][]Output{}}
	var b strings.Builder
	if r.take("WITH") {
		if err := r.with(s, &b); err != nil {
			return "", nil, err
		}
	}
	text, outputs, err := r.term(s)
	if err != nil {
		return "", nil, err
	}
	b.WriteString(text)
	for {
		operator, ok := r.takeAny("UNION", "EXCEPT", "MINUS", "INTERSECT")
		if !ok {
			break
		}
		if quantity, ok := r.takeAny("ALL", "DISTINCT"); ok {
			operator += " " + quantity
		}
		more, _, err := r.term(s)
		if err != nil {
			return "", nil, err
		}
		b.WriteString(" " + operator + " " + more)
		for i := range outputs { // of no table alone
			outputs[i].Column = nil
		}
	}
	tail, err := r.expression(s, func(Token) bool { return false })
	if tail != "" {
		b.WriteString(" " + tail)
	}
	return b.String(), outputs, err
}

func (r *resolver) with(s *scope, b *strings.Builder) error {
	b.WriteString("WITH ")
	for first := true; first || r.take(","); first = false {
		if !first {
			b.WriteString(", ")
		}
		name, err := r.name()
		if err != nil {
			return err
		}
		b.WriteString(backQuote(name))
		names, err := r.optionalNames(b)
		if err != nil {
			return err
		}
		if err := r.expect("AS", "("); err != nil {
			return err
		}
		text, outputs, err := r.query(s)
		if err != nil {
			return err
		}
		b.WriteString(" AS (" + text + ")")
		s.ctes[strings.ToLower(name)] = renamed(outputs, names)
		if err := r.expect(")"); err != nil {
			return err
		}
	}
	b.WriteString(" ")
	return nil
}

// optionalNames reads [(a, b)] and writes it.
func (r *resolver) optionalNames(b *strings.Builder) ([]string, error) {
	if !r.ahead("(") {
		return nil, nil
	}
	names, err := r.nameList()
	if err == nil {
		b.WriteString(" (`" + strings.Join(names, "`, `") + "`)")
	}
	return names, err
}

func renamed(outputs []Output, names []string) []Output {
	out := slices.Clone(outputs)
	for i := range min(len(names), len(out)) {
		out[i].Name = names[i]
	}
	return out
}

func (r *resolver) term(s *scope) (string, []Output, error) {
	switch {
	case r.take("("):
		text, outputs, err := r.query(s)
		if err != nil {
			return "", nil, err
		}
		return "(" + text + ")", outputs, r.expect(")")
	case r.take("SELECT"):
		return r.selectTerm(&scope{outer: s})
	case r.ahead("VALUES"):
		text, err := r.expression(s, setOperator)
		return text, nil, err
	}
	return "", nil, r.unexpected("SELECT")
}

func setOperator(t Token) bool {
	return t.is("UNION") || t.is("EXCEPT") || t.is("MINUS") || t.is("INTERSECT")
}

// selectTerm reads a SELECT behind its first word. FROM comes first, for it says what the names before it mean.
func (r *resolver) selectTerm(s *scope) (string, []Output, error) {
	var b strings.Builder
	b.WriteString("SELECT ")
	if quantity, ok := r.takeAny("DISTINCT", "ALL"); ok {
		b.WriteString(quantity + " ")
	}
	items := r.at
	from := ""
	if r.skipTo("FROM") {
		r.next()
		var err error
		if from, err = r.from(s); err != nil {
			return "", nil, err
		}
	}
	rest := r.at
	r.at = items
	list, outputs, err := r.items(s)
	if err != nil {
		return "", nil, err
	}
	b.WriteString(list)
	if from != "" {
		b.WriteString("\nFROM " + from)
	}
	r.at = rest
	s.aliases = map[string]bool{}
	for _, o := range outputs {
		s.aliases[strings.ToLower(o.Name)] = true
	}
	tail, err := r.expression(s, setOperator)
	if tail != "" {
		b.WriteString("\n" + tail)
	}
	return b.String(), outputs, err
}

// skipTo goes to a word on this level, or to the end of this SELECT.
func (r *resolver) skipTo(word string) bool {
	for depth := 0; ; r.at++ {
		t := r.peek()
		switch {
		case t.Kind == End, depth == 0 && (t.is(")") || setOperator(t) || t.is(";")):
			return false
		case depth == 0 && t.is(word):
			return true
		case depth == 0 && (t.is("WHERE") || t.is("GROUP") || t.is("ORDER") || t.is("LIMIT")):
			return false
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		}
	}
}

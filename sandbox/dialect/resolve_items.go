package dialect

import "strings"

func itemEnd(t Token) bool {
	return t.is(",") || t.is("AS") || clauseWords[strings.ToUpper(t.Text)] && t.Kind == Word || t.is("FROM")
}

func (r *resolver) items(s *scope) (string, []Output, error) {
	var parts []string
	var outputs []Output
	for {
		part, out, err := r.item(s)
		if err != nil {
			return "", nil, err
		}
		parts, outputs = append(parts, part), append(outputs, out...)
		if !r.take(",") {
			return strings.Join(parts, ", "), outputs, nil
		}
	}
}

func (r *resolver) item(s *scope) (string, []Output, error) {
	if text, outputs, ok := r.star(s); ok {
		return text, outputs, nil
	}
	start := r.at
	output := r.plain(s)
	r.at = start
	text, err := r.expression(s, func(t Token) bool { return itemEnd(t) || r.aliasAhead(start, t) })
	if err != nil {
		return "", nil, err
	}
	if r.at == start {
		return "", nil, r.unexpected("an expression")
	}
	written := collapse(r.sql[r.tokens[start].Start:r.tokens[r.at-1].Stop])
	name := written
	if output != nil {
		name = output.Name
	}
	named := output == nil
	if r.take("AS") || r.peek().Kind == Quoted || r.peek().Kind == String || r.peek().Kind == Word && !itemEnd(r.peek()) && !setOperator(r.peek()) {
		alias, err := r.nameOrString()
		if err != nil {
			return "", nil, err
		}
		named, name = !strings.EqualFold(alias, name) || named, alias
	}
	if named {
		text += " AS " + backQuote(name)
	}
	out := Output{Name: name}
	if output != nil {
		out.Column = output.Column
	} else {
		out.Call, out.Argument = r.call(s, start)
	}
	return text, []Output{out}, nil
}

// call reads the item that begins at start once more, as f(column) or count(…).
func (r *resolver) call(s *scope, start int) (function string, argument *Column) {
	stop := r.at
	defer func() { r.at = stop }()
	r.at = start
	function = strings.ToLower(r.next().Text)
	if !r.take("(") {
		return "", nil
	}
	r.take("DISTINCT")
	if parts := r.chain(); parts != nil {
		database, table, column := split(parts)
		if _, output := s.find(database, table, column); output != nil {
			argument = output.Column
		}
	} else {
		r.take("*")
	}
	if !r.take(")") || r.at != stop && !r.ahead("AS") && !r.aliasAhead(start, r.peek()) {
		return "", nil
	}
	return function, argument
}

// aliasAhead tells whether t, behind a complete expression, is an alias without AS.
func (r *resolver) aliasAhead(start int, t Token) bool {
	if r.at == start || t.Kind != Word && t.Kind != Quoted || t.Kind == Word && expressionWords[strings.ToUpper(t.Text)] {
		return false
	}
	last := r.tokens[r.at-1]
	ends := last.Kind == Number || last.Kind == String || last.Kind == Quoted || last.is(")") || last.is("]") || last.is("END") ||
		last.Kind == Word && !expressionWords[strings.ToUpper(last.Text)] || last.is("NULL") || last.is("TRUE") || last.is("FALSE")
	next := r.peekAt(1)
	return ends && (next.Kind == End || next.is(",") || next.is("FROM") || next.is(")") || next.is(";") || setOperator(next))
}

// plain reads an item that is a column and nothing else, or returns nil.
func (r *resolver) plain(s *scope) *Output {
	parts := r.chain()
	if parts == nil || len(parts) > 3 || r.ahead("(") {
		return nil
	}
	if t := r.peek(); t.Kind != End && !itemEnd(t) && !t.is(")") && !t.is(";") && !setOperator(t) && !r.aliasAhead(r.at-1, t) {
		return nil
	}
	database, table, column := split(parts)
	_, output := s.find(database, table, column)
	return output
}

// chain reads a.b.c, or nil when no name is ahead.
func (r *resolver) chain() (parts []string) {
	for {
		t := r.peek()
		if t.Kind != Quoted && (t.Kind != Word || len(parts) == 0 && expressionWords[strings.ToUpper(t.Text)]) {
			return parts
		}
		parts = append(parts, r.next().Text)
		if next := r.peekAt(1); !r.ahead(".") || next.Kind != Word && next.Kind != Quoted {
			return parts
		}
		r.next()
	}
}

func split(parts []string) (database, table, column string) {
	switch n := len(parts); n {
	case 1:
		return "", "", parts[0]
	case 2:
		return "", parts[0], parts[1]
	default:
		return parts[n-3], parts[n-2], parts[n-1]
	}
}

// star reads * or t.* as an item and writes out its columns.
func (r *resolver) star(s *scope) (string, []Output, bool) {
	table, start := "", r.at
	if !r.ahead("*") {
		parts := r.chain()
		if parts == nil || !r.take(".") || !r.ahead("*") {
			r.at = start
			return "", nil, false
		}
		table = parts[len(parts)-1]
	}
	r.next()
	var texts []string
	var outputs []Output
	for _, rel := range s.relations {
		if table != "" && rel.name != table {
			continue
		}
		for _, c := range rel.columns {
			texts = append(texts, rel.prefix+backQuote(c.Name))
			outputs = append(outputs, c)
		}
	}
	return strings.Join(texts, ", "), outputs, true
}

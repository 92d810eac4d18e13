package dialect

import (
	"slices"
	"strings"
)

// from reads the relations of a SELECT into its scope.
func (r *resolver) from(s *scope) (string, error) {
	var b strings.Builder
	if err := r.relation(s, &b); err != nil {
		return "", err
	}
	for {
		join := r.joinWords()
		if join == "" {
			return b.String(), nil
		}
		b.WriteString(join)
		if err := r.relation(s, &b); err != nil {
			return "", err
		}
		switch {
		case r.take("ON"):
			text, err := r.expression(s, func(t Token) bool { return t.is(",") || itemEnd(t) && !t.is("AS") || joinStart(t) })
			if err != nil {
				return "", err
			}
			b.WriteString(" ON " + text)
		case r.take("USING"):
			b.WriteString(" USING")
			if _, err := r.optionalNames(&b); err != nil {
				return "", err
			}
		}
	}
}

func joinStart(t Token) bool {
	for _, w := range []string{"JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS"} {
		if t.is(w) {
			return true
		}
	}
	return false
}

func (r *resolver) joinWords() string {
	if r.take(",") {
		return ", "
	}
	start := r.at
	var words []string
	for {
		w, ok := r.takeAny("INNER", "LEFT", "RIGHT", "FULL", "CROSS", "OUTER", "SEMI", "ANTI", "JOIN", "LATERAL")
		if !ok {
			break
		}
		words = append(words, w)
	}
	if len(words) == 0 || words[0] == "OUTER" || !slices.Contains(words, "JOIN") {
		r.at = start
		return ""
	}
	return " " + strings.Join(words, " ") + " "
}

func (r *resolver) relation(s *scope, b *strings.Builder) error {
	switch {
	case r.ahead("(", "SELECT"), r.ahead("(", "WITH"), r.ahead("(", "("):
		r.next()
		text, outputs, err := r.query(s.outer)
		if err != nil {
			return err
		}
		b.WriteString("(" + text + ")")
		if err := r.expect(")"); err != nil {
			return err
		}
		return r.derived(s, b, outputs)
	case r.take("("):
		text, err := r.from(s)
		b.WriteString("(" + text + ")")
		if err != nil {
			return err
		}
		return r.expect(")")
	}
	if r.peekAt(1).is("(") { // a table function
		text, err := r.expression(s, func(t Token) bool {
			return t.is("AS") || t.is(",") || itemEnd(t) || joinStart(t) || r.aliasAhead(r.at-1, t)
		})
		b.WriteString(text)
		if err != nil {
			return err
		}
		return r.derived(s, b, nil)
	}
	return r.named(s, b)
}

// derived reads the alias of a subquery or a table function.
func (r *resolver) derived(s *scope, b *strings.Builder, outputs []Output) error {
	alias, err := r.alias()
	if err != nil {
		return err
	}
	if alias != "" {
		b.WriteString(" " + backQuote(alias))
	}
	names, err := r.optionalNames(b)
	if err != nil {
		return err
	}
	if outputs == nil {
		outputs = make([]Output, len(names))
	}
	s.relations = append(s.relations, relation{name: alias, prefix: prefixOf(alias), columns: renamed(outputs, names)})
	return nil
}

func prefixOf(alias string) string {
	if alias == "" {
		return ""
	}
	return backQuote(alias) + "."
}

func (r *resolver) alias() (string, error) {
	if r.take("AS") {
		return r.nameOrString()
	}
	t := r.peek()
	if t.Kind == Quoted || t.Kind == Word && !clauseWords[strings.ToUpper(t.Text)] && !joinStart(t) && !setOperator(t) {
		return r.next().Text, nil
	}
	return "", nil
}

// named reads a table, a view or a name of WITH.
func (r *resolver) named(s *scope, b *strings.Builder) error {
	name, err := r.objectName()
	if err != nil {
		return err
	}
	rel := relation{name: name.Name}
	if outputs, ok := s.cte(name.Name); ok && name.Database == "" {
		b.WriteString(backQuote(name.Name))
		rel.prefix, rel.columns = prefixOf(name.Name), outputs
	} else {
		if name.Database == "" {
			name.Database = r.database
		}
		columns, err := r.lookup(name)
		if err != nil {
			return err
		}
		if !slices.Contains(r.tables, name) {
			r.tables = append(r.tables, name)
		}
		full := backQuote(name.Database) + "." + backQuote(name.Name)
		b.WriteString(full)
		rel.database, rel.prefix = name.Database, full+"."
		for i := range columns {
			rel.columns = append(rel.columns, Output{Name: columns[i].Name, Column: &columns[i]})
		}
	}
	start := r.at
	h, err := r.hint()
	if err != nil {
		return err
	}
	if !h.none() {
		b.WriteString(" " + r.sql[r.tokens[start].Start:r.tokens[r.at-1].Stop])
	}
	alias, err := r.alias()
	if err != nil {
		return err
	}
	if alias != "" {
		b.WriteString(" AS " + backQuote(alias))
		rel.database, rel.name, rel.prefix = "", alias, prefixOf(alias)
	}
	s.relations = append(s.relations, rel)
	return nil
}

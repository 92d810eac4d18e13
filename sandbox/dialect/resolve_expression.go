package dialect

import "strings"

// expression copies tokens with the names of columns in full, up to a token on this level that stop names, a closing
// parenthesis or the end.
func (r *resolver) expression(s *scope, stop func(Token) bool) (string, error) {
	var b strings.Builder
	var opened []bool // per parenthesis: whether it is of a CAST, where AS is followed by a type
	ordered := false
	last := -1
	write := func(text string, first, next int) {
		if last >= 0 && r.tokens[last].Stop < r.tokens[first].Start {
			b.WriteByte(' ')
		}
		b.WriteString(text)
		last = next - 1
	}
	for {
		t := r.peek()
		if t.Kind == End || t.is(";") || len(opened) == 0 && (t.is(")") || stop(t)) {
			return b.String(), nil
		}
		at := r.at
		switch {
		case t.is("(") && (r.peekAt(1).is("SELECT") || r.peekAt(1).is("WITH")):
			r.next()
			text, _, err := r.query(s)
			if err != nil {
				return "", err
			}
			if err := r.expect(")"); err != nil {
				return "", err
			}
			write("("+text+")", at, r.at)
		case t.is("("):
			opened = append(opened, at > 0 && (r.tokens[at-1].is("CAST") || r.tokens[at-1].is("TRY_CAST")))
			r.next()
			write("(", at, r.at)
		case t.is(")"):
			opened = opened[:len(opened)-1]
			r.next()
			write(")", at, r.at)
		case t.is("AS") && len(opened) > 0 && opened[len(opened)-1]:
			r.balanced()
			write(r.sql[t.Start:r.tokens[r.at-1].Stop], at, r.at)
		case t.is("INTERVAL"):
			r.at += min(3, len(r.tokens)-1-r.at) // INTERVAL n unit
			write(r.sql[t.Start:r.tokens[r.at-1].Stop], at, r.at)
		default:
			ordered = ordered && len(opened) == 0 || t.is("ORDER") && len(opened) == 0
			write(r.column(s, ordered), at, r.at)
		}
	}
}

// column reads one token, or the name of a column, which it writes in full.
func (r *resolver) column(s *scope, ordered bool) string {
	at := r.at
	first := r.tokens[at]
	parts := r.chain()
	if parts == nil {
		r.next()
		return r.sql[first.Start:first.Stop]
	}
	written := r.sql[first.Start:r.tokens[r.at-1].Stop]
	if r.ahead("(") || r.ahead("-") && r.peekAt(1).is(">") && r.peekAt(1).Start == r.peek().Stop && len(parts) == 1 {
		return written // a function, or the parameter of a lambda
	}
	if len(parts) == 1 && ordered && s.aliases[strings.ToLower(parts[0])] {
		return backQuote(parts[0])
	}
	for n := min(3, len(parts)); n > 0; n-- { // what follows a column is a field of a STRUCT
		database, table, column := split(parts[:n])
		if rel, output := s.find(database, table, column); rel != nil {
			text := rel.prefix + backQuote(output.Name)
			for _, fieldName := range parts[n:] {
				text += "." + backQuote(fieldName)
			}
			return text
		}
	}
	return written
}

// collapse writes blanks as the name of an expression has them: one at most.
func collapse(s string) string { return strings.Join(strings.Fields(s), " ") }

// expressionWords are words that are no names where an expression stands.
var expressionWords = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields("SELECT DISTINCT ALL FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET ASC DESC NULLS FIRST LAST AND OR NOT XOR IS NULL " +
		"TRUE FALSE IN LIKE RLIKE REGEXP BETWEEN EXISTS CASE WHEN THEN ELSE END AS ON USING UNION EXCEPT MINUS INTERSECT INTERVAL DIV MOD OVER " +
		"PARTITION ROWS RANGE UNBOUNDED PRECEDING FOLLOWING CURRENT CAST TRY_CAST JOIN INNER LEFT RIGHT FULL CROSS OUTER QUALIFY VALUES WITH " +
		"CURRENT_DATE CURRENT_TIMESTAMP CURRENT_USER CURRENT_TIME SETS ROLLUP CUBE SEPARATOR ESCAPE") {
		words[w] = true
	}
	return words
}()

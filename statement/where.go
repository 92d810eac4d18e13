package statement

import (
	"strconv"
	"strings"
)

// filter reads [WHERE …] [ORDER BY …] [LIMIT …] (g4: showPredicateClauses).
func (p *parser) filter() Filter {
	var f Filter
	if p.accept("WHERE") {
		f.Where = p.condition()
	}
	if p.accept("ORDER") {
		p.expect("BY")
		for more := true; more; more = p.acceptSymbol(",") {
			o := Order{Position: p.peek().pos, Column: p.identifier("a column name")}
			if !p.accept("ASC") {
				o.Descending = p.accept("DESC")
			}
			f.Order = append(f.Order, o)
		}
	}
	if p.accept("LIMIT") {
		f.Limit = &Limit{Count: p.count()}
		switch {
		case p.accept("OFFSET"):
			f.Limit.Offset = p.count()
		case p.acceptSymbol(","):
			f.Limit.Offset, f.Limit.Count = f.Limit.Count, p.count()
		}
	}
	return f
}

func (p *parser) count() int {
	n, err := strconv.Atoi(p.peek().raw)
	if p.err != nil || p.peek().kind != number || err != nil {
		p.tried = append(p.tried, "a number of rows")
		p.unexpected("")
		return 0
	}
	p.advance()
	return n
}

func (p *parser) condition() Condition {
	c := p.conjunction()
	for p.accept("OR") {
		c = &Junction{Or: true, Left: c, Right: p.conjunction()}
	}
	return c
}

func (p *parser) conjunction() Condition {
	c := p.negation()
	for p.accept("AND") {
		c = &Junction{Left: c, Right: p.negation()}
	}
	return c
}

// deepest bounds the nesting of conditions, so that a hostile text cannot use up the stack.
const deepest = 200

func (p *parser) negation() Condition {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > deepest {
		p.fail(p.peek().pos, "Condition is nested too deeply", "")
	}
	switch {
	case p.accept("NOT"):
		return &Negation{Of: p.negation()}
	case p.acceptSymbol("("):
		c := p.condition()
		p.expectSymbol(")")
		return c
	}
	return p.predicate()
}

func (p *parser) predicate() Condition {
	at := p.peek().pos
	column := p.identifier("a column name")
	for _, operator := range []string{"=", "!=", "<>", "<=", "<", ">=", ">"} {
		if p.acceptSymbol(operator) {
			if operator == "<>" {
				operator = "!="
			}
			return &Comparison{Column: column, Operator: operator, Value: p.literal(), Position: at}
		}
	}
	not := p.accept("NOT")
	switch {
	case p.accept("LIKE"):
		return &Like{Column: column, Not: not, Pattern: p.text("a pattern in quotes"), Position: at}
	case p.accept("IN"):
		c := &In{Column: column, Not: not, Position: at}
		p.expectSymbol("(")
		for more := true; more; more = p.acceptSymbol(",") {
			c.Values = append(c.Values, p.literal())
		}
		p.expectSymbol(")")
		return c
	}
	p.unexpected("")
	return nil
}

func (p *parser) literal() Literal {
	t := p.peek()
	switch {
	case p.err != nil:
	case t.kind == literal:
		return Literal{Text: p.advance().value}
	case t.kind == number:
		return Literal{Text: p.advance().raw, Number: true}
	case t.isSymbol("-") && p.look(1).kind == number:
		p.advance()
		return Literal{Text: "-" + p.advance().raw, Number: true}
	case t.is("TRUE") || t.is("FALSE"):
		return Literal{Text: strings.ToLower(p.advance().raw)}
	default:
		p.tried = append(p.tried, "a value")
		hint := ""
		if t.kind == word || t.kind == quotedName {
			hint = "texts stand in ' or \""
		}
		p.unexpected(hint)
	}
	return Literal{}
}

// narrow takes the labels and the timestamp out of the WHERE of SHOW SNAPSHOT (fe: ShowSnapshotAnalyzer, which ignores
// operators and contradictions; they are refused here).
func (s *ShowSnapshot) narrow(where Condition, at Position) *Error {
	refused := wrong(at, "several labels: SNAPSHOT IN ('a', 'b')", "Where clause should looks like: SNAPSHOT = 'your_snapshot_name' [AND TIMESTAMP = '2018-04-18-19-19-10']")
	if in, ok := where.(*In); ok {
		return s.narrowIn(in, refused)
	}
	parts := []Condition{where}
	if j, ok := where.(*Junction); ok && !j.Or {
		parts = []Condition{j.Left, j.Right}
	}
	for _, part := range parts {
		c, ok := part.(*Comparison)
		if !ok || c.Operator != "=" || c.Value.Number || c.Value.Text == "" {
			return refused
		}
		switch {
		case strings.EqualFold(c.Column, "SNAPSHOT") && s.Labels == nil:
			s.Labels = []string{c.Value.Text}
		case strings.EqualFold(c.Column, "TIMESTAMP") && s.Timestamp == "":
			s.Timestamp = c.Value.Text
		default:
			return refused
		}
	}
	if s.Labels == nil {
		return refused
	}
	if s.Timestamp != "" && !timestampForm.MatchString(s.Timestamp) {
		return wrong(at, timestampHint, "Invalid timestamp: %s", s.Timestamp)
	}
	return checkLabel(s.Labels[0], at)
}

func (s *ShowSnapshot) narrowIn(in *In, refused *Error) *Error {
	if !strings.EqualFold(in.Column, "SNAPSHOT") {
		return wrong(in.Position, "", "Left expr of should be snapshot")
	}
	for _, v := range in.Values {
		if v.Number {
			return wrong(in.Position, "", "Child of in predicate should be string value")
		}
		if v.Text == "" { // passed over by the cluster too
			continue
		}
		if e := checkLabel(v.Text, in.Position); e != nil {
			return e
		}
		s.Labels = append(s.Labels, v.Text)
	}
	if in.Not || s.Labels == nil {
		return refused
	}
	s.In = true
	return nil
}

package dialect

import "strings"

// notColumns are words that begin what this grammar does not read, or end an expression.
var notColumns = map[string]bool{"SELECT": true, "FROM": true, "WHERE": true, "INTERVAL": true, "EXISTS": true, "DISTINCT": true, "ALL": true, "AS": true,
	"GROUP": true, "ORDER": true, "LIMIT": true, "UNION": true, "DEFAULT": true, "WHEN": true, "THEN": true, "ELSE": true, "END": true}

func (p *exprParser) word(e *Expr) (*Expr, error) {
	t := p.next()
	if t.Kind == Word {
		switch upper := strings.ToUpper(t.Text); {
		case upper == "NULL":
			e.Kind = NullExpr
			return e, nil
		case upper == "TRUE", upper == "FALSE":
			e.Kind, e.Text = BooleanExpr, map[string]string{"TRUE": "1", "FALSE": "0"}[upper]
			return e, nil
		case upper == "CASE":
			return p.caseWhen(e)
		case upper == "CAST" && p.ahead("("):
			return p.cast(e)
		case (upper == "DATE" || upper == "DATETIME" || upper == "TIMESTAMP") && p.peek().Kind == String:
			e.Kind, e.Type = CastExpr, Type{Name: map[bool]string{true: "DATE", false: "DATETIME"}[upper == "DATE"]}
			text := p.next()
			e.Args, e.Stop = []*Expr{{Kind: TextExpr, Text: text.Text}}, text.Stop
			return e, nil
		case notColumns[upper] || strings.HasPrefix(t.Text, "@"):
			p.at--
			return nil, p.unexpected("an expression")
		case p.ahead("("):
			e.Kind, e.Text = CallExpr, strings.ToLower(t.Text)
			return p.items(e, "(", ")", "")
		}
	}
	e.Kind = ColumnExpr
	for p.ahead(".") && p.peekAt(1).Kind != Number {
		p.next()
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		e.Path = append(e.Path, name)
	}
	e.Stop = p.tokens[p.at-1].Stop
	return e, nil
}

// argument reads one argument, which may be a lambda, and adds it to the call.
func (p *exprParser) argument(call *Expr) error {
	start := p.at
	if names := p.lambda(); names != nil {
		body, err := p.or()
		if err != nil {
			return err
		}
		call.Args = append(call.Args, &Expr{Kind: LambdaExpr, Names: names, Args: []*Expr{body}, Start: p.tokens[start].Start, Stop: body.Stop})
		return nil
	}
	p.at = start
	arg, err := p.or()
	call.Args = append(call.Args, arg)
	return err
}

// lambda reads x -> or (x, y) ->, or returns nil. An arrow before a string is one into JSON.
func (p *exprParser) lambda() (names []string) {
	if p.ahead("(") {
		var err error
		if names, err = p.nameList(); err != nil {
			return nil
		}
	} else if t := p.next(); t.Kind == Word || t.Kind == Quoted {
		names = []string{t.Text}
	}
	if names == nil || !p.take("-", ">") || p.peek().Kind == String {
		return nil
	}
	return names
}

func (p *exprParser) cast(e *Expr) (*Expr, error) {
	p.next()
	arg, err := p.or()
	if err != nil {
		return nil, err
	}
	if err := p.expect("AS"); err != nil {
		return nil, err
	}
	e.Kind, e.Args = CastExpr, []*Expr{arg}
	bare := p.peekAt(1).is(")")
	if e.Type, err = p.columnType(); err != nil {
		return nil, err
	}
	if bare && (e.Type.Text() || e.Type.Name == "VARBINARY") { // the length 1 is for columns alone
		e.Type.Length = 0
	}
	e.Stop = p.peek().Stop
	return e, p.expect(")")
}

func (p *exprParser) caseWhen(e *Expr) (*Expr, error) {
	e.Kind, e.Text = CaseExpr, ""
	var subject *Expr
	if !p.ahead("WHEN") {
		var err error
		if subject, err = p.or(); err != nil {
			return nil, err
		}
	}
	for p.take("WHEN") {
		when, err := p.or()
		if err != nil {
			return nil, err
		}
		if subject != nil {
			when = &Expr{Kind: OperatorExpr, Text: "=", Args: []*Expr{subject, when}}
		}
		if err := p.expect("THEN"); err != nil {
			return nil, err
		}
		e.Args = append(e.Args, when)
		if err := p.argument(e); err != nil {
			return nil, err
		}
	}
	if p.take("ELSE") {
		if err := p.argument(e); err != nil {
			return nil, err
		}
	}
	e.Stop = p.peek().Stop
	return e, p.expect("END")
}

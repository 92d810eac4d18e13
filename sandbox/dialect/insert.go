package dialect

// Insert is INSERT INTO or OVERWRITE.
type Insert struct {
	Table     ObjectName
	Overwrite bool
	Target    Hint
	Label     string
	Columns   []string  // nil: all
	Literals  [][]Value // VALUES of literals only
	Rows      []Tuple   // VALUES with expressions
	Query     string
}

// Tuple is a row of VALUES.
type Tuple struct {
	Exprs []*Expr // nil when this package does not read all of them
	Text  string
}

func (p *Parser) insert() (_ Statement, err error) {
	s := &Insert{}
	if p.take("OVERWRITE") {
		s.Overwrite = true
	} else {
		p.take("INTO")
	}
	p.take("TABLE")
	if s.Table, err = p.objectName(); err != nil {
		return nil, err
	}
	if s.Target, err = p.hint(); err != nil {
		return nil, err
	}
	if p.take("WITH", "LABEL") {
		if s.Label, err = p.nameOrString(); err != nil {
			return nil, err
		}
	}
	if p.take("PROPERTIES") {
		if _, err := p.properties(); err != nil {
			return nil, err
		}
	}
	if p.ahead("(") && !p.peekAt(1).is("SELECT") {
		if s.Columns, err = p.nameList(); err != nil {
			return nil, err
		}
	}
	if !p.take("VALUES") {
		s.Query = p.rest()
		return s, nil
	}
	if err := p.tuples(s); err != nil {
		return nil, err
	}
	return s, nil
}

// tuples reads VALUES: literals where all are, else expressions.
func (p *Parser) tuples(s *Insert) error {
	start := p.at
	for {
		values, err := p.literalTuple()
		if err != nil {
			break
		}
		s.Literals = append(s.Literals, values)
		if !p.take(",") {
			if p.end() == nil {
				return nil
			}
			break
		}
	}
	p.at, s.Literals = start, nil
	for {
		row, err := p.tuple()
		if err != nil {
			return err
		}
		s.Rows = append(s.Rows, row)
		if !p.take(",") {
			return p.end()
		}
	}
}

func (p *Parser) tuple() (row Tuple, err error) {
	start := p.at
	if err := p.list(func() error {
		e, err := p.expression()
		row.Exprs = append(row.Exprs, e)
		return err
	}); err == nil {
		row.Text = p.sql[p.tokens[start].Stop:p.tokens[p.at-1].Start]
		return row, nil
	}
	p.at, row.Exprs = start, nil
	if err := p.expect("("); err != nil {
		return row, err
	}
	from := p.peek().Start
	for !p.ahead(")") {
		if p.peek().Kind == End {
			return row, p.unexpected("')'")
		}
		p.balanced()
		p.take(",")
	}
	row.Text = p.sql[from:p.next().Start]
	return row, nil
}

// literalTuple reads literals; TRUE and FALSE are 1 and 0.
func (p *Parser) literalTuple() (values []Value, err error) {
	err = p.list(func() error {
		if p.peek().Kind == Word {
			switch {
			case p.take("TRUE"):
				values = append(values, Value{Text: "1"})
				return nil
			case p.take("FALSE"):
				values = append(values, Value{Text: "0"})
				return nil
			}
		}
		v, err := p.value()
		if v.Max {
			err = p.unexpected("a literal")
		}
		values = append(values, v)
		return err
	})
	return values, err
}

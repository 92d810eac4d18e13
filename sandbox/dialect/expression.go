package dialect

import "strings"

// Expr is an expression as it was written.
type Expr struct {
	Kind  ExprKind
	Text  string   // name of a column, function (lower case) or operator (upper case); text of a literal
	Path  []string // of a column: the names behind the first one (table.column, struct.field)
	Type  Type     // of a cast
	Args  []*Expr
	Names []string // parameters of a lambda
	Start int      // where it stands in the statement
	Stop  int
}

// ExprKind is a kind of expression.
type ExprKind int

// The kinds.
const (
	ColumnExpr   ExprKind = iota
	TextExpr              // 'text'
	NumberExpr            // 1, 1.5, 1e5
	BooleanExpr           // TRUE, FALSE; Text is 1 or 0
	NullExpr              // NULL
	CallExpr              // f(…)
	CastExpr              // CAST(x AS type)
	LambdaExpr            // (x, y) -> …
	ArrayExpr             // [a, b]
	MapExpr               // map{k: v, …}: keys and values in turn
	ElementExpr           // x[i]
	OperatorExpr          // a = b, NOT a, -a, a AND b, a IS NULL, a LIKE b
	CaseExpr              // WHEN, THEN, … and at last ELSE when the number is odd
)

// maxExprDepth bounds the recursion of hostile texts.
const maxExprDepth = 200

type exprParser struct {
	*Parser
	depth int
}

// expression reads an expression. It fails on what this grammar does not know (subqueries, windows, intervals).
func (p *Parser) expression() (*Expr, error) { return (&exprParser{Parser: p}).or() }

// binary reads operands of the next level with one of some operators between them.
func (p *exprParser) binary(next func() (*Expr, error), operators ...string) (*Expr, error) {
	left, err := next()
	for err == nil {
		op, ok := p.takeAny(operators...)
		if !ok {
			return left, nil
		}
		var right *Expr
		if right, err = next(); err == nil {
			left = &Expr{Kind: OperatorExpr, Text: op, Args: []*Expr{left, right}, Start: left.Start, Stop: right.Stop}
		}
	}
	return nil, err
}

func (p *exprParser) or() (*Expr, error) {
	if p.depth++; p.depth > maxExprDepth {
		return nil, p.unexpected("a shorter expression")
	}
	defer func() { p.depth-- }()
	return p.binary(p.and, "OR")
}

func (p *exprParser) and() (*Expr, error) { return p.binary(p.not, "AND") }

func (p *exprParser) not() (*Expr, error) {
	start := p.peek().Start
	if !p.take("NOT") {
		return p.predicate()
	}
	arg, err := p.not()
	if err != nil {
		return nil, err
	}
	return &Expr{Kind: OperatorExpr, Text: "NOT", Args: []*Expr{arg}, Start: start, Stop: arg.Stop}, nil
}

// predicate reads comparisons, IS [NOT] NULL, [NOT] IN, [NOT] LIKE, [NOT] BETWEEN.
func (p *exprParser) predicate() (*Expr, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	for {
		op := &Expr{Kind: OperatorExpr, Args: []*Expr{left}, Start: left.Start}
		switch {
		case p.take("IS"):
			negated := p.take("NOT")
			if op.Text = "IS NULL"; p.take("TRUE") {
				op.Text = "IS TRUE"
			} else if p.take("FALSE") {
				op.Text = "IS FALSE"
			} else if err := p.expect("NULL"); err != nil {
				return nil, err
			}
			if negated {
				op = &Expr{Kind: OperatorExpr, Text: "NOT", Args: []*Expr{op}, Start: left.Start}
			}
		case p.ahead("NOT", "IN"), p.ahead("NOT", "LIKE"), p.ahead("NOT", "BETWEEN"), p.ahead("IN"), p.ahead("LIKE"), p.ahead("BETWEEN"):
			if op, err = p.membership(left); err != nil {
				return nil, err
			}
		default:
			if op.Text = p.comparison(); op.Text == "" {
				return left, nil
			}
			right, err := p.sum()
			if err != nil {
				return nil, err
			}
			op.Args = append(op.Args, right)
		}
		op.Stop = p.tokens[p.at-1].Stop
		left = op
	}
}

func (p *exprParser) membership(left *Expr) (*Expr, error) {
	negated := p.take("NOT")
	word, _ := p.takeAny("IN", "LIKE", "BETWEEN")
	op := &Expr{Kind: OperatorExpr, Text: word, Args: []*Expr{left}, Start: left.Start}
	switch word {
	case "IN":
		if err := p.list(func() error { return p.argument(op) }); err != nil {
			return nil, err
		}
	default:
		right, err := p.sum()
		if err != nil {
			return nil, err
		}
		op.Args = append(op.Args, right)
		if word == "BETWEEN" {
			if err := p.expect("AND"); err != nil {
				return nil, err
			}
			if right, err = p.sum(); err != nil {
				return nil, err
			}
			op.Args = append(op.Args, right)
		}
	}
	op.Stop = p.tokens[p.at-1].Stop
	if negated {
		op = &Expr{Kind: OperatorExpr, Text: "NOT", Args: []*Expr{op}, Start: left.Start}
	}
	return op, nil
}

// comparison takes an operator of one or two symbols that stand together.
func (p *exprParser) comparison() string {
	for _, op := range []string{"<=>", "<>", "<=", ">=", "!=", "=", "<", ">"} {
		if p.symbols(op) {
			return op
		}
	}
	return ""
}

// symbols takes symbols that stand together without blanks.
func (p *exprParser) symbols(text string) bool {
	for i := range len(text) {
		t := p.peekAt(i)
		if !t.is(text[i:i+1]) || i > 0 && t.Start != p.peekAt(i-1).Stop {
			return false
		}
	}
	p.at += len(text)
	return true
}

func (p *exprParser) sum() (*Expr, error) { return p.binary(p.product, "+", "-") }

func (p *exprParser) product() (*Expr, error) { return p.binary(p.unary, "*", "/", "%") }

func (p *exprParser) unary() (*Expr, error) {
	start := p.peek().Start
	if p.ahead("-") && p.peekAt(1).Kind == Number {
		p.next()
		t := p.next()
		return p.subscripts(&Expr{Kind: NumberExpr, Text: "-" + t.Text, Start: start, Stop: t.Stop})
	}
	if op, ok := p.takeAny("-", "+"); ok {
		arg, err := p.unary()
		if err != nil {
			return nil, err
		}
		return &Expr{Kind: OperatorExpr, Text: op, Args: []*Expr{arg}, Start: start, Stop: arg.Stop}, nil
	}
	e, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.subscripts(e)
}

// subscripts reads what follows a value: [i], .field, -> 'path'.
func (p *exprParser) subscripts(e *Expr) (*Expr, error) {
	for {
		switch {
		case p.take("["):
			i, err := p.or()
			if err != nil {
				return nil, err
			}
			if err := p.expect("]"); err != nil {
				return nil, err
			}
			e = &Expr{Kind: ElementExpr, Args: []*Expr{e, i}, Start: e.Start}
		case e.Kind != NumberExpr && p.ahead(".") && p.peekAt(1).Kind != Number:
			p.next()
			name, err := p.name()
			if err != nil {
				return nil, err
			}
			e = &Expr{Kind: CallExpr, Text: "subfield", Args: []*Expr{e, {Kind: TextExpr, Text: name}}, Start: e.Start}
		case p.ahead("-", ">") && p.peekAt(2).Kind == String:
			p.at += 2
			path := p.next()
			e = &Expr{Kind: CallExpr, Text: "json_query", Args: []*Expr{e, {Kind: TextExpr, Text: path.Text}}, Start: e.Start}
		default:
			return e, nil
		}
		e.Stop = p.tokens[p.at-1].Stop
	}
}

func (p *exprParser) primary() (*Expr, error) {
	t := p.peek()
	e := &Expr{Text: t.Text, Start: t.Start, Stop: t.Stop}
	switch {
	case t.Kind == String:
		p.next()
		e.Kind = TextExpr
		return e, nil
	case t.Kind == Number:
		p.next()
		e.Kind = NumberExpr
		return e, nil
	case p.take("("):
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	case p.ahead("["):
		e.Kind, e.Text = ArrayExpr, ""
		return p.items(e, "[", "]", "")
	case p.ahead("map", "{"):
		p.next()
		e.Kind, e.Text = MapExpr, ""
		return p.items(e, "{", "}", ":")
	case t.Kind != Word && t.Kind != Quoted:
		return nil, p.unexpected("an expression")
	}
	return p.word(e)
}

// items reads a bracketed list; with a separator, of pairs.
func (p *exprParser) items(e *Expr, open, end, separator string) (*Expr, error) {
	if err := p.expect(open); err != nil {
		return nil, err
	}
	for !p.ahead(end) {
		if err := p.argument(e); err != nil {
			return nil, err
		}
		if separator != "" {
			if err := p.expect(separator); err != nil {
				return nil, err
			}
			if err := p.argument(e); err != nil {
				return nil, err
			}
		}
		if !p.take(",") && !p.ahead(end) {
			return nil, p.unexpected("'" + end + "'")
		}
	}
	e.Stop = p.next().Stop
	return e, nil
}

// ParseExpression reads a text that is one expression.
func ParseExpression(text string) (*Expr, error) {
	p, err := NewParser(text)
	if err != nil {
		return nil, err
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	return e, p.end()
}

// ColumnMapping is one item of the columns header of a Stream Load: a source field, or a column computed by an expression.
type ColumnMapping struct {
	Name string
	Expr *Expr // nil for a field
}

// ParseColumns reads the columns header of a Stream Load.
func ParseColumns(header string) (list []ColumnMapping, err error) {
	p, err := NewParser(header)
	if err != nil {
		return nil, err
	}
	for {
		m := ColumnMapping{}
		if m.Name, err = p.name(); err != nil {
			return nil, err
		}
		if p.take("=") {
			if m.Expr, err = p.expression(); err != nil {
				return nil, err
			}
		}
		if list = append(list, m); !p.take(",") {
			return list, p.end()
		}
	}
}

// Columns calls f for every column that the expression names; the parameters of its lambdas are none.
func (e *Expr) Columns(f func(name string)) { e.EachColumn(func(c *Expr) { f(c.Text) }) }

// EachColumn calls f for every expression that is a column; the parameters of lambdas are none.
func (e *Expr) EachColumn(f func(*Expr)) { e.columns(f, nil) }

// LastName is the last part of a qualified name.
func (e *Expr) LastName() string {
	if n := len(e.Path); n > 0 {
		return e.Path[n-1]
	}
	return e.Text
}

func (e *Expr) columns(f func(*Expr), bound []string) {
	if e.Kind == ColumnExpr {
		for _, b := range bound {
			if strings.EqualFold(b, e.Text) {
				return
			}
		}
		f(e)
	}
	if e.Kind == LambdaExpr {
		bound = append(bound[:len(bound):len(bound)], e.Names...)
	}
	for _, a := range e.Args {
		a.columns(f, bound)
	}
}

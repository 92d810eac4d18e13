package dialect

import (
	"strconv"
	"strings"
)

// Parser walks over the tokens of one statement.
type Parser struct {
	sql    string
	tokens []Token
	at     int
}

// NewParser scans a statement.
func NewParser(sql string) (*Parser, error) {
	tokens, err := Scan(sql)
	if err != nil {
		return nil, err
	}
	return &Parser{sql: sql, tokens: tokens}, nil
}

func (p *Parser) peek() Token { return p.tokens[p.at] }

func (p *Parser) peekAt(n int) Token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *Parser) next() Token {
	t := p.tokens[p.at]
	if t.Kind != End {
		p.at++
	}
	return t
}

// is tells whether token n ahead is this keyword or symbol.
func (t Token) is(text string) bool {
	return (t.Kind == Word || t.Kind == Symbol) && strings.EqualFold(t.Text, text)
}

// ahead tells whether these keywords or symbols come next.
func (p *Parser) ahead(words ...string) bool {
	for i, w := range words {
		if !p.peekAt(i).is(w) {
			return false
		}
	}
	return true
}

// take consumes these keywords or symbols if they all come next.
func (p *Parser) take(words ...string) bool {
	if !p.ahead(words...) {
		return false
	}
	p.at += len(words)
	return true
}

// takeAny consumes one of these and returns it in upper case.
func (p *Parser) takeAny(words ...string) (string, bool) {
	for _, w := range words {
		if p.take(w) {
			return strings.ToUpper(w), true
		}
	}
	return "", false
}

func (p *Parser) expect(words ...string) error {
	for _, w := range words {
		if !p.take(w) {
			return p.unexpected("'" + w + "'")
		}
	}
	return nil
}

func (p *Parser) unexpected(wanted string) error {
	t := p.peek()
	if t.Kind == End {
		return syntaxError(p.sql, t.Start, "Unexpected input '<EOF>', the most similar input is {"+wanted+"}")
	}
	return syntaxError(p.sql, t.Start, "Unexpected input '"+p.sql[t.Start:t.Stop]+"', the most similar input is {"+wanted+"}")
}

// end fails when something is left, but for a semicolon.
func (p *Parser) end() error {
	p.take(";")
	if p.peek().Kind != End {
		return p.unexpected("<EOF>")
	}
	return nil
}

// rest returns the text from here to the end, and consumes it.
func (p *Parser) rest() string {
	text := strings.TrimRight(strings.TrimSpace(p.sql[p.peek().Start:]), ";")
	p.at = len(p.tokens) - 1
	return strings.TrimSpace(text)
}

func (p *Parser) name() (string, error) {
	switch t := p.peek(); t.Kind {
	case Word, Quoted:
		p.at++
		return t.Text, nil
	}
	return "", p.unexpected("a legal identifier")
}

// nameOrString reads a partition name, which may be quoted as a string.
func (p *Parser) nameOrString() (string, error) {
	if p.peek().Kind == String {
		return p.next().Text, nil
	}
	return p.name()
}

// ObjectName is a name, qualified or not.
type ObjectName struct{ Database, Name string }

func (p *Parser) objectName() (ObjectName, error) {
	first, err := p.name()
	if err != nil || !p.take(".") {
		return ObjectName{Name: first}, err
	}
	second, err := p.name()
	if err != nil || !p.take(".") {
		return ObjectName{Database: first, Name: second}, err
	}
	third, err := p.name() // catalog.database.table
	return ObjectName{Database: second, Name: third}, err
}

// list reads item {, item} in parentheses; an empty list is allowed.
func (p *Parser) list(item func() error) error {
	if err := p.expect("("); err != nil {
		return err
	}
	if p.take(")") {
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if p.take(")") {
			return nil
		}
		if err := p.expect(","); err != nil {
			return err
		}
	}
}

func (p *Parser) nameList() (names []string, err error) {
	err = p.list(func() error {
		n, err := p.nameOrString()
		names = append(names, n)
		return err
	})
	return names, err
}

// names reads a list with or without parentheses.
func (p *Parser) names() ([]string, error) {
	if p.ahead("(") {
		return p.nameList()
	}
	n, err := p.nameOrString()
	return []string{n}, err
}

func (p *Parser) text() (string, error) {
	if t := p.peek(); t.Kind == String {
		p.at++
		return t.Text, nil
	}
	return "", p.unexpected("a string")
}

func (p *Parser) integer() (int64, error) {
	t := p.peek()
	if t.Kind != Number {
		return 0, p.unexpected("an integer")
	}
	n, err := strconv.ParseInt(t.Text, 10, 64)
	if err != nil {
		return 0, p.unexpected("an integer")
	}
	p.at++
	return n, nil
}

// properties reads ("k" = "v", …).
func (p *Parser) properties() (map[string]string, error) {
	properties := map[string]string{}
	err := p.list(func() error {
		key, err := p.text()
		if err != nil {
			return err
		}
		if err := p.expect("="); err != nil {
			return err
		}
		value, err := p.text()
		properties[key] = value
		return err
	})
	return properties, err
}

func (p *Parser) optionalProperties() (map[string]string, error) {
	if p.take("PROPERTIES") {
		return p.properties()
	}
	return nil, nil
}

// balanced skips one expression up to a comma or a closing parenthesis on this level, and returns its text.
func (p *Parser) balanced() string {
	start, stop, depth := p.peek().Start, p.peek().Start, 0
	for {
		t := p.peek()
		switch {
		case t.Kind == End, depth == 0 && (t.is(",") || t.is(")")):
			return p.sql[start:stop]
		case t.is("(") || t.is("<"):
			depth++
		case t.is(")") || t.is(">"):
			depth--
		}
		stop = t.Stop
		p.at++
	}
}

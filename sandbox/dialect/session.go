package dialect

import (
	"strings"
)

// user reads 'u', u, 'u'@'host'; the sandbox knows users by name alone.
func (p *Parser) user() (string, error) {
	t := p.next()
	switch t.Kind {
	case String, Quoted:
		if p.ahead("@") || strings.HasPrefix(p.peek().Text, "@") && p.peek().Kind == Word {
			if p.next().Text == "@" {
				p.next()
			}
			if p.peek().Kind == String {
				p.next()
			}
		}
		return t.Text, nil
	case Word:
		name, _, _ := strings.Cut(t.Text, "@")
		if strings.HasSuffix(t.Text, "@") {
			p.next()
		}
		return name, nil
	}
	p.at--
	return "", p.unexpected("a user")
}

func (p *Parser) createUser() (_ Statement, err error) {
	s := &CreateUser{IfNotExists: p.take("IF", "NOT", "EXISTS")}
	if s.Name, err = p.user(); err != nil {
		return nil, err
	}
	if p.take("IDENTIFIED") {
		if p.take("WITH") {
			if _, err := p.name(); err != nil {
				return nil, err
			}
		}
		if _, ok := p.takeAny("BY", "AS"); !ok {
			return nil, p.unexpected("BY")
		}
		s.Password, err = p.text()
	}
	return finish(p, s, err)
}

// grant reads GRANT a, b ON kind object TO user and REVOKE … FROM user.
func (p *Parser) grant(revoke bool) (_ Statement, err error) {
	s := &Grant{Revoke: revoke}
	for {
		var words []string
		for !p.ahead(",") && !p.ahead("ON") && p.peek().Kind == Word {
			words = append(words, strings.ToUpper(p.next().Text))
		}
		if len(words) == 0 {
			return nil, p.unexpected("a privilege")
		}
		s.Privileges = append(s.Privileges, strings.TrimSuffix(strings.Join(words, " "), " PRIVILEGES"))
		if !p.take(",") {
			break
		}
	}
	if err := p.expect("ON"); err != nil {
		return nil, err
	}
	if err := p.grantObject(&s.Object); err != nil {
		return nil, err
	}
	word := "TO"
	if revoke {
		word = "FROM"
	}
	if err := p.expect(word); err != nil {
		return nil, err
	}
	p.take("USER")
	s.User, err = p.user()
	return finish(p, s, err)
}

// kinds of objects: the plural, as in ON ALL TABLES IN …, and the singular.
var plurals = map[string]string{"TABLES": "TABLE", "VIEWS": "VIEW", "DATABASES": "DATABASE", "FUNCTIONS": "FUNCTION", "CATALOGS": "CATALOG"}

func (p *Parser) grantObject(o *GrantObject) error {
	if p.take("SYSTEM") {
		o.Kind = "SYSTEM"
		return nil
	}
	if p.take("ALL") {
		return p.grantAll(o)
	}
	o.Kind = "TABLE"
	if p.take("MATERIALIZED", "VIEW") {
		o.Kind = "MATERIALIZED VIEW"
	} else if kind, ok := p.takeAny("TABLE", "VIEW", "DATABASE", "CATALOG"); ok {
		o.Kind = kind
	}
	name, err := p.objectName()
	if err != nil {
		return err
	}
	switch o.Kind {
	case "DATABASE":
		o.Database = name.Name
	case "CATALOG":
		o.Name = name.Name
	default:
		o.Database, o.Name = name.Database, name.Name
	}
	return nil
}

// grantAll reads the rest of ON ALL kinds [IN DATABASE d | IN ALL DATABASES].
func (p *Parser) grantAll(o *GrantObject) (err error) {
	if p.take("MATERIALIZED", "VIEWS") {
		o.Kind = "MATERIALIZED VIEW"
	} else {
		kind, ok := plurals[strings.ToUpper(p.next().Text)]
		if !ok {
			p.at--
			return p.unexpected("TABLES")
		}
		o.Kind = kind
	}
	switch {
	case p.take("IN", "ALL", "DATABASES"):
	case p.take("IN", "DATABASE"):
		o.Database, err = p.name()
	}
	return err
}

// set reads SET a = b, …; other forms (SET NAMES, SET PASSWORD) are accepted without effect.
func (p *Parser) set() (Statement, error) {
	if p.take("ROLE") || p.take("DEFAULT", "ROLE") {
		return &SetRole{}, nil
	}
	s := &SetVariables{}
	if p.ahead("NAMES") || p.ahead("CHARACTER") || p.ahead("PASSWORD") || p.ahead("CATALOG") {
		return s, nil
	}
	for {
		a, err := p.assignment()
		if err != nil {
			return nil, err
		}
		s.Assignments = append(s.Assignments, a)
		if !p.take(",") {
			return finish(p, s, nil)
		}
	}
}

func (p *Parser) assignment() (a Assignment, err error) {
	if scope, ok := p.takeAny("GLOBAL", "SESSION", "LOCAL"); ok {
		a.Global = scope == "GLOBAL"
		if p.take("TRANSACTION") { // SET SESSION TRANSACTION ISOLATION LEVEL …
			return Assignment{Name: "tx_isolation", Value: p.rest()}, nil
		}
	}
	if a.Name, err = p.name(); err != nil {
		return a, err
	}
	for p.take(".") { // @@session.x
		a.Global = strings.EqualFold(a.Name, "@@global")
		if a.Name, err = p.name(); err != nil {
			return a, err
		}
	}
	a.Name = strings.ToLower(strings.TrimPrefix(a.Name, "@@"))
	p.take(":")
	if err := p.expect("="); err != nil {
		return a, err
	}
	if t := p.peek(); t.Kind == String && (p.peekAt(1).Kind == End || p.peekAt(1).is(",")) {
		a.Value = p.next().Text
		return a, nil
	}
	if a.Value = p.balanced(); a.Value == "" {
		return a, p.unexpected("a value")
	}
	return a, nil
}

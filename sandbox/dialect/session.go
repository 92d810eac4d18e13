package dialect

import (
	"strings"
)

// set reads SET a = b, …; SET NAMES is accepted without effect.
func (p *Parser) set() (Statement, error) {
	switch {
	case p.take("DEFAULT", "ROLE"):
		return p.setDefaultRole()
	case p.take("ROLE"):
		return p.setRole()
	case p.take("PASSWORD"):
		return p.setPassword()
	case p.take("PROPERTY"):
		return p.setProperty()
	case p.take("CATALOG"):
		name, err := p.nameOrString()
		return finish(p, &SetCatalog{Name: name}, err)
	}
	s := &SetVariables{}
	if p.ahead("NAMES") || p.ahead("CHARACTER") {
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

package dialect

import "strings"

// grant reads GRANT and REVOKE of privileges (… ON …) and of roles.
func (p *Parser) grant(revoke bool) (Statement, error) {
	start := p.at
	for p.peek().Kind != End && !p.ahead("ON") && !p.ahead("TO") && !p.ahead("FROM") {
		p.next()
	}
	privileges := p.ahead("ON")
	p.at = start
	if privileges {
		return p.grantPrivileges(revoke)
	}
	s := &GrantRoles{Revoke: revoke}
	var err error
	if s.Roles, err = p.stringsOrNames(); err != nil {
		return nil, err
	}
	s.To, err = p.grantee(revoke)
	return finish(p, s, err)
}

func (p *Parser) grantee(revoke bool) (g Grantee, err error) {
	word := "TO"
	if revoke {
		word = "FROM"
	}
	if err := p.expect(word); err != nil {
		return g, err
	}
	if p.take("ROLE") {
		g.Role, err = p.nameOrString()
		return g, err
	}
	p.take("USER")
	g.Account, err = p.account()
	return g, err
}

func (p *Parser) grantPrivileges(revoke bool) (_ Statement, err error) {
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
	if err := p.grantObjects(s); err != nil {
		return nil, err
	}
	if s.To, err = p.grantee(revoke); err != nil {
		return nil, err
	}
	s.GrantOption = !revoke && p.take("WITH", "GRANT", "OPTION")
	return finish(p, s, nil)
}

// grantKinds are the kinds of objects of privileges, longer ones first, with their plurals (fe:authorization/ObjectType).
var grantKinds = [][2]string{{"MATERIALIZED VIEW", "MATERIALIZED VIEWS"}, {"RESOURCE GROUP", "RESOURCE GROUPS"}, {"STORAGE VOLUME", "STORAGE VOLUMES"},
	{"GLOBAL FUNCTION", "GLOBAL FUNCTIONS"}, {"RESOURCE", "RESOURCES"}, {"TABLE", "TABLES"}, {"VIEW", "VIEWS"}, {"DATABASE", "DATABASES"},
	{"CATALOG", "CATALOGS"}, {"FUNCTION", "FUNCTIONS"}, {"WAREHOUSE", "WAREHOUSES"}, {"PIPE", "PIPES"}, {"USER", "USERS"}}

func (p *Parser) grantObjects(s *Grant) error {
	switch {
	case p.take("SYSTEM"):
		s.Kind, s.Objects = "SYSTEM", []GrantObject{{}}
		return nil
	case p.take("ALL"):
		return p.grantAll(s)
	}
	s.Kind = "TABLE"
	for _, kind := range grantKinds {
		if p.take(strings.Fields(kind[0])...) {
			s.Kind = kind[0]
			break
		}
	}
	for {
		o, err := p.grantObject(s.Kind)
		if err != nil {
			return err
		}
		if s.Objects = append(s.Objects, o); !p.take(",") {
			return nil
		}
	}
}

func (p *Parser) grantObject(kind string) (o GrantObject, err error) {
	if kind == "USER" {
		account, err := p.account()
		return GrantObject{Account: &account}, err
	}
	first, err := p.starOrName()
	if err != nil {
		return o, err
	}
	o.Name = first
	if p.take(".") {
		if o.Database = first; o.Database == "" {
			_, err = p.starOrName() // *.*
			return o, err
		}
		if o.Name, err = p.starOrName(); err != nil {
			return o, err
		}
	}
	switch kind {
	case "DATABASE":
		o.Database, o.Name = o.Name, ""
	case "FUNCTION", "GLOBAL FUNCTION":
		o.Arguments = []Argument{}
		_, err = p.arguments(&o.Arguments, &o.Variadic)
	}
	return o, err
}

func (p *Parser) starOrName() (string, error) {
	if p.take("*") {
		return "", nil
	}
	return p.nameOrString()
}

// grantAll reads the rest of ON ALL kinds [IN DATABASE d | IN ALL DATABASES].
func (p *Parser) grantAll(s *Grant) (err error) {
	for _, kind := range grantKinds {
		if p.take(strings.Fields(kind[1])...) {
			s.Kind = kind[0]
			break
		}
	}
	if s.Kind == "" {
		return p.unexpected("TABLES")
	}
	o := GrantObject{}
	switch {
	case p.take("IN", "ALL", "DATABASES"):
	case p.take("IN", "DATABASE"):
		o.Database, err = p.nameOrString()
	}
	s.Objects = []GrantObject{o}
	return err
}

package dialect

import "strings"

// Account is a user with the hosts that it comes from.
type Account struct {
	Name   string
	Host   string // pattern; % by default
	Domain bool   // 'u'@['domain']
}

// String prints the account as the server does.
func (a Account) String() string {
	if a.Domain {
		return "'" + a.Name + "'@['" + a.Host + "']"
	}
	return "'" + a.Name + "'@'" + a.Host + "'"
}

// Statements on users and roles.
type (
	// Authentication is IDENTIFIED ….
	Authentication struct {
		Plugin string // empty: mysql_native_password
		Text   string // password, or with Hashed its hash, or what the plugin wants
		Hashed bool
	}
	// CreateUser is CREATE USER.
	CreateUser struct {
		Account        Account
		IfNotExists    bool
		Authentication *Authentication
		Roles          []string // DEFAULT ROLE
		Properties     map[string]string
	}
	// AlterUser is ALTER USER, or SET PASSWORD, with one of the three.
	AlterUser struct {
		Account        *Account // nil: the user itself
		IfExists       bool
		Authentication *Authentication
		Default        *RoleList
		Properties     map[string]string
	}
	// DropUser is DROP USER.
	DropUser struct {
		Account  Account
		IfExists bool
	}
	// RoleList is NONE, ALL [EXCEPT …], DEFAULT or names.
	RoleList struct {
		All, Default bool
		Except       []string
		Names        []string
	}
	// ExecuteAs is EXECUTE AS user [WITH NO REVERT].
	ExecuteAs struct {
		Account  Account
		NoRevert bool
	}
	// SetRole is SET ROLE.
	SetRole struct{ Roles RoleList }
	// SetDefaultRole is SET DEFAULT ROLE … TO user.
	SetDefaultRole struct {
		Account Account
		Roles   RoleList
	}
	// CreateRole is CREATE ROLE.
	CreateRole struct {
		IfNotExists bool
		Names       []string
		Comment     string
	}
	// AlterRole is ALTER ROLE … SET COMMENT.
	AlterRole struct {
		IfExists bool
		Names    []string
		Comment  string
	}
	// DropRole is DROP ROLE.
	DropRole struct {
		IfExists bool
		Names    []string
	}
	// GrantRoles is GRANT or REVOKE of roles.
	GrantRoles struct {
		Revoke bool
		Roles  []string
		To     Grantee
	}
	// Grant is GRANT or REVOKE of privileges.
	Grant struct {
		Revoke      bool
		Privileges  []string // upper case, ALL for all
		Kind        string   // TABLE, MATERIALIZED VIEW, …; SYSTEM
		Objects     []GrantObject
		To          Grantee
		GrantOption bool
	}
	// Grantee is a user or a role.
	Grantee struct {
		Account Account
		Role    string // empty: the account
	}
	// GrantObject is what a privilege is for. Empty names mean all.
	GrantObject struct {
		Database, Name string
		Arguments      []Argument // of a function
		Variadic       bool
		Account        *Account // of IMPERSONATE
	}
)

// account reads 'u', u, 'u'@'host', u@host, 'u'@['domain'].
func (p *Parser) account() (a Account, err error) {
	a.Host = "%"
	t := p.next()
	hosted := false
	switch t.Kind {
	case String, Quoted:
		a.Name = t.Text
		if next := p.peek(); next.Kind == Word && strings.HasPrefix(next.Text, "@") && next.Start == t.Stop {
			p.next()
			if hosted = true; next.Text != "@" {
				a.Host = next.Text[1:]
				return a, nil
			}
		}
	case Word:
		name, host, at := strings.Cut(t.Text, "@")
		a.Name = name
		if at && host != "" {
			a.Host = host
			return a, nil
		}
		hosted = at
	default:
		p.at--
		return a, p.unexpected("a user")
	}
	if !hosted {
		return a, nil
	}
	if a.Domain = p.take("["); a.Domain {
		if a.Host, err = p.nameOrString(); err != nil {
			return a, err
		}
		return a, p.expect("]")
	}
	a.Host, err = p.nameOrString()
	return a, err
}

// stringsOrNames reads a list without parentheses.
func (p *Parser) stringsOrNames() (list []string, err error) {
	for {
		name, err := p.nameOrString()
		if err != nil {
			return nil, err
		}
		if list = append(list, name); !p.take(",") {
			return list, nil
		}
	}
}

func (p *Parser) authentication() (*Authentication, error) {
	if !p.take("IDENTIFIED") {
		return nil, nil
	}
	a := &Authentication{}
	var err error
	if p.take("WITH") {
		if a.Plugin, err = p.nameOrString(); err != nil {
			return nil, err
		}
		how, ok := p.takeAny("BY", "AS")
		if !ok {
			return a, nil
		}
		a.Hashed = how == "AS"
	} else {
		if err := p.expect("BY"); err != nil {
			return nil, err
		}
		a.Hashed = p.take("PASSWORD")
	}
	a.Text, err = p.text()
	return a, err
}

func (p *Parser) createUser() (_ Statement, err error) {
	s := &CreateUser{IfNotExists: p.take("IF", "NOT", "EXISTS")}
	if s.Account, err = p.account(); err != nil {
		return nil, err
	}
	if s.Authentication, err = p.authentication(); err != nil {
		return nil, err
	}
	if p.take("DEFAULT", "ROLE") {
		if s.Roles, err = p.stringsOrNames(); err != nil {
			return nil, err
		}
	}
	s.Properties, err = p.optionalProperties()
	return finish(p, s, err)
}

func (p *Parser) alterUser() (_ Statement, err error) {
	s := &AlterUser{IfExists: p.take("IF", "EXISTS")}
	account, err := p.account()
	if err != nil {
		return nil, err
	}
	s.Account = &account
	switch {
	case p.take("DEFAULT", "ROLE"):
		list, err := p.roleList()
		s.Default = &list
		return finish(p, s, err)
	case p.take("SET"):
		p.take("PROPERTIES")
		s.Properties, err = p.properties()
		return finish(p, s, err)
	}
	if s.Authentication, err = p.authentication(); err == nil && s.Authentication == nil {
		err = p.unexpected("IDENTIFIED, DEFAULT ROLE, SET PROPERTIES")
	}
	return finish(p, s, err)
}

// setPassword reads PASSWORD [FOR user] = 'text' | PASSWORD('text'); without the function the text is a hash.
func (p *Parser) setPassword() (_ Statement, err error) {
	s := &AlterUser{Authentication: &Authentication{}}
	if p.take("FOR") {
		account, err := p.account()
		if err != nil {
			return nil, err
		}
		s.Account = &account
	}
	if err := p.expect("="); err != nil {
		return nil, err
	}
	if !p.take("PASSWORD") {
		s.Authentication.Hashed = true
		s.Authentication.Text, err = p.text()
		return finish(p, s, err)
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if s.Authentication.Text, err = p.text(); err != nil {
		return nil, err
	}
	return finish(p, s, p.expect(")"))
}

// setProperty reads PROPERTY [FOR user] 'k' = 'v', ….
func (p *Parser) setProperty() (_ Statement, err error) {
	s := &AlterUser{Properties: map[string]string{}}
	if p.take("FOR") {
		account, err := p.account()
		if err != nil {
			return nil, err
		}
		s.Account = &account
	}
	for {
		key, err := p.text()
		if err != nil {
			return nil, err
		}
		if err := p.expect("="); err != nil {
			return nil, err
		}
		if s.Properties[key], err = p.text(); err != nil {
			return nil, err
		}
		if !p.take(",") {
			return finish(p, s, nil)
		}
	}
}

func (p *Parser) dropUser() (_ Statement, err error) {
	s := &DropUser{IfExists: p.take("IF", "EXISTS")}
	s.Account, err = p.account()
	return finish(p, s, err)
}

func (p *Parser) roleList() (l RoleList, err error) {
	switch {
	case p.take("NONE"):
	case p.take("DEFAULT"):
		l.Default = true
	case p.take("ALL"):
		if l.All = true; p.take("EXCEPT") {
			l.Except, err = p.stringsOrNames()
		}
	default:
		l.Names, err = p.stringsOrNames()
	}
	return l, err
}

func (p *Parser) setRole() (Statement, error) {
	list, err := p.roleList()
	return finish(p, &SetRole{Roles: list}, err)
}

func (p *Parser) executeAs() (_ Statement, err error) {
	s := &ExecuteAs{}
	s.Account, err = p.account()
	s.NoRevert = p.take("WITH", "NO", "REVERT")
	return finish(p, s, err)
}

// currentRole reads SELECT current_role() [AS heading], or nothing.
func (p *Parser) currentRole() *CurrentRole {
	start := p.at
	s := &CurrentRole{Heading: "CURRENT_ROLE()"}
	if p.take("SELECT", "current_role", "(", ")") {
		if p.take("AS") {
			s.Heading = p.next().Text
		}
		if p.end() == nil {
			return s
		}
	}
	p.at = start
	return nil
}

func (p *Parser) setDefaultRole() (_ Statement, err error) {
	s := &SetDefaultRole{}
	if s.Roles, err = p.roleList(); err != nil {
		return nil, err
	}
	if err := p.expect("TO"); err != nil {
		return nil, err
	}
	s.Account, err = p.account()
	return finish(p, s, err)
}

func (p *Parser) createRole() (_ Statement, err error) {
	s := &CreateRole{IfNotExists: p.take("IF", "NOT", "EXISTS")}
	if s.Names, err = p.stringsOrNames(); err == nil && p.take("COMMENT") {
		s.Comment, err = p.text()
	}
	return finish(p, s, err)
}

func (p *Parser) alterRole() (_ Statement, err error) {
	s := &AlterRole{IfExists: p.take("IF", "EXISTS")}
	if s.Names, err = p.stringsOrNames(); err != nil {
		return nil, err
	}
	if err := p.expect("SET", "COMMENT", "="); err != nil {
		return nil, err
	}
	s.Comment, err = p.text()
	return finish(p, s, err)
}

func (p *Parser) dropRole() (_ Statement, err error) {
	s := &DropRole{IfExists: p.take("IF", "EXISTS")}
	s.Names, err = p.stringsOrNames()
	return finish(p, s, err)
}

// showAccount reads [FOR user].
func (p *Parser) showAccount(s *Show) error {
	if !p.take("FOR") {
		return nil
	}
	account, err := p.account()
	s.For = &account
	return err
}

// showGrants reads [FOR [USER] user | FOR CURRENT_USER [()] | FOR ROLE r].
func (p *Parser) showGrants(s *Show) (err error) {
	if p.ahead("FOR", "ROLE") {
		p.at += 2
		s.Role, err = p.nameOrString()
		return err
	}
	if p.ahead("FOR", "CURRENT_USER") {
		p.at += 2
		p.take("(", ")")
		return nil
	}
	if p.ahead("FOR", "USER") && p.peekAt(2).Kind != End {
		p.at += 2
		account, err := p.account()
		s.For = &account
		return err
	}
	return p.showAccount(s)
}

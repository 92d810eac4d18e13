package dialect

// Statements on resource groups.
type (
	// CreateGroup is CREATE RESOURCE GROUP.
	CreateGroup struct {
		Name        string
		IfNotExists bool
		Replace     bool
		Classifiers []Classifier
		Properties  map[string]string
	}
	// AlterGroup is ALTER RESOURCE GROUP with one of the four.
	AlterGroup struct {
		Name       string
		Add        []Classifier
		Drop       []int64
		DropAll    bool
		Properties map[string]string
	}
	// DropGroup is DROP RESOURCE GROUP.
	DropGroup struct {
		Name     string
		IfExists bool
	}
	// Classifier says which queries a group is for: key = 'value', and query_type IN (…).
	Classifier struct {
		Equal map[string]string
		Types []string
	}
)

func (p *Parser) createGroup(replace bool) (_ Statement, err error) {
	s := &CreateGroup{IfNotExists: p.take("IF", "NOT", "EXISTS"), Replace: replace}
	s.Replace = p.take("OR", "REPLACE") || replace
	if s.Name, err = p.name(); err != nil {
		return nil, err
	}
	if p.take("TO") {
		if s.Classifiers, err = p.classifiers(); err != nil {
			return nil, err
		}
	}
	if err := p.expect("WITH"); err != nil {
		return nil, err
	}
	s.Properties, err = p.properties()
	return finish(p, s, err)
}

func (p *Parser) alterGroup() (_ Statement, err error) {
	s := &AlterGroup{}
	if s.Name, err = p.name(); err != nil {
		return nil, err
	}
	switch {
	case p.take("ADD"):
		s.Add, err = p.classifiers()
	case p.take("DROP", "ALL"):
		s.DropAll = true
	case p.take("DROP"):
		err = p.list(func() error {
			id, err := p.integer()
			s.Drop = append(s.Drop, id)
			return err
		})
	case p.take("WITH"):
		s.Properties, err = p.properties()
	default:
		err = p.unexpected("ADD, DROP, WITH")
	}
	return finish(p, s, err)
}

func (p *Parser) dropGroup() (_ Statement, err error) {
	s := &DropGroup{IfExists: p.take("IF", "EXISTS")}
	s.Name, err = p.name()
	return finish(p, s, err)
}

func (p *Parser) classifiers() (list []Classifier, err error) {
	for {
		c := Classifier{Equal: map[string]string{}}
		if err := p.list(func() error { return p.predicate(&c) }); err != nil {
			return nil, err
		}
		if list = append(list, c); !p.take(",") {
			return list, nil
		}
	}
}

func (p *Parser) predicate(c *Classifier) error {
	key, err := p.nameOrString()
	if err != nil {
		return err
	}
	if p.take("IN") {
		if key != "query_type" {
			return p.unexpected("=")
		}
		c.Types, err = p.nameList()
		return err
	}
	if err := p.expect("="); err != nil {
		return err
	}
	c.Equal[key], err = p.text()
	return err
}

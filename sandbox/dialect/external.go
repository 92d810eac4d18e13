package dialect

// Statements on catalogs.
type (
	// CreateCatalog is CREATE EXTERNAL CATALOG.
	CreateCatalog struct {
		Name        string
		IfNotExists bool
		Comment     *string
		Properties  map[string]string
	}
	// AlterCatalog is ALTER CATALOG … SET (…).
	AlterCatalog struct {
		Name       string
		Properties map[string]string
	}
	// DropCatalog is DROP CATALOG.
	DropCatalog struct {
		Name     string
		IfExists bool
	}
	// SetCatalog is SET CATALOG.
	SetCatalog struct{ Name string }
	// SetConfig is ADMIN SET FRONTEND CONFIG (…).
	SetConfig struct{ Properties map[string]string }
)

func (p *Parser) createCatalog() (_ Statement, err error) {
	s := &CreateCatalog{IfNotExists: p.take("IF", "NOT", "EXISTS")}
	if s.Name, err = p.nameOrString(); err != nil {
		return nil, err
	}
	if p.take("COMMENT") {
		text, err := p.text()
		if err != nil {
			return nil, err
		}
		s.Comment = &text
	}
	if err := p.expect("PROPERTIES"); err != nil {
		return nil, err
	}
	s.Properties, err = p.properties()
	return finish(p, s, err)
}

func (p *Parser) alterCatalog() (_ Statement, err error) {
	s := &AlterCatalog{}
	if s.Name, err = p.nameOrString(); err != nil {
		return nil, err
	}
	if err := p.expect("SET"); err != nil {
		return nil, err
	}
	s.Properties, err = p.properties()
	return finish(p, s, err)
}

func (p *Parser) dropCatalog() (_ Statement, err error) {
	s := &DropCatalog{IfExists: p.take("IF", "EXISTS")}
	s.Name, err = p.nameOrString()
	return finish(p, s, err)
}

func (p *Parser) setConfig() (_ Statement, err error) {
	s := &SetConfig{}
	if err := p.expect("FRONTEND", "CONFIG"); err != nil {
		return nil, err
	}
	s.Properties, err = p.properties()
	return finish(p, s, err)
}

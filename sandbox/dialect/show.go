package dialect

import (
	"strings"
)

// show reads what the sandbox shows itself; the rest is left to the engine.
func (p *Parser) show() (Statement, error) {
	s := &Show{Limit: -1}
	for _, form := range showForms {
		if !p.take(strings.Fields(form.words)...) {
			continue
		}
		s.What = form.words
		if form.words == "TEMPORARY PARTITIONS" {
			s.What, s.Temporary = "PARTITIONS", true
		}
		if err := form.rest(p, s); err != nil {
			return nil, err
		}
		return finish(p, s, p.showTail(s))
	}
	return nil, nil
}

var showForms = []struct {
	words string
	rest  func(*Parser, *Show) error
}{
	{"CREATE TABLE", (*Parser).showObject},
	{"CREATE VIEW", (*Parser).showObject},
	{"CREATE MATERIALIZED VIEW", (*Parser).showObject},
	{"CREATE DATABASE", (*Parser).showObject},
	{"CREATE CATALOG", (*Parser).showObject},
	{"CREATE SCHEMA", (*Parser).showObject},
	{"PARTITIONS", (*Parser).showFrom},
	{"TEMPORARY PARTITIONS", (*Parser).showFrom},
	{"TABLETS", (*Parser).showTablet},
	{"TABLET", (*Parser).showTablet},
	{"FULL TABLES", (*Parser).showIn},
	{"TABLES", (*Parser).showIn},
	{"FULL COLUMNS", (*Parser).showFrom},
	{"COLUMNS", (*Parser).showFrom},
	{"FULL FIELDS", (*Parser).showFrom},
	{"MATERIALIZED VIEWS", (*Parser).showIn},
	{"FULL GLOBAL FUNCTIONS", (*Parser).showNothing},
	{"GLOBAL FUNCTIONS", (*Parser).showNothing},
	{"FULL FUNCTIONS", (*Parser).showIn},
	{"FUNCTIONS", (*Parser).showIn},
	{"TRANSACTION", (*Parser).showIn},
	{"DATABASES", (*Parser).showIn},
	{"SCHEMAS", (*Parser).showIn},
	{"ALTER TABLE ROLLUP", (*Parser).showIn},
	{"ALTER TABLE COLUMN", (*Parser).showIn},
	{"ALTER TABLE OPTIMIZE", (*Parser).showIn},
	{"ALTER MATERIALIZED VIEW", (*Parser).showIn},
	{"PROC", (*Parser).showPath},
	{"INDEX", (*Parser).showFrom},
	{"KEYS", (*Parser).showFrom},
	{"TABLE STATUS", (*Parser).showIn},
	{"FRONTENDS", (*Parser).showNothing},
	{"BACKENDS", (*Parser).showNothing},
	{"COMPUTE NODES", (*Parser).showNothing},
	{"CATALOGS", (*Parser).showNothing},
	{"USERS", (*Parser).showNothing},
	{"USER", (*Parser).showNothing},
	{"ROLES", (*Parser).showNothing},
	{"ALL AUTHENTICATION", (*Parser).showNothing},
	{"AUTHENTICATION", (*Parser).showAccount},
	{"PROPERTY", (*Parser).showAccount},
	{"VERBOSE RESOURCE GROUPS ALL", (*Parser).showNothing},
	{"VERBOSE RESOURCE GROUPS", (*Parser).showNothing},
	{"VERBOSE RESOURCE GROUP", (*Parser).showObject},
	{"RESOURCE GROUPS ALL", (*Parser).showNothing},
	{"RESOURCE GROUPS", (*Parser).showNothing},
	{"RESOURCE GROUP", (*Parser).showObject},
	{"ALL GRANTS", (*Parser).showNothing},
	{"GRANTS", (*Parser).showGrants},
	{"STORAGE VOLUMES", (*Parser).showNothing},
	{"PROCESSLIST", (*Parser).showNothing},
	{"FULL PROCESSLIST", (*Parser).showNothing},
	{"ENGINES", (*Parser).showNothing},
	{"WARNINGS", (*Parser).showNothing},
	{"ERRORS", (*Parser).showNothing},
	{"STATUS", (*Parser).showNothing},
	{"COLLATION", (*Parser).showNothing},
	{"CHARSET", (*Parser).showNothing},
	{"CHARACTER SET", (*Parser).showNothing},
	{"PLUGINS", (*Parser).showNothing},
	{"VARIABLES", (*Parser).showNothing},
	{"SESSION VARIABLES", (*Parser).showNothing},
	{"GLOBAL VARIABLES", (*Parser).showNothing},
}

func (p *Parser) showNothing(*Show) error { return nil }

func (p *Parser) showObject(s *Show) (err error) {
	s.From, err = p.objectName()
	return err
}

func (p *Parser) showPath(s *Show) (err error) {
	s.From.Name, err = p.text()
	return err
}

// showFrom reads FROM [db.]t [FROM db].
func (p *Parser) showFrom(s *Show) (err error) {
	if _, ok := p.takeAny("FROM", "IN"); !ok {
		return p.unexpected("FROM")
	}
	if s.From, err = p.objectName(); err != nil {
		return err
	}
	if _, ok := p.takeAny("FROM", "IN"); ok {
		s.From.Database, err = p.name()
	}
	return err
}

// showIn reads [FROM db].
func (p *Parser) showIn(s *Show) error {
	if _, ok := p.takeAny("FROM", "IN"); !ok {
		return nil
	}
	name, err := p.objectName()
	s.From.Database = name.Name
	return err
}

func (p *Parser) showTablet(s *Show) (err error) {
	s.What = "TABLET"
	if p.peek().Kind == Number {
		s.TabletID, err = p.integer()
		return err
	}
	if err := p.showFrom(s); err != nil {
		return err
	}
	s.Temporary = p.take("TEMPORARY")
	if _, ok := p.takeAny("PARTITION", "PARTITIONS"); ok {
		s.Partition, err = p.names()
	}
	return err
}

// showTail reads LIKE, WHERE a = b AND …, LIMIT n; ORDER BY is accepted, rows come in order anyway.
func (p *Parser) showTail(s *Show) (err error) {
	if p.take("LIKE") {
		if s.Like, err = p.text(); err != nil {
			return err
		}
	}
	if p.take("WHERE") {
		s.Where = map[string]string{}
		for {
			if err := p.condition(s.Where); err != nil {
				return err
			}
			if !p.take("AND") {
				break
			}
		}
	}
	if p.take("ORDER", "BY") {
		for p.peek().Kind != End && !p.ahead("LIMIT") && !p.ahead(";") {
			p.next()
		}
	}
	if p.take("LIMIT") {
		s.Limit, err = p.integer()
	}
	return err
}

func (p *Parser) condition(where map[string]string) error {
	name, err := p.name()
	if err != nil {
		return err
	}
	if _, ok := p.takeAny("=", "LIKE"); !ok {
		return p.unexpected("=")
	}
	v, err := p.value()
	where[strings.ToLower(name)] = v.Text
	return err
}

package dialect

import (
	"strconv"
	"strings"
)

// Statements on views and materialized views.
type (
	// ViewColumn is an entry of the column list of a view.
	ViewColumn struct{ Name, Comment string }
	// CreateView is CREATE [OR REPLACE] VIEW.
	CreateView struct {
		Name        ObjectName
		IfNotExists bool
		Replace     bool
		Columns     []ViewColumn // nil: as the query names them
		Comment     string
		Invoker     bool
		Query       string
	}
	// AlterView is ALTER VIEW: a new query, or with an empty one another SECURITY.
	AlterView struct {
		Name    ObjectName
		Columns []ViewColumn
		Invoker bool
		Query   string
	}
	// DropView is DROP VIEW or DROP MATERIALIZED VIEW.
	DropView struct {
		Name         ObjectName
		Materialized bool
		IfExists     bool
	}
	// CreateMaterializedView is CREATE MATERIALIZED VIEW. Without REFRESH and DISTRIBUTED BY it is a synchronous one, which
	// belongs to its table (fe:sql/parser/AstBuilder.visitCreateMaterializedViewStatement).
	CreateMaterializedView struct {
		Name        ObjectName
		IfNotExists bool
		Columns     []ViewColumn
		Comment     string
		Partition   []string // expressions
		Distributed bool
		Hash        []string // nil: random
		Buckets     int
		OrderBy     []string
		Refresh     *Refresh
		Properties  map[string]string
		Query       string
		Text        string // the whole statement, as it was written
	}
	// Refresh is a refresh scheme.
	Refresh struct {
		Deferred bool
		Manual   bool
		Start    string
		Step     int64 // with Unit: EVERY(INTERVAL step unit)
		Unit     string
	}
	// AlterMaterializedView is ALTER MATERIALIZED VIEW with one of Swap, Rename, SetProperties, Refresh, Activation.
	AlterMaterializedView struct {
		Name   ObjectName
		Clause any
	}
	// Activation is ACTIVE or INACTIVE.
	Activation bool
	// RefreshMaterializedView is REFRESH MATERIALIZED VIEW.
	RefreshMaterializedView struct {
		Name        ObjectName
		Force, Sync bool
	}
	// CancelRefresh is CANCEL REFRESH MATERIALIZED VIEW.
	CancelRefresh struct{ Name ObjectName }
)

// Synchronous tells whether the view is an index of its table.
func (s *CreateMaterializedView) Synchronous() bool { return s.Refresh == nil && !s.Distributed }

func (p *Parser) viewColumns() (columns []ViewColumn, err error) {
	if !p.ahead("(") {
		return nil, nil
	}
	err = p.list(func() error {
		name, err := p.name()
		c := ViewColumn{Name: name}
		if err == nil && p.take("COMMENT") {
			c.Comment, err = p.text()
		}
		columns = append(columns, c)
		return err
	})
	return columns, err
}

func (p *Parser) security() (invoker bool, err error) {
	if p.take("NONE") {
		return false, nil
	}
	return true, p.expect("INVOKER")
}

func (p *Parser) createView(replace bool) (_ Statement, err error) {
	s := &CreateView{IfNotExists: p.take("IF", "NOT", "EXISTS"), Replace: replace}
	if s.IfNotExists && s.Replace {
		return nil, syntaxError(p.sql, p.peek().Start, "Can not use OR REPLACE and IF NOT EXISTS together")
	}
	if s.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	if s.Columns, err = p.viewColumns(); err != nil {
		return nil, err
	}
	if p.take("COMMENT") {
		if s.Comment, err = p.text(); err != nil {
			return nil, err
		}
	}
	if p.take("SECURITY") {
		if s.Invoker, err = p.security(); err != nil {
			return nil, err
		}
	}
	s.Query, err = p.definition()
	return s, err
}

// definition reads AS and the query behind it, as it is written.
func (p *Parser) definition() (string, error) {
	if err := p.expect("AS"); err != nil {
		return "", err
	}
	if p.peek().Kind == End {
		return "", p.unexpected("SELECT")
	}
	return p.rest(), nil
}

func (p *Parser) alterView() (_ Statement, err error) {
	s := &AlterView{}
	if s.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	if p.take("SET", "SECURITY") {
		s.Invoker, err = p.security()
		return finish(p, s, err)
	}
	if s.Columns, err = p.viewColumns(); err != nil {
		return nil, err
	}
	s.Query, err = p.definition()
	return s, err
}

func (p *Parser) dropView() (_ Statement, err error) {
	s := &DropView{Materialized: p.take("MATERIALIZED")}
	p.next()
	s.IfExists = p.take("IF", "EXISTS")
	s.Name, err = p.objectName()
	p.take("FORCE")
	return finish(p, s, err)
}

func (p *Parser) createMaterializedView() (_ Statement, err error) {
	s := &CreateMaterializedView{IfNotExists: p.take("IF", "NOT", "EXISTS")}
	if s.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	if s.Columns, err = p.viewColumns(); err != nil {
		return nil, err
	}
	if p.take("COMMENT") {
		if s.Comment, err = p.text(); err != nil {
			return nil, err
		}
	}
	for !p.ahead("AS") {
		if err := p.materializedClause(s); err != nil {
			return nil, err
		}
	}
	if s.Query, err = p.definition(); err != nil {
		return nil, err
	}
	s.Text = strings.TrimRight(strings.TrimSpace(p.sql), ";")
	if s.Synchronous() && s.Partition != nil {
		return nil, syntaxError(p.sql, 0, "SYNC refresh type can not be used together with PARTITION BY")
	}
	return s, nil
}

func (p *Parser) materializedClause(s *CreateMaterializedView) (err error) {
	switch {
	case p.take("PARTITION", "BY"):
		return p.materializedPartition(s)
	case p.take("DISTRIBUTED", "BY"):
		var d CreateTable
		err = p.distribution(&d)
		s.Distributed, s.Hash, s.Buckets = true, d.Hash, d.Buckets
	case p.take("ORDER", "BY"):
		s.OrderBy, err = p.names()
	case p.ahead("REFRESH"):
		s.Refresh, err = p.refreshScheme()
	case p.take("PROPERTIES"):
		s.Properties, err = p.properties()
	default:
		return p.unexpected("AS, PARTITION BY, DISTRIBUTED BY, ORDER BY, REFRESH, PROPERTIES")
	}
	return err
}

// materializedPartition reads one expression, or several in parentheses.
func (p *Parser) materializedPartition(s *CreateMaterializedView) error {
	if !p.ahead("(") {
		start := p.peek().Start
		if _, err := p.name(); err != nil {
			return err
		}
		if p.take("(") {
			for p.balanced(); p.take(","); p.balanced() {
			}
			if err := p.expect(")"); err != nil {
				return err
			}
		}
		s.Partition = []string{p.sql[start:p.tokens[p.at-1].Stop]}
		return nil
	}
	return p.list(func() error {
		s.Partition = append(s.Partition, strings.TrimSpace(p.balanced()))
		return nil
	})
}

// refreshScheme reads REFRESH [IMMEDIATE|DEFERRED] (MANUAL | ASYNC | (ASYNC|SCHEDULE) [START (…)] EVERY (INTERVAL n unit)).
func (p *Parser) refreshScheme() (*Refresh, error) {
	r := &Refresh{}
	p.next()
	if moment, ok := p.takeAny("IMMEDIATE", "DEFERRED"); ok {
		r.Deferred = moment == "DEFERRED"
	}
	kind, ok := p.takeAny("MANUAL", "ASYNC", "SCHEDULE")
	if !ok {
		return nil, p.unexpected("ASYNC, MANUAL")
	}
	if r.Manual = kind == "MANUAL"; r.Manual {
		return r, nil
	}
	var err error
	started := p.take("START", "(")
	if started {
		if r.Start, err = p.text(); err != nil {
			return nil, err
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
	}
	if !started && kind == "ASYNC" && !p.ahead("EVERY") {
		return r, nil
	}
	if err := p.expect("EVERY", "(", "INTERVAL"); err != nil {
		return nil, err
	}
	if r.Step, err = p.integer(); err != nil {
		return nil, err
	}
	unit, known := p.takeAny("DAY", "HOUR", "MINUTE", "SECOND")
	if !known {
		return nil, p.unexpected("DAY, HOUR, MINUTE, SECOND")
	}
	r.Unit = unit
	return r, p.expect(")")
}

func (p *Parser) alterMaterializedView() (_ Statement, err error) {
	s := &AlterMaterializedView{}
	if s.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	switch {
	case p.take("ACTIVE"):
		s.Clause = Activation(true)
	case p.take("INACTIVE"):
		s.Clause = Activation(false)
	case p.take("RENAME"):
		var to string
		to, err = p.name()
		s.Clause = Rename{To: to}
	case p.take("SWAP", "WITH"):
		var with string
		with, err = p.name()
		s.Clause = Swap{With: with}
	case p.take("SET"):
		var properties map[string]string
		properties, err = p.properties()
		s.Clause = SetProperties{Properties: properties}
	case p.ahead("REFRESH"):
		var r *Refresh
		if r, err = p.refreshScheme(); err == nil {
			s.Clause = *r
		}
	default:
		return nil, p.unexpected("ACTIVE, INACTIVE, RENAME, SWAP WITH, SET, REFRESH")
	}
	return finish(p, s, err)
}

// refreshStatement reads REFRESH MATERIALIZED VIEW mv [PARTITION START (…) END (…)] [FORCE] [WITH SYNC|ASYNC MODE]
// [WITH PRIORITY n]. The partitions are read and not obeyed: everything is refreshed.
func (p *Parser) refreshStatement() (_ Statement, err error) {
	s := &RefreshMaterializedView{}
	if err := p.expect("MATERIALIZED", "VIEW"); err != nil {
		return nil, err
	}
	if s.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	if p.take("PARTITION") {
		for !p.ahead("FORCE") && !p.ahead("WITH") && p.peek().Kind != End {
			p.next()
		}
	}
	s.Force = p.take("FORCE")
	for p.take("WITH") {
		if p.take("PRIORITY") {
			if _, err := p.integer(); err != nil {
				return nil, err
			}
			continue
		}
		mode, ok := p.takeAny("SYNC", "ASYNC")
		if !ok {
			return nil, p.unexpected("SYNC, ASYNC")
		}
		s.Sync = mode == "SYNC"
		if err := p.expect("MODE"); err != nil {
			return nil, err
		}
	}
	return finish(p, s, nil)
}

// cancel reads CANCEL REFRESH MATERIALIZED VIEW mv [FORCE].
func (p *Parser) cancel() (_ Statement, err error) {
	s := &CancelRefresh{}
	if err := p.expect("REFRESH", "MATERIALIZED", "VIEW"); err != nil {
		return nil, err
	}
	s.Name, err = p.objectName()
	p.take("FORCE")
	return finish(p, s, err)
}

// ParsePartitionBy reads the expressions of PARTITION BY of a materialized view.
func ParsePartitionBy(expressions []string) (PartitionBy, error) {
	p, err := NewParser("(" + strings.Join(expressions, ", ") + ")")
	if err != nil {
		return PartitionBy{}, err
	}
	var c CreateTable
	if err := p.partitionBy(&c); err != nil {
		return PartitionBy{}, err
	}
	return c.Partition, p.end()
}

// DistributionText prints DISTRIBUTED BY as the server does (fe:catalog/HashDistributionInfo.toSql).
func (c *CreateTable) DistributionText() string {
	text := "RANDOM"
	if c.Hash != nil {
		text = "HASH(`" + strings.Join(c.Hash, "`, `") + "`)"
	}
	if c.Buckets > 0 {
		text += " BUCKETS " + strconv.Itoa(c.Buckets) + " "
	}
	return text
}

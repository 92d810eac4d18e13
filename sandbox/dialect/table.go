package dialect

import "strings"

// Column is a column definition.
type Column struct {
	Name        string
	Type        Type
	Key         bool
	Nullable    bool
	Aggregation string // of a value column: SUM, MAX, MIN, REPLACE, …; AGG_STATE_UNION
	State       string // the aggregate function of a column of aggregation states, as it is printed: avg(double)
	Default     *Default
	Comment     string
	// AutoIncrement says that rows without a value get the next number.
	AutoIncrement bool
	Generated     *Expr  // AS expression: computed when rows are loaded
	GeneratedText string // as SHOW CREATE TABLE prints it
}

// Default is a DEFAULT clause.
type Default struct {
	Null  bool
	Now   bool   // CURRENT_TIMESTAMP
	UUID  string // uuid() or uuid_numeric()
	Value string
	Expr  *Expr  // of a collection: [1, 2], map{}, row(…)
	Text  string // the expression as it was written
}

// Key models as tables_config.TABLE_MODEL is derived from them.
const (
	Duplicate = "DUPLICATE"
	Aggregate = "AGGREGATE"
	Unique    = "UNIQUE"
	Primary   = "PRIMARY"
)

// CreateTable is a CREATE TABLE statement.
type CreateTable struct {
	Name        ObjectName
	IfNotExists bool
	Columns     []Column
	Model       string
	Keys        []string
	Comment     string
	Partition   PartitionBy
	Hash        []string // nil: random distribution
	Buckets     int      // 0: chosen by the server
	OrderBy     []string
	Indexes     []Index
	Properties  map[string]string
}

// Value is a bound or a list value.
type Value struct {
	Text string
	Max  bool // MAXVALUE
	Null bool
}

func (p *Parser) createTable() (*CreateTable, error) {
	c := &CreateTable{Properties: map[string]string{}}
	c.IfNotExists = p.take("IF", "NOT", "EXISTS")
	var err error
	if c.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	if err := p.list(func() error { return p.columnOrIndex(c) }); err != nil {
		return nil, err
	}
	for p.peek().Kind != End && !p.ahead(";") {
		if err := p.tableClause(c); err != nil {
			return nil, err
		}
	}
	return c, p.end()
}

func (p *Parser) tableClause(c *CreateTable) (err error) {
	switch {
	case p.take("ENGINE"):
		p.take("=")
		_, err = p.name()
	case p.take("COMMENT"):
		c.Comment, err = p.text()
	case p.take("PARTITION", "BY"):
		err = p.partitionBy(c)
	case p.take("DISTRIBUTED", "BY"):
		err = p.distribution(c)
	case p.take("ORDER", "BY"):
		c.OrderBy, err = p.nameList()
	case p.take("PROPERTIES"):
		c.Properties, err = p.properties()
	default:
		model, ok := p.takeAny(Duplicate, Aggregate, Unique, Primary)
		if !ok {
			return p.unexpected("a table clause")
		}
		c.Model = model
		if err = p.expect("KEY"); err == nil {
			c.Keys, err = p.nameList()
		}
	}
	return err
}

func (p *Parser) distribution(c *CreateTable) (err error) {
	if p.take("HASH") {
		if c.Hash, err = p.nameList(); err != nil {
			return err
		}
	} else if err = p.expect("RANDOM"); err != nil {
		return err
	}
	if p.take("BUCKETS") {
		if p.take("DEFAULT") {
			return nil
		}
		n, err := p.integer()
		c.Buckets = int(n)
		return err
	}
	return nil
}

func (p *Parser) columnOrIndex(c *CreateTable) error {
	if p.ahead("INDEX") && p.peekAt(2).is("(") {
		p.next()
		index, err := p.index()
		c.Indexes = append(c.Indexes, index)
		return err
	}
	column := Column{Nullable: true}
	var err error
	if column.Name, err = p.name(); err != nil {
		return err
	}
	if column.Type, err = p.columnType(); err != nil {
		return err
	}
	for !p.ahead(",") && !p.ahead(")") {
		if err := p.columnOption(&column); err != nil {
			return err
		}
	}
	c.Columns = append(c.Columns, column)
	return nil
}

func (p *Parser) columnOption(c *Column) (err error) {
	if agg, ok := p.takeAny("SUM", "MAX", "MIN", "REPLACE", "REPLACE_IF_NOT_NULL", "HLL_UNION", "BITMAP_UNION", "PERCENTILE_UNION"); ok {
		c.Aggregation = agg
		return nil
	}
	if t := p.peek(); t.Kind == Word && p.peekAt(1).is("(") && !t.is("AS") && !t.is("DEFAULT") { // docs AGGREGATE tables, agg_func_name(types)
		return p.columnState(c)
	}
	switch {
	case p.take("AUTO_INCREMENT"):
		c.AutoIncrement, c.Nullable = true, false
	case p.take("AS"):
		return p.generated(c)
	case p.take("NOT", "NULL"):
		c.Nullable = false
	case p.take("NULL"):
		c.Nullable = true
	case p.take("KEY"):
		c.Key = true
	case p.take("COMMENT"):
		c.Comment, err = p.text()
	case p.take("DEFAULT"):
		c.Default, err = p.columnDefault()
	default:
		return p.unexpected("a column option")
	}
	return err
}

func (p *Parser) columnDefault() (*Default, error) {
	switch t := p.next(); {
	case t.is("NULL"):
		return &Default{Null: true}, nil
	case t.is("CURRENT_TIMESTAMP"):
		p.take("(", ")")
		return &Default{Now: true}, nil
	case t.Kind == String:
		return &Default{Value: t.Text}, nil
	}
	p.at--
	start := p.peek().Start
	e, err := p.expression()
	if err != nil {
		return nil, p.unexpected("a string")
	}
	if e.Kind == CallExpr && (e.Text == "uuid" || e.Text == "uuid_numeric") && e.Args == nil {
		return &Default{UUID: e.Text + "()"}, nil
	}
	return &Default{Expr: e, Text: p.sql[start:p.tokens[p.at-1].Stop]}, nil
}

func (p *Parser) value() (Value, error) {
	switch t := p.next(); {
	case t.Kind == String || t.Kind == Number:
		return Value{Text: t.Text}, nil
	case t.is("-") && p.peek().Kind == Number:
		return Value{Text: "-" + p.next().Text}, nil
	case t.is("MAXVALUE"):
		return Value{Max: true}, nil
	case t.is("NULL"):
		return Value{Null: true}, nil
	}
	p.at--
	return Value{}, p.unexpected("a literal")
}

// columnState reads the function of a column of aggregation states: avg(double).
func (p *Parser) columnState(c *Column) error {
	name := strings.ToLower(p.next().Text)
	var types []string
	if err := p.list(func() error {
		t, err := p.columnType()
		types = append(types, t.String())
		p.take("NOT", "NULL")
		p.take("NULL")
		return err
	}); err != nil {
		return err
	}
	c.Aggregation, c.State = "AGG_STATE_UNION", name+"("+strings.Join(types, ", ")+")"
	return nil
}

// generated reads the expression of a generated column and prints its columns in back quotes (fe:sql/formatter/AST2SQLBuilder).
func (p *Parser) generated(c *Column) (err error) {
	start := p.at
	if c.Generated, err = p.expression(); err != nil {
		return err
	}
	c.GeneratedText = p.quoteColumns(c.Generated, start)
	return nil
}

// quoteColumns prints an expression whose tokens begin at start, its columns in back quotes.
func (p *Parser) quoteColumns(e *Expr, start int) string {
	columns := map[int]bool{}
	e.EachColumn(func(c *Expr) { columns[c.Start] = true })
	var b strings.Builder
	at := p.tokens[start].Start
	for _, t := range p.tokens[start:p.at] {
		b.WriteString(p.sql[at:t.Start])
		if at = t.Stop; columns[t.Start] {
			b.WriteString("`" + t.Text + "`")
		} else {
			b.WriteString(p.sql[t.Start:t.Stop])
		}
	}
	return b.String()
}

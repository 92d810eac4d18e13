package dialect

import (
	"strconv"
	"strings"
)

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

// PartitionBy says how a table is partitioned.
type PartitionBy struct {
	Kind       PartitionKind
	Columns    []string
	Exprs      []*Expr  // of ListColumns: where they are not nil, the values come from an expression, and the column is a hidden one
	Texts      []string // of Exprs
	Expression string   // of RangeExpression: date_trunc('day', dt), time_slice(…)
	Unit       string   // day, month, …
	Partitions []PartitionSpec
}

// PartitionKind is a kind of partitioning.
type PartitionKind int

// The kinds. With RangeExpression and ListColumns a load creates the partitions.
const (
	Unpartitioned PartitionKind = iota
	Range
	List
	RangeExpression
	ListColumns
)

// PartitionSpec defines one partition, or with Every several.
type PartitionSpec struct {
	Name        string
	IfNotExists bool
	Lower       []Value // nil with LESS THAN: what the partition before leaves
	Upper       []Value
	Values      [][]Value // LIST
	Every       *Every
	Properties  map[string]string
}

// Value is a bound or a list value.
type Value struct {
	Text string
	Max  bool // MAXVALUE
	Null bool
}

// Every is START … END … EVERY; the bounds are Lower and Upper of the PartitionSpec.
type Every struct {
	Step int64
	Unit string // empty for integers, else DAY, WEEK, MONTH, YEAR, HOUR
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

func (p *Parser) partitionBy(c *CreateTable) (err error) {
	by := &c.Partition
	switch {
	case p.take("RANGE"):
		return p.rangePartitions(by)
	case p.take("LIST"):
		by.Kind = List
		if by.Columns, err = p.nameList(); err != nil {
			return err
		}
		return p.partitionSpecs(by)
	}
	inParentheses := p.take("(")
	start := p.at
	if word := p.peek(); (word.is("date_trunc") || word.is("time_slice")) && p.peekAt(1).is("(") {
		if err := p.rangeExpression(by); err != nil {
			return err
		}
	}
	if by.Kind != RangeExpression || p.ahead(",") {
		p.at, *by = start, PartitionBy{Kind: ListColumns}
		if err := p.partitionItems(by); err != nil {
			return err
		}
	}
	if inParentheses {
		return p.expect(")")
	}
	return nil
}

// hiddenColumn is the name of the column that holds the values of an expression among several (FeConstants.GENERATED_PARTITION_COLUMN_PREFIX).
const hiddenColumn = "__generated_partition_column_"

// partitionItems reads columns and expressions.
func (p *Parser) partitionItems(by *PartitionBy) error {
	for {
		start := p.at
		e, err := p.expression()
		if err != nil {
			return err
		}
		if e.Kind == ColumnExpr && e.Path == nil {
			by.Columns, by.Exprs, by.Texts = append(by.Columns, e.Text), append(by.Exprs, nil), append(by.Texts, "")
		} else {
			by.Columns = append(by.Columns, hiddenColumn+strconv.Itoa(len(by.Columns)))
			by.Exprs, by.Texts = append(by.Exprs, e), append(by.Texts, p.quoteColumns(e, start))
		}
		if !p.take(",") {
			return nil
		}
	}
}

// List prints the items of ListColumns as SHOW CREATE TABLE does (fe:catalog/ListPartitionInfo.toSql).
func (by PartitionBy) List() string {
	items := make([]string, len(by.Columns))
	for i, name := range by.Columns {
		if items[i] = "`" + name + "`"; i < len(by.Exprs) && by.Exprs[i] != nil {
			items[i] = by.Texts[i]
		}
	}
	return strings.Join(items, ",")
}

// rangePartitions reads RANGE(c, …) (…), also with an expression: the older form RANGE(date_trunc('day', c))().
func (p *Parser) rangePartitions(by *PartitionBy) (err error) {
	if p.peekAt(1).is("date_trunc") {
		if err := p.expect("("); err != nil {
			return err
		}
		if err := p.rangeExpression(by); err != nil {
			return err
		}
		if err := p.expect(")"); err != nil {
			return err
		}
	} else {
		by.Kind = Range
		if by.Columns, err = p.nameList(); err != nil {
			return err
		}
	}
	return p.partitionSpecs(by)
}

// rangeExpression reads date_trunc('unit', column).
func (p *Parser) rangeExpression(by *PartitionBy) error {
	function, err := p.name()
	if err != nil {
		return err
	}
	if !strings.EqualFold(function, "date_trunc") {
		return syntaxError(p.sql, p.peek().Start, "the sandbox partitions by date_trunc and by columns only")
	}
	if err := p.expect("("); err != nil {
		return err
	}
	unit, err := p.text()
	if err != nil {
		return err
	}
	if err := p.expect(","); err != nil {
		return err
	}
	written := p.peek()
	column, err := p.name()
	if err != nil {
		return err
	}
	by.Kind, by.Unit, by.Columns = RangeExpression, strings.ToLower(unit), []string{column}
	// printed with back quotes only where it was written with them (fe:sql/ast/expression/SlotRef isBackQuoted)
	by.Expression = "date_trunc('" + by.Unit + "', " + p.sql[written.Start:written.Stop] + ")"
	return p.expect(")")
}

func (p *Parser) partitionSpecs(by *PartitionBy) error {
	if !p.ahead("(") {
		return nil
	}
	return p.list(func() error {
		spec, err := p.partitionSpec()
		by.Partitions = append(by.Partitions, spec)
		return err
	})
}

// partitionSpec reads one PARTITION definition, or START … END … EVERY.
func (p *Parser) partitionSpec() (s PartitionSpec, err error) {
	if p.ahead("START") {
		return p.everySpec()
	}
	if err := p.expect("PARTITION"); err != nil {
		return s, err
	}
	s.IfNotExists = p.take("IF", "NOT", "EXISTS")
	if s.Name, err = p.nameOrString(); err != nil {
		return s, err
	}
	if err := p.expect("VALUES"); err != nil {
		return s, err
	}
	switch {
	case p.take("LESS", "THAN"):
		if p.take("MAXVALUE") {
			s.Upper = []Value{{Max: true}}
		} else {
			s.Upper, err = p.valueList()
		}
	case p.take("IN"):
		err = p.list(func() error { return p.listItem(&s) })
	default:
		err = p.fixedRange(&s)
	}
	if err == nil && p.ahead("(") && p.peekAt(1).Kind == String {
		s.Properties, err = p.properties()
	}
	return s, err
}

func (p *Parser) fixedRange(s *PartitionSpec) (err error) {
	if err := p.expect("["); err != nil {
		return err
	}
	if s.Lower, err = p.valueList(); err != nil {
		return err
	}
	if err := p.expect(","); err != nil {
		return err
	}
	if s.Upper, err = p.valueList(); err != nil {
		return err
	}
	return p.expect(")")
}

func (p *Parser) listItem(s *PartitionSpec) error {
	if p.ahead("(") {
		values, err := p.valueList()
		s.Values = append(s.Values, values)
		return err
	}
	v, err := p.value()
	s.Values = append(s.Values, []Value{v})
	return err
}

func (p *Parser) valueList() (values []Value, err error) {
	err = p.list(func() error {
		v, err := p.value()
		values = append(values, v)
		return err
	})
	return values, err
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

func (p *Parser) everySpec() (s PartitionSpec, err error) {
	s.Every = &Every{}
	p.next()
	if s.Lower, err = p.valueList(); err != nil {
		return s, err
	}
	if err := p.expect("END"); err != nil {
		return s, err
	}
	if s.Upper, err = p.valueList(); err != nil {
		return s, err
	}
	if err := p.expect("EVERY", "("); err != nil {
		return s, err
	}
	interval := p.take("INTERVAL")
	if s.Every.Step, err = p.integer(); err != nil {
		return s, err
	}
	if s.Every.Step < 1 {
		return s, syntaxError(p.sql, p.peek().Start, "Batch partition every clause must be larger than zero")
	}
	if interval {
		unit, ok := p.takeAny("HOUR", "DAY", "WEEK", "MONTH", "YEAR")
		if !ok {
			return s, p.unexpected("DAY")
		}
		s.Every.Unit = unit
	}
	return s, p.expect(")")
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

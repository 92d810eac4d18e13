package dialect

import (
	"strconv"
	"strings"
)

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

// Every is START … END … EVERY; the bounds are Lower and Upper of the PartitionSpec.
type Every struct {
	Step int64
	Unit string // empty for integers, else DAY, WEEK, MONTH, YEAR, HOUR
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

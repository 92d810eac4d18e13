package starrocks

import (
	"fmt"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// errDDL reports a CREATE TABLE text that is not of the shape that SHOW CREATE TABLE prints.
var errDDL = fmt.Errorf("cannot read the definition: %w", cluster.ErrUnsupported)

// definition is what the adapter needs to know of a table's CREATE TABLE text.
type definition struct {
	ddl         string
	head        int // where CREATE TABLE [IF NOT EXISTS] ends
	name        token
	exists      bool // has IF NOT EXISTS
	columns     []columnDefinition
	model       string // DUPLICATE, AGGREGATE, UNIQUE, PRIMARY
	kind        snapshot.Partitioning
	partitionBy string // normalised, without the list of partitions
	keys        []string
	list        span   // of the list of partitions with its parentheses; empty when there is none
	distributed string // normalised, without the number of buckets
	sorted      bool   // has ORDER BY
	indexes     []string
	properties  []property
	inside      span // between the parentheses of PROPERTIES; empty when there is none
}

type span struct{ start, end int }

type columnDefinition struct {
	name      string
	typ       *dataType
	aggregate string
	generated string // expression of a generated column: never loaded, computed by the cluster
	nullable  bool
	key       bool
	automatic bool // AUTO_INCREMENT
}

type property struct {
	key, value string
}

// parseDefinition reads the text of SHOW CREATE TABLE (fe:AstToStringBuilder.getDdlStmt).
func parseDefinition(ddl string) (*definition, error) {
	tokens, err := tokenize(ddl)
	if err != nil {
		return nil, err
	}
	d := &definition{ddl: ddl, kind: snapshot.Unpartitioned}
	c := &cursor{tokens: tokens}
	if !c.accept("CREATE", "TABLE") {
		return nil, fmt.Errorf("not a CREATE TABLE of an internal table: %w", errDDL)
	}
	d.exists = c.accept("IF", "NOT", "EXISTS")
	d.head = tokens[c.at-1].end
	d.name = c.take()
	if d.name.kind != nameToken || c.peek().sign(".") {
		return nil, fmt.Errorf("%q is not a plain name: %w", d.name.text, errDDL)
	}
	body, err := c.group("(", ")")
	if err != nil {
		return nil, err
	}
	if err := d.parseColumns(body); err != nil {
		return nil, err
	}
	for c.at < len(tokens) {
		if err := d.parseClause(c); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *definition) parseClause(c *cursor) error {
	for _, model := range []string{"DUPLICATE", "AGGREGATE", "UNIQUE", "PRIMARY"} {
		if c.accept(model, "KEY") {
			d.model = model
			return d.parseKeys(c)
		}
	}
	switch {
	case c.accept("PARTITION", "BY"):
		return d.parsePartitionBy(c)
	case c.accept("DISTRIBUTED", "BY"):
		return d.parseDistribution(c)
	case c.accept("ORDER", "BY"):
		d.sorted = true
		_, err := c.group("(", ")")
		return err
	case c.accept("PROPERTIES"):
		return d.parseProperties(c)
	}
	c.take() // ENGINE=OLAP, COMMENT "…", the closing semicolon
	return nil
}

func (d *definition) parseKeys(c *cursor) error {
	names, err := c.group("(", ")")
	if err != nil {
		return err
	}
	for _, t := range names {
		if t.sign(",") {
			continue
		}
		for i := range d.columns {
			if strings.EqualFold(d.columns[i].name, t.text) {
				d.columns[i].key = true
			}
		}
	}
	return nil
}

func (d *definition) parseColumns(body []token) error {
	c := &cursor{tokens: body}
	for c.at < len(body) {
		element, isColumn := c.peek(), c.peek().kind == nameToken
		switch {
		case isColumn:
			col, err := parseColumn(c)
			if err != nil {
				return fmt.Errorf("column %s: %w", element.text, err)
			}
			d.columns = append(d.columns, col)
		case element.is("INDEX"):
			d.indexes = append(d.indexes, indexType(rest(c)))
		default:
			return fmt.Errorf("column expected at %q: %w", element.text, errDDL)
		}
		if c.at < len(body) && !c.take().sign(",") {
			return fmt.Errorf("comma expected behind %q: %w", element.text, errDDL)
		}
	}
	if len(d.columns) == 0 {
		return fmt.Errorf("no columns: %w", errDDL)
	}
	return nil
}

// indexType returns the word behind USING (fe:Index.toSql), and built-in behind it where the implementation is.
func indexType(tokens []token) string {
	kind := ""
	for i, t := range tokens {
		switch {
		case i > 0 && tokens[i-1].is("USING"):
			kind = strings.ToUpper(t.text)
		case i > 1 && strings.EqualFold(tokens[i-2].text, "imp_lib") && strings.EqualFold(t.text, "builtin"):
			kind += " built-in"
		}
	}
	return kind
}

// rest takes the tokens up to the next comma outside brackets: a default may be map{'a': 1, 'b': 2}.
func rest(c *cursor) []token {
	first, depth := c.at, 0
	for c.at < len(c.tokens) {
		t := c.peek()
		switch {
		case t.sign("("), t.sign("["), t.sign("{"):
			depth++
		case t.sign(")"), t.sign("]"), t.sign("}"):
			depth--
		case t.sign(",") && depth == 0:
			return c.tokens[first:c.at]
		}
		c.at++
	}
	return c.tokens[first:c.at]
}

// aggregates are the aggregation types of a column whose merged values can be loaded again (fe:AggregateType). Behind a
// column's type stands one of these, another aggregation, or an attribute.
var (
	aggregates     = []string{"SUM", "MIN", "MAX", "REPLACE", "REPLACE_IF_NOT_NULL", "HLL_UNION", "BITMAP_UNION"}
	attributeWords = []string{"NULL", "NOT", "AUTO_INCREMENT", "DEFAULT", "AS", "COMMENT", "KEY"}
)

func parseColumn(c *cursor) (columnDefinition, error) {
	col := columnDefinition{name: c.take().text, nullable: true}
	if col.name == "" {
		return col, fmt.Errorf("no name: %w", errDDL)
	}
	var err error
	if col.typ, err = parseType(c); err != nil {
		return col, err
	}
	attributes := &cursor{tokens: rest(c)}
	if next := attributes.peek(); next.kind == wordToken && !oneOf(next, attributeWords) {
		col.aggregate = strings.ToUpper(attributes.take().text)
		if attributes.peek().sign("(") { // the function of an aggregate state (fe:Column.toSql AGG_STATE_UNION)
			if _, err := attributes.group("(", ")"); err != nil {
				return col, err
			}
		}
	}
	for attributes.at < len(attributes.tokens) {
		switch {
		case attributes.accept("NOT", "NULL"):
			col.nullable = false
		case attributes.accept("AUTO_INCREMENT"):
			col.automatic = true
		case attributes.accept("AS"):
			first := attributes.at
			for attributes.at < len(attributes.tokens) && !attributes.peek().is("COMMENT") {
				attributes.take()
			}
			col.generated = normal(attributes.tokens[first:attributes.at])
		default:
			attributes.take() // NULL, DEFAULT x, COMMENT "…"
		}
	}
	return col, nil
}

// clauses begin what may stand behind PARTITION BY; a bare partition column of that name would be quoted.
var clauses = []string{"DISTRIBUTED", "ORDER", "PROPERTIES", "COMMENT", "REFRESH"}

func (d *definition) parsePartitionBy(c *cursor) error {
	first := c.at
	switch {
	case c.accept("RANGE"):
		d.kind = snapshot.RangePartitioning
	case c.accept("LIST"):
		d.kind = snapshot.ListPartitioning
	default:
		d.kind = snapshot.AutomaticPartitioning
		for c.at < len(c.tokens) && !c.peek().sign(";") && !oneOf(c.peek(), clauses) {
			c.take()
		}
		d.setPartitionBy(c.tokens[first:c.at])
		return nil
	}
	if _, err := c.group("(", ")"); err != nil {
		return err
	}
	d.setPartitionBy(c.tokens[first:c.at])
	d.list.start = c.peek().start
	if c.peek().kind == listToken {
		c.take()
	} else if _, err := c.group("(", ")"); err != nil {
		return fmt.Errorf("list of partitions: %w", err)
	}
	d.list.end = c.tokens[c.at-1].end
	return nil
}

func (d *definition) setPartitionBy(tokens []token) {
	d.partitionBy = normal(tokens)
	for _, t := range tokens {
		if t.kind == nameToken {
			d.keys = append(d.keys, t.text)
		}
	}
}

func (d *definition) parseDistribution(c *cursor) error {
	first := c.at
	if c.accept("HASH") {
		if _, err := c.group("(", ")"); err != nil {
			return err
		}
	} else {
		c.take() // RANDOM
	}
	d.distributed = normal(c.tokens[first:min(c.at, len(c.tokens))])
	if c.accept("BUCKETS") {
		c.take()
	}
	return nil
}

func (d *definition) parseProperties(c *cursor) error {
	d.inside.start = c.peek().end
	list, err := c.group("(", ")")
	if err != nil {
		return err
	}
	d.inside.end = c.tokens[c.at-1].start
	for i := 0; i+2 < len(list); i += 4 { // "key" = "value" ,
		if list[i].kind != textToken || !list[i+1].sign("=") || list[i+2].kind != textToken {
			return fmt.Errorf("property expected at %q: %w", list[i].text, errDDL)
		}
		d.properties = append(d.properties, property{list[i].text, list[i+2].text})
	}
	return nil
}

func (d *definition) property(key string) (property, bool) {
	for _, p := range d.properties {
		if strings.EqualFold(p.key, key) {
			return p, true
		}
	}
	return property{}, false
}

func (d *definition) column(name string) (columnDefinition, bool) {
	for _, c := range d.columns {
		if strings.EqualFold(c.name, name) {
			return c, true
		}
	}
	return columnDefinition{}, false
}

func oneOf(t token, words []string) bool {
	for _, w := range words {
		if t.is(w) {
			return true
		}
	}
	return false
}

// normal prints tokens in one form whatever their spaces, case of keywords and kind of quotes, for comparisons.
func normal(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 && t.kind != signToken && tokens[i-1].kind != signToken {
			b.WriteByte(' ')
		}
		if t.kind == textToken {
			b.WriteString(wire.DoubleQuoted(t.text))
		} else {
			b.WriteString(strings.ToLower(t.text)) // StarRocks compares column names without case
		}
	}
	return b.String()
}

const (
	replicationNum   = "replication_num"
	dynamicPartition = "dynamic_partition.enable"
)

func qualified(database, table string) (string, error) {
	d, err := identifier(database)
	if err != nil {
		return "", err
	}
	t, err := identifier(table)
	if err != nil {
		return "", err
	}
	return d + "." + t, nil
}

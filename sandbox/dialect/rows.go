package dialect

import "strings"

// Hint restricts a table to partitions and tablets.
type Hint struct {
	Temporary  bool
	Partitions []string // nil: all
	Tablets    []int64  // nil: all
}

// Select is a SELECT that needs the engine, or one that Scan describes completely.
type Select struct {
	SQL   string // for the engine: hints are replaced by the names of Hinted
	Scan  *TableScan
	Query *Query // one table, expressions; nil when the statement is more than that
	Hints map[string]HintedTable
}

// HintedTable is a table under a hint; the engine knows it by a name of its own.
type HintedTable struct {
	Table ObjectName
	Hint  Hint
}

// queryDump reads SELECT get_query_dump('query') [AS heading], or nothing.
func (p *Parser) queryDump() *QueryDump {
	start := p.at
	if p.take("SELECT", "get_query_dump", "(") && p.peek().Kind == String {
		s := &QueryDump{Query: p.next().Text, Heading: "get_query_dump"}
		closed := p.take(")")
		if p.take("AS") {
			s.Heading = p.next().Text
		}
		if closed && p.end() == nil {
			return s
		}
	}
	p.at = start
	return nil
}

// TableScan is SELECT columns | * | count(*) FROM t [hint] [LIMIT n]; of a view of information_schema also with
// WHERE column = 'text' AND ….
type TableScan struct {
	Table   ObjectName
	Hint    Hint
	All     bool
	Count   bool
	Heading string // of the count
	Columns []string
	Where   map[string]string // by column in lower case
	Limit   int64             // negative: none
}

// Delete is DELETE FROM t [PARTITION …] WHERE ….
type Delete struct {
	Table ObjectName
	Hint  Hint
	Where string
}

// Update is UPDATE t SET … WHERE ….
type Update struct {
	Table   ObjectName
	Columns []string
	Values  []string // expressions
	Where   string
}

func (p *Parser) selectStatement() (Statement, error) {
	if p.ahead("SELECT", "current_version", "(", ")") && p.peekAt(4).Kind == End {
		return &CurrentVersion{}, nil
	}
	if s := p.currentRole(); s != nil {
		return s, nil
	}
	if s := p.queryDump(); s != nil {
		return s, nil
	}
	start := p.at
	if items := p.variables(); items != nil {
		return &SelectVariables{Items: items}, nil
	}
	p.at = start
	if scan := p.tableScan(); scan != nil {
		return &Select{SQL: p.sql, Scan: scan}, nil
	}
	p.at = start
	query := p.query()
	p.at = start
	s, err := p.rewriteHints()
	if err != nil {
		return nil, err
	}
	s.Query = query
	return s, nil
}

// variables reads SELECT @@a [AS b], … [LIMIT n], or returns nil.
func (p *Parser) variables() (items []VariableItem) {
	p.next()
	for {
		first := p.next()
		if first.Kind != Word || !strings.HasPrefix(first.Text, "@@") {
			return nil
		}
		last := first
		for p.take(".") { // @@session.x
			last = p.next()
		}
		item := VariableItem{Heading: p.sql[first.Start:last.Stop], Name: strings.ToLower(strings.TrimPrefix(last.Text, "@@"))}
		if p.take("AS") || p.peek().Kind == Quoted || p.peek().Kind == String {
			item.Heading = p.next().Text
		}
		items = append(items, item)
		if !p.take(",") {
			break
		}
	}
	if p.take("LIMIT") {
		p.next()
	}
	if p.end() != nil {
		return nil
	}
	return items
}

// tableScan reads the plain form, or returns nil.
func (p *Parser) tableScan() *TableScan {
	p.next()
	s := &TableScan{Limit: -1}
	switch {
	case p.take("*"):
		s.All = true
	case p.ahead("count", "(", "*", ")"):
		s.Count, s.Heading = true, p.sql[p.peek().Start:p.peekAt(3).Stop]
		p.at += 4
	default:
		for {
			t := p.next()
			if t.Kind != Quoted && (t.Kind != Word || reserved[strings.ToUpper(t.Text)]) {
				return nil
			}
			s.Columns = append(s.Columns, t.Text)
			if !p.take(",") {
				break
			}
		}
	}
	if !p.take("FROM") {
		return nil
	}
	var err error
	if s.Table, err = p.objectName(); err != nil {
		return nil
	}
	if s.Hint, err = p.hint(); err != nil {
		return nil
	}
	if strings.EqualFold(s.Table.Database, "information_schema") && p.take("WHERE") {
		if s.Where = p.equalities(); s.Where == nil {
			return nil
		}
	}
	if p.take("LIMIT") {
		if s.Limit, err = p.integer(); err != nil {
			return nil
		}
	}
	if p.end() != nil {
		return nil
	}
	return s
}

// equalities reads column = 'text' AND …, or returns nil.
func (p *Parser) equalities() map[string]string {
	where := map[string]string{}
	for {
		name, err := p.name()
		if err != nil || !p.take("=") || p.peek().Kind != String {
			return nil
		}
		if _, twice := where[strings.ToLower(name)]; twice {
			return nil
		}
		where[strings.ToLower(name)] = p.next().Text
		if !p.take("AND") {
			return where
		}
	}
}

// reserved words that stand for a value where a column could stand.
var reserved = map[string]bool{"NULL": true, "TRUE": true, "FALSE": true, "DISTINCT": true, "ALL": true, "CURRENT_DATE": true, "CURRENT_TIMESTAMP": true, "CURRENT_USER": true, "CASE": true, "NOT": true}

// hint reads [TEMPORARY] PARTITION (…) [TABLET (…)].
func (p *Parser) hint() (h Hint, err error) {
	h.Temporary = p.take("TEMPORARY")
	if _, ok := p.takeAny("PARTITION", "PARTITIONS"); ok {
		if h.Partitions, err = p.names(); err != nil {
			return h, err
		}
	} else if h.Temporary {
		return h, p.unexpected("PARTITION")
	}
	if p.ahead("TABLET", "(") {
		p.next()
		h.Tablets = []int64{}
		err = p.list(func() error {
			id, err := p.integer()
			h.Tablets = append(h.Tablets, id)
			return err
		})
	}
	return h, err
}

func (h Hint) none() bool { return !h.Temporary && h.Partitions == nil && h.Tablets == nil }

// rewriteHints copies a query and gives each table that stands under a hint a name of its own, for the engine's grammar
// reads PARTITION without obeying it and does not know the other hints.
func (p *Parser) rewriteHints() (*Select, error) {
	s := &Select{Hints: map[string]HintedTable{}}
	var out strings.Builder
	copied, tables := 0, false
	for p.peek().Kind != End {
		t := p.next()
		from := t.is("FROM") || t.is("JOIN")
		if !from && !(tables && t.is(",")) {
			continue
		}
		tables = true
		start := p.at
		name, err := p.objectName()
		if err != nil || p.ahead("(") {
			p.at = start
			continue
		}
		h, err := p.hint()
		if err != nil {
			return nil, err
		}
		if h.none() {
			continue
		}
		id := "hint " + string(rune('a'+len(s.Hints)))
		s.Hints[id] = HintedTable{Table: name, Hint: h}
		out.WriteString(p.sql[copied:p.tokens[start].Start])
		if name.Database != "" {
			out.WriteString(p.sql[p.tokens[start].Start:p.tokens[p.lastDot(start)].Stop])
		}
		out.WriteString("`" + id + "`")
		if next := p.peek(); !next.is("AS") && (next.Kind == End || next.Kind == Symbol || clauseWords[strings.ToUpper(next.Text)]) {
			out.WriteString(" AS `" + name.Name + "`")
		}
		copied = p.tokens[p.at-1].Stop
	}
	out.WriteString(p.sql[copied:])
	s.SQL = strings.TrimRight(strings.TrimSpace(out.String()), ";")
	return s, nil
}

// lastDot returns the index of the dot before the last part of the name that begins at a token.
func (p *Parser) lastDot(start int) int {
	dot := start
	for i := start + 1; p.tokens[i].is("."); i += 2 {
		dot = i
	}
	return dot
}

// clauseWords can follow a table that has no alias.
var clauseWords = map[string]bool{"WHERE": true, "GROUP": true, "ORDER": true, "LIMIT": true, "HAVING": true, "JOIN": true, "INNER": true,
	"LEFT": true, "RIGHT": true, "CROSS": true, "FULL": true, "ON": true, "USING": true, "UNION": true, "EXCEPT": true, "INTERSECT": true}

func (p *Parser) delete() (_ Statement, err error) {
	s := &Delete{}
	if err := p.expect("FROM"); err != nil {
		return nil, err
	}
	if s.Table, err = p.objectName(); err != nil {
		return nil, err
	}
	if s.Hint, err = p.hint(); err != nil {
		return nil, err
	}
	if p.take("WHERE") {
		s.Where = p.rest()
	}
	return finish(p, s, nil)
}

func (p *Parser) update() (_ Statement, err error) {
	s := &Update{}
	if s.Table, err = p.objectName(); err != nil {
		return nil, err
	}
	if err := p.expect("SET"); err != nil {
		return nil, err
	}
	for {
		name, err := p.objectName()
		if err != nil {
			return nil, err
		}
		if err := p.expect("="); err != nil {
			return nil, err
		}
		s.Columns = append(s.Columns, name.Name)
		s.Values = append(s.Values, p.untilClause())
		if !p.take(",") {
			break
		}
	}
	if p.take("WHERE") {
		s.Where = p.rest()
	}
	return finish(p, s, nil)
}

// untilClause returns the text of an expression up to a comma or WHERE on this level.
func (p *Parser) untilClause() string {
	start, stop, depth := p.peek().Start, p.peek().Start, 0
	for {
		t := p.peek()
		switch {
		case t.Kind == End, depth == 0 && (t.is(",") || t.is("WHERE") || t.is(";")):
			return p.sql[start:stop]
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		}
		stop = t.Stop
		p.at++
	}
}

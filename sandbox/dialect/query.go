package dialect

import "strings"

// Query is SELECT items [FROM t [hint] [[AS] alias] [WHERE …] [ORDER BY …]] [LIMIT n], with expressions that this package
// reads.
type Query struct {
	Items []QueryItem
	Table ObjectName // its Name is empty without FROM
	Alias string
	Hint  Hint
	Where *Expr // nil: all rows
	Order []QueryOrder
	Limit int64 // negative: none
}

// QueryItem is one column of a result, or all of the table.
type QueryItem struct {
	All     bool
	Expr    *Expr
	Heading string
}

// QueryOrder is one key of ORDER BY.
type QueryOrder struct {
	Expr       *Expr
	Descending bool
}

// query reads a Query, or returns nil.
func (p *Parser) query() *Query {
	if !p.take("SELECT") {
		return nil
	}
	q := &Query{Limit: -1}
	for {
		item, err := p.queryItem()
		if err != nil {
			return nil
		}
		if q.Items = append(q.Items, item); !p.take(",") {
			break
		}
	}
	if p.take("FROM") && p.queryTable(q) != nil {
		return nil
	}
	if p.take("LIMIT") {
		var err error
		if q.Limit, err = p.integer(); err != nil {
			return nil
		}
	}
	if p.end() != nil {
		return nil
	}
	return q
}

func (p *Parser) queryItem() (item QueryItem, err error) {
	if p.take("*") {
		return QueryItem{All: true}, nil
	}
	if item.Expr, err = p.expression(); err != nil {
		return item, err
	}
	item.Heading = p.sql[item.Expr.Start:p.tokens[p.at-1].Stop]
	if item.Expr.Kind == ColumnExpr {
		item.Heading = item.Expr.Text
		if n := len(item.Expr.Path); n > 0 {
			item.Heading = item.Expr.Path[n-1]
		}
	}
	if t := p.peek(); p.take("AS") || t.Kind == Quoted || t.Kind == Word && !clauseWords[strings.ToUpper(t.Text)] && !t.is("FROM") {
		if p.peek().Kind == String {
			item.Heading = p.next().Text
			return item, nil
		}
		item.Heading, err = p.name()
	}
	return item, err
}

func (p *Parser) queryTable(q *Query) (err error) {
	if q.Table, err = p.objectName(); err != nil {
		return err
	}
	if q.Hint, err = p.hint(); err != nil {
		return err
	}
	if t := p.peek(); p.take("AS") || t.Kind == Quoted || t.Kind == Word && !clauseWords[strings.ToUpper(t.Text)] {
		if q.Alias, err = p.name(); err != nil {
			return err
		}
	}
	if p.take("WHERE") {
		if q.Where, err = p.expression(); err != nil {
			return err
		}
	}
	if !p.take("ORDER", "BY") {
		return nil
	}
	for {
		e, err := p.expression()
		if err != nil {
			return err
		}
		key := QueryOrder{Expr: e, Descending: p.take("DESC")}
		p.take("ASC")
		if q.Order = append(q.Order, key); !p.take(",") {
			return nil
		}
	}
}

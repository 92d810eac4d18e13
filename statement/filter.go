package statement

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// Filter is the WHERE, ORDER BY and LIMIT that SHOW statements accept. The zero value keeps every row.
type Filter struct {
	Where Condition // nil: all rows
	Order []Order
	Limit *Limit // nil: no limit
}

// Order is one entry of ORDER BY.
type Order struct {
	Column     string
	Descending bool
	Position   Position
}

// Limit is LIMIT count OFFSET offset.
type Limit struct {
	Count, Offset int
}

// Condition is a WHERE expression: *Comparison, *Like, *In, *Junction or *Negation.
type Condition interface {
	compile(columns []string) (func(row []string) bool, error)
	text() string
}

// Literal is a value to compare with. A number compares as a number with cells that are numbers; all else as text,
// byte by byte.
type Literal struct {
	Text   string
	Number bool
}

// Comparison is column operator value; the operator is one of = != < <= > >=.
type Comparison struct {
	Column   string
	Operator string
	Value    Literal
	Position Position
}

// Like is column [NOT] LIKE pattern: % is any text, _ any character, a backslash takes the meaning from the next.
type Like struct {
	Column   string
	Pattern  string
	Not      bool
	Position Position
}

// In is column [NOT] IN (…).
type In struct {
	Column   string
	Values   []Literal
	Not      bool
	Position Position
}

// Junction is left AND right, or left OR right.
type Junction struct {
	Or          bool
	Left, Right Condition
}

// Negation is NOT condition.
type Negation struct {
	Of Condition
}

// Apply returns the rows that the filter keeps, in its order; rows itself is not changed. Column names match without
// regard to case; one that is not in columns gives an *Error.
func (f Filter) Apply(columns []string, rows [][]string) ([][]string, error) {
	kept := slices.Clone(rows)
	if f.Where != nil {
		keep, err := f.Where.compile(columns)
		if err != nil {
			return nil, err
		}
		kept = slices.DeleteFunc(kept, func(row []string) bool { return !keep(row) })
	}
	places := make([]int, len(f.Order))
	for i, o := range f.Order {
		var err error
		if places[i], err = place(columns, o.Column, o.Position); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(kept, func(a, b []string) int {
		for i, o := range f.Order {
			c := compareCells(a[places[i]], b[places[i]])
			if o.Descending {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	if l := f.Limit; l != nil {
		kept = kept[min(l.Offset, len(kept)):]
		kept = kept[:min(l.Count, len(kept))]
	}
	return kept, nil
}

func place(columns []string, column string, at Position) (int, error) {
	i := slices.IndexFunc(columns, func(c string) bool { return strings.EqualFold(c, column) })
	if i < 0 {
		return 0, wrong(at, "the columns are "+strings.Join(columns, ", "), "Unknown column '%s'", column)
	}
	return i, nil
}

var numeric = regexp.MustCompile(`^-?[0-9]+(?:\.[0-9]+)?$`)

// numberOf is the exact value of a cell that is a number: ids do not fit a float.
func numberOf(s string) *big.Rat {
	if !numeric.MatchString(s) {
		return nil
	}
	n, _ := new(big.Rat).SetString(s)
	return n
}

// compareCells orders numbers by value and before texts.
func compareCells(a, b string) int {
	x, y := numberOf(a), numberOf(b)
	switch {
	case x != nil && y != nil:
		return x.Cmp(y)
	case x != nil:
		return -1
	case y != nil:
		return 1
	}
	return strings.Compare(a, b)
}

func (l Literal) compare(cell string) int {
	if l.Number {
		if x, y := numberOf(cell), numberOf(l.Text); x != nil && y != nil {
			return x.Cmp(y)
		}
	}
	return strings.Compare(cell, l.Text)
}

func (c *Comparison) compile(columns []string) (func([]string) bool, error) {
	i, err := place(columns, c.Column, c.Position)
	return func(row []string) bool {
		d := c.Value.compare(row[i])
		switch c.Operator {
		case "=":
			return d == 0
		case "!=":
			return d != 0
		case "<":
			return d < 0
		case "<=":
			return d <= 0
		case ">":
			return d > 0
		default:
			return d >= 0
		}
	}, err
}

func (c *Like) compile(columns []string) (func([]string) bool, error) {
	i, err := place(columns, c.Column, c.Position)
	pattern := likePattern(c.Pattern)
	return func(row []string) bool { return pattern.MatchString(row[i]) != c.Not }, err
}

func likePattern(like string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	escaped := false
	for _, r := range like {
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case !escaped && r == '%':
			b.WriteString(`.*`)
		case !escaped && r == '_':
			b.WriteString(`.`)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
		escaped = false
	}
	if escaped {
		b.WriteString(`\\`)
	}
	b.WriteString(`$`)
	return regexp.MustCompile(b.String())
}

func (c *In) compile(columns []string) (func([]string) bool, error) {
	i, err := place(columns, c.Column, c.Position)
	return func(row []string) bool {
		return slices.ContainsFunc(c.Values, func(v Literal) bool { return v.compare(row[i]) == 0 }) != c.Not
	}, err
}

func (c *Junction) compile(columns []string) (func([]string) bool, error) {
	left, err := c.Left.compile(columns)
	if err != nil {
		return nil, err
	}
	right, err := c.Right.compile(columns)
	if c.Or {
		return func(row []string) bool { return left(row) || right(row) }, err
	}
	return func(row []string) bool { return left(row) && right(row) }, err
}

func (c *Negation) compile(columns []string) (func([]string) bool, error) {
	of, err := c.Of.compile(columns)
	return func(row []string) bool { return !of(row) }, err
}

func (l Literal) text() string {
	if l.Number {
		return l.Text
	}
	return quote(l.Text)
}

func (c *Comparison) text() string {
	return fmt.Sprintf("%s %s %s", name(c.Column), c.Operator, c.Value.text())
}

func (c *Like) text() string {
	return name(c.Column) + not(c.Not) + " LIKE " + quote(c.Pattern)
}

func (c *In) text() string {
	list := make([]string, len(c.Values))
	for i, v := range c.Values {
		list[i] = v.text()
	}
	return name(c.Column) + not(c.Not) + " IN (" + strings.Join(list, ", ") + ")"
}

func not(is bool) string {
	if is {
		return " NOT"
	}
	return ""
}

// text has the parentheses that make the tree the same when it is read again, and no others: reading bounds their depth.
func (c *Junction) text() string {
	operator := " AND "
	if c.Or {
		operator = " OR "
	}
	left, right := c.Left.text(), c.Right.text()
	if j, ok := c.Left.(*Junction); ok && j.Or && !c.Or {
		left = "(" + left + ")"
	}
	if j, ok := c.Right.(*Junction); ok && (j.Or || !c.Or) {
		right = "(" + right + ")"
	}
	return left + operator + right
}

func (c *Negation) text() string {
	if _, ok := c.Of.(*Junction); ok {
		return "NOT (" + c.Of.text() + ")"
	}
	return "NOT " + c.Of.text()
}

func (f Filter) print(p *printer) {
	if f.Where != nil {
		p.printf(" WHERE %s", f.Where.text())
	}
	for i, o := range f.Order {
		if i == 0 {
			p.WriteString(" ORDER BY ")
		} else {
			p.WriteString(", ")
		}
		p.WriteString(name(o.Column))
		if o.Descending {
			p.WriteString(" DESC")
		}
	}
	if f.Limit != nil {
		p.printf(" LIMIT %d", f.Limit.Count)
		if f.Limit.Offset > 0 {
			p.printf(" OFFSET %d", f.Limit.Offset)
		}
	}
}

package starrocks

import (
	"fmt"
	"slices"
)

// query is what a definition names: tables and views behind FROM, qualified columns, functions. It is read by the grammar
// of StarRocks (StarRocks.g4 queryStatement), so that literals, comments, aliases and common table expressions that only look
// like tables are told apart. Expressions are not parsed: in them only names, calls and subqueries matter.
type query struct {
	tables  []tableName
	chains  []chain
	lambdas map[string]bool // parameters of lambda functions, which hide relations of their name
	masked  bool            // credentials of FILES() are not in the text
}

// tableName is a name behind FROM that stands for a table, view or materialized view: no common table expression.
type tableName struct{ parts []lexeme }

// database returns the database in front of a name, or current.
func (t tableName) database(current string) string {
	if len(t.parts) > 1 {
		return t.parts[len(t.parts)-2].text
	}
	return current
}

func (t tableName) name() string { return t.parts[len(t.parts)-1].text }

// catalog returns the catalog in front of a name, "" for the internal one.
func (t tableName) catalog() string {
	if len(t.parts) > 2 && t.parts[0].text != internalCatalog {
		return t.parts[0].text
	}
	return ""
}

const internalCatalog = "default_catalog"

// chain is a qualified name in an expression, a.b.c, with the scope that it is resolved in; or the name of a function.
type chain struct {
	parts []lexeme
	call  bool
	scope *scope
}

// scope is the relations that a SELECT can name, and the common table expressions of a WITH.
type scope struct {
	parent    *scope
	relations []relation
	common    map[string]bool
}

// relation is one item of a FROM clause.
type relation struct {
	table tableName // no parts: subquery, function, or common table expression
	alias string    // what it is called, when not by the name of table
}

func (s *scope) isCommon(name string) bool {
	for ; s != nil; s = s.parent {
		if s.common[name] {
			return true
		}
	}
	return false
}

// Limits against texts that are made to take long. No definition that people write comes near.
const (
	deepestQuery   = 100
	attemptsAtMost = 10_000
)

// walker reads a query.
type walker struct {
	lexemes
	query    query
	depth    int
	attempts int
}

// parseQuery reads a query and everything behind its first lexeme.
func parseQuery(all []lexeme) (*query, error) {
	w := &walker{lexemes: lexemes{all: all}, query: query{lambdas: map[string]bool{}}}
	if err := balanced(all); err != nil {
		return nil, err
	}
	if _, err := w.queryRelation(nil); err != nil {
		return nil, err
	}
	w.acceptMark(";")
	if !w.ended() {
		return nil, w.unexpected("end of the query")
	}
	return &w.query, nil
}

// balanced checks that brackets close in order, so that what is skipped ends where it should.
func balanced(all []lexeme) error {
	closes := map[string]string{"(": ")", "[": "]", "{": "}"}
	var open []string
	for _, t := range all {
		switch {
		case t.kind != markLexeme:
		case closes[t.text] != "":
			open = append(open, closes[t.text])
		case t.mark(")"), t.mark("]"), t.mark("}"):
			if len(open) == 0 || open[len(open)-1] != t.text {
				return fmt.Errorf("%q at byte %d closes nothing: %w", t.text, t.start, errQuery)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%q is missing: %w", open[len(open)-1], errQuery)
	}
	return nil
}

func (w *walker) unexpected(wanted string) error {
	if w.ended() {
		return fmt.Errorf("%s expected at the end: %w", wanted, errQuery)
	}
	t := w.peek()
	return fmt.Errorf("%s expected at byte %d, %q found: %w", wanted, t.start, t.text, errQuery)
}

func (w *walker) expectMark(s string) error {
	if !w.acceptMark(s) {
		return w.unexpected(s)
	}
	return nil
}

// queryRelation reads [WITH …] query, and returns the scope of its last SELECT.
func (w *walker) queryRelation(outer *scope) (*scope, error) {
	if w.depth++; w.depth > deepestQuery {
		return nil, fmt.Errorf("more than %d queries one in another: %w", deepestQuery, errQuery)
	}
	defer func() { w.depth-- }()
	s := &scope{parent: outer, common: map[string]bool{}}
	if w.accept("WITH") {
		recursive := w.peek().is("RECURSIVE") && w.ahead(1).name() && !w.ahead(1).is("AS")
		if recursive {
			w.take()
		}
		for {
			if err := w.commonTable(s, recursive); err != nil {
				return nil, err
			}
			if !w.acceptMark(",") {
				break
			}
		}
	}
	return w.queryBody(s)
}

func (w *walker) commonTable(s *scope, recursive bool) error {
	name := w.take()
	if !name.name() {
		return w.unexpected("name of a common table expression")
	}
	if w.peek().mark("(") {
		if err := w.skipGroup(); err != nil {
			return err
		}
	}
	if !w.accept("AS") {
		return w.unexpected("AS")
	}
	if err := w.expectMark("("); err != nil {
		return err
	}
	if recursive {
		s.common[name.text] = true
	}
	if _, err := w.queryRelation(s); err != nil {
		return err
	}
	s.common[name.text] = true
	if err := w.expectMark(")"); err != nil {
		return err
	}
	return w.bracketHint()
}

func (w *walker) bracketHint() error {
	if w.peek().mark("[") {
		return w.skipGroup()
	}
	return nil
}

func (w *walker) queryBody(s *scope) (*scope, error) {
	last, err := w.queryPrimary(s)
	if err != nil {
		return nil, err
	}
	for w.setOperator(w.at) {
		w.take()
		if !w.accept("ALL") {
			w.accept("DISTINCT")
		}
		if _, err := w.queryPrimary(s); err != nil {
			return nil, err
		}
	}
	if w.peek().is("ORDER", "LIMIT") { // names of ORDER BY are those of the first SELECT
		end := w.boundary(w.setOperator)
		return last, w.expressions(end, last)
	}
	return last, nil
}

// setOperator tells whether the lexeme at i joins two queries: EXCEPT and MINUS are names, too, and EXCEPT also leaves
// columns out of a *.
func (w *walker) setOperator(i int) bool {
	if i >= len(w.all) {
		return false
	}
	t := w.all[i]
	switch {
	case i > 0 && w.all[i-1].mark("."):
		return false
	case t.is("UNION", "INTERSECT"):
		return true
	case !t.is("EXCEPT", "MINUS"):
		return false
	}
	for i++; i < len(w.all) && w.all[i].mark("("); i++ {
	}
	return i < len(w.all) && w.all[i].is("SELECT", "ALL", "DISTINCT", "WITH")
}

func (w *walker) queryPrimary(s *scope) (*scope, error) {
	if w.acceptMark("(") {
		last, err := w.queryRelation(s)
		if err != nil {
			return nil, err
		}
		return last, w.expectMark(")")
	}
	if !w.accept("SELECT") {
		return nil, w.unexpected("SELECT")
	}
	return w.querySpecification(s)
}

// span of lexemes that are an expression, to be read when all relations of its SELECT are known.
type lexemeSpan struct{ from, to int }

func (w *walker) querySpecification(outer *scope) (*scope, error) {
	s := &scope{parent: outer}
	ends := func(i int) bool {
		t := w.all[i]
		return w.setOperator(i) || t.is("ORDER", "LIMIT")
	}
	later := []lexemeSpan{{w.at, w.boundary(func(i int) bool {
		return ends(i) || w.all[i].is("FROM", "WHERE", "GROUP", "HAVING")
	})}}
	if later[0].to == w.at {
		return nil, w.unexpected("expression")
	}
	w.at = later[0].to
	if w.accept("FROM") && !w.accept("DUAL") {
		if err := w.relations(s, &later); err != nil {
			return nil, err
		}
	}
	end := w.boundary(ends)
	later = append(later, lexemeSpan{w.at, end})
	for _, span := range later {
		w.at = span.from
		if err := w.expressions(span.to, s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// boundary finds the first lexeme outside of brackets at which stop holds, or the bracket that closes the query, or the end.
func (w *walker) boundary(stop func(i int) bool) int {
	depth := 0
	for i := w.at; i < len(w.all); i++ {
		switch t := w.all[i]; {
		case t.mark("("), t.mark("["), t.mark("{"):
			depth++
		case t.mark(")"), t.mark("]"), t.mark("}"):
			if depth--; depth < 0 {
				return i
			}
		case depth == 0 && (t.mark(";") || stop(i) && (i == 0 || !w.all[i-1].mark("."))):
			return i
		}
	}
	return len(w.all)
}

// expressions reads names, calls and subqueries up to the lexeme at end.
func (w *walker) expressions(end int, s *scope) error {
	for w.at < end {
		switch t := w.peek(); {
		case t.is("SELECT", "WITH"):
			if _, err := w.queryRelation(s); err != nil {
				return err
			}
		case t.mark("@"), t.mark("."): // a variable, or a field of a value: f(x).a
			w.take()
			w.skipVariable(t)
		case t.mark(")") && w.ahead(1).mark("-") && w.ahead(2).mark(">"):
			w.lambdaList()
			w.take()
		case t.name():
			w.chain(s)
		default:
			w.take()
		}
	}
	if w.at > end {
		return fmt.Errorf("a query ends behind the clause that holds it: %w", errQuery)
	}
	return nil
}

func (w *walker) skipVariable(before lexeme) {
	for before.mark("@") && w.acceptMark("@") {
	}
	if w.peek().name() {
		w.names()
	}
}

// names takes name {.name}.
func (w *walker) names() []lexeme {
	parts := []lexeme{w.take()}
	for w.peek().mark(".") && w.ahead(1).name() {
		w.take()
		parts = append(parts, w.take())
	}
	return parts
}

func (w *walker) chain(s *scope) {
	parts := w.names()
	c := chain{parts: parts, scope: s}
	switch {
	case w.peek().mark("("):
		c.call = true
	case w.peek().mark(".") && w.ahead(1).mark("*"): // t.*: the star stands for the column
		w.take()
		c.parts = append(parts, w.take())
	case len(parts) == 1 && w.peek().mark("-") && w.ahead(1).mark(">") && w.ahead(2).kind != stringLexeme:
		w.query.lambdas[parts[0].text] = true // x -> …; column->'path' is an access to JSON
		return
	}
	if len(c.parts) > 1 || c.call {
		w.query.chains = append(w.query.chains, c)
	}
}

// lambdaList notes the parameters of (x, y) -> …, whose closing parenthesis is next.
func (w *walker) lambdaList() {
	for i := w.at - 1; i >= 0 && !w.all[i].mark("("); i-- {
		if w.all[i].name() {
			w.query.lambdas[w.all[i].text] = true
		}
	}
}

// uses returns the tables and views that a query reads, of the internal catalog, as {database, name}.
func (q *query) uses(current string) [][2]string {
	var list [][2]string
	for _, t := range q.tables {
		if u := [2]string{t.database(current), t.name()}; t.catalog() == "" && !slices.Contains(list, u) {
			list = append(list, u)
		}
	}
	return list
}

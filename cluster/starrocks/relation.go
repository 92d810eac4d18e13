package starrocks

import (
	"fmt"
	"slices"
	"strings"
)

// redacted is what front ends print in the place of credentials in a query (fe:common/util/SqlCredentialRedactor.java).
const redacted = "***"

// relations reads what stands behind FROM (g4 relations pivotClause?). Expressions in it are put off: they may name
// relations that come after them.
func (w *walker) relations(s *scope, later *[]lexemeSpan) error {
	for {
		w.accept("LATERAL")
		if err := w.joined(s, later); err != nil {
			return err
		}
		if !w.acceptMark(",") {
			break
		}
	}
	if w.peek().is("PIVOT") && w.ahead(1).mark("(") {
		w.take()
		return w.putOff(later)
	}
	return nil
}

// putOff takes a group of brackets, to read it as an expression later.
func (w *walker) putOff(later *[]lexemeSpan) error {
	from := w.at
	if err := w.skipGroup(); err != nil {
		return err
	}
	*later = append(*later, lexemeSpan{from, w.at})
	return nil
}

// joined reads a relation and those that are joined to it.
func (w *walker) joined(s *scope, later *[]lexemeSpan) error {
	if err := w.relationPrimary(s, later); err != nil {
		return err
	}
	for w.joinAt(w.at) {
		for !w.peek().is("JOIN") && w.peek().is(joinWords...) {
			w.take()
		}
		if !w.accept("JOIN") && !w.all[w.at-1].is("CROSS") {
			return w.unexpected("JOIN")
		}
		if w.peek().mark("[") { // a hint, [skew|t.c(1, 2)] names a column
			if err := w.putOff(later); err != nil {
				return err
			}
		}
		w.accept("LATERAL")
		if err := w.relationPrimary(s, later); err != nil {
			return err
		}
		if err := w.joinCriteria(later); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) joinCriteria(later *[]lexemeSpan) error {
	switch {
	case w.accept("USING"):
		return w.skipGroup()
	case w.accept("ON"):
		from := w.at
		w.at = w.boundary(func(i int) bool {
			t := w.all[i]
			return w.joinAt(i) || w.setOperator(i) || t.mark(",") ||
				t.is("WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT") || t.is("PIVOT") && i+1 < len(w.all) && w.all[i+1].mark("(")
		})
		*later = append(*later, lexemeSpan{from, w.at})
	}
	return nil
}

var joinWords = []string{"ASOF", "INNER", "CROSS", "LEFT", "RIGHT", "FULL", "OUTER", "SEMI", "ANTI", "NULL", "AWARE", "JOIN"}

// joinAt tells whether a join begins at i. LEFT( and RIGHT( are functions, NULL a value, and ASOF may be a name.
func (w *walker) joinAt(i int) bool {
	if i >= len(w.all) {
		return false
	}
	next := func(n int, words ...string) bool { return i+n < len(w.all) && w.all[i+n].is(words...) }
	switch t := w.all[i]; {
	case t.is("JOIN", "INNER", "CROSS", "FULL"):
		return true
	case t.is("LEFT", "RIGHT"):
		return next(1, "JOIN", "OUTER", "SEMI", "ANTI")
	case t.is("NULL"):
		return next(1, "AWARE")
	case t.is("ASOF"):
		return next(1, "JOIN", "INNER", "LEFT")
	}
	return false
}

func (w *walker) relationPrimary(s *scope, later *[]lexemeSpan) error {
	if w.peek().is("ASSERT_ROWS") && w.ahead(1).mark("(") {
		w.take()
	}
	switch t := w.peek(); {
	case t.mark("("):
		return w.parenthesized(s, later)
	case t.is("FILES") && w.ahead(1).mark("("):
		w.take()
		from := w.at
		if err := w.skipGroup(); err != nil {
			return err
		}
		w.query.masked = w.query.masked || slices.ContainsFunc(w.all[from:w.at], func(l lexeme) bool {
			return l.kind == stringLexeme && strings.Contains(l.text, redacted)
		})
		return w.derived(s)
	case t.is("TABLE") && w.ahead(1).mark("("):
		w.take()
		if err := w.putOff(later); err != nil {
			return err
		}
		return w.derived(s)
	case !t.name():
		return w.unexpected("relation")
	}
	parts := w.names()
	if w.peek().mark("(") { // a table function
		w.query.chains = append(w.query.chains, chain{parts: parts, call: true, scope: s})
		if err := w.putOff(later); err != nil {
			return err
		}
		return w.derived(s)
	}
	return w.table(s, parts)
}

// parenthesized reads (VALUES …), (query) or (relations). Only the end tells the last two apart.
func (w *walker) parenthesized(s *scope, later *[]lexemeSpan) error {
	if w.ahead(1).is("VALUES") {
		if err := w.putOff(later); err != nil {
			return err
		}
		return w.derived(s)
	}
	if w.attempts++; w.attempts > attemptsAtMost {
		return fmt.Errorf("too many parentheses: %w", errQuery)
	}
	first := w.at
	inner := first
	for inner < len(w.all) && w.all[inner].mark("(") {
		inner++
	}
	if inner < len(w.all) && w.all[inner].is("SELECT", "WITH") {
		tables, chains := len(w.query.tables), len(w.query.chains)
		w.take()
		if _, err := w.queryRelation(s.parent); err == nil && w.acceptMark(")") {
			return w.derived(s)
		}
		w.at, w.query.tables, w.query.chains = first, w.query.tables[:tables], w.query.chains[:chains]
		if inner == first+1 { // nothing but a query can begin so
			w.take()
			if _, err := w.queryRelation(s.parent); err != nil {
				return err
			}
			return w.unexpected(")")
		}
	}
	w.take()
	if w.depth++; w.depth > deepestQuery {
		return fmt.Errorf("more than %d parentheses one in another: %w", deepestQuery, errQuery)
	}
	defer func() { w.depth-- }()
	if err := w.relations(s, later); err != nil {
		return err
	}
	return w.expectMark(")")
}

// derived takes the alias of what is no table, with its columns.
func (w *walker) derived(s *scope) error {
	alias := w.alias()
	if alias == "" {
		return nil
	}
	s.relations = append(s.relations, relation{alias: alias})
	if w.peek().mark("(") {
		return w.skipGroup()
	}
	return nil
}

// table reads what may stand behind the name of a table (g4 tableAtom).
func (w *walker) table(s *scope, parts []lexeme) error {
	for w.peek().is("PARTITION", "PARTITIONS", "TABLET", "TABLETS", "REPLICA", "SAMPLE") && w.ahead(1).mark("(") {
		w.take()
		if err := w.skipGroup(); err != nil {
			return err
		}
	}
	if w.peek().is("FOR", "PARTITION") || w.peek().is("TEMPORARY") && w.ahead(1).is("PARTITION", "PARTITIONS") ||
		w.peek().is("VERSION", "TIMESTAMP", "SYSTEM_TIME") && w.ahead(1).is("AS", "BETWEEN", "FROM", "ALL") {
		return w.unexpected("a table as it is now")
	}
	r := relation{table: tableName{parts}, alias: w.alias()}
	if len(parts) == 1 && s.parent.isCommon(parts[0].text) {
		if r.alias == "" {
			r.alias = parts[0].text
		}
		r.table.parts = nil
	} else {
		w.query.tables = append(w.query.tables, r.table)
	}
	s.relations = append(s.relations, r)
	if err := w.bracketHint(); err != nil {
		return err
	}
	if w.peek().is("BEFORE") && w.ahead(1).kind == stringLexeme {
		return w.unexpected("a table as it is now")
	}
	return nil
}

// notAlias are words behind a relation that begin what follows it. The others that may follow (EXCEPT, PIVOT, ASOF, …) are
// names, too, and told apart by what stands behind them.
var notAlias = []string{"ON", "USING", "OUTER", "WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "LATERAL", "LEFT", "RIGHT", "UNION", "INTERSECT", "INTO"}

// alias takes [AS] name, or returns "".
func (w *walker) alias() string {
	if w.accept("AS") {
		if w.peek().name() {
			return w.take().text
		}
		return ""
	}
	t := w.peek()
	switch {
	case t.kind == quotedLexeme:
		return w.take().text
	case t.kind != wordLexeme, t.is(notAlias...), w.joinAt(w.at), w.setOperator(w.at),
		t.is("PIVOT") && w.ahead(1).mark("("), t.is("BEFORE") && w.ahead(1).kind == stringLexeme:
		return ""
	}
	return w.take().text
}

package starrocks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
)

// viewText is the text of CREATE VIEW or CREATE MATERIALIZED VIEW as SHOW CREATE prints it (fe:analyzer/AstToStringBuilder,
// fe:catalog/MaterializedView.getMaterializedViewDdlStmt). Current front ends print the query as it was typed: names without
// a database are there, which this package takes for names of the view's own database. Older ones print it analysed and
// qualified.
type viewText struct {
	ddl          string
	materialized bool
	name         tableName
	security     string // NONE, INVOKER; empty: the version has no such clause
	head         []lexeme
	query        []lexeme // behind AS
}

func parseView(ddl string) (*viewText, error) {
	all, err := lex(ddl)
	if err != nil {
		return nil, err
	}
	w := &walker{lexemes: lexemes{all: all}}
	v := &viewText{ddl: ddl}
	if !w.accept("CREATE") {
		return nil, w.unexpected("CREATE")
	}
	w.accept("OR", "REPLACE")
	v.materialized = w.accept("MATERIALIZED")
	if !w.accept("VIEW") {
		return nil, w.unexpected("VIEW")
	}
	w.accept("IF", "NOT", "EXISTS")
	if !w.peek().name() {
		return nil, w.unexpected("name of a view")
	}
	v.name = tableName{w.names()}
	first := w.at
	as := w.boundary(func(i int) bool { return all[i].is("AS") })
	if as >= len(all) || !all[as].is("AS") {
		w.at = as
		return nil, w.unexpected("AS")
	}
	v.head, v.query = all[first:as], all[as+1:]
	for i := 0; i+1 < len(v.head); i++ {
		if v.head[i].is("SECURITY") {
			v.security = strings.ToUpper(v.head[i+1].text)
		}
	}
	return v, nil
}

// uses returns what the view reads, as {database, name}. A query that cannot be read is taken to use every name in it.
func (v *viewText) uses(current string) [][2]string {
	q, err := parseQuery(v.query)
	if err == nil {
		return q.uses(current)
	}
	var list [][2]string
	for _, l := range v.query {
		if l.name() {
			list = append(list, [2]string{current, l.text})
		}
	}
	return list
}

// statement returns the text that creates the view as name in the database of r, with everything in it renamed. Where
// nothing has another name, the query stays as it is, byte for byte.
func (v *viewText) statement(name string, r cluster.Renaming) (string, error) {
	target, err := qualified(r.To, name)
	if err != nil {
		return "", err
	}
	w := &rewriter{Renaming: r}
	if changes(r) {
		if err := w.rewriteProperties(v); err != nil {
			return "", err
		}
		if err := w.rewriteQuery(v.query); err != nil {
			return "", err
		}
	}
	begin, end := v.name.parts[0].start, v.name.parts[len(v.name.parts)-1].end
	return strings.TrimRight(apply(v.ddl, append([]edit{{span{begin, end}, target}}, w.edits...)), "; \n\t\r"), nil
}

// tableProperties are properties of materialized views that name tables: [catalog.][database.]table without quotes, and
// whether a column stands behind each (fe:common/util/PropertyAnalyzer.java, docs CREATE_MATERIALIZED_VIEW.md). Names in
// parentheses are columns.
var tableProperties = map[string]bool{
	"excluded_trigger_tables": false, "excluded_refresh_tables": false, "foreign_key_constraints": false, "unique_constraints": true,
}

func (r *rewriter) rewriteProperties(v *viewText) error {
	for i := 0; i+2 < len(v.head); i++ {
		key, _, _ := unquoted(v.ddl, v.head[i])
		column, ok := tableProperties[strings.ToLower(key)]
		if !ok || !v.head[i+1].mark("=") || v.head[i+2].kind != stringLexeme {
			continue
		}
		value, _, _ := unquoted(v.ddl, v.head[i+2])
		now, err := r.propertyValue(value, column)
		if err != nil {
			return fmt.Errorf("property %s: %w", key, err)
		}
		if now != value {
			r.edits = append(r.edits, edit{span{v.head[i+2].start, v.head[i+2].end}, wire.DoubleQuoted(now)})
		}
	}
	return nil
}

func unquoted(sql string, l lexeme) (text string, end int, ok bool) {
	if l.kind != stringLexeme {
		return "", 0, false
	}
	return unquote(sql, l.start)
}

// propertyValue renames the tables in the value of a property; column tells whether each has one behind it.
func (r *rewriter) propertyValue(value string, column bool) (string, error) {
	all, err := lex(value)
	if err != nil {
		return "", err
	}
	var edits []edit
	w := &walker{lexemes: lexemes{all: all}}
	for !w.ended() {
		switch t := w.peek(); {
		case t.mark("("):
			if err := w.skipGroup(); err != nil {
				return "", err
			}
			continue
		case !t.name(), t.is("REFERENCES"):
			w.take()
			continue
		}
		parts := w.names()
		if column {
			parts = parts[:len(parts)-1]
		}
		if len(parts) == 0 {
			continue
		}
		for _, x := range r.tableEdits(tableName{parts}) {
			if strings.ContainsFunc(x.now, func(c rune) bool { return c < 0x80 && !wordByte(byte(c)) }) {
				return "", fmt.Errorf("it cannot hold the name %q: %w", x.now, errQuery)
			}
			edits = append(edits, edit{span{x.old.start, x.old.end}, x.now})
		}
	}
	return apply(value, edits), nil
}

// fitted returns the view with the properties that a cluster takes, and tells what becomes different. A materialized view is
// a table of its cluster's run mode.
func (v *viewText) fitted(p place) (*viewText, []string, error) {
	at := slices.IndexFunc(v.head, func(l lexeme) bool { return l.is("PROPERTIES") })
	if at < 0 {
		return v, nil, nil
	}
	w := &walker{lexemes: lexemes{all: v.head, at: at + 1}}
	if err := w.expectMark("("); err != nil {
		return nil, nil, err
	}
	d := &definition{}
	for !w.acceptMark(")") {
		key, _, isKey := unquoted(v.ddl, w.take())
		equal := w.acceptMark("=")
		value, _, isValue := unquoted(v.ddl, w.take())
		if !isKey || !equal || !isValue || !w.acceptMark(",") && !w.peek().mark(")") {
			return nil, nil, w.unexpected("property")
		}
		d.properties = append(d.properties, property{key, value})
	}
	list, notes := d.fits(p, 0)
	var texts []string
	for _, x := range list {
		switch n, _ := strconv.Atoi(x.value); {
		case strings.EqualFold(x.key, "warehouse") && !p.shared: // fe:catalog/MaterializedView.getMaterializedViewDdlStmt
			notes = append(notes, fmt.Sprintf("warehouse %s means nothing in a shared-nothing cluster and is left out", x.value))
			continue
		case strings.EqualFold(x.key, replicationNum) && !p.shared && n > p.alive && p.alive > 0:
			notes = append(notes, fmt.Sprintf("it gets %d replicas instead of %d: there are no more nodes", p.alive, n))
			x.value = strconv.Itoa(p.alive)
		}
		texts = append(texts, wire.DoubleQuoted(x.key)+" = "+wire.DoubleQuoted(x.value))
	}
	if len(notes) == 0 {
		return v, nil, nil
	}
	clause := ""
	if len(texts) > 0 {
		clause = "PROPERTIES (\n" + strings.Join(texts, ",\n") + "\n)"
	}
	end := v.head[w.at-1].end
	fitted, err := parseView(apply(v.ddl, []edit{{span{v.head[at].start, end}, clause}}))
	return fitted, notes, err
}

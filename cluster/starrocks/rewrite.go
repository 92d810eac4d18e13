package starrocks

import (
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
)

// rewriter changes names in a query from what they were at the source to what they are now. Only names that stand for a
// database, table, view or function are touched; a query that it cannot read is refused, and so is a name that could mean
// two things.
type rewriter struct {
	cluster.Renaming
	edits []edit
}

// changes tells whether there is anything to rewrite.
func changes(r cluster.Renaming) bool {
	if r.From != r.To {
		return true
	}
	for from, to := range r.Tables {
		if from != to {
			return true
		}
	}
	return len(r.Others) > 0
}

// rewriteQuery returns sql with new names; lexemes of the query begin at first, and edits are relative to sql.
func (r *rewriter) rewriteQuery(all []lexeme) error {
	q, err := parseQuery(all)
	if err != nil {
		return err
	}
	for _, t := range q.tables {
		if err := r.checkCase(t); err != nil {
			return err
		}
		if err := r.put(r.tableEdits(t)); err != nil {
			return err
		}
	}
	for _, c := range q.chains {
		edits, err := r.chainEdits(q, c)
		if err == nil {
			err = r.put(edits)
		}
		if err != nil {
			return err
		}
	}
	slices.SortFunc(r.edits, func(a, b edit) int { return a.at.start - b.at.start })
	return nil
}

// replacement puts a name in the place of a lexeme.
type replacement struct {
	old lexeme
	now string
}

func (r *rewriter) put(list []replacement) error {
	for _, x := range list {
		name, err := identifier(x.now)
		if err != nil {
			return err
		}
		r.edits = append(r.edits, edit{span{x.old.start, x.old.end}, name})
	}
	return nil
}

// renamed returns the name that a table has now.
func (r *rewriter) renamed(table string) string {
	if to, ok := r.Tables[table]; ok {
		return to
	}
	return table
}

// ours tells whether a table is in the database that is restored.
func (r *rewriter) ours(t tableName) bool {
	return t.catalog() == "" && t.database(r.From) == r.From
}

// checkCase refuses a database that is ours but for the case of its letters: a cluster may take both for one
// (enable_table_name_case_insensitive), and what is left as it is would go on reading the old database without a word.
func (r *rewriter) checkCase(t tableName) error {
	if name := t.database(r.From); r.From != r.To && t.catalog() == "" && name != r.From && strings.EqualFold(name, r.From) {
		return fmt.Errorf("%s at byte %d may be of database %s or of another one, %s: %w", text(t.parts), t.parts[0].start, r.From, name, errQuery)
	}
	return nil
}

func (r *rewriter) tableEdits(t tableName) []replacement {
	if !r.ours(t) {
		return nil
	}
	return r.prefixEdits(t.parts, true)
}

// prefixEdits changes [[catalog.]database.]name, where name stands for a table itself, not for its alias.
func (r *rewriter) prefixEdits(parts []lexeme, table bool) []replacement {
	var list []replacement
	if n := len(parts); n > 1 && parts[n-2].text == r.From && r.To != r.From {
		list = append(list, replacement{parts[n-2], r.To})
	}
	if last := parts[len(parts)-1]; table && r.renamed(last.text) != last.text {
		list = append(list, replacement{last, r.renamed(last.text)})
	}
	return list
}

// chainEdits resolves a qualified name as the front end does (fe:analyzer/Field.java, Scope.java): from the inner query
// outwards, and in each from the longest prefix, catalog.database.table, to the shortest, table; what is left is a column
// and fields of it. Which columns a relation has is not known here: where relations of two levels have the name and are
// renamed differently, the query is refused.
func (r *rewriter) chainEdits(q *query, c chain) ([]replacement, error) {
	if c.call && (len(c.parts) == 1 || len(c.parts) == 2 && c.parts[0].text == r.From) { // t.c(…) is a column in a hint
		return r.callEdits(c.parts), nil
	}
	var first []replacement
	found := false
	for s := c.scope; s != nil; s = s.parent {
		edits, ok := r.resolve(c.parts, s)
		switch {
		case !ok:
		case !found:
			first, found = edits, true
		case !slices.Equal(first, edits):
			return nil, fmt.Errorf("%s at byte %d could be of two tables, only one of which has another name now: %w", text(c.parts), c.parts[0].start, errQuery)
		}
	}
	if len(first) > 0 && q.lambdas[c.parts[0].text] {
		return nil, fmt.Errorf("%s at byte %d could be a parameter or a table: %w", text(c.parts), c.parts[0].start, errQuery)
	}
	return first, nil
}

func text(parts []lexeme) string {
	list := make([]string, len(parts))
	for i, p := range parts {
		list[i] = p.text
	}
	return strings.Join(list, ".")
}

// resolve finds the relation of one scope that the beginning of a name stands for.
func (r *rewriter) resolve(parts []lexeme, s *scope) ([]replacement, bool) {
	for n := min(3, len(parts)-1); n > 0; n-- {
		for _, x := range s.relations {
			if r.matches(x, parts[:n]) {
				return r.relationEdits(x, parts[:n]), true
			}
		}
	}
	return nil, false
}

// matches tells whether a prefix stands for a relation. Names of tables and aliases are compared with case. An alias of a
// table can also be written behind the current database (fe:analyzer/QueryAnalyzer.resolveTableRef normalises it).
func (r *rewriter) matches(x relation, prefix []lexeme) bool {
	n := len(prefix)
	isTable := len(x.table.parts) > 0
	name, database, catalog := x.alias, "", internalCatalog
	switch {
	case isTable && x.alias == "":
		name, database = x.table.name(), x.table.database(r.From)
		if c := x.table.catalog(); c != "" {
			catalog = c
		}
	case isTable:
		database = r.From
	}
	return prefix[n-1].text == name && (n < 2 || database != "" && prefix[n-2].text == database) && (n < 3 || prefix[0].text == catalog)
}

func (r *rewriter) relationEdits(x relation, prefix []lexeme) []replacement {
	switch {
	case len(x.table.parts) == 0:
		return nil
	case x.alias != "":
		return r.prefixEdits(prefix, false)
	case !r.ours(x.table):
		return nil
	}
	return r.prefixEdits(prefix, true)
}

// callEdits changes [database.]function. A function without a database is one of the current database only where no
// built-in one takes the call; one that has another name now is renamed all the same.
func (r *rewriter) callEdits(parts []lexeme) []replacement {
	var list []replacement
	last := parts[len(parts)-1]
	if len(parts) == 2 && r.From != r.To {
		list = append(list, replacement{parts[0], r.To})
	}
	for from, to := range r.Others {
		if strings.EqualFold(from, last.text) && from != to { // names of functions are compared without case (fe:catalog/FunctionName)
			list = append(list, replacement{last, to})
		}
	}
	return list
}

package mysql

import (
	"slices"
	"strings"

	"starkeep/cluster"
)

// rewritten replaces the database in front of names, `from`.`x`, and the names of tables behind it, token by token: never
// in strings and comments, which end where the sql_mode of the text says. Names without a database stay: in the text of
// routines nothing tells whether they are tables. A text that also calls a table, or an alias, by the database's name
// means that by `from`.`x`, unless it stands where a table does or is called.
func rewritten(mode, sql string, r cluster.Renaming) (string, error) {
	return rewrittenWhere(mode, sql, r, func(ts []token, i int) bool { return isObject(ts, i) || !ownsColumns(ts, sql, r.From) })
}

// rewrittenEverywhere is rewritten for texts in which `from`.`x` can mean nothing else.
func rewrittenEverywhere(sql string, r cluster.Renaming) (string, error) {
	return rewrittenWhere("", sql, r, func([]token, int) bool { return true })
}

// rewrittenWhere rewrites the names at those tokens that are meant.
func rewrittenWhere(mode, sql string, r cluster.Renaming, meant func([]token, int) bool) (string, error) {
	if r.From == r.To && len(r.Tables) == 0 {
		return sql, nil
	}
	ts, err := tokensIn(mode, sql)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	at := 0
	for i := 0; i+2 < len(ts); i++ {
		if !ts[i].named() || !ts[i+1].is(".") || !ts[i+2].named() || ts[i].name(sql) != r.From || i > 0 && ts[i-1].is(".") || !meant(ts, i) {
			continue
		}
		name := ts[i+2].name(sql)
		to, renamed := r.Tables[name]
		if !renamed {
			to = name
		}
		b.WriteString(sql[at:ts[i].start] + quoted(r.To) + "." + quoted(to))
		at = ts[i+2].end
		i += 2
	}
	return b.String() + sql[at:], nil
}

// ownsColumns tells whether a text calls something by name that has columns: name stands for itself, or is the second
// part of name.name.
func ownsColumns(ts []token, sql, name string) bool {
	is := func(i int) bool { return i >= 0 && i < len(ts) && ts[i].named() && ts[i].name(sql) == name }
	dot := func(i int) bool { return i >= 0 && i < len(ts) && ts[i].is(".") }
	for i := range ts {
		if is(i) && (!dot(i-1) && !dot(i+1) || dot(i-1) && is(i-2)) {
			return true
		}
	}
	return false
}

// beforeObjects are words behind which the name of a table, a view, a sequence or a routine comes.
var beforeObjects = []string{"FROM", "JOIN", "STRAIGHT_JOIN", "INTO", "UPDATE", "TABLE", "TABLES", "CALL", "USING", "FOR", "NEXTVAL", "LASTVAL", "SETVAL",
	"INSERT", "REPLACE", "DELETE", "IGNORE", "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "TRUNCATE", "VIEW", "SEQUENCE", "PROCEDURE", "FUNCTION", "TRIGGER", "EVENT"}

// beforeValues are words that begin a list of something else.
var beforeValues = []string{"SELECT", "WHERE", "ON", "SET", "HAVING", "BY", "VALUES", "RETURNING"}

// isObject tells whether the name of two parts at ts[i] stands where an object of a database does, and not a column.
func isObject(ts []token, i int) bool {
	if i+3 < len(ts) && (ts[i+3].is(".") || ts[i+3].is("(")) {
		return true
	}
	j := i - 1
	for j >= 0 && ts[j].is("(") {
		j--
	}
	listed := j >= 0 && ts[j].is(",")
	for depth := 0; listed && j >= 0; j-- { // back to what the list began with
		switch {
		case ts[j].is(")"):
			depth++
		case ts[j].is("("):
			depth--
		}
		if ts[j].kind == word && depth <= 0 && (slices.Contains(beforeObjects, ts[j].value) || slices.Contains(beforeValues, ts[j].value)) {
			break
		}
	}
	return j >= 0 && ts[j].kind == word && slices.Contains(beforeObjects, ts[j].value)
}

// splice replaces the bytes of sql that tokens from to to take.
func splice(sql string, from, to token, by string) string {
	return sql[:from.start] + by + sql[to.end:]
}

// nameAfter returns the index of the first and the last token of the name behind the first of key words, and whether
// there is one: IF NOT EXISTS is no part of it.
func nameAfter(ts []token, words ...string) (first, last int, ok bool) {
	i := slices.IndexFunc(ts, func(t token) bool { return t.kind == word && slices.Contains(words, t.value) })
	if i < 0 || i+1 >= len(ts) {
		return 0, 0, false
	}
	i++
	if i+3 < len(ts) && ts[i].is("IF") && ts[i+1].is("NOT") && ts[i+2].is("EXISTS") {
		i += 3
	}
	if i+2 < len(ts) && ts[i+1].is(".") {
		return i, i + 2, true
	}
	return i, i, true
}

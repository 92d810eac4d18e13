package mysql

import (
	"slices"
	"strings"

	"starkeep/cluster"
)

// rewritten replaces the database in front of names, `from`.`x`, and the names of tables behind it, token by token: never
// in strings and comments, which end where the sql_mode of the text says. Names without a database stay: in the text of routines nothing tells whether they are tables.
func rewritten(mode, sql string, r cluster.Renaming) (string, error) {
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
		if !ts[i].named() || !ts[i+1].is(".") || !ts[i+2].named() || ts[i].name(sql) != r.From || i > 0 && ts[i-1].is(".") {
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

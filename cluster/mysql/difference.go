package mysql

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"starkeep/snapshot"
)

// Differences compares definitions: columns, keys, checks, engine, character set and partitioning; not names of tables,
// comments, foreign keys, counters or the list of partitions.
func (c *Cluster) Differences(want, have snapshot.Table) []string {
	w, err := parseDefinition(want.DDL)
	if err != nil {
		return []string{fmt.Sprintf("definition in the snapshot: %v", err)}
	}
	h, err := parseDefinition(have.DDL)
	if err != nil {
		return []string{fmt.Sprintf("definition in the cluster: %v", err)}
	}
	list := differingColumns(w, h)
	for _, what := range []struct {
		name       string
		want, have []string
	}{
		{"primary key", normalAll(w.of(primaryKey)), normalAll(h.of(primaryKey))},
		{"keys", normalAll(w.of(uniqueKey, plainKey)), normalAll(h.of(uniqueKey, plainKey))},
		{"checks", normalAll(w.of(checkItem)), normalAll(h.of(checkItem))},
		{"engine", []string{strings.ToUpper(w.option("ENGINE"))}, []string{strings.ToUpper(h.option("ENGINE"))}},
		{"character set", []string{w.charset()}, []string{h.charset()}},
		{"partitioning", []string{normal(w.partitionBy)}, []string{normal(h.partitionBy)}},
	} {
		if !slices.Equal(what.want, what.have) {
			list = append(list, fmt.Sprintf("%s: %s in the snapshot, %s in the cluster", what.name, orNone(what.want), orNone(what.have)))
		}
	}
	return list
}

func orNone(list []string) string {
	if s := strings.Join(list, ", "); s != "" {
		return s
	}
	return "none"
}

func differingColumns(want, have *definition) []string {
	var list []string
	w, h := want.of(columnItem), have.of(columnItem)
	for i, x := range w {
		switch {
		case i >= len(h):
			list = append(list, fmt.Sprintf("column %s: missing in the cluster", x.name))
		case !strings.EqualFold(x.name, h[i].name):
			list = append(list, fmt.Sprintf("column %d: %s in the snapshot, %s in the cluster", i+1, x.name, h[i].name))
		case withJSON(normal(x.text)) != withJSON(normal(h[i].text)):
			list = append(list, fmt.Sprintf("column %s: %s in the snapshot, %s in the cluster", x.name, normal(x.text), normal(h[i].text)))
		}
	}
	for _, x := range h[min(len(w), len(h)):] {
		list = append(list, fmt.Sprintf("column %s: only in the cluster", x.name))
	}
	return list
}

// checkedText is what MariaDB makes of a column of type JSON ("JSON Data Type"), in normal form.
var checkedText = regexp.MustCompile("^(`(?:[^`]|``)+`) LONGTEXT(?: CHARACTER SET UTF8MB4 COLLATE UTF8MB4_BIN)?((?: NOT NULL)?) CHECK \\( JSON_VALID \\( (`(?:[^`]|``)+`) \\) \\)$")

// withJSON names the type by the name that it was declared with.
func withJSON(column string) string {
	m := checkedText.FindStringSubmatch(column)
	if m == nil || m[1] != m[3] {
		return column
	}
	return m[1] + " JSON" + m[2]
}

func normalAll(items []item) []string {
	var list []string
	for _, it := range items {
		list = append(list, normal(it.text))
	}
	slices.Sort(list)
	return list
}

// charset is the default of a table's columns.
func (d *definition) charset() string {
	set := d.option("DEFAULT CHARSET")
	if c := d.option("COLLATE"); c != "" {
		return set + " " + c
	}
	return set
}

// normal prints a piece of a definition in one way for all versions: without comments, display widths of integers (MySQL
// 8.0.19 prints none) and DEFAULT NULL, utf8 as utf8mb3.
func normal(sql string) string {
	ts, err := tokens(sql)
	if err != nil {
		return sql
	}
	var b strings.Builder
	for i := 0; i < len(ts); i++ {
		value := ts[i].value
		switch {
		case ts[i].is("COMMENT") && i+1 < len(ts) && ts[i+1].kind == text:
			i++
			continue
		case ts[i].is("DEFAULT") && i+1 < len(ts) && ts[i+1].is("NULL"):
			i++
			continue
		case ts[i].kind == text:
			value = literal(value)
		case ts[i].kind == quote:
			value = quoted(value)
		case ts[i].is("UTF8"):
			value = "UTF8MB3"
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(value)
		if _, ok := integers[strings.ToLower(value)]; ok && ts[i].kind == word && i+3 < len(ts) && ts[i+1].is("(") && ts[i+3].is(")") {
			i += 3
		}
	}
	return b.String()
}

package starrocks

import (
	"slices"
	"strings"

	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// creation is what changes in a DDL text when its table is created anew.
type creation struct {
	database, name string
	partitions     []snapshot.Partition // all that shall be there
	properties     []property           // all that it shall have
}

// rewrite returns the text that creates the table: another name, the wanted partitions only, other properties. Partitions of
// automatic tables are not part of the text; they are added afterwards.
func (d *definition) rewrite(n creation) (string, error) {
	target, err := qualified(n.database, n.name)
	if err != nil {
		return "", err
	}
	if !d.exists {
		target = "IF NOT EXISTS " + target
	}
	edits := []edit{{span{d.head, d.name.end}, " " + target}}
	if d.list.end > 0 {
		list, err := partitionList(n.partitions)
		if err != nil {
			return "", err
		}
		edits = append(edits, edit{d.list, list})
	}
	if !slices.Equal(n.properties, d.properties) {
		edits = append(edits, d.replaceProperties(n.properties))
	}
	return apply(d.ddl, edits), nil
}

// replaceProperties puts a list in the place of the table's own, or a clause at the end of the text.
func (d *definition) replaceProperties(list []property) edit {
	lines := make([]string, len(list))
	for i, p := range list {
		lines[i] = wire.DoubleQuoted(p.key) + " = " + wire.DoubleQuoted(p.value)
	}
	text := "\n" + strings.Join(lines, ",\n") + "\n"
	if d.inside.end > 0 {
		return edit{d.inside, text}
	}
	end := len(strings.TrimRight(d.ddl, "; \n"))
	return edit{span{end, end}, "\nPROPERTIES (" + text + ")"}
}

type edit struct {
	at   span
	text string
}

// apply makes edits, which are in the order of the text.
func apply(s string, edits []edit) string {
	var b strings.Builder
	done := 0
	for _, e := range edits {
		b.WriteString(s[done:e.at.start])
		b.WriteString(e.text)
		done = e.at.end
	}
	b.WriteString(s[done:])
	return b.String()
}

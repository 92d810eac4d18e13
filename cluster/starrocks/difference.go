package starrocks

import (
	"fmt"
	"strings"

	"starkeep/snapshot"
)

// Differences compares definitions: columns, model, partitioning and distribution; not names of tables, comments,
// properties, numbers of buckets or partitions.
func (c *Cluster) Differences(want, have snapshot.Table) []string {
	w, err := parseDefinition(want.DDL)
	if err != nil {
		return []string{fmt.Sprintf("definition in the snapshot: %v", err)}
	}
	h, err := parseDefinition(have.DDL)
	if err != nil {
		return []string{fmt.Sprintf("definition in the cluster: %v", err)}
	}
	return differences(w, h)
}

func differences(want, have *definition) []string {
	var list []string
	differ := func(what, w, h string) {
		if w != h {
			list = append(list, fmt.Sprintf("%s: %s in the snapshot, %s in the cluster", what, orNone(w), orNone(h)))
		}
	}
	for i, w := range want.columns {
		if i >= len(have.columns) {
			list = append(list, fmt.Sprintf("column %s: missing in the cluster", w.name))
			continue
		}
		h := have.columns[i]
		if !strings.EqualFold(w.name, h.name) {
			differ(fmt.Sprintf("column %d", i+1), w.name, h.name)
			continue
		}
		if !w.typ.same(h.typ) {
			differ("type of column "+w.name, w.typ.String(), h.typ.String())
		}
		differ("column "+w.name, nullability(w), nullability(h))
		differ("key of column "+w.name, yes(w.key), yes(h.key))
		differ("aggregation of column "+w.name, w.aggregate, h.aggregate)
		differ("expression of column "+w.name, w.generated, h.generated)
	}
	for _, h := range have.columns[min(len(want.columns), len(have.columns)):] {
		list = append(list, fmt.Sprintf("column %s: only in the cluster", h.name))
	}
	differ("model", want.model, have.model)
	differ("partitioning", want.partitionBy, have.partitionBy)
	differ("distribution", want.distributed, have.distributed)
	return list
}

func nullability(c columnDefinition) string {
	if c.nullable {
		return "NULL"
	}
	return "NOT NULL"
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

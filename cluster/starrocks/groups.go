package starrocks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// builtInGroups are resource groups that every cluster has (fe:catalog/ResourceGroup.BUILTIN_WG_NAMES).
var builtInGroups = []string{"default_wg", "default_mv_wg"}

// groupProperties are the properties of resource groups in the order in which they are written, under the names that SHOW
// prints, and what they are when nobody set them (fe:catalog/ResourceGroup, fe:analyzer/ResourceGroupAnalyzer). The names of
// older versions (cpu_core_limit, before 3.3) are taken by newer ones.
var groupProperties = []struct{ column, property, unset string }{
	{"cpu_weight", "cpu_weight", "0"}, {"cpu_core_limit", "cpu_core_limit", "0"}, {"cpu_weight_percent", "cpu_weight_percent", "0"},
	{"exclusive_cpu_cores", "exclusive_cpu_cores", "0"}, {"exclusive_cpu_percent", "exclusive_cpu_percent", "0"},
	{"mem_limit", "mem_limit", ""}, {"max_cpu_cores", "max_cpu_cores", "0"},
	{"big_query_cpu_second_limit", "big_query_cpu_second_limit", "0"}, {"big_query_scan_rows_limit", "big_query_scan_rows_limit", "0"},
	{"big_query_mem_limit", "big_query_mem_limit", "0"}, {"concurrency_limit", "concurrency_limit", "0"},
	{"spill_mem_limit_threshold", "spill_mem_limit_threshold", "100%"}, {"mem_pool", "mem_pool", "default_mem_pool"},
	{"warehouses", "warehouses", ""}, {"group_type", "type", "NORMAL"}, {"type", "type", "NORMAL"},
}

// readGroups reads resource groups, one row a classifier. Without VERBOSE newer versions leave columns out.
func (c *Cluster) readGroups(ctx context.Context) ([]snapshot.Object, error) {
	rows, err := c.query(ctx, "SHOW VERBOSE RESOURCE GROUPS ALL")
	if isSyntax(err) {
		rows, err = c.query(ctx, "SHOW RESOURCE GROUPS ALL")
	}
	if err != nil {
		return nil, err
	}
	var list []snapshot.Object
	for len(rows) > 0 {
		name := rows[0]["name"]
		n := 1
		for n < len(rows) && rows[n]["name"] == name {
			n++
		}
		if !slices.Contains(builtInGroups, name) {
			o, err := describedGroup(rows[:n])
			if err != nil {
				return nil, fmt.Errorf("read resource group %s: %w", name, err)
			}
			list = append(list, o)
		}
		rows = rows[n:]
	}
	slices.SortStableFunc(list, func(a, b snapshot.Object) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func describedGroup(rows []record) (snapshot.Object, error) {
	o := snapshot.Object{Kind: snapshot.ResourceGroup, Name: rows[0]["name"]}
	name, err := identifier(o.Name)
	if err != nil {
		return o, err
	}
	var classifiers []string
	for _, r := range rows {
		text, err := classifier(r["classifiers"])
		if err != nil {
			return o, err
		}
		if text != "" {
			classifiers = append(classifiers, text)
		}
	}
	slices.Sort(classifiers)
	o.DDL = "CREATE RESOURCE GROUP " + name
	if len(classifiers) > 0 {
		o.DDL += " TO " + strings.Join(classifiers, ", ")
	}
	var list []string
	for _, p := range groupProperties {
		v, ok := rows[0][p.column]
		if !ok || v == "" || strings.EqualFold(v, "null") || strings.EqualFold(v, p.unset) {
			continue
		}
		if p.property == "type" {
			v = strings.ToLower(v)
		}
		list = append(list, wire.String(p.property)+" = "+wire.String(v))
	}
	o.DDL += " WITH (" + strings.Join(list, ", ") + ")"
	return o, nil
}

// classifierParts are what a classifier may ask for, in the order in which it is printed: (id=1, weight=1.0, user=u, role=r,
// query_type in (SELECT, INSERT), db='a,b', source_ip=10.0.0.0/8, plan_cpu_cost_range=[0.0, 9.0), …), without quotes and
// escapes (fe:catalog/ResourceGroupClassifier.toString).
var classifierParts = []string{"id", "weight", "user", "role", "query_type", "db", "source_ip", "plan_cpu_cost_range", "plan_mem_cost_range"}

// classifier turns what SHOW prints into what CREATE takes; "" for one that asks for nothing, as a group without
// classifiers has. Its id and weight are the cluster's.
func classifier(printed string) (string, error) {
	text, opened := strings.CutPrefix(strings.TrimSpace(printed), "(")
	text, closed := strings.CutSuffix(text, ")")
	if !opened || !closed {
		return "", fmt.Errorf("classifier %q: %w", printed, cluster.ErrUnsupported)
	}
	var list []string
	for part, rest := "", text; rest != ""; {
		part, rest = nextPart(rest)
		key, value, ok := strings.Cut(part, "=")
		if types, is := strings.CutPrefix(part, "query_type in ("); is {
			types, ok = strings.CutSuffix(types, ")")
			var quoted []string
			for _, t := range strings.Split(types, ", ") {
				quoted = append(quoted, wire.String(strings.ToLower(t)))
			}
			list = append(list, "query_type in ("+strings.Join(quoted, ", ")+")")
		} else if key != "id" && key != "weight" {
			list = append(list, key+" = "+wire.String(strings.Trim(value, "'")))
		}
		if !ok || !slices.Contains(classifierParts, strings.SplitN(key, " ", 2)[0]) ||
			strings.Contains(value, ", ") && !strings.HasSuffix(key, "_range") { // a part that is not known here
			return "", fmt.Errorf("classifier %q: %w", printed, cluster.ErrUnsupported)
		}
	}
	if len(list) == 0 {
		return "", nil
	}
	return "(" + strings.Join(list, ", ") + ")", nil
}

// nextPart cuts before the next ", key=" of a part that may follow.
func nextPart(text string) (part, rest string) {
	end, skip := len(text), 0
	for _, p := range classifierParts {
		for _, sign := range []string{"=", " in ("} {
			if i := strings.Index(text, ", "+p+sign); i >= 0 && i < end {
				end, skip = i, len(", ")
			}
		}
	}
	return text[:end], text[end+skip:]
}

// planGroup creates a resource group. An equal one is left; one that differs is replaced in one statement (docs
// CREATE_RESOURCE_GROUP.md OR REPLACE), its classifiers included.
func (c *Cluster) planGroup(ctx context.Context, o snapshot.Object) (placement, error) {
	live, err := c.readGroups(ctx)
	if err != nil {
		return placement{}, err
	}
	statement := o.DDL
	for _, x := range live {
		if x.Name != o.Name {
			continue
		}
		if x.DDL == o.DDL {
			return placement{}, nil
		}
		rest, ok := strings.CutPrefix(o.DDL, "CREATE RESOURCE GROUP ")
		if !ok {
			return placement{}, fmt.Errorf("not a CREATE RESOURCE GROUP: %w", errQuery)
		}
		statement = "CREATE RESOURCE GROUP OR REPLACE " + rest
	}
	return placement{do: func(ctx context.Context) (string, error) { return "", c.exec(ctx, statement) }}, nil
}

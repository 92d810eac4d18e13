package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"starkeep/sandbox/dialect"
)

// Group is a resource group. The sandbox keeps it and limits nothing by it.
type Group struct {
	ID          int64
	Name        string
	Classifiers []Classifier
	Properties  map[string]string // lower case keys
}

// Classifier is a classifier with its id.
type Classifier struct {
	ID int64
	dialect.Classifier
}

// Cores is how many cores the only backend tells.
const Cores = 2

// builtinGroups are made by the server (fe:catalog/ResourceGroupMgr, ResourceGroup).
func builtinGroups() []Group {
	return []Group{
		{ID: 2, Name: "default_wg", Properties: map[string]string{"cpu_weight": strconv.Itoa(Cores), "mem_limit": "1.0"}},
		{ID: 3, Name: "default_mv_wg", Properties: map[string]string{"cpu_weight": "1", "mem_limit": "0.8", "spill_mem_limit_threshold": "0.8", "type": "mv"}},
	}
}

// CreateGroup creates a resource group.
func (c *Catalog) CreateGroup(s *dialect.CreateGroup) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := Group{ID: c.newID(), Name: s.Name, Properties: map[string]string{}}
	if err := c.classify(&g, s.Classifiers); err != nil {
		return err
	}
	if err := g.set(s.Properties); err != nil {
		return err
	}
	if g.Properties["mem_limit"] == "" {
		return Analyzing("property 'mem_limit' is absent")
	}
	if err := g.checkShares(); err != nil {
		return err
	}
	at := slices.IndexFunc(c.groups, func(have Group) bool { return have.Name == s.Name })
	switch {
	case at >= 0 && !s.Replace:
		if s.IfNotExists {
			return nil
		}
		return ddl("RESOURCE_GROUP(%s) already exists", s.Name)
	case g.Properties["type"] == "mv" && g.Classifiers != nil:
		return ddl("MV Resource Group not support classifiers.")
	case g.Properties["type"] != "mv" && g.Classifiers == nil:
		return ddl("This type Resource Group need define classifiers.")
	case at >= 0:
		c.groups = slices.Delete(slices.Clone(c.groups), at, at+1)
	}
	c.groups = append(slices.Clone(c.groups), g)
	return nil
}

// checkShares wants exactly one way to share the processors (fe:catalog/ResourceGroup.validateCpuParameters).
func (g *Group) checkShares() error {
	given := 0
	for _, key := range []string{"cpu_weight", "cpu_weight_percent", "exclusive_cpu_cores", "exclusive_cpu_percent"} {
		if n, err := ratio(g.Properties[key]); err == nil && n > 0 {
			given++
		}
	}
	const names = "one of 'cpu_weight', 'cpu_weight_percent', 'exclusive_cpu_cores' or 'exclusive_cpu_percent'"
	switch {
	case given > 1:
		return Analyzing("Exactly only " + names + " can be present and positive at the same time")
	case given == 0:
		return Analyzing("Exactly " + names + " must be a positive value")
	}
	return nil
}

var classifierKeys = []string{"user", "role", "query_type", "source_ip", "db", "plan_cpu_cost_range", "plan_mem_cost_range"}

func (c *Catalog) classify(g *Group, list []dialect.Classifier) error {
	for _, x := range list {
		for key, value := range x.Equal {
			if !slices.Contains(classifierKeys, key) {
				return Analyzing("Unsupported classifier specifier: '%s'", key)
			}
			if _, ok := c.databases[value]; key == "db" && !ok {
				return Analyzing("Specified database not exists: %s", value)
			}
		}
		if len(x.Equal) == 0 && len(x.Types) == 0 {
			return Analyzing("At least one of ('user', 'role', 'query_type', 'db', 'source_ip', 'plan_cpu_cost_range', 'plan_mem_cost_range') should be given")
		}
		g.Classifiers = append(slices.Clone(g.Classifiers), Classifier{c.newID(), x})
	}
	return nil
}

var groupKeys = []string{"type", "cpu_core_limit", "cpu_weight", "cpu_weight_percent", "exclusive_cpu_cores", "exclusive_cpu_percent", "max_cpu_cores", "mem_limit",
	"mem_pool", "big_query_mem_limit", "big_query_scan_rows_limit", "big_query_cpu_second_limit", "concurrency_limit", "warehouses", "spill_mem_limit_threshold"}

// set changes properties (fe:sql/analyzer/ResourceGroupAnalyzer.analyzeProperties).
func (g *Group) set(properties map[string]string) error {
	changed := maps.Clone(g.Properties)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		value, lower := properties[key], strings.ToLower(key)
		if !slices.Contains(groupKeys, lower) {
			return Analyzing("Unknown property: %s", key)
		}
		switch lower {
		case "type":
			if value = strings.ToLower(value); value != "normal" && value != "mv" && value != "short_query" {
				return Analyzing("Only support 'normal', 'mv' and 'short_query' type")
			}
		case "mem_pool", "warehouses":
		default:
			n, err := ratio(value)
			switch {
			case err != nil:
				return Analyzing("The value type of the property `%s` must be a valid numeric type, but it is set to `%s`", key, value)
			case lower == "mem_limit" && (n <= 0 || n > 1):
				return Analyzing("mem_limit should range from 0.00(exclude) to 1.00(include)")
			case lower == "cpu_weight" && n > Cores:
				return Analyzing("cpu_weight should range from 0 to %d", Cores)
			}
		}
		if lower == "cpu_core_limit" { // the older name
			lower = "cpu_weight"
		}
		changed[lower] = value
	}
	g.Properties = changed
	return nil
}

// ratio reads a number, or a percentage as a part of one.
func ratio(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.ParseFloat(number, 64)
	if percent {
		n /= 100
	}
	return n, err
}

// AlterGroup changes a resource group.
func (c *Catalog) AlterGroup(s *dialect.AlterGroup) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.IndexFunc(c.groups, func(g Group) bool { return g.Name == s.Name })
	if at < 0 {
		return ddl("RESOURCE_GROUP(%s) does not exist", s.Name)
	}
	g := c.groups[at]
	switch {
	case s.Add != nil:
		if g.Properties["type"] == "mv" {
			return ddl("MV Resource Group not support classifiers.")
		}
		if err := c.classify(&g, s.Add); err != nil {
			return err
		}
	case s.DropAll:
		g.Classifiers = nil
	case s.Drop != nil:
		g.Classifiers = slices.DeleteFunc(slices.Clone(g.Classifiers), func(x Classifier) bool { return slices.Contains(s.Drop, x.ID) })
	default:
		if err := g.set(s.Properties); err != nil {
			return err
		}
	}
	c.groups = slices.Clone(c.groups)
	c.groups[at] = g
	return nil
}

// DropGroup drops a resource group.
func (c *Catalog) DropGroup(s *dialect.DropGroup) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.IndexFunc(c.groups, func(g Group) bool { return g.Name == s.Name })
	switch {
	case at < 0 && s.IfExists:
		return nil
	case at < 0:
		return ddl("RESOURCE_GROUP(%s) does not exist", s.Name)
	case c.groups[at].ID <= 3:
		return Analyzing("cannot drop builtin resource group [%s]", s.Name)
	}
	c.groups = slices.Delete(slices.Clone(c.groups), at, at+1)
	return nil
}

// Groups returns the resource groups, sorted by name.
func (c *Catalog) Groups() []Group {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.SortedFunc(slices.Values(c.groups), func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
}

// String prints a classifier as SHOW RESOURCE GROUPS does: values without quotes, in a fixed order
// (fe:catalog/ResourceGroupClassifier.toString).
func (x Classifier) String() string {
	parts := []string{"id=" + strconv.FormatInt(x.ID, 10), "weight=" + javaDouble(x.weight())}
	add := func(key, text string) {
		if v, ok := x.Equal[key]; ok {
			parts = append(parts, fmt.Sprintf(text, v))
		}
	}
	add("user", "user=%s")
	add("role", "role=%s")
	if len(x.Types) > 0 {
		types := make([]string, len(x.Types))
		for i, t := range x.Types {
			types[i] = strings.ToUpper(t)
		}
		slices.Sort(types)
		parts = append(parts, "query_type in ("+strings.Join(types, ", ")+")")
	}
	add("db", "db='%s'")
	add("source_ip", "source_ip=%s")
	add("plan_cpu_cost_range", "plan_cpu_cost_range=%s")
	add("plan_mem_cost_range", "plan_mem_cost_range=%s")
	return "(" + strings.Join(parts, ", ") + ")"
}

// weight tells how specific the classifier is.
func (x Classifier) weight() (w float64) {
	for _, key := range []string{"user", "role", "plan_cpu_cost_range", "plan_mem_cost_range"} {
		if _, ok := x.Equal[key]; ok {
			w++
		}
	}
	if n := len(x.Types); n > 0 {
		w += 1 + 0.1/float64(n)
	}
	if ip, ok := x.Equal["source_ip"]; ok {
		bits := 32
		if prefix, err := netip.ParsePrefix(ip); err == nil {
			bits = prefix.Bits()
		}
		w += 1 + float64(bits)/64
	}
	if db, ok := x.Equal["db"]; ok {
		w += 10 * float64(strings.Count(db, ",")+1)
	}
	return w
}

// javaDouble prints a double with at least one decimal.
func javaDouble(f float64) string {
	if f == math.Trunc(f) {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// Rows prints the group, a row for each classifier, one where there is none. Only verbose rows have cpu_weight,
// exclusive_cpu_cores, max_cpu_cores, type and mem_pool; what was not set is "null" or 0 (fe:catalog/ResourceGroup COLUMN_METAS).
func (g Group) Rows(verbose bool) (rows [][]any) {
	list := g.Classifiers
	if list == nil {
		list = []Classifier{{}}
	}
	for _, x := range list {
		row := []any{g.Name, g.ID}
		for _, column := range GroupColumns(verbose)[2:] {
			row = append(row, g.cell(column, x))
		}
		rows = append(rows, row)
	}
	return rows
}

func (g Group) cell(column string, x Classifier) string {
	value := g.Properties[column]
	switch column {
	case "classifiers":
		return x.String()
	case "mem_limit", "spill_mem_limit_threshold":
		n, err := ratio(cmp.Or(value, "1.0"))
		if err != nil { // checked when it was set
			return value
		}
		if column == "mem_limit" {
			return javaDouble(n*100) + "%"
		}
		return strconv.FormatFloat(math.Round(n*1e4)/100, 'f', -1, 64) + "%"
	case "cpu_weight", "exclusive_cpu_cores", "big_query_cpu_second_limit", "big_query_scan_rows_limit", "big_query_mem_limit":
		return cmp.Or(value, "0")
	case "type":
		return strings.ToUpper(cmp.Or(value, "normal"))
	case "mem_pool":
		return cmp.Or(value, "default_mem_pool")
	case "warehouses":
		return value
	}
	return cmp.Or(value, "null")
}

// GroupColumns are the columns of SHOW RESOURCE GROUPS.
func GroupColumns(verbose bool) []string {
	columns := strings.Fields("name id cpu_weight cpu_weight_percent exclusive_cpu_cores exclusive_cpu_percent mem_limit max_cpu_cores big_query_cpu_second_limit " +
		"big_query_scan_rows_limit big_query_mem_limit concurrency_limit spill_mem_limit_threshold type classifiers mem_pool warehouses")
	if verbose {
		return columns
	}
	return slices.DeleteFunc(columns, func(s string) bool {
		return slices.Contains([]string{"cpu_weight", "exclusive_cpu_cores", "max_cpu_cores", "type", "mem_pool"}, s)
	})
}

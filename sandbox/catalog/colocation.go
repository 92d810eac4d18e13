package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"starkeep/sandbox/dialect"
)

// ColocationInfo is a row of SHOW PROC '/colocation_group'.
type ColocationInfo struct {
	ID, Name  string
	TableIDs  []string
	Tables    []string
	Buckets   int
	Replicas  string
	DistTypes string
}

// group returns the name of the group of a table, and the first other table in it.
func (d *database) group(id int64, def *dialect.CreateTable) (name string, first *table) {
	name = def.Properties["colocate_with"]
	if name == "" {
		return "", nil
	}
	for _, t := range d.tables {
		if t.id != id && t.def.Properties["colocate_with"] == name && (first == nil || t.id < first.id) {
			first = t
		}
	}
	return name, first
}

// checkColocation checks that a table fits into the group that it names (fe:catalog/ColocateGroupSchema.checkColocateSchema).
func (d *database) checkColocation(id int64, def *dialect.CreateTable) error {
	name, first := d.group(id, def)
	if name == "" {
		return nil
	}
	if def.Hash == nil {
		return Analyzing("Colocate table must use hash distribution")
	}
	if first == nil {
		return nil
	}
	group := d.groupID(first)
	switch mine, theirs := distributionTypes(def), distributionTypes(first.def); {
	case bucketsOf(def) != bucketsOf(first.def):
		return fail(5063, "42000", "Colocate tables must have same bucket num: %d, with group %s, current info HASH; buckets: %d", bucketsOf(first.def), group, bucketsOf(def))
	case len(mine) != len(theirs):
		return fail(5063, "42000", "Colocate tables distribution columns size must be the same : %d, with group %s, current info %v", len(theirs), group, def.Hash)
	case !slices.Equal(mine, theirs):
		return fail(5063, "42000", "Colocate tables distribution columns must have the same data type with group %s, current col: %s, should be: %s, current info %v",
			group, strings.Join(def.Hash, ", "), strings.Join(theirs, ", "), mine)
	case def.Properties["replication_num"] != first.def.Properties["replication_num"]:
		return fail(5063, "42000", "Colocate tables must have same replication num: %s, with group %s, partition info %s",
			first.def.Properties["replication_num"], group, def.Properties["replication_num"])
	}
	return nil
}

func bucketsOf(def *dialect.CreateTable) int { return cmp.Or(def.Buckets, defaultBuckets) }

func distributionTypes(def *dialect.CreateTable) []string {
	var types []string
	for _, name := range def.Hash {
		if at := columnIndex(def.Columns, name); at >= 0 {
			types = append(types, def.Columns[at].Type.String())
		}
	}
	return types
}

// groupID is the id of the group that a table was the first of, as GroupId.toString prints it.
func (d *database) groupID(first *table) string {
	return strconv.FormatInt(d.id, 10) + "." + strconv.FormatInt(first.id, 10)
}

// Colocation returns the colocation groups of all databases.
func (c *Catalog) Colocation() (list []ColocationInfo) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(c.databases)) {
		d := c.databases[name]
		groups := map[string][]*table{}
		for _, t := range d.tables {
			if g := t.def.Properties["colocate_with"]; g != "" {
				groups[g] = append(groups[g], t)
			}
		}
		for _, g := range slices.Sorted(maps.Keys(groups)) {
			tables := groups[g]
			slices.SortFunc(tables, func(a, b *table) int { return cmp.Compare(a.id, b.id) })
			first := tables[0]
			info := ColocationInfo{ID: d.groupID(first), Name: strconv.FormatInt(d.id, 10) + "_" + g, Buckets: bucketsOf(first.def),
				Replicas: first.def.Properties["replication_num"], DistTypes: strings.Join(distributionTypes(first.def), ", ")}
			for _, t := range tables {
				info.TableIDs, info.Tables = append(info.TableIDs, strconv.FormatInt(t.id, 10)), append(info.Tables, t.name)
			}
			list = append(list, info)
		}
	}
	return list
}

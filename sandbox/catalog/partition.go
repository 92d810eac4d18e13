package catalog

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"starkeep/sandbox/dialect"
)

// partition is one partition by name, with one physical partition or, under random distribution, several.
type partition struct {
	name         string
	lower, upper []dialect.Value // RANGE
	values       [][]dialect.Value
	hash         []string
	buckets      int
	medium       string // storage medium
	physical     []*physical
}

// physical is what has a visible version.
type physical struct {
	id      int64
	version int64
	// compactions are the versions that no load made (shared-data clusters).
	compactions int64
	moved       time.Time
	tablets     []tablet
}

// tablet is one bucket of a physical partition. Its chunks are replaced, never changed.
type tablet struct {
	id     int64
	chunks []*chunk
}

// firstVersion is the visible version of a partition that was never loaded.
const firstVersion = 1

func (c *Catalog) newPhysical(buckets int) *physical {
	p := &physical{id: c.newID(), version: firstVersion, moved: time.Now(), tablets: make([]tablet, buckets)}
	for i := range p.tablets {
		p.tablets[i].id = c.newID()
	}
	return p
}

func (c *Catalog) newPartition(t *table, name string) *partition {
	p := &partition{name: name, hash: t.def.Hash, buckets: t.def.Buckets}
	if p.buckets == 0 {
		p.buckets = defaultBuckets
	}
	p.physical = []*physical{c.newPhysical(p.buckets)}
	p.medium = cmp.Or(t.def.Properties["storage_medium"], "HDD")
	return p
}

// setProperties takes the properties of one partition.
func (p *partition) setProperties(properties map[string]string) error {
	for key, text := range properties {
		switch key {
		case "replication_num":
			if n, err := strconv.Atoi(text); err != nil || n < 1 || n > backends {
				return Analyzing("Table replication num should be less than of equal to the number of available BE nodes. "+
					"You can change this default by setting the replication_num table properties. Current alive backend is [%d].", BackendID)
			}
		case "storage_medium":
			p.medium = strings.ToUpper(text)
		case "storage_cooldown_time", "storage_cooldown_ttl", "in_memory", "mutable", "datacache.enable":
		default:
			return ddl("Unknown properties: {%s=%s}", key, text)
		}
	}
	return nil
}

// defaultBuckets is what the sandbox chooses where the DDL leaves the number to the server.
const defaultBuckets = 2

// renew gives a partition the data of a new, empty one: TRUNCATE and INSERT OVERWRITE make new ids.
func (c *Catalog) renew(p *partition) *partition {
	fresh := *p
	fresh.physical = []*physical{c.newPhysical(p.buckets)}
	return &fresh
}

func (t *table) partition(name string, temporary bool) *partition {
	list := t.partitions
	if temporary {
		list = t.temporary
	}
	for _, p := range list {
		if strings.EqualFold(p.name, name) {
			return p
		}
	}
	return nil
}

// addPartition adds a partition by its definition, into a table that nobody else changes.
func (c *Catalog) addPartition(t *table, spec dialect.PartitionSpec, temporary bool, hash []string, buckets int) error {
	if t.partition(spec.Name, false) != nil || t.partition(spec.Name, true) != nil {
		if spec.IfNotExists {
			return nil
		}
		return fail(1517, "HY000", "Duplicate partition name %s", spec.Name)
	}
	if !partitionName.MatchString(spec.Name) {
		return fail(1064, "HY000", "Getting analyzing error. Detail message: Incorrect partition name '%s'.", spec.Name)
	}
	types, err := partitionTypes(t.def)
	if err != nil {
		return err
	}
	p := c.newPartition(t, spec.Name)
	if buckets > 0 {
		p.buckets, p.physical = buckets, []*physical{c.newPhysical(buckets)}
	}
	if hash != nil {
		p.hash = hash
	}
	if err := p.setProperties(spec.Properties); err != nil {
		return err
	}
	list := &t.partitions
	if temporary {
		list = &t.temporary
	}
	switch t.def.Partition.Kind {
	case dialect.Range, dialect.RangeExpression:
		err = t.setRange(p, types, spec, *list)
	case dialect.List, dialect.ListColumns:
		err = t.setValues(p, types, spec, *list)
	default:
		return ddl("Alter table [%s] failed. Not a partitioned table", t.name)
	}
	if err != nil {
		return err
	}
	at := len(*list)
	if p.lower != nil {
		at = firstBehind(types, *list, p.lower)
	}
	*list = slices.Insert(slices.Clone(*list), at, p)
	return nil
}

func (t *table) setRange(p *partition, types []dialect.Type, spec dialect.PartitionSpec, others []*partition) (err error) {
	if spec.Upper == nil {
		return Analyzing("Range partition %s has no range", spec.Name)
	}
	if p.upper, err = t.bound(types, spec.Upper); err != nil {
		return err
	}
	if spec.Lower != nil {
		p.lower, err = t.bound(types, spec.Lower)
	} else {
		p.lower, err = t.lowerBefore(types, p.upper, others)
	}
	if err != nil {
		return err
	}
	if compareBounds(types, p.lower, p.upper) >= 0 {
		return Analyzing("The lower values must smaller than upper values")
	}
	// The others are in order and do not overlap: the first that ends behind the lower bound is the only one that can be in the way.
	if at := firstBehind(types, others, p.lower); at < len(others) && compareBounds(types, others[at].lower, p.upper) < 0 {
		return ddl("Range %s is intersected with range: %s", rangeText(types, p.lower, p.upper), rangeText(types, others[at].lower, others[at].upper))
	}
	return nil
}

// firstBehind returns the index of the first range that ends behind a bound.
func firstBehind(types []dialect.Type, ordered []*partition, bound []dialect.Value) int {
	return sort.Search(len(ordered), func(i int) bool { return compareBounds(types, ordered[i].upper, bound) > 0 })
}

// lowerBefore is the lower bound of VALUES LESS THAN: where the partition before ends.
func (t *table) lowerBefore(types []dialect.Type, upper []dialect.Value, others []*partition) ([]dialect.Value, error) {
	lower, err := t.bound(types, nil)
	if err != nil {
		return nil, err
	}
	for _, o := range others {
		if compareBounds(types, o.upper, upper) < 0 && compareBounds(types, o.upper, lower) > 0 {
			lower = o.upper
		}
	}
	return lower, nil
}

func (t *table) setValues(p *partition, types []dialect.Type, spec dialect.PartitionSpec, others []*partition) error {
	if len(spec.Values) == 0 {
		return Analyzing("List partition %s has no values", spec.Name)
	}
	for _, tuple := range spec.Values {
		if len(tuple) != len(types) {
			return Analyzing("(%s) size should be equal to partition column size %d", listText([][]dialect.Value{tuple}), len(types))
		}
		full := make([]dialect.Value, len(types))
		for i, v := range tuple {
			var err error
			if full[i], err = t.partitionValue(types[i], v); err != nil {
				return err
			}
		}
		for _, o := range append(slices.Clone(others), p) {
			if slices.ContainsFunc(o.values, func(other []dialect.Value) bool { return slices.Equal(other, full) }) {
				return ddl("Duplicate partition value %s", listText([][]dialect.Value{full}))
			}
		}
		p.values = append(p.values, full)
	}
	return nil
}

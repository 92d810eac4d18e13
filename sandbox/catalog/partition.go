package catalog

import (
	"cmp"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/expression"
	"starkeep/sandbox/value"
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

// router finds the partition and the bucket of rows. It is used by one goroutine.
type router struct {
	catalog    *Catalog
	table      *table
	def        *dialect.CreateTable
	types      []dialect.Type
	columns    []int // of the partition columns; -1 where an expression gives the value
	exprs      []*expression.Expression
	of         [][]byte // values of the row that is looked at, by partition column
	partitions []*partition
	byValue    map[string]*partition // LIST
	restricted bool                  // only these partitions: a row outside of them is not taken
	last       *partition
	lastKey    []byte
	key        []byte
	hashed     map[*partition][]int // columns of the distribution
}

// newRouter is called with the catalog locked.
func (c *Catalog) newRouter(t *table, partitions []*partition, restricted bool) (*router, error) {
	types, err := partitionTypes(t.def)
	if err != nil {
		return nil, err
	}
	r := &router{catalog: c, table: t, def: t.def, types: types, restricted: restricted, hashed: map[*partition][]int{}}
	r.of = make([][]byte, len(types))
	r.exprs = make([]*expression.Expression, len(types))
	for i, name := range t.def.Partition.Columns {
		at := columnIndex(t.def.Columns, name)
		if i < len(t.def.Partition.Exprs) && t.def.Partition.Exprs[i] != nil {
			at = -1
			if r.exprs[i], err = expression.Compile(t.def.Partition.Exprs[i], expressionColumns(t.def)); err != nil {
				return nil, Analyzing("%v", err)
			}
		}
		r.columns = append(r.columns, at)
	}
	r.set(partitions)
	return r, nil
}

func (r *router) set(partitions []*partition) {
	r.partitions, r.byValue, r.last = partitions, map[string]*partition{}, nil
	for _, p := range partitions {
		for _, tuple := range p.values {
			r.byValue[string(tupleKey(nil, tuple))] = p
		}
	}
}

func tupleKey(key []byte, tuple []dialect.Value) []byte {
	row := Row(key)
	for _, v := range tuple {
		if v.Null {
			row = row.appendNull()
		} else {
			row = row.appendValue([]byte(v.Text))
		}
	}
	return row
}

// find returns the partition of a row, or nil. An automatic table gets the missing partition.
func (r *router) find(values [][]byte) (*partition, error) {
	if r.def.Partition.Kind == dialect.Unpartitioned {
		return r.partitions[0], nil
	}
	key := Row(r.key[:0])
	for i, c := range r.columns {
		if c < 0 {
			r.of[i] = r.exprs[i].Eval(values)
		} else {
			r.of[i] = values[c]
		}
		key = value.Append(key, r.of[i])
	}
	r.key = key
	if r.last != nil && string(key) == string(r.lastKey) {
		return r.last, nil
	}
	p := r.lookup()
	automatic := r.def.Partition.Kind == dialect.RangeExpression || r.def.Partition.Kind == dialect.ListColumns
	if p == nil && automatic && !r.restricted {
		if err := r.create(); err != nil {
			return nil, err
		}
		p = r.lookup()
	}
	r.last, r.lastKey = p, append(r.lastKey[:0], key...)
	return p, nil
}

func (r *router) lookup() *partition {
	if r.def.Partition.Kind == dialect.List || r.def.Partition.Kind == dialect.ListColumns {
		return r.byValue[string(r.key)]
	}
	bound := make([]dialect.Value, len(r.columns))
	for i, v := range r.of {
		bound[i].Text = string(v)
		if v == nil { // NULL is less than all: it belongs where the least value of the type does
			bound[i].Text = minima[r.types[i].Name]
		}
	}
	at, found := slices.BinarySearchFunc(r.partitions, bound, func(p *partition, b []dialect.Value) int {
		return compareBounds(r.types, p.lower, b)
	})
	if !found {
		at--
	}
	if at < 0 || compareBounds(r.types, bound, r.partitions[at].upper) >= 0 {
		return nil
	}
	return r.partitions[at]
}

// create adds the partition of a row to an automatic table.
func (r *router) create() error {
	spec, err := r.automatic()
	if err != nil {
		return err
	}
	r.catalog.mu.Lock()
	defer r.catalog.mu.Unlock()
	r.set(r.table.partitions)
	if r.lookup() != nil {
		return nil
	}
	for base, n := spec.Name, 0; r.table.partition(spec.Name, false) != nil; n++ { // two values of one name (calculateUniquePartitionName)
		spec.Name = base + "_" + strconv.Itoa(n)
	}
	if err := r.catalog.addPartition(r.table, spec, false, nil, 0); err != nil {
		return err
	}
	r.set(r.table.partitions)
	return nil
}

func (r *router) automatic() (spec dialect.PartitionSpec, err error) {
	if r.def.Partition.Kind == dialect.ListColumns {
		tuple := make([]dialect.Value, len(r.columns))
		for i, v := range r.of {
			tuple[i] = dialect.Value{Text: string(v), Null: v == nil}
		}
		return dialect.PartitionSpec{Name: listPartitionName(tuple), Values: [][]dialect.Value{tuple}}, nil
	}
	t, text := r.types[0], string(r.of[0])
	if r.of[0] == nil {
		text = minima[t.Name]
	}
	at, err := parseMoment(t, text)
	if err != nil {
		return spec, err
	}
	start, end, digits, err := truncate(r.def.Partition.Unit, at)
	if err != nil {
		return spec, err
	}
	return dialect.PartitionSpec{Name: "p" + digits, Lower: []dialect.Value{{Text: start.Format(layoutOf(t))}},
		Upper: []dialect.Value{{Text: end.Format(layoutOf(t))}}}, nil
}

// bucket returns the bucket of a row in a partition: stable for a hash distribution, any for a random one.
func (r *router) bucket(p *partition, values [][]byte) int {
	if p.buckets == 1 {
		return 0
	}
	if p.hash == nil {
		return rand.IntN(p.buckets)
	}
	columns, ok := r.hashed[p]
	if !ok {
		for _, name := range p.hash {
			columns = append(columns, columnIndex(r.def.Columns, name))
		}
		r.hashed[p] = columns
	}
	h := fnv.New32a()
	for _, c := range columns {
		if values[c] == nil {
			h.Write([]byte{0xfb})
			continue
		}
		h.Write(values[c])
		h.Write([]byte{0})
	}
	return int(h.Sum32() % uint32(p.buckets))
}

package catalog

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/expression"
	"starkeep/sandbox/value"
)

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

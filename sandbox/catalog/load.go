package catalog

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/expression"
	"starkeep/sandbox/streamload"
)

var _ streamload.Engine = (*Catalog)(nil)

// LoadInfo is a row of information_schema.loads.
type LoadInfo struct {
	ID       int64
	Database string
	Table    string
	Label    string
	User     string
	State    string // FINISHED, CANCELLED
	Rows     int64
	Bytes    int64
	Error    string
	Started  time.Time
	Finished time.Time
}

// load is one open transaction.
type load struct {
	catalog   *Catalog
	database  *database
	table     *table
	id        int64
	label     string
	overwrite []*partition // INSERT OVERWRITE: these are emptied at publish
	router    *router
	into      map[*partition]*physical
	staged    map[*physical][][]*chunk // by bucket
	values    [][]byte
	derived   []derived
	row       Row
	info      LoadInfo
	over      bool
}

// Describe implements streamload.Engine.
func (c *Catalog) Describe(database, name string) (*streamload.Table, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, ok := c.databases[database]
	if !ok {
		return nil, streamload.ErrUnknownDatabase
	}
	t, ok := d.tables[name]
	if !ok {
		return nil, streamload.ErrUnknownTable
	}
	described := &streamload.Table{Database: database, Name: name, ID: t.id}
	for _, column := range t.def.Columns {
		described.Columns = append(described.Columns, loadColumn(column))
	}
	return described, nil
}

func loadColumn(c dialect.Column) streamload.Column {
	column := streamload.Column{Name: c.Name, Type: c.Type, Nullable: c.Nullable, Key: c.Key, Aggregation: c.Aggregation,
		Generated: c.Generated != nil, AutoIncrement: c.AutoIncrement}
	if c.Default == nil {
		return column
	}
	column.HasDefault, column.DefaultNull, column.Default = true, c.Default.Null, c.Default.Value
	switch {
	case c.Default.Now:
		column.Default = time.Now().UTC().Format(datetimeLayout)
	case c.Default.UUID == "uuid()":
		column.Default = newUUID()
	case c.Default.UUID != "":
		column.Default = strconv.FormatUint(rand.Uint64(), 10)
	case c.Default.Expr != nil:
		if e, err := expression.To(c.Type, c.Default.Expr, nil); err == nil { // checked when the table was made
			column.Default = string(e.Eval(nil))
		}
	}
	return column
}

// Begin implements streamload.Engine.
func (c *Catalog) Begin(r streamload.Request) (streamload.Load, error) {
	if err := c.refuseMaterialized(dialect.ObjectName{Database: r.Database, Name: r.Table}, "inserted"); err != nil {
		return nil, err
	}
	return c.begin(r, false)
}

func (c *Catalog) begin(r streamload.Request, overwrite bool) (*load, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.databases[r.Database]
	if !ok {
		return nil, streamload.ErrUnknownDatabase
	}
	t, ok := d.tables[r.Table]
	if !ok {
		return nil, streamload.ErrUnknownTable
	}
	partitions, err := t.pick(r.Partitions, r.Temporary)
	if err != nil {
		return nil, err
	}
	c.lastTxn++
	l := &load{catalog: c, database: d, table: t, id: c.lastTxn, label: r.Label,
		into: map[*partition]*physical{}, staged: map[*physical][][]*chunk{}, values: make([][]byte, len(t.def.Columns))}
	if l.label == "" {
		l.label = "insert_" + strconv.FormatInt(l.id, 16)
	}
	if overwrite {
		l.overwrite = partitions
	}
	if l.router, err = c.newRouter(t, partitions, len(r.Partitions) > 0); err != nil {
		return nil, err
	}
	if l.derived, err = derive(t.def); err != nil {
		return nil, err
	}
	if err := d.labels.Begin(l.label, l.id); err != nil {
		return nil, err
	}
	l.info = LoadInfo{ID: l.id, Database: d.name, Table: t.name, Label: l.label, Started: time.Now()}
	return l, nil
}

// pick returns the named partitions, or all.
func (t *table) pick(names []string, temporary bool) ([]*partition, error) {
	if len(names) == 0 && !temporary {
		return t.partitions, nil
	}
	var picked []*partition
	for _, name := range names {
		p := t.partition(strings.TrimSpace(name), temporary)
		if p == nil {
			return nil, Analyzing("Unknown partition '%s' in table '%s'", name, t.name)
		}
		if !slices.Contains(picked, p) {
			picked = append(picked, p)
		}
	}
	if types, err := partitionTypes(t.def); err == nil && len(picked) > 0 && picked[0].lower != nil {
		slices.SortFunc(picked, func(a, b *partition) int { return compareBounds(types, a.lower, b.lower) })
	}
	return picked, nil
}

// TxnID implements streamload.Load.
func (l *load) TxnID() int64 { return l.id }

// Append implements streamload.Load.
func (l *load) Append(b *streamload.Batch) ([]streamload.Rejection, error) {
	var rejected []streamload.Rejection
	for i := range b.Rows() {
		for j := range b.Columns {
			v := &b.Columns[j]
			switch {
			case v.Null[i]:
				l.values[j] = nil
			default:
				if l.values[j] = v.Value(i); l.values[j] == nil {
					l.values[j] = []byte{}
				}
			}
		}
		if reason := l.derive(); reason != "" {
			rejected = append(rejected, streamload.Rejection{Row: i, Reason: reason})
			continue
		}
		ok, err := l.add()
		if err != nil {
			return rejected, err
		}
		if !ok { // be:exec/tablet_sink
			rejected = append(rejected, streamload.Rejection{Row: i, Reason: "The row is out of partition ranges. Please add a new partition."})
		}
	}
	return rejected, nil
}

// add stages the row in values, unless no partition takes it.
func (l *load) add() (bool, error) {
	p, err := l.router.find(l.values)
	if err != nil || p == nil {
		return false, err
	}
	into, ok := l.into[p]
	if !ok {
		into = l.catalog.physicalFor(l.table, p)
		l.into[p] = into
		l.staged[into] = make([][]*chunk, p.buckets)
	}
	l.row = l.row[:0]
	for _, v := range l.values {
		if v == nil {
			l.row = l.row.appendNull()
		} else {
			l.row = l.row.appendValue(v)
		}
	}
	bucket := l.router.bucket(p, l.values)
	l.staged[into][bucket] = appendRow(l.staged[into][bucket], l.row)
	l.info.Rows++
	l.info.Bytes += int64(len(l.row))
	return true, nil
}

// physicalFor returns the physical partition that a load fills. Under random distribution a partition gets another one
// when its youngest is larger than the property bucket_size, in bytes (docs Data_distribution, random bucketing).
func (c *Catalog) physicalFor(t *table, p *partition) *physical {
	c.mu.Lock()
	defer c.mu.Unlock()
	youngest := p.physical[len(p.physical)-1]
	limit, _ := strconv.ParseInt(t.def.Properties["bucket_size"], 10, 64)
	if p.hash != nil || limit <= 0 {
		return youngest
	}
	var size int64
	for _, tab := range youngest.tablets {
		size += countBytes(tab.chunks)
	}
	if size > limit {
		youngest = c.newPhysical(p.buckets)
		p.physical = append(slices.Clone(p.physical), youngest)
	}
	return youngest
}

// Commit implements streamload.Load.
func (l *load) Commit() error {
	l.database.labels.Move(l.label, l.id, streamload.Committed, "")
	return nil
}

// Publish implements streamload.Load. Rows for partitions that are gone meanwhile are gone too.
func (l *load) Publish() error {
	c := l.catalog
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.over {
		return nil
	}
	l.over = true
	c.overwrite(l)
	now := time.Now()
	for _, p := range slices.Concat(l.table.partitions, l.table.temporary) {
		for _, ph := range p.physical {
			if staged, ok := l.staged[ph]; ok {
				ph.publish(l.table.def, staged, now)
			}
		}
	}
	l.database.labels.Move(l.label, l.id, streamload.Visible, "")
	l.info.State = "FINISHED"
	l.record(now)
	c.changed()
	return nil
}

// overwrite renews the partitions that the load replaces, and leads its rows into the new ones.
func (c *Catalog) overwrite(l *load) {
	if l.overwrite == nil {
		return
	}
	for _, list := range []*[]*partition{&l.table.partitions, &l.table.temporary} {
		renewed := slices.Clone(*list)
		for i, p := range renewed {
			if !slices.Contains(l.overwrite, p) {
				continue
			}
			renewed[i] = c.renew(p)
			if old, ok := l.into[p]; ok {
				l.staged[renewed[i].physical[0]] = l.staged[old]
			}
		}
		*list = renewed
	}
}

func (p *physical) publish(def *dialect.CreateTable, staged [][]*chunk, at time.Time) {
	tablets := slices.Clone(p.tablets)
	for i, added := range staged {
		if len(added) > 0 {
			tablets[i].chunks = merge(def, tablets[i].chunks, added)
		}
	}
	p.tablets, p.version, p.moved = tablets, p.version+1, at
}

// Abort implements streamload.Load.
func (l *load) Abort(reason string) {
	l.catalog.mu.Lock()
	defer l.catalog.mu.Unlock()
	if state := l.database.labels.State(l.label); l.over || state.ID == l.id && state.State == streamload.Committed {
		return
	}
	l.over, l.staged = true, nil
	l.database.labels.Move(l.label, l.id, streamload.Aborted, reason)
	l.info.State, l.info.Error, l.info.Rows = "CANCELLED", reason, 0
	l.record(time.Now())
}

// record keeps the load for information_schema.loads.
func (l *load) record(at time.Time) {
	l.info.Finished = at
	d := l.database
	d.loads = append(d.loads, l.info)
	if extra := len(d.loads) - l.catalog.labelKeep; extra > 0 {
		d.loads = slices.Clone(d.loads[extra:])
	}
}

// Label implements streamload.Engine.
func (c *Catalog) Label(database, label string) (streamload.Transaction, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, ok := c.databases[database]
	if !ok {
		return streamload.Transaction{}, streamload.ErrUnknownDatabase
	}
	return d.labels.State(label), nil
}

// Transactions returns what is remembered of all labels of a database, oldest first.
func (c *Catalog) Transactions(database string) []streamload.Transaction {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, ok := c.databases[database]
	if !ok {
		return nil
	}
	all := d.labels.All()
	slices.SortFunc(all, func(a, b streamload.Transaction) int { return int(a.ID - b.ID) })
	return all
}

// Loads returns the finished loads of all databases.
func (c *Catalog) Loads() []LoadInfo {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var loads []LoadInfo
	for _, d := range c.databases {
		loads = append(loads, d.loads...)
	}
	return loads
}

package catalog

import (
	"maps"
	"slices"
	"strings"
	"time"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/value"
)

// converter brings a text to the form in which a value of the type is printed.
func converter(t dialect.Type) (value.Converter, error) { return value.NewConverter(t) }

// CreateTable creates a table with its partitions.
func (c *Catalog) CreateTable(def *dialect.CreateTable) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.database(def.Name.Database)
	if err != nil {
		return err
	}
	if !validTable(def.Name.Name) {
		return fail(1104, "42000", "Incorrect table name '%s'", def.Name.Name)
	}
	if d.taken(def.Name.Name) {
		if def.IfNotExists {
			return nil
		}
		return tableExists(def.Name.Name)
	}
	def, err = complete(def)
	if err != nil {
		return err
	}
	if err := c.modeProperties(d, def); err != nil {
		return err
	}
	if err := c.completeConstraints(d, def.Name.Name, def); err != nil {
		return err
	}
	t := &table{id: c.newID(), name: def.Name.Name, def: def, created: time.Now()}
	if err := d.checkColocation(t.id, def); err != nil {
		return err
	}
	if err := c.createPartitions(t); err != nil {
		return err
	}
	d.tables[t.name] = t
	c.scheduleDynamic(t, time.Now())
	return nil
}

func (c *Catalog) createPartitions(t *table) error {
	if t.def.Partition.Kind == dialect.Unpartitioned {
		t.partitions = []*partition{c.newPartition(t, t.name)}
		return nil
	}
	types, err := partitionTypes(t.def)
	if err != nil {
		return err
	}
	specs := t.def.Partition.Partitions
	if t.def.Partition.Kind != dialect.Range && t.def.Partition.Kind != dialect.List {
		specs = nil // made by loads; older DDL lists some, which change nothing
	}
	for _, spec := range specs {
		single := []dialect.PartitionSpec{spec}
		if spec.Every != nil {
			if single, err = expand(spec, types[0]); err != nil {
				return err
			}
		}
		for _, s := range single {
			if err := c.addPartition(t, s, false, nil, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete checks a definition and fills in what it leaves to the server.
func complete(given *dialect.CreateTable) (*dialect.CreateTable, error) {
	def := *given
	def.Columns = slices.Clone(given.Columns)
	def.Indexes = slices.Clone(given.Indexes)
	def.Properties = maps.Clone(given.Properties)
	if len(def.Columns) == 0 {
		return nil, fail(1113, "42000", "A table must have at least 1 column")
	}
	seen := map[string]bool{}
	for _, column := range def.Columns {
		if !validColumn(column.Name) {
			return nil, fail(1166, "42000", "Incorrect column name '%s'", column.Name)
		}
		if lower := strings.ToLower(column.Name); seen[lower] {
			return nil, fail(1060, "42S21", "Duplicate column name '%s'", column.Name)
		} else {
			seen[lower] = true
		}
	}
	if err := completeKeys(&def); err != nil {
		return nil, err
	}
	if err := completeAggregation(&def); err != nil {
		return nil, err
	}
	if err := checkDerived(&def); err != nil {
		return nil, err
	}
	for _, name := range slices.Concat(def.Hash, def.OrderBy) {
		if columnIndex(def.Columns, name) < 0 {
			return nil, Analyzing("Distribution column(%s) doesn't exist", name)
		}
	}
	if def.Hash == nil && def.Model != dialect.Duplicate {
		if def.Model == dialect.Aggregate || def.Model == dialect.Unique {
			return nil, Analyzing("%s KEY must use hash distribution", def.Model)
		}
		def.Hash = slices.Clone(def.Keys)
	}
	if err := checkIndexes(&def); err != nil {
		return nil, err
	}
	return &def, completeProperties(&def)
}

// completeKeys settles the model and marks the key columns, which must be the first columns in order.
func completeKeys(def *dialect.CreateTable) error {
	if def.Model == "" {
		def.Model = dialect.Duplicate
		for _, column := range def.Columns {
			if column.Aggregation != "" {
				def.Model = dialect.Aggregate
			}
		}
		for _, column := range def.Columns {
			if def.Model == dialect.Aggregate && column.Aggregation == "" || def.Model == dialect.Duplicate && len(def.Keys) < 3 && keyable(column.Type) && len(def.Keys) == columnIndex(def.Columns, column.Name) {
				def.Keys = append(def.Keys, column.Name)
			}
		}
	}
	for i, name := range def.Keys {
		at := columnIndex(def.Columns, name)
		if at < 0 {
			return Analyzing("Key column(%s) doesn't exist", name)
		}
		if at != i {
			return Analyzing("Key columns must be the first few columns of the schema and the order of the key columns must be consistent with the order of the schema")
		}
		column := &def.Columns[i]
		if !keyable(column.Type) {
			return Analyzing("Invalid data type of key column '%s': '%s'", column.Name, column.Type.Name)
		}
		if column.Aggregation != "" {
			return Analyzing("Key column[%s] should not have aggregation type", column.Name)
		}
		column.Key = true
		if def.Model == dialect.Primary {
			column.Nullable = false
		}
	}
	for i := len(def.Keys); i < len(def.Columns); i++ {
		column := &def.Columns[i]
		if (def.Model == dialect.Aggregate) != (column.Aggregation != "") {
			return Analyzing("%s table column '%s' has a wrong aggregation '%s'", def.Model, column.Name, column.Aggregation)
		}
		column.Key = false
	}
	return nil
}

// completeAggregation checks what columns are merged by (fe:sql/analyzer/ColumnDefAnalyzer).
func completeAggregation(def *dialect.CreateTable) error {
	for i := range def.Columns {
		c := &def.Columns[i]
		t := c.Type
		fits := map[string]bool{"": !t.Sketch() || def.Model == dialect.Unique || def.Model == dialect.Primary, "SUM": t.Integer() || t.Name == "DECIMAL" || t.Name == "FLOAT" || t.Name == "DOUBLE" || t.Name == "BOOLEAN",
			"MIN": !t.Nested() && !t.Sketch() && t.Name != "JSON" && t.Name != "VARBINARY", "MAX": !t.Nested() && !t.Sketch() && t.Name != "JSON" && t.Name != "VARBINARY",
			"REPLACE": !t.Sketch() || t.Name == "BITMAP" || t.Name == "HLL", "REPLACE_IF_NOT_NULL": true, "HLL_UNION": t.Name == "HLL", "BITMAP_UNION": t.Name == "BITMAP",
			"PERCENTILE_UNION": t.Name == "PERCENTILE", "AGG_STATE_UNION": c.State != ""}[c.Aggregation]
		switch {
		case !fits && c.Aggregation == "":
			return Analyzing("No aggregate function specified for '%s'", c.Name)
		case !fits:
			return Analyzing("Invalid aggregate function '%s' for '%s'", c.Aggregation, c.Name)
		case c.Aggregation == "REPLACE_IF_NOT_NULL":
			c.Nullable = true
		case c.Aggregation == "SUM" && t.Name == "DECIMAL" && !t.Wide(): // so that sums do not overflow
			c.Type.Precision = 38
		}
	}
	return nil
}

func keyable(t dialect.Type) bool {
	return !t.Nested() && !t.Sketch() && !t.Wide() && t.Name != "FLOAT" && t.Name != "DOUBLE" && t.Name != "JSON"
}

// DropTable drops a table at once; the sandbox has no trash.
func (c *Catalog) DropTable(name dialect.ObjectName, ifExists bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, t, err := c.table(name)
	if err != nil {
		if d := c.databases[name.Database]; d != nil && d.views[name.Name] != nil {
			return wrongObject(d.name, name.Name, "TABLE")
		}
		if ifExists && d != nil || ifExists && name.Database != "" && c.databases[name.Database] != nil {
			return nil
		}
		return err
	}
	if t.mv != nil {
		return t.wrongKind(d, "TABLE")
	}
	delete(d.tables, name.Name)
	c.forgetParent(d.name, t.name)
	c.inactivate(t.id, "base-table dropped: "+t.name)
	return nil
}

// Truncate gives partitions, or all of them, new ids and no rows.
func (c *Catalog) Truncate(name dialect.ObjectName, partitions []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, t, err := c.table(name)
	if err != nil {
		return err
	}
	for _, p := range partitions {
		if t.partition(p, false) == nil {
			return ddl("Partition %s does not exist", p)
		}
	}
	renewed := slices.Clone(t.partitions)
	for i, p := range renewed {
		if partitions == nil || slices.ContainsFunc(partitions, func(n string) bool { return strings.EqualFold(n, p.name) }) {
			renewed[i] = c.renew(p)
		}
	}
	t.partitions = renewed
	if partitions == nil {
		t.temporary = nil
	}
	c.changed()
	return nil
}

// Alter performs the clauses of an ALTER TABLE.
func (c *Catalog) Alter(a *dialect.AlterTable) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, t, err := c.table(a.Name)
	if err != nil {
		return err
	}
	if t.mv != nil { // fe:sql/analyzer/AlterTableStatementAnalyzer
		return Analyzing("The '%s' cannot be alter by 'ALTER TABLE', because it is a materialized view,you can use 'ALTER MATERIALIZED VIEW' to alter it.", t.name)
	}
	for _, clause := range a.Clause {
		if err := c.alter(d, t, clause); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) alter(d *database, t *table, clause any) error {
	if err := t.busy(); err != nil {
		return err
	}
	switch x := clause.(type) {
	case dialect.AddRollup:
		return c.addRollup(t, x)
	case dialect.DropRollup:
		return t.dropRollup(x.Name)
	case dialect.RenameRollup:
		return t.renameRollup(x.From, x.To)
	case dialect.SetCounter:
		return t.setCounter(x.Next)
	case dialect.AddIndex:
		return t.addIndex(x.Index)
	case dialect.DropIndex:
		return t.dropIndex(x.Name)
	case dialect.Swap:
		return c.swap(d, t, x.With)
	case dialect.Rename:
		return c.rename(d, t, x.To)
	case dialect.RenamePartition:
		return t.renamePartition(x)
	case dialect.SetProperties:
		return c.setProperties(d, t, x.Properties)
	case dialect.AddPartition:
		return c.addPartitions(t, x)
	case dialect.DropPartition:
		defer c.changed()
		return t.dropPartitions(x)
	case dialect.ReplacePartition:
		defer c.changed()
		return t.replacePartitions(x)
	}
	return ddl("Unsupported alter clause")
}

// swap exchanges the names of two tables; ids and data stay (fe:alter/AlterJobExecutor.visitSwapTableClause).
func (c *Catalog) swap(d *database, t *table, with string) error {
	other, ok := d.tables[with]
	if !ok {
		return ddl("Table %s does not exist or is not OLAP/LAKE table", with)
	}
	if err := other.busy(); err != nil {
		return err
	}
	if (t.mv == nil) != (other.mv == nil) {
		return ddl("Materialized view can only SWAP WITH materialized view")
	}
	for _, key := range []string{uniqueKeys, foreignKeys} {
		if !sameConstraints(t.def, other.def, key) {
			return ddl("Table %s does not contain the same %s, origin: %s, new: %s", with, strings.ReplaceAll(key, "_", " "), t.def.Properties[key], other.def.Properties[key])
		}
	}
	c.inactivate(t.id, "base-table swapped: "+t.name)
	c.inactivate(other.id, "base-table swapped: "+with)
	d.tables[t.name], d.tables[with] = other, t
	other.setName(t.name)
	t.setName(with)
	return nil
}

func (c *Catalog) rename(d *database, t *table, to string) error {
	if t.name == to {
		return Analyzing("Same table name %s", to)
	}
	if d.taken(to) {
		return ddl("Table name[%s] is already used", to)
	}
	delete(d.tables, t.name)
	c.inactivate(t.id, "base-table renamed: "+t.name)
	t.setName(to)
	d.tables[to] = t
	return nil
}

// setName renames a table; the partition of an unpartitioned table is called like the table.
func (t *table) setName(name string) {
	if t.def.Partition.Kind == dialect.Unpartitioned {
		renamed := *t.partitions[0]
		renamed.name = name
		t.partitions = []*partition{&renamed}
	}
	if t.mv == nil {
		t.renameKeys(name)
	}
	t.name = name
}

func (t *table) renamePartition(r dialect.RenamePartition) error {
	p := t.partition(r.From, false)
	switch {
	case p == nil:
		return ddl("Partition[%s] does not exists", r.From)
	case t.partition(r.To, false) != nil || t.partition(r.To, true) != nil:
		return ddl("Partition name[%s] is already used", r.To)
	}
	renamed := *p
	renamed.name = r.To
	t.partitions = slices.Clone(t.partitions)
	t.partitions[slices.Index(t.partitions, p)] = &renamed
	return nil
}

func (c *Catalog) addPartitions(t *table, a dialect.AddPartition) error {
	if t.def.Partition.Kind == dialect.Unpartitioned {
		return ddl("Alter table [%s] failed. Not a partitioned table", t.name)
	}
	specs := []dialect.PartitionSpec{a.Spec}
	if a.Spec.Every != nil {
		types, err := partitionTypes(t.def)
		if err != nil {
			return err
		}
		if specs, err = expand(a.Spec, types[0]); err != nil {
			return err
		}
	}
	for _, spec := range specs {
		if err := c.addPartition(t, spec, a.Temporary, a.Hash, a.Buckets); err != nil {
			return err
		}
	}
	return nil
}

// dropPartitions drops partitions (fe:server/LocalMetastore.dropPartition).
func (t *table) dropPartitions(d dialect.DropPartition) error {
	if t.def.Partition.Kind == dialect.Unpartitioned {
		return ddl("Alter table [%s] failed. Not a partitioned table", t.name)
	}
	var missing []string
	for _, name := range d.Names {
		if t.partition(name, d.Temporary) == nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 && !d.IfExists {
		return fail(1507, "HY000", "Error in list of partitions to [%s]", strings.Join(missing, ", "))
	}
	list := &t.partitions
	if d.Temporary {
		list = &t.temporary
	}
	*list = slices.DeleteFunc(slices.Clone(*list), func(p *partition) bool { return named(d.Names, p) })
	return nil
}

func named(names []string, p *partition) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, p.name) })
}

// replacePartitions puts temporary partitions in the place of partitions (fe:catalog/OlapTable.replaceTempPartitions,
// fe:server/LocalMetastore.replaceTempPartition for the texts).
func (t *table) replacePartitions(r dialect.ReplacePartition) error {
	var out, in []*partition
	for _, name := range r.Names {
		p := t.partition(name, false)
		if p == nil {
			return ddl("Partition[%s] does not exist", name)
		}
		out = append(out, p)
	}
	for _, name := range r.Temporary {
		p := t.partition(name, true)
		if p == nil {
			return ddl("Temp partition[%s] does not exist", name)
		}
		in = append(in, p)
	}
	rest := slices.DeleteFunc(slices.Clone(t.partitions), func(p *partition) bool { return slices.Contains(out, p) })
	if err := t.checkReplacement(r.Strict, out, in, rest); err != nil {
		return err
	}
	keepNames := len(in) == len(out) && !r.UseTemporaryName
	for i, p := range in {
		placed := *p
		if keepNames {
			placed.name = out[i].name
		}
		rest = append(rest, &placed)
	}
	if types, err := partitionTypes(t.def); err != nil {
		return err
	} else if out[0].lower != nil {
		slices.SortStableFunc(rest, func(a, b *partition) int { return compareBounds(types, a.lower, b.lower) })
	}
	t.partitions = rest
	t.temporary = slices.DeleteFunc(slices.Clone(t.temporary), func(p *partition) bool { return slices.Contains(in, p) })
	return nil
}

func (t *table) checkReplacement(strict bool, out, in, rest []*partition) error {
	types, err := partitionTypes(t.def)
	if err != nil {
		return err
	}
	if out[0].lower == nil {
		return checkReplacedValues(strict, out, in, rest)
	}
	if strict {
		return checkSameRanges(types, out, in)
	}
	for _, p := range in {
		for _, o := range rest {
			if compareBounds(types, p.lower, o.upper) < 0 && compareBounds(types, o.lower, p.upper) < 0 {
				return ddl("Range: %s conflicts with existing range", rangeText(types, p.lower, p.upper))
			}
		}
	}
	return nil
}

// checkSameRanges compares what two lists of ranges cover: neighbours are joined first.
func checkSameRanges(types []dialect.Type, a, b []*partition) error {
	x, y := union(types, a), union(types, b)
	for i := range min(len(x), len(y)) {
		for side := range 2 {
			if compareBounds(types, x[i][side], y[i][side]) != 0 {
				return ddl("2 range lists are not strictly matched. %s vs. %s", keyText(types, x[i][side]), keyText(types, y[i][side]))
			}
		}
	}
	if len(x) != len(y) {
		return ddl("2 range lists are not strictly matched. %d vs. %d ranges", len(x), len(y))
	}
	return nil
}

func union(types []dialect.Type, list []*partition) (ranges [][2][]dialect.Value) {
	sorted := slices.SortedFunc(slices.Values(list), func(a, b *partition) int { return compareBounds(types, a.lower, b.lower) })
	for _, p := range sorted {
		if n := len(ranges); n > 0 && compareBounds(types, ranges[n-1][1], p.lower) == 0 {
			ranges[n-1][1] = p.upper
			continue
		}
		ranges = append(ranges, [2][]dialect.Value{p.lower, p.upper})
	}
	return ranges
}

func checkReplacedValues(strict bool, out, in, rest []*partition) error {
	if strict && !maps.Equal(valueSet(out), valueSet(in)) {
		return ddl("2 list partitions are not strictly matched, %v vs %v", slices.Sorted(maps.Keys(valueSet(out))), slices.Sorted(maps.Keys(valueSet(in))))
	}
	others := valueSet(rest)
	for v := range valueSet(in) {
		if others[v] {
			return ddl("Range: %s conflicts with existing range", v)
		}
	}
	return nil
}

func valueSet(list []*partition) map[string]bool {
	set := map[string]bool{}
	for _, p := range list {
		for _, tuple := range p.values {
			set[listText([][]dialect.Value{tuple})] = true
		}
	}
	return set
}

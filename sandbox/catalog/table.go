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

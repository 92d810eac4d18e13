package catalog

import (
	"slices"
	"strings"

	"starkeep/sandbox/dialect"
)

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

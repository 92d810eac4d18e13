package starrocks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// CreateDatabase creates a database unless it is there.
func (c *Cluster) CreateDatabase(ctx context.Context, database string) error {
	name, err := identifier(database)
	if err == nil {
		err = c.exec(ctx, "CREATE DATABASE IF NOT EXISTS "+name)
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", database, err)
	}
	return nil
}

// DropDatabase drops an empty database. Without FORCE: what somebody else creates in it at the same moment can still
// be recovered from the trash.
func (c *Cluster) DropDatabase(ctx context.Context, database string) error {
	tables, others, err := c.Tables(ctx, database)
	switch {
	case errors.Is(err, cluster.ErrUnknownDatabase):
		return nil
	case err != nil:
		return fmt.Errorf("drop database %s: %w", database, err)
	case len(tables)+len(others) > 0:
		return fmt.Errorf("drop database %s: it holds %s: %w", database, strings.Join(append(tables, others...), ", "), cluster.ErrExists)
	}
	name, err := identifier(database)
	if err != nil {
		return err
	}
	if err := c.exec(ctx, "DROP DATABASE "+name); err != nil && !errors.Is(err, cluster.ErrUnknownDatabase) {
		return fmt.Errorf("drop database %s: %w", database, err)
	}
	return nil
}

// CreateTable creates t from its DDL under another name with exactly the wanted partitions, except that those of automatic
// range tables are made by the loads. What would drop partitions by itself rests in the new table (Withheld).
func (c *Cluster) CreateTable(ctx context.Context, database string, t snapshot.Table, o cluster.TableOptions) (int64, error) {
	id, err := c.createTable(ctx, database, t, o)
	if err != nil {
		return 0, fmt.Errorf("create table %s.%s: %w", database, o.Name, err)
	}
	return id, nil
}

func (c *Cluster) createTable(ctx context.Context, database string, t snapshot.Table, o cluster.TableOptions) (int64, error) {
	d, err := parseDefinition(t.DDL)
	if err != nil {
		return 0, err
	}
	wanted, err := choose(t, o.Partitions)
	if err != nil {
		return 0, err
	}
	properties, alike, err := c.propertiesOf(ctx, d, o.ReplicationNum)
	if err != nil {
		return 0, err
	}
	if !alike {
		wanted = withoutProperties(wanted)
	}
	statement, err := d.rewrite(creation{database, o.Name, wanted, d.rested(properties)})
	if err != nil {
		return 0, err
	}
	if err := c.exec(ctx, statement); err != nil {
		return 0, err
	}
	// IF NOT EXISTS says nothing about what was there before
	have, err := c.definition(ctx, database, o.Name)
	if err != nil {
		return 0, err
	}
	if diff := differences(d, have); len(diff) > 0 {
		return 0, fmt.Errorf("it is there already and differs: %s: %w", strings.Join(diff, "; "), cluster.ErrExists)
	}
	if t.Partitioning != snapshot.Unpartitioned {
		if err := c.alignPartitions(ctx, database, o.Name, t.Partitioning, wanted); err != nil {
			return 0, err
		}
	}
	return c.TableID(ctx, database, o.Name)
}

// propertiesOf returns the properties of a table in this cluster, and whether its partitions keep their own: they are not for
// another run mode or another number of replicas.
func (c *Cluster) propertiesOf(ctx context.Context, d *definition, replicas int) (list []property, alike bool, err error) {
	p := place{shared: d.shared()}
	if d.bound() {
		switch p, err = c.place(ctx); {
		case errors.Is(err, cluster.ErrDenied): // who may not look at the cluster restores into one of the same kind
			p = place{shared: d.shared(), volumes: []string{d.value(storageVolume)}}
		case err != nil:
			return nil, false, err
		}
	}
	list, _ = d.fits(p, replicas)
	return unbound(list), replicas == 0 && p.shared == d.shared(), nil
}

// choose returns the partitions to create: all, or those named.
func choose(t snapshot.Table, names []string) ([]snapshot.Partition, error) {
	if names == nil || t.Partitioning == snapshot.Unpartitioned {
		return t.Partitions, nil
	}
	chosen := make([]snapshot.Partition, 0, len(names))
	for _, n := range names {
		p, ok := t.Partition(n)
		if !ok {
			return nil, fmt.Errorf("partition %s is not in the snapshot: %w", n, cluster.ErrUnknownPartition)
		}
		chosen = append(chosen, p)
	}
	return chosen, nil
}

// leftToLoads tells whether a partition cannot be added by hand: those of automatic range tables are made by the rows
// that need them (fe:PartitionDescAnalyzer.analyzeSingleRangePartitionDescWithExistsTable), and come back when needed.
func leftToLoads(kind snapshot.Partitioning, p snapshot.Partition) bool {
	return kind == snapshot.AutomaticPartitioning && strings.HasPrefix(p.Values, "VALUES [")
}

// alignPartitions adds the partitions that the DDL did not list (automatic tables list none), drops those that nobody
// asked for, and checks the outcome.
func (c *Cluster) alignPartitions(ctx context.Context, database, table string, kind snapshot.Partitioning, wanted []snapshot.Partition) error {
	name, err := qualified(database, table)
	if err != nil {
		return err
	}
	have, err := c.describedPartitions(ctx, database, table)
	if err != nil {
		return err
	}
	changed := false
	for _, p := range wanted {
		if partitionOf(have, p.Name) != nil || leftToLoads(kind, p) {
			continue
		}
		changed = true
		if err := c.addPartition(ctx, name, "PARTITION", p.Name, p.Values); err != nil {
			return err
		}
	}
	for _, p := range have {
		if partitionOf(wanted, p.Name) != nil {
			continue
		}
		changed = true
		if err := c.dropUnwanted(ctx, name, p); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	if have, err = c.describedPartitions(ctx, database, table); err != nil {
		return err
	}
	return compareNames(have, wanted, kind)
}

// dropUnwanted drops a partition that a table got by being created. One with rows is somebody's, and stays.
func (c *Cluster) dropUnwanted(ctx context.Context, table string, p snapshot.Partition) error {
	name, err := identifier(p.Name)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(p.Physical, func(x snapshot.PhysicalPartition) bool { return !x.Empty }) {
		return fmt.Errorf("it has a partition %s with rows: %w", p.Name, cluster.ErrExists)
	}
	if err := c.exec(ctx, "ALTER TABLE "+table+" DROP PARTITION IF EXISTS "+name+" FORCE"); err != nil {
		return fmt.Errorf("drop partition %s: %w", p.Name, err)
	}
	return nil
}

func compareNames(have, wanted []snapshot.Partition, kind snapshot.Partitioning) error {
	for _, p := range wanted {
		if partitionOf(have, p.Name) == nil && !leftToLoads(kind, p) {
			return fmt.Errorf("partition %s is missing afterwards: %w", p.Name, cluster.ErrUnknownPartition)
		}
	}
	for _, p := range have {
		if partitionOf(wanted, p.Name) == nil {
			return fmt.Errorf("partition %s is there afterwards: %w", p.Name, cluster.ErrExists)
		}
	}
	return nil
}

func partitionOf(list []snapshot.Partition, name string) *snapshot.Partition {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

// describedPartitions returns a table's plain partitions without the clauses that create them.
func (c *Cluster) describedPartitions(ctx context.Context, database, table string) ([]snapshot.Partition, error) {
	metas, err := c.partitions(ctx, database, []string{table})
	if err != nil {
		return nil, err
	}
	return assemble(&definition{kind: snapshot.Unpartitioned}, metas[table])
}

// addPartition adds an empty partition; kind is PARTITION or TEMPORARY PARTITION (g4 addPartitionClause).
func (c *Cluster) addPartition(ctx context.Context, table, kind, partition, values string) error {
	p, err := identifier(partition)
	if err != nil {
		return err
	}
	if values == "" {
		return fmt.Errorf("add partition %s to a table without partitions: %w", partition, cluster.ErrUnsupported)
	}
	if err := c.exec(ctx, "ALTER TABLE "+table+" ADD "+kind+" IF NOT EXISTS "+p+" "+values); err != nil {
		return fmt.Errorf("add partition %s: %w", partition, err)
	}
	return nil
}

// temporaryNames returns the names of a table's temporary partitions.
func (c *Cluster) temporaryNames(ctx context.Context, database, table string) ([]string, error) {
	metas, err := c.partitions(ctx, database, []string{table})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range metas[table] {
		if m.temporary {
			names = append(names, m.name)
		}
	}
	return names, nil
}

// TableID returns the id of a base table, 0 when nothing has that name, and ErrUnsupported when another kind of object
// has. Absence is proven by asking for the table: lists hide what the user may not see.
func (c *Cluster) TableID(ctx context.Context, database, table string) (int64, error) {
	configs, err := c.configs(ctx, database, []string{table})
	if err != nil {
		return 0, err
	}
	if config, ok := configs[table]; ok && engines[config.engine] == "" && config.id != 0 {
		return config.id, nil
	}
	switch _, err := c.definition(ctx, database, table); {
	case errors.Is(err, cluster.ErrUnknownTable), errors.Is(err, cluster.ErrUnknownDatabase):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("look for table %s.%s: %w", database, table, err)
	}
	return 0, fmt.Errorf("%s.%s is there but not a table: %w", database, table, cluster.ErrUnsupported)
}

// DropTable drops a table past the trash, which would keep its space for a day.
func (c *Cluster) DropTable(ctx context.Context, database, table string) error {
	name, err := qualified(database, table)
	if err == nil {
		err = c.exec(ctx, "DROP TABLE IF EXISTS "+name+" FORCE")
	}
	if err != nil && !errors.Is(err, cluster.ErrUnknownDatabase) && !errors.Is(err, cluster.ErrUnknownTable) {
		return fmt.Errorf("drop table %s.%s: %w", database, table, err)
	}
	return nil
}

// AddTemporaryPartitions adds temporary partitions of the same values; they may overlap plain partitions.
func (c *Cluster) AddTemporaryPartitions(ctx context.Context, database, table string, shape []snapshot.Partition, names map[string]string) (map[string]int64, error) {
	ids, err := c.addTemporaryPartitions(ctx, database, table, shape, names)
	if err != nil {
		return nil, fmt.Errorf("prepare partitions of %s.%s: %w", database, table, err)
	}
	return ids, nil
}

func (c *Cluster) addTemporaryPartitions(ctx context.Context, database, table string, shape []snapshot.Partition, names map[string]string) (map[string]int64, error) {
	name, err := qualified(database, table)
	if err != nil {
		return nil, err
	}
	have, err := c.temporaryNames(ctx, database, table)
	if err != nil {
		return nil, err
	}
	for _, p := range shape {
		temporary, ok := names[p.Name]
		if !ok || slices.Contains(have, temporary) {
			continue
		}
		if err := c.addPartition(ctx, name, "TEMPORARY PARTITION", temporary, p.Values); err != nil {
			return nil, err
		}
	}
	metas, err := c.partitions(ctx, database, []string{table})
	if err != nil {
		return nil, err
	}
	ids := make(map[string]int64, len(names))
	for _, m := range metas[table] {
		if m.temporary && (ids[m.name] == 0 || m.physical.ID < ids[m.name]) {
			ids[m.name] = m.physical.ID // the first of several, so that a repetition tells the same
		}
	}
	for _, temporary := range names {
		if ids[temporary] == 0 {
			return nil, fmt.Errorf("temporary partition %s was not created: %w", temporary, cluster.ErrUnknownPartition)
		}
	}
	return ids, nil
}

// DropTemporaryPartitions drops those that exist.
func (c *Cluster) DropTemporaryPartitions(ctx context.Context, database, table string, names []string) error {
	name, err := qualified(database, table)
	if err != nil {
		return err
	}
	have, err := c.temporaryNames(ctx, database, table)
	if err != nil {
		return err
	}
	for _, n := range names {
		if !slices.Contains(have, n) {
			continue
		}
		q, err := identifier(n)
		if err != nil {
			return err
		}
		if err := c.exec(ctx, "ALTER TABLE "+name+" DROP TEMPORARY PARTITION IF EXISTS "+q); err != nil {
			return fmt.Errorf("drop temporary partition %s of %s.%s: %w", n, database, table, err)
		}
	}
	return c.dropStages(ctx, database, table)
}

// Withheld returns the properties that CreateTable leaves off, as far as they would drop none of the partitions of t. A day
// more than needed is allowed for; what would drop some stays off, and Notes tells of it.
func (c *Cluster) Withheld(t snapshot.Table) map[string]string {
	d, err := parseDefinition(t.DDL)
	if err != nil {
		return nil // CreateTable has failed on it already
	}
	back, _ := d.awake(t.Partitions, time.Now())
	return back
}

// setProperties sets properties of a table, one in a statement: more are refused, unless all are dynamic_partition.…
// (fe:analyzer/AlterTableClauseAnalyzer.visitModifyTablePropertiesClause).
func (c *Cluster) setProperties(ctx context.Context, table string, properties map[string]string) error {
	for _, k := range slices.Sorted(maps.Keys(properties)) {
		if err := c.exec(ctx, "ALTER TABLE "+table+" SET ("+wire.DoubleQuoted(k)+" = "+wire.DoubleQuoted(properties[k])+")"); err != nil {
			return err
		}
	}
	return nil
}

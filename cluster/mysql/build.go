package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

var (
	_ cluster.Builder  = (*Cluster)(nil)
	_ cluster.Finisher = (*Cluster)(nil)
	_ cluster.Omitter  = (*Cluster)(nil)
)

// deferredFrom is the size from which secondary keys are made after the rows are in: below it another ALTER TABLE costs
// more than it saves.
const deferredFrom = 16 << 20

// CreateDatabase creates a database with the server's default character set.
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

// DropDatabase drops a database without tables, views, routines and events. The server would drop them, too.
func (c *Cluster) DropDatabase(ctx context.Context, database string) error {
	tables, others, err := c.Tables(ctx, database)
	if errors.Is(err, cluster.ErrUnknownDatabase) {
		return nil
	}
	if err == nil && len(tables)+len(others) > 0 {
		err = fmt.Errorf("it is not empty: %w", cluster.ErrExists)
	}
	var name string
	if err == nil {
		name, err = identifier(database)
	}
	if err == nil {
		err = c.exec(ctx, "DROP DATABASE IF EXISTS "+name)
	}
	if err != nil {
		return fmt.Errorf("drop database %s: %w", database, err)
	}
	return nil
}

// CreateTable creates t without foreign keys, which Publish adds, and without AUTO_INCREMENT counter and, where it will
// have many rows, secondary keys, which Finish adds.
func (c *Cluster) CreateTable(ctx context.Context, database string, t snapshot.Table, o cluster.TableOptions) (int64, error) {
	id, err := c.createTable(ctx, database, t, o)
	if err != nil {
		return 0, fmt.Errorf("create table %s.%s: %w", database, o.Name, err)
	}
	return id, nil
}

func (c *Cluster) createTable(ctx context.Context, database string, t snapshot.Table, o cluster.TableOptions) (int64, error) {
	name, err := qualified(database, o.Name)
	if err != nil {
		return 0, err
	}
	d, err := parseDefinition(t.DDL)
	if err != nil {
		return 0, err
	}
	if d, err = d.narrowed(t, o.Partitions); err != nil {
		return 0, err
	}
	if err := c.createSequences(ctx, database, d); err != nil {
		return 0, err
	}
	built := d.bare()
	if d.deferrable() && bytesOf(t) >= deferredFrom {
		built.items = slices.DeleteFunc(built.items, deferred)
	}
	err = c.exec(ctx, "CREATE TABLE "+name+" "+built.statement(database))
	if errors.Is(err, cluster.ErrExists) {
		err = c.sameColumns(ctx, database, o.Name, built)
	}
	if err != nil {
		return 0, err
	}
	return tableIdentity(database, o.Name), nil
}

// sameColumns fails when the table that is there has other columns than d, in the server's own words for both.
func (c *Cluster) sameColumns(ctx context.Context, database, table string, d *definition) error {
	have, err := c.definition(ctx, database, table)
	if err != nil {
		return err
	}
	if len(differingColumns(d, have)) == 0 {
		return nil
	}
	made, err := c.made(ctx, database, table, d)
	if err != nil {
		return err
	}
	if diff := differingColumns(made, have); len(diff) > 0 {
		return fmt.Errorf("it is there already and differs: %s: %w", strings.Join(diff, "; "), cluster.ErrExists)
	}
	return nil
}

func bytesOf(t snapshot.Table) (sum int64) {
	for _, p := range t.Partitions {
		for _, x := range p.Physical {
			sum += x.Bytes
		}
	}
	return sum
}

// narrowed is d with the partitions of t, or those of them that are named.
func (d *definition) narrowed(t snapshot.Table, names []string) (*definition, error) {
	if d.kind == snapshot.Unpartitioned {
		return d, nil
	}
	if names == nil {
		for _, p := range t.Partitions {
			names = append(names, p.Name)
		}
	}
	for _, n := range names {
		if _, ok := t.Partition(n); !ok {
			return nil, fmt.Errorf("partition %s is not in the snapshot: %w", n, cluster.ErrUnknownPartition)
		}
	}
	switch {
	case d.kind == hashPartitioning:
		if all := len(d.described("", "", nil)); len(names) < max(all, len(t.Partitions)) {
			return nil, fmt.Errorf("%d partitions of a table by HASH or KEY, which has all or none: %w", len(names), cluster.ErrUnsupported)
		}
		return d, nil
	case len(names) == 0:
		return nil, fmt.Errorf("a partitioned table without partitions: %w", cluster.ErrUnsupported)
	}
	n := *d
	n.partitions = nil
	for _, p := range d.partitions {
		if slices.Contains(names, p.name) {
			n.partitions = append(n.partitions, p)
		}
	}
	if len(n.partitions) != len(names) {
		return nil, fmt.Errorf("partitions %s are not all in the definition: %w", strings.Join(names, ", "), cluster.ErrUnknownPartition)
	}
	return &n, nil
}

// placed are options that say where files are: a place of another machine.
var placed = []string{"DATA DIRECTORY", "INDEX DIRECTORY", "TABLESPACE"}

// bare is d without foreign keys, counter and places.
func (d *definition) bare() *definition {
	b := *d
	b.items = slices.DeleteFunc(slices.Clone(d.items), func(it item) bool { return it.kind == foreignKey })
	b.options = slices.DeleteFunc(slices.Clone(d.options), func(o option) bool {
		return o.name == "AUTO_INCREMENT" || isPlaced(o)
	})
	return &b
}

func isPlaced(o option) bool {
	return slices.ContainsFunc(placed, func(p string) bool { return strings.HasPrefix(o.name, p) })
}

// deferred tells whether Finish may add an item. FULLTEXT and SPATIAL keys are there from the start: the first one of
// them rebuilds a table that has rows.
func deferred(it item) bool {
	return it.kind == uniqueKey || it.kind == plainKey && (strings.HasPrefix(it.text, "KEY") || strings.HasPrefix(it.text, "INDEX"))
}

// deferrable tells whether a table can do without its secondary keys while rows are loaded: InnoDB, whose rows are kept
// in the order of a primary key, and no key needed by AUTO_INCREMENT but that one. FULLTEXT is listed last anyway. Other engines make keys in bulk when
// they load into an empty table.
func (d *definition) deferrable() bool {
	if !strings.EqualFold(d.option("ENGINE"), "InnoDB") {
		return false
	}
	primary := d.of(primaryKey)
	if len(primary) == 0 {
		return false
	}
	if slices.ContainsFunc(d.of(plainKey), func(it item) bool { return !deferred(it) && !strings.HasPrefix(it.text, "FULLTEXT") }) {
		return false // keys that come later would be listed behind this one, and not as they were
	}
	first := firstName(primary[0].text)
	for _, it := range d.of(columnItem) {
		if has(it.text, "AUTO_INCREMENT") && it.name != first {
			return false
		}
	}
	return true
}

// firstName returns the first quoted name of a piece of SQL.
func firstName(sql string) string {
	ts, err := tokens(sql)
	if err != nil {
		return ""
	}
	if i := slices.IndexFunc(ts, func(t token) bool { return t.kind == quote }); i >= 0 {
		return ts[i].value
	}
	return ""
}

// has tells whether a piece of SQL has a word outside of strings and names.
func has(sql, name string) bool {
	ts, err := tokens(sql)
	return err == nil && slices.ContainsFunc(ts, func(t token) bool { return t.kind == word && t.value == name })
}

// statement prints what follows the name in CREATE TABLE. Sequences without a database are those of database.
func (d *definition) statement(database string) string {
	var b strings.Builder
	b.WriteString("(\n")
	for i, it := range d.items {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("  " + withSequences(it.text, database))
	}
	b.WriteString("\n)")
	for _, o := range d.options {
		b.WriteString(" " + o.text)
	}
	if d.partitionBy != "" {
		b.WriteString("\n" + d.partitionBy)
	}
	if len(d.partitions) > 0 {
		list := make([]string, len(d.partitions))
		for i, p := range d.partitions {
			list[i] = withoutPlaces(p.text)
		}
		b.WriteString("\n(" + strings.Join(list, ",\n") + ")")
	}
	return b.String()
}

// withoutPlaces is the text of a partition without DATA DIRECTORY and INDEX DIRECTORY.
func withoutPlaces(partition string) string {
	ts, err := tokens(partition)
	if err != nil {
		return partition // the server will say the same
	}
	var b strings.Builder
	at := 0
	for i := 0; i+2 < len(ts); i++ {
		if (ts[i].is("DATA") || ts[i].is("INDEX")) && ts[i+1].is("DIRECTORY") {
			end := i + 2
			if ts[end].is("=") && end+1 < len(ts) {
				end++
			}
			b.WriteString(partition[at:ts[i].start])
			at = ts[end].end
			i = end
		}
	}
	return b.String() + partition[at:]
}

// DropTable drops a table with its triggers, and the labels of its loads.
func (c *Cluster) DropTable(ctx context.Context, database, table string) error {
	name, err := qualified(database, table)
	if err == nil {
		err = c.exec(ctx, "DROP TABLE IF EXISTS "+name)
	}
	if errors.Is(err, cluster.ErrUnknownDatabase) || errors.Is(err, cluster.ErrUnknownTable) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("drop table %s.%s: %w", database, table, err)
	}
	return dropLoads(ctx, c, database, table)
}

// foreignKeyProperty begins the names of properties that hold foreign keys.
const foreignKeyProperty = "FOREIGN KEY "

// Withheld returns the foreign keys of t. Their names are taken as long as the live table has them: Publish adds them.
func (c *Cluster) Withheld(t snapshot.Table) map[string]string {
	d, err := parseDefinition(t.DDL)
	if err != nil {
		return nil // CreateTable has failed on it already
	}
	var m map[string]string
	for _, it := range d.of(foreignKey) {
		if m == nil {
			m = map[string]string{}
		}
		m[foreignKeyProperty+it.name] = it.text
	}
	return m
}

// Notes tells what of t does not come back.
func (c *Cluster) Notes(t snapshot.Table) []string {
	d, err := parseDefinition(t.DDL)
	if err != nil {
		return nil
	}
	var notes []string
	if slices.ContainsFunc(d.options, isPlaced) || slices.ContainsFunc(d.partitions, func(p partition) bool { return withoutPlaces(p.text) != p.text }) {
		notes = append(notes, "its files go where the server puts them: DATA DIRECTORY, INDEX DIRECTORY and TABLESPACE are left off")
	}
	if versioned(d, t.DDL) {
		notes = append(notes, "its rows come back without their history (system versioning)")
	}
	for _, s := range sequencesIn(t.DDL) {
		notes = append(notes, fmt.Sprintf("its defaults come from sequence %s: where the snapshot does not hold that one, it goes on behind the rows", s.name))
	}
	if !slices.Contains(transactional, t.Model) {
		notes = append(notes, fmt.Sprintf("its engine %s is not transactional: a restore that is interrupted while it goes live is completed, never half undone; and a load of it that has to be repeated fails the restore, since its rows may be there already", t.Model))
	}
	return notes
}

// versioned tells whether the server keeps the history of a table's rows, which no plain SELECT shows.
func versioned(d *definition, ddl string) bool {
	return slices.ContainsFunc(d.options, func(o option) bool { return o.name == "WITH SYSTEM VERSIONING" }) || has(ddl, "VERSIONING")
}

// Omissions tells what a backup of t leaves out.
func (c *Cluster) Omissions(t snapshot.Table) []string {
	d, err := parseDefinition(t.DDL)
	if err != nil || !versioned(d, t.DDL) {
		return nil
	}
	return []string{"its rows are read as they are now, without their history (system versioning)"}
}

// transactional are the engines that have read views.
var transactional = []string{"INNODB", "ROCKSDB"}

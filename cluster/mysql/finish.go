package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// Finish adds the keys that are missing, all in one ALTER TABLE, sets the AUTO_INCREMENT counter, and proves that the
// shadow is then what the snapshot describes, but for foreign keys.
func (c *Cluster) Finish(ctx context.Context, database string, t snapshot.Table, shadow string) error {
	if err := c.finish(ctx, database, t, shadow); err != nil {
		return fmt.Errorf("finish table %s.%s: %w", database, shadow, err)
	}
	return nil
}

func (c *Cluster) finish(ctx context.Context, database string, t snapshot.Table, shadow string) error {
	want, err := parseDefinition(t.DDL)
	if err != nil {
		return err
	}
	have, err := c.definition(ctx, database, shadow)
	if err != nil {
		return err
	}
	if changes := want.changes(have); len(changes) > 0 {
		if err := c.exec(ctx, "ALTER TABLE "+quoted(database)+"."+quoted(shadow)+" "+strings.Join(changes, ", ")); err != nil {
			return err
		}
		if have, err = c.definition(ctx, database, shadow); err != nil {
			return err
		}
	}
	if err := c.raiseSequences(ctx, database, t, want, shadow); err != nil {
		return err
	}
	return c.prove(ctx, database, want, have, shadow)
}

// definition reads the definition of a table that is there.
func (c *Cluster) definition(ctx context.Context, database, table string) (*definition, error) {
	return definitionOf(ctx, c.db, database, table)
}

func definitionOf(ctx context.Context, q querier, database, table string) (*definition, error) {
	ddl, err := tableDDL(ctx, q, database, table)
	if err != nil {
		return nil, err
	}
	return parseDefinition(ddl)
}

// changes are the clauses of ALTER TABLE that bring have to d.
func (d *definition) changes(have *definition) []string {
	var list []string
	for _, it := range d.items {
		if deferred(it) && !slices.ContainsFunc(have.items, func(h item) bool { return deferred(h) && h.name == it.name }) {
			list = append(list, "ADD "+it.text)
		}
	}
	if n := d.counter(); n > have.counter() && n > 1 { // a server prints no counter of 1
		list = append(list, fmt.Sprintf("AUTO_INCREMENT = %d", n))
	}
	return list
}

// prove compares the shadow with the snapshot's text and, because servers of other versions print the same in other
// words, with a table that is made of that text here.
func (c *Cluster) prove(ctx context.Context, database string, want, have *definition, shadow string) error {
	w := *want
	w.partitions = slices.DeleteFunc(slices.Clone(want.partitions), func(p partition) bool { return !have.hasPartition(p.name) })
	if len(unequal(&w, have)) == 0 {
		return nil
	}
	made, err := c.made(ctx, database, shadow, w.bare())
	if err != nil {
		return err
	}
	if diff := unequal(made, have); len(diff) > 0 {
		return fmt.Errorf("it is not what the snapshot describes: %s: %w", strings.Join(diff, "; "), cluster.ErrRejected)
	}
	return nil
}

// made makes a table of d for a moment and returns how the server prints it.
func (c *Cluster) made(ctx context.Context, database, table string, d *definition) (*definition, error) {
	name := reference(table)
	if err := c.DropTable(ctx, database, name); err != nil {
		return nil, err
	}
	if err := c.exec(ctx, "CREATE TABLE "+quoted(database)+"."+quoted(name)+" "+d.statement(database)); err != nil {
		return nil, fmt.Errorf("make a table to compare with: %w", err)
	}
	printed, err := c.definition(ctx, database, name)
	if derr := c.DropTable(ctx, database, name); err == nil {
		err = derr
	}
	return printed, err
}

// reference is the name of the table that a shadow is compared with.
func reference(shadow string) string { return fmt.Sprintf("%sreference_%x", ours, identity(shadow)) }

func (d *definition) hasPartition(name string) bool {
	return slices.ContainsFunc(d.partitions, func(p partition) bool { return p.name == name })
}

// unequal lists the lines that two definitions do not share, foreign keys, counters and places aside; keys have no order.
func unequal(want, have *definition) []string {
	w, h := want.bare().lines(), have.bare().lines()
	var diff []string
	for _, line := range w {
		if !slices.Contains(h, line) {
			diff = append(diff, "missing: "+line)
		}
	}
	for _, line := range h {
		if !slices.Contains(w, line) {
			diff = append(diff, "more: "+line)
		}
	}
	if len(diff) == 0 && !slices.Equal(names(want.of(columnItem)), names(have.of(columnItem))) {
		diff = append(diff, "the columns are in another order")
	}
	return diff
}

func names(items []item) []string {
	list := make([]string, len(items))
	for i, it := range items {
		list[i] = it.name
	}
	return list
}

func (d *definition) lines() []string {
	var all []string
	for _, it := range d.items {
		all = append(all, it.text)
	}
	for _, o := range d.options {
		all = append(all, o.text)
	}
	all = append(all, d.partitionBy)
	for _, p := range d.partitions {
		all = append(all, withoutPlaces(p.text))
	}
	return all
}

package catalog

import (
	"errors"
	"iter"
	"slices"
	"time"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/streamload"
	"starkeep/sandbox/value"
)

// Scan is the rows of a table, or of some partitions and tablets of it, at their visible versions when it was made.
type Scan struct {
	Columns []dialect.Column
	Model   string
	table   *table
	parts   []scanned
}

type scanned struct {
	from    *physical
	version int64
	tablets []tablet
}

// Scan takes the visible versions of a table. Tablet ids are not checked: unknown ones add nothing (fe:planner/OlapScanNode takes them in place of the pruned ones).
func (c *Catalog) Scan(name dialect.ObjectName, h dialect.Hint) (*Scan, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, t, err := c.table(name)
	if err != nil {
		return nil, err
	}
	partitions, err := t.pick(h.Partitions, h.Temporary)
	if err != nil {
		return nil, err
	}
	s := &Scan{Columns: t.def.Columns, Model: t.def.Model, table: t}
	for _, p := range partitions {
		for _, ph := range p.physical {
			part := scanned{from: ph, version: ph.version, tablets: ph.tablets}
			if h.Tablets != nil {
				part.tablets = slices.DeleteFunc(slices.Clone(ph.tablets), func(t tablet) bool { return !slices.Contains(h.Tablets, t.id) })
			}
			s.parts = append(s.parts, part)
		}
	}
	return s, nil
}

// Count returns the number of rows.
func (s *Scan) Count() (n int64) {
	for _, p := range s.parts {
		for _, t := range p.tablets {
			n += countRows(t.chunks)
		}
	}
	return n
}

// Rows yields the rows, always in the same order. They must not be changed.
func (s *Scan) Rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for _, p := range s.parts {
			for _, t := range p.tablets {
				for _, c := range t.chunks {
					for i := range c.rows() {
						if !yield(c.row(i)) {
							return
						}
					}
				}
			}
		}
	}
}

// ErrMoved says that a table was changed since it was scanned.
var ErrMoved = errors.New("the table has changed since it was read")

// Delete removes the rows that drop names, by their number in a scan of whole partitions. It fails with ErrMoved when
// another load came between, and then does nothing. A partition gets a new version also when no row of it went: a
// delete is a predicate that is written to all of them; PRIMARY tables delete by key, where there is something to.
func (c *Catalog) Delete(s *Scan, drop func(row int64) bool) (deleted int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range s.parts {
		if p.from.version != p.version {
			return 0, ErrMoved
		}
	}
	at := int64(0)
	for _, p := range s.parts {
		tablets, before := slices.Clone(p.tablets), deleted
		for i, t := range tablets {
			var kept []*chunk
			for _, old := range t.chunks {
				kept = old.filter(kept, func() bool {
					gone := drop(at)
					at++
					if gone {
						deleted++
					}
					return !gone
				})
			}
			tablets[i].chunks = kept
		}
		if deleted > before || s.Model != dialect.Primary {
			p.from.tablets, p.from.version, p.from.moved = tablets, p.version+1, time.Now()
		}
	}
	c.changed()
	return deleted, nil
}

// filter adds the rows of c that keep says, asked once for each; a chunk that keeps all its rows is added as it is.
func (c *chunk) filter(into []*chunk, keep func() bool) []*chunk {
	kept := &chunk{}
	for i := range c.rows() {
		if keep() {
			kept.data = append(kept.data, c.row(i)...)
			kept.ends = append(kept.ends, uint32(len(kept.data)))
		}
	}
	switch kept.rows() {
	case 0:
		return into
	case c.rows():
		return append(into, c)
	}
	return append(into, kept)
}

// Insertion is an INSERT whose values are known. A value is text in any form that its type reads, nil is NULL.
type Insertion struct {
	Table     dialect.ObjectName
	Target    dialect.Hint
	Overwrite bool
	Label     string
	Columns   []string // empty: all
	Rows      [][][]byte
	System    bool // of the server itself: the refresh of a materialized view
	// Types are those of the values of each place of a row, which are in their stored form; nil or a type without a name: text,
	// read as a load reads it.
	Types []dialect.Type
}

// Insert loads rows, all or none.
func (c *Catalog) Insert(in Insertion) (int64, error) {
	if !in.System {
		if err := c.refuseMaterialized(in.Table, "inserted"); err != nil {
			return 0, err
		}
	}
	c.mu.RLock()
	_, t, err := c.table(in.Table)
	c.mu.RUnlock()
	if err != nil {
		return 0, err
	}
	batch, err := in.batch(t)
	if err != nil {
		return 0, err
	}
	l, err := c.begin(streamload.Request{Database: in.Table.Database, Table: in.Table.Name, Label: in.Label,
		Partitions: in.Target.Partitions, Temporary: in.Target.Temporary}, in.Overwrite)
	if err != nil {
		return 0, err
	}
	rejected, err := l.Append(batch)
	if err == nil && len(rejected) > 0 {
		err = ddl("Insert has filtered data")
	}
	if err != nil {
		l.Abort(err.Error())
		return 0, err
	}
	if err := l.Commit(); err != nil {
		return 0, err
	}
	return int64(len(in.Rows)), l.Publish()
}

// batch converts the values to the printed form of their columns and fills in defaults.
func (in Insertion) batch(t *table) (*streamload.Batch, error) {
	columns := t.def.Columns
	source, err := in.sources(columns)
	if err != nil {
		return nil, err
	}
	casts, err := in.casts(columns, source)
	if err != nil {
		return nil, err
	}
	batch := &streamload.Batch{Columns: make([]streamload.Vector, len(columns))}
	for n, row := range in.Rows {
		if len(row) != slices.Max(source)+1 {
			return nil, Analyzing("Column count doesn't match value count")
		}
		for i := range columns {
			var v []byte
			if source[i] >= 0 {
				v = row[source[i]]
			} else if v, err = defaultOf(columns[i]); err != nil {
				return nil, err
			}
			if v == nil {
				if !columns[i].Nullable && (source[i] >= 0 || !columns[i].AutoIncrement) && columns[i].Generated == nil {
					return nil, ddl("Insert has filtered data: NULL value in non-nullable column '%s', row %d", columns[i].Name, n+1)
				}
				batch.Columns[i].AppendNull()
				continue
			}
			stored := v
			if source[i] >= 0 {
				stored = casts[i](v)
			}
			if stored == nil || (columns[i].Type.Text() || columns[i].Type.Name == "VARBINARY") && len(stored) > value.Limit(columns[i].Type) {
				return nil, ddl("Insert has filtered data: value '%.64s' is not in the range of column '%s' %s, row %d", v, columns[i].Name, columns[i].Type, n+1)
			}
			batch.Columns[i].Append(stored)
		}
	}
	return batch, nil
}

// casts returns how the given values become those of the columns.
func (in Insertion) casts(columns []dialect.Column, source []int) ([]value.Caster, error) {
	casts := make([]value.Caster, len(columns))
	for i, c := range columns {
		if source[i] < 0 {
			continue
		}
		if c.Generated != nil {
			return nil, Analyzing("generated column '%s' can not be specified", c.Name)
		}
		from := dialect.Type{Name: "VARCHAR"}
		if source[i] < len(in.Types) && in.Types[source[i]].Name != "" {
			from = in.Types[source[i]]
		}
		var err error
		if casts[i], err = value.Cast(from, c.Type); err != nil {
			if in.holds(source[i]) {
				return nil, Analyzing("%v", err)
			}
			casts[i], _ = value.Cast(value.Null, c.Type) // NULL goes into any type
		}
	}
	return casts, nil
}

// holds tells whether any row has a value at a place.
func (in Insertion) holds(at int) bool {
	return slices.ContainsFunc(in.Rows, func(row [][]byte) bool { return at < len(row) && row[at] != nil })
}

// Targets are the types of the columns that the places of a row fill.
func (in Insertion) Targets(columns []dialect.Column) ([]dialect.Type, error) {
	source, err := in.sources(columns)
	if err != nil {
		return nil, err
	}
	types := make([]dialect.Type, slices.Max(source)+1)
	for i, at := range source {
		if at >= 0 {
			types[at] = columns[i].Type
		}
	}
	return types, nil
}

// sources returns for each column the index of its value in a row, -1 where the default is taken.
func (in Insertion) sources(columns []dialect.Column) ([]int, error) {
	source, next := make([]int, len(columns)), 0
	for i := range source {
		if source[i] = -1; len(in.Columns) == 0 && columns[i].Generated == nil {
			source[i] = next
			next++
		}
	}
	for i, name := range in.Columns {
		at := columnIndex(columns, name)
		if at < 0 {
			return nil, fail(5509, "42S22", "Unknown column '%s' in '%s'", name, in.Table.Name)
		}
		source[at] = i
	}
	return source, nil
}

func defaultOf(c dialect.Column) ([]byte, error) {
	d := loadColumn(c)
	switch {
	case d.HasDefault && !d.DefaultNull:
		return []byte(d.Default), nil
	case d.DefaultNull || c.Nullable || c.AutoIncrement || c.Generated != nil:
		return nil, nil
	}
	return nil, Analyzing("'%s' must be explicitly mentioned in column permutation", c.Name)
}

package starrocks

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// Unique and foreign keys are hints to the optimizer. Both name tables in full, default_catalog.db.table
// (fe:catalog/constraint/UniqueConstraint, ForeignKeyConstraint): a unique key its own, which counts for nothing where that is
// another table, a foreign key its parent, which must be there and unique (fe:common/util/PropertyAnalyzer). So a table is built
// with unique keys that name none, which then follow its name, and gets its foreign keys when its parents are live.
const (
	uniqueKeys  = "unique_constraints"
	foreignKeys = "foreign_key_constraints"
	ownCatalog  = "default_catalog"
)

// constraints are the properties that two tables must have alike to be swapped (fe:alter/AlterJobExecutor.visitSwapTableClause).
var constraints = []string{uniqueKeys, foreignKeys}

var _ cluster.Referrer = (*Cluster)(nil)

var (
	parentForm = regexp.MustCompile(`(?i)(REFERENCES\s+)([^\s(]+)(\s*\()`)
	pathForm   = regexp.MustCompile(`[^.,;]+\.`) // of the table before the columns of a unique key
)

// unbound changes the properties of a table to those that it is built with: without the names of tables.
func unbound(list []property) []property {
	var out []property
	for _, p := range list {
		switch strings.ToLower(p.key) {
		case foreignKeys:
			continue
		case uniqueKeys:
			p.value = pathForm.ReplaceAllString(p.value, "")
		}
		out = append(out, p)
	}
	return out
}

// columnsOf are the constraints of one property without the names of tables, as a SWAP compares them.
func (d *definition) columnsOf(key string) string {
	if key == uniqueKeys {
		return pathForm.ReplaceAllString(d.value(key), "")
	}
	return parentForm.ReplaceAllString(d.value(key), "$1(")
}

// alignConstraints gives a shadow the constraints of the table that it is about to replace; an empty value clears them
// (fe:common/util/PropertyAnalyzer.analyzeUniqueConstraint). Refer gives it its own ones afterwards.
func (c *Cluster) alignConstraints(ctx context.Context, p cluster.Publication) error {
	live, err := c.definition(ctx, p.Database, p.Table)
	if err != nil {
		return err
	}
	shadow, err := c.definition(ctx, p.Database, p.Shadow)
	if err != nil {
		return err
	}
	differ := map[string]string{}
	for _, key := range constraints {
		if live.columnsOf(key) == shadow.columnsOf(key) {
			continue
		}
		if differ[key] = live.value(key); key == uniqueKeys {
			differ[key] = live.columnsOf(key)
		}
	}
	name, err := qualified(p.Database, p.Shadow)
	if err == nil {
		err = c.setProperties(ctx, name, differ)
	}
	if err != nil {
		return fmt.Errorf("set the constraints of the table that it replaces: %w", err)
	}
	return nil
}

// Refers tells whether a table has unique or foreign keys that are hints.
func (c *Cluster) Refers(t snapshot.Table) bool {
	d, err := parseDefinition(t.DDL)
	return err == nil && slices.ContainsFunc(constraints, func(key string) bool { return d.value(key) != "" })
}

// Refer sets the unique keys of all tables before the first foreign key: a parent has to be unique.
func (c *Cluster) Refer(ctx context.Context, tables []snapshot.Table, r cluster.Renaming) (notes []string, err error) {
	for _, key := range constraints {
		for _, t := range tables {
			note, err := c.refer(ctx, t, key, r)
			if err != nil {
				return nil, fmt.Errorf("set %s of %s.%s: %w", key, r.To, t.Name, err)
			}
			if note != "" {
				notes = append(notes, note)
			}
		}
	}
	return notes, nil
}

func (c *Cluster) refer(ctx context.Context, t snapshot.Table, key string, r cluster.Renaming) (note string, err error) {
	d, err := parseDefinition(t.DDL)
	if err != nil {
		return "", err
	}
	live, err := c.definition(ctx, r.To, t.Name)
	if errors.Is(err, cluster.ErrUnknownTable) {
		return "", nil // somebody dropped it
	}
	if err != nil {
		return "", err
	}
	want, have := moved(d.value(key), r), live.value(key)
	if key == uniqueKeys {
		want, have = d.columnsOf(key), strings.ReplaceAll(have, ownCatalog+"."+r.To+"."+t.Name+".", "")
	}
	if want == have {
		return "", nil
	}
	name, err := qualified(r.To, t.Name)
	if err == nil {
		err = c.setProperties(ctx, name, map[string]string{key: want})
	}
	switch {
	case err == nil:
		return "", nil
	case errors.Is(err, cluster.ErrUnreachable), ctx.Err() != nil:
		return "", err
	}
	return fmt.Sprintf("table %s: its %s %q cannot be set: %v", t.Name, key, want, err), nil
}

func renamed(table string, r cluster.Renaming) string {
	if now, ok := r.Tables[table]; ok {
		return now
	}
	return table
}

// moved names the parents of foreign keys as they are called now.
func moved(keys string, r cluster.Renaming) string {
	return parentForm.ReplaceAllStringFunc(keys, func(reference string) string {
		match := parentForm.FindStringSubmatch(reference)
		path := strings.Split(strings.ReplaceAll(match[2], "`", ""), ".")
		if len(path) == 3 && path[0] == ownCatalog && path[1] == r.From {
			path[1], path[2] = r.To, renamed(path[2], r)
		}
		return match[1] + strings.Join(path, ".") + match[3]
	})
}

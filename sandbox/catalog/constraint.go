package catalog

import (
	"regexp"
	"slices"
	"strings"

	"starkeep/sandbox/dialect"
)

// Unique and foreign keys are hints to the optimizer. Both are kept, and printed, with the names of their tables in full
// (fe:catalog/constraint/UniqueConstraint, ForeignKeyConstraint getShowCreateTableConstraintDesc).

const (
	uniqueKeys  = "unique_constraints"
	foreignKeys = "foreign_key_constraints"
	ownCatalog  = "default_catalog"
)

// foreignForm is [child](columns) REFERENCES parent(columns) (fe:catalog/constraint/ForeignKeyConstraint.FOREIGN_KEY_REGEX).
var foreignForm = regexp.MustCompile(`(?i)^[\w.:-]*\s*\(([\w\s,]+)\)\s+REFERENCES\s+([\w.:-]+)\s*\(([\w\s,]+)\)$`)

// completeConstraints checks the constraints of a table of that name and writes their names in full.
func (c *Catalog) completeConstraints(d *database, table string, def *dialect.CreateTable) error {
	var err error
	if text := def.Properties[uniqueKeys]; text != "" {
		if def.Properties[uniqueKeys], err = fullUniqueKeys(d.name, table, def, text); err != nil {
			return err
		}
	}
	if text := def.Properties[foreignKeys]; text != "" {
		def.Properties[foreignKeys], err = c.fullForeignKeys(d, def, text)
	}
	return err
}

// fullUniqueKeys reads keys as fe:catalog/constraint/UniqueConstraint.parseUniqueConstraintDesc does: any column may name its table.
func fullUniqueKeys(database, table string, def *dialect.CreateTable, text string) (string, error) {
	keys := parts(text, ";")
	for i, key := range keys {
		path := []string{ownCatalog, database, table}
		columns := parts(key, ",")
		for j, column := range columns {
			names := strings.Split(column, ".")
			if len(names) > 4 {
				return "", Analyzing("invalid unique constraint%s", column)
			}
			columns[j] = names[len(names)-1]
			copy(path[4-len(names):], names[:len(names)-1])
			if columnIndex(def.Columns, columns[j]) < 0 {
				return "", Analyzing("Column '%s' cannot be resolved", columns[j])
			}
		}
		keys[i] = strings.Join(path, ".") + "." + strings.Join(columns, ",")
	}
	return strings.Join(keys, ";"), nil
}

// fullForeignKeys wants parents to be there, and to be unique by the columns that are named
// (fe:common/util/PropertyAnalyzer.analyzeForeignKeyConstraint).
func (c *Catalog) fullForeignKeys(d *database, def *dialect.CreateTable, text string) (string, error) {
	keys := parts(text, ";")
	for i, key := range keys {
		match := foreignForm.FindStringSubmatch(key)
		if match == nil {
			return "", Analyzing("invalid foreign key constraint:%s", key)
		}
		columns, referred := parts(match[1], ","), parts(strings.ToLower(match[3]), ",")
		if len(columns) != len(referred) {
			return "", Analyzing("invalid foreign key constraint:%s, columns' size does not match", key)
		}
		path := []string{ownCatalog, d.name, ""}
		names := strings.Split(match[2], ".")
		if len(names) > 3 {
			return "", Analyzing("invalid foreign key constraint:%s,table path is invalid", key)
		}
		copy(path[3-len(names):], names)
		parents := c.databases[path[1]]
		if parents == nil {
			return "", Analyzing("catalog: %s, database: %s do not exist", path[0], path[1])
		}
		parent := parents.tables[path[2]]
		if parent == nil {
			return "", Analyzing("catalog:%s, database: %s, table:%s do not exist", path[0], path[1], path[2])
		}
		if err := parent.unique(path, referred); err != nil {
			return "", err
		}
		for _, column := range columns {
			if columnIndex(def.Columns, column) < 0 {
				return "", Analyzing("Column '%s' cannot be resolved", column)
			}
		}
		keys[i] = "(" + strings.Join(columns, ",") + ") REFERENCES " + strings.Join(path, ".") + "(" + strings.Join(referred, ",") + ")"
	}
	return strings.Join(keys, ";"), nil
}

// unique tells whether a table, by its path, has a unique key of the columns (fe:common/util/PropertyAnalyzer.analyzeForeignKeyUniqueConstraint).
// A key that says of another table that it is unique is none of this one (fe:catalog/constraint/UniqueConstraint.isMatch).
func (t *table) unique(path, columns []string) error {
	var keys [][]string
	switch t.def.Model {
	case dialect.Aggregate:
		return Analyzing("do not support reference agg table:%s", t.name)
	case dialect.Unique, dialect.Primary:
		keys = append(keys, t.def.Keys)
	}
	for _, key := range parts(t.def.Properties[uniqueKeys], ";") {
		if own, ok := strings.CutPrefix(key, strings.Join(path, ".")+"."); ok {
			keys = append(keys, parts(own, ","))
		}
	}
	if keys == nil && t.def.Properties[uniqueKeys] == "" {
		return Analyzing("dup table:%s has no unique constraint", t.name)
	}
	slices.Sort(columns)
	for _, key := range keys {
		key = parts(strings.ToLower(strings.Join(key, ",")), ",")
		if slices.Sort(key); slices.Equal(key, columns) {
			return nil
		}
	}
	return Analyzing("columns:[%s] are not dup table:%s's unique constraint", strings.Join(columns, ", "), t.name)
}

// sameConstraints tells whether two tables may be swapped: the columns of their keys are compared, not the tables' names
// (fe:alter/AlterJobExecutor.visitSwapTableClause).
func sameConstraints(a, b *dialect.CreateTable, key string) bool {
	bare := func(text string) string { return pathForm.ReplaceAllString(text, "") }
	return bare(a.Properties[key]) == bare(b.Properties[key])
}

// pathForm matches what stands before a column in a unique key, and the parent of a foreign key.
var pathForm = regexp.MustCompile(`(\w|[:-])+\.[^.;]*\.[^.;(]*[.(]`)

// renameKeys lets the unique keys of a table follow its name, if they named it (fe:catalog/constraint/UniqueConstraint.onTableRename).
func (t *table) renameKeys(to string) {
	keys := parts(t.def.Properties[uniqueKeys], ";")
	for i, key := range keys {
		if path := strings.SplitN(key, ".", 4); len(path) == 4 && path[2] == t.name {
			path[2] = to
			keys[i] = strings.Join(path, ".")
		}
	}
	if keys != nil {
		t.putProperties(map[string]string{uniqueKeys: strings.Join(keys, ";")})
	}
}

// forgetParent takes the foreign keys from all tables whose parent is dropped (fe:catalog/constraint/GlobalConstraintManager.unRegisterConstraint).
func (c *Catalog) forgetParent(database, table string) {
	parent := " REFERENCES " + ownCatalog + "." + database + "." + table + "("
	for _, d := range c.databases {
		for _, t := range d.tables {
			text := t.def.Properties[foreignKeys]
			if t.mv != nil || !strings.Contains(text, parent) {
				continue
			}
			left := slices.DeleteFunc(parts(text, ";"), func(key string) bool { return strings.Contains(key, parent) })
			t.putProperties(map[string]string{foreignKeys: strings.Join(left, ";")})
			if len(left) == 0 {
				delete(t.def.Properties, foreignKeys)
			}
		}
	}
}

// parts divides a list and drops what is blank in it.
func parts(text, separator string) (list []string) {
	for _, part := range strings.Split(text, separator) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

package starrocks

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"starkeep/cluster"
)

// A foreign key is a hint to the optimizer; it names its parent in full, default_catalog.db.parent, and a table is not
// created with one whose parent is not there (fe:PropertyAnalyzer.analyzeForeignKeyConstraint). Where parents come with the
// same restore they are not there yet under their names.
const foreignKeys = "foreign_key_constraints"

// constraints are the properties that two tables must have alike to be swapped (fe:alter/AlterJobExecutor.visitSwapTableClause).
// All are hints to the optimizer.
var constraints = []string{"unique_constraints", foreignKeys}

// alignConstraints gives a shadow the constraints of the table that it is about to replace; an empty value clears them
// (fe:PropertyAnalyzer.analyzeUniqueConstraint). They differ where somebody altered the live table since the snapshot, or an
// earlier restore left foreign keys out.
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
		if live.value(key) != shadow.value(key) {
			differ[key] = live.value(key)
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

var parentForm = regexp.MustCompile(`(?i)REFERENCES\s+([^\s(]+)\s*\(`)

// orphaned names the parents of a table's foreign keys that are not there.
func (c *Cluster) orphaned(ctx context.Context, d *definition) (missing []string, err error) {
	for _, match := range parentForm.FindAllStringSubmatch(d.value(foreignKeys), -1) {
		parts := strings.Split(strings.ReplaceAll(match[1], "`", ""), ".")
		if len(parts) != 3 || slices.Contains(missing, match[1]) {
			continue
		}
		_, err := c.definition(ctx, parts[1], parts[2])
		switch {
		case errors.Is(err, cluster.ErrUnknownTable), errors.Is(err, cluster.ErrUnknownDatabase):
			missing = append(missing, match[1])
		case errors.Is(err, cluster.ErrUnsupported): // there, and of another kind
		case err != nil:
			return nil, fmt.Errorf("look for the parents of foreign keys: %w", err)
		}
	}
	return missing, nil
}

// withoutForeignKeys leaves out foreign keys.
func withoutForeignKeys(list []property) []property {
	return slices.DeleteFunc(slices.Clone(list), func(p property) bool { return strings.EqualFold(p.key, foreignKeys) })
}

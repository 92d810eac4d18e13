package starrocks

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

var _ cluster.Finisher = (*Cluster)(nil)

// Finish builds the rollups and synchronous materialized views of t on its shadow, moves the counter of an AUTO_INCREMENT
// column past its values, and drops what loads that died left behind.
func (c *Cluster) Finish(ctx context.Context, database string, t snapshot.Table, shadow string) error {
	err := c.finish(ctx, database, t, shadow)
	if err != nil {
		return fmt.Errorf("finish %s.%s: %w", database, shadow, err)
	}
	return nil
}

func (c *Cluster) finish(ctx context.Context, database string, t snapshot.Table, shadow string) error {
	d, err := parseDefinition(t.DDL)
	if err != nil {
		return err
	}
	have, err := c.definition(ctx, database, shadow)
	if err != nil {
		return err
	}
	if diff := differences(d, have); len(diff) > 0 {
		return fmt.Errorf("it is not the table that was built: %s: %w", strings.Join(diff, "; "), cluster.ErrExists)
	}
	for _, col := range d.columns {
		if col.automatic {
			if err := c.advance(ctx, database, shadow, col.name); err != nil {
				return fmt.Errorf("move the counter of column %s: %w", col.name, err)
			}
		}
	}
	if mayStage(shadow, t.Columns) {
		if err := c.dropStages(ctx, database, shadow); err != nil {
			return err
		}
	}
	return c.buildRollups(ctx, database, t, shadow)
}

// advance lets a counter go on behind the largest value: values that are loaded do not move it (docs auto_increment.md). A
// counter that is further already stays. A version that does not know the statement is told of by Notes and Fit.
func (c *Cluster) advance(ctx context.Context, database, table, column string) error {
	name, err := qualified(database, table)
	if err != nil {
		return err
	}
	quoted, err := identifier(column)
	if err != nil {
		return err
	}
	text, err := c.scalar(ctx, "SELECT max("+quoted+") FROM "+name)
	if err != nil || text == "" { // no rows
		return err
	}
	largest, err := strconv.ParseInt(text, 10, 64)
	if err != nil || largest < 0 {
		return err
	}
	err = c.exec(ctx, "ALTER TABLE "+name+" AUTO_INCREMENT = "+strconv.FormatInt(largest+1, 10))
	switch {
	case err == nil, errors.Is(err, cluster.ErrUnreachable):
		return err
	case strings.Contains(err.Error(), "must be greater than current value"), // fe:LocalMetastore.alterTableAutoIncrement
		strings.Contains(err.Error(), "syntax error"): // before 3.5
		return nil
	}
	return err
}

package starrocks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
)

// Publish makes p live. Each step is recognised by the ids that SWAP, RENAME and REPLACE keep (fe:AlterJobExecutor), so
// an attempt whose answer was lost is taken up where it ended.
func (c *Cluster) Publish(ctx context.Context, p cluster.Publication) error {
	err := c.publish(ctx, p)
	if err != nil {
		return fmt.Errorf("publish %s.%s: %w", p.Database, p.Table, err)
	}
	return nil
}

func (c *Cluster) publish(ctx context.Context, p cluster.Publication) error {
	switch {
	case len(p.Replace) > 0:
		return c.replace(ctx, p)
	case p.LiveID == 0:
		return c.moveIn(ctx, p)
	}
	return c.swap(ctx, p)
}

// names are the ids of the tables behind the names of a publication: 0 where none is seen.
type names map[string]int64

// names reads all ids in one statement, so that no SWAP of another attempt comes between two of them: the front end holds
// the lock of the database meanwhile (fe:InformationSchemaDataSource.generateTablesConfigResponse).
func (c *Cluster) names(ctx context.Context, p cluster.Publication) (names, error) {
	configs, err := c.configs(ctx, p.Database, []string{p.Table, p.Shadow, p.Retired, dropName(p.Shadow), dropName(p.Retired)})
	if err != nil {
		return nil, err
	}
	n := names{}
	for name, config := range configs {
		n[name] = config.id
	}
	return n, nil
}

// of returns the name of a table, "" when it has none of these.
func (n names) of(id int64) string {
	for name, x := range n {
		if x == id {
			return name
		}
	}
	return ""
}

// proveAbsent asks for each name by itself: the list that names reads hides what the user may not see.
func (c *Cluster) proveAbsent(ctx context.Context, database string, tables ...string) error {
	for _, name := range tables {
		if name == "" {
			continue
		}
		switch id, err := c.TableID(ctx, database, name); {
		case err != nil:
			return err
		case id != 0:
			return fmt.Errorf("%s has become table %d meanwhile: %w", name, id, cluster.ErrExists)
		}
	}
	return nil
}

// moveIn renames the shadow where no live table was.
func (c *Cluster) moveIn(ctx context.Context, p cluster.Publication) error {
	n, err := c.names(ctx, p)
	if err != nil {
		return err
	}
	switch live := n[p.Table]; {
	case live == p.ShadowID:
		return nil
	case live != 0:
		return fmt.Errorf("table %d took the name meanwhile: %w", live, cluster.ErrExists)
	case n[p.Shadow] != p.ShadowID:
		return c.unexpected(ctx, p, p.Shadow, n[p.Shadow], p.ShadowID)
	}
	if err := c.restoreProperties(ctx, p); err != nil {
		return err
	}
	if err := c.rename(ctx, p.Database, p.Shadow, p.Table); err != nil {
		return err
	}
	return c.expectLive(ctx, p, p.ShadowID)
}

// swap exchanges shadow and live table and moves the old one out of the way at once: a duplicate of the SWAP that
// arrives late finds no table of the shadow's name, instead of swapping back.
func (c *Cluster) swap(ctx context.Context, p cluster.Publication) error {
	n, err := c.names(ctx, p)
	if err != nil {
		return err
	}
	live, shadow := n[p.Table], n[p.Shadow]
	switch {
	case live == p.ShadowID && shadow != p.LiveID:
		return nil // done; the retired table may be dropped already
	case live == p.LiveID && shadow == p.ShadowID:
		if err := c.restoreProperties(ctx, p); err != nil {
			return err
		}
		if err := c.alignConstraints(ctx, p); err != nil {
			return err
		}
		if err := c.exchange(ctx, p.Database, p.Table, p.Shadow); err != nil {
			return err
		}
	case live == p.LiveID:
		return c.unexpected(ctx, p, p.Shadow, shadow, p.ShadowID)
	case live != p.ShadowID:
		return c.unexpected(ctx, p, p.Table, live, p.LiveID)
	}
	if err := c.rename(ctx, p.Database, p.Shadow, p.Retired); err != nil {
		return err
	}
	return c.expectLive(ctx, p, p.ShadowID)
}

// unexpected is the error of a name that stands for another table than it should, or for none.
func (c *Cluster) unexpected(ctx context.Context, p cluster.Publication, name string, have, want int64) error {
	is := cluster.ErrExists
	if have == 0 {
		if err := c.proveAbsent(ctx, p.Database, name); err != nil {
			return err
		}
		is = cluster.ErrUnknownTable
	}
	return fmt.Errorf("%s is table %d instead of %d: %w", name, have, want, is)
}

func (c *Cluster) expectLive(ctx context.Context, p cluster.Publication, want int64) error {
	live, err := c.TableID(ctx, p.Database, p.Table)
	if err == nil && live != want {
		err = fmt.Errorf("after the statement: %w", c.unexpected(ctx, p, p.Table, live, want))
	}
	return err
}

func (c *Cluster) restoreProperties(ctx context.Context, p cluster.Publication) error {
	name, err := qualified(p.Database, p.Shadow)
	if err == nil {
		err = c.setProperties(ctx, name, p.Properties)
	}
	if err != nil {
		return fmt.Errorf("set properties: %w", err)
	}
	return nil
}

func (c *Cluster) exchange(ctx context.Context, database, table, with string) error {
	name, err := qualified(database, table)
	if err != nil {
		return err
	}
	other, err := identifier(with)
	if err != nil {
		return err
	}
	if err := c.exec(ctx, "ALTER TABLE "+name+" SWAP WITH "+other); err != nil {
		return fmt.Errorf("swap with %s: %w", with, err)
	}
	return nil
}

func (c *Cluster) rename(ctx context.Context, database, table, to string) error {
	name, err := qualified(database, table)
	if err != nil {
		return err
	}
	other, err := identifier(to)
	if err != nil {
		return err
	}
	if err := c.exec(ctx, "ALTER TABLE "+name+" RENAME "+other); err != nil {
		return fmt.Errorf("rename %s to %s: %w", table, to, err)
	}
	return nil
}

// replace puts all temporary partitions into their places in one statement. Their physical ids become those of the
// plain partitions (fe:OlapTable.replaceTempPartitions), by which a repetition knows what was done.
func (c *Cluster) replace(ctx context.Context, p cluster.Publication) error {
	due, err := c.notReplaced(ctx, p)
	if err != nil || len(due) == 0 {
		return err
	}
	table, err := qualified(p.Database, p.Table)
	if err != nil {
		return err
	}
	var old, temporary []string
	for _, r := range due {
		if r.Missing {
			if err := c.addPartition(ctx, table, "PARTITION", r.Partition, r.Values); err != nil {
				return err
			}
		}
		old, temporary = append(old, r.Partition), append(temporary, r.Temporary)
	}
	oldList, err := nameList(old)
	if err != nil {
		return err
	}
	temporaryList, err := nameList(temporary)
	if err != nil {
		return err
	}
	err = c.exec(ctx, "ALTER TABLE "+table+" REPLACE PARTITION ("+oldList+") WITH TEMPORARY PARTITION ("+temporaryList+
		`) PROPERTIES ("strict_range" = "true", "use_temp_partition_name" = "false")`)
	if err != nil {
		return fmt.Errorf("replace partitions: %w", err)
	}
	if due, err = c.notReplaced(ctx, p); err == nil && len(due) > 0 {
		err = fmt.Errorf("partition %s is not the restored one afterwards: %w", due[0].Partition, cluster.ErrMoved)
	}
	return err
}

func (c *Cluster) notReplaced(ctx context.Context, p cluster.Publication) ([]cluster.Replacement, error) {
	metas, err := c.partitions(ctx, p.Database, []string{p.Table})
	if err != nil {
		return nil, err
	}
	if len(metas[p.Table]) == 0 {
		return nil, fmt.Errorf("no partitions seen: %w", cluster.ErrUnknownTable)
	}
	var due []cluster.Replacement
	for _, r := range p.Replace {
		done := slices.ContainsFunc(metas[p.Table], func(m partitionMeta) bool {
			return !m.temporary && m.name == r.Partition && m.physical.ID == r.TemporaryID
		})
		if !done {
			due = append(due, r)
		}
	}
	return due, nil
}

// Unpublish puts the table that was live back. What was built stays where that leaves it, for Discard to find by its id: the
// name of the shadow is not used again, or a late duplicate of a SWAP would find a table there. Replaced partitions are gone at once: that is ErrUnsupported, unless
// nothing was replaced yet.
func (c *Cluster) Unpublish(ctx context.Context, p cluster.Publication) error {
	err := c.unpublish(ctx, p)
	if err != nil {
		return fmt.Errorf("unpublish %s.%s: %w", p.Database, p.Table, err)
	}
	return nil
}

func (c *Cluster) unpublish(ctx context.Context, p cluster.Publication) error {
	if len(p.Replace) > 0 {
		due, err := c.notReplaced(ctx, p)
		if err == nil && len(due) < len(p.Replace) {
			err = fmt.Errorf("partitions were replaced for good: %w", cluster.ErrUnsupported)
		}
		return err
	}
	n, err := c.names(ctx, p)
	if err != nil || n[p.Table] != p.ShadowID { // not published, or put back already
		return err
	}
	if p.LiveID == 0 {
		return c.rename(ctx, p.Database, p.Table, dropName(p.Shadow)) // a late RENAME of moveIn finds nothing to make live
	}
	switch from := n.of(p.LiveID); from {
	case p.Shadow, p.Retired: // the first: swapped but not renamed yet
		return c.putBack(ctx, p, from)
	case "":
		if err := c.proveAbsent(ctx, p.Database, p.Shadow, p.Retired, dropName(p.Shadow), dropName(p.Retired)); err != nil {
			return err
		}
		return fmt.Errorf("the table that was live is gone: %w", cluster.ErrUnknownTable)
	default: // a drop that met it in another's place was interrupted
		back := strings.TrimSuffix(from, dropSuffix)
		if err := c.rename(ctx, p.Database, from, back); err != nil {
			return err
		}
		return c.putBack(ctx, p, back)
	}
}

func (c *Cluster) putBack(ctx context.Context, p cluster.Publication, from string) error {
	if err := c.exchange(ctx, p.Database, p.Table, from); err != nil {
		return err
	}
	return c.expectLive(ctx, p, p.LiveID)
}

package starrocks

import (
	"context"
	"fmt"
	"slices"

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

// names are the ids behind the names of a publication. Nothing is retired where nothing was live.
type names struct{ live, shadow, retired int64 }

func (c *Cluster) names(ctx context.Context, p cluster.Publication) (n names, err error) {
	for name, id := range map[string]*int64{p.Table: &n.live, p.Shadow: &n.shadow, p.Retired: &n.retired} {
		if name == "" || id == &n.retired && p.LiveID == 0 {
			continue
		}
		if *id, err = c.TableID(ctx, p.Database, name); err != nil {
			return n, err
		}
	}
	return n, nil
}

// moveIn renames the shadow where no live table was.
func (c *Cluster) moveIn(ctx context.Context, p cluster.Publication) error {
	n, err := c.names(ctx, p)
	switch {
	case err != nil:
		return err
	case n.live == p.ShadowID:
		return nil
	case n.live != 0:
		return fmt.Errorf("table %d took the name meanwhile: %w", n.live, cluster.ErrExists)
	case n.shadow != p.ShadowID:
		return fmt.Errorf("%s is table %d instead of %d: %w", p.Shadow, n.shadow, p.ShadowID, cluster.ErrUnknownTable)
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
	switch {
	case n.live == p.ShadowID && n.shadow != p.LiveID:
		return nil // done; the retired table may be dropped already
	case n.live == p.LiveID && n.shadow == p.ShadowID:
		if err := c.restoreProperties(ctx, p); err != nil {
			return err
		}
		if err := c.exchange(ctx, p.Database, p.Table, p.Shadow); err != nil {
			return err
		}
	case n.live != p.ShadowID:
		return fmt.Errorf("%s is table %d (%d expected) and %s table %d (%d expected): %w",
			p.Table, n.live, p.LiveID, p.Shadow, n.shadow, p.ShadowID, changed(n.live))
	}
	if err := c.rename(ctx, p.Database, p.Shadow, p.Retired); err != nil {
		return err
	}
	return c.expectLive(ctx, p, p.ShadowID)
}

// changed is the error of a live table that is not the one known before.
func changed(live int64) error {
	if live == 0 {
		return cluster.ErrUnknownTable
	}
	return cluster.ErrExists
}

func (c *Cluster) expectLive(ctx context.Context, p cluster.Publication, want int64) error {
	live, err := c.TableID(ctx, p.Database, p.Table)
	if err == nil && live != want {
		err = fmt.Errorf("%s is table %d instead of %d afterwards: %w", p.Table, live, want, changed(live))
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

// Unpublish puts the table that was live back. Replaced partitions are gone at once: that is ErrUnsupported, unless
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
	if err != nil {
		return err
	}
	aside := n.retired
	switch {
	case n.live != p.ShadowID: // not published, or put back already
	case p.LiveID == 0:
		return c.rename(ctx, p.Database, p.Table, p.Shadow)
	case n.shadow == p.LiveID: // swapped but not renamed yet
		return c.putBack(ctx, p, p.Shadow)
	case n.retired == p.LiveID:
		if err := c.putBack(ctx, p, p.Retired); err != nil {
			return err
		}
		aside = p.ShadowID
	default:
		return fmt.Errorf("the table that was live is gone: %w", cluster.ErrUnknownTable)
	}
	if aside != p.ShadowID {
		return nil
	}
	return c.rename(ctx, p.Database, p.Retired, p.Shadow) // the name under which it will be dropped
}

func (c *Cluster) putBack(ctx context.Context, p cluster.Publication, from string) error {
	if err := c.exchange(ctx, p.Database, p.Table, from); err != nil {
		return err
	}
	return c.expectLive(ctx, p, p.LiveID)
}

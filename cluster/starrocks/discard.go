package starrocks

import (
	"context"
	"errors"
	"fmt"

	"starkeep/cluster"
)

// dropSuffix makes the name under which a table of a publication is dropped. A SWAP or RENAME of Publish or Unpublish that
// waited for a lock can bring another table under any of their names between a look at the id and the DROP, past the trash.
// None of them names this one, so what was seen here is what is dropped.
const dropSuffix = "_drop"

func dropName(table string) string {
	if table == "" {
		return ""
	}
	return table + dropSuffix
}

// Discard drops the table that p built. It is ErrExists while that is live, or when a late statement moved tables: Unpublish
// and Discard are then to be tried again.
func (c *Cluster) Discard(ctx context.Context, p cluster.Publication) error {
	var err error
	switch {
	case p.ShadowID != 0:
		err = c.discard(ctx, p, p.ShadowID)
	case p.Shadow != "": // no SWAP or RENAME was ever sent for it
		err = c.DropTable(ctx, p.Database, p.Shadow)
	}
	if err == nil && p.Shadow != "" {
		err = c.dropStages(ctx, p.Database, p.Shadow)
	}
	if err != nil {
		return fmt.Errorf("discard what was built for %s.%s: %w", p.Database, p.Table, err)
	}
	return nil
}

// DropRetired drops the table that p replaced. It is ErrExists while that is live, or when a late statement moved tables.
func (c *Cluster) DropRetired(ctx context.Context, p cluster.Publication) error {
	if p.LiveID == 0 {
		return nil
	}
	if err := c.discard(ctx, p, p.LiveID); err != nil {
		return fmt.Errorf("drop what %s.%s replaced: %w", p.Database, p.Table, err)
	}
	return nil
}

// discard drops one of the two tables of p, unless it is live.
func (c *Cluster) discard(ctx context.Context, p cluster.Publication, id int64) error {
	n, err := c.names(ctx, p)
	if err != nil {
		return err
	}
	switch name := n.of(id); name {
	case p.Table:
		return fmt.Errorf("table %d is live: %w", id, cluster.ErrExists)
	case "":
		return c.proveAbsent(ctx, p.Database, p.Shadow, p.Retired, dropName(p.Shadow), dropName(p.Retired))
	case dropName(p.Shadow), dropName(p.Retired): // an earlier attempt came so far
		return c.DropTable(ctx, p.Database, name)
	default:
		return c.dropAside(ctx, p.Database, name, id)
	}
}

// dropAside renames a table out of the reach of late statements, makes sure that it took the right one, and drops it.
func (c *Cluster) dropAside(ctx context.Context, database, name string, id int64) error {
	aside := dropName(name)
	if err := c.rename(ctx, database, name, aside); err != nil {
		return err
	}
	got, err := c.TableID(ctx, database, aside)
	if err != nil {
		return err
	}
	if got == id {
		return c.DropTable(ctx, database, aside)
	}
	err = fmt.Errorf("%s had become table %d instead of %d: %w", name, got, id, cluster.ErrExists)
	if got != 0 {
		err = errors.Join(err, c.rename(ctx, database, aside, name))
	}
	return err
}

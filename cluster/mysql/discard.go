package mysql

import (
	"context"
	"errors"
	"fmt"

	"starkeep/cluster"
)

// Discard drops what p built. What live tables are still owed is given back by Unpublish first.
func (c *Cluster) Discard(ctx context.Context, p cluster.Publication) error {
	err := c.discard(ctx, p)
	if err != nil {
		return fmt.Errorf("discard %s.%s: %w", p.Database, p.Shadow, err)
	}
	return nil
}

func (c *Cluster) discard(ctx context.Context, p cluster.Publication) error {
	n, err := c.present(ctx, []cluster.Publication{p})
	if errors.Is(err, cluster.ErrUnknownDatabase) {
		return nil
	}
	if err != nil {
		return err
	}
	noted, err := c.notedAll(ctx, p.Database, []string{p.Shadow})
	if err != nil {
		return err
	}
	had, err := readBelongings(noted)
	if err != nil {
		return err
	}
	_, known := had[p.Shadow]
	at := n.stage(p)
	switch {
	case !had[p.Shadow].none(), at == live && (p.LiveID != 0 || known):
		return fmt.Errorf("it is live, or was about to be: %w", cluster.ErrExists)
	case at == built:
		err = c.DropTable(ctx, p.Database, p.Shadow)
	case at == undone:
		err = c.DropTable(ctx, p.Database, dropName(p.Shadow))
	}
	if err == nil {
		err = c.settleSequences(ctx, p.Database, true)
	}
	if err == nil && at != built {
		err = dropLoads(ctx, c, p.Database, p.Shadow)
	}
	if err == nil {
		err = c.DropTable(ctx, p.Database, reference(p.Shadow))
	}
	if err == nil && known {
		err = c.forget(ctx, p.Database, p.Shadow)
	}
	return err
}

// DropRetired drops what p replaced. Foreign keys are looked at: one of a table that this user may not see would point to
// what is dropped here, and is not to be left without its other end.
func (c *Cluster) DropRetired(ctx context.Context, p cluster.Publication) error {
	err := c.dropRetired(ctx, p)
	if err == nil {
		err = c.settleSequences(ctx, p.Database, false)
	}
	if err != nil {
		return fmt.Errorf("drop %s.%s: %w", p.Database, p.Retired, err)
	}
	return nil
}

// Answers to dropping a table that a foreign key points to: both of MariaDB, the second of MySQL 8.
var pointedTo = []uint16{1451, 3730}

func (c *Cluster) dropRetired(ctx context.Context, p cluster.Publication) error {
	if p.LiveID == 0 {
		return c.forget(ctx, p.Database, p.Shadow)
	}
	n, err := c.present(ctx, []cluster.Publication{p})
	if errors.Is(err, cluster.ErrUnknownDatabase) {
		return nil
	}
	if err != nil {
		return err
	}
	switch n.stage(p) {
	case undone:
		return fmt.Errorf("it is live again: %w", cluster.ErrExists)
	case live:
	case built, unbuilt:
		if n[p.Retired] {
			return fmt.Errorf("%s is not live in its place: %w", p.Table, cluster.ErrExists)
		}
		return nil
	default:
		return c.forget(ctx, p.Database, p.Shadow)
	}
	s, err := c.session(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.exec(ctx, "SET foreign_key_checks = 1"); err != nil {
		return err
	}
	if err := s.exec(ctx, "DROP TABLE IF EXISTS "+quoted(p.Database)+"."+quoted(p.Retired)); err != nil {
		if isNumber(err, pointedTo...) {
			return fmt.Errorf("a foreign key of a table that this user does not see points to it: %w", err)
		}
		return err
	}
	return c.forget(ctx, p.Database, p.Shadow)
}

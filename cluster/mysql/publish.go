package mysql

import (
	"context"
	"fmt"

	"starkeep/cluster"
)

var (
	_ cluster.Publisher      = (*Cluster)(nil)
	_ cluster.GroupPublisher = (*Cluster)(nil)
)

// Tables go live by one RENAME TABLE for all of a job, which the server does whole or not at all (MariaDB "Atomic DDL",
// 10.6.1; MySQL "Atomic Data Definition Statement Support", 8.0). Measured on MariaDB 10.11:
//
//   - a foreign key follows the table it points to when that is renamed, also with foreign_key_checks = 0, so those of
//     other tables would point to what was put aside;
//   - names of foreign keys and triggers are unique in a database, and a trigger goes with its table;
//   - a foreign key cannot be dropped and added under the same name in one ALTER TABLE;
//   - RENAME TABLE is refused in a session that holds LOCK TABLES, everything else that is needed here is not.
//
// So while the tables are locked, triggers and foreign keys move to the tables that are about to go live, a second session
// queues the RENAME, and then the locks are given up: the RENAME is the first to get the tables, before any reader or
// writer. Nobody sees a step in between. What live tables had is in the journal before it is taken from them.

// Publish makes p live.
func (c *Cluster) Publish(ctx context.Context, p cluster.Publication) error {
	if len(p.Replace) == 0 {
		return c.PublishAll(ctx, []cluster.Publication{p})
	}
	if err := c.replace(ctx, p); err != nil {
		return fmt.Errorf("publish %s.%s: %w", p.Database, p.Table, err)
	}
	return nil
}

// dropName is the name of what was built once it was taken back.
func dropName(shadow string) string { return shadow + "_drop" }

// stage is how far a publication is, told by names alone: those of a job are used for nothing else.
type stage byte

const (
	unbuilt  stage = iota // no table of it is there, or it was released
	built                 // the shadow is there
	live                  // the shadow is live, what it replaced is put aside
	released              // the shadow is live, what it replaced is dropped
	undone                // it was live and was taken back
)

// present are the names of tables that are there, views and sequences included.
type present map[string]bool

func (c *Cluster) present(ctx context.Context, ps []cluster.Publication) (present, error) {
	all := present{}
	asked := map[string][]string{}
	for _, p := range ps {
		for _, n := range []string{p.Table, p.Shadow, p.Retired, dropName(p.Shadow)} {
			if n != "" {
				asked[p.Database] = append(asked[p.Database], n)
			}
		}
	}
	for database, list := range asked {
		if err := c.requireDatabase(ctx, database); err != nil {
			return nil, err
		}
		rows, err := c.query(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+literal(database)+" AND TABLE_NAME IN ("+literals(list)+")")
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			all[r["table_name"]] = true
		}
	}
	return all, nil
}

func (n present) stage(p cluster.Publication) stage {
	switch {
	case n[p.Shadow]:
		return built
	case n[dropName(p.Shadow)]:
		return undone
	case !n[p.Table]:
		return unbuilt
	case p.LiveID != 0 && !n[p.Retired]:
		return released
	}
	return live
}

// PublishAll makes all of ps live in one step.
func (c *Cluster) PublishAll(ctx context.Context, ps []cluster.Publication) error {
	if len(ps) == 0 {
		return nil
	}
	err := c.alone(ctx, ps[0].Database, func(s *session) error { return c.publishAll(ctx, s, ps) })
	if err != nil {
		return fmt.Errorf("publish %s: %w", summary(ps), err)
	}
	return nil
}

func summary(ps []cluster.Publication) string {
	if len(ps) == 1 {
		return ps[0].Database + "." + ps[0].Table
	}
	return fmt.Sprintf("%d tables of %s", len(ps), ps[0].Database)
}

func (c *Cluster) publishAll(ctx context.Context, s *session, ps []cluster.Publication) error {
	due, err := c.due(ctx, ps)
	if err == nil && len(due) > 0 {
		err = c.publishDue(ctx, s, due)
	}
	if err != nil {
		return err
	}
	shadows := make([]string, len(ps))
	for i, p := range ps {
		shadows[i] = p.Shadow
	}
	return dropLoads(ctx, c, ps[0].Database, shadows...)
}

func (c *Cluster) publishDue(ctx context.Context, s *session, due []cluster.Publication) error {
	had, err := c.remember(ctx, due)
	if err != nil {
		return err
	}
	move, err := c.movingIn(ctx, due, had)
	if err != nil {
		return err
	}
	var pairs []pair
	for _, p := range due {
		if p.LiveID != 0 {
			pairs = append(pairs, pair{p.Table, p.Retired})
		}
		pairs = append(pairs, pair{p.Shadow, p.Table})
	}
	if err := c.turn(ctx, s, due[0].Database, move, pairs); err != nil {
		return err
	}
	left, err := c.due(ctx, due)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%s is not live after the statement: %w", left[0].Table, cluster.ErrMoved)
	}
	return err
}

// due returns the publications that are not live yet, and refuses those that can no longer become it.
func (c *Cluster) due(ctx context.Context, ps []cluster.Publication) ([]cluster.Publication, error) {
	n, err := c.present(ctx, ps)
	if err != nil {
		return nil, err
	}
	var due []cluster.Publication
	for _, p := range ps {
		switch at := n.stage(p); {
		case at == live, at == released:
		case at != built:
			return nil, fmt.Errorf("%s, which was built for %s, is gone: %w", p.Shadow, p.Table, cluster.ErrUnknownTable)
		case p.LiveID == 0 && n[p.Table]:
			return nil, fmt.Errorf("%s was created meanwhile: %w", p.Table, cluster.ErrExists)
		case p.LiveID != 0 && !n[p.Table]:
			return nil, fmt.Errorf("%s is gone meanwhile: %w", p.Table, cluster.ErrUnknownTable)
		case p.LiveID != 0 && p.LiveID != tableIdentity(p.Database, p.Table):
			return nil, fmt.Errorf("%s is not the table that was there: %w", p.Table, cluster.ErrExists)
		case p.LiveID != 0 && n[p.Retired]:
			return nil, fmt.Errorf("%s is there already: %w", p.Retired, cluster.ErrExists)
		default:
			due = append(due, p)
		}
	}
	return due, nil
}

// movingIn is what has to move before the shadows go live.
func (c *Cluster) movingIn(ctx context.Context, ps []cluster.Publication, had map[string]belongings) (*move, error) {
	m := &move{database: ps[0].Database}
	to := map[string]string{}
	for _, p := range ps {
		to[p.Table] = p.Shadow
	}
	taken, err := c.takenNames(ctx, ps)
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		coming := place{table: p.Shadow}
		if coming.triggers, err = attached(p, taken); err != nil {
			return nil, err
		}
		if coming.keys, err = withheldKeys(p, to, taken); err != nil {
			return nil, err
		}
		m.places = append(m.places, coming)
		if p.LiveID != 0 {
			m.places = append(m.places, place{table: p.Table})
		}
		for _, f := range had[p.Shadow].Inbound {
			m.inbound = append(m.inbound, f.pointed(p.Database, to))
		}
	}
	return m, c.compare(ctx, m)
}

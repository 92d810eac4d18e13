package mysql

import (
	"context"
	"errors"
	"fmt"

	"starkeep/cluster"
)

// Unpublish takes p back.
func (c *Cluster) Unpublish(ctx context.Context, p cluster.Publication) error {
	if len(p.Replace) == 0 {
		return c.UnpublishAll(ctx, []cluster.Publication{p})
	}
	if err := c.unreplaced(ctx, p); err != nil {
		return fmt.Errorf("unpublish %s.%s: %w", p.Database, p.Table, err)
	}
	return nil
}

// movingBack is what has to move before what was replaced goes live again; from is the name that it has now.
func (c *Cluster) movingBack(ctx context.Context, ps []cluster.Publication, had map[string]belongings, from func(cluster.Publication) (old, ours string)) (*move, error) {
	m := &move{database: ps[0].Database}
	to := map[string]string{}
	for _, p := range ps {
		if old, _ := from(p); p.LiveID != 0 {
			to[p.Table] = old
		}
	}
	for _, p := range ps {
		old, ours := from(p)
		m.places = append(m.places, place{table: ours})
		b := had[p.Shadow]
		if p.LiveID == 0 {
			continue
		}
		going := place{table: old, triggers: b.Triggers}
		for _, k := range b.Keys {
			going.keys = append(going.keys, pointed(k, p.Database, to))
		}
		m.places = append(m.places, going)
		for _, f := range b.Inbound {
			m.inbound = append(m.inbound, f.pointed(p.Database, to))
		}
	}
	return m, c.compare(ctx, m)
}

// UnpublishAll puts back what was live before all of ps, in one step.
func (c *Cluster) UnpublishAll(ctx context.Context, ps []cluster.Publication) error {
	if len(ps) == 0 {
		return nil
	}
	err := c.alone(ctx, ps[0].Database, func(s *session) error { return c.unpublishAll(ctx, s, ps) })
	if errors.Is(err, cluster.ErrUnknownDatabase) {
		return nil // and nothing of ps in it
	}
	if err != nil {
		return fmt.Errorf("unpublish %s: %w", summary(ps), err)
	}
	return nil
}

func (c *Cluster) unpublishAll(ctx context.Context, s *session, ps []cluster.Publication) error {
	n, err := c.present(ctx, ps)
	if err != nil {
		return err
	}
	keys := make([]string, len(ps))
	for i, p := range ps {
		keys[i] = p.Shadow
	}
	noted, err := c.notedAll(ctx, ps[0].Database, keys)
	if err != nil {
		return err
	}
	had, err := readBelongings(noted)
	if err != nil {
		return err
	}
	var still, gone []cluster.Publication // not live yet, live
	for _, p := range ps {
		_, known := had[p.Shadow]
		switch at := n.stage(p); {
		case at == built && known:
			still = append(still, p)
		case at == live && (p.LiveID != 0 || known): // a table that nobody of ours made live is somebody else's
			gone = append(gone, p)
		case at == released:
			return fmt.Errorf("what was live before %s is gone: %w", p.Table, cluster.ErrUnknownTable)
		}
	}
	if err := c.giveBack(ctx, s, still, had); err != nil {
		return err
	}
	if err := c.takeBack(ctx, s, gone, had); err != nil {
		return err
	}
	return c.forget(ctx, ps[0].Database, keys...)
}

// giveBack undoes what an attempt moved that did not come to its RENAME.
func (c *Cluster) giveBack(ctx context.Context, s *session, ps []cluster.Publication, had map[string]belongings) error {
	if len(ps) == 0 {
		return nil
	}
	m, err := c.movingBack(ctx, ps, had, func(p cluster.Publication) (string, string) { return p.Table, p.Shadow })
	if err != nil {
		return err
	}
	return c.turn(ctx, s, ps[0].Database, m, nil)
}

// takeBack puts the tables back that were live.
func (c *Cluster) takeBack(ctx context.Context, s *session, ps []cluster.Publication, had map[string]belongings) error {
	if len(ps) == 0 {
		return nil
	}
	m, err := c.movingBack(ctx, ps, had, func(p cluster.Publication) (string, string) { return p.Retired, p.Table })
	if err != nil {
		return err
	}
	var pairs []pair
	for _, p := range ps {
		pairs = append(pairs, pair{p.Table, dropName(p.Shadow)})
		if p.LiveID != 0 {
			pairs = append(pairs, pair{p.Retired, p.Table})
		}
	}
	return c.turn(ctx, s, ps[0].Database, m, pairs)
}

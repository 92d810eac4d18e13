package mysql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
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

// belongings are what goes with the name of a live table, not with its rows: they are taken from it before it is put aside.
type belongings struct {
	Triggers []snapshot.Object `json:"triggers,omitempty"`
	Keys     []string          `json:"keys,omitempty"`    // its foreign keys, as SHOW CREATE TABLE prints them
	Inbound  []foreign         `json:"inbound,omitempty"` // foreign keys of tables outside of the job that point to it
}

func (b belongings) none() bool { return len(b.Triggers)+len(b.Keys)+len(b.Inbound) == 0 }

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

// remember writes into the journal what live tables have, and that a table is new. What an earlier attempt wrote stands.
func (c *Cluster) remember(ctx context.Context, ps []cluster.Publication) (map[string]belongings, error) {
	found, err := c.belongings(ctx, ps)
	if err != nil {
		return nil, err
	}
	entries := map[string]string{}
	for _, p := range ps {
		b := found[p.Shadow]
		if p.LiveID != 0 && b.none() {
			if noted, err := c.noted(ctx, p.Database, p.Shadow); err != nil || noted == "" {
				if err != nil {
					return nil, err
				}
				continue
			}
		}
		text, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		entries[p.Shadow] = string(text)
	}
	noted, err := c.noteAll(ctx, ps[0].Database, entries)
	if err != nil {
		return nil, err
	}
	return readBelongings(noted)
}

func readBelongings(noted map[string]string) (map[string]belongings, error) {
	all := make(map[string]belongings, len(noted))
	for k, v := range noted {
		var b belongings
		if err := json.Unmarshal([]byte(v), &b); err != nil {
			return nil, fmt.Errorf("read journal of %s: %w", k, err)
		}
		all[k] = b
	}
	return all, nil
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

// pair is one renaming.
type pair struct{ from, to string }

// renameStatement renames all pairs, in their order, whole or not at all.
func renameStatement(database string, pairs []pair) (string, error) {
	list := make([]string, len(pairs))
	for i, x := range pairs {
		from, err := qualified(database, x.from)
		if err != nil {
			return "", err
		}
		to, err := qualified(database, x.to)
		if err != nil {
			return "", err
		}
		list[i] = from + " TO " + to
	}
	return "RENAME TABLE " + strings.Join(list, ", "), nil
}

// involved are the tables that a move changes, locked for its time.
func (m *move) involved() []string {
	var list []string
	for _, p := range m.places {
		if p.changes() {
			list = append(list, quoted(m.database)+"."+quoted(p.table))
		}
	}
	for _, f := range m.inbound {
		if f.change {
			list = append(list, quoted(f.Database)+"."+quoted(f.Table))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

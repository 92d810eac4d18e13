package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

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

// turn does a move and the renaming that follows it: at once for everybody else.
func (c *Cluster) turn(ctx context.Context, s *session, database string, m *move, pairs []pair) error {
	involved := m.involved()
	var rename string
	var err error
	if len(pairs) > 0 {
		if rename, err = renameStatement(database, pairs); err != nil {
			return err
		}
	}
	if len(involved) == 0 {
		if rename == "" {
			return nil
		}
		return s.exec(ctx, rename)
	}
	if err := s.exec(ctx, "USE "+quoted(database)); err != nil {
		return err
	}
	if err := s.lockTables(ctx, involved, lockedIdle); err != nil {
		return err
	}
	if err := m.carryOut(ctx, s); err != nil {
		return err // the session ends, and with it the locks
	}
	if rename == "" {
		return s.exec(ctx, "UNLOCK TABLES")
	}
	return c.queue(ctx, s, database, rename)
}

// lockedIdle is how long a session may say nothing while it holds tables locked, before the server ends it.
const lockedIdle = time.Minute

// lockTables locks tables for writing. A client that stands still would stop everybody else for as long as its connection
// lives; so the server ends the session after idle (whole seconds), and its locks, GET_LOCK's too, are another attempt's.
func (s *session) lockTables(ctx context.Context, tables []string, idle time.Duration) error {
	for _, statement := range []string{
		fmt.Sprintf("SET wait_timeout = %d", max(1, int(idle.Seconds()))), "LOCK TABLES " + strings.Join(tables, " WRITE, ") + " WRITE",
	} {
		if err := s.exec(ctx, statement); err != nil {
			return fmt.Errorf("lock tables: %w", err)
		}
	}
	return nil
}

// queue has a second session wait for the locked tables with the RENAME, then gives up the locks. A waiting RENAME goes
// before all others that wait for the same table (metadata locks: an exclusive one that waits is granted before shared
// ones). Of several tables it gets one after the other: who writes to the second in between writes to what is put aside.
func (c *Cluster) queue(ctx context.Context, s *session, database, rename string) error {
	second, err := c.session(ctx)
	if err != nil {
		return err
	}
	defer second.close()
	if err := second.lock(ctx, renameLock(database), 0); err != nil {
		return err
	}
	// As long as the first session lives, no other attempt has begun, and from here on one waits for the second session.
	if err := s.exec(ctx, "DO 0"); err != nil {
		return fmt.Errorf("the locks are lost: %w", err)
	}
	rows, err := second.query(ctx, "SELECT CONNECTION_ID() AS id")
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- second.exec(ctx, rename) }()
	early, err := c.awaitQueued(ctx, rows[0]["id"], done)
	if err != nil && !early { // the RENAME may still come: it is the same as if it had
		return errors.Join(err, s.exec(ctx, "UNLOCK TABLES"), <-done)
	}
	if uerr := s.exec(ctx, "UNLOCK TABLES"); err == nil {
		err = uerr
	}
	if !early {
		if derr := <-done; derr != nil {
			err = derr
		}
	}
	return err
}

// awaitQueued waits until a session waits for a lock on a table; early tells that its statement ended before, with err.
func (c *Cluster) awaitQueued(ctx context.Context, id string, done <-chan error) (early bool, err error) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		rows, err := c.query(ctx, "SELECT STATE FROM information_schema.PROCESSLIST WHERE ID = "+id)
		if err != nil {
			return false, err
		}
		if len(rows) == 1 && strings.HasPrefix(rows[0]["state"], "Waiting for table") {
			return false, nil
		}
		select {
		case err := <-done:
			return true, err
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

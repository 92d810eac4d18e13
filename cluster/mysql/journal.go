package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"starkeep/cluster"
)

// journal is the table, one in a database, that remembers what a publication is about to take from live tables (triggers,
// foreign keys), so that it can be put back whoever goes on. It is there while a publication may still be taken back.
const journal = ours + "journal"

// isBookkeeping tells whether a table is the journal or holds labels of loads: tables that no list of tables shows.
func isBookkeeping(table string) bool {
	return table == journal || table == loads
}

// noteAll writes entries that are not there yet, and returns what is there: of two attempts the first decides.
func (c *Cluster) noteAll(ctx context.Context, database string, entries map[string]string) (map[string]string, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	name, err := qualified(database, journal)
	if err != nil {
		return nil, err
	}
	err = c.exec(ctx, "CREATE TABLE IF NOT EXISTS "+name+" (name varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, entry longtext CHARACTER SET utf8mb4 NOT NULL) ENGINE=InnoDB")
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	var rows, keys []string
	for k, v := range entries {
		rows, keys = append(rows, "("+literal(k)+", "+literal(v)+")"), append(keys, k)
	}
	if err := c.exec(ctx, "INSERT IGNORE INTO "+name+" VALUES "+strings.Join(rows, ", ")); err != nil {
		return nil, fmt.Errorf("write journal: %w", err)
	}
	return c.notedAll(ctx, database, keys)
}

// notedAll reads entries; those that are not there are missing.
func (c *Cluster) notedAll(ctx context.Context, database string, keys []string) (map[string]string, error) {
	name, err := qualified(database, journal)
	if err != nil {
		return nil, err
	}
	rows, err := c.query(ctx, "SELECT name, entry FROM "+name+" WHERE name IN ("+literals(keys)+")")
	if errors.Is(err, cluster.ErrUnknownTable) || errors.Is(err, cluster.ErrUnknownDatabase) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	all := make(map[string]string, len(rows))
	for _, r := range rows {
		all[r["name"]] = r["entry"]
	}
	return all, nil
}

// note is noteAll for one entry.
func (c *Cluster) note(ctx context.Context, database, key, value string) (string, error) {
	all, err := c.noteAll(ctx, database, map[string]string{key: value})
	return all[key], err
}

// noted is notedAll for one entry, "" when it is not there.
func (c *Cluster) noted(ctx context.Context, database, key string) (string, error) {
	all, err := c.notedAll(ctx, database, []string{key})
	return all[key], err
}

// forget removes entries, and the journal with the last one. Jobs do not share a database, so nobody writes an entry
// between the two statements.
func (c *Cluster) forget(ctx context.Context, database string, keys ...string) error {
	name, err := qualified(database, journal)
	if err != nil {
		return err
	}
	err = c.exec(ctx, "DELETE FROM "+name+" WHERE name IN ("+literals(keys)+")")
	if errors.Is(err, cluster.ErrUnknownTable) || errors.Is(err, cluster.ErrUnknownDatabase) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clear journal: %w", err)
	}
	rows, err := c.query(ctx, "SELECT name FROM "+name+" LIMIT 1")
	if err == nil && len(rows) == 0 {
		return c.DropTable(ctx, database, journal)
	}
	if errors.Is(err, cluster.ErrUnknownTable) {
		return nil
	}
	return err
}

// session is one session of its own, for statements that belong together.
type session struct{ conn *sql.Conn }

func (c *Cluster) session(ctx context.Context) (*session, error) {
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return nil, explain(ctx, err)
	}
	return &session{conn}, nil
}

// close ends the session, with all its locks and settings.
func (s *session) close() {
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn }) // makes the pool close it instead of using it again
	_ = s.conn.Close()
}

func (s *session) exec(ctx context.Context, statement string) error {
	_, err := s.conn.ExecContext(ctx, statement)
	return explain(ctx, err)
}

func (s *session) query(ctx context.Context, statement string) ([]record, error) {
	return queryOn(ctx, s.conn, statement)
}

// lock takes a lock of the server's by name, which the session holds until it ends: also when its client is long gone, as
// long as its statement runs.
func (s *session) lock(ctx context.Context, name string, seconds int) error {
	rows, err := s.query(ctx, fmt.Sprintf("SELECT GET_LOCK(%s, %d) AS got", literal(name), seconds))
	if err != nil {
		return fmt.Errorf("wait for an earlier attempt: %w", err)
	}
	if rows[0]["got"] != "1" {
		return fmt.Errorf("an earlier attempt is still at work on the server (lock %s)", name)
	}
	return nil
}

// Locks of a database that publishing takes: one for the attempt, one for the RENAME that it has in flight on another
// session. GET_LOCK takes 64 characters (MySQL "Locking Functions").
func attemptLock(database string) string { return fmt.Sprintf("starkeep:%x", identity(database)) }
func renameLock(database string) string {
	return fmt.Sprintf("starkeep:%x:rename", identity(database))
}

// alone runs f while no other attempt publishes in the database, a stalled one included whose client has died. What f
// changes it changes through the session.
func (c *Cluster) alone(ctx context.Context, database string, f func(s *session) error) error {
	s, err := c.session(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	wait := int(c.config.LockTimeout.Seconds())
	if err := s.lock(ctx, attemptLock(database), wait); err != nil {
		return err
	}
	if err := s.lock(ctx, renameLock(database), wait); err != nil {
		return err
	}
	if _, err := s.query(ctx, "SELECT RELEASE_LOCK("+literal(renameLock(database))+")"); err != nil {
		return err
	}
	return f(s)
}

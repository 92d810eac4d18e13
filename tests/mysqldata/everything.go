// Package mysqldata makes databases in MariaDB for tests, and tells by a fingerprint whether one is what it was.
package mysqldata

import (
	"context"
	"database/sql"
	"database/sql/driver"
	_ "embed"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed everything.sql
var everything string

// Everything fills an empty database with every type, property and kind of object: some 60 tables, 60 MB, two seconds.
// The user needs the right to name other definers than itself.
func Everything(t testing.TB, db *sql.DB, database string) {
	t.Helper()
	// Neither the server's default nor one that a server would choose by itself.
	statements := []string{"ALTER DATABASE " + Quote(database) + " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci"}
	for _, s := range strings.Split(everything, "\n//") {
		statements = append(statements, strings.TrimSpace(s))
	}
	Apply(t, db, database, statements)
}

// Mode is the sql_mode that data are made in: zero dates, and zeros in AUTO_INCREMENT columns, as older applications wrote
// them; but nothing is cut or replaced in silence, or the data would not be what they are meant to be.
const Mode = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION"

// Apply runs statements in one session of a database, in Mode.
func Apply(t testing.TB, db *sql.DB, database string, statements []string) {
	t.Helper()
	in := open(t, db, database)
	defer in.close()
	for _, s := range statements {
		in.exec(s)
	}
}

// session is a connection that goes back to no pool, so that what is set in it meets nobody else.
type session struct {
	t    testing.TB
	conn *sql.Conn
}

func open(t testing.TB, db *sql.DB, database string) session {
	t.Helper()
	conn, err := db.Conn(context.Background())
	require.NoError(t, err)
	s := session{t, conn}
	s.exec("SET NAMES utf8mb4, time_zone='+00:00', sql_mode='" + Mode + "'")
	s.exec("USE " + Quote(database))
	return s
}

func (s session) close() {
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}

func (s session) exec(statement string) {
	s.t.Helper()
	_, err := s.conn.ExecContext(context.Background(), statement)
	require.NoError(s.t, err, "%.2000s", statement)
}

// query returns the names of the columns, and all rows as text; NULL is nil.
func (s session) query(statement string, args ...any) ([]string, [][]*string) {
	s.t.Helper()
	rows, err := s.conn.QueryContext(context.Background(), statement, args...)
	require.NoError(s.t, err, "%.2000s", statement)
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	require.NoError(s.t, err)
	var all [][]*string
	for rows.Next() {
		row := make([]*string, len(names))
		into := make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		require.NoError(s.t, rows.Scan(into...))
		all = append(all, row)
	}
	require.NoError(s.t, rows.Err())
	return names, all
}

// Quote quotes a name.
func Quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// Package session is one connection to a database for tests: statements that have to succeed, and rows as text.
package session

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Session is a connection that goes back to no pool, so that what is set in it meets nobody else.
type Session struct {
	T testing.TB

	conn *sql.Conn
}

// Open takes a connection and runs the statements that prepare it.
func Open(t testing.TB, db *sql.DB, prepare ...string) Session {
	t.Helper()
	conn, err := db.Conn(context.Background())
	require.NoError(t, err)
	s := Session{t, conn}
	s.Exec(prepare...)
	return s
}

// Close ends the connection.
func (s Session) Close() {
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}

// Exec runs statements.
func (s Session) Exec(statements ...string) {
	s.T.Helper()
	for _, statement := range statements {
		_, err := s.conn.ExecContext(context.Background(), statement)
		require.NoError(s.T, err, "%.2000s", statement)
	}
}

// Query returns the names of the columns, and all rows as text; NULL is nil.
func (s Session) Query(statement string, args ...any) ([]string, [][]*string) {
	s.T.Helper()
	rows, err := s.conn.QueryContext(context.Background(), statement, args...)
	require.NoError(s.T, err, "%.2000s", statement)
	return Read(s.T, rows)
}

// Read reads rows to their end, and closes them.
func Read(t testing.TB, rows *sql.Rows) ([]string, [][]*string) {
	t.Helper()
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	require.NoError(t, err)
	var all [][]*string
	for rows.Next() {
		row := make([]*string, len(names))
		into := make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		require.NoError(t, rows.Scan(into...))
		all = append(all, row)
	}
	require.NoError(t, rows.Err())
	return names, all
}

// Summary is the content of a table, a row a line, whatever their order; of much, the number of rows and a hash.
func Summary(lines []string) string {
	slices.Sort(lines)
	text := strings.Join(lines, "\n")
	if len(text) > 64<<10 {
		return fmt.Sprintf("%d rows %x", len(lines), sha256.Sum256([]byte(text)))
	}
	return text
}

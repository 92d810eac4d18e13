package mariadb

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"starkeep/tests/session"
)

// DSN returns what go-sql-driver connects with, as the server's User, without parameters.
func (s *Server) DSN(database string) string { return s.DSNOf(s.User, s.Password, database) }

// DSNOf is DSN for another user.
func (s *Server) DSNOf(user, password, database string) string {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName = user, password, "tcp", s.Address, database
	return c.FormatDSN()
}

// DB returns the pool of User's connections that Exec and Query use, without a database. It takes several statements in
// one string.
func (s *Server) DB() *sql.DB { return s.admin }

// Open returns a pool of its own in a database, closed when the test ends.
func (s *Server) Open(t testing.TB, database string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", s.DSN(database)+"?multiStatements=true")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Database creates an empty database, dropped when the test ends, and returns its name.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := "t_" + strings.ToLower(rand.Text()[:12])
	s.Exec(t, "CREATE DATABASE "+name)
	t.Cleanup(func() { s.Drop(t, name) })
	return name
}

// Drop drops a database if it is there. It fails when somebody still holds a lock there 30 seconds later: a session was
// leaked. A statement whose client was cut off may still be making a table there; the folder is then not empty (error
// 1010), and what came late goes with the next try.
func (s *Server) Drop(t testing.TB, database string) {
	t.Helper()
	if s.killed.Load() {
		return
	}
	var late *mysql.MySQLError
	var err error
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		_, err = s.admin.Exec("SET STATEMENT lock_wait_timeout=30 FOR DROP DATABASE IF EXISTS " + quote(database))
		if !errors.As(err, &late) || late.Number != 1010 {
			break
		}
	}
	require.NoError(t, err, "drop %s", database)
}

// NewUser creates a user with grants, e.g. "SELECT ON db.*", dropped when the test ends.
func (s *Server) NewUser(t testing.TB, grants ...string) (user, password string) {
	t.Helper()
	user, password = "u_"+strings.ToLower(rand.Text()[:12]), rand.Text()
	s.Exec(t, fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY '%s'", user, password))
	for _, grant := range grants {
		s.Exec(t, fmt.Sprintf("GRANT %s TO %s@'%%'", grant, user))
	}
	t.Cleanup(func() {
		if !s.killed.Load() {
			s.Exec(t, fmt.Sprintf("DROP USER IF EXISTS %s@'%%'", user))
		}
	})
	return user, password
}

// Exec runs a statement, or several.
func (s *Server) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := s.admin.Exec(statement, args...)
	require.NoError(t, err, "%.300s", statement)
}

// Query returns all rows as text, NULL as \N.
func (s *Server) Query(t testing.TB, statement string, args ...any) [][]string {
	t.Helper()
	rows, err := s.admin.Query(statement, args...)
	require.NoError(t, err, "%.300s", statement)
	_, found := session.Read(t, rows)
	var all [][]string
	for _, values := range found {
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = `\N`
			if v != nil {
				row[i] = *v
			}
		}
		all = append(all, row)
	}
	return all
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// Package mysqldata makes databases in MariaDB for tests, and tells by a fingerprint whether one is what it was.
package mysqldata

import (
	"database/sql"
	_ "embed"
	"strings"
	"testing"

	"starkeep/tests/session"
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
	defer in.Close()
	in.Exec(statements...)
}

func open(t testing.TB, db *sql.DB, database string) session.Session {
	t.Helper()
	return session.Open(t, db, "SET NAMES utf8mb4, time_zone='+00:00', sql_mode='"+Mode+"'", "USE "+Quote(database))
}

// Quote quotes a name.
func Quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// Package starrocksdata makes databases in StarRocks for tests, and tells by a fingerprint whether one is what it was.
package starrocksdata

import (
	"database/sql"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/tests/session"
)

//go:embed everything.sql
var everything string

// Everything fills an empty database with every type, table feature and kind of object that it can hold. jar is the URL of
// a file that the cluster can fetch: the code of a user-defined function.
func Everything(t testing.TB, db *sql.DB, database, jar string) {
	t.Helper()
	in := open(t, db, database)
	defer in.Close()
	for _, s := range strings.Split(everything, "\n//") {
		if wait, rest, ok := strings.Cut(s, "\n"); ok && strings.HasPrefix(wait, "AWAIT ") {
			await(in, strings.TrimPrefix(wait, "AWAIT "))
			s = rest
		}
		in.Exec(strings.TrimSpace(s))
	}
	// Values that no expression makes, since a text of one has at most 1 MiB: JSON beyond that beside a scalar, which has to
	// travel another way, and a bitmap of more bytes than a field of a load can hold.
	in.Exec(`INSERT INTO large (id, j) VALUES (5, CAST(1 AS JSON)), (6, parse_json('["` + strings.Repeat("x", 1<<20) + `"]'))`)
	in.Exec("INSERT INTO bitmaps SELECT 2, bitmap_from_string('" + spread(300_000) + "')")
	in.Exec(fmt.Sprintf(`CREATE FUNCTION add_one(INT) RETURNS INT PROPERTIES ("symbol" = "com.example.AddOne", "type" = "StarrocksJar", "file" = %q)`, jar))
}

// spread lists numbers that take two bytes each in a bitmap: 4096 in every container.
func spread(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(i * 16))
	}
	return b.String()
}

// Governance makes what belongs to the cluster, not to a database: external catalogs, roles, users, resource groups.
func Governance(t testing.TB, db *sql.DB, database, secret string) {
	t.Helper()
	in := open(t, db, database)
	defer in.Close()
	in.Exec(
		`CREATE EXTERNAL CATALOG lake COMMENT 'a lake' PROPERTIES ("type" = "hive", "hive.metastore.uris" = "thrift://127.0.0.1:9083", "aws.s3.access_key" = "`+secret+`", "aws.s3.secret_key" = "`+secret+`")`,
		`CREATE EXTERNAL CATALOG plain PROPERTIES ("type" = "iceberg", "iceberg.catalog.type" = "hive", "hive.metastore.uris" = "thrift://127.0.0.1:9084")`,
		"CREATE ROLE reader COMMENT 'may read'",
		"CREATE ROLE writer",
		"GRANT reader TO ROLE writer",
		"GRANT SELECT ON ALL TABLES IN DATABASE "+Quote(database)+" TO ROLE reader",
		"GRANT INSERT, DELETE ON TABLE "+Quote(database)+".scalars TO ROLE writer",
		"CREATE USER 'ann'@'%' IDENTIFIED BY '"+secret+"'",
		"CREATE USER 'bob'@'10.%' IDENTIFIED BY '"+secret+"'",
		"GRANT writer TO 'ann'@'%'",
		"SET DEFAULT ROLE writer TO 'ann'@'%'",
		"GRANT SELECT ON VIEW "+Quote(database)+".totals TO USER 'bob'@'10.%'",
		"CREATE RESOURCE GROUP nightly TO (user='ann'), (role='reader', source_ip='10.0.0.0/8') WITH ('cpu_weight' = '2', 'mem_limit' = '30%', 'concurrency_limit' = '5')",
	)
}

func open(t testing.TB, db *sql.DB, database string) session.Session {
	t.Helper()
	return session.Open(t, db, "USE "+Quote(database))
}

// await waits until every alter job that a SHOW ALTER statement lists is finished.
func await(s session.Session, show string) {
	s.T.Helper()
	require.Eventually(s.T, func() bool {
		names, rows := s.Query(show)
		for _, row := range rows {
			for i, v := range row {
				if names[i] == "State" && (v == nil || *v != "FINISHED") {
					return false
				}
			}
		}
		return true
	}, time.Minute, 20*time.Millisecond, show)
}

// Quote quotes a name.
func Quote(name string) string { return "`" + name + "`" }

// Apply runs statements in one session of a database.
func Apply(t testing.TB, db *sql.DB, database string, statements []string) {
	t.Helper()
	in := open(t, db, database)
	defer in.Close()
	in.Exec(statements...)
}

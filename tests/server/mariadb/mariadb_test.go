package mariadb_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/tests/server/mariadb"
)

func TestCommittedRowsOutliveAKilledServer(t *testing.T) {
	t.Parallel()
	server := mariadb.Start(t, mariadb.Options{})
	database := server.Database(t)
	server.Exec(t, "CREATE TABLE "+database+".t (a INT PRIMARY KEY, b TEXT); INSERT INTO "+database+".t VALUES (1,NULL),(2,'x')")
	address := server.Address
	server.Kill(t)
	require.Error(t, server.DB().Ping())
	server.Restart(t)
	require.Equal(t, address, server.Address)
	require.Equal(t, [][]string{{"1", `\N`}, {"2", "x"}}, server.Query(t, "SELECT * FROM "+database+".t ORDER BY a"))
}

func TestOptionsReachTheServer(t *testing.T) {
	t.Parallel()
	server := mariadb.Start(t, mariadb.Options{Args: []string{"--local-infile=0"}})
	require.Equal(t, [][]string{{"0"}}, server.Query(t, "SELECT @@local_infile"))
	server.Restart(t, "--local-infile=1", "--read-only")
	require.Equal(t, [][]string{{"1", "1"}}, server.Query(t, "SELECT @@local_infile, @@read_only"))
	server.Kill(t) // left dead: what the test made is not dropped, and that is no failure
	server.Drop(t, "absent")
}

func TestSharedServerHasABinaryLogByRows(t *testing.T) {
	t.Parallel()
	require.Equal(t, [][]string{{"1", "ROW", "1"}},
		mariadb.Shared(t).Query(t, "SELECT @@log_bin, @@binlog_format, @@local_infile"))
}

func TestUsersMayDoWhatTheyWereGrantedOnly(t *testing.T) {
	t.Parallel()
	server := mariadb.Shared(t)
	database := server.Database(t)
	server.Exec(t, "CREATE TABLE "+database+".t (a INT)")
	user, password := server.NewUser(t, "SELECT ON "+database+".*")
	db, err := sql.Open("mysql", server.DSNOf(user, password, database))
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	_, err = db.Exec("SELECT * FROM t")
	require.NoError(t, err)
	_, err = db.Exec("INSERT INTO t VALUES (1)")
	require.ErrorContains(t, err, "1142")
}

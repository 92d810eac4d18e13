package starrocksdata_test

import (
	"archive/zip"
	"bytes"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
	"starkeep/tests/starrocksdata"
)

func start(t *testing.T, databases ...string) *sql.DB {
	t.Helper()
	server, err := sandbox.Start(sandbox.Config{EnableUDF: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.InterpolateParams = "tcp", server.SQLAddr(), "root", true
	db, err := sql.Open("mysql", config.FormatDSN())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for _, name := range databases {
		_, err := db.Exec("CREATE DATABASE " + name)
		require.NoError(t, err)
	}
	return db
}

// The one database with everything in it is made, and told the same twice.
func TestTheSandboxHoldsEverything(t *testing.T) {
	t.Parallel()
	db := start(t, "everything")
	starrocksdata.Everything(t, db, "everything", jar(t, "com/example/AddOne.class"))
	first := starrocksdata.Digest(t, db, "everything")
	require.Contains(t, first["rows sketches"], "0A")
	require.Contains(t, first["indexes rolled"], "by_k2")
	require.Contains(t, first["indexes rolled"], "rolled_sums")
	require.Equal(t, first, starrocksdata.Digest(t, db, "everything"))
}

// jar serves an archive with one class in it.
func jar(t *testing.T, class string) string {
	t.Helper()
	var content bytes.Buffer
	z := zip.NewWriter(&content)
	_, err := z.Create(class)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write(content.Bytes()); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/code.jar"
}

// Every type, model and partitioning at random: what the server prints of a table makes the same table again.
func TestWhatRandomTablesPrintMakesTheSameTableAgain(t *testing.T) {
	t.Parallel()
	db := start(t, "d", "e")
	for seed := range uint64(60) {
		starrocksdata.Apply(t, db, "d", starrocksdata.Random(seed, "t"))
		printed := func(database string) (ddl string) {
			var name string
			require.NoError(t, db.QueryRow("SHOW CREATE TABLE "+database+".t").Scan(&name, &ddl))
			return ddl
		}
		ddl := printed("d")
		starrocksdata.Apply(t, db, "e", []string{ddl})
		require.Equal(t, ddl, printed("e"), "seed %d", seed)
		starrocksdata.Apply(t, db, "d", []string{"DROP TABLE d.t FORCE", "DROP TABLE e.t FORCE"})
	}
}

package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
	"starkeep/tests/starrocksdata"
)

// The one database with everything in it is made, and told the same twice.
func TestTheSandboxHoldsEverything(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{EnableUDF: true})
	c.exec("CREATE DATABASE everything")
	starrocksdata.Everything(t, c.db, "everything", jarOf(t, "com/example/AddOne.class"))
	first := starrocksdata.Digest(t, c.db, "everything")
	require.Contains(t, first["rows sketches"], "0A")
	require.Contains(t, first["indexes rolled"], "by_k2")
	require.Contains(t, first["indexes rolled"], "rolled_sums")
	require.Equal(t, first, starrocksdata.Digest(t, c.db, "everything"))
}

// jarOf serves a jar with one class in it.
func jarOf(t *testing.T, class string) string {
	t.Helper()
	content := jar(t, class)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write(content); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/code.jar"
}

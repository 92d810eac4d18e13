package starrocks_test

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/sandbox"
	"starkeep/snapshot"
)

// jars serves the code of user-defined functions, until it is taken away.
func jars(t *testing.T) (url string, gone *atomic.Bool) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, class := range []string{"com/example/F.class", "com/example/G.class", "com/example/AddOne.class"} {
		_, err := z.Create(class)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	gone = new(atomic.Bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if gone.Load() {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(b.Bytes())
	}))
	t.Cleanup(server.Close)
	return server.URL + "/udf.jar", gone
}

func withFunctions(t *testing.T) (*harness, *atomic.Bool) {
	h := harnessOf(t, sandbox.Config{EnableUDF: true})
	url, gone := jars(t)
	code := ` PROPERTIES ("symbol" = "com.example.F", "type" = "StarrocksJar", "file" = "` + url + `")`
	h.Exec("CREATE FUNCTION db.f(INT) RETURNS INT" + code)
	h.Exec("CREATE FUNCTION db.f(VARCHAR(20), BIGINT) RETURNS STRING" + code)
	h.Exec("CREATE FUNCTION db.plus(x INT) RETURNS x + 1")
	return h, gone
}

func TestFunctionsComeBackOverloadByOverload(t *testing.T) {
	t.Parallel()
	h, _ := withFunctions(t)
	list := objectsOf(t, h, database, snapshot.Function)
	require.Equal(t, []string{"function f", "function f", "function plus"}, names(list))
	h.Exec("CREATE DATABASE other")
	r := cluster.Renaming{From: database, To: "other", Others: map[string]string{"f": "g"}}
	for range 2 {
		for _, o := range list {
			note, err := keeperOf(h).PutObject(t.Context(), o, r)
			require.NoError(t, err, o.DDL)
			require.Empty(t, note, "an equal one is left alone")
		}
	}
	require.Equal(t, []string{"function g", "function g", "function plus"}, names(objectsOf(t, h, "other")))

	h.Exec("DROP FUNCTION db.f(INT)")
	for range 2 {
		for _, o := range list {
			_, err := keeperOf(h).PutObject(t.Context(), o, inPlace)
			require.NoError(t, err)
		}
	}
	require.Equal(t, list, objectsOf(t, h, database))
	for range 2 {
		for _, o := range list {
			require.NoError(t, keeperOf(h).DropObject(t.Context(), database, o))
		}
	}
	require.Empty(t, objectsOf(t, h, database))
}

func TestFunctionThatDiffersIsReplacedAndItsGrantsAreTold(t *testing.T) {
	t.Parallel()
	h, _ := withFunctions(t)
	f := objectsOf(t, h, database, snapshot.Function)[0]
	other := f
	other.DDL = replaced(f.DDL, "com.example.F", "com.example.G")
	note, err := keeperOf(h).PutObject(t.Context(), other, inPlace)
	require.NoError(t, err)
	require.Contains(t, note, "granted again")
	require.Equal(t, other.DDL, objectsOf(t, h, database, snapshot.Function)[0].DDL)
}

// The file of a function is not kept by the cluster: a restore needs it where it was.
func TestFunctionWithoutItsFileIsNamedAndRejected(t *testing.T) {
	t.Parallel()
	h, gone := withFunctions(t)
	f := objectsOf(t, h, database, snapshot.Function)[0]
	require.NoError(t, keeperOf(h).DropObject(t.Context(), database, f))
	gone.Store(true)
	_, err := keeperOf(h).PutObject(t.Context(), f, inPlace)
	require.ErrorIs(t, err, cluster.ErrRejected)
	require.ErrorContains(t, err, "function f")
}

// Trap: enable_udf is false by default.
func TestClusterWithoutFunctionsRejectsThemByName(t *testing.T) {
	t.Parallel()
	h, _ := withFunctions(t)
	f := objectsOf(t, h, database, snapshot.Function)[0]
	without := newHarness(t)
	note, err := keeperOf(without).CheckObject(t.Context(), f, inPlace)
	require.NoError(t, err)
	require.Contains(t, note, "enable_udf")
	_, err = keeperOf(without).PutObject(t.Context(), f, inPlace)
	require.ErrorIs(t, err, cluster.ErrRejected)
	require.ErrorContains(t, err, "enable_udf")
}

func TestFunctionThatCannotBeReadWholeIsToldBeforeARestore(t *testing.T) {
	t.Parallel()
	h, _ := withFunctions(t)
	h.Exec("CREATE FUNCTION db.minus(x INT, y INT) RETURNS x - y")
	var minus snapshot.Object
	for _, o := range objectsOf(t, h, database, snapshot.Function) {
		if o.Name == "minus" {
			minus = o
		}
	}
	note, err := keeperOf(h).CheckObject(t.Context(), minus, cluster.Renaming{From: database, To: "other"})
	require.NoError(t, err)
	require.Contains(t, note, "names of its arguments")
	_, err = keeperOf(h).PutObject(t.Context(), minus, inPlace)
	require.ErrorIs(t, err, cluster.ErrRejected)
}

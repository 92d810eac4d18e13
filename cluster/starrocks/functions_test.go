package starrocks_test

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/cluster/clustertest"
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
	for round := range 2 {
		for _, o := range list {
			note, err := keeperOf(h).PutObject(t.Context(), o, r)
			require.NoError(t, err, o.DDL)
			require.Equal(t, round == 0 && o.Name == "f", strings.Contains(note, "isolation"), "what is not told is said where it is made, an equal one is left alone")
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

func TestFunctionsComeBehindThoseThatTheyCall(t *testing.T) {
	t.Parallel()
	h, _ := withFunctions(t)
	h.Exec("CREATE FUNCTION db.zero(x BIGINT) RETURNS x - x")
	h.Exec("CREATE FUNCTION db.also(x BIGINT) RETURNS db.zero(x) + 1")
	list := objectsOf(t, h, database, snapshot.Function)
	require.Equal(t, []string{"function zero", "function also", "function f", "function f", "function plus"}, names(list))
	h.Exec("CREATE DATABASE other")
	for _, o := range list {
		_, err := keeperOf(h).PutObject(t.Context(), o, cluster.Renaming{From: database, To: "other"})
		require.NoError(t, err, o.DDL)
	}
	h.Exec("DROP FUNCTION db.zero(BIGINT)")
	require.Equal(t, []string{"1"}, rowsOf(t, h, "SELECT other.also(7)"))
}

// A database holds no global functions, and views may call them.
func TestGlobalFunctionsMoveAndViewsTellWhichTheyCall(t *testing.T) {
	t.Parallel()
	from, to := harnessOf(t, sandbox.Config{EnableUDF: true}), harnessOf(t, sandbox.Config{EnableUDF: true})
	url, _ := jars(t)
	from.Exec(`CREATE GLOBAL AGGREGATE FUNCTION total(INT) RETURNS BIGINT PROPERTIES ("symbol" = "com.example.F", "type" = "StarrocksJar", "file" = "` + url + `")`)
	from.Exec("CREATE GLOBAL FUNCTION next(x BIGINT) RETURNS x + 1")
	from.Exec("CREATE FUNCTION db.own(x BIGINT) RETURNS x + 2")
	for _, h := range []*harness{from, to} {
		h.Exec(define(clustertest.Plain, "t"))
	}
	from.Exec("CREATE VIEW db.v AS SELECT NEXT(k) AS n, db.own(k) AS o FROM db.t")

	all := objectsOf(t, from, "", snapshot.GlobalFunction)
	require.Equal(t, []string{"global function next", "global function total"}, names(all))
	v := one(t, from, snapshot.View, "v")
	require.Equal(t, "next", v.Settings[snapshot.GlobalFunctionsSetting])
	note, err := keeperOf(to).CheckObject(t.Context(), v, inPlace)
	require.NoError(t, err)
	require.Contains(t, note, "it calls the global functions next, which are not here")
	for range 2 {
		for _, o := range all {
			note, err := keeperOf(to).PutObject(t.Context(), o, cluster.Renaming{Others: map[string]string{"next": "a catalog's other name"}})
			require.NoError(t, err, o.DDL)
			require.NotContains(t, note, "replaced")
		}
	}
	require.Equal(t, all, objectsOf(t, to, "", snapshot.GlobalFunction))
	note, err = keeperOf(to).CheckObject(t.Context(), v, inPlace)
	require.NoError(t, err)
	require.Empty(t, note)

	changed := all[0]
	changed.DDL = replaced(changed.DDL, "1", "3")
	_, err = keeperOf(to).PutObject(t.Context(), changed, cluster.Renaming{})
	require.NoError(t, err)
	require.Equal(t, []string{"10"}, rowsOf(t, to, "SELECT next(7)"))
	for range 2 {
		require.NoError(t, keeperOf(to).DropObject(t.Context(), "", changed))
	}
	require.Equal(t, []string{"global function total"}, names(objectsOf(t, to, "", snapshot.GlobalFunction)))
}

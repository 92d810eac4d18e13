package starrocks

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

func opener(rows ...[]any) func() (snapshot.RowReader, error) {
	return func() (snapshot.RowReader, error) { return table(rows...), nil }
}

// httpCluster is an adapter whose HTTP address is a handler, and that nobody answers over SQL.
func httpCluster(t *testing.T, h http.HandlerFunc) *Cluster {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := New(Config{Name: "c", Frontends: []string{"127.0.0.1:1"}, HTTP: []string{server.URL}, User: "u", Password: "hunter2"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func loadOne(t *testing.T, c *Cluster) (cluster.LoadResult, error) {
	return c.Load(t.Context(), cluster.LoadRequest{Database: "d", Table: "t", Label: "l", Columns: columns(snapshot.Int32), Open: opener([]any{"1"}, []any{"2"})})
}

func answering(status string, loaded, filtered int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		fmt.Fprintf(w, `{"Status":%q,"Message":"m","NumberLoadedRows":%d,"NumberFilteredRows":%d,"state":"VISIBLE"}`, status, loaded, filtered)
	}
}

func TestSuccessWithFewerRowsThanWereSentIsNone(t *testing.T) {
	t.Parallel()
	for _, answer := range []http.HandlerFunc{answering("Success", 1, 0), answering("Success", 2, 1), answering("Fail", 0, 2)} {
		_, err := loadOne(t, httpCluster(t, answer))
		require.ErrorIs(t, err, cluster.ErrRejected)
	}
	result, err := loadOne(t, httpCluster(t, answering("Success", 2, 0)))
	require.NoError(t, err)
	require.Equal(t, cluster.LoadResult{Rows: 2}, result)
}

func TestPublishTimeoutIsNotLoadedAgain(t *testing.T) {
	t.Parallel()
	var puts atomic.Int32
	answer := answering("Publish Timeout", 0, 0)
	result, err := loadOne(t, httpCluster(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			puts.Add(1)
		}
		answer(w, r)
	}))
	require.NoError(t, err)
	require.Equal(t, cluster.LoadResult{Rows: 2}, result)
	require.EqualValues(t, 1, puts.Load())
}

func TestPasswordDoesNotFollowARedirectToAStranger(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("stranger was asked with %v", r.Header)
	}))
	t.Cleanup(stranger.Close)
	port := stranger.URL[strings.LastIndex(stranger.URL, ":"):]
	_, err := loadOne(t, httpCluster(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://localhost"+port+"/api/d/t/_stream_load", http.StatusTemporaryRedirect)
	}))
	require.ErrorIs(t, err, cluster.ErrUnreachable)
	require.ErrorContains(t, err, "address map")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestRedirectGoesThroughTheAddressMapWithThePassword(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "u" || password != "hunter2" {
			fmt.Fprint(w, `{"Status":"Fail","Message":"no valid Basic authorization"}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"Status":"Success","NumberLoadedRows":%d}`, strings.Count(string(body), "\n"))
	}))
	t.Cleanup(backend.Close)
	u, err := url.Parse(backend.URL)
	require.NoError(t, err)
	for _, known := range []string{"be.internal:8040", "be.internal"} {
		c := httpCluster(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://be.internal:8040"+r.URL.Path, http.StatusTemporaryRedirect)
		})
		c.config.Backends = map[string]string{known: u.Host}
		result, err := loadOne(t, c)
		require.NoError(t, err)
		require.Equal(t, cluster.LoadResult{Rows: 2}, result)
	}
}

func TestFrontEndGetsNoRows(t *testing.T) {
	t.Parallel()
	var frontend *httptest.Server
	body := make(chan int, 2)
	frontend = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "100-continue", r.Header.Get("Expect"))
		if r.URL.RawQuery == "" { // answers without reading: the server sends no 100
			http.Redirect(w, r, frontend.URL+r.URL.Path+"?hop=2", http.StatusTemporaryRedirect)
			return
		}
		text, _ := io.ReadAll(r.Body)
		body <- len(text)
		fmt.Fprint(w, `{"Status":"Success","NumberLoadedRows":2}`)
	}))
	t.Cleanup(frontend.Close)
	c, err := New(Config{Name: "c", Frontends: []string{"127.0.0.1:1"}, HTTP: []string{frontend.URL}, User: "u"})
	require.NoError(t, err)
	result, err := loadOne(t, c)
	require.NoError(t, err)
	require.Equal(t, cluster.LoadResult{Rows: 2}, result)
	require.Equal(t, len("1\n2\n"), <-body, "the rows must still be whole at the second hop")
}

func TestNoRowsAreNoLoad(t *testing.T) {
	t.Parallel()
	c := httpCluster(t, func(http.ResponseWriter, *http.Request) { t.Error("a load without rows fails in the cluster") })
	result, err := c.Load(t.Context(), cluster.LoadRequest{Database: "d", Table: "t", Label: "l", Columns: columns(snapshot.Int32),
		Open: func() (snapshot.RowReader, error) { return &singleBatch{}, nil }})
	require.NoError(t, err)
	require.Zero(t, result)
}

func TestLabelThatTheClusterWouldRefuseIsRefusedHere(t *testing.T) {
	t.Parallel()
	c := httpCluster(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	for _, label := range []string{"", "a b", "ä", strings.Repeat("l", 129)} {
		_, err := c.Load(t.Context(), cluster.LoadRequest{Database: "d", Table: "t", Label: label, Columns: columns(snapshot.Int32), Open: opener([]any{"1"})})
		require.ErrorIs(t, err, cluster.ErrInvalidName)
	}
}

func TestBrokenRowSourceLoadsNothingAndSaysSo(t *testing.T) {
	t.Parallel()
	c := httpCluster(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("the body came to a proper end")
		}
		fmt.Fprint(w, `{"Status":"Fail","Message":"cut"}`)
	})
	_, err := c.Load(t.Context(), cluster.LoadRequest{Database: "d", Table: "t", Label: "l", Columns: columns(snapshot.Int32),
		Open: func() (snapshot.RowReader, error) { return &endsBadly{rows: table([]any{"1"})}, nil }})
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.NotErrorIs(t, err, cluster.ErrUnreachable, "it is not the cluster's fault")
}

type endsBadly struct{ rows *singleBatch }

func (r *endsBadly) Next(b *snapshot.Batch) error {
	if err := r.rows.Next(b); err != nil {
		return io.ErrClosedPipe
	}
	return nil
}

func (r *endsBadly) Close() error { return nil }

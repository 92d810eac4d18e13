package fault

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOnlyTheAskedMatchesFire(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		nth, count int
		fires      string
	}{{0, 0, "x...."}, {1, 1, "x...."}, {2, 0, ".x..."}, {2, 2, ".xx.."}, {3, -1, "..xxx"}} {
		var s Set
		id, err := s.Add(Rule{Kind: SQL, Contains: "SWAP", Nth: c.nth, Count: c.count, Action: Cut})
		require.NoError(t, err)
		got := ""
		for range 5 {
			require.Zero(t, s.SQL("SELECT 1"), "another statement is neither hit nor counted")
			require.Zero(t, s.HTTP("SWAP"), "another kind neither")
			if s.SQL("ALTER TABLE a SWAP WITH b").Cut {
				got += "x"
			} else {
				got += "."
			}
		}
		require.Equal(t, c.fires, got)
		require.Equal(t, strings.Count(c.fires, "x"), s.Fired(id))
		require.Equal(t, 5, s.Rules()[0].Matched)
	}
}

func TestSubstringAndPatternMustBothMatch(t *testing.T) {
	t.Parallel()
	var s Set
	_, err := s.Add(Rule{Kind: SQL, Contains: "DROP", Pattern: `(?i)partition\s+p[0-9]`, Count: -1, Action: Error, Message: "no"})
	require.NoError(t, err)
	require.Empty(t, s.SQL("DROP PARTITION px").Message)
	require.Empty(t, s.SQL("drop partition p1").Message)
	require.Equal(t, Effect{Message: "no", Code: 1064}, s.SQL("DROP partition p1"))
}

func TestRulesAddUp(t *testing.T) {
	t.Parallel()
	var s Set
	for _, r := range []Rule{{Action: Delay, Delay: Duration(time.Second)}, {Action: Delay, Delay: Duration(time.Second)}, {Action: CutAfter},
		{Action: PublishTimeout, Delay: Duration(time.Minute)}, {Action: Status, Code: 503}, {Action: Cut, Bytes: 7}} {
		r.Kind = HTTP
		_, err := s.Add(r)
		require.NoError(t, err)
	}
	require.Equal(t, Effect{Delay: 2 * time.Second, CutAfter: true, PublishTimeout: true, PublishDelay: time.Minute, Status: 503, Cut: true, CutBytes: 7}, s.HTTP("x"))
}

func TestRulesWithoutAMeaningAreRefused(t *testing.T) {
	t.Parallel()
	var s Set
	for _, r := range []Rule{
		{}, {Kind: SQL}, {Kind: "tcp", Action: Cut}, {Kind: SQL, Action: "explode"}, {Kind: SQL, Action: Error}, {Kind: SQL, Action: Delay},
		{Kind: SQL, Action: Status, Code: 500}, {Kind: HTTP, Action: Status}, {Kind: SQL, Action: PublishTimeout}, {Kind: SQL, Action: Cut, Bytes: 1},
		{Kind: SQL, Action: Cut, Nth: -1}, {Kind: SQL, Action: Cut, Pattern: "("},
	} {
		_, err := s.Add(r)
		require.Error(t, err, "%+v", r)
	}
	require.Empty(t, s.Rules())
}

func TestRemovedRulesDoNotFire(t *testing.T) {
	t.Parallel()
	var s Set
	first, err := s.Add(Rule{Kind: SQL, Count: -1, Action: Cut})
	require.NoError(t, err)
	_, err = s.Add(Rule{Kind: SQL, Count: -1, Action: CutAfter})
	require.NoError(t, err)
	require.True(t, s.Remove(first))
	require.False(t, s.Remove(first))
	require.Equal(t, Effect{CutAfter: true}, s.SQL("x"))
	s.Clear()
	require.Zero(t, s.SQL("x"))
	require.Zero(t, s.Fired(first))
}

func TestLogKeepsTheYoungestInOrder(t *testing.T) {
	t.Parallel()
	var s Set
	require.Empty(t, s.Log(0))
	for i := range logSize + 5 {
		s.SQL(fmt.Sprint(i))
	}
	all := s.Log(0)
	require.Len(t, all, logSize)
	require.Equal(t, "5", all[0].Text)
	require.EqualValues(t, 6, all[0].Seq)
	require.Equal(t, fmt.Sprint(logSize+4), all[logSize-1].Text)
	last := s.Log(all[logSize-3].Seq)
	require.Len(t, last, 2)
	require.Empty(t, s.Log(all[logSize-1].Seq))
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	require.NoError(t, Effect{}.Wait(context.Background()))
	require.NoError(t, Effect{Delay: time.Millisecond}.Wait(context.Background()))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, Effect{Delay: time.Hour}.Wait(ctx), context.Canceled)
}

func TestConcurrentUseCountsEveryMatch(t *testing.T) {
	t.Parallel()
	var s Set
	id, err := s.Add(Rule{Kind: SQL, Nth: 100, Count: 50, Action: Cut})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				s.SQL("x")
				s.Rules()
			}
		})
	}
	wg.Wait()
	require.Equal(t, 50, s.Fired(id))
	require.Len(t, s.Log(0), 800)
}

func TestAdminEndpoint(t *testing.T) {
	t.Parallel()
	var s Set
	admin := httptest.NewServer(s.Admin())
	defer admin.Close()
	call := func(method, path, body string) (int, string) {
		r, err := http.NewRequest(method, admin.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, strings.TrimSpace(string(text))
	}
	status, text := call("POST", "/faults", `{"kind":"sql","contains":"SWAP","action":"delay","delay":"1.5s","nth":2}`)
	require.Equal(t, 201, status)
	require.JSONEq(t, `{"id":1}`, text)
	require.Zero(t, s.SQL("SWAP"))
	require.Equal(t, 1500*time.Millisecond, s.SQL("SWAP").Delay)
	_, text = call("GET", "/faults", "")
	require.JSONEq(t, `[{"id":1,"kind":"sql","contains":"SWAP","nth":2,"action":"delay","delay":"1.5s","matched":2,"fired":1}]`, text)
	_, text = call("GET", "/log?since=1", "")
	require.Contains(t, text, `"seq":2`)
	require.NotContains(t, text, `"seq":1,`)
	for _, bad := range []string{"{", `{"kind":"sql","action":"cut","contians":"x"}`, `{"kind":"sql","action":"boom"}`} {
		status, text = call("POST", "/faults", bad)
		require.Equal(t, 400, status)
		require.Contains(t, text, "error")
	}
	status, _ = call("GET", "/log?since=x", "")
	require.Equal(t, 400, status)
	status, _ = call("DELETE", "/faults/9", "")
	require.Equal(t, 404, status)
	status, _ = call("DELETE", "/faults/x", "")
	require.Equal(t, 400, status)
	status, _ = call("DELETE", "/faults/1", "")
	require.Equal(t, 204, status)
	status, _ = call("DELETE", "/faults", "")
	require.Equal(t, 204, status)
	require.Empty(t, s.Rules())
}

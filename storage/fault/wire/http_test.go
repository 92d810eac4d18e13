package wire_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage/fault/wire"
)

// server counts the requests whose bodies reached it whole, and answers with what it got.
type server struct {
	*httptest.Server
	whole, broken atomic.Int64
	last          atomic.Pointer[http.Request]
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.last.Store(r)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			s.broken.Add(1)
			return
		}
		s.whole.Add(1)
		w.Header().Set("X-Own", "kept")
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s
}

func proxy(t *testing.T, s *server, o wire.HTTPOptions) *wire.HTTP {
	t.Helper()
	p, err := wire.NewHTTP(s.URL, o)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// send posts over a connection of its own: net/http repeats by itself what fails on a kept one.
func send(t *testing.T, url, body string) (status int, answer string, err error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	r, err := client.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	data, err := io.ReadAll(r.Body)
	return r.StatusCode, string(data), errors.Join(err, r.Body.Close())
}

func always(kind wire.Kind) wire.HTTPOptions {
	return wire.HTTPOptions{Seed: 1, Odds: wire.Odds{kind: 1}, Answers: wire.S3(), Latency: time.Millisecond, Stall: 2 * time.Millisecond}
}

func TestRequestsPassAsTheyAre(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := proxy(t, s, wire.HTTPOptions{})
	const uri = "/bucket/a%2Fb%20c/%C3%A9+%2B?list-type=2&prefix=a%2Fb&x"
	r, err := http.NewRequest(http.MethodPut, p.URL()+uri, strings.NewReader("data"))
	require.NoError(t, err)
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x")
	r.Header["User-Agent"] = nil
	r.Header.Set("Expect", "100-continue")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.Equal(t, "kept", answer.Header.Get("X-Own"))
	require.NoError(t, answer.Body.Close())

	got := s.last.Load()
	require.Equal(t, uri, got.RequestURI)
	require.Equal(t, p.Addr(), got.Host, "the host that the client has signed")
	require.Equal(t, http.Header{
		"Accept-Encoding": {"identity"}, "Authorization": {"AWS4-HMAC-SHA256 x"}, "Content-Length": {"4"}, "Expect": {"100-continue"},
	}, got.Header, "nothing is added, nothing taken away")
	require.EqualValues(t, 4, got.ContentLength)
	require.Empty(t, p.Counts())

	large := make([]byte, 3<<20)
	_, _ = rand.Read(large)
	status, echo, err := send(t, p.URL(), string(large))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	require.True(t, bytes.Equal(large, []byte(echo)))
}

func TestResetBeforeKeepsTheRequestFromTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := proxy(t, s, always(wire.ResetBefore))
	_, _, err := send(t, p.URL(), "data")
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.Zero(t, s.whole.Load())
	require.Equal(t, map[string]int64{"reset-before": 1}, p.Counts())
}

func TestResetAfterLosesOnlyTheAnswer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := proxy(t, s, always(wire.ResetAfter))
	_, _, err := send(t, p.URL(), "data")
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.EqualValues(t, 1, s.whole.Load())
	require.Equal(t, map[string]int64{"reset-after": 1}, p.Counts())
}

func TestCutRequestIsSeenBroken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := proxy(t, s, always(wire.CutRequest))
	_, _, err := send(t, p.URL(), strings.Repeat("x", 200_000))
	require.Error(t, err)
	require.Eventually(t, func() bool { return s.broken.Load() == 1 }, 5*time.Second, time.Millisecond)
	require.Zero(t, s.whole.Load())
	require.Equal(t, map[string]int64{"cut-request": 1}, p.Counts())

	status, _, err := send(t, p.URL(), "")
	require.NoError(t, err, "what has no body cannot be cut")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, map[string]int64{"cut-request": 1}, p.Counts(), "and is not counted")
}

func TestCutAnswerEndsInAnError(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := proxy(t, s, always(wire.CutAnswer))
	body := strings.Repeat("x", 200_000)
	status, part, err := send(t, p.URL(), body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, http.StatusOK, status)
	require.Less(t, len(part), len(body))
	_, _, err = send(t, p.URL(), "")
	require.NoError(t, err, "what has no body cannot be cut")
	require.Equal(t, map[string]int64{"cut-answer": 1}, p.Counts())
}

func TestAnswersOfServersInTrouble(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind    wire.Kind
		answers map[wire.Kind]wire.Answer
		status  int
		want    string
	}{
		{wire.ServerError, wire.S3(), 500, "<Code>InternalError</Code>"},
		{wire.SlowDown, wire.S3(), 503, "<Code>SlowDown</Code>"},
		{wire.TooMany, wire.S3(), 429, "<Code>TooManyRequests</Code>"},
		{wire.ServerError, wire.GCS(), 500, `"reason":"backendError"`},
		{wire.SlowDown, wire.GCS(), 503, `"reason":"backendError"`},
		{wire.TooMany, wire.GCS(), 429, `"reason":"rateLimitExceeded"`},
	} {
		s := newServer(t)
		p := proxy(t, s, wire.HTTPOptions{Odds: wire.Odds{c.kind: 1}, Answers: c.answers})
		status, answer, err := send(t, p.URL(), strings.Repeat("x", 1<<20))
		require.NoError(t, err)
		require.Equal(t, c.status, status)
		require.Contains(t, answer, c.want)
		require.Zero(t, s.whole.Load())
	}
}

func TestDelaysAreOnlySlow(t *testing.T) {
	t.Parallel()
	for _, kind := range []wire.Kind{wire.Latency, wire.Stall} {
		s := newServer(t)
		p := proxy(t, s, always(kind))
		_, answer, err := send(t, p.URL(), "data")
		require.NoError(t, err)
		require.Equal(t, "data", answer)
		require.Equal(t, map[string]int64{string(kind): 1}, p.Counts())
	}
}

func TestDeadServerResetsAndLives(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := proxy(t, s, wire.HTTPOptions{})
	p.Dead(func() {
		_, _, err := send(t, p.URL(), "data")
		require.ErrorIs(t, err, syscall.ECONNRESET)
	})
	require.Zero(t, s.whole.Load())
	_, _, err := send(t, p.URL(), "data")
	require.NoError(t, err)
}

func TestSilentServerLeavesItsClientsWaiting(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := proxy(t, s, wire.HTTPOptions{})
	ended := make(chan error, 1)
	p.Silent(func() {
		go func() {
			_, _, err := send(t, p.URL(), "data")
			ended <- err
		}()
		select {
		case err := <-ended:
			require.NoError(t, err, "nothing can have been said")
		case <-time.After(50 * time.Millisecond):
		}
	})
	require.ErrorIs(t, <-ended, syscall.ECONNRESET)
	require.Zero(t, s.whole.Load())
}

// What strikes a request hangs on the request and its number, not on what runs beside it.
func TestSeedDecidesWhateverTheOrder(t *testing.T) {
	t.Parallel()
	outcome := func(seed uint64, parallel bool) string {
		s := newServer(t)
		p := proxy(t, s, wire.HTTPOptions{Seed: seed, Odds: wire.Odds{wire.ResetBefore: .3, wire.ServerError: .3}, Answers: wire.S3()})
		results := make([]string, 40)
		var wg sync.WaitGroup
		for i := range results {
			do := func() {
				status, _, err := send(t, fmt.Sprintf("%s/%d", p.URL(), i), "")
				results[i] = fmt.Sprintf("%d/%t", status, err == nil)
			}
			if parallel {
				wg.Go(do)
			} else {
				do()
			}
		}
		wg.Wait()
		return strings.Join(results, " ")
	}
	one := outcome(7, false)
	require.Equal(t, one, outcome(7, true))
	require.NotEqual(t, one, outcome(8, false))
	for _, kind := range []string{"0/false", "500/true", "200/true"} {
		require.Contains(t, one, kind)
	}
}

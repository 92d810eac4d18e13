package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Answer is what the proxy says in place of the server.
type Answer struct {
	Status int
	Type   string // of the content
	Body   string
}

// S3 returns the answers of an S3 server in trouble.
// Source: Amazon S3 API reference, "Error responses" (InternalError, SlowDown); 429 is what compatible stores answer.
func S3() map[Kind]Answer {
	say := func(status int, code, message string) Answer {
		return Answer{status, "application/xml", `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + code +
			"</Code><Message>" + message + "</Message><RequestId>0</RequestId><HostId>0</HostId></Error>"}
	}
	return map[Kind]Answer{
		ServerError: say(http.StatusInternalServerError, "InternalError", "An internal error occurred. Try again."),
		SlowDown:    say(http.StatusServiceUnavailable, "SlowDown", "Reduce your request rate."),
		TooMany:     say(http.StatusTooManyRequests, "TooManyRequests", "Reduce your request rate."),
	}
}

// GCS returns the answers of Google Cloud Storage's JSON API in trouble.
// Source: Cloud Storage, "HTTP status and error codes for JSON" (backendError, rateLimitExceeded).
func GCS() map[Kind]Answer {
	say := func(status int, reason, message string) Answer {
		return Answer{status, "application/json; charset=UTF-8", fmt.Sprintf(
			`{"error":{"errors":[{"domain":"global","reason":%q,"message":%q}],"code":%d,"message":%[2]q}}`, reason, message, status)}
	}
	return map[Kind]Answer{
		ServerError: say(http.StatusInternalServerError, "backendError", "Backend Error"),
		SlowDown:    say(http.StatusServiceUnavailable, "backendError", "Backend Error"),
		TooMany:     say(http.StatusTooManyRequests, "rateLimitExceeded", "The rate limit was exceeded."),
	}
}

// HTTPOptions say what goes wrong.
type HTTPOptions struct {
	Seed    uint64
	Odds    Odds            // nil: nothing until Set
	Answers map[Kind]Answer // S3, GCS or own; a kind that has none does not happen
	Latency time.Duration   // of the fault Latency; 0: 50 ms
	Stall   time.Duration   // of the fault Stall; 0: 1 s
}

// HTTP is a reverse proxy in front of one HTTP/1.1 server. Requests pass it as they are, Host, escapes and signed headers
// included, so a client that takes Addr for its endpoint has its signatures accepted. It is safe for concurrent use.
type HTTP struct {
	*dice

	o         HTTPOptions
	target    *url.URL
	transport *http.Transport
	server    *http.Server
	listener  net.Listener

	mu   sync.Mutex
	life context.Context // of the requests on their way; ends when the server is to look dead
	kill context.CancelFunc
	mode mode
}

type mode int

const (
	alive  mode = iota
	dead        // each request is reset
	silent      // each request waits for an answer that does not come
)

// NewHTTP starts a proxy on a free port of 127.0.0.1 in front of target, an http:// URL or host:port. The caller closes it.
func NewHTTP(target string, o HTTPOptions) (*HTTP, error) {
	if !strings.Contains(target, "://") {
		target = "http://" + target
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("parse target: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &HTTP{dice: newDice(o.Seed, o.Odds), o: o, target: u, listener: listener}
	p.life, p.kill = context.WithCancel(context.Background())
	// No compression and no proxies: the request leaves as it came. Expect has to wait for its answer, or a refused body
	// is sent all the same.
	p.transport = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, ExpectContinueTimeout: 5 * time.Second}
	p.server = &http.Server{Handler: p, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(listener) }() // ends with Close
	return p, nil
}

// Addr is host:port of the proxy.
func (p *HTTP) Addr() string { return p.listener.Addr().String() }

// URL is the proxy as an http:// URL without a path.
func (p *HTTP) URL() string { return "http://" + p.Addr() }

// Set replaces the odds.
func (p *HTTP) Set(odds Odds) { p.set(odds) }

// Dead runs do while every connection is reset, those under way included.
func (p *HTTP) Dead(do func()) { p.during(dead, do) }

// Silent runs do while requests are taken and never answered.
func (p *HTTP) Silent(do func()) { p.during(silent, do) }

func (p *HTTP) during(m mode, do func()) {
	p.become(m)
	defer p.become(alive)
	do()
}

func (p *HTTP) become(m mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kill()
	p.life, p.kill = context.WithCancel(context.Background())
	p.mode = m
}

// Close stops the proxy and cuts what is under way.
func (p *HTTP) Close() {
	p.become(dead)
	_ = p.server.Close()
	p.transport.CloseIdleConnections()
}

// ServeHTTP implements http.Handler.
func (p *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	mode, life := p.mode, p.life
	p.mu.Unlock()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(life, cancel)()
	switch mode {
	case silent:
		<-ctx.Done()
		fallthrough
	case dead:
		hangUp(w)
	default:
		p.serve(ctx, w, r)
	}
}

func (p *HTTP) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	kind, fraction := p.roll(r.Method + " " + r.RequestURI)
	switch kind {
	case ResetBefore:
		p.count(kind)
		hangUp(w)
		return
	case ServerError, SlowDown, TooMany:
		if a, ok := p.o.Answers[kind]; ok {
			p.count(kind)
			a.write(w, r)
			return
		}
	case Latency, Stall:
		p.count(kind)
		if !p.wait(ctx, kind) {
			hangUp(w)
			return
		}
	}
	p.forward(ctx, w, r, kind, fraction)
}

// wait tells whether the client is still there afterwards: what a client has given up must not reach the server late.
func (p *HTTP) wait(ctx context.Context, kind Kind) bool {
	d := orElse(p.o.Latency, 50*time.Millisecond)
	if kind == Stall {
		d = orElse(p.o.Stall, time.Second)
	}
	return sleep(ctx, d)
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// write reads the request first: a client that is still sending may never see an answer that comes before.
func (a Answer) write(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", a.Type)
	w.WriteHeader(a.Status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, a.Body)
	}
}

// forward asks the server. That it cannot be reached is no fault of this package's: the client sees a reset.
func (p *HTTP) forward(ctx context.Context, w http.ResponseWriter, r *http.Request, kind Kind, fraction float64) {
	out := p.outgoing(ctx, r)
	if kind == CutRequest && r.ContentLength > 0 {
		p.count(kind)
		left := int64(fraction * float64(r.ContentLength))
		out.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, left), torn{}))
	}
	answer, err := p.transport.RoundTrip(out)
	if err != nil {
		hangUp(w)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	if kind == ResetAfter {
		_, _ = io.Copy(io.Discard, answer.Body) // now the server is through
		p.count(kind)
		hangUp(w)
		return
	}
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.StatusCode)
	if kind == CutAnswer && r.Method != http.MethodHead {
		p.cut(w, answer, fraction)
	}
	if _, err := io.Copy(w, answer.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

var errTorn = errors.New("torn")

type torn struct{}

func (torn) Read([]byte) (int, error) { return 0, errTorn }

// outgoing is r for the server: its path and query byte for byte, because signatures cover them.
func (p *HTTP) outgoing(ctx context.Context, r *http.Request) *http.Request {
	out := r.Clone(ctx)
	path, query, _ := strings.Cut(r.RequestURI, "?")
	out.URL = &url.URL{Scheme: p.target.Scheme, Host: p.target.Host, Opaque: path, RawQuery: query}
	out.RequestURI = "" // a client's request must not have one
	if r.ContentLength == 0 {
		out.Body = http.NoBody // else the transport cannot know, and sends chunks
	}
	if _, named := out.Header["User-Agent"]; !named {
		out.Header["User-Agent"] = nil // else the transport adds its own
	}
	return out
}

// cut sends a part of the answer and drops the connection, unless there is nothing to cut.
func (p *HTTP) cut(w http.ResponseWriter, answer *http.Response, fraction float64) {
	size := answer.ContentLength
	if size == 0 {
		return
	}
	if size < 0 {
		size = 4096 // a stream without a length: cut early, without its last chunk
	}
	p.count(CutAnswer)
	_, _ = io.CopyN(w, answer.Body, int64(fraction*float64(size)))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler) // net/http's way to close a connection in the middle
}

// hangUp resets the client's connection.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	reset(conn)
}

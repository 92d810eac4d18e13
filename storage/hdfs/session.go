package hdfs

import (
	"bufio"
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/colinmarc/hdfs/v2"
)

const (
	// idleTime is how long a session waits for the next call. While it lives it renews its lease every second.
	idleTime = 30 * time.Second
	// maxAge is the life of a session: the library keeps the key of encrypted transfers for good, which data nodes forget
	// after dfs.block.access.token.lifetime, 10 hours unless set.
	maxAge = time.Hour
)

// pool keeps sessions for the next call.
type pool struct {
	settings settings
	size     int // idle sessions that are kept
	dialer   dialer

	mu     sync.Mutex
	idle   []*session
	active string // the name node that answered last; it is asked first
	closed bool
}

// get returns a session for the use of one call, until end.
func (p *pool) get(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for s := p.take(); s != nil; s = p.take() {
		if s.begin(ctx) {
			return s, nil
		}
		s.close()
	}
	return p.dial(ctx)
}

func (p *pool) take() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	s := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	s.expiry.Stop()
	return s
}

// dial makes a new session.
func (p *pool) dial(ctx context.Context) (*session, error) {
	s := &session{pool: p, born: time.Now(), conns: map[*conn]struct{}{}}
	s.begin(ctx)
	if err := s.connect(); err != nil {
		err = s.network(err)
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) connect() error {
	client, err := hdfs.NewClient(s.pool.options(s))
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.client = client
	closed := s.closed
	s.mu.Unlock()
	if closed { // meanwhile, so close could not see the client
		_ = client.Close()
		return net.ErrClosed
	}
	if s.names, err = executorOf(client); err != nil {
		return err
	}
	s.defaults, err = client.ServerDefaults()
	return err
}

func (p *pool) options(s *session) hdfs.ClientOptions {
	p.mu.Lock()
	defer p.mu.Unlock()
	addresses := slices.Clone(p.settings.addresses)
	if i := slices.Index(addresses, p.active); i > 0 {
		addresses[0], addresses[i] = addresses[i], addresses[0]
	}
	o := p.settings.login.options()
	o.Addresses = addresses
	o.UseDatanodeHostname = p.settings.useHostname
	o.NamenodeDialFunc = s.dialName
	o.DatanodeDialFunc = s.dialData
	return o
}

// keep takes a healthy session back.
func (p *pool) keep(s *session) bool {
	reached := s.reached()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active = reached
	if p.closed || len(p.idle) >= p.size || time.Since(s.born) > maxAge {
		return false
	}
	p.idle = append(p.idle, s)
	s.expiry = time.AfterFunc(idleTime, func() { p.expire(s) })
	return true
}

func (p *pool) expire(s *session) {
	p.mu.Lock()
	i := slices.Index(p.idle, s)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		s.close()
	}
}

// flush ends the idle sessions: when one has lost its name node, the others have too.
func (p *pool) flush() {
	for s := p.take(); s != nil; s = p.take() {
		s.close()
	}
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.flush()
}

// session is a client of the library for one call at a time. The library knows no context, and its client does not recover
// from a connection that broke in the middle of an answer. With a client and its connections to itself, a call is cancelled
// by closing them, and whatever broke is thrown away as a whole.
type session struct {
	pool     *pool
	client   *hdfs.Client
	names    executor
	defaults hdfs.ServerDefaults
	born     time.Time
	expiry   *time.Timer

	stop func() bool // ends the watch on the call's context

	mu      sync.Mutex
	ctx     context.Context // of the call, nil between calls
	conns   map[*conn]struct{}
	address string // the name node that was dialed last
	lost    error  // why the connection to a name node broke
	closed  bool
}

// begin gives the session to a call. It returns false when the session broke while it was idle.
func (s *session) begin(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.lost != nil {
		return false
	}
	s.ctx = ctx
	s.stop = context.AfterFunc(ctx, s.close)
	return true
}

// end gives the session back, or closes it if it cannot serve another call.
func (s *session) end() {
	cancelled := !s.stop() // then close may be about to run
	s.mu.Lock()
	s.ctx = nil
	lost, closed := s.lost, s.closed
	for c := range s.conns {
		if c.data { // the library leaves one open where a data node answered with an error
			delete(s.conns, c)
			_ = c.Conn.Close()
		}
	}
	s.mu.Unlock()
	if lost != nil {
		s.pool.flush()
	}
	if cancelled || closed || lost != nil || !s.pool.keep(s) {
		s.close()
	}
}

// close ends the session and all that goes on in it.
func (s *session) close() {
	s.mu.Lock()
	client, first := s.client, !s.closed
	s.closed = true
	for c := range s.conns {
		_ = c.Conn.Close()
	}
	s.mu.Unlock()
	if first && client != nil {
		_ = client.Close() // its connections are closed already
	}
}

func (s *session) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// network returns the cause of an error that the library turns into text only.
func (s *session) network(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && s.lost != nil && strings.Contains(err.Error(), "no available namenodes") {
		return s.lost
	}
	return err
}

func (s *session) dialName(_ context.Context, network, address string) (net.Conn, error) {
	c, err := s.dial(network, address, false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address = address
	s.lost = err // or nil: another name node took over
	return c, err
}

// reached is the name node that answered last. The library dials by itself, too, to renew leases.
func (s *session) reached() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

func (s *session) dialData(_ context.Context, network, address string) (net.Conn, error) {
	return s.dial(network, address, true)
}

// dial connects for the call that has the session. Between calls nothing is dialed: then only a lease is to be renewed, of
// a client that has no open files.
func (s *session) dial(network, address string, data bool) (net.Conn, error) {
	s.mu.Lock()
	ctx := s.ctx
	s.mu.Unlock()
	if ctx == nil {
		return nil, net.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, s.pool.settings.connectTimeout)
	defer cancel()
	raw, err := s.pool.dialer(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, session: s, data: data, reader: bufio.NewReaderSize(raw, 32<<10)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = raw.Close()
		return nil, net.ErrClosed
	}
	s.conns[c] = struct{}{}
	return c, nil
}

// conn is a connection of a session. Each Read and Write has the idle timeout: the library sets none.
type conn struct {
	net.Conn
	session *session
	data    bool // to a data node
	reader  *bufio.Reader
}

func (c *conn) Read(p []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(c.session.pool.settings.idleTimeout)); err != nil {
		return 0, c.note(err)
	}
	n, err := c.reader.Read(p)
	return n, c.note(err)
}

// Write pretends to send when the session is closed. The library's writer leaves two goroutines behind unless it is closed,
// and to close it has to get rid of what it still holds.
func (c *conn) Write(p []byte) (int, error) {
	if c.data && c.session.isClosed() {
		return len(p), nil
	}
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.session.pool.settings.idleTimeout)); err != nil {
		return 0, c.note(err)
	}
	n, err := c.Conn.Write(p)
	return n, c.note(err)
}

// note keeps why the connection to the name node broke.
func (c *conn) note(err error) error {
	if err == nil || c.data {
		return err
	}
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	c.session.lost = err
	return err
}

func (c *conn) Close() error {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	delete(c.session.conns, c)
	return c.Conn.Close()
}

// SetDeadline does nothing: the library calls it with its own deadline, which nobody sets.
func (c *conn) SetDeadline(time.Time) error { return nil }

// Package wire speaks the text protocol of MySQL with servers such as StarRocks: one session runs one statement at a
// time and yields its rows as snapshot batches without an allocation per row or value.
//
// go-sql-driver/mysql connects and authenticates; from then on the package reads and writes the connection itself. So
// one reader serves metadata and bulk rows, and values are exactly the bytes that the server printed.
package wire

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"

	"starkeep/snapshot"
)

// Options are what a session needs besides an address.
type Options struct {
	User     string
	Password string
	TLS      *tls.Config   // nil: a plain connection
	Connect  time.Duration // limit of connecting and authenticating
	Idle     time.Duration // longest wait for the server's next bytes, and for it to take ours; 0: none
}

// Session is one authenticated connection. It is not safe for concurrent use; a Pool is.
type Session struct {
	// Ready, when set, prepares the session each time that a Pool takes it for a statement; its error is the statement's.
	Ready func(context.Context) error
	// Expires, when set, is when a Pool stops to use the session for further statements.
	Expires time.Time

	conn   net.Conn
	driver driver.Conn
	idle   time.Duration
	frames *frames
	broken bool // the position in the protocol is unknown: never to be used again
}

// Dial connects to host:port and authenticates. A refused login is a *ServerError.
func Dial(ctx context.Context, address string, o Options) (*Session, error) {
	s := &Session{idle: o.Idle}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd = o.User, o.Password
	cfg.Net, cfg.Addr = "tcp", address
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = o.Connect, o.Connect, o.Connect
	cfg.Logger = &mysql.NopLogger{} // what goes wrong is returned
	cfg.DialFunc = func(ctx context.Context, _, address string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", address)
		if err == nil && o.TLS != nil {
			conn = newSecured(conn, o.TLS, address)
		}
		s.conn = conn
		return conn, err
	}
	if o.TLS != nil {
		cfg.Net = "unix" // to the driver: a transport over which a password may go in clear text, as caching_sha2_password wants to
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("configure session with %s: %w", address, err)
	}
	if s.driver, err = connector.Connect(ctx); err != nil {
		var refused *mysql.MySQLError
		if errors.As(err, &refused) {
			err = &ServerError{Code: refused.Number, State: string(refused.SQLState[:]), Message: refused.Message}
		}
		if c, ok := s.conn.(*secured); ok && c.failed != nil {
			err = c.failed
		}
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	s.frames = newFrames(s)
	return s, s.conn.SetDeadline(time.Time{})
}

// Read reads from the connection, waiting at most the idle limit: frames calls it once for each buffer.
func (s *Session) Read(p []byte) (int, error) {
	if s.idle > 0 {
		if err := s.conn.SetReadDeadline(time.Now().Add(s.idle)); err != nil {
			return 0, err
		}
	}
	return s.conn.Read(p)
}

// Close ends the session and, when a statement is running, cuts its connection, which makes the server cancel it.
func (s *Session) Close() error {
	if s.broken {
		_ = s.conn.Close() // first, or the driver would wait for room to say goodbye
	}
	s.broken = true
	return s.driver.Close() // also ends the driver's watching goroutine
}

// Alive tells whether an idle session can run another statement: the peer has not closed it meanwhile, as far as this
// machine knows already. It asks nobody.
func (s *Session) Alive() bool {
	if s.broken || s.expired() || s.conn.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	if r, ok := s.driver.(driver.SessionResetter); ok && r.ResetSession(context.Background()) != nil {
		return false
	}
	// The driver set a limit for its own look: it would cut off the next statement when that takes longer.
	return s.conn.SetReadDeadline(time.Time{}) == nil
}

func (s *Session) expired() bool { return !s.Expires.IsZero() && time.Now().After(s.Expires) }

// Exec runs a statement and discards its rows.
func (s *Session) Exec(ctx context.Context, statement string) error {
	r, err := s.Query(ctx, statement)
	if err != nil {
		return err
	}
	var b snapshot.Batch
	for err == nil {
		err = r.Next(&b)
	}
	if cerr := r.Close(); errors.Is(err, io.EOF) {
		return cerr
	}
	return err
}

// Query runs a statement. The session is busy until the result is read to its end or closed; closing it early ends
// the session. When ctx ends, the connection is cut.
func (s *Session) Query(ctx context.Context, statement string) (*Result, error) {
	if s.broken {
		return nil, fmt.Errorf("run statement: session is closed: %w", net.ErrClosed)
	}
	r := &Result{ctx: ctx, session: s, decoder: decoder{frames: s.frames}}
	r.unwatch = context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	err := s.send(statement)
	if err == nil {
		err = r.decoder.start()
	}
	if err != nil {
		return nil, r.fail(err)
	}
	if r.decoder.done {
		r.finish()
	}
	return r, nil
}

const commandQuery = 0x03

func (s *Session) send(statement string) error {
	p, next := packets(commandQuery, statement)
	s.frames.next = next
	if s.idle > 0 {
		if err := s.conn.SetWriteDeadline(time.Now().Add(s.idle)); err != nil {
			return err
		}
	}
	_, err := s.conn.Write(p)
	return err
}

// packets writes a command as the frames it needs, and tells the sequence number of what comes next. A frame that is full
// is followed by another one, be it empty.
func packets(command byte, body string) (p []byte, next byte) {
	p = make([]byte, 0, headerSize+1+len(body))
	for payload := string([]byte{command}) + body; ; {
		n := min(len(payload), maxFrame)
		p = append(p, byte(n), byte(n>>8), byte(n>>16), next)
		p = append(p, payload[:n]...)
		payload = payload[n:]
		next++
		if n < maxFrame {
			return p, next
		}
	}
}

// Result is the rows of one statement. It is a snapshot.RowReader and, like it, not safe for concurrent use.
type Result struct {
	ctx     context.Context // the statement's own: a reader has no parameter for it
	session *Session
	decoder decoder
	unwatch func() bool
	release func(*Session) // what becomes of the session once the statement is over; nil: nothing
	ended   bool
	err     error
}

var _ snapshot.RowReader = (*Result)(nil)

// Ended tells whether the statement is over: its rows are read, or it failed.
func (r *Result) Ended() bool { return r.ended }

// Outcome returns what the end of the statement said of it; it is known once all rows are read.
func (r *Result) Outcome() Outcome { return r.decoder.outcome }

// AllowSurplus lets rows have more values than there are columns; those behind the last column are left out. StarRocks sends
// such rows for SHOW CREATE MATERIALIZED VIEW of a synchronous one (fe:ShowExecutor). Else they are ErrMalformed.
func (r *Result) AllowSurplus() { r.decoder.surplus = true }

// Columns returns the names of the columns; none for a statement without rows.
func (r *Result) Columns() []string { return r.decoder.columns }

// Next replaces the content of b with the next rows, io.EOF behind the last.
func (r *Result) Next(b *snapshot.Batch) error {
	if r.err != nil {
		b.Reset()
		return r.err
	}
	if r.ended {
		b.Reset()
		return io.EOF
	}
	if cause := context.Cause(r.ctx); cause != nil { // cutting the connection may take longer than reading the rest
		b.Reset()
		r.err = r.fail(cause)
		return r.err
	}
	err := r.decoder.next(b)
	switch {
	case errors.Is(err, io.EOF):
		r.finish()
		return io.EOF
	case err != nil:
		r.err = r.fail(err)
		return r.err
	}
	return nil
}

// Close ends the statement. The session survives when all rows were read.
func (r *Result) Close() error {
	if r.ended {
		return nil
	}
	r.session.broken = true
	r.finish()
	return nil
}

// fail turns err into what the caller should see and ends the statement. After an ERR packet the session lives on.
func (r *Result) fail(err error) error {
	var refused *ServerError
	if !errors.As(err, &refused) {
		r.session.broken = true
		if cause := context.Cause(r.ctx); cause != nil {
			err = cause // cutting the connection was our own doing
		}
	}
	r.finish()
	return err
}

func (r *Result) finish() {
	if r.ended {
		return
	}
	r.ended = true
	if !r.unwatch() {
		r.session.broken = true
	}
	if r.session.broken {
		_ = r.session.Close() // nothing to be saved: the connection is given up
	}
	if r.release != nil {
		r.release(r.session)
	}
}

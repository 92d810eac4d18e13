package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"time"
)

// LinkOptions say what goes wrong on a Link.
type LinkOptions struct {
	Seed           uint64
	Odds           Odds          // nil: nothing until Set; ResetBefore is for each connection, the others for each packet
	Latency        time.Duration // of the fault Latency; 0: 20 ms
	Stall          time.Duration // of the fault Stall; 0: 1 s
	BytesPerSecond int64         // of each connection and direction; 0: no limit
}

// Link is a network between clients and servers. Clients use it by Dial, in place of net.Dialer's, or connect to what
// Listen returns. It is safe for concurrent use.
type Link struct {
	*dice

	o LinkOptions

	mu        sync.Mutex
	dead      bool
	dialed    uint64
	conns     map[*conn]struct{}
	listeners []net.Listener
	pumps     sync.WaitGroup
}

// NewLink returns a Link without connections. The caller closes it.
func NewLink(o LinkOptions) *Link {
	return &Link{dice: newDice(o.Seed, o.Odds), o: o, conns: map[*conn]struct{}{}}
}

// Set replaces the odds, also for the connections that are open.
func (l *Link) Set(odds Odds) { l.set(odds) }

// Dead runs do while nothing can connect; the connections that are open are reset first.
func (l *Link) Dead(do func()) {
	l.die(true)
	defer l.die(false)
	do()
}

func (l *Link) die(dead bool) {
	l.mu.Lock()
	l.dead = dead
	var open []*conn
	for c := range l.conns {
		open = append(open, c)
	}
	l.mu.Unlock()
	if dead {
		for _, c := range open {
			c.tear()
		}
	}
}

// Dial connects over the link. It fits where a client takes a dial function.
func (l *Link) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	refused := &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	number, dead := l.next()
	if dead {
		return nil, refused
	}
	if kind, _ := l.roll("dial " + address); kind == ResetBefore {
		l.count(kind)
		return nil, refused
	}
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, link: l, gone: make(chan struct{})}
	c.up.source = rand.New(rand.NewPCG(l.seed, 2*number))
	c.down.source = rand.New(rand.NewPCG(l.seed, 2*number+1))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead { // since
		reset(raw)
		return nil, refused
	}
	l.conns[c] = struct{}{}
	return c, nil
}

func (l *Link) next() (number uint64, dead bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dialed++
	return l.dialed, l.dead
}

// Listen opens a free port of 127.0.0.1 that leads over the link to target, host:port. It returns its own host:port.
func (l *Link) Listen(target string) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start proxy: %w", err)
	}
	l.mu.Lock()
	l.listeners = append(l.listeners, listener)
	l.mu.Unlock()
	l.pumps.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed
			}
			l.pumps.Go(func() { l.pump(client, target) })
		}
	})
	return listener.Addr().String(), nil
}

// pump carries one connection until either side ends. An orderly end of one direction is passed on alone: protocols may
// go on in the other.
func (l *Link) pump(client net.Conn, target string) {
	server, err := l.Dial(context.Background(), "tcp", target)
	if err != nil {
		reset(client)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { carry(server, client) })
	both.Go(func() { carry(client, server) })
	both.Wait()
	_ = server.Close()
	_ = client.Close()
}

// carry copies until the end of from. It hides ReadFrom and WriteTo, which would pass by the faults in conn.
func carry(to, from net.Conn) {
	_, err := io.Copy(struct{ io.Writer }{to}, struct{ io.Reader }{from})
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		tear(to)
		tear(from)
	}
}

func tear(c net.Conn) {
	if c, ok := c.(*conn); ok {
		c.tear()
		return
	}
	reset(c)
}

// Close ends all connections and ports and waits until what they used is free.
func (l *Link) Close() {
	l.die(true)
	l.mu.Lock()
	for _, listener := range l.listeners {
		_ = listener.Close()
	}
	l.mu.Unlock()
	l.pumps.Wait()
}

// conn is a connection over the link.
type conn struct {
	net.Conn
	link     *Link
	up, down direction
	once     sync.Once
	gone     chan struct{} // closed with the connection, so that nobody waits on
}

// direction has a source of its own: what strikes one must not hang on how fast the other is.
type direction struct {
	mu     sync.Mutex
	source *rand.Rand
}

func (d *direction) strike(l *Link) (Kind, float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return l.draw(d.source), d.source.Float64()
}

var errReset = &net.OpError{Op: "transfer", Net: "tcp", Err: syscall.ECONNRESET}

// Read implements net.Conn. Bytes that have arrived are lost with a reset.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		return n, err
	}
	if kind, _ := c.down.strike(c.link); kind == ResetAfter {
		c.link.count(kind)
		c.tear()
		return 0, errReset
	} else if !c.delay(kind, n) {
		return 0, errReset
	}
	return n, nil
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	kind, fraction := c.up.strike(c.link)
	if kind == CutRequest {
		c.link.count(kind)
		n, _ := c.Conn.Write(p[:int(fraction*float64(len(p)))])
		_ = c.Close() // orderly, so that the server does get the part
		return n, errReset
	}
	if !c.delay(kind, len(p)) {
		return 0, errReset
	}
	return c.Conn.Write(p)
}

// delay tells whether the connection is still there afterwards.
func (c *conn) delay(kind Kind, n int) bool {
	var d time.Duration
	switch kind {
	case Latency:
		d = orElse(c.link.o.Latency, 20*time.Millisecond)
	case Stall:
		d = orElse(c.link.o.Stall, time.Second)
	}
	if d > 0 {
		c.link.count(kind)
	}
	if rate := c.link.o.BytesPerSecond; rate > 0 {
		d += time.Duration(float64(n) / float64(rate) * float64(time.Second))
	}
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.gone:
		return false
	}
}

// CloseWrite ends one direction.
func (c *conn) CloseWrite() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.forget()
	return c.Conn.Close()
}

func (c *conn) tear() {
	c.forget()
	reset(c.Conn)
}

func (c *conn) forget() {
	c.once.Do(func() { close(c.gone) })
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	delete(c.link.conns, c)
}

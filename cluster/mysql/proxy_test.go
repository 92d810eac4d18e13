package mysql_test

import (
	"io"
	"net"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between an adapter and a server, and cuts connections.
type proxy struct {
	address string
	server  string

	mu    sync.Mutex
	fault *fault
}

// fault cuts a connection once.
type fault struct {
	statement *regexp.Regexp // the first one that this is in; nil: any
	skip      int            // but not this many of them
	after     bool           // once it is done: its answer is lost; else it is never sent
	bytes     int            // let this many more bytes of the client through before
}

func newProxy(t testing.TB, server string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{address: l.Addr().String(), server: server}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

// cut sets a fault; nil takes it back and tells whether it was still due.
func (p *proxy) cut(f *fault) (due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	due = p.fault != nil
	p.fault = f
	return due
}

// due returns the fault when text is where it happens.
func (p *proxy) due(text string) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.fault
	if f == nil || f.statement != nil && !f.statement.MatchString(text) {
		return nil
	}
	if f.skip > 0 {
		f.skip--
		return nil
	}
	p.fault = nil
	return f
}

func (p *proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	lost := make(chan struct{}) // answers are dropped from here on
	go func() {
		defer func() { _ = client.Close() }()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			select {
			case <-lost:
				return
			default:
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		f := p.due(string(buffer[:n]))
		switch {
		case f == nil:
		case f.after:
			close(lost)
		case f.bytes > 0:
			_, _ = server.Write(buffer[:n])
			_, _ = io.CopyN(server, client, int64(f.bytes))
			return
		default:
			return
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

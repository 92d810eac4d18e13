package gcs

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// bufferSize is of one read or write of a connection. Go's own 4 to 32 KiB cost a core for each 1 to 2 GB/s in system calls.
const bufferSize = 64 << 10

// transport is a pool for that many transfers at once.
func (s settings) transport(connections int) *http.Transport {
	dialer := &net.Dialer{Timeout: s.dial, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &quietConn{Conn: conn, quiet: s.quiet}, nil
		},
		TLSHandshakeTimeout: s.dial,
		ForceAttemptHTTP2:   false, // many transfers in one connection would share one window
		MaxIdleConnsPerHost: connections,
		IdleConnTimeout:     90 * time.Second,
		ReadBufferSize:      bufferSize,
		WriteBufferSize:     bufferSize,
		DisableCompression:  true, // objects are their bytes
	}
}

// quietConn fails when nothing moves for too long in either direction: a peer that went away without a word would otherwise
// hold a transfer for ever. A transfer that moves may take any time.
type quietConn struct {
	net.Conn
	quiet time.Duration
}

// Read implements net.Conn.
func (c *quietConn) Read(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.quiet)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write implements net.Conn. It also moves the deadline of the read that already waits for the answer.
func (c *quietConn) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.quiet)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// ReadFrom implements io.ReaderFrom: net/http hands a body over whole, and it then goes out in large pieces.
func (c *quietConn) ReadFrom(r io.Reader) (int64, error) {
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{c}, r, buffer[:])
}

// Package transport is what stores that are reached over a network share: connections that notice silence, bodies that notice
// a cut, and the words of a failure without the layers around it.
package transport

import (
	"io"
	"net"
	"sync"
	"time"
)

// Quiet returns conn so that it fails when nothing moves for too long in either direction: a peer that went away without a
// word would otherwise hold a transfer for ever. A transfer that moves may take any time.
func Quiet(conn net.Conn, quiet time.Duration) net.Conn { return &quietConn{Conn: conn, quiet: quiet} }

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

// pieceSize is how much of a body goes out at once: with the 32 KiB of io.Copy, system calls would be a part of the time.
const pieceSize = 256 << 10

var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// ReadFrom implements io.ReaderFrom: net/http hands a body over whole, and it then goes out in large pieces.
func (c *quietConn) ReadFrom(r io.Reader) (int64, error) {
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	return io.CopyBuffer(struct{ io.Writer }{c}, r, piece[:])
}

package wire

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// errNoTLS tells that a server offers no encryption, where it is asked for.
var errNoTLS = errors.New("server offers no TLS")

const (
	capabilityTLS  = 1 << 11 // CLIENT_SSL
	capabilityOpen = 32      // bytes of a login that a request for TLS repeats: capabilities, packet size, collation, filler
)

// secured is a connection that becomes TLS between the server's greeting and the login, without the driver's knowledge:
// the driver would keep the encrypted connection to itself, and a Session goes on to use it. The request for TLS is a
// packet more than the driver knows of, so until the login is over sequence numbers are moved by one
// (MySQL protocol: "SSL Handshake", "Connection Phase").
type secured struct {
	net.Conn
	config  *tls.Config
	pending []byte // of a packet that was read, what the driver has not taken yet
	greeted bool
	asked   bool
	over    bool  // the login is: everything passes as it is
	failed  error // why TLS did not come about: the driver says of such a connection only that it is bad
}

func newSecured(conn net.Conn, config *tls.Config, address string) *secured {
	config = config.Clone()
	if host, _, err := net.SplitHostPort(address); err == nil && config.ServerName == "" {
		config.ServerName = host
	}
	return &secured{Conn: conn, config: config}
}

// Read gives the driver what the server says, packet by packet until the login is over.
func (c *secured) Read(p []byte) (int, error) {
	if len(c.pending) == 0 {
		if c.over {
			return c.Conn.Read(p)
		}
		if err := c.packet(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

func (c *secured) packet() error {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(c.Conn, header); err != nil {
		return err
	}
	n := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if n == 0 || n > bufferSize {
		return fmt.Errorf("read login: packet of %d bytes: %w", n, ErrMalformed)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c.Conn, body); err != nil {
		return err
	}
	switch {
	case c.asked:
		header[3]--
		c.over = body[0] == markOK || body[0] == markError
	case c.greeted:
		return fmt.Errorf("read login: a second greeting: %w", ErrMalformed)
	default:
		c.greeted = true
		if !offersTLS(body) {
			c.failed = errNoTLS
			return errNoTLS
		}
	}
	c.pending = append(header, body...)
	return nil
}

// offersTLS reads the capabilities of a greeting: version, its text, connection id, 8 bytes of salt, a filler. An error
// packet in its place is for the driver.
func offersTLS(greeting []byte) bool {
	if greeting[0] == markError {
		return true
	}
	for i, b := range greeting {
		if at := i + 1 + 4 + 8 + 1; b == 0 && i > 0 {
			return at+2 <= len(greeting) && binary.LittleEndian.Uint16(greeting[at:])&capabilityTLS != 0
		}
	}
	return false
}

// Write sends what the driver says; each call is one packet while the driver logs in.
func (c *secured) Write(p []byte) (int, error) {
	if c.over {
		return c.Conn.Write(p)
	}
	q := append([]byte(nil), p...)
	if !c.asked {
		if len(q) < headerSize+capabilityOpen {
			return 0, fmt.Errorf("write login: %d bytes: %w", len(q), ErrMalformed)
		}
		q[headerSize+1] |= capabilityTLS >> 8
		if err := c.ask(q[headerSize : headerSize+capabilityOpen]); err != nil {
			return 0, err
		}
	}
	q[3]++
	if _, err := c.Conn.Write(q); err != nil {
		return 0, err
	}
	return len(p), nil
}

// ask asks for TLS and begins it.
func (c *secured) ask(open []byte) error {
	if _, err := c.Conn.Write(append([]byte{capabilityOpen, 0, 0, 1}, open...)); err != nil {
		return err
	}
	conn := tls.Client(c.Conn, c.config)
	if err := conn.Handshake(); err != nil { // bounded by the deadlines that the driver sets
		c.failed = fmt.Errorf("begin TLS: %w", err)
		return c.failed
	}
	c.Conn, c.asked = conn, true
	return nil
}

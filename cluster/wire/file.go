package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

var errFile = fmt.Errorf("server asks for a file: %w", ErrMalformed)

// fileFrame is the size of the packets in which a file is sent. A server refuses packets beyond its max_allowed_packet,
// which nobody sets below 1 MiB.
const fileFrame = 64 << 10

// Load runs a LOAD DATA LOCAL statement; rows writes what the server takes for the file, and is not called when the
// server refuses the statement. The rows are on the server's side of a transaction, if there is one: when rows fails or
// ctx ends the connection is cut, since a file that ends early would be taken for a whole one.
func (s *Session) Load(ctx context.Context, statement string, rows func(io.Writer) error) (Outcome, error) {
	if s.broken {
		return Outcome{}, fmt.Errorf("run statement: session is closed: %w", net.ErrClosed)
	}
	r := &Result{ctx: ctx, session: s, decoder: decoder{frames: s.frames}}
	r.unwatch = context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	err := s.send(statement)
	if err == nil {
		err = r.decoder.start()
	}
	if errors.Is(err, errFile) {
		f := fileWriter{session: s, packet: make([]byte, headerSize, headerSize+fileFrame)}
		if err = rows(&f); err == nil {
			err = f.end()
		}
		if err == nil {
			err = r.decoder.start()
		} else if f.err == nil { // rows failed: whatever it says, the position in the protocol is lost
			s.broken = true
			r.finish()
			return Outcome{}, err
		}
	}
	if err != nil {
		return Outcome{}, r.fail(err)
	}
	if !r.decoder.done {
		return Outcome{}, r.fail(fmt.Errorf("load file: rows in the answer: %w", ErrMalformed))
	}
	r.finish()
	return r.decoder.outcome, nil
}

// fileWriter sends what is written to it as the packets of a file.
type fileWriter struct {
	session *Session
	packet  []byte // room for the header, then what waits
	err     error
}

// Write implements io.Writer.
func (f *fileWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && f.err == nil; {
		n := min(len(rest), cap(f.packet)-len(f.packet))
		f.packet = append(f.packet, rest[:n]...)
		rest = rest[n:]
		if len(f.packet) == cap(f.packet) {
			f.err = f.send()
		}
	}
	if f.err != nil {
		return 0, f.err
	}
	return len(p), nil
}

// end sends what waits, and the empty packet that ends the file.
func (f *fileWriter) end() error {
	if len(f.packet) > headerSize && f.err == nil {
		f.err = f.send()
	}
	if f.err == nil {
		f.err = f.send()
	}
	return f.err
}

func (f *fileWriter) send() error {
	s := f.session
	if s.idle > 0 {
		if err := s.conn.SetWriteDeadline(time.Now().Add(s.idle)); err != nil {
			return err
		}
	}
	n := len(f.packet) - headerSize
	f.packet[0], f.packet[1], f.packet[2], f.packet[3] = byte(n), byte(n>>8), byte(n>>16), s.frames.next
	s.frames.next++
	_, err := s.conn.Write(f.packet)
	f.packet = f.packet[:headerSize]
	return err
}

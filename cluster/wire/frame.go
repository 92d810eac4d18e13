package wire

import (
	"errors"
	"fmt"
	"io"
)

// ErrMalformed reports bytes that are not the MySQL protocol. The session that met them is useless.
var ErrMalformed = errors.New("malformed packet")

const (
	headerSize = 4
	maxFrame   = 1<<24 - 1 // a frame of this length is continued by the next one
	bufferSize = 256 << 10
	keptLong   = 16 << 20 // capacity of the collecting buffer that is worth keeping
	maxPacket  = 1 << 30  // largest row that is accepted; StarRocks' max_allowed_packet is 32 MiB by default
)

// frames cuts a byte stream into packets. Its memory is one buffer; a packet that does not fit is collected as its bytes
// arrive, so that a length field alone never costs memory.
type frames struct {
	source  io.Reader
	buffer  []byte
	at, end int // unread bytes of buffer
	next    byte
	long    []byte
}

func newFrames(r io.Reader) *frames { return &frames{source: r, buffer: make([]byte, bufferSize)} }

// packet returns the next packet, valid until the next call. io.EOF inside a packet is io.ErrUnexpectedEOF.
func (f *frames) packet() ([]byte, error) {
	length, err := f.header()
	if err != nil {
		return nil, err
	}
	if length == maxFrame || length > len(f.buffer) {
		return f.collect(length)
	}
	if err := f.want(length); err != nil {
		return nil, err
	}
	p := f.buffer[f.at : f.at+length : f.at+length]
	f.at += length
	return p, nil
}

func (f *frames) header() (int, error) {
	if err := f.want(headerSize); err != nil {
		return 0, err
	}
	h := f.buffer[f.at : f.at+headerSize]
	f.at += headerSize
	if h[3] != f.next {
		return 0, fmt.Errorf("read packet header: sequence %d where %d is due: %w", h[3], f.next, ErrMalformed)
	}
	f.next++
	return int(h[0]) | int(h[1])<<8 | int(h[2])<<16, nil
}

// collect joins the frames of a packet that is larger than the buffer.
func (f *frames) collect(length int) ([]byte, error) {
	if cap(f.long) > keptLong {
		f.long = nil
	}
	f.long = f.long[:0]
	for {
		for left := length; left > 0; {
			if f.at == f.end {
				if err := f.want(1); err != nil {
					return nil, err
				}
			}
			n := min(left, f.end-f.at)
			if len(f.long)+n > maxPacket {
				return nil, fmt.Errorf("read packet: larger than %d bytes: %w", maxPacket, ErrMalformed)
			}
			f.long = append(f.long, f.buffer[f.at:f.at+n]...)
			f.at += n
			left -= n
		}
		if length < maxFrame {
			return f.long, nil
		}
		var err error
		if length, err = f.header(); err != nil {
			return nil, err
		}
	}
}

// want makes at least n unread bytes available, n being at most the size of the buffer.
func (f *frames) want(n int) error {
	if f.end-f.at >= n {
		return nil
	}
	f.end = copy(f.buffer, f.buffer[f.at:f.end])
	f.at = 0
	for f.end < n {
		m, err := f.source.Read(f.buffer[f.end:])
		f.end += m
		if m == 0 && err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// lengthInteger decodes a length-encoded integer and returns what follows. ok is false for a truncated one and for the
// bytes that mean NULL (0xfb) or an error (0xff).
func lengthInteger(p []byte) (n uint64, rest []byte, ok bool) {
	if len(p) == 0 {
		return 0, nil, false
	}
	size := 0
	switch {
	case p[0] < 0xfb:
		return uint64(p[0]), p[1:], true
	case p[0] == 0xfc:
		size = 2
	case p[0] == 0xfd:
		size = 3
	case p[0] == 0xfe:
		size = 8
	default:
		return 0, nil, false
	}
	if len(p) <= size {
		return 0, nil, false
	}
	for i := size; i > 0; i-- {
		n = n<<8 | uint64(p[i])
	}
	return n, p[1+size:], true
}

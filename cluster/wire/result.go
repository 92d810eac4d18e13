package wire

import (
	"fmt"
	"io"

	"starkeep/snapshot"
)

const (
	markOK    = 0x00
	markNull  = 0xfb
	markFile  = 0xfb // where a statement's answer begins: send the file
	markEnd   = 0xfe
	markError = 0xff

	maxColumns = 1 << 16
)

// ServerError is an ERR packet: the statement failed, the session goes on.
type ServerError struct {
	Code    uint16
	State   string // SQLSTATE, may be empty
	Message string
}

// Error prints the server's text as the mysql client does.
func (e *ServerError) Error() string { return fmt.Sprintf("%d (%s): %s", e.Code, e.State, e.Message) }

func serverError(p []byte) error {
	if len(p) < 3 {
		return fmt.Errorf("read error packet: %w", ErrMalformed)
	}
	e := &ServerError{Code: uint16(p[1]) | uint16(p[2])<<8}
	p = p[3:]
	if len(p) >= 6 && p[0] == '#' {
		e.State, p = string(p[1:6]), p[6:]
	}
	e.Message = string(p)
	return e
}

// decoder reads one text result set. It knows both ends of a result set: without CLIENT_DEPRECATE_EOF an EOF packet
// (5 bytes) stands behind the columns and behind the rows; with it there is only an OK packet (7 bytes or more) at the
// end. Both begin with 0xfe, which begins a row only when the row is longer than a frame.
type decoder struct {
	frames  *frames
	columns []string
	pending []byte // first row, met while looking for the EOF packet behind the columns
	surplus bool   // rows may have more values than columns
	done    bool
	outcome Outcome // once done
}

// Outcome is what the end of a statement says of it.
type Outcome struct {
	Affected uint64 // rows
	Warnings uint16 // at most 65535 are counted
}

// parseOutcome reads the rest of an OK packet, behind its first byte: two numbers, status, warnings.
func parseOutcome(p []byte) (o Outcome, err error) {
	var ok bool
	if o.Affected, p, ok = lengthInteger(p); ok {
		_, p, ok = lengthInteger(p)
	}
	if !ok || len(p) < 4 {
		return o, fmt.Errorf("read OK packet: %w", ErrMalformed)
	}
	o.Warnings = uint16(p[2]) | uint16(p[3])<<8
	return o, nil
}

// end reads the packet behind the last row: an EOF packet of 5 bytes, or an OK packet.
func (d *decoder) end(p []byte) (err error) {
	d.done = true
	if len(p) == 5 {
		d.outcome.Warnings = uint16(p[1]) | uint16(p[2])<<8
		return nil
	}
	d.outcome, err = parseOutcome(p[1:])
	return err
}

// start reads up to the first row. A statement without rows is done at once.
func (d *decoder) start() error {
	p, err := d.frames.packet()
	if err != nil {
		return err
	}
	if len(p) == 0 {
		return fmt.Errorf("read answer: empty packet: %w", ErrMalformed)
	}
	switch p[0] {
	case markOK:
		d.done = true
		d.outcome, err = parseOutcome(p[1:])
		return err
	case markError:
		d.done = true
		return serverError(p)
	case markFile:
		return errFile
	}
	n, rest, ok := lengthInteger(p)
	// go-sql-driver agrees with MariaDB on MARIADB_CLIENT_CACHE_METADATA: then a byte 1 says that the columns follow
	// (MariaDB "Result Set Packets"), which they always do for a statement that was not prepared.
	if !ok || len(rest) > 1 || len(rest) == 1 && rest[0] != 1 || n == 0 || n > maxColumns {
		return fmt.Errorf("read column count: %w", ErrMalformed)
	}
	for range n {
		p, err := d.frames.packet()
		if err != nil {
			return err
		}
		name, err := columnName(p)
		if err != nil {
			return err
		}
		d.columns = append(d.columns, name)
	}
	p, err = d.frames.packet()
	if err != nil {
		return err
	}
	if len(p) == 5 && p[0] == markEnd {
		return nil
	}
	d.pending = p
	return nil
}

// columnName takes the fifth string of a column definition: catalog, schema, table, original table, name.
func columnName(p []byte) (string, error) {
	for i := 0; ; i++ {
		n, rest, ok := lengthInteger(p)
		if !ok || n > uint64(len(rest)) {
			return "", fmt.Errorf("read column definition: %w", ErrMalformed)
		}
		if i == 4 {
			return string(rest[:n]), nil
		}
		p = rest[n:]
	}
}

// next fills b with the next rows.
func (d *decoder) next(b *snapshot.Batch) error {
	if len(b.Columns) != len(d.columns) {
		b.Columns = make([]snapshot.Vector, len(d.columns))
	}
	b.Reset()
	for rows, size := 0, 0; !d.done && rows < snapshot.BatchRows && size < snapshot.BatchBytes; rows++ {
		p, err := d.row()
		if err == nil && p != nil {
			size += len(p)
			err = appendRow(b, p, d.surplus)
		}
		if err != nil {
			b.Reset()
			return err
		}
	}
	if b.Rows() == 0 {
		return io.EOF
	}
	return nil
}

// row returns the next row's packet, or nil behind the last.
func (d *decoder) row() ([]byte, error) {
	p := d.pending
	d.pending = nil
	if p == nil {
		var err error
		if p, err = d.frames.packet(); err != nil {
			return nil, err
		}
	}
	if len(p) > 0 && p[0] == markError {
		d.done = true
		return nil, serverError(p)
	}
	if len(p) >= 5 && len(p) < maxFrame && p[0] == markEnd {
		return nil, d.end(p)
	}
	return p, nil
}

// appendRow appends the values of one row packet to b. It allocates nothing but what the vectors need to grow.
func appendRow(b *snapshot.Batch, p []byte, surplus bool) error {
	for i := range b.Columns {
		if len(p) > 0 && p[0] <= markNull {
			if n := int(p[0]); n == markNull { // short values first: nearly all are
				b.Columns[i].AppendNull()
				p = p[1:]
				continue
			} else if n < len(p) {
				b.Columns[i].Append(p[1 : 1+n])
				p = p[1+n:]
				continue
			}
		}
		n, rest, ok := lengthInteger(p)
		if !ok || n > uint64(len(rest)) {
			return fmt.Errorf("read row: value %d ends behind its packet: %w", i, ErrMalformed)
		}
		b.Columns[i].Append(rest[:n])
		p = rest[n:]
	}
	if len(p) != 0 && !surplus {
		return fmt.Errorf("read row: %d bytes behind the last value: %w", len(p), ErrMalformed)
	}
	return nil
}

package streamload

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// A CSV row is at most this long (be:formats/csv/csv_reader.h kMaxBufferSize).
const maxRow = 512 << 20

// firstBuffer is what a decoder starts with; it doubles for longer rows.
const firstBuffer = 1 << 20

// csvFormat is how a CSV body is written. A zero enclose or escape is not "none" to the parser: as soon as one of the two
// is set, the other one is the byte 0 (be:formats/csv/csv_reader.h CSVParseOptions).
type csvFormat struct {
	separator  []byte
	delimiter  []byte
	enclose    byte
	escape     byte
	trimSpace  bool
	skipHeader int64
}

// quoted tells whether the state machine parses, instead of the plain splitter (be:exec/file_scanner/csv_scanner.cpp
// _use_v2).
func (d csvFormat) quoted() bool { return d.enclose != 0 || d.escape != 0 }

// decoder reads CSV rows from a stream with a bounded buffer.
type decoder struct {
	csvFormat
	src        io.Reader
	buf        []byte
	start, end int // unread bytes
	eof        bool

	special [256]bool // bytes that the state machine has to look at
	spans   []span
	dropped []int  // offsets of escape characters in the field that is being read
	scratch []byte // fields that lost characters
	fields  [][]byte
}

// span is a field: offsets in buf, or in scratch when it was rewritten.
type span struct {
	from, to  int
	rewritten bool
}

func newDecoder(src io.Reader, d csvFormat) *decoder {
	dec := &decoder{csvFormat: d, src: src, buf: make([]byte, firstBuffer)}
	for _, b := range []byte{d.enclose, d.escape, d.separator[0], d.delimiter[0]} {
		dec.special[b] = true
	}
	return dec
}

// skip drops the header rows. They are raw lines in both parsers.
func (d *decoder) skip() error {
	for i := int64(0); i < d.skipHeader; i++ {
		if _, err := d.line(); err == io.EOF {
			return native("The parameter 'skip_header' is set to %d, but there are only %d rows in the csv file", d.skipHeader, i)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// next returns the next row that is not blank: its raw text and its fields, valid until the next call; io.EOF at the end.
func (d *decoder) next() (row []byte, fields [][]byte, err error) {
	if d.quoted() {
		return d.nextQuoted()
	}
	for {
		row, err = d.line()
		if err != nil {
			return nil, nil, err
		}
		if len(row) > 0 {
			return row, d.split(row), nil
		}
	}
}

// line returns the bytes up to the next row delimiter, without it.
func (d *decoder) line() ([]byte, error) {
	searched := 0
	for {
		if i := bytes.Index(d.buf[d.start+searched:d.end], d.delimiter); i >= 0 {
			row := d.buf[d.start : d.start+searched+i]
			d.start += searched + i + len(d.delimiter)
			return row, nil
		}
		if d.eof {
			if d.start == d.end {
				return nil, io.EOF
			}
			row := d.buf[d.start:d.end]
			d.start = d.end
			return row, nil
		}
		searched = max(0, d.end-d.start-len(d.delimiter)+1)
		if err := d.fill(); err != nil {
			return nil, err
		}
	}
}

func (d *decoder) split(row []byte) [][]byte {
	d.fields = d.fields[:0]
	for {
		i := bytes.Index(row, d.separator)
		field := row
		if i >= 0 {
			field = row[:i]
		}
		if d.trimSpace {
			field = bytes.Trim(field, " ")
		}
		d.fields = append(d.fields, field)
		if i < 0 {
			return d.fields
		}
		row = row[i+len(d.separator):]
	}
}

// fill moves the unread bytes to the front and at least doubles them, so that a row that is parsed again from its start
// costs no more than twice its length.
func (d *decoder) fill() error {
	unread := d.end - d.start
	if d.start > 0 {
		copy(d.buf, d.buf[d.start:d.end])
		d.start, d.end = 0, unread
	}
	if unread == len(d.buf) {
		if len(d.buf) >= maxRow {
			return native("CSV line length exceed limit %d", maxRow)
		}
		d.buf = slices.Grow(d.buf, len(d.buf))[:2*len(d.buf)]
	}
	for want := max(unread, 1); want > 0 && d.end < len(d.buf); {
		n, err := d.src.Read(d.buf[d.end:])
		d.end += n
		want -= n
		if err == io.EOF {
			d.eof = true
			return nil
		}
		if err != nil {
			return fmt.Errorf("read body: %w", err)
		}
	}
	return nil
}

// nextQuoted is the state machine for bodies with enclose or escape.
func (d *decoder) nextQuoted() ([]byte, [][]byte, error) {
	for {
		end, complete := d.scan()
		if !complete {
			if err := d.fill(); err != nil {
				return nil, nil, err
			}
			continue
		}
		if d.start == d.end {
			return nil, nil, io.EOF
		}
		row := d.buf[d.start:end]
		d.start = end
		if d.blank() {
			continue
		}
		d.fields = d.fields[:0]
		for _, s := range d.spans {
			if s.rewritten {
				d.fields = append(d.fields, d.scratch[s.from:s.to])
			} else {
				d.fields = append(d.fields, d.buf[s.from:s.to])
			}
		}
		return row, d.fields, nil
	}
}

// blank tells whether the row that scan found has nothing in it; an enclosed empty field is not blank.
func (d *decoder) blank() bool { return len(d.spans) == 0 }

// States of the machine, as in be:formats/csv/csv_reader.cpp more_rows.
type state int

const (
	fieldStart state = iota
	ordinary
	enclosed
	escaped
)

// scan reads the fields of the row at d.start into spans and returns where the next row begins; complete is false when
// the buffer ends before the row does and there is more to read.
func (d *decoder) scan() (end int, complete bool) {
	d.spans, d.dropped, d.scratch = d.spans[:0], d.dropped[:0], d.scratch[:0]
	var (
		st, before = fieldStart, ordinary // before is the state that an escape returns to
		from       = d.start
		quoted     = false
		trimmed    = -1 // where the blanks behind an enclosed field begin
		i          = d.start
	)
	closeField := func(at int) {
		to := at
		if trimmed >= 0 {
			to = trimmed
		}
		s := span{from, to, false}
		if len(d.dropped) > 0 {
			s = d.rewrite(from, to)
		}
		if quoted && s.to > s.from {
			s.to-- // the byte before the separator goes, which is the closing quote unless the text is damaged
		}
		d.spans = append(d.spans, s)
		st, quoted, trimmed, d.dropped = fieldStart, false, -1, d.dropped[:0]
	}
	for {
		if st == ordinary || st == enclosed {
			for i < d.end && !d.special[d.buf[i]] {
				i++
			}
		}
		if i >= d.end {
			if !d.eof {
				return 0, false
			}
			if i > d.start && (len(d.spans) > 0 || i > from || quoted) {
				closeField(i)
			}
			return d.end, true
		}
		b := d.buf[i]
		if st == enclosed {
			switch b {
			case d.enclose:
				if i+1 >= d.end && !d.eof {
					return 0, false
				}
				if i+1 < d.end && d.buf[i+1] == d.enclose {
					d.dropped = append(d.dropped, i)
					i += 2
					continue
				}
				i++
				st = ordinary
				if d.trimSpace && i < d.end && d.buf[i] == ' ' {
					trimmed = i
				}
			case d.escape:
				d.dropped = append(d.dropped, i)
				i++
				st, before = escaped, enclosed
			default:
				i++
			}
			continue
		}
		if st == escaped && (b == d.enclose || b == d.escape) {
			i++
			st = before
			continue
		}
		if st == fieldStart {
			if d.trimSpace && b == ' ' {
				i++
				continue
			}
			from = i
		}
		n, which := d.boundary(i)
		if which == cut {
			return 0, false
		}
		switch {
		case which != none && st == escaped:
			i += n
			st = before
		case which == rowEnd:
			if len(d.spans) > 0 || i > from || quoted {
				closeField(i)
			}
			return i + n, true
		case which == fieldEnd:
			closeField(i)
			i += n
			from = i
		case b == d.escape:
			d.dropped = append(d.dropped, i)
			i++
			st, before = escaped, ordinary
		case b == d.enclose && st == fieldStart:
			i++
			from, quoted, st = i, true, enclosed
		case b == d.enclose:
			// A lone quote in a field that is not enclosed is dropped.
			d.dropped = append(d.dropped, i)
			i++
			st = ordinary
		default:
			// An escape before a plain byte leaves the enclosed state, as the original falls through here.
			i++
			st = ordinary
		}
	}
}

type boundary int

const (
	none boundary = iota
	rowEnd
	fieldEnd
	cut // the buffer ends inside of what may be one
)

// boundary tells whether a row delimiter or a separator begins at i; the row delimiter wins.
func (d *decoder) boundary(i int) (int, boundary) {
	if d.buf[i] == d.delimiter[0] {
		if bytes.HasPrefix(d.buf[i:d.end], d.delimiter) {
			return len(d.delimiter), rowEnd
		}
		if d.mayContinue(i, d.delimiter) {
			return 0, cut
		}
	}
	if d.buf[i] == d.separator[0] {
		if bytes.HasPrefix(d.buf[i:d.end], d.separator) {
			return len(d.separator), fieldEnd
		}
		if d.mayContinue(i, d.separator) {
			return 0, cut
		}
	}
	return 0, none
}

// mayContinue tells whether the buffer ends inside of what may be text.
func (d *decoder) mayContinue(i int, text []byte) bool {
	return !d.eof && d.end-i < len(text) && bytes.HasPrefix(text, d.buf[i:d.end])
}

// rewrite copies a field without its escape characters.
func (d *decoder) rewrite(from, to int) span {
	s := span{len(d.scratch), 0, true}
	for _, at := range d.dropped {
		if at >= to {
			break
		}
		d.scratch = append(d.scratch, d.buf[from:at]...)
		from = at + 1
	}
	d.scratch = append(d.scratch, d.buf[from:to]...)
	s.to = len(d.scratch)
	return s
}

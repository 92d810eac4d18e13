package starrocks

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// unfitError says that a value cannot travel the way its column does, but may the other way.
type unfitError struct {
	field  int
	reason string
	pieces int // that it needs instead; 0: another carriage
}

func (e *unfitError) Error() string { return e.reason }

// encoder turns rows into CSV, a batch at a time. Its buffers are used again: nothing is allocated per row.
type encoder struct {
	rows   snapshot.RowReader
	fields []field
	lead   string // begins every row
	batch  *snapshot.Batch
	primed bool // batch holds rows that are not encoded yet
	out    []byte
	at     int
	nested []byte
	sent   int64 // rows encoded
	err    error
}

func newEncoder(rows snapshot.RowReader, fields []field) *encoder {
	return &encoder{rows: rows, fields: fields, batch: snapshot.NewBatch(len(fields))}
}

// prime reads the first rows and tells whether there are any.
func (e *encoder) prime() (bool, error) {
	err := e.rows.Next(e.batch)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	e.primed = err == nil
	return e.primed, err
}

// Read yields the CSV. After an error that is not io.EOF the body is incomplete, so that no load can commit it.
func (e *encoder) Read(p []byte) (int, error) {
	for e.at == len(e.out) {
		if e.err != nil {
			return 0, e.err
		}
		e.out, e.at = e.out[:0], 0
		if e.err = e.fill(); e.err != nil {
			e.out = e.out[:0]
		}
	}
	n := copy(p, e.out[e.at:])
	e.at += n
	return n, nil
}

func (e *encoder) fill() error {
	if !e.primed {
		if err := e.rows.Next(e.batch); err != nil {
			return err
		}
	}
	e.primed = false
	if len(e.batch.Columns) != len(e.fields) {
		return fmt.Errorf("encode rows: %d values where the table has %d columns", len(e.batch.Columns), len(e.fields))
	}
	rows := e.batch.Rows()
	for i := range rows {
		e.out = append(e.out, e.lead...)
		for j := range e.fields {
			if j > 0 {
				e.out = append(e.out, ',')
			}
			v := &e.batch.Columns[j]
			if v.Null[i] {
				e.nulls(e.fields[j].pieces)
				continue
			}
			if err := e.value(j, v.Value(i)); err != nil {
				return err
			}
		}
		e.out = append(e.out, '\n')
	}
	e.sent += int64(rows)
	return nil
}

// nulls writes n fields of NULL.
func (e *encoder) nulls(n int) {
	for i := range n {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		e.out = append(e.out, '\\', 'N')
	}
}

func (e *encoder) value(j int, v []byte) error {
	f := &e.fields[j]
	switch f.by {
	case bare, casted:
		if !plain(v) {
			return fmt.Errorf("column %s: value %.40q is not of type %s: %w", f.column.Name, v, f.column.Type, cluster.ErrUnsupported)
		}
		e.out = append(e.out, v...)
		return nil
	case hexed:
		return e.hexadecimal(j, v)
	case nested:
		var err error
		if e.nested, err = f.typ.toLoad(e.nested[:0], v); err != nil {
			return fmt.Errorf("column %s: %w", f.column.Name, err)
		}
		v = e.nested
	default:
		if reason := f.unquotable(v); reason != "" {
			return &unfitError{field: j, reason: reason}
		}
		if f.by == boxed {
			e.nested = append(append(append(e.nested[:0], '['), v...), ']')
			v = e.nested
		}
	}
	if len(v) > maxJSON {
		return fmt.Errorf("column %s: a value takes %d bytes, and a load %d at most: %w", f.column.Name, len(v), maxJSON, cluster.ErrUnsupported)
	}
	e.out = appendQuoted(e.out, v)
	return nil
}

// hexadecimal writes a value in the fields of its column.
func (e *encoder) hexadecimal(j int, v []byte) error {
	f := &e.fields[j]
	parts, err := f.cut(v)
	if err != nil {
		return fmt.Errorf("column %s: %w", f.column.Name, err)
	}
	if len(parts) > f.pieces {
		return &unfitError{j, fmt.Sprintf("a value of %d bytes needs %d fields", len(v), len(parts)), len(parts)}
	}
	for i, p := range parts {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		if len(p) == 0 {
			e.out = append(e.out, '"', '"') // a row of one empty value would be a blank line, which is skipped
		}
		e.out = hex.AppendEncode(e.out, p)
	}
	if missing := f.pieces - len(parts); missing > 0 && f.column.Encoding == snapshot.BitmapEncoding {
		e.out = append(e.out, ',')
		e.nulls(missing) // an empty text is no bitmap
	} else {
		e.out = append(e.out, strings.Repeat(`,""`, missing)...)
	}
	return nil
}

// cut divides a value into pieces that have room in a field each.
func (f *field) cut(v []byte) (parts [][]byte, err error) {
	if len(v) <= maxPiece {
		return [][]byte{v}, nil
	}
	if f.column.Encoding == snapshot.BitmapEncoding {
		parts, err = splitBitmap(v, maxPiece)
		if len(parts) > maxBitmapPieces {
			err = fmt.Errorf("a bitmap of %d bytes is larger than the about %d that a load takes: %w", len(v), maxBitmapPieces*maxPiece, cluster.ErrUnsupported)
		}
		return parts, err
	}
	if len(v) > maxField {
		return nil, fmt.Errorf("a value of %d bytes is longer than the %d that a load takes: %w", len(v), maxField, cluster.ErrUnsupported)
	}
	for ; len(v) > maxPiece; v = v[maxPiece:] {
		parts = append(parts, v[:maxPiece])
	}
	return append(parts, v), nil
}

// plain tells whether a value is made of the bytes of numbers and times.
func plain(v []byte) bool {
	for _, c := range v {
		if c < ' ' || c == ',' || c == '"' || c == '\\' || c > '~' {
			return false
		}
	}
	return len(v) > 0
}

// unquotable says why JSON must not travel as it does. With enclose, a NUL byte acts as escape character
// (be:formats/csv/csv_reader.h), and a carriage return is in doubt.
func (f *field) unquotable(v []byte) string {
	switch {
	case !utf8.Valid(v):
		return "a value is not UTF-8"
	case bytes.ContainsAny(v, "\x00\r"):
		return "a value holds a NUL or carriage return"
	case f.by == quoted && (len(v) == 0 || !strings.ContainsRune(`{["`, rune(v[0]))):
		return "a value is a JSON scalar"
	case f.by == quoted:
		return ""
	case !json.Valid(v): // parse_json would make it NULL
		return fmt.Sprintf("value %.40q is not JSON", v)
	case f.by == wrapped && len(v) > maxField-len("[]"):
		return fmt.Sprintf("a value of %d bytes has no room in a text", len(v))
	}
	return ""
}

// change lets a column travel another way from now on.
func (f *field) change(e *unfitError) error {
	switch {
	case e.pieces > 0:
		f.pieces = e.pieces
	case f.by == quoted:
		f.by = wrapped
	case f.by == wrapped:
		f.by = boxed
	default:
		return fmt.Errorf("column %s: %s: %w", f.column.Name, e.reason, cluster.ErrUnsupported)
	}
	return nil
}

func appendQuoted(out, v []byte) []byte {
	out = append(out, '"')
	for {
		i := bytes.IndexByte(v, '"')
		if i < 0 {
			break
		}
		out = append(out, v[:i+1]...)
		out = append(out, '"')
		v = v[i+1:]
	}
	out = append(out, v...)
	return append(out, '"')
}

// body is the request body of one hop. Closing it waits for a Read under way, so that the transport, which may go on
// writing after it has returned an early answer, is done with the encoder when close returns.
type body struct {
	mu      sync.Mutex
	encoder *encoder
	closed  bool
	read    bool
}

var errBodyClosed = errors.New("request body is closed")

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, errBodyClosed
	}
	b.read = true
	return b.encoder.Read(p)
}

func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// begun tells whether any of the body was asked for.
func (b *body) begun() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read
}

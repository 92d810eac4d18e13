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

// carriage is how the values of a column travel in the CSV of a Stream Load. Plain CSV cannot carry every string: a row
// with a byte that is not UTF-8 is filtered, and the text \N is NULL even between quotes (be:formats/csv,
// be:exec/file_scanner/csv_scanner). Hexadecimal carries all, up to half of the length that the cluster allows a field.
type carriage int

const (
	bare    carriage = iota // numbers and times: their text needs no quotes
	quoted                  // between double quotes
	hexed                   // in a temporary field, decoded by an expression
	wrapped                 // JSON between quotes in a temporary field, parsed as the one element of an array
)

// maxField is the longest field that a Stream Load takes, temporary fields included (docs STREAM_LOAD, 1 MiB).
const maxField = 1 << 20

// field is one column of a load.
type field struct {
	column snapshot.Column
	by     carriage
}

// carriages decides how each column travels at first. JSON goes as text: its own parser then refuses what it cannot
// read, where parse_json in an expression would make it NULL without a word. But a scalar such as 1 or null would become
// a JSON string (be:types/json_value.cpp parse_json_or_string): a column that holds one is wrapped.
func carriages(columns []snapshot.Column) []field {
	fields := make([]field, len(columns))
	for i, c := range columns {
		fields[i].column = c
		switch c.Type.Kind {
		case snapshot.String, snapshot.Binary:
			fields[i].by = hexed
		case snapshot.JSON:
			fields[i].by = quoted
		}
	}
	return fields
}

// decoder is the expression that makes a column of its temporary field. unhex of an empty text is empty and of NULL is
// NULL, unlike from_base64, which makes NULL of an empty text (be:exprs/encryption_functions.cpp).
func (f *field) decoder(from string) string {
	switch {
	case f.by == wrapped:
		return "json_query(parse_json(concat('['," + from + ",']')),'$[0]')"
	case f.column.Type.Kind == snapshot.Binary:
		return "to_binary(" + from + ",'hex')"
	}
	return "unhex(" + from + ")"
}

// columnsHeader prints the mapping of fields to columns.
func columnsHeader(fields []field) (string, error) {
	prefix := temporaryPrefix(fields)
	var sources, mappings []string
	for i, f := range fields {
		name, err := identifier(f.column.Name)
		if err != nil {
			return "", err
		}
		if strings.ContainsFunc(f.column.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", fmt.Errorf("column %q: a control character cannot stand in an HTTP header: %w", f.column.Name, cluster.ErrUnsupported)
		}
		if f.by == hexed || f.by == wrapped {
			source := fmt.Sprintf("`%s%d`", prefix, i)
			mappings = append(mappings, name+"="+f.decoder(source))
			name = source
		}
		sources = append(sources, name)
	}
	return strings.Join(append(sources, mappings...), ","), nil
}

// temporaryPrefix begins the names of temporary fields: no column may have such a name.
func temporaryPrefix(fields []field) string {
	prefix := "starkeep_"
	for i := 0; i < len(fields); i++ {
		if strings.HasPrefix(strings.ToLower(fields[i].column.Name), prefix) {
			prefix = "_" + prefix
			i = -1
		}
	}
	return prefix
}

// unfitError says that a value cannot travel the way its column does, but may the other way.
type unfitError struct {
	field  int
	reason string
}

func (e *unfitError) Error() string { return e.reason }

// encoder turns rows into CSV, a batch at a time. Its buffers are used again: nothing is allocated per row.
type encoder struct {
	rows   snapshot.RowReader
	fields []field
	batch  *snapshot.Batch
	primed bool // batch holds rows that are not encoded yet
	out    []byte
	at     int
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
		for j := range e.fields {
			if j > 0 {
				e.out = append(e.out, ',')
			}
			v := &e.batch.Columns[j]
			if v.Null[i] {
				e.out = append(e.out, '\\', 'N')
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

func (e *encoder) value(j int, v []byte) error {
	switch f := &e.fields[j]; {
	case f.by == bare:
		if !plain(v) {
			return fmt.Errorf("column %s: value %.40q is not of type %s: %w", f.column.Name, v, f.column.Type, cluster.ErrUnsupported)
		}
		e.out = append(e.out, v...)
	case f.by == hexed:
		if len(v) > maxField/2 {
			return &unfitError{j, fmt.Sprintf("a value of %d bytes has no room in hexadecimal", len(v))}
		}
		if len(v) == 0 {
			e.out = append(e.out, '"', '"') // a row of one empty value would be a blank line, which is skipped
		}
		e.out = hex.AppendEncode(e.out, v)
	default:
		if reason := f.unquotable(v); reason != "" {
			return &unfitError{j, reason}
		}
		e.out = appendQuoted(e.out, v)
	}
	return nil
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

// unquotable says why a value must not travel between quotes. With enclose, a NUL byte acts as escape character
// (be:formats/csv/csv_reader.h), and a carriage return is in doubt.
func (f *field) unquotable(v []byte) string {
	switch {
	case !utf8.Valid(v):
		return "a value is not UTF-8"
	case bytes.ContainsAny(v, "\x00\r"):
		return "a value holds a NUL or carriage return"
	case f.by == wrapped && !json.Valid(v): // parse_json would make it NULL
		return fmt.Sprintf("value %.40q is not JSON", v)
	case f.column.Type.Kind == snapshot.JSON && f.by == quoted:
		if len(v) == 0 || !strings.ContainsRune(`{["`, rune(v[0])) {
			return "a value is a JSON scalar"
		}
		return "" // its length has a limit of its own, which the cluster checks
	case len(v) > maxField:
		return fmt.Sprintf("a value of %d bytes is longer than a load takes", len(v))
	case string(v) == `\N`:
		return `a value is the text \N, which a load takes for NULL`
	}
	return ""
}

// other is the way a column travels when it cannot go on as it did.
func (f *field) other() (carriage, bool) {
	switch {
	case f.by == hexed && f.column.Type.Kind == snapshot.String:
		return quoted, true
	case f.by == quoted && f.column.Type.Kind == snapshot.JSON:
		return wrapped, true
	}
	return f.by, false
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

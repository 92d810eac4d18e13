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
// be:exec/file_scanner/csv_scanner). Hexadecimal carries all, in as many fields as it needs: a field is at most 1 MiB.
type carriage int

const (
	bare    carriage = iota // numbers and times: their text needs no quotes
	quoted                  // JSON between double quotes
	wrapped                 // JSON between quotes in a temporary field, parsed as the one element of an array
	hexed                   // bytes, in temporary fields
	casted                  // bare in a temporary field: a type that has no CSV converter
	boxed                   // JSON as the one element of an array, between quotes in a staging table: of any length
	nested                  // the same, for JSON that an INSERT makes into ARRAY, MAP or STRUCT
)

const (
	// maxField is the longest text field that a load takes, temporary ones included (be:formats/csv/string_converter.cpp
	// MAX_VARCHAR_LENGTH); a longer concat is NULL (be:exprs/string_functions.cpp, olap_string_max_length).
	maxField = 1 << 20
	// maxPiece is what a field holds in hexadecimal.
	maxPiece = maxField / 2
	// maxJSON is the longest JSON that is parsed (be:types/json_value.h kJSONLengthLimit).
	maxJSON = 16 << 20
	// maxBitmapPieces bounds the fields of one column. Pieces of a bitmap are bitmaps that are united afterwards.
	maxBitmapPieces = 64
	// maxHeader is the longest columns header that is sent: a front end takes 32 KiB of headers (fe:Config http_max_header_size).
	maxHeader = 16 << 10
)

// field is one column of a load.
type field struct {
	column snapshot.Column
	by     carriage
	pieces int       // of a hexed column: the CSV fields that it takes
	typ    *dataType // of a nested column
}

// carriages decides how each column travels at first. JSON goes as text: its own parser then refuses what it cannot
// read, where parse_json in an expression would make it NULL without a word. But a scalar such as 1 or null would become
// a JSON string (be:types/json_value.cpp parse_json_or_string): a column that holds one is wrapped.
func carriages(columns []snapshot.Column) ([]field, error) {
	fields := make([]field, len(columns))
	for i, c := range columns {
		f := field{column: c, pieces: 1}
		switch {
		case c.Encoding == snapshot.NestedEncoding:
			var err error
			if f.typ, err = typeOf(c.Source); err != nil {
				return nil, fmt.Errorf("column %s: %w", c.Name, err)
			}
			f.by = nested
		case c.Type.Kind == snapshot.String, c.Type.Kind == snapshot.Binary:
			f.by = hexed
		case c.Type.Kind == snapshot.JSON:
			f.by = quoted
		case c.Type.Kind == snapshot.Decimal && c.Type.Precision > convertible:
			f.by = casted
		}
		fields[i] = f
	}
	return fields, nil
}

// temporary tells whether a column is made by an expression from fields of other names.
func (f *field) temporary() bool { return f.by != bare && f.by != quoted }

// staged tells whether no expression of a Stream Load makes the column: HLL takes hll_hash and hll_empty only (fe:Load), and
// lambdas, which ARRAY, MAP and STRUCT need, are for certain only in a SELECT. A name with a control character cannot stand
// in the header of a load.
func (f *field) staged() bool {
	return f.by == nested || f.by == boxed || f.column.Encoding == snapshot.HLLEncoding ||
		strings.ContainsFunc(f.column.Name, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// decoder is the expression that makes a column of its fields. unhex of an empty text is empty and of NULL is NULL, unlike
// from_base64, which makes NULL of an empty text (be:exprs/encryption_functions.cpp).
func (f *field) decoder(from []string) string {
	switch f.by {
	case wrapped:
		return "json_query(parse_json(concat('['," + from[0] + ",']')),'$[0]')"
	case casted:
		return fmt.Sprintf("cast(%s as decimal(%d,%d))", from[0], f.column.Type.Precision, f.column.Type.Scale)
	case boxed:
		return "cast(" + from[0] + " as array<json>)[1]"
	case nested:
		return f.typ.construct(from[0], 0)
	}
	switch {
	case f.column.Encoding == snapshot.BitmapEncoding:
		return union(from)
	case f.column.Encoding == snapshot.HLLEncoding && f.column.Nullable:
		return "if(" + from[0] + " IS NULL,NULL,hll_deserialize(unhex(" + from[0] + ")))" // of NULL it makes an empty HLL
	case f.column.Encoding == snapshot.HLLEncoding:
		return "hll_deserialize(unhex(" + from[0] + "))"
	case f.column.Type.Kind == snapshot.Binary && len(from) == 1:
		return "to_binary(" + from[0] + ",'hex')"
	case f.column.Type.Kind == snapshot.Binary: // utf8 leaves the bytes as they are (be:exprs/binary_functions.cpp)
		return "to_binary(" + joined(from) + ",'utf8')"
	}
	return joined(from)
}

// joined puts the pieces of a text together.
func joined(from []string) string {
	if len(from) == 1 {
		return "unhex(" + from[0] + ")"
	}
	return "concat(unhex(" + strings.Join(from, "),unhex(") + "))"
}

// union makes a bitmap of its pieces. bitmap_from_binary looks at what it is given, base64_to_bitmap does not
// (be:exprs/bitmap_functions.cpp).
func union(from []string) string {
	all := ""
	for i, f := range from {
		one := "bitmap_from_binary(to_binary(" + f + ",'hex'))"
		if i == 0 {
			all = one
		} else {
			all = "bitmap_or(" + all + ",ifnull(" + one + ",bitmap_empty()))"
		}
	}
	return all
}

// source is a field of the CSV.
type source struct {
	name string // quoted
	typ  string // of its column in a staging table
}

// sources lists the CSV fields of all columns, and the expressions of the columns over them, "" where the field is the
// column itself.
func sources(fields []field) (list []source, expressions []string, err error) {
	prefix := temporaryPrefix(fields)
	for i := range fields {
		f := &fields[i]
		name, err := identifier(f.column.Name)
		if err != nil {
			return nil, nil, err
		}
		if !f.temporary() {
			list, expressions = append(list, source{name, f.column.Source}), append(expressions, "")
			continue
		}
		typ := fmt.Sprintf("varchar(%d)", maxField)
		if f.by == nested || f.by == boxed {
			typ = "json"
		}
		names := make([]string, f.pieces)
		for j := range names {
			names[j] = fmt.Sprintf("`%s%d`", prefix, i)
			if j > 0 {
				names[j] = fmt.Sprintf("`%s%d_%d`", prefix, i, j)
			}
			list = append(list, source{names[j], typ})
		}
		expressions = append(expressions, f.decoder(names))
	}
	return list, expressions, nil
}

// columnsHeader prints the mapping of fields to columns.
func columnsHeader(fields []field) (string, error) {
	list, expressions, err := sources(fields)
	if err != nil {
		return "", err
	}
	parts := make([]string, len(list), len(list)+len(fields))
	for i, s := range list {
		parts[i] = s.name
	}
	for i, f := range fields {
		if expressions[i] != "" {
			name, err := identifier(f.column.Name)
			if err != nil {
				return "", err
			}
			parts = append(parts, name+"="+expressions[i])
		}
	}
	return strings.Join(parts, ","), nil
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

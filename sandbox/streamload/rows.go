package streamload

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"starkeep/sandbox/value"
)

// The batch that is handed to the engine ends at whichever comes first.
const (
	batchRows  = 4096
	batchBytes = 4 << 20
)

// maxErrors is how many bad rows the error log describes (be:exec/file_scanner/csv_scanner.cpp REPORT_ERROR_MAX_NUMBER).
const maxErrors = 50

// result counts the rows of a load.
type result struct {
	total, loaded, filtered int64
	log                     strings.Builder // what was wrong with the first bad rows
	logged                  int
}

// reject counts a bad row.
func (r *result) reject(reason string, row []byte) {
	r.filtered++
	if r.logged++; r.logged <= maxErrors {
		fmt.Fprintf(&r.log, "Error: %s. Row: %s\n", reason, bytes.TrimRight(row, "\r\n"))
	}
}

// rowLoader feeds the rows of a body to a transaction.
type rowLoader struct {
	*plan
	decoder *decoder
	load    Load
	batch   Batch
	data    [][]byte // what expressions see of the fields; nil is NULL
	result  result
}

func newRowLoader(p *plan, d *decoder, load Load) *rowLoader {
	return &rowLoader{plan: p, decoder: d, load: load,
		batch: Batch{Columns: make([]Vector, len(p.columns))}, data: make([][]byte, len(p.fields))}
}

// run loads all rows, or fails on an error that is no matter of rows.
func (l *rowLoader) run() error {
	if err := l.decoder.skip(); err != nil {
		return err
	}
	for {
		row, fields, err := l.decoder.next()
		if err == io.EOF {
			return l.flush()
		}
		if err != nil {
			return err
		}
		l.result.total++
		if reason := l.add(row, fields); reason != "" {
			l.batch.truncate(l.batch.complete())
			l.result.reject(reason, row)
			continue
		}
		if l.batch.Rows() >= batchRows || l.batch.bytes() >= batchBytes {
			if err := l.flush(); err != nil {
				return err
			}
		}
	}
}

// add appends one row to the batch; it returns why the row is bad, after which the batch may hold a part of it.
func (l *rowLoader) add(row []byte, fields [][]byte) string {
	if len(fields) != len(l.fields) {
		return fmt.Sprintf("Target column count: %d doesn't match source value column count: %d. Column separator: %s, Row delimiter: %s",
			len(l.fields), len(fields), visible(l.decoder.separator), visible(l.decoder.delimiter))
	}
	if !utf8.Valid(row) {
		return "Invalid UTF-8 row"
	}
	for i, f := range l.fields {
		if reason := l.read(i, f, fields[i]); reason != "" {
			return reason
		}
	}
	for i := range l.columns {
		if reason := l.complete(i); reason != "" {
			return reason
		}
	}
	return ""
}

// read takes one field: as the value of its column, and as the text that expressions see.
func (l *rowLoader) read(i int, f field, text []byte) string {
	null := string(text) == `\N` // also when it was enclosed: the quotes are gone by now
	if f.used {
		if l.data[i] = text; null {
			l.data[i] = nil
		}
		if len(text) > value.MaxString {
			if l.strict {
				return outOfRange(f.name, i, "VARCHAR", text)
			}
			l.data[i] = nil
		}
	}
	if f.target < 0 {
		return ""
	}
	v, c := &l.batch.Columns[f.target], &l.columns[f.target]
	if null {
		return l.null(v, c)
	}
	data, ok := c.convert(v.Data, text)
	switch {
	case ok:
		v.Data = data
		v.end(false)
	case l.strict:
		return outOfRange(f.name, i, value.Name(c.Type), text)
	default:
		v.Data = data[:v.size()]
		return l.null(v, c) // without strict mode a value that is none is NULL, silently
	}
	return ""
}

func (l *rowLoader) null(v *Vector, c *column) string {
	if !c.Nullable {
		return fmt.Sprintf("NULL value in non-nullable column '%s'", c.Name)
	}
	v.AppendNull()
	return ""
}

// complete fills a column that no field has filled.
func (l *rowLoader) complete(i int) string {
	c := &l.columns[i]
	if c.filled {
		return ""
	}
	v := &l.batch.Columns[i]
	if c.Generated || c.AutoIncrement && c.compute == nil {
		v.AppendNull() // the engine fills it
		return ""
	}
	if c.compute == nil {
		if !c.HasDefault || c.DefaultNull {
			return l.null(v, c)
		}
		v.Append([]byte(c.Default))
		return ""
	}
	computed := c.compute.Eval(l.data)
	if computed == nil {
		return l.null(v, c)
	}
	if text := c.Type.Text() || c.Type.Name == "VARBINARY"; text && len(computed) > value.Limit(c.Type) {
		// be:exec/tablet_sink.cpp _validate_data: strict mode or not
		return fmt.Sprintf("String (length=%d) is too long. The type of '%s' is %s", len(computed), c.Name, value.Name(c.Type))
	}
	v.Append(computed)
	return ""
}

func outOfRange(name string, at int, typ string, text []byte) string {
	return fmt.Sprintf("The field (name = %s, pos = %d) is out of range. Type: %s, Value length: %d, Value: %s", name, at, typ, len(text), text)
}

// visible prints a delimiter as the error log does.
func visible(delimiter []byte) string {
	var s strings.Builder
	s.WriteByte('\'')
	for _, b := range delimiter {
		switch {
		case b == '\n':
			s.WriteString(`\n`)
		case b == '\t':
			s.WriteString(`\t`)
		case b >= ' ' && b < 0x7f:
			s.WriteByte(b)
		default:
			fmt.Fprintf(&s, "0x%x", b)
		}
	}
	s.WriteByte('\'')
	return s.String()
}

// flush stages the batch.
func (l *rowLoader) flush() error {
	rows := l.batch.Rows()
	if rows == 0 {
		return nil
	}
	rejected, err := l.load.Append(&l.batch)
	if err != nil {
		return err
	}
	for _, r := range rejected {
		l.result.reject(r.Reason, l.batch.text(r.Row))
	}
	l.result.loaded += int64(rows - len(rejected))
	l.batch.Reset()
	return nil
}

package starrocks

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"starkeep/snapshot"
)

// The nested encoding of a snapshot (docs/format.md) is JSON: an ARRAY is an array, a MAP an array of [key, value] pairs in
// the order of the source, a STRUCT an object of its fields in the order declared, NULL is null, and every leaf a string of
// the text that the source prints. Bytes that are not UTF-8 are {"hex": "…"}.
//
// It is made of the text on the wire, which is no JSON but can be read without doubt by who knows the type
// (be:column/mysql_row_buffer.cpp, be:column/{array,map,struct,json}_column.cpp put_mysql_row_buffer): strings, dates and
// names of fields stand between double quotes and JSON between single ones, in both with that quote and the backslash
// escaped by a backslash and every other byte as it is; numbers stand bare; NULL is null.

var errNested = errors.New("nested value is not of its type")

// fromWire reads a value from text and appends its encoding to out.
func (t *dataType) fromWire(out, text []byte) (more, rest []byte, err error) {
	if after, ok := bytes.CutPrefix(text, []byte("null")); ok {
		return append(out, "null"...), after, nil
	}
	switch t.name {
	case "array":
		return t.partsFromWire(out, text, '[', ']')
	case "map", "struct":
		return t.partsFromWire(out, text, '{', '}')
	}
	return t.leafFromWire(out, text)
}

func (t *dataType) partsFromWire(out, text []byte, open, end byte) (more, rest []byte, err error) {
	if len(text) == 0 || text[0] != open {
		return out, text, fmt.Errorf("%c expected at %.20q: %w", open, text, errNested)
	}
	brackets := "[]"
	if t.name == "struct" {
		brackets = "{}"
	}
	out, text = append(out, brackets[0]), text[1:]
	for i := 0; ; i++ {
		if i == 0 && len(text) > 0 && text[0] == end && t.name != "struct" {
			return append(out, brackets[1]), text[1:], nil
		}
		if i > 0 {
			out = append(out, ',')
		}
		if out, text, err = t.partFromWire(out, text, i); err != nil {
			return out, text, err
		}
		switch {
		case len(text) == 0:
			return out, text, fmt.Errorf("%s is not closed: %w", t.name, errNested)
		case t.name == "struct" && (text[0] == end) != (i == len(t.types)-1):
			return out, text, fmt.Errorf("struct has not %d fields: %w", len(t.types), errNested)
		case text[0] == ',':
			text = text[1:]
		case text[0] == end:
			return append(out, brackets[1]), text[1:], nil
		default:
			return out, text, fmt.Errorf("comma expected at %.20q: %w", text, errNested)
		}
	}
}

// partFromWire reads an element, a pair or a field.
func (t *dataType) partFromWire(out, text []byte, i int) (more, rest []byte, err error) {
	switch t.name {
	case "array":
		return t.types[0].fromWire(out, text)
	case "map":
		if out, text, err = t.types[0].fromWire(append(out, '['), text); err != nil {
			return out, text, err
		}
		if text, err = colon(text); err != nil {
			return out, text, err
		}
		out, text, err = t.types[1].fromWire(append(out, ','), text)
		return append(out, ']'), text, err
	}
	if i == len(t.types) {
		return out, text, fmt.Errorf("struct has more than %d fields: %w", i, errNested)
	}
	name, text, err := unquoteWire(text, '"')
	if err != nil {
		return out, text, err
	}
	if !strings.EqualFold(string(name), t.names[i]) {
		return out, text, fmt.Errorf("field %q where %q is expected: %w", name, t.names[i], errNested)
	}
	if text, err = colon(text); err != nil {
		return out, text, err
	}
	out = append(appendString(out, []byte(t.names[i])), ':')
	return t.types[i].fromWire(out, text)
}

func colon(text []byte) ([]byte, error) {
	if len(text) == 0 || text[0] != ':' {
		return text, fmt.Errorf("colon expected at %.20q: %w", text, errNested)
	}
	return text[1:], nil
}

func (t *dataType) leafFromWire(out, text []byte) (more, rest []byte, err error) {
	var value []byte
	switch kinds[t.name] {
	case snapshot.String, snapshot.Binary, snapshot.Date, snapshot.Datetime:
		value, rest, err = unquoteWire(text, '"')
	case snapshot.JSON:
		value, rest, err = unquoteWire(text, '\'')
	default:
		end := bytes.IndexAny(text, ",:]}")
		if end <= 0 || !plain(text[:end]) || bytes.IndexByte(text[:end], ' ') >= 0 {
			return out, text, fmt.Errorf("%s expected at %.20q: %w", t, text, errNested)
		}
		value, rest = text[:end], text[end:]
	}
	if err != nil {
		return out, text, err
	}
	return appendLeaf(out, value), rest, nil
}

// unquoteWire reads a quoted text; it copies only where something is escaped.
func unquoteWire(text []byte, quote byte) (value, rest []byte, err error) {
	if len(text) == 0 || text[0] != quote {
		return nil, text, fmt.Errorf("%c expected at %.20q: %w", quote, text, errNested)
	}
	escaped := false
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			escaped = true
			i++
		case quote:
			value, rest = text[1:i], text[i+1:]
			if escaped {
				value = unescapeWire(value)
			}
			return value, rest, nil
		}
	}
	return nil, text, fmt.Errorf("%.20q is not closed: %w", text, errNested)
}

func unescapeWire(v []byte) []byte {
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
		}
		out = append(out, v[i])
	}
	return out
}

func appendLeaf(out, value []byte) []byte {
	if utf8.Valid(value) {
		return appendString(out, value)
	}
	out = append(out, `{"hex":"`...)
	out = hex.AppendEncode(out, value)
	return append(out, `"}`...)
}

// appendString writes a JSON string with the escapes that JSON demands, and no other: one text, one form.
func appendString(out, value []byte) []byte {
	const digits = "0123456789abcdef"
	out = append(out, '"')
	for _, c := range value {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ':
			out = append(out, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

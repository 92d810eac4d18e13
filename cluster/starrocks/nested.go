package starrocks

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"starkeep/cluster/wire"
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

// toLoad turns the encoding of a snapshot into the JSON that construct's expression takes apart: arrays only, whose leaves
// are texts, in hexadecimal where they may hold any bytes. A MAP is [keys, values], a STRUCT the array of its fields, a JSON
// value an array of one.
func (t *dataType) toLoad(out, text []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	out, err := t.partToLoad(out, d)
	if err == nil && d.More() {
		err = fmt.Errorf("text behind the value: %w", errNested)
	}
	return out, err
}

func (t *dataType) partToLoad(out []byte, d *json.Decoder) ([]byte, error) {
	token, err := d.Token()
	if err != nil {
		return out, fmt.Errorf("%w: %w", errNested, err)
	}
	return t.tokenToLoad(out, d, token)
}

func (t *dataType) tokenToLoad(out []byte, d *json.Decoder, token json.Token) ([]byte, error) {
	begins := func(delim json.Delim) error {
		if token != delim {
			return fmt.Errorf("%s expected instead of %v: %w", t.name, token, errNested)
		}
		return nil
	}
	switch {
	case token == nil:
		return append(out, "null"...), nil
	case t.name == "array":
		if err := begins('['); err != nil {
			return out, err
		}
		return t.elementsToLoad(out, d)
	case t.name == "map":
		if err := begins('['); err != nil {
			return out, err
		}
		return t.pairsToLoad(out, d)
	case t.name == "struct":
		if err := begins('{'); err != nil {
			return out, err
		}
		return t.fieldsToLoad(out, d)
	}
	value, err := leafOf(d, token)
	if err != nil {
		return out, err
	}
	return t.leafToLoad(out, value)
}

func (t *dataType) elementsToLoad(out []byte, d *json.Decoder) ([]byte, error) {
	out = append(out, '[')
	var err error
	for i := 0; d.More(); i++ {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = t.types[0].partToLoad(out, d); err != nil {
			return out, err
		}
	}
	return append(out, ']'), closing(d, ']')
}

func (t *dataType) pairsToLoad(out []byte, d *json.Decoder) ([]byte, error) {
	var values []byte
	out = append(out, "[["...)
	var err error
	for i := 0; d.More(); i++ {
		if i > 0 {
			out, values = append(out, ','), append(values, ',')
		}
		if err := closing(d, '['); err != nil {
			return out, err
		}
		if out, err = t.types[0].partToLoad(out, d); err != nil {
			return out, err
		}
		if values, err = t.types[1].partToLoad(values, d); err != nil {
			return out, err
		}
		if err := closing(d, ']'); err != nil {
			return out, err
		}
	}
	out = append(append(append(out, "],["...), values...), "]]"...)
	return out, closing(d, ']')
}

func (t *dataType) fieldsToLoad(out []byte, d *json.Decoder) ([]byte, error) {
	out = append(out, '[')
	for i, x := range t.types {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := d.Token()
		if err != nil {
			return out, fmt.Errorf("%w: %w", errNested, err)
		}
		if name != t.names[i] {
			return out, fmt.Errorf("field %v where %q is expected: %w", name, t.names[i], errNested)
		}
		if out, err = x.partToLoad(out, d); err != nil {
			return out, err
		}
	}
	return append(out, ']'), closing(d, '}')
}

// closing takes one bracket.
func closing(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("%w: %w", errNested, err)
	}
	if token != want {
		return fmt.Errorf("%v expected instead of %v: %w", want, token, errNested)
	}
	return nil
}

// leafOf returns the bytes of a leaf that begins with token.
func leafOf(d *json.Decoder, token json.Token) ([]byte, error) {
	switch token {
	case json.Delim('{'):
		var pair [2]json.Token
		for i := range pair {
			var err error
			if pair[i], err = d.Token(); err != nil {
				return nil, fmt.Errorf("%w: %w", errNested, err)
			}
		}
		text, ok := pair[1].(string)
		if pair[0] != "hex" || !ok {
			return nil, fmt.Errorf("object %v where a leaf is expected: %w", pair, errNested)
		}
		value, err := hex.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNested, err)
		}
		return value, closing(d, '}')
	default:
		text, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("%v where a leaf is expected: %w", token, errNested)
		}
		return []byte(text), nil
	}
}

func (t *dataType) leafToLoad(out, value []byte) ([]byte, error) {
	switch kinds[t.name] {
	case snapshot.String, snapshot.Binary:
		out = append(out, '"')
		out = hex.AppendEncode(out, value)
		return append(out, '"'), nil
	case snapshot.JSON:
		if !json.Valid(value) || bytes.ContainsAny(value, "\r") { // a carriage return within a load is in doubt
			return out, fmt.Errorf("value %.40q is not JSON: %w", value, errNested)
		}
		out = append(out, '[')
		out = append(out, value...)
		return append(out, ']'), nil
	}
	if !plain(value) {
		return out, fmt.Errorf("value %.40q is not of type %s: %w", value, t, errNested)
	}
	return appendString(out, value), nil
}

// construct is the expression that makes a value of t from JSON of toLoad's form. All its parts are taken from arrays, whose
// elements are nullable columns: casts of other columns lose a null (be:exprs/cast_expr_array.cpp CastJsonToArray, which
// drops the nulls of a column that is not nullable). A null is NULL as text and as an array (be:column/json_converter.h,
// be:exprs/array_element_expr.cpp). depth numbers the arguments of lambdas.
func (t *dataType) construct(from string, depth int) string {
	parts := "cast(" + from + " as array<json>)"
	part := func(i int) string { return fmt.Sprintf("%s[%d]", parts, i+1) }
	switch t.name {
	case "array":
		argument := fmt.Sprintf("x%d", depth+1)
		return "array_map(" + argument + " -> " + t.types[0].construct(argument, depth+1) + ", " + parts + ")"
	case "map":
		list := func(i int) string {
			return (&dataType{name: "array", types: t.types[i : i+1]}).construct(part(i), depth)
		}
		return "map_from_arrays(" + list(0) + ", " + list(1) + ")"
	case "struct":
		fields := make([]string, len(t.types))
		for i, x := range t.types {
			fields[i] = wire.String(t.names[i]) + ", " + x.construct(part(i), depth)
		}
		return "if(" + parts + " IS NULL, NULL, named_struct(" + strings.Join(fields, ", ") + "))"
	}
	text := "cast(" + from + " as varchar)"
	switch kinds[t.name] {
	case snapshot.String:
		return "unhex(" + text + ")"
	case snapshot.Binary:
		return "to_binary(" + text + ", 'hex')"
	case snapshot.JSON:
		return part(0)
	}
	return "cast(" + text + " as " + t.String() + ")"
}

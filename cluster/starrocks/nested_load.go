package starrocks

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// toLoad turns the encoding of a snapshot into the JSON that construct's expression takes apart: arrays only, whose leaves
// are texts, in hexadecimal where they may hold any bytes. A MAP is [keys, values], a STRUCT the array of its fields, a JSON
// value an array of one.
func (t *dataType) toLoad(out, text []byte) ([]byte, error) {
	out, rest, err := t.partToLoad(out, text)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%.20q follows the value: %w", rest, errNested)
	}
	return out, err
}

func (t *dataType) partToLoad(out, text []byte) (more, rest []byte, err error) {
	if after, ok := bytes.CutPrefix(text, []byte("null")); ok {
		return append(out, "null"...), after, nil
	}
	switch t.name {
	case "array":
		return t.elementsToLoad(out, text)
	case "map":
		return t.pairsToLoad(out, text)
	case "struct":
		return t.fieldsToLoad(out, text)
	}
	value, rest, err := leafOf(text)
	if err != nil {
		return out, text, err
	}
	out, err = t.leafToLoad(out, value)
	return out, rest, err
}

func (t *dataType) elementsToLoad(out, text []byte) ([]byte, []byte, error) {
	text, err := expect(text, "[")
	if err != nil {
		return out, text, err
	}
	out = append(out, '[')
	for i := 0; !bytes.HasPrefix(text, []byte("]")); i++ {
		if i > 0 {
			if text, err = expect(text, ","); err != nil {
				return out, text, err
			}
			out = append(out, ',')
		}
		if out, text, err = t.types[0].partToLoad(out, text); err != nil {
			return out, text, err
		}
	}
	return append(out, ']'), text[1:], nil
}

func (t *dataType) pairsToLoad(out, text []byte) ([]byte, []byte, error) {
	text, err := expect(text, "[")
	if err != nil {
		return out, text, err
	}
	var list []byte
	out = append(out, "[["...)
	for i := 0; !bytes.HasPrefix(text, []byte("]")); i++ {
		begin := "["
		if i > 0 {
			begin, out, list = ",[", append(out, ','), append(list, ',')
		}
		if text, err = expect(text, begin); err != nil {
			return out, text, err
		}
		if out, text, err = t.types[0].partToLoad(out, text); err != nil {
			return out, text, err
		}
		if text, err = expect(text, ","); err != nil {
			return out, text, err
		}
		if list, text, err = t.types[1].partToLoad(list, text); err != nil {
			return out, text, err
		}
		if text, err = expect(text, "]"); err != nil {
			return out, text, err
		}
	}
	return append(append(append(out, "],["...), list...), "]]"...), text[1:], nil
}

func (t *dataType) fieldsToLoad(out, text []byte) ([]byte, []byte, error) {
	var err error
	for i, x := range t.types {
		begin, mark := "{", byte('[')
		if i > 0 {
			begin, mark = ",", ','
		}
		out = append(out, mark)
		if text, err = expect(text, begin); err != nil {
			return out, text, err
		}
		name, rest, err := stringOf(text)
		if err != nil {
			return out, text, err
		}
		if string(name) != t.names[i] {
			return out, text, fmt.Errorf("field %q where %q is expected: %w", name, t.names[i], errNested)
		}
		if text, err = expect(rest, ":"); err != nil {
			return out, text, err
		}
		if out, text, err = x.partToLoad(out, text); err != nil {
			return out, text, err
		}
	}
	text, err = expect(text, "}")
	return append(out, ']'), text, err
}

// expect takes a text that must come next.
func expect(text []byte, next string) ([]byte, error) {
	if len(text) < len(next) || string(text[:len(next)]) != next {
		return text, fmt.Errorf("%q expected at %.20q: %w", next, text, errNested)
	}
	return text[len(next):], nil
}

// leafOf takes the bytes of a leaf.
func leafOf(text []byte) (value, rest []byte, err error) {
	const head = `{"hex":`
	if !bytes.HasPrefix(text, []byte(head)) {
		return stringOf(text)
	}
	digits, rest, err := stringOf(text[len(head):])
	if err != nil {
		return nil, text, err
	}
	if rest, err = expect(rest, "}"); err != nil {
		return nil, text, err
	}
	value = make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(value, digits); err != nil {
		return nil, text, fmt.Errorf("%w: %w", errNested, err)
	}
	return value, rest, nil
}

// stringOf takes a JSON string; it copies only where something is escaped.
func stringOf(text []byte) (value, rest []byte, err error) {
	if len(text) == 0 || text[0] != '"' {
		return nil, text, fmt.Errorf("string expected at %.20q: %w", text, errNested)
	}
	escaped := false
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			if !escaped {
				return text[1:i], text[i+1:], nil
			}
			var s string
			if err := json.Unmarshal(text[:i+1], &s); err != nil {
				return nil, text, fmt.Errorf("%w: %w", errNested, err)
			}
			return []byte(s), text[i+1:], nil
		}
	}
	return nil, text, fmt.Errorf("%.20q is not closed: %w", text, errNested)
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

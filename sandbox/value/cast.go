package value

import (
	"bytes"
	"strconv"
)

// Caster converts a stored value that is not NULL; nil is NULL, also for a value that the type does not have.
type Caster func(v []byte) []byte

// Null is the type of NULL and of empty collections' members.
var Null = Type{Name: "NULL"}

// Cast returns the conversion between two types; it fails for types that have none.
func Cast(from, to Type) (Caster, error) {
	switch {
	case from.Name == "NULL":
		return func([]byte) []byte { return nil }, nil
	case from.Name == "JSON" && to.Name == "JSON":
		return keep, nil
	case from.Nested() && from.Name == to.Name:
		return castMembers(from, to)
	case to.Name == "JSON" && from.Nested():
		return func(v []byte) []byte { return ToJSON(nil, from, v) }, nil
	case from.Name == "JSON" && to.Nested():
		return castJSONNested(to)
	case from.Nested() || to.Nested() || from.Sketch() || to.Sketch():
		if from.Name == to.Name {
			return keep, nil
		}
		return nil, Native("Invalid type cast from %s to %s in sql", from, to)
	case from.Name == "JSON":
		return castJSON(to)
	case to.Name == "JSON" && from.Text(): // be:exprs/cast_expr.cpp: parsed like a load does
		return castScalar(from, to)
	case to.Name == "JSON":
		return func(v []byte) []byte { return ToJSON(nil, from, v) }, nil
	}
	return castScalar(from, to)
}

func keep(v []byte) []byte { return v }

// castScalar goes through the text of the value. CHAR, VARCHAR and VARBINARY are the same bytes; lengths are checked where
// a value is stored.
func castScalar(from, to Type) (Caster, error) {
	if to.Text() || to.Name == "VARBINARY" || from.Name == to.Name && to.Name != "DECIMAL" && to.Name != "FLOAT" {
		return keep, nil
	}
	if to.Name == "DECIMAL" {
		return func(v []byte) []byte {
			out, ok := appendDecimal([]byte{}, v, to.Precision, to.Scale)
			if !ok {
				return nil
			}
			return out
		}, nil
	}
	convert, err := NewConverter(to)
	if err != nil {
		return nil, err
	}
	return func(v []byte) []byte {
		out, ok := convert([]byte{}, v)
		if !ok {
			return nil
		}
		return out
	}, nil
}

// castMembers converts ARRAY, MAP and STRUCT member by member, those of a STRUCT by their place (be:exprs/cast_nested.cpp).
func castMembers(from, to Type) (Caster, error) {
	if len(from.Elements) != len(to.Elements) {
		return nil, Native("Invalid type cast from %s to %s in sql", from, to)
	}
	casts := make([]Caster, len(to.Elements))
	for i := range casts {
		var err error
		if casts[i], err = Cast(from.Elements[i], to.Elements[i]); err != nil {
			return nil, err
		}
	}
	return func(v []byte) []byte {
		out := []byte{}
		for i := 0; len(v) > 0; i++ {
			var m []byte
			if m, v = Next(v); m != nil {
				m = casts[i%len(casts)](m)
			}
			out = Append(out, m)
		}
		return out
	}, nil
}

// castJSON converts a JSON value to a scalar (be:column/json_converter.h cast_vpjson_to): JSON's null is NULL, a string is
// its text, anything else its printed form.
func castJSON(to Type) (Caster, error) {
	if to.Name == "DECIMAL" || to.Temporal() { // through VARCHAR (fe:sql/analyzer/ExpressionAnalyzer, be:exprs/cast_expr.cpp)
		if to.Wide() {
			return nil, Native("Invalid type cast from json to %s in sql", to)
		}
	}
	scalar, err := castScalar(Type{Name: "VARCHAR"}, to)
	if err != nil {
		return nil, err
	}
	return func(v []byte) []byte {
		text := JSONText(v)
		switch {
		case text == nil:
			return nil
		case !to.Text() && to.Name != "VARBINARY" && len(v) > 0 && (v[0] == '{' || v[0] == '['):
			return nil
		case to.Name != "BOOLEAN" && (to.Integer() || to.Name == "FLOAT" || to.Name == "DOUBLE") && (string(v) == "true" || string(v) == "false"):
			if v[0] == 't' {
				return []byte{'1'}
			}
			return []byte{'0'}
		}
		return scalar(text)
	}, nil
}

// JSONText returns the text of a JSON value: nil for its null, what is in the quotes of a string, else what it prints.
func JSONText(v []byte) []byte {
	switch {
	case string(v) == "null":
		return nil
	case len(v) > 0 && v[0] == '"':
		p := jsonParser{text: v}
		if s, ok := p.string([]byte{}); ok {
			return s
		}
		return nil
	}
	return v
}

// castJSONNested builds collections (be:exprs/cast_expr_array.cpp CastJsonToArray, cast_expr_map.cpp, cast_expr_struct.cpp): what
// is no array, or no object, is NULL.
func castJSONNested(to Type) (Caster, error) {
	if to.Name == "STRUCT" {
		return castJSONStruct(to)
	}
	casts := make([]Caster, len(to.Elements))
	for i := range casts {
		var err error
		if casts[i], err = Cast(Type{Name: "JSON"}, to.Elements[i]); err != nil {
			return nil, err
		}
	}
	if to.Name == "ARRAY" {
		return func(v []byte) []byte {
			elements, ok := JSONElements(v)
			if !ok {
				return nil
			}
			out := []byte{}
			for _, e := range elements {
				out = Append(out, casts[0](e))
			}
			return out
		}, nil
	}
	return func(v []byte) []byte {
		members, ok := jsonMembers(v)
		if !ok {
			return nil
		}
		out := []byte{}
		for _, m := range members {
			out = Append(out, casts[0](appendJSONString(nil, m.key)))
			out = Append(out, casts[1](m.value))
		}
		return out
	}, nil
}

func castJSONStruct(to Type) (Caster, error) {
	casts := make([]Caster, len(to.Elements))
	for i := range casts {
		var err error
		if casts[i], err = Cast(Type{Name: "JSON"}, to.Elements[i]); err != nil {
			return nil, err
		}
	}
	return func(v []byte) []byte {
		out := []byte{}
		if elements, ok := JSONElements(v); ok {
			for i := range casts {
				if i < len(elements) {
					out = Append(out, casts[i](elements[i]))
				} else {
					out = Append(out, nil)
				}
			}
			return out
		}
		members, ok := jsonMembers(v)
		if !ok {
			return nil
		}
		for i, name := range to.Fields {
			var found []byte
			for _, m := range members {
				if string(m.key) == name {
					found = casts[i](m.value)
				}
			}
			out = Append(out, found)
		}
		return out
	}, nil
}

// JSONElements splits a JSON array; it fails for anything else.
func JSONElements(v []byte) (elements [][]byte, ok bool) {
	p := jsonParser{text: v}
	if !p.take('[') {
		return nil, false
	}
	if p.take(']') {
		return nil, true
	}
	for {
		e, ok := p.value(nil, 0)
		if !ok {
			return nil, false
		}
		elements = append(elements, e)
		if p.take(']') {
			return elements, true
		}
		if !p.take(',') {
			return nil, false
		}
	}
}

func jsonMembers(v []byte) (members []member, ok bool) {
	p := jsonParser{text: v}
	if !p.take('{') {
		return nil, false
	}
	if p.take('}') {
		return nil, true
	}
	for {
		p.blanks()
		key, ok := p.string([]byte{})
		if !ok || !p.take(':') {
			return nil, false
		}
		m := member{key: key}
		if m.value, ok = p.value(nil, 0); !ok {
			return nil, false
		}
		members = append(members, m)
		if p.take('}') {
			return members, true
		}
		if !p.take(',') {
			return nil, false
		}
	}
}

// JSONPath follows the steps of a path like $.a[0]."b c" into a JSON value; nil is NULL: also where there is nothing.
func JSONPath(v, path []byte) []byte {
	path = bytes.TrimPrefix(path, []byte{'$'})
	for len(path) > 0 && v != nil {
		var step []byte
		switch {
		case path[0] == '[':
			end := bytes.IndexByte(path, ']')
			if end < 0 {
				return nil
			}
			step, path = path[1:end], path[end+1:]
			n, err := strconv.Atoi(string(step))
			elements, ok := JSONElements(v)
			if err != nil || !ok || n < 0 || n >= len(elements) {
				return nil
			}
			v = elements[n]
			continue
		case path[0] == '.':
			path = path[1:]
		}
		if len(path) > 0 && path[0] == '"' {
			end := bytes.IndexByte(path[1:], '"')
			if end < 0 {
				return nil
			}
			step, path = path[1:1+end], path[end+2:]
		} else {
			end := bytes.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			step, path = path[:end], path[end:]
		}
		v = jsonField(v, step)
	}
	return v
}

func jsonField(v, name []byte) []byte {
	members, _ := jsonMembers(v)
	for _, m := range members {
		if bytes.Equal(m.key, name) {
			return m.value
		}
	}
	return nil
}

// ToJSON appends a value as JSON (be:exprs/cast_expr_json.cpp): decimals, LARGEINT and times are strings, an empty key of a MAP
// is left out, sketches are null.
func ToJSON(dst []byte, t Type, v []byte) []byte {
	switch {
	case v == nil || t.Sketch():
		return append(dst, "null"...)
	case t.Name == "JSON":
		return append(dst, v...)
	case t.Name == "BOOLEAN":
		return strconv.AppendBool(dst, v[0] == '1')
	case t.Integer() && t.Name != "LARGEINT":
		return append(dst, v...)
	case t.Name == "FLOAT" || t.Name == "DOUBLE":
		p := jsonParser{text: v}
		if out, ok := p.value(dst, 0); ok {
			return out
		}
		return append(dst, "null"...)
	case t.Name == "ARRAY":
		dst = append(dst, '[')
		for i, m := range Members(v) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = ToJSON(dst, t.Elements[0], m)
		}
		return append(dst, ']')
	case t.Name == "MAP" || t.Name == "STRUCT":
		return objectJSON(dst, t, v)
	}
	return appendJSONString(dst, v)
}

func objectJSON(dst []byte, t Type, v []byte) []byte {
	var members []member
	list := Members(v)
	if t.Name == "STRUCT" {
		for i, m := range list {
			members = append(members, member{[]byte(t.Fields[i]), ToJSON(nil, t.Elements[i], m)})
		}
	} else {
		for i := 0; i < len(list); i += 2 {
			if len(list[i]) > 0 {
				members = append(members, member{list[i], ToJSON(nil, t.Elements[1], list[i+1])})
			}
		}
	}
	return appendObject(dst, members)
}

// Package value holds the values of StarRocks: how each type reads text, what a SELECT prints, how values are cast, and
// the serialised forms of the types that have no text.
//
// A value is stored as SELECT prints it, except ARRAY, MAP and STRUCT (a list of their members, see Append) and BITMAP and
// HLL (their serialised form); nil is NULL.
package value

import (
	"encoding/base64"

	"starkeep/sandbox/dialect"
)

// Type is a type of the dialect.
type Type = dialect.Type

// MaxString is the longest text value in bytes, also of a field that only an expression uses
// (be TypeDescriptor::MAX_VARCHAR_LENGTH).
const MaxString = 1 << 20

// Converter appends the printed form of a CSV field to dst, or reports that the field is no value of the type.
type Converter func(dst, field []byte) ([]byte, bool)

// NewConverter returns the converter of a type; it fails for types that CSV cannot carry.
func NewConverter(t Type) (Converter, error) {
	switch t.Name {
	case "BOOLEAN":
		return appendBoolean, nil
	case "TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT":
		limits, wide := integerLimits[t.Name], t.Name == "BIGINT" || t.Name == "LARGEINT"
		return func(dst, field []byte) ([]byte, bool) { return appendInteger(dst, field, limits, wide) }, nil
	case "FLOAT":
		return func(dst, field []byte) ([]byte, bool) { return appendFloat(dst, field, 32) }, nil
	case "DOUBLE":
		return func(dst, field []byte) ([]byte, bool) { return appendFloat(dst, field, 64) }, nil
	case "DECIMAL":
		if t.Precision < 1 || t.Precision > 38 || t.Scale < 0 || t.Scale > t.Precision {
			return nil, unsupported(t) // DECIMAL256 has no CSV converter (be:formats/csv/converter.cpp)
		}
		return func(dst, field []byte) ([]byte, bool) { return appendDecimal(dst, field, t.Precision, t.Scale) }, nil
	case "DATE":
		return func(dst, field []byte) ([]byte, bool) {
			m, ok := parseMoment(field)
			if !ok {
				return dst, false
			}
			return m.appendDate(dst), true
		}, nil
	case "DATETIME":
		return func(dst, field []byte) ([]byte, bool) {
			m, ok := parseMoment(field)
			if !ok {
				return dst, false
			}
			return m.appendDatetime(dst), true
		}, nil
	case "CHAR", "VARCHAR":
		limit := Limit(t)
		return func(dst, field []byte) ([]byte, bool) { return append(dst, field...), len(field) <= limit }, nil
	case "VARBINARY":
		limit := Limit(t)
		return func(dst, field []byte) ([]byte, bool) { return appendBinary(dst, field, limit) }, nil
	case "JSON":
		return AppendJSON, nil
	}
	return nil, unsupported(t)
}

// Limit is the longest value of a text type in bytes.
func Limit(t Type) int {
	if t.Length > 0 && t.Length < MaxString {
		return t.Length
	}
	return MaxString
}

func unsupported(t Type) error { return Native("Unsupported CSV type %s", Name(t)) }

// appendBinary tries base64 first and takes the raw bytes when that fails: text that happens to be base64 is decoded
// (be:formats/csv/varbinary_converter.cpp).
func appendBinary(dst, field []byte, limit int) ([]byte, bool) {
	s := field
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	if len(s) == 0 {
		return dst, true
	}
	start := len(dst)
	dst, err := base64.StdEncoding.AppendDecode(dst, s)
	if err != nil {
		dst = append(dst[:start], field...)
	}
	return dst, len(dst)-start <= limit
}

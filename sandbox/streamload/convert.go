package streamload

import (
	"encoding/base64"
	"fmt"
)

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
			return nil, native("Unsupported CSV type %s", t)
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
		limit := t.limit()
		return func(dst, field []byte) ([]byte, bool) { return append(dst, field...), len(field) <= limit }, nil
	case "VARBINARY":
		limit := t.limit()
		return func(dst, field []byte) ([]byte, bool) { return appendBinary(dst, field, limit) }, nil
	case "JSON":
		return AppendJSON, nil
	}
	return nil, native("Unsupported CSV type %s", t)
}

// limit is the longest value in bytes.
func (t Type) limit() int {
	if t.Length > 0 && t.Length < MaxString {
		return t.Length
	}
	return MaxString
}

// String prints the type as SQL.
func (t Type) String() string {
	switch {
	case t.Name == "DECIMAL":
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case t.Length > 0:
		return fmt.Sprintf("%s(%d)", t.Name, t.Length)
	}
	return t.Name
}

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

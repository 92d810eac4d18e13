package value

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Encoding is how VARBINARY inside of a nested value is printed: the session variable binary_encoding_format.
type Encoding string

// The encodings; hex is the default.
const (
	Hex    Encoding = "hex"
	Base64 Encoding = "base64"
	Raw    Encoding = "raw"
)

// Plain tells whether values of a type are stored as SELECT prints them.
func Plain(t Type) bool { return !t.Nested() && !t.Sketch() }

// Print appends what SELECT prints of a stored value (be:column/mysql_row_buffer.cpp and put_mysql_row_buffer of the
// columns), or nil for what it prints as NULL: BITMAP, HLL, PERCENTILE.
func Print(dst []byte, t Type, v []byte, binary Encoding) []byte {
	switch {
	case v == nil || t.Sketch():
		return nil
	case t.Nested():
		return appendNested(dst, t, v, binary)
	}
	return append(dst, v...)
}

func appendNested(dst []byte, t Type, v []byte, binary Encoding) []byte {
	if v == nil || t.Sketch() {
		return append(dst, "null"...)
	}
	switch t.Name {
	case "ARRAY":
		dst = append(dst, '[')
		for i, e := range Members(v) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendNested(dst, t.Elements[0], e, binary)
		}
		return append(dst, ']')
	case "MAP":
		dst = append(dst, '{')
		for i, e := range Members(v) {
			switch {
			case i%2 == 1:
				dst = append(dst, ':')
			case i > 0:
				dst = append(dst, ',')
			}
			dst = appendNested(dst, t.Elements[i%2], e, binary)
		}
		return append(dst, '}')
	case "STRUCT":
		dst = append(dst, '{')
		for i, e := range Members(v) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendQuoted(dst, []byte(t.Fields[i]), '"')
			dst = appendNested(append(dst, ':'), t.Elements[i], e, binary)
		}
		return append(dst, '}')
	case "JSON":
		return appendQuoted(dst, v, '\'')
	case "CHAR", "VARCHAR", "DATE", "DATETIME":
		return appendQuoted(dst, v, '"')
	case "VARBINARY":
		switch binary {
		case Raw:
		case Base64:
			v = base64.StdEncoding.AppendEncode(nil, v)
		default:
			v = hex.AppendEncode(nil, v)
		}
		return appendQuoted(dst, v, '"')
	}
	return append(dst, v...)
}

// appendQuoted escapes the quote and the backslash and nothing else, so that control characters and bytes that are no
// UTF-8 stand in the text as they are.
func appendQuoted(dst, s []byte, quote byte) []byte {
	dst = append(dst, quote)
	for _, b := range s {
		if b == quote || b == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, b)
	}
	return append(dst, quote)
}

// Name prints a type as error messages of loads do.
func Name(t Type) string {
	switch {
	case t.Name == "DECIMAL":
		return strings.NewReplacer("decimal", "DECIMAL", ", ", ",").Replace(t.String())
	case t.Nested():
		return strings.ToUpper(t.String())
	case t.Length > 0:
		return strings.ToUpper(t.String())
	}
	return t.Name
}

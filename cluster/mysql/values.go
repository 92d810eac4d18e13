package mysql

import (
	"fmt"
	"strings"

	"starkeep/snapshot"
)

// typeName returns the bare name of a source type: "decimal" of "decimal(10,2) unsigned".
func typeName(source string) string {
	if i := strings.IndexAny(source, "( "); i >= 0 {
		source = source[:i]
	}
	return strings.ToLower(source)
}

// charsetOf returns the character set that a source type names, "" for a type without.
func charsetOf(source string) string {
	_, rest, _ := strings.Cut(source, " character set ")
	name, _, _ := strings.Cut(rest, " ")
	return name
}

// selected is the expression that reads a column as the text that a load takes back without loss. Measured on MariaDB
// 10.11: FLOAT prints 6 digits and DOUBLE(M,D) D decimals, where a product with 1 prints the shortest text of the double;
// ZEROFILL prints zeros that are not part of the value. Text that cannot travel as utf8mb4 (Kind Binary) comes as the
// bytes that are stored, and so does ascii: a column of it takes any bytes, and prints a question mark for some.
func selected(c snapshot.Column) string {
	if typeName(c.Source) == "enum" && hasEmptyMember(c.Source) {
		return "IF(" + quoted(c.Name) + "=0, " + literal(errorValue(c.Source)) + ", " + printed(c) + ")"
	}
	return printed(c)
}

// printed is the expression without regard to error values.
func printed(c snapshot.Column) string {
	name, declared := quoted(c.Name), strings.ToLower(c.Source)
	switch t := typeName(declared); {
	case t == "float" && strings.Contains(declared, "("):
		return clamped(name+"*1e0", declared)
	case t == "float", t == "double" && strings.Contains(declared, "("):
		return name + "*1e0"
	case strings.Contains(declared, "zerofill") && charsetOf(declared) == "":
		return name + "+0"
	case charsetOf(declared) == "ascii", c.Type.Kind == snapshot.Binary && charsetOf(declared) != "":
		return "CAST(" + name + " AS BINARY)"
	}
	return name
}

// clamped keeps the value of a FLOAT(M,D) within what it may be: 9999999.999 is stored in a FLOAT(10,3) as the next float,
// 10000000, which a load would refuse. The limit becomes that float again.
func clamped(expression, declared string) string {
	var digits, decimals int
	if _, err := fmt.Sscanf(declared, "float(%d,%d)", &digits, &decimals); err != nil || decimals > digits {
		return expression
	}
	limit := strings.Repeat("9", digits-decimals) + "." + strings.Repeat("9", decimals) + "e0"
	return "LEAST(GREATEST(" + expression + ", -" + limit + "), " + limit + ")"
}

// bare are the character sets whose columns take the bytes of a file as they come; others take them by way of utf8mb4.
var bare = map[string]bool{"": true, "utf8mb4": true, "utf8mb3": true, "utf8": true, "ascii": true, "binary": true}

// converted are types that take text as text only: MySQL refuses JSON in the character set binary (error 3144), and
// MariaDB takes 16 such bytes for an INET6 as it stores them, even "2001:db8::ff00:4" (measured on 10.11).
var converted = map[string]bool{"json": true, "inet4": true, "inet6": true, "uuid": true}

// viaText tells whether a value of c has to be told to be text on its way into a column (a row of
// information_schema.columns).
func viaText(c snapshot.Column, target record) bool {
	if c.Type.Kind == snapshot.Binary {
		return false
	}
	return converted[strings.ToLower(target["data_type"])] || !bare[target["character_set_name"]]
}

// errorValue returns the text that stands for the error value of an ENUM, number 0: the server stores it, with a warning,
// for an empty text that is no member, and for the text of a number that is none (MySQL "The ENUM Type", index values).
func errorValue(columnType string) string {
	if !hasEmptyMember(columnType) {
		return ""
	}
	zero := "0"
	for strings.Contains(columnType, "'"+zero+"'") {
		zero += "0"
	}
	return zero
}

// hasEmptyMember looks for ” among the members of enum('a','b'); a quote within a member is doubled.
func hasEmptyMember(columnType string) bool {
	inside, start := false, 0
	for i := 0; i < len(columnType); i++ {
		switch {
		case columnType[i] != '\'':
		case !inside:
			inside, start = true, i+1
		case i+1 < len(columnType) && columnType[i+1] == '\'' && i > start:
			i++
		case i == start && i+1 < len(columnType) && columnType[i+1] == '\'': // a member that begins with a quote
			i++
		default:
			if i == start {
				return true
			}
			inside = false
		}
	}
	return false
}

// escapes are the bytes that mean something in a file of LOAD DATA with the server's default separators, and what
// stands for them (MySQL "LOAD DATA", escape sequences). All other bytes stand for themselves.
var escapes = [256]byte{'\t': 't', '\n': 'n', '\\': '\\'}

// appendField appends a value as LOAD DATA reads it back.
func appendField(dst, value []byte) []byte {
	from := 0
	for i, b := range value {
		if escapes[b] != 0 {
			dst = append(append(dst, value[from:i]...), '\\', escapes[b])
			from = i + 1
		}
	}
	return append(dst, value[from:]...)
}

const hexDigits = "0123456789ABCDEF"

// appendHex appends X'…'.
func appendHex(dst, value []byte) []byte {
	dst = append(dst, "X'"...)
	for _, b := range value {
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return append(dst, '\'')
}

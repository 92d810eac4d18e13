package wire

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrName reports a name that no statement can carry.
var ErrName = errors.New("name cannot be written in SQL")

// Identifier writes a name in back quotes. StarRocks' lexer drops every back quote inside a quoted name, doubled ones
// too (g4 BACKQUOTED_IDENTIFIER, AstBuilder), so a name that holds one cannot be written: it would silently address
// another object. The same goes for NUL and for bytes that are not UTF-8, which the front end replaces on reading.
func Identifier(name string) (string, error) {
	switch {
	case name == "":
		return "", fmt.Errorf("quote empty name: %w", ErrName)
	case strings.ContainsAny(name, "`\x00"):
		return "", fmt.Errorf("quote %q: back quote or NUL in it: %w", name, ErrName)
	case !utf8.ValidString(name):
		return "", fmt.Errorf("quote %q: not UTF-8: %w", name, ErrName)
	}
	return "`" + name + "`", nil
}

// String writes a string literal in single quotes.
func String(s string) string { return literal(s, '\'') }

// DoubleQuoted writes a string literal in double quotes, the form of partition values and properties.
func DoubleQuoted(s string) string { return literal(s, '"') }

// literal escapes the two bytes that end or change a literal. Everything else stands for itself in StarRocks and MySQL;
// an escape such as \% would keep its backslash (AstBuilder.escapeBackSlash), so no other is used.
func literal(s string, quote byte) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte(quote)
	for i := 0; i < len(s); i++ {
		if s[i] == quote || s[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte(quote)
	return b.String()
}

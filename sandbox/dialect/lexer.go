// Package dialect reads the statements of StarRocks that the sandbox executes itself. What it does not know is left to
// an ordinary SQL engine.
package dialect

import (
	"fmt"
	"strings"
)

// TokenKind is the kind of a token.
type TokenKind int

// The kinds.
const (
	End TokenKind = iota
	Word
	Quoted // a name in back quotes
	String
	Number
	Symbol
)

// Token is one token of a statement.
type Token struct {
	Kind  TokenKind
	Text  string // unquoted
	Start int    // offsets in the statement
	Stop  int
}

// SyntaxError is a statement that cannot be read; its text is in the native form.
type SyntaxError struct {
	Line, Column int
	Detail       string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("Getting syntax error at line %d, column %d. Detail message: %s.", e.Line, e.Column, e.Detail)
}

func syntaxError(sql string, at int, detail string) error {
	before := sql[:min(at, len(sql))]
	return &SyntaxError{
		Line:   strings.Count(before, "\n") + 1,
		Column: len(before) - strings.LastIndexByte(before, '\n') - 1,
		Detail: detail,
	}
}

// Scan splits a text into tokens; comments and hints are dropped. The last token is End.
func Scan(sql string) ([]Token, error) {
	var tokens []Token
	for i := 0; ; {
		next, err := skipBlank(sql, i)
		if err != nil {
			return nil, err
		}
		if next == len(sql) {
			return append(tokens, Token{Kind: End, Start: next, Stop: next}), nil
		}
		t, err := scanToken(sql, next)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		i = t.Stop
	}
}

func skipBlank(sql string, i int) (int, error) {
	for i < len(sql) {
		rest := sql[i:]
		switch {
		case strings.IndexByte(" \t\r\n\f", sql[i]) >= 0:
			i++
		case sql[i] == '#', strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				return len(sql), nil
			}
			i += end + 1
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return 0, syntaxError(sql, i, "Unterminated comment")
			}
			i += end + 4
		default:
			return i, nil
		}
	}
	return i, nil
}

func scanToken(sql string, i int) (Token, error) {
	switch c := sql[i]; {
	case c == '`':
		return scanBackQuoted(sql, i)
	case c == '\'' || c == '"':
		return scanString(sql, i)
	case isDigit(c) || c == '.' && i+1 < len(sql) && isDigit(sql[i+1]):
		stop := scanNumber(sql, i)
		if stop < len(sql) && isWord(sql[stop]) { // a name may begin with a digit (LETTER_IDENTIFIER, DIGIT_IDENTIFIER of the grammar)
			for stop < len(sql) && isWord(sql[stop]) {
				stop++
			}
			return Token{Word, sql[i:stop], i, stop}, nil
		}
		return Token{Number, sql[i:stop], i, stop}, nil
	case isWord(c):
		stop := i
		for stop < len(sql) && isWord(sql[stop]) {
			stop++
		}
		return Token{Word, sql[i:stop], i, stop}, nil
	}
	return Token{Symbol, sql[i : i+1], i, i + 1}, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c == '_' || c == '$' || c == '@' || c >= 0x80 || isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func scanNumber(sql string, i int) int {
	for i < len(sql) && (isDigit(sql[i]) || sql[i] == '.') {
		i++
	}
	if i < len(sql) && sql[i]|0x20 == 'e' {
		e := i + 1
		if e < len(sql) && (sql[e] == '+' || sql[e] == '-') {
			e++
		}
		if e < len(sql) && isDigit(sql[e]) {
			for i = e; i < len(sql) && isDigit(sql[i]); {
				i++
			}
		}
	}
	return i
}

// scanBackQuoted reads a name in back quotes. All back quotes are dropped, also doubled ones (StarRocks.g4, AstBuilder: a name
// that contains a back quote cannot be written).
func scanBackQuoted(sql string, i int) (Token, error) {
	for j := i + 1; j < len(sql); j++ {
		if sql[j] != '`' {
			continue
		}
		if j+1 < len(sql) && sql[j+1] == '`' {
			j++
			continue
		}
		return Token{Quoted, strings.ReplaceAll(sql[i:j+1], "`", ""), i, j + 1}, nil
	}
	return Token{}, syntaxError(sql, i, "Unterminated identifier")
}

// scanString reads a string literal with backslash escapes and doubled quotes.
func scanString(sql string, i int) (Token, error) {
	quote := sql[i]
	var b strings.Builder
	for j := i + 1; j < len(sql); j++ {
		switch c := sql[j]; {
		case c == '\\' && j+1 < len(sql):
			j++
			b.WriteString(unescape(sql[j]))
		case c == quote && j+1 < len(sql) && sql[j+1] == quote:
			j++
			b.WriteByte(quote)
		case c == quote:
			return Token{String, b.String(), i, j + 1}, nil
		default:
			b.WriteByte(c)
		}
	}
	return Token{}, syntaxError(sql, i, "Unterminated string literal")
}

// unescape follows MySQL: \% and \_ keep the backslash, for they matter to LIKE.
func unescape(c byte) string {
	switch c {
	case '0':
		return "\x00"
	case 'b':
		return "\b"
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case 'Z':
		return "\x1a"
	case '%', '_':
		return "\\" + string(c)
	}
	return string([]byte{c})
}

// Split cuts a text into its first statement and the rest behind the semicolon. Both may be blank.
func Split(sql string) (first, rest string) {
	for i := 0; i < len(sql); {
		next, err := skipBlank(sql, i)
		if err != nil || next == len(sql) {
			return sql, ""
		}
		t, err := scanToken(sql, next)
		if err != nil {
			return sql, ""
		}
		if t.Kind == Symbol && t.Text == ";" {
			return sql[:t.Start], sql[t.Stop:]
		}
		i = t.Stop
	}
	return sql, ""
}

package mysql

import (
	"fmt"
	"strings"

	"starkeep/cluster"
)

// tokenKind is what a token of SQL text is.
type tokenKind byte

const (
	word   tokenKind = iota // name without quotes, key word or number
	quote                   // name in back quotes
	text                    // string literal in either quotes
	symbol                  // one byte of anything else
)

// token is a piece of SQL text. Blanks and comments are none; what a versioned comment holds are tokens like others,
// because the server reads them.
type token struct {
	kind       tokenKind
	start, end int
	value      string // a word in upper case, a name or a string without its quotes, a symbol
}

func (t token) is(value string) bool { return (t.kind == word || t.kind == symbol) && t.value == value }

// named tells whether a token can be the name of something.
func (t token) named() bool { return t.kind == quote || t.kind == word }

// name returns the name that a token is, in its own case.
func (t token) name(sql string) string {
	if t.kind == word {
		return sql[t.start:t.end]
	}
	return t.value
}

// tokens splits SQL as servers print it under this package's sql_mode: double quotes hold strings and a backslash escapes
// (MySQL "Lexical Structure", "Comments"; MariaDB "Comment Syntax").
func tokens(sql string) ([]token, error) { return tokensIn("", sql) }

// tokensIn is tokens for SQL that means something under another sql_mode, as the text of a routine does: ANSI_QUOTES and
// NO_BACKSLASH_ESCAPES decide where strings end.
func tokensIn(mode, sql string) ([]token, error) {
	q := quoting{ansi: strings.Contains(mode, "ANSI_QUOTES"), plain: strings.Contains(mode, "NO_BACKSLASH_ESCAPES")}
	var all []token
	versioned := 0
	for i := 0; i < len(sql); {
		end := i + 1
		switch b := sql[i]; {
		case strings.IndexByte(" \t\r\n\f\v", b) >= 0:
		case b == '#', strings.HasPrefix(sql[i:], "--") && (i+2 == len(sql) || sql[i+2] <= ' '):
			if n := strings.IndexByte(sql[i:], '\n'); n >= 0 {
				end = i + n
			} else {
				end = len(sql)
			}
		case strings.HasPrefix(sql[i:], "/*!"), strings.HasPrefix(sql[i:], "/*M!"):
			for end = i + 3; end < len(sql) && (sql[end] == '!' || isDigit(sql[end])); end++ {
			}
			versioned++
		case versioned > 0 && strings.HasPrefix(sql[i:], "*/"):
			versioned--
			end = i + 2
		case strings.HasPrefix(sql[i:], "/*"):
			n := strings.Index(sql[i+2:], "*/")
			if n < 0 {
				return nil, fmt.Errorf("read SQL: comment without end: %w", cluster.ErrUnsupported)
			}
			end = i + n + 4
		case b == '`' || b == '\'' || b == '"':
			t, err := q.token(sql, i)
			if err != nil {
				return nil, err
			}
			all, end = append(all, t), t.end
		case isWord(b):
			for end < len(sql) && isWord(sql[end]) {
				end++
			}
			all = append(all, token{word, i, end, strings.ToUpper(sql[i:end])})
		default:
			all = append(all, token{symbol, i, end, sql[i:end]})
		}
		i = end
	}
	return all, nil
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// isWord tells whether a byte can be in a name without quotes: letters, digits, _, $ and everything beyond ASCII.
func isWord(b byte) bool {
	return isDigit(b) || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || b == '_' || b == '$' || b >= 0x80
}

// quoting is what a sql_mode says of quotes.
type quoting struct {
	ansi  bool // double quotes hold names
	plain bool // a backslash is a byte like others
}

// token reads the token that begins with a quote.
func (mode quoting) token(sql string, start int) (token, error) {
	q := sql[start]
	name := q == '`' || q == '"' && mode.ansi
	var value strings.Builder
	for i := start + 1; i < len(sql); i++ {
		switch {
		case sql[i] == '\\' && !name && !mode.plain && i+1 < len(sql):
			i++
			value.WriteByte(unescaped(sql[i]))
		case sql[i] != q:
			value.WriteByte(sql[i])
		case i+1 < len(sql) && sql[i+1] == q:
			value.WriteByte(q)
			i++
		case name:
			return token{quote, start, i + 1, value.String()}, nil
		default:
			return token{text, start, i + 1, value.String()}, nil
		}
	}
	return token{}, fmt.Errorf("read SQL: %c without its other one: %w", q, cluster.ErrUnsupported)
}

// unescaped is what a backslash and b stand for (MySQL "String Literals").
func unescaped(b byte) byte {
	switch b {
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'Z':
		return 0x1a
	}
	return b
}

// closing returns the index of the token that closes the parenthesis at index open.
func closing(ts []token, open int) (int, error) {
	depth := 0
	for i := open; i < len(ts); i++ {
		switch {
		case ts[i].is("("):
			depth++
		case ts[i].is(")"):
			if depth--; depth == 0 {
				return i, nil
			}
		}
	}
	return 0, fmt.Errorf("read SQL: parenthesis without its other one: %w", cluster.ErrUnsupported)
}

// separated returns the bounds [from, to) of the pieces between commas of ts[from:to], parentheses kept whole.
func separated(ts []token, from, to int) [][2]int {
	var pieces [][2]int
	depth, start := 0, from
	for i := from; i < to; i++ {
		switch {
		case ts[i].is("("):
			depth++
		case ts[i].is(")"):
			depth--
		case depth == 0 && ts[i].is(","):
			pieces = append(pieces, [2]int{start, i})
			start = i + 1
		}
	}
	return append(pieces, [2]int{start, to})
}

package statement

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

type tokenKind int

const (
	word       tokenKind = iota // keyword or unquoted name
	quotedName                  // `name`
	literal                     // 'text' or "text"
	number                      // unsigned
	symbol                      // punctuation and operators
	attachment                  // $$ body of a function $$
	terminator                  // ; or \G
	endOfText
	invalid // value is the reason
)

// token is one word of the text. Whitespace and comments make no tokens.
type token struct {
	kind       tokenKind
	raw        string // as written
	value      string // quotes and escapes taken away
	pos        Position
	start, end int // bytes of the text
}

func (t token) is(keyword string) bool { return t.kind == word && strings.EqualFold(t.raw, keyword) }
func (t token) isSymbol(s string) bool { return t.kind == symbol && t.raw == s }

// lexer follows fe: StarRocksLex.g4: longest match, ASCII escapes, no # comments.
type lexer struct {
	text string
	at   int
	pos  Position
}

// lex splits a text into tokens; the last one is endOfText. What cannot be read becomes an invalid token, so that a
// statement with a fault does not hide those that follow it.
func lex(text string) []token {
	l := lexer{text: text, pos: Position{Line: 1, Column: 1}}
	var tokens []token
	for {
		t := l.next()
		tokens = append(tokens, t)
		if t.kind == endOfText {
			return tokens
		}
	}
}

func (l *lexer) next() token {
	if t, ok := l.skipSpace(); !ok {
		return t
	}
	rest := l.text[l.at:]
	if rest == "" {
		return l.take(endOfText, 0, "")
	}
	switch c := rest[0]; {
	case c == '\'' || c == '"':
		return l.quoted(literal, "string literal")
	case c == '`':
		return l.quoted(quotedName, "back-quoted name")
	case c == ';':
		return l.take(terminator, 1, "")
	case strings.HasPrefix(rest, `\G`) || strings.HasPrefix(rest, `\g`):
		return l.take(terminator, 2, "")
	case strings.HasPrefix(rest, "$$") && strings.Contains(rest[2:], "$$"):
		return l.take(attachment, strings.Index(rest[2:], "$$")+4, "")
	}
	w, n := wordLength(rest), len(numberForm.FindString(rest))
	switch {
	case n > 0 && n >= w: // 1e5 is a number, 1e5x a name
		return l.take(number, n, "")
	case w > 0:
		return l.take(word, w, rest[:w])
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			// ".5a" is the qualifier's dot and a name that begins with a digit (fe: DOT_IDENTIFIER).
			if s == "." && n > 1+wordLength(rest[1:]) {
				continue
			}
			return l.take(symbol, len(s), "")
		}
	}
	r, size := utf8.DecodeRuneInString(rest)
	return l.take(invalid, size, fmt.Sprintf("%s %q", unexpectedCharacter, r))
}

const unexpectedCharacter = "Unexpected character"

// symbols, the longer before the shorter they begin with.
var symbols = []string{
	"<=>", "<=", ">=", "<>", "!=", "||", "&&", "->",
	"(", ")", ",", ".", "=", "<", ">", "*", "+", "-", "/", "%", "@", ":", "?", "[", "]", "{", "}", "&", "|", "^", "~", "!",
}

var numberForm = regexp.MustCompile(`^(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?`)

// wordLength is the length in bytes of the unquoted name at the beginning of s.
func wordLength(s string) int {
	for i, r := range s {
		if !nameRune(r, s[i:]) {
			return i
		}
	}
	return len(s)
}

// nameRune tells whether r may be in an unquoted name: [0-9A-Za-z_$\u0080-\uffff]. The ideographic space is in that
// range, but the native grammar means it as white space.
func nameRune(r rune, s string) bool {
	switch {
	case r < utf8.RuneSelf:
		return r == '_' || r == '$' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	case r == utf8.RuneError:
		_, size := utf8.DecodeRuneInString(s)
		return size > 1 // 1: a byte that is not UTF-8
	default:
		return r <= 0xffff && r != '\u3000'
	}
}

// take makes a token of the next n bytes.
func (l *lexer) take(kind tokenKind, n int, value string) token {
	t := token{kind: kind, raw: l.text[l.at : l.at+n], value: value, pos: l.pos, start: l.at, end: l.at + n}
	l.skip(n)
	return t
}

func (l *lexer) skip(n int) {
	for _, r := range l.text[l.at : l.at+n] {
		if r == '\n' {
			l.pos = Position{Line: l.pos.Line + 1, Column: 1}
		} else {
			l.pos.Column++
		}
	}
	l.at += n
}

// skipSpace passes white space and comments; false: a comment has no end, here is the token that says so.
func (l *lexer) skipSpace() (token, bool) {
	for {
		rest := l.text[l.at:]
		switch {
		case rest == "":
			return token{}, true
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.skip(1)
		case strings.HasPrefix(rest, "\u3000"):
			l.skip(len("\u3000"))
		case strings.HasPrefix(rest, "--"): // needs no space behind it, unlike MySQL's
			n := strings.IndexAny(rest, "\r\n")
			if n < 0 {
				n = len(rest)
			}
			l.skip(n)
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return l.take(invalid, len(rest), "Comment without end"), false
			}
			l.skip(n + 4)
		default:
			return token{}, true
		}
	}
}

// quoted reads a text in the quotes it stands at. A doubled quote stands for itself.
func (l *lexer) quoted(kind tokenKind, what string) token {
	rest := l.text[l.at:]
	quote := rest[0]
	var value strings.Builder
	for i := 1; i < len(rest); i++ {
		c := rest[i]
		switch {
		case c == quote && i+1 < len(rest) && rest[i+1] == quote:
			value.WriteByte(quote)
			i++
		case c == quote && kind == quotedName:
			// The cluster strips every back quote, the doubled ones too (fe: AstBuilder.visitBackQuotedIdentifier):
			// a name that contains one cannot be written, here neither.
			return l.take(kind, i+1, strings.ReplaceAll(value.String(), "`", ""))
		case c == quote:
			return l.take(kind, i+1, value.String())
		case c == '\\' && kind == literal && i+1 < len(rest):
			value.WriteString(unescape(rest[i+1]))
			i++
		default:
			value.WriteByte(c)
		}
	}
	return l.take(invalid, len(rest), "Unclosed "+what)
}

// unescape is what a backslash and c stand for (fe: AstBuilder.escapeBackSlash). \% and \_ keep their backslash: LIKE
// needs it.
func unescape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'r':
		return "\r"
	case 'b':
		return "\b"
	case '0':
		return "\x00"
	case 'Z':
		return "\x1a"
	case '%', '_':
		return `\` + string(c)
	default:
		return string([]byte{c})
	}
}

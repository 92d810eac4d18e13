package starrocks

import (
	"fmt"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
)

// errQuery reports a definition of a view that is not of a shape that this package can read: it is refused rather than
// changed wrongly.
var errQuery = fmt.Errorf("cannot read the definition: %w", cluster.ErrUnsupported)

type lexemeKind int

const (
	wordLexeme   lexemeKind = iota // keyword or bare name
	quotedLexeme                   // name in back quotes
	stringLexeme                   // string or binary literal
	numberLexeme
	markLexeme // any other single byte
)

// lexeme is a piece of a query with its place, so that rewriting touches nothing else.
type lexeme struct {
	kind       lexemeKind
	text       string // of names: without quotes
	start, end int
}

func (l lexeme) is(words ...string) bool {
	if l.kind != wordLexeme {
		return false
	}
	for _, w := range words {
		if strings.EqualFold(l.text, w) {
			return true
		}
	}
	return false
}

func (l lexeme) mark(s string) bool { return l.kind == markLexeme && l.text == s }
func (l lexeme) name() bool         { return l.kind == wordLexeme || l.kind == quotedLexeme }

// lex cuts a query by the rules of StarRocks' lexer (StarRocksLex.g4). Comments and hints are no lexemes; they stay in the
// text. Unlike tokenize, which reads the DDL of tables as SHOW prints it, it meets what users typed.
func lex(sql string) ([]lexeme, error) {
	var all []lexeme
	for i := 0; i < len(sql); {
		kind, end, err := lexemeAt(sql, i, all)
		if err != nil {
			return nil, err
		}
		if end < 0 { // nothing but space or comment
			i = -end
			continue
		}
		l := lexeme{kind, sql[i:end], i, end}
		switch {
		case kind == quotedLexeme:
			l.text = sql[i+1 : end-1]
		case kind == wordLexeme && sql[i] == '.': // DOT_IDENTIFIER: the dot, then a name that begins with a digit
			all = append(all, lexeme{markLexeme, ".", i, i + 1})
			l.text, l.start = sql[i+1:end], i+1
		}
		all = append(all, l)
		i = end
	}
	return all, nil
}

// lexemeAt finds the lexeme at i; a negative end is where a space or comment ends.
func lexemeAt(sql string, i int, before []lexeme) (kind lexemeKind, end int, err error) {
	rest := sql[i:]
	c := rest[0]
	switch {
	case strings.HasPrefix(rest, "\u3000"): // ideographic space (g4 WS)
		return 0, -(i + len("\u3000")), nil
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		return 0, -(i + 1), nil
	case strings.HasPrefix(rest, "--"):
		if n := strings.IndexAny(rest, "\r\n"); n >= 0 {
			return 0, -(i + n), nil
		}
		return 0, -len(sql), nil
	case strings.HasPrefix(rest, "/*"):
		n := strings.Index(rest[2:], "*/")
		if n < 0 {
			return 0, 0, fmt.Errorf("comment at byte %d has no end: %w", i, errQuery)
		}
		return 0, -(i + n + 4), nil
	case c == '`':
		return lexQuoted(sql, i)
	case c == '"' || c == '\'':
		_, end, ok := unquote(sql, i)
		if !ok {
			return 0, 0, fmt.Errorf("string at byte %d has no end: %w", i, errQuery)
		}
		return stringLexeme, end, nil
	case (c == 'x' || c == 'X') && len(rest) > 1 && (rest[1] == '\'' || rest[1] == '"'):
		n := strings.IndexByte(rest[2:], rest[1])
		if n < 0 {
			return 0, 0, fmt.Errorf("binary at byte %d has no end: %w", i, errQuery)
		}
		return stringLexeme, i + n + 3, nil
	case c == '.' && len(rest) > 1 && digit(rest[1]):
		return lexDotted(sql, i, before)
	case digit(c):
		return lexNumber(sql, i)
	case wordByte(c):
		return wordLexeme, i + wordEnd(rest), nil
	case !strings.ContainsRune("()[]{}<>.,;:=!+-*/%&|^~@?", rune(c)):
		return 0, 0, fmt.Errorf("%q at byte %d is of no language that is known here: %w", c, i, errQuery)
	}
	return markLexeme, i + 1, nil
}

func lexQuoted(sql string, i int) (lexemeKind, int, error) {
	n := strings.IndexByte(sql[i+1:], '`')
	if n < 0 {
		return 0, 0, fmt.Errorf("name at byte %d has no end: %w", i, errQuery)
	}
	end := i + n + 2
	if end < len(sql) && sql[end] == '`' { // the front end drops back quotes inside a name (fe:parser/AstBuilder.visitBackQuotedIdentifier)
		return 0, 0, fmt.Errorf("name at byte %d holds a back quote: %w: %w", i, wire.ErrName, errQuery)
	}
	return quotedLexeme, end, nil
}

// lexDotted tells `.5` and `.5e3` from the name behind a dot in `t.5a` (g4 DOT_IDENTIFIER). The longest match wins, and a
// number where both are as long.
func lexDotted(sql string, i int, before []lexeme) (lexemeKind, int, error) {
	name := i + 1 + wordEnd(sql[i+1:])
	_, number, _ := lexNumber(sql, i)
	if name > number && len(before) > 0 && before[len(before)-1].end == i {
		return wordLexeme, name, nil
	}
	return numberLexeme, number, nil
}

// lexNumber reads INTEGER_VALUE, DECIMAL_VALUE, DOUBLE_VALUE, or DIGIT_IDENTIFIER, a name such as 1st.
func lexNumber(sql string, i int) (lexemeKind, int, error) {
	end := i
	for end < len(sql) && digit(sql[end]) {
		end++
	}
	if end < len(sql) && sql[end] == '.' {
		end++
		for end < len(sql) && digit(sql[end]) {
			end++
		}
	}
	if end < len(sql) && (sql[end] == 'e' || sql[end] == 'E') {
		n := end + 1
		if n < len(sql) && (sql[n] == '+' || sql[n] == '-') {
			n++
		}
		if n < len(sql) && digit(sql[n]) {
			for end = n; end < len(sql) && digit(sql[end]); end++ {
			}
		}
	}
	if word := i + wordEnd(sql[i:]); word > end {
		return wordLexeme, word, nil
	}
	return numberLexeme, end, nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func wordEnd(s string) int {
	n := 0
	for n < len(s) && wordByte(s[n]) && !strings.HasPrefix(s[n:], "\u3000") {
		n++
	}
	return n
}

// lexemes is a walk over them.
type lexemes struct {
	all []lexeme
	at  int
}

func (l *lexemes) peek() lexeme { return l.ahead(0) }

func (l *lexemes) ahead(n int) lexeme {
	if l.at+n < len(l.all) {
		return l.all[l.at+n]
	}
	return lexeme{kind: markLexeme}
}

func (l *lexemes) ended() bool { return l.at >= len(l.all) }

func (l *lexemes) take() lexeme {
	t := l.peek()
	l.at++
	return t
}

// accept takes words that stand one after the other, or nothing.
func (l *lexemes) accept(words ...string) bool {
	for i, w := range words {
		if !l.ahead(i).is(w) {
			return false
		}
	}
	l.at += len(words)
	return true
}

func (l *lexemes) acceptMark(s string) bool {
	if !l.peek().mark(s) {
		return false
	}
	l.at++
	return true
}

// skipGroup takes a balanced group of brackets that begins at the next lexeme.
func (l *lexemes) skipGroup() error {
	first := l.peek()
	for depth := 0; !l.ended(); {
		switch t := l.take(); {
		case t.mark("("), t.mark("["), t.mark("{"):
			depth++
		case t.mark(")"), t.mark("]"), t.mark("}"):
			if depth--; depth == 0 {
				return nil
			}
		}
	}
	return fmt.Errorf("bracket at byte %d is not closed: %w", first.start, errQuery)
}

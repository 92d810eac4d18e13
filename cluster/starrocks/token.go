package starrocks

import (
	"fmt"
	"strings"
)

type tokenKind int

const (
	wordToken tokenKind = iota // keyword, bare name or number
	nameToken                  // in back quotes
	textToken                  // string literal
	signToken                  // any other single byte
	listToken                  // the whole list of a LIST partitioning, unread
)

// token is a piece of a DDL text with its place, so that rewriting touches nothing else.
type token struct {
	kind       tokenKind
	text       string // without quotes and escapes
	start, end int
}

func (t token) is(word string) bool { return t.kind == wordToken && strings.EqualFold(t.text, word) }
func (t token) sign(s string) bool  { return t.kind == signToken && t.text == s }

// tokenize cuts a DDL text by the rules of StarRocks' lexer (g4 BACKQUOTED_IDENTIFIER, SINGLE_QUOTED_TEXT,
// DOUBLE_QUOTED_TEXT), but for the list of a LIST partitioning: its values are printed between single quotes without any
// escape (fe:ListPartitionInfo.valuesToString), so that no lexer could read them all. It is taken as one token.
func tokenize(ddl string) ([]token, error) {
	var tokens []token
	for i := 0; i < len(ddl); {
		c := ddl[i]
		switch {
		case c == '(' && listFollows(tokens):
			end, ok := listEnd(ddl, i)
			if !ok {
				return nil, fmt.Errorf("list of partitions at byte %d has no end: %w", i, errDDL)
			}
			tokens = append(tokens, token{listToken, ddl[i:end], i, end})
			i = end
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '`':
			end := strings.IndexByte(ddl[i+1:], '`')
			if end < 0 {
				return nil, fmt.Errorf("name at byte %d has no end: %w", i, errDDL)
			}
			end += i + 2
			tokens = append(tokens, token{nameToken, ddl[i+1 : end-1], i, end})
			i = end
		case c == '"' || c == '\'':
			text, end, ok := unquote(ddl, i)
			if !ok {
				return nil, fmt.Errorf("string at byte %d has no end: %w", i, errDDL)
			}
			tokens = append(tokens, token{textToken, text, i, end})
			i = end
		case wordByte(c):
			end := i + 1
			for end < len(ddl) && wordByte(ddl[end]) {
				end++
			}
			tokens = append(tokens, token{wordToken, ddl[i:end], i, end})
			i = end
		default:
			tokens = append(tokens, token{signToken, ddl[i : i+1], i, i + 1})
			i++
		}
	}
	return tokens, nil
}

// listFollows tells whether the tokens end in PARTITION BY LIST (columns).
func listFollows(tokens []token) bool {
	i := len(tokens) - 1
	if i < 0 || !tokens[i].sign(")") {
		return false
	}
	for i > 0 && !tokens[i].sign("(") {
		i--
	}
	return i >= 3 && tokens[i-1].is("LIST") && tokens[i-2].is("BY") && tokens[i-3].is("PARTITION")
}

// listEnd finds the end of the list that begins at start by what follows it: a line of its own that begins with the
// closing parenthesis, and the next clause (fe:AstToStringBuilder.getDdlStmt).
func listEnd(ddl string, start int) (int, bool) {
	for _, clause := range []string{"DISTRIBUTED BY ", "ORDER BY(", "PROPERTIES ("} {
		if i := strings.LastIndex(ddl[start:], "\n)\n"+clause); i >= 0 {
			return start + i + len("\n)"), true
		}
	}
	return 0, false
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// unquote reads the string literal that begins at i: backslash escapes and doubled quotes.
func unquote(s string, i int) (text string, end int, ok bool) {
	var b strings.Builder
	quote := s[i]
	for i++; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(unescape(s[i]))
		case s[i] != quote:
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == quote:
			i++
			b.WriteByte(quote)
		default:
			return b.String(), i + 1, true
		}
	}
	return "", 0, false
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'b':
		return '\b'
	case '0':
		return 0
	}
	return c
}

// cursor walks over tokens.
type cursor struct {
	tokens []token
	at     int
}

func (c *cursor) peek() token {
	if c.at < len(c.tokens) {
		return c.tokens[c.at]
	}
	return token{kind: signToken}
}

func (c *cursor) take() token {
	t := c.peek()
	c.at++
	return t
}

func (c *cursor) accept(words ...string) bool {
	for i, w := range words {
		if c.at+i >= len(c.tokens) || !c.tokens[c.at+i].is(w) {
			return false
		}
	}
	c.at += len(words)
	return true
}

// group takes a balanced group that begins at the next token and returns the tokens between its brackets. A square
// bracket opens, too: the half-open range [("1"), ("2")) is closed by a round one.
func (c *cursor) group(open, end string) ([]token, error) {
	if !c.peek().sign(open) {
		return nil, fmt.Errorf("%q expected before %q: %w", open, c.peek().text, errDDL)
	}
	first := c.at + 1
	for depth := 0; c.at < len(c.tokens); {
		switch t := c.take(); {
		case t.sign(open), t.sign("["):
			depth++
		case t.sign(end), t.sign("]"):
			if depth--; depth == 0 {
				return c.tokens[first : c.at-1], nil
			}
		}
	}
	return nil, fmt.Errorf("%q is not closed: %w", open, errDDL)
}

package statement

import (
	"fmt"
	"strings"
)

// ErrorKind tells a text that could not be read from a statement that says something impossible.
type ErrorKind string

// The kinds.
const (
	Syntax   ErrorKind = "syntax"
	Semantic ErrorKind = "semantic"
)

// Error is what is wrong with a statement, and where. It never contains the text of a string literal that could hold
// a secret.
type Error struct {
	Position Position
	Kind     ErrorKind
	Message  string   // native text where the cluster has one
	Expected []string // syntax: what could have stood at Position, keywords bare and characters in quotes
	Hint     string   // what to do; may be empty
}

// Error prints the native form of the kind (fe: ParserErrorMsg; columns count from 1 here, from 0 in the cluster).
func (e *Error) Error() string {
	var b strings.Builder
	phase := "syntax"
	if e.Kind == Semantic {
		phase = "analyzing"
	}
	fmt.Fprintf(&b, "Getting %s error at line %d, column %d. Detail message: %s", phase, e.Position.Line, e.Position.Column, e.Message)
	if len(e.Expected) > 0 {
		fmt.Fprintf(&b, ", the most similar input is {%s}", strings.Join(e.Expected, ", "))
	}
	b.WriteByte('.')
	if e.Hint != "" {
		b.WriteString(" Hint: " + e.Hint)
		if !strings.HasSuffix(e.Hint, "?") {
			b.WriteByte('.')
		}
	}
	return b.String()
}

// nearest is the candidate that a slip of the fingers may have turned into word, or "".
func nearest(word string, candidates []string) string {
	word = strings.ToUpper(word)
	best, least := "", 3
	for _, c := range candidates {
		if d := distance(word, strings.ToUpper(c)); d < least && 2*d < len(c) {
			best, least = c, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of neighbours between two words.
func distance(a, b string) int {
	if len(a) > len(b)+2 || len(b) > len(a)+2 {
		return 3 // too far for nearest: not worth a table
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

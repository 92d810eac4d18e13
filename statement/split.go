package statement

import "fmt"

// Result is one statement of a text, or what is wrong with it.
type Result struct {
	Statement  Statement // nil if Err is not
	Err        error     // *Error
	Text       string    // as written, without terminator; may hold secrets
	Position   Position
	Terminator string // ";", `\G` (print vertically) or "" at the end of the text
}

// String shows the statement redacted, or the error.
func (r Result) String() string {
	if r.Err != nil {
		return r.Err.Error()
	}
	return r.Statement.String()
}

// Format keeps Text out of every verb.
func (r Result) Format(f fmt.State, _ rune) { writeTo(f, r.String()) }

// Parse reads all statements of a text. It stops at the first that is wrong, with an *Error.
func Parse(text string) ([]Statement, error) {
	var all []Statement
	for _, r := range ParseEach(text) {
		if r.Err != nil {
			return nil, r.Err
		}
		all = append(all, r.Statement)
	}
	return all, nil
}

// ParseOne reads a text that is exactly one statement.
func ParseOne(text string) (Statement, error) {
	results := ParseEach(text)
	switch {
	case len(results) == 0:
		return nil, &Error{Position: Position{1, 1}, Kind: Syntax, Message: "Unexpected input '<EOF>'", Expected: formNames()}
	case results[0].Err != nil:
		return nil, results[0].Err
	case len(results) > 1:
		return nil, &Error{Position: results[1].Position, Kind: Syntax, Message: "Unexpected second statement", Hint: "give one statement at a time"}
	}
	return results[0].Statement, nil
}

// ParseEach reads all statements of a text and goes on behind one that is wrong, at the next terminator outside of
// quotes and comments. Empty statements give no result.
func ParseEach(text string) []Result {
	var results []Result
	tokens := lex(text)
	for first, i := 0, 0; i < len(tokens); i++ {
		last := tokens[i]
		if last.kind != terminator && last.kind != endOfText {
			continue
		}
		if i > first {
			r := Result{
				Text:       text[tokens[first].start:tokens[i-1].end],
				Position:   tokens[first].pos,
				Terminator: terminatorOf(last),
			}
			r.Statement, r.Err = parse(text, tokens[first:i+1])
			results = append(results, r)
		}
		first = i + 1
	}
	return results
}

func terminatorOf(t token) string {
	if t.raw == `\g` {
		return ";" // as in the mysql client: \g is go, \G is go vertically
	}
	return t.raw
}

// Complete tells an interactive prompt that nothing more needs to be typed: the text is blank, or it ends with a
// terminator outside of quotes and comments.
func Complete(text string) bool {
	tokens := lex(text)
	return len(tokens) == 1 || tokens[len(tokens)-2].kind == terminator
}

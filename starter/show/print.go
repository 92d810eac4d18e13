package show

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Form is how rows are printed.
type Form string

// The forms. Vertical is what \G asks for.
const (
	AsTable  Form = "table"
	Vertical Form = "vertical"
	JSON     Form = "json"
)

// ParseForm reads a form's name.
func ParseForm(name string) (Form, error) {
	switch f := Form(name); f {
	case AsTable, Vertical, JSON:
		return f, nil
	}
	return "", fmt.Errorf("unknown output %q: table, vertical or json", name)
}

// Print writes a table. JSON is one line with an array of objects, whose keys keep the order of the columns.
func Print(w io.Writer, t Table, form Form) error {
	switch form {
	case JSON:
		return printJSON(w, t)
	case Vertical:
		return printVertical(w, t)
	}
	return printTable(w, t)
}

func printTable(w io.Writer, t Table) error {
	if len(t.Rows) == 0 {
		_, err := fmt.Fprintln(w, "Empty set")
		return err
	}
	p := table.NewWriter()
	style := table.StyleDefault
	style.Format.Header = text.FormatDefault // the native names have capitals of their own
	p.SetStyle(style)
	p.AppendHeader(row(t.Columns))
	for _, r := range t.Rows {
		p.AppendRow(row(people(r)))
	}
	var notes strings.Builder
	for _, r := range t.Rows {
		for _, n := range t.Notes[r[0]] {
			fmt.Fprintf(&notes, "Note on %s: %s\n", r[0], Plain(n))
		}
	}
	_, err := fmt.Fprintf(w, "%s\n%s%s\n", p.Render(), notes.String(), count(len(t.Rows)))
	return err
}

func printVertical(w io.Writer, t Table) error {
	if len(t.Rows) == 0 {
		_, err := fmt.Fprintln(w, "Empty set")
		return err
	}
	width := 0
	for _, c := range t.Columns {
		width = max(width, len(c))
	}
	var b strings.Builder
	for i, r := range t.Rows {
		fmt.Fprintf(&b, "%s %d. row %[1]s\n", strings.Repeat("*", 27), i+1)
		for j, cell := range people(r) {
			fmt.Fprintf(&b, "%*s: %s\n", width, t.Columns[j], cell)
		}
		for _, n := range t.Notes[r[0]] {
			fmt.Fprintf(&b, "%*s: %s\n", width, "Note", Plain(n))
		}
	}
	_, err := fmt.Fprintf(w, "%s%s\n", b.String(), count(len(t.Rows)))
	return err
}

func printJSON(w io.Writer, t Table) error {
	var b strings.Builder
	b.WriteByte('[')
	for i, r := range t.Rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('{')
		for j, cell := range r {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "%s:%s", quote(t.Columns[j]), value(cell))
		}
		if notes := t.Notes[r[0]]; len(notes) > 0 {
			list, _ := json.Marshal(notes) // cannot fail: every string can be encoded
			fmt.Fprintf(&b, ",%s:%s", quote("Notes"), list)
		}
		b.WriteByte('}')
	}
	b.WriteByte(']')
	_, err := fmt.Fprintln(w, b.String())
	return err
}

func value(cell string) string {
	if cell == Null {
		return "null"
	}
	return quote(cell)
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // cannot be: every string can be encoded
		return `""`
	}
	return string(b)
}

func people(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		if c == Null {
			c = "NULL"
		}
		out[i] = Plain(c)
	}
	return out
}

// Plain replaces control characters, so that no name or message can move the cursor or colour the terminal; newlines and
// tabs stay.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if (r < ' ' && r != '\n' && r != '\t') || (r >= 0x7f && r < 0xa0) {
			return '�'
		}
		return r
	}, s)
}

func row(cells []string) table.Row {
	r := make(table.Row, len(cells))
	for i, c := range cells {
		r[i] = c
	}
	return r
}

func count(n int) string {
	if n == 1 {
		return "1 row in set"
	}
	return fmt.Sprintf("%d rows in set", n)
}

// Package show turns answers into the rows of the native SHOW statements, and rows into text.
package show

// Null is how an SQL NULL is written in a cell before it is printed, as inside the frontends (fe: FeConstants.NULL_STRING).
const Null = `\N`

// Table is an answer with rows. Column names and their order are the native ones.
type Table struct {
	Columns []string
	Rows    [][]string
	// Notes tell what no native column does, by the first cell of the row that they are about. They are printed behind it.
	Notes map[string][]string
}

func orNull(s string) string {
	if s == "" {
		return Null
	}
	return s
}

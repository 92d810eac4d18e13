package sqlserver

import (
	"strconv"
	"strings"

	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/dialect"
)

func (x *session) describe(name dialect.ObjectName, all bool, callback mysql.ResultSpoolFn) error {
	info, err := x.table(name)
	if err != nil {
		return err
	}
	if all {
		return x.describeAll(info, callback)
	}
	var cells [][]any
	for _, c := range info.Def.Columns {
		cells = append(cells, []any{c.Name, c.Type.String(), yesNo(c.Nullable), strconv.FormatBool(c.Key), defaultText(c), strings.ToUpper(extra(c))})
	}
	return rows(callback, []string{"Field", "Type", "Null", "Key", "Default", "Extra"}, cells)
}

func yesNo(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

func defaultText(c dialect.Column) any {
	switch {
	case c.Default == nil || c.Default.Null:
		return nil
	case c.Default.Now:
		return "CURRENT_TIMESTAMP"
	}
	return c.Default.Value
}

// extra is the aggregation of a value column.
func extra(c dialect.Column) string { return c.Aggregation }

func (x *session) showColumns(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	info, err := x.table(s.From)
	if err != nil {
		return err
	}
	var cells [][]any
	for _, c := range info.Def.Columns {
		if !like(s.Like, c.Name) {
			continue
		}
		key := ""
		if c.Key {
			key = "YES"
		}
		row := []any{c.Name, c.Type.String(), yesNo(c.Nullable), key, defaultText(c), extra(c)}
		if s.What != "COLUMNS" {
			row = []any{c.Name, c.Type.String(), "", yesNo(c.Nullable), key, defaultText(c), extra(c), "", c.Comment}
		}
		cells = append(cells, row)
	}
	if s.What == "COLUMNS" {
		return rows(callback, []string{"Field", "Type", "Null", "Key", "Default", "Extra"}, cells)
	}
	return rows(callback, []string{"Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"}, cells)
}

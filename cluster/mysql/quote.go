package mysql

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"starkeep/cluster"
	"starkeep/cluster/wire"
)

// identifier quotes a name, or says that it cannot be written. What else a server refuses (64 characters, a space at the
// end, characters beyond U+FFFF) it says by itself.
func identifier(name string) (string, error) {
	switch {
	case name == "":
		return "", fmt.Errorf("quote empty name: %w", cluster.ErrInvalidName)
	case strings.ContainsRune(name, 0):
		return "", fmt.Errorf("quote %q: NUL in it: %w", name, cluster.ErrInvalidName)
	case !utf8.ValidString(name):
		return "", fmt.Errorf("quote %q: not UTF-8: %w", name, cluster.ErrInvalidName)
	}
	return quoted(name), nil
}

// quoted quotes a name that a server printed.
func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// qualified quotes the name of a table or another object of a database.
func qualified(database, name string) (string, error) {
	d, err := identifier(database)
	if err != nil {
		return "", err
	}
	n, err := identifier(name)
	if err != nil {
		return "", err
	}
	return d + "." + n, nil
}

// literal writes a string literal; sql_mode is pinned, so a backslash escapes.
func literal(s string) string { return wire.String(s) }

// literals writes a list of string literals, never an empty one.
func literals(list []string) string {
	if len(list) == 0 {
		return "NULL"
	}
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(literal(s))
	}
	return b.String()
}

package session

import (
	"strings"
	"unicode/utf8"
)

// summaryLimit is what Temporal keeps of a summary (limit.userMetadataSummarySize of the server, in bytes).
const summaryLimit = 400

// Summary is a text as Temporal takes it for the summary of a workflow: a long one is cut, between characters.
func Summary(s string) string {
	const more = "…"
	if len(s) <= summaryLimit {
		return s
	}
	end := summaryLimit - len(more)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + more
}

func upper(kind string) string { return strings.ToUpper(kind) }

// quote makes one word of a shell's command line.
func quote(s string) string {
	plain := func(r rune) bool {
		return r == '_' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// literal quotes a value in a visibility query, where a backslash escapes.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

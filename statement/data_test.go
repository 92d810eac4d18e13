package statement

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what the statements in testdata give now")

// TestData compares every statement in testdata/*.txt with what is written below it.
func TestData(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var out strings.Builder
			for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
				input, _, _ := strings.Cut(block, "\n----\n")
				if out.Len() > 0 {
					out.WriteString("\n")
				}
				out.WriteString(input + "\n----\n" + outcome(input))
			}
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o644))
			}
			require.Equal(t, string(text), out.String())
		})
	}
}

func outcome(input string) string {
	s, err := ParseOne(input)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	out := "kind: " + s.Kind() + "\ncanonical: " + Format(s) + "\n"
	if s.String() != Format(s) {
		out += "redacted: " + s.String() + "\n"
	}
	if reason := Unsupported(s); reason != "" {
		out += "unsupported: " + reason + "\n"
	}
	return out
}

package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNameThatNoStatementCanCarryIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a`b", "`", "a\x00b", "a\xffb"} {
		_, err := Identifier(name)
		require.ErrorIs(t, err, ErrName, "%q", name)
	}
}

func TestAwkwardNameKeepsItsBytes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"select", "a b", `a"b`, "a'b", `a\b`, "../x", "表", strings.Repeat("n", 200), "a;b", "a--b"} {
		got, err := Identifier(name)
		require.NoError(t, err)
		require.Equal(t, "`"+name+"`", got)
	}
}

func FuzzLiteralEndsWhereItShould(f *testing.F) {
	for _, s := range []string{"", "'", `\`, `\'`, `''`, `a\\'b`, "x' OR '1'='1", "\x00\n", `\%`, "日本"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for quote, text := range map[byte]string{'\'': String(s), '"': DoubleQuoted(s)} {
			got, end := unquote(t, text, quote)
			require.Equal(t, s, got)
			require.Equal(t, len(text), end, "bytes behind the literal would be SQL")
		}
	})
}

// unquote reads a literal as StarRocks' lexer does: a backslash takes the next byte, a doubled quote is one quote.
func unquote(t *testing.T, text string, quote byte) (string, int) {
	require.Equal(t, quote, text[0])
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
			b.WriteByte(text[i])
		case text[i] != quote:
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == quote:
			i++
			b.WriteByte(quote)
		default:
			return b.String(), i + 1
		}
	}
	t.Fatalf("literal %s has no end", text)
	return "", 0
}

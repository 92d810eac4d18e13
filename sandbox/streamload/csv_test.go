package streamload

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func comma(enclose, escape byte) csvFormat {
	return csvFormat{separator: []byte(","), delimiter: []byte("\n"), enclose: enclose, escape: escape}
}

// decode returns all rows, fields joined by |.
func decode(t require.TestingT, src io.Reader, d csvFormat) []string {
	dec := newDecoder(src, d)
	var rows []string
	for {
		_, fields, err := dec.next()
		if err == io.EOF {
			return rows
		}
		require.NoError(t, err)
		rows = append(rows, string(bytes.Join(fields, []byte("|"))))
	}
}

func TestDecoderKeepsTheRulesOfTheRealParsers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		dialect    csvFormat
		rows       []string
	}{
		{"plain fields, no end of line at the end", "a,b\nc,d", comma(0, 0), []string{"a|b", "c|d"}},
		{"quotes are plain text without enclose", "\"a,b\"\n", comma(0, 0), []string{"\"a|b\""}},
		{"blank rows are skipped", "\n\na\n\n", comma(0, 0), []string{"a"}},
		{"empty fields are kept", ",\n,,\n", comma(0, 0), []string{"|", "||"}},
		{"a row of blanks is no blank row", " \n", comma(0, 0), []string{" "}},
		{"carriage return stays", "a\r\n", comma(0, 0), []string{"a\r"}},
		{"enclosed separator and row delimiter", "\"a,b\",\"c\nd\"\n", comma('"', 0), []string{"a,b|c\nd"}},
		{"doubled quote inside of quotes", "\"a\"\"b\"\n", comma('"', 0), []string{"a\"b"}},
		{"only quotes", "\"\"\"\"\n", comma('"', 0), []string{"\""}},
		{"enclosed empty field is no blank row", "\"\"\n\n\"\"\n", comma('"', 0), []string{"", ""}},
		{"lone quote in a field that is not enclosed is dropped", "a\"b,c\n", comma('"', 0), []string{"ab|c"}},
		{"text behind the closing quote loses its last byte", "\"ab\"cd,e\n", comma('"', 0), []string{"ab\"c|e"}},
		{"enclosed field at the end of the text", "\"a\",\"b\"", comma('"', 0), []string{"a|b"}},
		{"quote that never closes loses the last byte", "\"abc", comma('"', 0), []string{"ab"}},
		{"blank rows are skipped with enclose", "\n\na\n", comma('"', 0), []string{"a"}},
		{"last field is empty", "a,\n", comma('"', 0), []string{"a|"}},
		{"NUL is the escape when only enclose is set", "a\x00b,\"c\x00\",d\"\n", comma('"', 0), []string{"ab|c\",d"}},
		{"NUL before a plain byte leaves the quotes", "\"a\x00b,c\"\n", comma('"', 0), []string{"a|c"}},
		{"escaped separator, delimiter, quote and escape", `a\,b,c\"d,\\` + "\\\n" + "x\n", comma('"', '\\'), []string{"a,b|c\"d|\\\nx"}},
		{"NULL text loses its backslash to escape", `\N,a` + "\n", comma(0, '\\'), []string{"N|a"}},
		{"escape inside of quotes", `"a\"b",c` + "\n", comma('"', '\\'), []string{"a\"b|c"}},
		{"trim_space", " a , b \n", csvFormat{separator: []byte(","), delimiter: []byte("\n"), trimSpace: true}, []string{"a|b"}},
		{"trim_space around quotes", "  \"a b\"  ,\" c\"\n", csvFormat{separator: []byte(","), delimiter: []byte("\n"), trimSpace: true, enclose: '"'}, []string{"a b| c"}},
		{"long delimiters", "a||b|#c||d|#", csvFormat{separator: []byte("||"), delimiter: []byte("|#")}, []string{"a|b", "c|d"}},
		{"long delimiters with quotes", "\"a||b\"||c|d|#e||f", csvFormat{separator: []byte("||"), delimiter: []byte("|#"), enclose: '"'}, []string{"a||b|c|d", "e|f"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.rows, decode(t, strings.NewReader(c.text), c.dialect))
			require.Equal(t, c.rows, decode(t, iotest.OneByteReader(strings.NewReader(c.text)), c.dialect), "arriving byte by byte")
		})
	}
}

func TestLongRowsGrowTheBufferAndNeighboursSurvive(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*firstBuffer)
	text := "a,b\n" + long + ",\"" + long + "\"\nc,d\n"
	for _, d := range []csvFormat{comma(0, 0), comma('"', 0)} {
		rows := decode(t, strings.NewReader(text), d)
		require.Len(t, rows, 3)
		require.Equal(t, "c|d", rows[2])
		require.GreaterOrEqual(t, len(rows[1]), 2*len(long)+1)
	}
}

func TestBodyThatBreaksOffIsAnErrorNotTheEnd(t *testing.T) {
	t.Parallel()
	for _, d := range []csvFormat{comma(0, 0), comma('"', 0)} {
		dec := newDecoder(io.MultiReader(strings.NewReader("a,b\nc"), iotest.ErrReader(io.ErrUnexpectedEOF)), d)
		_, _, err := dec.next()
		for err == nil {
			_, _, err = dec.next()
		}
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
}

// Every string without NUL that is enclosed with doubled quotes comes back, whatever is around it.
func TestEnclosedFieldsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.SliceOfN(rapid.ByteRange(1, 255), 0, 12)
		rows := rapid.SliceOfN(rapid.SliceOfN(field, 2, 2), 1, 5).Draw(t, "rows")
		var text, want bytes.Buffer
		for _, row := range rows {
			for i, f := range row {
				if i > 0 {
					text.WriteByte(',')
					want.WriteByte('|')
				}
				text.WriteString(`"` + strings.ReplaceAll(string(f), `"`, `""`) + `"`)
				want.Write(f)
			}
			text.WriteByte('\n')
			want.WriteByte('\n')
		}
		got := decode(t, iotest.HalfReader(&text), comma('"', 0))
		require.Equal(t, want.String(), strings.Join(got, "\n")+"\n")
	})
}

// The decoder gives the same rows however the text arrives, never fails on memory, and ends.
func FuzzDecoder(f *testing.F) {
	for _, text := range []string{"a,b\n", "\"a\"\"b\",c\n", "\"", "a\x00b\n", "\\", ",,\n\n\"\"", "\"a\"b,\"c", "a||b|#", "\xff\xfe,\n"} {
		for mode := range byte(4) {
			f.Add([]byte(text), mode)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, mode byte) {
		d := [...]csvFormat{comma(0, 0), comma('"', 0), comma('"', '\\'),
			{separator: []byte("||"), delimiter: []byte("|#"), enclose: '"', trimSpace: true}}[mode%4]
		whole := decode(t, bytes.NewReader(text), d)
		require.Equal(t, whole, decode(t, iotest.OneByteReader(bytes.NewReader(text)), d))
		require.LessOrEqual(t, len(whole), len(text))
	})
}

// repeated yields a text n times.
type repeated struct {
	text string
	n    int
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.text[r.at:])
	if r.at += n; r.at == len(r.text) {
		r.at = 0
		r.n--
	}
	return n, nil
}

func TestBodyIsStreamedWithBoundedMemory(t *testing.T) {
	t.Parallel()
	for _, enclose := range []byte{0, '"'} {
		o := options{strict: true, dialect: comma(enclose, 0)}
		p, err := newPlan(one(Type{Name: "VARCHAR"}), o)
		require.NoError(t, err)
		var sink discard
		l := newRowLoader(p, newDecoder(&repeated{text: strings.Repeat("x", 99_999) + "\n", n: 1000}, o.dialect), &sink)
		require.NoError(t, l.run())
		require.Equal(t, 1000, sink.rows)
		require.Len(t, l.decoder.buf, firstBuffer)
		require.LessOrEqual(t, cap(l.batch.Columns[0].Data), 2*batchBytes)
	}
}

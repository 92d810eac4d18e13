package value

import (
	"bytes"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// bad stands for a field that is no value of the type.
const bad = "<bad>"

func convert(t *testing.T, typ Type, text string) string {
	t.Helper()
	c, err := NewConverter(typ)
	require.NoError(t, err)
	value, ok := c([]byte("kept"), []byte(text))
	require.Equal(t, "kept", string(value[:4]), "what was in the vector before stays")
	if !ok {
		return bad
	}
	return string(value[4:])
}

func TestConversions(t *testing.T) {
	t.Parallel()
	decimal := func(p, s int) Type { return Type{Name: "DECIMAL", Precision: p, Scale: s} }
	named := func(n string) Type { return Type{Name: n} }
	for _, c := range []struct {
		typ  Type
		text string
		want string
	}{
		{named("BOOLEAN"), "true", "1"}, {named("BOOLEAN"), " False ", "0"}, {named("BOOLEAN"), "0.0", "0"}, {named("BOOLEAN"), "-3", "1"}, {named("BOOLEAN"), "yes", bad}, {named("BOOLEAN"), "", bad},
		{named("TINYINT"), "-128", "-128"}, {named("TINYINT"), "128", bad}, {named("TINYINT"), "+007", "7"}, {named("TINYINT"), "-0", "0"}, {named("TINYINT"), "1.9", "1"}, {named("TINYINT"), "-1.9", "-1"},
		{named("TINYINT"), "1e2", "100"}, {named("TINYINT"), "1e3", bad}, {named("TINYINT"), "nan", bad}, {named("TINYINT"), "inf", bad}, {named("TINYINT"), "", bad}, {named("TINYINT"), "1 2", bad}, {named("TINYINT"), " 12\t", "12"},
		{named("INT"), "2147483648", bad}, {named("INT"), "-2147483648", "-2147483648"}, {named("INT"), "99999999999999999999", bad}, {named("INT"), "2147483647.5", "2147483647"}, {named("INT"), "2147483648.5", bad},
		{named("BIGINT"), "9223372036854775807", "9223372036854775807"}, {named("BIGINT"), "9223372036854775808", bad}, {named("BIGINT"), "-9223372036854775808", "-9223372036854775808"}, {named("BIGINT"), "1.9", "1"}, {named("BIGINT"), ".5", "0"}, {named("BIGINT"), "1e2", bad}, {named("BIGINT"), "abc", bad}, {named("BIGINT"), "-", bad}, {named("BIGINT"), ".", bad},
		{named("LARGEINT"), "170141183460469231731687303715884105727", "170141183460469231731687303715884105727"}, {named("LARGEINT"), "170141183460469231731687303715884105728", bad},
		{named("LARGEINT"), "-170141183460469231731687303715884105728", "-170141183460469231731687303715884105728"}, {named("LARGEINT"), "-170141183460469231731687303715884105729", bad},
		{named("FLOAT"), "1.5", "1.5"}, {named("FLOAT"), "0.1", "0.1"}, {named("FLOAT"), "16777217", "16777216"}, {named("FLOAT"), "167772170", "1.6777218e+08"}, {named("FLOAT"), "1e39", "inf"}, {named("FLOAT"), "1e7", "10000000"}, {named("FLOAT"), "1e8", "1e+08"},
		{named("DOUBLE"), "nan", "nan"}, {named("DOUBLE"), "-Infinity", "-inf"}, {named("DOUBLE"), "info", "inf"}, {named("DOUBLE"), "in", bad}, {named("DOUBLE"), "1e400", bad}, {named("DOUBLE"), "1e-400", bad}, {named("DOUBLE"), "1e-5", "1e-05"}, {named("DOUBLE"), "0.0001", "0.0001"},
		{named("DOUBLE"), "1e15", "1000000000000000"}, {named("DOUBLE"), "1e16", "1e+16"}, {named("DOUBLE"), "-0", "-0"}, {named("DOUBLE"), "0x10", bad}, {named("DOUBLE"), "1_0", bad}, {named("DOUBLE"), "--1", bad}, {named("DOUBLE"), "1.2.3", bad}, {named("DOUBLE"), " 5e-324 ", "5e-324"}, {named("DOUBLE"), "", bad}, {named("DOUBLE"), "-", bad},
		{decimal(5, 2), "1.005", "1.01"}, {decimal(5, 2), "-1.005", "-1.01"}, {decimal(5, 2), "1.004", "1.00"}, {decimal(5, 2), "999.99", "999.99"}, {decimal(5, 2), "1000", bad}, {decimal(5, 2), "0", "0.00"}, {decimal(5, 2), "-0.001", "0.00"}, {decimal(5, 2), ".5", "0.50"}, {decimal(5, 2), "5.", "5.00"}, {decimal(5, 2), "+5", "5.00"},
		{decimal(5, 2), ".", "0.00"}, {decimal(5, 2), "", bad}, {decimal(5, 2), "1e2", "100.00"}, {decimal(5, 2), "1.5e-1", "0.15"}, {decimal(5, 2), "1e3", bad}, {decimal(5, 2), "12345e-3", "12.35"}, {decimal(5, 2), "1e", bad}, {decimal(5, 2), "1e999", bad}, {decimal(5, 2), "abc", bad}, {decimal(5, 2), "0.005", "0.01"}, {decimal(5, 2), "0.0049", "0.00"},
		{decimal(5, 2), "0.000000000000000000000000000000000000000001", "0.00"}, {decimal(5, 2), "9.995", "10.00"}, {decimal(3, 1), "99.95", "99.9"}, {decimal(2, 2), "0.99", "0.99"}, {decimal(2, 2), "1", bad}, {decimal(4, 0), "12.5", "13"},
		{decimal(38, 0), "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"}, {decimal(38, 0), "100000000000000000000000000000000000000", bad}, {decimal(38, 38), "0.12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678"},
		{named("DATE"), "2024-02-29", "2024-02-29"}, {named("DATE"), "2023-02-29", bad}, {named("DATE"), "0000-01-01", "0000-01-01"}, {named("DATE"), "9999-12-31", "9999-12-31"}, {named("DATE"), "10000-01-01", bad}, {named("DATE"), "20240229", "2024-02-29"}, {named("DATE"), "240229", "2024-02-29"}, {named("DATE"), "700101", "1970-01-01"}, {named("DATE"), "2024-2-9", "2024-02-09"},
		{named("DATE"), "2024/02/09", "2024-02-09"}, {named("DATE"), " 2024-02-09 ", "2024-02-09"}, {named("DATE"), "2024-02-09 23:59:59", "2024-02-09"}, {named("DATE"), "2024-02-09xyz", "2024-02-09"}, {named("DATE"), "", bad}, {named("DATE"), "today", bad}, {named("DATE"), "2024-13-01", bad}, {named("DATE"), "1900-02-29", bad},
		{named("DATETIME"), "2024-02-09", "2024-02-09 00:00:00"}, {named("DATETIME"), "2024-02-09 01:02:03", "2024-02-09 01:02:03"}, {named("DATETIME"), "2024-02-09T01:02:03", "2024-02-09 01:02:03"}, {named("DATETIME"), "2024-02-09 01:02:03.5", "2024-02-09 01:02:03.500000"},
		{named("DATETIME"), "2024-02-09 01:02:03.000001", "2024-02-09 01:02:03.000001"}, {named("DATETIME"), "2024-02-09 01:02:03.000000", "2024-02-09 01:02:03"}, {named("DATETIME"), "2024-02-09 24:00:00", bad}, {named("DATETIME"), "2024-02-09 01:02", "2024-02-09 01:02:00"}, {named("DATETIME"), "2024-02-09 1:2:3", "2024-02-09 01:02:03"},
		{named("DATETIME"), "20240209010203", "2024-02-09 01:02:03"}, {named("DATETIME"), "2024-02-09 01:02:03.5Z", "2024-02-09 01:02:03.500000"}, {named("DATETIME"), "2024-02-09T01:02:03Z", "2024-02-09 01:02:03"}, {named("DATETIME"), "20240209T010203", "2024-02-09 01:02:03"}, {named("DATETIME"), "2024 02-09", "2024-02-09 00:00:00"}, {named("DATETIME"), "2024 2 9", bad},
		{Type{Name: "VARCHAR", Length: 3}, "abc", "abc"}, {Type{Name: "VARCHAR", Length: 3}, "abcd", bad}, {Type{Name: "VARCHAR", Length: 3}, "éé", bad}, {Type{Name: "CHAR", Length: 4}, "a ", "a "}, {named("VARCHAR"), "", ""},
		{Type{Name: "VARBINARY", Length: 3}, "YWJj", "abc"}, {Type{Name: "VARBINARY", Length: 2}, "YWJj", bad}, {named("VARBINARY"), "  ", ""}, {named("VARBINARY"), "a-b", "a-b"},
		{named("JSON"), "", `""`}, {named("JSON"), "abc", `"abc"`}, {named("JSON"), "[", bad},
	} {
		require.Equal(t, c.want, convert(t, c.typ, c.text), "%s from %q", c.typ, c.text)
	}
}

func TestTypesThatCSVCannotCarryAreRefused(t *testing.T) {
	t.Parallel()
	for _, typ := range []Type{{Name: "STRUCT"}, {Name: "BITMAP"}, {Name: "HLL"}, {Name: "ARRAY"}, {Name: "DECIMAL", Precision: 50, Scale: 3}} {
		_, err := NewConverter(typ)
		require.ErrorContains(t, err, "Unsupported CSV type")
	}
}

// Half-up rounding of decimals, as exact arithmetic gives it, as long as no digit beyond the precision is cut.
func TestDecimalRoundsAsExactArithmeticDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		scale := rapid.IntRange(0, 8).Draw(t, "scale")
		places := rapid.IntRange(0, 10).Draw(t, "places")
		n := rapid.Int64Range(-1e15, 1e15).Draw(t, "n")
		text := new(big.Rat).SetFrac(big.NewInt(n), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)).FloatString(places)
		got, ok := appendDecimal(nil, []byte(text), 38, scale)
		require.True(t, ok)
		r, _ := new(big.Rat).SetString(text)
		want := r.FloatString(scale) // rounds half away from zero
		if zero, _ := new(big.Rat).SetString(want); zero.Sign() == 0 && want[0] == '-' {
			want = want[1:]
		}
		require.Equal(t, want, string(got), text)
	})
}

func TestPrintedFloatsParseBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		text := AppendFloat(nil, v, 64)
		back, ok := parseFloat(text)
		require.True(t, ok, string(text))
		require.True(t, back == v || math.IsNaN(v) && math.IsNaN(back), "%s", text)
		again := AppendFloat(nil, back, 64)
		require.Equal(t, string(text), string(again))
	})
}

func TestPrintedMomentsParseBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := moment{rapid.IntRange(0, 9999).Draw(t, "y"), rapid.IntRange(1, 12).Draw(t, "m"), rapid.IntRange(1, 28).Draw(t, "d"),
			rapid.IntRange(0, 23).Draw(t, "h"), rapid.IntRange(0, 59).Draw(t, "min"), rapid.IntRange(0, 59).Draw(t, "s"), rapid.IntRange(0, 999999).Draw(t, "us")}
		back, ok := parseMoment(m.appendDatetime(nil))
		require.True(t, ok)
		require.Equal(t, m, back)
	})
}

func TestJSONIsNormalised(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"b":1,"a":2}`:            `{"a": 2, "b": 1}`,
		`{"a":1,"a":2}`:            `{"a": 2}`,
		` [ 1 , 2.0,-0, 1e3 ] `:    `[1, 2, 0, 1000]`,
		`{}`:                       `{}`,
		`[]`:                       `[]`,
		`[[],{"x":[{}]}]`:          `[[], {"x": [{}]}]`,
		`"é/\/\"\\\b\f\n\r\t"`:     `"é//\"\\\b\f\n\r\t"`,
		`"\u0001\ud83d\ude00"`:     "\"\\u0001😀\"",
		`[18446744073709551615]`:   `[18446744073709551615]`,
		`[-9223372036854775808]`:   `[-9223372036854775808]`,
		`[18446744073709551616]`:   `[18446744073709552000]`,
		`[1e30,1e-10,0.1,1.5e300]`: `[1e+30, 1e-10, 0.1, 1.5e+300]`,
		`[true,false,null]`:        `[true, false, null]`,
		`true`:                     `"true"`,
		` 1`:                       `" 1"`,
		`[1`:                       bad, `[1,]`: bad, `{"a"}`: bad, `{a:1}`: bad, `"a`: bad, "\"a\nb\"": bad, `[01]`: bad, `[1.]`: bad, `[1e]`: bad, `[-]`: bad, `["\x"]`: bad, `["\u12"]`: bad, `[1] 2`: bad, `[nul]`: bad, `{"a":1`: bad, `[1e999]`: bad,
	} {
		require.Equal(t, want, convert(t, Type{Name: "JSON"}, text), text)
	}
	deep := bytes.Repeat([]byte("["), maxJSONDepth+10)
	_, ok := AppendJSON(nil, deep)
	require.False(t, ok)
}

// What is printed can be loaded, and what is printed then is a fixed point. (The first printing need not be one: a double
// -0.0 prints -0, which is an integer when it is read again.)
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x\u00e9",null]}`, `"\ud800"`, `[1e308,-0.0]`, `[`, `{"":""}`, ` [1]`, `[123456789012345678901234567890]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		printed, ok := AppendJSON(nil, text)
		if !ok {
			return
		}
		again, ok := AppendJSON(nil, printed)
		require.True(t, ok, "%q from %q", printed, text)
		last, ok := AppendJSON(nil, again)
		require.True(t, ok)
		require.Equal(t, string(again), string(last))
	})
}

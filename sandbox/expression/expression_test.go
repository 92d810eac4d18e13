package expression

import (
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/value"
)

// eval computes an expression over a text in column f0, twice: a second row must not see the first one's memory.
func eval(t *testing.T, text, field string) string {
	t.Helper()
	parsed, err := dialect.ParseExpression(text)
	require.NoError(t, err, text)
	e, err := Compile(parsed, []Column{{Name: "f0", Type: Type{Name: "VARCHAR"}}})
	require.NoError(t, err, text)
	row := [][]byte{[]byte(field)}
	if field == `\N` {
		row[0] = nil
	}
	e.Eval([][]byte{[]byte("something else")})
	v := e.Eval(row)
	if v == nil {
		return "NULL"
	}
	return string(value.Print([]byte{}, e.Type, v, value.Hex))
}

func TestExpressionsOverNullAndOddTextFollowTheOriginal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, field, want string }{
		{"unhex(f0)", "616B", "ak"}, {"unhex(f0)", "616", ""}, {"unhex(f0)", "zz", ""}, {"unhex(f0)", "", ""}, {"unhex(f0)", `\N`, "NULL"},
		{"hex(f0)", "a\xff", "61FF"}, {"from_base64(f0)", "YWI=", "ab"}, {"from_base64(f0)", "", "NULL"}, {"from_base64(f0)", "*", "NULL"}, {"to_base64(f0)", "", "NULL"},
		{"to_binary(f0)", "6162", "ab"}, {"to_binary(f0, 'utf8')", "6162", "6162"}, {`to_binary(f0, "encode64")`, "YWI=", "ab"},
		{"concat('a', f0, null)", "b", "NULL"}, {"concat('it''s ', `f0`, \"\\n\")", "b", "it's b\n"},
		{"length(repeat(f0, 1048576))", "x", "1048576"}, {"repeat(f0, 1048577)", "x", "NULL"}, {"concat(repeat('x', 1048576), f0)", "y", "NULL"},
		{"parse_json(f0)", "[1,2]", "[1, 2]"}, {"parse_json(f0)", "1", `"1"`}, {"parse_json(f0)", "{", "NULL"},
		{"json_query(parse_json(concat('[', f0, ']')), '$[0]')", "1.50", "1.5"}, {"json_query(parse_json(f0), '$[0]')", "[]", "NULL"}, {"json_query(parse_json(f0), '$[0]')", "{}", "NULL"},
		{"parse_json(f0) -> '$.a.b[1]'", `{"a":{"b":[1,"x"]}}`, `"x"`}, {"parse_json(f0) -> 'c'", `{"c":null}`, "null"}, {"(parse_json(f0) -> 'c') IS NULL", `{"c":null}`, "0"},
		{"cast(parse_json(f0) -> 'c' as varchar) IS NULL", `{"c":null}`, "1"},
		{"cast(f0 as int)", "12", "12"}, {"cast(f0 as decimal(10, 2))", "1.5", "1.50"}, {"cast(f0 as int)", "x", "NULL"}, {"cast(unhex(f0) as varchar(2))", "6162", "ab"},
		{"cast(f0 as decimal(76, 3))", "1234567890123456789012345678901234567890123456789012345678901234567890123.456", "1234567890123456789012345678901234567890123456789012345678901234567890123.456"},
		{"bitmap_to_string(bitmap_or(to_bitmap(f0), ifnull(bitmap_from_binary(to_binary('zz', 'hex')), bitmap_empty())))", "5", "5"},
		{"bitmap_to_string(to_bitmap(f0))", "-1", "NULL"},
		{"array_map(x -> concat(x, f0), ['a', NULL])", "!", `["a!",null]`}, {"array_map((x, y) -> x + y, [1, 2], [10, 20])", "", "[11,22]"},
		{"array_map(x -> array_map(y -> concat(x, y), ['1', '2']), ['a', 'b'])", "", `[["a1","a2"],["b1","b2"]]`},
		{"map_from_arrays([1, 1, 2], ['a', f0, NULL])", "b", `{1:"b",2:null}`}, {"map{1: 'x', 2: f0}[2]", "y", "y"}, {"map{1: 'x'}[3]", "", "NULL"}, {"[1, 2][3]", "", "NULL"}, {"[1, 2][-1]", "", "2"},
		{"map_keys(map{'a': 1})", "", `["a"]`}, {"map_values(map{'a': NULL})", "", "[null]"}, {"named_struct('a', 1, 'b', f0).b", "z", "z"}, {"row(1, f0)", "z", `{"col1":1,"col2":"z"}`},
		{"cast(parse_json(f0) as array<int>)", `["1",2,null,"x"]`, "[1,2,null,null]"}, {"cast(parse_json(f0) as array<int>)", `{}`, "NULL"}, {"cast(parse_json(f0) as map<varchar, int>)", `{"a":1}`, `{"a":1}`},
		{"cast(parse_json(f0) as struct<a int, b varchar>)", `{"b":"x","c":1}`, `{"a":null,"b":"x"}`},
		{"to_json(map{'k': [1.5, NULL], '': []})", "", `{"k": ["1.5", null]}`}, {"json_object('a', f0, 'b', NULL)", "x", `{"a": "x", "b": null}`}, {"json_array(1, f0, TRUE)", "x", `[1, "x", true]`},
		{"if(f0 IS NULL, NULL, hex(f0))", `\N`, "NULL"}, {"coalesce(NULL, f0, 'z')", `\N`, "z"}, {"CASE WHEN f0 > 5 THEN 'big' ELSE 'small' END", "10", "big"},
		{"f0 IN (1, NULL)", "2", "NULL"}, {"f0 LIKE 'a%_'", "abc", "1"}, {"1.5 * 2", "", "3.0"}, {"7 / 2", "", "3.5"}, {"7 % 4", "", "3"}, {"1 / 0", "", "NULL"},
		{"NULL AND FALSE", "", "0"}, {"NULL OR TRUE", "", "1"}, {"NOT NULL", "", "NULL"},
	} {
		require.Equal(t, c.want, eval(t, c.text, c.field), "%s of %q", c.text, c.field)
	}
}

// Trap: memory that a function adopts must never be that of a stored row.
func TestRowsThatAreReadStayAsTheyAre(t *testing.T) {
	t.Parallel()
	bitmap := value.NewBitmap([]uint64{1, 2, 3}).Serialize()
	stored := append([]byte{}, bitmap...)
	for _, text := range []string{"bitmap_to_binary(b)", "hex(bitmap_to_binary(b))", "bitmap_to_base64(b)"} {
		parsed, err := dialect.ParseExpression(text)
		require.NoError(t, err)
		e, err := Compile(parsed, []Column{{Name: "b", Type: Type{Name: "BITMAP"}}})
		require.NoError(t, err)
		e.Eval([][]byte{stored})
		e.Eval([][]byte{value.Bitmap{7}.Serialize()})
		require.Equal(t, bitmap, stored, text)
	}
}

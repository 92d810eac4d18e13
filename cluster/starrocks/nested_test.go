package starrocks

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNestedTextOfTheWireIsReadExactly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, wire, stored, load string }{
		{"array<int(11)>", `[]`, `[]`, `[]`},
		{"array<int(11)>", `[1,null,-2]`, `["1",null,"-2"]`, `["1",null,"-2"]`},
		{"array<boolean>", `[0,1]`, `["0","1"]`, `["0","1"]`},
		{"array<double>", `[nan,-inf,1e+20]`, `["nan","-inf","1e+20"]`, `["nan","-inf","1e+20"]`},
		{"array<decimal(18,2)>", `[1.50]`, `["1.50"]`, `["1.50"]`},
		{"array<varchar(20)>", `["a","null",null,"","]",","]`, `["a","null",null,"","]",","]`, `["61","6e756c6c",null,"","5d","2c"]`},
		{"array<varchar(20)>", `["\"\\"]`, `["\"\\"]`, `["225c"]`},
		{"array<varchar(20)>", "[\"a\nb\x00\"]", `["a\u000ab\u0000"]`, `["610a6200"]`},
		{"array<varbinary>", "[\"\xff\\\"\",\"a\"]", `[{"hex":"ff22"},"a"]`, `["ff22","61"]`},
		{"array<json>", `['{"a": "it\'s \\"x\\""}',null,'null']`, `["{\"a\": \"it's \\\"x\\\"\"}",null,"null"]`, `[[{"a": "it's \"x\""}],null,[null]]`},
		{"array<array<date>>", `[["2024-01-01",null],[],null]`, `[["2024-01-01",null],[],null]`, `[["2024-01-01",null],[],null]`},
		{"map<int(11),varchar(5)>", `{}`, `[]`, `[[],[]]`},
		{"map<int(11),varchar(5)>", `{2:"b",1:null}`, `[["2","b"],["1",null]]`, `[["2","1"],["62",null]]`},
		{"map<varchar(5),array<int(11)>>", `{"":[1],"a:b":null,null:[]}`, `[["",["1"]],["a:b",null],[null,[]]]`, `[["","613a62",null],[["1"],null,[]]]`},
		{"map<datetime,map<int(11),int(11)>>", `{"2024-01-01 00:00:00.000001":{1:2}}`, `[["2024-01-01 00:00:00.000001",[["1","2"]]]]`, `[["2024-01-01 00:00:00.000001"],[[["1"],["2"]]]]`},
		{"struct<`a` int(11),`b c` array<varchar(5)>>", `{"a":null,"b c":["x"]}`, `{"a":null,"b c":["x"]}`, `[null,["78"]]`},
		{"struct<`a` struct<`b` varchar(5)>,`c` date>", `{"a":{"b":"}"},"c":null}`, `{"a":{"b":"}"},"c":null}`, `[["7d"],null]`},
		{"array<struct<`a` int(11)>>", `[{"a":1},null]`, `[{"a":"1"},null]`, `[["1"],null]`},
	} {
		typ, err := typeOf(c.typ)
		require.NoError(t, err)
		stored, rest, err := typ.fromWire(nil, []byte(c.wire))
		require.NoError(t, err, c.wire)
		require.Empty(t, rest)
		require.Equal(t, c.stored, string(stored), c.typ)
		require.True(t, json.Valid(stored))
		load, err := typ.toLoad(nil, stored)
		require.NoError(t, err, c.wire)
		require.Equal(t, c.load, string(load), c.typ)
	}
}

func TestNestedTextThatIsNotOfItsTypeIsRefused(t *testing.T) {
	t.Parallel()
	for typ, texts := range map[string][]string{
		"array<int(11)>":                     {"", "[", "[1", "[1,", "[1 2]", `["1"]`, "{}", "[]x", "[,]", "[1,]"},
		"array<varchar(5)>":                  {`["a]`, `[a]`, `["a\]`},
		"map<int(11),int(11)>":               {"{1}", "{1:}", "{1:2", "{1:2,}", "[]"},
		"struct<`a` int(11),`b` varchar(5)>": {`{"a":1}`, `{"b":"x","a":1}`, `{"a":1,"b":"x","c":1}`, `{}`, `{"a":1,"b":"x"`, `{a:1,"b":"x"}`},
		"array<json>":                        {`["{}"]`, `['{}]`},
	} {
		parsed, err := typeOf(typ)
		require.NoError(t, err)
		for _, text := range texts {
			_, rest, err := parsed.fromWire(nil, []byte(text))
			require.True(t, err != nil || len(rest) > 0, "%s: %s", typ, text)
		}
	}
}

func TestStoredNestedValueThatIsNotOfItsTypeIsNotLoaded(t *testing.T) {
	t.Parallel()
	for typ, texts := range map[string][]string{
		"array<int(11)>":       {"", "1", "[1]", `["1","2"`, `["1,2"]`, `[""]`, `["1"]x`, `[{"hex":"3x"}]`, `[{"dec":"33"}]`, `[{"hex":"33","a":1}]`},
		"array<json>":          {`["{"]`, `[{}]`, "[\"[1,\\r2]\"]"},
		"map<int(11),int(11)>": {`["1","2"]`, `[["1"]]`, `[["1","2","3"]]`, `{"1":"2"}`},
		"struct<`a` int(11)>":  {`{}`, `{"b":"1"}`, `{"a":"1","b":"2"}`, `["1"]`},
	} {
		parsed, err := typeOf(typ)
		require.NoError(t, err)
		for _, text := range texts {
			_, err := parsed.toLoad(nil, []byte(text))
			require.Error(t, err, "%s: %s", typ, text)
		}
	}
}

func TestNestedValuesAreConstructedFromArraysOnly(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]string{
		"array<varchar(5)>":     "array_map(x1 -> unhex(cast(x1 as varchar)), cast(f as array<json>))",
		"array<array<int(11)>>": "array_map(x1 -> array_map(x2 -> cast(cast(x2 as varchar) as int(11)), cast(x1 as array<json>)), cast(f as array<json>))",
		"map<int(11),json>": "map_from_arrays(array_map(x1 -> cast(cast(x1 as varchar) as int(11)), cast(cast(f as array<json>)[1] as array<json>)), " +
			"array_map(x1 -> cast(x1 as array<json>)[1], cast(cast(f as array<json>)[2] as array<json>)))",
		"struct<`it's` varbinary,`b` date>": "if(cast(f as array<json>) IS NULL, NULL, named_struct('it\\'s', to_binary(cast(cast(f as array<json>)[1] as varchar), 'hex'), " +
			"'b', cast(cast(cast(f as array<json>)[2] as varchar) as date)))",
	} {
		parsed, err := typeOf(typ)
		require.NoError(t, err)
		require.Equal(t, want, parsed.construct("f", 0))
	}
}

func FuzzNestedTextIsReadOrRefused(f *testing.F) {
	for _, text := range []string{`{"a":1,"b":[{"k":'{"x": 1}'}]}`, `{"a":null,"b":null}`, "{\"a\":-1.5,\"b\":[{\"\xff\\\\\":null}]}", `null`} {
		f.Add([]byte(text))
	}
	typ, err := typeOf("struct<`a` double,`b` array<map<varchar(20),json>>>")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text []byte) {
		stored, rest, err := typ.fromWire(nil, text)
		if err != nil || len(rest) > 0 {
			return
		}
		require.True(t, json.Valid(stored), "%q", stored)
		load, err := typ.toLoad(nil, stored)
		if err == nil {
			require.True(t, json.Valid(load), "%q", load)
		}
	})
}

func BenchmarkNested(b *testing.B) {
	const wire = `[{"id":1,"name":"some text that is usual"},{"id":2,"name":"another \"text\" with quotes"},null]`
	typ := sourced("array<struct<`id` int(11),`name` varchar(50)>>")
	stored, _, err := typ.fromWire(nil, []byte(wire))
	require.NoError(b, err)
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(wire)))
		var out []byte
		for b.Loop() {
			out, _, _ = typ.fromWire(out[:0], []byte(wire))
		}
	})
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(stored)))
		var out []byte
		for b.Loop() {
			out, _ = typ.toLoad(out[:0], stored)
		}
	})
}

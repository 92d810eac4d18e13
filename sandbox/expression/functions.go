package expression

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"starkeep/sandbox/value"
)

var errTypes = errors.New("types do not fit")

var functions map[string]function

func init() { // the table refers to functions that compile others
	functions = map[string]function{}
	for _, group := range []map[string]function{texts, jsons, sketches, collections} {
		for name, f := range group {
			functions[name] = f
		}
	}
}

// texts are functions of texts and bytes.
var texts = map[string]function{
	"hex":                  {min: 1, max: 1, make: makeHex},
	"unhex":                {min: 1, max: 1, args: []Type{varchar}, make: returns(varchar, unhex)},
	"hex_decode_binary":    {min: 1, max: 1, args: []Type{varchar}, make: returns(varbinary, unhex)},
	"to_base64":            {min: 1, max: 1, args: []Type{varchar}, make: returns(varchar, toBase64)},
	"from_base64":          {min: 1, max: 1, args: []Type{varchar}, make: returns(varchar, fromBase64)},
	"base64_decode_binary": {min: 1, max: 1, args: []Type{varchar}, make: returns(varbinary, fromBase64)},
	"to_binary":            {min: 1, max: 2, args: []Type{varchar, varchar}, make: returns(varbinary, toBinary)},
	"from_binary":          {min: 1, max: 2, args: []Type{varbinary, varchar}, make: returns(varchar, fromBinary)},
	"concat":               {min: 1, max: -1, args: []Type{varchar}, make: returns(varchar, concat)},
	"repeat":               {min: 2, max: 2, args: []Type{varchar, bigint}, make: returns(varchar, repeat)},
	"length":               {min: 1, max: 1, args: []Type{varchar}, make: returns(Type{Name: "INT"}, func(dst []byte, v [][]byte) []byte { return strconv.AppendInt(dst, int64(len(v[0])), 10) })},
	"char_length":          {min: 1, max: 1, args: []Type{varchar}, make: returns(Type{Name: "INT"}, func(dst []byte, v [][]byte) []byte { return strconv.AppendInt(dst, int64(utf8.RuneCount(v[0])), 10) })},
	"lower":                {min: 1, max: 1, args: []Type{varchar}, make: returns(varchar, func(dst []byte, v [][]byte) []byte { return append(dst, bytes.ToLower(v[0])...) })},
	"upper":                {min: 1, max: 1, args: []Type{varchar}, make: returns(varchar, func(dst []byte, v [][]byte) []byte { return append(dst, bytes.ToUpper(v[0])...) })},
	"substr":               {min: 2, max: 3, args: []Type{varchar, bigint}, make: returns(varchar, substr)},
	"substring":            {min: 2, max: 3, args: []Type{varchar, bigint}, make: returns(varchar, substr)},
	"date_trunc":           {min: 2, max: 2, args: []Type{varchar, {Name: "DATETIME"}}, make: returns(Type{Name: "DATETIME"}, dateTrunc)},
}

// hexDigits are upper case in hex, whatever is given.
func makeHex(types []Type) (Type, implementation, error) {
	if types[0].Integer() || types[0].Name == "BOOLEAN" {
		return varchar, func(dst []byte, v [][]byte) []byte {
			n, _ := strconv.ParseInt(string(v[0]), 10, 64)
			return append(dst, strings.ToUpper(strconv.FormatUint(uint64(n), 16))...)
		}, nil
	}
	if !types[0].Text() && types[0].Name != "VARBINARY" && types[0].Name != "NULL" {
		return Type{}, nil, errTypes
	}
	return varchar, func(dst []byte, v [][]byte) []byte { return bytes.ToUpper(hex.AppendEncode(dst, v[0])) }, nil
}

// unhex of an odd number of digits or of other text is the empty string, not NULL (be:exprs/string_functions.cpp).
func unhex(dst []byte, v [][]byte) []byte {
	out, err := hex.AppendDecode(dst, v[0])
	if err != nil {
		return dst
	}
	return out
}

// maxBase64 is BE max_length_for_to_base64.
const maxBase64 = 200000

// toBase64 of an empty text is NULL, as is one that is too long (an error of the query in the original).
func toBase64(dst []byte, v [][]byte) []byte {
	if len(v[0]) == 0 || len(v[0]) > maxBase64 {
		return nil
	}
	return base64.StdEncoding.AppendEncode(dst, v[0])
}

// fromBase64 of an empty text is NULL (be:exprs/encryption_functions.cpp).
func fromBase64(dst []byte, v [][]byte) []byte {
	out, err := base64.StdEncoding.AppendDecode(dst, v[0])
	if err != nil || len(v[0]) == 0 {
		return nil
	}
	return out
}

// toBinary has the formats hex (also for a name that it does not know), encode64 and utf8 (be:exprs/binary_functions.cpp).
func toBinary(dst []byte, v [][]byte) []byte {
	switch binaryFormat(v) {
	case "utf8":
		return append(dst, v[0]...)
	case "encode64":
		return fromBase64(dst, v)
	}
	return unhex(dst, v)
}

func fromBinary(dst []byte, v [][]byte) []byte {
	switch binaryFormat(v) {
	case "utf8":
		return append(dst, v[0]...)
	case "encode64":
		return toBase64(dst, v)
	}
	return bytes.ToUpper(hex.AppendEncode(dst, v[0]))
}

func binaryFormat(v [][]byte) string {
	if len(v) < 2 {
		return "hex"
	}
	return lower(v[1])
}

// concat of more than the longest string is NULL (be:exprs/string_functions.cpp, get_olap_string_max_length).
func concat(dst []byte, v [][]byte) []byte {
	for _, s := range v {
		dst = append(dst, s...)
	}
	if len(dst) > value.MaxString {
		return nil
	}
	return dst
}

// repeat of more than the longest string is NULL.
func repeat(dst []byte, v [][]byte) []byte {
	n, ok := integer(v[1])
	if !ok || n > 0 && len(v[0])*n > value.MaxString {
		return nil
	}
	return append(dst, bytes.Repeat(v[0], max(n, 0))...)
}

// substr counts characters from 1, from the end when negative.
func substr(dst []byte, v [][]byte) []byte {
	runes := []rune(string(v[0]))
	at, ok := integer(v[1])
	if !ok {
		return nil
	}
	if at < 0 {
		at += len(runes) + 1
	}
	if at < 1 || at > len(runes) {
		return dst
	}
	end := len(runes)
	if len(v) == 3 {
		n, ok := integer(v[2])
		if !ok {
			return nil
		}
		end = min(end, at-1+max(n, 0))
	}
	return append(dst, string(runes[at-1:end])...)
}

func dateTrunc(dst []byte, v [][]byte) []byte {
	at, err := time.Parse(time.DateTime, string(v[1]))
	if err != nil {
		return nil
	}
	year, month, day := at.Date()
	switch lower(v[0]) {
	case "second":
		at = at.Truncate(time.Second)
	case "minute":
		at = at.Truncate(time.Minute)
	case "hour":
		at = at.Truncate(time.Hour)
	case "day":
		at = time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	case "week":
		at = time.Date(year, month, day-(int(at.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	case "month":
		at = time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	case "quarter":
		at = time.Date(year, month-(month-1)%3, 1, 0, 0, 0, 0, time.UTC)
	case "year":
		at = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	default:
		return nil
	}
	return at.AppendFormat(dst, time.DateTime)
}

// jsons are functions of JSON.
var jsons = map[string]function{
	"parse_json": {min: 1, max: 1, args: []Type{varchar}, make: returns(jsonType, func(dst []byte, v [][]byte) []byte {
		out, ok := value.AppendJSON(dst, v[0])
		if !ok {
			return nil
		}
		return out
	})},
	"json_string": {min: 1, max: 1, args: []Type{jsonType}, make: returns(varchar, func(dst []byte, v [][]byte) []byte { return append(dst, v[0]...) })},
	"json_query":  {min: 2, max: 2, args: []Type{jsonType, varchar}, make: returns(jsonType, jsonQuery)},
	"get_json_string": {min: 2, max: 2, args: []Type{jsonType, varchar}, make: returns(varchar, func(dst []byte, v [][]byte) []byte {
		found := value.JSONPath(v[0], v[1])
		if found == nil {
			return nil
		}
		if found = value.JSONText(found); found == nil {
			return nil
		}
		return append(dst, found...)
	})},
	"to_json": {min: 1, max: 1, make: func(types []Type) (Type, implementation, error) {
		if !types[0].Nested() && types[0].Name != "JSON" {
			return Type{}, nil, errTypes
		}
		return jsonType, func(dst []byte, v [][]byte) []byte { return value.ToJSON(dst, types[0], v[0]) }, nil
	}},
	"json_array":  {min: 0, max: -1, lenient: true, make: makeJSONArray},
	"json_object": {min: 0, max: -1, lenient: true, make: makeJSONObject},
}

func jsonQuery(dst []byte, v [][]byte) []byte {
	found := value.JSONPath(v[0], v[1])
	if found == nil {
		return nil
	}
	return append(dst, found...)
}

func makeJSONArray(types []Type) (Type, implementation, error) {
	t := Type{Name: "STRUCT", Elements: types}
	return jsonType, func(dst []byte, v [][]byte) []byte {
		dst = append(dst, '[')
		for i := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = value.ToJSON(dst, t.Elements[i], v[i])
		}
		return append(dst, ']')
	}, nil
}

// makeJSONObject takes keys and values in turn; a key that is NULL makes the result NULL.
func makeJSONObject(types []Type) (Type, implementation, error) {
	if len(types)%2 == 1 {
		return Type{}, nil, errTypes
	}
	return jsonType, func(dst []byte, v [][]byte) []byte {
		t := Type{Name: "STRUCT"}
		members := []byte{}
		for i := 0; i < len(v); i += 2 {
			if v[i] == nil {
				return nil
			}
			t.Fields, t.Elements = append(t.Fields, string(v[i])), append(t.Elements, types[i+1])
			members = value.Append(members, v[i+1])
		}
		return value.ToJSON(dst, t, members)
	}, nil
}

// collections are functions of ARRAY and MAP.
var collections = map[string]function{
	"map_keys":     {min: 1, max: 1, make: makeSide("MAP", 0)},
	"map_values":   {min: 1, max: 1, make: makeSide("MAP", 1)},
	"array_length": {min: 1, max: 1, make: makeSize("ARRAY", 1)},
	"cardinality":  {min: 1, max: 1, make: makeSize("ARRAY", 1)},
	"map_size":     {min: 1, max: 1, make: makeSize("MAP", 2)},
}

func makeSide(name string, side int) func([]Type) (Type, implementation, error) {
	return func(types []Type) (Type, implementation, error) {
		if types[0].Name != name {
			return Type{}, nil, errTypes
		}
		return Type{Name: "ARRAY", Elements: []Type{types[0].Elements[side]}}, func(dst []byte, v [][]byte) []byte {
			for i, m := range value.Members(v[0]) {
				if i%2 == side {
					dst = value.Append(dst, m)
				}
			}
			return dst
		}, nil
	}
}

func makeSize(name string, width int) func([]Type) (Type, implementation, error) {
	return func(types []Type) (Type, implementation, error) {
		if types[0].Name != name {
			return Type{}, nil, errTypes
		}
		return Type{Name: "INT"}, func(dst []byte, v [][]byte) []byte {
			return strconv.AppendInt(dst, int64(min(len(value.Members(v[0]))/width, math.MaxInt32)), 10)
		}, nil
	}
}

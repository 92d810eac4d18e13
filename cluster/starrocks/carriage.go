package starrocks

import (
	"fmt"
	"strings"

	"starkeep/snapshot"
)

// carriage is how the values of a column travel in the CSV of a Stream Load. Plain CSV cannot carry every string: a row
// with a byte that is not UTF-8 is filtered, and the text \N is NULL even between quotes (be:formats/csv,
// be:exec/file_scanner/csv_scanner). Hexadecimal carries all, in as many fields as it needs: a field is at most 1 MiB.
type carriage int

const (
	bare    carriage = iota // numbers and times: their text needs no quotes
	quoted                  // JSON between double quotes
	wrapped                 // JSON between quotes in a temporary field, parsed as the one element of an array
	hexed                   // bytes, in temporary fields
	casted                  // bare in a temporary field: a type that has no CSV converter
	boxed                   // JSON as the one element of an array, between quotes in a staging table: of any length
	nested                  // the same, for JSON that an INSERT makes into ARRAY, MAP or STRUCT
)

const (
	// maxField is the longest text field that a load takes, temporary ones included (be:formats/csv/string_converter.cpp
	// MAX_VARCHAR_LENGTH); a longer concat is NULL (be:exprs/string_functions.cpp, olap_string_max_length).
	maxField = 1 << 20
	// maxPiece is what a field holds in hexadecimal.
	maxPiece = maxField / 2
	// maxJSON is the longest JSON that is parsed (be:types/json_value.h kJSONLengthLimit).
	maxJSON = 16 << 20
	// maxBitmapPieces bounds the fields of one column. Pieces of a bitmap are bitmaps that are united afterwards.
	maxBitmapPieces = 64
	// maxHeader is the longest columns header that is sent: a front end takes 32 KiB of headers (fe:Config http_max_header_size).
	maxHeader = 16 << 10
)

// field is one column of a load.
type field struct {
	column snapshot.Column
	by     carriage
	pieces int       // of a hexed column: the CSV fields that it takes
	typ    *dataType // of a nested column
}

// carriages decides how each column travels at first. JSON goes as text: its own parser then refuses what it cannot
// read, where parse_json in an expression would make it NULL without a word. But a scalar such as 1 or null would become
// a JSON string (be:types/json_value.cpp parse_json_or_string): a column that holds one is wrapped.
func carriages(columns []snapshot.Column) ([]field, error) {
	fields := make([]field, len(columns))
	for i, c := range columns {
		f := field{column: c, pieces: 1}
		switch {
		case c.Encoding == snapshot.NestedEncoding:
			var err error
			if f.typ, err = typeOf(c.Source); err != nil {
				return nil, fmt.Errorf("column %s: %w", c.Name, err)
			}
			f.by = nested
		case c.Type.Kind == snapshot.String, c.Type.Kind == snapshot.Binary:
			f.by = hexed
		case c.Type.Kind == snapshot.JSON:
			f.by = quoted
		case c.Type.Kind == snapshot.Decimal && c.Type.Precision > convertible:
			f.by = casted
		}
		fields[i] = f
	}
	return fields, nil
}

// temporary tells whether a column is made by an expression from fields of other names.
func (f *field) temporary() bool { return f.by != bare && f.by != quoted }

// staged tells whether no expression of a Stream Load makes the column: HLL takes hll_hash and hll_empty only (fe:Load), and
// lambdas, which ARRAY, MAP and STRUCT need, are for certain only in a SELECT. A name with a control character cannot stand
// in the header of a load.
func (f *field) staged() bool {
	return f.by == nested || f.by == boxed || f.column.Encoding == snapshot.HLLEncoding ||
		strings.ContainsFunc(f.column.Name, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// decoder is the expression that makes a column of its fields. unhex of an empty text is empty and of NULL is NULL, unlike
// from_base64, which makes NULL of an empty text (be:exprs/encryption_functions.cpp).
func (f *field) decoder(from []string) string {
	switch f.by {
	case wrapped:
		return "json_query(parse_json(concat('['," + from[0] + ",']')),'$[0]')"
	case casted:
		return fmt.Sprintf("cast(%s as decimal(%d,%d))", from[0], f.column.Type.Precision, f.column.Type.Scale)
	case boxed:
		return "cast(" + from[0] + " as array<json>)[1]"
	case nested:
		return f.typ.construct(from[0], 0)
	}
	switch {
	case f.column.Encoding == snapshot.BitmapEncoding:
		return union(from)
	case f.column.Encoding == snapshot.HLLEncoding && f.column.Nullable:
		return "if(" + from[0] + " IS NULL,NULL,hll_deserialize(unhex(" + from[0] + ")))" // of NULL it makes an empty HLL
	case f.column.Encoding == snapshot.HLLEncoding:
		return "hll_deserialize(unhex(" + from[0] + "))"
	case f.column.Type.Kind == snapshot.Binary && len(from) == 1:
		return "to_binary(" + from[0] + ",'hex')"
	case f.column.Type.Kind == snapshot.Binary: // utf8 leaves the bytes as they are (be:exprs/binary_functions.cpp)
		return "to_binary(" + joined(from) + ",'utf8')"
	}
	return joined(from)
}

// joined puts the pieces of a text together.
func joined(from []string) string {
	if len(from) == 1 {
		return "unhex(" + from[0] + ")"
	}
	return "concat(unhex(" + strings.Join(from, "),unhex(") + "))"
}

// union makes a bitmap of its pieces. bitmap_from_binary looks at what it is given, base64_to_bitmap does not
// (be:exprs/bitmap_functions.cpp).
func union(from []string) string {
	all := ""
	for i, f := range from {
		one := "bitmap_from_binary(to_binary(" + f + ",'hex'))"
		if i == 0 {
			all = one
		} else {
			all = "bitmap_or(" + all + ",ifnull(" + one + ",bitmap_empty()))"
		}
	}
	return all
}

// source is a field of the CSV.
type source struct {
	name string // quoted
	typ  string // of its column in a staging table
}

// sources lists the CSV fields of all columns, and the expressions of the columns over them, "" where the field is the
// column itself.
func sources(fields []field) (list []source, expressions []string, err error) {
	prefix := temporaryPrefix(fields)
	for i := range fields {
		f := &fields[i]
		name, err := identifier(f.column.Name)
		if err != nil {
			return nil, nil, err
		}
		if !f.temporary() {
			list, expressions = append(list, source{name, f.column.Source}), append(expressions, "")
			continue
		}
		typ := fmt.Sprintf("varchar(%d)", maxField)
		if f.by == nested || f.by == boxed {
			typ = "json"
		}
		names := make([]string, f.pieces)
		for j := range names {
			names[j] = fmt.Sprintf("`%s%d`", prefix, i)
			if j > 0 {
				names[j] = fmt.Sprintf("`%s%d_%d`", prefix, i, j)
			}
			list = append(list, source{names[j], typ})
		}
		expressions = append(expressions, f.decoder(names))
	}
	return list, expressions, nil
}

// columnsHeader prints the mapping of fields to columns.
func columnsHeader(fields []field) (string, error) {
	list, expressions, err := sources(fields)
	if err != nil {
		return "", err
	}
	parts := make([]string, len(list), len(list)+len(fields))
	for i, s := range list {
		parts[i] = s.name
	}
	for i, f := range fields {
		if expressions[i] != "" {
			name, err := identifier(f.column.Name)
			if err != nil {
				return "", err
			}
			parts = append(parts, name+"="+expressions[i])
		}
	}
	return strings.Join(parts, ","), nil
}

// temporaryPrefix begins the names of temporary fields: no column may have such a name.
func temporaryPrefix(fields []field) string {
	prefix := "starkeep_"
	for i := 0; i < len(fields); i++ {
		if strings.HasPrefix(strings.ToLower(fields[i].column.Name), prefix) {
			prefix = "_" + prefix
			i = -1
		}
	}
	return prefix
}

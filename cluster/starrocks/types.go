package starrocks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// kinds are the scalar types whose values can be read and loaded. What is missing (PERCENTILE, VARIANT, aggregate states …)
// cannot be carried: SELECT prints NULL for some of them, and nothing takes others back.
var kinds = map[string]snapshot.Kind{
	"boolean":   snapshot.Boolean,
	"tinyint":   snapshot.Int8,
	"smallint":  snapshot.Int16,
	"int":       snapshot.Int32,
	"integer":   snapshot.Int32,
	"bigint":    snapshot.Int64,
	"largeint":  snapshot.Int128,
	"float":     snapshot.Float32,
	"double":    snapshot.Float64,
	"decimal":   snapshot.Decimal,
	"decimalv2": snapshot.Decimal, "decimal32": snapshot.Decimal, "decimal64": snapshot.Decimal, "decimal128": snapshot.Decimal,
	"decimal256": snapshot.Decimal,
	"date":       snapshot.Date,
	"datetime":   snapshot.Datetime,
	"char":       snapshot.String,
	"varchar":    snapshot.String,
	"string":     snapshot.String,
	"binary":     snapshot.Binary, "varbinary": snapshot.Binary,
	"json":   snapshot.JSON,
	"bitmap": snapshot.Binary,
	"hll":    snapshot.Binary,
}

const (
	convertible  = 38 // digits up to which a decimal has a CSV converter; DECIMAL256 has none (be:formats/csv/converter.cpp)
	maxPrecision = 76
)

// dataType is a type as DDL prints it.
type dataType struct {
	name       string // lower case
	parameters string // of a scalar, e.g. 18,2
	names      []string
	types      []*dataType // the element of an ARRAY, key and value of a MAP, the fields of a STRUCT
}

// nests tells whether values hold others.
func (t *dataType) nests() bool { return len(t.types) > 0 }

// String prints the type in one form whatever the spaces it was written with. Names of fields keep their case.
func (t *dataType) String() string {
	if !t.nests() {
		if t.parameters == "" {
			return t.name
		}
		return t.name + "(" + t.parameters + ")"
	}
	list := make([]string, len(t.types))
	for i, x := range t.types {
		list[i] = x.String()
		if t.name == "struct" {
			list[i] = "`" + t.names[i] + "` " + list[i]
		}
	}
	return t.name + "<" + strings.Join(list, ",") + ">"
}

// same tells whether two types are one, however they are written: the case of names of fields means nothing, and a binary of
// no stated length is of the largest one (fe-type TypeFactory).
func (t *dataType) same(u *dataType) bool {
	if !t.nests() && t.binary() && u.binary() {
		return t.length() == u.length()
	}
	return t.name == u.name && t.parameters == u.parameters &&
		slices.EqualFunc(t.names, u.names, strings.EqualFold) && slices.EqualFunc(t.types, u.types, (*dataType).same)
}

func (t *dataType) binary() bool { return t.name == "binary" || t.name == "varbinary" }

func (t *dataType) length() string {
	if t.parameters == "" {
		return strconv.Itoa(maxVarchar)
	}
	return t.parameters
}

// parseType takes a type, e.g. decimal(18, 2) or array<struct<`a` int(11), `b` varchar(20)>> (fe-type ArrayType, MapType,
// StructType toSql). Older versions print names of fields without quotes.
func parseType(c *cursor) (*dataType, error) {
	t := &dataType{name: strings.ToLower(c.take().text)}
	if c.peek().sign("(") {
		list, err := c.group("(", ")")
		t.parameters = normal(list)
		return t, err
	}
	if !c.peek().sign("<") {
		return t, nil
	}
	for !c.peek().sign(">") {
		c.take() // the opening bracket, or a comma
		if t.name == "struct" {
			t.names = append(t.names, c.take().text)
			if c.peek().sign(":") { // as Hive writes it
				c.take()
			}
		}
		x, err := parseType(c)
		if err != nil {
			return nil, err
		}
		if c.accept("COMMENT") {
			c.take()
		}
		t.types = append(t.types, x)
		if !c.peek().sign(",") && !c.peek().sign(">") {
			return nil, fmt.Errorf("type %s is not closed: %w", t.name, errDDL)
		}
	}
	c.take()
	if want := map[string]int{"array": 1, "map": 2, "struct": len(t.types)}[t.name]; want != len(t.types) {
		return nil, fmt.Errorf("type %s of %d parts: %w", t.name, len(t.types), errDDL)
	}
	return t, nil
}

// typeOf reads the type of a column of a snapshot.
func typeOf(source string) (*dataType, error) {
	tokens, err := tokenize(source)
	if err != nil {
		return nil, err
	}
	c := &cursor{tokens: tokens}
	t, err := parseType(c)
	if err == nil && c.at != len(tokens) {
		err = fmt.Errorf("type %s is followed by %q: %w", t, c.peek().text, errDDL)
	}
	return t, err
}

// columnType maps a type to the one of a snapshot, and says how its values are written.
func columnType(t *dataType) (snapshot.Type, snapshot.Encoding, error) {
	if t.nests() {
		for _, x := range t.types {
			if _, encoding, err := columnType(x); err != nil {
				return snapshot.Type{}, "", fmt.Errorf("type %s: %w", t, err)
			} else if encoding != "" && encoding != snapshot.NestedEncoding {
				return snapshot.Type{}, "", fmt.Errorf("type %s: %s within another type: %w", t, x, cluster.ErrUnsupported)
			}
		}
		return snapshot.Type{Kind: snapshot.JSON}, snapshot.NestedEncoding, nil
	}
	is := snapshot.Type{Kind: kinds[t.name]}
	switch {
	case is.Kind == "":
		return is, "", fmt.Errorf("type %s: %w", t, cluster.ErrUnsupported)
	case is.Kind == snapshot.Decimal:
		err := decimalType(&is, t)
		return is, "", err
	case t.name == "bitmap":
		return is, snapshot.BitmapEncoding, nil
	case t.name == "hll":
		return is, snapshot.HLLEncoding, nil
	}
	return is, "", nil
}

func decimalType(is *snapshot.Type, t *dataType) error {
	precision, scale, _ := strings.Cut(t.parameters, ",")
	var err error
	if is.Precision, err = strconv.Atoi(precision); err != nil {
		return fmt.Errorf("type %s without precision: %w", t, cluster.ErrUnsupported)
	}
	if scale != "" {
		if is.Scale, err = strconv.Atoi(scale); err != nil {
			return fmt.Errorf("type %s with scale %q: %w", t, scale, cluster.ErrUnsupported)
		}
	}
	if is.Precision > maxPrecision {
		return fmt.Errorf("type %s: more than %d digits: %w", t, maxPrecision, cluster.ErrUnsupported)
	}
	return nil
}

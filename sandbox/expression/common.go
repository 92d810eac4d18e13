package expression

import (
	"fmt"
	"strings"

	"starkeep/sandbox/value"
)

// numberType is the type of a number as it is written: the smallest integer, DECIMAL, or DOUBLE with an exponent
// (fe:sql/parser/AstBuilder visitIntegerValue, visitDecimalValue).
func numberType(text string) (Type, string) {
	digits := strings.TrimLeft(strings.TrimPrefix(text, "-"), "0")
	whole, fraction, dot := strings.Cut(digits, ".")
	switch {
	case strings.ContainsAny(text, "eE") || dot && len(whole)+len(fraction) > 76:
		return Type{Name: "DOUBLE"}, canonical(Type{Name: "DOUBLE"}, text)
	case dot:
		t := Type{Name: "DECIMAL", Precision: max(len(whole)+len(fraction), 1), Scale: len(fraction)}
		return t, canonical(t, text)
	}
	for _, name := range []string{"TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT"} {
		if v := canonical(Type{Name: name}, text); v != "" {
			return Type{Name: name}, v
		}
	}
	t := Type{Name: "DECIMAL", Precision: 76}
	if v := canonical(t, text); v != "" {
		return t, v
	}
	return Type{Name: "DOUBLE"}, canonical(Type{Name: "DOUBLE"}, text)
}

// canonical prints a text as a type does; it is empty for what is none.
func canonical(t Type, text string) string {
	caster, err := value.Cast(Type{Name: "VARCHAR"}, t)
	if err != nil {
		return ""
	}
	return string(caster([]byte(text)))
}

// ranks orders the number types by what they hold.
var ranks = map[string]int{"BOOLEAN": 1, "TINYINT": 2, "SMALLINT": 3, "INT": 4, "BIGINT": 5, "LARGEINT": 6, "DECIMAL": 7, "FLOAT": 8, "DOUBLE": 9}

// common is the type that two values of a collection, or two results of a condition, get.
func common(a, b Type) (Type, error) {
	switch {
	case a.Name == "NULL":
		return b, nil
	case b.Name == "NULL" || same(a, b):
		return a, nil
	case a.Nested() && a.Name == b.Name && len(a.Elements) == len(b.Elements):
		t := Type{Name: a.Name, Fields: a.Fields, Elements: make([]Type, len(a.Elements))}
		for i := range a.Elements {
			var err error
			if t.Elements[i], err = common(a.Elements[i], b.Elements[i]); err != nil {
				return t, err
			}
		}
		return t, nil
	case a.Nested() || b.Nested() || a.Sketch() || b.Sketch():
		return a, fmt.Errorf("no common type of %s and %s", a, b)
	case a.Name == "VARBINARY" || b.Name == "VARBINARY":
		return Type{Name: "VARBINARY"}, nil
	case ranks[a.Name] > 0 && ranks[b.Name] > 0:
		return commonNumber(a, b), nil
	case a.Temporal() && b.Temporal():
		return Type{Name: "DATETIME"}, nil
	}
	return Type{Name: "VARCHAR"}, nil
}

// digitsOf are the decimal digits of the integer types.
var digitsOf = map[string]int{"BOOLEAN": 1, "TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19, "LARGEINT": 39}

func commonNumber(a, b Type) Type {
	if ranks[a.Name] < ranks[b.Name] {
		a, b = b, a
	}
	if a.Name != "DECIMAL" {
		return a
	}
	whole, scale := digitsOf[b.Name], 0
	if b.Name == "DECIMAL" {
		whole, scale = b.Precision-b.Scale, b.Scale
	}
	t := Type{Name: "DECIMAL", Scale: max(a.Scale, scale)}
	t.Precision = min(max(a.Precision-a.Scale, whole)+t.Scale, 76)
	return t
}

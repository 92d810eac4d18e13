package dialect

import (
	"strconv"
	"strings"
)

// Type is the type of a column.
type Type struct {
	Name      string   // BOOLEAN … JSON; VARCHAR for STRING; ARRAY, MAP, STRUCT; BITMAP, HLL, PERCENTILE
	Length    int      // CHAR, VARCHAR, VARBINARY (0: unlimited); bytes
	Precision int      // DECIMAL
	Scale     int      // DECIMAL
	Elements  []Type   // ARRAY: one, MAP: key and value, STRUCT: one per field
	Fields    []string // STRUCT: the names
}

// MaxVarchar is what STRING columns are declared as (docs STRING: 65533 bytes).
const MaxVarchar = 65533

// MaxVarbinary is what VARBINARY columns without a length are declared as (fe:sql/analyzer/ColumnDefAnalyzer.analyze,
// TypeFactory.getOlapMaxVarcharLength); it is the largest length of CHAR's relatives, too.
const MaxVarbinary = 1 << 20

// displayWidths are what SHOW CREATE TABLE prints behind integer types (fe-type ScalarType.toSql).
var displayWidths = map[string]int{"TINYINT": 4, "SMALLINT": 6, "INT": 11, "BIGINT": 20, "LARGEINT": 40}

// String prints the type as SHOW CREATE TABLE does (fe-type toSql of each type).
func (t Type) String() string {
	lower := strings.ToLower(t.Name)
	switch {
	case t.Name == "ARRAY":
		if e := t.Elements[0]; e.Name == "DECIMAL" { // ArrayType.toSql prints decimals by their inner name
			return "array<" + e.decimalName() + "(" + strconv.Itoa(e.Precision) + "," + strconv.Itoa(e.Scale) + ")>"
		}
		return "array<" + t.Elements[0].String() + ">"
	case t.Name == "MAP":
		return "map<" + t.Elements[0].String() + "," + t.Elements[1].String() + ">"
	case t.Name == "STRUCT":
		fields := make([]string, len(t.Fields))
		for i, name := range t.Fields {
			fields[i] = "`" + name + "` " + t.Elements[i].String()
		}
		return "struct<" + strings.Join(fields, ", ") + ">"
	case displayWidths[t.Name] > 0:
		return lower + "(" + strconv.Itoa(displayWidths[t.Name]) + ")"
	case t.Name == "DECIMAL":
		return "decimal(" + strconv.Itoa(t.Precision) + ", " + strconv.Itoa(t.Scale) + ")"
	case t.Length > 0:
		return lower + "(" + strconv.Itoa(t.Length) + ")"
	}
	return lower
}

// decimalName is the inner name of a DECIMAL by its precision (TypeFactory.createUnifiedDecimalType).
func (t Type) decimalName() string {
	switch {
	case t.Precision <= 9:
		return "DECIMAL32"
	case t.Precision <= 18:
		return "DECIMAL64"
	case t.Precision <= maxDecimal128:
		return "DECIMAL128"
	}
	return "DECIMAL256"
}

// maxDecimal128 is the largest precision that every place takes, maxDecimal the one of columns (DECIMAL256).
const (
	maxDecimal128 = 38
	maxDecimal    = 76
)

// Wide tells whether the type is DECIMAL256.
func (t Type) Wide() bool { return t.Name == "DECIMAL" && t.Precision > maxDecimal128 }

// Nested tells whether the type is ARRAY, MAP or STRUCT.
func (t Type) Nested() bool { return t.Elements != nil }

// Sketch tells whether the type is one whose values SELECT does not print.
func (t Type) Sketch() bool { return t.Name == "BITMAP" || t.Name == "HLL" || t.Name == "PERCENTILE" }

// Temporal tells whether the type is DATE or DATETIME.
func (t Type) Temporal() bool { return t.Name == "DATE" || t.Name == "DATETIME" }

// Integer tells whether the type is TINYINT … LARGEINT.
func (t Type) Integer() bool { return displayWidths[t.Name] > 0 }

// Text tells whether the type is CHAR or VARCHAR.
func (t Type) Text() bool { return t.Name == "CHAR" || t.Name == "VARCHAR" }

// synonyms of type names (grammar rules baseType, decimalType).
var synonyms = map[string]string{
	"INTEGER": "INT", "BOOL": "BOOLEAN", "STRING": "VARCHAR", "TEXT": "VARCHAR", "BINARY": "VARBINARY", "NUMERIC": "DECIMAL", "NUMBER": "DECIMAL",
	"DECIMALV2": "DECIMAL", "DECIMAL32": "DECIMAL", "DECIMAL64": "DECIMAL", "DECIMAL128": "DECIMAL", "DECIMAL256": "DECIMAL", "SIGNED": "INT",
}

func (p *Parser) columnType() (Type, error) {
	start := p.peek().Start
	word, err := p.name()
	if err != nil {
		return Type{}, err
	}
	name := strings.ToUpper(word)
	t := Type{Name: name}
	if s, ok := synonyms[name]; ok {
		t.Name = s
	}
	if p.ahead("<") {
		return p.nestedType(t, start)
	}
	var arguments []int
	if p.ahead("(") {
		if err := p.list(func() error {
			n, err := p.integer()
			arguments = append(arguments, int(n))
			return err
		}); err != nil {
			return Type{}, err
		}
	}
	switch t.Name {
	case "BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT", "FLOAT", "DOUBLE", "DATE", "DATETIME", "JSON", "BITMAP", "HLL", "PERCENTILE":
	case "CHAR", "VARCHAR", "VARBINARY":
		t.Length = textLength(name, arguments)
	case "DECIMAL":
		t.Precision, t.Scale = 10, 0 // docs DECIMAL: (10, 0) when not given
		if len(arguments) > 0 {
			t.Precision = arguments[0]
		}
		if len(arguments) > 1 {
			t.Scale = arguments[1]
		}
		if t.Precision < 1 || t.Precision > maxDecimal || t.Scale > t.Precision {
			return Type{}, syntaxError(p.sql, start, "DECIMAL's precision should range from 1 to 76, its scale from 0 to the precision")
		}
	default:
		return Type{}, syntaxError(p.sql, start, "Unknown data type: "+word)
	}
	return t, nil
}

func textLength(declared string, arguments []int) int {
	switch {
	case len(arguments) > 0:
		return arguments[0]
	case declared == "STRING" || declared == "TEXT":
		return MaxVarchar
	case declared == "VARBINARY" || declared == "BINARY":
		return MaxVarbinary
	case declared == "CHAR" || declared == "VARCHAR": // docs CHAR, VARCHAR: 1 when not given
		return 1
	}
	return 0
}

// nestedType reads the rest of ARRAY<…>, MAP<…>, STRUCT<…>. ">>" ends two of them.
func (p *Parser) nestedType(t Type, start int) (_ Type, err error) {
	if err := p.expect("<"); err != nil {
		return t, err
	}
	t.Elements = []Type{}
	for {
		if t.Name == "STRUCT" {
			name, err := p.name()
			if err != nil {
				return t, err
			}
			t.Fields = append(t.Fields, name)
			p.take(":")
		}
		element, err := p.columnType()
		if err != nil {
			return t, err
		}
		t.Elements = append(t.Elements, element)
		if p.take("COMMENT") {
			if _, err := p.text(); err != nil {
				return t, err
			}
		}
		if p.take(">") {
			break
		}
		if err := p.expect(","); err != nil {
			return t, err
		}
	}
	if want, ok := map[string]int{"ARRAY": 1, "MAP": 2, "STRUCT": len(t.Fields)}[t.Name]; !ok || len(t.Elements) != want {
		return t, syntaxError(p.sql, start, "Unknown data type: "+p.sql[start:p.tokens[p.at-1].Stop])
	}
	return t, nil
}

// ParseType reads a type as SQL writes it.
func ParseType(text string) (Type, error) {
	p, err := NewParser(text)
	if err != nil {
		return Type{}, err
	}
	t, err := p.columnType()
	if err != nil {
		return t, err
	}
	return t, p.end()
}

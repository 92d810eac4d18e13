package starrocks

import (
	"fmt"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// kinds are the types whose text on the wire is known and loadable. What is missing (ARRAY, MAP, STRUCT, BITMAP, HLL,
// PERCENTILE, VARIANT, aggregate states …) cannot be carried: SELECT prints some of them as NULL.
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
	"date":     snapshot.Date,
	"datetime": snapshot.Datetime,
	"char":     snapshot.String,
	"varchar":  snapshot.String,
	"string":   snapshot.String,
	"binary":   snapshot.Binary, "varbinary": snapshot.Binary,
	"json": snapshot.JSON,
}

const maxPrecision = 38 // DECIMAL256 has no CSV converter (be:formats/csv)

// columnType maps a type as the DDL prints it, e.g. decimal(18,2).
func columnType(text string) (snapshot.Type, error) {
	name, parameters, _ := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	t := snapshot.Type{Kind: kinds[name]}
	if t.Kind == "" || strings.Contains(text, "<") {
		return t, fmt.Errorf("type %s: %w", text, cluster.ErrUnsupported)
	}
	if t.Kind != snapshot.Decimal {
		return t, nil
	}
	precision, scale, _ := strings.Cut(parameters, ",")
	var err error
	if t.Precision, err = strconv.Atoi(precision); err != nil {
		return t, fmt.Errorf("type %s without precision: %w", text, cluster.ErrUnsupported)
	}
	if scale != "" {
		if t.Scale, err = strconv.Atoi(scale); err != nil {
			return t, fmt.Errorf("type %s with scale %q: %w", text, scale, cluster.ErrUnsupported)
		}
	}
	if t.Precision > maxPrecision {
		return t, fmt.Errorf("type %s: more than %d digits: %w", text, maxPrecision, cluster.ErrUnsupported)
	}
	return t, nil
}

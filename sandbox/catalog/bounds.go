package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/expression"
	"starkeep/sandbox/value"
)

// minima are what an open lower bound is stored and printed as.
var minima = map[string]string{
	"TINYINT": "-128", "SMALLINT": "-32768", "INT": "-2147483648", "BIGINT": "-9223372036854775808",
	"LARGEINT": "-170141183460469231731687303715884105728", "DATE": "0000-01-01", "DATETIME": "0000-01-01 00:00:00",
}

// compareBounds orders two bounds over the partition columns. A bound is as long as there are columns.
func compareBounds(types []dialect.Type, a, b []dialect.Value) int {
	for i, t := range types {
		switch {
		case a[i].Max && b[i].Max:
			return 0 // nothing behind MAXVALUE counts
		case a[i].Max:
			return 1
		case b[i].Max:
			return -1
		}
		if n := value.Compare(t, []byte(a[i].Text), []byte(b[i].Text)); n != 0 {
			return n
		}
	}
	return 0
}

// partitionTypes returns the types of the partition columns, checked for the kind of partitioning.
func partitionTypes(def *dialect.CreateTable) ([]dialect.Type, error) {
	var types []dialect.Type
	for i, name := range def.Partition.Columns {
		if i < len(def.Partition.Exprs) && def.Partition.Exprs[i] != nil {
			e, err := expression.Compile(def.Partition.Exprs[i], expressionColumns(def))
			if err != nil {
				return nil, Analyzing("%v", err)
			}
			types = append(types, e.Type)
			continue
		}
		i := columnIndex(def.Columns, name)
		if i < 0 {
			return nil, Analyzing("Partition column[%s] does not exist in column list", name)
		}
		t := def.Columns[i].Type
		if ranged := def.Partition.Kind == dialect.Range || def.Partition.Kind == dialect.RangeExpression; ranged && minima[t.Name] == "" {
			return nil, Analyzing("Column[%s] type[%s] cannot be a range partition key", name, t.Name)
		}
		if !keyable(t) || t.Name == "FLOAT" || t.Name == "DOUBLE" || t.Name == "JSON" {
			return nil, Analyzing("Column[%s] type[%s] cannot be a partition key", name, t.Name)
		}
		types = append(types, t)
	}
	return types, nil
}

func columnIndex(columns []dialect.Column, name string) int {
	return slices.IndexFunc(columns, func(c dialect.Column) bool { return strings.EqualFold(c.Name, name) })
}

// bound brings the values of a bound to their printed form and to full length.
func (t *table) bound(types []dialect.Type, values []dialect.Value) ([]dialect.Value, error) {
	if len(values) > len(types) {
		return nil, Analyzing("Partition values number is more than partition column number: %d", len(values))
	}
	full := make([]dialect.Value, len(types))
	for i := range full {
		if i >= len(values) {
			full[i] = dialect.Value{Text: minima[types[i].Name]}
			continue
		}
		v, err := t.partitionValue(types[i], values[i])
		if err != nil {
			return nil, err
		}
		full[i] = v
	}
	return full, nil
}

func (t *table) partitionValue(typ dialect.Type, v dialect.Value) (dialect.Value, error) {
	if v.Max || v.Null {
		return v, nil
	}
	convert, err := converter(typ)
	if err != nil {
		return v, err
	}
	text, ok := convert(nil, []byte(v.Text))
	if !ok {
		return v, ddl("Invalid range value format: Invalid %s literal: %s", strings.ToLower(typ.Name), v.Text)
	}
	return dialect.Value{Text: string(text)}, nil
}

// rangeText is the Range cell of SHOW PARTITIONS (fe:catalog/RangePartitionInfo over Guava's Range.toString).
func rangeText(types []dialect.Type, lower, upper []dialect.Value) string {
	return "[" + keyText(types, lower) + ".." + keyText(types, upper) + ")"
}

func keyText(types []dialect.Type, key []dialect.Value) string {
	var names, values []string
	for i, t := range types {
		names = append(names, t.Name)
		values = append(values, boundText(key[i]))
	}
	return "types: [" + strings.Join(names, ", ") + "]; keys: [" + strings.Join(values, ", ") + "]; "
}

func boundText(v dialect.Value) string {
	if v.Max {
		return "MAXVALUE"
	}
	return v.Text
}

// listText is the List cell of SHOW PARTITIONS: JSON, NULL as the text NULL (fe:catalog/ListPartitionInfo.getValuesFormat).
func listText(values [][]dialect.Value) string {
	lists := make([][]string, len(values))
	for i, tuple := range values {
		for _, v := range tuple {
			lists[i] = append(lists[i], listValueText(v))
		}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(lists); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

func listValueText(v dialect.Value) string {
	if v.Null {
		return "NULL"
	}
	return v.Text
}

// moments of partition bounds: DATE and DATETIME as printed.
const (
	dateLayout     = "2006-01-02"
	datetimeLayout = "2006-01-02 15:04:05"
)

func layoutOf(t dialect.Type) string {
	if t.Name == "DATE" {
		return dateLayout
	}
	return datetimeLayout
}

func parseMoment(t dialect.Type, text string) (time.Time, error) {
	text, _, _ = strings.Cut(text, ".")
	at, err := time.Parse(layoutOf(t), text)
	if err != nil {
		return at, ddl("Invalid date value: %s", text)
	}
	return at, nil
}

// truncate cuts a moment to the unit of date_trunc and returns the first moment behind, and the digits that name a
// partition (fe:sql/analyzer/AnalyzerUtils.truncateToPartitionBoundary).
func truncate(unit string, at time.Time) (start, end time.Time, name string, err error) {
	y, m, d := at.Date()
	switch unit {
	case "minute":
		start = at.Truncate(time.Minute)
		return start, start.Add(time.Minute), start.Format("200601021504"), nil
	case "hour":
		start = at.Truncate(time.Hour)
		return start, start.Add(time.Hour), start.Format("2006010215"), nil
	case "day":
		start = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		return start, start.AddDate(0, 0, 1), start.Format("20060102"), nil
	case "month":
		start = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		return start, start.AddDate(0, 1, 0), start.Format("200601"), nil
	case "year":
		start = time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
		return start, start.AddDate(1, 0, 0), start.Format("2006"), nil
	}
	return at, at, "", ddl("unsupported automatic partition granularity: %s", unit)
}

// listPartitionName names the partition of an automatic list table (fe:sql/analyzer/AnalyzerUtils.getFormatPartitionValue).
func listPartitionName(values []dialect.Value) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = formatPartitionValue(listValueText(v))
	}
	name := "p" + strings.Join(parts, "_")
	return name[:min(len(name), maxListPartitionName)]
}

// maxListPartitionName is FeConstants.MAX_LIST_PARTITION_NAME_LENGTH.
const maxListPartitionName = 50

func formatPartitionValue(value string) string {
	var b strings.Builder
	if strings.HasPrefix(value, "-") {
		b.WriteByte('_')
	}
	for _, r := range value {
		switch {
		case r < 0x80 && (r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9'):
			b.WriteRune(r)
		case r == '-' || r == ':' || r == ' ':
		default:
			fmt.Fprintf(&b, "%x", r)
		}
	}
	return b.String()
}

// expand turns START … END … EVERY into single ranges (fe:sql/ast MultiRangePartitionDesc).
func expand(spec dialect.PartitionSpec, t dialect.Type) ([]dialect.PartitionSpec, error) {
	if len(spec.Lower) != 1 || len(spec.Upper) != 1 {
		return nil, Analyzing("Batch build partition only supports single partition column")
	}
	if spec.Every.Unit == "" {
		return expandIntegers(spec)
	}
	lower, err := parseLoose(t, spec.Lower[0].Text)
	if err != nil {
		return nil, err
	}
	upper, err := parseLoose(t, spec.Upper[0].Text)
	if err != nil {
		return nil, err
	}
	var specs []dialect.PartitionSpec
	step, unit := int(spec.Every.Step), spec.Every.Unit
	for at := lower; at.Before(upper); {
		var next time.Time
		name := at.Format("20060102")
		switch unit {
		case "HOUR":
			next, name = at.Add(time.Duration(step)*time.Hour), at.Format("2006010215")
		case "DAY":
			next = at.AddDate(0, 0, step)
		case "WEEK":
			next = at.AddDate(0, 0, 7*step)
			year, week := at.ISOWeek()
			name = fmt.Sprintf("%04d_%02d", year, week)
		case "MONTH":
			next, name = at.AddDate(0, step, 0), at.Format("200601")
		default:
			next, name = at.AddDate(step, 0, 0), at.Format("2006")
		}
		if next.After(upper) {
			next = upper
		}
		specs = append(specs, dialect.PartitionSpec{Name: "p" + name, Properties: spec.Properties,
			Lower: []dialect.Value{{Text: at.Format(layoutOf(t))}}, Upper: []dialect.Value{{Text: next.Format(layoutOf(t))}}})
		at = next
	}
	return specs, nil
}

func parseLoose(t dialect.Type, text string) (time.Time, error) {
	convert, err := converter(t)
	if err != nil {
		return time.Time{}, err
	}
	canonical, ok := convert(nil, []byte(text))
	if !ok || !t.Temporal() {
		return time.Time{}, Analyzing("Batch build partition EVERY is date type but START or END does not type match")
	}
	return parseMoment(t, string(canonical))
}

func expandIntegers(spec dialect.PartitionSpec) ([]dialect.PartitionSpec, error) {
	var from, to int64
	if _, err := fmt.Sscan(spec.Lower[0].Text, &from); err != nil {
		return nil, Analyzing("Batch build partition EVERY is number type but START or END does not type match")
	}
	if _, err := fmt.Sscan(spec.Upper[0].Text, &to); err != nil {
		return nil, Analyzing("Batch build partition EVERY is number type but START or END does not type match")
	}
	var specs []dialect.PartitionSpec
	for at := from; at < to; at += spec.Every.Step {
		specs = append(specs, dialect.PartitionSpec{Name: fmt.Sprintf("p%d", at), Properties: spec.Properties,
			Lower: []dialect.Value{{Text: fmt.Sprint(at)}}, Upper: []dialect.Value{{Text: fmt.Sprint(min(at+spec.Every.Step, to))}}})
	}
	return specs, nil
}

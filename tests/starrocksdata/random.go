package starrocksdata

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Random returns the statements that make a table of a random model, partitioning and distribution, of random columns and
// rows, all of them decided by the seed.
func Random(seed uint64, table string) []string {
	r := random{rand.New(rand.NewPCG(seed, 0x9E3779B97F4A7C15))} //nolint:gosec // repeatable on purpose
	return r.table(table)
}

type random struct{ *rand.Rand }

// column is a column with what it can hold.
type column struct {
	name, kind string
	key        bool                // may be a key
	value      func(random) string // an SQL expression, not NULL
	merge      string              // aggregation of an AGGREGATE table
	notNull    bool
}

func (r random) table(name string) []string {
	model := oneOf("DUPLICATE", "DUPLICATE", "AGGREGATE", "UNIQUE", "PRIMARY")(r)
	partition := r.partitioning()
	keys := []column{{name: "id", kind: "BIGINT", key: true, notNull: true, value: func(r random) string { return fmt.Sprint(r.Int64N(1000)) }}}
	if partition.column.name != "" {
		keys = append(keys, partition.column)
	}
	for len(keys) < 3 && r.IntN(3) == 0 {
		if c := r.column(len(keys)); c.key {
			c.notNull = model == "PRIMARY" || r.IntN(2) == 0
			keys = append(keys, c)
		}
	}
	columns := slices.Clone(keys)
	for i := range r.IntN(8) + 1 {
		c := r.column(len(keys) + i)
		c.notNull = r.IntN(5) == 0
		columns = append(columns, c)
	}
	if model == "AGGREGATE" {
		for i := len(keys); i < len(columns); i++ {
			columns[i].merge = r.merge(columns[i].kind)
		}
		columns = append(columns, r.sketch("people"), r.sketch("visits"))
	}
	create := fmt.Sprintf("CREATE TABLE %s (\n\t%s\n) %s KEY(%s) COMMENT %s %s DISTRIBUTED BY %s%s PROPERTIES ('replication_num' = '1'%s)", Quote(name),
		strings.Join(r.lines(columns), ",\n\t"), model, names(keys), literal(r.word(20)), partition.clause, r.distribution(model),
		r.order(model, columns), r.properties(columns, len(keys)))
	return append([]string{create}, r.inserts(name, columns)...)
}

// lines declares the columns; now and then one is computed from another.
func (r random) lines(columns []column) []string {
	var lines []string
	for _, c := range columns {
		line := Quote(c.name) + " " + c.kind
		if c.merge != "" {
			line += " " + c.merge
		}
		if c.notNull {
			line += " NOT NULL"
		} else {
			line += " NULL"
		}
		if r.IntN(8) == 0 {
			line += " COMMENT " + literal(r.word(30))
		}
		lines = append(lines, line)
	}
	if columns[len(columns)-1].merge == "" && r.IntN(6) == 0 {
		lines = append(lines, "`computed` BIGINT NULL AS `id` + 1")
	}
	return lines
}

// partitioning is how a table is divided, and by which column.
type partitioning struct {
	column column
	clause string
}

func (r random) partitioning() partitioning {
	day := column{name: "day", kind: "DATE", key: true, notNull: true, value: func(r random) string {
		return fmt.Sprintf("'2024-%02d-%02d'", 1+r.IntN(3), 1+r.IntN(28))
	}}
	city := column{name: "city", kind: "VARCHAR(20)", key: true, notNull: true, value: oneOf("'oslo'", "'rome'", "'são paulo'")}
	moment := column{name: "moment", kind: "DATETIME", key: true, notNull: true, value: func(r random) string {
		return fmt.Sprintf("'2024-%02d-%02d %02d:00:00'", 1+r.IntN(3), 1+r.IntN(28), r.IntN(24))
	}}
	return []partitioning{
		{},
		{},
		{day, "PARTITION BY RANGE(`day`) (PARTITION p1 VALUES LESS THAN ('2024-02-01'), PARTITION p2 VALUES [('2024-02-01'), ('2024-03-01')), PARTITION p3 VALUES LESS THAN (MAXVALUE))"},
		{day, "PARTITION BY RANGE(`day`) (START ('2024-01-01') END ('2024-05-01') EVERY (INTERVAL 1 MONTH))"},
		{city, "PARTITION BY LIST(`city`) (PARTITION north VALUES IN ('oslo'), PARTITION south VALUES IN ('rome', 'são paulo'))"},
		{moment, "PARTITION BY date_trunc('month', `moment`)"},
		{city, "PARTITION BY (`city`)"},
	}[r.IntN(7)]
}

func (r random) distribution(model string) string {
	if model == "DUPLICATE" && r.IntN(3) == 0 {
		return fmt.Sprintf("RANDOM BUCKETS %d", 1+r.IntN(3))
	}
	return fmt.Sprintf("HASH(`id`) BUCKETS %d", 1+r.IntN(4))
}

// order gives some PRIMARY KEY tables a sort key of their own.
func (r random) order(model string, columns []column) string {
	if model != "PRIMARY" || r.IntN(2) == 0 {
		return ""
	}
	for _, c := range columns {
		if c.key && r.IntN(2) == 0 {
			return " ORDER BY(" + Quote(c.name) + ")"
		}
	}
	return ""
}

func (r random) properties(columns []column, keys int) string {
	text := oneOf("", "", ", 'compression' = 'ZSTD'", ", 'compression' = 'LZ4'", ", 'compression' = 'ZLIB'")(r)
	for _, c := range columns[:keys] {
		// The property is a list of bare names between commas, of columns whose types can have a bloom filter.
		refused := strings.HasPrefix(c.kind, "BOOLEAN") || strings.HasPrefix(c.kind, "TINYINT") || strings.HasPrefix(c.kind, "DECIMAL")
		if r.IntN(4) == 0 && !refused && c.name == strings.Trim(c.name, " ',\"\\.%") {
			return text + ", 'bloom_filter_columns' = '" + c.name + "'"
		}
	}
	return text
}

func (r random) merge(kind string) string {
	all := []string{"REPLACE", "REPLACE_IF_NOT_NULL"}
	switch {
	case strings.HasPrefix(kind, "BIGINT"), strings.HasPrefix(kind, "LARGEINT"), strings.HasPrefix(kind, "DOUBLE"):
		all = append(all, "SUM", "MIN", "MAX")
	case strings.HasPrefix(kind, "DATE"), strings.HasPrefix(kind, "INT"), strings.HasPrefix(kind, "VARCHAR"), strings.HasPrefix(kind, "DECIMAL"):
		all = append(all, "MIN", "MAX")
	}
	return oneOf(all...)(r)
}

func (r random) inserts(table string, columns []column) []string {
	var statements []string
	for range 1 + r.IntN(3) {
		var rows []string
		for range r.IntN(15) {
			values := make([]string, len(columns))
			for i, c := range columns {
				values[i] = "NULL"
				if c.notNull || r.IntN(5) > 0 {
					values[i] = c.value(r)
				}
			}
			rows = append(rows, "("+strings.Join(values, ", ")+")")
		}
		if rows != nil {
			statements = append(statements, fmt.Sprintf("INSERT INTO %s (%s) VALUES %s", Quote(table), names(columns), strings.Join(rows, ", ")))
		}
	}
	return statements
}

func names(columns []column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = Quote(c.name)
	}
	return strings.Join(list, ", ")
}

// column draws a type, and with it how its values are drawn: an extreme one of every three.
func (r random) column(i int) column {
	c := []func(random) column{
		random.integer, random.decimal, random.float, random.boolean, random.date, random.datetime, random.text, random.text, random.bytes, random.json,
		random.array, random.mapping, random.structure,
	}[r.IntN(13)](r)
	c.name = fmt.Sprintf("c%d%s", i, oneOf("", "", "", " ", "'", "\"", "\\", ".", "ä", "%s", "名", ",")(r))
	return c
}

func oneOf(of ...string) func(random) string {
	return func(r random) string { return of[r.IntN(len(of))] }
}

// mostly draws from rest, but an extreme every third time.
func mostly(rest func(random) string, extremes ...string) func(random) string {
	return func(r random) string {
		if r.IntN(3) == 0 {
			return extremes[r.IntN(len(extremes))]
		}
		return rest(r)
	}
}

func (r random) integer() column {
	size := r.IntN(5)
	if size == 4 {
		return column{kind: "LARGEINT", key: true, value: mostly(func(r random) string { return fmt.Sprint(r.Int64()) },
			"0", "-1", "170141183460469231731687303715884105727", "-170141183460469231731687303715884105728")}
	}
	kind, bits := []string{"TINYINT", "SMALLINT", "INT", "BIGINT"}[size], []int{8, 16, 32, 64}[size]
	largest := int64(^uint64(0) >> (65 - bits))
	return column{kind: kind, key: true, value: mostly(
		func(r random) string { return fmt.Sprint(int64(r.Uint64()) >> (64 - bits)) }, "0", "-1", fmt.Sprint(largest), fmt.Sprint(-largest-1))} //nolint:gosec // wraps on purpose
}

func (r random) decimal() column {
	precision := 1 + r.IntN(76)
	scale := r.IntN(precision + 1)
	return column{kind: fmt.Sprintf("DECIMAL(%d,%d)", precision, scale), key: precision <= 38, value: func(r random) string {
		digit := []func() byte{func() byte { return '0' }, func() byte { return '9' }, func() byte { return byte('0' + r.IntN(10)) }}[r.IntN(3)]
		var text []byte
		for i := range precision {
			if i == precision-scale {
				if i == 0 {
					text = append(text, '0')
				}
				text = append(text, '.')
			}
			text = append(text, digit())
		}
		if strings.Trim(string(text), "0.") != "" { // there is no negative zero, and two keys of a map must differ
			text = append([]byte(oneOf("", "-")(r)), text...)
		}
		return "'" + string(text) + "'"
	}}
}

func (r random) float() column {
	if r.IntN(2) == 0 {
		return column{kind: "FLOAT", value: mostly(func(r random) string { return fmt.Sprint((r.Float32() - 0.5) * float32(uint32(1)<<r.IntN(32))) },
			"0", "3.4028235e38", "-3.4028235e38", "1e-45", "0.1", "16777217")}
	}
	return column{kind: "DOUBLE", value: mostly(func(r random) string { return fmt.Sprint((r.Float64() - 0.5) * float64(uint64(1)<<r.IntN(64))) },
		"0", "1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "0.1", "0.30000000000000004", "9007199254740993")}
}

func (r random) boolean() column {
	return column{kind: "BOOLEAN", value: oneOf("true", "false")}
}

func (r random) date() column {
	return column{kind: "DATE", key: true, value: mostly(func(r random) string {
		return fmt.Sprintf("'%04d-%02d-%02d'", r.IntN(10000), 1+r.IntN(12), 1+r.IntN(28))
	}, "'0000-01-01'", "'9999-12-31'", "'1970-01-01'", "'2024-02-29'")}
}

func (r random) datetime() column {
	return column{kind: "DATETIME", key: true, value: mostly(func(r random) string {
		return fmt.Sprintf("'%04d-%02d-%02d %02d:%02d:%02d.%06d'", r.IntN(10000), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000000))
	}, "'0000-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'", "'1970-01-01 00:00:00'", "'2024-01-01 00:00:00.000001'")}
}

func (r random) text() column {
	value := mostly(func(r random) string { return literal(r.word(20)) }, "''", `'\\N'`, "'NULL'", "'null'", "' '", `'"'`, `'\\'`, "unhex('00')", "unhex('FF80FE')")
	switch r.IntN(3) {
	case 0:
		return column{kind: "VARCHAR(120)", key: true, value: value}
	case 1:
		return column{kind: "STRING", value: mostly(value, "repeat('x', 5000)", "repeat('\\n', 3)")}
	}
	return column{kind: "CHAR(100)", key: true, value: mostly(func(r random) string { return literal(r.word(20)) }, "''", "'a'")}
}

func (r random) bytes() column {
	return column{kind: "VARBINARY", value: func(r random) string {
		all := make([]byte, r.IntN(40))
		for i := range all {
			all[i] = byte(r.IntN(256))
			if r.IntN(3) == 0 {
				all[i] = "\\\t\n\r\x00'\"\x1a"[r.IntN(8)]
			}
		}
		return "to_binary('" + hex.EncodeToString(all) + "', 'hex')"
	}}
}

func (r random) json() column {
	return column{kind: "JSON", value: oneOf("parse_json('{}')", "parse_json('[]')", "parse_json('null')", "parse_json('1')", "parse_json('-1.5')", "parse_json('true')",
		`parse_json('"\\u00e4 \\\\ \\" ä😀"')`, `parse_json('{"b":1,"a":{"b":[true,null]}}')`, `parse_json('""')`)}
}

// leaf draws a type that stands inside another one.
func (r random) leaf() column {
	for {
		c := []func(random) column{random.integer, random.decimal, random.float, random.boolean, random.date, random.datetime, random.text}[r.IntN(7)](r)
		if !strings.HasPrefix(c.kind, "CHAR") {
			return c
		}
	}
}

// inner draws an element: a leaf, or seldom something nested again.
func (r random) inner() column {
	switch r.IntN(6) {
	case 0:
		return r.array()
	case 1:
		return r.structure()
	case 2:
		return r.mapping()
	}
	return r.leaf()
}

func (r random) or(c column) func(random) string {
	return func(r random) string {
		if r.IntN(5) == 0 {
			return "NULL"
		}
		return c.value(r)
	}
}

func (r random) array() column {
	of := r.inner()
	element := r.or(of)
	return column{kind: "ARRAY<" + of.kind + ">", value: func(r random) string {
		all := make([]string, r.IntN(4))
		for i := range all {
			all[i] = element(r)
		}
		return "CAST([" + strings.Join(all, ", ") + "] AS ARRAY<" + of.kind + ">)"
	}}
}

func (r random) mapping() column {
	key := r.leaf()
	for !key.key {
		key = r.leaf()
	}
	of := r.inner()
	element := r.or(of)
	kind := "MAP<" + key.kind + "," + of.kind + ">"
	return column{kind: kind, value: func(r random) string {
		seen := map[string]bool{}
		var all []string
		for range r.IntN(3) {
			k := key.value(r)
			if !seen[k] {
				seen[k] = true
				all = append(all, k+": "+element(r))
			}
		}
		return "CAST(map{" + strings.Join(all, ", ") + "} AS " + kind + ")"
	}}
}

func (r random) structure() column {
	fields := make([]column, 1+r.IntN(3))
	kinds := make([]string, len(fields))
	for i := range fields {
		fields[i] = r.inner()
		kinds[i] = fmt.Sprintf("f%d %s", i, fields[i].kind)
	}
	kind := "STRUCT<" + strings.Join(kinds, ", ") + ">"
	return column{kind: kind, value: func(r random) string {
		all := make([]string, len(fields))
		for i, f := range fields {
			all[i] = r.or(f)(r)
		}
		return "CAST(row(" + strings.Join(all, ", ") + ") AS " + kind + ")"
	}}
}

// sketch is a column whose values SELECT does not print.
func (r random) sketch(name string) column {
	if r.IntN(2) == 0 {
		return column{name: name, kind: "BITMAP", merge: "BITMAP_UNION", notNull: true, value: mostly(func(r random) string {
			return fmt.Sprintf("bitmap_from_string('%d,%d,%d')", r.IntN(100), r.IntN(100000), r.Uint32())
		}, "bitmap_empty()", "to_bitmap(0)", "to_bitmap(18446744073709551615)", "bitmap_from_string('4294967295,4294967296')")}
	}
	return column{name: name, kind: "HLL", merge: "HLL_UNION", notNull: true, value: mostly(func(r random) string {
		return fmt.Sprintf("hll_hash(%d)", r.IntN(1000))
	}, "hll_empty()", "hll_hash('')", "hll_hash('x')")}
}

// word draws a text with the letters that break quoting.
func (r random) word(length int) string {
	alphabet := []rune("abc XYZ019'\"`\\,;:{}[]()<>\t\n%_äß表😀N")
	text := make([]rune, r.IntN(length+1))
	for i := range text {
		text[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(text)
}

// literal quotes a text as StarRocks reads it: a backslash begins an escape.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

package mysqldata

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Random returns the statements that make a table of random columns, keys, partitions and rows, all of them decided by
// the seed. MariaDB 10.11 takes them all; rows that break a
// unique key are left out by it.
func Random(seed uint64, table string) []string {
	r := random{rand.New(rand.NewPCG(seed, 0x9E3779B97F4A7C15))} //nolint:gosec // repeatable on purpose
	return r.table(table)
}

type random struct{ *rand.Rand }

// column is a type with what it can hold.
type column struct {
	name, kind string
	key        bool                // may be part of a key without a prefix
	value      func(random) string // an SQL literal, not NULL
	notNull    bool
}

func (r random) table(name string) []string {
	columns := make([]column, 1+r.IntN(9))
	for i := range columns {
		columns[i] = r.column(i)
	}
	primary := r.primary(columns)
	for i := range columns {
		columns[i].notNull = slices.Contains(primary, i) || r.IntN(5) == 0
	}
	var lines []string
	for _, c := range columns {
		line := Quote(c.name) + " " + c.kind
		if c.notNull {
			line += " NOT NULL"
		} else {
			line += " NULL DEFAULT NULL"
		}
		if r.IntN(12) == 0 && len(columns) > 1 && !c.notNull {
			line += " INVISIBLE"
		}
		if r.IntN(8) == 0 {
			line += " COMMENT " + r.text(30)
		}
		lines = append(lines, line)
	}
	if len(primary) > 0 {
		lines = append(lines, "PRIMARY KEY "+names(columns, primary))
	}
	lines = append(lines, r.indexes(columns, len(primary) > 0)...)
	if !slices.ContainsFunc(lines, func(l string) bool { return !strings.Contains(l, " INVISIBLE") && strings.HasPrefix(l, "`") }) {
		lines[0] = strings.Replace(lines[0], " INVISIBLE", "", 1) // a table needs a column that is seen
	}
	partitions := r.partitions(columns, primary, lines)
	create := fmt.Sprintf("CREATE TABLE %s (\n\t%s\n)%s%s", Quote(name), strings.Join(lines, ",\n\t"), r.options(partitions != ""), partitions)
	return append([]string{create}, r.inserts(name, columns)...)
}

// primary chooses the columns of the primary key, in any order; every fourth table has none.
func (r random) primary(columns []column) []int {
	var can []int
	for i, c := range columns {
		if c.key {
			can = append(can, i)
		}
	}
	if len(can) == 0 || r.IntN(4) == 0 {
		return nil
	}
	r.Shuffle(len(can), func(i, j int) { can[i], can[j] = can[j], can[i] })
	return can[:1+r.IntN(min(3, len(can)))]
}

func (r random) indexes(columns []column, keyed bool) []string {
	var lines []string
	for n := range r.IntN(4) {
		i := r.IntN(len(columns))
		if !columns[i].key {
			continue
		}
		kind := "KEY"
		if !keyed && n == 0 && r.IntN(2) == 0 {
			kind = "UNIQUE KEY"
		}
		order := []string{"", " DESC", " ASC"}[r.IntN(3)]
		lines = append(lines, fmt.Sprintf("%s `index %d` (%s%s)", kind, n, Quote(columns[i].name), order))
	}
	return lines
}

func (r random) options(partitioned bool) string {
	engine := "InnoDB"
	if !partitioned && r.IntN(8) == 0 {
		engine = []string{"MyISAM", "Aria"}[r.IntN(2)]
	}
	set := []string{"utf8mb4 COLLATE utf8mb4_nopad_bin", "utf8mb4 COLLATE utf8mb4_unicode_ci", "latin1", "binary"}[r.IntN(4)]
	return fmt.Sprintf(" ENGINE=%s DEFAULT CHARACTER SET %s COMMENT=%s", engine, set, r.text(40))
}

// partitions divides some of the tables by hash, which takes any key that is part of all unique ones, but no geometry.
func (r random) partitions(columns []column, primary []int, lines []string) string {
	unique := slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "UNIQUE") })
	shape := slices.ContainsFunc(columns, func(c column) bool { return c.kind == "GEOMETRY" })
	if len(primary) == 0 || unique || shape || r.IntN(3) > 0 {
		return ""
	}
	return fmt.Sprintf(" PARTITION BY KEY %s PARTITIONS %d", names(columns, primary), 1+r.IntN(4))
}

func (r random) inserts(table string, columns []column) []string {
	all := make([]int, len(columns))
	for i := range all {
		all[i] = i
	}
	var statements []string
	for range r.IntN(40) {
		values := make([]string, len(columns))
		for i, c := range columns {
			values[i] = "NULL"
			if c.notNull || r.IntN(5) > 0 {
				values[i] = c.value(r)
			}
		}
		statements = append(statements, fmt.Sprintf("INSERT INTO %s %s VALUES (%s) ON DUPLICATE KEY UPDATE %s = %s",
			Quote(table), names(columns, all), strings.Join(values, ", "), Quote(columns[0].name), Quote(columns[0].name)))
	}
	return statements
}

func names(columns []column, which []int) string {
	var list []string
	for _, i := range which {
		list = append(list, Quote(columns[i].name))
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// column draws a type, and with it how its values are drawn: an extreme one of every three.
func (r random) column(i int) column {
	c := []func(random) column{
		random.integer, random.decimal, random.float, random.bit, random.date, random.time, random.datetime, random.timestamp, random.year,
		random.char, random.words, random.long, random.binary, random.blob, random.enum, random.set, random.address, random.json, random.shape,
	}[r.IntN(19)](r)
	c.name = fmt.Sprintf("c%d%s", i, []string{"", "", "", " ", "`", "'", "\"", "\\", ".", "ä", "%s", "名"}[r.IntN(12)])
	c.name = strings.TrimSuffix(c.name, " ") // a name must not end in one
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
	kind := []string{"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT"}[size]
	bits := []int{8, 16, 24, 32, 64}[size]
	if r.IntN(2) == 0 {
		largest := ^uint64(0) >> (64 - bits)
		return column{kind: kind + " UNSIGNED", key: true, value: mostly(
			func(r random) string { return fmt.Sprint(r.Uint64() >> (64 - bits)) }, "0", "1", fmt.Sprint(largest), fmt.Sprint(largest/2+1))}
	}
	largest := int64(^uint64(0) >> (65 - bits))
	return column{kind: kind, key: true, value: mostly(
		func(r random) string { return fmt.Sprint(int64(r.Uint64()) >> (64 - bits)) }, "0", "-1", fmt.Sprint(largest), fmt.Sprint(-largest-1))}
}

func (r random) decimal() column {
	precision := 1 + r.IntN(65)
	scale := r.IntN(min(precision, 38) + 1)
	draw := func(r random, digit func() byte) string {
		var b strings.Builder
		if r.IntN(2) == 0 {
			b.WriteByte('-')
		}
		for i := range precision {
			if i == precision-scale {
				b.WriteByte('.')
			}
			b.WriteByte(digit())
		}
		return strings.Replace(b.String(), "-.", "-0.", 1)
	}
	return column{kind: fmt.Sprintf("DECIMAL(%d,%d)", precision, scale), key: true, value: func(r random) string {
		switch r.IntN(4) {
		case 0:
			return "0"
		case 1:
			return draw(r, func() byte { return '9' })
		}
		return draw(r, func() byte { return byte('0' + r.IntN(10)) })
	}}
}

func (r random) float() column {
	if r.IntN(2) == 0 {
		return column{kind: "FLOAT", value: mostly(
			func(r random) string { return fmt.Sprint((r.Float32() - 0.5) * float32(uint32(1)<<r.IntN(32))) },
			"0", "3.4028234663852886e38", "-3.4028234663852886e38", "1.401298464324817e-45", "-1.1754943508222875e-38", "0.1", "16777217", "1.0000001")}
	}
	return column{kind: "DOUBLE", value: mostly(
		func(r random) string { return fmt.Sprint((r.Float64() - 0.5) * float64(uint64(1)<<r.IntN(64))) },
		"0", "1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "-2.2250738585072014e-308", "0.1", "0.30000000000000004", "9007199254740993")}
}

func (r random) bit() column {
	bits := 1 + r.IntN(64)
	largest := ^uint64(0) >> (64 - bits)
	return column{kind: fmt.Sprintf("BIT(%d)", bits), key: true, value: mostly(
		func(r random) string { return fmt.Sprint(r.Uint64() >> (64 - bits)) }, "0", fmt.Sprint(largest), fmt.Sprint(0x5C&largest), fmt.Sprint(0x0A&largest))}
}

func (r random) day() string {
	return fmt.Sprintf("%04d-%02d-%02d", 1+r.IntN(9999), 1+r.IntN(12), 1+r.IntN(28))
}

func (r random) clock() string {
	return fmt.Sprintf("%02d:%02d:%02d.%06d", r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6))
}

func (r random) date() column {
	return column{kind: "DATE", key: true, value: mostly(
		func(r random) string { return "'" + r.day() + "'" }, "'0000-00-00'", "'9999-12-31'", "'2024-00-00'", "'2024-02-00'", "'0000-01-01'")}
}

func (r random) time() column {
	return column{kind: fmt.Sprintf("TIME(%d)", r.IntN(7)), key: true, value: mostly(
		func(r random) string {
			return fmt.Sprintf("'%s%d:%02d:%02d.%06d'", []string{"", "-"}[r.IntN(2)], r.IntN(838), r.IntN(60), r.IntN(59), r.IntN(1e6))
		}, "'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'", "'24:00:00'")}
}

func (r random) datetime() column {
	return column{kind: fmt.Sprintf("DATETIME(%d)", r.IntN(7)), key: true, value: mostly(
		func(r random) string { return "'" + r.day() + " " + r.clock() + "'" },
		"'0000-00-00'", "'9999-12-31 23:59:59'", "'2024-00-00 01:02:03'", "'0001-01-01'")}
}

func (r random) timestamp() column {
	return column{kind: fmt.Sprintf("TIMESTAMP(%d)", r.IntN(7)), key: true, value: mostly(
		func(r random) string { return fmt.Sprintf("FROM_UNIXTIME(%d.%06d)", 1+r.Int64N(1<<31-2), r.IntN(1e6)) },
		"'0000-00-00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'")}
}

func (r random) year() column {
	return column{kind: "YEAR", key: true, value: oneOf("0", "1901", "2155", "1970", "2024")}
}

// sets are character sets that hold all of the alphabet which text draws from for them.
var sets = []struct{ name, alphabet string }{
	{"utf8mb4", "ab \t\n\r\\'\"\x00\x1a%_,;äßé名😀\u200d\ufeffＡ"}, {"utf8mb4 COLLATE utf8mb4_bin", "abAB ä\\'"}, {"utf8mb3", "ab \\'\n名"},
	{"latin1", "ab \\'äÿ€\x00"}, {"ascii", "ab \\'\t~\x7f"}, {"cp1251", "абв \\'"}, {"sjis", "表ソab\\"}, {"gbk", "縗乱ab\\"}, {"utf16", "a😀\\\n名"},
	{"ucs2", "ab名\\"}, {"utf32", "ab😀"},
}

func (r random) word(alphabet string, length int) string {
	letters := []rune(alphabet)
	var b strings.Builder
	for range r.IntN(length + 1) {
		b.WriteRune(letters[r.IntN(len(letters))])
	}
	return literal(b.String())
}

// literal is a string in hexadecimal: nothing in it can be taken for something else.
func literal(s string) string {
	if s == "" {
		return "''"
	}
	return "_utf8mb4 0x" + hex.EncodeToString([]byte(s))
}

// text is for comments, which take a plain literal only.
func (r random) text(length int) string {
	letters := []rune("ab ä名'\\\"%`;\n")
	var b strings.Builder
	for range r.IntN(length) {
		b.WriteRune(letters[r.IntN(len(letters))])
	}
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(b.String()) + "'"
}

func (r random) char() column {
	set, length := sets[r.IntN(len(sets))], 1+r.IntN(20)
	return column{kind: fmt.Sprintf("CHAR(%d) CHARACTER SET %s", length, set.name), key: true, value: func(r random) string { return r.word(set.alphabet, length) }}
}

func (r random) words() column {
	set, length := sets[r.IntN(len(sets))], 1+r.IntN(100)
	return column{kind: fmt.Sprintf("VARCHAR(%d) CHARACTER SET %s", length, set.name), key: length <= 60, value: mostly(
		func(r random) string { return r.word(set.alphabet, length) }, "''", "'a'", "' '")}
}

func (r random) long() column {
	set := sets[r.IntN(len(sets))]
	kind := []string{"TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"}[r.IntN(4)]
	return column{kind: kind + " CHARACTER SET " + set.name, value: mostly(
		func(r random) string { return r.word(set.alphabet, 60) }, "''", "'\\\\N'", "'NULL'", "REPEAT('a', 63)")}
}

func (r random) bytes(length int) string {
	all := make([]byte, r.IntN(length+1))
	for i := range all {
		all[i] = byte(r.IntN(256))
		if r.IntN(3) == 0 {
			all[i] = "\\\t\n\r\x00'\"\x1a"[r.IntN(8)]
		}
	}
	if len(all) == 0 {
		return "''"
	}
	return "0x" + hex.EncodeToString(all)
}

func (r random) binary() column {
	length := 1 + r.IntN(60)
	kind := []string{"BINARY", "VARBINARY"}[r.IntN(2)]
	return column{kind: fmt.Sprintf("%s(%d)", kind, length), key: true, value: func(r random) string { return r.bytes(length) }}
}

func (r random) blob() column {
	return column{kind: []string{"TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"}[r.IntN(4)], value: mostly(
		func(r random) string { return r.bytes(255) }, "''", "0x00", "REPEAT(0x5C, 255)", "0x5C4E")}
}

func (r random) enum() column {
	return column{kind: `ENUM('a','it''s','x,y','back\\slash','z') CHARACTER SET utf8mb4`, key: true, value: oneOf("1", "2", "3", "4", "5")}
}

func (r random) set() column {
	return column{kind: `SET('a','it''s','back\\slash','d') CHARACTER SET utf8mb4`, key: true, value: func(r random) string { return fmt.Sprint(r.IntN(16)) }}
}

func (r random) address() column {
	four := func(r random) string {
		return fmt.Sprintf("'%d.%d.%d.%d'", r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256))
	}
	return []column{
		{kind: "INET4", key: true, value: mostly(four, "'0.0.0.0'", "'255.255.255.255'")},
		{kind: "INET6", key: true, value: mostly(func(r random) string {
			return fmt.Sprintf("'%x:%x::%x'", r.IntN(65536), r.IntN(65536), r.IntN(65536))
		}, "'::'", "'::ffff:1.2.3.4'", "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'")},
		{kind: "UUID", key: true, value: mostly(func(r random) string {
			return fmt.Sprintf("'%08x-%04x-4%03x-8%03x-%012x'", r.Uint32(), r.IntN(65536), r.IntN(4096), r.IntN(4096), r.Uint64()>>16)
		}, "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'")},
	}[r.IntN(3)]
}

func (r random) json() column {
	return column{kind: "JSON", value: oneOf(`'{}'`, `'null'`, `' [1, 2.50, 1e400] '`, `'"\\u00e4 \\\\ \\" ä😀"'`, `'{"b":1,"a":{"b":[true,null]},"b":2}'`)}
}

func (r random) shape() column {
	return column{kind: "GEOMETRY", value: mostly(func(r random) string {
		return fmt.Sprintf("ST_GeomFromText('POINT(%v %v)', %d)", r.NormFloat64(), r.NormFloat64(), r.IntN(5000))
	}, "ST_GeomFromText('LINESTRING(0 0,1 1)', 4326)", "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')",
		"ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')", "ST_GeomFromText('MULTIPOINT(1 1,2 2)', 3857)")}
}

package mysql

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starkeep/cluster"
	"starkeep/snapshot"
	"starkeep/tests/server/mariadb"
)

// world is a fresh database of a real server, and the adapter on it.
type world struct {
	t        testing.TB
	server   *mariadb.Server
	cluster  *Cluster
	database string
}

func newWorld(t testing.TB, s *mariadb.Server) *world {
	return &world{t, s, opened(t, s.Address, s.User, s.Password), s.Database(t)}
}

func opened(t testing.TB, address, user, password string) *Cluster {
	c, err := New(Config{Name: "test", Servers: []string{address}, User: user, Password: password, LockTimeout: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// exec runs statements in the database.
func (w *world) exec(statements ...string) {
	w.t.Helper()
	for _, s := range statements {
		w.server.Exec(w.t, "USE "+w.database+"; SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', check_constraint_checks = 0; "+s)
	}
}

func (w *world) value(query string) string {
	w.t.Helper()
	rows := w.server.Query(w.t, strings.ReplaceAll(query, "DB.", w.database+"."))
	require.NotEmpty(w.t, rows)
	return rows[0][0]
}

func (w *world) describe(table string) snapshot.Table {
	w.t.Helper()
	tables, err := w.cluster.Describe(w.t.Context(), w.database, []string{table})
	require.NoError(w.t, err)
	return tables[0]
}

// copied reads a table and loads it into another one, and returns what Load says.
func (w *world) copied(c *Cluster, from, to, label string) (cluster.LoadResult, error) {
	columns := w.describe(from).Columns
	return c.Load(w.t.Context(), cluster.LoadRequest{
		Database: w.database, Table: to, Columns: columns, Label: label,
		Open: func() (snapshot.RowReader, error) {
			return w.cluster.Read(w.t.Context(), cluster.ReadRequest{Database: w.database, Table: from, Columns: columns})
		},
	})
}

// differing counts the rows of two tables with the same key in which a column is not stored the same, as the server sees it
// (FLOAT by its DOUBLE, everything by its bytes as well).
func (w *world) differing(a, b, key string) string {
	w.t.Helper()
	var equal []string
	for _, c := range w.describe(a).Columns {
		q := quoted(c.Name)
		equal = append(equal, fmt.Sprintf("CAST(a.%[1]s AS BINARY) <=> CAST(b.%[1]s AS BINARY)", q))
		switch typeName(c.Source) {
		case "float", "double":
			equal = append(equal, fmt.Sprintf("a.%[1]s*1e0 <=> b.%[1]s*1e0", q))
		case "enum", "set":
			equal = append(equal, fmt.Sprintf("a.%[1]s+0 <=> b.%[1]s+0", q))
		}
	}
	return w.value(fmt.Sprintf("SELECT CONCAT((SELECT COUNT(*) FROM DB.%[1]s a LEFT JOIN DB.%[2]s b USING (%[3]s) WHERE NOT (%[4]s)), ' of ', "+
		"(SELECT COUNT(*) FROM DB.%[1]s), ', ', (SELECT COUNT(*) FROM DB.%[2]s))", a, b, key, strings.Join(equal, " AND ")))
}

func everyRow(t testing.TB, r snapshot.RowReader) (rows []string) {
	t.Helper()
	defer func() { require.NoError(t, r.Close()) }()
	var b snapshot.Batch
	for {
		err := r.Next(&b)
		if errors.Is(err, io.EOF) {
			return rows
		}
		require.NoError(t, err)
		for i := range b.Rows() {
			var row []string
			for j := range b.Columns {
				text := fmt.Sprintf("%q", b.Columns[j].Value(i))
				if b.Columns[j].Null[i] {
					text = "NULL"
				}
				row = append(row, text)
			}
			rows = append(rows, strings.Join(row, "|"))
		}
	}
}

// kindOfColumn is a type and values of it, as SQL: extremes, and what is easily taken for something else.
type kindOfColumn struct {
	declared string
	values   []string
	random   func(*rand.Rand) string
}

func number(format string, f func(*rand.Rand) any) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return fmt.Sprintf(format, f(r)) }
}

// hexText makes a random text of the characters that alphabet lists, as the bytes of utf8mb4 in hex.
func hexText(most int, alphabet string) func(*rand.Rand) string {
	letters := []rune(alphabet)
	return func(r *rand.Rand) string {
		var b strings.Builder
		for range r.IntN(most + 1) {
			b.WriteRune(letters[r.IntN(len(letters))])
		}
		return fmt.Sprintf("CONVERT(X'%x' USING utf8mb4)", b.String())
	}
}

func hexBytes(most int) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		p := make([]byte, r.IntN(most+1))
		for i := range p {
			p[i] = byte(r.IntN(256))
		}
		return fmt.Sprintf("X'%x'", p)
	}
}

const (
	awkward = "aZ09 '\"`\\\t\n\r\x00\x1a%_N,;"
	western = awkward + "éÿ€ß\u0081"
	world3  = awkward + "é中文\u0000ß"
	world4  = world3 + "😀𝄞"
)

func someTime(layout string) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		return "'" + time.UnixMicro(r.Int64N(2e15)).UTC().Format(layout) + "'"
	}
}

var everyKind = []kindOfColumn{
	{"tinyint", []string{"-128", "127"}, number("%d", func(r *rand.Rand) any { return r.IntN(256) - 128 })},
	{"tinyint unsigned", []string{"0", "255"}, number("%d", func(r *rand.Rand) any { return r.IntN(256) })},
	{"smallint(5) unsigned zerofill", []string{"0", "65535", "7"}, number("%d", func(r *rand.Rand) any { return r.IntN(1 << 16) })},
	{"mediumint", []string{"-8388608", "8388607"}, number("%d", func(r *rand.Rand) any { return r.IntN(1 << 23) })},
	{"int", []string{"-2147483648", "2147483647"}, number("%d", func(r *rand.Rand) any { return int32(r.Uint32()) })},
	{"int unsigned", []string{"4294967295"}, number("%d", func(r *rand.Rand) any { return r.Uint32() })},
	{"bigint", []string{"-9223372036854775808", "9223372036854775807"}, number("%d", func(r *rand.Rand) any { return int64(r.Uint64()) })},
	{"bigint unsigned", []string{"18446744073709551615"}, number("%d", func(r *rand.Rand) any { return r.Uint64() })},
	{"bigint(20) unsigned zerofill", []string{"18446744073709551615", "1"}, number("%d", func(r *rand.Rand) any { return r.Uint64() >> r.IntN(64) })},
	{"float", []string{"0.1", "1e-45", "3.4028234e38", "-16777217", "1.17549435e-38"}, number("%g", func(r *rand.Rand) any {
		f := math.Float32frombits(r.Uint32())
		if f != f || math.IsInf(float64(f), 0) {
			return 1.5
		}
		return f
	})},
	{"float(7,3)", []string{"1234.567", "-0.001"}, number("%.3f", func(r *rand.Rand) any { return r.Float64() * 1e4 })},
	{"double", []string{"0.1", "5e-324", "1.7976931348623157e308", "-1e22", "123456789012345680"}, number("%g", func(r *rand.Rand) any {
		f := math.Float64frombits(r.Uint64())
		if f != f || math.IsInf(f, 0) {
			return 2.5
		}
		return f
	})},
	{"double(30,10)", []string{"123456.78901234567", "1e19", "-0.0000000001"}, number("%.10f", func(r *rand.Rand) any { return r.Float64() * 1e12 })},
	{"decimal(65,30)", []string{"99999999999999999999999999999999999.999999999999999999999999999999", "-0.000000000000000000000000000001"}, number("%d.5", func(r *rand.Rand) any { return r.Int64() })},
	{"decimal(10,2) zerofill", []string{"0.5", "99999999.99"}, number("%d.25", func(r *rand.Rand) any { return r.IntN(1e8) })},
	{"decimal(38,0)", []string{"-99999999999999999999999999999999999999"}, number("%d", func(r *rand.Rand) any { return r.Int64() })},
	{"bit(1)", []string{"b'0'", "b'1'"}, number("%d", func(r *rand.Rand) any { return r.IntN(2) })},
	{"bit(12)", []string{"b'101000001001'", "9", "10", "92"}, number("%d", func(r *rand.Rand) any { return r.IntN(1 << 12) })},
	{"bit(64)", []string{"18446744073709551615", "0"}, number("%d", func(r *rand.Rand) any { return r.Uint64() })},
	{"date", []string{"'0000-00-00'", "'2020-00-00'", "'2020-02-31'", "'9999-12-31'", "'0001-01-01'"}, someTime("2006-01-02")},
	{"datetime", []string{"'0000-00-00 00:00:00'", "'2021-00-31 23:59:59'", "'9999-12-31 23:59:59'"}, someTime("2006-01-02 15:04:05")},
	{"datetime(6)", []string{"'0000-00-00 00:00:00.000001'", "'9999-12-31 23:59:59.999999'"}, someTime("2006-01-02 15:04:05.000000")},
	{"timestamp(3) NULL", []string{"'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.999'"}, someTime("2006-01-02 15:04:05.000")},
	{"time(6)", []string{"'-838:59:59.999999'", "'838:59:59.999999'", "'-00:00:00.000001'", "'100:00:00'"}, number("'%d:00:01.5'", func(r *rand.Rand) any { return r.IntN(1600) - 800 })},
	{"time", []string{"'-838:59:59'", "'00:00:00'"}, number("'%d:30:00'", func(r *rand.Rand) any { return r.IntN(1600) - 800 })},
	{"year", []string{"'0000'", "1901", "2155"}, number("%d", func(r *rand.Rand) any { return 1901 + r.IntN(255) })},
	{"char(20) character set utf8mb4", []string{"''", "'NULL'", `'\\N'`, "'  a'"}, hexText(20, world4)},
	{"varchar(100) character set utf8mb4 collate utf8mb4_nopad_bin", []string{"''", "'a '", `'\\'`, "'\t'", "'\n'"}, hexText(100, world4)},
	{"varchar(100) character set utf8mb3", []string{"'a '"}, hexText(100, world3)},
	{"varchar(100) character set latin1", []string{"''", "X'818d8f909d'", "X'e900ff'"}, hexText(100, western)},
	{"varchar(100) character set ucs2", []string{"''", "X'D83DDE00'", "X'4E2D0000'"}, hexText(100, world3)},
	{"varchar(100) character set utf16", []string{"X'D83DDE00'"}, hexText(100, world4)},
	{"varchar(100) character set utf32", []string{"X'0001F600'"}, hexText(100, world4)},
	{"varchar(100) character set utf16le", []string{"''"}, hexText(100, world4)},
	{"varchar(100) character set ascii", []string{"'~'", "X'E9FF00'"}, hexText(100, awkward)},
	{"varchar(100) character set gbk", []string{"X'D6D0'", "X'8140'", "X'A35C'", "X'FE5C5C'"}, hexText(100, awkward+"中文字")},
	{"varchar(100) character set sjis", []string{"X'835C'", "X'8160'", "X'5C7E'"}, hexText(100, awkward+"中文表")},
	{"varchar(100) character set koi8r", []string{"X'80ff'"}, hexText(100, "Привет")},
	{"varchar(100) character set cp1251", []string{"X'98a0'"}, hexText(100, "Привет")},
	{"enum('a','b''c','é',',') character set utf8mb4", []string{"'a'", "'b''c'", "'no member'"}, number("%d", func(r *rand.Rand) any { return 1 + r.IntN(4) })},
	{"enum('x','','y') character set latin1", []string{"''", "'x'", "'no member of it'"}, number("%d", func(r *rand.Rand) any { return 1 + r.IntN(3) })},
	{"enum('中','文') character set gbk", []string{"1"}, number("%d", func(r *rand.Rand) any { return 1 + r.IntN(2) })},
	{"set('a','b','c d') character set utf8mb4", []string{"''", "'a,c d'"}, number("%d", func(r *rand.Rand) any { return r.IntN(8) })},
	{"binary(5)", []string{"''", "X'0000000000'", "X'61'"}, hexBytes(5)},
	{"varbinary(300)", []string{"''", "X'00'", "X'5C4E'", "X'090A5C00'"}, hexBytes(300)},
	{"tinyblob", []string{"''", "REPEAT(X'5C',255)"}, hexBytes(255)},
	{"blob", []string{"REPEAT(X'00',65535)"}, hexBytes(1000)},
	{"mediumblob", []string{"REPEAT(X'090A',40000)"}, hexBytes(1000)},
	{"longtext character set utf8mb4", []string{"REPEAT('é',70000)"}, hexText(1000, world4)},
	{"text character set latin1", []string{"REPEAT(X'e9',65535)"}, hexText(1000, western)},
	{"json", []string{`'{"a": [1, "é\\n"]}'`, "'null'"}, number(`'{"k":%d}'`, func(r *rand.Rand) any { return r.IntN(1000) })},
	{"inet4", []string{"'0.0.0.0'", "'1.2.3.4'"}, number("INET_NTOA(%d)", func(r *rand.Rand) any { return r.Uint32() })},
	{"inet6", []string{"'::'", "'2001:db8::ff00:4'", "'2001:db8::ff00:42'", "'::ffff:1.2.3.4'"}, number("CONCAT('2001:db8::ff00:', LOWER(HEX(%d)))", func(r *rand.Rand) any { return r.IntN(1 << 16) })},
	{"uuid", []string{"'00000000-0000-0000-0000-000000000000'", "'123e4567-e89b-12d3-a456-426655440000'"}, number("INSERT(INSERT(INSERT(INSERT(MD5(%d),9,0,'-'),14,0,'-'),19,0,'-'),24,0,'-')", func(r *rand.Rand) any { return r.IntN(1e9) })},
	{"geometry", []string{"ST_GeomFromText('POINT(1 2)', 4326)", "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(10 9),LINESTRING(0 0,92 13))')"}, number("ST_GeomFromText('POINT(%[1]d 0.%[1]d)')", func(r *rand.Rand) any { return r.IntN(1e6) })},
	{"polygon", []string{"ST_GeomFromText('POLYGON((0 0,10 0,10 9,0 0))')"}, nil},
}

// values returns a value for each kind: its i-th, beyond these a random one, and now and then NULL.
func someRow(r *rand.Rand, kinds []kindOfColumn, i int) string {
	list := make([]string, len(kinds))
	for j, k := range kinds {
		switch {
		case i < len(k.values):
			list[j] = k.values[i]
		case k.random == nil || r.IntN(8) == 0:
			list[j] = "NULL"
		default:
			list[j] = k.random(r)
		}
	}
	return strings.Join(list, ", ")
}

func declared(kinds []kindOfColumn) string {
	var b strings.Builder
	for j, k := range kinds {
		fmt.Fprintf(&b, ", c%d %s", j, k.declared)
	}
	return b.String()
}

func TestEveryValueSurvivesReadAndLoad(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]*mariadb.Server{
		"by file":   mariadb.Shared(t),
		"by insert": mariadb.Start(t, mariadb.Options{Args: []string{"--local-infile=0"}}),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, server)
			w.exec("CREATE TABLE a (id int PRIMARY KEY" + declared(everyKind) + ") CHARACTER SET utf8mb4")
			r := rand.New(rand.NewPCG(1, 2))
			for i := range 40 {
				// IGNORE: an ENUM takes its error value only with a warning.
				w.exec(fmt.Sprintf("INSERT IGNORE INTO a VALUES (%d, %s)", i, someRow(r, everyKind, i)))
			}
			w.exec("CREATE TABLE b LIKE a")
			result, err := w.copied(w.cluster, "a", "b", "one")
			require.NoError(t, err)
			require.Equal(t, cluster.LoadResult{Rows: 40}, result)
			require.Equal(t, "0 of 40, 40", w.differing("a", "b", "id"))
			enum := slices.IndexFunc(everyKind, func(k kindOfColumn) bool { return slices.Contains(k.values, "'no member'") })
			require.Equal(t, "1", w.value(fmt.Sprintf("SELECT COUNT(*) FROM DB.b WHERE c%d+0 = 0", enum)), "the error value is lost")
		})
	}
}

func TestAnyRowsSurviveReadAndLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	rapid.Check(t, func(rt *rapid.T) {
		var kinds []kindOfColumn
		for range rapid.IntRange(1, 6).Draw(rt, "columns") {
			kinds = append(kinds, rapid.SampledFrom(everyKind).Draw(rt, "kind"))
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		w.exec("DROP TABLE IF EXISTS ra, rb", "CREATE TABLE ra (id int PRIMARY KEY"+declared(kinds)+")", "CREATE TABLE rb LIKE ra")
		n := rapid.IntRange(0, 30).Draw(rt, "rows")
		for i := range n {
			w.exec(fmt.Sprintf("INSERT IGNORE INTO ra VALUES (%d, %s)", i, someRow(r, kinds, r.IntN(8))))
		}
		result, err := w.copied(w.cluster, "ra", "rb", rapid.StringMatching(`[a-z]{12}`).Draw(rt, "label"))
		require.NoError(rt, err)
		require.False(rt, result.Repeated)
		require.NoError(rt, dropLoads(t.Context(), w.cluster, w.database, "rb"))
		require.Equal(rt, fmt.Sprintf("0 of %[1]d, %[1]d", n), w.differing("ra", "rb", "id"))
	})
}

func TestEmptyMemberOfAnEnumIsFound(t *testing.T) {
	t.Parallel()
	for declared, want := range map[string]bool{
		"enum('a','b')": false, "enum('')": true, "enum('a','','b')": true, "enum('''')": false, "enum('a''','b')": false,
		"enum('''a')": false, "enum(''',''')": false, "enum(',','''''')": false, "enum(''',''','')": true, "enum('a'',''b')": false,
	} {
		require.Equal(t, want, hasEmptyMember(declared), declared)
	}
}

func TestErrorValueIsNoMemberOfItsEnum(t *testing.T) {
	t.Parallel()
	for declared, want := range map[string]string{
		"enum('a','b')": "", "enum('a','')": "0", "enum('','0')": "00", "enum('0','00','')": "000", "enum('0')": "",
	} {
		require.Equal(t, want, errorValue(declared), declared)
	}
}

func TestFloatAtItsLimitComesBackFromALoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE f (id INT PRIMARY KEY, a FLOAT(10,3), b FLOAT(5,5))", "INSERT INTO f VALUES (1, 9999999.999, 0.99999), (2, -9999999.999, -0.99999), (3, NULL, 0)")
	for i, want := range []string{"9999999.999", ".99999"} {
		got := w.value("SELECT " + selected(w.describe("f").Columns[i+1]) + " FROM DB.f WHERE id = 1")
		require.InDelta(t, mustFloat(t, want), mustFloat(t, got), 1e-6)
		require.LessOrEqual(t, mustFloat(t, got), mustFloat(t, want))
	}
}

func mustFloat(t *testing.T, text string) (f float64) {
	t.Helper()
	_, err := fmt.Sscan(text, &f)
	require.NoError(t, err)
	return f
}

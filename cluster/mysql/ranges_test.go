package mysql

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starkeep/cluster"
	"starkeep/snapshot"
	"starkeep/tests/server/mariadb"
)

// keyKind is a key column and values that are awkward as bounds.
type keyKind struct {
	declared string
	values   []string
	random   func(*rand.Rand) string
}

var keyKinds = []keyKind{
	{"int NOT NULL", []string{"-2147483648", "0", "2147483647"}, number("%d", func(r *rand.Rand) any { return r.IntN(1000) - 500 })},
	{"tinyint NOT NULL", []string{"-128", "127"}, number("%d", func(r *rand.Rand) any { return r.IntN(4) })},
	{"bigint NOT NULL", []string{"-9223372036854775808", "9223372036854775807"}, number("%d", func(r *rand.Rand) any { return int64(r.Uint64()) >> r.IntN(60) })},
	{"bigint unsigned NOT NULL", []string{"0", "18446744073709551615"}, number("%d", func(r *rand.Rand) any { return r.Uint64() >> r.IntN(64) })},
	{"decimal(20,5) NOT NULL", []string{"-999999999999999.99999", "0.00001"}, number("%d.5", func(r *rand.Rand) any { return r.IntN(100) - 50 })},
	{"double NOT NULL", []string{"5e-324", "-1.7976931348623157e308", "0.1"}, number("%g", func(r *rand.Rand) any { return r.NormFloat64() })},
	{"float NOT NULL", []string{"0.1", "1e-45", "-3.4028234e38"}, number("%g", func(r *rand.Rand) any { return float32(r.NormFloat64()) })},
	{"date NOT NULL", []string{"'0000-00-00'", "'2020-02-31'", "'9999-12-31'"}, someTime("2006-01-02")},
	{"datetime(3) NOT NULL", []string{"'0000-00-00 00:00:00'", "'9999-12-31 23:59:59.999'"}, someTime("2006-01-02 15:04:05.000")},
	{"timestamp NOT NULL DEFAULT 0", []string{"'0000-00-00 00:00:00'", "'2038-01-19 03:14:07'"}, someTime("2006-01-02 15:04:05")},
	{"time(2) NOT NULL", []string{"'-838:59:59.99'", "'838:59:59.99'", "'-00:00:00.01'"}, number("'%d:00:01.5'", func(r *rand.Rand) any { return r.IntN(1600) - 800 })},
	{"year NOT NULL", []string{"'0000'", "1901", "2155", "2000"}, number("%d", func(r *rand.Rand) any { return 1901 + r.IntN(255) })},
	{"varchar(20) character set utf8mb4 NOT NULL", []string{"''", `'\\'`, "'a '", "'😀'"}, hexText(4, "aAáÁbßs '\\")},
	{"varchar(20) character set utf8mb4 collate utf8mb4_bin NOT NULL", []string{"''", "'a'"}, hexText(5, "aAáÁbßs\x01")},
	{"varchar(20) character set utf8mb4 collate utf8mb4_nopad_bin NOT NULL", []string{"''", "'a '", "'a'"}, hexText(5, "aAá ")},
	{"char(8) character set latin1 NOT NULL", []string{"''", "X'8d'"}, hexText(4, "aAéßü ")},
	{"varchar(20) character set gbk NOT NULL", []string{"''", "X'815C'"}, hexText(4, "a中文'\\")},
	{"varchar(20) character set utf16 NOT NULL", []string{"''", "X'D83DDE00'"}, hexText(4, "a中文'\\")},
	{"binary(4) NOT NULL", []string{"X'00000000'", "X'FFFFFFFF'", "X'275C0A00'"}, hexBytes(4)},
	{"varbinary(20) NOT NULL", []string{"''", "X'00'", "X'0000'", "X'FF'"}, hexBytes(3)},
	{"enum('z','a','m') NOT NULL", []string{"'z'", "'a'", "'m'"}, number("%d", func(r *rand.Rand) any { return 1 + r.IntN(3) })},
	{"set('z','a','m') NOT NULL", []string{"''", "'z,m'"}, number("%d", func(r *rand.Rand) any { return r.IntN(8) })},
	{"bit(10) NOT NULL", []string{"0", "1023"}, number("%d", func(r *rand.Rand) any { return r.IntN(1024) })},
	{"inet6 NOT NULL", []string{"'::'", "'ffff::'"}, number("CONCAT('2001:db8::', LOWER(HEX(%d)))", func(r *rand.Rand) any { return r.IntN(1 << 16) })},
	{"uuid NOT NULL", []string{"'00000000-0000-0000-0000-000000000000'"}, number("INSERT(INSERT(INSERT(INSERT(MD5(%d),9,0,'-'),14,0,'-'),19,0,'-'),24,0,'-')", func(r *rand.Rand) any { return r.IntN(1e9) })},
}

func (k keyKind) value(r *rand.Rand) string {
	if r.IntN(5) == 0 {
		return k.values[r.IntN(len(k.values))]
	}
	return k.random(r)
}

// keyed creates a table with a key of these kinds, in these directions, and n rows at most.
func (w *world) keyed(name string, kinds []keyKind, descending []bool, r *rand.Rand, n int, clause string) {
	var columns, key []string
	for i, k := range kinds {
		columns = append(columns, fmt.Sprintf("k%d %s", i, k.declared))
		key = append(key, fmt.Sprintf("k%d%s", i, map[bool]string{true: " DESC"}[descending[i]]))
	}
	w.exec("DROP TABLE IF EXISTS "+name, fmt.Sprintf("CREATE TABLE %s (%s, v int, PRIMARY KEY (%s)) %s", name, strings.Join(columns, ", "), strings.Join(key, ", "), clause))
	w.fill(name, kinds, r, n)
}

func (w *world) fill(name string, kinds []keyKind, r *rand.Rand, n int) {
	if n == 0 {
		return
	}
	var rows []string
	for range n {
		var values []string
		for _, k := range kinds {
			values = append(values, k.value(r))
		}
		rows = append(rows, fmt.Sprintf("(%s, %d)", strings.Join(values, ", "), r.IntN(1000)))
	}
	w.exec("INSERT IGNORE INTO " + name + " VALUES " + strings.Join(rows, ", "))
}

// views opens a view of tables with so many sessions.
func (w *world) view(sessions int, tables ...string) *View {
	w.t.Helper()
	v, err := w.cluster.openView(w.t.Context(), cluster.ViewRequest{Database: w.database, Tables: tables, Sessions: sessions}, patience)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, v.Close()) })
	return v
}

// cut divides a partition into ranges of about so many rows, whatever its statistics say.
func (v *View) cut(t testing.TB, table, partition string, rows int64, previous []snapshot.KeyRange) []snapshot.KeyRange {
	t.Helper()
	key, err := v.key(t.Context(), table)
	require.NoError(t, err)
	if key.bounds == 0 {
		return nil
	}
	from, err := fromClause(v.database, table, v.clause(table, partition))
	require.NoError(t, err)
	s, err := v.lease(t.Context())
	require.NoError(t, err)
	d := divider{key: key, from: from, rows: rows, query: func(q string) ([][][]byte, error) { return s.query(t.Context(), q) }}
	all, err := s.query(t.Context(), "SELECT COUNT(*)"+from)
	require.NoError(t, err)
	count, err := strconv.ParseInt(string(all[0][0]), 10, 64)
	require.NoError(t, err)
	ranges, err := d.divide(previous, count)
	require.NoError(t, s.end(t.Context(), err))
	return ranges
}

func (v *View) readRange(t testing.TB, table, partition string, r *snapshot.KeyRange) []string {
	t.Helper()
	about, err := v.table(table)
	require.NoError(t, err)
	rows, err := v.Read(t.Context(), cluster.ReadRequest{Database: v.database, Table: table, Columns: about.Columns, Partition: partition, Range: r})
	require.NoError(t, err)
	return everyRow(t, rows)
}

func TestRangesHoldEveryRowOnceInTheOrderOfTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	rapid.Check(t, func(rt *rapid.T) {
		var kinds []keyKind
		var descending []bool
		for range rapid.IntRange(1, 3).Draw(rt, "columns") {
			kinds = append(kinds, rapid.SampledFrom(keyKinds).Draw(rt, "kind"))
			descending = append(descending, rapid.IntRange(0, 3).Draw(rt, "descending") == 0)
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		w.keyed("k", kinds, descending, r, rapid.IntRange(0, 200).Draw(rt, "rows"), "")
		v, err := w.cluster.openView(t.Context(), cluster.ViewRequest{Database: w.database, Tables: []string{"k"}, Sessions: 1}, patience)
		require.NoError(rt, err)
		defer func() { require.NoError(rt, v.Close()) }() // also when a property fails: the next try drops the table
		w.fill("k", kinds, r, 20)                         // after the moment: not in the view, wherever it lies
		all := v.readRange(t, "k", "k", nil)
		rows := rapid.Int64Range(1, 40).Draw(rt, "rows of a range")
		ranges := v.cut(t, "k", "k", rows, nil)
		check := func(ranges []snapshot.KeyRange) {
			if ranges == nil { // an ENUM or a SET comes first
				return
			}
			var got []string
			for _, x := range ranges {
				got = append(got, v.readRange(t, "k", "k", &x)...)
			}
			require.Equal(rt, all, got, "%v", ranges)
		}
		check(ranges)
		again := v.cut(t, "k", "k", max(rows/3, 1), ranges)
		check(again)
		for _, x := range ranges {
			if x.UpTo != nil {
				require.True(rt, slices.ContainsFunc(again, func(y snapshot.KeyRange) bool { return equalBounds(x.UpTo, y.UpTo) }), "a cut has moved")
			}
		}
	})
}

// TestRangesOfAKeyInTwoDirectionsLoseNoRows: bounds whose texts are equal in their collation, but not in their bytes, in front
// of a change of direction. MariaDB 10.11 then finds fewer rows by the index than there are.
func TestRangesOfAKeyInTwoDirectionsLoseNoRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	for i, key := range []string{"a, b, c DESC", "a, b DESC, c", "a DESC, b DESC, c", "a DESC, b, c DESC", "a DESC, b, c", "a, b, c", "a DESC, b DESC, c DESC"} {
		name := fmt.Sprintf("k%d", i)
		w.exec(fmt.Sprintf("CREATE TABLE %s (a varchar(20) CHARACTER SET utf8mb4 NOT NULL, b tinyint NOT NULL, c int NOT NULL, PRIMARY KEY (%s))", name, key),
			fmt.Sprintf("INSERT IGNORE INTO %s SELECT ELT(1 + seq %% 5, 'A', 'a', 'b', 'B ', 'b  '), seq DIV 5 %% 3, seq * 7 %% 31 FROM seq_0_to_400", name))
		v := w.view(1, name)
		all := v.readRange(t, name, name, nil)
		for rows := range int64(12) {
			var got []string
			for _, x := range v.cut(t, name, name, rows+1, nil) {
				got = append(got, v.readRange(t, name, name, &x)...)
			}
			require.Equal(t, all, got, "%s by %d rows", key, rows+1)
		}
	}
}

func TestRangesAreReadByTheIndexWithoutSorting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	r := rand.New(rand.NewPCG(7, 7))
	for i, kinds := range [][]keyKind{{keyKinds[0]}, {keyKinds[12]}, {keyKinds[1], keyKinds[12], keyKinds[4]}, {keyKinds[22]}, {keyKinds[1], keyKinds[20], keyKinds[2]}, {keyKinds[18]}, {keyKinds[7], keyKinds[22]}, {keyKinds[16]}, {keyKinds[11], keyKinds[0]}, {keyKinds[24]}} {
		name := fmt.Sprintf("k%d", i)
		w.keyed(name, kinds, make([]bool, len(kinds)), r, 2000, "")
		w.exec("ANALYZE TABLE " + name)
		v := w.view(1, name)
		key, err := v.key(t.Context(), name)
		require.NoError(t, err)
		ranges := v.cut(t, name, name, 100, nil)
		require.Greater(t, len(ranges), 1, "%v", kinds)
		middle := ranges[len(ranges)/2]
		statement, err := selectRows(cluster.ReadRequest{Database: w.database, Table: name, Columns: v.tables[0].Columns, Range: &middle}, key)
		require.NoError(t, err)
		plan := w.server.Query(t, "EXPLAIN "+statement)[0]
		require.Equal(t, "range", plan[3], "%v: %s", plan, statement)
		require.NotContains(t, plan[9], "filesort", "%v: %s", plan, statement)
	}
}

func TestCutsStayWhenRowsAreAppended(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE k (id int PRIMARY KEY, v int)", "INSERT INTO k SELECT seq, seq FROM seq_1_to_20000", "ANALYZE TABLE k")
	first := w.view(1, "k").cut(t, "k", "k", 2000, nil)
	require.Greater(t, len(first), 5)
	w.exec("INSERT INTO k SELECT seq, seq FROM seq_20001_to_30000", "ANALYZE TABLE k")
	v := w.view(1, "k")
	second := v.cut(t, "k", "k", 2000, first)
	require.Equal(t, first[:len(first)-1], second[:len(first)-1])
	require.Greater(t, len(second), len(first), "the open end was not divided")
	for i, x := range second[:len(second)-1] {
		n := len(v.readRange(t, "k", "k", &x))
		require.Less(t, n, 4000, "range %d", i)
		require.Greater(t, n, 500, "range %d", i)
	}
}

func TestCloudsOfKeysFarApartAreDividedWhereTheRowsAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE k (id bigint PRIMARY KEY)",
		"INSERT INTO k SELECT seq FROM seq_1_to_5000", "INSERT INTO k SELECT 4000000000000000000 + seq FROM seq_1_to_5000",
		"INSERT INTO k VALUES (-9223372036854775808), (9223372036854775807)", "ANALYZE TABLE k")
	v := w.view(1, "k")
	ranges := v.cut(t, "k", "k", 1000, nil)
	require.Less(t, len(ranges), 25)
	for _, x := range ranges {
		require.Less(t, len(v.readRange(t, "k", "k", &x)), 2000)
	}
}

func TestPartitionsAreDividedEachForItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE h (id int PRIMARY KEY, v int) PARTITION BY HASH (id) PARTITIONS 3", "INSERT INTO h SELECT seq, seq FROM seq_1_to_3000",
		"CREATE TABLE s (id int, d int, PRIMARY KEY (id, d)) PARTITION BY RANGE (d) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION s VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
		"INSERT INTO s SELECT seq, seq % 20 FROM seq_1_to_2000", "ANALYZE TABLE h, s")
	v := w.view(2, "h", "s")
	for _, table := range v.Tables() {
		var rows []string
		for _, p := range table.Partitions {
			var got []string
			for _, x := range v.cut(t, table.Name, p.Name, 200, nil) {
				got = append(got, v.readRange(t, table.Name, p.Name, &x)...)
			}
			require.Equal(t, v.readRange(t, table.Name, p.Name, nil), got)
			n, err := w.cluster.Count(t.Context(), w.database, table.Name, p.Name, false)
			require.NoError(t, err)
			require.Equal(t, int(n), len(got), "%s.%s", table.Name, p.Name)
			rows = append(rows, got...)
		}
		require.ElementsMatch(t, v.readRange(t, table.Name, "", nil), rows)
	}
}

func TestKeyIsTheClusteredOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	for name, c := range map[string]struct{ declared, want string }{
		"primary":     {"a int, b int NOT NULL, UNIQUE (b), PRIMARY KEY (a)", "a"},
		"unique":      {"a int, b int NOT NULL, c int NOT NULL, UNIQUE (a), UNIQUE second (c), UNIQUE first (b)", "c"},
		"nullable":    {"a int, b int, UNIQUE (a, b)", ""},
		"none":        {"a int, KEY (a)", ""},
		"prefix":      {"a text NOT NULL, UNIQUE (a(10))", ""},
		"prefix_pk":   {"a varchar(50) NOT NULL, b int NOT NULL, PRIMARY KEY (a(5)), UNIQUE (b)", "b"},
		"hash":        {"a text NOT NULL, UNIQUE (a)", ""}, // a long unique key is a hash of MariaDB's
		"composite":   {"a int, b varchar(5), c date, PRIMARY KEY (c, a, b)", "c a b"},
		"myisam":      {"a int PRIMARY KEY) ENGINE=MyISAM COMMENT=('x'", ""},
		"aw`ful name": {"`x``y` int, PRIMARY KEY (`x``y`)", "x`y"},
	} {
		w.exec("CREATE TABLE " + quoted(name) + " (" + strings.Replace(c.declared, "COMMENT=('x'", "COMMENT='", 1) + map[bool]string{true: "'", false: ")"}[name == "myisam"])
		key, err := keyOf(t.Context(), w.cluster.db, w.database, name)
		require.NoError(t, err)
		var got []string
		for _, p := range key.parts {
			got = append(got, p.column)
		}
		require.Equal(t, c.want, strings.Join(got, " "), name)
	}
}

func TestRoundCutsLieBetweenTheEnds(t *testing.T) {
	t.Parallel()
	parse := func(text string) integer {
		i, err := parseInteger([]byte(text))
		require.NoError(t, err)
		require.Equal(t, text, i.String())
		return i
	}
	for _, c := range [][3]string{
		{"0", "1", "0"}, {"1", "6000000", "4194303"}, {"-5", "5", "-1"}, {"-9223372036854775808", "9223372036854775807", "-1"},
		{"0", "18446744073709551615", "9223372036854775807"}, {"18446744073709551614", "18446744073709551615", "18446744073709551614"}, {"5", "7", "5"},
	} {
		require.Equal(t, c[2], parse(c[0]).cut(parse(c[1])).String(), "%v", c)
	}
	rapid.Check(t, func(rt *rapid.T) {
		a, b := rapid.Int64().Draw(rt, "a"), rapid.Int64().Draw(rt, "b")
		if a == b {
			return
		}
		lo, hi := parse(fmt.Sprint(min(a, b))), parse(fmt.Sprint(max(a, b)))
		m := lo.cut(hi)
		require.True(rt, lo.less(hi) && !m.less(lo) && m.less(hi))
	})
}

func TestRangeOfAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	k := tableKey{index: "PRIMARY", parts: []keyPart{{column: "a", form: boundInteger}}, bounds: 1}
	for _, bound := range [][][]byte{{}, {[]byte("1"), []byte("2")}, {[]byte("1 OR 1=1")}, {[]byte("nan")}, {[]byte("0x10")}, {[]byte("")}} {
		_, err := k.condition(snapshot.KeyRange{After: bound})
		require.ErrorIs(t, err, cluster.ErrUnsupported, "%q", bound)
	}
	d := divider{key: k}
	one := [][]byte{[]byte("1")}
	require.True(t, d.fits([]snapshot.KeyRange{{UpTo: one}, {After: one}}))
	require.False(t, d.fits([]snapshot.KeyRange{{UpTo: one}}), "the end is missing")
	require.False(t, d.fits([]snapshot.KeyRange{{UpTo: one}, {After: [][]byte{[]byte("2")}}}), "a gap")
	require.False(t, d.fits([]snapshot.KeyRange{{UpTo: [][]byte{[]byte("x")}}, {After: [][]byte{[]byte("x")}}}), "no number")
}

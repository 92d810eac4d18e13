package sandbox_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
)

// Trap: the text of collections cannot be loaded again (only the quote and the backslash are escaped, names of fields are
// quoted, JSON stands in single quotes), and what SELECT prints of sketches is NULL.
func TestCollectionsPrintAsTheServerPrintsThem(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", `CREATE TABLE d.t (id INT, a ARRAY<VARCHAR(50)>, m MAP<INT,ARRAY<DATE>>, s STRUCT<a INT, b JSON>, v ARRAY<VARBINARY>, l ARRAY<LARGEINT>, dec ARRAY<DECIMAL(50,2)>)
		DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1`,
		`INSERT INTO d.t VALUES (1, ['a"b', 'back\\slash', NULL, '', 'line\nbreak'], map{1: ['2024-01-01', NULL], NULL: []}, row(7, parse_json('{"k": "it''s"}')), [unhex('00ff')],
		[170141183460469231731687303715884105727], [1.5])`,
		"INSERT INTO d.t (id) VALUES (2)", "INSERT INTO d.t VALUES (3, [], map{}, row(NULL, NULL), [], [], [])")
	require.Equal(t, []string{
		`1|["a\"b","back\\slash",null,"","line` + "\n" + `break"]|{1:["2024-01-01",null],null:[]}|{"a":7,"b":'{"k": "it\'s"}'}|["00ff"]|[170141183460469231731687303715884105727]|[1.50]`,
		`2|\N|\N|\N|\N|\N|\N`, `3|[]|{}|{"a":null,"b":null}|[]|[]|[]`,
	}, c.rows("SELECT * FROM d.t ORDER BY id"))
	c.db.SetMaxOpenConns(1)
	c.exec("SET binary_encoding_format = 'raw'")
	require.Equal(t, []string{"[\"\x00\xff\"]"}, c.rows("SELECT v FROM d.t WHERE id = 1"))
	ddl := c.rows("SHOW CREATE TABLE d.t")[0]
	require.Contains(t, ddl, "`s` struct<`a` int(11), `b` json> NULL")
	require.Contains(t, ddl, "`dec` array<DECIMAL256(50,2)> NULL", "arrays of decimals print the inner name of the type")
	require.Contains(t, ddl, "`v` array<varbinary")
}

func TestNullGoesIntoAnyType(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT, a ARRAY<INT>, m MAP<INT,INT>, s STRUCT<a INT>, w DECIMAL(60,1), j JSON) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
		"INSERT INTO d.t VALUES (1, NULL, NULL, NULL, NULL, NULL), (2, NULL, NULL, NULL, NULL, NULL)", "INSERT INTO d.t SELECT 3, NULL, NULL, NULL, NULL, NULL",
		"INSERT INTO d.t (id, a) VALUES (4, NULL), (5, [1])")
	require.Contains(t, c.fails("INSERT INTO d.t (id, a) VALUES (6, 'x')").Message, "Invalid type cast from varchar to array<int(11)>")
	require.Equal(t, []string{`1|\N`, `2|\N`, `3|\N`, `4|\N`, `5|[1]`}, c.rows("SELECT id, a FROM d.t ORDER BY id"))
}

func TestSketchesAreNullToASelectAndMergeInAggregateTables(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, b BITMAP BITMAP_UNION, h HLL HLL_UNION, s DECIMAL(10,2) SUM, r VARCHAR(5) REPLACE_IF_NOT_NULL) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1",
		"INSERT INTO d.t VALUES (1, bitmap_from_string('1,2,3'), hll_hash('a'), 1.5, 'x'), (1, bitmap_from_string('3,4294967296'), hll_hash('b'), 2, NULL)")
	require.Equal(t, []string{`1|\N|\N|3.50|x`}, c.rows("SELECT * FROM d.t"))
	require.Equal(t, []string{"1,2,3,4294967296|4|2"}, c.rows("SELECT bitmap_to_string(b), bitmap_count(b), hll_cardinality(h) FROM d.t"))
	require.Equal(t, []string{"0A04000000" + "0100000000000000" + "0200000000000000" + "0300000000000000" + "0000000001000000"}, c.rows("SELECT hex(bitmap_to_binary(b)) FROM d.t"))
	require.Contains(t, c.rows("SHOW CREATE TABLE d.t")[0], "`s` decimal(38, 2) SUM NULL", "sums are as wide as they can be")
	for _, column := range []string{"b BITMAP", "h HLL", "p PERCENTILE"} {
		require.Contains(t, c.fails("CREATE TABLE d.x (k INT, "+column+") DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)").Message, "No aggregate function specified")
	}
	require.Contains(t, c.fails("CREATE TABLE d.x (k INT, b BITMAP SUM) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k)").Message, "Invalid aggregate function 'SUM' for 'b'")
	c.exec("CREATE TABLE d.p (k INT, p PERCENTILE PERCENTILE_UNION) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k)",
		"INSERT INTO d.p VALUES (1, percentile_hash(1)), (1, percentile_empty())")
	require.Equal(t, []string{`1|\N`}, c.rows("SELECT * FROM d.p"))
}

// Trap: hll_deserialize(NULL) is an empty sketch, and what is damaged is one too; bitmap_from_binary looks at what it gets.
func TestSketchesComeBackFromTheirSerialisedForm(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	large := make([]string, 5000)
	for i := range large {
		large[i] = fmt.Sprint(i * 7)
	}
	text := strings.Join(large, ",")
	require.Equal(t, []string{text}, c.rows("SELECT bitmap_to_string(bitmap_from_binary(bitmap_to_binary(bitmap_from_string('"+text+"'))))"))
	require.Equal(t, []string{`\N|\N|00|00|\N`}, c.rows("SELECT bitmap_from_binary(unhex('0A05')), bitmap_to_binary(bitmap_from_binary(unhex(''))), "+
		"hex(hll_serialize(hll_deserialize(NULL))), hex(hll_serialize(hll_deserialize('x'))), from_base64('')"))
	one := c.rows("SELECT hex(hll_serialize(hll_hash('a')))")[0]
	require.Len(t, one, 20, "type, number, one hash")
	require.Equal(t, []string{one}, c.rows("SELECT hex(hll_serialize(hll_deserialize(unhex('"+one+"'))))"))
}

// What adapters send to carry a collection: JSON of texts, turned back by casts and lambdas.
func TestCollectionsAreRebuiltFromJSON(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT, m MAP<INT,ARRAY<JSON>>, s STRUCT<a VARCHAR(20), b ARRAY<DECIMAL(60,2)>>) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
		"CREATE TABLE d.stage (k TINYINT NULL DEFAULT '0', f0 INT, f1 JSON, f2 JSON) DUPLICATE KEY(k) DISTRIBUTED BY RANDOM BUCKETS 1")
	c.exec(`INSERT INTO d.stage VALUES (0, 1, '[["1", "2"], [[[{"a": 1}], null], null]]', '["` + hex.EncodeToString([]byte("a\"\n\xff")) + `", ["1.5", null]]'), (0, 2, NULL, NULL), (0, 3, '[[], []]', '[null, null]')`)
	insert := `INSERT INTO d.t WITH LABEL once (id, m, s) SELECT f0,
		map_from_arrays(array_map(x1 -> cast(cast(x1 as varchar) as INT), cast(cast(f1 as array<json>)[1] as array<json>)),
			array_map(x1 -> array_map(x2 -> cast(x2 as array<json>)[1], cast(x1 as array<json>)), cast(cast(f1 as array<json>)[2] as array<json>))),
		if(cast(f2 as array<json>) IS NULL,NULL,named_struct('a',unhex(cast(cast(f2 as array<json>)[1] as varchar)),'b',
			array_map(x1 -> cast(cast(x1 as varchar) as DECIMAL(60,2)), cast(cast(f2 as array<json>)[2] as array<json>)))) FROM d.stage`
	c.exec(insert)
	require.Equal(t, []string{
		`1|{1:['{"a": 1}',null],2:null}|{"a":"a\"` + "\n\xff" + `","b":[1.50,null]}`, `2|\N|\N`, `3|{}|{"a":null,"b":null}`,
	}, c.rows("SELECT * FROM d.t ORDER BY id"))
	require.Contains(t, c.fails(insert).Message, "Label [once] has already been used.")
}

package starrocks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

const orders = "CREATE TABLE `orders` (\n" +
	"  `id` bigint(20) NOT NULL COMMENT \"it's `the` \\\"key\\\", (1)\",\n" +
	"  `day` date NOT NULL COMMENT \"\",\n" +
	"  `amount` decimal(18, 2) SUM NULL DEFAULT \"0\",\n" +
	"  `note` varchar(65533) REPLACE_IF_NOT_NULL NULL COMMENT \"PARTITION BY RANGE(`x`)\",\n" +
	"  `tags` array<struct<a int(11), b map<int(11), varchar(20)>>> NULL,\n" +
	"  `double_id` bigint(20) NULL AS id * 2 COMMENT \"generated\",\n" +
	"  INDEX ix (`note`) USING BITMAP COMMENT 'x, y'\n" +
	") ENGINE=OLAP \n" +
	"AGGREGATE KEY(`id`, `day`)\n" +
	"COMMENT \"CREATE TABLE `other`\"\n" +
	"PARTITION BY RANGE(`day`)\n" +
	"(PARTITION p1 VALUES [(\"0000-01-01\"), (\"2024-01-01\")),\n" +
	"PARTITION p2 VALUES [(\"2024-01-01\"), (\"2025-01-01\")) (\"replication_num\" = \"1\"))\n" +
	"DISTRIBUTED BY HASH(`id`) BUCKETS 4 \n" +
	"ORDER BY(`day`)\n" +
	"PROPERTIES (\n" +
	"\"compression\" = \"LZ4\",\n" +
	"\"dynamic_partition.enable\" = \"true\",\n" +
	"\"replication_num\" = \"3\"\n" +
	");"

func TestDefinitionIsReadInspiteOfTrickyComments(t *testing.T) {
	t.Parallel()
	d, err := parseDefinition(orders)
	require.NoError(t, err)
	require.Equal(t, "orders", d.name.text)
	require.Equal(t, "AGGREGATE", d.model)
	require.Equal(t, snapshot.RangePartitioning, d.kind)
	require.Equal(t, []string{"day"}, d.keys)
	require.Equal(t, "hash(id)", d.distributed)
	require.Equal(t, []columnDefinition{
		{name: "id", typ: sourced("bigint(20)"), key: true},
		{name: "day", typ: sourced("date"), key: true},
		{name: "amount", typ: sourced("decimal(18,2)"), aggregate: "SUM", nullable: true},
		{name: "note", typ: sourced("varchar(65533)"), aggregate: "REPLACE_IF_NOT_NULL", nullable: true},
		{name: "tags", typ: sourced("array<struct<`a` int(11),`b` map<int(11),varchar(20)>>>"), nullable: true},
		{name: "double_id", typ: sourced("bigint(20)"), generated: "id*2", nullable: true},
	}, d.columns)
}

// fitted are the properties of a table in a cluster of three backends.
func fitted(d *definition, replicas int) []property {
	list, _ := d.fits(place{alive: 3}, replicas)
	return list
}

func TestRewriteTouchesNothingButWhatItMust(t *testing.T) {
	t.Parallel()
	d, err := parseDefinition(orders)
	require.NoError(t, err)
	got, err := d.rewrite(creation{database: "db", name: "new \"one\"", properties: d.rested(fitted(d, 1)), partitions: []snapshot.Partition{
		{Name: "p2", Values: `VALUES [("2024-01-01"), ("2025-01-01"))`},
	}})
	require.NoError(t, err)
	list := orders[strings.Index(orders, "(PARTITION p1"):strings.Index(orders, "\nDISTRIBUTED")]
	want := strings.NewReplacer("TABLE `orders`", "TABLE IF NOT EXISTS `db`.`new \"one\"`",
		list, "(PARTITION `p2` VALUES [(\"2024-01-01\"), (\"2025-01-01\")))",
		`"dynamic_partition.enable" = "true"`, `"dynamic_partition.enable" = "false"`,
		`"replication_num" = "3"`, `"replication_num" = "1"`).Replace(orders)
	require.Equal(t, want, got)
}

func TestTableWithoutPartitionsAskedForGetsAnEmptyList(t *testing.T) {
	t.Parallel()
	d, err := parseDefinition(orders)
	require.NoError(t, err)
	got, err := d.rewrite(creation{database: "db", name: "t", properties: d.properties})
	require.NoError(t, err)
	require.Contains(t, got, "PARTITION BY RANGE(`day`)\n()\nDISTRIBUTED")
	require.Contains(t, got, `"replication_num" = "3"`)
}

func TestReplicationNumIsAddedWhereTheDDLHasNone(t *testing.T) {
	t.Parallel()
	for ddl, want := range map[string]string{
		"CREATE TABLE `t` (`a` int(11) NULL) ENGINE=OLAP\nPROPERTIES (\"a\" = \"b\");": "PROPERTIES (\n\"replication_num\" = \"2\",\n\"a\" = \"b\"\n);",
		"CREATE TABLE `t` (`a` int(11) NULL) ENGINE=OLAP;":                             "ENGINE=OLAP\nPROPERTIES (\n\"replication_num\" = \"2\"\n);",
	} {
		d, err := parseDefinition(ddl)
		require.NoError(t, err)
		got, err := d.rewrite(creation{database: "d", name: "t", properties: fitted(d, 2)})
		require.NoError(t, err)
		require.Contains(t, got, want)
	}
}

func TestNameThatCannotBeWrittenIsNotCreated(t *testing.T) {
	t.Parallel()
	d, err := parseDefinition(orders)
	require.NoError(t, err)
	_, err = d.rewrite(creation{database: "db", name: "a`b"})
	require.ErrorIs(t, err, cluster.ErrInvalidName)
}

func TestPartitioningIsKnown(t *testing.T) {
	t.Parallel()
	for clause, want := range map[string]struct {
		kind snapshot.Partitioning
		by   string
		keys []string
	}{
		"":                                           {snapshot.Unpartitioned, "", nil},
		"PARTITION BY RANGE(`a`, `b`)\n()":           {snapshot.RangePartitioning, "range(a,b)", []string{"a", "b"}},
		"PARTITION BY LIST(`a`)(\n\n)":               {snapshot.ListPartitioning, "list(a)", []string{"a"}},
		"PARTITION BY (`a`,`b`)":                     {snapshot.AutomaticPartitioning, "(a,b)", []string{"a", "b"}},
		"PARTITION BY date_trunc('day', `a`)":        {snapshot.AutomaticPartitioning, `date_trunc("day",a)`, []string{"a"}},
		"PARTITION BY time_slice(`a`, INTERVAL 1 D)": {snapshot.AutomaticPartitioning, "time_slice(a,interval 1 d)", []string{"a"}},
	} {
		d, err := parseDefinition("CREATE TABLE `t` (`a` int(11) NULL,\n`b` int(11) NULL) ENGINE=OLAP\nDUPLICATE KEY(`a`)\n" + clause + "\nDISTRIBUTED BY RANDOM\nPROPERTIES ();")
		require.NoError(t, err, clause)
		require.Equal(t, want.kind, d.kind, clause)
		require.Equal(t, want.by, d.partitionBy, clause)
		require.Equal(t, want.keys, d.keys, clause)
		require.Equal(t, "random", d.distributed, clause)
	}
}

func TestListOfPartitionsThatNoLexerCouldReadIsReplacedWhole(t *testing.T) {
	t.Parallel()
	head := "CREATE TABLE `t` (\n  `a` varchar(9) NULL COMMENT \"\"\n) ENGINE=OLAP \nDUPLICATE KEY(`a`)\nPARTITION BY LIST(`a`)"
	list := "(\n  PARTITION p1 VALUES IN ('it's', 'NULL', '(', '\\') (\"replication_num\" = \"1\"),\n  PARTITION p2 VALUES IN ('x')\n)"
	tail := "\nDISTRIBUTED BY HASH(`a`) BUCKETS 1 \nPROPERTIES (\n\"replication_num\" = \"3\"\n);"
	d, err := parseDefinition(head + list + tail)
	require.NoError(t, err)
	require.Equal(t, snapshot.ListPartitioning, d.kind)
	require.Equal(t, "list(a)", d.partitionBy)
	require.Equal(t, "hash(a)", d.distributed)
	got, err := d.rewrite(creation{database: "d", name: "t", properties: d.properties, partitions: []snapshot.Partition{{Name: "p1", Values: `VALUES IN ("it's")`}}})
	require.NoError(t, err)
	require.Equal(t, strings.Replace(head, "`t`", "IF NOT EXISTS `d`.`t`", 1)+"(PARTITION `p1` VALUES IN (\"it's\"))"+tail, got)
}

func TestTextThatIsNoTableIsRefused(t *testing.T) {
	t.Parallel()
	for _, ddl := range []string{"", "CREATE VIEW `v` AS SELECT 1", "CREATE TABLE `t` (", "CREATE TABLE `t` (`a` int(11) COMMENT \"x", "CREATE TABLE `t` ()",
		"CREATE EXTERNAL TABLE `t` (`a` int(11))", "CREATE TABLE `t` (`a` int(11)) PARTITION BY RANGE(`a`)", "CREATE TABLE `t` (`a` int(11)) PROPERTIES (\"a\" \"b\" \"c\")"} {
		_, err := parseDefinition(ddl)
		require.ErrorIs(t, err, errDDL, ddl)
	}
}

func FuzzDefinition(f *testing.F) {
	f.Add(orders)
	f.Add("CREATE TABLE `t` (`a` int(11)) ENGINE=OLAP PARTITION BY LIST(`a`)(PARTITION p VALUES IN ('1'))")
	f.Add("CREATE TABLE t (`a` AS")
	f.Fuzz(func(t *testing.T, ddl string) {
		d, err := parseDefinition(ddl)
		if err != nil {
			require.ErrorIs(t, err, errDDL)
			return
		}
		again, err := d.rewrite(creation{database: "d", name: "t", properties: fitted(d, 1)})
		require.NoError(t, err)
		_, err = parseDefinition(strings.Replace(again, "`d`.`t`", "`t`", 1))
		require.NoError(t, err, again)
	})
}

func TestDifferencesThatMatterAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, new, want string }{
		"type":         {"`note` varchar(65533)", "`note` varchar(20)", "type of column note: varchar(65533) in the snapshot, varchar(20) in the cluster"},
		"nullability":  {"`amount` decimal(18, 2) SUM NULL", "`amount` decimal(18, 2) SUM NOT NULL", "column amount: NULL in the snapshot, NOT NULL in the cluster"},
		"aggregation":  {"SUM NULL", "MAX NULL", "aggregation of column amount: SUM in the snapshot, MAX in the cluster"},
		"name":         {"`amount`", "`total`", "column 3: amount in the snapshot, total in the cluster"},
		"model":        {"AGGREGATE KEY", "UNIQUE KEY", "model: AGGREGATE in the snapshot, UNIQUE in the cluster"},
		"distribution": {"HASH(`id`)", "HASH(`day`)", "distribution: hash(id) in the snapshot, hash(day) in the cluster"},
		"partitioning": {"RANGE(`day`)\n", "RANGE(`id`)\n", "partitioning: range(day) in the snapshot, range(id) in the cluster"},
		"fewer":        {",\n  `double_id` bigint(20) NULL AS id * 2 COMMENT \"generated\"", "", "column double_id: missing in the cluster"},
		"more":         {"  `tags`", "  `more` int(11) NULL,\n  `tags`", "column double_id: only in the cluster"},
		"expression":   {"id * 2", "id * 3", "expression of column double_id: id*2 in the snapshot, id*3 in the cluster"},
		"key":          {"AGGREGATE KEY(`id`, `day`)", "AGGREGATE KEY(`id`)", "key of column day: yes in the snapshot, no in the cluster"},
	} {
		require.Contains(t, orders, c.old, name)
		got := (&Cluster{}).Differences(snapshot.Table{DDL: orders}, snapshot.Table{DDL: strings.Replace(orders, c.old, c.new, 1)})
		require.Contains(t, got, c.want, name)
	}
}

func TestCommentsPropertiesNamesAndPartitionsAreNoDifference(t *testing.T) {
	t.Parallel()
	other := strings.NewReplacer("TABLE `orders`", "TABLE `o2`", "generated", "computed", `"3"`, `"1"`, "BUCKETS 4", "BUCKETS 9", "2025", "2026", "`amount`", "`AMOUNT`").Replace(orders)
	require.Empty(t, (&Cluster{}).Differences(snapshot.Table{DDL: orders}, snapshot.Table{DDL: other}))
}

func TestWithheldIsWhatTheSchedulerWouldActOn(t *testing.T) {
	t.Parallel()
	c := &Cluster{}
	require.Equal(t, map[string]string{"dynamic_partition.enable": "true"}, c.Withheld(snapshot.Table{DDL: orders}))
	require.Empty(t, c.Withheld(snapshot.Table{DDL: strings.Replace(orders, `enable" = "true`, `enable" = "false`, 1)}))
}

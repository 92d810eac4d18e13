package mysql_test

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster/clustertest"
	"starkeep/snapshot"
	"starkeep/tests/server/mariadb"
)

// TestSuite runs the suite against a real MariaDB. Without what it does not have: versions and tablets, partitions that
// loads make, SWAP, a load that becomes visible later; and a Discard is one statement, so nothing can end behind a rename.
// The suite's long strings are about the limits of StarRocks' CSV, and its list partitions about "" and NULL in one.
func TestSuite(t *testing.T) {
	t.Parallel()
	clustertest.Run(t, newHarness, "VersionsMoveWithLoads", "TabletsAddUp", "CreateAutomaticPartitions", "LateSwap", "LoadVisibleLate", "LongStrings")
}

var (
	renaming   = regexp.MustCompile(`RENAME TABLE`)
	exchanging = regexp.MustCompile(`EXCHANGE PARTITION`)
	dropping   = regexp.MustCompile(`DROP TABLE`)
	loading    = regexp.MustCompile(`LOAD DATA`)
	committing = regexp.MustCompile(`(?s)^....\x03COMMIT`)
)

var faults = map[clustertest.Fault]fault{
	clustertest.LoadCut:        {statement: loading, bytes: 100_000},
	clustertest.LoadAnswerLost: {statement: committing, after: true},
	clustertest.SwapCut:        {statement: renaming},
	clustertest.SwapAnswerLost: {statement: renaming, after: true},
	clustertest.DropCut:        {statement: dropping},
	clustertest.DropLost:       {statement: dropping, after: true},
	clustertest.ReplaceCut:     {statement: exchanging},
	clustertest.ReplaceLost:    {statement: exchanging, after: true},
}

func newHarness(t *testing.T) clustertest.Harness {
	s := mariadb.Shared(t)
	p := newProxy(t, s.Address)
	database := s.Database(t)
	stranger, password := s.NewUser(t)
	h := clustertest.Harness{
		Cluster:  connect(t, p.address, s.User, s.Password),
		Down:     connect(t, closedPort(t), s.User, s.Password),
		Stranger: connect(t, s.Address, stranger, password),
		Database: database,
		Types:    types,
		Define:   func(shape clustertest.Shape, table string) string { return define(database, shape, table) },
		Columns:  func(table string, types []clustertest.TypeCase) string { return defineTypes(database, table, types) },
		Exec:     func(statement string) { s.Exec(t, statement) },
		Break: func(f clustertest.Fault) {
			x, ok := faults[f]
			require.True(t, ok, string(f))
			p.cut(&x)
		},
		NoVersions: true, NamesAreIDs: true, Partitioned: true, BackQuotes: true, LongestName: 64, DropPartition: " ",
	}
	for f := range faults {
		h.Faults = append(h.Faults, f)
	}
	return h
}

// closedPort is an address that refuses connections.
func closedPort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func define(database string, s clustertest.Shape, table string) string {
	columns, partition := "`k` int NOT NULL, `v` longtext NULL", ""
	switch s {
	case clustertest.Ranged:
		columns = "`k` int NOT NULL PRIMARY KEY, `v` longtext NULL"
		partition = "PARTITION BY RANGE (k) (PARTITION p1 VALUES LESS THAN (10), PARTITION p2 VALUES LESS THAN (20), PARTITION p3 VALUES LESS THAN (30))"
	case clustertest.Listed:
		columns = "`k` int NOT NULL, `v` varchar(20) NULL"
		partition = "PARTITION BY LIST COLUMNS (v) (PARTITION its VALUES IN ('it''s', 'b'), PARTITION none VALUES IN (NULL))"
	case clustertest.Text:
		columns = "`v` varchar(20) NULL"
	case clustertest.Uncarried: // a type that is carried, in a table that nothing can be loaded into
		return fmt.Sprintf("CREATE TABLE `%s`.`%s` (`tags` int AS (1) VIRTUAL) DEFAULT CHARSET=utf8mb4", database, table)
	case clustertest.Other:
		columns = "`k` int NOT NULL, `v` int NULL"
	}
	return fmt.Sprintf("CREATE TABLE `%s`.`%s` (%s) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin %s", database, table, columns, partition)
}

func defineTypes(database, table string, types []clustertest.TypeCase) string {
	var b strings.Builder
	for i, c := range types {
		fmt.Fprintf(&b, ", `c%d` %s NULL", i, c.Declaration)
	}
	return fmt.Sprintf("CREATE TABLE `%s`.`%s` (`k` int NOT NULL%s) DEFAULT CHARSET=utf8mb4", database, table, b.String())
}

// types are all types with the ends of their ranges, as SELECT prints them.
var types = []clustertest.TypeCase{
	{Declaration: "tinyint", Type: snapshot.Type{Kind: snapshot.Int8}, Values: []string{"-128", "127"}},
	{Declaration: "tinyint unsigned", Type: snapshot.Type{Kind: snapshot.Int16}, Values: []string{"0", "255"}},
	{Declaration: "smallint", Type: snapshot.Type{Kind: snapshot.Int16}, Values: []string{"-32768", "32767"}},
	{Declaration: "smallint unsigned", Type: snapshot.Type{Kind: snapshot.Int32}, Values: []string{"65535"}},
	{Declaration: "mediumint", Type: snapshot.Type{Kind: snapshot.Int32}, Values: []string{"-8388608", "8388607"}},
	{Declaration: "mediumint unsigned", Type: snapshot.Type{Kind: snapshot.Int32}, Values: []string{"16777215"}},
	{Declaration: "int", Type: snapshot.Type{Kind: snapshot.Int32}, Values: []string{"-2147483648", "2147483647"}},
	{Declaration: "int unsigned", Type: snapshot.Type{Kind: snapshot.Int64}, Values: []string{"4294967295"}},
	{Declaration: "bigint", Type: snapshot.Type{Kind: snapshot.Int64}, Values: []string{"-9223372036854775808", "9223372036854775807"}},
	{Declaration: "bigint unsigned", Type: snapshot.Type{Kind: snapshot.Int128}, Values: []string{"18446744073709551615"}},
	{Declaration: "double", Type: snapshot.Type{Kind: snapshot.Float64}, Values: []string{"0.1", "-1.5", "0"}},
	{Declaration: "decimal(9,2)", Type: snapshot.Type{Kind: snapshot.Decimal, Precision: 9, Scale: 2}, Values: []string{"-9999999.99", "0.01"}},
	{Declaration: "decimal(38,38)", Type: snapshot.Type{Kind: snapshot.Decimal, Precision: 38, Scale: 38}, Values: []string{"-0.99999999999999999999999999999999999999"}},
	{Declaration: "decimal(65,30)", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"99999999999999999999999999999999999.999999999999999999999999999999"}},
	{Declaration: "date", Type: snapshot.Type{Kind: snapshot.Date}, Values: []string{"0000-00-00", "9999-12-31", "2024-02-30"}},
	{Declaration: "datetime(6)", Type: snapshot.Type{Kind: snapshot.Datetime}, Values: []string{"0000-00-00 00:00:00.000000", "9999-12-31 23:59:59.999999"}},
	{Declaration: "timestamp", Type: snapshot.Type{Kind: snapshot.Datetime}, Values: []string{"1970-01-01 00:00:01", "2038-01-19 03:14:07"}},
	{Declaration: "time(6)", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"-838:59:59.999999", "838:59:59.000000"}},
	{Declaration: "year", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"0000", "1901", "2155"}},
	{Declaration: "char(20)", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"", "a b", "日本"}},
	{Declaration: "varchar(200)", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"", `\N`, "a,\"b\"\n", " \t "}},
	{Declaration: "varchar(20) character set latin1", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"é€", "\u0081"}},
	{Declaration: "varchar(20) character set sjis", Type: snapshot.Type{Kind: snapshot.Binary}, Values: []string{"\x83\x5c", "a"}},
	{Declaration: "enum('a','it''s')", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"a", "it's"}},
	{Declaration: "set('a','b')", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"", "a,b"}},
	{Declaration: "binary(3)", Type: snapshot.Type{Kind: snapshot.Binary}, Values: []string{"a\x00\x00", "\xff\x00\xff"}},
	{Declaration: "varbinary(200)", Type: snapshot.Type{Kind: snapshot.Binary}, Values: []string{"", "\x00\xff"}, Any: true},
	{Declaration: "longblob", Type: snapshot.Type{Kind: snapshot.Binary}, Values: []string{"", "\x00\xff", `\N`}, Any: true},
	{Declaration: "bit(10)", Type: snapshot.Type{Kind: snapshot.Binary}, Values: []string{"\x00\x00", "\x03\xff"}},
	{Declaration: "json", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{`{"a": 1}`, `"\"quoted\", and\nbroken"`}},
	{Declaration: "inet6", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"::", "2001:db8::ff00:42:8329"}},
	{Declaration: "uuid", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"123e4567-e89b-12d3-a456-426655440000"}},
}

package starrocks_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/cluster/clustertest"
	"starkeep/cluster/starrocks"
	"starkeep/cluster/wire"
	"starkeep/sandbox"
	"starkeep/sandbox/fault"
	"starkeep/snapshot"
)

// TestSandbox runs the suite against the sandbox, a server of its own for each test.
func TestSandbox(t *testing.T) {
	t.Parallel()
	clustertest.Run(t, func(t *testing.T) clustertest.Harness { return newHarness(t).Harness })
}

const (
	password = "s3cret password"
	database = "db"
)

// harness is the suite's, with the server for tests of this package's own.
type harness struct {
	clustertest.Harness
	server *sandbox.Server
	admin  *wire.Pool
}

func newHarness(t testing.TB) *harness { return harnessOf(t, sandbox.Config{}) }

// harnessOf starts a sandbox of some other kind.
func harnessOf(t testing.TB, config sandbox.Config) *harness {
	config.RootPassword, config.Users = password, map[string]string{"stranger": "x"}
	server, err := sandbox.Start(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	h := &harness{server: server}
	h.admin = wire.NewPool(func(ctx context.Context) (*wire.Session, error) {
		return wire.Dial(ctx, server.SQLAddr(), wire.Options{User: "root", Password: password, Connect: 10 * time.Second})
	})
	t.Cleanup(func() { require.NoError(t, h.admin.Close()) })
	exec := func(statement string) { require.NoError(t, h.admin.Exec(context.Background(), statement), statement) }
	exec("CREATE DATABASE " + database)
	h.Harness = clustertest.Harness{
		Cluster:  connect(t, server.SQLAddr(), server.HTTPAddr(), "root", password),
		Down:     connect(t, closedPort(t), closedPort(t), "root", password),
		Stranger: connect(t, server.SQLAddr(), server.HTTPAddr(), "stranger", "x"),
		Database: database,
		Types:    types,
		Define:   define,
		Columns:  defineTypes,
		Exec:     exec,
		Break: func(f clustertest.Fault) {
			_, err := server.Faults().Add(faults[f])
			require.NoError(t, err)
		},
		Tablets: func(table, partition string) []int64 { return tablets(t, h.admin, table, partition) },
	}
	return h
}

func connect(t testing.TB, sql, http, user, password string) *starrocks.Cluster {
	c, err := starrocks.New(starrocks.Config{Name: "sandbox", Frontends: []string{sql}, HTTP: []string{"http://" + http}, User: user, Password: password})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// closedPort is an address that refuses connections.
func closedPort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

var faults = map[clustertest.Fault]fault.Rule{
	clustertest.LoadCut:         {Kind: fault.HTTP, Contains: "BE PUT", Action: fault.Cut, Bytes: 100_000},
	clustertest.LoadAnswerLost:  {Kind: fault.HTTP, Contains: "BE PUT", Action: fault.CutAfter},
	clustertest.LoadVisibleLate: {Kind: fault.HTTP, Contains: "BE PUT", Action: fault.PublishTimeout, Delay: fault.Duration(200 * time.Millisecond)},
	clustertest.SwapCut:         {Kind: fault.SQL, Contains: " SWAP WITH ", Action: fault.Cut},
	clustertest.SwapAnswerLost:  {Kind: fault.SQL, Contains: " SWAP WITH ", Action: fault.CutAfter},
	clustertest.RenameCut:       {Kind: fault.SQL, Contains: " RENAME ", Action: fault.Cut},
	clustertest.RenameLost:      {Kind: fault.SQL, Contains: " RENAME ", Action: fault.CutAfter},
	clustertest.DropCut:         {Kind: fault.SQL, Contains: "DROP TABLE ", Action: fault.Cut},
	clustertest.DropLost:        {Kind: fault.SQL, Contains: "DROP TABLE ", Action: fault.CutAfter},
	clustertest.ReplaceCut:      {Kind: fault.SQL, Contains: " REPLACE PARTITION ", Action: fault.Cut},
	clustertest.ReplaceLost:     {Kind: fault.SQL, Contains: " REPLACE PARTITION ", Action: fault.CutAfter},
}

func define(s clustertest.Shape, table string) string {
	columns, model, partition := "`k` int NOT NULL, `v` varchar(1048576) NULL", "DUPLICATE KEY(`k`)", ""
	switch s {
	case clustertest.Ranged:
		partition = `PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ("10"), PARTITION p2 VALUES LESS THAN ("20"), PARTITION p3 VALUES LESS THAN ("30"))`
	case clustertest.Listed:
		partition = `PARTITION BY LIST(v) (PARTITION its VALUES IN ("it's", "b"), PARTITION none VALUES IN (NULL))`
	case clustertest.Automatic:
		columns, partition = "`k` int NOT NULL, `v` varchar(20) NOT NULL", "PARTITION BY (v)"
	case clustertest.Text:
		columns, model = "`v` varchar(20) NULL", "DUPLICATE KEY(`v`)"
	case clustertest.Uncarried:
		columns, model = "`k` int NOT NULL, `tags` percentile PERCENTILE_UNION NULL", "AGGREGATE KEY(`k`)"
	case clustertest.Other:
		columns = "`k` int NOT NULL, `v` int NULL"
	}
	key := "k"
	if s == clustertest.Text {
		key = "v"
	}
	return fmt.Sprintf("CREATE TABLE %s.`%s` (%s) %s %s DISTRIBUTED BY HASH(%s) BUCKETS 3 PROPERTIES (\"replication_num\" = \"1\")", database, table, columns, model, partition, key)
}

func defineTypes(table string, types []clustertest.TypeCase) string {
	var b strings.Builder
	for i, c := range types {
		fmt.Fprintf(&b, ", `c%d` %s NULL", i, c.Declaration)
	}
	return fmt.Sprintf("CREATE TABLE %s.`%s` (`k` int NOT NULL%s) DUPLICATE KEY(`k`) DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")", database, table, b.String())
}

// types are all scalar types with the ends of their ranges, as SELECT prints them (docs data-types).
var types = []clustertest.TypeCase{
	{Declaration: "boolean", Type: snapshot.Type{Kind: snapshot.Boolean}, Values: []string{"0", "1"}},
	{Declaration: "tinyint", Type: snapshot.Type{Kind: snapshot.Int8}, Values: []string{"-128", "127"}},
	{Declaration: "smallint", Type: snapshot.Type{Kind: snapshot.Int16}, Values: []string{"-32768", "32767"}},
	{Declaration: "int", Type: snapshot.Type{Kind: snapshot.Int32}, Values: []string{"-2147483648", "2147483647"}},
	{Declaration: "bigint", Type: snapshot.Type{Kind: snapshot.Int64}, Values: []string{"-9223372036854775808", "9223372036854775807"}},
	{Declaration: "largeint", Type: snapshot.Type{Kind: snapshot.Int128}, Values: []string{"-170141183460469231731687303715884105728", "170141183460469231731687303715884105727"}},
	{Declaration: "float", Type: snapshot.Type{Kind: snapshot.Float32}, Values: []string{"0", "-1.5", "3.4028235e+38", "1e-45", "nan", "inf", "-inf"}},
	{Declaration: "double", Type: snapshot.Type{Kind: snapshot.Float64}, Values: []string{"0.1", "-1e+100", "1.7976931348623157e+308", "5e-324", "nan", "inf", "-inf"}},
	{Declaration: "decimal(9,2)", Type: snapshot.Type{Kind: snapshot.Decimal, Precision: 9, Scale: 2}, Values: []string{"-9999999.99", "0.01"}},
	{Declaration: "decimal(38,38)", Type: snapshot.Type{Kind: snapshot.Decimal, Precision: 38, Scale: 38}, Values: []string{"-0.99999999999999999999999999999999999999", "0.00000000000000000000000000000000000001"}},
	{Declaration: "decimal(38,0)", Type: snapshot.Type{Kind: snapshot.Decimal, Precision: 38}, Values: []string{"-99999999999999999999999999999999999999", "99999999999999999999999999999999999999"}},
	{Declaration: "date", Type: snapshot.Type{Kind: snapshot.Date}, Values: []string{"0000-01-01", "9999-12-31", "2024-02-29"}},
	{Declaration: "datetime", Type: snapshot.Type{Kind: snapshot.Datetime}, Values: []string{"0000-01-01 00:00:00", "9999-12-31 23:59:59.999999", "2024-02-29 12:00:00.000001"}},
	{Declaration: "char(20)", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"", "a b", "日本"}},
	{Declaration: "varchar(1048576)", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"", `\N`, "\xff\x00", "a,\"b\"\n"}, Any: true},
	{Declaration: "string", Type: snapshot.Type{Kind: snapshot.String}, Values: []string{"", "NULL"}, Any: true},
	{Declaration: "varbinary", Type: snapshot.Type{Kind: snapshot.Binary}, Values: []string{"", "\x00\xff", "YWJj"}, Any: true},
	{Declaration: "json", Type: snapshot.Type{Kind: snapshot.JSON}, Values: []string{`{"a": 1, "b": [1, null, "x"]}`, "1", "null", `"text"`, "true", `"\"quoted\", and\nbroken"`}},
}

func tablets(t testing.TB, admin *wire.Pool, table, partition string) []int64 {
	r, err := admin.Query(context.Background(), fmt.Sprintf("SHOW TABLET FROM %s.%s PARTITION (%s)", database, table, partition))
	require.NoError(t, err)
	defer r.Close()
	var ids []int64
	var b snapshot.Batch
	require.NoError(t, r.Next(&b))
	for i := range b.Rows() {
		id, err := strconv.ParseInt(string(b.Columns[0].Value(i)), 10, 64)
		require.NoError(t, err)
		ids = append(ids, id)
	}
	return ids
}

func TestGrantThatIsNamedIsTheOneThatHelps(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec(define(clustertest.Plain, "t"))
	h.Exec("CREATE USER 'keeper'@'%' IDENTIFIED BY 'k'")
	keeper := connect(t, h.server.SQLAddr(), h.server.HTTPAddr(), "keeper", "k")
	for _, c := range []struct {
		database string
		tables   []string
		purpose  cluster.Purpose
	}{{database, []string{"t"}, cluster.ForBackup}, {database, nil, cluster.ForBackup}, {database, nil, cluster.ForRestore}, {"later", nil, cluster.ForRestore}} {
		// what is not visible at all cannot be asked about: some privilege on the database comes first
		h.Exec("GRANT CREATE VIEW ON ALL DATABASES TO USER 'keeper'@'%'")
		missing, err := keeper.Missing(t.Context(), cluster.Audit{Purpose: c.purpose, Database: c.database, Tables: c.tables})
		require.NoError(t, err)
		require.NotEmpty(t, missing)
		for _, p := range missing {
			if c.database == "later" && strings.Contains(p.Grant, "later") {
				continue // it can be granted once the database is there
			}
			h.Exec(p.Grant)
		}
		if c.database == "later" {
			continue
		}
		missing, err = keeper.Missing(t.Context(), cluster.Audit{Purpose: c.purpose, Database: c.database, Tables: c.tables})
		require.NoError(t, err)
		require.Empty(t, missing)
	}
	tables, err := keeper.Describe(t.Context(), database, []string{"t"})
	require.NoError(t, err)
	id, err := keeper.CreateTable(t.Context(), database, tables[0], cluster.TableOptions{Name: "u"})
	require.NoError(t, err)
	_, err = keeper.Load(t.Context(), cluster.LoadRequest{Database: database, Table: "u", Label: "l", Columns: tables[0].Columns, Open: generated(10)})
	require.NoError(t, err)
	p := cluster.Publication{Database: database, Table: "t", Shadow: "u", ShadowID: id, LiveID: tables[0].ID, Retired: "u_old"}
	require.NoError(t, keeper.Publish(t.Context(), p))
	require.NoError(t, keeper.DropRetired(t.Context(), p))
}

func TestAccountOfTheDocumentationMayDoEverything(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec("CREATE USER 'starkeep'@'%' IDENTIFIED BY 'k'")
	text, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	_, grants, found := strings.Cut(string(text), "```sql\nGRANT ")
	require.True(t, found)
	grants, _, _ = strings.Cut("GRANT "+grants, "```")
	for grant := range strings.Lines(grants) {
		h.Exec(strings.TrimSuffix(strings.TrimSpace(grant), ";"))
	}
	c := connect(t, h.server.SQLAddr(), h.server.HTTPAddr(), "starkeep", "k")
	for _, audit := range []cluster.Audit{
		{Database: h.Database, Kinds: []snapshot.ObjectKind{snapshot.View, snapshot.MaterializedView, snapshot.Function}},
		{Kinds: []snapshot.ObjectKind{snapshot.GlobalFunction, snapshot.Catalog, snapshot.User, snapshot.Role, snapshot.ResourceGroup}},
	} {
		for _, audit.Purpose = range []cluster.Purpose{cluster.ForBackup, cluster.ForRestore} {
			missing, err := c.Missing(t.Context(), audit)
			require.NoError(t, err)
			require.Empty(t, missing, "%v", audit)
		}
	}
	for _, check := range c.Examine(t.Context()) {
		require.True(t, check.OK, "%v", check)
	}
}

func TestOtherFrontEndIsAskedWhenOneIsDown(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	down := closedPort(t)
	c, err := starrocks.New(starrocks.Config{Name: "two", Frontends: []string{down, h.server.SQLAddr()},
		HTTP: []string{"http://" + down, "http://" + h.server.HTTPAddr()}, User: "root", Password: password})
	require.NoError(t, err)
	defer c.Close()
	h.Exec(define(clustertest.Plain, "t"))
	tables, err := c.Describe(t.Context(), database, []string{"t"})
	require.NoError(t, err)
	result, err := c.Load(t.Context(), cluster.LoadRequest{Database: database, Table: "t", Label: "l", Columns: tables[0].Columns, Open: generated(10)})
	require.NoError(t, err)
	require.EqualValues(t, 10, result.Rows)
}

func TestFrontEndThatMayLagCatchesUpFirst(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec(define(clustertest.Plain, "t"))
	h.Exec("GRANT SELECT ON ALL TABLES IN DATABASE " + database + " TO USER 'stranger'@'%'") // who may not see which is the leader
	want, err := h.Cluster.TableID(t.Context(), database, "t")
	require.NoError(t, err)
	id, err := h.Stranger.TableID(t.Context(), database, "t")
	require.NoError(t, err)
	require.Equal(t, want, id)

	_, err = h.server.Faults().Add(fault.Rule{Kind: fault.SQL, Pattern: "^SYNC$", Count: -1, Action: fault.Error, Message: "Unexpected input 'SYNC'"})
	require.NoError(t, err)
	_, err = h.Stranger.TableID(t.Context(), database, "t")
	require.ErrorIs(t, err, cluster.ErrUnreachable, "versions and rows of a lagging follower do not belong together")
	require.ErrorContains(t, err, "configure all front ends")
	_, err = h.Stranger.Count(t.Context(), database, "t", "", false)
	require.ErrorIs(t, err, cluster.ErrUnreachable)
	_, err = h.Cluster.Count(t.Context(), database, "t", "", false)
	require.NoError(t, err, "the leader needs no SYNC")
}

func TestDynamicPartitioningRestsWhileATableIsBuilt(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec(strings.Replace(define(clustertest.Ranged, "t"), `"replication_num" = "1"`, `"replication_num" = "1", "dynamic_partition.enable" = "true", `+
		`"dynamic_partition.time_unit" = "DAY", "dynamic_partition.end" = "3", "dynamic_partition.prefix" = "p", "partition_live_number" = "9"`, 1))
	tables, err := h.Cluster.Describe(t.Context(), database, []string{"t"})
	require.NoError(t, err)
	live := tables[0]
	id, err := h.Cluster.CreateTable(t.Context(), database, live, cluster.TableOptions{Name: "shadow"})
	require.NoError(t, err)
	enabled := func(table string) string {
		tables, err := h.Cluster.Describe(t.Context(), database, []string{table})
		require.NoError(t, err)
		_, after, ok := strings.Cut(tables[0].DDL, `"dynamic_partition.enable" = `)
		require.True(t, ok)
		return strings.SplitN(after, `"`, 3)[1]
	}
	require.Equal(t, "false", enabled("shadow"))
	p := cluster.Publication{Database: database, Table: "t", Shadow: "shadow", ShadowID: id, LiveID: live.ID, Retired: "retired", Properties: h.Cluster.Withheld(live)}
	require.NoError(t, h.Cluster.Publish(t.Context(), p))
	require.Equal(t, "true", enabled("t"))
	require.Contains(t, h.described(t, "t").DDL, `"partition_live_number" = "9"`, "each of several properties in a statement of its own")
}

func TestRestartedClusterIsAnotherOne(t *testing.T) {
	t.Parallel()
	first, err := newHarness(t).Cluster.Info(t.Context())
	require.NoError(t, err)
	second, err := newHarness(t).Cluster.Info(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, first.ID, second.ID)
}

// generated yields n rows of a key and a text.
func generated(n int) func() (snapshot.RowReader, error) {
	return func() (snapshot.RowReader, error) { return &generator{left: n}, nil }
}

type generator struct{ left int }

func (g *generator) Next(b *snapshot.Batch) error {
	b.Reset()
	if g.left == 0 {
		return io.EOF
	}
	for ; g.left > 0 && b.Rows() < snapshot.BatchRows; g.left-- {
		b.Columns[0].Append(strconv.AppendInt(nil, int64(g.left), 10))
		b.Columns[1].Append([]byte("some text of a length that is usual"))
	}
	return nil
}

func (g *generator) Close() error { return nil }

func BenchmarkRead(b *testing.B) {
	h, columns := filled(b)
	r := cluster.ReadRequest{Database: database, Table: "t", Columns: columns}
	var batch snapshot.Batch
	b.ReportAllocs()
	for b.Loop() {
		rows, err := h.Cluster.Read(b.Context(), r)
		require.NoError(b, err)
		n := 0
		for err = rows.Next(&batch); err == nil; err = rows.Next(&batch) {
			n += batch.Rows()
			b.SetBytes(int64(n) * 40)
		}
		require.Equal(b, io.EOF, err)
		require.Equal(b, benchmarkRows, n)
	}
}

const benchmarkRows = 200_000

func filled(b *testing.B) (*harness, []snapshot.Column) {
	h := newHarness(b)
	h.Exec(define(clustertest.Plain, "t"))
	tables, err := h.Cluster.Describe(b.Context(), database, []string{"t"})
	require.NoError(b, err)
	_, err = h.Cluster.Load(b.Context(), cluster.LoadRequest{Database: database, Table: "t", Label: "fill", Columns: tables[0].Columns, Open: generated(benchmarkRows)})
	require.NoError(b, err)
	return h, tables[0].Columns
}

func BenchmarkLoad(b *testing.B) {
	h, columns := filled(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, err := h.Cluster.Load(b.Context(), cluster.LoadRequest{Database: database, Table: "t", Label: fmt.Sprintf("l%d", i), Columns: columns, Open: generated(benchmarkRows)})
		require.NoError(b, err)
	}
}

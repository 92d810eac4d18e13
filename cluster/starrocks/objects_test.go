package starrocks_test

import (
	"fmt"
	"slices"
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

// keeper is the adapter with what this package adds to the suite.
type keeper interface {
	cluster.Keeper
	cluster.ObjectChecker
	cluster.Activator
	cluster.Granter
}

func keeperOf(h *harness) keeper { return h.Cluster.(*starrocks.Cluster) }

func objectsOf(t *testing.T, h *harness, database string, kinds ...snapshot.ObjectKind) []snapshot.Object {
	list, err := keeperOf(h).Objects(t.Context(), database, cluster.Collection{Kinds: kinds})
	require.NoError(t, err)
	return list
}

func names(list []snapshot.Object) []string {
	var all []string
	for _, o := range list {
		all = append(all, o.String())
	}
	return all
}

// layered makes views over a materialized view over a view over a table; their names sort the other way round.
func layered(h *harness) {
	h.Exec(define(clustertest.Plain, "t"))
	h.Exec("INSERT INTO db.t VALUES (1, 'a'), (2, 'b'), (2, 'c')")
	for _, s := range []string{
		"CREATE VIEW db.z (`k` COMMENT 'the key', `n`) COMMENT 'counts' AS SELECT t.k, count(*) FROM db.t GROUP BY t.k",
		"CREATE MATERIALIZED VIEW db.y DISTRIBUTED BY HASH(k) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT k, n FROM db.z",
		"CREATE VIEW db.x AS SELECT y.k, 'db.y' AS text FROM db.y",
		"CREATE MATERIALIZED VIEW db.w DISTRIBUTED BY HASH(k) BUCKETS 1 REFRESH DEFERRED MANUAL PROPERTIES ('replication_num' = '1') AS SELECT k FROM db.y",
	} {
		h.Exec(s)
	}
}

func TestViewsComeInAnOrderInWhichTheyCanBeMade(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	again := viewsMove(t, h)
	require.Contains(t, again[0].DDL, "SELECT `renamed`.k, count(*) FROM `other`.`renamed` GROUP BY `renamed`.k")
	require.Contains(t, again[0].DDL, "COMMENT \"the key\"")
	require.Contains(t, again[3].DDL, "SELECT `y2`.k, 'db.y' AS text FROM `other`.`y2`")
}

// Front ends before 2026 print queries analysed, with every name qualified.
func TestViewsOfOlderFrontEndsMoveToo(t *testing.T) {
	t.Parallel()
	h := harnessOf(t, sandbox.Config{AnalysedText: true})
	again := viewsMove(t, h)
	require.Contains(t, again[3].DDL, "`other`.`y2`.`k`")
	require.Contains(t, again[3].DDL, "'db.y'")
	same := objectsOf(t, h, database)
	for _, o := range same {
		_, err := keeperOf(h).PutObject(t.Context(), o, inPlace)
		require.NoError(t, err)
	}
	require.Equal(t, same, objectsOf(t, h, database))
}

// viewsMove puts views of all kinds into another database, and some under another name.
func viewsMove(t *testing.T, h *harness) []snapshot.Object {
	layered(h)
	h.Exec("CREATE VIEW db.__starkeep_left AS SELECT 1 AS one")
	list := objectsOf(t, h, database)
	require.Equal(t, []string{"view z", "materialized view y", "materialized view w", "view x"}, names(list))
	require.Equal(t, map[string]string{"active": "true"}, list[1].Settings)
	require.Equal(t, []string{"view z", "view x"}, names(objectsOf(t, h, database, snapshot.View)))

	h.Exec("CREATE DATABASE other")
	h.Exec(replaced(define(clustertest.Plain, "t"), "db.`t`", "other.`renamed`"))
	r := cluster.Renaming{From: database, To: "other", Tables: map[string]string{"t": "renamed", "y": "y2"}}
	for range 2 { // and again, as an attempt whose answer was lost
		for _, o := range list {
			note, err := keeperOf(h).PutObject(t.Context(), o, r)
			require.NoError(t, err, o.String())
			require.Empty(t, note, o.String())
		}
	}
	again := objectsOf(t, h, "other")
	require.Equal(t, []string{"view z", "materialized view y2", "materialized view w", "view x"}, names(again))
	return again
}

func replaced(s, old, now string) string { return strings.Replace(s, old, now, 1) }

// A materialized view keeps the database that its creator was in, and its text does not tell which.
func TestMaterializedViewMadeInAnotherDatabaseKeepsItsTables(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec(define(clustertest.Plain, "t"))
	h.Exec("CREATE DATABASE other")
	h.Exec(replaced(define(clustertest.Plain, "t"), "db.`t`", "other.`t`"))
	s, err := wire.Dial(t.Context(), h.server.SQLAddr(), wire.Options{User: "root", Password: password, Connect: 10 * time.Second})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Exec(t.Context(), "USE other"))
	require.NoError(t, s.Exec(t.Context(), "CREATE MATERIALIZED VIEW db.m DISTRIBUTED BY HASH(k) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT t.k FROM t"))
	m := one(t, h, snapshot.MaterializedView, "m")
	require.Contains(t, m.DDL, "FROM `other`.`t`")
	dependents, err := keeperOf(h).Dependents(t.Context(), "other", []string{"t"})
	require.NoError(t, err)
	require.Equal(t, []cluster.Dependent{{Database: "db", Name: "m"}}, dependents)
}

// A view keeps it, too; what no statement prints is in the plan of a query over it.
func TestViewMadeInAnotherDatabaseKeepsItsTables(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec(define(clustertest.Plain, "t"))
	h.Exec("CREATE DATABASE other")
	h.Exec(replaced(define(clustertest.Plain, "t"), "db.`t`", "other.`t`"))
	h.Exec("INSERT INTO other.t VALUES (7, 'there')")
	s, err := wire.Dial(t.Context(), h.server.SQLAddr(), wire.Options{User: "root", Password: password, Connect: 10 * time.Second})
	require.NoError(t, err)
	defer s.Close()
	for _, statement := range []string{"USE other", "CREATE VIEW db.v (`k` COMMENT 'the key') COMMENT 'far' AS SELECT t.k FROM t", "USE db", "CREATE VIEW db.w AS SELECT k FROM t -- near"} {
		require.NoError(t, s.Exec(t.Context(), statement))
	}
	require.Contains(t, one(t, h, snapshot.View, "w").DDL, "AS SELECT k FROM t -- near", "as it was typed, where that means the same")
	v := one(t, h, snapshot.View, "v")
	require.Contains(t, v.DDL, "FROM `other`.`t`")
	require.Contains(t, v.DDL, "COMMENT \"far\"")
	h.Exec("DROP VIEW db.v")
	for range 2 {
		_, err = keeperOf(h).PutObject(t.Context(), v, inPlace)
		require.NoError(t, err)
		require.Equal(t, []string{"7"}, rowsOf(t, h, "SELECT k FROM db.v"))
	}
	_, err = h.server.Faults().Add(fault.Rule{Kind: fault.SQL, Contains: "get_query_dump", Count: -1, Action: fault.Error, Message: "No matching function with signature: get_query_dump(varchar)."})
	require.NoError(t, err)
	require.Contains(t, one(t, h, snapshot.View, "w").DDL, "AS SELECT k FROM t -- near", "a version that does not know the function")
}

func one(t *testing.T, h *harness, kind snapshot.ObjectKind, name string) snapshot.Object {
	for _, o := range objectsOf(t, h, database) {
		if o.Kind == kind && o.Name == name {
			return o
		}
	}
	require.Fail(t, "not found", "%s %s", kind, name)
	return snapshot.Object{}
}

func active(t *testing.T, h *harness, name string) string {
	return one(t, h, snapshot.MaterializedView, name).Settings["active"]
}

var inPlace = cluster.Renaming{From: database, To: database}

// Trap 8: a native RESTORE replaces what is there, whatever it is. A view that is replaced sets materialized views on it inactive, even by the same text.
func TestEqualViewIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	layered(h)
	z := one(t, h, snapshot.View, "z")
	note, err := keeperOf(h).PutObject(t.Context(), z, inPlace)
	require.NoError(t, err)
	require.Empty(t, note)
	require.Equal(t, "true", active(t, h, "y"))

	h.Exec("ALTER VIEW db.z AS SELECT k, 1 AS n FROM db.t") // loses the comment, too
	require.Equal(t, "false", active(t, h, "y"))
	_, err = keeperOf(h).PutObject(t.Context(), z, inPlace)
	require.NoError(t, err)
	require.Equal(t, z, one(t, h, snapshot.View, "z"))
}

// Trap: CREATE OR REPLACE VIEW keeps the security of the view that was there.
func TestSecurityOfAViewComesBack(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec(define(clustertest.Plain, "t"))
	h.Exec("CREATE VIEW db.v COMMENT 'c' SECURITY INVOKER AS SELECT k FROM db.t")
	v := one(t, h, snapshot.View, "v")
	h.Exec("DROP VIEW db.v")
	h.Exec("CREATE VIEW db.v AS SELECT 1 AS one")
	for range 2 {
		_, err := keeperOf(h).PutObject(t.Context(), v, inPlace)
		require.NoError(t, err)
		require.Equal(t, v, one(t, h, snapshot.View, "v"))
	}
}

func TestObjectOfAnotherKindIsNotReplaced(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	layered(h)
	z, y := one(t, h, snapshot.View, "z"), one(t, h, snapshot.MaterializedView, "y")
	for name, o := range map[string]snapshot.Object{"t": z, "y": z, "z": y} {
		r := cluster.Renaming{From: database, To: database, Tables: map[string]string{o.Name: name}}
		_, err := keeperOf(h).CheckObject(t.Context(), o, r)
		require.ErrorIs(t, err, cluster.ErrExists, name)
		_, err = keeperOf(h).PutObject(t.Context(), o, r)
		require.ErrorIs(t, err, cluster.ErrRejected, name)
	}
	require.Equal(t, z, one(t, h, snapshot.View, "z"))
}

func TestCheckFindsWhatCannotBePutAndChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	layered(h)
	before := objectsOf(t, h, database)
	z := one(t, h, snapshot.View, "z")
	broken := z
	broken.DDL += " FROM FROM"
	_, err := keeperOf(h).CheckObject(t.Context(), broken, cluster.Renaming{From: database, To: "nowhere"})
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	note, err := keeperOf(h).CheckObject(t.Context(), z, cluster.Renaming{From: database, To: "nowhere"})
	require.NoError(t, err, "a database that is not there yet")
	require.Empty(t, note)
	require.Equal(t, before, objectsOf(t, h, database))
}

// rowsOf reads a column of all rows.
func rowsOf(t *testing.T, h *harness, statement string) []string {
	r, err := h.admin.Query(t.Context(), statement)
	require.NoError(t, err)
	defer r.Close()
	var all []string
	var b snapshot.Batch
	for r.Next(&b) == nil {
		for i := range b.Rows() {
			all = append(all, string(b.Columns[0].Value(i)))
		}
	}
	return all
}

func TestMaterializedViewTakesThePlaceOfAnotherOneAtOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	layered(h)
	y := one(t, h, snapshot.MaterializedView, "y")
	h.Exec("DROP MATERIALIZED VIEW db.y")
	h.Exec("CREATE MATERIALIZED VIEW db.y DISTRIBUTED BY HASH(k) BUCKETS 1 REFRESH DEFERRED MANUAL PROPERTIES ('replication_num' = '1') AS SELECT k, 0 AS n FROM db.t")
	h.Exec("CREATE MATERIALIZED VIEW db.__starkeep_mv_y DISTRIBUTED BY HASH(k) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT k FROM db.t") // an attempt that died
	for _, broken := range []string{"", " SWAP WITH ", "DROP MATERIALIZED VIEW IF EXISTS"} {
		if broken != "" { // the answer of a step is lost, and the attempt is made again
			_, err := h.server.Faults().Add(fault.Rule{Kind: fault.SQL, Contains: broken, Action: fault.CutAfter})
			require.NoError(t, err)
			_, err = keeperOf(h).PutObject(t.Context(), y, inPlace)
			require.ErrorIs(t, err, cluster.ErrUnreachable)
		}
		_, err := keeperOf(h).PutObject(t.Context(), y, inPlace)
		require.NoError(t, err)
		require.Equal(t, y, one(t, h, snapshot.MaterializedView, "y"))
		_, others, err := h.Cluster.Tables(t.Context(), database)
		require.NoError(t, err)
		require.NotContains(t, others, "materialized view __starkeep_mv_y", "what was replaced is gone")
		h.Exec("DROP MATERIALIZED VIEW db.y")
		h.Exec("CREATE MATERIALIZED VIEW db.y DISTRIBUTED BY HASH(k) BUCKETS 2 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT k, 2 AS n FROM db.t")
	}
}

// Privileges on a materialized view itself are kept by its id, which a swap changes.
func TestReplacedMaterializedViewKeepsItsGrants(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	layered(h)
	y := one(t, h, snapshot.MaterializedView, "y")
	h.Exec("DROP MATERIALIZED VIEW db.y")
	h.Exec("CREATE MATERIALIZED VIEW db.y DISTRIBUTED BY HASH(k) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT k, 0 AS n FROM db.t")
	h.Exec("GRANT SELECT ON MATERIALIZED VIEW db.y TO USER 'stranger'@'%'")
	_, err := keeperOf(h).PutObject(t.Context(), y, inPlace)
	require.NoError(t, err)
	require.Equal(t, y, one(t, h, snapshot.MaterializedView, "y"))
	require.Equal(t, []string{"SELECT"}, rowsOf(t, h, "SELECT PRIVILEGE_TYPE FROM sys.grants_to_users WHERE OBJECT_NAME = 'y'"))
}

// RESTORE … EXTERNAL CATALOG (lake AS pond), ALL ROLES: who might use lake may use pond.
func TestGrantsFollowACatalogToItsNewName(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec("CREATE EXTERNAL CATALOG lake PROPERTIES ('type' = 'hive', 'hive.metastore.uris' = 'thrift://127.0.0.1:9083')")
	for _, s := range []string{"CREATE ROLE r", "GRANT USAGE ON CATALOG lake TO ROLE r", "GRANT CREATE DATABASE ON CATALOG default_catalog TO ROLE r"} {
		h.Exec(s)
	}
	list := objectsOf(t, h, "", snapshot.Catalog, snapshot.Role)
	h.Exec("DROP ROLE r")
	h.Exec("DROP CATALOG lake")
	for _, o := range list {
		note, err := keeperOf(h).PutObject(t.Context(), o, cluster.Renaming{Others: map[string]string{"lake": "pond"}})
		require.NoError(t, err)
		require.NotContains(t, note, "refused")
	}
	for i, o := range objectsOf(t, h, "", snapshot.Catalog, snapshot.Role) {
		if o.Name == "r" {
			require.Equal(t, strings.Split(strings.ReplaceAll(strings.Join(list[i].Grants, "\n"), "`lake`", "`pond`"), "\n"), o.Grants)
			require.Len(t, o.Grants, 2)
		}
	}
}

func TestResourceGroupThatDiffersIsReplaced(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec("CREATE RESOURCE GROUP g TO (user='ann') WITH ('cpu_weight' = '2', 'mem_limit' = '30%')")
	was := objectsOf(t, h, "", snapshot.ResourceGroup)
	h.Exec("DROP RESOURCE GROUP g")
	h.Exec("CREATE RESOURCE GROUP g TO (user='bob'), (role='r') WITH ('cpu_weight' = '1', 'mem_limit' = '20%')")
	for range 2 {
		_, err := keeperOf(h).PutObject(t.Context(), was[0], cluster.Renaming{})
		require.NoError(t, err)
		require.Equal(t, was, objectsOf(t, h, "", snapshot.ResourceGroup))
	}
}

func TestMaterializedViewThatCannotBeReplacedLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	layered(h)
	y := one(t, h, snapshot.MaterializedView, "y")
	h.Exec("DROP MATERIALIZED VIEW db.y")
	h.Exec("CREATE MATERIALIZED VIEW db.y DISTRIBUTED BY HASH(k) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1', 'unique_constraints' = 'db.t.k') AS SELECT k, 0 AS n FROM db.t")
	_, err := keeperOf(h).PutObject(t.Context(), y, inPlace)
	require.ErrorIs(t, err, cluster.ErrRejected, "a swap wants equal constraints")
	_, others, err := h.Cluster.Tables(t.Context(), database)
	require.NoError(t, err)
	require.Contains(t, others, "materialized view y")
	require.NotContains(t, others, "materialized view __starkeep_mv_y")
}

func TestInactiveMaterializedViewStaysInactiveAndIsTold(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	layered(h)
	h.Exec("ALTER MATERIALIZED VIEW db.w INACTIVE")
	w := one(t, h, snapshot.MaterializedView, "w")
	require.Equal(t, "false", w.Settings["active"])
	require.NotEmpty(t, w.Settings["inactive_reason"])
	require.NoError(t, keeperOf(h).DropObject(t.Context(), database, w))
	note, err := keeperOf(h).PutObject(t.Context(), w, inPlace)
	require.NoError(t, err)
	require.Contains(t, note, "ALTER MATERIALIZED VIEW `db`.`w` ACTIVE")
	require.Equal(t, "false", active(t, h, "w"))
}

// Trap 13: a swap of a table makes what reads it inactive, through views and other materialized views, in other databases too.
func TestMaterializedViewsOnASwappedTableAreFoundAndActivated(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	layered(h)
	h.Exec("CREATE DATABASE other")
	h.Exec(define(clustertest.Plain, "u"))
	h.Exec("CREATE MATERIALIZED VIEW other.far DISTRIBUTED BY HASH(k) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT x.k FROM db.x")
	h.Exec("CREATE MATERIALIZED VIEW other.near DISTRIBUTED BY HASH(k) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS WITH t AS (SELECT k FROM db.u) SELECT k FROM t")
	dependents, err := keeperOf(h).Dependents(t.Context(), database, []string{"t"})
	require.NoError(t, err)
	require.ElementsMatch(t, []cluster.Dependent{{Database: "db", Name: "y"}, {Database: "db", Name: "w"}, {Database: "other", Name: "far"}}, dependents)
	require.Equal(t, cluster.Dependent{Database: "db", Name: "y"}, dependents[0], "the others read it")
	none, err := keeperOf(h).Dependents(t.Context(), "other", []string{"t"})
	require.NoError(t, err)
	require.Empty(t, none)

	h.Exec(define(clustertest.Plain, "shadow"))
	h.Exec("INSERT INTO db.shadow VALUES (7, 'new')")
	h.Exec("ALTER TABLE db.t SWAP WITH shadow")
	require.Equal(t, "false", active(t, h, "y"))
	require.Equal(t, []string{"1", "2"}, rowsOf(t, h, "SELECT k FROM db.y ORDER BY k"))
	for _, d := range dependents {
		note, err := keeperOf(h).Activate(t.Context(), d, true)
		require.NoError(t, err)
		require.Empty(t, note)
	}
	require.Equal(t, "true", active(t, h, "w"))
	require.Equal(t, []string{"7"}, rowsOf(t, h, "SELECT k FROM db.y ORDER BY k"))
	require.Equal(t, []string{"7"}, rowsOf(t, h, "SELECT k FROM other.far ORDER BY k"))

	h.Exec("DROP TABLE db.t")
	note, err := keeperOf(h).Activate(t.Context(), dependents[0], false)
	require.NoError(t, err)
	require.Contains(t, note, "ALTER MATERIALIZED VIEW `db`.`y` ACTIVE tries again")
	_, err = keeperOf(h).Activate(t.Context(), cluster.Dependent{Database: "db", Name: "nothing"}, false)
	require.ErrorIs(t, err, cluster.ErrUnknownTable)
	_, err = h.Down.(*starrocks.Cluster).Activate(t.Context(), dependents[0], false)
	require.ErrorIs(t, err, cluster.ErrUnreachable)
}

// Trap 7: a native backup holds no users, roles, grants or resource groups.
func TestUsersRolesCatalogsAndGroupsMoveToAnotherCluster(t *testing.T) {
	t.Parallel()
	from, to := newHarness(t), newHarness(t)
	for _, h := range []*harness{from, to} {
		h.Exec(define(clustertest.Plain, "t"))
		h.Exec("CREATE VIEW db.v AS SELECT k FROM db.t")
	}
	const secret = "the secret of ann"
	for _, s := range []string{
		"CREATE EXTERNAL CATALOG lake COMMENT 'a lake' PROPERTIES ('type' = 'hive', 'hive.metastore.uris' = 'thrift://127.0.0.1:9083', 'aws.s3.access_key' = '" + secret + "', 'aws.s3.secret_key' = 'abc')",
		"CREATE ROLE b_reader COMMENT 'may read'",
		"CREATE ROLE a_writer",
		"GRANT b_reader TO ROLE a_writer",
		"GRANT SELECT ON ALL TABLES IN DATABASE db TO ROLE b_reader WITH GRANT OPTION",
		"GRANT INSERT, DELETE ON TABLE db.t TO ROLE a_writer",
		"GRANT USAGE ON CATALOG lake TO ROLE b_reader",
		"CREATE USER 'ann'@'%' IDENTIFIED BY '" + secret + "'",
		"CREATE USER 'bob'@'10.%'",
		"GRANT a_writer TO 'ann'@'%'",
		"GRANT b_reader TO 'ann'@'%'",
		"SET DEFAULT ROLE a_writer TO 'ann'@'%'",
		"GRANT b_reader TO 'bob'@'10.%'",
		"GRANT SELECT ON VIEW db.v TO USER 'bob'@'10.%'",
		"GRANT IMPERSONATE ON USER 'bob'@'10.%' TO USER 'ann'@'%'",
		"ALTER USER 'ann'@'%' SET PROPERTIES ('max_user_connections' = '7')",
		"CREATE RESOURCE GROUP nightly TO (user='ann'), (role='b_reader', source_ip='10.0.0.0/8', query_type in ('select')) WITH ('cpu_weight' = '2', 'mem_limit' = '30%', 'concurrency_limit' = '5')",
	} {
		from.Exec(s)
	}
	all := objectsOf(t, from, "")
	require.Equal(t, []string{"catalog lake", "role b_reader", "role a_writer", "user 'ann'@'%'", "user 'bob'@'10.%'", "user 'stranger'@'%'", "resource group nightly"},
		slices.DeleteFunc(names(all), func(n string) bool { return n == "role public" }))
	require.NotContains(t, fmt.Sprint(all), secret)
	require.Equal(t, []string{"resource group nightly"}, names(objectsOf(t, from, "", snapshot.ResourceGroup)))

	supplied := map[string]map[string]string{"lake": {"aws.s3.access_key": "key", "aws.s3.secret_key": secret}, "'ann'@'%'": {"password": secret}}
	for _, o := range all {
		_, err := keeperOf(to).CheckObject(t.Context(), o, cluster.Renaming{Supplied: supplied[o.Name]})
		require.NoError(t, err, o.String())
	}
	for range 2 {
		for _, o := range all {
			note, err := keeperOf(to).PutObject(t.Context(), o, cluster.Renaming{Supplied: supplied[o.Name]})
			require.NoError(t, err, o.String())
			require.NotContains(t, note, "refused", o.String())
		}
	}
	require.Equal(t, all, objectsOf(t, to, ""))
	for user, grant := range map[string]string{"'ann'@'%'": "SET DEFAULT ROLE `a_writer` TO 'ann'@'%'", "'bob'@'10.%'": "SET DEFAULT ROLE NONE TO 'bob'@'10.%'"} {
		require.True(t, slices.ContainsFunc(all, func(o snapshot.Object) bool { return o.Name == user && slices.Contains(o.Grants, grant) }), grant)
	}
	ann := connect(t, to.server.SQLAddr(), to.server.HTTPAddr(), "ann", secret)
	n, err := ann.Count(t.Context(), database, "t", "", false)
	require.NoError(t, err)
	require.Zero(t, n)
}

// Trap 11: no SQL reads a password, and SHOW CREATE CATALOG masks credentials.
func TestWhatIsMaskedIsAskedForOrSaid(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec("CREATE EXTERNAL CATALOG lake PROPERTIES ('type' = 'hive', 'hive.metastore.uris' = 'thrift://127.0.0.1:9083', 'aws.s3.access_key' = 'abcdefgh')")
	h.Exec("CREATE USER 'ann'@'%' IDENTIFIED BY 'x'")
	var lake, ann snapshot.Object
	for _, o := range objectsOf(t, h, "") {
		switch o.Name {
		case "lake":
			lake = o
		case "'ann'@'%'":
			ann = o
		}
	}
	require.Equal(t, []string{"aws.s3.access_key"}, lake.Masked)
	require.Equal(t, []string{"password"}, ann.Masked)
	note, err := keeperOf(h).PutObject(t.Context(), lake, cluster.Renaming{})
	require.NoError(t, err)
	require.Contains(t, note, "left alone")
	note, err = keeperOf(h).PutObject(t.Context(), ann, cluster.Renaming{})
	require.NoError(t, err)
	require.Contains(t, note, "keeps its password")

	_, err = keeperOf(h).PutObject(t.Context(), lake, cluster.Renaming{Others: map[string]string{"lake": "pond"}})
	require.ErrorIs(t, err, cluster.ErrRejected)
	require.ErrorContains(t, err, `"catalog.lake.aws.s3.access_key"`)
	_, err = keeperOf(h).PutObject(t.Context(), lake, cluster.Renaming{Others: map[string]string{"lake": "pond"}, Supplied: map[string]string{"aws.s3.access_key": "s"}})
	require.NoError(t, err)
	h.Exec("DROP CATALOG pond")
	h.Exec("CREATE EXTERNAL CATALOG pond PROPERTIES ('type' = 'hive', 'hive.metastore.uris' = 'thrift://127.0.0.1:1')")
	_, err = keeperOf(h).CheckObject(t.Context(), lake, cluster.Renaming{Others: map[string]string{"lake": "pond"}, Supplied: map[string]string{"aws.s3.access_key": "s"}})
	require.ErrorIs(t, err, cluster.ErrExists, "another one is never replaced")

	h.Exec("DROP USER 'ann'@'%'")
	note, err = keeperOf(h).PutObject(t.Context(), ann, cluster.Renaming{})
	require.NoError(t, err)
	require.Contains(t, note, "ALTER USER 'ann'@'%' IDENTIFIED BY")
	_, err = connect(t, h.server.SQLAddr(), h.server.HTTPAddr(), "ann", "").Info(t.Context())
	require.ErrorIs(t, err, cluster.ErrDenied, "its password is not an empty one")
}

// No statement prints default roles: a session that becomes the user has them.
func TestDefaultRolesComeBackWithTheUserOrAreTold(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	user := func() snapshot.Object {
		all := objectsOf(t, h, "", snapshot.User)
		return all[slices.IndexFunc(all, func(o snapshot.Object) bool { return o.Name == "'ann'@'%'" })]
	}
	put := func(o snapshot.Object) string {
		note, err := keeperOf(h).PutObject(t.Context(), o, cluster.Renaming{})
		require.NoError(t, err)
		return note
	}
	for _, s := range []string{"CREATE ROLE r1", "CREATE ROLE r2", "CREATE USER 'ann'@'%'", "GRANT r1, r2 TO 'ann'@'%'", "SET DEFAULT ROLE r2 TO 'ann'@'%'"} {
		h.Exec(s)
	}
	was := user()
	h.Exec("SET DEFAULT ROLE r1 TO 'ann'@'%'")
	put(was)
	require.Contains(t, user().Grants, "SET DEFAULT ROLE `r1` TO 'ann'@'%'", "a user that is there keeps its own")
	h.Exec("DROP USER 'ann'@'%'")
	require.Empty(t, put(was))
	require.Equal(t, was, user())

	h.Exec("DROP USER 'ann'@'%'")
	h.Exec("DROP ROLE r2")
	note := put(was)
	require.Contains(t, note, "it had the default roles `r2`, which are not here")
	require.Equal(t, []string{"GRANT `r1` TO USER 'ann'@'%'", "SET DEFAULT ROLE NONE TO 'ann'@'%'"}, user().Grants, "a role that is gone keeps off no other")

	h.Exec("SET GLOBAL activate_all_roles_on_login = TRUE") // then nothing tells them
	c := connect(t, h.server.SQLAddr(), h.server.HTTPAddr(), "root", password)
	all, err := c.Objects(t.Context(), "", cluster.Collection{Users: true, Kinds: []snapshot.ObjectKind{snapshot.User}})
	require.NoError(t, err)
	ann := all[slices.IndexFunc(all, func(o snapshot.Object) bool { return o.Name == "'ann'@'%'" })]
	require.Equal(t, []string{"GRANT `r1` TO USER 'ann'@'%'"}, ann.Grants)
	h.Exec("DROP USER 'ann'@'%'")
	require.Contains(t, put(ann), "could not be read from the cluster: none is, ALTER USER 'ann'@'%' DEFAULT ROLE ALL")
}

func TestGrantOnWhatIsNotThereIsTold(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	o := snapshot.Object{Kind: snapshot.Role, Name: "r", DDL: "CREATE ROLE `r`", Grants: []string{
		"GRANT SELECT ON TABLE `db`.`gone` TO ROLE `r`", "SET CATALOG `nowhere`; GRANT USAGE ON CATALOG `nowhere` TO ROLE `r`", "GRANT OPERATE ON SYSTEM TO ROLE `r`"}}
	note, err := keeperOf(h).PutObject(t.Context(), o, cluster.Renaming{})
	require.NoError(t, err)
	require.Contains(t, note, "refused: GRANT SELECT ON TABLE `db`.`gone`")
	require.Contains(t, note, "refused: SET CATALOG `nowhere`")
	require.Equal(t, []string{"GRANT OPERATE ON SYSTEM TO ROLE `r`"}, slices.DeleteFunc(objectsOf(t, h, "", snapshot.Role), func(o snapshot.Object) bool { return o.Name != "r" })[0].Grants)
}

// Privileges on a table itself are kept by its id: after a swap the live name has none, and dropping the old table loses them.
func TestSwapLosesNoGrants(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec(define(clustertest.Plain, "t"))
	h.Exec("CREATE ROLE reader")
	h.Exec("GRANT SELECT ON TABLE db.t TO ROLE reader WITH GRANT OPTION")
	h.Exec("GRANT SELECT, INSERT ON TABLE db.t TO USER 'stranger'@'%'")
	h.Exec("GRANT SELECT ON ALL VIEWS IN DATABASE db TO USER 'stranger'@'%'")
	h.Exec(define(clustertest.Plain, "shadow"))
	before := rowsOf(t, h, "SELECT PRIVILEGE_TYPE FROM sys.grants_to_users WHERE OBJECT_NAME = 't'")
	require.NotEmpty(t, before)
	for range 2 {
		notes, err := keeperOf(h).CarryGrants(t.Context(), database, map[string]string{"t": "shadow"})
		require.NoError(t, err)
		require.Empty(t, notes)
	}
	h.Exec("ALTER TABLE db.t SWAP WITH shadow")
	h.Exec("DROP TABLE db.shadow FORCE")
	require.Equal(t, before, rowsOf(t, h, "SELECT PRIVILEGE_TYPE FROM sys.grants_to_users WHERE OBJECT_NAME = 't'"))
	_, err := h.Stranger.Count(t.Context(), database, "t", "", false)
	require.NoError(t, err)

	notes, err := h.Stranger.(*starrocks.Cluster).CarryGrants(t.Context(), database, map[string]string{"t": "shadow"})
	require.NoError(t, err)
	require.Contains(t, strings.Join(notes, "; "), "user_admin", "who may not read grants says so")
}

// What is named as missing is what it takes: with it, objects can be read and put.
func TestPrivilegesThatAreNamedAreEnoughForObjects(t *testing.T) {
	t.Parallel()
	h, _ := withFunctions(t)
	layered(h)
	h.Exec("ALTER VIEW db.z SET SECURITY INVOKER")
	h.Exec("CREATE GLOBAL FUNCTION next(x BIGINT) RETURNS x + 1")
	h.Exec("CREATE EXTERNAL CATALOG lake PROPERTIES ('type' = 'hive', 'hive.metastore.uris' = 'thrift://127.0.0.1:9083')")
	h.Exec("CREATE RESOURCE GROUP nightly TO (user='stranger') WITH ('cpu_weight' = '2', 'mem_limit' = '30%')")
	h.Exec("CREATE USER 'keeper'@'%' IDENTIFIED BY 'k'")
	k := connect(t, h.server.SQLAddr(), h.server.HTTPAddr(), "keeper", "k")
	h.Exec("GRANT CREATE TABLE ON ALL DATABASES TO USER 'keeper'@'%'") // something, so that the database can be seen
	kinds := []snapshot.ObjectKind{snapshot.View, snapshot.MaterializedView, snapshot.Function}
	give := func(a cluster.Audit) {
		missing, err := k.Missing(t.Context(), a)
		require.NoError(t, err)
		require.NotEmpty(t, missing)
		for _, p := range missing {
			h.Exec(p.Grant)
		}
		missing, err = k.Missing(t.Context(), a)
		require.NoError(t, err)
		require.Empty(t, missing)
	}
	give(cluster.Audit{Purpose: cluster.ForBackup, Database: database, Kinds: kinds})
	list, err := k.Objects(t.Context(), database, cluster.Collection{})
	require.NoError(t, err)
	require.Equal(t, []string{"function f", "function f", "function plus", "view z", "materialized view y", "materialized view w", "view x"}, names(list))

	give(cluster.Audit{Purpose: cluster.ForRestore, Database: "other", Kinds: kinds})
	require.NoError(t, k.CreateDatabase(t.Context(), "other"))
	r := cluster.Renaming{From: database, To: "other"}
	h.Exec(replaced(define(clustertest.Plain, "t"), "db.`t`", "other.`t`"))
	for range 2 {
		for _, o := range list {
			_, err := k.PutObject(t.Context(), o, r)
			require.NoError(t, err, o.String())
		}
		note, err := k.Activate(t.Context(), cluster.Dependent{Database: "other", Name: "y"}, true)
		require.NoError(t, err)
		require.Empty(t, note, "it is refreshed")
		h.Exec("ALTER VIEW other.z AS SELECT k, 7 AS n FROM other.t")
		h.Exec("ALTER VIEW other.z SET SECURITY NONE")
	}

	global := []snapshot.ObjectKind{snapshot.User, snapshot.Role, snapshot.Catalog, snapshot.ResourceGroup, snapshot.GlobalFunction}
	give(cluster.Audit{Purpose: cluster.ForBackup, Kinds: global})
	list, err = k.Objects(t.Context(), "", cluster.Collection{Kinds: global})
	require.NoError(t, err)
	require.Subset(t, names(list), []string{"catalog lake", "global function next", "resource group nightly"})
	give(cluster.Audit{Purpose: cluster.ForRestore, Kinds: global})
	list = slices.DeleteFunc(list, func(o snapshot.Object) bool { return o.Kind == snapshot.User || o.Kind == snapshot.Role })
	for _, o := range append(list, snapshot.Object{Kind: snapshot.Role, Name: "r", DDL: "CREATE ROLE `r`"}) {
		if o.Kind != snapshot.Role {
			require.NoError(t, h.Cluster.(*starrocks.Cluster).DropObject(t.Context(), "", o))
		}
		_, err = k.PutObject(t.Context(), o, cluster.Renaming{})
		require.NoError(t, err, o.String())
	}
}

func TestNamedViewAsksForThePrivilegeOnAView(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	layered(h)
	h.Exec("GRANT OPERATE ON SYSTEM TO USER 'stranger'@'%'")
	h.Exec("GRANT SELECT ON ALL VIEWS IN DATABASE db TO USER 'stranger'@'%'")
	h.Exec("GRANT SELECT ON ALL MATERIALIZED VIEWS IN DATABASE db TO USER 'stranger'@'%'")
	missing, err := h.Stranger.Missing(t.Context(), cluster.Audit{Purpose: cluster.ForBackup, Database: database, Tables: []string{"z", "y"}})
	require.NoError(t, err)
	require.Empty(t, missing)
	missing, err = h.Stranger.Missing(t.Context(), cluster.Audit{Purpose: cluster.ForBackup, Database: database, Tables: []string{"z", "t"}})
	require.NoError(t, err)
	require.Len(t, missing, 1)
	require.Contains(t, missing[0].Grant, "TABLE `db`.`t`")
}

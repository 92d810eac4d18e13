package starrocks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/cluster/clustertest"
	"starkeep/cluster/starrocks"
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

// A view that is replaced sets materialized views on it inactive, even by the same text.
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

// A swap of a table makes what reads it inactive, through views and other materialized views, in other databases too.
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

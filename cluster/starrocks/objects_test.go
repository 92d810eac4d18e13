package starrocks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/cluster/clustertest"
	"starkeep/cluster/starrocks"
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
	require.Contains(t, again[0].DDL, "SELECT `renamed`.k, count(*) FROM `other`.`renamed` GROUP BY `renamed`.k")
	require.Contains(t, again[0].DDL, "COMMENT \"the key\"")
	require.Contains(t, again[3].DDL, "SELECT `y2`.k, 'db.y' AS text FROM `other`.`y2`")
}

func replaced(s, old, now string) string { return strings.Replace(s, old, now, 1) }

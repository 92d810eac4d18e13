package starrocks_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// Trap: values that are loaded do not move the counter of AUTO_INCREMENT.
func TestAutoIncrementGoesOnBehindTheRestoredValues(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.Exec("CREATE TABLE db.t (`k` int NOT NULL, `id` bigint NOT NULL AUTO_INCREMENT) DUPLICATE KEY(`k`) DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")")
	table := h.described(t, "t")
	h.fill(t, "t", "l", table.Columns, values{{"1", "1000"}})
	for range 2 {
		require.NoError(t, h.Cluster.(cluster.Finisher).Finish(t.Context(), database, table, "t"))
	}
	h.Exec("INSERT INTO db.t (k) VALUES (2)")
	var id int64
	_, err := fmt.Sscan(h.printed(t, "SELECT id FROM db.t WHERE k = 2")[0], &id)
	require.NoError(t, err)
	require.Greater(t, id, int64(1000))
}

const rolledUp = "CREATE TABLE db.t (`k` int NOT NULL, `v` int NULL, `w` int NULL) DUPLICATE KEY(`k`) DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")"

// rollUp gives t a rollup and a synchronous materialized view, and waits for both.
func (h *harness) rollUp(t *testing.T) snapshot.Table {
	h.Exec(rolledUp)
	h.Exec("ALTER TABLE db.t ADD ROLLUP r (`v`, `k`) DUPLICATE KEY (`v`)")
	h.await(t, "r")
	h.Exec("CREATE MATERIALIZED VIEW db.mv AS\nSELECT k, SUM(v) FROM db.t GROUP BY k")
	h.await(t, "mv")
	return h.described(t, "t")
}

func (h *harness) await(t *testing.T, index string) {
	require.Eventually(t, func() bool {
		rows := h.list(t, "SHOW ALTER TABLE ROLLUP FROM db")
		return slices.ContainsFunc(rows, func(r []string) bool { return slices.Contains(r, index) && slices.Contains(r, "FINISHED") })
	}, 20*time.Second, 10*time.Millisecond)
}

// list reads all rows of a statement.
func (h *harness) list(t *testing.T, statement string) [][]string {
	r, err := h.admin.Query(context.Background(), statement)
	require.NoError(t, err, statement)
	defer r.Close()
	r.AllowSurplus()
	var all [][]string
	var b snapshot.Batch
	for r.Next(&b) == nil {
		for i := range b.Rows() {
			var row []string
			for j := range b.Columns {
				row = append(row, string(b.Columns[j].Value(i)))
			}
			all = append(all, row)
		}
	}
	return all
}

// Trap 11: SHOW CREATE TABLE omits rollups and synchronous materialized views, and a SWAP brings those of the table that takes its place.
func TestRollupsComeBackBeforeTheSwap(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	table := h.rollUp(t)
	require.Equal(t, []snapshot.Rollup{
		{Name: "mv", DDL: "CREATE MATERIALIZED VIEW db.mv AS\nSELECT k, SUM(v) FROM db.t GROUP BY k"},
		{Name: "r", DDL: "ALTER TABLE `t` ADD ROLLUP `r` (`v`, `k`) DUPLICATE KEY (`v`)"},
	}, sortedRollups(table))
	id, err := h.Cluster.CreateTable(t.Context(), database, table, cluster.TableOptions{Name: "__starkeep_s"})
	require.NoError(t, err)
	h.fill(t, "__starkeep_s", "l", table.Columns, values{{"1", "2", "3"}, {"1", "3", nil}})
	for range 2 {
		require.NoError(t, h.Cluster.(cluster.Finisher).Finish(t.Context(), database, table, "__starkeep_s"))
	}
	p := cluster.Publication{Database: database, Table: "t", Shadow: "__starkeep_s", ShadowID: id, LiveID: table.ID, Retired: "__starkeep_r"}
	require.NoError(t, h.Cluster.Publish(t.Context(), p))
	require.NoError(t, h.Cluster.DropRetired(t.Context(), p))
	again := h.described(t, "t")
	var names []string
	for _, r := range sortedRollups(again) {
		names = append(names, r.Name)
		require.NotContains(t, r.DDL, "__starkeep_", "the statement names the table as it is called now")
	}
	require.Equal(t, []string{"mv", "r"}, names)
	// and once more, from what was restored
	_, err = h.Cluster.CreateTable(t.Context(), database, again, cluster.TableOptions{Name: "__starkeep_2"})
	require.NoError(t, err)
	require.NoError(t, h.Cluster.(cluster.Finisher).Finish(t.Context(), database, again, "__starkeep_2"))
}

func sortedRollups(t snapshot.Table) []snapshot.Rollup {
	list := slices.Clone(t.Rollups)
	slices.SortFunc(list, func(a, b snapshot.Rollup) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Constraints name tables in full. Those of a restored table name the tables of its own restore: under a new name, too, and
// though parents are not there yet when it is built.
func TestConstraintsNameTheTablesOfTheirOwnRestore(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	ctx, referrer := t.Context(), h.Cluster.(cluster.Referrer)
	h.Exec("CREATE DATABASE other")
	h.Exec(`CREATE TABLE db.parent (k int NOT NULL) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ("replication_num" = "1", "unique_constraints" = "k")`)
	h.Exec(`CREATE TABLE db.child (k int NOT NULL) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ("replication_num" = "1", "foreign_key_constraints" = "(k) REFERENCES db.parent(k)")`)
	parent, child := h.described(t, "parent"), h.described(t, "child")
	require.Contains(t, child.DDL, "REFERENCES default_catalog.db.parent(k)")
	h.Exec("DROP TABLE db.parent FORCE")
	put := func(table snapshot.Table, name string) snapshot.Table {
		id, err := h.Cluster.CreateTable(ctx, "other", table, cluster.TableOptions{Name: "__starkeep_" + name})
		require.NoError(t, err)
		require.NoError(t, h.Cluster.Publish(ctx, cluster.Publication{Database: "other", Table: name, Shadow: "__starkeep_" + name, ShadowID: id}))
		require.True(t, referrer.Refers(table))
		table.Name = name
		return table
	}
	printed := func(name string) string { return h.printed(t, "SHOW CREATE TABLE other."+name)[1] }
	r := cluster.Renaming{From: database, To: "other", Tables: map[string]string{"parent": "elders"}}
	live := []snapshot.Table{put(child, "child")} // before its parent
	notes, err := referrer.Refer(ctx, live, r)
	require.NoError(t, err)
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], "default_catalog.other.elders")
	live = append(live, put(parent, "elders"))
	for range 2 {
		notes, err = referrer.Refer(ctx, live, r)
		require.NoError(t, err)
		require.Empty(t, notes)
		require.Contains(t, printed("child"), `"(k) REFERENCES default_catalog.other.elders(k)"`)
		require.Contains(t, printed("elders"), `"unique_constraints" = "default_catalog.other.elders.k"`)
	}
}

// Trap: a cluster drops partitions that are older than its schedule, restored ones too.
func TestOldPartitionsAreNotEatenAfterTheRestore(t *testing.T) {
	t.Parallel()
	for _, properties := range []string{
		`"dynamic_partition.enable" = "true", "dynamic_partition.time_unit" = "DAY", "dynamic_partition.start" = "-3", "dynamic_partition.end" = "1", "dynamic_partition.prefix" = "p"`,
		`"partition_live_number" = "1"`,
	} {
		h := newHarness(t)
		h.Exec(`CREATE TABLE db.t (d date NOT NULL) DUPLICATE KEY(d) PARTITION BY RANGE(d) (PARTITION p20200101 VALUES [("2020-01-01"), ("2020-01-02")), ` +
			`PARTITION p20200102 VALUES [("2020-01-02"), ("2020-01-03"))) DISTRIBUTED BY HASH(d) BUCKETS 1 PROPERTIES ("replication_num" = "1")`)
		table := h.described(t, "t")
		require.Len(t, table.Partitions, 2)
		table.DDL = strings.Replace(table.DDL, "PROPERTIES (\n", "PROPERTIES (\n"+properties+",\n", 1) // as the source had it
		id, err := h.Cluster.CreateTable(t.Context(), database, table, cluster.TableOptions{Name: "__starkeep_s"})
		require.NoError(t, err)
		h.fill(t, "__starkeep_s", "l", table.Columns, values{{"2020-01-01"}, {"2020-01-02"}})
		h.server.SchedulePartitions(time.Now())
		require.Len(t, h.described(t, "__starkeep_s").Partitions, 2, "while it is built")
		p := cluster.Publication{Database: database, Table: "t", Shadow: "__starkeep_s", ShadowID: id, LiveID: table.ID, Retired: "__starkeep_r", Properties: h.Cluster.Withheld(table)}
		require.Empty(t, p.Properties)
		notes := h.Cluster.Notes(table)
		require.Len(t, notes, 1)
		require.NoError(t, h.Cluster.Publish(t.Context(), p))
		h.server.SchedulePartitions(time.Now())
		require.Len(t, h.described(t, "t").Partitions, 2, properties)
		// what the note says switches it on, and then they are gone
		alter := notes[0][strings.Index(notes[0], "SET "):]
		h.Exec("ALTER TABLE db.t " + alter[:strings.Index(alter, ")")+1])
		h.server.SchedulePartitions(time.Now())
		require.Less(t, len(withRows(h.described(t, "t").Partitions)), 2, properties)
	}
}

func withRows(partitions []snapshot.Partition) []string {
	var names []string
	for _, p := range partitions {
		if !p.Physical[0].Empty {
			names = append(names, p.Name)
		}
	}
	return names
}

func TestTableIsReplacedThoughItsConstraintsWereAlteredSinceTheBackup(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	create := func(name, unique string) snapshot.Table {
		h.Exec("CREATE TABLE db." + name + ` (k int NOT NULL, l int NOT NULL) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ("replication_num" = "1"` + unique + `)`)
		return h.described(t, name)
	}
	referrer := h.Cluster.(cluster.Referrer)
	for name, c := range map[string][2]string{
		"added": {"", `, "unique_constraints" = "k"`}, "dropped": {`, "unique_constraints" = "k"`, ""}, "other": {`, "unique_constraints" = "k"`, `, "unique_constraints" = "l"`},
	} {
		live, was := create(name, c[1]), create(name+"_was", c[0])
		id, err := h.Cluster.CreateTable(t.Context(), database, was, cluster.TableOptions{Name: name + "_shadow"})
		require.NoError(t, err)
		p := cluster.Publication{Database: database, Table: name, Shadow: name + "_shadow", ShadowID: id, LiveID: live.ID, Retired: name + "_old"}
		require.NoError(t, h.Cluster.Publish(t.Context(), p), name)
		got, err := h.Cluster.TableID(t.Context(), database, name)
		require.NoError(t, err)
		require.Equal(t, id, got)
		require.True(t, referrer.Refers(was) || referrer.Refers(live), name)
		was.Name = name
		notes, err := referrer.Refer(t.Context(), []snapshot.Table{was}, cluster.Renaming{From: database, To: database})
		require.NoError(t, err)
		require.Empty(t, notes)
		require.Equal(t, strings.ReplaceAll(was.DDL, name+"_was", name), h.described(t, name).DDL, "with its own constraints in the end")
	}
}

func TestRollupIsNotTakenForOneOfItsNameOnAnotherTable(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, c := range [][2]string{{"a", "(`w`, `k`)"}, {"b", "(`v`, `k`)"}} {
		h.Exec(strings.Replace(rolledUp, "db.t", "db."+c[0], 1))
		h.Exec("ALTER TABLE db." + c[0] + " ADD ROLLUP r " + c[1])
		require.Eventually(t, func() bool {
			return slices.ContainsFunc(h.list(t, "SHOW ALTER TABLE ROLLUP FROM db"), func(r []string) bool {
				return slices.Contains(r, c[0]) && slices.Contains(r, "FINISHED")
			})
		}, 20*time.Second, 10*time.Millisecond)
	}
	for name, column := range map[string]string{"a": "`w`", "b": "`v`"} {
		rollups := h.described(t, name).Rollups
		require.Len(t, rollups, 1)
		require.Contains(t, rollups[0].DDL, "ALTER TABLE `"+name+"` ADD ROLLUP `r` (")
		require.Contains(t, rollups[0].DDL, column)
	}
}

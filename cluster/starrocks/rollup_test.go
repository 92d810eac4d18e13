package starrocks

import (
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

func TestStatementOfASynchronousViewFollowsItsTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ddl, want string }{
		{"CREATE MATERIALIZED VIEW mv AS\nSELECT k, sum(v) FROM t GROUP BY k", "CREATE MATERIALIZED VIEW `db`.`tmp` AS\nSELECT k, sum(v) FROM `db`.`shadow` GROUP BY k"},
		{"create materialized view if not exists d.`mv` as select t.k, `t`.`v`, d.t.x, 'from t' from d.`t` where t.k > 0",
			"create materialized view if not exists `db`.`tmp` as select `db`.`shadow`.k, `db`.`shadow`.`v`, `db`.`shadow`.x, 'from t' from `db`.`shadow` where `db`.`shadow`.k > 0"},
		{"CREATE MATERIALIZED VIEW mv AS SELECT a.k, t FROM t a", "CREATE MATERIALIZED VIEW `db`.`tmp` AS SELECT a.k, t FROM `db`.`shadow` a"},
		{"CREATE MATERIALIZED VIEW mv AS /* FROM old */ SELECT k -- from x\nFROM d.t", "CREATE MATERIALIZED VIEW `db`.`tmp` AS /* FROM old */ SELECT k -- from x\nFROM `db`.`shadow`"},
		{"CREATE MATERIALIZED VIEW mv AS SELECT extract(year FROM d) AS y FROM d.t", "CREATE MATERIALIZED VIEW `db`.`tmp` AS SELECT extract(year FROM d) AS y FROM `db`.`shadow`"},
		{"ALTER TABLE `t` ADD ROLLUP `r` (`k`, `v`)", "ALTER TABLE `db`.`shadow` ADD ROLLUP `tmp` (`k`, `v`)"},
	} {
		got, err := retarget(c.ddl, "shadow", "tmp", "db")
		require.NoError(t, err, c.ddl)
		require.Equal(t, c.want, got)
	}
}

func TestStatementOfASynchronousViewIsDescribedUnderItsNamesOfToday(t *testing.T) {
	t.Parallel()
	const written = "CREATE MATERIALIZED VIEW mv AS SELECT t.k FROM t"
	got, err := retarget(written, "t", "mv", "")
	require.NoError(t, err)
	require.Equal(t, written, got, "as it was written, where nothing was renamed")
	got, err = retarget("CREATE MATERIALIZED VIEW `db`.`__starkeep_s_mv` AS SELECT `db`.`__starkeep_s`.k FROM `db`.`__starkeep_s`", "t", "mv", "")
	require.NoError(t, err)
	require.Equal(t, "CREATE MATERIALIZED VIEW `mv` AS SELECT `t`.k FROM `t`", got)
}

func TestStatementThatIsNoRollupIsRefused(t *testing.T) {
	t.Parallel()
	for _, ddl := range []string{"", "CREATE VIEW v AS SELECT 1", "ALTER TABLE t DROP ROLLUP r", "CREATE MATERIALIZED VIEW mv AS SELECT 1", "CREATE MATERIALIZED VIEW mv AS SELECT 'x FROM t"} {
		_, err := retarget(ddl, "t", "mv", "db")
		require.ErrorIs(t, err, cluster.ErrUnsupported, ddl)
	}
}

func TestRollupKeepsItsKeys(t *testing.T) {
	t.Parallel()
	i := index{name: "r", columns: []string{"b", "a", "v"}, keys: []string{"b", "a"}}
	for model, want := range map[string]string{
		"DUPLICATE": "ALTER TABLE `t` ADD ROLLUP `r` (`b`, `a`, `v`) DUPLICATE KEY (`b`, `a`)",
		"AGGREGATE": "ALTER TABLE `t` ADD ROLLUP `r` (`b`, `a`, `v`)",
	} {
		got, err := addRollup(snapshot.Table{Name: "t", Model: model}, i)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	i.columns = append(i.columns, "mv_sum_v")
	_, err := addRollup(snapshot.Table{Name: "t"}, i)
	require.ErrorIs(t, err, cluster.ErrUnsupported, "a view that nobody tells the statement of is not made a rollup")
}

func TestWhatIsPrintedForARollupIsNotTakenForAStatement(t *testing.T) {
	t.Parallel()
	i := index{name: "r", columns: []string{"k", "v"}, keys: []string{"k"}}
	for text, want := range map[string]bool{
		"create materialized view r as select k,NONE(v) from t group by k":   true,
		"create materialized view r as select k,NONE(v) from u group by k":   false,
		"create materialized view r as select k,sum(v) from t group by k, k": false,
		"CREATE MATERIALIZED VIEW r AS SELECT k, SUM(v) FROM t GROUP BY k":   false,
	} {
		require.Equal(t, want, i.neverWritten("t").MatchString(text), text)
	}
	view := index{name: "r", columns: []string{"k", "mv_sum_v"}, keys: []string{"k"}}
	require.False(t, view.neverWritten("t").MatchString("create materialized view r as select k,sum(v) from t group by k"), "somebody may write like that")
}

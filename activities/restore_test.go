package activities

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// shop is a server with a table, a view on it, a materialized view on the table and one on the first of these.
func shop(t *testing.T) *bench {
	t.Helper()
	b := newServer(t)
	b.cluster.add("a", 10, 20)
	b.server.view(snapshot.View, "v", "a")
	b.server.view(snapshot.MaterializedView, "m", "a")
	b.server.view(snapshot.MaterializedView, "n", "m")
	b.backup("l")
	b.server.log = nil
	b.next("job-2")
	return b
}

func only(objects ...job.Object) func(*job.RestoreRequest) {
	return func(r *job.RestoreRequest) { r.Objects = objects }
}

func TestViewsComeBackBehindTheirTablesAndInTheirOrder(t *testing.T) {
	t.Parallel()
	b := shop(t)
	before := b.server.content("a")
	b.cluster.write("a", "p1")
	notes := b.restore("l", func(r *job.RestoreRequest) { r.Refresh = true })
	require.Equal(t, before, b.server.content("a"))
	once := slices.Compact(slices.Clone(b.server.log))
	require.Equal(t, []string{"carry grants of 1 tables", "publish a", "put view v", "put materialized view m", "put materialized view n",
		"put view v", "put materialized view m", "put materialized view n", "activate m true", "activate n true"}, once)
	require.Contains(t, notes, "2 materialized views are active and refreshed: db.m, db.n")
	require.Contains(t, notes, "1 tables with 0 replicas")
	require.Empty(t, b.keys("/jobs/"))
}

func TestViewsThatReadASwappedTableAreActiveAgain(t *testing.T) {
	t.Parallel()
	b := shop(t)
	b.server.inactive["n"] = true // before the job: it stays so
	notes := b.restore("l", only(job.Object{Table: "a"}))
	require.False(t, b.server.inactive["m"])
	require.True(t, b.server.inactive["n"])
	require.Contains(t, notes, "1 materialized views are active: db.m")
}

func TestViewThatCannotBeActiveAgainIsNamed(t *testing.T) {
	t.Parallel()
	b := newServer(t)
	b.cluster.add("a", 1)
	b.server.view(snapshot.MaterializedView, "first", "second", "a") // listed before what it reads
	b.server.view(snapshot.MaterializedView, "second", "a")
	b.server.view(snapshot.MaterializedView, "lost", "nowhere")
	b.backup("l")
	b.next("job-2")
	notes := b.restore("l")
	require.Contains(t, notes, "2 materialized views are active: db.second, db.first")
	require.Contains(t, notes, "materialized view db.lost: inactive: it reads nowhere")
}

func TestViewThatWasInactiveWhenItWasBackedUpStaysSo(t *testing.T) {
	t.Parallel()
	b := newServer(t)
	b.cluster.add("a", 1)
	b.server.view(snapshot.MaterializedView, "m", "a")
	b.server.objects[0].Settings = map[string]string{snapshot.ActiveSetting: "false"}
	b.backup("l")
	b.next("job-2")
	b.restore("l")
	require.True(t, b.server.inactive["m"])
}

func TestUndoneRestoreLeavesTablesAndViewsAsTheyWere(t *testing.T) {
	t.Parallel()
	for name, published := range map[string]bool{"before it publishes": false, "behind the last publish": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := shop(t)
			b.cluster.write("a", "p1")
			before := b.server.content("a")
			b.build("l")
			if published {
				must[any](b, job.PublishTablesActivity, job.StageInput{Ref: b.ref})
				require.True(t, b.server.inactive["m"])
			}
			for range 2 {
				must[job.ReleaseOutput](b, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: b.ref, Admitted: true})
			}
			require.Equal(t, before, b.server.content("a"))
			require.Len(t, b.cluster.tables, 1)
			require.False(t, b.server.inactive["m"])
			require.Empty(t, b.keys("/jobs/"))
		})
	}
}

// A job may be paused for days between its checks and its swaps: what was granted meanwhile shall not be lost.
func TestGrantsAreCarriedOnceMoreRightBeforeTheSwaps(t *testing.T) {
	t.Parallel()
	b := shop(t)
	b.build("l")
	carried := func() (n int) {
		for _, what := range b.server.log {
			if what == "carry grants of 1 tables" {
				n++
			}
		}
		return n
	}
	before := carried()
	require.Positive(t, before)
	for range 2 {
		must[any](b, job.PublishTablesActivity, job.StageInput{Ref: b.ref})
		require.Equal(t, before+1, carried(), "not by an attempt that may find a table swapped")
	}
}

// The answer of CREATE DATABASE may be lost: who created it is known all the same.
func TestDatabaseThatTheJobCreatedGoesAgainWhateverWasLost(t *testing.T) {
	t.Parallel()
	b := shop(t)
	_, err := b.prepareRestore("l")
	require.NoError(t, err)
	b.server.absent = true
	b.server.breaks["create database db"] = fmt.Errorf("answer lost: %w", cluster.ErrUnreachable)
	_, err = run[job.Plan](b, job.BuildShadowsActivity, job.StageInput{Ref: b.ref})
	require.Error(t, err)
	require.False(t, b.server.absent)
	b.cluster.tables = nil
	must[job.ReleaseOutput](b, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: b.ref, Admitted: true})
	require.True(t, b.server.absent)
	require.Contains(t, b.server.log, "drop database db")
}

func TestPublishThatFailsInTheMiddleIsUndone(t *testing.T) {
	t.Parallel()
	b := newServer(t)
	for i := range 9 {
		b.cluster.add(fmt.Sprintf("t%d", i), 1)
	}
	b.server.view(snapshot.MaterializedView, "m", "t0", "t8")
	b.backup("l")
	b.next("job-2")
	before := map[string][]string{}
	for i := range 9 {
		name := fmt.Sprintf("t%d", i)
		b.cluster.write(name, "p1")
		before[name] = b.server.content(name)
	}
	b.build("l")
	b.server.breaks["publish t5"] = fmt.Errorf("swap: %w", cluster.ErrDenied)
	_, err := run[any](b, job.PublishTablesActivity, job.StageInput{Ref: b.ref})
	requireFinal(t, err, job.MissingPrivilege, "publish db.t5")
	must[job.ReleaseOutput](b, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: b.ref, Admitted: true})
	for name, rows := range before {
		require.Equal(t, rows, b.server.content(name))
	}
	require.Len(t, b.cluster.tables, 9)
	require.False(t, b.server.inactive["m"])
}

func TestFromTheFirstViewOnARestoreOnlyGoesForward(t *testing.T) {
	t.Parallel()
	b := shop(t)
	b.cluster.write("a", "p1")
	b.build("l")
	in := job.StageInput{Ref: b.ref}
	must[any](b, job.PublishTablesActivity, in)
	b.server.breaks["put materialized view m"] = cluster.ErrUnreachable // the worker dies here
	_, err := run[job.PutObjectsOutput](b, job.PutObjectsActivity, in)
	require.Error(t, err)
	out := must[job.ReleaseOutput](b, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: b.ref, Admitted: true})
	require.Contains(t, out.Notes[0], "publishing could not be completed nor undone")
	require.Contains(t, out.Notes[0], "a is restored, its old rows are in __starkeep_")
	require.Len(t, b.server.content("a"), 30)
	require.False(t, b.server.inactive["m"])
}

func TestObjectThatTheClusterRefusesDoesNotKeepTheOthersFromComingBack(t *testing.T) {
	t.Parallel()
	b := shop(t)
	b.server.refuses["view v"] = fmt.Errorf("create view: %w", cluster.ErrRejected)
	notes := b.restore("l")
	require.Contains(t, notes, "NOT RESTORED: view v: create view: rejected by the cluster")
	require.Contains(t, notes, "2 materialized views are active: db.m, db.n")
}

func TestRestoreOfWhichNothingCameBackFails(t *testing.T) {
	t.Parallel()
	b := shop(t)
	b.server.refuses["view v"] = fmt.Errorf("create view: %w", cluster.ErrRejected)
	b.build("l", only(job.Object{Kind: snapshot.View, Table: "v"}))
	_, err := run[job.PutObjectsOutput](b, job.PutObjectsActivity, job.StageInput{Ref: b.ref})
	requireFinal(t, err, job.Unsupported, "Failed to restore, errmsg: NOT RESTORED: view v")
	out := must[job.ReleaseOutput](b, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: b.ref, Admitted: true})
	require.Empty(t, out.Notes)
}

func TestRestoreIsRefusedBeforeAnythingIsChanged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change     func(*bench)
		request    func(*job.RestoreRequest)
		kind, says string
	}{
		"view in the place of a table": {func(b *bench) {
			b.server.objects = nil
			b.cluster.add("v", 1)
		}, only(job.Object{Table: "v"}), job.TargetExists, "db.v exists and is a table, the snapshot has a view of that name"},
		"view in the place of a materialized view": {func(b *bench) {
			b.server.objects[0].Kind = snapshot.MaterializedView
		}, nil, job.TargetExists, "db.v exists and is a materialized view"},
		"table in the place of a view": {func(*bench) {}, only(job.Object{Table: "a", Alias: "v"}),
			job.TargetExists, "db.v exists and is a view, not a table"},
		"two of one name": {func(*bench) {}, only(job.Object{Table: "a", Alias: "x"}, job.Object{Kind: snapshot.View, Table: "v", Alias: "x"}),
			job.InvalidRequest, "Duplicated alias name: x"},
		"the same view twice": {func(*bench) {}, only(job.Object{Table: "v"}, job.Object{Kind: snapshot.View, Table: "v"}),
			job.InvalidRequest, "Duplicated table: v"},
		"one view under two names": {func(*bench) {}, only(job.Object{Table: "v", Alias: "x"}, job.Object{Kind: snapshot.View, Table: "v", Alias: "y"}),
			job.InvalidRequest, "Duplicated view: v; only tables can be restored under two names at once"},
		"partitions of a view": {func(*bench) {}, only(job.Object{Table: "v", Partitions: []string{"p"}}),
			job.UnknownPartition, "it is a view"},
		"unknown view":     {func(*bench) {}, only(job.Object{Kind: snapshot.View, Table: "x"}), job.UnknownTable, "Unknown view 'x' in snapshot l"},
		"unknown function": {func(*bench) {}, only(job.Object{Kind: snapshot.Function, Table: "f"}), job.UnknownTable, "Can not find restore function: f"},
		"a definition that cannot be read": {func(b *bench) {
			b.server.checks["view v"] = fmt.Errorf("rewrite: %w", cluster.ErrUnsupported)
			b.server.checks["materialized view n"] = fmt.Errorf("parse: %w", cluster.ErrUnsupported)
		}, nil, job.Unsupported, "nothing was changed: view v: rewrite: not supported, materialized view n: parse: not supported"},
		"another schema": {func(b *bench) {
			b.server.differences = []string{"type of column v: INT in the snapshot, STRING in the cluster", "column w: only in the cluster"}
		},
			nil, job.SchemaMismatch, "type of column v: INT in the snapshot, STRING in the cluster; column w: only in the cluster"},
		"temporary partitions": {func(b *bench) { t := b.cluster.tables["a"]; t.Temporary = []string{"tp"}; b.cluster.tables["a"] = t },
			only(job.Object{Table: "a", Partitions: []string{"p1"}}), job.Unsupported, "temp partitions: a has tp"},
		"partition of another range": {func(b *bench) { b.cluster.tables["a"].Partitions[0].Values = "VALUES other" },
			only(job.Object{Table: "a", Partitions: []string{"p1"}}), job.SchemaMismatch, "Partition p1 in table a has different range with partition in repository: VALUES other, in the snapshot VALUES p1"},
		"two objects that would have one name": {func(*bench) {}, only(job.Object{Table: "v"}, job.Object{Table: "n", Alias: "v"}),
			job.InvalidRequest, "Duplicated"},
		"too few nodes": {func(b *bench) { b.server.misfit = fmt.Errorf("3 replicas on 1 node: %w", cluster.ErrUnsupported) },
			nil, job.Unsupported, "3 replicas on 1 node"},
		"a database for a snapshot of catalogs": {func(b *bench) {
			b.server.globals = []snapshot.Object{{Kind: snapshot.Catalog, Name: "lake"}}
			b.next("job-0")
			b.ref.Database = ""
			b.backupGlobals("catalogs", job.Object{Kind: snapshot.Catalog, All: true})
			b.next("job-2")
		}, func(r *job.RestoreRequest) { r.Label = "catalogs" }, job.InvalidRequest, "Can not specify database for external catalog snapshot"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := shop(t)
			c.change(b)
			b.server.log = nil
			if c.request == nil {
				c.request = func(*job.RestoreRequest) {}
			}
			_, err := b.prepareRestore("l", c.request)
			requireFinal(t, err, c.kind, c.says)
			require.Empty(t, b.server.log)
			must[job.ReleaseOutput](b, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: b.ref})
		})
	}
}

func TestPrivilegesAreAskedForWhatIsPut(t *testing.T) {
	t.Parallel()
	b := shop(t)
	b.server.audits = nil
	_, err := b.prepareRestore("l")
	require.NoError(t, err)
	require.Equal(t, []cluster.Audit{{Purpose: cluster.ForRestore, Database: "db", Tables: []string{"a"},
		Kinds: []snapshot.ObjectKind{snapshot.View, snapshot.MaterializedView}}}, b.server.audits)
}

func TestNotesThatAreCutSayHowManyMoreThereAre(t *testing.T) {
	t.Parallel()
	b := shop(t)
	for i := range notesShown + 6 {
		b.server.notes = append(b.server.notes, fmt.Sprintf("odd %d", i))
	}
	out, err := b.prepareRestore("l")
	require.NoError(t, err)
	require.Len(t, out.Notes, notesShown+1)
	require.Equal(t, "… and 7 notes more", out.Notes[notesShown]) // one is of the nodes
}

func TestErrorThatQuotesAWholeStatementDoesNotFillTheAnswer(t *testing.T) {
	t.Parallel()
	b := shop(t)
	b.server.refuses["view v"] = fmt.Errorf("create view: %w: %s", cluster.ErrRejected, strings.Repeat("ä", 5_000_000))
	for _, n := range b.restore("l") {
		require.LessOrEqual(t, len(n), noteBytes+30)
		require.True(t, utf8.ValidString(n))
	}
}

// TestWhatIsMissingIsToldHoweverMuchElseThereIsToTell: notes are bounded, and what is merely odd came first.
func TestWhatIsMissingIsToldHoweverMuchElseThereIsToTell(t *testing.T) {
	t.Parallel()
	b := newServer(t)
	b.cluster.add("a", 1)
	b.cluster.add("b", 1)
	b.server.lacking = []*cluster.TableError{{Table: "b", Err: fmt.Errorf("percentile: %w", cluster.ErrUnsupported)}}
	for i := range notesShown + 1 {
		b.server.view(snapshot.View, fmt.Sprintf("v%03d", i), "a")
	}
	b.server.view(snapshot.View, "w", "a")
	b.backup("l", func(r *job.BackupRequest) { r.SkipUnsupported = true })
	b.next("job-2")
	b.server.remark = "odd"
	b.server.refuses["view w"] = cluster.ErrRejected
	for i := range notesShown {
		b.server.notes = append(b.server.notes, fmt.Sprintf("odd %d", i))
	}
	out, err := b.prepareRestore("l")
	require.NoError(t, err)
	require.Contains(t, out.Notes, "not in the snapshot: table b: percentile: not supported")
	b.next("job-3")
	require.Contains(t, b.restore("l"), "NOT RESTORED: view w: rejected by the cluster")
}

func TestTablesThatCannotBeCarriedAreAllNamedOrLeftOutWhenSaid(t *testing.T) {
	t.Parallel()
	b := newServer(t)
	for _, name := range []string{"a", "b", "c"} {
		b.cluster.add(name, 1)
	}
	for _, name := range []string{"b", "c"} {
		b.server.lacking = append(b.server.lacking, &cluster.TableError{Table: name, Err: fmt.Errorf("column p percentile: %w", cluster.ErrUnsupported)})
	}
	_, err := run[job.PrepareBackupOutput](b, job.PrepareBackupActivity, job.PrepareBackupInput{Ref: b.ref, Timestamp: "2024-01-01-00-00-00-000",
		Request: job.BackupRequest{Cluster: "c", Database: "db", Label: "l", Repository: "repo"}})
	requireFinal(t, err, job.Unsupported, "2 tables cannot be backed up exactly")
	require.ErrorContains(t, err, "table b: column p percentile")
	require.ErrorContains(t, err, "table c: column p percentile")

	m := b.backup("l", func(r *job.BackupRequest) { r.SkipUnsupported = true })
	require.Len(t, m.Tables, 1)
	require.False(t, m.Complete)
	require.Contains(t, m.Skipped["c"], "percentile")
	b.next("job-2")
	out, err := b.prepareRestore("l")
	require.NoError(t, err)
	require.Contains(t, out.Notes, "not in the snapshot: table c: column p percentile: not supported")
}

func TestFunctionThatCannotComeBackIsToldWhenItIsBackedUp(t *testing.T) {
	t.Parallel()
	b := newServer(t)
	b.cluster.add("a", 1)
	b.server.objects = []snapshot.Object{{Kind: snapshot.Function, Name: "f"}}
	b.server.checks["function f"] = fmt.Errorf("its arguments have no names: %w", cluster.ErrRejected)
	out := must[job.PrepareBackupOutput](b, job.PrepareBackupActivity, job.PrepareBackupInput{Ref: b.ref, Timestamp: "2024-01-01-00-00-00-000",
		Request: job.BackupRequest{Cluster: "c", Database: "db", Label: "l", Repository: "repo"}})
	require.Equal(t, []string{"function f: its arguments have no names: rejected by the cluster"}, out.Notes)
}

func TestErrorThatIsNotOfATableAloneIsNeverSkipped(t *testing.T) {
	t.Parallel()
	one := &cluster.TableError{Table: "a", Err: cluster.ErrUnsupported}
	require.Len(t, tableErrors(fmt.Errorf("describe: %w", errors.Join(one, one))), 2)
	require.Empty(t, tableErrors(errors.Join(one, cluster.ErrUnreachable)))
	require.Empty(t, tableErrors(cluster.ErrUnreachable))
	require.Empty(t, tableErrors(nil))
}

func TestNamesWithoutAKindMayBeViews(t *testing.T) {
	t.Parallel()
	b := shop(t)
	m := b.backup("named", func(r *job.BackupRequest) { r.Objects = []job.Object{{Table: "a"}, {Table: "m"}, {Table: "v"}} })
	require.Len(t, m.Tables, 1)
	require.Equal(t, []string{"view v", "materialized view m"}, []string{m.Objects[0].String(), m.Objects[1].String()})
	b.next("job-3")
	b.restore("named", only(job.Object{Table: "v", Alias: "w"}))
	require.Contains(t, b.server.log, "put view w")
	require.NotContains(t, b.server.log, "publish a")
}

func TestAllTablesMeansNoViews(t *testing.T) {
	t.Parallel()
	b := shop(t)
	m := b.backup("tables", func(r *job.BackupRequest) { r.Objects = []job.Object{{All: true}, {Table: "a"}} })
	require.Len(t, m.Tables, 1)
	require.Empty(t, m.Objects)
	b.next("job-3")
	_, err := run[job.PrepareBackupOutput](b, job.PrepareBackupActivity, job.PrepareBackupInput{Ref: b.ref, Timestamp: "2024-01-01-00-00-00-000",
		Request: job.BackupRequest{Cluster: "c", Database: "db", Label: "part", Repository: "repo", Objects: []job.Object{{All: true}, {Table: "a", Partitions: []string{"p1"}}}}})
	requireFinal(t, err, job.InvalidRequest, "ALL TABLES names table a already")
}

func TestViewThatIsAlteredWhileTablesAreReadIsReadAgain(t *testing.T) {
	t.Parallel()
	b := newServer(t)
	b.cluster.add("a", 1)
	b.server.view(snapshot.View, "v", "a")
	altered := false
	b.cluster.onRead = func(*fakeCluster, string, string) {
		if !altered {
			altered = true
			b.server.objects[0].DDL = "CREATE v AS another"
		}
	}
	m := b.backup("l")
	require.Equal(t, "CREATE v AS another", m.Objects[0].DDL)
	require.Equal(t, snapshot.DatabaseLevel, m.Consistency.Level)
	require.Equal(t, 2, m.Consistency.Rounds)
	require.Len(t, b.cluster.reads, 1, "the rows had not moved")
}

package session

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	sdk "go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/starter/failure"
	"starkeep/starter/show"
	"starkeep/statement"
)

func TestBackupBecomesTheRequestThatItSays(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	a, err := execute(t, f.session(), `BACKUP DATABASE d SNAPSHOT l TO r ON (TABLE t PARTITION (p1, p2), u)
		PROPERTIES ("timeout" = "3600", "compression" = "gzip", "compression_level" = "3", "consistency" = "database", "rounds" = "5", "reuse" = "false")`)
	require.NoError(t, err)
	require.Equal(t, &Job{Kind: "backup", ID: "job/c/d", RunID: "run-d", Database: "d", Label: "l"}, a.Job)
	require.Len(t, f.requests, 1)
	got := f.requests[0].(job.BackupRequest)
	require.Contains(t, got.Statement, "BACKUP DATABASE `d` SNAPSHOT `l` TO `r`")
	got.Statement = ""
	require.Equal(t, job.BackupRequest{Cluster: "c", Database: "d", Label: "l", Repository: "r",
		Objects:        []job.Object{{Table: "t", Partitions: []string{"p1", "p2"}}, {Table: "u"}},
		TimeoutSeconds: 3600, Compression: "gzip", Level: 3, Consistency: "database", Rounds: 5, Full: true}, got)
	o := f.started[0]
	require.Equal(t, "job/c/d", o.ID)
	require.Equal(t, job.TaskQueue, o.TaskQueue)
	for name, want := range map[string]string{job.ClusterAttribute: "c", job.DatabaseAttribute: "d", job.RepositoryAttribute: "r", job.LabelAttribute: "l"} {
		value, ok := o.TypedSearchAttributes.GetKeyword(sdk.NewSearchAttributeKeyKeyword(name))
		require.True(t, ok, name)
		require.Equal(t, want, value)
	}
}

func TestWholeDatabaseHasNoObjects(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.session()
	_, err := execute(t, s, "BACKUP DATABASE a SNAPSHOT l TO r")
	require.NoError(t, err)
	_, err = execute(t, s, "BACKUP DATABASE b SNAPSHOT l TO r ON (ALL TABLES)")
	require.NoError(t, err)
	require.Nil(t, f.requests[0].(job.BackupRequest).Objects)
	require.Equal(t, []job.Object{{All: true}}, f.requests[1].(job.BackupRequest).Objects, "tables, and nothing but tables")
	require.False(t, f.requests[0].(job.BackupRequest).Full)
}

func TestTablesBesideAllTablesAreNotSilentlyIgnored(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	why := refused(t, f.session(), "BACKUP DATABASE a SNAPSHOT l TO r ON (ALL TABLES, TABLE t PARTITION (p))")
	require.Equal(t, failure.BadStatement, why.Exit)
	require.Empty(t, f.started)
}

func TestSecondJobGetsTheNativeRefusalAndTheRunningJob(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.add("restore", "d", job.Downloading, true)
	why := refused(t, f.session(), "BACKUP DATABASE d SNAPSHOT l2 TO r")
	require.Equal(t, failure.Refused, why.Exit)
	require.Equal(t, failure.AlreadyRunning, why.Type)
	require.Equal(t, "Can only run one backup or restore job of a database at same time: restore l of d is DOWNLOADING", why.What)
	require.Equal(t, "watch it with: starter watch d, or end it with: CANCEL RESTORE FROM `d`", why.Do)
}

func TestValidationErrorOfTheJobIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.admission = sdk.NewNonRetryableApplicationError("Unknown table 'x'", job.UnknownTable, nil)
	why := refused(t, f.session(), "BACKUP DATABASE d SNAPSHOT l TO r ON (x)")
	require.Equal(t, failure.Error{What: "Unknown table 'x'", Type: job.UnknownTable, Exit: failure.Refused, Do: failure.Advice(job.UnknownTable)}, *why)
}

func TestJobThatEndedBeforeItWasAskedStillTellsItsError(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.session()
	f.admission = serviceerror.NewNotFound("workflow execution already completed")
	_, err := execute(t, s, "BACKUP DATABASE good SNAPSHOT l TO r")
	require.NoError(t, err)
	e := f.add("backup", "bad", job.Cancelled, false)
	e.status.Message, e.status.ErrorType = "no such label", job.SnapshotNotFound
	why := failure.Of(s.admitted(t.Context(), Job{ID: job.WorkflowID("c", "bad")}))
	require.Equal(t, job.SnapshotNotFound, why.Type)
	require.Equal(t, "no such label", why.What)
}

func TestNothingBeginsWithoutAWorker(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"BACKUP DATABASE d SNAPSHOT l TO r", "RESTORE SNAPSHOT l FROM r", "SHOW SNAPSHOT ON r",
		"CREATE REPOSITORY r WITH BROKER ON LOCATION 'file:///x'", "DROP REPOSITORY r"} {
		f := newFake(t)
		f.polled = time.Now().Add(-2 * time.Minute) // the server remembers dead workers for a while
		why := refused(t, f.session(), text)
		require.Equal(t, failure.NoWorker, why.Type, text)
		require.Equal(t, failure.Unreachable, why.Exit)
		require.Empty(t, f.started)
	}
}

func TestWorkerThatDiesWhileItIsWaitedForIsNoticed(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.hang = true
	time.AfterFunc(30*time.Millisecond, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.polled = time.Time{}
	})
	why := refused(t, f.session(), "BACKUP DATABASE d SNAPSHOT l TO r")
	require.Equal(t, failure.NoWorker, why.Type)
	require.Contains(t, why.What, "the backup of d was begun, but")
}

func TestInterruptWhileWaitingSaysThatTheJobGoesOn(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.hang = true
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(30*time.Millisecond, cancel)
	st, err := statement.ParseOne("BACKUP DATABASE `d&x` SNAPSHOT l TO r")
	require.NoError(t, err)
	_, err = f.session().Execute(ctx, st)
	why := failure.Of(err)
	require.Equal(t, failure.Interrupted, why.Exit)
	require.Equal(t, "interrupted; the backup of d&x goes on", why.What)
	require.Equal(t, "watch it with: starter watch 'd&x'", why.Do)
}

func TestRestoreGoesWhereItSays(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, err := execute(t, f.session(), `RESTORE SNAPSHOT l FROM r DATABASE a AS b ON (TABLE t PARTITION (p) AS u)
		PROPERTIES ("backup_timestamp" = "2026-11-20-18-00-00-000", "replication_num" = "1", "allow_load" = "true", "timeout" = "600")`)
	require.NoError(t, err)
	got := f.requests[0].(job.RestoreRequest)
	got.Statement = ""
	require.Equal(t, job.RestoreRequest{Cluster: "c", Database: "b", Source: "a", Label: "l", Repository: "r", Timestamp: "2026-11-20-18-00-00-000",
		Objects: []job.Object{{Table: "t", Partitions: []string{"p"}, Alias: "u"}}, ReplicationNum: 1, AllowLoad: true, TimeoutSeconds: 600}, got)
}

// snapshots answers SHOW SNAPSHOT of a repository with label l, recorded of database d.
func snapshots(timestamps string) func(any) any {
	return func(req any) any {
		r := req.(job.SnapshotsRequest)
		if r.Timestamp != "" {
			return []job.SnapshotRow{{Label: "l", Timestamp: r.Timestamp, Database: "d", Status: "OK"}}
		}
		return []job.SnapshotRow{{Label: "l", Timestamp: timestamps, Status: "OK"}}
	}
}

func TestRestoreWithoutDatabaseGoesToTheRecordedOne(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.questions[job.SnapshotsWorkflow] = snapshots("t1")
	a, err := execute(t, f.session(), "RESTORE SNAPSHOT l FROM r")
	require.NoError(t, err)
	require.Equal(t, "d", a.Job.Database)
	got := f.requests[2].(job.RestoreRequest)
	require.Equal(t, "d", got.Database)
	require.Equal(t, "t1", got.Timestamp)
	require.Equal(t, "job/c/d", f.started[0].ID)
}

func TestLabelWithSeveralTimestampsIsNotGuessed(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.questions[job.SnapshotsWorkflow] = snapshots("t1\nt2")
	why := refused(t, f.session(), "RESTORE SNAPSHOT l FROM r")
	require.Contains(t, why.What, "Missing backup_timestamp property")
	require.Contains(t, why.What, "t1, t2")
	require.Empty(t, f.started)
}

func TestRestoreOfAMissingSnapshotStartsNothing(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.questions[job.SnapshotsWorkflow] = func(any) any { return []job.SnapshotRow{{Label: "l", Status: "ERROR: no snapshot"}} }
	require.Equal(t, job.SnapshotNotFound, refused(t, f.session(), "RESTORE SNAPSHOT l FROM r").Type)
	why := refused(t, f.session(), `RESTORE SNAPSHOT l FROM r PROPERTIES ("backup_timestamp" = "2026-11-20-18-00-00-000")`)
	require.Equal(t, job.SnapshotNotFound, why.Type)
	require.Contains(t, why.What, "Maybe specified wrong backup timestamp")
	require.Empty(t, f.started)
}

func TestShowAsksEachJobAndKeepsOneOfADatabase(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.add("backup", "a", job.Finished, true)
	f.add("backup", "b", job.Uploading, true)
	f.listed = append(f.listed, f.listed[0]) // an older run of a
	a, err := execute(t, f.session(), "SHOW BACKUP")
	require.NoError(t, err)
	require.Equal(t, show.BackupColumns, a.Table.Columns)
	require.Len(t, a.Table.Rows, 2)
	require.Equal(t, "a", a.Table.Rows[0][2])
	require.Equal(t, "b", a.Table.Rows[1][2])
	require.Equal(t, "WorkflowType = 'BackupWorkflow' AND StarkeepCluster = 'c' AND ExecutionStatus != 'ContinuedAsNew'", f.queries[0])
}

func TestRefusedStatementDoesNotHideTheLastJob(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := f.add("backup", "a", job.Finished, false)
	e.status.Objects = "[a.t]"
	f.remember(e)
	f.refuse("backup", "a", "Unknown view 'w'")
	f.refuse("backup", "a", "Unknown view 'v'")
	f.refuse("backup", "b", "Unknown database 'b'")
	f.listed = []string{job.WorkflowID("c", "b")}
	for _, text := range []string{"SHOW BACKUP", "SHOW BACKUP FROM a"} {
		if text != "SHOW BACKUP" { // the run is not listed yet, but it is described
			f.listed = nil
		}
		a, err := execute(t, f.session(), text)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "FINISHED"}, a.Table.Rows[0][2:4])
		if text == "SHOW BACKUP" {
			require.Equal(t, []string{"b", "CANCELLED"}, a.Table.Rows[1][2:4], "nothing else is known of it")
			require.Len(t, a.Table.Notes, 1)
		}
		notes := a.Table.Notes[a.Table.Rows[0][0]]
		require.Len(t, notes, 1)
		require.Contains(t, notes[0], "a later BACKUP, label l, of 1970-01-01 08:33:2")
		require.Contains(t, notes[0], "was refused: Unknown view")
	}
	f.refuse("backup", "a", "Unknown view 'u'")
	e = f.add("backup", "a", job.Uploading, true)
	e.info.Execution.RunId, e.info.StartTime = "newest", timestamppb.New(time.Unix(9000, 0))
	a, err := execute(t, f.session(), "SHOW BACKUP FROM a")
	require.NoError(t, err)
	require.Equal(t, "UPLOADING", a.Table.Rows[0][3])
	require.Empty(t, a.Table.Notes, "what came after the refusal counts")
}

func TestShowFiltersInTheClient(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.add("restore", "a", job.Finished, true)
	f.add("restore", "b", job.Downloading, true)
	a, err := execute(t, f.session(), "SHOW RESTORE WHERE State = 'FINISHED'")
	require.NoError(t, err)
	require.Len(t, a.Table.Rows, 1)
	require.Equal(t, failure.BadStatement, refused(t, f.session(), "SHOW RESTORE WHERE Nonsense = 'x'").Exit)
}

func TestNamesCannotBreakOutOfVisibilityQueries(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, err := f.session().Newest(t.Context(), job.BackupWorkflow, `x' OR 'a\`)
	require.NoError(t, err)
	require.Contains(t, f.queries[0], `WorkflowId IN ('job/c/x\' OR \'a\\', 'catalogs/c') AND`)
}

func TestFreshJobShowsBeforeVisibilityListsIt(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.session()
	_, err := execute(t, s, "BACKUP DATABASE d SNAPSHOT l TO r")
	require.NoError(t, err)
	for _, text := range []string{"SHOW BACKUP", "SHOW BACKUP FROM d"} {
		a, err := execute(t, s, text)
		require.NoError(t, err)
		require.Len(t, a.Table.Rows, 1, text)
	}
	a, err := execute(t, s, "SHOW RESTORE FROM d")
	require.NoError(t, err)
	require.Empty(t, a.Table.Rows)
}

func TestWithoutAWorkerTheMemoAnswers(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := f.add("backup", "d", job.Uploading, true)
	f.unanswered = serviceerror.NewDeadlineExceeded("no poller")
	require.Equal(t, failure.Unreachable, refused(t, f.session(), "SHOW BACKUP").Exit)
	f.remember(e)
	a, err := execute(t, f.session(), "SHOW BACKUP")
	require.NoError(t, err)
	require.Len(t, a.Table.Rows, 1)
	require.Equal(t, "UPLOADING", a.Table.Rows[0][3])
	require.Contains(t, a.Table.Rows[0][11], "no worker answers")
}

func TestInterruptedQuestionIsNotTakenForADeadWorker(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.remember(f.add("backup", "d", job.Uploading, true))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.session().Status(ctx, Job{ID: job.WorkflowID("c", "d")})
	require.ErrorIs(t, err, context.Canceled)
}

func TestTerminatedJobDoesNotLookAlive(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := f.add("backup", "d", job.Uploading, true)
	e.info.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	s, err := f.session().Status(t.Context(), Job{ID: job.WorkflowID("c", "d")})
	require.NoError(t, err)
	require.Equal(t, job.Cancelled, s.State)
	require.Equal(t, "ended from outside in Temporal (Terminated), current state: UPLOADING", s.Message)
}

func TestJobTerminatedBeforeItsFirstStepIsShownToo(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := f.add("restore", "d", job.Pending, true)
	e.info.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	f.unanswered = serviceerror.NewQueryFailed("workflow has not started")
	s, err := f.session().Status(t.Context(), Job{ID: job.WorkflowID("c", "d")})
	require.NoError(t, err)
	require.Equal(t, "restore", s.Kind)
	require.Equal(t, job.Cancelled, s.State)
}

func TestCancelSignalsTheRunningJobOfItsKindOnly(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.add("restore", "d", job.Downloading, true)
	f.add("backup", "done", job.Finished, true)
	s := f.session()
	for text, want := range map[string]string{
		"CANCEL BACKUP FROM d":       "No backup job is currently running for database d",
		"CANCEL BACKUP FROM done":    "No backup job is currently running for database done",
		"CANCEL BACKUP FROM nothing": "No backup job is currently running for database nothing",
		"CANCEL RESTORE FROM done":   "No restore is currently running for database done",
	} {
		why := refused(t, s, text)
		require.Equal(t, want, why.What)
		require.Equal(t, failure.Refused, why.Exit)
	}
	require.Empty(t, f.signals)
	a, err := execute(t, s, "CANCEL RESTORE FROM d")
	require.NoError(t, err)
	require.True(t, a.Job.Cancelled)
	require.Equal(t, []string{"job/c/d cancel"}, f.signals)
}

func TestPauseAndResumeNeedAJob(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.add("backup", "d", job.Uploading, true)
	s := f.session()
	require.NoError(t, s.Pause(t.Context(), "d", "why"))
	require.NoError(t, s.Resume(t.Context(), "d", ""))
	require.Equal(t, []string{"job/c/d pause", "job/c/d resume"}, f.signals)
	require.Equal(t, failure.NotRunning, failure.Of(s.Pause(t.Context(), "other", "")).Type)
}

func TestRepositoriesGoThroughTheRegistry(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.session()
	a, err := execute(t, s, "SHOW REPOSITORIES")
	require.NoError(t, err, "a registry that was never used is empty, not an error")
	require.Empty(t, a.Table.Rows)
	_, err = execute(t, s, `CREATE READ ONLY REPOSITORY r WITH BROKER b ON LOCATION 's3://x/y' PROPERTIES ("aws.s3.secret_key" = "hunter2")`)
	require.NoError(t, err)
	_, err = execute(t, s, "DROP REPOSITORY r")
	require.NoError(t, err)
	require.Equal(t, []any{
		job.CreateRepository{Name: "r", Location: "s3://x/y", Broker: "b", ReadOnly: true, Properties: map[string]string{"aws.s3.secret_key": "hunter2"}},
		job.DropRepository{Name: "r"},
	}, f.updates)
	require.Equal(t, job.RegistryID, f.started[0].ID)
	f.admission = sdk.NewNonRetryableApplicationError("repository with same name already exist: r", job.RepositoryExists, nil)
	require.Equal(t, job.RepositoryExists, refused(t, s, "CREATE REPOSITORY r WITH BROKER ON LOCATION 'file:///x'").Type)
}

func TestShowSnapshotHasTheColumnsOfItsForm(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.questions[job.SnapshotsWorkflow] = snapshots("t1")
	a, err := execute(t, f.session(), "SHOW SNAPSHOT ON r WHERE SNAPSHOT = 'l'")
	require.NoError(t, err)
	require.Equal(t, &show.Table{Columns: show.SnapshotColumns, Rows: [][]string{{"l", "t1", "OK", show.Null, show.Null, show.Null, show.Null}}}, a.Table)
	a, err = execute(t, f.session(), "SHOW SNAPSHOT ON r WHERE SNAPSHOT = 'l' AND TIMESTAMP = '2026-11-20-18-00-00-000'")
	require.NoError(t, err)
	require.Equal(t, show.SnapshotDetailColumns, a.Table.Columns)
}

func TestLabelThatIsAskedForHasARowAlsoWhenThereIsNone(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.questions[job.SnapshotsWorkflow] = func(any) any { return []job.SnapshotRow(nil) }
	a, err := execute(t, f.session(), "SHOW SNAPSHOT ON r WHERE SNAPSHOT = 'l'")
	require.NoError(t, err)
	require.Equal(t, []string{"l", show.Null, "ERROR: no snapshot"}, a.Table.Rows[0][:3])
	for _, text := range []string{"SHOW SNAPSHOT ON r WHERE SNAPSHOT IN ('l')", "SHOW SNAPSHOT ON r"} {
		a, err = execute(t, f.session(), text)
		require.NoError(t, err)
		require.Empty(t, a.Table.Rows, text)
	}
}

func TestSnapshotsAreSortedAndLimited(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.questions[job.SnapshotsWorkflow] = func(any) any {
		return []job.SnapshotRow{{Label: "a", Timestamp: "t1", Status: "OK"}, {Label: "b", Timestamp: "t2", Status: "OK"}}
	}
	a, err := execute(t, f.session(), "SHOW SNAPSHOT ON r ORDER BY Timestamp DESC LIMIT 1")
	require.NoError(t, err)
	require.Len(t, a.Table.Rows, 1)
	require.Equal(t, "b", a.Table.Rows[0][0])
}

func TestObjectsOfTheClusterBecomeAJobWithoutDatabase(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.session()
	_, err := execute(t, s, `BACKUP ALL USERS, ALL ROLES, ALL RESOURCE GROUPS, ALL GLOBAL FUNCTIONS, EXTERNAL CATALOG (a, b) SNAPSHOT l TO r PROPERTIES ("ttl" = "7 DAY", "unsupported" = "skip")`)
	require.NoError(t, err)
	require.Equal(t, "catalogs/c", f.started[0].ID)
	got := f.requests[0].(job.BackupRequest)
	got.Statement = ""
	require.Equal(t, job.BackupRequest{Cluster: "c", Label: "l", Repository: "r", TTL: "7 DAY", SkipUnsupported: true, Objects: []job.Object{
		{Kind: snapshot.Catalog, Table: "a"}, {Kind: snapshot.Catalog, Table: "b"},
		{Kind: snapshot.GlobalFunction, All: true}, {Kind: snapshot.User, All: true}, {Kind: snapshot.Role, All: true}, {Kind: snapshot.ResourceGroup, All: true}}}, got)

	why := refused(t, s, "RESTORE SNAPSHOT l FROM r ALL EXTERNAL CATALOGS")
	require.Equal(t, "Can only run one backup or restore job of external catalog: backup l of the cluster's own objects is UPLOADING", why.What)
	require.Equal(t, "watch it with: starter watch, or end it with: CANCEL BACKUP FOR EXTERNAL CATALOG", why.Do)
	a, err := execute(t, s, "SHOW BACKUP FROM d")
	require.NoError(t, err)
	require.Len(t, a.Table.Rows, 1, "as natively, it is in every answer")
	require.Empty(t, a.Table.Rows[0][2], "and its database has no name")
	a, err = execute(t, s, "CANCEL BACKUP FOR EXTERNAL CATALOG")
	require.NoError(t, err)
	require.Equal(t, "catalogs/c", a.Job.ID)
	require.Equal(t, []string{"catalogs/c cancel"}, f.signals)
	require.Equal(t, "No restore is currently running for external catalogs", refused(t, s, "CANCEL RESTORE FOR EXTERNAL CATALOG").What)
}

func TestRestoreWithoutWordsFindsASnapshotOfTheCluster(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.questions[job.SnapshotsWorkflow] = func(any) any {
		return []job.SnapshotRow{{Label: "l", Timestamp: "t1", Status: "OK"}}
	}
	_, err := execute(t, f.session(), "RESTORE SNAPSHOT l FROM r")
	require.NoError(t, err)
	require.Equal(t, "catalogs/c", f.started[0].ID)
	got := f.requests[len(f.requests)-1].(job.RestoreRequest)
	require.Empty(t, got.Database)
	require.Nil(t, got.Objects, "everything that the snapshot holds")
}

func TestSecretsOfARestoreTravelSealedOnly(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, err := execute(t, f.session(), `RESTORE SNAPSHOT l FROM r EXTERNAL CATALOG (a AS b), ALL USERS
		PROPERTIES ("backup_timestamp" = "2026-11-20-18-00-00-000", "catalog.a.aws.s3.secret_key" = "hunter2", "user.u.password" = "hunter2", "refresh" = "true")`)
	require.NoError(t, err)
	require.Equal(t, job.Secrets{"catalog.a.aws.s3.secret_key": "hunter2", "user.u.password": "hunter2"}, f.secrets)
	got := f.requests[0].(job.RestoreRequest)
	require.True(t, got.Refresh)
	require.Equal(t, []job.Object{{Kind: snapshot.Catalog, Table: "a", Alias: "b"}, {Kind: snapshot.User, All: true}}, got.Objects)
	plain, err := json.Marshal([]any{got, f.started[0].StaticSummary})
	require.NoError(t, err)
	require.NotContains(t, string(plain), "hunter2")
}

func TestEveryKindOfObjectIsAskedForByItsName(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, err := execute(t, f.session(), "RESTORE SNAPSHOT l FROM r DATABASE d AS e ON (ALL TABLES, x, VIEW v AS w, ALL MATERIALIZED VIEWS, FUNCTION f)")
	require.NoError(t, err)
	require.Equal(t, []job.Object{{All: true}, {Table: "x"}, {Kind: snapshot.View, Table: "v", Alias: "w"},
		{Kind: snapshot.MaterializedView, All: true}, {Kind: snapshot.Function, Table: "f"}}, f.requests[0].(job.RestoreRequest).Objects)
}

func TestDropSnapshotTellsWhatIsLeftToDo(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.questions[job.DropWorkflow] = func(any) any {
		return job.Dropped{Timestamps: []string{"t1"}, Objects: 7, Grace: 24 * time.Hour, Notes: []string{"one note"}}
	}
	a, err := execute(t, f.session(), "DROP SNAPSHOT l ON r FORCE")
	require.NoError(t, err)
	require.Equal(t, job.DropRequest{Cluster: "c", Repository: "r", Label: "l", Force: true, Statement: "DROP SNAPSHOT `l` ON `r` FORCE"}, f.requests[0])
	require.Equal(t, "the snapshot is gone; what no other snapshot needs of its 7 objects is deleted after 24h0m0s; one note", a.Note)
	f.questions[job.DropWorkflow] = func(any) any {
		return sdk.NewNonRetryableApplicationError("Snapshot does not exist in repository r: l", job.SnapshotNotFound, nil)
	}
	require.Equal(t, job.SnapshotNotFound, refused(t, f.session(), "DROP SNAPSHOT l ON r").Type)
}

func TestStatementsOfTheClusterAreNotRunHere(t *testing.T) {
	t.Parallel()
	why := refused(t, newFake(t).session(), "GRANT SELECT ON TABLE t TO USER u")
	require.Equal(t, job.Unsupported, why.Type)
	require.Equal(t, failure.Refused, why.Exit)
}

func TestFollowingShowsTheJobToItsEnd(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := f.add("backup", "d", job.Uploading, true)
	var seen []job.State
	status, err := f.session().Follow(t.Context(), Job{ID: job.WorkflowID("c", "d")}, func(s job.Status) {
		seen = append(seen, s.State)
		f.mu.Lock()
		defer f.mu.Unlock()
		e.status.State = job.Finished
	})
	require.NoError(t, err)
	require.Equal(t, []job.State{job.Uploading, job.Finished}, seen)
	require.Equal(t, job.Finished, status.State)
}

func TestFollowingTellsThatTemporalDoesNotAnswer(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := f.add("backup", "d", job.Uploading, true)
	var seen []string
	_, err := f.session().Follow(t.Context(), Job{ID: e.info.GetExecution().GetWorkflowId()}, func(s job.Status) {
		seen = append(seen, string(s.State)+" "+s.Retrying)
		f.mu.Lock()
		defer f.mu.Unlock()
		switch len(seen) {
		case 1:
			f.down = serviceerror.NewUnavailable("gone")
		case 2:
			f.down, e.status.State = nil, job.Finished
		}
	})
	require.NoError(t, err)
	require.Equal(t, []string{"UPLOADING ", "UPLOADING cannot reach Temporal: gone", "FINISHED "}, seen)
}

func TestInterruptedFollowingLeavesTheJob(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.add("backup", "d", job.Uploading, true)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := f.session().Follow(ctx, Job{Kind: "backup", ID: job.WorkflowID("c", "d"), Database: "d"}, func(job.Status) { cancel() })
	require.Equal(t, failure.Interrupted, failure.Of(err).Exit)
	require.Empty(t, f.signals)
}

func TestVerdictDependsOnWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	finished, cancelled := job.Status{State: job.Finished}, job.Status{Kind: "backup", Database: "d", State: job.Cancelled, Code: "TIMEOUT", ErrorType: job.Timeout}
	require.NoError(t, Verdict(Job{}, finished))
	require.NoError(t, Verdict(Job{Cancelled: true}, cancelled))
	require.Equal(t, failure.Failed, failure.Of(Verdict(Job{Cancelled: true}, finished)).Exit)
	why := failure.Of(Verdict(Job{}, cancelled))
	require.Equal(t, failure.Error{What: "the backup of d failed: TIMEOUT", Do: failure.Advice(job.Timeout), Type: job.Timeout, Exit: failure.Failed}, *why)
}

func TestSummariesAreCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	for n := range 5 {
		s := Summary(strings.Repeat("a", n) + strings.Repeat("漢", 300)) // three bytes each
		require.LessOrEqual(t, len(s), summaryLimit)
		require.True(t, utf8.ValidString(s))
	}
}

func TestStepThatIsTriedAgainSaysWhy(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := f.add("backup", "shop", job.Uploading, true)
	s := f.session()
	status, err := s.Status(t.Context(), Job{ID: job.WorkflowID("c", "shop")})
	require.NoError(t, err)
	require.Empty(t, status.Retrying)
	e.pending = []*workflowpb.PendingActivityInfo{{
		ActivityType: &commonpb.ActivityType{Name: job.PinSnapshotActivity}, Attempt: 3, LastFailure: &failurepb.Failure{Message: "store does not answer"},
	}}
	status, err = s.Status(t.Context(), Job{ID: job.WorkflowID("c", "shop")})
	require.NoError(t, err)
	require.Equal(t, "PinSnapshot, attempt 3: store does not answer", status.Retrying)

	// Rows are moved by workflows of their own; without them a full disk would show for a minute and a half as nothing.
	f.runs["page"] = &execution{info: e.info, pending: []*workflowpb.PendingActivityInfo{
		{ActivityType: &commonpb.ActivityType{Name: job.UploadTabletsActivity}, Attempt: 1},
		{ActivityType: &commonpb.ActivityType{Name: job.UploadTabletsActivity}, Attempt: 2, LastFailure: &failurepb.Failure{Message: "no space left"}},
	}}
	e.pending, e.pages = nil, []*workflowpb.PendingChildExecutionInfo{{WorkflowId: "over"}, {WorkflowId: "page"}}
	status, err = s.Status(t.Context(), Job{ID: job.WorkflowID("c", "shop")})
	require.NoError(t, err)
	require.Equal(t, "UploadTablets, attempt 2: no space left", status.Retrying)
}

func TestWatchedJobIsNamedByItsDatabase(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.add("backup", "a/b", job.Uploading, true)
	f.add("restore", "", job.Committing, true)
	jobs, err := f.session().Running(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []string{"a/b", ""}, []string{jobs[0].Database, jobs[1].Database})
}

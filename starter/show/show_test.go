package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/job"
)

var created = time.Date(2026, 11, 20, 18, 30, 5, 999, time.UTC)

func running() job.Status {
	return job.Status{Kind: "backup", JobID: 1795286, Database: "sr_hub", Label: "nightly", Repository: "r", State: job.Uploading,
		Objects: "[sr_hub.sr_member]", Created: created, SnapshotFinished: created.Add(time.Second), Code: "OK",
		TimeoutSeconds: 86400, Progress: job.Progress{Units: 12, UnitsDone: 5}}
}

func cells(t *testing.T, table Table) map[string]string {
	t.Helper()
	require.Len(t, table.Rows, 1)
	require.Len(t, table.Rows[0], len(table.Columns))
	m := map[string]string{}
	for i, c := range table.Columns {
		m[c] = table.Rows[0][i]
	}
	return m
}

func TestTimesAreBeijingTimesWhereverTheClientIs(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2026-11-21 02:30:05", Time(created))
	require.Equal(t, "2026-11-21 02:30:05", Time(created.In(time.FixedZone("west", -7*3600))))
	require.Equal(t, Null, Time(time.Time{}))
}

func TestBackupRowHasTheNativeColumns(t *testing.T) {
	t.Parallel()
	got := cells(t, Backups([]job.Status{running()}))
	require.Equal(t, map[string]string{
		"JobId": "1795286", "SnapshotName": "nightly", "DbName": "sr_hub", "State": "UPLOADING", "BackupObjs": "[sr_hub.sr_member]",
		"CreateTime": "2026-11-21 02:30:05", "SnapshotFinishedTime": "2026-11-21 02:30:06", "UploadFinishedTime": Null, "FinishedTime": Null,
		"UnfinishedTasks": "tablets=7", "Progress": "[1795286: 5/12]", "TaskErrMsg": "", "Status": "[OK]", "Timeout": "86400",
	}, got)
	require.Len(t, BackupColumns, 14)
}

func TestRestoreRowHasTheNativeColumns(t *testing.T) {
	t.Parallel()
	s := running()
	s.Kind, s.State, s.Timestamp, s.Objects, s.AllowLoad, s.ReplicationNum = "restore", job.Cancelled, "2026-11-20-18-00-00-000", "sr_member PARTITIONS [p1]", true, 1
	s.Code, s.Message, s.Finished = "COMMON_ERROR", "user cancelled, current state: DOWNLOADING", created.Add(time.Minute)
	got := cells(t, Restores([]job.Status{s}))
	require.Equal(t, map[string]string{
		"JobId": "1795286", "Label": "nightly", "Timestamp": "2026-11-20-18-00-00-000", "DbName": "sr_hub", "State": "CANCELLED",
		"AllowLoad": "true", "ReplicationNum": "1", "RestoreObjs": "sr_member PARTITIONS [p1]", "CreateTime": "2026-11-21 02:30:05",
		"MetaPreparedTime": Null, "SnapshotFinishedTime": "2026-11-21 02:30:06", "DownloadFinishedTime": Null, "FinishedTime": "2026-11-21 02:31:05",
		"UnfinishedTasks": "", "Progress": "", "TaskErrMsg": "",
		"Status": "[COMMON_ERROR, msg: user cancelled, current state: DOWNLOADING]", "Timeout": "86400",
	}, got)
	require.Len(t, RestoreColumns, 18)
}

func TestPausedAndRetriedJobsSayWhy(t *testing.T) {
	t.Parallel()
	s := running()
	s.Retrying = "connection refused"
	require.Equal(t, "[1795286: connection refused]", cells(t, Backups([]job.Status{s}))["TaskErrMsg"])
	s.Paused = "no space"
	require.Equal(t, "[1795286: paused: no space]", cells(t, Backups([]job.Status{s}))["TaskErrMsg"])
	s.State = job.Finished
	require.Empty(t, cells(t, Backups([]job.Status{s}))["TaskErrMsg"])
}

func TestTimeoutStatusKeepsItsEmptyMessage(t *testing.T) {
	t.Parallel()
	s := running()
	s.Code = "TIMEOUT"
	require.Equal(t, "[TIMEOUT, msg: ]", cells(t, Backups([]job.Status{s}))["Status"])
}

func TestRepositoryLocationShowsNoPassword(t *testing.T) {
	t.Parallel()
	got := cells(t, Repositories([]job.Repository{{ID: 7, Name: "r", Location: "hdfs://me:hunter2@nn:8020/b", ReadOnly: true, Created: created}}))
	require.Equal(t, map[string]string{"RepoId": "7", "RepoName": "r", "CreateTime": "2026-11-21 02:30:05", "IsReadOnly": "true",
		"Location": "hdfs://******@nn:8020/b", "Broker": Null, "ErrMsg": Null}, got)
}

func TestSnapshotFormsDifferInColumns(t *testing.T) {
	t.Parallel()
	life := job.SnapshotStamp{ClusterID: "c1", Finished: created, TTL: "7 DAY", Expires: created.AddDate(0, 0, 7)}
	rows := []job.SnapshotRow{{Label: "a", Timestamp: "t1\nt2", Status: "OK", Stamps: []job.SnapshotStamp{life, {}}}, {Label: "b", Status: "ERROR: no snapshot"}}
	require.Equal(t, Table{Columns: []string{"Snapshot", "Timestamp", "Status", "ClusterId", "FinishTime", "TTL", "ExpireTime"}, Rows: [][]string{
		{"a", "t1\nt2", "OK", "c1\nNULL", "2026-11-21 02:30:05\nNULL", "7 DAY\nNULL", "2026-11-28 02:30:05\nNULL"},
		{"b", Null, "ERROR: no snapshot", Null, Null, Null, Null}}}, Snapshots(rows, false))
	detail := []job.SnapshotRow{{Label: "a", Timestamp: "t1", Database: "d", Details: "{}", Status: "OK", Stamps: []job.SnapshotStamp{{ClusterID: "c1"}}},
		{Label: "a", Timestamp: "t2", Status: "Failed to get info: not found"}}
	require.Equal(t, Table{Columns: []string{"Snapshot", "Timestamp", "Database", "Details", "Status", "ClusterId", "FinishTime", "TTL", "ExpireTime"}, Rows: [][]string{
		{"a", "t1", "d", "{}", "OK", "c1", Null, Null, Null}, {"a", "t2", Null, Null, "Failed to get info: not found", Null, Null, Null, Null}}}, Snapshots(detail, true))
}

func TestNotesAreToldInEveryFormAndChangeNoColumn(t *testing.T) {
	t.Parallel()
	s := running()
	s.Notes = []string{"mv\x1b: inactive", "two"}
	quiet := s
	quiet.JobID, quiet.Notes = s.JobID+1, nil
	answer := Backups([]job.Status{s, quiet})
	require.Equal(t, BackupColumns, answer.Columns)
	require.Len(t, BackupColumns, 14)
	require.Len(t, RestoreColumns, 18)
	print := func(form Form) string {
		var b bytes.Buffer
		require.NoError(t, Print(&b, answer, form))
		return b.String()
	}
	require.Contains(t, print(AsTable), fmt.Sprintf("+\nNote on %d: mv�: inactive\nNote on %[1]d: two\n2 rows in set\n", s.JobID))
	require.Contains(t, print(Vertical), "             Timeout: 86400\n                Note: mv�: inactive\n                Note: two\n****")
	var rows []map[string]any
	require.NoError(t, json.Unmarshal([]byte(print(JSON)), &rows))
	require.Equal(t, []any{"mv\x1b: inactive", "two"}, rows[0]["Notes"])
	require.NotContains(t, rows[1], "Notes")
	answer.Rows = answer.Rows[1:]
	require.NotContains(t, print(AsTable), "Note", "the row was filtered out")
}

func TestFormsPrintTheSameRows(t *testing.T) {
	t.Parallel()
	in := Table{Columns: []string{"Snapshot", "Timestamp"}, Rows: [][]string{{"a\x1b[31m", Null}, {"b", "t1\nt2"}}}
	golden := map[Form]string{
		AsTable: `+----------+-----------+
| Snapshot | Timestamp |
+----------+-----------+
| a�[31m   | NULL      |
| b        | t1        |
|          | t2        |
+----------+-----------+
2 rows in set
`,
		Vertical: `*************************** 1. row ***************************
 Snapshot: a�[31m
Timestamp: NULL
*************************** 2. row ***************************
 Snapshot: b
Timestamp: t1
t2
2 rows in set
`,
		JSON: `[{"Snapshot":"a\u001b[31m","Timestamp":null},{"Snapshot":"b","Timestamp":"t1\nt2"}]` + "\n",
	}
	for form, want := range golden {
		var b bytes.Buffer
		require.NoError(t, Print(&b, in, form))
		require.Equal(t, want, b.String(), form)
	}
}

func TestNoRowsAreStillAnAnswer(t *testing.T) {
	t.Parallel()
	for form, want := range map[Form]string{AsTable: "Empty set\n", Vertical: "Empty set\n", JSON: "[]\n"} {
		var b bytes.Buffer
		require.NoError(t, Print(&b, Table{Columns: BackupColumns}, form))
		require.Equal(t, want, b.String())
	}
}

func TestJSONIsValidForAnyCell(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, Print(&b, Table{Columns: []string{`a"b`}, Rows: [][]string{{"\xff\x00\u2028\"\\"}}}, JSON))
	var rows []map[string]any
	require.NoError(t, json.Unmarshal(b.Bytes(), &rows))
	require.Contains(t, rows[0], `a"b`)
}

func TestUnknownFormIsRefused(t *testing.T) {
	t.Parallel()
	_, err := ParseForm("xml")
	require.ErrorContains(t, err, "table, vertical or json")
}

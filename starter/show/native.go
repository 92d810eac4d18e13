package show

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"starkeep/job"
	"starkeep/statement"
)

// native is the zone of every time in SHOW, whatever the zones of cluster and client are (fe:common/util/TimeUtils).
var native = time.FixedZone("UTC+8", 8*60*60)

// Columns of the native statements (fe:qe/ShowResultMetaFactory).
var (
	BackupColumns = []string{"JobId", "SnapshotName", "DbName", "State", "BackupObjs", "CreateTime", "SnapshotFinishedTime",
		"UploadFinishedTime", "FinishedTime", "UnfinishedTasks", "Progress", "TaskErrMsg", "Status", "Timeout"}
	RestoreColumns = []string{"JobId", "Label", "Timestamp", "DbName", "State", "AllowLoad", "ReplicationNum", "RestoreObjs",
		"CreateTime", "MetaPreparedTime", "SnapshotFinishedTime", "DownloadFinishedTime", "FinishedTime", "UnfinishedTasks",
		"Progress", "TaskErrMsg", "Status", "Timeout"}
	RepositoryColumns     = []string{"RepoId", "RepoName", "CreateTime", "IsReadOnly", "Location", "Broker", "ErrMsg"}
	SnapshotColumns       = append([]string{"Snapshot", "Timestamp", "Status"}, lifeColumns...)
	SnapshotDetailColumns = append([]string{"Snapshot", "Timestamp", "Database", "Details", "Status"}, lifeColumns...)
	lifeColumns           = []string{"ClusterId", "FinishTime", "TTL", "ExpireTime"} // since 4.2
)

// Backups is the answer of SHOW BACKUP.
func Backups(jobs []job.Status) Table {
	t := Table{Columns: BackupColumns, Notes: notes(jobs)}
	for _, s := range byID(jobs) {
		t.Rows = append(t.Rows, []string{strconv.FormatInt(s.JobID, 10), s.Label, s.Database, string(s.State), s.Objects,
			Time(s.Created), Time(s.SnapshotFinished), Time(s.UploadFinished), Time(s.Finished),
			unfinished(s), progress(s), taskError(s), status(s), strconv.FormatInt(s.TimeoutSeconds, 10)})
	}
	return t
}

// Restores is the answer of SHOW RESTORE.
func Restores(jobs []job.Status) Table {
	t := Table{Columns: RestoreColumns, Notes: notes(jobs)}
	for _, s := range byID(jobs) {
		t.Rows = append(t.Rows, []string{strconv.FormatInt(s.JobID, 10), s.Label, orNull(s.Timestamp), s.Database, string(s.State),
			strconv.FormatBool(s.AllowLoad), replicationNum(s), s.Objects,
			Time(s.Created), Time(s.MetaPrepared), Time(s.SnapshotFinished), Time(s.DownloadFinished), Time(s.Finished),
			unfinished(s), progress(s), taskError(s), status(s), strconv.FormatInt(s.TimeoutSeconds, 10)})
	}
	return t
}

// Repositories is the answer of SHOW REPOSITORIES.
func Repositories(list []job.Repository) Table {
	t := Table{Columns: RepositoryColumns}
	for _, r := range list {
		t.Rows = append(t.Rows, []string{strconv.FormatInt(r.ID, 10), r.Name, Time(r.Created), strconv.FormatBool(r.ReadOnly),
			statement.RedactURL(r.Location), orNull(r.Broker), orNull(r.Error)})
	}
	return t
}

// Snapshots is the answer of SHOW SNAPSHOT; detail is the form that names a label and a timestamp.
func Snapshots(rows []job.SnapshotRow, detail bool) Table {
	t := Table{Columns: SnapshotColumns}
	if detail {
		t.Columns = SnapshotDetailColumns
	}
	for _, r := range rows {
		row := []string{r.Label, orNull(r.Timestamp), r.Status}
		if detail {
			database := r.Database // empty: the cluster's own objects
			if r.Details == "" {
				database = Null
			}
			row = []string{r.Label, orNull(r.Timestamp), database, orNull(r.Details), r.Status}
		}
		t.Rows = append(t.Rows, append(row, life(r.Stamps)...))
	}
	return t
}

// life is the cells of lifeColumns; several timestamps are joined as in the cell Timestamp.
func life(stamps []job.SnapshotStamp) []string {
	var cells [4][]string
	for _, s := range stamps {
		for c, text := range []string{orNull(s.ClusterID), Time(s.Finished), orNull(s.TTL), Time(s.Expires)} {
			if text == Null && len(stamps) > 1 {
				text = "NULL" // a part of a cell
			}
			cells[c] = append(cells[c], text)
		}
	}
	joined := make([]string, len(cells))
	for c := range cells {
		joined[c] = orNull(strings.Join(cells[c], "\n"))
	}
	return joined
}

func notes(jobs []job.Status) map[string][]string {
	all := map[string][]string{}
	for _, s := range jobs {
		if len(s.Notes) > 0 {
			all[strconv.FormatInt(s.JobID, 10)] = s.Notes
		}
	}
	return all
}

// Time prints a time as every native *Time cell; unset is NULL.
func Time(t time.Time) string {
	if t.IsZero() {
		return Null
	}
	return t.In(native).Format(time.DateTime)
}

func byID(jobs []job.Status) []job.Status {
	sorted := append([]job.Status(nil), jobs...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].JobID < sorted[j].JobID })
	return sorted
}

// moving tells whether the job transfers rows now: natively only then tasks exist.
func moving(s job.Status) bool {
	return (s.State == job.Uploading || s.State == job.Downloading) && s.Progress.Units > 0
}

// unfinished has the native form k=v. A native task is known by its tablet and backend; here a worker takes any, so the
// cell counts them.
func unfinished(s job.Status) string {
	if !moving(s) || s.Progress.UnitsDone >= s.Progress.Units {
		return ""
	}
	return fmt.Sprintf("tablets=%d", s.Progress.Units-s.Progress.UnitsDone)
}

// progress has the native form [task: done/total].
func progress(s job.Status) string {
	if !moving(s) {
		return ""
	}
	return fmt.Sprintf("[%d: %d/%d]", s.JobID, s.Progress.UnitsDone, s.Progress.Units)
}

// taskError has the native form [task: message]; natively too it may be there while the job goes on.
func taskError(s job.Status) string {
	switch {
	case s.State.Final():
		return ""
	case s.Paused != "":
		return fmt.Sprintf("[%d: paused: %s]", s.JobID, s.Paused)
	case s.Retrying != "":
		return fmt.Sprintf("[%d: %s]", s.JobID, s.Retrying)
	}
	return ""
}

// status prints the native Status cell (fe:backup/Status).
func status(s job.Status) string {
	if s.Code == "" || s.Code == "OK" {
		return "[OK]"
	}
	return fmt.Sprintf("[%s, msg: %s]", s.Code, s.Message)
}

// replicationNum is NULL where the statement did not say it: the tables keep what the snapshot records.
func replicationNum(s job.Status) string {
	if s.ReplicationNum == 0 {
		return Null
	}
	return strconv.Itoa(s.ReplicationNum)
}

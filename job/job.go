// Package job holds the words that clients, workflows and activities exchange: requests, states, status, the inputs and
// outputs of activities, names and errors. Pure types: fields are only ever added, never renamed, because running
// histories hold them (golden files in this folder keep the JSON).
package job

import (
	"fmt"
	"strings"
	"time"

	"starkeep/snapshot"
)

// Names that are stable across releases: they are stored in histories and typed by users of the temporal CLI.
const (
	TaskQueue     = "starkeep"          // workflows and short activities
	TransferQueue = "starkeep-transfer" // tablets: its slots bound memory, and never make SHOW wait
	ViewQueue     = "starkeep-view"     // read views, for as long as they are needed

	BackupWorkflow     = "BackupWorkflow"
	RestoreWorkflow    = "RestoreWorkflow"
	ScheduledBackup    = "ScheduledBackupWorkflow" // what a Temporal schedule starts: takes a BackupRequest
	TransferWorkflow   = "TransferWorkflow"        // child: one plan page
	RepositoryRegistry = "RepositoryRegistry"
	SnapshotsWorkflow  = "SnapshotsWorkflow" // answers SHOW SNAPSHOT
	DoctorWorkflow     = "DoctorWorkflow"
	DropWorkflow       = "DropWorkflow"  // drops the snapshots of a label, or one when its time to live has passed
	SweepWorkflow      = "SweepWorkflow" // child of it, outlives it: deletes what only dropped snapshots needed

	CancelSignal = "cancel" // argument: reason (string), may be empty
	PauseSignal  = "pause"  // argument: reason
	ResumeSignal = "resume"
	StatusQuery  = "status" // answers Status

	// AdmittedUpdate returns once the job has passed all checks that come before its first change, or with the error
	// that ended it: what makes BACKUP and RESTORE answer at once, as in the cluster.
	AdmittedUpdate = "admitted"

	// RegistryID is the workflow id of the repository registry.
	RegistryID        = "repositories"
	CreateUpdate      = "create"
	DropUpdate        = "drop"
	RepositoriesQuery = "repositories" // answers []Repository without secrets
	RepositoryQuery   = "repository"   // argument: name; answers SealedRepository

	// Search attributes (all Keyword, but StarkeepProgress Int).
	DatabaseAttribute   = "StarkeepDatabase"
	ClusterAttribute    = "StarkeepCluster"
	RepositoryAttribute = "StarkeepRepository"
	LabelAttribute      = "StarkeepLabel"
	StateAttribute      = "StarkeepState"
	ProgressAttribute   = "StarkeepProgress"
)

// WorkflowID is the lock of a database: BACKUP and RESTORE of one database share it. Without a database it is the lock of
// the cluster's own objects: external catalogs, global functions, users, roles, resource groups.
func WorkflowID(cluster, database string) string {
	if database == "" {
		return "catalogs/" + cluster
	}
	return locks(cluster) + database
}

// DatabaseOf returns the database whose lock a workflow id is; empty when it is that of the cluster's own objects.
func DatabaseOf(cluster, workflowID string) string {
	database, ok := strings.CutPrefix(workflowID, locks(cluster))
	if !ok {
		return ""
	}
	return database
}

func locks(cluster string) string { return "job/" + cluster + "/" }

// State is a state of a job, with the native names (SNAPSHOTING has one T).
type State string

// States of BACKUP and RESTORE, in order.
const (
	Pending        State = "PENDING"
	Snapshoting    State = "SNAPSHOTING"
	UploadSnapshot State = "UPLOAD_SNAPSHOT"
	Uploading      State = "UPLOADING"
	SaveMeta       State = "SAVE_META"
	UploadInfo     State = "UPLOAD_INFO"
	Download       State = "DOWNLOAD"
	Downloading    State = "DOWNLOADING"
	Commit         State = "COMMIT"
	Committing     State = "COMMITTING"
	Finished       State = "FINISHED"
	Cancelled      State = "CANCELLED"
)

// Final tells whether a job in this state is over.
func (s State) Final() bool { return s == Finished || s == Cancelled }

// Object is one object that a job is asked for, or all of a kind.
type Object struct {
	Table      string              `json:"table"`                // its name, whatever its kind
	Kind       snapshot.ObjectKind `json:"kind,omitempty"`       // empty: a table (by name also a view or a materialized view); function stands for procedures, too
	All        bool                `json:"all,omitempty"`        // all objects of the kind; Table is empty
	Partitions []string            `json:"partitions,omitempty"` // nil: all
	Alias      string              `json:"alias,omitempty"`      // RESTORE only: name in the target
}

// BackupRequest is the input of BackupWorkflow. Only the first four fields are required.
type BackupRequest struct {
	Cluster    string   `json:"cluster"`  // name of a cluster in the workers' configuration
	Database   string   `json:"database"` // empty: objects of the cluster itself, which Objects names by their kinds
	Label      string   `json:"label"`
	Repository string   `json:"repository"`
	Objects    []Object `json:"objects,omitempty"` // nil: the whole database
	Users      bool     `json:"users,omitempty"`   // users, roles and their grants, too

	TimeoutSeconds int64  `json:"timeout_seconds,omitempty"` // 0: 86400, the native default
	Compression    string `json:"compression,omitempty"`     // zstd (default), snappy, gzip, lz4, none
	Level          int    `json:"level,omitempty"`           // of the compression; 0: its default
	Consistency    string `json:"consistency,omitempty"`     // "database": fail when not reached; "partition" (default): state what was reached
	Rounds         int    `json:"rounds,omitempty"`          // read rounds allowed; 0: 3
	Full           bool   `json:"full,omitempty"`            // do not reuse what earlier snapshots stored
	// SkipUnsupported leaves out tables that the cluster cannot give back exactly, and names them; otherwise they are refused.
	SkipUnsupported bool   `json:"skip_unsupported,omitempty"`
	TTL             string `json:"ttl,omitempty"` // e.g. "7 DAY" from the end of the job on; empty: kept until it is dropped

	Statement string `json:"statement,omitempty"` // canonical and redacted, for people
}

// ScheduledLabel is the label of a scheduled backup that was due at a time. Statements can name it without back quotes.
func ScheduledLabel(label string, due time.Time) string {
	return label + due.UTC().Format("_20060102_150405")
}

// RestoreRequest is the input of RestoreWorkflow.
type RestoreRequest struct {
	Cluster    string   `json:"cluster"`
	Database   string   `json:"database"`         // target; empty: objects of the cluster itself
	Source     string   `json:"source,omitempty"` // database the snapshot must record; empty: not checked
	Label      string   `json:"label"`
	Repository string   `json:"repository"`
	Timestamp  string   `json:"timestamp,omitempty"` // empty: the label must have exactly one
	Objects    []Object `json:"objects,omitempty"`   // nil: all that the snapshot holds of the database
	Users      bool     `json:"users,omitempty"`     // users, roles and their grants, too

	ReplicationNum int    `json:"replication_num,omitempty"`
	AllowLoad      bool   `json:"allow_load,omitempty"`
	Refresh        bool   `json:"refresh,omitempty"` // refresh materialized views to the end before the job ends
	TimeoutSeconds int64  `json:"timeout_seconds,omitempty"`
	Statement      string `json:"statement,omitempty"`
}

// Secrets is the second argument of RestoreWorkflow: values for what a snapshot holds masked, by the property that supplies
// them: catalog.<name>.<property>, user.<name>.password. The data converter encrypts it wherever Temporal keeps it.
type Secrets map[string]string

// Sealed marks a value that is only ever stored encrypted.
func (Secrets) Sealed() {}

// String keeps the values out of messages.
func (s Secrets) String() string { return fmt.Sprintf("%d secrets", len(s)) }

// GoString does the same for %#v.
func (s Secrets) GoString() string { return s.String() }

// Progress counts what a job has moved.
type Progress struct {
	Units      int64 `json:"units"` // tablets or batches of tablets
	UnitsDone  int64 `json:"units_done"`
	Rows       int64 `json:"rows"`
	Bytes      int64 `json:"bytes"`       // bytes of values, before compression
	Stored     int64 `json:"stored"`      // bytes put into, or read from, the repository
	Reused     int64 `json:"reused"`      // bytes that did not have to be stored again
	BytesTotal int64 `json:"bytes_total"` // estimate for Bytes, 0: unknown
}

// Add adds the counts of q.
func (p *Progress) Add(q Progress) {
	p.Units += q.Units
	p.UnitsDone += q.UnitsDone
	p.Rows += q.Rows
	p.Bytes += q.Bytes
	p.Stored += q.Stored
	p.Reused += q.Reused
	p.BytesTotal += q.BytesTotal
}

// Status is everything that SHOW BACKUP and SHOW RESTORE print, and what watch draws.
type Status struct {
	Kind       string `json:"kind"` // "backup" or "restore"
	JobID      int64  `json:"job_id"`
	Job        string `json:"job"` // folder of the job in the repository
	Cluster    string `json:"cluster"`
	Database   string `json:"database"`
	Label      string `json:"label"`
	Timestamp  string `json:"timestamp,omitempty"`
	Repository string `json:"repository"`
	State      State  `json:"state"`
	Objects    string `json:"objects"` // native text of BackupObjs or RestoreObjs

	Created          time.Time `json:"created"`
	MetaPrepared     time.Time `json:"meta_prepared"` // restore
	SnapshotFinished time.Time `json:"snapshot_finished"`
	UploadFinished   time.Time `json:"upload_finished"`   // backup
	DownloadFinished time.Time `json:"download_finished"` // restore
	Finished         time.Time `json:"finished"`

	Progress       Progress `json:"progress"`
	Paused         string   `json:"paused,omitempty"`   // reason; empty: not paused
	Retrying       string   `json:"retrying,omitempty"` // last error of a step that is being tried again; set by who asks, from what the server knows
	Code           string   `json:"code"`               // OK, TIMEOUT, COMMON_ERROR, NOT_FOUND, …
	Message        string   `json:"message,omitempty"`
	ErrorType      string   `json:"error_type,omitempty"` // name of the final error
	TimeoutSeconds int64    `json:"timeout_seconds"`
	AllowLoad      bool     `json:"allow_load,omitempty"`
	ReplicationNum int      `json:"replication_num,omitempty"`
	Consistency    string   `json:"consistency,omitempty"`
	Statement      string   `json:"statement,omitempty"`
	Notes          []string `json:"notes,omitempty"` // what a person should know and no state says
}

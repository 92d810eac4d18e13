package job

import "time"

// Activity names: stable, because histories hold them.
const (
	PrepareBackupActivity     = "PrepareBackup"
	PinSnapshotActivity       = "PinSnapshot"
	UploadTabletsActivity     = "UploadTablets"
	CheckSnapshotActivity     = "CheckSnapshot"
	SaveIndexActivity         = "SaveIndex"
	CommitManifestActivity    = "CommitManifest"
	ReleaseBackupActivity     = "ReleaseBackup"
	HoldViewActivity          = "HoldView"
	PrepareRestoreActivity    = "PrepareRestore"
	BuildShadowsActivity      = "BuildShadows"
	DownloadTabletsActivity   = "DownloadTablets"
	VerifyShadowsActivity     = "VerifyShadows"
	PublishTablesActivity     = "PublishTables"
	ReplacePartitionsActivity = "ReplacePartitions"
	PutObjectsActivity        = "PutObjects"
	ActivateViewsActivity     = "ActivateViews"
	ReleaseRestoreActivity    = "ReleaseRestore"
	CheckRepositoryActivity   = "CheckRepository"
	RepositoryUsersActivity   = "RepositoryUsers"
	ListSnapshotsActivity     = "ListSnapshots"
	DropSnapshotActivity      = "DropSnapshot"
	SweepDroppedActivity      = "SweepDropped"
	ExamineClusterActivity    = "ExamineCluster"
	ExamineRepositoryActivity = "ExamineRepository"
	TryRepositoryActivity     = "TryRepository"
)

// Signals between a job and its transfers.
const (
	ProgressSignal = "progress" // child to parent: TransferReport
	ViewSignal     = "view"     // HoldView to its workflow: ViewRef, the view is open
)

// ViewRef names a read view, and the task queue of the one worker that holds it.
type ViewRef struct {
	ID    string `json:"id"`
	Queue string `json:"queue"`
}

// HoldViewInput is the input of HoldView.
type HoldViewInput struct {
	Ref  Ref    `json:"ref"`
	View string `json:"view"` // id under which the worker keeps it
}

// Ref is what every stage of a job needs to find its things. Plans and receipts are pages in the repository under
// jobs/<Job>/; histories carry this reference and counts only.
type Ref struct {
	Job          string    `json:"job"` // folder of the job: its first run id, so that retries and new runs share it
	Cluster      string    `json:"cluster"`
	Database     string    `json:"database"`
	Repository   string    `json:"repository"`
	RepositoryID int64     `json:"repository_id,omitempty"` // 0 before the repository was resolved; then it must not change
	Created      time.Time `json:"created"`
}

// PrepareBackupInput is the input of PrepareBackup.
type PrepareBackupInput struct {
	Ref       Ref           `json:"ref"`
	Request   BackupRequest `json:"request"`
	Timestamp string        `json:"timestamp"`
}

// PrepareBackupOutput says what will be backed up.
type PrepareBackupOutput struct {
	RepositoryID int64    `json:"repository_id"`
	Objects      string   `json:"objects"` // native text of BackupObjs
	Tables       int      `json:"tables"`
	View         bool     `json:"view,omitempty"` // rows are read from one view, which one worker holds
	Notes        []string `json:"notes,omitempty"`
}

// Plan is a round of transfers: pages of batches in the job's folder, under Name. An attempt that lost its answer may
// leave another plan behind; the one named here is the one that counts.
type Plan struct {
	Name    string   `json:"name"`
	Round   int      `json:"round"`
	Batches []int    `json:"batches,omitempty"` // number of batches of each page; empty: nothing to transfer
	Total   Progress `json:"total"`             // Units, BytesTotal and what needs no transfer (Reused)
	// Consistency that was reached, set when nothing is left to read (CheckSnapshot).
	Consistency string   `json:"consistency,omitempty"`
	Notes       []string `json:"notes,omitempty"`
}

// StageInput is the input of the stages that need nothing but the job.
type StageInput struct {
	Ref   Ref    `json:"ref"`
	View  string `json:"view,omitempty"`  // PinSnapshot: the view to read from
	Round int    `json:"round,omitempty"` // PinSnapshot: which view of the job it is, counted from 1; 0: no view
}

// CheckSnapshotInput is the input of CheckSnapshot.
type CheckSnapshotInput struct {
	Ref   Ref `json:"ref"`
	Round int `json:"round"` // the round that was just read
}

// Batch names the batch of a page that one activity transfers.
type Batch struct {
	Ref   Ref    `json:"ref"`
	Plan  string `json:"plan"`
	Page  int    `json:"page"`
	Index int    `json:"index"`
	View  string `json:"view,omitempty"` // the view to read from
}

// TransferInput is the whole state of a TransferWorkflow: one page, through a window of activities.
type TransferInput struct {
	Ref      Ref      `json:"ref"`
	Activity string   `json:"activity"` // UploadTablets or DownloadTablets
	Plan     string   `json:"plan"`
	Page     int      `json:"page"`
	Next     int      `json:"next"` // first batch not begun
	To       int      `json:"to"`   // behind the last batch
	Window   int      `json:"window"`
	Reports  int      `json:"reports,omitempty"` // progress signals that it may send
	Done     Progress `json:"done"`
	Paused   string   `json:"paused,omitempty"` // reason; carried into a new run
	View     *ViewRef `json:"view,omitempty"`   // the view to read from
}

// TransferReport is what a transfer tells its parent from time to time.
type TransferReport struct {
	Plan    string   `json:"plan"`
	Page    int      `json:"page"`
	Done    Progress `json:"done"`
	Blocked string   `json:"blocked,omitempty"` // why it waits; empty: it goes on
}

// SaveIndexOutput counts what the manifest will name.
type SaveIndexOutput struct {
	Tables int64 `json:"tables"`
	Rows   int64 `json:"rows"`
	Stored int64 `json:"stored"`
}

// ReleaseInput is the input of ReleaseBackup and ReleaseRestore.
type ReleaseInput struct {
	Ref       Ref  `json:"ref"`
	Admitted  bool `json:"admitted,omitempty"` // the job got beyond its checks, so there must be pages of it
	Committed bool `json:"committed"`          // false: undo everything
}

// ReleaseOutput tells what could not be given back and why, for people.
type ReleaseOutput struct {
	Committed bool     `json:"committed,omitempty"` // the job's last step was found done, or done: it did not fail after all
	Notes     []string `json:"notes,omitempty"`
}

// PrepareRestoreInput is the input of PrepareRestore.
type PrepareRestoreInput struct {
	Ref     Ref            `json:"ref"`
	Request RestoreRequest `json:"request"`
}

// PrepareRestoreOutput says what will be restored.
type PrepareRestoreOutput struct {
	RepositoryID int64    `json:"repository_id"`
	Timestamp    string   `json:"timestamp"`
	Objects      string   `json:"objects"` // native text of RestoreObjs
	Tables       int      `json:"tables"`
	Replacements int      `json:"replacements"`        // partition replacements: from the first of them on there is no way back
	Others       int      `json:"others,omitempty"`    // objects that are not tables: put after the tables are live, with no way back
	Activates    bool     `json:"activates,omitempty"` // behind all else, tables refer to others or materialized views may have to be made active again
	Notes        []string `json:"notes,omitempty"`
}

// VerifyShadowsOutput tells what will be different once the shadows are live.
type VerifyShadowsOutput struct {
	Notes []string `json:"notes,omitempty"`
}

// PutObjectsOutput tells what became of the objects that are not tables.
type PutObjectsOutput struct {
	Notes []string `json:"notes,omitempty"`
}

// ActivateViewsOutput tells which materialized views and constraints are not as they were, and why.
type ActivateViewsOutput struct {
	Notes []string `json:"notes,omitempty"`
}

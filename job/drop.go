package job

import "time"

// DropID is the workflow id of a DROP SNAPSHOT: one at a time for a label.
func DropID(repository, label string) string { return "drop/" + repository + "/" + label }

// ExpiryID is the workflow id of what drops a snapshot when its time to live has passed.
func ExpiryID(repository, label, timestamp string) string {
	return "expire/" + repository + "/" + label + "/" + timestamp
}

// SweepID is the workflow id of the sweep behind a drop, by the run id of the drop.
func SweepID(repository, drop string) string { return "sweep/" + repository + "/" + drop }

// DropRequest is the input of DropWorkflow.
type DropRequest struct {
	Cluster    string `json:"cluster"` // whose statement it is; without Force it drops only what that cluster wrote
	Repository string `json:"repository"`
	Label      string `json:"label"`
	Force      bool   `json:"force,omitempty"`
	Statement  string `json:"statement,omitempty"`

	// Set when a time to live is to end, instead of a statement: the one snapshot, and when.
	RepositoryID int64     `json:"repository_id,omitempty"` // it has to be the repository of then
	Timestamp    string    `json:"timestamp,omitempty"`
	Expires      time.Time `json:"expires,omitzero"`
}

// DropInput is the input of DropSnapshot.
type DropInput struct {
	Job     string      `json:"job"` // run id of the drop: names its pages in the repository
	Request DropRequest `json:"request"`
}

// Dropped tells what a drop did.
type Dropped struct {
	RepositoryID int64         `json:"repository_id"`
	Timestamps   []string      `json:"timestamps"`
	Objects      int64         `json:"objects"` // that these snapshots named
	Bytes        int64         `json:"bytes"`   // in these objects
	Grace        time.Duration `json:"grace"`   // before they are looked at again, and deleted if nothing names them
	Notes        []string      `json:"notes,omitempty"`
}

// SweepInput is the input of SweepWorkflow and of SweepDropped.
type SweepInput struct {
	Job          string        `json:"job"` // run id of the drop
	Repository   string        `json:"repository"`
	RepositoryID int64         `json:"repository_id"`
	Label        string        `json:"label"`
	Grace        time.Duration `json:"grace"`
}

// Swept tells what a sweep deleted.
type Swept struct {
	Objects int64    `json:"objects"`
	Bytes   int64    `json:"bytes"`
	Kept    int64    `json:"kept"` // objects that other snapshots name
	Notes   []string `json:"notes,omitempty"`
}

package job

import "time"

// CreateRepository is the argument of the create update of the registry. It holds secrets: the data converter encrypts
// every value that implements Sealed, wherever Temporal keeps it.
type CreateRepository struct {
	Name       string            `json:"name"`
	Location   string            `json:"location"`
	Broker     string            `json:"broker,omitempty"`
	ReadOnly   bool              `json:"read_only,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
}

// Sealed marks a value that is only ever stored encrypted.
func (CreateRepository) Sealed() {}

// Repository is one row of SHOW REPOSITORIES, free of secrets.
type Repository struct {
	ID       int64     `json:"id"`
	Name     string    `json:"name"`
	Location string    `json:"location"`
	Broker   string    `json:"broker,omitempty"`
	ReadOnly bool      `json:"read_only,omitempty"`
	Created  time.Time `json:"created"`
	Error    string    `json:"error,omitempty"`
}

// DropRepository is the argument of the drop update.
type DropRepository struct {
	Name string `json:"name"`
}

// SealedRepository is a repository with what is needed to open it.
type SealedRepository struct {
	Repository
	Properties map[string]string `json:"properties,omitempty"`
}

// Sealed marks a value that is only ever stored encrypted.
func (SealedRepository) Sealed() {}

// SnapshotsRequest asks for SHOW SNAPSHOT.
type SnapshotsRequest struct {
	Repository string   `json:"repository"`
	Labels     []string `json:"labels,omitempty"`
	Timestamp  string   `json:"timestamp,omitempty"`
}

// SnapshotRow is one row of SHOW SNAPSHOT; Details only in the detail form.
type SnapshotRow struct {
	Label     string          `json:"label"`
	Timestamp string          `json:"timestamp"` // several are joined by newlines in the list form
	Status    string          `json:"status"`
	Database  string          `json:"database,omitempty"`
	Details   string          `json:"details,omitempty"`
	Stamps    []SnapshotStamp `json:"stamps,omitempty"` // one a timestamp, in their order; none where they cannot be read
}

// SnapshotStamp is what SHOW SNAPSHOT tells about one timestamp.
type SnapshotStamp struct {
	ClusterID string    `json:"cluster_id,omitempty"` // as the cluster that was backed up states it
	Finished  time.Time `json:"finished,omitzero"`
	TTL       string    `json:"ttl,omitempty"`    // empty: kept until it is dropped
	Expires   time.Time `json:"expires,omitzero"` // zero: never
}

// DoctorRequest names what to examine; empty fields are left out.
type DoctorRequest struct {
	Cluster    string `json:"cluster,omitempty"`
	Repository string `json:"repository,omitempty"`
	Database   string `json:"database,omitempty"`
	Thorough   bool   `json:"thorough,omitempty"` // use the repository: put, read, list and delete below a name of its own
}

// Check is one line of a doctor's report.
type Check struct {
	Subject string `json:"subject"` // cluster, repository, …
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Detail  string `json:"detail"`
	Advice  string `json:"advice,omitempty"`
}

package job

// Names of final errors: retrying cannot help. They are the API for retry policies, SHOW, exit codes and tests.
const (
	InvalidRequest        = "InvalidRequest"
	UnknownCluster        = "UnknownCluster"
	UnknownDatabase       = "UnknownDatabase"
	UnknownTable          = "UnknownTable"
	UnknownPartition      = "UnknownPartition"
	UnknownRepository     = "UnknownRepository"
	RepositoryExists      = "RepositoryExists"
	RepositoryInUse       = "RepositoryInUse"
	RepositoryReadOnly    = "RepositoryReadOnly"
	SnapshotNotFound      = "SnapshotNotFound"
	SnapshotInUse         = "SnapshotInUse" // a backup writes it, or a restore reads it
	LabelExists           = "LabelExists"
	TargetExists          = "TargetExists"
	SchemaMismatch        = "SchemaMismatch"
	MissingPrivilege      = "MissingPrivilege"
	Unsupported           = "Unsupported"
	DamagedSnapshot       = "DamagedSnapshot"
	NewerFormat           = "NewerFormat"
	RowsRejected          = "RowsRejected"
	RowCountMismatch      = "RowCountMismatch"
	ConsistencyNotReached = "ConsistencyNotReached"
	ViewLost              = "ViewLost" // the one moment that rows are read at is gone; the job begins another one by itself
	UserCancelled         = "UserCancelled"
	Timeout               = "Timeout"
	DatabaseBusy          = "DatabaseBusy" // a scheduled backup waited for another job in vain
)

// Names of errors that a person can mend: after the retries are used up the job pauses with the reason.
const (
	StoreUnreachable   = "StoreUnreachable"
	StoreDenied        = "StoreDenied"
	StoreFull          = "StoreFull"
	SpoolFull          = "SpoolFull"
	ClusterUnreachable = "ClusterUnreachable"
	RepositoryBusy     = "RepositoryBusy" // another job removes what nobody names; it takes seconds
	Unexpected         = "Unexpected"     // none of the named ones; repeated, since most of them pass
)

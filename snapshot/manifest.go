package snapshot

import (
	"slices"
	"time"
)

// Versions of the repository format. A manifest states the oldest one that holds what it says, so that an older release
// goes on to read what it can understand, and says what it cannot.
const (
	FirstFormat   = 1 // tables
	ObjectsFormat = 2 // + objects without rows, a point in the engine's log, key ranges
	RollupsFormat = 3 // + rollups, materialized views, packages, catalogs, resource groups, global functions, masked properties, encoded columns, snapshots without a database, a time to live
	FormatVersion = RollupsFormat
)

// objectsOfTwo are the kinds of objects that readers of version 2 know.
var objectsOfTwo = []ObjectKind{View, Trigger, Function, Procedure, Event, Sequence, User, Role, Database}

// NeededFormat returns the oldest version that holds m. Key ranges, which are in the index, come only with a point.
func (m Manifest) NeededFormat() int {
	if m.Database == "" || m.TTL != "" || len(m.Skipped) > 0 || slices.ContainsFunc(m.Tables, func(t TableEntry) bool {
		return len(t.Rollups) > 0 || slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Encoding != "" })
	}) ||
		slices.ContainsFunc(m.Objects, func(o Object) bool {
			return !slices.Contains(objectsOfTwo, o.Kind) || len(o.Masked) > 0
		}) {
		return RollupsFormat
	}
	if m.Point != nil || len(m.Objects) > 0 {
		return ObjectsFormat
	}
	return FirstFormat
}

// TimestampLayout is the layout of a backup timestamp: yyyy-MM-dd-HH-mm-ss-SSS, always UTC in Starkeep.
const TimestampLayout = "2006-01-02-15-04-05.000"

// FormatTimestamp prints a backup timestamp (milliseconds behind a dash, as the native tools write it).
func FormatTimestamp(t time.Time) string {
	b := []byte(t.UTC().Format(TimestampLayout))
	b[19] = '-'
	return string(b)
}

// Manifest is the snapshot: if it is there, every object it names is there, whole. It is written once, last.
type Manifest struct {
	Format      int          `json:"format"`
	Label       string       `json:"label"`
	Timestamp   string       `json:"timestamp"` // backup timestamp
	Database    string       `json:"database"`  // empty: objects of the cluster itself, and no tables
	Cluster     Cluster      `json:"cluster"`
	Job         string       `json:"job"`       // id of the job that wrote it: makes a repeated commit recognisable
	Statement   string       `json:"statement"` // canonical, redacted
	Created     time.Time    `json:"created"`
	Finished    time.Time    `json:"finished"`
	Complete    bool         `json:"complete"` // the whole database was asked for, not a choice of objects
	Consistency Consistency  `json:"consistency"`
	Point       *Point       `json:"point,omitempty"` // the one moment of all rows, where the engine can name it
	Tables      []TableEntry `json:"tables"`
	Objects     []Object     `json:"objects,omitempty"` // views, triggers, routines, …; in an order in which they can be created
	// Skipped are tables that could not be carried and that the BACKUP said to leave out, with the reason.
	Skipped map[string]string `json:"skipped,omitempty"`
	Totals  Totals            `json:"totals"`
	TTL     string            `json:"ttl,omitempty"`    // as the BACKUP said it, e.g. "7 DAY"; empty: kept until it is dropped
	Expires time.Time         `json:"expires,omitzero"` // Finished plus TTL; set exactly when TTL is
}

// Point names a moment in an engine's own log: a replica, or a restore of the log up to a moment, can begin there.
type Point struct {
	BinlogFile     string        `json:"binlog_file,omitempty"`
	BinlogPosition int64         `json:"binlog_position,omitempty"`
	GTID           string        `json:"gtid,omitempty"`
	Lock           string        `json:"lock"`      // how the one moment was reached, e.g. "FLUSH TABLES WITH READ LOCK"
	LockedFor      time.Duration `json:"locked_ns"` // how long others could not write
}

// Cluster says where a snapshot came from.
type Cluster struct {
	Name    string `json:"name"` // name in the configuration
	Kind    string `json:"kind"` // starrocks, doris, mysql
	ID      string `json:"id"`   // identity the cluster states about itself; ids of tables mean something only within it
	Version string `json:"version"`
}

// Levels of consistency, strongest first.
const (
	DatabaseLevel  = "database"  // all partitions at one moment: no version moved between pinning and the last check
	PartitionLevel = "partition" // each partition is one consistent read; the ones in Moved were read at different moments
)

// Consistency states what a reader of the snapshot may rely on. Never silent: SHOW SNAPSHOT prints it.
type Consistency struct {
	Level  string    `json:"level"`
	Rounds int       `json:"rounds"`          // read rounds that were needed or allowed
	From   time.Time `json:"from"`            // the versions were pinned not before
	To     time.Time `json:"to"`              // and re-checked not after
	Moved  []string  `json:"moved,omitempty"` // "table.partition" still moving when the rounds were used up
}

// TableEntry is one table in a manifest.
type TableEntry struct {
	Table              // Partitions is empty here
	Complete bool      `json:"complete"` // all partitions of the table are in the snapshot
	Index    ObjectRef `json:"index"`    // index object that holds its partitions; may be shared with other tables
	Totals   Totals    `json:"totals"`
}

// Totals are sums over the data a snapshot names.
type Totals struct {
	Tables      int64 `json:"tables,omitempty"`
	Partitions  int64 `json:"partitions"`
	Tablets     int64 `json:"tablets"`
	Rows        int64 `json:"rows"`
	Objects     int64 `json:"objects"`
	StoredBytes int64 `json:"stored_bytes"` // bytes of the data objects it names
	ReusedBytes int64 `json:"reused_bytes"` // of these, bytes that an earlier snapshot had stored already
}

// Add adds the sums of u.
func (t *Totals) Add(u Totals) {
	t.Tables += u.Tables
	t.Partitions += u.Partitions
	t.Tablets += u.Tablets
	t.Rows += u.Rows
	t.Objects += u.Objects
	t.StoredBytes += u.StoredBytes
	t.ReusedBytes += u.ReusedBytes
}

// ObjectRef names an immutable object of the repository; its key ends in the SHA-256 of its bytes.
type ObjectRef struct {
	Key  string `json:"key"`
	Size int64  `json:"size"`
}

// PartitionEntry is one line of an index object: a partition and where its rows are.
type PartitionEntry struct {
	Table   string `json:"table"`
	TableID int64  `json:"table_id"`
	Schema  string `json:"schema"` // schema fingerprint, see Fingerprint
	Partition
	Rows    int64        `json:"rows"`
	Reused  bool         `json:"reused,omitempty"`
	Objects []DataObject `json:"objects,omitempty"`
}

// DataObject is one immutable file of rows.
type DataObject struct {
	ObjectRef
	Rows    int64   `json:"rows"`
	Tablets []int64 `json:"tablets,omitempty"` // tablets it was read from; empty: the whole partition
}

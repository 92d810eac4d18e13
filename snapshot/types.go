// Package snapshot defines what a snapshot is: its manifest, its index, its tables, columns, partitions and rows.
//
// It holds pure types only (no I/O, no clock), so that workflows, cluster adapters and activities can share them.
// snapshot/dataobject is the codec of data objects (Parquet); snapshot/repository reads and writes the layout on a
// storage.Bucket. docs/format.md is the contract for everything that is written.
package snapshot

import (
	"fmt"
	"regexp"
)

// Kind names how the values of a column are understood. It decides how a data object stores them, never what they are:
// a value that its kind cannot hold exactly is stored as text.
type Kind string

// The kinds of format version 1.
const (
	Boolean  Kind = "boolean"  // "0" or "1"
	Int8     Kind = "int8"     // decimal text
	Int16    Kind = "int16"    // decimal text
	Int32    Kind = "int32"    // decimal text
	Int64    Kind = "int64"    // decimal text
	Int128   Kind = "int128"   // decimal text, up to 39 digits
	Float32  Kind = "float32"  // shortest text, see dataobject
	Float64  Kind = "float64"  // shortest text, see dataobject
	Decimal  Kind = "decimal"  // fixed scale text, Precision and Scale set
	Date     Kind = "date"     // YYYY-MM-DD
	Datetime Kind = "datetime" // YYYY-MM-DD HH:MM:SS[.ffffff]
	String   Kind = "string"   // any bytes, usually UTF-8
	Binary   Kind = "binary"   // any bytes
	JSON     Kind = "json"     // JSON text as the source normalises it
)

// Type is the type of a column.
type Type struct {
	Kind      Kind `json:"kind"`
	Precision int  `json:"precision,omitempty"` // Decimal only
	Scale     int  `json:"scale,omitempty"`     // Decimal only
}

// Column describes one column as the source declares it.
type Column struct {
	Name     string `json:"name"`
	Type     Type   `json:"type"`
	Source   string `json:"source"` // the source's own type text, e.g. "varchar(20)"
	Nullable bool   `json:"nullable,omitempty"`
	Key      bool   `json:"key,omitempty"`
	// Encoding names how the adapter wrote values that the source cannot print exactly; empty: as the source prints them.
	Encoding Encoding `json:"encoding,omitempty"`
}

// Encoding is how values that have no exact text are written.
type Encoding string

// The encodings (docs/format.md has their rules).
const (
	NestedEncoding Encoding = "nested" // Kind JSON: ARRAY, MAP, STRUCT as JSON whose leaves are exact texts
	BitmapEncoding Encoding = "bitmap" // Kind Binary: what bitmap_to_binary gives
	HLLEncoding    Encoding = "hll"    // Kind Binary: what hll_serialize gives
)

// Partitioning is how a table is divided.
type Partitioning string

// The kinds of partitioning.
const (
	Unpartitioned         Partitioning = "none"
	RangePartitioning     Partitioning = "range"
	ListPartitioning      Partitioning = "list"
	AutomaticPartitioning Partitioning = "automatic" // expression partitioning: loads create partitions, DDL does not list them
)

// Table is one table of a database as it was described.
type Table struct {
	Name         string       `json:"name"`
	ID           int64        `json:"id"`
	Model        string       `json:"model"` // DUPLICATE, AGGREGATE, UNIQUE, PRIMARY
	DDL          string       `json:"ddl"`   // as the source prints it
	Columns      []Column     `json:"columns"`
	Partitioning Partitioning `json:"partitioning"`
	Partitions   []Partition  `json:"partitions,omitempty"` // empty in a manifest: the index holds them
	// Rollups are further indexes of the table that its DDL does not show: rollups and synchronous materialized views.
	Rollups []Rollup `json:"rollups,omitempty"`
	// Temporary names partitions that wait to take the place of others. They are described, and not carried.
	Temporary []string `json:"-"`
}

// Rollup is an index of a table that holds some of its columns, or sums over them, and travels with it.
type Rollup struct {
	Name string `json:"name"`
	DDL  string `json:"ddl"` // as the source prints it, or the statement that makes it
}

// Partition is one partition by name. An engine may keep it as several physical partitions.
type Partition struct {
	Name     string              `json:"name"`
	Values   string              `json:"values,omitempty"` // clause that re-creates it, e.g. `VALUES [("1"), ("5"))`; empty for unpartitioned tables
	Physical []PhysicalPartition `json:"physical"`
}

// PhysicalPartition is what an engine versions: Identity of unchanged data = (table id, ID, Version, schema fingerprint).
type PhysicalPartition struct {
	ID      int64   `json:"id"`
	Version int64   `json:"version"`           // visible version; 0: the engine has none, so nothing proves data unchanged
	Time    string  `json:"time,omitempty"`    // when the version became visible, as the engine prints it in UTC; empty: not known
	Empty   bool    `json:"empty,omitempty"`   // proven empty (never loaded), need not be read
	Rows    int64   `json:"rows"`              // estimate, only for planning
	Bytes   int64   `json:"bytes"`             // estimate, only for planning
	Tablets []int64 `json:"tablets,omitempty"` // base index only
	// Ranges divide it by key where an engine has no tablets; remembered, so that unchanged ranges give unchanged objects.
	Ranges []KeyRange `json:"ranges,omitempty"`
}

// KeyRange is the rows with After < key <= UpTo in the order of the key. A bound is one text a key column, as the engine
// prints it; a nil bound is open.
type KeyRange struct {
	After [][]byte `json:"after,omitempty"`
	UpTo  [][]byte `json:"up_to,omitempty"`
}

// SameVersions tells whether p and q are proven to be the same data: the same physical partitions at the same visible
// versions. Where both tell times, these must be equal, too: an engine that was set back can reach a version again with other data.
func (p Partition) SameVersions(q Partition) bool {
	if len(p.Physical) != len(q.Physical) {
		return false
	}
	at := make(map[int64]PhysicalPartition, len(p.Physical))
	for _, x := range p.Physical {
		at[x.ID] = x
	}
	for _, x := range q.Physical {
		y, ok := at[x.ID]
		if !ok || x.Version == 0 || y.Version != x.Version || y.Time != "" && x.Time != "" && y.Time != x.Time {
			return false
		}
	}
	return true
}

// Partition returns the partition of that name.
func (t Table) Partition(name string) (Partition, bool) {
	for _, p := range t.Partitions {
		if p.Name == name {
			return p, true
		}
	}
	return Partition{}, false
}

// String prints a type for messages, e.g. decimal(18,2).
func (t Type) String() string {
	if t.Kind == Decimal {
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	}
	return string(t.Kind)
}

// ValidLabel tells whether a label can be used: it becomes a folder of the repository.
func ValidLabel(label string) bool { return labelForm.MatchString(label) }

var labelForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// ObjectKind is the kind of an object that is not a table.
type ObjectKind string

// The kinds.
const (
	View      ObjectKind = "view"
	Trigger   ObjectKind = "trigger"
	Function  ObjectKind = "function"
	Procedure ObjectKind = "procedure"
	Event     ObjectKind = "event"
	Package   ObjectKind = "package"      // MariaDB: a declaration
	Body      ObjectKind = "package body" // MariaDB: what a package does
	Sequence  ObjectKind = "sequence"
	User      ObjectKind = "user"     // global: a user with its grants
	Role      ObjectKind = "role"     // global: a role with its grants
	Database  ObjectKind = "database" // the database itself: what new objects in it get by default

	MaterializedView ObjectKind = "materialized view" // asynchronous: its rows are made by a refresh
	Catalog          ObjectKind = "catalog"           // global: an external catalog
	ResourceGroup    ObjectKind = "resource group"    // global
	GlobalFunction   ObjectKind = "global function"   // global: a function of no database
)

// ActiveSetting is the setting of a materialized view that tells whether it was active: "true" or "false".
const ActiveSetting = "active"

// GlobalFunctionsSetting is the setting of a view or materialized view that names the functions of no database that it
// calls, separated by commas: a snapshot of the database does not hold them.
const GlobalFunctionsSetting = "global_functions"

// Object is one object of a database that holds no rows. Objects come in an order in which they can be created.
type Object struct {
	Kind  ObjectKind `json:"kind"`
	Name  string     `json:"name"`
	Table string     `json:"table,omitempty"` // of a trigger: the table it is on
	DDL   string     `json:"ddl"`             // as the source prints it
	// Settings are what the DDL means under: sql_mode, character_set_client, collation_connection, time_zone, …
	Settings map[string]string `json:"settings,omitempty"`
	Grants   []string          `json:"grants,omitempty"` // of users and roles
	// Masked are properties whose values the source does not tell: credentials, passwords. Who restores supplies them.
	Masked []string `json:"masked,omitempty"`
}

// Global tells whether an object belongs to the cluster, not to a database.
func (o Object) Global() bool { return o.Kind.Global() }

// Global tells whether objects of the kind belong to the cluster, not to a database.
func (k ObjectKind) Global() bool {
	return k == User || k == Role || k == Catalog || k == ResourceGroup || k == GlobalFunction
}

// String prints kind and name for messages.
func (o Object) String() string { return string(o.Kind) + " " + o.Name }

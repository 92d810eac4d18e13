// Package cluster defines what Starkeep asks of a database cluster, in small abilities. Adapters live in folders of
// their own (cluster/starrocks, …); cluster/clustertest is the suite that every one of them passes, and each adapter's
// compile-time assertions are the support matrix.
//
// All methods are safe for concurrent use and safe to repeat. Errors that callers branch on are the sentinels below.
package cluster

import (
	"context"
	"errors"

	"starkeep/snapshot"
)

// Errors that every adapter tells apart (errors.Is). "Not found" is a proof: a cluster that did not answer gives
// ErrUnreachable, never one of the first two.
var (
	ErrUnknownDatabase  = errors.New("unknown database")
	ErrUnknownTable     = errors.New("unknown table")
	ErrUnknownPartition = errors.New("unknown partition")
	ErrUnsupported      = errors.New("not supported") // an object, type or version that the adapter cannot carry; names it
	ErrDenied           = errors.New("access denied") // names the privilege and the GRANT that gives it
	ErrUnreachable      = errors.New("cluster unreachable")
	ErrMoved            = errors.New("partition changed while it was read") // rows read do not match the pinned version
	ErrRejected         = errors.New("rejected by the cluster")             // a load filtered rows, or an object is refused; carries the reasons
	ErrExists           = errors.New("object exists already")
	ErrInvalidName      = errors.New("invalid name")
)

// Cluster is what every adapter offers.
type Cluster interface {
	// Info identifies the cluster and proves that it answers.
	Info(ctx context.Context) (snapshot.Cluster, error)
	Close() error
}

// Privilege is one thing the connecting user needs.
type Privilege struct {
	Name  string // e.g. "SELECT on all tables of sr_hub"
	Grant string // statement that gives it
}

// Purpose says what privileges are checked for.
type Purpose string

// The purposes.
const (
	ForBackup  Purpose = "backup"
	ForRestore Purpose = "restore"
)

// Audit says what privileges are checked for.
type Audit struct {
	Purpose  Purpose
	Database string   // empty: objects of the cluster itself; one that does not exist yet is allowed for ForRestore
	Tables   []string // none: all tables of the database
	// Kinds of objects beside the tables that will be read or put.
	Kinds []snapshot.ObjectKind
}

// Auditor checks privileges before anything is changed.
type Auditor interface {
	// Missing returns the privileges that the connecting user lacks.
	Missing(ctx context.Context, a Audit) ([]Privilege, error)
}

// Check is one line of a doctor's report.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`           // what was seen
	Advice string `json:"advice,omitempty"` // what to do when not OK
}

// Doctor examines reachability from where it runs.
type Doctor interface {
	// Examine never fails: what goes wrong is a Check with OK false.
	Examine(ctx context.Context) []Check
}

// Lister finds objects.
type Lister interface {
	// DatabaseExists tells whether a database is there.
	DatabaseExists(ctx context.Context, database string) (bool, error)
	// Tables returns the names of the base tables of a database, sorted. Views, materialized views and other kinds are
	// returned in others as "kind name", so that nothing is skipped in silence.
	Tables(ctx context.Context, database string) (tables, others []string, err error)
}

// TableError tells why one table of several cannot be carried.
type TableError struct {
	Table string
	Err   error // names the column and its type
}

func (e *TableError) Error() string { return "table " + e.Table + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *TableError) Unwrap() error { return e.Err }

// Describer reads definitions.
type Describer interface {
	// Describe returns the tables with columns, DDL, partitions, versions and tablets; of temporary partitions only the names.
	// Columns are those whose values are read and loaded: generated ones are in the DDL only. It fails with ErrUnknownTable,
	// or with one *TableError, wrapping ErrUnsupported, for every table that it cannot carry (errors.Join).
	Describe(ctx context.Context, database string, tables []string) ([]snapshot.Table, error)
}

// Pinner reads visible versions.
type Pinner interface {
	// Versions returns the partitions of the tables with their physical partitions and versions now (no tablets needed).
	// A table that is gone is missing in the map.
	Versions(ctx context.Context, database string, tables []string) (map[string][]snapshot.Partition, error)
}

// ReadRequest selects rows of one partition.
type ReadRequest struct {
	Database  string
	Table     string
	Columns   []snapshot.Column
	Partition string             // empty: the whole table
	Tablets   []int64            // empty: all tablets; else only these of the base index
	Range     *snapshot.KeyRange // nil: all keys
}

// Exporter reads rows.
type Exporter interface {
	// Read starts one statement, which is one consistent read. The values of a row come in the order of Columns.
	Read(ctx context.Context, r ReadRequest) (snapshot.RowReader, error)
	// Count counts the rows of a table, or of one partition of it; of a temporary partition when temporary is set.
	Count(ctx context.Context, database, table, partition string, temporary bool) (int64, error)
}

// ViewRequest asks for one consistent point.
type ViewRequest struct {
	Database string
	Tables   []string
	Sessions int // reads that will go on at once
}

// Viewer opens views, where the engine lets several sessions read at one moment.
type Viewer interface {
	// OpenView brings Sessions sessions to one moment, and holds nothing that stops writers when it returns. ErrDenied
	// names the privilege it needs.
	OpenView(ctx context.Context, r ViewRequest) (View, error)
}

// View is one moment of some tables. It lives in this process: when the process or a session dies, the moment is gone.
// Safe for concurrent use; a Read beyond Sessions waits for another one's Close.
type View interface {
	// Tables describes the tables, in the order asked for, as they are in the view.
	Tables() []snapshot.Table
	// Weak names the tables that the view cannot keep still, and why (not transactional): "table: reason".
	Weak() []string
	Point() snapshot.Point
	// Ranges divides a partition by its key for reading in parallel, about bytes each; previous is how an earlier snapshot
	// divided it (nil: none), kept as far as it fits, so that unchanged ranges give unchanged objects. One range, or none,
	// is the whole partition.
	Ranges(ctx context.Context, table, partition string, bytes int64, previous []snapshot.KeyRange) ([]snapshot.KeyRange, error)
	// Read reads rows as they were at the moment, in the order of the key. ErrMoved: the table changed its shape, or the
	// view is lost; it has to be opened anew.
	Read(ctx context.Context, r ReadRequest) (snapshot.RowReader, error)
	// Broken is closed when the view is lost.
	Broken() <-chan struct{}
	Close() error
}

// Collection says which objects are asked for.
type Collection struct {
	Users    bool // users and roles, too
	Database bool // the database itself, before its objects
	// Kinds are the only kinds that are asked for; nil is all. What is not asked for is not looked at, so that no privilege
	// for it can be missing.
	Kinds []snapshot.ObjectKind
}

// Renaming says under which names objects come back.
type Renaming struct {
	From, To string            // database; both empty for objects of the cluster itself
	Tables   map[string]string // tables, views and materialized views of the database that have another name now
	// Others are objects of other kinds that have another name now: functions, catalogs.
	Others map[string]string `json:"others,omitempty"`
	// Supplied are values for what the source masked (Object.Masked), by property. They are secret: handed over in memory
	// only, never stored or printed.
	Supplied map[string]string `json:"-"`
}

// Keeper keeps the objects that hold no rows.
type Keeper interface {
	// Objects returns them in an order in which they can be created. What it cannot carry is ErrUnsupported, by name; a
	// missing privilege is ErrDenied. With an empty database only objects of the cluster itself (ObjectKind.Global) are
	// returned; their kinds are then named.
	Objects(ctx context.Context, database string, c Collection) ([]snapshot.Object, error)
	// PutObject creates o in the database r.To, in the place of one of its kind and name. A note tells what is not as it
	// was (a definer that does not exist here). ErrRejected: the cluster does not take it, a repeat cannot help.
	PutObject(ctx context.Context, o snapshot.Object, r Renaming) (note string, err error)
	// DropObject drops it; no error when absent.
	DropObject(ctx context.Context, database string, o snapshot.Object) error
}

// ObjectChecker tells early what PutObject would refuse.
type ObjectChecker interface {
	// CheckObject finds, without changing anything, what PutObject cannot do with o: a definition that it cannot read or
	// rewrite, a masked property that nobody supplies (ErrRejected, naming the property to write), an object of that name
	// that it must not replace (ErrExists). The tables of the job may not be there yet. A note tells what will be different.
	CheckObject(ctx context.Context, o snapshot.Object, r Renaming) (note string, err error)
}

// Granter keeps privileges that are given on a table itself, where a cluster keeps them by the id of the table: what takes
// its place has none of them.
type Granter interface {
	// CarryGrants gives shadows what users and roles may do on the very tables that they are about to replace; shadows are
	// by the names of those. A note tells what could not be carried, or not be read. To be called right before Publish.
	CarryGrants(ctx context.Context, database string, shadows map[string]string) (notes []string, err error)
}

// Dependent is a materialized view that reads tables of a job.
type Dependent struct {
	Database string `json:"database"`
	Name     string `json:"name"`
}

// Activator brings back what a cluster sets inactive when tables under it are swapped: materialized views.
type Activator interface {
	// Dependents returns the materialized views, of any database, that are active and read one of these tables, views or
	// materialized views, directly or through one another, in an order in which they can be activated.
	Dependents(ctx context.Context, database string, names []string) ([]Dependent, error)
	// Activate makes d active again, and refreshes its rows to the end when refresh is set; one that is active already is
	// only refreshed. The note tells its state when it is not as wanted, and why. An absent one is ErrUnknownTable.
	Activate(ctx context.Context, d Dependent, refresh bool) (note string, err error)
}

// Host tells whether a cluster can hold tables.
type Host interface {
	// Fit checks, before anything is changed, that the cluster can hold the tables when they are created with o: enough
	// nodes for their replicas, a version and a run mode that know their features. ErrUnsupported says what does not fit
	// and what to do. Notes tell what will be different there, a sentence each.
	Fit(ctx context.Context, tables []snapshot.Table, o TableOptions) (notes []string, err error)
}

// Omitter tells what a backup of a table does not hold.
type Omitter interface {
	// Omissions tells what of t, beside the rows that it shows now, is not read: a sentence each.
	Omissions(t snapshot.Table) []string
}

// Translator brings in tables of clusters of another kind.
type Translator interface {
	// Translate returns t, described by a cluster of kind from, with the DDL and source types of this kind: the same names
	// and kinds of columns, in one partition. ErrUnsupported names the table, the column and the type that do not fit.
	Translate(t snapshot.Table, from string) (snapshot.Table, error)
}

// Finisher completes what was built, once all rows are in: secondary indexes, for instance.
type Finisher interface {
	// Finish completes the shadow of t; a shadow that is complete is left alone.
	Finish(ctx context.Context, database string, t snapshot.Table, shadow string) error
}

// Referrer lets tables refer to one another once all of them are live: by foreign keys that are hints to an optimizer.
type Referrer interface {
	// Refers tells whether t has such constraints.
	Refers(t snapshot.Table) bool
	// Refer gives tables, which are live under their names in the database r.To, the constraints of their definitions, in
	// the names of now. Notes tell what they cannot have. A repeat does no harm.
	Refer(ctx context.Context, tables []snapshot.Table, r Renaming) (notes []string, err error)
}

// GroupPublisher publishes all tables of a job in one atomic step.
type GroupPublisher interface {
	// PublishAll is Publish for all of ps, which replace no partitions: all become live, or none.
	PublishAll(ctx context.Context, ps []Publication) error
	// UnpublishAll is Unpublish for all of ps.
	UnpublishAll(ctx context.Context, ps []Publication) error
}

// LoadRequest is rows for one table.
type LoadRequest struct {
	Database  string
	Table     string
	Columns   []snapshot.Column
	Temporary []string                           // load into these temporary partitions instead of the table's own
	Label     string                             // the same label loads at most once, as long as the cluster remembers it
	Open      func() (snapshot.RowReader, error) // opened again for every attempt and redirect
}

// LoadResult tells what a load did.
type LoadResult struct {
	Rows     int64 // rows loaded, -1 when an earlier attempt had loaded them already (the count is then not known)
	Repeated bool  // the label had been loaded before
}

// Importer loads rows.
type Importer interface {
	// Load loads all rows or none. A repeat with the same label is recognised as far as the cluster remembers labels;
	// callers count rows before they publish. A rejected row fails the load with ErrRejected.
	Load(ctx context.Context, r LoadRequest) (LoadResult, error)
}

// TableOptions shape a table that a restore creates.
type TableOptions struct {
	Name           string   // name to create it under
	ReplicationNum int      // 0 = as in the DDL
	Partitions     []string // create only these partitions; nil = all of the snapshot
}

// Builder creates and drops what a restore builds before it publishes.
type Builder interface {
	CreateDatabase(ctx context.Context, database string) error // no error when it is there
	DropDatabase(ctx context.Context, database string) error   // only when empty; no error when absent
	// CreateTable creates t (as described in a snapshot, with its Partitions) under opts.Name, empty, with exactly its
	// partitions. A table of that name with the same columns is taken as done; it returns the table's id.
	CreateTable(ctx context.Context, database string, t snapshot.Table, opts TableOptions) (int64, error)
	// Withheld returns the properties of t that CreateTable leaves off while the table is being built, because the cluster
	// would act on them (dynamic partitioning); they belong into Publication.Properties.
	Withheld(t snapshot.Table) map[string]string
	// Notes tells what of t a restore does not bring back, or what the cluster will do to it soon after: a sentence each.
	Notes(t snapshot.Table) []string
	// TableID returns the id of a table, or 0 when there is none of that name.
	TableID(ctx context.Context, database, table string) (int64, error)
	// DropTable drops a table at once, without trash; no error when absent.
	DropTable(ctx context.Context, database, table string) error
	// AddTemporaryPartitions adds empty temporary partitions shaped like the given ones, named by the map
	// partition name -> temporary name. Existing ones of these names are taken as done.
	// It returns the physical ids by temporary name.
	AddTemporaryPartitions(ctx context.Context, database, table string, shape []snapshot.Partition, names map[string]string) (ids map[string]int64, err error)
	// DropTemporaryPartitions drops those that exist.
	DropTemporaryPartitions(ctx context.Context, database, table string, names []string) error
	// Differences compares a table of a snapshot with one of the cluster and lists what differs in a way that matters for
	// putting the first in the place of the second, column by column; empty means equal. Names are not compared.
	Differences(want, have snapshot.Table) []string
}

// Publication is the atomic step that makes one restored table, or some partitions of it, live.
type Publication struct {
	Database string `json:"database"`
	Table    string `json:"table"` // live name
	// Swap or rename: the shadow becomes live; what was live is kept under the name Retired until release.
	Shadow   string `json:"shadow,omitempty"`
	ShadowID int64  `json:"shadow_id,omitempty"`
	LiveID   int64  `json:"live_id,omitempty"` // id of the live table before; 0: there is none, the shadow is renamed
	Retired  string `json:"retired,omitempty"`
	// Properties are set on the shadow right before it goes live: what Withheld returned when it was created.
	Properties map[string]string `json:"properties,omitempty"`
	// Partition replacement: temporary partitions of the live table take the place of partitions.
	Replace []Replacement `json:"replace,omitempty"`
	// Attached are objects that go live with the table and belong to it alone: triggers.
	Attached []snapshot.Object `json:"attached,omitempty"`
	Renaming *Renaming         `json:"renaming,omitempty"` // for Attached
}

// Replacement is one partition of a Publication.
type Replacement struct {
	Partition   string `json:"partition"`
	Temporary   string `json:"temporary"`
	TemporaryID int64  `json:"temporary_id"`      // physical id that the partition has once published
	Missing     bool   `json:"missing,omitempty"` // the live table has no such partition yet: it is added at publish
	Values      string `json:"values,omitempty"`
}

// Publisher publishes.
type Publisher interface {
	// Publish performs p by the engine's atomic operation. It recognises by ids what was done before (also by an attempt
	// whose answer was lost) and never does a swap twice.
	Publish(ctx context.Context, p Publication) error
	// Unpublish puts back what was live before, where that is possible (Reversible); harmless when nothing was published.
	// It ends p: Publish is not to be called again.
	Unpublish(ctx context.Context, p Publication) error
	// Discard drops the table that p built (ShadowID), under whichever name of p it is now; harmless when it is gone. With
	// ShadowID 0 (it was never built whole, so never published) the table named Shadow is dropped. It drops no other table,
	// whatever arrives late: where that would happen, or the table is live, it is ErrExists, and Unpublish comes first again.
	Discard(ctx context.Context, p Publication) error
	// DropRetired drops what p replaced (LiveID), where it was put aside; harmless when it is gone or when LiveID is 0. It
	// is ErrExists like Discard.
	DropRetired(ctx context.Context, p Publication) error
}

// Reversible tells whether Unpublish can undo p: a replaced partition is gone at once.
func (p Publication) Reversible() bool { return len(p.Replace) == 0 }

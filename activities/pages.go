package activities

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/snapshot/repository"
)

// Names of a job's pages. A page that settles something is created only if absent: of two attempts of one activity the
// first decides, and the other one goes on with what it finds.
const (
	headPage     = "head"     // settled by prepare: backupHead or restoreHead
	tablesPage   = "tables"   // backup: definitions as prepare read them
	targetsPage  = "targets"  // restore: what was built, and how it is published
	databasePage = "database" // restore: the target database is about to be created by this job
	manifestPage = "manifest" // backup: the manifest, about to be written
	viewsPage    = "views"    // restore: materialized views that were active before anything was published
	grantsPage   = "grants"   // restore: privileges were carried over right before the first table was published
	againPages   = "again/"   // restore: loads of which an earlier attempt left no receipt, by live table

	// These tell a late attempt, or a repeated release, what was decided, so they are deleted last.
	decisionPage  = repository.LastPages + "decision"  // backup: commit or abandon
	replacingPage = repository.LastPages + "replacing" // restore: partitions are being replaced, there is no way back
	puttingPage   = repository.LastPages + "putting"   // restore: objects that are not tables are being put, there is no way back
)

// decision settles whether a backup commits, before its manifest is written, or is abandoned, before its objects are
// swept. Otherwise an attempt to commit that was cut off from Temporal could name objects that are gone.
type decision struct {
	Commit bool `json:"commit"`
}

// short is a job's mark in the names it makes. A hash: run ids of one minute share their first digits, and two jobs must
// never build under one name.
func short(job string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(job)))[:12] }

func pinnedPage(round int) string           { return fmt.Sprintf("%s%d", pinnedPages, round) }
func planPage(plan string, page int) string { return fmt.Sprintf(planFolder+"%s/%06d", plan, page) }
func receiptPage(b job.Batch) string {
	return fmt.Sprintf(receiptFolder+"%s/%06d-%06d", b.Plan, b.Page, b.Index)
}
func receiptPages(plan string) string { return fmt.Sprintf(receiptFolder+"%s/", plan) }
func intentPage(b job.Batch, nonce string) string {
	return fmt.Sprintf("intents/%s-%06d-%06d-%s", b.Plan, b.Page, b.Index, nonce)
}

const (
	intentPages   = "intents/"
	pinnedPages   = "pinned/"
	planFolder    = "plans/"
	receiptFolder = "receipts/"
)

func sizePage(plan string) string { return fmt.Sprintf(planFolder+"%s/size", plan) }

// planSize is how many receipts a plan has once it is done: a listing that lacks one must not pass for fewer rows.
type planSize struct {
	Batches int `json:"batches"`
}

// nonce tells attempts apart.
func nonce() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return fmt.Sprintf("%x", b)
}

// backupHead is what prepare settled for a backup.
type backupHead struct {
	Request   job.BackupRequest       `json:"request"`
	Timestamp string                  `json:"timestamp"`
	Cluster   snapshot.Cluster        `json:"cluster"`
	Output    job.PrepareBackupOutput `json:"output"`
	Skipped   map[string]string       `json:"skipped,omitempty"` // tables that cannot be carried and are left out, with the reason
}

// choice is what a job was asked for of one table.
func (h backupHead) choice(table string) job.Object {
	for _, o := range h.Request.Objects {
		if o.Kind == "" && o.Table == table {
			return o
		}
	}
	return job.Object{Table: table}
}

// pinned is the state of a backup at the begin of a read round: every partition with the version it is to be read at.
type pinned struct {
	Round  int           `json:"round"`
	From   time.Time     `json:"from"`
	Plan   job.Plan      `json:"plan"`
	Tables []pinnedTable `json:"tables"`
	Final  bool          `json:"final,omitempty"` // nothing is left to read: Level and Moved are what was reached
	Level  string        `json:"level,omitempty"`
	Moved  []string      `json:"moved,omitempty"`
	To     time.Time     `json:"to"`

	Objects []snapshot.Object `json:"objects,omitempty"` // that are not tables

	// Of a cluster whose rows are read from one view.
	Point *snapshot.Point `json:"point,omitempty"`
	Weak  []string        `json:"weak,omitempty"` // tables that the view does not keep still, and why
}

type pinnedTable struct {
	snapshot.Table
	Schema   string            `json:"schema"`
	Complete bool              `json:"complete"`
	Sources  map[string]source `json:"sources"` // by partition name
}

// source says where the rows of a partition come from. The zero value: from nowhere, the partition is empty.
type source struct {
	Plan   string                   `json:"plan,omitempty"`   // read by this plan; its receipts name the objects
	Hinted bool                     `json:"hinted,omitempty"` // read tablet by tablet: the count has to be compared
	Reused *snapshot.PartitionEntry `json:"reused,omitempty"` // stored by an earlier snapshot
}

// page is one page of a plan.
type page struct {
	Batches []batch                      `json:"batches"`
	Columns map[string][]snapshot.Column `json:"columns"` // by table
}

type batch struct {
	Units []unit `json:"units,omitempty"` // upload
	Loads []load `json:"loads,omitempty"` // download
}

// unit is what one SELECT reads.
type unit struct {
	Table     string             `json:"table"`
	Partition string             `json:"partition"`
	Tablets   []int64            `json:"tablets,omitempty"` // empty: the whole partition
	Range     *snapshot.KeyRange `json:"range,omitempty"`   // nil: all keys
	Bytes     int64              `json:"bytes"`             // estimate
}

// load is what one Stream Load brings back.
type load struct {
	Target    string                `json:"target"`
	Columns   string                `json:"columns"` // table of the snapshot, key of page.Columns
	Temporary []string              `json:"temporary,omitempty"`
	Objects   []snapshot.DataObject `json:"objects"`
	// Counted: rows that were loaded twice are found by counting, since they do not merge; so nobody has to note the load.
	Counted bool `json:"counted,omitempty"`
}

// receipt proves that a batch was transferred.
type receipt struct {
	Units    []unitReceipt `json:"units,omitempty"`
	Progress job.Progress  `json:"progress"`
}

type unitReceipt struct {
	Table     string                `json:"table"`
	Partition string                `json:"partition"`
	Rows      int64                 `json:"rows"`
	Objects   []snapshot.DataObject `json:"objects,omitempty"`
	Gone      bool                  `json:"gone,omitempty"` // the partition was dropped before it could be read
}

// intent is written before objects are put: with it a cancelled job finds everything it may have stored.
type intent struct {
	New []snapshot.ObjectRef `json:"new"` // objects that were not there before
}

// restoreHead is what prepare settled for a restore.
type restoreHead struct {
	Request job.RestoreRequest       `json:"request"`
	Output  job.PrepareRestoreOutput `json:"output"`
	Targets []target                 `json:"targets"`
	Objects []snapshot.Object        `json:"objects,omitempty"` // that are not tables, nor attached to one
	Renamed *cluster.Renaming        `json:"renamed,omitempty"`
	// Database is what the database is made like, if there is none yet; nil where the snapshot does not tell.
	Database *snapshot.Object `json:"database,omitempty"`
}

// target is one table of the snapshot on its way into the target database.
type target struct {
	Entry       snapshot.TableEntry       `json:"entry"`
	Partitions  []snapshot.PartitionEntry `json:"partitions"`        // the ones to restore
	Live        string                    `json:"live"`              // name in the target
	LiveID      int64                     `json:"live_id"`           // 0: there was no such table
	Replace     bool                      `json:"replace"`           // partitions of a live table are replaced; else a shadow is published
	Foreign     bool                      `json:"foreign,omitempty"` // of another kind of cluster: its partitions have become one
	Refers      bool                      `json:"refers,omitempty"`  // it, or what it replaces, has constraints that name tables
	Temporary   []string                  `json:"-"`                 // partitions that wait in the table that it replaces
	Publication cluster.Publication       `json:"publication"`
}

func (t target) rows() (n int64) {
	for _, p := range t.Partitions {
		n += p.Rows
	}
	return n
}

// shape is the table as it is built, with the partitions of the restore and their names; nil where the cluster chooses them.
func (t target) shape() (table snapshot.Table, partitions []string) {
	table = t.Entry.Table
	if t.Foreign {
		return table, nil
	}
	for _, p := range t.Partitions {
		table.Partitions = append(table.Partitions, p.Partition)
		partitions = append(partitions, p.Partition.Name)
	}
	return table, partitions
}

// targets is what BuildShadows built.
type targets struct {
	Plan    job.Plan `json:"plan"`
	Targets []target `json:"targets"`
}

// desk is a job's place in its repository, with its cluster: what every stage begins with.
type desk struct {
	ref     job.Ref
	cluster Cluster
	repo    *repository.Repository
}

func (a *Activities) open(ctx context.Context, ref job.Ref) (*desk, error) {
	c, err := a.Clusters.Cluster(ref.Cluster)
	if err != nil {
		return nil, err
	}
	r, _, err := a.Repositories.Repository(ctx, ref.Repository, ref.RepositoryID)
	if err != nil {
		return nil, err
	}
	return &desk{ref: ref, cluster: c, repo: r}, nil
}

// read reads a page.
func (d *desk) read(ctx context.Context, name string, v any) error {
	return d.repo.ReadPage(ctx, d.ref.Job, name, v)
}

// settle creates a page if it is absent; otherwise v becomes what is there. It tells whether v was the first.
func (d *desk) settle(ctx context.Context, name string, v any) (first bool, err error) {
	err = d.repo.CreatePage(ctx, d.ref.Job, name, v)
	if errors.Is(err, repository.ErrExists) {
		return false, d.read(ctx, name, v)
	}
	return err == nil, err
}

// list returns the names of the pages that begin with below.
func (d *desk) list(ctx context.Context, below string) (names []string, err error) {
	err = d.repo.ListPages(ctx, d.ref.Job, below, func(name string) error {
		names = append(names, name)
		return nil
	})
	return names, err
}

// readAll reads the pages that begin with below, several at once, in the order of their names.
func readAll[T any](ctx context.Context, d *desk, below string) ([]T, error) {
	names, err := d.list(ctx, below)
	if err != nil {
		return nil, err
	}
	all := make([]T, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(statsAtOnce)
	for i, name := range names {
		g.Go(func() error { return d.read(ctx, name, &all[i]) })
	}
	return all, g.Wait()
}

// found reads a page that may be absent.
func (d *desk) found(ctx context.Context, name string, v any) (bool, error) {
	err := d.read(ctx, name, v)
	if errors.Is(err, repository.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// writePlan stores the batches as pages of at most batchesPerPage and returns the plan that names them.
func (d *desk) writePlan(ctx context.Context, round int, batches []batch, columns map[string][]snapshot.Column) (job.Plan, error) {
	p := job.Plan{Name: fmt.Sprintf("r%d-%s", round, nonce()), Round: round}
	for n := 0; len(batches) > 0; n++ {
		k := min(len(batches), batchesPerPage)
		pg := page{Batches: batches[:k], Columns: map[string][]snapshot.Column{}}
		for _, b := range pg.Batches {
			for _, u := range b.Units {
				pg.Columns[u.Table] = columns[u.Table]
			}
			for _, l := range b.Loads {
				pg.Columns[l.Columns] = columns[l.Columns]
			}
		}
		if err := d.repo.WritePage(ctx, d.ref.Job, planPage(p.Name, n), pg); err != nil {
			return p, fmt.Errorf("write plan: %w", err)
		}
		p.Batches = append(p.Batches, k)
		batches = batches[k:]
	}
	size := planSize{}
	for _, k := range p.Batches {
		size.Batches += k
	}
	if err := d.repo.WritePage(ctx, d.ref.Job, sizePage(p.Name), size); err != nil {
		return p, fmt.Errorf("write plan: %w", err)
	}
	return p, nil
}

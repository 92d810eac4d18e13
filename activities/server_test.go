package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// fakeServer is a fakeCluster that can be restored into, and that holds views, materialized views and objects of its own.
// As in the cluster, a swap sets every materialized view inactive that reads one of the swapped tables.
type fakeServer struct {
	*fakeCluster
	log         []string // what changed it
	objects     []snapshot.Object
	globals     []snapshot.Object
	inactive    map[string]bool     // materialized views
	reads       map[string][]string // materialized view -> what it reads
	refuses     map[string]error    // by object, what PutObject answers
	checks      map[string]error    // by object, what CheckObject answers
	supplied    map[string]map[string]string
	lacking     []*cluster.TableError
	audits      []cluster.Audit
	missing     []cluster.Privilege
	dead        bool     // the doctor gets no answer
	notes       []string // of every table
	misfit      error
	absent      bool             // the database is not there
	differences []string         // of every table from what is live
	breaks      map[string]error // by statement, once
	remark      string           // of every object that is put
}

func newServer(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.server = &fakeServer{fakeCluster: b.cluster, inactive: map[string]bool{}, reads: map[string][]string{}, refuses: map[string]error{},
		checks: map[string]error{}, supplied: map[string]map[string]string{}, breaks: map[string]error{}}
	return b
}

// view adds a view or a materialized view.
func (f *fakeServer) view(kind snapshot.ObjectKind, name string, reads ...string) {
	f.objects = append(f.objects, snapshot.Object{Kind: kind, Name: name, DDL: "CREATE " + name + " AS " + strings.Join(reads, ",")})
	f.reads[name] = reads
}

func (f *fakeServer) did(format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.breaks[what]
	delete(f.breaks, what)
	f.log = append(f.log, what)
	return err
}

func (f *fakeServer) Missing(_ context.Context, a cluster.Audit) ([]cluster.Privilege, error) {
	f.audits = append(f.audits, a)
	return f.missing, nil
}

func (f *fakeServer) Examine(context.Context) []cluster.Check {
	return []cluster.Check{{Name: "front end", OK: !f.dead}}
}

func (f *fakeServer) Tables(ctx context.Context, db string) (tables, others []string, err error) {
	tables, _, err = f.fakeCluster.Tables(ctx, db)
	for _, o := range f.objects {
		others = append(others, o.String())
	}
	return tables, others, err
}

func (f *fakeServer) Describe(ctx context.Context, db string, names []string) ([]snapshot.Table, error) {
	var errs []error
	for _, e := range f.lacking {
		if slices.Contains(names, e.Table) {
			errs = append(errs, e)
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("describe: %w", errors.Join(errs...))
	}
	return f.fakeCluster.Describe(ctx, db, names)
}

func (f *fakeServer) Objects(_ context.Context, db string, c cluster.Collection) (all []snapshot.Object, err error) {
	from := f.objects
	if db == "" {
		from = f.globals
	}
	for _, o := range from {
		if c.Kinds == nil || slices.Contains(c.Kinds, o.Kind) {
			all = append(all, o)
		}
	}
	return all, nil
}

func (f *fakeServer) CheckObject(_ context.Context, o snapshot.Object, _ cluster.Renaming) (string, error) {
	return "", f.checks[o.String()]
}

func (f *fakeServer) PutObject(_ context.Context, o snapshot.Object, r cluster.Renaming) (string, error) {
	name := put(o, &r)
	if err := f.did("put %s %s", o.Kind, name); err != nil {
		return "", err
	}
	if err := f.refuses[o.String()]; err != nil {
		return "", err
	}
	f.supplied[name] = r.Supplied
	f.objects = slices.DeleteFunc(f.objects, func(x snapshot.Object) bool { return x.Kind == o.Kind && x.Name == name })
	f.reads[name], o.Name = f.reads[o.Name], name
	f.objects = append(f.objects, o)
	f.inactive[name] = isMaterialized(o)
	return f.remark, nil
}

func (f *fakeServer) DropObject(context.Context, string, snapshot.Object) error {
	return errors.New("not asked here")
}

func (f *fakeServer) Dependents(_ context.Context, db string, names []string) (all []cluster.Dependent, err error) {
	for _, o := range f.objects {
		if isMaterialized(o) && !f.inactive[o.Name] && slices.ContainsFunc(f.reads[o.Name], func(n string) bool { return slices.Contains(names, n) }) {
			all = append(all, cluster.Dependent{Database: db, Name: o.Name})
		}
	}
	return all, nil
}

func (f *fakeServer) Activate(_ context.Context, d cluster.Dependent, refresh bool) (string, error) {
	if err := f.did("activate %s %v", d.Name, refresh); err != nil {
		return "", err
	}
	if !slices.ContainsFunc(f.objects, func(o snapshot.Object) bool { return o.Name == d.Name }) {
		return "", cluster.ErrUnknownTable
	}
	for _, n := range f.reads[d.Name] {
		if f.inactive[n] || n == "nowhere" {
			return "inactive: it reads " + n, nil
		}
	}
	f.inactive[d.Name] = false
	return "", nil
}

func (f *fakeServer) CarryGrants(_ context.Context, _ string, shadows map[string]string) ([]string, error) {
	return []string{fmt.Sprintf("%d tables keep their grants", len(shadows))}, f.did("carry grants of %d tables", len(shadows))
}

func (f *fakeServer) Fit(_ context.Context, tables []snapshot.Table, o cluster.TableOptions) ([]string, error) {
	return []string{fmt.Sprintf("%d tables with %d replicas", len(tables), o.ReplicationNum)}, f.misfit
}

func (f *fakeServer) Notes(t snapshot.Table) []string {
	if len(t.Partitions) == 0 {
		return []string{"nobody told the partitions"}
	}
	return f.notes
}

func (f *fakeServer) Withheld(snapshot.Table) map[string]string           { return nil }
func (f *fakeServer) Differences(snapshot.Table, snapshot.Table) []string { return f.differences }

func (f *fakeServer) CreateDatabase(_ context.Context, db string) error {
	f.absent = false
	return f.did("create database %s", db)
}

func (f *fakeServer) DatabaseExists(ctx context.Context, db string) (bool, error) {
	exists, err := f.fakeCluster.DatabaseExists(ctx, db)
	return exists && !f.absent, err
}

func (f *fakeServer) DropDatabase(_ context.Context, db string) error {
	f.absent = true
	return f.did("drop database %s", db)
}

func (f *fakeServer) CreateTable(_ context.Context, _ string, t snapshot.Table, o cluster.TableOptions) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, ok := f.tables[o.Name]; ok {
		return old.ID, nil
	}
	t.Name, t.ID, t.Partitions = o.Name, int64(1000+len(f.tables)), clonePartitions(t.Partitions)
	f.tables[o.Name] = &t
	return t.ID, nil
}

func (f *fakeServer) Load(_ context.Context, r cluster.LoadRequest) (cluster.LoadResult, error) {
	rows, err := r.Open()
	if err != nil {
		return cluster.LoadResult{}, err
	}
	defer func() { _ = rows.Close() }()
	f.mu.Lock()
	defer f.mu.Unlock()
	batch := snapshot.NewBatch(1)
	n := int64(0)
	for {
		switch err := rows.Next(batch); {
		case errors.Is(err, io.EOF):
			return cluster.LoadResult{Rows: n}, nil
		case err != nil:
			return cluster.LoadResult{}, err
		}
		for i := range batch.Rows() {
			f.rows[r.Table+"."] = append(f.rows[r.Table+"."], string(batch.Columns[0].Value(i)))
			n++
		}
	}
}

// rename gives a table with its rows another name, and sets the views inactive that read it under either.
func (f *fakeServer) rename(from, to string) {
	f.tables[to] = f.tables[from]
	delete(f.tables, from)
	f.tables[to].Name = to
	for key, rows := range f.rows {
		if rest, ok := strings.CutPrefix(key, from+"."); ok {
			f.rows[to+"."+rest] = rows
			delete(f.rows, key)
		}
	}
	for view, reads := range f.reads {
		if slices.Contains(reads, from) || slices.Contains(reads, to) {
			f.inactive[view] = true
		}
	}
}

func (f *fakeServer) Publish(_ context.Context, p cluster.Publication) error {
	if err := f.did("publish %s", p.Table); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.tables[p.Table]; t != nil && t.ID == p.ShadowID {
		return nil
	}
	if p.LiveID != 0 {
		f.rename(p.Table, p.Retired)
	}
	f.rename(p.Shadow, p.Table)
	return nil
}

func (f *fakeServer) Unpublish(_ context.Context, p cluster.Publication) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.tables[p.Table]; t == nil || t.ID != p.ShadowID {
		return nil
	}
	f.rename(p.Table, p.Shadow)
	if p.LiveID != 0 {
		f.rename(p.Retired, p.Table)
	}
	return nil
}

func (f *fakeServer) drop(name string) {
	delete(f.tables, name)
	for key := range f.rows {
		if strings.HasPrefix(key, name+".") {
			delete(f.rows, key)
		}
	}
}

func (f *fakeServer) Discard(_ context.Context, p cluster.Publication) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(p.Shadow)
	return nil
}

func (f *fakeServer) DropRetired(_ context.Context, p cluster.Publication) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(p.Retired)
	return nil
}

// prepareRestore begins a restore.
func (b *bench) prepareRestore(label string, change ...func(*job.RestoreRequest)) (job.PrepareRestoreOutput, error) {
	b.t.Helper()
	req := job.RestoreRequest{Cluster: "c", Database: b.ref.Database, Label: label, Repository: "repo"}
	for _, c := range change {
		c(&req)
	}
	return run[job.PrepareRestoreOutput](b, job.PrepareRestoreActivity, job.PrepareRestoreInput{Ref: b.ref, Request: req})
}

// build begins a restore and goes on until everything is ready to be published.
func (b *bench) build(label string, change ...func(*job.RestoreRequest)) job.PrepareRestoreOutput {
	b.t.Helper()
	out, err := b.prepareRestore(label, change...)
	require.NoError(b.t, err)
	in := job.StageInput{Ref: b.ref}
	plan := must[job.Plan](b, job.BuildShadowsActivity, in)
	for pg, n := range plan.Batches {
		for i := range n {
			must[job.Progress](b, job.DownloadTabletsActivity, job.Batch{Ref: b.ref, Plan: plan.Name, Page: pg, Index: i})
		}
	}
	out.Notes = append(out.Notes, must[job.VerifyShadowsOutput](b, job.VerifyShadowsActivity, in).Notes...)
	return out
}

// restore runs a whole restore, every stage that changes something twice, and returns what it tells people.
func (b *bench) restore(label string, change ...func(*job.RestoreRequest)) (notes []string) {
	b.t.Helper()
	out := b.build(label, change...)
	in := job.StageInput{Ref: b.ref}
	notes = out.Notes
	for range 2 {
		must[any](b, job.PublishTablesActivity, in)
	}
	if out.Others > 0 {
		must[job.PutObjectsOutput](b, job.PutObjectsActivity, in)
		notes = append(notes, must[job.PutObjectsOutput](b, job.PutObjectsActivity, in).Notes...)
	}
	if out.Activates {
		notes = append(notes, must[job.ActivateViewsOutput](b, job.ActivateViewsActivity, in).Notes...)
	}
	for range 2 {
		must[job.ReleaseOutput](b, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: b.ref, Committed: true})
	}
	return notes
}

// content is all rows of a table, whatever its partitions.
func (f *fakeServer) content(table string) (all []string) {
	for key, rows := range f.rows {
		if strings.HasPrefix(key, table+".") {
			all = append(all, rows...)
		}
	}
	slices.Sort(all)
	return all
}

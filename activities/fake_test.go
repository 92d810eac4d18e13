package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/snapshot/repository"
	"starkeep/storage"
	"starkeep/storage/mem"
)

// fakeCluster is tables of one column in memory, with versions: enough to drive the stages into every corner that a real
// cluster reaches only by chance. What it does not implement, no stage under test may call.
type fakeCluster struct {
	Cluster // nil: a call that is not faked panics
	mu      sync.Mutex
	id      string // of the cluster; empty: 1
	tables  map[string]*snapshot.Table
	rows    map[string][]string                      // "table.partition" or "table.partition.tablet" -> values
	onRead  func(f *fakeCluster, table, part string) // runs before each read: loads that come in between
	reads   []string
}

func newFake() *fakeCluster {
	return &fakeCluster{tables: map[string]*snapshot.Table{}, rows: map[string][]string{}}
}

// add makes a table with partitions p1, p2, … of some rows each, at version 2.
func (f *fakeCluster) add(name string, partitions ...int) {
	t := &snapshot.Table{Name: name, ID: int64(len(f.tables) + 1), Model: "DUPLICATE", DDL: "CREATE TABLE " + name, Partitioning: snapshot.RangePartitioning,
		Columns: []snapshot.Column{{Name: "v", Type: snapshot.Type{Kind: snapshot.String}, Source: "string"}}}
	for i, n := range partitions {
		p := snapshot.PhysicalPartition{ID: t.ID*100 + int64(i), Version: 2, Empty: n == 0, Rows: int64(n), Bytes: int64(n)}
		if n == 0 {
			p.Version = 1
		}
		part := fmt.Sprintf("p%d", i+1)
		t.Partitions = append(t.Partitions, snapshot.Partition{Name: part, Values: "VALUES " + part, Physical: []snapshot.PhysicalPartition{p}})
		for r := range n {
			f.rows[name+"."+part] = append(f.rows[name+"."+part], fmt.Sprintf("%s %s %d", name, part, r))
		}
	}
	f.tables[name] = t
}

// write is a load: a row more, a version more.
func (f *fakeCluster) write(table, part string) {
	key := table + "." + part
	f.rows[key] = append(f.rows[key], fmt.Sprintf("%s late %d", key, len(f.rows[key])))
	for i, p := range f.tables[table].Partitions {
		if p.Name == part {
			f.tables[table].Partitions[i].Physical[0].Version++
			f.tables[table].Partitions[i].Physical[0].Empty = false
		}
	}
}

func (f *fakeCluster) Info(context.Context) (snapshot.Cluster, error) {
	return snapshot.Cluster{Name: "c", Kind: "fake", ID: cmp.Or(f.id, "1")}, nil
}

func (f *fakeCluster) Missing(context.Context, cluster.Audit) ([]cluster.Privilege, error) {
	return nil, nil
}

func (f *fakeCluster) DatabaseExists(_ context.Context, d string) (bool, error) {
	return d == "db", nil
}

func (f *fakeCluster) Tables(context.Context, string) (tables, others []string, err error) {
	for n := range f.tables {
		tables = append(tables, n)
	}
	slices.Sort(tables)
	return tables, []string{"view v"}, nil
}

func (f *fakeCluster) Describe(_ context.Context, _ string, names []string) ([]snapshot.Table, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []snapshot.Table
	for _, n := range names {
		t, ok := f.tables[n]
		if !ok {
			return nil, fmt.Errorf("table %s: %w", n, cluster.ErrUnknownTable)
		}
		c := *t
		c.Partitions = clonePartitions(t.Partitions)
		all = append(all, c)
	}
	return all, nil
}

func clonePartitions(ps []snapshot.Partition) []snapshot.Partition {
	out := slices.Clone(ps)
	for i := range out {
		out[i].Physical = slices.Clone(out[i].Physical)
	}
	return out
}

func (f *fakeCluster) Versions(ctx context.Context, db string, names []string) (map[string][]snapshot.Partition, error) {
	all, err := f.Describe(ctx, db, names)
	m := map[string][]snapshot.Partition{}
	for _, t := range all {
		for i := range t.Partitions { // as an adapter may: no more than ids and versions
			t.Partitions[i].Values = ""
			for j := range t.Partitions[i].Physical {
				t.Partitions[i].Physical[j].Tablets = nil
			}
		}
		m[t.Name] = t.Partitions
	}
	return m, err
}

func (f *fakeCluster) Read(_ context.Context, r cluster.ReadRequest) (snapshot.RowReader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads = append(f.reads, fmt.Sprintf("%s.%s%v", r.Table, r.Partition, r.Tablets))
	if f.onRead != nil {
		f.onRead(f, r.Table, r.Partition)
	}
	if len(r.Tablets) > 0 {
		var rows []string
		for _, t := range r.Tablets {
			rows = append(rows, f.rows[fmt.Sprintf("%s.%s.%d", r.Table, r.Partition, t)]...)
		}
		return &fakeRows{rows}, nil
	}
	if !slices.ContainsFunc(f.tables[r.Table].Partitions, func(p snapshot.Partition) bool { return p.Name == r.Partition }) {
		return nil, fmt.Errorf("partition %s: %w", r.Partition, cluster.ErrUnknownPartition)
	}
	return &fakeRows{slices.Clone(f.rows[r.Table+"."+r.Partition])}, nil
}

func (f *fakeCluster) Count(_ context.Context, _, table, partition string, _ bool) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.rows[table+"."+partition])), nil
}

type fakeRows struct{ left []string }

func (r *fakeRows) Next(b *snapshot.Batch) error {
	b.Reset()
	if len(r.left) == 0 {
		return io.EOF
	}
	for _, v := range r.left {
		b.Columns[0].Append([]byte(v))
	}
	r.left = nil
	return nil
}

func (r *fakeRows) Close() error { return nil }

// bench is a set of activities over a fake cluster and a repository in memory.
type bench struct {
	t       *testing.T
	cluster *fakeCluster
	server  *fakeServer // the same cluster, with more abilities; nil: it has none
	repo    *repository.Repository
	a       *Activities
	env     *testsuite.TestActivityEnvironment
	ref     job.Ref
	place   string
	about   job.Repository
	over    map[string]bool // "workflow run" of jobs that were ended from outside
}

func (b *bench) Cluster(name string) (Cluster, error) {
	if name != "c" {
		return nil, fmt.Errorf("%w '%s'", ErrUnknownCluster, name)
	}
	if b.server != nil {
		return b.server, nil
	}
	return b.cluster, nil
}

func (b *bench) Repository(_ context.Context, name string, id int64) (*repository.Repository, job.Repository, error) {
	if name != "repo" || id != 0 && id != b.about.ID {
		return nil, job.Repository{}, fmt.Errorf("%w: %s", ErrUnknownRepository, name)
	}
	return b.repo, b.about, nil
}

func (b *bench) Over(_ context.Context, workflow, run string, _ time.Duration) (bool, error) {
	return b.over[workflow+" "+run], nil
}

func (b *bench) Check(context.Context, job.SealedRepository) error {
	return errors.New("not asked here")
}
func (b *bench) Try(context.Context, string) ([]job.Check, error) {
	return nil, errors.New("not asked here")
}
func (b *bench) Users(context.Context, string) ([]string, error) { return nil, nil }

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, cluster: newFake(), place: strings.ReplaceAll(t.Name(), "/", "_"), about: job.Repository{ID: 7, Name: "repo"}}
	bucket, err := mem.Open(b.place, true)
	require.NoError(t, err)
	t.Cleanup(func() { mem.Drop(b.place) })
	b.repo, err = repository.Create(t.Context(), bucket, "repo")
	require.NoError(t, err)
	b.a = &Activities{Clusters: b, Repositories: b, Spool: t.TempDir()}
	var s testsuite.WorkflowTestSuite
	b.env = s.NewTestActivityEnvironment()
	b.a.Register(b.env)
	b.next("job-1")
	return b
}

// next begins another job.
func (b *bench) next(id string) {
	b.ref = job.Ref{Job: id, Cluster: "c", Database: "db", Repository: "repo", RepositoryID: 7, Created: time.Now()}
}

// run executes an activity as the SDK does.
func run[T any](b *bench, name string, in any) (T, error) {
	b.t.Helper()
	var out T
	v, err := b.env.ExecuteActivity(name, in)
	if err == nil && v.HasValue() {
		require.NoError(b.t, v.Get(&out))
	}
	return out, err
}

func must[T any](b *bench, name string, in any) T {
	b.t.Helper()
	out, err := run[T](b, name, in)
	require.NoError(b.t, err, name)
	return out
}

// prepare begins a backup.
func (b *bench) prepare(label string, change ...func(*job.BackupRequest)) {
	b.t.Helper()
	req := job.BackupRequest{Cluster: "c", Database: "db", Label: label, Repository: "repo"}
	for _, c := range change {
		c(&req)
	}
	must[job.PrepareBackupOutput](b, job.PrepareBackupActivity, job.PrepareBackupInput{Ref: b.ref, Request: req, Timestamp: snapshot.FormatTimestamp(time.Now())})
}

// upload transfers a plan, each batch twice, since any answer may be lost.
func (b *bench) upload(p job.Plan) {
	b.t.Helper()
	for pg, n := range p.Batches {
		for i := range n {
			in := job.Batch{Ref: b.ref, Plan: p.Name, Page: pg, Index: i}
			first := must[job.Progress](b, job.UploadTabletsActivity, in)
			require.Equal(b.t, first, must[job.Progress](b, job.UploadTabletsActivity, in))
		}
	}
}

// backup runs a whole backup, every stage twice, and returns its manifest.
func (b *bench) backup(label string, change ...func(*job.BackupRequest)) snapshot.Manifest {
	b.t.Helper()
	b.prepare(label, change...)
	in := job.StageInput{Ref: b.ref}
	plan := must[job.Plan](b, job.PinSnapshotActivity, in)
	require.Equal(b.t, plan, must[job.Plan](b, job.PinSnapshotActivity, in))
	for plan.Consistency == "" {
		b.upload(plan)
		check := job.CheckSnapshotInput{Ref: b.ref, Round: plan.Round}
		plan = must[job.Plan](b, job.CheckSnapshotActivity, check)
		again := must[job.Plan](b, job.CheckSnapshotActivity, check)
		require.Equal(b.t, plan.Name, again.Name, "two attempts must agree on the plan")
	}
	return b.commit(label)
}

func (b *bench) commit(label string) snapshot.Manifest {
	b.t.Helper()
	in := job.StageInput{Ref: b.ref}
	for range 2 {
		must[job.SaveIndexOutput](b, job.SaveIndexActivity, in)
	}
	for range 2 {
		must[any](b, job.CommitManifestActivity, in)
	}
	for range 2 {
		must[job.ReleaseOutput](b, job.ReleaseBackupActivity, job.ReleaseInput{Ref: b.ref, Committed: true})
	}
	stamps, err := b.repo.Timestamps(b.t.Context(), label)
	require.NoError(b.t, err)
	m, err := b.repo.Manifest(b.t.Context(), label, stamps[0])
	require.NoError(b.t, err)
	findings, err := b.repo.Check(b.t.Context(), m, true)
	require.NoError(b.t, err)
	require.Empty(b.t, findings)
	return m
}

// keys lists what the repository holds.
func (b *bench) keys(part string) (keys []string) {
	b.t.Helper()
	bucket, err := mem.Open(b.place, false)
	require.NoError(b.t, err)
	require.NoError(b.t, bucket.List(b.t.Context(), "", func(i storage.Info) error {
		if strings.Contains(i.Key, part) {
			keys = append(keys, i.Key)
		}
		return nil
	}))
	return keys
}

// put writes a file of the repository, key relative to it.
func (b *bench) put(key, text string) {
	b.t.Helper()
	bucket, err := mem.Open(b.place, false)
	require.NoError(b.t, err)
	require.NoError(b.t, bucket.Put(b.t.Context(), repository.Root("repo")+key, storage.BytesBody([]byte(text)), storage.PutOptions{}))
}

func (b *bench) remove(key string) {
	b.t.Helper()
	bucket, err := mem.Open(b.place, false)
	require.NoError(b.t, err)
	require.NoError(b.t, bucket.Delete(b.t.Context(), key))
}

// drop removes a partition.
func (f *fakeCluster) drop(table, part string) {
	t := f.tables[table]
	t.Partitions = slices.DeleteFunc(clonePartitions(t.Partitions), func(p snapshot.Partition) bool { return p.Name == part })
	delete(f.rows, table+"."+part)
}

package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/snapshot/dataobject"
	"starkeep/snapshot/repository"
)

// Bounds of one transfer: memory and spool space of a worker are these times its activity slots.
const (
	spoolBytes  = 256 << 20 // data objects that wait in the spool folder before they are put
	putsAtOnce  = 4
	readsAtOnce = 2
)

// UploadTablets reads the units of one batch, encodes data objects and puts them. Its receipt proves the batch done;
// of two attempts the first receipt counts, and what the other one put is swept by release.
func (a *Activities) UploadTablets(ctx context.Context, in job.Batch) (job.Progress, error) {
	u := &upload{in: in}
	defer beat(ctx, u.now)()
	done, err := a.uploadTablets(ctx, in, u)
	return done, explain(err)
}

// upload is one attempt at a batch.
type upload struct {
	*desk
	in      job.Batch
	nonce   string
	options dataobject.Options
	columns map[string][]snapshot.Column
	dir     string

	rows, bytes, stored, units atomic.Int64
}

func (u *upload) now() job.Progress {
	return job.Progress{UnitsDone: u.units.Load(), Rows: u.rows.Load(), Bytes: u.bytes.Load(), Stored: u.stored.Load()}
}

func (a *Activities) uploadTablets(ctx context.Context, in job.Batch, u *upload) (job.Progress, error) {
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return job.Progress{}, err
	}
	var r receipt
	if done, err := d.found(ctx, receiptPage(in), &r); err != nil || done {
		return r.Progress, err
	}
	var head backupHead
	if err := d.read(ctx, headPage, &head); err != nil {
		return job.Progress{}, err
	}
	pg, err := a.page(ctx, d, in)
	if err != nil {
		return job.Progress{}, err
	}
	dir, err := a.spool(in.Ref)
	if err != nil {
		return job.Progress{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	u.desk, u.nonce, u.dir, u.columns = d, nonce(), dir, pg.Columns
	u.options = dataobject.Options{Compression: head.Request.Compression, Level: head.Request.Level}

	units := pg.Batches[in.Index].Units
	r.Units = make([]unitReceipt, len(units))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for i, x := range units {
		g.Go(func() (err error) {
			r.Units[i], err = u.unit(gctx, i, x)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return job.Progress{}, err
	}
	r.Progress = u.now()
	_, err = d.settle(ctx, receiptPage(in), &r)
	return r.Progress, err
}

// unit reads one unit. Objects are put as soon as enough of them wait, so that the spool stays bounded whatever a
// tablet's size.
func (u *upload) unit(ctx context.Context, n int, x unit) (unitReceipt, error) {
	done := unitReceipt{Table: x.Table, Partition: x.Partition}
	rows, err := u.cluster.Read(ctx, cluster.ReadRequest{
		Database: u.ref.Database, Table: x.Table, Columns: u.columns[x.Table], Partition: x.Partition, Tablets: x.Tablets,
	})
	if errors.Is(err, cluster.ErrUnknownPartition) {
		done.Gone = true // dropped since it was pinned, as dynamic partitioning does: the next round goes without it
		u.units.Add(1)
		return done, nil
	}
	if err != nil {
		return done, err
	}
	defer func() { _ = rows.Close() }()
	var waiting []dataobject.File
	var size int64
	part := 0
	flush := func() error {
		objects, err := u.put(ctx, fmt.Sprintf("%d-%d", n, part), waiting, x.Tablets)
		done.Objects = append(done.Objects, objects...)
		part++
		waiting, size = nil, 0
		return err
	}
	sum, err := dataobject.Spool(ctx, u.dir, u.columns[x.Table], rows, u.options, func(f dataobject.File) error {
		waiting = append(waiting, f)
		u.rows.Add(f.Rows)
		if size += f.Size; size < spoolBytes {
			return nil
		}
		return flush()
	})
	if err != nil {
		return done, fmt.Errorf("read %s.%s partition %s: %w", u.ref.Database, x.Table, x.Partition, err)
	}
	done.Rows = sum.Rows
	u.bytes.Add(sum.Bytes)
	u.units.Add(1)
	if len(waiting) == 0 {
		return done, nil
	}
	return done, flush()
}

// put stores files as data objects. The intent is written first: whatever happens afterwards, release finds the objects.
func (u *upload) put(ctx context.Context, name string, files []dataobject.File, tablets []int64) ([]snapshot.DataObject, error) {
	objects := make([]snapshot.DataObject, len(files))
	missing := make([]bool, len(files))
	var want intent
	for i, f := range files {
		objects[i] = snapshot.DataObject{ObjectRef: repository.DataRef(f.SHA256, f.Size), Rows: f.Rows, Tablets: tablets}
		there, err := u.repo.HasData(ctx, objects[i].ObjectRef)
		if err != nil {
			return nil, err
		}
		if missing[i] = !there; missing[i] {
			want.New = append(want.New, objects[i].ObjectRef)
		}
	}
	if len(want.New) > 0 {
		if err := u.repo.WritePage(ctx, u.ref.Job, intentPage(u.in, u.nonce+"-"+name), want); err != nil {
			return nil, err
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(putsAtOnce)
	for i, f := range files {
		g.Go(func() error {
			defer func() { _ = os.Remove(f.Path) }()
			if !missing[i] {
				return nil
			}
			stored, err := u.repo.PutData(gctx, f.Path, objects[i].ObjectRef)
			if stored {
				u.stored.Add(f.Size)
			}
			return err
		})
	}
	return objects, g.Wait()
}

// spool makes a folder for one attempt. Folders of killed attempts are removed when the worker starts.
func (a *Activities) spool(ref job.Ref) (string, error) {
	if err := os.MkdirAll(a.Spool, 0o700); err != nil {
		return "", fmt.Errorf("make spool folder: %w", err)
	}
	dir, err := os.MkdirTemp(a.Spool, filepath.Base(ref.Job)+"-")
	if err != nil {
		return "", fmt.Errorf("make spool folder: %w", err)
	}
	return dir, nil
}

// page reads the page of a plan that a batch is on. Pages are immutable, so the last ones are remembered: the batches of
// a page come one behind the other.
func (a *Activities) page(ctx context.Context, d *desk, in job.Batch) (page, error) {
	key := in.Ref.Job + "/" + planPage(in.Plan, in.Page)
	if p, ok := a.pages.get(key); ok {
		return p, nil
	}
	var p page
	if err := d.read(ctx, planPage(in.Plan, in.Page), &p); err != nil {
		return p, err
	}
	if in.Index >= len(p.Batches) {
		return p, refuse(job.InvalidRequest, "page %s has no batch %d", key, in.Index)
	}
	a.pages.put(key, p)
	return p, nil
}

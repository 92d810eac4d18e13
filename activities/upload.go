package activities

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/snapshot/dataobject"
	"starkeep/snapshot/repository"
)

// UploadTablets reads the units of one batch, encodes data objects and puts them. What a lost attempt put is swept by
// release.
func (a *Activities) UploadTablets(ctx context.Context, in job.Batch) (job.Progress, error) {
	return a.transfer(ctx, in, a.Uploads, func(ctx context.Context, t *transfer) (receipt, error) {
		var head backupHead
		if err := t.read(ctx, headPage, &head); err != nil {
			return receipt{}, err
		}
		u := &upload{transfer: t, nonce: nonce(), from: t.cluster,
			options: dataobject.Options{Compression: head.Request.Compression, Level: head.Request.Level}}
		if t.in.View != "" {
			view, err := a.views.get(t.in.View)
			if err != nil {
				return receipt{}, err
			}
			u.from = view
		}
		units := t.batch().Units
		r := receipt{Units: make([]unitReceipt, len(units))}
		err := each(ctx, len(units), func(ctx context.Context, i int) (err error) {
			r.Units[i], err = u.unit(ctx, i, units[i])
			return err
		})
		if t.in.View != "" {
			err = ofView(err)
		}
		return r, err
	})
}

// upload is an attempt to upload a batch.
type upload struct {
	*transfer
	from    reader
	nonce   string // tells its intents from those of other attempts
	options dataobject.Options
}

// reader is where rows come from: a cluster, or a view of it.
type reader interface {
	Read(ctx context.Context, r cluster.ReadRequest) (snapshot.RowReader, error)
}

// unit reads one unit. Objects are put as soon as enough of them wait, so that the spool stays bounded whatever a
// tablet's size.
func (u *upload) unit(ctx context.Context, n int, x unit) (unitReceipt, error) {
	done := unitReceipt{Table: x.Table, Partition: x.Partition}
	rows, err := u.from.Read(ctx, cluster.ReadRequest{
		Database: u.ref.Database, Table: x.Table, Columns: u.page.Columns[x.Table], Partition: x.Partition, Tablets: x.Tablets, Range: x.Range,
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
	sum, err := dataobject.Spool(ctx, u.dir, u.page.Columns[x.Table], rows, u.options, func(f dataobject.File) error {
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
	look, lctx := errgroup.WithContext(ctx)
	look.SetLimit(putsAtOnce)
	for i, f := range files {
		objects[i] = snapshot.DataObject{ObjectRef: repository.DataRef(f.SHA256, f.Size), Rows: f.Rows, Tablets: tablets}
		look.Go(func() error {
			there, err := u.repo.HasData(lctx, objects[i].ObjectRef)
			missing[i] = !there
			return err
		})
	}
	if err := look.Wait(); err != nil {
		return nil, err
	}
	var want intent
	for i, o := range objects {
		if missing[i] {
			want.New = append(want.New, o.ObjectRef)
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
				u.reused.Add(f.Size) // read again, and found to be the same
				return nil
			}
			stored, err := u.repo.PutData(gctx, f.Path, objects[i].ObjectRef, true)
			if stored {
				u.stored.Add(f.Size)
			}
			return err
		})
	}
	return objects, g.Wait()
}

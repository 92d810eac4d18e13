package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/snapshot/dataobject"
	"starkeep/snapshot/repository"
)

// DownloadTablets loads the data objects of one batch into shadows. Every load has a label of its own, so that a repeat
// is recognised by the cluster; the receipt covers the case that the cluster has forgotten the label.
func (a *Activities) DownloadTablets(ctx context.Context, in job.Batch) (job.Progress, error) {
	return a.transfer(ctx, in, a.Downloads, func(ctx context.Context, t *transfer) (receipt, error) {
		w := &download{t}
		loads := t.batch().Loads
		return receipt{}, each(ctx, len(loads), func(ctx context.Context, i int) error {
			return w.load(ctx, i, loads[i], t.page.Columns[loads[i].Columns])
		})
	})
}

// download is an attempt to download a batch.
type download struct{ *transfer }

// load fetches the objects of one load, verified byte for byte, and loads their rows.
func (w *download) load(ctx context.Context, n int, l load, columns []snapshot.Column) error {
	files := make([]string, len(l.Objects))
	defer func() {
		for _, f := range files {
			_ = os.Remove(f)
		}
	}()
	var rows int64
	for i, o := range l.Objects {
		path, err := w.repo.FetchData(ctx, o.ObjectRef, w.dir)
		if err != nil {
			return err
		}
		files[i] = path
		rows += o.Rows
		w.stored.Add(o.Size)
	}
	label := fmt.Sprintf("starkeep_%s_%s_%d_%d_%d", short(w.ref.Job), w.in.Plan, w.in.Page, w.in.Index, n)
	if !l.Counted {
		if err := w.announce(ctx, l.Target, label); err != nil {
			return err
		}
	}
	result, err := w.cluster.Load(ctx, cluster.LoadRequest{
		Database: w.ref.Database, Table: l.Target, Columns: columns, Temporary: l.Temporary,
		Label: label,
		Open:  func() (snapshot.RowReader, error) { return openFiles(files, columns), nil },
	})
	if err != nil {
		return fmt.Errorf("load into %s.%s: %w", w.ref.Database, l.Target, err)
	}
	if !result.Repeated && result.Rows != rows {
		return refuse(job.RowCountMismatch, "loading %d objects into %s.%s gave %d rows, the snapshot has %d", len(l.Objects), w.ref.Database, l.Target, result.Rows, rows)
	}
	w.rows.Add(rows)
	for _, o := range l.Objects {
		w.bytes.Add(o.Size)
	}
	w.units.Add(1)
	return nil
}

// announce notes that a load of rows that merge begins. When an earlier attempt has noted it before, that one may have been committed and its
// label forgotten since: verify then looks closer.
func (w *download) announce(ctx context.Context, target, label string) error {
	// The content names the attempt: a repeat of this very put may find its own page, another attempt's is not equal to it.
	err := w.repo.CreatePage(ctx, w.ref.Job, "loading/"+label, nonce())
	if errors.Is(err, repository.ErrExists) {
		return w.repo.WritePage(ctx, w.ref.Job, againPages+fmt.Sprintf("%x", target), label)
	}
	return err
}

// openFiles reads data objects one behind the other; one file is open at a time.
func openFiles(paths []string, columns []snapshot.Column) snapshot.RowReader {
	n := 0
	return dataobject.Concat(func() (snapshot.RowReader, error) {
		if n == len(paths) {
			return nil, io.EOF
		}
		path := paths[n]
		n++
		return openFile(path, columns)
	})
}

// fileRows closes its file with its reader.
type fileRows struct {
	snapshot.RowReader
	file *os.File
}

func (r fileRows) Close() error { return errors.Join(r.RowReader.Close(), r.file.Close()) }

func openFile(path string, columns []snapshot.Column) (snapshot.RowReader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	rows, err := dataobject.Open(f, info.Size(), columns)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return fileRows{RowReader: rows, file: f}, nil
}

// VerifyShadows counts the rows of everything that was built. A load that was counted twice, because the cluster had
// forgotten its label, is found here, before anything is published.
func (a *Activities) VerifyShadows(ctx context.Context, in job.StageInput) (job.VerifyShadowsOutput, error) {
	defer alive(ctx)()
	out, err := a.verifyShadows(ctx, in)
	return out, explain(err)
}

func (a *Activities) verifyShadows(ctx context.Context, in job.StageInput) (job.VerifyShadowsOutput, error) {
	var out job.VerifyShadowsOutput
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	var built targets
	if err := d.read(ctx, targetsPage, &built); err != nil {
		return out, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(statementsAtOnce)
	for _, t := range built.Targets {
		g.Go(func() error {
			if err := d.finish(gctx, t); err != nil {
				return err
			}
			return d.verify(gctx, t)
		})
	}
	if err := g.Wait(); err != nil {
		return out, err
	}
	out.Notes, err = d.carryGrants(ctx, built.Targets)
	return out, err
}

// carryGrants gives the shadows the privileges of the tables whose places they take.
func (d *desk) carryGrants(ctx context.Context, all []target) ([]string, error) {
	granter, ok := d.cluster.(cluster.Granter)
	shadows := map[string]string{}
	for _, t := range all {
		if !t.Replace && t.LiveID != 0 {
			shadows[t.Live] = t.Publication.Shadow
		}
	}
	if !ok || len(shadows) == 0 {
		return nil, nil
	}
	found, err := granter.CarryGrants(ctx, d.ref.Database, shadows)
	if err != nil {
		return nil, fmt.Errorf("carry privileges over: %w", err)
	}
	var notes remarks
	notes.add(found...)
	return notes.notes(), nil
}

// finish completes a shadow now that all rows are in.
func (d *desk) finish(ctx context.Context, t target) error {
	f, ok := d.cluster.(cluster.Finisher)
	if !ok || t.Replace {
		return nil
	}
	if err := f.Finish(ctx, d.ref.Database, t.Entry.Table, t.Publication.Shadow); err != nil {
		return fmt.Errorf("finish %s.%s: %w", d.ref.Database, t.Live, err)
	}
	return nil
}

func (d *desk) verify(ctx context.Context, t target) error {
	if err := d.verifyOnce(ctx, t); err != nil {
		return err
	}
	if !t.Replace {
		n, err := d.cluster.Count(ctx, d.ref.Database, t.Publication.Shadow, "", false)
		return mismatch(err, t.Live, n, t.rows())
	}
	var errs []error
	for i, p := range t.Partitions {
		n, err := d.cluster.Count(ctx, d.ref.Database, t.Live, t.Publication.Replace[i].Temporary, true)
		errs = append(errs, mismatch(err, t.Live+" partition "+p.Partition.Name, n, p.Rows))
	}
	return errors.Join(errs...)
}

// verifyOnce finds rows of an AGGREGATE table that were loaded twice: they merge, so counting cannot tell. But every load
// of such a table goes into one partition of the shadow (loadsOf), where nobody else writes, and each moves its version
// by one.
func (d *desk) verifyOnce(ctx context.Context, t target) error {
	built := t.Publication.Shadow
	if t.Replace {
		built = t.Live
	}
	again, err := d.found(ctx, againPages+fmt.Sprintf("%x", built), new(string))
	if err != nil || !again || t.Entry.Model != aggregate {
		return err
	}
	if t.Replace {
		return refuse(job.RowCountMismatch, "a load of %s was repeated and nobody can tell whether it counted twice; nothing was published: run the statement again", t.Live)
	}
	now, err := d.cluster.Versions(ctx, d.ref.Database, []string{built})
	if err != nil {
		return err
	}
	var moves int64
	for _, p := range now[built] {
		for _, x := range p.Physical {
			moves += x.Version - 1
		}
	}
	if loads := int64(len(loadsOf(t, loadBytes))); moves != loads {
		return refuse(job.RowCountMismatch, "%d loads of %s moved its versions %d times: one may have counted twice; nothing was published: run the statement again", loads, t.Live, moves)
	}
	return nil
}

func mismatch(err error, what string, got, want int64) error {
	if err == nil && got != want {
		err = refuse(job.RowCountMismatch, "restored %d rows of %s, the snapshot has %d; nothing was published: run the statement again", got, what, want)
	}
	return err
}

package activities

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"starkeep/job"
	"starkeep/snapshot"
)

// indexEntries is how many partitions an index object holds before the next table begins another one: small tables
// share an object, so that a thousand of them do not cost a thousand puts.
const indexEntries = 1000

// SaveIndex writes the index objects and settles the manifest, which names them.
func (a *Activities) SaveIndex(ctx context.Context, in job.StageInput) (job.SaveIndexOutput, error) {
	defer alive(ctx)()
	out, err := a.saveIndex(ctx, in)
	return out, explain(err)
}

func (a *Activities) saveIndex(ctx context.Context, in job.StageInput) (job.SaveIndexOutput, error) {
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return job.SaveIndexOutput{}, err
	}
	var m snapshot.Manifest
	done, err := d.found(ctx, manifestPage, &m)
	if err != nil {
		return job.SaveIndexOutput{}, err
	}
	if !done {
		if m, err = d.manifest(ctx); err != nil {
			return job.SaveIndexOutput{}, err
		}
		m.Format = m.NeededFormat() // its tables count, so it is not known before
		if _, err := d.settle(ctx, manifestPage, &m); err != nil {
			return job.SaveIndexOutput{}, err
		}
	}
	return job.SaveIndexOutput{Tables: m.Totals.Tables, Rows: m.Totals.Rows, Stored: m.Totals.StoredBytes}, nil
}

// manifest assembles the manifest from what the rounds settled, writing the index on the way.
func (d *desk) manifest(ctx context.Context) (snapshot.Manifest, error) {
	var head backupHead
	if err := d.read(ctx, headPage, &head); err != nil {
		return snapshot.Manifest{}, err
	}
	p, err := d.concluded(ctx, head)
	if err != nil {
		return snapshot.Manifest{}, err
	}
	read, err := d.receipts(ctx, p)
	if err != nil {
		return snapshot.Manifest{}, err
	}
	m := snapshot.Manifest{
		Label: head.Request.Label, Timestamp: head.Timestamp, Database: d.ref.Database,
		Cluster: head.Cluster, Job: d.ref.Job, Statement: head.Request.Statement, Created: d.ref.Created.UTC(),
		Finished: time.Now().UTC(), Complete: head.Request.Objects == nil && len(head.Skipped) == 0,
		Consistency: snapshot.Consistency{Level: p.Level, Rounds: p.Round - 1, From: p.From, To: p.To, Moved: p.Moved},
		Point:       p.Point, Objects: p.Objects, Skipped: head.Skipped, TTL: head.Request.TTL,
	}
	if m.TTL != "" {
		if m.Expires, err = snapshot.Expiry(m.TTL, m.Finished); err != nil {
			return m, err
		}
	}
	var pending []snapshot.PartitionEntry
	first := 0 // first table of m whose entries are pending
	flush := func() error {
		ref, err := d.writeIndex(ctx, pending)
		if err != nil {
			return err
		}
		for i := first; i < len(m.Tables); i++ {
			m.Tables[i].Index = ref
		}
		first, pending = len(m.Tables), pending[:0]
		return nil
	}
	for _, t := range p.Tables {
		e := snapshot.TableEntry{Table: t.Table, Complete: t.Complete}
		entries, err := entriesOf(t, read)
		if err != nil {
			return m, err
		}
		for _, x := range entries {
			e.Totals.Add(totalsOf(x))
		}
		e.Partitions = nil // the index holds them
		m.Totals.Add(e.Totals)
		m.Totals.Tables++
		m.Tables = append(m.Tables, e)
		if pending = append(pending, entries...); len(pending) >= indexEntries {
			if err := flush(); err != nil {
				return m, err
			}
		}
	}
	if first < len(m.Tables) {
		return m, flush()
	}
	return m, nil
}

// writeIndex puts an index object, after an intent that lets release find it.
func (d *desk) writeIndex(ctx context.Context, entries []snapshot.PartitionEntry) (snapshot.ObjectRef, error) {
	return d.repo.WriteIndex(ctx, entries, func(ref snapshot.ObjectRef) error {
		return d.repo.WritePage(ctx, d.ref.Job, intentPages+"index-"+nonce(), intent{New: []snapshot.ObjectRef{ref}})
	})
}

// concluded finds the round that ended the reading: the last one. Not every number before it has a page, since a view may
// be lost before anything was pinned. Objects of the cluster itself have no rows, so there was no round: they are read now.
func (d *desk) concluded(ctx context.Context, head backupHead) (p pinned, err error) {
	if d.ref.Database == "" {
		return d.readGlobals(ctx, head)
	}
	names, err := d.list(ctx, pinnedPages)
	last := 0
	for _, name := range names {
		round, _ := strconv.Atoi(strings.TrimPrefix(name, pinnedPages)) // pinnedPage made the name
		last = max(last, round)
	}
	if err == nil {
		err = d.read(ctx, pinnedPage(last), &p)
	}
	if err == nil && !p.Final {
		err = fmt.Errorf("round %d is not the last one", last)
	}
	if err != nil {
		return p, fmt.Errorf("find the last read round: %w", err)
	}
	return p, nil
}

// entriesOf makes the index entries of a table.
func entriesOf(t pinnedTable, read counts) ([]snapshot.PartitionEntry, error) {
	var entries []snapshot.PartitionEntry
	for _, p := range t.Partitions {
		e := snapshot.PartitionEntry{Table: t.Name, TableID: t.ID, Schema: t.Schema, Partition: p}
		switch s := t.Sources[p.Name]; {
		case s.Reused != nil:
			e.Rows, e.Objects, e.Reused = s.Reused.Rows, s.Reused.Objects, true
		case s.Plan != "":
			r, ok := read[[3]string{s.Plan, t.Name, p.Name}]
			if !ok {
				return nil, fmt.Errorf("assemble index: no receipt of plan %s for %s.%s", s.Plan, t.Name, p.Name)
			}
			e.Rows, e.Objects = r.Rows, r.Objects
		case !empty(p):
			return nil, fmt.Errorf("assemble index: partition %s.%s was never read", t.Name, p.Name)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func totalsOf(e snapshot.PartitionEntry) snapshot.Totals {
	t := snapshot.Totals{Partitions: 1, Rows: e.Rows, Objects: int64(len(e.Objects))}
	for _, p := range e.Physical {
		t.Tablets += int64(len(p.Tablets))
	}
	for _, o := range e.Objects {
		t.StoredBytes += o.Size
		if e.Reused {
			t.ReusedBytes += o.Size
		}
	}
	return t
}

// CommitManifest writes the manifest, only if absent: from here on the snapshot exists.
func (a *Activities) CommitManifest(ctx context.Context, in job.StageInput) error {
	defer alive(ctx)()
	return explain(a.commitManifest(ctx, in))
}

func (a *Activities) commitManifest(ctx context.Context, in job.StageInput) error {
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return err
	}
	var m snapshot.Manifest
	if err := d.read(ctx, manifestPage, &m); err != nil {
		return err
	}
	return d.commit(ctx, m)
}

// commit writes the manifest, unless the job was abandoned meanwhile.
func (d *desk) commit(ctx context.Context, m snapshot.Manifest) error {
	what := decision{Commit: true}
	if _, err := d.settle(ctx, decisionPage, &what); err != nil {
		return err
	}
	if !what.Commit {
		return refuse(job.UserCancelled, "the job was abandoned before it could commit")
	}
	// The release deletes the decision last. If the pages behind it are gone, this attempt comes too late.
	known, err := d.found(ctx, headPage, &backupHead{})
	if err == nil && !known {
		err = errors.Join(refuse(job.UserCancelled, "the job was abandoned before it could commit"), d.repo.DeleteJob(ctx, d.ref.Job))
	}
	if err != nil {
		return err
	}
	return d.writeManifest(ctx, m)
}

func (d *desk) writeManifest(ctx context.Context, m snapshot.Manifest) error {
	// A manifest names only what is there: look once more, since hours may lie between the first put and now.
	findings, err := d.repo.Check(ctx, m, false)
	if err != nil {
		return err
	}
	if len(findings) > 0 {
		return refuse(job.DamagedSnapshot, "%d of the objects that this backup stored are gone, first %s; somebody else deletes in the repository: run the statement again",
			len(findings), findings[0])
	}
	return d.repo.WriteManifest(ctx, m)
}

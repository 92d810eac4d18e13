package workflows

import (
	"errors"

	"go.temporal.io/sdk/workflow"

	"starkeep/job"
	"starkeep/snapshot"
)

// Backup makes one snapshot of a database. Its workflow id is the lock of the database, see job.WorkflowID.
func Backup(ctx workflow.Context, req job.BackupRequest) (job.Status, error) {
	l, work, err := begin(ctx, job.Status{
		Kind: "backup", Cluster: req.Cluster, Database: req.Database, Label: req.Label, Repository: req.Repository,
		TimeoutSeconds: req.TimeoutSeconds, Statement: req.Statement,
		Timestamp: snapshot.FormatTimestamp(workflow.Now(ctx)),
	})
	if err != nil {
		return job.Status{}, err
	}
	b := &backup{l: l, ref: l.ref(), ttl: req.TTL}
	err = b.run(work, req)
	return l.finish(ctx, err, b.release)
}

type backup struct {
	l    *lifecycle
	ref  job.Ref
	view bool   // rows are read from one view
	ttl  string // empty: the snapshot is kept until it is dropped
}

func (l *lifecycle) ref() job.Ref {
	s := l.status
	return job.Ref{Job: s.Job, Cluster: s.Cluster, Database: s.Database, Repository: s.Repository, Created: s.Created}
}

func (b *backup) run(ctx workflow.Context, req job.BackupRequest) error {
	if err := b.prepare(ctx, req); err != nil {
		return err
	}
	if err := b.read(ctx); err != nil {
		return err
	}
	b.l.enter(ctx, job.SaveMeta)
	var index job.SaveIndexOutput
	if err := b.l.stage(ctx, job.SaveIndexActivity, job.StageInput{Ref: b.ref}, &index); err != nil {
		return err
	}
	b.l.enter(ctx, job.UploadInfo)
	return b.l.stage(ctx, job.CommitManifestActivity, job.StageInput{Ref: b.ref}, nil)
}

func (b *backup) prepare(ctx workflow.Context, req job.BackupRequest) error {
	in := job.PrepareBackupInput{Ref: b.ref, Request: req, Timestamp: b.l.status.Timestamp}
	var out job.PrepareBackupOutput
	if err := workflow.ExecuteActivity(checks(ctx), job.PrepareBackupActivity, in).Get(ctx, &out); err != nil {
		return err
	}
	b.ref.RepositoryID = out.RepositoryID
	b.view = out.View
	b.l.status.Objects = out.Objects
	b.l.status.Notes = append(b.l.status.Notes, out.Notes...)
	b.l.admitted = true
	return nil
}

// read reads the rows. Objects of the cluster itself have none (fe:backup/BackupJob goes from PENDING to SAVE_META, too).
func (b *backup) read(ctx workflow.Context) error {
	switch {
	case b.ref.Database == "":
		return nil
	case b.view:
		return b.readView(ctx)
	default:
		return b.readVersions(ctx)
	}
}

// readVersions pins versions, reads, and compares the versions.
func (b *backup) readVersions(ctx workflow.Context) error {
	b.l.enter(ctx, job.Snapshoting)
	var plan job.Plan
	if err := b.l.stage(ctx, job.PinSnapshotActivity, job.StageInput{Ref: b.ref}, &plan); err != nil {
		return err
	}
	b.l.enter(ctx, job.UploadSnapshot)
	return b.upload(ctx, plan)
}

// upload reads the pinned versions, looks what moved meanwhile, and reads that again, until the set is consistent or the
// rounds are used up. What was reached is stated, never assumed.
func (b *backup) upload(ctx workflow.Context, plan job.Plan) error {
	b.l.enter(ctx, job.Uploading)
	for {
		if err := b.l.transfer(ctx, b.ref, job.UploadTabletsActivity, plan, nil); err != nil {
			return err
		}
		round := plan.Round
		plan = job.Plan{}
		in := job.CheckSnapshotInput{Ref: b.ref, Round: round}
		if err := b.l.stage(ctx, job.CheckSnapshotActivity, in, &plan); err != nil {
			return err
		}
		b.l.status.Notes = append(b.l.status.Notes, plan.Notes...)
		if plan.Consistency != "" {
			b.l.status.Consistency = plan.Consistency
			return nil
		}
	}
}

func (b *backup) release(ctx workflow.Context, committed bool) (job.ReleaseOutput, error) {
	var out job.ReleaseOutput
	err := workflow.ExecuteActivity(ctx, job.ReleaseBackupActivity, job.ReleaseInput{Ref: b.ref, Admitted: b.l.admitted, Committed: committed}).Get(ctx, &out)
	if b.ttl != "" && (committed || out.Committed) {
		err = errors.Join(err, b.expire(ctx))
	}
	return out, err
}

// expire begins the workflow that ends the snapshot when its time to live has passed: not before the moment that its
// manifest states, which was computed earlier.
func (b *backup) expire(ctx workflow.Context) error {
	s := b.l.status
	expires, err := snapshot.Expiry(b.ttl, workflow.Now(ctx))
	if err != nil {
		return err
	}
	return expire(ctx, job.DropRequest{Cluster: s.Cluster, Repository: s.Repository, RepositoryID: b.ref.RepositoryID,
		Label: s.Label, Timestamp: s.Timestamp, Expires: expires, Statement: s.Statement})
}

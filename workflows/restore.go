package workflows

import (
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// Restore brings a snapshot, or a choice of its objects, back into a database. Nothing that is live is named before
// COMMITTING; what cannot be finished is put back as it was.
func Restore(ctx workflow.Context, req job.RestoreRequest) (job.Status, error) {
	l, work, err := begin(ctx, job.Status{
		Kind: "restore", Cluster: req.Cluster, Database: req.Database, Label: req.Label, Repository: req.Repository,
		Timestamp: req.Timestamp, TimeoutSeconds: req.TimeoutSeconds, Statement: req.Statement,
		AllowLoad: req.AllowLoad, ReplicationNum: req.ReplicationNum,
	})
	if err != nil {
		return job.Status{}, err
	}
	r := &restore{l: l, ref: l.ref()}
	err = r.run(work, req)
	return l.finish(ctx, err, r.release)
}

type restore struct {
	l            *lifecycle
	ref          job.Ref
	replacements int
	others       int // objects that are not tables
}

func (r *restore) run(ctx workflow.Context, req job.RestoreRequest) error {
	if err := r.prepare(ctx, req); err != nil {
		return err
	}
	in := job.StageInput{Ref: r.ref}
	r.l.enter(ctx, job.Snapshoting)
	var plan job.Plan
	if err := r.l.stage(ctx, job.BuildShadowsActivity, in, &plan); err != nil {
		return err
	}
	r.l.enter(ctx, job.Download)
	r.l.enter(ctx, job.Downloading)
	if err := r.l.transfer(ctx, r.ref, job.DownloadTabletsActivity, plan, nil); err != nil {
		return err
	}
	r.l.enter(ctx, job.Commit)
	if err := r.l.stage(ctx, job.VerifyShadowsActivity, in, nil); err != nil {
		return err
	}
	r.l.enter(ctx, job.Committing)
	if err := r.l.stage(ctx, job.PublishTablesActivity, in, nil); err != nil {
		return err
	}
	if err := r.replace(ctx, in); err != nil {
		return err
	}
	return r.putObjects(ctx, in)
}

func (r *restore) prepare(ctx workflow.Context, req job.RestoreRequest) error {
	in := job.PrepareRestoreInput{Ref: r.ref, Request: req}
	var out job.PrepareRestoreOutput
	if err := workflow.ExecuteActivity(checks(ctx), job.PrepareRestoreActivity, in).Get(ctx, &out); err != nil {
		return err
	}
	r.ref.RepositoryID = out.RepositoryID
	r.replacements, r.others = out.Replacements, out.Others
	r.l.status.Timestamp = out.Timestamp
	r.l.status.Objects = out.Objects
	r.l.status.Notes = append(r.l.status.Notes, out.Notes...)
	r.l.admitted = true
	return nil
}

// replace publishes partitions. A replaced partition is gone at once, so from here on the job only rolls forward: no
// cancel, pause or timeout reaches it.
func (r *restore) replace(ctx workflow.Context, in job.StageInput) error {
	if r.replacements == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.l.noReturn = true
	detached, _ := workflow.NewDisconnectedContext(ctx)
	return r.l.stage(detached, job.ReplacePartitionsActivity, in, nil)
}

// putObjects puts the objects that are not tables in the place of those that were. There is no way back from the first one.
func (r *restore) putObjects(ctx workflow.Context, in job.StageInput) error {
	if r.others == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil && !r.l.noReturn {
		return err
	}
	r.l.noReturn = true
	detached, _ := workflow.NewDisconnectedContext(ctx)
	var out job.PutObjectsOutput
	err := r.l.stage(detached, job.PutObjectsActivity, in, &out)
	r.l.status.Notes = append(r.l.status.Notes, out.Notes...)
	return err
}

func (r *restore) release(ctx workflow.Context, committed bool) (job.ReleaseOutput, error) {
	var out job.ReleaseOutput
	err := workflow.ExecuteActivity(ctx, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: r.ref, Admitted: r.l.admitted, Committed: committed}).Get(ctx, &out)
	return out, err
}

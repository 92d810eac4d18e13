package workflows

import (
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// Restore brings a snapshot, or a choice of its objects, back into a database. Nothing that is live is named before
// COMMITTING; what cannot be finished is put back as it was.
func Restore(ctx workflow.Context, req job.RestoreRequest, secrets job.Secrets) (job.Status, error) {
	l, work, err := begin(ctx, job.Status{
		Kind: "restore", Cluster: req.Cluster, Database: req.Database, Label: req.Label, Repository: req.Repository,
		Timestamp: req.Timestamp, TimeoutSeconds: req.TimeoutSeconds, Statement: req.Statement,
		AllowLoad: req.AllowLoad, ReplicationNum: req.ReplicationNum,
	})
	if err != nil {
		return job.Status{}, err
	}
	r := &restore{l: l, ref: l.ref()}
	if len(secrets) > 0 {
		r.secrets = []any{secrets}
	}
	err = r.run(work, req)
	return l.finish(ctx, err, r.release)
}

type restore struct {
	l            *lifecycle
	ref          job.Ref
	secrets      []any // job.Secrets for the activities that need them: none where there are none
	replacements int
	others       int  // objects that are not tables
	activates    bool // materialized views may have become inactive
}

func (r *restore) run(ctx workflow.Context, req job.RestoreRequest) error {
	if err := r.prepare(ctx, req); err != nil {
		return err
	}
	in := job.StageInput{Ref: r.ref}
	if r.ref.Database != "" { // objects of the cluster itself have no rows (fe:backup/RestoreJob goes on to COMMITTING, too)
		if err := r.restoreTables(ctx, in); err != nil {
			return err
		}
	}
	r.l.enter(ctx, job.Committing)
	return r.commit(ctx, in)
}

// restoreTables builds all tables beside the live ones.
func (r *restore) restoreTables(ctx workflow.Context, in job.StageInput) error {
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
	var out job.VerifyShadowsOutput
	err := r.l.stage(ctx, job.VerifyShadowsActivity, in, &out)
	r.l.status.Notes = append(r.l.status.Notes, out.Notes...)
	return err
}

// commit makes everything live: what can be undone first.
func (r *restore) commit(ctx workflow.Context, in job.StageInput) error {
	if r.ref.Database != "" {
		if err := r.l.stage(ctx, job.PublishTablesActivity, in, nil); err != nil {
			return err
		}
	}
	if r.replacements > 0 {
		if err := r.forward(ctx, job.ReplacePartitionsActivity, in, nil); err != nil {
			return err
		}
	}
	if r.others > 0 {
		var out job.PutObjectsOutput
		err := r.forward(ctx, job.PutObjectsActivity, in, &out, r.secrets...)
		r.l.status.Notes = append(r.l.status.Notes, out.Notes...)
		if err != nil {
			return err
		}
	}
	if r.activates {
		var out job.ActivateViewsOutput
		err := r.forward(ctx, job.ActivateViewsActivity, in, &out)
		r.l.status.Notes = append(r.l.status.Notes, out.Notes...)
		return err
	}
	return nil
}

func (r *restore) prepare(ctx workflow.Context, req job.RestoreRequest) error {
	in := job.PrepareRestoreInput{Ref: r.ref, Request: req}
	var out job.PrepareRestoreOutput
	if err := workflow.ExecuteActivity(checks(ctx), job.PrepareRestoreActivity, append([]any{in}, r.secrets...)...).Get(ctx, &out); err != nil {
		return err
	}
	r.ref.RepositoryID = out.RepositoryID
	r.replacements, r.others, r.activates = out.Replacements, out.Others, out.Activates
	r.l.status.Timestamp = out.Timestamp
	r.l.status.Objects = out.Objects
	r.l.status.Notes = append(r.l.status.Notes, out.Notes...)
	r.l.admitted = true
	return nil
}

// forward runs a stage whose first effect cannot be undone: a replaced partition, view or function is gone at once. So from
// here on the job only rolls forward: no cancel, pause or timeout reaches it.
func (r *restore) forward(ctx workflow.Context, activity string, in job.StageInput, out any, more ...any) error {
	if err := ctx.Err(); err != nil && !r.l.noReturn {
		return err
	}
	r.l.noReturn = true
	detached, _ := workflow.NewDisconnectedContext(ctx)
	return r.l.stage(detached, activity, in, out, more...)
}

func (r *restore) release(ctx workflow.Context, committed bool) (job.ReleaseOutput, error) {
	var out job.ReleaseOutput
	err := workflow.ExecuteActivity(ctx, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: r.ref, Admitted: r.l.admitted, Committed: committed}).Get(ctx, &out)
	return out, err
}

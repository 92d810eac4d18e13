package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// Drop ends the snapshots of a label, and answers at once: what only they named is deleted by a child that outlives it, so
// that the label can be used, and dropped, again meanwhile. With a time to live it sleeps until that has passed.
func Drop(ctx workflow.Context, req job.DropRequest) (job.Dropped, error) {
	in := job.DropInput{Job: workflow.GetInfo(ctx).FirstRunID, Request: req}
	options := checks(ctx)
	if req.Timestamp != "" {
		wait := workflow.NewTimerWithOptions(ctx, req.Expires.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: "time to live of the snapshot"})
		if err := wait.Get(ctx, nil); err != nil {
			return job.Dropped{}, err
		}
		options = unhurried(ctx)
	}
	var out job.Dropped
	if err := workflow.ExecuteActivity(options, job.DropSnapshotActivity, in).Get(ctx, &out); err != nil {
		return out, err
	}
	sweep := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: job.SweepID(req.Repository, in.Job), ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary: fmt.Sprintf("delete what only snapshot %s needed", cut(req.Label, 100)),
	}), job.SweepWorkflow, job.SweepInput{Job: in.Job, Repository: req.Repository, RepositoryID: out.RepositoryID, Label: req.Label, Grace: out.Grace})
	return out, sweep.GetChildWorkflowExecution().Get(ctx, nil)
}

// Sweep waits for the time of grace to pass, and deletes what only dropped snapshots named.
func Sweep(ctx workflow.Context, in job.SweepInput) (job.Swept, error) {
	wait := workflow.NewTimerWithOptions(ctx, in.Grace, workflow.TimerOptions{Summary: "time of grace"})
	var out job.Swept
	if err := wait.Get(ctx, nil); err != nil {
		return out, err
	}
	err := workflow.ExecuteActivity(unhurried(ctx), job.SweepDroppedActivity, in).Get(ctx, &out)
	return out, err
}

// unhurried are options of what nobody waits for: it is tried until it succeeds, or can never.
func unhurried(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 6 * time.Hour,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 30 * time.Second, BackoffCoefficient: 2, MaximumInterval: time.Hour},
	})
}

// expire begins the workflow that ends a snapshot when its time to live has passed.
func expire(ctx workflow.Context, req job.DropRequest) error {
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: job.ExpiryID(req.Repository, req.Label, req.Timestamp), ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary: "drop snapshot " + cut(req.Label, 100) + " when its time to live has passed",
	}), job.DropWorkflow, req)
	return child.GetChildWorkflowExecution().Get(ctx, nil)
}

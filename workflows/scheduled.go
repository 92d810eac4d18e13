package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// A scheduled backup looks every so often whether the database is free, for so long.
const (
	lookAgain = time.Minute
	patience  = time.Hour
)

// dueAttribute is the time that a schedule meant, which the server gives to what it starts.
var dueAttribute = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// ScheduledBackup is what a Temporal schedule starts. A schedule appends the time to the workflow id, so what it starts cannot
// hold the lock of a database, and it gives every run the same input, which would be one label for all. The child has both: the
// id that is the lock, and a label that ends with the time that was meant, so that a run that is repeated finds its snapshot.
func ScheduledBackup(ctx workflow.Context, req job.BackupRequest) (job.Status, error) {
	req.Label = job.ScheduledLabel(req.Label, due(ctx))
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:    job.WorkflowID(req.Cluster, req.Database),
		StaticSummary: cut(req.Statement, 200),
		// A backup that is cancelled puts everything back; this run ends with it. One whose schedule was terminated goes on.
		WaitForCancellation: true,
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_ABANDON,
	})
	for until := workflow.Now(ctx).Add(patience); ; {
		run := workflow.ExecuteChildWorkflow(child, job.BackupWorkflow, req)
		err := run.GetChildWorkflowExecution().Get(ctx, nil)
		switch {
		case err == nil:
			var s job.Status
			return s, run.Get(ctx, &s)
		case !temporal.IsWorkflowExecutionAlreadyStartedError(err):
			return job.Status{}, err
		case !workflow.Now(ctx).Before(until):
			return job.Status{}, temporal.NewNonRetryableApplicationError(
				fmt.Sprintf("snapshot %s was not made: for %s another job was %s", req.Label, patience, job.WorkflowID(req.Cluster, req.Database)), job.DatabaseBusy, nil)
		}
		wait := workflow.NewTimerWithOptions(ctx, lookAgain, workflow.TimerOptions{Summary: "another job has the database"})
		if err := wait.Get(ctx, nil); err != nil {
			return job.Status{}, err
		}
	}
}

// due is the time that the schedule meant, or, when the workflow was started by hand, its own.
func due(ctx workflow.Context) time.Time {
	if t, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(dueAttribute); ok {
		return t
	}
	return workflow.GetInfo(ctx).WorkflowStartTime
}

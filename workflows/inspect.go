package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// Snapshots answers SHOW SNAPSHOT: only workers can reach the repository.
func Snapshots(ctx workflow.Context, req job.SnapshotsRequest) ([]job.SnapshotRow, error) {
	var rows []job.SnapshotRow
	err := workflow.ExecuteActivity(lookups(ctx), job.ListSnapshotsActivity, req).Get(ctx, &rows)
	return rows, err
}

// Doctor examines, from where the workers run, what the request names.
func Doctor(ctx workflow.Context, req job.DoctorRequest) ([]job.Check, error) {
	ctx = lookups(ctx)
	var all []job.Check
	for _, activity := range []string{job.ExamineClusterActivity, job.ExamineRepositoryActivity} {
		var checks []job.Check
		if err := workflow.ExecuteActivity(ctx, activity, req).Get(ctx, &checks); err != nil {
			return nil, err
		}
		all = append(all, checks...)
	}
	if req.Thorough {
		var checks []job.Check
		if err := workflow.ExecuteActivity(trial(ctx), job.TryRepositoryActivity, req).Get(ctx, &checks); err != nil {
			return nil, err
		}
		all = append(all, checks...)
	}
	return all, nil
}

// trial are options of a trial of a store: it takes minutes on a slow one, and is not repeated, so that its times mean
// something.
func trial(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Minute, HeartbeatTimeout: heartbeat,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	})
}

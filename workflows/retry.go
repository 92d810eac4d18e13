package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// heartbeat is how long a silent activity is believed alive: the time a job needs to notice that a worker was killed.
const heartbeat = 20 * time.Second

// retryBlocked is how long a job that waits for a person waits before it looks again by itself, for the n-th time. A
// whole page may wait, and every look costs history: so the time grows.
func retryBlocked(n int) time.Duration { return min(time.Duration(n+1)*5*time.Minute, 30*time.Minute) }

// checks are options of stages that run before anything was changed: they give up soon, because somebody waits for the
// answer of BACKUP or RESTORE.
func checks(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Minute,
		HeartbeatTimeout:    heartbeat,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumAttempts: 4},
	})
}

// stages are options of stages that work on behalf of an admitted job: when their attempts are used up the job pauses.
func stages(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 6 * time.Hour,
		HeartbeatTimeout:    heartbeat,
		WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second, MaximumAttempts: 8,
		},
	})
}

// cleanup are options of release: it never gives up within a day, since what it leaves behind nobody else would remove.
func cleanup(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    time.Hour,
		ScheduleToCloseTimeout: 24 * time.Hour,
		HeartbeatTimeout:       heartbeat,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute,
		},
	})
}

// cleanupChecks are options of the release of a job that never got beyond its checks: somebody waits for the answer, and
// there is next to nothing to release.
func cleanupChecks(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: time.Minute,
		HeartbeatTimeout:       heartbeat,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumAttempts: 4},
	})
}

// mendable tells whether the world may change so that a repeat helps. Activities mark what is final as non-retryable;
// everything else (a dead store, a killed worker, a full disk) waits for a person or for better weather.
func mendable(err error) bool {
	if err == nil || temporal.IsCanceledError(err) {
		return false
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return !app.NonRetryable()
	}
	return true
}

// reason prints what a person needs of an activity's failure: its own words, not the wrapping of the SDK.
func reason(err error) (text, kind string) {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message(), app.Type()
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return "no worker finished the step in time (" + timeout.TimeoutType().String() + "); is a worker running?", "Timeout"
	}
	return err.Error(), ""
}

package workflows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

func TestTransferContinuesAsNewWithoutLosingOrRepeatingABatch(t *testing.T) {
	t.Parallel()
	seen := map[int]int{}
	in := job.TransferInput{Activity: "Batch", Plan: "r1", To: 100, Window: 4}
	for in.Next < in.To {
		w := newWorld(t)
		n := 0
		w.env.RegisterActivityWithOptions(func(_ context.Context, b job.Batch) (job.Progress, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			seen[b.Index]++
			return job.Progress{UnitsDone: 1}, nil
		}, activity.RegisterOptions{Name: "Batch"})
		// On the environment's own loop, where the workflow runs, too.
		w.env.SetOnActivityCompletedListener(func(*activity.Info, converter.EncodedValue, error) {
			if n++; n == 10 {
				w.env.SetContinueAsNewSuggested(true)
			}
		})
		w.env.ExecuteWorkflow(job.TransferWorkflow, in)
		err := w.env.GetWorkflowError()
		if err == nil {
			var done job.Progress
			require.NoError(t, w.env.GetWorkflowResult(&done))
			require.Equal(t, int64(100), done.UnitsDone)
			break
		}
		var can *workflow.ContinueAsNewError
		require.ErrorAs(t, err, &can)
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(can.Input, &in))
	}
	require.Len(t, seen, 100)
	for i, n := range seen {
		require.Equal(t, 1, n, "batch %d", i)
	}
}

func TestOneFailedBatchStopsThePageButWaitsForTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failing(job.UploadTabletsActivity, 1, finalError(job.SchemaMismatch))
	w.env.ExecuteWorkflow(job.TransferWorkflow, job.TransferInput{Activity: job.UploadTabletsActivity, To: 50, Window: 4})
	require.ErrorContains(t, w.env.GetWorkflowError(), "it is so")
	require.LessOrEqual(t, w.count(job.UploadTabletsActivity), 8)
}

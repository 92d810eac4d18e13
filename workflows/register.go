// Package workflows decides: deterministic code that says what happens next, never touches the world, and survives any
// process. Activities (package activities) do the work; package job holds what both exchange.
package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// Register adds all workflows under their stable names. Workers, tests and the replayer call it, so none can forget one.
func Register(r worker.WorkflowRegistry) {
	for name, w := range map[string]any{
		job.BackupWorkflow:     Backup,
		job.RestoreWorkflow:    Restore,
		job.ScheduledBackup:    ScheduledBackup,
		job.TransferWorkflow:   Transfer,
		job.RepositoryRegistry: Registry,
		job.SnapshotsWorkflow:  Snapshots,
		job.DoctorWorkflow:     Doctor,
		job.DropWorkflow:       Drop,
		job.SweepWorkflow:      Sweep,
	} {
		r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name})
	}
}

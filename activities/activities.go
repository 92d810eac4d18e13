// Package activities touches the world on behalf of workflows: one file a stage. Every activity may run twice, also at
// the same time, and its result may be lost after its effect; what was done is recognised in the cluster or in the
// repository, never in memory.
//
// Plans and receipts of a job are pages in its repository (pages.go); histories carry references and counts only.
package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot/repository"
)

// Cluster is the abilities that BACKUP and RESTORE need together.
type Cluster interface {
	cluster.Cluster
	cluster.Auditor
	cluster.Lister
	cluster.Describer
	cluster.Pinner
	cluster.Exporter
	cluster.Importer
	cluster.Builder
	cluster.Publisher
	cluster.Doctor
}

// Clusters knows the clusters of the worker's configuration.
type Clusters interface {
	// Cluster returns a shared handle, or an error wrapping ErrUnknownCluster that lists the names there are.
	Cluster(name string) (Cluster, error)
}

// Repositories opens repositories by the name that statements use.
type Repositories interface {
	// Repository returns a shared handle. With id 0 any repository of that name will do; otherwise it must be that one.
	// ErrUnknownRepository is a proof: the registry answered that there is none.
	Repository(ctx context.Context, name string, id int64) (*repository.Repository, job.Repository, error)
	// Check opens a repository that is not registered yet, and proves that it can be used.
	Check(ctx context.Context, r job.SealedRepository) error
	// Try uses the store of a repository in every way that a job does, and tells what it found; what it writes it deletes.
	Try(ctx context.Context, name string) ([]job.Check, error)
	// Users lists the running jobs that use a repository.
	Users(ctx context.Context, name string) ([]string, error)
	// Over tells whether the run of a workflow is proven to have ended, at least since ago, and not to have been begun again.
	Over(ctx context.Context, workflow, run string, since time.Duration) (bool, error)
}

// Activities holds what all stages need. Its methods are the activities; they are safe for concurrent use.
type Activities struct {
	Clusters     Clusters
	Repositories Repositories
	Host         Host
	Spool        string // folder for files on their way; emptied by the worker when it starts
	Uploads      Gate   // uploads that this process runs at once
	Downloads    Gate   // downloads likewise
	// DropGrace is how long what only dropped snapshots named stays: for restores that this repository cannot know of.
	DropGrace time.Duration

	pages pageMemory
	views views
}

// Register adds all activities under their stable names.
func (a *Activities) Register(r worker.ActivityRegistry) {
	for name, f := range map[string]any{
		job.PrepareBackupActivity:     a.PrepareBackup,
		job.PinSnapshotActivity:       a.PinSnapshot,
		job.UploadTabletsActivity:     a.UploadTablets,
		job.CheckSnapshotActivity:     a.CheckSnapshot,
		job.SaveIndexActivity:         a.SaveIndex,
		job.CommitManifestActivity:    a.CommitManifest,
		job.ReleaseBackupActivity:     a.ReleaseBackup,
		job.HoldViewActivity:          a.HoldView,
		job.PrepareRestoreActivity:    a.PrepareRestore,
		job.BuildShadowsActivity:      a.BuildShadows,
		job.DownloadTabletsActivity:   a.DownloadTablets,
		job.VerifyShadowsActivity:     a.VerifyShadows,
		job.PublishTablesActivity:     a.PublishTables,
		job.ReplacePartitionsActivity: a.ReplacePartitions,
		job.PutObjectsActivity:        a.PutObjects,
		job.ActivateViewsActivity:     a.ActivateViews,
		job.ReleaseRestoreActivity:    a.ReleaseRestore,
		job.CheckRepositoryActivity:   a.CheckRepository,
		job.RepositoryUsersActivity:   a.RepositoryUsers,
		job.ListSnapshotsActivity:     a.ListSnapshots,
		job.DropSnapshotActivity:      a.DropSnapshot,
		job.SweepDroppedActivity:      a.SweepDropped,
		job.ExamineClusterActivity:    a.ExamineCluster,
		job.ExamineRepositoryActivity: a.ExamineRepository,
		job.TryRepositoryActivity:     a.TryRepository,
	} {
		r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// beat sends heartbeats until the returned function is called, so that a slow step is known to be alive and hears of a
// cancel. The SDK throttles them; the details are only for people.
func beat(ctx context.Context, details func() job.Progress) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			activity.RecordHeartbeat(ctx, details())
			select {
			case <-quit:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(quit); <-done }
}

// alive is beat for stages that have no progress to tell.
func alive(ctx context.Context) (stop func()) {
	return beat(ctx, func() job.Progress { return job.Progress{} })
}

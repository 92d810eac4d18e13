package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/snapshot/repository"
	"starkeep/storage"
)

// DropSnapshot ends the snapshots of a label, or the one whose time to live has passed. What they name is noted first and
// deleted later, by SweepDropped. A repeat finds what an earlier attempt of the same drop did.
func (a *Activities) DropSnapshot(ctx context.Context, in job.DropInput) (job.Dropped, error) {
	defer alive(ctx)()
	out, err := a.dropSnapshot(ctx, in)
	return out, explain(err)
}

func (a *Activities) dropSnapshot(ctx context.Context, in job.DropInput) (job.Dropped, error) {
	r := in.Request
	out := job.Dropped{Grace: a.DropGrace}
	repo, info, err := a.Repositories.Repository(ctx, r.Repository, r.RepositoryID)
	if errors.Is(err, ErrUnknownRepository) {
		return out, refuse(job.UnknownRepository, "Repository does not exist: %s", r.Repository)
	}
	if err != nil {
		return out, err
	}
	if info.ReadOnly {
		return out, refuse(job.RepositoryReadOnly, "Repository %s is read only", r.Repository)
	}
	out.RepositoryID = info.ID
	d := &drop{DropInput: in, a: a, repo: repo}
	if out.Timestamps, err = d.choose(ctx); err != nil {
		return out, err
	}
	if len(out.Timestamps) > 0 {
		if err := a.droppable(ctx, d); err != nil {
			return out, err
		}
	}
	if err := d.carryOut(ctx, &out); err != nil {
		return out, native(err, "Failed to delete snapshot %s in repository %s", r.Label, r.Repository)
	}
	return out, nil
}

// drop is a drop at work. It checks in the order, and with the texts, of the cluster (fe:backup/BackupHandler, 4.2).
type drop struct {
	job.DropInput
	a         *Activities
	repo      *repository.Repository
	manifests map[string]snapshot.Manifest // by timestamp; one that cannot be read is absent
}

// expiry tells whether a time to live ends, and nobody waits for the answer.
func (d *drop) expiry() bool { return d.Request.Timestamp != "" }

// choose finds the timestamps to drop, and reads their manifests. None: an earlier attempt has dropped them, or somebody
// did before the time to live was over.
func (d *drop) choose(ctx context.Context) ([]string, error) {
	r := d.Request
	stamps, err := d.repo.Timestamps(ctx, r.Label)
	if err != nil {
		return nil, native(err, "Failed to list snapshots in repository %s", r.Repository)
	}
	if d.expiry() {
		stamps = slices.DeleteFunc(stamps, func(s string) bool { return s != r.Timestamp })
	}
	d.manifests = map[string]snapshot.Manifest{}
	for _, s := range stamps {
		m, err := d.repo.Manifest(ctx, r.Label, s)
		var damage *repository.DamageError
		switch {
		case err == nil:
			d.manifests[s] = m
		case errors.As(err, &damage) && r.Force && !d.expiry(): // FORCE is how one gets rid of it
		default:
			return nil, err
		}
	}
	if d.expiry() {
		if m, ok := d.manifests[r.Timestamp]; ok && (m.Expires.IsZero() || m.Expires.After(time.Now())) {
			return nil, d.notNow("snapshot %s %s is to be kept until %s", r.Label, r.Timestamp, m.Expires) // clocks differ
		}
		return stamps, nil
	}
	if len(stamps) > 0 {
		return stamps, nil
	}
	done, err := d.repo.Dropped(ctx, d.Job)
	if err != nil || done {
		return nil, err
	}
	if err := d.unused(ctx); err != nil { // a backup that has not committed yet
		return nil, err
	}
	return nil, refuse(job.SnapshotNotFound, "Snapshot does not exist in repository %s: %s", r.Repository, r.Label)
}

// droppable tells why the snapshots must not be dropped now.
func (a *Activities) droppable(ctx context.Context, d *drop) error {
	if err := d.unused(ctx); err != nil {
		return err
	}
	r := d.Request
	if r.Force || d.expiry() {
		return nil
	}
	c, err := a.Clusters.Cluster(r.Cluster)
	if err != nil {
		return err
	}
	here, err := c.Info(ctx)
	if err != nil {
		return err
	}
	const force = "Use DROP SNAPSHOT ... FORCE to drop it anyway"
	for _, m := range d.manifests {
		switch m.Cluster.ID {
		case "":
			return refuse(job.InvalidRequest, "Snapshot %s in repository %s does not record which cluster created it, and this cluster is %s. %s", r.Label, r.Repository, here.ID, force)
		case here.ID:
		default:
			return refuse(job.InvalidRequest, "Snapshot %s in repository %s was created by cluster %s, and this cluster is %s. %s", r.Label, r.Repository, m.Cluster.ID, here.ID, force)
		}
	}
	return nil
}

// unused refuses while a job writes or reads the label. What the repository holds of jobs tells it, so that jobs of other
// namespaces count, too; one that was terminated holds the label no longer than it holds up a sweep.
func (d *drop) unused(ctx context.Context) error {
	jobs, err := d.repo.Jobs(ctx)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		head, err := headOf(ctx, d.repo, j)
		if err != nil {
			return err
		}
		does := "a restore is reading it"
		if head.Timestamp != "" {
			does = "a backup is writing it"
		}
		if head.Request.Label != d.Request.Label {
			continue
		}
		if ended, err := d.a.ended(ctx, head, j, cmp.Or(d.a.DropGrace, time.Hour)); err != nil {
			return err
		} else if !ended {
			return d.notNow("Can not drop snapshot %s: %s", d.Request.Label, does)
		}
	}
	return nil
}

// notNow refuses what may be possible later: a statement ends with it, a time to live comes back.
func (d *drop) notNow(format string, args ...any) error {
	return named(job.SnapshotInUse, !d.expiry(), fmt.Errorf(format, args...))
}

// native puts a text of the cluster before an error.
func native(err error, format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}

// jobHead is what the first pages of backups and restores have in common.
type jobHead struct {
	Timestamp string `json:"timestamp"` // of a backup only
	Request   struct {
		Cluster  string `json:"cluster"`
		Database string `json:"database"`
		Label    string `json:"label"`
	} `json:"request"`
}

// headOf reads the head of any job; the zero value when the job has none, or is gone.
func headOf(ctx context.Context, repo *repository.Repository, id string) (jobHead, error) {
	var head jobHead
	err := repo.ReadPage(ctx, id, headPage, &head)
	if errors.Is(err, repository.ErrNotFound) || errors.Is(err, repository.ErrInvalidName) {
		return jobHead{}, nil
	}
	return head, err
}

// carryOut notes what is named, and deletes the manifests, the oldest first: killed in between, it leaves the newest.
func (d *drop) carryOut(ctx context.Context, out *job.Dropped) error {
	for _, s := range out.Timestamps {
		m, ok := d.manifests[s]
		if !ok {
			out.Notes = append(out.Notes, fmt.Sprintf("the manifest of %s could not be read: the objects that it named stay", s))
			continue
		}
		n, err := d.repo.Note(ctx, d.Job, m)
		if err != nil {
			return err
		}
		if n.Damage != nil {
			out.Notes = append(out.Notes, fmt.Sprintf("some objects of %s stay, since nobody knows which ones it named: %v", s, n.Damage))
		}
		out.Objects += n.Objects
		out.Bytes += n.Bytes
	}
	for _, s := range out.Timestamps {
		if err := d.repo.DeleteManifest(ctx, d.Request.Label, s); err != nil {
			return err
		}
	}
	return nil
}

// SweepDropped deletes what only the snapshots of a drop named. While it cannot, because a job is at work or a manifest
// cannot be read, it fails and is repeated: nothing of the drop is forgotten.
func (a *Activities) SweepDropped(ctx context.Context, in job.SweepInput) (job.Swept, error) {
	defer alive(ctx)()
	done, err := a.sweepDropped(ctx, in)
	var damage *repository.DamageError
	if errors.As(err, &damage) || errors.Is(err, repository.ErrNewerFormat) || errors.Is(err, storage.ErrReadOnly) {
		return done, named(job.RepositoryBusy, false, err) // a person may mend it
	}
	return done, explain(err)
}

func (a *Activities) sweepDropped(ctx context.Context, in job.SweepInput) (job.Swept, error) {
	repo, _, err := a.Repositories.Repository(ctx, in.Repository, in.RepositoryID)
	if err != nil {
		return job.Swept{}, err
	}
	over, err := a.over(ctx, repo, cmp.Or(in.Grace, time.Hour))
	if err != nil {
		return job.Swept{}, err
	}
	done, err := repo.Reclaim(ctx, in.Job, func(id string) bool { return over[id] })
	out := job.Swept{Objects: done.Objects, Bytes: done.Bytes, Kept: done.Kept}
	for id := range over {
		out.Notes = append(out.Notes, fmt.Sprintf("job %s was ended from outside; its pages stay under jobs/%[1]s", id))
	}
	slices.Sort(out.Notes)
	return out, err
}

// over returns the jobs that left pages and are proven to have ended, at least since ago: a job that was terminated cannot
// remove them itself. One that nobody here knows is not proven to have ended.
func (a *Activities) over(ctx context.Context, repo *repository.Repository, since time.Duration) (map[string]bool, error) {
	jobs, err := repo.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	over := map[string]bool{}
	for _, id := range jobs {
		head, err := headOf(ctx, repo, id)
		if err != nil {
			return nil, err
		}
		ended, err := a.ended(ctx, head, id, since)
		if err != nil {
			return nil, err
		}
		if ended {
			over[id] = true
		}
	}
	return over, nil
}

func (a *Activities) ended(ctx context.Context, head jobHead, id string, since time.Duration) (bool, error) {
	if head.Request.Cluster == "" {
		return false, nil
	}
	return a.Repositories.Over(ctx, job.WorkflowID(head.Request.Cluster, head.Request.Database), id, since)
}

package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/snapshot/repository"
	"starkeep/storage"
)

// CheckRepository looks at the location of a repository that is about to be created.
func (a *Activities) CheckRepository(ctx context.Context, r job.SealedRepository) error {
	return refused(a.Repositories.Check(ctx, r))
}

// refused is explain for a statement that somebody waits for: what only a person can mend is told at once.
func refused(err error) error {
	for _, is := range []error{storage.ErrConfig, storage.ErrDenied, storage.ErrNoRoot, repository.ErrNotFound} {
		if errors.Is(err, is) {
			return named(job.InvalidRequest, true, err)
		}
	}
	return explain(err)
}

// RepositoryUsers lists the running jobs that use a repository.
func (a *Activities) RepositoryUsers(ctx context.Context, name string) ([]string, error) {
	users, err := a.Repositories.Users(ctx, name)
	return users, explain(err)
}

// ListSnapshots answers SHOW SNAPSHOT. A snapshot that cannot be read is a row with its error, never left out.
func (a *Activities) ListSnapshots(ctx context.Context, in job.SnapshotsRequest) ([]job.SnapshotRow, error) {
	rows, err := a.listSnapshots(ctx, in)
	return rows, explain(err)
}

func (a *Activities) listSnapshots(ctx context.Context, in job.SnapshotsRequest) ([]job.SnapshotRow, error) {
	repo, _, err := a.Repositories.Repository(ctx, in.Repository, 0)
	if err != nil {
		return nil, err
	}
	if len(in.Labels) == 1 && in.Timestamp != "" {
		row, err := detail(ctx, repo, in.Labels[0], in.Timestamp)
		return []job.SnapshotRow{row}, err
	}
	all, err := repo.Snapshots(ctx)
	if err != nil {
		return nil, fmt.Errorf("list snapshots of repository %s: %w", in.Repository, err)
	}
	var rows []job.SnapshotRow
	for _, s := range all {
		if in.Labels != nil && !slices.Contains(in.Labels, s.Label) {
			continue
		}
		status, stamps := "OK", []job.SnapshotStamp{stamp(s.Cluster, s.Finished, s.TTL, s.Expires)}
		if s.Err != nil {
			status, stamps = "ERROR: "+s.Err.Error(), nil
		}
		if n := len(rows); n > 0 && rows[n-1].Label == s.Label && rows[n-1].Status == status {
			rows[n-1].Timestamp += "\n" + s.Timestamp
			rows[n-1].Stamps = append(rows[n-1].Stamps, stamps...)
			continue
		}
		rows = append(rows, job.SnapshotRow{Label: s.Label, Timestamp: s.Timestamp, Status: status, Database: s.Database, Stamps: stamps})
	}
	return rows, nil
}

func stamp(c snapshot.Cluster, finished time.Time, ttl string, expires time.Time) job.SnapshotStamp {
	return job.SnapshotStamp{ClusterID: c.ID, Finished: finished, TTL: ttl, Expires: expires}
}

// details is the JSON of the cell Details: the native keys (fe:backup/BackupJobInfo; since 4.2 from cluster_id on), and what
// Starkeep states beyond them. meta_version and starrocks_meta_version are of a format that is not ours.
type details struct {
	Name        string                  `json:"name"`
	Database    string                  `json:"database"`       // empty: objects of the cluster itself
	BackupTime  int64                   `json:"backup_time"`    // ms
	Objects     map[string]tableDetails `json:"backup_objects"` // tables, and, as natively, views and materialized views without partitions
	Result      string                  `json:"backup_result"`
	ClusterID   string                  `json:"cluster_id,omitempty"`
	FinishTime  int64                   `json:"finish_time"` // ms
	TTL         string                  `json:"ttl,omitempty"`
	ExpireTime  int64                   `json:"expire_time,omitempty"` // ms
	Cluster     snapshot.Cluster        `json:"cluster"`
	Consistency snapshot.Consistency    `json:"consistency"`
	Point       *snapshot.Point         `json:"point,omitempty"`
	Others      []string                `json:"other_objects,omitempty"` // kind and name of what is no table
	Omitted     int                     `json:"other_objects_omitted,omitempty"`
	Skipped     map[string]string       `json:"skipped_tables,omitempty"` // that could not be backed up, and why
	Totals      snapshot.Totals         `json:"totals"`
	Format      int                     `json:"format"`
}

type tableDetails struct {
	Kind       snapshot.ObjectKind         `json:"kind,omitempty"` // empty: a table
	Model      string                      `json:"model,omitempty"`
	Rows       int64                       `json:"rows"`
	Bytes      int64                       `json:"stored_bytes"`
	Complete   bool                        `json:"complete"`
	Rollups    []string                    `json:"rollups,omitempty"`
	Partitions map[string]partitionDetails `json:"partitions"`
	Omitted    int64                       `json:"partitions_omitted,omitempty"` // an answer has a limit
}

type partitionDetails struct {
	Rows     int64           `json:"rows"`
	Versions map[int64]int64 `json:"versions"` // physical partition id -> visible version
}

// partitionsShown bounds the answer: a payload may have 2 MiB.
const partitionsShown = 5000

// detail is the row of one snapshot. One that cannot be read is a row with the reason, as natively.
func detail(ctx context.Context, repo *repository.Repository, label, timestamp string) (job.SnapshotRow, error) {
	row := job.SnapshotRow{Label: label, Timestamp: timestamp, Status: "OK"}
	var text []byte
	m, err := repo.Manifest(ctx, label, timestamp)
	if err == nil {
		text, err = describe(ctx, repo, m)
	}
	var damage *repository.DamageError
	switch {
	case errors.As(err, &damage), errors.Is(err, repository.ErrNotFound), errors.Is(err, repository.ErrNewerFormat), errors.Is(err, repository.ErrInvalidName):
		row.Status = "Failed to get info: " + err.Error()
		return row, nil
	case err != nil:
		return row, err
	}
	row.Database, row.Details = m.Database, string(text)
	row.Stamps = []job.SnapshotStamp{stamp(m.Cluster, m.Finished, m.TTL, m.Expires)}
	return row, nil
}

func describe(ctx context.Context, repo *repository.Repository, m snapshot.Manifest) ([]byte, error) {
	d := details{
		Name: m.Label, Database: m.Database, BackupTime: m.Created.UnixMilli(), Objects: map[string]tableDetails{},
		Result: "succeed", Cluster: m.Cluster, Consistency: m.Consistency, Totals: m.Totals, Format: m.Format,
		Point: m.Point, ClusterID: m.Cluster.ID, FinishTime: m.Finished.UnixMilli(), TTL: m.TTL, Skipped: m.Skipped,
	}
	if !m.Expires.IsZero() {
		d.ExpireTime = m.Expires.UnixMilli()
	}
	for _, o := range m.Objects { // their names only: definitions of users hold password hashes
		if len(d.Others) == partitionsShown {
			d.Omitted++
			continue
		}
		d.Others = append(d.Others, o.String())
		if o.Kind == snapshot.View || o.Kind == snapshot.MaterializedView {
			d.Objects[o.Name] = tableDetails{Kind: o.Kind, Complete: true, Partitions: map[string]partitionDetails{}}
		}
	}
	for _, t := range m.Tables {
		x := tableDetails{Model: t.Model, Rows: t.Totals.Rows, Bytes: t.Totals.StoredBytes, Complete: t.Complete,
			Partitions: map[string]partitionDetails{}, Omitted: t.Totals.Partitions}
		for _, r := range t.Rollups {
			x.Rollups = append(x.Rollups, r.Name)
		}
		d.Objects[t.Name] = x
	}
	shown := 0
	err := repo.Entries(ctx, m, func(e snapshot.PartitionEntry) error {
		if shown++; shown > partitionsShown {
			return nil
		}
		versions := map[int64]int64{}
		for _, p := range e.Physical {
			versions[p.ID] = p.Version
		}
		t := d.Objects[e.Table]
		t.Partitions[e.Partition.Name] = partitionDetails{Rows: e.Rows, Versions: versions}
		t.Omitted--
		d.Objects[e.Table] = t
		return nil
	})
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(d, "", " ")
}

// ExamineRepository is the doctor's look at a repository.
func (a *Activities) ExamineRepository(ctx context.Context, in job.DoctorRequest) ([]job.Check, error) {
	if in.Repository == "" {
		return nil, nil
	}
	check := job.Check{Subject: "repository " + in.Repository, Name: "usable", OK: true}
	repo, info, err := a.Repositories.Repository(ctx, in.Repository, 0)
	if err != nil {
		check.OK, check.Detail, check.Advice = false, err.Error(), "create it with CREATE REPOSITORY, or mend its location"
		return []job.Check{check}, nil
	}
	all, err := repo.Snapshots(ctx)
	if err != nil {
		check.OK, check.Detail, check.Advice = false, err.Error(), "check that workers can reach "+info.Location
		return []job.Check{check}, nil
	}
	var broken []string
	for _, s := range all {
		if s.Err != nil {
			broken = append(broken, s.Label+" "+s.Timestamp)
		}
	}
	check.Detail = fmt.Sprintf("%s, snapshots: %d", info.Location, len(all))
	checks := []job.Check{check}
	if len(broken) > 0 {
		checks = append(checks, job.Check{Subject: check.Subject, Name: "snapshots readable", Detail: strings.Join(broken, ", "),
			Advice: "SHOW SNAPSHOT ON " + in.Repository + " tells what is wrong with them"})
	}
	return checks, nil
}

// TryRepository is the doctor's trial of a repository's store.
func (a *Activities) TryRepository(ctx context.Context, in job.DoctorRequest) ([]job.Check, error) {
	defer alive(ctx)()
	checks, err := a.Repositories.Try(ctx, in.Repository)
	return checks, explain(err)
}

// ExamineCluster is the doctor's look at a cluster, from where this worker runs.
func (a *Activities) ExamineCluster(ctx context.Context, in job.DoctorRequest) ([]job.Check, error) {
	if in.Cluster == "" {
		return nil, nil
	}
	subject := "cluster " + in.Cluster
	c, err := a.Clusters.Cluster(in.Cluster)
	if err != nil {
		return []job.Check{{Subject: subject, Name: "configured", Detail: err.Error(), Advice: "add it to the workers' configuration file"}}, nil
	}
	var checks []job.Check
	for _, x := range c.Examine(ctx) {
		checks = append(checks, job.Check{Subject: subject, Name: x.Name, OK: x.OK, Detail: x.Detail, Advice: x.Advice})
	}
	if in.Database != "" && len(checks) > 0 && checks[0].OK { // the first one tells whether the cluster can be asked at all
		checks = append(checks, examineDatabase(ctx, c, subject, in.Database)...)
	}
	return checks, nil
}

// examineDatabase tells what the user of a cluster lacks for jobs of a whole database.
func examineDatabase(ctx context.Context, c Cluster, subject, database string) (checks []job.Check) {
	for _, p := range []cluster.Purpose{cluster.ForBackup, cluster.ForRestore} {
		check := job.Check{Subject: subject, Name: fmt.Sprintf("%s of %s", p, database), OK: true, Detail: "no privilege is missing"}
		missing, err := c.Missing(ctx, cluster.Audit{Purpose: p, Database: database, Kinds: carried})
		exists := true
		if err == nil && p == cluster.ForBackup && len(missing) == 0 {
			exists, err = c.DatabaseExists(ctx, database)
		}
		switch {
		case errors.Is(err, cluster.ErrUnknownDatabase), !exists:
			check.OK, check.Detail, check.Advice = false, "Unknown database '"+database+"'", "check the name with SHOW DATABASES on the cluster"
		case err != nil:
			check.OK, check.Detail = false, err.Error()
		case len(missing) > 0:
			check.OK = false
			check.Detail, check.Advice = lacking(missing)
			check.Detail = "missing: " + check.Detail
		}
		checks = append(checks, check)
	}
	return checks
}

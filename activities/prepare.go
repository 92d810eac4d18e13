package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// shadowPrefix begins the names of everything that a restore builds before it publishes.
const shadowPrefix = "__starkeep_"

// PrepareBackup checks everything that can be checked before the first change: cluster, database, objects, types,
// privileges, repository and label. What it read is settled in the job's folder.
func (a *Activities) PrepareBackup(ctx context.Context, in job.PrepareBackupInput) (job.PrepareBackupOutput, error) {
	defer alive(ctx)()
	out, err := a.prepareBackup(ctx, in)
	return out, explain(err)
}

func (a *Activities) prepareBackup(ctx context.Context, in job.PrepareBackupInput) (job.PrepareBackupOutput, error) {
	none := job.PrepareBackupOutput{}
	if err := checkBackup(in.Request); err != nil {
		return none, err
	}
	_, info, err := a.Repositories.Repository(ctx, in.Ref.Repository, 0)
	if err != nil {
		return none, err
	}
	if info.ReadOnly {
		return none, refuse(job.RepositoryReadOnly, "Repository %s is read only; back up to another one", info.Name)
	}
	in.Ref.RepositoryID = info.ID
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return none, err
	}
	if err := checkLabel(ctx, d, in.Request.Label); err != nil {
		return none, err
	}
	head := backupHead{Request: in.Request, Timestamp: in.Timestamp}
	// Privileges first: without them a cluster denies that there is anything to look at.
	var named []string // none: all tables of the database
	for _, o := range in.Request.Objects {
		if o.Kind == "" && !o.All {
			named = append(named, o.Table)
		}
	}
	if err := d.checkPrivileges(ctx, in.Ref.Database, named, cluster.ForBackup); err != nil {
		return none, err
	}
	tables, notes, err := d.choose(ctx, in.Request)
	if err != nil {
		return none, err
	}
	if head.Cluster, err = d.cluster.Info(ctx); err != nil {
		return none, err
	}
	described, err := d.cluster.Describe(ctx, in.Ref.Database, tables)
	if err != nil {
		return none, err
	}
	others, err := d.objects(ctx, in.Request)
	if err != nil {
		return none, err
	}
	if err := checkObjects(in.Request.Objects, others, "database "+in.Ref.Database); err != nil {
		return none, err
	}
	if len(tables) == 0 && !slices.ContainsFunc(others, func(o snapshot.Object) bool { return o.Kind != snapshot.Database }) {
		return none, refuse(job.InvalidRequest, "Database: %s is empty; there is nothing to back up", in.Ref.Database)
	}
	if err := checkPartitions(in.Request, described); err != nil {
		return none, err
	}
	head.Output = job.PrepareBackupOutput{
		RepositoryID: info.ID, Tables: len(described), Notes: notes,
		Objects: backupObjects(in.Ref.Database, tables, others, head),
	}
	_, head.Output.View = d.cluster.(cluster.Viewer)
	if _, err := d.settle(ctx, tablesPage, &described); err != nil {
		return none, err
	}
	if _, err := d.settle(ctx, headPage, &head); err != nil {
		return none, err
	}
	return head.Output, nil
}

// checkBackup refuses what a client other than the starter may have sent.
func checkBackup(r job.BackupRequest) error {
	switch {
	case r.Cluster == "" || r.Database == "" || r.Label == "" || r.Repository == "":
		return refuse(job.InvalidRequest, "cluster, database, label and repository are required")
	case !snapshot.ValidLabel(r.Label):
		return refuse(job.InvalidRequest, "Incorrect label name '%s': use 1 to 128 letters, digits, '_', '-' or '.', not beginning with '-' or '.'", r.Label)
	case r.Consistency != "" && r.Consistency != snapshot.DatabaseLevel && r.Consistency != snapshot.PartitionLevel:
		return refuse(job.InvalidRequest, "Invalid consistency: %s; use database or partition", r.Consistency)
	case r.Rounds < 0 || r.Rounds > 100:
		return refuse(job.InvalidRequest, "Invalid rounds: %d; use 1 to 100", r.Rounds)
	case !slices.Contains([]string{"", "zstd", "snappy", "gzip", "lz4", "none"}, r.Compression):
		return refuse(job.InvalidRequest, "Invalid compression: %s; use zstd, snappy, gzip, lz4 or none", r.Compression)
	case r.Level < 0 || r.Level > 22 || r.Level > 9 && r.Compression == "gzip":
		return refuse(job.InvalidRequest, "Invalid compression_level: %d; zstd takes 1 to 22, gzip 1 to 9", r.Level)
	case slices.ContainsFunc(r.Objects, func(o job.Object) bool { return o.All == (o.Table != "") }):
		return refuse(job.InvalidRequest, "every object needs a name, or says that all of its kind are meant")
	case r.TimeoutSeconds < 0:
		return refuse(job.InvalidRequest, "Invalid timeout: %d", r.TimeoutSeconds)
	}
	if r.TTL != "" {
		if _, err := snapshot.Expiry(r.TTL, time.Now()); err != nil {
			return refuse(job.InvalidRequest, "Invalid ttl: '%s': %v", r.TTL, err)
		}
	}
	return nil
}

func checkLabel(ctx context.Context, d *desk, label string) error {
	stamps, err := d.repo.Timestamps(ctx, label)
	if err != nil {
		return err
	}
	if len(stamps) > 0 {
		return refuse(job.LabelExists, "Snapshot with name '%s' already exist in repository (its timestamps: %s)",
			label, strings.Join(stamps, ", "))
	}
	return nil
}

// choose resolves the objects of a backup to table names. What is in the database but not in the backup is noted.
func (d *desk) choose(ctx context.Context, r job.BackupRequest) (tables, notes []string, err error) {
	exists, err := d.cluster.DatabaseExists(ctx, r.Database)
	if err != nil {
		return nil, nil, err
	}
	if !exists {
		return nil, nil, refuse(job.UnknownDatabase, "Unknown database '%s'", r.Database)
	}
	all, others, err := d.cluster.Tables(ctx, r.Database)
	if err != nil {
		return nil, nil, err
	}
	_, keeps := d.cluster.(cluster.Keeper)
	if !keeps && (r.Users || r.Objects != nil && !tablesOnly(r.Objects)) {
		return nil, nil, refuse(job.Unsupported, "cluster %s: views, functions and users can't be backed up yet; name the tables", r.Cluster)
	}
	if everyTable(r.Objects) {
		for _, t := range all {
			if strings.HasPrefix(t, shadowPrefix) {
				notes = append(notes, fmt.Sprintf("left out %s: a restore builds it, or left it behind", t))
				continue
			}
			tables = append(tables, t)
		}
		if len(others) > 0 && !keeps {
			notes = append(notes, "not in the snapshot, only tables are supported yet: "+strings.Join(others, ", "))
		}
	}
	for _, o := range r.Objects {
		if o.Kind != "" || o.All {
			continue
		}
		if !slices.Contains(all, o.Table) {
			return nil, nil, unknownTable(r.Database, o.Table, all, others)
		}
		if slices.Contains(tables, o.Table) {
			return nil, nil, refuse(job.InvalidRequest, "Duplicated table: %s", o.Table)
		}
		tables = append(tables, o.Table)
	}
	sort.Strings(tables)
	return tables, notes, nil
}

// everyTable tells whether a request asks for all tables.
func everyTable(asked []job.Object) bool {
	return asked == nil || slices.ContainsFunc(asked, func(o job.Object) bool { return o.Kind == "" && o.All })
}

func unknownTable(database, table string, tables, others []string) error {
	for _, o := range others {
		if strings.HasSuffix(o, " "+table) {
			return refuse(job.Unsupported, "%s.%s is a %s: only tables can be backed up yet", database, table, strings.TrimSuffix(o, " "+table))
		}
	}
	return refuse(job.UnknownTable, "Incorrect table name '%s': database %s has %d tables; SHOW TABLES FROM `%s` on the cluster lists them",
		table, database, len(tables), database)
}

func (d *desk) checkPrivileges(ctx context.Context, database string, tables []string, p cluster.Purpose) error {
	missing, err := d.cluster.Missing(ctx, cluster.Audit{Purpose: p, Database: database, Tables: tables})
	if errors.Is(err, cluster.ErrUnknownDatabase) {
		return refuse(job.UnknownDatabase, "Unknown database '%s'", database)
	}
	if err != nil || len(missing) == 0 {
		return err
	}
	var lacks, grants []string
	for _, m := range missing {
		lacks = append(lacks, m.Name)
		grants = append(grants, m.Grant)
	}
	return refuse(job.MissingPrivilege, "the user of cluster %s lacks: %s. An administrator gives it with: %s",
		d.ref.Cluster, strings.Join(lacks, "; "), strings.Join(grants, "; "))
}

func checkPartitions(r job.BackupRequest, tables []snapshot.Table) error {
	for _, o := range r.Objects {
		if len(o.Partitions) == 0 {
			continue
		}
		i := slices.IndexFunc(tables, func(t snapshot.Table) bool { return t.Name == o.Table })
		for _, p := range o.Partitions {
			if _, ok := tables[i].Partition(p); !ok {
				return refuse(job.UnknownPartition, "partition[%s] does not exist  in table%s", p, o.Table)
			}
		}
	}
	return nil
}

// backupObjects prints the cell BackupObjs of SHOW BACKUP (fe:backup/BackupJob).
func backupObjects(database string, tables []string, others []snapshot.Object, h backupHead) string {
	var b strings.Builder
	for _, o := range others {
		if o.Kind != snapshot.Trigger && o.Kind != snapshot.Database {
			tables = append(tables, o.Name)
		}
	}
	for i, t := range tables {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "[%s.%s", database, t)
		if p := h.choice(t).Partitions; len(p) > 0 {
			fmt.Fprintf(&b, "PARTITIONS (%s)", strings.Join(p, ", "))
		}
		b.WriteByte(']')
		if b.Len() > 64<<10 {
			fmt.Fprintf(&b, ", … %d more", len(tables)-i-1)
			break
		}
	}
	return b.String()
}

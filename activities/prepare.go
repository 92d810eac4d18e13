package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	head := backupHead{Request: in.Request, Timestamp: in.Timestamp, Output: job.PrepareBackupOutput{RepositoryID: info.ID}}
	if in.Ref.Database == "" {
		err = d.prepareGlobals(ctx, &head)
	} else {
		err = d.prepareDatabase(ctx, &head)
	}
	if err != nil {
		return none, err
	}
	_, err = d.settle(ctx, headPage, &head)
	return head.Output, err
}

// prepareDatabase checks what a backup of a database, or of some of its objects, needs, and completes its head.
func (d *desk) prepareDatabase(ctx context.Context, head *backupHead) error {
	if err := d.checkAccess(ctx, head.Request); err != nil { // first: without it a cluster denies that there is anything to look at
		return err
	}
	c, err := d.content(ctx, d.ref.Database)
	if err != nil {
		return err
	}
	if _, keeps := d.cluster.(cluster.Keeper); keeps {
		if head.Request.Objects, err = typed(head.Request.Objects, c.tables, c.kind); err != nil {
			return err
		}
	}
	var notes remarks
	tables, err := d.choose(c, head.Request, &notes)
	if err != nil {
		return err
	}
	if head.Cluster, err = d.cluster.Info(ctx); err != nil {
		return err
	}
	described, err := d.describe(ctx, tables, head, &notes)
	if err != nil {
		return err
	}
	tables = without(tables, head.Skipped)
	others, err := d.objects(ctx, head.Request)
	if err != nil {
		return err
	}
	if err := checkObjects(head.Request.Objects, others, backupSide, d.ref.Database); err != nil {
		return err
	}
	if len(tables) == 0 && !slices.ContainsFunc(others, func(o snapshot.Object) bool { return o.Kind != snapshot.Database }) {
		return refuse(job.InvalidRequest, "Database: %s is empty; there is nothing to back up", d.ref.Database)
	}
	if err := checkPartitions(head.Request, described); err != nil {
		return err
	}
	if err := d.tellUnrestorable(ctx, others, &notes); err != nil {
		return err
	}
	if o, ok := d.cluster.(cluster.Omitter); ok {
		for _, t := range described {
			for _, omission := range o.Omissions(t) {
				notes.addf("%s: %s", t.Name, omission)
			}
		}
	}
	head.Output.Tables, head.Output.Notes = len(described), notes.notes()
	head.Output.Objects = backupObjects(d.ref.Database, tables, others, *head)
	_, head.Output.View = d.cluster.(cluster.Viewer)
	_, err = d.settle(ctx, tablesPage, &described)
	return err
}

// tellUnrestorable notes functions whose definitions the cluster does not tell whole, and global ones that the snapshot will
// not hold: better known now than when they are missed.
func (d *desk) tellUnrestorable(ctx context.Context, all []snapshot.Object, notes *remarks) error {
	checker, ok := d.cluster.(cluster.ObjectChecker)
	if !ok {
		return nil
	}
	for _, o := range all {
		if called := o.Settings[snapshot.GlobalFunctionsSetting]; called != "" {
			notes.addf("%s: the global functions that it calls (%s) are no part of a database: BACKUP ALL GLOBAL FUNCTIONS keeps them", o, called)
		}
		if o.Kind != snapshot.Function {
			continue
		}
		note, err := checker.CheckObject(ctx, o, cluster.Renaming{From: d.ref.Database, To: d.ref.Database})
		switch {
		case err != nil && !final(err):
			return err
		case err != nil:
			note = err.Error()
		}
		if note != "" {
			notes.addf("%s: %s", o, note)
		}
	}
	return nil
}

// checkAccess refuses a backup for which the user of the cluster lacks a privilege.
func (d *desk) checkAccess(ctx context.Context, r job.BackupRequest) error {
	audit := cluster.Audit{Purpose: cluster.ForBackup, Database: d.ref.Database, Kinds: kindsOf(r.Objects, r.Users)}
	if r.Objects == nil {
		audit.Kinds = carried
		if r.Users {
			audit.Kinds = append(slices.Clone(carried), snapshot.User, snapshot.Role)
		}
	}
	if !everyTable(r.Objects) {
		for _, o := range r.Objects {
			if o.Kind == "" {
				audit.Tables = append(audit.Tables, o.Table)
			}
		}
	}
	return d.checkPrivileges(ctx, audit)
}

// describe reads the definitions of tables. Those that the cluster cannot carry are refused, all at once, or left out when
// the job says so.
func (d *desk) describe(ctx context.Context, tables []string, head *backupHead, notes *remarks) ([]snapshot.Table, error) {
	described, err := d.cluster.Describe(ctx, d.ref.Database, tables)
	refused := tableErrors(err)
	switch {
	case len(refused) == 0:
		return described, err
	case !head.Request.SkipUnsupported:
		var reasons []string
		for _, e := range refused {
			reasons = append(reasons, e.Error())
		}
		return nil, refuse(job.Unsupported, "%d tables cannot be backed up exactly (leave them out with PROPERTIES (\"unsupported\" = \"skip\")): %s",
			len(refused), cutList(reasons, notesShown))
	}
	head.Skipped = map[string]string{}
	for _, e := range refused {
		head.Skipped[e.Table] = e.Err.Error()
		notes.addf("left out table %s: %v", e.Table, e.Err)
	}
	return d.cluster.Describe(ctx, d.ref.Database, without(tables, head.Skipped))
}

// tableErrors returns the reasons why tables cannot be carried; none when err says anything else, too.
func tableErrors(err error) (all []*cluster.TableError) {
	if one, ok := err.(*cluster.TableError); ok {
		return []*cluster.TableError{one}
	}
	switch x := err.(type) {
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			some := tableErrors(e)
			if len(some) == 0 {
				return nil
			}
			all = append(all, some...)
		}
	case interface{ Unwrap() error }:
		return tableErrors(x.Unwrap())
	}
	return all
}

// checkBackup refuses what a client other than the starter may have sent.
func checkBackup(r job.BackupRequest) error {
	switch {
	case r.Cluster == "" || r.Label == "" || r.Repository == "":
		return refuse(job.InvalidRequest, "cluster, label and repository are required")
	case r.Database == "" && (r.Objects == nil || slices.ContainsFunc(r.Objects, func(o job.Object) bool { return !o.Kind.Global() })):
		return refuse(job.InvalidRequest, "database is required, or nothing but external catalogs, global functions, users, roles and resource groups may be asked for")
	case r.Database != "" && slices.ContainsFunc(r.Objects, func(o job.Object) bool { return o.Kind.Global() }):
		return refuse(job.InvalidRequest, "Can not sepcify database name for external catalog Backup/Restore") // typo as in fe:sql/parser/AstBuilder
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

func (d *desk) checkPrivileges(ctx context.Context, audit cluster.Audit) error {
	missing, err := d.cluster.Missing(ctx, audit)
	if errors.Is(err, cluster.ErrUnknownDatabase) {
		return refuse(job.UnknownDatabase, "Unknown database '%s'", audit.Database)
	}
	if err != nil || len(missing) == 0 {
		return err
	}
	lacks, grants := lacking(missing)
	return refuse(job.MissingPrivilege, "the user of cluster %s lacks: %s. An administrator gives it with: %s", d.ref.Cluster, lacks, grants)
}

// lacking prints privileges, and the statements that give them.
func lacking(missing []cluster.Privilege) (names, grants string) {
	var n, g []string
	for _, m := range missing {
		n = append(n, m.Name)
		g = append(g, strings.TrimPrefix(m.Grant, "GRANT "))
	}
	return strings.Join(joined(n, " on "), "; "), "GRANT " + strings.Join(joined(g, " ON "), "; GRANT ")
}

// joined makes one of texts that differ before the separator only: "SELECT on d", "INSERT on d" are "SELECT, INSERT on d".
func joined(texts []string, separator string) (out []string) {
	at := map[string]int{}
	for _, t := range texts {
		what, on, ok := strings.Cut(t, separator)
		if i, known := at[on]; ok && known {
			before, _, _ := strings.Cut(out[i], separator)
			out[i] = before + ", " + what + separator + on
			continue
		}
		if ok {
			at[on] = len(out)
		}
		out = append(out, t)
	}
	return out
}

func checkPartitions(r job.BackupRequest, tables []snapshot.Table) error {
	for _, o := range r.Objects {
		if len(o.Partitions) == 0 {
			continue
		}
		i := slices.IndexFunc(tables, func(t snapshot.Table) bool { return t.Name == o.Table })
		for _, p := range o.Partitions {
			if i < 0 {
				break // left out
			}
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

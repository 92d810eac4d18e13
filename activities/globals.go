package activities

import (
	"context"
	"slices"
	"strings"
	"time"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// defaultCatalog is the cluster's own catalog (fe:server/CatalogMgr): databases are what is backed up of it.
const defaultCatalog = "default_catalog"

// prepareGlobals checks a backup of objects of the cluster itself, and completes its head.
func (d *desk) prepareGlobals(ctx context.Context, head *backupHead) error {
	asked := head.Request.Objects
	if slices.ContainsFunc(asked, func(o job.Object) bool { return o.Kind == snapshot.Catalog && o.Table == defaultCatalog }) {
		return refuse(job.InvalidRequest, "Do not support Backup/Restore the entire default catalog")
	}
	if _, keeps := d.cluster.(cluster.Keeper); !keeps {
		return refuse(job.Unsupported, "cluster %s: external catalogs, global functions, users, roles and resource groups can't be backed up", d.ref.Cluster)
	}
	if err := d.checkPrivileges(ctx, cluster.Audit{Purpose: cluster.ForBackup, Kinds: globalKinds(asked)}); err != nil {
		return err
	}
	all, err := d.globals(ctx, asked)
	if err != nil {
		return err
	}
	if err := checkObjects(asked, all, backupSide, "cluster "+d.ref.Cluster); err != nil {
		return err
	}
	if len(all) == 0 {
		return refuse(job.InvalidRequest, "No external catalog can be backed up")
	}
	if head.Cluster, err = d.cluster.Info(ctx); err != nil {
		return err
	}
	head.Output.Objects = objectNames(all)
	return nil
}

// globals reads the objects of the cluster itself that are asked for.
func (d *desk) globals(ctx context.Context, asked []job.Object) ([]snapshot.Object, error) {
	kinds := globalKinds(asked)
	c := cluster.Collection{Kinds: kinds, Users: slices.Contains(kinds, snapshot.User) || slices.Contains(kinds, snapshot.Role)}
	all, err := d.cluster.(cluster.Keeper).Objects(ctx, "", c)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(o snapshot.Object) bool {
		return !slices.ContainsFunc(asked, func(a job.Object) bool { return meant(a, o) })
	}), nil
}

func globalKinds(asked []job.Object) (kinds []snapshot.ObjectKind) {
	for _, o := range asked {
		if !slices.Contains(kinds, o.Kind) {
			kinds = append(kinds, o.Kind)
		}
	}
	return kinds
}

// readGlobals reads the objects of a snapshot that has no rows. They are definitions, and read one behind the other: as a set
// they are of one moment when a second look finds the same.
func (d *desk) readGlobals(ctx context.Context, head backupHead) (pinned, error) {
	p := pinned{Round: 2, Final: true, Level: snapshot.DatabaseLevel, From: time.Now().UTC()}
	var err error
	if p.Objects, err = d.globals(ctx, head.Request.Objects); err != nil {
		return p, err
	}
	again, err := d.globals(ctx, head.Request.Objects)
	if err != nil {
		return p, err
	}
	if p.Moved = movedObjects(p.Objects, again); len(p.Moved) > 0 {
		p.Level = snapshot.PartitionLevel
	}
	p.Objects, p.To = again, time.Now().UTC()
	return p, nil
}

// prepareGlobalRestore checks a restore of objects of the cluster itself, and completes its head.
func (d *desk) prepareGlobalRestore(ctx context.Context, m snapshot.Manifest, head *restoreHead, secrets job.Secrets) error {
	r := head.Request
	if m.Database != "" {
		return refuse(job.InvalidRequest, "This is not a snapshot for external catalog restore, snapshot: %s", r.Label)
	}
	if slices.ContainsFunc(r.Objects, func(o job.Object) bool { return o.Alias == defaultCatalog }) {
		return refuse(job.InvalidRequest, "Do not support set alias as default catalog for external catalog restore")
	}
	if slices.ContainsFunc(r.Objects, func(o job.Object) bool { return !o.Kind.Global() }) {
		return refuse(job.InvalidRequest, "database is required for tables, views and functions")
	}
	here, err := d.cluster.Info(ctx)
	if err != nil {
		return err
	}
	if here.Kind != m.Cluster.Kind {
		return refuse(job.Unsupported, "catalogs, functions, users and resource groups of a %s cluster cannot be restored into a %s cluster", m.Cluster.Kind, here.Kind)
	}
	if err := checkObjects(r.Objects, m.Objects, restoreSide, r.Label); err != nil {
		return err
	}
	for _, o := range m.Objects {
		if r.Objects == nil || slices.ContainsFunc(r.Objects, func(a job.Object) bool { return meant(a, o) }) {
			head.Objects = append(head.Objects, o)
		}
	}
	if len(head.Objects) == 0 {
		return refuse(job.SnapshotNotFound, "snapshot %s holds nothing of what is asked for", r.Label)
	}
	if err := d.checkPrivileges(ctx, cluster.Audit{Purpose: cluster.ForRestore, Kinds: objectKinds(head.Objects)}); err != nil {
		return err
	}
	if head.Renamed, err = d.renaming(m, r, nil); err != nil {
		return err
	}
	if err := checkSecrets(head.Objects, secrets); err != nil {
		return err
	}
	var notes remarks
	if err := d.meetObjects(ctx, head.Objects, nil, *head.Renamed, secrets, &notes); err != nil {
		return err
	}
	head.Output.Others, head.Output.Notes, head.Output.Objects = len(head.Objects), notes.notes(), objectNames(head.Objects)
	return nil
}

// objectKinds are the kinds of some objects.
func objectKinds(all []snapshot.Object) (kinds []snapshot.ObjectKind) {
	for _, o := range all {
		if !slices.Contains(kinds, o.Kind) {
			kinds = append(kinds, o.Kind)
		}
	}
	return kinds
}

func objectNames(all []snapshot.Object) string {
	var names []string
	for _, o := range all {
		names = append(names, o.String())
	}
	return cutList(names, 200)
}

// movedObjects names the objects that are not what they were.
func movedObjects(was, now []snapshot.Object) (moved []string) {
	key := func(o snapshot.Object) string {
		return strings.Join(append([]string{string(o.Kind), o.Name, o.Table, o.DDL}, o.Grants...), "\x00")
	}
	count := map[string]int{}
	for _, o := range was {
		count[key(o)]++
	}
	for _, o := range now {
		if count[key(o)]--; count[key(o)] < 0 {
			moved = append(moved, o.String())
		}
	}
	for _, o := range was {
		if count[key(o)] > 0 {
			count[key(o)]--
			moved = append(moved, o.String())
		}
	}
	slices.Sort(moved)
	return slices.Compact(moved)
}

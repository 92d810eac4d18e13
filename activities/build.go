package activities

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// statementsAtOnce bounds statements that a stage sends to the cluster at once.
const statementsAtOnce = 4

// BuildShadows creates what the restore loads into: the database if there is none, shadow tables, temporary partitions.
// Nothing that is live changes. It plans the loads.
func (a *Activities) BuildShadows(ctx context.Context, in job.StageInput) (job.Plan, error) {
	defer alive(ctx)()
	plan, err := a.buildShadows(ctx, in)
	return plan, explain(err)
}

func (a *Activities) buildShadows(ctx context.Context, in job.StageInput) (job.Plan, error) {
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return job.Plan{}, err
	}
	var built targets
	if done, err := d.found(ctx, targetsPage, &built); err != nil || done {
		return built.Plan, err
	}
	var head restoreHead
	if err := d.read(ctx, headPage, &head); err != nil {
		return job.Plan{}, err
	}
	if err := d.buildDatabase(ctx, head); err != nil {
		return job.Plan{}, err
	}
	built.Targets = head.Targets
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(statementsAtOnce)
	for i := range built.Targets {
		g.Go(func() error { return d.build(gctx, &built.Targets[i], head.Request) })
	}
	if err := g.Wait(); err != nil {
		return job.Plan{}, err
	}
	if built.Plan, err = d.planLoads(ctx, built.Targets); err != nil {
		return job.Plan{}, err
	}
	_, err = d.settle(ctx, targetsPage, &built)
	return built.Plan, err
}

// created is the content of databasePage.
type created struct {
	Database string `json:"database"`
}

// buildDatabase creates the target database if there is none, and first notes that this job does so: only then may
// release drop it again. One that is there keeps its properties.
func (d *desk) buildDatabase(ctx context.Context, head restoreHead) error {
	byUs, err := d.found(ctx, databasePage, &created{}) // by an attempt that may not have come to its end
	if err != nil {
		return err
	}
	if !byUs {
		exists, err := d.cluster.DatabaseExists(ctx, d.ref.Database)
		if err != nil || exists {
			return err
		}
		if _, err := d.settle(ctx, databasePage, &created{Database: d.ref.Database}); err != nil {
			return err
		}
	}
	if err := d.cluster.CreateDatabase(ctx, d.ref.Database); err != nil {
		return err
	}
	keeper, ok := d.cluster.(cluster.Keeper)
	if !ok || head.Database == nil {
		return nil
	}
	_, err = keeper.PutObject(ctx, *head.Database, *head.Renamed)
	return err
}

func (d *desk) build(ctx context.Context, t *target, r job.RestoreRequest) error {
	if t.Replace {
		return d.buildPartitions(ctx, t)
	}
	table, partitions := t.shape()
	t.Publication.Properties = d.cluster.Withheld(table)
	opts := cluster.TableOptions{Name: t.Publication.Shadow, ReplicationNum: r.ReplicationNum, Partitions: partitions}
	id, err := d.cluster.CreateTable(ctx, d.ref.Database, table, opts)
	if err != nil {
		return fmt.Errorf("create shadow of %s: %w", t.Live, err)
	}
	t.Publication.ShadowID = id
	return nil
}

func (d *desk) buildPartitions(ctx context.Context, t *target) error {
	names := map[string]string{}
	var shape []snapshot.Partition
	for i, p := range t.Partitions {
		shape = append(shape, p.Partition)
		names[p.Partition.Name] = t.Publication.Replace[i].Temporary
	}
	ids, err := d.cluster.AddTemporaryPartitions(ctx, d.ref.Database, t.Live, shape, names)
	if err != nil {
		return fmt.Errorf("add temporary partitions to %s: %w", t.Live, err)
	}
	for i := range t.Publication.Replace {
		t.Publication.Replace[i].TemporaryID = ids[t.Publication.Replace[i].Temporary]
	}
	return nil
}

func (d *desk) planLoads(ctx context.Context, all []target) (job.Plan, error) {
	var loads []load
	columns := map[string][]snapshot.Column{}
	total := job.Progress{}
	weight := loadWeight(all)
	for _, t := range all {
		loads = append(loads, loadsOf(t, weight)...)
		columns[t.Entry.Name] = t.Entry.Columns
	}
	for _, l := range loads {
		total.BytesTotal += l.bytes()
	}
	total.Units = int64(len(loads))
	plan, err := d.writePlan(ctx, 1, loadBatches(loads), columns)
	plan.Total = total
	return plan, err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"starkeep/activities"
	"starkeep/job"
	"starkeep/snapshot/repository"
	"starkeep/storage"
	"starkeep/storage/location"
	"starkeep/storage/overlay"
	"starkeep/storage/readonly"
	"starkeep/storage/storagetest/conformance"
)

// believed is how long an answer of the registry is believed without asking again.
const believed = 10 * time.Second

// repositories opens repositories by the names in the registry, a workflow; handles are shared by their ids.
type repositories struct {
	temporal client.Client
	options  location.Options
	journal  string // location for the pages of jobs on read-only repositories

	mu    sync.Mutex
	named map[string]answer
	open  map[int64]*repository.Repository
}

type answer struct {
	job.SealedRepository
	at time.Time
}

// Repository implements activities.Repositories.
func (r *repositories) Repository(ctx context.Context, name string, id int64) (*repository.Repository, job.Repository, error) {
	known, err := r.known(ctx, name, id)
	if err != nil {
		return nil, job.Repository{}, err
	}
	if known.ID == 0 {
		return nil, job.Repository{}, fmt.Errorf("%w: Repository %s does not exist", activities.ErrUnknownRepository, name)
	}
	if id != 0 && id != known.ID {
		return nil, job.Repository{}, fmt.Errorf("%w: repository %s was dropped, another one has taken its name", activities.ErrUnknownRepository, name)
	}
	repo, err := r.handle(ctx, known)
	return repo, known.Repository, err
}

// known believes an older answer only for a job that has its repository pinned by id: a statement that only has the name
// must see what the last DROP and CREATE did.
func (r *repositories) known(ctx context.Context, name string, id int64) (job.SealedRepository, error) {
	r.mu.Lock()
	a := r.named[name]
	r.mu.Unlock()
	if id != 0 && a.ID == id && time.Since(a.at) < believed {
		return a.SealedRepository, nil
	}
	return r.ask(ctx, name)
}

func (r *repositories) ask(ctx context.Context, name string) (job.SealedRepository, error) {
	v, err := r.temporal.QueryWorkflow(ctx, job.RegistryID, "", job.RepositoryQuery, name)
	var absent *serviceerror.NotFound
	switch {
	case errors.As(err, &absent):
		return job.SealedRepository{}, nil // no repository was ever created in this namespace
	case err != nil:
		return job.SealedRepository{}, fmt.Errorf("ask the registry for repository %s: %w", name, err)
	}
	a := answer{at: time.Now()}
	if err := v.Get(&a.SealedRepository); err != nil {
		return a.SealedRepository, fmt.Errorf("ask the registry for repository %s: %w", name, err)
	}
	if a.ID != 0 { // what is not there may be there in a moment
		r.mu.Lock()
		r.named[name] = a
		r.mu.Unlock()
	}
	return a.SealedRepository, nil
}

func (r *repositories) handle(ctx context.Context, known job.SealedRepository) (*repository.Repository, error) {
	r.mu.Lock()
	repo, ok := r.open[known.ID]
	r.mu.Unlock()
	if ok {
		return repo, nil
	}
	bucket, err := r.bucket(ctx, known)
	if err != nil {
		return nil, err
	}
	if repo, err = repository.Open(ctx, bucket, known.Name); err != nil {
		return nil, errors.Join(err, bucket.Close())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if first, ok := r.open[known.ID]; ok {
		return first, bucket.Close()
	}
	r.open[known.ID] = repo
	return repo, nil
}

// bucket opens the store. Nothing is ever written to a read-only one: the pages of its jobs go to the journal.
func (r *repositories) bucket(ctx context.Context, known job.SealedRepository) (storage.Bucket, error) {
	spec := storage.Spec{Location: known.Location, Properties: known.Properties, ReadOnly: known.ReadOnly}
	bucket, err := location.Open(ctx, spec, r.options)
	if err != nil || !known.ReadOnly {
		return bucket, err
	}
	journal, err := location.Open(ctx, storage.Spec{Location: r.journal}, location.Options{Create: true})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open journal: %w", err), bucket.Close())
	}
	return overlay.New(readonly.New(bucket), journal, repository.JobsPrefix(known.Name)), nil
}

// Check implements activities.Repositories.
func (r *repositories) Check(ctx context.Context, s job.SealedRepository) error {
	o := r.options
	o.Create = true
	bucket, err := location.Open(ctx, storage.Spec{Location: s.Location, Properties: s.Properties, ReadOnly: s.ReadOnly}, o)
	if err != nil {
		return err
	}
	if s.ReadOnly {
		bucket = readonly.New(bucket)
	}
	_, err = repository.Create(ctx, bucket, s.Name)
	if errors.Is(err, repository.ErrNotFound) { // READ ONLY: it should be there
		if other := repository.Any(ctx, bucket); other != "" {
			err = fmt.Errorf("%w; there is a repository %s: write the name that it was created with", err, other)
		}
	}
	return errors.Join(err, bucket.Close())
}

// Try implements activities.Repositories.
func (r *repositories) Try(ctx context.Context, name string) ([]job.Check, error) {
	known, err := r.known(ctx, name, 0)
	if err != nil {
		return nil, err
	}
	if known.ID == 0 {
		return nil, fmt.Errorf("%w: Repository %s does not exist", activities.ErrUnknownRepository, name)
	}
	spec := storage.Spec{Location: known.Location, Properties: known.Properties, ReadOnly: known.ReadOnly}
	open := func() (storage.Bucket, error) { return location.Open(ctx, spec, r.options) }
	var checks []job.Check
	for _, v := range conformance.Examine(ctx, open, conformance.Options{Prefix: strings.TrimSuffix(repository.Root(name), "/"), ReadOnly: known.ReadOnly}) {
		took := v.Took.Round(100 * time.Microsecond).String()
		c := job.Check{Subject: "repository " + name, Name: v.Title, OK: v.OK || v.Skipped != "", Detail: took}
		switch { // the first check is never skipped
		case v.Skipped != "" && !checks[0].OK:
			continue // nothing else could be tried: one answer is enough
		case v.Skipped != "":
			c.Detail = "not tried: " + v.Skipped
		case !v.OK:
			c.Detail, c.Advice = v.Detail+" ("+took+")", "check "+v.Name+" failed: jobs are not safe on this store until it passes"
		}
		checks = append(checks, c)
	}
	return checks, nil
}

// Over implements activities.Repositories. A run that this namespace does not know may be at work in another one.
func (r *repositories) Over(ctx context.Context, workflow, run string, since time.Duration) (bool, error) {
	asked, err := r.temporal.DescribeWorkflowExecution(ctx, workflow, run)
	var absent *serviceerror.NotFound
	var invalid *serviceerror.InvalidArgument // a run id of something else
	if errors.As(err, &absent) || errors.As(err, &invalid) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask whether %s %s is over: %w", workflow, run, err)
	}
	info := asked.GetWorkflowExecutionInfo()
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return false, nil
	}
	if time.Since(info.GetCloseTime().AsTime()) < since {
		return false, nil
	}
	// A run that was reset goes on as another one, with the pages of the first.
	newest, err := r.temporal.DescribeWorkflowExecution(ctx, workflow, "")
	if err != nil {
		return false, fmt.Errorf("ask whether %s %s is over: %w", workflow, run, err)
	}
	n := newest.GetWorkflowExecutionInfo()
	return n.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || n.GetFirstRunId() != info.GetFirstRunId(), nil
}

// Users implements activities.Repositories.
func (r *repositories) Users(ctx context.Context, name string) ([]string, error) {
	query := fmt.Sprintf("%s = '%s' AND ExecutionStatus = 'Running'", job.RepositoryAttribute, name) // a name has no quotes, see workflows.Registry
	list, err := r.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query})
	if err != nil {
		return nil, fmt.Errorf("list jobs of repository %s: %w", name, err)
	}
	var ids []string
	for _, e := range list.Executions {
		ids = append(ids, e.Execution.WorkflowId)
	}
	return ids, nil
}

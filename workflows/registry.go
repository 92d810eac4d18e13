package workflows

import (
	"fmt"
	"regexp"
	"sort"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// RegistryState is all that the registry keeps; it is sealed wherever Temporal stores it, because properties hold
// credentials.
type RegistryState struct {
	NextID       int64                  `json:"next_id"`
	Repositories []job.SealedRepository `json:"repositories"`
}

// Sealed marks a value that is only ever stored encrypted.
func (RegistryState) Sealed() {}

// repositoryName is the native rule (COMMON_NAME, fe:sql/analyzer/FeNameFormat): the name becomes a folder.
var repositoryName = regexp.MustCompile(`^[a-zA-Z]\w{0,63}$|^_[a-zA-Z0-9]\w{0,62}$`)

// Registry is the durable list of repositories: one workflow that never ends, changed by validated updates only.
func Registry(ctx workflow.Context, state RegistryState) error {
	r := &registry{RegistryState: state, changing: workflow.NewMutex(ctx)}
	if err := r.handlers(ctx); err != nil {
		return err
	}
	err := workflow.Await(ctx, func() bool { return workflow.GetInfo(ctx).GetContinueAsNewSuggested() })
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if werr := workflow.Await(detached, func() bool { return workflow.AllHandlersFinished(detached) }); err == nil {
		err = werr
	}
	if err != nil {
		return err
	}
	return workflow.NewContinueAsNewError(ctx, job.RepositoryRegistry, r.RegistryState)
}

type registry struct {
	RegistryState
	changing workflow.Mutex // one change at a time: a name must not be taken twice while its location is looked at
}

func (r *registry) handlers(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, job.RepositoriesQuery, r.list); err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(ctx, job.RepositoryQuery, r.get); err != nil {
		return err
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, job.CreateUpdate, r.create, workflow.UpdateHandlerOptions{
		Validator: r.validateCreate, Description: "add a repository; looks at its location first"}); err != nil {
		return err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, job.DropUpdate, r.drop, workflow.UpdateHandlerOptions{
		Validator: r.validateDrop, Description: "forget a repository; nothing in it is deleted"})
}

func (r *registry) find(name string) int {
	for i, x := range r.Repositories {
		if x.Name == name {
			return i
		}
	}
	return -1
}

func (r *registry) list() ([]job.Repository, error) {
	out := make([]job.Repository, len(r.Repositories))
	for i, x := range r.Repositories {
		out[i] = x.Repository
	}
	return out, nil
}

// get answers a repository with its secrets, sealed. An unknown name gives the zero value, ID 0: queries that fail carry
// no error type.
func (r *registry) get(name string) (job.SealedRepository, error) {
	if i := r.find(name); i >= 0 {
		return r.Repositories[i], nil
	}
	return job.SealedRepository{}, nil
}

func (r *registry) validateCreate(_ workflow.Context, in job.CreateRepository) error {
	if !repositoryName.MatchString(in.Name) {
		return final(job.InvalidRequest, "Incorrect repository name '%s': a letter or underscore, then at most 63 letters, digits or underscores", in.Name)
	}
	if in.Location == "" {
		return final(job.InvalidRequest, "You must specify a location on the repository")
	}
	if r.find(in.Name) >= 0 {
		return final(job.RepositoryExists, "repository with same name already exist: %s", in.Name)
	}
	return nil
}

func (r *registry) create(ctx workflow.Context, in job.CreateRepository) (job.Repository, error) {
	if err := r.changing.Lock(ctx); err != nil {
		return job.Repository{}, err
	}
	defer r.changing.Unlock()
	if err := r.validateCreate(ctx, in); err != nil { // again: it may have been taken while this waited
		return job.Repository{}, err
	}
	x := job.SealedRepository{
		Repository: job.Repository{ID: r.nextID(ctx), Name: in.Name, Location: in.Location, Broker: in.Broker, ReadOnly: in.ReadOnly, Created: workflow.Now(ctx)},
		Properties: in.Properties,
	}
	if err := workflow.ExecuteActivity(lookups(ctx), job.CheckRepositoryActivity, x).Get(ctx, nil); err != nil {
		text, kind := reason(err)
		return job.Repository{}, final(kind, "Failed to create repository: %s", text)
	}
	r.Repositories = append(r.Repositories, x)
	sort.Slice(r.Repositories, func(i, j int) bool { return r.Repositories[i].Name < r.Repositories[j].Name })
	return x.Repository, nil
}

// nextID gives each repository an id of its own for ever, so that a job notices when its repository was dropped and
// another one took the name.
func (r *registry) nextID(ctx workflow.Context) int64 {
	r.NextID = max(r.NextID+1, workflow.Now(ctx).UnixMilli())
	return r.NextID
}

func (r *registry) validateDrop(_ workflow.Context, in job.DropRepository) error {
	if r.find(in.Name) < 0 {
		return final(job.UnknownRepository, "Repository does not exist: %s; SHOW REPOSITORIES lists them", in.Name)
	}
	return nil
}

func (r *registry) drop(ctx workflow.Context, in job.DropRepository) error {
	if err := r.changing.Lock(ctx); err != nil {
		return err
	}
	defer r.changing.Unlock()
	var users []string
	if err := workflow.ExecuteActivity(lookups(ctx), job.RepositoryUsersActivity, in.Name).Get(ctx, &users); err != nil {
		text, kind := reason(err)
		return final(kind, "Failed to drop repository: %s", text)
	}
	if len(users) > 0 {
		return final(job.RepositoryInUse, "Backup or restore job is running on this repository. Can not drop it; cancel or await: %v", users)
	}
	i := r.find(in.Name)
	if i < 0 {
		return r.validateDrop(ctx, in)
	}
	r.Repositories = append(r.Repositories[:i:i], r.Repositories[i+1:]...)
	return nil
}

// lookups are options of questions that somebody waits for.
func lookups(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 2 * time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumAttempts: 3},
	})
}

func final(kind, format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), kind, nil)
}

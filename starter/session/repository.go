package session

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"starkeep/job"
	"starkeep/starter/show"
	"starkeep/statement"
)

func (s *Session) createRepository(ctx context.Context, st *statement.CreateRepository) (Answer, error) {
	in := job.CreateRepository{Name: st.Name, Location: st.Location, Broker: st.Broker, ReadOnly: st.ReadOnly, Properties: st.Properties.Map()}
	return Answer{}, s.changeRegistry(ctx, job.CreateUpdate, in)
}

func (s *Session) dropRepository(ctx context.Context, st *statement.DropRepository) (Answer, error) {
	return Answer{Note: "nothing in it was deleted"}, s.changeRegistry(ctx, job.DropUpdate, job.DropRepository{Name: st.Name})
}

// changeRegistry starts the registry if this is its first use.
func (s *Session) changeRegistry(ctx context.Context, update string, arg any) error {
	if err := s.requireWorker(ctx); err != nil {
		return err
	}
	return s.await(ctx, func(ctx context.Context) error {
		start := s.temporal.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID: job.RegistryID, TaskQueue: job.TaskQueue, StaticSummary: "repositories of backups",
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		}, job.RepositoryRegistry, nil) // nil: the registry begins empty
		handle, err := s.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: start,
			UpdateOptions: client.UpdateWorkflowOptions{
				UpdateName: update, Args: []any{arg}, WaitForStage: client.WorkflowUpdateStageCompleted,
			},
		})
		if err != nil {
			return err
		}
		return handle.Get(ctx, nil)
	})
}

func (s *Session) showRepositories(ctx context.Context, st *statement.ShowRepositories) (Answer, error) {
	list, err := s.Repositories(ctx)
	if err != nil {
		return Answer{}, err
	}
	return filtered(show.Repositories(list), st.Filter)
}

// Repositories lists the registry.
func (s *Session) Repositories(ctx context.Context) ([]job.Repository, error) {
	var list []job.Repository
	value, err := s.temporal.QueryWorkflow(ctx, job.RegistryID, "", job.RepositoriesQuery)
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return nil, nil // no repository was ever created
	}
	if err != nil {
		return nil, err
	}
	return list, value.Get(&list)
}

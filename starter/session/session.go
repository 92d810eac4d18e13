// Package session executes statements: it turns them into requests to Temporal, and what comes back into rows.
package session

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"starkeep/job"
	"starkeep/starter/failure"
	"starkeep/starter/show"
	"starkeep/statement"
)

// Temporal is the part of Temporal's client that statements need.
type Temporal interface {
	ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
	SignalWorkflow(ctx context.Context, workflowID, runID, signalName string, arg any) error
	QueryWorkflow(ctx context.Context, workflowID, runID, queryType string, args ...any) (converter.EncodedValue, error)
	UpdateWorkflow(ctx context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error)
	NewWithStartWorkflowOperation(options client.StartWorkflowOptions, workflow any, args ...any) client.WithStartWorkflowOperation
	UpdateWithStartWorkflow(ctx context.Context, options client.UpdateWithStartWorkflowOptions) (client.WorkflowUpdateHandle, error)
	ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	DescribeTaskQueue(ctx context.Context, taskQueue string, kind enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error)
}

// Session executes the statements of one client against one cluster. Not for concurrent use.
type Session struct {
	temporal Temporal
	cluster  string
	patience time.Duration // how long an answer may take before the session looks whether a worker is there at all
	begun    []Job         // jobs of this session: visibility may not list them yet
}

// New returns a session on a cluster of the workers' configuration.
func New(t Temporal, cluster string) *Session {
	return &Session{temporal: t, cluster: cluster, patience: 5 * time.Second}
}

// Answer is what a statement gives.
type Answer struct {
	Table *show.Table // nil: an OK without rows
	Note  string      // what a person should know, may be empty
	Job   *Job        // the job that was begun or cancelled
}

// Job names one run of a job.
type Job struct {
	Kind      string // "backup" or "restore"
	ID, RunID string // of the workflow
	Database  string // empty: the cluster's own objects
	Label     string
	Cancelled bool // the statement asked it to end
}

// Execute runs one statement. Its errors are *failure.Error.
func (s *Session) Execute(ctx context.Context, st statement.Statement) (Answer, error) {
	if why := statement.Unsupported(st); why != "" {
		return Answer{}, failure.Refuse(job.Unsupported, why, "")
	}
	answer, err := s.dispatch(ctx, st)
	if err != nil {
		return Answer{}, failure.Of(err)
	}
	return answer, nil
}

func (s *Session) dispatch(ctx context.Context, st statement.Statement) (Answer, error) {
	switch st := st.(type) {
	case *statement.CreateRepository:
		return s.createRepository(ctx, st)
	case *statement.DropRepository:
		return s.dropRepository(ctx, st)
	case *statement.ShowRepositories:
		return s.showRepositories(ctx, st)
	case *statement.Backup:
		return s.backup(ctx, st)
	case *statement.Restore:
		return s.restore(ctx, st)
	case *statement.Cancel:
		return s.cancel(ctx, st)
	case *statement.ShowJobs:
		return s.showJobs(ctx, st)
	case *statement.ShowSnapshot:
		return s.showSnapshot(ctx, st)
	case *statement.DropSnapshot:
		return s.dropSnapshot(ctx, st)
	}
	return Answer{}, failure.Refuse(job.Unsupported, fmt.Sprintf("%s is not supported", st.Kind()), "")
}

// filtered is an answer with the rows that the statement's WHERE, ORDER BY and LIMIT leave.
func filtered(t show.Table, f statement.Filter) (Answer, error) {
	rows, err := f.Apply(t.Columns, t.Rows)
	if err != nil {
		return Answer{}, failure.New(failure.BadStatement, failure.SemanticError, err.Error(), "")
	}
	t.Rows = rows
	return Answer{Table: &t}, nil
}

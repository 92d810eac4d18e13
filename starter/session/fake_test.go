package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"starkeep/job"
	"starkeep/starter/failure"
	"starkeep/statement"
)

// fake is a Temporal of one cluster, as far as sessions see it.
type fake struct {
	t          *testing.T
	mu         sync.Mutex
	polled     time.Time                    // when a worker was last seen; zero: never
	runs       map[string]*execution        // by workflow id: the newest run
	listed     []string                     // workflow ids that visibility knows
	past       []*execution                 // older runs, which it knows too
	queries    []string                     // visibility queries
	questions  map[string]func(req any) any // answers of the workflows that only look, by type
	started    []client.StartWorkflowOptions
	requests   []any
	secrets    job.Secrets // second argument of a restore
	signals    []string
	updates    []any
	admission  error // what the admitted update and registry updates give
	hang       bool  // updates wait for ever
	unanswered error // of queries
	down       error // of every question about a run
	registry   []job.Repository
}

// execution is a run with its status.
type execution struct {
	info    *workflowpb.WorkflowExecutionInfo
	status  job.Status
	pending []*workflowpb.PendingActivityInfo
	pages   []*workflowpb.PendingChildExecutionInfo
}

func newFake(t *testing.T) *fake {
	return &fake{t: t, polled: time.Now(), runs: map[string]*execution{}, questions: map[string]func(any) any{}}
}

func (f *fake) session() *Session {
	s := New(f, "c")
	s.patience = 10 * time.Millisecond
	return s
}

// add puts a run of a job in place.
func (f *fake) add(kind, database string, state job.State, listed bool) *execution {
	workflow, id := job.BackupWorkflow, job.WorkflowID("c", database)
	if kind == "restore" {
		workflow = job.RestoreWorkflow
	}
	status := enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	if state.Final() {
		status = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	}
	e := &execution{
		info: &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: "run-" + database},
			Type:      &commonpb.WorkflowType{Name: workflow}, Status: status, StartTime: timestamppb.New(time.Unix(1000, 0)),
		},
		status: job.Status{Kind: kind, JobID: int64(len(f.runs) + 1), Database: database, Label: "l", State: state, Code: "OK"},
	}
	f.runs[id] = e
	if listed {
		f.listed = append(f.listed, id)
	}
	return e
}

// refuse adds a run of a job that its checks refuse, later than the one that is there.
func (f *fake) refuse(kind, database, why string) {
	id := job.WorkflowID("c", database)
	if old := f.runs[id]; old != nil {
		f.past = append(f.past, old)
	}
	e := f.add(kind, database, job.Cancelled, false)
	e.info.Execution.RunId += fmt.Sprintf("-%d", len(f.past))
	e.info.Status = enumspb.WORKFLOW_EXECUTION_STATUS_FAILED
	e.info.StartTime = timestamppb.New(time.Unix(2000+int64(len(f.past)), 0))
	e.status.Created, e.status.Message = e.info.GetStartTime().AsTime(), why
	e.status.JobID += 1000 * int64(len(f.past))
	f.remember(e)
}

func (f *fake) remember(e *execution) {
	p, err := converter.GetDefaultDataConverter().ToPayload(e.status)
	require.NoError(f.t, err)
	e.info.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{"status": p}}
}

func (f *fake) value(v any) converter.EncodedValue {
	p, err := converter.GetDefaultDataConverter().ToPayloads(v)
	require.NoError(f.t, err)
	return client.NewValue(p)
}

func (f *fake) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := workflow.(string)
	if answer := f.questions[name]; answer != nil {
		f.requests = append(f.requests, args[0])
		return &run{value: answer(args[0])}, nil
	}
	if old := f.runs[o.ID]; old != nil && !old.status.State.Final() {
		require.True(f.t, o.WorkflowExecutionErrorWhenAlreadyStarted)
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("Workflow execution is already running", "", "old")
	}
	f.started = append(f.started, o)
	f.requests = append(f.requests, args[0])
	kind, database := "backup", ""
	switch r := args[0].(type) {
	case job.BackupRequest:
		database = r.Database
	case job.RestoreRequest:
		kind, database = "restore", r.Database
		f.secrets = args[1].(job.Secrets)
	}
	f.add(kind, database, job.Uploading, false)
	return &run{id: "run-" + database}, nil
}

func (f *fake) SignalWorkflow(_ context.Context, id, _, name string, _ any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.runs[id]
	if e == nil || e.status.State.Final() {
		return serviceerror.NewNotFound("workflow execution already completed")
	}
	f.signals = append(f.signals, id+" "+name)
	return nil
}

func (f *fake) QueryWorkflow(ctx context.Context, id, run, query string, _ ...any) (converter.EncodedValue, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if f.unanswered != nil {
		return nil, f.unanswered
	}
	if query == job.RepositoriesQuery {
		if f.registry == nil {
			return nil, serviceerror.NewNotFound("no such workflow")
		}
		return f.value(f.registry), nil
	}
	return f.value(f.find(id, run).status), nil
}

func (f *fake) UpdateWorkflow(_ context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Equal(f.t, job.AdmittedUpdate, o.UpdateName)
	require.Equal(f.t, client.WorkflowUpdateStageCompleted, o.WaitForStage)
	return &update{err: f.admission, hang: f.hang}, nil
}

func (f *fake) NewWithStartWorkflowOperation(o client.StartWorkflowOptions, workflow any, args ...any) client.WithStartWorkflowOperation {
	f.started = append(f.started, o)
	require.Equal(f.t, job.RepositoryRegistry, workflow)
	require.Equal(f.t, []any{nil}, args)
	return nil
}

func (f *fake) UpdateWithStartWorkflow(_ context.Context, o client.UpdateWithStartWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	f.updates = append(f.updates, o.UpdateOptions.Args...)
	return &update{err: f.admission, hang: f.hang}, nil
}

func (f *fake) ListWorkflow(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queries = append(f.queries, r.GetQuery())
	n := 0 // one run a page, so that paging is always needed
	if len(r.GetNextPageToken()) > 0 {
		n = int(r.GetNextPageToken()[0])
	}
	out := &workflowservice.ListWorkflowExecutionsResponse{}
	var all []*workflowpb.WorkflowExecutionInfo
	for _, id := range f.listed {
		all = append(all, f.runs[id].info)
	}
	for _, e := range f.past {
		all = append(all, e.info)
	}
	if n < len(all) {
		out.Executions = append(out.Executions, all[n])
	}
	if n+1 < len(all) {
		out.NextPageToken = []byte{byte(n + 1)}
	}
	return out, nil
}

// find returns a run; without its id the newest one.
func (f *fake) find(id, run string) *execution {
	for _, e := range f.past {
		if e.info.GetExecution().GetRunId() == run {
			return e
		}
	}
	return f.runs[id]
}

func (f *fake) DescribeWorkflowExecution(_ context.Context, id, run string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return nil, f.down
	}
	e := f.find(id, run)
	if e == nil {
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: e.info, PendingActivities: e.pending, PendingChildren: e.pages}, nil
}

func (f *fake) DescribeTaskQueue(context.Context, string, enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.polled.IsZero() {
		return &workflowservice.DescribeTaskQueueResponse{}, nil
	}
	return &workflowservice.DescribeTaskQueueResponse{Pollers: []*taskqueuepb.PollerInfo{{LastAccessTime: timestamppb.New(f.polled)}}}, nil
}

type run struct {
	client.WorkflowRun
	id    string
	value any
}

func (r *run) GetRunID() string { return r.id }

func (r *run) Get(_ context.Context, out any) error {
	if err, failed := r.value.(error); failed {
		return err
	}
	reflect.ValueOf(out).Elem().Set(reflect.ValueOf(r.value))
	return nil
}

type update struct {
	client.WorkflowUpdateHandle
	err  error
	hang bool
}

func (u *update) Get(ctx context.Context, _ any) error {
	if u.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return u.err
}

// execute runs a text with one statement.
func execute(t *testing.T, s *Session, text string) (Answer, error) {
	t.Helper()
	st, err := statement.ParseOne(text)
	require.NoError(t, err)
	return s.Execute(t.Context(), st)
}

// refused runs a statement that must fail, and returns why.
func refused(t *testing.T, s *Session, text string) *failure.Error {
	t.Helper()
	_, err := execute(t, s, text)
	var f *failure.Error
	require.True(t, errors.As(err, &f), "%v", err)
	return f
}

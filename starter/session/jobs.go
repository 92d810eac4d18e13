package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"golang.org/x/sync/errgroup"

	"starkeep/job"
	"starkeep/starter/show"
	"starkeep/statement"
)

// questionsAtOnce bounds the status queries of one SHOW: each may wait for a worker.
const questionsAtOnce = 16

// queryPatience is how long a status query may wait for a worker; the server gives up a little earlier itself.
const queryPatience = 10 * time.Second

// showJobs answers with the newest job of the kind for each database. The cluster keeps one slot for both kinds, so there
// a RESTORE hides the BACKUP before it; here it does not.
func (s *Session) showJobs(ctx context.Context, st *statement.ShowJobs) (Answer, error) {
	workflow, rows := job.BackupWorkflow, show.Backups
	if st.Restore {
		workflow, rows = job.RestoreWorkflow, show.Restores
	}
	list, err := s.Newest(ctx, workflow, st.Database)
	if err != nil {
		return Answer{}, err
	}
	return filtered(rows(list), st.Filter)
}

// Newest returns the status of the newest job of each database (or of one) and of the cluster's own objects, of the given
// workflow type.
func (s *Session) Newest(ctx context.Context, workflow, database string) ([]job.Status, error) {
	query := fmt.Sprintf("WorkflowType = %s AND %s = %s", literal(workflow), job.ClusterAttribute, literal(s.cluster))
	if database != "" { // the job of the cluster's own objects is in every answer, as natively
		query += fmt.Sprintf(" AND WorkflowId IN (%s, %s)", literal(job.WorkflowID(s.cluster, database)), literal(job.WorkflowID(s.cluster, "")))
	}
	runs, err := s.list(ctx, query)
	if err != nil {
		return nil, err
	}
	newest := map[string]*workflowpb.WorkflowExecutionInfo{}
	for _, r := range append(runs, s.unlisted(ctx, workflow, database)...) {
		id := r.GetExecution().GetWorkflowId()
		if old := newest[id]; old == nil || old.GetStartTime().AsTime().Before(r.GetStartTime().AsTime()) {
			newest[id] = r
		}
	}
	jobs := make([]Job, 0, len(newest))
	for _, r := range newest {
		jobs = append(jobs, Job{ID: r.GetExecution().GetWorkflowId(), RunID: r.GetExecution().GetRunId()})
	}
	return s.statuses(ctx, jobs)
}

// Running returns the jobs of the cluster that run now, or the one of a database.
func (s *Session) Running(ctx context.Context, database string) ([]Job, error) {
	if database != "" {
		info, err := s.current(ctx, database)
		if err != nil || info == nil || info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return nil, err
		}
		return []Job{named(info)}, nil
	}
	runs, err := s.list(ctx, fmt.Sprintf("WorkflowType IN (%s, %s) AND %s = %s AND ExecutionStatus = 'Running'",
		literal(job.BackupWorkflow), literal(job.RestoreWorkflow), job.ClusterAttribute, literal(s.cluster)))
	jobs := make([]Job, len(runs))
	for i, r := range runs {
		jobs[i] = named(r)
	}
	return jobs, err
}

func named(info *workflowpb.WorkflowExecutionInfo) Job {
	j := Job{Kind: "backup", ID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId()}
	if info.GetType().GetName() == job.RestoreWorkflow {
		j.Kind = "restore"
	}
	return j
}

// unlisted returns runs that visibility, which lags behind, may not list yet: those of the database asked for and of the
// cluster's own objects, and those that this session began.
func (s *Session) unlisted(ctx context.Context, workflow, database string) []*workflowpb.WorkflowExecutionInfo {
	databases := map[string]bool{"": true}
	if database != "" {
		databases[database] = true
	} else {
		for _, j := range s.begun {
			databases[j.Database] = true
		}
	}
	var out []*workflowpb.WorkflowExecutionInfo
	for d := range databases {
		// The error is of no interest: what the list holds is answered anyway.
		if info, err := s.current(ctx, d); err == nil && info.GetType().GetName() == workflow {
			out = append(out, info)
		}
	}
	return out
}

// current describes the newest run of a database's job, of either kind; nil if there is none.
func (s *Session) current(ctx context.Context, database string) (*workflowpb.WorkflowExecutionInfo, error) {
	d, err := s.temporal.DescribeWorkflowExecution(ctx, job.WorkflowID(s.cluster, database), "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return nil, nil
	}
	return d.GetWorkflowExecutionInfo(), err
}

func (s *Session) list(ctx context.Context, query string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	// A run that went on as another one is not a job of its own.
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: query + " AND ExecutionStatus != 'ContinuedAsNew'", PageSize: 1000}
	var all []*workflowpb.WorkflowExecutionInfo
	for {
		page, err := s.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, err
		}
		all = append(all, page.GetExecutions()...)
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return all, nil
		}
	}
}

func (s *Session) statuses(ctx context.Context, jobs []Job) ([]job.Status, error) {
	var (
		mu  sync.Mutex
		out = make([]job.Status, 0, len(jobs))
	)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(questionsAtOnce)
	for _, j := range jobs {
		g.Go(func() error {
			status, err := s.Status(ctx, j)
			var gone *serviceerror.NotFound
			if errors.As(err, &gone) { // its retention ended meanwhile
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			out = append(out, status)
			return nil
		})
	}
	return out, g.Wait()
}

// Status returns the status of a job: the worker's answer, or what the job last wrote into its memo when no worker
// answers.
func (s *Session) Status(ctx context.Context, j Job) (job.Status, error) {
	d, err := s.temporal.DescribeWorkflowExecution(ctx, j.ID, j.RunID)
	if err != nil {
		return job.Status{}, err
	}
	info := d.GetWorkflowExecutionInfo()
	status, err := s.query(ctx, info)
	if ctx.Err() != nil {
		return job.Status{}, ctx.Err() // it is the asker who is gone, not the worker
	}
	if err != nil {
		if status, err = remembered(info, err); err != nil {
			return job.Status{}, err
		}
	}
	if status.Retrying == "" && !status.State.Final() {
		status.Retrying = retrying(d.GetPendingActivities())
	}
	return settled(status, info), nil
}

// retrying tells why the step that is at work has to be tried again; empty: it is tried for the first time. A workflow cannot
// see that itself: only the server knows of attempts.
func retrying(pending []*workflowpb.PendingActivityInfo) string {
	for _, a := range pending {
		if a.GetAttempt() > 1 && a.GetLastFailure() != nil {
			return fmt.Sprintf("%s, attempt %d: %s", a.GetActivityType().GetName(), a.GetAttempt(), a.GetLastFailure().GetMessage())
		}
	}
	return ""
}

func (s *Session) query(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) (job.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, queryPatience)
	defer cancel()
	var status job.Status
	value, err := s.temporal.QueryWorkflow(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), job.StatusQuery)
	if err != nil {
		return status, err
	}
	return status, value.Get(&status)
}

// remembered reads the memo; cause is why that is needed.
func remembered(info *workflowpb.WorkflowExecutionInfo, cause error) (job.Status, error) {
	var status job.Status
	payload := info.GetMemo().GetFields()["status"]
	if payload == nil {
		if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return status, cause // no worker has looked at it yet
		}
		j := named(info)
		return job.Status{Kind: j.Kind, Created: info.GetStartTime().AsTime()}, nil
	}
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &status); err != nil {
		return status, fmt.Errorf("read the memo of %s: %w", info.GetExecution().GetWorkflowId(), err)
	}
	if !status.State.Final() {
		status.Retrying = "no worker answers: this is what the job last wrote"
	}
	return status, nil
}

// settled corrects the status of a job that was ended from outside: terminated, it had no time to say so itself.
func settled(status job.Status, info *workflowpb.WorkflowExecutionInfo) job.Status {
	if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || status.State.Final() {
		return status
	}
	at := status.State
	status.State, status.Code = job.Cancelled, "COMMON_ERROR"
	status.Message = fmt.Sprintf("ended from outside in Temporal (%s), current state: %s", info.GetStatus(), at)
	status.Finished = info.GetCloseTime().AsTime()
	return status
}

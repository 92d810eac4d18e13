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
	return s.statuses(ctx, s.rows(append(s.unlisted(ctx, workflow, database), runs...)))
}

// row is one row of SHOW: a run, and the newest one that was refused since.
type row struct {
	run, refused *workflowpb.WorkflowExecutionInfo
}

// rows keeps the newest run of each workflow id. A run that its checks refused does not take the place of one that was
// begun: natively a refused statement makes no job. But it may be nobody's statement, so it must not vanish either.
func (s *Session) rows(runs []*workflowpb.WorkflowExecutionInfo) []row {
	newer := func(a, b *workflowpb.WorkflowExecutionInfo) bool {
		return b == nil || b.GetStartTime().AsTime().Before(a.GetStartTime().AsTime())
	}
	begun, refused := map[string]*workflowpb.WorkflowExecutionInfo{}, map[string]*workflowpb.WorkflowExecutionInfo{}
	known := map[string]bool{}
	for _, r := range runs {
		run := r.GetExecution()
		if known[run.GetRunId()] {
			continue // an answer about the run itself came before that of the list, which lags behind
		}
		known[run.GetRunId()] = true
		of := begun
		if wasRefused(r) {
			of = refused
		}
		if newer(r, of[run.GetWorkflowId()]) {
			of[run.GetWorkflowId()] = r
		}
	}
	var out []row
	for id, r := range begun {
		if no := refused[id]; no != nil && newer(no, r) {
			out = append(out, row{run: r, refused: no})
		} else {
			out = append(out, row{run: r})
		}
	}
	for id, r := range refused {
		if begun[id] == nil {
			out = append(out, row{run: r})
		}
	}
	return out
}

// wasRefused tells whether a run ended in its checks: no stage was ever entered.
func wasRefused(info *workflowpb.WorkflowExecutionInfo) bool {
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_FAILED {
		return false
	}
	st, err := remembered(info, nil)
	return err == nil && st.State == job.Cancelled && st.Objects == "" &&
		st.MetaPrepared.IsZero() && st.SnapshotFinished.IsZero() && st.UploadFinished.IsZero() && st.DownloadFinished.IsZero()
}

// refusal is the note of a row about the run that was refused since.
func refusal(info *workflowpb.WorkflowExecutionInfo) (string, error) {
	st, err := remembered(info, nil)
	return fmt.Sprintf("a later %s, label %s, of %s was refused: %s", upper(st.Kind), st.Label, show.Time(st.Created), st.Message), err
}

// Running returns the jobs of the cluster that run now, or the one of a database.
func (s *Session) Running(ctx context.Context, database string) ([]Job, error) {
	if database != "" {
		info, err := s.current(ctx, database)
		if err != nil || info == nil || info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return nil, err
		}
		return []Job{s.named(info)}, nil
	}
	runs, err := s.list(ctx, fmt.Sprintf("WorkflowType IN (%s, %s) AND %s = %s AND ExecutionStatus = 'Running'",
		literal(job.BackupWorkflow), literal(job.RestoreWorkflow), job.ClusterAttribute, literal(s.cluster)))
	jobs := make([]Job, len(runs))
	for i, r := range runs {
		jobs[i] = s.named(r)
	}
	return jobs, err
}

func (s *Session) named(info *workflowpb.WorkflowExecutionInfo) Job {
	id := info.GetExecution().GetWorkflowId()
	return Job{Kind: kindOf(info), ID: id, RunID: info.GetExecution().GetRunId(), Database: job.DatabaseOf(s.cluster, id)}
}

func kindOf(info *workflowpb.WorkflowExecutionInfo) string {
	if info.GetType().GetName() == job.RestoreWorkflow {
		return "restore"
	}
	return "backup"
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

func (s *Session) statuses(ctx context.Context, rows []row) ([]job.Status, error) {
	var (
		mu  sync.Mutex
		out = make([]job.Status, 0, len(rows))
	)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(questionsAtOnce)
	for _, r := range rows {
		g.Go(func() error {
			status, err := s.Status(ctx, s.named(r.run))
			var gone *serviceerror.NotFound
			if errors.As(err, &gone) { // its retention ended meanwhile
				return nil
			}
			if err != nil {
				return err
			}
			if r.refused != nil {
				note, err := refusal(r.refused)
				if err != nil {
					return err
				}
				status.Notes = append(status.Notes, note)
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
		status.Retrying = s.retrying(ctx, d)
	}
	return settled(status, info), nil
}

// retrying tells why a step that is at work, of the job or of one of its transfers, has to be tried again; empty: all are
// tried for the first time. A workflow cannot see that itself: only the server knows of attempts.
func (s *Session) retrying(ctx context.Context, d *workflowservice.DescribeWorkflowExecutionResponse) string {
	pending := d.GetPendingActivities()
	for _, c := range d.GetPendingChildren() {
		child, err := s.temporal.DescribeWorkflowExecution(ctx, c.GetWorkflowId(), "")
		if err == nil { // otherwise it is over: there is nothing to tell of it
			pending = append(pending, child.GetPendingActivities()...)
		}
	}
	var worst *workflowpb.PendingActivityInfo
	for _, a := range pending {
		if a.GetAttempt() > 1 && a.GetLastFailure() != nil && a.GetAttempt() > worst.GetAttempt() {
			worst = a
		}
	}
	if worst == nil {
		return ""
	}
	return fmt.Sprintf("%s, attempt %d: %s", worst.GetActivityType().GetName(), worst.GetAttempt(), worst.GetLastFailure().GetMessage())
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
		return job.Status{Kind: kindOf(info), Created: info.GetStartTime().AsTime()}, nil
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

package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// defaultTimeout is the native default of a job's timeout (backup_job_default_timeout_ms of the frontends).
const defaultTimeout = 86400

// Search attributes of a job, for the Temporal UI and for SHOW.
var (
	clusterAttribute    = temporal.NewSearchAttributeKeyKeyword(job.ClusterAttribute)
	databaseAttribute   = temporal.NewSearchAttributeKeyKeyword(job.DatabaseAttribute)
	repositoryAttribute = temporal.NewSearchAttributeKeyKeyword(job.RepositoryAttribute)
	labelAttribute      = temporal.NewSearchAttributeKeyKeyword(job.LabelAttribute)
	stateAttribute      = temporal.NewSearchAttributeKeyKeyword(job.StateAttribute)
	progressAttribute   = temporal.NewSearchAttributeKeyInt64(job.ProgressAttribute)
)

// lifecycle is what BACKUP and RESTORE share: status, messages, pause, cancel and timeout.
type lifecycle struct {
	status    job.Status
	admitted  bool
	ended     bool   // the outcome is decided; the release may still be at work
	stopped   string // name of the final error that a person or the clock asked for; empty: none
	userPause string // reason given with the pause signal
	blocked   string // why the running step waits for better weather
	resumed   int    // counts resume signals
	noReturn  bool   // publishing has begun and cannot be undone: cancel comes too late
	stop      workflow.CancelFunc
	plan      string       // name of the plan at work; reports of others are late
	pages     []pageReport // last report of every page of the plan
	settled   job.Progress // sums of earlier rounds, and what needed no transfer
	children  []workflow.ChildWorkflowFuture
	percent   int64
}

// begin sets up the handlers and returns the context in which the job works: cancelled by the cancel signal, by
// Temporal's own cancel, and by the timeout.
func begin(ctx workflow.Context, status job.Status) (*lifecycle, workflow.Context, error) {
	if err := requireLock(ctx, status); err != nil {
		return nil, nil, err
	}
	now := workflow.Now(ctx)
	status.JobID = now.UnixMilli()
	status.Job = workflow.GetInfo(ctx).FirstRunID
	status.Created = now
	status.Code = "OK"
	if status.TimeoutSeconds == 0 {
		status.TimeoutSeconds = defaultTimeout
	}
	l := &lifecycle{status: status}
	work, stop := workflow.WithCancel(ctx)
	l.stop = stop
	if err := workflow.SetQueryHandlerWithOptions(ctx, job.StatusQuery, l.query, workflow.QueryHandlerOptions{
		Description: "the whole SHOW row of the job, with progress"}); err != nil {
		return nil, nil, err
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, job.AdmittedUpdate, l.waitAdmitted, workflow.UpdateHandlerOptions{
		Description: "returns when the job has passed its checks, or with the error that ended it"}); err != nil {
		return nil, nil, err
	}
	// Set here, not only by the starter: a job that was started by hand must be found, and keep its repository, too.
	if err := workflow.UpsertTypedSearchAttributes(ctx,
		clusterAttribute.ValueSet(cut(status.Cluster, 200)), databaseAttribute.ValueSet(cut(status.Database, 200)),
		repositoryAttribute.ValueSet(cut(status.Repository, 200)), labelAttribute.ValueSet(cut(status.Label, 200))); err != nil {
		return nil, nil, err
	}
	l.listen(ctx)
	l.watchTimeout(work)
	l.enter(ctx, job.Pending)
	return l, work, nil
}

// requireLock refuses a job that does not hold the lock of its database: two of them could meet there, and each would take
// the other's tables for the live ones.
func requireLock(ctx workflow.Context, s job.Status) error {
	id, lock := workflow.GetInfo(ctx).WorkflowExecution.ID, job.WorkflowID(s.Cluster, s.Database)
	if id == lock || workflow.GetVersion(ctx, "lock", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return nil // older releases let jobs run under any id
	}
	return temporal.NewNonRetryableApplicationError(
		fmt.Sprintf("the workflow id %q is not the lock of what this job works on: start it as %q", id, lock), job.InvalidRequest, nil)
}

func (l *lifecycle) query() (job.Status, error) { return l.status, nil }

func (l *lifecycle) waitAdmitted(ctx workflow.Context) (job.Status, error) {
	if err := workflow.Await(ctx, func() bool { return l.admitted || l.status.State.Final() }); err != nil {
		return l.status, err
	}
	if !l.admitted && l.status.Code != "OK" {
		return l.status, temporal.NewNonRetryableApplicationError(l.status.Message, l.status.ErrorType, nil)
	}
	return l.status, nil
}

// listen handles signals until the workflow ends.
func (l *lifecycle) listen(ctx workflow.Context) {
	cancel := workflow.GetSignalChannelWithOptions(ctx, job.CancelSignal, workflow.SignalChannelOptions{
		Description: "stop the job and put everything back; argument: reason"})
	pause := workflow.GetSignalChannelWithOptions(ctx, job.PauseSignal, workflow.SignalChannelOptions{
		Description: "begin no new transfers until resume; argument: reason"})
	resume := workflow.GetSignalChannelWithOptions(ctx, job.ResumeSignal, workflow.SignalChannelOptions{
		Description: "go on after pause, or try a blocked step again now"})
	progress := workflow.GetSignalChannel(ctx, job.ProgressSignal)
	workflow.GoNamed(ctx, "cancel", func(ctx workflow.Context) {
		ctx.Done().Receive(ctx, nil)
		l.end(job.UserCancelled)
	})
	// Temporal's own cancel ends the context, not the listening: what cannot be undone any more has to be resumed and
	// watched, too.
	listening, _ := workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(listening, "signals", func(ctx workflow.Context) {
		s := workflow.NewSelector(ctx)
		s.AddReceive(cancel, func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			l.end(job.UserCancelled)
		})
		s.AddReceive(pause, func(c workflow.ReceiveChannel, _ bool) {
			var why string
			c.Receive(ctx, &why)
			if why == "" {
				why = "paused by the user"
			}
			l.userPause = why
			l.tellChildren(ctx, job.PauseSignal, why)
			l.show(ctx)
		})
		s.AddReceive(resume, func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			l.userPause = ""
			l.resumed++
			l.tellChildren(ctx, job.ResumeSignal, "")
			l.show(ctx)
		})
		s.AddReceive(progress, func(c workflow.ReceiveChannel, _ bool) {
			var r job.TransferReport
			c.Receive(ctx, &r)
			l.report(ctx, r)
		})
		for {
			s.Select(ctx)
		}
	})
}

func (l *lifecycle) watchTimeout(work workflow.Context) {
	workflow.GoNamed(work, "timeout", func(ctx workflow.Context) {
		d := time.Duration(l.status.TimeoutSeconds) * time.Second
		timer := workflow.NewTimerWithOptions(ctx, d, workflow.TimerOptions{Summary: "timeout of the job"})
		if timer.Get(ctx, nil) == nil {
			l.end(job.Timeout)
		}
	})
}

// end asks the job to stop. The first reason counts; past the point of no return none does.
func (l *lifecycle) end(reason string) {
	if l.noReturn {
		l.status.Notes = append(l.status.Notes, reason+" came after publishing had begun; the job goes on to its end")
		return
	}
	if l.stopped == "" && !l.ended {
		l.stopped = reason
		l.stop()
	}
}

// enter moves the job to a state and shows it wherever people look.
func (l *lifecycle) enter(ctx workflow.Context, s job.State) {
	l.status.State = s
	now := workflow.Now(ctx)
	switch s {
	case job.UploadSnapshot, job.Download:
		l.status.SnapshotFinished = now
	case job.Snapshoting:
		l.status.MetaPrepared = now
	case job.SaveMeta:
		l.status.UploadFinished = now
	case job.Commit:
		l.status.DownloadFinished = now
	case job.Finished, job.Cancelled:
		l.status.Finished = now
	}
	// Both calls are bookkeeping: they fail only on values that cannot be encoded.
	_ = workflow.UpsertTypedSearchAttributes(ctx, stateAttribute.ValueSet(string(s)))
	_ = workflow.UpsertMemo(ctx, map[string]any{"status": l.short()})
	l.show(ctx)
}

// short is the status as it is kept in the memo, for SHOW when no worker answers queries. A memo should stay below 2 KiB.
func (l *lifecycle) short() job.Status {
	s := l.status
	s.Notes = nil
	s.Statement = cut(s.Statement, 200)
	s.Objects = cut(s.Objects, 300)
	s.Message = cut(s.Message, 300)
	s.Paused = cut(s.Paused, 200)
	return s
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

// show refreshes what the Temporal UI prints as current details; it costs no history.
func (l *lifecycle) show(ctx workflow.Context) {
	l.status.Paused = l.userPause
	if l.status.Paused == "" {
		l.status.Paused = l.blocked
	}
	p := l.status.Progress
	text := fmt.Sprintf("**%s** `%s.%s`: %s", l.status.Kind, l.status.Database, l.status.Label, l.status.State)
	if p.Units > 0 {
		text += fmt.Sprintf(", %d of %d units, %d rows, %d MiB stored", p.UnitsDone, p.Units, p.Rows, p.Stored>>20)
	}
	if l.status.Paused != "" {
		text += "\n\nPaused: " + l.status.Paused
	}
	workflow.SetCurrentDetails(ctx, text)
}

// report takes in what a transfer says.
func (l *lifecycle) report(ctx workflow.Context, r job.TransferReport) {
	if r.Plan != l.plan || r.Page >= len(l.pages) || l.pages[r.Page].done {
		return // late: the result of the page was here first
	}
	l.pages[r.Page].Progress, l.pages[r.Page].blocked = r.Done, r.Blocked
	l.blocked = ""
	for _, x := range l.pages {
		if x.blocked != "" {
			l.blocked = x.blocked
		}
	}
	l.sum(ctx)
}

// pageReport is the last that was heard of a page.
type pageReport struct {
	job.Progress
	blocked string
	done    bool
}

func (l *lifecycle) sum(ctx workflow.Context) {
	p := l.settled
	for _, x := range l.pages {
		p.Rows += x.Rows
		p.Bytes += x.Bytes
		p.Stored += x.Stored
		p.Reused += x.Reused
		p.UnitsDone += x.UnitsDone
	}
	l.status.Progress = p
	l.show(ctx)
	if p.Units == 0 {
		return
	}
	// Tens only: each upsert is an event.
	if now := p.UnitsDone * 10 / p.Units * 10; now > l.percent {
		l.percent = now
		_ = workflow.UpsertTypedSearchAttributes(ctx, progressAttribute.ValueSet(now))
	}
}

// stage runs one activity, waiting while the job is paused, and pausing it when the attempts are used up on something
// that a person can mend.
func (l *lifecycle) stage(ctx workflow.Context, name string, in, out any, more ...any) error {
	ctx = stages(ctx)
	for tries := 0; ; tries++ {
		if err := workflow.Await(ctx, func() bool { return l.userPause == "" || l.noReturn }); err != nil {
			return err
		}
		err := workflow.ExecuteActivity(ctx, name, append([]any{in}, more...)...).Get(ctx, out)
		if !mendable(err) {
			return err
		}
		if err := l.wait(ctx, err, tries); err != nil {
			return err
		}
	}
}

// wait blocks the job until resume, or until it is time to look again.
func (l *lifecycle) wait(ctx workflow.Context, cause error, tries int) error {
	text, _ := reason(cause)
	l.blocked = text
	l.show(ctx)
	before := l.resumed
	_, err := workflow.AwaitWithTimeout(ctx, retryBlocked(tries), func() bool { return l.resumed > before })
	l.blocked = ""
	l.show(ctx)
	return err
}

func (l *lifecycle) tellChildren(ctx workflow.Context, signal, arg string) {
	for _, c := range l.children {
		if !c.IsReady() {
			c.SignalChildWorkflow(ctx, signal, arg)
		}
	}
}

// finish decides how the job ends, and releases what it held, whatever happened. The release runs on a context that no
// cancel reaches, and its troubles never hide the first error. Whoever waits for admission gets the error behind it, when
// the database is free again; so the release of a job that was refused is short.
func (l *lifecycle) finish(ctx workflow.Context, err error, release func(workflow.Context, bool) (job.ReleaseOutput, error)) (job.Status, error) {
	l.blocked, l.userPause = "", ""
	if err != nil {
		l.fail(err)
	}
	l.ended = true
	detached, _ := workflow.NewDisconnectedContext(ctx)
	options := cleanup
	if !l.admitted {
		options = cleanupChecks
	}
	out, rerr := release(options(detached), err == nil)
	l.status.Notes = append(l.status.Notes, out.Notes...)
	if rerr != nil {
		text, _ := reason(rerr)
		l.status.Notes = append(l.status.Notes, "release: "+text)
	}
	if out.Committed {
		err = nil // the release found the job's last step done, or did it: what is there counts
		l.status.Code, l.status.Message, l.status.ErrorType = "OK", "", ""
	}
	if err != nil {
		l.enter(detached, job.Cancelled)
	} else {
		l.enter(detached, job.Finished)
	}
	l.stop()
	if aerr := workflow.Await(detached, func() bool { return workflow.AllHandlersFinished(detached) }); aerr != nil {
		return l.status, aerr
	}
	switch {
	case err == nil:
		return l.status, nil
	case l.status.ErrorType == job.UserCancelled:
		return l.status, temporal.NewCanceledError(l.status.Message)
	default:
		return l.status, temporal.NewNonRetryableApplicationError(l.status.Message, l.status.ErrorType, nil, l.short())
	}
}

// fail puts the error into the status with the native codes and texts (fe:backup/Status, BackupJob and RestoreJob).
func (l *lifecycle) fail(err error) {
	at := l.status.State
	stopped := l.stopped
	if !temporal.IsCanceledError(err) {
		stopped = "" // it had failed before it was asked to stop
	}
	switch stopped {
	case job.UserCancelled:
		l.status.Code, l.status.ErrorType, l.status.Message = "COMMON_ERROR", job.UserCancelled, "user cancelled"
		if l.status.Kind == "restore" {
			l.status.Message += ", current state: " + string(at)
		}
		return
	case job.Timeout:
		l.status.Code, l.status.ErrorType = "TIMEOUT", job.Timeout
		if l.status.Kind == "restore" {
			l.status.Message = "restore job with label: " + l.status.Label + "  timeout."
		}
		return
	}
	l.status.Message, l.status.ErrorType = reason(err)
	switch l.status.ErrorType {
	case job.UnknownDatabase, job.UnknownTable, job.UnknownPartition, job.SnapshotNotFound, job.UnknownRepository:
		l.status.Code = "NOT_FOUND"
	case job.DamagedSnapshot:
		l.status.Code = "BAD_FILE"
	case job.Unsupported:
		l.status.Code = "UNSUPPORTED"
	default:
		l.status.Code = "COMMON_ERROR"
	}
}

package workflows

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// Shape of transfers. A window is the number of batches that one page keeps in flight; pages are the children at work at
// once. Workers bound what really runs (their activity slots), so these only have to be large enough to keep them busy.
const (
	window      = 8
	pagesAtOnce = 4
	// Progress that pages report to their parent: each is a signal in two histories, and one run takes 10,000 at most.
	reports       = 2000
	reportsOfView = 600 // of one view: each that is lost begins anew
	reportsOfPage = 20
)

// transfer works a plan: one child workflow per page; by the worker that holds the view, if there is one.
func (l *lifecycle) transfer(ctx workflow.Context, ref job.Ref, activity string, plan job.Plan, view *job.ViewRef) error {
	l.settled = l.status.Progress // with all that the pages of the last plan reported
	l.plan, l.pages = plan.Name, make([]pageReport, len(plan.Batches))
	l.settled.Add(plan.Total)
	l.sum(ctx)

	ctx, stop := workflow.WithCancel(ctx)
	defer stop()
	budget := reports
	if view != nil {
		budget = reportsOfView
	}
	slots := workflow.NewSemaphore(ctx, pagesAtOnce)
	running := workflow.NewWaitGroup(ctx)
	var first error
	for page, batches := range plan.Batches {
		if err := slots.Acquire(ctx, 1); err != nil {
			break // cancelled: the ones at work are waited for below
		}
		running.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer running.Done()
			defer slots.Release(1)
			in := job.TransferInput{Ref: ref, Activity: activity, Plan: plan.Name, Page: page, To: batches, Window: window,
				Reports: min(max(budget/len(plan.Batches), 1), reportsOfPage), Paused: l.userPause, View: view}
			done, err := l.child(ctx, in)
			if err != nil {
				if first == nil {
					first = err
					stop()
				}
				return
			}
			l.report(ctx, job.TransferReport{Plan: plan.Name, Page: page, Done: done})
			l.pages[page].done = true
		})
	}
	detached, _ := workflow.NewDisconnectedContext(ctx)
	running.Wait(detached)
	l.children = nil
	if first == nil {
		first = ctx.Err()
	}
	return first
}

func (l *lifecycle) child(ctx workflow.Context, in job.TransferInput) (job.Progress, error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          fmt.Sprintf("%s/%s/%s/%d", job.WorkflowID(in.Ref.Cluster, in.Ref.Database), in.Ref.Job, in.Plan, in.Page),
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
		StaticSummary:       fmt.Sprintf("%s: plan %s, page %d, %d batches", in.Activity, in.Plan, in.Page, in.To),
	})
	f := workflow.ExecuteChildWorkflow(ctx, job.TransferWorkflow, in)
	l.children = append(l.children, f)
	var done job.Progress
	err := f.Get(ctx, &done)
	return done, err
}

// Transfer works the batches of one page through a window of activities. in is its whole state, also when it continues
// as new.
func Transfer(ctx workflow.Context, in job.TransferInput) (job.Progress, error) {
	t := &transfers{in: in}
	t.listen(ctx)
	queue := job.TransferQueue
	if in.View != nil {
		queue = in.View.Queue
	}
	work, stop := workflow.WithCancel(workflow.WithTaskQueue(stages(ctx), queue))
	defer stop()
	var first error
	for t.in.Next < t.in.To && first == nil && !workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
		err := workflow.Await(work, func() bool {
			return first != nil || t.inflight < t.in.Window && t.in.Paused == "" && t.blocked == ""
		})
		if err != nil || first != nil {
			break
		}
		b := job.Batch{Ref: in.Ref, Plan: in.Plan, Page: in.Page, Index: t.in.Next}
		if in.View != nil {
			b.View = in.View.ID
		}
		t.in.Next++
		t.inflight++
		workflow.Go(work, func(ctx workflow.Context) {
			defer func() { t.inflight-- }()
			if err := t.batch(ctx, b); err != nil && first == nil {
				first = err
				stop()
			}
		})
	}
	// Draining must not be cut short by a cancel: an activity still at work could write behind the release.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	_ = workflow.Await(detached, func() bool { return t.inflight == 0 })
	if first == nil {
		first = work.Err()
	}
	if first != nil {
		return t.in.Done, first
	}
	if t.in.Next < t.in.To {
		t.drain(ctx)
		return t.in.Done, workflow.NewContinueAsNewError(ctx, job.TransferWorkflow, t.in)
	}
	return t.in.Done, nil
}

type transfers struct {
	in       job.TransferInput
	inflight int
	blocked  string
	waiting  int // batches that are blocked
	resumed  int
	finished int // batches since the last report
}

func (t *transfers) listen(ctx workflow.Context) {
	pause, resume := workflow.GetSignalChannel(ctx, job.PauseSignal), workflow.GetSignalChannel(ctx, job.ResumeSignal)
	workflow.GoNamed(ctx, "signals", func(ctx workflow.Context) {
		s := workflow.NewSelector(ctx)
		s.AddReceive(pause, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &t.in.Paused) })
		s.AddReceive(resume, func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			t.resume()
		})
		for {
			s.Select(ctx)
		}
	})
}

func (t *transfers) resume() {
	t.in.Paused = ""
	t.resumed++
}

// drain takes in the signals that came last, or continue-as-new would lose them.
func (t *transfers) drain(ctx workflow.Context) {
	for workflow.GetSignalChannel(ctx, job.PauseSignal).ReceiveAsync(&t.in.Paused) {
	}
	var none string
	for workflow.GetSignalChannel(ctx, job.ResumeSignal).ReceiveAsync(&none) {
		t.resume()
	}
}

// batch runs one activity until it succeeds or finally fails.
func (t *transfers) batch(ctx workflow.Context, b job.Batch) error {
	for tries := 0; ; tries++ {
		var done job.Progress
		err := workflow.ExecuteActivity(ctx, t.in.Activity, b).Get(ctx, &done)
		if err == nil {
			t.in.Done.Add(done)
			t.finished++
			if t.finished >= max(1, t.in.To/max(1, t.in.Reports)) || t.in.Next == t.in.To && t.inflight == 1 {
				t.report(ctx)
			}
			return nil
		}
		if !mendable(err) {
			return err
		}
		if err := t.wait(ctx, err, tries); err != nil {
			return err
		}
	}
}

// wait blocks a batch until resume, or until it is time to look again. Only the first one that waits, and the last one
// that goes on, are worth a report.
func (t *transfers) wait(ctx workflow.Context, cause error, tries int) error {
	t.waiting++
	t.blocked, _ = reason(cause)
	if t.waiting == 1 {
		t.report(ctx)
	}
	before := t.resumed
	_, err := workflow.AwaitWithTimeout(ctx, retryBlocked(tries), func() bool { return t.resumed > before })
	if t.waiting--; t.waiting == 0 {
		if t.blocked = ""; err == nil {
			t.report(ctx)
		}
	}
	return err
}

func (t *transfers) report(ctx workflow.Context) {
	t.finished = 0
	parent := workflow.GetInfo(ctx).ParentWorkflowExecution
	if parent == nil {
		return
	}
	r := job.TransferReport{Plan: t.in.Plan, Page: t.in.Page, Done: t.in.Done, Blocked: t.blocked}
	// A lost report is made up by the next one and by the result.
	workflow.SignalExternalWorkflow(ctx, parent.ID, parent.RunID, job.ProgressSignal, r)
}

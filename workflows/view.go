package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"starkeep/job"
)

// Times that a job begins anew by itself, quickly, before it pauses and says why.
const (
	opensAtOnce  = 5  // attempts to open a view
	viewsAtOnce  = 3  // views lost
	viewsAtMost  = 12 // then the job fails: each costs history
	longestViews = 30 * 24 * time.Hour
)

// view is one read view, held by an activity in one worker. It is open until that activity ends, whyever it does.
type view struct {
	ref     job.ViewRef
	holding workflow.Future
	stop    workflow.CancelFunc
	lost    error // why it ended by itself
}

// readView reads everything from one view. When the view is lost, with its worker or its sessions, another one is opened
// and everything is read again; what was stored is found by its content.
func (b *backup) readView(ctx workflow.Context) error {
	for round := 1; ; round++ {
		b.l.enter(ctx, job.Snapshoting)
		v, err := b.openView(ctx, round)
		if err != nil {
			return err
		}
		err = b.readFrom(ctx, v, round)
		v.stop() // nobody waits for it: its worker hears of it with the answer to its next heartbeat
		if err == nil {
			return b.conclude(ctx, round)
		}
		if ctx.Err() != nil || v.lost == nil && !isLost(err) || round == viewsAtMost {
			return err
		}
		if v.lost != nil {
			err = v.lost
		}
		text, _ := reason(err)
		b.l.status.Notes = append(b.l.status.Notes, fmt.Sprintf("view %d was lost (%s): everything is read again from another one", round, text))
		if round%viewsAtOnce == 0 {
			if err := b.l.wait(ctx, err, round/viewsAtOnce-1); err != nil {
				return err
			}
		}
	}
}

// isLost tells whether an activity found that it cannot read from its view any more.
func isLost(err error) bool {
	_, kind := reason(err)
	return kind == job.ViewLost
}

// readFrom pins and uploads what a view shows.
func (b *backup) readFrom(ctx workflow.Context, v *view, round int) error {
	ctx, stop := workflow.WithCancel(ctx)
	defer stop()
	workflow.GoNamed(ctx, "view", func(ctx workflow.Context) {
		detached, _ := workflow.NewDisconnectedContext(ctx)
		err := v.holding.Get(detached, nil)
		if err != nil && !temporal.IsCanceledError(err) {
			v.lost = err
		}
		stop()
	})
	b.l.status.Progress = job.Progress{} // what an earlier view showed is read again
	there := workflow.WithTaskQueue(ctx, v.ref.Queue)
	var plan job.Plan
	if err := b.l.stage(there, job.PinSnapshotActivity, job.StageInput{Ref: b.ref, View: v.ref.ID, Round: round}, &plan); err != nil {
		return err
	}
	b.l.status.Notes = append(b.l.status.Notes, plan.Notes...)
	b.l.enter(ctx, job.UploadSnapshot)
	b.l.enter(ctx, job.Uploading)
	return b.l.transfer(ctx, b.ref, job.UploadTabletsActivity, plan, &v.ref)
}

// conclude settles what a view showed; the view is not needed any more.
func (b *backup) conclude(ctx workflow.Context, round int) error {
	var plan job.Plan
	if err := b.l.stage(ctx, job.CheckSnapshotActivity, job.CheckSnapshotInput{Ref: b.ref, Round: round}, &plan); err != nil {
		return err
	}
	b.l.status.Consistency = plan.Consistency
	return nil
}

// openView opens a view, waiting for a person when that does not succeed.
func (b *backup) openView(ctx workflow.Context, round int) (*view, error) {
	for tries := 0; ; tries++ {
		if err := workflow.Await(ctx, func() bool { return b.l.userPause == "" }); err != nil {
			return nil, err
		}
		v, err := b.tryView(ctx, fmt.Sprintf("%s/%d-%d", b.ref.Job, round, tries))
		if err == nil || ctx.Err() != nil || !mendable(err) && !isLost(err) {
			return v, err
		}
		if tries%opensAtOnce == opensAtOnce-1 {
			err = b.l.wait(ctx, err, tries/opensAtOnce)
		} else {
			err = workflow.Sleep(ctx, time.Second<<(tries%opensAtOnce))
		}
		if err != nil {
			return nil, err
		}
	}
}

// tryView begins to hold a view and waits until its worker says that it is open. Only one attempt: a second one would be
// another view.
func (b *backup) tryView(ctx workflow.Context, id string) (*view, error) {
	v := &view{}
	var held workflow.Context
	held, v.stop = workflow.WithCancel(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: job.ViewQueue, StartToCloseTimeout: longestViews, HeartbeatTimeout: heartbeat, WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	}))
	v.holding = workflow.ExecuteActivity(held, job.HoldViewActivity, job.HoldViewInput{Ref: b.ref, View: id})
	announced := workflow.GetSignalChannel(ctx, job.ViewSignal)
	for v.ref.ID != id {
		var err error
		ended := false
		workflow.NewSelector(ctx).
			AddFuture(v.holding, func(f workflow.Future) { ended, err = true, f.Get(ctx, nil) }).
			AddReceive(announced, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &v.ref) }). // or of an earlier view
			Select(ctx)
		if ended {
			v.stop()
			if err == nil {
				err = ctx.Err()
			}
			return nil, err
		}
	}
	return v, nil
}

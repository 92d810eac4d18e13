package session

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"starkeep/job"
	"starkeep/starter/failure"
)

// pollerMemory: a worker asks for work at least once a minute (the server's long poll), so one that was not seen for
// longer is gone. The server itself remembers it for five minutes.
const pollerMemory = 70 * time.Second

// pollerLook is the time between two looks for a worker.
const pollerLook = 100 * time.Millisecond

// await runs f, which waits for a worker's answer. Without any worker Temporal would let it wait for ever; then it ends
// with an error that says so.
func (s *Session) await(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	look := time.NewTicker(s.patience)
	defer look.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-look.C:
			if s.workerPolls(ctx) {
				continue
			}
			cancel()
			if err := <-done; err == nil {
				return nil
			}
			return failure.WorkerMissing(fmt.Sprintf("no worker answers on task queue %q; the request stays with Temporal", job.TaskQueue))
		}
	}
}

// requireWorker refuses early, before anything is begun, when no worker is there.
// One that has just been started may take a moment to be seen.
func (s *Session) requireWorker(ctx context.Context) error {
	deadline := time.Now().Add(s.patience)
	for !s.workerPolls(ctx) {
		if time.Now().After(deadline) || ctx.Err() != nil {
			return failure.WorkerMissing(fmt.Sprintf("no worker polls task queue %q; nothing was begun", job.TaskQueue))
		}
		time.Sleep(pollerLook)
	}
	return nil
}

// workerPolls tells whether a worker was seen lately. When Temporal cannot say, the answer is yes: the request itself
// will tell.
func (s *Session) workerPolls(ctx context.Context) bool {
	q, err := s.temporal.DescribeTaskQueue(ctx, job.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return true
	}
	for _, p := range q.GetPollers() {
		if time.Since(p.GetLastAccessTime().AsTime()) < pollerMemory {
			return true
		}
	}
	return false
}

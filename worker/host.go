package main

import (
	"context"
	"crypto/rand"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"starkeep/job"
)

// host is this process: it implements activities.Host.
type host struct {
	temporal client.Client
	queue    string
}

// newHost names a task queue that no other process, and no later one, works on: who waits for this process must not be
// answered by another.
func newHost(c client.Client) *host {
	return &host{temporal: c, queue: job.TransferQueue + "@" + rand.Text()}
}

func (h *host) Queue() string { return h.queue }

func (h *host) Announce(ctx context.Context, v job.ViewRef) error {
	w := activity.GetInfo(ctx).WorkflowExecution
	return h.temporal.SignalWorkflow(ctx, w.ID, w.RunID, job.ViewSignal, v)
}

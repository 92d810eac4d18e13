package session

import (
	"context"
	"time"

	"starkeep/job"
	"starkeep/starter/failure"
)

// followEvery is how often a followed job is looked at.
const followEvery = 400 * time.Millisecond

// Follow shows a job until it is over and returns its last status. An interrupt ends the following, never the job.
func (s *Session) Follow(ctx context.Context, j Job, update func(job.Status)) (job.Status, error) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	var last job.Status
	for {
		status, err := s.Status(ctx, j)
		if err != nil && ctx.Err() != nil {
			return status, begun(ctx.Err(), j)
		}
		f := failure.Of(err)
		switch {
		case err == nil:
			update(status)
			if status.State.Final() {
				return status, nil
			}
			last = status
		case f.Type != failure.NoWorker && f.Type != failure.TemporalUnreachable:
			return status, f
		case last.Kind != "": // they may come back, the job waits for them too
			last.Retrying = f.What
			update(last)
		}
		select {
		case <-ctx.Done():
			return status, begun(ctx.Err(), j)
		case <-tick.C:
		}
	}
}

// Verdict turns the end of a job into an error, nil if it is what was asked for.
func Verdict(j Job, status job.Status) error {
	switch {
	case j.Cancelled && status.State == job.Cancelled, !j.Cancelled && status.State == job.Finished:
		return nil
	case j.Cancelled:
		return failure.New(failure.Failed, failure.NotRunning, "the cancel came too late: the "+j.Kind+" finished", "")
	}
	kind := status.ErrorType
	if kind == "" {
		kind = failure.Internal
	}
	text := status.Message
	if text == "" {
		text = status.Code
	}
	return failure.New(failure.Failed, kind, "the "+status.Kind+" of "+Subject(status.Database)+" failed: "+text, failure.Advice(kind))
}

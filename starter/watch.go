package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"starkeep/job"
	"starkeep/starter/failure"
	"starkeep/starter/progress"
	"starkeep/starter/session"
)

func newWatch(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "watch [DATABASE]",
		Short: "Show running jobs until they are over",
		Long:  "Show the running jobs, or the one of a database, until they are over. Interrupting ends the watching, not the jobs.\n\n" + exitCodes,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			database := ""
			if len(args) == 1 {
				database = args[0]
			}
			return g.session(c.Context(), func(s *session.Session) error { return watch(c.Context(), s, database, c.OutOrStdout()) })
		},
	}
}

// lookEvery is how often watch looks for jobs that began meanwhile.
const lookEvery = 3 * time.Second

// watch follows all running jobs, also those that begin meanwhile, until none runs.
func watch(ctx context.Context, s *session.Session, database string, out io.Writer) error {
	jobs, err := s.Running(ctx, database)
	if err != nil {
		return failure.Of(err)
	}
	if len(jobs) == 0 {
		_, err := fmt.Fprintln(out, "no job is running")
		return err
	}
	w := &watcher{session: s, view: progress.New(out), known: map[string]bool{}}
	defer w.view.Close()
	g, ctx := errgroup.WithContext(ctx)
	active := make(chan struct{}, 1) // a job ended: look whether any is left
	for {
		for _, j := range jobs {
			w.follow(ctx, g, j, active)
		}
		if w.running() == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return g.Wait()
		case <-active:
		case <-time.After(lookEvery):
		}
		if jobs, err = s.Running(ctx, database); err != nil {
			jobs = nil // Temporal may come back; the followed jobs wait for it too
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return w.failed
}

type watcher struct {
	session *session.Session
	mu      sync.Mutex
	view    progress.View
	known   map[string]bool // by run id: true while it is followed
	failed  error           // of the first job that did not finish
}

func (w *watcher) running() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, followed := range w.known {
		if followed {
			n++
		}
	}
	return n
}

func (w *watcher) follow(ctx context.Context, g *errgroup.Group, j session.Job, ended chan<- struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.known[j.RunID]; known {
		return
	}
	w.known[j.RunID] = true
	g.Go(func() error {
		status, err := w.session.Follow(ctx, j, w.update)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.known[j.RunID] = false
		if err == nil && w.failed == nil {
			w.failed = session.Verdict(j, status)
		}
		select {
		case ended <- struct{}{}:
		default: // one notice is enough
		}
		return err
	})
}

func (w *watcher) update(s job.Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.view.Update(s)
}

func newPause(g *globals) *cobra.Command {
	return newSignal(g, "pause", "Begin no new transfers of a database's job until resume", (*session.Session).Pause)
}

func newResume(g *globals) *cobra.Command {
	return newSignal(g, "resume", "Go on after pause, or try a blocked step again at once", (*session.Session).Resume)
}

func newSignal(g *globals, name, short string, send func(*session.Session, context.Context, string, string) error) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: name + " DATABASE", Short: short, Long: short + ".\n\n" + exitCodes, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.session(c.Context(), func(s *session.Session) error {
				if err := send(s, c.Context(), args[0], reason); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "%s was sent to the job of %s\n", name, args[0])
				return err
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why: SHOW and watch print it")
	return c
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"starkeep/starter/failure"
	"starkeep/starter/stack"
)

func newDev(g *globals) *cobra.Command {
	var state string
	c := &cobra.Command{
		Use:   "dev",
		Short: "Start everything to play with: Temporal and its UI, a sandbox cluster, a worker",
		Long: `Start Temporal with its UI, a sandbox cluster and a worker on this machine, and run until Ctrl-C. Jobs and repositories survive
a restart in the state folder; the sandbox cluster is in memory and begins empty each time. It is for trying only: there are
no passwords, and it listens on 127.0.0.1.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := c.OutOrStdout()
			folder, err := filepath.Abs(state)
			if err != nil {
				return fmt.Errorf("find state folder: %w", err)
			}
			s, err := startStack(c.Context(), stack.Config{Folder: folder, KeyFile: g.keyFile}, out)
			if err != nil {
				return err
			}
			defer s.Stop()
			invite(out, s, filepath.Join(folder, "repository"))
			return attend(c.Context(), s, out)
		},
	}
	c.Flags().StringVar(&state, "state", ".dev", "folder for state and logs")
	return c
}

// startStack fills in what dev and demo have in common.
func startStack(ctx context.Context, c stack.Config, out io.Writer) (*stack.Stack, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if exe, err = filepath.EvalSymlinks(exe); err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	c.Root = filepath.Dir(filepath.Dir(exe)) // bin/starter
	if c.KeyFile, err = filepath.Abs(c.KeyFile); err != nil {
		return nil, fmt.Errorf("find key file: %w", err)
	}
	c.Say = func(text string) { _, _ = fmt.Fprintln(out, text) }
	s, err := stack.Start(ctx, c)
	if errors.Is(err, context.Canceled) {
		return nil, err
	}
	if err != nil {
		return nil, failure.New(failure.Unreachable, failure.Internal, err.Error(), "logs are in "+filepath.Join(c.Folder, "logs"))
	}
	return s, nil
}

// attend waits for Ctrl-C, or for the end of something that should run.
func attend(ctx context.Context, s *stack.Stack, out io.Writer) error {
	_, _ = fmt.Fprintln(out, "\nCtrl-C stops everything.")
	if err := s.Wait(ctx); err != nil {
		return failure.New(failure.Failed, failure.Internal, err.Error(), "everything else is stopped too")
	}
	_, _ = fmt.Fprintln(out, "stopping: the worker drains first")
	return nil
}

// invite prints where things are and what to try.
func invite(out io.Writer, s *stack.Stack, repository string) {
	host, port, _ := net.SplitHostPort(s.SQL)
	_, _ = fmt.Fprintf(out, `
  Temporal   %s     UI %s
  cluster    mysql -h %s -P %s -u root     HTTP %s     faults http://%s/faults
  logs       %s

In another terminal:
  source %s
  bin/sandbox load
  bin/starter sql -e "CREATE REPOSITORY repo WITH BROKER ON LOCATION 'file://%s'"
  bin/starter sql --wait -e "BACKUP DATABASE sr_hub SNAPSHOT first TO repo"
  bin/starter sql -e "SHOW BACKUP FROM sr_hub\G SHOW SNAPSHOT ON repo"
  bin/sandbox damage
  bin/starter sql --wait -e "RESTORE SNAPSHOT first FROM repo DATABASE sr_hub"
  bin/starter doctor
`, s.Temporal, s.UI, host, port, s.HTTP, s.Admin, filepath.Dir(s.Log("worker")), s.EnvironmentFile(), repository)
}

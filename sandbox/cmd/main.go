// Command sandbox is a StarRocks-compatible server to try things on, with a demonstration to fill, prove and damage it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "sandbox",
		Short: "A StarRocks-compatible server for trying and testing, in memory",
		Long: `sandbox speaks the MySQL protocol and the HTTP side of StarRocks (frontend and backend) well enough to try a backup on.
It keeps everything in memory: when it stops, its data is gone. It is no database for anything that matters.

Try it:
  sandbox serve &
  sandbox load
  sandbox proof
  mysql -h 127.0.0.1 -P 9030 -u root -e 'SELECT count(*) FROM ssb.lineorder'
  sandbox damage && sandbox proof

Environment: SANDBOX_SQL, SANDBOX_HTTP, SANDBOX_USER and SANDBOX_PASSWORD are the defaults of the flags of the same names.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newServe(), newLoad(), newProof(), newDamage())
	return root
}

// fromEnvironment returns an environment variable, or what stands for it when it is not set.
func fromEnvironment(name, otherwise string) string {
	if v, ok := os.LookupEnv(name); ok {
		return v
	}
	return otherwise
}

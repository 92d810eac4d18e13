// Command starter is the command line of Starkeep: it turns statements into jobs and prints what comes back.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"starkeep/starter/failure"
	"starkeep/starter/show"
)

// version is set by the linker.
var version = "development"

const exitCodes = `Exit codes:
    0  done
    1  a job or a check failed
    2  the statement or the command line is wrong
    3  cannot reach Temporal, or no worker answers
    4  refused: already running, exists, not found, …
  130  interrupted; a job that was begun goes on`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	g := &globals{}
	root := newRoot(g)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return failure.OK
	}
	var silent exit
	if errors.As(err, &silent) {
		return int(silent)
	}
	f := failure.Of(err)
	report(out, errs, g.output, f)
	return f.Exit
}

// exit is an error that was already reported.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// globals are the flags that all commands share.
type globals struct {
	connection
	cluster string
	output  string
}

func (g *globals) form() (show.Form, error) {
	f, err := show.ParseForm(g.output)
	if err != nil {
		return "", failure.Usagef("%s", err)
	}
	return f, nil
}

func newRoot(g *globals) *cobra.Command {
	root := &cobra.Command{
		Use:           "starter",
		Short:         "Durable BACKUP and RESTORE for StarRocks, MySQL and MariaDB",
		Long:          "Durable BACKUP and RESTORE for StarRocks, MySQL and MariaDB: every job is one Temporal workflow.\n\n" + exitCodes,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs, // an unknown command is an argument too many
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&g.address, "address", "", "host:port of Temporal (default: the Temporal profile, TEMPORAL_ADDRESS)")
	flags.StringVar(&g.namespace, "namespace", "", "Temporal namespace (default: the Temporal profile, TEMPORAL_NAMESPACE)")
	flags.StringVar(&g.keyFile, "key-file", keyFile(), "key file that seals repository credentials, the workers' one (STARKEEP_KEY_FILE)")
	flags.StringVar(&g.cluster, "cluster", env("STARKEEP_CLUSTER", "default"), "cluster of the workers' configuration (STARKEEP_CLUSTER)")
	flags.StringVar(&g.output, "output", string(show.AsTable), "table, vertical or json")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return failure.Usagef("%s", err) })
	root.AddCommand(newSQL(g), newWatch(g), newPause(g), newResume(g), newSchedule(g), newParse(), newDoctor(g), newKeys(g), newDev(g), newDemo(g), newVersion())
	usage(root)
	return root
}

// usage gives cobra's own errors their exit code.
func usage(c *cobra.Command) {
	check := c.Args
	c.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return failure.Usagef("%s", err)
		}
		return nil
	}
	for _, sub := range c.Commands() {
		usage(sub)
	}
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "starkeep", version)
			return err
		},
	}
}

// report tells an error: to people on standard error, to programs as a line of JSON among the answers.
func report(out, errs io.Writer, output string, f *failure.Error) {
	if show.Form(output) == show.JSON {
		line := struct {
			Error string `json:"error"`
			Type  string `json:"type"`
			Do    string `json:"do,omitempty"`
		}{f.What, f.Type, f.Do}
		_ = json.NewEncoder(out).Encode(line) // nothing is left to tell that this failed
		return
	}
	_, _ = fmt.Fprintln(errs, "error: "+show.Plain(f.What))
	if f.Do != "" {
		_, _ = fmt.Fprintln(errs, "       "+show.Plain(f.Do))
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"starkeep/sandbox/demo"
)

// addTarget adds the flags that say which server to work on. The password comes from the environment too, so that it need
// not stand in a process list.
func addTarget(cmd *cobra.Command) *demo.Target {
	var t demo.Target
	f := cmd.Flags()
	f.StringVar(&t.SQL, "sql", fromEnvironment("SANDBOX_SQL", "127.0.0.1:9030"), "address of the MySQL protocol")
	f.StringVar(&t.HTTP, "http", fromEnvironment("SANDBOX_HTTP", "127.0.0.1:8030"), "address of the frontend's HTTP side")
	f.StringVar(&t.User, "user", fromEnvironment("SANDBOX_USER", "root"), "user")
	f.StringVar(&t.Password, "password", "", "password (default: SANDBOX_PASSWORD)")
	cmd.PreRun = func(*cobra.Command, []string) {
		if !f.Changed("password") {
			t.Password = fromEnvironment("SANDBOX_PASSWORD", "")
		}
	}
	return &t
}

// sayTo prints statements as they are sent.
func sayTo(w io.Writer) func(string) {
	return func(statement string) { fmt.Fprintln(w, statement+";") }
}

func newLoad() *cobra.Command {
	var s demo.Sizes
	var replace bool
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Create and load the demonstration databases ssb and sr_hub",
		Long: `Create the databases ssb (a Star Schema Benchmark) and sr_hub and load them through Stream Load. If one of them exists, load
stops and leaves it alone; --replace drops it first. The same seed and sizes give the same rows.`,
		Args: cobra.NoArgs,
	}
	t := addTarget(cmd)
	f := cmd.Flags()
	f.IntVar(&s.Lineorders, "lineorders", 500_000, "rows of ssb.lineorder")
	f.IntVar(&s.Members, "members", 20_000, "rows of sr_hub.sr_member")
	f.Uint64Var(&s.Seed, "seed", 1, "seed of the generator")
	f.BoolVar(&replace, "replace", false, "drop databases of these names first")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return demo.Load(cmd.Context(), *t, s, replace, sayTo(cmd.OutOrStdout()))
	}
	return cmd
}

func newDamage() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "damage",
		Short: "Harm the demonstration databases: drop, truncate, update, delete",
		Args:  cobra.NoArgs,
	}
	t := addTarget(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return demo.Damage(cmd.Context(), *t, sayTo(cmd.OutOrStdout()))
	}
	return cmd
}

func newProof() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "proof [DATABASE...]",
		Short: "Print row count and checksum of every table",
		Long: `Read every row and print, per table, the number of rows and a checksum that does not depend on their order. The default is the
demonstration databases. --output json prints [{"table":"db.t","rows":1,"checksum":"0123456789abcdef"}, …].`,
	}
	t := addTarget(cmd)
	cmd.Flags().StringVar(&output, "output", "table", "table or json")
	cmd.RunE = func(cmd *cobra.Command, databases []string) error {
		if output != "table" && output != "json" {
			return fmt.Errorf("unknown output %q: table or json", output)
		}
		if len(databases) == 0 {
			databases = demo.Databases
		}
		proofs, err := demo.Proof(cmd.Context(), *t, databases...)
		if err != nil {
			return err
		}
		return printProofs(cmd.OutOrStdout(), output, proofs)
	}
	return cmd
}

func printProofs(w io.Writer, output string, proofs []demo.TableProof) error {
	if output == "json" {
		return json.NewEncoder(w).Encode(proofs)
	}
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.AppendHeader(table.Row{"table", "rows", "checksum"})
	for _, p := range proofs {
		t.AppendRow(table.Row{p.Table, p.Rows, p.Checksum})
	}
	t.Render()
	return nil
}

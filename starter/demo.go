package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"starkeep/starter/failure"
	"starkeep/starter/session"
	"starkeep/starter/show"
	"starkeep/starter/stack"
)

func newDemo(*globals) *cobra.Command {
	var (
		keep       bool
		lineorders int
	)
	c := &cobra.Command{
		Use:   "demo",
		Short: "Back up, damage, restore and prove two databases, with everything that this needs",
		Long: `Start Temporal, a sandbox cluster and a worker in a temporary folder on free ports; load a Star Schema Benchmark and the
database sr_hub; back both up, damage them, restore them, and compare row counts and checksums of every table. The exit code
is 0 only if all are equal. Everything is removed at the end.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			folder, err := os.MkdirTemp("", "starkeep-demo-")
			if err != nil {
				return fmt.Errorf("make a folder for the demonstration: %w", err)
			}
			defer func() { _ = os.RemoveAll(folder) }()
			d := &demo{folder: folder, out: c.OutOrStdout(), errs: c.ErrOrStderr(), lineorders: lineorders}
			return d.run(c.Context(), keep)
		},
	}
	c.Flags().BoolVar(&keep, "keep", false, "leave everything running until Ctrl-C")
	c.Flags().IntVar(&lineorders, "lineorders", 500_000, "rows of ssb.lineorder")
	return c
}

type demo struct {
	folder     string
	out, errs  io.Writer
	lineorders int
	stack      *stack.Stack
	runner     runner
}

func (d *demo) run(ctx context.Context, keep bool) error {
	begun := time.Now()
	d.say("starting Temporal, a sandbox cluster and a worker in %s", d.folder)
	keys := filepath.Join(d.folder, "keys.json")
	s, err := startStack(ctx, stack.Config{Folder: d.folder, KeyFile: keys, FreePorts: true}, d.out)
	if err != nil {
		return err
	}
	defer s.Stop()
	d.stack = s
	t, err := d.dial(ctx, keys)
	if err != nil {
		return err
	}
	defer t.Close()
	d.runner = runner{session: session.New(t, "default"), out: d.out, errs: d.errs, form: show.AsTable, wait: true}
	d.say("Temporal UI: %s", s.UI)
	if err := d.play(ctx); err != nil {
		return err
	}
	d.say("done in %.1f s", time.Since(begun).Seconds())
	if keep {
		invite(d.out, s, filepath.Join(d.folder, "repository"))
		return attend(ctx, s, d.out)
	}
	return nil
}

// dial connects to the demonstration's own Temporal, whatever the user's profile says.
func (d *demo) dial(ctx context.Context, keyFile string) (client.Client, error) {
	o, err := seal(client.Options{HostPort: d.stack.Temporal, Logger: quiet}, keyFile)
	if err != nil {
		return nil, err
	}
	return client.DialContext(ctx, o)
}

func (d *demo) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.out, "\n== "+format+"\n", args...)
}

// play is the demonstration itself.
func (d *demo) play(ctx context.Context) error {
	d.say("loading: ssb with %d lineorders, and sr_hub", d.lineorders)
	if err := d.sandbox(ctx, d.out, "load", "--lineorders", strconv.Itoa(d.lineorders)); err != nil {
		return err
	}
	before, err := d.proof(ctx)
	if err != nil {
		return err
	}
	d.say("backing up")
	if err := d.sql(ctx,
		"CREATE REPOSITORY demo WITH BROKER ON LOCATION 'file://"+filepath.Join(d.folder, "repository")+"'",
		"BACKUP DATABASE ssb SNAPSHOT nightly_ssb TO demo",
		"BACKUP DATABASE sr_hub SNAPSHOT nightly_sr_hub TO demo",
		`SHOW BACKUP\G`,
		"SHOW SNAPSHOT ON demo",
	); err != nil {
		return err
	}
	d.say("damaging")
	if err := d.sandbox(ctx, d.out, "damage"); err != nil {
		return err
	}
	damaged, err := d.proof(ctx)
	if err != nil {
		return err
	}
	d.say("restoring")
	if err := d.sql(ctx,
		"RESTORE SNAPSHOT nightly_ssb FROM demo DATABASE ssb",
		"RESTORE SNAPSHOT nightly_sr_hub FROM demo DATABASE sr_hub",
		`SHOW RESTORE\G`,
	); err != nil {
		return err
	}
	after, err := d.proof(ctx)
	if err != nil {
		return err
	}
	d.say("the proof")
	return prove(d.out, before, damaged, after)
}

// sql prints and runs statements.
func (d *demo) sql(ctx context.Context, texts ...string) error {
	for _, text := range texts {
		statements, err := check(text)
		if err != nil {
			return err
		}
		ending := ";"
		if statements[0].Terminator != "" {
			ending = "" // it is in the text
		}
		if _, err := fmt.Fprintf(d.out, "\nstarkeep> %s%s\n", text, ending); err != nil {
			return err
		}
		if err := d.runner.all(ctx, statements); err != nil {
			return err
		}
	}
	return nil
}

// sandbox runs a command of the sandbox program against the cluster.
func (d *demo) sandbox(ctx context.Context, out io.Writer, args ...string) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(exe), "sandbox"), args...)
	cmd.Env = d.stack.Environment()
	cmd.Stdout, cmd.Stderr = out, d.errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return failure.New(failure.Failed, failure.Internal, fmt.Sprintf("sandbox %s: %s", args[0], err), "its log: "+d.stack.Log("sandbox"))
	}
	return nil
}

// proofRow is what the sandbox program says of one table.
type proofRow struct {
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
	Checksum string `json:"checksum"`
}

func (d *demo) proof(ctx context.Context) ([]proofRow, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	read := make(chan error, 1)
	var rows []proofRow
	go func() { read <- json.NewDecoder(r).Decode(&rows) }()
	err = d.sandbox(ctx, w, "proof", "--output", "json")
	_ = w.Close()
	if rerr := <-read; err == nil && rerr != nil {
		err = failure.New(failure.Failed, failure.Internal, "read the proof: "+rerr.Error(), "")
	}
	if err != nil {
		return nil, err
	}
	t := show.Table{Columns: []string{"table", "rows", "checksum"}}
	for _, r := range rows {
		t.Rows = append(t.Rows, []string{r.Table, strconv.FormatInt(r.Rows, 10), r.Checksum})
	}
	return rows, show.Print(d.out, t, show.AsTable)
}

// prove prints the tables before, damaged and after, and is an error unless the damage shows and all of it is mended.
func prove(out io.Writer, before, damaged, after []proofRow) error {
	t := show.Table{Columns: []string{"table", "rows before", "checksum before", "rows damaged", "rows after", "checksum after", "equal"}}
	harmed, equal := byTable(damaged), byTable(after)
	unequal, changed := 0, 0
	for _, b := range before {
		h, wasThere := harmed[b.Table]
		if h != b {
			changed++
		}
		text := strconv.FormatInt(h.Rows, 10)
		if !wasThere {
			text = "dropped"
		} else if h.Rows == b.Rows && h != b {
			text += ", changed"
		}
		a, isThere := equal[b.Table]
		verdict := "yes"
		if a != b {
			verdict = "NO"
			unequal++
		}
		rows := strconv.FormatInt(a.Rows, 10)
		if !isThere {
			rows = "missing"
		}
		t.Rows = append(t.Rows, []string{b.Table, strconv.FormatInt(b.Rows, 10), b.Checksum, text, rows, a.Checksum, verdict})
	}
	if err := show.Print(out, t, show.AsTable); err != nil {
		return err
	}
	switch {
	case len(before) == 0 || changed == 0:
		return failure.New(failure.Failed, failure.Internal, "the damage does not show: this proves nothing", "")
	case unequal > 0 || len(after) != len(before):
		return failure.New(failure.Failed, failure.Internal, fmt.Sprintf("%d of %d tables are not as they were", max(unequal, 1), len(before)), "")
	}
	_, err := fmt.Fprintf(out, "all %d tables are as they were, %d of them had been damaged\n", len(before), changed)
	return err
}

func byTable(rows []proofRow) map[string]proofRow {
	m := make(map[string]proofRow, len(rows))
	for _, r := range rows {
		m[r.Table] = r
	}
	return m
}

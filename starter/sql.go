package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"starkeep/job"
	"starkeep/starter/failure"
	"starkeep/starter/progress"
	"starkeep/starter/session"
	"starkeep/starter/show"
	"starkeep/statement"
)

// source says where statements come from: -e, -f, a pipe, or a person.
type source struct {
	text, file string
}

func (s *source) flags(c *cobra.Command) {
	c.Flags().StringVarP(&s.text, "execute", "e", "", "statements to take")
	c.Flags().StringVarP(&s.file, "file", "f", "", "file with statements")
}

// read returns the statements' text; ok is false when there is only a terminal to ask.
func (s *source) read(c *cobra.Command) (text string, ok bool, err error) {
	switch {
	case s.text != "" && s.file != "":
		return "", false, failure.Usagef("give the statements once: by -e or by a file")
	case c.Flags().Changed("execute"):
		return s.text, true, nil
	case s.file != "":
		b, err := os.ReadFile(s.file)
		if err != nil {
			return "", false, failure.Usagef("read statements: %s", err)
		}
		return string(b), true, nil
	}
	if f, isFile := c.InOrStdin().(*os.File); isFile && term.IsTerminal(int(f.Fd())) {
		return "", false, nil
	}
	b, err := io.ReadAll(c.InOrStdin())
	return string(b), true, err
}

// grammar is what help tells of the statements; docs/statements.md has the rest.
const grammar = `  BACKUP [DATABASE d | ALL EXTERNAL CATALOGS, ALL GLOBAL FUNCTIONS, ALL USERS, ALL ROLES, ALL RESOURCE GROUPS] SNAPSHOT l TO r
    [ON (TABLE t PARTITION (p), VIEW v, MATERIALIZED VIEW m, FUNCTION f, ALL TABLES, …)] [PROPERTIES (…)]
  RESTORE SNAPSHOT l FROM r [DATABASE d [AS e] | ALL EXTERNAL CATALOGS, ALL USERS, …] [ON (…)] [PROPERTIES (…)]
  SHOW BACKUP | RESTORE [FROM d], CANCEL BACKUP | RESTORE FROM d | FOR EXTERNAL CATALOG
  SHOW SNAPSHOT ON r [WHERE SNAPSHOT = 'l' AND TIMESTAMP = 't'], DROP SNAPSHOT l ON r [FORCE]
  CREATE [READ ONLY] REPOSITORY r WITH BROKER ON LOCATION "s3://bucket/path" [PROPERTIES (…)]
  DROP REPOSITORY r, SHOW REPOSITORIES

Properties of BACKUP: timeout, ttl, compression, compression_level, consistency, rounds, reuse, unsupported, users;
of RESTORE: backup_timestamp, timeout, replication_num, refresh, users, catalog.<name>.<property>, user.<name>.password.
docs/statements.md tells what each of them means, docs/repositories.md what repositories take.
`

func newSQL(g *globals) *cobra.Command {
	var (
		from source
		wait bool
	)
	c := &cobra.Command{
		Use:   "sql",
		Short: "Run statements: BACKUP, RESTORE, SHOW …",
		Long: `Run statements from -e, from a file, from standard input, or ask for them.

` + grammar + `
Statements end with ; or with \G, which prints rows vertically. All statements are checked before the first one runs;
the first one that fails ends the run.

` + exitCodes,
		Example: `  starter sql -e "BACKUP DATABASE sr_hub SNAPSHOT nightly TO repo" --wait
  starter sql -e "SHOW BACKUP FROM sr_hub\G"
  starter sql --output json < statements.sql`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("a statement follows -e: starter sql -e %q", strings.Join(args, " "))
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			form, err := g.form()
			if err != nil {
				return err
			}
			text, given, err := from.read(c)
			if err != nil {
				return err
			}
			var statements []statement.Result
			if given { // before connecting: a wrong statement is wrong without Temporal too
				if statements, err = check(text); err != nil {
					return err
				}
			}
			return g.session(c.Context(), func(s *session.Session) error {
				r := runner{session: s, out: c.OutOrStdout(), errs: c.ErrOrStderr(), form: form, wait: wait}
				if given {
					return r.all(c.Context(), statements)
				}
				return r.interactive()
			})
		},
	}
	from.flags(c)
	c.Flags().BoolVar(&wait, "wait", false, "wait for the end of each job and show its progress")
	return c
}

// check parses a whole text and refuses it when any statement is wrong.
func check(text string) ([]statement.Result, error) {
	results := statement.ParseEach(text)
	var wrong []error
	for _, r := range results {
		if r.Err != nil {
			wrong = append(wrong, r.Err)
		}
	}
	switch len(wrong) {
	case 0:
		return results, nil
	case 1:
		return nil, wrong[0]
	}
	f := failure.Of(wrong[0])
	return nil, failure.New(f.Exit, f.Type, f.What, fmt.Sprintf("%d statements are wrong and none was run; see all with: starter parse", len(wrong)))
}

// runner runs statements and prints their answers.
type runner struct {
	session   *session.Session
	out, errs io.Writer
	form      show.Form
	wait      bool
}

func (r runner) all(ctx context.Context, statements []statement.Result) error {
	for _, st := range statements {
		if err := r.one(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

func (r runner) one(ctx context.Context, st statement.Result) error {
	answer, err := r.session.Execute(ctx, st.Statement)
	if err != nil {
		return err
	}
	if answer.Table != nil {
		form := r.form
		if st.Terminator == `\G` && form == show.AsTable {
			form = show.Vertical
		}
		return show.Print(r.out, *answer.Table, form)
	}
	if answer.Job != nil && r.wait {
		return r.follow(ctx, *answer.Job)
	}
	return r.ok(answer)
}

func (r runner) follow(ctx context.Context, j session.Job) error {
	view := progress.New(r.errs)
	status, err := r.session.Follow(ctx, j, view.Update)
	view.Close()
	if err != nil {
		return err
	}
	if r.form == show.JSON {
		if err := json.NewEncoder(r.out).Encode(status); err != nil {
			return err
		}
	}
	if err := session.Verdict(j, status); err != nil {
		return err
	}
	if r.form == show.JSON {
		return nil
	}
	_, err = fmt.Fprintln(r.out, show.Plain(summary(status)))
	return err
}

// summary says in one line what a job did.
func summary(s job.Status) string {
	text := fmt.Sprintf("Query OK: %s %s of %s is %s: ", s.Kind, s.Label, session.Subject(s.Database), s.State)
	if s.Database == "" { // definitions only: there is nothing to count
		text += s.Objects
	} else {
		text += moved(s)
	}
	if d := s.Finished.Sub(s.Created); d > 0 && !s.Finished.IsZero() {
		text += fmt.Sprintf(", %.1f s", d.Seconds())
	}
	if s.Consistency != "" {
		text += ", consistent per " + s.Consistency
	}
	if s.Kind == "backup" && s.State == job.Finished {
		text += ", timestamp " + s.Timestamp // RESTORE asks for it when a label has several
	}
	for _, n := range s.Notes {
		text += "\nNote: " + n
	}
	return text
}

// moved counts what a job has read or brought back.
func moved(s job.Status) string {
	p := s.Progress
	rows := "rows"
	if p.Rows == 1 {
		rows = "row"
	}
	text := fmt.Sprintf("%d %s, %s", p.Rows, rows, progress.Bytes(float64(p.Bytes)))
	if s.Kind == "backup" {
		text += fmt.Sprintf(", %s stored, %s reused", progress.Bytes(float64(p.Stored)), progress.Bytes(float64(p.Reused)))
	}
	return text
}

// ok prints the answer of a statement without rows.
func (r runner) ok(a session.Answer) error {
	if r.form == show.JSON {
		line := struct {
			OK       bool   `json:"ok"`
			Kind     string `json:"kind,omitempty"`
			Database string `json:"database,omitempty"`
			Label    string `json:"label,omitempty"`
			Workflow string `json:"workflow_id,omitempty"`
			Run      string `json:"run_id,omitempty"`
			Note     string `json:"note,omitempty"`
		}{OK: true, Note: a.Note}
		if j := a.Job; j != nil {
			line.Kind, line.Database, line.Label, line.Workflow, line.Run = j.Kind, j.Database, j.Label, j.ID, j.RunID
		}
		return json.NewEncoder(r.out).Encode(line)
	}
	text := "Query OK"
	switch {
	case a.Note != "":
		text += ": " + a.Note
	case a.Job != nil:
		text += fmt.Sprintf(": the %s of %s runs; %s", a.Job.Kind, session.Subject(a.Job.Database), session.HowToWatch(*a.Job))
	}
	_, err := fmt.Fprintln(r.out, show.Plain(text))
	return err
}

// tell reports an error and goes on, in a session with a person.
func (r runner) tell(err error) {
	var silent exit
	if !errors.As(err, &silent) {
		report(r.out, r.errs, string(r.form), failure.Of(err))
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"starkeep/job"
	"starkeep/starter/failure"
	"starkeep/starter/session"
	"starkeep/starter/show"
	"starkeep/statement"
)

func newSchedule(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "schedule",
		Short: "Make backups again and again",
		Long: `Make backups again and again: each is a Temporal schedule, so it needs no machine of yours to be up but Temporal and the workers.

A snapshot of a schedule is labelled with the time (UTC) at which it was due: nightly_20261121_021500. Give it a time to live, or they
stay until they are dropped. A run that is due while another job has the database waits for an hour at most; one that is due while the run
before it is still at work is left out. After an outage only what was due in its last hour is made up for.

Temporal's own command line and UI look after schedules, too: temporal schedule pause | trigger | backfill | describe.

` + exitCodes,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newScheduleCreate(g), newScheduleList(g), newScheduleDrop(g))
	return c
}

func newScheduleCreate(g *globals) *cobra.Command {
	var p periodic
	c := &cobra.Command{
		Use:   "create NAME STATEMENT",
		Short: "Run a BACKUP statement at set times",
		Example: `  starter schedule create nightly --cron "15 2 * * *" --time-zone Europe/Berlin \
    "BACKUP DATABASE sr_hub SNAPSHOT nightly TO repo PROPERTIES ('ttl' = '14 DAY')"`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			st, err := backupOf(args[1])
			if err != nil {
				return err
			}
			p.name, p.statement, p.cluster = args[0], st, g.cluster
			return g.schedules(c.Context(), func(s *schedules) error { return s.create(c.Context(), p, c.OutOrStdout()) })
		},
	}
	c.Flags().StringVar(&p.cron, "cron", "", `when: minute, hour, day of the month, month, day of the week, as in "15 2 * * *"`)
	c.Flags().StringVar(&p.zone, "time-zone", "UTC", "of the hours in --cron, by its IANA name")
	c.Flags().BoolVar(&p.now, "now", false, "make the first one at once")
	_ = c.MarkFlagRequired("cron") // fails only for a flag that is not there
	return c
}

func newScheduleList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the schedules, and how their last runs ended", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			form, err := g.form()
			if err != nil {
				return err
			}
			return g.schedules(c.Context(), func(s *schedules) error {
				t, err := s.table(c.Context())
				if err != nil {
					return failure.Of(err)
				}
				return show.Print(c.OutOrStdout(), t, form)
			})
		},
	}
}

func newScheduleDrop(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "drop NAME", Short: "End a schedule; its snapshots stay, and so does a job that runs", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.schedules(c.Context(), func(s *schedules) error {
				if err := s.temporal.ScheduleClient().GetHandle(c.Context(), args[0]).Delete(c.Context()); err != nil {
					return unknownSchedule(err, args[0])
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "schedule %s is dropped\n", show.Plain(args[0]))
				return err
			})
		},
	}
}

func unknownSchedule(err error, name string) error {
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return failure.Refuse("UnknownSchedule", "schedule "+name+" does not exist", "see: starter schedule list")
	}
	return failure.Of(err)
}

// backupOf returns the one BACKUP statement of a text, whose label has room for a time.
func backupOf(text string) (*statement.Backup, error) {
	found, err := check(text)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, failure.Usagef("%d statements: a schedule runs one", len(found))
	}
	st, ok := found[0].Statement.(*statement.Backup)
	if !ok {
		return nil, failure.Usagef("%s cannot be scheduled, only BACKUP", strings.ToUpper(found[0].Statement.Kind()))
	}
	timed := *st
	timed.Label = job.ScheduledLabel(st.Label, time.Now())
	if _, err := check(timed.String()); err != nil {
		return nil, err
	}
	return st, nil
}

// schedules are those of backups in a namespace.
type schedules struct {
	temporal client.Client
	options  client.Options
}

func (g *globals) schedules(ctx context.Context, f func(*schedules) error) error {
	t, o, err := g.dial(ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	return f(&schedules{temporal: t, options: o})
}

// periodic is a backup that is to be made again and again.
type periodic struct {
	name, cron, zone, cluster string
	now                       bool
	statement                 *statement.Backup
}

// catchup is how late a backup may begin that was due while Temporal was down. Temporal's own default is a year: each
// night that was missed would be made up for, one after the other, with the same rows.
const catchup = time.Hour

func (s *schedules) create(ctx context.Context, p periodic, out io.Writer) error {
	request, err := session.Request(p.cluster, p.statement)
	if err != nil {
		return failure.Of(err)
	}
	if err := s.requireRepository(ctx, p); err != nil {
		return err
	}
	_, err = s.temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID:   p.name,
		Spec: client.ScheduleSpec{CronExpressions: []string{p.cron}, TimeZoneName: p.zone},
		Action: &client.ScheduleWorkflowAction{
			ID: "scheduled/" + p.name, TaskQueue: job.TaskQueue, Workflow: job.ScheduledBackup, Args: []any{request},
			StaticSummary: session.Summary(request.Statement)},
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchup, TriggerImmediately: p.now,
	})
	var invalid *serviceerror.InvalidArgument
	switch {
	case errors.Is(err, temporal.ErrScheduleAlreadyRunning):
		return failure.Refuse("ScheduleExists", "schedule "+p.name+" exists", "drop it first, or choose another name")
	case errors.As(err, &invalid):
		return failure.Usagef("%s", invalid.Message)
	case err != nil:
		return failure.Of(err)
	}
	_, err = fmt.Fprintf(out, "schedule %s is made; starter schedule list tells when it runs next\n", show.Plain(p.name))
	return err
}

// requireRepository tells today what would be refused only in the night.
func (s *schedules) requireRepository(ctx context.Context, p periodic) error {
	answer, err := session.New(s.temporal, p.cluster).Execute(ctx, &statement.ShowRepositories{})
	if err != nil {
		return err
	}
	for _, row := range answer.Table.Rows {
		if row[1] == p.statement.Repository {
			return nil
		}
	}
	return failure.Refuse(job.UnknownRepository, "Repository does not exist: "+p.statement.Repository, failure.Advice(job.UnknownRepository))
}

func (s *schedules) table(ctx context.Context) (show.Table, error) {
	t := show.Table{Columns: []string{"Name", "Statement", "Paused", "Next", "Last", "Result"}}
	list, err := s.temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return t, err
	}
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return t, err
		}
		if entry.WorkflowType.Name != job.ScheduledBackup {
			continue
		}
		last, result := s.last(ctx, entry.RecentActions)
		t.Rows = append(t.Rows, []string{entry.ID, s.statement(ctx, entry.ID), fmt.Sprint(entry.Paused), next(entry.NextActionTimes), last, result})
	}
	return t, nil
}

// statement is what a schedule runs, from its own input: somebody may have made it by other means than starter. Temporal
// begins to answer this question some seconds after the first schedule of a namespace was made.
func (s *schedules) statement(ctx context.Context, name string) string {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	d, err := s.temporal.ScheduleClient().GetHandle(ctx, name).Describe(ctx)
	if err != nil {
		return show.Null
	}
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok || len(action.Args) != 1 {
		return show.Null
	}
	payload, ok := action.Args[0].(*commonpb.Payload)
	var request job.BackupRequest
	if !ok || s.options.DataConverter.FromPayload(payload, &request) != nil {
		return show.Null
	}
	if request.Statement != "" {
		return request.Statement
	}
	return fmt.Sprintf("backup of %s, label %s, to %s", session.Subject(request.Database), request.Label, request.Repository)
}

func next(times []time.Time) string {
	if len(times) == 0 {
		return show.Null
	}
	return utc(times[0])
}

// utc prints a time with its zone: the hours of a schedule are in a zone of its own.
func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// last tells when the newest run began, and how it ended.
func (s *schedules) last(ctx context.Context, recent []client.ScheduleActionResult) (at, result string) {
	if len(recent) == 0 {
		return show.Null, show.Null
	}
	newest := recent[len(recent)-1]
	at = utc(newest.ActualTime)
	if newest.StartWorkflowResult == nil {
		return at, show.Null
	}
	id, run := newest.StartWorkflowResult.WorkflowID, newest.StartWorkflowResult.FirstExecutionRunID
	found, err := s.temporal.DescribeWorkflowExecution(ctx, id, run)
	if err != nil {
		return at, failure.Of(err).What
	}
	if found.WorkflowExecutionInfo.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return at, "running"
	}
	var status job.Status
	if err := s.temporal.GetWorkflow(ctx, id, run).Get(ctx, &status); err != nil {
		return at, "failed: " + failure.Of(err).What
	}
	return at, "finished: " + status.Label
}

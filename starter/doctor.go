package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"starkeep/job"
	"starkeep/starter/failure"
	"starkeep/starter/session"
	"starkeep/starter/show"
)

func newDoctor(g *globals) *cobra.Command {
	var database string
	c := &cobra.Command{
		Use:   "doctor [worker | cluster | repository NAME]",
		Short: "Check Temporal, workers, the cluster and repositories",
		Long: `Check what jobs need, and say what to do where it is missing: Temporal, its namespace and search attributes, workers, and,
from where the workers run, the cluster (connection, privileges, Stream Load) and the repositories.

"doctor repository NAME" also tries its store out: a worker puts, reads, lists and deletes objects below a name of its own, as
jobs do, and prints a verdict and the time of each check. "doctor worker" stops before the cluster: a health check.

` + exitCodes,
		Args:      cobra.MaximumNArgs(2),
		ValidArgs: []string{"worker", "cluster", "repository"},
		RunE: func(c *cobra.Command, args []string) error {
			form, err := g.form()
			if err != nil {
				return err
			}
			d := doctor{globals: g, database: database}
			switch {
			case len(args) == 0:
				d.everything = true
			case len(args) == 1 && args[0] == "cluster":
			case len(args) == 1 && args[0] == "worker":
				d.near = true
			case len(args) == 2 && args[0] == "repository":
				d.repository = args[1]
			default:
				return failure.Usagef("doctor knows: doctor, doctor worker, doctor cluster, doctor repository NAME")
			}
			return printChecks(c.OutOrStdout(), d.examine(c.Context()), form)
		},
	}
	c.Flags().StringVar(&database, "database", "", "check the privileges on this database too")
	return c
}

type doctor struct {
	*globals
	repository string // only this one
	near       bool   // only Temporal and the workers
	everything bool   // the cluster and all repositories
	database   string
}

// examine goes from near to far and stops where the rest cannot be reached.
func (d doctor) examine(ctx context.Context) []job.Check {
	t, o, err := d.dial(ctx)
	if err != nil {
		return []job.Check{failed("Temporal", "reachable", err)}
	}
	defer t.Close()
	checks := []job.Check{{Subject: "Temporal", Name: "reachable", OK: true, Detail: o.HostPort}}
	ns := examineNamespace(ctx, t, o.Namespace)
	checks = append(checks, ns)
	if !ns.OK {
		return checks
	}
	worker := examineWorkers(ctx, t)
	checks = append(checks, examineAttributes(ctx, t, o.Namespace), worker)
	if !worker.OK || d.near {
		return checks
	}
	s := session.New(t, d.cluster)
	for _, req := range d.requests(ctx, s, &checks) {
		found, err := s.Doctor(ctx, req)
		if err != nil {
			checks = append(checks, failed(subjectOf(req), "examination", err))
		}
		checks = append(checks, found...)
	}
	return checks
}

// requests are the examinations that workers make.
func (d doctor) requests(ctx context.Context, s *session.Session, checks *[]job.Check) []job.DoctorRequest {
	if d.repository != "" {
		return []job.DoctorRequest{{Repository: d.repository, Thorough: true}}
	}
	requests := []job.DoctorRequest{{Cluster: d.cluster, Database: d.database}}
	if !d.everything {
		return requests
	}
	list, err := s.Repositories(ctx)
	if err != nil {
		*checks = append(*checks, failed("repositories", "listed", err))
	}
	for _, r := range list {
		requests = append(requests, job.DoctorRequest{Repository: r.Name})
	}
	return requests
}

func subjectOf(r job.DoctorRequest) string {
	if r.Repository != "" {
		return "repository " + r.Repository
	}
	return "cluster " + r.Cluster
}

func failed(subject, name string, err error) job.Check {
	f := failure.Of(err)
	return job.Check{Subject: subject, Name: name, Detail: f.What, Advice: f.Do}
}

func examineNamespace(ctx context.Context, t client.Client, namespace string) job.Check {
	check := job.Check{Subject: "Temporal", Name: "namespace"}
	d, err := t.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if err != nil {
		return failed(check.Subject, check.Name, err)
	}
	keep := d.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	check.OK, check.Detail = true, fmt.Sprintf("%s keeps finished jobs for %s", namespace, keep)
	return check
}

// attributes are what jobs are started with, and their Temporal types.
var attributes = []struct {
	name string
	kind enumspb.IndexedValueType
}{
	{job.DatabaseAttribute, enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{job.ClusterAttribute, enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{job.RepositoryAttribute, enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{job.LabelAttribute, enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{job.StateAttribute, enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{job.ProgressAttribute, enumspb.INDEXED_VALUE_TYPE_INT},
}

func examineAttributes(ctx context.Context, t client.Client, namespace string) job.Check {
	check := job.Check{Subject: "Temporal", Name: "search attributes"}
	have, err := t.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	var denied *serviceerror.PermissionDenied
	if errors.As(err, &denied) { // Temporal Cloud keeps the operator service to itself
		check.OK, check.Detail = true, "not looked at: the operator service is denied"
		return check
	}
	if err != nil {
		return failed(check.Subject, check.Name, err)
	}
	var missing []string
	command := "temporal operator search-attribute create --namespace " + namespace
	for _, a := range attributes {
		if have.GetCustomAttributes()[a.name] != a.kind {
			missing = append(missing, a.name)
			command += fmt.Sprintf(" --name %s --type %s", a.name, a.kind)
		}
	}
	if check.OK = len(missing) == 0; !check.OK {
		check.Detail, check.Advice = "missing, or of another type: "+strings.Join(missing, ", "), "a worker registers them when it starts; where it may not: "+command
		return check
	}
	check.Detail = fmt.Sprintf("%d registered", len(attributes))
	return check
}

// fresh: a worker that polls was seen within a long poll, one minute, and a little.
const fresh = 70 * time.Second

func examineWorkers(ctx context.Context, t client.Client) job.Check {
	check := job.Check{Subject: "worker", Name: "polls"}
	for _, kind := range []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_ACTIVITY} {
		q, err := t.DescribeTaskQueue(ctx, job.TaskQueue, kind)
		if err != nil {
			return failed(check.Subject, check.Name, err)
		}
		names := map[string]bool{}
		for _, p := range q.GetPollers() {
			if time.Since(p.GetLastAccessTime().AsTime()) < fresh {
				names[p.GetIdentity()] = true
			}
		}
		if len(names) == 0 {
			check.Detail = fmt.Sprintf("no worker asks task queue %q for %s work", job.TaskQueue, strings.ToLower(kind.String()))
			check.Advice = "start one: bin/worker --config FILE"
			return check
		}
		check.Detail = fmt.Sprintf("%d on task queue %s", len(names), job.TaskQueue)
	}
	check.OK = true
	return check
}

func printChecks(out io.Writer, checks []job.Check, form show.Form) error {
	bad := 0
	lines := json.NewEncoder(out)
	for _, c := range checks {
		if !c.OK {
			bad++
		}
		if form == show.JSON {
			if err := lines.Encode(c); err != nil {
				return err
			}
			continue
		}
		verdict := "ok  "
		if !c.OK {
			verdict = "FAIL"
		}
		text := fmt.Sprintf("%s  %s: %s: %s", verdict, c.Subject, c.Name, c.Detail)
		if !c.OK && c.Advice != "" {
			text += "\n      " + c.Advice
		}
		if _, err := fmt.Fprintln(out, show.Plain(text)); err != nil {
			return err
		}
	}
	if bad > 0 {
		return exit(failure.Failed)
	}
	return nil
}

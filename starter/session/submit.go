package session

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"starkeep/job"
	"starkeep/snapshot"
	"starkeep/starter/failure"
	"starkeep/statement"
)

// The native refusals of a second job (fe:backup/BackupHandler).
const (
	busy         = "Can only run one backup or restore job of a database at same time"
	busyCatalogs = "Can only run one backup or restore job of external catalog"
)

// Request is the request that a BACKUP statement makes to a cluster.
func Request(cluster string, st *statement.Backup) (job.BackupRequest, error) {
	o, err := st.Options()
	if err != nil {
		return job.BackupRequest{}, err
	}
	objects, err := objects(st.On, st.Catalogs, st.Cluster)
	return job.BackupRequest{
		Cluster: cluster, Database: st.Database, Label: st.Label, Repository: st.Repository, Objects: objects,
		TimeoutSeconds: int64(o.Timeout.Seconds()), Compression: o.Compression, Level: o.CompressionLevel,
		Consistency: o.Consistency, Rounds: o.Rounds, Full: !o.Reuse, Users: o.Users, SkipUnsupported: o.SkipUnsupported,
		TTL: o.TTL, Statement: st.String(),
	}, err
}

func (s *Session) backup(ctx context.Context, st *statement.Backup) (Answer, error) {
	request, err := Request(s.cluster, st)
	if err != nil {
		return Answer{}, err
	}
	return s.submit(ctx, job.BackupWorkflow, Job{Kind: "backup", Database: st.Database, Label: st.Label}, st.Repository, st.String(), request)
}

func (s *Session) restore(ctx context.Context, st *statement.Restore) (Answer, error) {
	o, err := st.Options()
	if err != nil {
		return Answer{}, err
	}
	objects, err := objects(st.On, st.Catalogs, st.Cluster)
	if err != nil {
		return Answer{}, err
	}
	target, timestamp := st.Target, o.Timestamp
	if target == "" && !global(objects) {
		if target, timestamp, err = s.recorded(ctx, st.Repository, st.Label, timestamp); err != nil {
			return Answer{}, err
		}
	}
	return s.submit(ctx, job.RestoreWorkflow, Job{Kind: "restore", Database: target, Label: st.Label}, st.Repository, st.String(),
		job.RestoreRequest{
			Cluster: s.cluster, Database: target, Source: st.Source, Label: st.Label, Repository: st.Repository, Timestamp: timestamp,
			Objects: objects, ReplicationNum: o.ReplicationNum, AllowLoad: o.AllowLoad, Users: o.Users, Refresh: o.Refresh,
			TimeoutSeconds: int64(o.Timeout.Seconds()), Statement: st.String(),
		}, job.Secrets(o.Secrets))
}

// kinds are the kinds of ON (…) as a request names them.
var kinds = map[statement.ObjectKind]snapshot.ObjectKind{
	statement.View: snapshot.View, statement.MaterializedView: snapshot.MaterializedView, statement.Function: snapshot.Function,
	statement.User: snapshot.User, statement.Role: snapshot.Role, statement.ResourceGroup: snapshot.ResourceGroup,
	statement.GlobalFunction: snapshot.GlobalFunction,
}

// global tells whether a request names objects of the cluster itself: then it has no database.
func global(objects []job.Object) bool { return len(objects) > 0 && objects[0].Kind.Global() }

// objects turns what a statement names into a request's objects; nil is everything.
func objects(on []statement.Object, catalogs *statement.Catalogs, all []statement.ObjectKind) ([]job.Object, error) {
	var out []job.Object
	if catalogs != nil && catalogs.All {
		out = append(out, job.Object{Kind: snapshot.Catalog, All: true})
	} else if catalogs != nil {
		for _, c := range catalogs.Names {
			out = append(out, job.Object{Kind: snapshot.Catalog, Table: c.Name, Alias: c.Alias})
		}
	}
	for _, k := range all {
		out = append(out, job.Object{Kind: kinds[k], All: true})
	}
	for _, o := range on {
		kind := kinds[o.Kind]
		for _, x := range on {
			// A name without its kind may be a view, so ALL TABLES may stand beside it.
			if o.All && x.Position != o.Position && x.Kind == o.Kind {
				return nil, &statement.Error{Position: o.Position, Kind: statement.Semantic,
					Message: fmt.Sprintf("ALL %sS names every one already", o.Kind), Hint: "leave the other ones out, or leave ALL out"}
			}
		}
		out = append(out, job.Object{Kind: kind, All: o.All, Table: o.Name, Partitions: o.Partitions, Alias: o.Alias})
	}
	return out, nil
}

// submit starts a job and waits until it is admitted: wrong statements are answered at once, as in the cluster.
func (s *Session) submit(ctx context.Context, workflow string, j Job, repository, summary string, req ...any) (Answer, error) {
	if err := s.requireWorker(ctx); err != nil {
		return Answer{}, err
	}
	j.ID = job.WorkflowID(s.cluster, j.Database)
	run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: j.ID, TaskQueue: job.TaskQueue,
		// Without it a second statement would silently get the job of the first one.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    s.attributes(j, repository),
		StaticSummary:                            Summary(summary),
	}, workflow, req...)
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &running) {
		return Answer{}, s.alreadyRunning(ctx, j)
	}
	if err != nil {
		return Answer{}, err
	}
	j.RunID = run.GetRunID()
	s.begun = append(s.begun, j)
	if err := s.await(ctx, func(ctx context.Context) error { return s.admitted(ctx, j) }); err != nil {
		return Answer{}, begun(err, j)
	}
	return Answer{Job: &j}, nil
}

func (s *Session) attributes(j Job, repository string) temporal.SearchAttributes {
	set := func(name, value string) temporal.SearchAttributeUpdate {
		return temporal.NewSearchAttributeKeyKeyword(name).ValueSet(value)
	}
	return temporal.NewSearchAttributes(set(job.ClusterAttribute, s.cluster), set(job.DatabaseAttribute, j.Database),
		set(job.RepositoryAttribute, repository), set(job.LabelAttribute, j.Label))
}

// admitted waits until the job has passed its checks. A job can end before the question reaches it; then its status
// answers.
func (s *Session) admitted(ctx context.Context, j Job) error {
	handle, err := s.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: j.ID, RunID: j.RunID, UpdateName: job.AdmittedUpdate, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	var over *serviceerror.NotFound
	if !errors.As(err, &over) {
		return err
	}
	status, err := s.Status(ctx, j)
	if err != nil {
		return err
	}
	if status.State == job.Cancelled {
		return temporal.NewNonRetryableApplicationError(status.Message, status.ErrorType, nil)
	}
	return nil
}

// begun says of an error that came after the start that the job may still be there.
func begun(err error, j Job) error {
	f := *failure.Of(err)
	switch f.Exit {
	case failure.Interrupted:
		f.What = fmt.Sprintf("interrupted; the %s of %s goes on", j.Kind, Subject(j.Database))
		f.Do = HowToWatch(j)
	case failure.Unreachable:
		f.What = fmt.Sprintf("the %s of %s was begun, but: %s", j.Kind, Subject(j.Database), f.What)
	}
	return &f
}

// HowToWatch tells people where to look for a job.
func HowToWatch(j Job) string {
	if j.Database == "" {
		return "watch it with: starter watch"
	}
	return "watch it with: starter watch " + quote(j.Database)
}

// Subject names what a job is of: a database, or, without one, the cluster's own objects.
func Subject(database string) string {
	if database == "" {
		return "the cluster's own objects"
	}
	return database
}

// alreadyRunning is the native text with what it leaves out: which job, and what to do.
func (s *Session) alreadyRunning(ctx context.Context, j Job) error {
	text, of := busy, "FROM `"+j.Database+"`"
	if j.Database == "" {
		text, of = busyCatalogs, "FOR EXTERNAL CATALOG"
	}
	status, err := s.Status(ctx, Job{ID: j.ID})
	if err != nil {
		return failure.Refuse(failure.AlreadyRunning, text, HowToWatch(j))
	}
	return failure.Refuse(failure.AlreadyRunning,
		fmt.Sprintf("%s: %s %s of %s is %s", text, status.Kind, status.Label, Subject(status.Database), status.State),
		fmt.Sprintf("%s, or end it with: CANCEL %s %s", HowToWatch(j), upper(status.Kind), of))
}

func (s *Session) cancel(ctx context.Context, st *statement.Cancel) (Answer, error) {
	kind, workflow, none := "backup", job.BackupWorkflow, "No backup job is currently running"
	if st.Restore {
		kind, workflow, none = "restore", job.RestoreWorkflow, "No restore is currently running"
	}
	j := Job{Kind: kind, ID: job.WorkflowID(s.cluster, st.Database), Database: st.Database, Cancelled: true}
	d, err := s.temporal.DescribeWorkflowExecution(ctx, j.ID, "")
	var missing *serviceerror.NotFound
	info := d.GetWorkflowExecutionInfo()
	if errors.As(err, &missing) || err == nil && (info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || info.GetType().GetName() != workflow) {
		if st.ExternalCatalog {
			none += " for external catalogs"
		} else {
			none += " for database " + st.Database
		}
		return Answer{}, failure.Refuse(failure.NotRunning, none, "see what runs with: starter watch")
	}
	if err != nil {
		return Answer{}, err
	}
	j.RunID = info.GetExecution().GetRunId()
	if err := s.signal(ctx, j.ID, job.CancelSignal, "CANCEL "+upper(kind)); err != nil {
		return Answer{}, err
	}
	return Answer{Job: &j, Note: fmt.Sprintf("the %s is being cancelled; SHOW %s tells when it is over", kind, upper(kind))}, nil
}

// Pause stops new transfers of the database's job; Resume lets them go on, and tries a blocked step again at once.
func (s *Session) Pause(ctx context.Context, database, reason string) error {
	return s.signalDatabase(ctx, database, job.PauseSignal, reason)
}

// Resume undoes Pause.
func (s *Session) Resume(ctx context.Context, database, reason string) error {
	return s.signalDatabase(ctx, database, job.ResumeSignal, reason)
}

func (s *Session) signalDatabase(ctx context.Context, database, name, reason string) error {
	err := s.signal(ctx, job.WorkflowID(s.cluster, database), name, reason)
	if err != nil {
		return failure.Of(err)
	}
	return nil
}

func (s *Session) signal(ctx context.Context, id, name, reason string) error {
	err := s.temporal.SignalWorkflow(ctx, id, "", name, reason) // any run: the job may have gone on as another one
	var over *serviceerror.NotFound
	if errors.As(err, &over) {
		return failure.Refuse(failure.NotRunning, "no job is running under "+id, "see what runs with: starter watch")
	}
	return err
}

package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"starkeep/job"
	"starkeep/starter/failure"
	"starkeep/starter/show"
	"starkeep/statement"
)

// questionTimeout ends questions that nobody answered: nobody waits for them any more.
const questionTimeout = 10 * time.Minute

// trialTimeout is questionTimeout for trying out a store, which takes minutes on a slow one.
const trialTimeout = 40 * time.Minute

func (s *Session) showSnapshot(ctx context.Context, st *statement.ShowSnapshot) (Answer, error) {
	rows, err := s.snapshots(ctx, job.SnapshotsRequest{Repository: st.Repository, Labels: st.Labels, Timestamp: st.Timestamp})
	if err != nil {
		return Answer{}, err
	}
	if len(rows) == 0 && len(st.Labels) == 1 && !st.In { // as natively: a label that is asked for by "=" has a row
		rows = []job.SnapshotRow{{Label: st.Labels[0], Status: "ERROR: no snapshot"}}
	}
	return filtered(show.Snapshots(rows, st.Timestamp != ""), st.Filter)
}

func (s *Session) snapshots(ctx context.Context, req job.SnapshotsRequest) ([]job.SnapshotRow, error) {
	var rows []job.SnapshotRow
	err := s.ask(ctx, job.SnapshotsWorkflow, "snapshots/"+req.Repository, questionTimeout, req, &rows)
	return rows, err
}

// dropSnapshot waits until the snapshots are gone; what only they needed is deleted later, see workflows.Sweep.
func (s *Session) dropSnapshot(ctx context.Context, st *statement.DropSnapshot) (Answer, error) {
	if err := s.requireWorker(ctx); err != nil {
		return Answer{}, err
	}
	var dropped job.Dropped
	err := s.await(ctx, func(ctx context.Context) error {
		run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: job.DropID(st.Repository, st.Label), TaskQueue: job.TaskQueue, StaticSummary: Summary(st.String()),
			WorkflowExecutionErrorWhenAlreadyStarted: true,
		}, job.DropWorkflow, job.DropRequest{
			Cluster: s.cluster, Repository: st.Repository, Label: st.Label, Force: st.Force, Statement: st.String(),
		})
		if err != nil {
			return err
		}
		return run.Get(ctx, &dropped)
	})
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &running) {
		return Answer{}, failure.Refuse(failure.AlreadyRunning, fmt.Sprintf("snapshot %s is being dropped already", st.Label), "")
	}
	if err != nil {
		return Answer{}, err
	}
	note := fmt.Sprintf("the snapshot is gone; what no other snapshot needs of its %d objects is deleted after %s", dropped.Objects, dropped.Grace)
	return Answer{Note: strings.Join(append([]string{note}, dropped.Notes...), "; ")}, nil
}

// Doctor examines from where the workers run.
func (s *Session) Doctor(ctx context.Context, req job.DoctorRequest) ([]job.Check, error) {
	var checks []job.Check
	within := questionTimeout
	if req.Thorough {
		within = trialTimeout
	}
	err := s.ask(ctx, job.DoctorWorkflow, "doctor", within, req, &checks)
	return checks, err
}

// ask runs a workflow that only looks, and waits for its answer.
func (s *Session) ask(ctx context.Context, workflow, id string, within time.Duration, req, answer any) error {
	if err := s.requireWorker(ctx); err != nil {
		return err
	}
	return s.await(ctx, func(ctx context.Context) error {
		run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: id + "/" + rand.Text(), TaskQueue: job.TaskQueue, WorkflowExecutionTimeout: within,
		}, workflow, req)
		if err != nil {
			return err
		}
		return run.Get(ctx, answer)
	})
}

// recorded finds the database and the timestamp of a snapshot: a RESTORE that names no target goes to the database that
// was backed up, and one that names no timestamp needs a label with exactly one.
func (s *Session) recorded(ctx context.Context, repository, label, timestamp string) (database, ts string, err error) {
	if timestamp == "" {
		if timestamp, err = s.onlyTimestamp(ctx, repository, label); err != nil {
			return "", "", err
		}
	}
	rows, err := s.snapshots(ctx, job.SnapshotsRequest{Repository: repository, Labels: []string{label}, Timestamp: timestamp})
	if err != nil {
		return "", "", err
	}
	if len(rows) == 0 {
		return "", "", noSnapshot(repository, label)
	}
	if status := rows[0].Status; status != "OK" {
		return "", "", failure.Refuse(job.SnapshotNotFound,
			fmt.Sprintf("Failed to get info of snapshot '%s' because: %s. Maybe specified wrong backup timestamp", label, status),
			failure.Advice(job.SnapshotNotFound))
	}
	return rows[0].Database, timestamp, nil // no database: objects of the cluster itself
}

func (s *Session) onlyTimestamp(ctx context.Context, repository, label string) (string, error) {
	rows, err := s.snapshots(ctx, job.SnapshotsRequest{Repository: repository, Labels: []string{label}})
	if err != nil {
		return "", err
	}
	var all []string
	for _, r := range rows {
		all = append(all, strings.Fields(r.Timestamp)...)
	}
	switch len(all) {
	case 0:
		return "", noSnapshot(repository, label)
	case 1:
		return all[0], nil
	}
	return "", failure.Refuse(job.InvalidRequest,
		fmt.Sprintf("Missing backup_timestamp property: snapshot %s has several timestamps: %s", label, strings.Join(all, ", ")),
		fmt.Sprintf(`choose one: PROPERTIES ("backup_timestamp" = "%s")`, all[len(all)-1]))
}

func noSnapshot(repository, label string) error {
	return failure.Refuse(job.SnapshotNotFound, fmt.Sprintf("there is no snapshot %s in repository %s", label, repository),
		failure.Advice(job.SnapshotNotFound))
}

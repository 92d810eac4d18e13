package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot/dataobject"
	"starkeep/snapshot/repository"
	"starkeep/storage"
	"starkeep/storage/location"
)

// Errors that the worker's registries give.
var (
	ErrUnknownCluster    = errors.New("unknown cluster")
	ErrUnknownRepository = errors.New("unknown repository")
)

// verdict is what an error means to a job: its stable name, and whether a repeat can help.
type verdict struct {
	is    error
	name  string
	final bool
}

// verdicts translate the sentinels of the lower layers, most telling first. An error that is none of them is repeated.
var verdicts = []verdict{
	{ErrUnknownCluster, job.UnknownCluster, true},
	{ErrUnknownRepository, job.UnknownRepository, true},
	{cluster.ErrUnknownDatabase, job.UnknownDatabase, true},
	{cluster.ErrUnknownTable, job.UnknownTable, true},
	{cluster.ErrUnknownPartition, job.UnknownPartition, true},
	{cluster.ErrUnsupported, job.Unsupported, true},
	{cluster.ErrInvalidName, job.InvalidRequest, true},
	{cluster.ErrDenied, job.MissingPrivilege, true},
	{cluster.ErrRejected, job.RowsRejected, true},
	{cluster.ErrExists, job.TargetExists, true},
	{cluster.ErrUnreachable, job.ClusterUnreachable, false},
	{repository.ErrNewerFormat, job.NewerFormat, true},
	{repository.ErrNotFound, job.SnapshotNotFound, true},
	{repository.ErrExists, job.LabelExists, true},
	{repository.ErrInvalidName, job.InvalidRequest, true},
	{repository.ErrBusy, job.RepositoryBusy, false},
	{storage.ErrReadOnly, job.RepositoryReadOnly, true},
	{location.ErrInvalid, job.InvalidRequest, true},
	{location.ErrUnsupported, job.Unsupported, true},
	{storage.ErrConfig, job.StoreDenied, false},
	{storage.ErrUnavailable, job.StoreUnreachable, false},
	{storage.ErrNoRoot, job.StoreUnreachable, false},
	{storage.ErrDenied, job.StoreDenied, false},
	{storage.ErrNoSpace, job.StoreFull, false},
	{dataobject.ErrSpoolFull, job.SpoolFull, false},
	{dataobject.ErrNewer, job.NewerFormat, true},
	{dataobject.ErrDamaged, job.DamagedSnapshot, true},
	{dataobject.ErrForeign, job.DamagedSnapshot, true},
	{dataobject.ErrColumns, job.SchemaMismatch, true},
}

// explain turns an error into what Temporal and people see. Cancellation stays what it is.
func explain(err error) error {
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &app), errors.Is(err, context.Canceled), temporal.IsCanceledError(err):
		return err
	}
	var damage *repository.DamageError
	if errors.As(err, &damage) {
		return named(job.DamagedSnapshot, true, err)
	}
	for _, v := range verdicts {
		if errors.Is(err, v.is) {
			return named(v.name, v.final, err)
		}
	}
	return named(job.Unexpected, false, err)
}

// nameOf returns the stable name of a final error.
func nameOf(err error) string {
	for _, v := range verdicts {
		if errors.Is(err, v.is) {
			return v.name
		}
	}
	return job.Unexpected
}

// final tells whether err is one that no repeat can cure.
func final(err error) bool {
	for _, v := range verdicts {
		if errors.Is(err, v.is) {
			return v.final
		}
	}
	return false
}

// patient is explain for a release, whose error may join several: while any of them may pass, the release is repeated.
func patient(err error) error {
	for _, v := range verdicts {
		if !v.final && errors.Is(err, v.is) {
			return named(v.name, false, err)
		}
	}
	return explain(err)
}

// named makes the error that carries a stable name. The cause is left out: its text is in the message already, and
// histories should hold it once.
func named(name string, final bool, err error) error {
	return temporal.NewApplicationErrorWithOptions(err.Error(), name, temporal.ApplicationErrorOptions{NonRetryable: final})
}

// refuse makes a final error of this package's own.
func refuse(name, format string, args ...any) error {
	return named(name, true, fmt.Errorf(format, args...))
}

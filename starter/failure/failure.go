// Package failure holds what the command line tells people when something does not work: one line what, one line what
// to do, a stable type for programs, and the exit code.
package failure

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"starkeep/job"
	"starkeep/job/sealed"
	"starkeep/statement"
)

// Exit codes of every command. Scripts depend on them.
const (
	OK           = 0   // done
	Failed       = 1   // a job or a check failed
	BadStatement = 2   // the statement or the command line is wrong
	Unreachable  = 3   // Temporal, or a worker, does not answer
	Refused      = 4   // the request is understood and refused: already running, exists, not found, …
	Interrupted  = 130 // by the user
)

// Types of errors that do not come from a job; those have the names of package job.
const (
	Usage               = "Usage"
	SyntaxError         = "SyntaxError"
	SemanticError       = "SemanticError"
	TemporalUnreachable = "TemporalUnreachable"
	NoWorker            = "NoWorker"
	AlreadyRunning      = "AlreadyRunning"
	NotRunning          = "NotRunning"
	ByUser              = "Interrupted"
	Internal            = "Internal"
)

// Error is an error for people.
type Error struct {
	What string // what is wrong: one line
	Do   string // what to do about it: one line, may be empty
	Type string
	Exit int
}

// Error returns what is wrong, without advice.
func (e *Error) Error() string { return e.What }

// New returns an error of a type and exit code. The advice may be empty.
func New(exit int, kind, what, do string) *Error {
	return &Error{What: what, Do: do, Type: kind, Exit: exit}
}

// Usagef is an error of the command line.
func Usagef(format string, args ...any) *Error {
	return New(BadStatement, Usage, fmt.Sprintf(format, args...), "see --help")
}

// Refuse tells why a request was refused.
func Refuse(kind, what, do string) *Error { return New(Refused, kind, what, do) }

// WorkerMissing is the error of a request that waits for a worker in vain.
func WorkerMissing(what string) *Error {
	return New(Unreachable, NoWorker, what, "start one: bin/worker --config FILE; or look with: starter doctor")
}

// Of turns any error into one for people. It never returns nil for an error that is not nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	var parse *statement.Error
	if errors.As(err, &parse) {
		kind := SyntaxError
		if parse.Kind == statement.Semantic {
			kind = SemanticError
		}
		return New(BadStatement, kind, parse.Error(), "")
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return ofApplication(app)
	}
	if errors.Is(err, context.Canceled) || temporal.IsCanceledError(err) {
		return New(Interrupted, ByUser, "interrupted", "")
	}
	return ofService(err)
}

func ofApplication(app *temporal.ApplicationError) *Error {
	if strings.HasPrefix(app.Message(), "unknown update ") { // go.temporal.io/sdk: reply of an older worker
		return New(Refused, job.Unsupported, app.Message(), "the workers are older than this starter: update them")
	}
	if strings.Contains(app.Message(), sealed.ErrUnknownKey.Error()) {
		return New(Refused, job.InvalidRequest, "this client and the workers have different key files: "+app.Message(),
			"copy the workers' key file here, and name it with --key-file or STARKEEP_KEY_FILE")
	}
	kind := app.Type()
	if kind == "" {
		kind = Internal
	}
	return New(exitOf(kind), kind, app.Message(), Advice(kind))
}

// exitOf: a store or cluster that does not answer is not a refusal, it may work the next time.
func exitOf(kind string) int {
	switch kind {
	case job.StoreUnreachable, job.StoreDenied, job.StoreFull, job.SpoolFull, job.ClusterUnreachable, job.Timeout,
		job.UserCancelled, job.RowsRejected, job.RowCountMismatch, job.ConsistencyNotReached, Internal:
		return Failed
	}
	return Refused
}

func ofService(err error) *Error {
	var (
		namespace   *serviceerror.NamespaceNotFound
		unavailable *serviceerror.Unavailable
		deadline    *serviceerror.DeadlineExceeded
		denied      *serviceerror.PermissionDenied
		invalid     *serviceerror.InvalidArgument
		query       *serviceerror.QueryFailed
	)
	text := firstLine(err)
	switch {
	case errors.As(err, &namespace):
		return New(Unreachable, TemporalUnreachable, fmt.Sprintf("namespace %q does not exist in Temporal", namespace.Namespace),
			"create it: temporal operator namespace create -n "+namespace.Namespace)
	case errors.As(err, &invalid) && (strings.Contains(text, "no mapping defined for search attribute") || strings.Contains(text, "is not a valid search attribute")):
		return New(Unreachable, TemporalUnreachable, "this namespace of Temporal lacks Starkeep's search attributes: "+text,
			"start a worker: it registers them; where it may not, starter doctor prints the command")
	case strings.Contains(text, "no poller seen for task queue"): // server's answer to a query, see temporal's matching
		return WorkerMissing("no worker answers")
	case errors.As(err, &deadline) || errors.Is(err, context.DeadlineExceeded):
		return New(Unreachable, TemporalUnreachable, "no answer in time", "is a worker running, is Temporal up? look with: starter doctor")
	case errors.As(err, &unavailable) || strings.Contains(text, "failed reaching server"):
		return New(Unreachable, TemporalUnreachable, "cannot reach Temporal: "+text, "check --address and TEMPORAL_ADDRESS, or start everything with: make dev")
	case errors.As(err, &denied):
		return New(Unreachable, TemporalUnreachable, "Temporal denies access: "+text, "check the credentials of the Temporal profile (TEMPORAL_PROFILE, TEMPORAL_API_KEY)")
	case errors.As(err, &query):
		return New(Refused, job.Unsupported, text, "the workers are older than this starter: update them")
	}
	return New(Failed, Internal, text, "")
}

func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

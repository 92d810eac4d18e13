package failure

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"starkeep/job"
	"starkeep/job/sealed"
	"starkeep/statement"
)

func TestEveryErrorHasTheExitCodeThatScriptsDependOn(t *testing.T) {
	t.Parallel()
	app := func(kind string) error {
		return fmt.Errorf("update: %w", temporal.NewNonRetryableApplicationError("text", kind, nil))
	}
	for name, try := range map[string]struct {
		err  error
		exit int
		kind string
	}{
		"syntax":            {&statement.Error{Kind: statement.Syntax}, BadStatement, SyntaxError},
		"semantic":          {&statement.Error{Kind: statement.Semantic}, BadStatement, SemanticError},
		"refused by a job":  {app(job.UnknownDatabase), Refused, job.UnknownDatabase},
		"cluster is down":   {app(job.ClusterUnreachable), Failed, job.ClusterUnreachable},
		"untyped":           {app(""), Failed, Internal},
		"other key file":    {temporal.NewApplicationError("unable to decode: "+sealed.ErrUnknownKey.Error()+": key id", ""), Refused, job.InvalidRequest},
		"older worker":      {temporal.NewApplicationError("unknown update admitted. KnownUpdates=[]", ""), Refused, job.Unsupported},
		"interrupted":       {fmt.Errorf("wait: %w", context.Canceled), Interrupted, ByUser},
		"namespace missing": {serviceerror.NewNamespaceNotFound("x"), Unreachable, TemporalUnreachable},
		"temporal is down":  {serviceerror.NewUnavailable("refused"), Unreachable, TemporalUnreachable},
		"dial":              {errors.New("failed reaching server: connection refused"), Unreachable, TemporalUnreachable},
		"no answer":         {serviceerror.NewDeadlineExceeded("x"), Unreachable, TemporalUnreachable},
		"client's deadline": {context.DeadlineExceeded, Unreachable, TemporalUnreachable},
		"no poller":         {serviceerror.NewDeadlineExceeded("no poller seen for task queue recently, worker may be down"), Unreachable, NoWorker},
		"attribute":         {serviceerror.NewInvalidArgument("Namespace default has no mapping defined for search attribute X"), Unreachable, TemporalUnreachable},
		"denied":            {serviceerror.NewPermissionDenied("no", ""), Unreachable, TemporalUnreachable},
		"anything else":     {errors.New("surprise\nwith a second line"), Failed, Internal},
		"known":             {fmt.Errorf("wrapped: %w", Refuse(AlreadyRunning, "busy", "wait")), Refused, AlreadyRunning},
	} {
		f := Of(try.err)
		require.Equal(t, try.exit, f.Exit, name)
		require.Equal(t, try.kind, f.Type, name)
		require.NotContains(t, f.What, "\n", name)
	}
	require.Nil(t, Of(nil))
}

func TestFinalErrorsOfJobsComeWithAdvice(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{job.UnknownCluster, job.UnknownRepository, job.LabelExists, job.SnapshotNotFound, job.SchemaMismatch,
		job.MissingPrivilege, job.StoreFull, job.ClusterUnreachable, job.Timeout} {
		require.NotEmpty(t, Advice(kind), kind)
	}
}

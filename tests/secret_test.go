package tests

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

func TestSecretAppearsNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(100)
	w.createRepository()
	said := w.sql("SHOW REPOSITORIES") + w.sql("BACKUP DATABASE shop SNAPSHOT s TO repo") + w.sql("SHOW BACKUP") +
		w.sql("SHOW SNAPSHOT ON repo") + w.sql("RESTORE SNAPSHOT s FROM repo DATABASE shop") + w.sql("SHOW RESTORE") + w.details("s")
	for _, bad := range []string{
		`CREATE REPOSITORY repo WITH BROKER ON LOCATION "file:///x" PROPERTIES ("aws.s3.secret_key" = "` + secret + `")`,
		`CREATE REPOSITORY r2 WITH BROKER ON LOCATION "file:///proc/starkeep" PROPERTIES ("password" = "` + secret + `")`,
		`CREATE REPOSITORY r2 WITH BRKER ON LOCATION "file:///x" PROPERTIES ("password" = "` + secret + `")`,
		`CREATE REPOSITORY r2 WITH BROKER ON LOCATION "s3://key:` + secret + `@bucket/x"`,
	} {
		r := w.starter("sql", "-e", bad)
		require.NotZero(t, r.code)
		said += r.out + r.err
		r = w.starter("parse", "-e", bad)
		said += r.out + r.err
	}
	doctor := w.starter("doctor")
	said += doctor.out + doctor.err
	require.NotContains(t, said, secret, "output")
	require.NotContains(t, w.worker.out.String(), secret, "log")

	require.GreaterOrEqual(t, w.nowhere(), 4, "registry, backup, restore, transfers")
}

// nowhere requires that the secret is in no history and no file; it returns how many histories there are.
func (w *world) nowhere() (histories int) {
	t := w.t
	t.Helper()
	list, err := w.client.ListWorkflow(context.Background(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 500})
	require.NoError(t, err)
	for _, e := range list.Executions {
		var h historypb.History
		it := w.client.GetWorkflowHistory(context.Background(), e.Execution.WorkflowId, e.Execution.RunId, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for it.HasNext() {
			event, err := it.Next()
			require.NoError(t, err)
			h.Events = append(h.Events, event)
		}
		b, err := protojson.Marshal(&h)
		require.NoError(t, err)
		require.NotContains(t, string(b), secret)
		// protojson prints payloads in base64: look into the bytes, too.
		for _, event := range h.Events {
			require.NotContains(t, event.String(), secret)
		}
		histories++
	}

	looked := 0
	for _, root := range []string{w.repository(), filepath.Join(w.dir, "spool")} {
		for _, f := range files(t, root) {
			b, err := os.ReadFile(filepath.Join(root, f))
			require.NoError(t, err)
			require.NotContains(t, string(b), secret, f)
			looked++
		}
	}
	require.Positive(t, looked)
	return histories
}

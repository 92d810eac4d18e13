package tests

import (
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/encoding/protojson"

	"starkeep/job"
	"starkeep/job/sealed"
	"starkeep/tests/mysqldata"
	"starkeep/tests/server/mariadb"
	"starkeep/tests/server/temporal"
	"starkeep/workflows"
)

// replayFixtures is how many histories testdata/replay holds, over all releases: a glob that finds nothing must not pass for a success.
// Fixtures come from released code (make fixtures) and stay for ever: a workflow change that breaks one needs
// workflow.GetVersion.
const replayFixtures = 30

func TestReleasedHistoriesStillReplay(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("testdata/replay/*/*.json.gz")
	require.NoError(t, err)
	require.Len(t, found, replayFixtures)
	for _, file := range found {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			keys, err := sealed.Load(copyOf(t, filepath.Join(filepath.Dir(file), "keys.json")))
			require.NoError(t, err)
			f, err := os.Open(file)
			require.NoError(t, err)
			defer func() { _ = f.Close() }()
			z, err := gzip.NewReader(f)
			require.NoError(t, err)
			h, err := client.HistoryFromJSON(z, client.HistoryJSONOptions{})
			require.NoError(t, err)
			r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DataConverter: keys.DataConverter()})
			require.NoError(t, err)
			workflows.Register(r)
			require.NoError(t, r.ReplayWorkflowHistory(temporal.Quiet, h))
		})
	}
}

// copyOf copies a key file of the fixtures, which git cannot keep with mode 0600. It opens nothing but fixtures.
func copyOf(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	to := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(to, b, 0o600))
	return to
}

// TestRecordReplayFixtures writes new fixtures into the folder that STARKEEP_FIXTURES names; make fixtures runs it.
func TestRecordReplayFixtures(t *testing.T) {
	dir := os.Getenv("STARKEEP_FIXTURES")
	if dir == "" {
		t.Skip("records only for make fixtures, which sets STARKEEP_FIXTURES")
	}
	m := newMaria(t, mariadb.Shared(t), `drop_grace = "1s"`)
	w := m.world
	w.shop(300)
	w.exec("CREATE VIEW shop.few AS SELECT * FROM shop.orders WHERE id < 9",
		"CREATE MATERIALIZED VIEW shop.sold DISTRIBUTED BY HASH(city) BUCKETS 1 REFRESH MANUAL PROPERTIES ('replication_num' = '1') AS SELECT city, SUM(sold) AS s FROM shop.totals GROUP BY city",
		"CREATE EXTERNAL CATALOG lake PROPERTIES ('type' = 'hive', 'hive.metastore.uris' = 'thrift://127.0.0.1:9083', 'aws.s3.secret_key' = '"+secret+"')")
	shelf := m.database("shelf")
	mysqldata.Apply(t, m.server.DB(), shelf, []string{"CREATE TABLE books (id INT PRIMARY KEY)", "INSERT INTO books SELECT seq FROM seq_1_to_300", "CREATE VIEW few AS SELECT * FROM books WHERE id < 9"})
	m.on("BACKUP DATABASE " + shelf + " SNAPSHOT m TO repo")
	m.on("RESTORE SNAPSHOT m FROM repo DATABASE " + shelf)
	w.sql(`BACKUP DATABASE shop SNAPSHOT s TO repo PROPERTIES ("ttl" = "1 YEAR")`)
	w.sql("SHOW SNAPSHOT ON repo")
	w.sql("RESTORE SNAPSHOT s FROM repo DATABASE shop ON (TABLE orders PARTITION (p1), TABLE people)")
	w.sql(`RESTORE SNAPSHOT s FROM repo DATABASE shop PROPERTIES ("refresh" = "true")`)
	require.Zero(t, w.starter("schedule", "create", "nights", "--cron", never, "--now", "BACKUP DATABASE shop SNAPSHOT nightly TO repo").code)
	w.awaitScheduled("")
	w.sql("BACKUP ALL EXTERNAL CATALOGS SNAPSHOT c TO repo")
	w.sql(`RESTORE SNAPSHOT c FROM repo EXTERNAL CATALOG (lake AS lake2) PROPERTIES ("catalog.lake.aws.s3.secret_key" = "` + secret + `")`)
	w.sql("DROP SNAPSHOT s ON repo")
	w.starter("doctor")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	list, err := w.client.ListWorkflow(context.Background(), &workflowservice.ListWorkflowExecutionsRequest{})
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, e := range list.Executions {
		name := e.Type.Name
		switch id := e.Execution.WorkflowId; {
		case strings.Contains(id, "/maria/"):
			name += "-mysql"
		case strings.HasPrefix(id, job.WorkflowID("default", "")):
			name += "-catalogs"
		case strings.HasPrefix(id, "expire/"):
			name += "-expiry"
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		record(t, w.client, e.Execution.WorkflowId, e.Execution.RunId, filepath.Join(dir, strings.ToLower(name)+".json.gz"))
	}
	keys, err := os.ReadFile(w.keyFile())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "keys.json"), keys, 0o644))
	for _, name := range []string{job.BackupWorkflow, job.RestoreWorkflow, job.TransferWorkflow + "-mysql", job.BackupWorkflow + "-mysql", job.RestoreWorkflow + "-mysql",
		job.BackupWorkflow + "-catalogs", job.RestoreWorkflow + "-catalogs", job.DropWorkflow, job.DropWorkflow + "-expiry", job.SweepWorkflow, job.ScheduledBackup} {
		require.Contains(t, seen, name)
	}
}

// identity is who did a thing: process and host name, which say nothing to a replay.
var identity = regexp.MustCompile(`"identity":\s*"[^"]*"`)

func record(t *testing.T, c client.Client, id, run, file string) {
	t.Helper()
	var h historypb.History
	it := c.GetWorkflowHistory(context.Background(), id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		require.NoError(t, err)
		h.Events = append(h.Events, e)
	}
	b, err := protojson.Marshal(&h)
	require.NoError(t, err)
	f, err := os.Create(file)
	require.NoError(t, err)
	z := gzip.NewWriter(f)
	_, err = z.Write(identity.ReplaceAll(b, []byte(`"identity":"worker"`)))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
}

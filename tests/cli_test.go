package tests

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/job"
	"starkeep/sandbox/fault"
	"starkeep/tests/server/temporal"
)

// cli runs the official temporal CLI, which knows nothing of Starkeep.
func (w *world) cli(args ...string) string {
	w.t.Helper()
	cmd := exec.Command(temporal.CLI(w.t), args...)
	cmd.Env, cmd.Dir = w.env(), w.dir
	out, err := cmd.CombinedOutput()
	require.NoError(w.t, err, "%v\n%s", args, out)
	return string(out)
}

// This is what README says under "With the Temporal CLI alone".
func TestTheTemporalCLIAloneIsEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(600)
	w.createRepository()
	before := w.proveAll("shop")
	w.slow(fault.SQL, "`orders` PARTITION", time.Second)
	input := func(label string) string {
		return fmt.Sprintf(`{"cluster":"default","database":"shop","label":%q,"repository":"repo"}`, label)
	}
	start := func(kind, label string) {
		w.cli("workflow", "start", "--type", kind, "--task-queue", "starkeep", "--workflow-id", "job/default/shop",
			"--id-conflict-policy", "Fail", "--fail-existing", "--static-summary", "by hand", "--input", input(label))
	}
	start("BackupWorkflow", "one")
	w.awaitHit("`orders` PARTITION", 1)
	var answer struct {
		QueryResult []job.Status `json:"queryResult"`
	}
	out := w.cli("workflow", "query", "--workflow-id", "job/default/shop", "--name", "status", "-o", "json")
	require.NoError(t, json.Unmarshal([]byte(out), &answer), out)
	require.Equal(t, job.Uploading, answer.QueryResult[0].State)
	w.cli("workflow", "signal", "--workflow-id", "job/default/shop", "--name", "cancel", "--input", `""`)
	w.awaitCancelled("shop")

	start("BackupWorkflow", "two")
	w.cli("workflow", "signal", "--workflow-id", "job/default/shop", "--name", "pause", "--input", `"maintenance"`)
	w.awaitJob("shop", "the pause", func(s job.Status) bool { return s.Paused == "maintenance" })
	w.cli("workflow", "signal", "--workflow-id", "job/default/shop", "--name", "resume", "--input", `""`)
	w.awaitEnd("shop")
	w.exec("DROP DATABASE shop FORCE")
	start("RestoreWorkflow", "two")
	w.awaitEnd("shop")
	require.Equal(t, before, w.proveAll("shop"))

	w.slow(fault.HTTP, "_stream_load", time.Second)
	start("RestoreWorkflow", "two")
	w.awaitJob("shop", "downloading", func(s job.Status) bool { return s.State == job.Downloading })
	w.cli("workflow", "cancel", "--workflow-id", "job/default/shop")
	w.awaitCancelled("shop")
	require.Equal(t, before, w.proveAll("shop"))
}

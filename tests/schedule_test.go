package tests

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// scheduled is a row of what starter schedule list prints.
type scheduled struct{ Name, Statement, Paused, Next, Last, Result string }

func (w *world) schedules() (all []scheduled) {
	w.t.Helper()
	r := w.starter("schedule", "list", "--output", "json")
	require.Zero(w.t, r.code, r.out+r.err)
	require.NoError(w.t, json.Unmarshal([]byte(r.out), &all), r.out)
	return all
}

// awaitScheduled waits until the newest run of the only schedule has made another snapshot than before, and returns its label.
func (w *world) awaitScheduled(before string) (label string) {
	w.t.Helper()
	w.await("the scheduled backup", func() bool {
		s := w.schedules()
		if len(s) == 1 {
			require.NotContains(w.t, s[0].Result, "failed")
			label = strings.TrimPrefix(s[0].Result, "finished: ")
		}
		return len(s) == 1 && label != s[0].Result && label != before
	})
	return label
}

// Exit codes of README.
const (
	badStatement = 2
	refused      = 4
)

const never = "0 0 1 1 *" // but for those who work on New Year's Eve

func TestEveryRunOfAScheduleMakesASnapshotThatCanBeRestored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(60)
	w.createRepository()
	before := w.proveAll("shop")
	const statement = "BACKUP DATABASE `shop` SNAPSHOT `nightly` TO `repo` PROPERTIES (\"ttl\" = \"14 DAY\")"
	create := func(more ...string) result {
		return w.starter(append([]string{"schedule", "create", "nights", "--cron", never, statement}, more...)...)
	}
	r := create("--now")
	require.Zero(t, r.code, r.err)
	first := w.awaitScheduled("")
	require.Regexp(t, `^nightly_\d{8}_\d{6}$`, first)
	s := w.schedules()[0]
	require.Equal(t, statement, s.Statement)
	require.Contains(t, s.Next, "-01-01 00:00:00 UTC")
	require.Contains(t, w.sql("SHOW BACKUP FROM shop"), first)

	w.cli("schedule", "trigger", "--schedule-id", "nights")
	second := w.awaitScheduled(first)
	require.NotEqual(t, first, second)
	for _, label := range []string{first, second} {
		w.exec("DROP DATABASE shop FORCE")
		w.sql("RESTORE SNAPSHOT " + label + " FROM repo DATABASE shop")
		require.Equal(t, before, w.proveAll("shop"))
	}

	require.Equal(t, refused, create().code, "a second one of the name would replace the first in silence")
	require.Zero(t, w.starter("schedule", "drop", "nights").code)
	require.Empty(t, w.schedules())
	require.Equal(t, refused, w.starter("schedule", "drop", "nights").code)

	long := "BACKUP DATABASE shop SNAPSHOT l TO repo ON (TABLE " + strings.Repeat("t", 600) + ")"
	r = w.starter("schedule", "create", "long", "--cron", never, long)
	require.Zero(t, r.code, "a statement may be longer than a summary: "+r.err)
}

// What could never succeed is refused today, not in the night.
func TestScheduleThatCanNeverSucceedIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.createRepository()
	for name, c := range map[string]struct {
		cron, statement, says string
		code                  int
	}{
		"another statement":     {never, "SHOW BACKUP", "only BACKUP", badStatement},
		"two statements":        {never, "BACKUP DATABASE d SNAPSHOT l TO repo; BACKUP DATABASE e SNAPSHOT l TO repo", "a schedule runs one", badStatement},
		"unknown repository":    {never, "BACKUP DATABASE d SNAPSHOT l TO attic", "attic", refused},
		"no time":               {"every night", "BACKUP DATABASE d SNAPSHOT l TO repo", "5-7 fields", badStatement},
		"no room for the time":  {never, "BACKUP DATABASE d SNAPSHOT " + strings.Repeat("l", 120) + " TO repo", "Incorrect label name", badStatement},
		"a property that isn't": {never, `BACKUP DATABASE d SNAPSHOT l TO repo PROPERTIES ("tll" = "1 DAY")`, "tll", badStatement},
	} {
		r := w.starter("schedule", "create", "s", "--cron", c.cron, c.statement)
		require.Equal(t, c.code, r.code, "%s: %s%s", name, r.out, r.err)
		require.Contains(t, r.err, c.says, name)
	}
	require.Empty(t, w.schedules())
}

// This is what docs/operations.md says for those who have the Temporal CLI only.
func TestScheduleMadeByTheTemporalCLIAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(60)
	w.createRepository()
	w.cli("schedule", "create", "--schedule-id", "nights", "--cron", never, "--time-zone", "Europe/Berlin", "--catchup-window", "1h",
		"--type", "ScheduledBackupWorkflow", "--task-queue", "starkeep", "--workflow-id", "scheduled/nights",
		"--input", `{"cluster":"default","database":"shop","label":"nightly","repository":"repo","ttl":"14 DAY"}`)
	w.cli("schedule", "trigger", "--schedule-id", "nights")
	label := w.awaitScheduled("")
	require.Contains(t, w.sql("SHOW SNAPSHOT ON repo"), label)
	require.Equal(t, "backup of shop, label nightly, to repo", w.schedules()[0].Statement)
}

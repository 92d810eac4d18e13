package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/job"
	"starkeep/starter/failure"
)

// starter runs a command line that must not need a server.
func starter(t *testing.T, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

func TestWrongCommandLinesHaveTheirOwnExitCode(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"nope"}, {"sql", "--nope"}, {"pause"}, {"watch", "a", "b"}, {"keys", "nope"}, {"parse", "no/such/file"},
		{"sql", "-e", "SHOW BACKUP", "-f", "x"}, {"sql", "--output", "xml", "-e", "SHOW BACKUP"}, {"doctor", "cloud"}} {
		code, out, errs := starter(t, "", args...)
		require.Equal(t, failure.BadStatement, code, "%v: %s", args, errs)
		require.Empty(t, out)
		require.True(t, strings.HasPrefix(errs, "error: "), errs)
	}
}

func TestHelpTellsTheExitCodes(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"sql", "--help"}, {"watch", "--help"}, {"doctor", "--help"}} {
		code, out, _ := starter(t, "", args...)
		require.Zero(t, code)
		require.Contains(t, out, "130  interrupted")
	}
}

func TestUnreachableTemporalIsNotAFailedJob(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "keys.json")
	code, _, errs := starter(t, "", "sql", "--address", "127.0.0.1:1", "--key-file", key, "-e", "SHOW BACKUP")
	require.Equal(t, failure.Unreachable, code)
	require.Contains(t, errs, "127.0.0.1:1")
	code, out, _ := starter(t, "", "sql", "--address", "127.0.0.1:1", "--key-file", key, "--output", "json", "-e", "SHOW BACKUP")
	require.Equal(t, failure.Unreachable, code)
	var line map[string]string
	require.NoError(t, json.Unmarshal([]byte(out), &line))
	require.Equal(t, failure.TemporalUnreachable, line["type"])
	require.NotEmpty(t, line["error"])
}

func TestKeyFileThatOthersMayReadIsRefused(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(key, []byte("{}"), 0o644))
	code, _, errs := starter(t, "", "sql", "--key-file", key, "-e", "SHOW BACKUP")
	require.Equal(t, failure.BadStatement, code)
	require.Contains(t, errs, "chmod 600")
}

func TestWrongStatementIsToldBeforeAnythingRuns(t *testing.T) {
	t.Parallel()
	code, _, errs := starter(t, "DROP REPOSITORY r; BAKCUP x; SHOW BACKPU;", "sql", "--address", "127.0.0.1:1")
	require.Equal(t, failure.BadStatement, code, "the first statement must not even need Temporal")
	require.Contains(t, errs, "line 1, column 20")
	require.Contains(t, errs, "2 statements are wrong and none was run")
}

func TestParsePrintsOneLineForEachStatement(t *testing.T) {
	t.Parallel()
	const text = `BACKUP SNAPSHOT d.l TO r ON (t);
CREATE REPOSITORY r WITH BROKER ON LOCATION "s3://b/p" PROPERTIES ("aws.s3.secret_key" = "hunter2");
  BACKUP nonsense;
SHOW REPOSITORIES\G`
	file := filepath.Join(t.TempDir(), "x.sql")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	for _, args := range [][]string{{"parse"}, {"parse", file}, {"parse", "-f", file}, {"parse", "-e", text}} {
		code, out, _ := starter(t, text, args...)
		require.Equal(t, failure.BadStatement, code)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		require.Len(t, lines, 4)
		require.Equal(t, "{\"ok\":true,\"kind\":\"backup\",\"canonical\":\"BACKUP DATABASE `d` SNAPSHOT `l` TO `r` ON (`t`)\"}", lines[0])
		require.Contains(t, lines[1], `"kind":"create-repository"`)
		var bad parsed
		require.NoError(t, json.Unmarshal([]byte(lines[2]), &bad))
		require.False(t, bad.OK)
		require.Equal(t, 3, bad.Line)
		require.Equal(t, 10, bad.Column)
		require.Equal(t, `{"ok":true,"kind":"show-repositories","canonical":"SHOW REPOSITORIES"}`, lines[3])
		require.NotContains(t, out, "hunter2")
	}
	code, _, _ := starter(t, "SHOW BACKUP", "parse")
	require.Zero(t, code)
}

func TestRotatedKeysKeepTheOldOnes(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "keys.json")
	for range 2 {
		code, out, errs := starter(t, "", "keys", "rotate", "--key-file", key)
		require.Zero(t, code, errs)
		require.Contains(t, out, "seals from now on")
	}
	b, err := os.ReadFile(key)
	require.NoError(t, err)
	var file struct{ Keys map[string]string }
	require.NoError(t, json.Unmarshal(b, &file))
	require.Len(t, file.Keys, 3) // the first use makes one
}

func TestProofNeedsVisibleDamageAndCompleteRepair(t *testing.T) {
	t.Parallel()
	whole := []proofRow{{"d.a", 10, "aa"}, {"d.b", 5, "bb"}}
	harmed := []proofRow{{"d.a", 10, "xx"}}
	var out bytes.Buffer
	require.NoError(t, prove(&out, whole, harmed, whole))
	require.Contains(t, out.String(), "10, changed")
	require.Contains(t, out.String(), "dropped")
	require.Contains(t, out.String(), "all 2 tables are as they were, 2 of them had been damaged")
	for name, try := range map[string][3][]proofRow{
		"no damage":      {whole, whole, whole},
		"no tables":      {nil, nil, nil},
		"still harmed":   {whole, harmed, harmed},
		"a table extra":  {whole, harmed, append(whole[:2:2], proofRow{"d.c", 0, ""})},
		"wrong checksum": {whole, harmed, []proofRow{{"d.a", 10, "aa"}, {"d.b", 5, "b?"}}},
	} {
		require.Equal(t, failure.Failed, failure.Of(prove(&out, try[0], try[1], try[2])).Exit, name)
	}
}

func TestSummaryTellsWhatARestoreNeedsToKnow(t *testing.T) {
	t.Parallel()
	s := job.Status{Kind: "backup", Database: "d", Label: "l", State: job.Finished, Timestamp: "2026-01-02-03-04-05-006",
		Consistency: "database", Progress: job.Progress{Rows: 3, Bytes: 58, Stored: 5, Reused: 7}, Notes: []string{"n"}}
	require.Equal(t, "Query OK: backup l of d is FINISHED: 3 rows, 58 B, 5 B stored, 7 B reused, consistent per database, "+
		"timestamp 2026-01-02-03-04-05-006\nNote: n", summary(s))
	require.Equal(t, "Query OK: restore l of d is FINISHED: 1 row, 9 B", summary(job.Status{Kind: "restore", Database: "d", Label: "l",
		State: job.Finished, Progress: job.Progress{Rows: 1, Bytes: 9}}))
	s = job.Status{Kind: "restore", Label: "l", State: job.Finished, Objects: "catalog hive, role r"}
	require.Equal(t, "Query OK: restore l of the cluster's own objects is FINISHED: catalog hive, role r", summary(s))
}

func TestStatementWithoutItsFlagIsToldTheFlag(t *testing.T) {
	t.Parallel()
	code, _, errs := starter(t, "", "sql", "SHOW REPOSITORIES")
	require.Equal(t, failure.BadStatement, code)
	require.Contains(t, errs, `starter sql -e "SHOW REPOSITORIES"`)
}

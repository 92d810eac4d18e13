package statement

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTerminatorsInQuotesAndCommentsDoNotSplit(t *testing.T) {
	t.Parallel()
	text := "-- first; comment\nDROP REPOSITORY `a;b`; /* ; \\G */ SHOW BACKUP WHERE Label = ';\\G' \\G;;\n" +
		"CREATE USER u IDENTIFIED BY \"x;y\"\\g SHOW\n REPOSITORIES -- end;"
	var got []Result
	for _, r := range ParseEach(text) {
		require.NoError(t, r.Err)
		r.Statement = nil
		got = append(got, r)
	}
	require.Equal(t, []Result{
		{Text: "DROP REPOSITORY `a;b`", Position: Position{2, 1}, Terminator: ";"},
		{Text: `SHOW BACKUP WHERE Label = ';\G'`, Position: Position{2, 35}, Terminator: `\G`},
		{Text: `CREATE USER u IDENTIFIED BY "x;y"`, Position: Position{3, 1}, Terminator: ";"},
		{Text: "SHOW\n REPOSITORIES", Position: Position{3, 37}, Terminator: ""},
	}, got)
}

func TestOneWrongStatementDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	results := ParseEach("SHOW BACKUP;\nBACKUP nonsense;\nSHOW #;\n  SHOW RESTORE")
	require.Len(t, results, 4)
	require.NoError(t, results[0].Err)
	require.ErrorContains(t, results[1].Err, "at line 2, column 8.")
	require.ErrorContains(t, results[2].Err, "at line 3, column 6.")
	require.NoError(t, results[3].Err)
	require.Equal(t, Position{4, 3}, results[3].Statement.Pos())

	_, err := Parse("SHOW BACKUP;\nBACKUP nonsense;\nSHOW RESTORE")
	require.Equal(t, results[1].Err, err)
}

func TestColumnsCountCharactersNotBytes(t *testing.T) {
	t.Parallel()
	_, err := ParseOne("DROP REPOSITORY `日本語` x")
	require.ErrorContains(t, err, "at line 1, column 23.")
}

func TestParseOneWantsExactlyOne(t *testing.T) {
	t.Parallel()
	_, err := ParseOne(" -- nothing\n;")
	require.ErrorContains(t, err, "Unexpected input '<EOF>', the most similar input is {BACKUP, RESTORE, SHOW, CANCEL, CREATE, DROP}")
	_, err = ParseOne("SHOW BACKUP; SHOW RESTORE")
	require.ErrorContains(t, err, "line 1, column 14. Detail message: Unexpected second statement")
	s, err := ParseOne("SHOW BACKUP;;")
	require.NoError(t, err)
	require.Equal(t, "show-backup", s.Kind())
}

func TestPromptKnowsWhenAStatementIsComplete(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                         true,
		"  -- comment only":        true,
		"SHOW BACKUP":              false,
		"SHOW BACKUP;":             true,
		"SHOW BACKUP\n; -- done\n": true,
		`SHOW BACKUP\G`:            true,
		`SHOW BACKUP \g `:          true,
		"SHOW BACKUP; SHOW":        false,
		"DROP REPOSITORY `a;":      false,
		`SELECT 'a;`:               false,
		`SELECT "a\";`:             false,
		"SHOW BACKUP -- ;":         false,
		"SHOW BACKUP /* ;":         false,
		"SHOW #;":                  true,
	} {
		require.Equal(t, want, Complete(text), text)
	}
}

func TestOptionsAreWhatTheStatementSays(t *testing.T) {
	t.Parallel()
	s, err := ParseOne(`BACKUP DATABASE d SNAPSHOT l TO r PROPERTIES ("timeout" = "600", "type" = "incremental", "compression" = "gzip",
		"compression_level" = "9", "consistency" = "partition", "rounds" = "100", "reuse" = "false", "timeout" = "3600")`)
	require.NoError(t, err)
	backup, err := s.(*Backup).Options()
	require.NoError(t, err)
	require.Equal(t, BackupOptions{
		Timeout: time.Hour, Incremental: true, Compression: "gzip", CompressionLevel: 9, Consistency: "partition", Rounds: 100,
	}, backup)

	backup, err = Backup{}.Options()
	require.NoError(t, err)
	require.Equal(t, BackupOptions{Reuse: true}, backup)

	s, err = ParseOne(`RESTORE SNAPSHOT l FROM r PROPERTIES ("backup_timestamp" = "2024-12-09-10-52-10-940", "replication_num" = "1",
		"allow_load" = "True", "timeout" = "700")`)
	require.NoError(t, err)
	restore, err := s.(*Restore).Options()
	require.NoError(t, err)
	require.Equal(t, RestoreOptions{
		Timestamp: "2024-12-09-10-52-10-940", ReplicationNum: 1, AllowLoad: true, Timeout: 700 * time.Second,
	}, restore)

	_, err = Restore{Position: Position{3, 4}, Properties: Properties{{"allow_load", "maybe"}}}.Options()
	require.ErrorContains(t, err, "at line 3, column 4. Detail message: Invalid allow load value: maybe.")
}

// The cluster keeps the last of a repeated key; so must Get, Map and Options.
func TestLastOfARepeatedPropertyWins(t *testing.T) {
	t.Parallel()
	list := Properties{{"a", "1"}, {"b", "2"}, {"a", "3"}}
	value, ok := list.Get("a")
	require.True(t, ok)
	require.Equal(t, "3", value)
	require.Equal(t, map[string]string{"a": "3", "b": "2"}, list.Map())
	_, ok = list.Get("c")
	require.False(t, ok)
}

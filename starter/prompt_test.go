package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/peterh/liner"
	"github.com/stretchr/testify/require"

	"starkeep/starter/session"
	"starkeep/starter/show"
)

// script is a person who types lines; an error among them is a key.
type script struct {
	lines   []any
	prompts []string
	history []string
}

func (s *script) Prompt(text string) (string, error) {
	s.prompts = append(s.prompts, text)
	if len(s.lines) == 0 {
		return "", io.EOF
	}
	next := s.lines[0]
	s.lines = s.lines[1:]
	if err, ok := next.(error); ok {
		return "", err
	}
	return next.(string), nil
}

func (s *script) AppendHistory(line string) { s.history = append(s.history, line) }

// converse types lines into a session without Temporal: only statements that need none can run.
func converse(t *testing.T, h history, lines ...any) (s *script, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	s = &script{lines: lines}
	r := runner{session: session.New(nil, "c"), out: &o, errs: &e, form: show.AsTable}
	require.NoError(t, r.converse(s, h))
	return s, o.String(), e.String()
}

func TestStatementGoesOnUntilItsTerminator(t *testing.T) {
	t.Parallel()
	s, _, errs := converse(t, history{}, "GRANT SELECT ON TABLE t", "  TO USER 'a;b'", ";", "exit", "never reached")
	require.Equal(t, []string{promptFirst, promptNext, promptNext, promptFirst}, s.prompts)
	require.Equal(t, []string{"GRANT SELECT ON TABLE t   TO USER 'a;b' ;"}, s.history)
	require.Contains(t, errs, "run it on the cluster itself")
}

func TestCtrlCClearsTheStatementAndLeavesTheSession(t *testing.T) {
	t.Parallel()
	s, _, errs := converse(t, history{}, "BACKUP DATABASE", liner.ErrPromptAborted, liner.ErrPromptAborted, "help", "quit;")
	require.Equal(t, []string{promptFirst, promptNext, promptFirst, promptFirst, promptFirst}, s.prompts)
	require.Contains(t, errs, "exit or Ctrl-D leaves\n")
	require.Contains(t, errs, promptHelp)
}

func TestErrorsDoNotEndTheSession(t *testing.T) {
	t.Parallel()
	s, _, errs := converse(t, history{}, "BAKCUP;", "USE d;")
	require.Len(t, s.prompts, 3)
	require.Contains(t, errs, "syntax error")
	require.Contains(t, errs, "is a statement of the cluster")
}

func TestHistoryFileHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	h := history{path: filepath.Join(t.TempDir(), "state", "history")}
	converse(t, h, "CREATE USER u IDENTIFIED BY 'hunter2';", "CREATE REPOSITROY r PROPERTIES ('password' = 'hunter2');", "USE d;")
	b, err := os.ReadFile(h.path)
	require.NoError(t, err)
	require.NotContains(t, string(b), "hunter2")
	var loaded []string
	h.load(func(line string) { loaded = append(loaded, line) })
	require.Len(t, loaded, 2)
	require.Equal(t, "USE d;", loaded[1])
	info, err := os.Stat(h.path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

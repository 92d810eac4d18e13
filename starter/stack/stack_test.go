package stack

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTemporalOfAnySourceIsJudgedByItsServer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)": "1.29",
		"temporal version 1.9.1 (Server 1.32.1, UI 2.55.0)":     "1.32",
		"temporal version 3.0.0 (Server 2.0.0, UI 3.0.0)":       "2.0",
		"temporal version 1.3.0 (Server 1.27.1, UI 2.36.0)":     "",
		"temporal version 9": "",
	} {
		version, ok := recent(text)
		require.Equal(t, want != "", ok, text)
		if ok {
			require.Equal(t, want, version)
		}
	}
}

func TestTakenPortIsNeitherUsedNorKeptSecret(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	taken := l.Addr().(*net.TCPAddr).Port
	var said []string
	s := &Stack{config: Config{Say: func(text string) { said = append(said, text) }}}
	require.NotEqual(t, taken, s.choose("something", taken))
	require.Len(t, said, 1)
	require.Contains(t, said[0], "of something is taken")
}

func TestTwoStacksCannotShareAFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, second := &Stack{config: Config{Folder: folder}}, &Stack{config: Config{Folder: folder}}
	require.NoError(t, first.claim(t.Context()))
	require.ErrorContains(t, second.claim(t.Context()), "another one runs in "+folder)
	second.Stop()
	first.Stop()
	require.NoError(t, (&Stack{config: Config{Folder: folder}}).claim(t.Context()))
}

func shell(t *testing.T, script string, ready string) (*process, error) {
	t.Helper()
	p, err := start(command{name: "child", path: "/bin/sh", args: []string{"-c", script}, folder: t.TempDir(), grace: 200 * time.Millisecond},
		func(line string) bool { return line == ready })
	require.NoError(t, err)
	t.Cleanup(p.stop)
	return p, p.awaitReady(t.Context())
}

func TestChildIsReadyWhenItSaysSo(t *testing.T) {
	t.Parallel()
	p, err := shell(t, "echo no; echo 'it is'; exec sleep 60", "it is")
	require.NoError(t, err)
	p.stop()
	require.NotNil(t, p.cmd.ProcessState)
}

func TestChildThatDiesEarlySaysWhy(t *testing.T) {
	t.Parallel()
	_, err := shell(t, "echo 'port is taken' >&2; exit 3", "never")
	require.EqualError(t, err, "child ended (exit status 3): port is taken")
}

func TestChildThatIgnoresSIGTERMIsKilled(t *testing.T) {
	t.Parallel()
	p, err := shell(t, "trap '' TERM; echo up; while :; do sleep 0.05; done", "up")
	require.NoError(t, err)
	p.stop()
	require.Equal(t, -1, p.cmd.ProcessState.ExitCode())
}

func TestMissingProgramSaysHowToBuildIt(t *testing.T) {
	t.Parallel()
	_, err := start(command{name: "worker", path: "/no/such/worker", folder: t.TempDir()}, func(string) bool { return true })
	require.ErrorContains(t, err, "make build")
}

func TestDeadChildEndsTheStack(t *testing.T) {
	t.Parallel()
	p, err := shell(t, "echo up; sleep 0.1; echo 'out of memory'; exit 9", "up")
	require.NoError(t, err)
	s := &Stack{config: Config{Folder: t.TempDir()}, processes: []*process{p}}
	require.ErrorContains(t, s.Wait(t.Context()), "out of memory")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	living, err := shell(t, "echo up; exec sleep 60", "up")
	require.NoError(t, err)
	require.NoError(t, (&Stack{processes: []*process{living}}).Wait(ctx))
}

func TestLinesSurviveAnyWriteBoundary(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var seen []string
	l := &lines{log: &log, ready: make(chan struct{}), match: func(line string) bool { seen = append(seen, line); return false }}
	const text = "one\n\nthree, a longer one\nfour\nfive\nsix\nseven"
	for i := range text {
		_, err := l.Write([]byte(text[i : i+1]))
		require.NoError(t, err)
	}
	require.Equal(t, text, log.String())
	require.Equal(t, []string{"one", "", "three, a longer one", "four", "five", "six"}, seen)
	require.Equal(t, "\nthree, a longer one\nfour\nfive\nsix\nseven", l.last())
}

func TestEnvironmentLeadsToThisStackOnly(t *testing.T) {
	t.Setenv("TEMPORAL_API_KEY", "of another server")
	t.Setenv("STARKEEP_DEFAULT_PASSWORD", "of another cluster")
	s := &Stack{Temporal: "127.0.0.1:1", SQL: "127.0.0.1:2", HTTP: "127.0.0.1:3", config: Config{Folder: t.TempDir(), KeyFile: "/it's/keys.json"}}
	all := strings.Join(s.Environment(), "\n")
	require.NotContains(t, all, "of another")
	require.Contains(t, all, "TEMPORAL_ADDRESS=127.0.0.1:1")
	require.NoError(t, s.writeEnvironment(t.Context()))
	b, err := os.ReadFile(filepath.Join(s.config.Folder, "env"))
	require.NoError(t, err)
	require.Contains(t, string(b), `export STARKEEP_KEY_FILE='/it'\''s/keys.json'`)
}

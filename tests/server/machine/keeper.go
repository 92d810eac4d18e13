package machine

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keep runs and kills processes as it is told on its standard input. When that ends, it kills the rest and removes the
// folder: so nothing is left, however the test process ends. A line that is answered is a line that is done.
const keep = `
trap '' PIPE # the test may be gone before it is answered
cd "$1" || exit
while read -r verb name; do
	status=0
	case $verb in
	do)
		sh "$name.sh" >>"$name.log" 2>&1 </dev/null || status=$?
		;;
	run)
		sh "$name.sh" >>"$name.log" 2>&1 </dev/null &
		echo $! >"$name.pid"
		;;
	kill)
		if [ -e "$name.pid" ]; then
			kill -9 "$(cat "$name.pid")"
			wait "$(cat "$name.pid")" 2>/dev/null
			rm "$name.pid"
		fi
		;;
	*)
		kill -s "$verb" "$(cat "$name.pid")" || status=$?
		;;
	esac
	echo $status
done
for pid in *.pid; do
	[ ! -e "$pid" ] || kill -9 "$(cat "$pid")"
done
wait
cd / && rm -rf "$1"
`

// Keeper is a shell that keeps the processes of one server and the folder in which they work. It waits on a pipe from the
// test process: however that ends, the processes are killed and the folder is removed. Its methods are for one goroutine at a
// time.
type Keeper struct {
	Folder string // of the server's data, settings and logs

	shell   *exec.Cmd
	orders  io.WriteCloser
	answers *bufio.Reader
}

// NewKeeper starts a keeper of a new folder in parent, "" for the usual place, whose name tells of what it is.
func NewKeeper(t testing.TB, parent, of string) *Keeper {
	t.Helper()
	folder, err := os.MkdirTemp(parent, "starkeep-"+of+"-")
	require.NoError(t, err)
	shell := exec.Command("sh", "-c", keep, "sh", folder)
	// A group of its own: Ctrl-C on the terminal must not kill the keeper before it has cleaned up.
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	orders, err := shell.StdinPipe()
	require.NoError(t, err)
	answers, err := shell.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, shell.Start())
	return &Keeper{folder, shell, orders, bufio.NewReader(answers)}
}

// order tells the keeper to do something with a process, waits until it is done, and returns what became of it.
func (k *Keeper) order(t testing.TB, verb, name string) string {
	t.Helper()
	_, err := fmt.Fprintln(k.orders, verb, name)
	require.NoError(t, err)
	status, err := k.answers.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(status)
}

// write writes down a command, for the shell to run: others cannot read it, nor see it in the list of processes.
func (k *Keeper) write(t testing.TB, name string, command []string) {
	t.Helper()
	quoted := make([]string, len(command))
	for i, word := range command {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	script := "exec " + strings.Join(quoted, " ") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(k.Folder, name+".sh"), []byte(script), 0o600))
}

// Do runs a command in the folder to its end, and requires success.
func (k *Keeper) Do(t testing.TB, name string, command ...string) {
	t.Helper()
	k.write(t, name, command)
	require.Equal(t, "0", k.order(t, "do", name), "%s: %s", name, k.Log(name))
}

// Run starts a process in the folder. What it prints goes to its log.
func (k *Keeper) Run(t testing.TB, name string, command ...string) {
	t.Helper()
	k.write(t, name, command)
	k.order(t, "run", name)
}

// Kill ends a process at once (SIGKILL), as a crash does, and waits until it is gone; one that is gone already stays so.
func (k *Keeper) Kill(t testing.TB, name string) {
	t.Helper()
	k.order(t, "kill", name)
}

// Signal sends a signal ("STOP", "CONT", …) to a process.
func (k *Keeper) Signal(t testing.TB, name, signal string) {
	t.Helper()
	require.Equal(t, "0", k.order(t, signal, name))
}

// PID returns the id of a process that runs.
func (k *Keeper) PID(t testing.TB, name string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(k.Folder, name+".pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	return pid
}

// Await asks until a process is ready, or shows its log.
func (k *Keeper) Await(t testing.TB, name string, limit time.Duration, ready func() error) {
	t.Helper()
	var err error
	for until := time.Now().Add(limit); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if err = ready(); err == nil {
			return
		}
	}
	require.FailNow(t, name+" did not become ready: "+err.Error(), "%s", k.Log(name))
}

// Log returns the end of what a process has printed, at most 8 KiB.
func (k *Keeper) Log(name string) string {
	f, err := os.Open(filepath.Join(k.Folder, name+".log"))
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() > 8<<10 {
		_, _ = f.Seek(-8<<10, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return string(text)
}

// Stop kills all processes and removes the folder.
func (k *Keeper) Stop() {
	_ = k.orders.Close()
	_ = k.shell.Wait()
}

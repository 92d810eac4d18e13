package hadoop

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// keep runs and kills daemons as it is told on its standard input. When that ends, it kills the rest and removes the
// folder: so nothing is left, however the test process ends.
const keep = `
cd "$1" || exit
while read -r verb name; do
	case $verb in
	run)
		sh "$name.sh" >>"$name.log" 2>&1 </dev/null &
		echo $! >"$name.pid"
		;;
	kill)
		kill -9 "$(cat "$name.pid")"
		wait "$(cat "$name.pid")" 2>/dev/null
		rm "$name.pid"
		;;
	*)
		kill -s "$verb" "$(cat "$name.pid")"
		;;
	esac
	echo done
done
for pid in *.pid; do
	[ ! -e "$pid" ] || kill -9 "$(cat "$pid")"
done
wait
cd / && rm -rf "$1"
`

// keeper is the shell that keeps the daemons of one server.
type keeper struct {
	cmd     *exec.Cmd
	folder  string
	orders  io.WriteCloser
	answers *bufio.Reader
}

func newKeeper(t testing.TB, folder string) *keeper {
	t.Helper()
	cmd := exec.Command("sh", "-c", keep, "sh", folder)
	// A group of its own: Ctrl-C on the terminal must not kill the keeper before it has cleaned up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	orders, err := cmd.StdinPipe()
	require.NoError(t, err)
	answers, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return &keeper{cmd, folder, orders, bufio.NewReader(answers)}
}

// order tells the keeper to do something with a daemon, and waits until it is done.
func (k *keeper) order(t testing.TB, verb, name string) {
	t.Helper()
	_, err := fmt.Fprintln(k.orders, verb, name)
	require.NoError(t, err)
	answer, err := k.answers.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "done\n", answer)
}

// run starts a daemon; its output goes to a log in the folder.
func (k *keeper) run(t testing.TB, name string, command []string) {
	t.Helper()
	quoted := make([]string, len(command))
	for i, word := range command {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	script := "exec " + strings.Join(quoted, " ") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(k.folder, name+".sh"), []byte(script), 0o600))
	k.order(t, "run", name)
}

// log returns the end of what a daemon has printed.
func (k *keeper) log(name string) string {
	text, _ := os.ReadFile(filepath.Join(k.folder, name+".log"))
	return string(text[max(0, len(text)-4000):])
}

// stop kills all daemons and removes the folder.
func (k *keeper) stop() {
	_ = k.orders.Close()
	_ = k.cmd.Wait()
}

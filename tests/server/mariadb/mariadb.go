// Package mariadb runs a real MariaDB server for a test, on a free port of 127.0.0.1 and with data of its own.
//
// The server is kept by a shell that waits on a pipe from the test process: however that process ends, the server is
// stopped and its data removed.
package mariadb

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/tests/server/machine"
)

// Options vary a server. The zero value has a binary log by rows, LOAD DATA LOCAL allowed, no event scheduler, and
// small buffers.
type Options struct {
	Args []string // further arguments of mariadbd, e.g. "--local-infile=0"; the last one of a name counts
}

// Server is a running MariaDB. Kill and Restart are for one test at a time, everything else is safe for concurrent use.
type Server struct {
	Address  string // 127.0.0.1:port; the same after Restart
	Socket   string
	User     string // may do everything, from everywhere
	Password string

	folder string // data, socket and log
	args   []string
	admin  *sql.DB
	keeper *exec.Cmd
	pipe   io.WriteCloser // a line on it, or its end, stops the server
	pid    int            // of the server itself
	killed atomic.Bool    // and not yet started again
}

var (
	sharedOnce sync.Once
	shared     *Server
)

// Shared returns the one server of this test process; tests keep apart by using a Database each, and leave the server's
// variables alone.
func Shared(t testing.TB) *Server {
	t.Helper()
	sharedOnce.Do(func() { shared = start(t, Options{}) })
	require.NotNil(t, shared, "MariaDB did not start in an earlier test")
	s := shared
	t.Cleanup(func() { s.tell(t) })
	return s
}

// Start runs a server of its own until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := start(t, o)
	t.Cleanup(func() {
		s.tell(t)
		s.stop("end")
		_ = s.admin.Close()
	})
	return s
}

// Program returns the path of a program of MariaDB's or of a peer's packages. Without it the test fails: it is required.
func Program(t testing.TB, name string) string {
	t.Helper()
	for _, folder := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path
		}
	}
	require.FailNow(t, name+" is missing: run `make packages`")
	return ""
}

func start(t testing.TB, o Options) *Server {
	t.Helper()
	folder, err := os.MkdirTemp("", "starkeep-mariadb-")
	require.NoError(t, err)
	s := &Server{
		Address:  machine.FreeAddress(t),
		Socket:   filepath.Join(folder, "socket"),
		User:     "admin" + strings.ToLower(rand.Text()[:6]),
		Password: rand.Text(),
		folder:   folder,
		args:     o.Args,
	}
	s.prepare(t)
	s.admin, err = sql.Open("mysql", s.DSN("")+"?multiStatements=true")
	require.NoError(t, err)
	s.run(t)
	return s
}

// prepare writes the statements that the server runs at every start: its user comes from everywhere, so that tests need
// not care which of socket and TCP they use. One statement a line is what --init-file takes.
func (s *Server) prepare(t testing.TB) {
	t.Helper()
	init := fmt.Sprintf("CREATE OR REPLACE USER %[1]s@'%%' IDENTIFIED BY '%[2]s';\nGRANT ALL ON *.* TO %[1]s@'%%' WITH GRANT OPTION;\n",
		s.User, s.Password)
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "init.sql"), []byte(init), 0o600))
}

// asRoot is what the programs want to hear before they run as root, which is who tests are in a container.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

func (s *Server) arguments() []string {
	_, port, _ := strings.Cut(s.Address, ":")
	args := append([]string{
		"--no-defaults", "--datadir=" + s.data(), "--socket=" + s.Socket, "--pid-file=" + filepath.Join(s.folder, "pid"), "--tmpdir=" + s.folder,
		"--bind-address=127.0.0.1", "--port=" + port, "--skip-name-resolve", "--init-file=" + filepath.Join(s.folder, "init.sql"),
		"--log-bin=binlog", "--binlog-format=ROW", "--server-id=1", "--local-infile=1", "--max-allowed-packet=64M",
		"--max-connections=300", "--log-warnings=1", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M", "--key-buffer-size=4M",
		"--aria-pagecache-buffer-size=8M", "--innodb-buffer-pool-dump-at-shutdown=0",
		// A commit reaches the operating system, not the disk: it outlives the server's death, which is what tests cause.
		"--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0",
	}, asRoot()...)
	return append(args, s.args...)
}

// keep installs the data of an empty server where there are none, starts the server, tells its process id, and stops it
// with the first line on its standard input, or its end. The data stay for the line "keep". Its temporary files are its own:
// a server that starts removes those of others from a folder that they share.
const keep = `
trap '' PIPE # the test may be gone before it is told
folder=$1 install=$2; shift 2
[ -d "$folder/data" ] || TMPDIR="$folder" "$install" --no-defaults --tmpdir="$folder" --datadir="$folder/data" --skip-test-db --skip-name-resolve \
	--innodb-log-file-size=16M --innodb-flush-method=nosync $ROOT >"$folder/install" 2>&1 || cat "$folder/install" >>"$folder/log"
"$@" >>"$folder/log" 2>&1 </dev/null &
echo $!
read -r end
kill -9 $! 2>/dev/null
wait $!
[ "$end" = keep ] || rm -rf "$folder"
`

func (s *Server) run(t testing.TB) {
	t.Helper()
	programs := []string{"-c", keep, "sh", s.folder, Program(t, "mariadb-install-db"), Program(t, "mariadbd")}
	cmd := exec.Command("sh", append(programs, s.arguments()...)...) //nolint:gosec // constants and a temporary folder
	cmd.Env = append(os.Environ(), "ROOT="+strings.Join(asRoot(), ""))
	// A group of its own: Ctrl-C on the terminal must not kill the keeper before it has cleaned up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	s.pid, err = strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	s.keeper, s.pipe = cmd, stdin
	if err := s.awaitReady(); err != nil {
		log := s.Log()
		s.stop("end")
		require.FailNow(t, "MariaDB did not become ready: "+err.Error(), "%s", log)
	}
	s.killed.Store(false)
}

// awaitReady asks until the server answers, or says in its log that it gives up.
func (s *Server) awaitReady() error {
	var err error
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err = s.admin.PingContext(ctx)
		cancel()
		if err == nil || strings.Contains(s.Log(), "[ERROR] Aborting") {
			return err
		}
	}
	return err
}

// stop ends the server, and waits until its process is gone. The word "keep" keeps the data.
func (s *Server) stop(word string) {
	_, _ = fmt.Fprintln(s.pipe, word)
	_ = s.pipe.Close()
	_ = s.keeper.Wait()
}

// tell shows the log beside a failure.
func (s *Server) tell(t testing.TB) {
	if t.Failed() {
		t.Logf("end of MariaDB's log:\n%s", s.Log())
	}
}

// Log returns the end of the server's log, at most 8 KiB.
func (s *Server) Log() string {
	f, err := os.Open(filepath.Join(s.folder, "log"))
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

// Kill ends the server at once (SIGKILL), as a crash does; its data stay. Restart brings it back.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.killed.Store(true)
	require.NoError(t, syscall.Kill(s.pid, syscall.SIGKILL))
	machine.AwaitSilence(t, s.Address)
}

// Restart kills the server, if it still runs, and starts it again on the same port and data, with these further
// arguments after those of its Options.
func (s *Server) Restart(t testing.TB, args ...string) {
	t.Helper()
	s.killed.Store(true)
	s.stop("keep")
	s.args = append(s.args, args...)
	s.run(t)
}

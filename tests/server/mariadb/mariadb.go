// Package mariadb runs a real MariaDB server for a test, on a free port of 127.0.0.1 and with data of its own. However the
// test process ends, the server is stopped and its data removed.
package mariadb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
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

	args   []string
	admin  *sql.DB
	keeper *machine.Keeper // of data, socket and log, too
	killed atomic.Bool     // and not yet started again
}

// process is the keeper's name for the server itself.
const process = "mariadbd"

var shared machine.Shared[Server]

// Shared returns the one server of this test process; tests keep apart by using a Database each, and leave the server's
// variables alone.
func Shared(t testing.TB) *Server {
	t.Helper()
	s := shared.Get(t, func() *Server { return start(t, Options{}) })
	t.Cleanup(func() { s.tell(t) })
	return s
}

// Start runs a server of its own until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := start(t, o)
	t.Cleanup(func() {
		s.tell(t)
		s.keeper.Stop()
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
	keeper := machine.NewKeeper(t, "", "mariadb")
	s := &Server{
		Address:  machine.FreeAddress(t),
		Socket:   filepath.Join(keeper.Folder, "socket"),
		User:     "admin" + strings.ToLower(rand.Text()[:6]),
		Password: rand.Text(),
		args:     o.Args,
		keeper:   keeper,
	}
	s.prepare(t)
	var err error
	s.admin, err = sql.Open("mysql", s.DSN("")+"?multiStatements=true")
	require.NoError(t, err)
	s.run(t)
	return s
}

// prepare installs the data of an empty server, and writes the statements that the server runs at every start: its user comes
// from everywhere, so that tests need not care which of socket and TCP they use. One statement a line is what --init-file
// takes. The temporary files are the server's own: one that starts removes those of others from a folder that they share.
func (s *Server) prepare(t testing.TB) {
	t.Helper()
	init := fmt.Sprintf("CREATE OR REPLACE USER %[1]s@'%%' IDENTIFIED BY '%[2]s';\nGRANT ALL ON *.* TO %[1]s@'%%' WITH GRANT OPTION;\n",
		s.User, s.Password)
	require.NoError(t, os.WriteFile(s.file("init.sql"), []byte(init), 0o600))
	s.keeper.Do(t, "install", append([]string{
		"env", "TMPDIR=" + s.keeper.Folder, Program(t, "mariadb-install-db"), "--no-defaults", "--tmpdir=" + s.keeper.Folder, "--datadir=" + s.file("data"),
		"--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=16M", "--innodb-flush-method=nosync",
	}, asRoot()...)...)
}

// asRoot is what the programs want to hear before they run as root, which is who tests are in a container.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

func (s *Server) file(name string) string { return filepath.Join(s.keeper.Folder, name) }

func (s *Server) arguments() []string {
	_, port, _ := strings.Cut(s.Address, ":")
	args := append([]string{
		"--no-defaults", "--datadir=" + s.file("data"), "--socket=" + s.Socket, "--pid-file=" + s.file("pid"), "--tmpdir=" + s.keeper.Folder,
		"--bind-address=127.0.0.1", "--port=" + port, "--skip-name-resolve", "--init-file=" + s.file("init.sql"),
		"--log-bin=binlog", "--binlog-format=ROW", "--server-id=1", "--local-infile=1", "--max-allowed-packet=64M",
		"--max-connections=300", "--log-warnings=1", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M", "--key-buffer-size=4M",
		"--aria-pagecache-buffer-size=8M", "--innodb-buffer-pool-dump-at-shutdown=0",
		// A commit reaches the operating system, not the disk: it outlives the server's death, which is what tests cause.
		"--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0",
	}, asRoot()...)
	return append(args, s.args...)
}

func (s *Server) run(t testing.TB) {
	t.Helper()
	s.keeper.Run(t, process, append([]string{Program(t, process)}, s.arguments()...)...)
	s.keeper.Await(t, process, time.Minute, func() error {
		require.NotContains(t, s.Log(), "[ERROR] Aborting", "MariaDB gave up")
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return s.admin.PingContext(ctx)
	})
	s.killed.Store(false)
}

// tell shows the log beside a failure.
func (s *Server) tell(t testing.TB) {
	if t.Failed() {
		t.Logf("end of MariaDB's log:\n%s", s.Log())
	}
}

// Log returns the end of the server's log, at most 8 KiB.
func (s *Server) Log() string { return s.keeper.Log(process) }

// Kill ends the server at once (SIGKILL), as a crash does; its data stay. Restart brings it back.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.killed.Store(true)
	s.keeper.Kill(t, process)
}

// Restart kills the server, if it still runs, and starts it again on the same port and data, with these further
// arguments after those of its Options.
func (s *Server) Restart(t testing.TB, args ...string) {
	t.Helper()
	s.Kill(t)
	s.args = append(s.args, args...)
	s.run(t)
}

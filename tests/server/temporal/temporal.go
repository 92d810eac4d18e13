// Package temporal runs a real Temporal server for a test: the dev server of the official CLI, on a free port of 127.0.0.1
// and with a SQLite file of its own. However the test process ends, the server is stopped and its data removed.
package temporal

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"starkeep/tests/server/machine"
)

// Namespaces is how many namespaces a server has: t00, t01, …
const Namespaces = 160

// Quiet is a logger that keeps everything to itself, for clients.
var Quiet = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// Server is a running Temporal server. Kill and Restart are for one test at a time, everything else is safe for concurrent use.
type Server struct {
	Address string // 127.0.0.1:port; the same after Restart

	keeper *machine.Keeper
}

// process is the keeper's name for the server itself.
const process = "temporal"

var shared machine.Shared[Server]

// Shared returns the one server of this test process; tests keep apart by using a namespace each.
func Shared(t testing.TB) *Server {
	t.Helper()
	return shared.Get(t, func() *Server { return start(t) })
}

// Start runs a server of its own until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := start(t)
	t.Cleanup(s.keeper.Stop)
	return s
}

// Namespace is the name of one of a server's namespaces, below Namespaces.
func Namespace(n int64) string { return fmt.Sprintf("t%02d", n) }

// CLI returns the path of the official CLI. Without it the test fails: it is required.
func CLI(t testing.TB) string {
	t.Helper()
	return machine.Tool(t, "bin", "temporal")
}

func start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Address: machine.FreeAddress(t), keeper: machine.NewKeeper(t, "", "temporal")}
	s.run(t)
	return s
}

func (s *Server) run(t testing.TB) {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Address)
	require.NoError(t, err)
	command := []string{
		CLI(t), "server", "start-dev", "--headless", "--ip", host, "--port", port,
		"--db-filename", "temporal.db", "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=2",
		"--log-level", "error", "--dynamic-config-value", "frontend.namespaceRPS.visibility=200",
		"--dynamic-config-value", "system.forceSearchAttributesCacheRefreshOnRead=true",
	}
	for n := range int64(Namespaces) {
		command = append(command, "--namespace", Namespace(n))
	}
	s.keeper.Run(t, process, command...)
	s.keeper.Await(t, process, time.Minute, func() error {
		c, err := client.Dial(client.Options{HostPort: s.Address, Namespace: Namespace(Namespaces - 1), Logger: Quiet})
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.CheckHealth(context.Background(), nil)
		return err
	})
}

// PID is the id of the server's process.
func (s *Server) PID(t testing.TB) int {
	t.Helper()
	return s.keeper.PID(t, process)
}

// Kill ends the server at once (SIGKILL), as a crash does; its data stay. Restart brings it back.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.keeper.Kill(t, process)
}

// Restart kills the server, if it still runs, and starts it again on the same port and data.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill(t)
	s.run(t)
}

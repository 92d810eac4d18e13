// Package machine is what servers of tests need of the machine that they run on.
package machine

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// FreeAddress returns an address of 127.0.0.1 with a port that nobody listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Shared is the one server of this test process, which the first test that asks starts and nobody stops: its Keeper does.
type Shared[S any] struct {
	once   sync.Once
	server *S
}

// Get returns the server, or fails where an earlier test could not start it.
func (s *Shared[S]) Get(t testing.TB, start func() *S) *S {
	t.Helper()
	s.once.Do(func() { s.server = start() })
	require.NotNil(t, s.server, "the server did not start in an earlier test")
	return s.server
}

// Tool returns the path of something in .tools, which `make tools` fills. Without it the test fails: it is required.
func Tool(t testing.TB, path ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			continue
		}
		tool := filepath.Join(append([]string{dir, ".tools"}, path...)...)
		_, err := os.Stat(tool)
		require.NoError(t, err, "%s is missing: run `make tools`", tool)
		return tool
	}
	require.FailNow(t, "the test does not run inside the repository")
	return ""
}

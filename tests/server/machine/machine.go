// Package machine is what servers of tests need of the machine that they run on.
package machine

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

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

// AwaitSilence waits until nobody listens on an address.
func AwaitSilence(t testing.TB, address string) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 10*time.Second, 5*time.Millisecond)
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

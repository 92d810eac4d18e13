package machine_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/tests/server/machine"
)

const inside = "STARKEEP_TEST_KEEPER"

// gone tells whether neither a process nor a folder is there.
func gone(pid int, folder string) bool {
	_, err := os.Stat(folder)
	return os.IsNotExist(err) && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

func TestNothingOutlivesAKilledTest(t *testing.T) {
	if os.Getenv(inside) != "" {
		k := machine.NewKeeper(t, "", "test")
		k.Run(t, "sleeper", "sleep", "1000")
		fmt.Printf("%d %s\n", k.PID(t, "sleeper"), k.Folder)
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$") //nolint:gosec // this test
	cmd.Env = append(os.Environ(), inside+"=1")
	said, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	require.Error(t, cmd.Wait(), "it was to be killed")
	var pid int
	var folder string
	_, err = fmt.Sscan(line, &pid, &folder)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return gone(pid, folder) }, 10*time.Second, 5*time.Millisecond)
}

func TestKilledProcessIsGoneAndItsFilesAreNot(t *testing.T) {
	t.Parallel()
	k := machine.NewKeeper(t, "", "test")
	k.Do(t, "prepare", "touch", "it's kept")
	for range 2 {
		k.Run(t, "sleeper", "sh", "-c", "echo runs; exec sleep 1000")
		pid := k.PID(t, "sleeper")
		k.Signal(t, "sleeper", "STOP")
		k.Kill(t, "sleeper")
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
		k.Kill(t, "sleeper") // is no failure
	}
	require.FileExists(t, filepath.Join(k.Folder, "it's kept"))
	k.Run(t, "sleeper", "sh", "-c", "echo runs; exec sleep 1000")
	k.Await(t, "sleeper", 10*time.Second, func() error {
		if k.Log("sleeper") == "" {
			return errors.New("nothing said yet")
		}
		return nil
	})
	pid := k.PID(t, "sleeper")
	k.Stop()
	require.True(t, gone(pid, k.Folder))
}

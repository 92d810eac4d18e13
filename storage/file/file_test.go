package file_test

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/fault"
	"starkeep/storage/file"
	"starkeep/storage/retry"
	"starkeep/storage/storagetest"
)

func open(t testing.TB, dir string) *file.Bucket {
	t.Helper()
	b, err := file.Open(dir, true)
	require.NoError(t, err)
	return b
}

func put(t testing.TB, b storage.Bucket, key, data string) {
	t.Helper()
	require.NoError(t, b.Put(t.Context(), key, storage.BytesBody([]byte(data)), storage.PutOptions{}))
}

func keys(t testing.TB, b storage.Bucket) (all []string) {
	t.Helper()
	require.NoError(t, b.List(t.Context(), "", func(i storage.Info) error {
		all = append(all, i.Key)
		return nil
	}))
	return all
}

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		dir := filepath.Join(t.TempDir(), "root")
		return storagetest.Place{
			Open:       func() storage.Bucket { return open(t, dir) },
			RemoveRoot: func() { require.NoError(t, os.RemoveAll(dir)) },
			Missing:    func() (storage.Bucket, error) { return file.Open(dir+".none", false) },
			Denied:     func(do func()) { denied(t, dir, do) },
			Leftovers:  func() []string { return leftovers(t, dir) },
		}
	})
}

// leftovers names the work files.
func leftovers(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, file.WorkFolder))
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(t, err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestNemesisLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	chaos := fault.NewChaos(1, .1)
	storagetest.Nemesis(t, storagetest.NemesisOptions{
		Open: func() storage.Bucket {
			return retry.New(chaos.Wrap(open(t, dir)), retry.Policy{Attempts: 12, First: time.Millisecond, Max: 20 * time.Millisecond})
		},
		Faults:    chaos.Counts,
		Dead:      chaos.Dead,
		Leftovers: func() []string { return leftovers(t, dir) },
	})
}

// denied takes the permissions of a folder away while do runs. Root needs none, so root becomes nobody meanwhile: on
// Linux the file system identity belongs to the thread alone.
func denied(t testing.TB, dir string, do func()) {
	t.Helper()
	require.NoError(t, os.Chmod(dir, 0))
	defer func() { require.NoError(t, os.Chmod(dir, 0o750)) }()
	if os.Geteuid() == 0 {
		const nobody = 65534
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		require.NoError(t, syscall.Setfsuid(nobody))
		defer func() { require.NoError(t, syscall.Setfsuid(0)) }()
	}
	do()
}

func TestMissingRootIsNotAnEmptyRepository(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "mounted")
	_, err := file.Open(dir, false)
	require.ErrorIs(t, err, storage.ErrNoRoot)
	require.NoDirExists(t, dir)
	_, err = file.Open("relative", true)
	require.ErrorContains(t, err, "absolute")

	plain := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	_, err = file.Open(plain, false)
	require.ErrorIs(t, err, storage.ErrNoRoot)
}

func TestRootThatComesBackIsUsedAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "share")
	b := open(t, dir)
	put(t, b, "k", "x")
	require.NoError(t, os.Rename(dir, dir+".unmounted"))
	_, err := b.Stat(t.Context(), "k")
	require.ErrorIs(t, err, storage.ErrNoRoot)
	require.NoError(t, os.Rename(dir+".unmounted", dir))
	_, err = b.Stat(t.Context(), "k")
	require.NoError(t, err)
}

func TestSymbolicLinksDoNotLeadOut(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	b := open(t, dir)
	secret := filepath.Join(outside, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	for name, target := range map[string]string{"absolute": secret, "folder": outside, "up": "../" + filepath.Base(outside)} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	for _, key := range []string{"absolute", "folder/secret", "up/secret"} {
		_, err := b.Get(t.Context(), key, storage.Range{})
		require.Error(t, err, key)
		require.NotErrorIs(t, err, storage.ErrNotExist, key)
		require.NotContains(t, err.Error(), "%!", key)
	}
	for _, key := range []string{"folder/new", "up/new", "folder/secret", "up/secret"} {
		require.Error(t, b.Put(t.Context(), key, storage.BytesBody(nil), storage.PutOptions{}), key)
		require.Error(t, b.Delete(t.Context(), key), key)
	}
	require.Error(t, b.List(t.Context(), "", func(storage.Info) error { return nil }), "a link out is not left out in silence")
	left, err := os.ReadFile(secret)
	require.NoError(t, err)
	require.Equal(t, "secret", string(left))

	// Replacing a link replaces the link, not what it points at.
	put(t, b, "absolute", "new")
	left, err = os.ReadFile(secret)
	require.NoError(t, err)
	require.Equal(t, "secret", string(left))
}

func TestPipeDoesNotHangReaders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	b := open(t, dir)
	_, err := b.Get(t.Context(), "pipe", storage.Range{})
	require.ErrorContains(t, err, "not a regular file")
	require.ErrorContains(t, b.List(t.Context(), "", func(storage.Info) error { return nil }), "not a regular file")
}

func TestKeyAndFolderOfOneNameIsClear(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir())
	put(t, b, "a/b", "x")
	for _, opts := range []storage.PutOptions{{}, {IfAbsent: true}} {
		err := b.Put(t.Context(), "a", storage.BytesBody(nil), opts)
		require.ErrorContains(t, err, "other keys lie below it")
		require.NotErrorIs(t, err, storage.ErrExist)
		require.ErrorContains(t, b.Put(t.Context(), "a/b/c", storage.BytesBody(nil), opts), "an object has that name")
	}
	require.Equal(t, []string{"a/b"}, keys(t, b))
}

func TestDeleteLeavesNoEmptyFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	put(t, b, "jobs/1/plans/1", "x")
	put(t, b, "jobs/2/plans/1", "x")
	require.NoError(t, b.Delete(t.Context(), "jobs/1/plans/1"))
	require.NoDirExists(t, filepath.Join(dir, "jobs", "1"))
	require.FileExists(t, filepath.Join(dir, "jobs", "2", "plans", "1"))
}

func TestOtherUsersCannotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, open(t, dir), "d/k", "x")
	for _, name := range []string{"d", "d/k"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o007, name)
	}
}

func TestWorkFolderIsNoPlaceForKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	put(t, b, "k", "x")
	require.NoError(t, os.WriteFile(filepath.Join(dir, file.WorkFolder, "leftover"), []byte("x"), 0o600))
	require.Equal(t, []string{"k"}, keys(t, b))
	for _, prefix := range []string{".", file.WorkFolder, file.WorkFolder + "/"} {
		require.NoError(t, b.List(t.Context(), prefix, func(i storage.Info) error { return fmt.Errorf("listed %s", i.Key) }))
	}
	_, err := b.Stat(t.Context(), file.WorkFolder+"/leftover")
	require.ErrorIs(t, err, storage.ErrInvalidKey)
}

func TestLeftoversAreSweptButLivingWritersAreNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, open(t, dir), "k", "x")
	work := filepath.Join(dir, file.WorkFolder)
	old := time.Now().Add(-48 * time.Hour)
	for _, name := range []string{"dead", "alive", "young"} {
		require.NoError(t, os.WriteFile(filepath.Join(work, name), []byte("half"), 0o600))
		if name != "young" {
			require.NoError(t, os.Chtimes(filepath.Join(work, name), old, old))
		}
	}
	alive, err := os.Open(filepath.Join(work, "alive"))
	require.NoError(t, err)
	defer func() { _ = alive.Close() }()
	require.NoError(t, syscall.Flock(int(alive.Fd()), syscall.LOCK_EX))

	open(t, dir)
	require.NoFileExists(t, filepath.Join(work, "dead"))
	require.FileExists(t, filepath.Join(work, "alive"))
	require.FileExists(t, filepath.Join(work, "young"))
}

func TestNoFileStaysOpen(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(fds)
	}
	put(t, b, "a/b/warm", "x")
	before := count()
	for i := range 50 {
		key := fmt.Sprintf("a/b/%d", i)
		put(t, b, key, "x")
		require.ErrorIs(t, b.Put(t.Context(), key, storage.BytesBody(nil), storage.PutOptions{IfAbsent: true}), storage.ErrExist)
		bad := storage.BytesBody([]byte("x"))
		bad.Size++
		require.ErrorIs(t, b.Put(t.Context(), key, bad, storage.PutOptions{}), storage.ErrBody)
		r, err := b.Get(t.Context(), key, storage.Range{})
		require.NoError(t, err)
		require.NoError(t, r.Close())
		_, err = b.Get(t.Context(), key, storage.Range{Offset: -1})
		require.Error(t, err)
		_, err = b.Stat(t.Context(), "none")
		require.ErrorIs(t, err, storage.ErrNotExist)
		require.NoError(t, b.Delete(t.Context(), key))
	}
	require.Equal(t, []string{"a/b/warm"}, keys(t, b))
	require.LessOrEqual(t, count(), before)
}

// smallDisk mounts a file system of 1 MiB; that needs the right to do so.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); errors.Is(err, syscall.EPERM) {
		t.Skip("mounting a small file system is not permitted here")
	} else {
		require.NoError(t, err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

func TestFullDiskIsToldApart(t *testing.T) {
	dir := smallDisk(t)
	b := open(t, dir)
	put(t, b, "small", "x")
	err := b.Put(t.Context(), "large", storage.BytesBody(make([]byte, 2<<20)), storage.PutOptions{})
	require.ErrorIs(t, err, storage.ErrNoSpace)
	require.Equal(t, []string{"small"}, keys(t, b))
	put(t, b, "again", strings.Repeat("x", 500_000)) // what was written of the large one is given back
}

func TestReadOnlyFileSystemIsDenied(t *testing.T) {
	dir := smallDisk(t)
	b := open(t, dir)
	put(t, b, "k", "x")
	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	require.ErrorIs(t, b.Put(t.Context(), "l", storage.BytesBody(nil), storage.PutOptions{}), storage.ErrDenied)
	require.ErrorIs(t, b.Delete(t.Context(), "k"), storage.ErrDenied)
	require.Equal(t, []string{"k"}, keys(t, b))
}

const killedWriter = "STARKEEP_TEST_KILLED_WRITER"

// TestKilledWritersLeaveWholeObjectsOnly kills a process in the middle of its puts, again and again. Each object tells
// its own hash in its key.
func TestKilledWritersLeaveWholeObjectsOnly(t *testing.T) {
	if dir := os.Getenv(killedWriter); dir != "" {
		writeForever(t, dir)
	}
	dir := t.TempDir()
	for round := range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWritersLeaveWholeObjectsOnly$")
		cmd.Env = append(os.Environ(), killedWriter+"="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; n < 20+7*round && lines.Scan(); n++ {
			require.True(t, strings.HasPrefix(lines.Text(), "put "), lines.Text())
		}
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait(), "it was killed")
	}
	b := open(t, dir)
	all := keys(t, b)
	require.Greater(t, len(all), 100)
	for _, key := range all {
		r, err := b.Get(t.Context(), key, storage.Range{})
		require.NoError(t, err)
		sum := sha256.New()
		_, err = io.Copy(sum, r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.Equal(t, filepath.Base(key), fmt.Sprintf("%x", sum.Sum(nil)), "half an object is visible")
	}
}

// writeForever is the process that is killed.
func writeForever(t *testing.T, dir string) {
	b := open(t, dir)
	for i := 0; ; i++ {
		data := []byte(strings.Repeat(fmt.Sprintf("%d.%d ", os.Getpid(), i), 20_000))
		body := storage.BytesBody(data)
		key := fmt.Sprintf("data/%02x/%x", body.SHA256[0], body.SHA256)
		require.NoError(t, b.Put(t.Context(), key, body, storage.PutOptions{IfAbsent: i%2 == 0}))
		fmt.Println("put", key)
	}
}

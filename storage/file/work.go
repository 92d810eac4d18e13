package file

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"
)

// abandonedAfter is how long a work file rests before sweep looks whether its writer still lives. It only covers the
// moment between creating and locking; the lock is what decides.
const abandonedAfter = time.Hour

// workFile is an object while it is being written. Its lock tells sweep, in any process, that the writer lives: the
// kernel gives the lock back when the writer dies, however it dies.
type workFile struct {
	name string // below the root
	file *os.File
}

// newWorkFile creates and locks a work file under a name of its own.
func newWorkFile(root *os.Root) (*workFile, error) {
	name := path.Join(WorkFolder, rand.Text())
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := root.Mkdir(WorkFolder, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		f, err = root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	}
	if err != nil {
		return nil, err
	}
	w := &workFile{name, f}
	if err := lock(f); err != nil {
		w.discard(root)
		return nil, fmt.Errorf("lock work file: %w", err)
	}
	return w, nil
}

// lock takes the lock of a work file. A file system without locks keeps leftovers until somebody deletes WorkFolder.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.ENOLCK) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOSYS) {
		return nil
	}
	return err
}

// discard ends a work file. After a rename its name is gone; after a link its bytes live on under the key.
func (w *workFile) discard(root *os.Root) {
	_ = root.Remove(w.name)
	_ = w.file.Close()
}

// sweep removes the work files of writers that were killed. Whatever it cannot do waits for the next Open: leftovers
// cost space, nothing else.
func sweep(root *os.Root) {
	dir, err := root.Open(WorkFolder)
	if err != nil {
		return
	}
	defer func() { _ = dir.Close() }()
	entries, _ := dir.ReadDir(-1)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandonedAfter {
			removeAbandoned(root, path.Join(WorkFolder, e.Name()))
		}
	}
}

func removeAbandoned(root *os.Root, name string) {
	f, err := root.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	// Not lock: without working locks a living writer cannot be told from a dead one.
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		_ = root.Remove(name)
	}
}

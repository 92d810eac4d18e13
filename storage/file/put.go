package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"starkeep/storage"
)

// Put implements storage.Bucket. The bytes are written and synced in WorkFolder first; a link (IfAbsent) or a rename then
// shows them under their key, and the folder is synced. The kernel lets exactly one of several links succeed.
func (b *Bucket) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	root, err := b.enter(ctx, key)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if opts.IfAbsent {
		if _, err := root.Lstat(key); err == nil {
			return b.taken(root, key)
		}
	}
	work, err := b.write(ctx, root, body)
	if err != nil {
		return b.writeError(root, key, err)
	}
	defer work.discard(root)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.publish(root, work.name, key, opts); err != nil {
		if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.EISDIR) {
			return b.taken(root, key)
		}
		return b.writeError(root, key, err)
	}
	return nil
}

// taken explains why a key cannot be created.
func (b *Bucket) taken(root *os.Root, key string) error {
	if info, err := root.Stat(key); err == nil && info.IsDir() {
		return fmt.Errorf("put %s: other keys lie below it: a file system cannot hold both", filepath.Join(b.path, key))
	}
	return fmt.Errorf("put %s: %w", filepath.Join(b.path, key), storage.ErrExist)
}

// writeError is fail for writing, where a missing file is no answer to a question but something that went away.
func (b *Bucket) writeError(root *os.Root, key string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		if gone := b.absent(root, key); errors.Is(gone, storage.ErrNoRoot) {
			return gone
		}
	}
	return translate("put", filepath.Join(b.path, key), err)
}

// publishTries bounds the retries of a Put that loses its folder to deletes of the folder's other objects.
const publishTries = 100

// publish shows a complete work file under its key.
func (b *Bucket) publish(root *os.Root, name, key string, opts storage.PutOptions) error {
	dir := path.Dir(key)
	for try := 1; ; try++ {
		err := makeFolders(root, dir)
		switch {
		case err != nil:
		case opts.IfAbsent:
			err = root.Link(name, key)
		default:
			err = root.Rename(name, key)
		}
		if err == nil {
			return syncFolders(root, dir)
		}
		// Delete may have removed a folder, empty, after it was made; then it has to be made again.
		if !errors.Is(err, fs.ErrNotExist) || try == publishTries {
			return err
		}
	}
}

// makeFolders makes dir and what lies above it.
func makeFolders(root *os.Root, dir string) error {
	info, err := root.Stat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("make folder %s: an object has that name: %w", dir, syscall.ENOTDIR)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeFolders(root, path.Dir(dir)); err != nil {
		return err
	}
	if err := root.Mkdir(dir, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// syncFolders syncs dir and what lies above it, up to the root: an object in a folder that a crash forgets would be
// forgotten too, whoever made the folder. Folders that did not change cost next to nothing.
func syncFolders(root *os.Root, dir string) error {
	for {
		f, err := root.Open(dir)
		if err == nil {
			err = f.Sync()
			_ = f.Close()
		}
		// Gone: somebody deleted the object, and the folder with it, since.
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sync folder %s: %w", dir, err)
		}
		if dir == "." {
			return nil
		}
		dir = path.Dir(dir)
	}
}

// write copies a body into a new work file and syncs it.
func (b *Bucket) write(ctx context.Context, root *os.Root, body storage.Body) (*workFile, error) {
	r, err := body.Verified(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	w, err := newWorkFile(root)
	if err != nil {
		return nil, err
	}
	if err := w.fill(r); err != nil {
		w.discard(root)
		return nil, err
	}
	return w, nil
}

func (w *workFile) fill(r io.Reader) error {
	if _, err := io.Copy(w.file, r); err != nil {
		return err
	}
	return w.file.Sync()
}

// Delete implements storage.Bucket. It also removes the folders that it leaves empty, so that finished jobs leave no
// litter. A Put that has just made such a folder finds it gone and makes it again; rmdir never takes a folder that holds
// something.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	root, err := b.enter(ctx, key)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	info, err := root.Lstat(key)
	if err == nil && info.IsDir() {
		return nil // a folder is no object: there is none of that key
	}
	if err == nil {
		err = removeEntry(root, key, 0)
	}
	if err != nil {
		if err = b.fail(root, "delete", key, err); errors.Is(err, storage.ErrNotExist) {
			return nil
		}
		return err
	}
	dir := path.Dir(key)
	for ; dir != "."; dir = path.Dir(dir) {
		if removeEntry(root, dir, unix.AT_REMOVEDIR) != nil {
			break // not empty, or already gone
		}
	}
	// A crash must not bring back what a caller was told is deleted.
	if err := syncFolders(root, dir); err != nil {
		return translate("delete", filepath.Join(b.path, key), err)
	}
	return nil
}

// removeEntry is unlink or, with AT_REMOVEDIR, rmdir, in a folder below root. os.Root.Remove tries both: it could take
// an object that was put in place of a folder meanwhile.
func removeEntry(root *os.Root, name string, flags int) error {
	dir, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	err = unix.Unlinkat(int(dir.Fd()), path.Base(name), flags)
	if err != nil {
		return &fs.PathError{Op: "unlinkat", Path: strings.TrimPrefix(name, "./"), Err: err}
	}
	return nil
}

// Package file is a storage.Bucket in a directory of a file system, local or mounted.
//
// A key is a path below the root. Objects appear by link or rename of a file that is complete and synced, so readers see
// all or nothing, also after a crash. What is being written lives in the folder WorkFolder of the root: never listed,
// never a key. Symbolic links are followed only as long as they stay below the root.
//
// Limits of file systems show: a key cannot also be the folder of another key, and where names are folded (macOS,
// Windows shares) keys that differ only in case are the same one.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"starkeep/storage"
)

// WorkFolder is the folder of the root that holds objects while they are being written.
const WorkFolder = ".starkeep"

// Modes of what this package creates: rows of a database are not for everybody on the machine.
const (
	fileMode   = 0o640
	folderMode = 0o750
)

// Bucket is a handle on a directory. It holds nothing open between calls, so a share can be unmounted and mounted again
// under it. It is safe for concurrent use, also by several processes and hosts.
type Bucket struct {
	path string
}

var _ storage.Bucket = (*Bucket)(nil)

// Open returns a Bucket in the directory path, which must be absolute. A directory that is missing is created with
// create, else it is storage.ErrNoRoot, so that a share that is not mounted does not look like an empty repository.
// Open also removes what writers that were killed left behind.
func Open(path string, create bool) (*Bucket, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("open %s: the path must be absolute", path)
	}
	b := &Bucket{path: filepath.Clean(path)}
	if create {
		if err := os.MkdirAll(b.path, folderMode); err != nil {
			return nil, translate("create", b.path, err)
		}
	}
	root, err := b.root()
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	sweep(root)
	return b, nil
}

// root opens the root anew for one call; so each call finds out whether it is there.
func (b *Bucket) root() (*os.Root, error) {
	root, err := os.OpenRoot(b.path)
	if err == nil {
		return root, nil
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("open %s: %w; is the share mounted?", b.path, storage.ErrNoRoot)
	}
	if info, err := os.Stat(b.path); err == nil && !info.IsDir() { // OpenRoot has no error of its own for that
		return nil, fmt.Errorf("open %s: %w: it is not a folder", b.path, storage.ErrNoRoot)
	}
	return nil, translate("open", b.path, err)
}

// enter begins a call on one key.
func (b *Bucket) enter(ctx context.Context, key string) (*os.Root, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	return b.root()
}

// reserved tells whether a path belongs to this package.
func reserved(key string) bool {
	return key == WorkFolder || strings.HasPrefix(key, WorkFolder+"/")
}

func checkKey(key string) error {
	if reserved(key) {
		return fmt.Errorf("%w: %s belongs to the storage itself", storage.ErrInvalidKey, WorkFolder)
	}
	return storage.CheckKey(key)
}

// absent turns "no such file" into the proof that storage.ErrNotExist is: the root has to be the directory that was
// opened, still in its place.
func (b *Bucket) absent(root *os.Root, key string) error {
	opened, err := root.Stat(".")
	if err == nil {
		var now fs.FileInfo
		if now, err = os.Stat(b.path); err == nil && os.SameFile(opened, now) {
			return fmt.Errorf("find %s: %w", filepath.Join(b.path, key), storage.ErrNotExist)
		}
	}
	return fmt.Errorf("find %s: %w: it went away", b.path, storage.ErrNoRoot)
}

// translate names the errors that a Bucket tells apart, and says what to do; the rest stay what they are.
func translate(op, path string, err error) error {
	var kind error
	var advice string
	switch {
	case errors.Is(err, syscall.ENOSPC):
		kind, advice = storage.ErrNoSpace, "free space on that file system"
	case errors.Is(err, syscall.EDQUOT):
		kind, advice = storage.ErrNoSpace, "free space or raise the quota"
	case errors.Is(err, syscall.EROFS):
		kind, advice = storage.ErrDenied, "mount the file system for writing"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		kind, advice = storage.ErrDenied, fmt.Sprintf("user id %d has to read, write and enter the folder", os.Geteuid())
	case errors.Is(err, syscall.ENAMETOOLONG):
		kind, advice = storage.ErrInvalidKey, "the file system takes shorter names only"
	case passing(err):
		kind, advice = storage.ErrUnavailable, "look at the share or the disk"
	default:
		return fmt.Errorf("%s %s: %w", op, path, err)
	}
	return fmt.Errorf("%s %s: %w: %w; %s", op, path, kind, err, advice)
}

// passing tells what a share gives whose server does not answer: EIO and ETIMEDOUT when it is mounted soft (nfs(5)), ESTALE
// after the server was replaced, ENOTCONN from a FUSE file system whose process died, the rest from the network below. A
// disk that fails gives EIO too.
func passing(err error) bool {
	for _, e := range []syscall.Errno{
		syscall.EIO, syscall.ETIMEDOUT, syscall.ESTALE, syscall.ENOTCONN, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
		syscall.ENETUNREACH, syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.EREMOTEIO,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// fail finishes an error of a call on one key.
func (b *Bucket) fail(root *os.Root, op, key string, err error) error {
	// ENOTDIR: a part of the key is an object, so nothing can be below it.
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return b.absent(root, key)
	}
	return translate(op, filepath.Join(b.path, key), err)
}

// Get implements storage.Reader.
func (b *Bucket) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	root, err := b.enter(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	// Looked at before it is opened: opening a pipe would wait for its writer.
	if _, err := b.stat(root, key); err != nil {
		return nil, err
	}
	f, err := root.Open(key)
	if err != nil {
		return nil, b.fail(root, "read", key, err)
	}
	body, err := section(ctx, f, r)
	if err != nil {
		_ = f.Close()
		return nil, translate("read", f.Name(), err)
	}
	return body, nil
}

// section reads the part of f that r selects.
func section(ctx context.Context, f *os.File, r storage.Range) (io.ReadCloser, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	offset, length, err := r.Clip(info.Size())
	if err != nil {
		return nil, err
	}
	return &reader{ctx, io.NewSectionReader(f, offset, length), f}, nil
}

// reader stops when its context does.
type reader struct {
	ctx     context.Context
	section *io.SectionReader
	file    *os.File
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.section.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = translate("read", r.file.Name(), err)
	}
	return n, err
}

func (r *reader) Close() error { return r.file.Close() }

// Stat implements storage.Reader.
func (b *Bucket) Stat(ctx context.Context, key string) (storage.Info, error) {
	root, err := b.enter(ctx, key)
	if err != nil {
		return storage.Info{}, err
	}
	defer func() { _ = root.Close() }()
	return b.stat(root, key)
}

func (b *Bucket) stat(root *os.Root, key string) (storage.Info, error) {
	info, err := root.Stat(key)
	switch {
	case err != nil:
		return storage.Info{}, b.fail(root, "stat", key, err)
	case info.IsDir():
		return storage.Info{}, b.absent(root, key)
	case !info.Mode().IsRegular():
		return storage.Info{}, fmt.Errorf("stat %s: not a regular file but %s", filepath.Join(b.path, key), info.Mode().Type())
	}
	return storage.Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Traits implements storage.Bucket.
func (b *Bucket) Traits() storage.Traits {
	return storage.Traits{Name: "file", CreateAbsent: storage.Atomic, MaxKey: storage.MaxKey}
}

// Close implements storage.Bucket; nothing is held open.
func (b *Bucket) Close() error { return nil }

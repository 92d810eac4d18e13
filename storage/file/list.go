package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"starkeep/storage"
)

// List implements storage.Reader. It reads one folder at a time; an object that is put or deleted meanwhile may or may
// not be listed.
func (b *Bucket) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	if err := storage.EnterList(ctx, prefix); err != nil {
		return err
	}
	root, err := b.root()
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	dir := path.Dir(prefix + "x") // the deepest folder that all keys of the prefix share
	if reserved(dir) {
		return nil
	}
	l := lister{ctx: ctx, bucket: b, root: root, prefix: prefix, fn: fn}
	return l.folder(dir)
}

// lister is one call of List.
type lister struct {
	ctx    context.Context
	bucket *Bucket
	root   *os.Root
	prefix string
	fn     func(storage.Info) error
}

// folder lists one folder. Its entries are sorted as the keys below them are: a folder counts as its name with a slash,
// which puts "a.txt" before "a/b".
func (l *lister) folder(dir string) error {
	names, err := l.names(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		key := path.Join(dir, name)
		if err := l.entry(key, strings.HasSuffix(name, "/")); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) entry(key string, folder bool) error {
	if folder {
		if strings.HasPrefix(key+"/", l.prefix) {
			return l.folder(key)
		}
		return nil
	}
	if !strings.HasPrefix(key, l.prefix) {
		return nil
	}
	info, err := l.bucket.stat(l.root, key)
	if errors.Is(err, storage.ErrNotExist) {
		return nil // deleted since the folder was read
	}
	if err != nil {
		return err
	}
	return l.fn(info)
}

// names returns the entries of a folder, folders with a slash behind them, sorted. A folder that is not there has none.
func (l *lister) names(dir string) ([]string, error) {
	entries, err := l.read(dir)
	if err != nil {
		if err = l.bucket.fail(l.root, "list", dir, err); errors.Is(err, storage.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		switch {
		case reserved(path.Join(dir, e.Name())):
		case e.Type()&fs.ModeSymlink != 0:
			if err := l.link(path.Join(dir, e.Name())); err != nil {
				return nil, err
			}
			names = append(names, e.Name())
		case e.IsDir():
			names = append(names, e.Name()+"/")
		default:
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

func (l *lister) read(dir string) ([]fs.DirEntry, error) {
	f, err := l.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	entries, err := f.ReadDir(-1)
	// A file where the folder should be has no keys below it; see fail.
	if err != nil && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("read folder: %w", err)
	}
	return entries, err
}

// link refuses what a listing cannot follow without leaving things out or running in circles: links to folders, and
// links out of the root.
func (l *lister) link(key string) error {
	info, err := l.root.Stat(key)
	if err != nil {
		return fmt.Errorf("list %s: follow symbolic link: %w", filepath.Join(l.bucket.path, key), err)
	}
	if info.IsDir() {
		return fmt.Errorf("list %s: it is a symbolic link to a folder; mount or move the folder here instead", filepath.Join(l.bucket.path, key))
	}
	return nil
}

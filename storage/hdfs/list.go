package hdfs

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/colinmarc/hdfs/v2"

	"starkeep/storage"
)

// List implements storage.Reader. It reads a folder in the pages that the name node gives; an object that is put or deleted
// meanwhile may or may not be listed.
func (b *Bucket) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	if err := storage.CheckPrefix(prefix); err != nil {
		return err
	}
	dir := path.Dir(prefix + "x") // the deepest folder that all keys of the prefix share
	if reserved(dir) {
		return ctx.Err()
	}
	l := lister{ctx: ctx, bucket: b, prefix: prefix, fn: fn}
	return l.folder(dir)
}

// lister is one call of List.
type lister struct {
	ctx    context.Context
	bucket *Bucket
	prefix string
	fn     func(storage.Info) error
}

// entry is a file or folder below a folder.
type entry struct {
	name   string // as the key has it; of a folder with a slash behind it
	status *hdfs.FileStatus
}

// folder lists one folder. Its entries come in the order of their escaped names and have to go in the order of the keys
// below them: a folder counts as its name with a slash, which puts "a.txt" before "a/b". So an entry waits until what may
// still come is certainly behind it.
func (l *lister) folder(dir string) error {
	var waiting []entry
	var last []byte
	for more := true; more; {
		var page []*hdfs.FileStatus
		var err error
		if page, more, err = l.page(dir, last); err != nil {
			return err
		}
		for _, status := range page {
			last = status.GetPath()
			if e, ok := l.entry(dir, status); ok {
				waiting = append(waiting, e)
			}
		}
		slices.SortFunc(waiting, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
		ready := len(waiting)
		if more {
			// What comes has an escaped name behind last; up to last's first escape that is the order of the keys, too.
			bound, _, _ := strings.Cut(string(last), "%")
			ready, _ = slices.BinarySearchFunc(waiting, bound, func(e entry, bound string) int { return cmp.Compare(e.name, bound) })
		}
		if err := l.emit(dir, waiting[:ready]); err != nil {
			return err
		}
		waiting = slices.Delete(waiting, 0, ready)
	}
	return nil
}

// page asks for the next entries of a folder. A folder that is not there has none.
func (l *lister) page(dir string, last []byte) (page []*hdfs.FileStatus, more bool, err error) {
	err = l.bucket.use(l.ctx, "list", dir, func(s *session) error {
		page, more, err = s.page(l.bucket.path(dir), last)
		if err == nil && page == nil || belowObject(err) {
			if err = l.bucket.absent(s); errors.Is(err, storage.ErrNotExist) {
				err = nil
			}
		}
		return err
	})
	return page, more, err
}

// entry keeps what can be, or can hold, a key of the prefix.
func (l *lister) entry(dir string, status *hdfs.FileStatus) (entry, bool) {
	name, ok := unescape(string(status.GetPath()))
	key := path.Join(dir, name)
	// The listing of a file is the file itself, without a name.
	if !ok || name == "" || reserved(key) {
		return entry{}, false
	}
	if !folder(status) {
		return entry{name, status}, strings.HasPrefix(key, l.prefix)
	}
	key += "/"
	return entry{name + "/", status}, strings.HasPrefix(key, l.prefix) || strings.HasPrefix(l.prefix, key)
}

func (l *lister) emit(dir string, entries []entry) error {
	for _, e := range entries {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		key, err := path.Join(dir, e.name), error(nil)
		if folder(e.status) {
			err = l.folder(key)
		} else {
			err = l.fn(describe(key, e.status))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

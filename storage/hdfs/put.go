package hdfs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"starkeep/storage"
)

// publishTries bounds the retries of a Put that loses its folder to deletes of the folder's other objects.
const publishTries = 100

// Put implements storage.Bucket. Without IfAbsent, a rename replaces the older object in the same step; with it, the name
// node renames only to a path that is free.
func (b *Bucket) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	if err := checkKey(key); err != nil {
		return err
	}
	work, stored := path.Join(b.root, WorkFolder, rand.Text()), false
	err := b.use(ctx, "put", key, func(s *session) error {
		if opts.IfAbsent {
			if err := b.free(s, key); err != nil {
				return err
			}
		}
		stored = true
		if err := b.write(ctx, s, work, body); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return b.publish(s, work, key, opts)
	})
	if err != nil && stored {
		b.discard(ctx, work)
	}
	return err
}

// free returns storage.ErrExist for a key that is taken. It only saves the sending: the rename decides.
func (b *Bucket) free(s *session, key string) error {
	status, err := s.status(b.path(key))
	if err == nil && status != nil {
		return taken(status)
	}
	if belowObject(err) {
		return nil // publish explains it
	}
	return err
}

// taken explains why a key cannot be created.
func taken(status *hdfs.FileStatus) error {
	if folder(status) {
		return errors.New("other keys lie below it: HDFS cannot hold both")
	}
	return storage.ErrExist
}

// publish shows a complete work file under its key.
func (b *Bucket) publish(s *session, work, key string, opts storage.PutOptions) error {
	target := b.path(key)
	for try := 1; ; try++ {
		err := s.rename(work, target, !opts.IfAbsent)
		switch {
		case err == nil:
			return nil
		case belowObject(err):
			return fmt.Errorf("make folder %s: an object has that name", path.Dir(key))
		case !exception(err, "FileNotFoundException"):
			return b.unnamed(s, target, err)
		case try == publishTries:
			return err
		}
		// The folder is missing: it is new, or Delete found it empty. Or the work file is: then nothing can be done.
		if status, err := s.status(work); err != nil || status == nil {
			return errors.Join(err, b.gone(s))
		}
		if err := b.makeFolders(s, path.Dir(key)); err != nil {
			return err
		}
	}
}

// unnamed explains a rename that the name node did not do.
func (b *Bucket) unnamed(s *session, target string, cause error) error {
	if remote := (hdfs.Error)(nil); !errors.As(cause, &remote) {
		return cause
	}
	if status, err := s.status(target); err == nil && status != nil && (folder(status) || exception(cause, "FileAlreadyExistsException")) {
		return taken(status)
	}
	return cause
}

// gone is why a work file is not there any more.
func (b *Bucket) gone(s *session) error {
	if err := b.absent(s); !errors.Is(err, storage.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: the unfinished object was deleted in %s", storage.ErrUnavailable, WorkFolder)
}

// makeFolders makes the folder dir of the root and what lies above it, but never the root: a root that went away must not
// come back empty.
func (b *Bucket) makeFolders(s *session, dir string) error {
	if dir == "." {
		return b.gone(s)
	}
	err := s.mkdir(b.path(dir), false)
	if exception(err, "FileNotFoundException") {
		if err = b.makeFolders(s, path.Dir(dir)); err == nil {
			err = s.mkdir(b.path(dir), false)
		}
	}
	switch {
	case exception(err, "FileNotFoundException"):
		return nil // a Delete took the folder above meanwhile; publish finds out
	case exception(err, "FileAlreadyExistsException"), belowObject(err):
		return fmt.Errorf("make folder %s: an object has that name", dir)
	}
	return err
}

// write stores a body in a new work file, and waits until HDFS has all of it.
func (b *Bucket) write(ctx context.Context, s *session, work string, body storage.Body) error {
	r, err := body.Verified(ctx)
	if err != nil {
		return bodyError{err}
	}
	defer func() { _ = r.Close() }()
	w, err := b.create(s, work, body.Size)
	if err != nil {
		return err
	}
	if err := b.fill(ctx, w, r); err != nil {
		s.close()
		_ = w.Close() // ends its goroutines; it cannot complete the file any more
		return err
	}
	status, err := s.status(work)
	switch {
	case err != nil:
		return err
	case status == nil:
		return b.gone(s)
	case int64(status.GetLength()) != body.Size:
		return fmt.Errorf("%w: HDFS has %d of %d bytes", storage.ErrUnavailable, status.GetLength(), body.Size)
	}
	return nil
}

// maxBlock is the size up to which an object is one block, unless dfs.blocksize is given. Where a second block begins, the
// library gives up if no data node has told of the first one yet (NotReplicatedYetException), and the Put is to be repeated.
const maxBlock = 1 << 30

// create makes a work file for size bytes, and the work folder when it is missing.
func (b *Bucket) create(s *session, work string, size int64) (*hdfs.FileWriter, error) {
	replication, blockSize := b.settings.replication, b.settings.blockSize
	if replication == 0 {
		replication = s.defaults.Replication
	}
	if blockSize == 0 {
		blockSize = max(s.defaults.BlockSize, min(size+511, maxBlock)&^511) // CRCs are over 512 bytes
	}
	w, err := s.client.CreateFile(work, replication, blockSize, fileMode)
	if !errors.Is(err, os.ErrNotExist) {
		return w, err
	}
	if err := s.mkdir(path.Dir(work), false); err != nil {
		if exception(err, "FileNotFoundException") {
			return nil, b.gone(s)
		}
		return nil, err
	}
	return s.client.CreateFile(work, replication, blockSize, fileMode)
}

// bodyError is an error of the body, not of the store.
type bodyError struct{ error }

func (e bodyError) Unwrap() error { return e.error }

// buffer is between body and library, which sends packets of 64 KiB.
type buffer [128 << 10]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// chunk is a part of a body.
type chunk struct {
	buffer *buffer
	n      int
}

// send copies a body to HDFS. The body is read, and with that hashed, beside the sending: without instructions of the
// processor for SHA-256 the one takes as long as the other.
func send(w io.Writer, r io.Reader) error {
	chunks, failed := make(chan chunk, 2), make(chan error, 1)
	stop := make(chan struct{})
	go func() {
		defer close(chunks)
		failed <- cut(r, chunks, stop)
	}()
	var err error
	for c := range chunks { // also after an error: the body must not be closed while it is being read
		if err == nil {
			if _, err = w.Write(c.buffer[:c.n]); err != nil {
				close(stop)
			}
		}
		buffers.Put(c.buffer)
	}
	if err != nil {
		return err
	}
	return <-failed
}

// cut reads a body to its end, or until stop.
func cut(r io.Reader, chunks chan<- chunk, stop <-chan struct{}) error {
	for {
		c := chunk{buffer: buffers.Get().(*buffer)}
		var err error
		for c.n < len(c.buffer) && err == nil {
			var n int
			n, err = r.Read(c.buffer[c.n:])
			c.n += n
		}
		if c.n > 0 {
			select {
			case chunks <- c:
			case <-stop:
				return nil
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return bodyError{err}
		}
	}
}

// fill writes a whole body to a file and closes it.
func (b *Bucket) fill(ctx context.Context, w *hdfs.FileWriter, r io.Reader) error {
	if err := send(w, r); err != nil {
		return err
	}
	// As hdfs.Client in Java: data nodes tell the name node of a block in their own time.
	until := time.Now().Add(b.settings.idleTimeout)
	for wait := time.Millisecond; ; wait = min(2*wait, 400*time.Millisecond) {
		err := w.Close()
		if !hdfs.IsErrReplicating(err) {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("%w: too few data nodes have stored the last block", storage.ErrUnavailable)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

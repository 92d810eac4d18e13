package hdfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/colinmarc/hdfs/v2"

	"starkeep/storage"
)

// openTries bounds how often Get begins anew because the object was replaced while it was being opened.
const openTries = 20

// Get implements storage.Reader.
func (b *Bucket) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if _, _, err := r.Clip(math.MaxInt64); err != nil {
		return nil, err
	}
	s, err := b.sessions.get(ctx)
	if err != nil {
		return nil, b.fail(ctx, "get", key, err)
	}
	body := &reader{ctx: ctx, bucket: b, key: key, session: s}
	if err := body.open(r); err != nil {
		err = b.fail(ctx, "get", key, s.network(err))
		_ = body.Close()
		return nil, err
	}
	return body, nil
}

// reader reads an object with the session that it holds until Close.
type reader struct {
	ctx     context.Context // the one call's, as with http.Request
	bucket  *Bucket
	key     string
	session *session
	file    *hdfs.FileReader
	first   []byte // read by open
	left    int64
}

// open finds the object and connects to a data node. The object may be replaced at any moment; so all is asked of the file
// that was found, by its number, and when that is gone the new one is looked for.
func (r *reader) open(part storage.Range) error {
	for try := 1; ; try++ {
		status, err := r.bucket.object(r.session, r.key)
		if err != nil {
			return err
		}
		if err = r.openFile(status, part); err == nil {
			return nil
		}
		if try == openTries || !r.moved(status) {
			if errors.Is(err, os.ErrNotExist) { // no proof: Get found it, and it may be back
				err = fmt.Errorf("%w: it was replaced too often", storage.ErrUnavailable)
			}
			return err
		}
	}
}

// moved tells whether the key has another file by now, or none.
func (r *reader) moved(was *hdfs.FileStatus) bool {
	now, err := r.session.status(r.bucket.path(r.key))
	return err == nil && now.GetFileId() != was.GetFileId()
}

func (r *reader) openFile(status *hdfs.FileStatus, part storage.Range) error {
	// https://hadoop.apache.org/docs/r3.4.1/hadoop-project-dist/hadoop-hdfs/HdfsUserGuide.html does not tell, INodeId and
	// FSDirectory.resolveInodePath of the name node do: a file can be named by its number.
	file, err := r.session.client.Open(fmt.Sprintf("/.reserved/.inodes/%d", status.GetFileId()))
	if err != nil {
		return err
	}
	offset, length, err := part.Clip(file.Stat().Size())
	if err != nil {
		return err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	r.file, r.first, r.left = file, nil, length
	if length == 0 {
		return nil
	}
	first := make([]byte, 1) // finds the blocks, and a data node that has the first one
	if _, err := io.ReadFull(file, first); err != nil {
		_ = file.Close()
		r.file = nil
		return err
	}
	r.first = first
	return nil
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.left)]
	if len(r.first) > 0 && len(p) > 0 {
		p[0], r.first = r.first[0], nil
		r.left--
		return 1, nil
	}
	n, err := r.file.Read(p)
	r.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) && r.left > 0:
		err = io.ErrUnexpectedEOF
	case errors.Is(err, io.EOF):
		err = nil // the next Read says so
	}
	if err != nil {
		err = r.bucket.fail(r.ctx, "get", r.key, r.session.network(err))
	}
	return n, err
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if r.session == nil {
		return nil
	}
	if r.file != nil {
		_ = r.file.Close() // what matters was said by Read
	}
	r.session.end()
	r.session = nil
	return nil
}

// Package hdfs is a storage.Bucket in a folder of Apache Hadoop HDFS, through its native protocol.
//
// A key is a path below the root; see escape for what HDFS cannot name. An object is written in the folder WorkFolder of the
// root and renamed when it is complete: the name node does that in one step, and of several creators of one key it lets one
// win. Every chunk has a CRC32C that the data nodes check when they store it. An object is durable as HDFS means it: on the
// disks of dfs.namenode.replication.min data nodes or more, or on the way there; dfs.datanode.synconclose = true of the data
// nodes makes that hold through a power failure of all of them at once.
//
// A key cannot also be the folder of another key. Nothing is repeated here: storage/retry does that for all stores.
package hdfs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"runtime"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"starkeep/storage"
)

// WorkFolder is the folder of the root that holds objects while they are being written.
const WorkFolder = ".starkeep"

// Modes of what this package creates: rows of a database are not for everybody in the cluster.
const (
	fileMode   = 0o640
	folderMode = 0o750
)

// Options are what the opener knows and the user does not write.
type Options struct {
	// Connections is how many calls at once find a connection ready; 0 is twice the CPUs.
	Connections int

	dial dialer // nil is the network; tests put faults there
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Bucket is a handle on a folder. It is safe for concurrent use, also by several processes and hosts.
type Bucket struct {
	authority string
	root      string
	settings  settings
	sessions  *pool
}

var _ storage.Bucket = (*Bucket)(nil)

// Open returns a Bucket in the folder root, an absolute path, of the file system that authority names: a name node, or a
// name service that properties explain. Properties may be named as StarRocks, Doris or Hadoop names them. A folder that is
// missing is created with create, else it is storage.ErrNoRoot. With create, Open also removes what writers that were killed
// left behind.
func Open(ctx context.Context, authority, root string, create bool, properties map[string]string, o Options) (storage.Bucket, error) {
	set, err := read(authority, properties)
	if err != nil {
		return nil, fmt.Errorf("open hdfs://%s%s: %w", authority, root, err)
	}
	if o.Connections == 0 {
		o.Connections = 2 * runtime.NumCPU()
	}
	if o.dial == nil {
		o.dial = (&net.Dialer{}).DialContext
	}
	b := &Bucket{authority: authority, root: path.Clean(root), settings: set}
	b.sessions = &pool{settings: set, size: o.Connections, dialer: o.dial}
	if err := b.use(ctx, "open", "", func(s *session) error { return b.enter(s, create) }); err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

// enter looks at the root, and makes it.
func (b *Bucket) enter(s *session, create bool) error {
	root, err := s.status(b.root)
	if err == nil && root == nil && create {
		if err = s.mkdir(b.root, true); err == nil {
			root, err = s.status(b.root)
		}
	}
	switch {
	case belowObject(err):
		return fmt.Errorf("%w: a folder above it is a file", storage.ErrNoRoot)
	case err != nil:
		return err
	case root == nil:
		return fmt.Errorf("%w: create it, or correct the location", storage.ErrNoRoot)
	case !folder(root):
		return fmt.Errorf("%w: it is a file, not a folder", storage.ErrNoRoot)
	}
	if err := readable(root); err != nil {
		return err
	}
	// A name node gives the status of a folder to whoever may search the one above it; what is in it, it does not.
	if _, _, err := s.page(b.root, nil); err != nil {
		return err
	}
	if create {
		b.sweep(s)
	}
	return nil
}

// readable refuses what the library would read and write wrongly.
func readable(status *hdfs.FileStatus) error {
	switch {
	case status.GetFileEncryptionInfo() != nil:
		return fmt.Errorf("%w: it lies in an encryption zone, which this client cannot read: choose another folder", storage.ErrConfig)
	case status.GetEcPolicy() != nil:
		return fmt.Errorf("%w: it is erasure coded, which this client cannot read: run hdfs ec -setPolicy -replicate on an empty folder", storage.ErrConfig)
	}
	return nil
}

// folder tells a folder from a file. The type of the constant IS_DIR of hdfs.proto is internal to the library.
func folder(status *hdfs.FileStatus) bool {
	const isDir = 1
	return status.GetFileType() == isDir
}

// use runs one call on a session of its own.
func (b *Bucket) use(ctx context.Context, op, key string, do func(*session) error) error {
	s, err := b.sessions.get(ctx)
	if err != nil {
		return b.fail(ctx, op, key, err)
	}
	defer s.end()
	err = do(s)
	if op != "open" && refused(err) {
		// The name node first looks whether the user may change the folder that is there: of a root that is gone, the one above.
		if gone := b.absent(s); errors.Is(gone, storage.ErrNoRoot) {
			err = gone
		}
	}
	if err != nil {
		return b.fail(ctx, op, key, s.network(err))
	}
	return nil
}

// Stat implements storage.Reader.
func (b *Bucket) Stat(ctx context.Context, key string) (storage.Info, error) {
	if err := checkKey(key); err != nil {
		return storage.Info{}, err
	}
	var info storage.Info
	err := b.use(ctx, "stat", key, func(s *session) error {
		status, err := b.object(s, key)
		if err == nil {
			info = describe(key, status)
		}
		return err
	})
	return info, err
}

func describe(key string, status *hdfs.FileStatus) storage.Info {
	return storage.Info{Key: key, Size: int64(status.GetLength()), Modified: time.UnixMilli(int64(status.GetModificationTime()))}
}

// object describes the file of a key, or proves that there is none.
func (b *Bucket) object(s *session, key string) (*hdfs.FileStatus, error) {
	status, err := s.status(b.path(key))
	if err != nil && !belowObject(err) {
		return nil, err
	}
	if status == nil || folder(status) {
		return nil, b.absent(s)
	}
	return status, readable(status)
}

// absent turns "no such file" into the proof that storage.ErrNotExist is: the root has to be there.
func (b *Bucket) absent(s *session) error {
	root, err := s.status(b.root)
	switch {
	case err != nil:
		return err
	case root == nil:
		return fmt.Errorf("%w: %s went away", storage.ErrNoRoot, b.root)
	}
	return storage.ErrNotExist
}

// Delete implements storage.Bucket. It also removes the folders that it leaves empty, so that finished jobs leave no
// litter. A Put that has just made such a folder finds it gone and makes it again; the name node never takes a folder that
// holds something.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return b.use(ctx, "delete", key, func(s *session) error {
		_, err := b.object(s, key)
		if errors.Is(err, storage.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = s.remove(b.path(key))
		}
		if err != nil {
			return err
		}
		for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
			if s.remove(b.path(dir)) != nil {
				break // not empty
			}
		}
		return nil
	})
}

// Traits implements storage.Bucket.
func (b *Bucket) Traits() storage.Traits {
	return storage.Traits{Name: "hdfs", CreateAbsent: storage.Atomic, MaxKey: storage.MaxKey}
}

// Close implements storage.Bucket.
func (b *Bucket) Close() error {
	b.sessions.close()
	b.settings.login.close()
	return nil
}

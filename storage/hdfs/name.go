package hdfs

import (
	"fmt"
	"path"
	"strings"

	"starkeep/storage"
)

// HDFS refuses ':' in names, and keeps ".snapshot" for itself (DFSUtil.isValidName, FSDirectory.verifyINodeName). So a part
// of a key has '%' and ':' written as %25 and %3A, and ".snapshot" as %2Esnapshot; all else stays as it is.
var (
	escaper   = strings.NewReplacer("%", "%25", ":", "%3A")
	unescaper = strings.NewReplacer("%25", "%", "%3A", ":", "%2E", ".")
)

const snapshots = ".snapshot"

// escape returns the name of a part of a key.
func escape(part string) string {
	if part == snapshots {
		return "%2E" + part[1:]
	}
	return escaper.Replace(part)
}

// unescape returns the part of a key that a name stands for; false for names that no key has.
func unescape(name string) (part string, ok bool) {
	part = unescaper.Replace(name)
	return part, escape(part) == name
}

// path returns the path of a key or of a folder of keys; "." is the root.
func (b *Bucket) path(key string) string {
	parts := strings.Split(key, "/")
	for i, part := range parts {
		parts[i] = escape(part)
	}
	return path.Join(b.root, strings.Join(parts, "/"))
}

// reserved tells whether a path below the root belongs to this package.
func reserved(key string) bool {
	return key == WorkFolder || strings.HasPrefix(key, WorkFolder+"/")
}

func checkKey(key string) error {
	if reserved(key) {
		return fmt.Errorf("%w: %s belongs to the storage itself", storage.ErrInvalidKey, WorkFolder)
	}
	if err := storage.CheckKey(key); err != nil {
		return err
	}
	for part := range strings.SplitSeq(key, "/") {
		// The server's own limit is dfs.namenode.fs-limits.max-component-length, 255 unless it is set.
		if name := escape(part); len(name) > storage.MaxPart {
			return fmt.Errorf("%w: a part of %d bytes with its ':' and '%%' written as %%3A and %%25, at most %d are allowed: %.60q…",
				storage.ErrInvalidKey, len(name), storage.MaxPart, part)
		}
	}
	return nil
}

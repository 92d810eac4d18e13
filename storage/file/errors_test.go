package file

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
)

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		errno syscall.Errno
		kind  error
		want  string
	}{
		{syscall.ENOSPC, storage.ErrNoSpace, "no space left: open x: no space left on device; free space on that file system"},
		{syscall.EDQUOT, storage.ErrNoSpace, "no space left: open x: disk quota exceeded; free space or raise the quota"},
		{syscall.EROFS, storage.ErrDenied, "access denied: open x: read-only file system; mount the file system for writing"},
		{syscall.EACCES, storage.ErrDenied,
			fmt.Sprintf("access denied: open x: permission denied; user id %d has to read, write and enter the folder", os.Geteuid())},
		{syscall.ENAMETOOLONG, storage.ErrInvalidKey, "invalid key: open x: file name too long; the file system takes shorter names only"},
		{syscall.EIO, storage.ErrUnavailable, "store unavailable: open x: input/output error; look at the share or the disk"},
		{syscall.ESTALE, storage.ErrUnavailable, "store unavailable: open x: stale file handle; look at the share or the disk"},
		{syscall.ENOTCONN, storage.ErrUnavailable, "store unavailable: open x: transport endpoint is not connected; look at the share or the disk"},
		{syscall.EMFILE, syscall.EMFILE, "open x: too many open files"},
	} {
		err := translate("put", "/mnt/x", &fs.PathError{Op: "open", Path: "x", Err: c.errno})
		require.ErrorIs(t, err, c.kind)
		require.EqualError(t, err, "put /mnt/x: "+c.want)
	}
}

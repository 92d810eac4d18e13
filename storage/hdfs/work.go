package hdfs

import (
	"context"
	"path"
	"time"
)

const (
	// abandonedAfter is the age at which a work file is taken for that of a dead writer. A living one that is older loses it,
	// and its Put fails with storage.ErrUnavailable: nothing is lost but time.
	abandonedAfter = 24 * time.Hour
	// discardTime bounds how long a Put that failed waits for the removal of its work file.
	discardTime = 3 * time.Second
)

// discard removes the work file of a Put that failed. Deleting an open file also ends its lease. What it cannot do waits for
// sweep.
func (b *Bucket) discard(ctx context.Context, work string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTime)
	defer cancel()
	if s, err := b.sessions.get(ctx); err == nil {
		_ = s.remove(work)
		s.end()
	}
}

// sweep removes the work files of writers that were killed. Whatever it cannot do waits for the next Open: leftovers cost
// space, nothing else.
func (b *Bucket) sweep(s *session) {
	dir := path.Join(b.root, WorkFolder)
	var after []byte
	for more := true; more; {
		entries, remain, err := s.page(dir, after)
		if err != nil || len(entries) == 0 {
			return
		}
		for _, e := range entries {
			if !folder(e) && time.Since(time.UnixMilli(int64(e.GetModificationTime()))) > abandonedAfter {
				_ = s.remove(path.Join(dir, string(e.GetPath())))
			}
			after = e.GetPath()
		}
		more = remain
	}
}

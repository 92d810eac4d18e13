package dataobject

import (
	"context"
	"hash/crc32"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"starkeep/snapshot"

	"github.com/stretchr/testify/require"
)

// TestMemoryStaysBounded streams a tablet of 2 GB (less with -short or the race detector) there and back, the objects through a folder as
// a worker has them, and watches the heap. What comes back is compared by checksum.
func TestMemoryStaysBounded(t *testing.T) {
	rows := lineorder(100_000)
	bytes := 0
	for _, values := range rows.values {
		for _, v := range values {
			bytes += len(v)
		}
	}
	size := 2 << 30
	switch {
	case raced:
		size = 64 << 20
	case testing.Short():
		size = 256 << 20
	}
	columns, source := rows.columns, newBatches(rows, size/bytes+1)
	rows = table{}
	runtime.GC()

	var peak atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		var m runtime.MemStats
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), m.HeapInuse+m.StackInuse))
			}
		}
	}()

	in := &summing{RowReader: source, sums: make([]uint32, len(columns))}
	out := &summing{sums: make([]uint32, len(columns))}
	s, err := Spool(context.Background(), t.TempDir(), columns, in, Options{}, func(f File) error {
		file, err := os.Open(f.Path)
		if err != nil {
			return err
		}
		defer file.Close()
		if out.RowReader, err = Open(file, f.Size, columns); err != nil {
			return err
		}
		b := snapshot.NewBatch(len(columns))
		for err == nil {
			err = out.Next(b)
		}
		if err != io.EOF {
			return err
		}
		return os.Remove(f.Path)
	})
	close(stop)
	<-stopped
	require.NoError(t, err)
	require.GreaterOrEqual(t, s.Bytes, int64(size))
	require.Equal(t, in.rows, out.rows)
	require.Equal(t, in.sums, out.sums)
	t.Logf("%d MB of values in %d objects, peak of the heap %d MB", s.Bytes>>20, s.Files, peak.Load()>>20)
	require.Less(t, peak.Load(), uint64(150<<20))
}

// summing computes a checksum of each column of the rows that pass, however they are batched, and counts the rows.
type summing struct {
	snapshot.RowReader
	sums []uint32
	rows int
}

func (s *summing) Next(b *snapshot.Batch) error {
	err := s.RowReader.Next(b)
	if err == nil {
		s.rows += b.Rows()
		for i := range b.Columns {
			s.sums[i] = crc32.Update(s.sums[i], castagnoli, b.Columns[i].Data)
		}
	}
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

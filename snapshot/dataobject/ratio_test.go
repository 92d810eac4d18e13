package dataobject

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"starkeep/snapshot"

	"github.com/stretchr/testify/require"
)

// BenchmarkRatio compares the codec with the zstd program at level 1, on the same rows and on one core each, one behind
// the other. Both give the best of their repetitions, as zstd -b does: other programs only ever make them slower.
func BenchmarkRatio(b *testing.B) {
	columns, source, tsv := benchmarkData(b)
	file := filepath.Join(b.TempDir(), "lineorder.tsv")
	require.NoError(b, os.WriteFile(file, tsv, 0o600))
	objects, _ := encode(b, b.TempDir(), columns, source, Options{})
	dir := b.TempDir()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for b.Loop() {
		compress, decompress := zstdRates(b, file)
		size := float64(len(tsv) * benchmarkRepeat)
		encoded := size / 1e6 / best(func() {
			source.at = 0
			_, err := Spool(context.Background(), dir, columns, source, Options{}, func(f File) error { return os.Remove(f.Path) })
			require.NoError(b, err)
		}).Seconds()
		decoded := size / 1e6 / best(func() { drain(b, columns, objects) }).Seconds()
		fmt.Printf("\n\nMB of TSV a second    codec   zstd -1   ratio\n")
		fmt.Printf("encode, compress   %8.0f  %8.0f  %6.2f\n", encoded, compress, encoded/compress)
		fmt.Printf("decode, decompress %8.0f  %8.0f  %6.2f\n", decoded, decompress, decoded/decompress)
		b.ReportMetric(encoded/compress, "encode/zstd-1")
		b.ReportMetric(decoded/decompress, "decode/zstd-1")
	}
}

// best returns the shortest of some runs.
func best(run func()) time.Duration {
	shortest := time.Duration(1<<63 - 1)
	for range 4 {
		begin := time.Now()
		run()
		shortest = min(shortest, time.Since(begin))
	}
	return shortest
}

func drain(b *testing.B, columns []snapshot.Column, objects []object) {
	batch := snapshot.NewBatch(len(columns))
	for _, o := range objects {
		r, err := Open(bytes.NewReader(o.data), o.Size, columns)
		require.NoError(b, err)
		for err == nil {
			err = r.Next(batch)
		}
		require.Equal(b, io.EOF, err)
		require.NoError(b, r.Close())
	}
}

var rates = regexp.MustCompile(`([\d.]+) MB/s +([\d.]+) MB/s`)

// zstdRates runs the zstd program's own benchmark: MB a second of compressing at level 1 and of decompressing.
func zstdRates(b *testing.B, file string) (compress, decompress float64) {
	out, err := exec.Command("zstd", "-q", "-b1", "-i2", file).CombinedOutput()
	require.NoError(b, err, "%s: the zstd program is needed, make packages installs it", out)
	found := rates.FindSubmatch(out)
	require.NotNil(b, found, "%s", out)
	compress, err = strconv.ParseFloat(string(found[1]), 64)
	require.NoError(b, err)
	decompress, err = strconv.ParseFloat(string(found[2]), 64)
	require.NoError(b, err)
	return compress, decompress
}

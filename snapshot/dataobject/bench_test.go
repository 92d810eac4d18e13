package dataobject

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"starkeep/snapshot"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// batches is a row source that costs nothing: it lends the same batches over and over.
type batches struct {
	rows   []*snapshot.Batch
	at     int
	repeat int
}

func newBatches(t table, repeat int) *batches {
	b := &batches{repeat: repeat}
	for r := t.reader(); ; {
		next := snapshot.NewBatch(len(t.columns))
		if r.Next(next) == io.EOF {
			return b
		}
		b.rows = append(b.rows, next)
	}
}

func (r *batches) Next(b *snapshot.Batch) error {
	if r.at == len(r.rows)*r.repeat {
		b.Reset()
		return io.EOF
	}
	for i, v := range r.rows[r.at%len(r.rows)].Columns {
		c := &b.Columns[i]
		c.Data, c.Ends, c.Null = append(c.Data[:0], v.Data...), append(c.Ends[:0], v.Ends...), append(c.Null[:0], v.Null...)
	}
	r.at++
	return nil
}

func (r *batches) Close() error { return nil }

// tsv writes the rows as other tools would keep them.
func (t table) tsv() []byte {
	var b bytes.Buffer
	for row := range t.rows() {
		for i := range t.values {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(t.values[i][row])
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// The benchmarks count bytes of TSV, so that their MB/s compare with BenchmarkZstd and with "zstd -b1" on the same
// rows; one core with -cpu 1. DATAOBJECT_TSV=file keeps the rows for zstd.
const (
	benchmarkRows   = 200_000
	benchmarkRepeat = 5
)

// benchmarkData returns the rows as a source and as text, and nothing that the garbage collector would have to scan.
func benchmarkData(b *testing.B) ([]snapshot.Column, *batches, []byte) {
	t := lineorder(benchmarkRows)
	tsv := t.tsv()
	if path := os.Getenv("DATAOBJECT_TSV"); path != "" {
		require.NoError(b, os.WriteFile(path, tsv, 0o600))
	}
	return t.columns, newBatches(t, benchmarkRepeat), tsv
}

// reportCPU adds MB per second of processor time, which other programs on the machine disturb less. Call the result
// when all is done.
func reportCPU(b *testing.B, bytes int) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	start := used()
	return func() { b.ReportMetric(float64(bytes)*float64(b.N)/1e6/(used()-start).Seconds(), "cpu-MB/s") }
}

func BenchmarkEncode(b *testing.B) {
	columns, source, tsv := benchmarkData(b)
	dir := b.TempDir()
	size := len(tsv) * benchmarkRepeat
	var stored int64
	b.SetBytes(int64(size))
	b.ReportAllocs()
	defer reportCPU(b, size)()
	for b.Loop() {
		source.at = 0
		_, err := Spool(context.Background(), dir, columns, source, Options{}, func(f File) error {
			stored = f.Size
			return os.Remove(f.Path)
		})
		require.NoError(b, err)
	}
	b.ReportMetric(float64(size)/float64(stored), "ratio")
}

func BenchmarkDecode(b *testing.B) {
	columns, source, tsv := benchmarkData(b)
	size := len(tsv) * benchmarkRepeat
	objects, _ := encode(b, b.TempDir(), columns, source, Options{})
	require.Len(b, objects, 1)
	batch := snapshot.NewBatch(len(columns))
	b.SetBytes(int64(size))
	b.ReportAllocs()
	defer reportCPU(b, size)()
	for b.Loop() {
		r, err := Open(bytes.NewReader(objects[0].data), objects[0].Size, columns)
		require.NoError(b, err)
		for {
			if err = r.Next(batch); err != nil {
				break
			}
		}
		require.Equal(b, io.EOF, err)
		require.NoError(b, r.Close())
	}
}

// BenchmarkSmall is what a tablet of ten rows costs, there and back.
func BenchmarkSmall(b *testing.B) {
	t := lineorder(10)
	source := newBatches(t, 1)
	dir := b.TempDir()
	batch := snapshot.NewBatch(len(t.columns))
	b.ReportAllocs()
	for b.Loop() {
		source.at = 0
		_, err := Spool(context.Background(), dir, t.columns, source, Options{}, func(f File) error {
			data, err := os.Open(f.Path)
			require.NoError(b, err)
			r, err := Open(data, f.Size, t.columns)
			require.NoError(b, err)
			require.NoError(b, r.Next(batch))
			require.NoError(b, data.Close())
			return os.Remove(f.Path)
		})
		require.NoError(b, err)
	}
}

// BenchmarkZstd is what the codec is measured against, as far as it can be had in process.
func BenchmarkZstd(b *testing.B) {
	_, _, tsv := benchmarkData(b)
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	require.NoError(b, err)
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	require.NoError(b, err)
	packed := e.EncodeAll(tsv, nil)
	b.Run("compress", func(b *testing.B) {
		b.SetBytes(int64(len(tsv)))
		defer reportCPU(b, len(tsv))()
		for b.Loop() {
			packed = e.EncodeAll(tsv, packed[:0])
		}
		b.ReportMetric(float64(len(tsv))/float64(len(packed)), "ratio")
	})
	b.Run("decompress", func(b *testing.B) {
		text := make([]byte, 0, len(tsv))
		b.SetBytes(int64(len(tsv)))
		defer reportCPU(b, len(tsv))()
		for b.Loop() {
			text, err = d.DecodeAll(packed, text[:0])
		}
		require.NoError(b, err)
		require.Equal(b, len(tsv), len(text))
	})
}

// lineorder returns rows like the Star Schema Benchmark's fact table: 17 columns of integers, dates, decimals and strings.
func lineorder(rows int) table {
	column := func(name string, typ snapshot.Type) snapshot.Column { return snapshot.Column{Name: name, Type: typ} }
	t := table{columns: []snapshot.Column{
		column("lo_orderdate", kind(snapshot.Date)), column("lo_orderkey", kind(snapshot.Int32)), column("lo_linenumber", kind(snapshot.Int8)),
		column("lo_custkey", kind(snapshot.Int32)), column("lo_partkey", kind(snapshot.Int32)), column("lo_suppkey", kind(snapshot.Int32)),
		column("lo_orderpriority", kind(snapshot.String)), column("lo_shippriority", kind(snapshot.Int8)), column("lo_quantity", kind(snapshot.Int32)),
		column("lo_extendedprice", decimal(12, 2)), column("lo_ordtotalprice", decimal(12, 2)), column("lo_discount", kind(snapshot.Int32)),
		column("lo_revenue", decimal(12, 2)), column("lo_supplycost", kind(snapshot.Int32)), column("lo_tax", kind(snapshot.Int32)),
		column("lo_commitdate", kind(snapshot.Date)), column("lo_shipmode", kind(snapshot.String)),
	}}
	t.values = make([][]string, len(t.columns))
	rng := rand.New(rand.NewPCG(1, 2))
	priorities := []string{"1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECI", "5-LOW"}
	modes := []string{"AIR", "RAIL", "MAIL", "SHIP", "TRUCK", "FOB", "REG AIR"}
	date := func() string {
		return fmt.Sprintf("%04d-%02d-%02d", 1992+rng.IntN(7), 1+rng.IntN(12), 1+rng.IntN(28))
	}
	order, line, lines := 0, 0, 0
	var day, priority, customer, total string
	for range rows {
		if line == lines {
			order, line, lines = order+1+rng.IntN(3), 0, 1+rng.IntN(7)
			day, priority, customer = date(), priorities[rng.IntN(5)], fmt.Sprint(1+rng.IntN(30000))
			total = fmt.Sprintf("%d.%02d", rng.IntN(400000), rng.IntN(100))
		}
		line++
		quantity, discount := 1+rng.IntN(50), rng.IntN(11)
		price := quantity * (90000 + rng.IntN(20000))
		revenue := price * (100 - discount) / 100
		for i, v := range []string{
			day, fmt.Sprint(order), fmt.Sprint(line), customer, fmt.Sprint(1 + rng.IntN(200000)), fmt.Sprint(1 + rng.IntN(2000)),
			priority, "0", fmt.Sprint(quantity), fmt.Sprintf("%d.%02d", price/100, price%100), total, fmt.Sprint(discount),
			fmt.Sprintf("%d.%02d", revenue/100, revenue%100), fmt.Sprint(price * 6 / 10 / quantity), fmt.Sprint(rng.IntN(9)), date(), modes[rng.IntN(7)],
		} {
			t.values[i] = append(t.values[i], v)
		}
	}
	return t
}

package dataobject

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"starkeep/snapshot"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	parquetgo "github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write golden files anew; only for a new version of the format or the encoder")

// TestGoldenFileIsReadForEver: what format version 1 has written stays readable, and the encoder still writes it so.
func TestGoldenFileIsReadForEver(t *testing.T) {
	t.Parallel()
	rows := everything()
	for name, o := range map[string]Options{"every-kind": {}, "row-groups": {Compression: "snappy", RowGroupBytes: 4000}, "plain": {Compression: "none"}} {
		path := "testdata/" + name + ".parquet"
		objects, _ := encode(t, t.TempDir(), rows.columns, rows.reader(), o)
		require.Len(t, objects, 1)
		if *update {
			require.NoError(t, os.WriteFile(path, objects[0].data, 0o644))
		}
		golden, err := os.ReadFile(path)
		require.NoError(t, err)
		got, err := decode(rows.columns, []object{{data: golden}})
		require.NoError(t, err)
		require.Equal(t, rows.values, got.values)
		require.True(t, bytes.Equal(golden, objects[0].data), "%s: the encoder writes other bytes than before", path)
	}
}

// TestArrowReadsOurFiles: a backup is open to every Parquet reader, not only to the library that helps to write it.
func TestArrowReadsOurFiles(t *testing.T) {
	t.Parallel()
	for _, compression := range []string{"zstd", "snappy", "gzip", "lz4", "none"} {
		rows := everything()
		// Texts that repeat, for a dictionary, and with all NULLs beside them.
		rows.columns = append(rows.columns, snapshot.Column{Name: "repeated", Type: kind(snapshot.String)}, snapshot.Column{Name: "nothing", Type: kind(snapshot.Int32), Nullable: true})
		rows.values = append(rows.values, strings.Split(strings.Repeat("a,bb,a,", 13)+"ccc", ","), strings.Split(strings.Repeat(null+",", 39)+null, ","))
		objects, _ := encode(t, t.TempDir(), rows.columns, rows.reader(), Options{Compression: compression, RowGroupBytes: 6000})
		r, err := file.NewParquetReader(bytes.NewReader(objects[0].data))
		require.NoError(t, err)
		require.Equal(t, int64(40), r.NumRows())
		require.Greater(t, r.NumRowGroups(), 1)
		layouts := layoutsOf(t, objects[0])
		for i, l := range layouts {
			leaf := r.MetaData().Schema.Column(i)
			require.Equal(t, l.Name, leaf.Name())
			switch {
			case l.Stored == text:
				require.IsType(t, schema.StringLogicalType{}, leaf.LogicalType())
			case l.Stored == typed && l.Type.Kind == snapshot.Decimal:
				require.Equal(t, schema.NewDecimalLogicalType(int32(l.Type.Precision), int32(l.Type.Scale)), leaf.LogicalType())
			case l.Type.Kind == snapshot.Date:
				require.IsType(t, schema.DateLogicalType{}, leaf.LogicalType())
			case l.Type.Kind == snapshot.Datetime:
				require.Equal(t, schema.NewTimestampLogicalType(false, schema.TimeUnitMicros), leaf.LogicalType())
			}
			row := 0
			for g := range r.NumRowGroups() {
				chunk, err := r.RowGroup(g).Column(i)
				require.NoError(t, err)
				for _, v := range arrowValues(t, chunk, int(r.RowGroup(g).NumRows())) {
					require.Equal(t, arrowText(l, rows.values[i][row]), v, "%s, column %s, row %d", compression, l.Type, row)
					row++
				}
			}
			require.Equal(t, 40, row)
		}
	}
}

// arrowText is what arrowValues gives for a value: most kinds as their text, dates and decimals as Parquet's integers.
func arrowText(l layout, v string) string {
	if v == null || l.Stored != typed {
		return v
	}
	switch l.Type.Kind {
	case snapshot.Decimal:
		digits := strings.TrimLeft(strings.Replace(strings.TrimPrefix(v, "-"), ".", "", 1), "0")
		if digits == "" {
			return "0"
		}
		if strings.HasPrefix(v, "-") {
			return "-" + digits
		}
		return digits
	case snapshot.Date, snapshot.Datetime:
		c := newColumn(l)
		n, _ := c.text.parse([]byte(v), 0, len(v)) // against package time: TestCalendarAgreesWithTime
		return fmt.Sprint(n)
	}
	return v
}

func arrowValues(t *testing.T, r file.ColumnChunkReader, rows int) []string {
	levels := make([]int16, rows)
	var texts []string
	switch r := r.(type) {
	case *file.BooleanColumnChunkReader:
		values := make([]bool, rows)
		n, _, err := r.ReadBatch(int64(rows), values, levels, nil)
		require.NoError(t, err)
		require.Equal(t, int64(rows), n)
		for _, v := range values {
			texts = append(texts, map[bool]string{false: "0", true: "1"}[v])
		}
	case *file.Int32ColumnChunkReader:
		values := make([]int32, rows)
		_, _, err := r.ReadBatch(int64(rows), values, levels, nil)
		require.NoError(t, err)
		for _, v := range values {
			texts = append(texts, fmt.Sprint(v))
		}
	case *file.Int64ColumnChunkReader:
		values := make([]int64, rows)
		_, _, err := r.ReadBatch(int64(rows), values, levels, nil)
		require.NoError(t, err)
		for _, v := range values {
			texts = append(texts, fmt.Sprint(v))
		}
	case *file.Float32ColumnChunkReader:
		values := make([]float32, rows)
		_, _, err := r.ReadBatch(int64(rows), values, levels, nil)
		require.NoError(t, err)
		for _, v := range values {
			texts = append(texts, string(appendFloat32(nil, v)))
		}
	case *file.Float64ColumnChunkReader:
		values := make([]float64, rows)
		_, _, err := r.ReadBatch(int64(rows), values, levels, nil)
		require.NoError(t, err)
		for _, v := range values {
			texts = append(texts, string(appendFloat64(nil, v)))
		}
	case *file.ByteArrayColumnChunkReader:
		values := make([]parquet.ByteArray, rows)
		_, _, err := r.ReadBatch(int64(rows), values, levels, nil)
		require.NoError(t, err)
		for _, v := range values {
			texts = append(texts, string(v))
		}
	case *file.FixedLenByteArrayColumnChunkReader:
		values := make([]parquet.FixedLenByteArray, rows)
		n, got, err := r.ReadBatch(int64(rows), values, levels, nil)
		require.NoError(t, err)
		require.Equal(t, int64(rows), n)
		for _, v := range values[:got] {
			texts = append(texts, signed(v))
		}
	default:
		t.Fatalf("unexpected reader %T", r)
	}
	if r.Descriptor().MaxDefinitionLevel() == 0 {
		return texts
	}
	var all []string
	for _, level := range levels {
		if level == 0 {
			all = append(all, null)
			continue
		}
		all = append(all, texts[0])
		texts = texts[1:]
	}
	return all
}

// TestParquetGoReadsOurFiles: the other library, generic rows.
func TestParquetGoReadsOurFiles(t *testing.T) {
	t.Parallel()
	rows := lineorder(3000)
	objects, _ := encode(t, t.TempDir(), rows.columns, rows.reader(), Options{RowGroupBytes: 100_000})
	f, err := parquetgo.OpenFile(bytes.NewReader(objects[0].data), objects[0].Size)
	require.NoError(t, err)
	n := 0
	buffer := make([]parquetgo.Row, 100)
	for _, g := range f.RowGroups() {
		r := g.Rows()
		for {
			k, err := r.ReadRows(buffer)
			for _, row := range buffer[:k] {
				require.Equal(t, rows.values[1][n], row[1].String())   // lo_orderkey
				require.Equal(t, rows.values[16][n], row[16].String()) // lo_shipmode
				require.Equal(t, strings.TrimLeft(strings.Replace(rows.values[9][n], ".", "", 1), "0"), row[9].String())
				n++
			}
			if err != nil {
				break
			}
		}
		require.NoError(t, r.Close())
	}
	require.Equal(t, 3000, n)
}

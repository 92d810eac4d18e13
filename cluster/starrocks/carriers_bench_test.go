package starrocks_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// carriers are columns with a value of theirs for row i, as a snapshot holds it: each about as long as the plain text.
var carriers = []struct {
	name, declaration string
	model             string // empty: DUPLICATE
	value             func(i int) string
}{
	{"varchar", "varchar(100)", "", func(i int) string { return fmt.Sprintf("some text of a length that is usual %d", i) }},
	{"varbinary", "varbinary", "", func(i int) string { return fmt.Sprintf("some bytes \xff of a length that is usual %d", i) }},
	{"json", "json", "", func(i int) string { return fmt.Sprintf(`{"some": "text", "that": ["is", "usual", %d]}`, i) }},
	{"json scalar", "json", "", func(i int) string { return fmt.Sprint(1_000_000_000 + i) }},
	{"decimal256", "decimal(76,6)", "", func(i int) string { return fmt.Sprintf("1234567890123456789012345678901234567890%d.123456", i) }},
	{"array<int>", "array<int>", "", func(i int) string { return fmt.Sprintf(`["1","2","3","4","%d"]`, i) }},
	{"array<varchar>", "array<varchar(100)>", "", func(i int) string { return fmt.Sprintf(`["some","text","that","is","usual","%d"]`, i) }},
	{"map<varchar,int>", "map<varchar(20),int>", "", func(i int) string { return fmt.Sprintf(`[["some","1"],["usual","%d"]]`, i) }},
	{"struct", "struct<`some` varchar(20),`usual` int>", "", func(i int) string { return fmt.Sprintf(`{"some":"text","usual":"%d"}`, i) }},
	{"bitmap of 3", "bitmap BITMAP_UNION", "AGGREGATE", func(i int) string {
		v := []byte{10, 3, 0, 0, 0}
		for j := range 3 {
			v = binary.LittleEndian.AppendUint64(v, uint64(i+j*1000))
		}
		return string(v)
	}},
	{"hll of 3", "hll HLL_UNION", "AGGREGATE", func(i int) string {
		v := []byte{1, 3}
		for j := range 3 {
			v = binary.LittleEndian.AppendUint64(v, uint64(i+j)*0x9e3779b97f4a7c15)
		}
		sortHashes(v[2:])
		return string(v)
	}},
}

// sortHashes brings the three hashes into the order in which a snapshot has them.
func sortHashes(v []byte) {
	for i := range 2 {
		for j := range 2 - i {
			a, b := binary.LittleEndian.Uint64(v[8*j:]), binary.LittleEndian.Uint64(v[8*j+8:])
			if a > b {
				binary.LittleEndian.PutUint64(v[8*j:], b)
				binary.LittleEndian.PutUint64(v[8*j+8:], a)
			}
		}
	}
}

const carrierRows = 50_000

// BenchmarkCarriers loads and reads a table of a key and one column of each type. MB/s are of the values as a snapshot holds
// them; the sandbox's own work is in all figures, so that only those of one run can be compared.
func BenchmarkCarriers(b *testing.B) {
	for _, c := range carriers {
		h := newHarness(b)
		model := c.model
		if model == "" {
			model = "DUPLICATE"
		}
		h.Exec(fmt.Sprintf("CREATE TABLE db.t (`k` int NOT NULL, `v` %s NULL) %s KEY(`k`) DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")", c.declaration, model))
		table := h.described(b, "t")
		var rows values
		size := int64(0)
		for i := range carrierRows {
			v := c.value(i)
			size += int64(len(v))
			rows = append(rows, []any{fmt.Sprint(i), v})
		}
		copies := 0
		b.Run("load/"+c.name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				b.StopTimer()
				copies++
				name := fmt.Sprintf("copy%d", copies)
				_, err := h.Cluster.CreateTable(b.Context(), database, table, cluster.TableOptions{Name: name})
				require.NoError(b, err)
				b.StartTimer()
				require.EqualValues(b, carrierRows, h.fill(b, name, name, table.Columns, rows).Rows)
			}
			b.ReportMetric(carrierRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
		h.fill(b, "t", "t", table.Columns, rows)
		b.Run("read/"+c.name, func(b *testing.B) {
			b.SetBytes(size)
			var batch snapshot.Batch
			for b.Loop() {
				r, err := h.Cluster.Read(b.Context(), cluster.ReadRequest{Database: database, Table: "t", Columns: table.Columns})
				require.NoError(b, err)
				n := 0
				for err = r.Next(&batch); err == nil; err = r.Next(&batch) {
					n += batch.Rows()
				}
				require.Equal(b, io.EOF, err)
				require.Equal(b, carrierRows, n)
			}
			b.ReportMetric(carrierRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

package streamload

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// discard is a transaction that keeps nothing: what remains is the cost of decoding and converting.
type discard struct{ rows int }

func (d *discard) TxnID() int64 { return 1 }
func (d *discard) Append(b *Batch) ([]Rejection, error) {
	d.rows += b.Rows()
	return nil, nil
}
func (d *discard) Commit() error  { return nil }
func (d *discard) Publish() error { return nil }
func (d *discard) Abort(string)   {}

// BenchmarkLoad loads rows of 17 columns as a fact table has them; once plain, once with strings as hex.
func BenchmarkLoad(b *testing.B) {
	const rows = 10_000
	table := &Table{Database: "db", Name: "fact"}
	var plain, hexed bytes.Buffer
	header := ""
	for i := range 17 {
		c := Column{Name: fmt.Sprintf("c%d", i), Type: Type{Name: "INT"}}
		switch i % 8 {
		case 3:
			c.Type = Type{Name: "VARCHAR", Length: 16}
		case 5:
			c.Type = Type{Name: "DECIMAL", Precision: 12, Scale: 2}
		}
		table.Columns = append(table.Columns, c)
		if i > 0 {
			header += ","
		}
		if i%8 == 3 {
			header += fmt.Sprintf("t%d,c%d=unhex(t%d)", i, i, i)
		} else {
			header += c.Name
		}
	}
	for row := range rows {
		for i := range 17 {
			sep := byte('\t')
			if i == 16 {
				sep = '\n'
			}
			switch i % 8 {
			case 3:
				fmt.Fprintf(&plain, "\"4-NOT SPECI\"%c", sep)
				fmt.Fprintf(&hexed, "%x%c", "4-NOT SPECI", sep)
			case 5:
				fmt.Fprintf(&plain, "%d.%02d%c", row, i, sep)
				fmt.Fprintf(&hexed, "%d.%02d%c", row, i, sep)
			default:
				fmt.Fprintf(&plain, "%d%c", row*i, sep)
				fmt.Fprintf(&hexed, "%d%c", row*i, sep)
			}
		}
	}
	for _, c := range []struct {
		name, columns string
		body          []byte
	}{{"enclosed", "", plain.Bytes()}, {"hex", header, hexed.Bytes()}} {
		b.Run(c.name, func(b *testing.B) {
			o := options{columns: c.columns, strict: true, dialect: csvFormat{separator: []byte("\t"), delimiter: []byte("\n"), enclose: '"'}}
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				p, err := newPlan(table, o)
				require.NoError(b, err)
				var sink discard
				l := newRowLoader(p, newDecoder(bytes.NewReader(c.body), o.dialect), &sink)
				require.NoError(b, l.run())
				require.Equal(b, rows, sink.rows)
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

package catalog

import (
	"starkeep/sandbox/value"
)

// A Row is one row as the text protocol of MySQL writes it: values in the order of the table's columns, each
// length-encoded, NULL as 0xfb. Rows are kept in this form, so that a SELECT copies the bytes of most types and converts
// nothing; see package value for the rest.
type Row []byte

// appendValue adds a value that is not NULL.
func (r Row) appendValue(v []byte) Row {
	if v == nil {
		v = []byte{}
	}
	return value.Append(r, v)
}

func (r Row) appendNull() Row { return value.Append(r, nil) }

// next splits off the first value; nil is NULL, an empty value is not nil.
func (r Row) next() (v []byte, rest Row) {
	v, list := value.Next(r)
	return v, list
}

// Values splits the row into its values; nil is NULL. The values share the memory of the row.
func (r Row) Values(into [][]byte) {
	for i := range into {
		into[i], r = r.next()
	}
}

// prefix returns the first n values, still encoded: the key of a row whose keys come first.
func (r Row) prefix(n int) []byte {
	rest := r
	for range n {
		_, rest = rest.next()
	}
	return r[:len(r)-len(rest)]
}

// chunk is a bounded number of rows, immutable once visible.
type chunk struct {
	data []byte
	ends []uint32
}

// chunkSize is about how many bytes a chunk takes.
const chunkSize = 1 << 20

func (c *chunk) rows() int { return len(c.ends) }

func (c *chunk) row(i int) Row {
	start := uint32(0)
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.data[start:c.ends[i]:c.ends[i]]
}

// appendRow adds a copy of a row to the last of the chunks, or to a new one when that is full.
func appendRow(chunks []*chunk, r Row) []*chunk {
	if n := len(chunks); n == 0 || len(chunks[n-1].data)+len(r) > chunkSize && len(chunks[n-1].ends) > 0 {
		chunks = append(chunks, &chunk{})
	}
	last := chunks[len(chunks)-1]
	last.data = append(last.data, r...)
	last.ends = append(last.ends, uint32(len(last.data)))
	return chunks
}

func countRows(chunks []*chunk) (n int64) {
	for _, c := range chunks {
		n += int64(c.rows())
	}
	return n
}

func countBytes(chunks []*chunk) (n int64) {
	for _, c := range chunks {
		n += int64(len(c.data))
	}
	return n
}

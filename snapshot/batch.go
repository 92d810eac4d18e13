package snapshot

// Vector is one column of a Batch: the bytes of its values one behind the other, and where each ends.
// A value is exactly the text that the source printed on its wire; NULL is kept apart from every text.
// The zero value is an empty column. A Vector is not safe for concurrent use.
type Vector struct {
	Data []byte   // all values, concatenated
	Ends []uint32 // Ends[i] is the offset in Data behind value i
	Null []bool   // Null[i] says that value i is NULL; its bytes are then empty
}

// Len returns the number of values.
func (v *Vector) Len() int { return len(v.Ends) }

// Value returns the bytes of value i, valid until the next change of v. NULL has no bytes: ask Null first.
func (v *Vector) Value(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = v.Ends[i-1]
	}
	return v.Data[start:v.Ends[i]:v.Ends[i]]
}

// Append adds a value that is not NULL; the bytes are copied.
func (v *Vector) Append(value []byte) {
	v.Data = append(v.Data, value...)
	v.Ends = append(v.Ends, uint32(len(v.Data)))
	v.Null = append(v.Null, false)
}

// AppendNull adds a NULL.
func (v *Vector) AppendNull() {
	v.Ends = append(v.Ends, uint32(len(v.Data)))
	v.Null = append(v.Null, true)
}

// Reset empties v and keeps its memory.
func (v *Vector) Reset() {
	v.Data, v.Ends, v.Null = v.Data[:0], v.Ends[:0], v.Null[:0]
}

// Batch is a bounded number of rows, column by column: what flows between wire, codec and load.
// Its memory is reused from batch to batch, so that the hot path allocates nothing per row.
type Batch struct {
	Columns []Vector
}

// NewBatch returns an empty batch of the given number of columns.
func NewBatch(columns int) *Batch { return &Batch{Columns: make([]Vector, columns)} }

// Rows returns the number of rows; all columns have the same length between calls.
func (b *Batch) Rows() int {
	if len(b.Columns) == 0 {
		return 0
	}
	return b.Columns[0].Len()
}

// Bytes returns the size of the values in bytes, without the bookkeeping.
func (b *Batch) Bytes() int {
	n := 0
	for i := range b.Columns {
		n += len(b.Columns[i].Data)
	}
	return n
}

// Reset empties all columns and keeps their memory.
func (b *Batch) Reset() {
	for i := range b.Columns {
		b.Columns[i].Reset()
	}
}

// Limits of a batch that a RowReader fills: it stops at whichever comes first, so memory stays bounded
// whatever the rows are. One row larger than BatchBytes still fits, alone.
const (
	BatchRows  = 8192
	BatchBytes = 4 << 20
)

// RowReader yields rows in batches.
type RowReader interface {
	// Next replaces the content of b with the next rows (at least one, at most BatchRows; it stops after BatchBytes).
	// It returns io.EOF, and an empty b, when there are no more. After any other error the reader is useless.
	Next(b *Batch) error
	// Close releases what the reader holds. It may be called at any time, also twice.
	Close() error
}

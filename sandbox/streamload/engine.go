// Package streamload is the HTTP side of the sandbox: Stream Load as a StarRocks frontend and backend answer it.
//
// The frontend handler checks a request and redirects it, the backend handler decodes, converts and loads its rows.
// Both are as strict as the real system is, for a client that only ever met a lenient server fails on the first real
// one. What is behind the rows (tables, users, transactions) is an Engine.
package streamload

import (
	"errors"
	"fmt"

	"starkeep/sandbox/value"
)

// Engine is what Stream Load needs of the database behind it. It is safe for concurrent use.
type Engine interface {
	// Authenticate checks a user's password.
	Authenticate(user, password string) error
	// Authorize checks the INSERT privilege on a table; its error is the native text.
	Authorize(user, database, table string) error
	// Describe returns a table's definition at this moment. Errors: ErrUnknownDatabase, ErrUnknownTable.
	Describe(database, table string) (*Table, error)
	// Begin starts a labelled transaction. A label that may not be used again gives *LabelError.
	Begin(Request) (Load, error)
	// Label returns the youngest transaction of a label; its state is Unknown when the label was never used or is
	// forgotten. Error: ErrUnknownDatabase.
	Label(database, label string) (Transaction, error)
}

// Errors of Describe and Begin.
var (
	ErrUnknownDatabase = errors.New("unknown database")
	ErrUnknownTable    = errors.New("unknown table")
)

// LabelError says that a label is taken: by a running transaction or by one that is committed or visible.
type LabelError struct {
	Label   string
	Running bool
}

func (e *LabelError) Error() string {
	return fmt.Sprintf("Label [%s] has already been used.", e.Label)
}

// ExistingJobStatus is the word of the response for the transaction that holds the label.
func (e *LabelError) ExistingJobStatus() string {
	if e.Running {
		return "RUNNING"
	}
	return "FINISHED"
}

// Request opens a transaction that loads rows into one table.
type Request struct {
	Database, Table string
	Label           string
	// Partitions restricts the load to these partitions, empty means all; with Temporary they are temporary partitions.
	// A name that does not exist is an error of Begin.
	Partitions []string
	Temporary  bool
}

// Load is one open transaction. It is used by one goroutine at a time, and ends with Publish or Abort.
type Load interface {
	// TxnID returns the id of the transaction.
	TxnID() int64
	// Append stages rows; nothing is visible before Publish. The columns of b are all columns of the table in their
	// order. b is not kept: what is stored is copied. Rows without a partition (or outside of the asked ones) are
	// left out and returned.
	Append(b *Batch) ([]Rejection, error)
	// Commit makes the staged rows durable (state COMMITTED): from here on the label is used.
	Commit() error
	// Publish makes committed rows visible (state VISIBLE) and moves the visible versions of the partitions it touched.
	Publish() error
	// Abort forgets the staged rows and frees the label (state ABORTED). After Commit it does nothing.
	Abort(reason string)
}

// Rejection is a row that a load did not take.
type Rejection struct {
	Row    int // index in the batch
	Reason string
}

// Table is the definition of a table as Stream Load needs it.
type Table struct {
	Database, Name string
	ID             int64
	Columns        []Column
}

// Column is one column of a table.
type Column struct {
	Name        string
	Type        Type
	Nullable    bool
	Key         bool
	HasDefault  bool   // a DEFAULT clause, also DEFAULT NULL
	DefaultNull bool   // the default is NULL
	Default     string // the default as text, when it is not NULL
	Aggregation string // SUM, MAX, MIN, REPLACE, REPLACE_IF_NOT_NULL or empty
	Generated   bool   // computed by the engine, never loaded: Append gets NULL
	// AutoIncrement says that the engine gives the next number to a row whose value is NULL.
	AutoIncrement bool
}

// Type is the type of a column.
type Type = value.Type

// Vector is one column of a Batch: its values one behind the other, and where each ends. A value is the text that a
// value.Print reads.
type Vector struct {
	Data []byte   // all values, concatenated
	Ends []uint32 // Ends[i] is the offset in Data behind value i
	Null []bool   // Null[i] says that value i is NULL; its bytes are then empty
}

// Len returns the number of values.
func (v *Vector) Len() int { return len(v.Ends) }

// Value returns the bytes of value i, valid until the next change of v.
func (v *Vector) Value(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = v.Ends[i-1]
	}
	return v.Data[start:v.Ends[i]:v.Ends[i]]
}

// Append adds a copy of a value that is not NULL.
func (v *Vector) Append(value []byte) {
	v.Data = append(v.Data, value...)
	v.end(false)
}

// AppendNull adds a NULL.
func (v *Vector) AppendNull() { v.end(true) }

// end closes a value whose bytes are in Data already.
func (v *Vector) end(null bool) {
	v.Ends = append(v.Ends, uint32(len(v.Data)))
	v.Null = append(v.Null, null)
}

// size returns the number of bytes of the complete values.
func (v *Vector) size() int {
	if len(v.Ends) == 0 {
		return 0
	}
	return int(v.Ends[len(v.Ends)-1])
}

// truncate drops the values from n on, and bytes of a value that was begun.
func (v *Vector) truncate(n int) {
	end := uint32(0)
	if n > 0 {
		end = v.Ends[n-1]
	}
	v.Data, v.Ends, v.Null = v.Data[:end], v.Ends[:n], v.Null[:n]
}

// Batch is a bounded number of rows, column by column.
type Batch struct {
	Columns []Vector
}

// Rows returns the number of rows.
func (b *Batch) Rows() int {
	if len(b.Columns) == 0 {
		return 0
	}
	return b.Columns[0].Len()
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.truncate(0) }

func (b *Batch) truncate(rows int) {
	for i := range b.Columns {
		b.Columns[i].truncate(rows)
	}
}

// complete returns the number of rows that have all columns, while one is being added.
func (b *Batch) complete() int {
	n := b.Rows()
	for i := range b.Columns {
		n = min(n, b.Columns[i].Len())
	}
	return n
}

// text prints row i for an error log.
func (b *Batch) text(i int) []byte {
	var row []byte
	for c := range b.Columns {
		if c > 0 {
			row = append(row, ", "...)
		}
		if b.Columns[c].Null[i] {
			row = append(row, "NULL"...)
			continue
		}
		row = append(row, b.Columns[c].Value(i)...)
	}
	return row
}

func (b *Batch) bytes() int {
	n := 0
	for i := range b.Columns {
		n += len(b.Columns[i].Data)
	}
	return n
}

package dataobject

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"testing"

	"starkeep/snapshot"

	"github.com/stretchr/testify/require"
)

// null is how table tests write NULL.
const null = "\x00NULL"

// table is rows in memory, the model that decoded rows are compared with.
type table struct {
	columns []snapshot.Column
	values  [][]string // of each column
}

func (t table) rows() int { return len(t.values[0]) }

// reader yields the rows in batches of the given sizes, over and over.
func (t table) reader(sizes ...int) *tableReader {
	if len(sizes) == 0 {
		sizes = []int{snapshot.BatchRows}
	}
	return &tableReader{table: t, sizes: sizes}
}

type tableReader struct {
	table
	sizes  []int
	row    int
	batch  int
	closed int
}

func (r *tableReader) Next(b *snapshot.Batch) error {
	b.Reset()
	if r.row == r.rows() {
		return io.EOF
	}
	to := min(r.row+r.sizes[r.batch%len(r.sizes)], r.rows())
	r.batch++
	for i := range r.values {
		for _, v := range r.values[i][r.row:to] {
			if v == null {
				b.Columns[i].AppendNull()
			} else {
				b.Columns[i].Append([]byte(v))
			}
		}
	}
	r.row = to
	return nil
}

func (r *tableReader) Close() error {
	r.closed++
	return nil
}

// object is a data object in memory.
type object struct {
	File
	data []byte
}

// encode spools rows and returns the objects in their order.
func encode(t require.TestingT, dir string, columns []snapshot.Column, rows snapshot.RowReader, o Options) ([]object, Summary) {
	var objects []object
	s, err := Spool(context.Background(), dir, columns, rows, o, func(f File) error {
		data, err := os.ReadFile(f.Path)
		objects = append(objects, object{f, data})
		return firstError(err, os.Remove(f.Path))
	})
	require.NoError(t, err)
	require.Equal(t, len(objects), s.Files)
	var n int64
	for _, o := range objects {
		require.Equal(t, o.Size, int64(len(o.data)))
		require.Equal(t, o.SHA256, sha256.Sum256(o.data))
		n += o.Rows
	}
	require.Equal(t, s.Rows, n)
	return objects, s
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// decode reads all rows of the objects.
func decode(columns []snapshot.Column, objects []object) (table, error) {
	t := table{columns: columns, values: make([][]string, len(columns))}
	r := Concat(func() (snapshot.RowReader, error) {
		if len(objects) == 0 {
			return nil, io.EOF
		}
		data := objects[0].data
		objects = objects[1:]
		return Open(bytes.NewReader(data), int64(len(data)), columns)
	})
	defer r.Close()
	b := snapshot.NewBatch(len(columns))
	for {
		if err := r.Next(b); err == io.EOF {
			return t, nil
		} else if err != nil {
			return t, err
		}
		if b.Rows() < 1 || b.Rows() > snapshot.BatchRows || b.Rows() > 1 && b.Bytes() > snapshot.BatchBytes {
			return t, fmt.Errorf("batch of %d rows, %d bytes", b.Rows(), b.Bytes())
		}
		for i := range b.Columns {
			v := &b.Columns[i]
			if v.Len() != b.Rows() || len(v.Null) != v.Len() {
				return t, fmt.Errorf("column %d has %d values in %d rows", i, v.Len(), b.Rows())
			}
			for row := range v.Len() {
				if v.Null[row] {
					if len(v.Value(row)) != 0 {
						return t, fmt.Errorf("NULL with bytes")
					}
					t.values[i] = append(t.values[i], null)
				} else {
					t.values[i] = append(t.values[i], string(v.Value(row)))
				}
			}
		}
	}
}

// roundTrip encodes and decodes a table and requires that nothing has changed.
func roundTrip(t require.TestingT, dir string, want table, o Options, sizes ...int) []object {
	objects, _ := encode(t, dir, want.columns, want.reader(sizes...), o)
	got, err := decode(want.columns, objects)
	require.NoError(t, err)
	for i := range want.columns {
		require.Equal(t, len(want.values[i]), len(got.values[i]))
		for row := range want.values[i] {
			require.Equal(t, want.values[i][row], got.values[i][row], "column %s, row %d", want.columns[i].Type, row)
		}
	}
	return objects
}

// layoutsOf returns how an object stores its columns.
func layoutsOf(t testing.TB, o object) []layout {
	f, _, err := openFooter(bytes.NewReader(o.data), o.Size)
	require.NoError(t, err)
	layouts, err := parseDescription(f.description)
	require.NoError(t, err)
	return layouts
}

package starrocks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// Read starts one SELECT. The cluster does not check tablet ids: one that is not of the partition gives no rows and no
// error (fe:DistributionPruneRule), so callers compare counts.
func (c *Cluster) Read(ctx context.Context, r cluster.ReadRequest) (snapshot.RowReader, error) {
	statement, err := selectStatement(r)
	if err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", r.Database, r.Table, err)
	}
	result, err := c.pool.Query(ctx, statement)
	if err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", r.Database, r.Table, explain(err))
	}
	if n := len(result.Columns()); n != len(r.Columns) {
		_ = result.Close()
		return nil, fmt.Errorf("read %s.%s: %d columns where %d were asked for: %w", r.Database, r.Table, n, len(r.Columns), wire.ErrMalformed)
	}
	encoders, err := encodersOf(r.Columns)
	if err != nil {
		_ = result.Close()
		return nil, fmt.Errorf("read %s.%s: %w", r.Database, r.Table, err)
	}
	return &rows{result: result, of: r.Database + "." + r.Table, encoders: encoders}, nil
}

func selectStatement(r cluster.ReadRequest) (string, error) {
	if len(r.Columns) == 0 {
		return "", errors.New("no columns")
	}
	columns := make([]string, len(r.Columns))
	for i, col := range r.Columns {
		name, err := identifier(col.Name)
		if err != nil {
			return "", err
		}
		columns[i] = exported(name, col.Encoding)
	}
	from, err := from(r.Database, r.Table, r.Partition, false)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("SELECT " + strings.Join(columns, ", ") + from)
	if len(r.Tablets) > 0 { // g4 tabletList
		for i, id := range r.Tablets {
			if i == 0 {
				b.WriteString(" TABLET (")
			} else {
				b.WriteByte(',')
			}
			b.WriteString(strconv.FormatInt(id, 10))
		}
		b.WriteByte(')')
	}
	return b.String(), nil
}

// exported is the expression that prints a column: a SELECT of BITMAP and HLL gives NULL (be:column/object_column.cpp).
func exported(name string, e snapshot.Encoding) string {
	switch e {
	case snapshot.BitmapEncoding:
		return "bitmap_to_binary(" + name + ")"
	case snapshot.HLLEncoding:
		return "hll_serialize(" + name + ")"
	}
	return name
}

func from(database, table, partition string, temporary bool) (string, error) {
	name, err := qualified(database, table)
	if err != nil || partition == "" {
		return " FROM " + name, err
	}
	p, err := identifier(partition)
	if err != nil {
		return "", err
	}
	if temporary {
		return " FROM " + name + " TEMPORARY PARTITION (" + p + ")", nil
	}
	return " FROM " + name + " PARTITION (" + p + ")", nil
}

// Count counts rows by one SELECT.
func (c *Cluster) Count(ctx context.Context, database, table, partition string, temporary bool) (int64, error) {
	from, err := from(database, table, partition, temporary)
	if err != nil {
		return 0, fmt.Errorf("count %s.%s: %w", database, table, err)
	}
	text, err := c.scalar(ctx, "SELECT count(*)"+from)
	if err != nil {
		return 0, fmt.Errorf("count %s.%s: %w", database, table, err)
	}
	return strconv.ParseInt(text, 10, 64)
}

// rows gives the errors of a running SELECT their meaning, and encodes values that the wire does not print exactly.
type rows struct {
	result   *wire.Result
	of       string
	encoders []encoding
	spare    snapshot.Vector
}

func (r *rows) Next(b *snapshot.Batch) error {
	err := r.result.Next(b)
	switch {
	case errors.Is(err, io.EOF):
		return err
	case err != nil:
		return fmt.Errorf("read rows of %s: %w", r.of, explain(err))
	}
	for _, e := range r.encoders {
		if err := e.apply(&b.Columns[e.column], &r.spare); err != nil {
			return fmt.Errorf("read rows of %s: %w", r.of, err)
		}
	}
	return nil
}

func (r *rows) Close() error { return r.result.Close() }

// encoding turns the values of a column from what the wire has into what a snapshot holds.
type encoding struct {
	column int
	name   string
	nested *dataType          // nil: the bytes stay as many
	order  func(value []byte) // of bytes that stay as many
}

func encodersOf(columns []snapshot.Column) ([]encoding, error) {
	var list []encoding
	for i, c := range columns {
		e := encoding{column: i, name: c.Name}
		switch c.Encoding {
		case "":
			continue
		case snapshot.BitmapEncoding:
			e.order = sortSet
		case snapshot.HLLEncoding:
			e.order = sortHash
		case snapshot.NestedEncoding:
			t, err := typeOf(c.Source)
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", c.Name, err)
			}
			e.nested = t
		default:
			return nil, fmt.Errorf("column %s: encoding %s: %w", c.Name, c.Encoding, cluster.ErrUnsupported)
		}
		list = append(list, e)
	}
	return list, nil
}

// apply encodes the values of v; spare is memory that changes hands.
func (e *encoding) apply(v, spare *snapshot.Vector) error {
	if e.nested == nil {
		for i := range v.Len() {
			e.order(v.Value(i))
		}
		return nil
	}
	spare.Reset()
	for i := range v.Len() {
		if v.Null[i] {
			spare.AppendNull()
			continue
		}
		data, rest, err := e.nested.fromWire(spare.Data, v.Value(i))
		if err == nil && len(rest) > 0 {
			err = fmt.Errorf("%.20q follows the value: %w", rest, errNested)
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", e.name, err)
		}
		spare.Data = data
		spare.Ends = append(spare.Ends, uint32(len(data)))
		spare.Null = append(spare.Null, false)
	}
	*v, *spare = *spare, *v
	return nil
}

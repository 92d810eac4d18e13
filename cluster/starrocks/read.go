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
	return &rows{result: result, of: r.Database + "." + r.Table}, nil
}

func selectStatement(r cluster.ReadRequest) (string, error) {
	if len(r.Columns) == 0 {
		return "", errors.New("no columns")
	}
	names := make([]string, len(r.Columns))
	for i, col := range r.Columns {
		names[i] = col.Name
	}
	columns, err := nameList(names)
	if err != nil {
		return "", err
	}
	from, err := from(r.Database, r.Table, r.Partition, false)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("SELECT " + columns + from)
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

// rows gives the errors of a running SELECT their meaning.
type rows struct {
	result *wire.Result
	of     string
}

func (r *rows) Next(b *snapshot.Batch) error {
	err := r.result.Next(b)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return fmt.Errorf("read rows of %s: %w", r.of, explain(err))
}

func (r *rows) Close() error { return r.result.Close() }

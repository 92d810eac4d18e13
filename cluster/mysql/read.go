package mysql

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

// readSettings come on top of the settings of every session, for those that read rows: between two batches a reader may
// pause for as long as it takes to store what it has, and a view waits for all others to be read. 31536000 is the most
// that wait_timeout takes. The timeouts in the comment are MariaDB's.
const readSettings = "SET NAMES utf8mb4, net_write_timeout = 86400, net_read_timeout = 86400, wait_timeout = 31536000" +
	"/*M! , idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0 */"

// dial opens a session below database/sql, on the server that answered last or the next one that does.
func (c *Cluster) dial(ctx context.Context) (s *wire.Session, address string, err error) {
	var errs []error
	for _, address := range c.inOrder() {
		s, err := c.dialTo(ctx, address)
		if err == nil {
			c.prefer(address)
			return s, address, nil
		}
		errs = append(errs, err)
		if _, _, answered := serverError(err); answered || ctx.Err() != nil {
			break
		}
	}
	return nil, "", explain(ctx, errors.Join(errs...))
}

func (c *Cluster) dialTo(ctx context.Context, address string) (*wire.Session, error) {
	s, err := wire.Dial(ctx, address, wire.Options{
		User: c.config.User, Password: c.config.Password, TLS: c.config.TLS, Connect: c.config.ConnectTimeout,
	})
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{c.settings(), readSettings} {
		if err := s.Exec(ctx, statement); err != nil {
			_ = s.Close()
			return nil, fmt.Errorf("set up session: %w", err)
		}
	}
	return s, nil
}

// Read starts one SELECT, which is one consistent read of a transactional table, in the order of the key where the
// table has one. It is a session of its own.
func (c *Cluster) Read(ctx context.Context, r cluster.ReadRequest) (snapshot.RowReader, error) {
	key, err := keyOf(ctx, c.db, r.Database, r.Table)
	if err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", r.Database, r.Table, c.which(ctx, r.Database, err))
	}
	if r.Partition, err = c.partition(ctx, r.Database, r.Table, r.Partition); err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", r.Database, r.Table, err)
	}
	statement, err := selectRows(r, key)
	if err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", r.Database, r.Table, err)
	}
	s, _, err := c.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", r.Database, r.Table, err)
	}
	result, err := s.Query(ctx, statement)
	if err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("read %s.%s: %w", r.Database, r.Table, explain(ctx, err))
	}
	return &rows{ctx: ctx, session: s, result: result, of: r.Database + "." + r.Table}, nil
}

// which tells a missing database from a missing table: MariaDB has one answer for both.
func (c *Cluster) which(ctx context.Context, database string, err error) error {
	if errors.Is(err, cluster.ErrUnknownTable) {
		if missing := c.requireDatabase(ctx, database); missing != nil {
			return missing
		}
	}
	return err
}

// partition returns the name for a PARTITION clause: none when what is named is the whole of a table without partitions,
// which is described as one partition of its own name.
func (c *Cluster) partition(ctx context.Context, database, table, name string) (string, error) {
	if name != table {
		return name, nil
	}
	found, err := c.query(ctx, "SELECT 1 FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = "+literal(database)+" AND TABLE_NAME = "+literal(table)+
		" AND (PARTITION_NAME = "+literal(name)+" OR SUBPARTITION_NAME = "+literal(name)+")")
	if err != nil || len(found) == 0 {
		return "", err
	}
	return name, nil
}

// selectRows is the statement that reads rows; r.Partition is for a PARTITION clause.
func selectRows(r cluster.ReadRequest, key tableKey) (string, error) {
	if len(r.Columns) == 0 {
		return "", errors.New("no columns")
	}
	if len(r.Tablets) > 0 {
		return "", fmt.Errorf("tablets: %w", cluster.ErrUnsupported)
	}
	from, err := fromClause(r.Database, r.Table, r.Partition)
	if err != nil {
		return "", err
	}
	expressions := make([]string, len(r.Columns))
	for i, col := range r.Columns {
		if _, err := identifier(col.Name); err != nil {
			return "", err
		}
		expressions[i] = selected(col)
	}
	where := ""
	if r.Range != nil {
		if where, err = key.condition(*r.Range); err != nil {
			return "", err
		}
	}
	// The names of results are of no use, and an expression's own name may be longer than a server takes.
	return "SELECT " + strings.Join(expressions, ", ") + from + key.hint() + where + key.order(), nil
}

func fromClause(database, table, partition string) (string, error) {
	name, err := qualified(database, table)
	if err != nil || partition == "" {
		return " FROM " + name, err
	}
	p, err := identifier(partition)
	return " FROM " + name + " PARTITION (" + p + ")", err
}

// Count counts rows by one SELECT. A temporary partition is a table of its own.
func (c *Cluster) Count(ctx context.Context, database, table, partition string, temporary bool) (int64, error) {
	var err error
	if temporary {
		table, partition = temporaryTable(partition), ""
	} else if partition, err = c.partition(ctx, database, table, partition); err != nil {
		return 0, fmt.Errorf("count %s.%s: %w", database, table, err)
	}
	from, err := fromClause(database, table, partition)
	if err != nil {
		return 0, fmt.Errorf("count %s.%s: %w", database, table, err)
	}
	text, err := c.scalar(ctx, "SELECT COUNT(*)"+from)
	if err != nil {
		return 0, fmt.Errorf("count %s.%s: %w", database, table, c.which(ctx, database, err))
	}
	return strconv.ParseInt(text, 10, 64)
}

// rows gives the errors of a running SELECT their meaning, and ends its session.
type rows struct {
	ctx     context.Context // the statement's own: a reader has no parameter for it
	session *wire.Session
	result  *wire.Result
	of      string
}

// Next implements snapshot.RowReader.
func (r *rows) Next(b *snapshot.Batch) error {
	err := r.result.Next(b)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return fmt.Errorf("read rows of %s: %w", r.of, explain(r.ctx, err))
}

// Close implements snapshot.RowReader.
func (r *rows) Close() error {
	_ = r.result.Close()
	_ = r.session.Close() // all that was to be read has been, or is given up
	return nil
}

package mysqlbench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// piece is rows of one table that one statement reads or loads.
type piece struct {
	table, where string
	file         string // as TSV, once rendered
}

const pieces = 24 // of a large table

// pieces divides the large tables by their keys; each small table is one piece.
func (b *bench) pieces() []piece {
	b.Helper()
	var all []piece
	for _, table := range b.tables() {
		key := map[string]string{"lineitem": "l_orderkey", "wide": "id"}[table]
		if key == "" {
			all = append(all, piece{table: table})
			continue
		}
		last, err := strconv.Atoi(b.server.Query(b, "SELECT MAX("+key+") FROM "+b.database+"."+table)[0][0])
		require.NoError(b, err)
		for i := range pieces {
			all = append(all, piece{table: table, where: fmt.Sprintf(" WHERE %s >= %d AND %s < %d", key, (last+1)*i/pieces, key, (last+1)*(i+1)/pieces)})
		}
	}
	for i := range all {
		all[i].file = filepath.Join(b.folder, "tsv", fmt.Sprintf("%06d.tsv", i))
	}
	return all
}

// each calls f for every piece, on as many sessions as there are threads.
func (b *bench) each(all []piece, prepare string, f func(context.Context, *wire.Session, piece) error) {
	b.Helper()
	group, ctx := errgroup.WithContext(b.Context())
	next := make(chan piece, len(all))
	for _, p := range all {
		next <- p
	}
	close(next)
	for range b.threads {
		group.Go(func() (err error) {
			session, err := wire.Dial(ctx, b.server.Address, wire.Options{User: b.server.User, Password: b.server.Password, Connect: 10 * time.Second})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, session.Close()) }()
			if prepare != "" {
				if err := session.Exec(ctx, prepare); err != nil {
					return err
				}
			}
			for p := range next {
				if err := f(ctx, session, p); err != nil {
					return fmt.Errorf("piece %s%s: %w", p.table, p.where, err)
				}
			}
			return nil
		})
	}
	require.NoError(b, group.Wait())
}

// drain reads all rows and does nothing with them. It returns the bytes of the values.
func (b *bench) drain() int64 {
	b.Helper()
	var bytes atomic.Int64
	b.each(b.pieces(), "", func(ctx context.Context, session *wire.Session, p piece) error {
		rows, err := session.Query(ctx, "SELECT * FROM "+b.database+"."+p.table+p.where)
		if err != nil {
			return err
		}
		batch := snapshot.NewBatch(len(rows.Columns()))
		for {
			if err := rows.Next(batch); errors.Is(err, io.EOF) {
				return rows.Close()
			} else if err != nil {
				return err
			}
			bytes.Add(int64(batch.Bytes()))
		}
	})
	return bytes.Load()
}

// rendered has the server write all rows as TSV, which costs no step anything.
func (b *bench) rendered() {
	b.Helper()
	require.NoError(b, os.Mkdir(filepath.Join(b.folder, "tsv"), 0o755)) //nolint:gosec // the server writes there, maybe as another user
	b.each(b.pieces(), "", func(ctx context.Context, session *wire.Session, p piece) error {
		return session.Exec(ctx, fmt.Sprintf("SELECT * INTO OUTFILE '%s' CHARACTER SET binary FROM %s.%s%s", p.file, b.database, p.table, p.where))
	})
}

// load sends the TSV into tables that have all their indexes already, as a shell script would. The report tells what of
// the time goes by before the first row.
func (b *bench) load(into, prepare string) int64 {
	b.Helper()
	start := time.Now()
	b.server.Exec(b, "CREATE DATABASE "+into)
	for _, table := range b.tables() {
		b.server.Exec(b, fmt.Sprintf("CREATE TABLE %s.%s LIKE %s.%s", into, table, b.database, table))
	}
	b.report.put(created, Effort{Wall: time.Since(start)})
	var bytes atomic.Int64
	b.each(b.pieces(), prepare, func(ctx context.Context, session *wire.Session, p piece) error {
		_, err := session.Load(ctx, fmt.Sprintf("LOAD DATA LOCAL INFILE 'piece' INTO TABLE %s.%s CHARACTER SET binary", into, p.table), func(w io.Writer) error {
			f, err := os.Open(p.file)
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }()
			n, err := io.Copy(w, f)
			bytes.Add(n)
			return err
		})
		return err
	})
	return bytes.Load()
}

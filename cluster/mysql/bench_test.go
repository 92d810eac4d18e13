package mysql

import (
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
	"starkeep/tests/server/mariadb"
)

const lineitems = 600_000

// newLineitems fills a table that looks like TPC-H's lineitem, about 125 bytes a row as text.
func newLineitems(b *testing.B) *world {
	w := newWorld(b, mariadb.Start(b, mariadb.Options{Args: []string{"--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M"}}))
	w.exec(`CREATE TABLE lineitem (orderkey bigint, linenumber int, partkey int, suppkey int, quantity decimal(15,2), extendedprice decimal(15,2),
		discount decimal(15,2), tax decimal(15,2), returnflag char(1), linestatus char(1), shipdate date, commitdate date, receiptdate date,
		shipinstruct char(25), shipmode char(10), comment varchar(44), PRIMARY KEY (orderkey, linenumber)) CHARACTER SET utf8mb4`)
	words := strings.Fields("furiously carefully quickly final special pending ironic deposits requests accounts packages foxes theodolites")
	c := w.cluster
	r := rand.New(rand.NewPCG(1, 1))
	row := 0
	_, err := c.Load(b.Context(), cluster.LoadRequest{
		Database: w.database, Table: "lineitem", Columns: w.describe("lineitem").Columns, Label: "fill",
		Open: func() (snapshot.RowReader, error) {
			return readerFunc(func(batch *snapshot.Batch) error {
				batch.Reset()
				for ; row < lineitems && batch.Rows() < snapshot.BatchRows; row++ {
					day := func() string { return time.Unix(7e8+int64(r.IntN(2e8)), 0).UTC().Format("2006-01-02") }
					for i, v := range []string{
						fmt.Sprint(row/4*8 + 1), fmt.Sprint(row%4 + 1), fmt.Sprint(r.IntN(200_000)), fmt.Sprint(r.IntN(10_000)), fmt.Sprintf("%d.00", 1+r.IntN(50)),
						fmt.Sprintf("%d.%02d", r.IntN(100_000), r.IntN(100)), fmt.Sprintf("0.%02d", r.IntN(11)), fmt.Sprintf("0.%02d", r.IntN(9)),
						string("RAN"[r.IntN(3)]), string("OF"[r.IntN(2)]), day(), day(), day(), "DELIVER IN PERSON", "TRUCK",
						words[r.IntN(13)] + " " + words[r.IntN(13)] + " " + words[r.IntN(13)],
					} {
						batch.Columns[i].Append([]byte(v))
					}
				}
				if batch.Rows() == 0 {
					return io.EOF
				}
				return nil
			}), nil
		},
	})
	require.NoError(b, err)
	require.NoError(b, dropLoads(b.Context(), c, w.database, "lineitem"))
	w.exec("ANALYZE TABLE lineitem")
	return w
}

type readerFunc func(*snapshot.Batch) error

func (f readerFunc) Next(b *snapshot.Batch) error { return f(b) }
func (f readerFunc) Close() error                 { return nil }

// BenchmarkRead compares two sessions of a view with what else can take the same rows.
func BenchmarkRead(b *testing.B) {
	w := newLineitems(b)
	v := w.viewOf(b, 2)
	columns := v.tables[0].Columns
	ranges := v.cut(b, "lineitem", "lineitem", lineitems/8, nil)
	key, err := v.key(b.Context(), "lineitem")
	require.NoError(b, err)
	statement := func(r snapshot.KeyRange) string {
		s, err := selectRows(cluster.ReadRequest{Database: w.database, Table: "lineitem", Columns: columns, Range: &r}, key)
		require.NoError(b, err)
		return s
	}
	b.Run("view", func(b *testing.B) {
		readInTwo(b, ranges, func(r snapshot.KeyRange) int {
			rows, err := v.Read(b.Context(), cluster.ReadRequest{Database: w.database, Table: "lineitem", Columns: columns, Partition: "lineitem", Range: &r})
			require.NoError(b, err)
			defer func() { _ = rows.Close() }()
			n := 0
			for batch := snapshot.NewBatch(len(columns)); rows.Next(batch) == nil; {
				n += batch.Rows()
			}
			return n
		})
	})
	b.Run("driver", func(b *testing.B) {
		db := w.server.Open(b, w.database)
		readInTwo(b, ranges, func(r snapshot.KeyRange) int {
			rows, err := db.QueryContext(b.Context(), statement(r))
			require.NoError(b, err)
			defer func() { _ = rows.Close() }()
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(sql.RawBytes)
			}
			n := 0
			for ; rows.Next(); n++ {
				require.NoError(b, rows.Scan(values...))
			}
			require.NoError(b, rows.Err())
			return n
		})
	})
	b.Run("client", func(b *testing.B) {
		readInTwo(b, ranges, func(r snapshot.KeyRange) int {
			cmd := exec.CommandContext(b.Context(), mariadb.Program(b, "mariadb"), "--quick", "-N", "-u"+w.server.User, "-p"+w.server.Password, "-S", w.server.Socket, "-e", statement(r)) //nolint:gosec // a test's own
			var lines lineCounter
			cmd.Stdout = &lines
			require.NoError(b, cmd.Run())
			return int(lines)
		})
	})
}

type lineCounter int

func (c *lineCounter) Write(p []byte) (int, error) {
	*c += lineCounter(strings.Count(string(p), "\n"))
	return len(p), nil
}

func (w *world) viewOf(t testing.TB, sessions int) *View {
	v, err := w.cluster.openView(t.Context(), cluster.ViewRequest{Database: w.database, Tables: []string{"lineitem"}, Sessions: sessions}, patience)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, v.Close()) })
	return v
}

// inTwo does all parts of the table in two goroutines; f returns how many rows its part had.
func inTwo[T any](b *testing.B, parts []T, f func(T) int) {
	next := make(chan T, len(parts))
	for _, p := range parts {
		next <- p
	}
	close(next)
	var g sync.WaitGroup
	var total atomic.Int64
	for range 2 {
		g.Go(func() {
			for p := range next {
				total.Add(int64(f(p)))
			}
		})
	}
	g.Wait()
	require.EqualValues(b, lineitems, total.Load())
}

// readInTwo reads all ranges, again and again, and reports rows a second.
func readInTwo(b *testing.B, ranges []snapshot.KeyRange, f func(snapshot.KeyRange) int) {
	for b.Loop() {
		inTwo(b, ranges, f)
	}
	b.ReportMetric(float64(lineitems)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkLoad compares two loads at a time with LOAD DATA of files that are there already.
func BenchmarkLoad(b *testing.B) {
	w := newLineitems(b)
	v := w.viewOf(b, 2)
	columns := v.tables[0].Columns
	ranges := v.cut(b, "lineitem", "lineitem", lineitems/8, nil)
	batches := make([][]*snapshot.Batch, len(ranges))
	files := make([]string, len(ranges))
	folder := b.TempDir()
	for i, r := range ranges {
		rows, err := v.Read(b.Context(), cluster.ReadRequest{Database: w.database, Table: "lineitem", Columns: columns, Partition: "lineitem", Range: &r})
		require.NoError(b, err)
		var text []byte
		for {
			batch := snapshot.NewBatch(len(columns))
			if rows.Next(batch) != nil {
				break
			}
			batches[i] = append(batches[i], batch)
			text = (&loader{escaped: needEscapes(columns)}).lines(text, batch)
		}
		require.NoError(b, rows.Close())
		files[i] = filepath.Join(folder, fmt.Sprint(i))
		require.NoError(b, os.WriteFile(files[i], text, 0o600))
		mysql.RegisterLocalFile(files[i])
	}
	numbers := make([]int, len(ranges))
	for i := range numbers {
		numbers[i] = i
	}
	each := func(b *testing.B, load func(i int) int) {
		for b.Loop() {
			w.exec("DROP TABLE IF EXISTS copy", "CREATE TABLE copy LIKE lineitem")
			inTwo(b, numbers, load)
			require.NoError(b, dropLoads(b.Context(), w.cluster, w.database, "copy"))
		}
		b.ReportMetric(float64(lineitems)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	}
	b.Run("load", func(b *testing.B) {
		each(b, func(i int) int {
			at := 0
			r, err := w.cluster.Load(b.Context(), cluster.LoadRequest{
				Database: w.database, Table: "copy", Columns: columns, Label: fmt.Sprint(i),
				Open: func() (snapshot.RowReader, error) {
					return readerFunc(func(batch *snapshot.Batch) error {
						if at == len(batches[i]) {
							return io.EOF
						}
						*batch = *batches[i][at]
						at++
						return nil
					}), nil
				},
			})
			require.NoError(b, err)
			return int(r.Rows)
		})
	})
	for name, settings := range map[string]string{"file": "SET unique_checks = 1", "file without unique_checks": "SET unique_checks = 0, foreign_key_checks = 0"} {
		b.Run(name, func(b *testing.B) {
			db, err := sql.Open("mysql", w.server.DSN(w.database))
			require.NoError(b, err)
			defer func() { _ = db.Close() }()
			each(b, func(i int) int {
				conn, err := db.Conn(b.Context())
				require.NoError(b, err)
				defer func() { _ = conn.Close() }()
				_, err = conn.ExecContext(b.Context(), settings)
				require.NoError(b, err)
				r, err := conn.ExecContext(b.Context(), "LOAD DATA LOCAL INFILE '"+files[i]+"' INTO TABLE copy CHARACTER SET binary")
				require.NoError(b, err)
				n, err := r.RowsAffected()
				require.NoError(b, err)
				return int(n)
			})
		})
	}
}

// BenchmarkRanges tells what it costs to divide by numbers, and by keys that have to be read.
func BenchmarkRanges(b *testing.B) {
	w := newLineitems(b)
	w.exec("CREATE TABLE named (name varchar(40) character set utf8mb4 PRIMARY KEY, comment varchar(200)) SELECT CONCAT('customer ', MD5(orderkey * 10 + linenumber)) AS name, REPEAT(comment, 4) AS comment FROM lineitem",
		"ANALYZE TABLE named")
	v, err := w.cluster.openView(b.Context(), cluster.ViewRequest{Database: w.database, Tables: []string{"lineitem", "named"}, Sessions: 1}, patience)
	require.NoError(b, err)
	defer func() { require.NoError(b, v.Close()) }()
	for _, table := range []string{"lineitem", "named"} {
		b.Run(table, func(b *testing.B) {
			for b.Loop() {
				require.Greater(b, len(v.cut(b, table, table, lineitems/20, nil)), 10)
			}
		})
	}
	b.Run("again", func(b *testing.B) {
		ranges := v.cut(b, "named", "named", lineitems/20, nil)
		for b.Loop() {
			require.Equal(b, ranges, v.cut(b, "named", "named", lineitems/20, ranges))
		}
	})
}

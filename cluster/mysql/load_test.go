package mysql

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
	"starkeep/tests/server/mariadb"
)

const null = "(NULL)"

// given are rows that a test wrote down. After them comes an error, if there is one.
type given struct {
	rows [][]string
	err  error
	done bool
}

func (g *given) Next(b *snapshot.Batch) error {
	b.Reset()
	if g.done {
		if g.err != nil {
			return g.err
		}
		return io.EOF
	}
	g.done = true
	for _, row := range g.rows {
		for j, v := range row {
			if v == null {
				b.Columns[j].AppendNull()
			} else {
				b.Columns[j].Append([]byte(v))
			}
		}
	}
	return nil
}

func (g *given) Close() error { return nil }

func (w *world) load(c *Cluster, table, label string, fails error, rows ...[]string) (cluster.LoadResult, error) {
	return c.Load(w.t.Context(), cluster.LoadRequest{
		Database: w.database, Table: table, Columns: w.describe(table).Columns, Label: label,
		Open: func() (snapshot.RowReader, error) { return &given{rows: rows, err: fails}, nil },
	})
}

func (w *world) rowsOf(table string) string { return w.value("SELECT COUNT(*) FROM DB." + table) }

func TestLabelLoadsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int, v text)") // no key that would refuse a second load
	for i := range 3 {
		r, err := w.load(w.cluster, "a", "one", nil, []string{"1", "x"}, []string{"2", null})
		require.NoError(t, err)
		if i == 0 {
			require.Equal(t, cluster.LoadResult{Rows: 2}, r)
		} else {
			require.Equal(t, cluster.LoadResult{Rows: -1, Repeated: true}, r)
		}
	}
	require.Equal(t, "2", w.rowsOf("a"))
	_, err := w.load(w.cluster, "a", "two", nil, []string{"3", "y"})
	require.NoError(t, err)
	require.Equal(t, "3", w.rowsOf("a"))
	require.NoError(t, dropLoads(t.Context(), w.cluster, w.database, "a"))
	require.NoError(t, dropLoads(t.Context(), w.cluster, w.database, "a"))
	require.Empty(t, w.server.Query(t, "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME LIKE '\\_\\_starkeep%'", w.database))
}

func TestSameLabelAtOnceLoadsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int)")
	var g sync.WaitGroup
	var loaded, repeated atomic.Int32
	for range 8 {
		g.Go(func() {
			r, err := w.load(w.cluster, "a", "one", nil, []string{"1"})
			switch {
			case err != nil:
				t.Error(err)
			case r.Repeated:
				repeated.Add(1)
			default:
				loaded.Add(1)
			}
		})
	}
	g.Wait()
	require.Equal(t, int32(1), loaded.Load())
	require.Equal(t, int32(7), repeated.Load())
	require.Equal(t, "1", w.rowsOf("a"))
}

func TestBrokenLoadLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int, v text)")
	damaged := errors.New("object is damaged")
	_, err := w.load(w.cluster, "a", "one", damaged, []string{"1", "x"})
	require.ErrorIs(t, err, damaged)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("job is cancelled")
	_, err = w.cluster.Load(ctx, cluster.LoadRequest{
		Database: w.database, Table: "a", Columns: w.describe("a").Columns, Label: "one",
		Open: func() (snapshot.RowReader, error) {
			cancel(reason)
			return &given{rows: [][]string{{"1", "x"}}}, nil
		},
	})
	require.ErrorIs(t, err, reason)
	require.Equal(t, "0", w.rowsOf("a"))
	_, err = w.load(w.cluster, "a", "one", nil, []string{"1", "x"})
	require.NoError(t, err)
	require.Equal(t, "1", w.rowsOf("a"))
}

// TestRejectedRowRejectsTheLoad: nothing is cut, rounded or replaced to fit.
func TestRejectedRowRejectsTheLoad(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]*mariadb.Server{"by file": mariadb.Shared(t), "by insert": mariadb.Start(t, mariadb.Options{Args: []string{"--local-infile=0"}})} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, server)
			for i, c := range []struct{ declared, value string }{
				{"int", "x"}, {"tinyint", "300"}, {"int unsigned", "-1"}, {"int", ""}, {"varchar(2)", "abc"}, {"varchar(2)", "ab "}, {"decimal(5,1)", "1.25"},
				{"date", "2020-13-01"}, {"datetime", "2020-01-01 00:00:00.5x"}, {"enum('a')", "b"}, {"int NOT NULL", null}, {"varchar(9) character set utf8mb3", "😀"},
				{"varchar(9) character set latin1", "中"}, {"varchar(9) character set utf8mb4", "\xff"}, {"year", "1900"},
				{"time", "900:00:00"}, {"inet6", "x"}, {"uuid", "x"}, {"set('a')", "b"}, {"int UNIQUE", "7"}, {"float", "1e60"},
			} {
				table := fmt.Sprintf("a%d", i)
				w.exec("CREATE TABLE " + table + " (id int, v " + c.declared + ")")
				rows := [][]string{{"1", c.value}}
				if strings.Contains(c.declared, "UNIQUE") {
					rows = append(rows, []string{"2", c.value})
				}
				_, err := w.load(w.cluster, table, "one", nil, rows...)
				require.ErrorIs(t, err, cluster.ErrRejected, "%v", c)
				require.Equal(t, "0", w.rowsOf(table), "%v", c)
			}
		})
	}
}

func TestRowsThatOnceHeldComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE p (id int PRIMARY KEY)",
		"CREATE TABLE a (id int AUTO_INCREMENT PRIMARY KEY, v int CHECK (v > 0), p int, CONSTRAINT fk FOREIGN KEY (p) REFERENCES p (id), g int AS (v + 1) STORED, n int INVISIBLE)")
	r, err := w.load(w.cluster, "a", "one", nil, []string{"0", "-1", "99", "5"})
	require.NoError(t, err)
	require.Equal(t, int64(1), r.Rows)
	require.Equal(t, [][]string{{"0", "-1", "99", "0", "5"}}, w.server.Query(t, "SELECT id, v, p, g, n FROM "+w.database+".a"))
}

func TestUnfinishedLoadOfAWeakTableIsNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE m (id int, v int) ENGINE=MyISAM")
	_, err := w.load(w.cluster, "m", "one", nil, []string{"1", "1"}, []string{"2", "no number"})
	require.ErrorIs(t, err, cluster.ErrRejected)
	_, err = w.load(w.cluster, "m", "one", nil, []string{"1", "1"}, []string{"2", "2"})
	require.ErrorIs(t, err, cluster.ErrRejected)
	require.ErrorContains(t, err, "broke off")
	for range 2 {
		_, err = w.load(w.cluster, "m", "two", nil, []string{"3", "3"})
		require.NoError(t, err)
	}
	require.Equal(t, "1", w.value("SELECT COUNT(*) FROM DB.m WHERE id = 3"))
}

func TestTemporaryPartitionIsLoadedAndCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE p (id int) PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20))", "CREATE TABLE __starkeep_x (id int)",
		"INSERT INTO p VALUES (1), (11), (12)")
	request := cluster.LoadRequest{Database: w.database, Table: "p", Temporary: []string{"starkeep_x"}, Label: "l", Columns: w.describe("p").Columns,
		Open: func() (snapshot.RowReader, error) { return &given{rows: [][]string{{"5"}, {"6"}}}, nil }}
	_, err := w.cluster.Load(t.Context(), request)
	require.NoError(t, err)
	count := func(partition string, temporary bool) int64 {
		n, err := w.cluster.Count(t.Context(), w.database, "p", partition, temporary)
		require.NoError(t, err)
		return n
	}
	require.Equal(t, int64(2), count("starkeep_x", true))
	require.Equal(t, int64(1), count("p", false), "a partition of the table's name")
	require.Equal(t, int64(2), count("p1", false))
	require.Equal(t, int64(3), count("", false))
	request.Temporary = []string{"a", "b"}
	_, err = w.cluster.Load(t.Context(), request)
	require.ErrorIs(t, err, cluster.ErrUnsupported)
}

func TestLoadIntoNothingIsToldByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int)", "CREATE TABLE b (id int, more int)")
	request := cluster.LoadRequest{Database: w.database, Table: "gone", Label: "l", Columns: w.describe("b").Columns}
	_, err := w.cluster.Load(t.Context(), request)
	require.ErrorIs(t, err, cluster.ErrUnknownTable)
	request.Table = "a"
	_, err = w.cluster.Load(t.Context(), request)
	require.ErrorIs(t, err, cluster.ErrRejected)
	require.ErrorContains(t, err, "more")
	request.Database = "no_such_database"
	_, err = w.cluster.Load(t.Context(), request)
	require.ErrorIs(t, err, cluster.ErrUnknownDatabase)
	user, password := w.server.NewUser(t, "SELECT ON "+w.database+".*")
	_, err = w.load(opened(t, w.server.Address, user, password), "a", "l", nil, []string{"1"})
	require.ErrorIs(t, err, cluster.ErrDenied)
	_, err = w.load(opened(t, "127.0.0.1:1", user, password), "a", "l", nil, []string{"1"})
	require.ErrorIs(t, err, cluster.ErrUnreachable)
}

// TestLoadWhoseAnswerIsLostLoadsOnce: the server dies at any point of a load, and is there again for the next attempt.
func TestLoadWhoseAnswerIsLostLoadsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int)")
	for limit := range 40 { // bytes of the server's answers that arrive, in steps
		p := newCutter(t, w.server.Address, limit*60)
		c := opened(t, p.Addr().String(), w.server.User, w.server.Password)
		label := fmt.Sprint("l", limit)
		_, first := w.load(c, "a", label, nil, []string{fmt.Sprint(limit)}) // fails somewhere, or not at all
		if first != nil {
			require.ErrorIs(t, first, cluster.ErrUnreachable)
		}
		require.Eventually(t, func() bool { // a session that was cut off may still hold the label
			_, err := w.load(w.cluster, "a", label, nil, []string{fmt.Sprint(limit)})
			return err == nil
		}, 10*time.Second, 10*time.Millisecond)
		require.Equal(t, "1", w.value(fmt.Sprintf("SELECT COUNT(*) FROM DB.a WHERE id = %d", limit)))
	}
}

// newCutter is a proxy that ends each connection behind so many bytes from the server.
func newCutter(t *testing.T, server string, bytes int) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = client.Close() }()
				up, err := net.Dial("tcp", server)
				if err != nil {
					return
				}
				defer func() { _ = up.Close() }()
				go func() { _, _ = io.Copy(up, client) }()
				_, _ = io.CopyN(client, up, int64(bytes))
			}()
		}
	}()
	return l
}

func TestRowsLongerThanAStatementAreInsertedOneByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Start(t, mariadb.Options{Args: []string{"--local-infile=0", "--max-allowed-packet=64M"}}))
	w.exec("CREATE TABLE a (id int PRIMARY KEY, b longblob)")
	for id, n := range []int{0, 300 << 10, insertSize, 9 << 20, 20 << 20} {
		w.exec(fmt.Sprintf("INSERT INTO a VALUES (%d, REPEAT(X'005C27', %d))", id, n/3))
	}
	w.exec("CREATE TABLE b LIKE a")
	_, err := w.copied(w.cluster, "a", "b", "one")
	require.NoError(t, err)
	require.Equal(t, "0 of 5, 5", w.differing("a", "b", "id"))

	short := mariadb.Start(t, mariadb.Options{Args: []string{"--local-infile=0", "--max-allowed-packet=1M"}})
	x := newWorld(t, short)
	x.exec("CREATE TABLE a (id int PRIMARY KEY, b longblob)")
	columns := x.describe("a").Columns
	_, err = x.cluster.Load(t.Context(), cluster.LoadRequest{Database: x.database, Table: "a", Columns: columns, Label: "l", Open: func() (snapshot.RowReader, error) {
		return &given{rows: [][]string{{"1", strings.Repeat("x", 3<<20)}}}, nil
	}})
	require.Error(t, err)
	require.Equal(t, "0", x.rowsOf("a"))
}

func TestFieldsAreReadBackAsTheyWere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int PRIMARY KEY, b varbinary(10))")
	var rows [][]string
	for i := range 1 << 16 { // every pair of bytes
		rows = append(rows, []string{fmt.Sprint(i), string([]byte{byte(i >> 8), byte(i)})})
	}
	_, err := w.load(w.cluster, "a", "one", nil, rows...)
	require.NoError(t, err)
	require.Equal(t, "65536", w.value("SELECT COUNT(*) FROM DB.a WHERE HEX(b) = LPAD(HEX(id), 4, '0')"))
	require.Equal(t, []byte(`a\tb\nc\\d`), appendField(nil, []byte("a\tb\nc\\d")))
	require.True(t, bytes.Equal([]byte("X'00FF27'"), appendHex(nil, []byte{0, 255, 39})))
}

// occupy writes so much in a transaction of its own that the server gives up the load when the two wait for each other: the
// one that has changed less goes (MySQL "Deadlock Detection").
func (w *world) occupy(table string, rows int) *sql.Conn {
	w.t.Helper()
	conn, err := w.server.DB().Conn(w.t.Context())
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = conn.Close() })
	for _, s := range []string{"USE " + w.database, "START TRANSACTION", fmt.Sprintf("INSERT INTO %s SELECT seq FROM seq_1000_to_%d", table, 1000+rows)} {
		_, err = conn.ExecContext(w.t.Context(), s)
		require.NoError(w.t, err)
	}
	return conn
}

func (w *world) awaitLockWait() {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		return w.value("SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE '%"+w.database+"%'") == "1"
	}, 20*time.Second, 200*time.Millisecond) // who asks more often than ten times a second is given the first answer again and again
}

func TestLoadThatLosesADeadlockIsRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int PRIMARY KEY)")
	other := w.occupy("a", 1000)
	done := make(chan error, 1)
	go func() {
		_, err := w.load(w.cluster, "a", "one", nil, []string{"1"}, []string{"1500"})
		done <- err
	}()
	w.awaitLockWait()
	_, err := other.ExecContext(t.Context(), "INSERT INTO a VALUES (1)") // which the load has, and it waits for 1500
	require.NoError(t, err)
	err = <-done
	require.True(t, isNumber(err, 1213), "%v", err)
	require.NotErrorIs(t, err, cluster.ErrRejected, "the rows are good: another attempt may have them in")
	_, err = other.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	r, err := w.load(w.cluster, "a", "one", nil, []string{"1"}, []string{"1500"})
	require.NoError(t, err)
	require.Equal(t, cluster.LoadResult{Rows: 2}, r)
	require.Equal(t, "2", w.rowsOf("a"))
}

func TestLoadThatWaitsTooLongForALockIsRepeated(t *testing.T) {
	t.Parallel()
	s := mariadb.Start(t, mariadb.Options{Args: []string{"--innodb-lock-wait-timeout=1"}})
	w := newWorld(t, s)
	w.exec("CREATE TABLE a (id int PRIMARY KEY)")
	other := w.occupy("a", 1)
	_, err := w.load(w.cluster, "a", "one", nil, []string{"1"}, []string{"1000"})
	require.True(t, isNumber(err, 1205), "%v", err)
	require.NotErrorIs(t, err, cluster.ErrRejected)
	require.Equal(t, "0", w.rowsOf("a"), "all rows or none")
	_, err = other.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	r, err := w.load(w.cluster, "a", "one", nil, []string{"1"}, []string{"1000"})
	require.NoError(t, err)
	require.Equal(t, cluster.LoadResult{Rows: 2}, r)
}

func TestLoadIntoAFullServerIsRepeatedOnceThereIsRoom(t *testing.T) {
	t.Parallel()
	s := mariadb.Start(t, mariadb.Options{Args: []string{"--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M;ibdata2:20M"}})
	w := newWorld(t, s)
	w.exec("CREATE TABLE filler (id int PRIMARY KEY, b varchar(1000))", "CREATE TABLE a (id int PRIMARY KEY, b varchar(1000))")
	w.exec("INSERT INTO filler SELECT seq, REPEAT('x', 1000) FROM seq_1_to_15000")
	rows := func() [][]string {
		var all [][]string
		for i := range 12_000 {
			all = append(all, []string{strconv.Itoa(i), strings.Repeat("x", 1000)})
		}
		return all
	}
	_, err := w.load(w.cluster, "a", "one", nil, rows()...)
	require.True(t, isNumber(err, 1114), "%v", err)
	require.ErrorContains(t, err, "full")
	require.NotErrorIs(t, err, cluster.ErrRejected)
	w.exec("DROP TABLE filler")
	r, err := w.load(w.cluster, "a", "one", nil, rows()...)
	require.NoError(t, err)
	require.Equal(t, cluster.LoadResult{Rows: 12_000}, r)
}

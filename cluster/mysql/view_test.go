package mysql

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
	"starkeep/tests/server/mariadb"
)

// bank is accounts in several tables, and writers who move money between them.
type bank struct {
	*world
	moved int
	stop  func()
}

const accounts, opening = 200, 1000

var bankTables = []string{"bank_a", "bank_b", "bank_c"}

func newBank(w *world) *bank {
	for _, name := range bankTables {
		w.exec("CREATE TABLE "+name+" (id int PRIMARY KEY, money bigint NOT NULL)", fmt.Sprintf("INSERT INTO %s SELECT seq, %d FROM seq_1_to_%d", name, opening, accounts))
	}
	return &bank{world: w}
}

// work lets writers transfer money until the test, or stop, ends.
func (b *bank) work(writers int) {
	ctx, cancel := context.WithCancel(b.t.Context())
	var g sync.WaitGroup
	var mu sync.Mutex
	db := b.server.Open(b.t, b.database)
	for n := range writers {
		g.Add(1)
		go func() {
			defer g.Done()
			for i := n; ctx.Err() == nil; i += 7 {
				from, to := bankTables[i%3], bankTables[(i+1+n%2)%3]
				_, err := db.ExecContext(ctx, fmt.Sprintf("START TRANSACTION; UPDATE %s SET money = money - %d WHERE id = %d; UPDATE %s SET money = money + %d WHERE id = %d; COMMIT",
					from, i%50, i%accounts+1, to, i%50, i*31%accounts+1))
				if err == nil {
					mu.Lock()
					b.moved++
					mu.Unlock()
				} else if ctx.Err() == nil { // a deadlock
					_, _ = db.ExecContext(ctx, "ROLLBACK")
				}
			}
		}()
	}
	b.stop = sync.OnceFunc(func() { cancel(); g.Wait(); _ = db.Close() })
	b.t.Cleanup(b.stop)
}

// sum reads all accounts through a view, all tables at once.
func (b *bank) sum(v *View) int {
	var total int
	var mu sync.Mutex
	var g sync.WaitGroup
	for _, table := range v.Tables() {
		g.Add(1)
		go func() {
			defer g.Done()
			columns := table.Columns[1:]
			rows, err := v.Read(b.t.Context(), cluster.ReadRequest{Database: b.database, Table: table.Name, Columns: columns, Partition: table.Name})
			if !errors.Is(err, nil) {
				b.t.Error(err)
				return
			}
			for _, text := range everyRow(b.t, rows) {
				n, err := strconv.Atoi(text[1 : len(text)-1])
				if err != nil {
					b.t.Error(err)
				}
				mu.Lock()
				total += n
				mu.Unlock()
			}
		}()
	}
	g.Wait()
	return total
}

func TestViewIsOneMomentOfAllTables(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	b := newBank(w)
	weakUser := func(grants ...string) *Cluster {
		user, password := w.server.NewUser(t, grants...)
		return opened(t, w.server.Address, user, password)
	}
	b.work(8)
	for name, c := range map[string]*Cluster{
		"BACKUP STAGE BLOCK_COMMIT": w.cluster,
		"LOCK TABLES READ":          weakUser("SELECT, LOCK TABLES ON " + w.database + ".*"),
		"none: one session reads, since neither RELOAD nor LOCK TABLES is granted": weakUser("SELECT ON " + w.database + ".*"),
	} {
		for range 5 {
			v, err := c.openView(t.Context(), cluster.ViewRequest{Database: w.database, Tables: bankTables, Sessions: 4}, patience)
			require.NoError(t, err)
			require.Equal(t, name, v.Point().Lock)
			require.Equal(t, len(bankTables)*accounts*opening, b.sum(v), name)
			require.Empty(t, v.Weak())
			require.NotEmpty(t, v.Point().BinlogFile)
			require.NotZero(t, v.Point().BinlogPosition)
			require.NotEmpty(t, v.Point().GTID)
			t.Logf("%s: writers waited %s", name, v.Point().LockedFor)
			require.Less(t, v.Point().LockedFor, 2*time.Second)
			require.NoError(t, v.Close())
		}
	}
	b.stop()
	require.Positive(t, b.moved)
}

// TestPointIsThatOfTheView: the changes in the binary log behind the point are exactly those that are not in the view.
func TestPointIsThatOfTheView(t *testing.T) {
	t.Parallel()
	s := mariadb.Start(t, mariadb.Options{})
	w := newWorld(t, s)
	w.exec("CREATE TABLE log (id int PRIMARY KEY AUTO_INCREMENT, v int)")
	db := s.Open(t, w.database)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil { // each to its end: one that is cut off would be committed behind the count
			_, _ = db.Exec("INSERT INTO log (v) VALUES (1)")
		}
	}()
	require.Eventually(t, func() bool { return w.value("SELECT COUNT(*) FROM DB.log") > "1" }, 10*time.Second, time.Millisecond)
	v := w.view(2, "log")
	seen := len(v.readRange(t, "log", "log", nil))
	cancel()
	<-done
	all, err := strconv.Atoi(w.value("SELECT COUNT(*) FROM DB.log"))
	require.NoError(t, err)
	behind := 0
	for _, e := range s.Query(t, fmt.Sprintf("SHOW BINLOG EVENTS IN '%s' FROM %d", v.Point().BinlogFile, v.Point().BinlogPosition)) {
		if e[2] == "Write_rows_v1" {
			behind++
		}
	}
	require.Equal(t, all, seen+behind)
	require.Equal(t, w.value(fmt.Sprintf("SELECT BINLOG_GTID_POS('%s', %d)", v.Point().BinlogFile, v.Point().BinlogPosition)), v.Point().GTID)
	require.Positive(t, v.Point().LockedFor, "how long writers waited is measured")
	require.Less(t, v.Point().LockedFor, 30*time.Second)
}

func TestViewWithoutABinaryLogHasNoPosition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Start(t, mariadb.Options{Args: []string{"--skip-log-bin"}}))
	w.exec("CREATE TABLE a (id int PRIMARY KEY)")
	p := w.view(1, "a").Point()
	require.Empty(t, p.BinlogFile+p.GTID)
	require.Zero(t, p.BinlogPosition)
	require.Equal(t, "BACKUP STAGE BLOCK_COMMIT", p.Lock)
}

// TestLockNobodyGetsDoesNotStopTheServer: a transaction that wrote a table keeps LOCK TABLES waiting, and everybody behind
// it; FLUSH TABLES WITH READ LOCK waits for statements in the same way.
func TestLockNobodyGetsDoesNotStopTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int PRIMARY KEY)")
	db := w.server.Open(t, w.database)
	tx, err := db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("INSERT INTO a VALUES (1)")
	require.NoError(t, err)
	user, password := w.server.NewUser(t, "SELECT, LOCK TABLES ON "+w.database+".*", "PROCESS ON *.*")
	c := opened(t, w.server.Address, user, password)
	done := make(chan struct{})
	go func() { // a writer who comes behind the lock waits no longer than an attempt takes
		defer close(done)
		for i := 2; t.Context().Err() == nil && i < 200; i++ {
			start := time.Now()
			_, err := db.Exec("INSERT INTO a VALUES (?)", i)
			if err != nil || time.Since(start) > 3*time.Second {
				t.Errorf("a writer waited %s: %v", time.Since(start), err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	_, err = c.openView(t.Context(), cluster.ViewRequest{Database: w.database, Tables: []string{"a"}, Sessions: 2}, locking{wait: time.Second, hold: 10 * time.Second, pauses: []time.Duration{200 * time.Millisecond}})
	require.ErrorContains(t, err, "not to be had in 2 attempts")
	require.ErrorContains(t, err, "busy are session")
	require.NoError(t, tx.Commit())
	<-done
	v, err := c.openView(t.Context(), cluster.ViewRequest{Database: w.database, Tables: []string{"a"}, Sessions: 2}, patience)
	require.NoError(t, err)
	require.NoError(t, v.Close())
}

// writing returns how long a writer of a table of the world takes to get through.
func (w *world) writing(table string) <-chan time.Duration {
	took := make(chan time.Duration, 1)
	db := w.server.Open(w.t, w.database)
	start := time.Now()
	go func() {
		if _, err := db.ExecContext(w.t.Context(), "INSERT INTO "+table+" VALUES (1)"); err != nil {
			w.t.Errorf("write: %v", err)
		}
		took <- time.Since(start)
	}()
	return took
}

// TestWorkerThatStandsStillUnderALockDoesNotStopTheServer: a suspended machine keeps its connections.
func TestWorkerThatStandsStillUnderALockDoesNotStopTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Start(t, mariadb.Options{})) // BACKUP STAGE stops the whole server
	w.exec("CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)", "CREATE TABLE c (id int PRIMARY KEY)")
	v := &View{cluster: w.cluster, address: w.server.Address}
	for i, l := range locks(server{maria: true}, w.database, []string{"b"})[:2] {
		_, err := v.locked(t.Context(), locking{wait: time.Second, hold: 2 * time.Second}, l, func(*wire.Session) error {
			took := <-w.writing([]string{"a", "b"}[i])
			require.Greater(t, took, time.Second, l.name)
			require.Less(t, took, 20*time.Second, l.name)
			return nil
		})
		require.ErrorIs(t, err, cluster.ErrUnreachable, "a view whose lock was lost is refused")
	}

	s, err := w.cluster.session(t.Context())
	require.NoError(t, err)
	defer s.close()
	require.NoError(t, s.lockTables(t.Context(), []string{quoted(w.database) + ".c"}, 2*time.Second))
	require.Greater(t, <-w.writing("c"), time.Second)
	rename, err := renameStatement(w.database, []pair{{"c", "d"}})
	require.NoError(t, err)
	require.ErrorContains(t, w.cluster.queue(t.Context(), s, w.database, rename), "the locks are lost")
	exists, err := w.cluster.TableID(t.Context(), w.database, "c")
	require.NoError(t, err)
	require.NotZero(t, exists, "nothing was renamed once others could have been at work")
}

func TestDefinitionsStandStillWhileAViewIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int PRIMARY KEY, v int)", "INSERT INTO a VALUES (1, 1)",
		"CREATE TABLE other (id int PRIMARY KEY, v int)", "INSERT INTO other VALUES (7, 7)",
		"CREATE TABLE p (id int PRIMARY KEY, v int) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20))",
		"INSERT INTO p VALUES (1, 1), (11, 11)")
	v := w.view(2, "a", "p")
	w.exec("DELETE FROM a", "INSERT INTO a VALUES (2, 2)")
	for _, ddl := range []string{
		"RENAME TABLE a TO x, other TO a", "ALTER TABLE p EXCHANGE PARTITION p0 WITH TABLE other", "ALTER TABLE a ADD c int", "TRUNCATE a",
		"DROP TABLE a", "ALTER TABLE p DROP PARTITION p1",
	} {
		_, err := w.server.DB().Exec("USE " + w.database + "; SET STATEMENT lock_wait_timeout = 0 FOR " + ddl)
		require.ErrorContains(t, err, "1205", ddl)
	}
	require.Equal(t, []string{`"1"|"1"`}, v.readRange(t, "a", "a", nil))
	require.Equal(t, []string{`"1"|"1"`}, v.readRange(t, "p", "p0", nil))
	require.NoError(t, v.Close())
	w.exec("SET lock_wait_timeout = 10; RENAME TABLE a TO x, other TO a")
}

func TestKilledSessionBreaksTheView(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int PRIMARY KEY)", "INSERT INTO a SELECT seq FROM seq_1_to_100000")
	ids := func(v *View) map[string]string {
		s, err := v.lease(t.Context())
		require.NoError(t, err)
		defer v.put(s)
		return map[string]string{"guard": v.guardID, "idle": s.id}
	}
	broken := func(v *View) {
		t.Helper()
		select {
		case <-v.Broken():
		case <-time.After(20 * time.Second):
			require.Fail(t, "nobody noticed")
		}
		_, err := v.Read(t.Context(), cluster.ReadRequest{Database: w.database, Table: "a", Columns: v.tables[0].Columns, Partition: "a"})
		require.ErrorIs(t, err, cluster.ErrMoved)
		_, err = v.Ranges(t.Context(), "a", "a", 1, nil)
		require.ErrorIs(t, err, cluster.ErrMoved)
		require.NoError(t, v.Close())
	}
	for _, who := range []string{"guard", "idle"} {
		v := w.view(2, "a")
		w.exec("KILL " + ids(v)[who])
		broken(v)
	}
	v := w.view(1, "a")
	rows, err := v.Read(t.Context(), cluster.ReadRequest{Database: w.database, Table: "a", Columns: v.tables[0].Columns, Partition: "a"})
	require.NoError(t, err)
	w.exec("KILL " + rows.(*viewRows).session.id)
	var b snapshot.Batch
	for err == nil {
		err = rows.Next(&b)
	}
	require.ErrorIs(t, err, cluster.ErrMoved)
	require.NoError(t, rows.Close())
	broken(v)
}

func TestCancelledReadLeavesTheViewWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int PRIMARY KEY, v varchar(200))", "INSERT INTO a SELECT seq, REPEAT('x', 200) FROM seq_1_to_200000")
	v := w.view(1, "a")
	w.exec("DELETE FROM a WHERE id > 10")
	request := cluster.ReadRequest{Database: w.database, Table: "a", Columns: v.tables[0].Columns, Partition: "a"}
	var b snapshot.Batch
	for i := range 6 {
		ctx, cancel := context.WithCancelCause(t.Context())
		rows, err := v.Read(ctx, request)
		require.NoError(t, err)
		require.NoError(t, rows.Next(&b))
		if i%2 == 0 {
			reason := errors.New("attempt is over")
			cancel(reason)
			require.ErrorIs(t, rows.Next(&b), reason)
			require.ErrorIs(t, rows.Next(&b), reason)
		}
		require.NoError(t, rows.Close())
		require.NoError(t, rows.Close())
		cancel(nil)
	}
	// A context that ends while the server sends nothing yet: sleeping on every row, before the first packet is full.
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	s, err := v.lease(t.Context())
	require.NoError(t, err)
	start := time.Now()
	_, err = s.query(ctx, "SELECT SLEEP(1) FROM "+w.database+".a")
	require.ErrorIs(t, s.end(ctx, err), context.DeadlineExceeded)
	require.Less(t, time.Since(start), 5*time.Second)
	require.Len(t, v.readRange(t, "a", "a", nil), 200_000)
	select {
	case <-v.Broken():
		require.Fail(t, "the view is lost")
	default:
	}
}

func TestReadsBeyondTheSessionsWaitForOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int PRIMARY KEY)", "INSERT INTO a VALUES (1)")
	v := w.view(1, "a")
	request := cluster.ReadRequest{Database: w.database, Table: "a", Columns: v.tables[0].Columns, Partition: "a"}
	first, err := v.Read(t.Context(), request)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = v.Read(ctx, request)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	time.AfterFunc(50*time.Millisecond, func() { _ = first.Close() })
	second, err := v.Read(t.Context(), request)
	require.NoError(t, err)
	require.Len(t, everyRow(t, second), 1)
	third, err := v.Read(t.Context(), request)
	require.NoError(t, err)
	require.NoError(t, v.Close()) // with a reader left open
	require.NoError(t, third.Close())
	_, err = v.Read(t.Context(), request)
	require.ErrorIs(t, err, cluster.ErrMoved)
}

func TestWeakTablesAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE m (id int PRIMARY KEY) ENGINE=MyISAM", "CREATE TABLE r (id int) ENGINE=Aria", "INSERT INTO m VALUES (2), (1)")
	v := w.view(1, "a", "m", "r")
	require.Equal(t, []string{"m: engine MYISAM keeps no read views", "r: engine ARIA keeps no read views"}, v.Weak())
	require.ElementsMatch(t, []string{`"2"`, `"1"`}, v.readRange(t, "m", "m", nil))
}

func TestWhatIsNotThereIsToldByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mariadb.Shared(t))
	w.exec("CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE other (id int)")
	_, err := w.cluster.OpenView(t.Context(), cluster.ViewRequest{Database: w.database, Tables: []string{"a", "b"}, Sessions: 1})
	require.ErrorIs(t, err, cluster.ErrUnknownTable)
	require.ErrorContains(t, err, "b")
	user, password := w.server.NewUser(t, "SELECT ON "+w.database+".other")
	_, err = opened(t, w.server.Address, user, password).OpenView(t.Context(), cluster.ViewRequest{Database: w.database, Tables: []string{"a"}, Sessions: 1})
	require.ErrorIs(t, err, cluster.ErrDenied)
	v := w.view(1, "a")
	_, err = v.Ranges(t.Context(), "a", "p", 1, nil)
	require.ErrorIs(t, err, cluster.ErrUnknownPartition)
	_, err = v.Read(t.Context(), cluster.ReadRequest{Database: w.database, Table: "b", Columns: v.tables[0].Columns})
	require.ErrorIs(t, err, cluster.ErrUnknownTable)
	dead := opened(t, "127.0.0.1:1", "u", "p")
	_, err = dead.OpenView(t.Context(), cluster.ViewRequest{Database: w.database, Tables: []string{"a"}, Sessions: 1})
	require.ErrorIs(t, err, cluster.ErrUnreachable)
}

// certificate writes a certificate for 127.0.0.1 and its key, and returns who signs it.
func certificate(t *testing.T) (pool *x509.CertPool, certFile, keyFile string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	require.NoError(t, err)
	folder := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool.AddCert(parsed)
	return pool, write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", private)
}

func TestRowsTravelEncryptedWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	pool, certFile, keyFile := certificate(t)
	w := newWorld(t, mariadb.Start(t, mariadb.Options{Args: []string{"--ssl-cert=" + certFile, "--ssl-key=" + keyFile}}))
	w.exec("CREATE TABLE a (id int PRIMARY KEY)", "INSERT INTO a SELECT seq FROM seq_1_to_50000", "CREATE TABLE b LIKE a")
	user, password := w.server.NewUser(t, "ALL ON *.*")
	w.exec("ALTER USER " + user + " REQUIRE SSL")
	config := Config{Name: "test", Servers: []string{w.server.Address}, User: user, Password: password, TLS: &tls.Config{RootCAs: pool}}
	c, err := New(config)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	v, err := c.openView(t.Context(), cluster.ViewRequest{Database: w.database, Tables: []string{"a"}, Sessions: 2}, patience)
	require.NoError(t, err)
	defer func() { require.NoError(t, v.Close()) }()
	s, err := v.lease(t.Context())
	require.NoError(t, err)
	cipher, err := records(t.Context(), s.wire, "SHOW STATUS LIKE 'Ssl_cipher'")
	require.NoError(t, err)
	require.NotEmpty(t, cipher[0]["value"])
	v.put(s)
	require.Len(t, v.readRange(t, "a", "a", nil), 50_000)
	result, err := w.copied(c, "a", "b", "one")
	require.NoError(t, err)
	require.Equal(t, int64(50_000), result.Rows)

	config.Password = "wrong"
	wrong, err := New(config)
	require.NoError(t, err)
	defer func() { require.NoError(t, wrong.Close()) }()
	_, _, err = wrong.dial(t.Context())
	require.ErrorIs(t, err, cluster.ErrDenied)
	config.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	stranger, err := New(config)
	require.NoError(t, err)
	defer func() { require.NoError(t, stranger.Close()) }()
	_, _, err = stranger.dial(t.Context())
	require.ErrorContains(t, err, "certificate")
	plain := mariadb.Shared(t)
	config.Servers, config.User, config.Password = []string{plain.Address}, plain.User, plain.Password
	naked, err := New(config)
	require.NoError(t, err)
	defer func() { require.NoError(t, naked.Close()) }()
	_, _, err = naked.dial(t.Context())
	require.ErrorContains(t, err, "no TLS")
}

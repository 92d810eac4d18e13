package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

var (
	_ cluster.Viewer   = (*Cluster)(nil)
	_ cluster.View     = (*View)(nil)
	_ cluster.Exporter = (*Cluster)(nil)
	_ cluster.Importer = (*Cluster)(nil)
)

// View is one moment of some tables: sessions whose read views were made while nobody could commit.
//
// A session of its own, the guard, holds a metadata lock on every table from before the description until Close. So a
// definition, a partition or a name cannot change behind the view. This matters more than it seems: most changes make a read
// fail with error 1412, but after EXCHANGE PARTITION or RENAME TABLE it gives the rows of another table without a word
// (measured on MariaDB 10.11). The price is that DDL on these tables waits for the view, and statements that come after
// such a DDL wait with it. Letting go of a table once it is read is not to be had on MariaDB, where ROLLBACK TO SAVEPOINT
// keeps metadata locks while the binary log is on (measured), so its own mysqldump --single-transaction holds up DDL as well.
type View struct {
	cluster  *Cluster
	database string
	tables   []snapshot.Table
	weak     []string
	point    snapshot.Point

	address string
	side    *sql.DB       // for everything that need not be in the view, on the same server
	guard   *wire.Session // holds metadata locks
	guardID string
	free    chan *viewSession

	ctx    context.Context // of all statements: ends with the view
	cancel context.CancelFunc
	broken chan struct{}
	ended  sync.WaitGroup // the watch

	mu    sync.Mutex
	cause error // why it is lost, or that it is closed
	keys  map[string]tableKey
}

// keptIdle is how long, in seconds, the server keeps a session of a view that says nothing. The watch asks far more often;
// a client that stands still holds up DDL, and the purge of old rows, no longer than this.
const keptIdle = 600

// Intervals of the watch over idle sessions. Looking at the connection costs nothing; asking the server keeps firewalls from
// forgetting it.
const (
	lookInterval = time.Second
	askInterval  = time.Minute
)

var errClosed = errors.New("read view is closed")

// OpenView opens a view. See lock for how it reaches one moment.
func (c *Cluster) OpenView(ctx context.Context, r cluster.ViewRequest) (cluster.View, error) {
	v, err := c.openView(ctx, r, patience)
	if err != nil {
		return nil, fmt.Errorf("open read view of %s: %w", r.Database, err)
	}
	return v, nil
}

func (c *Cluster) openView(ctx context.Context, r cluster.ViewRequest, p locking) (_ *View, err error) {
	v := &View{cluster: c, database: r.Database, broken: make(chan struct{}), keys: map[string]tableKey{}}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	v.free = make(chan *viewSession, max(r.Sessions, 1))
	defer func() {
		if err != nil {
			_ = v.Close()
		}
	}()
	if v.guard, v.address, err = c.dial(ctx); err != nil {
		return nil, err
	}
	v.side = sql.OpenDB(fixedConnector{c, v.address})
	v.side.SetMaxIdleConns(statementsAtOnce)
	if err := v.hold(ctx, r.Tables); err != nil {
		return nil, err
	}
	if v.tables, err = describe(ctx, v.side, r.Database, r.Tables, statementsAtOnce); err != nil {
		return nil, err
	}
	v.weak = weakOf(v.tables)
	if err := v.freeze(ctx, p); err != nil {
		return nil, err
	}
	if err := v.guard.Exec(ctx, "DO 0"); err != nil { // what it held up to the moment, it held all the time
		return nil, explain(ctx, err)
	}
	v.ended.Add(1)
	go v.watch()
	return v, nil
}

// hold takes metadata locks: a transaction keeps them on every table that it has named.
func (v *View) hold(ctx context.Context, tables []string) error {
	for _, statement := range []string{fmt.Sprintf("SET wait_timeout = %d", keptIdle), "START TRANSACTION READ ONLY"} {
		if err := v.guard.Exec(ctx, statement); err != nil {
			return explain(ctx, err)
		}
	}
	for _, t := range tables {
		name, err := qualified(v.database, t)
		if err != nil {
			return err
		}
		if err := v.guard.Exec(ctx, "SELECT 1 FROM "+name+" LIMIT 0"); err != nil {
			return fmt.Errorf("hold definition of %s: %w", t, explain(ctx, err))
		}
	}
	return nil
}

func weakOf(tables []snapshot.Table) []string {
	var weak []string
	for _, t := range tables {
		if t.Model != "INNODB" {
			weak = append(weak, fmt.Sprintf("%s: engine %s keeps no read views", t.Name, t.Model))
		}
	}
	return weak
}

// Tables implements cluster.View.
func (v *View) Tables() []snapshot.Table { return v.tables }

// Weak implements cluster.View.
func (v *View) Weak() []string { return v.weak }

// Point implements cluster.View.
func (v *View) Point() snapshot.Point { return v.point }

// Broken implements cluster.View.
func (v *View) Broken() <-chan struct{} { return v.broken }

// Close ends the view; reads that go on fail.
func (v *View) Close() error {
	v.give(errClosed, false)
	v.ended.Wait()
	for {
		select {
		case s := <-v.free:
			_ = s.wire.Close()
			continue
		default:
		}
		break
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.guard != nil {
		_ = v.guard.Close()
	}
	if v.side != nil {
		_ = v.side.Close()
	}
	return nil
}

// lose gives the view up: a session with its moment cannot be had again.
func (v *View) lose(cause error) { v.give(cause, true) }

func (v *View) give(cause error, lost bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cause != nil {
		return
	}
	v.cause = cause
	v.cancel()
	if lost {
		close(v.broken)
	}
}

// end returns why the view has ended, nil while it has not.
func (v *View) end() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cause == nil {
		return nil
	}
	return fmt.Errorf("read view is lost: %w: %w", cluster.ErrMoved, v.cause)
}

// watch looks after the sessions that nobody uses; one that is used tells its reader.
func (v *View) watch() {
	defer v.ended.Done()
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	asked := time.Now()
	for {
		select {
		case <-v.ctx.Done():
			return
		case <-look.C:
		}
		ask := time.Since(asked) >= askInterval
		if ask {
			asked = time.Now()
		}
		if err := lively(v.ctx, v.guard, ask); err != nil {
			v.lose(fmt.Errorf("session that holds the definitions: %w", err))
			return
		}
		for range cap(v.free) {
			select {
			case s := <-v.free:
				err := lively(v.ctx, s.wire, ask)
				v.put(s)
				if err != nil {
					v.lose(fmt.Errorf("session %s: %w", s.id, err))
					return
				}
			default:
			}
		}
	}
}

// table returns a table of the view.
func (v *View) table(name string) (snapshot.Table, error) {
	for _, t := range v.tables {
		if t.Name == name {
			return t, nil
		}
	}
	return snapshot.Table{}, fmt.Errorf("table %s is not in the view: %w", name, cluster.ErrUnknownTable)
}

// physical returns the estimates of a partition.
func (v *View) physical(table, partition string) (snapshot.PhysicalPartition, error) {
	t, err := v.table(table)
	if err != nil {
		return snapshot.PhysicalPartition{}, err
	}
	p, ok := t.Partition(partition)
	if !ok || len(p.Physical) == 0 {
		return snapshot.PhysicalPartition{}, fmt.Errorf("partition %s.%s is not in the view: %w", table, partition, cluster.ErrUnknownPartition)
	}
	return p.Physical[0], nil
}

// clause returns the name for a PARTITION clause: none for the whole of a table without partitions.
func (v *View) clause(table, partition string) string {
	if t, err := v.table(table); err == nil && partition == table && t.Partitioning == snapshot.Unpartitioned {
		return ""
	}
	return partition
}

// key returns the key of a table, which is looked for once.
func (v *View) key(ctx context.Context, table string) (tableKey, error) {
	v.mu.Lock()
	k, ok := v.keys[table]
	v.mu.Unlock()
	if ok {
		return k, nil
	}
	k, err := keyOf(ctx, v.side, v.database, table)
	if err != nil {
		return tableKey{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys[table] = k
	return k, nil
}

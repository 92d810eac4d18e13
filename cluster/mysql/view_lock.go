package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// lock is a way to keep writers from committing for a moment.
type lock struct {
	name   string
	take   []string
	give   string
	global bool // for all tables of the server: the position in the binary log is that of the moment
	none   bool
}

// locks are the ways to one moment, the best first; the next one is for users who lack the privilege of the one before.
//
// BACKUP STAGE (MariaDB 10.4.1, needs RELOAD) stops commits, and waits for neither queries nor open transactions; DDL
// and writes to tables without transactions are stopped with it. FLUSH TABLES WITH READ LOCK (RELOAD, on MySQL 8 also
// FLUSH_TABLES) waits for all running statements. LOCK TABLES … READ (LOCK TABLES) waits until open transactions that have
// written the tables end. Without any of these there is one moment in one session only: it is read by that one.
func locks(s server, database string, tables []string) []lock {
	global := lock{
		name: "FLUSH TABLES WITH READ LOCK", take: []string{"FLUSH TABLES WITH READ LOCK"}, give: "UNLOCK TABLES", global: true,
	}
	if s.maria {
		global = lock{
			name: "BACKUP STAGE BLOCK_COMMIT", take: []string{"BACKUP STAGE START", "BACKUP STAGE BLOCK_COMMIT"}, give: "BACKUP STAGE END", global: true,
		}
	}
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = quoted(database) + "." + quoted(t) + " READ"
	}
	list := []lock{global}
	if len(tables) > 0 {
		list = append(list, lock{name: "LOCK TABLES READ", take: []string{"LOCK TABLES " + strings.Join(names, ", ")}, give: "UNLOCK TABLES"})
	}
	return append(list, lock{name: "none: one session reads, since neither RELOAD nor LOCK TABLES is granted", none: true})
}

// locking is how long a lock is waited for. Whoever waits for one of these locks makes others wait behind it, so each
// attempt is short, and there is air between them.
type locking struct {
	wait   time.Duration // whole seconds: lock_wait_timeout knows no others
	hold   time.Duration // whole seconds: from then on the server takes the lock from a client that says nothing
	pauses []time.Duration
}

var patience = locking{
	wait:   2 * time.Second,
	hold:   10 * time.Second,
	pauses: []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute},
}

// freeze brings all sessions to one moment.
func (v *View) freeze(ctx context.Context, p locking) error {
	rows, err := records(ctx, v.guard, "SELECT VERSION() AS version, CONNECTION_ID() AS id")
	if err != nil {
		return explain(ctx, err)
	}
	v.guardID = rows[0]["id"]
	about := parseVersion(rows[0]["version"])
	var names []string
	for _, t := range v.tables {
		names = append(names, t.Name)
	}
	for _, l := range locks(about, v.database, names) {
		if err = v.freezeBy(ctx, p, l, about); !errors.Is(err, cluster.ErrDenied) {
			break
		}
	}
	return err
}

func (v *View) freezeBy(ctx context.Context, p locking, l lock, about server) error {
	n := cap(v.free)
	if l.none {
		n = 1
	}
	sessions, err := v.sessions(ctx, n)
	if err != nil {
		return err
	}
	point, err := v.moment(ctx, p, l, about, sessions)
	if err != nil {
		closeAll(sessions)
		return fmt.Errorf("%s: %w", l.name, err)
	}
	v.point = point
	for _, s := range sessions {
		v.free <- s
	}
	return nil
}

// moment takes the lock, makes the views, and gives the lock back.
func (v *View) moment(ctx context.Context, p locking, l lock, about server, sessions []*viewSession) (snapshot.Point, error) {
	point := snapshot.Point{Lock: l.name}
	var err error
	point.LockedFor, err = v.locked(ctx, p, l, func(holder *wire.Session) error {
		if err := begin(ctx, sessions); err != nil {
			return err
		}
		if l.global && !about.maria {
			return position(ctx, holder, &point)
		}
		return nil
	})
	if err == nil && about.maria {
		err = ownPosition(ctx, sessions[0].wire, &point)
	}
	return point, err
}

// locked runs f under the lock, and tells how long others had to wait for it, failed attempts included.
func (v *View) locked(ctx context.Context, p locking, l lock, f func(holder *wire.Session) error) (time.Duration, error) {
	var total time.Duration
	for attempt := 0; ; attempt++ {
		took, err := v.tryLocked(ctx, p, l, f)
		total += took
		if !isNumber(err, busy...) {
			return total, err
		}
		if attempt == len(p.pauses) {
			return total, fmt.Errorf("not to be had in %d attempts of %s%s: %w", attempt+1, p.wait, v.suspects(ctx), err)
		}
		select {
		case <-ctx.Done():
			return total, context.Cause(ctx)
		case <-time.After(p.pauses[attempt]):
		}
	}
}

// tryLocked is one attempt, in a session of its own, whose end gives the lock back, whatever went wrong. A client that
// stands still under the lock (a machine that is suspended) would stop all writers for as long as its connection lives, so
// the server ends the session after hold. Then giving the lock back fails, and with it the view: nobody knows when writers
// went on.
func (v *View) tryLocked(ctx context.Context, p locking, l lock, f func(holder *wire.Session) error) (time.Duration, error) {
	holder, err := v.cluster.dialTo(ctx, v.address)
	if err != nil {
		return 0, explain(ctx, err)
	}
	defer func() { _ = holder.Close() }()
	limits := fmt.Sprintf("SET lock_wait_timeout = %d, wait_timeout = %d", max(1, int(p.wait.Seconds())), max(1, int(p.hold.Seconds())))
	if err := holder.Exec(ctx, limits); err != nil {
		return 0, explain(ctx, err)
	}
	start := time.Now()
	if err := takeLock(ctx, holder, l); err != nil {
		_ = holder.Exec(ctx, l.give) // a stage before may have been reached; where none was, that is an error
		return since(start, l), explain(ctx, err)
	}
	err = f(holder)
	if len(l.take) > 0 {
		err = errors.Join(err, explain(ctx, holder.Exec(ctx, l.give)))
	}
	return since(start, l), err
}

func takeLock(ctx context.Context, holder *wire.Session, l lock) error {
	for _, statement := range l.take {
		if err := holder.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func since(start time.Time, l lock) time.Duration {
	if l.none {
		return 0
	}
	return time.Since(start)
}

// begin makes the read views.
func begin(ctx context.Context, sessions []*viewSession) error {
	g, gctx := errgroup.WithContext(ctx)
	for _, s := range sessions {
		g.Go(func() error {
			return s.wire.Exec(gctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
		})
	}
	return explain(ctx, g.Wait())
}

// position asks MySQL where its binary log is, while nobody writes to it: SHOW BINARY LOG STATUS since 8.2, which is the
// only name since 8.4 (MySQL 8.4 "SHOW BINARY LOG STATUS"). A user without REPLICATION CLIENT gets a snapshot without it.
func position(ctx context.Context, holder *wire.Session, point *snapshot.Point) error {
	rows, err := records(ctx, holder, "SHOW BINARY LOG STATUS")
	if isNumber(err, 1064) {
		rows, err = records(ctx, holder, "SHOW MASTER STATUS")
	}
	if isNumber(err, 1227) || err == nil && len(rows) == 0 {
		return nil
	}
	if err != nil {
		return explain(ctx, err)
	}
	point.BinlogFile, point.GTID = rows[0]["file"], strings.ReplaceAll(rows[0]["executed_gtid_set"], "\n", "")
	point.BinlogPosition, err = strconv.ParseInt(rows[0]["position"], 10, 64)
	return err
}

// ownPosition asks MariaDB for the position of a session's own view; it needs no lock and no privilege (MariaDB
// "Enhancements for START TRANSACTION WITH CONSISTENT SNAPSHOT"). Both are empty when the binary log is off.
func ownPosition(ctx context.Context, s *wire.Session, point *snapshot.Point) error {
	rows, err := records(ctx, s, "SHOW STATUS LIKE 'Binlog_snapshot_%'")
	if err != nil {
		return explain(ctx, err)
	}
	for _, r := range rows {
		switch r["variable_name"] {
		case "Binlog_snapshot_file":
			point.BinlogFile = r["value"]
		case "Binlog_snapshot_position":
			point.BinlogPosition, _ = strconv.ParseInt(r["value"], 10, 64) // empty without a log
		}
	}
	if point.BinlogFile == "" {
		return nil
	}
	gtid, err := records(ctx, s, fmt.Sprintf("SELECT BINLOG_GTID_POS(%s, %d) AS gtid", literal(point.BinlogFile), point.BinlogPosition))
	if err != nil {
		return explain(ctx, err)
	}
	point.GTID = gtid[0]["gtid"]
	return nil
}

// suspects names the sessions that have been busy, or in a transaction, for longest: one of them holds the lock up. Their
// statements may hold secrets and stay out.
func (v *View) suspects(ctx context.Context) string {
	rows, err := queryOn(ctx, v.side, "SELECT p.ID, p.USER, GREATEST(p.TIME, COALESCE(TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), 0)) AS TIME, "+
		"IF(t.trx_id IS NULL, p.STATE, 'in a transaction') AS STATE FROM information_schema.PROCESSLIST p "+
		"LEFT JOIN information_schema.INNODB_TRX t ON t.trx_mysql_thread_id = p.ID WHERE p.ID <> CONNECTION_ID() AND p.ID <> "+v.guardID+
		" AND (t.trx_id IS NOT NULL OR p.COMMAND NOT IN ('Sleep', 'Daemon', 'Binlog Dump')) ORDER BY 3 DESC LIMIT 3")
	if errors.Is(err, cluster.ErrDenied) {
		return "; who holds it up is shown with PROCESS only"
	}
	if err != nil || len(rows) == 0 {
		return ""
	}
	list := make([]string, len(rows))
	for i, r := range rows {
		list[i] = fmt.Sprintf("session %s of %s for %s s (%s)", r["id"], r["user"], r["time"], r["state"])
	}
	return "; busy are " + strings.Join(list, ", ")
}

package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/cluster/wire"
)

// viewSession is a session with a read view.
type viewSession struct {
	view *View
	wire *wire.Session
	id   string // for KILL QUERY
}

// fixedConnector opens the sessions of a pool on one server.
type fixedConnector struct {
	cluster *Cluster
	address string
}

// Connect implements driver.Connector.
func (k fixedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	return k.cluster.connectTo(ctx, k.address)
}

// Driver implements driver.Connector.
func (k fixedConnector) Driver() driver.Driver { return &mysql.MySQLDriver{} }

// sessions opens sessions, their views not made yet.
func (v *View) sessions(ctx context.Context, n int) ([]*viewSession, error) {
	list := make([]*viewSession, n)
	g, gctx := errgroup.WithContext(ctx)
	for i := range list {
		g.Go(func() error {
			w, err := v.cluster.dialTo(gctx, v.address)
			if err != nil {
				return err
			}
			s := &viewSession{view: v, wire: w}
			list[i] = s
			if err := w.Exec(gctx, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"); err != nil {
				return err
			}
			if err := w.Exec(gctx, fmt.Sprintf("SET wait_timeout = %d", keptIdle)); err != nil {
				return err
			}
			id, err := records(gctx, w, "SELECT CONNECTION_ID() AS id")
			if err == nil {
				s.id = id[0]["id"]
			}
			return err
		})
	}
	err := g.Wait()
	if err != nil {
		closeAll(list)
	}
	return list, explain(ctx, err)
}

func closeAll(list []*viewSession) {
	for _, s := range list {
		if s != nil {
			_ = s.wire.Close()
		}
	}
}

var errCut = errors.New("the server has closed the connection")

func lively(ctx context.Context, s *wire.Session, ask bool) error {
	if !s.Alive() {
		return errCut
	}
	if !ask {
		return nil
	}
	return s.Exec(ctx, "DO 0")
}

// put takes a session back. A view that has ended keeps none.
func (v *View) put(s *viewSession) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cause != nil {
		_ = s.wire.Close()
		return
	}
	v.free <- s // there is room: it was taken from there
}

// lease waits for a session that nobody uses.
func (v *View) lease(ctx context.Context) (*viewSession, error) {
	if err := v.end(); err != nil {
		return nil, err
	}
	select {
	case s := <-v.free:
		return s, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-v.ctx.Done():
		return nil, v.end()
	}
}

// moved are answers that in a view can only mean that its guard is gone: table, column or partition are not what they were.
var moved = []uint16{1054, 1146, 1176, 1412, 1735}

// cut are answers with which a server ends a session.
var cut = []uint16{1053, 1080, 1927, 3168, 4031}

// end gives the session back and says what an error means.
func (s *viewSession) end(ctx context.Context, err error) error {
	v := s.view
	if err == nil {
		v.put(s)
		return nil
	}
	if !s.wire.Alive() || isNumber(err, cut...) {
		v.lose(fmt.Errorf("session %s: %w", s.id, err))
	}
	v.put(s)
	switch cause := v.end(); {
	case cause != nil:
		return cause
	case isNumber(err, moved...):
		return fmt.Errorf("%w: %w", cluster.ErrMoved, err)
	}
	return explain(ctx, err)
}

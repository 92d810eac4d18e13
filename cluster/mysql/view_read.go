package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// Read starts one SELECT on a session of the view.
func (v *View) Read(ctx context.Context, r cluster.ReadRequest) (snapshot.RowReader, error) {
	reader, err := v.read(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", v.database, r.Table, err)
	}
	return reader, nil
}

func (v *View) read(ctx context.Context, r cluster.ReadRequest) (snapshot.RowReader, error) {
	if r.Database != v.database {
		return nil, fmt.Errorf("view is of %s, not of %s: %w", v.database, r.Database, cluster.ErrUnknownDatabase)
	}
	if _, err := v.table(r.Table); err != nil {
		return nil, err
	}
	key, err := v.key(ctx, r.Table)
	if err != nil {
		if cause := v.end(); cause != nil {
			err = cause
		}
		return nil, err
	}
	r.Partition = v.clause(r.Table, r.Partition)
	statement, err := selectRows(r, key)
	if err != nil {
		return nil, err
	}
	s, err := v.lease(ctx)
	if err != nil {
		return nil, err
	}
	result, err := s.start(ctx, statement)
	if err != nil {
		return nil, s.end(ctx, err)
	}
	return &viewRows{ctx: ctx, session: s, result: result}, nil
}

// viewRows are the rows of a Read. The session goes back as soon as they are all read.
type viewRows struct {
	ctx     context.Context // the statement's own: a reader has no parameter for it
	session *viewSession
	result  *viewResult
	err     error // once the session is given back
}

// Next implements snapshot.RowReader.
func (r *viewRows) Next(b *snapshot.Batch) error {
	if r.err != nil {
		b.Reset()
		return r.err
	}
	err := r.result.next(b)
	if err == nil {
		return nil
	}
	b.Reset()
	return r.finish(err)
}

func (r *viewRows) finish(err error) error {
	r.result.stop()
	if errors.Is(err, io.EOF) {
		_ = r.session.end(r.ctx, nil)
		r.err = io.EOF
		return io.EOF
	}
	r.err = r.session.end(r.ctx, err)
	return r.err
}

// Close implements snapshot.RowReader. Rows that were not read cost nothing: the server is told to stop.
func (r *viewRows) Close() error {
	if r.err == nil {
		_ = r.finish(io.EOF)
	}
	return nil
}

// viewResult is a running statement of a view. When its context ends, the statement is killed and not the session, which
// the view could not replace.
type viewResult struct {
	ctx     context.Context
	session *viewSession
	result  *wire.Result
	unwatch func() bool
	kill    sync.Once
	killed  bool // once kill is done
}

// killTimeout bounds asking the server to stop a statement. If it is not asked, the rows are read to their end.
const killTimeout = 10 * time.Second

func (s *viewSession) start(ctx context.Context, statement string) (*viewResult, error) {
	r := &viewResult{ctx: ctx, session: s}
	r.unwatch = context.AfterFunc(ctx, r.interrupt)
	var err error
	if r.result, err = s.wire.Query(s.view.ctx, statement); err != nil {
		r.stop()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, err
	}
	return r, nil
}

func (r *viewResult) interrupt() {
	r.kill.Do(func() {
		ctx, cancel := context.WithTimeout(r.session.view.ctx, killTimeout)
		defer cancel()
		_, _ = r.session.view.side.ExecContext(ctx, "KILL QUERY "+r.session.id)
		r.killed = true
	})
}

func (r *viewResult) next(b *snapshot.Batch) error {
	if cause := context.Cause(r.ctx); cause != nil {
		return cause
	}
	err := r.result.Next(b)
	if cause := context.Cause(r.ctx); cause != nil && err != nil && !errors.Is(err, io.EOF) {
		return cause
	}
	return err
}

// stop brings the session to where it can take another statement.
func (r *viewResult) stop() {
	watched := r.unwatch()
	if r.result != nil && !r.result.Ended() {
		r.interrupt()
		var b snapshot.Batch
		for r.result.Next(&b) == nil { // what was on its way
		}
	} else if !watched {
		r.interrupt() // waits for the one under way
	}
	// A KILL that came when the statement was over may be for the next one: this is it.
	if r.killed && r.session.wire.Alive() {
		_ = r.session.wire.Exec(r.session.view.ctx, "DO 0")
	}
}

// records reads the rows of a metadata statement on a session below database/sql.
func records(ctx context.Context, s *wire.Session, statement string) ([]record, error) {
	r, err := s.Query(ctx, statement)
	if err != nil {
		return nil, err
	}
	var all []record
	var b snapshot.Batch
	for {
		switch err := r.Next(&b); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		for i := range b.Rows() {
			row := record{}
			for j, name := range r.Columns() {
				row[strings.ToLower(name)] = string(b.Columns[j].Value(i))
			}
			all = append(all, row)
		}
	}
}

// query runs a statement in the view and returns its rows, which are few.
func (s *viewSession) query(ctx context.Context, statement string) ([][][]byte, error) {
	r, err := s.start(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	var all [][][]byte
	var b snapshot.Batch
	for {
		switch err := r.next(&b); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		for i := range b.Rows() {
			row := make([][]byte, len(b.Columns))
			for j := range row {
				row[j] = append([]byte{}, b.Columns[j].Value(i)...)
			}
			all = append(all, row)
		}
	}
}

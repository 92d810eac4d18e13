package wire

import (
	"context"
	"net"
	"sync"
)

// maxIdle bounds the sessions a Pool keeps for later: connecting costs several round trips.
const maxIdle = 8

// Pool runs statements on sessions that it dials as needed and uses again. It sets no bound on how many run at a time:
// its callers do. A Pool is safe for concurrent use.
type Pool struct {
	dial func(context.Context) (*Session, error)

	mu     sync.Mutex
	idle   []*Session
	closed bool
}

// NewPool returns a pool of the sessions that dial makes.
func NewPool(dial func(context.Context) (*Session, error)) *Pool { return &Pool{dial: dial} }

// Exec runs a statement and discards its rows.
func (p *Pool) Exec(ctx context.Context, statement string) error {
	s, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer p.put(s)
	return s.Exec(ctx, statement)
}

// Query runs a statement on a session of its own, which comes back when the result is read to its end or closed.
func (p *Pool) Query(ctx context.Context, statement string) (*Result, error) {
	s, err := p.take(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Query(ctx, statement)
	if err != nil {
		p.put(s)
		return nil, err
	}
	if r.ended {
		p.put(s)
		return r, nil
	}
	r.release = p.put
	return r, nil
}

// Forget closes the idle sessions: the next statement connects anew.
func (p *Pool) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.idle {
		_ = s.Close()
	}
	p.idle = nil
}

// Close closes the idle sessions; those in use are closed when they come back.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Forget()
	return nil
}

// take returns a session that is ready for a statement.
func (p *Pool) take(ctx context.Context) (*Session, error) {
	s, err := p.connected(ctx)
	if err != nil || s.Ready == nil {
		return s, err
	}
	if err := s.Ready(ctx); err != nil {
		p.put(s)
		return nil, err
	}
	return s, nil
}

func (p *Pool) connected(ctx context.Context) (*Session, error) {
	for {
		s, err := p.pop()
		if err != nil {
			return nil, err
		}
		if s == nil {
			return p.dial(ctx)
		}
		if s.Alive() {
			return s, nil
		}
		_ = s.Close()
	}
}

func (p *Pool) pop() (*Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, net.ErrClosed
	}
	n := len(p.idle)
	if n == 0 {
		return nil, nil
	}
	s := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return s, nil
}

func (p *Pool) put(s *Session) {
	if s.broken {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxIdle {
		_ = s.Close()
		return
	}
	p.idle = append(p.idle, s)
}

package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// readyTimeout is how long a process may take until it is ready; a cold disk is slow.
const readyTimeout = 60 * time.Second

// process is a child that dies with its parent.
type process struct {
	name  string
	cmd   *exec.Cmd
	grace time.Duration // after SIGTERM
	lines *lines
	done  chan struct{} // closed when it has ended
	err   error         // of its end; read after done
}

// command says what to run.
type command struct {
	name, path string
	args, env  []string
	folder     string // for the log
	grace      time.Duration
}

// start runs a command; ready tells of a line of its output that it is ready.
func start(c command, ready func(line string) bool) (*process, error) {
	log, err := os.Create(filepath.Join(c.folder, c.name+".log"))
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	p := &process{name: c.name, grace: c.grace, lines: &lines{log: log, match: ready, ready: make(chan struct{})}, done: make(chan struct{})}
	p.cmd = exec.Command(c.path, c.args...)
	p.cmd.Env = c.env
	p.cmd.Stdout, p.cmd.Stderr = p.lines, p.lines
	p.cmd.WaitDelay = time.Second
	p.cmd.SysProcAttr = attributes()
	if err := fork(p.cmd); err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("start %s: %w; build it with: make build tools", c.name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		_ = log.Close()
		close(p.done)
	}()
	return p, nil
}

// starts runs on a thread of its own: Linux kills the children when the thread that forked them ends, not the process.
var starts = sync.OnceValue(func() chan<- func() {
	c := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range c {
			f()
		}
	}()
	return c
})

func fork(cmd *exec.Cmd) error {
	done := make(chan error)
	starts() <- func() { done <- cmd.Start() }
	return <-done
}

// awaitReady waits until the process has said that it is ready.
func (p *process) awaitReady(ctx context.Context) error {
	return p.until(ctx, p.lines.ready)
}

func (p *process) until(ctx context.Context, ready <-chan struct{}) error {
	timeout := time.NewTimer(readyTimeout)
	defer timeout.Stop()
	select {
	case <-ready:
		return nil
	case <-p.done:
		return p.ended()
	case <-timeout.C:
		return fmt.Errorf("start %s: it is not ready after %s: %s", p.name, readyTimeout, p.lines.last())
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *process) ended() error {
	text := p.lines.last()
	if text == "" {
		text = "it said nothing"
	}
	return fmt.Errorf("%s ended (%s): %s", p.name, p.state(), text)
}

func (p *process) state() string {
	var e *exec.ExitError
	if errors.As(p.err, &e) {
		return e.Error()
	}
	return "exit status 0"
}

// stop asks the process to end, and makes it end when its grace is over.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended already
	select {
	case <-p.done:
		return
	case <-time.After(p.grace):
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// lines keeps the output of a process in its log, remembers the last lines, and looks for the ready line.
type lines struct {
	log   io.Writer
	match func(line string) bool
	ready chan struct{}

	mu      sync.Mutex
	partial bytes.Buffer
	tail    []string
	said    bool
}

const tailLines = 5

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial.Write(b)
	for {
		i := bytes.IndexByte(l.partial.Bytes(), '\n')
		if i < 0 {
			return l.log.Write(b)
		}
		line := strings.TrimSuffix(string(l.partial.Next(i+1)), "\n")
		l.tail = append(l.tail, line)
		if len(l.tail) > tailLines {
			l.tail = l.tail[1:]
		}
		if !l.said && l.match(line) {
			l.said = true
			close(l.ready)
		}
	}
}

func (l *lines) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(append(append([]string(nil), l.tail...), strings.Fields(l.partial.String())...), "\n")
}

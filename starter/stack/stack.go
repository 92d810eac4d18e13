// Package stack runs everything that a trial of Starkeep needs on one machine: Temporal with its UI, a sandbox cluster
// and a worker. It is for trying: without passwords, on the loopback address only.
package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const loopback = "127.0.0.1"

// Config says where things are.
type Config struct {
	Root      string       // folder that holds bin and .tools
	Folder    string       // for state and logs; absolute
	KeyFile   string       // shared by worker and clients
	FreePorts bool         // take any ports; else the usual ones where they are free
	Say       func(string) // tells people what is going on
}

// Stack is what runs. Its addresses are host:port.
type Stack struct {
	Temporal, SQL, HTTP, BackendHTTP, Admin string
	UI                                      string // a URL

	config    Config
	processes []*process
	lock      *os.File
	stopping  sync.Once
}

// Start starts everything and returns when all of it is ready. On an error nothing is left running.
func Start(ctx context.Context, c Config) (*Stack, error) {
	s := &Stack{config: c}
	for _, step := range []func(context.Context) error{s.claim, s.startTemporal, s.startSandbox, s.startWorker, s.writeEnvironment} {
		if err := step(ctx); err != nil {
			s.Stop()
			return nil, err
		}
	}
	return s, nil
}

// claim makes sure that no other stack works in the folder: two Temporal servers on one file would ruin it.
func (s *Stack) claim(context.Context) error {
	if err := os.MkdirAll(s.logs(), 0o700); err != nil {
		return fmt.Errorf("prepare state folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.config.Folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("claim state folder: %w", err)
	}
	s.lock = f
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("claim state folder: another one runs in %s; stop it, or choose another folder with --state", s.config.Folder)
	}
	return nil
}

func (s *Stack) logs() string { return filepath.Join(s.config.Folder, "logs") }

// Log returns the path of a process's log: temporal, sandbox or worker.
func (s *Stack) Log(name string) string { return filepath.Join(s.logs(), name+".log") }

func (s *Stack) run(c command, ready func(string) bool) (*process, error) {
	c.folder, c.env = s.logs(), append(s.Environment(), c.env...)
	p, err := start(c, ready)
	if err == nil {
		s.processes = append(s.processes, p)
	}
	return p, err
}

// Environment is that of this process, with what would lead the stack's own processes astray replaced.
func (s *Stack) Environment() []string {
	ours := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "TEMPORAL_") || strings.HasPrefix(v, "STARKEEP_") || strings.HasPrefix(v, "SANDBOX_")
	})
	return append(ours, s.variables()...)
}

// variables lead clients to this stack.
func (s *Stack) variables() []string {
	return []string{"TEMPORAL_CONFIG_FILE=" + s.profile(), "TEMPORAL_ADDRESS=" + s.Temporal,
		"STARKEEP_KEY_FILE=" + s.config.KeyFile, "SANDBOX_SQL=" + s.SQL, "SANDBOX_HTTP=" + s.HTTP}
}

// choose returns the usual port, or a free one when that is taken.
func (s *Stack) choose(what string, usual int) int {
	if !s.config.FreePorts {
		if l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(usual))); err == nil {
			_ = l.Close()
			return usual
		}
	}
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return usual // no port at all: the process itself will say why
	}
	defer func() { _ = l.Close() }()
	port := l.Addr().(*net.TCPAddr).Port
	if !s.config.FreePorts {
		s.config.Say(fmt.Sprintf("port %d of %s is taken, using %d", usual, what, port))
	}
	return port
}

// addresses is the ready line of the sandbox.
type addresses struct {
	Ready       bool   `json:"ready"`
	SQL         string `json:"sql"`
	HTTP        string `json:"http"`
	BackendHTTP string `json:"backend_http"`
	Admin       string `json:"admin"`
}

func (s *Stack) startSandbox(ctx context.Context) error {
	args := []string{"serve"}
	for _, p := range []struct {
		flag, what string
		usual      int
	}{{"--sql", "the cluster's SQL", 9030}, {"--http", "the cluster's HTTP", 8030}, {"--backend-http", "the cluster's backend", 8040}, {"--admin", "the sandbox's faults", 8050}} {
		args = append(args, p.flag, net.JoinHostPort(loopback, strconv.Itoa(s.choose(p.what, p.usual))))
	}
	var a addresses
	p, err := s.run(command{name: "sandbox", path: s.binary("sandbox"), args: args, grace: 5 * time.Second},
		func(line string) bool { return json.Unmarshal([]byte(line), &a) == nil && a.Ready })
	if err != nil {
		return err
	}
	if err := p.awaitReady(ctx); err != nil {
		return err
	}
	s.SQL, s.HTTP, s.BackendHTTP, s.Admin = a.SQL, a.HTTP, a.BackendHTTP, a.Admin
	return nil
}

func (s *Stack) startWorker(ctx context.Context) error {
	if err := s.writeProfile(); err != nil {
		return fmt.Errorf("write Temporal profile: %w", err)
	}
	path := filepath.Join(s.config.Folder, "worker.toml")
	if err := os.WriteFile(path, []byte(s.workerConfig()), 0o600); err != nil {
		return fmt.Errorf("write the worker's configuration: %w", err)
	}
	p, err := s.run(command{name: "worker", path: s.binary("worker"), args: []string{"--config", path}, grace: 35 * time.Second}, // it drains for 30 s
		func(line string) bool { return strings.Contains(line, "worker ready") })
	if err != nil {
		return err
	}
	return p.awaitReady(ctx)
}

func (s *Stack) workerConfig() string {
	return fmt.Sprintf(`# Written by starter; changes are lost.
spool = %q
journal = %q
key_file = %q

[clusters.default]
kind = "starrocks"
frontends = [%q]
http = [%q]
user = "root"
`, filepath.Join(s.config.Folder, "spool"), filepath.Join(s.config.Folder, "journal"), s.config.KeyFile, s.SQL, "http://"+s.HTTP)
}

func (s *Stack) binary(name string) string { return filepath.Join(s.config.Root, "bin", name) }

// EnvironmentFile is sourced by shells that want to talk to this stack.
func (s *Stack) EnvironmentFile() string { return filepath.Join(s.config.Folder, "env") }

func (s *Stack) writeEnvironment(context.Context) error {
	var b strings.Builder
	for _, v := range s.variables() {
		name, value, _ := strings.Cut(v, "=")
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	if err := os.WriteFile(s.EnvironmentFile(), []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write environment file: %w", err)
	}
	return nil
}

// Wait returns nil when ctx ends, or an error when one of the processes does.
func (s *Stack) Wait(ctx context.Context) error {
	ended := make(chan *process, len(s.processes))
	for _, p := range s.processes {
		go func() {
			<-p.done
			ended <- p
		}()
	}
	select {
	case <-ctx.Done():
		return nil
	case p := <-ended:
		return errors.Join(p.ended(), fmt.Errorf("its log is %s", s.Log(p.name)))
	}
}

// Stop ends everything, in the order that lets the worker drain.
func (s *Stack) Stop() {
	s.stopping.Do(func() {
		for _, p := range slices.Backward(s.processes) {
			p.stop()
		}
		if s.lock != nil {
			_ = s.lock.Close() // gives up the claim
		}
	})
}

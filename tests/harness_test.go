// Package tests runs Starkeep end to end: real Temporal server, real worker and starter processes, the sandbox cluster.
package tests

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"starkeep/job"
	"starkeep/job/sealed"
	"starkeep/sandbox"
	"starkeep/sandbox/fault"
	"starkeep/tests/server/temporal"
)

// secret is the password and key that tests use; TestSecretAppearsNowhere looks for it everywhere.
const secret = "hunter2-S3CR3T"

// bin holds the programs under test, built once.
var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "starkeep-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	bin = dir
	out, err := exec.Command("go", "build", "-o", dir+string(os.PathSeparator), "starkeep/worker", "starkeep/starter").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// namespaces counts those of the shared Temporal server that tests have taken.
var namespaces atomic.Int64

// world is everything one test needs, separate from all others.
type world struct {
	t         testing.TB
	temporal  *temporal.Server
	namespace string
	sandbox   *sandbox.Server
	dir       string // configuration, spool, repository
	client    client.Client
	db        *sql.DB
	worker    *process
	settings  string // of the workers, beside where their files are
	further   string // clusters of the configuration beside the sandbox
	shape     func(*sandbox.Config)
	zone      string // time zone of the worker and of the starter
}

type option func(*world)

// ownTemporal gives the test a Temporal server that it may kill.
func ownTemporal(w *world) { w.temporal = temporal.Start(w.t) }

func newWorld(t testing.TB, options ...option) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("end to end tests need more time than -short gives")
	}
	w := &world{t: t, dir: t.TempDir()}
	for _, o := range options {
		o(w)
	}
	if w.temporal == nil {
		w.temporal = temporal.Shared(t)
	}
	n := namespaces.Add(1)
	require.Less(t, n, int64(temporal.Namespaces), "more tests than namespaces")
	w.namespace = temporal.Namespace(n)
	var err error
	config := sandbox.Config{RootPassword: secret}
	if w.shape != nil {
		w.shape(&config)
	}
	w.sandbox, err = sandbox.Start(config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.sandbox.Close() })
	w.db, err = sql.Open("mysql", fmt.Sprintf("root:%s@tcp(%s)/?interpolateParams=true&multiStatements=false", secret, w.sandbox.SQLAddr()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.db.Close() })
	require.NoError(t, os.MkdirAll(w.repository(), 0o755))
	w.configure(w.dir)
	keys, err := sealed.Load(w.keyFile())
	require.NoError(t, err)
	w.client, err = client.Dial(client.Options{HostPort: w.temporal.Address, Namespace: w.namespace, DataConverter: keys.DataConverter(), Logger: temporal.Quiet})
	require.NoError(t, err)
	t.Cleanup(w.client.Close)
	w.startWorker()
	return w
}

func (w *world) repository() string { return filepath.Join(w.dir, "repository") }
func (w *world) keyFile() string    { return filepath.Join(w.dir, "keys.json") }

// configure writes the workers' configuration file.
func (w *world) configure(dir string) {
	text := fmt.Sprintf(`spool = %q
journal = %q
key_file = %q
%s
[clusters.default]
frontends = [%q]
http = ["http://%s"]
user = "root"
password_env = "SANDBOX_PASSWORD"
%s`, filepath.Join(dir, "spool"), filepath.Join(dir, "journal"), w.keyFile(), w.settings, w.sandbox.SQLAddr(), w.sandbox.HTTPAddr(), w.further)
	require.NoError(w.t, os.WriteFile(filepath.Join(dir, "starkeep.toml"), []byte(text), 0o600))
}

func (w *world) env() []string {
	return append(os.Environ(), "TEMPORAL_ADDRESS="+w.temporal.Address, "TEMPORAL_NAMESPACE="+w.namespace,
		"STARKEEP_KEY_FILE="+w.keyFile(), "SANDBOX_PASSWORD="+secret, "TEMPORAL_CONFIG_FILE="+filepath.Join(w.dir, "none.toml"), "TZ="+cmp.Or(w.zone, os.Getenv("TZ"), "UTC"))
}

// process is a child whose output is kept.
type process struct {
	cmd  *exec.Cmd
	out  *output
	done chan struct{}
}

// output is a buffer that a child writes while the test reads.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (w *world) spawn(name string, args ...string) *process {
	w.t.Helper()
	p := &process{cmd: exec.Command(filepath.Join(bin, name), args...), out: &output{}, done: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir = w.env(), w.dir
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(w.t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	w.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		if w.t.Failed() {
			w.t.Logf("%s said:\n%s", name, p.out)
		}
	})
	return p
}

func (w *world) startWorker() {
	w.t.Helper()
	w.worker = w.spawn("worker", "--config", filepath.Join(w.dir, "starkeep.toml"))
	w.await("worker ready", func() bool {
		select {
		case <-w.worker.done:
			require.Fail(w.t, "worker ended", w.worker.out.String())
		default:
		}
		return strings.Contains(w.worker.out.String(), "worker ready")
	})
}

// killWorker is kill -9.
func (w *world) killWorker() {
	w.t.Helper()
	require.NoError(w.t, w.worker.cmd.Process.Kill())
	<-w.worker.done
}

// await polls a condition of the world outside.
func (w *world) await(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			require.Fail(w.t, "gave up waiting for "+what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// result is what a run of the starter gave.
type result struct {
	code int
	out  string // standard output
	err  string // standard error
}

func (w *world) starter(args ...string) result {
	w.t.Helper()
	var out, errs bytes.Buffer
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "starter"), args...)
	cmd.Env, cmd.Dir = w.env(), w.dir
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(w.t, err)
	}
	return result{code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}
}

// sql runs a statement that has to succeed, to its end.
func (w *world) sql(statement string) string {
	w.t.Helper()
	r := w.starter("sql", "--wait", "-e", statement)
	require.Zero(w.t, r.code, "%s\n%s%s", statement, r.out, r.err)
	return r.out
}

// createRepository makes the repository "repo" on the local disk.
func (w *world) createRepository() {
	w.t.Helper()
	w.sql(fmt.Sprintf(`CREATE REPOSITORY repo WITH BROKER ON LOCATION "file://%s" PROPERTIES ("aws.s3.secret_key" = "%s")`, w.repository(), secret))
}

// exec runs statements on the cluster.
func (w *world) exec(statements ...string) {
	w.t.Helper()
	for _, s := range statements {
		_, err := w.db.Exec(s)
		require.NoError(w.t, err, s)
	}
}

// fault adds a fault to the cluster.
func (w *world) fault(r fault.Rule) {
	w.t.Helper()
	_, err := w.sandbox.Faults().Add(r)
	require.NoError(w.t, err)
}

// status queries a job.
func (w *world) status(database string) (s job.Status, err error) {
	v, err := w.client.QueryWorkflow(context.Background(), job.WorkflowID("default", database), "", job.StatusQuery)
	if err == nil {
		err = v.Get(&s)
	}
	return s, err
}

// awaitState waits until the job of a database is in a state, or further.
func (w *world) awaitJob(database, what string, ok func(job.Status) bool) job.Status {
	w.t.Helper()
	var s job.Status
	w.await(what, func() bool {
		var err error
		s, err = w.status(database)
		return err == nil && ok(s)
	})
	return s
}

// files lists what is below a folder, for comparing before and after.
func files(t testing.TB, root string) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.Walk(root, func(p string, i os.FileInfo, err error) error {
		if err == nil && !i.IsDir() {
			rel, _ := filepath.Rel(root, p)
			all = append(all, rel)
		}
		return err
	}))
	return all
}

// asked counts what the cluster was asked that contains a text.
func (w *world) asked(text string) (n int) {
	for _, e := range w.sandbox.Faults().Log(0) {
		if strings.Contains(e.Text, text) {
			n++
		}
	}
	return n
}

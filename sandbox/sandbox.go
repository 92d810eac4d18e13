// Package sandbox is a StarRocks-compatible server for trying and testing: a frontend with its MySQL protocol and HTTP
// side, one backend, and an admin port that makes them fail on purpose. Everything lives in the memory of the process.
//
// It is strict where the real system is, for a client that only ever met a lenient server fails on the first real one.
package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
	"starkeep/sandbox/fault"
	"starkeep/sandbox/sqlserver"
	"starkeep/sandbox/streamload"
)

// Config shapes a Server. Its zero value listens on free ports of 127.0.0.1, with a root that has no password.
type Config struct {
	SQLAddr         string            // MySQL protocol of the frontend
	HTTPAddr        string            // HTTP of the frontend
	BackendHTTPAddr string            // HTTP of the backend
	AdminAddr       string            // faults and log
	RootPassword    string            // of the user root
	Users           map[string]string // further users with their passwords; they have no privileges yet
	AnalysedText    bool              // SHOW CREATE of views and materialized views as before 2026: with the analysed query
	SharedData      bool              // FE configuration run_mode = shared_data
	EnableUDF       bool              // FE configuration enable_udf, which cannot be changed while it runs
	// PartitionInterval is how often dynamic partitions and partitions with a time to live are looked at; 0 is the native
	// default, ten minutes.
	PartitionInterval time.Duration
	AlterDelay        time.Duration // how long rollups and synchronous materialized views are built; 0 is a short time
	LabelKeepNum      int           // finished labels that a database remembers; 0 is the native default
}

// version is what current_version() returns; the release is that whose behaviour the sandbox follows.
const version = "4.1.0-sandbox"

// Server is a running sandbox. It is safe for concurrent use.
type Server struct {
	catalog   *catalog.Catalog
	faults    *fault.Set
	sql       *sqlserver.Server
	frontend  *endpoint
	backend   *endpoint
	admin     *endpoint
	loads     *streamload.Backend
	stop      chan struct{} // closed by Close
	scheduled sync.WaitGroup
	closing   sync.Once
	closed    error // what closing gave
}

// Start starts a server; all ports answer when it returns.
func Start(c Config) (_ *Server, err error) {
	s := &Server{catalog: catalog.New(c.RootPassword, c.LabelKeepNum), faults: &fault.Set{}, stop: make(chan struct{})}
	if c.AlterDelay > 0 {
		s.catalog.SetAlterDelay(c.AlterDelay)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if c.SharedData {
		s.catalog.ShareData()
	}
	for name, password := range c.Users {
		account := dialect.Account{Name: name, Host: "%"}
		if err := s.catalog.CreateUser(&dialect.CreateUser{Account: account, Authentication: &dialect.Authentication{Text: password}}); err != nil {
			return nil, fmt.Errorf("create user %s: %w", name, err)
		}
	}
	s.loads = streamload.NewBackend(s.catalog, s.faults, s.BackendHTTPAddr)
	if s.backend, err = listen(c.BackendHTTPAddr, s.loads); err != nil {
		return nil, err
	}
	frontend := &streamload.Frontend{Engine: s.catalog, Faults: s.faults, Backend: s.BackendHTTPAddr}
	if s.frontend, err = listen(c.HTTPAddr, frontend); err != nil {
		return nil, err
	}
	if s.admin, err = listen(c.AdminAddr, s.adminHandler()); err != nil {
		return nil, err
	}
	// A random cluster id: a restarted sandbox never looks like the same cluster.
	node := sqlserver.Node{ClusterID: 1 + rand.Int64N(1<<31), Version: version, HTTP: s.HTTPAddr, Backend: s.BackendHTTPAddr, AnalysedText: c.AnalysedText, EnableUDF: c.EnableUDF}
	if s.sql, err = sqlserver.Start(cmp.Or(c.SQLAddr, anyPort), s.catalog, s.faults, node); err != nil {
		return nil, err
	}
	s.scheduled.Add(1)
	go s.schedulePartitions(cmp.Or(c.PartitionInterval, 10*time.Minute))
	return s, nil
}

// schedulePartitions is the daemon that adds and drops partitions.
func (s *Server) schedulePartitions(every time.Duration) {
	defer s.scheduled.Done()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			s.SchedulePartitions(now)
		}
	}
}

// SchedulePartitions adds and drops partitions as the daemon does, for a time that the caller chooses.
func (s *Server) SchedulePartitions(now time.Time) { s.catalog.SchedulePartitions(now) }

// SQLAddr returns host:port of the MySQL protocol.
func (s *Server) SQLAddr() string { return s.sql.Addr() }

// HTTPAddr returns host:port of the frontend's HTTP side.
func (s *Server) HTTPAddr() string { return s.frontend.address }

// BackendHTTPAddr returns host:port of the backend's HTTP side, to which loads are redirected.
func (s *Server) BackendHTTPAddr() string { return s.backend.address }

// AdminAddr returns host:port of the admin endpoint.
func (s *Server) AdminAddr() string { return s.admin.address }

// Compact rewrites the files of a table, as a cluster does by itself.
func (s *Server) Compact(database, table string) error {
	return s.catalog.Compact(dialect.ObjectName{Database: database, Name: table})
}

// adminHandler adds to the faults: POST /compact?database=d&table=t, and POST /partitions, which lets the daemon of dynamic partitions run
// at once.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.faults.Admin())
	mux.HandleFunc("POST /compact", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Compact(r.FormValue("database"), r.FormValue("table")); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /partitions", func(w http.ResponseWriter, _ *http.Request) {
		s.SchedulePartitions(time.Now())
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// Faults returns the set of faults and the log of statements and requests.
func (s *Server) Faults() *fault.Set { return s.faults }

// Close stops the server and cuts all connections.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

func (s *Server) close() error {
	close(s.stop)
	s.scheduled.Wait()
	var errs []error
	for _, e := range []*endpoint{s.frontend, s.backend, s.admin} {
		if e != nil {
			errs = append(errs, e.close())
		}
	}
	if s.loads != nil {
		errs = append(errs, s.loads.Close())
	}
	if s.sql != nil {
		errs = append(errs, s.sql.Close())
	}
	return errors.Join(errs...)
}

const anyPort = "127.0.0.1:0"

// endpoint is one HTTP port.
type endpoint struct {
	address string
	server  *http.Server
	done    chan error
}

func listen(address string, handler http.Handler) (*endpoint, error) {
	listener, err := net.Listen("tcp", cmp.Or(address, anyPort))
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w", err)
	}
	e := &endpoint{
		address: listener.Addr().String(),
		server:  &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute},
		done:    make(chan error, 1),
	}
	go func() { e.done <- e.server.Serve(listener) }()
	return e, nil
}

// closeGrace is how long running requests may take to end when the server is closed.
const closeGrace = time.Second

func (e *endpoint) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	if e.server.Shutdown(ctx) != nil {
		if err := e.server.Close(); err != nil {
			return fmt.Errorf("close %s: %w", e.address, err)
		}
	}
	if err := <-e.done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", e.address, err)
	}
	return nil
}

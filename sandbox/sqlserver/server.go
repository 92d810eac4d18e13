// Package sqlserver answers the MySQL protocol as a StarRocks frontend does. The statements that matter to a client of
// StarRocks it executes itself over a catalog.Catalog; ad hoc queries run on an ordinary SQL engine over the same rows.
package sqlserver

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"
	querypb "github.com/dolthub/vitess/go/vt/proto/query"
	"github.com/dolthub/vitess/go/vt/sqlparser"
	"github.com/sirupsen/logrus"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
	"starkeep/sandbox/fault"
)

// Node tells what SHOW FRONTENDS and SHOW BACKENDS print about this process.
type Node struct {
	ClusterID int64
	Version   string // as current_version() returns it
	HTTP      func() string
	Backend   func() string
	// AnalysedText prints views and materialized views as before 2026: with the analysed query in place of the one that
	// was written.
	AnalysedText bool
	EnableUDF    bool // FE configuration enable_udf
}

// Server is a running MySQL endpoint.
type Server struct {
	catalog  *catalog.Catalog
	faults   *fault.Set
	node     Node
	listener *mysql.Listener
	started  time.Time
	done     chan struct{}
	stopped  chan struct{}

	tasks      sync.WaitGroup // refreshes in the background
	refreshing sync.Mutex     // one refresh at a time

	mu       sync.Mutex
	closed   bool
	sessions map[uint32]*session
	globals  map[string]string
}

// Start listens at an address.
func Start(address string, c *catalog.Catalog, faults *fault.Set, node Node) (*Server, error) {
	s := &Server{catalog: c, faults: faults, node: node, started: time.Now(), done: make(chan struct{}), stopped: make(chan struct{}),
		sessions: map[uint32]*session{}, globals: defaultVariables(node.Version)}
	// The protocol library logs every connection that breaks; here they break on purpose, and tests count them.
	logrus.SetLevel(logrus.PanicLevel)
	engine() // before the first session: it writes global state of its library, which every new session reads
	listener, err := mysql.NewListener("tcp", address, authentication{s}, (*handler)(s), 0, 0)
	if err != nil {
		return nil, fmt.Errorf("listen for MySQL connections: %w", err)
	}
	listener.ServerVersion = s.globals["version"] // never tells that this is StarRocks (FE configuration mysql_server_version)
	s.listener = listener
	go func() {
		defer close(s.done)
		listener.Accept()
	}()
	s.tasks.Go(s.follow)
	return s, nil
}

// Addr returns the address that it listens at.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close stops listening and cuts the connections.
func (s *Server) Close() error {
	s.listener.Close()
	<-s.done
	close(s.stopped)
	s.mu.Lock()
	s.closed = true
	open := make([]*session, 0, len(s.sessions))
	for _, x := range s.sessions {
		open = append(open, x)
	}
	s.mu.Unlock()
	for _, x := range open {
		x.conn.Close()
	}
	s.tasks.Wait()
	return nil
}

// handler is Server as the protocol library sees it.
type handler Server

var _ mysql.Handler = (*handler)(nil)

// NewConnection implements mysql.Handler.
func (h *handler) NewConnection(c *mysql.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		c.Close()
		return
	}
	h.sessions[c.ConnectionID] = newSession((*Server)(h), c)
}

// ConnectionClosed implements mysql.Handler.
func (h *handler) ConnectionClosed(c *mysql.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, c.ConnectionID)
}

// ConnectionAborted implements mysql.Handler.
func (h *handler) ConnectionAborted(c *mysql.Conn, _ string) error {
	h.ConnectionClosed(c)
	return nil
}

func (h *handler) session(c *mysql.Conn) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	x, ok := h.sessions[c.ConnectionID]
	if !ok { // closed under our feet: the session is for this statement alone
		x = newSession((*Server)(h), c)
	}
	return x
}

// ComInitDB implements mysql.Handler.
func (h *handler) ComInitDB(c *mysql.Conn, name string) error {
	if name == "" {
		return nil
	}
	return native(h.session(c).use(name))
}

// errCut is a connection that a fault closed.
var errCut = errors.New("connection cut by a fault")

// ComQuery implements mysql.Handler.
func (h *handler) ComQuery(ctx context.Context, c *mysql.Conn, query string, callback mysql.ResultSpoolFn) error {
	query = strings.Clone(query) // the library reuses its buffer
	effect := h.faults.SQL(query)
	if err := effect.Wait(ctx); err != nil {
		return err
	}
	if effect.Cut {
		c.Close()
		return errCut
	}
	if effect.Message != "" {
		return mysql.NewSQLError(effect.Code, "HY000", "%s", effect.Message)
	}
	if effect.CutAfter {
		err := h.session(c).execute(ctx, query, discard)
		c.Close()
		return errors.Join(errCut, err)
	}
	return native(h.session(c).execute(ctx, query, callback))
}

// ComMultiQuery implements mysql.Handler.
func (h *handler) ComMultiQuery(ctx context.Context, c *mysql.Conn, query string, callback mysql.ResultSpoolFn) (string, error) {
	first, rest := dialect.Split(strings.Clone(query))
	if strings.TrimSpace(rest) == "" {
		rest = ""
	}
	return rest, h.ComQuery(ctx, c, first, callback)
}

// errPrepared answers the binary protocol, which StarRocks has for SELECT only; the sandbox has none.
var errPrepared = mysql.NewSQLError(1295, "HY000", "This command is not supported in the prepared statement protocol yet")

// ComPrepare implements mysql.Handler.
func (h *handler) ComPrepare(context.Context, *mysql.Conn, string, *mysql.PrepareData) ([]*querypb.Field, error) {
	return nil, errPrepared
}

// ComStmtExecute implements mysql.Handler.
func (h *handler) ComStmtExecute(context.Context, *mysql.Conn, *mysql.PrepareData, func(*result) error) error {
	return errPrepared
}

// WarningCount implements mysql.Handler.
func (h *handler) WarningCount(*mysql.Conn) uint16 { return 0 }

// ComResetConnection implements mysql.Handler.
func (h *handler) ComResetConnection(c *mysql.Conn) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[c.ConnectionID] = newSession((*Server)(h), c)
	return nil
}

// ParserOptionsForConnection implements mysql.Handler.
func (h *handler) ParserOptionsForConnection(*mysql.Conn) (sqlparser.ParserOptions, error) {
	return sqlparser.ParserOptions{}, nil
}

// native turns an error into one that keeps its number on the wire.
func native(err error) error {
	var own *catalog.Error
	var syntax *dialect.SyntaxError
	var wire *mysql.SQLError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return err
	case errors.As(err, &wire):
		return wire
	case errors.As(err, &own):
		return mysql.NewSQLError(own.Code, own.State, "%s", own.Text)
	case errors.As(err, &syntax):
		return mysql.NewSQLError(1064, "HY000", "%s", syntax.Error())
	}
	return mysql.NewSQLError(1064, "HY000", "%s", err.Error())
}

// authentication checks mysql_native_password against the users of the catalog.
type authentication struct{ server *Server }

// AuthMethods implements mysql.AuthServer.
func (a authentication) AuthMethods() []mysql.AuthMethod {
	return []mysql.AuthMethod{mysql.NewMysqlNativeAuthMethod(a, a)}
}

// DefaultAuthMethodDescription implements mysql.AuthServer.
func (a authentication) DefaultAuthMethodDescription() mysql.AuthMethodDescription {
	return mysql.MysqlNativePassword
}

// HandleUser implements mysql.UserValidator.
func (a authentication) HandleUser(string, net.Addr) bool { return true }

// UserEntryWithHash implements mysql.HashStorage.
func (a authentication) UserEntryWithHash(_ []*x509.Certificate, salt []byte, user string, response []byte, _ net.Addr) (mysql.Getter, error) {
	given := "NO"
	if len(response) > 0 {
		given = "YES"
	}
	if a.server.catalog.Verify(user, salt, response) {
		return account(user), nil
	}
	return nil, mysql.NewSQLError(1045, "28000", "Access denied for user '%s' (using password: %s)", user, given)
}

// account is the user of a connection.
type account string

// Get implements mysql.Getter.
func (a account) Get() *querypb.VTGateCallerID { return &querypb.VTGateCallerID{Username: string(a)} }

// session is the state of one connection.
type session struct {
	*sql.BaseSession // what the engine keeps
	server           *Server
	conn             *mysql.Conn
	database         string
	variables        map[string]string
	hints            map[string]dialect.HintedTable // of the running statement
	pinned           *catalog.Scan                  // of the running DELETE or UPDATE: what the engine reads
	acting           *catalog.Actor                 // see actor
	trusted          bool                           // of the server itself, or under a view: no privileges are asked for
}

// newSession is called with the server locked, or for a connection that is gone.
func newSession(s *Server, c *mysql.Conn) *session {
	client := sql.Client{User: c.User, Address: "127.0.0.1"}
	x := &session{BaseSession: sql.NewBaseSessionWithClientServer("", client, c.ConnectionID), server: s, conn: c, variables: map[string]string{}}
	for name, value := range s.globals {
		x.variables[name] = value
	}
	return x
}

func (x *session) user() string {
	if x.conn == nil {
		return "root"
	}
	return x.conn.User
}

// identity is the user as the server prints it.
func (x *session) identity() string { return x.actor().Account.String() }

func (x *session) use(name string) error {
	if !catalog.IsSystem(name) {
		if _, err := x.server.catalog.DatabaseID(name); err != nil {
			return err
		}
		if err := x.server.catalog.Check(x.actor(), catalog.Need{Kind: "DATABASE", Database: name}); err != nil {
			return err
		}
	}
	x.database = name
	return nil
}

// qualify puts the current database before a name that has none.
func (x *session) qualify(name dialect.ObjectName) dialect.ObjectName {
	if name.Database == "" {
		name.Database = x.database
	}
	return name
}

// limit is the session's sql_select_limit.
func (x *session) limit() int64 {
	n, err := strconv.ParseInt(x.variables["sql_select_limit"], 10, 64)
	if err != nil {
		return int64(^uint64(0) >> 1)
	}
	return n
}

// location is the session's time zone.
func (x *session) location() *time.Location {
	name := x.variables["time_zone"]
	var sign byte
	var hours, minutes int
	if n, _ := fmt.Sscanf(name, "%c%d:%d", &sign, &hours, &minutes); n == 3 && (sign == '+' || sign == '-') {
		offset := hours*3600 + minutes*60
		if sign == '-' {
			offset = -offset
		}
		return time.FixedZone(name, offset)
	}
	if l, err := time.LoadLocation(name); err == nil {
		return l
	}
	return time.UTC
}

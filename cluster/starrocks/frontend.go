package starrocks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"starkeep/cluster"
	"starkeep/cluster/wire"
)

func isEnd(err error) bool { return errors.Is(err, io.EOF) }

// settings are set in every session, together when the server knows them all. What each is for:
// SELECT must see base tables only, not a materialized view that lags behind or a rollup whose tablets have other ids
// than the hint names (docs System_variable.md); a row limit would cut the rows silently; times are UTC.
var settings = []string{
	"time_zone = '+00:00'",
	"query_timeout = 259200", // largest value allowed; a slow reader holds its query open
	"sql_select_limit = 9223372036854775807",
	"enable_materialized_view_rewrite = false",
	"enable_sync_materialized_view_rewrite = false",
}

// newerSettings exist in newer versions only: they are set one by one and may be unknown (fe:SessionVariable).
var newerSettings = []string{
	"binary_encoding_level = 'nested'", // VARBINARY columns raw, whatever the global value
	"binary_encoding_format = 'raw'",   // and raw inside other values, as in versions that do not know the variable
	"insert_timeout = 259200",
	"enable_insert_strict = true", // else an INSERT of staged rows makes NULL of what does not fit
	"insert_max_filter_ratio = 0",
}

// fallbackTime is how long a session with another front end is used while the leader cannot be reached.
const fallbackTime = 30 * time.Second

// dial connects to a front end, the leader where that can be told. A follower may show older versions and rows than the
// leader has already promised: a session with one that is not known to be the leader catches up before each statement.
func (c *Cluster) dial(ctx context.Context) (*wire.Session, error) {
	var failures []error
	for _, address := range c.candidates() {
		s, err := c.open(ctx, address)
		if err != nil {
			if ctx.Err() != nil || !errors.Is(err, cluster.ErrUnreachable) {
				return nil, err
			}
			failures = append(failures, err)
			continue
		}
		return c.settleOn(ctx, s, address), nil
	}
	return nil, fmt.Errorf("connect to %s: %w", c.config.Name, errors.Join(failures...))
}

// settleOn exchanges a session for one with the leader, where another of the configured front ends is that.
func (c *Cluster) settleOn(ctx context.Context, s *wire.Session, address string) *wire.Session {
	leader, alone := c.leader(ctx, s)
	if alone || leader == address {
		c.prefer(address)
		return s // for good: a front end that stops being the leader exits (fe:StateChangeExecutor)
	}
	s.Ready = func(ctx context.Context) error { return catchUp(ctx, s, address) }
	if leader == "" {
		c.prefer(address)
		return s
	}
	l, err := c.open(ctx, leader)
	if err != nil { // it is just being lost: do not remember this one
		s.Expires = time.Now().Add(fallbackTime)
		return s
	}
	_ = s.Close()
	c.prefer(leader)
	return l
}

// catchUp waits until a front end has replayed what the leader knows now: SYNC is forwarded to the leader and returns when
// the journal has arrived (fe:RedirectStatus.visitSyncStatement, fe:LeaderOpExecutor, docs SYNC.md).
func catchUp(ctx context.Context, s *wire.Session, address string) error {
	err := s.Exec(ctx, "SYNC")
	if refused(err) {
		return fmt.Errorf("front end %s is not known to be the leader and cannot catch up with it (configure all front ends, and grant OPERATE ON SYSTEM to see which is the leader): %w: %w",
			address, cluster.ErrUnreachable, err)
	}
	return err
}

func (c *Cluster) candidates() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Clone(c.config.Frontends)
	if i := slices.Index(list, c.preferred); i > 0 {
		list = slices.Insert(slices.Delete(list, i, i+1), 0, c.preferred)
	}
	return list
}

func (c *Cluster) prefer(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.preferred = address
}

func (c *Cluster) open(ctx context.Context, address string) (*wire.Session, error) {
	s, err := wire.Dial(ctx, address, wire.Options{
		User: c.config.User, Password: c.config.Password, Connect: c.config.ConnectTimeout, Idle: c.config.IdleTimeout,
	})
	if err != nil {
		return nil, explain(err)
	}
	if err := setUp(ctx, s); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("set up session with %s: %w", address, explain(err))
	}
	return s, nil
}

// setUp prepares a session. A variable that this version does not know is no loss, a connection that breaks is.
func setUp(ctx context.Context, s *wire.Session) error {
	// Granted roles are inactive until they are set, unless activate_all_roles_on_login (docs SET_ROLE, 3.0+).
	statements := []string{"SET ROLE ALL"}
	err := s.Exec(ctx, "SET "+strings.Join(settings, ", "))
	if refused(err) {
		for _, v := range settings {
			statements = append(statements, "SET "+v)
		}
	} else if err != nil {
		return err
	}
	for _, v := range newerSettings {
		statements = append(statements, "SET "+v)
	}
	for _, statement := range statements {
		if err := s.Exec(ctx, statement); err != nil && !refused(err) {
			return err
		}
	}
	return nil
}

func refused(err error) bool {
	var e *wire.ServerError
	return errors.As(err, &e)
}

// node is a front end, backend or compute node as the cluster names it.
type node struct {
	hosts    []string // IP and name
	sqlPort  string
	httpPort string
	role     string
	cluster  string
	alive    bool
	version  string
}

func nodes(rows []record) []node {
	list := make([]node, 0, len(rows))
	for _, r := range rows {
		n := node{sqlPort: r["queryport"], httpPort: r["httpport"], role: r["role"], cluster: r["clusterid"],
			alive: r["alive"] == "true", version: r["version"]}
		// Name is host_port_time in current versions; versions that print a host name there are served too.
		for _, h := range []string{r["ip"], r["host"], r["name"]} {
			if h != "" {
				n.hosts = append(n.hosts, h)
			}
		}
		list = append(list, n)
	}
	return list
}

const showFrontends = "SHOW FRONTENDS"

func (c *Cluster) frontends(ctx context.Context) ([]node, error) {
	rows, err := c.query(ctx, showFrontends)
	if errors.Is(err, cluster.ErrDenied) {
		return nil, fmt.Errorf("%w (%s)", err, c.grant("OPERATE ON SYSTEM"))
	}
	return nodes(rows), err
}

// leader returns the address of the leader as configured, or "" when the user may not know or it is not configured; and
// whether there is one front end alone, which is then the leader whatever its address.
func (c *Cluster) leader(ctx context.Context, s *wire.Session) (address string, alone bool) {
	r, err := s.Query(ctx, showFrontends)
	if err != nil {
		return "", false
	}
	defer r.Close()
	rows, err := records(r)
	if err != nil {
		return "", false
	}
	list := nodes(rows)
	for _, n := range list {
		if n.role != "LEADER" {
			continue
		}
		for _, h := range n.hosts {
			if a := c.mapped(net.JoinHostPort(h, n.sqlPort)); slices.Contains(c.config.Frontends, a) {
				return a, len(list) == 1
			}
		}
	}
	return "", len(list) == 1
}

// mapped translates host:port as the cluster names it into what is reachable from here.
func (c *Cluster) mapped(address string) string {
	if to, ok := c.config.Backends[address]; ok {
		return to
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	to, ok := c.config.Backends[host]
	switch {
	case !ok:
		return address
	case strings.Contains(to, ":") && !strings.HasSuffix(to, "]"):
		return to
	}
	return net.JoinHostPort(strings.Trim(to, "[]"), port)
}

// grant is the statement that gives the connecting user a privilege.
func (c *Cluster) grant(privilege string) string {
	return "GRANT " + privilege + " TO USER " + wire.String(c.config.User)
}

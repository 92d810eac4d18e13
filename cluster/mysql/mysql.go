// Package mysql is the adapter for MariaDB (10.6 or newer) and MySQL (8.0 or newer). It works from outside, over SQL: one
// read view for all tables of a job, rows in by LOAD DATA LOCAL, tables live by one RENAME TABLE.
//
// Every run of the tests is against a real MariaDB. What is done for MySQL alone follows its manual, named where it is done.
package mysql

import (
	"context"
	"crypto/tls"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"time"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// Config says where a cluster is and who connects.
type Config struct {
	Name     string
	Servers  []string // host:port; several are for failover, the first that answers is used
	User     string
	Password string
	TLS      *tls.Config // nil: plain connections

	ConnectTimeout time.Duration // 10 s: connecting and authenticating
	LockTimeout    time.Duration // 50 s: longest wait of a statement for somebody else's lock on a table
}

// String prints the configuration without its password.
func (c Config) String() string {
	return fmt.Sprintf("%s: %s@%s", c.Name, c.User, strings.Join(c.Servers, ","))
}

// GoString is String: %#v must not print the password either.
func (c Config) GoString() string { return c.String() }

// Cluster is one MySQL or MariaDB server, or one of several that stand in for each other. It is safe for concurrent use.
type Cluster struct {
	config Config
	db     *sql.DB

	mu        sync.Mutex
	preferred string // server that answered last
}

var (
	_ cluster.Cluster   = (*Cluster)(nil)
	_ cluster.Lister    = (*Cluster)(nil)
	_ cluster.Describer = (*Cluster)(nil)
	_ cluster.Pinner    = (*Cluster)(nil)
)

const (
	// Kind is the kind of cluster that this package is the adapter for.
	Kind = "mysql"
	// maxIdle bounds the sessions that are kept for later.
	maxIdle = 8
	// ours begins the name of every table that this package makes for the time of a job.
	ours = "__starkeep_"
)

// New checks the configuration. It connects to nothing yet.
func New(c Config) (*Cluster, error) {
	if len(c.Servers) == 0 || c.User == "" {
		return nil, fmt.Errorf("configure cluster %s: servers and a user are needed", c.Name)
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	if c.LockTimeout == 0 {
		c.LockTimeout = 50 * time.Second
	}
	x := &Cluster{config: c}
	x.db = sql.OpenDB(connector{x})
	x.db.SetMaxIdleConns(maxIdle)
	x.db.SetConnMaxIdleTime(time.Minute)
	return x, nil
}

// Close ends all idle sessions.
func (c *Cluster) Close() error { return c.db.Close() }

// String names the cluster without its password.
func (c *Cluster) String() string { return c.config.String() }

// GoString is String: %#v must not print the password either.
func (c *Cluster) GoString() string { return c.config.String() }

// Info asks the server who it is. Its identity is server_uuid on MySQL, and on MariaDB server_uid (10.6.16, 10.11.6 and
// newer; it is made of the machine and the port) or, before that, host and port.
func (c *Cluster) Info(ctx context.Context) (snapshot.Cluster, error) {
	info := snapshot.Cluster{Name: c.config.Name, Kind: Kind}
	s, err := c.server(ctx)
	if err != nil {
		return info, fmt.Errorf("read version of %s: %w", c.config.Name, err)
	}
	info.Version = s.version
	variables, err := c.variables(ctx, "server_uuid", "server_uid", "hostname", "port")
	if err != nil {
		return info, fmt.Errorf("read identity of %s: %w", c.config.Name, err)
	}
	info.ID = variables["hostname"] + ":" + variables["port"]
	for _, name := range []string{"server_uuid", "server_uid"} {
		if id := variables[name]; id != "" {
			info.ID = id
			break
		}
	}
	return info, nil
}

// server is what a server says about itself.
type server struct {
	version string
	maria   bool
	number  int // as in versioned comments: 10.11.4 is 101104, 8.0.36 is 80036
}

func (c *Cluster) server(ctx context.Context) (server, error) {
	version, err := c.scalar(ctx, "SELECT VERSION()")
	if err != nil {
		return server{}, err
	}
	return parseVersion(version), nil
}

func parseVersion(version string) server {
	s := server{version: version, maria: strings.Contains(strings.ToLower(version), "mariadb")}
	var major, minor, patch int
	// MariaDB before 11 may put 5.5.5- in front, for replicas that believe no version above 5.
	_, _ = fmt.Sscanf(strings.TrimPrefix(version, "5.5.5-"), "%d.%d.%d", &major, &minor, &patch)
	s.number = major*10000 + minor*100 + patch
	return s
}

// variables reads global variables; those that the server does not know are missing.
func (c *Cluster) variables(ctx context.Context, names ...string) (map[string]string, error) {
	rows, err := c.query(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ("+literals(names)+")")
	if err != nil {
		return nil, err
	}
	all := make(map[string]string, len(rows))
	for _, r := range rows {
		all[strings.ToLower(r["variable_name"])] = r["value"]
	}
	return all, nil
}

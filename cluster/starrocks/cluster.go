// Package starrocks is the adapter for StarRocks clusters, of shared-nothing and shared-data kind, version 3.1 or newer
// (information_schema.partitions_meta). It works from outside: SQL over the MySQL protocol, rows in by Stream Load.
package starrocks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// The support matrix.
var (
	_ cluster.Cluster   = (*Cluster)(nil)
	_ cluster.Auditor   = (*Cluster)(nil)
	_ cluster.Doctor    = (*Cluster)(nil)
	_ cluster.Lister    = (*Cluster)(nil)
	_ cluster.Describer = (*Cluster)(nil)
	_ cluster.Pinner    = (*Cluster)(nil)
	_ cluster.Exporter  = (*Cluster)(nil)
	_ cluster.Importer  = (*Cluster)(nil)
	_ cluster.Builder   = (*Cluster)(nil)
	_ cluster.Publisher = (*Cluster)(nil)
)

// Kind is the kind of cluster that this package is the adapter for.
const Kind = "starrocks"

// Config says where a cluster is and who connects. Zero durations mean the defaults named beside them.
type Config struct {
	Name      string   // in Starkeep's configuration
	Frontends []string // host:9030; several are for failover, and the leader among them is preferred
	HTTP      []string // http://host:8030, in order of preference
	User      string
	Password  string
	// Backends maps hosts as the cluster names itself, "host" or "host:port", to the ones that are reachable from here:
	// Stream Load redirects to a backend by the name in SHOW BACKENDS, which means nothing behind NAT or Kubernetes.
	Backends map[string]string

	ConnectTimeout time.Duration // 10 s: connecting and authenticating
	IdleTimeout    time.Duration // 5 min: longest silence of the server within a statement
	LoadTimeout    time.Duration // 4 h: one load, as the cluster's own limit of the transaction
}

// String prints the configuration without its password.
func (c Config) String() string {
	return fmt.Sprintf("%s: %s@%s", c.Name, c.User, strings.Join(c.Frontends, ","))
}

// GoString is String: %#v must not print the password either.
func (c Config) GoString() string { return c.String() }

// Cluster is a StarRocks cluster. It is safe for concurrent use.
type Cluster struct {
	config Config
	pool   *wire.Pool
	http   *http.Client

	mu        sync.Mutex
	preferred string          // front end that answered last
	hosts     map[string]bool // hosts that the cluster says are its own
	mode      string          // run mode, once known
}

// New checks the configuration. It connects to nothing yet.
func New(c Config) (*Cluster, error) {
	if len(c.Frontends) == 0 || len(c.HTTP) == 0 || c.User == "" {
		return nil, fmt.Errorf("configure cluster %s: front ends, HTTP addresses and a user are needed", c.Name)
	}
	for d, value := range map[*time.Duration]time.Duration{
		&c.ConnectTimeout: 10 * time.Second, &c.IdleTimeout: 5 * time.Minute, &c.LoadTimeout: 4 * time.Hour,
	} {
		if *d == 0 {
			*d = value
		}
	}
	if err := checkURLs(c.HTTP); err != nil {
		return nil, fmt.Errorf("configure cluster %s: %w", c.Name, err)
	}
	x := &Cluster{config: c, http: newClient(c)}
	x.pool = wire.NewPool(x.dial)
	return x, nil
}

// Close ends all idle sessions.
func (c *Cluster) Close() error {
	c.http.CloseIdleConnections()
	return c.pool.Close()
}

// String names the cluster without its password.
func (c *Cluster) String() string { return c.config.String() }

// GoString is String: %#v must not print the password either.
func (c *Cluster) GoString() string { return c.config.String() }

// Info asks the cluster who it is. Its identity is the cluster id of SHOW FRONTENDS, which needs OPERATE or NODE.
func (c *Cluster) Info(ctx context.Context) (snapshot.Cluster, error) {
	info := snapshot.Cluster{Name: c.config.Name, Kind: Kind}
	version, err := c.scalar(ctx, "SELECT current_version()")
	if err != nil {
		return info, fmt.Errorf("read version of %s: %w", c.config.Name, err)
	}
	info.Version = version
	nodes, err := c.frontends(ctx)
	if err != nil {
		return info, fmt.Errorf("read identity of %s: %w", c.config.Name, err)
	}
	for _, n := range nodes {
		info.ID = n.cluster
	}
	return info, nil
}

// exec runs a statement without rows.
func (c *Cluster) exec(ctx context.Context, statement string) error {
	return c.heed(c.pool.Exec(ctx, statement))
}

// heed explains an error. After a denial sessions are made anew: a role that somebody grants then would not be active in
// those that there are.
func (c *Cluster) heed(err error) error {
	err = explain(err)
	if errors.Is(err, cluster.ErrDenied) {
		c.pool.Forget()
	}
	return err
}

// record is one row of metadata by column name in lower case; NULL reads as "".
type record map[string]string

// query reads all rows of a metadata statement. Columns are known by name: their order and number differ by version.
func (c *Cluster) query(ctx context.Context, statement string) ([]record, error) {
	r, err := c.pool.Query(ctx, statement)
	if err != nil {
		return nil, c.heed(err)
	}
	defer r.Close()
	r.AllowSurplus()
	return records(r)
}

func records(r *wire.Result) ([]record, error) {
	names := make([]string, len(r.Columns()))
	for i, n := range r.Columns() {
		names[i] = strings.ToLower(n)
	}
	var all []record
	var b snapshot.Batch
	for {
		switch err := r.Next(&b); {
		case isEnd(err):
			return all, nil
		case err != nil:
			return nil, explain(err)
		}
		for i := range b.Rows() {
			row := make(record, len(names))
			for j, n := range names {
				row[n] = string(b.Columns[j].Value(i))
			}
			all = append(all, row)
		}
	}
}

var errNoRow = errors.New("statement gave no row")

// scalar returns the first value of the first row.
func (c *Cluster) scalar(ctx context.Context, statement string) (string, error) {
	r, err := c.pool.Query(ctx, statement)
	if err != nil {
		return "", explain(err)
	}
	defer r.Close()
	var b snapshot.Batch
	if err := r.Next(&b); isEnd(err) {
		return "", errNoRow
	} else if err != nil {
		return "", explain(err)
	}
	value := string(b.Columns[0].Value(0))
	for err == nil { // reading to the end saves the session
		err = r.Next(&b)
	}
	if !isEnd(err) {
		return "", explain(err)
	}
	return value, nil
}

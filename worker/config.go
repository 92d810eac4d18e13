package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"starkeep/cluster/mysql"
	"starkeep/cluster/starrocks"
	"starkeep/storage"
	"starkeep/storage/limit"
	"starkeep/storage/location"
	"starkeep/storage/metrics"
)

// config is the workers' configuration file (TOML). Every setting but the clusters has a default; docs/operations.md
// explains them.
type config struct {
	Spool   string                   `toml:"spool"`                 // folder for files on their way
	Journal string                   `toml:"journal"`               // folder for plans of restores from read-only repositories; shared by all workers
	KeyFile string                   `toml:"key_file"`              // seals repository credentials; the clients' file
	Upload  int                      `toml:"upload_worker_count"`   // transfers to the store at once; 0: as many as there are cores
	Down    int                      `toml:"download_worker_count"` // transfers from the store at once; 0: as many as there are cores
	Cluster map[string]clusterConfig `toml:"clusters"`

	Metrics       string `toml:"metrics"`        // host:port that serves Prometheus metrics at /metrics; empty: none
	UploadLimit   int64  `toml:"upload_limit"`   // bytes a second that this worker sends to stores; 0: no limit
	DownloadLimit int64  `toml:"download_limit"` // bytes a second that this worker takes from stores; 0: no limit

	DropGrace string `toml:"drop_grace"` // how long what only dropped snapshots named stays, e.g. "24h"
	dropGrace time.Duration
}

// store says how this worker opens repositories.
func (c config) store(m *metrics.Meter) location.Options {
	o := location.Options{Connections: requestsOfTransfer * (c.Upload + c.Down)}
	o.Watch = func(b storage.Bucket) storage.Bucket { return metrics.New(b, m) }
	if c.UploadLimit > 0 || c.DownloadLimit > 0 {
		o.Limiter = limit.NewLimiter(c.UploadLimit, c.DownloadLimit)
	}
	return o
}

// requestsOfTransfer is how many requests one transfer has under way at once: connection pools are sized to them.
const requestsOfTransfer = 8

// clusterConfig is one [clusters.NAME].
type clusterConfig struct {
	Kind         string            `toml:"kind"`
	Frontends    []string          `toml:"frontends"` // starrocks: host:port of the MySQL protocol
	Servers      []string          `toml:"servers"`   // mysql: host:port; several stand in for each other
	CA           string            `toml:"ca"`        // mysql: file of the authority that signed the servers' certificates; makes connections TLS
	HTTP         []string          `toml:"http"`      // http://host:port of the frontends
	User         string            `toml:"user"`
	Password     string            `toml:"password"`
	PasswordEnv  string            `toml:"password_env"`
	PasswordFile string            `toml:"password_file"`
	Backends     map[string]string `toml:"backends"` // host:port as the cluster names it -> as this worker reaches it
}

// String keeps the password out of logs.
func (c clusterConfig) String() string {
	return c.Kind + " at " + strings.Join(slices.Concat(c.Frontends, c.Servers), ", ")
}

// loadConfig reads and checks the file. Environment variables STARKEEP_SPOOL, STARKEEP_JOURNAL, STARKEEP_KEY_FILE, STARKEEP_METRICS and
// STARKEEP_<CLUSTER>_PASSWORD override it.
func loadConfig(path string) (config, error) {
	var c config
	meta, err := toml.DecodeFile(path, &c)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("read configuration: %w: name it with --config; docs/operations.md tells what is in it", err)
	}
	if err != nil {
		return c, fmt.Errorf("read configuration %s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, fmt.Errorf("read configuration %s: unknown setting %s", path, unknown[0])
	}
	override(&c.Spool, "STARKEEP_SPOOL", filepath.Join(os.TempDir(), "starkeep-spool"))
	override(&c.Journal, "STARKEEP_JOURNAL", filepath.Join(filepath.Dir(filepath.Clean(c.Spool)), "starkeep-journal"))
	override(&c.Metrics, "STARKEEP_METRICS", "")
	override(&c.KeyFile, "STARKEEP_KEY_FILE", defaultKeyFile())
	for name, n := range map[string]*int{"upload_worker_count": &c.Upload, "download_worker_count": &c.Down} {
		if *n < 0 || *n > 1000 {
			return c, fmt.Errorf("read configuration %s: %s must be 0 (the number of cores) to 1000", path, name)
		}
		if *n == 0 {
			*n = max(2, runtime.NumCPU())
		}
	}
	if c.UploadLimit < 0 || c.DownloadLimit < 0 {
		return c, fmt.Errorf("read configuration %s: upload_limit and download_limit are bytes a second; 0 is no limit", path)
	}
	if c.dropGrace, err = time.ParseDuration(cmp.Or(c.DropGrace, "24h")); err != nil || c.dropGrace < 0 {
		return c, fmt.Errorf("read configuration %s: drop_grace is a time, such as 24h", path)
	}
	for name, cl := range c.Cluster {
		if err := cl.complete(name); err != nil {
			return c, fmt.Errorf("read configuration %s: cluster %s: %w", path, name, err)
		}
		c.Cluster[name] = cl
	}
	if len(c.Cluster) == 0 {
		return c, fmt.Errorf("read configuration %s: it names no cluster; add [clusters.default]", path)
	}
	return c, nil
}

// override sets s from the environment, or, when that and the file say nothing, to a default.
func override(s *string, env, def string) {
	if v := os.Getenv(env); v != "" {
		*s = v
	}
	if *s == "" {
		*s = def
	}
}

// defaultKeyFile is the same rule as the starter's.
func defaultKeyFile() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		dir = "."
	}
	return filepath.Join(dir, "starkeep", "keys.json")
}

func (c *clusterConfig) complete(name string) error {
	switch c.Kind {
	case "", starrocks.Kind:
		c.Kind = starrocks.Kind
		if len(c.Frontends) == 0 || len(c.HTTP) == 0 || len(c.Servers) > 0 {
			return errors.New("a starrocks cluster has frontends and http, and no servers")
		}
	case mysql.Kind:
		if len(c.Servers) == 0 || len(c.Frontends) > 0 || len(c.HTTP) > 0 {
			return errors.New("a mysql cluster has servers, and no frontends or http")
		}
	default:
		return fmt.Errorf("kind %q is not supported; use starrocks or mysql", c.Kind)
	}
	for _, f := range slices.Concat(c.Frontends, c.Servers) {
		if _, _, err := net.SplitHostPort(f); err != nil {
			return fmt.Errorf("server %q: %w", f, err)
		}
	}
	for _, h := range c.HTTP {
		if u, err := url.Parse(h); err != nil || u.Host == "" || u.User != nil {
			return fmt.Errorf("http: want http://host:port, without user and password")
		}
	}
	return c.secret(name)
}

// tls returns nil where connections are plain.
func (c clusterConfig) tls() (*tls.Config, error) {
	if c.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("read ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read ca %s: it holds no certificate", c.CA)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// secret fills in the password from where the file points.
func (c *clusterConfig) secret(name string) error {
	if c.PasswordFile != "" {
		b, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return fmt.Errorf("read password_file: %w", err)
		}
		c.Password = strings.TrimRight(string(b), "\r\n")
	}
	for _, env := range []string{c.PasswordEnv, "STARKEEP_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_PASSWORD"} {
		if v, ok := os.LookupEnv(env); ok && env != "" {
			c.Password = v
		}
	}
	return nil
}

// names lists the clusters, for messages.
func (c config) names() string {
	var names []string
	for n := range c.Cluster {
		names = append(names, n)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

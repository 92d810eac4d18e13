package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"starkeep/storage/limit"
	"starkeep/storage/location"
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

	UploadLimit   int64 `toml:"upload_limit"`   // bytes a second that this worker sends to stores; 0: no limit
	DownloadLimit int64 `toml:"download_limit"` // bytes a second that this worker takes from stores; 0: no limit
}

// store says how this worker opens repositories.
func (c config) store() location.Options {
	o := location.Options{Connections: requestsOfTransfer * (c.Upload + c.Down)}
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
	Frontends    []string          `toml:"frontends"` // host:port of the MySQL protocol
	HTTP         []string          `toml:"http"`      // http://host:port of the frontends
	User         string            `toml:"user"`
	Password     string            `toml:"password"`
	PasswordEnv  string            `toml:"password_env"`
	PasswordFile string            `toml:"password_file"`
	Backends     map[string]string `toml:"backends"` // host:port as the cluster names it -> as this worker reaches it
}

// String keeps the password out of logs.
func (c clusterConfig) String() string { return c.Kind + " at " + strings.Join(c.Frontends, ", ") }

// loadConfig reads and checks the file. Environment variables STARKEEP_SPOOL, STARKEEP_JOURNAL, STARKEEP_KEY_FILE and
// STARKEEP_<CLUSTER>_PASSWORD override it.
func loadConfig(path string) (config, error) {
	var c config
	meta, err := toml.DecodeFile(path, &c)
	if err != nil {
		return c, fmt.Errorf("read configuration: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, fmt.Errorf("read configuration %s: unknown setting %s", path, unknown[0])
	}
	override(&c.Spool, "STARKEEP_SPOOL", filepath.Join(os.TempDir(), "starkeep-spool"))
	override(&c.Journal, "STARKEEP_JOURNAL", filepath.Join(filepath.Dir(filepath.Clean(c.Spool)), "starkeep-journal"))
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
	if c.Kind == "" {
		c.Kind = "starrocks"
	}
	if c.Kind != "starrocks" {
		return fmt.Errorf("kind %q is not supported yet; use starrocks", c.Kind)
	}
	if len(c.Frontends) == 0 || len(c.HTTP) == 0 {
		return errors.New("frontends and http are required")
	}
	for _, f := range c.Frontends {
		if _, _, err := net.SplitHostPort(f); err != nil {
			return fmt.Errorf("frontend %q: %w", f, err)
		}
	}
	for _, h := range c.HTTP {
		if u, err := url.Parse(h); err != nil || u.Host == "" || u.User != nil {
			return fmt.Errorf("http: want http://host:port, without user and password")
		}
	}
	return c.secret(name)
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

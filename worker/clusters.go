package main

import (
	"fmt"
	"sync"

	"starkeep/activities"
	"starkeep/cluster/mysql"
	"starkeep/cluster/starrocks"
)

// clusters opens each configured cluster once.
type clusters struct {
	config config
	mu     sync.Mutex
	open   map[string]activities.Cluster
}

// Cluster implements activities.Clusters.
func (c *clusters) Cluster(name string) (activities.Cluster, error) {
	conf, ok := c.config.Cluster[name]
	if !ok {
		return nil, fmt.Errorf("%w '%s'; the workers are configured for: %s", activities.ErrUnknownCluster, name, c.config.names())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if x, ok := c.open[name]; ok {
		return x, nil
	}
	x, err := conf.open(name)
	if err != nil {
		return nil, fmt.Errorf("open cluster %s: %w", name, err)
	}
	if c.open == nil {
		c.open = map[string]activities.Cluster{}
	}
	c.open[name] = x
	return x, nil
}

// open opens the adapter of the cluster's kind.
func (c clusterConfig) open(name string) (activities.Cluster, error) {
	if c.Kind == mysql.Kind {
		secure, err := c.tls()
		if err != nil {
			return nil, err
		}
		return mysql.New(mysql.Config{Name: name, Servers: c.Servers, User: c.User, Password: c.Password, TLS: secure})
	}
	return starrocks.New(starrocks.Config{
		Name: name, Frontends: c.Frontends, HTTP: c.HTTP, User: c.User, Password: c.Password, Backends: c.Backends,
	})
}

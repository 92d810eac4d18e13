package main

import (
	"fmt"
	"sync"

	"starkeep/activities"
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
	x, err := starrocks.New(starrocks.Config{
		Name: name, Frontends: conf.Frontends, HTTP: conf.HTTP, User: conf.User, Password: conf.Password, Backends: conf.Backends,
	})
	if err != nil {
		return nil, fmt.Errorf("open cluster %s: %w", name, err)
	}
	if c.open == nil {
		c.open = map[string]activities.Cluster{}
	}
	c.open[name] = x
	return x, nil
}

package starrocks

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"starkeep/cluster"
)

// newClient returns a client that follows no redirect by itself: Go's would drop the password on its way to another
// host, and a backend that gets none answers "no valid Basic authorization".
func newClient(c Config) *http.Client {
	dialer := net.Dialer{Timeout: c.ConnectTimeout}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext,
			// The body must wait for the 100 of whoever takes it: a front end redirects instead, and would otherwise get rows.
			// Waiting longer than any server thinks means that the body is never sent unasked.
			ExpectContinueTimeout: c.LoadTimeout,
			ResponseHeaderTimeout: c.LoadTimeout,
			// A connection that a server closed while it lay idle would break a load for nothing.
			DisableKeepAlives: true,
		},
	}
}

func checkURLs(list []string) error {
	for _, s := range list {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("%q is not an address such as http://host:8030", s)
		}
	}
	return nil
}

// redirect checks where a front end sends us and translates it. The password goes only to hosts that are configured or
// that the cluster names as its own: an address in a Location header alone is no proof of either.
func (c *Cluster) redirect(ctx context.Context, from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("redirected to %q: %w", location, cluster.ErrUnreachable)
	}
	to.User = nil // StarRocks puts none there; nothing may end up in an error text
	named := to.Host
	if to.Port() == "" {
		named = net.JoinHostPort(to.Hostname(), "80")
	}
	to.Host = c.mapped(named)
	if to.Host == named && !c.trusted(ctx, to.Hostname()) {
		return nil, fmt.Errorf("redirected to %s, which the cluster does not name as its own and the address map does not know: %w", named, cluster.ErrUnreachable)
	}
	return to, nil
}

func (c *Cluster) trusted(ctx context.Context, host string) bool {
	for _, s := range c.config.HTTP {
		if u, err := url.Parse(s); err == nil && strings.EqualFold(u.Hostname(), host) {
			return true
		}
	}
	c.mu.Lock()
	known := c.hosts[host]
	c.mu.Unlock()
	if known {
		return true
	}
	hosts := map[string]bool{}
	for _, statement := range []string{showFrontends, "SHOW BACKENDS", "SHOW COMPUTE NODES"} {
		rows, err := c.query(ctx, statement)
		if err != nil {
			continue // not allowed to ask: then the host must be in the address map
		}
		for _, n := range nodes(rows) {
			for _, h := range n.hosts {
				hosts[h] = true
			}
		}
	}
	c.mu.Lock()
	c.hosts = hosts
	c.mu.Unlock()
	return hosts[host]
}

// anyFrontend sends a request to the first HTTP address that takes the connection.
func (c *Cluster) anyFrontend(do func(base string) error) error {
	var err error
	for _, base := range c.config.HTTP {
		if err = do(base); err == nil || !dialFailed(err) {
			return err
		}
	}
	return err
}

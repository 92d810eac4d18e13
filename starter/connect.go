package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"

	"starkeep/job/sealed"
	"starkeep/starter/failure"
	"starkeep/starter/session"
)

// dialTimeout is how long Temporal may take to answer at all.
const dialTimeout = 5 * time.Second

// connection says how to reach Temporal: its standard profile and environment, overridden by flags.
type connection struct {
	address, namespace, keyFile string
}

func (c connection) options() (client.Options, error) {
	o, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return o, failure.New(failure.BadStatement, failure.Usage, "read the Temporal profile: "+err.Error(), "check TEMPORAL_PROFILE and TEMPORAL_CONFIG_FILE")
	}
	if c.address != "" {
		o.HostPort = c.address
	}
	if c.namespace != "" {
		o.Namespace = c.namespace
	}
	if o.HostPort == "" {
		o.HostPort = client.DefaultHostPort
	}
	if o.Namespace == "" {
		o.Namespace = client.DefaultNamespace
	}
	o.Logger = quiet
	return o, nil
}

// quiet: errors are told once, by report.
var quiet = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// seal makes a connection encrypt what holds secrets.
func seal(o client.Options, keyFile string) (client.Options, error) {
	keys, err := sealed.Load(keyFile)
	if err != nil {
		return o, failure.New(failure.BadStatement, failure.Usage, err.Error(), "name the workers' key file with --key-file or STARKEEP_KEY_FILE")
	}
	o.DataConverter = keys.DataConverter()
	return o, nil
}

func (c connection) dial(ctx context.Context) (client.Client, client.Options, error) {
	o, err := c.options()
	if err != nil {
		return nil, o, err
	}
	if o, err = seal(o, c.keyFile); err != nil {
		return nil, o, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	t, err := client.DialContext(ctx, o)
	if err != nil {
		f := failure.Of(err)
		if f.Exit == failure.Failed { // whatever went wrong: it was not reached
			f = failure.New(failure.Unreachable, failure.TemporalUnreachable, f.What, "check --address and TEMPORAL_ADDRESS")
		}
		f.What += " (" + o.HostPort + ")"
		return nil, o, f
	}
	return t, o, nil
}

// session connects, hands a session to f, and disconnects.
func (g *globals) session(ctx context.Context, f func(*session.Session) error) error {
	t, _, err := g.dial(ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	return f(session.New(t, g.cluster))
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// keyFile is where workers look too, when nothing else is said.
func keyFile() string {
	if v := os.Getenv("STARKEEP_KEY_FILE"); v != "" {
		return v
	}
	folder, err := os.UserConfigDir()
	if err != nil { // no home: the current folder is at least the user's choice
		folder = "."
	}
	return filepath.Join(folder, "starkeep", "keys.json")
}

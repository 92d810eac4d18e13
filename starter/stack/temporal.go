package stack

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"go.temporal.io/sdk/client"

	"starkeep/job"
)

// serverVersion is what a temporal CLI says of the server in it; the CLI's own version is 0.0.0-DEV when it was built by
// go install.
var serverVersion = regexp.MustCompile(`Server (\d+)\.(\d+)`)

// oldest server whose update-with-start and user metadata serve.
const oldestMajor, oldestMinor = 1, 29

// findTemporal returns the temporal CLI: from PATH when recent enough, else the one that make tools built. version is its
// server's, e.g. "1.29".
func findTemporal(ctx context.Context, root string) (path, version string, err error) {
	var seen []string
	for _, name := range []string{"temporal", filepath.Join(root, ".tools", "bin", "temporal")} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.CommandContext(ctx, path, "--version").Output()
		if err != nil {
			continue
		}
		version, ok := recent(string(out))
		if ok {
			return path, version, nil
		}
		seen = append(seen, path)
	}
	if len(seen) > 0 {
		return "", "", fmt.Errorf("find temporal: %v is too old, its server must be %d.%d or newer; build a recent one with: make tools", seen, oldestMajor, oldestMinor)
	}
	return "", "", fmt.Errorf("find temporal: the command line is neither on PATH nor built; build it with: make tools")
}

func recent(text string) (version string, ok bool) {
	m := serverVersion.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	major, _ := strconv.Atoi(m[1]) // the expression lets only digits through
	minor, _ := strconv.Atoi(m[2])
	return m[1] + "." + m[2], major > oldestMajor || major == oldestMajor && minor >= oldestMinor
}

// startTemporal runs Temporal's dev server on a durable file.
func (s *Stack) startTemporal(ctx context.Context) error {
	path, version, err := findTemporal(ctx, s.config.Root)
	if err != nil {
		return err
	}
	port := s.choose("Temporal", 7233)
	args := []string{"server", "start-dev", "--ip", loopback, "--port", strconv.Itoa(port),
		// SQLite files are not migrated between servers, so each version has its own.
		"--db-filename", filepath.Join(s.config.Folder, "temporal-"+version+".db"),
		"--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=2", // survives a power loss
		"--log-level", "warn",
		"--dynamic-config-value", "frontend.namespaceRPS.visibility=100", // SHOW asks more than the 10 a second that are the default
	}
	for _, name := range []string{job.ClusterAttribute, job.DatabaseAttribute, job.RepositoryAttribute, job.LabelAttribute, job.StateAttribute} {
		args = append(args, "--search-attribute", name+"=Keyword")
	}
	args = append(args, "--search-attribute", job.ProgressAttribute+"=Int")
	s.Temporal = net.JoinHostPort(loopback, strconv.Itoa(port))
	ui := s.choose("the Temporal UI", 8233)
	args = append(args, "--ui-port", strconv.Itoa(ui))
	s.UI = "http://" + net.JoinHostPort(loopback, strconv.Itoa(ui))
	p, err := s.run(command{name: "temporal", path: path, args: args, grace: 10 * time.Second}, func(string) bool { return false })
	if err != nil {
		return err
	}
	return p.until(ctx, s.healthy(ctx, p))
}

// healthy closes the channel when Temporal answers for its namespace.
func (s *Stack) healthy(ctx context.Context, p *process) <-chan struct{} {
	ready := make(chan struct{})
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			c, err := client.DialContext(ctx, client.Options{HostPort: s.Temporal, Logger: silent{}})
			if err == nil {
				c.Close()
				close(ready)
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-p.done:
				return
			case <-tick.C:
			}
		}
	}()
	return ready
}

// silent swallows the SDK's complaints about a server that is not up yet.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

// writeProfile writes a Temporal profile for this server, so that neither ours nor the user's other servers are meant by
// accident.
func (s *Stack) writeProfile() error {
	text := fmt.Sprintf("[profile.default]\naddress = %q\nnamespace = %q\n", s.Temporal, client.DefaultNamespace)
	return os.WriteFile(s.profile(), []byte(text), 0o600)
}

func (s *Stack) profile() string { return filepath.Join(s.config.Folder, "temporal.toml") }

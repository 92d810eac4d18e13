package compose

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// instructions returns the arguments of all instructions of one kind in the Dockerfile, continued lines joined.
func instructions(t *testing.T, kind string) []string {
	t.Helper()
	text, err := os.ReadFile(file("Dockerfile"))
	require.NoError(t, err)
	joined := regexp.MustCompile(`\\\n\s*`).ReplaceAllString(string(text), "")
	var found []string
	for line := range strings.Lines(joined) {
		if rest, ok := strings.CutPrefix(line, kind+" "); ok {
			found = append(found, strings.TrimSpace(rest))
		}
	}
	require.NotEmpty(t, found, "the Dockerfile has no %s", kind)
	return found
}

// run runs a command and fails with all it said.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), out)
	return string(out)
}

// build runs the Dockerfile's own build command, with its environment, and returns the folder of the programs.
func build(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	for _, line := range instructions(t, "RUN") {
		at := strings.Index(line, "go build ")
		if at < 0 {
			continue
		}
		command := strings.ReplaceAll(line[at:], "-o /out/ ", "-o "+out+"/ ")
		require.NotEqual(t, line[at:], command, "the build does not write to /out/")
		c := exec.Command("sh", "-c", "export "+instructions(t, "ENV")[0]+" VERSION=test; "+command)
		c.Dir = file()
		said, err := c.CombinedOutput()
		require.NoError(t, err, "%s\n%s", command, said)
		return out
	}
	require.Fail(t, "the Dockerfile builds nothing")
	return ""
}

// The image has no shell and no C library: what is not static does not even start there. And a configuration with a setting
// that the worker does not know ends the worker, for ever, with restart: unless-stopped.
func TestImageRunsTheMountedConfiguration(t *testing.T) {
	t.Parallel()
	programs := build(t)
	for _, program := range []string{"worker", "starter"} {
		binary, err := os.ReadFile(filepath.Join(programs, program))
		require.NoError(t, err)
		require.NotContains(t, string(binary), "/lib64/ld-linux", "%s wants a dynamic linker", program)
	}

	state := t.TempDir()
	worker := exec.Command(filepath.Join(programs, "worker"), "--config", file("deploy", "worker", "starkeep.toml"))
	worker.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + state, "TEMPORAL_ADDRESS=127.0.0.1:1", // nothing listens there
		"STARKEEP_SPOOL=" + state + "/spool", "STARKEEP_JOURNAL=" + state + "/journal", "STARKEEP_KEY_FILE=" + state + "/keys.json",
	}
	said, err := worker.CombinedOutput()
	require.Error(t, err, "there is no Temporal server, and the worker is content")
	require.Contains(t, string(said), "connect to Temporal at 127.0.0.1:1", "the worker should get as far as Temporal with this configuration")
}

// Everything that the programs are built from has to reach the build.
func TestBuildContextHoldsThePrograms(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(file(".dockerignore"))
	require.NoError(t, err)
	ignored := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		require.NotContains(t, strings.TrimSpace(line), "/", "this test reads plain names only")
		require.NotContains(t, line, "*", "this test reads plain names only")
		ignored[strings.TrimSpace(line)] = true
	}
	module := strings.TrimSpace(run(t, "go", "list", "-m"))
	packages := strings.Fields(run(t, "go", "list", "-deps", module+"/worker", module+"/starter"))
	for _, p := range packages {
		if rest, own := strings.CutPrefix(p, module+"/"); own {
			top, _, _ := strings.Cut(rest, "/")
			require.False(t, ignored[top], ".dockerignore keeps %s out of the build", p)
		}
	}
	require.False(t, ignored["go.mod"] || ignored["go.sum"])
}

// The process of the container must not be root, and must be able to write where it keeps its state.
func TestImageDoesNotRunAsRoot(t *testing.T) {
	t.Parallel()
	user := instructions(t, "USER")
	require.Equal(t, []string{"65532:65532"}, user)
	require.Contains(t, instructions(t, "COPY"), "--from=build --chown="+user[0]+" /state "+instructions(t, "VOLUME")[0])
	worker := everything(t).Services["worker"]
	require.Equal(t, instructions(t, "VOLUME")[0], worker.Volumes[0].Target, "compose keeps another folder than the image writes to")
}

// The policy that MinIO's user has here is the one that the documents tell users to grant: what works here is enough there.
func TestPolicyIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	policy, err := os.ReadFile(file("deploy", "minio", "policy.json"))
	require.NoError(t, err)
	page, err := os.ReadFile(file("docs", "repositories.md"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(page), "```json\n")
	require.True(t, found, "docs/repositories.md shows no policy")
	shown, _, _ := strings.Cut(after, "```")
	require.JSONEq(t, string(policy), shown)
}

// Prometheus, Grafana and Temporal refuse to start, or show nothing, with a file they cannot read.
func TestConfigurationsAreWellFormed(t *testing.T) {
	t.Parallel()
	strict := func(path string, v any) {
		text, err := os.ReadFile(file("deploy", path))
		require.NoError(t, err)
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		require.NoError(t, d.Decode(v), path)
	}
	var scrape struct {
		Global struct {
			Interval string `yaml:"scrape_interval"`
		}
		Jobs []struct {
			Name    string `yaml:"job_name"`
			Path    string `yaml:"metrics_path"`
			Targets []struct {
				Targets []string
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	strict("prometheus/prometheus.yml", &scrape)
	services := everything(t).Services
	require.NotEmpty(t, scrape.Jobs)
	for _, j := range scrape.Jobs {
		host, _, _ := strings.Cut(j.Targets[0].Targets[0], ":")
		require.Contains(t, services, host, "Prometheus looks for a service that is not there")
	}

	var sources struct {
		Version int `yaml:"apiVersion"`
		Sources []struct {
			Name, UID, Type, Access, URL string
			Default                      bool `yaml:"isDefault"`
		} `yaml:"datasources"`
	}
	strict("grafana/provisioning/datasources/prometheus.yaml", &sources)
	var providers struct {
		Version   int `yaml:"apiVersion"`
		Providers []struct {
			Name, Type string
			Options    struct{ Path string }
		}
	}
	strict("grafana/provisioning/dashboards/starkeep.yaml", &providers)
	var mounted []string
	for _, v := range services["grafana"].Volumes {
		mounted = append(mounted, v.Target)
	}
	require.Contains(t, mounted, providers.Providers[0].Options.Path)

	var dashboard struct {
		Panels []struct {
			Title      string
			Datasource struct{ UID string }
			Targets    []struct{ Expr string }
		}
	}
	text, err := os.ReadFile(file("deploy", "grafana", "dashboards", "starkeep.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &dashboard))
	require.NotEmpty(t, dashboard.Panels)
	for _, p := range dashboard.Panels {
		require.Equal(t, sources.Sources[0].UID, p.Datasource.UID, "panel %s has a source that is not there", p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
	}

	var dynamic map[string][]struct{ Value any }
	strict("temporal/dynamic.yaml", &dynamic)
	require.NotEmpty(t, dynamic)
}

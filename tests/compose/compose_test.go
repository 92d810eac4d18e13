// Package compose tests docker-compose.yml, the Dockerfile and what they mount: everything about them that can be known
// without Docker.
package compose

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// profiles and what each adds to the core.
var profiles = map[string][]string{
	"core":          nil,
	"starrocks":     {"starrocks-be", "starrocks-fe"},
	"doris":         {"doris-be", "doris-fe"},
	"mysql":         {"mariadb", "mysql"},
	"gcs":           {"gcs", "gcs-bucket"},
	"hdfs":          {"hdfs-datanode", "hdfs-folder", "hdfs-namenode"},
	"observability": {"grafana", "prometheus"},
}

var core = []string{
	"minio", "minio-bucket", "postgres", "temporal", "temporal-namespace", "temporal-schema", "temporal-ui", "worker",
}

// load reads docker-compose.yml as Docker Compose does: schema, interpolation, merges, dependencies. The environment of
// whoever runs the test must not change what is tested.
func load(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{file("docker-compose.yml")}, cli.WithProfiles(profiles), cli.WithConsistency(true))
	require.NoError(t, err)
	p, err := o.LoadProject(context.Background())
	require.NoError(t, err)
	return p
}

// file is the path of a file of the repository.
func file(elements ...string) string {
	return filepath.Join(append([]string{"..", ".."}, elements...)...)
}

func everything(t *testing.T) *types.Project { t.Helper(); return load(t, "*") }

// oneShot tells the services that do their work and end: others wait for their end.
func oneShot(p *types.Project, name string) bool {
	for _, s := range p.Services {
		if d, ok := s.DependsOn[name]; ok && d.Condition == types.ServiceConditionCompletedSuccessfully {
			return true
		}
	}
	return false
}

// A service in the wrong profile is missing where it is needed, or starts where nobody wants its 4 GB.
func TestEachProfileStartsWhatItPromises(t *testing.T) {
	t.Parallel()
	for profile, added := range profiles {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			want := slices.Sorted(slices.Values(append(slices.Clone(core), added...)))
			require.Equal(t, want, load(t, profile).ServiceNames())
		})
	}
	require.Equal(t, core, load(t).ServiceNames(), "docker compose up without a profile is the core")
	var all []string
	for _, added := range profiles {
		all = append(all, added...)
	}
	require.ElementsMatch(t, append(all, core...), everything(t).ServiceNames(), "a service is in no profile that this test knows")
}

// An image that moves makes today's working stack tomorrow's broken one.
func TestEveryImageIsPinned(t *testing.T) {
	t.Parallel()
	for name, s := range everything(t).Services {
		if s.Build != nil {
			continue // built from this repository
		}
		_, tag, tagged := strings.Cut(s.Image[strings.LastIndex(s.Image, "/")+1:], ":")
		require.True(t, tagged, "%s: %s has no tag", name, s.Image)
		require.NotContains(t, tag, "latest", "%s: %s moves", name, s.Image)
		require.Regexp(t, `\d`, tag, "%s: %s does not name a version", name, s.Image)
	}
	for _, line := range instructions(t, "FROM") {
		image, _, _ := strings.Cut(line, " ")
		require.Regexp(t, `@sha256:[0-9a-f]{64}$|:\d+\.\d+\.\d+-`, image, "Dockerfile: FROM %s moves", image)
	}
}

// Without a check "up --wait" returns before anything answers, and what depends on it begins too early.
func TestEveryServiceIsChecked(t *testing.T) {
	t.Parallel()
	p := everything(t)
	for name, s := range p.Services {
		if oneShot(p, name) {
			require.Nil(t, s.HealthCheck, "%s ends, so it cannot become healthy", name)
			require.Empty(t, s.Restart, "%s ends, and who waits for its end may see the failure before the repetition", name)
			continue
		}
		require.NotNil(t, s.HealthCheck, "%s has no health check", name)
		require.False(t, s.HealthCheck.Disable, name)
		require.Greater(t, len(s.HealthCheck.Test), 1, "%s: the health check runs nothing", name)
		require.NotNil(t, s.HealthCheck.Interval, name)
		require.NotNil(t, s.HealthCheck.Timeout, name)
		require.NotNil(t, s.HealthCheck.Retries, name)
	}
}

// A dependency that is only started is a race.
func TestDependenciesAreAwaited(t *testing.T) {
	t.Parallel()
	p := everything(t)
	for name, s := range p.Services {
		for on, d := range s.DependsOn {
			want := types.ServiceConditionHealthy
			if oneShot(p, on) {
				want = types.ServiceConditionCompletedSuccessfully
			}
			require.Equal(t, want, d.Condition, "%s depends on %s", name, on)
		}
	}
}

// The passwords of this file are public: whoever reaches a port is in.
func TestPortsAreBoundToLoopback(t *testing.T) {
	t.Parallel()
	taken := map[string]string{}
	for name, s := range everything(t).Services {
		require.NotEqual(t, "host", s.NetworkMode, name)
		for _, port := range s.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s publishes %d", name, port.Target)
			require.Empty(t, taken[port.Published], "%s and %s publish %s", name, taken[port.Published], port.Published)
			taken[port.Published] = name
		}
	}
}

// Docker makes a folder of whatever it does not find, and the service starts without its configuration.
func TestMountsExist(t *testing.T) {
	t.Parallel()
	p := everything(t)
	used := map[string]bool{}
	for name, s := range p.Services {
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeVolume {
				require.Contains(t, p.Volumes, v.Source, name)
				used[v.Source] = true
				continue
			}
			require.True(t, v.ReadOnly, "%s may write into the repository at %s", name, v.Source)
			_, err := os.Stat(v.Source)
			require.NoError(t, err, "%s mounts what is not there", name)
		}
	}
	for v := range p.Volumes {
		require.True(t, used[v], "nothing uses the volume %s", v)
	}
}

// A password that looks real gets used for real.
func TestDefaultSecretsSayThatTheyAreLocal(t *testing.T) {
	t.Parallel()
	for name, s := range everything(t).Services {
		for key, value := range s.Environment {
			secret := strings.Contains(key, "PASSWORD") || strings.Contains(key, "PWD") || strings.Contains(key, "SECRET")
			if secret && value != nil && *value != "" {
				require.Equal(t, "local-development-only", *value, "%s: %s", name, key)
			}
		}
	}
}

// A script with an error shows only on a user's machine, as a service that never gets ready.
func TestScriptsAreValidShell(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob(file("deploy", "*", "*.sh"))
	require.NoError(t, err)
	require.NotEmpty(t, scripts)
	for _, script := range scripts {
		run(t, "sh", "-n", script)
	}
}

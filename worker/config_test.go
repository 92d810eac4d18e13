package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const minimal = `spool = "/spool"
[clusters.default]
frontends = ["fe:9030"]
http = ["http://fe:8030"]
user = "u"
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "starkeep.toml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestMinimalConfigurationGetsItsDefaults(t *testing.T) {
	c, err := loadConfig(write(t, minimal))
	require.NoError(t, err)
	require.Equal(t, "starrocks", c.Cluster["default"].Kind)
	require.GreaterOrEqual(t, c.Upload, 2)
	require.GreaterOrEqual(t, c.Down, 2)
	require.NotEmpty(t, c.KeyFile)
	require.Equal(t, "/starkeep-journal", c.Journal)
	require.Equal(t, 24*time.Hour, c.dropGrace)
}

func TestMistakesInTheConfigurationAreNamed(t *testing.T) {
	for says, text := range map[string]string{
		"unknown setting spol":           `spol = "x"`,
		"names no cluster":               `spool = "x"`,
		`kind "oracle" is not supported`: minimal + `kind = "oracle"`,
		"a starrocks cluster has frontends and http": `[clusters.c]
user = "u"`,
		`server "fe"`: `[clusters.c]
frontends = ["fe"]
http = ["http://fe:8030"]`,
		"a mysql cluster has servers": minimal + `kind = "mysql"`,
		`server "db"`: `[clusters.c]
kind = "mysql"
servers = ["db"]`,
		"drop_grace is a time":        "drop_grace = \"a day\"\n" + minimal,
		"upload_worker_count must be": "upload_worker_count = -1\n" + minimal,
		"without user and password": `[clusters.c]
frontends = ["fe:9030"]
http = ["http://u:p@fe:8030"]`,
		"read password_file": minimal + `password_file = "/no/such/file"`,
		"clusters.default":   minimal + "frontends = 5",
	} {
		_, err := loadConfig(write(t, text))
		require.ErrorContains(t, err, says)
	}
	_, err := loadConfig(filepath.Join(t.TempDir(), "absent.toml"))
	require.ErrorContains(t, err, "absent.toml")
}

func TestPasswordComesFromWhereTheFilePoints(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("from-file\n"), 0o600))
	c, err := loadConfig(write(t, minimal+`password_file = "`+file+`"`))
	require.NoError(t, err)
	require.Equal(t, "from-file", c.Cluster["default"].Password)

	t.Setenv("SOME_PASSWORD", "from-env")
	c, err = loadConfig(write(t, minimal+`password_env = "SOME_PASSWORD"`))
	require.NoError(t, err)
	require.Equal(t, "from-env", c.Cluster["default"].Password)

	t.Setenv("STARKEEP_DEFAULT_PASSWORD", "override")
	t.Setenv("STARKEEP_SPOOL", "/elsewhere")
	c, err = loadConfig(write(t, minimal+`password = "in-file"`))
	require.NoError(t, err)
	require.Equal(t, "override", c.Cluster["default"].Password)
	require.Equal(t, "/elsewhere", c.Spool)
	require.NotContains(t, c.Cluster["default"].String(), "override")
}

func TestTwoWorkersNeverShareASpool(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "attempt-of-a-dead-worker", "object")
	require.NoError(t, os.MkdirAll(filepath.Dir(left), 0o700))
	require.NoError(t, os.WriteFile(left, nil, 0o600))
	unlock, err := claimSpool(dir)
	require.NoError(t, err)
	require.NoFileExists(t, left)
	_, err = claimSpool(dir)
	require.ErrorContains(t, err, "another worker uses it")
	unlock()
	unlock, err = claimSpool(dir)
	require.NoError(t, err)
	unlock()
}

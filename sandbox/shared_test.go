package sandbox_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
)

func TestCompactionMovesTheVisibleVersionButNotTheDataVersion(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{SharedData: true})
	c.use("d")
	versions := "SELECT VISIBLE_VERSION, DATA_VERSION, COMPACT_VERSION FROM information_schema.partitions_meta WHERE TABLE_NAME = 't'"
	require.Equal(t, []string{"2|2|0"}, c.rows(versions))
	answer, err := http.PostForm("http://"+c.server.AdminAddr()+"/compact", url.Values{"database": {"d"}, "table": {"t"}})
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusNoContent, answer.StatusCode)
	require.Equal(t, []string{"3|2|3"}, c.rows(versions))
	c.exec("INSERT INTO t VALUES (4, 'x', 1)")
	require.Equal(t, []string{"4|3|4"}, c.rows(versions))
	require.Equal(t, "4", c.column("SHOW PARTITIONS FROM t", "VisibleVersion")[0])
	require.Equal(t, "3", c.column("SHOW PARTITIONS FROM t", "DataVersion")[0])
	nothing := start(t, sandbox.Config{})
	nothing.use("d")
	require.NoError(t, nothing.server.Compact("d", "t"))
	require.Equal(t, []string{"2|2|0"}, nothing.rows(versions), "a shared-nothing cluster compacts behind the scenes")
}

func TestASharedDataClusterShowsOtherColumns(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{SharedData: true})
	c.use("d")
	c.exec("CREATE MATERIALIZED VIEW m DISTRIBUTED BY HASH(id) BUCKETS 1 REFRESH DEFERRED MANUAL AS SELECT id FROM t")
	require.Equal(t, "shared_data", c.column("ADMIN SHOW FRONTEND CONFIG LIKE 'run_mode'", "Value")[0])
	require.Equal(t, []string{"m|CLOUD_NATIVE_MATERIALIZED_VIEW", "t|CLOUD_NATIVE"}, c.rows("SELECT TABLE_NAME, TABLE_ENGINE FROM information_schema.tables_config"))
	require.Len(t, c.column("SHOW PARTITIONS FROM t", "CompactVersion"), 1)
	require.Equal(t, []string{"[10001]", "[10001]"}, c.column("SHOW TABLET FROM t WHERE IndexName = 't'", "BackendId"))
	require.Empty(t, c.rows("SHOW BACKENDS"))
	require.Equal(t, []string{"default_warehouse"}, c.column("SHOW COMPUTE NODES", "WarehouseName"))
	require.Equal(t, []string{"builtin_storage_volume"}, c.rows("SHOW STORAGE VOLUMES"))
	require.Equal(t, []string{"true"}, c.column("DESC STORAGE VOLUME builtin_storage_volume", "IsDefault"))
	require.Equal(t, []string{"d|CREATE DATABASE `d`\nPROPERTIES (\"storage_volume\" = \"builtin_storage_volume\")"}, c.rows("SHOW CREATE DATABASE d"))
	require.Equal(t, "OLAP", c.cell("SELECT TABLE_COMMENT FROM information_schema.tables WHERE TABLE_NAME = 't'"), "a comment that nobody wrote")
	ddl := c.column("SHOW CREATE TABLE t", "Create Table")[0]
	for _, part := range []string{"COMMENT \"OLAP\"", `"cloud_native_fast_schema_evolution_v2" = "true"`, `"datacache.enable" = "true"`, `"enable_async_write_back" = "false"`,
		`"replication_num" = "1"`, `"storage_volume" = "builtin_storage_volume"`} {
		require.Contains(t, ddl, part)
	}
	require.Contains(t, c.column("SHOW CREATE MATERIALIZED VIEW m", "Create Materialized View")[0], "\"storage_volume\" = \"builtin_storage_volume\",\n\"warehouse\" = \"default_warehouse\"\n)")
}

func TestPropertiesOfTheOtherRunModeAreRefusedOrDropped(t *testing.T) {
	t.Parallel()
	shared, nothing := start(t, sandbox.Config{SharedData: true}), start(t, sandbox.Config{})
	create := "CREATE TABLE d.x (a INT) DISTRIBUTED BY HASH(a) PROPERTIES "
	for _, c := range []*cluster{shared, nothing} {
		c.exec("CREATE DATABASE d")
	}
	require.Contains(t, nothing.fails(create+"('datacache.enable' = 'true')").Message, "Unknown properties: {datacache.enable=true}")
	nothing.exec(create + "('storage_volume' = 'whatever')")
	require.NotContains(t, nothing.column("SHOW CREATE TABLE d.x", "Create Table")[0], "storage_volume", "dropped in silence")
	require.Contains(t, nothing.fails("CREATE DATABASE e PROPERTIES ('storage_volume' = 'v')").Message, "Storage volume can be set only in shared-data deployment")
	require.Contains(t, shared.fails(create+"('storage_volume' = 'other')").Message, "Storage volume other not exists")
	require.Contains(t, shared.fails(create+"('storage_volume' = 'local')").Message, "without persistent volume")
	shared.exec(create + "('storage_medium' = 'SSD', 'replication_num' = '1')")
	require.NotContains(t, shared.column("SHOW CREATE TABLE d.x", "Create Table")[0], "storage_medium")
}

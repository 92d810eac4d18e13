package hdfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage/hdfs"
)

func TestPropertiesOfAllFamiliesAreUnderstood(t *testing.T) {
	t.Setenv("HADOOP_USER_NAME", "machine")
	pair := map[string]string{
		"dfs.nameservices": "other, cluster1", "dfs.ha.namenodes.cluster1": "nn1, nn2", "dfs.ha.namenodes.other": "x",
		"dfs.namenode.rpc-address.cluster1.nn1": "host1:9000", "dfs.namenode.rpc-address.cluster1.nn2": "host2",
		"dfs.namenode.rpc-address.other.x": "host3", "dfs.namenode.http-address.cluster1.nn1": "host1:9870",
		"dfs.client.failover.proxy.provider": "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider",
		"hadoop.username":                    "doris", "dfs.block.size": "64m", "fs.defaultFS": "hdfs://cluster1/",
	}
	for name, c := range map[string]struct {
		authority  string
		properties map[string]string
		nodes      []string
		user       string
		block      int64
	}{
		"nothing":   {"host", nil, []string{"host:8020"}, "machine", 0},
		"port":      {"host:9000", map[string]string{"username": "u", "password": "p"}, []string{"host:9000"}, "u", 0},
		"IPv6":      {"[::1]", map[string]string{"hadoop.security.authentication": "SIMPLE"}, []string{"[::1]:8020"}, "machine", 0},
		"pair":      {"cluster1", pair, []string{"host1:9000", "host2:8020"}, "doris", 64 << 20},
		"host of a": {"host9", map[string]string{"dfs.nameservices": "cluster1", "dfs.blocksize": "1048576"}, []string{"host9:8020"}, "machine", 1 << 20},
	} {
		nodes, user, block, err := hdfs.Settings(c.authority, c.properties)
		require.NoError(t, err, name)
		require.Equal(t, c.nodes, nodes, name)
		require.Equal(t, c.user, user, name)
		require.Equal(t, c.block, block, name)
	}
}

func TestConfigurationOfTheMachineLiesBelowTheProperties(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HADOOP_CONF_DIR", dir)
	site := `<configuration>
		<property><name>dfs.nameservices</name><value>Cluster1</value></property>
		<property><name>dfs.ha.namenodes.Cluster1</name><value>nn1,nn2</value></property>
		<property><name>dfs.namenode.rpc-address.Cluster1.nn1</name><value>host1:9000</value></property>
		<property><name>dfs.namenode.rpc-address.Cluster1.nn2</name><value>host2:9000</value></property>
	</configuration>`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hdfs-site.xml"), []byte(site), 0o600))
	nodes, _, _, err := hdfs.Settings("cluster1", map[string]string{"dfs.namenode.rpc-address.cluster1.nn2": "host9:9000"})
	require.NoError(t, err)
	require.Equal(t, []string{"host1:9000", "host9:9000"}, nodes)
}

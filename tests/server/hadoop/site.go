package hadoop

import (
	"encoding/xml"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// site is what all daemons and tools are told: hdfs-default.xml and core-default.xml of Hadoop 3.4 explain the names.
func (s *Server) site() map[string]string {
	site := map[string]string{
		"fs.defaultFS":                            "hdfs://" + s.NameNodes[0],
		"dfs.replication":                         "1",
		"dfs.namenode.safemode.extension":         "0",
		"dfs.heartbeat.interval":                  "1",
		"dfs.namenode.heartbeat.recheck-interval": "1000",
		"dfs.ls.limit":                            "100",                                          // so that tests see listings of many pages
		"hadoop.security.group.mapping":           "org.apache.hadoop.security.NullGroupsMapping", // users of tests have no accounts
		"hadoop.tmp.dir":                          filepath.Join(s.keeper.Folder, "tmp"),
	}
	if s.options.HA {
		site["fs.defaultFS"] = "hdfs://" + Service
		site["dfs.nameservices"] = Service
		site["dfs.ha.namenodes."+Service] = strings.Join(s.names(), ",")
		site["dfs.client.failover.proxy.provider."+Service] = "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"
		site["dfs.namenode.shared.edits.dir"] = "file://" + filepath.Join(s.keeper.Folder, "shared")
		site["dfs.ha.fencing.methods"] = "shell(true)"
		site["dfs.ha.tail-edits.period"] = "1s"
	}
	for i, name := range s.names() {
		suffix := ""
		if s.options.HA {
			suffix = "." + Service + "." + name
		}
		site["dfs.namenode.rpc-address"+suffix] = s.NameNodes[i]
		site["dfs.namenode.http-address"+suffix] = s.http[i]
	}
	if s.options.Kerberos {
		maps.Copy(site, s.secure())
	}
	maps.Copy(site, s.options.Site)
	return site
}

func (s *Server) nameNodeSite(i int) map[string]string {
	site := s.site()
	if s.options.HA {
		site["dfs.ha.namenode.id"] = s.names()[i] // both run on one address, so they cannot find out themselves
	}
	site["dfs.namenode.name.dir"] = "file://" + filepath.Join(s.keeper.Folder, s.names()[i]+".data")
	return site
}

func (s *Server) dataNodeSite(i int) map[string]string {
	site := s.site()
	site["dfs.datanode.data.dir"] = "file://" + filepath.Join(s.keeper.Folder, dataNode(i)+".data")
	site["dfs.datanode.hostname"] = "127.0.0.1"
	site["dfs.datanode.address"] = s.nodes[i].transfer
	site["dfs.datanode.http.address"] = s.nodes[i].http
	site["dfs.datanode.ipc.address"] = s.nodes[i].ipc
	return site
}

type xmlProperty struct {
	Name  string `xml:"name"`
	Value string `xml:"value"`
}

// configure writes the configuration folder of a daemon.
func (s *Server) configure(t testing.TB, name string, site map[string]string) {
	t.Helper()
	var file struct {
		XMLName    xml.Name      `xml:"configuration"`
		Properties []xmlProperty `xml:"property"`
	}
	for _, key := range slices.Sorted(maps.Keys(site)) {
		file.Properties = append(file.Properties, xmlProperty{key, site[key]})
	}
	text, err := xml.Marshal(file)
	require.NoError(t, err)
	const log = `log4j.rootLogger=WARN,out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1}: %m%n
`
	folder := filepath.Join(s.keeper.Folder, name+".conf")
	// The daemons look for the pages of their web servers on the class path; the jars have none.
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "webapps", "hdfs"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "webapps", "datanode"), 0o700))
	for file, content := range map[string]string{"core-site.xml": string(text), "hdfs-site.xml": string(text), "log4j.properties": log} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600))
	}
}

package hdfs

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/colinmarc/hdfs/v2/hadoopconf"

	"starkeep/storage"
	"starkeep/storage/property"
)

// defaultPort is that of the name node's RPC, of a location without one; https://hadoop.apache.org/docs/r3.4.1/hadoop-project-dist/hadoop-common/core-default.xml
const defaultPort = "8020"

// settings are what the properties say.
type settings struct {
	addresses      []string // of the name nodes
	useHostname    bool     // of data nodes, instead of their IP addresses
	connectTimeout time.Duration
	idleTimeout    time.Duration // of one read or write on a connection
	replication    int           // 0: what the name node says
	blockSize      int64         // in bytes; 0: what the name node says
	login          login
}

// read understands the properties that StarRocks, Doris and Hadoop know for HDFS. Below them lies the configuration of the
// machine, HADOOP_CONF_DIR, as for any client of Hadoop.
func read(authority string, properties map[string]string) (settings, error) {
	loaded, err := hadoopconf.LoadFromEnvironment()
	if err != nil {
		return settings{}, fmt.Errorf("%w: read HADOOP_CONF_DIR: %w", storage.ErrConfig, err)
	}
	conf := map[string]string{}
	for name, value := range loaded {
		conf[strings.ToLower(name)] = strings.TrimSpace(value)
	}
	set := &source{property.Read(properties), conf}
	s := settings{
		useHostname: set.Bool(conf["dfs.client.use.datanode.hostname"] == "true", "dfs.client.use.datanode.hostname"),
		// The defaults are those of Hadoop 3.4: ipc.client.connect.timeout in core-default.xml, dfs.client.socket-timeout
		// in hdfs-default.xml.
		connectTimeout: set.Milliseconds(20*time.Second, "ipc.client.connect.timeout"),
		idleTimeout:    set.Milliseconds(60*time.Second, "dfs.client.socket-timeout"),
		replication:    set.Int(0, 1, "dfs.replication"),
		blockSize:      set.size("dfs.blocksize", "dfs.block.size"),
	}
	s.addresses = set.nameNodes(authority)
	s.login = set.login()
	set.ignore()
	if err := set.Err("hdfs"); err != nil {
		return settings{}, err
	}
	return s, nil
}

// source is the properties, and what the machine's configuration says where they say nothing.
type source struct {
	*property.Set
	conf map[string]string // by name in lower case
}

// text is the value of a setting; the first of its names is Hadoop's own.
func (s *source) text(names ...string) string {
	if value, by := s.Given(names...); by != "" {
		return strings.TrimSpace(value)
	}
	return s.conf[strings.ToLower(names[0])]
}

// ignore takes what clients in Java need and this one does not.
func (s *source) ignore() {
	s.Text("password") // HDFS without Kerberos has no passwords
	s.Text("dfs.client.failover.proxy.provider", "dfs.client.failover.proxy.provider.")
	s.Prefixed("dfs.client.failover.proxy.provider.")
	s.Prefixed("dfs.namenode.http-address.")
	s.Prefixed("dfs.namenode.https-address.")
	s.Text("fs.hdfs.impl")
	s.Text("fs.hdfs.impl.disable.cache")
	s.Text("hadoop.rpc.protection") // the name node says what it wants
	s.Bool(true, "ipc.client.fallback-to-simple-auth-allowed")
	if _, by := s.Given("hadoop.config.resources"); by != "" {
		s.Fail("%s is not read: name the folder of these files in HADOOP_CONF_DIR of the workers", by)
	}
}

// units are the suffixes of a size, as hdfs-default.xml has them for dfs.blocksize.
var units = map[byte]int64{'k': 1 << 10, 'm': 1 << 20, 'g': 1 << 30, 't': 1 << 40}

// size is a number of bytes, with or without a unit: 134217728, 128m.
func (s *source) size(names ...string) int64 {
	value, by := s.Given(names...)
	if by == "" {
		return 0
	}
	var n int64
	digits, unit := strings.ToLower(strings.TrimSpace(value)), int64(1)
	if last := len(digits) - 1; last > 0 && units[digits[last]] != 0 {
		digits, unit = digits[:last], units[digits[last]]
	}
	if _, err := fmt.Sscanf(digits+" ", "%d ", &n); err != nil || n < 1 || n*unit%512 != 0 {
		s.Fail("%s must be a number of bytes that 512 divides, such as 128m", by)
	}
	return n * unit
}

// nameNodes finds the name nodes of a location's authority: host, host:port, or a name service that the properties explain.
func (s *source) nameNodes(authority string) []string {
	if fs, by := s.Given("fs.defaultFS", "fs.default.name"); by != "" && !sameFS(fs, authority) {
		s.Fail("%s names another file system than the location", by)
	}
	services := strings.Split(s.text("dfs.nameservices"), ",")
	nodes := s.text("dfs.ha.namenodes." + authority)
	// Other services may be described, too.
	s.Prefixed("dfs.ha.namenodes.")
	addresses := s.Prefixed("dfs.namenode.rpc-address.")
	for name, value := range s.conf {
		if strings.HasPrefix(name, "dfs.namenode.rpc-address.") && addresses[name] == "" {
			addresses[name] = value
		}
	}
	if nodes == "" {
		if slices.ContainsFunc(services, func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), authority) }) {
			s.Fail("the name service %s has no nodes: set dfs.ha.namenodes.%s and their dfs.namenode.rpc-address", authority, authority)
		}
		return []string{withPort(authority)}
	}
	var found []string
	for node := range strings.SplitSeq(nodes, ",") {
		name := "dfs.namenode.rpc-address." + authority + "." + strings.TrimSpace(node)
		address := strings.TrimSpace(addresses[strings.ToLower(name)])
		if address == "" {
			s.Fail("the name node %s of %s has no address: set %s", strings.TrimSpace(node), authority, name)
			continue
		}
		found = append(found, withPort(address))
	}
	return found
}

func sameFS(uri, authority string) bool {
	named, is := strings.CutPrefix(strings.ToLower(strings.TrimSpace(uri)), "hdfs://")
	named, _, _ = strings.Cut(named, "/")
	return is && withPort(named) == withPort(strings.ToLower(authority))
}

func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), defaultPort)
}

// self is the user of a client that was not told one, as in Hadoop's UserGroupInformation.
func self() string {
	if name := os.Getenv("HADOOP_USER_NAME"); name != "" {
		return name
	}
	return currentUser()
}

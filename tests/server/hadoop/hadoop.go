// Package hadoop runs a real Apache Hadoop HDFS for a test: one name node or a pair of them, and data nodes, each a Java
// process on free ports of 127.0.0.1.
package hadoop

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/colinmarc/hdfs/v2"
	"github.com/stretchr/testify/require"

	"starkeep/tests/server/machine"
)

// Service is the name service of a pair of name nodes.
const Service = "pair"

// Options vary a server. The zero value is one name node and one data node.
type Options struct {
	DataNodes int               // 0: one
	HA        bool              // a pair of name nodes, nn1 and nn2; nn1 is made active, nn2 stays standby
	Kerberos  bool              // nobody is believed without a ticket; see Krb5Conf
	Site      map[string]string // more of hdfs-site.xml
}

// Server is a running HDFS. Its methods are for one test at a time; the server itself serves many.
type Server struct {
	NameNodes []string // their RPC addresses
	DataNodes int
	Superuser string // may do everything; the name of the user who runs the test

	options Options
	http    []string // addresses where the name nodes show their state
	nodes   []node
	keeper  *machine.Keeper
	client  *http.Client
}

// node is where a data node listens.
type node struct {
	transfer, http, ipc string
	runs                bool
}

var shared machine.Shared[Server]

// Shared returns the one server of this test process; tests keep apart by using a folder each.
func Shared(t testing.TB) *Server {
	t.Helper()
	return shared.Get(t, func() *Server { return start(t, Options{}) })
}

// Start runs a server of its own until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := start(t, o)
	t.Cleanup(s.stop)
	return s
}

func start(t testing.TB, o Options) *Server {
	t.Helper()
	me, err := user.Current()
	require.NoError(t, err)
	s := &Server{
		DataNodes: max(1, o.DataNodes),
		Superuser: me.Username,
		options:   o,
		keeper:    machine.NewKeeper(t, "", "hadoop"),
		client:    &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	for range s.names() {
		s.NameNodes = append(s.NameNodes, machine.FreeAddress(t))
		s.http = append(s.http, machine.FreeAddress(t))
	}
	for i, name := range s.names() {
		s.configure(t, name, s.nameNodeSite(i))
	}
	for i := range s.DataNodes {
		s.nodes = append(s.nodes, node{transfer: machine.FreeAddress(t), http: machine.FreeAddress(t), ipc: machine.FreeAddress(t)})
		s.configure(t, dataNode(i), s.dataNodeSite(i))
	}
	if o.Kerberos {
		s.runKDC(t)
	}
	s.format(t)
	for i := range s.NameNodes {
		s.RunNameNode(t, i)
	}
	if o.HA {
		s.Activate(t, 0)
	}
	for i := range s.DataNodes {
		s.RunDataNode(t, i)
	}
	return s
}

// names are the ids of the name nodes.
func (s *Server) names() []string {
	if s.options.HA {
		return []string{"nn1", "nn2"}
	}
	return []string{"nn1"}
}

func dataNode(i int) string { return fmt.Sprintf("dn%d", i+1) }

// java is the command that runs a class of Hadoop with the configuration of a daemon.
func (s *Server) java(t testing.TB, name, class string, args ...string) []string {
	t.Helper()
	home := filepath.Dir(machine.Tool(t, "hadoop", "lib"))
	_, err := exec.LookPath("java")
	require.NoError(t, err, "Java is missing: run `make tools`")
	return append([]string{
		// Small, and started fast: tests start it often and run it for a short while.
		"java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
		"-Dhadoop.home.dir=" + home, "-Djava.security.krb5.conf=" + s.Krb5Conf(), "-cp", filepath.Join(s.keeper.Folder, name+".conf") + ":" + filepath.Join(home, "lib", "*"), class,
	}, args...)
}

// tool runs a command of Hadoop to its end.
func (s *Server) tool(t testing.TB, name, class string, args ...string) {
	t.Helper()
	command := s.java(t, name, class, args...)
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", class, args, out)
}

const nameNodeClass = "org.apache.hadoop.hdfs.server.namenode.NameNode"

// format makes an empty file system. The second name node of a pair begins with a copy of it.
func (s *Server) format(t testing.TB) {
	t.Helper()
	s.tool(t, "nn1", nameNodeClass, "-format", "-nonInteractive")
	if s.options.HA {
		from, to := filepath.Join(s.keeper.Folder, "nn1.data"), filepath.Join(s.keeper.Folder, "nn2.data")
		require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	}
}

// RunNameNode starts a name node, and waits until it answers. One that is alone also has to leave safe mode, which it does
// when the data nodes have told of their blocks: so not before one of them runs.
func (s *Server) RunNameNode(t testing.TB, i int) {
	t.Helper()
	name := s.names()[i]
	s.keeper.Run(t, name, s.java(t, name, nameNodeClass)...)
	s.await(t, name, func() bool {
		state := s.ask(s.http[i], "NameNode", "NameNodeStatus")["State"]
		if s.options.HA {
			return state == "standby" || state == "active"
		}
		return state == "active" && (s.operational(i) || !slices.ContainsFunc(s.nodes, func(n node) bool { return n.runs }))
	})
}

func (s *Server) operational(i int) bool {
	return s.ask(s.http[i], "NameNode", "FSNamesystemState")["FSState"] == "Operational"
}

// KillNameNode ends a name node at once, as a power failure does. RunNameNode brings it back.
func (s *Server) KillNameNode(t testing.TB, i int) {
	t.Helper()
	s.keeper.Kill(t, s.names()[i])
}

// RunDataNode starts a data node, and waits until the active name node counts it.
func (s *Server) RunDataNode(t testing.TB, i int) {
	t.Helper()
	name := dataNode(i)
	s.keeper.Run(t, name, s.java(t, name, "org.apache.hadoop.hdfs.server.datanode.DataNode")...)
	s.nodes[i].runs = true
	s.await(t, name, func() bool { return s.serves(i) })
}

// serves tells whether a data node works for every name node, and the active one counts it.
func (s *Server) serves(i int) bool {
	var actors []struct{ ActorState string }
	text, _ := s.ask(s.nodes[i].http, "DataNode", "DataNodeInfo")["BPServiceActorInfo"].(string)
	_ = json.Unmarshal([]byte(text), &actors) // what is no JSON has no actors
	if len(actors) != len(s.NameNodes) {
		return false
	}
	for _, a := range actors {
		if a.ActorState != "RUNNING" {
			return false
		}
	}
	for nn, address := range s.http {
		live, _ := s.ask(address, "NameNode", "NameNodeInfo")["LiveNodes"].(string)
		active := s.ask(address, "NameNode", "NameNodeStatus")["State"] == "active"
		if active && s.operational(nn) && strings.Contains(live, `"`+s.nodes[i].transfer+`"`) {
			return true
		}
	}
	return false
}

// KillDataNode ends a data node at once. RunDataNode brings it back.
func (s *Server) KillDataNode(t testing.TB, i int) {
	t.Helper()
	s.keeper.Kill(t, dataNode(i))
	s.nodes[i].runs = false
}

// Stall stops a data node in its tracks: it keeps its connections and answers nothing, until Resume.
func (s *Server) Stall(t testing.TB, i int) {
	t.Helper()
	s.keeper.Signal(t, dataNode(i), "STOP")
}

// Resume lets a data node go on.
func (s *Server) Resume(t testing.TB, i int) {
	t.Helper()
	s.keeper.Signal(t, dataNode(i), "CONT")
}

// Activate makes a name node of a pair the active one. The other one must be standby or dead.
func (s *Server) Activate(t testing.TB, i int) {
	t.Helper()
	s.tool(t, s.names()[i], "org.apache.hadoop.hdfs.tools.DFSHAAdmin", "-transitionToActive", "--forceactive", s.names()[i])
	s.await(t, s.names()[i], func() bool { return s.operational(i) })
}

// Standby makes the active name node of a pair a standby one.
func (s *Server) Standby(t testing.TB, i int) {
	t.Helper()
	s.tool(t, s.names()[i], "org.apache.hadoop.hdfs.tools.DFSHAAdmin", "-transitionToStandby", s.names()[i])
}

// Admin runs hdfs dfsadmin.
func (s *Server) Admin(t testing.TB, args ...string) {
	t.Helper()
	s.tool(t, "nn1", "org.apache.hadoop.hdfs.tools.DFSAdmin", args...)
}

// ask returns a bean that a daemon shows on its HTTP port; nil when it does not answer.
func (s *Server) ask(address, service, bean string) map[string]any {
	answer, err := s.client.Get("http://" + address + "/jmx?qry=" + url.QueryEscape("Hadoop:service="+service+",name="+bean))
	if err != nil {
		return nil
	}
	defer func() { _ = answer.Body.Close() }()
	var text struct{ Beans []map[string]any }
	if json.NewDecoder(answer.Body).Decode(&text) != nil || len(text.Beans) == 0 {
		return nil
	}
	return text.Beans[0]
}

// errWaiting is a daemon that says nothing of what it still waits for.
var errWaiting = errors.New("it is not in the state to serve")

func (s *Server) await(t testing.TB, name string, ready func() bool) {
	t.Helper()
	s.keeper.Await(t, name, 90*time.Second, func() error {
		if !ready() {
			return errWaiting
		}
		return nil
	})
}

// Put stores a file with the raw library, as user.
func (s *Server) Put(t testing.TB, user, path string, content []byte) {
	t.Helper()
	w, err := s.Client(t, user).Create(path)
	require.NoError(t, err)
	if len(content) > 0 { // writing nothing begins a block that never ends
		_, err = w.Write(content)
		require.NoError(t, err)
	}
	// The library says so as long as the data node has not yet told the name node of the block.
	require.Eventually(t, func() bool { err = w.Close(); return !hdfs.IsErrReplicating(err) }, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, err)
}

// Client returns a client of the raw library that acts as user; the test closes it by ending.
func (s *Server) Client(t testing.TB, user string) *hdfs.Client {
	t.Helper()
	c, err := hdfs.NewClient(hdfs.ClientOptions{Addresses: s.NameNodes, User: user})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Folder makes a folder that belongs to user, and returns its path. Nobody else may look into it.
func (s *Server) Folder(t testing.TB, user string) string {
	t.Helper()
	c := s.Client(t, s.Superuser)
	path := "/" + strings.ToLower(rand.Text())
	require.NoError(t, c.Mkdir(path, 0o700))
	require.NoError(t, c.Chmod(path, 0o700)) // the library's Mkdir is subject to no umask, the server's may be
	require.NoError(t, c.Chown(path, user, "test"))
	return path
}

// stop ends all daemons for good and removes their data.
func (s *Server) stop() {
	s.keeper.Stop()
	s.client.CloseIdleConnections()
}

package hadoop

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/tests/server/machine"
)

const (
	// Realm is that of a server with Kerberos.
	Realm = "EXAMPLE.COM"
	// Principal is the user of a server with Kerberos. The nodes have one of their own, nn/127.0.0.1.
	Principal = "keeper@" + Realm

	nodes = "nn/127.0.0.1"
)

// Krb5Conf is the path of the configuration that finds the Kerberos server; the value of KRB5_CONFIG.
func (s *Server) Krb5Conf() string { return filepath.Join(s.keeper.Folder, "krb5.conf") }

// Keytab is the path of the keytab with the keys of everybody.
func (s *Server) Keytab() string { return filepath.Join(s.keeper.Folder, "keytab") }

// runKDC starts Hadoop's own Kerberos server for tests.
func (s *Server) runKDC(t testing.TB) {
	t.Helper()
	host, port, err := net.SplitHostPort(machine.FreeAddress(t))
	require.NoError(t, err)
	org, domain, _ := strings.Cut(Realm, ".")
	settings := "org.name=" + org + "\norg.domain=" + domain + "\nkdc.bind.address=" + host + "\nkdc.port=" + port +
		"\ntransport=TCP\ninstance=DefaultKrbServer\nmax.ticket.lifetime=86400000\nmax.renewable.lifetime=604800000\ndebug=false\n"
	file := filepath.Join(s.keeper.Folder, "kdc.properties")
	require.NoError(t, os.WriteFile(file, []byte(settings), 0o600))
	work := filepath.Join(s.keeper.Folder, "kdc.data")
	require.NoError(t, os.Mkdir(work, 0o700))
	user, _, _ := strings.Cut(Principal, "@")
	s.keeper.Run(t, "kdc", s.java(t, "nn1", "org.apache.hadoop.minikdc.MiniKdc", work, file, s.Keytab(), nodes, user)...)
	conf := "[libdefaults]\ndefault_realm = " + Realm + "\nudp_preference_limit = 1\ndns_lookup_kdc = false\n" +
		"[realms]\n" + Realm + " = {\n kdc = " + net.JoinHostPort(host, port) + "\n}\n"
	require.NoError(t, os.WriteFile(s.Krb5Conf(), []byte(conf), 0o600))
	s.await(t, "kdc", func() bool { // the keytab is written last
		info, err := os.Stat(s.Keytab())
		return err == nil && info.Size() > 0
	})
}

// secure is the part of hdfs-site.xml that Kerberos needs. The ports of data nodes need not be privileged, as transfers are
// authenticated; the check of that wants HTTPS too, which no test uses.
func (s *Server) secure() map[string]string {
	site := map[string]string{
		"hadoop.security.authentication":  "kerberos",
		"hadoop.security.authorization":   "true",
		"dfs.block.access.token.enable":   "true",
		"dfs.data.transfer.protection":    "authentication",
		"ignore.secure.ports.for.testing": "true",
	}
	for _, role := range []string{"namenode", "datanode"} {
		site["dfs."+role+".kerberos.principal"] = nodes + "@" + Realm
		site["dfs."+role+".keytab.file"] = s.Keytab()
	}
	return site
}

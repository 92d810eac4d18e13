package hdfs

import (
	"encoding/base64"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/colinmarc/hdfs/v2"
	"github.com/colinmarc/hdfs/v2/hadoopconf"
	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/keytab"
)

// login is how a client says who it is.
type login struct {
	user       string                // without Kerberos: HDFS believes it
	kerberos   *client.Client        // nil without Kerberos
	service    string                // Kerberos' name of the name node, nn/_HOST
	protection hadoopconf.HadoopConf // what transfers need, with Kerberos
}

func (l login) options() hdfs.ClientOptions {
	if l.kerberos == nil {
		return hdfs.ClientOptions{User: l.user}
	}
	// Only options from a configuration know that data nodes on privileged ports take no authentication.
	o := hdfs.ClientOptionsFromConf(l.protection)
	o.KerberosClient, o.KerberosServicePrincipleName = l.kerberos, l.service
	return o
}

// name is who the name node sees.
func (l login) name() string {
	if l.kerberos != nil {
		return l.kerberos.Credentials.UserName()
	}
	return l.user
}

func (l login) close() {
	if l.kerberos != nil {
		l.kerberos.Destroy()
	}
}

// login reads who to be.
func (s *source) login() login {
	choices := []string{"simple", "kerberos"}
	def := "simple"
	if strings.EqualFold(s.conf["hadoop.security.authentication"], "kerberos") {
		def = "kerberos"
	}
	kind := s.OneOf(def, choices, "hadoop.security.authentication", "hdfs.authentication.type")
	name := s.Text("username", "hadoop.username")
	principal := s.Text("kerberos_principal", "hadoop.kerberos.principal", "hdfs.authentication.kerberos.principal")
	path := s.Text("kerberos_keytab", "hadoop.kerberos.keytab", "hdfs.authentication.kerberos.keytab")
	content := s.Text("kerberos_keytab_content")
	l := login{service: s.text("dfs.namenode.kerberos.principal"), protection: s.protection()}
	if kind == "simple" {
		if l.user = name; name == "" {
			l.user = self()
		}
		return l
	}
	switch {
	case principal == "" || path == "" && content == "":
		s.Fail("Kerberos needs kerberos_principal and kerberos_keytab")
	case path != "" && content != "":
		s.Fail("kerberos_keytab and kerberos_keytab_content exclude each other")
	default:
		l.kerberos = s.kerberos(principal, path, content)
	}
	if l.service == "" {
		l.service = "nn/_HOST" // as in Hadoop's own examples of hdfs-site.xml
	}
	l.service, _, _ = strings.Cut(l.service, "@")
	return l
}

// protection is what the settings ask of transfers, at least that they are authenticated: data nodes of a cluster with
// Kerberos want that, and users rarely repeat it.
func (s *source) protection() hadoopconf.HadoopConf {
	const name = "dfs.data.transfer.protection"
	levels := strings.ToLower(s.text(name))
	for level := range strings.SplitSeq(levels, ",") {
		switch strings.TrimSpace(level) {
		case "", hdfs.DataTransferProtectionAuthentication, hdfs.DataTransferProtectionIntegrity, hdfs.DataTransferProtectionPrivacy:
		default:
			s.Fail("%s must be authentication, integrity or privacy", name)
		}
	}
	if levels == "" {
		levels = hdfs.DataTransferProtectionAuthentication
	}
	encrypt := s.Bool(s.conf["dfs.encrypt.data.transfer"] == "true", "dfs.encrypt.data.transfer")
	return hadoopconf.HadoopConf{name: strings.ReplaceAll(levels, " ", ""), "dfs.encrypt.data.transfer": strconv.FormatBool(encrypt)}
}

// kerberos makes the client that gets tickets. It asks for the first one when the first name node is dialed.
func (s *source) kerberos(principal, path, content string) *client.Client {
	name, realm, _ := strings.Cut(principal, "@")
	conf, err := config.Load(krb5Conf())
	if err != nil {
		s.Fail("read %s (KRB5_CONFIG): %v", krb5Conf(), err)
		return nil
	}
	if realm == "" {
		realm = conf.LibDefaults.DefaultRealm
	}
	tab := keytab.New()
	if content != "" {
		var raw []byte
		if raw, err = base64.StdEncoding.DecodeString(content); err == nil {
			err = tab.Unmarshal(raw)
		}
		if err != nil {
			s.Fail("kerberos_keytab_content is not a keytab in Base64")
			return nil
		}
	} else if tab, err = keytab.Load(path); err != nil {
		s.Fail("read kerberos_keytab on this worker: %v", err)
		return nil
	}
	return client.NewWithKeytab(name, realm, tab, conf, client.DisablePAFXFAST(true))
}

// krb5Conf is where MIT Kerberos looks, too.
func krb5Conf() string {
	if path := os.Getenv("KRB5_CONFIG"); path != "" {
		return path
	}
	return "/etc/krb5.conf"
}

func currentUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "" // Open asks for username then
}

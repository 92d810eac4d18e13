package hdfs

import (
	"encoding/base64"
	"os"
	"os/user"
	"strings"

	"github.com/colinmarc/hdfs/v2"
	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/keytab"
)

// login is how a client says who it is.
type login struct {
	user       string         // without Kerberos: HDFS believes it
	kerberos   *client.Client // nil without Kerberos
	service    string         // Kerberos' name of the name node, nn/_HOST
	protection string         // of transfers, "" for what the data nodes ask for
}

func (l login) options() hdfs.ClientOptions {
	return hdfs.ClientOptions{
		User:                         l.user,
		KerberosClient:               l.kerberos,
		KerberosServicePrincipleName: l.service,
		DataTransferProtection:       l.protection,
	}
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
		l.service, l.protection = "", ""
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

// protection is the highest level of dfs.data.transfer.protection; the levels are in the order of the alphabet.
func (s *source) protection() string {
	if s.Bool(s.conf["dfs.encrypt.data.transfer"] == "true", "dfs.encrypt.data.transfer") {
		return hdfs.DataTransferProtectionPrivacy
	}
	highest := ""
	for level := range strings.SplitSeq(s.text("dfs.data.transfer.protection"), ",") {
		switch level = strings.ToLower(strings.TrimSpace(level)); level {
		case "", hdfs.DataTransferProtectionAuthentication, hdfs.DataTransferProtectionIntegrity, hdfs.DataTransferProtectionPrivacy:
			highest = max(highest, level)
		default:
			s.Fail("dfs.data.transfer.protection must be authentication, integrity or privacy")
		}
	}
	return highest
}

// kerberos makes the client that gets tickets. It asks for the first one when the first name node is dialed.
func (s *source) kerberos(principal, path, content string) *client.Client {
	name, realm, _ := strings.Cut(principal, "@")
	conf, err := config.Load(krb5Conf())
	if err != nil {
		s.Fail("read %s (KRB5_CONFIG): %w", krb5Conf(), err)
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
		s.Fail("read kerberos_keytab on this worker: %w", err)
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

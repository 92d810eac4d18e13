package gcs

import (
	"net/url"
	"os"
	"strings"
	"time"

	"starkeep/storage"
	"starkeep/storage/property"
)

// settings are what the properties say.
type settings struct {
	endpoint string // scheme and host, without a slash at its end
	login    login
	dial     time.Duration // to connect and to shake hands
	quiet    time.Duration // without a byte in either direction, before a connection counts as broken
}

// defaultEndpoint serves all regions.
const defaultEndpoint = "https://storage.googleapis.com"

// Names by setting. StarRocks: docs/en/integrations/authenticate_to_gcs.md, CloudConfigurationConstants.java (gcp.gcs.*) and
// GCPCloudConfigurationProvider.java (gcs.oauth2.token, fs.gs.temporary.access.token, fs.gs.endpoint); the Cloud Storage
// connector of Hadoop: gcs/CONFIGURATION.md of GoogleCloudDataproc/hadoop-connectors (the other fs.gs.*).
var (
	nameEndpoint    = []string{"gcp.gcs.endpoint", "fs.gs.endpoint", "fs.gs.storage.root.url"}
	nameEmail       = []string{"gcp.gcs.service_account_email", "fs.gs.auth.service.account.email"}
	nameKeyID       = []string{"gcp.gcs.service_account_private_key_id", "fs.gs.auth.service.account.private.key.id"}
	nameKey         = []string{"gcp.gcs.service_account_private_key", "fs.gs.auth.service.account.private.key"}
	nameKeyFile     = []string{"fs.gs.auth.service.account.json.keyfile"}
	nameMachine     = []string{"gcp.gcs.use_compute_engine_service_account"}
	nameImpersonate = []string{"gcp.gcs.impersonation_service_account", "fs.gs.auth.impersonation.service.account"}
	nameToken       = []string{"gcs.oauth2.token", "fs.gs.temporary.access.token"}
	nameType        = []string{"fs.gs.auth.type"}
	nameTokenServer = []string{"fs.gs.token.server.url"}
	nameDial        = []string{"fs.gs.http.connect-timeout"}
	nameQuiet       = []string{"fs.gs.http.read-timeout"}

	// nameHMAC are keys of the S3 interoperability, which is another protocol.
	nameHMAC = []string{
		"gs.access_key", "gs.secret_key", "fs.s3a.access.key", "fs.s3a.secret.key", "s3.access_key", "s3.secret_key",
		"aws.s3.access_key", "aws.s3.secret_key", "AWS_ACCESS_KEY", "AWS_SECRET_KEY",
	}
)

// read understands properties.
func read(properties map[string]string) (settings, error) {
	p := property.Read(properties)
	for _, name := range nameHMAC {
		if _, by := p.Given(name); by != "" {
			p.Fail("%s is an HMAC key, for Google's S3 interoperability: write the location as s3:// and keep the properties, or give a service account", by)
		}
	}
	// As the client libraries of Google do; a property is nearer to the user than the environment of a worker.
	endpoint, by := p.Given(nameEndpoint...)
	emulator := os.Getenv("STORAGE_EMULATOR_HOST")
	if by == "" && emulator != "" {
		endpoint, by = emulator, "STORAGE_EMULATOR_HOST"
		if !strings.Contains(endpoint, "://") {
			endpoint = "http://" + endpoint
		}
	}
	s := settings{
		endpoint: readEndpoint(p, endpoint, by),
		login:    readLogin(p, by == "STORAGE_EMULATOR_HOST"),
		dial:     p.Milliseconds(20*time.Second, nameDial...),
		quiet:    p.Milliseconds(time.Minute, nameQuiet...),
	}
	return s, p.Err("gs://")
}

func readEndpoint(p *property.Set, endpoint, by string) string {
	endpoint = strings.TrimSpace(endpoint)
	if endpoint == "" {
		return defaultEndpoint
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" || u.Scheme != "http" && u.Scheme != "https" {
		p.Fail("%s must be https://host or http://host:port", by)
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// The ways to log in. The words are those of fs.gs.auth.type.
const (
	byDefault   = "APPLICATION_DEFAULT"
	byKey       = "SERVICE_ACCOUNT_JSON_KEYFILE"
	byMachine   = "COMPUTE_ENGINE"
	byToken     = "ACCESS_TOKEN_PROVIDER"
	byAnonymous = "UNAUTHENTICATED"
)

// login is who the store is to see. It holds secrets.
type login struct {
	way         string
	email       string
	keyID       string
	key         string // PEM
	keyFile     string
	token       string
	tokenServer string
	impersonate string // the service account to become, by its email
}

// String keeps secrets out of messages.
func (l login) String() string { return l.way }

// readLogin finds the one way that the properties describe.
func readLogin(p *property.Set, emulator bool) login {
	l := login{
		email: p.Text(nameEmail...), keyID: p.Text(nameKeyID...),
		// A statement is one line, so the key comes with \n for its line ends, as it is in the key file.
		key:     strings.ReplaceAll(p.Text(nameKey...), `\n`, "\n"),
		keyFile: strings.TrimSpace(p.Text(nameKeyFile...)), token: strings.TrimSpace(p.Text(nameToken...)),
		tokenServer: strings.TrimSpace(p.Text(nameTokenServer...)), impersonate: strings.TrimSpace(p.Text(nameImpersonate...)),
	}
	machine := p.Bool(false, nameMachine...)
	written := p.OneOf("", []string{byDefault, byKey, byMachine, byToken, byAnonymous}, nameType...)
	var ways []string
	add := func(given bool, way string) {
		if given {
			ways = append(ways, way)
		}
	}
	add(l.email != "" || l.keyID != "" || l.key != "", byKey)
	add(l.keyFile != "", byKey)
	add(l.token != "", byToken)
	add(machine, byMachine)
	switch {
	case len(ways) > 1:
		p.Fail("there are several ways to log in; keep one: %s with its id and key, or %s, %s or %s", nameEmail[0], nameKeyFile[0], nameToken[0], nameMachine[0])
	case len(ways) == 1 && written != "" && written != ways[0]:
		p.Fail("%s = %s does not fit the other properties, which say %s", nameType[0], written, ways[0])
	case len(ways) == 1:
		l.way = ways[0]
	case written == byKey || written == byToken:
		p.Fail("%s = %s needs %s", nameType[0], written, map[string]string{byKey: nameKeyFile[0], byToken: nameToken[0]}[written])
	case written != "":
		l.way = written
	case emulator:
		l.way = byAnonymous
	default:
		l.way = byDefault
	}
	if l.way == byKey && l.keyFile == "" && (l.email == "" || l.key == "") {
		p.Fail("a service account needs both %s and %s", nameEmail[0], nameKey[0])
	}
	if l.way == byAnonymous && l.impersonate != "" {
		p.Fail("%s needs somebody to ask for it: give a service account", nameImpersonate[0])
	}
	return l
}

// wrong is storage.ErrConfig with a cause.
func wrong(text string) error { return &mistake{text} }

type mistake struct{ text string }

func (m *mistake) Error() string { return storage.ErrConfig.Error() + ": " + m.text }
func (m *mistake) Unwrap() error { return storage.ErrConfig }

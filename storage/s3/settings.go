package s3

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"starkeep/storage"
	"starkeep/storage/property"
)

// settings are the properties of CREATE REPOSITORY, understood.
type settings struct {
	endpoint    string // URL of the store; "" is Amazon's own, by region
	region      string // "" only without an endpoint: then the environment names it
	pathStyle   bool   // the bucket is part of the path, not of the host name
	conditional bool   // the store refuses to replace an object when it is told so (If-None-Match)
	login       login
	object      objectSettings
	limits      limits
	spelling    *strings.Replacer // of messages: the user's names of settings
}

// objectSettings are what every object is put with.
type objectSettings struct {
	class      types.StorageClass
	encryption types.ServerSideEncryption
	kmsKey     *string
	tags       *string
}

// limits bound the connections.
type limits struct {
	connections int           // open at once; 0 is no limit
	dial        time.Duration // to reach the store
	quiet       time.Duration // for which the store may neither send nor take a byte
}

// Limits that hold when the user sets none. The quiet time is long: a busy disk takes its time to make 100 MiB durable.
const (
	dialTimeout  = 10 * time.Second
	quietTimeout = 2 * time.Minute
)

// Sources of the names: StarRocks CREATE REPOSITORY and CloudConfigurationConstants.java (aws.s3.*); Hadoop 3.4
// hadoop-aws Constants.java (fs.s3a.*); Doris S3Properties.java, MinioProperties.java and GCSProperties.java (s3.*, minio.*,
// gs.*, AWS_* of 1.x and 2.x, and names without prefix).

// read understands properties; what it does not know is an error.
func read(properties map[string]string) (settings, error) {
	p := property.Read(properties)
	s := settings{login: readLogin(p), object: readObject(p), limits: readLimits(p)}
	s.readPlace(p)
	s.spelling = p.Spelling()
	return s, p.Err("s3")
}

func readLimits(p *property.Set) limits {
	return limits{
		connections: p.Int(0, 1, "s3.connection.maximum", "AWS_MAX_CONNECTIONS", "fs.s3a.connection.maximum"),
		dial:        p.Milliseconds(dialTimeout, "s3.connection.timeout", "AWS_CONNECTION_TIMEOUT_MS", "fs.s3a.connection.establish.timeout"),
		quiet:       p.Milliseconds(quietTimeout, "s3.connection.request.timeout", "AWS_REQUEST_TIMEOUT_MS", "fs.s3a.connection.timeout"),
	}
}

// readPlace reads where the store is and what it can do.
func (s *settings) readPlace(p *property.Set) {
	endpoint := p.Text("aws.s3.endpoint", "fs.s3a.endpoint", "s3.endpoint", "minio.endpoint", "gs.endpoint", "AWS_ENDPOINT", "endpoint")
	s.region = p.Text("aws.s3.region", "fs.s3a.endpoint.region", "s3.region", "minio.region", "AWS_REGION", "region")
	ssl := p.OneOf("", []string{"true", "false"}, "aws.s3.enable_ssl", "fs.s3a.connection.ssl.enabled")
	host := s.readEndpoint(p, strings.TrimSpace(endpoint), ssl)

	amazon := host == "" || amazonHost.MatchString(host)
	s.pathStyle = p.Bool(!amazon, "aws.s3.enable_path_style_access", "fs.s3a.path.style.access", "use_path_style",
		"s3.path-style-access", "gs.use_path_style", "minio.use_path_style")
	s.conditional = p.Bool(!google(host), "fs.s3a.create.conditional.enabled")
	if s.conditional && google(host) {
		p.Fail("fs.s3a.create.conditional.enabled cannot be true: %s overwrites in spite of If-None-Match; leave it out, or use gs://", host)
	}
	switch {
	case amazon:
		s.fitRegion(p, host)
	case s.region == "":
		s.region = "us-east-1" // what stores that have no regions expect in signatures
	}
}

// readEndpoint understands host, host:port and URL, and returns the host. Without a scheme it is HTTPS, as in StarRocks and
// Hadoop, unless ssl says "false".
func (s *settings) readEndpoint(p *property.Set, endpoint, ssl string) (host string) {
	if endpoint == "" {
		if ssl == "false" {
			p.Fail("aws.s3.enable_ssl = false needs aws.s3.endpoint: Amazon is reached over https only")
		}
		return ""
	}
	scheme := "https"
	if ssl == "false" {
		scheme = "http"
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = scheme + "://" + endpoint
	}
	u, err := url.Parse(endpoint)
	// A path, a query or user information would be lost in silence, so they are refused; their text may be a secret.
	if err != nil || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		p.Fail("aws.s3.endpoint must be host, host:port, http://host:port or https://host:port, without a bucket or a path")
		return ""
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		p.Fail("aws.s3.endpoint must begin with http:// or https://, or have no scheme")
	case ssl != "" && u.Scheme != scheme:
		p.Fail("aws.s3.enable_ssl is %s but aws.s3.endpoint begins with %s://; keep one of them", ssl, u.Scheme)
	}
	s.endpoint = u.Scheme + "://" + u.Host
	return strings.ToLower(u.Hostname())
}

// amazonHost matches Amazon's own endpoints; its second group is their region, "" for the ones without:
// https://docs.aws.amazon.com/general/latest/gr/s3.html
var amazonHost = regexp.MustCompile(`(^|\.)s3(?:-fips)?(?:\.dualstack)?(?:[.-]([a-z]{2}(?:-[a-z]+)+-\d))?(?:\.vpce)?\.amazonaws\.com(?:\.cn)?$`)

// fitRegion takes the region from an endpoint of Amazon that names one.
func (s *settings) fitRegion(p *property.Set, host string) {
	var named string
	if match := amazonHost.FindStringSubmatch(host); match != nil {
		named = match[2]
	}
	switch {
	case named == "":
	case s.region == "":
		s.region = named
	case s.region != named:
		p.Fail("aws.s3.region is %s but aws.s3.endpoint is in %s; keep one of them", s.region, named)
	}
}

// google tells the interoperability endpoint of Google Cloud Storage, also regional or private ones.
func google(host string) bool {
	label, rest, _ := strings.Cut(strings.ToLower(host), ".")
	return label == "storage" && (rest == "googleapis.com" || strings.HasSuffix(rest, ".googleapis.com")) ||
		strings.HasPrefix(label, "storage-") && strings.HasSuffix(rest, ".googleapis.com")
}

// readObject reads what objects are put with. Only s3.object_tags is a name of Starkeep's own: nobody else has the setting.
func readObject(p *property.Set) objectSettings {
	o := objectSettings{class: types.StorageClass(readClass(p))}
	algorithm := p.OneOf("", []string{"AES256", "SSE-KMS", "DSSE-KMS"}, "fs.s3a.encryption.algorithm", "fs.s3a.server-side-encryption-algorithm")
	o.encryption = map[string]types.ServerSideEncryption{
		"AES256": types.ServerSideEncryptionAes256, "SSE-KMS": types.ServerSideEncryptionAwsKms, "DSSE-KMS": types.ServerSideEncryptionAwsKmsDsse,
	}[algorithm]
	key, by := p.Given("fs.s3a.encryption.key", "fs.s3a.server-side-encryption.key")
	if key != "" {
		o.kmsKey = &key
		if !strings.HasSuffix(algorithm, "KMS") {
			p.Fail("%s needs fs.s3a.encryption.algorithm SSE-KMS or DSSE-KMS", by)
		}
	}
	if tags := p.Text("s3.object_tags"); tags != "" {
		values, err := url.ParseQuery(tags)
		if err != nil {
			p.Fail("s3.object_tags must be like project=alpha&team=core")
		}
		o.tags = aws.String(values.Encode())
	}
	return o
}

// readClass reads the storage class; Hadoop writes it in small letters. Classes that must be thawed before they can be read
// are no choice for a backup that verifies itself.
func readClass(p *property.Set) string {
	return p.OneOf("", []string{"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR",
		"EXPRESS_ONEZONE", "OUTPOSTS", "SNOW"}, "fs.s3a.create.storage.class")
}

// wrong is an error of configuration.
func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{storage.ErrConfig}, args...)...)
}

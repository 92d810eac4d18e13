package statement

import (
	"regexp"
	"slices"
	"strings"
)

// Mask stands where a secret was.
const Mask = "******"

// harmless are the properties whose values may be shown. What is not here is taken for a secret: a mistyped or unknown
// key must not publish the password behind it.
var harmless = set(`
	type timeout ttl compression compression_level consistency rounds reuse users refresh unsupported
	backup_timestamp replication_num allow_load meta_version starrocks_meta_version
	username hadoop.security.authentication fs.defaultfs dfs.nameservices
	aws.s3.endpoint aws.s3.region aws.s3.use_instance_profile aws.s3.iam_role_arn aws.s3.enable_path_style_access
	aws.s3.enable_ssl aws.s3.use_aws_sdk_default_behavior
	fs.s3a.endpoint fs.s3a.region fs.s3a.path.style.access fs.s3a.connection.ssl.enabled
	aws.s3.sts.endpoint aws.s3.sts.region aws_endpoint aws_region s3.endpoint s3.region s3.role_arn s3.object_tags
	s3.connection.maximum s3.connection.timeout s3.connection.request.timeout minio.endpoint minio.region gs.endpoint
	fs.s3a.endpoint.region fs.s3a.assumed.role.arn fs.s3a.assumed.role.sts.endpoint fs.s3a.assumed.role.sts.endpoint.region
	fs.s3a.create.storage.class fs.s3a.create.conditional.enabled fs.s3a.encryption.algorithm use_path_style
	gcp.gcs.endpoint fs.gs.endpoint gcp.gcs.service_account_email gcp.gcs.use_compute_engine_service_account
	gcp.gcs.impersonation_service_account fs.gs.auth.service.account.json.keyfile fs.gs.auth.type
	hadoop.username hdfs.authentication.type hadoop.kerberos.principal hadoop.kerberos.keytab kerberos_principal kerberos_keytab
	hdfs.authentication.kerberos.principal hdfs.authentication.kerberos.keytab dfs.replication dfs.blocksize
	dfs.namenode.kerberos.principal dfs.data.transfer.protection
	endpoint region`)

// harmlessFamilies are beginnings of such keys whose rest the user chooses: names of services and nodes.
var harmlessFamilies = []string{"dfs.ha.namenodes.", "dfs.namenode.rpc-address.", "dfs.client.failover.proxy.provider."}

func isHarmless(key string) bool {
	key = strings.ToLower(key)
	return harmless[key] || slices.ContainsFunc(harmlessFamilies, func(f string) bool { return strings.HasPrefix(key, f) })
}

// Redacted returns the properties with the values masked that are, or may be, secrets.
func (p Properties) Redacted() Properties {
	if p == nil {
		return nil
	}
	shown := make(Properties, len(p))
	for i, x := range p {
		shown[i] = Property{Key: x.Key, Value: redactValue(x.Key, x.Value)}
	}
	return shown
}

func redactValue(key, value string) string {
	if isHarmless(key) {
		return RedactURL(value)
	}
	return Mask
}

var (
	// Up to the last @: a password may contain / and @ itself.
	userInfo = regexp.MustCompile(`(?s)(://)[^/?#@]*:.*@`)
	// schemelessUserInfo is "user:password@host" where only a host belongs, e.g. an endpoint.
	schemelessUserInfo = regexp.MustCompile(`(?s)^[^/?#@]*:.*@`)
	queryValue         = regexp.MustCompile(`(?s)([?&;][^=&;]*)=[^&;#]*`)
)

// RedactURL masks user:password@ and the values of a query, where signatures and tokens travel, in a location or
// endpoint. A user alone (hdfs://hdfs@host, abfss://container@account) stays.
func RedactURL(s string) string {
	if strings.Contains(s, "://") {
		s = userInfo.ReplaceAllString(s, "${1}"+Mask+"@")
	} else {
		s = schemelessUserInfo.ReplaceAllString(s, Mask+"@")
	}
	return queryValue.ReplaceAllString(s, "${1}="+Mask)
}

// otherText is the text of a cluster's statement without comments, white space narrowed and secrets masked: every
// literal behind IDENTIFIED or PASSWORD, every value of a pair whose key is not known to be harmless, bodies of
// functions, and credentials in URLs. It never changes its own output.
func otherText(tokens []token) string {
	var b strings.Builder
	secret := false // a word was seen after which any literal may be a password
	for i, t := range tokens {
		text := t.raw
		switch {
		case t.kind == attachment:
			text = "$$" + Mask + "$$"
		case t.kind == literal && (secret || valueOfSecret(tokens[:i])), secret && barePassword(tokens[:i], t):
			text = quote(Mask)
		case t.kind == literal:
			text = quote(RedactURL(t.value))
		}
		// Two literals side by side would read as one with a doubled quote.
		quotesMeet := strings.HasSuffix(b.String(), `"`) && strings.HasPrefix(text, `"`)
		if quotesMeet || i > 0 && t.start > tokens[i-1].end {
			b.WriteByte(' ')
		}
		b.WriteString(text)
		secret = secret || t.is("IDENTIFIED") || t.is("PASSWORD")
	}
	return b.String()
}

// barePassword tells whether t is a password that somebody forgot to quote: the word or number behind BY, AS or "=".
func barePassword(before []token, t token) bool {
	last := before[len(before)-1]
	return (t.kind == number || t.kind == word && !t.is("PASSWORD")) && (last.is("BY") || last.is("AS") || last.isSymbol("="))
}

// valueOfSecret tells whether the literal that follows before is the value of a key that may hold a secret:
// "key" = 'x', key = 'x', a.b = 'x', "key" : 'x'.
func valueOfSecret(before []token) bool {
	n := len(before)
	if n < 2 || !before[n-1].isSymbol("=") && !before[n-1].isSymbol(":") && !before[n-1].isSymbol("->") {
		return false
	}
	return !isHarmless(before[n-2].value)
}

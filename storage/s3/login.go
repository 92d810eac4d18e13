package s3

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"starkeep/storage/property"
	"starkeep/storage/transport"
)

// login is who asks: keys, the role of the machine, nobody, or whatever the environment offers; and then perhaps a role that
// is assumed from there.
type login struct {
	access, secret, token string
	profile, anonymous    bool
	role                  string // ARN
	externalID            string
	stsEndpoint           string // "" is Amazon's, or AWS_ENDPOINT_URL_STS
	stsRegion             string // "" is the bucket's
}

func readLogin(p *property.Set) login {
	var l login
	var accessBy, secretBy, roleBy string
	l.access, accessBy = p.Given("aws.s3.access_key", "fs.s3a.access.key", "s3.access_key", "minio.access_key", "gs.access_key", "AWS_ACCESS_KEY", "access_key")
	l.secret, secretBy = p.Given("aws.s3.secret_key", "fs.s3a.secret.key", "s3.secret_key", "minio.secret_key", "gs.secret_key", "AWS_SECRET_KEY", "secret_key")
	l.token = p.Text("aws.s3.session_token", "fs.s3a.session.token", "s3.session_token", "minio.session_token", "gs.session_token", "AWS_TOKEN", "session_token")
	l.role, roleBy = p.Given("aws.s3.iam_role_arn", "fs.s3a.assumed.role.arn", "s3.role_arn", "AWS_ROLE_ARN")
	l.externalID = p.Text("aws.s3.external_id", "fs.s3a.assumed.role.external.id", "s3.external_id", "AWS_EXTERNAL_ID")
	l.stsEndpoint = p.Text("aws.s3.sts.endpoint", "fs.s3a.assumed.role.sts.endpoint")
	l.stsRegion = p.Text("aws.s3.sts.region", "fs.s3a.assumed.role.sts.endpoint.region")
	source := readSource(p)
	l.profile, l.anonymous = source == instanceProfile, source == anonymous

	switch {
	case l.access == "" && l.secret != "":
		p.Fail("%s is given without an access key (aws.s3.access_key)", secretBy)
	case l.access != "" && l.secret == "":
		p.Fail("%s is given without a secret key (aws.s3.secret_key)", accessBy)
	case l.token != "" && l.access == "":
		p.Fail("a session token is given without its keys (aws.s3.access_key, aws.s3.secret_key)")
	case l.access != "" && source != "":
		p.Fail("%s and %s exclude each other: keep one of them", accessBy, source)
	case l.anonymous && l.role != "":
		p.Fail("%s and %s exclude each other: nobody cannot assume a role", roleBy, source)
	case l.role == "" && l.externalID+l.stsEndpoint+l.stsRegion != "":
		p.Fail("an external id or STS setting is given without the role to assume (aws.s3.iam_role_arn)")
	}
	if l.stsEndpoint != "" && !strings.Contains(l.stsEndpoint, "://") {
		l.stsEndpoint = "https://" + l.stsEndpoint
	}
	return l
}

// Sources of credentials that exclude keys, as messages name them.
const (
	instanceProfile = "aws.s3.use_instance_profile"
	sdkDefault      = "aws.s3.use_aws_sdk_default_behavior"
	anonymous       = "s3.credentials_provider_type = ANONYMOUS"
)

// readSource reads which source of credentials the user asks for; "" is none.
func readSource(p *property.Set) string {
	profile, chain := p.Bool(false, instanceProfile), p.Bool(false, sdkDefault)
	if profile && chain {
		p.Fail("%s and %s exclude each other: keep one of them", instanceProfile, sdkDefault)
	}
	kind := p.OneOf("", []string{"DEFAULT", "INSTANCE_PROFILE", "ANONYMOUS"}, "s3.credentials_provider_type", "AWS_CREDENTIALS_PROVIDER_TYPE")
	switch {
	case profile || kind == "INSTANCE_PROFILE":
		return instanceProfile
	case kind == "ANONYMOUS":
		return anonymous
	case chain:
		return sdkDefault
	}
	return "" // DEFAULT of Doris gives way to keys
}

// load makes the configuration of the client, credentials included. AWS_CA_BUNDLE, AWS_ENDPOINT_URL_STS and the like count
// in every mode.
func (s settings) load(ctx context.Context, o Options) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(s.limits.httpClient(o)),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
		config.WithLogger(logging.Nop{}), // what matters is in the errors
	}
	if s.region != "" {
		options = append(options, config.WithRegion(s.region))
	}
	if given := s.login.given(); given != nil {
		options = append(options, config.WithCredentialsProvider(given))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, wrong("the AWS configuration of this machine cannot be read: %s", transport.OneLine(err.Error()))
	}
	cfg.HTTPClient = plain(cfg.HTTPClient)
	s.login.complete(&cfg)
	return cfg, nil
}

// given are the credentials that need no asking; nil when somebody has to be asked.
func (l login) given() aws.CredentialsProvider {
	switch {
	case l.access != "":
		return credentials.NewStaticCredentialsProvider(l.access, l.secret, l.token)
	case l.anonymous, l.profile: // the profile takes its place in complete
		return aws.AnonymousCredentials{}
	}
	return nil // the SDK's chain: environment, files, web identity, container, machine
}

// complete adds the sources that are services: the machine's metadata, then STS.
func (l login) complete(cfg *aws.Config) {
	if l.profile {
		cfg.Credentials = cached(ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = imds.NewFromConfig(*cfg) }))
	}
	if l.role == "" {
		return
	}
	client := sts.NewFromConfig(*cfg, func(o *sts.Options) {
		if l.stsEndpoint != "" {
			o.BaseEndpoint = aws.String(l.stsEndpoint)
		}
		if l.stsRegion != "" {
			o.Region = l.stsRegion
		}
	})
	cfg.Credentials = cached(stscreds.NewAssumeRoleProvider(client, l.role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "starkeep"
		if l.externalID != "" {
			o.ExternalID = aws.String(l.externalID)
		}
	}))
}

// cached renews credentials five minutes before they end: an upload that begins with them shall also end with them.
func cached(p aws.CredentialsProvider) aws.CredentialsProvider {
	return aws.NewCredentialsCache(p, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 5 * time.Minute })
}

// fixed tells whether the credentials are written down: nothing renews them.
func (l login) fixed() bool { return l.access != "" && l.role == "" }

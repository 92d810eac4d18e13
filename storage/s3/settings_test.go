package s3

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"starkeep/storage"
)

// usual is what holds when nothing is said.
func usual(change func(*settings)) settings {
	s := settings{conditional: true, limits: limits{dial: dialTimeout, quiet: quietTimeout}}
	change(&s)
	return s
}

func TestPropertiesOfEveryFamilyAreUnderstood(t *testing.T) {
	t.Parallel()
	keys := login{access: "a", secret: "s"}
	session := login{access: "a", secret: "s", token: "t"}
	minio := func(l login) settings {
		return usual(func(s *settings) {
			s.endpoint, s.region, s.pathStyle, s.login = "http://minio:9000", "r-1", true, l
		})
	}
	for name, c := range map[string]struct {
		properties map[string]string
		want       settings
	}{
		"nothing": {nil, usual(func(*settings) {})},
		"StarRocks": {map[string]string{"aws.s3.endpoint": "minio:9000", "aws.s3.enable_ssl": "false", "aws.s3.enable_path_style_access": "true", "aws.s3.region": "r-1",
			"aws.s3.access_key": "a", "aws.s3.secret_key": "s", "aws.s3.session_token": "t", "aws.s3.use_instance_profile": "false", "aws.s3.use_aws_sdk_default_behavior": "false"}, minio(session)},
		"Hadoop": {map[string]string{"fs.s3a.endpoint": "minio:9000", "fs.s3a.connection.ssl.enabled": "false", "fs.s3a.path.style.access": "true", "fs.s3a.endpoint.region": "r-1",
			"fs.s3a.access.key": "a", "fs.s3a.secret.key": "s", "fs.s3a.session.token": "t"}, minio(session)},
		"Doris 3": {map[string]string{"s3.endpoint": "http://minio:9000", "use_path_style": "true", "s3.region": "r-1", "s3.access_key": "a", "s3.secret_key": "s", "s3.session_token": "t",
			"s3.connection.maximum": "50", "s3.connection.request.timeout": "3000", "s3.connection.timeout": "1000", "s3.credentials_provider_type": "default"},
			usual(func(s *settings) {
				*s = minio(session)
				s.limits = limits{connections: 50, dial: time.Second, quiet: 3 * time.Second}
			})},
		"Doris 1": {map[string]string{"AWS_ENDPOINT": "http://minio:9000", "AWS_REGION": "r-1", "AWS_ACCESS_KEY": "a", "AWS_SECRET_KEY": "s", "AWS_TOKEN": "t",
			"AWS_MAX_CONNECTIONS": "50", "AWS_REQUEST_TIMEOUT_MS": "3000", "AWS_CONNECTION_TIMEOUT_MS": "1000"},
			usual(func(s *settings) {
				*s = minio(session)
				s.limits = limits{connections: 50, dial: time.Second, quiet: 3 * time.Second}
			})},
		"without prefix": {map[string]string{"endpoint": "http://minio:9000/", "region": "r-1", "access_key": "a", "secret_key": "s"}, minio(keys)},
		"MinIO":          {map[string]string{"minio.endpoint": "http://minio:9000", "minio.region": "r-1", "minio.access_key": "a", "minio.secret_key": "s", "minio.use_path_style": "true"}, minio(keys)},
		"Amazon by region": {map[string]string{"aws.s3.region": "eu-west-1", "aws.s3.use_instance_profile": "true"},
			usual(func(s *settings) { s.region, s.login.profile = "eu-west-1", true })},
		"Amazon by endpoint": {map[string]string{"aws.s3.endpoint": "s3.eu-west-1.amazonaws.com", "s3.role_arn": "arn", "s3.external_id": "x", "s3.credentials_provider_type": "INSTANCE_PROFILE"},
			usual(func(s *settings) {
				s.endpoint, s.region = "https://s3.eu-west-1.amazonaws.com", "eu-west-1"
				s.login = login{profile: true, role: "arn", externalID: "x"}
			})},
		"role of StarRocks": {map[string]string{"aws.s3.region": "r-1", "aws.s3.iam_role_arn": "arn", "aws.s3.external_id": "x", "aws.s3.sts.endpoint": "sts.example.com", "aws.s3.sts.region": "r-2"},
			usual(func(s *settings) {
				s.region = "r-1"
				s.login = login{role: "arn", externalID: "x", stsEndpoint: "https://sts.example.com", stsRegion: "r-2"}
			})},
		"role of Hadoop": {map[string]string{"fs.s3a.endpoint.region": "r-1", "fs.s3a.assumed.role.arn": "arn", "fs.s3a.assumed.role.external.id": "x",
			"fs.s3a.assumed.role.sts.endpoint": "http://sts:1", "fs.s3a.assumed.role.sts.endpoint.region": "r-2"},
			usual(func(s *settings) {
				s.region = "r-1"
				s.login = login{role: "arn", externalID: "x", stsEndpoint: "http://sts:1", stsRegion: "r-2"}
			})},
		"Google": {map[string]string{"fs.s3a.endpoint": "storage.googleapis.com", "fs.s3a.access.key": "a", "fs.s3a.secret.key": "s"},
			usual(func(s *settings) {
				s.endpoint, s.region, s.pathStyle, s.login, s.conditional = "https://storage.googleapis.com", "us-east-1", true, keys, false
			})},
		"Google of Doris": {map[string]string{"gs.endpoint": "https://storage.googleapis.com", "gs.access_key": "a", "gs.secret_key": "s", "gs.use_path_style": "false"},
			usual(func(s *settings) {
				s.endpoint, s.region, s.login, s.conditional = "https://storage.googleapis.com", "us-east-1", keys, false
			})},
		"objects": {map[string]string{"aws.s3.region": "r-1", "fs.s3a.create.storage.class": "standard_ia", "fs.s3a.encryption.algorithm": "SSE-KMS", "fs.s3a.encryption.key": "arn:key", "s3.object_tags": "team=a b&x=1"},
			usual(func(s *settings) {
				s.region = "r-1"
				s.object = objectSettings{types.StorageClassStandardIa, types.ServerSideEncryptionAwsKms, aws.String("arn:key"), aws.String("team=a+b&x=1")}
			})},
	} {
		got, err := read(c.properties)
		require.NoError(t, err, name)
		got.spelling = nil
		require.Equal(t, c.want, got, name)
	}
}

func TestPropertiesThatDoNotFitAreNamed(t *testing.T) {
	t.Parallel()
	for text, properties := range map[string]map[string]string{
		"aws.s3.access_key and aws.s3.use_instance_profile exclude each other: keep one of them":                                                                             {"aws.s3.access_key": "geheim", "aws.s3.secret_key": "geheim", "aws.s3.use_instance_profile": "true"},
		"s3.access_key and aws.s3.use_aws_sdk_default_behavior exclude each other: keep one of them":                                                                         {"s3.access_key": "geheim", "s3.secret_key": "geheim", "aws.s3.use_aws_sdk_default_behavior": "true"},
		"access_key and s3.credentials_provider_type = ANONYMOUS exclude each other: keep one of them":                                                                       {"access_key": "geheim", "secret_key": "geheim", "s3.credentials_provider_type": "ANONYMOUS"},
		"aws.s3.use_instance_profile and aws.s3.use_aws_sdk_default_behavior exclude each other: keep one of them":                                                           {"aws.s3.use_instance_profile": "true", "aws.s3.use_aws_sdk_default_behavior": "true"},
		"aws.s3.iam_role_arn and s3.credentials_provider_type = ANONYMOUS exclude each other: nobody cannot assume a role":                                                   {"aws.s3.iam_role_arn": "arn", "s3.credentials_provider_type": "ANONYMOUS"},
		"aws.s3.access_key and AWS_ACCESS_KEY are the same setting and differ; keep one of them":                                                                             {"aws.s3.access_key": "geheim", "AWS_ACCESS_KEY": "anders"},
		"fs.s3a.access.key is given without a secret key (aws.s3.secret_key)":                                                                                                {"fs.s3a.access.key": "geheim"},
		"s3.secret_key is given without an access key (aws.s3.access_key)":                                                                                                   {"s3.secret_key": "geheim"},
		"a session token is given without its keys (aws.s3.access_key, aws.s3.secret_key)":                                                                                   {"AWS_TOKEN": "geheim"},
		"an external id or STS setting is given without the role to assume (aws.s3.iam_role_arn)":                                                                            {"aws.s3.external_id": "geheim"},
		"aws.s3.endpoint must be host, host:port, http://host:port or https://host:port, without a bucket or a path":                                                         {"aws.s3.endpoint": "https://user:geheim@host/bucket"},
		"aws.s3.endpoint must begin with http:// or https://, or have no scheme":                                                                                             {"aws.s3.endpoint": "s3://bucket"},
		"aws.s3.enable_ssl is true but aws.s3.endpoint begins with http://; keep one of them":                                                                                {"aws.s3.endpoint": "http://host", "aws.s3.enable_ssl": "true"},
		"fs.s3a.connection.ssl.enabled is false but aws.s3.endpoint begins with https://; keep one of them":                                                                  {"aws.s3.endpoint": "https://host", "fs.s3a.connection.ssl.enabled": "false"},
		"aws.s3.enable_ssl = false needs aws.s3.endpoint: Amazon is reached over https only":                                                                                 {"aws.s3.enable_ssl": "false"},
		"s3.region is us-east-1 but s3.endpoint is in eu-west-1; keep one of them":                                                                                           {"s3.endpoint": "s3.eu-west-1.amazonaws.com", "s3.region": "us-east-1"},
		"fs.s3a.create.conditional.enabled cannot be true: storage.googleapis.com overwrites in spite of If-None-Match; leave it out, or use gs://":                          {"fs.s3a.endpoint": "storage.googleapis.com", "fs.s3a.create.conditional.enabled": "true"},
		"fs.s3a.encryption.key needs fs.s3a.encryption.algorithm SSE-KMS or DSSE-KMS":                                                                                        {"fs.s3a.encryption.algorithm": "AES256", "fs.s3a.encryption.key": "geheim"},
		"fs.s3a.encryption.algorithm must be one of AES256, SSE-KMS, DSSE-KMS":                                                                                               {"fs.s3a.encryption.algorithm": "SSE-C"},
		"fs.s3a.create.storage.class must be one of STANDARD, REDUCED_REDUNDANCY, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR, EXPRESS_ONEZONE, OUTPOSTS, SNOW": {"fs.s3a.create.storage.class": "glacier"},
		"s3.object_tags must be like project=alpha&team=core":                                                                                                                {"s3.object_tags": "a=%zz"},
		"aws.s3.enable_path_style_access must be true or false":                                                                                                              {"aws.s3.enable_path_style_access": "maybe"},
		"s3.connection.maximum must be a whole number of at least 1":                                                                                                         {"s3.connection.maximum": "0"},
	} {
		_, err := read(properties)
		require.ErrorIs(t, err, storage.ErrConfig, text)
		require.EqualError(t, err, "wrong configuration: "+text)
		require.NotContains(t, err.Error(), "geheim")
	}
}

func TestEndpointsOfAmazonNameTheirRegion(t *testing.T) {
	t.Parallel()
	for host, region := range map[string]string{
		"s3.amazonaws.com":                                     "",
		"s3.eu-west-1.amazonaws.com":                           "eu-west-1",
		"s3-us-west-2.amazonaws.com":                           "us-west-2",
		"s3.dualstack.ap-southeast-2.amazonaws.com":            "ap-southeast-2",
		"s3-fips.us-gov-west-1.amazonaws.com":                  "us-gov-west-1",
		"s3.cn-north-1.amazonaws.com.cn":                       "cn-north-1",
		"bucket.vpce-1a2b3c4d.s3.us-east-1.vpce.amazonaws.com": "us-east-1",
	} {
		s, err := read(map[string]string{"aws.s3.endpoint": host})
		require.NoError(t, err, host)
		require.Equal(t, region, s.region, host)
		require.False(t, s.pathStyle, host)
	}
	s, err := read(map[string]string{"aws.s3.endpoint": "s3.eu-west-1.amazonaws.com.example.com"})
	require.NoError(t, err)
	require.True(t, s.pathStyle)
	require.Equal(t, "us-east-1", s.region)
}

func TestEndpointsOfGoogleAreKnown(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"storage.googleapis.com": true, "STORAGE.googleapis.com": true, "storage.europe-west3.rep.googleapis.com": true,
		"storage-endpoint.p.googleapis.com": true, "storage.googleapis.com.example.com": false, "minio": false, "compute.googleapis.com": false,
	} {
		require.Equal(t, want, google(host), host)
	}
}

package tests

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"starkeep/tests/server/machine"
	"starkeep/tests/server/minio"
)

func TestRepositoryThatCannotWorkIsNotMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := minio.Shared(t)
	good := withKeys(t, server)
	bucket := strings.Split(good.location, "/")[2]
	at := func(location string) place { return place{location: location, properties: good.properties} }
	const wrong = "WR0NG-S3CR3T"
	dead := machine.FreeAddress(t)
	plain := strings.TrimPrefix(server.URL, "http://")
	reader := server.Session(t, minio.Allow("s3:ListBucket", "s3:GetObject"))

	for _, c := range []struct {
		name  string
		place place
		says  string
	}{
		{"unknown access key", good.with("fs.s3a.access.key", "nobody"), "correct fs.s3a.access.key"},
		{"wrong secret key", good.with("fs.s3a.secret.key", wrong), "correct fs.s3a.secret.key"},
		{"no permission", good.with("fs.s3a.access.key", reader.AccessKeyID, "fs.s3a.secret.key", reader.SecretAccessKey, "fs.s3a.session.token", reader.SessionToken), "grant s3:PutObject"},
		{"missing bucket", at("s3a://no-such-bucket/x"), "storage location does not exist"},
		{"https to an http", good.with("fs.s3a.endpoint", "https://"+plain), "http, not https"},
		{"https by default", good.with("fs.s3a.endpoint", plain), "http, not https"},
		{"nobody there", good.with("fs.s3a.endpoint", "http://"+dead), "store unavailable"},
		{"endpoint with bucket", good.with("fs.s3a.endpoint", server.URL+"/"+bucket), "fs.s3a.endpoint must be host"},
		{"unknown property", good.with("fs.s3a.acess.key", "x"), "did you mean fs.s3a.access.key?"},
		{"two answers", good.with("aws.s3.access_key", "other"), "are the same setting and differ"},
		{"two logins", good.with("aws.s3.use_instance_profile", "true"), "exclude each other"},
		{"half a login", good.with("fs.s3a.secret.key", ""), "without a secret key"},
		{"dead name node", place{location: "hdfs://" + dead + "/backups", properties: map[string]string{"username": "keeper"}}, "store unavailable"},
		{"unknown service", place{location: "hdfs://pair/backups", properties: map[string]string{"dfs.nameservices": "pair"}}, "dfs.ha.namenodes.pair"},
		{"climbing", at("s3a://" + bucket + "/a/../../b"), "'..'"},
		{"query", at("s3a://" + bucket + "/a?versionId=1"), "no '?'"},
		{"password", at("s3a://key:" + wrong + "@" + bucket + "/a"), "user or password"},
		{"endpoint as bucket", at("s3a://" + plain + "/" + bucket), "endpoint where the bucket belongs"},
		{"HMAC for gs", place{location: "gs://" + bucket, properties: good.properties}, "write the location as s3://"},
		{"Azure", at("wasb://" + bucket + "/a"), "no backend for Azure"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.starter("sql", "-e", c.place.create("REPOSITORY", "bad"))
			require.NotZero(t, r.code)
			what, advice, _ := strings.Cut(strings.TrimSpace(r.out+r.err), "\n")
			require.Contains(t, what, c.says)
			require.NotContains(t, advice, "\n", "one line what, at most one what to do")
			require.NotContains(t, what+advice, server.SecretKey)
			require.NotContains(t, what+advice, wrong)
		})
	}
	require.NotContains(t, w.sql("SHOW REPOSITORIES"), "bad", "no half-made repository")
	stored, err := server.Client().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	require.NoError(t, err)
	require.Empty(t, stored.Contents)
}

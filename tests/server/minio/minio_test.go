package minio_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"starkeep/tests/server/minio"
)

func TestDataOutliveAKilledServer(t *testing.T) {
	t.Parallel()
	for _, o := range []minio.Options{{}, {TLS: true, Region: "eu-test-1"}} {
		server := minio.Start(t, o)
		bucket := server.Bucket(t)
		_, err := server.Client().PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("kept"),
		})
		require.NoError(t, err)
		server.Kill(t)
		_, err = server.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("k")}, once)
		require.Error(t, err)
		server.Restart(t)
		_, err = server.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("k")})
		require.NoError(t, err)
	}
}

func TestSessionMayDoWhatItsPolicyAllowsOnly(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	bucket := server.Bucket(t)
	session := server.Session(t, minio.Allow("s3:ListBucket"))
	as := func(o *s3.Options) {
		o.Credentials = credentials.StaticCredentialsProvider{Value: session}
	}
	_, err := server.Client().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket}, as)
	require.NoError(t, err)
	_, err = server.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("k")}, as)
	require.ErrorContains(t, err, "AccessDenied")
}

func once(o *s3.Options) { o.RetryMaxAttempts = 1 }

package s3_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"starkeep/storage/s3"
	"starkeep/storage/storagetest"
	"starkeep/tests/server/minio"
)

// BenchmarkBesideSDK compares this package with a plain client of the SDK. MinIO keeps its data in memory where it can, so
// that the disk does not hide what a client costs.
func BenchmarkBesideSDK(b *testing.B) {
	server := minio.Start(b, minio.Options{})
	storagetest.Beside(b, func(b *testing.B, data []byte, streams int) (library, own storagetest.Side) {
		name := server.Bucket(b)
		b.Cleanup(func() { empty(b, server, name) })
		bucket, err := s3.Open(context.Background(), name, server.Properties(), s3.Options{Connections: streams})
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, bucket.Close()) })
		return sdk(server, name, data), storagetest.Own(bucket, data)
	})
}

// sdk is the SDK with what it does by itself.
func sdk(server *minio.Server, name string, data []byte) storagetest.Side {
	client := awss3.New(awss3.Options{
		BaseEndpoint: aws.String(server.URL), Region: server.Region(), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, ""),
	})
	return storagetest.Side{
		Put: func(key string) error {
			_, err := client.PutObject(context.Background(), &awss3.PutObjectInput{Bucket: &name, Key: &key, Body: bytes.NewReader(data)})
			return err
		},
		Get: func(key string) error {
			out, err := client.GetObject(context.Background(), &awss3.GetObjectInput{Bucket: &name, Key: &key})
			if err != nil {
				return err
			}
			return storagetest.Drain(out.Body)
		},
	}
}

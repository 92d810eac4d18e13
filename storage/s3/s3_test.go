package s3_test

import (
	"context"
	"maps"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/s3"
	"starkeep/storage/storagetest"
	"starkeep/tests/server/minio"
)

func open(t testing.TB, name string, properties map[string]string) storage.Bucket {
	t.Helper()
	b, err := s3.Open(context.Background(), name, properties, s3.Options{})
	require.NoError(t, err)
	return b
}

// with is properties with some replaced; an empty value takes one away.
func with(properties map[string]string, change ...string) map[string]string {
	changed := maps.Clone(properties)
	for i := 0; i < len(change); i += 2 {
		changed[change[i]] = change[i+1]
		if change[i+1] == "" {
			delete(changed, change[i])
		}
	}
	return changed
}

// place is an empty bucket of MinIO behind a relay.
func place(change ...string) func(t testing.TB) storagetest.Place {
	return func(t testing.TB) storagetest.Place {
		server := minio.Shared(t)
		name, r := server.Bucket(t), newRelay(t, server)
		nothing := resign(t, server.Session(t, minio.Allow("s3:ListAllMyBuckets")), server.Region(), time.Now)
		return storagetest.Place{
			Open: func() storage.Bucket {
				return open(t, name, with(server.Properties(), append(change, "aws.s3.endpoint", r.URL)...))
			},
			RemoveRoot: func() { empty(t, server, name) },
			Denied: func(do func()) {
				r.change.Store(&nothing)
				defer r.change.Store(nil)
				do()
			},
		}
	}
}

// empty removes a bucket and what is in it.
func empty(t testing.TB, server *minio.Server, name string) {
	t.Helper()
	client := server.Client()
	pages := awss3.NewListObjectsV2Paginator(client, &awss3.ListObjectsV2Input{Bucket: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		require.NoError(t, err)
		for _, object := range page.Contents {
			_, err := client.DeleteObject(context.Background(), &awss3.DeleteObjectInput{Bucket: &name, Key: object.Key})
			require.NoError(t, err)
		}
	}
	_, err := client.DeleteBucket(context.Background(), &awss3.DeleteBucketInput{Bucket: &name})
	require.NoError(t, err)
}

func TestMinIOIsABucket(t *testing.T) { storagetest.Run(t, place()) }

package s3_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/s3"
	"starkeep/storage/storagetest"
	"starkeep/tests/server/minio"
)

// newGoogle is MinIO with the manners of Google's interoperability endpoint, as others met them:
//   - Accept-Encoding is changed on the way, so nobody may sign it (https://github.com/aws/aws-sdk-go-v2/issues/1816)
//   - checksums in headers or trailers are not understood (the same)
//   - x-goog- headers beside x-amz- ones are refused (https://github.com/carrierwaveuploader/carrierwave/pull/2356)
//   - If-None-Match counts for reading only (https://docs.cloud.google.com/storage/docs/request-preconditions)
//   - deleting what is absent is an error (https://docs.cloud.google.com/storage/docs/xml-api/delete-object)
func newGoogle(t testing.TB, server *minio.Server) *relay {
	t.Helper()
	r := newRelay(t, server)
	refuse := func(w http.ResponseWriter, q *http.Request) bool {
		switch {
		case strings.Contains(q.Header.Get("Authorization"), "accept-encoding"):
			return say(http.StatusForbidden, "SignatureDoesNotMatch", "Access denied.")(w, q)
		case checksummed(q):
			return say(http.StatusBadRequest, "InvalidArgument", "Invalid argument.")(w, q)
		case q.Method == http.MethodDelete && !exists(server, q):
			return say(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")(w, q)
		}
		return false
	}
	r.answer.Store(&refuse)
	signed := resign(t, aws.Credentials{AccessKeyID: server.AccessKey, SecretAccessKey: server.SecretKey}, server.Region(), time.Now)
	ignore := func(q *http.Request) {
		if q.Header.Get("If-None-Match") != "" && q.Method == http.MethodPut {
			q.Header.Del("If-None-Match")
			signed(q)
		}
	}
	r.change.Store(&ignore)
	return r
}

// checksummed tells whether a request carries what only Amazon understands.
func checksummed(q *http.Request) bool {
	for name := range q.Header {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "x-amz-checksum-") || strings.HasPrefix(name, "x-goog-") || name == "x-amz-trailer" ||
			name == "x-amz-sdk-checksum-algorithm" || name == "x-amz-decoded-content-length" {
			return true
		}
	}
	return strings.Contains(q.Header.Get("Content-Encoding"), "aws-chunked")
}

// exists looks the object of a request up. A bucket that is gone is for MinIO to tell.
func exists(server *minio.Server, q *http.Request) bool {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/"), "/")
	_, err := server.Client().HeadObject(context.Background(), &awss3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err == nil {
		return true
	}
	_, err = server.Client().HeadBucket(context.Background(), &awss3.HeadBucketInput{Bucket: &bucket})
	return err != nil
}

func googleProperties(server *minio.Server) map[string]string {
	return map[string]string{"fs.s3a.endpoint": "http://storage.googleapis.com", "fs.s3a.access.key": server.AccessKey, "fs.s3a.secret.key": server.SecretKey}
}

func TestGoogleIsABucket(t *testing.T) {
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		server := minio.Shared(t)
		name, google := server.Bucket(t), newGoogle(t, server)
		return storagetest.Place{
			Open: func() storage.Bucket {
				b, err := s3.Open(context.Background(), name, googleProperties(server), s3.DialTo(google.Listener.Addr().String()))
				require.NoError(t, err)
				require.Equal(t, storage.Checked, b.Traits().CreateAbsent)
				return b
			},
			RemoveRoot: func() { empty(t, server, name) },
		}
	})
}

// What a plain client of the SDK does is refused by the double; so it is a test that can fail.
func TestGoogleRefusesWhatAmazonTakes(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	google, bucket := newGoogle(t, server), server.Bucket(t)
	_, err := server.Client().PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("x")},
		func(o *awss3.Options) { o.BaseEndpoint, o.RetryMaxAttempts = aws.String(google.URL), 1 })
	require.ErrorContains(t, err, "SignatureDoesNotMatch")
}

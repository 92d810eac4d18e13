package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/s3"
	"starkeep/tests/server/minio"
)

const mib = 1 << 20

// inParts puts what is larger than 6 MiB in parts of 5 MiB, the least that S3 allows.
func inParts(t *testing.T, server *minio.Server, name string, change ...string) storage.Bucket {
	t.Helper()
	b := open(t, name, with(server.Properties(), change...))
	s3.PutInParts(b, 6*mib, 5*mib)
	return b
}

// uploads counts the uploads in parts that are not finished, paid for and seen by nobody.
func uploads(t *testing.T, server *minio.Server, name, key string) int {
	t.Helper()
	out, err := server.Client().ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: &name, Prefix: &key})
	require.NoError(t, err)
	return len(out.Uploads)
}

func TestPartsAreOneObject(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name := server.Bucket(t)
	b := inParts(t, server, name)
	data := bytes.Repeat([]byte("0123456789abcdef"), 12*mib/16)
	create := storage.PutOptions{IfAbsent: true}
	require.NoError(t, b.Put(t.Context(), "k", storage.BytesBody(data), create))
	info, err := b.Stat(t.Context(), "k")
	require.NoError(t, err)
	require.EqualValues(t, len(data), info.Size)
	body, err := b.Get(t.Context(), "k", storage.Range{})
	require.NoError(t, err)
	got, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.True(t, bytes.Equal(data, got))
	out, err := server.Client().HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: &name, Key: aws.String("k"), PartNumber: aws.Int32(1)})
	require.NoError(t, err)
	require.EqualValues(t, 3, aws.ToInt32(out.PartsCount))

	data[0] = 'x'
	require.ErrorIs(t, b.Put(t.Context(), "k", storage.BytesBody(data), create), storage.ErrExist)
	require.Zero(t, uploads(t, server, name, "k"), "what lost leaves nothing")
	body, err = b.Get(t.Context(), "k", storage.Range{Length: 1})
	require.NoError(t, err)
	first, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.Equal(t, "0", string(first))
	require.NoError(t, b.Put(t.Context(), "k", storage.BytesBody(data), storage.PutOptions{}))
}

func TestBrokenPartsLeaveNothing(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name := server.Bucket(t)
	b := inParts(t, server, name)
	data := make([]byte, 12*mib)
	torn := errors.New("torn")
	for what, change := range map[string]func(*storage.Body){
		"other hash":    func(b *storage.Body) { b.SHA256[0] ^= 1 },
		"too short":     func(b *storage.Body) { b.Size++ },
		"too long":      func(b *storage.Body) { b.Size-- },
		"long, no hash": func(b *storage.Body) { b.Size--; b.SHA256 = [32]byte{} },
		"torn": func(b *storage.Body) {
			b.Open = func() (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(bytes.NewReader(data[:7*mib]), failing{torn})), nil
			}
		},
	} {
		body := storage.BytesBody(data)
		change(&body)
		err := b.Put(t.Context(), "k", body, storage.PutOptions{})
		if what == "torn" {
			require.ErrorIs(t, err, torn)
		} else {
			require.ErrorIs(t, err, storage.ErrBody, what)
		}
		require.Zero(t, uploads(t, server, name, "k"), what)
		_, err = b.Stat(t.Context(), "k")
		require.ErrorIs(t, err, storage.ErrNotExist, what)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// The store compares what it got with the hash that was signed: bytes that change on the way are never kept.
func TestBytesThatChangeOnTheWayAreRefused(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name, r := server.Bucket(t), newRelay(t, server)
	b := open(t, name, with(server.Properties(), "aws.s3.endpoint", r.URL))
	flip := func(q *http.Request) {
		if q.Method != http.MethodPut {
			return
		}
		data, err := io.ReadAll(q.Body)
		if err != nil {
			t.Errorf("read: %v", err)
		}
		data[len(data)/2] ^= 1
		q.Body = io.NopCloser(bytes.NewReader(data))
	}
	r.change.Store(&flip)
	for _, size := range []int{1, 100_000, 5 * mib} {
		err := b.Put(t.Context(), "k", storage.BytesBody(make([]byte, size)), storage.PutOptions{})
		require.ErrorIs(t, err, storage.ErrUnavailable, "a repeat may arrive whole")
		require.ErrorContains(t, err, "XAmzContentSHA256Mismatch")
		_, err = b.Stat(t.Context(), "k")
		require.ErrorIs(t, err, storage.ErrNotExist)
	}
}

func TestObjectsHaveTheirClassTagsAndEncryption(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name := server.Bucket(t)
	plain := []string{"fs.s3a.create.storage.class", "reduced_redundancy", "s3.object_tags", "team=core&note=a b"}
	for key, b := range map[string]storage.Bucket{"whole": open(t, name, with(server.Properties(), plain...)), "parts": inParts(t, server, name, plain...)} {
		require.NoError(t, b.Put(t.Context(), key, storage.BytesBody(make([]byte, 7*mib)), storage.PutOptions{}))
		head, err := server.Client().HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: &name, Key: &key})
		require.NoError(t, err)
		require.Equal(t, types.StorageClassReducedRedundancy, head.StorageClass, key)
		tags, err := server.Client().GetObjectTagging(t.Context(), &awss3.GetObjectTaggingInput{Bucket: &name, Key: &key})
		require.NoError(t, err)
		require.ElementsMatch(t, []types.Tag{{Key: aws.String("team"), Value: aws.String("core")}, {Key: aws.String("note"), Value: aws.String("a b")}}, tags.TagSet, key)
	}

	// This MinIO has no keys, so it refuses; that the request asks for encryption is seen on its way.
	r := newRelay(t, server)
	b := open(t, name, with(server.Properties(), "aws.s3.endpoint", r.URL, "fs.s3a.encryption.algorithm", "SSE-KMS", "fs.s3a.encryption.key", "key 1"))
	asked := make(chan http.Header, 1)
	look := func(_ http.ResponseWriter, q *http.Request) bool {
		asked <- q.Header
		return false
	}
	r.answer.Store(&look)
	err := b.Put(t.Context(), "k", storage.BytesBody([]byte("x")), storage.PutOptions{})
	require.ErrorIs(t, err, storage.ErrConfig)
	require.NotContains(t, err.Error(), "\n")
	header := <-asked
	require.Equal(t, "aws:kms", header.Get("X-Amz-Server-Side-Encryption"))
	require.Equal(t, "key 1", header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"))
}

// A policy may allow a user nothing but the folder of the repository.
func TestPolicyForOnePrefixIsEnough(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name := server.Bucket(t)
	session := server.Session(t, strings.NewReplacer("$B", name).Replace(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::$B"],"Condition":{"StringLike":{"s3:prefix":["team/*"]}}},
		{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"Resource":["arn:aws:s3:::$B/team/*"]}]}`))
	properties := with(server.Properties(), "aws.s3.access_key", session.AccessKeyID, "aws.s3.secret_key", session.SecretAccessKey, "aws.s3.session_token", session.SessionToken)
	_, err := s3.Open(t.Context(), name, properties, s3.Options{})
	require.ErrorIs(t, err, storage.ErrDenied)
	b, err := s3.Open(t.Context(), name, properties, s3.Options{Prefix: "team/"})
	require.NoError(t, err)
	require.NoError(t, b.Put(t.Context(), "team/k", storage.BytesBody([]byte("x")), storage.PutOptions{IfAbsent: true}))
	require.NoError(t, b.Delete(t.Context(), "team/k"))
	require.NoError(t, b.Close())
}

// MinIO may answer "access denied" when a delete takes a folder away under a put; a real refusal stays one.
func TestMomentaryRefusalOfMinIOIsAskedTwice(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name, r := server.Bucket(t), newRelay(t, server)
	b := open(t, name, with(server.Properties(), "aws.s3.endpoint", r.URL))
	for _, said := range []string{"AccessDenied", "NoSuchKey"} {
		var refusals atomic.Int32
		once := func(w http.ResponseWriter, q *http.Request) bool {
			w.Header().Set("Server", "MinIO")
			return refusals.Add(1) == 1 && say(http.StatusForbidden, said, "Access Denied.")(w, q)
		}
		r.answer.Store(&once)
		require.NoError(t, b.Put(t.Context(), said, storage.BytesBody([]byte("x")), storage.PutOptions{IfAbsent: true}))
		require.EqualValues(t, 2, refusals.Load())
	}
	always := func(w http.ResponseWriter, q *http.Request) bool {
		w.Header().Set("Server", "MinIO")
		return say(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")(w, q)
	}
	r.answer.Store(&always)
	err := b.Put(t.Context(), "k", storage.BytesBody([]byte("x")), storage.PutOptions{})
	require.ErrorIs(t, err, storage.ErrUnavailable, "a put never finds that something is absent")
}

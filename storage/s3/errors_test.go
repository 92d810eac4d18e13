package s3_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/s3"
	"starkeep/tests/server/machine"
	"starkeep/tests/server/minio"
)

// requireError demands the kind and the whole text, in which $B is the bucket and $A the address of the store.
func requireError(t *testing.T, err, kind error, bucket, address, text string) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	require.EqualError(t, err, strings.NewReplacer("$B", bucket, "$A", address).Replace(text))
	require.NotContains(t, err.Error(), "\n")
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	other := minio.Start(t, minio.Options{Region: "eu-test-1", TLS: true})
	name := server.Bucket(t)
	address := strings.TrimPrefix(server.URL, "http://")
	right := server.Properties()
	noList := server.Session(t, minio.Allow("s3:GetObject", "s3:PutObject"))
	dead := machine.FreeAddress(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<html><body>nothing<br></body></html>")
	}))
	t.Cleanup(page.Close)

	for what, c := range map[string]struct {
		bucket     string
		properties map[string]string
		kind       error
		text       string
	}{
		"wrong access key":    {name, with(right, "aws.s3.access_key", "nobody"), storage.ErrDenied, "open s3://$B: access denied: InvalidAccessKeyId (The Access Key Id you provided does not exist in our records.); the store does not know the access key: correct aws.s3.access_key"},
		"wrong secret key":    {name, with(right, "aws.s3.secret_key", "geheim"), storage.ErrDenied, "open s3://$B: access denied: SignatureDoesNotMatch (The request signature we calculated does not match the signature you provided. Check your key and signing method.); the secret key is not the one of this access key: correct aws.s3.secret_key"},
		"wrong session token": {name, with(right, "aws.s3.session_token", "geheim"), storage.ErrDenied, "open s3://$B: access denied: InvalidTokenId (The security token included in the request is invalid); correct aws.s3.session_token"},
		"missing bucket":      {"missing", right, storage.ErrNoRoot, "open s3://$B: storage location does not exist: NoSuchBucket (The specified bucket does not exist); create the bucket, or correct the location"},
		"no such name":        {"Not_A_Bucket", right, storage.ErrConfig, "open s3://$B: wrong configuration: InvalidBucketName (The specified bucket is not valid.); correct the bucket in the location"},
		"may not list": {name, with(right, "aws.s3.access_key", noList.AccessKeyID, "aws.s3.secret_key", noList.SecretAccessKey,
			"aws.s3.session_token", noList.SessionToken), storage.ErrDenied, "open s3://$B: access denied: AccessDenied (Access Denied.); grant s3:ListBucket on arn:aws:s3:::$B"},
		"nobody":            {name, map[string]string{"aws.s3.endpoint": server.URL, "s3.credentials_provider_type": "anonymous"}, storage.ErrDenied, "open s3://$B: access denied: AccessDenied (Access Denied.); grant s3:ListBucket on arn:aws:s3:::$B"},
		"unknown authority": {name, with(right, "aws.s3.endpoint", other.URL), storage.ErrConfig, "open s3://$B: wrong configuration: the certificate of the store is signed by an unknown authority: put that authority's PEM file into AWS_CA_BUNDLE of the workers"},
		"https to http":     {name, with(right, "aws.s3.endpoint", "https://"+address), storage.ErrConfig, "open s3://$B: wrong configuration: the store speaks http, not https: begin aws.s3.endpoint with http://, or set aws.s3.enable_ssl = false"},
		"http to https":     {name, with(right, "aws.s3.endpoint", "http://"+strings.TrimPrefix(other.URL, "https://")), storage.ErrConfig, "open s3://$B: wrong configuration: the store does not understand the request: is it https, or no S3 store? correct aws.s3.endpoint"},
		"dead server":       {name, with(right, "aws.s3.endpoint", "http://"+dead), storage.ErrUnavailable, "open s3://$B: store unavailable: dial tcp $A: connect: connection refused"},
		"no store":          {name, with(right, "aws.s3.endpoint", page.URL), storage.ErrConfig, "open s3://$B: wrong configuration: the answer (404) is not of an S3 store: correct aws.s3.endpoint"},
		"no region":         {name, with(right, "aws.s3.endpoint", "", "aws.s3.region", ""), storage.ErrConfig, "open s3://$B: wrong configuration: the region of the bucket is not known: set aws.s3.region"},
		"no region in the endpoint": {name, with(right, "aws.s3.endpoint", "s3.amazonaws.com", "aws.s3.region", ""), storage.ErrConfig,
			"open s3://$B: wrong configuration: the region of the bucket is not known: set aws.s3.region"},
		"in the words of others": {name, map[string]string{"fs.s3a.endpoint": server.URL, "s3.access_key": server.AccessKey, "AWS_SECRET_KEY": "geheim"}, storage.ErrDenied,
			"open s3://$B: access denied: SignatureDoesNotMatch (The request signature we calculated does not match the signature you provided. Check your key and signing method.); the secret key is not the one of this access key: correct AWS_SECRET_KEY"},
		"unknown property": {name, with(right, "aws.s3.regoin", "x"), storage.ErrConfig, "open s3://$B: wrong configuration: s3 does not know the property aws.s3.regoin (did you mean aws.s3.region?)"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, err := s3.Open(t.Context(), c.bucket, c.properties, s3.Options{})
			requireError(t, err, c.kind, c.bucket, dead, c.text)
			require.NotContains(t, err.Error(), "geheim")
		})
	}
}

func TestPermissionsAreNamed(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name := server.Bucket(t)
	lister := server.Session(t, minio.Allow("s3:ListBucket"))
	b := open(t, name, with(server.Properties(), "aws.s3.access_key", lister.AccessKeyID, "aws.s3.secret_key", lister.SecretAccessKey,
		"aws.s3.session_token", lister.SessionToken))
	put := func(b storage.Bucket) error {
		return b.Put(t.Context(), "k", storage.BytesBody([]byte("x")), storage.PutOptions{})
	}
	_, getErr := b.Get(t.Context(), "k", storage.Range{})
	requireError(t, getErr, storage.ErrDenied, name, "", "get s3://$B/k: access denied: AccessDenied (Access Denied.); grant s3:GetObject on arn:aws:s3:::$B/* and s3:ListBucket on arn:aws:s3:::$B")
	_, statErr := b.Stat(t.Context(), "k")
	requireError(t, statErr, storage.ErrDenied, name, "", "stat s3://$B/k: access denied: AccessDenied (Access Denied.); grant s3:GetObject on arn:aws:s3:::$B/* and s3:ListBucket on arn:aws:s3:::$B")
	requireError(t, put(b), storage.ErrDenied, name, "", "put s3://$B/k: access denied: AccessDenied (Access Denied.); grant s3:PutObject on arn:aws:s3:::$B/*")
	requireError(t, b.Delete(t.Context(), "k"), storage.ErrDenied, name, "", "delete s3://$B/k: access denied: AccessDenied (Access Denied.); grant s3:DeleteObject on arn:aws:s3:::$B/*")
	require.NoError(t, b.List(t.Context(), "", func(storage.Info) error { return nil }))

	tagger := open(t, name, with(server.Properties(), "aws.s3.access_key", lister.AccessKeyID, "aws.s3.secret_key", lister.SecretAccessKey,
		"aws.s3.session_token", lister.SessionToken, "s3.object_tags", "team=core", "fs.s3a.encryption.algorithm", "sse-kms", "fs.s3a.encryption.key", "key"))
	requireError(t, put(tagger), storage.ErrDenied, name, "", "put s3://$B/k: access denied: AccessDenied (Access Denied.); grant s3:PutObject, s3:PutObjectTagging, kms:GenerateDataKey, kms:Decrypt on arn:aws:s3:::$B/*")
}

func TestBucketOfAnotherRegionIsNamed(t *testing.T) {
	t.Parallel()
	server := minio.Start(t, minio.Options{Region: "eu-test-1"})
	name := server.Bucket(t)
	_, err := s3.Open(t.Context(), name, with(server.Properties(), "aws.s3.region", "us-east-1"), s3.Options{})
	requireError(t, err, storage.ErrConfig, name, "", "open s3://$B: wrong configuration: AuthorizationHeaderMalformed (The authorization header is malformed; the region is wrong; expecting 'eu-test-1'.); the bucket is in another region: set aws.s3.region to eu-test-1 (and an endpoint of that region)")

	// Amazon names the region in a header.
	moved := newRelay(t, server)
	answer := func(w http.ResponseWriter, q *http.Request) bool {
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
		return say(http.StatusMovedPermanently, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint.")(w, q)
	}
	moved.answer.Store(&answer)
	_, err = s3.Open(t.Context(), name, with(server.Properties(), "aws.s3.endpoint", moved.URL), s3.Options{})
	requireError(t, err, storage.ErrConfig, name, "", "open s3://$B: wrong configuration: PermanentRedirect (The bucket you are attempting to access must be addressed using the specified endpoint.); the bucket is in another region: set aws.s3.region to eu-west-1 (and an endpoint of that region)")
}

func TestWrongClockIsNamed(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name, r := server.Bucket(t), newRelay(t, server)
	late := resign(t, aws.Credentials{AccessKeyID: server.AccessKey, SecretAccessKey: server.SecretKey}, server.Region(),
		func() time.Time { return time.Now().Add(-time.Hour) })
	r.change.Store(&late)
	for range 2 { // it is not worked around in silence
		_, err := s3.Open(t.Context(), name, with(server.Properties(), "aws.s3.endpoint", r.URL), s3.Options{})
		requireError(t, err, storage.ErrConfig, name, "", "open s3://$B: wrong configuration: RequestTimeTooSkewed (The difference between the request time and the server's time is too large.); the clock of this machine is wrong: set it by NTP")
	}
}

func TestFullQuotaIsNoSpace(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name := server.Bucket(t)
	limit, err := json.Marshal(map[string]any{"quota": 1000, "quotatype": "hard"})
	require.NoError(t, err)
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/minio/admin/v3/set-bucket-quota?bucket="+name, strings.NewReader(string(limit)))
	require.NoError(t, err)
	q.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	resign(t, aws.Credentials{AccessKeyID: server.AccessKey, SecretAccessKey: server.SecretKey}, server.Region(), time.Now)(q)
	answer, err := http.DefaultClient.Do(q)
	require.NoError(t, err)
	said, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s", said)

	b := open(t, name, server.Properties())
	err = b.Put(t.Context(), "k", storage.BytesBody(make([]byte, 5000)), storage.PutOptions{})
	requireError(t, err, storage.ErrNoSpace, name, "", "put s3://$B/k: no space left: XMinioAdminBucketQuotaExceeded (Bucket quota exceeded); raise the quota of the bucket, or drop snapshots")
}

// What the store or somebody on the way answers, and what it means.
func TestAnswersAreToldApart(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name, r := server.Bucket(t), newRelay(t, server)
	b := open(t, name, with(server.Properties(), "aws.s3.endpoint", r.URL))
	for _, c := range []struct {
		status  int
		code    string
		message string
		kind    error
		text    string
	}{
		{503, "SlowDown", "Please reduce your request rate.", storage.ErrUnavailable, "store unavailable: SlowDown (Please reduce your request rate.)"},
		{500, "InternalError", "We encountered an internal error.", storage.ErrUnavailable, "store unavailable: InternalError (We encountered an internal error.)"},
		{502, "BadGateway", "line one\n\tline two " + strings.Repeat("…", 100), storage.ErrUnavailable, "store unavailable: BadGateway (line one line two " + strings.Repeat("…", 60) + "…)"},
		{429, "TooManyRequests", "", storage.ErrUnavailable, "store unavailable: TooManyRequests"},
		{409, "ConditionalRequestConflict", "A conflicting operation occurred.", storage.ErrUnavailable, "store unavailable: ConditionalRequestConflict (A conflicting operation occurred.)"},
		{412, "PreconditionFailed", "At least one of the pre-conditions did not hold", storage.ErrExist, "object exists already: PreconditionFailed (At least one of the pre-conditions did not hold)"},
		{400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.", storage.ErrUnavailable, "store unavailable: XAmzContentSHA256Mismatch (The provided 'x-amz-content-sha256' header does not match what was computed.)"},
		{400, "ExpiredToken", "The provided token has expired.", storage.ErrDenied, "access denied: ExpiredToken (The provided token has expired.); the session token has ended: write new keys and a new aws.s3.session_token"},
		{501, "NotImplemented", "A header you provided implies functionality that is not implemented", storage.ErrConfig, "wrong configuration: NotImplemented (A header you provided implies functionality that is not implemented); if the store cannot create objects on a condition, set fs.s3a.create.conditional.enabled = false"},
		{507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold.", storage.ErrNoSpace, "no space left: XMinioStorageFull (Storage backend has reached its minimum free drive threshold.); free space in the store"},
		{404, "NoSuchUpload", "The specified upload does not exist.", storage.ErrUnavailable, "store unavailable: NoSuchUpload (The specified upload does not exist.)"},
	} {
		answer := say(c.status, c.code, c.message)
		r.answer.Store(&answer)
		err := b.Put(t.Context(), "k", storage.BytesBody([]byte("x")), storage.PutOptions{IfAbsent: true})
		requireError(t, err, c.kind, name, "", "put s3://$B/k: "+c.text)
	}
}

// A key is absent only when the store says so of the key.
func TestBareNotFoundProvesNothing(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name, r := server.Bucket(t), newRelay(t, server)
	b := open(t, name, with(server.Properties(), "aws.s3.endpoint", r.URL))
	require.NoError(t, b.Put(t.Context(), "k", storage.BytesBody([]byte("x")), storage.PutOptions{}))
	bare := func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusNotFound)
		return true
	}
	r.answer.Store(&bare)
	_, getErr := b.Get(t.Context(), "k", storage.Range{})
	_, statErr := b.Stat(t.Context(), "k")
	for _, err := range []error{getErr, statErr} {
		require.ErrorIs(t, err, storage.ErrConfig)
		require.NotErrorIs(t, err, storage.ErrNotExist)
	}
	head := func(w http.ResponseWriter, q *http.Request) bool { return q.Method == http.MethodHead && bare(w, q) }
	r.answer.Store(&head)
	_, err := b.Stat(t.Context(), "k")
	requireError(t, err, storage.ErrUnavailable, name, "", "stat s3://$B/k: store unavailable: the store changed its answer")
}

func TestCutAnswerIsNoEnd(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name, r := server.Bucket(t), newRelay(t, server)
	b := open(t, name, with(server.Properties(), "aws.s3.endpoint", r.URL))
	require.NoError(t, b.Put(t.Context(), "k", storage.BytesBody(make([]byte, 100_000)), storage.PutOptions{}))
	r.cut.Store(60_000)
	for _, part := range []storage.Range{{}, {Offset: 10}, {Offset: 10, Length: 70_000}} {
		body, err := b.Get(t.Context(), "k", part)
		require.NoError(t, err)
		n, err := io.Copy(io.Discard, body)
		require.ErrorIs(t, err, storage.ErrUnavailable, "%+v", part)
		require.NotErrorIs(t, err, io.EOF)
		require.EqualValues(t, 60_000, n)
		require.NoError(t, body.Close())
	}
	body, err := b.Get(t.Context(), "k", storage.Range{Length: 60_000})
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, body)
	require.NoError(t, err)
	require.EqualValues(t, 60_000, n)
	require.NoError(t, body.Close())
}

func TestSilentServerIsUnavailableNotWaitedForEver(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	name, r := server.Bucket(t), newRelay(t, server)
	b := open(t, name, with(server.Properties(), "aws.s3.endpoint", r.URL, "s3.connection.request.timeout", "1000"))
	silent := func(_ http.ResponseWriter, q *http.Request) bool {
		_, _ = io.Copy(io.Discard, q.Body)
		<-q.Context().Done() // until the client goes
		return true
	}
	r.answer.Store(&silent)
	_, err := b.Get(t.Context(), "k", storage.Range{})
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.ErrorContains(t, err, "i/o timeout")
	err = b.Put(t.Context(), "k", storage.BytesBody(make([]byte, 10<<20)), storage.PutOptions{})
	require.ErrorIs(t, err, storage.ErrUnavailable)
}

func TestKilledServerIsUnavailableUntilItIsBack(t *testing.T) {
	t.Parallel()
	server := minio.Start(t, minio.Options{})
	b := open(t, server.Bucket(t), server.Properties())
	put := func() error {
		return b.Put(context.Background(), "k", storage.BytesBody(make([]byte, 1<<20)), storage.PutOptions{})
	}
	require.NoError(t, put())
	server.Kill(t)
	require.ErrorIs(t, put(), storage.ErrUnavailable)
	_, err := b.Stat(t.Context(), "k")
	require.ErrorIs(t, err, storage.ErrUnavailable)
	server.Restart(t)
	require.NoError(t, put())
}

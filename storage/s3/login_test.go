package s3_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/s3"
	"starkeep/tests/server/machine"
	"starkeep/tests/server/minio"
)

// everything is a policy without limits.
func everything() string { return minio.Allow("s3:*") }

// without forgets what the machine of the developer may offer.
func without(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_PROFILE", "AWS_CA_BUNDLE",
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		t.Setenv(name, "")
	}
	nothing := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nothing)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nothing)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// works puts and reads back.
func works(t *testing.T, b storage.Bucket) {
	t.Helper()
	require.NoError(t, b.Put(t.Context(), "k", storage.BytesBody([]byte("x")), storage.PutOptions{}))
	body, err := b.Get(t.Context(), "k", storage.Range{})
	require.NoError(t, err)
	data, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.Equal(t, "x", string(data))
}

// anonymously is how to reach a server, without saying who asks.
func anonymously(server *minio.Server, change ...string) map[string]string {
	return with(with(server.Properties(), "aws.s3.access_key", "", "aws.s3.secret_key", ""), change...)
}

func TestSessionTokenOpens(t *testing.T) {
	without(t)
	server := minio.Shared(t)
	session := server.Session(t, everything())
	works(t, open(t, server.Bucket(t), with(server.Properties(), "aws.s3.access_key", session.AccessKeyID,
		"aws.s3.secret_key", session.SecretAccessKey, "aws.s3.session_token", session.SessionToken)))
}

func TestKeysOfTheEnvironmentOpen(t *testing.T) {
	without(t)
	server := minio.Shared(t)
	t.Setenv("AWS_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", server.SecretKey)
	works(t, open(t, server.Bucket(t), anonymously(server)))
	works(t, open(t, server.Bucket(t), anonymously(server, "aws.s3.use_aws_sdk_default_behavior", "true")))
}

func TestKeysOfAFileOpen(t *testing.T) {
	without(t)
	server := minio.Shared(t)
	file := filepath.Join(t.TempDir(), "credentials")
	require.NoError(t, os.WriteFile(file, []byte("[backup]\naws_access_key_id = "+server.AccessKey+"\naws_secret_access_key = "+server.SecretKey+"\n"), 0o600))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	t.Setenv("AWS_PROFILE", "backup")
	works(t, open(t, server.Bucket(t), anonymously(server)))
}

func TestNobodyHasCredentials(t *testing.T) {
	without(t)
	server := minio.Shared(t)
	name := server.Bucket(t)
	_, err := s3.Open(t.Context(), name, anonymously(server), s3.Options{})
	requireError(t, err, storage.ErrDenied, name, "",
		"open s3://$B: access denied: there are no credentials, neither in the environment nor in files nor of the machine: set aws.s3.access_key and aws.s3.secret_key")
}

// What the machine offers may itself be wrong; waiting does not cure that.
func TestBrokenIdentityOfTheMachineIsConfiguration(t *testing.T) {
	without(t)
	server := minio.Shared(t)
	t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/backup")
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token")
	name := server.Bucket(t)
	_, err := s3.Open(t.Context(), name, anonymously(server), s3.Options{})
	requireError(t, err, storage.ErrConfig, name, "", "open s3://$B: wrong configuration: the request cannot be made: unable to read file at /nowhere/token: open /nowhere/token: no such file or directory")
}

// stsDouble counts and shows what STS is asked; MinIO answers.
func stsDouble(t *testing.T, server *minio.Server) (*relay, *atomic.Pointer[url.Values]) {
	t.Helper()
	r := newRelay(t, server)
	var asked atomic.Pointer[url.Values]
	look := func(q *http.Request) {
		text, err := io.ReadAll(q.Body)
		if err != nil {
			t.Errorf("read: %v", err)
		}
		form, _ := url.ParseQuery(string(text))
		asked.Store(&form)
		q.Body = io.NopCloser(strings.NewReader(string(text)))
	}
	r.change.Store(&look)
	return r, &asked
}

func TestAssumedRoleOpens(t *testing.T) {
	without(t)
	server := minio.Shared(t)
	role := []string{"aws.s3.iam_role_arn", "arn:aws:iam::123456789012:role/backup", "aws.s3.external_id", "ext 1"}
	t.Run("with keys", func(t *testing.T) {
		r, asked := stsDouble(t, server)
		works(t, open(t, server.Bucket(t), with(server.Properties(), append(role, "aws.s3.sts.endpoint", r.URL)...)))
		require.Equal(t, "arn:aws:iam::123456789012:role/backup", asked.Load().Get("RoleArn"))
		require.Equal(t, "ext 1", asked.Load().Get("ExternalId"))
		require.Equal(t, "starkeep", asked.Load().Get("RoleSessionName"))
	})
	t.Run("with the environment's keys and STS", func(t *testing.T) {
		r, asked := stsDouble(t, server)
		t.Setenv("AWS_ACCESS_KEY_ID", server.AccessKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", server.SecretKey)
		t.Setenv("AWS_ENDPOINT_URL_STS", r.URL)
		works(t, open(t, server.Bucket(t), anonymously(server, role...)))
		require.NotNil(t, asked.Load())
	})
	t.Run("refused", func(t *testing.T) {
		r := newRelay(t, server)
		no := func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User u is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>")
			return true
		}
		r.answer.Store(&no)
		name := server.Bucket(t)
		_, err := s3.Open(t.Context(), name, with(server.Properties(), append(role, "aws.s3.sts.endpoint", r.URL)...), s3.Options{})
		requireError(t, err, storage.ErrDenied, name, "", "open s3://$B: access denied: the role aws.s3.iam_role_arn cannot be assumed: "+
			"AccessDenied (User u is not authorized to perform: sts:AssumeRole); grant sts:AssumeRole to who asks, and let the role trust them (external id included)")
	})
	t.Run("dead", func(t *testing.T) {
		name, dead := server.Bucket(t), machine.FreeAddress(t)
		_, err := s3.Open(t.Context(), name, with(server.Properties(), append(role, "aws.s3.sts.endpoint", "http://"+dead)...), s3.Options{})
		requireError(t, err, storage.ErrUnavailable, name, dead, "open s3://$B: store unavailable: STS (aws.s3.sts.endpoint): dial tcp $A: connect: connection refused")
	})
}

// metadata plays the instance metadata service, version 2:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
type metadata struct {
	*httptest.Server
	credentials atomic.Pointer[aws.Credentials] // nil: the machine has no profile
	given       atomic.Int32
	refuses     atomic.Bool
}

func newMetadata(t *testing.T) *metadata {
	t.Helper()
	m := &metadata{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		const roles = "/latest/meta-data/iam/security-credentials/"
		c := m.credentials.Load()
		switch {
		case m.refuses.Load():
			w.WriteHeader(http.StatusForbidden)
		case q.Method == http.MethodPut && q.URL.Path == "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			_, _ = io.WriteString(w, "token")
		case q.Header.Get("X-Aws-Ec2-Metadata-Token") != "token":
			w.WriteHeader(http.StatusUnauthorized)
		case c == nil:
			w.WriteHeader(http.StatusNotFound)
		case q.URL.Path == roles:
			_, _ = io.WriteString(w, "machine")
		case q.URL.Path == roles+"machine":
			m.given.Add(1)
			_ = json.NewEncoder(w).Encode(map[string]any{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": c.AccessKeyID,
				"SecretAccessKey": c.SecretAccessKey, "Token": c.SessionToken, "Expiration": c.Expires, "LastUpdated": time.Now()})
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(m.Close)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", m.URL)
	return m
}

func TestInstanceProfileOpensAndIsRenewed(t *testing.T) {
	without(t)
	server := minio.Shared(t)
	m := newMetadata(t)
	first := server.Session(t, everything())
	m.credentials.Store(&first)
	b := open(t, server.Bucket(t), anonymously(server, "aws.s3.use_instance_profile", "true"))
	works(t, b)
	require.EqualValues(t, 1, m.given.Load(), "they are kept until they end")

	ended := first
	ended.Expires = time.Now()
	m.credentials.Store(&ended)
	b = open(t, server.Bucket(t), anonymously(server, "aws.s3.use_instance_profile", "true"))
	before := m.given.Load()
	works(t, b)
	require.Greater(t, m.given.Load(), before, "they are renewed when they have ended")
}

func TestInstanceProfileAssumesARole(t *testing.T) {
	without(t)
	server := minio.Shared(t)
	m := newMetadata(t)
	// MinIO's STS serves lasting keys only, so the machine's are the root user's.
	root := aws.Credentials{AccessKeyID: server.AccessKey, SecretAccessKey: server.SecretKey, Expires: time.Now().Add(time.Hour)}
	m.credentials.Store(&root)
	works(t, open(t, server.Bucket(t), anonymously(server, "aws.s3.use_instance_profile", "true",
		"aws.s3.iam_role_arn", "arn:aws:iam::123456789012:role/backup", "aws.s3.sts.endpoint", server.URL)))
	require.EqualValues(t, 1, m.given.Load())
}

func TestMachineWithoutProfileIsNamed(t *testing.T) {
	without(t)
	server := minio.Shared(t)
	m := newMetadata(t)
	name := server.Bucket(t)
	for _, properties := range []map[string]string{anonymously(server, "aws.s3.use_instance_profile", "true"), anonymously(server)} {
		_, err := s3.Open(t.Context(), name, properties, s3.Options{})
		requireError(t, err, storage.ErrDenied, name, "",
			"open s3://$B: access denied: there are no credentials: this machine has no instance profile; attach one, or set aws.s3.access_key and aws.s3.secret_key")
	}
	m.refuses.Store(true) // who has not asked for the machine's account has forgotten the keys
	for says, properties := range map[string]map[string]string{
		"the instance metadata service refuses (403)": anonymously(server, "aws.s3.use_instance_profile", "true"),
		"nor of the machine: set aws.s3.access_key":   anonymously(server),
	} {
		_, err := s3.Open(t.Context(), name, properties, s3.Options{})
		require.ErrorIs(t, err, storage.ErrDenied)
		require.ErrorContains(t, err, says)
	}
	m.Close()
	_, err := s3.Open(t.Context(), name, anonymously(server, "aws.s3.use_instance_profile", "true"), s3.Options{})
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.ErrorContains(t, err, "the instance metadata service does not answer (dial tcp ")
}

// Credentials that can be renewed may have ended; the next call gets new ones.
func TestEndedTokenOfARoleIsPassing(t *testing.T) {
	without(t)
	server := minio.Shared(t)
	name, r := server.Bucket(t), newRelay(t, server)
	b := open(t, name, with(server.Properties(), "aws.s3.endpoint", r.URL, "aws.s3.iam_role_arn", "arn:aws:iam::123456789012:role/backup", "aws.s3.sts.endpoint", server.URL))
	ended := say(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.")
	r.answer.Store(&ended)
	_, err := b.Stat(t.Context(), "k")
	requireError(t, err, storage.ErrUnavailable, name, "", "stat s3://$B/k: store unavailable: ExpiredToken (The provided token has expired.)")
}

func TestOwnAuthorityIsTrustedThroughTheBundle(t *testing.T) {
	without(t)
	server := minio.Start(t, minio.Options{TLS: true})
	t.Setenv("AWS_CA_BUNDLE", server.CA)
	b := open(t, server.Bucket(t), server.Properties())
	works(t, b)
	// Over TLS too the store verifies what it got, and nothing wrong is kept.
	body := storage.BytesBody([]byte("x"))
	body.SHA256[0] ^= 1
	require.ErrorIs(t, b.Put(t.Context(), "wrong", body, storage.PutOptions{}), storage.ErrBody)
	require.NoError(t, b.Close())

	t.Setenv("AWS_CA_BUNDLE", filepath.Join(t.TempDir(), "gone.pem"))
	_, err := s3.Open(t.Context(), "b", server.Properties(), s3.Options{})
	require.ErrorIs(t, err, storage.ErrConfig)
}

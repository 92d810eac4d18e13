package gcs_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/gcs"
	server "starkeep/tests/server/gcs"
)

// pair is one key of a service account; making one takes a while.
var pair = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
})

const account = "keeper@project.iam.gserviceaccount.com"

// tokens is Google's token server (RFC 7523), the metadata server of a machine
// (https://docs.cloud.google.com/compute/docs/metadata/overview) and the service that impersonates.
type tokens struct {
	URL    string
	status int    // of every answer; 0: as it should be
	text   string // of an error
	empty  bool   // the machine has no account
}

func newTokens(t testing.TB) *tokens {
	t.Helper()
	s := &tokens{}
	http := httptest.NewServer(s)
	t.Cleanup(http.Close)
	s.URL = http.URL
	return s
}

func (s *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := func(body string) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
	switch {
	case s.status != 0:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.text)
	case strings.HasPrefix(r.URL.Path, "/computeMetadata/"):
		if s.empty || !strings.HasSuffix(r.URL.Path, "/token") || r.Header.Get("Metadata-Flavor") != "Google" {
			http.NotFound(w, r)
			return
		}
		answer(`{"access_token":"of the machine","expires_in":3600,"token_type":"Bearer"}`)
	case strings.HasSuffix(r.URL.Path, ":generateAccessToken"):
		var asked struct{ Scope []string }
		if json.NewDecoder(r.Body).Decode(&asked) != nil || len(asked.Scope) != 1 {
			http.Error(w, "no scope", http.StatusBadRequest)
			return
		}
		who := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/projects/-/serviceAccounts/"), ":generateAccessToken")
		answer(fmt.Sprintf(`{"accessToken":"%s by %s","expireTime":"2099-01-01T00:00:00Z"}`, who, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
	default:
		parts := strings.Split(r.PostFormValue("assertion"), ".")
		claims := struct{ Iss string }{}
		if len(parts) == 3 {
			raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
			_ = json.Unmarshal(raw, &claims)
		}
		answer(fmt.Sprintf(`{"access_token":"of %s","expires_in":3600,"token_type":"Bearer"}`, claims.Iss))
	}
}

// seen is a store that remembers the last token.
type seen struct {
	*server.Server
	mu    sync.Mutex
	token string
}

func newSeen(t testing.TB) *seen {
	t.Helper()
	s := &seen{Server: server.Start(t)}
	s.Front(func(_ http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		return false
	})
	return s
}

// login opens a bucket and returns the token that the store saw.
func (s *seen) login(t testing.TB, tokens *tokens, properties map[string]string) (string, error) {
	t.Helper()
	all := map[string]string{"gcp.gcs.endpoint": s.URL, "fs.gs.token.server.url": tokens.URL + "/token"}
	maps.Copy(all, properties)
	b, err := gcs.Open(t.Context(), s.Bucket(t), all, gcs.WithIdentity(tokens.URL))
	if err != nil {
		return "", err
	}
	require.NoError(t, b.Close())
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, nil
}

func keyProperties() map[string]string {
	return map[string]string{
		"gcp.gcs.service_account_email": account, "gcp.gcs.service_account_private_key_id": "1",
		"gcp.gcs.service_account_private_key": strings.ReplaceAll(pair(), "\n", `\n`),
	}
}

func TestServiceAccountLogsIn(t *testing.T) {
	t.Parallel()
	store, tokens := newSeen(t), newTokens(t)
	token, err := store.login(t, tokens, keyProperties())
	require.NoError(t, err)
	require.Equal(t, "of "+account, token)

	raw, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "file@p", "private_key_id": "2", "private_key": pair(), "token_uri": tokens.URL,
	})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "key.json")
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	token, err = store.login(t, tokens, map[string]string{"fs.gs.auth.service.account.json.keyfile": file})
	require.NoError(t, err)
	require.Equal(t, "of file@p", token)

	become := keyProperties()
	become["gcp.gcs.impersonation_service_account"] = "data@project"
	token, err = store.login(t, tokens, become)
	require.NoError(t, err)
	require.Equal(t, "data@project by of "+account, token)

	token, err = store.login(t, tokens, map[string]string{"gcs.oauth2.token": "given"})
	require.NoError(t, err)
	require.Equal(t, "given", token)
}

// Not parallel: the library finds the metadata server by the environment.
func TestMachineAndDefaultCredentialsLogIn(t *testing.T) {
	store, tokens := newSeen(t), newTokens(t)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(tokens.URL, "http://"))
	t.Setenv("HOME", t.TempDir())
	token, err := store.login(t, tokens, map[string]string{"gcp.gcs.use_compute_engine_service_account": "true"})
	require.NoError(t, err)
	require.Equal(t, "of the machine", token)

	raw, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "default@p", "private_key_id": "2", "private_key": pair(), "token_uri": tokens.URL,
	})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "key.json")
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	token, err = store.login(t, tokens, nil)
	require.NoError(t, err)
	require.Equal(t, "of default@p", token)

	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none"))
	_, err = store.login(t, tokens, nil)
	require.ErrorIs(t, err, storage.ErrDenied)
	require.ErrorContains(t, err, ": access denied: there are no credentials, neither in GOOGLE_APPLICATION_CREDENTIALS of the workers nor of the machine: set gcp.gcs.service_account_email, gcp.gcs.service_account_private_key_id and gcp.gcs.service_account_private_key")

	tokens.empty = true
	_, err = store.login(t, tokens, map[string]string{"fs.gs.auth.type": "COMPUTE_ENGINE"})
	require.ErrorIs(t, err, storage.ErrDenied)
	require.ErrorContains(t, err, ": access denied: this machine has no service account: attach one, or set gcp.gcs.service_account_email")
}

func TestRefusedLoginsSayWhatToDo(t *testing.T) {
	t.Parallel()
	store := newSeen(t)
	become := keyProperties()
	become["gcp.gcs.impersonation_service_account"] = "data@project"
	broken := keyProperties()
	broken["gcp.gcs.service_account_private_key"] = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
	cut := filepath.Join(t.TempDir(), "key.json")
	require.NoError(t, os.WriteFile(cut, []byte(`{"type":"authorized_user","secret":"secret"}`), 0o600))
	for name, c := range map[string]struct {
		properties map[string]string
		status     int
		text       string
		kind       error
		want       string
	}{
		"no key":  {broken, 0, "", storage.ErrConfig, "gcp.gcs.service_account_private_key holds no private key: copy private_key of the JSON key file whole, with its BEGIN and END lines"},
		"no file": {map[string]string{"fs.gs.auth.service.account.json.keyfile": "/none"}, 0, "", storage.ErrConfig, "fs.gs.auth.service.account.json.keyfile cannot be read on this worker: open /none: no such file or directory"},
		"no key file": {
			map[string]string{"fs.gs.auth.service.account.json.keyfile": cut}, 0, "", storage.ErrConfig,
			"fs.gs.auth.service.account.json.keyfile is not the JSON key file of a service account",
		},
		// The descriptions are those of https://developers.google.com/identity/protocols/oauth2/service-account#error-codes
		"deleted key": {
			keyProperties(), 400, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`, storage.ErrDenied,
			"the token server refuses: invalid_grant (Invalid JWT Signature.); the key was deleted or is of another account: write a new gcp.gcs.service_account_private_key and its id",
		},
		"clock": {
			keyProperties(), 400, `{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}`, storage.ErrConfig,
			"the token server refuses: invalid_grant (Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.); the clock of this machine is wrong: set it by NTP",
		},
		"no account": {
			keyProperties(), 400, `{"error":"invalid_grant","error_description":"Invalid grant: account not found"}`, storage.ErrDenied,
			"the token server refuses: invalid_grant (Invalid grant: account not found); correct gcp.gcs.service_account_email",
		},
		"busy":         {keyProperties(), 503, `{"error":"backend_error"}`, storage.ErrUnavailable, "the token server refuses: backend_error"},
		"no OAuth":     {keyProperties(), 404, `not found`, storage.ErrConfig, "the token server refuses: 404; correct fs.gs.token.server.url"},
		"dead machine": {map[string]string{"gcs.oauth2.token": "secret", "gcp.gcs.endpoint": "http://127.0.0.1:1"}, 0, "", storage.ErrUnavailable, "dial tcp 127.0.0.1:1: connect: connection refused"},
	} {
		tokens := newTokens(t)
		tokens.status, tokens.text = c.status, c.text
		_, err := store.login(t, tokens, c.properties)
		require.ErrorIs(t, err, c.kind, name)
		_, text, _ := strings.Cut(err.Error(), ": "+c.kind.Error()+": ")
		require.Equal(t, c.want, text, name)
		require.NotContains(t, err.Error(), "secret", name)
	}
}

func TestRefusedImpersonationSaysWhatToGrant(t *testing.T) {
	t.Parallel()
	store, tokens, refusing := newSeen(t), newTokens(t), newTokens(t)
	properties := keyProperties()
	properties["gcp.gcs.impersonation_service_account"] = "data@project"
	properties["gcp.gcs.endpoint"] = store.URL
	properties["fs.gs.token.server.url"] = tokens.URL
	for status, want := range map[int]string{
		403: "access denied: data@project cannot be impersonated: 403 (no); grant roles/iam.serviceAccountTokenCreator on it to who asks",
		404: "wrong configuration: data@project cannot be impersonated: 404 (no); correct gcp.gcs.impersonation_service_account",
		503: "store unavailable: data@project cannot be impersonated: 503 (no)",
	} {
		refusing.status, refusing.text = status, fmt.Sprintf(`{"error":{"code":%d,"message":"no"}}`, status)
		_, err := gcs.Open(t.Context(), "b", properties, gcs.WithIdentity(refusing.URL))
		require.EqualError(t, err, "open gs://b: "+want)
	}
}

// What the documents show has to be taken, whoever waits for it.
func TestPropertiesAreReadBeforeAnybodyIsAsked(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := gcs.Open(ctx, "b", map[string]string{"gcp.gcs.service_account_email": account, "gcp.gcs.service_account_private_key": "…"}, gcs.Options{})
	require.ErrorIs(t, err, context.Canceled)
	_, err = gcs.Open(ctx, "b", map[string]string{"mistyped": "x"}, gcs.Options{})
	require.ErrorIs(t, err, storage.ErrConfig)
}

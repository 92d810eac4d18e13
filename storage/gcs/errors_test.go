package gcs_test

import (
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/gcs"
	server "starkeep/tests/server/gcs"
	"starkeep/tests/server/machine"
)

// calls are the methods by the name that their errors begin with.
func calls(t testing.TB, b storage.Bucket) map[string]func() error {
	return map[string]func() error{
		"get":    func() error { _, err := b.Get(t.Context(), "k", storage.Range{}); return err },
		"stat":   func() error { _, err := b.Stat(t.Context(), "k"); return err },
		"list":   func() error { return b.List(t.Context(), "k", func(storage.Info) error { return nil }) },
		"put":    func() error { return b.Put(t.Context(), "k", storage.BytesBody([]byte("x")), storage.PutOptions{}) },
		"delete": func() error { return b.Delete(t.Context(), "k") },
	}
}

// The reasons are those of https://docs.cloud.google.com/storage/docs/json_api/v1/status-codes
func TestRefusalsSayCauseAndRemedyInOneLine(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	b := open(t, s, s.Bucket(t))
	for _, c := range []struct {
		op, reason, message string
		status              int
		kind                error
		want                string
	}{
		{"get", "forbidden", "a@p does not have\nstorage.objects.get access.", 403, storage.ErrDenied, "forbidden (a@p does not have storage.objects.get access.); grant storage.objects.get on the bucket BUCKET (roles/storage.objectUser has all that is needed)"},
		{"list", "forbidden", "", 403, storage.ErrDenied, "forbidden; grant storage.objects.list on the bucket BUCKET (roles/storage.objectUser has all that is needed)"},
		{"put", "insufficientPermissions", "", 403, storage.ErrDenied, "insufficientPermissions; grant storage.objects.create, and storage.objects.delete to replace, on the bucket BUCKET (roles/storage.objectUser has all that is needed)"},
		{"delete", "forbidden", "", 403, storage.ErrDenied, "forbidden; grant storage.objects.delete on the bucket BUCKET (roles/storage.objectUser has all that is needed)"},
		{"delete", "retentionPolicyNotMet", "", 403, storage.ErrDenied, "retentionPolicyNotMet; the bucket keeps objects for a time: a repository needs a bucket that lets them be deleted"},
		{"put", "accountDisabled", "", 403, storage.ErrDenied, "accountDisabled; enable the billing of the bucket's project"},
		{"put", "rateLimitExceeded", "", 403, storage.ErrUnavailable, "rateLimitExceeded"},
		{"put", "quotaExceeded", "", 403, storage.ErrNoSpace, "quotaExceeded; raise the quota of the project"},
		{"put", "invalid", `Provided CRC32C "AAAAAA==" doesn't match calculated CRC32C "AAAAAQ==".`, 400, storage.ErrUnavailable, `invalid (Provided CRC32C "AAAAAA==" doesn't match calculated CRC32C "AAAAAQ==".)`},
		{"list", "invalid", "Invalid bucket name: 'x_'", 400, storage.ErrConfig, "invalid (Invalid bucket name: 'x_'); correct the bucket in the location"},
		{"stat", "required", "Anonymous caller does not have storage.objects.get access", 401, storage.ErrDenied, "required (Anonymous caller does not have storage.objects.get access); the bucket is not public: set gcp.gcs.service_account_email, gcp.gcs.service_account_private_key_id and gcp.gcs.service_account_private_key"},
		{"put", "notFound", "The specified bucket does not exist.", 404, storage.ErrNoRoot, "notFound (The specified bucket does not exist.); create the bucket, or correct the location"},
		{"get", "notFound", "No such object: b/k", 404, storage.ErrNoRoot, "notFound (No such object: b/k); create the bucket, or correct the location"},
		{"put", "rateLimitExceeded", "The object b/k exceeded the rate limit for object mutation operations", 429, storage.ErrUnavailable, "rateLimitExceeded (The object b/k exceeded the rate limit for object mutation operations)"},
		{"get", "backendError", "", 503, storage.ErrUnavailable, "backendError"},
		{"list", "internalError", "", 500, storage.ErrUnavailable, "internalError"},
		{"delete", "conflict", "", 409, storage.ErrUnavailable, "conflict"},
	} {
		s.Front(func(w http.ResponseWriter, _ *http.Request) bool {
			server.Refuse(w, c.status, c.reason, c.message)
			return true
		})
		err := calls(t, b)[c.op]()
		require.ErrorIs(t, err, c.kind, c.want)
		head, text, _ := strings.Cut(err.Error(), ": "+c.kind.Error()+": ")
		require.Regexp(t, "^"+c.op+" gs://[a-z0-9]+/k$", head)
		bucket := strings.TrimSuffix(strings.TrimPrefix(head, c.op+" gs://"), "/k")
		require.Equal(t, strings.ReplaceAll(c.want, "BUCKET", bucket), text)
	}
}

func TestEveryCallTellsPassingFromFinal(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	b := open(t, s, s.Bucket(t))
	for status, kind := range map[int]error{401: storage.ErrDenied, 403: storage.ErrDenied, 429: storage.ErrUnavailable, 500: storage.ErrUnavailable, 502: storage.ErrUnavailable, 503: storage.ErrUnavailable, 504: storage.ErrUnavailable, 408: storage.ErrUnavailable} {
		s.Front(func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, "<html>from a proxy on the way</html>", status)
			return true
		})
		for op, call := range calls(t, b) {
			err := call()
			require.ErrorIs(t, err, kind, "%s %d", op, status)
			require.NotErrorIs(t, err, storage.ErrNotExist)
			require.NotContains(t, err.Error(), "html")
			require.NotContains(t, err.Error(), "\n")
		}
	}
}

func TestOpenTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }))
	t.Cleanup(page.Close)
	none := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(none.Close)
	secure := httptest.NewUnstartedServer(s)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // that clients do not trust it is the point
	secure.StartTLS()
	t.Cleanup(secure.Close)
	nobody := machine.FreeAddress(t)
	for endpoint, want := range map[string]string{
		s.URL:    "storage location does not exist: notFound (The specified bucket does not exist.); create the bucket, or correct the location",
		page.URL: "wrong configuration: the answer is not of Google Cloud Storage: correct gcp.gcs.endpoint",
		none.URL: "wrong configuration: 404; the answer is not of Google Cloud Storage: correct gcp.gcs.endpoint",
		"https://" + strings.TrimPrefix(s.URL, "http://"):      "wrong configuration: the store speaks http, not https: begin gcp.gcs.endpoint with http://",
		"http://" + strings.TrimPrefix(secure.URL, "https://"): "wrong configuration: 400; the answer is not of Google Cloud Storage: correct gcp.gcs.endpoint",
		secure.URL:         "wrong configuration: the certificate of the store is signed by an unknown authority: put that authority's PEM file into SSL_CERT_FILE of the workers",
		"http://" + nobody: "store unavailable: dial tcp " + nobody + ": connect: connection refused",
	} {
		properties := maps.Clone(s.Properties())
		properties["gcp.gcs.endpoint"] = endpoint
		_, err := gcs.Open(t.Context(), "none", properties, gcs.Options{})
		require.EqualError(t, err, "open gs://none: "+want)
	}
}

func TestSilentStoreIsNotWaitedForForever(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	bucket := s.Bucket(t)
	properties := maps.Clone(s.Properties())
	properties["fs.gs.http.read-timeout"] = "100"
	b, err := gcs.Open(t.Context(), bucket, properties, gcs.Options{})
	require.NoError(t, err)
	hung := make(chan struct{})
	t.Cleanup(func() { close(hung) })
	s.Front(func(http.ResponseWriter, *http.Request) bool { <-hung; return true })
	for op, call := range calls(t, b) {
		began := time.Now()
		require.ErrorIs(t, call(), storage.ErrUnavailable, op)
		require.Less(t, time.Since(began), 5*time.Second, op)
	}
}

package s3_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"

	"starkeep/tests/server/minio"
)

// relay stands between a bucket and MinIO. Without hooks it hands on every byte as it is.
type relay struct {
	*httptest.Server
	// change alters a request before MinIO sees it.
	change atomic.Pointer[func(*http.Request)]
	// answer replies in MinIO's place, when it returns true.
	answer atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
	// cut ends the bodies of MinIO's answers after so many bytes, without an end; 0 is never.
	cut atomic.Int64
}

func newRelay(t testing.TB, server *minio.Server) *relay {
	t.Helper()
	target, err := url.Parse(server.URL)
	require.NoError(t, err)
	r := &relay{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host // it is signed
			if change := r.change.Load(); change != nil {
				(*change)(p.Out)
			}
		},
		ModifyResponse: func(answer *http.Response) error {
			if n := r.cut.Load(); n > 0 && answer.ContentLength > n {
				answer.Body = struct {
					io.Reader
					io.Closer
				}{io.LimitReader(answer.Body, n), answer.Body}
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { panic(http.ErrAbortHandler) },
	}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if answer := r.answer.Load(); answer != nil && (*answer)(w, q) {
			return
		}
		proxy.ServeHTTP(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

// resign lets MinIO see requests of somebody else, or of another time.
func resign(t testing.TB, c aws.Credentials, region string, at func() time.Time) func(*http.Request) {
	t.Helper()
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	return func(q *http.Request) {
		q.Header.Del("X-Amz-Security-Token")
		q.Header.Del("Authorization")
		if err := signer.SignHTTP(q.Context(), c, q, q.Header.Get("X-Amz-Content-Sha256"), "s3", region, at()); err != nil {
			t.Errorf("sign: %v", err)
		}
	}
}

// say answers like S3.
func say(status int, code, message string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, q *http.Request) bool {
		_, _ = io.Copy(io.Discard, q.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<?xml version=\"1.0\"?><Error><Code>"+code+"</Code><Message>"+message+"</Message><RequestId>rq</RequestId><HostId>hh</HostId></Error>")
		return true
	}
}

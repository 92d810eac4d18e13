package s3

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"starkeep/storage/transport"
)

// bufferSize is of one read of a connection. Go's own is 4 KiB.
const bufferSize = 128 << 10

// dialer is net.Dialer.DialContext.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// httpClient is what config.LoadDefaultConfig may still add the authorities of AWS_CA_BUNDLE to.
func (l limits) httpClient(o Options) *awshttp.BuildableClient {
	dial := o.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: l.dial, KeepAlive: 30 * time.Second}).DialContext
	}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return transport.Quiet(conn, l.quiet), nil
		}
		t.ForceAttemptHTTP2 = false // many transfers in one connection would share one window
		t.TLSHandshakeTimeout = l.dial
		t.MaxIdleConns = 0
		t.MaxIdleConnsPerHost = o.Connections
		t.MaxConnsPerHost = l.connections
		t.ReadBufferSize, t.WriteBufferSize = bufferSize, bufferSize
		t.DisableCompression = true // objects are their bytes
	})
}

// plain is the finished client, without the redirects that S3 means for people: a redirected PUT cannot send its body again.
func plain(c aws.HTTPClient) *http.Client {
	return &http.Client{
		Transport:     c.(*awshttp.BuildableClient).GetTransport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// signer signs as the SDK does, but not over Accept-Encoding: Google's front end changes that header on the way, and the
// signature would no longer fit (https://github.com/aws/aws-sdk-go-v2/issues/1816). Nothing depends on it, compression is
// off in the transport.
type signer struct{ *v4.Signer }

func newSigner() signer { return signer{v4.NewSigner()} }

// SignHTTP implements s3.HTTPSignerV4.
func (s signer) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time, options ...func(*v4.SignerOptions)) error {
	r.Header.Del("Accept-Encoding")
	return s.Signer.SignHTTP(ctx, c, r, payloadHash, service, region, at, options...)
}

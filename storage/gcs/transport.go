package gcs

import (
	"context"
	"net"
	"net/http"
	"time"

	"starkeep/storage/transport"
)

// bufferSize is of one read or write of a connection. Go's own 4 to 32 KiB cost a core for each 1 to 2 GB/s in system calls.
const bufferSize = 64 << 10

// transport is a pool for that many transfers at once.
func (s settings) transport(connections int) *http.Transport {
	dialer := &net.Dialer{Timeout: s.dial, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return transport.Quiet(conn, s.quiet), nil
		},
		TLSHandshakeTimeout: s.dial,
		ForceAttemptHTTP2:   false, // many transfers in one connection would share one window
		MaxIdleConnsPerHost: connections,
		IdleConnTimeout:     90 * time.Second,
		ReadBufferSize:      bufferSize,
		WriteBufferSize:     bufferSize,
		DisableCompression:  true, // objects are their bytes
	}
}

package s3

import (
	"context"
	"net"

	"starkeep/storage"
)

// PutInParts lowers the size from which objects go in parts, and the size of these.
func PutInParts(b storage.Bucket, single, part int64) {
	bucket := b.(*Bucket)
	bucket.single, bucket.part = single, part
}

// DialTo connects to address, whatever host was asked for.
func DialTo(address string) Options {
	return Options{dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
}

package hdfs

import "context"

// DialWith connects to name nodes and data nodes over something else than the network.
func DialWith(d dialer) Options { return Options{dial: d} }

// Escape and Unescape are for tests of names alone.
var (
	Escape   = escape
	Unescape = unescape
)

// Fail is the error of a put that the name node has refused.
func Fail(refused error) error {
	return (&Bucket{authority: "nn", root: "/r"}).fail(context.Background(), "put", "k", refused)
}

// Settings shows what properties come to.
func Settings(authority string, properties map[string]string) (nameNodes []string, user string, blockSize int64, err error) {
	s, err := read(authority, properties)
	return s.addresses, s.login.user, s.blockSize, err
}

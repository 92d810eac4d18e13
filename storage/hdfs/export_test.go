package hdfs

// DialWith connects to name nodes and data nodes over something else than the network.
func DialWith(d dialer) Options { return Options{dial: d} }

// Escape, Unescape and Read are for tests of names and settings alone.
var (
	Escape   = escape
	Unescape = unescape
	Read     = read
)

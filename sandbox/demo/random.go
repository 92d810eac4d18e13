package demo

// random is a small generator of its own (splitmix64), so that the same seed gives the same rows whatever Go's library
// does in later versions.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

// mix is the finalizer of splitmix64: every bit of the input reaches every bit of the result.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// upTo returns a number from 0 to n-1.
func (r *random) upTo(n int) int { return int(r.next() % uint64(n)) }

// between returns a number from low to high, both included.
func (r *random) between(low, high int) int { return low + r.upTo(high-low+1) }

func (r *random) pick(from []string) string { return from[r.upTo(len(from))] }

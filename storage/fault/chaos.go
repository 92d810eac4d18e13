package fault

import (
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"starkeep/storage"
)

// Chaos makes calls fail by chance, as calls over a bad network do: nothing happens, or it happens and the answer is lost,
// or a stream breaks, each with storage.ErrUnavailable; or it only takes longer. A seed chooses for the n-th call of a
// method on a key, whatever runs beside it. One Chaos serves all handles of a place; it is safe for concurrent use.
type Chaos struct {
	seed   uint64
	chance float64

	mu     sync.Mutex
	dead   bool
	seen   map[Call]uint64
	counts map[string]int64
}

// NewChaos returns a Chaos that strikes with the given chance, from 0 to 1.
func NewChaos(seed uint64, chance float64) *Chaos {
	return &Chaos{seed: seed, chance: chance, seen: map[Call]uint64{}, counts: map[string]int64{}}
}

// Wrap returns b as it looks through the chaos.
func (c *Chaos) Wrap(b storage.Bucket) storage.Bucket { return &Bucket{Bucket: b, chaos: c} }

// Counts returns how many faults have struck: refused, lost (the answer), cut, delayed.
func (c *Chaos) Counts() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// Dead runs do while every call fails.
func (c *Chaos) Dead(do func()) {
	c.die(true)
	defer c.die(false)
	do()
}

func (c *Chaos) die(dead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = dead
}

// choose returns the fault for a call, or nil.
func (c *Chaos) choose(call Call) *Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return c.fault("dead", Fault{})
	}
	c.seen[call]++
	h := fnv.New64a()
	_, _ = h.Write([]byte(string(call.Method) + " " + call.Key)) // hash.Hash never fails
	source := rand.New(rand.NewPCG(c.seed, h.Sum64()+c.seen[call]))
	if source.Float64() >= c.chance {
		return nil
	}
	switch source.IntN(4) {
	case 0:
		return c.fault("refused", Fault{})
	case 1:
		return c.fault("lost", Fault{After: true})
	case 2:
		return c.fault("cut", Fault{Cut: 1 + source.Int64N(64<<10)})
	default:
		f := c.fault("delayed", Fault{Delay: time.Duration(source.Int64N(int64(20 * time.Millisecond)))})
		f.Err = nil
		return f
	}
}

func (c *Chaos) fault(kind string, f Fault) *Fault {
	f.Err = storage.ErrUnavailable
	f.struck = func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.counts[kind]++
	}
	return &f
}

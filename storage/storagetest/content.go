package storagetest

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"

	"starkeep/storage"
)

// generation numbers what is put under one key; absent is the generation of no object.
type generation int64

const absentNow generation = 0

// contents computes what any object of a run holds, so that nobody has to remember it.
type contents struct {
	seed uint64
	max  int64 // bytes of an object
}

func (c contents) source(key string, g generation) *rand.ChaCha8 {
	return rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%d %s %d", c.seed, key, g)))
}

// smallest is the size, in bytes, from which on two objects are never the same by chance.
const smallest = 16

// size gives empty objects, some of a few bytes, many of a few KiB, and large ones.
func (c contents) size(key string, g generation) int64 {
	source := rand.New(c.source(key, g))
	switch p := source.IntN(20); {
	case p == 0:
		return 0
	case p < 5:
		return smallest + source.Int64N(100)
	case p < 17:
		return smallest + source.Int64N(min(64<<10, c.max))
	default:
		return smallest + source.Int64N(c.max)
	}
}

// bytes returns what generation g of key holds.
func (c contents) bytes(key string, g generation) []byte {
	data := make([]byte, c.size(key, g))
	source := c.source(key, g)
	_ = source.Uint64()      // not the stream that gave the size
	_, _ = source.Read(data) // ChaCha8 never fails
	return data
}

func (c contents) body(key string, g generation) storage.Body {
	return storage.BytesBody(c.bytes(key, g))
}

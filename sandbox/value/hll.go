package value

import (
	"encoding/binary"
	"maps"
	"math"
	"math/bits"
	"slices"
)

// Forms and limits of a serialised HLL (be:types/hll.h, be:types/constexpr.h).
const (
	hllEmpty     = 0
	hllExplicit  = 1
	hllSparse    = 2
	hllFull      = 3
	hllPrecision = 14
	hllRegisters = 1 << hllPrecision
	hllHashes    = 160  // that many hashes are kept as they are
	hllNonZero   = 4096 // that many registers are written one by one
)

// HLL is a HyperLogLog sketch: hashes, or registers when there were too many of them.
type HLL struct {
	hashes    map[uint64]bool
	registers []byte
}

// Add adds a hash.
func (h *HLL) Add(hash uint64) {
	if h.registers == nil {
		if h.hashes == nil {
			h.hashes = map[uint64]bool{}
		}
		h.hashes[hash] = true
		if len(h.hashes) > hllHashes {
			h.convert()
		}
		return
	}
	at := hash % hllRegisters
	rest := hash>>hllPrecision | 1<<(64-hllPrecision)
	h.registers[at] = max(h.registers[at], byte(bits.TrailingZeros64(rest)+1))
}

func (h *HLL) convert() {
	if h.registers != nil {
		return
	}
	hashes := h.hashes
	h.hashes, h.registers = nil, make([]byte, hllRegisters)
	for v := range hashes {
		h.Add(v)
	}
}

// Union adds what another sketch has seen.
func (h *HLL) Union(o HLL) {
	for v := range o.hashes {
		h.Add(v)
	}
	if o.registers != nil {
		h.convert()
		for i, r := range o.registers {
			h.registers[i] = max(h.registers[i], r)
		}
	}
}

// Serialize is what hll_serialize returns. Hashes come sorted; in the original they come in the order of a hash table.
func (h *HLL) Serialize() []byte {
	if h.registers == nil {
		if len(h.hashes) == 0 {
			return []byte{hllEmpty}
		}
		dst := []byte{hllExplicit, byte(len(h.hashes))}
		for _, v := range slices.Sorted(maps.Keys(h.hashes)) {
			dst = binary.LittleEndian.AppendUint64(dst, v)
		}
		return dst
	}
	var set []int
	for i, r := range h.registers {
		if r != 0 {
			set = append(set, i)
		}
	}
	if len(set) > hllNonZero {
		return append([]byte{hllFull}, h.registers...)
	}
	dst := binary.LittleEndian.AppendUint32([]byte{hllSparse}, uint32(len(set)))
	for _, i := range set {
		dst = append(binary.LittleEndian.AppendUint16(dst, uint16(i)), h.registers[i])
	}
	return dst
}

// ParseHLL reads a serialised sketch; what is none is an empty one, as hll_deserialize does (HyperLogLog::deserialize).
func ParseHLL(s []byte) (h HLL) {
	switch {
	case len(s) >= 2 && s[0] == hllExplicit && len(s) == 2+8*int(s[1]):
		for s = s[2:]; len(s) > 0; s = s[8:] {
			h.Add(binary.LittleEndian.Uint64(s))
		}
	case len(s) >= 5 && s[0] == hllSparse && uint64(len(s)) == 5+3*uint64(binary.LittleEndian.Uint32(s[1:])):
		h.registers = make([]byte, hllRegisters)
		for s = s[5:]; len(s) > 0; s = s[3:] {
			h.registers[binary.LittleEndian.Uint16(s)%hllRegisters] = s[2]
		}
	case len(s) == 1+hllRegisters && s[0] == hllFull:
		h.registers = slices.Clone(s[1:])
	}
	return h
}

// Cardinality estimates how many different values were seen (HyperLogLog::estimate_cardinality without its table of
// corrections for small sketches of registers, so numbers may differ by a percent).
func (h *HLL) Cardinality() int64 {
	if h.registers == nil {
		return int64(len(h.hashes))
	}
	const n = float64(hllRegisters)
	sum, zero := 0.0, 0.0
	for _, r := range h.registers {
		sum += math.Pow(2, -float64(r))
		if r == 0 {
			zero++
		}
	}
	estimate := 0.7213 / (1 + 1.079/n) * n * n / sum
	if zero > 0 && estimate <= 2.5*n {
		estimate = n * math.Log(n/zero)
	}
	return int64(estimate + 0.5)
}

// murmurSeed and murmurPrime are HashUtil's (be:base/hash/hash_util.hpp).
const (
	murmurSeed  = 0xadc83b19
	murmurPrime = 0xc6a4a7935bd1e995
)

// Murmur64A is the hash that hll_hash takes of a text.
func Murmur64A(s []byte) uint64 {
	const shift = 47
	h := murmurSeed ^ uint64(len(s))*murmurPrime
	for ; len(s) >= 8; s = s[8:] {
		k := binary.LittleEndian.Uint64(s) * murmurPrime
		k = (k ^ k>>shift) * murmurPrime
		h = (h ^ k) * murmurPrime
	}
	if len(s) > 0 {
		var last [8]byte
		copy(last[:], s)
		h = (h ^ binary.LittleEndian.Uint64(last[:])) * murmurPrime
	}
	h = (h ^ h>>shift) * murmurPrime
	return h ^ h>>shift
}

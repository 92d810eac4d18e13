package expression

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"strconv"

	"starkeep/sandbox/value"
)

// sketches are functions of BITMAP and HLL.
var sketches = map[string]function{
	"to_bitmap": {min: 1, max: 1, args: []Type{varchar}, make: returns(bitmap, func(_ []byte, v [][]byte) []byte {
		n, err := strconv.ParseUint(string(bytes.TrimSpace(v[0])), 10, 64)
		if err != nil {
			return nil
		}
		return value.Bitmap{n}.Serialize()
	})},
	"bitmap_empty":       {make: returns(bitmap, func([]byte, [][]byte) []byte { return value.Bitmap{}.Serialize() })},
	"bitmap_hash":        {min: 1, max: 1, lenient: true, args: []Type{varchar}, make: returns(bitmap, bitmapHash)},
	"bitmap_from_string": {min: 1, max: 1, args: []Type{varchar}, make: returns(bitmap, func(_ []byte, v [][]byte) []byte { return serialized(value.BitmapFromString(v[0])) })},
	"bitmap_from_binary": {min: 1, max: 1, args: []Type{varbinary}, make: returns(bitmap, func(_ []byte, v [][]byte) []byte { return serialized(value.ParseBitmap(v[0])) })},
	"bitmap_to_binary":   {min: 1, max: 1, args: []Type{bitmap}, make: returns(varbinary, func(dst []byte, v [][]byte) []byte { return append(dst, v[0]...) })},
	"bitmap_to_base64":   {min: 1, max: 1, args: []Type{bitmap}, make: returns(varchar, func(dst []byte, v [][]byte) []byte { return base64.StdEncoding.AppendEncode(dst, v[0]) })},
	"base64_to_bitmap":   {min: 1, max: 1, args: []Type{varchar}, make: returns(bitmap, base64ToBitmap)},
	"bitmap_to_string":   {min: 1, max: 1, args: []Type{bitmap}, make: returns(varchar, func(dst []byte, v [][]byte) []byte { return append(dst, parsed(v[0]).String()...) })},
	"bitmap_count":       {min: 1, max: 1, args: []Type{bitmap}, make: returns(bigint, func(dst []byte, v [][]byte) []byte { return strconv.AppendInt(dst, int64(len(parsed(v[0]))), 10) })},
	"bitmap_or": {min: 2, max: -1, args: []Type{bitmap}, make: returns(bitmap, func(_ []byte, v [][]byte) []byte {
		all := parsed(v[0])
		for _, b := range v[1:] {
			all = all.Union(parsed(b))
		}
		return all.Serialize()
	})},
	"bitmap_contains": {min: 2, max: 2, args: []Type{bitmap, varchar}, make: returns(boolean, func(_ []byte, v [][]byte) []byte {
		n, err := strconv.ParseUint(string(v[1]), 10, 64)
		for _, e := range parsed(v[0]) {
			if err == nil && e == n {
				return boolValue(true)
			}
		}
		return boolValue(false)
	})},
	"bitmap_to_array": {min: 1, max: 1, args: []Type{bitmap}, make: returns(Type{Name: "ARRAY", Elements: []Type{bigint}}, func(dst []byte, v [][]byte) []byte {
		for _, e := range parsed(v[0]) {
			dst = value.Append(dst, strconv.AppendInt(nil, int64(e), 10))
		}
		return dst
	})},
	"hll_empty":     {make: returns(hll, func([]byte, [][]byte) []byte { return (&value.HLL{}).Serialize() })},
	"hll_hash":      {min: 1, max: 1, lenient: true, args: []Type{varchar}, make: returns(hll, hllHash)},
	"hll_serialize": {min: 1, max: 1, args: []Type{hll}, make: returns(varchar, func(dst []byte, v [][]byte) []byte { return append(dst, v[0]...) })},
	// hll_deserialize of NULL, and of what is none, is an empty sketch, not NULL (be:exprs/hyperloglog_functions.cpp)
	"hll_deserialize": {min: 1, max: 1, lenient: true, args: []Type{varchar}, make: returns(hll, func(_ []byte, v [][]byte) []byte {
		h := value.ParseHLL(v[0])
		return h.Serialize()
	})},
	"hll_cardinality": {min: 1, max: 1, args: []Type{hll}, make: returns(bigint, func(dst []byte, v [][]byte) []byte {
		h := value.ParseHLL(v[0])
		return strconv.AppendInt(dst, h.Cardinality(), 10)
	})},
	"percentile_hash":  {min: 1, max: 1, make: returns(Type{Name: "PERCENTILE"}, func(dst []byte, v [][]byte) []byte { return append(dst, v[0]...) })},
	"percentile_empty": {make: returns(Type{Name: "PERCENTILE"}, func(dst []byte, _ [][]byte) []byte { return dst })},
}

func serialized(b value.Bitmap, ok bool) []byte {
	if !ok {
		return nil
	}
	return b.Serialize()
}

// parsed reads a stored bitmap, which is one.
func parsed(v []byte) value.Bitmap {
	b, _ := value.ParseBitmap(v)
	return b
}

// base64ToBitmap takes what is decoded without looking at it in the original; the sandbox keeps no damaged bitmap: NULL.
func base64ToBitmap(_ []byte, v [][]byte) []byte {
	raw, err := base64.StdEncoding.DecodeString(string(v[0]))
	if err != nil {
		return nil
	}
	return serialized(value.ParseBitmap(raw))
}

// hllHash of NULL is an empty sketch (be:exprs/hyperloglog_functions.cpp).
func hllHash(_ []byte, v [][]byte) []byte {
	h := value.HLL{}
	if v[0] != nil {
		h.Add(value.Murmur64A(v[0]))
	}
	return h.Serialize()
}

// bitmapHash of NULL is an empty bitmap.
func bitmapHash(_ []byte, v [][]byte) []byte {
	if v[0] == nil {
		return value.Bitmap{}.Serialize()
	}
	return value.Bitmap{uint64(murmur3(v[0]))}.Serialize()
}

// murmur3 is MurmurHash3_x86_32 with the seed of HashUtil::MURMUR3_32_SEED.
func murmur3(s []byte) uint32 {
	const seed, c1, c2 = 104729, 0xcc9e2d51, 0x1b873593
	h, n := uint32(seed), uint32(len(s))
	for ; len(s) >= 4; s = s[4:] {
		k := bits.RotateLeft32(binary.LittleEndian.Uint32(s)*c1, 15) * c2
		h = bits.RotateLeft32(h^k, 13)*5 + 0xe6546b64
	}
	if len(s) > 0 {
		var last [4]byte
		copy(last[:], s)
		h ^= bits.RotateLeft32(binary.LittleEndian.Uint32(last[:])*c1, 15) * c2
	}
	h ^= n
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

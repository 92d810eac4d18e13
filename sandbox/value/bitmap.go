package value

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// Type codes of a serialised BITMAP (be:types/bitmap_value_detail.h BitmapTypeCode).
const (
	bitmapEmpty    = 0
	bitmapSingle32 = 1
	bitmap32       = 2
	bitmapSingle64 = 3
	bitmap64       = 4
	bitmapSet      = 10
	bitmap32v2     = 12
	bitmap64v2     = 13
)

// setLimit is how many elements the form SET holds before it becomes a roaring bitmap (be:types/bitmap_value.cpp).
const setLimit = 32

// Bitmap is a set of unsigned integers, sorted.
type Bitmap []uint64

// NewBitmap sorts elements into a set; they are changed.
func NewBitmap(elements []uint64) Bitmap {
	slices.Sort(elements)
	return slices.Compact(elements)
}

// Union returns the elements of both.
func (b Bitmap) Union(o Bitmap) Bitmap { return NewBitmap(slices.Concat(b, o)) }

// Serialize is what bitmap_to_binary returns. The form follows from the number of elements as it does when they are
// added one by one; unlike the original's, the elements of a SET come sorted (there in the order of a hash table), and
// roaring containers are never run-length encoded.
func (b Bitmap) Serialize() []byte {
	switch n := len(b); {
	case n == 0:
		return []byte{bitmapEmpty}
	case n == 1 && b[0] <= math.MaxUint32:
		return binary.LittleEndian.AppendUint32([]byte{bitmapSingle32}, uint32(b[0]))
	case n == 1:
		return binary.LittleEndian.AppendUint64([]byte{bitmapSingle64}, b[0])
	case n <= setLimit:
		dst := binary.LittleEndian.AppendUint32([]byte{bitmapSet}, uint32(n))
		for _, v := range b {
			dst = binary.LittleEndian.AppendUint64(dst, v)
		}
		return dst
	case b[n-1] <= math.MaxUint32:
		return appendRoaring([]byte{bitmap32}, b)
	}
	var groups []Bitmap
	for at := 0; at < len(b); {
		end := at
		for end < len(b) && b[end]>>32 == b[at]>>32 {
			end++
		}
		groups, at = append(groups, b[at:end]), end
	}
	dst := binary.AppendUvarint([]byte{bitmap64}, uint64(len(groups)))
	for _, g := range groups {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(g[0]>>32))
		dst = appendRoaring(dst, g)
	}
	return dst
}

// ParseBitmap reads a serialised bitmap; it fails where bitmap_from_binary gives NULL (BitmapValue::valid_and_deserialize).
// Bytes behind a complete bitmap are ignored, as there.
func ParseBitmap(s []byte) (Bitmap, bool) {
	if len(s) == 0 {
		return nil, false
	}
	payload := s[1:]
	switch s[0] {
	case bitmapEmpty:
		return Bitmap{}, true
	case bitmapSingle32:
		if len(payload) < 4 {
			return nil, false
		}
		return Bitmap{uint64(binary.LittleEndian.Uint32(payload))}, true
	case bitmapSingle64:
		if len(payload) < 8 {
			return nil, false
		}
		return Bitmap{binary.LittleEndian.Uint64(payload)}, true
	case bitmapSet:
		return parseSet(payload)
	case bitmap32, bitmap32v2:
		elements, _, ok := parseRoaring(nil, payload, 0, s[0] == bitmap32v2)
		return NewBitmap(elements), ok
	case bitmap64, bitmap64v2:
		return parseGroups(payload, s[0] == bitmap64v2)
	}
	return nil, false
}

func parseSet(s []byte) (Bitmap, bool) {
	if len(s) < 4 {
		return nil, false
	}
	n := binary.LittleEndian.Uint32(s)
	if s = s[4:]; uint64(len(s)) < 8*uint64(n) {
		return nil, false
	}
	elements := make([]uint64, n)
	for i := range elements {
		elements[i] = binary.LittleEndian.Uint64(s[8*i:])
	}
	return NewBitmap(elements), true
}

func parseGroups(s []byte, second bool) (Bitmap, bool) {
	n, size := binary.Uvarint(s)
	if size <= 0 {
		return nil, false
	}
	var elements []uint64
	for s = s[size:]; n > 0; n-- {
		if len(s) < 4 {
			return nil, false
		}
		high := uint64(binary.LittleEndian.Uint32(s)) << 32
		var ok bool
		if elements, s, ok = parseRoaring(elements, s[4:], high, second); !ok {
			return nil, false
		}
	}
	return NewBitmap(elements), true
}

// Cookies of the portable roaring format (github.com/RoaringBitmap/RoaringFormatSpec).
const (
	cookieNoRuns = 12346
	cookieRuns   = 12347
	arrayLimit   = 4096 // elements of a container that is an array
	fewRuns      = 4    // below that many containers, one with runs has no offsets
)

// appendRoaring writes elements with the same upper half in the portable format.
func appendRoaring(dst []byte, elements Bitmap) []byte {
	var containers []Bitmap
	for at := 0; at < len(elements); {
		end := at
		for end < len(elements) && elements[end]>>16 == elements[at]>>16 {
			end++
		}
		containers, at = append(containers, elements[at:end]), end
	}
	dst = binary.LittleEndian.AppendUint32(dst, cookieNoRuns)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(containers)))
	for _, c := range containers {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(c[0]>>16))
		dst = binary.LittleEndian.AppendUint16(dst, uint16(len(c)-1))
	}
	offset := uint32(8 + 8*len(containers))
	for _, c := range containers {
		dst = binary.LittleEndian.AppendUint32(dst, offset)
		offset += uint32(min(2*len(c), 8192))
	}
	for _, c := range containers {
		if len(c) <= arrayLimit {
			for _, v := range c {
				dst = binary.LittleEndian.AppendUint16(dst, uint16(v))
			}
			continue
		}
		var bits [8192]byte
		for _, v := range c {
			bits[uint16(v)/8] |= 1 << (v % 8)
		}
		dst = append(dst, bits[:]...)
	}
	return dst
}

// parseRoaring adds the elements of one roaring bitmap and returns what is behind it. The second serialisation is CRoaring's
// own: a byte before an array of 32-bit integers or before the portable format.
func parseRoaring(into []uint64, s []byte, high uint64, second bool) (elements []uint64, rest []byte, ok bool) {
	if second {
		if len(s) == 0 {
			return nil, nil, false
		}
		if s[0] == 1 {
			return parseArray32(into, s[1:], high)
		}
		s = s[1:]
	}
	if len(s) < 8 {
		return nil, nil, false
	}
	cookie, n, at := binary.LittleEndian.Uint32(s), 0, 8
	var runs []byte
	switch {
	case cookie == cookieNoRuns:
		n = int(binary.LittleEndian.Uint32(s[4:]))
	case cookie&0xffff == cookieRuns:
		n, at = int(cookie>>16)+1, 4
		if len(s) < at+(n+7)/8 {
			return nil, nil, false
		}
		runs = s[at : at+(n+7)/8]
		at += len(runs)
	default:
		return nil, nil, false
	}
	if n > 1<<16 || len(s) < at+4*n {
		return nil, nil, false
	}
	header := s[at : at+4*n]
	if at += 4 * n; runs == nil || n >= fewRuns {
		at += 4 * n // offsets
	}
	if len(s) < at {
		return nil, nil, false
	}
	s = s[at:]
	for i := range n {
		base := high | uint64(binary.LittleEndian.Uint16(header[4*i:]))<<16
		size := int(binary.LittleEndian.Uint16(header[4*i+2:])) + 1
		isRun := runs != nil && runs[i/8]>>(i%8)&1 == 1
		if into, s, ok = parseContainer(into, s, base, size, isRun); !ok {
			return nil, nil, false
		}
	}
	return into, s, true
}

func parseArray32(into []uint64, s []byte, high uint64) ([]uint64, []byte, bool) {
	if len(s) < 4 {
		return nil, nil, false
	}
	n := uint64(binary.LittleEndian.Uint32(s))
	if s = s[4:]; uint64(len(s)) < 4*n {
		return nil, nil, false
	}
	for i := range n {
		into = append(into, high|uint64(binary.LittleEndian.Uint32(s[4*i:])))
	}
	return into, s[4*n:], true
}

func parseContainer(into []uint64, s []byte, base uint64, size int, isRun bool) ([]uint64, []byte, bool) {
	switch {
	case isRun:
		if len(s) < 2 {
			return nil, nil, false
		}
		n := int(binary.LittleEndian.Uint16(s))
		if s = s[2:]; len(s) < 4*n {
			return nil, nil, false
		}
		for i := range n {
			start, more := uint64(binary.LittleEndian.Uint16(s[4*i:])), uint64(binary.LittleEndian.Uint16(s[4*i+2:]))
			for v := start; v <= start+more && v <= math.MaxUint16; v++ {
				into = append(into, base|v)
			}
		}
		return into, s[4*n:], true
	case size <= arrayLimit:
		if len(s) < 2*size {
			return nil, nil, false
		}
		for i := range size {
			into = append(into, base|uint64(binary.LittleEndian.Uint16(s[2*i:])))
		}
		return into, s[2*size:], true
	case len(s) < 8192:
		return nil, nil, false
	}
	for v := range uint64(1 << 16) {
		if s[v/8]>>(v%8)&1 == 1 {
			into = append(into, base|v)
		}
	}
	return into, s[8192:], true
}

// String prints the elements as bitmap_to_string does.
func (b Bitmap) String() string {
	var text []byte
	for i, v := range b {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendUint(text, v, 10)
	}
	return string(text)
}

// BitmapFromString reads numbers with commas between them.
func BitmapFromString(s []byte) (Bitmap, bool) {
	var elements []uint64
	for _, part := range bytes.Split(s, []byte{','}) {
		v, err := strconv.ParseUint(string(trimSpace(part)), 10, 64)
		if err != nil {
			return nil, false
		}
		elements = append(elements, v)
	}
	return NewBitmap(elements), true
}

package dataobject

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/format"
)

// The content of a data page: definition levels if the column is optional, then the values.
//
//	boolean                 PLAIN                    bits
//	int32, int64            DELTA_BINARY_PACKED      small, and leaves the compressor little to do
//	float, double, fixed    PLAIN
//	byte arrays             RLE_DICTIONARY           if few values repeat
//	                        DELTA_LENGTH_BYTE_ARRAY  else: lengths, then all bytes in one piece

var packed delta.BinaryPackedEncoding

// appendLevels appends the definition levels of a page: one bit a row, 0 for NULL. A run of equal levels if there is
// no NULL, else one run of bits.
func appendLevels(dst []byte, c *column) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if c.nulls == 0 {
		dst = append(binary.AppendUvarint(dst, uint64(c.rows())<<1), 1)
	} else {
		dst = binary.AppendUvarint(dst, uint64((c.rows()+7)/8)<<1|1)
		dst = appendBits(dst, c.null, func(null bool) byte {
			if null {
				return 0
			}
			return 1
		})
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// readLevels is the inverse of appendLevels. It sets null and nulls of c and returns the rest of the page.
func readLevels(page []byte, c *column, rows int) ([]byte, error) {
	c.null = resize(c.null, rows)
	c.nulls = 0
	if !c.Optional {
		clear(c.null)
		return page, nil
	}
	if len(page) < 4 || uint64(len(page)-4) < uint64(binary.LittleEndian.Uint32(page)) {
		return nil, fmt.Errorf("%w: levels are cut", ErrDamaged)
	}
	levels, rest := page[4:4+binary.LittleEndian.Uint32(page)], page[4+binary.LittleEndian.Uint32(page):]
	run, n := binary.Uvarint(levels)
	if n <= 0 {
		return nil, fmt.Errorf("%w: levels are cut", ErrDamaged)
	}
	levels = levels[n:]
	switch {
	case run == uint64(rows)<<1 && len(levels) == 1 && levels[0] == 1:
		clear(c.null)
	case run == uint64((rows+7)/8)<<1|1 && len(levels) == (rows+7)/8:
		for i := range c.null {
			c.null[i] = levels[i>>3]>>(i&7)&1 == 0
			if c.null[i] {
				c.nulls++
			}
		}
	default:
		return nil, fmt.Errorf("%w: levels do not fit %d rows", ErrDamaged, rows)
	}
	return rest, nil
}

// appendBits packs one bit a value, the first into the lowest bit.
func appendBits[T any](dst []byte, values []T, bit func(T) byte) []byte {
	for len(values) > 0 {
		n := min(8, len(values))
		var b byte
		for i, v := range values[:n] {
			b |= bit(v) << i
		}
		dst = append(dst, b)
		values = values[n:]
	}
	return dst
}

// appendValues appends the values of c as encoding says, which is not the one with a dictionary.
func appendValues(dst []byte, c *column, s *scratch) ([]byte, format.Encoding) {
	switch c.kind {
	case format.Boolean:
		return appendBits(dst, c.bytes, func(b byte) byte { return b }), format.Plain
	case format.Int32:
		s.packed, _ = packed.EncodeInt32(s.packed, c.int32s) // never fails
		return append(dst, s.packed...), format.DeltaBinaryPacked
	case format.Int64:
		s.packed, _ = packed.EncodeInt64(s.packed, c.int64s)
		return append(dst, s.packed...), format.DeltaBinaryPacked
	case format.Float:
		for _, f := range c.floats {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(f))
		}
		return dst, format.Plain
	case format.Double:
		for _, f := range c.doubles {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
		}
		return dst, format.Plain
	case format.FixedLenByteArray:
		return append(dst, c.bytes...), format.Plain
	default:
		s.int32s = resize(s.int32s, len(c.ends))
		start := uint32(0)
		for i, end := range c.ends {
			s.int32s[i] = int32(end - start)
			start = end
		}
		s.packed, _ = packed.EncodeInt32(s.packed, s.int32s)
		return append(append(dst, s.packed...), c.bytes...), format.DeltaLengthByteArray
	}
}

// readValues is the inverse of appendValues; c has its NULLs already. What it keeps for byte arrays is a part of page.
func readValues(page []byte, c *column, encoding format.Encoding, s *scratch) (err error) {
	n := c.rows() - c.nulls
	expect := func(e format.Encoding, size int) bool { return encoding == e && len(page) == size }
	switch c.kind {
	case format.Boolean:
		if !expect(format.Plain, (n+7)/8) {
			return errValues(c)
		}
		c.bytes = resize(c.bytes, n)
		for i := range c.bytes {
			c.bytes[i] = page[i>>3] >> (i & 7) & 1
		}
	case format.Int32:
		if size, ok := packedSize(page, n, 32); !ok || !expect(format.DeltaBinaryPacked, size) {
			return errValues(c)
		}
		c.int32s, err = packed.DecodeInt32(c.int32s[:0], page)
		err = checkRange(c, c.int32s, err)
	case format.Int64:
		if size, ok := packedSize(page, n, 64); !ok || !expect(format.DeltaBinaryPacked, size) {
			return errValues(c)
		}
		c.int64s, err = packed.DecodeInt64(c.int64s[:0], page)
		err = checkRange(c, c.int64s, err)
	case format.Float:
		if !expect(format.Plain, 4*n) {
			return errValues(c)
		}
		c.floats = resize(c.floats, n)
		for i := range c.floats {
			c.floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(page[4*i:]))
		}
	case format.Double:
		if !expect(format.Plain, 8*n) {
			return errValues(c)
		}
		c.doubles = resize(c.doubles, n)
		for i := range c.doubles {
			c.doubles[i] = math.Float64frombits(binary.LittleEndian.Uint64(page[8*i:]))
		}
	case format.FixedLenByteArray:
		if !expect(format.Plain, 16*n) {
			return errValues(c)
		}
		c.bytes = append(c.bytes[:0], page...)
	default:
		size, ok := packedSize(page, n, 32)
		if !ok || encoding != format.DeltaLengthByteArray {
			return errValues(c)
		}
		if s.int32s, err = packed.DecodeInt32(s.int32s[:0], page[:size]); err != nil || len(s.int32s) != n {
			return errValues(c)
		}
		c.bytes = append(c.bytes[:0], page[size:]...)
		return setEnds(c, s.int32s)
	}
	return err
}

// setEnds computes where byte arrays of the given lengths end, and checks that they cover c.bytes.
func setEnds(c *column, lengths []int32) error {
	c.ends = resize(c.ends, len(lengths))
	var end uint64
	for i, n := range lengths {
		end += uint64(uint32(n)) // a negative length makes the sum too large
		c.ends[i] = uint32(end)
	}
	if end != uint64(len(c.bytes)) {
		return errValues(c)
	}
	return nil
}

func errValues(c *column) error {
	return fmt.Errorf("%w: values of column %q do not fit its %d rows", ErrDamaged, c.Name, c.rows())
}

// checkRange makes sure that every value can be printed.
func checkRange[T int32 | int64](c *column, values []T, err error) error {
	if err != nil || len(values) != c.rows()-c.nulls {
		return errValues(c)
	}
	if len(values) == 0 || c.text.min == c.text.max {
		return nil
	}
	if int64(slices.Min(values)) < c.text.min || int64(slices.Max(values)) > c.text.max {
		return fmt.Errorf("%w: column %q has values beyond its type %s", ErrDamaged, c.Name, c.Type)
	}
	return nil
}

// Shape of DELTA_BINARY_PACKED as the encoder makes it.
const (
	blockValues     = 128
	miniBlocks      = 4
	miniBlockValues = blockValues / miniBlocks
)

// packedSize walks over n integers in DELTA_BINARY_PACKED and returns how many bytes they take. It makes sure of what
// the decoder takes for granted: the number of values, the shape, the widths, and that nothing is cut.
func packedSize(page []byte, n, maxWidth int) (size int, ok bool) {
	rest := page
	next := func() uint64 {
		u, k := binary.Uvarint(rest)
		if k <= 0 {
			ok = false
			return 0
		}
		rest = rest[k:]
		return u
	}
	ok = true
	if shape := [3]uint64{next(), next(), next()}; shape != [3]uint64{blockValues, miniBlocks, uint64(n)} {
		return 0, false
	}
	next() // first value
	for left := n - 1; left > 0 && ok; left -= blockValues {
		next() // least delta
		if len(rest) < miniBlocks {
			return 0, false
		}
		widths := rest[:miniBlocks]
		rest = rest[miniBlocks:]
		for i, width := range widths {
			bytes := int(width) * miniBlockValues / 8
			if int(width) > maxWidth || bytes > len(rest) || width > 0 && i*miniBlockValues >= left {
				return 0, false
			}
			rest = rest[bytes:]
		}
	}
	return len(page) - len(rest), ok
}

// width returns the number of bits that hold numbers below n.
func width(n int) int { return bits.Len(uint(max(n-1, 0))) }

// resize returns s with the given length and undefined content.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		s = make([]T, n+n/8)
	}
	return s[:n]
}

// scratch is memory that all columns of an encoder or decoder share.
type scratch struct {
	page   []byte
	packed []byte
	int32s []int32
}

package starrocks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Kinds of serialised bitmaps (be:types/bitmap_value_detail.h BitmapTypeCode).
const (
	bitmapEmpty  = 0
	bitmap32     = 2 // one roaring bitmap in the portable format (github.com/RoaringBitmap/RoaringFormatSpec)
	bitmap64     = 4 // number (varint), then {high 32 bits, roaring bitmap}
	bitmapSet    = 10
	bitmap32Wide = 12 // as bitmap32, and each roaring bitmap behind a byte that says how it is written
	bitmap64Wide = 13

	roaringValues     = 1 // number, then 32 bits each (CRoaring SERIALIZATION_ARRAY_UINT32)
	roaringContainers = 2 // the portable format

	cookieRuns     = 12347 // low 16 bits of the cookie when there are run containers
	cookieNoRuns   = 12346
	containersMost = 1 << 16
	arrayMost      = 4096 // values of an array container; one with more is 8192 bytes of bits
	offsetsFrom    = 4    // containers from which a bitmap with runs has offsets
)

var errBitmap = errors.New("bitmap of an unknown form")

// sortSet brings the values of a small bitmap into order: the server writes them in the order of a hash table
// (be:types/bitmap_value.cpp write), and equal values shall be equal bytes.
func sortSet(v []byte) {
	const head = 5
	if len(v) > head && v[0] == bitmapSet {
		sortIntegers(v[head:])
	}
}

// sortHash does the same for a small HLL: type 1, a number, and hashes (be:types/hll.cpp serialize).
func sortHash(v []byte) {
	const head, explicit = 2, 1
	if len(v) > head && v[0] == explicit {
		sortIntegers(v[head:])
	}
}

// sortIntegers sorts integers of 8 bytes.
func sortIntegers(v []byte) {
	list := make([]uint64, len(v)/8)
	for i := range list {
		list[i] = binary.LittleEndian.Uint64(v[8*i:])
	}
	slices.Sort(list)
	for i, x := range list {
		binary.LittleEndian.PutUint64(v[8*i:], x)
	}
}

// splitBitmap cuts a serialised bitmap into ones of at most limit bytes, whose union it is.
func splitBitmap(v []byte, limit int) ([][]byte, error) {
	if len(v) <= limit {
		return [][]byte{v}, nil
	}
	s := splitter{limit: limit}
	var err error
	switch v[0] {
	case bitmap32, bitmap32Wide:
		_, err = s.roaring(v[1:], 0, v[0] == bitmap32Wide)
	case bitmap64, bitmap64Wide:
		n, size := binary.Uvarint(v[1:])
		rest := v[1+max(size, 0):]
		for range n {
			if size <= 0 || len(rest) < 4 {
				return nil, errBitmap
			}
			if rest, err = s.roaring(rest[4:], binary.LittleEndian.Uint32(rest), v[0] == bitmap64Wide); err != nil {
				return nil, err
			}
		}
	default:
		err = fmt.Errorf("type %d: %w", v[0], errBitmap)
	}
	return s.pieces, err
}

type splitter struct {
	limit  int
	pieces [][]byte
}

// roaring cuts the roaring bitmap that v begins with, and returns what follows it.
func (s *splitter) roaring(v []byte, high uint32, wide bool) ([]byte, error) {
	if wide {
		if len(v) < 5 {
			return nil, errBitmap
		}
		form := v[0]
		v = v[1:]
		if form == roaringValues {
			return s.values(v, high)
		}
	}
	list, rest, err := containersOf(v)
	if err != nil {
		return nil, err
	}
	for len(list) > 0 {
		n, size := 0, 64 // at most: type, number, high bits, cookie, the last byte of flags
		for n < len(list) && size+list[n].size() <= s.limit {
			size += list[n].size()
			n++
		}
		if n == 0 {
			return nil, fmt.Errorf("container of %d bytes: %w", len(list[0].data), errBitmap)
		}
		s.pieces = append(s.pieces, piece(list[:n], high))
		list = list[n:]
	}
	return rest, nil
}

// values cuts a roaring bitmap that is written as a list of its values.
func (s *splitter) values(v []byte, high uint32) ([]byte, error) {
	n := int64(binary.LittleEndian.Uint32(v))
	v = v[4:]
	if n*4 > int64(len(v)) {
		return nil, errBitmap
	}
	list, rest := v[:n*4], v[n*4:]
	for len(list) > 0 {
		size := min(len(list), (s.limit-16)/4*4)
		p := binary.LittleEndian.AppendUint32([]byte{bitmap64Wide, 1}, high)
		p = binary.LittleEndian.AppendUint32(append(p, roaringValues), uint32(size/4))
		s.pieces = append(s.pieces, append(p, list[:size]...))
		list = list[size:]
	}
	return rest, nil
}

// container is a part of a roaring bitmap: the values with the same bits 16 to 31.
type container struct {
	key, last uint16 // last is the number of values less one
	runs      bool
	data      []byte
}

// size is what a container takes, with its key, offset and flag.
func (c container) size() int { return len(c.data) + 9 }

// containersOf reads a roaring bitmap in the portable format.
func containersOf(v []byte) (list []container, rest []byte, err error) {
	head, flags, offsets, err := roaringHead(v)
	if err != nil {
		return nil, nil, err
	}
	n := len(head) / 4
	rest = v[offsets:]
	list = make([]container, n)
	for i := range list {
		c := container{key: binary.LittleEndian.Uint16(head[4*i:]), last: binary.LittleEndian.Uint16(head[4*i+2:])}
		c.runs = flags != nil && flags[i/8]>>(i%8)&1 == 1
		size := 8192
		switch {
		case c.runs && len(rest) < 2:
			return nil, nil, errBitmap
		case c.runs:
			size = 2 + 4*int(binary.LittleEndian.Uint16(rest))
		case int(c.last) < arrayMost:
			size = 2 * (int(c.last) + 1)
		}
		if size > len(rest) {
			return nil, nil, errBitmap
		}
		c.data, rest = rest[:size], rest[size:]
		list[i] = c
	}
	return list, rest, nil
}

// roaringHead finds the keys and numbers of a bitmap's containers, the flags of those that are runs, and where the first begins.
func roaringHead(v []byte) (head, flags []byte, first int, err error) {
	if len(v) < 8 {
		return nil, nil, 0, errBitmap
	}
	cookie := binary.LittleEndian.Uint32(v)
	n, at := int(binary.LittleEndian.Uint32(v[4:])), 8
	runs := cookie&0xffff == cookieRuns
	if runs {
		n, at = int(cookie>>16)+1, 4
	} else if cookie != cookieNoRuns || n > containersMost {
		return nil, nil, 0, errBitmap
	}
	if runs {
		if len(v) < at+(n+7)/8 {
			return nil, nil, 0, errBitmap
		}
		flags = v[at : at+(n+7)/8]
		at += len(flags)
	}
	first = at + 4*n
	if !runs || n >= offsetsFrom {
		first += 4 * n
	}
	if len(v) < first {
		return nil, nil, 0, errBitmap
	}
	return v[at : at+4*n], flags, first, nil
}

// piece serialises containers as a bitmap of its own.
func piece(list []container, high uint32) []byte {
	p := binary.LittleEndian.AppendUint32([]byte{bitmap64, 1}, high)
	start := len(p)
	p = binary.LittleEndian.AppendUint32(p, cookieRuns|uint32(len(list)-1)<<16)
	flags := make([]byte, (len(list)+7)/8)
	for i, c := range list {
		if c.runs {
			flags[i/8] |= 1 << (i % 8)
		}
	}
	p = append(p, flags...)
	for _, c := range list {
		p = binary.LittleEndian.AppendUint16(p, c.key)
		p = binary.LittleEndian.AppendUint16(p, c.last)
	}
	if len(list) >= offsetsFrom {
		offset := len(p) - start + 4*len(list)
		for _, c := range list {
			p = binary.LittleEndian.AppendUint32(p, uint32(offset))
			offset += len(c.data)
		}
	}
	for _, c := range list {
		p = append(p, c.data...)
	}
	return p
}

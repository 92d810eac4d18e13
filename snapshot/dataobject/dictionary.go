package dataobject

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/parquet-go/parquet-go/format"
)

// Limits of a dictionary. A column of more different values is cheaper without one: looking values up then costs
// more than it saves. The decision is made anew for each row group.
const (
	maxEntries    = 1 << 12
	maxEntryBytes = 255
	dictionaryBit = 13 // slots of the hash table: twice the entries
)

// dictionary finds the different values of a column of byte arrays.
type dictionary struct {
	slots   [1 << dictionaryBit]uint16 // entry + 1
	starts  []uint32                   // of the entries, in the column's bytes
	lengths []uint8
	indexes []uint16 // of all values
}

// build looks every value up and tells whether the dictionary is worth it.
func (d *dictionary) build(c *column) bool {
	clear(d.slots[:])
	d.starts, d.lengths = d.starts[:0], d.lengths[:0]
	d.indexes = resize(d.indexes, len(c.ends))
	start := uint32(0)
	for i, end := range c.ends {
		value := c.bytes[start:end]
		if len(value) > maxEntryBytes {
			return false
		}
		at := hashBytes(c.bytes, start, end) >> (64 - dictionaryBit)
		for {
			slot := d.slots[at]
			if slot == 0 {
				// Every new entry must have been preceded by as many repetitions, past a first run-in.
				n := len(d.starts)
				if n == maxEntries || n > 64 && 2*n > i {
					return false
				}
				d.starts, d.lengths = append(d.starts, start), append(d.lengths, uint8(len(value)))
				d.slots[at] = uint16(n + 1)
				d.indexes[i] = uint16(n)
				break
			}
			s := d.starts[slot-1]
			if int(d.lengths[slot-1]) == len(value) && bytes.Equal(c.bytes[s:int(s)+len(value)], value) {
				d.indexes[i] = slot - 1
				break
			}
			at = (at + 1) & (1<<dictionaryBit - 1)
		}
		start = end
	}
	return len(c.ends) > 0 && 2*len(d.starts) <= len(c.ends)
}

// hashBytes mixes a value: bytes [start, end) of data.
func hashBytes(data []byte, start, end uint32) uint64 {
	h := uint64(end-start) * 0x9e3779b97f4a7c15
	for end-start > 8 {
		h = mix(h ^ binary.LittleEndian.Uint64(data[start:]))
		start += 8
	}
	if end >= 8 {
		// The last word, without what is in front of the value.
		return mix(h ^ binary.LittleEndian.Uint64(data[end-8:])>>(64-8*(end-start)))
	}
	var w uint64
	for _, b := range data[start:end] {
		w = w<<8 | uint64(b)
	}
	return mix(h ^ bits.ReverseBytes64(w)>>(64-8*(end-start)))
}

func mix(u uint64) uint64 {
	hi, lo := bits.Mul64(u, 0xbf58476d1ce4e5b9)
	return (hi ^ lo) * 0x94d049bb133111eb
}

// appendEntries appends the dictionary page: PLAIN, a length of four bytes in front of each entry.
func (d *dictionary) appendEntries(dst []byte, c *column) []byte {
	for i, start := range d.starts {
		n := uint32(d.lengths[i])
		dst = binary.LittleEndian.AppendUint32(dst, n)
		dst = append(dst, c.bytes[start:start+n]...)
	}
	return dst
}

// appendIndexes appends the values of the data page: the width in one byte, then one run of bit-packed indexes.
func (d *dictionary) appendIndexes(dst []byte) []byte {
	w := width(len(d.starts))
	groups := (len(d.indexes) + 7) / 8
	dst = append(dst, byte(w))
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	end := len(dst) + groups*w
	var word uint64
	var n int
	for _, index := range d.indexes {
		word |= uint64(index) << n
		if n += w; n >= 32 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(word))
			word >>= 32
			n -= 32
		}
	}
	for ; len(dst) < end; word >>= 8 {
		dst = append(dst, byte(word))
	}
	return dst
}

// entries is a dictionary as it is read.
type entries struct {
	bytes []byte // and maxShort more
	ends  []uint32
}

func (e *entries) start(i int) uint32 {
	if i == 0 {
		return 0
	}
	return e.ends[i-1]
}

// maxShort is the length up to which entries are copied as one piece of fixed size, which is much faster than a call.
const maxShort = 16

// read parses a dictionary page of n entries.
func (e *entries) read(page []byte, n int) error {
	e.bytes, e.ends = e.bytes[:0], e.ends[:0]
	if n < 0 || n > maxEntries {
		return fmt.Errorf("%w: dictionary of %d entries", ErrDamaged, n)
	}
	for range n {
		if len(page) < 4 || uint64(len(page)-4) < uint64(binary.LittleEndian.Uint32(page)) {
			return fmt.Errorf("%w: dictionary is cut", ErrDamaged)
		}
		end := 4 + int(binary.LittleEndian.Uint32(page))
		if end-4 > maxEntryBytes {
			return fmt.Errorf("%w: dictionary has an entry of %d bytes", ErrDamaged, end-4)
		}
		e.bytes = append(e.bytes, page[4:end]...)
		e.ends = append(e.ends, uint32(len(e.bytes)))
		page = page[end:]
	}
	if len(page) != 0 {
		return fmt.Errorf("%w: dictionary has %d bytes too many", ErrDamaged, len(page))
	}
	e.bytes = append(e.bytes, make([]byte, maxShort)...)
	return nil
}

// readIndexes fills c with the entries that a data page names.
func (e *entries) readIndexes(page []byte, c *column, s *scratch) error {
	n := c.rows() - c.nulls
	groups := (n + 7) / 8
	if len(page) < 1 || int(page[0]) != width(len(e.ends)) || n > 0 && len(e.ends) == 0 {
		return errValues(c)
	}
	w := int(page[0])
	run, k := binary.Uvarint(page[1:])
	if k <= 0 || run != uint64(groups)<<1|1 || len(page) != 1+k+groups*w {
		return errValues(c)
	}
	page = page[1+k:]
	c.ends = resize(c.ends, n)
	s.int32s = resize(s.int32s, n) // the indexes
	var word uint64
	var have int
	var end uint32
	mask := uint64(1)<<w - 1
	for i := range c.ends {
		for have < w {
			word |= uint64(page[0]) << have
			page = page[1:]
			have += 8
		}
		index := int(word & mask)
		word >>= w
		have -= w
		if index >= len(e.ends) {
			return errValues(c)
		}
		s.int32s[i] = int32(index)
		end += e.ends[index] - e.start(index)
		c.ends[i] = end
	}
	c.bytes = resize(c.bytes, int(end)+maxShort)
	o := uint32(0)
	for i, index := range s.int32s {
		from, to := e.start(int(index)), e.ends[index]
		if to-from <= maxShort {
			*(*[maxShort]byte)(c.bytes[o:]) = *(*[maxShort]byte)(e.bytes[from:])
		} else {
			copy(c.bytes[o:], e.bytes[from:to])
		}
		o = c.ends[i]
	}
	c.bytes = c.bytes[:end]
	return nil
}

// encode appends the values of a byte array column to the data page, and the dictionary page if it has one.
func (d *dictionary) encode(dst, entries []byte, c *column) (values, dictionary []byte, ok bool) {
	if c.kind != format.ByteArray || !d.build(c) {
		return dst, entries, false
	}
	return d.appendIndexes(dst), d.appendEntries(entries, c), true
}

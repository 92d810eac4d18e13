package dataobject

import (
	"encoding/binary"
	"math/bits"
)

// zeros is eight digits "0"; a machine word holds eight digits of text, the first in its lowest byte.
const zeros = 0x3030303030303030

// isDigits tells whether all eight bytes of w are decimal digits.
func isDigits(w uint64) bool {
	return w&0xf0f0f0f0f0f0f0f0|(w+0x0606060606060606)&0xf0f0f0f0f0f0f0f0>>4 == 0x3333333333333333
}

// fromDigits returns the number that eight digits write. Neighbours are added in pairs: 8×1, 4×2, 2×4 digits.
func fromDigits(w uint64) uint64 {
	w -= zeros
	w = w*10 + w>>8
	return (w&0x000000ff000000ff*0x000f424000000064 + w>>16&0x000000ff000000ff*0x0000271000000001) >> 32
}

// toDigits is the inverse of fromDigits without the text offset: eight digits 0-9 of u, which is below 1e8.
func toDigits(u uint64) uint64 {
	hi := u / 10000
	w := hi | (u-hi*10000)<<32
	q := w * 10486 >> 20 & 0x0000007f0000007f
	w = q | (w-q*100)<<16
	q = w * 103 >> 10 & 0x000f000f000f000f
	return q | (w-q*10)<<8
}

// parseDigits reads data[start:end], which must be 1 to 19 digits.
func parseDigits(data []byte, start, end int) (u uint64, ok bool) {
	n := end - start
	if n <= 0 || n > 19 {
		return 0, false
	}
	if end < 8 { // no whole word in front of end: only the first values of a batch
		for _, c := range data[start:end] {
			if c < '0' || c > '9' {
				return 0, false
			}
			u = u*10 + uint64(c-'0')
		}
		return u, true
	}
	if n <= 8 {
		w := lastDigits(data, end, n)
		return fromDigits(w), isDigits(w)
	}
	if end < 16 || n > 16 {
		hi, ok1 := parseDigits(data, start, end-8)
		w := binary.LittleEndian.Uint64(data[end-8:])
		return hi*1e8 + fromDigits(w), ok1 && isDigits(w)
	}
	v, w := lastDigits(data, end-8, n-8), binary.LittleEndian.Uint64(data[end-8:])
	return fromDigits(v)*1e8 + fromDigits(w), isDigits(v) && isDigits(w)
}

// lastDigits returns the n bytes (1 to 8) in front of end, filled up with zeros on the left.
func lastDigits(data []byte, end, n int) uint64 {
	w := binary.LittleEndian.Uint64(data[end-8:])
	fill := uint64(1)<<(64-8*n) - 1 // n is 8: nothing to fill
	return w&^fill | zeros&fill
}

// parseInt reads data[start:end] as a canonical integer between min and max: no sign but "-", no leading zeros, no "-0".
func parseInt(data []byte, start, end int, min, max int64) (int64, bool) {
	if start == end {
		return 0, false
	}
	negative := data[start] == '-'
	if negative {
		start++
		if start == end || data[start] == '0' {
			return 0, false
		}
	}
	if data[start] == '0' && end-start > 1 {
		return 0, false
	}
	u, ok := parseDigits(data, start, end)
	if negative {
		return -int64(u), ok && u <= uint64(-(min+1))+1
	}
	return int64(u), ok && u <= uint64(max)
}

// maxIntText is the most room that putInt and putDecimal may write to, beyond what they return.
const maxIntText = 32

// putInt writes v at dst[o:], which has room for maxIntText bytes, and returns the offset behind it.
func putInt(dst []byte, o int, v int64) int {
	u := uint64(v)
	if v < 0 {
		dst[o] = '-'
		o++
		u = -u
	}
	return putUint(dst, o, u)
}

func putUint(dst []byte, o int, u uint64) int {
	if u < 10 { // whole columns are such: flags, counts, percentages
		dst[o] = '0' + byte(u)
		return o + 1
	}
	if u < 1e8 {
		w := toDigits(u)
		leading := bits.TrailingZeros64(w|1<<56) &^ 7
		binary.LittleEndian.PutUint64(dst[o:], (w|zeros)>>leading)
		return o + 8 - leading>>3
	}
	hi := u / 1e8
	o = putUint(dst, o, hi)
	binary.LittleEndian.PutUint64(dst[o:], toDigits(u-hi*1e8)|zeros)
	return o + 8
}

package dataobject

import (
	"encoding/binary"
	"math/bits"
)

var powersOf10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// splitDecimal finds the parts of a decimal text of the given scale: whole digits [start, dot), fraction [dot+1, end).
// It checks all of the canonical form but that the parts are digits and that the value is not "-0".
func splitDecimal(data []byte, start, end, precision, scale int) (first, dot int, negative, ok bool) {
	if start < end && data[start] == '-' {
		negative = true
		start++
	}
	dot = end
	if scale > 0 {
		dot = end - scale - 1
		if dot <= start || data[dot] != '.' {
			return 0, 0, false, false
		}
	}
	whole := dot - start
	if whole < 1 || whole > 1 && data[start] == '0' {
		return 0, 0, false, false
	}
	// The "0" in front of the dot does not count: decimal(2,2) prints 0.25.
	if whole+scale > precision && !(whole == 1 && data[start] == '0' && scale == precision) {
		return 0, 0, false, false
	}
	return start, dot, negative, true
}

// parseDecimal reads a canonical decimal of at most 18 digits as its unscaled value.
func parseDecimal(data []byte, start, end, precision, scale int) (int64, bool) {
	start, dot, negative, ok := splitDecimal(data, start, end, precision, scale)
	if !ok {
		return 0, false
	}
	u, ok := parseDigits(data, start, dot)
	if scale > 0 {
		fraction, ok2 := parseDigits(data, dot+1, end)
		u, ok = u*powersOf10[scale]+fraction, ok && ok2
	}
	if negative {
		return -int64(u), ok && u != 0
	}
	return int64(u), ok
}

// putDecimal writes the decimal of an unscaled value at dst[o:], which has room for maxIntText bytes; scale is at most 18.
func putDecimal(dst []byte, o int, v int64, scale int) int {
	if scale == 0 {
		return putInt(dst, o, v)
	}
	u := uint64(v)
	if v < 0 {
		dst[o] = '-'
		o++
		u = -u
	}
	if scale < 8 && u < 1e16 {
		return putShortDecimal(dst, o, u, scale)
	}
	whole := u / powersOf10[scale]
	o = putUint(dst, o, whole)
	dst[o] = '.'
	return putFixed(dst, o+1, u-whole*powersOf10[scale], scale)
}

// putShortDecimal does without a division by the scale, which is 1 to 7: it writes the digits one place too far to the
// left, as if there were no dot, and the fraction again behind it.
func putShortDecimal(dst []byte, o int, u uint64, scale int) int {
	hi := u / 1e8
	w := toDigits(u - hi*1e8)
	leading := 0
	if hi == 0 {
		leading = min(bits.TrailingZeros64(w|1<<56)>>3, 7-scale)
	} else {
		o = putUint(dst, o, hi)
	}
	w |= zeros
	binary.LittleEndian.PutUint64(dst[o:], w>>(8*leading))
	o += 8 - leading - scale
	dst[o] = '.'
	binary.LittleEndian.PutUint64(dst[o+1:], w>>(64-8*scale))
	return o + 1 + scale
}

// putFixed writes n digits of u (zeros in front included), which is below 10^n. It may write seven bytes beyond them.
func putFixed(dst []byte, o int, u uint64, n int) int {
	if n > 8 {
		hi := u / 1e8
		o = putFixed(dst, o, hi, n-8)
		u -= hi * 1e8
		n = 8
	}
	binary.LittleEndian.PutUint64(dst[o:], (toDigits(u)|zeros)>>(64-8*n))
	return o + n
}

// wide is a 128-bit number in two's complement.
type wide struct{ hi, lo uint64 }

func (w wide) negated() wide {
	lo, borrow := bits.Sub64(0, w.lo, 0)
	hi, _ := bits.Sub64(0, w.hi, borrow)
	return wide{hi, lo}
}

// times10 returns w·10^n + add, n at most 19; overflow is the caller's business.
func (w wide) times10(n int, add uint64) wide {
	hi, lo := bits.Mul64(w.lo, powersOf10[n])
	hi += w.hi * powersOf10[n]
	lo, carry := bits.Add64(lo, add, 0)
	return wide{hi + carry, lo}
}

// parseWideDecimal reads a canonical decimal of at most 38 digits.
func parseWideDecimal(data []byte, start, end, precision, scale int) (w wide, ok bool) {
	start, dot, negative, ok := splitDecimal(data, start, end, precision, scale)
	if !ok {
		return w, false
	}
	for _, part := range [2][2]int{{start, dot}, {min(dot+1, end), end}} {
		for at := part[0]; at < part[1]; {
			next := min(at+19, part[1])
			u, digits := parseDigits(data, at, next)
			if !digits {
				return w, false
			}
			w = w.times10(next-at, u)
			at = next
		}
	}
	if negative {
		return w.negated(), w != wide{}
	}
	return w, true
}

// maxWideText is the most room that putWideDecimal may write to: sign, 39 digits, dot, and a whole word behind them.
const maxWideText = 56

// putWideDecimal writes the decimal of an unscaled 128-bit value at dst[o:], which has room for maxWideText bytes;
// scale is at most 38.
func putWideDecimal(dst []byte, o int, w wide, scale int) int {
	if int64(w.hi) < 0 {
		dst[o] = '-'
		o++
		w = w.negated()
	}
	const half = 19 // digits
	upper, low := bits.Div64(w.hi, w.lo, powersOf10[half])
	top := upper / powersOf10[half]

	var digits [1 + 2*half + 8]byte
	putFixed(digits[:], putFixed(digits[:], putFixed(digits[:], 0, top, 1), upper-top*powersOf10[half], half), low, half)
	dot := 1 + 2*half - scale
	start := 0
	for start < dot-1 && digits[start] == '0' {
		start++
	}
	o += copy(dst[o:], digits[start:dot])
	if scale > 0 {
		dst[o] = '.'
		o += 1 + copy(dst[o+1:], digits[dot:1+2*half])
	}
	return o
}

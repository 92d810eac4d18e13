package dataobject

import (
	"math"
	"strconv"
)

// Texts of floats follow StarRocks [SRC be:column/mysql_row_buffer.cpp, thirdparty/patches/ryu.patch]: the shortest
// digits that parse back; plain notation for decimal exponents from -4 to 7 (float) or 15 (double), else 1e+20, 1e-05;
// nan, inf, -inf.
const (
	minPlain32   = float32(1e-4) // the float nearest to it, which is a little less
	minPlain64   = float64(1e-4)
	maxPlain32   = 1e8
	maxPlain64   = 1e16
	maxFloatText = 32
)

func appendFloat32(dst []byte, f float32) []byte {
	return appendFloat(dst, float64(f), 32, float64(minPlain32), maxPlain32)
}

func appendFloat64(dst []byte, f float64) []byte {
	return appendFloat(dst, f, 64, minPlain64, maxPlain64)
}

func appendFloat(dst []byte, f float64, bits int, minPlain, maxPlain float64) []byte {
	switch a := math.Abs(f); {
	case f != f:
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case a == 0 || a >= minPlain && a < maxPlain:
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	default:
		return strconv.AppendFloat(dst, f, 'e', -1, bits)
	}
}

func parseFloat32(text []byte) (float32, bool) {
	// A decimal of at most 6 digits is the shortest text of the float nearest to it (FLT_DIG), and that float is one
	// correctly rounded division away: both operands are exact.
	if u, scale, negative, ok := parsePlain(text, 6); ok {
		f := float32(u) / float32(powersOf10[scale])
		if negative {
			f = -f
		}
		return f, true
	}
	f, err := parseFloat(text, 32)
	var room [maxFloatText]byte
	return float32(f), err == nil && string(appendFloat32(room[:0], float32(f))) == string(text)
}

func parseFloat64(text []byte) (float64, bool) {
	// As in parseFloat32, with DBL_DIG digits.
	if u, scale, negative, ok := parsePlain(text, 15); ok {
		f := float64(u) / float64(powersOf10[scale])
		if negative {
			f = -f
		}
		return f, true
	}
	f, err := parseFloat(text, 64)
	var room [maxFloatText]byte
	return f, err == nil && string(appendFloat64(room[:0], f)) == string(text)
}

func parseFloat(text []byte, bits int) (float64, error) {
	if len(text) > maxFloatText {
		return 0, strconv.ErrSyntax // longer than any text of ours; also keeps the conversion below off the heap
	}
	return strconv.ParseFloat(string(text), bits)
}

// parsePlain reads a number in plain notation, in its canonical form and of at most the given number of significant
// digits: no superfluous zeros, at most three zeros between the dot and the first other digit.
func parsePlain(text []byte, digits int) (u uint64, scale int, negative, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		negative = true
		text = text[1:]
	}
	if len(text) == 0 || len(text) > digits+1 {
		return 0, 0, false, false
	}
	dot := -1
	for i, c := range text {
		switch {
		case c == '.' && dot < 0:
			dot = i
		case c >= '0' && c <= '9':
			u = u*10 + uint64(c-'0')
		default:
			return 0, 0, false, false
		}
	}
	whole := text
	if dot >= 0 {
		whole = text[:dot]
		scale = len(text) - dot - 1
		if scale == 0 || text[len(text)-1] == '0' {
			return 0, 0, false, false
		}
	} else if len(text) > digits {
		return 0, 0, false, false
	}
	if len(whole) == 0 || len(whole) > 1 && whole[0] == '0' {
		return 0, 0, false, false
	}
	if whole[0] == '0' && scale > 4 && u < powersOf10[scale-4] {
		return 0, 0, false, false // below 1e-4: not in plain notation
	}
	return u, scale, negative, true
}

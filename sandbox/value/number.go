package value

import (
	"bytes"
	"math"
	"strconv"
)

// The largest magnitudes of the integer types, positive and negative.
var integerLimits = map[string][2]string{
	"TINYINT":  {"127", "128"},
	"SMALLINT": {"32767", "32768"},
	"INT":      {"2147483647", "2147483648"},
	"BIGINT":   {"9223372036854775807", "9223372036854775808"},
	"LARGEINT": {"170141183460469231731687303715884105727", "170141183460469231731687303715884105728"},
}

func isSpace(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }
func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func trimSpace(s []byte) []byte {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func digitsOnly(s []byte) bool {
	for _, b := range s {
		if !isDigit(b) {
			return false
		}
	}
	return len(s) > 0
}

// appendInteger converts as be:formats/csv/numeric_converter.cpp does: decimal digits with a sign and blanks around; what
// is no integer is read as a number and truncated, an overflow fails.
func appendInteger(dst []byte, field []byte, limits [2]string, wide bool) ([]byte, bool) {
	s := trimSpace(field)
	digits, negative := sign(s)
	if !digitsOnly(digits) {
		return appendTruncated(dst, s, limits, wide)
	}
	return appendDigits(dst, digits, negative, limits)
}

func sign(s []byte) (rest []byte, negative bool) {
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		return s[1:], s[0] == '-'
	}
	return s, false
}

func appendDigits(dst, digits []byte, negative bool, limits [2]string) ([]byte, bool) {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	limit := limits[0]
	if negative {
		limit = limits[1]
	}
	if len(digits) > len(limit) || len(digits) == len(limit) && string(digits) > limit {
		return dst, false
	}
	if negative && digits[0] != '0' {
		dst = append(dst, '-')
	}
	return append(dst, digits...), true
}

// appendTruncated is the second chance of text that is no integer: through double for the types up to INT, through the
// integer part of a DECIMALV2 (18 digits) for the wider ones.
func appendTruncated(dst, s []byte, limits [2]string, wide bool) ([]byte, bool) {
	if wide {
		digits, negative := sign(s)
		whole, fraction, dot := bytes.Cut(digits, []byte{'.'})
		if !dot || len(whole) > 18 || len(whole)+len(fraction) == 0 ||
			len(whole) > 0 && !digitsOnly(whole) || len(fraction) > 0 && !digitsOnly(fraction) {
			return dst, false
		}
		if len(whole) == 0 {
			whole = []byte{'0'}
		}
		return appendDigits(dst, whole, negative, limits)
	}
	v, ok := parseFloat(s)
	if !ok || math.IsNaN(v) || math.Abs(v) > math.MaxInt32+2.0 {
		return dst, false
	}
	n := int64(math.Trunc(v))
	return appendDigits(dst, strconv.AppendInt(nil, max(n, -n), 10), n < 0, limits)
}

// parseFloat reads what be:base/string/string_parser.hpp string_to_float does, "inf" and "nan" with any text behind them
// included.
func parseFloat(s []byte) (float64, bool) {
	s = trimSpace(s)
	digits, negative := sign(s)
	if len(digits) == 0 {
		return 0, false
	}
	if v, special, ok := parseSpecial(digits, negative); special {
		return v, ok
	}
	exponent := false
	for k, b := range digits {
		switch {
		case isDigit(b) || b == '.':
		case (b == 'e' || b == 'E') && !exponent:
			exponent = true
		case (b == '-' || b == '+') && k > 0 && (digits[k-1] == 'e' || digits[k-1] == 'E'):
		default:
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(digits), 64)
	if err != nil {
		return 0, false
	}
	if v == 0 && bytes.ContainsAny(mantissa(digits), "123456789") {
		return 0, false // fast_float reports an underflow to zero as out of range
	}
	if negative {
		v = -v
	}
	return v, true
}

func mantissa(digits []byte) []byte {
	if i := bytes.IndexAny(digits, "eE"); i >= 0 {
		return digits[:i]
	}
	return digits
}

func parseSpecial(digits []byte, negative bool) (v float64, special, ok bool) {
	if digits[0]|0x20 != 'i' && digits[0]|0x20 != 'n' {
		return 0, false, false
	}
	if len(digits) < 3 {
		return 0, true, false
	}
	switch {
	case bytes.EqualFold(digits[:3], []byte("inf")):
		if negative {
			return math.Inf(-1), true, true
		}
		return math.Inf(1), true, true
	case bytes.EqualFold(digits[:3], []byte("nan")):
		return math.NaN(), true, true
	}
	return 0, true, false
}

// AppendFloat prints a FLOAT (bits 32) or DOUBLE (bits 64) as a SELECT does: the shortest text that parses back, plain for
// decimal exponents from -4 to 7 or 15, else with an exponent of at least two digits.
func AppendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "nan"...)
	case math.IsInf(v, 1):
		return append(dst, "inf"...)
	case math.IsInf(v, -1):
		return append(dst, "-inf"...)
	case v == 0:
		if math.Signbit(v) {
			dst = append(dst, '-')
		}
		return append(dst, '0')
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'e', -1, bits)
	largest := 15
	if bits == 32 {
		largest = 7
	}
	e := bytes.LastIndexByte(dst[start:], 'e')
	exponent, err := strconv.Atoi(string(dst[start+e+1:]))
	if err == nil && exponent >= -4 && exponent <= largest {
		return strconv.AppendFloat(dst[:start], v, 'f', -1, bits)
	}
	return dst
}

func appendFloat(dst, field []byte, bits int) ([]byte, bool) {
	v, ok := parseFloat(field)
	if !ok {
		return dst, false
	}
	if bits == 32 {
		v = float64(float32(v)) // a double beyond FLOAT becomes inf without an error, as the original's cast does
	}
	return AppendFloat(dst, v, bits), true
}

// appendBoolean takes true and false in any case, and any number.
func appendBoolean(dst, field []byte) ([]byte, bool) {
	s := trimSpace(field)
	value := false
	switch {
	case bytes.EqualFold(s, []byte("true")):
		value = true
	case bytes.EqualFold(s, []byte("false")):
	default:
		v, ok := parseFloat(s)
		if !ok {
			return dst, false
		}
		value = v != 0
	}
	if value {
		return append(dst, '1'), true
	}
	return append(dst, '0'), true
}

// appendDecimal rounds half up to the scale and fails when the integer part does not fit
// (be:base/string/string_parser.hpp string_to_decimal). Digits beyond the precision are cut before rounding.
func appendDecimal(dst, field []byte, precision, scale int) ([]byte, bool) {
	s, negative := sign(trimSpace(field))
	var kept [80]byte // at most precision (76) digits
	var (
		n, total, fraction int // digits kept; digits that count; digits behind the dot
		dot, found         bool
		exponent           int64
	)
	for i, b := range s {
		switch {
		case isDigit(b):
			found = true
			if dot {
				fraction++
			}
			if b == '0' && total == 0 {
				continue // leading zeros do not count, not even behind the dot
			}
			if n < precision {
				kept[n] = b
				n++
			}
			total++
		case b == '.' && !dot:
			dot = true
		case (b == 'e' || b == 'E') && (found || dot):
			var err error
			if exponent, err = strconv.ParseInt(string(s[i+1:]), 10, 8); err != nil {
				return dst, false
			}
			return appendScaled(dst, kept[:n], negative, total, fraction-int(exponent), precision, scale)
		default:
			return dst, false
		}
	}
	if !found && !dot {
		return dst, false
	}
	return appendScaled(dst, kept[:n], negative, total, fraction, precision, scale)
}

// appendScaled prints 0.digits × 10^… with a fixed scale; total digits counted, of which digits are kept, fraction of
// them behind the dot (negative: that many zeros are missing before it).
func appendScaled(dst, digits []byte, negative bool, total, fraction, precision, scale int) ([]byte, bool) {
	if total-fraction > precision-scale && total > 0 {
		return dst, false
	}
	// value = digits × 10^-places, after the digits that were cut
	places := fraction - (total - len(digits))
	var room [160]byte
	value := append(room[:0], digits...)
	if places > scale {
		value = roundOff(value, places-scale)
		places = scale
	}
	for ; places < scale; places++ {
		value = append(value, '0')
	}
	return appendFixed(dst, value, negative, scale), true
}

// roundOff drops the last n digits, rounding half up.
func roundOff(digits []byte, n int) []byte {
	if n > len(digits) {
		return digits[:0]
	}
	at := len(digits) - n
	up := n > 0 && digits[at] >= '5'
	digits = digits[:at]
	if !up {
		return digits
	}
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] < '9' {
			digits[i]++
			return digits
		}
		digits[i] = '0'
	}
	digits = append(digits, '0')
	copy(digits[1:], digits)
	digits[0] = '1'
	return digits
}

func appendFixed(dst, digits []byte, negative bool, scale int) []byte {
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
	}
	if negative && len(digits) > 0 {
		dst = append(dst, '-')
	}
	whole := max(len(digits)-scale, 0)
	if whole == 0 {
		dst = append(dst, '0')
	}
	dst = append(dst, digits[:whole]...)
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for range scale - (len(digits) - whole) {
		dst = append(dst, '0')
	}
	return append(dst, digits[whole:]...)
}

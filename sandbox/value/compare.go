package value

import (
	"bytes"
	"math/big"
	"strconv"
	"strings"
)

// Compare orders two values of a type that are not NULL: numbers by what they are, everything else by its bytes, which is
// right for dates and for texts.
func Compare(t Type, a, b []byte) int {
	switch {
	case t.Integer() || t.Name == "BOOLEAN":
		return compareIntegers(a, b)
	case t.Name == "FLOAT" || t.Name == "DOUBLE":
		x, _ := strconv.ParseFloat(string(a), 64)
		y, _ := strconv.ParseFloat(string(b), 64)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	case t.Name == "DECIMAL":
		return Unscaled(a).Cmp(Unscaled(b))
	}
	return bytes.Compare(a, b)
}

func compareIntegers(a, b []byte) int {
	negative, other := a[0] == '-', b[0] == '-'
	switch {
	case negative && !other:
		return -1
	case !negative && other:
		return 1
	case negative:
		a, b = b, a
	}
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return bytes.Compare(a, b)
}

// Unscaled reads a decimal of fixed scale as an integer.
func Unscaled(v []byte) *big.Int {
	n, ok := new(big.Int).SetString(strings.Replace(string(v), ".", "", 1), 10)
	if !ok {
		return new(big.Int)
	}
	return n
}

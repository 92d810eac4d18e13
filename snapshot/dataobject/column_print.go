package dataobject

import (
	"encoding/binary"
	"slices"

	"starkeep/snapshot"

	"github.com/parquet-go/parquet-go/format"
)

// print replaces the content of v with the texts of rows [from, to). at is the number of values in front of them,
// that is from without NULLs; print returns the same for to.
func (c *column) print(v *snapshot.Vector, from, to, at int) int {
	v.Null = append(v.Null[:0], c.null[from:to]...)
	v.Ends = slices.Grow(v.Ends[:0], to-from)[:to-from]
	switch c.kind {
	case format.Boolean:
		return c.printBooleans(v, at)
	case format.Int32:
		return printIntegers(v, c.int32s, at, c.Type, c.text.put)
	case format.Int64:
		return printIntegers(v, c.int64s, at, c.Type, c.text.put)
	case format.Float:
		return printFloats(v, c.floats, at, appendFloat32)
	case format.Double:
		return printFloats(v, c.doubles, at, appendFloat64)
	case format.FixedLenByteArray:
		return c.printWides(v, at)
	default:
		return c.printBytes(v, at)
	}
}

// printSize returns a limit for the bytes that the next n rows print to; at is as for print.
func (c *column) printSize(at, n int) int {
	switch c.kind {
	case format.Boolean:
		return n
	case format.ByteArray: // too much by the rows that are NULL, which print to nothing
		return int(c.start(min(at+n, len(c.ends))) - c.start(at))
	case format.FixedLenByteArray:
		return n * maxWideText
	default:
		return n * maxIntText
	}
}

// printIntegers prints integers with put. The most frequent kinds have their loops, since a call through a function
// value takes longer than the printing of a short number.
func printIntegers[T int32 | int64](v *snapshot.Vector, values []T, at int, typ snapshot.Type, put func([]byte, int, int64) int) int {
	dst := slices.Grow(v.Data[:0], len(v.Null)*maxIntText)
	dst = dst[:cap(dst)]
	ends := v.Ends[:len(v.Null)]
	o := 0
	switch typ.Kind {
	case snapshot.Int8, snapshot.Int16, snapshot.Int32, snapshot.Int64:
		for i, null := range v.Null {
			if !null {
				o = putInt(dst, o, int64(values[at]))
				at++
			}
			ends[i] = uint32(o)
		}
	case snapshot.Decimal:
		for i, null := range v.Null {
			if !null {
				o = putDecimal(dst, o, int64(values[at]), typ.Scale)
				at++
			}
			ends[i] = uint32(o)
		}
	default:
		for i, null := range v.Null {
			if !null {
				o = put(dst, o, int64(values[at]))
				at++
			}
			ends[i] = uint32(o)
		}
	}
	v.Data = dst[:o]
	return at
}

func printFloats[T float32 | float64](v *snapshot.Vector, values []T, at int, put func([]byte, T) []byte) int {
	v.Data = v.Data[:0]
	for i, null := range v.Null {
		if !null {
			v.Data = put(v.Data, values[at])
			at++
		}
		v.Ends[i] = uint32(len(v.Data))
	}
	return at
}

func (c *column) printBooleans(v *snapshot.Vector, at int) int {
	v.Data = v.Data[:0]
	for i, null := range v.Null {
		if !null {
			v.Data = append(v.Data, '0'+c.bytes[at])
			at++
		}
		v.Ends[i] = uint32(len(v.Data))
	}
	return at
}

func (c *column) printWides(v *snapshot.Vector, at int) int {
	dst := slices.Grow(v.Data[:0], len(v.Null)*maxWideText)
	dst = dst[:cap(dst)]
	o := 0
	for i, null := range v.Null {
		if !null {
			b := c.bytes[16*at : 16*at+16]
			o = putWideDecimal(dst, o, wide{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, c.Type.Scale)
			at++
		}
		v.Ends[i] = uint32(o)
	}
	v.Data = dst[:o]
	return at
}

func (c *column) printBytes(v *snapshot.Vector, at int) int {
	start := c.start(at)
	end := start
	for i, null := range v.Null {
		if !null {
			end = c.ends[at]
			at++
		}
		v.Ends[i] = end - start
	}
	v.Data = append(v.Data[:0], c.bytes[start:end]...)
	return at
}

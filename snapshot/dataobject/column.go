package dataobject

import (
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"

	"starkeep/snapshot"

	"github.com/parquet-go/parquet-go/format"
)

// column is one column of one row group: the values that are not NULL, one behind the other, in the form that its
// layout says. The encoder collects it, the decoder fills it; both use one memory for all row groups.
type column struct {
	layout
	kind format.Type
	text integerText

	null  []bool // of each row
	nulls int

	int32s  []int32
	int64s  []int64
	floats  []float32
	doubles []float64
	bytes   []byte   // booleans: 0 or 1; fixed: 16 bytes each; byte arrays: concatenated
	ends    []uint32 // byte arrays only: offset in bytes behind each value
}

// integerText is how the integers of a column are written as text. parse accepts exactly what put writes.
type integerText struct {
	parse    func(data []byte, start, end int) (int64, bool)
	put      func(dst []byte, o int, v int64) int // may write up to maxIntText bytes
	min, max int64                                // what put can write; any integer if both are zero
}

func newColumn(l layout) *column {
	return &column{layout: l, kind: l.physical(), text: integerTextOf(l.Type)}
}

func integerTextOf(t snapshot.Type) integerText {
	integer := func(min, max int64) integerText {
		return integerText{
			parse: func(data []byte, start, end int) (int64, bool) { return parseInt(data, start, end, min, max) },
			put:   putInt,
		}
	}
	switch t.Kind {
	case snapshot.Int8:
		return integer(math.MinInt8, math.MaxInt8)
	case snapshot.Int16:
		return integer(math.MinInt16, math.MaxInt16)
	case snapshot.Int32:
		return integer(math.MinInt32, math.MaxInt32)
	case snapshot.Decimal:
		return integerText{
			parse: func(data []byte, start, end int) (int64, bool) {
				return parseDecimal(data, start, end, t.Precision, t.Scale)
			},
			put: func(dst []byte, o int, v int64) int { return putDecimal(dst, o, v, t.Scale) },
		}
	case snapshot.Date:
		return integerText{
			parse: func(data []byte, start, end int) (int64, bool) {
				if end-start != dateText {
					return 0, false
				}
				days, ok := parseDate(data, start)
				return int64(days), ok
			},
			put: func(dst []byte, o int, v int64) int { return putDate(dst, o, int32(v)) },
			min: minDays, max: maxDays,
		}
	case snapshot.Datetime:
		return integerText{
			parse: parseDatetime,
			put:   putDatetime,
			min:   minDays * microsPerDay, max: (maxDays+1)*microsPerDay - 1,
		}
	default:
		return integer(math.MinInt64, math.MaxInt64)
	}
}

// rows returns the number of rows, NULLs included.
func (c *column) rows() int { return len(c.null) }

// reset empties the column and keeps its memory.
func (c *column) reset() { c.truncate(0) }

// truncate keeps the first rows only.
func (c *column) truncate(rows int) {
	for _, null := range c.null[rows:] {
		if null {
			c.nulls--
		}
	}
	c.null = c.null[:rows]
	n := rows - c.nulls
	switch c.kind {
	case format.Boolean:
		c.bytes = c.bytes[:n]
	case format.Int32:
		c.int32s = c.int32s[:n]
	case format.Int64:
		c.int64s = c.int64s[:n]
	case format.Float:
		c.floats = c.floats[:n]
	case format.Double:
		c.doubles = c.doubles[:n]
	case format.FixedLenByteArray:
		c.bytes = c.bytes[:16*n]
	default:
		c.ends = c.ends[:n]
		c.bytes = c.bytes[:c.start(n)]
	}
}

// start returns where byte array i begins.
func (c *column) start(i int) uint32 {
	if i == 0 {
		return 0
	}
	return c.ends[i-1]
}

// append adds values [from, to) of v. It stops in front of the first one that the layout cannot hold exactly and
// returns that one's number, else to.
func (c *column) append(v *snapshot.Vector, from, to int) int {
	if !c.Optional {
		if i := slices.Index(v.Null[from:to], true); i >= 0 {
			to = from + i
		}
	}
	end := to
	switch c.kind {
	case format.Boolean:
		end = c.appendBooleans(v, from, to)
	case format.Int32:
		c.int32s, end = appendIntegers(c.int32s, v, from, to, c.text.parse)
	case format.Int64:
		c.int64s, end = appendIntegers(c.int64s, v, from, to, c.text.parse)
	case format.Float:
		c.floats, end = appendFloats(c.floats, v, from, to, parseFloat32)
	case format.Double:
		c.doubles, end = appendFloats(c.doubles, v, from, to, parseFloat64)
	case format.FixedLenByteArray:
		end = c.appendWides(v, from, to)
	default:
		if c.Stored != raw {
			end = firstInvalid(v, from, to)
		}
		c.appendBytes(v, from, end)
	}
	for _, null := range v.Null[from:end] {
		if null {
			c.nulls++
		}
	}
	c.null = append(c.null, v.Null[from:end]...)
	return end
}

// offset returns where value i of v begins.
func offset(v *snapshot.Vector, i int) int {
	if i == 0 {
		return 0
	}
	return int(v.Ends[i-1])
}

func appendIntegers[T int32 | int64](dst []T, v *snapshot.Vector, from, to int, parse func([]byte, int, int) (int64, bool)) ([]T, int) {
	start := offset(v, from)
	data, ends, null := v.Data, v.Ends[:to], v.Null[:to]
	dst = slices.Grow(dst, to-from)
	for i := from; i < len(ends) && i < len(null); i++ {
		if null[i] {
			continue
		}
		end := int(ends[i])
		x, ok := parse(data, start, end)
		if !ok {
			return dst, i
		}
		dst = append(dst, T(x))
		start = end
	}
	return dst, to
}

func appendFloats[T float32 | float64](dst []T, v *snapshot.Vector, from, to int, parse func([]byte) (T, bool)) ([]T, int) {
	for i := from; i < to; i++ {
		if v.Null[i] {
			continue
		}
		x, ok := parse(v.Value(i))
		if !ok {
			return dst, i
		}
		dst = append(dst, x)
	}
	return dst, to
}

func (c *column) appendBooleans(v *snapshot.Vector, from, to int) int {
	for i := from; i < to; i++ {
		if v.Null[i] {
			continue
		}
		value := v.Value(i)
		if len(value) != 1 || value[0]&^1 != '0' {
			return i
		}
		c.bytes = append(c.bytes, value[0]&1)
	}
	return to
}

func (c *column) appendWides(v *snapshot.Vector, from, to int) int {
	for i := from; i < to; i++ {
		if v.Null[i] {
			continue
		}
		w, ok := parseWideDecimal(v.Data, offset(v, i), int(v.Ends[i]), c.Type.Precision, c.Type.Scale)
		if !ok {
			return i
		}
		c.bytes = binary.BigEndian.AppendUint64(c.bytes, w.hi)
		c.bytes = binary.BigEndian.AppendUint64(c.bytes, w.lo)
	}
	return to
}

func (c *column) appendBytes(v *snapshot.Vector, from, to int) {
	if from == to {
		return
	}
	start := offset(v, from)
	shift := uint32(len(c.bytes) - start) // modulo 2^32
	c.bytes = append(c.bytes, v.Data[start:v.Ends[to-1]]...)
	c.ends = slices.Grow(c.ends, to-from)
	for i, end := range v.Ends[from:to] {
		if !v.Null[from+i] {
			c.ends = append(c.ends, end+shift)
		}
	}
}

// firstInvalid returns the first of the values [from, to) of v that is not valid UTF-8, else to.
func firstInvalid(v *snapshot.Vector, from, to int) int {
	if from == to {
		return to
	}
	start := offset(v, from)
	if isASCII(v.Data[start:v.Ends[to-1]]) {
		return to
	}
	for i := from; i < to; i++ {
		if !utf8.Valid(v.Value(i)) {
			return i
		}
	}
	return to
}

func isASCII(b []byte) bool {
	var all uint64
	for ; len(b) >= 32; b = b[32:] {
		all |= binary.LittleEndian.Uint64(b) | binary.LittleEndian.Uint64(b[8:]) |
			binary.LittleEndian.Uint64(b[16:]) | binary.LittleEndian.Uint64(b[24:])
	}
	for _, c := range b {
		all |= uint64(c)
	}
	return all&0x8080808080808080 == 0
}

// weaken changes the layout so that it holds one more kind of value: NULL, or the one that append stopped at.
// What the column holds already is converted and keeps its text.
func (c *column) weaken(null bool) {
	switch {
	case null:
		c.Optional = true
	case c.kind == format.ByteArray:
		c.Stored = raw
	default:
		weaker := c.layout
		weaker.Stored = text
		converted := newColumn(weaker)
		var v snapshot.Vector
		for row, at := 0, 0; row < c.rows(); {
			next := min(row+snapshot.BatchRows, c.rows())
			at = c.print(&v, row, next, at)
			converted.append(&v, 0, v.Len())
			row = next
		}
		*c = *converted
	}
}

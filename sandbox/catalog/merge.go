package catalog

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/value"
)

// merge adds rows to those of a tablet by the rules of the table's model: DUPLICATE keeps all rows, UNIQUE and PRIMARY
// keep the youngest row of a key, AGGREGATE folds the values of a key. The chunks of old are not changed.
func merge(def *dialect.CreateTable, old, added []*chunk) []*chunk {
	if def.Model == dialect.Duplicate {
		return slices.Concat(old, added)
	}
	keys := len(def.Keys)
	index := map[string]int{}
	var rows []Row
	for _, c := range added {
		for i := range c.rows() {
			r := c.row(i)
			key := r.prefix(keys)
			if at, ok := index[string(key)]; ok {
				rows[at] = fold(def, rows[at], r)
				continue
			}
			index[string(key)] = len(rows)
			rows = append(rows, r)
		}
	}
	merged := make([]*chunk, 0, len(old)+1)
	for _, c := range old {
		if rest := without(def, c, index, rows); rest.rows() > 0 {
			merged = append(merged, rest)
		}
	}
	var fresh []*chunk
	for _, r := range rows {
		fresh = appendRow(fresh, r)
	}
	return append(merged, fresh...)
}

// without returns c without the rows whose keys are in the index; they are folded into rows. It is c itself when none is.
func without(def *dialect.CreateTable, c *chunk, index map[string]int, rows []Row) *chunk {
	keep := &chunk{}
	touched := false
	for i := range c.rows() {
		r := c.row(i)
		at, ok := index[string(r.prefix(len(def.Keys)))]
		if !ok {
			if touched {
				keep.data = append(keep.data, r...)
				keep.ends = append(keep.ends, uint32(len(keep.data)))
			}
			continue
		}
		if !touched {
			touched = true
			keep.ends = append(keep.ends, c.ends[:i]...)
			if i > 0 {
				keep.data = append(keep.data, c.data[:c.ends[i-1]]...)
			}
		}
		rows[at] = fold(def, r, rows[at])
	}
	if !touched {
		return c
	}
	return keep
}

// fold joins two rows of one key, the second being the younger.
func fold(def *dialect.CreateTable, a, b Row) Row {
	if def.Model != dialect.Aggregate {
		return b
	}
	var out Row
	for i, column := range def.Columns {
		var x, y []byte
		x, a = a.next()
		y, b = b.next()
		if i >= len(def.Keys) {
			y = aggregate(column, x, y)
		}
		if y == nil {
			out = out.appendNull()
		} else {
			out = out.appendValue(y)
		}
	}
	return out
}

// aggregate folds two values of a column; NULL counts for nothing, except that REPLACE takes it.
func aggregate(c dialect.Column, x, y []byte) []byte {
	switch {
	case c.Aggregation == "REPLACE":
		return y
	case y == nil:
		return x
	case x == nil, c.Aggregation == "REPLACE_IF_NOT_NULL":
		return y
	case c.Aggregation == "SUM":
		return sum(c.Type, x, y)
	case c.Aggregation == "BITMAP_UNION":
		a, _ := value.ParseBitmap(x) // what is stored is one
		b, _ := value.ParseBitmap(y)
		return a.Union(b).Serialize()
	case c.Aggregation == "HLL_UNION":
		a := value.ParseHLL(x)
		a.Union(value.ParseHLL(y))
		return a.Serialize()
	case c.Aggregation == "PERCENTILE_UNION": // nothing reads it
		return y
	}
	if less := value.Compare(c.Type, x, y) < 0; less == (c.Aggregation == "MIN") {
		return x
	}
	return y
}

// bits of the integer types: a sum wraps around in the column's width, as the server's does.
var bits = map[string]uint{"BOOLEAN": 8, "TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64, "LARGEINT": 128}

func sum(t dialect.Type, x, y []byte) []byte {
	switch t.Name {
	case "FLOAT", "DOUBLE":
		a, _ := strconv.ParseFloat(string(x), 64)
		b, _ := strconv.ParseFloat(string(y), 64)
		width := 64
		if t.Name == "FLOAT" {
			width = 32
		}
		return value.AppendFloat(nil, a+b, width)
	case "DECIMAL":
		n := new(big.Int).Add(value.Unscaled(x), value.Unscaled(y))
		return appendDecimal(n, t.Scale)
	}
	n := new(big.Int).Add(value.Unscaled(x), value.Unscaled(y))
	if width := bits[t.Name]; n.BitLen() >= int(width) {
		n.And(n, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), width), big.NewInt(1)))
		if n.Bit(int(width)-1) == 1 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), width))
		}
	}
	return []byte(n.String())
}

func appendDecimal(n *big.Int, scale int) []byte {
	digits := new(big.Int).Abs(n).String()
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale-len(digits)+1) + digits
	}
	var out []byte
	if n.Sign() < 0 {
		out = append(out, '-')
	}
	out = append(out, digits[:len(digits)-scale]...)
	if scale > 0 {
		out = append(append(out, '.'), digits[len(digits)-scale:]...)
	}
	return out
}

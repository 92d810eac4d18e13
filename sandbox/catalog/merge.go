package catalog

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/streamload"
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
	}
	if less := compareNumbers(c.Type, x, y) < 0; less == (c.Aggregation == "MIN") {
		return x
	}
	return y
}

// compareNumbers orders two values also of the types that no bound can have.
func compareNumbers(t dialect.Type, x, y []byte) int {
	switch t.Name {
	case "FLOAT", "DOUBLE":
		a, _ := strconv.ParseFloat(string(x), 64)
		b, _ := strconv.ParseFloat(string(y), 64)
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	case "DECIMAL":
		a, b := unscaled(x), unscaled(y)
		return a.Cmp(b)
	}
	return compare(t, x, y)
}

// unscaled reads a decimal of fixed scale as an integer.
func unscaled(v []byte) *big.Int {
	n, _ := new(big.Int).SetString(strings.Replace(string(v), ".", "", 1), 10)
	return n
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
		return streamload.AppendFloat(nil, a+b, width)
	case "DECIMAL":
		n := new(big.Int).Add(unscaled(x), unscaled(y))
		return appendDecimal(n, t.Scale)
	}
	n := new(big.Int).Add(unscaled(x), unscaled(y))
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

package expression

import (
	"math/big"
	"strconv"

	"starkeep/sandbox/value"
)

// arithmetic is exact for integers and decimals, whose result has the scale of fe:sql/common/TypeManager: that of the larger
// one for sums, the sum for products; "/" is computed in DOUBLE, unless a DECIMAL is in it.
func arithmetic(op string, types []Type, nodes []node) (Type, node, error) {
	t := types[0]
	for _, of := range types {
		if ranks[of.Name] == 0 && !of.Text() && of.Name != "NULL" {
			return Type{}, nil, &UnknownError{"arithmetic of " + of.String()}
		}
		if of.Text() {
			of = Type{Name: "DOUBLE"}
		}
		if of.Name != "NULL" {
			t = commonOrFirst(t, of)
		}
	}
	result := resultType(op, t, types)
	for i := range nodes {
		if types[i].Name == "DECIMAL" && result.Name == "DECIMAL" {
			continue // as exact as it is
		}
		to := t
		if result.Name == "DOUBLE" {
			to = result
		}
		var err error
		if nodes[i], err = convert(nodes[i], types[i], to); err != nil {
			return Type{}, nil, err
		}
	}
	f := exact(op, result)
	if result.Name == "DOUBLE" {
		f = floating(op)
	}
	return result, operate(nodes, strict(f)), nil
}

func commonOrFirst(a, b Type) Type {
	if a.Text() || a.Name == "NULL" {
		return b
	}
	return commonNumber(a, b)
}

func resultType(op string, t Type, types []Type) Type {
	switch {
	case t.Name == "FLOAT" || t.Name == "DOUBLE" || op == "/" && t.Name != "DECIMAL":
		return Type{Name: "DOUBLE"}
	case t.Name != "DECIMAL":
		if t.Name == "LARGEINT" {
			return t
		}
		return Type{Name: "BIGINT"}
	}
	scale, wide := t.Scale, t.Wide()
	switch op {
	case "*":
		scale = 0
		for _, of := range types {
			scale += of.Scale
		}
	case "/":
		scale = max(scale, 6)
	}
	if wide {
		return Type{Name: "DECIMAL", Precision: 76, Scale: scale}
	}
	return Type{Name: "DECIMAL", Precision: 38, Scale: min(scale, 38)}
}

func exact(op string, t Type) func([][]byte) []byte {
	return func(v [][]byte) []byte {
		a, ok := new(big.Rat).SetString(string(v[0]))
		if !ok {
			return nil
		}
		if len(v) == 1 {
			if op == "-" {
				a.Neg(a)
			}
			return fit(t, a)
		}
		b, ok := new(big.Rat).SetString(string(v[1]))
		if !ok || (op == "/" || op == "%") && b.Sign() == 0 {
			return nil
		}
		switch op {
		case "+":
			a.Add(a, b)
		case "-":
			a.Sub(a, b)
		case "*":
			a.Mul(a, b)
		case "/":
			a.Quo(a, b)
		case "%":
			q := new(big.Rat).Quo(a, b)
			whole := new(big.Int).Quo(q.Num(), q.Denom())
			a.Sub(a, b.Mul(b, new(big.Rat).SetInt(whole)))
		}
		return fit(t, a)
	}
}

// fit prints a number as the type does; nil is one that it does not hold.
func fit(t Type, n *big.Rat) []byte {
	v := canonical(t, n.FloatString(t.Scale))
	if v == "" {
		return nil
	}
	return []byte(v)
}

func floating(op string) func([][]byte) []byte {
	return func(v [][]byte) []byte {
		a, _ := strconv.ParseFloat(string(v[0]), 64)
		if len(v) == 1 {
			if op == "-" {
				a = -a
			}
			return value.AppendFloat(nil, a, 64)
		}
		b, _ := strconv.ParseFloat(string(v[1]), 64)
		switch op {
		case "+":
			a += b
		case "-":
			a -= b
		case "*":
			a *= b
		default:
			if b == 0 {
				return nil
			}
			if a /= b; op == "%" {
				a = (a - float64(int64(a))) * b
			}
		}
		return value.AppendFloat(nil, a, 64)
	}
}

package dialect

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExpressionsGroupAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a + b * -c":                                 "(a + (b * (- c)))",
		"NOT a AND b OR c":                           "(((NOT a) AND b) OR c)",
		"a IS NOT NULL":                              "(NOT (a IS NULL))",
		"a NOT IN (1, 'x')":                          "(NOT (a IN 1 x))",
		"x BETWEEN 1 AND 2 AND y":                    "((x BETWEEN 1 2) AND y)",
		"array_map(x -> x + 1, [1, NULL])":           "array_map(x -> (x + 1), [1, NULL])",
		"array_map((x, y) -> x, a, b)":               "array_map(x,y -> x, a, b)",
		"j -> '$.a'":                                 "json_query(j, $.a)",
		"map{1: 'a', 2: []}":                         "map{1, a, 2, []}",
		"cast(e as array<json>)[1]":                  "cast(e as array<json>)[1]",
		"t.s.f":                                      "t.s.f",
		"row(1, 'b').col1":                           "subfield(row(1, b), col1)",
		"CASE a WHEN 1 THEN 'x' ELSE 'y' END":        "case((a = 1), x, y)",
		"cast(x as map<int, array<decimal(20, 3)>>)": "cast(x as map<int(11),array<DECIMAL128(20,3)>>)",
		"a<=b":  "(a <= b)",
		"1 < 2": "(1 < 2)",
	} {
		e, err := ParseExpression(text)
		require.NoError(t, err, text)
		require.Equal(t, want, render(e), text)
	}
	for _, text := range []string{"", "a +", "(SELECT 1)", "f(", "[1", "map{1}", "CASE a END x", "interval 1 day"} {
		_, err := ParseExpression(text)
		require.Error(t, err, text)
	}
}

func render(e *Expr) string {
	args := ""
	for i, a := range e.Args {
		if i > 0 {
			args += ", "
		}
		args += render(a)
	}
	switch e.Kind {
	case ColumnExpr:
		for _, p := range e.Path {
			e.Text += "." + p
		}
	case NullExpr:
		return "NULL"
	case CallExpr:
		return e.Text + "(" + args + ")"
	case CastExpr:
		return "cast(" + args + " as " + e.Type.String() + ")"
	case ArrayExpr:
		return "[" + args + "]"
	case MapExpr:
		return "map{" + args + "}"
	case ElementExpr:
		return render(e.Args[0]) + "[" + render(e.Args[1]) + "]"
	case CaseExpr:
		return "case(" + args + ")"
	case LambdaExpr:
		names := ""
		for i, n := range e.Names {
			if i > 0 {
				names += ","
			}
			names += n
		}
		return names + " -> " + args
	case OperatorExpr:
		switch {
		case len(e.Args) == 1 && e.Text == "IS NULL":
			return "(" + args + " IS NULL)"
		case len(e.Args) == 1:
			return "(" + e.Text + " " + args + ")"
		}
		text := "(" + render(e.Args[0]) + " " + e.Text
		for _, a := range e.Args[1:] {
			text += " " + render(a)
		}
		return text + ")"
	}
	return e.Text
}

func FuzzExpression(f *testing.F) {
	for _, seed := range []string{"a + 1", "map{1:[x],'k':row(1)}[1].f", "array_map((x,y)->x->'$.a', b)", "CASE WHEN a THEN b END", "((((("} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if e, err := ParseExpression(text); err == nil && e == nil {
			t.Fatal("neither an expression nor an error")
		}
	})
}

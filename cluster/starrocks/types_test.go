package starrocks

import (
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// sourced is a type that can be read.
func sourced(source string) *dataType {
	t, err := typeOf(source)
	if err != nil {
		panic(err)
	}
	return t
}

func TestTypeThatCannotBeCarriedIsNamed(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"percentile", "variant", "decimal(77,2)", "decimal", "array<percentile>", "map<int(11),struct<`a` hll>>", "array<bitmap>"} {
		parsed, err := typeOf(typ)
		require.NoError(t, err, typ)
		_, _, err = columnType(parsed)
		require.ErrorIs(t, err, cluster.ErrUnsupported, typ)
		require.ErrorContains(t, err, typ)
	}
}

func TestTypeThatIsNoneIsNotRead(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"array<int", "array<int,int>", "map<int>", "struct<>", "int>", "array<int>>", "json<x>", "array<struct<`a` int(11), `b`>"} {
		parsed, err := typeOf(typ)
		if err == nil {
			_, _, err = columnType(parsed)
		}
		require.ErrorIs(t, err, cluster.ErrUnsupported, typ)
	}
}

func TestScalarTypesAreKnown(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]snapshot.Type{
		"boolean": {Kind: snapshot.Boolean}, "tinyint(4)": {Kind: snapshot.Int8}, "smallint(6)": {Kind: snapshot.Int16}, "int(11)": {Kind: snapshot.Int32},
		"bigint(20)": {Kind: snapshot.Int64}, "largeint(40)": {Kind: snapshot.Int128}, "float": {Kind: snapshot.Float32}, "double": {Kind: snapshot.Float64},
		"decimal(38, 10)": {Kind: snapshot.Decimal, Precision: 38, Scale: 10}, "decimal64(9)": {Kind: snapshot.Decimal, Precision: 9},
		"decimal(76,76)": {Kind: snapshot.Decimal, Precision: 76, Scale: 76},
		"char(3)":        {Kind: snapshot.String}, "varchar(65533)": {Kind: snapshot.String}, "string": {Kind: snapshot.String}, "varbinary": {Kind: snapshot.Binary},
		"varbinary(20)": {Kind: snapshot.Binary}, "date": {Kind: snapshot.Date}, "datetime": {Kind: snapshot.Datetime}, "json": {Kind: snapshot.JSON},
	} {
		parsed, err := typeOf(typ)
		require.NoError(t, err, typ)
		got, encoding, err := columnType(parsed)
		require.NoError(t, err, typ)
		require.Equal(t, want, got, typ)
		require.Empty(t, encoding, typ)
	}
}

func TestTypesWithoutAnExactTextAreEncoded(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]snapshot.Encoding{"bitmap": snapshot.BitmapEncoding, "hll": snapshot.HLLEncoding, "array<int(11)>": snapshot.NestedEncoding} {
		parsed, err := typeOf(typ)
		require.NoError(t, err, typ)
		_, encoding, err := columnType(parsed)
		require.NoError(t, err, typ)
		require.Equal(t, want, encoding, typ)
	}
}

func TestNestedTypeOfEverySpellingIsOneType(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"struct<`a b` int(11), `C` MAP<varchar(20), array<decimal(18, 2)>>>", "STRUCT<`a b` int(11),`C` map<varchar(20),array<decimal(18,2)>>>"} {
		parsed, err := typeOf(typ)
		require.NoError(t, err)
		require.Equal(t, "struct<`a b` int(11),`C` map<varchar(20),array<decimal(18,2)>>>", parsed.String())
	}
	old, err := typeOf("struct<a int(11), b varchar(20)>")
	require.NoError(t, err)
	require.Equal(t, "struct<`a` int(11),`b` varchar(20)>", old.String())
}

func TestTypesThatAreOneDoNotDiffer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"varbinary", "varbinary(1048576)", true}, {"varbinary", "varbinary(20)", false}, {"binary", "varbinary", true},
		{"array<varbinary>", "array<varbinary(1048576)>", true}, {"struct<`A` int(11)>", "struct<`a` int(11)>", true},
		{"struct<`a` int(11)>", "struct<`b` int(11)>", false}, {"array<int(11)>", "array<bigint(20)>", false}, {"varchar(20)", "varchar(21)", false},
	} {
		require.Equal(t, c.same, sourced(c.a).same(sourced(c.b)), "%s, %s", c.a, c.b)
	}
}

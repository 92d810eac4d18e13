package value

import (
	"encoding/hex"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestBitmapsHaveTheFormsOfTheirSize(t *testing.T) {
	t.Parallel()
	for want, elements := range map[string][]uint64{
		"00":                 {},
		"0105000000":         {5},
		"030000000001000000": {1 << 32},
		"0a0200000001000000000000000200000000000000": {2, 1, 2},
	} {
		require.Equal(t, want, hex.EncodeToString(NewBitmap(elements).Serialize()))
	}
	many := make([]uint64, 33)
	for i := range many {
		many[i] = uint64(i)
	}
	require.Equal(t, byte(bitmap32), NewBitmap(slices.Clone(many)).Serialize()[0])
	require.Equal(t, byte(bitmap64), NewBitmap(append(many, 1<<40)).Serialize()[0])
}

// A bitmap with run containers, as the portable format has them (RoaringFormatSpec): 0 to 9 and 100.
func TestBitmapsWithRunsAreRead(t *testing.T) {
	t.Parallel()
	raw, err := hex.DecodeString("02" + "3b300000" + "01" + "0000" + "0a00" + "0200" + "0000" + "0900" + "6400" + "0000")
	require.NoError(t, err)
	b, ok := ParseBitmap(raw)
	require.True(t, ok)
	require.Equal(t, "0,1,2,3,4,5,6,7,8,9,100", b.String())
}

func TestBitmapsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		elements := rapid.SliceOf(rapid.OneOf(rapid.Uint64Range(0, 200_000), rapid.Uint64())).Draw(t, "elements")
		for i := range rapid.IntRange(0, 10_000).Draw(t, "dense") {
			elements = append(elements, uint64(i))
		}
		b := NewBitmap(elements)
		back, ok := ParseBitmap(b.Serialize())
		require.True(t, ok)
		require.Equal(t, b.String(), back.String())
	})
}

func FuzzSketches(f *testing.F) {
	for _, seed := range [][]byte{{0}, {1, 1, 2, 3, 4}, NewBitmap([]uint64{1, 2, 1 << 40}).Serialize(), {2, 0x3a, 0x30, 0, 0, 1, 0, 0, 0}, {3}, {13, 1, 0, 0, 0, 0, 1}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if b, ok := ParseBitmap(raw); ok {
			again, ok := ParseBitmap(b.Serialize())
			require.True(t, ok)
			require.Equal(t, b.String(), again.String())
		}
		h := ParseHLL(raw)
		again := ParseHLL(h.Serialize())
		require.Equal(t, h.Serialize(), again.Serialize())
	})
}

func TestSketchesOfManyValuesGrowIntoRegisters(t *testing.T) {
	t.Parallel()
	var all HLL
	for i := range 200_000 {
		all.Add(Murmur64A([]byte{byte(i), byte(i >> 8), byte(i >> 16)}))
		switch i {
		case 159:
			require.Len(t, all.Serialize(), 2+160*8)
		case 160:
			require.Equal(t, byte(hllSparse), all.Serialize()[0])
		}
	}
	require.Len(t, all.Serialize(), 1+hllRegisters)
	require.InEpsilon(t, 200_000, all.Cardinality(), 0.03)
	var other HLL
	other.Union(ParseHLL(all.Serialize()))
	require.Equal(t, all.Serialize(), other.Serialize())
}

package dataobject

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"starkeep/snapshot"

	"github.com/stretchr/testify/require"
)

// signed reads a big-endian number in two's complement.
func signed(b []byte) string {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n.String()
}

// TestCalendarAgreesWithTime on every day that a date can be.
func TestCalendarAgreesWithTime(t *testing.T) {
	t.Parallel()
	day := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	var room [maxIntText]byte
	for days := int32(minDays); days <= maxDays; days++ {
		y, m, d := day.Date()
		want := room[16:16]
		want = append(want, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10), '-', byte('0'+m/10), byte('0'+m%10), '-', byte('0'+d/10), byte('0'+d%10))
		got, ok := parseDate(want, 0)
		if !ok || got != days {
			t.Fatalf("%s is day %d, not %d", want, days, got)
		}
		if n := putDate(room[:16], 0, days); string(room[:n]) != string(want) {
			t.Fatalf("day %d is %s, not %s", days, want, room[:n])
		}
		day = day.AddDate(0, 0, 1)
	}
	require.Equal(t, 10000, day.Year())
}

// TestIntegersAgreeWithStrconv around every number of digits, at the start of the data and behind other values.
func TestIntegersAgreeWithStrconv(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	numbers := []int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64}
	for n := int64(1); n > 0 && n <= math.MaxInt64/10; n *= 10 {
		for i := int64(-2); i <= 2; i++ {
			numbers = append(numbers, n+i, -n-i, n*9+i)
		}
		for range 200 {
			numbers = append(numbers, rng.Int64()%(n*10))
		}
	}
	for _, v := range numbers {
		for _, before := range []string{"", "123", "99999999999999999999"} {
			data := strconv.AppendInt([]byte(before), v, 10)
			got, ok := parseInt(data, len(before), len(data), math.MinInt64, math.MaxInt64)
			require.True(t, ok, "%d", v)
			require.Equal(t, v, got)
		}
		room := make([]byte, maxIntText)
		require.Equal(t, fmt.Sprint(v), string(room[:putInt(room, 0, v)]))
		for scale := 1; scale <= 18; scale++ {
			n := putDecimal(room, 0, v, scale)
			r := new(big.Rat).SetFrac(big.NewInt(v), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
			require.Equal(t, r.FloatString(scale), string(room[:n]))
		}
	}
}

// TestFloatsPrintAsStarRocks: the borders of plain notation, and the shortest digits.
func TestFloatsPrintAsStarRocks(t *testing.T) {
	t.Parallel()
	for text, f := range map[string]float64{
		"0.0001": 1e-4, "9.999e-05": 9.999e-5, "9999999999999998": 9999999999999998, "1e+16": 1e16, "1e+100": 1e100,
		"1e-05": 1e-5, "-1.5e-300": -1.5e-300, "nan": math.NaN(), "inf": math.Inf(1), "-inf": math.Inf(-1), "-0": math.Copysign(0, -1), "0.1": 0.1,
	} {
		require.Equal(t, text, string(appendFloat64(nil, f)))
	}
	for text, f := range map[string]float32{
		"0.0001": 1e-4, "9.999e-05": 9.999e-5, "99999990": 99999990, "1e+08": 1e8, "12345678": 12345678, "0.1": 0.1, "16777216": 1 << 24,
	} {
		require.Equal(t, text, string(appendFloat32(nil, f)))
	}
}

// TestFastFloatsAreExact: the way around strconv gives the same floats, and accepts only what prints the same.
func TestFastFloatsAreExact(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	fast := 0
	for range 300_000 {
		text := []byte(strconv.FormatFloat(float64(rng.Int64N(1e16)>>rng.IntN(54))/math.Pow10(rng.IntN(12)), 'f', rng.IntN(8)-1, 64))
		if rng.IntN(4) == 0 {
			text = append([]byte("-"), text...)
		}
		if u, scale, _, ok := parsePlain(text, 15); ok {
			fast++
			_ = u
			require.LessOrEqual(t, scale, 15)
		}
		if f, ok := parseFloat64(text); ok {
			want, err := strconv.ParseFloat(string(text), 64)
			require.NoError(t, err)
			require.Equal(t, math.Float64bits(want), math.Float64bits(f), "%s", text)
			require.Equal(t, string(text), string(appendFloat64(nil, f)))
		}
		if f, ok := parseFloat32(text); ok {
			want, err := strconv.ParseFloat(string(text), 32)
			require.NoError(t, err)
			require.Equal(t, math.Float32bits(float32(want)), math.Float32bits(f), "%s", text)
			require.Equal(t, string(text), string(appendFloat32(nil, f)))
		}
	}
	require.Greater(t, fast, 10_000)
}

// FuzzText: for every kind, a text that the typed column accepts is the text that it prints.
func FuzzText(f *testing.F) {
	for _, text := range odd {
		f.Add([]byte(text))
	}
	for _, texts := range canonical {
		for _, text := range texts {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, typ := range types {
			for _, before := range []string{"", "0123456789abcdef"} {
				var v, got snapshot.Vector
				v.Append([]byte(before))
				v.Append(text)
				l, err := layoutOf(snapshot.Column{Type: typ})
				require.NoError(t, err)
				c := newColumn(l)
				if c.append(&v, 1, 2) == 2 {
					c.print(&got, 0, 1, 0)
					require.Equal(t, string(text), string(got.Value(0)), "%s", typ)
				}
			}
		}
	})
}

package starrocks

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// members reads a serialised bitmap by the published formats, apart from the code that splits.
func members(t *testing.T, v []byte) []uint64 {
	high, body := uint64(0), v[1:]
	wide := v[0] == bitmap32Wide || v[0] == bitmap64Wide
	if v[0] == bitmap64 || v[0] == bitmap64Wide {
		require.EqualValues(t, 1, body[0], "one map entry is all that the test reads")
		high, body = uint64(binary.LittleEndian.Uint32(body[1:]))<<32, body[5:]
	}
	if wide {
		if body[0] == roaringValues {
			list := make([]uint64, binary.LittleEndian.Uint32(body[1:]))
			require.Len(t, body, 5+4*len(list))
			for i := range list {
				list[i] = high | uint64(binary.LittleEndian.Uint32(body[5+4*i:]))
			}
			return list
		}
		body = body[1:]
	}
	containers, rest, err := containersOf(body)
	require.NoError(t, err)
	require.Empty(t, rest)
	var list []uint64
	for _, c := range containers {
		base := high | uint64(c.key)<<16
		switch {
		case c.runs:
			for i := 2; i < len(c.data); i += 4 {
				from, more := binary.LittleEndian.Uint16(c.data[i:]), binary.LittleEndian.Uint16(c.data[i+2:])
				for x := uint64(from); x <= uint64(from)+uint64(more); x++ {
					list = append(list, base|x)
				}
			}
		case c.last < arrayMost:
			for i := 0; i < len(c.data); i += 2 {
				list = append(list, base|uint64(binary.LittleEndian.Uint16(c.data[i:])))
			}
		default:
			for x := range 1 << 16 {
				if c.data[x/8]>>(x%8)&1 == 1 {
					list = append(list, base|uint64(x))
				}
			}
		}
	}
	return list
}

// roaringOf makes a roaring bitmap without runs: one container of every second value, and arrays of three.
func roaringOf(containers int) []byte {
	v := binary.LittleEndian.AppendUint32(nil, cookieNoRuns)
	v = binary.LittleEndian.AppendUint32(v, uint32(containers))
	var data []byte
	var offsets []int
	for i := range containers {
		v = binary.LittleEndian.AppendUint16(v, uint16(i))
		offsets = append(offsets, len(data))
		if i%2 == 0 {
			v = binary.LittleEndian.AppendUint16(v, 1<<15-1)
			data = append(data, bytes.Repeat([]byte{0x55}, 8192)...)
		} else {
			v = binary.LittleEndian.AppendUint16(v, 2)
			data = append(data, 1, 0, 2, 0, 0xff, 0xff)
		}
	}
	for _, o := range offsets {
		v = binary.LittleEndian.AppendUint32(v, uint32(len(v)-4*0+o))
	}
	return append(v, data...)
}

func TestPiecesOfABitmapAreItsUnion(t *testing.T) {
	t.Parallel()
	high := binary.LittleEndian.AppendUint32([]byte{bitmap64, 1}, 7)
	values := binary.LittleEndian.AppendUint32([]byte{bitmap32Wide, roaringValues}, 5000)
	for i := range 5000 {
		values = binary.LittleEndian.AppendUint32(values, uint32(i*1000))
	}
	runs := binary.LittleEndian.AppendUint32([]byte{bitmap32}, cookieRuns|(20-1)<<16)
	runs = append(runs, 0xff, 0xff, 0x0f)
	for i := range 20 {
		runs = binary.LittleEndian.AppendUint16(runs, uint16(i))
		runs = binary.LittleEndian.AppendUint16(runs, 999)
	}
	runs = append(runs, make([]byte, 4*20)...)
	for range 20 {
		runs = binary.LittleEndian.AppendUint16(runs, 500)
		for j := range 500 {
			runs = binary.LittleEndian.AppendUint16(runs, uint16(4*j))
			runs = binary.LittleEndian.AppendUint16(runs, 1)
		}
	}
	for name, v := range map[string][]byte{
		"containers": append([]byte{bitmap32}, roaringOf(40)...), "64 bits": append(high, roaringOf(40)...),
		"wide": append([]byte{bitmap32Wide, roaringContainers}, roaringOf(40)...), "values": values, "runs": runs,
	} {
		const limit = 10_000
		pieces, err := splitBitmap(v, limit)
		require.NoError(t, err, name)
		require.Greater(t, len(pieces), 1, name)
		var all []uint64
		for _, p := range pieces {
			require.LessOrEqual(t, len(p), limit, name)
			all = append(all, members(t, p)...)
		}
		require.Equal(t, members(t, v), all, name)
	}
}

func TestBitmapThatFitsStaysAsItIs(t *testing.T) {
	t.Parallel()
	pieces, err := splitBitmap([]byte{bitmapEmpty}, maxPiece)
	require.NoError(t, err)
	require.Equal(t, [][]byte{{bitmapEmpty}}, pieces)
}

func TestDamagedBitmapIsRefused(t *testing.T) {
	t.Parallel()
	whole := append([]byte{bitmap32}, roaringOf(10)...)
	for n := 2; n < len(whole); n += 97 {
		_, err := splitBitmap(whole[:n], 1)
		require.Error(t, err, n)
	}
	_, err := splitBitmap([]byte{99, 1, 2}, 1)
	require.ErrorIs(t, err, errBitmap)
}

func TestEqualSmallBitmapsAndHLLsAreEqualBytes(t *testing.T) {
	t.Parallel()
	for head, sort := range map[string]func([]byte){"\x0a\x03\x00\x00\x00": sortSet, "\x01\x03": sortHash} {
		var same [][]byte
		for _, order := range [][]uint64{{3, 1 << 40, 2}, {1 << 40, 2, 3}} {
			v := []byte(head)
			for _, x := range order {
				v = binary.LittleEndian.AppendUint64(v, x)
			}
			sort(v)
			same = append(same, v)
		}
		require.Equal(t, same[0], same[1])
		require.True(t, slices.IsSorted([]uint64{binary.LittleEndian.Uint64(same[0][len(head):]), binary.LittleEndian.Uint64(same[0][len(head)+8:])}))
	}
}

func FuzzSplitBitmapNeverPanics(f *testing.F) {
	f.Add(append([]byte{bitmap32}, roaringOf(3)...))
	f.Add([]byte{bitmap64, 2, 1, 0, 0, 0})
	f.Add([]byte{bitmap64Wide, 1, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, v []byte) {
		if len(v) > 0 {
			_, _ = splitBitmap(v, 100)
		}
	})
}

package dataobject

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"starkeep/snapshot"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"github.com/stretchr/testify/require"
)

// everything is a table of all kinds with all their values, NULLs among them.
func everything() table {
	var t table
	for _, typ := range types {
		values := []string{null}
		for len(values) < 40 {
			values = append(values, canonical[typ]...)
			values = append(values, null)
		}
		t.columns = append(t.columns, snapshot.Column{Name: typ.String(), Type: typ, Source: "source of " + typ.String(), Nullable: true})
		t.values = append(t.values, values[:40])
	}
	return t
}

// requireTyped requires that an error of decoding is one of those that Open promises.
func requireTyped(t testing.TB, err error) {
	for _, known := range []error{ErrForeign, ErrNewer, ErrDamaged, ErrColumns} {
		if errors.Is(err, known) {
			return
		}
	}
	require.NoError(t, err, "error without a type")
}

// TestCutObjectIsDamaged: at any place.
func TestCutObjectIsDamaged(t *testing.T) {
	t.Parallel()
	rows := everything()
	objects, _ := encode(t, t.TempDir(), rows.columns, rows.reader(), Options{})
	data := objects[0].data
	for n := 0; n < len(data); n += everyByte {
		cut := object{data: data[:n]}
		_, err := decode(rows.columns, []object{cut})
		require.Error(t, err, "cut at %d", n)
		requireTyped(t, err)
	}
	// The store promised more bytes than it has.
	_, err := Open(bytes.NewReader(data[:len(data)-10]), int64(len(data)), rows.columns)
	require.ErrorIs(t, err, ErrDamaged)
}

// TestChangedByteIsFound: wherever a byte differs, the rows come back unchanged or there is an error with a type, in
// every compression. In the pages it is always an error.
func TestChangedByteIsFound(t *testing.T) {
	t.Parallel()
	rows := everything()
	for i, compression := range []string{"zstd", "snappy", "gzip", "lz4", "none"} {
		objects, _ := encode(t, t.TempDir(), rows.columns, rows.reader(), Options{Compression: compression})
		data := objects[0].data
		f, end, err := openFooter(bytes.NewReader(data), int64(len(data)))
		require.NoError(t, err)
		for at := min(i, everyByte-1); at < len(data); at += everyByte {
			changed := bytes.Clone(data)
			changed[at] ^= 1 << (at % 8)
			got, err := decode(rows.columns, []object{{data: changed}})
			if err != nil {
				requireTyped(t, err)
				continue
			}
			require.Equal(t, rows.values, got.values, "%s, byte %d", compression, at)
			require.False(t, int64(at) < end && inPage(t, f, data, at), "%s, byte %d", compression, at)
		}
	}
}

// inPage tells whether a byte belongs to a page and not to its header.
func inPage(t testing.TB, f footer, data []byte, at int) bool {
	for _, g := range f.groups {
		for _, c := range g.chunks {
			for rest := data[c.offset : c.offset+c.size]; len(rest) > 0; {
				h, page, err := readPageHeader(rest)
				require.NoError(t, err)
				start := len(data[:c.offset+c.size]) - len(page)
				if at >= start && at < start+h.compressed {
					return true
				}
				rest = page[h.compressed:]
			}
		}
	}
	return false
}

func TestForeignFileIsCalledForeign(t *testing.T) {
	t.Parallel()
	columns := []snapshot.Column{{Name: "n", Type: kind(snapshot.Int64)}}
	open := func(data []byte) error {
		_, err := Open(bytes.NewReader(data), int64(len(data)), columns)
		return err
	}
	require.ErrorIs(t, open(nil), ErrForeign)
	require.ErrorIs(t, open([]byte("PAR1")), ErrForeign)
	require.ErrorIs(t, open([]byte(strings.Repeat("n\n1\n", 100))), ErrForeign)

	var b bytes.Buffer
	type row struct {
		N int64 `parquet:"n"`
	}
	require.NoError(t, parquet.Write(&b, []row{{1}, {2}}))
	require.ErrorIs(t, open(b.Bytes()), ErrForeign)
}

// TestDescriptionIsChecked: who changes the description cannot make the decoder misread the values.
func TestDescriptionIsChecked(t *testing.T) {
	t.Parallel()
	columns := []snapshot.Column{{Name: "n", Type: kind(snapshot.Int64)}}
	objects, _ := encode(t, t.TempDir(), columns, table{columns, [][]string{{"1", "2"}}}.reader(), Options{})
	for change, want := range map[[2]string]error{
		{`"format":1`, `"format":2`}:     ErrNewer,
		{`"format":1`, `"format":0`}:     ErrDamaged,
		{`"format":1`, `"format":x`}:     ErrDamaged,
		{`"int64"`, `"int32"`}:           ErrDamaged,
		{`"typed"`, `"table"`}:           ErrDamaged,
		{`"name":"n"`, `"name":"m"`}:     ErrDamaged,
		{`starkeep.col`, `whatever.col`}: ErrForeign,
	} {
		changed := bytes.Replace(objects[0].data, []byte(change[0]), []byte(change[1]), 1)
		require.NotEqual(t, objects[0].data, changed)
		_, err := Open(bytes.NewReader(changed), int64(len(changed)), columns)
		require.ErrorIs(t, err, want, "%v", change)
	}
}

func TestColumnsAreFoundByNameAndKind(t *testing.T) {
	t.Parallel()
	rows := lineorder(100)
	objects, _ := encode(t, t.TempDir(), rows.columns, rows.reader(), Options{})
	some := []snapshot.Column{rows.columns[16], rows.columns[0]}
	got, err := decode(some, objects)
	require.NoError(t, err)
	require.Equal(t, [][]string{rows.values[16], rows.values[0]}, got.values)

	_, err = decode([]snapshot.Column{{Name: "other", Type: kind(snapshot.String)}}, objects)
	require.ErrorIs(t, err, ErrColumns)
	_, err = decode([]snapshot.Column{{Name: "lo_orderdate", Type: kind(snapshot.Datetime)}}, objects)
	require.ErrorIs(t, err, ErrColumns)
}

// failing is a store that fails: an error that is not the object's fault.
type failing struct{ error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.error }

func TestFailingStoreIsNotCalledDamage(t *testing.T) {
	t.Parallel()
	columns := []snapshot.Column{{Name: "n", Type: kind(snapshot.Int64)}}
	broken := errors.New("connection reset")
	_, err := Open(failing{broken}, 1000, columns)
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, ErrDamaged)
}

// TestClosedReaderIsAtItsEnd, also in the middle, and its error stays.
func TestClosedReaderIsAtItsEnd(t *testing.T) {
	t.Parallel()
	rows := lineorder(10_000)
	objects, _ := encode(t, t.TempDir(), rows.columns, rows.reader(), Options{})
	open := func() (snapshot.RowReader, error) {
		return Open(bytes.NewReader(objects[0].data), objects[0].Size, rows.columns)
	}
	b := snapshot.NewBatch(len(rows.columns))
	single, err := open()
	require.NoError(t, err)
	for _, r := range []snapshot.RowReader{single, Concat(open)} {
		require.NoError(t, r.Next(b))
		require.NoError(t, r.Close())
		require.NoError(t, r.Close())
		require.Equal(t, io.EOF, r.Next(b))
		require.Zero(t, b.Rows())
	}

	broken := errors.New("no more objects")
	r := Concat(func() (snapshot.RowReader, error) { return nil, broken })
	require.ErrorIs(t, r.Next(b), broken)
	require.ErrorIs(t, r.Next(b), broken)
}

// FuzzDecode: any bytes give rows or an error with a type; no panic, and no memory that the bytes do not account for.
func FuzzDecode(f *testing.F) {
	rows := everything()
	for _, compression := range []string{"zstd", "snappy", "gzip", "lz4", "none"} {
		objects, _ := encode(f, f.TempDir(), rows.columns, rows.reader(), Options{Compression: compression})
		f.Add(objects[0].data)
	}
	golden, err := os.ReadFile("testdata/every-kind.parquet")
	require.NoError(f, err)
	f.Add(golden)
	f.Fuzz(func(t *testing.T, data []byte) {
		if file, _, err := openFooter(bytes.NewReader(data), int64(len(data))); err == nil {
			if layouts, err := parseDescription(file.description); err == nil {
				var columns []snapshot.Column
				for _, l := range layouts {
					columns = append(columns, snapshot.Column{Name: l.Name, Type: l.Type})
				}
				if checkColumns(columns) != nil {
					return
				}
				if _, err := decode(columns, []object{{data: data}}); err != nil {
					requireTyped(t, err)
				}
				return
			}
		}
		_, err := Open(bytes.NewReader(data), int64(len(data)), rows.columns)
		require.Error(t, err)
		requireTyped(t, err)
	})
}

// FuzzPages goes behind the checksums: the content of a page is anything, its header fits.
func FuzzPages(f *testing.F) {
	f.Add(uint8(0), uint16(8), []byte{1})
	for i := range types {
		f.Add(uint8(i), uint16(40), bytes.Repeat([]byte{128, 1, 4}, 30))
	}
	rng := rand.New(rand.NewPCG(3, 4))
	var packedInts []byte
	values := make([]int32, 300)
	for i := range values {
		values[i] = int32(rng.Uint32() >> rng.IntN(31))
	}
	packedInts, err := packed.EncodeInt32(packedInts, values)
	require.NoError(f, err)
	f.Add(uint8(3), uint16(300), packedInts)
	f.Fuzz(func(t *testing.T, which uint8, rows uint16, page []byte) {
		l, err := layoutOf(snapshot.Column{Name: "c", Type: types[int(which)%len(types)], Nullable: which >= 128})
		require.NoError(t, err)
		c := newColumn(l)
		n := max(int(rows), 1)
		values, err := readLevels(page, c, n)
		if err == nil {
			err = readValues(values, c, encodingOf(c), &scratch{})
		}
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
		} else {
			var v snapshot.Vector
			require.Equal(t, n-c.nulls, c.print(&v, 0, n, 0))
			require.Equal(t, n, v.Len())
		}

		var e entries
		if len(page) > 2 && e.read(page[2:], int(binary.LittleEndian.Uint16(page))%100) == nil && c.rows() > 0 {
			_ = e.readIndexes(page, c, &scratch{})
		}
	})
}

// encodingOf returns the encoding that readValues expects.
func encodingOf(c *column) format.Encoding {
	empty := newColumn(c.layout)
	_, encoding := appendValues(nil, empty, &scratch{})
	return encoding
}

package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"starkeep/snapshot"
)

// answerBytes builds the packets of a server's answer.
type answerBytes struct {
	bytes.Buffer
	next byte
}

func newAnswer() *answerBytes { return &answerBytes{next: 1} }

func (a *answerBytes) packet(p []byte) {
	for {
		n := min(len(p), maxFrame)
		a.Write([]byte{byte(n), byte(n >> 8), byte(n >> 16), a.next})
		a.Write(p[:n])
		a.next++
		p = p[n:]
		if n < maxFrame {
			return
		}
	}
}

func (a *answerBytes) columns(names ...string) {
	a.packet([]byte{byte(len(names))})
	for _, n := range names {
		var p []byte
		for _, s := range []string{"def", "db", "t", "t", n, n} {
			p = appendText(p, []byte(s))
		}
		a.packet(append(p, 0x0c, 0x3f, 0, 0, 1, 0, 0, 0xfd, 0, 0, 0, 0, 0))
	}
}

func (a *answerBytes) eof() { a.packet([]byte{markEnd, 0, 0, 2, 0}) }
func (a *answerBytes) ok()  { a.packet([]byte{markEnd, 0, 0, 2, 0, 0, 0}) }

func (a *answerBytes) row(values ...[]byte) {
	var p []byte
	for _, v := range values {
		if v == nil {
			p = append(p, markNull)
		} else {
			p = appendText(p, v)
		}
	}
	a.packet(p)
}

func appendText(p, v []byte) []byte {
	switch n := len(v); {
	case n < 0xfb:
		p = append(p, byte(n))
	case n < 1<<16:
		p = append(p, 0xfc, byte(n), byte(n>>8))
	case n < 1<<24:
		p = append(p, 0xfd, byte(n), byte(n>>8), byte(n>>16))
	default:
		p = binary.LittleEndian.AppendUint64(append(p, 0xfe), uint64(n))
	}
	return append(p, v...)
}

func decode(r io.Reader) ([][]string, error) {
	d := decoder{frames: newFrames(r)}
	d.frames.next = 1
	if err := d.start(); err != nil {
		return nil, err
	}
	var all [][]string
	var b snapshot.Batch
	for {
		if err := d.next(&b); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, err
		}
		for i := range b.Rows() {
			row := make([]string, len(b.Columns))
			for j := range b.Columns {
				row[j] = fmt.Sprintf("%q", b.Columns[j].Value(i))
				if b.Columns[j].Null[i] {
					row[j] = "NULL"
				}
			}
			all = append(all, row)
		}
	}
}

func TestBothEndsOfAResultSetAreKnown(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*answerBytes){
		"with EOF packets": func(a *answerBytes) {
			a.columns("a", "b")
			a.eof()
			a.row([]byte("1"), nil)
			a.row([]byte(""), []byte("NULL"))
			a.eof()
		},
		"with CLIENT_DEPRECATE_EOF": func(a *answerBytes) {
			a.columns("a", "b")
			a.row([]byte("1"), nil)
			a.row([]byte(""), []byte("NULL"))
			a.ok()
		},
	} {
		a := newAnswer()
		write(a)
		for _, r := range []io.Reader{bytes.NewReader(a.Bytes()), iotest.OneByteReader(bytes.NewReader(a.Bytes()))} {
			got, err := decode(r)
			require.NoError(t, err, name)
			require.Equal(t, [][]string{{`"1"`, "NULL"}, {`""`, `"NULL"`}}, got, name)
		}
	}
}

func TestColumnCountOfMariaDBIsUnderstood(t *testing.T) {
	t.Parallel()
	for flag, good := range map[byte]bool{1: true, 0: false} { // 0: no columns follow
		a := newAnswer()
		a.columns("a")
		all := append([]byte{2}, a.Bytes()[1:headerSize]...)
		all = append(append(all, a.Bytes()[headerSize], flag), a.Bytes()[headerSize+1:]...)
		end := &answerBytes{next: a.next}
		end.row([]byte("x"))
		end.ok()
		got, err := decode(bytes.NewReader(append(all, end.Bytes()...)))
		if good {
			require.NoError(t, err)
			require.Equal(t, [][]string{{`"x"`}}, got)
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
	}
}

func TestWarningsAreToldByBothEnds(t *testing.T) {
	t.Parallel()
	for _, end := range [][]byte{{markEnd, 5, 1, 2, 0}, {markEnd, 0, 0, 2, 0, 5, 1}} {
		a := newAnswer()
		a.columns("a")
		a.row([]byte("x"))
		a.packet(end)
		d := decoder{frames: newFrames(&a.Buffer)}
		d.frames.next = 1
		require.NoError(t, d.start())
		var b snapshot.Batch
		require.NoError(t, d.next(&b))
		require.Equal(t, io.EOF, d.next(&b))
		require.Equal(t, uint16(261), d.outcome.Warnings)
	}
}

func TestResultSetWithoutRows(t *testing.T) {
	t.Parallel()
	for _, end := range []func(*answerBytes){(*answerBytes).ok, func(a *answerBytes) { a.eof(); a.eof() }} {
		a := newAnswer()
		a.columns("a")
		end(a)
		got, err := decode(bytes.NewReader(a.Bytes()))
		require.NoError(t, err)
		require.Empty(t, got)
	}
}

func TestErrorInTheMiddleOfRowsIsNoEnd(t *testing.T) {
	t.Parallel()
	a := newAnswer()
	a.columns("a")
	a.eof()
	a.row([]byte("1"))
	a.packet([]byte("\xff\x28\x04#HY000tablet 7 has no replica"))
	_, err := decode(bytes.NewReader(a.Bytes()))
	var refused *ServerError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, ServerError{1064, "HY000", "tablet 7 has no replica"}, *refused)
}

func TestCutConnectionIsNoEnd(t *testing.T) {
	t.Parallel()
	a := newAnswer()
	a.columns("a")
	a.eof()
	a.row([]byte("one"))
	a.eof()
	for n := range a.Len() {
		_, err := decode(bytes.NewReader(a.Bytes()[:n]))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut at byte %d", n)
	}
}

func TestRowLongerThanAFrame(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0xfa, 0xfb, 1 << 16, bufferSize - 4, bufferSize, bufferSize + 1, maxFrame - 9, maxFrame - 8, maxFrame, maxFrame + 5} {
		value := bytes.Repeat([]byte{0xfe}, n)
		a := newAnswer()
		a.columns("a", "b")
		a.row(value, []byte("x"))
		a.ok()
		d := decoder{frames: newFrames(&a.Buffer)}
		d.frames.next = 1
		require.NoError(t, d.start())
		var b snapshot.Batch
		require.NoError(t, d.next(&b))
		require.True(t, bytes.Equal(value, b.Columns[0].Value(0)), "%d bytes", n)
		require.Equal(t, "x", string(b.Columns[1].Value(0)))
		require.Equal(t, io.EOF, d.next(&b))
	}
}

func TestLengthFieldAloneCostsNoMemory(t *testing.T) { // not parallel: it measures the whole process
	a := newAnswer()
	a.columns("a")
	a.eof()
	a.Write([]byte{0xfe, 0xff, 0xff, a.next, 0xfe, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}) // 16 MiB of packet, 4 GiB of value
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := decode(&a.Buffer)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestBatchEndsAtItsLimits(t *testing.T) {
	t.Parallel()
	rows := func(n int, value []byte) (sizes []int) {
		a := newAnswer()
		a.columns("a")
		for range n {
			a.row(value)
		}
		a.ok()
		d := decoder{frames: newFrames(&a.Buffer)}
		d.frames.next = 1
		require.NoError(t, d.start())
		var b snapshot.Batch
		for d.next(&b) == nil {
			sizes = append(sizes, b.Rows())
		}
		return sizes
	}
	require.Equal(t, []int{snapshot.BatchRows, 8}, rows(snapshot.BatchRows+8, []byte("1")))
	require.Equal(t, []int{5, 5, 1}, rows(11, make([]byte, 1<<20-1<<10)))
}

func FuzzAnswer(f *testing.F) {
	good := newAnswer()
	good.columns("a", "b")
	good.eof()
	good.row([]byte("1"), nil)
	good.eof()
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:17])
	f.Add([]byte{1, 0, 0, 1, 0xfb})
	f.Add([]byte{9, 0, 0, 1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{1, 0, 0, 1, 0xff})
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, p []byte) {
		rows, err := decode(bytes.NewReader(p))
		var refused *ServerError
		if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &refused) {
			t.Fatalf("unnamed error %v", err)
		}
		if len(rows) > len(p) {
			t.Fatalf("%d rows out of %d bytes", len(rows), len(p))
		}
	})
}

func BenchmarkDecodeRows(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	a := newAnswer()
	for range 20_000 {
		row := make([][]byte, 17)
		for i := range row {
			row[i] = fmt.Appendf(nil, "%d", random.IntN(1<<20))
		}
		a.row(row...)
	}
	d := decoder{frames: newFrames(nil), columns: make([]string, 17)}
	batch := snapshot.NewBatch(17)
	source := bytes.NewReader(nil)
	b.SetBytes(int64(a.Len()))
	b.ReportAllocs()
	for b.Loop() {
		source.Reset(a.Bytes())
		d.frames.source, d.frames.next = source, 1
		rows := 0
		for rows < 20_000 {
			batch.Reset()
			for batch.Rows() < 5_000 {
				p, err := d.row()
				if err == nil {
					err = appendRow(batch, p, false)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			rows += batch.Rows()
		}
	}
}

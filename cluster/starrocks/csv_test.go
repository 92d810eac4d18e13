package starrocks

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// table builds a reader of rows; nil is NULL.
func table(rows ...[]any) *singleBatch {
	b := snapshot.NewBatch(len(rows[0]))
	for _, r := range rows {
		for j, v := range r {
			if v == nil {
				b.Columns[j].AppendNull()
			} else {
				b.Columns[j].Append([]byte(v.(string)))
			}
		}
	}
	return &singleBatch{b}
}

func columns(kinds ...snapshot.Kind) []snapshot.Column {
	list := make([]snapshot.Column, len(kinds))
	for i, k := range kinds {
		list[i] = snapshot.Column{Name: fmt.Sprintf("c%d", i), Type: snapshot.Type{Kind: k}}
	}
	return list
}

// fieldsOf is carriages of columns that are all known.
func fieldsOf(columns []snapshot.Column) []field {
	fields, err := carriages(columns)
	if err != nil {
		panic(err)
	}
	return fields
}

func encode(fields []field, rows ...[]any) (string, error) {
	out, err := io.ReadAll(newEncoder(table(rows...), fields))
	return string(out), err
}

func TestStringsTravelInHexSoThatNoByteIsLost(t *testing.T) {
	t.Parallel()
	got, err := encode(fieldsOf(columns(snapshot.Int32, snapshot.String, snapshot.Binary)),
		[]any{"1", "a,\"b\"\n\\N", "\xff\x00"}, []any{nil, nil, nil}, []any{"-2", `\N`, ""})
	require.NoError(t, err)
	require.Equal(t, "1,612c2262220a5c4e,ff00\n\\N,\\N,\\N\n-2,5c4e,\"\"\n", got)
}

func TestRowOfOneEmptyStringIsNotABlankLine(t *testing.T) {
	t.Parallel()
	got, err := encode(fieldsOf(columns(snapshot.String)), []any{""}, []any{nil})
	require.NoError(t, err)
	require.Equal(t, "\"\"\n\\N\n", got)
}

func TestColumnsHeaderMapsTemporaryFields(t *testing.T) {
	t.Parallel()
	fields := fieldsOf(columns(snapshot.Int32, snapshot.String, snapshot.Binary, snapshot.JSON))
	got, err := columnsHeader(fields)
	require.NoError(t, err)
	require.Equal(t, "`c0`,`starkeep_1`,`starkeep_2`,`c3`,`c1`=unhex(`starkeep_1`),`c2`=to_binary(`starkeep_2`,'hex')", got)
	fields[3].by = wrapped
	fields[0].column.Name = "Starkeep_1"
	got, err = columnsHeader(fields)
	require.NoError(t, err)
	require.Contains(t, got, "`c3`=json_query(parse_json(concat('[',`_starkeep_3`,']')),'$[0]')", "a column must not be taken for a temporary field")
}

func TestColumnNameThatNoHeaderCanCarryGoesThroughAStagingTable(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"a\nb": true, "a\x7f": true, "a b": false, "ä": false} {
		f := field{column: snapshot.Column{Name: name}}
		require.Equal(t, want, f.staged(), name)
	}
	_, err := columnsHeader([]field{{column: snapshot.Column{Name: "a`b"}}})
	require.ErrorIs(t, err, cluster.ErrInvalidName)
}

func TestStringLongerThanAFieldInHexadecimalTravelsInTwo(t *testing.T) {
	t.Parallel()
	for _, kind := range []snapshot.Kind{snapshot.String, snapshot.Binary} {
		fields := fieldsOf(columns(kind, snapshot.Int32))
		fits, long := strings.Repeat("x", maxPiece), strings.Repeat("\xff\"", maxPiece)
		_, err := encode(fields, []any{fits, "1"})
		require.NoError(t, err)
		_, err = encode(fields, []any{long, "1"})
		var unfit *unfitError
		require.ErrorAs(t, err, &unfit)
		require.NoError(t, fields[unfit.field].change(unfit))
		got, err := encode(fields, []any{long, "1"}, []any{"", "2"}, []any{nil, "3"})
		require.NoError(t, err)
		half := strings.Repeat("ff22", maxPiece/2)
		require.Equal(t, half+","+half+",1\n\"\",\"\",2\n\\N,\\N,3\n", got)
		header, err := columnsHeader(fields)
		require.NoError(t, err)
		want := map[snapshot.Kind]string{
			snapshot.String: "concat(unhex(`starkeep_0`),unhex(`starkeep_0_1`))",
			snapshot.Binary: "to_binary(concat(unhex(`starkeep_0`),unhex(`starkeep_0_1`)),'utf8')",
		}
		require.Equal(t, "`starkeep_0`,`starkeep_0_1`,`c1`,`c0`="+want[kind], header)
	}
}

func TestValueThatIsTooLongForAnyFormIsRefusedByNameAndSize(t *testing.T) {
	t.Parallel()
	_, err := encode(fieldsOf(columns(snapshot.String)), []any{strings.Repeat("x", maxField+1)})
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	require.ErrorContains(t, err, "column c0: a value of 1048577 bytes")
	fields := fieldsOf([]snapshot.Column{{Name: "c0", Type: snapshot.Type{Kind: snapshot.JSON}, Source: "array<json>", Encoding: snapshot.NestedEncoding}})
	_, err = encode(fields, []any{`["\"` + strings.Repeat("x", maxJSON) + `\""]`})
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	require.ErrorContains(t, err, "column c0: a value takes 16777")
}

func TestDecimal256IsCastSinceNoConverterReadsIt(t *testing.T) {
	t.Parallel()
	fields := fieldsOf([]snapshot.Column{{Name: "d", Type: snapshot.Type{Kind: snapshot.Decimal, Precision: 76, Scale: 3}, Source: "decimal(76,3)"}})
	header, err := columnsHeader(fields)
	require.NoError(t, err)
	require.Equal(t, "`starkeep_0`,`d`=cast(`starkeep_0` as decimal(76,3))", header)
	got, err := encode(fields, []any{"-1.500"}, []any{nil})
	require.NoError(t, err)
	require.Equal(t, "-1.500\n\\N\n", got)
}

func TestLongJSONBesideAScalarIsNotMadeNull(t *testing.T) {
	t.Parallel()
	fields := fieldsOf(columns(snapshot.JSON))
	rows := [][]any{{`"` + strings.Repeat("x", maxField) + `"`}, {"1"}}
	for _, by := range []carriage{wrapped, boxed} {
		_, err := encode(fields, rows...)
		var unfit *unfitError
		require.ErrorAs(t, err, &unfit)
		require.NoError(t, fields[0].change(unfit))
		require.Equal(t, by, fields[0].by)
	}
	require.True(t, fields[0].staged())
	got, err := encode(fields, rows[1], []any{nil})
	require.NoError(t, err)
	require.Equal(t, "\"[1]\"\n\\N\n", got)
}

func TestJSONScalarIsNotMadeAString(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"1", "null", "true", "-1.5"} {
		fields := fieldsOf(columns(snapshot.JSON))
		_, err := encode(fields, []any{`{"a": 1}`}, []any{v})
		var unfit *unfitError
		require.ErrorAs(t, err, &unfit)
		require.NoError(t, fields[unfit.field].change(unfit))
		got, err := encode(fields, []any{`{"a": "x"}`}, []any{v}, []any{nil})
		require.NoError(t, err)
		require.Equal(t, "\"{\"\"a\"\": \"\"x\"\"}\"\n\""+v+"\"\n\\N\n", got)
	}
}

func TestTextThatIsNoJSONIsNotLoadedAsNull(t *testing.T) {
	t.Parallel()
	fields := fieldsOf(columns(snapshot.JSON))
	fields[0].by = wrapped
	for _, v := range []string{"", "{", "1,2", "nan"} {
		_, err := encode(fields, []any{v})
		require.ErrorContains(t, err, "is not JSON", "%q", v)
	}
}

func TestNumberThatIsNoneIsNotSentBare(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"", "1,2", "1\n2", `\N`, `"`} {
		_, err := encode(fieldsOf(columns(snapshot.Int64)), []any{v})
		require.ErrorIs(t, err, cluster.ErrUnsupported, "%q", v)
	}
}

func TestBodyEndsEarlyWhenRowsDo(t *testing.T) {
	t.Parallel()
	e := newEncoder(brokenRows{}, fieldsOf(columns(snapshot.Int32)))
	_, err := io.ReadAll(e)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

type brokenRows struct{}

func (brokenRows) Next(*snapshot.Batch) error { return io.ErrClosedPipe }
func (brokenRows) Close() error               { return nil }

// endlessRows yields the same batch n times without an allocation.
type endlessRows struct {
	batch *snapshot.Batch
	n     int
}

func (r *endlessRows) Next(b *snapshot.Batch) error {
	b.Reset()
	if r.n == 0 {
		return io.EOF
	}
	r.n--
	for i := range r.batch.Columns {
		from, to := &r.batch.Columns[i], &b.Columns[i]
		to.Data = append(to.Data, from.Data...)
		to.Ends = append(to.Ends, from.Ends...)
		to.Null = append(to.Null, from.Null...)
	}
	return nil
}

func (r *endlessRows) Close() error { return nil }

func BenchmarkEncode(b *testing.B) {
	var kinds []snapshot.Kind
	batch := snapshot.NewBatch(17)
	for i := range 17 {
		kind, value := snapshot.Int32, []byte("1234567")
		if i%4 == 0 {
			kind, value = snapshot.String, bytes.Repeat([]byte("text "), 4)
		}
		kinds = append(kinds, kind)
		for range 4096 {
			batch.Columns[i].Append(value)
		}
	}
	e := newEncoder(nil, fieldsOf(columns(kinds...)))
	b.SetBytes(int64(batch.Bytes()))
	b.ReportAllocs()
	for b.Loop() {
		e.rows, e.err = &endlessRows{batch, 1}, nil
		if _, err := io.Copy(io.Discard, e); err != nil {
			b.Fatal(err)
		}
	}
}

package dataobject

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sort"

	"starkeep/snapshot"

	"github.com/parquet-go/parquet-go/format"
)

// Open returns a reader of the rows of a data object of the given size: its values in the order of columns, which are
// found by name and kind. Columns that nobody asks for are not read. Nothing is read behind the returned reader's back,
// and r is the caller's to close.
//
// Open and Next return ErrForeign, ErrNewer, ErrDamaged or ErrColumns for bytes that are not the object they should be;
// any other error is one of r.
func Open(r io.ReaderAt, size int64, columns []snapshot.Column) (snapshot.RowReader, error) {
	if err := checkColumns(columns); err != nil {
		return nil, err
	}
	f, end, err := openFooter(r, size)
	if err != nil {
		return nil, fmt.Errorf("open data object: %w", err)
	}
	layouts, err := checkFooter(f, end)
	if err != nil {
		return nil, fmt.Errorf("open data object: %w", err)
	}
	o := &objectReader{file: r, groups: f.groups}
	for _, c := range columns {
		i := slices.IndexFunc(layouts, func(l layout) bool { return l.Name == c.Name })
		if i < 0 {
			return nil, fmt.Errorf("open data object: %w: it has no column %q", ErrColumns, c.Name)
		}
		if have := layouts[i].Type; have.Kind != c.Type.Kind {
			return nil, fmt.Errorf("open data object: %w: column %q is %s, not %s", ErrColumns, c.Name, have, c.Type)
		}
		o.columns = append(o.columns, newColumn(layouts[i]))
		o.chunks = append(o.chunks, i)
	}
	o.at = make([]int, len(columns))
	return o, nil
}

// openFooter reads the footer and returns where it begins.
func openFooter(r io.ReaderAt, size int64) (footer, int64, error) {
	const tail = 4 + len(magic)
	var head [len(magic)]byte
	var last [tail]byte
	if size < int64(len(magic)+tail) {
		return footer{}, 0, fmt.Errorf("%w: %d bytes are too few", ErrForeign, size)
	}
	if err := readAt(r, head[:], 0); err != nil {
		return footer{}, 0, err
	}
	if string(head[:]) != magic {
		return footer{}, 0, fmt.Errorf("%w: it does not begin as Parquet", ErrForeign)
	}
	if err := readAt(r, last[:], size-int64(tail)); err != nil {
		return footer{}, 0, err
	}
	length := int64(binary.LittleEndian.Uint32(last[:]))
	start := size - int64(tail) - length
	if string(last[4:]) != magic || start < int64(len(magic)) {
		return footer{}, 0, fmt.Errorf("%w: its end is missing", ErrDamaged)
	}
	data := make([]byte, length)
	if err := readAt(r, data, start); err != nil {
		return footer{}, 0, err
	}
	f, err := readFooter(data)
	return f, start, err
}

// readAt fills p. An end of file in the middle means that the object is shorter than it should be.
func readAt(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == io.EOF || err == nil {
		return fmt.Errorf("%w: it ends at byte %d", ErrDamaged, offset+int64(n))
	}
	return fmt.Errorf("read data object: %w", err)
}

// checkFooter makes sure that the footer is consistent, and returns the layouts of the columns. end is where data ends.
func checkFooter(f footer, end int64) ([]layout, error) {
	if !f.described {
		return nil, fmt.Errorf("%w: it is Parquet, but has no %s", ErrForeign, columnsKey)
	}
	layouts, err := parseDescription(f.description)
	if err != nil {
		return nil, err
	}
	if len(f.schema) != len(layouts)+1 || f.schema[0].children != int64(len(layouts)) {
		return nil, fmt.Errorf("%w: the schema does not have the %d columns of the description", ErrDamaged, len(layouts))
	}
	for i, l := range layouts {
		if f.schema[i+1] != elementOf(l) {
			return nil, fmt.Errorf("%w: schema and description of column %q differ", ErrDamaged, l.Name)
		}
	}
	var rows int64
	for _, g := range f.groups {
		if g.rows < 1 || g.rows > maxGroupRows || len(g.chunks) != len(layouts) {
			return nil, fmt.Errorf("%w: a row group has %d rows in %d columns", ErrDamaged, g.rows, len(g.chunks))
		}
		rows += g.rows
		for _, c := range g.chunks {
			if c.offset < int64(len(magic)) || c.size < 0 || c.size > end-c.offset {
				return nil, fmt.Errorf("%w: a column is at %d+%d, beyond the data", ErrDamaged, c.offset, c.size)
			}
		}
	}
	if rows != f.rows {
		return nil, fmt.Errorf("%w: it has %d rows instead of %d", ErrDamaged, rows, f.rows)
	}
	return layouts, nil
}

// elementOf returns what readFooter has to find for a column of this layout.
func elementOf(l layout) element {
	e := element{name: l.Name, kind: l.physical(), optional: l.Optional}
	if e.kind == format.FixedLenByteArray {
		e.length = 16
	}
	if l.Stored == typed && l.Type.Kind == snapshot.Decimal {
		e.precision, e.scale = int64(l.Type.Precision), int64(l.Type.Scale)
	}
	return e
}

// objectReader decodes one row group at a time and prints it batch by batch.
type objectReader struct {
	file    io.ReaderAt
	groups  []group // not decoded yet
	columns []*column
	chunks  []int // of each column, its place in a row group
	row     int   // next row of the current row group
	at      []int // of each column, its values in front of row
	err     error // io.EOF: closed or at the end

	decoder decoder
}

// decoder is the memory that decoding takes, shared by all columns.
type decoder struct {
	scratch
	decompressor
	chunk   []byte
	entries entries
}

func (o *objectReader) Next(b *snapshot.Batch) error {
	b.Reset()
	if o.err == nil && o.row == o.columns[0].rows() {
		o.err = o.nextGroup()
	}
	if o.err != nil {
		return o.err
	}
	to := o.fit()
	if len(b.Columns) != len(o.columns) {
		b.Columns = make([]snapshot.Vector, len(o.columns))
	}
	for i, c := range o.columns {
		o.at[i] = c.print(&b.Columns[i], o.row, to, o.at[i])
	}
	o.row = to
	return nil
}

// fit returns the end of the next batch, so that neither its rows nor its bytes are more than a batch should have.
func (o *objectReader) fit() int {
	most := min(snapshot.BatchRows, o.columns[0].rows()-o.row)
	n := sort.Search(most, func(n int) bool {
		size := 0
		for i, c := range o.columns {
			size += c.printSize(o.at[i], n+1)
		}
		return size > snapshot.BatchBytes
	})
	return o.row + max(n, 1)
}

func (o *objectReader) nextGroup() error {
	if len(o.groups) == 0 {
		return io.EOF
	}
	g := o.groups[0]
	o.groups = o.groups[1:]
	for i, c := range o.columns {
		if err := o.readChunk(c, g.chunks[o.chunks[i]], int(g.rows)); err != nil {
			return fmt.Errorf("decode column %q: %w", c.Name, err)
		}
	}
	o.row = 0
	clear(o.at)
	return nil
}

// readChunk reads and decodes the pages of one column: a dictionary page if it has one, and one data page.
func (o *objectReader) readChunk(c *column, at chunk, rows int) error {
	d := &o.decoder
	d.chunk = resize(d.chunk, int(at.size))
	if err := readAt(o.file, d.chunk, at.offset); err != nil {
		return err
	}
	h, page, rest, err := d.nextPage(at.codec, d.chunk)
	if err != nil {
		return err
	}
	dictionary := h.kind == format.DictionaryPage
	if dictionary {
		if err := d.entries.read(page, h.values); err != nil {
			return err
		}
		if h, page, rest, err = d.nextPage(at.codec, rest); err != nil {
			return err
		}
	}
	if h.kind != format.DataPage || h.values != rows || len(rest) != 0 {
		return fmt.Errorf("%w: pages do not hold the %d rows", ErrDamaged, rows)
	}
	values, err := readLevels(page, c, rows)
	if err != nil {
		return err
	}
	if dictionary {
		if h.encoding != format.RLEDictionary || c.kind != format.ByteArray {
			return errValues(c)
		}
		return d.entries.readIndexes(values, c, &d.scratch)
	}
	return readValues(values, c, h.encoding, &d.scratch)
}

// nextPage returns the header and the content of the first page in data, and what is behind it.
func (d *decoder) nextPage(codec format.CompressionCodec, data []byte) (h pageHeader, page, rest []byte, err error) {
	h, rest, err = readPageHeader(data)
	if err != nil {
		return h, nil, nil, err
	}
	if h.compressed < 0 || h.compressed > len(rest) {
		return h, nil, nil, fmt.Errorf("%w: a page is cut", ErrDamaged)
	}
	data, rest = rest[:h.compressed], rest[h.compressed:]
	if crc32.ChecksumIEEE(data) != h.checksum {
		return h, nil, nil, fmt.Errorf("%w: checksum of a page differs", ErrDamaged)
	}
	d.scratch.page, err = d.decompress(codec, d.scratch.page, data, h.size)
	return h, d.scratch.page, rest, err
}

func (o *objectReader) Close() error {
	o.err = io.EOF
	return nil
}

package dataobject

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"os"
	"syscall"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const magic = "PAR1"

// objectWriter writes one data object to a file in the spool folder, row group by row group.
type objectWriter struct {
	dir     string
	file    *os.File
	buffer  *bufio.Writer // in front of file and hash
	hash    hash.Hash
	size    int64
	rows    int64
	layouts []layout
	groups  []format.RowGroup
}

func createObject(dir string, columns []*column, buffer *bufio.Writer) (*objectWriter, error) {
	f, err := os.CreateTemp(dir, "starkeep-*.parquet.tmp")
	if err != nil {
		return nil, spoolError(dir, err)
	}
	return newObjectWriter(dir, f, columns, buffer), nil
}

func newObjectWriter(dir string, f *os.File, columns []*column, buffer *bufio.Writer) *objectWriter {
	w := &objectWriter{dir: dir, file: f, hash: sha256.New(), buffer: buffer}
	w.buffer.Reset(io.MultiWriter(f, w.hash))
	for _, c := range columns {
		w.layouts = append(w.layouts, c.layout)
	}
	_ = w.write([]byte(magic)) // into the empty buffer: cannot fail
	return w
}

// spoolError adds to a failed file operation what to do about it.
func spoolError(dir string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: free space in %s or name another folder: %w", ErrSpoolFull, dir, err)
	}
	return fmt.Errorf("spool data object: %w", err)
}

func (w *objectWriter) write(p []byte) error {
	n, err := w.buffer.Write(p)
	w.size += int64(n)
	if err != nil {
		return spoolError(w.dir, err)
	}
	return nil
}

// writeGroup writes the rows of all columns as one row group.
func (w *objectWriter) writeGroup(columns []*column, e *encoder) error {
	rows := int64(columns[0].rows())
	g := format.RowGroup{
		NumRows:    rows,
		FileOffset: w.size,
		Ordinal:    int16(min(len(w.groups), math.MaxInt16)),
		Columns:    make([]format.ColumnChunk, len(columns)),
	}
	for i, c := range columns {
		meta, err := w.writeChunk(c, e)
		if err != nil {
			return err
		}
		g.Columns[i].MetaData = meta
		g.TotalByteSize += meta.TotalUncompressedSize
		g.TotalCompressedSize += meta.TotalCompressedSize
	}
	w.groups = append(w.groups, g)
	w.rows += rows
	return nil
}

// writeChunk writes the pages of one column.
func (w *objectWriter) writeChunk(c *column, e *encoder) (format.ColumnMetaData, error) {
	meta := format.ColumnMetaData{
		Type:         c.kind,
		PathInSchema: []string{c.Name},
		Codec:        e.compressor.codec,
		NumValues:    int64(c.rows()),
	}
	e.page = e.page[:0]
	if c.Optional {
		e.page = appendLevels(e.page, c)
	}
	var used bool
	e.page, e.entries, used = e.dictionary.encode(e.page, e.entries[:0], c)
	encoding := format.RLEDictionary
	if used {
		meta.DictionaryPageOffset = w.size
		meta.Encoding = append(meta.Encoding, format.Plain)
		header := format.PageHeader{
			Type:                 format.DictionaryPage,
			DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(len(e.dictionary.starts)), Encoding: format.Plain}),
		}
		if err := w.writePage(header, e.entries, e, &meta); err != nil {
			return meta, err
		}
	} else {
		e.page, encoding = appendValues(e.page, c, &e.scratch)
	}
	meta.Encoding = append(meta.Encoding, encoding, format.RLE)
	meta.DataPageOffset = w.size
	header := format.PageHeader{
		Type: format.DataPage,
		DataPageHeader: thrift.New(format.DataPageHeader{
			NumValues: int32(c.rows()), Encoding: encoding,
			DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE,
		}),
	}
	return meta, w.writePage(header, e.page, e, &meta)
}

// writePage completes the header, compresses and writes a page, and adds its sizes to meta.
func (w *objectWriter) writePage(h format.PageHeader, page []byte, e *encoder, meta *format.ColumnMetaData) (err error) {
	e.compressed, err = e.compressor.compress(e.compressed, page)
	if err != nil {
		return fmt.Errorf("compress page: %w", err)
	}
	if len(page) > math.MaxInt32 || len(e.compressed) > math.MaxInt32 {
		return fmt.Errorf("write page: %d bytes are more than a page can hold", len(page))
	}
	h.UncompressedPageSize = int32(len(page))
	h.CompressedPageSize = int32(len(e.compressed))
	h.CRC = int32(crc32.ChecksumIEEE(e.compressed))
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
	if err != nil {
		return fmt.Errorf("write page header: %w", err)
	}
	meta.TotalUncompressedSize += int64(len(b) + len(page))
	meta.TotalCompressedSize += int64(len(b) + len(e.compressed))
	if err := w.write(b); err != nil {
		return err
	}
	return w.write(e.compressed)
}

// finish writes the footer and closes the file.
func (w *objectWriter) finish() (File, error) {
	footer, err := w.footer()
	if err != nil {
		return File{}, fmt.Errorf("write footer: %w", err)
	}
	footer = append(footer, byte(len(footer)), byte(len(footer)>>8), byte(len(footer)>>16), byte(len(footer)>>24))
	if err := w.write(append(footer, magic...)); err != nil {
		return File{}, err
	}
	if err := w.buffer.Flush(); err != nil {
		return File{}, spoolError(w.dir, err)
	}
	if err := w.file.Close(); err != nil { // some file systems tell only now that there is no space
		return File{}, spoolError(w.dir, err)
	}
	f := File{Path: w.file.Name(), Size: w.size, Rows: w.rows}
	w.hash.Sum(f.SHA256[:0])
	return f, nil
}

// footer returns Parquet's FileMetaData. It has no times and no versions: equal rows are equal bytes.
func (w *objectWriter) footer() ([]byte, error) {
	value, err := describe(w.layouts)
	if err != nil {
		return nil, err
	}
	meta := format.FileMetaData{
		Version:          1,
		Schema:           []format.SchemaElement{{Name: "schema", NumChildren: thrift.New(int32(len(w.layouts)))}},
		NumRows:          w.rows,
		RowGroups:        w.groups,
		KeyValueMetadata: []format.KeyValue{{Key: columnsKey, Value: value}},
		CreatedBy:        createdBy,
	}
	for _, l := range w.layouts {
		meta.Schema = append(meta.Schema, l.element())
	}
	return thrift.Marshal(new(thrift.CompactProtocol), &meta)
}

// abandon removes the unfinished file.
func (w *objectWriter) abandon() error {
	return errors.Join(ignoreClosed(w.file.Close()), os.Remove(w.file.Name()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// Package dataobject is the codec of data objects: rows as the source printed them, stored as Parquet.
//
// A row group is collected as typed columns, one data page a column, and written when it is full. The codec is
// lossless by construction: a parser accepts only the one text that its printer gives back, so a value that a
// typed column cannot hold exactly is never rounded; its column becomes text instead, in this object if nothing
// of it is written yet, else in a new one. Where a page ends depends on the rows alone, never on how they were
// batched, so equal rows with equal options are equal files.
//
// Any Parquet reader can query an object. This package reads only what it wrote itself: the layout of format
// version 1, described in the key/value pair "starkeep.columns" of the footer.
package dataobject

import (
	"errors"
	"fmt"
)

// Errors of this package; match them with errors.Is.
var (
	// ErrForeign says that the bytes are not a data object: not Parquet, or Parquet that somebody else wrote.
	ErrForeign = errors.New("not a data object")
	// ErrNewer says that a newer version of the format wrote the object.
	ErrNewer = errors.New("data object of a newer format")
	// ErrDamaged says that the bytes were a data object once: cut, changed, or inconsistent in itself.
	ErrDamaged = errors.New("damaged data object")
	// ErrColumns says that the object is whole but does not hold the columns that were asked for.
	ErrColumns = errors.New("columns differ")
	// ErrSpoolFull says that the folder for unfinished objects has no space left.
	ErrSpoolFull = errors.New("spool folder is full")
)

// Defaults of Options.
const (
	DefaultTargetBytes   = 128 << 20
	DefaultRowGroupBytes = 8 << 20
)

// valueWeight is what a value adds to the size of a row group besides its bytes: it bounds the memory of columns
// whose texts are shorter than their typed values, down to NULLs without any bytes.
const valueWeight = 4

// Options say how data objects are written. The zero value is the default.
type Options struct {
	Compression   string // zstd (default), snappy, gzip, lz4, none
	Level         int    // of zstd (1-22) and gzip (1-9); 0 is the fastest
	TargetBytes   int64  // an object ends with the row group that reaches this many bytes; default DefaultTargetBytes
	RowGroupBytes int64  // a row group ends with the row that reaches this many bytes of values (and 4 for each value); default DefaultRowGroupBytes
}

func (o Options) withDefaults() (Options, error) {
	if o.TargetBytes < 0 || o.RowGroupBytes < 0 {
		return o, fmt.Errorf("check options: sizes must not be negative (target %d, row group %d)", o.TargetBytes, o.RowGroupBytes)
	}
	if o.Compression == "" {
		o.Compression = "zstd"
	}
	if o.TargetBytes == 0 {
		o.TargetBytes = DefaultTargetBytes
	}
	if o.RowGroupBytes == 0 {
		o.RowGroupBytes = DefaultRowGroupBytes
	}
	return o, nil
}

// File is a finished data object on disk.
type File struct {
	Path   string
	Size   int64
	SHA256 [32]byte
	Rows   int64
}

// Summary is what one Spool wrote.
type Summary struct {
	Rows  int64
	Bytes int64 // bytes of the values
	Files int
}

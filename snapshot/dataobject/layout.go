package dataobject

import (
	"encoding/json"
	"fmt"

	"starkeep/snapshot"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// columnsKey is the footer's key of the description, createdBy the footer's writer.
const (
	columnsKey = "starkeep.columns"
	createdBy  = "starkeep format 1"
)

// form says how one object stores the values of one column.
type form string

const (
	typed form = "typed" // as the Parquet type that stands for the kind
	text  form = "text"  // as UTF-8
	raw   form = "bytes" // as any bytes
)

// layout is how one object stores one column.
type layout struct {
	Name     string        `json:"name"`
	Type     snapshot.Type `json:"type"`
	Source   string        `json:"source"`
	Stored   form          `json:"stored"`
	Optional bool          `json:"optional,omitempty"` // may be NULL
}

// description is the value of columnsKey.
type description struct {
	Format  int      `json:"format"`
	Columns []layout `json:"columns"`
}

// layoutOf returns the strictest layout of a column.
func layoutOf(c snapshot.Column) (layout, error) {
	l := layout{Name: c.Name, Type: c.Type, Source: c.Source, Stored: typed, Optional: c.Nullable}
	switch c.Type.Kind {
	case snapshot.Boolean, snapshot.Int8, snapshot.Int16, snapshot.Int32, snapshot.Int64,
		snapshot.Float32, snapshot.Float64, snapshot.Date, snapshot.Datetime, snapshot.JSON:
	case snapshot.Decimal:
		if !isNarrow(c.Type) {
			l.Stored = text
		}
	case snapshot.Int128, snapshot.String:
		l.Stored = text
	case snapshot.Binary:
		l.Stored = raw
	default:
		return l, fmt.Errorf("choose layout of column %q: unknown kind %q", c.Name, c.Type.Kind)
	}
	return l, nil
}

// isNarrow tells whether a decimal fits into 128 bits.
func isNarrow(t snapshot.Type) bool {
	return t.Precision >= 1 && t.Precision <= 38 && t.Scale >= 0 && t.Scale <= t.Precision
}

// valid tells whether a layout that was read from a file is one that this package writes.
func (l layout) valid() bool {
	strictest, err := layoutOf(snapshot.Column{Type: l.Type})
	switch l.Stored {
	case typed:
		return err == nil && strictest.Stored == typed
	case text:
		return err == nil && strictest.Stored != raw
	default:
		return err == nil && l.Stored == raw
	}
}

// physical returns the Parquet type that stores the values.
func (l layout) physical() format.Type {
	if l.Stored != typed {
		return format.ByteArray
	}
	switch l.Type.Kind {
	case snapshot.Boolean:
		return format.Boolean
	case snapshot.Int8, snapshot.Int16, snapshot.Int32, snapshot.Date:
		return format.Int32
	case snapshot.Int64, snapshot.Datetime:
		return format.Int64
	case snapshot.Float32:
		return format.Float
	case snapshot.Float64:
		return format.Double
	case snapshot.Decimal:
		switch {
		case l.Type.Precision <= 9:
			return format.Int32
		case l.Type.Precision <= 18:
			return format.Int64
		default:
			return format.FixedLenByteArray
		}
	default: // JSON
		return format.ByteArray
	}
}

// element returns the leaf of the Parquet schema. Old readers know the converted types only, so both are given.
func (l layout) element() format.SchemaElement {
	e := format.SchemaElement{
		Name:           l.Name,
		Type:           thrift.New(l.physical()),
		RepetitionType: thrift.New(format.Required),
	}
	if l.Optional {
		e.RepetitionType = thrift.New(format.Optional)
	}
	if l.physical() == format.FixedLenByteArray {
		e.TypeLength = thrift.New[int32](16)
	}
	annotate := func(old deprecated.ConvertedType, t format.LogicalTypeValue) {
		e.ConvertedType = thrift.New(old)
		e.LogicalType = format.LogicalType{Value: t}
	}
	switch l.Stored {
	case raw:
		return e
	case text:
		annotate(deprecated.UTF8, &format.StringType{})
		return e
	}
	switch l.Type.Kind {
	case snapshot.Int8:
		annotate(deprecated.Int8, &format.IntType{BitWidth: 8, IsSigned: true})
	case snapshot.Int16:
		annotate(deprecated.Int16, &format.IntType{BitWidth: 16, IsSigned: true})
	case snapshot.Int32:
		annotate(deprecated.Int32, &format.IntType{BitWidth: 32, IsSigned: true})
	case snapshot.Int64:
		annotate(deprecated.Int64, &format.IntType{BitWidth: 64, IsSigned: true})
	case snapshot.Date:
		annotate(deprecated.Date, &format.DateType{})
	case snapshot.Datetime:
		// Converted type TIMESTAMP_MICROS means UTC, which a local time is not: the logical type stands alone.
		e.LogicalType = format.LogicalType{Value: &format.TimestampType{Unit: format.TimeUnit{Value: &format.MicroSeconds{}}}}
	case snapshot.Decimal:
		annotate(deprecated.Decimal, &format.DecimalType{Precision: int32(l.Type.Precision), Scale: int32(l.Type.Scale)})
		e.Precision, e.Scale = thrift.New(int32(l.Type.Precision)), thrift.New(int32(l.Type.Scale))
	case snapshot.JSON:
		annotate(deprecated.Json, &format.JsonType{})
	}
	return e
}

// formatVersion is the version of data objects that this code writes, and the newest that it reads.
const formatVersion = 1

// describe returns the value of columnsKey.
func describe(columns []layout) (string, error) {
	b, err := json.Marshal(description{Format: formatVersion, Columns: columns})
	return string(b), err
}

// parseDescription reads the value of columnsKey.
func parseDescription(s string) ([]layout, error) {
	var d description
	if err := json.Unmarshal([]byte(s), &d); err != nil {
		return nil, fmt.Errorf("%w: read column description: %v", ErrDamaged, err)
	}
	if d.Format > formatVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads up to %d", ErrNewer, d.Format, formatVersion)
	}
	if d.Format < 1 || len(d.Columns) == 0 {
		return nil, fmt.Errorf("%w: column description is empty", ErrDamaged)
	}
	for _, l := range d.Columns {
		if !l.valid() {
			return nil, fmt.Errorf("%w: column %q cannot be %s stored as %q", ErrDamaged, l.Name, l.Type, l.Stored)
		}
	}
	return d.Columns, nil
}

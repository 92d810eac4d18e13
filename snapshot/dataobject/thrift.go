package dataobject

import (
	"encoding/binary"
	"fmt"

	"github.com/parquet-go/parquet-go/format"
)

// A reader for Parquet's metadata in Thrift's compact protocol, instead of the library's, because it has to be safe on
// damaged bytes: it never allocates more than a small multiple of what is there.

// Types of the compact protocol.
const (
	thriftStop   = 0
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI64    = 6 // i16 is 4, i32 is 5: all are varints
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftStruct = 12

	maxThriftDepth = 16
)

type thriftReader struct {
	rest  []byte
	depth int
	err   error
}

func (r *thriftReader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: metadata %s", ErrDamaged, what)
	}
	r.rest = nil
}

func (r *thriftReader) byte() byte {
	if len(r.rest) == 0 {
		r.fail("is cut")
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *thriftReader) uvarint() uint64 {
	u, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail("is cut")
		return 0
	}
	r.rest = r.rest[n:]
	return u
}

func (r *thriftReader) int() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *thriftReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail("is cut")
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// fields calls field for each field of a struct with its number and type; field returns false to have it skipped.
func (r *thriftReader) fields(field func(id int, typ byte) bool) {
	if r.depth++; r.depth > maxThriftDepth {
		r.fail("is nested too deeply")
	}
	id := 0
	for r.err == nil {
		b := r.byte()
		if b == thriftStop {
			break
		}
		if delta := int(b >> 4); delta != 0 {
			id += delta
		} else {
			id = int(int16(r.int()))
		}
		if typ := b & 15; !field(id, typ) {
			r.skip(typ)
		}
	}
	r.depth--
}

// list calls item for each item of a list.
func (r *thriftReader) list(item func(typ byte)) {
	b := r.byte()
	n := uint64(b >> 4)
	if n == 15 {
		n = r.uvarint()
	}
	for ; n > 0 && r.err == nil; n-- {
		item(b & 15)
	}
}

// skip passes over a value. A boolean field is its type, a boolean item one byte; no list of booleans is in what is
// read here, so the two need not be told apart.
func (r *thriftReader) skip(typ byte) {
	switch {
	case typ == thriftTrue || typ == thriftFalse:
	case typ == thriftByte:
		r.byte()
	case typ > thriftByte && typ <= thriftI64:
		r.uvarint()
	case typ == thriftDouble:
		if len(r.rest) < 8 {
			r.fail("is cut")
			return
		}
		r.rest = r.rest[8:]
	case typ == thriftBinary:
		r.bytes()
	case typ == thriftList || typ == thriftSet:
		if r.depth++; r.depth > maxThriftDepth {
			r.fail("is nested too deeply")
		}
		r.list(func(typ byte) {
			if typ < thriftByte {
				r.byte() // also makes sure that a list of nothing ends
				return
			}
			r.skip(typ)
		})
		r.depth--
	case typ == thriftStruct:
		r.fields(func(int, byte) bool { return false })
	default:
		r.fail("has an unknown type")
	}
}

func isInt(typ byte) bool { return typ > thriftByte && typ <= thriftI64 }

// pageHeader is what the decoder needs of Parquet's PageHeader.
type pageHeader struct {
	kind       format.PageType
	size       int // uncompressed
	compressed int
	checksum   uint32
	values     int
	encoding   format.Encoding
}

// readPageHeader returns the header at the start of data and what follows it.
func readPageHeader(data []byte) (h pageHeader, rest []byte, err error) {
	r := thriftReader{rest: data}
	h.kind = -1
	r.fields(func(id int, typ byte) bool {
		switch {
		case id == 1 && isInt(typ):
			h.kind = format.PageType(r.int())
		case id == 2 && isInt(typ):
			h.size = int(int32(r.int()))
		case id == 3 && isInt(typ):
			h.compressed = int(int32(r.int()))
		case id == 4 && isInt(typ):
			h.checksum = uint32(r.int())
		case (id == 5 || id == 7) && typ == thriftStruct: // data page, dictionary page: begin alike
			r.fields(func(id int, typ byte) bool {
				switch {
				case id == 1 && isInt(typ):
					h.values = int(int32(r.int()))
				case id == 2 && isInt(typ):
					h.encoding = format.Encoding(r.int())
				default:
					return false
				}
				return true
			})
		default:
			return false
		}
		return true
	})
	return h, r.rest, r.err
}

// footer is what the decoder needs of Parquet's FileMetaData.
type footer struct {
	schema      []element
	rows        int64
	groups      []group
	description string // value of columnsKey
	described   bool
}

type element struct {
	name      string
	kind      format.Type
	length    int64
	optional  bool
	children  int64
	precision int64
	scale     int64
}

type group struct {
	rows   int64
	chunks []chunk
}

// chunk is where the pages of a column are.
type chunk struct {
	codec  format.CompressionCodec
	offset int64
	size   int64
}

func readFooter(data []byte) (f footer, err error) {
	r := thriftReader{rest: data}
	r.fields(func(id int, typ byte) bool {
		switch {
		case id == 2 && typ == thriftList:
			r.list(func(byte) { f.schema = append(f.schema, r.element()) })
		case id == 3 && isInt(typ):
			f.rows = r.int()
		case id == 4 && typ == thriftList:
			r.list(func(byte) { f.groups = append(f.groups, r.group()) })
		case id == 5 && typ == thriftList:
			r.list(func(byte) {
				if key, value := r.keyValue(); key == columnsKey {
					f.description, f.described = value, true
				}
			})
		default:
			return false
		}
		return true
	})
	return f, r.err
}

func (r *thriftReader) element() (e element) {
	e.kind = -1
	r.fields(func(id int, typ byte) bool {
		switch {
		case id == 1 && isInt(typ):
			e.kind = format.Type(r.int())
		case id == 2 && isInt(typ):
			e.length = r.int()
		case id == 3 && isInt(typ):
			e.optional = r.int() == int64(format.Optional)
		case id == 4 && typ == thriftBinary:
			e.name = string(r.bytes())
		case id == 5 && isInt(typ):
			e.children = r.int()
		case id == 7 && isInt(typ):
			e.scale = r.int()
		case id == 8 && isInt(typ):
			e.precision = r.int()
		default:
			return false
		}
		return true
	})
	return e
}

func (r *thriftReader) group() (g group) {
	r.fields(func(id int, typ byte) bool {
		switch {
		case id == 1 && typ == thriftList:
			r.list(func(byte) { g.chunks = append(g.chunks, r.chunk()) })
		case id == 3 && isInt(typ):
			g.rows = r.int()
		default:
			return false
		}
		return true
	})
	return g
}

func (r *thriftReader) chunk() (c chunk) {
	r.fields(func(id int, typ byte) bool {
		if id != 3 || typ != thriftStruct {
			return false
		}
		var dictionary int64
		r.fields(func(id int, typ byte) bool {
			switch {
			case id == 4 && isInt(typ):
				c.codec = format.CompressionCodec(r.int())
			case id == 7 && isInt(typ):
				c.size = r.int()
			case id == 9 && isInt(typ):
				c.offset = r.int()
			case id == 11 && isInt(typ):
				dictionary = r.int()
			default:
				return false
			}
			return true
		})
		if dictionary != 0 {
			c.offset = dictionary
		}
		return true
	})
	return c
}

func (r *thriftReader) keyValue() (key, value string) {
	r.fields(func(id int, typ byte) bool {
		switch {
		case id == 1 && typ == thriftBinary:
			key = string(r.bytes())
		case id == 2 && typ == thriftBinary:
			value = string(r.bytes())
		default:
			return false
		}
		return true
	})
	return key, value
}

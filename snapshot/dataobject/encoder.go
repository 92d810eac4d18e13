package dataobject

import (
	"bufio"
	"sync"
)

// encoder is the memory that encoding takes, shared by all columns and objects of a Spool.
type encoder struct {
	scratch
	of         codec
	compressor *compressor
	dictionary dictionary
	entries    []byte
	compressed []byte
	buffer     *bufio.Writer
}

// codec is what an encoder can be used for again.
type codec struct {
	compression string
	level       int
}

// encoders keeps encoders for the next Spool: to make one takes longer than to encode a small tablet.
var encoders sync.Pool

func takeEncoder(o Options) (*encoder, error) {
	of := codec{o.Compression, o.Level}
	if e, ok := encoders.Get().(*encoder); ok && e.of == of {
		return e, nil
	}
	c, err := newCompressor(o)
	if err != nil {
		return nil, err
	}
	return &encoder{of: of, compressor: c, buffer: bufio.NewWriterSize(nil, 256<<10)}, nil
}

// release gives the encoder back. Nobody may use it any more.
func (e *encoder) release() {
	e.buffer.Reset(nil)
	encoders.Put(e)
}

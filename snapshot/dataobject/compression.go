package dataobject

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// compressor compresses pages one at a time.
type compressor struct {
	codec format.CompressionCodec
	zstd  *zstd.Encoder
	gzip  *gzip.Writer
	lz4   lz4.Compressor
}

func newCompressor(o Options) (*compressor, error) {
	switch o.Compression {
	case "zstd":
		level := max(o.Level, 1)
		if level > 22 || o.Level < 0 {
			return nil, fmt.Errorf("check options: zstd has levels 1 to 22, not %d", o.Level)
		}
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
			zstd.WithEncoderConcurrency(1),
			zstd.WithSingleSegment(true), // so that each frame states its size, see plausible
			zstd.WithEncoderCRC(false))   // pages have a checksum of their own
		return &compressor{codec: format.Zstd, zstd: e}, err
	case "gzip":
		level := max(o.Level, gzip.BestSpeed)
		if level > gzip.BestCompression || o.Level < 0 {
			return nil, fmt.Errorf("check options: gzip has levels 1 to 9, not %d", o.Level)
		}
		w, err := gzip.NewWriterLevel(io.Discard, level)
		return &compressor{codec: format.Gzip, gzip: w}, err
	}
	codec, ok := map[string]format.CompressionCodec{"snappy": format.Snappy, "lz4": format.Lz4Raw, "none": format.Uncompressed}[o.Compression]
	if !ok {
		return nil, fmt.Errorf("check options: unknown compression %q, use zstd, snappy, gzip, lz4 or none", o.Compression)
	}
	if o.Level != 0 {
		return nil, fmt.Errorf("check options: compression %s has no levels", o.Compression)
	}
	return &compressor{codec: codec}, nil
}

// compress returns the compressed page, in the memory of dst if it has enough.
func (c *compressor) compress(dst, page []byte) ([]byte, error) {
	switch c.codec {
	case format.Zstd:
		return c.zstd.EncodeAll(page, dst[:0]), nil
	case format.Snappy:
		return snappy.Encode(dst[:cap(dst)], page), nil
	case format.Gzip:
		b := bytes.NewBuffer(dst[:0])
		c.gzip.Reset(b)
		if _, err := c.gzip.Write(page); err != nil {
			return nil, err
		}
		err := c.gzip.Close()
		return b.Bytes(), err
	case format.Lz4Raw:
		if need := lz4.CompressBlockBound(len(page)); cap(dst) < need {
			dst = make([]byte, need)
		}
		n, err := c.lz4.CompressBlock(page, dst[:cap(dst)])
		return dst[:n], err
	default:
		return append(dst[:0], page...), nil
	}
}

// decompressor is the inverse of compressor, for any codec that it has.
type decompressor struct {
	zstd *zstd.Decoder
	gzip gzip.Reader
}

// decompress returns the page, which is size bytes long, in the memory of dst if it has enough.
func (d *decompressor) decompress(codec format.CompressionCodec, dst, data []byte, size int) ([]byte, error) {
	if !plausible(codec, data, size) {
		return nil, fmt.Errorf("%w: page of %d bytes claims to be %d", ErrDamaged, len(data), size)
	}
	if cap(dst) < size {
		dst = make([]byte, size+size/8)
	}
	dst = dst[:size]
	var n int
	var err error
	switch codec {
	case format.Zstd:
		n, err = d.unzstd(dst, data)
	case format.Snappy:
		n = size
		_, err = snappy.Decode(dst, data)
	case format.Gzip:
		n, err = d.gunzip(dst, data)
	case format.Lz4Raw:
		n, err = lz4.UncompressBlock(data, dst)
	case format.Uncompressed:
		n = len(data)
		copy(dst, data)
	default:
		return nil, fmt.Errorf("%w: unknown compression %d", ErrDamaged, codec)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: decompress page: %v", ErrDamaged, err)
	}
	if n != size {
		return nil, fmt.Errorf("%w: page has %d bytes instead of %d", ErrDamaged, n, size)
	}
	return dst, nil
}

// plausible tells whether a page may grow to size bytes, so that a small damaged file cannot ask for much memory:
// by the length that the codec wrote itself, else by the best ratio that it can reach.
func plausible(codec format.CompressionCodec, data []byte, size int) bool {
	switch codec {
	case format.Zstd:
		var h zstd.Header
		return h.Decode(data) == nil && h.HasFCS && h.FrameContentSize == uint64(size)
	case format.Snappy:
		n, err := snappy.DecodedLen(data)
		return err == nil && n == size
	case format.Gzip:
		return size >= 0 && size/1032 <= len(data)
	case format.Lz4Raw:
		return size >= 0 && size/255 <= len(data)
	default:
		return size == len(data)
	}
}

func (d *decompressor) unzstd(dst, data []byte) (int, error) {
	if d.zstd == nil {
		var err error
		// The cap limit makes dst's room the most that a frame can ask for.
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return 0, err
		}
	}
	b, err := d.zstd.DecodeAll(data, dst[:0:len(dst)])
	return len(b), err
}

func (d *decompressor) gunzip(dst, data []byte) (int, error) {
	if err := d.gzip.Reset(bytes.NewReader(data)); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(&d.gzip, dst)
	if err != nil {
		return n, err
	}
	var more [1]byte
	if _, err := d.gzip.Read(more[:]); err != io.EOF {
		return n + 1, fmt.Errorf("page is longer than its header says (%v)", err)
	}
	return n, nil
}

package repository

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"starkeep/snapshot"
	"starkeep/storage"
)

// Limits of an index object. Writing keeps them, so reading may insist on them: bytes that were made to exhaust memory
// are refused.
const (
	maxIndex     = 256 << 20 // bytes stored
	maxIndexText = 4 << 30   // bytes after decompression; they are streamed
	maxIndexLine = 64 << 20  // bytes of one partition
)

// WriteIndex stores index entries, in their order, as one index object. Equal entries give equal bytes, so a repeat
// stores nothing new. Before an object that is not there is put, announce is told of it, unless it is nil; its error ends
// the write.
func (r *Repository) WriteIndex(ctx context.Context, entries []snapshot.PartitionEntry, announce func(snapshot.ObjectRef) error) (snapshot.ObjectRef, error) {
	text, err := encodeIndex(entries)
	if err != nil {
		return snapshot.ObjectRef{}, fmt.Errorf("write index: %w", err)
	}
	data := compress(text)
	if len(data) > maxIndex {
		return snapshot.ObjectRef{}, fmt.Errorf("write index: %d entries make %d bytes, at most %d are allowed", len(entries), len(data), maxIndex)
	}
	ref := indexRef(sha256.Sum256(data), int64(len(data)))
	if _, err := r.putContent(ctx, ref, storage.BytesBody(data), announce); err != nil {
		return snapshot.ObjectRef{}, fmt.Errorf("write index: %w", err)
	}
	return ref, nil
}

// encodeIndex prints one line of JSON per entry.
func encodeIndex(entries []snapshot.PartitionEntry) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, e := range entries {
		if err := checkEntry(e); err != nil {
			return nil, err
		}
		begin := b.Len()
		if err := enc.Encode(e); err != nil {
			return nil, err
		}
		if b.Len()-begin > maxIndexLine {
			return nil, fmt.Errorf("partition %s.%s makes a line of %d bytes, at most %d are allowed", e.Table, e.Partition.Name, b.Len()-begin, maxIndexLine)
		}
	}
	return b.Bytes(), nil
}

// checkEntry refuses what could not be read back as it is.
func checkEntry(e snapshot.PartitionEntry) error {
	// JSON would replace other bytes without a word.
	for _, s := range []string{e.Table, e.Schema, e.Partition.Name, e.Values} {
		if !utf8.ValidString(s) {
			return fmt.Errorf("partition %q.%q: %q is not UTF-8", e.Table, e.Partition.Name, s)
		}
	}
	if e.Table == "" || e.Partition.Name == "" {
		return fmt.Errorf("partition %q.%q has no name", e.Table, e.Partition.Name)
	}
	for _, o := range e.Objects {
		if _, err := sumOf(dataKey, o.ObjectRef); err != nil {
			return fmt.Errorf("partition %q.%q: %w", e.Table, e.Partition.Name, err)
		}
	}
	return nil
}

// ReadIndex calls fn for every entry of an index object, after its bytes were verified, and stops at fn's first error.
func (r *Repository) ReadIndex(ctx context.Context, ref snapshot.ObjectRef, fn func(snapshot.PartitionEntry) error) error {
	data, err := r.fetchIndex(ctx, ref)
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	var stop error
	err = decodeIndex(data, func(e snapshot.PartitionEntry) error {
		stop = fn(e)
		return stop
	})
	if stop != nil {
		return stop
	}
	if err != nil {
		return fmt.Errorf("read index: %w", unreadable(r.prefix+ref.Key, err, adviceForeign))
	}
	return nil
}

// fetchIndex reads the bytes of an index object and verifies them.
func (r *Repository) fetchIndex(ctx context.Context, ref snapshot.ObjectRef) ([]byte, error) {
	want, err := sumOf(indexKey, ref)
	if err != nil {
		return nil, err
	}
	data, err := r.read(ctx, ref.Key, maxIndex)
	if errors.Is(err, storage.ErrNotExist) {
		if err := r.prove(ctx); err != nil {
			return nil, err
		}
		return nil, &DamageError{Key: r.prefix + ref.Key, Reason: "lost", Advice: adviceIndex}
	}
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != ref.Size {
		return nil, &DamageError{Key: r.prefix + ref.Key, Reason: fmt.Sprintf("%d bytes instead of %d", len(data), ref.Size), Advice: adviceIndex}
	}
	if sum := sha256.Sum256(data); sum != want {
		return nil, &DamageError{Key: r.prefix + ref.Key, Reason: fmt.Sprintf("its bytes changed: SHA-256 is %x", sum), Advice: adviceIndex}
	}
	return data, nil
}

// decodeIndex decodes line by line: memory is bounded by the longest line, whatever the size.
func decodeIndex(data []byte, fn func(snapshot.PartitionEntry) error) error {
	z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxIndexText), zstd.WithDecoderMaxWindow(maxIndexLine))
	if err != nil {
		return fmt.Errorf("not zstd: %w", err)
	}
	defer z.Close()
	text := &io.LimitedReader{R: z, N: maxIndexText}
	lines := bufio.NewReaderSize(text, 64<<10)
	var line []byte
	for n := 1; ; n++ {
		line, err = readLine(lines, line[:0])
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = decodeEntry(line, fn)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if text.N == 0 {
		return fmt.Errorf("more than %d bytes of text", int64(maxIndexText))
	}
	return nil
}

// readLine appends the next line to buf, with its end. Text after the last line end is an error: it was cut.
func readLine(r *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		if buf = append(buf, part...); len(buf) > maxIndexLine {
			return buf, fmt.Errorf("longer than %d bytes", maxIndexLine)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(buf) > 0:
			return buf, io.ErrUnexpectedEOF
		default:
			return buf, err
		}
	}
}

func decodeEntry(line []byte, fn func(snapshot.PartitionEntry) error) error {
	var e snapshot.PartitionEntry
	if err := strict(line, &e); err != nil {
		return err
	}
	if err := checkEntry(e); err != nil {
		return err
	}
	return fn(e)
}

// encoder is shared: EncodeAll is safe for concurrent use, and gives equal bytes for equal bytes.
var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		panic(fmt.Sprintf("make zstd encoder: %v", err)) // fixed options: it cannot fail
	}
	return e
})

func compress(data []byte) []byte { return encoder().EncodeAll(data, nil) }

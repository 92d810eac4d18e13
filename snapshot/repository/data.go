package repository

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"syscall"

	"golang.org/x/sync/errgroup"

	"starkeep/snapshot"
	"starkeep/snapshot/dataobject"
	"starkeep/storage"
)

var (
	dataKey  = regexp.MustCompile(`^data/([0-9a-f]{2})/([0-9a-f]{64})\.parquet$`)
	indexKey = regexp.MustCompile(`^index/([0-9a-f]{2})/([0-9a-f]{64})\.jsonl\.zst$`)
)

// DataRef names the data object of these bytes. Keys of references are relative to the repository, so that a repository
// can be copied to another location.
func DataRef(sum [32]byte, size int64) snapshot.ObjectRef {
	return snapshot.ObjectRef{Key: fmt.Sprintf("data/%x/%x.parquet", sum[:1], sum), Size: size}
}

func indexRef(sum [32]byte, size int64) snapshot.ObjectRef {
	return snapshot.ObjectRef{Key: fmt.Sprintf("index/%x/%x.jsonl.zst", sum[:1], sum), Size: size}
}

// sumOf returns the SHA-256 that a reference states. References come from files, so their keys are checked before they
// are used.
func sumOf(form *regexp.Regexp, ref snapshot.ObjectRef) (sum [32]byte, err error) {
	m := form.FindStringSubmatch(ref.Key)
	if m == nil || m[1] != m[2][:2] || ref.Size < 0 {
		return sum, fmt.Errorf("%w: reference %.100q, %d bytes", ErrInvalidName, ref.Key, ref.Size)
	}
	_, err = hex.Decode(sum[:], []byte(m[2]))
	return sum, err
}

// PutData stores a spooled file as the data object ref, and tells whether it had to be sent. An object that is there
// with its size counts as stored. One with another size was cut or overwritten by somebody else: it is replaced, which
// mends every snapshot that names it, since its name says what its bytes have to be.
//
// missing says that the caller has just looked and found nothing: then the store is not asked again first.
func (r *Repository) PutData(ctx context.Context, path string, ref snapshot.ObjectRef, missing bool) (stored bool, err error) {
	sum, err := sumOf(dataKey, ref)
	if err != nil {
		return false, fmt.Errorf("put data object: %w", err)
	}
	body := storage.FileBody(path, ref.Size, sum)
	if missing {
		err = r.bucket.Put(ctx, r.prefix+ref.Key, body, storage.PutOptions{IfAbsent: true})
		if !errors.Is(err, storage.ErrExist) {
			return err == nil, err
		}
	}
	return r.putContent(ctx, ref, body, nil)
}

// putContent stores an object that is named by its content.
func (r *Repository) putContent(ctx context.Context, ref snapshot.ObjectRef, body storage.Body, announce func(snapshot.ObjectRef) error) (stored bool, err error) {
	info, err := r.bucket.Stat(ctx, r.prefix+ref.Key)
	there := err == nil
	switch {
	case there && info.Size == ref.Size:
		return false, nil
	case !there && !errors.Is(err, storage.ErrNotExist):
		return false, err
	}
	if !there && announce != nil {
		if err := announce(ref); err != nil {
			return false, err
		}
	}
	err = r.bucket.Put(ctx, r.prefix+ref.Key, body, storage.PutOptions{IfAbsent: !there})
	if errors.Is(err, storage.ErrExist) {
		return false, nil // somebody put the same content since; Put shows whole objects only
	}
	return err == nil, err
}

// HasData tells whether a data object is there with its size. False is a proof.
func (r *Repository) HasData(ctx context.Context, ref snapshot.ObjectRef) (bool, error) {
	if _, err := sumOf(dataKey, ref); err != nil {
		return false, fmt.Errorf("look for data object: %w", err)
	}
	damage, err := r.examine(ctx, ref)
	return damage == nil && err == nil, err
}

// examine looks whether an object is there with its size.
func (r *Repository) examine(ctx context.Context, ref snapshot.ObjectRef) (*DamageError, error) {
	info, err := r.bucket.Stat(ctx, r.prefix+ref.Key)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return r.lost(ref), r.prove(ctx)
	case err != nil:
		return nil, err
	case info.Size != ref.Size:
		return r.cut(ref, info.Size), nil
	}
	return nil, nil
}

func (r *Repository) lost(ref snapshot.ObjectRef) *DamageError {
	return &DamageError{Key: r.prefix + ref.Key, Reason: "lost", Advice: adviceLost}
}

func (r *Repository) cut(ref snapshot.ObjectRef, size int64) *DamageError {
	return &DamageError{Key: r.prefix + ref.Key, Reason: fmt.Sprintf("%d bytes instead of %d", size, ref.Size), Advice: adviceLost}
}

func (r *Repository) rotten(ref snapshot.ObjectRef, sum []byte) *DamageError {
	return &DamageError{Key: r.prefix + ref.Key, Reason: fmt.Sprintf("its bytes changed: SHA-256 is %x", sum), Advice: adviceRotten}
}

// FetchData copies a data object into a new file in dir, verified by size and SHA-256, and returns its path. The caller
// removes the file. A large object comes in several ranges at once. A DamageError says that the object is lost, cut or has
// other bytes; dataobject.ErrSpoolFull that dir is full.
func (r *Repository) FetchData(ctx context.Context, ref snapshot.ObjectRef, dir string) (string, error) {
	f, err := os.CreateTemp(dir, "*.parquet")
	if err != nil {
		return "", spoolError(dir, err)
	}
	err = r.fetch(ctx, ref, f, dir)
	if closed := f.Close(); err == nil && closed != nil {
		err = spoolError(dir, closed)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", fmt.Errorf("fetch data object: %w", err)
	}
	return f.Name(), nil
}

// A large object is fetched in ranges of rangeBytes, rangesAtOnce of them.
const (
	rangeBytes   = 16 << 20
	rangesAtOnce = 4
)

func (r *Repository) fetch(ctx context.Context, ref snapshot.ObjectRef, f *os.File, dir string) error {
	if ref.Size > 2*rangeBytes {
		if whole, err := r.fetchRanges(ctx, ref, f, dir); err != nil || whole {
			return err
		}
	}
	return r.verify(ctx, ref, func(body io.Reader, sum io.Writer) (int64, error) {
		if err := rewind(f); err != nil {
			return 0, spoolError(dir, err)
		}
		return io.Copy(&spool{f, dir}, io.TeeReader(body, sum))
	})
}

// fetchRanges fetches an object in several ranges at once and tells whether that gave the right bytes. What is wrong with
// them otherwise, reading it in one go tells.
func (r *Repository) fetchRanges(ctx context.Context, ref snapshot.ObjectRef, f *os.File, dir string) (whole bool, err error) {
	want, err := sumOf(dataKey, ref)
	if err != nil {
		return false, err
	}
	if damage, err := r.examine(ctx, ref); err != nil || damage != nil {
		return false, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(rangesAtOnce)
	for at := int64(0); at < ref.Size; at += rangeBytes {
		g.Go(func() error {
			body, err := r.bucket.Get(gctx, r.prefix+ref.Key, storage.Range{Offset: at, Length: min(rangeBytes, ref.Size-at)})
			if err != nil {
				return err
			}
			_, err = io.Copy(&spool{io.NewOffsetWriter(f, at), dir}, body)
			return errors.Join(err, body.Close())
		})
	}
	if err := g.Wait(); err != nil {
		if errors.Is(err, storage.ErrNotExist) {
			return false, nil // deleted since it was looked at
		}
		return false, err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(f, 0, ref.Size+1))
	if err != nil {
		return false, spoolError(dir, err)
	}
	return n == ref.Size && [32]byte(sum.Sum(nil)) == want, nil
}

// verify reads an object through copy and compares its size and hash. Wrong bytes are read once more: damage is a final
// answer, and the network or memory between here and the store may have been at fault.
func (r *Repository) verify(ctx context.Context, ref snapshot.ObjectRef, copy func(body io.Reader, sum io.Writer) (int64, error)) error {
	want, err := sumOf(dataKey, ref)
	if err != nil {
		return err
	}
	for last := false; ; last = true {
		body, err := r.bucket.Get(ctx, r.prefix+ref.Key, storage.Range{})
		if errors.Is(err, storage.ErrNotExist) {
			if err := r.prove(ctx); err != nil {
				return err
			}
			return r.lost(ref)
		}
		if err != nil {
			return err
		}
		sum := sha256.New()
		// One byte more than declared is enough to know that an object is too long, however long it is.
		n, err := copy(io.LimitReader(body, ref.Size+1), sum)
		if err = errors.Join(err, body.Close()); err != nil {
			return err
		}
		switch {
		case n == ref.Size && [32]byte(sum.Sum(nil)) == want:
			return nil
		case !last:
		case n != ref.Size:
			return r.wrongSize(ctx, ref)
		default:
			return r.rotten(ref, sum.Sum(nil))
		}
	}
}

// wrongSize asks the store for the size of an object that did not end where it should.
func (r *Repository) wrongSize(ctx context.Context, ref snapshot.ObjectRef) error {
	damage, err := r.examine(ctx, ref)
	if err != nil {
		return err
	}
	if damage == nil { // the store gave fewer bytes than it says it has: that may pass
		return fmt.Errorf("read %s: the store ended it early, twice", r.prefix+ref.Key)
	}
	return damage
}

func rewind(f *os.File) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return f.Truncate(0)
}

// spool tells errors of the spool folder from errors of the store.
type spool struct {
	file io.Writer
	dir  string
}

func (s *spool) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	if err != nil {
		err = spoolError(s.dir, err)
	}
	return n, err
}

func spoolError(dir string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: free space in %s or name another folder: %w", dataobject.ErrSpoolFull, dir, err)
	}
	return fmt.Errorf("write to spool folder: %w", err)
}

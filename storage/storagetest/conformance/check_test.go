package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/mem"
)

// broken is a bucket of which some methods are wrong.
type broken struct {
	storage.Bucket
	get    func(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error)
	stat   func(ctx context.Context, key string) (storage.Info, error)
	list   func(ctx context.Context, prefix string, fn func(storage.Info) error) error
	put    func(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error
	delete func(ctx context.Context, key string) error
	close  func() error
}

func (b broken) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	if b.get != nil {
		return b.get(ctx, key, r)
	}
	return b.Bucket.Get(ctx, key, r)
}

func (b broken) Stat(ctx context.Context, key string) (storage.Info, error) {
	if b.stat != nil {
		return b.stat(ctx, key)
	}
	return b.Bucket.Stat(ctx, key)
}

func (b broken) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	if b.list != nil {
		return b.list(ctx, prefix, fn)
	}
	return b.Bucket.List(ctx, prefix, fn)
}

func (b broken) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	if b.put != nil {
		return b.put(ctx, key, body, opts)
	}
	return b.Bucket.Put(ctx, key, body, opts)
}

func (b broken) Delete(ctx context.Context, key string) error {
	if b.delete != nil {
		return b.delete(ctx, key)
	}
	return b.Bucket.Delete(ctx, key)
}

func (b broken) Close() error {
	if b.close != nil {
		return b.close()
	}
	return b.Bucket.Close()
}

// unverified stores what a body gives, whatever it declared.
func unverified(good storage.Bucket) func(context.Context, string, storage.Body, storage.PutOptions) error {
	return func(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
		r, err := body.Open()
		if err != nil {
			return err
		}
		data, _ := io.ReadAll(r)
		return good.Put(ctx, key, storage.BytesBody(data), opts)
	}
}

// TestBrokenStoresFail: a check that nothing can fail proves nothing.
func TestBrokenStoresFail(t *testing.T) {
	t.Parallel()
	background := context.Background()
	for name, c := range map[string]struct {
		check string
		spoil func(good storage.Bucket, b *broken)
	}{
		"bytes are changed": {"RoundTripKeepsBytes", func(good storage.Bucket, b *broken) {
			b.get = func(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(make([]byte, 4096))), nil
			}
		}},
		"ranges end one byte early": {"RangesReadWhatTheySay", func(good storage.Bucket, b *broken) {
			b.get = func(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
				r.Length = max(0, r.Length-1)
				return good.Get(ctx, key, r)
			}
		}},
		"ranges begin at the beginning": {"RangesInParallelMakeTheWhole", func(good storage.Bucket, b *broken) {
			b.get = func(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
				return good.Get(ctx, key, storage.Range{Length: r.Length})
			}
		}},
		"puts never replace": {"PutReplacesOlderObject", func(good storage.Bucket, b *broken) {
			b.put = func(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
				if err := good.Put(ctx, key, body, storage.PutOptions{IfAbsent: true}); !errors.Is(err, storage.ErrExist) {
					return err
				}
				return nil
			}
		}},
		"creates replace": {"CreateIfAbsentKeepsOldObject", func(good storage.Bucket, b *broken) {
			b.put = func(ctx context.Context, key string, body storage.Body, _ storage.PutOptions) error {
				return good.Put(ctx, key, body, storage.PutOptions{})
			}
		}},
		"creates look first": {"OneOfSixteenCreatorsWins", func(good storage.Bucket, b *broken) {
			b.put = func(ctx context.Context, key string, body storage.Body, _ storage.PutOptions) error {
				if _, err := good.Stat(ctx, key); err == nil {
					return storage.ErrExist
				}
				time.Sleep(time.Millisecond) // as long as a network takes
				return good.Put(ctx, key, body, storage.PutOptions{})
			}
		}},
		"half bodies are kept":        {"BrokenBodyLeavesNothing", func(good storage.Bucket, b *broken) { b.put = unverified(good) }},
		"declarations are not looked": {"WrongDeclarationIsRefused", func(good storage.Bucket, b *broken) { b.put = unverified(good) }},
		"puts show before they end": {"BlockedBodyBlocksNobody", func(good storage.Bucket, b *broken) {
			b.put = func(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
				_ = good.Put(ctx, key, storage.BytesBody(nil), opts)
				return good.Put(ctx, key, body, opts)
			}
		}},
		"puts delete first": {"ReadersSeeOldOrNewNeverAMixture", func(good storage.Bucket, b *broken) {
			b.put = func(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
				_ = good.Put(ctx, key, storage.BytesBody(nil), opts)
				return good.Put(ctx, key, body, opts)
			}
		}},
		"deletes of nothing fail": {"DeleteTwiceIsNoError", func(good storage.Bucket, b *broken) {
			b.delete = func(ctx context.Context, key string) error {
				if _, err := good.Stat(ctx, key); err != nil {
					return err
				}
				return good.Delete(ctx, key)
			}
		}},
		"listings begin with the end": {"ListIsInByteOrder", func(good storage.Bucket, b *broken) {
			b.list = func(ctx context.Context, prefix string, fn func(storage.Info) error) error {
				infos, err := look(ctx, good, prefix)
				slices.Reverse(infos)
				for _, i := range infos {
					_ = fn(i)
				}
				return err
			}
		}},
		"listings have one page": {"ListOfThousandsIsWhole", func(good storage.Bucket, b *broken) {
			b.list = func(ctx context.Context, prefix string, fn func(storage.Info) error) error {
				n := 0
				err := good.List(ctx, prefix, func(i storage.Info) error {
					if n++; n > 1000 {
						return errEnough
					}
					return fn(i)
				})
				if errors.Is(err, errEnough) {
					return nil
				}
				return err
			}
		}},
		"listings hide their reader's error": {"ListStopsAtFirstError", func(good storage.Bucket, b *broken) {
			b.list = func(ctx context.Context, prefix string, fn func(storage.Info) error) error {
				_ = good.List(ctx, prefix, fn)
				return nil
			}
		}},
		"listings go on when cancelled": {"ListStopsWhenCancelled", func(good storage.Bucket, b *broken) {
			b.list = func(_ context.Context, prefix string, fn func(storage.Info) error) error {
				return good.List(background, prefix, fn)
			}
		}},
		"absence shows late": {"AbsentIsProvenAbsent", func(good storage.Bucket, b *broken) {
			b.get = func(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
				return io.NopCloser(hook(func() error { return storage.ErrNotExist })), nil
			}
		}},
		"a lost root is empty": {"MissingRootIsNotAbsent", func(good storage.Bucket, b *broken) {
			b.stat = func(ctx context.Context, key string) (storage.Info, error) {
				return storage.Info{}, storage.ErrNotExist
			}
		}},
		"a dead store is empty": {"DeadStoreIsNotAbsent", func(good storage.Bucket, b *broken) {
			b.list = func(ctx context.Context, prefix string, fn func(storage.Info) error) error { return nil }
		}},
		"keys are cleaned": {"InvalidKeysAreRefused", func(good storage.Bucket, b *broken) {
			b.stat = func(ctx context.Context, key string) (storage.Info, error) {
				return storage.Info{}, storage.ErrNotExist
			}
		}},
		"cancelled puts are done": {"CancelledContextChangesNothing", func(good storage.Bucket, b *broken) {
			b.put = func(_ context.Context, key string, body storage.Body, opts storage.PutOptions) error {
				return good.Put(background, key, body, opts)
			}
		}},
		"cancelled reads go on": {"CancelStopsTransfers", func(good storage.Bucket, b *broken) {
			b.get = func(_ context.Context, key string, r storage.Range) (io.ReadCloser, error) {
				return good.Get(background, key, r)
			}
		}},
		"close leaves a goroutine": {"NothingIsLeftRunning", func(good storage.Bucket, b *broken) {
			b.close = func() error { go func() { select {} }(); return nil }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, failure(t, c.check, func(storage.Bucket, *broken) {}), "of the good one")
			require.NotEmpty(t, failure(t, c.check, c.spoil))
		})
	}
}

// failure runs one check on a new store, spoiled; it loses its root and dies as it should.
func failure(t *testing.T, name string, spoil func(good storage.Bucket, b *broken)) string {
	t.Helper()
	checks := Checks()
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	good, err := mem.Open(t.Name(), true)
	require.NoError(t, err)
	defer mem.Drop(t.Name())
	b := broken{Bucket: good}
	spoil(good, &b)
	s := &switched{broken: b}
	place := Place{
		Open:       func() storage.Bucket { return s },
		RemoveRoot: func() { s.err = storage.ErrNoRoot },
		Dead:       func(do func()) { s.err = storage.ErrUnavailable; do(); s.err = nil },
	}
	trial := &trial{ctx: t.Context()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer trial.end()
		scale := Modest()
		scale.Listed = Full().Listed
		checks[i].Run(trial, place, scale)
	}()
	<-done
	skipped, detail := trial.result()
	require.Empty(t, skipped)
	return detail
}

// switched fails while err is set, unless the store below gives a wrong answer of its own.
type switched struct {
	broken
	err error
}

func (s *switched) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.broken.Get(ctx, key, r)
}

func (s *switched) Stat(ctx context.Context, key string) (storage.Info, error) {
	if s.err != nil && s.stat == nil {
		return storage.Info{}, s.err
	}
	return s.broken.Stat(ctx, key)
}

func (s *switched) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	if s.err != nil && s.list == nil {
		return s.err
	}
	return s.broken.List(ctx, prefix, fn)
}

func (s *switched) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	if s.err != nil {
		return s.err
	}
	return s.broken.Put(ctx, key, body, opts)
}

func (s *switched) Delete(ctx context.Context, key string) error {
	if s.err != nil {
		return s.err
	}
	return s.broken.Delete(ctx, key)
}

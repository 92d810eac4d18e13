package prefix_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/mem"
	"starkeep/storage/prefix"
	"starkeep/storage/storagetest"
)

func open(t testing.TB) storage.Bucket {
	t.Helper()
	name := t.Name()
	t.Cleanup(func() { mem.Drop(name) })
	b, err := mem.Open(name, true)
	require.NoError(t, err)
	return b
}

// inside is a store with room for prefixed keys. Keys without the prefix never reach the store below.
type inside struct {
	storage.Bucket
	t testing.TB
}

const within = "a b/backups/"

func (i inside) cut(key string) string {
	i.t.Helper()
	rest, ok := strings.CutPrefix(key, within)
	if !ok {
		i.t.Errorf("%q is outside of the prefix", key)
	}
	return rest
}

func (i inside) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	return i.Bucket.Get(ctx, i.cut(key), r)
}

func (i inside) Stat(ctx context.Context, key string) (storage.Info, error) {
	info, err := i.Bucket.Stat(ctx, i.cut(key))
	info.Key = key
	return info, err
}

func (i inside) List(ctx context.Context, p string, fn func(storage.Info) error) error {
	return i.Bucket.List(ctx, i.cut(p), func(info storage.Info) error {
		info.Key = within + info.Key
		return fn(info)
	})
}

func (i inside) Put(ctx context.Context, key string, body storage.Body, o storage.PutOptions) error {
	return i.Bucket.Put(ctx, i.cut(key), body, o)
}

func (i inside) Delete(ctx context.Context, key string) error {
	return i.Bucket.Delete(ctx, i.cut(key))
}

func (i inside) Traits() storage.Traits {
	t := i.Bucket.Traits()
	t.MaxKey += len(within)
	return t
}

func TestPrefixedBucketPassesTheSuite(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		b := open(t)
		name := t.Name()
		return storagetest.Place{
			Open:       func() storage.Bucket { return prefix.New(inside{b, t}, strings.TrimSuffix(within, "/")) },
			RemoveRoot: func() { mem.Drop(name) },
		}
	})
}

func TestRepositoriesBesideEachOtherDoNotMeet(t *testing.T) {
	t.Parallel()
	root, ctx := open(t), t.Context()
	for _, p := range []string{"p", "p0", "p/q", "pp"} {
		require.NoError(t, prefix.New(root, p).Put(ctx, "k", storage.BytesBody([]byte(p)), storage.PutOptions{IfAbsent: true}))
	}
	var whole []string
	require.NoError(t, root.List(ctx, "", func(i storage.Info) error { whole = append(whole, i.Key); return nil }))
	require.Equal(t, []string{"p/k", "p/q/k", "p0/k", "pp/k"}, whole)

	b := prefix.New(root, "p")
	var keys []string
	require.NoError(t, b.List(ctx, "", func(i storage.Info) error { keys = append(keys, i.Key); return nil }))
	require.Equal(t, []string{"k", "q/k"}, keys)
	info, err := b.Stat(ctx, "k")
	require.NoError(t, err)
	require.Equal(t, "k", info.Key)
	require.NoError(t, b.Delete(ctx, "k"))
	_, err = root.Stat(ctx, "pp/k")
	require.NoError(t, err)
	_, err = b.Stat(ctx, "k")
	require.EqualError(t, err, "stat mem://"+t.Name()+"/p/k: object does not exist", "the key as the store knows it")
}

func TestNoPrefixIsTheBucketItself(t *testing.T) {
	t.Parallel()
	root := open(t)
	require.Same(t, root, prefix.New(root, ""))
}

func TestLongestKeyCountsThePrefix(t *testing.T) {
	t.Parallel()
	b := prefix.New(open(t), strings.Repeat("p", 99))
	most := b.Traits().MaxKey
	require.Equal(t, storage.MaxKey-100, most)
	key := strings.Repeat("k/", most/2-1) + "kk"
	require.Len(t, key, most)
	require.NoError(t, b.Put(t.Context(), key, storage.BytesBody(nil), storage.PutOptions{}))
	err := b.Put(t.Context(), key+"k", storage.BytesBody(nil), storage.PutOptions{})
	require.ErrorIs(t, err, storage.ErrInvalidKey)
	require.ErrorContains(t, err, "801 bytes, at most 800 are allowed below ppp")
}

func TestPrefixThatLeadsElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"..", "a//b", "/a", "a/"} {
		b := prefix.New(open(t), p)
		require.ErrorIs(t, b.Put(t.Context(), "k", storage.BytesBody(nil), storage.PutOptions{}), storage.ErrInvalidKey, p)
		require.ErrorIs(t, b.List(t.Context(), "", func(storage.Info) error { return nil }), storage.ErrInvalidKey, p)
	}
}

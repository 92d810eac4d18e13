package overlay_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/mem"
	"starkeep/storage/overlay"
	"starkeep/storage/readonly"
	"starkeep/storage/storagetest"
)

const prefix = "root/jobs/"

// An overlay is a bucket like any other, whichever side a key lives on.
func TestOverlayPassesTheSuite(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		base, over := place(t, "base"), place(t, "over")
		return storagetest.Place{Open: func() storage.Bucket { return overlay.New(base(), over(), "zzz/") }}
	})
}

// place returns a function that opens handles on one place in memory.
func place(t testing.TB, side string) func() storage.Bucket {
	name := strings.ReplaceAll(t.Name(), "/", "_") + side
	t.Cleanup(func() { mem.Drop(name) })
	return func() storage.Bucket {
		b, err := mem.Open(name, true)
		require.NoError(t, err)
		return b
	}
}

func TestReadOnlyRepositoryIsNeverWrittenByItsJobs(t *testing.T) {
	t.Parallel()
	base, over := place(t, "base"), place(t, "over")
	b := overlay.New(readonly.New(base()), over(), prefix)
	ctx := t.Context()
	body := storage.BytesBody([]byte("x"))
	require.NoError(t, b.Put(ctx, prefix+"j/page", body, storage.PutOptions{IfAbsent: true}))
	require.ErrorIs(t, b.Put(ctx, "root/data/x", body, storage.PutOptions{}), storage.ErrReadOnly)
	_, err := base().Stat(ctx, prefix+"j/page")
	require.ErrorIs(t, err, storage.ErrNotExist)

	require.NoError(t, base().Put(ctx, prefix+"old/page", body, storage.PutOptions{}))
	require.NoError(t, base().Put(ctx, "root/a", body, storage.PutOptions{}))
	var keys []string
	list := func(i storage.Info) error { keys = append(keys, i.Key); return nil }
	require.NoError(t, b.List(ctx, "root/", list))
	require.Equal(t, []string{"root/a"}, keys, "pages of the base are hidden")
	keys = nil
	require.NoError(t, b.List(ctx, prefix, list))
	require.Equal(t, []string{prefix + "j/page"}, keys)
}

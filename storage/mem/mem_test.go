package mem_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/mem"
	"starkeep/storage/storagetest"
)

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		name := t.Name()
		t.Cleanup(func() { mem.Drop(name) })
		return storagetest.Place{
			Open: func() storage.Bucket {
				b, err := mem.Open(name, true)
				require.NoError(t, err)
				return b
			},
			RemoveRoot: func() { mem.Drop(name) },
		}
	})
}

func TestUnknownPlaceIsNotCreatedInPassing(t *testing.T) {
	t.Parallel()
	_, err := mem.Open(t.Name(), false)
	require.ErrorIs(t, err, storage.ErrNoRoot)
}

package mem_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/fault"
	"starkeep/storage/mem"
	"starkeep/storage/retry"
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
			Missing: func() (storage.Bucket, error) {
				b, err := mem.Open(name+"none", false)
				return b, err
			},
		}
	})
}

func TestUnknownPlaceIsNotCreatedInPassing(t *testing.T) {
	t.Parallel()
	_, err := mem.Open(t.Name(), false)
	require.ErrorIs(t, err, storage.ErrNoRoot)
}

func TestNemesisLosesNothing(t *testing.T) {
	t.Cleanup(func() { mem.Drop(t.Name()) })
	chaos := fault.NewChaos(1, .1)
	storagetest.Nemesis(t, storagetest.NemesisOptions{
		Open: func() storage.Bucket {
			b, err := mem.Open(t.Name(), true)
			require.NoError(t, err)
			return retry.New(chaos.Wrap(b), retry.Policy{Attempts: 12, First: time.Millisecond, Max: 20 * time.Millisecond})
		},
		Faults: chaos.Counts,
		Dead:   chaos.Dead,
	})
}

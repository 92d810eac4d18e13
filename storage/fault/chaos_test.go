package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/fault"
	"starkeep/storage/mem"
)

// stormy returns the outcomes of 300 puts and gets, "-" where nothing failed.
func stormy(t *testing.T, chaos *fault.Chaos, parallel bool) string {
	t.Helper()
	name := t.Name()
	below, err := mem.Open(name, true)
	require.NoError(t, err)
	defer mem.Drop(name)
	b := chaos.Wrap(below)
	outcomes := make([]string, 300)
	var wg sync.WaitGroup
	for i := range outcomes {
		do := func() {
			key := fmt.Sprintf("k%d", i)
			outcomes[i] = outcome(b.Put(context.Background(), key, storage.BytesBody(make([]byte, 100_000)), storage.PutOptions{}))
			if r, err := b.Get(context.Background(), key, storage.Range{}); err != nil {
				outcomes[i] += outcome(err)
			} else {
				n, err := io.Copy(io.Discard, r)
				outcomes[i] += fmt.Sprint(n, outcome(errors.Join(err, r.Close())))
			}
		}
		if parallel {
			wg.Go(do)
		} else {
			do()
		}
	}
	wg.Wait()
	return strings.Join(outcomes, " ")
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "-"
	case errors.Is(err, storage.ErrNotExist):
		return "absent"
	case errors.Is(err, storage.ErrUnavailable):
		return "!"
	}
	return err.Error()
}

func TestChaosIsTheSeedsNotTheOrders(t *testing.T) {
	chaos := fault.NewChaos(3, .3)
	one := stormy(t, chaos, false)
	again := fault.NewChaos(3, .3)
	require.Equal(t, one, stormy(t, again, true))
	require.Equal(t, chaos.Counts(), again.Counts())
	require.NotEqual(t, one, stormy(t, fault.NewChaos(4, .3), false))
	for _, kind := range []string{"refused", "lost", "cut", "delayed"} {
		require.Positive(t, chaos.Counts()[kind], kind)
	}
	require.NotContains(t, chaos.Counts(), "dead")
	require.Regexp(t, `(^| )(-100000- )+.*-!.*!absent.*!100000-`, one, "whole, refused when read, refused when put, its answer lost")
}

func TestDeadChaosRefusesAll(t *testing.T) {
	t.Parallel()
	chaos := fault.NewChaos(1, 0)
	b := chaos.Wrap(open(t).Bucket)
	require.NoError(t, put(b, "k", "x"))
	chaos.Dead(func() {
		require.ErrorIs(t, put(b, "k", "y"), storage.ErrUnavailable)
		require.ErrorIs(t, b.Delete(t.Context(), "k"), storage.ErrUnavailable)
		require.ErrorIs(t, b.List(t.Context(), "", func(storage.Info) error { return nil }), storage.ErrUnavailable)
	})
	_, err := b.Stat(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"dead": 3}, chaos.Counts())
}

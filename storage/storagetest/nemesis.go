package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
)

// NemesisOptions describe a run of Nemesis. Open and Faults are required.
type NemesisOptions struct {
	// Open returns a handle on a fresh place: faults below, storage/retry above. Nemesis closes it.
	Open func() storage.Bucket
	// Faults returns how many faults of each kind have been injected. A run that met none fails: it proved nothing.
	Faults func() map[string]int64
	// Dead runs do while the store does not answer, and returns when it answers again. Only then, a call may fail, with
	// storage.ErrUnavailable. Nil: the store is never dead.
	Dead func(do func())
	// Leftovers names what unfinished writes have left behind in the place. Nil: the backend has no such thing.
	Leftovers func() []string
	Seed      uint64        // 0: a new one, which is printed
	For       time.Duration // 0: the environment's STARKEEP_NEMESIS, or 5 s
	Workers   int           // 0: 8
	Keys      int           // that each worker owns; 0: 6
	MaxSize   int64         // of an object, in bytes; 0: 3 MiB
}

// Nemesis works on a bucket with many hands for a while, as nothing but faults go on below it: puts, creates, deletes,
// reads of whole objects and of ranges, stats, lists. Every answer is held against what the answer may be. In the end all
// that was stored has to be there, whole, and nothing else.
func Nemesis(t testing.TB, o NemesisOptions) {
	n := newNemesis(t, o)
	t.Logf("nemesis: seed %d, %v, %d workers", n.o.Seed, n.o.For, n.o.Workers)
	n.storm()
	n.report()
	if !t.Failed() {
		n.sweep()
	}
}

type nemesis struct {
	t        testing.TB
	o        NemesisOptions
	contents contents
	handles  []storage.Bucket
	workers  []*worker
	races    races

	began time.Time
	phase atomic.Int64 // odd while the store is dead
	stop  context.CancelFunc
	ctx   context.Context // ends with For, or with the first failure

	mu  sync.Mutex
	ops map[string]int64
}

func newNemesis(t testing.TB, o NemesisOptions) *nemesis {
	t.Helper()
	o.defaults(t)
	n := &nemesis{t: t, o: o, contents: contents{o.Seed, o.MaxSize}, ops: map[string]int64{}}
	for range 2 { // as two processes have
		b := o.Open()
		t.Cleanup(func() { require.NoError(t, b.Close()) })
		n.handles = append(n.handles, b)
	}
	for i := range o.Workers {
		w := &worker{nemesis: n, prefix: fmt.Sprintf("w%d/", i), bucket: n.handles[i%2], number: i,
			random: rand.New(rand.NewPCG(o.Seed, uint64(i)))}
		for k := range o.Keys {
			w.cells = append(w.cells, newCell(fmt.Sprintf("%sk%d", w.prefix, k)))
		}
		n.workers = append(n.workers, w)
	}
	return n
}

func (o *NemesisOptions) defaults(t testing.TB) {
	t.Helper()
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	if o.For == 0 {
		o.For = 5 * time.Second
		if text := os.Getenv("STARKEEP_NEMESIS"); text != "" {
			d, err := time.ParseDuration(text)
			require.NoError(t, err, "STARKEEP_NEMESIS is a duration, for example 2m")
			o.For = d
		}
	}
	if o.Workers == 0 {
		o.Workers = 8
	}
	if o.Keys == 0 {
		o.Keys = 6
	}
	if o.MaxSize == 0 {
		o.MaxSize = 3 << 20
	}
}

// storm lets the workers work, and the store die once in the middle.
func (n *nemesis) storm() {
	n.began = time.Now()
	n.ctx, n.stop = context.WithTimeout(n.t.Context(), n.o.For)
	defer n.stop()
	var wg sync.WaitGroup
	for _, w := range n.workers {
		wg.Go(w.work)
	}
	if n.o.Dead != nil {
		wg.Go(n.die)
	}
	wg.Wait()
}

// die takes the store away for a tenth of the time, after the first half.
func (n *nemesis) die() {
	if !n.sleep(n.o.For / 2) {
		return
	}
	n.phase.Add(1)
	n.o.Dead(func() { n.sleep(n.o.For / 10) })
	n.phase.Add(1)
}

func (n *nemesis) sleep(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-n.ctx.Done():
		return false
	}
}

func (n *nemesis) fail(format string, args ...any) {
	n.t.Errorf("seed %d: "+format, append([]any{n.o.Seed}, args...)...)
	n.stop()
}

func (n *nemesis) count(op string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ops[op]++
}

// report says what was done, and fails when nothing was done or nothing was injected.
func (n *nemesis) report() {
	faults := n.o.Faults()
	n.t.Logf("nemesis: %s after %v; faults: %s", table(n.ops), time.Since(n.began).Round(time.Millisecond), table(faults))
	var injected int64
	for _, count := range faults {
		injected += count
	}
	require.Positive(n.t, injected, "no fault was injected: the run proves nothing")
	for _, op := range []string{"put", "create", "delete", "get", "range", "stat", "list"} {
		require.Positive(n.t, n.ops[op], "no %s was done: run it for longer", op)
	}
}

func table(counts map[string]int64) string {
	var cells []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		cells = append(cells, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(cells, ", ")
}

// sweep looks at everything once more, deletes it, and looks that nothing is left.
func (n *nemesis) sweep() {
	b, ctx := n.handles[0], n.t.Context()
	listed := map[string]int64{}
	require.NoError(n.t, b.List(ctx, "", func(i storage.Info) error {
		listed[i.Key] = i.Size
		return nil
	}))
	for _, c := range n.cells() {
		size, there := listed[c.key]
		delete(listed, c.key)
		may := c.seen(c.since())
		require.True(n.t, n.contents.matches(c.key, found{absent: !there, size: size}, may),
			"listed: %t, %d bytes; %s", there, size, c.history())
		f, err := look(ctx, b, c.key, storage.Range{})
		require.NoError(n.t, err)
		require.True(n.t, n.contents.matches(c.key, f, may), "found: %t, %d bytes; %s", !f.absent, len(f.data), c.history())
		require.NoError(n.t, b.Delete(ctx, c.key))
	}
	require.Empty(n.t, listed, "objects that nobody put")
	require.NoError(n.t, b.List(ctx, "", func(i storage.Info) error { return fmt.Errorf("%s is left", i.Key) }))
	if n.o.Leftovers != nil {
		require.Empty(n.t, n.o.Leftovers(), "unfinished writes are left behind")
	}
}

// cells are those of all workers, given up ones too, and those that were raced for.
func (n *nemesis) cells() (all []*cell) {
	for _, w := range n.workers {
		all = append(append(all, w.cells...), w.lost...)
	}
	return append(all, n.races.cells(n.t)...)
}

// look reads an object or a part of it.
func look(ctx context.Context, b storage.Bucket, key string, part storage.Range) (found, error) {
	r, err := b.Get(ctx, key, part)
	if errors.Is(err, storage.ErrNotExist) {
		return found{absent: true}, nil
	}
	if err != nil {
		return found{}, fmt.Errorf("get: %w", err)
	}
	data, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return found{}, fmt.Errorf("read: %w", err)
	}
	return found{data: data, part: part}, nil
}

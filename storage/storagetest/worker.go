package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
)

// worker does one thing after the other. What it writes is its own; it reads everybody's.
type worker struct {
	*nemesis

	number int
	prefix string
	bucket storage.Bucket
	random *rand.Rand
	last   generation

	own   sync.Mutex
	cells []*cell
	lost  []*cell // a write's answer never came: it may take effect even later, so the key is not written again
}

func (w *worker) work() {
	for w.ctx.Err() == nil {
		switch p := w.random.IntN(100); {
		case p < 38:
			w.write(w.random.IntN(len(w.cells)))
		case p < 65:
			w.read("get", storage.Range{})
		case p < 80:
			w.read("range", storage.Range{Offset: w.random.Int64N(w.o.MaxSize / 2), Length: w.random.Int64N(w.o.MaxSize)})
		case p < 88:
			w.stat()
		case p < 96:
			w.list()
		default:
			w.race()
		}
	}
}

// call does one operation. It returns false when the answer never came because the store was dead or the run is over.
func (w *worker) call(op, key string, do func(ctx context.Context) error) (answered bool, err error) {
	w.count(op)
	before := w.phase.Load()
	// The end of the run lets calls finish: an end in the middle would leave unknown what they did.
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	began := time.Now()
	err = do(ctx)
	dead := before%2 == 1 || w.phase.Load() != before
	switch {
	case errors.Is(err, storage.ErrUnavailable) && dead:
		w.count("unanswered")
		return false, nil
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		w.fail("%s %s, after %v: %v", op, key, time.Since(began).Round(time.Millisecond), err)
		return false, nil
	}
	return true, err
}

// patience is how long a call may take in a storm, retries and all.
const patience = 2 * time.Minute

func (w *worker) write(i int) {
	c := w.cells[i]
	there := c.now() != absentNow
	switch p := w.random.IntN(100); {
	case there && p < 15:
		w.createTaken(c)
	case there && p < 40, !there && p < 10:
		w.delete(i)
	case !there && p < 60:
		w.put(i, "create", storage.PutOptions{IfAbsent: true})
	default:
		w.put(i, "put", storage.PutOptions{})
	}
}

func (w *worker) put(i int, op string, opts storage.PutOptions) {
	c := w.cells[i]
	w.last++
	body := w.contents.body(c.key, w.last)
	c.begin(w.last)
	answered, err := w.call(op, c.key, func(ctx context.Context) error { return w.bucket.Put(ctx, c.key, body, opts) })
	w.wrote(i, op, answered, err)
}

func (w *worker) delete(i int) {
	c := w.cells[i]
	c.begin(absentNow)
	answered, err := w.call("delete", c.key, func(ctx context.Context) error { return w.bucket.Delete(ctx, c.key) })
	w.wrote(i, "delete", answered, err)
}

// wrote settles a write, or gives its key up for another.
func (w *worker) wrote(i int, op string, answered bool, err error) {
	c := w.cells[i]
	switch {
	case err != nil:
		w.fail("%s: %v; %s", op, err, c.history())
	case answered:
		c.settle()
	default:
		w.own.Lock()
		defer w.own.Unlock()
		w.lost = append(w.lost, c)
		w.cells[i] = newCell(fmt.Sprintf("%s-%d", c.key, len(w.lost)))
	}
}

// createTaken puts, only if absent, where something is. Storage/retry may take an object that is the same, byte for byte,
// for its own; here that is so for empty ones only.
func (w *worker) createTaken(c *cell) {
	w.last++
	body := w.contents.body(c.key, w.last)
	answered, err := w.call("create", c.key, func(ctx context.Context) error {
		return w.bucket.Put(ctx, c.key, body, storage.PutOptions{IfAbsent: true})
	})
	same := body.Size == 0 && w.contents.size(c.key, c.now()) == 0
	if answered && !errors.Is(err, storage.ErrExist) && (err != nil || !same) {
		w.fail("create what exists: got %v; %s", err, c.history())
	}
}

// any picks a key of any worker.
func (w *worker) any() *cell {
	other := w.workers[w.random.IntN(len(w.workers))]
	other.own.Lock()
	defer other.own.Unlock()
	return other.cells[w.random.IntN(len(other.cells))]
}

func (w *worker) read(op string, part storage.Range) {
	w.observe(op, func(ctx context.Context, c *cell) (found, error) { return look(ctx, w.bucket, c.key, part) })
}

func (w *worker) stat() {
	w.observe("stat", func(ctx context.Context, c *cell) (found, error) {
		info, err := w.bucket.Stat(ctx, c.key)
		if errors.Is(err, storage.ErrNotExist) {
			return found{absent: true}, nil
		}
		return found{size: info.Size}, err
	})
}

// observe holds one answer against what it may be.
func (w *worker) observe(op string, ask func(ctx context.Context, c *cell) (found, error)) {
	c := w.any()
	from := c.since()
	var f found
	answered, err := w.call(op, c.key, func(ctx context.Context) (err error) {
		f, err = ask(ctx, c)
		return err
	})
	switch {
	case err != nil && len(c.seen(from)) > 1:
		// A body that broke cannot be gone on with when its object was replaced or deleted meanwhile. An error is right then.
		w.count("moved")
	case err != nil:
		w.fail("%s: %v; %s", op, err, c.history())
	case answered && !w.contents.matches(c.key, f, c.seen(from)):
		w.fail("%s gave what was not there: absent %t, size %d, %d bytes of %+v; %s", op, f.absent, f.size, len(f.data), f.part, c.history())
	}
}

// list lists everything, or what is the worker's own. Of its own it knows each key: nobody writes them meanwhile.
func (w *worker) list() {
	prefix := []string{"", w.prefix}[w.random.IntN(2)]
	var keys []string
	sizes := map[string]int64{}
	answered, err := w.call("list", prefix, func(ctx context.Context) error {
		return w.bucket.List(ctx, prefix, func(i storage.Info) error {
			keys = append(keys, i.Key)
			sizes[i.Key] = i.Size
			return nil
		})
	})
	if !answered {
		return
	}
	if err != nil || !slices.IsSorted(keys) || len(keys) != len(sizes) {
		w.fail("list %q: %v; in order, each once: %q", prefix, err, keys)
		return
	}
	w.listed(prefix, sizes)
}

func (w *worker) listed(prefix string, sizes map[string]int64) {
	for _, c := range slices.Concat(w.cells, w.lost) {
		size, there := sizes[c.key]
		delete(sizes, c.key)
		if f := (found{absent: !there, size: size}); !w.contents.matches(c.key, f, c.seen(c.since())) {
			w.fail("list %q: listed %t, %d bytes; %s", prefix, there, size, c.history())
		}
	}
	for key := range sizes {
		if strings.HasPrefix(key, w.prefix) {
			w.fail("list %q: nobody put %s", prefix, key)
		}
	}
}

// races are creations that all workers go for: of each, one may win.
type races struct {
	mu  sync.Mutex
	all map[string]*race
}

type race struct {
	key    string
	tried  []generation // one for each worker, which tries once
	winner []generation
	lost   bool // somebody was told that the key is taken
	maybe  []generation
}

// racesOfRun is how many races a run has.
const racesOfRun = 40

// race creates the key that all workers go for at this time. Each worker does so once.
func (w *worker) race() {
	if w.bucket.Traits().CreateAbsent != storage.Atomic {
		return
	}
	key := fmt.Sprintf("race/%d", int64(time.Since(w.began)*racesOfRun/w.o.For))
	g := generation(w.number + 1)
	body := w.contents.body(key, g)
	// Of two empty objects nobody could say which one won.
	if body.Size == 0 || !w.races.enter(key, g) {
		return
	}
	answered, err := w.call("race", key, func(ctx context.Context) error {
		return w.bucket.Put(ctx, key, body, storage.PutOptions{IfAbsent: true})
	})
	if err != nil && !errors.Is(err, storage.ErrExist) {
		w.fail("race for %s: %v", key, err)
	}
	w.races.leave(key, g, answered, err)
}

func (r *races) enter(key string, g generation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[string]*race{}
	}
	if r.all[key] == nil {
		r.all[key] = &race{key: key}
	}
	if slices.Contains(r.all[key].tried, g) {
		return false
	}
	r.all[key].tried = append(r.all[key].tried, g)
	return true
}

func (r *races) leave(key string, g generation, answered bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch of := r.all[key]; {
	case !answered:
		of.maybe = append(of.maybe, g)
	case err == nil:
		of.winner = append(of.winner, g)
	default:
		of.lost = true
	}
}

// cells returns what the races may have left: the winner's object; without a winner, that of one whose answer was lost.
func (r *races) cells(t testing.TB) (all []*cell) {
	t.Helper()
	for _, of := range r.all {
		require.LessOrEqual(t, len(of.winner), 1, "%s was won twice", of.key)
		c := newCell(of.key)
		c.states = append(of.winner, of.maybe...)
		switch {
		case len(of.winner) == 1:
			c.states = of.winner
		case !of.lost:
			c.states = append(c.states, absentNow)
		}
		require.NotEmpty(t, c.states, "%s: all were told that it is taken, nobody that it is theirs", of.key)
		all = append(all, c)
	}
	return all
}

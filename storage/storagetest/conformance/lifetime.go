package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"starkeep/storage"
)

// cancellable is a context of the check that can be cancelled, and is when the check ends.
func cancellable(t T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// await waits until c is closed.
func await(t T, c <-chan struct{}, otherwise string) {
	t.Helper()
	timer := time.NewTimer(answerWithin)
	defer timer.Stop()
	select {
	case <-c:
	case <-t.Context().Done():
		fail(t, "%s: %v", otherwise, t.Context().Err())
	case <-timer.C:
		fail(t, "%s within %v", otherwise, answerWithin)
	}
}

func cancelledChangesNothing(t T, s *suite) {
	put(t, s.b, "k", []byte("old"))
	cancelledReads(t, s)
	ctx, cancel := cancellable(t)
	cancel()
	for method, err := range map[string]error{
		"put":    s.b.Put(ctx, "k", storage.BytesBody([]byte("new")), storage.PutOptions{}),
		"create": s.b.Put(ctx, "l", storage.BytesBody([]byte("new")), storage.PutOptions{IfAbsent: true}),
		"delete": s.b.Delete(ctx, "k"),
	} {
		truth(t, errors.Is(err, context.Canceled), "a cancelled %s gave %v", method, err)
	}
	listed(t, s.b, "", "k")
	holds(t, s.b, "k", "old")
}

func cancelledReads(t T, s *suite) {
	ctx, cancel := cancellable(t)
	cancel()
	_, getErr := s.b.Get(ctx, "k", storage.Range{})
	_, statErr := s.b.Stat(ctx, "none")
	for method, err := range map[string]error{
		"get": getErr, "stat": statErr, "list": s.b.List(ctx, "", func(storage.Info) error { return nil }),
	} {
		truth(t, errors.Is(err, context.Canceled), "a cancelled %s gave %v", method, err)
	}
}

func cancelStopsTransfers(t T, s *suite) {
	data := random(1 << 20)
	ctx, cancel := cancellable(t)
	body := middle(data, func() error { cancel(); return nil }) // the job is cancelled while its object is on the way
	err := s.b.Put(ctx, "k", body, storage.PutOptions{})
	truth(t, errors.Is(err, context.Canceled), "a put that is cancelled half way gave %v", err)
	listed(t, s.b, "")
	s.nothingLeft(t)

	data = random(s.scale.LargeSize) // more than any buffer on the way holds
	put(t, s.b, "k", data)
	ctx, cancel = cancellable(t)
	r, err := s.b.Get(ctx, "k", storage.Range{})
	works(t, err, "get")
	_, err = io.ReadFull(r, make([]byte, 100))
	works(t, err, "read the beginning")
	cancel()
	_, err = io.Copy(io.Discard, r)
	truth(t, errors.Is(err, context.Canceled), "a read that is cancelled half way gave %v", err)
	_ = r.Close() // its error, if any, was told by Read
}

func twoHandles(t T, s *suite) {
	other := s.place.Open()
	put(t, s.b, "k", []byte("mine"))
	holds(t, other, "k", "mine")
	put(t, other, "k", []byte("yours"))
	holds(t, s.b, "k", "yours")
	listed(t, other, "", "k")
	works(t, other.Delete(t.Context(), "k"), "delete")
	isAbsent(t, s.b, "k")
	listed(t, s.b, "")
	works(t, other.Close(), "close")
	put(t, s.b, "k", []byte("still open"))
	holds(t, s.b, "k", "still open")
}

// unreadBodies has more readers stop early than any pool has connections, in all the ways in which readers stop.
func unreadBodies(t T, s *suite) {
	data := random(300_000)
	put(t, s.b, "k", data)
	ctx, cancel := context.WithTimeout(t.Context(), answerWithin)
	defer cancel()
	for i := range 64 {
		one, drop := context.WithCancel(ctx)
		r, err := s.b.Get(one, "k", storage.Range{})
		works(t, err, "get, after %d bodies were closed unread", i)
		if i%2 == 0 {
			_, err = io.ReadFull(r, make([]byte, 1000))
			works(t, err, "read the beginning")
		}
		if i%4 < 2 {
			drop() // the reader's own context ends before the body is closed
		}
		_ = r.Close() // that a body was not read to its end may be told or not
		drop()
	}
	holds(t, s.b, "k", string(data))
}

func nothingRuns(t T, s *suite) { leavesNothing(t, s, func(b storage.Bucket) { use(t, b) }) }

// leavesNothing uses and closes a handle and looks for goroutines that it left. They are known by a label, which
// goroutines inherit from the one that starts them; so whatever else runs in the process does not count.
func leavesNothing(t T, s *suite, use func(b storage.Bucket)) {
	t.Helper()
	use(s.b) // what a library starts once in a process is no leak
	id := fmt.Sprintf("%x", random(8))
	pprof.Do(t.Context(), pprof.Labels(runLabel, id), func(context.Context) {
		b := s.place.Open()
		use(b)
		works(t, b.Close(), "close")
	})
	var left int
	var where string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if left, where = running(id); left == 0 {
			return
		}
	}
	fail(t, "%d goroutines are left running 10 s after the bucket was closed, for example %s", left, where)
}

// use calls everything, and breaks off some of it.
func use(t T, b storage.Bucket) {
	t.Helper()
	for i := range 5 {
		key := fmt.Sprintf("k%d", i)
		put(t, b, key, random(100_000))
		r, err := b.Get(t.Context(), key, storage.Range{})
		works(t, err, "get")
		_, err = r.Read(make([]byte, 10))
		works(t, err, "read")
		_ = r.Close() // that it was not read to its end may be told or not
		err = b.Put(t.Context(), key, halfBody(random(1000)), storage.PutOptions{})
		truth(t, err != nil, "a broken body was put")
		keys(t, b, "")
		works(t, b.Delete(t.Context(), key), "delete")
	}
}

const runLabel = "starkeep-conformance"

// groups matches one group of the goroutine profile's text form: how many, their labels, their innermost function.
var groups = regexp.MustCompile(`(?m)^(\d+) @.*\n# labels: (\{.*\})\n(?:#\t0x[0-9a-f]+\t(\S+))?`)

// running counts the goroutines with the label, and says where one of them is.
func running(id string) (n int, where string) {
	var profile bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&profile, 1) // a Buffer never fails
	for _, group := range groups.FindAllStringSubmatch(profile.String(), -1) {
		if strings.Contains(group[2], strconv.Quote(id)) {
			count, _ := strconv.Atoi(group[1]) // \d+
			n += count
			where = group[3]
		}
	}
	return n, where
}

package conformance

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"starkeep/storage"
	"starkeep/storage/prefix"
	"starkeep/storage/transport"
)

// Options say how Examine works.
type Options struct {
	// Prefix is where Examine writes, below a name that is new each time; of a read-only repository, where it looks for
	// objects to read. Empty: the root.
	Prefix string
	// ReadOnly leaves out all that writes, and reads what is there.
	ReadOnly bool
	// Report is told of each verdict as soon as it is reached. Nil: nobody.
	Report func(Verdict)
}

// Verdict is what one check found.
type Verdict struct {
	Name    string        `json:"name"`
	Title   string        `json:"title"` // what the check proves, for people
	OK      bool          `json:"ok"`    // neither failed nor skipped
	Skipped string        `json:"skipped,omitempty"`
	Detail  string        `json:"detail,omitempty"` // why it failed, in one line
	Took    time.Duration `json:"took"`             // nanoseconds in JSON
}

// Limits of an examination.
const (
	checkWithin = time.Minute      // one check
	sweepWithin = 30 * time.Second // deleting what one check wrote, also after ctx has ended
	stopWithin  = 5 * time.Second  // a check whose time is up

	abandonedAfter = time.Hour // an examination whose objects are that old is over, however it ended
)

// Names of the verdicts that are no Check's.
const (
	Answers       = "StoreAnswers"
	LeavesNothing = "NothingIsLeftBehind"
)

// Examine runs the checks one after the other against a store in use, at a modest scale, and returns a verdict for each.
// open returns another handle on the repository; Examine closes it. When the store does not answer at all, or nothing can be
// written and read back, the other checks are skipped. Whatever was written is deleted, also when ctx ends.
func Examine(ctx context.Context, open func() (storage.Bucket, error), o Options) []Verdict {
	e := &examination{ctx: ctx, open: open, o: o, below: o.Prefix}
	if !o.ReadOnly {
		e.below = fmt.Sprintf("%s%x", e.family(), random(8))
	}
	e.first()
	if o.ReadOnly {
		e.all(reading())
	} else {
		e.all(Checks())
		e.last()
	}
	return e.verdicts
}

type examination struct {
	ctx      context.Context // the one call's
	open     func() (storage.Bucket, error)
	o        Options
	below    string // what is written or read has this prefix
	why      string // the other checks are skipped; empty: they are not
	wrote    bool   // something may have been written
	left     error  // why something could not be deleted
	verdicts []Verdict
}

// family is what all examinations below one prefix write below.
func (e *examination) family() string { return strings.TrimPrefix(e.o.Prefix+"/examination-", "/") }

func (e *examination) first() {
	answers := Check{Name: Answers, Title: "The store answers, and lets its content be listed", run: func(t T, s *suite) {
		enough := errors.New("enough")
		err := s.b.List(t.Context(), "", func(storage.Info) error { return enough })
		if !errors.Is(err, enough) {
			works(t, err, "list")
		}
	}}
	if v := e.check(answers, e.below); !v.OK {
		e.why = "the store could not be used at all"
	}
}

func (e *examination) all(checks []Check) {
	for i, c := range checks {
		if e.o.ReadOnly {
			e.check(c, e.below)
			continue
		}
		below := fmt.Sprintf("%s/%02d", e.below, i)
		v := e.check(c, below)
		if v.Skipped == "" {
			e.sweep(below + "/")
		}
		if i == 0 && v.Detail != "" {
			e.why = "nothing could be written and read back"
		}
	}
}

// last looks that all that was written is gone, also what examinations that were killed have left.
func (e *examination) last() {
	if !e.wrote {
		return
	}
	began := time.Now()
	e.sweep(e.family())
	v := Verdict{Name: LeavesNothing, Title: "Everything that was written here is deleted again", OK: e.left == nil, Took: time.Since(began)}
	if e.left != nil {
		v.Detail = shorten(e.left.Error())
	}
	e.reach(v)
}

func (e *examination) reach(v Verdict) {
	e.verdicts = append(e.verdicts, v)
	if e.o.Report != nil {
		e.o.Report(v)
	}
}

// check runs one check and reaches its verdict.
func (e *examination) check(c Check, below string) Verdict {
	v := Verdict{Name: c.Name, Title: c.Title}
	switch {
	case e.why != "":
		v.Skipped = e.why
	case e.ctx.Err() != nil:
		v.Skipped = "the examination was ended: " + context.Cause(e.ctx).Error()
	default:
		began := time.Now()
		v.Skipped, v.Detail = e.run(c, below)
		v.Took = time.Since(began)
		v.OK = v.Skipped == "" && v.Detail == ""
	}
	e.reach(v)
	return v
}

// run runs a check in a goroutine of its own: that is how FailNow ends it.
func (e *examination) run(c Check, below string) (skipped, detail string) {
	ctx, cancel := context.WithTimeout(e.ctx, checkWithin)
	defer cancel()
	t := &trial{ctx: ctx}
	place := Place{Open: func() storage.Bucket {
		b, err := e.open()
		works(t, err, "open")
		return prefix.New(b, below)
	}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.end()
		c.Run(t, place, Modest())
	}()
	select {
	case <-done:
	case <-ctx.Done():
		if !within(stopWithin, done) {
			t.Errorf("still running %v after its time was up", stopWithin)
		}
	}
	if skipped, detail = t.result(); detail != "" && ctx.Err() != nil {
		if e.ctx.Err() != nil {
			return "the examination was ended: " + context.Cause(e.ctx).Error(), ""
		}
		detail = fmt.Sprintf("took longer than %v; %s", checkWithin, detail)
	}
	return skipped, detail
}

func within(d time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// sweep deletes what this examination has written below a prefix, and what others left there long ago. It goes on when ctx
// has ended: what was written must not stay.
func (e *examination) sweep(below string) {
	e.wrote = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), sweepWithin)
	defer cancel()
	if err := e.delete(ctx, below); err != nil {
		e.left = fmt.Errorf("delete what was written below %s: %w", e.below, err)
	} else if below == e.family() {
		e.left = nil // what an earlier sweep could not do is done
	}
}

func (e *examination) delete(ctx context.Context, below string) (err error) {
	b, err := e.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	var keys []string
	if err := b.List(ctx, below, func(i storage.Info) error {
		// A wrong clock does no harm: at worst, another examination of the same time fails.
		if strings.HasPrefix(i.Key, e.below+"/") || time.Since(i.Modified) > abandonedAfter {
			keys = append(keys, i.Key)
		}
		return nil
	}); err != nil {
		return err
	}
	failed := make([]error, len(keys))
	together(len(keys), func(i int) { failed[i] = b.Delete(ctx, keys[i]) })
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// trial is the T of an examination.
type trial struct {
	ctx context.Context

	mu       sync.Mutex
	failure  string // the first one
	skipped  string
	cleanups []func()
}

func (t *trial) Helper() {}

func (t *trial) Context() context.Context { return t.ctx }

func (t *trial) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failure == "" {
		t.failure = shorten(fmt.Sprintf(format, args...))
	}
}

func (t *trial) FailNow() { runtime.Goexit() }

func (t *trial) Skipf(format string, args ...any) {
	t.mu.Lock()
	t.skipped = shorten(fmt.Sprintf(format, args...))
	t.mu.Unlock()
	runtime.Goexit()
}

func (t *trial) Cleanup(do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, do)
}

// end runs the clean-ups, the last one first. A backend that panics fails the check, not the worker.
func (t *trial) end() {
	if p := recover(); p != nil {
		t.Errorf("panic: %v", p)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.cleanups) > 0 {
		do := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		t.mu.Unlock() // it may add others, or fail
		do()
		t.mu.Lock()
	}
}

func (t *trial) result() (skipped, failure string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failure != "" {
		return "", t.failure
	}
	return t.skipped, ""
}

// shorten keeps a text on one line, not longer than a screen is wide a few times.
func shorten(text string) string { return transport.Shorten(text, 500) }

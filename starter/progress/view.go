package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"starkeep/job"
	"starkeep/starter/show"
)

// View shows jobs as they go. Not for concurrent use.
type View interface {
	// Update shows the present status of a job. A job is known by its kind, database and id.
	Update(job.Status)
	// Close ends the view; jobs that are not over stay as they were last seen.
	Close()
}

// New returns live bars when w is a terminal, else lines.
func New(w io.Writer) View {
	if f, ok := w.(*os.File); ok {
		// A terminal without a width (a serial line, some CI systems) would show no bar at all.
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return newBars(w)
		}
	}
	return &lines{w: w, last: map[string]line{}, now: time.Now}
}

func key(s job.Status) string { return fmt.Sprintf("%s/%s/%d", s.Kind, s.Database, s.JobID) }

func name(s job.Status) string {
	if s.Database == "" { // the cluster's own objects
		return show.Plain(s.Kind + " " + s.Label)
	}
	return show.Plain(fmt.Sprintf("%s %s.%s", s.Kind, s.Database, s.Label))
}

// note is what matters most besides the numbers.
func note(s job.Status) string {
	text := ""
	switch {
	case s.Paused != "":
		text = "paused: " + s.Paused
	case s.Retrying != "":
		text = "retrying: " + s.Retrying
	case s.State == job.Cancelled:
		text = s.Message
	}
	return show.Plain(text)
}

// lines prints one line whenever the state changes, each tenth of the work, and when a note comes up: a log stays short.
type lines struct {
	w    io.Writer
	last map[string]line
	now  func() time.Time
}

type line struct {
	state job.State
	tenth int
	note  string
	meter *Meter
}

func (l *lines) Update(s job.Status) {
	old, known := l.last[key(s)]
	says := note(s)
	subject, _, _ := strings.Cut(says, ", attempt ") // many transfers may fail, each many times, for one reason
	now := line{state: s.State, tenth: int(Fraction(s.Progress) * 10), note: subject, meter: old.meter}
	if now.meter == nil {
		now.meter = &Meter{}
	}
	now.meter.Observe(l.now(), s.Progress)
	l.last[key(s)] = now
	if known && now == old {
		return
	}
	text := name(s) + ": " + string(s.State)
	if moving(s) {
		text += " " + numbers(s, now.meter)
	}
	if says != "" {
		text += " (" + says + ")"
	}
	_, _ = fmt.Fprintln(l.w, text) // progress is a courtesy: a closed pipe must not end the job's watch
}

func (l *lines) Close() {}

func moving(s job.Status) bool {
	return s.State == job.Uploading || s.State == job.Downloading
}

// numbers prints percent, bytes, speed and time left.
func numbers(s job.Status, m *Meter) string {
	text := fmt.Sprintf("%3.0f %%  %s", Fraction(s.Progress)*100, Bytes(float64(s.Progress.Bytes)))
	if r := m.Rate(); r > 0 {
		text += fmt.Sprintf("  %s/s", Bytes(r))
	}
	if left, ok := m.ETA(); ok && s.Progress.UnitsDone < s.Progress.Units {
		text += "  " + Left(left) + " left"
	}
	return text
}

// bars draws a bar for each job.
type bars struct {
	all   *mpb.Progress
	byKey map[string]*bar
}

// full is the total of every bar: its parts are far finer than a terminal's columns.
const full = 1000

type bar struct {
	*mpb.Bar
	meter Meter
	text  chan string // holds the newest text; the drawing goroutine takes and puts it back
}

func newBars(w io.Writer) *bars {
	return &bars{all: mpb.New(mpb.WithOutput(w), mpb.WithWidth(30), mpb.WithRefreshRate(120*time.Millisecond)), byKey: map[string]*bar{}}
}

func (b *bars) Update(s job.Status) {
	x := b.byKey[key(s)]
	if x == nil {
		x = b.add(s)
		b.byKey[key(s)] = x
	}
	x.meter.Observe(time.Now(), s.Progress)
	text := string(s.State)
	if moving(s) {
		text += "  " + numbers(s, &x.meter)
	}
	if n := note(s); n != "" {
		text += "  " + n
	}
	<-x.text
	x.text <- text
	switch {
	case s.State == job.Cancelled:
		x.Abort(false)
	case s.State == job.Finished:
		x.SetCurrent(full)
	default:
		x.SetCurrent(min(full-1, int64(shown(s)*full))) // a full bar is a finished one, whatever the estimate says
	}
}

// shown is the place of the bar: when the rows are moved the bar stays at its end while the rest is written.
func shown(s job.Status) float64 {
	switch s.State {
	case job.SaveMeta, job.UploadInfo, job.Commit, job.Committing:
		return 1
	}
	return Fraction(s.Progress)
}

func (b *bars) add(s job.Status) *bar {
	x := &bar{text: make(chan string, 1)}
	x.text <- ""
	x.Bar = b.all.AddBar(full,
		mpb.PrependDecorators(decor.Name(name(s)+" ", decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			t := <-x.text
			x.text <- t
			return t
		})))
	return x
}

func (b *bars) Close() {
	for _, x := range b.byKey {
		if !x.Completed() {
			x.Abort(false)
		}
	}
	b.all.Wait()
}

// Package progress shows how far jobs are: live bars on a terminal, plain lines elsewhere.
package progress

import (
	"fmt"
	"time"

	"starkeep/job"
)

// memory is how long an observation counts for the rate: long enough to smooth over batches, short enough that a job that
// slows down is seen to.
const memory = 10 * time.Second

// Meter measures the speed of one job from the statuses that it is shown. The zero value is ready. Not for concurrent use.
type Meter struct {
	seen []observation
	done float64
}

type observation struct {
	at    time.Time
	bytes int64
	done  float64
}

// Observe takes in a status. A job whose counts go back (a plan of another round) begins anew.
func (m *Meter) Observe(now time.Time, p job.Progress) {
	o := observation{at: now, bytes: p.Bytes, done: Fraction(p)}
	if n := len(m.seen); n > 0 && (o.bytes < m.seen[n-1].bytes || o.done < m.seen[n-1].done) {
		m.seen = m.seen[:0]
	}
	m.seen = append(m.seen, o)
	for len(m.seen) > 2 && now.Sub(m.seen[0].at) > memory {
		m.seen = m.seen[1:]
	}
	m.done = o.done
}

// Rate is in bytes of values per second; 0: not known yet.
func (m *Meter) Rate() float64 {
	first, last, ok := m.span()
	if !ok {
		return 0
	}
	return float64(last.bytes-first.bytes) / last.at.Sub(first.at).Seconds()
}

// ETA is the time left at the present speed; ok is false while that cannot be said.
func (m *Meter) ETA() (left time.Duration, ok bool) {
	first, last, ok := m.span()
	if !ok || last.done <= first.done {
		return 0, false
	}
	perSecond := (last.done - first.done) / last.at.Sub(first.at).Seconds()
	return time.Duration((1 - last.done) / perSecond * float64(time.Second)), true
}

func (m *Meter) span() (first, last observation, ok bool) {
	if len(m.seen) < 2 {
		return first, last, false
	}
	first, last = m.seen[0], m.seen[len(m.seen)-1]
	return first, last, last.at.After(first.at)
}

// Fraction is the part of the work that is done, 0 to 1. Bytes tell more than units, but their total is an estimate,
// so they never say "done" before the units do.
func Fraction(p job.Progress) float64 {
	if p.Units == 0 {
		return 0
	}
	if p.UnitsDone >= p.Units {
		return 1
	}
	if p.BytesTotal > 0 {
		return min(0.99, float64(p.Bytes)/float64(p.BytesTotal))
	}
	return float64(p.UnitsDone) / float64(p.Units)
}

// Bytes prints a size with a binary unit.
func Bytes(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for ; n >= 1024 && i < len(units)-1; i++ {
		n /= 1024
	}
	if i == 0 {
		return fmt.Sprintf("%.0f B", n)
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}

// Left prints a time left.
func Left(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

package mysqlbench

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// The steps, by the names that the report prints.
const (
	drained          = "floor: drain"
	dumped           = "mydumper"
	compressed       = "zstd -1 of it"
	dumpedCompressed = "mydumper, then zstd -1"
	dumpedAlone      = "mariadb-dump | zstd -1"
	backedUp         = "starkeep backup"
	backedUpAgain    = "starkeep backup, 1 % changed"
	myloaded         = "myloader"
	created          = "CREATE TABLE, of the next"
	loaded           = "floor: LOAD DATA"
	loadedUnchecked  = "floor: LOAD DATA, no checks"
	restored         = "starkeep restore"
)

// targets are the ratios that issue and documentation promise.
var targets = []struct {
	what, of, to string
	bytes        bool
	limit        float64
}{
	{"backup, wall", backedUp, dumpedCompressed, false, 1.0},
	{"backup, bytes stored", backedUp, dumpedCompressed, true, 0.85},
	{"restore, wall, to myloader", restored, myloaded, false, 0.5},
	{"restore, wall, to LOAD DATA", restored, loaded, false, 1.2},
	{"again after 1 %, bytes stored", backedUpAgain, backedUp, true, 0.05},
}

type measured struct {
	name string
	Effort
}

// Report is what a run measured.
type Report struct {
	order   []measured
	efforts map[string]Effort // the last of each name
}

func (r *Report) put(name string, e Effort) {
	r.order = append(r.order, measured{name, e})
	r.efforts[name] = e
}

// Effort returns what a step cost; none when it was not measured.
func (r Report) Effort(name string) (Effort, bool) {
	e, ok := r.efforts[name]
	return e, ok
}

// String prints seconds and megabytes (10⁶).
func (e Effort) String() string {
	return fmt.Sprintf("%8.2f s %9.1f MB", e.Wall.Seconds(), float64(e.Bytes)/1e6)
}

// String prints all steps, and the ratios beside their targets as far as they were measured.
func (r Report) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, m := range r.order {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", m.name, m.Effort)
	}
	for _, t := range targets {
		if ratio, ok := r.ratio(t.of, t.to, t.bytes); ok {
			verdict := "met"
			if ratio > t.limit {
				verdict = "MISSED"
			}
			_, _ = fmt.Fprintf(w, "%s\t%.3f (target %.2f) %s\n", t.what, ratio, t.limit, verdict)
		}
	}
	_ = w.Flush()
	return b.String()
}

func (r Report) ratio(of, to string, bytes bool) (float64, bool) {
	a, have := r.efforts[of]
	b, base := r.efforts[to]
	if !have || !base {
		return 0, false
	}
	if bytes {
		return float64(a.Bytes) / float64(b.Bytes), true
	}
	return a.Wall.Seconds() / b.Wall.Seconds(), true
}

package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starkeep/job"
)

func TestMeterTellsRateAndTimeLeft(t *testing.T) {
	t.Parallel()
	var m Meter
	start := time.Unix(0, 0)
	require.Zero(t, m.Rate())
	for i := range 5 {
		m.Observe(start.Add(time.Duration(i)*time.Second), job.Progress{Units: 10, UnitsDone: int64(i), Bytes: int64(i) << 20, BytesTotal: 10 << 20})
	}
	require.InDelta(t, 1<<20, m.Rate(), 1)
	left, ok := m.ETA()
	require.True(t, ok)
	require.Equal(t, 6*time.Second, left.Round(time.Second))
}

func TestMeterBeginsAnewWhenAnotherRoundResetsTheCounts(t *testing.T) {
	t.Parallel()
	var m Meter
	start := time.Unix(0, 0)
	m.Observe(start, job.Progress{Units: 10, UnitsDone: 0, Bytes: 0})
	m.Observe(start.Add(time.Second), job.Progress{Units: 10, UnitsDone: 10, Bytes: 1000})
	m.Observe(start.Add(2*time.Second), job.Progress{Units: 2, UnitsDone: 0, Bytes: 1000})
	require.Zero(t, m.Rate())
	_, ok := m.ETA()
	require.False(t, ok)
}

func TestStalledJobHasNoTimeLeft(t *testing.T) {
	t.Parallel()
	var m Meter
	for i := range 20 {
		m.Observe(time.Unix(int64(i), 0), job.Progress{Units: 10, UnitsDone: 4, Bytes: 400})
	}
	require.Zero(t, m.Rate())
	_, ok := m.ETA()
	require.False(t, ok)
}

func TestFractionStaysInBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1<<40)
		p := job.Progress{Units: n.Draw(t, "units"), UnitsDone: n.Draw(t, "done"), Bytes: n.Draw(t, "bytes"), BytesTotal: n.Draw(t, "total")}
		f := Fraction(p)
		require.True(t, f >= 0 && f <= 1, f)
		require.Equal(t, p.Units > 0 && p.UnitsDone >= p.Units, f == 1)
	})
}

func TestLinesAreWrittenOnChangeOnly(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	now := time.Unix(0, 0)
	v := &lines{w: &b, last: map[string]line{}, now: func() time.Time { return now }}
	s := job.Status{Kind: "backup", Database: "d", Label: "l", JobID: 1, State: job.Pending}
	step := func(change func()) {
		change()
		now = now.Add(time.Second)
		v.Update(s)
	}
	step(func() {})
	step(func() {})
	step(func() { s.State, s.Progress = job.Uploading, job.Progress{Units: 100, BytesTotal: 100 << 20} })
	step(func() { s.Progress.UnitsDone, s.Progress.Bytes = 10, 10<<20 })
	step(func() { s.Progress.UnitsDone, s.Progress.Bytes = 11, 11<<20 })
	step(func() { s.Paused = "no\x1b[2Jspace" })
	s.Paused = ""
	for _, text := range []string{"UploadTablets, attempt 2: full", "UploadTablets, attempt 2: full, too", "UploadTablets, attempt 3: full"} {
		step(func() { s.Retrying = text })
	}
	step(func() { s.Retrying, s.State = "", job.Finished })
	v.Close()
	require.Equal(t, []string{
		"backup d.l: PENDING",
		"backup d.l: UPLOADING   0 %  0 B",
		"backup d.l: UPLOADING  10 %  10.0 MiB  3.3 MiB/s  27s left",
		"backup d.l: UPLOADING  11 %  11.0 MiB  2.2 MiB/s  40s left (paused: no�[2Jspace)",
		"backup d.l: UPLOADING  11 %  11.0 MiB  1.8 MiB/s  49s left (retrying: UploadTablets, attempt 2: full)",
		"backup d.l: FINISHED",
		"",
	}, strings.Split(b.String(), "\n"))
}

func TestBarsEndForFinishedCancelledAndAbandonedJobs(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	v := newBars(&b)
	for id, state := range map[int64]job.State{1: job.Finished, 2: job.Cancelled, 3: job.Uploading} {
		s := job.Status{Kind: "backup", Database: "d", Label: "l", JobID: id, State: job.Uploading, Progress: job.Progress{Units: 2, UnitsDone: 2}}
		v.Update(s)
		s.State = state
		v.Update(s)
	}
	ended := make(chan struct{})
	go func() { v.Close(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the view does not end")
	}
}

func TestSizesAndTimesAreReadable(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1023 B", Bytes(1023))
	require.Equal(t, "1.5 KiB", Bytes(1536))
	require.Equal(t, "2048.0 PiB", Bytes(1<<61))
	require.Equal(t, "59s", Left(59*time.Second))
	require.Equal(t, "1m05s", Left(65*time.Second))
	require.Equal(t, "26h03m", Left(26*time.Hour+3*time.Minute))
}

package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"starkeep/cluster/wire"
	"starkeep/sandbox/demo"
	"starkeep/snapshot"
	"starkeep/storage"
	"starkeep/storage/file"
)

const (
	benchRounds = 3         // of which the best counts: other programs only ever make a round slower
	benchAtOnce = 2         // sessions and loads of the floors: a worker on two cores has as many transfer slots
	memoryLimit = 512 << 20 // resident memory of a worker, whatever it transfers
)

// BenchmarkThroughput backs up and restores the Star Schema Benchmark beside its floors in the same run: the same rows
// drained by plain SELECTs and sent by plain Stream Loads, one a partition, and the same objects put into an empty folder.
// Cluster, Temporal and worker share the machine's cores; a floor has them for the cluster alone. Half a million
// lineorders are what make demo has; four times as many tell speed from fixed cost.
func BenchmarkThroughput(b *testing.B) {
	for _, lineorders := range []int{500_000, 2_000_000} {
		b.Run(fmt.Sprintf("lineorders=%d", lineorders), func(b *testing.B) { throughput(b, lineorders) })
	}
}

func throughput(b *testing.B, lineorders int) {
	w := newWorld(b)
	target := demo.Target{SQL: w.sandbox.SQLAddr(), HTTP: w.sandbox.HTTPAddr(), User: "root", Password: secret}
	require.NoError(b, demo.Load(b.Context(), target, demo.Sizes{Lineorders: lineorders}, false, func(string) {}))
	before := w.proveAll("ssb")
	parts := w.parts("ssb")
	rows, size := w.render(parts)
	efforts := map[string]effort{}
	keep := func(what string, e effort) {
		if have, ok := efforts[what]; !ok || e.wall < have.wall {
			efforts[what] = e
		}
	}
	job := func(what, statement string) {
		var c cost
		keep(what, w.effort(func() { c = w.measure("ssb", statement) }))
		for _, s := range c.stages {
			if s.name == transferStage {
				keep(what+" transfer", effort{wall: s.spent})
			}
		}
	}
	for n := 0; b.Loop(); n++ {
		for round := range benchRounds {
			name := fmt.Sprintf("r%d_%d", n, round) // a new repository, so that nothing in it can be used again
			place := filepath.Join(w.dir, name)
			require.NoError(b, os.Mkdir(place, 0o755))
			w.sql(fmt.Sprintf(`CREATE REPOSITORY %s WITH BROKER ON LOCATION "file://%s"`, name, place))
			keep("SELECT", w.effort(func() { require.Equal(b, rows, w.drain(parts)) }))
			job("BACKUP", "BACKUP DATABASE ssb SNAPSHOT l TO "+name)
			keep("put", w.effort(func() { w.putAgain(place) }))
			w.copyTables("ssb", "floor")
			keep("LOAD", w.effort(func() { w.load("floor", name, parts) }))
			w.exec("DROP DATABASE floor FORCE", "DROP DATABASE ssb FORCE")
			job("RESTORE", "RESTORE SNAPSHOT l FROM "+name+" DATABASE ssb")
			require.Equal(b, before, w.proveAll("ssb"))
		}
	}
	peak := w.workerPeak()
	printEfforts(rows, size, efforts)
	fmt.Printf("resident memory of the worker, peak: %d MiB\n", peak>>20)
	b.ReportMetric(efforts["SELECT"].wall.Seconds()/efforts["BACKUP"].wall.Seconds(), "backup/select")
	b.ReportMetric(efforts["LOAD"].wall.Seconds()/efforts["RESTORE"].wall.Seconds(), "restore/load")
	b.ReportMetric(float64(peak>>20), "worker-MiB")
	require.Less(b, peak, int64(memoryLimit))
}

// part is what one plain SELECT reads, and one plain Stream Load sends: a partition, or a table that has only one.
type part struct {
	table, from string
	rows        int64
	text        []byte // as a Stream Load takes it by default: tabs and newlines
}

// parts lists what a database consists of.
func (w *world) parts(database string) (all []part) {
	w.t.Helper()
	for _, t := range w.tables(database) {
		names := w.partitions(database, t)
		for _, name := range names {
			p := part{table: t, from: fmt.Sprintf("`%s`.`%s`", database, t)}
			if len(names) > 1 {
				p.from += " PARTITION (`" + name + "`)"
			}
			all = append(all, p)
		}
	}
	return all
}

// render fills in the rows and texts of parts. The benchmark's tables hold no NULL, tab or newline.
func (w *world) render(parts []part) (rows, size int64) {
	w.t.Helper()
	for i := range parts {
		p := &parts[i]
		require.NoError(w.t, w.read(*p, func(b *snapshot.Batch) {
			p.rows += int64(b.Rows())
			for row := range b.Rows() {
				for c := range b.Columns {
					p.text = append(append(p.text, b.Columns[c].Value(row)...), '\t')
				}
				p.text[len(p.text)-1] = '\n'
			}
		}))
		rows, size = rows+p.rows, size+int64(len(p.text))
	}
	return rows, size
}

// read shows the rows of a part batch by batch, through the client that Starkeep reads with.
func (w *world) read(p part, see func(*snapshot.Batch)) (err error) {
	s, err := wire.Dial(context.Background(), w.sandbox.SQLAddr(), wire.Options{User: "root", Password: secret})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r, err := s.Query(context.Background(), "SELECT * FROM "+p.from)
	if err != nil {
		return err
	}
	b := snapshot.NewBatch(len(r.Columns()))
	for err = r.Next(b); err == nil; err = r.Next(b) {
		see(b)
	}
	if errors.Is(err, io.EOF) {
		return r.Close()
	}
	return err
}

// drain reads everything and keeps nothing.
func (w *world) drain(parts []part) (rows int64) {
	w.t.Helper()
	var g errgroup.Group
	g.SetLimit(benchAtOnce)
	seen := make([]int64, len(parts))
	for i, p := range parts {
		g.Go(func() error { return w.read(p, func(b *snapshot.Batch) { seen[i] += int64(b.Rows()) }) })
	}
	require.NoError(w.t, g.Wait())
	for _, n := range seen {
		rows += n
	}
	return rows
}

// copyTables creates the tables of a database, empty, in another one.
func (w *world) copyTables(from, to string) {
	w.t.Helper()
	w.exec("CREATE DATABASE " + to)
	for _, t := range w.tables(from) {
		w.exec(strings.Replace(w.definition(from, t), "CREATE TABLE ", "CREATE TABLE `"+to+"`.", 1))
	}
}

// load sends every part to the backend in one Stream Load.
func (w *world) load(database, label string, parts []part) {
	w.t.Helper()
	var g errgroup.Group
	g.SetLimit(benchAtOnce)
	for i, p := range parts {
		g.Go(func() error { return w.streamLoad(database, fmt.Sprintf("%s_%d", label, i), p) })
	}
	require.NoError(w.t, g.Wait())
}

func (w *world) streamLoad(database, label string, p part) error {
	url := fmt.Sprintf("http://%s/api/%s/%s/_stream_load", w.sandbox.BackendHTTPAddr(), database, p.table)
	r, err := http.NewRequest(http.MethodPut, url, bytes.NewReader(p.text))
	if err != nil {
		return err
	}
	r.SetBasicAuth("root", secret)
	r.Header.Set("Expect", "100-continue")
	r.Header.Set("label", label)
	r.Header.Set("strict_mode", "true")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Status           string
		Message          string
		NumberLoadedRows int64
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "Success" || answer.NumberLoadedRows != p.rows {
		return fmt.Errorf("load %s: %+v, want %d rows", p.table, answer, p.rows)
	}
	return nil
}

// putAgain puts the data objects of a repository into an empty folder, as durably as the repository's store does.
func (w *world) putAgain(repository string) {
	w.t.Helper()
	empty, err := file.Open(w.t.TempDir(), true)
	require.NoError(w.t, err)
	objects, err := filepath.Glob(filepath.Join(repository, "*", "data", "*", "*"))
	require.NoError(w.t, err)
	require.NotEmpty(w.t, objects)
	for _, path := range objects {
		data, err := os.ReadFile(path)
		require.NoError(w.t, err)
		require.NoError(w.t, empty.Put(context.Background(), filepath.Base(path), storage.BytesBody(data), storage.PutOptions{}))
	}
}

// effort is what something took: time, and processor time of each of the processes.
type effort struct{ wall, worker, cluster, temporal time.Duration }

func (w *world) effort(run func()) effort {
	w.t.Helper()
	now := func() effort {
		return effort{worker: w.cpu(w.worker.cmd.Process.Pid), cluster: w.cpu(os.Getpid()), temporal: w.cpu(w.temporal.PID(w.t))}
	}
	before, begin := now(), time.Now()
	run()
	wall, after := time.Since(begin), now()
	return effort{wall, after.worker - before.worker, after.cluster - before.cluster, after.temporal - before.temporal}
}

// cpu reads the processor time of a process: fields 14 and 15 of its stat, in hundredths of a second (proc(5)). The
// second field is a name in parentheses that may hold anything.
func (w *world) cpu(pid int) time.Duration {
	w.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(w.t, err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		require.NoError(w.t, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// workerPeak is the most memory that the worker ever had resident, in bytes.
func (w *world) workerPeak() int64 {
	w.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.worker.cmd.Process.Pid))
	require.NoError(w.t, err)
	found := highWater.FindSubmatch(status)
	require.NotNil(w.t, found, "%s", status)
	n, err := strconv.ParseInt(string(found[1]), 10, 64)
	require.NoError(w.t, err)
	return n << 10
}

// printEfforts prints rates, and each job as a share of the speed of its floor.
func printEfforts(rows, size int64, efforts map[string]effort) {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "\n\n%d rows, %d MB as TSV\tseconds\trows/s\tMB/s\tof the floor\tCPU s: worker\tcluster\tTemporal\n", rows, size/1e6)
	for _, line := range []struct{ title, what, floor string }{
		{"SELECT, 2 at once", "SELECT", ""}, {"put of the objects", "put", ""},
		{"BACKUP", "BACKUP", "SELECT"}, {"  its transfer alone", "BACKUP transfer", "SELECT"},
		{"Stream Load, 2 at once", "LOAD", ""},
		{"RESTORE", "RESTORE", "LOAD"}, {"  its transfer alone", "RESTORE transfer", "LOAD"},
	} {
		e, share, cpu := efforts[line.what], "", "\t\t"
		if f, ok := efforts[line.floor]; ok {
			share = fmt.Sprintf("%.2f", f.wall.Seconds()/e.wall.Seconds())
		}
		if e.cluster > 0 {
			cpu = fmt.Sprintf("%.2f\t%.2f\t%.2f", e.worker.Seconds(), e.cluster.Seconds(), e.temporal.Seconds())
		}
		s := e.wall.Seconds()
		fmt.Fprintf(out, "%s\t%.2f\t%.0f\t%.1f\t%s\t%s\n", line.title, s, float64(rows)/s, float64(size)/1e6/s, share, cpu)
	}
	_ = out.Flush() // standard output
}

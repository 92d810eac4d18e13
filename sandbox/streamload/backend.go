package streamload

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"starkeep/sandbox/fault"
)

// Backend answers the HTTP port of a backend: it takes the body of a load, and serves the logs of bad rows at
// /api/_load_error_log?file=….
type Backend struct {
	engine  Engine
	faults  *fault.Set
	address func() string

	mu   sync.Mutex
	logs []errorLog // the youngest keptLogs

	stop context.CancelFunc
	done context.Context
	late sync.WaitGroup // publishes that a fault has put off
}

type errorLog struct {
	name, text string
}

// keptLogs is how many error logs are kept; the real server keeps them for 48 hours.
const keptLogs = 200

// maxBody is the largest body in bytes (BE configuration streaming_load_max_mb).
const maxBody = 102400 << 20

// labelForm is what a label may be (fe:sql/analyzer/FeNameFormat.java).
var labelForm = regexp.MustCompile(`^[-\w]{1,128}$`)

// NewBackend returns a backend; address tells the host:port that its ErrorURL names.
func NewBackend(e Engine, f *fault.Set, address func() string) *Backend {
	b := &Backend{engine: e, faults: f, address: address}
	b.done, b.stop = context.WithCancel(context.Background())
	return b
}

// Close makes loads visible whose publishing a fault has put off, and waits for them. The caller has stopped serving.
func (b *Backend) Close() error {
	b.stop()
	b.late.Wait()
	return nil
}

// ServeHTTP implements http.Handler.
func (b *Backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/api/_load_error_log" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		b.serveLog(w, r)
		return
	}
	database, table, ok := loadPath(r)
	if !ok || r.Method != http.MethodPut {
		http.NotFound(w, r)
		return
	}
	e := b.faults.HTTP(requestLine("BE", r, r.Header.Get("label")))
	if e.Wait(r.Context()) != nil || e.Cut && e.CutBytes == 0 {
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	}
	if e.Status != 0 {
		http.Error(w, http.StatusText(e.Status), e.Status)
		return
	}
	j := &loadJob{backend: b, effect: e, started: time.Now(), response: response{TxnID: -1, Label: r.Header.Get("label"), Db: database, Table: table}}
	if j.response.Label == "" {
		j.response.Label = randomID()
	}
	err := j.run(r)
	if e.CutAfter || errors.Is(err, errCut) {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		j.response.fail(err)
	}
	var taken *LabelError
	if errors.As(err, &taken) {
		j.response.Status, j.response.ExistingJobStatus = statusLabelExists, taken.ExistingJobStatus()
	}
	j.response.LoadTimeMs = time.Since(j.started).Milliseconds()
	reply(w, http.StatusOK, j.response)
}

func randomID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// loadJob is one load request.
type loadJob struct {
	backend  *Backend
	effect   fault.Effect
	started  time.Time
	response response
}

// errCut ends a load whose connection a fault has cut in the middle of its body.
var errCut = errors.New("connection cut by a fault")

// run checks, loads and commits in the order of be:http/action/stream_load.cpp.
func (j *loadJob) run(r *http.Request) error {
	user, password, ok := r.BasicAuth()
	if !ok {
		return native("no valid Basic authorization")
	}
	if r.ContentLength > maxBody {
		return native("body size %d exceed limit: %d", r.ContentLength, int64(maxBody))
	}
	o, err := parseOptions(r.Header)
	if err != nil {
		return err
	}
	e := j.backend.engine
	if err := e.Authenticate(user, password); err != nil {
		return err
	}
	if err := e.Authorize(user, j.response.Db, j.response.Table); err != nil {
		return err
	}
	if !labelForm.MatchString(j.response.Label) {
		return native("Label format error. regex: %s, label: %s", labelForm, j.response.Label)
	}
	if j.effect.Message != "" {
		return errors.New(j.effect.Message)
	}
	table, err := j.describe()
	if err != nil {
		return err
	}
	begin := time.Now()
	load, err := e.Begin(Request{Database: j.response.Db, Table: j.response.Table, Label: j.response.Label, Partitions: o.partitions, Temporary: o.temporary})
	if err != nil {
		return err
	}
	j.response.TxnID, j.response.BeginTxnTimeMs = load.TxnID(), time.Since(begin).Milliseconds()
	if err := j.fill(load, table, o, r.Body, r.ContentLength); err != nil {
		load.Abort(err.Error())
		return err
	}
	return j.finish(load)
}

func (j *loadJob) describe() (*Table, error) {
	table, err := j.backend.engine.Describe(j.response.Db, j.response.Table)
	switch {
	case errors.Is(err, ErrUnknownDatabase):
		return nil, native("unknown database, database=%s", j.response.Db)
	case errors.Is(err, ErrUnknownTable):
		return nil, native("unknown table %q", j.response.Db+"."+j.response.Table)
	}
	return table, err
}

// fill stages the rows of the body.
func (j *loadJob) fill(load Load, table *Table, o options, body io.Reader, length int64) error {
	planned := time.Now()
	p, err := newPlan(table, o)
	if err != nil {
		return err
	}
	j.response.StreamLoadPlanTimeMs = time.Since(planned).Milliseconds()
	counter := &countingReader{src: body, cutAt: j.effect.CutBytes}
	plain, closeBody, err := decompress(counter, o.compression)
	if err != nil {
		return err
	}
	defer closeBody()
	written := time.Now()
	l := newRowLoader(p, newDecoder(plain, o.dialect), load)
	err = l.run()
	j.response.LoadBytes = counter.n
	j.response.WriteDataTimeMs = time.Since(written).Milliseconds()
	j.response.ReadDataTimeMs = counter.spent.Milliseconds()
	if err != nil {
		return err
	}
	if length > 0 && counter.n != length {
		return native("receive body don't equal with body bytes")
	}
	return j.judge(&l.result, o.maxFilterRatio)
}

// judge decides whether the bad rows are too many; with a ratio of 0 every one is.
func (j *loadJob) judge(r *result, ratio float64) error {
	j.response.NumberTotalRows, j.response.NumberLoadedRows, j.response.NumberFilteredRows = r.total, r.loaded, r.filtered
	if r.filtered == 0 {
		return nil
	}
	name := "error_log_" + randomID()
	j.backend.keep(errorLog{name, r.log.String()})
	j.response.ErrorURL = "http://" + j.backend.address() + "/api/_load_error_log?file=" + name
	if float64(r.filtered)/float64(r.total) > ratio {
		return native("too many filtered rows")
	}
	return nil
}

// finish commits and publishes. Once committed, the load cannot fail any more.
func (j *loadJob) finish(load Load) error {
	started := time.Now()
	if err := load.Commit(); err != nil {
		load.Abort(err.Error())
		return err
	}
	defer func() { j.response.CommitAndPublishTimeMs = time.Since(started).Milliseconds() }()
	if j.effect.PublishTimeout {
		j.backend.publishLater(load, j.effect.PublishDelay)
		j.response.Status, j.response.Message = statusPublishTimeout, "Publish timeout. The data will be visible after a while"
		return nil
	}
	if err := load.Publish(); err != nil {
		return err
	}
	j.response.Status, j.response.Message = statusSuccess, "OK"
	return nil
}

func (b *Backend) publishLater(load Load, delay time.Duration) {
	b.late.Go(func() {
		// A stop cuts the wait short; the rows become visible in any case.
		_ = fault.Effect{Delay: delay}.Wait(b.done)
		_ = load.Publish()
	})
}

func (b *Backend) keep(l errorLog) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.logs) == keptLogs {
		b.logs = b.logs[1:]
	}
	b.logs = append(b.logs, l)
}

func (b *Backend) serveLog(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := r.URL.Query().Get("file")
	for _, l := range b.logs {
		if l.name == name {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", strconv.Itoa(len(l.text)))
			_, _ = io.WriteString(w, l.text)
			return
		}
	}
	http.Error(w, "file not exist", http.StatusNotFound)
}

// countingReader counts the body as it came over the wire, and cuts it when a fault says so.
type countingReader struct {
	src   io.Reader
	n     int64
	cutAt int64 // 0: never
	spent time.Duration
}

func (c *countingReader) Read(p []byte) (int, error) {
	if c.cutAt > 0 {
		if c.n >= c.cutAt {
			return 0, errCut
		}
		p = p[:min(int64(len(p)), c.cutAt-c.n)]
	}
	started := time.Now()
	n, err := c.src.Read(p)
	c.n += int64(n)
	c.spent += time.Since(started)
	return n, err
}

// decompress wraps a body; close frees what the wrapper holds.
func decompress(body io.Reader, compression string) (plain io.Reader, closeBody func(), err error) {
	switch compression {
	case "gzip":
		z, err := gzip.NewReader(body)
		return z, func() {}, err
	case "zstd":
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	case "lz4":
		return lz4.NewReader(body), func() {}, nil
	}
	return body, func() {}, nil
}

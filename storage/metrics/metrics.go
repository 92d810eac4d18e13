// Package metrics measures the calls of a storage.Bucket: how many, how long, how many bytes, which errors.
package metrics

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"starkeep/storage"
)

// The names of the metrics. All but InFlight have the tags "store" (storage.Traits.Name) and "method" (Get, Stat, List, Put,
// Delete); Requests has "outcome" too: "ok" or the kind of the error.
const (
	Requests = "starkeep_storage_requests"  // counter
	Latency  = "starkeep_storage_latency"   // timer; of Get: until the body begins
	Bytes    = "starkeep_storage_bytes"     // counter; of Get: read from the body, of Put: of bodies that were stored
	InFlight = "starkeep_storage_in_flight" // gauge: calls and open bodies
)

// Handler is where the measurements go. It has the shape of the MetricsHandler of Temporal's SDK, and like that it must
// be safe for concurrent use.
type Handler interface {
	WithTags(tags map[string]string) Handler
	Counter(name string) Counter
	Gauge(name string) Gauge
	Timer(name string) Timer
}

// What a Handler gives.
type (
	Counter interface{ Inc(n int64) }
	Gauge   interface{ Update(v float64) }
	Timer   interface{ Record(d time.Duration) }
)

// Meter measures; all buckets that are given the same one are counted together. It is safe for concurrent use.
type Meter struct {
	handler  Handler
	inFlight atomic.Int64
	gauge    Gauge
}

// NewMeter returns a Meter that reports to h.
func NewMeter(h Handler) *Meter { return &Meter{handler: h, gauge: h.Gauge(InFlight)} }

// New returns b with its calls measured. It owns b.
func New(b storage.Bucket, m *Meter) storage.Bucket {
	of := func(name string) *method {
		h := m.handler.WithTags(map[string]string{"store": b.Traits().Name, "method": name})
		return &method{meter: m, handler: h, latency: h.Timer(Latency), bytes: h.Counter(Bytes)}
	}
	return &bucket{Bucket: b, get: of("Get"), stat: of("Stat"), list: of("List"), put: of("Put"), delete: of("Delete")}
}

// method is one method of one store.
type method struct {
	meter   *Meter
	handler Handler
	latency Timer
	bytes   Counter
}

// begin counts a call as in flight; the function that it returns counts its end.
func (m *method) begin() (end func(err error)) {
	began := time.Now()
	m.meter.move(1)
	return func(err error) {
		m.meter.move(-1)
		m.latency.Record(time.Since(began))
		m.handler.WithTags(map[string]string{"outcome": outcome(err)}).Counter(Requests).Inc(1)
	}
}

func (m *Meter) move(by int64) { m.gauge.Update(float64(m.inFlight.Add(by))) }

// kinds are the outcomes in the order in which they are looked for.
var kinds = []struct {
	err  error
	name string
}{
	{context.Canceled, "canceled"},
	{context.DeadlineExceeded, "deadline"},
	{storage.ErrNotExist, "not_exist"},
	{storage.ErrExist, "exist"},
	{storage.ErrDenied, "denied"},
	{storage.ErrNoRoot, "no_root"},
	{storage.ErrNoSpace, "no_space"},
	{storage.ErrBody, "body"},
	{storage.ErrInvalidKey, "invalid_key"},
	{storage.ErrReadOnly, "read_only"},
	{storage.ErrConfig, "config"},
	{storage.ErrUnavailable, "unavailable"},
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return "other"
}

type bucket struct {
	storage.Bucket
	get, stat, list, put, delete *method
}

func (b *bucket) Get(ctx context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	end := b.get.begin()
	body, err := b.Bucket.Get(ctx, key, r)
	if err == nil {
		b.get.meter.move(1)
		body = &reader{ReadCloser: body, method: b.get}
	}
	end(err)
	return body, err
}

func (b *bucket) Stat(ctx context.Context, key string) (storage.Info, error) {
	end := b.stat.begin()
	info, err := b.Bucket.Stat(ctx, key)
	end(err)
	return info, err
}

func (b *bucket) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	end := b.list.begin()
	err := b.Bucket.List(ctx, prefix, fn)
	end(err)
	return err
}

func (b *bucket) Put(ctx context.Context, key string, body storage.Body, opts storage.PutOptions) error {
	end := b.put.begin()
	err := b.Bucket.Put(ctx, key, body, opts)
	if err == nil {
		b.put.bytes.Inc(body.Size)
	}
	end(err)
	return err
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	end := b.delete.begin()
	err := b.Bucket.Delete(ctx, key)
	end(err)
	return err
}

// reader counts the bytes of a body, and the body as in flight until it is closed.
type reader struct {
	io.ReadCloser
	method *method
	closed bool
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if n > 0 {
		r.method.bytes.Inc(int64(n))
	}
	return n, err
}

func (r *reader) Close() error {
	if !r.closed {
		r.closed = true
		r.method.meter.move(-1)
	}
	return r.ReadCloser.Close()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	otelmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"

	"starkeep/storage/metrics"
)

// measurements serves what the Temporal SDK and the storages measure, for Prometheus.
type measurements struct {
	handler client.MetricsHandler
	server  *http.Server
	meters  *otelmetric.MeterProvider
}

// measure listens at an address and serves /metrics there; "" measures nothing.
func measure(address string) (*measurements, error) {
	if address == "" {
		return &measurements{handler: client.MetricsNopHandler}, nil
	}
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	// Timers come in seconds; the boundaries that are set otherwise are meant for milliseconds.
	seconds := otelmetric.NewView(otelmetric.Instrument{Kind: otelmetric.InstrumentKindHistogram}, otelmetric.Stream{
		Aggregation: otelmetric.AggregationExplicitBucketHistogram{
			Boundaries: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60, 300, 1800}}})
	m := &measurements{meters: otelmetric.NewMeterProvider(otelmetric.WithReader(exporter), otelmetric.WithView(seconds))}
	m.handler = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{Meter: m.meters.Meter("starkeep")})
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve metrics at %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = m.server.Serve(listener) }() // ends with close
	return m, nil
}

func (m *measurements) close() error {
	if m.server == nil {
		return nil
	}
	return errors.Join(m.server.Close(), m.meters.Shutdown(context.Background()))
}

// storageMetrics lets the storages report where the Temporal SDK does.
type storageMetrics struct{ client.MetricsHandler }

func (s storageMetrics) WithTags(tags map[string]string) metrics.Handler {
	return storageMetrics{s.MetricsHandler.WithTags(tags)}
}

func (s storageMetrics) Counter(name string) metrics.Counter { return s.MetricsHandler.Counter(name) }
func (s storageMetrics) Gauge(name string) metrics.Gauge     { return s.MetricsHandler.Gauge(name) }
func (s storageMetrics) Timer(name string) metrics.Timer     { return s.MetricsHandler.Timer(name) }

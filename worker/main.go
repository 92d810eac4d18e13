// Command worker runs Starkeep's workflows and activities. It only wires: configuration, clients, activities, drain.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"starkeep/activities"
	"starkeep/job"
	"starkeep/job/sealed"
	"starkeep/snapshot/repository"
	"starkeep/storage/metrics"
	"starkeep/workflows"
)

// version is set by the linker.
var version = "development"

// viewsAtOnce bounds the read views that a worker holds: each is some sessions of a cluster.
const viewsAtOnce = 8

// drain is how long a stopping worker lets running transfers come to their end; Kubernetes' grace period should be longer.
const drain = 30 * time.Second

func main() {
	path := flag.String("config", "starkeep.toml", "configuration file")
	verbose := flag.Bool("verbose", false, "log what the Temporal SDK says, too")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), `worker runs Starkeep's workflows and activities until it is stopped (SIGTERM drains).

The Temporal connection comes from the standard profile and environment (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE,
TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE, …); clusters come from the configuration file.

`)
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*path, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(path string, verbose bool) error {
	conf, err := loadConfig(path)
	if err != nil {
		return err
	}
	unlock, err := claimSpool(conf.Spool)
	if err != nil {
		return err
	}
	defer unlock()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	m, err := measure(conf.Metrics)
	if err != nil {
		return err
	}
	defer func() { _ = m.close() }()
	c, opts, err := dial(ctx, conf, m.handler, verbose)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := ensureAttributes(ctx, c, opts.Namespace); err != nil {
		return err
	}
	journal, err := filepath.Abs(conf.Journal)
	if err != nil {
		return err
	}
	h := newHost(c)
	a := &activities.Activities{
		Host:         h,
		Clusters:     &clusters{config: conf},
		Repositories: &repositories{temporal: c, options: conf.store(metrics.NewMeter(storageMetrics{m.handler})), journal: "file://" + journal, named: map[string]answer{}, open: map[int64]*repository.Repository{}},
		Spool:        conf.Spool,
		Uploads:      activities.NewGate(conf.Upload),
		Downloads:    activities.NewGate(conf.Down),
		DropGrace:    conf.dropGrace,
	}
	ready := fmt.Sprintf("worker ready: version %s, Temporal %s, namespace %s, clusters %s, spool %s, key file %s",
		version, opts.HostPort, opts.Namespace, strings.Join(slices.Sorted(maps.Keys(conf.Cluster)), ", "), conf.Spool, conf.KeyFile)
	return serve(ctx, c, a, h, max(conf.Upload, conf.Down), ready)
}

func dial(ctx context.Context, conf config, m client.MetricsHandler, verbose bool) (client.Client, client.Options, error) {
	opts, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return nil, opts, fmt.Errorf("load Temporal profile: %w", err)
	}
	keys, err := sealed.Load(conf.KeyFile)
	if err != nil {
		return nil, opts, err
	}
	opts.DataConverter = keys.DataConverter()
	opts.MetricsHandler = m
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	opts.Logger = log.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	if opts.HostPort == "" {
		opts.HostPort = client.DefaultHostPort
	}
	c, err := client.DialContext(ctx, opts)
	if err != nil {
		return nil, opts, fmt.Errorf("connect to Temporal at %s (is the server running? TEMPORAL_ADDRESS says where): %w", opts.HostPort, err)
	}
	if opts.Namespace == "" {
		opts.Namespace = client.DefaultNamespace
	}
	return c, opts, nil
}

// serve runs until ctx ends, then drains: running activities get drain to finish, what is left is retried elsewhere.
func serve(ctx context.Context, c client.Client, a *activities.Activities, h *host, slots int, ready string) error {
	control := worker.New(c, job.TaskQueue, worker.Options{
		DisableRegistrationAliasing: true, WorkerStopTimeout: drain,
		MaxConcurrentActivityExecutionSize: 16, MaxHeartbeatThrottleInterval: 5 * time.Second,
	})
	workflows.Register(control)
	a.Register(control)
	workers := []worker.Worker{control}
	for queue, atOnce := range map[string]int{job.TransferQueue: slots, h.Queue(): slots, job.ViewQueue: viewsAtOnce} {
		throttle := 5 * time.Second
		if queue == job.ViewQueue {
			throttle = time.Second // a view that is not needed any more shall not hold its locks
		}
		w := worker.New(c, queue, worker.Options{
			DisableRegistrationAliasing: true, WorkerStopTimeout: drain, DisableWorkflowWorker: true,
			MaxConcurrentActivityExecutionSize: atOnce, MaxHeartbeatThrottleInterval: throttle,
		})
		a.Register(w)
		workers = append(workers, w)
	}
	for _, w := range workers {
		if err := w.Start(); err != nil {
			return fmt.Errorf("start worker: %w", err)
		}
	}
	fmt.Fprintln(os.Stderr, ready)
	<-ctx.Done()
	fmt.Fprintln(os.Stderr, "worker stops: it takes no new work and lets running steps end for", drain)
	var stopping sync.WaitGroup
	for _, w := range workers {
		stopping.Go(w.Stop)
	}
	stopping.Wait()
	return nil
}

// claimSpool takes the spool folder for this process alone and empties it: what is in it belongs to attempts that died.
func claimSpool(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make spool folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock spool folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock spool folder %s: another worker uses it; give each worker its own spool", dir), lock.Close())
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("empty spool folder: %w", err), lock.Close())
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return nil, errors.Join(fmt.Errorf("empty spool folder: %w", err), lock.Close())
			}
		}
	}
	return func() { _ = lock.Close() }, nil
}

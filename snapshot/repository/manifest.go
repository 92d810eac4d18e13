package repository

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"starkeep/snapshot"
	"starkeep/storage"
)

const (
	manifests   = "snapshots/"
	maxManifest = 256 << 20 // bytes: 100,000 tables of 2.6 KB
	readsAtOnce = 8         // manifests or objects that are looked at together
)

func manifestKey(label, timestamp string) string {
	return manifests + label + "/" + timestamp + ".json"
}

// parseManifestKey is the reverse of manifestKey, for keys of a listing.
func parseManifestKey(key string) (label, timestamp string, ok bool) {
	label, file, ok := strings.Cut(strings.TrimPrefix(key, manifests), "/")
	timestamp, json := strings.CutSuffix(file, ".json")
	return label, timestamp, ok && json && checkSnapshot(label, timestamp) == nil
}

func checkSnapshot(label, timestamp string) error {
	if !snapshot.ValidLabel(label) {
		return fmt.Errorf("%w: label %.140q", ErrInvalidName, label)
	}
	if !snapshot.ValidTimestamp(timestamp) {
		return fmt.Errorf("%w: backup timestamp %.40q, it should look like 2006-01-02-15-04-05-000", ErrInvalidName, timestamp)
	}
	return nil
}

// WriteManifest makes the snapshot exist: everything that m names has to be there already. A repeat by the same job is
// success; anything else under that label and timestamp is ErrExists.
func (r *Repository) WriteManifest(ctx context.Context, m snapshot.Manifest) error {
	if err := checkManifest(m); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	data := encode(m)
	if len(data) > maxManifest {
		return fmt.Errorf("write manifest: %d tables make %d bytes, at most %d are allowed", len(m.Tables), len(data), maxManifest)
	}
	if err := r.prove(ctx); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	key := manifestKey(m.Label, m.Timestamp)
	err := r.bucket.Put(ctx, r.prefix+key, storage.BytesBody(data), storage.PutOptions{IfAbsent: true})
	if errors.Is(err, storage.ErrExist) {
		return r.sameManifest(ctx, m, data)
	}
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}

// sameManifest tells a repeated commit, whose first answer was lost, from another snapshot of that name.
func (r *Repository) sameManifest(ctx context.Context, m snapshot.Manifest, data []byte) error {
	key := manifestKey(m.Label, m.Timestamp)
	there, err := r.read(ctx, key, maxManifest)
	if err != nil {
		return fmt.Errorf("compare with the manifest that is there: %w", err)
	}
	if bytes.Equal(there, data) {
		return nil
	}
	old, err := r.parseManifest(key, there)
	if err != nil {
		return fmt.Errorf("write manifest: %w: %w", ErrExists, err)
	}
	return fmt.Errorf("write manifest: %w: snapshot %s %s of database %s, written by job %s", ErrExists, m.Label, m.Timestamp, old.Database, old.Job)
}

// Manifest reads a snapshot: ErrNotFound, ErrNewerFormat or a DamageError.
func (r *Repository) Manifest(ctx context.Context, label, timestamp string) (snapshot.Manifest, error) {
	if err := checkSnapshot(label, timestamp); err != nil {
		return snapshot.Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	m, err := r.manifest(ctx, manifestKey(label, timestamp))
	if errors.Is(err, storage.ErrNotExist) {
		if err = r.prove(ctx); err == nil {
			err = fmt.Errorf("%w: snapshot %s %s", ErrNotFound, label, timestamp)
		}
	}
	if err != nil {
		return snapshot.Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	return m, nil
}

func (r *Repository) manifest(ctx context.Context, key string) (snapshot.Manifest, error) {
	data, err := r.read(ctx, key, maxManifest)
	if err != nil {
		return snapshot.Manifest{}, err
	}
	return r.parseManifest(key, data)
}

// parseManifest decodes a manifest and checks that it is the one that its key says.
func (r *Repository) parseManifest(key string, data []byte) (snapshot.Manifest, error) {
	m, err := decodeManifest(data)
	if err != nil {
		return m, unreadable(r.prefix+key, err, adviceForeign)
	}
	if manifestKey(m.Label, m.Timestamp) != key {
		return m, &DamageError{Key: r.prefix + key, Reason: fmt.Sprintf("it is the manifest of %s %s", m.Label, m.Timestamp), Advice: "move it back under its own name"}
	}
	return m, nil
}

func decodeManifest(data []byte) (m snapshot.Manifest, err error) {
	if err := decode(data, &m); err != nil {
		return m, err
	}
	return m, checkManifest(m)
}

// checkManifest refuses a manifest that could not be read back, or whose parts contradict each other.
func checkManifest(m snapshot.Manifest) error {
	if least := m.NeededFormat(); m.Format < least || m.Format > snapshot.FormatVersion {
		return fmt.Errorf("format %d instead of %d", m.Format, least)
	}
	if err := checkSnapshot(m.Label, m.Timestamp); err != nil {
		return err
	}
	switch {
	case m.Job == "":
		return errors.New("no job")
	case m.Database == "" && (len(m.Tables) > 0 || len(m.Objects) == 0 || slices.ContainsFunc(m.Objects, func(o snapshot.Object) bool { return !o.Global() })):
		return errors.New("no database, and not only objects of the cluster itself")
	case (m.TTL == "") != m.Expires.IsZero():
		return errors.New("a time to live without its end, or an end without it")
	}
	texts := []string{m.Database, m.Job, m.Statement, m.Cluster.Name, m.Cluster.ID, m.Cluster.Version, m.TTL}
	for _, t := range m.Tables {
		if t.Name == "" || len(t.Partitions) > 0 {
			return fmt.Errorf("table %q: no name, or partitions that belong into the index", t.Name)
		}
		if _, err := sumOf(indexKey, t.Index); err != nil {
			return fmt.Errorf("table %q: %w", t.Name, err)
		}
		texts = append(texts, t.Name, t.DDL)
		for _, c := range t.Columns {
			texts = append(texts, c.Name, c.Source, string(c.Encoding))
		}
		for _, u := range t.Rollups {
			texts = append(texts, u.Name, u.DDL)
		}
	}
	for _, o := range m.Objects {
		if o.Kind == "" || o.Name == "" {
			return fmt.Errorf("object %q: no kind or no name", o.Name)
		}
		texts = append(texts, o.Name, o.Table, o.DDL)
		texts = append(texts, o.Grants...)
		texts = append(texts, o.Masked...)
		for _, v := range o.Settings {
			texts = append(texts, v)
		}
	}
	for _, s := range texts {
		if !utf8.ValidString(s) { // JSON would replace such bytes without a word
			return fmt.Errorf("%.100q is not UTF-8", s)
		}
	}
	return nil
}

// Entries calls fn for every partition of a snapshot, table by table where they share no index object, and stops at fn's
// first error. Partitions that the manifest counts and the index does not hold are a DamageError, after the others.
func (r *Repository) Entries(ctx context.Context, m snapshot.Manifest, fn func(snapshot.PartitionEntry) error) error {
	var refs []snapshot.ObjectRef
	tables := map[snapshot.ObjectRef]map[string]int64{} // partitions to come, by index object and table
	for _, t := range m.Tables {
		if tables[t.Index] == nil {
			tables[t.Index] = map[string]int64{}
			refs = append(refs, t.Index)
		}
		tables[t.Index][t.Name] = t.Totals.Partitions
	}
	for _, ref := range refs {
		left := tables[ref]
		if err := r.ReadIndex(ctx, ref, func(e snapshot.PartitionEntry) error {
			if _, ours := left[e.Table]; !ours {
				return nil // of another snapshot that shares the object
			}
			left[e.Table]--
			return fn(e)
		}); err != nil {
			return err
		}
		for _, t := range m.Tables {
			if n := left[t.Name]; t.Index == ref && n != 0 {
				return fmt.Errorf("read index: %w", &DamageError{Key: r.prefix + ref.Key,
					Reason: fmt.Sprintf("it holds %d partitions of %s, the manifest counts %d", t.Totals.Partitions-n, t.Name, t.Totals.Partitions), Advice: adviceIndex})
			}
		}
	}
	return nil
}

// Timestamps returns the timestamps of a label, sorted; none is a proof. Files of other names are left to Snapshots,
// which reports them.
func (r *Repository) Timestamps(ctx context.Context, label string) ([]string, error) {
	if !snapshot.ValidLabel(label) {
		return nil, fmt.Errorf("list timestamps: %w: label %.140q", ErrInvalidName, label)
	}
	var stamps []string
	err := r.list(ctx, manifests+label+"/", func(i storage.Info) error {
		if _, stamp, ok := parseManifestKey(i.Key); ok {
			stamps = append(stamps, stamp)
		}
		return nil
	})
	if err == nil && len(stamps) == 0 {
		err = r.prove(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("list timestamps of %s: %w", label, err)
	}
	return stamps, nil
}

// Snapshot is what Snapshots tells about one file.
type Snapshot struct {
	Label     string // of a foreign file: its key below snapshots/
	Timestamp string // of a foreign file: empty
	Database  string
	Cluster   snapshot.Cluster
	Totals    snapshot.Totals
	Finished  time.Time
	TTL       string    // empty: kept until it is dropped
	Expires   time.Time // zero: never
	Err       error     // it cannot be read: DamageError or ErrNewerFormat; then only label and timestamp are known
}

// Snapshots lists all snapshots by label and timestamp. One that cannot be read, and every file that is no snapshot, is
// in the list with its error: nothing is left out in silence.
func (r *Repository) Snapshots(ctx context.Context) ([]Snapshot, error) {
	keys, err := r.manifestKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	all := make([]Snapshot, len(keys))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for i, key := range keys {
		g.Go(func() (err error) {
			all[i], err = r.describe(gctx, key)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	all = slices.DeleteFunc(all, func(s Snapshot) bool { return s.Label == "" }) // deleted since they were listed
	slices.SortFunc(all, func(a, b Snapshot) int {
		return cmp.Or(strings.Compare(a.Label, b.Label), strings.Compare(a.Timestamp, b.Timestamp))
	})
	return all, nil
}

func (r *Repository) manifestKeys(ctx context.Context) (keys []string, err error) {
	err = r.list(ctx, manifests, func(i storage.Info) error {
		keys = append(keys, i.Key)
		return nil
	})
	if err == nil && len(keys) == 0 {
		err = r.prove(ctx)
	}
	return keys, err
}

func (r *Repository) describe(ctx context.Context, key string) (Snapshot, error) {
	label, timestamp, ok := parseManifestKey(key)
	if !ok {
		return Snapshot{Label: strings.TrimPrefix(key, manifests), Err: &DamageError{Key: r.prefix + key, Reason: "not the name of a manifest", Advice: adviceForeign}}, nil
	}
	m, err := r.manifest(ctx, key)
	var damage *DamageError
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return Snapshot{}, nil
	case errors.As(err, &damage), errors.Is(err, ErrNewerFormat):
		return Snapshot{Label: label, Timestamp: timestamp, Err: err}, nil
	case err != nil:
		return Snapshot{}, err
	}
	return Snapshot{Label: label, Timestamp: timestamp, Database: m.Database, Cluster: m.Cluster, Totals: m.Totals,
		Finished: m.Finished, TTL: m.TTL, Expires: m.Expires}, nil
}

// Latest returns up to n manifests of a database of a cluster, the newest first. Ids mean something only within one
// cluster, so a cluster that states no identity has none. Manifests that cannot be read are passed over: they cannot
// be built upon, and Snapshots reports them.
func (r *Repository) Latest(ctx context.Context, cluster snapshot.Cluster, database string, n int) ([]snapshot.Manifest, error) {
	if cluster.ID == "" {
		return nil, nil
	}
	keys, err := r.manifestKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the latest snapshots: %w", err)
	}
	slices.SortStableFunc(keys, func(a, b string) int {
		_, x, _ := parseManifestKey(a)
		_, y, _ := parseManifestKey(b)
		return strings.Compare(y, x)
	})
	var latest []snapshot.Manifest
	for _, key := range keys {
		if len(latest) == n {
			break
		}
		if _, _, ok := parseManifestKey(key); !ok {
			continue
		}
		m, err := r.manifest(ctx, key)
		var damage *DamageError
		switch {
		case errors.As(err, &damage), errors.Is(err, ErrNewerFormat), errors.Is(err, storage.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("find the latest snapshots: %w", err)
		case m.Database == database && m.Cluster.ID == cluster.ID && m.Cluster.Kind == cluster.Kind:
			latest = append(latest, m)
		}
	}
	return latest, nil
}

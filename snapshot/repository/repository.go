// Package repository reads and writes snapshots on a storage.Bucket. docs/format.md is the contract for what is written.
//
//	__starkeep_repository_<name>/
//	  repository.json                     About
//	  snapshots/<label>/<timestamp>.json  manifests
//	  index/<hh>/<sha256>.jsonl.zst       partitions and where their rows are
//	  data/<hh>/<sha256>.parquet          rows
//	  jobs/<job>/<page>.json.zst          pages of running jobs
//	  locks/                              who sweeps; probes
//
// Data and index objects are named by their content, so equal content is stored once and a repeated write is a no-op.
// They are written before the manifest that names them: a snapshot is its manifest.
package repository

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"starkeep/snapshot"
	"starkeep/storage"
)

const (
	aboutKey = "repository.json"
	folder   = "__starkeep_repository_" // begins the folder of every repository
)

// prefix returns the folder of the repository of that name, below its location.
func prefix(name string) string { return folder + name + "/" }

// Root returns the prefix of all keys of the repository of that name.
func Root(name string) string { return prefix(name) }

// JobsPrefix returns the prefix of the keys of all job pages of the repository of that name. Nothing else is written by
// a job that only reads.
func JobsPrefix(name string) string { return prefix(name) + "jobs/" }

// About is the file that makes a folder a repository.
type About struct {
	Format  int       `json:"format"`
	ID      string    `json:"id"` // random, so that two repositories of one name are told apart
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
}

// Repository is a handle on a repository. It is safe for concurrent use; any number of processes may use one repository.
type Repository struct {
	bucket storage.Bucket
	about  About
	prefix string
	proven atomic.Int64 // when the repository was last seen to be there, in ns since started
}

var started = time.Now()

// Create makes a repository, or opens the one of that name that is there already. It proves that everything Starkeep
// does to a store works: write, create only if absent, read, list, delete. On a bucket that is read only nothing is
// written, and the repository has to exist.
func Create(ctx context.Context, bucket storage.Bucket, name string) (*Repository, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := probe(ctx, bucket, prefix(name)+"locks/probe-"+rand.Text()); errors.Is(err, storage.ErrReadOnly) {
		return Open(ctx, bucket, name)
	} else if err != nil {
		return nil, fmt.Errorf("prove that the location can hold a repository: %w", err)
	}
	about := About{Format: snapshot.FirstFormat, ID: rand.Text(), Name: name, Created: time.Now().UTC()}
	body := storage.BytesBody(encode(about))
	err := bucket.Put(ctx, prefix(name)+aboutKey, body, storage.PutOptions{IfAbsent: true})
	if err != nil && !errors.Is(err, storage.ErrExist) {
		return nil, fmt.Errorf("create repository: %w", err)
	}
	return Open(ctx, bucket, name)
}

// Open opens a repository that exists: ErrNotFound, ErrNewerFormat or a DamageError otherwise. It only reads.
func Open(ctx context.Context, bucket storage.Bucket, name string) (*Repository, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	r := &Repository{bucket: bucket, prefix: prefix(name)}
	var err error
	if r.about, err = r.readAbout(ctx); err != nil {
		return nil, fmt.Errorf("open repository %s: %w", name, err)
	}
	if r.about.Name != name {
		return nil, fmt.Errorf("open repository %s: %w", name, &DamageError{
			Key: r.prefix + aboutKey, Reason: fmt.Sprintf("it names the repository %.80q", r.about.Name),
			Advice: "a repository is opened under the name it was created with: give its folder that name again",
		})
	}
	return r, nil
}

// Any returns the name of the first repository below a location, or nothing: to help somebody who has mistaken the name.
func Any(ctx context.Context, bucket storage.Bucket) (name string) {
	_ = bucket.List(ctx, folder, func(i storage.Info) error { // without an answer there is no help
		name, _, _ = strings.Cut(strings.TrimPrefix(i.Key, folder), "/")
		return errFound
	})
	return name
}

var errFound = errors.New("found")

func checkName(name string) error {
	if !snapshot.ValidRepositoryName(name) {
		return fmt.Errorf("%w: repository %.80q: use a letter, then letters, digits and '_', at most 64", ErrInvalidName, name)
	}
	return nil
}

// About returns what the repository states about itself.
func (r *Repository) About() About { return r.about }

func (r *Repository) readAbout(ctx context.Context) (About, error) {
	const limit = 1 << 20
	key := r.prefix + aboutKey
	data, err := r.read(ctx, aboutKey, limit)
	if errors.Is(err, storage.ErrNotExist) {
		return About{}, fmt.Errorf("%w: there is no %s; is the location the one it was created with?", ErrNotFound, key)
	}
	if err != nil {
		return About{}, err
	}
	var a About
	if err := decode(data, &a); err != nil {
		return About{}, unreadable(key, err, "put back the repository.json that belongs here; snapshots are not affected")
	}
	return a, nil
}

// provenFor is how long the repository is believed to be there after it was seen.
const provenFor = 2 * time.Second

// prove makes "not found" a proof: a share that was unmounted, or a bucket that was emptied, would otherwise look like a
// repository without snapshots.
func (r *Repository) prove(ctx context.Context) error {
	if at := r.proven.Load(); at != 0 && time.Since(started)-time.Duration(at) < provenFor {
		return nil
	}
	a, err := r.readAbout(ctx)
	if err != nil {
		return fmt.Errorf("see whether the repository is still there: %w", notHere(err))
	}
	if a.ID != r.about.ID {
		return fmt.Errorf("see whether the repository is still there: another one, created %s, has taken its place", a.Created.Format(time.RFC3339))
	}
	r.proven.Store(int64(time.Since(started)))
	return nil
}

// notHere keeps a repository that went away from passing for a snapshot or page that is not there.
func notHere(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: %s", storage.ErrNoRoot, err)
	}
	return err
}

// probe tries all that a repository needs of a store.
func probe(ctx context.Context, b storage.Bucket, key string) error {
	want := []byte("written to see whether this location can hold a repository; may be deleted\n")
	create := storage.PutOptions{IfAbsent: true}
	if err := b.Put(ctx, key, storage.BytesBody(want), create); err != nil {
		return err
	}
	err := probeWritten(ctx, b, key, want, create)
	return errors.Join(err, b.Delete(context.WithoutCancel(ctx), key))
}

func probeWritten(ctx context.Context, b storage.Bucket, key string, want []byte, create storage.PutOptions) error {
	if err := b.Put(ctx, key, storage.BytesBody(nil), create); !errors.Is(err, storage.ErrExist) {
		return fmt.Errorf("create %s a second time: it should be refused, but got: %v", key, err)
	}
	body, err := b.Get(ctx, key, storage.Range{})
	if err != nil {
		return err
	}
	got, err := io.ReadAll(io.LimitReader(body, int64(len(want))+1))
	if err = errors.Join(err, body.Close()); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("read %s: the store gave back other bytes than it was given", key)
	}
	listed := false
	if err := b.List(ctx, key, func(i storage.Info) error {
		listed = listed || i.Key == key
		return nil
	}); err != nil {
		return err
	}
	if !listed {
		return fmt.Errorf("list %s: the store does not list what was just written", key)
	}
	return nil
}

// read reads a whole object of at most limit bytes into memory. Keys are relative to the repository.
func (r *Repository) read(ctx context.Context, key string, limit int64) ([]byte, error) {
	body, err := r.bucket.Get(ctx, r.prefix+key, storage.Range{})
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", r.prefix+key, err)
	}
	if int64(len(data)) > limit {
		return nil, &DamageError{Key: r.prefix + key, Reason: fmt.Sprintf("larger than %d bytes: Starkeep writes none of that size", limit), Advice: adviceForeign}
	}
	return data, nil
}

// list lists what lies below a prefix relative to the repository, with keys that are relative too.
func (r *Repository) list(ctx context.Context, below string, fn func(storage.Info) error) error {
	return r.bucket.List(ctx, r.prefix+below, func(i storage.Info) error {
		i.Key = i.Key[len(r.prefix):]
		return fn(i)
	})
}

// encode prints JSON for people and programs: indented, '<' and '&' as they are.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // plain types: it cannot fail
	}
	return b.Bytes()
}

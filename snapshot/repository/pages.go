package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"starkeep/storage"
)

const (
	pageSuffix = ".json.zst"
	maxPage    = 1 << 30 // bytes of JSON
)

var jobName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

// pageKey returns the key of a page. Names may have several parts; CheckKey of the store refuses "..", this refuses
// what would let a page of one job pass for another's.
func pageKey(job, name string) (string, error) {
	key := "jobs/" + job + "/" + name + pageSuffix
	if !jobName.MatchString(job) || storage.CheckKey(key) != nil {
		return "", fmt.Errorf("%w: page %.100q of job %.140q", ErrInvalidName, name, job)
	}
	return key, nil
}

// CreatePage stores v as a page of a job, if there is no such page: ErrExists otherwise.
func (r *Repository) CreatePage(ctx context.Context, job, name string, v any) error {
	err := r.putPage(ctx, job, name, v, storage.PutOptions{IfAbsent: true})
	if errors.Is(err, storage.ErrExist) {
		return fmt.Errorf("create page %s of job %s: %w", name, job, ErrExists)
	}
	return err
}

// WritePage stores v as a page of a job; an older one of that name is replaced.
func (r *Repository) WritePage(ctx context.Context, job, name string, v any) error {
	return r.putPage(ctx, job, name, v, storage.PutOptions{})
}

func (r *Repository) putPage(ctx context.Context, job, name string, v any, opts storage.PutOptions) error {
	key, err := pageKey(job, name)
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write page %s of job %s: %w", name, job, err)
	}
	if len(text) > maxPage {
		return fmt.Errorf("write page %s of job %s: %d bytes, at most %d are allowed", name, job, len(text), maxPage)
	}
	if err := r.bucket.Put(ctx, r.prefix+key, storage.BytesBody(compress(text)), opts); err != nil {
		return fmt.Errorf("write page %s of job %s: %w", name, job, err)
	}
	return nil
}

// ReadPage replaces what v points to by a page of a job: ErrNotFound when there is none. Unlike files of the format, pages are read by
// the release that wrote them or a newer one, so fields that v does not have are no error.
func (r *Repository) ReadPage(ctx context.Context, job, name string, v any) error {
	key, err := pageKey(job, name)
	if err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	data, err := r.read(ctx, key, maxPage)
	if errors.Is(err, storage.ErrNotExist) {
		if err = r.prove(ctx); err == nil {
			err = ErrNotFound
		}
	}
	if err == nil {
		err = r.decodePage(key, data, v)
	}
	if err != nil {
		return fmt.Errorf("read page %s of job %s: %w", name, job, err)
	}
	return nil
}

func (r *Repository) decodePage(key string, data []byte, v any) error {
	text, err := pageDecoder().DecodeAll(data, nil)
	if err == nil {
		// JSON would merge into what v holds already: fields that a page leaves out must not survive from elsewhere.
		reflect.ValueOf(v).Elem().SetZero()
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return &DamageError{Key: r.prefix + key, Reason: err.Error(), Advice: "cancel the job and run its statement again"}
	}
	return nil
}

// pageDecoder is shared: DecodeAll is safe for concurrent use.
var pageDecoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxPage))
	if err != nil {
		panic(fmt.Sprintf("make zstd decoder: %v", err)) // fixed options: it cannot fail
	}
	return d
})

// ListPages calls fn for the names of a job's pages that begin with below, in byte order, and stops at fn's first error.
func (r *Repository) ListPages(ctx context.Context, job, below string, fn func(name string) error) error {
	if !jobName.MatchString(job) {
		return fmt.Errorf("list pages: %w: job %.140q", ErrInvalidName, job)
	}
	folder := "jobs/" + job + "/"
	return r.list(ctx, folder+below, func(i storage.Info) error {
		name, ok := strings.CutSuffix(i.Key[len(folder):], pageSuffix)
		if !ok {
			return fmt.Errorf("list pages of job %s: %w", job, &DamageError{Key: r.prefix + i.Key, Reason: "not the name of a page", Advice: adviceForeign})
		}
		return fn(name)
	})
}

// DeletePages removes the pages of a job whose names begin with below. None is no error.
func (r *Repository) DeletePages(ctx context.Context, job, below string) error {
	var keys []string
	err := r.ListPages(ctx, job, below, func(name string) error {
		key, err := pageKey(job, name)
		keys = append(keys, key)
		return err
	})
	if err == nil {
		err = r.deleteAll(ctx, keys)
	}
	if err != nil {
		return fmt.Errorf("delete pages %s of job %s: %w", below, job, err)
	}
	return nil
}

// LastPages begins the names of pages that DeleteJob deletes behind all others.
const LastPages = "~"

// DeleteJob removes everything that a job keeps in the repository: LastPages behind the other pages, and its registration
// last, so that the job is known until nothing of it is left. A job that keeps nothing is no error.
func (r *Repository) DeleteJob(ctx context.Context, job string) error {
	if !jobName.MatchString(job) {
		return fmt.Errorf("delete job: %w: job %.140q", ErrInvalidName, job)
	}
	var pages, decisions []string
	registered := false
	err := r.list(ctx, "jobs/"+job+"/", func(i storage.Info) error {
		switch name := strings.TrimPrefix(i.Key, "jobs/"+job+"/"); {
		case i.Key == registrationKey(job):
			registered = true
		case strings.HasPrefix(name, LastPages):
			decisions = append(decisions, i.Key)
		default:
			pages = append(pages, i.Key)
		}
		return nil
	})
	steps := [][]string{pages, decisions}
	if registered {
		steps = append(steps, []string{registrationKey(job)})
	}
	for _, keys := range steps {
		if err == nil {
			err = r.deleteAll(ctx, keys)
		}
	}
	if err != nil {
		return fmt.Errorf("delete job %s: %w", job, err)
	}
	return nil
}

func (r *Repository) deleteAll(ctx context.Context, keys []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for _, key := range keys {
		g.Go(func() error { return r.bucket.Delete(ctx, r.prefix+key) })
	}
	return g.Wait()
}

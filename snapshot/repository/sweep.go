package repository

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"starkeep/snapshot"
	"starkeep/storage"
)

// Who deletes data objects, and who relies on what is stored, must not meet:
//
//   - A job that writes registers first, and then sees whether somebody sweeps: if so it waits (ErrBusy).
//   - A sweep takes the sweep lock first, and then sees whether another job is registered: if so it deletes nothing.
//
// Each writes its own mark before it looks for the other's, so of two that begin at once at least one sees the other.
// The lock of a sweeper that died is ignored after lockExpires; a living one stops deleting after sweepTime, much
// earlier. Only the store's clock and durations are compared, never clocks of two hosts.
const (
	sweepLock   = "locks/sweep.json"
	sweepTime   = 2 * time.Minute
	lockExpires = 10 * time.Minute
)

// registration is the page that tells that a job is at work.
const registration = "registered"

func registrationKey(job string) string { return "jobs/" + job + "/" + registration + pageSuffix }

// mark is the content of registrations and of the sweep lock.
type mark struct {
	Job   string `json:"job"`
	Nonce string `json:"nonce,omitempty"` // of the lock: tells attempts of one job apart
}

// Register tells other jobs that job relies on what is stored from now on, until DeleteJob. It is ErrBusy while another
// job sweeps: then nothing that is stored may be relied upon, and the caller tries again.
func (r *Repository) Register(ctx context.Context, job string) error {
	if err := r.WritePage(ctx, job, registration, mark{Job: job}); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	here, err := r.bucket.Stat(ctx, r.prefix+registrationKey(job))
	if err != nil {
		return fmt.Errorf("register job %s: %w", job, err)
	}
	lock, err := r.bucket.Stat(ctx, r.prefix+sweepLock)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("register job %s: %w", job, err)
	case here.Modified.Sub(lock.Modified) > lockExpires:
		return nil // left by a sweeper that died
	}
	return fmt.Errorf("register job %s: %w: it removes objects that nobody needs any more", job, ErrBusy)
}

// recent bounds what a sweep has to read. An object that was absent after created can only be named by a manifest written
// later than that, or by one that was damaged before. A day is far more than the store's clock and that of a workflow
// differ.
const recent = 24 * time.Hour

// Sweep removes the data and index objects of mine, by key, that no snapshot names. They have to be objects that job put and that
// were absent after created. It is ErrBusy, and removes nothing, when another job is registered: that one may rely on
// an object that it found. A repeat goes on where the last one ended.
func (r *Repository) Sweep(ctx context.Context, job string, created time.Time, mine map[string]snapshot.ObjectRef) error {
	if err := r.sweep(ctx, job, created, mine); err != nil {
		return fmt.Errorf("sweep objects of job %s: %w", job, err)
	}
	return nil
}

func (r *Repository) sweep(ctx context.Context, job string, created time.Time, refs map[string]snapshot.ObjectRef) (err error) {
	for _, ref := range refs {
		if _, err := sumOf(dataKey, ref); err != nil {
			if _, err := sumOf(indexKey, ref); err != nil {
				return err
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	mine := mark{Job: job, Nonce: rand.Text()}
	if err := r.lock(ctx, mine); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.unlock(context.WithoutCancel(ctx), mine)) }()
	if err := r.alone(ctx, job); err != nil {
		return err
	}
	named, err := r.named(ctx, created, refs)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for _, ref := range refs {
		if !named[ref.Key] {
			g.Go(func() error { return r.deleteLocked(ctx, mine, ref) })
		}
	}
	return g.Wait()
}

// deleteLocked deletes an object as long as the lock is still this attempt's: another attempt of the same job may have
// taken it over, ended, and let other jobs begin.
func (r *Repository) deleteLocked(ctx context.Context, mine mark, ref snapshot.ObjectRef) error {
	holder, err := r.holder(ctx)
	if err != nil {
		return err
	}
	if holder != mine {
		return fmt.Errorf("%w: another attempt has taken over", ErrBusy)
	}
	return r.bucket.Delete(ctx, r.prefix+ref.Key)
}

// lock takes the sweep lock. The lock of an earlier attempt of the same job, or of a sweeper that died, is taken over.
func (r *Repository) lock(ctx context.Context, mine mark) error {
	key := r.prefix + sweepLock
	body := storage.BytesBody(encode(mine))
	err := r.bucket.Put(ctx, key, body, storage.PutOptions{IfAbsent: true})
	if !errors.Is(err, storage.ErrExist) {
		return err
	}
	holder, err := r.holder(ctx)
	if err != nil {
		return err
	}
	if holder.Job != mine.Job {
		expired, err := r.lockExpired(ctx)
		if err != nil {
			return err
		}
		if !expired {
			return fmt.Errorf("%w: job %s sweeps", ErrBusy, holder.Job)
		}
	}
	return r.bucket.Put(ctx, key, body, storage.PutOptions{})
}

// unlock gives the lock back, unless another attempt has taken it over.
func (r *Repository) unlock(ctx context.Context, mine mark) error {
	holder, err := r.holder(ctx)
	if err != nil || holder != mine {
		return err
	}
	return r.bucket.Delete(ctx, r.prefix+sweepLock)
}

// holder reads the lock. The zero mark: there is none, or one that cannot be read, which holds until it expires.
func (r *Repository) holder(ctx context.Context) (m mark, err error) {
	data, err := r.read(ctx, sweepLock, 1<<16)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return mark{}, nil
	case err != nil:
		return mark{}, err
	}
	if strict(data, &m) != nil {
		return mark{}, nil
	}
	return m, nil
}

// lockExpired compares the lock with a probe that is written now, so that the store's clock tells both times. The probe is
// not a page of a job: two sweeps that met would each take the other one for a job at work, and wait for ever.
func (r *Repository) lockExpired(ctx context.Context) (expired bool, err error) {
	lock, err := r.bucket.Stat(ctx, r.prefix+sweepLock)
	if errors.Is(err, storage.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	probe := r.prefix + "locks/now-" + rand.Text()
	defer func() { err = errors.Join(err, r.bucket.Delete(context.WithoutCancel(ctx), probe)) }()
	if err := r.bucket.Put(ctx, probe, storage.BytesBody(encode(mark{})), storage.PutOptions{}); err != nil {
		return false, err
	}
	now, err := r.bucket.Stat(ctx, probe)
	return err == nil && now.Modified.Sub(lock.Modified) > lockExpires, err
}

// alone returns ErrBusy when another job is registered.
func (r *Repository) alone(ctx context.Context, job string) error {
	return r.list(ctx, "jobs/", func(i storage.Info) error {
		other, page, _ := strings.Cut(strings.TrimPrefix(i.Key, "jobs/"), "/")
		if page == registration+pageSuffix && other != job {
			return fmt.Errorf("%w: job %s", ErrBusy, other)
		}
		return nil
	})
}

// named returns the keys of mine that a snapshot names. A recent snapshot that cannot be read ends the sweep: it may
// name any of them.
func (r *Repository) named(ctx context.Context, created time.Time, mine map[string]snapshot.ObjectRef) (map[string]bool, error) {
	var keys []string
	if err := r.list(ctx, manifests, func(i storage.Info) error {
		if _, _, ok := parseManifestKey(i.Key); ok && i.Modified.After(created.Add(-recent)) {
			keys = append(keys, i.Key)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, key := range keys {
		m, err := r.manifest(ctx, key)
		if err != nil {
			return nil, err
		}
		for _, t := range m.Tables {
			named[t.Index.Key] = true
		}
		if err := r.Entries(ctx, m, func(e snapshot.PartitionEntry) error {
			for _, o := range e.Objects {
				if _, ok := mine[o.Key]; ok {
					named[o.Key] = true
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return named, nil
}

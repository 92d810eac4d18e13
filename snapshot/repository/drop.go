package repository

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"starkeep/snapshot"
	"starkeep/storage"
)

// A snapshot is dropped in two steps, so that nobody who reads it, or builds upon it, is cut off:
//
//   - Its objects are noted under dropped/<drop>/, then its manifest is deleted. From here on no new job finds it.
//   - After a time of grace Reclaim looks again, and deletes of the noted objects those that no manifest names. It does so
//     under the sweep lock and only while no job has pages in the repository, registered or not: a restore has pages from
//     its checks on.
//
// Killed between any two steps, a drop leaves whole snapshots, and notes that do no harm: an object that is named stays.
const (
	droppedPages = "dropped/"
	refsPerPage  = 10_000 // noted objects on one page
	refsPerSweep = 1_000  // objects that are deleted under one lock, well within sweepTime
)

// notePage is the key of a page of noted objects: of a drop, of a label and a timestamp.
var notePage = regexp.MustCompile(`^` + droppedPages + `[^/]+/([^/]+)/([^/]+)-[0-9]{6}` + regexp.QuoteMeta(pageSuffix) + `$`)

func droppedFolder(drop string) string { return droppedPages + drop + "/" }

// Noted tells what a snapshot names.
type Noted struct {
	Objects int64
	Bytes   int64
	Damage  *DamageError // an index object that cannot be read: what it names is not noted, and stays
}

// Note remembers under the id of a drop which objects a snapshot names. A repeat is harmless.
func (r *Repository) Note(ctx context.Context, drop string, m snapshot.Manifest) (Noted, error) {
	n, err := r.note(ctx, drop, m)
	if err != nil {
		return n, fmt.Errorf("note the objects of snapshot %s %s: %w", m.Label, m.Timestamp, err)
	}
	return n, nil
}

func (r *Repository) note(ctx context.Context, drop string, m snapshot.Manifest) (n Noted, err error) {
	if !jobName.MatchString(drop) {
		return n, fmt.Errorf("%w: drop %.140q", ErrInvalidName, drop)
	}
	if err := checkSnapshot(m.Label, m.Timestamp); err != nil {
		return n, err
	}
	refs := map[string]snapshot.ObjectRef{}
	for _, part := range byIndex(m) {
		index := part.Tables[0].Index
		refs[index.Key] = index
		err := r.Entries(ctx, part, func(e snapshot.PartitionEntry) error {
			for _, o := range e.Objects {
				refs[o.Key] = o.ObjectRef
			}
			return nil
		})
		if err != nil && !errors.As(err, &n.Damage) {
			return n, err
		}
	}
	all := sorted(refs)
	for _, ref := range all {
		n.Objects++
		n.Bytes += ref.Size
	}
	for page := 0; page == 0 || page*refsPerPage < len(all); page++ { // one without objects, too: a repeat finds that it was here
		part := all[page*refsPerPage : min((page+1)*refsPerPage, len(all))]
		key := fmt.Sprintf("%s%s/%s-%06d%s", droppedFolder(drop), m.Label, m.Timestamp, page, pageSuffix)
		text, _ := json.Marshal(part) // plain types: it cannot fail
		if err := r.bucket.Put(ctx, r.prefix+key, storage.BytesBody(compress(text)), storage.PutOptions{}); err != nil {
			return n, err
		}
	}
	return n, nil
}

func sorted(refs map[string]snapshot.ObjectRef) []snapshot.ObjectRef {
	all := make([]snapshot.ObjectRef, 0, len(refs))
	for _, ref := range refs {
		all = append(all, ref)
	}
	slices.SortFunc(all, func(a, b snapshot.ObjectRef) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// DeleteManifest ends a snapshot, whose objects Note has noted. One that is gone is no error.
func (r *Repository) DeleteManifest(ctx context.Context, label, timestamp string) error {
	if err := checkSnapshot(label, timestamp); err != nil {
		return fmt.Errorf("delete manifest: %w", err)
	}
	if err := r.bucket.Delete(ctx, r.prefix+manifestKey(label, timestamp)); err != nil {
		return fmt.Errorf("delete manifest: %w", err)
	}
	return nil
}

// Dropped tells whether a drop has noted anything that is not reclaimed yet.
func (r *Repository) Dropped(ctx context.Context, drop string) (bool, error) {
	pages, err := r.droppedKeys(ctx, drop)
	return len(pages) > 0, err
}

func (r *Repository) droppedKeys(ctx context.Context, drop string) (keys []string, err error) {
	if !jobName.MatchString(drop) {
		return nil, fmt.Errorf("%w: drop %.140q", ErrInvalidName, drop)
	}
	err = r.list(ctx, droppedFolder(drop), func(i storage.Info) error {
		keys = append(keys, i.Key)
		return nil
	})
	if err == nil && len(keys) == 0 {
		err = r.prove(ctx)
	}
	return keys, err
}

// Jobs returns the jobs that keep pages in the repository, sorted; none is a proof.
func (r *Repository) Jobs(ctx context.Context) ([]string, error) {
	var jobs []string
	err := r.list(ctx, "jobs/", func(i storage.Info) error {
		job, _, _ := strings.Cut(strings.TrimPrefix(i.Key, "jobs/"), "/")
		if n := len(jobs); n == 0 || jobs[n-1] != job { // the listing is in order
			jobs = append(jobs, job)
		}
		return nil
	})
	if err == nil && len(jobs) == 0 {
		err = r.prove(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return jobs, nil
}

// Reclaimed tells what Reclaim did.
type Reclaimed struct {
	Objects int64 // deleted
	Bytes   int64 // in these
	Kept    int64 // other snapshots name them
}

// Reclaim deletes the objects noted under a drop, or left behind by an earlier one, that no snapshot names, and the notes
// behind them. It is ErrBusy while a
// job has pages in the repository, unless over tells of it that it is proven to have ended long ago. A manifest that
// cannot be read is a DamageError or ErrNewerFormat: it may name any of them. A repeat goes on where the last one ended.
func (r *Repository) Reclaim(ctx context.Context, drop string, over func(job string) bool) (Reclaimed, error) {
	done, err := r.reclaim(ctx, drop, over)
	if err != nil {
		return done, fmt.Errorf("delete what only dropped snapshots named: %w", err)
	}
	return done, nil
}

func (r *Repository) reclaim(ctx context.Context, drop string, over func(string) bool) (done Reclaimed, err error) {
	pages, refs, err := r.dropped(ctx, drop)
	if err != nil || len(pages) == 0 {
		return done, err
	}
	c := &reclaimer{r: r, drop: drop, over: over, seen: map[string]bool{}, refs: refs}
	// The long look is taken without the lock; what is written meanwhile is looked at under it.
	if err := c.keepNamed(ctx); err != nil {
		return done, err
	}
	for left := sorted(c.refs); len(left) > 0; {
		part := left[:min(refsPerSweep, len(left))]
		left = left[len(part):]
		if err := c.sweep(ctx, part); err != nil {
			return c.done, err
		}
	}
	return c.done, r.deleteAll(ctx, pages)
}

// dropped returns the pages of a drop, and the objects that they note; and those of earlier drops whose own sweep never
// came, because the drop failed halfway, or its workflow was ended or lost.
func (r *Repository) dropped(ctx context.Context, drop string) (pages []string, refs map[string]snapshot.ObjectRef, err error) {
	own, err := r.droppedKeys(ctx, drop)
	if err != nil || len(own) == 0 {
		return nil, nil, err
	}
	left, err := r.leftBehind(ctx, drop)
	if err != nil {
		return nil, nil, err
	}
	refs = map[string]snapshot.ObjectRef{}
	for i, key := range slices.Concat(own, left) {
		list, err := r.noted(ctx, key)
		if err != nil && i >= len(own) {
			continue // of another drop, which may be deleting it now
		}
		if err != nil {
			return nil, nil, err
		}
		for _, ref := range list {
			refs[ref.Key] = ref
		}
		pages = append(pages, key)
	}
	return pages, refs, nil
}

// leftBehind returns the pages of other drops that are not younger than those of drop, by the store's clock, so that their
// time of grace is over, too. Where the manifest is still there, its drop may be at work.
func (r *Repository) leftBehind(ctx context.Context, drop string) (keys []string, err error) {
	var mine time.Time
	modified := map[string]time.Time{}
	err = r.list(ctx, droppedPages, func(i storage.Info) error {
		if !strings.HasPrefix(i.Key, droppedFolder(drop)) {
			modified[i.Key] = i.Modified
		} else if i.Modified.After(mine) {
			mine = i.Modified
		}
		return nil
	})
	if err != nil || len(modified) == 0 {
		return nil, err
	}
	there, err := r.manifestKeys(ctx)
	if err != nil {
		return nil, err
	}
	for key, at := range modified {
		if parts := notePage.FindStringSubmatch(key); parts != nil && !at.After(mine) && !slices.Contains(there, manifestKey(parts[1], parts[2])) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// noted reads one page of noted objects.
func (r *Repository) noted(ctx context.Context, key string) (list []snapshot.ObjectRef, err error) {
	data, err := r.read(ctx, key, maxPage)
	if err != nil {
		return nil, err
	}
	if err := r.decodePage(key, data, &list); err != nil {
		return nil, err
	}
	for _, ref := range list {
		if _, err := sumOf(dataKey, ref); err != nil {
			if _, err := sumOf(indexKey, ref); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// reclaimer is one run of Reclaim.
type reclaimer struct {
	r    *Repository
	drop string
	over func(job string) bool
	seen map[string]bool               // manifests whose objects are out of refs
	refs map[string]snapshot.ObjectRef // that no manifest seen so far names
	done Reclaimed
}

// keepNamed takes what manifests name out of refs; a manifest never changes, so each is read once.
func (c *reclaimer) keepNamed(ctx context.Context) error {
	keys, err := c.r.manifestKeys(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if _, _, ok := parseManifestKey(key); !ok || c.seen[key] {
			continue
		}
		m, err := c.r.manifest(ctx, key)
		if errors.Is(err, storage.ErrNotExist) { // dropped since it was listed
			continue
		}
		if err == nil {
			for _, t := range m.Tables {
				c.keep(t.Index.Key)
			}
			err = c.r.Entries(ctx, m, func(e snapshot.PartitionEntry) error {
				for _, o := range e.Objects {
					c.keep(o.Key)
				}
				return nil
			})
		}
		if err != nil {
			return err
		}
		c.seen[key] = true
	}
	return nil
}

func (c *reclaimer) keep(key string) {
	if _, ok := c.refs[key]; ok {
		delete(c.refs, key)
		c.done.Kept++
	}
}

// sweep deletes those of part that are still not named, under the lock.
func (c *reclaimer) sweep(ctx context.Context, part []snapshot.ObjectRef) (err error) {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	mine := mark{Job: c.drop, Nonce: rand.Text()}
	if err := c.r.lock(ctx, mine); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.r.unlock(context.WithoutCancel(ctx), mine)) }()
	jobs, err := c.r.Jobs(ctx)
	if err != nil {
		return err
	}
	jobs = slices.DeleteFunc(jobs, c.over)
	if len(jobs) > 0 {
		return fmt.Errorf("%w: %s", ErrBusy, strings.Join(jobs[:min(3, len(jobs))], ", "))
	}
	if err := c.keepNamed(ctx); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for _, ref := range part {
		if _, unnamed := c.refs[ref.Key]; unnamed {
			g.Go(func() error { return c.r.deleteLocked(gctx, mine, ref) })
			c.done.Objects++
			c.done.Bytes += ref.Size
		}
	}
	return g.Wait()
}

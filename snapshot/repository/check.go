package repository

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"starkeep/snapshot"
)

// Finding is one thing that is wrong with a snapshot.
type Finding struct {
	Table     string
	Partition string // the first one that needs the object; empty: the index object itself is damaged
	Damage    *DamageError
}

func (f Finding) String() string {
	place := f.Table
	if f.Partition != "" {
		place += "." + f.Partition
	}
	return place + ": " + f.Damage.Error()
}

// Check verifies that every object a snapshot names is there with its size and, when deep, reads each and compares its
// SHA-256. It returns all findings, sorted; an error means that the answer is not known.
func (r *Repository) Check(ctx context.Context, m snapshot.Manifest, deep bool) ([]Finding, error) {
	c := &checker{r: r, deep: deep, seen: map[string]bool{}}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for _, shared := range byIndex(m) {
		err := r.Entries(gctx, shared, func(e snapshot.PartitionEntry) error {
			for _, o := range e.Objects {
				if c.first(o.Key) {
					g.Go(func() error { return c.object(gctx, e, o.ObjectRef) })
				}
			}
			return nil
		})
		for _, t := range shared.Tables {
			if other := c.note(t.Name, "", err); other != nil {
				return nil, fmt.Errorf("check snapshot %s: %w", m.Label, cmp.Or(g.Wait(), other))
			}
		}
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("check snapshot %s: %w", m.Label, err)
	}
	slices.SortFunc(c.findings, func(a, b Finding) int {
		return strings.Compare(a.Damage.Key+a.Table, b.Damage.Key+b.Table)
	})
	return c.findings, nil
}

// byIndex divides a manifest into those of the tables that share an index object, so that each is read once, and a
// damaged one does not hide the others.
func byIndex(m snapshot.Manifest) []snapshot.Manifest {
	var parts []snapshot.Manifest
	at := map[snapshot.ObjectRef]int{}
	for _, t := range m.Tables {
		i, ok := at[t.Index]
		if !ok {
			i = len(parts)
			at[t.Index] = i
			part := m
			part.Tables = nil
			parts = append(parts, part)
		}
		parts[i].Tables = append(parts[i].Tables, t)
	}
	return parts
}

// checker collects findings.
type checker struct {
	r    *Repository
	deep bool

	mu       sync.Mutex
	seen     map[string]bool
	findings []Finding
}

// first tells whether an object was not met yet: equal content is stored, and checked, once.
func (c *checker) first(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.seen[key] = true }()
	return !c.seen[key]
}

func (c *checker) object(ctx context.Context, e snapshot.PartitionEntry, ref snapshot.ObjectRef) error {
	damage, err := c.r.examine(ctx, ref)
	if err != nil {
		return err
	}
	if damage != nil {
		return c.note(e.Table, e.Partition.Name, damage)
	}
	if !c.deep {
		return nil
	}
	return c.note(e.Table, e.Partition.Name, c.r.verify(ctx, ref, func(body io.Reader, sum io.Writer) (int64, error) {
		return io.Copy(sum, body)
	}))
}

// note takes damage as a finding and gives back any other error.
func (c *checker) note(table, partition string, err error) error {
	var damage *DamageError
	if !errors.As(err, &damage) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.findings = append(c.findings, Finding{table, partition, damage})
	return nil
}

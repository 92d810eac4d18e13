package catalog

import (
	"maps"
	"slices"

	"starkeep/sandbox/dialect"
)

// BeginRefresh returns the query of a materialized view and the versions under it. It returns done when there is
// nothing new and force is not set.
func (c *Catalog) BeginRefresh(name dialect.ObjectName, force bool) (info MaterializedInfo, versions map[int64]int64, done bool, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, t, err := c.materializedView(name)
	if err != nil {
		return info, nil, false, err
	}
	versions = c.versionsUnder(t.mv.bases)
	return t.mv.info(), versions, !force && t.mv.refreshed != nil && maps.Equal(t.mv.refreshed, versions), nil
}

func (c *Catalog) versionsUnder(bases []Base) map[int64]int64 {
	versions := map[int64]int64{}
	for _, b := range bases {
		if _, t := c.tableByID(b.ID); t != nil {
			for _, p := range t.partitions {
				for _, ph := range p.physical {
					versions[ph.id] = ph.version
				}
			}
		}
	}
	return versions
}

// EndRefresh remembers what a refresh has seen; nil versions of one that failed change nothing.
func (c *Catalog) EndRefresh(name dialect.ObjectName, versions map[int64]int64) {
	c.updateMaterialized(name, func(mv *materialized) {
		if versions != nil {
			mv.refreshed = versions
		}
	})
}

// keptRuns is how many runs of a task are remembered.
const keptRuns = 20

// RecordRun adds a run, or replaces the one of the same query id.
func (c *Catalog) RecordRun(name dialect.ObjectName, run TaskRun) {
	c.updateMaterialized(name, func(mv *materialized) {
		runs := slices.DeleteFunc(slices.Clone(mv.runs), func(r TaskRun) bool { return r.QueryID == run.QueryID })
		runs = append(runs, run)
		mv.runs = runs[max(0, len(runs)-keptRuns):]
	})
}

func (c *Catalog) updateMaterialized(name dialect.ObjectName, change func(*materialized)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, t, err := c.materializedView(name)
	if err != nil { // dropped meanwhile
		return
	}
	mv := *t.mv
	change(&mv)
	t.mv = &mv
}

// Stale returns the active materialized views that follow their tables (REFRESH ASYNC without EVERY) and are behind.
func (c *Catalog) Stale() (names []dialect.ObjectName) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, d := range c.databases {
		for _, t := range d.tables {
			if m := t.mv; m != nil && m.active && !m.refresh.Manual && m.refresh.Unit == "" && m.refreshed != nil && !maps.Equal(m.refreshed, c.versionsUnder(m.bases)) {
				names = append(names, dialect.ObjectName{Database: d.name, Name: t.name})
			}
		}
	}
	return names
}

func (m *materialized) info() MaterializedInfo {
	return MaterializedInfo{Original: m.original, Analysed: m.analysed, Refresh: m.refresh, Bases: m.bases, Active: m.active, Reason: m.reason,
		Creator: m.creator, Runs: m.runs}
}

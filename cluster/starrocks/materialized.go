package starrocks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"starkeep/cluster"
	"starkeep/cluster/wire"
)

// shadowOf is the name under which a materialized view is built that will take another one's place. It is the same for
// every attempt, so that one finds what an earlier one left.
func shadowOf(name string) string { return ours + "mv_" + name }

// putMaterialized creates a materialized view, or puts it in the place of the one of its name by SWAP, which is atomic. An
// equal one is left: its rows stay, and it is active again.
func (c *Cluster) putMaterialized(ctx context.Context, p viewPlan) (string, error) {
	var notes []string
	switch {
	case p.have == nil:
		if err := c.in(ctx, p.database, p.statement); err != nil {
			return "", err
		}
	case !p.equal():
		more, err := c.replaceMaterialized(ctx, p)
		if isRejection(err) { // for good, so nobody comes again to drop what was built
			err = errors.Join(err, c.dropMaterialized(ctx, p.database, shadowOf(p.name)))
		}
		if err != nil {
			return "", err
		}
		notes = append(notes, more...)
	}
	if err := c.dropMaterialized(ctx, p.database, shadowOf(p.name)); err != nil { // also one that an earlier attempt left
		return "", err
	}
	note, err := c.settleActive(ctx, p)
	return joinNotes(append(notes, note)...), err
}

// replaceMaterialized builds the view under another name and swaps. What was live has that name then, and is dropped by the
// caller. An attempt that finds the swap done finds an equal view, and does not come here.
func (c *Cluster) replaceMaterialized(ctx context.Context, p viewPlan) ([]string, error) {
	shadow := shadowOf(p.name)
	if err := c.dropMaterialized(ctx, p.database, shadow); err != nil {
		return nil, err
	}
	statement, err := p.text.statement(shadow, p.renaming)
	if err != nil {
		return nil, err
	}
	if err := c.in(ctx, p.database, statement); err != nil {
		return nil, err
	}
	notes, err := c.carry(ctx, p.database, "MATERIALIZED VIEW", map[string]string{p.name: shadow})
	if err != nil {
		return nil, err
	}
	live, err := qualified(p.database, p.name)
	if err != nil {
		return nil, err
	}
	other, err := identifier(shadow)
	if err != nil {
		return nil, err
	}
	return notes, c.exec(ctx, "ALTER MATERIALIZED VIEW "+live+" SWAP WITH "+other)
}

func (c *Cluster) dropMaterialized(ctx context.Context, database, name string) error {
	target, err := qualified(database, name)
	if err != nil {
		return err
	}
	return c.exec(ctx, "DROP MATERIALIZED VIEW IF EXISTS "+target)
}

// settleActive makes the view active or not, as it was.
func (c *Cluster) settleActive(ctx context.Context, p viewPlan) (string, error) {
	d := cluster.Dependent{Database: p.database, Name: p.name}
	if p.o.Settings[activeSetting] != "false" {
		return c.Activate(ctx, d, false)
	}
	target, err := qualified(p.database, p.name)
	if err != nil {
		return "", err
	}
	if err := c.exec(ctx, "ALTER MATERIALIZED VIEW "+target+" INACTIVE"); err != nil {
		return "", err
	}
	return fmt.Sprintf("it was inactive (%s) and is so here; ALTER MATERIALIZED VIEW %s ACTIVE makes it active", p.o.Settings[reasonSetting], target), nil
}

var _ cluster.Activator = (*Cluster)(nil)

// Dependents reads the definitions of all materialized views, and of all views between them and the names: a base table that
// is swapped makes those inactive that read it through views and other materialized views, too
// (fe:alter/AlterMVJobExecutor.inactiveRelatedMaterializedViewsRecursive).
func (c *Cluster) Dependents(ctx context.Context, database string, names []string) ([]cluster.Dependent, error) {
	states, err := c.materialized(ctx, "", "")
	if err != nil {
		return nil, fmt.Errorf("look for materialized views on tables of %s: %w", database, err)
	}
	if len(states) == 0 {
		return nil, nil
	}
	uses, err := c.viewUses(ctx)
	if err != nil {
		return nil, err
	}
	known, err := c.dependencies(ctx)
	if err != nil {
		return nil, err
	}
	for key, s := range states {
		v, err := parseView(s.definition)
		if err != nil {
			return nil, fmt.Errorf("read materialized view %s.%s: %w", key[0], key[1], err)
		}
		uses[key] = append(v.uses(key[0]), known[key]...)
	}
	roots := make(map[[2]string]bool, len(names))
	for _, n := range names {
		roots[[2]string{database, n}] = true
	}
	var list []cluster.Dependent
	for _, key := range reaching(roots, uses) {
		if s, ok := states[key]; ok && s.active {
			list = append(list, cluster.Dependent{Database: key[0], Name: key[1]})
		}
	}
	return list, nil
}

// dependencies reads what the cluster itself knows of the tables and views under its materialized views (3.1, docs
// object_dependencies.md). A definition does not tell the database of names that were typed without one.
func (c *Cluster) dependencies(ctx context.Context) (map[[2]string][][2]string, error) {
	rows, err := c.query(ctx, "SELECT OBJECT_DATABASE, OBJECT_NAME, REF_OBJECT_DATABASE, REF_OBJECT_NAME FROM sys.object_dependencies")
	if err != nil && (isRejection(err) || errors.Is(err, cluster.ErrDenied)) {
		return nil, nil // then it is what the definitions say
	}
	if err != nil {
		return nil, fmt.Errorf("read dependencies of materialized views: %w", err)
	}
	known := map[[2]string][][2]string{}
	for _, r := range rows {
		key := [2]string{r["object_database"], r["object_name"]}
		known[key] = append(known[key], [2]string{r["ref_object_database"], r["ref_object_name"]})
	}
	return known, nil
}

// viewUses reads what the views of all databases read. One that cannot be read counts as reading every name in it.
func (c *Cluster) viewUses(ctx context.Context) (map[[2]string][][2]string, error) {
	rows, err := c.query(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION FROM information_schema.views")
	if err != nil {
		return nil, fmt.Errorf("list views: %w", err)
	}
	uses := make(map[[2]string][][2]string, len(rows))
	for _, r := range rows {
		all, err := lex(r["view_definition"])
		if err != nil {
			continue // not StarRocks' language: a view of the system
		}
		uses[[2]string{r["table_schema"], r["table_name"]}] = (&viewText{query: all}).uses(r["table_schema"])
	}
	return uses, nil
}

// reaching returns what uses one of roots, directly or through one another, each behind what it uses; a root that uses
// another one is among them.
func reaching(roots map[[2]string]bool, uses map[[2]string][][2]string) [][2]string {
	var sorted [][2]string
	state := map[[2]string]bool{} // seen, and whether it reaches
	var visit func(key [2]string) bool
	visit = func(key [2]string) bool {
		if reaches, seen := state[key]; seen {
			return reaches
		}
		state[key] = false
		for _, u := range uses[key] {
			if visit(u) || roots[u] {
				state[key] = true
			}
		}
		if state[key] {
			sorted = append(sorted, key)
		}
		return state[key]
	}
	for _, key := range slices.SortedFunc(maps.Keys(uses), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		visit(key)
	}
	return sorted
}

// Activate makes a materialized view active. Unless it is refreshed by hand only, the cluster then begins a refresh by
// itself (fe:alter/AlterMVJobExecutor.visitAlterMaterializedViewStatusClause); with refresh this waits for one, of all rows:
// versions of tables that took the place of others tell nothing about them.
func (c *Cluster) Activate(ctx context.Context, d cluster.Dependent, refresh bool) (string, error) {
	note, err := c.activate(ctx, d, refresh)
	if err != nil {
		return "", fmt.Errorf("activate materialized view %s.%s: %w", d.Database, d.Name, err)
	}
	return note, nil
}

func (c *Cluster) activate(ctx context.Context, d cluster.Dependent, refresh bool) (string, error) {
	target, err := qualified(d.Database, d.Name)
	if err != nil {
		return "", err
	}
	if _, err := c.shown(ctx, d.Database, d.Name); err != nil {
		return "", err
	}
	failure := c.exec(ctx, "ALTER MATERIALIZED VIEW "+target+" ACTIVE")
	if failure == nil && refresh {
		failure = c.exec(ctx, "REFRESH MATERIALIZED VIEW "+target+" FORCE WITH SYNC MODE")
	}
	if failure != nil && !isRejection(failure) {
		return "", failure
	}
	states, err := c.materialized(ctx, d.Database, d.Name)
	if err != nil {
		return "", err
	}
	s := states[[2]string{d.Database, d.Name}]
	switch {
	case failure != nil && (s == nil || s.active):
		return fmt.Sprintf("it could not be refreshed: %v; REFRESH MATERIALIZED VIEW %s tries again", failure, target), nil
	case failure != nil:
		return fmt.Sprintf("it is inactive (%s): %v; ALTER MATERIALIZED VIEW %s ACTIVE tries again", s.reason, failure, target), nil
	case s != nil && !s.active:
		return fmt.Sprintf("it is inactive: %s; ALTER MATERIALIZED VIEW %s ACTIVE tries again", s.reason, target), nil
	case s != nil && refresh && s.refresh == "FAILED":
		return fmt.Sprintf("its last refresh failed: %s; REFRESH MATERIALIZED VIEW %s tries again", s.failure, target), nil
	}
	return "", nil
}

// isRejection tells whether an error is an answer that a repeat cannot change.
func isRejection(err error) bool {
	var refused *wire.ServerError
	return errors.As(err, &refused) && errors.Is(rejection(err), cluster.ErrRejected)
}

package starrocks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

var (
	_ cluster.Keeper        = (*Cluster)(nil)
	_ cluster.ObjectChecker = (*Cluster)(nil)
)

// ours begins the names of everything that a restore builds.
const ours = "__starkeep_"

// Objects returns functions first, which views may call, then views and materialized views by what they are made of. With an
// empty database it returns catalogs, global functions, roles before those that have them, users, and resource groups, which may name both.
func (c *Cluster) Objects(ctx context.Context, database string, k cluster.Collection) ([]snapshot.Object, error) {
	if database == "" {
		return c.collect(ctx, k, snapshot.Catalog, snapshot.GlobalFunction, snapshot.Role, snapshot.User, snapshot.ResourceGroup)
	}
	if err := c.requireDatabase(ctx, database); err != nil {
		return nil, fmt.Errorf("list objects: %w", err)
	}
	var all []snapshot.Object
	if k.Database {
		o, err := c.describedDatabase(ctx, database)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	if k.Users {
		list, err := c.collect(ctx, k, snapshot.Role, snapshot.User)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	_, others, err := c.Tables(ctx, database)
	if err != nil {
		return nil, err
	}
	isFunction := func(other string) bool { return strings.HasPrefix(other, string(snapshot.Function)+" ") }
	if asks(k, snapshot.Function) && slices.ContainsFunc(others, isFunction) {
		list, err := c.readFunctions(ctx, database)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	list, err := c.readViews(ctx, database, others, k)
	return append(all, list...), err
}

func asks(k cluster.Collection, kind snapshot.ObjectKind) bool {
	return k.Kinds == nil || slices.Contains(k.Kinds, kind)
}

// collect reads objects of the cluster itself.
func (c *Cluster) collect(ctx context.Context, k cluster.Collection, kinds ...snapshot.ObjectKind) ([]snapshot.Object, error) {
	readers := map[snapshot.ObjectKind]func(context.Context) ([]snapshot.Object, error){
		snapshot.Catalog: c.readCatalogs, snapshot.Role: c.readRoles, snapshot.User: c.readUsers, snapshot.ResourceGroup: c.readGroups,
		snapshot.GlobalFunction: c.readGlobalFunctions,
	}
	var all []snapshot.Object
	for _, kind := range kinds {
		if !asks(k, kind) {
			continue
		}
		list, err := readers[kind](ctx)
		if err != nil {
			return nil, fmt.Errorf("list %ss: %w", kind, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// readViews reads the views and materialized views among others, mixed, each behind those that it reads.
func (c *Cluster) readViews(ctx context.Context, database string, others []string, k cluster.Collection) ([]snapshot.Object, error) {
	var list []snapshot.Object
	for _, other := range others {
		for _, kind := range []snapshot.ObjectKind{snapshot.View, snapshot.MaterializedView} {
			if name, ok := strings.CutPrefix(other, string(kind)+" "); ok && !strings.HasPrefix(name, ours) {
				list = append(list, snapshot.Object{Kind: kind, Name: name})
			}
		}
	}
	if len(list) == 0 || !asks(k, snapshot.View) && !asks(k, snapshot.MaterializedView) {
		return nil, nil
	}
	states, err := c.materialized(ctx, database, "")
	if err != nil {
		return nil, err
	}
	texts := make([]*viewText, len(list))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(statementsAtOnce)
	for i := range list {
		g.Go(func() (err error) {
			texts[i], err = c.describedView(gctx, database, list[i].Name)
			if err != nil {
				return fmt.Errorf("read %s of %s: %w", list[i], database, err)
			}
			list[i].DDL = texts[i].ddl
			list[i].Settings = states[[2]string{database, list[i].Name}].settings()
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := c.nameGlobals(ctx, list, texts, others); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(byUse(database, list, texts), func(o snapshot.Object) bool { return !asks(k, o.Kind) }), nil
}

// byUse sorts views so that what one reads comes before it.
func byUse(database string, list []snapshot.Object, texts []*viewText) []snapshot.Object {
	at := make(map[[2]string]int, len(list))
	for i, o := range list {
		at[[2]string{database, o.Name}] = i
	}
	return neededFirst(list, func(i int) (needs []int) {
		for _, u := range texts[i].uses(database) {
			if j, ok := at[u]; ok {
				needs = append(needs, j)
			}
		}
		return needs
	})
}

// neededFirst sorts objects so that those that one needs come before it, as far as there is no circle.
func neededFirst(list []snapshot.Object, needs func(i int) []int) []snapshot.Object {
	var sorted []snapshot.Object
	seen := make([]bool, len(list))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, j := range needs(i) {
			visit(j)
		}
		sorted = append(sorted, list[i])
	}
	for i := range list {
		visit(i)
	}
	return sorted
}

// shown reads the definition of a table, view or materialized view. It is also the proof of its absence: error 5502. (SHOW
// CREATE VIEW prints a view for a materialized view, too: fe:qe/ShowExecutor.showCreateInternalCatalogTable.)
func (c *Cluster) shown(ctx context.Context, database, name string) (string, error) {
	target, err := qualified(database, name)
	if err != nil {
		return "", err
	}
	rows, err := c.query(ctx, "SHOW CREATE TABLE "+target)
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		for column, text := range r { // Create Table, Create View, Create Materialized View
			if strings.HasPrefix(column, "create ") && text != "" {
				return text, nil
			}
		}
	}
	return "", fmt.Errorf("SHOW CREATE TABLE %s gave no text: %w", target, cluster.ErrUnsupported)
}

// scalarOf returns one column of the only row of a statement.
func (c *Cluster) scalarOf(ctx context.Context, statement, column string) (string, error) {
	rows, err := c.query(ctx, statement)
	if err != nil {
		return "", err
	}
	if len(rows) != 1 {
		return "", errNoRow
	}
	return rows[0][column], nil
}

// placement is what it takes to put an object: nothing when do is nil.
type placement struct {
	note string
	do   func(context.Context) (note string, err error)
}

// plan finds out what PutObject has to do. It changes nothing.
func (c *Cluster) plan(ctx context.Context, o snapshot.Object, r cluster.Renaming) (placement, error) {
	switch o.Kind {
	case snapshot.View, snapshot.MaterializedView:
		return c.planView(ctx, o, r)
	case snapshot.Function:
		return c.planFunction(ctx, o, r)
	case snapshot.GlobalFunction:
		return c.planFunction(ctx, o, cluster.Renaming{}) // it has no other name; those of catalogs are not its own
	case snapshot.Catalog:
		return c.planCatalog(ctx, o, r)
	case snapshot.Role, snapshot.User:
		return c.planGrantee(ctx, o, r)
	case snapshot.ResourceGroup:
		return c.planGroup(ctx, o)
	case snapshot.Database:
		return c.planDatabase(ctx, o, r)
	}
	return placement{}, fmt.Errorf("StarRocks has no %ss: %w", o.Kind, cluster.ErrUnsupported)
}

// CheckObject plans without acting. A function or view whose definition the source did not tell whole is a note: nothing that
// is asked for here can bring it back, and the others shall come.
func (c *Cluster) CheckObject(ctx context.Context, o snapshot.Object, r cluster.Renaming) (string, error) {
	p, err := c.plan(ctx, o, r)
	if err != nil && !o.Global() && errors.Is(err, cluster.ErrRejected) {
		return "it will not be restored: " + err.Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("check %s: %w", o, err)
	}
	return p.note, nil
}

// PutObject creates an object in the place of one of its kind and name. An equal one is left alone: replacing a view would
// set the materialized views on it inactive (fe:alter/AlterJobMgr.alterView).
func (c *Cluster) PutObject(ctx context.Context, o snapshot.Object, r cluster.Renaming) (string, error) {
	p, err := c.plan(ctx, o, r)
	note := p.note
	if err == nil && p.do != nil {
		var more string
		more, err = p.do(ctx)
		note = joinNotes(note, more)
	}
	if err != nil {
		return "", fmt.Errorf("put %s: %w", o, rejection(err))
	}
	return note, nil
}

func joinNotes(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(n string) bool { return n == "" }), "; ")
}

// passing are words of answers that may be different a moment later: locks, nodes and leaders come and go.
var passing = []string{"try again", "timeout", "timed out", "lock", "alive", "leader", "too many", "busy"}

// rejection marks the answers of a server that a repeat of the same statement cannot change. A missing privilege is none of
// them: somebody can grant it.
func rejection(err error) error {
	var refused *wire.ServerError
	answered := errors.As(err, &refused)
	switch {
	case errors.Is(err, cluster.ErrRejected), errors.Is(err, cluster.ErrDenied), errors.Is(err, cluster.ErrUnreachable):
		return err
	case errors.Is(err, cluster.ErrUnknownTable), errors.Is(err, cluster.ErrUnknownDatabase), errors.Is(err, cluster.ErrExists),
		errors.Is(err, cluster.ErrUnsupported), errors.Is(err, cluster.ErrInvalidName):
		return fmt.Errorf("%w: %w", cluster.ErrRejected, err)
	case answered && !slices.ContainsFunc(passing, func(w string) bool { return strings.Contains(strings.ToLower(refused.Message), w) }):
		return fmt.Errorf("%w: %w", cluster.ErrRejected, err)
	}
	return err
}

// DropObject drops an object; no error when it is absent.
func (c *Cluster) DropObject(ctx context.Context, database string, o snapshot.Object) error {
	statement, err := dropStatement(database, o)
	if err == nil {
		err = c.exec(ctx, statement)
	}
	if err != nil && !errors.Is(err, cluster.ErrUnknownDatabase) && !errors.Is(err, cluster.ErrUnknownTable) {
		return fmt.Errorf("drop %s: %w", o, err)
	}
	return nil
}

func dropStatement(database string, o snapshot.Object) (string, error) {
	name, err := o.Name, error(nil)
	switch o.Kind {
	case snapshot.View, snapshot.MaterializedView:
		name, err = qualified(database, o.Name)
	case snapshot.Function:
		name, err = functionTarget(database, o.Name, o.Settings[signatureSetting])
	case snapshot.GlobalFunction:
		name, err = functionTarget("", o.Name, o.Settings[signatureSetting])
	case snapshot.Catalog, snapshot.Role, snapshot.ResourceGroup:
		name, err = identifier(o.Name)
	case snapshot.User: // 'user'@'host' already
	default:
		return "", fmt.Errorf("StarRocks drops no %ss: %w", o.Kind, cluster.ErrUnsupported)
	}
	return "DROP " + strings.ToUpper(string(o.Kind)) + " IF EXISTS " + name, err
}

// session begins a session that is nobody else's, and that has caught up with the leader.
func (c *Cluster) session(ctx context.Context) (*wire.Session, error) {
	s, err := c.dial(ctx)
	if err != nil || s.Ready == nil {
		return s, err
	}
	if err := s.Ready(ctx); err != nil {
		return nil, errors.Join(explain(err), s.Close())
	}
	return s, nil
}

// in runs statements one after the other in a session of its own, in a database: names without one resolve there, as they
// did where a view was made.
func (c *Cluster) in(ctx context.Context, database string, statements ...string) error {
	s, err := c.session(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if database != "" {
		name, err := identifier(database)
		if err != nil {
			return err
		}
		statements = append([]string{"USE " + name}, statements...)
	}
	for _, statement := range statements {
		if err := s.Exec(ctx, statement); err != nil {
			return explain(err)
		}
	}
	return nil
}

// describedDatabase reads what new objects of a database get by default: in a shared-data cluster, the storage volume.
func (c *Cluster) describedDatabase(ctx context.Context, database string) (snapshot.Object, error) {
	o := snapshot.Object{Kind: snapshot.Database, Name: database}
	name, err := identifier(database)
	if err != nil {
		return o, err
	}
	rows, err := c.query(ctx, "SHOW CREATE DATABASE "+name)
	if err != nil {
		return o, fmt.Errorf("read database %s: %w", database, err)
	}
	for _, r := range rows {
		o.DDL = r["create database"]
	}
	return o, nil
}

// planDatabase tells where the storage of a database is not what it was: a volume is the cluster's own, and is not made here.
func (c *Cluster) planDatabase(ctx context.Context, o snapshot.Object, r cluster.Renaming) (placement, error) {
	have, err := c.describedDatabase(ctx, r.To)
	if errors.Is(err, cluster.ErrUnknownDatabase) {
		return placement{}, nil
	}
	was, is := databaseProperties(o.DDL), databaseProperties(have.DDL)
	if err != nil || was == is {
		return placement{}, err
	}
	return placement{note: fmt.Sprintf("it was created with %s and is %s here", orNothing(was), orNothing(is))}, nil
}

func databaseProperties(ddl string) string {
	_, properties, _ := strings.Cut(ddl, "PROPERTIES ")
	return strings.TrimSpace(properties)
}

func orNothing(properties string) string {
	if properties == "" {
		return "without properties"
	}
	return properties
}

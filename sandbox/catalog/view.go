package catalog

import (
	"maps"
	"slices"
	"strings"
	"time"

	"starkeep/sandbox/dialect"
)

// View is a logical view.
type View struct {
	Database, Name string
	ID             int64
	Columns        []dialect.Column
	Comment        string
	Invoker        bool   // SECURITY INVOKER: whoever reads it needs privileges on what is under it
	Original       string // the query as it was written
	Analysed       string // the query with all names in full
	Bases          []Base // what it reads itself
	Created        time.Time
}

// Base is a table, view or materialized view under a view. It is remembered by its id: names move.
type Base struct {
	ID   int64
	Name dialect.ObjectName
	Kind string // TABLE, VIEW, MATERIALIZED VIEW
}

// CreateView creates a view, or with replace gives one that exists another query; its SECURITY stays then
// (fe:server/LocalMetastore.createView, fe:sql/ast/AlterViewStmt.fromReplaceStmt).
func (c *Catalog) CreateView(v View, ifNotExists, replace bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.database(v.Database)
	if err != nil {
		return err
	}
	if !validTable(v.Name) {
		return fail(1104, "42000", "Incorrect table name '%s'", v.Name)
	}
	if d.taken(v.Name) {
		switch {
		case ifNotExists:
			return nil
		case replace:
			return c.alterView(d, v)
		}
		return tableExists(v.Name)
	}
	v.ID, v.Created = c.newID(), time.Now()
	d.views[v.Name] = &v
	return nil
}

// AlterView gives a view another query. Its comment goes (fe:alter/AlterJobExecutor.visitAlterViewClause).
func (c *Catalog) AlterView(v View) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.database(v.Database)
	if err != nil {
		return err
	}
	return c.alterView(d, v)
}

func (c *Catalog) alterView(d *database, v View) error {
	old, err := d.viewToAlter(v.Name)
	if err != nil {
		return err
	}
	v.ID, v.Created, v.Invoker = old.ID, old.Created, old.Invoker
	d.views[v.Name] = &v
	c.inactivate(v.ID, "base-view changed: "+v.Name)
	return nil
}

// SetViewSecurity performs ALTER VIEW … SET SECURITY.
func (c *Catalog) SetViewSecurity(name dialect.ObjectName, invoker bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.database(name.Database)
	if err != nil {
		return err
	}
	old, err := d.viewToAlter(name.Name)
	if err != nil {
		return err
	}
	v := *old
	v.Invoker = invoker
	d.views[name.Name] = &v
	return nil
}

func (d *database) viewToAlter(name string) (*View, error) {
	if v, ok := d.views[name]; ok {
		return v, nil
	}
	if _, ok := d.tables[name]; ok {
		return nil, Analyzing("The specified table [%s] is not a view", name)
	}
	return nil, Analyzing("Table %s is not found", name)
}

// DropView drops a view.
func (c *Catalog) DropView(name dialect.ObjectName, ifExists bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.database(name.Database)
	if err != nil {
		return err
	}
	v, ok := d.views[name.Name]
	if !ok {
		if t, isTable := d.tables[name.Name]; isTable {
			return t.wrongKind(d, "VIEW")
		}
		if ifExists {
			return nil
		}
		return unknownTable(name.Name)
	}
	delete(d.views, name.Name)
	c.inactivate(v.ID, "base-table dropped: "+v.Name)
	return nil
}

// wrongKind is the error of DROP TABLE or DROP VIEW for something else (fe:sql/analyzer/DropStmtAnalyzer).
func (t *table) wrongKind(d *database, wanted string) error {
	if t.mv != nil {
		return Analyzing("The data of '%s' cannot be dropped because '%s' is a materialized view,use 'drop materialized view %s' to drop it.",
			t.name, t.name, t.name)
	}
	return wrongObject(d.name, t.name, wanted)
}

func wrongObject(database, name, wanted string) error {
	return fail(1347, "HY000", "'%s'.'%s' is not '%s'", database, name, wanted)
}

// Views returns the views of a database, sorted by name.
func (c *Catalog) Views(databaseName string) []View {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, ok := c.databases[databaseName]
	if !ok {
		return nil
	}
	var views []View
	for _, name := range slices.Sorted(maps.Keys(d.views)) {
		views = append(views, *d.views[name])
	}
	return views
}

// View returns a view.
func (c *Catalog) View(name dialect.ObjectName) (View, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if d, ok := c.databases[name.Database]; ok {
		if v, ok := d.views[name.Name]; ok {
			return *v, true
		}
	}
	return View{}, false
}

// Columns returns the columns of a table, view or materialized view.
func (c *Catalog) Columns(name dialect.ObjectName) ([]dialect.Column, error) {
	if v, ok := c.View(name); ok {
		return v.Columns, nil
	}
	t, err := c.Table(name)
	if err != nil {
		return nil, err
	}
	return t.Def.Columns, nil
}

// Bases finds the objects of these names, and what is under those that are views, each once.
func (c *Catalog) Bases(names []dialect.ObjectName) []Base {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var bases []Base
	for due := slices.Clone(names); len(due) > 0; due = due[1:] {
		b, ok := c.base(due[0])
		if !ok || slices.ContainsFunc(bases, func(have Base) bool { return have.ID == b.ID }) {
			continue
		}
		bases = append(bases, b)
		if b.Kind == "VIEW" {
			for _, under := range c.databases[b.Name.Database].views[b.Name.Name].Bases {
				due = append(due, under.Name)
			}
		}
	}
	return bases
}

func (c *Catalog) base(name dialect.ObjectName) (Base, bool) {
	d, ok := c.databases[name.Database]
	if !ok {
		return Base{}, false
	}
	if v, ok := d.views[name.Name]; ok {
		return Base{v.ID, name, "VIEW"}, true
	}
	t, ok := d.tables[name.Name]
	if !ok {
		return Base{}, false
	}
	return Base{t.id, name, t.kind()}, true
}

// kind is the kind of object that privileges on the table are for.
func (t *table) kind() string {
	if t.mv != nil {
		return "MATERIALIZED VIEW"
	}
	return "TABLE"
}

// Kind tells what an object is: TABLE, VIEW, MATERIALIZED VIEW, or "" when there is none of that name.
func (c *Catalog) Kind(name dialect.ObjectName) string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	b, _ := c.base(name)
	return b.Kind
}

// DDL returns what SHOW CREATE VIEW prints (fe:sql/analyzer/AstToStringBuilder.getDdlStmt). Since early 2026 that is the
// query as it was written (fe:catalog/View.getInlineViewDefWithoutCredential); before, the analysed one.
func (v View) DDL(analysed bool) string {
	columns := make([]string, len(v.Columns))
	for i, column := range v.Columns {
		columns[i] = viewColumn(column)
	}
	text := "CREATE VIEW `" + v.Name + "` (" + strings.Join(columns, ", ") + ")"
	if v.Comment != "" {
		text += "\nCOMMENT \"" + escape(v.Comment) + `"`
	}
	security := "NONE"
	if v.Invoker {
		security = "INVOKER"
	}
	return text + " SECURITY " + security + " AS " + v.Definition(analysed) + ";"
}

// Definition is the query as information_schema.views prints it (fe:catalog/View.getDDLViewDef).
func (v View) Definition(analysed bool) string {
	if analysed {
		return v.Analysed
	}
	return v.Original
}

func viewColumn(c dialect.Column) string {
	if c.Comment == "" {
		return "`" + c.Name + "`"
	}
	return "`" + c.Name + "` COMMENT \"" + escape(c.Comment) + `"`
}

func (d *database) taken(name string) bool {
	_, isTable := d.tables[name]
	_, isView := d.views[name]
	return isTable || isView
}

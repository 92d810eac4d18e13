package starrocks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// describedView reads the definition of a view or materialized view. Names without a database in it were of the database
// that its creator's session was in, which the definition does not tell. Where the query as it was analysed shows that
// another database was meant, that text is kept.
func (c *Cluster) describedView(ctx context.Context, database, name string) (*viewText, error) {
	ddl, err := c.shown(ctx, database, name)
	if err != nil {
		return nil, err
	}
	v, err := parseView(ddl)
	if err != nil || !v.unqualified() || v.readsFiles() {
		return v, err
	}
	read := c.dumpedQuery
	if v.materialized {
		read = c.analysedQuery
	}
	analysed, err := read(ctx, database, name)
	if err != nil {
		return nil, err
	}
	a, err := parseView(ddl[:v.query[0].start] + analysed)
	if err != nil || analysed == "" || sameUses(v.uses(database), a.uses(database)) {
		return v, nil // as typed; also where the other text cannot be read
	}
	return a, nil
}

// analysedQuery reads the query of a materialized view as it was analysed: SHOW CREATE VIEW prints it
// (fe:analyzer/AstToStringBuilder.getDdlStmt).
func (c *Cluster) analysedQuery(ctx context.Context, database, name string) (string, error) {
	target, err := qualified(database, name)
	if err != nil {
		return "", err
	}
	ddl, err := c.scalarOf(ctx, "SHOW CREATE VIEW "+target, "create view")
	if err != nil {
		return "", err
	}
	v, err := parseView(ddl)
	if err != nil || len(v.query) == 0 {
		return "", nil // as typed, then
	}
	return ddl[v.query[0].start:], nil
}

// dumpedQuery reads the query of a view as it was analysed, which no SHOW prints of a view. The plan of a query over it holds
// it: get_query_dump plans and runs nothing, and answers JSON in which view_meta has the text by database.view
// (fe:sql/optimizer/dump/QueryDumper, QueryDumpSerializer; docs get_query_dump.md). It is empty where that cannot be had: the
// function is unknown, the view is broken, or the cluster hides names in dumps (enable_desensitize_query_dump). Not verified on
// a real server.
func (c *Cluster) dumpedQuery(ctx context.Context, database, name string) (string, error) {
	target, err := qualified(database, name)
	if err != nil {
		return "", err
	}
	text, err := c.scalarOf(ctx, "SELECT get_query_dump("+wire.String("SELECT * FROM "+target+" LIMIT 1")+") AS dump", "dump")
	if isRejection(err) || errors.Is(err, cluster.ErrDenied) || errors.Is(err, errNoRow) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read what names without a database mean: %w", err)
	}
	var dump struct {
		Views map[string]string `json:"view_meta"`
	}
	if json.Unmarshal([]byte(text), &dump) != nil { // its error would quote a text that may hold credentials of FILES()
		return "", nil
	}
	return dump.Views[database+"."+name], nil
}

// unqualified tells whether a query names a table without its database. One that cannot be read may.
func (v *viewText) unqualified() bool {
	q, err := parseQuery(v.query)
	return err != nil || slices.ContainsFunc(q.tables, func(t tableName) bool { return len(t.parts) == 1 })
}

// readsFiles tells whether a query may read FILES(): only the text as it was typed is printed without credentials.
func (v *viewText) readsFiles() bool {
	return slices.ContainsFunc(v.query, func(l lexeme) bool { return l.is("FILES") })
}

func sameUses(a, b [][2]string) bool {
	within := func(a, b [][2]string) bool {
		return !slices.ContainsFunc(a, func(u [2]string) bool { return !slices.Contains(b, u) })
	}
	return within(a, b) && within(b, a)
}

// planView puts a view or materialized view from its text.
func (c *Cluster) planView(ctx context.Context, o snapshot.Object, r cluster.Renaming) (placement, error) {
	v, err := parseView(o.DDL)
	if err != nil {
		return placement{}, err
	}
	name := o.Name
	if to, ok := r.Tables[name]; ok {
		name = to
	}
	if q, err := parseQuery(v.query); err == nil && q.masked {
		return placement{}, fmt.Errorf("the cluster it came from does not tell the credentials that its FILES() is read with: create it by hand: %w", cluster.ErrRejected)
	}
	var notes []string
	if v.materialized {
		p, err := c.place(ctx)
		if err != nil {
			return placement{}, err
		}
		if v, notes, err = v.fitted(p); err != nil {
			return placement{}, err
		}
	}
	statement, err := v.statement(name, r)
	if err != nil {
		return placement{}, err
	}
	have, err := c.liveView(ctx, r.To, name, v.materialized)
	if err != nil {
		return placement{}, err
	}
	lacks, err := c.lacking(ctx, o)
	if err != nil {
		return placement{}, err
	}
	notes = append(notes, lacks)
	p := viewPlan{o: o, renaming: r, database: r.To, name: name, text: v, statement: statement, have: have}
	if v.materialized {
		return placement{note: joinNotes(notes...), do: func(ctx context.Context) (string, error) { return c.putMaterialized(ctx, p) }}, nil
	}
	if p.equal() {
		return placement{}, nil
	}
	return placement{note: joinNotes(notes...), do: func(ctx context.Context) (string, error) { return "", c.putView(ctx, p) }}, nil
}

// viewPlan is a view to be put.
type viewPlan struct {
	o              snapshot.Object
	renaming       cluster.Renaming
	database, name string
	text           *viewText
	statement      string    // that creates it under its name
	have           *viewText // what has the name now; nil: nothing
}

// equal tells whether what is there is what shall be.
func (p viewPlan) equal() bool {
	if p.have == nil {
		return false
	}
	have, err := p.have.statement(p.name, cluster.Renaming{From: p.database, To: p.database})
	return err == nil && have == p.statement
}

// liveView reads what has the name of a view now, nil when there is nothing. ErrExists: it is of another kind.
func (c *Cluster) liveView(ctx context.Context, database, name string, materialized bool) (*viewText, error) {
	ddl, err := c.shown(ctx, database, name)
	if errors.Is(err, cluster.ErrUnknownTable) || errors.Is(err, cluster.ErrUnknownDatabase) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for %s.%s: %w", database, name, err)
	}
	v, err := parseView(ddl)
	if err != nil || v.materialized != materialized {
		return nil, fmt.Errorf("%s.%s is there and of another kind: %w", database, name, cluster.ErrExists)
	}
	return v, nil
}

// putView creates or replaces a view. OR REPLACE sets columns, comment and query (ALTER VIEW would lose the comment,
// fe:alter/AlterJobExecutor.visitAlterViewClause), but not the security, which has a statement of its own.
func (c *Cluster) putView(ctx context.Context, p viewPlan) error {
	if p.have == nil {
		return c.in(ctx, p.database, p.statement)
	}
	statements := []string{"CREATE OR REPLACE" + strings.TrimPrefix(p.statement, "CREATE")}
	if p.text.security != p.have.security && p.text.security != "" {
		target, err := qualified(p.database, p.name)
		if err != nil {
			return err
		}
		statements = append(statements, "ALTER VIEW "+target+" SET SECURITY "+p.text.security)
	}
	return c.in(ctx, p.database, statements...)
}

// materializedState is a row of information_schema.materialized_views.
type materializedState struct {
	active     bool
	reason     string // why it is not
	refresh    string // state of the last refresh: SUCCESS, FAILED, …
	failure    string
	definition string
}

// Settings of a materialized view.
const (
	activeSetting = snapshot.ActiveSetting
	reasonSetting = "inactive_reason"
)

func (s *materializedState) settings() map[string]string {
	switch {
	case s == nil:
		return nil
	case s.active:
		return map[string]string{activeSetting: "true"}
	}
	return map[string]string{activeSetting: "false", reasonSetting: s.reason}
}

// materialized reads the asynchronous materialized views of a database, or of all, or one, by {database, name}. Views whose
// base tables the user may not read are not among them (fe:service/InformationSchemaDataSource, docs
// SHOW_MATERIALIZED_VIEW.md). Those of REFRESH_TYPE ROLLUP are synchronous: indexes of their table.
func (c *Cluster) materialized(ctx context.Context, database, name string) (map[[2]string]*materializedState, error) {
	statement := "SELECT TABLE_SCHEMA, TABLE_NAME, REFRESH_TYPE, IS_ACTIVE, INACTIVE_REASON, LAST_REFRESH_STATE, LAST_REFRESH_ERROR_MESSAGE, MATERIALIZED_VIEW_DEFINITION FROM information_schema.materialized_views"
	if database != "" {
		statement += " WHERE TABLE_SCHEMA = " + wire.String(database)
	}
	if name != "" {
		statement += " AND TABLE_NAME = " + wire.String(name)
	}
	rows, err := c.query(ctx, statement)
	if err != nil {
		return nil, fmt.Errorf("list materialized views: %w", err)
	}
	all := make(map[[2]string]*materializedState, len(rows))
	for _, r := range rows {
		if !strings.EqualFold(r["refresh_type"], "ROLLUP") {
			all[[2]string{r["table_schema"], r["table_name"]}] = &materializedState{
				active: strings.EqualFold(r["is_active"], "true"), reason: r["inactive_reason"], refresh: r["last_refresh_state"],
				failure: r["last_refresh_error_message"], definition: r["materialized_view_definition"],
			}
		}
	}
	return all, nil
}

package starrocks

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// A table has further indexes that its DDL does not show: rollups, and synchronous materialized views. DESC … ALL lists
// both; SHOW CREATE MATERIALIZED VIEW prints the statement that made a view, as it was written, and for a rollup one that
// was never written and may not even be SQL (fe:ShowMaterializedViewStatus.buildCreateMVSql).

// index is an index of a table as DESC … ALL prints it.
type index struct {
	name    string
	columns []string
	keys    []string
}

// indexes lists the indexes of a table, the base index first (fe:ShowStmtAnalyzer.descInternalCatalogTable): an empty row
// stands between two, and the first row of each carries its name.
func (c *Cluster) indexes(ctx context.Context, database, table string) ([]index, error) {
	name, err := qualified(database, table)
	if err != nil {
		return nil, err
	}
	rows, err := c.query(ctx, "DESC "+name+" ALL")
	if err != nil {
		return nil, fmt.Errorf("list indexes of %s.%s: %w", database, table, err)
	}
	var list []index
	for _, r := range rows {
		if r["field"] == "" {
			continue
		}
		if n := r["indexname"]; n != "" {
			list = append(list, index{name: n})
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("list indexes of %s.%s: the first has no name: %w", database, table, errDDL)
		}
		i := &list[len(list)-1]
		i.columns = append(i.columns, r["field"])
		if strings.EqualFold(r["key"], "true") || strings.EqualFold(r["key"], "yes") {
			i.keys = append(i.keys, r["field"])
		}
	}
	return list, nil
}

// rolled tells whether a table of the database may have rollups. The list has them under refresh type ROLLUP, but not those
// of shared-data clusters (fe:MaterializedViewsSystemTable.listMaterializedViews).
func (c *Cluster) rolled(ctx context.Context, database string, configs map[string]tableConfig) (bool, error) {
	for _, config := range configs {
		if config.engine == cloudNative {
			return true, nil
		}
	}
	rows, err := c.query(ctx, "SELECT TABLE_NAME FROM information_schema.materialized_views WHERE TABLE_SCHEMA = "+
		wire.String(database)+" AND REFRESH_TYPE = 'ROLLUP'")
	if err != nil {
		return false, fmt.Errorf("look for rollups in %s: %w", database, err)
	}
	return len(rows) > 0, nil
}

// rollups describes the further indexes of a table.
func (c *Cluster) rollups(ctx context.Context, database string, t snapshot.Table) ([]snapshot.Rollup, error) {
	list, err := c.indexes(ctx, database, t.Name)
	if err != nil {
		return nil, err
	}
	var found []snapshot.Rollup
	for _, i := range list[min(1, len(list)):] {
		ddl, err := c.viewStatement(ctx, database, t.Name, i)
		if err == nil && ddl == "" {
			ddl, err = addRollup(t, i)
		} else if err == nil {
			ddl, err = retarget(ddl, t.Name, i.name, "")
		}
		if err != nil {
			return nil, fmt.Errorf("rollup %s: %w", i.name, err)
		}
		found = append(found, snapshot.Rollup{Name: i.name, DDL: ddl})
	}
	return found, nil
}

// viewStatement returns the statement that made a synchronous materialized view, "" for a rollup. SHOW CREATE finds the first
// index of a name in the database, but indexes of several tables may have one name: the list has them all, though statements
// in it have lost their line ends (fe:ShowMaterializedViewStatus.of).
func (c *Cluster) viewStatement(ctx context.Context, database, table string, i index) (string, error) {
	name, err := qualified(database, i.name)
	if err != nil {
		return "", err
	}
	rows, err := c.query(ctx, "SELECT MATERIALIZED_VIEW_DEFINITION FROM information_schema.materialized_views WHERE TABLE_SCHEMA = "+
		wire.String(database)+" AND TABLE_NAME = "+wire.String(i.name)+" AND REFRESH_TYPE = 'ROLLUP'")
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if i.neverWritten(table).MatchString(r["materialized_view_definition"]) {
			return "", nil
		}
	}
	if len(rows) > 1 {
		return "", fmt.Errorf("other tables of %s have an index of this name, and the statement of one only is told; ALTER TABLE … RENAME ROLLUP tells them apart: %w", database, cluster.ErrUnsupported)
	}
	rows, err = c.query(ctx, "SHOW CREATE MATERIALIZED VIEW "+name)
	if errors.Is(err, cluster.ErrUnknownTable) {
		return "", nil // of a shared-data cluster: not found by its name
	}
	if err != nil {
		return "", err
	}
	if len(rows) != 1 {
		return "", fmt.Errorf("SHOW CREATE MATERIALIZED VIEW gave %d rows: %w", len(rows), cluster.ErrUnsupported)
	}
	text := rows[0]["create materialized view"]
	if i.neverWritten(table).MatchString(text) {
		return "", nil
	}
	return text, nil
}

// neverWritten matches what is printed for a rollup (fe:ShowMaterializedViewStatus.buildCreateMVSql): its keys, and its other
// columns each in the name of an aggregation. Columns of a view have names that say where they come from, which no statement
// that was written uses.
func (i index) neverWritten(table string) *regexp.Regexp {
	keys := regexp.QuoteMeta(strings.Join(i.keys, ","))
	form := "(?s)^create materialized view " + regexp.QuoteMeta(i.name) + " as select " + keys
	for _, c := range i.columns {
		if !slices.Contains(i.keys, c) {
			form += `,?[A-Za-z_]+\(` + regexp.QuoteMeta(c) + `\)`
		}
	}
	return regexp.MustCompile(form + ",? from " + regexp.QuoteMeta(table) + " group by " + keys + "$")
}

// addRollup is the statement that makes a rollup.
func addRollup(t snapshot.Table, i index) (string, error) {
	table, err := identifier(t.Name)
	if err != nil {
		return "", err
	}
	name, err := identifier(i.name)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(i.columns, func(c string) bool { return strings.HasPrefix(c, "mv_") }) {
		// columns of an expression (fe:MVUtils.getMVColumnName), so it is a view whose statement nobody tells
		return "", fmt.Errorf("the statement of a synchronous materialized view cannot be read: %w", cluster.ErrUnsupported)
	}
	columns, err := nameList(i.columns)
	if err != nil {
		return "", err
	}
	statement := "ALTER TABLE " + table + " ADD ROLLUP " + name + " (" + columns + ")"
	if t.Model == "DUPLICATE" && len(i.keys) > 0 {
		keys, err := nameList(i.keys)
		if err != nil {
			return "", err
		}
		statement += " DUPLICATE KEY (" + keys + ")"
	}
	return statement, nil
}

// retarget changes the statement of a rollup: the index's name, and its table, which the statement may name as it was called
// before. With a database both are qualified.
func retarget(ddl, table, name, database string) (string, error) {
	tokens, err := written(ddl)
	if err != nil {
		return "", err
	}
	newTable, err := inDatabase(database, table)
	if err != nil {
		return "", err
	}
	c := &cursor{tokens: tokens}
	if c.accept("ALTER", "TABLE") {
		old, _ := qualifiedName(c)
		if !c.accept("ADD", "ROLLUP") {
			return "", fmt.Errorf("not an ADD ROLLUP: %w", errDDL)
		}
		newName, err := identifier(name)
		return apply(ddl, []edit{{old, newTable}, {span{c.peek().start, c.peek().end}, newName}}), err
	}
	if !c.accept("CREATE", "MATERIALIZED", "VIEW") {
		return "", fmt.Errorf("not a CREATE MATERIALIZED VIEW: %w", errDDL)
	}
	c.accept("IF", "NOT", "EXISTS")
	newName, err := inDatabase(database, name)
	if err != nil {
		return "", err
	}
	oldName, oldNames := qualifiedName(c)
	if len(oldNames) == 0 {
		return "", fmt.Errorf("no name: %w", errDDL)
	}
	var edits []edit
	if database != "" || oldNames[len(oldNames)-1] != name {
		edits = append(edits, edit{oldName, newName})
	}
	for depth := 0; c.at < len(tokens) && (depth > 0 || !c.accept("FROM")); { // FROM within brackets is EXTRACT's
		switch t := c.take(); {
		case t.sign("("), t.sign("["), t.sign("{"):
			depth++
		case t.sign(")"), t.sign("]"), t.sign("}"):
			depth--
		}
	}
	from := c.at
	oldTable, names := qualifiedName(c)
	if len(names) == 0 {
		return "", fmt.Errorf("no FROM: %w", errDDL)
	}
	if database == "" && names[len(names)-1] == table {
		return apply(ddl, edits), nil
	}
	for i := range tokens {
		if i == from {
			edits = append(edits, edit{oldTable, newTable})
		} else if at, ok := qualifies(tokens, i, names); ok && (i < from || i >= c.at) {
			edits = append(edits, edit{at, newTable})
		}
	}
	return apply(ddl, edits), nil
}

// written cuts a statement that somebody wrote: it may hold comments, which tokenize does not know.
func written(ddl string) ([]token, error) {
	all, err := lex(ddl)
	if err != nil {
		return nil, err
	}
	kinds := map[lexemeKind]tokenKind{wordLexeme: wordToken, numberLexeme: wordToken, quotedLexeme: nameToken, stringLexeme: textToken, markLexeme: signToken}
	tokens := make([]token, len(all))
	for i, l := range all {
		tokens[i] = token{kinds[l.kind], l.text, l.start, l.end}
	}
	return tokens, nil
}

// qualifies tells whether a table of these names stands at token i before the name of a column, as in t.c or db.t.c.
func qualifies(tokens []token, i int, names []string) (span, bool) {
	if i > 0 && tokens[i-1].sign(".") {
		return span{}, false
	}
	c := &cursor{tokens: tokens, at: i}
	all, found := qualifiedName(c)
	table := names[len(names)-1]
	if len(found) < 2 || len(found) > 3 || found[len(found)-2] != table || len(found) == 3 && len(names) == 2 && found[0] != names[0] {
		return span{}, false
	}
	all.end = tokens[c.at-3].end // without the dot and the column
	return all, true
}

// qualifiedName takes names parted by dots.
func qualifiedName(c *cursor) (at span, names []string) {
	at.start = c.peek().start
	for c.peek().kind == wordToken || c.peek().kind == nameToken {
		t := c.take()
		at.end = t.end
		names = append(names, t.text)
		if !c.peek().sign(".") {
			break
		}
		c.take()
	}
	return at, names
}

func inDatabase(database, name string) (string, error) {
	if database == "" {
		return identifier(name)
	}
	return qualified(database, name)
}

// buildRollups makes the indexes of t on its shadow and waits until they hold its rows. The name of a synchronous
// materialized view must be new in its database when it is created (fe:MaterializedViewHandler.checkAndPrepareMaterializedView),
// but only new in its table when it is renamed (fe:LocalMetastore.renameRollup). So it is created under a name that nobody
// has, and gets its own before the shadow takes the place of the table whose view has it still.
func (c *Cluster) buildRollups(ctx context.Context, database string, t snapshot.Table, shadow string) error {
	if len(t.Rollups) == 0 {
		return nil
	}
	if _, err := c.awaitRollups(ctx, database, shadow); err != nil { // of an attempt that went on alone
		return err
	}
	have, err := c.indexes(ctx, database, shadow)
	if err != nil {
		return err
	}
	for _, r := range t.Rollups {
		if err := c.buildRollup(ctx, database, r, shadow, have); err != nil {
			return fmt.Errorf("build rollup %s: %w", r.Name, err)
		}
	}
	return nil
}

// builtPrefix begins the name of a synchronous materialized view that has not got its own yet.
const builtPrefix = "__starkeep_"

func (c *Cluster) buildRollup(ctx context.Context, database string, r snapshot.Rollup, shadow string, have []index) error {
	is := func(name string) bool {
		return slices.ContainsFunc(have, func(i index) bool { return i.name == name })
	}
	if is(r.Name) {
		return nil
	}
	table, err := qualified(database, shadow)
	if err != nil {
		return err
	}
	name, temporary := r.Name, shadow+"_"+r.Name // unique, because the shadow's name is
	if !strings.HasPrefix(temporary, builtPrefix) {
		temporary = builtPrefix + temporary
	}
	if !strings.HasPrefix(r.DDL, "ALTER TABLE ") {
		name = temporary
	}
	if !is(temporary) {
		statement, err := retarget(r.DDL, shadow, name, database)
		if err != nil {
			return err
		}
		if err := c.exec(ctx, statement); err != nil {
			return err
		}
		job, err := c.awaitRollups(ctx, database, shadow)
		if err != nil {
			return err
		}
		if job["state"] == "CANCELLED" {
			return fmt.Errorf("the cluster cancelled alter job %s: %s", job["jobid"], job["msg"])
		}
	}
	if name == r.Name {
		return nil
	}
	lists, err := nameList([]string{temporary, r.Name})
	if err != nil {
		return err
	}
	return c.exec(ctx, "ALTER TABLE "+table+" RENAME ROLLUP "+strings.Replace(lists, ", ", " ", 1))
}

// awaitRollups waits until no index of a table is being built, and returns what became of the last job.
func (c *Cluster) awaitRollups(ctx context.Context, database, table string) (record, error) {
	name, err := identifier(database)
	if err != nil {
		return nil, err
	}
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		rows, err := c.query(ctx, "SHOW ALTER TABLE ROLLUP FROM "+name+" WHERE TableName = "+wire.String(table))
		if err != nil {
			return nil, fmt.Errorf("look for alter jobs of %s.%s: %w", database, table, err)
		}
		var last record
		running := false
		for _, r := range rows {
			running = running || r["state"] != "FINISHED" && r["state"] != "CANCELLED"
			if last == nil || len(r["jobid"]) > len(last["jobid"]) || len(r["jobid"]) == len(last["jobid"]) && r["jobid"] > last["jobid"] {
				last = r // ids grow
			}
		}
		if !running {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for alter jobs of %s.%s: %w", database, table, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

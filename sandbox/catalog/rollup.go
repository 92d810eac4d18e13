package catalog

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"starkeep/sandbox/dialect"
)

// rollup is a further index of a table: a rollup or a synchronous materialized view. It is visible when the job that
// builds it is over.
type rollup struct {
	id      int64
	name    string
	model   string // DUPLICATE, AGGREGATE, …
	columns []dialect.Column
	text    string // the statement of a synchronous materialized view, as it was written
	job     alterJob
}

// alterJob builds a rollup. Nothing runs: its state follows from the time.
type alterJob struct {
	id      int64
	number  int64 // among the rollups of the catalog
	created time.Time
	takes   time.Duration
}

func (j alterJob) state(now time.Time) string {
	switch passed := now.Sub(j.created); {
	case passed < j.takes/3:
		return "PENDING"
	case passed < j.takes:
		return "RUNNING"
	}
	return "FINISHED"
}

// tabletSpacing keeps the tablets of rollups apart from those of the base index: the n-th rollup of a catalog has the tablets
// of the base index, moved by n times that.
const tabletSpacing = 1 << 44

// JobInfo is a row of SHOW ALTER TABLE ROLLUP.
type JobInfo struct {
	ID, RollupID  int64
	Table, Rollup string
	Created       time.Time
	Finished      time.Time // zero while it runs
	State         string
}

// RollupInfo is a rollup at one moment.
type RollupInfo struct {
	ID      int64
	Name    string
	Model   string
	Columns []dialect.Column
	Text    string // of a synchronous materialized view; else empty
	Tablets int64  // what is added to the id of a tablet of the base index
}

// busy refuses to change a table while a rollup of it is built (fe:common/InvalidOlapTableStateException).
func (t *table) busy() error {
	for _, r := range t.rollups {
		if r.job.state(time.Now()) != "FINISHED" {
			return ddl("A materialized view or rollup index is being created on the table %s. Please wait until the current operation completes. "+
				"To check the status of the operation, see https://docs.starrocks.io/docs/sql-reference/sql-statements/materialized_view/SHOW_ALTER_MATERIALIZED_VIEW or "+
				"https://docs.starrocks.io/docs/sql-reference/sql-statements/table_bucket_part_index/SHOW_ALTER", t.name)
		}
	}
	return nil
}

// index returns a rollup by name.
func (t *table) index(name string) *rollup {
	for _, r := range t.rollups {
		if strings.EqualFold(r.name, name) {
			return r
		}
	}
	return nil
}

func (c *Catalog) startRollup(t *table, r *rollup) {
	c.lastRollup++
	r.id = c.newID()
	r.job = alterJob{id: c.newID(), number: c.lastRollup, created: time.Now(), takes: c.alterDelay}
	t.rollups = append(slices.Clone(t.rollups), r)
}

// addRollup is ALTER TABLE … ADD ROLLUP (fe:alter/MaterializedViewHandler.checkAndPrepareMaterializedView).
func (c *Catalog) addRollup(t *table, a dialect.AddRollup) error {
	switch {
	case len(t.temporary) > 0:
		return ddl("Can not alter table when there are temp partitions in table")
	case strings.EqualFold(a.Name, t.name):
		return ddl("Rollup name should be different with base table:%s", t.name)
	case t.index(a.Name) != nil:
		return ddl("Rollup index[%s] already exists", a.Name)
	}
	r := &rollup{name: a.Name, model: t.def.Model}
	values, replaces, keys := false, false, 0
	for i, name := range a.Columns {
		at := columnIndex(t.def.Columns, name)
		if at < 0 {
			return ddl("Column[%s] does not exist in base index", name)
		}
		column := t.def.Columns[at]
		if t.def.Model == dialect.Duplicate {
			column.Key = i < len(a.Keys) || a.Keys == nil && i < 3 && keyable(column.Type) && i == keys
			if i < len(a.Keys) && !strings.EqualFold(a.Keys[i], name) {
				return ddl("Duplicate keys should be the prefix of rollup columns")
			}
		}
		if column.Key && values {
			return ddl("Invalid column order. value should be after key")
		}
		if column.Key {
			keys++
		}
		values = values || !column.Key
		replaces = replaces || strings.HasPrefix(column.Aggregation, "REPLACE")
		r.columns = append(r.columns, column)
	}
	switch {
	case keys == 0 && t.def.Model == dialect.Duplicate:
		return ddl("Data type of first column cannot be %s", r.columns[0].Type)
	case keys == 0:
		return ddl("No key column is found")
	case t.def.Model == dialect.Unique && keys != len(t.def.Keys):
		return ddl("Rollup should contains all unique keys in basetable")
	case replaces && keys != len(t.def.Keys):
		return ddl("Rollup should contains all keys if there is a REPLACE value")
	case t.def.Model == dialect.Primary:
		return ddl("Do not support add rollup on primary key table[%s]", t.name)
	}
	c.startRollup(t, r)
	return nil
}

// CreateSynchronousView adds a synchronous materialized view to its table (fe:sql/analyzer/CreateSyncMVStmtAnalyzer,
// fe:alter/MaterializedViewHandler). Its name must be new in the database and in the indexes of all its tables.
func (c *Catalog) CreateSynchronousView(s *dialect.CreateMaterializedView, base dialect.ObjectName, items []dialect.QueryItem) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, t, err := c.table(base)
	if err != nil {
		return err
	}
	if err := t.busy(); err != nil {
		return err
	}
	taken := d.taken(s.Name.Name)
	for _, other := range d.tables {
		taken = taken || other.index(s.Name.Name) != nil
	}
	switch {
	case taken && s.IfNotExists:
		return nil
	case t.index(s.Name.Name) != nil:
		return ddl("Materialized view[%s] already exists in the table %s", s.Name.Name, t.name)
	case taken:
		return ddl("Table [%s] already exists in the db %s", s.Name.Name, d.name)
	case t.mv != nil || t.def.Model == dialect.Primary:
		return Analyzing("Do not support creating synchronous materialized view on primary key table or materialized view: %s", t.name)
	case len(t.temporary) > 0:
		return ddl("Can not alter table when there are temp partitions in table")
	}
	r := &rollup{name: s.Name.Name, model: dialect.Duplicate, text: s.Text}
	for _, item := range items {
		column, err := synchronousColumn(t, item.Expr)
		if err != nil {
			return err
		}
		if column.Aggregation != "" {
			r.model = dialect.Aggregate
		}
		r.columns = append(r.columns, column)
	}
	for i := range r.columns {
		r.columns[i].Key = r.columns[i].Aggregation == "" && (r.model == dialect.Aggregate || i < 3)
	}
	c.startRollup(t, r)
	return nil
}

// synchronousColumn is a column of a synchronous materialized view: one of the table, or an aggregate of one or of an
// expression over it (fe:sql/optimizer/rule/mv/MVUtils.getMVAggColumnName).
func synchronousColumn(t *table, e *dialect.Expr) (dialect.Column, error) {
	if e == nil {
		return dialect.Column{}, Analyzing("The materialized view currently does not support * in select statement")
	}
	name := ""
	e.EachColumn(func(c *dialect.Expr) { name = cmp.Or(name, c.LastName()) })
	at := columnIndex(t.def.Columns, name)
	if at < 0 {
		return dialect.Column{}, Analyzing("Column '%s' cannot be resolved", name)
	}
	base := t.def.Columns[at]
	column := dialect.Column{Name: base.Name, Type: base.Type, Nullable: base.Nullable}
	if e.Kind == dialect.ColumnExpr {
		return column, nil
	}
	aggregation, known := map[string]string{"sum": "SUM", "min": "MIN", "max": "MAX", "count": "SUM", "bitmap_union": "BITMAP_UNION", "hll_union": "HLL_UNION",
		"percentile_union": "PERCENTILE_UNION"}[e.Text]
	if e.Kind != dialect.CallExpr || !known {
		return column, Analyzing("Materialized view does not support this function: %s", e.Text)
	}
	column.Name, column.Aggregation = "mv_"+e.Text+"_"+base.Name, aggregation
	switch {
	case e.Text == "count":
		column.Type, column.Nullable = dialect.Type{Name: "BIGINT"}, false
	case e.Text == "sum" && base.Type.Integer() && base.Type.Name != "LARGEINT":
		column.Type = dialect.Type{Name: "BIGINT"}
	case e.Text == "sum" && base.Type.Name == "DECIMAL":
		column.Type.Precision = max(38, base.Type.Precision)
	case e.Text == "sum" && base.Type.Name == "FLOAT":
		column.Type = dialect.Type{Name: "DOUBLE"}
	case strings.HasSuffix(e.Text, "_union"):
		column.Type, column.Nullable = dialect.Type{Name: strings.ToUpper(strings.TrimSuffix(e.Text, "_union"))}, false
	}
	return column, nil
}

func (t *table) dropRollup(name string) error {
	r := t.index(name)
	if r == nil {
		return ddl("Rollup[%s] does not exist in table[%s]", name, t.name)
	}
	t.rollups = slices.DeleteFunc(slices.Clone(t.rollups), func(x *rollup) bool { return x == r })
	return nil
}

// renameRollup needs the name to be new in the table alone, and leaves the statement of a synchronous materialized view
// (fe:server/LocalMetastore.renameRollup).
func (t *table) renameRollup(from, to string) error {
	r := t.index(from)
	switch {
	case r == nil:
		return ddl("Rollup index[%s] does not exists", from)
	case strings.EqualFold(from, to):
		return ddl("Same rollup name")
	case t.index(to) != nil || strings.EqualFold(t.name, to):
		return ddl("Rollup name[%s] is already used", to)
	}
	renamed := *r
	renamed.name = to
	t.rollups = slices.Clone(t.rollups)
	t.rollups[slices.Index(t.rollups, r)] = &renamed
	return nil
}

// DropSynchronousView drops a synchronous materialized view by its name alone; found is false when there is none.
func (c *Catalog) DropSynchronousView(name dialect.ObjectName) (found bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.database(name.Database)
	if err != nil {
		return false, err
	}
	for _, t := range d.tables {
		if t.index(name.Name) != nil {
			return true, t.dropRollup(name.Name)
		}
	}
	return false, nil
}

// AlterJobs returns the jobs that built, or build, the rollups of a database's tables, oldest first.
func (c *Catalog) AlterJobs(database string) ([]JobInfo, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, err := c.database(database)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var jobs []JobInfo
	for _, t := range d.tables {
		for _, r := range t.rollups {
			j := JobInfo{ID: r.job.id, RollupID: r.id, Table: t.name, Rollup: r.name, Created: r.job.created, State: r.job.state(now)}
			if j.State == "FINISHED" {
				j.Finished = j.Created.Add(r.job.takes)
			}
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, func(a, b JobInfo) int { return cmp.Compare(a.ID, b.ID) })
	return jobs, nil
}

// visibleRollups are those whose jobs are over.
func (t *table) visibleRollups() (list []RollupInfo) {
	now := time.Now()
	for _, r := range t.rollups {
		if r.job.state(now) == "FINISHED" {
			list = append(list, RollupInfo{ID: r.id, Name: r.name, Model: r.model, Columns: r.columns, Text: r.text, Tablets: r.job.number * tabletSpacing})
		}
	}
	return list
}

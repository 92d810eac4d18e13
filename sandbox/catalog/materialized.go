package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"starkeep/sandbox/dialect"
)

// materialized is what makes a table a materialized view. It is never changed in place, but replaced.
type materialized struct {
	original, analysed string
	partition          []string
	refresh            dialect.Refresh
	bases              []Base
	active             bool
	reason             string
	creator            string
	refreshed          map[int64]int64 // versions of the physical partitions under it at the last refresh; nil: refresh all
	runs               []TaskRun
}

// TaskRun is one refresh.
type TaskRun struct {
	QueryID  string
	State    string // PENDING, RUNNING, SUCCESS, FAILED, SKIPPED
	Force    bool
	Error    string
	Created  time.Time
	Finished time.Time
}

// MaterializedInfo is a materialized view at one moment.
type MaterializedInfo struct {
	Original, Analysed string
	Refresh            dialect.Refresh
	Bases              []Base
	Active             bool
	Reason             string
	Creator            string
	Runs               []TaskRun // youngest last
}

// NewMaterialized is a materialized view to be created.
type NewMaterialized struct {
	Statement *dialect.CreateMaterializedView // its name in full
	Columns   []dialect.Column
	Analysed  string
	Bases     []Base
	Creator   string
}

// CreateMaterializedView creates an asynchronous materialized view, empty. It tells whether one was created.
func (c *Catalog) CreateMaterializedView(n NewMaterialized) (created bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := n.Statement
	d, err := c.database(s.Name.Database)
	if err != nil {
		return false, Analyzing("Can not find database:%s in default_catalog", s.Name.Database)
	}
	if !validTable(s.Name.Name) {
		return false, fail(1104, "42000", "Incorrect table name '%s'", s.Name.Name)
	}
	if d.taken(s.Name.Name) {
		if s.IfNotExists {
			return false, nil
		}
		return false, tableExists(s.Name.Name)
	}
	if err := c.checkBases(n.Bases); err != nil {
		return false, err
	}
	t, err := c.newMaterialized(n)
	if err != nil {
		return false, err
	}
	d.tables[t.name] = t
	return true, nil
}

// checkBases refuses what a materialized view cannot stand on (fe:sql/analyzer/MaterializedViewAnalyzer).
func (c *Catalog) checkBases(bases []Base) error {
	if len(bases) == 0 {
		return Analyzing("Can not find base table in query statement")
	}
	for _, b := range bases {
		if _, t := c.tableByID(b.ID); t != nil && t.mv != nil && !t.mv.active {
			return Analyzing("Create/Rebuild materialized view from inactive materialized view: %s", t.name)
		}
	}
	return nil
}

// minRefreshInterval is materialized_view_min_refresh_interval (fe:common/Config).
const minRefreshInterval = time.Minute

func (c *Catalog) newMaterialized(n NewMaterialized) (*table, error) {
	s := n.Statement
	refresh := dialect.Refresh{Manual: true} // DISTRIBUTED BY without REFRESH (fe:sql/parser/AstBuilder)
	if s.Refresh != nil {
		refresh = *s.Refresh
	}
	if err := checkInterval(refresh); err != nil {
		return nil, err
	}
	def := &dialect.CreateTable{Name: s.Name, Columns: slices.Clone(n.Columns), Model: dialect.Duplicate, Comment: s.Comment, Hash: s.Hash,
		Buckets: s.Buckets, OrderBy: s.OrderBy, Properties: maps.Clone(s.Properties)}
	if def.Properties == nil {
		def.Properties = map[string]string{}
	}
	for _, key := range s.OrderBy {
		if columnIndex(def.Columns, key) < 0 {
			return nil, Analyzing("Unknown column '%s' in order by clause", key)
		}
	}
	if err := materializedPartition(def, s.Partition); err != nil {
		return nil, err
	}
	mv := &materialized{original: s.Query, analysed: n.Analysed, partition: s.Partition, refresh: refresh, bases: n.Bases, active: true, creator: n.Creator}
	t := &table{id: c.newID(), name: s.Name.Name, created: time.Now(), mv: mv}
	if def.Properties["replication_num"] == "" {
		def.Properties["replication_num"] = c.replicasOf(n.Bases)
	}
	delete(def.Properties, "warehouse")
	def.Properties["replicated_storage"] = cmp.Or(def.Properties["replicated_storage"], "true")
	for _, name := range def.Hash {
		if columnIndex(def.Columns, name) < 0 {
			return nil, Analyzing("Distribution column(%s) doesn't exist", name)
		}
	}
	if err := c.modeProperties(c.databases[s.Name.Database], def); err != nil {
		return nil, err
	}
	delete(def.Properties, "cloud_native_fast_schema_evolution_v2") // of tables only
	t.def = def
	return t, c.createPartitions(t)
}

func checkInterval(r dialect.Refresh) error {
	units := map[string]time.Duration{"": 0, "SECOND": time.Second, "MINUTE": time.Minute, "HOUR": time.Hour, "DAY": 24 * time.Hour}
	if every := time.Duration(r.Step) * units[r.Unit]; r.Unit != "" && every < minRefreshInterval {
		return ddl("Refresh schedule interval %d is too small which may cost a lot of memory/cpu resources to refresh the asynchronous "+
			"materialized view, please config an interval larger than Config.materialized_view_min_refresh_interval(60s).", int64(every.Seconds()))
	}
	return nil
}

// materializedPartition sets how refreshes partition the rows.
func materializedPartition(def *dialect.CreateTable, expressions []string) error {
	if len(expressions) == 0 {
		return nil
	}
	by, err := dialect.ParsePartitionBy(expressions)
	if err != nil {
		return err
	}
	for _, name := range by.Columns {
		if columnIndex(def.Columns, name) < 0 {
			return Analyzing("Materialized view partition exp: `%s` must related to column", name)
		}
	}
	def.Partition = by
	return nil
}

// replicasOf is the number of replicas that is taken when none is given: the largest of the tables under it
// (fe:sql/analyzer/MaterializedViewAnalyzer.autoInferReplicationNum).
func (c *Catalog) replicasOf(bases []Base) string {
	most := 1
	for _, b := range bases {
		if _, t := c.tableByID(b.ID); t != nil {
			if n, err := strconv.Atoi(t.def.Properties["replication_num"]); err == nil {
				most = max(most, n)
			}
		}
	}
	return strconv.Itoa(most)
}

func (c *Catalog) tableByID(id int64) (*database, *table) {
	for _, d := range c.databases {
		for _, t := range d.tables {
			if t.id == id {
				return d, t
			}
		}
	}
	return nil, nil
}

// inactivate sets every materialized view over an object inactive, and those over them, with the server's reasons
// (fe:alter/AlterMVJobExecutor.inactiveRelatedMaterializedViewsRecursive). Called with the catalog locked.
func (c *Catalog) inactivate(id int64, reason string) {
	for _, d := range c.databases {
		for _, t := range d.tables {
			if t.mv != nil && t.mv.reads(id) {
				c.setInactive(t, reason, true, map[int64]bool{})
			}
		}
	}
}

func (m *materialized) reads(id int64) bool {
	return slices.ContainsFunc(m.bases, func(b Base) bool { return b.ID == id })
}

func (c *Catalog) setInactive(t *table, reason string, forget bool, visited map[int64]bool) {
	if visited[t.id] {
		return
	}
	visited[t.id] = true
	mv := *t.mv
	mv.active, mv.reason = false, reason
	if forget {
		mv.refreshed = nil
	}
	t.mv = &mv
	for _, d := range c.databases {
		for _, over := range d.tables {
			if over.mv != nil && over.mv.reads(t.id) {
				c.setInactive(over, "base-mv inactive: "+t.name, forget, visited)
			}
		}
	}
}

// manualReason is the reason of ALTER MATERIALIZED VIEW … INACTIVE (fe:alter/AlterJobMgr).
const manualReason = "user use alter materialized view set status to inactive"

// materializedView finds a materialized view for ALTER.
func (c *Catalog) materializedView(name dialect.ObjectName) (*database, *table, error) {
	d, err := c.database(name.Database)
	if err != nil {
		return nil, nil, Analyzing("Database %s is not found", name.Database)
	}
	t, ok := d.tables[name.Name]
	if !ok && d.views[name.Name] == nil {
		return nil, nil, Analyzing("Materialized view %s.%s is not found", name.Database, name.Name)
	}
	if !ok || t.mv == nil {
		return nil, nil, Analyzing("The specified table [%s.%s] is not a view", name.Database, name.Name)
	}
	return d, t, nil
}

// AlterMaterializedView performs RENAME, SWAP WITH, SET, REFRESH and INACTIVE.
func (c *Catalog) AlterMaterializedView(a *dialect.AlterMaterializedView) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, t, err := c.materializedView(a.Name)
	if err != nil {
		return err
	}
	mv := *t.mv
	switch x := a.Clause.(type) {
	case dialect.Swap:
		return c.swap(d, t, x.With)
	case dialect.Rename: // does not touch what stands on it (fe:alter/AlterMVJobExecutor.visitTableRenameClause)
		if d.taken(x.To) {
			return Analyzing("Materialized view [%s] is already used", x.To)
		}
		delete(d.tables, t.name)
		t.setName(x.To)
		d.tables[x.To] = t
		return nil
	case dialect.SetProperties:
		t.putProperties(x.Properties)
		return nil
	case dialect.Refresh:
		if err := checkInterval(x); err != nil {
			return err
		}
		x.Deferred = mv.refresh.Deferred
		mv.refresh = x
		t.mv = &mv
		return nil
	case dialect.Activation:
		if !bool(x) && mv.active {
			c.setInactive(t, manualReason, false, map[int64]bool{})
		}
		return nil
	}
	return ddl("Unsupported alter clause")
}

// Activate makes an inactive materialized view active again over these bases.
func (c *Catalog) Activate(name dialect.ObjectName, bases []Base) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, t, err := c.materializedView(name)
	if err != nil {
		return err
	}
	if err := c.checkBases(bases); err != nil {
		return err
	}
	mv := *t.mv
	mv.active, mv.reason, mv.bases = true, "", bases
	t.mv = &mv
	return nil
}

// DropMaterializedView drops a materialized view.
func (c *Catalog) DropMaterializedView(name dialect.ObjectName, ifExists bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.database(name.Database)
	if err != nil {
		return err
	}
	t, ok := d.tables[name.Name]
	if !ok || t.mv == nil {
		if ifExists && !ok {
			return nil
		}
		return Analyzing("Materialized view %s is not found", name.Name)
	}
	delete(d.tables, name.Name)
	c.inactivate(t.id, "base-table dropped: "+t.name)
	return nil
}

// MaterializedDDL prints a materialized view as SHOW CREATE MATERIALIZED VIEW does (fe:catalog/MaterializedView.getMaterializedViewDdlStmt).
// With analysed the query is the one with names in full, as before 4.0.2, and a schedule is called ASYNC, as before 2026.
func (t TableInfo) MaterializedDDL(analysed bool) string {
	var b strings.Builder
	columns := make([]string, len(t.Def.Columns))
	for i, c := range t.Def.Columns {
		columns[i] = viewColumn(c)
	}
	b.WriteString("CREATE MATERIALIZED VIEW `" + t.Name + "` (" + strings.Join(columns, ", ") + ")")
	if t.Comment != "" {
		b.WriteString("\nCOMMENT \"" + escape(t.Comment) + `"`)
	}
	switch by := t.Def.Partition; by.Kind {
	case dialect.ListColumns:
		b.WriteString("\nPARTITION BY (" + quoted(by.Columns, ",") + ")")
	case dialect.RangeExpression:
		b.WriteString("\nPARTITION BY (" + by.Expression + ")")
	}
	b.WriteString("\nDISTRIBUTED BY " + t.Def.DistributionText())
	if t.Def.OrderBy != nil {
		b.WriteString("\nORDER BY (" + strings.Join(t.Def.OrderBy, ",") + ")")
	}
	b.WriteString("\nREFRESH " + refreshText(t.MV.Refresh, analysed) + "\nPROPERTIES (\n")
	for _, key := range slices.Sorted(maps.Keys(t.Def.Properties)) {
		if key != "storage_medium" {
			b.WriteString(`"` + key + `" = "` + escape(t.Def.Properties[key]) + "\",\n")
		}
	}
	if t.Def.Properties["storage_volume"] != "" { // of a shared-data cluster (fe:lake/LakeMaterializedView.appendUniqueProperties)
		b.WriteString("\"warehouse\" = \"default_warehouse\"\n)\nAS ")
	} else {
		b.WriteString(`"storage_medium" = "` + cmp.Or(t.Def.Properties["storage_medium"], "HDD") + "\"\n)\nAS ")
	}
	if analysed {
		return b.String() + t.MV.Analysed + ";"
	}
	return b.String() + t.MV.Original + ";"
}

func refreshText(r dialect.Refresh, older bool) string {
	text := "ASYNC"
	switch {
	case r.Manual:
		text = "MANUAL"
	case r.Unit != "" && !older:
		text = "SCHEDULE"
	}
	if r.Deferred {
		text = "DEFERRED " + text
	}
	if r.Start != "" {
		text += ` START("` + r.Start + `")`
	}
	if r.Unit != "" {
		text += " EVERY(INTERVAL " + strconv.FormatInt(r.Step, 10) + " " + r.Unit + ")"
	}
	return text
}

// ManuallyInactive tells whether a user made it inactive: then the server does not activate it by itself.
func (m *MaterializedInfo) ManuallyInactive() bool { return m.Reason == manualReason }

// ObjectByID finds a table or view under the name that it has now.
func (c *Catalog) ObjectByID(id int64) (Base, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, d := range c.databases {
		for _, v := range d.views {
			if v.ID == id {
				return Base{id, dialect.ObjectName{Database: d.name, Name: v.Name}, "VIEW"}, true
			}
		}
	}
	if d, t := c.tableByID(id); t != nil {
		return Base{id, dialect.ObjectName{Database: d.name, Name: t.name}, t.kind()}, true
	}
	return Base{}, false
}

package sqlserver

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

func (x *session) createMaterialized(ctx context.Context, s *dialect.CreateMaterializedView) error {
	s.Name = x.qualify(s.Name)
	if err := x.known(s.Name.Database, "CREATE MATERIALIZED VIEW"); err != nil {
		return err
	}
	if s.Synchronous() {
		return x.createSynchronous(s)
	}
	d, columns, err := x.analyse(ctx, s.Query, x.database, s.Columns)
	if err != nil {
		return err
	}
	created, err := x.server.catalog.CreateMaterializedView(catalog.NewMaterialized{Statement: s, Columns: columns, Analysed: d.Text,
		Bases: x.server.catalog.Bases(d.Tables), Creator: x.identity()})
	if err != nil || !created {
		return err
	}
	// A new one is refreshed at once, also a manual one, unless it says DEFERRED (fe:server/LocalMetastore.createTaskForMaterializedView).
	if s.Refresh == nil || !s.Refresh.Deferred {
		x.server.refresh(s.Name, false)
	}
	return nil
}

func (x *session) alterMaterialized(ctx context.Context, s *dialect.AlterMaterializedView) error {
	s.Name = x.qualify(s.Name)
	if err := x.may("ALTER", s.Name); err != nil {
		return err
	}
	if s.Clause != dialect.Activation(true) {
		return x.server.catalog.AlterMaterializedView(s)
	}
	t, err := x.server.catalog.Table(s.Name)
	if err != nil || t.MV == nil { // told by its own words
		return x.server.catalog.AlterMaterializedView(s)
	}
	if t.MV.Active {
		return nil
	}
	if err := x.activate(ctx, s.Name, t); err != nil {
		return err
	}
	if !t.MV.Refresh.Manual {
		x.server.refresh(s.Name, false)
	}
	return nil
}

// activate analyses the query of a materialized view again, on behalf of root (fe:alter/AlterJobMgr.prepareAlterMaterializedViewStatus).
func (x *session) activate(ctx context.Context, name dialect.ObjectName, t catalog.TableInfo) error {
	var list []dialect.ViewColumn
	for _, c := range t.Def.Columns {
		list = append(list, dialect.ViewColumn{Name: c.Name})
	}
	return x.nested(true, func() error {
		d, columns, err := x.analyse(ctx, t.MV.Analysed, name.Database, list)
		if err != nil {
			return catalog.Analyzing("Can not active materialized view [%s] because analyze materialized view define sql: \n\n%s\n\nCause an error: %s",
				t.Name, t.MaterializedDDL(true), strings.TrimSuffix(err.Error(), "."))
		}
		for i, c := range columns {
			if have := t.Def.Columns[i].Type; c.Type.Name != have.Name {
				return catalog.Analyzing("Can not active materialized view [%s] because analyze materialized view define sql: \n\n%s\n\nCause an error: "+
					"column schema not compatible: (%s) and (%s)", t.Name, t.MaterializedDDL(true), have, c.Type)
			}
		}
		return x.server.catalog.Activate(name, x.server.catalog.Bases(d.Tables))
	})
}

func (x *session) refreshMaterialized(s *dialect.RefreshMaterializedView, callback mysql.ResultSpoolFn) error {
	s.Name = x.qualify(s.Name)
	if err := x.may("REFRESH", s.Name); err != nil {
		return err
	}
	if x.server.catalog.Kind(s.Name) != "MATERIALIZED VIEW" {
		return &catalog.Error{Code: 1064, State: "HY000", Text: s.Name.Name + " is not a materialized view"}
	}
	run, wait := x.server.refresh(s.Name, s.Force)
	if s.Sync {
		if err := wait(); err != nil {
			return err
		}
	}
	return rows(callback, []string{"QUERY_ID"}, [][]any{{run}})
}

// refresh starts a refresh in the background. wait returns when it is over, with its error.
func (s *Server) refresh(name dialect.ObjectName, force bool) (queryID string, wait func() error) {
	run := catalog.TaskRun{QueryID: newQueryID(), State: "RUNNING", Force: force, Created: time.Now()}
	s.catalog.RecordRun(name, run)
	done := make(chan error, 1)
	s.tasks.Go(func() {
		s.refreshing.Lock()
		defer s.refreshing.Unlock()
		skipped, err := newInternal(s).refreshRows(context.Background(), name, force)
		run.State, run.Finished = "SUCCESS", time.Now()
		switch {
		case err != nil:
			run.State, run.Error = "FAILED", err.Error()
		case skipped:
			run.State = "SKIPPED"
		}
		s.catalog.RecordRun(name, run)
		done <- err
	})
	return run.QueryID, func() error { return <-done }
}

func newQueryID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// refreshRows puts the rows of the query in the place of those of the materialized view. One that is inactive is made
// active first, unless a user made it inactive (fe:scheduler/MVTaskRunProcessor, MVActiveChecker.tryToActivate).
func (x *session) refreshRows(ctx context.Context, name dialect.ObjectName, force bool) (skipped bool, err error) {
	c := x.server.catalog
	t, err := c.Table(name)
	if err != nil {
		return false, err
	}
	if !t.MV.Active && !t.MV.ManuallyInactive() {
		// Why it could not be activated is not told: the error below names the reason why it is inactive.
		_ = x.activate(ctx, name, t)
	}
	x.database = name.Database
	mv, versions, done, err := c.BeginRefresh(name, force)
	if err != nil || done && mv.Active {
		return done, err
	}
	if !mv.Active {
		return false, &catalog.Error{Code: 1064, State: "HY000", Text: fmt.Sprintf("Materialized view: %s/%d is not active due to %s.", name.Name, t.ID, mv.Reason)}
	}
	computed, err := x.compute(ctx, mv.Analysed)
	if err != nil {
		return false, err
	}
	if _, err := c.Insert(catalog.Insertion{Table: name, Overwrite: true, System: true, Rows: computed.rows, Types: computed.types}); err != nil {
		return false, err
	}
	c.EndRefresh(name, versions)
	return false, nil
}

// follow refreshes what follows its tables whenever these have changed, until the server is closed.
func (s *Server) follow() {
	for {
		select {
		case <-s.stopped:
			return
		case <-s.catalog.Changes():
			for _, name := range s.catalog.Stale() {
				s.refresh(name, false)
			}
		}
	}
}

// newInternal returns a session of the server itself, as root.
func newInternal(s *Server) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &session{BaseSession: sql.NewBaseSessionWithClientServer("", sql.Client{User: "root"}, 0), server: s, variables: map[string]string{}, trusted: true}
	for name, value := range s.globals {
		x.variables[name] = value
	}
	return x
}

func (x *session) materializedRows(o only) (list []sql.Row) {
	x.eachTable(o, func(t catalog.TableInfo) {
		if t.MV == nil {
			return
		}
		cells := x.materializedCells(t, x.moment)
		row := make(sql.Row, 0, len(cells))
		list = append(list, append(row, cells...))
	})
	return append(list, x.synchronousRows(o)...)
}

// materializedCells are the columns of SHOW MATERIALIZED VIEWS, which are also those of information_schema.materialized_views
// (fe:qe/ShowMaterializedViewStatus). Times are printed by moment.
func (x *session) materializedCells(t catalog.TableInfo, moment func(time.Time) string) []any {
	var last catalog.TaskRun
	if n := len(t.MV.Runs); n > 0 {
		last = t.MV.Runs[n-1]
	}
	at := func(t time.Time) any {
		if t.IsZero() {
			return ""
		}
		return moment(t)
	}
	duration, code := "0.000", ""
	if !last.Finished.IsZero() {
		duration, code = strconv.FormatFloat(last.Finished.Sub(last.Created).Seconds(), 'f', 3, 64), "0"
	}
	if last.Error != "" {
		code = "-1"
	}
	kind := "ASYNC"
	if t.MV.Refresh.Manual {
		kind = "MANUAL"
	}
	var count int64
	for _, p := range t.Partitions {
		count += p.Rows()
	}
	extra := ""
	if last.QueryID != "" {
		extra = `{"queryIds":["` + last.QueryID + `"],"isManual":true,"isSync":false,"isReplay":false,"priority":80,"lastTaskRunState":"` + last.State + `"}`
	}
	return []any{t.ID, t.Database, t.Name, kind, strconv.FormatBool(t.MV.Active), t.MV.Reason, partitionType(t.Def.Partition.Kind), t.ID + 1, taskName(t),
		at(last.Created), at(last.Finished), duration, last.State, strconv.FormatBool(last.Force), "", "", "", "", code, last.Error,
		count, t.MaterializedDDL(x.server.node.AnalysedText), extra, "VALID", t.MV.Creator, at(last.Created), last.QueryID, at(last.Finished)}
}

func taskName(t catalog.TableInfo) string { return "mv-" + formatInt(t.ID) }

func partitionType(k dialect.PartitionKind) string {
	switch k {
	case dialect.RangeExpression:
		return "EXPR_RANGE"
	case dialect.ListColumns:
		return "LIST"
	}
	return "UNPARTITIONED"
}

// showMaterializedViews leaves out those over tables that the user may not read (fe:qe/ShowExecutor.visitShowMaterializedViewStatement).
func (x *session) showMaterializedViews(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	database := cmp.Or(s.From.Database, x.database)
	if _, err := x.server.catalog.DatabaseID(database); err != nil {
		return err
	}
	var cells [][]any
	for _, t := range x.server.catalog.Tables(database) {
		for _, row := range x.synchronousCells(t) {
			if name := row[2].(string); like(s.Like, name) && (s.Where["name"] == "" || like(s.Where["name"], name)) && x.visible(database, t.Name) {
				cells = append(cells, row)
			}
		}
		if t.MV != nil && like(s.Like, t.Name) && (s.Where["name"] == "" || like(s.Where["name"], t.Name)) && x.visible(database, t.Name) && x.readable(t.MV.Bases) {
			cells = append(cells, x.materializedCells(t, func(m time.Time) string { return m.In(shanghai).Format(time.DateTime) }))
		}
	}
	return rows(callback, strings.Fields("id database_name name refresh_type is_active inactive_reason partition_type task_id task_name "+
		"last_refresh_start_time last_refresh_finished_time last_refresh_duration last_refresh_state last_refresh_force_refresh "+
		"last_refresh_start_partition last_refresh_end_partition last_refresh_base_refresh_partitions last_refresh_mv_refresh_partitions "+
		"last_refresh_error_code last_refresh_error_message rows text extra_message query_rewrite_status creator last_refresh_process_time "+
		"last_refresh_job_id last_refresh_time"), cells)
}

func (x *session) readable(bases []catalog.Base) bool {
	for _, b := range bases {
		if b.Kind != "VIEW" && x.server.catalog.Kind(b.Name) != "" && x.may("SELECT", b.Name) != nil {
			return false
		}
	}
	return true
}

func (x *session) taskRows(only) (list []sql.Row) {
	x.eachTable(only{}, func(t catalog.TableInfo) {
		if t.MV == nil {
			return
		}
		schedule := "EVENT_TRIGGERED"
		if r := t.MV.Refresh; r.Manual {
			schedule = "MANUAL"
		} else if r.Unit != "" {
			schedule = fmt.Sprintf("PERIODICAL START(%s) EVERY(%d %sS)", strings.ReplaceAll(r.Start, " ", "T"), r.Step, r.Unit)
		}
		list = append(list, sql.Row{taskName(t), x.moment(t.Created), schedule, "default_catalog", t.Database, taskText(t), nil, "('mvId'='" + formatInt(t.ID) + "')", t.MV.Creator})
	})
	return list
}

func taskText(t catalog.TableInfo) string {
	return "insert overwrite `" + t.Name + "` " + t.MV.Analysed
}

func (x *session) taskRunRows(only) (list []sql.Row) {
	x.eachTable(only{}, func(t catalog.TableInfo) {
		if t.MV == nil {
			return
		}
		for _, r := range t.MV.Runs {
			code, finished, progress := int64(0), any(nil), "0%"
			if r.Error != "" {
				code = -1
			}
			if !r.Finished.IsZero() {
				finished, progress = x.moment(r.Finished), "100%"
			}
			list = append(list, sql.Row{r.QueryID, taskName(t), x.moment(r.Created), finished, r.State, "default_catalog", "default_warehouse", t.Database, taskText(t),
				nil, code, r.Error, progress, "", `{"mvId":"` + formatInt(t.ID) + `","FORCE":"` + strconv.FormatBool(r.Force) + `"}`, r.QueryID, x.moment(r.Created)})
		}
	})
	return list
}

// dependencyRows is sys.object_dependencies: materialized views only (fe:catalog/system/sys/SysObjectDependencies). A base
// that is gone keeps its name, and its type is UNKNOWN.
func (x *session) dependencyRows(only) (list []sql.Row) {
	x.eachTable(only{}, func(t catalog.TableInfo) {
		if t.MV == nil {
			return
		}
		for _, b := range t.MV.Bases {
			now, ok := x.server.catalog.ObjectByID(b.ID)
			kind := "UNKNOWN"
			if ok {
				b.Name, kind = now.Name, x.engineOf(now.Kind)
			}
			list = append(list, sql.Row{t.ID, t.Name, t.Database, "default_catalog", x.engineOf("MATERIALIZED VIEW"), b.ID, b.Name.Name, b.Name.Database, "default_catalog", kind})
		}
	})
	return list
}

// engineOf is the TABLE_ENGINE of a kind of object.
func (x *session) engineOf(kind string) string {
	switch kind {
	case "VIEW":
		return "VIEW"
	case "MATERIALIZED VIEW":
		kind = "MATERIALIZED_VIEW"
		if x.server.catalog.SharedData() {
			kind = "CLOUD_NATIVE_MATERIALIZED_VIEW"
		}
		return kind
	}
	if x.server.catalog.SharedData() {
		return "CLOUD_NATIVE"
	}
	return "OLAP"
}

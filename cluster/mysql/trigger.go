package mysql

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// triggers reads the triggers of tables, in the order in which they fire.
func (c *Cluster) triggers(ctx context.Context, database string, tables []string) ([]snapshot.Object, error) {
	rows, err := c.query(ctx, "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = "+literal(database)+
		" ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER")
	if err != nil {
		return nil, fmt.Errorf("list triggers of %s: %w", database, err)
	}
	var list []snapshot.Object
	for _, r := range rows {
		if tables != nil && !slices.Contains(tables, r["event_object_table"]) {
			continue
		}
		o := snapshot.Object{Kind: snapshot.Trigger, Name: r["trigger_name"], Table: r["event_object_table"]}
		if err := c.showCreate(ctx, database, &o); err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return list, nil
}

// sameTrigger tells whether two triggers do the same, whatever tables they are on.
func sameTrigger(a, b snapshot.Object) bool {
	x, err := headless(a)
	if err != nil {
		return false
	}
	y, err := headless(b)
	return err == nil && x == y && a.Settings["sql_mode"] == b.Settings["sql_mode"]
}

// headless is a trigger's definition without its table.
func headless(o snapshot.Object) (string, error) {
	ts, err := tokensIn(o.Settings["sql_mode"], o.DDL)
	if err != nil {
		return "", err
	}
	first, last, ok := nameAfter(ts, "ON")
	if !ok {
		return "", errForm
	}
	return splice(o.DDL, ts[first], ts[last], "?"), nil
}

// createTrigger creates a trigger on a table, which is locked or not.
func (s *session) createTrigger(ctx context.Context, database, table string, o snapshot.Object) error {
	statement, err := triggerStatement(o.Settings["sql_mode"], o.DDL, database, table)
	if err != nil {
		return fmt.Errorf("create trigger %s: %w", o.Name, err)
	}
	if _, err := s.under(ctx, o, statement); err != nil {
		return fmt.Errorf("create trigger %s: %w", o.Name, err)
	}
	return nil
}

// triggerStatement puts a trigger on another table. FOLLOWS and PRECEDES are left off: triggers are created in the order
// in which they fire.
func triggerStatement(mode, ddl, database, table string) (string, error) {
	ts, err := tokensIn(mode, ddl)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(ts, func(t token) bool { return t.is("ROW") })
	if at < 0 {
		return "", errForm
	}
	if at+2 < len(ts) && (ts[at+1].is("FOLLOWS") || ts[at+1].is("PRECEDES")) {
		end := at + 2
		if end+2 < len(ts) && ts[end+1].is(".") {
			end += 2
		}
		ddl = splice(ddl, ts[at+1], ts[end], "")
	}
	first, last, ok := nameAfter(ts[:at], "ON")
	if !ok {
		return "", errForm
	}
	ddl = splice(ddl, ts[first], ts[last], quoted(database)+"."+quoted(table))
	first, last, ok = nameAfter(ts[:at], "TRIGGER")
	if !ok {
		return "", errForm
	}
	return splice(ddl, ts[first], ts[last], quoted(database)+"."+quoted(ts[last].name(ddl))), nil
}

// renamedAll rewrites the names in definitions; nil changes nothing.
func renamedAll(objects []snapshot.Object, r *cluster.Renaming) ([]snapshot.Object, error) {
	if r == nil {
		return objects, nil
	}
	list := make([]snapshot.Object, len(objects))
	for i, o := range objects {
		ddl, err := rewritten(o.Settings["sql_mode"], o.DDL, *r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o, err)
		}
		o.DDL = ddl
		list[i] = o
	}
	return list, nil
}

// under runs the statement that creates an object under the settings that it was created under, and returns a note where
// that is not possible.
func (s *session) under(ctx context.Context, o snapshot.Object, statement string) (note string, err error) {
	set := []string{"sql_mode = " + literal(o.Settings["sql_mode"])}
	if zone := o.Settings["time_zone"]; zone != "" {
		set = append(set, "time_zone = "+literal(zone))
	}
	client := o.Settings["character_set_client"]
	switch {
	case client == "":
	case isASCII(statement) || strings.HasPrefix(client, "utf8"): // the bytes are the same
		set = append(set, "character_set_client = "+client)
	default:
		note = fmt.Sprintf("it is created under character_set_client utf8mb4 instead of %s", client)
	}
	if collation := o.Settings["collation_connection"]; collation != "" {
		set = append(set, "collation_connection = "+collation)
	}
	if err := s.exec(ctx, "SET "+strings.Join(set, ", ")); err != nil {
		return "", fmt.Errorf("set what it was created under: %w", err)
	}
	err = s.exec(ctx, statement)
	if err == nil && o.Kind == snapshot.Event {
		var over string
		over, err = s.overNote(ctx)
		note = joinNotes(note, over)
	}
	if rerr := s.exec(ctx, "SET NAMES utf8mb4, sql_mode = "+literal(sqlMode)+", time_zone = '+00:00'"); err == nil {
		err = rerr
	}
	return note, err
}

// Notes with which a server takes an event whose time is over (MySQL "Server Error Message Reference").
const (
	eventDropped  = 1588 // ON COMPLETION NOT PRESERVE
	eventDisabled = 1544
)

// overNote tells what the server made of an event that the session has just created: no error says that it is not there.
func (s *session) overNote(ctx context.Context) (string, error) {
	rows, err := s.query(ctx, "SHOW WARNINGS")
	for _, r := range rows {
		switch r["code"] {
		case strconv.Itoa(eventDropped):
			return "its time is over, and the server keeps no such event: it is not there", err
		case strconv.Itoa(eventDisabled):
			return "its time is over: the server has disabled it", err
		}
	}
	return "", err
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

package mysqldata

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"starkeep/tests/session"
)

// Digest tells everything about a database that a restore has to bring back: the key names an object and what of it
// ("table t", "rows t", "history t" for system-versioned tables, "trigger g", …), the value is what the server prints,
// without the database's own name. Two databases are the same if their digests are equal. Nothing else may write.
func Digest(t testing.TB, db *sql.DB, database string) map[string]string {
	t.Helper()
	in := open(t, db, database)
	defer in.Close()
	d := digest{Session: in, database: database, found: map[string]string{}}
	d.database_()
	for _, row := range d.rows("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = DATABASE()") {
		d.table(*row[0], *row[1])
	}
	d.triggers()
	for _, kind := range []string{"FUNCTION", "PROCEDURE", "PACKAGE", "PACKAGE BODY"} {
		d.objects(kind, "SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() AND routine_type = '"+kind+"'")
	}
	d.objects("EVENT", "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE()")
	d.order()
	return d.found
}

type digest struct {
	session.Session
	database string
	found    map[string]string
}

func (d *digest) rows(statement string, args ...any) [][]*string {
	d.T.Helper()
	_, rows := d.Query(statement, args...)
	return rows
}

// put removes the database's name from what the server prints: quoted as in views, bare as in its own column.
func (d *digest) put(key, text string) {
	text = strings.ReplaceAll(text, Quote(d.database)+".", "")
	d.found[key] = strings.ReplaceAll(text, Quote(d.database), "`database`")
}

func (d *digest) database_() {
	d.put("database", *d.rows("SHOW CREATE DATABASE " + Quote(d.database))[0][1])
}

func (d *digest) table(name, kind string) {
	switch kind {
	case "VIEW":
		d.show("VIEW", name)
	case "SEQUENCE":
		d.show("SEQUENCE", name)
		d.found["state of sequence "+name] = print(d.rows("SELECT next_not_cached_value, cycle_count FROM " + Quote(name))[0])
	default:
		d.show("TABLE", name)
		columns := d.columns(name)
		d.found["rows "+name] = d.content(name, "", columns)
		if kind == "SYSTEM VERSIONED" {
			d.found["history "+name] = d.content(name, " FOR SYSTEM_TIME ALL", append(columns, d.period(name)...))
		}
	}
}

// columns returns an expression for each column that is exact as text, the invisible ones included. Those that the
// server fills with the time of a row's version belong to the history.
func (d *digest) columns(table string) []string {
	var exact []string
	for _, c := range d.rows(`SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?
		AND COALESCE(generation_expression, '') NOT IN ('ROW START', 'ROW END') ORDER BY ordinal_position`, table) {
		name := Quote(*c[0])
		switch *c[1] {
		case "enum", "set": // the number, too: an enum's error value and an empty member look alike
			name = "CONCAT(" + name + "+0, ' ', HEX(" + name + "))"
		case "float": // its own text has six digits only
			name = "CAST(CAST(" + name + " AS DOUBLE) AS CHAR)"
		case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "binary", "varbinary", "tinyblob", "blob", "mediumblob",
			"longblob", "bit", "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
			"geometrycollection":
			// Long values would not fit a packet in hexadecimal; what a server hashes is equal when the bytes are.
			name = "IF(LENGTH(" + name + ") <= 64, HEX(" + name + "), CONCAT(LENGTH(" + name + "), ' bytes ', SHA2(CAST(" + name + " AS BINARY), 256)))"
		default:
			name = "CAST(" + name + " AS CHAR)"
		}
		exact = append(exact, name)
	}
	return exact
}

// period returns the columns that tell when a version was made and replaced; they are hidden unless the table names them.
func (d *digest) period(table string) []string {
	named := d.rows(`SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?
		AND generation_expression IN ('ROW START', 'ROW END') ORDER BY ordinal_position`, table)
	if len(named) == 2 {
		return []string{Quote(*named[0][0]), Quote(*named[1][0])}
	}
	return []string{"row_start", "row_end"}
}

// content prints the rows, ordered as text; of many, their number and a hash.
func (d *digest) content(table, clause string, columns []string) string {
	var lines []string
	for _, row := range d.rows("SELECT " + strings.Join(columns, ", ") + " FROM " + Quote(table) + clause) {
		lines = append(lines, print(row))
	}
	return session.Summary(lines)
}

func print(row []*string) string {
	var b strings.Builder
	for i, v := range row {
		if i > 0 {
			b.WriteString(" | ")
		}
		if v == nil {
			b.WriteString("NULL")
		} else {
			b.WriteString(*v)
		}
	}
	return b.String()
}

func (d *digest) objects(kind, names string) {
	for _, row := range d.rows(names) {
		d.show(kind, *row[0])
	}
}

// show puts all that SHOW CREATE says, e.g. of a procedure its mode, character sets and collation; not when it was made.
func (d *digest) show(kind, name string) {
	names, rows := d.Query("SHOW CREATE " + kind + " " + Quote(name))
	var b strings.Builder
	for i, v := range rows[0] {
		if names[i] != "Created" && v != nil {
			fmt.Fprintf(&b, "%s: %s\n", names[i], *v)
		}
	}
	d.put(strings.ToLower(kind)+" "+name, b.String())
}

// triggers puts what the server knows of each trigger instead of the statement that made it, whose head may spell the same
// names with and without quotes, and an order that order tells better.
func (d *digest) triggers() {
	for _, row := range d.rows(`SELECT trigger_name, action_timing, event_manipulation, event_object_table, action_statement, definer, sql_mode,
		character_set_client, collation_connection, database_collation FROM information_schema.triggers WHERE trigger_schema = DATABASE()`) {
		d.put("trigger "+*row[0], print(row[1:]))
	}
}

// order is that of the triggers of one event, which their statements do not tell.
func (d *digest) order() {
	for _, row := range d.rows(`SELECT event_object_table, action_timing, event_manipulation, GROUP_CONCAT(trigger_name ORDER BY action_order SEPARATOR ', ')
		FROM information_schema.triggers WHERE trigger_schema = DATABASE() GROUP BY 1, 2, 3`) {
		d.put(fmt.Sprintf("triggers of %s %s %s", *row[0], *row[1], *row[2]), *row[3])
	}
}

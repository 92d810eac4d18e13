package starrocksdata

import (
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"starkeep/tests/session"
)

// Digest tells everything about a database that a restore has to bring back: the key names an object and what of it
// ("table t", "rows t", "partitions t", "view v", …), the value is what the server prints, without the database's own name.
// Two databases are the same if their digests are equal. Nothing else may write.
func Digest(t testing.TB, db *sql.DB, database string) map[string]string {
	t.Helper()
	in := open(t, db, database)
	defer in.Close()
	d := digest{Session: in, database: database, found: map[string]string{}}
	materialized := map[string]bool{}
	for _, r := range d.records("SELECT TABLE_NAME, IS_ACTIVE, REFRESH_TYPE FROM information_schema.materialized_views WHERE TABLE_SCHEMA = ?", database) {
		if r["REFRESH_TYPE"] == "ROLLUP" {
			continue // told with its table
		}
		materialized[r["TABLE_NAME"]] = true
		d.put("state of materialized view "+r["TABLE_NAME"], "active: "+r["IS_ACTIVE"])
	}
	for _, r := range d.records("SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.tables WHERE TABLE_SCHEMA = ?", database) {
		name := r["TABLE_NAME"]
		switch {
		case materialized[name]:
			d.put("materialized view "+name, d.cell("SHOW CREATE MATERIALIZED VIEW "+Quote(name), 1))
		case r["TABLE_TYPE"] == "VIEW":
			d.put("view "+name, d.cell("SHOW CREATE VIEW "+Quote(name), 1))
		default:
			d.table(name)
		}
		d.put("rows "+name, d.content(name))
	}
	for _, r := range d.records("SHOW FULL FUNCTIONS FROM " + Quote(database)) {
		properties := r["Properties"]
		if at := strings.Index(properties, `"fid"`); at >= 0 { // an id of its own in every database
			if end := strings.IndexByte(properties[at:], ','); end >= 0 {
				properties = properties[:at] + properties[at+end+1:]
			}
		}
		d.put("function "+r["Signature"], r["Return Type"]+" "+r["Function Type"]+" "+properties)
	}
	return d.found
}

// GovernanceDigest is Digest for what belongs to the cluster.
func GovernanceDigest(t testing.TB, db *sql.DB, database string) map[string]string {
	t.Helper()
	in := open(t, db, database)
	defer in.Close()
	d := digest{Session: in, database: database, found: map[string]string{}}
	for _, r := range d.records("SHOW CATALOGS") {
		if r["Type"] != "Internal" {
			d.put("catalog "+r["Catalog"], d.cell("SHOW CREATE CATALOG "+Quote(r["Catalog"]), 1))
		}
	}
	for _, r := range d.records("SHOW ROLES") {
		d.put("role "+r["Name"], r["Comment"]+"\n"+d.grants("SHOW GRANTS FOR ROLE "+Quote(r["Name"])))
	}
	for _, r := range d.records("SHOW USERS") {
		d.put("user "+r["User"], d.grants("SHOW GRANTS FOR "+r["User"]))
	}
	d.resourceGroups()
	return d.found
}

// identity is the id of a classifier, which every one gets anew.
var identity = regexp.MustCompile(`id=\d+`)

// resourceGroups puts the groups with their classifiers, one a row, whose order means nothing.
func (d *digest) resourceGroups() {
	groups := map[string][]string{}
	_, rows := d.Query("SHOW RESOURCE GROUPS ALL")
	for _, row := range rows {
		var cells []string
		for i, v := range row {
			if i != 1 { // the id
				cells = append(cells, identity.ReplaceAllString(text(v), "id"))
			}
		}
		groups[*row[0]] = append(groups[*row[0]], strings.Join(cells, " | "))
	}
	for name, lines := range groups {
		slices.Sort(lines)
		d.put("resource group "+name, strings.Join(lines, "\n"))
	}
}

type digest struct {
	session.Session
	database string
	found    map[string]string
}

// records reads rows by the names of their columns; NULL is "NULL".
func (d *digest) records(statement string, args ...any) []map[string]string {
	d.T.Helper()
	names, rows := d.Query(statement, args...)
	all := make([]map[string]string, len(rows))
	for i, row := range rows {
		all[i] = map[string]string{}
		for j, v := range row {
			all[i][names[j]] = text(v)
		}
	}
	return all
}

func text(v *string) string {
	if v == nil {
		return "NULL"
	}
	return *v
}

func (d *digest) cell(statement string, column int) string {
	d.T.Helper()
	_, rows := d.Query(statement)
	return text(rows[0][column])
}

// put removes the database's name from what the server prints, where it is a name: quoted, or in full in a constraint. In a
// text it has to stay.
func (d *digest) put(key, text string) {
	text = strings.ReplaceAll(text, "default_catalog."+d.database+".", "default_catalog.")
	d.found[key] = strings.ReplaceAll(text, Quote(d.database)+".", "")
}

func (d *digest) table(name string) {
	d.put("table "+name, d.cell("SHOW CREATE TABLE "+Quote(name), 1))
	var partitions []string
	for _, r := range d.records("SHOW PARTITIONS FROM " + Quote(name)) {
		values := r["Range"] + r["List"]
		partitions = append(partitions, r["PartitionName"]+" "+values+" "+r["Buckets"]+" "+r["ReplicationNum"]+" "+r["StorageMedium"])
	}
	slices.Sort(partitions)
	d.put("partitions "+name, strings.ReplaceAll(strings.Join(slices.Compact(partitions), "\n"), name, "table"))
	var fields []string
	for _, r := range d.records("DESC " + Quote(name) + " ALL") {
		fields = append(fields, strings.Join([]string{r["IndexName"], r["IndexKeysType"], r["Field"], r["Type"], r["Null"], r["Key"], r["Default"], r["Extra"]}, " | "))
	}
	d.put("indexes "+name, strings.ReplaceAll(strings.Join(fields, "\n"), name+" |", "base |"))
}

// content prints the rows, ordered as text; of many, their number and a hash. What SELECT prints as NULL is read by its
// serialising function.
func (d *digest) content(table string) string {
	var columns []string
	for _, r := range d.records("SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.columns WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION", d.database, table) {
		name, kind := Quote(r["COLUMN_NAME"]), strings.ToLower(r["COLUMN_TYPE"])
		switch {
		case strings.HasPrefix(kind, "bitmap"):
			name = "hex(bitmap_to_binary(" + name + "))"
		case strings.HasPrefix(kind, "hll"):
			name = "hex(hll_serialize(" + name + "))"
		}
		columns = append(columns, name)
	}
	_, rows := d.Query("SELECT " + strings.Join(columns, ", ") + " FROM " + Quote(table))
	lines := make([]string, len(rows))
	for i, row := range rows {
		values := make([]string, len(row))
		for j, v := range row {
			values[j] = "NULL"
			if v != nil {
				values[j] = fmt.Sprintf("%q", *v)
			}
		}
		lines[i] = strings.Join(values, " | ")
	}
	return session.Summary(lines)
}

func (d *digest) grants(statement string) string {
	var lines []string
	for _, r := range d.records(statement) {
		lines = append(lines, r["Catalog"]+" "+r["Grants"])
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

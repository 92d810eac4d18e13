package starrocks

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGrantCoversWhatItNamesAndNoMore(t *testing.T) {
	t.Parallel()
	table := need{"SELECT", "TABLE", "db", "t"}
	all := need{"SELECT", "TABLE", "db", ""}
	create := need{"CREATE TABLE", "DATABASE", "db", ""}
	system := need{action: "OPERATE", object: "SYSTEM"}
	database := need{action: "CREATE DATABASE", object: "CATALOG"}
	catalog := need{action: "CREATE EXTERNAL CATALOG", object: "SYSTEM"}
	view := need{action: "SELECT", object: "VIEW", database: "db"}
	for _, c := range []struct {
		grant string
		need  need
		want  bool
	}{
		{"GRANT SELECT, INSERT ON TABLE db.t TO USER 'u'@'%'", table, true},
		{"GRANT INSERT ON TABLE db.t TO USER 'u'@'%'", table, false},
		{"GRANT SELECT ON TABLE db.t TO USER 'u'@'%'", all, false},
		{"GRANT SELECT ON TABLE db.t2 TO USER 'u'@'%'", table, false},
		{"GRANT SELECT ON TABLE other.t TO USER 'u'@'%'", table, false},
		{"GRANT SELECT ON TABLE `db`.`t`, `db`.`t2` TO ROLE r", table, true},
		{"GRANT SELECT ON ALL TABLES IN DATABASE db TO USER 'u'@'%'", table, true},
		{"GRANT SELECT ON ALL TABLES IN DATABASE db TO USER 'u'@'%'", all, true},
		{"GRANT SELECT ON ALL TABLES IN DATABASE db2 TO USER 'u'@'%'", all, false},
		{"GRANT SELECT ON ALL TABLES IN ALL DATABASES TO USER 'u'@'%' WITH GRANT OPTION", all, true},
		{"GRANT ALL ON ALL TABLES IN ALL DATABASES TO USER 'u'@'%'", all, true},
		{"GRANT SELECT ON ALL VIEWS IN ALL DATABASES TO USER 'u'@'%'", all, false},
		{"GRANT CREATE TABLE, CREATE VIEW ON DATABASE db TO USER 'u'@'%'", create, true},
		{"GRANT CREATE VIEW ON DATABASE db TO USER 'u'@'%'", create, false},
		{"GRANT CREATE TABLE ON ALL DATABASES TO USER 'u'@'%'", create, true},
		{"GRANT CREATE DATABASE ON CATALOG default_catalog TO USER 'u'@'%'", database, true},
		{"GRANT CREATE DATABASE ON CATALOG hive TO USER 'u'@'%'", database, false},
		{"GRANT OPERATE ON SYSTEM TO USER 'u'@'%'", system, true},
		{"GRANT NODE ON SYSTEM TO ROLE 'x'", system, true},
		{"GRANT REPOSITORY ON SYSTEM TO USER 'u'@'%'", system, false},
		{"GRANT 'root' TO 'root'@'%'", create, true},
		{"GRANT 'root' TO 'root'@'%'", system, true},
		{"GRANT 'db_admin' TO USER 'u'@'%'", all, true},
		{"GRANT 'db_admin' TO USER 'u'@'%'", system, false},
		{"GRANT 'cluster_admin' TO USER 'u'@'%'", system, true},
		{"GRANT 'cluster_admin' TO USER 'u'@'%'", catalog, false},
		{"GRANT 'db_admin' TO USER 'u'@'%'", catalog, true},
		{"GRANT NODE ON SYSTEM TO ROLE 'x'", catalog, false},
		{"GRANT CREATE EXTERNAL CATALOG ON SYSTEM TO ROLE 'x'", catalog, true},
		{"GRANT SELECT ON ALL VIEWS IN DATABASE db TO USER 'u'@'%'", view, true},
		{"GRANT SELECT ON ALL MATERIALIZED VIEWS IN DATABASE db TO USER 'u'@'%'", view, false},
		{"GRANT SELECT ON ALL MATERIALIZED VIEWS IN ALL DATABASES TO USER 'u'@'%'", need{action: "SELECT", object: "MATERIALIZED VIEW", database: "db"}, true},
		{"GRANT SELECT ON MATERIALIZED VIEW db.m TO USER 'u'@'%'", need{"SELECT", "MATERIALIZED VIEW", "db", "m"}, true},
		{"GRANT SELECT ON VIEW db.t TO USER 'u'@'%'", table, false},
		{"GRANT CREATE TABLE ON DATABASE db TO USER 'u'@'%'", need{action: "CREATE TABLE", object: "DATABASE"}, false},
		{"GRANT SELECT ON ALL TABLES IN DATABASE db TO USER 'u'@'%'", need{action: "SELECT", object: "TABLE"}, false},
		{"GRANT USAGE ON ALL CATALOGS TO USER 'u'@'%'", need{action: "USAGE", object: "CATALOGS"}, true},
		{"GRANT 'user_admin', 'x' TO 'u'@'%'", need{action: "user_admin", object: "ROLE"}, true},
		{"GRANT 'db_admin' TO 'u'@'%'", need{action: "user_admin", object: "ROLE"}, false},
		{"not a grant", table, false},
	} {
		require.Equal(t, c.want, parseGrants(c.grant).cover(c.need), "%s for %+v", c.grant, c.need)
	}
}

func TestRolesBehindAUserAreFound(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"r1", "r 2"}, parseGrants("GRANT 'r1', 'r 2' TO USER 'u'@'%'").roles())
}

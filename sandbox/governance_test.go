package sandbox_test

import (
	archive "archive/zip"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
)

func TestGrantsGoWithTheTableNotWithItsName(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{Users: map[string]string{"eve": ""}})
	c.use("d")
	c.exec("CREATE TABLE other (id INT NOT NULL, city VARCHAR(20), v BIGINT) DISTRIBUTED BY HASH(id) BUCKETS 2",
		"GRANT SELECT ON TABLE t TO USER eve", "ALTER TABLE t SWAP WITH other")
	eve := connect(t, c.server, "eve", "")
	_, err := read(eve, "SELECT id FROM d.t")
	require.Contains(t, wireError(t, err).Message, "SELECT privilege(s) on TABLE t", "the live name has another table now")
	require.Len(t, rowsOf(t, eve, "SELECT id FROM d.other"), 3)
	require.Equal(t, []string{"'eve'@'%'|default_catalog|GRANT SELECT ON TABLE d.other TO USER 'eve'@'%'"}, rowsOf(t, eve, "SHOW GRANTS"))
	require.Equal(t, []string{"'eve'@'%'|d|other|TABLE|SELECT|NO"},
		c.rows("SELECT GRANTEE, OBJECT_DATABASE, OBJECT_NAME, OBJECT_TYPE, PRIVILEGE_TYPE, IS_GRANTABLE FROM sys.grants_to_users"))
	c.exec("DROP TABLE other", "CREATE TABLE other (id INT) DISTRIBUTED BY HASH(id)")
	require.Empty(t, rowsOf(t, eve, "SHOW GRANTS"), "a dropped table takes its grants with it")
}

func TestGrantedRolesSleepUntilTheyAreSet(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.use("d")
	c.exec("CREATE ROLE reader COMMENT 'may read'", "CREATE ROLE writer", "GRANT SELECT ON ALL TABLES IN DATABASE d TO ROLE reader", "GRANT reader TO ROLE writer",
		"GRANT INSERT ON d.t TO ROLE writer", "CREATE USER ann@'%' IDENTIFIED BY 'pw'", "GRANT writer TO ann")
	ann := connect(t, c.server, "ann", "pw")
	ann.SetMaxOpenConns(1)
	_, err := read(ann, "SELECT id FROM d.t")
	require.Contains(t, wireError(t, err).Message, "Current role(s): NONE. Inactivated role(s): [writer].")
	for _, set := range []string{"SET ROLE ALL", "SET ROLE writer"} {
		_, err = ann.Exec(set)
		require.NoError(t, err)
		require.Len(t, rowsOf(t, ann, "SELECT id FROM d.t"), 3, "a role has what the roles within it have")
		_, err = ann.Exec("SET ROLE NONE")
		require.NoError(t, err)
	}
	_, err = ann.Exec("SET ROLE reader")
	require.Contains(t, wireError(t, err).Message, "Role reader is not granted to 'ann'@'%'", "only through another one")
	require.Equal(t, []string{"'ann'@'%'|\\N|GRANT 'writer' TO 'ann'@'%'"}, rowsOf(t, ann, "SHOW GRANTS"))
	require.Equal(t, []string{"writer|\\N|GRANT 'reader' TO ROLE writer", "writer|default_catalog|GRANT INSERT ON TABLE d.t TO ROLE 'writer'"},
		rowsOf(t, ann, "SHOW GRANTS FOR ROLE writer"))
	require.Equal(t, []string{"reader|default_catalog|GRANT SELECT ON ALL TABLES IN DATABASE d TO ROLE 'reader'"}, rowsOf(t, ann, "SHOW GRANTS FOR ROLE reader"))
	_, err = read(ann, "SHOW GRANTS FOR ROLE db_admin")
	require.EqualValues(t, 5203, wireError(t, err).Number)
	c.exec("SET DEFAULT ROLE ALL TO ann")
	require.Len(t, rowsOf(t, connect(t, c.server, "ann", "pw"), "SELECT id FROM d.t"), 3)
	c.exec("SET DEFAULT ROLE NONE TO ann", "SET GLOBAL activate_all_roles_on_login = TRUE")
	require.Len(t, rowsOf(t, connect(t, c.server, "ann", "pw"), "SELECT id FROM d.t"), 3)
	require.Equal(t, []string{"reader|writer|\\N", "writer|\\N|'ann'@'%'", "root|\\N|'root'@'%'"}, c.rows("SELECT * FROM sys.role_edges"))
	require.Contains(t, c.rows("SHOW ROLES"), "reader|false|may read")
	c.exec("REVOKE reader FROM ROLE writer", "DROP ROLE reader", "ALTER ROLE writer SET COMMENT = 'now'", "DROP USER ann")
	require.Contains(t, c.rows("SHOW ROLES"), "writer|false|now")
}

// test/sql test_execute_as_internal_user: the session has the roles that a login would have, and keeps them.
func TestExecuteAsGivesTheRolesOfALogin(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE ROLE reader", "CREATE ROLE writer", "CREATE USER ann", "CREATE USER bob IDENTIFIED BY 'pw'", "GRANT reader, writer TO ann", "SET DEFAULT ROLE reader TO ann")
	bob := connect(t, c.server, "bob", "pw")
	bob.SetMaxOpenConns(1)
	_, err := bob.Exec("EXECUTE AS ann WITH NO REVERT")
	require.Contains(t, wireError(t, err).Message, "IMPERSONATE privilege(s) on USER")
	c.exec("GRANT IMPERSONATE ON USER ann TO bob")
	_, err = bob.Exec("EXECUTE AS ann")
	require.Contains(t, wireError(t, err).Message, "WITH NO REVERT")
	require.Equal(t, []string{"NONE"}, rowsOf(t, bob, "SELECT current_role()"))
	_, err = bob.Exec("EXECUTE AS 'ann'@'%' WITH NO REVERT")
	require.NoError(t, err)
	require.Equal(t, []string{"reader"}, rowsOf(t, bob, "SELECT current_role() AS `roles`"))
	_, err = bob.Exec("EXECUTE AS bob WITH NO REVERT")
	require.EqualValues(t, 5203, wireError(t, err).Number, "ann may not")
	require.Contains(t, c.fails("EXECUTE AS eve WITH NO REVERT").Message, "cannot find user 'eve'@'%'!")
}

func TestPasswordHashesGoInAndNeverComeOut(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	// the hash of "pw"
	c.exec("CREATE USER a IDENTIFIED BY PASSWORD '*D821809F681A40A6E379B50D0463EFAE20BDD122'", "CREATE USER 'b'@'10.%' IDENTIFIED WITH mysql_native_password AS "+
		"'*D821809F681A40A6E379B50D0463EFAE20BDD122'", "CREATE USER l IDENTIFIED WITH authentication_ldap_simple AS 'uid=l'", "CREATE USER IF NOT EXISTS a",
		"CREATE USER p DEFAULT ROLE db_admin PROPERTIES ('max_user_connections' = '7', 'session.query_timeout' = '60')")
	require.NoError(t, connect(t, c.server, "a", "pw").Ping())
	require.Error(t, connect(t, c.server, "b", "pw").Ping(), "it comes from elsewhere")
	require.Equal(t, []string{"'a'@'%'|Yes|MYSQL_NATIVE_PASSWORD|\\N", "'b'@'10.%'|Yes|MYSQL_NATIVE_PASSWORD|\\N", "'l'@'%'|No|AUTHENTICATION_LDAP_SIMPLE|uid=l",
		"'p'@'%'|No|MYSQL_NATIVE_PASSWORD|\\N", "'root'@'%'|No|MYSQL_NATIVE_PASSWORD|\\N"}, c.rows("SHOW ALL AUTHENTICATION"))
	require.Equal(t, []string{"max_user_connections|7", "catalog|default_catalog", "database|", "session.query_timeout|60"}, c.rows("SHOW PROPERTY FOR 'p'"))
	require.Contains(t, c.fails("CREATE USER a").Message, "user 'a'@'%' already exists!")
	require.EqualValues(t, 1372, c.fails("CREATE USER x IDENTIFIED BY PASSWORD 'plain'").Number)
	c.exec("ALTER USER a IDENTIFIED BY 'new'", "SET PASSWORD FOR p = PASSWORD('set')", "ALTER USER p SET PROPERTIES ('max_user_connections' = '8')")
	require.NoError(t, connect(t, c.server, "a", "new").Ping())
	require.NoError(t, connect(t, c.server, "p", "set").Ping())
	require.Equal(t, []string{"'p'@'%'|\\N|GRANT 'db_admin' TO 'p'@'%'"}, c.rows("SHOW GRANTS FOR 'p'@'%'"))
}

func TestEveryKindOfObjectIsGrantedAndChecked(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{EnableUDF: true, Users: map[string]string{"eve": "", "bob": ""}})
	c.use("d")
	c.exec("CREATE VIEW v AS SELECT id FROM t", "CREATE VIEW w SECURITY INVOKER AS SELECT id FROM t",
		"CREATE MATERIALIZED VIEW m DISTRIBUTED BY HASH(id) REFRESH DEFERRED MANUAL AS SELECT id FROM t",
		"CREATE FUNCTION plus(x INT) RETURNS x + 1", "CREATE EXTERNAL CATALOG c1 PROPERTIES ('type' = 'hive', 'hive.metastore.uris' = 'thrift://h:9083')",
		"CREATE RESOURCE GROUP g TO (user = 'eve') WITH ('cpu_weight' = '1', 'mem_limit' = '20%')")
	eve := connect(t, c.server, "eve", "")
	for statement, denied := range map[string]string{
		"SELECT * FROM d.v": "SELECT privilege(s) on VIEW v", "REFRESH MATERIALIZED VIEW d.m": "REFRESH privilege(s) on MATERIALIZED VIEW m",
		"DROP MATERIALIZED VIEW d.m": "DROP privilege(s) on MATERIALIZED VIEW m", "DROP VIEW d.v": "DROP privilege(s) on VIEW v",
		"CREATE VIEW d.x AS SELECT 1": "CREATE VIEW privilege(s) on DATABASE d", "DROP FUNCTION d.plus(INT)": "DROP privilege(s) on FUNCTION plus(INT)",
		"CREATE FUNCTION d.f(x INT) RETURNS x": "CREATE FUNCTION privilege(s) on DATABASE d", "DROP CATALOG c1": "DROP privilege(s) on CATALOG c1",
		"CREATE EXTERNAL CATALOG c2 PROPERTIES ('type' = 'hive')": "CREATE EXTERNAL CATALOG privilege(s) on SYSTEM", "DROP RESOURCE GROUP g": "DROP privilege(s) on RESOURCE GROUP g",
		"CREATE ROLE r": "GRANT privilege(s) on SYSTEM", "SHOW ALL AUTHENTICATION": "GRANT privilege(s) on SYSTEM", "SHOW GRANTS FOR bob": "GRANT privilege(s) on SYSTEM",
		"ALTER USER bob IDENTIFIED BY 'x'": "GRANT privilege(s) on SYSTEM", "SHOW CREATE CATALOG c1": "ANY privilege(s) on CATALOG c1",
	} {
		_, err := read(eve, statement)
		require.Error(t, err, statement)
		require.Contains(t, wireError(t, err).Message, denied, statement)
	}
	for _, query := range []string{"SELECT * FROM sys.grants_to_users", "SELECT count(*) FROM sys.role_edges r", "SELECT * FROM sys.object_dependencies"} {
		_, err := read(eve, query)
		require.Error(t, err, query)
		require.Contains(t, wireError(t, err).Message, "SELECT privilege(s) on TABLE", query)
	}
	c.exec("GRANT SELECT ON TABLE sys.role_edges TO bob")
	bob := connect(t, c.server, "bob", "")
	require.NotEmpty(t, rowsOf(t, bob, "SELECT * FROM sys.role_edges"))
	_, err := read(bob, "SELECT * FROM sys.grants_to_users")
	require.EqualValues(t, 5203, wireError(t, err).Number)
	c.exec("REVOKE SELECT ON TABLE sys.role_edges FROM bob")
	require.Empty(t, rowsOf(t, eve, "SHOW FUNCTIONS FROM d"))
	require.Len(t, rowsOf(t, eve, "SHOW CATALOGS"), 1)
	c.exec("GRANT SELECT ON VIEW v, w TO eve", "GRANT REFRESH, SELECT ON MATERIALIZED VIEW m TO eve", "GRANT USAGE ON FUNCTION plus(INT) TO eve WITH GRANT OPTION",
		"GRANT ALL ON CATALOG c1 TO eve", "GRANT ALTER ON RESOURCE GROUP g TO eve", "GRANT IMPERSONATE ON USER bob TO eve", "GRANT SELECT ON ALL VIEWS IN ALL DATABASES TO bob",
		"GRANT USAGE ON ALL GLOBAL FUNCTIONS TO eve")
	require.Len(t, rowsOf(t, eve, "SELECT * FROM d.v"), 3, "a view reads for everybody what its maker could read")
	_, err = read(eve, "SELECT * FROM d.w")
	require.Contains(t, wireError(t, err).Message, "SELECT privilege(s) on TABLE t", "unless it says INVOKER")
	require.Empty(t, rowsOf(t, eve, "SHOW MATERIALIZED VIEWS FROM d"), "a materialized view over a table that one may not read is not listed")
	require.Equal(t, []string{
		"'eve'@'%'|default_catalog|GRANT IMPERSONATE ON USER 'bob'@'%' TO USER 'eve'@'%'",
		"'eve'@'%'|default_catalog|GRANT SELECT ON VIEW d.v TO USER 'eve'@'%'",
		"'eve'@'%'|default_catalog|GRANT SELECT ON VIEW d.w TO USER 'eve'@'%'",
		"'eve'@'%'|c1|GRANT USAGE, CREATE DATABASE, DROP, ALTER ON CATALOG c1 TO USER 'eve'@'%'",
		"'eve'@'%'|default_catalog|GRANT REFRESH, SELECT ON MATERIALIZED VIEW d.m TO USER 'eve'@'%'",
		"'eve'@'%'|default_catalog|GRANT USAGE ON FUNCTION plus(INT) in DATABASE d TO USER 'eve'@'%' WITH GRANT OPTION",
		"'eve'@'%'|default_catalog|GRANT ALTER ON RESOURCE GROUP g TO USER 'eve'@'%'",
		"'eve'@'%'|default_catalog|GRANT USAGE ON ALL GLOBAL FUNCTIONS TO USER 'eve'@'%'",
	}, c.rows("SHOW GRANTS FOR eve"))
	require.Equal(t, []string{"'bob'@'%'|default_catalog|GRANT SELECT ON ALL VIEWS IN ALL DATABASES TO USER 'bob'@'%'"}, c.rows("SHOW GRANTS FOR bob"))
	_, err = eve.Exec("GRANT USAGE ON FUNCTION d.plus(INT) TO bob")
	require.NoError(t, err, "WITH GRANT OPTION")
	require.Contains(t, c.fails("GRANT SELECT ON VIEW t TO eve").Message, "cannot find table t in db d")
	require.Contains(t, c.fails("GRANT EXPORT ON VIEW v TO eve").Message, "Cannot grant or revoke EXPORT on 'VIEW' type object")
	require.Contains(t, c.fails("GRANT SELECT ON TABLE t TO nobody").Message, "cannot find user 'nobody'@'%'!")
}

// jar returns an archive with one class.
func jar(t *testing.T, class string) []byte {
	var b bytes.Buffer
	w := archive.NewWriter(&b)
	_, err := w.Create(class)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestAFunctionWhoseJarIsMissingIsRefused(t *testing.T) {
	t.Parallel()
	content := jar(t, "com/example/Add.class")
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/add.jar" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(files.Close)
	sum := md5.Sum(content)
	sumText := hex.EncodeToString(sum[:])
	disabled := start(t, sandbox.Config{})
	disabled.use("d")
	require.Contains(t, disabled.fails("CREATE FUNCTION f(x INT) RETURNS x").Message, "UDF is not enabled in FE, please configure enable_udf=true in fe/conf/fe.conf")
	require.EqualValues(t, 5102, disabled.fails("ADMIN SET FRONTEND CONFIG ('enable_udf' = 'true')").Number)
	c := start(t, sandbox.Config{EnableUDF: true})
	c.use("d")
	create := func(name, file, symbol, sum string) string {
		return "CREATE FUNCTION " + name + "(INT, VARCHAR(10)) RETURNS BIGINT PROPERTIES ('symbol' = '" + symbol + "', 'type' = 'StarrocksJar', 'file' = '" + files.URL + file + "'" + sum + ")"
	}
	missing := c.fails(create("f", "/gone.jar", "com.example.Add", ""))
	require.EqualValues(t, 5064, missing.Number)
	require.Contains(t, missing.Message, "cannot compute object's checksum")
	require.Contains(t, c.fails(create("f", "/add.jar", "com.example.Add", ", 'md5' = 'beef'")).Message, "library's checksum is not equal with input, checksum="+sumText)
	require.Contains(t, c.fails(create("f", "/add.jar", "com.example.Sub", "")).Message, "Class 'com.example.Sub' not found in object_file")
	c.exec(create("f", "/add.jar", "com.example.Add", ", 'md5' = '"+sumText+"'"), "CREATE FUNCTION f(x INT, y INT) RETURNS x * (y + 1)",
		"CREATE GLOBAL FUNCTION g() RETURNS 1")
	full := c.rows("SHOW FULL FUNCTIONS FROM d")
	require.Len(t, full, 2, "two of one name")
	require.Equal(t, "f(INT,INT)|BIGINT|SQL|NULL|`x` * (`y` + 1)", full[0])
	require.Regexp(t, `^f\(INT,VARCHAR\)\|BIGINT\|Scalar\|NULL\|\{"fid":"\d+","symbol":"com.example.Add","file":"http://[^"]+/add.jar","type":"SRJAR","md5":"`+sumText+`"\}$`, full[1])
	require.Equal(t, []string{"f"}, c.rows("SHOW FUNCTIONS FROM d"))
	require.Equal(t, []string{"g"}, c.rows("SHOW GLOBAL FUNCTIONS"))
	require.Contains(t, c.fails("CREATE FUNCTION f(x INT, y INT) RETURNS x").Message, "function already exists")
	c.exec("CREATE OR REPLACE FUNCTION f(x INT, y INT) RETURNS x", "CREATE FUNCTION IF NOT EXISTS f(x INT, y INT) RETURNS y", "DROP FUNCTION f(INT, INT)")
	require.EqualValues(t, 1055, c.fails("DROP FUNCTION f(INT, INT)").Number)
	c.exec("DROP FUNCTION IF EXISTS f(INT, INT)", "DROP GLOBAL FUNCTION g()")
}

func TestFunctionsWorkInQueriesAndViews(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{EnableUDF: true, Users: map[string]string{"eve": ""}})
	c.use("d")
	c.exec("CREATE FUNCTION plus(x BIGINT, y BIGINT) RETURNS x + y", "CREATE FUNCTION twice(x BIGINT) RETURNS plus(x, x)",
		"CREATE VIEW w AS SELECT id, d.twice(v + 1) AS doubled FROM t", "GRANT SELECT ON ALL TABLES IN DATABASE d TO eve")
	require.Equal(t, []string{"22", "42", "62"}, c.rows("SELECT twice(v + 1) FROM t ORDER BY id"))
	require.Equal(t, []string{"1|22", "2|42", "3|62"}, c.rows("SELECT * FROM w ORDER BY id"))
	_, err := read(connect(t, c.server, "eve", ""), "SELECT d.plus(id, 1) FROM d.t")
	require.Contains(t, wireError(t, err).Message, "USAGE privilege(s) on FUNCTION plus(BIGINT,BIGINT)")
	c.exec("DROP FUNCTION twice(BIGINT)")
	_, err = read(c.db, "SELECT * FROM w")
	require.Error(t, err, "nobody minded that a view needs it")
}

func TestCredentialsOfCatalogsAreMasked(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec(`CREATE EXTERNAL CATALOG lake COMMENT "a \"lake\"" PROPERTIES ("type" = "hive", "aws.s3.access_key" = "AKIA1234567890", "aws.s3.secret_key" = "abc", "aws.s3.region" = "eu")`,
		`CREATE EXTERNAL CATALOG db PROPERTIES ("type" = "jdbc", "user" = "u", "password" = "secret", "jdbc_uri" = "jdbc:mysql://h", "driver_class" = "c", "driver_url" = "d")`)
	require.Equal(t, "CREATE EXTERNAL CATALOG `lake`\ncomment \"a \\\"lake\\\"\"\nPROPERTIES (\"aws.s3.access_key\"  =  \"AK******90\",\n\"aws.s3.region\"  =  \"eu\",\n"+
		"\"aws.s3.secret_key\"  =  \"******\",\n\"type\"  =  \"hive\"\n)", c.column("SHOW CREATE CATALOG lake", "Create Catalog")[0])
	require.NotContains(t, c.column("SHOW CREATE CATALOG db", "Create Catalog")[0], "password", "it is not even masked: it is left out")
	require.Equal(t, []string{"db|Jdbc|\\N", "default_catalog|Internal|An internal catalog contains this cluster's self-managed tables.", "lake|Hive|a \"lake\""}, c.rows("SHOW CATALOGS"))
	require.Contains(t, c.fails("DROP CATALOG default_catalog").Message, "Can't drop the default internal catalog")
	require.EqualValues(t, 5514, c.fails("CREATE EXTERNAL CATALOG lake PROPERTIES ('type' = 'hive')").Number)
	require.Contains(t, c.fails("CREATE EXTERNAL CATALOG x PROPERTIES ('type' = 'nothing')").Message, "[type : nothing] is not supported")
	require.EqualValues(t, 5078, c.fails("SET CATALOG nowhere").Number)
	c.exec("ALTER CATALOG lake SET ('aws.s3.region' = 'us')", "DROP CATALOG db", "DROP CATALOG IF EXISTS db")
	require.EqualValues(t, 5078, c.fails("SHOW CREATE CATALOG db").Number)
}

func TestAResourceGroupHasARowForEachClassifier(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	c.exec("CREATE DATABASE d", "CREATE RESOURCE GROUP g TO (user = 'ann', query_type IN ('select', 'insert')), (role = 'reader', source_ip = '10.0.0.0/8', db = 'd') "+
		"WITH ('cpu_weight' = '2', 'mem_limit' = '30%', 'concurrency_limit' = '5')")
	require.Equal(t, []string{"g", "g"}, c.column("SHOW RESOURCE GROUP g", "name"))
	classifiers := c.column("SHOW RESOURCE GROUPS ALL", "classifiers")
	require.Len(t, classifiers, 4, "with the two that are built in")
	require.Regexp(t, `^\(id=\d+, weight=2.05, user=ann, query_type in \(INSERT, SELECT\)\)$`, classifiers[2])
	require.Regexp(t, `^\(id=\d+, weight=12.125, role=reader, db='d', source_ip=10.0.0.0/8\)$`, classifiers[3])
	require.Equal(t, []string{"30.0%", "30.0%"}, c.column("SHOW RESOURCE GROUP g", "mem_limit"))
	require.Equal(t, []string{"null", "null"}, c.column("SHOW RESOURCE GROUP g", "cpu_weight_percent"), "what was not set is this word")
	require.Equal(t, []string{"2", "2"}, c.column("SHOW VERBOSE RESOURCE GROUP g", "cpu_weight"))
	require.Contains(t, c.fails("CREATE RESOURCE GROUP g TO (user = 'x') WITH ('cpu_weight' = '1', 'mem_limit' = '20%')").Message, "RESOURCE_GROUP(g) already exists")
	require.Contains(t, c.fails("CREATE RESOURCE GROUP h TO (user = 'x') WITH ('cpu_weight' = '1')").Message, "property 'mem_limit' is absent")
	require.Contains(t, c.fails("CREATE RESOURCE GROUP h WITH ('cpu_weight' = '1', 'mem_limit' = '20%')").Message, "need define classifiers")
	c.exec("ALTER RESOURCE GROUP g WITH ('mem_limit' = '0.4')", "ALTER RESOURCE GROUP g DROP ALL", "ALTER RESOURCE GROUP g ADD (user = 'bob')",
		"CREATE RESOURCE GROUP OR REPLACE g TO (user = 'x') WITH ('cpu_weight' = '1', 'mem_limit' = '20%')", "DROP RESOURCE GROUP g")
	require.EqualValues(t, 5079, c.fails("SHOW RESOURCE GROUP g").Number)
}

package starrocks

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// Grants are printed without quotes, so a name that SQL has to quote comes back only when it is told where it ends.
func TestPrintedGrantsCanBeRunAgain(t *testing.T) {
	t.Parallel()
	ann, role := grantee{name: "'ann'@'10.%'"}, grantee{role: true, name: "writer"}
	for _, c := range []struct {
		to                  grantee
		catalog, text, want string
	}{
		{ann, internalCatalog, "GRANT SELECT, DROP ON TABLE d.t TO USER 'ann'@'10.%'", "GRANT SELECT, DROP ON TABLE `d`.`t` TO USER 'ann'@'10.%'"},
		{ann, internalCatalog, "GRANT SELECT ON TABLE d.my table TO x TO USER 'ann'@'10.%' WITH GRANT OPTION", "GRANT SELECT ON TABLE `d`.`my table TO x` TO USER 'ann'@'10.%' WITH GRANT OPTION"},
		{role, internalCatalog, "GRANT SELECT ON VIEW d.v TO ROLE 'writer'", "GRANT SELECT ON VIEW `d`.`v` TO ROLE `writer`"},
		{role, internalCatalog, "GRANT REFRESH ON MATERIALIZED VIEW d.m TO ROLE 'writer'", "GRANT REFRESH ON MATERIALIZED VIEW `d`.`m` TO ROLE `writer`"},
		{role, internalCatalog, "GRANT SELECT ON ALL TABLES IN DATABASE the db TO ROLE 'writer'", "GRANT SELECT ON ALL TABLES IN DATABASE `the db` TO ROLE `writer`"},
		{role, "", "GRANT SELECT ON ALL TABLES IN ALL DATABASES TO ROLE 'writer'", "GRANT SELECT ON ALL TABLES IN ALL DATABASES TO ROLE `writer`"},
		{role, internalCatalog, "GRANT USAGE ON ALL GLOBAL_FUNCTIONS TO ROLE 'writer'", "GRANT USAGE ON ALL GLOBAL FUNCTIONS TO ROLE `writer`"},
		{role, internalCatalog, "GRANT USAGE ON FUNCTION f(INT,VARCHAR) in DATABASE d TO ROLE 'writer'", "GRANT USAGE ON FUNCTION `d`.f(INT,VARCHAR) TO ROLE `writer`"},
		{role, internalCatalog, "GRANT CREATE TABLE, CREATE VIEW ON DATABASE d TO ROLE 'writer'", "GRANT CREATE TABLE, CREATE VIEW ON DATABASE `d` TO ROLE `writer`"},
		{role, "hive", "GRANT USAGE ON CATALOG hive TO ROLE 'writer'", "SET CATALOG `hive`; GRANT USAGE ON CATALOG `hive` TO ROLE `writer`"},
		{role, "hive", "GRANT SELECT ON TABLE d.t TO ROLE 'writer'", "SET CATALOG `hive`; GRANT SELECT ON TABLE `d`.`t` TO ROLE `writer`"},
		{role, internalCatalog, "GRANT OPERATE ON SYSTEM TO ROLE 'writer'", "GRANT OPERATE ON SYSTEM TO ROLE `writer`"},
		{ann, internalCatalog, "GRANT ALTER ON RESOURCE GROUP my group TO USER 'ann'@'10.%'", "GRANT ALTER ON RESOURCE GROUP `my group` TO USER 'ann'@'10.%'"},
		{ann, internalCatalog, "GRANT IMPERSONATE ON USER 'bob'@'%' TO USER 'ann'@'10.%'", "GRANT IMPERSONATE ON USER 'bob'@'%' TO USER 'ann'@'10.%'"},
		{ann, "", "GRANT 'r1', 'r 2' TO 'ann'@'10.%'", "GRANT `r1`, `r 2` TO USER 'ann'@'10.%'"},
		{role, "", "GRANT 'reader' TO ROLE writer", "GRANT `reader` TO ROLE `writer`"},
	} {
		g, ok := parsePrinted(c.text, c.catalog, c.to)
		require.True(t, ok, c.text)
		got, err := g.statement(c.to)
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, got)
	}
	for _, text := range []string{"GRANT SELECT ON TABLE a.b.c TO ROLE 'writer'", "GRANT SELECT ON MOON m TO ROLE 'writer'", "GRANT SELECT ON TABLE d.a`b TO ROLE 'writer'"} {
		g, ok := parsePrinted(text, "", role)
		require.True(t, ok, text)
		_, err := g.statement(role)
		require.Error(t, err, text)
	}
	_, ok := parsePrinted("GRANT SELECT ON TABLE d.t TO ROLE 'other'", "", role)
	require.False(t, ok)
}

func TestGrantsFollowADatabaseToItsNewName(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"GRANT SELECT ON TABLE `db`.`t` TO ROLE `db`", "GRANT SELECT ON TABLE `new`.`t2` TO ROLE `db`"},
		{"GRANT SELECT ON ALL TABLES IN DATABASE `db` TO ROLE `r`", "GRANT SELECT ON ALL TABLES IN DATABASE `new` TO ROLE `r`"},
		{"GRANT CREATE TABLE ON DATABASE `db` TO ROLE `r`", "GRANT CREATE TABLE ON DATABASE `new` TO ROLE `r`"},
		{"GRANT USAGE ON FUNCTION `db`.f(INT) TO ROLE `r`", "GRANT USAGE ON FUNCTION `new`.`g`(INT) TO ROLE `r`"},
		{"GRANT SELECT ON TABLE `other`.`db` TO ROLE `r`", "GRANT SELECT ON TABLE `other`.`db` TO ROLE `r`"},
		{"GRANT USAGE ON CATALOG `db` TO ROLE `r`", "GRANT USAGE ON CATALOG `db` TO ROLE `r`"},
		{"SET CATALOG `hive`; GRANT SELECT ON TABLE `db`.`t` TO ROLE `r`", "SET CATALOG `hive`; GRANT SELECT ON TABLE `db`.`t` TO ROLE `r`"},
		{"GRANT `db` TO ROLE `r`", "GRANT `db` TO ROLE `r`"},
	} {
		got, err := renamedGrant(c[0], shop())
		require.NoError(t, err)
		require.Equal(t, c[1], got)
	}
}

func TestIdentityThatIsNoneGoesIntoNoStatement(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"'u'@'%'", "'a b'@'10.0.0.%'", "'u'@['example.org']", "''@'%'"} {
		require.NoError(t, checkIdentity(ok), ok)
	}
	for _, bad := range []string{"", "u", "'u'", "'u'@%", "'u' OR '1'@'%'", `'u\'@'%'`, "'u'@'%'; DROP USER 'x'@'%'"} {
		require.ErrorIs(t, checkIdentity(bad), cluster.ErrInvalidName, bad)
	}
}

func TestRolesComeBehindTheRolesTheyHave(t *testing.T) {
	t.Parallel()
	role := func(n string) snapshot.Object { return snapshot.Object{Kind: snapshot.Role, Name: n} }
	got := rolesInOrder([]snapshot.Object{role("a"), role("b"), role("c")}, map[string][]string{"a": {"c", "db_admin"}, "c": {"b"}, "b": {"a"}})
	require.Equal(t, []snapshot.Object{role("b"), role("c"), role("a")}, got, "a circle ends, too")
}

// SHOW ALL AUTHENTICATION tells no passwords; what plugins are given may hold secrets.
func TestPasswordsOfUsersAreAskedForNotStored(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		row    record
		ddl    string
		masked []string
	}{
		{record{"password": "Yes", "authplugin": "MYSQL_NATIVE_PASSWORD"}, "CREATE USER 'u'@'%'", []string{"password"}},
		{record{"password": "No", "authplugin": "MYSQL_NATIVE_PASSWORD"}, "CREATE USER 'u'@'%'", nil},
		{record{"password": "No", "authplugin": "AUTHENTICATION_LDAP_SIMPLE", "userforauthplugin": "uid=u,dc=x"}, "CREATE USER 'u'@'%' IDENTIFIED WITH authentication_ldap_simple AS 'uid=u,dc=x'", nil},
		{record{"password": "No", "authplugin": "AUTHENTICATION_OAUTH2", "userforauthplugin": `{"client_secret": "x"}`}, "CREATE USER 'u'@'%' IDENTIFIED WITH authentication_oauth2", []string{"password"}},
	} {
		ddl, masked := authentication("'u'@'%'", c.row)
		require.Equal(t, c.ddl, ddl)
		require.Equal(t, c.masked, masked)
	}
}

func TestDefaultRolesAreOnlyBelievedOfRolesThatWereGranted(t *testing.T) {
	t.Parallel()
	for printed, want := range map[string]string{
		"NONE": "SET DEFAULT ROLE NONE TO 'u'@'%'", "a": "SET DEFAULT ROLE `a` TO 'u'@'%'", "b, a": "SET DEFAULT ROLE `a`, `b` TO 'u'@'%'",
		"a, of_its_group": "", "root": "",
	} {
		got, err := defaultRoleStatement("'u'@'%'", activeRoles(printed), []string{"a", "b"})
		require.NoError(t, err)
		require.Equal(t, want, got, printed)
		roles, known := defaultsOf([]string{"GRANT `a` TO USER 'u'@'%'", got})
		require.Equal(t, want != "", known, printed)
		if known {
			require.Equal(t, activeRoles(printed), roles)
		}
	}
}

func TestSecretInTheAnswerOfAServerIsNotRepeated(t *testing.T) {
	t.Parallel()
	err := withoutSecrets(explain(&wire.ServerError{Code: 1064, Message: "unexpected input near 'it\\'s secret' or it's secret"}), "it's secret")
	require.NotContains(t, err.Error(), "secret")
	var refused *wire.ServerError
	require.ErrorAs(t, err, &refused)
	// Catalogs have their properties in double quotes; one secret may begin with another one.
	quoting := &wire.ServerError{Code: 1064, Message: `bad value in "secret_key" = ` + wire.DoubleQuoted(`pa"ss\word`) + ` and "k" = "pa-longer"`}
	err = withoutSecrets(explain(quoting), "pa", `pa"ss\word`, "pa-longer")
	for _, part := range []string{"pa", "ss", "word", "longer"} {
		require.NotContains(t, err.Error(), part)
	}
	require.NoError(t, withoutSecrets(nil, "x"))
	require.ErrorIs(t, withoutSecrets(cluster.ErrUnreachable, "x"), cluster.ErrUnreachable)
}

// docs CREATE_EXTERNAL_CATALOG hive_catalog.md, as SHOW CREATE CATALOG prints it (fe:qe/ShowExecutor).
const hiveCatalog = "CREATE EXTERNAL CATALOG `lake`\ncomment \"a lake\"\nPROPERTIES (\"type\"  =  \"hive\",\n\"aws.s3.secret_key\"  =  \"ab******yz\",\n\"aws.s3.access_key\"  =  \"******\",\n" +
	"\"hive.metastore.uris\"  =  \"thrift://127.0.0.1:9083\"\n)"

// Trap 11: SHOW CREATE CATALOG masks credentials, and leaves the first and last two characters of long ones.
func TestMaskedCredentialsOfACatalogAreAskedFor(t *testing.T) {
	t.Parallel()
	c, err := parseCatalog(hiveCatalog)
	require.NoError(t, err)
	require.Equal(t, []string{"aws.s3.access_key", "aws.s3.secret_key"}, c.masked())
	ddl, err := c.statement("lake", nil)
	require.NoError(t, err)
	require.NotContains(t, ddl, "ab***")
	again, err := parseCatalog(ddl)
	require.NoError(t, err)
	require.Equal(t, c, again)
	whole, err := c.statement("other", map[string]string{"aws.s3.access_key": `a"b\`, "aws.s3.secret_key": "c"})
	require.NoError(t, err)
	require.Equal(t, "CREATE EXTERNAL CATALOG `other` COMMENT \"a lake\"\nPROPERTIES (\n\"aws.s3.access_key\" = \"a\\\"b\\\\\",\n\"aws.s3.secret_key\" = \"c\",\n"+
		"\"hive.metastore.uris\" = \"thrift://127.0.0.1:9083\",\n\"type\" = \"hive\"\n)", whole)

	c, err = parseCatalog("CREATE EXTERNAL CATALOG `j`\nPROPERTIES (\"type\" = \"jdbc\", \"user\" = \"u\")")
	require.NoError(t, err)
	require.Equal(t, []string{"password"}, c.masked(), "it is not even printed")
	for _, bad := range []string{"", "CREATE CATALOG x", "CREATE EXTERNAL CATALOG `x` PROPERTIES (\"a\" \"b\")", "CREATE EXTERNAL CATALOG `x` PROPERTIES (\"a\" = \"b\" \"c\")",
		"CREATE EXTERNAL CATALOG `x` PROPERTIES (\"a\" = \"b\"", "CREATE EXTERNAL CATALOG `x` PROPERTIES (\"a\" = \"b\") x"} {
		_, err := parseCatalog(bad)
		require.ErrorIs(t, err, cluster.ErrUnsupported, bad)
	}
}

// Rows of SHOW FULL FUNCTIONS (docs SHOW_FUNCTIONS.md, fe:catalog/Function.getInfo).
func TestFunctionIsPutTogetherFromWhatSHOWTells(t *testing.T) {
	t.Parallel()
	jar := `{"fid":"-1","file":"http://h/udf.jar","md5":"0a","symbol":"com.x.F","type":"SRJAR"}`
	properties := ` PROPERTIES ("file" = "http://h/udf.jar", "md5" = "0a", "symbol" = "com.x.F", "type" = "StarrocksJar")`
	for _, c := range []struct {
		row        record
		ddl        string
		incomplete bool
	}{
		{record{"signature": "f(INT,VARCHAR)", "return type": "BIGINT", "function type": "Scalar", "properties": jar}, "CREATE FUNCTION `f`(INT, STRING) RETURNS BIGINT" + properties, false},
		{record{"signature": "f(INT, ...)", "return type": "INT", "function type": "Aggregate", "properties": jar}, "CREATE AGGREGATE FUNCTION `f`(INT, ...) RETURNS INT" + properties, false},
		{record{"signature": "f()", "return type": "VARCHAR", "function type": "Scalar", "properties": strings.Replace(jar, "SRJAR", "StarrocksJar", 1)}, "CREATE FUNCTION `f`() RETURNS STRING" + properties, false},
		{record{"signature": "f(INT)", "return type": "INVALID_TYPE", "function type": "Table", "properties": jar}, "CREATE TABLE FUNCTION `f`(INT) RETURNS INVALID_TYPE" + properties, true},
		{record{"signature": "f(DECIMAL64)", "return type": "INT", "function type": "Scalar", "properties": jar}, "CREATE FUNCTION `f`(DECIMAL64) RETURNS INT" + properties, true},
		{record{"signature": "f(INT)", "return type": "INT", "function type": "Scalar", "properties": `{"file":"inline","symbol":"x","type":"PYTHON"}`}, "CREATE FUNCTION `f`(INT) RETURNS INT PROPERTIES (\"file\" = \"inline\", \"symbol\" = \"x\", \"type\" = \"Python\")", true},
		{record{"signature": "f(INT)", "return type": "BIGINT", "function type": "SQL", "properties": "`x` + abs(`x`)"}, "CREATE FUNCTION `f`(`x` INT) RETURNS `x` + abs(`x`)", false},
		{record{"signature": "f()", "return type": "DECIMAL64", "function type": "SQL", "properties": "1.5"}, "CREATE FUNCTION `f`() RETURNS 1.5", false},
		{record{"signature": "f(INT,INT)", "return type": "INT", "function type": "SQL", "properties": "`x` - `y`"}, "CREATE FUNCTION `f`(INT, INT) RETURNS `x` - `y`", true},
		{record{"signature": "f(INT)", "return type": "INT", "function type": "SQL", "properties": "1"}, "CREATE FUNCTION `f`(`argument1` INT) RETURNS 1", false},
		{record{"signature": "f(INT,VARCHAR)", "return type": "INT", "function type": "SQL", "properties": "'`x`'"}, "CREATE FUNCTION `f`(`argument1` INT, `argument2` STRING) RETURNS '`x`'", false},
		{record{"signature": "f(INT)", "return type": "INT", "function type": "SQL", "properties": "`x` + `y`"}, "CREATE FUNCTION `f`(INT) RETURNS `x` + `y`", true},
	} {
		o, err := describedFunction(c.row, snapshot.Function)
		require.NoError(t, err)
		require.Equal(t, c.ddl, o.DDL)
		require.Equal(t, c.incomplete, o.Settings[incompleteSetting] != "", "%v", o.Settings)
		require.Equal(t, c.row["signature"], o.Settings[signatureSetting])
		require.Equal(t, "f", o.Name)
	}
	target, err := functionTarget("d", "f", "f(INT,VARCHAR, ...)")
	require.NoError(t, err)
	require.Equal(t, "`d`.`f`(INT, STRING, ...)", target)
	_, err = describedFunction(record{"signature": "f(INT)", "function type": "Scalar", "properties": "{"}, snapshot.Function)
	require.ErrorIs(t, err, cluster.ErrUnsupported)
}

func TestFunctionThatCallsARenamedOneFollows(t *testing.T) {
	t.Parallel()
	got, err := renamedFunction(snapshot.Object{DDL: "CREATE FUNCTION `h`(`x` INT) RETURNS `db`.f(`x`) + 'db.f'"}, "`new`.`h`", shop())
	require.NoError(t, err)
	require.Equal(t, "CREATE FUNCTION `new`.`h`(`x` INT) RETURNS `new`.`g`(`x`) + 'db.f'", got)
}

// Rows of SHOW RESOURCE GROUPS (docs SHOW_RESOURCE_GROUP.md), one a classifier.
func TestResourceGroupIsPutTogetherFromItsRows(t *testing.T) {
	t.Parallel()
	row := func(classifier string) record {
		return record{"name": "g", "id": "7", "cpu_weight": "10", "exclusive_cpu_cores": "0", "mem_limit": "30.0%", "big_query_mem_limit": "0", "concurrency_limit": "null",
			"spill_mem_limit_threshold": "100%", "mem_pool": "default_mem_pool", "group_type": "NORMAL", "warehouses": "", "classifiers": classifier}
	}
	o, err := describedGroup([]record{row("(id=2, weight=2.1, user=ann, query_type in (SELECT, INSERT))"), row("(id=1, weight=1.0, role=x y, db='a,b', source_ip=10.0.0.0/8, plan_cpu_cost_range=[0.0, 9.5))")})
	require.NoError(t, err)
	require.Equal(t, "CREATE RESOURCE GROUP `g` TO (role = 'x y', db = 'a,b', source_ip = '10.0.0.0/8', plan_cpu_cost_range = '[0.0, 9.5)'), (user = 'ann', query_type in ('select', 'insert'))"+
		" WITH ('cpu_weight' = '10', 'mem_limit' = '30.0%')", o.DDL)
	short := row("(id=0, weight=0.0)")
	short["group_type"], short["concurrency_limit"] = "MV", "5"
	o, err = describedGroup([]record{short})
	require.NoError(t, err)
	require.Equal(t, "CREATE RESOURCE GROUP `g` WITH ('cpu_weight' = '10', 'mem_limit' = '30.0%', 'concurrency_limit' = '5', 'type' = 'mv')", o.DDL)
	for _, bad := range []string{"", "user=x", "(id=1, moon=full)", "(id=1, query_type in (SELECT)"} {
		_, err := describedGroup([]record{row(bad)})
		require.ErrorIs(t, err, cluster.ErrUnsupported, bad)
	}
}

func TestAnswersThatPassAreTriedAgain(t *testing.T) {
	t.Parallel()
	answer := func(m string) error { return explain(&wire.ServerError{Code: 1064, Message: m}) }
	require.ErrorIs(t, rejection(answer("cannot compute object's checksum")), cluster.ErrRejected)
	require.ErrorIs(t, rejection(answer("Unknown table 't'")), cluster.ErrRejected)
	for _, err := range []error{answer("Failed to acquire lock"), answer("no alive backend, please try again"), answer("Access denied; you need"), cluster.ErrUnreachable, errors.New("x")} {
		require.NotErrorIs(t, rejection(err), cluster.ErrRejected, err.Error())
	}
}

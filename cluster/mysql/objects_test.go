package mysql_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
	"starkeep/tests/server/mariadb"
)

// Objects of every kind, some made under other settings than ours.
func TestObjectsComeBackInAnotherDatabase(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec(strings.NewReplacer("DB", p.database).Replace(`
CREATE TABLE t (a int PRIMARY KEY, b varchar(20));
CREATE TABLE log (x varchar(100));
CREATE SEQUENCE s START WITH 5 INCREMENT BY 3 MAXVALUE 1000 NOCACHE CYCLE;
SELECT NEXTVAL(s);
CREATE VIEW z_last AS SELECT a, b FROM DB.t;
CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW a_first AS SELECT z.a, 'DB.t' AS text FROM z_last AS z WHERE z.a > 1 WITH CASCADED CHECK OPTION;
CREATE DEFINER=ghost@nowhere VIEW haunted AS SELECT 1 AS one;
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT';
CREATE FUNCTION "f ''x" (x int) RETURNS varchar(50) DETERMINISTIC COMMENT 'it''s' RETURN 'ü"' || x /* DB.t */;
CREATE PROCEDURE p(OUT n int) MODIFIES SQL DATA BEGIN SELECT COUNT(*) INTO n FROM DB.t; INSERT INTO "log" VALUES ('` + "`DB`" + `.t'); END;
SET sql_mode = '';
CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE COMMENT 'x' DO INSERT INTO DB.log VALUES ('e');
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.b = (SELECT x FROM DB.log LIMIT 1);
`))
	other := p.server.Database(t)
	p.server.Exec(t, "CREATE TABLE "+other+".t2 LIKE "+p.database+".t; CREATE TABLE "+other+".log (x varchar(100))")
	objects, err := p.cluster.Objects(t.Context(), p.database, cluster.Collection{})
	require.NoError(t, err)
	var kinds []string
	for _, o := range objects {
		kinds = append(kinds, o.String())
	}
	require.Equal(t, []string{"sequence s", "function f ''x", "procedure p", "view z_last", "view a_first", "view haunted", "trigger tr", "event e"}, kinds)
	r := cluster.Renaming{From: p.database, To: other, Tables: map[string]string{"t": "t2"}}
	for _, o := range objects {
		for range 2 {
			note, err := p.cluster.PutObject(t.Context(), o, r)
			require.NoError(t, err, o)
			if o.Name == "haunted" {
				require.Contains(t, note, "'ghost'@'nowhere' does not exist")
			} else {
				require.Empty(t, note, o)
			}
		}
	}
	again, err := p.cluster.Objects(t.Context(), other, cluster.Collection{})
	require.NoError(t, err)
	require.Len(t, again, len(objects))
	for i, o := range again {
		want := objects[i]
		require.Equal(t, want.Settings, o.Settings, o)
		if o.Kind == snapshot.Trigger {
			require.Equal(t, "t2", o.Table)
			require.Contains(t, o.DDL, "`"+other+"`.`log`")
			continue
		}
		require.NotContains(t, strings.ReplaceAll(strings.ReplaceAll(o.DDL, "'"+p.database+".t'", ""), "/* "+p.database+".t */", ""), p.database+"`.`t`", o)
	}
	require.Equal(t, "8", p.server.Query(t, "SELECT NEXTVAL("+other+".s)")[0][0], "a sequence goes on where it was")
	require.Equal(t, `ü"7`, p.server.Query(t, "SELECT "+other+".`f ''x`(7)")[0][0])
	p.server.Exec(t, "INSERT INTO "+other+".t2 VALUES (5, 'x')")
	require.Equal(t, [][]string{{"5", p.database + ".t"}}, p.server.Query(t, "SELECT * FROM "+other+".a_first"))
	for _, o := range again {
		for range 2 {
			require.NoError(t, p.cluster.DropObject(t.Context(), other, o), o)
		}
	}
	_, others, err := p.cluster.Tables(t.Context(), other)
	require.NoError(t, err)
	require.Empty(t, others)
}

func TestObjectsThatCannotBeReadAreNotSkipped(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1")
	user, password := p.server.NewUser(t, "SELECT, EXECUTE ON "+p.database+".*")
	_, err := connect(t, p.server.Address, user, password).Objects(t.Context(), p.database, cluster.Collection{})
	require.ErrorIs(t, err, cluster.ErrDenied)
	_, err = p.cluster.Objects(t.Context(), "nowhere", cluster.Collection{})
	require.ErrorIs(t, err, cluster.ErrUnknownDatabase)
}

func TestRefusedObjectLeavesTheOldOneInItsPlace(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec(`CREATE TABLE t (a int); CREATE TABLE u (a int); SET sql_mode = 'ANSI_QUOTES';
CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1;
CREATE PROCEDURE p() SELECT 'old' AS "x";
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1;
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 7;
CREATE VIEW v AS SELECT 1 AS one`)
	before, err := p.cluster.Objects(t.Context(), p.database, cluster.Collection{})
	require.NoError(t, err)
	require.Len(t, before, 5)
	r := cluster.Renaming{From: p.database, To: p.database}
	for _, o := range []snapshot.Object{
		{Kind: snapshot.Function, Name: "f", DDL: "CREATE FUNCTION `f`() RETURNS int RETURN 2"}, // error 1418 while the binary log is on
		{Kind: snapshot.Procedure, Name: "p", DDL: "CREATE PROCEDURE `p`() BEGIN DECLARE x int; DECLARE x int; END"},
		{Kind: snapshot.Event, Name: "e", DDL: "CREATE EVENT `e` ON SCHEDULE EVERY 0 DAY DO SELECT 2"},
		{Kind: snapshot.Trigger, Name: "tr", Table: "t", DDL: "CREATE TRIGGER `tr` BEFORE INSERT ON `t` FOR EACH ROW SET NEW.nowhere = 3"},
		{Kind: snapshot.View, Name: "v", DDL: "CREATE VIEW `v` AS SELECT x FROM `nowhere`"},
	} {
		_, err := p.cluster.PutObject(t.Context(), o, r)
		require.ErrorIs(t, err, cluster.ErrRejected, o)
		after, err := p.cluster.Objects(t.Context(), p.database, cluster.Collection{})
		require.NoError(t, err)
		require.Equal(t, before, after, o)
	}
	require.Equal(t, "1", p.server.Query(t, "SELECT "+p.database+".f()")[0][0])
	_, err = p.cluster.PutObject(t.Context(), snapshot.Object{Kind: snapshot.Trigger, Name: "tr", Table: "u", DDL: "CREATE TRIGGER `tr` BEFORE INSERT ON `u` FOR EACH ROW SET NEW.a = 8"}, r)
	require.NoError(t, err, "a trigger of this name on another table")
	p.server.Exec(t, "INSERT INTO "+p.database+".t VALUES (1); INSERT INTO "+p.database+".u VALUES (1)")
	require.Equal(t, [][]string{{"1", "8"}}, p.server.Query(t, "SELECT t.a, u.a FROM "+p.database+".t JOIN "+p.database+".u"))
}

// Who backs up one table need not be allowed to see every view of its database.
func TestObjectsThatAreNotAskedForNeedNoPrivilege(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1; CREATE VIEW v AS SELECT a FROM t; CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 7")
	user, password := p.server.NewUser(t, "SELECT, TRIGGER, EXECUTE ON "+p.database+".*")
	weak := connect(t, p.server.Address, user, password)
	_, err := weak.Objects(t.Context(), p.database, cluster.Collection{})
	require.ErrorIs(t, err, cluster.ErrDenied)
	found, err := weak.Objects(t.Context(), p.database, cluster.Collection{Kinds: []snapshot.ObjectKind{snapshot.Trigger, snapshot.Sequence}})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "trigger tr", found[0].String())
	found, err = weak.Objects(t.Context(), p.database, cluster.Collection{Database: true, Kinds: []snapshot.ObjectKind{}})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, snapshot.Database, found[0].Kind)
}

func TestUsersComeBackWithTheirGrants(t *testing.T) {
	t.Parallel()
	s := mariadb.Start(t, mariadb.Options{}) // users belong to the whole server
	c := connect(t, s.Address, s.User, s.Password)
	s.Exec(t, "CREATE DATABASE d; CREATE DATABASE e; CREATE TABLE d.t (a int, b int); CREATE ROLE r, r2; GRANT SELECT ON d.* TO r; GRANT r TO r2; "+
		"CREATE USER `it's`@`10.%` IDENTIFIED BY 'secret' REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 5; GRANT r2 TO `it's`@`10.%` WITH ADMIN OPTION; "+
		"GRANT INSERT, UPDATE (b) ON d.t TO `it's`@`10.%` WITH GRANT OPTION; SET DEFAULT ROLE r2 FOR `it's`@`10.%`")
	all, err := c.Objects(t.Context(), "d", cluster.Collection{Users: true})
	require.NoError(t, err)
	at := slices.IndexFunc(all, func(o snapshot.Object) bool { return o.Name == `'it\'s'@'10.%'` })
	require.GreaterOrEqual(t, at, 0)
	require.True(t, all[at].Global())
	roles := slices.DeleteFunc(slices.Clone(all), func(o snapshot.Object) bool { return o.Kind != snapshot.Role })
	require.Len(t, roles, 2, "roles come before who has them")
	require.NoError(t, c.DropObject(t.Context(), "", all[at]))
	for _, o := range append(roles, all[at]) {
		note, err := c.PutObject(t.Context(), o, cluster.Renaming{From: "d", To: "d"})
		require.NoError(t, err)
		require.Equal(t, o.Kind == snapshot.Role, note != "", note)
	}
	again, err := c.Objects(t.Context(), "d", cluster.Collection{Users: true})
	require.NoError(t, err)
	require.Equal(t, all, again)
	note, err := c.PutObject(t.Context(), all[at], cluster.Renaming{From: "d", To: "e"})
	require.NoError(t, err)
	require.Contains(t, note, "keeps its password")
	require.Contains(t, note, "a grant is refused", "e has no table t")
	require.NotContains(t, note, "*", "no hash")
}

// A table whose defaults come from a sequence needs it before it can be made; a restore that is given up takes it along.
func TestSequenceOfADefault(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE SEQUENCE s START WITH 40; CREATE TABLE t (a int PRIMARY KEY DEFAULT NEXTVAL(s))")
	table := p.describe("t")
	require.Contains(t, strings.Join(p.cluster.Notes(table), ";"), "sequence s")
	objects, err := p.cluster.Objects(t.Context(), p.database, cluster.Collection{})
	require.NoError(t, err)
	other := p.server.Database(t)
	build := func() cluster.Publication {
		id, err := p.cluster.CreateTable(t.Context(), other, table, cluster.TableOptions{Name: "__starkeep_1"})
		require.NoError(t, err)
		require.NoError(t, p.cluster.Finish(t.Context(), other, table, "__starkeep_1"))
		return cluster.Publication{Database: other, Table: "t", Shadow: "__starkeep_1", ShadowID: id}
	}
	require.NoError(t, p.cluster.Discard(t.Context(), build()))
	_, others, err := p.cluster.Tables(t.Context(), other)
	require.NoError(t, err)
	require.Empty(t, others)
	require.NoError(t, p.cluster.Publish(t.Context(), build()))
	_, err = p.cluster.PutObject(t.Context(), objects[0], cluster.Renaming{From: p.database, To: other})
	require.NoError(t, err)
	require.NoError(t, p.cluster.Discard(t.Context(), cluster.Publication{Database: other, Table: "x", Shadow: "__starkeep_2"}))
	p.server.Exec(t, "INSERT INTO "+other+".t VALUES ()")
	require.Equal(t, "40", p.server.Query(t, "SELECT a FROM "+other+".t")[0][0])
}

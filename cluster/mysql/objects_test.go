package mysql_test

import (
	"fmt"
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
CREATE SEQUENCE s; CREATE VIEW v AS SELECT 1 AS one`)
	before, err := p.cluster.Objects(t.Context(), p.database, cluster.Collection{})
	require.NoError(t, err)
	require.Len(t, before, 6)
	r := cluster.Renaming{From: p.database, To: p.database}
	for _, o := range []snapshot.Object{
		{Kind: snapshot.Function, Name: "f", DDL: "CREATE FUNCTION `f`() RETURNS int RETURN 2"}, // error 1418 while the binary log is on
		{Kind: snapshot.Procedure, Name: "p", DDL: "CREATE PROCEDURE `p`() BEGIN DECLARE x int; DECLARE x int; END"},
		{Kind: snapshot.Event, Name: "e", DDL: "CREATE EVENT `e` ON SCHEDULE EVERY 0 DAY DO SELECT 2"},
		{Kind: snapshot.Trigger, Name: "tr", Table: "t", DDL: "CREATE TRIGGER `tr` BEFORE INSERT ON `t` FOR EACH ROW SET NEW.nowhere = 3"},
		{Kind: snapshot.Sequence, Name: "s", DDL: "CREATE SEQUENCE `s` START WITH 5 MAXVALUE 1"},
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

// sequenced is a table with two rows whose key comes from a sequence, and another database for it.
type sequenced struct {
	*place
	table snapshot.Table
	other string
}

func newSequenced(t *testing.T, definition string) *sequenced {
	x := &sequenced{place: newPlace(t)}
	x.exec("CREATE SEQUENCE s " + definition + "; CREATE TABLE t (a bigint PRIMARY KEY DEFAULT NEXTVAL(s), b int); INSERT INTO t (b) VALUES (1), (2)")
	x.table, x.other = x.describe("t"), x.server.Database(t)
	return x
}

// build builds the table with its rows.
func (x *sequenced) build(t *testing.T, number int) cluster.Publication {
	shadow := fmt.Sprintf("__starkeep_%d", number)
	id, err := x.cluster.CreateTable(t.Context(), x.other, x.table, cluster.TableOptions{Name: shadow})
	require.NoError(t, err)
	x.server.Exec(t, "INSERT IGNORE INTO "+x.other+"."+shadow+" SELECT * FROM "+x.database+".t")
	require.NoError(t, x.cluster.Finish(t.Context(), x.other, x.table, shadow))
	return cluster.Publication{Database: x.other, Table: fmt.Sprintf("t%d", number), Shadow: shadow, ShadowID: id}
}

// insert returns the key of one more row.
func (x *sequenced) insert(t *testing.T, table string) string {
	return x.server.Query(t, "INSERT INTO "+x.other+"."+table+" (b) VALUES (3) RETURNING a")[0][0]
}

// here are the tables and sequences of the other database, the journal among them.
func (x *sequenced) here(t *testing.T) (list []string) {
	for _, r := range x.server.Query(t, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '"+x.other+"' ORDER BY 1") {
		list = append(list, r[0])
	}
	return list
}

// A restore that is given up takes along the sequences that it had to make for its tables.
func TestSequenceOfADefaultIsDroppedWithTheTableThatWasGivenUp(t *testing.T) {
	t.Parallel()
	x := newSequenced(t, "START WITH 40")
	require.Contains(t, strings.Join(x.cluster.Notes(x.table), ";"), "sequence s")
	one, two := x.build(t, 1), x.build(t, 2)
	require.NoError(t, x.cluster.Discard(t.Context(), one))
	require.Contains(t, x.here(t), "s", "the other table needs it")
	require.NoError(t, x.cluster.Discard(t.Context(), two))
	require.Empty(t, x.here(t))
	x.server.Exec(t, "CREATE SEQUENCE "+x.other+".s")
	require.NoError(t, x.cluster.Discard(t.Context(), x.build(t, 1)))
	require.Equal(t, []string{"s"}, x.here(t), "it was there before")
}

// A table whose sequence is not in the snapshot gets no key a second time, and keeps its sequence.
func TestSequenceOfALiveTableStays(t *testing.T) {
	t.Parallel()
	x := newSequenced(t, "START WITH 40")
	p := x.build(t, 1)
	require.NoError(t, x.cluster.Publish(t.Context(), p))
	require.NoError(t, x.cluster.Discard(t.Context(), x.build(t, 2)))
	require.Equal(t, "42", x.insert(t, "t1"))
	require.NoError(t, x.cluster.DropRetired(t.Context(), p))
	require.Equal(t, []string{"s", "t1"}, x.here(t))
	require.NoError(t, x.cluster.Discard(t.Context(), x.build(t, 2)))
	require.Equal(t, "43", x.insert(t, "t1"))
	require.Empty(t, x.server.Query(t, "SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = '"+x.other+"' AND TABLE_COMMENT <> ''"))
}

func TestSequenceNeverGoesBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ definition, first, second string }{
		"up":       {"START WITH 500 NOCACHE", "502", "503"},
		"cached":   {"START WITH 500", "1500", "1501"},
		"down":     {"START WITH -5 INCREMENT BY -2 NOCACHE", "-9", "-11"},
		"negative": {"START WITH -50 MINVALUE -100 MAXVALUE -1 INCREMENT BY 3 NOCACHE", "-44", "-41"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newSequenced(t, c.definition)
			objects, err := x.cluster.Objects(t.Context(), x.database, cluster.Collection{Kinds: []snapshot.ObjectKind{snapshot.Sequence}})
			require.NoError(t, err)
			put := func() {
				_, err := x.cluster.PutObject(t.Context(), objects[0], cluster.Renaming{From: x.database, To: x.other})
				require.NoError(t, err)
			}
			require.NoError(t, x.cluster.Publish(t.Context(), x.build(t, 1)))
			put()
			require.Equal(t, c.first, x.insert(t, "t1"), "it goes on where it was")
			put() // an activity that is repeated
			after := x.insert(t, "t1")
			if name != "cached" { // a repeat skips what the server had cached
				require.Equal(t, c.second, after)
			}
			x.server.Exec(t, "ALTER SEQUENCE "+x.other+".s CYCLE")
			put()             // in the place of one of another definition
			x.insert(t, "t1") // the primary key takes no value twice
			again, err := x.cluster.Objects(t.Context(), x.other, cluster.Collection{Kinds: []snapshot.ObjectKind{snapshot.Sequence}})
			require.NoError(t, err)
			require.Equal(t, objects[0].DDL, again[0].DDL)
			require.NoError(t, x.cluster.Discard(t.Context(), cluster.Publication{Database: x.other, Table: "x", Shadow: "__starkeep_9"}))
			require.Contains(t, x.here(t), "s")
		})
	}
}

func TestRoutineAsksForAnotherNameAndLeavesTheOldOneAlone(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE FUNCTION f (x int) RETURNS int DETERMINISTIC RETURN x + 1; CREATE PROCEDURE q() SELECT 1")
	objects, err := p.cluster.Objects(t.Context(), p.database, cluster.Collection{})
	require.NoError(t, err)
	p.exec("DROP FUNCTION f; CREATE FUNCTION f (x int) RETURNS int DETERMINISTIC RETURN x + 100")
	for _, o := range objects {
		_, err := p.cluster.PutObject(t.Context(), o, cluster.Renaming{From: p.database, To: p.database, Others: map[string]string{"f": "f of yesterday", "q": "q2"}})
		require.NoError(t, err, o)
	}
	require.Equal(t, [][]string{{"2", "101"}}, p.server.Query(t, "SELECT "+p.database+".`f of yesterday`(1), "+p.database+".f(1)"))
	require.Equal(t, [][]string{{"f"}, {"f of yesterday"}, {"q"}, {"q2"}}, p.server.Query(t, "SELECT routine_name FROM information_schema.routines WHERE routine_schema = '"+p.database+"' ORDER BY 1"))
}

// put creates the objects of a database in another one, and returns the notes.
func (p *place) put(to string, objects ...snapshot.Object) (notes string) {
	p.t.Helper()
	for _, o := range objects {
		note, err := p.cluster.PutObject(p.t.Context(), o, cluster.Renaming{From: p.database, To: to})
		require.NoError(p.t, err, o)
		notes += note
	}
	return notes
}

func (p *place) objects(kinds ...snapshot.ObjectKind) []snapshot.Object {
	p.t.Helper()
	list, err := p.cluster.Objects(p.t.Context(), p.database, cluster.Collection{Kinds: kinds})
	require.NoError(p.t, err)
	return list
}

func TestPackagesComeBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE t (a int); INSERT INTO t VALUES (7); SET sql_mode = 'ORACLE'")
	db := p.server.Open(t, p.database)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	for _, s := range []string{
		"SET sql_mode = 'ORACLE'", "CREATE PACKAGE pack COMMENT 'it''s' AS FUNCTION seven RETURN INT; PROCEDURE nothing; END",
		"CREATE PACKAGE BODY pack AS FUNCTION seven RETURN INT AS r INT; BEGIN SELECT a INTO r FROM " + p.database + ".t; RETURN r; END; PROCEDURE nothing AS BEGIN NULL; END; END",
	} {
		_, err := conn.ExecContext(t.Context(), s)
		require.NoError(t, err, s)
	}
	objects := p.objects(snapshot.Package, snapshot.Body)
	require.Len(t, objects, 2)
	other := p.server.Database(t)
	p.server.Exec(t, "CREATE TABLE "+other+".t (a int); INSERT INTO "+other+".t VALUES (8)")
	for range 2 {
		require.Empty(t, p.put(other, objects...))
		require.Equal(t, "8", p.server.Query(t, "SELECT "+other+".pack.seven()")[0][0])
	}
	there := &place{t, p.server, p.cluster, other}
	for i, o := range there.objects(snapshot.Package, snapshot.Body) {
		require.Equal(t, strings.ReplaceAll(objects[i].DDL, p.database+".t", "`"+other+"`.`t`"), o.DDL)
		require.Equal(t, objects[i].Settings, o.Settings)
		require.NoError(t, p.cluster.DropObject(t.Context(), other, o))
	}
	require.Empty(t, there.objects(snapshot.Package, snapshot.Body))
}

// An event whose time came after the backup is gone, or disabled, as soon as it is created, and no error says so.
func TestEventWhoseTimeIsOverIsTold(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec(`CREATE EVENT gone ON SCHEDULE AT '2035-01-01 00:00:00' DO SELECT 1;
CREATE EVENT kept ON SCHEDULE AT '2035-01-01 00:00:00' ON COMPLETION PRESERVE DO SELECT 1;
CREATE EVENT ends ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' ENDS '2035-01-01 00:00:00' DO SELECT 1;
CREATE EVENT slave ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DISABLE ON SLAVE DO SELECT 1`)
	events := p.objects(snapshot.Event)
	require.Len(t, events, 4)
	other := p.server.Database(t)
	require.Empty(t, p.put(other, events...), "their time has not come")
	require.Equal(t, events, (&place{t, p.server, p.cluster, other}).objects(snapshot.Event))
	later := p.server.Database(t)
	for _, e := range events {
		e.DDL = strings.NewReplacer("2030-", "2010-", "2035-", "2015-").Replace(e.DDL)
		require.Contains(t, p.put(later, e), map[string]string{
			"gone": "it is not there", "ends": "it is not there", "kept": "the server has disabled it", "slave": "",
		}[e.Name], e)
	}
	require.Equal(t, [][]string{{"kept", "DISABLED"}, {"slave", "SLAVESIDE_DISABLED"}},
		p.server.Query(t, "SELECT EVENT_NAME, STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ? ORDER BY 1", later))
}

// Where a table, or an alias, has the name of its database, name.column is no name of a table.
func TestTableOfTheNameOfItsDatabase(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec(strings.ReplaceAll(`CREATE TABLE DB (id int, qty int); CREATE TABLE log (n int); INSERT INTO DB VALUES (1, 5);
CREATE FUNCTION twice(x int) RETURNS int DETERMINISTIC RETURN x * 2;
CREATE VIEW v AS SELECT DB.id, MAX(DB.qty) AS m, DB.twice(1) AS t FROM log RIGHT JOIN DB.DB ON log.n = DB.id GROUP BY DB.id;
CREATE VIEW w AS SELECT DB.n FROM log AS DB;
CREATE PROCEDURE p() SELECT DB.qty, (SELECT COUNT(DB.id) FROM (DB.DB)), DB.twice(DB.qty) FROM DB.log RIGHT JOIN DB.DB ON log.n = 3 WHERE DB.id > 0 AND DB.DB.id IN (DB.id, DB.qty);
CREATE TRIGGER tr BEFORE INSERT ON DB FOR EACH ROW BEGIN INSERT INTO DB.log SELECT 1 + MAX(DB.qty) FROM log, DB.DB; SET NEW.qty = DB.twice(NEW.qty); END;
INSERT INTO log VALUES (1)`, "DB", p.database))
	other := p.server.Database(t)
	p.server.Exec(t, fmt.Sprintf("CREATE TABLE %[1]s.%[2]s LIKE %[2]s.%[2]s; CREATE TABLE %[1]s.log LIKE %[2]s.log; INSERT INTO %[1]s.%[2]s VALUES (3, 7); INSERT INTO %[1]s.log VALUES (3)", other, p.database))
	require.Empty(t, p.put(other, p.objects()...))
	p.server.Exec(t, "DROP TABLE "+p.database+".log; DROP FUNCTION "+p.database+".twice; DROP TABLE "+p.database+"."+p.database)
	require.Equal(t, [][]string{{"3", "7", "2"}}, p.server.Query(t, "SELECT * FROM "+other+".v"))
	require.Equal(t, [][]string{{"3"}}, p.server.Query(t, "SELECT * FROM "+other+".w"))
	p.server.Exec(t, "INSERT INTO "+other+"."+p.database+" VALUES (3, 1)")
	require.Equal(t, [][]string{{"7", "2", "14"}, {"2", "2", "4"}}, p.server.Query(t, "CALL "+other+".p()"))
	require.Equal(t, [][]string{{"3"}, {"8"}}, p.server.Query(t, "SELECT n FROM "+other+".log ORDER BY 1"))
}

// A grant of a role that is not there yet is refused, and a role may have one whose name comes later.
func TestRolesOfRolesComeBackOnAnEmptyServer(t *testing.T) {
	t.Parallel()
	from, to := mariadb.Start(t, mariadb.Options{}), mariadb.Start(t, mariadb.Options{})
	c, d := connect(t, from.Address, from.User, from.Password), connect(t, to.Address, to.User, to.Password)
	from.Exec(t, "CREATE DATABASE d_d; CREATE ROLE zz, mm, aa; GRANT zz TO mm; GRANT mm TO aa; GRANT SELECT ON `d\\_d`.* TO zz; GRANT INSERT ON d_d.* TO mm; "+
		"CREATE USER `d_d`@`%` IDENTIFIED BY 'secret'; GRANT aa TO `d_d`@`%`; GRANT UPDATE ON `d\\_d`.* TO `d_d`@`%`")
	to.Exec(t, "CREATE DATABASE e_e")
	all, err := c.Objects(t.Context(), "d_d", cluster.Collection{Users: true, Kinds: []snapshot.ObjectKind{snapshot.User}})
	require.NoError(t, err)
	for _, o := range all {
		if strings.Contains(o.Name, from.User) || strings.Contains(o.Name, "root") {
			continue
		}
		note, err := d.PutObject(t.Context(), o, cluster.Renaming{From: "d_d", To: "e_e"})
		require.NoError(t, err)
		require.Empty(t, note, o)
	}
	grants := func(s *mariadb.Server, account string) (list []string) {
		for _, r := range s.Query(t, "SHOW GRANTS FOR "+account) {
			list = append(list, r[0])
		}
		return list
	}
	elsewhere := strings.NewReplacer(`d\_d`, `e\_e`, "ON `d_d`.*", `ON `+"`e\\_e`.*")
	for _, account := range []string{"zz", "mm", "aa", "d_d@'%'"} {
		var want []string
		for _, g := range grants(from, account) {
			want = append(want, elsewhere.Replace(g))
		}
		require.ElementsMatch(t, want, grants(to, account), account)
	}
	require.Contains(t, strings.Join(grants(to, "aa"), "\n"), "ON `e\\_e`.* TO `zz`")
}

// SHOW CREATE tells under which character sets a text was made; its literals mean something else under others.
func TestObjectsKeepWhoAndUnderWhatTheyWereMade(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	conn, err := p.server.Open(t, p.database).Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	for _, s := range []string{
		"SET NAMES latin1 COLLATE latin1_german2_ci, time_zone = '+05:30'", "CREATE TABLE t (a int, b varchar(9))",
		"CREATE DEFINER=ghost@nowhere PROCEDURE p() SELECT 'x' = 'X'", "CREATE DEFINER=ghost@nowhere FUNCTION f() RETURNS int DETERMINISTIC RETURN 1",
		"CREATE DEFINER=ghost@nowhere VIEW v AS SELECT 'x' = 'X' AS same", "CREATE DEFINER=ghost@nowhere TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 'x'",
		"CREATE DEFINER=ghost@nowhere EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO SELECT 1",
	} {
		_, err := conn.ExecContext(t.Context(), s)
		require.NoError(t, err, s)
	}
	other := p.server.Database(t)
	p.server.Exec(t, "CREATE TABLE "+other+".t (a int, b varchar(9))")
	objects := p.objects()
	require.Len(t, objects, 5)
	for _, o := range objects {
		require.Contains(t, p.put(other, o), "'ghost'@'nowhere' does not exist", o)
	}
	for i, o := range (&place{t, p.server, p.cluster, other}).objects() {
		require.Equal(t, "latin1 latin1_german2_ci", o.Settings["character_set_client"]+" "+o.Settings["collation_connection"], o)
		require.Equal(t, objects[i].Settings, o.Settings, o)
		require.Contains(t, o.DDL, "DEFINER=`ghost`@`nowhere`", o)
	}
}

func TestDatabaseKeepsItsCommentAndCollation(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("ALTER DATABASE " + p.database + " COLLATE koi8r_bin COMMENT 'it''s'")
	list, err := p.cluster.Objects(t.Context(), p.database, cluster.Collection{Database: true, Kinds: []snapshot.ObjectKind{snapshot.Database}})
	require.NoError(t, err)
	other := p.server.Database(t)
	require.Empty(t, p.put(other, list...))
	require.Equal(t, [][]string{{"koi8r_bin", "it's"}}, p.server.Query(t, "SELECT DEFAULT_COLLATION_NAME, SCHEMA_COMMENT FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", other))
}

package mysql_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/cluster/mysql"
	"starkeep/snapshot"
	"starkeep/tests/server/mariadb"
)

// connect opens an adapter as a user of the server.
func connect(t testing.TB, address, user, password string) *mysql.Cluster {
	c, err := mysql.New(mysql.Config{Name: "test", Servers: []string{address}, User: user, Password: password, LockTimeout: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// family is a database whose tables point to each other in every way, with triggers, and what a restore builds of it.
type family struct {
	t        *testing.T
	server   *mariadb.Server
	cluster  *mysql.Cluster
	proxy    *proxy
	db       *sql.DB
	database string
	other    string // a database with a table that points here
	tables   []string
	ps       []cluster.Publication
	jobs     int
}

func newFamily(t *testing.T) *family {
	s := mariadb.Shared(t)
	p := newProxy(t, s.Address)
	f := &family{
		t: t, server: s, cluster: connect(t, p.address, s.User, s.Password), proxy: p,
		tables: []string{"parent", "child", "tree", "left_one", "right_one", "fresh`name"},
	}
	f.database = s.Database(t)
	f.other = s.Database(t)
	t.Cleanup(func() { s.Drop(t, f.other) }) // first: it points to the other one
	s.Exec(t, strings.NewReplacer("DB", f.database, "OTHER", f.other).Replace(`
USE DB;
CREATE TABLE parent (id int PRIMARY KEY AUTO_INCREMENT, v varchar(20) COMMENT 'a, (b) ''c''', KEY v (v)) AUTO_INCREMENT=100;
CREATE TABLE child (id int PRIMARY KEY, pid int, oid int, KEY pid (pid), CONSTRAINT child_parent FOREIGN KEY (pid) REFERENCES parent (id) ON DELETE CASCADE, FOREIGN KEY (oid) REFERENCES parent (id));
CREATE TABLE tree (id int PRIMARY KEY, up int, CONSTRAINT tree_up FOREIGN KEY (up) REFERENCES tree (id));
CREATE TABLE left_one (id int PRIMARY KEY, r int);
CREATE TABLE right_one (id int PRIMARY KEY, l int, CONSTRAINT right_left FOREIGN KEY (l) REFERENCES left_one (id));
ALTER TABLE left_one ADD CONSTRAINT left_right FOREIGN KEY (r) REFERENCES right_one (id);
CREATE TABLE `+"`fresh``name`"+` (id int PRIMARY KEY, pid int, CONSTRAINT fresh FOREIGN KEY (pid) REFERENCES parent (id));
CREATE TABLE outside (id int PRIMARY KEY, pid int, CONSTRAINT outside_parent FOREIGN KEY (pid) REFERENCES parent (id), CONSTRAINT outside_tree FOREIGN KEY (id) REFERENCES tree (id));
CREATE TABLE OTHER.far (id int PRIMARY KEY, CONSTRAINT far_parent FOREIGN KEY (id) REFERENCES DB.parent (id));
CREATE TABLE log (what varchar(50));
CREATE TRIGGER one BEFORE INSERT ON parent FOR EACH ROW SET NEW.v = CONCAT(NEW.v, '1');
CREATE DEFINER=ghost@nowhere TRIGGER three AFTER INSERT ON parent FOR EACH ROW INSERT INTO log VALUES ('never');
DROP TRIGGER three;
CREATE TRIGGER two BEFORE INSERT ON parent FOR EACH ROW PRECEDES one SET NEW.v = CONCAT(NEW.v, '2');
CREATE TRIGGER logs AFTER INSERT ON parent FOR EACH ROW INSERT INTO DB.log VALUES (CONCAT('inserted ', NEW.id));
CREATE VIEW seen AS SELECT id, v FROM parent;
INSERT INTO parent VALUES (1, 'old'); INSERT INTO child VALUES (1, 1, 1); INSERT INTO tree VALUES (1, 1);
SET foreign_key_checks = 0; INSERT INTO left_one VALUES (1, 1); INSERT INTO right_one VALUES (1, 1); SET foreign_key_checks = 1;
INSERT INTO `+"`fresh``name`"+` VALUES (1, 1); INSERT INTO outside VALUES (1, 1); INSERT INTO OTHER.far VALUES (1);
`))
	f.db = s.Open(t, f.database)
	f.build()
	return f
}

// build builds all tables once more, with other rows, and one that has no live table.
func (f *family) build() {
	f.jobs++
	described, err := f.cluster.Describe(f.t.Context(), f.database, f.tables)
	require.NoError(f.t, err)
	objects, err := f.cluster.Objects(f.t.Context(), f.database, cluster.Collection{})
	require.NoError(f.t, err)
	same := &cluster.Renaming{From: f.database, To: f.database}
	f.ps = nil
	for i, d := range described {
		p := cluster.Publication{
			Database: f.database, Table: d.Name, LiveID: d.ID, Shadow: fmt.Sprintf("__starkeep_%d_%d", f.jobs, i),
			Retired: fmt.Sprintf("__starkeep_%d_%d_r", f.jobs, i), Properties: f.cluster.Withheld(d), Renaming: same,
		}
		p.ShadowID, err = f.cluster.CreateTable(f.t.Context(), f.database, d, cluster.TableOptions{Name: p.Shadow})
		require.NoError(f.t, err)
		f.server.Exec(f.t, fmt.Sprintf("INSERT INTO `%s`.`%s` SELECT * FROM `%[1]s`.`%[3]s`", f.database, p.Shadow, strings.ReplaceAll(d.Name, "`", "``")))
		if d.Name == "parent" {
			f.server.Exec(f.t, fmt.Sprintf("INSERT INTO `%s`.`%s` VALUES (2, 'new')", f.database, p.Shadow))
		}
		require.NoError(f.t, f.cluster.Finish(f.t.Context(), f.database, d, p.Shadow))
		for _, o := range objects {
			if o.Kind == snapshot.Trigger && o.Table == d.Name {
				p.Attached = append(p.Attached, o)
			}
		}
		f.ps = append(f.ps, p)
	}
}

var counter = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

// shape is everything that a restore of all tables onto themselves must not change.
func (f *family) shape() []string {
	var all []string
	for _, name := range append([]string{f.database + ".outside", f.other + ".far", f.database + ".seen"}, prefixed(f.database, f.tables)...) {
		var as, ddl string
		row := f.db.QueryRow("SHOW CREATE TABLE " + name)
		if strings.HasSuffix(name, ".seen") {
			require.NoError(f.t, row.Scan(&as, &ddl, new(string), new(string)))
		} else {
			require.NoError(f.t, row.Scan(&as, &ddl))
		}
		all = append(all, counter.ReplaceAllString(ddl, ""))
	}
	for _, r := range f.server.Query(f.t, "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_ORDER, ACTION_TIMING, ACTION_STATEMENT, DEFINER, SQL_MODE, CHARACTER_SET_CLIENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? ORDER BY 1", f.database) {
		all = append(all, strings.Join(r, " | "))
	}
	return all
}

func prefixed(database string, tables []string) []string {
	var list []string
	for _, t := range tables {
		list = append(list, database+".`"+strings.ReplaceAll(t, "`", "``")+"`")
	}
	return list
}

// rows of the live parent, which tell old from new.
func (f *family) rows() string {
	return f.server.Query(f.t, "SELECT GROUP_CONCAT(id ORDER BY id) FROM "+f.database+".parent")[0][0]
}

// works checks what only tables that belong together do: keys are looked at, triggers fire once and in their order.
func (f *family) works() {
	db := f.db
	for _, statement := range []string{
		"INSERT INTO child VALUES (50, 77, NULL)", "INSERT INTO outside VALUES (1000, 1)", "UPDATE outside SET pid = 77",
		"INSERT INTO tree VALUES (50, 77)", "INSERT INTO left_one VALUES (50, 77)", "INSERT INTO " + f.other + ".far VALUES (77)",
	} {
		_, err := db.Exec(statement)
		require.ErrorContains(f.t, err, "1452", statement)
	}
	_, err := db.Exec("DELETE FROM parent WHERE id = 1")
	require.ErrorContains(f.t, err, "1451")
	tx, err := db.Begin()
	require.NoError(f.t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.Exec("INSERT INTO parent VALUES (60, 'x')")
	require.NoError(f.t, err)
	var v string
	require.NoError(f.t, tx.QueryRow("SELECT v FROM seen WHERE id = 60").Scan(&v))
	require.Equal(f.t, "x21", v, "triggers fire once, in their order, and the view sees the live table")
	var n int
	require.NoError(f.t, tx.QueryRow("SELECT COUNT(*) FROM log WHERE what = 'inserted 60'").Scan(&n))
	require.Equal(f.t, 1, n)
}

// left are the tables that begin with our name.
func (f *family) left() []string {
	var all []string
	for _, r := range f.server.Query(f.t, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME LIKE '\\_\\_starkeep%'", f.database) {
		all = append(all, r[0])
	}
	slices.Sort(all)
	return all
}

func (f *family) release() {
	for _, p := range f.ps {
		require.NoError(f.t, f.cluster.DropRetired(f.t.Context(), p))
	}
	require.Empty(f.t, f.left())
}

func (f *family) discard() {
	for _, p := range f.ps {
		require.NoError(f.t, f.cluster.Discard(f.t.Context(), p))
	}
	require.Empty(f.t, f.left())
}

func TestForeignKeysAndTriggersEndOnTheRightTables(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	before := f.shape()
	for range 2 {
		require.NoError(t, f.cluster.PublishAll(t.Context(), f.ps))
		require.Equal(t, before, f.shape())
		require.Equal(t, "1,2", f.rows())
	}
	f.works()
	for range 2 {
		require.NoError(t, f.cluster.UnpublishAll(t.Context(), f.ps))
		require.Equal(t, before, f.shape())
		require.Equal(t, "1", f.rows())
	}
	f.works()
	f.discard()
	f.build()
	require.NoError(t, f.cluster.PublishAll(t.Context(), f.ps))
	f.release()
	require.Equal(t, before, f.shape())
	f.works()
	require.NoError(t, f.cluster.PublishAll(t.Context(), f.ps), "a duplicate that comes late")
	require.Equal(t, before, f.shape())
}

// changing are the statements that change something.
var changing = regexp.MustCompile("(?s)^....\x03(CREATE|INSERT|LOCK|ALTER|DROP|RENAME|UNLOCK|DELETE)")

// The answer to every statement that changes something is lost once, with its session, and the next attempt goes on.
func TestPublishAfterEveryLostAnswer(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	before := f.shape()
	cuts := 0
	for done := false; !done; cuts++ {
		f.proxy.cut(&fault{statement: changing, skip: cuts, after: true})
		err := f.cluster.PublishAll(t.Context(), f.ps)
		if done = f.proxy.cut(nil); !done && err != nil {
			require.ErrorIs(t, err, cluster.ErrUnreachable)
		}
		require.NoError(t, f.cluster.PublishAll(t.Context(), f.ps), "cut %d", cuts)
		require.Equal(t, before, f.shape(), "cut %d", cuts)
		require.Equal(t, "1,2", f.rows(), "cut %d", cuts)
		f.server.Exec(t, "SET foreign_key_checks = 0; DELETE FROM "+f.database+".parent WHERE id = 2; SET foreign_key_checks = 1")
		f.release()
		f.build()
	}
	require.Greater(t, cuts, 20, "the statements were met")
}

// The same, but the job gives up: all is as it was.
func TestPublishGivenUpAfterEveryLostAnswer(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	before := f.shape()
	cuts := 0
	for done := false; !done; cuts++ {
		f.proxy.cut(&fault{statement: changing, skip: cuts, after: true})
		_ = f.cluster.PublishAll(t.Context(), f.ps) // fails or not, by what was cut
		done = f.proxy.cut(nil)
		require.NoError(t, f.cluster.UnpublishAll(t.Context(), f.ps), "cut %d", cuts)
		require.Equal(t, before, f.shape(), "cut %d", cuts)
		require.Equal(t, "1", f.rows(), "cut %d", cuts)
		f.discard()
		f.build()
	}
	require.Greater(t, cuts, 20, "the statements were met")
}

// The same for what takes a publication back.
func TestUnpublishAfterEveryLostAnswer(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	before := f.shape()
	cuts := 0
	for done := false; !done; cuts++ {
		require.NoError(t, f.cluster.PublishAll(t.Context(), f.ps))
		f.proxy.cut(&fault{statement: changing, skip: cuts, after: true})
		_ = f.cluster.UnpublishAll(t.Context(), f.ps) // fails or not, by what was cut
		done = f.proxy.cut(nil)
		require.NoError(t, f.cluster.UnpublishAll(t.Context(), f.ps), "cut %d", cuts)
		require.Equal(t, before, f.shape(), "cut %d", cuts)
		require.Equal(t, "1", f.rows(), "cut %d", cuts)
		f.discard()
		f.build()
	}
	require.Greater(t, cuts, 20, "the statements were met")
}

// Writers and readers go on while tables are exchanged: none of them may see a table missing, or a trigger that did not fire.
func TestNobodySeesATableMissing(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	db := f.db
	stop, failures := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(failures)
		for i := 1000; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := db.Exec("INSERT INTO parent VALUES (?, 'x')", i); err != nil {
				failures <- err
				return
			}
			var n int
			if err := db.QueryRow("SELECT COUNT(*) FROM seen").Scan(&n); err != nil || n == 0 {
				failures <- fmt.Errorf("%d rows seen: %w", n, err)
				return
			}
		}
	}()
	for range 3 {
		require.NoError(t, f.cluster.PublishAll(t.Context(), f.ps))
		f.release()
		f.server.Exec(t, "SET foreign_key_checks = 0; DELETE FROM "+f.database+".parent WHERE id = 2; SET foreign_key_checks = 1")
		f.build()
	}
	close(stop)
	require.NoError(t, <-failures)
	require.Equal(t, "0", f.server.Query(t, "SELECT COUNT(*) FROM "+f.database+".parent WHERE id >= 1000 AND v <> 'x21'")[0][0])
}

// A table comes back beside the one it was taken of: names of foreign keys are taken, those of triggers too.
func TestTableBesideItsOriginal(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE p (a int PRIMARY KEY); CREATE TABLE c (a int PRIMARY KEY, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (a)); CREATE TRIGGER tr BEFORE INSERT ON c FOR EACH ROW SET NEW.a = NEW.a + 1")
	before := p.show("c")
	table := p.describe("c")
	id, err := p.cluster.CreateTable(t.Context(), p.database, table, cluster.TableOptions{Name: "__starkeep_1"})
	require.NoError(t, err)
	renaming := &cluster.Renaming{From: p.database, To: p.database, Tables: map[string]string{"c": "c2"}}
	publication := cluster.Publication{Database: p.database, Table: "c2", Shadow: "__starkeep_1", ShadowID: id, Properties: p.cluster.Withheld(table), Renaming: renaming}
	objects, err := p.cluster.Objects(t.Context(), p.database, cluster.Collection{})
	require.NoError(t, err)
	publication.Attached = objects
	err = p.cluster.Publish(t.Context(), publication)
	require.ErrorIs(t, err, cluster.ErrExists)
	require.ErrorContains(t, err, "trigger tr belongs to table c")
	publication.Attached = nil
	require.NoError(t, p.cluster.Publish(t.Context(), publication))
	require.Contains(t, p.show("c2"), "CONSTRAINT `c2_ibfk_1` FOREIGN KEY (`a`) REFERENCES `p` (`a`)")
	require.Equal(t, before, p.show("c"))
	require.NoError(t, p.cluster.DropRetired(t.Context(), publication))
	require.Empty(t, p.left())
}

// A foreign key of a table that the user cannot see follows the table that is put aside: then that one must stay.
func TestHiddenForeignKeyKeepsItsOtherEnd(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	hidden := p.server.Database(t)
	t.Cleanup(func() { p.server.Drop(t, hidden) })
	p.exec("CREATE TABLE p (a int PRIMARY KEY); CREATE TABLE " + hidden + ".c (a int PRIMARY KEY, FOREIGN KEY (a) REFERENCES " + p.database + ".p (a))")
	user, password := p.server.NewUser(t, "ALL ON "+p.database+".*", "SET USER, SUPER ON *.*")
	c := connect(t, p.server.Address, user, password)
	table := p.describe("p")
	id, err := c.CreateTable(t.Context(), p.database, table, cluster.TableOptions{Name: "__starkeep_1"})
	require.NoError(t, err)
	publication := cluster.Publication{Database: p.database, Table: "p", LiveID: table.ID, Shadow: "__starkeep_1", ShadowID: id, Retired: "__starkeep_1_r"}
	require.NoError(t, c.Publish(t.Context(), publication))
	require.ErrorContains(t, c.DropRetired(t.Context(), publication), "a foreign key of a table that this user does not see")
	require.Equal(t, []string{"__starkeep_1_r"}, p.left())
	require.NoError(t, c.Unpublish(t.Context(), publication))
	require.NoError(t, c.Discard(t.Context(), publication))
	require.Contains(t, p.server.Query(t, "SHOW CREATE TABLE "+hidden+".c")[0][1], "REFERENCES `"+p.database+"`.`p`")
}

// A table that somebody else made under the name of a new one is not taken for ours, neither by Unpublish nor by Discard.
func TestSomebodyElsesTableSurvivesALateRelease(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE model (a int PRIMARY KEY)")
	id, err := p.cluster.CreateTable(t.Context(), p.database, p.describe("model"), cluster.TableOptions{Name: "__starkeep_1"})
	require.NoError(t, err)
	publication := cluster.Publication{Database: p.database, Table: "t", Shadow: "__starkeep_1", ShadowID: id}
	require.NoError(t, p.cluster.Publish(t.Context(), publication))
	require.ErrorIs(t, p.cluster.Discard(t.Context(), publication), cluster.ErrExists)
	require.NoError(t, p.cluster.Unpublish(t.Context(), publication))
	require.NoError(t, p.cluster.Discard(t.Context(), publication))
	p.exec("CREATE TABLE t (mine int)")
	require.NoError(t, p.cluster.Unpublish(t.Context(), publication))
	require.NoError(t, p.cluster.Discard(t.Context(), publication))
	require.Contains(t, p.show("t"), "mine")
	require.Empty(t, p.left())
}

// 500 tables go live in one statement, in little time.
func TestManyTablesGoLiveAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE model (a int PRIMARY KEY) ENGINE=Aria") // cheap to create
	table := p.describe("model")
	var ps []cluster.Publication
	for i := range 500 {
		shadow := fmt.Sprintf("__starkeep_1_%d", i)
		id, err := p.cluster.CreateTable(t.Context(), p.database, table, cluster.TableOptions{Name: shadow})
		require.NoError(t, err)
		ps = append(ps, cluster.Publication{Database: p.database, Table: fmt.Sprintf("t%d", i), Shadow: shadow, ShadowID: id})
	}
	start := time.Now()
	require.NoError(t, p.cluster.PublishAll(t.Context(), ps))
	t.Logf("%d tables live after %v", len(ps), time.Since(start))
	tables, _, err := p.cluster.Tables(t.Context(), p.database)
	require.NoError(t, err)
	require.Len(t, tables, 501)
	require.NotContains(t, tables, "__starkeep_1_0")
	require.NoError(t, p.cluster.UnpublishAll(t.Context(), ps))
	tables, _, err = p.cluster.Tables(t.Context(), p.database)
	require.NoError(t, err)
	require.Len(t, tables, 501)
	require.NotContains(t, tables, "t0")
}

package tests

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/tests/mysqldata"
	"starkeep/tests/server/mariadb"
)

func TestMySQLEverythingComesBack(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	all := m.database("all")
	mysqldata.Everything(t, m.server.DB(), all)
	before := m.digest(all)
	out := m.on("BACKUP DATABASE " + all + " SNAPSHOT nightly TO repo")
	for _, weak := range []string{"case", "counted_group", "engine_aria", "engine_csv", "engine_memory", "engine_myisam"} {
		require.Contains(t, out, weak+": engine ", "what no view keeps still is named")
	}
	m.server.Drop(t, all)
	out = m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + all)
	var lost []string // what a restore is documented not to bring back, and says so
	for _, table := range []string{"versioned", "versioned_days", "versioned_explicit"} {
		require.Contains(t, out, table+": its rows come back without their history")
		lost = append(lost, "history "+table)
	}
	m.requireSame(before, all, lost...)
	require.NotContains(t, out, "NOT RESTORED")
	for _, ghost := range []string{"procedure by_ghost", "view view_by_ghost"} {
		require.Contains(t, out, ghost+": its definer 'ghost'@'nowhere.invalid' does not exist here")
	}
	other := m.name("other")
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + all + " AS " + other)
	m.requireSame(before, other, lost...)
	mysqldata.Apply(t, m.server.DB(), all, []string{
		"DELETE FROM integers", "TRUNCATE TABLE triggered", "DELETE FROM part_range", "DROP VIEW view_zz", "DROP FUNCTION double_it",
		"SET foreign_key_checks = 0", "TRUNCATE TABLE fk_zz_parent", "DROP TABLE fk_egg, indexes",
		"CREATE OR REPLACE TRIGGER aa_second BEFORE INSERT ON triggered FOR EACH ROW SET NEW.v = 0", "DO NEXTVAL(seq_plain)",
	})
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + all)
	m.requireSame(before, all, append(lost, "state of sequence seq_plain")...) // a sequence never goes back
}

func TestMySQLOnePartitionIsReplacedAndTheOthersKeepTheirNewRows(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	parts := m.database("parts")
	mysqldata.Apply(t, m.server.DB(), parts, []string{
		`CREATE TABLE days (id INT NOT NULL, d DATE NOT NULL, v TEXT, PRIMARY KEY (id, d), KEY (d)) PARTITION BY RANGE COLUMNS (d) (
			PARTITION p1 VALUES LESS THAN ('2024-02-01'), PARTITION p2 VALUES LESS THAN ('2024-03-01'), PARTITION p3 VALUES LESS THAN (MAXVALUE))`,
		"INSERT INTO days SELECT seq, '2024-01-01' + INTERVAL seq % 90 DAY, REPEAT('v', seq % 50) FROM seq_1_to_900",
		"CREATE TABLE hashed (id INT NOT NULL PRIMARY KEY, v INT) PARTITION BY HASH (id) PARTITIONS 3",
		"INSERT INTO hashed SELECT seq, seq FROM seq_1_to_90",
	})
	rows := func(table, partition string) [][]string {
		return m.server.Query(t, fmt.Sprintf("SELECT * FROM %s.%s PARTITION (%s) ORDER BY id", parts, table, partition))
	}
	days, hashed := rows("days", "p1"), rows("hashed", "p1")
	m.on("BACKUP DATABASE " + parts + " SNAPSHOT nightly TO repo ON (TABLE days PARTITION (p1, p2), TABLE hashed)")
	m.server.Exec(t, "USE "+parts+`; DELETE FROM days WHERE d < '2024-01-20'; INSERT INTO days VALUES (5000, '2024-01-02', 'new'), (5001, '2024-03-02', 'stays');
		DELETE FROM hashed WHERE id < 60`)
	left := rows("hashed", "p0")
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + parts + " ON (TABLE days PARTITION (p1), TABLE hashed PARTITION (p1))")
	require.Equal(t, days, rows("days", "p1"))
	require.Equal(t, hashed, rows("hashed", "p1"))
	require.Equal(t, left, rows("hashed", "p0"), "a partition that was not asked for")
	require.Contains(t, rows("days", "p3"), []string{"5001", "2024-03-02", "stays"})
	require.Empty(t, m.ours(parts))
}

func TestMySQLPartitionsOfEveryKindComeBackOneByOne(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	kinds := map[string][]string{ // partitions by the clause that makes them
		"LIST (g) (PARTITION low VALUES IN (0, 1), PARTITION high VALUES IN (2, 3), PARTITION rest VALUES IN (NULL, 4))":         {"low", "high", "rest"},
		"LIST COLUMNS (k) (PARTITION a VALUES IN ('a', 'b'), PARTITION `c d` VALUES IN ('c', 'd'), PARTITION e VALUES IN ('e'))": {"a", "c d", "e"},
		"KEY () PARTITIONS 3":           {"p0", "p1", "p2"},
		"KEY (k) PARTITIONS 2":          {"p0", "p1"},
		"LINEAR HASH (id) PARTITIONS 3": {"p0", "p1", "p2"},
		"RANGE (g) (PARTITION few VALUES LESS THAN (2), PARTITION all_others VALUES LESS THAN MAXVALUE)": {"few", "all_others"},
	}
	name := m.database("kinds")
	tables := map[string][]string{}
	for clause, partitions := range kinds {
		table := fmt.Sprintf("t_%d", len(tables))
		tables[table] = partitions
		key := map[bool]string{true: "PRIMARY KEY (id)", false: "KEY (id)"}[strings.Contains(clause, "KEY ()") || strings.Contains(clause, "(id)")]
		mysqldata.Apply(t, m.server.DB(), name, []string{
			fmt.Sprintf("CREATE TABLE %s (id INT NOT NULL, g INT, k VARCHAR(5), v TEXT, %s, KEY (g)) PARTITION BY %s", table, key, clause),
			fmt.Sprintf("INSERT INTO %s SELECT seq, seq %% 5, ELT(1 + seq %% 5, 'a', 'b', 'c', 'd', 'e'), REPEAT('v', seq %% 70) FROM seq_1_to_600", table),
		})
	}
	rows := func(table, partition string) [][]string {
		return m.server.Query(t, fmt.Sprintf("SELECT * FROM %s.%s PARTITION (`%s`) ORDER BY id", name, table, partition))
	}
	m.on("BACKUP DATABASE " + name + " SNAPSHOT nightly TO repo")
	before := m.digest(name)
	for table, partitions := range tables {
		want := map[string][][]string{}
		for _, p := range partitions {
			want[p] = rows(table, p)
			require.NotEmpty(t, want[p], "%s %s", table, p)
		}
		m.server.Exec(t, fmt.Sprintf("UPDATE %s.%s SET v = 'changed'", name, table))
		for i, p := range partitions {
			m.on(fmt.Sprintf("RESTORE SNAPSHOT nightly FROM repo DATABASE %s ON (TABLE %s PARTITION (`%s`))", name, table, p))
			for j, other := range partitions {
				if j <= i {
					require.Equal(t, want[other], rows(table, other), "%s %s", table, other)
				} else {
					require.NotEqual(t, want[other], rows(table, other), "%s %s was not asked for", table, other)
				}
			}
		}
	}
	m.requireSame(before, name)
}

func TestMySQLRestoreTellsOfAnotherCharacterSet(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	name := m.database("charset")
	mysqldata.Apply(t, m.server.DB(), name, []string{
		"ALTER DATABASE " + name + " COLLATE latin2_croatian_ci", "CREATE TABLE a (v VARCHAR(9))", "INSERT INTO a VALUES ('x')",
		"CREATE TABLE versioned (v INT) WITH SYSTEM VERSIONING", "INSERT INTO versioned VALUES (1)",
	})
	before := m.digest(name)
	require.Contains(t, m.on("BACKUP DATABASE "+name+" SNAPSHOT nightly TO repo"), "versioned: its rows are read as they are now, without their history")
	m.server.Exec(t, "ALTER DATABASE "+name+" COLLATE utf8mb4_bin")
	out := m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	require.Contains(t, out, "database "+name+` is there already and keeps its collation "utf8mb4_bin"; the snapshot's was "latin2_croatian_ci"`)
	m.server.Drop(t, name)
	require.NotContains(t, m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE "+name), "keeps its")
	m.requireSame(before, name, "history versioned")
}

func TestMySQLTablesOfOtherTablesAreRefusedOrLeftOutByName(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	name := m.database("merged")
	mysqldata.Apply(t, m.server.DB(), name, []string{
		"CREATE TABLE one (a INT) ENGINE=MyISAM", "INSERT INTO one VALUES (1)", "CREATE TABLE whole (a INT) ENGINE=MRG_MyISAM UNION=(one) INSERT_METHOD=LAST",
	})
	m.refused("maria", "BACKUP DATABASE "+name+" SNAPSHOT nightly TO repo", "table whole", "MRG_MYISAM shows rows that are kept elsewhere")
	require.Contains(t, m.on("BACKUP DATABASE "+name+` SNAPSHOT nightly TO repo PROPERTIES ("unsupported" = "skip")`), "left out table whole")
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	require.Equal(t, [][]string{{"1"}}, m.server.Query(t, "SELECT COUNT(*) FROM "+name+".whole"), "a restore loaded its rows through it")
}

func TestMySQLPartitionOfASubPartitionedTableIsRefusedAndTheTableIsAsItWas(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	name := m.database("sub")
	mysqldata.Apply(t, m.server.DB(), name, []string{
		"CREATE TABLE t (id INT NOT NULL, v INT) PARTITION BY RANGE (id) SUBPARTITION BY HASH (v) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (50), PARTITION p1 VALUES LESS THAN MAXVALUE)",
		"INSERT INTO t SELECT seq, seq FROM seq_1_to_90",
	})
	before := m.digest(name)
	m.on("BACKUP DATABASE " + name + " SNAPSHOT nightly TO repo")
	m.server.Exec(t, "DELETE FROM "+name+".t WHERE id < 20")
	after := m.digest(name)
	r := m.starter("--cluster", "maria", "sql", "--wait", "-e", "RESTORE SNAPSHOT nightly FROM repo DATABASE "+name+" ON (TABLE t PARTITION (p0))")
	require.NotZero(t, r.code)
	require.Contains(t, r.out+r.err, "restore the whole table")
	m.requireSame(after, name)
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	m.requireSame(before, name)
}

// named lists what is in a database, tables and all else, and drops it.
func (m *maria) named(database string) (list []string) {
	m.t.Helper()
	for _, r := range m.server.Query(m.t, `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? UNION ALL SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ?
		UNION ALL SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? UNION ALL SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ? ORDER BY 1`,
		database, database, database, database) {
		list = append(list, r[0])
	}
	m.server.Drop(m.t, database)
	return list
}

func TestMySQLListsOfObjectsMeanNoMoreAndNoLess(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Start(t, mariadb.Options{})) // users belong to the whole server
	a, b, other := m.database("a"), m.database("b"), m.name("other")
	mysqldata.Apply(t, m.server.DB(), b, []string{"CREATE TABLE far (id INT PRIMARY KEY)"})
	mysqldata.Apply(t, m.server.DB(), a, []string{
		"CREATE TABLE parent (id INT PRIMARY KEY, v TEXT)", "INSERT INTO parent VALUES (1, 'x'), (2, 'y')",
		"CREATE TABLE child (id INT PRIMARY KEY, p INT, f INT, CONSTRAINT cp FOREIGN KEY (p) REFERENCES parent (id), CONSTRAINT cf FOREIGN KEY (f) REFERENCES " + b + ".far (id))",
		"CREATE VIEW v1 AS SELECT * FROM parent", "CREATE VIEW v2 AS SELECT * FROM v1", "CREATE SEQUENCE s1",
		"CREATE FUNCTION f1(x INT) RETURNS INT DETERMINISTIC RETURN x", "CREATE PROCEDURE p1() SELECT 1",
		"CREATE EVENT e1 ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' DO SELECT 1", "CREATE TRIGGER t1 BEFORE INSERT ON parent FOR EACH ROW SET NEW.v = 'trigger'",
		"CREATE ROLE zz, aa", "GRANT zz TO aa", "GRANT SELECT ON " + a + ".* TO zz", "CREATE USER someone IDENTIFIED BY 'secret'", "GRANT aa TO someone",
	})
	all := []string{"child", "e1", "f1", "p1", "parent", "s1", "t1", "v1", "v2"}
	m.on("BACKUP DATABASE " + a + ` SNAPSHOT whole TO repo PROPERTIES ("users" = "true")`)
	m.on("BACKUP DATABASE " + a + " SNAPSHOT part TO repo ON (TABLE child, ALL FUNCTIONS)")
	restore := func(snapshot, list string) string {
		return m.on("RESTORE SNAPSHOT " + snapshot + " FROM repo DATABASE " + a + " AS " + other + list)
	}
	out := restore("whole", " ON (TABLE child)")
	require.Contains(t, out, "child: its foreign key cp points to `parent`, which this restore does not bring back")
	require.Contains(t, out, "child: its foreign key cf points to `"+b+"`.`far`")
	require.Equal(t, []string{"child"}, m.named(other))
	restore("part", "")
	require.Equal(t, []string{"child", "f1", "p1", "s1"}, m.named(other), "a backup keeps all sequences")
	require.NotContains(t, restore("whole", " ON (ALL TABLES)"), "key cp")
	require.Equal(t, []string{"child", "parent", "t1"}, m.named(other), "triggers go with their tables")
	restore("whole", " ON (TABLE parent AS q, ALL VIEWS, FUNCTION p1 AS p9)")
	require.Equal(t, [][]string{{"2"}}, m.server.Query(t, "SELECT COUNT(*) FROM "+other+".v2"), "v1, which it reads, is over q now")
	require.Equal(t, []string{"p9", "q", "t1", "v1", "v2"}, m.named(other))
	m.server.Exec(t, "DROP ROLE zz, aa; DROP USER someone")
	restore("whole", "")
	require.Equal(t, all, m.named(other))
	require.Empty(t, m.server.Query(t, "SELECT User FROM mysql.user WHERE User IN ('zz', 'aa', 'someone')"), "not without the property")
	restore("whole", ` PROPERTIES ("users" = "true")`)
	require.Equal(t, all, m.named(other))
	require.Contains(t, m.server.Query(t, "SHOW GRANTS FOR aa"), []string{"GRANT SELECT ON `" + strings.ReplaceAll(other, "_", `\_`) + "`.* TO `zz`"})
	require.Equal(t, "GRANT `aa` TO `someone`@`%`", m.server.Query(t, "SHOW GRANTS FOR someone")[0][0])
}

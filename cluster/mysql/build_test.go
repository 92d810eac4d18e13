package mysql_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/cluster/mysql"
	"starkeep/snapshot"
	"starkeep/tests/server/mariadb"
)

// place is a database of the shared server and an adapter.
type place struct {
	t        *testing.T
	server   *mariadb.Server
	cluster  *mysql.Cluster
	database string
}

func newPlace(t *testing.T) *place {
	s := mariadb.Shared(t)
	return &place{t, s, connect(t, s.Address, s.User, s.Password), s.Database(t)}
}

// exec runs statements in the database.
func (p *place) exec(statements string) {
	p.t.Helper()
	_, err := p.server.Open(p.t, p.database).Exec(statements)
	require.NoError(p.t, err)
}

func (p *place) describe(table string) snapshot.Table {
	p.t.Helper()
	list, err := p.cluster.Describe(p.t.Context(), p.database, []string{table})
	require.NoError(p.t, err)
	return list[0]
}

func (p *place) show(table string) string {
	p.t.Helper()
	return p.server.Query(p.t, "SHOW CREATE TABLE "+p.database+"."+table)[0][1]
}

// tables are definitions with everything that is easily lost.
var tables = map[string]string{
	"every key":     "(a int NOT NULL, b varchar(20), c text, g point NOT NULL, UNIQUE KEY u (b), KEY k (a DESC, b(3)) COMMENT 'a `k`', FULLTEXT KEY f (c), SPATIAL KEY s (g), KEY i (a) IGNORED, PRIMARY KEY (a))",
	"no key":        "(a int, b blob)",
	"unique only":   "(a int NOT NULL, b int NOT NULL, UNIQUE KEY u (a), UNIQUE KEY w (b, a) USING HASH)",
	"counter":       "(a bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, b int, KEY b (b)) AUTO_INCREMENT=18446744073709551615",
	"counter apart": "(a int NOT NULL PRIMARY KEY, n int NOT NULL AUTO_INCREMENT, x int, KEY x (x), KEY n (n)) AUTO_INCREMENT=77",
	"computed":      "(a int, v int AS (a + 1) VIRTUAL COMMENT '), (', s varchar(20) AS (CONCAT(a, ',)')) STORED, i int INVISIBLE DEFAULT 3, KEY v (v), PRIMARY KEY (a))",
	"checks":        "(a int CHECK (a > 0), b varchar(10) DEFAULT ('it''s') CHECK (b <> '`'), CONSTRAINT `odd ``name` CHECK (a < 10 AND b NOT LIKE '%)%'))",
	"defaults":      "(a timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6), b bit(3) DEFAULT b'101', c varchar(9) DEFAULT 'a\\\\''\"`', d date DEFAULT '0000-00-00', e enum('x','y,z','q''') DEFAULT 'q''', f binary(2) DEFAULT 'x\\0', u uuid DEFAULT uuid())",
	"comments":      "(`a``b` int COMMENT 'it''s; -- /* # \\\\', `weird, (name` int) COMMENT='PARTITION BY (\\'x\\') AUTO_INCREMENT=5'",
	"charsets":      "(a varchar(10) CHARACTER SET latin1, b text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, c char(3) CHARACTER SET sjis, d enum('ä','é') CHARACTER SET latin2) DEFAULT CHARSET=koi8r COLLATE=koi8r_bin",
	"formats":       "(a int PRIMARY KEY, b varchar(100)) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8 STATS_PERSISTENT=0 CHECKSUM=1",
	"paged":         "(a int PRIMARY KEY, b blob COMPRESSED) `PAGE_COMPRESSED`=1",
	"range":         "(a int, b int, PRIMARY KEY (a), KEY b (b)) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10) COMMENT = 'it''s (', PARTITION `p,1` VALUES LESS THAN MAXVALUE)",
	"range columns": "(a int, b varchar(10)) PARTITION BY RANGE COLUMNS (a, b) (PARTITION p0 VALUES LESS THAN (1, 'x)'), PARTITION p1 VALUES LESS THAN (2, MAXVALUE))",
	"list":          "(a int) PARTITION BY LIST (a) (PARTITION p0 VALUES IN (1, NULL), PARTITION p1 VALUES IN (-2, 3), PARTITION p2 DEFAULT)",
	"hash":          "(a int PRIMARY KEY) PARTITION BY HASH (a) PARTITIONS 3",
	"linear key":    "(a int PRIMARY KEY) PARTITION BY LINEAR KEY (a) (PARTITION x, PARTITION y)",
	"sub":           "(a int, d date) PARTITION BY RANGE (YEAR(d)) SUBPARTITION BY HASH (a) (PARTITION p0 VALUES LESS THAN (2000) (SUBPARTITION s0, SUBPARTITION s1), PARTITION p1 VALUES LESS THAN MAXVALUE (SUBPARTITION s2, SUBPARTITION s3))",
	"myisam":        "(a int AUTO_INCREMENT, b int, c varchar(20), KEY b (b), FULLTEXT KEY c (c), PRIMARY KEY (b, a)) ENGINE=MyISAM DELAY_KEY_WRITE=1 MAX_ROWS=1000",
	"aria":          "(a int PRIMARY KEY, b text, KEY b (b(10))) ENGINE=Aria TRANSACTIONAL=1",
	"memory":        "(a int, KEY a (a) USING BTREE) ENGINE=MEMORY",
	"versioned":     "(a int, b int WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING",
	"history keys":  "(a int PRIMARY KEY, b int, c varchar(9), KEY b (b), UNIQUE KEY c (c)) WITH SYSTEM VERSIONING",
	"history parts": "(a int) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME LIMIT 1000 (PARTITION h HISTORY, PARTITION c CURRENT)",
	"history days":  "(a int) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME INTERVAL 1 DAY STARTS '2030-01-01 00:00:00' PARTITIONS 3",
	"transactions":  "(a int, s bigint unsigned AS ROW START, e bigint unsigned AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING",
	"other columns": "(a int DEFAULT 1, b int DEFAULT (a + 1), c varchar(30) DEFAULT concat('x', b, 'y)'), g int AS (b % 3) STORED, KEY g (g, a)) PARTITION BY HASH (g) PARTITIONS 2",
	"every byte":    "(a int COMMENT '\t\b\x1a\n\r\\0\x01\x7f '' \" ` \\\\ é 名') COMMENT='\t\n\r\x01 */ -- # /*!50000 x */'",
	"engine words":  "(a int PRIMARY KEY, v varchar(10), KEY v (v) USING BTREE) STATS_AUTO_RECALC=0 STATS_SAMPLE_PAGES=7 AVG_ROW_LENGTH=10 DELAY_KEY_WRITE=1 PACK_KEYS=1 ROW_FORMAT=REDUNDANT",
	"period":        "(a int, s date, e date, PERIOD FOR valid (s, e), UNIQUE (a, valid WITHOUT OVERLAPS))",
	"sequenced":     "(a int NOT NULL DEFAULT nextval(`the sequence`), b varchar(40) DEFAULT 'nextval(`x`)', PRIMARY KEY (a))",
}

func TestFinishedTableIsTheSame(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	other := p.server.Database(t)
	p.exec("CREATE SEQUENCE `the sequence`")
	for name, definition := range tables {
		p.exec("CREATE TABLE live " + definition)
		want := p.show("live")
		for _, large := range []bool{false, true} {
			table := p.describe("live")
			if large { // keys come last
				table.Partitions[0].Physical[0].Bytes = 1 << 30
			}
			for _, database := range []string{p.database, other} {
				_, err := p.cluster.CreateTable(t.Context(), database, table, cluster.TableOptions{Name: "__starkeep_1"})
				require.NoError(t, err, name)
				for range 2 {
					require.NoError(t, p.cluster.Finish(t.Context(), database, table, "__starkeep_1"), name)
				}
				require.Empty(t, p.cluster.Differences(table, table), name)
				got := strings.Replace(p.server.Query(t, "SHOW CREATE TABLE "+database+".__starkeep_1")[0][1], "`__starkeep_1`", "`live`", 1)
				require.Equal(t, inOrder(want, p.database, database), inOrder(got, p.database, database), name)
				require.NoError(t, p.cluster.DropTable(t.Context(), database, "__starkeep_1"))
			}
		}
		p.exec("DROP TABLE live")
	}
}

// inOrder is a definition whose databases are the same.
func inOrder(ddl, from, to string) string { return strings.ReplaceAll(ddl, "`"+to+"`.", "`"+from+"`.") }

func TestDeferredKeysAreNotThereWhileRowsAreLoaded(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE live (a int PRIMARY KEY, b int, KEY b (b), UNIQUE KEY ab (a, b))")
	table := p.describe("live")
	table.Partitions[0].Physical[0].Bytes = 1 << 30
	_, err := p.cluster.CreateTable(t.Context(), p.database, table, cluster.TableOptions{Name: "s"})
	require.NoError(t, err)
	require.NotContains(t, p.show("s"), "KEY `b`")
	require.Contains(t, p.show("s"), "PRIMARY KEY")
	require.NoError(t, p.cluster.Finish(t.Context(), p.database, table, "s"))
	require.Contains(t, p.show("s"), "KEY `b`")
}

func TestFinishSaysWhatIsNotAsItWas(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE live (a int PRIMARY KEY, b int) COMMENT='x'; CREATE TABLE s (a int PRIMARY KEY, b int) COMMENT='y'")
	err := p.cluster.Finish(t.Context(), p.database, p.describe("live"), "s")
	require.ErrorIs(t, err, cluster.ErrRejected)
	require.ErrorContains(t, err, "COMMENT='x'")
	tables, _, err := p.cluster.Tables(t.Context(), p.database)
	require.NoError(t, err)
	require.Equal(t, []string{"live", "s"}, tables, "the table to compare with is gone")
}

// A server of another version prints the same in other words: what it makes of them is what counts.
func TestFinishUnderstandsOtherWords(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	table := snapshot.Table{
		Name: "t", Model: "INNODB", Partitioning: snapshot.Unpartitioned,
		DDL: "CREATE TABLE `t` (\n  `a` int NOT NULL,\n  `b` varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'x',\n  `g` int GENERATED ALWAYS AS ((`a` + 1)) VIRTUAL,\n  PRIMARY KEY (`a`)\n) " +
			"ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin\n/*!50100 PARTITION BY RANGE (`a`)\n(PARTITION p0 VALUES LESS THAN (5) ENGINE = InnoDB,\n PARTITION p1 VALUES LESS THAN MAXVALUE ENGINE = InnoDB) */",
		Partitions: []snapshot.Partition{{Name: "p0"}, {Name: "p1"}},
	}
	_, err := p.cluster.CreateTable(t.Context(), p.database, table, cluster.TableOptions{Name: "s"})
	require.NoError(t, err)
	require.NoError(t, p.cluster.Finish(t.Context(), p.database, table, "s"))
	require.Equal(t, "p1", p.describe("s").Partitions[1].Name)
	require.Empty(t, p.cluster.Differences(p.describe("s"), p.describe("s")))
}

func TestCountersGoOn(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE live (a int PRIMARY KEY AUTO_INCREMENT) AUTO_INCREMENT=50")
	table := p.describe("live")
	_, err := p.cluster.CreateTable(t.Context(), p.database, table, cluster.TableOptions{Name: "s"})
	require.NoError(t, err)
	p.exec("INSERT INTO s VALUES (7)")
	require.NoError(t, p.cluster.Finish(t.Context(), p.database, table, "s"))
	require.Regexp(t, regexp.MustCompile(`AUTO_INCREMENT=50\b`), p.show("s"))
}

func TestDescribeKnowsColumnsAndPartitions(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE t (a int, v int AS (a) VIRTUAL, s int AS (a) STORED, i int INVISIBLE DEFAULT 1, c varchar(5) CHARACTER SET sjis, PRIMARY KEY (a)) PARTITION BY HASH (a) PARTITIONS 2")
	got := p.describe("t")
	require.Equal(t, "INNODB", got.Model)
	require.EqualValues(t, "hash", got.Partitioning)
	require.Len(t, got.Partitions, 2)
	require.Equal(t, "p1", got.Partitions[1].Name)
	var names []string
	for _, c := range got.Columns {
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"a", "i", "c"}, names, "what the server computes is not loaded")
	require.True(t, got.Columns[0].Key)
	require.Equal(t, snapshot.Binary, got.Columns[2].Type.Kind)
	require.Contains(t, got.Columns[2].Source, "sjis")
	_, err := p.cluster.CreateTable(t.Context(), p.database, got, cluster.TableOptions{Name: "s", Partitions: []string{"p0"}})
	require.ErrorIs(t, err, cluster.ErrUnsupported, "one partition of HASH is not a table")
	require.NoError(t, p.cluster.DropTable(t.Context(), p.database, "t"))
	p.exec("CREATE SEQUENCE t")
	_, err = p.cluster.Describe(t.Context(), p.database, []string{"t"})
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	_, err = p.cluster.TableID(t.Context(), p.database, "t")
	require.ErrorIs(t, err, cluster.ErrUnsupported, "it is there, but no table")
}

func TestDifferencesAreNamed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE t (a int, b varchar(10) COMMENT 'x', PRIMARY KEY (a), KEY b (b), CHECK (a > 0)) DEFAULT CHARSET=latin1 COMMENT='x'")
	want := p.describe("t")
	for change, word := range map[string]string{
		"MODIFY b varchar(11)": "column b", "DROP COLUMN b": "column b: missing", "ADD c int": "column c", "ADD c int FIRST": "column 1",
		"ENGINE=MyISAM": "engine", "DROP KEY b": "keys", "DROP PRIMARY KEY": "primary key", "DROP CONSTRAINT CONSTRAINT_1": "checks",
		"DEFAULT CHARSET=utf8mb4": "character set", "PARTITION BY HASH (a) PARTITIONS 2": "partitioning",
	} {
		p.exec("CREATE OR REPLACE TABLE u LIKE t; ALTER TABLE u " + change)
		require.Contains(t, strings.Join(p.cluster.Differences(want, p.describe("u")), "; "), word, change)
	}
	p.exec("CREATE OR REPLACE TABLE u LIKE t; ALTER TABLE u COMMENT='other', MODIFY b varchar(10) COMMENT 'other', AUTO_INCREMENT=5")
	require.Empty(t, p.cluster.Differences(want, p.describe("u")), "comments and counters do not matter")
}

// unlike are settings under which a server reads a definition, or a name, in its own way.
func unlike(t *testing.T) *mariadb.Server {
	return mariadb.Start(t, mariadb.Options{Args: []string{"--skip-character-set-client-handshake", "--character-set-server=latin1", "--explicit-defaults-for-timestamp=0"}})
}

func TestSettingsOfTheServerChangeNoTable(t *testing.T) {
	t.Parallel()
	s := unlike(t)
	p := &place{t, s, connect(t, s.Address, s.User, s.Password), s.Database(t)}
	other := s.Database(t)
	for name, definition := range map[string]string{
		"texts":      "(`列é` int PRIMARY KEY COMMENT '説明', e enum('ä','名') CHARACTER SET utf8mb4 DEFAULT '名') COMMENT='表'",
		"timestamps": "(a timestamp NOT NULL, b timestamp NOT NULL)",
		"long rows":  "(a int PRIMARY KEY" + longRow() + ", KEY k (c1(9))) CHARSET=latin1 ROW_FORMAT=COMPACT",
	} {
		p.exec("SET NAMES utf8mb4; SET innodb_strict_mode = 0, explicit_defaults_for_timestamp = 1; CREATE TABLE live " + definition)
		table := p.describe("live")
		table.Partitions[0].Physical[0].Bytes = 1 << 30 // keys come last
		_, err := p.cluster.CreateTable(t.Context(), other, table, cluster.TableOptions{Name: "copy"})
		require.NoError(t, err, name)
		require.NoError(t, p.cluster.Finish(t.Context(), other, table, "copy"), name)
		shown := func(table string) string {
			list := s.Query(t, "SET NAMES utf8mb4; SHOW CREATE TABLE "+table)
			return strings.Replace(list[0][1], "`copy`", "`live`", 1)
		}
		require.Equal(t, shown(p.database+".live"), shown(other+".copy"), name)
		require.NoError(t, p.cluster.DropTable(t.Context(), other, "copy"))
		p.exec("DROP TABLE live")
	}
}

// longRow are columns that may take more than a page has room for.
func longRow() string {
	var b strings.Builder
	for i := range 13 {
		fmt.Fprintf(&b, ", c%d text", i)
	}
	return b.String()
}

func TestWhatTheServerDoesNotHaveIsRefusedBeforehand(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE t (a int, b varchar(9) CHARACTER SET latin1 COLLATE latin1_german2_ci, e enum('COLLATE x')) ENGINE=Aria COMMENT='ENGINE=x COLLATE=y'")
	table := p.describe("t")
	_, err := p.cluster.Fit(t.Context(), []snapshot.Table{table}, cluster.TableOptions{})
	require.NoError(t, err)
	for name, c := range map[string]struct{ from, to, missing string }{
		"engine":    {"ENGINE=Aria", "ENGINE=ROCKSDB", "engine rocksdb"},
		"set":       {"CHARACTER SET latin1", "CHARACTER SET gb18030", "character set gb18030"},
		"collation": {"latin1_german2_ci", "utf8mb4_0900_ai_ci", "collation utf8mb4_0900_ai_ci"},
	} {
		other := table
		other.DDL = strings.Replace(table.DDL, c.from, c.to, 1)
		require.NotEqual(t, table.DDL, other.DDL, name)
		if name == "engine" {
			other.Model = "ROCKSDB"
		}
		_, err := p.cluster.Fit(t.Context(), []snapshot.Table{table, other}, cluster.TableOptions{})
		require.ErrorIs(t, err, cluster.ErrUnsupported, name)
		require.ErrorContains(t, err, "table t: the server has no "+c.missing)
	}
}

// A restore would load such rows into the tables that they are of, which are live.
func TestTableThatShowsRowsOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE one (a int) ENGINE=MyISAM; CREATE TABLE two (a int) ENGINE=MyISAM; CREATE TABLE both_of (a int) ENGINE=MRG_MyISAM UNION=(one, two) INSERT_METHOD=LAST")
	_, err := p.cluster.Describe(t.Context(), p.database, []string{"one", "both_of", "two"})
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	var refused *cluster.TableError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "both_of", refused.Table)
	require.ErrorContains(t, err, "MRG_MYISAM")
}

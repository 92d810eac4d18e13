package mysqldata_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/tests/mysqldata"
	"starkeep/tests/server/mariadb"
)

func TestEverythingHoldsEveryTypeAndKind(t *testing.T) {
	t.Parallel()
	server := mariadb.Shared(t)
	database := server.Database(t)
	mysqldata.Everything(t, server.DB(), database)
	types := server.Query(t, `SELECT GROUP_CONCAT(DISTINCT data_type ORDER BY data_type) FROM information_schema.columns WHERE table_schema = ?
		AND table_name IN (SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = ?)`, database, database)
	require.Equal(t, "bigint,binary,bit,blob,char,date,datetime,decimal,double,enum,float,geometry,geometrycollection,inet4,inet6,"+
		"int,linestring,longblob,longtext,mediumblob,mediumint,mediumtext,multilinestring,multipoint,multipolygon,point,polygon,set,"+
		"smallint,text,time,timestamp,tinyblob,tinyint,tinytext,uuid,varbinary,varchar,year", types[0][0])
	digest := mysqldata.Digest(t, server.DB(), database)
	kinds := map[string]int{}
	for key := range digest {
		kind, _, _ := strings.Cut(key, " ")
		kinds[kind]++
	}
	require.Equal(t, map[string]int{
		"database": 1, "table": 65, "rows": 65, "history": 3, "sequence": 3, "state": 3, "view": 7, "trigger": 7, "triggers": 5,
		"function": 3, "procedure": 4, "package": 2, "event": 4,
	}, kinds)
	require.NotContains(t, strings.Join(values(digest), "\n"), database, "a digest that names its database compares with none")
	require.Contains(t, digest["rows choices"], "7 | 0  | 0  |", "the error value of an enum is not its empty member")
	require.Contains(t, digest["rows strings"], "C3A4F09F9880F09D958F", "four-byte characters were lost")
	require.Contains(t, digest["rows floats"], "1.401298464324817e-45")
	require.Equal(t, "zz_first, between_them, aa_second", digest["triggers of triggered BEFORE INSERT"])
}

func TestDigestMissesNoChange(t *testing.T) {
	t.Parallel()
	server := mariadb.Shared(t)
	for key, change := range map[string]string{
		"rows t":                      "UPDATE t SET f = 0.10000001 WHERE id = 1", // prints as 0.1
		"rows t ":                     "UPDATE t SET s = '' WHERE id = 2",         // was NULL
		"rows t  ":                    "UPDATE t SET e = 2 WHERE id = 2",          // an empty member, was the error value
		"rows t   ":                   "UPDATE t SET s = 'x ' WHERE id = 1",       // equal in the collation
		"rows t    ":                  "UPDATE t SET i = 2 WHERE id = 1",          // invisible
		"rows t     ":                 "INSERT INTO t (id) VALUES (9)",
		"table t":                     "ALTER TABLE t AUTO_INCREMENT = 50",
		"table t ":                    "ALTER TABLE t ALTER INDEX s IGNORED",
		"view v":                      "CREATE OR REPLACE SQL SECURITY INVOKER VIEW v AS SELECT id FROM t",
		"triggers of t BEFORE INSERT": "CREATE OR REPLACE TRIGGER b BEFORE INSERT ON t FOR EACH ROW PRECEDES a SET NEW.i = 2",
		"trigger b":                   "SET sql_mode = 'ANSI_QUOTES'; CREATE OR REPLACE TRIGGER b BEFORE INSERT ON t FOR EACH ROW SET NEW.i = 2",
		"state of sequence q":         "DO NEXTVAL(q)",
		"database":                    "ALTER DATABASE CHARACTER SET koi8r",
		"procedure p":                 "ALTER PROCEDURE p COMMENT 'new'",
		"history h":                   "DELETE HISTORY FROM h",
	} {
		t.Run(key+change, func(t *testing.T) {
			t.Parallel()
			database := server.Database(t)
			db := server.DB()
			mysqldata.Apply(t, db, database, []string{
				"CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, f FLOAT, s VARCHAR(9), e ENUM('a',''), i INT INVISIBLE, KEY s (s))",
				"INSERT INTO t (id, f, s) VALUES (1,0.1,'x'),(2,NULL,NULL)",
				"SET sql_mode = ''", "UPDATE t SET e = 'unknown'",
				"CREATE VIEW v AS SELECT id FROM t",
				"CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW SET NEW.i = 1",
				"CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW SET NEW.i = 2",
				"CREATE SEQUENCE q NOCACHE", "CREATE PROCEDURE p() SELECT 1",
				"CREATE TABLE h (id INT) WITH SYSTEM VERSIONING", "INSERT INTO h VALUES (1)", "UPDATE h SET id = 2",
			})
			before := mysqldata.Digest(t, db, database)
			require.Equal(t, before, mysqldata.Digest(t, db, database))
			mysqldata.Apply(t, db, database, strings.Split(change, "; "))
			after := mysqldata.Digest(t, db, database)
			key = strings.TrimSpace(key)
			require.NotEqual(t, before[key], after[key])
		})
	}
}

func values(m map[string]string) []string {
	var all []string
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

func TestEveryRandomTableIsAccepted(t *testing.T) {
	t.Parallel()
	server := mariadb.Shared(t)
	database := server.Database(t)
	var statements []string
	for seed := range uint64(250) {
		statements = append(statements, mysqldata.Random(seed, fmt.Sprint("r", seed))...)
	}
	mysqldata.Apply(t, server.DB(), database, statements)
	rows := server.Query(t, `SELECT COUNT(*), COUNT(DISTINCT data_type) FROM information_schema.columns WHERE table_schema = ?`, database)
	require.Equal(t, "32", rows[0][1], "not every type was drawn")
	require.Equal(t, mysqldata.Random(7, "r"), mysqldata.Random(7, "r"), "the same seed draws the same")
}

func TestBankIsConsistentAtOneMomentOnly(t *testing.T) {
	t.Parallel()
	server := mariadb.Shared(t)
	database := server.Database(t)
	bank := mysqldata.NewBank(t, server.DB(), database)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- bank.Run(ctx, 4) }()
	require.Eventually(t, func() bool { return bank.Transfers() > 100 }, 30*time.Second, 5*time.Millisecond)
	cancel()
	require.NoError(t, <-done)
	require.GreaterOrEqual(t, mysqldata.CheckBank(t, server.DB(), database), bank.Transfers())

	torn := &recorder{TB: t}
	server.Exec(t, "UPDATE "+database+".bank_1 SET balance = balance + 1 WHERE account = 7; UPDATE "+database+".bank_2 SET balance = balance - 1 WHERE account = 7")
	torn.check(func() { mysqldata.CheckBank(torn, server.DB(), database) })
	require.True(t, torn.failed, "money in the wrong account was not noticed")
}

// recorder notes a failure that is meant to happen.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) FailNow()              { r.failed = true; runtime.Goexit() }

func (r *recorder) check(f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	<-done
}

func TestBulkRowsArriveUnchanged(t *testing.T) {
	t.Parallel()
	server := mariadb.Shared(t)
	database := server.Database(t)
	mysqldata.Small(t, server.DB(), database, 20)
	mysqldata.Lineitem(t, server.DB(), database, 20_000, 3)
	mysqldata.Wide(t, server.DB(), database, 5)
	require.Equal(t, [][]string{{"20000", "5000"}},
		server.Query(t, "SELECT COUNT(*), COUNT(DISTINCT l_orderkey) FROM "+database+".lineitem WHERE l_shipdate > '1991-01-01' AND l_comment <> ''"))
	require.Equal(t, [][]string{{"5", "0"}}, server.Query(t, "SELECT COUNT(*), SUM(words LIKE '%?%') FROM "+database+".wide"))
	require.Equal(t, [][]string{{"22"}}, server.Query(t, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ?", database))
	var tsv bytes.Buffer
	require.NoError(t, mysqldata.WriteLineitem(&tsv, 0, 10_000))
	require.InDelta(t, 125, tsv.Len()/10_000, 15, "6 million rows are to be 750 MB")
}

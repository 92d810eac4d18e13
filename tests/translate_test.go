package tests

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/tests/mysqldata"
	"starkeep/tests/server/mariadb"
)

// texts reads rows as the texts that a server prints. Only a fraction of a second of zeros is left off, which MariaDB prints
// and StarRocks does not.
func texts(t *testing.T, db *sql.DB, query string) (all [][]string) {
	t.Helper()
	rows, err := db.Query(query)
	require.NoError(t, err, query)
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, targets := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		require.NoError(t, rows.Scan(targets...))
		row := make([]string, len(names))
		for i, v := range values {
			row[i] = "NULL"
			if v.Valid {
				row[i] = "=" + strings.TrimSuffix(v.String, ".000000")
			}
		}
		all = append(all, row)
	}
	require.NoError(t, rows.Err())
	return all
}

func TestSnapshotOfStarRocksComesIntoMariaDB(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	m.exec("CREATE DATABASE source",
		`CREATE TABLE source.types (k BIGINT NOT NULL, day DATE NOT NULL, b BOOLEAN, i8 TINYINT, i16 SMALLINT, i32 INT, i128 LARGEINT, f FLOAT, d DOUBLE,
			dec DECIMAL(38,10), dt DATETIME, c CHAR(5), s STRING, v VARCHAR(1048576), bin VARBINARY, j JSON)
			DUPLICATE KEY(k) PARTITION BY RANGE(day) (PARTITION p1 VALUES LESS THAN ('2024-02-01'), PARTITION p2 VALUES LESS THAN ('9999-12-31'))
			DISTRIBUTED BY HASH(k) BUCKETS 3 PROPERTIES ('replication_num' = '1')`,
		`INSERT INTO source.types VALUES
			(1, '0000-01-01', true, -128, -32768, -2147483648, '-170141183460469231731687303715884105728', 0.5, 0.1, '-9999999999999999999999999999.9999999999',
				'0000-01-01 00:00:00', '', '', '', x'', '{"a": [1, null, "é"]}'),
			(2, '2024-02-29', false, 127, 32767, 2147483647, '170141183460469231731687303715884105727', -1.25, -12345.678, '0.0000000001',
				'9999-12-30 23:59:59.999999', 'a b', 'tab	quote''" \\N', '日本🙂', x'00ff0a5c', '[]'),
			(3, '2024-03-01', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
		"CREATE TABLE source.accounts (id INT NOT NULL, name VARCHAR(20) NOT NULL, balance BIGINT) PRIMARY KEY(id, name) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1')",
		"CREATE TABLE source.nothing (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')")
	m.insert("source.accounts", 300, func(i int) string {
		return strings.ReplaceAll("(#, 'A#', #)", "#", strings.Repeat("1", 1+i%3)+string(rune('0'+i/3%10)))
	})
	m.sql("BACKUP DATABASE source SNAPSHOT good TO repo")
	target := m.name("from_starrocks")
	m.on("RESTORE SNAPSHOT good FROM repo DATABASE source AS " + target)
	for table, order := range map[string]string{"types": "k", "accounts": "id, name", "nothing": "id"} {
		want := texts(t, m.db, "SELECT * FROM source."+table+" ORDER BY "+order)
		require.Equal(t, want, texts(t, m.server.DB(), "SELECT * FROM "+target+"."+table+" ORDER BY "+order), table)
		require.Equal(t, table != "nothing", len(want) > 0, table)
	}
	require.Contains(t, m.server.Query(t, "SHOW CREATE TABLE "+target+".accounts")[0][1], "PRIMARY KEY (`id`,`name`)")
	m.server.Exec(t, "DELETE FROM "+target+".accounts")
	m.on("RESTORE SNAPSHOT good FROM repo DATABASE source AS " + target + " ON (TABLE accounts, TABLE types)")
	require.NotEmpty(t, texts(t, m.server.DB(), "SELECT * FROM "+target+".accounts"), "over the table that was made the first time")
	require.Empty(t, m.ours(target))
}

// utc reads timestamps as they are carried.
func (m *maria) utc() *sql.DB {
	m.t.Helper()
	db, err := sql.Open("mysql", m.server.DSN("")+"?time_zone="+url.QueryEscape("'+00:00'"))
	require.NoError(m.t, err)
	m.t.Cleanup(func() { _ = db.Close() })
	return db
}

// columns lists the columns of a table in its order: one that comes back has its key in front. A YEAR goes through CONCAT,
// because the driver makes a number of it, and 0 of 0000.
func (m *maria) columns(database, table string) string {
	m.t.Helper()
	return m.server.Query(m.t, "SELECT GROUP_CONCAT(IF(DATA_TYPE = 'year', 'CONCAT', ''), '(`', COLUMN_NAME, '`)' ORDER BY ORDINAL_POSITION) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", database, table)[0][0]
}

func TestSnapshotOfMariaDBComesIntoStarRocksAndBack(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	source := m.database("source")
	mysqldata.Apply(t, m.server.DB(), source, []string{
		"SET time_zone = '+00:00'",
		`CREATE TABLE types (a VARCHAR(200), u8 TINYINT UNSIGNED, i8 TINYINT, u16 SMALLINT UNSIGNED, u24 MEDIUMINT UNSIGNED, u32 INT UNSIGNED ZEROFILL, i64 BIGINT, u64 BIGINT UNSIGNED,
			f FLOAT, d DOUBLE, c38 DECIMAL(38,10), day DATE, dt DATETIME(6), ts TIMESTAMP NULL, tm TIME(3), y YEAR, e ENUM('x','it''s'), s SET('p','q'),
			c CHAR(5) CHARACTER SET latin1, txt TEXT, lng LONGTEXT, bin BINARY(3), vb VARBINARY(20), bl MEDIUMBLOB, j JSON, u UUID, ip INET6, k BIGINT NOT NULL PRIMARY KEY)
			DEFAULT CHARSET = utf8mb4 PARTITION BY RANGE (k) (PARTITION p1 VALUES LESS THAN (2), PARTITION p2 VALUES LESS THAN MAXVALUE)`,
		`INSERT INTO types VALUES ('', 255, -128, 65535, 16777215, 4294967295, -9223372036854775808, 18446744073709551615,
			0.5, 0.1, -9999999999999999999999999999.9999999999, '1000-01-01', '9999-12-31 23:59:59.999999', '1970-01-01 00:00:01', '-838:59:59', '0000', 'it''s', 'p,q',
			'é€', REPEAT('é', 20000), REPEAT('z', 200000), 'a', X'00FF', X'', '{"a": 1}', UUID(), '2001:db8::ff00:42:8329', -1)`,
		`INSERT INTO types VALUES ('\\N	"', 0, 127, 0, 0, 1, 9223372036854775807, 0,
			-1.25, -12345.678, 0.0000000001, '9999-12-31', '2024-02-29 00:00:00', '2038-01-19 03:14:07', '838:59:59.999', '2155', 'x', '',
			'', '', '日本🙂', X'FF0A5C', '', REPEAT(X'00', 100000), '[]', NULL, '::', 5)`,
		"INSERT INTO types (k) VALUES (7)",
		"CREATE TABLE many (id INT NOT NULL, name VARCHAR(10) NOT NULL, n INT, PRIMARY KEY (name, id), KEY (n)) DEFAULT CHARSET = utf8mb4",
		"INSERT INTO many SELECT seq % 100, CONCAT('name', seq DIV 100), seq FROM seq_1_to_20000",
		"CREATE TABLE twice (w DOUBLE, v INT)",
		"INSERT INTO twice VALUES (2, 1), (2, 1), (NULL, NULL)",
		"CREATE VIEW some AS SELECT n FROM many",
	})
	m.on("BACKUP DATABASE " + source + " SNAPSHOT good TO repo")
	out := m.sql("RESTORE SNAPSHOT good FROM repo DATABASE " + source + ` AS copied PROPERTIES ("replication_num" = "1")`)
	require.Contains(t, out, "left out view some")
	back := m.name("back")
	m.sql("BACKUP DATABASE copied SNAPSHOT again TO repo")
	m.on("RESTORE SNAPSHOT again FROM repo DATABASE copied AS " + back)
	for table, c := range map[string]struct{ order, made string }{
		"types": {"k", "PRIMARY KEY(`k`)"}, "many": {"id, name", "PRIMARY KEY(`id`, `name`)"}, "twice": {"v", "DUPLICATE KEY(`v`)"},
	} {
		of := func(database string) string {
			return "SELECT " + m.columns(source, table) + " FROM " + database + "." + table + " ORDER BY " + c.order
		}
		want := texts(t, m.utc(), of(source))
		require.NotEmpty(t, want)
		require.Equal(t, want, texts(t, m.db, of("copied")), table)
		require.Equal(t, want, texts(t, m.utc(), of(back)), table+" there and back")
		require.Contains(t, m.definition("copied", table), c.made)
	}
	m.exec("TRUNCATE TABLE copied.many")
	m.sql("RESTORE SNAPSHOT good FROM repo DATABASE " + source + ` AS copied ON (TABLE many) PROPERTIES ("replication_num" = "1")`)
	require.Equal(t, [][]string{{"=20000"}}, texts(t, m.db, "SELECT COUNT(*) FROM copied.many"), "over the table that was made the first time")
	require.Equal(t, []string{"many", "twice", "types"}, m.tables("copied"))
}

// refused runs a restore on a cluster that has to be refused, with words.
func (m *maria) refused(cluster, statement string, naming ...string) {
	m.t.Helper()
	r := m.starter("--cluster", cluster, "sql", "--wait", "-e", statement)
	require.Equal(m.t, 4, r.code, "%s\n%s%s", statement, r.out, r.err)
	for _, word := range naming {
		require.Contains(m.t, r.out+r.err, word, statement)
	}
}

func TestTypesThatDoNotFitAreRefusedByNameBeforeAnythingChanges(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	source := m.database("refused")
	mysqldata.Apply(t, m.server.DB(), source, []string{
		"CREATE TABLE fine (id INT PRIMARY KEY)", "INSERT INTO fine VALUES (1)",
		"CREATE TABLE bits (id INT PRIMARY KEY, flags BIT(3))",
		"CREATE TABLE places (id INT PRIMARY KEY, place POINT)",
		"CREATE TABLE japanese (id INT PRIMARY KEY, word VARCHAR(10) CHARACTER SET sjis)",
		"CREATE TABLE precise (id INT PRIMARY KEY, amount DECIMAL(65,30))",
		"CREATE TABLE computed (id INT PRIMARY KEY, doubled INT AS (id * 2) STORED)",
	})
	m.on("BACKUP DATABASE " + source + " SNAPSHOT maria TO repo")
	m.exec("CREATE DATABASE star",
		"CREATE TABLE star.fine (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')",
		"CREATE TABLE star.wide (name VARCHAR(1000) NOT NULL, v INT) PRIMARY KEY(name) DISTRIBUTED BY HASH(name) BUCKETS 1 PROPERTIES ('replication_num' = '1')",
		"INSERT INTO star.fine VALUES (1)")
	m.sql("BACKUP DATABASE star SNAPSHOT star TO repo")
	created := func() int { return m.asked("CREATE DATABASE IF NOT EXISTS") + m.asked("CREATE TABLE IF NOT EXISTS") }
	before := created()
	for table, naming := range map[string][]string{
		"bits": {"column flags", "bit(3)"}, "places": {"column place", "point"}, "japanese": {"column word", "sjis"}, "precise": {"column amount", "decimal(65,30)"}, "computed": {"column doubled"},
	} {
		m.refused("default", "RESTORE SNAPSHOT maria FROM repo DATABASE "+source+" AS fresh ON (TABLE fine, TABLE "+table+")", append(naming, "table "+table)...)
	}
	require.Equal(t, before, created(), "neither database nor table")
	target := m.name("fresh")
	m.refused("maria", "RESTORE SNAPSHOT star FROM repo DATABASE star AS "+target, "table wide", "column name", "varchar(1000)")
	require.Empty(t, m.server.Query(t, "SHOW DATABASES LIKE '"+target+"'"))
	m.sql("RESTORE SNAPSHOT maria FROM repo DATABASE " + source + ` AS fresh ON (TABLE fine) PROPERTIES ("replication_num" = "1")`)
	require.Equal(t, []string{"fine"}, m.tables("fresh"), "without them it goes on")
	require.Equal(t, before+2, created(), "which is how they are created")
}

func TestDateThatIsNoneEndsTheRestoreAndLeavesWhatWasLive(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	source := m.database("dates")
	mysqldata.Apply(t, m.server.DB(), source, []string{
		"SET sql_mode = ''", "CREATE TABLE days (id INT PRIMARY KEY, day DATE)", "INSERT INTO days VALUES (1, '2024-01-01'), (2, '0000-00-00')",
	})
	m.on("BACKUP DATABASE " + source + " SNAPSHOT zero TO repo")
	m.server.Exec(t, "DELETE FROM "+source+".days WHERE id = 2")
	m.on("BACKUP DATABASE " + source + " SNAPSHOT good TO repo")
	m.sql("RESTORE SNAPSHOT good FROM repo DATABASE " + source + ` AS copied PROPERTIES ("replication_num" = "1")`)
	want := texts(t, m.db, "SELECT * FROM copied.days")
	require.Len(t, want, 1)
	r := m.starter("sql", "--wait", "-e", "RESTORE SNAPSHOT zero FROM repo DATABASE "+source+` AS copied PROPERTIES ("replication_num" = "1")`)
	require.NotZero(t, r.code)
	require.Contains(t, r.out+r.err, "name = day", "the column is named")
	require.Contains(t, r.out+r.err, "rejected by the cluster")
	require.Equal(t, want, texts(t, m.db, "SELECT * FROM copied.days"))
	require.Equal(t, []string{"days"}, m.tables("copied"))
}

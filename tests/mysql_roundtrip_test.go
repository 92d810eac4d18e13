package tests

import (
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/tests/mysqldata"
	"starkeep/tests/server/mariadb"
)

func TestMySQLDatabaseComesBack(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	shop := m.database("shop")
	mysqldata.Apply(t, m.server.DB(), shop, []string{
		"CREATE TABLE people (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100) NOT NULL, UNIQUE (name)) COMMENT 'who'",
		"CREATE TABLE orders (id BIGINT PRIMARY KEY, person INT, total DECIMAL(10,2), INDEX (total), CONSTRAINT of FOREIGN KEY (person) REFERENCES people (id))",
		"INSERT INTO people (name) SELECT CONCAT('p', seq) FROM seq_1_to_500",
		"INSERT INTO orders SELECT seq, seq % 500 + 1, seq / 7 FROM seq_1_to_20000",
		"CREATE VIEW totals AS SELECT name, SUM(total) AS total FROM people JOIN orders ON person = people.id GROUP BY name",
		"CREATE TRIGGER positive BEFORE INSERT ON orders FOR EACH ROW SET NEW.total = ABS(NEW.total)",
	})
	before := m.digest(shop)
	m.on("BACKUP DATABASE " + shop + " SNAPSHOT nightly TO repo")
	m.server.Drop(t, shop)
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + shop)
	m.requireSame(before, shop)
	other := m.name("other")
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + shop + " AS " + other)
	m.requireSame(before, other)
	m.server.Exec(t, "DELETE FROM "+shop+".orders WHERE id < 1000; DROP VIEW "+shop+".totals")
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + shop)
	m.requireSame(before, shop)
}

func TestMySQLEverythingComesBack(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	all := m.database("all")
	mysqldata.Everything(t, m.server.DB(), all)
	before := m.digest(all)
	t.Log(m.on("BACKUP DATABASE " + all + " SNAPSHOT nightly TO repo"))
	m.server.Drop(t, all)
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + all)
	t.Log(m.on("SHOW RESTORE FROM " + all + "\\G"))
	m.requireSame(before, all)
	require.NotEmpty(t, before)
}

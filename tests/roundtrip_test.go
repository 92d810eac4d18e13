package tests

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDroppedDatabaseComesBackEqual(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(3000)
	w.createRepository()
	before := w.proveAll("shop")
	ddl := map[string]string{}
	for table := range before {
		ddl[table] = w.definition("shop", table)
	}
	partitions := w.partitions("shop", "events")

	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.exec("DROP DATABASE shop FORCE")
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")

	require.Equal(t, before, w.proveAll("shop"))
	for table, want := range ddl {
		require.Equal(t, want, w.definition("shop", table))
	}
	require.Equal(t, partitions, w.partitions("shop", "events"))
	require.Empty(t, jobFolders(t, w), "a finished job leaves no working files")
}

func TestDamagedTablesAreReplacedAndOldRowsStayReadableUntilThen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(2000)
	w.createRepository()
	before := w.proveAll("shop")
	w.sql("BACKUP SNAPSHOT shop.nightly TO repo")
	w.exec("DELETE FROM shop.orders WHERE id < 1000", "TRUNCATE TABLE shop.people", "DROP TABLE shop.cities FORCE")
	w.sql("RESTORE SNAPSHOT shop.nightly FROM repo")
	require.Equal(t, before, w.proveAll("shop"))
}

func TestRestoreUnderOtherNamesLeavesTheOriginalAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(500)
	w.createRepository()
	before := w.proveAll("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE shop AS shop2")
	require.Equal(t, before, w.proveAll("shop2"))
	w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE shop ON (TABLE orders AS orders_of_yesterday)")
	require.Equal(t, before["orders"], w.prove("shop", "orders_of_yesterday"))
	require.Equal(t, before["orders"], w.prove("shop", "orders"))
}

func TestOnePartitionIsReplacedAndTheOthersKeepTheirNewRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(900)
	w.createRepository()
	before := w.prove("shop", "orders")
	w.sql("BACKUP DATABASE shop SNAPSHOT parts TO repo ON (TABLE orders PARTITION (p1, p2))")
	w.exec("ALTER TABLE shop.orders DROP PARTITION p1 FORCE", "DELETE FROM shop.orders WHERE day >= '2024-02-01' AND day < '2024-03-01'",
		"INSERT INTO shop.orders VALUES (777777, '2024-03-05', 'new', 1.00, 'stays')")
	w.sql("RESTORE SNAPSHOT parts FROM repo DATABASE shop ON (TABLE orders PARTITION (p1, p2))")
	after := w.prove("shop", "orders")
	require.Equal(t, before.Rows+1, after.Rows)
	w.exec("DELETE FROM shop.orders WHERE id = 777777")
	require.Equal(t, before, w.prove("shop", "orders"))
	require.Equal(t, []string{"p1", "p2", "p3"}, w.partitions("shop", "orders"))
}

func TestUnchangedPartitionsAreStoredOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(3000)
	w.createRepository()
	w.sql("BACKUP DATABASE shop SNAPSHOT first TO repo")
	objects := dataObjects(t, w)
	w.exec("INSERT INTO shop.orders VALUES (888888, '2024-03-05', 'one', 1.00, 'more')")
	before := w.proveAll("shop")
	w.sql("BACKUP DATABASE shop SNAPSHOT second TO repo")
	require.Equal(t, len(objects)+1, len(dataObjects(t, w)), "one partition changed, so one object is new")
	w.exec("DROP DATABASE shop FORCE")
	w.sql("RESTORE SNAPSHOT second FROM repo DATABASE shop")
	require.Equal(t, before, w.proveAll("shop"))
}

// jobFolders lists what jobs left in the repository.
func jobFolders(t *testing.T, w *world) []string { return below(t, w, "/jobs/") }

func dataObjects(t *testing.T, w *world) []string { return below(t, w, "/data/") }

func below(t *testing.T, w *world, part string) (found []string) {
	t.Helper()
	for _, f := range files(t, w.repository()) {
		if strings.Contains(f, part) {
			found = append(found, f)
		}
	}
	return found
}

func TestAwkwardNamesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("CREATE DATABASE `odd-names`")
	for i, name := range []string{"it's", `say "hi"`, "two words", "..", "semi;colon", "-- not a comment", "ünïcödé 表", "%41%", "select", strings.Repeat("x", 200), "back\\slash"} {
		q := "`odd-names`.`" + name + "`"
		w.exec("CREATE TABLE "+q+" (`the id` INT NOT NULL, `from` VARCHAR(20), `it's` STRING) DUPLICATE KEY(`the id`) DISTRIBUTED BY HASH(`the id`) BUCKETS 2 PROPERTIES ('replication_num' = '1')",
			fmt.Sprintf("INSERT INTO %s VALUES (%d, 'a', 'b'), (7, NULL, '')", q, i))
	}
	w.createRepository()
	before := w.proveAll("odd-names")
	w.sql("BACKUP DATABASE `odd-names` SNAPSHOT odd TO repo")
	w.exec("DROP DATABASE `odd-names` FORCE")
	w.sql("RESTORE SNAPSHOT odd FROM repo DATABASE `odd-names`")
	require.Equal(t, before, w.proveAll("odd-names"))
	w.sql("RESTORE SNAPSHOT odd FROM repo DATABASE `odd-names` ON (TABLE `it's` AS `it's another`)")
	require.Equal(t, before["it's"], w.prove("odd-names", "it's another"))
}
